"""What a foresight assumes: how long each office takes, which cases come, and what people find. Read from TOML.

Everything here is stated by somebody and known by nobody. The numbers that come along (``delays.toml``) are invented.
"""

import math
from pathlib import Path
from statistics import NormalDist
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from procedure.acts import ACTS
from procedure.faults import Fault, Malformed, faults_of
from procedure.toml_text import NotToml, read_toml
from procedure.vocabulary import ROLES, Solution

INVENTED: Final = Path(__file__).parent / "delays.toml"
"""The assumptions that come along."""
SLIPS: Final = (
    "place_child",
    "appoint_guardian",
    "appoint_counsel",
    "hear_child",
    "determine_best_interests",
    "give_consent",
    "adopt_reintegration_plan",
    "approve_return",
    "plan_travel",
    "approve_travel",
    "close_case",
)
"""The acts that an office may get wrong in a foresight, each in one way that a safeguard stands against."""
EVENTS: Final = (
    "asylum_claim",
    "detention",
    "missing",
    "complaint",
    "suspension",
    "guardian_replaced",
    "consent_withdrawn",
    "withdrawal",
)
"""What may happen in any case on any day."""

_NINE_IN_TEN: Final = 1.2815515655446004
"""How many standard deviations above the middle nine in ten of a normal distribution end."""
_NORMAL: Final = NormalDist()
_OWE_NOTHING: Final = ("law_enforcement", "auditor", "system")

