"""How long the procedure gives for what (procedure.md, part 4), reckoned without the law's own rules.

Of the law it takes the agreement's numbers. Days and hours are added here; working days are counted here, in the
calendars of the same library of public holidays: which day is a holiday is shared with the law.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

import holidays

from procedure.agreement import Period

OF_RETURN: Final = ("consent", "approval_host", "approval_origin", "travel_plan", "travel_approval")
"""Deadlines whose ground depends on whether the child is old enough to be asked, and on evidence that grows old."""
STANDS_STILL: Final = ("approval_host", "approval_origin", "travel_plan", "travel_approval")
"""Deadlines that only acts can meet which a hold holds (part 5)."""
AT_ONCE: Final = ("release", "missing")
"""Both levels are told the moment these pass (part 4)."""
NEVER_EXTENDED: Final = ("release", "emergency_placement")
OF_CARE: Final = ("emergency_placement", "release", "complaint", "missing", "arrival")
"""What is still owed to somebody who has turned eighteen in the middle of the procedure."""


@dataclass(frozen=True, slots=True)
class Clock:
    """A deadline that runs. ``ground`` tells its cause from the next of the same name."""

    due: datetime
    ground: str = ""
    overdue: bool = False
    level: int = 0
    """The highest level that was told that it has passed."""
    extended: int = 0
    """Days added so far."""
    still_since: datetime | None = None


def deadline_of(key: str) -> str:
    """The deadline's name in its key: ``complaint`` of ``complaint:17``."""
    return key.partition(":")[0]


def due_after(period: Period, start: datetime, country: str) -> datetime:
    """The moment at which a period that begins at ``start`` (UTC) is over, in the calendar of a state."""
    if period.hours is not None:
        return start + timedelta(hours=period.hours)
    if period.days is not None:
        return start + timedelta(days=period.days)
    left, day = period.working_days or 0, start
    while left:
        day += timedelta(days=1)
        left -= day.weekday() not in _holidays(country).weekend and day.date() not in _holidays(country)
    return day


@cache
def _holidays(country: str) -> Any:
    return holidays.country_holidays(country)


def levels_owed(clock: Clock, key: str, escalate_after: tuple[int, int], at: datetime) -> int:
    """How many levels must have been told by ``at``."""
    waits = (0, 0) if deadline_of(key) in AT_ONCE else escalate_after
    return sum(clock.due + timedelta(days=days) <= at for days in waits)
