"""Figures of many cases, from headers alone: nothing personal goes in, and no case is named in what comes out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median, quantiles
from typing import Any, Final, NamedTuple, get_args

from casefile.deadline_figures import DeadlineFigure, deadline_figures
from procedure.entries import Entry
from procedure.vocabulary import SAFEGUARD_NAMES, STAGES, Outcome, Solution

OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
SOLUTIONS: Final[tuple[Solution, ...]] = get_args(Solution)
RELEASED_WITHIN: Final[tuple[tuple[str, float], ...]] = (
    ("24_hours", 24),
    ("3_days", 72),
    ("7_days", 168),
    ("longer", float("inf")),
)
"""How long a detention may have lasted, in hours. 24 hours is the longest that an agreement can set for a release."""

_HOUR: Final = 3_600
_DAY: Final = 86_400


# One case


@dataclass(frozen=True, slots=True)
class Stretch:
    """Something that lasted: its name, the moments (UTC) and entries that began and ended it. ``None``: it goes on."""

    name: str
    since: datetime
    begun_by: int
    until: datetime | None = None
    ended_by: int | None = None

    def ended(self, entry: Entry) -> "Stretch":
        return Stretch(self.name, self.since, self.begun_by, entry.at, entry.n)

    def seconds(self, newest: datetime) -> float:
        """How long it lasted, up to ``newest`` if it goes on."""
        return ((self.until or newest) - self.since).total_seconds()


def stages(entries: Iterable[Entry]) -> Iterator[Stretch]:
    """Each stay in a stage, in order. After settling, ``closed`` lasts until somebody closes the case."""
    now: Stretch | None = None
    first: Entry | None = None
    for entry in entries:
        first = first or entry
        match entry.kind:
            case "opened":
                now = Stretch(entry.facts.get("stage", "identification"), entry.at, entry.n)
            case "stage":
                # Where the beginning is not shown, the first change of stage still says which one was left.
                left = now or Stretch(entry.facts.get("was", ""), first.at, first.n)
                yield left.ended(entry)
                now = Stretch(entry.facts.get("stage", ""), entry.at, entry.n)
            case "closed" if now:
                yield now.ended(entry)
                return
            case _:
                pass
    if now:
        yield now


def holds(entries: Iterable[Entry]) -> Iterator[Stretch]:
    """Each hold from the entry that set it to the one that lifted it, in the order in which they ended."""
    standing: dict[str, Stretch] = {}
    for entry in entries:
        name = entry.facts.get("hold", "")
        if entry.kind == "hold":
            standing.setdefault(name, Stretch(name, entry.at, entry.n))
        elif entry.kind == "hold_lifted" and (hold := standing.pop(name, None)):
            yield hold.ended(entry)
    yield from standing.values()


def detentions(entries: Iterable[Entry]) -> Iterator[Stretch]:
    """Each detention from the entry that told of it first to the hold that was lifted."""
    now: Stretch | None = None
    for entry in entries:
        is_of_it = entry.kind == "detention" or entry.facts.get("hold") == "detention"
        if is_of_it and entry.kind in ("detention", "hold") and now is None:
            now = Stretch("detention", entry.at, entry.n)
        elif is_of_it and entry.kind == "hold_lifted" and now:
            yield now.ended(entry)
            now = None
    if now:
        yield now


class Owed(NamedTuple):
    """A deadline as its office had it: hours late, or ``None`` where it was not missed."""

    role: str
    state: str | None
    late_hours: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFigures:
    """What one case brings to the statistics. Nothing in it says which case, or whose."""

    closed: bool
    outcome: str | None
    stage_days: dict[str, float]
    """Days in each stage, all stays in it together; in the one that it is in, up to the newest entry."""
    owed: tuple[Owed, ...]
    refusals: dict[str, int]
    """Acts refused, by each safeguard that refused them."""
    release_hours: tuple[float | None, ...]
    """Hours from each report of detention to the release, ``None`` where there is none yet."""
    solutions: dict[str, int]
    rounds: int


def figures_of(
    entries: Iterable[Entry], *, until: datetime | None = None, deadlines: Sequence[DeadlineFigure] | None = None
) -> CaseFigures:
    """The figures of one case, from its entries' headers. Raises ValueError when there are none.

    What goes on is counted up to the newest entry, or up to ``until`` where that is later. ``deadlines`` are those of
    these entries, where somebody has them already.
    """
    record = list(entries)
    if not record:
        raise ValueError("a case has at least one entry")
    newest = max(record[-1].at, until or record[-1].at)
    stage_days: dict[str, float] = {}
    for stay in stages(record):
        stage_days[stay.name] = stage_days.get(stay.name, 0) + stay.seconds(newest) / _DAY
    return CaseFigures(
        closed=any(entry.kind == "closed" for entry in record),
        outcome=next((entry.facts.get("outcome") for entry in record if entry.kind == "closed"), None),
        stage_days=stage_days,
        owed=tuple(
            Owed(figure.role, figure.state, figure.late.total_seconds() / _HOUR if figure.late is not None else None)
            for figure in (deadline_figures(record) if deadlines is None else deadlines)
            if figure.role is not None
        ),
        refusals=dict(Counter(name for entry in record if entry.kind == "refused" for name in entry.safeguards)),
        release_hours=tuple(spell.seconds(newest) / _HOUR if spell.until else None for spell in detentions(record)),
        solutions=dict(
            Counter(
                entry.facts["solution"]
                for entry in record
                if entry.kind == "accepted" and entry.act == "determine_best_interests"
            )
        ),
        rounds=max((entry.facts["round"] for entry in record if "round" in entry.facts), default=1),
    )


# Many cases


@dataclass(frozen=True, slots=True)
class Spread:
    """How figures spread: how many, the quartiles, and the largest."""

    count: int
    lower: float
    median: float
    upper: float
    longest: float

    def as_json(self, unit: str) -> dict[str, Any]:
        """The spread as a JSON object, its unit in the names."""
        return {
            "count": self.count,
            f"lower_quartile_{unit}": round(self.lower, 2),
            f"median_{unit}": round(self.median, 2),
            f"upper_quartile_{unit}": round(self.upper, 2),
            f"longest_{unit}": round(self.longest, 2),
        }


def spread(figures: Sequence[float]) -> Spread | None:
    """The spread of some figures; ``None`` when there are none."""
    if not figures:
        return None
    lower, middle, upper = (
        quantiles(figures, n=4, method="inclusive") if len(figures) > 1 else (figures[0], median(figures), figures[0])
    )
    return Spread(len(figures), lower, middle, upper, max(figures))


@dataclass(slots=True)
class Office:
    """What an office owed: a role of a state (``None`` where the headers do not tell it), never a person."""

    role: str
    state: str | None
    owed: int = 0
    late_hours: list[float] = field(default_factory=list[float])
    """One figure for each deadline missed."""

    @property
    def missed(self) -> int:
        return len(self.late_hours)


@dataclass(slots=True)
class Statistics:
    """Many cases in figures. It grows by a few numbers a case, however long the cases are."""

    cases: int = 0
    closed: int = 0
    stage_days: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    offices: dict[tuple[str, str | None], Office] = field(default_factory=dict[tuple[str, str | None], Office])
    refusals: Counter[str] = field(default_factory=Counter[str])
    release_hours: list[float] = field(default_factory=list[float])
    still_detained: int = 0
    endings: Counter[str] = field(default_factory=Counter[str])
    solutions: Counter[str] = field(default_factory=Counter[str])
    rounds: Counter[int] = field(default_factory=Counter[int])
    """Cases by the number of their rounds of best interests."""

    def add(self, case: CaseFigures) -> None:
        """Count one case more."""
        self.cases += 1
        self.closed += case.closed
        for stage, days in case.stage_days.items():
            self.stage_days.setdefault(stage, []).append(days)
        for role, state, late in case.owed:
            office = self.offices.setdefault((role, state), Office(role, state))
            office.owed += 1
            if late is not None:
                office.late_hours.append(late)
        self.refusals.update(case.refusals)
        for hours in case.release_hours:
            if hours is None:
                self.still_detained += 1
            else:
                self.release_hours.append(hours)
        if case.outcome:
            self.endings[case.outcome] += 1
        self.solutions.update(case.solutions)
        self.rounds[case.rounds] += 1

    def time_in_stages(self) -> dict[str, Spread]:
        """Days in each stage, over the cases that were in it, in the order of the procedure."""
        return {stage: found for stage in STAGES if (found := spread(self.stage_days.get(stage, ())))}

    def by_office(self) -> list[Office]:
        """Every office that owed something, those that missed most first."""
        return sorted(self.offices.values(), key=lambda each: (-each.missed, -each.owed, each.role, each.state or ""))

    def refusals_by_safeguard(self) -> dict[str, int]:
        """Refusals, the most frequent safeguard first."""
        order = (*SAFEGUARD_NAMES, *sorted(self.refusals.keys() - set(SAFEGUARD_NAMES)))
        found = {name: self.refusals[name] for name in order if self.refusals[name]}
        return dict(sorted(found.items(), key=lambda each: -each[1]))

    def released_within(self) -> dict[str, int]:
        """Detentions that ended, by how long they had lasted (:data:`RELEASED_WITHIN`)."""
        found = dict.fromkeys((name for name, _ in RELEASED_WITHIN), 0)
        for hours in self.release_hours:
            found[next(name for name, most in RELEASED_WITHIN if hours <= most)] += 1
        return found

    def as_json(self) -> dict[str, Any]:
        """All of it as a JSON object. Every ending has its place in it, whether or not a case ended so."""
        released = spread(self.release_hours)
        return {
            "cases": {"all": self.cases, "open": self.cases - self.closed, "closed": self.closed},
            "time_in_stages": {stage: days.as_json("days") for stage, days in self.time_in_stages().items()},
            "deadlines_by_office": [
                {
                    "role": office.role,
                    "state": office.state,
                    "owed": office.owed,
                    "missed": office.missed,
                    "median_late_hours": round(median(office.late_hours), 2) if office.late_hours else None,
                }
                for office in self.by_office()
            ],
            "refusals_by_safeguard": self.refusals_by_safeguard(),
            "detentions": {
                "reported": len(self.release_hours) + self.still_detained,
                "released": len(self.release_hours),
                "open": self.still_detained,
                "hours_to_release": released.as_json("hours") if released else None,
                "released_within": self.released_within(),
            },
            "endings": {outcome: self.endings[outcome] for outcome in OUTCOMES},
            "solutions_determined": {solution: self.solutions[solution] for solution in SOLUTIONS},
            "rounds": {str(rounds): count for rounds, count in sorted(self.rounds.items())},
        }


def statistics(cases: Iterable[CaseFigures]) -> Statistics:
    """The statistics of these cases, which are looked at one by one."""
    found = Statistics()
    for case in cases:
        found.add(case)
    return found
