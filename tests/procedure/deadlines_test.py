"""Each deadline of procedure.md, part 4: its ground, its length, its passing, and that nothing is decided by it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from courses import FOSTER, HOTEL, START, STATION, Course, model

from procedure.agreement import Period
from procedure.deadlines import RULES


def days(number: float) -> timedelta:
    return timedelta(days=number)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


@dataclass(frozen=True)
class Duty:
    """One row of the table: what starts it, how long it is in the model, who owes what, and what meets it."""

    name: str
    starts: Callable[[], Course]
    length: timedelta
    owed: tuple[str, str, str]
    meets: Callable[[Course], object]


def postponed() -> Course:
    return (
        Course()
        .assessed()
        .does(
            "determine_best_interests",
            solution="postpone",
            options_considered=["postpone", "stay"],
            review_on="2026-03-10",
        )
    )


DUTIES = [
    Duty("identification", Course, days(10), ("verify_identity", "caseworker", "MD"), lambda c: c.identified()),
    Duty(
        "protection_screening",
        Course,
        days(2),
        ("screen_protection", "caseworker", "MD"),
        lambda c: c.does("screen_protection"),
    ),
    Duty(
        "guardian",
        Course,
        days(3),
        ("appoint_guardian", "guardianship_authority", "MD"),
        lambda c: c.does("appoint_guardian"),
    ),
    Duty(
        "counsel",
        Course,
        days(5),
        ("appoint_counsel", "guardianship_authority", "MD"),
        lambda c: c.does("appoint_counsel"),
    ),
    Duty("services", Course, days(14), ("confirm_services", "caseworker", "MD"), lambda c: c.does("confirm_services")),
    Duty(
        "emergency_placement",
        lambda: Course(placement=HOTEL),
        days(14),
        ("place_child", "child_protection_authority", "MD"),
        lambda c: c.does("place_child"),
    ),
    Duty(
        "release",
        lambda: Course().does("report_detention"),
        hours(24),
        ("confirm_release", "caseworker", "MD"),
        lambda c: c.does("confirm_release"),
    ),
    Duty(
        "tracing",
        lambda: Course().represented().does("open_tracing"),
        days(30),
        ("report_tracing", "tracing_service", "UA"),
        lambda c: c.does("report_tracing"),
    ),
    Duty(
        "family_assessment",
        lambda: Course().represented().does("report_tracing"),
        days(21),
        ("assess_family", "caseworker", "UA"),
        lambda c: c.does("assess_family"),
    ),
    Duty(
        "hearing",
        lambda: Course().does("appoint_guardian"),
        days(14),
        ("hear_child", "guardian", "MD"),
        lambda c: c.does("hear_child"),
    ),
    Duty(
        "determination",
        lambda: Course().traced(),
        days(30),
        ("determine_best_interests", "bid_panel", "MD"),
        lambda c: c.ready_for_panel().determine(),
    ),
    Duty(
        "consent",
        lambda: Course().determined(),
        days(14),
        ("give_consent", "guardian", "MD"),
        lambda c: c.consented(),
    ),
    Duty(
        "reintegration_plan",
        lambda: Course().determined(),
        days(21),
        ("adopt_reintegration_plan", "central_authority", "UA"),
        lambda c: c.does("adopt_reintegration_plan"),
    ),
    Duty(
        "rights_impact",
        lambda: Course().determined(),
        days(14),
        ("assess_rights_impact", "caseworker", "MD"),
        lambda c: c.does("assess_rights_impact"),
    ),
    Duty(
        "approval_host",
        lambda: Course().ready_to_approve(),
        days(14),
        ("approve_return", "central_authority", "MD"),
        lambda c: c.does("approve_return"),
    ),
    Duty(
        "approval_origin",
        lambda: Course().ready_to_approve(),
        days(14),
        ("approve_return", "central_authority", "UA"),
        lambda c: c.does("approve_return", "origin authority"),
    ),
    Duty(
        "travel_plan",
        lambda: Course().decided(),
        days(21),
        ("plan_travel", "caseworker", "MD"),
        lambda c: c.does("plan_travel"),
    ),
    Duty(
        "travel_approval",
        lambda: Course().planned(),
        days(5),
        ("approve_travel", "child_protection_authority", "MD"),
        lambda c: c.does("approve_travel"),
    ),
    Duty(
        "arrival",
        lambda: Course().departed(),
        days(1) + hours(4 + 6),
        ("arrive", "escort", "MD"),
        lambda c: c.does("arrive"),
    ),
    *(
        Duty(
            f"visit_{number}",
            lambda: Course().arrived(),
            days(after),
            ("record_visit", "monitor", "UA"),
            lambda c, number=number: c.does("record_visit", visit=number),
        )
        for number, after in enumerate((14, 30, 90, 180, 270, 365), start=1)
    ),
    Duty(
        "settlement",
        lambda: Course().determined("stay"),
        days(30),
        ("grant_stay", "central_authority", "MD"),
        lambda c: c.does("grant_stay"),
    ),
    Duty(
        "complaint",
        lambda: Course().does("complain"),
        days(15),
        ("answer_complaint", "ombudsperson", "MD"),
        lambda c: c.does("answer_complaint"),
    ),
    Duty(
        "missing",
        lambda: Course().does("report_missing"),
        hours(24),
        ("report_found", "caseworker", "MD"),
        lambda c: c.does("report_found"),
    ),
]
each_duty = pytest.mark.parametrize("duty", DUTIES, ids=lambda duty: duty.name)


@each_duty
def test_a_deadline_runs_from_its_ground_for_the_time_of_the_agreement(duty: Duty) -> None:
    """The due moment is the ground's moment plus the model's length, and the act is shown as owed."""
    course = duty.starts()
    assert course.at + duty.length == course.due(duty.name)
    assert duty.owed in course.awaited()


@each_duty
def test_a_deadline_met_in_time_is_met_and_never_overdue(duty: Duty) -> None:
    """The act that is owed meets it; later nothing is said about it any more."""
    course = duty.starts()
    duty.meets(course)
    row = course.deadline(duty.name)
    assert row is not None
    assert row["met"] is not None
    assert not course.runs(duty.name)
    course.wait(days=30)
    assert ("overdue", duty.name, None) not in course.kinds("overdue")


@each_duty
def test_a_deadline_that_passes_is_overdue_at_its_moment_and_decides_nothing(duty: Duty) -> None:
    """A second before, nothing; at the moment, an entry; stage, solution, approvals and placement stand as they were."""
    course = duty.starts()
    due = course.due(duty.name)
    course.until(due - timedelta(seconds=1))
    assert ("overdue", duty.name, None) not in course.kinds("overdue")
    before = course.case
    course.until(due)
    assert 1 == course.kinds("overdue").count(("overdue", duty.name, None))
    now = course.case
    for fact in (
        "determination",
        "approvals",
        "placement",
        "outcome",
        "plan",
        "travel_approval",
        "guardian",
        "departed",
    ):
        assert getattr(before, fact) == getattr(now, fact), fact
    row = course.deadline(duty.name)
    assert row is not None
    assert row["overdue"] and row["met"] is None


@each_duty
def test_an_overdue_deadline_escalates_to_both_levels_in_time(duty: Duty) -> None:
    """Two days and five days after the moment; release and missing go to both at once."""
    course = duty.starts()
    due = course.due(duty.name)
    waits = (0, 0) if duty.name in ("release", "missing") else (2, 5)
    for level, wait in enumerate(waits, start=1):
        if wait:
            course.until(due + days(wait) - timedelta(seconds=1))
            assert ("escalated", duty.name, level) not in course.kinds("escalated")
        course.until(due + days(wait))
        assert ("escalated", duty.name, level) in course.kinds("escalated")
    row = course.deadline(duty.name)
    assert row is not None
    assert 2 == row["escalations"]
    course.wait(days=60)
    assert 2 == len([kind for kind in course.kinds("escalated") if kind[1] == duty.name])


@each_duty
def test_an_overdue_duty_can_still_be_done(duty: Duty) -> None:
    """Lateness stays on record; the act is taken all the same."""
    course = duty.starts()
    course.until(course.due(duty.name))
    if duty.name in ("arrival", "travel_approval"):
        course.does("certify_fit_to_travel")
    duty.meets(course)
    assert not course.runs(duty.name)


def test_a_review_is_due_on_the_date_that_the_panel_named_and_holds_the_return() -> None:
    """The date passes, the hold stands, a new round lifts it."""
    course = postponed()
    assert datetime(2026, 3, 10, tzinfo=UTC) == course.due("review")
    course.until(datetime(2026, 3, 9, 23, 59, tzinfo=UTC))
    assert set() == course.holds
    course.until(datetime(2026, 3, 10, tzinfo=UTC))
    assert {"review"} == course.holds
    assert ("reopen_best_interests", "bid_panel", "MD") in course.awaited()
    course.does("reopen_best_interests")
    assert set() == course.holds


def test_every_deadline_of_the_law_is_in_this_table() -> None:
    """No deadline goes untested."""
    tested = {"visit" if duty.name.startswith("visit_") else duty.name for duty in DUTIES} | {"review"}
    assert tested == set(RULES)


def test_the_time_to_appeal_only_passes() -> None:
    """Nobody owes it; when it ends, the stage moves on and what is planned next is owed."""
    course = Course().approved()
    assert START + days(15) == course.due("appeal_window")
    course.until(START + days(15) - timedelta(seconds=1))
    assert "decision" == course.stage
    course.until(START + days(15))
    assert "travel" == course.stage
    assert ("plan_travel", "caseworker", "MD") in course.awaited()
    assert [] == course.kinds("overdue")


def test_each_approval_opens_the_time_to_appeal_anew() -> None:
    """The last approval counts."""
    course = Course().ready_to_approve().wait(days=3).does("approve_return").wait(days=4)
    course.does("approve_return", "origin authority")
    assert course.at + days(15) == course.due("appeal_window")


# Working days


def test_ten_working_days_skip_weekends_and_holidays_of_the_state_that_owes() -> None:
    """Over the First of May and Easter, Moldova's authority has later than ten plain weekdays."""
    course = Course(at=datetime(2026, 4, 27, 9, tzinfo=UTC)).ready_to_approve()
    assert datetime(2026, 5, 11, 9, tzinfo=UTC) < course.due("approval_host")
    assert course.due("approval_host") != course.due("approval_origin")


