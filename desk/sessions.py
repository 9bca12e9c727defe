"""Sessions: who sits at a browser, kept here in memory and nowhere else; the browser holds a random number only.

A session also knows the forms that it gave out, so that one that is sent twice acts once. Its end is the end of all
of it: when the desk is started anew, everybody signs in anew.
"""

import asyncio
import base64
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from casefile.readings import Reason
from desk.people import Person, SignIn

IDLE: Final = timedelta(minutes=30)
LIFE: Final = timedelta(hours=12)
AT_MOST: Final = 10_000
"""How many people are signed in at most; beyond that, whoever was idle longest signs in anew."""
OF_ONE_AT_MOST: Final = 10
"""How many sessions one account of an issuer has at once; at the next the one that began first ends."""
VISITORS_AT_MOST: Final = 1_000
"""How many sessions there are of people who are not signed in: anybody can begin those."""
FORMS_AT_MOST: Final = 200
"""How many forms a session remembers."""
WAITS: Final = 30.0
"""Seconds for which a form that is sent a second time waits for the answer to the first."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")

Clock = Callable[[], datetime]


class FormUnknown(Exception):
    """This session did not give out that form, or so long ago that it forgot."""


class SentAlready(Exception):
    """This form has been sent and acted on.

    :attr:`where` is where that led; None where it is not known, or where the content was another one then.
    """

    def __init__(self, where: str | None) -> None:
        super().__init__("this form has been sent already")
        self.where = where


@dataclass(slots=True)
class Sending:
    """A form that was sent: a digest of what stood in it, and, once it was acted on, where that led."""

    content: bytes
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    where: str | None = None


@dataclass(frozen=True, slots=True)
class Vouched:
    """Which issuer said who somebody is, and by which names of its own it can end what came of that."""

    issuer: str
    subject: str
    session: str | None = None


@dataclass(frozen=True, slots=True)
class Offered:
    """The roles of which somebody whom an issuer has vouched for chooses one, and where they wanted to go."""

    people: tuple[Person, ...]
    back: str


@dataclass(slots=True, eq=False)
class Session:
    """One browser's session. Of a person it keeps the :class:`Person`, and which issuer said so."""

    id: str
    secret: bytes
    began: datetime
    used: datetime
    person: Person | None = None
    forms: OrderedDict[str, Sending | None] = field(default_factory=OrderedDict[str, "Sending | None"])
    told: list[str] = field(default_factory=list[str])
    offered: Offered | None = None
    vouched: Vouched | None = None
    way_out: str = "/sign-in"
    """Where signing out leads."""

    reasons: dict[tuple[str, str], tuple[Reason, datetime]] = field(
        default_factory=dict[tuple[str, str], tuple[Reason, datetime]]
    )
    """Why colleagues' cases were opened, by person and reference, and until when that holds."""

    def give_reason(self, person: Person, reference: str, reason: Reason, *, until: datetime) -> None:
        """Remember why somebody opens a colleague's case; it counts until that moment."""
        self.reasons[person.id, reference] = reason, until

    def reason_for(self, person: Person, reference: str, now: datetime) -> Reason | None:
        """Why somebody may open a case that is a colleague's; None where nothing was said, or too long ago."""
        reason, until = self.reasons.get((person.id, reference), (None, now))
        return reason if now < until else None

    def csrf(self) -> str:
        """The session's token, in another guise each time: a page that is compressed must not repeat a secret."""
        pad = secrets.token_bytes(len(self.secret))
        return base64.urlsafe_b64encode(pad + _xor(pad, self.secret)).decode().rstrip("=")

    def is_ours(self, token: str) -> bool:
        """Whether a token is one of :meth:`csrf`."""
        try:
            given = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except ValueError:
            return False
        half = len(self.secret)
        return len(given) == 2 * half and hmac.compare_digest(_xor(given[:half], given[half:]), self.secret)

    def give_out(self, token: str | None = None) -> str:
        """A token for one form. A token that is given is taken up, unless it is known or no token at all."""
        if token is None or not _TOKEN.fullmatch(token):
            token = secrets.token_urlsafe(32)
        self.forms.setdefault(token, None)
        while len(self.forms) > FORMS_AT_MOST:
            self.forms.popitem(last=False)
        return token


