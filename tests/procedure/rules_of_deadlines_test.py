"""The rules of deadlines one by one: in whose calendar days are counted, and what a rule says before it is in the table."""

from collections.abc import Callable
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

import pytest
from courses import START, model
from stories import told

from procedure import deadlines
from procedure.acts import parse_act
from procedure.agreement import Agreement, Period
from procedure.case import Case, OnRecord
from procedure.deadlines import RULES, Ground, rule_of
from procedure.effects import effects
from procedure.ledger import Ledger
from procedure.safeguards.asked import Asked

BEFORE_MAY = datetime(2026, 4, 29, 9, tzinfo=UTC)
"""A Wednesday. Romania rests on the First of May, Poland besides on 3 May, which is a Sunday, and Japan until the 6th."""


def _with_days(calendars: dict[str, str]) -> Case:
    """A case whose deadlines are all of four working days."""
    terms = {**model().terms(), "deadlines": {name: {"working_days": 4} for name in sorted(model().deadlines)}}
    return told("returned")[0].case.but(agreement=Agreement.from_terms({**terms, "calendars": calendars}))


HOSTS = "2026-05-06"
JAPANS = "2026-05-08"
WEEKENDS_ONLY = "2026-05-05"

OF_THE_ORIGIN = {"tracing", "family_assessment", "reintegration_plan", "approval_origin"}
"""What the origin state owes (procedure.md, part 4)."""


@pytest.mark.parametrize("name", sorted(RULES.keys() - {"visit", "review"}))
def test_working_days_are_counted_in_the_calendar_of_the_state_that_owes(name: str) -> None:
    """The agreement may name another calendar than the state's own; it holds for that state alone."""
    case = _with_days({"MD": "RO", "UA": "JP"})
    due = RULES[name].due(case, Ground(name), BEFORE_MAY)
    assert f"{due:%Y-%m-%d %H:%M}" == f"{JAPANS if name in OF_THE_ORIGIN else HOSTS} 09:00"


def test_a_state_without_another_calendar_has_its_own() -> None:
    """Japan's own days of rest count for Japan, and for nobody else."""
    case = _with_days({}).but(host_state="JP", origin_state="XX")
    assert f"{RULES['guardian'].due(case, Ground('guardian'), BEFORE_MAY):%Y-%m-%d}" == JAPANS
    assert f"{RULES['tracing'].due(case, Ground('tracing'), BEFORE_MAY):%Y-%m-%d}" == WEEKENDS_ONLY


def test_a_ground_that_names_its_moment_is_due_then() -> None:
    """Whatever the period is."""
    assert RULES["review"].due(_with_days({}), Ground("review", due=START), BEFORE_MAY) == START


@pytest.mark.parametrize(
    ("host", "calendars", "day"),
    [("MD", {"MD": "JP"}, JAPANS), ("JP", {}, JAPANS), ("XX", {"MD": "JP"}, WEEKENDS_ONLY)],
)
def test_the_time_to_appeal_is_counted_in_the_hosts_calendar(host: str, calendars: dict[str, str], day: str) -> None:
    """In the one that the agreement names for it, or its own."""
    case = _with_days(calendars).but(host_state=host)
    said = {"methods": ["interview", "paediatrics"], "guardian_present": True, "reason": "as seen", "result": "adult"}
    actor = {"id": "protection-1", "role": "child_protection_authority", "state": host}
    act = parse_act({"act": "assess_age", "act_id": "a-1", "actor": actor, **said})
    assert effects(Asked(case, act, BEFORE_MAY, Ledger())) == {
        "result": "adult",
        "appeal_window_ends": f"{day}T09:00:00Z",
    }