@pytest.mark.parametrize(
    ("start", "due"),
    [
        ("2026-02-02", "2026-02-16"),
        ("2026-02-06", "2026-02-20"),
        ("2026-02-07", "2026-02-20"),
        ("2026-02-08", "2026-02-20"),
    ],
    ids=["from a Monday", "from a Friday", "from a Saturday", "from a Sunday"],
)
def test_working_days_run_from_any_day_of_the_week(start: str, due: str) -> None:
    """Ten working days are two weeks; begun on a weekend, they end with the second Friday."""
    begun = datetime.fromisoformat(f"{start}T09:00:00+00:00")
    assert datetime.fromisoformat(f"{due}T09:00:00+00:00") == Period(working_days=10).due(begun, None)


def test_a_state_without_a_known_calendar_has_weekends() -> None:
    """An unknown country counts Saturdays and Sundays."""
    assert Period(working_days=5).due(START, "XX") == START + days(7)


# Dropped and started anew


def test_a_ground_that_falls_away_drops_the_deadline_and_one_that_comes_back_starts_it_anew() -> None:
    """A hearing that found an objection stops the clock of consent; a consent given anew needs no clock."""
    course = Course().determined().wait(days=5).does("hear_child", wish="stay")
    assert course.deadline("consent") is None
    course.wait(days=5).does("hear_child", wish="return")
    assert course.at + days(14) == course.due("consent")


