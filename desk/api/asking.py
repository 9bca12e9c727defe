"""Who asks, with what in hand, and what the API needs of the desk that it stands in."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.message import Message
from typing import Annotated, Final, Protocol

from fastapi import Depends, Request

from activities.caseload import Caseload
from desk.api.problems import Trouble
from desk.frame import CaseClient
from desk.people import Person
from procedure.acts import Actor
from procedure.faults import Fault, Malformed

CSRF_HEADER: Final = "X-CSRF-Token"
FIREWALLED: Final = "law_enforcement"
"""The role that reads nothing: what a child tells care is never used for enforcement (procedure.md, part 6)."""


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


async def asker(request: Request, desk: OfDesk) -> Asker:
    """Who asks. Nobody: 401."""
    found = await desk.asker(request)
    if found is None:
        raise Trouble(
            "not-signed-in",
            "Sign in at the desk, and send its session's cookie.",
            headers={"WWW-Authenticate": f'Cookie realm="desk", cookie-name="{desk.session_cookie}"'},
        )
    return found


async def signed_in(found: Annotated[Asker, Depends(asker)]) -> Person:
    return found.person


async def reader(found: Annotated[Asker, Depends(asker)]) -> Person:
    """Somebody who may read of cases."""
    if found.person.role == FIREWALLED:
        raise Trouble(
            "not-permitted",
            "Law enforcement reads nothing of a case. It may report a child missing, found or detained.",
        )
    return found.person


async def speaker(request: Request, found: Annotated[Asker, Depends(asker)]) -> Person:
    """Somebody who sends something in, knowing it: a session's token came along where one is demanded."""
    if found.is_ours is not None and not found.is_ours(request.headers.get(CSRF_HEADER, "")):
        raise Trouble("no-token", f"Send the session's token in the header {CSRF_HEADER}.")
    return found.person


SignedIn = Annotated[Person, Depends(signed_in)]
Reader = Annotated[Person, Depends(reader)]
Speaker = Annotated[Person, Depends(speaker)]


def must_be(person: Person, said: Actor, field: str) -> None:
    """Raise where somebody speaks as somebody else."""
    if (said.id, said.role, said.state) != (person.id, person.role, person.state):
        raise Trouble(
            "not-you",
            f"`{field}` must be you: the id, the role and the state that you are signed in with.",
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
