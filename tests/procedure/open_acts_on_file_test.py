"""What is open to whom in invented cases, and whose act it is, is on file: act by act, whole.

open_acts_on_file.json beside this file has for each case a line for each act. It counts the rows that are open among
all its rows, and has a digest of the rows, of the acts that the law was asked about, and of what is said to whoever
does an act that is not theirs. Where a digest differs, the test prints what it stands for now. After a change that is
meant, HOMEWARD_WRITE_ON_FILE=1 writes the file anew; read the difference before it is committed.
"""

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from courses import Course

from procedure import open_acts as opening
from procedure.acts import ACTS, as_given, parse_act
from procedure.ledger import Ledger
from procedure.safeguards.asked import Asked
from procedure.vocabulary import ROLES
from procedure.who_may import in_office, not_your_act, person_alone, whose
from tests.procedure.seen_on_file_test import AUNT, CASES, anew, case_of, digest, holds_to

ON_FILE = Path(__file__).with_name("open_acts_on_file.json")
OPEN = (
    "noisy",
    "asylum found",
    "in time not done",
    "traced around",
    "another office approves",
    "travel planned",
    "departed",
    "of age",
)
"""Cases of which every row is on file."""
MADE_ANEW = ("opened", "second round")
"""Cases that are asked about by a copy of the module that is executed for it."""
WHOSE = ("opened", "noisy", "traced around", "another office approves", "visited and closed")
IDS = {
    "guardian": "guardian-1",
    "legal_counsel": "counsel-1",
    "escort": "escort-1",
    "caseworker": "caseworker-2",
}
"""Somebody of these roles by a name; of the caseworkers one to whom no case is assigned."""


def rows_of(name: str, asked: ModuleType = opening) -> Iterator[tuple[str, Any]]:
    """A line for each act of a case: how many of its rows are open, and a digest of all that they say."""
    course = case_of(name)
    ledger = Ledger(course.entries)
    by_act: defaultdict[str, list[Any]] = defaultdict(list)
    for row in asked.open_acts(course.case, course.at, ledger):
        tried = [as_given(way.tried) for way in row.ways]
        by_act[row.act].append([row.as_json(), row.choices, list(row.best.closed_by), tried])
    for act, rows in by_act.items():
        yield f"{act}: {sum(row[0]['open'] for row in rows)} of {len(rows)}, {digest(rows)}", rows


def asked_for(name: str) -> Iterator[tuple[str, Any]]:
    """Rows that are asked for by person, role and state; a third state's among them."""
    course = case_of(name)
    ledger = Ledger(course.entries)
    asked: list[dict[str, Any]] = [
        {"person": "authority-1", "role": "central_authority"},
        {"person": "caseworker-1", "role": "caseworker", "state": "MD"},
        {"person": "nobody-2", "role": "bid_panel"},
        {"role": "caseworker", "state": "RO"},
        {"role": "court"},
        {"state": "PL", "role": "relative"},
    ]
    for given in asked:
        found = opening.open_acts(course.case, course.at, ledger, **given)
        told = [[row.as_json(), [as_given(way.tried) for way in row.ways]] for row in found]
        yield f"{json.dumps(given)}: {len(told)}, {digest(told)}", told


def whose_acts(name: str) -> Iterator[tuple[str, Any]]:
    """A line for each act: how many would not be doing theirs, and what they are told; whose act it is."""
    course, case = case_of(name), case_of(name).case
    ledger = Ledger(course.entries)
    for act in ACTS:
        said = parse_act(course.act(act))
        told: dict[str, list[Any]] = {}
        for role in ROLES:
            for state in (course.host, course.origin, "RO"):
                for id in sorted({IDS.get(role, "somebody"), "caseworker-1" if role == "caseworker" else "somebody"}):
                    actor = said.actor.model_copy(update={"id": id, "role": role, "state": state})
                    asked = Asked(case, said.model_copy(update={"actor": actor}), course.at, ledger)
                    told[f"{id} {role}@{state}"] = [dict(each) for each in not_your_act(asked)]
        refused = sum(map(bool, told.values()))
        made = {"told": told, "whose": whose(case, act)}
        yield f"{act}: not of {refused} among {len(told)}, {json.dumps(made['whose'])}, {digest(made)}", made
    for role in ROLES:
        alone = [person_alone(case, role, state) for state in (course.host, course.origin, "RO")]
        office = [in_office(case, role, id) for id in IDS.values()]
        yield f"{role}: {alone} {office}", alone


