"""Working days in the calendar of the state that owes: weekends and public holidays do not count."""

from datetime import UTC, datetime, timedelta

import holidays
import pytest

from procedure import calendars
from procedure.calendars import add_working_days

FRIDAY = datetime(2026, 2, 6, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "days", "country", "calendar_days"),
    [
        (FRIDAY, 0, "MD", 0),
        (FRIDAY, 1, "MD", 3),
        (FRIDAY, 5, "MD", 7),
        (FRIDAY, 6, "MD", 10),
        (FRIDAY, 1, None, 3),
        (FRIDAY, 1, "XX", 3),
        (FRIDAY + timedelta(days=1), 1, None, 2),
        # International Women's Day is a Sunday in 2026; in 2027 it is a Monday, and free in Moldova.
        (datetime(2027, 3, 5, 9, tzinfo=UTC), 1, "MD", 4),
        (datetime(2027, 3, 5, 9, tzinfo=UTC), 1, "PL", 3),
        (datetime(2027, 3, 5, 9, tzinfo=UTC), 1, None, 3),
    ],
)
def test_working_days_are_counted_in_the_owing_states_calendar(
    start: datetime, days: int, country: str | None, calendar_days: int
) -> None:
    """At the same time of day; a state that is not known has weekends and no holidays."""
    assert add_working_days(start, days, country) == start + timedelta(days=calendar_days)


def test_every_known_states_calendar_is_opened_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where code must not touch files, none is opened later."""
    opened: list[str | None] = []
    monkeypatch.setattr(holidays, "list_supported_countries", lambda: ["MD", "UA"])
    monkeypatch.setattr(calendars, "_calendar", opened.append)
    calendars.open_all()
    assert opened == ["MD", "UA"]