class Sessions:
    """All sessions of this process.

    ``clock`` tells the moment. After ``idle`` without a request or ``life`` altogether a session is over.
    """

    def __init__(
        self,
        clock: Clock = lambda: datetime.now(UTC),
        *,
        idle: timedelta = IDLE,
        life: timedelta = LIFE,
        at_most: int = AT_MOST,
        visitors_at_most: int = VISITORS_AT_MOST,
    ) -> None:
        self._clock, self._idle, self._life = clock, idle, life
        # The one that was idle longest stands first.
        self._signed_in: OrderedDict[str, Session] = OrderedDict()
        self._visitors: OrderedDict[str, Session] = OrderedDict()
        self._at_most = {True: at_most, False: visitors_at_most}

    def __len__(self) -> int:
        return len(self._signed_in) + len(self._visitors)

    def begin(self, person: Person | None = None, *, vouched: Vouched | None = None) -> Session:
        """A new session. Those that are over go, and, where there are too many, the one that was idle longest.

        ``vouched``: which account of an issuer it is of, also where somebody has still to choose a role. No crowd of
        visitors pushes those out, and no account has more than :data:`OF_ONE_AT_MOST`: else one would push out all.
        """
        now = self._clock()
        session = Session(secrets.token_urlsafe(32), secrets.token_bytes(32), now, now, person, vouched=vouched)
        known = vouched is not None or person is not None
        if vouched is not None:
            self._end_first_of(vouched)
        kept = self._signed_in if known else self._visitors
        while kept and (self._is_over(oldest := next(iter(kept.values()))) or len(kept) >= self._at_most[known]):
            del kept[oldest.id]
        kept[session.id] = session
        return session

    def _end_first_of(self, vouched: Vouched) -> None:
        account = vouched.issuer, vouched.subject
        of_one = [
            each
            for each in self._signed_in.values()
            if each.vouched and (each.vouched.issuer, each.vouched.subject) == account
        ]
        for session in sorted(of_one, key=lambda each: each.began)[: max(0, len(of_one) - OF_ONE_AT_MOST + 1)]:
            self.end(session)

    def find(self, id: str, *, awake: bool = True) -> Session | None:
        """The session of that id, unless it is over. ``awake`` false: looked at, not used, so it stays as idle."""
        session = self._signed_in.get(id) or self._visitors.get(id)
        if session is None:
            return None
        if self._is_over(session):
            self.end(session)
            return None
        if awake:
            session.used = self._clock()
            self._kept(session).move_to_end(id)
        return session

    def end(self, session: Session) -> None:
        self._kept(session).pop(session.id, None)

    def end_all(self, which: Callable[[Session], bool]) -> int:
        """End the sessions of which that is true, wherever their browsers are; how many there were."""
        ended = [session for kept in (self._signed_in, self._visitors) for session in kept.values() if which(session)]
        for session in ended:
            self.end(session)
        return len(ended)

    def _kept(self, session: Session) -> OrderedDict[str, Session]:
        return self._signed_in if session.id in self._signed_in else self._visitors

    def _is_over(self, session: Session) -> bool:
        now = self._clock()
        return now - session.used >= self._idle or now - session.began >= self._life