def test_a_new_round_starts_hearing_and_determination_anew() -> None:
    """The clocks of the round before are no clocks of this one."""
    course = Course().determined().wait(days=20).does("reopen_best_interests")
    assert course.at + days(14) == course.due("hearing")
    assert course.at + days(30) == course.due("determination")
    assert course.deadline("consent") is None
    assert course.deadline("reintegration_plan") is None


def test_moving_from_one_emergency_placement_to_the_next_restarts_no_clock() -> None:
    """Two hotels are one emergency."""
    course = Course(placement=HOTEL).wait(days=10).does("place_child", placement={**HOTEL, "name": "Another Hotel"})
    assert START + days(14) == course.due("emergency_placement")
    course.until(START + days(14))
    assert {"emergency_placement_overdue"} == course.holds


def test_back_into_an_emergency_placement_starts_a_new_clock() -> None:
    """A stay in care ended the first one."""
    course = Course(placement=HOTEL).wait(days=3).does("place_child").wait(days=3).does("place_child", placement=HOTEL)
    assert course.at + days(14) == course.due("emergency_placement")


def test_a_placement_struck_down_by_a_court_must_be_replaced_at_once() -> None:
    """An upheld appeal against the placement starts the deadline of an emergency placement."""
    course = Course().does("appeal", against="placement").does("decide_appeal", result="upheld")
    assert course.at + days(14) == course.due("emergency_placement")
    course.does("place_child")
    assert not course.runs("emergency_placement")


