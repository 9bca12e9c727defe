"""Who sees what of invented cases is on file, for everybody who could look: a changed table shows whom it bites.

seen_on_file.json beside this file has, for each case, a line for each reader: how they stand to it, every entry of it
in one sign (W whole, h its header, . its place alone), and a digest of all else that they are shown. Where a digest
differs, the test prints what it stands for now. After a change that is meant, HOMEWARD_WRITE_ON_FILE=1 writes the file
anew; read the difference before it is committed.
"""

import hashlib
import importlib.util
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from courses import HOTEL, PEOPLE, STATION, Course, Looker, model

from procedure import consequences, who_may
from procedure import who_may_see as seeing
from procedure.acts import ACTS
from procedure.entries import Entry
from procedure.faults import Fault
from procedure.ledger import Ledger
from procedure.open_acts import open_acts
from procedure.owed import awaiting
from procedure.vocabulary import HOLDS, ROLES, SAFEGUARD_NAMES

ON_FILE = Path(__file__).with_name("seen_on_file.json")
TOLD = ("claimed", "second round", "another office approves", "travel planned", "of age")
"""Cases of which all that is told is on file."""
LISTED = ("claimed", "determined", "travel planned", "to stay")
SAID = ("opened", "another office approves", "travel planned", "visited and closed")
SIGN = {"whole": "W", "header": "h", "place": "."}
AUNT = {"id": "aunt", "name": "Invented Aunt", "relationship": "aunt", "state": "RO"}


def _said_in_vain(course: Course) -> Course:
    """Refused for what they would say, and for who they are."""
    course.refused("approve_return", "origin authority")
    course.refused("give_consent", "child", informed=False)
    course.refused("determine_best_interests", "panel", panel=[])
    course.refused("approve_return", "guardianship")
    course.refused("note", "police")
    course.refused("appoint_guardian", "guardianship", independent=False)
    return course


def _malformed(course: Course) -> Course:
    """Signals in no shape: one that names nobody, and one that is no act."""
    for given in (b'{"act": "note"}', b'{"act": "note", "actor": "somebody"}', b"[]"):
        course.proceedings.hear_malformed(given, [Fault(path="x", message="it is wrong")], course.at)
    return course


def _said_in_the_end(course: Course) -> Course:
    """A closed case takes no act, and a detention is answered all the same."""
    course.refused("report_detention", "monitor")
    return course


def _noisy(course: Course) -> Course:
    """Everything that a case need not have."""
    course.does("complain").does("suspend", ground="health").does("report_missing").does("report_found")
    course.does("note", "origin authority").does("note").does("correct", "opener").does("assign")
    course.does("correct", "caseworker", entry=course.number_of("note"), fields={"text": "another word"})
    return course.does("extend_deadline", deadline="guardian") if course.runs("guardian") else course


CASES: dict[str, Callable[[], Course]] = {
    "opened": Course,
    "noisy": lambda: _noisy(Course().identified()),
    "asylum found": lambda: Course().does("verify_identity").does("screen_protection", asylum=True),
    "claimed": lambda: Course().represented().does("lodge_asylum_claim").wait(days=3),
    "claim resolved": lambda: (
        Course().represented().does("lodge_asylum_claim").does("resolve_asylum_claim", "asylum", result="refused_final")
    ),
    "said in vain": lambda: _said_in_vain(Course().assessed()),
    "malformed": lambda: _malformed(Course()),
    "in time not done": lambda: Course(placement=HOTEL).does("complain").wait(days=60),
    "traced around": lambda: (
        Course(relatives=[AUNT])
        .represented()
        .does("open_tracing", via="red_cross")
        .does("open_tracing")
        .does("report_tracing")
    ),
    "determined": lambda: Course().determined(),
    "second round": lambda: (
        Course()
        .traced()
        .does("hear_child", {"id": "panel-9", "role": "bid_panel", "state": "MD"})
        .does("submit_assessment")
        .determine()
        .does("reopen_best_interests")
        .does("hear_child")
        .does("submit_assessment")
    ),
    "in detention": lambda: Course().ready_to_approve().does("report_detention"),
    "another office approves": lambda: (
        Course(agreement=model().model_copy(update={"approvals": (*model().approvals, "court@host", "court@origin")}))
        .ready_to_approve()
        .does("approve_return")
    ),
    "opened in detention": lambda: Course(placement=STATION),
    "detention after the end": lambda: _said_in_the_end(Course().represented().does("close_case")),
    "appealed": lambda: Course().approved().does("appeal"),
    "travel planned": lambda: Course().planned(),
    "departed": lambda: Course().departed().does("report_incident"),
    "visited and closed": lambda: Course().visited().does("close_case", outcome="returned"),
    "to stay": lambda: Course().determined("stay").does("grant_stay"),
    "third country": lambda: Course().determined("third_country").does("arrange_third_country"),
    "of age": lambda: Course(born="2008-02-05").assessed().wait(days=10).does("transfer_to_adult_services"),
}


