"""What is owed, and what stands, where a case is as few are: a fact on record changed by hand, one at a time.

Some of them no course of today leads to; a record from before a rule was there may still be so.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from courses import START
from stories import Standing, told

from procedure.case import Case, Complaint, OnRecord, Relative, RightsImpact, TracingReported, Visit
from procedure.deadlines import grounds
from procedure.evidence import stale
from procedure.owed import Owed, awaiting, owed
from procedure.stages import age_settled, child_consents, reintegrated, traced
from procedure.views import try_to_show, view


def after(story: str, words: str) -> Standing:
    """The first standing of a story after these words."""
    return next(each for each in told(story) if each.words == words)


def without_key(case: Case, at: datetime = START) -> list[Owed]:
    """What is owed without a deadline."""
    return [row for row in owed(case, at) if row.key is None]


FOUND = after("returned", "determine_best_interests accepted").case
"""Return was found, nobody has agreed yet."""
POSTPONED = after("postponed", "determine_best_interests accepted").case
VISITED = told("returned")[-2].case
"""All visits were made, and the last was safe."""

RESUBMIT = Owed("reopen_best_interests", "caseworker", "MD")
GUARANTEE = Owed("guarantee_care", "central_authority", "UA")
CORNERS: dict[str, tuple[Case, dict[str, Any], list[Owed]]] = {
    "return found": (FOUND, {}, []),
    "an objection": (FOUND, {"objection": OnRecord(9, START)}, [RESUBMIT]),
    "an impact that is not safe": (FOUND, {"rights_impact": RightsImpact(9, START, safe=False)}, [RESUBMIT]),
    "a safe impact": (FOUND, {"rights_impact": RightsImpact(9, START, safe=True)}, []),
    "asylum granted": (FOUND, {"asylum": "granted"}, [RESUBMIT]),
    "no safe relative": (FOUND, {"family": {}}, [GUARANTEE]),
    "no safe relative, approved by all": (
        FOUND,
        {"family": {}, "approvals": dict.fromkeys(FOUND.agreement.approvals, OnRecord(9, START))},
        [],
    ),
    "a postponement whose review no deadline has": (
        POSTPONED,
        {"deadlines": {}},
        [Owed("reopen_best_interests", "bid_panel", "MD")],
    ),
    "a stay granted while tracing is silent": (
        after("stay while tracing is silent", "grant_stay accepted").case,
        {},
        [Owed("close_case", "central_authority", "MD")],
    ),
    "all visits made": (VISITED, {}, [Owed("close_case", "central_authority", "UA")]),
}


@pytest.mark.parametrize("corner", CORNERS)
def test_what_is_owed_without_a_deadline(corner: str) -> None:
    """The act, its role and its state; nothing else."""
    case, facts, rows = CORNERS[corner]
    assert without_key(case.but(**facts), case.recorded_at) == rows


@pytest.mark.parametrize("missing", range(1, 7))
def test_reintegration_ends_with_every_visit_and_the_last_one_safe(missing: int) -> None:
    """One visit that is missing is owed under its deadline; with all of them and the last unsafe, one more is owed."""
    there = {n: Visit(100 + n, VISITED.arrived.at + timedelta(days=n), safe=True) for n in range(1, 7)}  # pyright: ignore[reportOptionalMemberAccess]
    assert reintegrated(VISITED.but(visits=there))
    at = VISITED.recorded_at
    fewer = VISITED.but(visits={n: visit for n, visit in there.items() if n != missing})
    assert not reintegrated(fewer)
    assert without_key(fewer, at) == []
    unsafe = VISITED.but(visits={**there, 6: Visit(106, at, safe=False)})
    assert not reintegrated(unsafe)
    assert without_key(unsafe, at) == [Owed("record_visit", "monitor", "UA", about=7)]


def test_a_child_without_any_placement_is_to_be_placed() -> None:
    """Under the deadline of identification: by child protection of the host state."""
    opened = told("returned")[0].case
    row = Owed("place_child", "child_protection_authority", "MD", "identification")
    assert row in owed(opened.but(placement=None), START)
    assert row not in owed(opened, START)
    assert row not in owed(opened.but(placement=None, detained=True), START)


def test_rows_are_of_what_they_are_about() -> None:
    """A relative's id, a complaint's number, a visit's number: as the deadline says."""
    relatives = {"r1": Relative("UA", "mother", "4.0"), "r2": Relative("RO", "aunt", "4.1")}
    key = "family_assessment:4.1"
    deadlines = {each: told("returned")[0].case.running["guardian"] for each in (key, "complaint:17", "visit_3")}
    case = FOUND.but(relatives=relatives, deadlines=deadlines, complaints=(Complaint(17, START),))
    assert owed(case, START)[:3] == [
        Owed("assess_family", "caseworker", "RO", key, "r2"),
        Owed("answer_complaint", "ombudsperson", "MD", "complaint:17", 17),
        Owed("record_visit", "monitor", "UA", "visit_3", 3),
    ]