def test_each_relative_reported_has_a_clock_of_their_own_in_their_own_state() -> None:
    """A grandmother at home and an uncle in a third state are assessed by two caseworkers."""
    found = [
        {"id": "r1", "relationship": "grandmother", "state": "UA"},
        {"id": "r2", "relationship": "uncle", "state": "RO"},
    ]
    course = Course().represented().does("report_tracing", relatives=found)
    assert 2 == len([row for row in course.view["deadlines"] if row["name"] == "family_assessment"])
    assert {("assess_family", "caseworker", "UA"), ("assess_family", "caseworker", "RO")} <= course.awaited()
    course.does("assess_family")
    assert ("assess_family", "caseworker", "RO") in course.awaited()
    course.does("assess_family", {"id": "cw-ro", "role": "caseworker", "state": "RO"}, relative_id="r2")
    assert "best_interests" == course.stage


def test_two_complaints_have_two_clocks() -> None:
    """Answering one leaves the other running."""
    course = Course().does("complain").wait(days=1)
    first = course.number_of("complain")
    course.does("complain", "relative").does("answer_complaint", complaint=first)
    assert 1 == len([r for r in course.view["awaiting"] if r["act"] == "answer_complaint"])


def test_a_closed_case_owes_nothing() -> None:
    """All clocks stop with the case."""
    course = Course().does("appoint_guardian").does("close_case")
    assert [] == course.view["awaiting"]
    assert course.proceedings.next_due() is None
    course.wait(days=400)
    assert [] == course.kinds("overdue", "escalated", "turned_18")


# Standing still


HELD = {
    "approval_host": lambda: Course().ready_to_approve(),
    "approval_origin": lambda: Course().ready_to_approve(),
    "travel_plan": lambda: Course().decided(),
    "travel_approval": lambda: Course().planned(),
}


@pytest.mark.parametrize("name", HELD)
def test_what_only_held_acts_could_meet_stands_still_under_a_hold(name: str) -> None:
    """Ten days of crisis move the due moment by ten days, and nothing becomes overdue meanwhile."""
    course = HELD[name]()
    due = course.due(name)
    course.wait(days=1).does("suspend").wait(days=30)
    assert ("overdue", name, None) not in course.kinds("overdue")
    course.does("resume")
    assert due + days(30) == course.due(name)
    course.until(due + days(30))
    assert ("overdue", name, None) in course.kinds("overdue")


