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
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from courses import Looker

from benches.law import BEGIN, SEED, Course, courses
from procedure import consequences
from procedure import who_may_see as seeing
from procedure.acts import ACTS, parse_act
from procedure.case import Case
from procedure.entries import moment
from procedure.faults import Fault, MalformedAct
from procedure.ledger import Ledger
from procedure.open_acts import open_acts
from procedure.proceedings import Proceedings
from procedure.vocabulary import ROLES
from procedure.who_may import person_alone
from starter.scenario import shipped

ON_FILE = Path(__file__).with_name("on_file.json")
PUT_AWAY_EVERY = 7
"""Acts after which a case goes on in a new run."""

LOOKED_AT_EVERY = 20
"""Acts after which it is put down who may read what, and what is open to whom."""


@dataclass(frozen=True)
class Step:
    """An act, the entries that came of it in words, and the case after it."""

    words: str
    proceedings: Proceedings
    before: int
    at: datetime
    receipt: Any


def played(course: Course) -> Iterator[Step]:
    """Every act of a case, as a workflow hears it."""
    facts = {"duplicate_check": "done"}
    case = Proceedings.open_case(
        course.intake, course.agreement, reference=course.reference, at=BEGIN, seed=SEED, facts=facts
    )
    yield Step("opened", case, 0, BEGIN, None)
    for number, said in enumerate(course.said, start=1):
        before = case.case.n
        for wakes in said.wakes:
            case.let_time_pass(wakes)
        receipt = case.hear(said.act, said.at)
        kinds = ", ".join(entry.kind for entry in case.since(before))
        yield Step(f"{json.loads(said.text)['act']}, {kinds}", case, before, said.at, receipt)
        if number % PUT_AWAY_EVERY == 0:
            case = Proceedings.resume(case.carry())
            assert case.hear(said.act, said.at) == receipt


def left(step: Step) -> dict[str, Any]:
    """All that is shown and told because of an act."""
    proceedings, at = step.proceedings, step.at
    case, entries = proceedings.case, proceedings.since(step.before)
    due = proceedings.next_due()
    return {
        "receipt": step.receipt,
        "entries": [entry.as_json() for entry in entries],
        "view": proceedings.view(at),
        "row": consequences.caseload_row(case, at),
        "undated": consequences.undated(case, at),
        "notices": consequences.notices(case, entries, at, consequences.undated(case, at)),
        "events": consequences.events(entries),
        "wakes": moment(due) if due else None,
        "answered": proceedings.carry()["answered"],
    }


def readers(case: Case) -> Iterator[Looker]:
    """One of each role and state, those in office among them, and others of their offices."""
    for role in ROLES:
        for state in (case.host_state, case.origin_state, "PL"):
            there = {person_alone(case, role, state) or "somebody-1", "somebody-2"}
            yield from (Looker(id, role, state, frozenset({case.reference})) for id in sorted(there))
    yield Looker("somebody-1", "child", case.host_state, frozenset())
    yield from (Looker(id, "bid_panel", case.host_state, frozenset()) for id in sorted(case.panel_members))


def looked_at(step: Step) -> dict[str, Any]:
    """What each reader may read and say, and what is open to whom."""
    proceedings, at = step.proceedings, step.at
    case, entries = proceedings.case, proceedings.entries
    view = proceedings.view(at)
    row: dict[str, Any] = {**consequences.caseload_row(case, at), "due": None, "untold": []}
    intake = entries[0].body["intake"]
    opened = open_acts(case, at, Ledger(entries))
    refusals = [refusal for act in opened for refusal in act.closed_by]
    told: dict[str, Any] = {"open": [act.as_json() for act in opened]}
    for reader in readers(case):
        sight = seeing.sees(reader, case, spoke=seeing.spoke(reader, entries), round_begins=seeing.round_began(entries))
        seen_case = seeing.as_seen(case, sight)
        told[f"{reader.id} {reader.role}@{reader.state} {len(reader.cases)}"] = {
            "sight": [sight.relation, sight.nothing, sight.needs_reason, sight.everything, sight.reader],
            "follows": sight.what_follows,
            "entries": [seeing.shown(entry, sight) for entry in entries],
            "view": seeing.view_seen(view, sight),
            "case": [name for name in seeing.PART_OF_FACT if getattr(seen_case, name) != getattr(case, name)],
            "intake": seeing.intake_seen(intake, sight),
            "listed": seeing.listed_seen(row, reader),
            "receipt": seeing.receipt_seen(step.receipt, sight) if step.receipt else None,
            "alarm": seeing.alarm_answered(step.receipt) if step.receipt else None,
            "refusals": seeing.refusals_seen(refusals, sight),
            "open": [
                [act.act, act.role, act.state, len(seen.closed_by), seen.due]
                for act in opened[::9]  # all of them, by all readers, take seconds
                if (seen := seeing.act_seen(act, sight)) != act
            ],
            "says": [act for act in ACTS if seeing.may_speak(reader, case, act)],
            "could": [act for act in ACTS if seeing.could_say(reader, case.reference, act)],
            "sees": seeing.could_see(reader, case.reference),
            "figures": seeing.sees_figures(reader.role),
        }
    for role in ROLES:
        for side in ("host", "origin"):
            acts = seeing.acts_told(role, side)
            told[f"list {role} {side}"] = [seeing.lists(role, side), None if acts is None else sorted(acts)]
    for each in seeing.TABLE:
        if each.reader is None:
            continue
        sight = seeing.sees_as(each.reader, case.origin_state)
        told[f"dossier {each.reader}"] = [seeing.shown(entry, sight) for entry in entries]
    return told