_BY_NAME = {"caseworker", "bid_panel", "guardian", "legal_counsel", "escort"}


def lookers(course: Course) -> Iterator[Looker]:
    """Of each role and state one by the name that the people of these cases bear; where it is a name that counts, others."""
    known = {(role, course.host if side == "host" else course.origin): id for id, role, side in PEOPLE.values()}
    mine = frozenset({course.case.reference})
    for role in ROLES:
        for state in (course.host, course.origin):
            names = {known.get((role, state), "somebody"), *(("somebody",) if role in _BY_NAME else ())}
            yield from (Looker(id, role, state, mine) for id in sorted(names))
    yield from (Looker("somebody", role, "RO", mine) for role in ("relative", "caseworker", "central_authority"))
    yield from (Looker(id, "bid_panel", course.host, mine) for id in ("panel-2", "panel-9"))
    yield Looker("the-child", "child", course.host, frozenset({"MD-UA-2026-000000"}))
    yield Looker("relative-1", "relative", course.origin, frozenset())


@cache
def case_of(name: str) -> Course:
    return CASES[name]()


def digest(of: Any) -> str:
    return hashlib.sha256(json.dumps(of, sort_keys=True, default=str).encode()).hexdigest()[:12]


def stands(sight: seeing.Sight) -> list[Any]:
    """How somebody stands to a case, all of it."""
    row = [sight.row.role, sight.row.side, sight.row.relation] if sight.row else None
    flags = [sight.nothing, sight.needs_reason, sight.everything, sight.what_follows]
    return [sight.relation, dict(sight.parts), row, sight.person, sight.state, sight.round_begins, flags, sight.reader]


def seen_by(course: Course, looker: Looker) -> seeing.Sight:
    spoke, began = seeing.spoke(looker, course.entries), seeing.round_began(course.entries)
    return seeing.sees(looker, course.case, spoke=spoke, round_begins=began)


def named(looker: Looker) -> str:
    return f"{looker.id} {looker.role}@{looker.state} {len(looker.cases)}"


def looks(name: str) -> Iterator[tuple[str, Any]]:
    """How each reader stands to a case, and how much of each entry is shown; what a digest stands for."""
    course = case_of(name)
    parts = [seeing.part_of(entry) for entry in course.entries]
    yield f"parts: {' '.join(parts)}", parts
    began = seeing.round_began(course.entries)
    yield f"the round began: {began}", began
    for looker in lookers(course):
        sight = seen_by(course, looker)
        related = [seeing.relation_of(looker, course.case), seeing.relation_of(looker, course.case, spoke=True)]
        alone = who_may.person_alone(course.case, looker.role, looker.state)
        told = [stands(sight), stands(seeing.sees(looker, course.case)), related, alone]
        spoke = "spoke" if seeing.spoke(looker, course.entries) else "silent"
        yield f"{named(looker)}: {sight.relation} {spoke} {signs(course.entries, sight)} {digest(told)}", told
    for reader in seeing.READERS:
        for origin in (course.origin, None):
            sight = seeing.sees_as(reader, origin)
            yield f"dossier of {reader} {origin}: {signs(course.entries, sight)} {digest(stands(sight))}", stands(sight)


def one_of_each_row(course: Course) -> Iterator[tuple[str, seeing.Sight]]:
    """Somebody of every row of the table, and somebody who stands in none."""
    for row in seeing.TABLE:
        state = course.origin if row.side == "origin" else course.host
        sight = seeing.Sight(row.relation, row.parts, row, ("somebody", row.role, state), state)
        yield f"{row.role} {row.side} {row.relation}", sight
    yield "nobody", seeing.NOTHING


def told_of(name: str) -> Iterator[tuple[str, Any]]:
    """What is told of a case to one reader of each row."""
    course, case = case_of(name), case_of(name).case
    view, awaited = course.view, awaiting(case, course.at)
    receipts = _receipts(course)
    for who, sight in one_of_each_row(course):
        seen = seeing.as_seen(case, sight)
        told = {
            "as seen": {fact: str(getattr(seen, fact)) for fact in seeing.PART_OF_FACT},
            "holds": seeing.holds_seen(HOLDS, sight),
            "view": seeing.view_seen(view, sight),
            "intake": seeing.intake_seen(course.intake, sight),
            "receipts": [seeing.receipt_seen(receipt, sight) for receipt in receipts],
            "owed": seeing.owed_seen(awaited, sight),
        }
        yield f"{who}: {digest(told)}", told
    alarms = [seeing.alarm_answered(receipt) for receipt in receipts]
    yield f"alarms: {digest(alarms)}", alarms


