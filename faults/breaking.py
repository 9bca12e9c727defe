"""The faults: each takes something away for a while and gives it back."""

import asyncio
import contextlib
import sqlite3
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final, cast

from faults.house import House
from faults.post import Mood
from workflows.messages import KEEP_CASELOAD_ROW

LONG: Final = (4.0, 15.0)
"""Seconds that a long fault lasts: past SQLite's patience, a row's, a task's, and a mail server's."""
SHORT: Final = (0.3, 1.6)
LONG_OF_ALL: Final = 0.25
"""The share of faults that are long."""
BITES_WITHIN: Final = 15.0
"""Seconds more that a fault is given to be felt."""


@dataclass(frozen=True)
class Moment:
    """Which fault strikes at which act, how long after it was sent, and for how long (seconds)."""

    at: int
    kind: str
    delay: float
    lasts: float
    how: str = ""
    """What the receivers do, or by how many seconds the clock jumps."""
    while_time_passes: bool = False
    """Whether it strikes while the time before that act passes, and not at the act."""

    def __str__(self) -> str:
        when = "in the time before" if self.while_time_passes else "at"
        how = f" ({self.how})" if self.how else ""
        return f"{self.kind}{how} {when} act {self.at} after {self.delay * 1000:.0f} ms for {self.lasts:.1f} s"


Fault = Callable[[House, Moment], Awaitable[bool]]
"""Returns whether it bit: whether anything was taken away."""


async def worker_killed(house: House, moment: Moment) -> bool:
    bit = house.worker.kill()
    await asyncio.sleep(moment.lasts)
    house.start_worker()
    return bit


async def worker_frozen(house: House, moment: Moment) -> bool:
    bit = house.worker.freeze()
    await asyncio.sleep(moment.lasts)
    house.worker.thaw()
    return bit


async def engine_killed(house: House, moment: Moment) -> bool:
    bit = house.engine.kill()
    await asyncio.sleep(moment.lasts)
    await house.start_engine()
    return bit


async def engine_frozen(house: House, moment: Moment) -> bool:
    bit = house.engine.freeze()
    await asyncio.sleep(moment.lasts)
    house.engine.thaw()
    return bit


