"""What if: many invented cases conducted under an agreement by the law alone, offices acting after stated delays.

Every act goes through the law's own door (:mod:`procedure.decide`), and what is measured is measured from headers,
as in the statistics of real cases. There is no engine, no clock and no chance here: the same arguments give the same
figures.

It foresees nothing about any child. It is arithmetic on invented cases, with numbers that somebody has stated.
"""

import gc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from math import log
from statistics import quantiles
from typing import Any, Final, NamedTuple

from casefile.deadline_figures import DeadlineFigure, deadline_figures
from casefile.delays import Delays
from casefile.invented import FIRST_DAY, FOSTER, STATION, Die, Fields, Speaking, days_of_opening, intake_of, states_of
from casefile.statistics import OUTCOMES, CaseFigures, Statistics, figures_of
from procedure.acts import parse_act
from procedure.agreement import Agreement
from procedure.case import Case
from procedure.deadlines import name_of
from procedure.decide import decide, next_due, open_case, pass_time
from procedure.entries import moment
from procedure.evidence import authority_guarantees, safe_family, stale
from procedure.gates import refusals
from procedure.ledger import Ledger
from procedure.owed import Owed, owed
from procedure.safeguards.asked import Asked
from procedure.stages import approved_by_all, decided
from procedure.vocabulary import STAGES

_DAY: Final = 86_400


class Office(NamedTuple):
    """A role of a side: ``host``, ``origin``."""

    role: str
    side: str


class FirstMissed(NamedTuple):
    deadline: str
    role: str
    side: str