def listed(name: str) -> Iterator[tuple[str, Any]]:
    """How a case stands in each reader's list."""
    course, case = case_of(name), case_of(name).case
    row = {**consequences.caseload_row(case, course.at), "due": "2026-01-01", "refused": 3, "untold": ["a word"]}
    for looker in lookers(course):
        in_list = [
            seeing.sight_in_list(looker, case.host_state, case.origin_state, waits=waits) for waits in (True, False)
        ]
        told = [seeing.listed_seen(row, looker), *map(stands, in_list)]
        yield f"{named(looker)}: {digest(told)}", told


def says(name: str) -> Iterator[tuple[str, Any]]:
    """Which acts the law may hear from each, as the case stands and by its reference alone."""
    course, case = case_of(name), case_of(name).case
    acts = [*ACTS, "dance"]
    for looker in lookers(course):
        tied = seeing.tied_to(looker)
        told = [
            [act for act in acts if seeing.may_speak(looker, case, act)],
            [act for act in acts if seeing.could_say(looker, case.reference, act)],
            seeing.could_see(looker, case.reference),
            seeing.may_be_theirs(looker, case.reference),
            None if tied is None else sorted(tied),
        ]
        yield f"{named(looker)}: {digest(told)}", told


def _receipts(course: Course) -> list[dict[str, Any]]:
    """A receipt with nothing against the act, one with every safeguard, and one of an act that is not theirs."""
    reasons = [{"safeguard": name, "message": name, "source": "the law", "instead": "wait"} for name in SAFEGUARD_NAMES]
    theirs = [each for each in reasons if each["safeguard"] != "not-your-act"]
    common = {
        "reference": course.case.reference,
        "entry": 7,
        "stage": course.stage,
        "holds": list(HOLDS),
        "head": course.case.head,
    }
    refused = [{**common, "result": "refused", "refusals": given} for given in (theirs, reasons)]
    return [{**common, "result": "accepted", "refusals": []}, *refused]


def signs(entries: list[Entry], sight: seeing.Sight) -> str:
    return "".join(SIGN[seeing.shown(entry, sight)] for entry in entries)


def acts_of(name: str) -> Iterator[tuple[str, Any]]:
    """Of the open and closed acts of a case, what one reader of each row is told; a line for each row."""
    course = case_of(name)
    found = open_acts(course.case, course.at, Ledger(course.entries))
    kept = [act for act in found if act.due or act.act in ("approve_return", "approve_travel", "hear_child", "assign")]
    for who, sight in one_of_each_row(course):
        seen = [seeing.act_seen(act, sight).as_json() for act in kept]
        yield f"{who}: {digest(seen)}", seen


def anew(module: ModuleType) -> ModuleType:
    """The module executed a second time, beside the one that is in use."""
    spec = importlib.util.find_spec(module.__name__)
    assert spec is not None and spec.loader is not None
    again = ModuleType(module.__name__)
    again.__file__ = module.__file__
    spec.loader.exec_module(again)
    return again


def tables() -> Iterator[tuple[str, Any]]:
    """The tables, as they come out when they are made, and what a list tells each office."""
    for row in anew(seeing).TABLE:
        made = asdict(row)
        made["parts"] = {
            level: [p for p, given in row.parts.items() if given == level] for level in ("whole", "told")
        } | {"levels": sorted(set(row.parts.values()))}
        made["offices"] = sorted(row.offices)
        yield json.dumps(made), made
    again = anew(who_may)
    for act, roles in again.MAY.items():
        yield f"{act}: {json.dumps(roles, sort_keys=True)}", roles
    for role in ROLES:
        told = seeing.acts_told(role, "host"), seeing.acts_told(role, "origin")
        acts = [None if each is None else sorted(each) for each in told]
        listed = [seeing.lists(role, side) for side in ("host", "origin", None)]
        yield f"{role}: {listed} {seeing.sees_figures(role)} {json.dumps(acts)}", acts
    blank = {name: str(value) for name, value in anew(seeing)._BLANK.items()}
    yield f"blank: {json.dumps(blank)}", blank
    yield f"hidden from the origin: {seeing.HIDDEN_FROM_ORIGIN}", seeing.HIDDEN_FROM_ORIGIN


@pytest.fixture(scope="module")
def on_file() -> dict[str, list[str]]:
    """What was found right, by case."""
    return json.loads(ON_FILE.read_text("utf-8"))


def holds_to(there: list[str], made: Iterator[tuple[str, Any]]) -> None:
    for line, (now, told) in zip(there, made, strict=True):
        assert now == line, json.dumps(told, indent=1, default=str)


