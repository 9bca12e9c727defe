"""What is wrong with a piece of JSON is told in our words, field by field, and without what was given."""

import json
from datetime import date, datetime
from typing import Annotated, Any, Literal

import pytest
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from procedure.faults import Fault, Malformed, MalformedAct, MalformedIntake, as_answered, faults_of


class Person(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    id: str


class Said(BaseModel):
    """A field of every kind that the contract has."""

    model_config = ConfigDict(extra="forbid")

    yes: Annotated[bool, Field(strict=True)] = True
    words: Annotated[str, Field(strict=True, min_length=2, max_length=4)] = "abc"
    number: Annotated[int, Field(strict=True, ge=1, le=9)] = 1
    more: Annotated[float, Field(strict=True, gt=1, lt=9)] = 2.5
    several: Annotated[list[Annotated[int, Field(strict=True)]], Field(min_length=1, max_length=3)] = [1]
    pair: tuple[int, ...] = (1,)
    named: dict[str, int] = {}
    person: Person = Person(id="p-1")
    day: date = date(2026, 1, 1)
    moment: AwareDatetime | None = None
    any_moment: datetime | None = None
    one_of: Literal["a", "b"] = "a"
    said: Annotated[str, Field(pattern=r"\S")] = "x"
    id: Annotated[str, Field(pattern=r"^\S(.*\S)?$")] = "x"
    state: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "MD"
    ours: int = 0

    @field_validator("ours")
    @classmethod
    def _ours(cls, value: int) -> int:
        if value:
            raise ValueError("must be nothing at all")
        return value


def faults(given: Any, of: Any = Said, **options: Any) -> dict[str, str]:
    with pytest.raises(ValidationError) as error:
        TypeAdapter(of).validate_python(given)
    return {fault["path"]: fault["message"] for fault in faults_of(error.value, **options)}


MOMENT = "must be a date and time, RFC 3339, for example 2026-03-01T10:00:00Z"
DAY = "must be a date, YYYY-MM-DD"


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"person": {}}, {"person.id": "this field is needed"}),
        ({"supper": 1}, {"supper": "no such field here; remove it or check its spelling"}),
        ({"yes": "yes"}, {"yes": "must be true or false"}),
        ({"words": 5}, {"words": "must be a text"}),
        ({"number": "5"}, {"number": "must be a whole number"}),
        ({"more": "5"}, {"more": "must be a number"}),
        ({"several": 5}, {"several": "must be a list"}),
        ({"pair": 5}, {"pair": "must be a list"}),
        ({"named": 5}, {"named": "must be an object"}),
        ({"person": 5}, {"person": "must be an object"}),
        (
            {"day": "2026-01-01T10:00:00"},
            {"day": "datetimes provided to dates should have zero time - e.g. be exact dates"},
        ),
        ({"day": "the first"}, {"day": DAY}),
        ({"day": []}, {"day": DAY}),
        ({"moment": "noon"}, {"moment": MOMENT}),
        ({"moment": []}, {"moment": MOMENT}),
        ({"moment": "2026-03-01T10:00:00"}, {"moment": "must name its time zone, for example end in Z"}),
        ({"any_moment": "2026-03-"}, {"any_moment": MOMENT}),
        ({"one_of": "c"}, {"one_of": "must be one of 'a' or 'b'"}),
        ({"words": "a"}, {"words": "must have at least 2 character(s)"}),
        ({"words": "abcde"}, {"words": "must have at most 4 characters"}),
        ({"several": []}, {"several": "must have at least 1 element(s)"}),
        ({"several": [1, 2, 3, 4]}, {"several": "must have at most 3 elements"}),
        ({"said": " \n"}, {"said": "must say something; it is blank"}),
        ({"id": " x"}, {"id": "must not begin or end with a blank"}),
        ({"state": "md"}, {"state": "must look like ^[A-Z]{2}$"}),
        ({"number": 0}, {"number": "must be at least 1"}),
        ({"number": 10}, {"number": "must be at most 9"}),
        ({"more": 1.0}, {"more": "must be more than 1.0"}),
        ({"more": 9.0}, {"more": "must be less than 9.0"}),
        ({"ours": 1}, {"ours": "must be nothing at all"}),
        # Its elements are there and faulty: pydantic counts the good ones, and would say that there are too few.
        ({"several": ["x"]}, {"several.0": "must be a whole number"}),
        ({"several": ["x", 1, "y"]}, {"several.0": "must be a whole number", "several.2": "must be a whole number"}),
        ({"number": 0, "words": "a"}, {"number": "must be at least 1", "words": "must have at least 2 character(s)"}),
    ],
)
def test_a_fault_names_its_field_and_what_to_do(given: dict[str, Any], fault: dict[str, str]) -> None:
    """Each kind of fault in a sentence of ours, with a dotted path."""
    assert faults(given) == fault


