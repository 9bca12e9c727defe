"""Where the engine's pages and its stock command line ask for clear text: beside the desk, or at a port of its own."""

from collections.abc import Collection
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from desk.frame import Desk
from desk.people import Person, person_of
from desk.security import is_loopback
from desk.sessions import KeepSession
from sealing.endpoint import BearerFile, CodecEndpoint, MayOpen
from sealing.keyring import HOUSE, Keys

PATH: Final = "/codec"


def whole_case_seen_by(person: Person | None, cases: Collection[str]) -> bool:
    """Whether somebody sees all of these cases: an auditor every one, a central authority those that its state hosts.

    What belongs to no case, an auditor alone. Everybody else sees a part at the most, and the engine's pages show all.
    """
    if person is None:
        return False
    if person.role == "auditor":
        return True
    return person.role == "central_authority" and all(
        case != HOUSE and case.partition("-")[0] == person.state for case in cases
    )


class BesideTheDesk:
    """The desk, and under ``/codec`` the remote codec, for whoever is signed in at the desk or has the token."""

    def __init__(self, app: ASGIApp, desk: Desk, keys: Keys, token: BearerFile, *, origins: Collection[str]) -> None:
        """``app`` is what answers everywhere else."""
        self._app = app
        self._codec = OnThisMachine(
            KeepSession(
                CodecEndpoint(keys, _signed_in_or_with(token), origins=origins),
                sessions=desk.sessions,
                sign_in=desk.sign_in,
                cookie=desk.session_cookie,
                secure=desk.https,
            )
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["type"] == "http" and (scope["path"] == PATH or scope["path"].startswith(f"{PATH}/"))
        await (self._codec if ours else self._app)(scope, receive, send)


def with_token_only(keys: Keys, token: BearerFile) -> ASGIApp:
    """The remote codec alone, for whoever has the token."""

    async def may_open(request: Request, cases: Collection[str]) -> bool:
        return token.is_in(request)

    return OnThisMachine(CodecEndpoint(keys, may_open))


def _signed_in_or_with(token: BearerFile) -> MayOpen:
    async def may_open(request: Request, cases: Collection[str]) -> bool:
        return token.is_in(request) or whole_case_seen_by(person_of(request), cases)

    return may_open


class OnThisMachine:
    """Hears requests that were meant for this machine's own address, and came from it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _is_meant(Request(scope)):
            await self._app(scope, receive, send)
            return
        await PlainTextResponse("This answers on this machine only.", 400)(scope, receive, send)


def _is_meant(request: Request) -> bool:
    # The name in the request, too: a page elsewhere may point a name of its own at this machine.
    return is_loopback(request.url.hostname or "") and (request.client is None or is_loopback(request.client.host))
