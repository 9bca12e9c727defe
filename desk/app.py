"""The desk put together: its pages, what stands before them, and a page for everything that can go wrong."""

import secrets
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import structlog
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from activities.caseload import CaseloadUnreachable
from activities.logs import places
from casefile.languages import LANGUAGES, capitalised
from desk.api.problems import answer_at_the_door
from desk.door import ReasonNeeded
from desk.frame import Desk, Pages, desk_of, page, safe_back
from desk.pages import acting, case, child, figures, inbox, looking_back, opening, readings
from desk.pages.reading import PAGES as REASONS
from desk.pages.reading import ask_reason
from desk.people import NotSignedIn
from desk.rates import TooOften, in_pace, strangers_in_pace
from desk.security import Doorkeeper, FormStale, Refused, SafeHeaders, from_here, only_our_forms, typed
from desk.sessions import KeepSession, SentAlready, visit_of
from desk.speaking import LANGUAGE_COOKIE, STATIC, edition
from desk.turns import StillWaiting
from desk.watched import Measured, SignsOfLife
from procedure.faults import Malformed
from procedure.intake import REFERENCE
from procedure.who_may_see import ALARMS
from starter.client import CaseErased, DuplicateCase
from starter.endings import CannotGoOn, Exit

PAGES: Final[tuple[Pages, ...]] = (
    inbox.PAGES,
    case.PAGES,
    acting.PAGES,
    opening.PAGES,
    figures.PAGES,
    looking_back.PAGES,
    child.PAGES,
    readings.PAGES,
    REASONS,
)
"""The pages of the desk, in the order of the navigation."""

_log: structlog.stdlib.BoundLogger = structlog.get_logger("homeward.desk")

_YEAR: Final = 365 * 24 * 3600


def create_app(desk: Desk, *, pages: Sequence[Pages] = PAGES, api: ASGIApp | None = None) -> FastAPI:
    """The desk as an ASGI application; ``api`` is what answers under /api.

    Raises ValueError where the desk could be reached from elsewhere with a sign-in that checks nobody
    (:class:`desk.frame.Desk`).
    """
    app = FastAPI(
        title="Homeward",
        # Its own log lines repeat what was typed, and its own spans and measures know addresses, which name cases.
        telemetry={"logs": False, "tracing": False, "metrics": False},
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        # In this order: a visitor's form is not read before it is known that it comes in time, and somebody's that is
        # known to be ours is given back where it does not.
        dependencies=[Depends(strangers_in_pace), Depends(only_our_forms), Depends(in_pace)],
        middleware=[
            Middleware(Measured, tracer=desk.tracer),
            Middleware(SafeHeaders, https=desk.https),
            # Before the doorkeeper: who sees to it that a desk runs asks by whatever name reaches it.
            Middleware(SignsOfLife, ready=desk.ready),
            Middleware(GZipMiddleware, minimum_size=1_000, compresslevel=6),
            Middleware(LastWord, desk=desk),
            Middleware(Doorkeeper, host=desk.host, only_this_machine=desk.sign_in.development),
            Middleware(
                KeepSession,
                sessions=desk.sessions,
                sign_in=desk.sign_in,
                cookie=desk.session_cookie,
                secure=desk.https,
            ),
        ],
        exception_handlers=_HANDLERS,
    )
    app.state.desk = desk
    app.state.pages = tuple(pages)
    for each in pages:
        app.include_router(each.router)
    app.include_router(desk.sign_in.router)
    app.include_router(_everywhere)
    app.mount("/static", _Static(directory=STATIC))
    if api is not None:
        app.mount("/api", api)
    return app


# What is the same on every desk

_everywhere = APIRouter()


@_everywhere.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """End the session."""
    visit = visit_of(request)
    way_out = visit.needed().way_out
    visit.sign_out()
    return RedirectResponse(way_out, 303)


@_everywhere.get("/language/{code}")
async def choose_language(request: Request, code: str, back: str = "/") -> Response:
    """Speak another language from now on."""
    if code not in LANGUAGES:
        raise HTTPException(404)
    answer = RedirectResponse(safe_back(back), 303)
    secure = desk_of(request).https
    answer.set_cookie(LANGUAGE_COOKIE, code, max_age=_YEAR, path="/", secure=secure, httponly=True, samesite="lax")
    return answer


class _Static(StaticFiles):
    """Files under an address that names their edition: a browser keeps them for a year and asks no more."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        named, _, file = Path(path).as_posix().partition("/")
        # A page from before an upgrade asks for the edition before; it gets what there is, and does not keep it.
        answer = await super().get_response(file, scope)
        lasting = f"public, max-age={_YEAR}, immutable"
        answer.headers["Cache-Control"] = lasting if named == edition() else "no-cache"
        return answer


# What can go wrong, and what is said then


class LastWord:
    """Brings the desk to every request, and answers where nothing inside did: no reader sees a blank or a traceback.

    Of an error that nobody foresaw the log holds its class and the places it came through, under the same number
    that the page shows. Its text stays out: it may repeat what was typed.
    """

    def __init__(self, app: ASGIApp, *, desk: Desk) -> None:
        self._app, self._desk = app, desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})["desk"] = self._desk
        begun = False

        async def answer(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except ClientDisconnect:
            return  # nobody is there to be answered
        except Exception as error:  # noqa: BLE001 - the last place where one can be caught
            said = self._said_to(Request(scope, receive), error)
            if not begun:
                await said(scope, receive, send)

    def _said_to(self, request: Request, error: Exception) -> Response:
        if isinstance(error, Refused):
            return _told(request, error.status, error.page, base_url=self._desk.base_url)
        number = secrets.token_hex(4)
        route = request.scope.get("route")
        _log.error(
            "desk.unforeseen",
            number=number,
            error=type(error).__name__,
            came_through=places(error, 5),
            method=request.method,
            route=getattr(route, "path", None),
        )
        try:
            return _told(request, 500, "unforeseen", number=number)
        except Exception as second:  # noqa: BLE001 - the pages themselves may be what is broken
            _log.error("desk.no_page", number=number, error=type(second).__name__)
            return PlainTextResponse(f"Something went wrong that nobody foresaw. Its number is {number}.", 500)


def _told(request: Request, status: int, name: str, /, **context: Any) -> Response:
    """An error page; for a program, one of the API's problems."""
    if request.url.path == "/api" or request.url.path.startswith("/api/"):
        return answer_at_the_door(request, status, context.get("number"))
    return page(request, f"errors/{name}.html.j2", status, **context)


