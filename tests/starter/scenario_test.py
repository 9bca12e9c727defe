"""Scenario files: what is read from them, and that every fault is told with file, step and field."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from starter.moments import read_duration
from starter.rehearsal import differences
from starter.scenario import MalformedScenario, Read, ScenarioFault, find, length, read

SAMPLES = Path(__file__).parent / "scenarios"
SAMPLE = (SAMPLES / "locked_centre.yaml").read_text("utf-8")


def faults_in(text: str) -> list[ScenarioFault]:
    with pytest.raises(MalformedScenario) as raised:
        read(text, file="sample.yaml", folder=Path())
    return raised.value.found


def test_a_scenario_is_read_from_yaml_and_from_json() -> None:
    """The same shape in either writing."""
    assert find(str(SAMPLES / "locked_centre.yaml")).title == "A locked centre is refused, a family is not"
    assert find(str(SAMPLES / "wrong_expectations.json")).agreement == "model"


def test_shorthands_stand_for_actors_in_acts_and_in_the_intake() -> None:
    """An actor is written once."""
    sample = read(SAMPLE, file="sample.yaml", folder=Path())
    assert sample.intakes()["intake"]["opened_by"]["role"] == "central_authority"
    act = sample.act_of(sample.scenario.steps[0])
    assert act is not None and act["actor"] == {"id": "cp-1", "role": "child_protection_authority", "state": "MD"}


def test_yaml_keeps_norway_and_the_field_on_and_dates_as_they_are_written() -> None:
    """`NO` is a state and not "false", `on` is a field and not "true", a date stays text."""
    text = SAMPLE.replace("[UA]\n", "[NO]\n").replace('"@-1d"', "2026-02-01").replace('"@-13y"', "2015-05-04")
    intake = read(text, file="sample.yaml", folder=Path()).intakes()["intake"]
    assert intake["child"]["nationalities"] == ["NO"]
    assert intake["found"]["on"] == "2026-02-01"
    assert intake["child"]["date_of_birth"] == "2015-05-04"


def test_the_time_that_passes_before_a_step_is_read() -> None:
    """Short and ISO 8601."""
    sample = read(SAMPLE, file="sample.yaml", folder=Path())
    assert [length(step) for step in sample.scenario.steps[3:]] == [None, read_duration("24h"), read_duration("3d")]


@pytest.mark.parametrize(
    ("slip", "step", "field"),
    [
        (("entries: {detention: 1, hold: 1}", "entries: {detentions: 1}"), 4, "entries.detentions"),
        (("view: {holds: [detention]}", "view: {hold: [detention]}"), 4, "view.hold"),
        (("stage: identification", "stage: identify"), 1, "view.stage"),
        (("overdue: [release]", "overdue: [realease]"), 5, "overdue.0"),
        (("after: 24h", "after: 24"), 5, "after"),
        (("after: 24h", "after: a day"), 5, "after"),
        (("expect: malformed", "expect: wrong"), 2, "expect"),
        (("safeguards: [no-detention]", "safeguards: [nodetention]"), 1, "safeguards.0"),
        (("expect: refused\n", "expect: accepted\n"), 1, "safeguards"),
        (('since: "@-2h"', 'since: "@-2hours"'), 4, "act.since"),
        (("actor: cw,", "actor: caseworker,"), 4, "act.actor"),
        (("{act: confirm_release}", "{act: confirm_release, rolle: caseworker}"), 6, "view.awaiting.1.rolle"),
        (("{name: identification, met: null}", "{nam: identification}"), 6, "view.deadlines.0.nam"),
        (("    overdue: [release]\n", "    expect: accepted\n"), 5, "expect"),
        (("  - after: 24h\n    overdue: [release]\n", "  - {}\n"), 5, "$"),
        (("outcome: null", "outcome: good"), "finally", "view.outcome"),
        (('date_of_birth: "@-13y"', 'date_of_birth: "@-13q"'), None, "intake.child.date_of_birth"),
        (('date_of_birth: "@-13y"', 'date_of_birth: "@-30y"'), None, "intake.child.date_of_birth"),
        (("origin_state: UA", "origin_state: MD"), None, "intake.origin_state"),
        (("role: caseworker", "role: case_worker"), None, "actors.cw.role"),
        (("steps:", "step:"), None, "steps"),
        (("title:", "titel:"), None, "titel"),
    ],
)
def test_a_fault_is_told_with_file_step_and_field(slip: tuple[str, str], step: int | str | None, field: str) -> None:
    """Whoever wrote the file finds the place at once."""
    assert slip[0] in SAMPLE
    found = faults_in(SAMPLE.replace(*slip, 1))
    assert (step, field) in [(fault["step"], fault["field"]) for fault in found]
    assert all(fault["file"] == "sample.yaml" and fault["message"] for fault in found)


def test_every_fault_is_told_at_once() -> None:
    """No second round for the second fault."""
    text = SAMPLE.replace("overdue: [release]", "overdue: [realease]").replace("outcome: null", "outcome: good")
    assert {fault["step"] for fault in faults_in(text)} == {5, "finally"}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("title: [", "line"),
        ("title: a\ntitle: b\n", "line 2"),
        ("- a list", "$"),
        ("", "$"),
        ("title: a\nsteps: &all [*all]\n", "$"),
        ('{"title": NaN}', "title"),
        ("title: !!python/name:os.system\n", "line 1"),
    ],
)
def test_what_is_no_scenario_at_all_is_told_too(text: str, place: str) -> None:
    """Neither YAML nor JSON, or neither of a kind that holds a scenario."""
    (fault,) = faults_in(text)
    assert fault["field"].startswith(place)


def test_a_step_of_a_further_case_must_name_one() -> None:
    """Siblings are two cases in one scenario."""
    given = json.loads((SAMPLES / "wrong_expectations.json").read_text("utf-8"))
    given["more_cases"] = {"brother": given["intake"]}
    given["steps"][0]["case"] = "brother"
    assert read(json.dumps(given), file="a", folder=Path()).scenario.steps[0].case == "brother"
    given["steps"][1]["case"] = "cousin"
    assert [(fault["step"], fault["field"]) for fault in faults_in(json.dumps(given))] == [(2, "case")]


def test_an_agreement_is_an_id_or_a_path_beside_the_scenario() -> None:
    """The scenario's own word goes before its intake's, and `model` stands where neither says one."""

    def agreement_of(change: Callable[[str], str]) -> str:
        whole: Read = read(change(SAMPLE), file="a", folder=Path())
        return whole.agreement

    assert agreement_of(lambda text: text) == "model"
    assert agreement_of(lambda text: text.replace("agreement: model\n", "")) == "model"
    assert agreement_of(lambda text: text.replace("agreement: model\n", "agreement: ./own.toml\n")) == "./own.toml"


VIEW = {
    "stage": "guardianship",
    "holds": ["detention", "asylum"],
    "turned_18": False,
    "entries": 1,
    "placement": {"kind": "foster_family", "name": "x"},
    "guardian": None,
    "awaiting": [{"act": "appoint_guardian", "due": "2026-03-04T10:30:15.5Z"}, {"act": "hear_child", "due": None}],
}


@pytest.mark.parametrize(
    "expected",
    [
        {"stage": "guardianship"},
        {"holds": ["asylum", "detention"]},
        {"placement": {"kind": "foster_family"}},
        {"guardian": None},
        {"awaiting": [{"act": "hear_child"}]},
        {"awaiting": [{"act": "appoint_guardian", "due": "@+3d"}]},
    ],
)
def test_a_part_of_the_view_that_matches_is_no_difference(expected: dict[str, object]) -> None:
    """Subsets of objects, lists as sets, each expected object among the actual ones."""
    assert differences(expected, VIEW, now=datetime(2026, 3, 1, 10, 30, 15, tzinfo=UTC)) == []


@pytest.mark.parametrize(
    "expected",
    [
        {"stage": "identification"},
        {"holds": ["detention"]},
        {"holds": []},
        {"turned_18": 0},
        {"placement": {"kind": "family"}},
        {"placement": None},
        {"guardian": "g-1"},
        {"awaiting": [{"act": "hear_child", "due": "@+3d"}]},
        {"awaiting": []},
    ],
)
def test_a_part_that_does_not_match_is_one(expected: dict[str, object]) -> None:
    """False is not 0, and a list that lacks a hold is not the list with it."""
    assert len(differences(expected, VIEW, now=datetime(2026, 3, 1, 10, 30, 15, tzinfo=UTC))) == 1
