"""The sample cases that come with Homeward: each plays as it says, through the real workflows."""

from typing import Any

import pytest

from starter.scenario import shipped
from tests.starter.running import homeward

pytestmark = [pytest.mark.engine, pytest.mark.slow]

_PLAYED: dict[str, dict[str, Any]] = {}


def played(name: str) -> dict[str, Any]:
    """The whole record of a scenario's rehearsal; all are played once, in one go."""
    if not _PLAYED:
        answer = homeward("rehearse", "--all", "--json", within=600)
        _PLAYED.update({course["file"]: course for course in answer.json["scenarios"]})
        assert answer.code == 0, [course["file"] for course in _PLAYED.values() if _unmet(course)]
    return _PLAYED[name]


def _unmet(course: dict[str, Any]) -> list[str]:
    return [f"step {step['step']}: {sentence}" for step in course["steps"] for sentence in step["unmet"]]


def test_there_are_the_fifteen_sample_cases() -> None:
    """In the order of the procedure's part 9."""
    assert [f"{n:02}" for n in range(1, 16)] == [name.partition("-")[0] for name in shipped()]


@pytest.mark.parametrize("name", shipped())
def test_a_sample_case_goes_as_it_says(name: str) -> None:
    """With refusals on its way, each with its reason, its source and what may be done instead."""
    course = played(name)
    assert [] == _unmet(course)
    refused: list[dict[str, Any]] = [step["receipt"] for step in course["steps"] if step["result"] == "refused"]
    assert len(refused) >= 3
    for refusal in (each for receipt in refused for each in receipt["refusals"]):
        assert all(refusal[said].strip() for said in ("safeguard", "message", "source", "instead"))


def test_together_they_show_every_ending_but_that_of_an_adult() -> None:
    """Return is one ending among equals, in the samples as well."""
    outcomes: set[str] = {case["view"]["outcome"] for name in shipped() for case in played(name)["cases"].values()}
    assert {"returned", "stays", "third_country", "transferred_to_adult_services", "withdrawn"} <= outcomes


def test_together_they_are_refused_by_nearly_every_safeguard() -> None:
    """A reader of the samples meets what the procedure can say no with."""
    receipts: list[dict[str, Any]] = [
        step["receipt"] for name in shipped() for step in played(name)["steps"] if step["receipt"]
    ]
    met: set[str] = {refusal["safeguard"] for receipt in receipts for refusal in receipt["refusals"]}
    assert len(met) >= 25, sorted(met)