@pytest.mark.parametrize("name", CASES)
def test_everybody_sees_of_a_case_what_is_on_file(name: str, on_file: dict[str, list[str]]) -> None:
    """Every role of both states, in person and as somebody else, some of a third; each reader of a dossier."""
    holds_to(on_file[f"looks, {name}"], looks(name))


@pytest.mark.parametrize("name", TOLD)
def test_of_a_case_is_told_what_is_on_file(name: str, on_file: dict[str, list[str]]) -> None:
    """To somebody of each row: view, intake, receipts, what is owed, and the case as they see it."""
    holds_to(on_file[f"told, {name}"], told_of(name))


@pytest.mark.parametrize("name", LISTED)
def test_a_case_stands_in_everybodys_list_as_is_on_file(name: str, on_file: dict[str, list[str]]) -> None:
    """By their office, or because it waits for them."""
    holds_to(on_file[f"listed, {name}"], listed(name))


@pytest.mark.parametrize("name", SAID)
def test_everybody_may_speak_as_is_on_file(name: str, on_file: dict[str, list[str]]) -> None:
    """In a case as it stands, and by its reference alone."""
    holds_to(on_file[f"says, {name}"], says(name))


@pytest.mark.parametrize("name", TOLD)
def test_everybody_is_told_of_open_acts_what_is_on_file(name: str, on_file: dict[str, list[str]]) -> None:
    """With those reasons and times alone that they may read."""
    holds_to(on_file[f"acts, {name}"], acts_of(name))


def test_the_tables_are_what_is_on_file(on_file: dict[str, list[str]]) -> None:
    """Who may see what, who may do what, and what a list tells, written out."""
    holds_to(on_file["tables"], tables())


def test_a_monitor_has_the_case_once_there_is_something_to_monitor() -> None:
    """A plan of reintegration, a plan of travel or a departure; each by itself."""
    monitor, case = Looker("monitor-1", "monitor", "UA", frozenset()), Course().departed().case
    without = case.but(reintegration_plan=None, plan=None, departed=None)
    assert seeing.relation_of(monitor, without) == "none"
    for name in ("reintegration_plan", "plan", "departed"):
        assert seeing.relation_of(monitor, without.but(**{name: getattr(case, name)})) == "own"


def test_who_heard_the_child_for_the_panel_sees_the_case_though_others_decided_it() -> None:
    """Who once sat on a panel is known by what they recorded."""
    member, case = Looker("panel-9", "bid_panel", "MD", frozenset()), Course().determined().case
    assert seeing.sees(member, case).nothing
    assert seeing.sees(member, case, spoke=True).relation == "own"


def test_an_owed_act_whose_time_is_not_told_tells_nothing_of_time() -> None:
    """Not when it is due, nor that it is late or stands still; all else is told."""
    row = {"act": "approve_return", "due": "2026-02-02T09:00:00Z", "overdue": True, "escalations": 2}
    told = {"act": "approve_return", "due": None, "overdue": False, "escalations": 0}
    assert seeing.without_time(row) == seeing.without_time({**row, "stands_still": True}) == told


def test_a_correction_of_what_is_not_known_is_a_note() -> None:
    """It belongs where the act does that it corrects; to the intake, where it corrects the opening."""
    assert seeing.part_of_act("correct") == "notes"
    assert seeing.part_of_act("correct", {}) == "notes"
    assert seeing.part_of_act("correct", {"of": "opened"}) == "intake"
    assert seeing.part_of_act("correct", {"of": "hear_child"}) == "hearing"


def test_tracing_belongs_apart_where_it_goes_around_the_origin() -> None:
    """Through whom it goes tells whether a protection need is open."""
    assert seeing.part_of_act("open_tracing") == "tracing"
    assert [seeing.part_of_act("open_tracing", {"via": via}) for via in ("consulate", "red_cross", None)] == [
        "tracing",
        "tracing_around",
        "tracing_around",
    ]
    assert seeing.part_of_act("assign", {"via": "red_cross"}) == "people"


def test_all_that_is_on_file_is_looked_at(on_file: dict[str, list[str]]) -> None:
    """No case on file is left out; the file is written anew where that is asked for."""
    looked = {"looks": (looks, CASES), "told": (told_of, TOLD), "listed": (listed, LISTED), "says": (says, SAID)}
    looked["acts"] = acts_of, TOLD
    names = {f"{what}, {name}": (made, name) for what, (made, cases) in looked.items() for name in cases}
    if os.environ.get("HOMEWARD_WRITE_ON_FILE"):
        now = {what: [line for line, _ in made(name)] for what, (made, name) in names.items()}
        now["tables"] = [line for line, _ in tables()]
        ON_FILE.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
    assert {*names, "tables"} == on_file.keys()
