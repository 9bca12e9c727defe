"""Every error of the API as problem details (RFC 9457): one table of kinds, and one shape."""

import secrets
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, NamedTuple, get_args
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from activities.caseload import CaseloadUnreachable
from activities.logs import places
from casefile.looking_back import NoSuchMoment, PartialRecord
from desk.turns import StillWaiting
from procedure.faults import Fault, Malformed, as_answered, say
from procedure.intake import Reference
from starter.client import CaseErased, DuplicateCase, EngineUnreachable, NoSuchCase, NotPermitted, NoWorkerAnswers
from starter.endings import CannotGoOn

MEDIA_TYPE: Final = "application/problem+json"
AGAIN_AFTER: Final = 5
"""Seconds after which it is worth asking again when something did not answer."""

Name = Literal[
    "not-signed-in",
    "no-token",
    "foreign",
    "not-permitted",
    "reason-needed",
    "not-you",
    "not-found",
    "no-such-case",
    "no-such-entry",
    "no-such-moment",
    "no-such-page",
    "method-not-allowed",
    "duplicate",
    "erased",
    "incomplete-record",
    "cannot-sign",
    "too-large",
    "too-often",
    "not-json",
    "malformed",
    "refused-request",
    "unforeseen",
    "no-answer",
]


class Kind(NamedTuple):
    status: int
    title: str


KINDS: Final[dict[Name, Kind]] = {
    "not-signed-in": Kind(401, "Nobody is signed in"),
    "no-token": Kind(403, "The session's token is missing or not right"),
    "foreign": Kind(403, "The request comes from another site"),
    "not-permitted": Kind(403, "Not for this role"),
    "reason-needed": Kind(403, "A colleague is assigned to the case"),
    "not-you": Kind(403, "Somebody else is named as who speaks"),
    "not-found": Kind(404, "There is nothing at this address"),
    "no-such-case": Kind(404, "There is no such case"),
    "no-such-entry": Kind(404, "The case has no such entry"),
    "no-such-moment": Kind(404, "The case was not there then"),
    "no-such-page": Kind(404, "No page begins there"),
    "method-not-allowed": Kind(405, "This address does not know the method"),
    "duplicate": Kind(409, "There is such a case already"),
    "incomplete-record": Kind(409, "The record is not whole at hand"),
    "cannot-sign": Kind(409, "This desk cannot sign"),
    "erased": Kind(410, "The case was erased"),
    "too-large": Kind(413, "Too large"),
    "too-often": Kind(429, "Too often"),
    "not-json": Kind(415, "Not JSON"),
    "malformed": Kind(422, "Malformed"),
    "refused-request": Kind(400, "The request could not be read"),
    "unforeseen": Kind(500, "Something unforeseen went wrong"),
    "no-answer": Kind(503, "No answer now"),
}
"""What can go wrong, by the last part of the problem's ``type``. The names are stable."""

TYPES: Final = tuple(f"urn:homeward:problem:{name}" for name in get_args(Name))


class FaultShown(BaseModel):
    """One thing wrong with what was sent. It never repeats the value: that may be a child's name."""

    path: Annotated[str, Field(description="The field, as a dotted path; `$` is the whole.")]
    message: str


class Problem(BaseModel):
    """Problem details for HTTP APIs (RFC 9457)."""

    type: Annotated[str, Field(json_schema_extra={"enum": list(TYPES), "format": "uri"})]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: Annotated[str, Field(description="A sentence for a person.")]
    instance: Annotated[
        str, Field(description="The address that was asked.", json_schema_extra={"format": "uri-reference"})
    ]
    faults: Annotated[list[FaultShown] | None, Field(description="Everything wrong with what was sent.")] = None
    reference: Annotated[Reference | None, Field(description="Of a duplicate: the case that there is.")] = None


