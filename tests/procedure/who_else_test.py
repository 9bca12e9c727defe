"""Who is asked where the ordinary people of a case do not do: another state, an unknown relative, a wrong name."""

from typing import Any

import pytest
from courses import Course

from procedure.acts import parse_act
from procedure.ledger import Ledger
from procedure.open_acts import open_acts
from procedure.safeguards.asked import Asked
from procedure.who_may import not_your_act


@pytest.mark.parametrize(
    ("host", "origin", "third"),
    [("MD", "UA", "RO"), ("RO", "UA", "PL"), ("UA", "RO", "PL"), ("RO", "PL", "DE"), ("PL", "RO", "DE")],
)
def test_a_third_country_is_neither_of_the_two_states(host: str, origin: str, third: str) -> None:
    """Of the most favourable acts too: the one that is tried names a state that has no part in the case."""
    course = Course(host=host, origin=origin)
    found = open_acts(course.case, course.at, Ledger(course.entries), role="central_authority", state=host)
    (arranged,) = [row for row in found if row.act == "arrange_third_country"]
    assert {third} == {way.tried.model_dump()["state"] for way in arranged.ways}


@pytest.mark.parametrize(
    ("relative_id", "whose"),
    [("r1", " of UA, where the relative lives"), ("nobody", " of the relative's state")],
)
def test_a_family_is_assessed_where_the_relative_lives_if_that_is_known(relative_id: str, whose: str) -> None:
    """Whoever else would assess it is told whose act it is."""
    course = Course()
    said = parse_act(course.act("assess_family", "guardianship", relative_id=relative_id))
    (refusal,) = not_your_act(Asked(course.case, said, course.at, Ledger(course.entries)))
    assert refusal["message"] == "The guardianship authority does not do `assess_family`."
    assert refusal["instead"] == f"It is done by: caseworker, central authority{whose}."


@pytest.mark.parametrize("asked", [{"person": " "}, {"state": "Moldova"}])
def test_what_no_act_could_name_is_told_without_what_was_given(asked: dict[str, Any]) -> None:
    """In one sentence; what was given is not in it."""
    course = Course()
    with pytest.raises(ValueError) as told:
        open_acts(course.case, course.at, Ledger(course.entries), **asked)
    assert str(told.value) == "no act could name such a person or state"
