"""Who asks, with what in hand, and what the API needs of the desk that it stands in."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from typing import Annotated, Any, Final, Protocol

from fastapi import Depends, Request

from activities.caseload import Caseload
from casefile.readings import REASONS
from desk import door
from desk.api.problems import Trouble, too_often
from desk.counting import Counting
from desk.door import Opened
from desk.frame import CaseClient
from desk.people import ROLE_HEADER, Person, TokenHeard, person_of, token_heard
from desk.rates import Rates, TooOften
from desk.turns import Turns
from procedure.acts import Actor
from procedure.faults import Fault, Malformed
from procedure.who_may_see import FIREWALLED, Part

CSRF_HEADER: Final = "X-CSRF-Token"
REASON_HEADER: Final = "Homeward-Reason"
"""The header in which whoever opens a colleague's case says why, with each request."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and how the token is known that their session demands with every change.

    Without ``is_ours`` none is demanded: what proves who asks is nothing that a browser sends by itself.
    """

    person: Person
    is_ours: Callable[[str], bool] | None = None


class Desk(Protocol):
    """What the API needs of the desk (:class:`desk.frame.Desk`)."""

    @property
    def cases(self) -> CaseClient: ...
    @property
    def caseload(self) -> Caseload: ...
    @property
    def counting(self) -> Counting: ...
    @property
    def rates(self) -> Rates: ...
    @property
    def turns(self) -> Turns: ...
    @property
    def session_cookie(self) -> str:
        """The name of the cookie by which :meth:`asker` knows who asks, for the OpenAPI document."""
        ...

    def now(self) -> datetime:
        """The moment (UTC)."""
        ...

    async def asker(self, request: Request) -> Asker | None:
        """Who asks; None where nobody is signed in."""
        ...


def desk_of(request: Request) -> Desk:
    return request.app.state.desk


OfDesk = Annotated[Desk, Depends(desk_of)]

FIREWALL: Final = "Law enforcement reads nothing of a case. It may report a child missing, found or detained."

SPEAKS: Final = "record_act"
"""The name of the one route that sees to the pace itself: which act is said stands in what was sent."""


def in_pace(request: Request, desk: Desk, act: str | None = None) -> None:
    """See that who asks does not ask too often; ``act`` is the one that they say, if any."""
    person = person_of(request)
    if person is None:
        return
    try:
        desk.rates.ask(request, person, act)
    except TooOften as slow:
        raise too_often(slow.after) from None


async def every_route_in_pace(request: Request, desk: OfDesk) -> None:
    """What is asked of every request before its route hears of it."""
    route: Any = request.scope.get("route")
    if getattr(route, "name", None) != SPEAKS:
        in_pace(request, desk)


async def asker(request: Request, desk: OfDesk) -> Asker:
    """Who asks. Nobody: 401."""
    found = await desk.asker(request)
    if found is None:
        raise _nobody(token_heard(request), f'Cookie realm="desk", cookie-name="{desk.session_cookie}"')
    return found


def _nobody(heard: TokenHeard | None, cookie: str) -> Trouble:
    """Why nobody asks, in the words of RFC 6750 where the desk hears access tokens."""
    if heard is None:
        return Trouble(
            "not-signed-in",
            "Sign in at the desk, and send its session's cookie.",
            headers={"WWW-Authenticate": cookie},
        )
    match heard.trouble:
        case None:
            return Trouble(
                "not-signed-in",
                "Send an access token, or sign in at the desk and send its session's cookie.",
                headers={"WWW-Authenticate": f'Bearer realm="desk", {cookie}'},
            )
        case "invalid":
            return Trouble(
                "not-signed-in",
                "The access token does not count: it is not for this desk, it is over, or no known issuer signed it.",
                headers={"WWW-Authenticate": 'Bearer realm="desk", error="invalid_token"'},
            )
        case "no-role":
            return Trouble("not-permitted", "The access token gives no role that its issuer may give here.")
        case "several-roles":
            return Trouble(
                "not-permitted",
                f"Name the one role in which you ask, and its state, in the header {ROLE_HEADER}, as ROLE@STATE.",
            )
        case "too-often":
            return too_often(heard.after)
        case "issuer-silent":
            return Trouble("no-answer", "The issuer of the access token does not answer, so it cannot be checked.")


async def signed_in(found: Annotated[Asker, Depends(asker)]) -> Person:
    return found.person


async def reader(found: Annotated[Asker, Depends(asker)]) -> Person:
    """Somebody who may read of cases."""
    if found.person.role == FIREWALLED:
        raise Trouble("not-permitted", FIREWALL)
    return found.person


async def speaker(request: Request, found: Annotated[Asker, Depends(asker)]) -> Person:
    """Somebody who sends something in, knowing it: a session's token came along where one is demanded."""
    if found.is_ours is not None and not found.is_ours(request.headers.get(CSRF_HEADER, "")):
        raise Trouble("no-token", f"Send the session's token in the header {CSRF_HEADER}.")
    return found.person