def test_a_row_in_full() -> None:
    """Every key of the contract's, under a deadline that is late, and without one."""
    late = told("late in everything")[-1]
    rows = {row["act"]: row for row in awaiting(late.case, late.at)}
    assert rows["hear_child"] == {
        "act": "hear_child",
        "role": "guardian",
        "state": "MD",
        "deadline": "hearing",
        "due": "2026-03-06T09:00:00Z",
        "overdue": True,
        "escalations": 2,
        "person": "guardian-1",
    }
    leaves = after("returned", "approve_travel accepted")
    assert awaiting(leaves.case, leaves.at)[-1] == {
        "act": "depart",
        "role": "escort",
        "state": "MD",
        "deadline": None,
        "due": "2026-02-19T09:00:00Z",
        "overdue": False,
        "escalations": 0,
        "person": "escort-1",
    }


# Conditions of stages


@pytest.mark.parametrize(("result", "settled"), [("child", True), ("doubt", True), ("adult", False)])
def test_an_age_is_settled_by_a_date_or_in_the_childs_favour(result: str, settled: bool) -> None:
    """Without a date of birth by an assessment: a child, or a doubt."""
    case = after("of unknown age", "assess_age accepted").case
    assert case.age_assessed is not None
    assessed = type(case.age_assessed)(5, START, result)
    assert age_settled(case.but(age_assessed=assessed, date_of_birth=None)) is settled
    assert age_settled(case.but(age_assessed=assessed, date_of_birth=START.date())) is True
    assert age_settled(case.but(age_assessed=None)) is False


def test_a_report_that_found_nobody_ends_tracing_whatever_names_it_has() -> None:
    """Whom it names was not found, so nobody is owed an assessment of them."""
    case = after("returned", "report_tracing accepted").case
    assert not traced(case)
    nobody = case.but(tracing=TracingReported(9, "not_found", ("r1",)))
    assert traced(nobody)
    assert not any(key.startswith("family_assessment") for key in grounds(nobody, START))


def test_who_is_asked_for_consent_is_as_old_as_on_the_day_of_departure() -> None:
    """Nobody grows into being asked on the journey."""
    away = after("twelve on the way", "depart accepted").case
    twelve = datetime(2026, 2, 20, tzinfo=UTC)
    assert child_consents(away, twelve)
    assert not child_consents(away.but(departed=None), twelve)
    assert child_consents(away.but(departed=None), twelve - timedelta(seconds=1))


# Evidence


def test_a_younger_childs_old_consent_is_passed_over_and_what_comes_after_it_is_not() -> None:
    """The guardian's is to be renewed, and the impact's too."""
    case = after("of nine", "assess_rights_impact accepted").case
    old = [(each.act, each.role) for each in stale(case, START + timedelta(days=183))]
    assert ("give_consent", "guardian") in old
    assert ("give_consent", "child") not in old
    assert old[-1] == ("assess_rights_impact", "caseworker")


@pytest.mark.parametrize(
    ("handover", "relative", "old"),
    [("family", "r1", ["assess_family"]), ("family", "r2", []), ("child_protection", None, [])],
)
def test_the_plan_says_whose_assessment_must_be_fresh(handover: str, relative: str | None, old: list[str]) -> None:
    """The first was assessed a hundred days before the second and the guarantee; one fresh one is enough without a plan."""
    case = after("two homes", "plan_travel accepted").case
    assert case.plan is not None
    case = case.but(plan=replace(case.plan, handover_to=handover, handover_relative=relative))
    said = [
        each.act for each in stale(case, START + timedelta(days=181)) if "care" in each.what or "family" in each.what
    ]
    assert said == old


# The view


def test_a_view_tells_whose_caseworker_it_is_and_whether_acts_are_signed() -> None:
    """The caseworker of the state where the child is, or else of the host state."""
    at = VISITED.recorded_at
    both = VISITED.but(caseworkers={"MD": "caseworker-1", "UA": "caseworker-9"})
    assert view(both, at)["caseworker"] == "caseworker-9"
    assert view(both.but(arrived=None), at)["caseworker"] == "caseworker-1"
    assert view(both.but(caseworkers={"MD": "caseworker-1"}), at)["caseworker"] == "caseworker-1"
    assert view(both.but(caseworkers={}), at)["caseworker"] is None
    assert [view(VISITED.but(signed=signed), at)["signatures"] for signed in (True, False)] == [
        "required",
        "not_required",
    ]


def test_what_cannot_be_shown_is_told_without_showing_it() -> None:
    """What raises in the view raises here too, and what does not does not."""
    held = after("held", "suspend accepted")
    assert any(deadline.stands_still_since for deadline in held.case.running.values())
    try_to_show(held.case, held.at)
    never = datetime.max.replace(tzinfo=UTC)
    for shows in (view, try_to_show):
        with pytest.raises(OverflowError):
            shows(held.case, never)
        with pytest.raises(KeyError):
            shows(held.case.but(deadlines={"never-heard-of": held.case.running["approval_host"]}), held.at)
