"""The bench of cost: its counts, which no busy machine changes, and its tables."""

import re
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from benches import cost
from benches.cost import PARTS, SMALL, Row, Told, Turn, measure, section
from benches.courses import at_once, kind, quiet, whole
from benches.processes import resident, work

EVENTS, BYTES = 1.2, 2.6
"""What a whole course may take beside the floor: 1.06 and 2.4 as measured when this was written, and 1.38 and 2.9 with an
activity of its own for every telling. On a machine that is full of other tests a row or a notice may take seconds, and is
then told so: that is the room left here."""


@pytest.mark.engine
@pytest.mark.slow
async def test_a_whole_course_takes_no_more_history_beside_the_floor_than_it_did() -> None:
    """Every act of the shipped course is answered as it expects, on both sides, and counted to its end."""
    told = await measure(SMALL, ["events"])
    events, size = told.rows
    assert 0.5 < events.ratio <= EVENTS, told.remarks
    assert 0.5 < size.ratio <= BYTES, told.remarks
    text = section(told, "make bench", 1)
    assert f"| history events of a whole course, to its end | {events.one} | {events.other} |" in text
    assert "workflow execution update accepted 36 and 36" in text


@pytest.mark.engine
async def test_what_is_timed_comes_out_as_a_table() -> None:
    """Receipts and work of both sides stand there; how long they took is another machine's matter."""
    told = await measure(replace(SMALL, rounds=1), ["latency"])
    assert [row.target for row in told.rows] == [1.3, 1.3, 2.0, None]
    assert all(row.ratio > 0 for row in told.rows)
    assert section(told, "make bench", 1).count("| one act at a time:") == 4


@pytest.mark.engine
async def test_a_crowd_waits_no_longer_beside_the_floor_than_one_person_may() -> None:
    """Latency has one target, whoever acts at the same time: a row of a crowd is met or missed too."""
    told = await measure(replace(SMALL, heavy_rounds=1, crowd=2), ["rate"])
    waits = [row for row in told.rows if "receipt" in row.says]
    assert [row.target for row in waits] == [1.3, 1.3]
    assert all(row.cells()[-1] in ("met", "missed") for row in waits)


@pytest.mark.engine
async def test_many_deadlines_fall_due_at_one_moment() -> None:
    """Each of the cases gets its overdue entry, and an act of another case is timed meanwhile and before."""
    told = await measure(replace(SMALL, night=3), ["night"])
    assert [row.says.rpartition(", ")[2] for row in told.growth] == ["p50", "p99"]
    assert all(row.ratio > 0 for row in told.growth)
    (remark,) = told.remarks
    assert "after 3 deadlines of as many cases fell due at one moment each case had its overdue entry" in remark


def test_a_row_says_met_or_missed_as_it_is_printed() -> None:
    """The median of the ratios is judged, and a busy machine is told."""
    slow, quick = Turn([0.2], 0.2, 1.0, 1.0), Turn([0.1], 0.1, 1.0, 1.0)
    missed = Row.of("p50", [(slow, quick)] * 3, lambda turn: turn.ms(0.5), 1.3)
    assert missed.cells() == ["p50", "200.0 ms", "100.0 ms", "2.00", "2.00 to 2.00", "1.3", "missed"]
    met = Row("events", [0.9004], 0.9, "90", "100")
    assert met.cells()[3:] == ["0.90", "one run", "0.9", "met"]
    busy = Row.of("p50", [(Turn([0.1], foreign=0.4), quick)], lambda turn: turn.ms(0.5))
    assert busy.cells()[3] == "1.00 (busy)"
    assert "(busy)" not in section(Told([met]), "x", 1)
    assert "(busy): others took more than" in section(Told([busy]), "x", 1)


async def test_a_busy_round_is_played_again_and_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds in which others took the machine are left out where there are quiet ones, and both sides take turns."""

    class Side:
        def __init__(self, name: str) -> None:
            self.name = name

    class Two:
        sides = (Side("Homeward"), Side("floor"))

    order: list[str] = []
    foreign = iter([0.5, 0.5, 0.0, 0.0, 0.0, 0.0])

    async def turn(side: Side) -> Turn:
        order.append(side.name)
        return Turn([1.0 if side.name == "Homeward" else 2.0], foreign=next(foreign))

    pairs = await cost.by_turns(Two(), 2, "x", turn)  # pyright: ignore[reportArgumentType] - as much of it as is asked
    assert [(ours.times, theirs.times) for ours, theirs in pairs] == [([1.0], [2.0])] * 2
    assert order == ["floor", "Homeward", "Homeward", "floor", "floor", "Homeward"]


def test_the_timed_course_is_the_beginning_of_the_whole_one() -> None:
    """It ends where only time goes on, after both approvals and the journey's plan."""
    acts = [step.act["act"] for step in at_once() if step.act]
    assert acts == [step.act["act"] for step in whole() if step.act][: len(acts)]
    assert acts.count("approve_return") == 4
    assert acts[-2:] == ["plan_travel", "approve_travel"]


def test_what_no_run_measures_says_when_it_was_found() -> None:
    """The words about what remains hold no sizes and shares of another day that a reader takes for those of this run."""
    undated = [line for line in cost.REMAINS.splitlines() if not re.search(r"\b20\d\d-\d\d-\d\d\b", line)]
    assert len(undated) < len(cost.REMAINS.splitlines())
    assert [
        line for line in undated if re.search(r"[Ss]ampled|\d|half of|a (fifth|quarter|twentieth|third) of?", line)
    ] == []


def test_a_history_is_quiet_when_nothing_is_under_way() -> None:
    """What was begun is ended: a task, an activity, a word to another process."""

    def history(*kinds: str) -> list[HistoryEvent]:
        return [HistoryEvent(event_type=EventType.Value(f"EVENT_TYPE_{name}")) for name in kinds]

    done = history("WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED", "WORKFLOW_TASK_COMPLETED")
    assert quiet(done)
    assert not quiet(done + history("ACTIVITY_TASK_SCHEDULED"))
    assert not quiet(done[:2])
    assert kind(done[0]) == "workflow task scheduled"


@pytest.mark.skipif(sys.platform != "linux", reason="processor time and memory are read where Linux tells them")
def test_processor_time_and_memory_of_a_process_are_read() -> None:
    """Its own are what the standard library says of them."""
    import os
    import time

    own, begun = os.getpid(), time.process_time()
    before = work(own)
    while time.process_time() < begun + 0.1:
        pass
    assert 0.05 <= work(own) - before < 5
    assert 10 < resident(own) < 10_000


def test_a_part_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A slip in `--only` costs no half hour."""
    with pytest.raises(SystemExit):
        cost.main(["--only", "events,latancy"])
    assert "there is no part latancy" in capsys.readouterr().err


def test_a_small_run_writes_no_page(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page of measures is for what was measured at full size, all of it."""

    async def none(size: object) -> Told:
        return Told([Row("events", [1.0], 0.9, "1", "1")])

    page = tmp_path / "measures.md"
    monkeypatch.setattr(cost, "PARTS", dict.fromkeys(PARTS, none))
    cost.main(["--small", "--write", str(page)])
    assert "as it was: --small is no whole run." in capsys.readouterr().err
    cost.main(["--only", "events", "--write", str(page)])
    assert "as it was: --only leaves parts out." in capsys.readouterr().err
    assert not page.exists()
    days = [datetime.now(UTC)]
    cost.main(["--write", str(page)])
    days.append(datetime.now(UTC))
    assert any(f"Measured on {day:%Y-%m-%d}" in page.read_text("utf-8") for day in days)
