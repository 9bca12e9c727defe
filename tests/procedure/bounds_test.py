"""The last day, the longest text and the most days that pass, and the first that do not; and how a place is told."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from courses import FOSTER, START, Course, intake_of, model, shipped

from procedure import floor
from procedure.acts import parse_act
from procedure.agreement import BelowTheFloor, MalformedAgreement
from procedure.faults import MalformedAct, MalformedIntake
from procedure.intake import MAX_INTAKE_BYTES, OLDEST, birthday, parse_intake
from procedure.placement import detention_reasons, is_lasting
from tests.procedure.seen_on_file_test import anew

TODAY = START.date()
DAY = timedelta(days=1)
OF_NO_AGE = "must lie between the years 1900 and 2200"
TO_COME = "lies in the future"


def intake_faults(given: Any) -> list[tuple[str, str]]:
    try:
        parse_intake(given, today=TODAY)
    except MalformedIntake as told:
        return [(fault["path"], fault["message"]) for fault in told.faults]
    return []


@pytest.mark.parametrize(
    ("on", "says"), [(TODAY + DAY, None), (TODAY + 2 * DAY, TO_COME), (OLDEST, None), (OLDEST - DAY, OF_NO_AGE)]
)
def test_a_child_is_found_on_a_day_that_can_be_right(on: date, says: str | None) -> None:
    """One day of grace at the date line; and not before anybody who may be a child was born."""
    intake = intake_of(born=None, child={"estimated_age": 12})
    intake["found"] = {**intake["found"], "on": on.isoformat()}
    assert intake_faults(intake) == ([("found.on", says)] if says else [])


@pytest.mark.parametrize(
    ("born", "says"), [(TODAY + DAY, None), (TODAY + 2 * DAY, TO_COME), (OLDEST, None), (OLDEST - DAY, OF_NO_AGE)]
)
def test_a_child_is_born_on_a_day_that_can_be_right(born: date, says: str | None) -> None:
    """Where the estimate says child, a date of long ago alone refuses nobody, unless it cannot be right."""
    intake = intake_of(born=born.isoformat(), child={"estimated_age": 12})
    intake["found"] = {**intake["found"], "on": (TODAY + DAY).isoformat()}
    assert intake_faults(intake)[:1] == ([("child.date_of_birth", says)] if says else [])


def test_an_intake_has_at_most_so_many_bytes() -> None:
    """One more is too many."""
    text = json.dumps(intake_of()).encode()
    assert intake_faults(text.ljust(MAX_INTAKE_BYTES)) == []
    assert intake_faults(text.ljust(MAX_INTAKE_BYTES + 1)) == [
        ("$", f"an intake may have at most {MAX_INTAKE_BYTES} bytes")
    ]


def test_an_intake_that_json_cannot_say_is_none() -> None:
    """An object given as it is may hold anything."""
    assert intake_faults({**intake_of(), "situation": object()}) == [("$", "is not JSON")]


def test_an_intake_is_signed_as_it_was_given() -> None:
    """Without what was left out, and without the signature itself."""
    given = intake_of()
    read = parse_intake(given, today=TODAY)
    assert read.as_signed() == given
    signed = read.model_copy(update={"signature": "an invented signature"})
    assert signed.model_fields_set >= {"signature"}
    assert signed.as_signed() == given


@pytest.mark.parametrize(
    ("born", "years", "day"),
    [
        (date(2008, 2, 29), 18, date(2026, 3, 1)),
        (date(2008, 2, 29), 16, date(2024, 2, 29)),
        (date(2008, 2, 28), 18, date(2026, 2, 28)),
    ],
)
def test_who_was_born_on_a_leap_day_grows_older_in_march(born: date, years: int, day: date) -> None:
    """In years that have no such day."""
    assert birthday(born, years) == day


def test_elements_that_are_faulty_are_told_and_not_that_they_are_too_few() -> None:
    """And what is wrong after them is told too."""
    with pytest.raises(MalformedAct) as told:
        parse_act({**Course().act("plan_travel"), "legs": [{}], "documents_ready": "perhaps"})
    paths = [fault["path"] for fault in told.value.faults]
    assert "legs" not in paths
    assert {"legs.0.from", "legs.0.to", "documents_ready"} <= set(paths)
    with pytest.raises(MalformedAct) as told:
        parse_act({**Course().act("plan_travel"), "legs": []})
    assert [("legs", "must have at least 1 element(s)")] == [(f["path"], f["message"]) for f in told.value.faults]


# How a place is told


@pytest.mark.parametrize(
    ("otherwise", "says"),
    [
        ({"child_may_leave_at_will": None}, "it is not known whether the child may leave at will"),
        ({"child_may_leave_at_will": False}, "the child may not leave at will"),
        ({"run_by": "private_security"}, "it is run by private security"),
        ({"run_by": None}, "it is run by nobody named"),
        ({"kind": "border_facility"}, "a border facility is never a place of care"),
        ({"kind": None}, "a place of no named kind is never a place of care"),
        ({"locked": True}, "it was seen locked"),
        ({"guarded": True}, "it was seen guarded"),
        ({"sanction_for_leaving": True}, "children are punished for leaving"),
        ({"phone_and_visits": False}, "phone calls and visits are not allowed"),
        ({"monitor_may_enter": False}, "an independent monitor may not enter"),
    ],
)
def test_why_a_place_is_detention_is_a_clause_of_a_sentence(otherwise: dict[str, Any], says: str) -> None:
    """One for each thing that is wrong with it."""
    assert detention_reasons({**FOSTER, **otherwise}) == [says]


def test_a_place_of_which_nothing_is_known_is_detention_for_every_reason() -> None:
    """What is missing is as unsafe as what is not known."""
    assert detention_reasons({}) == [
        "it is not known whether the child may leave at will",
        "it is run by nobody named",
        "a place of no named kind is never a place of care",
    ]
    assert not is_lasting({})


@pytest.mark.parametrize(
    ("kind", "lasting"),
    [("family", True), ("group_home", True), ("independent_living", True), ("hotel", False), ("hospital", False)],
)
def test_what_ends_an_emergency_lasts(kind: str, lasting: bool) -> None:
    """Family-based or group care, and the supported flat of an older child."""
    assert is_lasting({**FOSTER, "kind": kind}) == lasting


# The floor


PROFILE = """
id = "invented"
title = "An invented agreement"
version = "1"
states = "any"
side = "both"
in_force_from = 2026-01-01
"""


def broken(further: str) -> list[str]:
    """The clauses of a profile that are below the floor. The rules are made anew, as they are when the law begins."""
    try:
        anew(floor).read_profile(PROFILE + further, model())
    except BelowTheFloor as told:
        return [breach.clause for breach in told.breaches]
    return []


@pytest.mark.parametrize(
    "name", ["guardian", "counsel", "hearing", "panel", "consent", "care", "stay", "non_refoulement"]
)
def test_what_the_floor_needs_is_not_dropped(name: str) -> None:
    """A profile may say that it asks for it, and not that it does not."""
    assert broken(f"[{name}]\nrequired = true\n") == []
    assert f"{name}.required" in broken(f"[{name}]\nrequired = false\n")
    assert broken("") == []


@pytest.mark.parametrize(
    ("clause", "most", "more"),
    [
        ("retention.years", "[retention]\nyears = 30", "[retention]\nyears = 31"),
        ("retention.years", "[retention]\nyears = 5", "[retention]\nyears = 4"),
        ("retention.until_age", "[retention]\nuntil_age = 40", "[retention]\nuntil_age = 41"),
        ("retention.until_age", "[retention]\nuntil_age = 21", "[retention]\nuntil_age = 20"),
        ("deadlines.consent", "[deadlines]\nconsent = { days = 365 }", "[deadlines]\nconsent = { days = 366 }"),
    ],
)
def test_the_floor_has_a_last_number_that_passes(clause: str, most: str, more: str) -> None:
    """And the next one does not."""
    assert broken(most) == []
    assert clause in broken(more)


def test_a_profile_keeps_the_calendars_of_its_base() -> None:
    """It adds its own."""
    based = model().model_copy(update={"calendars": {"MD": "MD"}})
    read = floor.read_profile(PROFILE + '[calendars]\nUA = "UA"\n', based)
    assert read.calendars == {"MD": "MD", "UA": "UA"}
    assert shipped()


def test_of_a_profile_without_a_base_every_fault_is_told() -> None:
    """What is no deadline, and each deadline that is missing."""
    with pytest.raises(MalformedAgreement) as told:
        floor.read_profile(PROFILE + "[deadlines]\ninvented = { days = 3 }\n", None)
    paths = [fault["path"] for fault in told.value.faults]
    assert {"deadlines.invented", "deadlines.consent", "consent_age"} <= set(paths)
