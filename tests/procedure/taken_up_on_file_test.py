"""What each act does in a case that was put away is on file: the entries that came of it, and the case after them.

Other tests go the whole way to where an act can be done; these take a case up right there (taken_up.py), so that what
they see is the act's own. taken_up_on_file.json beside this file has for each what came of it in short, and a digest of
all of it. Where one differs, the test prints what it stands for now, and the same test on the commit before prints
what it stood for. After a change that is meant, HOMEWARD_WRITE_ON_FILE=1 writes it anew.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
from courses import DOES, FAMILY, FOSTER, HOTEL, PANEL, REFERENCE, SEED, START, STATION, Course, Fields, intake_of
from taken_up import CASES, MADE_BY, carried, take_up, terms, written

from procedure.acts import parse_act
from procedure.entries import Entry, moment
from procedure.folding import fold
from procedure.intake import parse_intake
from procedure.proceedings import Proceedings, carried_entries

ON_FILE: Final = Path(__file__).with_name("taken_up_on_file.json")

Said = tuple[str, str, str | None, Fields]
"""The case, the act, who says it, and the fields that are other than usual."""

ORDINARY: Final[list[Said]] = [
    (name, act, None, {})
    for name in ("in care", "traced", "assessed", "ready to approve", "travel approved", "arrived")
    for act in DOES
]
"""Every act in these cases, as it is said on an ordinary course, also where it does not belong."""

LOCKED: Final[Fields] = {**FOSTER, "locked": True}

OTHERWISE: Final[list[Said]] = [
    # Identity and age: in doubt the younger age holds
    *(
        (name, "verify_identity", None, {"result": result, "date_of_birth": born})
        for name in ("opened", "found in detention", "in care")
        for result in ("verified", "presumed")
        for born in ("2011-01-01", "2015-01-01", None)
    ),
    ("in care", "verify_identity", None, {"date_of_birth": "2008-02-03"}),
    ("in care", "assess_age", None, {"result": "adult"}),
    ("in care", "screen_protection", None, {"asylum": True, "trafficking": True}),
    ("in care", "screen_protection", None, {"violence": True}),
    ("in care", "confirm_services", None, {"education": False}),
    # Where the child is
    ("in care", "place_child", None, {"placement": HOTEL}),
    ("late", "place_child", None, {"placement": HOTEL}),
    ("late", "report_found", None, {"placement": STATION}),
    ("arrived", "report_found", None, {"placement": LOCKED}),
    ("arrived", "report_found", None, {"placement": HOTEL}),
    ("found in detention", "confirm_release", None, {"placement": LOCKED}),
    ("found in detention", "report_found", None, {}),
    ("in care", "report_detention", None, {"placement": FOSTER}),
    ("travel approved", "report_detention", None, {}),
    ("assessed", "report_incident", None, {"placement": STATION}),
    ("assessed", "arrive", None, {"placement": STATION}),
    *(
        ("under way", "arrive", None, {"handed_to": to, "placement": where})
        for to in ("law_enforcement", "child_protection")
        for where in (STATION, HOTEL, FAMILY)
    ),
    *(("under way", "report_incident", None, {"what": what}) for what in ("child_objects", "illness")),
    ("under way", "report_incident", None, {"placement": STATION}),
    ("arrived", "record_visit", None, {"placement": HOTEL}),
    ("arrived", "record_visit", None, {"safe": False}),
    ("arrived", "record_visit", None, {"placement": STATION}),
    # Offices, and family
    ("in care", "replace_guardian", None, {"guardian": {"id": "guardian-3", "kind": "relative"}}),
    ("in care", "appoint_counsel", None, {"counsel": {"id": "counsel-2"}}),
    ("in care", "assign", None, {"caseworker": {"id": "caseworker-9"}}),
    ("traced", "report_tracing", None, {"result": "ongoing", "relatives": []}),
    (
        "traced",
        "report_tracing",
        None,
        {
            "relatives": [
                {"id": "r9", "relationship": "x" * 99 + "yz", "state": "RO", "name": "Invented Aunt"},
                {"id": "r1", "relationship": "mother", "state": "UA", "name": "Invented Mother"},
            ]
        },
    ),
    *(("traced", "assess_family", None, {name: False}) for name in ("willing", "able", "safe")),
    ("traced", "guarantee_care", "relative", {"by": "family", "relative_id": "r1"}),
    ("assessed", "guarantee_care", "relative", {"by": "family", "relative_id": "r1"}),
    # Best interests, and the decision
    *(
        (name, "hear_child", None, fields)
        for name in ("traced", "approved", "in its second round")
        for fields in ({"wish": "stay"}, {"wish": "undecided"}, {"guardian_present": False}, {"informed": False})
    ),
    *(
        (
            "assessed",
            "determine_best_interests",
            None,
            {"solution": solution, "options_considered": ["third_country", "stay"]},
        )
        for solution in ("stay", "third_country")
    ),
    (
        "assessed",
        "determine_best_interests",
        None,
        {"solution": "postpone", "options_considered": ["postpone", "stay"], "review_on": "2026-05-01"},
    ),
    ("determined", "determine_best_interests", None, {"panel": [{**PANEL[0], "id": "panel-9"}, *PANEL[1:]]}),
    ("determined", "decide_appeal", None, {"result": "upheld"}),
    ("approved", "decide_appeal", None, {"result": "upheld"}),
    ("approved", "give_consent", None, {"given": False}),
    ("approved", "give_consent", "child", {"given": False}),
    ("ready to approve", "give_consent", "child", {"given": False}),
    ("approved", "withdraw_consent", "child", {}),
    ("ready to approve", "withdraw_consent", "child", {}),
    ("ready to approve", "approve_return", "origin authority", {}),
    ("approved", "approve_return", "origin authority", {}),
    ("ready to approve", "assess_rights_impact", None, {"safe": False}),
    ("planned", "certify_fit_to_travel", None, {"fit": False}),
    ("travel approved", "appeal", None, {"against": "travel"}),
    ("determined", "appeal", None, {"against": "best_interests"}),
    # Endings, and what may come at any time
    ("traced", "resolve_asylum_claim", None, {"result": "granted"}),
    ("traced", "resolve_asylum_claim", None, {"result": "refused_final"}),
    ("in care", "suspend", None, {"ground": "health", "until": "2026-03-01"}),
    ("traced", "suspend", None, {"ground": "health"}),
    ("traced", "resume", None, {"ground": "health"}),
    ("traced", "resume", "authority", {}),
    ("in care", "answer_complaint", None, {"complaint": 9}),
    *(("opened", "extend_deadline", None, {"deadline": each, "days": 5}) for each in ("services", "tracing")),
    ("visited", "close_case", None, {"outcome": "returned"}),
    ("stays", "close_case", None, {"outcome": "stays"}),
    ("of a third country", "close_case", None, {"outcome": "third_country"}),
    ("closed", "note", None, {}),
    # What comes out of order and still tells of a detention
    ("travel approved", "arrive", None, {"placement": STATION}),
    ("travel approved", "arrive", None, {"placement": FOSTER}),
    ("under way", "record_visit", None, {"placement": STATION}),
    ("arrived", "arrive", None, {"placement": LOCKED}),
    ("traced", "arrive", None, {"placement": STATION}),
    # What stands still while a hold stands
    ("planned", "suspend", None, {}),
    ("approved", "decide_appeal", None, {}),
    ("closed", "report_detention", None, {}),
    ("late", "report_tracing", None, {}),
]
"""What is said otherwise than on an ordinary course, where that makes a difference."""


def corrections() -> Iterator[Said]:
    """Corrections of what was recorded in the cases, by those who recorded it and by others."""
    say = "correct"
    for name in ("opened", "found in detention", "in care", "under way", "arrived"):
        yield name, say, None, {"fields": {"placement": STATION}}
        yield name, say, None, {"fields": {"placement.name": "Invented Place", "child.date_of_birth": "2014-01-01"}}
        yield name, say, None, {"fields": {"host_state": "RO", "agreement": "other"}}
        yield name, say, None, {"fields": {"reason": "put better"}, "entry": 2}
        yield name, say, None, {"fields": {"reason": "put better"}, "entry": 99}
        yield name, say, None, {"fields": {"child.languages": "none"}}
        yield name, say, "caseworker", {"fields": {"found.place": "Invented Place"}}
    recorded_before: list[Said] = [
        ("in care", "verify_identity", "caseworker", {"date_of_birth": "2012-01-01"}),
        ("in care", "verify_identity", "caseworker", {"result": "presumed"}),
        ("in care", "screen_protection", "caseworker", {"asylum": True}),
        ("in care", "screen_protection", "caseworker", {"asylum": "perhaps", "violence": 7}),
        ("in care", "screen_protection", "authority", {"asylum": True}),
        ("in care", "screen_protection", "origin caseworker", {"asylum": True}),
        ("in care", "screen_protection", "caseworker", {"act_id": "other", "actor.id": "other", "asylum": True}),
        ("in care", "confirm_services", "caseworker", {"education": False}),
        ("in care", "complain", "child", {"about": "put better"}),
        ("traced", "report_tracing", "tracing", {"result": "not_found", "relatives": []}),
        ("traced", "assess_family", "origin caseworker", {"safe": False}),
        ("traced", "assess_family", "origin caseworker", {"relative_id": "r2"}),
        ("traced", "hear_child", "guardian", {"wish": "return"}),
        ("traced", "hear_child", "guardian", {"views": "put better"}),
        ("traced", "hear_child", "guardian", {"guardian_present": False}),
        ("approved", "hear_child", "guardian", {"wish": "stay"}),
        ("approved", "hear_child", "guardian", {"guardian_present": False}),
        ("in its second round", "hear_child", "guardian", {"wish": "stay"}),
        ("determined", "determine_best_interests", "panel", {"reason": "put better"}),
        ("determined", "determine_best_interests", "panel", {"reason": "put better", "evidence": []}),
        ("determined", "determine_best_interests", "panel", {"solution": "stay"}),
        ("approved", "approve_return", "origin authority", {"reason": "put better"}),
        ("approved", "assess_rights_impact", "caseworker", {"safe": False}),
        ("planned", "certify_fit_to_travel", "health", {"fit": False}),
        ("handed over", "arrive", "escort", {"handed_to": "family"}),
        ("handed over", "arrive", "escort", {"handed_to": "law_enforcement"}),
        ("handed over", "arrive", "escort", {"placement": STATION}),
        ("visited", "arrive", "escort", {"handed_to": "other"}),
        ("visited", "arrive", "escort", {"placement": HOTEL}),
        ("arrived", "arrive", "escort", {"placement": STATION}),
        ("arrived", "arrive", "escort", {"handed_to": "other"}),
        ("arrived", "report_detention", "ombudsperson", {"placement": HOTEL}),
        ("arrived", "confirm_release", "ombudsperson", {"placement": LOCKED}),
        ("arrived", "confirm_release", "ombudsperson", {"placement.name": "Invented Name"}),
        ("visited", "record_visit", "monitor", {"safe": False}),
        ("visited", "record_visit", "monitor", {"visit": 2}),
        ("visited", "record_visit", "monitor", {"placement.name": "Invented"}),
        ("visited", "record_visit", "monitor", {f"placement.{name}": value for name, value in STATION.items()}),
        ("approved against a wish to stay", "hear_child", "guardian", {"views": "put better"}),
        ("approved against a wish to stay", "hear_child", "guardian", {"wish": "return"}),
        ("approved against a wish to stay", "hear_child", "guardian", {"wish": "undecided"}),
        ("objected on the way", "report_incident", "escort", {"what": "illness"}),
        ("objected on the way", "report_incident", "escort", {"reason": "put better"}),
        ("objected on the way", "report_incident", "escort", {"placement": STATION}),
        ("in its second round", "record_visit", "monitor", {"safe": True}),
        ("in its second round", "record_visit", "monitor", {"findings": "put better"}),
        ("in its second round", "record_visit", "monitor", {"placement": STATION}),
    ]
    for name, recorded, who, fields in recorded_before:
        yield name, f"{say} {recorded}", who, {"fields": fields}


LATER: Final = (2, 30, 400)
"""Days after which it is looked at what time alone has brought."""


def plain(course: Course, before: int, **more: Any) -> dict[str, Any]:
    """The entries made since, and all that stands in the case after them."""
    carries = course.proceedings.carry()
    case = {name: value for name, value in carries["case"].items() if name != "agreement"}
    due = course.proceedings.next_due()
    entries: list[Entry] = course.proceedings.since(before)
    return {
        **more,
        "entries": [entry.as_json() for entry in entries],
        "case": case,
        "running": list(course.case.running),
        "wakes": moment(due) if due else None,
    }


def said(name: str, act: str, who: str | None, fields: Fields) -> tuple[str, dict[str, Any]]:
    """What comes of an act, in short and in full."""
    course = take_up(name)
    before = course.case.n
    act, _, of = act.partition(" ")
    if of:
        fields = {"entry": course.number_of(of), **fields}
    receipt = course.proceedings.hear(parse_act(course.act(act, who, **fields)), course.at)
    made = plain(course, before, receipt=receipt)
    return ", ".join(entry.kind for entry in course.proceedings.since(before)), made


def passed(name: str, days: int) -> tuple[str, dict[str, Any]]:
    """What comes of time alone."""
    course = take_up(name)
    before = course.case.n
    course.wait(days=days)
    made = plain(course, before)
    return str(course.case.n - before), made


INTAKES: Final[dict[str, Fields]] = {
    "in care": {},
    "in detention": {"placement": LOCKED},
    "in a hotel, with two relatives": {
        "placement": HOTEL,
        "relatives": [
            {"id": f"r{n}", "name": "Invented", "relationship": "x" * 90 + "aunt " * n, "state": "UA"} for n in (1, 9)
        ],
    },
    "of no known birthday": {"born": None, "child": {"estimated_age": 12}, "situation": "with_family"},
}


def opened(says: str) -> tuple[str, dict[str, Any]]:
    """What comes of an intake."""
    intake = parse_intake(intake_of(**INTAKES[says]), today=START.date())
    course = take_up("in care")
    course.at = START
    course.proceedings = Proceedings.open_case(
        intake, terms(), reference=REFERENCE, at=START, seed=SEED, facts={"signatures": "required"}
    )
    made = plain(course, 0)
    return ", ".join(entry.kind for entry in course.entries), made


def line(came: tuple[str, Mapping[str, Any]]) -> str:
    short, made = came
    return f"{short}: {hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()[:16]}"


SAID: Final = {
    f"{number}. {each[0]}: {each[1]}": each for number, each in enumerate([*ORDINARY, *OTHERWISE, *corrections()])
}
OPENED: Final = {f"opened {says}": says for says in INTAKES}
PASSED: Final = {f"{name}: {days} days": (name, days) for name in MADE_BY for days in LATER}


@cache
def on_file() -> dict[str, str]:
    return json.loads(ON_FILE.read_text("utf-8"))


@pytest.mark.parametrize("words", SAID)
def test_what_comes_of_an_act_in_a_case_taken_up_is_what_is_on_file(words: str) -> None:
    """Entries to the last byte, the receipt, the whole case after it, and when it wakes."""
    came = said(*SAID[words])
    assert line(came) == on_file()[words], json.dumps(came, indent=1)


@pytest.mark.parametrize("words", OPENED)
def test_what_comes_of_an_intake_is_what_is_on_file(words: str) -> None:
    """Entries to the last byte, the whole case after them, and when it wakes."""
    came = opened(OPENED[words])
    assert line(came) == on_file()[words], json.dumps(came, indent=1)


@pytest.mark.parametrize("words", PASSED)
def test_what_comes_of_time_in_a_case_taken_up_is_what_is_on_file(words: str) -> None:
    """Entries to the last byte, the whole case after them, and when it wakes."""
    came = passed(*PASSED[words])
    assert line(came) == on_file()[words], json.dumps(came, indent=1)


@pytest.mark.parametrize("name", MADE_BY)
def test_a_case_taken_up_is_the_one_that_was_put_away(name: str) -> None:
    """It carries on what it was handed, and its entries fold into it: they were bound in one text by earlier code."""
    handed = carried(name)
    taken_up = Proceedings.resume(handed)
    hands_on = taken_up.carry()
    assert carried_entries(hands_on["entries"]) == carried_entries(handed["entries"])
    assert {**hands_on, "entries": None} == {**handed, "entries": None}
    again = Proceedings.resume(hands_on)
    assert again.carry() == hands_on
    assert again.entries == taken_up.entries
    assert fold(taken_up.entries) == taken_up.case


def test_all_that_is_on_file_is_asked() -> None:
    """Nothing on file is left out; both files are written anew where that is asked for."""
    if os.environ.get("HOMEWARD_WRITE_ON_FILE"):
        CASES.write_text(written(), encoding="utf-8")
        now = {words: line(said(*each)) for words, each in SAID.items()}
        now |= {words: line(passed(*each)) for words, each in PASSED.items()}
        now |= {words: line(opened(says)) for words, says in OPENED.items()}
        ON_FILE.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
        on_file.cache_clear()
    assert {*SAID, *PASSED, *OPENED} == on_file().keys()
