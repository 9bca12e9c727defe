"""Whom the entries of the cases taken up are told to, and how the caseload shows these cases, is on file.

who_is_told_on_file.json beside this file has it in plain sight, one line a notice. After a change that is meant,
HOMEWARD_WRITE_ON_FILE=1 writes it anew; read the difference before it is committed.
"""

import json
import os
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from courses import Course
from taken_up import MADE_BY, take_up

from procedure import consequences
from procedure.case import Case
from procedure.entries import Entry, moment

ON_FILE: Final = Path(__file__).with_name("who_is_told_on_file.json")

KINDS: Final[dict[str, dict[str, Any]]] = {
    "opened": {},
    "accepted": {},
    "refused": {},
    "detention": {"because": ["locked"]},
    "hold": {"hold": "asylum"},
    "hold_lifted": {"hold": "asylum"},
    "turned_18": {"holds": True},
    "stage": {"stage": "decision", "was": "best_interests"},
    "closed": {"outcome": "returned"},
    "erased": {},
}
"""One entry of each kind, by its facts."""


def told(case: Case, entries: Sequence[Entry], course: Course) -> list[Any]:
    """Every notice because of these entries, each as its values in the order of its names."""
    owed = consequences.undated(case, course.at)
    return [list(notice.values()) for notice in consequences.notices(case, entries, course.at, owed)]


def said_of(course: Course) -> Iterator[Entry]:
    """An entry of each kind, as if it were the newest of the case; deadlines set, overdue and escalated among them."""
    case, newest = course.case, course.entries[-1]

    def said(kind: Any, facts: dict[str, Any]) -> Entry:
        return newest._replace(kind=kind, act=None, facts=facts)

    for kind, facts in KINDS.items():
        yield said(kind, facts)
    for kind in ("hold", "hold_lifted"):
        yield said(kind, {"hold": "missing"})
    yield said("escalated", {"level": 1, "safeguard": "handover-into-care"})
    yield said("escalated", {"level": 2, "safeguard": "handover-into-care"})
    for key, deadline in case.running.items():
        facts = {"deadline": key.partition(":")[0], "key": key, "due": moment(deadline.due)}
        yield said("overdue", facts)
        yield said("escalated", {**facts, "level": 1})
        yield said("escalated", {**facts, "level": 2})
    yield said("accepted", {"deadlines": {"set": {key: [moment(d.due), ""] for key, d in case.running.items()}}})


def of_each_kind(name: str) -> dict[str, Any]:
    """Who would be told of an entry of each kind."""
    course = take_up(name)
    found: dict[str, Any] = {}
    for entry in said_of(course):
        about = entry.facts.get("key") or entry.facts.get("hold") or ""
        level = entry.facts.get("level", "")
        rows = consequences.notices(course.case, [entry], course.at)
        found[f"{entry.kind} {about} {level} {len(entry.facts)}"] = [list(row.values()) for row in rows]
    return found


def in_the_caseload(name: str) -> dict[str, Any]:
    """How the case is shown in a list, now and much later; who owes something; the names that a notice has."""
    course = take_up(name)
    at_once = consequences.notices(course.case, course.entries, course.at)
    rows = [consequences.caseload_row(course.case, course.at)]
    before = course.case.n
    course.wait(days=90)
    rows.append(consequences.caseload_row(course.case, course.at))
    return {
        "rows": rows,
        "roles": consequences.awaiting_roles(course.case, course.at),
        "undated": consequences.undated(course.case, course.at),
        "told later": told(course.case, course.proceedings.since(before), course) if course.case.n > before else [],
        "names": list(at_once[0]) if at_once else [],
        "events": [list(event.items()) for event in consequences.events(course.entries[-2:])],
    }


@cache
def on_file() -> dict[str, Any]:
    return json.loads(ON_FILE.read_text("utf-8"))


@pytest.mark.parametrize("name", MADE_BY)
def test_those_are_told_of_an_entry_who_stand_on_file(name: str) -> None:
    """Of an entry of each kind, in each case: the office, its state, the person where one holds it, and what they are told."""
    assert json.loads(json.dumps(of_each_kind(name))) == on_file()[name]["told"]


@pytest.mark.parametrize("name", MADE_BY)
def test_a_case_stands_in_the_caseload_as_on_file(name: str) -> None:
    """Its row now and ninety days later, who is told meanwhile, and what other systems get."""
    assert json.loads(json.dumps(in_the_caseload(name))) == on_file()[name]["caseload"]


def test_the_silence_of_a_third_state_is_told_there_and_at_home() -> None:
    """An aunt was found in Romania: it owes the assessment of her family."""
    aunt = {"id": "r9", "relationship": "aunt", "state": "RO", "name": "Invented Aunt"}
    course = take_up("traced").does("report_tracing", relatives=[aunt])
    before = course.case.n
    course.wait(days=90)
    found = consequences.notices(course.case, course.proceedings.since(before), course.at)
    levels = {
        (notice["to_role"], notice["to_state"], notice["level"])
        for notice in found
        if (notice["kind"], notice["deadline"]) == ("escalated", "family_assessment")
    }
    assert levels == {
        (role, state, level)
        for role, level in (("central_authority", 1), ("ombudsperson", 2))
        for state in ("RO", "MD")
    }


def test_the_same_is_told_once() -> None:
    """Two entries that say the same to the same people make one notice of each."""
    course = take_up("in care")
    entry = course.entries[-1]._replace(kind="hold", facts={"hold": "asylum"})
    once = consequences.notices(course.case, [entry], course.at)
    assert consequences.notices(course.case, [entry, entry], course.at) == once
    assert len(once) == 1


def test_what_is_newly_owed_without_a_deadline_is_told_with_the_newest_entry() -> None:
    """A notice to the role, with the act that is owed and no due moment."""
    course = take_up("in care")
    owed = [["decide_appeal", "court", "MD"], ["appoint_counsel", "guardianship_authority", "MD"]]
    found = consequences.notices(course.case, course.entries[-1:], course.at, owed)
    assert [(n["kind"], n["act"], n["to_role"], n["to_state"], n["entry"], n["due"]) for n in found] == [
        ("owed", act, role, state, course.case.n, None) for act, role, state in owed
    ]


def test_the_earliest_due_moment_is_of_those_whose_time_runs() -> None:
    """What stands still, or has no due moment, is nobody's hurry."""
    rows: list[dict[str, Any]] = [
        {"due": None},
        {"due": "2026-02-01T00:00:00Z", "stands_still": True},
        {"due": "2026-04-01T00:00:00Z", "stands_still": False},
        {"due": "2026-03-01T00:00:00Z"},
    ]
    assert consequences.earliest_due(rows) == "2026-03-01T00:00:00Z"
    assert consequences.earliest_due(rows[:2]) is None
    assert consequences.earliest_due([]) is None


def test_all_that_is_on_file_is_looked_at() -> None:
    """No case is left out; the file is written anew where that is asked for."""
    if os.environ.get("HOMEWARD_WRITE_ON_FILE"):
        lines: list[str] = []
        for name in MADE_BY:
            kinds = ",\n  ".join(f"{json.dumps(kind)}: {json.dumps(row)}" for kind, row in of_each_kind(name).items())
            shown = ",\n  ".join(f"{json.dumps(part)}: {json.dumps(v)}" for part, v in in_the_caseload(name).items())
            lines.append(f'{json.dumps(name)}: {{"told": {{\n  {kinds}}},\n "caseload": {{\n  {shown}}}}}')
        ON_FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
        on_file.cache_clear()
    assert on_file().keys() == MADE_BY.keys()
