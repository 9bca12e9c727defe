"""Consent and objection: from which age, in what language, and until when a no stands."""

from datetime import UTC, datetime

import pytest
from courses import START, Course, model

from procedure.agreement import Agreement


def ready(born: str, agreement: Agreement | None = None) -> Course:
    """Everything for an approval but a word from the child."""
    course = Course(born=born, agreement=agreement).determined()
    return course.does("give_consent").prepared()


def test_a_child_of_twelve_is_asked() -> None:
    """On the twelfth birthday and after, the child's own consent is needed."""
    course = ready("2014-02-02")
    assert {"consent"} == course.refused("approve_return")
    assert ("give_consent", "child", "MD") in course.awaited()
    course.does("give_consent", "child").does("approve_return")


def test_a_child_of_eleven_needs_not_be_asked() -> None:
    """The day before the twelfth birthday the guardian's consent is enough."""
    course = ready("2014-02-03")
    assert ("give_consent", "child", "MD") not in course.awaited()
    course.does("approve_return")


def test_a_child_who_turns_twelve_before_leaving_is_asked() -> None:
    """The case falls back by itself at midnight of the birthday, announced beforehand."""
    course = ready("2014-02-20").approve().wait(days=15)
    assert "travel" == course.stage
    birthday = datetime(2026, 2, 20, tzinfo=UTC)
    assert birthday == course.proceedings.next_due()
    course.until(birthday)
    assert "decision" == course.stage
    course.does("give_consent", "child")
    assert "travel" == course.stage


def test_a_child_who_turns_twelve_on_the_journey_is_not_turned_back() -> None:
    """What was right at the departure stays right."""
    course = ready("2014-02-20").approve().wait(days=15).does("plan_travel").does("certify_fit_to_travel")
    course.does("approve_travel").until(datetime(2026, 2, 19, 12, tzinfo=UTC)).does("depart")
    course.until(datetime(2026, 2, 20, 14, tzinfo=UTC)).does("arrive").wait(days=3)
    assert "reintegration" == course.stage


def test_an_agreement_may_ask_younger_children() -> None:
    """A consent age of nine asks a child of nine."""
    course = ready("2016-06-01", model().model_copy(update={"consent_age": 9}))
    assert {"consent"} == course.refused("approve_return")


def test_a_child_whose_age_nobody_knows_is_treated_by_the_latest_plausible_birth() -> None:
    """Estimated twelve is twelve from the opening on."""
    course = Course(born=None, child={"estimated_age": 12}).does("assess_age").determined()
    course.does("give_consent").prepared()
    assert {"consent"} == course.refused("approve_return")


@pytest.mark.parametrize("born", ["2013-05-04", "2019-05-04"], ids=["a girl of twelve", "a boy of six"])
@pytest.mark.parametrize("how", ["said", "heard", "withdrawn"])
def test_an_objection_counts_at_every_age(born: str, how: str) -> None:
    """A spoken no, a wish to stay, a withdrawn consent: the return is refused by consent."""
    course = Course(born=born).determined().consented().prepared()
    if how == "said":
        course.does("give_consent", "child", given=False)
    elif how == "heard":
        course.does("hear_child", wish="stay")
    else:
        course.does("withdraw_consent", "child")
    assert {"consent"} == course.refused("approve_return")
    course.does("give_consent", "child").does("approve_return")


def test_a_wish_to_stay_stands_until_a_later_hearing_says_otherwise() -> None:
    """The latest hearing that counts decides what the child wishes."""
    course = Course(born="2019-05-04").determined().does("give_consent").prepared().does("hear_child", wish="stay")
    assert {"consent"} == course.refused("approve_return")
    course.does("hear_child", wish="undecided").does("approve_return")


def test_what_a_child_said_outright_is_not_taken_back_by_silence() -> None:
    """Only a later yes, or a wish to return, lifts a spoken no."""
    course = Course(born="2019-05-04").determined().does("give_consent").prepared()
    course.does("give_consent", "child", given=False).does("hear_child", wish="declines_to_say")
    assert {"consent"} == course.refused("approve_return")
    course.does("hear_child", wish="return").does("approve_return")


def test_a_hearing_that_does_not_count_neither_objects_nor_agrees() -> None:
    """Without the guardian it is a note of what was said."""
    course = Course(born="2019-05-04").determined().does("give_consent").prepared()
    course.does("hear_child", wish="stay", guardian_present=False).does("approve_return")
    course.does("hear_child", wish="stay").does("hear_child", wish="return", informed=False)
    assert "consent" in course.refused("approve_return", "origin authority")


def test_an_objection_outlives_the_round() -> None:
    """A new panel does not wipe out a no."""
    course = Course().determined().consented().does("give_consent", "child", given=False)
    course.does("reopen_best_interests").does("hear_child", wish="undecided").does("submit_assessment").determine()
    course.does("give_consent").prepared()
    assert "consent" in course.refused("approve_return")


def test_a_no_is_taken_in_detention_and_a_yes_is_not() -> None:
    """Saying no is never gated."""
    course = Course().determined().does("report_detention")
    assert "consent" in course.refused("give_consent", "child")
    course.does("give_consent", "child", given=False)


def test_a_no_is_taken_before_any_panel_has_met() -> None:
    """A child may object at any time, informed or not, in any language."""
    course = Course().does("give_consent", "child", given=False, informed=False, language="ro")
    assert course.case.objection is not None


def test_consent_is_the_guardian_in_offices() -> None:
    """A former guardian's word carries nothing, and a former guardian may not speak."""
    course = Course().determined().does("give_consent").does("replace_guardian")
    assert {"not-your-act"} == course.refused("give_consent")
    course.does("give_consent", {"id": "guardian-2", "role": "guardian", "state": "MD"})
    assert START == course.at
