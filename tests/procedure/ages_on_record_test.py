"""Which birth date counts, of those on record: for the eighteenth birthday the latest, for being asked the earliest."""

from datetime import date, datetime
from typing import Any

import pytest
from courses import START
from stories import told

from procedure.case import Identity
from procedure.majority import (
    age_of_consent,
    born,
    earliest_plausible_birth,
    eighteenth_birthday,
    latest_plausible_birth,
    own_consent_needed,
)

TOLD, BEFORE = date(2012, 5, 4), date(2011, 6, 1)
VERIFIED = Identity(2, "verified", dated=True, before=BEFORE)
PRESUMED = Identity(2, "presumed", dated=True, before=BEFORE)
TEN, SIXTEEN = date(2016, 2, 2), date(2010, 2, 2)
"""When somebody was born at the latest who is estimated so old on 2 February 2026."""

ROWS: dict[str, tuple[date | None, Identity | None, int | None, date | None, date | None]] = {
    "nothing": (None, None, None, None, None),
    "told": (TOLD, None, None, TOLD, TOLD),
    "told, and estimated younger": (TOLD, None, 10, TEN, TOLD),
    "told, and estimated older": (TOLD, None, 16, TOLD, SIXTEEN),
    "estimated": (None, None, 10, TEN, TEN),
    "verified": (TOLD, VERIFIED, 10, TOLD, TOLD),
    "presumed": (TOLD, PRESUMED, None, TOLD, BEFORE),
    "presumed, and estimated": (TOLD, PRESUMED, 10, TEN, BEFORE),
    "presumed, and estimated older still": (TOLD, PRESUMED, 16, TOLD, SIXTEEN),
    "verified without a date": (None, VERIFIED, 10, TEN, BEFORE),
}
"""Date of birth, identity and estimated age on record; the latest and the earliest birth they allow."""


@pytest.mark.parametrize("says", ROWS)
def test_the_latest_birth_counts_for_majority_and_the_earliest_for_being_asked(says: str) -> None:
    """What is verified alone; else all that was told and estimated, each to the child's favour."""
    told_then, identity, estimated, latest, earliest = ROWS[says]
    facts: dict[str, Any] = {"date_of_birth": told_then, "identity": identity, "estimated_age": estimated}
    case = told("returned")[0].case.but(**facts)
    assert (born(case), earliest_plausible_birth(case)) == (latest, earliest)
    eighteen, asked = eighteenth_birthday(case), age_of_consent(case)
    assert (eighteen and eighteen.date()) == (latest and latest.replace(year=latest.year + 18))
    assert (asked and asked.date()) == (earliest and earliest.replace(year=earliest.year + 12))


def test_somebody_is_asked_from_the_moment_of_the_birthday_on() -> None:
    """At midnight, not after it; and where nothing is known, at once."""
    case = told("returned")[0].case.but(date_of_birth=date(2014, 3, 1))
    moment = datetime.fromisoformat("2026-03-01T00:00:00Z")
    assert own_consent_needed(case, moment) is True
    assert own_consent_needed(case, START) is False
    assert own_consent_needed(case.but(date_of_birth=None), START) is True
    assert latest_plausible_birth(None, None, START.date()) is None
