"""Age: how old the child is, and the moment of the eighteenth birthday.

Where the date of birth is not known, the latest plausible date holds (CRC art. 1; GC6 para 31(i):
the benefit of the doubt). An eighteenth birthday begins at midnight UTC.
"""

from datetime import UTC, date, datetime, time
from functools import lru_cache

from procedure.case import Case
from procedure.intake import ADULT_AT, birthday


def latest_plausible_birth(date_of_birth: date | None, estimated_age: int | None, on: date) -> date | None:
    """The latest birth date that what is known on the day ``on`` allows."""
    if estimated_age is None:
        return date_of_birth
    estimated = birthday(on, -estimated_age)
    return estimated if date_of_birth is None or estimated > date_of_birth else date_of_birth


def born(case: Case) -> date | None:
    """The child's birth date, or the latest plausible one."""
    if case.date_of_birth and case.identity and case.identity.result == "verified":
        return case.date_of_birth
    return latest_plausible_birth(case.date_of_birth, case.estimated_age, case.opened_at.date())


def earliest_plausible_birth(case: Case) -> date | None:
    """The earliest birth date that is on record: in doubt a child is old enough to be asked (CRC art. 12)."""
    if case.date_of_birth and case.identity and case.identity.result == "verified":
        return case.date_of_birth
    before = case.identity.before if case.identity else None
    estimated = latest_plausible_birth(None, case.estimated_age, case.opened_at.date())
    return min([known for known in (case.date_of_birth, before, estimated) if known], default=None)


def eighteenth_birthday(case: Case) -> datetime | None:
    """When childhood ends for this procedure, UTC; ``None`` when nothing is known."""
    known = born(case)
    return _comes_of(known, ADULT_AT) if known else None


def age_of_consent(case: Case) -> datetime | None:
    """When the child becomes old enough to be asked for consent, UTC; ``None`` when nothing is known."""
    known = earliest_plausible_birth(case)
    return _comes_of(known, case.agreement.consent_age) if known else None


def own_consent_needed(case: Case, at: datetime) -> bool:
    """Whether the child's own consent is needed: from the agreement's ``consent_age`` on (OSCE note 12(v)).

    An age that nobody knows counts as old enough, and of two that are told the older one: a child is rather asked
    once too often.
    """
    asked_from = age_of_consent(case)
    return asked_from is None or at >= asked_from


@lru_cache(maxsize=4_096)
def _comes_of(born: date, years: int) -> datetime:
    """When somebody born on that day comes of an age, UTC. Asked many times at every act, of the same few days."""
    return datetime.combine(birthday(born, years), time(), UTC)