@pytest.mark.parametrize(
    ("host", "calendars", "day"),
    [("MD", {"MD": "JP"}, JAPANS), ("JP", {}, JAPANS), ("XX", {"MD": "JP"}, WEEKENDS_ONLY)],
)
def test_a_plan_made_in_the_time_to_appeal_waits_from_its_end_on(
    host: str, calendars: dict[str, str], day: str
) -> None:
    """Nobody is late with what is forbidden: the days are counted from the end, in the host's calendar."""
    case = next(each.case for each in told("of nine") if each.case.plan)
    case = case.but(agreement=_with_days(calendars).agreement, host_state=host, appeal_window_ends=BEFORE_MAY)
    ground = deadlines.grounds(case, START)["travel_approval"]
    assert ground.due is not None and f"{ground.due:%Y-%m-%d %H:%M}" == f"{day} 09:00"
    assert deadlines.grounds(case, BEFORE_MAY)["travel_approval"].due is None


def test_a_relative_whom_no_report_names_is_the_origins_to_assess() -> None:
    """Where the report has no relative any more, it is not left to nobody."""
    case = told("two relatives")[-1].case
    assert rule_of("family_assessment:999.0").owing_state(case, "family_assessment:999.0") == "UA"
    key = next(key for key in case.deadlines if key.startswith("family_assessment") and key.endswith("1"))
    assert rule_of(key).owing_state(case, key) == "RO"


# What the table is made of


def _made(name: str, *given: Any) -> Callable[..., Any]:
    """One of the makers of rules, which the table called long ago, called again."""
    return vars(deadlines)[name](*given)


def test_a_condition_alone_is_a_ground_of_its_key() -> None:
    """One ground while it holds, and none while it does not; the condition is asked of the case."""
    runs = _made("_while", attrgetter("missing"), "missing")
    case = told("returned")[0].case
    assert runs(case, START) == ()
    assert runs(case.but(missing=True), START) == (Ground("missing"),)


@pytest.mark.parametrize("story", ["four approve", "returned"])
@pytest.mark.parametrize("side", ["host", "origin"])
def test_an_approval_is_owed_once_all_else_holds_and_until_it_is_given(side: str, story: str) -> None:
    """Central authorities' under the side's name alone, others' with their role behind it; none after arrival."""
    runs, reached = _made("_approval", side), _made("_approved", side)
    keys = {f"central_authority@{side}": f"approval_{side}"}
    keys[f"child_protection_authority@{side}"] = f"approval_{side}:child_protection_authority"
    seen: set[str] = set()
    for each in told(story):
        case, at = each.case, each.at
        waits = deadlines.ready_for_approval(case, at) and not case.arrived
        asked = [who for who in case.agreement.approvals if who in keys]
        owed = [Ground(keys[who]) for who in asked if waits and who not in case.approvals]
        assert list(runs(case, at)) == owed, each.words
        assert list(runs(case.but(arrived=OnRecord(999, at)), at)) == [], each.words
        assert [reached(case, keys[who]) for who in keys] == [who in case.approvals for who in keys]
        seen |= {ground.key for ground in owed}
    assert seen == {keys[who] for who in told(story)[0].case.agreement.approvals if who in keys}


@pytest.mark.parametrize(("claim", "ready"), [("none", True), ("closed", True), ("open", False), ("granted", False)])
def test_no_approval_is_waited_for_while_asylum_is_asked_for_or_granted(claim: str, ready: bool) -> None:
    """All else holds: a claim that is open, or was granted, stands against it, and one that is closed does not."""
    each = next(each for each in told("returned") if deadlines.ready_for_approval(each.case, each.at))
    case = each.case.but(asylum=claim)
    assert deadlines.ready_for_approval(case, each.at) is ready
    assert ("approval_host" in deadlines.grounds(case, each.at)) is ready


def test_a_period_is_counted_in_hours_days_or_working_days() -> None:
    """And its longest and shortest in hours: a working day is a day at least, and three over holidays."""
    given = (Period(hours=24), Period(days=3), Period(working_days=4))
    assert [each.due(BEFORE_MAY, "RO").isoformat()[5:13] for each in given] == ["04-30T09", "05-02T09", "05-06T09"]
    assert [each.at_most_hours() for each in given] == [24, 72, 288]
    assert [each.at_least_hours() for each in given] == [24, 72, 96]
