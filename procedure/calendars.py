"""Working days, in the calendar of the state that owes (procedure.md, part 4).

Public holidays and weekends are the ``holidays`` library's. A state that it does not know has
Saturdays and Sundays off and no holidays: a deadline may then fall a day early, never a day late.
"""

from datetime import datetime, timedelta
from functools import cache

import holidays


def add_working_days(start: datetime, days: int, country: str | None) -> datetime:
    """The moment ``days`` working days after ``start``, at the same time of day (UTC).

    ``country`` is an ISO 3166-1 alpha-2 code; ``None`` counts Saturdays and Sundays only.
    """
    calendar = _calendar(country)
    moment = start
    while days > 0:
        moment += timedelta(days=1)
        if calendar.is_working_day(moment.date()):
            days -= 1
    return moment


def open_all() -> None:
    """Open every state's calendar now.

    The library reads a calendar's words from its own files when it is opened first. Where code must not
    touch files (the sandbox for workflows), they are opened beforehand.
    """
    for country in holidays.list_supported_countries():
        _calendar(country)


@cache
def _calendar(country: str | None) -> holidays.HolidayBase:
    try:
        return holidays.country_holidays(country) if country else holidays.HolidayBase()
    except NotImplementedError:
        return holidays.HolidayBase()