def test_what_is_no_object_at_all_is_told_of_the_whole() -> None:
    """The path of the whole is a dollar sign; text that is no JSON is told as such."""
    assert faults(5) == {"$": "must be an object"}
    with pytest.raises(ValidationError) as error:
        TypeAdapter(Said).validate_json(b"{")
    assert faults_of(error.value) == [{"path": "$", "message": "is not JSON"}]


class Note(BaseModel):
    act: Literal["note"]
    text: str


class Assign(BaseModel):
    act: Literal["assign"]
    person: Person


Acts = Annotated[Note | Assign, Field(discriminator="act")]


def test_the_name_of_an_act_stands_in_no_path() -> None:
    """Nobody wrote it there; what is missing or unknown of it is told of the field that names the act."""
    tags = frozenset({"note", "assign"})
    assert faults({"act": "note"}, Acts, tags=tags) == {"text": "this field is needed"}
    assert faults({"act": "note"}, Acts) == {"note.text": "this field is needed"}
    assert faults({"act": "assign", "person": {"id": 5}}, Acts, tags=tags) == {"person.id": "must be a text"}
    assert faults({}, Acts, tags=tags) == {"act": "this field is needed: it names the act"}
    assert faults({"act": "dance"}, Acts, tags=tags) == {
        "act": "no such act; see `homeward schema act` for the acts there are"
    }


def test_a_fault_repeats_nothing_that_was_given() -> None:
    """It may be a child's name; and one that pydantic tells twice is told once."""
    given = {"words": "Ion-Invented", "day": "Ion-Invented", "moment": "Ion-Invented", "one_of": "Ion-Invented"}
    assert not [message for message in faults(given).values() if "Ion" in message]
    with pytest.raises(ValidationError) as error:
        TypeAdapter(int | Annotated[int, Field(le=3)] | str).validate_python([])
    told = faults_of(error.value)
    assert len(told) == len({(fault["path"], fault["message"]) for fault in told})


def test_all_faults_stand_in_the_error() -> None:
    """In a line of its own for a person, and as they are for a program; it says what it is about."""
    told: Any = [{"path": "a.b", "message": "is needed"}, {"path": "c", "message": "is wrong"}]
    error = Malformed(iter(told))
    assert (str(error), error.faults) == ("a.b: is needed; c: is wrong", told)
    assert (Malformed.what, MalformedAct.what, MalformedIntake.what) == ("input", "act", "intake")


def test_an_answer_bears_as_many_faults_as_fit_and_counts_the_rest() -> None:
    """400 kB of JSON; a list that fits is the same list."""
    fault = Fault(path="x" * 50, message="m" * (123 - 50 - len('{"path": "", "message": ""}')))
    assert len(json.dumps(fault)) + len(", ") == 125
    few = [fault] * 3_200
    assert as_answered(few) == few
    assert as_answered([*few, fault]) == [*few, Fault(path="$", message="more faults than these: 1; mend these first")]
    assert len(as_answered([Fault(path="ї" * 50, message="m")] * 4_000)) < 2_000  # as JSON writes it


def test_an_answer_bears_no_more_faults_than_are_asked_for() -> None:
    """A page shows some."""
    few = [Fault(path=f"{n}", message="m") for n in range(5)]
    assert as_answered(few, 5) == few
    assert as_answered(few, 3) == [*few[:3], Fault(path="$", message="more faults than these: 2; mend these first")]


def test_an_answer_does_not_bear_a_path_of_any_length() -> None:
    """A field may have been given a name that fills an intake."""
    assert as_answered([Fault(path="x" * 1_000, message="m")]) == [Fault(path="x" * 1_000, message="m")]
    assert as_answered([Fault(path="x" * 1_001, message="m")]) == [Fault(path="x" * 1_000 + "…", message="m")]


def test_more_faults_than_are_told_are_one() -> None:
    """Each for itself would fill the memory: an intake of the allowed length can have a hundred thousand."""
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(list[Person]).validate_python([1] * 5)
    assert [fault["path"] for fault in faults_of(caught.value, most=5)] == ["0", "1", "2", "3", "4"]
    one = Fault(path="$", message="has 5 faults, too many to tell each; see whether it is what it should be")
    assert faults_of(caught.value, most=4) == [one]


def test_the_words_of_many_faults_are_few() -> None:
    """Twenty, each path cut, and how many more."""
    many = [Fault(path=f"{n}" + "x" * 2_000, message="m") for n in range(22)]
    assert str(Malformed(many[:2])) == "; ".join(f"{n}{'x' * 999}: m" for n in range(2))
    assert str(Malformed(many[:20])).count(": m") == 20
    assert str(Malformed(many[:20])).endswith("m")
    assert str(Malformed(many[:21])).endswith("m; and 1 more")
    assert str(Malformed(many)).count(": m") == 20
    assert str(Malformed(many)).endswith("m; and 2 more")
