"""Durations and relative moments, as people write them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from procedure.schemas import schema
from starter.json_values import is_list, is_object
from starter.moments import (
    DATE_FIELDS,
    TIME_FIELDS,
    faults_of_moments,
    read_duration,
    read_relative,
    read_when,
    resolve,
)

NOW = datetime(2026, 3, 1, 10, 30, 15, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90m", timedelta(minutes=90)),
        ("12h", timedelta(hours=12)),
        ("3d", timedelta(days=3)),
        ("2w", timedelta(weeks=2)),
        ("1d12h", timedelta(days=1.5)),
        ("1.5h", timedelta(minutes=90)),
        ("P3D", timedelta(days=3)),
        ("PT12H", timedelta(hours=12)),
        ("P1DT90M", timedelta(days=1, minutes=90)),
        ("P2W", timedelta(weeks=2)),
        ("0d", timedelta()),
    ],
)
def test_a_duration_is_read_in_short_and_in_iso_8601(text: str, length: timedelta) -> None:
    """The contract's examples and ISO 8601 are lengths of time."""
    assert read_duration(text).after(NOW) - NOW == length


def test_years_and_months_are_counted_on_the_calendar() -> None:
    """A year is no number of days: the birthday stays where it is."""
    assert read_duration("14y").before(NOW) == NOW.replace(year=2012)
    assert read_duration("P1M").after(datetime(2026, 1, 31, tzinfo=UTC)) == datetime(2026, 2, 28, tzinfo=UTC)
    assert read_duration("1y").before(datetime(2028, 2, 29, tzinfo=UTC)) == datetime(2027, 2, 28, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "3", "3 moons", "d3", "P", "PT", "3d!", "-3d", "1.3y"])
def test_what_is_no_duration_is_told(text: str) -> None:
    """A slip of the pen never becomes some other length of time."""
    with pytest.raises(ValueError):
        read_duration(text)


def test_a_relative_moment_becomes_a_date_or_a_time_as_its_field_wants_it() -> None:
    """The same words stand for a day in one field and for a moment in another."""
    given = {
        "child": {"date_of_birth": "@-14y"},
        "found": {"on": "@-1d"},
        "since": "@-6h",
        "legs": [{"departs": "@+10d", "arrives": "@+10d6h"}],
        "valid_until": "@+2w",
        "text": "@+10d",
    }
    assert resolve(given, NOW) == {
        "child": {"date_of_birth": "2012-03-01"},
        "found": {"on": "2026-02-28"},
        "since": "2026-03-01T04:30:15Z",
        "legs": [{"departs": "2026-03-11T10:30:15Z", "arrives": "2026-03-11T16:30:15Z"}],
        "valid_until": "2026-03-15",
        "text": "@+10d",
    }


def test_several_signed_lengths_are_added_up() -> None:
    """Thirty days short of eighteen is written as it is said."""
    assert read_relative("@-18y+30d", NOW).date() == date(2008, 3, 31)
    assert read_relative("@now", NOW) == NOW


@pytest.mark.parametrize("text", ["@+", "@+ten days", "@+10", "@--3d", "@+9999y"])
def test_a_relative_moment_that_cannot_be_read_is_told_with_its_path(text: str) -> None:
    """The writer learns which field it was."""
    assert [path for path, _ in faults_of_moments({"legs": [{"departs": text}]})] == ["legs.0.departs"]


def test_every_date_and_time_of_the_contract_is_known_by_its_field() -> None:
    """A field added to an act or the intake later must be added here too, and is never both."""
    found: dict[str, set[str]] = {"date": set(), "date-time": set()}

    def look(shape: Any) -> None:
        if is_list(shape):
            for each in shape:
                look(each)
        if is_object(shape):
            for name, field in shape.get("properties", {}).items():
                for each in (field, *field.get("anyOf", [])):
                    found.get(each.get("format"), set()).add(name)
            look(list(shape.values()))

    look(schema("act"))
    look(schema("intake"))
    assert found["date"] == DATE_FIELDS
    assert {"since"} <= found["date-time"] <= TIME_FIELDS
    assert not DATE_FIELDS & TIME_FIELDS


def test_at_names_an_entry_a_moment_or_the_end_of_a_day() -> None:
    """What `--at` accepts."""
    assert read_when("12") == 12
    assert read_when("2026-03-01T10:00:00Z") == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert read_when("2026-03-01") == datetime(2026, 3, 1, 23, 59, 59, 999999, tzinfo=UTC)
    with pytest.raises(ValueError, match="neither an entry number nor a time"):
        read_when("yesterday")


def test_a_relative_date_reached_by_a_path_is_written_out_too() -> None:
    """As the fields of a correction are."""
    now = datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert resolve({"fields": {"child.date_of_birth": "@-15y"}}, now) == {
        "fields": {"child.date_of_birth": "2011-03-01"}
    }