@asynccontextmanager
async def naming(desk: Desk, person: Person, reference: str) -> AsyncGenerator[None]:
    """Somebody names a case, which is looked up inside (:meth:`desk.rates.Rates.naming`)."""
    try:
        async with desk.rates.naming(person, reference):
            yield
    except TooOften as slow:
        raise too_often(slow.after) from None


async def opened(
    request: Request,
    desk: Desk,
    person: Person,
    reference: str,
    *,
    part: Part | None = None,
    speaking: str | None = None,
) -> Opened:
    """A case, opened by who asks; that they read it is noted before it is answered (:func:`desk.door.opened`)."""
    given = request.headers.get(REASON_HEADER)
    reason = given if given in REASONS else None
    route: Any = request.scope["route"]
    what = f"api {request.method} {route.path}"
    try:
        async with naming(desk, person, reference):
            return await door.opened(desk, person, reference, what, reason=reason, part=part, speaking=speaking)
    except door.Firewalled:
        raise Trouble("not-permitted", FIREWALL) from None
    except door.NotForYou:
        raise Trouble("not-permitted", "You see this case, and not this part of it.") from None
    except door.NotWhole as not_whole:
        raise Trouble("incomplete-record", not_whole.sentence) from None
    except door.ReasonNeeded:
        raise Trouble(
            "reason-needed",
            f"A colleague is assigned to this case. Say why you open it, in the header {REASON_HEADER}: "
            f"{', '.join(REASONS)}. The reason is kept in the log of readings.",
        ) from None


SignedIn = Annotated[Person, Depends(signed_in)]
Reader = Annotated[Person, Depends(reader)]
Speaker = Annotated[Person, Depends(speaker)]


def must_be(person: Person, said: Actor, field: str) -> None:
    """Raise where somebody speaks as somebody else."""
    same = (said.id, said.role, said.state) == (person.id, person.role, person.state)
    # What is signed vouches for the office too.
    if not same or (person.office is not None and said.office not in (None, person.office)):
        raise Trouble(
            "not-you",
            f"`{field}` must be you: the id, the role, the state and, if it is named, the office that you are signed "
            "in with.",
        )


async def json_body(request: Request, most_bytes: int, malformed: type[Malformed]) -> bytes:
    """The body of a request, as it came. One that is too large is not read to its end."""
    if not _is_json(request.headers.get("Content-Type", "")):
        raise Trouble(
            "not-json", "Send JSON, with Content-Type: application/json.", headers={"Accept": "application/json"}
        )
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > most_bytes:
            message = f"an {malformed.what} may have at most {most_bytes} bytes"
            raise Trouble(
                "too-large",
                f"An {malformed.what} may have at most {most_bytes} bytes.",
                faults=[Fault(path="$", message=message)],
                # What is left of it would be taken for the next request.
                headers={"Connection": "close"},
            )
    return bytes(found)


def _is_json(content_type: str) -> bool:
    read = Message()
    read["Content-Type"] = content_type
    charset = str(read.get_param("charset", "utf-8")).lower()
    return read.get_content_type() == "application/json" and charset in ("utf-8", "utf8")
