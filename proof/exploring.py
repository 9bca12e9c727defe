"""Breadth first through every course within a scope, each step made by the law itself.

A scope says which acts and waits are followed. Every state that they reach, in any order and number, is looked at;
in each of them every act of the alphabet is heard, right and wrong, followed or not, and time is let pass in every
way. What each of these steps does is held to the promises.
"""

from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from procedure import decide
from procedure.acts import Act, as_given
from procedure.agreement import Agreement
from procedure.case import Case
from procedure.entries import Draft, Entry
from procedure.intake import parse_intake
from procedure.ledger import Ledger
from procedure.proceedings import Proceedings
from procedure.safeguards.asked import Asked, Refusal
from proof.abstraction import clocks, seen
from proof.alphabet import BY_OTHERS, EXTENDED_BY, FOSTER, WAITS, Fields, Now, Saying, Until, sayings
from proof.endings import next_step
from proof.promises import (
    ENDINGS,
    Breach,
    of_a_correction,
    of_a_refusal,
    of_an_acceptance,
    of_conclusions,
    of_silence,
    of_the_record,
    of_time,
)
from proof.reckoning import Reckoning
from proof.record import Reading

FAILS: Final = "The law answers every act"
"""What an act that ends in an error breaks: nobody could be told what became of it."""
START: Final = datetime(2026, 2, 2, 9, tzinfo=UTC)
"""A Monday."""
SEED: Final = b"an invented seed for this proof."
LONGEST_WAY: Final = 120
"""Acts and waits within which an ending must be reached."""
_THE_JOURNEY: Final = ("approve_travel", "depart", "report_incident", "arrive", "record_visit")
"""Acts that need a journey that was approved."""
LONGEST_TIME: Final = timedelta(days=3 * 365)
"""Whoever is grown up before an ending, and later than this, was kept waiting by the law."""


def returns(agreement: Agreement) -> bool:
    """Whether there is time for a return: a time to appeal that outlasts a determination leaves none, and is no breach."""
    return agreement.shelf_lives.determination * 24 > agreement.deadlines["appeal_window"].at_most_hours()


