"""Places and bodies as the contract sorts them, written from part 4 of it a second time."""

from collections.abc import Iterable
from typing import Any, Final

Said = dict[str, Any]
"""An act, or a part of one, as it was said."""

ENFORCEMENT: Final = ("police", "border", "immigration", "penitentiary", "military", "private_security")
CLOSED_KINDS: Final = ("police_station", "border_facility", "closed_school", "penitentiary")
EMERGENCY_KINDS: Final = ("child_shelter", "reception_centre", "transit_centre", "temporary_stay_centre", "hotel")
LASTING_KINDS: Final = ("family", "kinship", "foster_family", "group_home", "independent_living")
CARE_PLACES: Final = (*LASTING_KINDS, "child_shelter")
PERMITTED_ESCORTS: Final = ("child_protection", "social_service", "ngo", "health")


def closed(place: Said) -> bool:
    """Whether a child could not leave a place at will, as far as anybody can be sure (contract, part 4)."""
    return not (
        place["child_may_leave_at_will"] is True
        and place["run_by"] not in ENFORCEMENT
        and place["kind"] not in CLOSED_KINDS
        and not place.get("locked")
        and not place.get("guarded")
        and not place.get("sanction_for_leaving")
        and place.get("phone_and_visits") is not False
        and place.get("monitor_may_enter") is not False
    )


def any_closed(places: Iterable[Said]) -> bool:
    return any(map(closed, places))