def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code < 400:
        return Response(status_code=error.status_code, headers=error.headers)
    name = {403: "not_permitted", 404: "not_found", 413: "too_large"}.get(error.status_code, "not_taken")
    answer = _told(request, error.status_code, name)
    answer.headers.update(error.headers or {})
    return answer


def _on_wrong_parameters(request: Request, error: Exception) -> Response:
    # An address with an impossible parameter is an address that there is not.
    return _told(request, 404, "not_found") if request.method == "GET" else _told(request, 422, "malformed")


def _on_not_signed_in(request: Request, error: Exception) -> Response:
    assert isinstance(error, NotSignedIn)
    if "hx-request" in request.headers:
        # A sign-in page has no place inside another page: load the whole anew.
        return Response(status_code=204, headers={"HX-Refresh": "true"})
    return RedirectResponse(error.way_in, 303)


def _on_sent_already(request: Request, error: Exception) -> Response:
    assert isinstance(error, SentAlready)
    return _told(request, 409, "sent_already") if error.where is None else RedirectResponse(error.where, 303)


def _on_stale_form(request: Request, error: Exception) -> Response:
    """What was typed is not lost: whoever signs in anew can send it from this page."""
    assert isinstance(error, FormStale)
    # Who never had a session typed nothing here, and would have the desk write out whatever they send.
    known = desk_of(request).session_cookie in request.cookies
    kept = _texts(error.form) if known and from_here(request.headers) else None
    return _told(request, 403, "form_stale", kept=kept, once=typed(error.form, "once"))


async def _no_answer(request: Request, sentence: str, *, waiting: bool = False) -> Response:
    return _told(request, 503, "no_answer", sentence=sentence, waiting=waiting, **await _kept(request), headers=_LATER)


async def _on_too_often(request: Request, error: Exception) -> Response:
    assert isinstance(error, TooOften)
    later = {"Retry-After": str(error.after)}
    reference = request.path_params.get("reference", "")
    ways = [(act, f"/cases/{reference}/acts/{act}") for act in ALARMS] if REFERENCE.fullmatch(reference) else []
    return _told(request, 429, "too_often", after=error.after, ways=ways, **await _kept(request), headers=later)


async def _kept(request: Request) -> dict[str, Any]:
    """What was typed is not lost: the page sends it again under the same token, so that it acts once."""
    if not getattr(request.state, "form_is_ours", False):
        return {"kept": None, "once": ""}
    form = await request.form()
    return {"kept": _texts(form), "once": typed(form, "once")}


def _texts(form: FormData) -> list[tuple[str, str]] | None:
    """What a form held, without its tokens; None where it held files, which a page cannot give back."""
    pairs = [(name, value) for name, value in form.multi_items() if name not in ("csrf", "once")]
    texts = [(name, value) for name, value in pairs if isinstance(value, str)]
    return texts if len(texts) == len(pairs) else None


def _on_malformed(request: Request, error: Exception) -> Response:
    assert isinstance(error, Malformed)
    return _told(request, 422, "malformed", faults=error.faults)


async def _on_cannot_go_on(request: Request, error: Exception) -> Response:
    assert isinstance(error, CannotGoOn)
    if isinstance(error, DuplicateCase):
        return _told(request, 409, "duplicate", reference=error.reference)
    if isinstance(error, CaseErased):
        return _told(request, 410, "erased", on=date.fromisoformat(error.on))
    match error.code:
        case Exit.NO_SUCH_CASE:
            return _told(request, 404, "not_found")
        case Exit.NOT_PERMITTED:
            return _told(request, 403, "not_permitted")
        case Exit.MALFORMED:
            return _told(request, 422, "malformed", faults=error.faults)
        case Exit.REFUSED:
            return _told(request, 409, "refused", sentence=error.sentence)
        case _:
            return await _no_answer(request, error.sentence, waiting=isinstance(error, StillWaiting))


def _on_reason_needed(request: Request, error: Exception) -> Response:
    assert isinstance(error, ReasonNeeded)
    if "hx-request" in request.headers:
        # A question has no place inside another page: load the whole anew.
        return Response(status_code=204, headers={"HX-Refresh": "true"})
    return ask_reason(request, error)


async def _on_no_caseload(request: Request, error: Exception) -> Response:
    return await _no_answer(request, f"{capitalised(str(error))}.")


_LATER: Final = {"Retry-After": "15"}

_HANDLERS: Final[dict[Any, Any]] = {
    HTTPException: _on_http_error,
    RequestValidationError: _on_wrong_parameters,
    NotSignedIn: _on_not_signed_in,
    SentAlready: _on_sent_already,
    FormStale: _on_stale_form,
    TooOften: _on_too_often,
    Malformed: _on_malformed,
    CannotGoOn: _on_cannot_go_on,
    ReasonNeeded: _on_reason_needed,
    CaseloadUnreachable: _on_no_caseload,
}
