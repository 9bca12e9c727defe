"""Acts of every shape: what is malformed is told at once, each fault with its path, and never with what was given."""

import json
from typing import Any, get_args

import pytest
from courses import FIELDS, PEOPLE, Course
from pydantic import BaseModel

from procedure.acts import ACTS, DECISIONS, MAX_ACT_BYTES, as_given, parse_act
from procedure.faults import Fault, MalformedAct

ENVELOPE = ("act_id", "actor")


@pytest.fixture(scope="module")
def course() -> Course:
    """A case to take right acts from."""
    return Course().decided()


def faults(act: Any) -> dict[str, str]:
    """The faults of a malformed act: path to message."""
    with pytest.raises(MalformedAct) as told:
        parse_act(act)
    return {fault["path"]: fault["message"] for fault in told.value.faults}


def own_fields(act: str) -> list[str]:
    envelope = ("act", "evidence", "signature")
    return [field.alias or name for name, field in ACTS[act].model_fields.items() if name not in envelope]


def needed(act: str) -> list[str]:
    return [
        field.alias or name for name, field in ACTS[act].model_fields.items() if field.is_required() and name != "act"
    ]


CONTRACT_FIELDS = {
    "verify_identity": ("result date_of_birth? nationalities? statelessness_suspected? sources"),
    "assess_age": "result methods guardian_present",
    "screen_protection": "trafficking asylum violence health_needs?",
    "place_child": "placement",
    "confirm_services": "education healthcare",
    "report_detention": "placement since",
    "confirm_release": "placement",
    "report_missing": "since",
    "report_found": "placement",
    "appoint_guardian": "guardian independent child_informed",
    "replace_guardian": "guardian independent child_informed",
    "appoint_counsel": "counsel free_of_charge",
    "open_tracing": "via child_agrees",
    "report_tracing": "result relatives?",
    "assess_family": "relative_id willing able safe assessment",
    "guarantee_care": "by relative_id? undertaking",
    "hear_child": "views wish language interpreter guardian_present informed",
    "submit_assessment": "options recommendation assessment",
    "determine_best_interests": "panel solution options_considered weight_given_to_views review_on?",
    "reopen_best_interests": "new_facts",
    "appeal": "against grounds",
    "decide_appeal": "result",
    "give_consent": "given informed language interpreter",
    "withdraw_consent": "",
    "adopt_reintegration_plan": "housing education healthcare support contact funded",
    "assess_rights_impact": "safe risks",
    "approve_return": "dossier",
    "decline_return": "",
    "certify_fit_to_travel": "fit valid_until",
    "plan_travel": "legs escort handover documents_ready",
    "approve_travel": "dossier",
    "depart": "",
    "report_incident": "what placement",
    "arrive": "handed_to placement",
    "record_visit": "visit seen_alone safe in_school with_family placement? findings",
    "grant_stay": "status until?",
    "arrange_third_country": "state placement guarantee",
    "transfer_to_adult_services": "plan",
    "close_case": "outcome",
    "lodge_asylum_claim": "",
    "resolve_asylum_claim": "result",
    "suspend": "ground until?",
    "resume": "ground until?",
    "complain": "about",
    "answer_complaint": "complaint result remedy",
    "assign": "caseworker",
    "extend_deadline": "deadline days",
    "correct": "entry fields",
    "note": "text",
}
"""The own fields of every act as the contract lists them; a question mark is an optional one."""


@pytest.mark.parametrize("act", CONTRACT_FIELDS)
def test_an_act_has_exactly_the_contracts_fields(act: str) -> None:
    """No more, no fewer, and optional where the contract says so."""
    words = CONTRACT_FIELDS[act].split()
    assert {word.rstrip("?") for word in words} | {"act_id", "actor", "reason"} == set(own_fields(act))
    must = {word for word in words if not word.endswith("?")} | {"act_id", "actor"}
    if act in DECISIONS:
        must.add("reason")
    assert must == set(needed(act))


def test_there_are_no_acts_but_the_contracts() -> None:
    """And all of them."""
    assert set(CONTRACT_FIELDS) == set(ACTS)


@pytest.mark.parametrize("act", sorted(ACTS))
def test_a_right_act_is_taken_as_it_was_given(act: str, course: Course) -> None:
    """As an object, as text, as bytes; nothing is added and nothing is lost."""
    right = course.act(act)
    assert right == as_given(parse_act(right))
    assert right == as_given(parse_act(json.dumps(right)))
    assert right == as_given(parse_act(json.dumps(right).encode()))


