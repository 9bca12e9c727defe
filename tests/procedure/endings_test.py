"""An outcome is recorded when it is true, and each true one can be."""

from collections.abc import Callable

import pytest
from courses import Course

TRUE: list[tuple[str, Callable[[], Course]]] = [
    ("stays", lambda: Course().determined("stay").does("grant_stay")),
    ("third_country", lambda: Course().determined("third_country").does("arrange_third_country")),
    ("adult", lambda: Course().represented().does("assess_age", result="adult").wait(days=60)),
    ("withdrawn", lambda: Course().represented()),
    ("withdrawn", lambda: Course(situation="with_family")),
]


@pytest.mark.parametrize(("outcome", "reach"), TRUE)
def test_a_case_closes_with_the_outcome_that_came_about(outcome: str, reach: Callable[[], Course]) -> None:
    """What is true is accepted. A child with the family needs no guardian for a withdrawal."""
    course = reach().does("close_case", outcome=outcome)
    assert course.stage == "closed"


def test_nobody_is_closed_as_an_adult_while_the_assessment_is_appealed() -> None:
    """The time to appeal over, an appeal that was lodged in it still stands in the way; its dismissal lets it pass."""
    course = Course().represented().does("assess_age", result="adult").does("appeal", against="age").wait(days=60)
    assert course.refused("close_case", outcome="adult") == {"out-of-order"}
    course.does("decide_appeal").does("close_case", outcome="adult")
