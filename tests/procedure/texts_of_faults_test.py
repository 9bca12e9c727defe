"""What people read when an intake or an act is malformed, each sentence with its path, as a whole.

texts_of_faults.json beside this file holds what was read and agreed. After a wording was changed on purpose,
HOMEWARD_WRITE_TEXTS=1 writes it anew; read the difference before it is committed.
"""

import json
import os
from pathlib import Path
from typing import Any

import acts_test
import intake_test
import pytest
from courses import Course, intake_of

from procedure.acts import parse_act
from procedure.faults import Malformed
from procedure.intake import parse_intake

TEXTS = Path(__file__).with_name("texts_of_faults.json")


def told_of_intake(given: Any) -> dict[str, str]:
    with pytest.raises(Malformed) as malformed:
        parse_intake(given, today=intake_test.TODAY)
    return {fault["path"]: fault["message"] for fault in malformed.value.faults}


def told_of_act(given: Any) -> dict[str, str]:
    with pytest.raises(Malformed) as malformed:
        parse_act(given)
    return {fault["path"]: fault["message"] for fault in malformed.value.faults}


def intakes() -> dict[str, Any]:
    """Malformed intakes: one thing wrong, and several at once, of shape and between fields."""
    given = {says: intake_test.at(path, value) for says, path, value, _ in intake_test.WRONG}
    relative = intake_of()["relatives"][0]
    both = intake_test.at("child.date_of_birth", "2030-01-01")
    both["origin_state"] = "MD"
    both["found"]["on"] = "2031-01-01"
    shapeless = {**both, "surprise": 1}
    early = {**intake_of(born=None), "found": {**intake_of()["found"], "on": "1801-01-01"}, "surprise": 1}
    return {
        **given,
        "one relative twice": intake_test.at("relatives", [relative, relative]),
        "adult by estimate alone": intake_of(born=None, child={"estimated_age": 18}),
        "adult by both": intake_of(born="2000-01-01", child={"estimated_age": 18}),
        "born and found tomorrow but one": {
            **intake_of(born="2026-02-04"),
            "found": {**intake_of()["found"], "on": "2026-02-04"},
        },
        "several between fields": both,
        "several between fields and one of shape": shapeless,
        "no age, found long ago, and one of shape": early,
        "a child that is a word": intake_test.at("child", "a child"),
        "found that is a word": intake_test.at("found", "somewhere"),
        "too long": {**intake_of(), "agreement": "x" * 300_000},
        "what is no JSON": {"agreement": {1, 2}},
        "a list": [],
        "text that is no JSON": "{",
        "a text": '"intake"',
    }


def acts() -> dict[str, Any]:
    """Malformed acts: one thing wrong each."""
    listed = [*acts_test.OUT_OF_BOUNDS, *acts_test.ALL_BUT_RIGHT]
    made: dict[str, Any] = {
        f"{act} {number}": {**Course().act(act), **fields} for number, (act, fields, _) in enumerate(listed)
    }
    course = Course()
    legs = course.act("plan_travel")["legs"]
    return {
        **made,
        "legs out of order": course.act("plan_travel", legs=list(reversed(legs))),
        "a leg that arrives first": course.act("plan_travel", legs=[{**legs[0], "arrives": "2026-01-01T00:00:00Z"}]),
        "no relative found": {**course.act("report_tracing"), "result": "found", "relatives": []},
        "no JSON": b"{",
        "a list": b"[]",
        "no text": b"\xff",
        "a tower": b"[" * 10_000,
        "no such act": {**course.act("note"), "act": "dance"},
        "no act": {},
        "what is no JSON": {"act": {1, 2}},
        "too long": course.act("note", text="x" * 70_000),
        "a number beyond JSON": course.act("correct", fields={"x": 2**60}),
        "a number beyond JSON further in": course.act("correct", fields={"x": [{"y": 2**60}]}),
    }


def test_a_fault_reads_as_agreed() -> None:
    """Path and sentence of every fault, of the intake and of the acts."""
    now = {
        "intake": {says: told_of_intake(given) for says, given in intakes().items()},
        "acts": {says: told_of_act(given) for says, given in acts().items()},
    }
    if os.environ.get("HOMEWARD_WRITE_TEXTS"):
        TEXTS.write_text(json.dumps(now, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    agreed = json.loads(TEXTS.read_text("utf-8"))
    assert now["intake"] == agreed["intake"]
    assert now["acts"] == agreed["acts"]
