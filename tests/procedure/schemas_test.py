"""The contract's shapes: what each schema says of itself, and which entries are of the contract's shape."""

from typing import Any

import jsonschema
import pytest
from courses import Course

from procedure.profiles import profile_schema
from procedure.schemas import NAMES, checked_entry, schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TITLES = {"intake": "Intake", "act": "act", "receipt": "Receipt", "view": "View", "entry": "EntryShown"}


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_says_of_which_dialect_it_is_and_what_it_is_of(name: str) -> None:
    """The name of the model stands where it has one."""
    made = schema(name)
    assert ["$schema", "title"] == list(made)[:2]
    assert (made["$schema"], made["title"]) == (DIALECT, TITLES[name])


def test_the_shapes_are_those_of_the_contract() -> None:
    """No others are given out."""
    assert TITLES.keys() == set(NAMES)
    with pytest.raises(KeyError):
        schema("everything")


def test_fields_are_called_as_they_are_written() -> None:
    """A leg of a journey goes `from` and `to`; an option has its reasons `for` and `against`."""
    shapes = schema("act")["$defs"]
    assert {"from", "to"} <= shapes["Leg"]["properties"].keys()
    assert {"for", "against"} <= shapes["OptionAssessed"]["properties"].keys()


def test_what_is_given_out_is_of_its_shape() -> None:
    """A receipt, the view, every entry and the intake of an invented case."""
    course = Course().identified()
    given = [("receipt", course.say("note")), ("view", course.view), ("intake", course.intake)]
    given += [("entry", entry.as_json()) for entry in course.entries]
    asked: dict[str, Any] = {name: jsonschema.Draft202012Validator(schema(name)) for name, _ in given}
    for name, of in given:
        assert asked[name].is_valid(of)
        assert not asked[name].is_valid({})


def test_the_schema_of_a_profile_is_one() -> None:
    """Of the same dialect; it takes what it names and nothing else."""
    made = profile_schema()
    assert (made["$schema"], made["title"]) == (DIALECT, "Profile")
    assert made["additionalProperties"] is False


def test_an_entry_of_the_contracts_shape_is_taken_as_it_is() -> None:
    """With what it may have gained since."""
    given = {**Course().entries[0].as_json(), "gained": True}
    assert checked_entry(given) is given


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"at": "2026-02-02T09:00:00+00:00"}, "a moment is in UTC"),
        ({"at": "yesterdayZ"}, "Invalid isoformat string"),
        ({"at": 5}, "at\n"),
        ({"n": 0}, "n\n"),
        ({"n": "1"}, "n\n"),
        ({"kind": "invented"}, "kind\n"),
        ({"hash": "no hash"}, "hash\n"),
        ({"body": None}, "body\n"),
    ],
)
def test_an_entry_of_another_shape_is_not_taken(wrong: dict[str, Any], says: str) -> None:
    """And what is said tells which field it is, or what a moment must be."""
    with pytest.raises(ValueError) as told:
        checked_entry({**Course().entries[0].as_json(), **wrong})
    assert says in str(told.value)
    if says.endswith("UTC"):
        assert str(told.value) == says


@pytest.mark.parametrize("given", [None, 7, "text", [], {}])
def test_what_is_no_entry_is_not_taken(given: Any) -> None:
    """Nor an object that lacks its fields."""
    with pytest.raises(ValueError):
        checked_entry(given)
