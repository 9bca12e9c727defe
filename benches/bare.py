"""What the desk is measured against: a bare page of the same framework, and the desk's own page with nothing on it.

Run as ``python -m benches.bare``: it serves both, each on a free port of the loopback as the desk is served, and
prints one line of JSON that says where, until its standard input ends.
"""

import asyncio
import json
import socket
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final, cast

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.templating import Jinja2Templates
from starlette.types import ASGIApp

from activities.caseload import Caseload
from desk.app import create_app
from desk.development import DevelopmentSignIn
from desk.frame import CaseClient, Desk, Pages, Signed, page
from desk.rates import Pace, Rates
from desk.speaking import templates
from starter.embedded import LOOPBACK, bound
from starter.serving import served

NOTHING: Final = '{% extends "layout.html.j2" %}{% set title = "Nothing" %}'


def bare() -> FastAPI:
    """FastAPI, one route, one template, and nothing else."""
    app = FastAPI(openapi_url=None)
    shown = Jinja2Templates(Path(__file__).parent / "templates")

    @app.get("/")
    async def hello(request: Request) -> Response:  # pyright: ignore[reportUnusedFunction] - the route is its use
        return shown.TemplateResponse(request, "bare.html.j2", {"title": "Bare", "sentence": "Nothing is here."})

    return app


def empty_desk(address: str) -> ASGIApp:
    """The desk with its middleware, sessions, sign-in and layout, and one page on which nothing stands."""
    router = APIRouter()
    shown = templates("en").from_string(NOTHING)

    @router.get("/")
    async def nothing(request: Request, person: Signed) -> Response:  # pyright: ignore[reportUnusedFunction] - likewise
        return page(request, shown)

    desk = Desk(
        # The page asks neither of them.
        cases=cast(CaseClient, None),
        caseload=cast(Caseload, None),
        sign_in=DevelopmentSignIn(),
        base_url=address,
        bind=LOOPBACK,
        # One invented person asks as fast as the machine can.
        rates=Rates(Pace(reads=1_000_000, writes=1_000_000)),
    )
    return create_app(desk, pages=[Pages(router, label="Nothing")])


def _listening() -> tuple[socket.socket, str]:
    on = bound(0, "--port")
    return on, f"http://{LOOPBACK}:{on.getsockname()[1]}"


async def serve() -> None:
    """Serve both until standard input ends."""
    (one, bare_at), (two, empty_at) = _listening(), _listening()
    async with AsyncExitStack() as serving:
        await serving.enter_async_context(served(bare(), one))
        await serving.enter_async_context(served(empty_desk(empty_at), two))
        told: dict[str, Any] = {"bare": bare_at, "empty": empty_at}
        print(json.dumps(told), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
