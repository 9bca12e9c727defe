"""The intake: every fault at once with its path, and what is no fault."""

import copy
import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from courses import FOSTER, START, Course, intake_of

from procedure.faults import MalformedIntake
from procedure.intake import MAX_INTAKE_BYTES, REFERENCE, parse_intake

TODAY = START.date()


def faults(intake: Any) -> dict[str, str]:
    """The faults of a malformed intake: path to message."""
    with pytest.raises(MalformedIntake) as told:
        parse_intake(intake, today=TODAY)
    return {fault["path"]: fault["message"] for fault in told.value.faults}


def at(path: str, value: Any) -> dict[str, Any]:
    """A right intake with one value changed; ``...`` takes it away."""
    made: dict[str, Any] = copy.deepcopy(intake_of())
    target: Any = made
    *steps, last = path.split(".")
    for step in steps:
        target = target[int(step)] if step.isdigit() else target[step]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return made


NEEDED = [
    "agreement",
    "host_state",
    "origin_state",
    "opened_by",
    "opened_by.id",
    "opened_by.role",
    "opened_by.state",
    "child",
    "child.given_names",
    "child.family_name",
    "child.date_of_birth",
    "child.sex",
    "child.nationalities",
    "child.languages",
    "situation",
    "found",
    "found.on",
    "found.place",
    "found.by",
    "found.circumstances",
    "placement",
    "placement.name",
    "placement.kind",
    "placement.run_by",
    "placement.child_may_leave_at_will",
    "relatives",
    "relatives.0.id",
    "relatives.0.relationship",
    "relatives.0.state",
    "concerns",
]


@pytest.mark.parametrize("path", NEEDED)
def test_a_missing_field_is_told_by_its_path(path: str) -> None:
    """Each needed field of the intake."""
    assert "this field is needed" == faults(at(path, ...))[path]


@pytest.mark.parametrize("path", NEEDED)
def test_a_value_of_the_wrong_type_is_told_by_its_path(path: str) -> None:
    """Each field, given what it can never be."""
    assert path in faults(at(path, 12.5))


@pytest.mark.parametrize(
    "path",
    [
        "no_such_field",
        "child.no_such_field",
        "found.no_such_field",
        "placement.no_such_field",
        "opened_by.no_such_field",
        "relatives.0.no_such_field",
    ],
)
def test_a_field_that_does_not_exist_is_told_by_its_path(path: str) -> None:
    """Wherever it stands."""
    assert path in faults(at(path, "x"))


WRONG: list[tuple[str, str, Any, str]] = [
    ("the same state twice", "origin_state", "MD", "origin_state"),
    ("a state spelled out", "host_state", "Moldova", "host_state"),
    ("found in the future", "found.on", "2026-03-01", "found.on"),
    ("found next week", "found.on", "2026-02-09", "found.on"),
    ("found on no day", "found.on", "2026-02-30", "found.on"),
    ("found in another century", "found.on", "1812-06-24", "found.on"),
    ("found before birth", "found.on", "2010-01-01", "found.on"),
    ("born in the future", "child.date_of_birth", "2026-06-01", "child.date_of_birth"),
    ("born on no day", "child.date_of_birth", "2013-02-29", "child.date_of_birth"),
    ("born in another century", "child.date_of_birth", "1813-05-04", "child.date_of_birth"),
    ("eighteen on the day", "child.date_of_birth", "2008-02-02", "child.date_of_birth"),
    ("neither birth nor age", "child.date_of_birth", None, "child.estimated_age"),
    ("an age below nothing", "child.estimated_age", -1, "child.estimated_age"),
    ("an age in words", "child.estimated_age", "twelve", "child.estimated_age"),
    ("no such situation", "situation", "lost", "situation"),
    ("no such concern", "concerns", ["bad behaviour"], "concerns.0"),
    ("no such sex", "child.sex", "f", "child.sex"),
    ("a nationality spelled out", "child.nationalities", ["Ukraine"], "child.nationalities.0"),
    ("a language spelled out", "child.languages", ["Ukrainian language"], "child.languages.0"),
    ("no names", "child.given_names", "", "child.given_names"),
    ("no such place", "placement.kind", "castle", "placement.kind"),
    ("opened by a caseworker", "opened_by.role", "caseworker", "opened_by.role"),
    ("opened by the origin", "opened_by.state", "UA", "opened_by.state"),
    ("a reference of our own making", "reference", "CASE-1", "reference"),
    ("a reference with a letter that is mistaken for another", "reference", "MD-UA-2026-7K3F9I", "reference"),
    ("a reference of other states", "reference", "RO-UA-2026-7K3F9A", "reference"),
    ("a duplicate of nothing", "not_duplicate_of", "the other one", "not_duplicate_of"),
    ("an agreement that is a path", "agreement", "../model", "agreement"),
]


@pytest.mark.parametrize(("says", "path", "value", "told"), WRONG, ids=[says for says, *_ in WRONG])
def test_a_value_that_cannot_be_is_told(says: str, path: str, value: Any, told: str) -> None:
    """With the path of the field at fault."""
    assert told in faults(at(path, value))


def test_every_fault_is_told_at_once() -> None:
    """Faults of shape and faults between fields, all in one answer."""
    given = at("child.date_of_birth", "2030-01-01")
    given["origin_state"] = "MD"
    given["found"]["on"] = "2031-01-01"
    given["surprise"] = 1
    del given["placement"]["run_by"]
    assert {
        "child.date_of_birth",
        "origin_state",
        "found.on",
        "surprise",
        "placement.run_by",
    } == set(faults(given))


