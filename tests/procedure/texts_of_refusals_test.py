"""What people read when they are refused: each sentence, its source, and what may be done instead, as a whole.

texts_of_refusals.json beside this file holds what was read and agreed. After a wording was changed on purpose,
`python -m pytest tests/procedure/texts_of_refusals_test.py` with HOMEWARD_WRITE_TEXTS=1 writes it anew; read the
difference before it is committed.
"""

import json
import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from courses import FOSTER, HOTEL, PANEL, STATION, Course, Fields
from safeguards_test import BY_FIELDS, BY_STATE, Neighbours, Way, found_return_without

Tried = tuple[Course, str, str | Fields | None, Fields]
"""The case, the act, who says it, and its fields."""

TEXTS = Path(__file__).with_name("texts_of_refusals.json")


@pytest.fixture(scope="module")
def agreed() -> dict[str, Any]:
    """What was agreed to be read."""
    return json.loads(TEXTS.read_text("utf-8"))


FURTHER: dict[str, Callable[[], Tried]] = {
    "nothing to appeal-decide": lambda: (Course(), "decide_appeal", None, {}),
    "no claim to resolve": lambda: (Course(), "resolve_asylum_claim", None, {}),
    "a first complaint that is none": lambda: (Course(), "answer_complaint", None, {"complaint": 1}),
    "another complaint waits": lambda: (Course().does("complain"), "answer_complaint", None, {"complaint": 1}),
    "two other complaints wait": lambda: (
        Course().does("complain").does("complain"),
        "answer_complaint",
        None,
        {"complaint": 1},
    ),
    "not yet eighteen": lambda: (Course(), "transfer_to_adult_services", None, {}),
    "born tomorrow but one": lambda: (
        Course(),
        "verify_identity",
        None,
        {"result": "verified", "date_of_birth": "2026-02-04"},
    ),
    "identity not established, no guardian": lambda: (
        Course().does("verify_identity", result="not_established"),
        "assess_age",
        None,
        {"result": "adult", "methods": ["documents"], "guardian_present": False},
    ),
    "origin authorities while a claim is open": lambda: (
        Course().represented().does("lodge_asylum_claim"),
        "open_tracing",
        None,
        {},
    ),
    "origin authorities before screening": lambda: (
        Course().does("appoint_guardian"),
        "open_tracing",
        None,
        {"via": "consulate"},
    ),
    "return while a claim is open": lambda: (
        Course().assessed().does("lodge_asylum_claim"),
        "determine_best_interests",
        None,
        {},
    ),
    "return after asylum": lambda: (
        Course().assessed().does("lodge_asylum_claim").does("resolve_asylum_claim", result="granted"),
        "determine_best_interests",
        None,
        {},
    ),
    "approval after asylum": lambda: (
        Course().ready_to_approve().does("lodge_asylum_claim").does("resolve_asylum_claim", result="granted"),
        "approve_return",
        None,
        {},
    ),
    "relative unknown": lambda: (Course().traced(), "assess_family", None, {"relative_id": "r9"}),
    "guardian twice": lambda: (Course().represented(), "appoint_guardian", None, {}),
    "no guardian to replace": lambda: (Course(), "replace_guardian", None, {}),
    "guardian is the counsel": lambda: (
        Course().represented(),
        "replace_guardian",
        None,
        {"guardian": {"id": "counsel-1", "kind": "professional"}},
    ),
    "guardian wrote the assessment": lambda: (
        Course().assessed(),
        "replace_guardian",
        None,
        {"guardian": {"id": "caseworker-1", "kind": "professional"}},
    ),
    "guardian opened the case": lambda: (
        Course(),
        "appoint_guardian",
        None,
        {"guardian": {"id": "authority-1", "kind": "professional"}},
    ),
    "guardian sat on the panel": lambda: (
        Course().determined(),
        "replace_guardian",
        None,
        {"guardian": {"id": "panel-2", "kind": "professional"}},
    ),
    "caseworker is the guardian": lambda: (
        Course().represented(),
        "assign",
        None,
        {"caseworker": {"id": "guardian-1"}},
    ),
    "no assessment and no tracing": lambda: (Course().represented(), "determine_best_interests", None, {}),
    "a second determination": lambda: (
        Course().determined("stay"),
        "determine_best_interests",
        None,
        {"solution": "stay", "options_considered": ["stay", "return"]},
    ),
    "approval where the panel found a stay": lambda: (Course().determined("stay"), "approve_return", None, {}),
    "approval where the panel found a third country": lambda: (
        Course().determined("third_country"),
        "approve_return",
        None,
        {},
    ),
    "approval where the panel put it off": lambda: (
        Course().determined("postpone", review_on="2026-06-01"),
        "approve_return",
        None,
        {},
    ),
    "the day of the review": lambda: (
        Course().determined("postpone", review_on="2026-06-01").wait(days=200),
        "determine_best_interests",
        None,
        {},
    ),
    "approval of nothing": lambda: (
        Course(placement=STATION).does("suspend").does("lodge_asylum_claim").does("appeal"),
        "approve_return",
        "opener",
        {"dossier": "0" * 64},
    ),
    "approval with a stale dossier": lambda: (
        (course := Course().ready_to_approve()),
        "approve_return",
        None,
        {"dossier": (course.case.head, course.does("assess_rights_impact").does("adopt_reintegration_plan"))[0]},
    ),
    "approval under many holds": lambda: (
        Course(placement=HOTEL)
        .ready_to_approve()
        .wait(days=14)
        .does("suspend", ground="health")
        .does("suspend", ground="school_year")
        .does("suspend", ground="other")
        .does("suspend", ground="crisis")
        .does("report_missing")
        .does("appeal"),
        "approve_return",
        None,
        {},
    ),
    "approval from detention": lambda: (
        Course().ready_to_approve().does("report_detention"),
        "approve_return",
        None,
        {},
    ),
    "approval after a hearing that does not count": lambda: (
        Course().determined().does("reopen_best_interests").does("hear_child", informed=False, guardian_present=False),
        "approve_return",
        None,
        {},
    ),
    "approval after a hearing without an interpreter": lambda: (
        Course()
        .determined()
        .does("reopen_best_interests")
        .does("hear_child", interpreter=False, language="de", guardian_present=False),
        "approve_return",
        None,
        {},
    ),
    "approval after a hearing in detention without a guardian": lambda: (
        Course(placement=STATION).does("hear_child", "caseworker"),
        "approve_return",
        None,
        {},
    ),
    "approval with nobody safe": lambda: (
        found_return_without().does("assess_family", safe=False),
        "approve_return",
        None,
        {},
    ),
    "a return declined after departure": lambda: (
        Course().departed(),
        "decline_return",
        None,
        {},
    ),
    "an approval twice": lambda: (Course().ready_to_approve().does("approve_return"), "approve_return", None, {}),
    "the same person for both states": lambda: (
        Course().ready_to_approve().does("approve_return"),
        "approve_return",
        {"id": "authority-2", "role": "central_authority", "state": "UA"},
        {},
    ),
    "approval after departure": lambda: (Course().departed(), "approve_return", None, {}),
    "approval of old evidence": lambda: (Course().ready_to_approve().wait(days=400), "approve_return", None, {}),
    "a plan before approval": lambda: (Course().determined(), "plan_travel", None, {}),
    "a plan while an appeal is pending": lambda: (Course().approved().does("appeal"), "plan_travel", None, {}),
    "a bad plan": lambda: (
        Course().decided(),
        "plan_travel",
        None,
        {
            "escort": {"id": "escort-1", "employer": "border"},
            "handover": {"to": "family", "placement": STATION},
        },
    ),
    "a plan after departure": lambda: (Course().departed(), "plan_travel", None, {}),
    "travel without a plan": lambda: (Course().decided(), "approve_travel", None, {}),
    "travel approved twice": lambda: (Course().travel_approved(), "approve_travel", None, {}),
    "travel planned by who approves": lambda: (
        Course()
        .decided()
        .does("plan_travel", {"id": "protection-1", "role": "caseworker", "state": "MD"})
        .does("certify_fit_to_travel"),
        "approve_travel",
        None,
        {},
    ),
    "travel by one not fit": lambda: (
        Course().decided().does("plan_travel").does("certify_fit_to_travel", fit=False),
        "approve_travel",
        None,
        {},
    ),
    "travel without documents": lambda: (
        Course().decided().does("plan_travel", documents_ready=False).does("certify_fit_to_travel"),
        "approve_travel",
        None,
        {},
    ),
    "travel after an interruption": lambda: (
        Course().departed().does("report_incident"),
        "approve_travel",
        None,
        {},
    ),
    "departure after an interruption": lambda: (Course().departed().does("report_incident"), "depart", None, {}),
    "arrival after an interruption": lambda: (Course().departed().does("report_incident"), "arrive", None, {}),
    "departure with nothing": lambda: (Course().decided(), "depart", None, {}),
    "departure too late": lambda: (Course().travel_approved().wait(days=30), "depart", None, {}),
    "departure twice": lambda: (Course().departed(), "depart", None, {}),
    "arrival without departure": lambda: (Course().travel_approved(), "arrive", None, {}),
    "arrival twice": lambda: (Course().arrived(), "arrive", None, {}),
    "an incident without a journey": lambda: (Course().decided(), "report_incident", None, {}),
    "a visit before arrival": lambda: (Course().departed(), "record_visit", None, {}),
    "a return declined that nobody found": lambda: (Course().determined("stay"), "decline_return", None, {}),
    "a new round where none ended": lambda: (Course().assessed(), "reopen_best_interests", None, {}),
    "a third country that is the origin": lambda: (
        Course().determined("third_country"),
        "arrange_third_country",
        None,
        {"state": "UA"},
    ),
    "a third country that nobody found": lambda: (Course().determined(), "arrange_third_country", None, {}),
    "resumed by who suspended": lambda: (Course().does("suspend"), "resume", "authority", {}),
    "resumed on another ground": lambda: (Course().does("suspend"), "resume", None, {"ground": "health"}),
    "suspended twice": lambda: (Course().does("suspend"), "suspend", None, {}),
    "release extended": lambda: (
        Course().does("report_detention"),
        "extend_deadline",
        None,
        {"deadline": "release", "days": 1},
    ),
    "nothing to extend": lambda: (Course(), "extend_deadline", None, {"deadline": "arrival", "days": 1}),
    "extended too far": lambda: (Course(), "extend_deadline", None, {"days": 300}),
    "extended too far in two steps": lambda: (
        Course().does("extend_deadline", days=10),
        "extend_deadline",
        None,
        {"days": 300},
    ),
    "extended when all days are used": lambda: (
        Course().does("extend_deadline", days=Course().case.agreement.extension_limit),
        "extend_deadline",
        None,
        {"days": 1},
    ),
    "an emergency placement extended": lambda: (
        Course(placement=HOTEL),
        "extend_deadline",
        None,
        {"deadline": "emergency_placement", "days": 1},
    ),
    "approval after much has changed": lambda: (
        (course := Course().ready_to_approve()),
        "approve_return",
        None,
        {"dossier": (course.case.head, [course.does("assess_rights_impact") for _ in range(22)])[0]},
    ),
    "extended too late": lambda: (Course().wait(days=40), "extend_deadline", None, {}),
    "traced against the child's word": lambda: (
        Course().represented(),
        "open_tracing",
        None,
        {"child_agrees": False},
    ),
    "consent in detention": lambda: (
        Course().determined().does("report_detention"),
        "give_consent",
        None,
        {"informed": False, "language": "de"},
    ),
    "closed on a journey": lambda: (Course().departed(), "close_case", None, {"outcome": "stays"}),
    "closed over a missing child": lambda: (Course().does("report_missing"), "close_case", None, {}),
    "closed over a detention": lambda: (Course().does("report_detention"), "close_case", None, {}),
    "closed as returned before arrival": lambda: (Course().decided(), "close_case", None, {"outcome": "returned"}),
    "closed as returned without visits": lambda: (Course().arrived(), "close_case", None, {"outcome": "returned"}),
    "closed as a stay after a return": lambda: (Course().arrived(), "close_case", None, {"outcome": "stays"}),
    "closed as a third country after a return": lambda: (
        Course().arrived(),
        "close_case",
        None,
        {"outcome": "third_country"},
    ),
    "closed as handed to adult services after a return": lambda: (
        Course().arrived(),
        "close_case",
        None,
        {"outcome": "transferred_to_adult_services"},
    ),
    "closed as returned in a new round": lambda: (
        Course().visited().does("reopen_best_interests"),
        "close_case",
        None,
        {"outcome": "returned"},
    ),
    "closed as returned after a bad visit": lambda: (
        Course().visited(safe_last=False),
        "close_case",
        None,
        {"outcome": "returned"},
    ),
    "closed as returned with an appeal open": lambda: (
        Course().visited().does("appeal"),
        "close_case",
        None,
        {"outcome": "returned"},
    ),
    "closed as a stay": lambda: (Course().determined("stay"), "close_case", None, {"outcome": "stays"}),
    "closed as a third country": lambda: (
        Course().determined("third_country"),
        "close_case",
        None,
        {"outcome": "third_country"},
    ),
    "closed as an adult": lambda: (Course(), "close_case", None, {"outcome": "adult"}),
    "closed as an adult who can appeal": lambda: (
        Course().represented().does("assess_age", result="adult"),
        "close_case",
        None,
        {"outcome": "adult"},
    ),
    "closed as handed to adult services": lambda: (
        Course(),
        "close_case",
        None,
        {"outcome": "transferred_to_adult_services"},
    ),
    "withdrawn without a guardian": lambda: (Course(), "close_case", None, {}),
    "withdrawn after an approval": lambda: (Course().approved(), "close_case", None, {}),
    "a closed case": lambda: (Course().represented().does("close_case"), "place_child", None, {}),
    "not whose act it is": lambda: (Course(), "approve_return", "police", {}),
    "a panel of one who wrote the assessment": lambda: (
        Course().assessed().does("assign"),
        "determine_best_interests",
        None,
        {"panel": [{**PANEL[0], "id": "caseworker-1", "employer": "police"}], "options_considered": ["stay"]},
    ),
    "a panel with the guardian on it": lambda: (
        Course().assessed(),
        "determine_best_interests",
        None,
        {"panel": [*PANEL, {"id": "guardian-1", "discipline": "law", "employer": "ngo"}]},
    ),
    "apart from the family": lambda: (Course(situation="with_family"), "place_child", None, {"placement": FOSTER}),
}
"""Refusals that the neighbours of safeguards_test.py do not reach: the case, the act, who, and its fields."""


