"""The clock of the engine's host goes back by hours and leaps by days: histories as such an engine would write them.

Every moment on record is the engine's: that at which a task began. The fault of `make faults` moves the worker's wall
clock alone, so here the moments of saved histories are changed, in memory. The leaps stop short of what is due next:
what else came due would ask for other commands than those of the history, and could not be replayed.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle, islice, pairwise
from typing import Any

import pytest
from temporalio.client import WorkflowHistory

from procedure.entries import Entry, chain_faults
from procedure.proceedings import Proceedings
from tests.workflows.replay_test import CASES, HERE, Listening, history_in, replayer

NOT_AT_ALL = timedelta(0)


def by_hours(*hours: float) -> list[timedelta]:
    return [timedelta(hours=each) for each in hours]


@dataclass(frozen=True)
class Course:
    """A saved history, and by how much the clock is wrong in each of its tasks; the last holds for all that follow."""

    name: str
    wrong_by: Sequence[timedelta]

    def as_it_was(self) -> WorkflowHistory:
        return history_in(HERE / f"{self.name}.json")

    def moved(self) -> WorkflowHistory:
        """With the clock moved. The file stays as it is."""
        history = self.as_it_was()
        tasks = iter(self.wrong_by)
        by, before, held = next(tasks), "", datetime.min
        ahead = NOT_AT_ALL
        for event in history.events:
            what = event.WhichOneof("attributes") or ""
            # A task is asked for by a timer, in one moment with it, or by whoever sent something.
            if event.event_id > 2 and (
                "timer_fired" in what or ("task_scheduled" in what and "timer_fired" not in before)
            ):
                by = next(tasks, by)
            before, was = what, event.event_time.ToDatetime()
            event.event_time.FromDatetime(was + by)
            if "task_started" in what:
                held = max(held, was + by)
                ahead = held - was
            _move_what_an_activity_brought(event, ahead)
        return history


def _move_what_an_activity_brought(event: Any, by: timedelta) -> None:
    """The engine's client dates the end of a local activity by the case's own clock, and sets that by it."""
    for brought in event.marker_recorded_event_attributes.details.values():
        for payload in brought.payloads:
            told = json.loads(payload.data or b"null")
            if isinstance(told, dict) and "complete_time" in told:
                told["complete_time"]["seconds"] += by // timedelta(seconds=1)
                payload.data = json.dumps(told).encode()


COURSES = [
    # Acts alone: back by hours, ahead by almost the two days after which the first is due, back by almost three.
    Course("0.1.0.post8-long-1", [NOT_AT_ALL, *islice(cycle(by_hours(-5, 40, -30, 0)), 23)]),
    # The next run of that case, which begins three days before what stands on its record.
    Course("0.1.0.post8-long-2", by_hours(-72)),
    # Two months of silence. An act five hours before the opening; each timer after a leap that stops short of the next
    # one; sixty days at once when nothing is due any more; and an act nineteen days before that.
    Course("0.1.0.post8-silence", by_hours(0, -5, 20, 20, 20, 40, 20, 40, 40, 40, 20, 20, 60, 60 * 24, -5)),
]
BY_TIME = {"overdue", "escalated"}
"""All that time alone may put on record."""


async def replayed(history: WorkflowHistory) -> Proceedings:
    """What a case keeps at the end of a history. Raises what keeps it from being replayed."""
    CASES.clear()
    await replayer(Listening()).replay_workflow(history)
    proceedings = CASES[-1].proceedings
    assert proceedings is not None
    return proceedings


def but_for_moments(entries: Sequence[Entry]) -> list[tuple[Any, ...]]:
    """Number, kind, act, safeguards, and which step of which deadline: all that does not hang on a moment."""
    return [
        (entry.n, entry.kind, entry.act, entry.safeguards, entry.facts.get("key"), entry.facts.get("level"))
        for entry in entries
    ]


@pytest.mark.parametrize("course", COURSES, ids=lambda course: course.name)
async def test_a_clock_that_goes_back_and_leaps_moves_moments_and_decides_nothing(course: Course) -> None:
    """The case can be taken up again, its moments never go back, its chain is whole, and no act came of time.

    Within a run the engine's client holds time still until the clock has come up with it; from one run to the next it
    is the law that does not believe the clock.
    """
    right, moved = await replayed(course.as_it_was()), await replayed(course.moved())
    entries = moved.since(0)
    moments = [entry.at for entry in entries]
    assert moments == sorted(moments) != [entry.at for entry in right.since(0)]
    assert chain_faults(entries) == []
    assert but_for_moments(entries) == but_for_moments(right.since(0))
    assert {entry.kind for entry in entries if entry.act is None} <= {"opened", *BY_TIME}
    assert (moved.case.stage, moved.case.placement) == (right.case.stage, right.case.placement)


def times(history: WorkflowHistory) -> list[datetime]:
    return [event.event_time.ToDatetime() for event in history.events]


def test_the_clock_of_these_histories_goes_back_by_hours_and_leaps_by_days() -> None:
    """Histories in which nothing was moved would pass above."""
    acts, next_run, silence = COURSES
    for course in (acts, silence):
        steps = [after - before for before, after in pairwise(times(course.moved()))]
        assert min(steps) < -timedelta(days=2) and max(steps) > timedelta(days=1)
        assert sum(step < -timedelta(hours=4) for step in steps) > 1
    assert times(next_run.moved())[0] < times(acts.as_it_was())[-1] - timedelta(days=2)