def test_a_clock_whose_ground_comes_under_a_hold_begins_when_the_hold_ends() -> None:
    """The last condition of an approval is met during a crisis: nobody is late who may not act."""
    course = Course().determined().consented().does("adopt_reintegration_plan").does("suspend")
    course.does("assess_rights_impact").wait(days=40)
    assert ("overdue", "approval_host", None) not in course.kinds("overdue")
    course.does("resume")
    assert course.at + days(10) < course.due("approval_host")


def test_duties_of_care_run_on_under_a_hold() -> None:
    """A crisis excuses nobody from finding a guardian."""
    course = Course().does("suspend").wait(days=4)
    assert ("overdue", "guardian", None) in course.kinds("overdue")


def test_two_holds_that_overlap_are_one_standstill() -> None:
    """The clock goes on when the last of them is lifted."""
    course = Course().ready_to_approve()
    due = course.due("approval_host")
    course.does("suspend").wait(days=2).does("suspend", ground="health").wait(days=3).does("resume").wait(days=4)
    course.does("resume", ground="health")
    assert due + days(9) == course.due("approval_host")


# Extension


def test_a_deadline_is_extended_up_to_the_limit_in_total() -> None:
    """Ten days and four days are fourteen; one more is refused."""
    course = Course().does("extend_deadline", days=10).does("extend_deadline", days=4)
    assert START + days(24) == course.due("identification")
    assert {"extension-limit"} == course.refused("extend_deadline", days=1)


def test_what_has_passed_is_not_extended() -> None:
    """Late is late."""
    course = Course().wait(days=10)
    assert {"extension-limit"} == course.refused("extend_deadline", days=1)


def test_what_does_not_run_is_not_extended() -> None:
    """No such deadline, or one that was met, is out of order."""
    course = Course()
    assert {"out-of-order"} == course.refused("extend_deadline", deadline="travel_plan", days=1)
    course.does("screen_protection")
    assert {"out-of-order"} == course.refused("extend_deadline", deadline="protection_screening", days=1)


@pytest.mark.parametrize("start", [lambda: Course(placement=STATION), lambda: Course(placement=HOTEL)])
def test_release_and_emergency_placement_are_never_extended(start: Callable[[], Course]) -> None:
    """Not even when they do not run, and not by a day."""
    course = start()
    for name in ("release", "emergency_placement"):
        assert "extension-limit" in course.refused("extend_deadline", deadline=name, days=1)


def test_an_extended_deadline_passes_at_its_new_moment() -> None:
    """And not at the old one."""
    course = Course().does("extend_deadline", deadline="guardian", days=2).wait(days=4, hours=23)
    assert ("overdue", "guardian", None) not in course.kinds("overdue")
    course.wait(hours=1)
    assert ("overdue", "guardian", None) in course.kinds("overdue")


# The clock itself


def test_a_year_of_silence_only_tells() -> None:
    """The origin state never answers: everyone is told, nothing happens to the child."""
    course = Course().represented().does("open_tracing").wait(days=300)
    assert "family_tracing" == course.stage
    assert FOSTER == course.case.placement
    assert {"opened", "accepted", "stage", "overdue", "escalated"} == {entry.kind for entry in course.entries}


def test_whoever_waits_until_next_due_finds_something_on_record_and_a_later_moment() -> None:
    """The one lazy timer never wakes in vain and never turns in circles."""
    course = Course(placement=HOTEL).does("complain").does("report_missing")
    moments: list[datetime] = []
    while (due := course.proceedings.next_due()) is not None:
        assert not moments or due > moments[-1]
        moments.append(due)
        assert [] == course.proceedings.let_time_pass(due - timedelta(microseconds=1))
        assert [] != course.proceedings.let_time_pass(due)
        assert [] == course.proceedings.let_time_pass(due)
    assert 10 < len(moments) < 60


def test_a_clock_that_runs_backwards_is_not_believed() -> None:
    """The record's moments never go back."""
    course = Course().wait(days=1)
    course.does("note")
    course.at -= days(1)
    course.does("note")
    assert sorted(entry.at for entry in course.entries) == [entry.at for entry in course.entries]