def tried() -> dict[str, Callable[[], Tried]]:
    """Everything that is tried, by what it says: the case, the act, who, and its fields."""
    pairs = {pair.says: partial(_wrong, pair) for pair in BY_FIELDS}
    ways = {way.says: partial(_too_early, way) for way in BY_STATE}
    return {**pairs, **ways, **FURTHER}


def _wrong(pair: Neighbours) -> Tried:
    return pair.reach(), pair.act, pair.who, pair.wrong


def _too_early(way: Way) -> Tried:
    course, fields = way.reach(), dict(way.fields or {})
    if way.safeguard == "stale-dossier":
        fields = {"dossier": course.case.head}
        course.does("assess_rights_impact")
    return course, way.act, way.who, fields


def told(says: str) -> list[dict[str, str]]:
    """What somebody reads who tries it. Digests turn on everything, and are read as one word."""
    course, act, who, fields = tried()[says]()
    refusals = json.dumps(course.say(act, who, **fields)["refusals"])
    return json.loads(re.sub(r"\b[0-9a-f]{64}\b", "DIGEST", refusals))


def test_the_agreed_texts_are_of_what_is_tried() -> None:
    """No text is on file of something that nobody tries any more, and none is missing."""
    if os.environ.get("HOMEWARD_WRITE_TEXTS"):
        TEXTS.write_text(
            f"{json.dumps({says: told(says) for says in tried()}, indent=1, ensure_ascii=False)}\n", "utf-8"
        )
    assert list(json.loads(TEXTS.read_text("utf-8"))) == list(tried())


@pytest.mark.parametrize("says", tried())
def test_a_refusal_reads_as_agreed(says: str, agreed: dict[str, Any]) -> None:
    """Sentence, source and way out of each refusal are those on file: none more, none less, in this order."""
    assert told(says) == agreed[says] != []
