"""Figures of a handful of cases, reckoned by hand."""

import json
import sys
from collections.abc import Callable
from dataclasses import fields
from datetime import timedelta
from statistics import median

import pytest

from casefile.statistics import (
    OUTCOMES,
    SOLUTIONS,
    CaseFigures,
    Owed,
    Stretch,
    detentions,
    figures_of,
    holds,
    spread,
    stages,
    statistics,
)
from procedure.entries import Entry
from procedure.vocabulary import STAGES
from tests.procedure.courses import START, STATION, Course


def _stays() -> Course:
    course = Course().wait(days=2).represented()
    course.refused("approve_return")
    course.wait(days=4).does("open_tracing").does("report_tracing").does("assess_family")
    course.ready_for_panel().determine("stay").wait(days=3).does("grant_stay").does("close_case", outcome="stays")
    return course


HANDFUL: dict[str, Callable[[], Course]] = {
    # Ten days unidentified, then withdrawn: late with identification and guardian, with screening and counsel.
    "withdrawn": lambda: Course().wait(days=10).represented().does("close_case"),
    # Two days to identify, four of tracing, then a stay.
    "stays": _stays,
    # Detained from the beginning for thirty hours, released, and still open.
    "detained": lambda: Course(placement=STATION).wait(hours=30).does("confirm_release"),
    # Detained twice: four hours, and still.
    "detained again": lambda: (
        Course().does("report_detention").wait(hours=4).does("confirm_release").wait(days=1).does("report_detention")
    ),
}


def figures(name: str) -> CaseFigures:
    return figures_of(HANDFUL[name]().entries)


# One case


def test_time_in_a_stage_is_summed_over_returns_to_it() -> None:
    """Identified after two days, detained for one, traced after four more: three days of identification."""
    course = Course().wait(days=2).represented().wait(days=1)
    course.does("report_detention").wait(days=1).does("confirm_release").wait(days=3)
    course.does("open_tracing").does("report_tracing").does("assess_family")
    found = figures_of(course.entries).stage_days
    assert found == {"identification": 3, "guardianship": 0, "family_tracing": 4, "best_interests": 0}


def test_the_stage_that_a_case_is_in_counts_up_to_its_newest_entry() -> None:
    """One day, until somebody noted something; what time passed since is on no record."""
    course = Course().represented().wait(days=1).does("note").wait(hours=20)
    assert figures_of(course.entries).stage_days["family_tracing"] == 1


def test_a_closed_case_is_in_no_stage_any_more() -> None:
    """Settled, it waited two days to be closed; after that nothing counts."""
    course = Course().determined("stay").does("grant_stay").wait(days=2).does("close_case", outcome="stays")
    course.wait(days=50).refused("note")
    found = figures_of(course.entries)
    assert (found.closed, found.outcome) == (True, "stays")
    assert found.stage_days["closed"] == 2


def test_a_case_brings_its_deadlines_by_office() -> None:
    """Ten days without anything: screening due after two, guardian after three, counsel after five, each met on day ten."""
    owed = figures("withdrawn").owed
    assert owed.count(Owed("guardianship_authority", "MD", 7 * 24)) == 1
    assert owed.count(Owed("guardianship_authority", "MD", 5 * 24)) == 1
    assert owed.count(Owed("caseworker", "MD", 8 * 24)) == 1
    # Identification was due on the very day and is on record as overdue; services were in time.
    assert owed.count(Owed("caseworker", "MD", 0)) == 1
    assert owed.count(Owed("caseworker", "MD", None)) == 1
    assert None not in {each.role for each in owed}


def test_a_case_brings_its_detentions() -> None:
    """Thirty hours; four hours and one that goes on; a second report of the same detention is the same detention."""
    assert figures("detained").release_hours == (30,)
    assert figures("detained again").release_hours == (4, None)
    course = Course().does("report_detention").wait(hours=2).does("report_detention").wait(hours=3)
    assert figures_of(course.does("confirm_release").entries).release_hours == (5,)


def test_a_case_brings_its_rounds_and_solutions() -> None:
    """Stay, then return in the second round."""
    course = Course().determined("stay").does("reopen_best_interests").ready_for_panel().determine("return")
    found = figures_of(course.entries)
    assert (found.rounds, found.solutions) == (2, {"stay": 1, "return": 1})


def test_a_case_brings_its_refusals() -> None:
    """Each safeguard that refused an act counts once for that act."""
    found = figures("stays").refusals
    assert found["bid-before-return"] == found["child-heard"] == found["consent"] == 1
    assert "no-detention" not in found


def test_stretches_name_the_entries_that_began_and_ended_them() -> None:
    """Of a hold, of a detention, and of a stay in a stage."""
    course = Course().wait(days=1).does("suspend").wait(days=2).does("resume").does("report_detention")
    entries = course.entries
    suspended, lifted = (
        next(entry for entry in entries if entry.kind == kind and entry.facts["hold"] == "crisis")
        for kind in ("hold", "hold_lifted")
    )
    (crisis, detained) = holds(entries)
    assert crisis == Stretch("crisis", suspended.at, suspended.n, lifted.at, lifted.n)
    assert crisis.seconds(course.at) == timedelta(days=2).total_seconds()
    assert (detained.name, detained.until) == ("detention", None)
    (reported,) = detentions(entries)
    assert reported.begun_by == detained.begun_by - 1
    assert list(stages(entries)) == [Stretch("identification", START, 1)]


def test_a_beginning_that_is_not_shown_is_told_by_the_first_change_of_stage() -> None:
    """The stage that was left is known; it began no later than the first entry shown."""
    entries = Course().wait(days=2).represented().entries[1:]
    first = next(stages(entries))
    assert (first.name, first.since, first.begun_by) == ("identification", entries[0].at, 2)