async def caseload_locked(house: House, moment: Moment) -> bool:
    """Somebody else holds the database."""
    database = house.data / "caseload.db"
    # Waiting is done in a thread, so that the course goes on meanwhile.
    with contextlib.closing(
        sqlite3.connect(database, timeout=5, isolation_level=None, check_same_thread=False)
    ) as holding:
        try:
            await asyncio.to_thread(holding.execute, "BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:  # the worker holds it longer than we wait
            return False
        await asyncio.sleep(moment.lasts)
        holding.execute("ROLLBACK")
    return True


async def caseload_gone(house: House, moment: Moment) -> bool:
    """The file is moved away, something stands in its place that is no database, and the worker starts meanwhile.

    A worker that runs on would not see it: its descriptor follows the file. It bit when a row could not be kept.
    """
    there, away = house.data / "caseload.db", house.data / "away"
    if not there.is_file() or not house.worker.kill():
        return False
    away.mkdir()
    # What SQLite has not yet written into the file itself lies beside it.
    for each in house.data.glob("caseload.db*"):
        each.rename(away / each.name)
    there.mkdir()
    before = _rows_not_kept(house)
    house.start_worker()
    until = time.monotonic() + BITES_WITHIN
    while not (bit := _rows_not_kept(house) > before) and time.monotonic() < until:  # noqa: ASYNC110 - a log has no event
        await asyncio.sleep(0.1)
    if bit:
        await asyncio.sleep(moment.lasts)
    there.rmdir()
    for each in away.iterdir():
        each.rename(house.data / each.name)
    away.rmdir()
    return bit


def _rows_not_kept(house: House) -> int:
    return sum(
        told.get("activity") == KEEP_CASELOAD_ROW and told.get("event") == "Completing activity as failed"
        for told in house.log_lines()
    )


async def key_store_gone(house: House, moment: Moment) -> bool:
    """The worker starts meanwhile, for one that runs remembers the keys of its cases."""
    store = Path(house.settings.keys.database or "")
    return house.worker.kill() and await _moved_away(store, moment.lasts, meanwhile=house.start_worker)


async def archive_gone(house: House, moment: Moment) -> bool:
    """What ends meanwhile is not kept yet, and no run that was kept can be read."""
    return await _moved_away(Path(house.settings.archive), moment.lasts)


async def _moved_away(there: Path, lasts: float, *, meanwhile: Callable[[], None] = lambda: None) -> bool:
    """Something of another kind stands in its place. Whether it was there to be taken away."""
    give_back = _take_away(there)
    if give_back is None:
        return False
    meanwhile()
    await asyncio.sleep(lasts)
    give_back()
    return True


def _take_away(there: Path) -> Callable[[], None] | None:
    """Take a file or a folder away; what is returned gives it back. None where there is none yet."""
    away, a_file = there.with_name(f"{there.name}.away"), there.is_file()
    if not there.exists():
        return None
    there.rename(away)
    there.mkdir() if a_file else there.touch()

    def give_back() -> None:
        there.rmdir() if a_file else there.unlink()
        away.rename(there)

    return give_back


async def post_fails(house: House, moment: Moment) -> bool:
    await house.post.be(cast("Mood", moment.how))
    await asyncio.sleep(moment.lasts)
    await house.post.be("answers")
    return True


async def clock_jumps(house: House, moment: Moment) -> bool:
    """The worker's wall clock jumps by minutes to a year, either way, and back."""
    _set(house.clock, int(moment.how))
    await asyncio.sleep(moment.lasts + 1)
    _set(house.clock, 0)
    return True


def _set(clock: Path, seconds: int) -> None:
    draft = clock.with_suffix(".new")
    draft.write_text(f"{seconds:+d}", "ascii")
    draft.replace(clock)


async def worker_disk_full(house: House, moment: Moment) -> bool:
    return await _fill(house.data, moment.lasts)


async def engine_disk_full(house: House, moment: Moment) -> bool:
    return await _fill(house.engine_data, moment.lasts)


async def _fill(folder: Path, lasts: float) -> bool:
    ballast, full = folder / "ballast", False
    try:
        with ballast.open("wb", buffering=0) as filling:
            for size in (1 << 20, 1 << 12, 1):
                try:
                    while filling.write(b"\0" * size) == size:
                        pass
                except OSError:
                    full = True
        await asyncio.sleep(lasts)
    finally:
        ballast.unlink(missing_ok=True)
    return full


POST: Final = "mail and webhook fail"
KEYS: Final = "key store moved away"
CLOCK: Final = "worker's clock jumps"
KINDS: Final[dict[str, tuple[Fault, Sequence[str]]]] = {
    "worker killed": (worker_killed, ["worker"]),
    "worker held still": (worker_frozen, ["worker"]),
    "engine killed": (engine_killed, ["engine"]),
    "engine held still": (engine_frozen, ["engine"]),
    "caseload locked": (caseload_locked, ["caseload"]),
    "caseload moved away": (caseload_gone, ["caseload", "worker"]),
    KEYS: (key_store_gone, ["worker"]),
    "archive moved away": (archive_gone, ["archive"]),
    POST: (post_fails, ["post"]),
    CLOCK: (clock_jumps, ["clock"]),
    "worker's disk full": (worker_disk_full, ["disk"]),
    "engine's disk full": (engine_disk_full, ["engine's disk"]),
}
"""Each fault and what it has in its hands while it lasts: two do not take the same thing away at once."""
WHILE_TIME_PASSES: Final = frozenset(
    {"worker killed", "engine killed", "caseload locked", "worker's disk full", "engine's disk full"}
)
"""What may also strike while days of the case pass."""


def drawn(
    die: Random, acts: int, faults: int, *, early: int, passes: Sequence[int] = (), without: Collection[str] = ()
) -> list[Moment]:
    """At which moments what fails, in the order of the acts. Every kind is as likely, but those that it goes ``without``.

    The worker's clock jumps before act ``early``. Before the acts ``passes`` time passes, in which some strike.
    """
    kinds = [kind for kind in KINDS if kind not in without]
    die.shuffle(kinds)
    return sorted(
        (_moment(die, kinds[n % len(kinds)], acts, early, passes) for n in range(faults)), key=lambda moment: moment.at
    )


def _moment(die: Random, kind: str, acts: int, early: int, passes: Sequence[int]) -> Moment:
    in_time = bool(passes) and kind in WHILE_TIME_PASSES and die.random() < 0.5
    at = die.choice(passes) if in_time else die.randrange(1, max(2, early) if "clock" in kind else acts)
    delay = die.choice([0.0, die.uniform(0, 0.05), die.uniform(0, 0.3)])
    lasts = die.uniform(*(LONG if die.random() < LONG_OF_ALL else SHORT))
    how = ""
    if kind == POST:
        how = die.choice(["away", "hangs", "refuses"])
    elif "clock" in kind:
        how = f"{die.choice([-1, 1]) * die.choice([90, 7_200, 86_400, 31_536_000]):+d}"
    # A caseload is gone before the act is sent, so that somebody asks for it.
    return Moment(at, kind, 0.0 if kind == "caseload moved away" else delay, lasts, how, in_time)


class Breaking:
    """The faults of one course, under way."""

    def __init__(self, house: House) -> None:
        self.struck: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        """What this machine cannot do."""
        self.long = self.while_time_passed = 0
        """So many of those that struck lasted long, or struck while days of the case passed."""
        self._house = house
        self._locks = {what: asyncio.Lock() for _, whats in KINDS.values() for what in whats}
        self._under_way: set[asyncio.Task[None]] = set()
        self._again: list[Moment] = []

    def strike(self, moment: Moment) -> None:
        """Have a fault strike beside what goes on."""
        task = asyncio.create_task(self._strike(moment))
        self._under_way.add(task)

    def strike_again(self) -> None:
        """Have those strike again that found nothing to take away, or were felt by nobody."""
        again, self._again = self._again, []
        for moment in again:
            self.strike(moment)

    async def _strike(self, moment: Moment) -> None:
        house = self._house
        if ("disk" in moment.kind and not house.small_disks) or ("clock" in moment.kind and not house.odd_clock):
            self.left_out[moment.kind] += 1
            return
        await asyncio.sleep(moment.delay)
        fault, whats = KINDS[moment.kind]
        async with contextlib.AsyncExitStack() as held:
            for what in whats:
                await held.enter_async_context(self._locks[what])
                house.on_purpose.add(what)
                held.callback(house.on_purpose.discard, what)
            if not await fault(house, moment):
                self._again.append(moment)
                return
        self.struck[moment.kind] += 1
        self.long += moment.lasts >= LONG[0]
        self.while_time_passed += moment.while_time_passes

    async def over(self) -> None:
        """Wait until everything has been given back. Raises what a fault could not do."""
        while self._under_way:
            done, self._under_way = self._under_way, set()
            await asyncio.gather(*done)
