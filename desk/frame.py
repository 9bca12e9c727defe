"""What every page stands in: the desk itself, who asks, and the page that is answered.

A page author needs this module and nothing else of the frame::

    router = APIRouter()

    @router.get("/cases/{reference}")
    async def case(request: Request, person: Signed, reference: str) -> Response:   # signs in first, then comes back
        return page(request, "case.html.j2", view=await desk_of(request).cases.view(reference))

    @router.post("/cases/{reference}/acts")
    async def act(request: Request, person: Signed, reference: str) -> Response:
        form = await checked_form(request)           # ours, and once: what is sent twice is led to where the first led
        ...
        return RedirectResponse(where, 303)          # acted; every other answer says that nothing was done

    PAGES = Pages(router, label=N_("Inbox"), path="/")

A form holds ``{{ form_fields() }}``; ``once_token(request)`` in its place serves as ``act_id`` as well. Templates extend
``layout.html.j2`` (which says what it reads) and know ``language``, ``person``, ``static``, ``path``. What a client of
cases raises needs no catching: :mod:`desk.app` has a page for each. ``HTTPException`` 403 and 404 have theirs too.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

from fastapi import APIRouter
from jinja2 import Template
from markupsafe import Markup
from starlette.datastructures import FormData
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse

from activities.caseload import Caseload
from desk.counting import Counting
from desk.drafts import Drafts
from desk.people import Person, Signed, SignIn, person_of
from desk.rates import Rates
from desk.security import checked_form, host_in, is_loopback
from desk.sessions import Clock, Sessions, flash, once_token, still_signed_in, visit_of
from desk.speaking import chosen, seen, templates
from desk.turns import Turns
from desk.watched import Leaving

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

    from casefile.archive import Archive
    from casefile.engine import TodaysCode
    from desk.api.asking import Asker

__all__ = [
    "CaseClient",
    "Desk",
    "FormData",
    "Pages",
    "Person",
    "Signed",
    "checked_form",
    "desk_of",
    "flash",
    "once_token",
    "page",
    "person_of",
    "safe_back",
    "seen",
    "still_signed_in",
]


class CaseClient(Protocol):
    """What pages need of the client of cases (:class:`starter.client.Cases`), which says what is raised."""

    @property
    def signs(self) -> bool:
        """Whether what is said at this desk is signed."""
        ...

    async def open(self, intake: bytes | str | Mapping[str, Any], *, today: date | None = None) -> str: ...
    async def record(self, reference: str, act: bytes | str | Mapping[str, Any]) -> dict[str, Any]: ...
    async def view(self, reference: str) -> dict[str, Any]: ...
    async def ledger(self, reference: str, first: int = 1) -> list[dict[str, Any]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One desk: what it works on, where it is found, who may come in.

    ``base_url`` is the address that people type, without a path; ``bind`` the one that the server listens on. Raises
    ValueError for an address at which this sign-in would not be safe.
    """

    cases: CaseClient
    caseload: Caseload
    sign_in: SignIn
    base_url: str
    bind: str
    clock: Clock = field(default=lambda: datetime.now(UTC))
    sessions: Sessions = field(default_factory=Sessions)
    drafts: Drafts = field(default_factory=Drafts)
    counting: Counting = field(default_factory=Counting)
    rates: Rates = field(default_factory=Rates)
    turns: Turns = field(default_factory=Turns)
    ready: "Callable[[], Awaitable[bool]] | None" = None
    """Whether all answers that the desk needs; None: that it is there is all that it says."""
    tracer: "Tracer | None" = None
    """Spans requests; None: nobody wants traces."""
    leaving: Leaving = field(default_factory=Leaving)
    """Set by who stops the desk."""
    code: "Callable[[], TodaysCode] | None" = None
    """The workflows of this version, through which a dossier's histories are run; None: they are not."""
    archive: "Callable[[], Archive | None] | None" = None
    """Where ended runs are kept; None, or none given: what the engine still has is all there is."""

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/") or parts.query:
            raise ValueError(
                "The desk's address is a web address without a path, for example https://desk.example.org."
            )
        if self.sign_in.development and not (is_loopback(self.bind) and is_loopback(self.host)):
            raise ValueError(
                "Development sign-in checks nobody, so it works on this machine only: bind to 127.0.0.1 and give "
                "an address such as http://127.0.0.1:8080, or set up a real sign-in."
            )
        if parts.scheme == "http" and not is_loopback(self.host):
            raise ValueError("People reach the desk over a network by https only; give an address that begins so.")

    @property
    def host(self) -> str:
        """The name in the desk's address."""
        return host_in(self.base_url)

    @property
    def https(self) -> bool:
        return self.base_url.startswith("https:")

    @property
    def session_cookie(self) -> str:
        """The name of the cookie that holds the session's number."""
        # Browsers give cookies to every port of a machine: two desks on one machine need two names.
        return "__Host-homeward" if self.https else f"homeward_{urlsplit(self.base_url).port or 80}"

    def now(self) -> datetime:
        """The moment (UTC)."""
        return self.clock()

    async def asker(self, request: Request) -> "Asker | None":
        """Who asks the API, and, where a browser's session says so, what knows that session's token."""
        from desk.api.asking import Asker

        person = person_of(request)
        if person is None:
            return None
        session = visit_of(request).session
        return Asker(person, session.is_ours if session is not None and session.person is person else None)