def test_headers_are_enough() -> None:
    """Nothing that a body says is needed, and nothing in the figures says which case it was."""
    entries = HANDFUL["stays"]().entries
    found = figures_of(entries)
    assert found == figures_of(entry._replace(salt="", body={}) for entry in entries)
    said = repr(found)
    assert "7K3F9A" not in said
    assert "Invented" not in said
    assert {each.name for each in fields(found)}.isdisjoint({"reference", "head", "child"})


def test_a_record_without_entries_has_no_figures() -> None:
    """There is no such case."""
    with pytest.raises(ValueError, match="at least one entry"):
        figures_of(list[Entry]())


# Many cases


def test_the_handful_in_figures() -> None:
    """Open and closed, endings, solutions, rounds, refusals and detentions of all of them together."""
    found = statistics(map(figures, HANDFUL)).as_json()
    assert found["cases"] == {"all": 4, "open": 2, "closed": 2}
    assert found["endings"] == dict.fromkeys(OUTCOMES, 0) | {"withdrawn": 1, "stays": 1}
    assert found["solutions_determined"] == dict.fromkeys(SOLUTIONS, 0) | {"stay": 1}
    assert found["rounds"] == {"1": 4}
    assert found["detentions"] == {
        "reported": 3,
        "released": 2,
        "open": 1,
        "hours_to_release": {
            "count": 2,
            "lower_quartile_hours": 10.5,
            "median_hours": 17,
            "upper_quartile_hours": 23.5,
            "longest_hours": 30,
        },
        "released_within": {"24_hours": 1, "3_days": 1, "7_days": 0, "longer": 0},
    }
    assert found["refusals_by_safeguard"]["consent"] == 1


def test_time_in_stages_is_spread_over_the_cases_that_were_in_them() -> None:
    """Ten, two, one and a quarter, and one and a sixth days of identification; one case only was traced."""
    found = statistics(map(figures, HANDFUL)).as_json()["time_in_stages"]
    assert list(found) == [stage for stage in STAGES if stage in found]
    # Sorted: 1.1667, 1.25, 2, 10.
    assert found["identification"] == {
        "count": 4,
        "lower_quartile_days": 1.23,
        "median_days": 1.62,
        "upper_quartile_days": 4,
        "longest_days": 10,
    }
    assert found["family_tracing"]["longest_days"] == 4
    assert found["other_solution"] == {
        "count": 1,
        "lower_quartile_days": 3,
        "median_days": 3,
        "upper_quartile_days": 3,
        "longest_days": 3,
    }
    assert "travel" not in found


def test_deadlines_are_counted_by_office() -> None:
    """Those that missed most come first, with the median of their delays."""
    found = statistics([figures("withdrawn"), figures("stays")]).as_json()["deadlines_by_office"]
    offices = {(row["role"], row["state"]): row for row in found}
    # Late by 7 and by 5 days in the one case, in time in the other.
    assert offices["guardianship_authority", "MD"] == {
        "role": "guardianship_authority",
        "state": "MD",
        "owed": 4,
        "missed": 2,
        "median_late_hours": 6 * 24,
    }
    # Identification on the very day and screening eight days late; screening on the very day in the other case.
    assert offices["caseworker", "MD"]["missed"] == 3
    assert offices["caseworker", "MD"]["median_late_hours"] == median([0, 8 * 24, 0])
    assert offices["tracing_service", "UA"] == {
        "role": "tracing_service",
        "state": "UA",
        "owed": 1,
        "missed": 0,
        "median_late_hours": None,
    }
    assert [row["missed"] for row in found] == sorted((row["missed"] for row in found), reverse=True)
    assert not {"child", None} & {row["role"] for row in found}


def test_refusals_are_told_with_the_most_frequent_first() -> None:
    """Safeguards that refused equally often stand in the contract's order."""
    course = Course()
    course.refused("approve_return")
    course.refused("open_tracing")
    found = list(statistics([figures_of(course.entries)]).refusals_by_safeguard().items())
    assert found[0] == ("guardian-first", 2)
    assert [count for _, count in found[1:]] == [1] * (len(found) - 1)
    assert [name for name, _ in found[1:3]] == ["child-heard", "no-contact-with-origin"]


def test_no_cases_are_statistics_too() -> None:
    """Every ending has its place, and nothing is divided by nothing."""
    found = statistics([]).as_json()
    assert found["cases"] == {"all": 0, "open": 0, "closed": 0}
    assert found["detentions"]["hours_to_release"] is None
    assert sum(found["endings"].values()) == 0


def test_the_order_of_cases_does_not_matter() -> None:
    """The same JSON, whichever case is counted first."""
    cases = [figures(name) for name in HANDFUL]
    assert json.dumps(statistics(cases).as_json()) == json.dumps(statistics(reversed(cases)).as_json())


def test_statistics_grow_by_the_case_and_not_by_the_entry() -> None:
    """A case of a thousand notes takes no more room than one of none, and cases are taken one by one."""
    long = Course().represented()
    for _ in range(1_000):
        long.does("note")
    short, of_many_entries = (
        statistics([figures_of(Course().represented().entries)]),
        statistics([figures_of(long.entries)]),
    )
    assert len(repr(of_many_entries)) == len(repr(short))
    assert sys.getsizeof(figures_of(long.entries).owed) == sys.getsizeof(
        figures_of(Course().represented().entries).owed
    )
    taken = iter([figures("stays"), figures("withdrawn")])
    assert statistics(taken).cases == 2


def test_a_spread_of_one_is_that_one() -> None:
    """And of none there is none."""
    one = spread([3.5])
    assert one is not None
    assert (one.count, one.lower, one.median, one.upper, one.longest) == (1, 3.5, 3.5, 3.5, 3.5)
    assert spread([]) is None
