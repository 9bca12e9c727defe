"""`homeward rehearse`: scenarios through the real workflows, in virtual time."""

import json
import re
import time
from datetime import datetime
from pathlib import Path

import pytest

from tests.starter.running import homeward

SAMPLES = Path(__file__).parent / "scenarios"
GOOD = str(SAMPLES / "locked_centre.yaml")
WRONG = str(SAMPLES / "wrong_expectations.json")


def test_a_scenario_that_goes_as_expected_ends_with_0() -> None:
    """One line a step, and the summary line last."""
    answer = homeward("rehearse", GOOD)
    assert answer.code == 0, answer.out + answer.err
    lines = answer.out.splitlines()
    assert lines[-1] == "7 steps, 7 as expected, 0 not"
    assert len([line for line in lines if line.startswith("  ok ")]) == 7
    assert "refused by no-detention" in answer.out


def test_one_that_does_not_ends_with_1_and_says_what_was_not_as_expected() -> None:
    """Four hundred days pass within seconds."""
    began = time.monotonic()
    answer = homeward("rehearse", WRONG)
    assert time.monotonic() - began < 60
    assert answer.code == 1
    assert answer.out.splitlines()[-1] == "3 steps, 1 as expected, 2 not"
    for sentence in (
        "expected refused",
        "held did not refuse it",
        "stage is identification, expected guardianship",
        "complaint is not overdue",
        "there are 0 entries closed, expected at least 1",
    ):
        assert sentence in answer.out


def test_several_scenarios_are_summed_up_and_json_holds_the_whole_record() -> None:
    """Each with its steps, receipts, last view and ledger."""
    answer = homeward("rehearse", GOOD, WRONG, "--json")
    assert answer.code == 1
    told = answer.json
    assert (told["steps"], told["as_expected"], told["not"]) == (10, 8, 2)
    good, wrong = told["scenarios"]
    assert good["steps"][0]["receipt"]["refusals"][0]["safeguard"] == "no-detention"
    assert good["steps"][1]["result"] == "malformed" and good["steps"][1]["faults"][0]["path"] == "placement"
    assert wrong["steps"][1]["unmet"]
    case = good["cases"]["intake"]
    assert case["view"]["entries"] == len(case["ledger"])
    assert [entry["n"] for entry in case["ledger"]] == list(range(1, len(case["ledger"]) + 1))


def test_deadlines_pass_at_their_moment_in_virtual_time() -> None:
    """A jump over many deadlines leaves each one's entry at its own time."""
    told = homeward("rehearse", GOOD, "--json").json
    ledger = told["scenarios"][0]["cases"]["intake"]["ledger"]
    opened = ledger[0]["at"]
    late = {entry["facts"]["deadline"]: entry["at"] for entry in ledger if entry["kind"] == "overdue"}
    day = 24 * 3600

    def after_opening(moment: str) -> float:
        return (datetime.fromisoformat(moment) - datetime.fromisoformat(opened)).total_seconds()

    assert after_opening(late["protection_screening"]) == pytest.approx(2 * day, abs=60)
    assert after_opening(late["guardian"]) == pytest.approx(3 * day, abs=60)


def test_two_cases_in_one_scenario_and_a_case_that_ended() -> None:
    """Siblings; an approval that names an old head; an act to a case whose process has completed."""
    answer = homeward("rehearse", str(SAMPLES / "withdrawn.yaml"), "--json")
    assert answer.code == 0, answer.out
    (course,) = answer.json["scenarios"]
    assert set(course["cases"]) == {"intake", "brother"}
    # Nothing is written any more; the receipt names the last entry, which is the closing.
    assert course["steps"][6]["receipt"]["entry"] == course["cases"]["intake"]["view"]["entries"]


def test_the_same_child_twice_in_one_scenario_is_a_fault(tmp_path: Path) -> None:
    """Of the scenario: nothing of it is played."""
    text = (SAMPLES / "withdrawn.yaml").read_text("utf-8")
    twice = "\n".join(line for line in text.splitlines() if "Inventedson" not in line)
    (tmp_path / "twice.yaml").write_text(twice)
    answer = homeward("rehearse", str(tmp_path / "twice.yaml"))
    assert answer.code == 2
    assert "brother cannot be opened" in answer.err


def test_standard_input_is_a_scenario_too() -> None:
    """`-`."""
    answer = homeward("rehearse", "-", stdin=(SAMPLES / "locked_centre.yaml").read_text("utf-8"))
    assert answer.code == 0, answer.err


def test_a_faulty_file_ends_with_2_and_nothing_is_played(tmp_path: Path) -> None:
    """Every fault of every file, with file, step and field."""
    text = (SAMPLES / "locked_centre.yaml").read_text("utf-8")
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text(text.replace("overdue: [release]", "overdue: [realease]"))
    second.write_text(text.replace("outcome: null", "outcome: good"))
    answer = homeward("rehearse", GOOD, str(first), str(second))
    assert (answer.code, answer.out) == (2, "")
    assert f"{first}: step 5, overdue.0" in answer.err
    assert f"{second}: finally, view.outcome" in answer.err
    told = json.loads(homeward("rehearse", str(first), "--json").err)
    assert (told["faults"][0]["step"], told["faults"][0]["field"]) == (5, "overdue.0")


def test_a_scenario_may_bring_its_own_agreement(tmp_path: Path) -> None:
    """A path beside the file; its terms hold in the rehearsal."""
    profile = Path(__file__).parents[2] / "agreements" / "model" / "profile.toml"
    text = profile.read_text("utf-8")
    tightened = re.sub(r'(?m)^id\s*=\s*".*"', 'id = "tighter"', text)
    tightened = re.sub(r"(?m)^guardian\s*=.*$", "guardian = { days = 1 }", tightened)
    assert tightened != text
    (tmp_path / "tighter.toml").write_text(tightened)
    scenario = (SAMPLES / "wrong_expectations.json").read_text("utf-8")
    given = json.loads(scenario)
    given |= {
        "agreement": "./tighter.toml",
        "steps": [{"after": "25h", "overdue": ["guardian"], "view": {"agreement": "tighter"}}],
    }
    (tmp_path / "own.json").write_text(json.dumps(given))
    answer = homeward("rehearse", str(tmp_path / "own.json"))
    assert answer.code == 0, answer.out + answer.err


def test_an_agreement_below_the_floor_ends_with_2_clause_by_clause(tmp_path: Path) -> None:
    """Nothing is rehearsed under it."""
    text = (Path(__file__).parents[2] / "agreements" / "model" / "profile.toml").read_text("utf-8")
    (tmp_path / "low.toml").write_text(re.sub(r"consent_age\s*=\s*\d+", "consent_age = 16", text))
    scenario = (SAMPLES / "locked_centre.yaml").read_text("utf-8")
    (tmp_path / "low.yaml").write_text(scenario.replace("agreement: model", "agreement: low.toml"))
    answer = homeward("rehearse", str(tmp_path / "low.yaml"))
    assert answer.code == 2
    assert "agreement" in answer.err and "consent_age" in answer.err


def test_without_a_name_the_shipped_scenarios_are_listed() -> None:
    """Nothing is played."""
    answer = homeward("rehearse", "--json")
    assert answer.code == 0
    assert all(set(each) == {"name", "title"} for each in answer.json)