@pytest.fixture(scope="module")
def on_file() -> dict[str, list[str]]:
    """What was found right, by case."""
    return json.loads(ON_FILE.read_text("utf-8"))


@pytest.mark.parametrize("name", OPEN)
def test_what_is_open_is_what_is_on_file(name: str, on_file: dict[str, list[str]]) -> None:
    """Every row of every act: to whom, by when, its choices, and why not."""
    holds_to(on_file[f"open, {name}"], rows_of(name))


@pytest.mark.parametrize("name", MADE_ANEW)
def test_the_most_favourable_acts_are_made_as_is_on_file(name: str, on_file: dict[str, list[str]]) -> None:
    """What stands in the table of acts is made when the module is; it is made once more here."""
    holds_to(on_file[f"made anew, {name}"], rows_of(name, anew(opening)))


@pytest.mark.parametrize("name", ["noisy", "another office approves"])
def test_what_is_asked_for_is_what_is_on_file(name: str, on_file: dict[str, list[str]]) -> None:
    """By person, by role and by state."""
    holds_to(on_file[f"asked for, {name}"], asked_for(name))


@pytest.mark.parametrize("name", WHOSE)
def test_whose_act_it_is_stands_on_file(name: str, on_file: dict[str, list[str]]) -> None:
    """What everybody is told who does an act that is not theirs."""
    holds_to(on_file[f"whose, {name}"], whose_acts(name))


def test_a_relative_does_not_give_the_authoritys_guarantee() -> None:
    """The family gives its own undertaking, from wherever it lives."""
    course = Course(relatives=[AUNT])
    relative = {"id": "relative-2", "role": "relative", "state": "RO"}

    def told(**fields: Any) -> list[Any]:
        said = parse_act(course.act("guarantee_care", relative, **fields))
        return list(not_your_act(Asked(course.case, said, course.at, Ledger(course.entries))))

    assert told(by="family") == []
    (refusal,) = told(by="authority")
    assert refusal["safeguard"] == "not-your-act"
    assert refusal["message"] == "A relative does not give the authority's guarantee."
    assert refusal["instead"] == (
        "Give the family's undertaking with `by` family; the central authority guarantees for itself."
    )


def test_who_stands_in_every_place_of_a_case_is_not_who_is_asked_for() -> None:
    """Somebody who has no part in the case yet is called none of the names that it knows."""
    course = Course(relatives=[{**AUNT, "id": "nobody-1"}]).ready_to_approve()
    course.does("approve_return", {"id": "nobody-2", "role": "central_authority", "state": "MD"})
    course.does("suspend", {"id": "nobody-3", "role": "central_authority", "state": "UA"})
    now = opening._Now(course.case, course.at, Ledger(course.entries), "nobody-4")  # pyright: ignore[reportPrivateUsage]
    assert (now.stranger, now.another, now.third) == ("nobody-5", "nobody-6", "nobody-7")
    known = opening._known(course.case)  # pyright: ignore[reportPrivateUsage]
    assert {"authority-1", "guardian-1", "counsel-1", "caseworker-1", "panel-3", "the-child", "nobody-1"} <= known
    travels = opening._known(Course().travel_approved().case)  # pyright: ignore[reportPrivateUsage]
    assert {"escort-1", "protection-1"} <= travels


def test_all_that_is_on_file_is_asked(on_file: dict[str, list[str]]) -> None:
    """No case on file is left out; the file is written anew where that is asked for."""
    made = {f"open, {name}": lambda name=name: rows_of(name) for name in OPEN}
    made |= {f"made anew, {name}": lambda name=name: rows_of(name) for name in MADE_ANEW}
    made |= {f"asked for, {name}": lambda name=name: asked_for(name) for name in ("noisy", "another office approves")}
    made |= {f"whose, {name}": lambda name=name: whose_acts(name) for name in WHOSE}
    if os.environ.get("HOMEWARD_WRITE_ON_FILE"):
        now = {name: [line for line, _ in make()] for name, make in made.items()}
        ON_FILE.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
    assert made.keys() == on_file.keys()
    assert {*OPEN, *MADE_ANEW, *WHOSE} <= CASES.keys()
