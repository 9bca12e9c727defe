"""Corrections: they supersede and never edit, and make nothing happen twice."""

from datetime import UTC, datetime
from typing import Any

import pytest
from courses import FAMILY, FOSTER, HOTEL, STATION, Course


def test_a_correction_supersedes_and_edits_nothing() -> None:
    """The old entry stays as it was said; the case goes by the new words."""
    course = Course().does("screen_protection", violence=True)
    number = course.number_of("screen_protection")
    said = course.entries[number - 1].as_json()
    course.does("correct", "caseworker", entry=number, fields={"violence": False})
    assert said == course.entries[number - 1].as_json()
    assert course.case.screening is not None
    assert not course.case.screening.violence


def test_a_correction_may_tell_of_a_need_that_was_overlooked() -> None:
    """Asylum said in a correction sets the hold."""
    course = Course().does("screen_protection")
    course.does("correct", "caseworker", entry=course.case.n, fields={"asylum": True})
    assert {"asylum"} == course.holds


def test_a_correction_may_tell_of_a_detention() -> None:
    """A lock that was overlooked when the child was found is answered like any detention."""
    course = Course().does("report_missing").does("report_found")
    course.does(
        "correct",
        "caseworker",
        entry=course.number_of("report_found"),
        fields={"placement": {**FOSTER, "locked": True}},
    )
    assert {"detention"} == course.holds
    assert course.runs("release")


def test_a_field_inside_a_field_is_corrected_by_its_path() -> None:
    """One word of an intake is mended without repeating the rest."""
    course = Course().does("correct", fields={"child.date_of_birth": "2014-05-04"})
    assert "2014-05-04" == str(course.case.date_of_birth)


def test_evidence_corrected_is_as_old_as_it_was() -> None:
    """A correction does not make an assessment young again."""
    course = Course().ready_to_approve()
    number = course.number_of("assess_rights_impact")
    course.wait(days=59).does("correct", "caseworker", entry=number, fields={"risks": ["a typing error mended"]})
    course.wait(days=1)
    assert {"stale-evidence"} == course.refused("approve_return")


def test_only_the_role_that_recorded_an_entry_corrects_it() -> None:
    """And an intake the host's central authority."""
    course = Course().does("screen_protection")
    number = course.case.n
    for who in ("protection", "authority", "origin caseworker", "relative"):
        assert {"not-your-act"} == course.refused("correct", who, entry=number, fields={"violence": True})
    assert {"not-your-act"} == course.refused("correct", "origin authority", fields={"found.place": "x"})
    course.does("correct", "caseworker", entry=number, fields={"violence": True})


@pytest.mark.parametrize("entry", [99, 2], ids=["no such entry", "a stage is nobody's word"])
def test_what_nobody_said_is_not_corrected(entry: int) -> None:
    """Only reports, and the reasons of decisions, can be mended."""
    course = Course(placement=STATION)
    assert {"out-of-order"} == course.refused("correct", entry=entry, fields={"reason": "because"})


def test_a_decision_is_taken_anew_and_not_corrected() -> None:
    """Its reason may be put better; what was decided passes the safeguards or does not stand."""
    course = Course().does("place_child")
    number = course.case.n
    fields = {"placement": {**FOSTER, "name": "Elsewhere"}}
    assert {"out-of-order"} == course.refused("correct", "protection", entry=number, fields=fields)
    course.does("correct", "protection", entry=number, fields={"reason": "put better"})
    assert FOSTER == course.case.placement


@pytest.mark.parametrize(
    "fields",
    [
        {"violence": "perhaps"},
        {"no_such_field": 1},
        {"act": "note"},
        {"act_id": "other"},
        {"actor": {"id": "x", "role": "court", "state": "MD"}},
    ],
    ids=["a wrong type", "no such field", "the act", "its id", "the actor"],
)
def test_a_correction_into_nonsense_is_refused(fields: dict[str, object]) -> None:
    """What would be malformed if it had been said like this is not well-formed now."""
    course = Course().does("screen_protection")
    assert {"well-formed"} == course.refused("correct", "caseworker", entry=course.case.n, fields=fields)