class Awaited(NamedTuple):
    act: str
    role: str
    side: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What one invented case brings to the figures."""

    figures: CaseFigures
    ended_after: float | None
    """Days from opening to closing; None while it is open."""
    first_missed: FirstMissed | None
    """The first deadline that passed."""
    waits: dict[Office, float]
    """Days on which an office owed something and had not yet done it, by office. Days together count once."""
    awaited: tuple[Awaited, ...]
    """What an open case waits for at the end, of offices that could act and did not."""
    stands_in: str | None
    """The stage of a case that is open at the end."""
    arrived: bool
    host: str
    acts: int
    """Acts that the law answered, refused ones included."""
    entries: int


@dataclass(slots=True)
class _Owing:
    """An act that is owed, and when its office gets to it."""

    owed: Owed
    begins: datetime
    gets_to_it: datetime | None
    """None where no answer comes by itself."""
    times: int
    held_up_at: int | None = None
    """The office would act and the law did not let it: the newest entry then."""


_Key = tuple[str, str, str, str | None, str | int | None]
_DAY_OF_DEPARTURE: Final = timedelta(days=1)
"""So long after the moment planned people still set out on a plan that had to wait. Later they plan anew."""
_LOOKS_AGAIN: Final = timedelta(days=7)
"""Whom the law holds up looks again when something is recorded, and so often besides: some times only pass."""


class InventedCase:
    """One invented case, from its opening up to a number of days later. It is conducted once."""

    def __init__(
        self, number: int, agreement: Agreement, delays: Delays, *, states: tuple[str, str], days: int, seed: int
    ) -> None:
        self.die, self.delays = Die(seed, number), delays
        self.say = Speaking(self.die, delays)
        hour = int(self.die.draw("hour of opening") * 8) + 8
        first, over = days_of_opening(agreement) or (FIRST_DAY, 365)
        day = first + timedelta(days=int(self.die.draw("day of opening") * over))
        self.at = self.opened_at = datetime.combine(day, time(hour), UTC)
        self.until = self.at + timedelta(days=days)
        self.ledger = Ledger()
        self.case: Case = open_case(
            intake_of(self.die, delays, agreement, states, self.at),
            agreement,
            reference=f"{states[0]}-{states[1]}-{day.year}-000000",
            at=self.at,
            ledger=self.ledger,
            seed=None,
        )
        self._owing: dict[_Key, _Owing] = {}
        self._times: Counter[tuple[str, str, str]] = Counter()
        self._waited: dict[Office, list[tuple[datetime, datetime]]] = {}
        self._ahead: list[tuple[datetime, str]] = list(self._events())

    def conduct(self) -> Foreseen:
        """Let everybody act when they get to it, until the case is closed or the time is over."""
        told = self.case.n
        while not self.case.closed:
            self._see_what_is_owed()
            due = next_due(self.case)
            acting = min(
                (each for each in self._owing.values() if each.gets_to_it), key=_gets_to_it, default=None
            )  # fmt: skip
            happens = min(self._ahead, default=None)
            when = min(filter(None, (due, acting and acting.gets_to_it, happens and happens[0])), default=None)
            if when is None or when > self.until:
                break
            self.at = max(self.at, when)
            if due is not None and due <= self.at:
                self.case = pass_time(self.case, self.at, self.ledger, None)
            elif happens is not None and happens[0] <= self.at:
                self._ahead.remove(happens)
                self._happen(happens[1])
            elif acting is not None:
                self._do(acting)
            told = self._heed_what_is_told(told)
        if not self.case.closed:
            self.at = self.until
            self.case = pass_time(self.case, self.at, self.ledger, None)
        return self._foreseen()

    # What is owed, and when somebody gets to it

    def _see_what_is_owed(self) -> None:
        """Bring what each office has before it up to what the law says is owed now."""
        now = {_key(each): each for each in (*owed(self.case, self.at), *self._owed_besides())}
        if (assessed := self.case.age_assessed) and assessed.result == "adult":
            # The law lists an assessment as owed until an age is settled in the child's favour; nobody makes it twice.
            now = {key: each for key, each in now.items() if each.act != "assess_age"}
        for key in [key for key in self._owing if key not in now]:
            self._no_longer(self._owing.pop(key))
        for key, each in now.items():
            known = self._owing.get(key)
            if known is None:
                self._owing[key] = self._taken_up(each)
            elif known.held_up_at is not None and known.held_up_at < self.case.n:
                known.gets_to_it = self.at

    def _owed_besides(self) -> Iterator[Owed]:
        """What the law asks nobody for and people do all the same, for a case to go on."""
        case, findings = self.case, self.delays.findings
        if case.closed or case.adulthood_holds:
            return
        cared_for = safe_family(case) or authority_guarantees(case)
        if (
            case.stage == "best_interests"
            and not cared_for
            and self.die.falls(findings.origin_guarantees_care, "guarantees care", case.round)
        ):
            yield Owed("guarantee_care", "central_authority", case.origin_state)
        if case.stage == "family_tracing" and case.determination is None and self._tracing_late_for_long():
            if case.assessed is None:
                yield Owed("submit_assessment", "caseworker", case.host_state)
            elif case.hearing is not None:
                yield Owed("determine_best_interests", "bid_panel", case.host_state)
        plan, fitness = case.plan, case.fitness
        ahead = case.departed is None and case.arrived is None
        if self._plan_is_old() and self._nothing_else_is_missing():
            yield Owed("plan_travel", "caseworker", case.host_state)
        # The law lists it as owed until somebody certified it, and not again when the certificate has run out.
        if (
            plan
            and ahead
            and fitness
            and fitness.fit
            and fitness.valid_until < max(self.at, plan.first_departure).date()
        ):
            yield Owed("certify_fit_to_travel", "health_worker", case.host_state)

    def _plan_is_old(self) -> bool:
        """Whether somebody would approve or begin a journey whose day went by. The law lets them; people plan anew."""
        return any(each.held_up_at is not None and self._too_late_for(each) for each in self._owing.values())

    def _too_late_for(self, each: _Owing) -> bool:
        """Whether the day of the plan went by before this could be done. An escort who is late is not too late."""
        plan = self.case.plan
        if each.owed.act not in ("approve_travel", "depart") or plan is None or plan.interrupted is not None:
            return False
        over = plan.first_departure + _DAY_OF_DEPARTURE
        in_time = each.owed.act == "depart" and each.held_up_at is None and each.begins < over
        return self.at >= over and not in_time

    def _nothing_else_is_missing(self) -> bool:
        """Whether a journey planned today could be approved and made: else people wait with the plan."""
        case, fitness = self.case, self.case.fitness
        return (
            case.return_found
            and decided(case, self.at)
            and not case.holds
            and fitness is not None
            and fitness.fit
            and not any(stale(case, self.at))
        )

    def _tracing_late_for_long(self) -> bool:
        late = any(
            deadline.open and deadline.escalations >= 2 and name_of(key) in ("tracing", "family_assessment")
            for key, deadline in self.case.deadlines.items()
        )
        return late and self.die.falls(self.delays.panel.goes_on_without_tracing, "goes on without tracing")

    def _taken_up(self, each: Owed) -> _Owing:
        """The office has it before it from now on, or from the day for which it is planned."""
        office = self._office(each)
        count = (each.act, office.role, office.side)
        times = self._times[count]
        self._times[count] += 1
        begins = max(self.at, self._planned(each) or self.at)
        days = self.delays.of(*count).days(self.die.draw("delay", *count, times), self.die.draw("never", *count, times))
        return _Owing(each, begins, begins + _time(days) if days is not None else None, times)

    def _planned(self, each: Owed) -> datetime | None:
        """The day before which nobody sets about it."""
        case, deadline = self.case, self.case.deadlines.get(each.key) if each.key else None
        match each.act:
            case "record_visit" if deadline:
                return deadline.due - timedelta(days=self.delays.visits.begun_before_due_days)
            case "reopen_best_interests" if case.determination and case.determination.review_on:
                return datetime.combine(case.determination.review_on, time(), UTC)
            case "depart" if case.plan:
                return case.plan.first_departure
            case "arrive" if case.plan and case.departed:
                return case.departed.at + (case.plan.last_arrival - case.plan.first_departure)
            case _:
                return None

    def _heed_what_is_told(self, told: int) -> int:
        """An office whose delay was told to others may answer sooner. ``told``: the newest entry looked at."""
        for entry in self.ledger.since(told):
            key = entry.facts.get("key")
            if entry.kind != "escalated" or key is None:
                continue
            about = (name_of(key), entry.facts["level"], self.case.round)
            answer = self.delays.escalation.answer.days(
                self.die.draw("answer", *about), self.die.draw("no answer", *about)
            )
            if answer is None or not self.die.falls(self.delays.escalation.heeded, "heeded", *about):
                continue
            for each in self._owing.values():
                if each.owed.key == key and each.held_up_at is None:
                    soon = max(each.begins, self.at + _time(answer))
                    each.gets_to_it = min(each.gets_to_it or soon, soon)
        return self.case.n

    def _no_longer(self, each: _Owing) -> None:
        """Count the days that an office had it before it. What the law held up was counted up to there."""
        if each.held_up_at is None and self.at > each.begins:
            self._waited.setdefault(self._office(each.owed), []).append((each.begins, self.at))

    def _office(self, each: Owed) -> Office:
        return Office(each.role, "host" if each.state == self.case.host_state else "origin")

    # Acting

    def _do(self, each: _Owing) -> None:
        """The office acts, if the law lets it; else it acts as soon as the law does."""
        if each.owed.act == "arrive" and self.die.falls(
            self.delays.findings.incident_on_the_way, "incident", each.times
        ):
            self._no_longer(self._owing.pop(_key(each.owed)))
            fields = {"what": "border_closed", "placement": FOSTER}
            told = replace(each.owed, act="report_incident")
            self._record(told, fields, self._asked(told, fields))
            return
        found = self._as_the_law_lets(each)
        if found is None:
            self._no_longer(each)
            each.held_up_at, each.gets_to_it = self.case.n, self.at + _LOOKS_AGAIN
            return
        fields, asked = found
        act, office = each.owed.act, self._office(each.owed)
        if self.die.falls(self.delays.slips.get(act, 0.0), "slip", act, *office, each.times):
            fields = self.say.wrong(act, fields, self.ledger)
            asked = self._asked(each.owed, fields)
        self._no_longer(self._owing.pop(_key(each.owed)))
        self._record(each.owed, fields, asked)

    def _as_the_law_lets(self, each: _Owing) -> tuple[Fields, Asked] | None:
        """What the office says, in the first way that the law lets stand now; None where it lets none."""
        if self._too_late_for(each):
            return None
        for fields in self.say.fields(each.owed, self.case, self.at, each.times):
            asked = self._asked(each.owed, fields)
            found = {refusal["safeguard"] for refusal in refusals(asked)}
            # Whether a child agrees is known only when it is asked; that is refused on record, and asked again later.
            if not found or (fields.get("child_agrees") is False and found == {"consent"}):
                return fields, asked
        return None

    def _asked(self, each: Owed, fields: Fields) -> Asked:
        act = {
            "act": each.act,
            "act_id": f"act-{self.case.n}",
            "actor": self.say.actor(self.case, each.role, each.state),
            "reason": "invented",
            **fields,
        }
        return Asked(self.case, parse_act(act), self.at, self.ledger)

    def _record(self, each: Owed, fields: Fields, asked: Asked) -> None:
        """Say it to the law, whatever the law answers, and see what else people do because of it."""
        own = self.case.n + 1
        self.case = decide(self.case, asked.act, self.at, self.ledger, None)
        entry = self.ledger.find(own)
        if entry is None or entry.kind != "accepted":
            return
        findings, round = self.delays.findings, self.case.round
        if each.act == "determine_best_interests":
            if self.die.falls(findings.appeal_after_determination, "appeals", round):
                self._appeals("best_interests")
        elif each.act == "approve_return":
            if approved_by_all(self.case) and self.die.falls(findings.appeal_after_approvals, "appeals return", round):
                self._appeals("return")
        elif each.act == "give_consent" and each.role == "guardian" and not fields["given"]:
            # Who does not agree asks for another determination.
            self._ahead.append((self.at + _time(1 + 6 * self.die.draw("asks anew", round)), "reopening"))

    def _appeals(self, against: str) -> None:
        """Somebody appeals on one of the days on which an appeal can be lodged."""
        window = (self.case.appeal_window_ends or self.at) - self.at
        after = window.total_seconds() / _DAY * self.die.draw("day of appeal", against, self.case.round)
        self._ahead.append((self.at + _time(after), against))

    # What happens

    def _events(self) -> Iterator[tuple[datetime, str]]:
        """What happens in this case beside what is owed, and when: as likely on one day as on another."""
        for name, share in sorted(self.delays.events.items()):
            # What is less likely than one of these numbers can tell apart from never, never happens.
            if 1 - share < 1:
                years = 0.0 if share == 1 else log(1 - self.die.draw("event", name)) / log(1 - share)
                if years <= 10:
                    yield self.at + _time(365 * years), name

    def _happen(self, name: str) -> None:
        """It happens, where it means anything now."""
        case = self.case
        role, side, act, fields = _HAPPENS[name](case, self.at)
        each = Owed(act, role, case.child_state if side == "child" else case.state_of(side))
        asked = self._asked(each, fields)
        if not refusals(asked):
            self._record(each, fields, asked)

    # What it comes to

    def _foreseen(self) -> Foreseen:
        self._see_what_is_owed()
        case, entries = self.case, list(self.ledger)
        awaited = dict.fromkeys(
            Awaited(each.owed.act, *self._office(each.owed))
            for each in self._owing.values()
            if each.held_up_at is None and each.begins < self.at
        )
        for each in self._owing.values():
            self._no_longer(each)
        figures = deadline_figures(entries)
        return Foreseen(
            figures=figures_of(entries, until=self.at, deadlines=figures),
            ended_after=(self.at - self.opened_at).total_seconds() / _DAY if case.closed else None,
            first_missed=_first_missed(figures, case.host_state),
            waits={office: _together(spells) for office, spells in self._waited.items()},
            awaited=() if case.closed else tuple(awaited),
            stands_in=None if case.closed else case.stage,
            arrived=case.arrived is not None,
            host=case.host_state,
            acts=sum(entry.kind in ("accepted", "refused") for entry in entries),
            entries=len(entries),
        )


def _key(each: Owed) -> _Key:
    return each.act, each.role, each.state, each.key, each.about


def _gets_to_it(each: _Owing) -> datetime:
    assert each.gets_to_it is not None
    return each.gets_to_it


def _time(days: float) -> timedelta:
    """A length of time, in whole seconds."""
    return timedelta(seconds=round(days * _DAY))


def _together(spells: Iterable[tuple[datetime, datetime]]) -> float:
    """Days covered by any of these stretches of time."""
    seconds = 0.0
    covered: datetime | None = None
    for begins, ends in sorted(spells):
        if covered is None or begins > covered:
            covered = begins
        if ends > covered:
            seconds += (ends - covered).total_seconds()
            covered = ends
    return seconds / _DAY


def _first_missed(figures: Iterable[DeadlineFigure], host: str) -> FirstMissed | None:
    """The deadline that passed first, by the entry that says so."""
    missed = [(figure.overdue_by, figure) for figure in figures if figure.overdue_by is not None and figure.role]
    if not missed:
        return None
    first = min(missed, key=lambda each: each[0])[1]
    return FirstMissed(first.name, first.role or "", _side(first.state, host))


def _side(state: str | None, host: str) -> str:
    # Until a family is assessed headers do not tell where it lives; invented relatives live in the origin state.
    return "host" if state == host else "origin"


_Happens = Callable[[Case, datetime], tuple[str, str, str, Fields]]
_HAPPENS: Final[dict[str, _Happens]] = {
    "asylum_claim": lambda case, at: ("child", "host", "lodge_asylum_claim", {}),
    "detention": lambda case, at: (
        "ombudsperson",
        "child",
        "report_detention",
        {"placement": STATION, "since": moment(at)},
    ),
    "missing": lambda case, at: ("caseworker", "child", "report_missing", {"since": moment(at)}),
    "complaint": lambda case, at: ("child", "child", "complain", {"about": "invented"}),
    "suspension": lambda case, at: ("child_protection_authority", "host", "suspend", {"ground": "crisis"}),
    "guardian_replaced": lambda case, at: (
        "guardianship_authority",
        "child",
        "replace_guardian",
        {"guardian": {"id": "guardian-2", "kind": "professional"}, "independent": True, "child_informed": True},
    ),
    "consent_withdrawn": lambda case, at: ("child", "host", "withdraw_consent", {}),
    "withdrawal": lambda case, at: ("central_authority", "host", "close_case", {"outcome": "withdrawn"}),
    "reopening": lambda case, at: ("guardian", "host", "reopen_best_interests", {"new_facts": "invented"}),
    "best_interests": lambda case, at: (
        "legal_counsel",
        "host",
        "appeal",
        {"against": "best_interests", "grounds": "invented"},
    ),
    "return": lambda case, at: ("legal_counsel", "host", "appeal", {"against": "return", "grounds": "invented"}),
}
"""Who says what to the case when something happens: role, side (``child``: where the child is), act, fields."""


# Many cases


@dataclass(frozen=True, slots=True)
class Days:
    """How many days something took: in how many cases, the quartiles, what nine in ten stay within, and the most."""

    count: int
    lower: float
    median: float
    nine_in_ten: float
    longest: float

    def as_json(self) -> dict[str, Any]:
        return {
            "count": self.count,
            "lower_quartile_days": round(self.lower, 2),
            "median_days": round(self.median, 2),
            "nine_in_ten_days": round(self.nine_in_ten, 2),
            "longest_days": round(self.longest, 2),
        }


def days_of(figures: Sequence[float]) -> Days | None:
    """How these days spread; None when there are none."""
    if not figures:
        return None
    if len(figures) == 1:
        return Days(1, figures[0], figures[0], figures[0], figures[0])
    parts = quantiles(figures, n=20, method="inclusive")
    return Days(len(figures), parts[4], parts[9], parts[17], max(figures))


@dataclass(slots=True)
class Foresight:
    """What came of many invented cases under one agreement. It names none of them."""

    agreement: str
    title: str
    version: str
    delays: str
    """The title of the delays that were assumed."""
    states: tuple[str, str]
    days: int
    """How long each case was looked at."""
    last_visit: int
    """Days after the arrival on which the last visit is due."""
    statistics: Statistics = field(default_factory=Statistics)
    first_missed: Counter[FirstMissed] = field(default_factory=Counter[FirstMissed])
    ended_after: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    """Days to the ending, by outcome."""
    waits: dict[Office, list[float]] = field(default_factory=dict[Office, list[float]])
    """Days on which a case waited for an office, over the cases in which it owed something."""
    owed: Counter[Office] = field(default_factory=Counter[Office])
    """Deadlines that an office had."""
    missed: Counter[Office] = field(default_factory=Counter[Office])
    awaited: Counter[Awaited] = field(default_factory=Counter[Awaited])
    open_in: Counter[str] = field(default_factory=Counter[str])
    """Cases that are open at the end, by stage."""
    arrived: int = 0
    acts: int = 0
    entries: int = 0

    @property
    def cases(self) -> int:
        return self.statistics.cases

    @property
    def too_short_for_a_return(self) -> bool:
        """Whether no return was closed, and the time was too short for its last visit to become due."""
        return self.days <= self.last_visit and not self.statistics.endings["returned"]

    @property
    def none_missed(self) -> int:
        """Cases in which no deadline passed."""
        return self.cases - self.first_missed.total()

    def share(self, cases: int) -> float:
        """So many of all cases, from 0 to 1."""
        return cases / self.cases if self.cases else 0.0

    def refusals(self) -> int:
        """Acts refused, by each safeguard that refused them."""
        return self.statistics.refusals.total()

    def mean_days_waited(self, office: Office) -> float:
        """Days on which a case waited for an office, on average over all cases."""
        return sum(self.waits.get(office, ())) / self.cases if self.cases else 0.0

    def add(self, case: Foreseen) -> None:
        """Count one case more."""
        self.statistics.add(case.figures)
        if case.first_missed:
            self.first_missed[case.first_missed] += 1
        if case.ended_after is not None and case.figures.outcome:
            self.ended_after.setdefault(case.figures.outcome, []).append(case.ended_after)
        for office, days in case.waits.items():
            self.waits.setdefault(office, []).append(days)
        for role, state, late in case.figures.owed:
            office = Office(role, _side(state, case.host))
            self.owed[office] += 1
            self.missed[office] += late is not None
        self.awaited.update(case.awaited)
        if case.stands_in:
            self.open_in[case.stands_in] += 1
        self.arrived += case.arrived
        self.acts += case.acts
        self.entries += case.entries

    def days_in_stages(self) -> dict[str, Days]:
        """Days in each stage, over the cases that were in it, in the order of the procedure."""
        return {stage: found for stage in STAGES if (found := days_of(self.statistics.stage_days.get(stage, ())))}

    def days_waited(self) -> dict[Office, Days]:
        """Days on which cases waited for an office, the one with most days in all first."""
        order = sorted(self.waits, key=lambda office: (-sum(self.waits[office]), office))
        return {office: found for office in order if (found := days_of(self.waits[office]))}

    def days_to_an_ending(self) -> dict[str, Days | None]:
        """Days from opening to closing, by outcome. Every ending has its place, whether or not a case ended so."""
        return {outcome: days_of(self.ended_after.get(outcome, ())) for outcome in OUTCOMES}

    def as_json(self) -> dict[str, Any]:
        """All of it as a JSON object."""
        told = self.statistics.as_json()
        return {
            "agreement": {"id": self.agreement, "title": self.title, "version": self.version},
            "host_state": self.states[0],
            "origin_state": self.states[1],
            "days": self.days,
            "cases": {**told["cases"], "child_arrived": self.arrived},
            "acts": self.acts,
            "entries": self.entries,
            "last_visit_days": self.last_visit,
            "days_in_stages": {stage: days.as_json() for stage, days in self.days_in_stages().items()},
            "days_waited_for": [
                {
                    "role": office.role,
                    "side": office.side,
                    **days.as_json(),
                    "mean_days_a_case": round(self.mean_days_waited(office), 2),
                    "deadlines": self.owed[office],
                    "deadlines_missed": self.missed[office],
                }
                for office, days in self.days_waited().items()
            ],
            "first_missed": [
                {**first._asdict(), "cases": count}
                for first, count in sorted(self.first_missed.items(), key=lambda each: (-each[1], each[0]))
            ],
            "no_deadline_missed": self.none_missed,
            "days_to_an_ending": {
                outcome: days.as_json() if days else None for outcome, days in self.days_to_an_ending().items()
            },
            "endings": told["endings"],
            "open_at_the_end": {stage: self.open_in[stage] for stage in STAGES},
            "awaited_at_the_end": [
                {**awaited._asdict(), "cases": count}
                for awaited, count in sorted(self.awaited.items(), key=lambda each: (-each[1], each[0]))
            ],
            "refusals_by_safeguard": told["refusals_by_safeguard"],
            "detentions": told["detentions"],
            "solutions_determined": told["solutions_determined"],
            "rounds": told["rounds"],
        }


def foresee(
    agreement: Agreement,
    delays: Delays,
    *,
    cases: int,
    days: int,
    seed: int = 1,
    states: tuple[str, str] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Foresight:
    """Conduct so many invented cases of so many days each under an agreement.

    ``states`` are host and origin, where they shall be others than the agreement suggests; it must cover them.
    ``progress`` is told now and then how many of how many are done. The same arguments give the same figures.
    """
    between = states or states_of(agreement)
    found = Foresight(
        agreement=agreement.id,
        title=agreement.title,
        version=agreement.version,
        delays=delays.title,
        states=between,
        days=days,
        last_visit=max(agreement.visits, default=0),
    )
    collecting = gc.isenabled()
    # Invented cases hold nothing that holds them; looking for what does would take a tenth of the time.
    gc.disable()
    try:
        for number in range(cases):
            found.add(foreseen(number, agreement, delays, days=days, seed=seed, states=between))
            if progress is not None and (number % 100 == 99 or number + 1 == cases):
                progress(number + 1, cases)
    finally:
        if collecting:
            gc.enable()
    return found


def foreseen(
    number: int, agreement: Agreement, delays: Delays, *, days: int, seed: int, states: tuple[str, str]
) -> Foreseen:
    """What comes of one invented case, by its number."""
    return InventedCase(number, agreement, delays, states=states, days=days, seed=seed).conduct()
