"""Who sits at the desk, and the seam at which somebody else's sign-in is put in."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal, Protocol
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from starlette.requests import HTTPConnection

from procedure.vocabulary import Role


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in, in one role of one state (ISO 3166-1 alpha-2)."""

    id: str
    name: str
    role: Role
    state: str
    office: str | None = None
    cases: frozenset[str] = frozenset()
    """The references of their cases, of a child and a relative (:data:`procedure.who_may_see.TIED_BY_SIGN_IN`)."""

    def as_actor(self) -> dict[str, str]:
        """The ``actor`` of an act that this person records. The name stays at the desk."""
        actor = {"id": self.id, "role": self.role, "state": self.state}
        return {**actor, "office": self.office} if self.office else actor


class SignIn(Protocol):
    """How the desk learns who asks.

    One that leads people through pages of its own begins at ``/sign-in?back=PATH`` and ends by giving the person to
    the session (:meth:`desk.sessions.Visit.sign_in`); one that is told by each request needs no routes.
    """

    @property
    def development(self) -> bool:
        """Whether nobody is checked. Every page then says so."""
        ...

    @property
    def router(self) -> APIRouter:
        """Its own pages."""
        ...

    async def who(self, request: HTTPConnection) -> Person | None:
        """Who asks; None where nobody is signed in. Asked once for each request."""
        ...


ROLE_HEADER: Final = "Homeward-Role"
"""Says in which of several roles somebody asks who sends an access token: ``ROLE@STATE``, or ``ROLE`` where it is one."""

TokenTrouble = Literal["invalid", "no-role", "several-roles", "issuer-silent", "too-often"]
"""Why an access token that came with a request lets nobody in."""


@dataclass(frozen=True, slots=True)
class TokenHeard:
    """That the desk hears access tokens, and what was wrong with the one that came, if one came."""

    trouble: TokenTrouble | None = None
    after: int = 0
    """Where there were too many wrong ones: in how many seconds another is looked at."""


def token_heard(request: HTTPConnection) -> TokenHeard | None:
    """What became of a request's access token; None where the desk hears none."""
    return getattr(request.state, "token_heard", None)


class NotSignedIn(Exception):
    """This page is for people who are signed in. :attr:`back` is where they wanted to go."""

    def __init__(self, back: str) -> None:
        super().__init__("nobody is signed in")
        self.back = back

    @property
    def way_in(self) -> str:
        """Where to sign in and come back from."""
        return "/sign-in?" + urlencode({"back": self.back})


def person_of(request: HTTPConnection) -> Person | None:
    """Who asks; None where nobody is signed in."""
    return getattr(request.state, "person", None)


def signed_in(request: Request) -> Person:
    """Who asks. Raises :class:`NotSignedIn`, which leads to the sign-in and back again."""
    person = person_of(request)
    if person is None:
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        raise NotSignedIn(wanted if request.method == "GET" else "/")
    return person


Signed = Annotated[Person, Depends(signed_in)]
"""A parameter of a page that is for people who are signed in."""