@pytest.mark.parametrize(("act", "field"), [(act, field) for act in sorted(ACTS) for field in needed(act)])
def test_a_missing_field_is_told_by_its_path(act: str, field: str, course: Course) -> None:
    """Each needed field of each act."""
    given = course.act(act)
    del given[field]
    assert {field: "this field is needed"} == faults(given)


@pytest.mark.parametrize(("act", "field"), [(act, field) for act in sorted(ACTS) for field in own_fields(act)])
def test_a_field_of_the_wrong_type_is_told_by_its_path(act: str, field: str, course: Course) -> None:
    """Each field of each act, given something that it can never be."""
    given: dict[str, Any] = {**course.act(act), field: 12.5}
    told = faults(given)
    assert told
    assert all(path == field or path.startswith(f"{field}.") for path in told), told


@pytest.mark.parametrize("act", sorted(ACTS))
def test_a_field_that_does_not_exist_is_told_by_its_path(act: str, course: Course) -> None:
    """A misspelled field is a fault, not a silence."""
    assert {"no_such_field": "no such field here; remove it or check its spelling"} == faults(
        {**course.act(act), "no_such_field": 1}
    )


@pytest.mark.parametrize(
    ("act", "field", "inner"),
    [
        (act, name, inner)
        for act in sorted(ACTS)
        for name in ("placement", "guardian", "counsel", "escort", "handover", "caseworker", "actor")
        if name in own_fields(act)
        for inner in ("no_such_field",)
    ],
)
def test_a_field_inside_a_field_is_told_by_its_dotted_path(act: str, field: str, inner: str, course: Course) -> None:
    """However deep it is."""
    given = course.act(act)
    given.setdefault(field, {"name": "x", "kind": "family", "run_by": "family", "child_may_leave_at_will": True})
    assert f"{field}.{inner}" in faults({**given, field: {**given[field], inner: 1}})


def test_every_fault_is_told_at_once() -> None:
    """With its path, in legs and members of lists too."""
    act = Course().act("plan_travel")
    act["legs"][1]["departs"] = "tomorrow"
    act["legs"][0]["overnight"]["kind"] = "castle"
    act["handover"]["to"] = "police"
    del act["reason"]
    act["actor"]["role"] = "wizard"
    act["documents_ready"] = "yes"
    assert {
        "legs.1.departs",
        "legs.0.overnight.kind",
        "handover.to",
        "reason",
        "actor.role",
        "documents_ready",
    } == set(faults(act))


OUT_OF_BOUNDS: list[tuple[str, dict[str, Any], str]] = [
    ("note", {"reason": "no"}, "reason"),
    ("note", {"reason": "x" * 4_001}, "reason"),
    ("note", {"act_id": ""}, "act_id"),
    ("note", {"act_id": "x" * 65}, "act_id"),
    ("note", {"evidence": ["a photograph"]}, "evidence.0"),
    ("note", {"evidence": ["sha256:" + "g" * 64]}, "evidence.0"),
    ("note", {"actor": {"id": "x", "role": "caseworker", "state": "Moldova"}}, "actor.state"),
    ("note", {"actor": {"id": "x", "role": "caseworker", "state": "md"}}, "actor.state"),
    ("report_tracing", {"relatives": []}, "relatives"),
    (
        "report_tracing",
        {"relatives": [{"id": "r1", "relationship": "mother", "state": "UA"}] * 2},
        "relatives",
    ),
    ("determine_best_interests", {"solution": "postpone"}, "review_on"),
    ("report_missing", {"since": "2026-02-01T10:00:00"}, "since"),
    ("report_missing", {"since": "2026-02-01"}, "since"),
    ("certify_fit_to_travel", {"valid_until": "2026-02-30"}, "valid_until"),
    ("certify_fit_to_travel", {"valid_until": "2026-02-01T00:00:00Z"}, "valid_until"),
    ("approve_return", {"dossier": "the newest"}, "dossier"),
    ("record_visit", {"visit": 0}, "visit"),
    ("record_visit", {"visit": True}, "visit"),
    ("record_visit", {"visit": "1"}, "visit"),
    ("extend_deadline", {"days": 0}, "days"),
    ("extend_deadline", {"days": -3}, "days"),
    ("plan_travel", {"legs": []}, "legs"),
    ("submit_assessment", {"options": []}, "options"),
    ("hear_child", {"language": "Ukrainian language"}, "language"),
    ("give_consent", {"given": "true"}, "given"),
    ("give_consent", {"given": 1}, "given"),
    ("answer_complaint", {"complaint": 0}, "complaint"),
    ("correct", {"fields": {}}, "fields"),
    ("correct", {"entry": 0}, "entry"),
    ("correct", {"fields": {"x": 2**60}}, "fields"),
]


