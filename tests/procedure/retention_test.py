"""How long a record is kept: the later of two dates, counted from what is latest. Everybody here is invented."""

import tomllib
from datetime import UTC, date, datetime
from typing import Any

import pytest
from courses import PROFILES, Course, model

from procedure.agreement import Agreement, BelowTheFloor, Retention
from procedure.case import Case
from procedure.floor import read_profile
from procedure.retention import WHERE_NOTHING_IS_SAID, may_be_erased_from


def closed(**facts: Any) -> Case:
    """A closed case of a child born on 4 May 2013, whose newest entry is of 3 March 2028."""
    told = {"closed": True, "recorded_at": datetime(2028, 3, 3, 23, 59, tzinfo=UTC), "date_of_birth": date(2013, 5, 4)}
    return Course().case.but(**{**told, **facts})


DAYS: list[tuple[str, dict[str, Any], date]] = [
    ("until the child would be 25", {"date_of_birth": date(2014, 5, 4)}, date(2040, 1, 1)),
    ("ten years, of a child that was older", {"date_of_birth": date(2010, 5, 4)}, date(2039, 1, 1)),
    ("born on the last day of a year", {"date_of_birth": date(2015, 12, 31)}, date(2041, 1, 1)),
    ("born on the first day of a year", {"date_of_birth": date(2016, 1, 1)}, date(2042, 1, 1)),
    ("born on 29 February", {"date_of_birth": date(2016, 2, 29)}, date(2042, 1, 1)),
    ("ended on 29 February", {"recorded_at": datetime(2044, 2, 29, tzinfo=UTC)}, date(2055, 1, 1)),
    (
        "ended in the last minute of a year",
        {"recorded_at": datetime(2044, 12, 31, 23, 59, tzinfo=UTC)},
        date(2055, 1, 1),
    ),
    ("with an estimated age only", {"date_of_birth": None, "estimated_age": 12}, date(2040, 1, 1)),
    ("with no age at all: born today", {"date_of_birth": None, "estimated_age": None}, date(2052, 1, 1)),
]


@pytest.mark.parametrize(("says", "facts", "day"), DAYS, ids=[says for says, *_ in DAYS])
def test_a_record_is_kept_until_the_later_of_both(says: str, facts: dict[str, Any], day: date) -> None:
    """Years after the newest entry, and the age that the child would have; then the year ends, so that no birthday is told."""
    assert may_be_erased_from(closed(**facts)) == day


def test_an_open_case_has_no_such_day() -> None:
    """However old it is."""
    assert may_be_erased_from(closed(closed=False)) is None


def test_terms_from_before_the_clause_are_what_they_were() -> None:
    """Their digest stands in records; where they say nothing, our numbers hold."""
    before = model().terms()
    told = before.pop("retention")
    assert told == {"years": 10, "until_age": 25}
    old = Agreement.from_terms(before)
    assert (old.terms(), old.retention) == (before, None)
    assert old.digest() != model().digest()
    assert may_be_erased_from(closed(agreement=old)) == may_be_erased_from(closed())
    assert Retention(**told) == WHERE_NOTHING_IS_SAID


BREACHES = [
    ({"years": 4}, "retention.years"),
    ({"years": 31}, "retention.years"),
    ({"until_age": 20}, "retention.until_age"),
    ({"until_age": 41}, "retention.until_age"),
]


def profile(**retention: int) -> str:
    """A profile that says so of keeping, and nothing else."""
    said = "".join(f"{name} = {value}\n" for name, value in retention.items())
    return f'id = "invented"\ntitle = "Invented"\nversion = "1"\nstates = "any"\nside = "both"\nin_force_from = 2026-01-01\n[retention]\n{said}'


@pytest.mark.parametrize(("said", "clause"), BREACHES)
def test_a_record_is_kept_long_enough_and_not_for_ever(said: dict[str, int], clause: str) -> None:
    """Below and above the floor's bounds a profile is refused by the clause."""
    with pytest.raises(BelowTheFloor) as refused:
        read_profile(profile(**said), model())
    assert [breach.clause for breach in refused.value.breaches] == [clause]


@pytest.mark.parametrize("said", [{"years": 5}, {"years": 30}, {"until_age": 21}, {"until_age": 40}])
def test_a_profile_says_its_own_numbers(said: dict[str, int]) -> None:
    """What it leaves out is the base's."""
    agreed = read_profile(profile(**said), model())
    assert agreed.retention == Retention(**{**model().terms()["retention"], **said})


def test_every_profile_that_is_shipped_says_how_long() -> None:
    """The base says it, and the others take it from there."""
    assert tomllib.loads((PROFILES / "model" / "profile.toml").read_text("utf-8"))["retention"]
