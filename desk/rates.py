"""How often somebody may ask: who is not signed in by their address, who is by who they are, wherever they sit.

A pace of so many is so many at once, and so many a minute after that, evenly: who is too fast waits for seconds, and is
never shut out. Acts by which danger is reported or a child gets care are not refused for it (:data:`CARE`); what bounds
a flood of those is the row before each case (:mod:`desk.turns`).
"""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Final, Literal, get_args
from weakref import WeakValueDictionary

import structlog
from starlette.requests import HTTPConnection

from activities import measures
from activities.settings import ACCOUNTS, ATTEMPTS, READS, WRITES
from desk.people import Person, person_of
from desk.sessions import visit_of
from procedure.acts import REPORTS
from starter.client import PATIENCE, NoSuchCase

if TYPE_CHECKING:
    from throttled import Throttled

CARE: Final = (REPORTS - {"note", "correct"}) | {"place_child", "appoint_guardian", "suspend"}
"""Acts that no pace holds up. Care is never held and a report never refused (contract, sections 3 and 5).

Not a note and a correction: they only add words to a record, and ask nobody to do anything.
"""

CARE_FORMS: Final = 60
"""Forms of such acts that one session opens: each reads the whole case, and writes a line in its log of readings."""
MISSES: Final = 20
"""References that lead to no case, which one person may name. A reference is no password, and is not to be guessed."""
WITHOUT_PACE: Final = frozenset({"/alarm"})
"""Pages that look nothing up, and lead to the form of a report."""

ADDRESSES_AT_MOST: Final = 50_000
PEOPLE_AT_MOST: Final = 20_000
"""How many are remembered; beyond that, whoever asked longest ago is forgotten, and may be quick again."""
FOUND_AT_MOST: Final = 100_000
"""How many times it is remembered that somebody named a case that is there."""
TOLD_EVERY: Final = 60.0
"""Seconds for which refusals of one kind are one line of the log."""

_ONLY_LOOK: Final = frozenset({"GET", "HEAD", "OPTIONS"})

Attempt = Literal["sign-in", "form", "token", "logout", "codec"]
"""What somebody tries who is not signed in. Each kind has a pace of its own for each address."""

_Kind = Literal["attempts", "reads", "writes", "accounts", "care_forms", "misses"]
_log: structlog.stdlib.BoundLogger = structlog.get_logger("homeward.desk")


class TooOften(Exception):
    """Somebody asked faster than they may. :attr:`after` is in how many whole seconds they may again, at least 1."""

    def __init__(self, after: int) -> None:
        super().__init__("too often")
        self.after = after


@dataclass(frozen=True, slots=True)
class Pace:
    """How many requests a minute: attempts of an address, pages and forms of a person, requests of an account.

    And what no operator sets: forms of care that a session opens, and references of no case that a person names.
    """

    attempts: int = ATTEMPTS
    reads: int = READS
    writes: int = WRITES
    accounts: int = ACCOUNTS
    care_forms: int = CARE_FORMS
    misses: int = MISSES


@dataclass(slots=True)
class _Told:
    """One kind of line in the log: when it was last written, and what came since."""

    at: float
    since: int = 0


@dataclass(slots=True)
class _Counted:
    """Lines of the log about refusals, of which there is one a minute for each kind, role and state at most."""

    clock: Callable[[], float]
    told: dict[tuple[str, str, str | None, str | None], _Told] = field(
        default_factory=dict[tuple[str, str, str | None, str | None], _Told]
    )
    next: float = math.inf

    def count(self, event: str, what: str, person: Person | None) -> None:
        key = (event, what, person.role if person else None, person.state if person else None)
        if key in self.told:
            self.told[key].since += 1
            return
        self._write(key, 1)
        self.told[key] = _Told(self.clock())
        self.next = min(self.next, self.told[key].at + TOLD_EVERY)

    def write_what_is_due(self) -> None:
        """Write down what was counted for a minute; where nothing was, the next one is told at once again."""
        now = self.clock()
        if now < self.next:
            return
        for key, told in list(self.told.items()):
            if now - told.at < TOLD_EVERY:
                continue
            if told.since:
                self._write(key, told.since)
                self.told[key] = _Told(now)
            else:
                del self.told[key]
        self.next = min((told.at + TOLD_EVERY for told in self.told.values()), default=math.inf)

    def _write(self, key: tuple[str, str, str | None, str | None], times: int) -> None:
        event, what, role, state = key
        _log.warning(event, what=what, role=role, state=state, times=times)