Days = Annotated[float, Field(ge=0, le=3_650, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
"""From 0 (never) to 1 (always)."""
Weight = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class MalformedDelays(Malformed):
    what = "file of delays"


class _Stated(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Delay(_Stated):
    """How long an office takes: a log-normal distribution, given by its median and by what nine in ten stay within."""

    median_days: Days
    nine_in_ten_days: Days
    never: Share = 0.0
    """How often no answer comes by itself. Only a delay told to others (``escalation``) can bring it then."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.nine_in_ten_days < self.median_days:
            raise ValueError(
                "`nine_in_ten_days` is at least `median_days`: half of the answers come before nine in ten"
            )
        if self.nine_in_ten_days > 0 and self.median_days == 0:
            raise ValueError("`median_days` is more than 0 where `nine_in_ten_days` is")
        return self

    def days(self, spread: float, never: float) -> float | None:
        """The delay in days for two numbers between 0 and 1; None where no answer comes."""
        if never < self.never:
            return None
        if self.median_days == self.nine_in_ten_days:
            return self.median_days
        width = math.log(self.nine_in_ten_days / self.median_days) / _NINE_IN_TEN
        return self.median_days * math.exp(width * _NORMAL.inv_cdf(spread))


class Ages(_Stated):
    """Ages when a case opens, in years: a triangle from the youngest over the most usual to the oldest."""

    youngest: Annotated[float, Field(ge=0, lt=18)]
    usual: Annotated[float, Field(ge=0, lt=18)]
    oldest: Annotated[float, Field(ge=0, lt=18)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.youngest <= self.usual <= self.oldest:
            raise ValueError("`youngest`, `usual` and `oldest` come in this order")
        return self


class Situations(_Stated):
    """Weights of the situations in which children are found."""

    unaccompanied: Weight
    separated: Weight
    with_family: Weight

    @model_validator(mode="after")
    def _any(self) -> Self:
        if not self.unaccompanied + self.separated + self.with_family:
            raise ValueError("at least one situation weighs more than 0")
        return self


class Children(_Stated):
    """Who comes: shares of all cases."""

    age: Ages
    birth_unknown: Share
    situation: Situations
    emergency_placement: Share
    """In a shelter, a hotel or a reception centre when the case opens."""
    detained: Share
    """In detention when the case opens."""


class Solutions(_Stated):
    """Weights of what a panel finds. ``return`` weighs only where the law lets the panel find it."""

    back: Annotated[Weight, Field(alias="return")]
    stay: Weight
    third_country: Weight
    postpone: Weight

    @model_validator(mode="after")
    def _something_besides_return(self) -> Self:
        if not self.stay + self.third_country + self.postpone:
            raise ValueError("at least one of `stay`, `third_country`, `postpone` weighs more than 0")
        return self

    def weights(self) -> dict[Solution, float]:
        return {
            "return": self.back,
            "stay": self.stay,
            "third_country": self.third_country,
            "postpone": self.postpone,
        }


class Panel(_Stated):
    """What panels find, by what is before them."""

    family_safe: Solutions
    no_family: Solutions
    child_wishes_to_stay: Solutions
    postponed_days: Annotated[int, Field(ge=1, le=365)]
    goes_on_without_tracing: Share
    """How often the panel decides all the same, for a stay or a later day, when tracing has been late for long."""


class Findings(_Stated):
    """What people find and say when it is their turn, as shares of the times they are asked."""

    assessed_adult: Share
    asylum_at_screening: Share
    violence_at_screening: Share
    child_agrees_to_tracing: Share
    family_found: Share
    tracing_goes_on: Share
    family_good: Share
    """A relative found is willing, able and safe."""
    origin_guarantees_care: Share
    wishes_to_stay: Share
    child_refuses_consent: Share
    guardian_refuses_consent: Share
    return_unsafe: Share
    """The rights-impact assessment says unsafe."""
    unfit_to_travel: Share
    incident_on_the_way: Share
    handed_over_wrongly: Share
    visit_finds_unsafe: Share
    appeal_after_determination: Share
    appeal_after_approvals: Share
    appeal_upheld: Share
    asylum_granted: Share
    complaint_upheld: Share


class Escalation(_Stated):
    """What the telling of a missed deadline brings about."""

    heeded: Share
    """How often the office then answers soon, each time that somebody is told."""
    answer: Delay


class Journey(_Stated):
    planned_ahead_days: Annotated[float, Field(ge=0, le=365)]
    lasts_hours: Annotated[float, Field(gt=0, le=240)]


class Visits(_Stated):
    begun_before_due_days: Annotated[float, Field(ge=0, le=365)]
    """How long before a visit is due somebody sets about it; the monitor's delay runs from there."""


class Delays(_Stated):
    """All that is assumed of offices and cases."""

    # Printed and drawn: what moves a terminal's cursor, or has no place in XML, is no letter of a title.
    title: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f\ufffe\uffff]+$")]
    note: Annotated[str, Field(max_length=2_000)] = ""
    otherwise: Delay
    """The delay of every office that is not named."""
    offices: dict[str, Delay]
    """Delays by office: ``ROLE``, or ``ROLE@host`` and ``ROLE@origin``."""
    acts: dict[str, Delay] = {}
    """Delays of single acts, which stand before those of the office: ``ACT``, or ``ACT@host`` and ``ACT@origin``."""
    escalation: Escalation
    journey: Journey
    visits: Visits
    children: Children
    findings: Findings
    panel: Panel
    events: dict[str, Share]
    """How likely each of :data:`EVENTS` is within a year; what is not named never happens."""
    slips: dict[str, Share] = {}
    """How often an act of :data:`SLIPS` comes wrongly and is refused; what is not named never does."""

    def of(self, act: str, role: str, side: str) -> Delay:
        """The delay of an act that a role of a side (``host``, ``origin``) owes."""
        for found in (self.acts.get(f"{act}@{side}"), self.acts.get(act), self.offices.get(f"{role}@{side}")):
            if found is not None:
                return found
        return self.offices.get(role, self.otherwise)


def read_delays(text: str) -> Delays:
    """Read assumptions from TOML. Raises :class:`MalformedDelays` with every fault and its path."""
    try:
        given = read_toml(text)
    except NotToml as error:
        raise MalformedDelays([Fault(path="$", message=f"is not TOML: {error}")]) from None
    try:
        found = Delays.model_validate(given)
    except ValidationError as error:
        raise MalformedDelays(faults_of(error)) from None
    roles = [role for role in ROLES if role not in _OWE_NOTHING]
    faults = [
        *_unknown("offices", found.offices, roles, sides=True),
        *_unknown("acts", found.acts, sorted(ACTS), sides=True),
        *_unknown("events", found.events, EVENTS),
        *_unknown("slips", found.slips, SLIPS),
    ]
    if faults:
        raise MalformedDelays(faults)
    return found


def _unknown(table: str, named: dict[str, Any], known: Any, *, sides: bool = False) -> list[Fault]:
    """A fault for each name of a table that nothing has."""
    faults: list[Fault] = []
    for name in named:
        plain, at, side = name.partition("@")
        if plain not in known:
            faults.append(Fault(path=f"{table}.{name}", message=f"no such name; there are {', '.join(known)}"))
        elif at and not (sides and side in ("host", "origin")):
            ends = "after `@` stands `host` or `origin`" if sides else "a name without `@` is needed here"
            faults.append(Fault(path=f"{table}.{name}", message=ends))
    return faults
