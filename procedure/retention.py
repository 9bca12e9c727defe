"""How long the record of a closed case is kept, and from which day on it may be erased.

CRC art. 16 and CMW/GC3-CRC/GC22 paras 16-17 (purpose limitation): not for ever. CRC art. 8: not before whoever was the
child could ask, as an adult, what was decided about them. The numbers are the agreement's.
"""

from datetime import date
from typing import Final, Literal, get_args

from procedure.agreement import Retention
from procedure.case import Case
from procedure.intake import birthday
from procedure.majority import born

WHERE_NOTHING_IS_SAID: Final = Retention(years=10, until_age=25)
"""For cases under terms from before agreements said how long a record is kept (ours)."""

Ground = Literal["retention_ended", "asked_by_the_person", "ordered_by_a_court"]
"""Why a record is erased. None of them shortens the time for which it is kept."""
GROUNDS: Final[tuple[Ground, ...]] = get_args(Ground)


def may_be_erased_from(case: Case) -> date | None:
    """The first day (UTC) on which the record may be erased; ``None`` for a case that is open.

    It counts from the newest entry, for a closed case can still be told something; and where no birth date is known,
    as if the child had been born when the case was opened. It is always the first day of a year: the day stays on record
    when all else is gone, and a birthday must not be read from it.
    """
    if not case.closed:
        return None
    kept = case.agreement.retention or WHERE_NOTHING_IS_SAID
    over = max(
        birthday(case.recorded_at.date(), kept.years),
        birthday(born(case) or case.opened_at.date(), kept.until_age),
    )
    return date(over.year + 1, 1, 1)
