"""The eighteenth birthday: when it is, what it stops, and what goes on."""

from datetime import UTC, datetime, timedelta

import pytest
from courses import Course, Fields

from procedure.intake import age_on
from procedure.majority import age_of_consent, eighteenth_birthday, own_consent_needed


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


BIRTHS: list[tuple[str, Fields, str]] = [
    ("on an ordinary day", {"born": "2008-05-04"}, "2026-05-04"),
    ("on 29 February, in a common year", {"born": "2008-02-29"}, "2026-03-01"),
    (
        "with an estimated age only: the latest plausible birth",
        {"born": None, "child": {"estimated_age": 17}},
        "2027-02-02",
    ),
    (
        "with a date of birth and a lower estimate: the later of both",
        {"born": "2008-05-04", "child": {"estimated_age": 16}},
        "2028-02-02",
    ),
    (
        "with a date of birth and a higher estimate: the later of both",
        {"born": "2009-05-04", "child": {"estimated_age": 17}},
        "2027-05-04",
    ),
]


@pytest.mark.parametrize(("says", "intake", "day"), BIRTHS, ids=[says for says, *_ in BIRTHS])
def test_childhood_ends_at_midnight_of_the_day(says: str, intake: Fields, day: str) -> None:
    """A second before, nothing; at the moment, an entry turned_18 and the hold adulthood."""
    course = Course(**intake)
    course.until(at(day) - timedelta(seconds=1))
    assert not course.view["turned_18"]
    assert at(day) == course.proceedings.next_due()
    course.until(at(day))
    assert course.view["turned_18"]
    assert {"adulthood"} == course.holds
    assert 1 == len(course.kinds("turned_18"))


def test_a_verified_date_of_birth_ends_the_guessing() -> None:
    """What is verified stands before any estimate."""
    course = Course(born=None, child={"estimated_age": 12})
    course.does("verify_identity", result="verified", date_of_birth="2008-03-01").until(at("2026-03-01"))
    assert course.view["turned_18"]


def test_a_presumed_date_of_birth_never_makes_a_child_older() -> None:
    """In doubt the younger age holds."""
    course = Course(born="2010-01-01").does("verify_identity", result="presumed", date_of_birth="2008-03-01")
    course.until(at("2026-03-01"))
    assert not course.view["turned_18"]


@pytest.mark.parametrize(
    ("day", "years"),
    [("2026-02-28", 17), ("2026-03-01", 18), ("2028-02-28", 19), ("2028-02-29", 20)],
)
def test_a_child_born_on_29_february_grows_older_on_1_march_in_common_years(day: str, years: int) -> None:
    """And on the day itself in leap years."""
    assert years == age_on(at("2008-02-29").date(), at(day).date())


def test_after_the_birthday_the_return_stops_for_good() -> None:
    """Decisions about a child are refused; the transfer, the closing and reports pass."""
    course = Course(born="2008-02-20").ready_to_approve().until(at("2026-02-20"))
    for act in ("approve_return", "give_consent", "adopt_reintegration_plan", "reopen_best_interests", "suspend"):
        assert {"held", "out-of-order"} <= course.refused(act), act
    course.does("hear_child").does("report_missing").does("report_found").does("complain").does("note")
    assert ("transfer_to_adult_services", "child_protection_authority", "MD") in course.awaited()
    course.does("transfer_to_adult_services")
    assert ("close_case", "central_authority", "MD") in course.awaited()
    course.does("close_case", outcome="transferred_to_adult_services")
    assert {"closed-case"} == course.refused("note")


def test_care_goes_on_after_the_birthday() -> None:
    """A bed and somebody to ask are never held."""
    course = Course(born="2008-02-20").until(at("2026-02-20"))
    course.does("place_child").does("confirm_services").does("appoint_guardian")


def test_a_departure_on_the_birthday_does_not_take_place() -> None:
    """Everything was approved; childhood ended first."""
    course = Course(born="2008-02-19").travel_approved().until(at("2026-02-19"))
    assert "held" in course.refused("depart")


def test_a_return_in_reintegration_goes_on_over_the_birthday() -> None:
    """Without the hold; the visits are made and the case closes as returned."""
    course = Course(born="2008-04-01").arrived()
    course.visit_all()
    assert course.view["turned_18"]
    assert set() == course.holds
    course.does("close_case", outcome="returned")
    assert "returned" == course.view["outcome"]


def test_a_birthday_changes_no_solution_no_approval_and_no_placement() -> None:
    """Time decides nothing."""
    course = Course(born="2008-03-01").approved()
    before = course.case
    course.until(at("2026-03-02"))
    assert (before.determination, before.approvals, before.placement) == (
        course.case.determination,
        course.case.approvals,
        course.case.placement,
    )


def test_deadlines_of_the_return_fall_away_with_childhood_and_those_of_care_stay() -> None:
    """Nobody is late with a hearing of an adult; a detention still ends in a day."""
    course = Course(born="2008-02-10").does("report_detention", since="2026-02-02T09:00:00Z").until(at("2026-02-10"))
    assert course.runs("release")
    assert not any(course.runs(name) for name in ("guardian", "counsel", "identification", "services"))


ASKED: list[tuple[str, Fields, Fields | None, str]] = [
    ("as told", {"born": "2015-06-01"}, None, "2027-06-01"),
    ("as told, or older by an estimate", {"born": "2015-06-01", "child": {"estimated_age": 13}}, None, "2025-02-02"),
    ("as told, and younger by an estimate", {"born": "2013-06-01", "child": {"estimated_age": 5}}, None, "2025-06-01"),
    ("by an estimate alone", {"born": None, "child": {"estimated_age": 10}}, None, "2028-02-02"),
    (
        "as told before it was presumed otherwise",
        {"born": "2013-06-01"},
        {"result": "presumed", "date_of_birth": "2016-06-01"},
        "2025-06-01",
    ),
    (
        "as verified, whatever was told before",
        {"born": "2013-06-01", "child": {"estimated_age": 13}},
        {"result": "verified", "date_of_birth": "2016-06-01"},
        "2028-06-01",
    ),
]


@pytest.mark.parametrize(("says", "intake", "found", "day"), ASKED, ids=[says for says, *_ in ASKED])
def test_a_child_is_asked_from_the_age_of_consent_on(says: str, intake: Fields, found: Fields | None, day: str) -> None:
    """The earliest birth on record counts: the day before nobody needs to ask, from midnight on somebody does."""
    course = Course(**intake)
    if found:
        course.does("verify_identity", **found)
    assert course.case.agreement.consent_age == 12
    assert age_of_consent(course.case) == at(day)
    assert not own_consent_needed(course.case, at(day) - timedelta(seconds=1))
    assert own_consent_needed(course.case, at(day))


def test_an_age_that_nobody_knows_makes_nobody_eighteen_and_leaves_nobody_unasked() -> None:
    """No birthday is made up, and the child is asked. No intake leaves both open; a record of old may."""
    case = Course(born=None, child={"estimated_age": 5}).case.but(estimated_age=None)
    assert eighteenth_birthday(case) is None
    assert age_of_consent(case) is None
    assert own_consent_needed(case, case.opened_at)