def test_a_report_that_a_later_one_replaced_is_mended_in_words_only() -> None:
    """The later report stands."""
    course = Course().does("screen_protection").does("screen_protection", violence=True)
    first = course.case.n - 1
    course.does("correct", "caseworker", entry=first, fields={"asylum": True})
    assert set() == course.holds
    assert course.case.screening is not None
    assert course.case.screening.violence


def test_a_correction_can_be_corrected_by_correcting_the_entry_again() -> None:
    """The latest words about the entry stand."""
    course = Course().does("screen_protection")
    number = course.case.n
    course.does("correct", "caseworker", entry=number, fields={"violence": True})
    course.does("correct", "caseworker", entry=number, fields={"trafficking": True})
    assert course.case.screening is not None
    assert course.case.screening.violence and course.case.screening.trafficking
    assert {"out-of-order"} == course.refused("correct", "caseworker", entry=number + 1, fields={"entry": 1})


def test_a_hearing_that_turns_out_not_to_count_carries_nothing() -> None:
    """The guardian was not there after all: the child is to be heard anew."""
    course = Course().ready_to_approve()
    course.does("correct", "guardian", entry=course.number_of("hear_child"), fields={"guardian_present": False})
    assert "child-heard" in course.refused("approve_return")
    course.does("hear_child").does("approve_return")


def test_a_wish_heard_wrongly_is_mended() -> None:
    """What was written down as return was a wish to stay: an objection, and the approvals are void."""
    course = Course().approved()
    course.does("correct", "guardian", entry=course.number_of("hear_child"), fields={"wish": "stay"})
    assert {} == course.case.approvals
    assert "consent" in course.refused("approve_return")
    course.does("correct", "guardian", entry=course.number_of("hear_child"), fields={"wish": "return"})
    assert course.case.objection is None


def test_mending_the_words_of_an_old_wish_to_stay_is_no_new_objection() -> None:
    """A later yes stands."""
    course = Course().determined().does("hear_child", wish="stay").consented().prepared().approve()
    course.does("correct", "guardian", entry=course.number_of("hear_child"), fields={"views": "spelled better"})
    assert course.case.objection is None
    assert 2 == len(course.case.approvals)


def test_mending_the_words_of_an_unsafe_visit_opens_no_second_round() -> None:
    """The panel of the round that the visit opened keeps its work."""
    course = Course().arrived().does("record_visit", safe=False).ready_for_panel()
    number = course.number_of("record_visit")
    course.does("correct", "monitor", entry=number, fields={"findings": "spelled better"})
    assert 2 == course.view["round"]
    course.determine("stay")


def test_a_visit_that_turns_out_unsafe_opens_a_round() -> None:
    """The monitor saw more than was written down."""
    course = Course().arrived().does("record_visit")
    course.does("correct", "monitor", entry=course.case.n, fields={"safe": False})
    assert 2 == course.view["round"]


def test_mending_an_old_incident_leaves_the_new_journey_alone() -> None:
    """The child is on the way again; a word about the first attempt stops nothing."""
    course = Course().departed().does("report_incident").does("plan_travel").does("approve_travel").wait(days=2)
    course.does("depart")
    course.does("correct", "escort", entry=course.number_of("report_incident"), fields={"what": "illness"})
    assert course.case.departed is not None
    assert course.case.travel_approval is not None
    course.does("arrive")


def test_mending_an_arrival_does_not_bring_the_child_back_to_where_it_was() -> None:
    """The child was released and placed since; to whom it was handed over is mended in words."""
    course = Course().departed().does("arrive", handed_to="law_enforcement", placement=STATION)
    number = course.number_of("arrive")
    course.does("confirm_release").does("correct", "escort", entry=number, fields={"handed_to": "other"})
    assert set() == course.holds
    assert FOSTER == course.case.placement


