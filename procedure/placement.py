"""Where a child sleeps, and whether that is detention.

Source: CRC art. 37(b); CMW/GC4-CRC/GC23 paras 5-13; the definition of the UN Global Study on
Children Deprived of Liberty (2019): a place, public or private, that the child may not leave at
will. Names and labels are no evidence either way (OSCE meeting report, day 1, on "transit centres").
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from procedure.vocabulary import ENFORCEMENT, PlacementKind, RunBy

CLOSED_KINDS: Final[frozenset[PlacementKind]] = frozenset(
    {"police_station", "border_facility", "closed_school", "penitentiary"}
)
"""Kinds that are detention whatever is claimed of them."""

EMERGENCY_KINDS: Final[frozenset[PlacementKind]] = frozenset(
    {"child_shelter", "reception_centre", "transit_centre", "temporary_stay_centre", "hotel"}
)
"""Kinds that may shelter a child for a short time only (GAC paras 21-23, 123)."""

FAMILY_KINDS: Final[frozenset[PlacementKind]] = frozenset({"family", "kinship", "foster_family"})

LASTING_KINDS: Final = FAMILY_KINDS | frozenset[PlacementKind]({"group_home", "independent_living"})
"""Family-based or group care, and the supported flat of an older child: what ends an emergency (GAC paras 21-23, 29)."""

_SEEN_TRUE: Final = {
    "locked": "it was seen locked",
    "guarded": "it was seen guarded",
    "sanction_for_leaving": "children are punished for leaving",
}
_SEEN_FALSE: Final = {
    "phone_and_visits": "phone calls and visits are not allowed",
    "monitor_may_enter": "an independent monitor may not enter",
}


class Placement(BaseModel):
    """A place, vehicle or custody in which a child is or would be.

    ``child_may_leave_at_will`` must be said; ``None`` means unknown, and unknown is unsafe.
    The optional fields are what somebody saw there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Annotated[str, Field(min_length=1, max_length=400)]
    kind: PlacementKind
    run_by: RunBy
    child_may_leave_at_will: bool | None
    locked: bool | None = None
    guarded: bool | None = None
    sanction_for_leaving: bool | None = None
    phone_and_visits: bool | None = None
    monitor_may_enter: bool | None = None


def detention_reasons(placement: Mapping[str, Any]) -> list[str]:
    """Why a placement is detention, each reason a clause of a sentence; empty when it is not.

    ``placement`` is a placement as recorded (the JSON object). Anything that is not plainly
    said to be open counts as closed: a missing or unknown answer is a reason.
    """
    reasons: list[str] = []
    may_leave = placement.get("child_may_leave_at_will")
    if may_leave is None:
        reasons.append("it is not known whether the child may leave at will")
    elif may_leave is not True:
        reasons.append("the child may not leave at will")
    run_by = placement.get("run_by")
    if run_by is None or run_by in ENFORCEMENT:
        reasons.append(f"it is run by {str(run_by or 'nobody named').replace('_', ' ')}")
    kind = placement.get("kind")
    if kind is None or kind in CLOSED_KINDS:
        reasons.append(f"a {str(kind or 'place of no named kind').replace('_', ' ')} is never a place of care")
    reasons.extend(clause for field, clause in _SEEN_TRUE.items() if placement.get(field) is True)
    reasons.extend(clause for field, clause in _SEEN_FALSE.items() if placement.get(field) is False)
    return reasons


def is_detention(placement: Mapping[str, Any]) -> bool:
    """Whether the child could not leave this placement at will, as far as anyone can be sure."""
    return bool(detention_reasons(placement))


def is_lasting(placement: Mapping[str, Any]) -> bool:
    """Whether the placement ends an emergency that lasted too long (contract, part 4)."""
    return placement.get("kind") in LASTING_KINDS


def is_emergency(placement: Mapping[str, Any] | None) -> bool:
    """Whether the placement may last only as long as the deadline ``emergency_placement``."""
    return placement is not None and placement.get("kind") in EMERGENCY_KINDS
