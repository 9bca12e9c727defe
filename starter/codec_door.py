"""Where the engine's pages and its stock command line ask for clear text: beside the desk, or at a port of its own."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from activities.caseload import Caseload, CaseloadUnreachable
from activities.readings import Readings
from casefile.readings import AS_OPERATOR, Looking
from desk.frame import Desk
from desk.people import Person, person_of
from desk.rates import Rates, TooOften
from desk.security import from_elsewhere, is_loopback
from desk.sessions import KeepSession
from sealing.endpoint import BearerFile, CodecEndpoint, MayOpen, Waits
from sealing.keyring import HOUSE, Keys

PATH: Final = "/codec"

_SEES_WHOLE_CASES: Final = ("auditor", "central_authority")

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def whole_case_seen_by(person: Person | None, cases: Collection[str]) -> bool:
    """Whether somebody sees all of these cases whole: an auditor or a central authority those that their state hosts.

    What belongs to no case, nobody. Everybody else sees a part at the most, and the engine's pages show all.
    """
    return (
        person is not None
        and person.role in _SEES_WHOLE_CASES
        and all(case.partition("-")[0] == person.state for case in cases)
    )


class BesideTheDesk:
    """The desk, and under ``/codec`` the remote codec, for whoever is signed in at the desk or has the token.

    What somebody opens stands in the log of readings before it is given out; with the token, as read by an operator.
    """

    def __init__(self, app: ASGIApp, desk: Desk, keys: Keys, token: BearerFile, *, origins: Collection[str]) -> None:
        """``app`` is what answers everywhere else."""
        self._app = app
        self._codec = OnThisMachine(
            KeepSession(
                CodecEndpoint(keys, _signed_in_or_with(token, desk), origins=origins, waits=_refused_at(desk.rates)),
                sessions=desk.sessions,
                sign_in=desk.sign_in,
                cookie=desk.session_cookie,
                secure=desk.https,
            )
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["type"] == "http" and (scope["path"] == PATH or scope["path"].startswith(f"{PATH}/"))
        await (self._codec if ours else self._app)(scope, receive, send)


def with_token_only(keys: Keys, token: BearerFile, caseload: Caseload | None) -> ASGIApp:
    """The remote codec alone, for whoever has the token.

    ``caseload``: where the log of readings lies; None where that is not known, and nothing is noted.
    """

    async def may_open(request: Request, cases: Collection[str]) -> bool:
        if not token.is_in(request):
            return False
        if caseload is None or _only_seals(request):
            return True
        return await _noted(caseload, AS_OPERATOR, cases, datetime.now(UTC))

    return OnThisMachine(CodecEndpoint(keys, may_open, waits=_refused_at(Rates())))


def _refused_at(rates: Rates) -> Waits:
    """Counts refusals by address. Whoever may open something is heard however many were refused beside them."""

    def waits(request: Request) -> int:
        try:
            rates.attempt("codec", request)
        except TooOften as slow:
            return slow.after
        return 0

    return waits


def _signed_in_or_with(token: BearerFile, desk: Desk) -> MayOpen:
    async def may_open(request: Request, cases: Collection[str]) -> bool:
        if token.is_in(request):
            by = AS_OPERATOR
        else:
            person = person_of(request)
            if person is None or not whole_case_seen_by(person, cases):
                return False
            by = Looking(person.id, person.role, person.state, person.office)
        return _only_seals(request) or await _noted(desk.caseload, by, cases, desk.now())

    return may_open


def _only_seals(request: Request) -> bool:
    return request.url.path.rstrip("/").endswith("/encode")


async def _noted(caseload: Caseload, by: Looking, cases: Collection[str], at: datetime) -> bool:
    """Whether it stands in the log of each case that somebody opens something of it.

    What is the house's belongs to no case, and so to no log.
    """
    try:
        for case in sorted(set(cases) - {HOUSE}):
            await Readings(caseload).note(case, by, f"{PATH}/decode", at=at)
    except CaseloadUnreachable:
        _log.error("the log of readings cannot be written; nothing is opened", path=PATH)
        return False
    return True


class OnThisMachine:
    """Hears requests that were meant for this machine's own address, and came from it through no proxy."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _is_meant(Request(scope)):
            await self._app(scope, receive, send)
            return
        await PlainTextResponse("This answers on this machine only.", 400)(scope, receive, send)


def _is_meant(request: Request) -> bool:
    # The name in the request, too: a page elsewhere may point a name of its own at this machine.
    return is_loopback(request.url.hostname or "") and not from_elsewhere(request.scope, request.headers)
