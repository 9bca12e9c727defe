"""The terms between two states that a case is conducted under, complete and fixed at its opening.

How a profile is written down stands in :mod:`procedure.profiles`; what no profile may loosen, in
:mod:`procedure.floor` (procedure.md, part 8).
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from procedure.calendars import add_working_days
from procedure.canonical import canonical
from procedure.faults import Malformed
from procedure.vocabulary import RunBy

Certainty = Literal["read", "remembered", "unverified", "ours"]
Whole = Annotated[int, Field(strict=True, le=3_650)]

DEADLINES: Final = (
    "identification",
    "protection_screening",
    "guardian",
    "counsel",
    "services",
    "emergency_placement",
    "release",
    "tracing",
    "family_assessment",
    "hearing",
    "determination",
    "consent",
    "reintegration_plan",
    "rights_impact",
    "approval_host",
    "approval_origin",
    "appeal_window",
    "travel_plan",
    "travel_approval",
    "arrival",
    "settlement",
    "complaint",
    "missing",
)
"""Every deadline with a period of its own (procedure.md, part 4): monitoring visits stand under ``visits``,
and a review runs to the date that the panel names."""


class Clause(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Period(Clause):
    """A length of time: calendar days, working days of the state that owes, or hours. Exactly one of them."""

    days: Whole | None = None
    working_days: Whole | None = None
    hours: Whole | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if sum(part is not None for part in (self.days, self.working_days, self.hours)) != 1:
            raise ValueError("give exactly one of `days`, `working_days`, `hours`")
        return self

    def due(self, start: datetime, calendar: str | None) -> datetime:
        """The moment this long after ``start`` (UTC), working days counted in a state's ``calendar``."""
        if self.hours is not None:
            return start + timedelta(hours=self.hours)
        if self.days is not None:
            return start + timedelta(days=self.days)
        return add_working_days(start, self.working_days or 0, calendar)

    def at_most_hours(self) -> float:
        """The longest it can be, in hours; a working day counts as three calendar days at worst over holidays."""
        if self.hours is not None:
            return self.hours
        return 24 * (self.days if self.days is not None else 3 * (self.working_days or 0))

    def at_least_hours(self) -> float:
        """The shortest it can be, in hours."""
        if self.hours is not None:
            return self.hours
        return 24 * (self.days if self.days is not None else self.working_days or 0)


class ShelfLives(Clause):
    """For how many days evidence may be relied on. Ours: no instrument gives the numbers."""

    determination: Whole
    family_assessment: Whole
    care_guarantee: Whole
    consent: Whole
    rights_impact: Whole


class Retention(Clause):
    """How long the record of a closed case is kept before it may be erased: until the later of both (ours)."""

    years: Whole
    """After the newest entry, which is the closing or later."""
    until_age: Whole
    """Of the child: whoever was one can still ask what was decided about them, and go to a court."""


class Agreement(Clause):
    """The complete terms a case is conducted under, fixed at its opening."""

    id: str
    title: str
    version: str
    states: tuple[str, ...]
    """The states it binds: two, one with any other, or none named for any two."""
    side: Literal["host", "origin", "both"]
    in_force_from: date
    in_force_until: date | None = None
    consent_age: Whole
    deadlines: dict[str, Period]
    visits: tuple[Whole, ...]
    """Days after arrival, one a monitoring visit."""
    escalate_after: tuple[Whole, Whole]
    """Days after the due moment at which levels 1 and 2 are told."""
    extension_limit: Whole
    """Days in total by which one deadline may be extended."""
    shelf_lives: ShelfLives
    approvals: tuple[str, ...]
    """Who approves a return, each as ``ROLE@host`` or ``ROLE@origin``."""
    escort_employers: tuple[RunBy, ...]
    languages: tuple[str, ...] = ()
    calendars: dict[str, str] = {}
    """The calendar of public holidays to count in, by state, where it is not the state's own."""
    retention: Retention | None = None
    """None in cases from before there was such a clause; :data:`procedure.retention.WHERE_NOTHING_IS_SAID` holds then."""

    def terms(self) -> dict[str, Any]:
        """The terms as a JSON object, complete."""
        # Terms from before a clause existed must come out as they were: their digest stands in records.
        return self.model_dump(mode="json", exclude={"retention"} if self.retention is None else None)

    @classmethod
    def from_terms(cls, terms: Mapping[str, Any]) -> Self:
        """The agreement that :meth:`terms` wrote down. It is not held to the floor again: it was, when it was loaded."""
        return cls.model_validate(dict(terms))

    @classmethod
    def shared(cls, terms: Mapping[str, Any]) -> Self:
        """The same as :meth:`from_terms`, one object for all cases with these terms: a worker holds thousands of cases."""
        return cls._of(canonical(terms))

    @classmethod
    @lru_cache(maxsize=64)
    def _of(cls, terms: bytes) -> Self:
        return cls.from_terms(json.loads(terms))

    def digest(self) -> str:
        """SHA-256 over the canonical JSON of the terms, hex."""
        return hashlib.sha256(canonical(self.terms())).hexdigest()

    def covers(self, host: str, origin: str) -> bool:
        """Whether it is between these two states, or between any."""
        return not self.states or {host, origin} >= set(self.states)

    def in_force(self, day: date) -> bool:
        """Whether it is in force on that day."""
        return self.in_force_from <= day and (self.in_force_until is None or day <= self.in_force_until)


class Breach(BaseModel):
    """One clause of a profile that would loosen the floor."""

    model_config = ConfigDict(frozen=True)

    clause: str
    """Its dotted path in the profile."""
    says: str
    floor: str
    """What the floor demands instead."""
    source: str
    certainty: Certainty | None = None
    """How sure it is that the agreement says so."""
    cited: str | None = None
    """Where it is known from."""

    def sentence(self) -> str:
        """The breach in one line for a person."""
        mark = f" [{self.certainty}: {self.cited}]" if self.certainty else ""
        return f"{self.clause}: {self.says}{mark} The floor: {self.floor} ({self.source})"


class MalformedAgreement(Malformed):
    what = "agreement"


class BelowTheFloor(ValueError):
    """The profile loosens the floor; :attr:`breaches` lists every clause that does."""

    def __init__(self, id: str, breaches: list[Breach]) -> None:
        self.id = id
        self.breaches = breaches
        super().__init__(f"agreement {id} is below the floor: {'; '.join(breach.sentence() for breach in breaches)}")