class Visit:
    """One request's hold on its session. A session begins when it is first needed, not for every visitor."""

    def __init__(self, sessions: Sessions, id: str | None, *, awake: bool = True) -> None:
        self._sessions = sessions
        self._given = id
        self.session = sessions.find(id, awake=awake) if id else None
        self._taken: tuple[Session, str, Sending] | None = None
        self._signed_out = False

    def needed(self) -> Session:
        """The session, begun now where there is none."""
        if self.session is None:
            self.session = self._sessions.begin()
        return self.session

    @property
    def over(self) -> bool:
        """Whether the session that this request came with has ended meanwhile."""
        return self.session is None or self._sessions.find(self.session.id, awake=False) is not self.session

    def sign_in(self, person: Person, vouched: Vouched | None = None, *, way_out: str = "/sign-in") -> None:
        """Go on as a person, under a new id: one that somebody knew before the sign-in is worth nothing after it."""
        self._renew(person, vouched)
        self.needed().way_out = way_out

    def offer(self, offered: Offered, vouched: Vouched) -> None:
        """Let somebody choose who has proved who they are, under a new id as well: whoever has it may choose."""
        self._renew(None, vouched)
        self.needed().offered = offered

    def _renew(self, person: Person | None, vouched: Vouched | None) -> None:
        # The visitor's session stays: it can do nothing, and a sign-in form that is sent twice finds its answer there.
        if self.session is not None:
            self.session.offered = None
            if self.session.person is not None:
                self._sessions.end(self.session)
        self.session = self._sessions.begin(person, vouched=vouched)

    def sign_out(self) -> None:
        """End the session. What comes after is a new one."""
        if self.session is not None:
            self._sessions.end(self.session)
        self.session = None
        self._signed_out = True

    async def take(self, token: str, content: bytes) -> None:
        """Take a form of this session, once.

        A second one waits for the first. Raises :class:`FormUnknown`, and :class:`SentAlready` when the form was
        acted on. Where the answer to the first was that nothing was done, the second is a first one.
        """
        session = self.session
        if session is None or token not in session.forms:
            raise FormUnknown
        if self._taken is not None and self._taken[1] == token:
            return
        while (before := session.forms.get(token)) is not None:
            try:
                await asyncio.wait_for(before.answered.wait(), WAITS)
            except TimeoutError:
                raise SentAlready(None) from None
            if before.where is not None:
                raise SentAlready(before.where if hmac.compare_digest(before.content, content) else None)
        sending = Sending(content)
        session.forms[token] = sending
        self._taken = (session, token, sending)

    def answered(self, where: str | None) -> None:
        """The form that was taken was acted on, which led to ``where``; or nothing was done, and it is free again."""
        if self._taken is None:
            return
        session, token, sending = self._taken
        self._taken = None
        sending.where = where
        if where is None:
            session.forms[token] = None
        sending.answered.set()

    def cookie(self) -> str | None:
        """The value that the browser's cookie needs now: empty to take it away, None to leave it as it is.

        One that leads to no session stays: it is worth nothing, and a newer one may have come in between.
        """
        if self.session is None:
            return "" if self._signed_out else None
        return None if self.session.id == self._given else self.session.id


class KeepSession:
    """Finds the session of each request and who asks, and keeps the browser's cookie right.

    A request of the live refresh (``HX-Request``) does not keep a session awake: nobody need sit there.
    """

    def __init__(self, app: ASGIApp, *, sessions: Sessions, sign_in: SignIn, cookie: str, secure: bool) -> None:
        self._app, self._sessions, self._sign_in = app, sessions, sign_in
        self._cookie = cookie
        self._attributes = "; Path=/; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/static/"):
            await self._app(scope, receive, send)
            return
        asked = HTTPConnection(scope)
        visit = Visit(self._sessions, asked.cookies.get(self._cookie), awake="hx-request" not in asked.headers)
        asked.state.visit = visit
        asked.state.person = await self._sign_in.who(asked)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = Headers(raw=message["headers"])
                visit.answered(headers.get("location") if message["status"] == 303 else None)
                value = visit.cookie()
                if value is not None:
                    gone = "" if value else "; Max-Age=0"
                    MutableHeaders(scope=message).append(
                        "Set-Cookie", f"{self._cookie}={value}{gone}{self._attributes}"
                    )
            await send(message)

        try:
            await self._app(scope, receive, answer)
        finally:
            visit.answered(None)


def visit_of(request: HTTPConnection) -> Visit:
    """The hold of a request on its session."""
    visit: Visit = request.state.visit
    return visit


def once_token(request: HTTPConnection) -> str:
    """A token for one form: sent twice, it acts once. The same form after a failure has the same one."""
    return visit_of(request).needed().give_out()


def flash(request: HTTPConnection, sentence: str) -> None:
    """Say a sentence on the next page that this person sees. It holds nothing personal."""
    visit_of(request).needed().told.append(sentence)


def still_signed_in(request: HTTPConnection) -> bool:
    """Whether whoever asked is signed in still: a stream that goes on for hours asks this now and then."""
    return not visit_of(request).over


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
