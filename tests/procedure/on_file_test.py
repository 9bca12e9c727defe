"""What the law makes of the acts of the sample cases is on file, act by act: a changed rule shows where it bites.

on_file.json beside this file has, for each case and each act in it, the entries that came of it by their kinds, and a
digest of everything that anybody is shown or told because of it. Nobody reads a digest: where one differs, the test
prints what it stands for now, and the same test on the commit before prints what it stood for. After a change that is
meant, HOMEWARD_WRITE_ON_FILE=1 writes the file anew.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benches.law import BEGIN, SEED, Course, courses
from procedure import consequences
from procedure.canonical import canonical
from procedure.entries import moment
from procedure.proceedings import Proceedings
from starter.scenario import shipped

ON_FILE = Path(__file__).with_name("on_file.json")
PUT_AWAY_EVERY = 7
"""Acts after which a case goes on in a new run."""

Step = tuple[str, dict[str, Any]]
"""An act with the entries that came of it, in words; and all that is shown and told."""


def played(course: Course) -> Iterator[Step]:
    """Every act of a case, as a workflow hears it, and what comes of each."""
    case = Proceedings.open_case(
        course.intake,
        course.agreement,
        reference=course.reference,
        at=BEGIN,
        seed=SEED,
        facts={"duplicate_check": "done"},
    )
    yield "opened", _left(case, 0, BEGIN, None)
    for number, said in enumerate(course.said, start=1):
        before = case.case.n
        for wakes in said.wakes:
            case.let_time_pass(wakes)
        receipt = case.hear(said.act, said.at)
        kinds = [entry.kind for entry in case.since(before)]
        yield f"{json.loads(said.text)['act']}, {', '.join(kinds)}", _left(case, before, said.at, receipt)
        if number % PUT_AWAY_EVERY == 0:
            case = Proceedings.resume(case.carry())
            assert case.hear(said.act, said.at) == receipt


def _left(proceedings: Proceedings, before: int, at: Any, receipt: Any) -> dict[str, Any]:
    case, entries = proceedings.case, proceedings.since(before)
    due = proceedings.next_due()
    return {
        "receipt": receipt,
        "entries": [entry.as_json() for entry in entries],
        "view": proceedings.view(at),
        "row": consequences.caseload_row(case, at),
        "undated": consequences.undated(case, at),
        "notices": consequences.notices(case, entries, at, consequences.undated(case, at)),
        "events": consequences.events(entries),
        "wakes": moment(due) if due else None,
        "answered": proceedings.carry()["answered"],
    }


def digest(left: dict[str, Any]) -> str:
    return hashlib.sha256(canonical(left)).hexdigest()[:16]


@pytest.fixture(scope="module")
def on_file() -> dict[str, list[str]]:
    """What was found right, by scenario and case."""
    return json.loads(ON_FILE.read_text("utf-8"))


@pytest.mark.parametrize("scenario", shipped())
def test_what_comes_of_an_act_is_what_is_on_file(scenario: str, on_file: dict[str, list[str]]) -> None:
    """Entries to the last byte, receipt, view, caseload's row, notices, events, and when the case wakes next."""
    for number, course in enumerate(courses(SEED, [scenario]), start=1):
        there = on_file[f"{scenario} {number}"]
        for line, (words, left) in zip(there, played(course), strict=True):
            assert f"{words}: {digest(left)}" == line, json.dumps(left, indent=1)


def test_all_that_is_on_file_is_played(on_file: dict[str, list[str]]) -> None:
    """No case and no act on file is left out; written anew where that is asked for."""
    now = {
        f"{scenario} {number}": [f"{words}: {digest(left)}" for words, left in played(course)]
        for scenario in shipped()
        for number, course in enumerate(courses(SEED, [scenario]), start=1)
    }
    if os.environ.get("HOMEWARD_WRITE_ON_FILE"):
        ON_FILE.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
    assert {name: len(steps) for name, steps in now.items()} == {name: len(steps) for name, steps in on_file.items()}
