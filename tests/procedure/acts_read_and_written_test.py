"""How an act is read and written again, at the edges: what is no JSON, the longest, the first and the last year."""

from datetime import date
from typing import Any

import pytest
from courses import Course

from procedure import acts
from procedure.acts import MAX_ACT_BYTES, as_given, as_signed, parse_act
from procedure.agreement import Period
from procedure.faults import MalformedAct

NOTE = Course().act("note")


def faults(given: Any) -> list[dict[str, object]]:
    with pytest.raises(MalformedAct) as told:
        parse_act(given)
    return [dict(fault) for fault in told.value.faults]


def test_what_cannot_be_written_as_json_is_told_as_such() -> None:
    """One fault, of the whole."""
    assert faults({"act": object()}) == [{"path": "$", "message": "is not JSON"}]


@pytest.mark.parametrize("letter", ["x", "ж"])
def test_an_act_is_measured_in_bytes_however_it_is_given(letter: str) -> None:
    """The longest is read as text and as bytes; one byte more is too long, and a letter may have two."""
    start = f'{{"act": "note", "act_id": "a-1", "actor": {{"id": "c-1", "role": "caseworker", "state": "MD"}}, "text": "{letter}'
    longest = start + "x" * (MAX_ACT_BYTES - len(start.encode()) - 2) + '"}'
    assert parse_act(longest) == parse_act(longest.encode())
    long = longest[:-2] + 'x"}'
    message = f"an act may have at most {MAX_ACT_BYTES} bytes; this has {MAX_ACT_BYTES + 1}"
    assert faults(long) == faults(long.encode()) == [{"path": "$", "message": message}]


@pytest.mark.parametrize(
    ("until", "read"), [("1899-12-31", False), ("1900-01-01", True), ("2200-12-31", True), ("2201-01-01", False)]
)
def test_a_day_is_of_the_years_that_a_calendar_reaches(until: str, read: bool) -> None:
    """The first and the last are among them."""
    given = Course().act("suspend", until=until)
    if read:
        assert vars(parse_act(given))["until"] == date.fromisoformat(until)
    else:
        assert faults(given) == [{"path": "until", "message": "must lie between the years 1900 and 2200"}]


def test_an_act_is_written_as_it_was_given() -> None:
    """Under the contract's names, without what was left out; as signed, without the signature."""
    plan = Course().act("plan_travel")
    assert "from" in plan["legs"][0]
    assert as_given(parse_act(plan)) == as_signed(parse_act(plan)) == plan
    signed = {**plan, "signature": "an invented signature"}
    assert as_given(parse_act(signed)) == signed
    assert as_signed(parse_act(signed)) == plan


def test_a_day_is_read_in_one_form_only() -> None:
    """A text in the form, whole; the form is told to who writes it otherwise."""
    check = vars(acts)["_written_as"](vars(acts)["_DAY"], "YYYY-MM-DD")
    assert check("2026-03-01") == "2026-03-01"
    for wrong in (20260301, None, "", "2026-3-1", "2026-03-01T00:00", ["2026-03-01"]):
        with pytest.raises(ValueError, match=r"^must be written as YYYY-MM-DD$"):
            check(wrong)


def test_no_working_days_are_no_time() -> None:
    """A period of none is over at once, even on a Sunday."""
    sunday = Course().at.replace(day=1)
    none = Period(working_days=0)
    assert none.due(sunday, "MD") == sunday
    assert (none.at_most_hours(), none.at_least_hours()) == (0, 0)
