"""A hold stops the deadlines that only held acts could meet, and its end lets them go on: what an entry then records."""

from dataclasses import replace
from datetime import timedelta

import pytest
from stories import told

from procedure.deadlines import changes
from procedure.entries import moment
from procedure.views import try_to_show, view

HELD = next(each for each in told("held") if each.words == "suspend accepted")
BEFORE = told("held")[told("held").index(HELD) - 1]
APPROVALS = ["approval_host", "approval_origin"]
LATER = HELD.at + timedelta(days=2)


def test_before_a_hold_the_approvals_run_and_under_it_they_stand_still() -> None:
    """Each once: what stands still already is not stopped again."""
    assert list(BEFORE.case.running) == APPROVALS
    assert changes(BEFORE.case, (), LATER) == {}
    assert changes(BEFORE.case, ("crisis",), LATER) == {"stand_still": APPROVALS}
    assert changes(HELD.case, ("crisis",), LATER) == {}


def test_after_a_hold_they_go_on_later_by_as_long_as_it_stood() -> None:
    """Two days on, each is due two days later."""
    goes_on = {key: moment(HELD.case.running[key].due + timedelta(days=2)) for key in APPROVALS}
    assert changes(HELD.case, (), LATER) == {"go_on": goes_on}


def test_duties_of_care_run_on() -> None:
    """They are neither stopped nor, if they once were, let go on."""
    opened = told("returned")[0].case
    assert changes(opened, ("crisis",), LATER) == changes(opened, (), LATER) == {}
    stood = {key: replace(each, stands_still_since=HELD.at) for key, each in opened.running.items()}
    assert changes(opened.but(deadlines=stood), (), LATER) == {}


def test_a_ground_that_is_another_is_set_anew() -> None:
    """Whatever stood still before; under a hold its time has not begun."""
    other = {key: replace(each, ground="another") for key, each in HELD.case.running.items()}
    case = HELD.case.but(deadlines=other)
    assert {*changes(case, (), LATER)} == {"set"}
    assert {key: ground for key, (_, ground) in changes(case, (), LATER)["set"].items()} == dict.fromkeys(APPROVALS, "")
    assert changes(case, ("crisis",), LATER)["stand_still"] == APPROVALS


@pytest.mark.parametrize("days", [0, 3])
def test_what_stands_still_is_shown_as_moving_along(days: int) -> None:
    """Due so many days later than it was, in the view's rows."""
    at = HELD.at + timedelta(days=days)
    rows = {row["name"]: row for row in view(HELD.case, at)["deadlines"] if row["stands_still"]}
    assert {name: row["due"] for name, row in rows.items()} == {
        key: moment(HELD.case.running[key].due + timedelta(days=days)) for key in APPROVALS
    }


def test_a_case_under_a_hold_and_one_before_it_can_be_shown() -> None:
    """Trying raises nothing."""
    for each in (BEFORE, HELD):
        try_to_show(each.case, each.at)