def test_the_model_is_what_procedure_says() -> None:
    """The lengths of this table are the shipped model's own."""
    assert (2, 5) == model().escalate_after
    assert 14 == model().extension_limit
    assert (14, 30, 90, 180, 270, 365) == model().visits


def test_too_long_in_an_emergency_ends_only_with_family_based_or_group_care() -> None:
    """A hospital or a vehicle is no emergency placement, and no answer to one; somebody owes a placement meanwhile."""
    overdue = Course(placement=HOTEL).wait(days=15)
    for kind in ("hospital", "vehicle", "other"):
        overdue.does("place_child", placement={**FOSTER, "kind": kind})
        assert {"emergency_placement_overdue"} == overdue.holds
        assert ("place_child", "child_protection_authority", "MD") in overdue.awaited()
    overdue.does("place_child", placement={**FOSTER, "kind": "group_home"})
    assert set() == overdue.holds


def test_a_plan_made_while_an_appeal_can_still_be_lodged_makes_nobody_late() -> None:
    """The days to approve it are counted from the moment at which it may be approved."""
    course = Course().approved()
    ends = course.at + days(15)
    course.does("plan_travel")
    assert "appeal-suspends" in course.refused("approve_travel")
    assert ends + days(5) == course.due("travel_approval")
    course.until(ends)
    assert [] == course.kinds("overdue")
    course.until(ends + days(5))
    assert [("overdue", "travel_approval", None)] == course.kinds("overdue")


def test_who_turns_eighteen_on_the_journey_is_still_waited_for() -> None:
    """The duty to report an arrival is a duty of care."""
    course = Course(born="2008-03-20").approved()
    course.until(datetime(2026, 3, 17, tzinfo=UTC))
    course.does("plan_travel").does("certify_fit_to_travel").does("approve_travel").until(
        datetime(2026, 3, 19, tzinfo=UTC)
    )
    course.does("depart").until(datetime(2026, 3, 20, tzinfo=UTC))
    assert {"adulthood"} == course.holds
    assert course.runs("arrival")
    course.wait(days=10)
    assert ("overdue", "arrival", None) in course.kinds("overdue")
    assert ("arrive", "escort", "MD") in course.awaited()


def test_a_review_is_a_new_round_and_not_a_second_vote() -> None:
    """On the day that the panel named, what was heard and assessed before it is the past."""
    course = postponed()
    course.until(datetime(2026, 3, 10, tzinfo=UTC))
    stay: dict[str, Any] = {"solution": "stay", "options_considered": ["return", "stay"]}
    assert {"out-of-order"} == course.refused("determine_best_interests", **stay)
    course.does("reopen_best_interests").ready_for_panel().does("determine_best_interests", **stay)
    assert set() == course.holds


def test_a_stay_granted_while_tracing_is_silent_waits_for_somebody_to_close_it() -> None:
    """The panel may find a stay without an answer from the origin state; the case is not forgotten then."""
    course = Course().represented().does("open_tracing").ready_for_panel().determine("stay").does("grant_stay")
    assert "family_tracing" == course.stage
    assert ("close_case", "central_authority", "MD") in course.awaited()


def test_who_grows_old_enough_to_be_asked_is_asked_and_the_approvals_wait() -> None:
    """From the day on which the consent age is reached, without any other act."""
    course = Course(born="2014-02-06").determined().does("give_consent").prepared()
    assert course.runs("approval_host")
    course.until(datetime(2026, 2, 6, 1, tzinfo=UTC))
    assert ("give_consent", "child", "MD") in course.awaited()
    assert not course.runs("approval_host")
    assert "consent" in course.refused("approve_return")


def test_the_authoritys_guarantee_stands_beside_a_relatives_word() -> None:
    """Whatever a relative undertakes, the authority's guarantee is still there."""
    course = Course().represented().does("open_tracing").does("report_tracing", result="not_found", relatives=[])
    course.does("guarantee_care").ready_for_panel().determine().consented().prepared()
    course.does("guarantee_care", {"id": "anybody", "role": "relative", "state": "FR"}, by="family")
    course.does("approve_return")
