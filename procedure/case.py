"""The case as a value: all that stands on record, folded, and nothing else.

A fact keeps the number of the entry that recorded it (``n``) and its moment (``at``), so that it
can be voided by number, grow old, and be shown with its evidence. A fact that is ``None`` does not
stand: it was never recorded, or it was voided.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from procedure.agreement import Agreement
from procedure.entries import GENESIS
from procedure.vocabulary import Hold, Outcome, Solution, Stage


@dataclass(frozen=True, slots=True)
class OnRecord:
    """That something is on record: the entry's number and moment (UTC)."""

    n: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Identity:
    n: int
    result: str
    dated: bool
    """Whether it told a date of birth, which then stands before the intake's."""
    before: date | None = None
    """The date of birth on record before this report."""


@dataclass(frozen=True, slots=True)
class AgeAssessed:
    n: int
    at: datetime
    result: str


@dataclass(frozen=True, slots=True)
class Screening:
    """What the protection screening found (GC6 para 31)."""

    n: int
    trafficking: bool
    asylum: bool
    violence: bool


@dataclass(frozen=True, slots=True)
class Services:
    n: int
    education: bool
    healthcare: bool


@dataclass(frozen=True, slots=True)
class InOffice:
    """A guardian or counsel in office."""

    n: int
    id: str


@dataclass(frozen=True, slots=True)
class Relative:
    """A relative on record. ``reported`` names the tracing report that found them first, as ``ENTRY.POSITION``.

    Of the relationship the first 100 characters: a case is handed over from run to run, and must stay small.
    """

    state: str
    relationship: str
    reported: str | None = None


@dataclass(frozen=True, slots=True)
class TracingReported:
    n: int
    result: str
    relatives: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FamilyAssessed:
    n: int
    at: datetime
    willing: bool
    able: bool
    safe: bool

    @property
    def good(self) -> bool:
        """Willing, able and safe: all three, or it is no care (GC6 paras 84-85)."""
        return self.willing and self.able and self.safe


@dataclass(frozen=True, slots=True)
class CareGuaranteed:
    n: int
    at: datetime
    by: str
    relative_id: str | None


@dataclass(frozen=True, slots=True)
class Heard:
    """A hearing that counts."""

    n: int
    at: datetime
    wish: str


@dataclass(frozen=True, slots=True)
class Determined:
    n: int
    at: datetime
    solution: Solution
    review_on: date | None
    rests_on_guarantee: bool
    """Whether an authority's care guarantee was on record when the panel decided."""


@dataclass(frozen=True, slots=True)
class Consented:
    n: int
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class RightsImpact:
    n: int
    at: datetime
    safe: bool


@dataclass(frozen=True, slots=True)
class Approved:
    n: int
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class FitToTravel:
    n: int
    fit: bool
    valid_until: date


@dataclass(frozen=True, slots=True)
class TravelPlan:
    """The plan in force. ``interrupted`` is the entry of the incident after which a new plan is needed."""

    n: int
    at: datetime
    by: str
    escort_id: str
    escort_employer: str
    handover_to: str
    handover_relative: str | None
    handover_placement: dict[str, Any]
    overnights: tuple[dict[str, Any], ...]
    first_departure: datetime
    last_arrival: datetime
    documents_ready: bool
    interrupted: int | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    n: int
    at: datetime
    safe: bool


@dataclass(frozen=True, slots=True)
class AppealLodged:
    n: int
    at: datetime
    against: str


@dataclass(frozen=True, slots=True)
class Suspended:
    n: int
    by: str
    until: date | None


@dataclass(frozen=True, slots=True)
class Complaint:
    n: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Deadline:
    """One running or met deadline. ``ground`` tells apart one ground from the next of the same name."""

    due: datetime
    since: datetime
    ground: str = ""
    met: datetime | None = None
    overdue: bool = False
    escalations: int = 0
    extended: int = 0
    """Days added so far."""
    stands_still_since: datetime | None = None

    @property
    def open(self) -> bool:
        return self.met is None


AsylumClaim = Literal["none", "open", "granted", "closed"]


