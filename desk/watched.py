"""What the desk tells of itself to whoever watches it: how long requests take, traces, and whether it is there.

By patterns of addresses only: an address itself names a case.
"""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from activities import measures
from activities.watching import health, readiness_told

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER: Final = "other"
NOWHERE: Final = "none"
"""The route of a request that no page answers."""

Ready = Callable[[], Awaitable[bool]]


@dataclass(slots=True)
class Leaving:
    """Whether this desk is about to stop, so that whoever waits for news is let go."""

    begun: bool = False


class Measured:
    """Counts and times every request, and spans it where a tracer is given.

    What a request says of a trace it belongs to is not heard: strangers decide nothing about what we keep.
    """

    def __init__(self, app: ASGIApp, *, tracer: Tracer | None = None) -> None:
        self._app, self._tracer = app, tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else OTHER
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        begun = time.perf_counter()
        measures.IN_PROGRESS.inc()
        spanning = (
            self._tracer.start_as_current_span(method, Context(), kind=SpanKind.SERVER, record_exception=False)
            if self._tracer is not None
            else nullcontext()
        )
        try:
            with spanning as span:
                try:
                    await self._app(scope, receive, answer)
                finally:
                    route = route_of(scope)
                    _tell(span, method, route, status)
        finally:
            measures.IN_PROGRESS.dec()
            measures.REQUESTS.labels(method, route_of(scope), str(status or "gone")).observe(
                time.perf_counter() - begun
            )


def _tell(span: Span | None, method: str, route: str, status: int) -> None:
    if span is None:
        return
    span.update_name(f"{method} {route}")
    span.set_attribute("http.request.method", method)
    span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_status(Status(StatusCode.ERROR))


def route_of(scope: MutableMapping[str, Any]) -> str:
    """The pattern of a request's address, once it was answered: one of the few that this desk has."""
    if scope["path"].startswith("/static/"):
        return "/static"
    if scope["path"] in SIGNS_OF_LIFE:
        return str(scope["path"])
    route = getattr(scope.get("route"), "path", None)
    if not isinstance(route, str):
        return NOWHERE
    # Of a part that is mounted the route knows only what comes after.
    return f"{scope.get('root_path', '')}{route}" if scope.get("root_path") == "/api" else route


SIGNS_OF_LIFE: Final = frozenset({"/health", "/ready"})


class SignsOfLife:
    """Answers ``/health`` and ``/ready`` in one word. Nobody is asked who they are, and nothing is kept."""

    def __init__(self, app: ASGIApp, *, ready: Ready | None) -> None:
        self._app, self._ready = app, ready

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in SIGNS_OF_LIFE or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        await (await self._told(Request(scope)))(scope, receive, send)

    async def _told(self, request: Request) -> Response:
        if request.url.path == "/health" or self._ready is None:
            return await health(request)
        return readiness_told(await self._ready())
