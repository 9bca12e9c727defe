"""What voids what (procedure.md, part 1)."""

from collections.abc import Callable

import pytest
from courses import FOSTER, STATION, Course

GUARDIAN_2 = {"id": "guardian-2", "role": "guardian", "state": "MD"}

VOID_APPROVALS: dict[str, Callable[[Course], object]] = {
    "the guardian withdraws": lambda c: c.does("withdraw_consent"),
    "the child withdraws": lambda c: c.does("withdraw_consent", "child"),
    "the guardian refuses": lambda c: c.does("give_consent", given=False),
    "the child refuses": lambda c: c.does("give_consent", "child", given=False),
    "the child wishes to stay": lambda c: c.does("hear_child", wish="stay"),
    "best interests are reopened": lambda c: c.does("reopen_best_interests"),
    "the host declines": lambda c: c.does("decline_return"),
    "the origin declines": lambda c: c.does("decline_return", "origin authority"),
    "an appeal against the determination is upheld": lambda c: c.does("appeal", against="best_interests").does(
        "decide_appeal", result="upheld"
    ),
    "an appeal against the return is upheld": lambda c: c.does("appeal", against="return").does(
        "decide_appeal", result="upheld"
    ),
    "asylum is granted": lambda c: c.does("lodge_asylum_claim").does("resolve_asylum_claim", result="granted"),
    "the child is reported detained": lambda c: c.does("report_detention"),
    "the child is found in a closed place": lambda c: c.does("report_found", placement=STATION),
}

KEEP_APPROVALS: dict[str, Callable[[Course], object]] = {
    "a new guardian": lambda c: c.does("replace_guardian"),
    "a hearing with another wish": lambda c: c.does("hear_child", wish="undecided"),
    "a hearing that does not count": lambda c: c.does("hear_child", wish="stay", informed=False),
    "an appeal that is dismissed": lambda c: c.does("appeal").does("decide_appeal"),
    "an appeal against the placement that is upheld": lambda c: c.does("appeal", against="placement").does(
        "decide_appeal", result="upheld"
    ),
    "an appeal against the journey that is upheld": lambda c: c.does("appeal", against="travel").does(
        "decide_appeal", result="upheld"
    ),
    "a new relative": lambda c: c.does(
        "report_tracing", relatives=[{"id": "r2", "relationship": "aunt", "state": "UA"}]
    ),
    "a suspension": lambda c: c.does("suspend"),
    "a child gone missing": lambda c: c.does("report_missing"),
    "another open placement": lambda c: c.does("place_child"),
    "the passing of half a year": lambda c: c.wait(days=180),
}


@pytest.mark.parametrize("what", VOID_APPROVALS)
def test_approvals_of_return_and_of_travel_are_void_when(what: str) -> None:
    """Both approvals and the travel approval fall, stay on record, and the entry that voided them names them."""
    course = Course().travel_approved()
    approvals = {e.n for e in course.entries if e.act in ("approve_return", "approve_travel")}
    VOID_APPROVALS[what](course)
    assert {} == course.case.approvals
    assert course.case.travel_approval is None
    voids = [set(entry.facts["voids"]) for entry in course.entries if "voids" in entry.facts]
    assert any(approvals <= void for void in voids)
    assert approvals <= {entry.n for entry in course.entries}
    assert {"travel-approved"} <= course.refused("depart")


@pytest.mark.parametrize("what", KEEP_APPROVALS)
def test_approvals_of_return_stay_in_force_after(what: str) -> None:
    """Not everything undoes what two authorities decided."""
    course = Course().travel_approved()
    KEEP_APPROVALS[what](course)
    assert {"central_authority@host", "central_authority@origin"} == set(course.case.approvals)


def test_a_new_guardian_is_asked_anew_and_the_child_is_not() -> None:
    """Only the guardian's consent falls with the guardian."""
    course = Course().approved().does("replace_guardian")
    assert course.case.guardian_consent is None
    assert course.case.child_consent is not None
    assert "decision" == course.stage
    course.does("give_consent", GUARDIAN_2).wait(days=15)
    assert "travel" == course.stage


@pytest.mark.parametrize("tells", ["report_detention", "report_found"])
def test_detention_voids_every_consent_given_before(tells: str) -> None:
    """What was agreed before a detention is asked again in freedom."""
    course = Course().determined().consented().does(tells, placement=STATION)
    assert course.case.guardian_consent is None
    assert course.case.child_consent is None