class Rates:
    """The paces of one desk, in memory. ``clock`` counts seconds; the log is written by it."""

    def __init__(self, pace: Pace | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.pace = pace or Pace()
        for what in (*get_args(Attempt), *get_args(_Kind)):
            # By what was tried; "attempts" is all of those together.
            if what != "attempts":
                measures.TOO_OFTEN.labels(what)
        self._counted = _Counted(clock)
        self._limits: dict[_Kind, Throttled] = {}
        self._naming: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._found: OrderedDict[tuple[str, str], None] = OrderedDict()

    def attempt(self, what: Attempt, asked: HTTPConnection) -> None:
        """Somebody tries something who is not signed in. Raises :class:`TooOften`."""
        self._must("attempts", f"{what} {whose_address(asked)}", what, None)

    def ask(self, asked: HTTPConnection, person: Person, act: str | None = None) -> None:
        """Somebody who is signed in asks for something; ``act`` is the act that it is about, if any.

        Raises :class:`TooOften`, where an act of :data:`CARE` is sent never; it counts all the same, so whoever floods
        the desk with those does nothing else here.
        """
        kind: _Kind = "reads" if asked.scope["method"] in _ONLY_LOOK else "writes"
        session = visit_of(asked).session
        if session is None or session.person is not person:
            # By an access token, or told by each request: an account's programs leave a person's clicks alone.
            kind = "accounts"
        if act in CARE and asked.scope["method"] in _ONLY_LOOK:
            # By session: who signs in anew has a pace that nobody who stole the one before can use up.
            self._must("care_forms", session.id if session else person.id, "care_forms", person)
        elif act not in CARE:
            self._must(kind, person.id, kind, person)
        elif self._waits(kind, person.id):
            self._counted.count("desk.care_beyond_pace", kind, person)

    @asynccontextmanager
    async def naming(self, person: Person, reference: str) -> AsyncGenerator[None]:
        """Somebody names a case, which is looked up inside.

        Raises :class:`TooOften` before, where they named too many that there are not: of acts of care too, for an
        answer to a report tells as much as a page. What they found once is never held up by it.
        """
        if (person.id, reference) in self._found:
            with self._missing(person, reference):
                yield
            return
        # One after the other: else a thousand were looked up before the first of them had counted.
        async with AsyncExitStack() as alone:
            try:
                async with asyncio.timeout(PATIENCE.total_seconds()):
                    await alone.enter_async_context(self._naming.setdefault(person.id, asyncio.Lock()))
            except TimeoutError:
                raise TooOften(math.ceil(60 / self.pace.misses)) from None
            state = self._limit("misses").peek(person.id)
            if not state.remaining:
                raise self._too_often("misses", person, state.retry_after)
            with self._missing(person, reference):
                yield

    @contextmanager
    def _missing(self, person: Person, reference: str) -> Generator[None]:
        key = person.id, reference
        try:
            yield
        except NoSuchCase:
            # One that was erased as well: to whom it is not told, it must not be told by the pace.
            self._found.pop(key, None)
            self._waits("misses", person.id)
            self._counted.count("desk.no_such_case", "misses", person)
            raise
        self._found[key] = None
        self._found.move_to_end(key)
        while len(self._found) > FOUND_AT_MOST:
            self._found.popitem(last=False)

    def _must(self, kind: _Kind, who: str, what: str, person: Person | None) -> None:
        after = self._waits(kind, who)
        if after:
            raise self._too_often(what, person, after)

    def _too_often(self, what: str, person: Person | None, after: float) -> TooOften:
        measures.TOO_OFTEN.labels(what).inc()
        self._counted.count("desk.too_often", what, person)
        return TooOften(max(1, math.ceil(after)))

    def _waits(self, kind: _Kind, who: str) -> int:
        """In how many seconds somebody may ask; 0 where this was asked in time, and is counted."""
        self._counted.write_what_is_due()
        found = self._limit(kind).limit(who)
        return max(1, math.ceil(found.state.retry_after)) if found.limited else 0

    def _limit(self, kind: _Kind) -> "Throttled":
        if kind not in self._limits:
            self._limits[kind] = _limit(kind, getattr(self.pace, kind))
        return self._limits[kind]


def _limit(kind: _Kind, pace: int) -> "Throttled":
    # Here, so that `homeward --help` does not wait for it.
    from throttled import MemoryStore, RateLimiterType, Throttled, per_min

    # A store for each kind: strangers, of whom there can be any number, make nobody forget what people asked.
    at_most = ADDRESSES_AT_MOST if kind == "attempts" else PEOPLE_AT_MOST
    return Throttled(
        using=RateLimiterType.GCRA.value, quota=per_min(pace), store=MemoryStore(options={"MAX_SIZE": at_most})
    )


def whose_address(asked: HTTPConnection) -> str:
    """The address that a request came from, as the server says; of IPv6 the network, for one house has a whole one.

    What a proxy says of it is the server's to believe or not (``homeward desk --proxy``), and has been settled here.
    """
    said = asked.scope.get("client")
    host = said[0] if said else ""
    try:
        address: IPv4Address | IPv6Address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    return str(address) if isinstance(address, IPv4Address) else str(ip_network((address.packed, 64), strict=False))


def rates_of(asked: HTTPConnection) -> Rates:
    """The paces of the desk that a request came to."""
    found: Rates = asked.state.desk.rates
    return found


async def strangers_in_pace(asked: HTTPConnection) -> None:
    """What is asked before a form is read: reading costs more than all else that a visitor can ask for.

    Raises :class:`TooOften`.
    """
    if person_of(asked) is None and asked.scope["method"] not in _ONLY_LOOK:
        rates_of(asked).attempt("form", asked)


async def in_pace(asked: HTTPConnection) -> None:
    """What every page of the desk asks of who is signed in. Raises :class:`TooOften`."""
    person = person_of(asked)
    if person is not None and asked.scope["path"] not in WITHOUT_PACE:
        rates_of(asked).ask(asked, person, asked.path_params.get("act"))
