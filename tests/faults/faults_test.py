"""Nothing is lost, doubled or different while everything fails: five seeds of `make faults`, and what its parts do."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from faults import playing
from faults.__main__ import amiss, never_struck, report
from faults.breaking import CLOCK, KEYS, KINDS, LONG, POST, WHILE_TIME_PASSES, Breaking, Moment, drawn
from faults.course import ACTS, draw, scenarios, states_of
from faults.house import COMPILER, House, lines_of
from faults.playing import KEY_NOT_TOLD, KEYS_AWAY, Outcome, die, logged, unexplained, unstruck
from faults.post import Post
from faults.processes import ROOT, free_port
from workflows.return_case import ROW_WITHIN

SEEDS = os.environ.get("HOMEWARD_FAULTS", "5")
TELL_LEFT_OUT = "HOMEWARD_FAULTS_LEFT_OUT"
"""Names a file for the kinds of fault that this machine cannot make, a line each: nobody reads a report that passed."""


def left_out(told: str) -> list[str]:
    """The kinds that a report counts as left out."""
    rows = [[cell.strip() for cell in line.split("|")] for line in told.splitlines() if line.startswith("| ")]
    return [row[1] for row in rows if len(row) == 5 and row[1] in KINDS and row[3] != "0"]


@pytest.mark.engine
@pytest.mark.slow
def test_nothing_is_lost_or_doubled_while_everything_fails() -> None:
    """Engine, worker, caseload, post, clock and disks fail in whole courses of sixty acts, and the record is whole."""
    told = subprocess.run(
        [sys.executable, "-m", "faults", "--seeds", SEEDS, "--at-once", "2"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert f"{SEEDS} courses of a case" in told.stdout
    if file := os.environ.get(TELL_LEFT_OUT):
        Path(file).write_text("".join(f"{kind}\n" for kind in left_out(told.stdout)))


def test_what_this_machine_cannot_make_is_read_from_a_report() -> None:
    """Of each kind, where a course had to leave it out; and the gate names the file for it, and says it at its end."""
    other = Outcome(1, struck=dict.fromkeys(KINDS, 1))
    without = Outcome(2, struck={POST: 1}, left_out={"worker's disk full": 1, "engine's disk full": 1200})
    assert left_out(report([other], "make faults", 60)) == []
    assert left_out(report([other, without], "make faults", 60)) == ["worker's disk full", "engine's disk full"]
    gate = (ROOT / ".ci" / "run").read_text("utf-8")
    assert f'{TELL_LEFT_OUT}="$left_out" make test' in gate
    assert gate.rstrip().endswith('section "All passed$unaudited$unmade"')


def test_a_course_has_sixty_acts_and_is_the_same_for_a_seed() -> None:
    """A seed that failed can be played again: its acts and its moments are drawn from it alone."""
    for seed in range(20):
        read, course = draw(die(seed, "course"))
        assert sum(each.act is not None for each in course) == ACTS
        assert course == draw(die(seed, "course"))[1]
        assert {read.scenario.intake["host_state"], read.scenario.intake["origin_state"]} <= set(states_of(read))
        first, again = (drawn(die(seed, "moments"), len(course), 8, early=9, passes=[5, 20]) for _ in range(2))
        assert first == again
        assert len(first) == 8
    assert len(scenarios()) >= 10


def test_each_purpose_has_a_die_of_its_own() -> None:
    """What one purpose throws says nothing of another, nor how often that threw."""
    first = die(7, "act 1").random()
    assert first == die(7, "act 1").random()
    assert len({first, die(7, "act 2").random(), die(8, "act 1").random()}) == 3


def test_every_kind_of_fault_is_drawn_and_none_is_left_out_for_long() -> None:
    """Ten courses of eight faults hold all kinds; the clock jumps early in a case."""
    seen = [moment for seed in range(10) for moment in drawn(die(seed, "moments"), 60, 8, early=9)]
    assert {moment.kind for moment in seen} == set(KINDS)
    assert max(moment.at for moment in seen if "clock" in moment.kind) < 9
    assert all(moment.how for moment in seen if moment.kind == POST or "clock" in moment.kind)
    assert not any(moment.while_time_passes for moment in seen)
    without = [moment for seed in range(10) for moment in drawn(die(seed, "moments"), 60, 8, early=9, without=[POST])]
    assert {moment.kind for moment in without} == set(KINDS) - {POST}


def test_some_faults_last_longer_than_any_patience_and_some_strike_while_time_passes() -> None:
    """A share is long enough for a row, a task and a mail server to be given up, and a share strikes between acts."""
    seen = [moment for seed in range(50) for moment in drawn(die(seed, "moments"), 60, 8, early=9, passes=[5, 20])]
    long = [moment.lasts for moment in seen if moment.lasts >= LONG[0]]
    assert 0.15 < len(long) / len(seen) < 0.35
    assert max(long) > 10 > ROW_WITHIN.total_seconds()
    between = [moment for moment in seen if moment.while_time_passes]
    assert {moment.kind for moment in between} == WHILE_TIME_PASSES
    assert {moment.at for moment in between} == {5, 20}


def test_a_report_tells_what_went_wrong_and_how_often_what_failed() -> None:
    """The table has each kind of fault, also one that never struck."""
    outcome = Outcome(
        7, wrong=["an entry was lost"], struck={"engine killed": 3}, reached={"a row fell behind": 4}, logged={"x": 5}
    )
    text = report([outcome], "make faults", 60)
    assert "**1 courses** in which anything was lost" in text
    assert "**0** that did not come to an end" in text
    assert "| engine killed | 3 | 0 |" in text
    assert all(f"| {kind} |" in text for kind in KINDS)
    assert "| a row fell behind | 4 |" in text and "| x | 5 |" in text


def test_a_course_that_did_not_end_is_neither_good_nor_lost() -> None:
    """It counts by itself, tells of no seconds that nobody measured, and the run is not good."""
    hung = Outcome(8, unfinished=["it did not come to its end within 600 s"], seconds=600)
    good = Outcome(9, longest_wait=4.0, processor=30.0)
    text = report([hung, good], "make faults", 60)
    assert "**0 courses** in which anything was lost" in text
    assert "**1** that did not come to an end" in text
    assert "4.0 s in the median course" in text
    assert "30 s of processor time a course" in text
    assert amiss([hung, good]) == ["seed 8: it did not come to its end within 600 s"]
    assert "Nothing was lost, doubled or different." not in text


@pytest.mark.engine
def test_a_course_that_takes_too_long_ends_itself_and_all_that_it_started(tmp_path: Path) -> None:
    """It tells what it came to, and leaves no engine, no worker and no folder behind, whoever started it."""
    hurried = (
        "from faults import playing; playing.SEED_WITHIN = 8.0; from faults.__main__ import main; main(['--only', '1'])"
    )
    told = subprocess.run(
        [sys.executable, "-c", hurried],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    outcome = Outcome(**json.loads(told.stdout.splitlines()[-1]))
    assert told.returncode == 1 and outcome.title
    assert "it did not come to its end within 8 s" in outcome.unfinished
    assert not outcome.judged and outcome.receipts == 0
    assert list(tmp_path.iterdir()) == []
    left = [path for path in Path("/proc").glob("[0-9]*/cmdline") if str(tmp_path) in _read(path)]
    assert left == []


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""  # it ended meanwhile


def test_a_fault_that_neither_struck_nor_was_left_out_is_wrong() -> None:
    """A course in which nothing happened does not pass for one that was mended."""
    moments = ["one", "two", "three"]
    assert unstruck(Outcome(7, moments=moments, struck={"engine killed": 2}, left_out={"engine's disk full": 1})) == []
    assert unstruck(Outcome(7, moments=moments, struck={"engine killed": 2})) == [
        "of 3 faults 2 struck or were left out"
    ]


def test_a_kind_that_no_course_felt_is_told() -> None:
    """What this machine cannot do is left out; what it can do and never did is not."""
    every = dict.fromkeys(KINDS, 1)
    assert never_struck([Outcome(1, struck=every)]) == []
    assert never_struck([Outcome(1, struck={**every, "engine killed": 0})]) == ["engine killed"]
    assert never_struck([Outcome(1, struck={**every, POST: 0}, left_out={POST: 1})]) == []


def test_an_error_that_a_worker_logged_is_wrong_and_a_warning_is_counted() -> None:
    """Errors are told by event and class, and so is what a worker said past its log."""
    found, errors = logged(
        [
            {"level": "info", "event": "working"},
            {"level": "warning", "event": "not told", "channel": "mail", "error": "SMTPConnectError"},
            {"level": "warning", "event": "call retried 6 times"},
            {"level": "warning", "event": "call retried 7 times"},
            {"level": "error", "event": "an act could not be decided", "error": "KeyError"},
            {"said": "Traceback (most recent call last):"},
            {"said": "The key store /a/place/of/one/course/keys.db cannot be made or written (Is a directory)"},
        ]
    )
    assert errors[:2] == ["an act could not be decided: KeyError", "Traceback (most recent call last):"]
    assert errors[2].startswith(KEYS_AWAY)
    assert unexplained(errors, {KEYS}) == errors[:2]
    assert unexplained([*errors, KEY_NOT_TOLD], {CLOCK}) == errors
    assert unexplained([KEY_NOT_TOLD], {POST, KEYS}) == [KEY_NOT_TOLD]
    assert found["warning: not told: mail: SMTPConnectError"] == 1
    assert found["warning: call retried N times"] == 2
    assert len(found) == 5


def test_what_follows_a_line_that_was_cut_off_is_read() -> None:
    """A killed worker ends in the middle of a line; what the next one says stands in the same line, errors too."""
    whole = '{"event": "working", "level": "info"}'
    error = '{"event": "an act could not be decided", "level": "error"}'
    log = "\n".join([whole, f'{{"event": "wor{error}', "Traceback", f'{{"eve{{"event": "w{whole}', '{"event'])
    assert [line.get("level", line.get("said")) for line in lines_of(log)] == ["info", "error", "Traceback", "info"]


async def test_a_fault_that_found_nothing_to_take_away_strikes_again(tmp_path: Path) -> None:
    """It counts as struck once it bit, and not before."""

    class Ended:
        """A worker that has ended at first, and runs when somebody looks again."""

        def __init__(self) -> None:
            self.runs = False

        def freeze(self) -> bool:
            ran, self.runs = self.runs, True
            return ran

        def thaw(self) -> None: ...

    house = cast("House", SimpleNamespace(data=tmp_path, worker=Ended(), on_purpose=set[str]()))
    breaking = Breaking(house)
    breaking.strike(Moment(1, "worker held still", 0, 0))
    breaking.strike(Moment(1, "caseload moved away", 0, 0))
    await breaking.over()
    assert not breaking.struck
    for _ in range(2):
        breaking.strike_again()
        await breaking.over()
    # There is no caseload, however often it is looked for.
    assert breaking.struck == {"worker held still": 1}
    assert house.on_purpose == set()


async def test_what_is_moved_away_comes_back_as_it_was(tmp_path: Path) -> None:
    """Something of another kind stands in its place meanwhile: a folder for a file, a file for a folder."""
    worker = SimpleNamespace(kill=lambda: True)
    seen: list[str] = []
    settings = SimpleNamespace(
        keys=SimpleNamespace(database=str(tmp_path / "keys.db")), archive=str(tmp_path / "archive")
    )

    def start_worker() -> None:
        seen.append("folder" if (tmp_path / "keys.db").is_dir() else "file")

    house = cast(
        "House",
        SimpleNamespace(settings=settings, worker=worker, start_worker=start_worker, on_purpose=set[str]()),
    )
    breaking = Breaking(house)
    (tmp_path / "keys.db").write_text("keys")
    breaking.strike(Moment(1, "key store moved away", 0, 0))
    breaking.strike(Moment(1, "archive moved away", 0, 0))
    await breaking.over()
    assert seen == ["folder"]
    # An archive that is not made yet is looked for again: what stood in its place would keep it from being made.
    assert not (tmp_path / "archive").exists()
    assert breaking.struck == {"key store moved away": 1}
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "run").write_text("a run")
    breaking.strike_again()
    await breaking.over()
    assert breaking.struck["archive moved away"] == 1
    assert ((tmp_path / "keys.db").read_text(), (tmp_path / "archive" / "run").read_text()) == ("keys", "a run")


async def test_a_course_that_takes_too_long_leaves_where_it_stood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that hangs is ended from outside: what is known of it by then is kept, with each task's place."""
    monkeypatch.setattr(playing, "LATE", 0.0)
    for part in ("data", "engine"):
        (tmp_path / part).mkdir()
    (tmp_path / "worker.log").write_text("its last words")
    house = SimpleNamespace(data=tmp_path / "data", engine_data=tmp_path / "engine", log=tmp_path / "worker.log")
    hangs = asyncio.create_task(asyncio.Event().wait())
    await playing.told_late(cast("House", house), tmp_path / "kept")
    hangs.cancel()
    assert "await fut" in (tmp_path / "kept" / "stood.txt").read_text("utf-8")
    assert (tmp_path / "kept" / "worker.log").read_text() == "its last words"
    assert (tmp_path / "kept" / "data").is_dir()


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