def test_mending_a_visit_does_not_bring_the_child_back_to_where_it_was() -> None:
    """What the visitor saw then is not where the child is now."""
    course = Course().arrived().does("record_visit", placement=HOTEL)
    number = course.number_of("record_visit")
    course.does("place_child", "origin protection", placement=FAMILY)
    course.does("correct", "monitor", entry=number, fields={"findings": "spelled better"})
    assert FAMILY == course.case.placement
    assert not course.runs("emergency_placement")


def test_an_intake_is_corrected_without_moving_the_child() -> None:
    """Where the child is now is told by later entries."""
    course = Course().does("place_child", placement=FAMILY).does("correct", fields={"placement": STATION})
    assert FAMILY == course.case.placement
    assert set() == course.holds


def test_an_intakes_agreement_and_reference_are_not_corrected() -> None:
    """The terms of a case are fixed at its opening."""
    course = Course()
    for field in ("agreement", "reference", "opened_by"):
        assert {"well-formed"} == course.refused("correct", fields={field: "other"})


@pytest.mark.parametrize(
    ("act", "who", "fields"),
    [
        ("assess_family", "origin caseworker", {"relative_id": "another"}),
        ("record_visit", "monitor", {"visit": 2}),
        ("appeal", "child", {"against": "return"}),
        ("screen_protection", "caseworker", {"actor.role": "court"}),
    ],
)
def test_what_says_which_record_it_is_stays(act: str, who: str, fields: Any) -> None:
    """One visit does not become another, nor one relative another: that is said in an act of its own."""
    course = Course().arrived().does("record_visit") if act == "record_visit" else Course().assessed()
    if act == "appeal":
        course.does("appeal", against="placement")
    assert {"well-formed"} == course.refused("correct", who, entry=course.number_of(act), fields=fields)


def test_the_states_of_a_case_are_not_corrected_and_its_relatives_are() -> None:
    """The intake is corrected where tracing has told nothing better."""
    course = Course()
    assert {"well-formed"} == course.refused("correct", fields={"origin_state": "RO"})
    relative = {"id": "r1", "name": "Invented Mother", "relationship": "mother", "state": "RO"}
    course.does("correct", fields={"relatives": [relative]})
    assert "RO" == course.case.relatives["r1"].state


def test_a_placement_of_the_intake_that_turns_out_to_be_detention_is_answered() -> None:
    """As long as nothing later was told of where the child is."""
    course = Course(situation="with_family").does("correct", fields={"placement": STATION})
    assert {"detention"} == course.holds
    assert course.runs("release")
    assert 1 == len(course.kinds("detention"))
    assert "held" in course.refused("close_case", outcome="withdrawn")
    moved = Course().does("place_child").does("correct", fields={"placement": STATION})
    assert set() == moved.holds


def test_a_hearing_that_turns_out_to_count_counts() -> None:
    """The child was informed after all, and wishes to stay: that is an objection."""
    course = Course().ready_to_approve().does("hear_child", wish="stay", informed=False)
    course.does("correct", "guardian", entry=course.number_of("hear_child"), fields={"informed": True})
    assert course.case.objection is not None
    assert "consent" in course.refused("approve_return")


def test_a_slip_mended_in_a_hearing_changes_nothing_else() -> None:
    """Not where the child is now, nor who is in office now, decides whether it counted then."""
    course = Course().determined().does("report_detention")
    course.does("correct", "guardian", entry=course.number_of("hear_child"), fields={"views": "a slip mended"})
    assert course.case.hearing is not None
    unguarded = Course().identified().does("hear_child", "caseworker").does("appoint_guardian")
    unguarded.does("correct", "caseworker", entry=unguarded.number_of("hear_child"), fields={"views": "a slip mended"})
    assert unguarded.case.hearing is None