def intake(agreement: Agreement, **fields: Any) -> Fields:
    """The intake of an invented child between two states that the agreement binds; ``born`` and others replace."""
    host, origin = "MD", "UA"
    born: str | None = fields.pop("born", "2013-05-04")
    if len(agreement.states) == 2:
        host, origin = agreement.states
    elif agreement.states:
        origin = agreement.states[0]
        host = "UA" if origin != "UA" else "MD"
    return {
        "agreement": agreement.id,
        "host_state": host,
        "origin_state": origin,
        "opened_by": {"id": "authority-1", "role": "central_authority", "state": host},
        "child": {
            "given_names": "Test",
            "family_name": "Invented",
            "date_of_birth": born,
            **({} if born else {"estimated_age": 17}),
            "sex": "female",
            "nationalities": [origin],
            "languages": ["uk"],
        },
        "situation": "unaccompanied",
        "found": {"on": "2026-02-01", "place": "Invented Station", "by": "police", "circumstances": "alone"},
        "placement": FOSTER,
        "relatives": [{"id": "r1", "name": "Invented Mother", "relationship": "mother", "state": origin}],
        "concerns": [],
        **fields,
    }


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What is followed, from where, and how far."""

    name: str
    about: str
    intakes: tuple[Fields, ...] = ({},)
    before: tuple[str, ...] = ()
    """The acts and waits that come before; the exploration begins after them."""
    follows: tuple[str, ...] | None = None
    """Labels of acts and waits; ``None`` follows all but corrections."""
    steps: int | None = None
    """Most acts and waits in a course; ``None`` goes on until nothing new is found."""
    appeals: int = 1
    complaints: int = 1
    deadlines: bool = False
    """Whether all deadlines are kept in a state, because the scope extends one."""


@dataclass(slots=True)
class State:
    case: Case
    at: datetime
    parent: int
    by: str
    made: tuple[Entry, ...]
    steps: int


@dataclass(slots=True, kw_only=True)
class _Record:
    """One whole record, where it stands, and what follows from it: what a step is made from and held against."""

    case: Case
    at: datetime
    ledger: Ledger
    reckoned: Reckoning
    course: Callable[[str], list[str]]
    """The course that led to this record, and one step more."""
    _reading: Reading | None = None

    def reading(self, terms: Agreement) -> Reading:
        """The record read anew, once for all acts that are heard here. To be asked when nothing new stands on it."""
        if self._reading is None:
            self._reading = Reading(list(self.ledger), terms, self.case.host_state, self.reckoned)
        return self._reading


@dataclass(slots=True, kw_only=True)
class _Went:
    """What one step came to. Its entries are on the ledger until it is cut."""

    case: Case
    at: datetime
    made: Sequence[Entry]
    reckoned: Reckoning | None
    """None where nothing is followed from here: after a refusal and after a correction."""

    @property
    def refused(self) -> bool:
        return bool(self.made) and self.made[0].kind == "refused"


@dataclass
class Found:
    """What an exploration came to."""

    scope: str
    agreement: str
    states: int = 0
    looked_at: int = 0
    """States in which everything was said and heard; the others lay ahead when a bound was met."""
    steps: int = 0
    """Steps heard: acts and waits, each decided by the law and held to the promises."""
    accepted: int = 0
    refused: int = 0
    waits: int = 0
    longest: int = 0
    """Acts and waits in the longest course that first reached a state."""
    bounds: set[str] = field(default_factory=set[str])
    """The bounds that were met; where there are none, nothing new was left."""
    merged: int = 0
    compared: int = 0
    """Pairs of different records in the same state of which every step was compared, and held to the promises."""
    clocks: int = 0
    """Records in a known state whose deadlines stood as in no record before: time was let pass in each in every way."""
    differed: list[str] = field(default_factory=list[str])
    breaches: list[tuple[Breach, list[str]]] = field(default_factory=list[tuple[Breach, list[str]]])
    ended: dict[str, int] = field(default_factory=dict[str, int])
    """States from which an ending was shown to be reachable, by ending."""
    no_return: int = 0
    """States from which a return is out of reach: asylum granted, grown up, or an agreement that leaves no time."""
    acts: set[str] = field(default_factory=set[str])
    """Labels that were accepted somewhere."""
    missed: tuple[str, ...] = ()
    """Labels that the scope follows, that are said under the agreement, and that never came about: acts that were
    accepted nowhere, and times that never came. A scope that misses one has not walked the stretch that it names."""
    refused_by: set[str] = field(default_factory=set[str])


@contextmanager
def without(*safeguards: str) -> Generator[None]:
    """The law with safeguards switched off: what they refuse is passed over. For the proof only."""
    asked_by_the_law: Callable[[Asked], list[Refusal]] = decide.refusals

    def refusals(asked: Asked) -> list[Refusal]:
        return [refusal for refusal in asked_by_the_law(asked) if refusal["safeguard"] not in safeguards]

    decide.refusals = refusals
    try:
        yield
    finally:
        decide.refusals = asked_by_the_law


def _unsealed(draft: Draft, *, n: int, at: datetime, prev: str, seed: bytes) -> Entry:
    """An entry with its number for a hash: whether digests hold is asked of the walks, and takes long."""
    return Entry(
        n=n,
        at=at,
        kind=draft.kind,
        act=draft.act,
        act_id=draft.act_id,
        actor_role=draft.actor_role,
        actor_state=draft.actor_state,
        safeguards=draft.safeguards,
        facts=draft.facts,
        body_digest="",
        prev=prev,
        hash=f"{n:064x}",
        salt="",
        body=draft.body,
    )


@contextmanager
def unsealed() -> Generator[None]:
    """The law, writing entries whose digests are not computed. No rule reads more of a hash than whose it is."""
    sealing = decide.seal
    decide.seal = _unsealed
    try:
        yield
    finally:
        decide.seal = sealing


def clocks_of(case: Case, at: datetime) -> Hashable:
    """How the deadlines stand, and what holds: all that decides what is told when nothing but time passes."""
    return case.closed, case.holds, clocks(case, at)


class Exploration:
    """One scope under one agreement. ``run`` goes through it."""

    def __init__(
        self,
        scope: Scope,
        agreement: Agreement,
        *,
        most_states: int | None = None,
        compare_each: int = 400,
        endings_each: int = 1,
        until_breach: bool = False,
        others: bool = True,
    ) -> None:
        self.scope, self.agreement = scope, agreement
        self.found = Found(scope.name, agreement.id)
        self.states: list[State] = []
        self._known: dict[Hashable, int] = {}
        self._most_states = most_states
        self._compare_each, self._endings_each, self._until_breach = compare_each, endings_each, until_breach
        self._said = sayings(agreement)
        self._others = BY_OTHERS if others else ()
        self._heard_of_others: set[Hashable] = set()
        self._reaches: dict[str, set[Hashable]] = {}
        self._clocks: set[Hashable] = set()
        """How the deadlines stood in each record from which time was let pass."""
        self._reckoned: list[Reckoning] = []
        """What follows from the record of each state."""
        self._came: set[str] = set()
        self._returns = returns(agreement)

    # The way there

    def run(self) -> Found:
        """Explore until nothing new is left, a bound is reached, or (where so asked) a promise is broken."""
        with unsealed():
            return self._run()

    def _run(self) -> Found:
        ahead: deque[int] = deque()
        for given in self.scope.intakes:
            ahead.append(self._begin(given))
        while ahead:
            here = ahead.popleft()
            if self.scope.steps is not None and self.states[here].steps >= self.scope.steps:
                # Its own steps are not looked at: the bound is on the courses, and is told.
                self.found.bounds.add(f"courses of {self.scope.steps}")
                continue
            ahead.extend(self._look(here))
            if self._until_breach and self.found.breaches:
                break
            if self._most_states is not None and len(self.states) >= self._most_states:
                self.found.bounds.add(f"{self._most_states:,} states")
                break
        self.found.states = len(self.states)
        self.found.missed = self._missed()
        return self.found

    def _missed(self) -> tuple[str, ...]:
        said = {*WAITS, *(saying.label for saying in self._said)}
        if not self._returns:
            # Once the time to appeal is over, what an approval rests on is too old as well.
            late = ("approve_return",) if "the time to appeal ends" in self.scope.before else ()
            said -= {label for label in said if label.partition(" ")[0] in (*_THE_JOURNEY, *late)}
        if self.agreement.extension_limit < EXTENDED_BY:
            said.discard("extend_deadline")
        if not self.agreement.consent_age:
            said.discard("the child is old enough to be asked")  # and always was
        return tuple(each for each in self.scope.follows or () if each in said - self.found.acts - self._came)

    def _begin(self, given: Fields) -> int:
        opened = Proceedings.open_case(
            parse_intake(intake(self.agreement, **given), today=START.date()),
            self.agreement,
            reference="MD-UA-2026-7K3F9A",
            at=START,
            seed=SEED,
        )
        state = State(opened.case, START, -1, "the case is opened", tuple(opened.entries), 0)
        said = {*WAITS, *(saying.label for saying in self._said)}
        # What nobody says under this agreement, as a third approval, is not asked for on the way either.
        for label in filter(said.__contains__, self.scope.before):
            ledger = Ledger(state.made)
            went = self.step(label, state, ledger)
            if went is None or went[0].n == state.case.n:
                raise ValueError(f"{self.scope.name}: {label} does not stand at the beginning")
            state = State(went[0], went[1], -1, f"{state.by}; {label}", tuple(ledger), 0)
        self.states.append(state)
        self._reckoned.append(Reckoning.of(state.made, self.agreement, state.case.host_state))
        self._known[self._key(state.case, state.at, Ledger(state.made))] = len(self.states) - 1
        here = len(self.states) - 1
        # What came before is not looked at step by step; what it concluded is.
        self._hold(self._record(here), "", of_conclusions(self._reckoned[here], state.case))
        return here

    def step(self, label: str, state: State, ledger: Ledger) -> tuple[Case, datetime] | None:
        """Do what a label names, where it can be said and stands."""
        now = Now(state.case, state.at, ledger)
        if label in WAITS:
            until = WAITS[label](now)
            if until is None or until <= state.at:
                return None
            return decide.pass_time(state.case, until, ledger, SEED), until
        act = self._saying(label).said(now)
        if act is None:
            return None
        case = decide.decide(state.case, act, state.at, ledger, SEED)
        if ledger.since(state.case.n)[0].kind == "refused":
            ledger.cut(state.case.n)
            return None
        return case, state.at

    def _saying(self, label: str) -> Saying:
        return next(saying for saying in self._said if saying.label == label)

    def entries(self, here: int) -> list[Entry]:
        """The whole record of a state."""
        parts: list[tuple[Entry, ...]] = []
        while here >= 0:
            state = self.states[here]
            parts.append(state.made)
            here = state.parent
        return [entry for part in reversed(parts) for entry in part]

    def course(self, here: int, last: str | None = None) -> list[str]:
        """The acts and waits that first led to a state, and one more."""
        labels = [last] if last else []
        while here >= 0:
            state = self.states[here]
            labels.append(state.by)
            here = state.parent
        return [step for label in reversed(labels) for step in label.split("; ")]

    def _key(self, case: Case, at: datetime, ledger: Ledger, *, by_day: bool = False) -> Hashable:
        return seen(case, at, ledger, deadlines=self.scope.deadlines, by_day=by_day)

    # Looking at one state

    def _record(self, here: int) -> _Record:
        """The record that first led to a state."""
        state = self.states[here]
        return _Record(
            case=state.case,
            at=state.at,
            ledger=Ledger(self.entries(here)),
            reckoned=self._reckoned[here],
            course=lambda label: self.course(here, label),
        )

    def _look(self, here: int) -> list[int]:
        self.found.looked_at += 1
        state, record = self.states[here], self._record(here)
        ledger = record.ledger
        entries = list(ledger)
        new: list[int] = []
        for saying, followed in self._to_be_said(state):
            act = saying.said(Now(state.case, state.at, ledger))
            if act is None:
                continue
            self.found.steps += 1
            went = self._hear(record, saying, act)
            if went is None:
                continue
            if went.refused:
                self.found.refused += 1
                self.found.refused_by.update(went.made[0].safeguards)
            else:
                self.found.accepted += 1
                self.found.acts.add(saying.label)
                if followed and saying.act != "correct" and self._within(went.case):
                    new += self.go_on(here, saying.label, went, ledger)
            ledger.cut(state.case.n)
        new += self._wait(here, record)
        if self._endings_each and here % self._endings_each == 0:
            self._endings(here, entries)
        return new

    def _hear(self, record: _Record, saying: Saying, act: Act) -> _Went | None:
        """Hear an act, and hold what comes of it to the promises. None where the law fails; its ledger is cut then."""
        case, at, ledger = record.case, record.at, record.ledger
        # Read before the act stands on the record.
        told = record.reading(self.agreement)
        try:
            then = decide.decide(case, act, at, ledger, SEED)
        except Exception as error:  # noqa: BLE001 - whatever it is, a law that fails has not answered
            self._hold(record, saying.label, iter([(FAILS, f"{saying.act} makes the law fail: {error!r}")]))
            ledger.cut(case.n)
            return None
        made = ledger.since(case.n)
        went = _Went(case=then, at=at, made=made, reckoned=None)
        self._hold(record, saying.label, of_the_record(case, then, made))
        if went.refused:
            self._hold(record, saying.label, of_a_refusal(act, case, then, made, at))
            # A refusal alone concludes nothing; a detention that was told all the same does.
            if len(made) > 1 or "deadlines" in made[0].facts:
                self._hold(record, saying.label, of_conclusions(record.reckoned.after(made), then))
        elif saying.act == "correct":
            self._hold(record, saying.label, of_a_correction(as_given(act), case, then, told, at))
        else:
            self._hold(record, saying.label, of_an_acceptance(act, as_given(act), case, then, made, told, at))
            went.reckoned = record.reckoned.after(made)
            self._hold(record, saying.label, of_conclusions(went.reckoned, then))
        return went

    def let_pass(self, record: _Record, label: str, until: datetime) -> _Went:
        """Let time pass, and hold what comes of it to the promises."""
        case, ledger = record.case, record.ledger
        then = decide.pass_time(case, until, ledger, SEED)
        made = ledger.since(case.n)
        reckoned = record.reckoned.after(made)
        self._hold(record, label, of_time(case, then, made))
        self._hold(record, label, of_the_record(case, then, made))
        self._hold(record, label, of_silence(reckoned, until))
        self._hold(record, label, of_conclusions(reckoned, then))
        return _Went(case=then, at=until, made=made, reckoned=reckoned)

    def _waits(self, record: _Record) -> Iterator[tuple[str, datetime]]:
        """Every way in which time may pass here, and until when."""
        case, at = record.case, record.at
        due = decide.next_due(case)
        ways: dict[str, Until] = {
            **WAITS,
            "until the next moment that is due": lambda now: due,
            "four hundred days pass": lambda now: at + timedelta(days=400),
        }
        for label, when in ways.items():
            until = when(Now(case, at, record.ledger))
            if until is not None and until > at:
                yield label, until

    def _to_be_said(self, state: State) -> Iterator[tuple[Saying, bool]]:
        follows = self.scope.follows
        for saying in self._said:
            yield saying, saying.act != "correct" if follows is None else saying.label in follows
        case = state.case
        who = (
            case.guardian and case.guardian.id,
            case.counsel and case.counsel.id,
            case.plan and case.plan.escort_id,
            tuple(sorted(case.caseworkers.items())),
            tuple(sorted((id, relative.state) for id, relative in case.relatives.items())),
            (case.arrived is not None, case.closed),
        )
        if who not in self._heard_of_others:
            # Whose act it is depends on nothing else; a test holds that.
            self._heard_of_others.add(who)
            for saying in self._others:
                yield saying, False

    def _within(self, case: Case) -> bool:
        if len(case.appeals) > self.scope.appeals:
            self.found.bounds.add(f"{self.scope.appeals} pending appeal" + "s" * (self.scope.appeals > 1))
            return False
        if len(case.complaints) > self.scope.complaints:
            self.found.bounds.add(f"{self.scope.complaints} open complaint")
            return False
        return True

    def _wait(self, here: int, record: _Record) -> list[int]:
        follows = self.scope.follows
        new: list[int] = []
        self._clocks.add(clocks_of(record.case, record.at))
        for label, until in self._waits(record):
            self.found.steps += 1
            self.found.waits += 1
            went = self.let_pass(record, label, until)
            if label in WAITS and (follows is None or label in follows):
                self._came.add(label)
                new += self.go_on(here, label, went, record.ledger)
            record.ledger.cut(record.case.n)
        return new

    def go_on(self, here: int, label: str, went: _Went, ledger: Ledger) -> list[int]:
        """The state that a step came to, in a list, where it is a new one; ``here`` is the state that it began in."""
        assert went.reckoned is not None
        key = self._key(went.case, went.at, ledger)
        known = self._known.get(key)
        steps = self.states[here].steps + 1
        if known is not None:
            self.found.merged += 1
            self._met_again(known, here, label, went, ledger)
            return []
        self.states.append(State(went.case, went.at, here, label, tuple(went.made), steps))
        self._reckoned.append(went.reckoned)
        self._known[key] = len(self.states) - 1
        self.found.longest = max(self.found.longest, steps)
        return [len(self.states) - 1]

    def _hold(self, record: _Record, label: str, breaches: Iterator[Breach]) -> None:
        for breach in breaches:
            self.found.breaches.append((breach, record.course(label)))

    # That the abstraction is sound

    def _met_again(self, known: int, here: int, label: str, went: _Went, ledger: Ledger) -> None:
        """A known state, by another record: where its deadlines stand as never before, time passes in it as well."""
        if not self._compare_each:
            return  # who looks for a shortest course looks at the states alone, in their order
        compared = self.found.merged % self._compare_each == 0
        stand = clocks_of(went.case, went.at)
        anew = stand not in self._clocks
        if not (compared or anew):
            return
        assert went.reckoned is not None
        way = self.course(here, label)
        other = _Record(
            case=went.case,
            at=went.at,
            ledger=Ledger(ledger),
            reckoned=went.reckoned,
            course=lambda last: [*way, last],
        )
        if anew:
            self.found.clocks += 1
            self._clocks.add(stand)
            for wait, until in self._waits(other):
                self.found.steps += 1
                self.found.waits += 1
                self.let_pass(other, wait, until)
                other.ledger.cut(other.case.n)
        if compared:
            self._compare(known, other)

    def _compare(self, known: int, other: _Record) -> None:
        """Two records in the same state: every step must end alike in both, and break no promise in either."""
        self.found.compared += 1
        steps = zip(self._outcomes(self._record(known)), self._outcomes(other), strict=True)
        for (label, here), (_, there) in steps:
            if here != there:
                self.found.differed.append(f"{label}, after {'; '.join(self.course(known))}")

    def _outcomes(self, record: _Record) -> Iterator[tuple[str, Hashable]]:
        """What comes of everything that is said here and of all time that passes, each held to the promises."""
        ledger, case = record.ledger, record.case
        now = Now(case, record.at, ledger)
        for saying in self._said:
            act = saying.said(now)
            went = None if act is None else self._hear(record, saying, act)
            outcome: Hashable = None
            if went is not None:
                entry = went.made[0]
                outcome = (entry.kind, frozenset(entry.safeguards), self._key(went.case, went.at, ledger, by_day=True))
            ledger.cut(case.n)
            # What is corrected, and which deadline is extended, is the one record's own matter.
            if saying.act != "correct" and (saying.act != "extend_deadline" or self.scope.deadlines):
                yield saying.label, outcome
        came: dict[str, Hashable] = {}
        for label, until in self._waits(record):
            went = self.let_pass(record, label, until)
            came[label] = self._key(went.case, went.at, ledger)
            ledger.cut(case.n)
        for label in WAITS:
            # Of a closed case nothing is due any more, whatever moments it once knew.
            yield label, None if case.closed else came.get(label)

    # That every ending stays open

    def _endings(self, here: int, entries: list[Entry]) -> None:
        case = self.states[here].case
        if case.closed:
            return
        if case.turned_18:
            self.found.no_return += 1
            self._reach("transferred" if case.adulthood_holds else "return", here, entries)
            return
        for ending in ("stay", "third country"):
            self._reach(ending, here, entries)
        if case.asylum == "granted" or not self._returns:
            self.found.no_return += 1
        else:
            self._reach("return", here, entries)

    def _reach(self, ending: str, here: int, entries: list[Entry]) -> None:
        state = self.states[here]
        case, at, ledger = state.case, state.at, Ledger(entries)
        reaches = self._reaches.setdefault(ending, set())
        passed: list[Hashable] = []
        for _ in range(LONGEST_WAY):
            key = seen(case, at, ledger)
            if case.closed or key in reaches:
                reaches.update(passed)
                self.found.ended[ending] = self.found.ended.get(ending, 0) + 1
                return
            passed.append(key)
            label = next_step(ending, case, at)
            went = self.step(label, State(case, at, -1, "", (), 0), ledger)
            if went is None:
                breach = (ENDINGS, f"no {ending} can be reached: {label} is refused or cannot be said")
                self.found.breaches.append((breach, self.course(here)))
                return
            case, at = went
            if case.adulthood_holds and ending != "transferred":
                # Grown up on the way there, or found to be: from here on it is another ending.
                if at - state.at > LONGEST_TIME:
                    break
                self.found.no_return += ending == "return"
                ending = "transferred"
                reaches = self._reaches.setdefault(ending, set())
                passed = []
        self.found.breaches.append(
            ((ENDINGS, f"no {ending} within {LONGEST_WAY} steps and {LONGEST_TIME.days} days"), self.course(here))
        )
