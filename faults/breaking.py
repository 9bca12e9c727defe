"""The faults: each takes something away for a while and gives it back."""

import asyncio
import contextlib
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from faults.house import House

Fault = Callable[[House, Random, float], Awaitable[None]]


@dataclass(frozen=True)
class Moment:
    """Which fault strikes at which act, how long after it was sent, and for how long (seconds)."""

    at: int
    kind: str
    delay: float
    lasts: float

    def __str__(self) -> str:
        return f"{self.kind} at act {self.at} after {self.delay * 1000:.0f} ms for {self.lasts:.1f} s"


async def worker_killed(house: House, die: Random, lasts: float) -> None:
    house.worker.kill()
    await asyncio.sleep(lasts / 4)
    house.start_worker()


async def worker_frozen(house: House, die: Random, lasts: float) -> None:
    house.worker.freeze()
    await asyncio.sleep(lasts)
    house.worker.thaw()


async def engine_killed(house: House, die: Random, lasts: float) -> None:
    house.engine.kill()
    await asyncio.sleep(lasts / 4)
    await house.start_engine()


async def engine_frozen(house: House, die: Random, lasts: float) -> None:
    house.engine.freeze()
    await asyncio.sleep(lasts)
    house.engine.thaw()


async def caseload_locked(house: House, die: Random, lasts: float) -> None:
    """Somebody else holds the database."""
    with contextlib.closing(sqlite3.connect(house.data / "caseload.db", timeout=5, isolation_level=None)) as holding:
        with contextlib.suppress(sqlite3.OperationalError):  # the worker holds it longer than we wait
            holding.execute("BEGIN EXCLUSIVE")
        await asyncio.sleep(lasts)
        if holding.in_transaction:
            holding.execute("ROLLBACK")


async def caseload_gone(house: House, die: Random, lasts: float) -> None:
    """The file is moved away, and something stands in its place that is no database."""
    there, away = house.data / "caseload.db", house.data / "caseload.away"
    if not there.is_file():
        return
    there.rename(away)
    there.mkdir()
    await asyncio.sleep(lasts)
    there.rmdir()
    away.rename(there)


async def post_fails(house: House, die: Random, lasts: float) -> None:
    await house.post.be(die.choice(["away", "hangs", "refuses"]))
    await asyncio.sleep(lasts)
    await house.post.be("answers")


async def clock_jumps(house: House, die: Random, lasts: float) -> None:
    """The worker's wall clock jumps by minutes to a year, either way, and back."""
    seconds = die.choice([-1, 1]) * die.choice([90, 7_200, 86_400, 31_536_000])
    _set(house.clock, seconds)
    await asyncio.sleep(lasts + 1)
    _set(house.clock, 0)


def _set(clock: Path, seconds: int) -> None:
    draft = clock.with_suffix(".new")
    draft.write_text(f"{seconds:+d}", "ascii")
    draft.replace(clock)


async def worker_disk_full(house: House, die: Random, lasts: float) -> None:
    await _fill(house.data, lasts)


async def engine_disk_full(house: House, die: Random, lasts: float) -> None:
    await _fill(house.engine_data, lasts)


async def _fill(folder: Path, lasts: float) -> None:
    ballast = folder / "ballast"
    try:
        with ballast.open("wb", buffering=0) as filling, contextlib.suppress(OSError):
            for size in (1 << 20, 1 << 12, 1):
                with contextlib.suppress(OSError):
                    while filling.write(b"\0" * size) == size:
                        pass
        await asyncio.sleep(lasts)
    finally:
        ballast.unlink(missing_ok=True)


KINDS: Final[dict[str, tuple[Fault, str]]] = {
    "worker killed": (worker_killed, "worker"),
    "worker held still": (worker_frozen, "worker"),
    "engine killed": (engine_killed, "engine"),
    "engine held still": (engine_frozen, "engine"),
    "caseload locked": (caseload_locked, "caseload"),
    "caseload moved away": (caseload_gone, "caseload"),
    "mail and webhook fail": (post_fails, "post"),
    "worker's clock jumps": (clock_jumps, "clock"),
    "worker's disk full": (worker_disk_full, "disk"),
    "engine's disk full": (engine_disk_full, "engine's disk"),
}
"""Each fault and what it has in its hands while it lasts: two do not take the same thing away at once."""


def drawn(die: Random, acts: int, faults: int, *, early: int) -> list[Moment]:
    """At which moments what fails, in the order of the acts. Every kind is as likely.

    The worker's clock jumps before act ``early``.
    """
    kinds = list(KINDS)
    die.shuffle(kinds)
    return sorted(
        (
            Moment(
                die.randrange(1, max(2, early) if "clock" in kinds[n % len(kinds)] else acts),
                kinds[n % len(kinds)],
                die.choice([0.0, die.uniform(0, 0.05), die.uniform(0, 0.3)]),
                die.uniform(0.3, 1.6),
            )
            for n in range(faults)
        ),
        key=lambda moment: moment.at,
    )


class Breaking:
    """The faults of one course, under way."""

    def __init__(self, house: House, die: Random) -> None:
        self.struck: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self._house, self._die = house, die
        self._locks = {what: asyncio.Lock() for _, what in KINDS.values()}
        self._under_way: set[asyncio.Task[None]] = set()

    def strike(self, moment: Moment) -> None:
        """Have a fault strike beside what goes on."""
        task = asyncio.create_task(self._strike(moment))
        self._under_way.add(task)

    async def _strike(self, moment: Moment) -> None:
        house = self._house
        if ("disk" in moment.kind and not house.small_disks) or ("clock" in moment.kind and not house.odd_clock):
            self.left_out[moment.kind] += 1
            return
        await asyncio.sleep(moment.delay)
        fault, what = KINDS[moment.kind]
        async with self._locks[what]:
            house.on_purpose.add(what)
            try:
                await fault(house, self._die, moment.lasts)
                self.struck[moment.kind] += 1
            finally:
                house.on_purpose.discard(what)

    async def over(self) -> None:
        """Wait until everything has been given back. Raises what a fault could not do."""
        while self._under_way:
            done, self._under_way = self._under_way, set()
            await asyncio.gather(*done)
