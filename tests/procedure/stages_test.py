"""Each stage, what ends it, and how a case falls back by itself (procedure.md, part 1)."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from courses import FOSTER, STATION, Course


@dataclass(frozen=True)
class Exit:
    """One exit condition: everything else of the stage holds, and this act completes it."""

    stage: str
    says: str
    before: Callable[[], Course]
    act: Callable[[Course], object]
    then: str


def identified_but(*acts: str) -> Course:
    course = Course(born=None, child={"estimated_age": 13})
    for act in ("verify_identity", "assess_age", "screen_protection"):
        if act not in acts:
            course.does(act)
    return course


EXITS = [
    Exit(
        "identification",
        "identity is looked into",
        lambda: identified_but("verify_identity"),
        lambda c: c.does("verify_identity", result="not_established"),
        "guardianship",
    ),
    Exit(
        "identification",
        "age is assessed in doubt",
        lambda: identified_but("assess_age"),
        lambda c: c.does("assess_age", result="doubt"),
        "guardianship",
    ),
    Exit(
        "identification",
        "a date of birth is found",
        lambda: identified_but("assess_age"),
        lambda c: c.does("verify_identity", date_of_birth="2013-01-01"),
        "guardianship",
    ),
    Exit(
        "identification",
        "protection is screened",
        lambda: identified_but("screen_protection"),
        lambda c: c.does("screen_protection"),
        "guardianship",
    ),
    Exit(
        "identification",
        "the child is in open care",
        lambda: Course(placement=STATION).does("verify_identity").does("screen_protection"),
        lambda c: c.does("place_child"),
        "guardianship",
    ),
    Exit(
        "guardianship",
        "a guardian is in office",
        lambda: Course().identified().does("appoint_counsel"),
        lambda c: c.does("appoint_guardian"),
        "family_tracing",
    ),
    Exit(
        "guardianship",
        "counsel is in office",
        lambda: Course().identified().does("appoint_guardian"),
        lambda c: c.does("appoint_counsel"),
        "family_tracing",
    ),
    Exit(
        "guardianship",
        "a child with the family needs no tracing",
        lambda: Course(situation="with_family").identified().does("appoint_guardian"),
        lambda c: c.does("appoint_counsel"),
        "best_interests",
    ),
    Exit(
        "family_tracing",
        "nobody was found",
        lambda: Course().represented(),
        lambda c: c.does("report_tracing", result="not_found", relatives=[]),
        "best_interests",
    ),
    Exit(
        "family_tracing",
        "every relative found is assessed",
        lambda: Course().represented().does("report_tracing"),
        lambda c: c.does("assess_family", safe=False),
        "best_interests",
    ),
    Exit(
        "best_interests",
        "the panel finds return",
        lambda: Course().assessed(),
        lambda c: c.determine("return"),
        "decision",
    ),
    Exit(
        "best_interests",
        "the panel finds a stay",
        lambda: Course().assessed(),
        lambda c: c.determine("stay"),
        "other_solution",
    ),
    Exit(
        "best_interests",
        "the panel finds a third country",
        lambda: Course().assessed(),
        lambda c: c.determine("third_country"),
        "other_solution",
    ),
    Exit(
        "best_interests",
        "the appeal against the determination is dismissed",
        lambda: Course().determined().does("appeal", against="best_interests"),
        lambda c: c.does("decide_appeal"),
        "decision",
    ),
    Exit("decision", "the time to appeal is over", lambda: Course().approved(), lambda c: c.wait(days=15), "travel"),
    Exit(
        "decision",
        "the last approval is given",
        lambda: Course().ready_to_approve().wait(days=1).does("approve_return").wait(days=20),
        lambda c: c.does("approve_return", "origin authority").wait(days=15),
        "travel",
    ),
    Exit(
        "travel", "the child arrives in care", lambda: Course().departed(), lambda c: c.does("arrive"), "reintegration"
    ),
    Exit(
        "reintegration",
        "the last visit finds the child safe",
        lambda: Course().visited(safe_last=False),
        lambda c: c.does("record_visit", visit=6).ready_for_panel().determine().wait(days=15),
        "closed",
    ),
    Exit(
        "other_solution",
        "a stay is granted",
        lambda: Course().determined("stay"),
        lambda c: c.does("grant_stay"),
        "closed",
    ),
    Exit(
        "other_solution",
        "a third country is arranged",
        lambda: Course().determined("third_country"),
        lambda c: c.does("arrange_third_country"),
        "closed",
    ),
]


@pytest.mark.parametrize("way_out", EXITS, ids=lambda way_out: f"{way_out.stage} ends when {way_out.says}")
def test_a_stage_ends_with_the_last_of_its_conditions(way_out: Exit) -> None:
    """Before the act the case is in the stage, after it in the next, and an entry says so."""
    course = way_out.before()
    expected = "best_interests" if way_out.stage == "reintegration" else way_out.stage
    assert expected == course.stage
    way_out.act(course)
    assert way_out.then == course.stage
    assert ("stage", way_out.then, None) in course.kinds("stage")


def test_tracing_that_goes_on_is_not_over() -> None:
    """An interim report keeps the stage."""
    course = Course().represented().does("open_tracing").does("report_tracing", result="ongoing", relatives=[])
    assert "family_tracing" == course.stage


def test_a_postponement_leaves_best_interests_open() -> None:
    """Postpone is no solution."""
    course = (
        Course()
        .assessed()
        .does(
            "determine_best_interests",
            solution="postpone",
            options_considered=["postpone", "stay"],
            review_on="2026-08-01",
        )
    )
    assert "best_interests" == course.stage
    assert "postpone" == course.view["solution"]


@dataclass(frozen=True)
class Fall:
    says: str
    before: Callable[[], Course]
    act: Callable[[Course], object]
    back_to: str


FALLS = [
    Fall(
        "identification when the child is detained",
        lambda: Course().approved(),
        lambda c: c.does("report_detention"),
        "identification",
    ),
    Fall(
        "family tracing when a new relative is reported",
        lambda: Course().approved(),
        lambda c: c.does("report_tracing", relatives=[{"id": "r2", "relationship": "aunt", "state": "UA"}]),
        "family_tracing",
    ),
    Fall(
        "best interests when they are reopened",
        lambda: Course().travel_approved(),
        lambda c: c.does("reopen_best_interests"),
        "best_interests",
    ),
    Fall(
        "best interests while an appeal against the determination is pending",
        lambda: Course().decided(),
        lambda c: c.does("appeal", against="best_interests"),
        "best_interests",
    ),
    Fall(
        "best interests when a state declines",
        lambda: Course().approved(),
        lambda c: c.does("decline_return", "origin authority"),
        "best_interests",
    ),
    Fall(
        "best interests when a visit finds the child unsafe",
        lambda: Course().arrived(),
        lambda c: c.does("record_visit", safe=False),
        "best_interests",
    ),
    Fall(
        "decision when the consent is withdrawn",
        lambda: Course().travel_approved(),
        lambda c: c.does("withdraw_consent", "child"),
        "decision",
    ),
    Fall(
        "decision when the rights impact turns unsafe",
        lambda: Course().travel_approved(),
        lambda c: c.does("assess_rights_impact", safe=False),
        "decision",
    ),
    Fall(
        "decision when the guardian is replaced",
        lambda: Course().travel_approved(),
        lambda c: c.does("replace_guardian"),
        "decision",
    ),
    Fall(
        "decision when the return is appealed",
        lambda: Course().travel_approved(),
        lambda c: c.does("appeal"),
        "decision",
    ),
    Fall(
        "travel when the journey is interrupted",
        lambda: Course().departed(),
        lambda c: c.does("report_incident"),
        "travel",
    ),
]


@pytest.mark.parametrize("fall", FALLS, ids=lambda fall: fall.says)
def test_a_fact_that_falls_away_takes_the_case_back_to(fall: Fall) -> None:
    """The case stands where its earliest open condition is, without anybody moving it."""
    course = fall.before()
    fall.act(course)
    assert fall.back_to == course.stage


def test_a_bad_arrival_ends_with_the_release() -> None:
    """On arrival the child is taken to a closed place; the release brings the case to reintegration."""
    course = Course().departed().does("arrive", handed_to="law_enforcement", placement=STATION)
    assert "reintegration" != course.stage
    course.does("confirm_release", "monitor")
    assert "reintegration" == course.stage


ROUNDS: dict[str, tuple[Callable[[], Course], Callable[[Course], object]]] = {
    "reopening": (lambda: Course().determined(), lambda c: c.does("reopen_best_interests")),
    "declining": (lambda: Course().determined(), lambda c: c.does("decline_return")),
    "an upheld appeal against the determination": (
        lambda: Course().determined(),
        lambda c: c.does("appeal", against="best_interests").does("decide_appeal", result="upheld"),
    ),
    "an upheld appeal against the return": (
        lambda: Course().approved(),
        lambda c: c.does("appeal", against="return").does("decide_appeal", result="upheld"),
    ),
    "an unsafe visit": (lambda: Course().arrived(), lambda c: c.does("record_visit", safe=False)),
    "asylum granted": (
        lambda: Course().determined(),
        lambda c: c.does("lodge_asylum_claim").does("resolve_asylum_claim", result="granted"),
    ),
}


@pytest.mark.parametrize("how", ROUNDS)
def test_a_new_round_begins_with(how: str) -> None:
    """And needs a new hearing, a new assessment and a new determination."""
    reach, begins = ROUNDS[how]
    course = reach()
    assert 1 == course.view["round"]
    begins(course)
    assert 2 == course.view["round"]
    assert course.view["solution"] is None
    refused = course.refused("determine_best_interests", solution="stay")
    assert refused == {"child-heard", "out-of-order"}
    course.ready_for_panel().determine("stay")
    assert "stay" == course.view["solution"]


def test_no_round_begins_with_a_dismissed_appeal_or_a_safe_visit() -> None:
    """What changes nothing opens nothing."""
    course = Course().approved().does("appeal").does("decide_appeal")
    assert 1 == course.view["round"]
    assert 1 == Course().arrived().does("record_visit").view["round"]


def test_what_was_found_in_one_round_does_not_carry_the_next() -> None:
    """Two rounds: an upheld appeal, then another solution, and each determination stays on record."""
    course = Course().determined().does("appeal", against="best_interests").does("decide_appeal", result="upheld")
    course.ready_for_panel().determine("stay").does("grant_stay").does("close_case", outcome="stays")
    assert ["return", "stay"] == [
        entry.facts["solution"] for entry in course.entries if entry.act == "determine_best_interests"
    ]
    assert ("closed", "stays") == (course.view["status"], course.view["outcome"])


# Closing


OUTCOMES: dict[str, tuple[Callable[[], Course], Callable[[Course], object]]] = {
    "returned": (lambda: Course().arrived(), lambda c: c.visit_all()),
    "stays": (lambda: Course().determined("stay"), lambda c: c.does("grant_stay")),
    "third_country": (lambda: Course().determined("third_country"), lambda c: c.does("arrange_third_country")),
    "adult": (
        lambda: Course(born=None, child={"estimated_age": 17}).does("appoint_guardian"),
        lambda c: c.does("assess_age", result="adult").wait(days=15),
    ),
    "transferred_to_adult_services": (
        lambda: Course(born="2008-02-20").wait(days=30),
        lambda c: c.does("transfer_to_adult_services"),
    ),
    "withdrawn": (Course, lambda c: c.does("appoint_guardian")),
}


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_case_closes_with_an_outcome_when_it_is_true(outcome: str) -> None:
    """Refused before it has come about, accepted after; then the case is closed and takes no further acts."""
    reach, comes_about = OUTCOMES[outcome]
    course = reach()
    expected = "monitoring-complete" if outcome == "returned" else "out-of-order"
    assert expected in course.refused("close_case", outcome=outcome)
    assert course.view["outcome"] is None
    comes_about(course)
    course.does("close_case", outcome=outcome)
    assert ("closed", "closed", outcome) == tuple(course.view[name] for name in ("status", "stage", "outcome"))
    assert "closed" in [entry.kind for entry in course.entries[-3:]]
    assert "closed-case" in course.refused("note")
    assert "closed-case" in course.refused("place_child")
    assert "closed-case" in course.refused("close_case", outcome=outcome)


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("danger", ["report_missing", "report_detention"])
def test_a_case_never_closes_over_a_child_missing_or_detained(outcome: str, danger: str) -> None:
    """Whatever is true besides."""
    reach, comes_about = OUTCOMES[outcome]
    course = reach()
    comes_about(course)
    course.does(danger)
    assert "held" in course.refused("close_case", outcome=outcome)
    course.does("report_found").does("confirm_release")
    course.does("close_case", outcome=outcome)


@pytest.mark.parametrize("outcome", [name for name in OUTCOMES if name != "withdrawn"])
def test_no_outcome_is_true_at_the_beginning(outcome: str) -> None:
    """Nothing closes a case that has only been opened."""
    expected = "monitoring-complete" if outcome == "returned" else "out-of-order"
    assert expected in Course().refused("close_case", outcome=outcome)


def test_a_withdrawal_comes_before_the_approval() -> None:
    """An approved return is declined or carried out, not withdrawn."""
    course = Course().ready_to_approve().does("approve_return")
    assert "out-of-order" in course.refused("close_case", outcome="withdrawn")


def test_a_child_with_the_family_is_withdrawn_without_a_guardian() -> None:
    """The family looks after the child."""
    Course(situation="with_family").does("close_case", outcome="withdrawn")


def test_an_adult_case_waits_for_the_time_to_appeal() -> None:
    """And for an appeal against the age."""
    course = Course().does("appoint_guardian").does("assess_age", result="adult").wait(days=14)
    assert "out-of-order" in course.refused("close_case", outcome="adult")
    course.does("appeal", against="age").wait(days=10)
    assert "out-of-order" in course.refused("close_case", outcome="adult")
    course.does("decide_appeal").does("close_case", outcome="adult")


def test_a_case_is_not_closed_on_the_journey() -> None:
    """The child is somewhere between two states."""
    course = Course().departed().does("grant_stay")
    assert "out-of-order" in course.refused("close_case", outcome="stays")


def test_the_authority_of_either_state_closes() -> None:
    """After a return it is the origin's turn to say so."""
    course = Course().visited().does("close_case", "origin authority", outcome="returned")
    assert "returned" == course.view["outcome"]