class Trouble(Exception):
    """A request ends here with a problem. ``detail`` is a sentence without anything that was given."""

    def __init__(
        self,
        name: Name,
        detail: str,
        *,
        faults: Sequence[Fault] = (),
        reference: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.name: Name = name
        self.detail = detail
        self.faults = list(faults)
        self.reference = reference
        self.headers = dict(headers or {})


def answer(request: Request, trouble: Trouble) -> JSONResponse:
    """The problem as the response to a request."""
    kind = KINDS[trouble.name]
    told: dict[str, Any] = {
        "type": f"urn:homeward:problem:{trouble.name}",
        "title": kind.title,
        "status": kind.status,
        "detail": trouble.detail,
        "instance": quote(request.scope["path"], safe="/:@!$&'()*+,;=~", errors="replace"),
    }
    if trouble.faults:
        told["faults"] = trouble.faults
    if trouble.reference:
        told["reference"] = trouble.reference
    headers = {"Cache-Control": "no-store", **trouble.headers}
    if kind.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(AGAIN_AFTER)
    return JSONResponse(told, kind.status, headers, MEDIA_TYPE)


def answer_at_the_door(request: Request, status: int, number: str | None = None) -> JSONResponse:
    """The problem of a request that ended in the desk before the API heard of it, by the status it has there.

    ``number``: under which the desk's log has what nobody foresaw.
    """
    return answer(request, unforeseen(number) if number else _at_the_door(status))


def unforeseen(number: str) -> Trouble:
    """What nobody foresaw, by its number in the desk's log."""
    detail = f"The desk's log has it as {number}, without what was sent. Look whether it was done."
    return Trouble("unforeseen", detail)


def _at_the_door(status: int) -> Trouble:
    return _AT_THE_DOOR.get(status, _AT_THE_DOOR[HTTPStatus.BAD_REQUEST])


_AT_THE_DOOR: Final[dict[int, Trouble]] = {
    HTTPStatus.BAD_REQUEST: Trouble("refused-request", "The desk does not hear requests that are sent in this way."),
    HTTPStatus.FORBIDDEN: Trouble("foreign", "A browser says that a page of another site sent this."),
    HTTPStatus.NOT_FOUND: Trouble("not-found", "The addresses that there are stand in openapi.json."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Trouble(
        "too-large", "The desk takes no request of this size.", headers={"Connection": "close"}
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: Trouble("unforeseen", "The desk's log says more. Look whether it was done."),
    HTTPStatus.SERVICE_UNAVAILABLE: Trouble("no-answer", "Nothing answers now; ask again later."),
}


def too_often(after: int) -> Trouble:
    """Somebody asks faster than they may; ``after`` so many seconds they may again."""
    detail = f"Too many requests. Ask again after {after} s. Acts of care and protection are never refused for this."
    return Trouble("too-often", detail, headers={"Retry-After": str(after)})


def documented(*names: Name) -> dict[int | str, dict[str, Any]]:
    """These problems as an operation's responses in the OpenAPI document, by status."""
    found: dict[int | str, dict[str, Any]] = {}
    for name in names:
        kind = KINDS[name]
        if kind.status in found:
            found[kind.status]["description"] += f"; or: {kind.title.lower()} (`{name}`)"
            continue
        found[kind.status] = {
            "description": f"{kind.title} (`{name}`)",
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        if kind.status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
            found[kind.status]["headers"] = {
                "Retry-After": {
                    "description": "Seconds after which it is worth asking again.",
                    "schema": {"type": "integer", "minimum": 1},
                }
            }
    return found


# What is raised elsewhere


def _of_engine(error: CannotGoOn) -> Trouble:
    """What the client of cases could not do, in words that name no address and repeat nothing that a case said."""
    match error:
        case CaseErased():
            return Trouble("erased", f"The case was erased on {error.on}: nobody can read what it held.")
        case NoSuchCase():
            return Trouble("no-such-case", "No case with this reference is known here.")
        case DuplicateCase():
            return Trouble("duplicate", error.sentence, reference=error.reference or None)
        case StillWaiting():
            return Trouble("no-answer", f"{error.sentence} {_AGAIN}")
        case EngineUnreachable():
            return Trouble("no-answer", f"The engine does not answer. {_AGAIN}")
        case NoWorkerAnswers():
            return Trouble("no-answer", f"The engine is there, but nothing works on this case now. {_AGAIN}")
        case NotPermitted():
            return Trouble("no-answer", "The engine does not let the desk in; its operator has to look.")
        case _:
            return Trouble("no-answer", f"The case gave no answer that can be used. {_AGAIN}")


_AGAIN: Final = "Send it again later: an act with the same act_id is never recorded twice."


def _of_malformed(error: Malformed) -> Trouble:
    faults = as_answered(error.faults)
    return Trouble("malformed", f"The {error.what} is malformed; `faults` lists what is wrong.", faults=faults)


def _of_parameters(error: RequestValidationError) -> Trouble:
    faults: list[Fault] = []
    for each in error.errors():
        # The first part of a place says where it stands: path, query, header.
        path = ".".join(str(part) for part in each["loc"][1:])
        fault = Fault(path=path or "$", message=say(each))
        if fault not in faults:
            faults.append(fault)
    if any(each["loc"][0] == "path" for each in error.errors()):
        return Trouble("not-found", "No such address; `faults` says which part of it cannot be.", faults=faults)
    return Trouble("malformed", "The question is malformed; `faults` lists everything.", faults=faults)


def _of_http(error: HTTPException, allowed: str) -> Trouble:
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return Trouble("method-not-allowed", f"Here there is {allowed}.", headers={"Allow": allowed})
    return _at_the_door(error.status_code)


class _Unforeseen:
    """ASGI middleware: what nobody foresaw is a problem too. Its words, which may be a child's, go nowhere."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:  # noqa: BLE001 - whatever it is, the one who asked gets an answer
            number = secrets.token_hex(4)
            _log.error(
                "desk.api.unforeseen",
                number=number,
                error=type(error).__name__,
                came_through=places(error, 5),
                method=scope["method"],
                route=getattr(scope.get("route"), "path", None),
            )
            if not begun:
                await answer(Request(scope), unforeseen(number))(scope, receive, send)


_log: structlog.stdlib.BoundLogger = structlog.get_logger("homeward.desk.api")


def install(app: FastAPI, paths: Mapping[str, Mapping[str, Any]]) -> None:
    """Make every error of an application a problem. ``paths`` are those of its OpenAPI document."""
    methods = [(compile_path(path)[0], ", ".join(sorted(map(str.upper, known)))) for path, known in paths.items()]

    def allowed_at(request: Request) -> str:
        # The router itself would name the methods of the first route that it meets, and leave out the next one's.
        path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
        return next((known for pattern, known in methods if pattern.match(path)), "GET")

    def handler(request: Request, error: Exception) -> JSONResponse:
        match error:
            case Trouble():
                trouble = error
            case CannotGoOn():
                trouble = _of_engine(error)
            case Malformed():
                trouble = _of_malformed(error)
            case NoSuchMoment():
                trouble = Trouble("no-such-moment", f"Nothing can be shown: {error}")
            case PartialRecord():
                trouble = Trouble("incomplete-record", str(error))
            case CaseloadUnreachable():
                trouble = Trouble("no-answer", "The caseload does not answer; the cases themselves may.")
            case RequestValidationError():
                trouble = _of_parameters(error)
            case HTTPException():
                trouble = _of_http(error, allowed_at(request))
            case _:
                raise error
        return answer(request, trouble)

    for kind in (
        *(Trouble, CannotGoOn, Malformed, NoSuchMoment, PartialRecord, CaseloadUnreachable),
        *(RequestValidationError, HTTPException),
    ):
        app.add_exception_handler(kind, handler)
    app.add_middleware(_Unforeseen)