def _not_met(deadlines: dict[str, Deadline]) -> dict[str, Deadline]:
    return {key: deadline for key, deadline in deadlines.items() if deadline.open}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A return case after its ``n``-th entry."""

    reference: str
    agreement: Agreement
    procedure_version: str
    """The version of the rules by which the newest entry was decided."""
    host_state: str
    origin_state: str
    opened_at: datetime
    opened_by: str
    situation: str
    signed: bool = False
    """Whether only signed acts count, as was decided when the case opened."""
    moves_to: str | None = None
    """The version of the rules that the next entry puts on record; None where the case stays under the one it has."""

    # The child
    date_of_birth: date | None = None
    estimated_age: int | None = None
    languages: tuple[str, ...] = ()
    identity: Identity | None = None
    age_assessed: AgeAssessed | None = None
    screening: Screening | None = None
    turned_18: bool = False

    # Care
    placement: dict[str, Any] | None = None
    placement_n: int = 1
    detained: bool = False
    missing: bool = False
    services: Services | None = None
    place_anew: OnRecord | None = None
    """A court upheld an appeal against the placement: another one is owed."""
    court_found_danger: bool = False
    emergency_overdue: bool = False

    # In office
    guardian: InOffice | None = None
    counsel: InOffice | None = None
    caseworkers: dict[str, str] = field(default_factory=dict[str, str])
    """The caseworker assigned, by state."""

    # Family
    relatives: dict[str, Relative] = field(default_factory=dict[str, Relative])
    tracing_opened: OnRecord | None = None
    tracing: TracingReported | None = None
    family: dict[str, FamilyAssessed] = field(default_factory=dict[str, FamilyAssessed])
    guarantee: CareGuaranteed | None = None

    # Best interests, in the round that runs
    round: int = 1
    hearing: Heard | None = None
    assessed: OnRecord | None = None
    assessors: tuple[str, ...] = ()
    determination: Determined | None = None
    panel_members: tuple[str, ...] = ()
    """Everyone who ever sat on a panel of this case."""
    review_reached: bool = False

    # Decision
    guardian_consent: Consented | None = None
    child_consent: Consented | None = None
    objection: OnRecord | None = None
    reintegration_plan: OnRecord | None = None
    rights_impact: RightsImpact | None = None
    approvals: dict[str, Approved] = field(default_factory=dict[str, Approved])
    """Approvals of return in force, by who must give them (``ROLE@host`` or ``ROLE@origin``)."""
    appeal_window_ends: datetime | None = None

    # Travel and after
    fitness: FitToTravel | None = None
    plan: TravelPlan | None = None
    travel_approval: Approved | None = None
    departed: OnRecord | None = None
    arrived: OnRecord | None = None
    visits: dict[int, Visit] = field(default_factory=dict[int, Visit])

    # Other endings
    stay: OnRecord | None = None
    third_country: OnRecord | None = None
    transferred: OnRecord | None = None

    # At any stage
    asylum: AsylumClaim = "none"
    appeals: tuple[AppealLodged, ...] = ()
    suspensions: dict[str, Suspended] = field(default_factory=dict[str, Suspended])
    complaints: tuple[Complaint, ...] = ()
    holds: tuple[Hold, ...] = ()
    adulthood_holds: bool = False
    deadlines: dict[str, Deadline] = field(default_factory=dict[str, Deadline])
    running: dict[str, Deadline] = field(init=False, repr=False, default_factory=dict[str, Deadline])
    """Those of the deadlines that are not met, in their order. What is met only grows, and nothing asks for it again."""

    # Where it stands
    stage: Stage = "identification"
    outcome: Outcome | None = None
    closed: bool = False

    # The record
    n: int = 0
    refused: int = 0
    head: str = GENESIS
    recorded_at: datetime
    """The moment of the newest entry."""
    last_material: int = 0
    """The newest entry that an approver must have read."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "running", _not_met(self.deadlines))

    def but(self, **changes: Any) -> "Case":
        """The same case with some of its facts changed: ``dataclasses.replace``, without its price on so many fields.

        Raises TypeError for a fact that a case does not have.
        """
        case = object.__new__(Case)
        facts = case.__dict__
        facts.update(self.__dict__)
        facts.update(changes)
        if len(facts) != len(self.__dict__):
            raise TypeError(f"a case has no {', '.join(sorted(changes.keys() - self.__dict__.keys()))}")
        if "deadlines" in changes and "running" not in changes:
            facts["running"] = _not_met(changes["deadlines"])
        return case

    @property
    def rules(self) -> str:
        """The version of the rules by which is decided what comes next; a rule that changed asks it."""
        return self.moves_to or self.procedure_version

    @property
    def solution(self) -> Solution | None:
        """The solution determined in the round that runs."""
        return self.determination.solution if self.determination else None

    @property
    def return_found(self) -> bool:
        return self.solution == "return"

    @property
    def child_state(self) -> str:
        """The state in which the child is, as far as the record knows."""
        return self.origin_state if self.arrived else self.host_state

    @property
    def travelling(self) -> bool:
        return self.departed is not None and self.arrived is None

    def state_of(self, side: str) -> str:
        return self.origin_state if side == "origin" else self.host_state

    def side_of(self, state: str) -> str | None:
        """``host``, ``origin`` or ``None`` for any other state."""
        return "host" if state == self.host_state else "origin" if state == self.origin_state else None

    def appeals_against(self, *against: str) -> tuple[AppealLodged, ...]:
        return tuple(appeal for appeal in self.appeals if appeal.against in against)

    def safe_relatives(self) -> dict[str, FamilyAssessed]:
        """Relatives assessed willing, able and safe, by id."""
        return {relative: found for relative, found in self.family.items() if found.good}
