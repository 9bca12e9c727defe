"""Nothing is lost, doubled or different while everything fails: five seeds of `make faults`, and what its parts do."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from faults.__main__ import report
from faults.breaking import KINDS, drawn
from faults.course import ACTS, draw, scenarios, states_of
from faults.house import COMPILER
from faults.playing import Outcome
from faults.post import Post
from faults.processes import ROOT, free_port

SEEDS = os.environ.get("HOMEWARD_FAULTS", "5")


@pytest.mark.engine
@pytest.mark.slow
def test_nothing_is_lost_or_doubled_while_everything_fails() -> None:
    """Engine, worker, caseload, post, clock and disks fail at drawn moments, and the record is whole."""
    told = subprocess.run(
        [sys.executable, "-m", "faults", "--small", "--seeds", SEEDS, "--at-once", "2"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert f"{SEEDS} courses of a case" in told.stdout


def test_a_course_has_sixty_acts_and_is_the_same_for_a_seed() -> None:
    """A seed that failed can be played again: its acts and its moments are drawn from it alone."""
    for seed in range(20):
        read, course = draw(Random(seed))
        assert sum(each.act is not None for each in course) == ACTS
        assert course == draw(Random(seed))[1]
        assert {read.scenario.intake["host_state"], read.scenario.intake["origin_state"]} <= set(states_of(read))
        first, again = (drawn(Random(seed), len(course), 8, early=9) for _ in range(2))
        assert first == again
        assert len(first) == 8
    assert len(scenarios()) >= 10


def test_every_kind_of_fault_is_drawn_and_none_is_left_out_for_long() -> None:
    """Two courses of eight faults hold all ten kinds before long; the clock jumps early in a case."""
    seen = [moment for seed in range(10) for moment in drawn(Random(seed), 60, 8, early=9)]
    assert {moment.kind for moment in seen} == set(KINDS)
    assert max(moment.at for moment in seen if "clock" in moment.kind) < 9


def test_a_report_tells_what_went_wrong_and_how_often_what_failed() -> None:
    """The table has each kind of fault, also one that never struck."""
    text = report([Outcome(7, wrong=["an entry was lost"], struck={"engine killed": 3})], "make faults", 60)
    assert "**1 courses** in which anything was lost" in text
    assert "| engine killed | 3 | 0 |" in text
    assert all(f"| {kind} |" in text for kind in KINDS)


async def test_post_that_is_away_hangs_or_refuses_takes_nothing() -> None:
    """What a receiver does in each mood, asked as a client asks."""
    post = Post(free_port(), free_port())

    async def answer() -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", post.webhook_port)
        writer.write(b"POST /events HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}")
        try:
            return (await asyncio.wait_for(reader.readline(), 0.5)).decode()
        finally:
            writer.close()

    with pytest.raises(OSError):
        await answer()
    await post.be("hangs")
    with pytest.raises(TimeoutError):
        await answer()
    await post.be("refuses")
    assert "500" in await answer()
    await post.be("answers")
    assert "401" in await answer()  # not signed
    assert (post.events, post.wrongly_signed) == ([], 1)
    await post.be("away")


@pytest.mark.skipif(COMPILER is None, reason="needs a C compiler, for a wall clock of its own")
def test_a_process_sees_the_clock_that_it_was_given(tmp_path: Path) -> None:
    """The wall clock is moved by a day, also while the process runs; the clock by which it waits is not."""
    assert COMPILER is not None
    library, clock = tmp_path / "clock.so", tmp_path / "clock"
    clock.write_text("+86400")
    subprocess.run([COMPILER, "-shared", "-fPIC", "-o", library, ROOT / "faults" / "clock.c"], check=True)
    code = (
        "import datetime, pathlib, sys, time\n"
        "def now(): return time.time(), datetime.datetime.now().timestamp()\n"
        "began, (one, other) = time.monotonic(), now()\n"
        "pathlib.Path(sys.argv[1]).write_text('-86400'); time.sleep(0.3)\n"
        "print(one, other, *now(), time.monotonic() - began)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, clock],
        env={**os.environ, "LD_PRELOAD": str(library), "HOST_CLOCK": str(clock)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    one, other, then, there, waited = map(float, told.split())
    assert abs(one - other) < 5 and abs(then - there) < 5
    assert 172_000 < one - then < 173_000
    assert 0.2 < waited < 30