@pytest.mark.parametrize("what", ["plan_travel", "report_incident"])
def test_a_new_plan_or_an_incident_voids_the_approval_of_travel_only(what: str) -> None:
    """The return stays approved; the journey is planned and approved anew."""
    course = Course().travel_approved().does(what)
    assert course.case.travel_approval is None
    assert 2 == len(course.case.approvals)
    assert "travel-approved" in course.refused("depart")


def test_an_appeal_against_the_journey_upheld_voids_the_plan() -> None:
    """The plan falls, the approvals of return stand, and a new plan may follow."""
    course = Course().travel_approved().does("appeal", against="travel").does("decide_appeal", result="upheld")
    assert course.case.plan is None
    assert course.case.travel_approval is None
    course.does("plan_travel").does("approve_travel").wait(days=2).does("depart")


def test_an_appeal_against_the_age_upheld_voids_the_assessment() -> None:
    """The person is a child again as far as the procedure goes."""
    course = Course().represented().does("assess_age", result="adult").does("appeal", against="age")
    course.does("decide_appeal", result="upheld").wait(days=20)
    assert course.case.age_assessed is None
    assert "out-of-order" in course.refused("close_case", outcome="adult")


def test_an_incident_undoes_the_departure_and_a_new_journey_follows() -> None:
    """The border closes, the child waits in care, and leaves later under a new plan and a new approval."""
    course = Course().departed().does("report_incident")
    assert course.case.departed is None
    assert "travel" == course.stage
    assert {"out-of-order"} == course.refused("arrive")
    assert {"out-of-order"} <= course.refused("approve_travel")
    course.wait(days=30).does("plan_travel").does("certify_fit_to_travel").does("approve_travel").wait(days=2)
    course.does("depart").does("arrive")
    assert "reintegration" == course.stage


def test_an_incident_that_is_the_childs_objection_is_an_objection() -> None:
    """A child who refuses on the platform has said no."""
    course = Course().departed().does("report_incident", what="child_objects")
    assert "consent" in course.refused("plan_travel") | course.refused("approve_return")
    assert {} == course.case.approvals


AFTER_ARRIVAL: dict[str, Callable[[Course], object]] = {
    "a new guardian": lambda c: c.does("replace_guardian", "origin guardianship"),
    "a consent withdrawn": lambda c: c.does("withdraw_consent"),
    "a wish to stay where the child is": lambda c: c.does("hear_child", wish="stay"),
    "an unsafe visit": lambda c: c.does("record_visit", safe=False),
    "a detention": lambda c: c.does("report_detention"),
    "best interests reopened": lambda c: c.does("reopen_best_interests"),
}


@pytest.mark.parametrize("what", AFTER_ARRIVAL)
def test_after_arrival_nothing_is_voided_any_more_by(what: str) -> None:
    """The approvals of a return that has happened stay what they were."""
    course = Course().arrived()
    AFTER_ARRIVAL[what](course)
    assert 2 == len(course.case.approvals)
    assert course.case.travel_approval is not None
    assert course.case.arrived is not None


@pytest.mark.parametrize("what", ["a new guardian", "a consent withdrawn", "a wish to stay where the child is"])
def test_after_arrival_the_stage_does_not_fall_back_for(what: str) -> None:
    """Monitoring goes on: nobody asks for consents to a journey that is over."""
    course = Course().arrived()
    AFTER_ARRIVAL[what](course)
    assert "reintegration" == course.stage


def test_a_new_relative_opens_tracing_again_until_assessed() -> None:
    """The stage goes back, the approvals stay."""
    course = Course().decided()
    course.does("report_tracing", relatives=[{"id": "r2", "relationship": "aunt", "state": "UA"}])
    assert "family_tracing" == course.stage
    assert 2 == len(course.case.approvals)
    course.does("assess_family", relative_id="r2")
    assert "travel" == course.stage


def test_a_child_moved_in_open_care_keeps_what_was_decided() -> None:
    """A change of foster family voids nothing."""
    course = Course().travel_approved().does("place_child", placement={**FOSTER, "name": "Another Invented Home"})
    assert course.case.travel_approval is not None