def test_nobody_is_an_adult_by_a_slip_of_the_pen() -> None:
    """A date of birth set right takes the eighteenth birthday back."""
    course = Course().does("verify_identity", result="verified", date_of_birth="2003-05-04").wait(minutes=1)
    assert {"adulthood"} == course.holds
    entry = course.number_of("verify_identity")
    course.does("correct", "caseworker", entry=entry, fields={"date_of_birth": "2013-05-04"})
    assert set() == course.holds
    assert not course.view["turned_18"]
    assert course.refused("transfer_to_adult_services")
    course.until(datetime(2031, 5, 4, 1, tzinfo=UTC))
    assert {"adulthood"} <= course.holds


def test_a_presumed_date_of_birth_is_corrected_both_ways() -> None:
    """Younger or older: what counts is what was on record before the slip."""
    course = Course(born=None, child={"estimated_age": 11})
    course.does("verify_identity", result="presumed", date_of_birth="2019-05-04")
    entry = course.number_of("verify_identity")
    course.does("correct", "caseworker", entry=entry, fields={"date_of_birth": "2013-05-04"})
    assert "2013-05-04" == str(course.case.date_of_birth)


def test_a_placement_added_to_an_old_report_moves_nobody() -> None:
    """The child lives elsewhere since."""
    course = Course().arrived().does("record_visit")
    course.does("place_child", "origin protection", placement={**FAMILY, "name": "New Home"})
    course.does("correct", "monitor", entry=course.number_of("record_visit"), fields={"placement": HOTEL})
    assert "New Home" == course.view["placement"]["name"]


def test_a_slip_mended_sounds_no_second_alarm() -> None:
    """What was answered once is answered."""
    course = Course().departed().does("arrive", handed_to="other")
    course.does("correct", "escort", entry=course.number_of("arrive"), fields={"reason": "a slip mended"})
    assert 2 == len(course.kinds("escalated"))
    course = Course().does("report_detention")
    entry = course.number_of("report_detention")
    course.does("correct", "ombudsperson", entry=entry, fields={"placement.name": "another name"})
    assert 1 == len(course.kinds("detention"))


def test_a_detention_overlooked_in_the_newest_visit_is_answered() -> None:
    """Nothing newer is known of where the child is, so what the correction tells counts."""
    course = Course().arrived().does("record_visit")
    course.does("correct", "monitor", entry=course.number_of("record_visit"), fields={"placement": STATION})
    assert {"detention"} == course.holds
    assert 1 == len(course.kinds("detention"))


@pytest.mark.parametrize("handed_to", ["family", "other"])
def test_an_arrival_is_corrected_after_the_child_has_moved_on(handed_to: str) -> None:
    """Only its words: nobody is moved, and no alarm sounds again."""
    course = Course().departed().does("arrive", handed_to=handed_to, placement=STATION)
    course.does("confirm_release", "monitor")
    alarms = len(course.kinds("escalated", "detention"))
    course.does("correct", "escort", entry=course.number_of("arrive"), fields={"reason": "a slip mended"})
    assert alarms == len(course.kinds("escalated", "detention"))
    assert set() == course.holds


def told_of(course: Course, relatives: int) -> str:
    """What is on record of a correction of the intake with so many relatives of whom nothing is said."""
    course.refused("correct", fields={"relatives": [{}] * relatives})
    [refusal] = course.entries[-1].as_json()["body"]["refusals"]
    return refusal["message"]


def test_a_refusal_on_record_tells_the_faults_of_a_correction() -> None:
    """However many they are: at the doors so many are told as one, and a record of before would be another."""
    assert told_of(Course(), 10_800).count("relatives.") == 4 * 10_800


def test_a_refusal_on_record_is_not_longer_than_the_engine_takes() -> None:
    """More than that hung the case, or could not be read; then the first twenty are told, and how many more there are."""
    told = told_of(Course(), 11_100)
    assert told.count("relatives.") == 20
    assert told.endswith("and 44,380 more.")
