"""Where a child sleeps: what is detention, and every place where a placement can stand."""

from collections.abc import Callable
from itertools import product
from typing import Any, get_args

import pytest
from courses import FAMILY, FOSTER, STATION, Course
from walking import plainly_detention

from procedure.placement import detention_reasons, is_detention, is_emergency
from procedure.vocabulary import PlacementKind, RunBy

KINDS: tuple[str, ...] = get_args(PlacementKind)
BODIES: tuple[str, ...] = get_args(RunBy)
SEEN = ("locked", "guarded", "sanction_for_leaving", "phone_and_visits", "monitor_may_enter")

CLOSED_KINDS = {"police_station", "border_facility", "closed_school", "penitentiary"}
ENFORCEMENT = {"police", "border", "immigration", "penitentiary", "military", "private_security"}
EMERGENCY = {"child_shelter", "reception_centre", "transit_centre", "temporary_stay_centre", "hotel"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("run_by", BODIES)
def test_every_kind_and_every_body_is_judged_as_the_contract_says(kind: str, run_by: str) -> None:
    """An open place is detention exactly when its kind or its body says so."""
    place = {**FOSTER, "kind": kind, "run_by": run_by}
    assert (kind in CLOSED_KINDS or run_by in ENFORCEMENT) == is_detention(place)


@pytest.mark.parametrize("may_leave", [True, False, None])
def test_only_a_plain_yes_to_leaving_is_freedom(may_leave: bool | None) -> None:
    """Unknown is unsafe."""
    assert (may_leave is not True) == is_detention({**FOSTER, "child_may_leave_at_will": may_leave})


@pytest.mark.parametrize(
    ("field", "value", "closed"),
    [(field, value, value is (field in SEEN[:3])) for field in SEEN for value in (True, False)]
    + [(field, None, False) for field in SEEN],
)
def test_what_was_seen_weighs_more_than_what_is_claimed(field: str, value: bool | None, closed: bool) -> None:
    """A lock, a guard, a punishment, no visits or no monitor make detention; not having looked does not."""
    assert closed == is_detention({**FOSTER, field: value})


def test_the_law_and_the_tests_own_reading_of_the_contract_agree_on_every_place() -> None:
    """All kinds, bodies, answers and sights together: two readings, one result, and a reason for each detention."""
    sights = [{}, *({field: value} for field in SEEN for value in (True, False))]
    for kind, body, leave, sight in product(KINDS, BODIES, (True, False, None), sights):
        place = {"name": "x", "kind": kind, "run_by": body, "child_may_leave_at_will": leave, **sight}
        assert plainly_detention(place) == is_detention(place) == bool(detention_reasons(place)), place


@pytest.mark.parametrize("name", ["Happy Children's Home", "Transit Institution", "Holiday Camp", "PRISON"])
def test_a_name_is_no_evidence_either_way(name: str) -> None:
    """However a place is called, only what it is counts."""
    assert not is_detention({**FOSTER, "name": name})
    assert is_detention({**STATION, "name": name})


def test_a_hospital_stay_for_treatment_is_not_detention() -> None:
    """Run by health, and the child may leave at will."""
    hospital = {"name": "Invented Hospital", "kind": "hospital", "run_by": "health", "child_may_leave_at_will": True}
    assert not is_detention(hospital)
    assert is_detention({**hospital, "child_may_leave_at_will": False})


@pytest.mark.parametrize("kind", KINDS)
def test_shelters_centres_and_hotels_are_for_emergencies_only(kind: str) -> None:
    """Exactly the contract's five kinds start the deadline of an emergency placement."""
    assert (kind in EMERGENCY) == is_emergency({**FOSTER, "kind": kind})
    course = Course(placement={**FOSTER, "kind": kind, "run_by": "ngo"})
    assert (kind in EMERGENCY) == course.runs("emergency_placement")


CLOSED_PLACES = [
    pytest.param({**FAMILY, **change}, id=f"{name} is {value}")
    for change in (
        {"child_may_leave_at_will": False},
        {"child_may_leave_at_will": None},
        {"run_by": "immigration"},
        {"kind": "closed_school"},
        {"locked": True},
        {"guarded": True},
        {"sanction_for_leaving": True},
        {"phone_and_visits": False},
        {"monitor_may_enter": False},
    )
    for name, value in change.items()
]


def _overnight(course: Course, place: dict[str, Any]) -> dict[str, Any]:
    legs = course.act("plan_travel")["legs"]
    return {"legs": [{**legs[0], "overnight": place}, *legs[1:]]}


DECISIONS: dict[str, tuple[Callable[[], Course], str, Callable[[Course, dict[str, Any]], dict[str, Any]]]] = {
    "a placement": (Course, "place_child", lambda c, place: {"placement": place}),
    "an overnight stay of a journey": (lambda: Course().decided(), "plan_travel", _overnight),
    "the hand-over of a journey": (
        lambda: Course().decided(),
        "plan_travel",
        lambda c, place: {"handover": {"to": "family", "relative_id": "r1", "placement": place}},
    ),
    "a third country": (
        lambda: Course().determined("third_country"),
        "arrange_third_country",
        lambda c, place: {"placement": place},
    ),
}


@pytest.mark.parametrize("place", CLOSED_PLACES)
@pytest.mark.parametrize("where", DECISIONS)
def test_no_decision_leads_into_detention(where: str, place: dict[str, Any]) -> None:
    """Wherever a decision names a place, a closed one is refused by no-detention and the child stays where it is."""
    reach, act, fields = DECISIONS[where]
    course = reach()
    before = course.case.placement
    assert "no-detention" in course.refused(act, **fields(course, place))
    assert before == course.case.placement
    assert "detention" not in course.holds


REPORTS: dict[str, tuple[Callable[[], Course], str]] = {
    "a detention reported": (Course, "report_detention"),
    "a child found": (lambda: Course().does("report_missing"), "report_found"),
    "an incident on the journey": (lambda: Course().departed(), "report_incident"),
    "an arrival": (lambda: Course().departed(), "arrive"),
    "a monitoring visit": (lambda: Course().arrived(), "record_visit"),
    "a release that is none": (lambda: Course(placement=STATION), "confirm_release"),
}


@pytest.mark.parametrize("place", CLOSED_PLACES)
@pytest.mark.parametrize("where", REPORTS)
def test_no_report_of_detention_is_refused_and_none_goes_unanswered(where: str, place: dict[str, Any]) -> None:
    """A report of a closed place is taken in: entry detention, hold, release deadline; a release lifts all that."""
    reach, act = REPORTS[where]
    course = reach()
    last = course.case.n
    course.does(act, placement=place)
    made = course.proceedings.since(last)
    assert ["no-detention"] == [name for e in made if e.kind == "detention" for name in e.safeguards]
    assert "detention" in course.holds
    assert course.runs("release")
    assert course.case.placement == place
    course.does("confirm_release")
    assert "detention" not in course.holds
    assert not course.runs("release")


@pytest.mark.parametrize("place", CLOSED_PLACES)
def test_an_intake_that_tells_of_detention_opens_with_the_hold(place: dict[str, Any]) -> None:
    """Where the child is at the opening is a report: never refused, answered at once."""
    course = Course(placement=place)
    assert ["opened", "detention", "hold"] == [entry.kind for entry in course.entries]
    assert {"detention"} == course.holds
    assert course.runs("release")


def test_a_detention_reported_of_an_open_place_is_believed() -> None:
    """Whoever says detention is believed until somebody confirms the release."""
    course = Course().does("report_detention", placement=FOSTER)
    assert "detention" in course.holds


def test_a_sighting_in_an_open_place_does_not_end_a_detention() -> None:
    """Only a confirmed release or an accepted placement lifts the hold."""
    course = Course().does("report_detention").does("report_found", placement=FOSTER)
    assert "detention" in course.holds
    course.does("place_child")
    assert "detention" not in course.holds


def test_an_arrival_that_nobody_planned_is_refused_and_its_detention_is_still_answered() -> None:
    """A report out of order changes nothing else, but a child told to be detained is never passed over."""
    course = Course()
    assert {"out-of-order"} == course.refused("arrive", placement=STATION, who="origin authority")
    assert "detention" in course.holds
    assert course.runs("release")


def test_a_hand_over_to_the_police_is_escalated_at_once() -> None:
    """An arrival not into care goes to the central authority and the ombudsperson in the same moment."""
    course = Course().departed()
    course.does("arrive", handed_to="other", placement=FAMILY)
    told = [e for e in course.entries if e.kind == "escalated" and "handover-into-care" in e.safeguards]
    assert [1, 2] == [entry.facts["level"] for entry in told]


def test_a_hand_over_into_detention_is_answered_as_detention() -> None:
    """At a police station the answer is the hold and the release deadline."""
    course = Course().departed().does("arrive", handed_to="law_enforcement", placement=STATION)
    assert "detention" in course.holds
    assert course.runs("release")


def test_an_arrival_at_a_place_that_is_no_care_is_escalated_at_once() -> None:
    """Open or not, a transit centre is nothing that a plan could have named."""
    course = Course().departed().does("arrive", placement={**FOSTER, "kind": "transit_centre"})
    assert [1, 2] == [level for _, _, level in course.kinds("escalated")]
