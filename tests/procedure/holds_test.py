"""Each hold of procedure.md, part 5: what sets it, what it refuses, what lifts it, and that care passes."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from courses import FAMILY, HOTEL, STATION, Course

from procedure.vocabulary import HOLDS


@dataclass(frozen=True)
class Held:
    """A hold, set on a case that is ready for the next step of a return, and lifted again."""

    hold: str
    says: str
    sets: Callable[[Course], object]
    lifts: Callable[[Course], object]
    behind: str | None = None


ALL = [
    Held(
        "detention",
        "a detention reported, until the release is confirmed",
        lambda c: c.does("report_detention"),
        lambda c: c.does("confirm_release"),
        "no-detention",
    ),
    Held(
        "detention",
        "a detention reported, until the child is placed in open care",
        lambda c: c.does("report_found", placement=STATION),
        lambda c: c.does("place_child"),
        "no-detention",
    ),
    Held(
        "emergency_placement_overdue",
        "an emergency placement that lasts too long, until another placement",
        lambda c: c.does("place_child", placement=HOTEL).wait(days=14),
        lambda c: c.does("place_child", placement={**FAMILY, "kind": "group_home", "run_by": "ngo"}),
        "no-detention",
    ),
    Held(
        "asylum",
        "a claim, until it is refused for good",
        lambda c: c.does("lodge_asylum_claim"),
        lambda c: c.does("resolve_asylum_claim", result="refused_final"),
        "non-refoulement",
    ),
    Held(
        "asylum",
        "a claim found by the screening, until it is withdrawn",
        lambda c: c.does("screen_protection", asylum=True),
        lambda c: c.does("resolve_asylum_claim", result="withdrawn"),
        "non-refoulement",
    ),
    *(
        Held(
            "appeal",
            f"an appeal against {against.replace('_', ' ')}, until it is decided",
            lambda c, against=against: c.does("appeal", against=against),
            lambda c: c.does("decide_appeal"),
            "appeal-suspends",
        )
        for against in ("best_interests", "return", "travel")
    ),
    Held(
        "missing",
        "a child gone missing, until found",
        lambda c: c.does("report_missing", "police"),
        lambda c: c.does("report_found", "relative"),
    ),
    *(
        Held(
            ground,
            f"a suspension for {ground.replace('_', ' ')}, until another person resumes",
            lambda c, ground=ground: c.does("suspend", ground=ground, until="2026-03-01"),
            lambda c, ground=ground: c.does("resume", ground=ground),
        )
        for ground in ("crisis", "health", "school_year", "other")
    ),
]
each_hold = pytest.mark.parametrize("held", ALL, ids=lambda held: f"{held.hold}: {held.says}")


def at_the_step_of(act: str) -> Course:
    """A case in which this act of the return would pass."""
    course = Course()
    return {
        "approve_return": course.ready_to_approve,
        "plan_travel": course.decided,
        "approve_travel": course.planned,
        "depart": course.travel_approved,
    }[act]()


@each_hold
def test_a_hold_is_set_and_lifted_on_record(held: Held) -> None:
    """Setting and lifting are entries, the view shows it, and nothing else is held."""
    course = Course().ready_to_approve()
    held.sets(course)
    assert {held.hold} == course.holds
    assert [held.hold] == course.view["holds"]
    held.lifts(course)
    assert set() == course.holds
    assert ("hold", held.hold, None) in course.kinds("hold")
    assert ("hold_lifted", held.hold, None) in course.kinds("hold_lifted")


@each_hold
@pytest.mark.parametrize("act", ["approve_return", "plan_travel", "approve_travel", "depart"])
def test_nothing_moves_the_return_forward_while_a_hold_stands(held: Held, act: str) -> None:
    """Each of the four acts is refused by held, and by the safeguard behind the hold where there is one."""
    course = at_the_step_of(act)
    held.sets(course)
    refused = course.refused(act)
    assert "held" in refused
    if held.behind:
        assert held.behind in refused
    receipt = course.say(act)
    told = next(refusal for refusal in receipt["refusals"] if refusal["safeguard"] == "held")
    assert held.hold in told["message"]
    assert held.hold in told["instead"]


@each_hold
def test_care_is_never_held(held: Held) -> None:
    """Under every hold the child is placed, heard, schooled and represented, and every report is taken."""
    course = Course().ready_to_approve()
    held.sets(course)
    course.does("hear_child").does("confirm_services").does("note").does("complain").does("report_missing")
    course.does("report_found").does("verify_identity").does("screen_protection").does("assess_rights_impact")
    course.does("place_child")
    new = Course()
    held.sets(new)
    new.does("appoint_guardian").does("appoint_counsel")


def test_a_granted_claim_keeps_the_hold_and_opens_a_new_round() -> None:
    """Return is over; another solution is found with the hold standing."""
    course = Course().approved().does("lodge_asylum_claim").does("resolve_asylum_claim", result="granted")
    assert {"asylum"} == course.holds
    assert 2 == course.view["round"]
    assert {} == course.case.approvals
    course.ready_for_panel()
    assert "non-refoulement" in course.refused("determine_best_interests")
    course.determine("stay").does("grant_stay").does("close_case", outcome="stays")
    assert "stays" == course.view["outcome"]


def test_each_pending_appeal_must_be_decided() -> None:
    """Two appeals are two decisions; the hold goes with the last."""
    course = Course().ready_to_approve().does("appeal").does("appeal", "guardian", against="best_interests")
    course.does("decide_appeal")
    assert {"appeal"} == course.holds
    course.does("decide_appeal")
    assert set() == course.holds


@pytest.mark.parametrize("against", ["placement", "age"])
def test_an_appeal_against_placement_or_age_holds_nothing(against: str) -> None:
    """It is decided and recorded."""
    course = Course().does("appeal", against=against)
    assert set() == course.holds
    assert ("decide_appeal", "court", "MD") in course.awaited()


def test_a_passed_until_lifts_nothing_by_itself() -> None:
    """A person resumes, and the record says who."""
    course = Course().does("suspend", until="2026-02-10").wait(days=100)
    assert "crisis" in course.holds
    course.does("resume")
    assert "crisis" not in course.holds


def test_resuming_lifts_only_the_ground_that_was_named() -> None:
    """Two suspensions are two grounds."""
    course = Course().does("suspend").does("suspend", ground="health").does("resume")
    assert {"health"} == course.holds


def test_a_release_into_another_closed_place_is_no_release() -> None:
    """The hold stays, and the detention is on record a second time."""
    course = Course(placement=STATION).does("confirm_release", placement={**STATION, "kind": "closed_school"})
    assert {"detention"} == course.holds
    assert 2 == len(course.kinds("detention"))


def test_a_child_found_in_detention_is_no_longer_missing_but_held() -> None:
    """One hold gives way to the other."""
    course = Course().does("report_missing").does("report_found", placement=STATION)
    assert {"detention"} == course.holds


def test_holds_stand_together_and_are_told_together() -> None:
    """Every hold has its own ground and its own end."""
    course = Course().ready_to_approve().does("suspend").does("lodge_asylum_claim").does("report_missing")
    assert {"crisis", "asylum", "missing"} == course.holds
    receipt = course.say("approve_return")
    told = next(refusal for refusal in receipt["refusals"] if refusal["safeguard"] == "held")
    assert all(hold in told["message"] for hold in ("crisis", "asylum", "missing"))


def test_every_hold_of_the_contract_is_shown() -> None:
    """The hold of a review and the one of adulthood have tests of their own."""
    assert set(HOLDS) == {held.hold for held in ALL} | {"review", "adulthood"}
