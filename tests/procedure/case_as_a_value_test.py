"""The case as a value: changed by naming facts, and what follows from them is never out of step."""

from dataclasses import replace

import pytest
from stories import told

OPENED = told("returned")[0].case
LATER = told("returned")[-1].case


def test_a_change_names_a_fact_that_a_case_has() -> None:
    """Others are told, in order; all facts at once are facts."""
    with pytest.raises(TypeError, match=r"^a case has no colour, shape$"):
        OPENED.but(shape=1, colour=2, missing=True)
    assert OPENED.but(**vars(LATER)) == LATER
    assert OPENED.but() == OPENED


def test_what_runs_is_what_is_not_met() -> None:
    """However the case was made, unless somebody says so who has reckoned it already."""
    met = {key: replace(each, met=each.due) if key == "guardian" else each for key, each in OPENED.deadlines.items()}
    runs = [key for key in OPENED.deadlines if key != "guardian"]
    assert list(OPENED.but(deadlines=met).running) == list(replace(OPENED, deadlines=met).running) == runs
    assert OPENED.but(deadlines=met, running={}).running == {}
    assert OPENED.but(missing=True).running == OPENED.running


def test_the_rules_are_those_that_the_next_entry_puts_on_record() -> None:
    """Those of before, where it puts none."""
    assert OPENED.rules == OPENED.procedure_version
    assert OPENED.but(moves_to="an invented version").rules == "an invented version"


def test_a_case_has_two_sides_and_a_third_state_has_none() -> None:
    """From state to side and back."""
    assert [OPENED.side_of(state) for state in ("MD", "UA", "RO")] == ["host", "origin", None]
    assert [OPENED.state_of(side) for side in ("host", "origin")] == ["MD", "UA"]
    assert (OPENED.child_state, LATER.child_state) == ("MD", "UA")
