"""The HTTP API for other systems: the contract as JSON, its OpenAPI document, and problem details for every error."""

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse

from desk.api import cases, document, problems, shelf
from desk.api import counting as figures
from desk.api.asking import Asker, Desk
from desk.api.counting import Counting

__all__ = ["Asker", "Counting", "Desk", "api"]

_ROUTERS = (cases.router, shelf.router, figures.router)


def api(desk: Desk, counting: Counting | None = None) -> FastAPI:
    """The API as an application of its own, to be mounted where its addresses shall begin (``/api``).

    Its document is served there at ``openapi.json``, to everybody: it tells of no case. ``counting``: given where
    pages show the same figures, so that cases are read once for both.
    """
    app = FastAPI(
        telemetry={"logs": False},
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    for router in _ROUTERS:
        app.include_router(router)
    app.state.desk = desk
    app.state.counting = counting or Counting(desk)
    written = document.write(app, desk.session_cookie)

    @app.get("/openapi.json", include_in_schema=False)
    async def read_document(request: Request) -> JSONResponse:  # pyright: ignore[reportUnusedFunction]
        return JSONResponse({**written, "servers": [{"url": request.scope.get("root_path", "") or "/"}]})

    problems.install(app, written["paths"])
    return app