def test_the_placement_stays_what_it_was_when_a_case_closes() -> None:
    """Closing moves nobody."""
    course = Course().does("appoint_guardian").does("close_case")
    assert FOSTER == course.view["placement"]


def test_after_a_last_visit_that_was_not_safe_somebody_has_to_look_again() -> None:
    """The panel of the new round finds that the child stays returned: the monitor owes a further visit."""
    course = Course().visited(safe_last=False).ready_for_panel().determine().wait(days=15)
    assert "reintegration" == course.stage
    assert {("record_visit", "monitor", "UA")} == course.awaited()
    course.does("record_visit", visit=7).does("close_case", outcome="returned")


@pytest.mark.parametrize("state", ["MD", "UA"])
def test_neither_of_the_two_states_is_a_third_country(state: str) -> None:
    """The state of origin under another name would be a return without anything that a return asks."""
    course = Course().determined("third_country")
    assert {"out-of-order"} == course.refused("arrange_third_country", state=state)
    assert "other_solution" == course.stage
    course.does("arrange_third_country", state="RO")


def test_a_third_country_falls_with_the_determination_that_found_it() -> None:
    """What was arranged is no ending of another round; a stay that was granted is a status, and stands."""
    course = Course().determined("third_country").does("arrange_third_country").does("reopen_best_interests")
    course.ready_for_panel().determine("stay")
    assert "other_solution" == course.stage
    assert {"out-of-order"} == course.refused("close_case", outcome="third_country")
    course.does("grant_stay").does("reopen_best_interests").ready_for_panel().determine("stay")
    assert "closed" == course.stage