@dataclass(frozen=True, slots=True)
class Pages:
    """Pages of one kind, and where they stand in the navigation: under ``label``, an English message, at ``path``.

    ``roles``: who sees them there; everybody where it is None. What a page shows to whom is the page's own business.
    """

    router: APIRouter
    label: str | None = None
    path: str = "/"
    roles: frozenset[str] | None = None


def desk_of(request: HTTPConnection) -> Desk:
    """The desk that a request came to."""
    desk: Desk = request.state.desk
    return desk


def page(
    request: Request,
    template: str | Template,
    status: int = 200,
    *,
    headers: Mapping[str, str] | None = None,
    **context: Any,
) -> HTMLResponse:
    """A page from a template of ``desk/templates``, in the language of whoever asked."""
    code = chosen(request)
    made = (
        templates(code)
        .get_template(template)
        .render(
            **_surroundings(request),
            **context,
        )
    )
    return HTMLResponse(made, status, {**(headers or {}), "Content-Language": code, "Vary": "Accept-Language, Cookie"})


def _surroundings(request: Request) -> dict[str, Any]:
    """What every template knows of its request."""
    person = person_of(request)
    # An error before the session was looked for is answered without one.
    visit = getattr(request.state, "visit", None)
    there: Sequence[Pages] = getattr(request.app.state, "pages", ())
    path = request.url.path
    return {
        "person": person,
        "development": desk_of(request).sign_in.development,
        "path": path + (f"?{request.url.query}" if request.method == "GET" and request.url.query else ""),
        "posted": request.method == "POST",
        "navigation": _navigation(there, person, path),
        "form_fields": partial(_form_fields, request),
        "told": partial(_told, request) if visit else tuple,
    }


def _form_fields(request: Request, once: str | None = None) -> Markup:
    """The hidden fields of a form; ``once``: the token that its first sending had."""
    session = visit_of(request).needed()
    field: Callable[..., Markup] = Markup('<input type="hidden" name="{}" value="{}">').format
    return field("csrf", session.csrf()) + field("once", session.give_out(once))


def _told(request: Request) -> list[str]:
    """The sentences that wait to be said; they are said once."""
    session = visit_of(request).session
    if session is None:
        return []
    told, session.told = session.told, []
    return told


def _navigation(there: Sequence[Pages], person: Person | None, path: str) -> list[tuple[str, str, bool]]:
    """Message, address, and whether it is where one is; nothing for who is not signed in."""
    if person is None:
        return []
    return [
        (each.label, each.path, path == each.path or (each.path != "/" and path.startswith(f"{each.path}/")))
        for each in there
        if each.label is not None and (each.roles is None or person.role in each.roles)
    ]


_HOME: Final = "/"


def safe_back(wanted: object) -> str:
    """A path of this desk to go back to; the desk's beginning for anything else that somebody put there."""
    if not isinstance(wanted, str) or not wanted.isprintable() or not wanted.isascii():
        return _HOME
    # Browsers read a backslash as a slash, and two slashes as the beginning of another site's address.
    if not wanted.startswith("/") or wanted.startswith("//") or "\\" in wanted:
        return _HOME
    return wanted