def test_two_relatives_do_not_share_an_id() -> None:
    """Ids tell people apart."""
    relative = intake_of()["relatives"][0]
    assert {"relatives"} == set(faults(at("relatives", [relative, relative])))


FINE: dict[str, Callable[[], dict[str, Any]]] = {
    "as it stands in the contract": intake_of,
    "without relatives": lambda: at("relatives", []),
    "of a stateless child": lambda: at("child.nationalities", []),
    "of a child whose languages nobody knows": lambda: at("child.languages", []),
    "with every concern": lambda: at(
        "concerns", ["trafficking", "asylum", "violence", "health", "statelessness", "disability"]
    ),
    "of a child found today": lambda: at("found.on", "2026-02-02"),
    "of a child born yesterday": lambda: {
        **at("child.date_of_birth", "2026-02-01"),
        "found": {**intake_of()["found"], "on": "2026-02-01"},
    },
    "of a child who is eighteen tomorrow": lambda: at("child.date_of_birth", "2008-02-03"),
    "of somebody who may be a child": lambda: intake_of(born="2007-01-01", child={"estimated_age": 17}),
    "with an estimated age only": lambda: intake_of(born=None, child={"estimated_age": 13}),
    "with a reference": lambda: {**intake_of(), "reference": "MD-UA-2026-7K3F9A"},
    "with a place that nobody knows much of": lambda: at("placement.child_may_leave_at_will", None),
    "of a child at a police station": lambda: at(
        "placement", {"name": "x", "kind": "police_station", "run_by": "police", "child_may_leave_at_will": False}
    ),
    "that is no duplicate": lambda: {**intake_of(), "not_duplicate_of": "MD-UA-2026-7K3F9A"},
}


@pytest.mark.parametrize("says", FINE)
def test_an_intake_is_taken(says: str) -> None:
    """As an object and as text."""
    given = FINE[says]()
    parse_intake(given, today=TODAY)
    parse_intake(json.dumps(given), today=TODAY)


def test_an_estimated_age_of_eighteen_alone_is_refused_and_a_doubt_is_not() -> None:
    """A person who may be a child is treated as one."""
    assert {"child.estimated_age"} == set(faults(intake_of(born=None, child={"estimated_age": 18})))
    parse_intake(intake_of(born=None, child={"estimated_age": 17}), today=TODAY)


def test_a_leap_day_birth_is_eighteen_on_the_first_of_march() -> None:
    """On the last of February it is still a child's intake."""
    parse_intake(intake_of(born="2008-02-29"), today=date(2026, 2, 28))
    with pytest.raises(MalformedIntake):
        parse_intake(intake_of(born="2008-02-29"), today=date(2026, 3, 1))


@pytest.mark.parametrize("given", ["", "{", "[]", "7", "null", '"intake"', "[" * 10_000])
def test_what_is_no_intake_at_all_is_told(given: str) -> None:
    """One fault, at the root."""
    assert {"$"} == set(faults(given))


def test_a_novel_is_no_intake() -> None:
    """There is a limit to what an intake may hold."""
    assert {"$"} == set(faults(json.dumps({**intake_of(), "x": "x" * MAX_INTAKE_BYTES})))


def test_a_fault_never_repeats_what_was_given() -> None:
    """The value may be a child's name."""
    secret = "Invented-Secret-Name"
    given = at("child.sex", secret)
    given["child"]["given_names"] = {"x": secret}
    given["placement"] = secret
    assert secret not in json.dumps(faults(given))


@pytest.mark.parametrize("reference", ["MD-UA-2026-7K3F9A", "KG-RU-1999-ZZZZZZ"])
def test_a_reference_is_of_the_contracts_form(reference: str) -> None:
    """Two states, a year, six letters of Crockford's alphabet."""
    assert REFERENCE.match(reference)


@pytest.mark.parametrize(
    "reference", ["md-UA-2026-7K3F9A", "MD-UA-26-7K3F9A", "MD-UA-2026-7K3F9", "MD-UA-2026-7K3F9AA", "MD-UA-2026-7K3F9U"]
)
def test_what_looks_like_a_reference_and_is_none(reference: str) -> None:
    """Lower case, a short year, too few letters, too many, a letter left out of the alphabet."""
    assert not REFERENCE.match(reference)


def test_what_an_intake_says_is_what_the_case_begins_with() -> None:
    """Reference, states, child, placement, and the deadlines of the opening."""
    course = Course()
    view = course.view
    assert ("MD", "UA", "open", "identification") == tuple(
        view[name] for name in ("host_state", "origin_state", "status", "stage")
    )
    assert FOSTER == view["placement"]
    assert 1 == view["entries"]
    assert {"identification", "protection_screening", "guardian", "counsel", "services"} == {
        row["name"] for row in view["deadlines"]
    }


def test_of_an_intake_of_nothing_but_faults_so_many_are_told() -> None:
    """Forty thousand each for itself, what lies between its fields besides; more are one, where not all are asked for."""
    told = faults({**at("host_state", "UA"), "origin_state": "UA", "concerns": [0] * 40_000})
    assert len(told) == 40_001
    many = {**at("host_state", "UA"), "origin_state": "UA", "concerns": [0] * 40_001}
    assert set(faults(many)) == {"$", "origin_state"}
    assert "40001 faults" in faults(many)["$"]
    with pytest.raises(MalformedIntake) as whole:
        parse_intake(many, today=TODAY, most_faults=None)
    assert len(whole.value.faults) == 40_002