BEFALLS: dict[str, Callable[[Course], object]] = {
    "a detention": lambda c: c.does("report_detention").does("confirm_release"),
    "a consent withdrawn": lambda c: c.does("withdraw_consent", "child"),
    "an appeal against the journey upheld": lambda c: c.does("appeal", against="travel").does(
        "decide_appeal", result="upheld"
    ),
}


@pytest.mark.parametrize("what", BEFALLS)
def test_a_journey_that_something_befell_still_ends(what: str) -> None:
    """The escort stays waited for and may report; after the arrival and all visits the case closes."""
    course = Course().departed()
    BEFALLS[what](course)
    assert course.runs("arrival")
    assert ("arrive", "escort", "MD") in course.awaited()
    course.does("arrive")
    assert "reintegration" == course.stage
    course.visit_all().does("close_case", outcome="returned")


@pytest.mark.parametrize("what", BEFALLS)
def test_a_journey_that_something_befell_may_be_broken_off(what: str) -> None:
    """An incident undoes the departure, and a new plan follows."""
    course = Course().departed()
    BEFALLS[what](course)
    course.does("report_incident")
    assert course.case.departed is None


def test_a_return_is_visited_under_whatever_name_its_case_is_closed() -> None:
    """A stay granted after the arrival is no way around the monitoring."""
    course = Course().arrived().does("grant_stay")
    assert {"monitoring-complete"} == course.refused("close_case", outcome="stays")
    assert {"monitoring-complete", "out-of-order"} == course.refused("close_case", outcome="third_country")
    course.visit_all().does("close_case", outcome="stays")


def test_the_last_visit_is_the_latest_and_not_the_one_with_the_highest_number() -> None:
    """A fifth visit made again, after the sixth, that finds the child unsafe keeps the case open."""
    course = Course().arrived().visit_all().does("record_visit", visit=5, safe=False)
    assert "best_interests" == course.stage
    assert {"monitoring-complete"} == course.refused("close_case", outcome="returned")


def test_an_appeal_is_about_what_was_decided_before_it() -> None:
    """A later assessment of age, or the determination of a later round, does not fall with it."""
    course = Course(born=None, child={"estimated_age": 15}).represented().does("assess_age", result="adult")
    course.does("appeal", against="age").does("assess_age", result="child").does("decide_appeal", result="upheld")
    assert course.case.age_assessed is not None
    course = Course().determined().does("appeal", against="best_interests").does("reopen_best_interests")
    course.ready_for_panel().determine("stay").does("decide_appeal", result="upheld")
    assert "stay" == course.view["solution"]