@pytest.mark.parametrize(("act", "fields", "path"), OUT_OF_BOUNDS)
def test_a_value_out_of_bounds_is_told(act: str, fields: dict[str, Any], path: str) -> None:
    """Right type, wrong value."""
    assert path in faults({**Course().act(act), **fields})


def test_legs_of_a_journey_follow_one_another() -> None:
    """No leg arrives before it departs, or departs before the last has arrived."""
    course = Course()
    legs = course.act("plan_travel")["legs"]
    assert {"legs"} == set(faults(course.act("plan_travel", legs=list(reversed(legs)))))
    assert {"legs"} == set(
        faults(course.act("plan_travel", legs=[{**legs[0], "arrives": legs[0]["departs"][:8] + "01T00:00:00Z"}]))
    )


@pytest.mark.parametrize("given", [b"", b"{", b"[]", b"7", b"null", b'"note"', b"\xff", b"[" * 10_000])
def test_what_is_no_act_at_all_is_told(given: bytes) -> None:
    """One fault at the root or at the act's name."""
    assert set(faults(given)) <= {"$", "act"}


@pytest.mark.parametrize("name", ["dance", "", None, 7, "PLACE_CHILD"])
def test_an_act_that_does_not_exist_is_told(name: Any) -> None:
    """The name is the fault."""
    assert {"act"} == set(faults({**Course().act("note"), "act": name}))


def test_an_act_may_be_64_kib_and_not_a_byte_more() -> None:
    """Long acts are malformed."""
    act = Course().act("report_tracing")
    act["relatives"] = [{"id": f"r{n}", "relationship": "x" * 10_000, "state": "UA"} for n in range(6)]
    spare = MAX_ACT_BYTES - len(json.dumps(act).encode())
    act["relatives"][0]["relationship"] += "x" * spare
    assert MAX_ACT_BYTES == len(json.dumps(act).encode())
    parse_act(json.dumps(act))
    act["relatives"][0]["relationship"] += "x"
    assert {"$"} == set(faults(json.dumps(act)))


def test_a_fault_never_repeats_what_was_given() -> None:
    """The value may be a child's name."""
    secret = "Invented-Secret-Name"
    for act in sorted(ACTS):
        given = Course().act(act)
        for field in own_fields(act):
            told = faults({**given, field: {"x": secret}}) if field not in ("fields", "reason") else {}
            assert secret not in json.dumps(told)
    with pytest.raises(MalformedAct) as error:
        parse_act({**Course().act("place_child"), "placement": secret})
    assert secret not in str(error.value)
    assert error.value.__cause__ is None


def test_every_fault_has_a_path_and_a_sentence() -> None:
    """No fault speaks in the words of a library."""
    for act in sorted(ACTS):
        for path, message in faults({"act": act}).items():
            assert path and message == "this field is needed"
    assert {"path", "message"} == set(get_args(Fault) or Fault.__annotations__)


def test_the_driver_knows_every_act_and_every_role() -> None:
    """The tests' own tables leave nothing out."""
    assert set(FIELDS) == set(ACTS)
    assert 18 < len({role for _, role, _ in PEOPLE.values()})
    assert all(issubclass(model, BaseModel) for model in ACTS.values())


def test_a_text_may_be_as_long_as_an_act() -> None:
    """The contract bounds the act and its reason, and no other text."""
    act = Course().act("note", text="x" * 60_000)
    parse_act(act)
    with pytest.raises(MalformedAct) as told:
        parse_act({**act, "text": "x" * 66_000})
    assert ["$"] == [fault["path"] for fault in told.value.faults]


ALL_BUT_RIGHT: list[tuple[str, dict[str, Any], str]] = [
    ("verify_identity", {"date_of_birth": "9990-01-01"}, "date_of_birth"),
    ("verify_identity", {"date_of_birth": "1367625600"}, "date_of_birth"),
    ("report_missing", {"since": "1700000000"}, "since"),
    ("report_missing", {"since": "0001-01-01T00:00:00Z"}, "since"),
    ("determine_best_interests", {"review_on": "9999-12-31"}, "review_on"),
    ("note", {"text": "  "}, "text"),
    ("grant_stay", {"reason": "   "}, "reason"),
    ("assign", {"caseworker": {"id": "cw-1 "}}, "caseworker.id"),
]


@pytest.mark.parametrize(("act", "fields", "path"), ALL_BUT_RIGHT)
def test_what_looks_like_a_date_or_a_text_and_is_none_is_malformed(act: str, fields: Any, path: str) -> None:
    """A day beyond every calendar, seconds in quotes, blanks: none may come to stand in a case."""
    with pytest.raises(MalformedAct) as told:
        parse_act(Course().act(act, **fields))
    assert [path] == [fault["path"] for fault in told.value.faults]
