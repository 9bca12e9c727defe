"""The HTTP API for other systems: the contract as JSON, its OpenAPI document, and problem details for every error."""

from fastapi import Depends, FastAPI, Request
from starlette.responses import JSONResponse

from desk.api import cases, counting, document, problems, shelf
from desk.api.asking import Asker, Desk, every_route_in_pace

__all__ = ["Asker", "Desk", "api"]

_ROUTERS = (cases.router, shelf.router, counting.router)


def api(desk: Desk) -> FastAPI:
    """The API as an application of its own, to be mounted where its addresses shall begin (``/api``).

    Its document is served there at ``openapi.json``, to everybody: it tells of no case.
    """
    app = FastAPI(
        telemetry={"logs": False, "tracing": False, "metrics": False},
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(every_route_in_pace)],
        generate_unique_id_function=lambda route: route.name,
    )
    for router in _ROUTERS:
        app.include_router(router)
    app.state.desk = desk
    written = document.write(app, desk.session_cookie)

    @app.get("/openapi.json", include_in_schema=False)
    async def read_document(request: Request) -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        return JSONResponse({**written, "servers": [{"url": request.scope.get("root_path", "") or "/"}]})

    problems.install(app, written["paths"])
    return app