def digest(of: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(of, sort_keys=True, default=str).encode()).hexdigest()[:16]


def lines(course: Course) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is on file for a case, line by line, and what each digest in it stands for."""
    for number, step in enumerate(played(course)):
        yield f"{step.words}: {digest(made := left(step))}", made
        if number % LOOKED_AT_EVERY == LOOKED_AT_EVERY - 1:
            yield f"looked at: {digest(made := looked_at(step))}", made


MALFORMED = "malformed signals"
SIGNALS: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"not JSON",
    "a list": b"[]",
    "no such act": b'{"act": "dance", "act_id": "m-1", "actor": {"role": "guardian", "state": "MD"}}',
    "no such office": b'{"act": "note", "actor": {"role": "wizard", "state": "Narnia"}, "act_id": 7}',
    "a state in small letters": b'{"act": "note", "actor": {"role": "guardian", "state": "md"}, "act_id": "m-2"}',
    "an actor that is a word": b'{"act": "note", "actor": "somebody", "act_id": "m-3", "text": "invented"}',
    "an id that is too long": b'{"act": "note", "act_id": "' + b"x" * 65 + b'"}',
    "an id of no length": b'{"act": "note", "act_id": ""}',
    "the longest id": b'{"act": "note", "act_id": "' + b"x" * 64 + b'"}',
    "infinity": b'{"act": "note", "act_id": "x", "reason": 1e400}',
    "no text": b"\xff\xfe",
    "half a pair": b'{"act": "note", "text": "\\ud800"}',
    "a tower": b"[" * 5_000,
    "a tower of objects": b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
    "a house": b'{"a":' * 20 + b"1" + b"}" * 20,
    "a novel": b'"' + b"x" * 70_000 + b'"',
}


def malformed() -> Iterator[tuple[str, dict[str, Any]]]:
    """Signals in no shape, each put on record as refused: the line of each, and what it stands for."""
    course = courses(SEED, shipped()[:1])[0]
    case = Proceedings.open_case(course.intake, course.agreement, reference=course.reference, at=BEGIN, seed=SEED)
    for says, given in SIGNALS.items():
        before = case.case.n
        with pytest.raises(MalformedAct) as told:
            parse_act(given)
        many = [*told.value.faults, Fault(path="x", message="y" * 5_000)]
        receipt = case.hear_malformed(given, many if says == "a list" else told.value.faults, BEGIN)
        step = Step(says, case, before, BEGIN, receipt)
        yield f"{says}: {digest(made := left(step))}", made


@pytest.fixture(scope="module")
def on_file() -> dict[str, list[str]]:
    """What was found right, by scenario and case."""
    return json.loads(ON_FILE.read_text("utf-8"))


@pytest.mark.parametrize("scenario", shipped())
def test_what_comes_of_an_act_is_what_is_on_file(scenario: str, on_file: dict[str, list[str]]) -> None:
    """Entries to the last byte, receipt, view, caseload's row, notices, events, when it wakes next; who may read what."""
    for number, course in enumerate(courses(SEED, [scenario]), start=1):
        there = on_file[f"{scenario} {number}"]
        for line, (now, made) in zip(there, lines(course), strict=True):
            assert now == line, json.dumps(made, indent=1, default=str)


def test_what_comes_of_a_malformed_signal_is_what_is_on_file(on_file: dict[str, list[str]]) -> None:
    """Nobody waits for its answer, so it stands on record, with what could be read of it."""
    for line, (now, made) in zip(on_file[MALFORMED], malformed(), strict=True):
        assert now == line, json.dumps(made, indent=1, default=str)


def test_all_that_is_on_file_is_played(on_file: dict[str, list[str]]) -> None:
    """No case on file is left out; the file is written anew where that is asked for."""
    names = {
        f"{scenario} {number}": course
        for scenario in shipped()
        for number, course in enumerate(courses(SEED, [scenario]), start=1)
    }
    if os.environ.get("HOMEWARD_WRITE_ON_FILE"):
        now = {name: [line for line, _ in lines(course)] for name, course in names.items()}
        now[MALFORMED] = [line for line, _ in malformed()]
        ON_FILE.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
    assert {*names, MALFORMED} == on_file.keys()
