"""One input after the other in a process of its own, with a bound on its memory and its time; what came of each.

Whatever is raised that the contract has no word for is a find: a wrong answer, an error, a process that died, a second
too many, a megabyte too many; and an input that could not be made, for nobody knows how it would have been answered.
"""

import math
import mmap
import multiprocessing
import os
import resource
import signal
import struct
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path
from random import Random
from typing import Any, Final, NoReturn, Protocol, cast

MEGABYTE: Final = 1024**2
ALLOWED_SECONDS: Final = 10.0
"""Seconds of processor time within which every input is answered."""
ALLOWED_SILENCE: Final = 60.0
"""Seconds of the clock on the wall after which an input without an answer waits for something, and is broken off."""
ALLOWED_BYTES: Final = 256 * MEGABYTE
"""So much more memory than before may reading one input take, whatever it is."""
_LONGEST_KEPT: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Given:
    """One input. ``where`` picks what it is put to: a case, or a command."""

    raw: bytes
    where: int = 0


class Kind(Protocol):
    """A kind of input: how one is made, and what is answered to it."""

    @property
    def name(self) -> str: ...

    def make(self, chance: Random) -> Given: ...

    def answer(self, given: Given) -> str:
        """What was answered, in few words. Raises whatever the program raises, and :class:`Wrong`."""
        ...


class Wrong(AssertionError):
    """An answer that is none."""


class TooSlow(BaseException):
    """The time for one input is over. Not an ``Exception``: a command that catches all would hide it."""


@dataclass
class Find:
    """An input to which something else was answered than the contract knows."""

    kind: str
    what: str
    """The same for the same fault: the error and the place in our code that it came through."""
    number: int
    given: Given
    times: int = 1


@dataclass
class Judged:
    """What came of many inputs."""

    kind: str
    inputs: int = 0
    answers: Counter[str] = field(default_factory=Counter[str])
    slowest: float = 0.0
    slowest_number: int = -1
    seconds: float = 0.0
    peak: int = 0
    """Bytes of memory at the peak, beyond what the process had at its beginning."""
    finds: dict[str, Find] = field(default_factory=dict[str, Find])

    def add(self, other: "Judged") -> None:
        self.inputs += other.inputs
        self.answers.update(other.answers)
        self.seconds += other.seconds
        self.peak = max(self.peak, other.peak)
        if other.slowest > self.slowest:
            self.slowest, self.slowest_number = other.slowest, other.slowest_number
        for found in other.finds.values():
            self.add_find(found)

    def add_find(self, find: Find) -> None:
        if find.what in self.finds:
            self.finds[find.what].times += find.times
        else:
            self.finds[find.what] = find


def chance_of(seed: int, kind: str, number: int) -> Random:
    """The chance out of which input ``number`` is made."""
    return Random(f"{seed} {kind} {number}")  # noqa: S311 - it must come again


def judge(
    kind: Kind,
    seed: int,
    numbers: Sequence[int],
    *,
    seconds: float = ALLOWED_SECONDS,
    memory: int = ALLOWED_BYTES,
    silence: float = ALLOWED_SILENCE,
) -> Judged:
    """Judge inputs in a process that is forked for them. One that dies or waits is told as a find, and the rest goes on."""
    judged = Judged(kind.name)
    ahead = [list(numbers)]
    while ahead:
        if not (these := ahead.pop()):
            continue
        at = mmap.mmap(-1, _AT.size)
        at[:] = _AT.pack(these[0], False)
        answers, told = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.get_context("fork").Process(
            target=_judge_here, args=(kind, seed, these, at, told, seconds, memory)
        )
        process.start()
        told.close()
        waits = _waits(answers, at, silence)
        if waits:
            process.kill()
        try:
            judged.add(answers.recv())
        except EOFError:
            process.join()
            number, made = cast("tuple[int, bool]", _AT.unpack(at[:]))
            what = "no answer, it waits" if waits else _DIED_OF.get(process.exitcode, f"died ({process.exitcode})")
            # In this process nothing is made that could not be made in the other: it would end as that did.
            given = kind.make(chance_of(seed, kind.name, number)) if made else Given(b"")
            find = Find(kind.name, what if made else f"in the making: {what}", number, given)
            judged.add(Judged(kind.name, inputs=1, answers=Counter({"ended": 1}), finds={find.what: find}))
            # What was judged before it was not told yet.
            ahead += [these[these.index(number) + 1 :], these[: these.index(number)]]
        process.join()
        answers.close()
        at.close()
    return judged


_AT: Final = struct.Struct("q?")
"""Which input is on, and whether it is made."""
_DIED_OF: Final[dict[int | None, str]] = {-signal.SIGXCPU: "too slow, in one piece that nothing breaks off"}


def _waits(answers: Any, at: mmap.mmap, silence: float) -> bool:
    """Wait until something is told, or the pipe is closed; whether one input took so long on the wall before."""
    seen, since = at[:], time.monotonic()
    while not answers.poll(min(1.0, silence / 4)):
        if (now := at[:]) != seen:
            seen, since = now, time.monotonic()
        elif time.monotonic() - since > silence:
            return True
    return False


def _judge_here(
    kind: Kind, seed: int, numbers: Sequence[int], at: mmap.mmap, told: Any, seconds: float, memory: int
) -> None:
    before = _resident()
    limit = _address_space() + memory
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, _too_slow)
    judged = Judged(kind.name)
    for number in numbers:
        at[:] = _AT.pack(number, False)
        # Python's own handler does not run within one long call; the system ends the process whatever it is at.
        soon = math.ceil(time.process_time() + seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (soon, resource.RLIM_INFINITY))
        try:
            given = kind.make(chance_of(seed, kind.name, number))
        except Exception as error:  # noqa: BLE001 - it must be told, and the rest goes on
            judged.inputs += 1
            judged.answers["not made"] += 1
            judged.add_find(Find(kind.name, f"in the making: {told_of(error)}", number, Given(b"")))
            continue
        at[:] = _AT.pack(number, True)
        _answered(kind, given, number, judged, seconds)
    judged.peak = max(0, _peak() - before)
    if judged.peak > memory:
        find = Find(kind.name, f"more than {memory // MEGABYTE} MB of memory", numbers[0], Given(b""))
        judged.finds[find.what] = find
    told.send(judged)
    told.close()


def _answered(kind: Kind, given: Given, number: int, judged: Judged, seconds: float) -> None:
    begun = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, seconds)
    what = None
    try:
        answer = kind.answer(given)
    except (Exception, TooSlow) as error:  # noqa: BLE001 - that is what is looked for
        answer, what = "a find", told_of(error)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    took = time.process_time() - begun
    judged.inputs += 1
    judged.seconds += took
    judged.answers[answer] += 1
    if took > judged.slowest:
        judged.slowest, judged.slowest_number = took, number
    if what is None and took > seconds:
        what = "too slow, in one piece"
    if what is not None:
        judged.add_find(Find(kind.name, what, number, Given(given.raw[:_LONGEST_KEPT], given.where)))


def told_of(error: BaseException) -> str:
    """The error and the innermost place in our code that it came through."""
    ours = [
        f"{Path(frame.filename).relative_to(_ROOT)}:{frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.startswith(f"{_ROOT}/") and "/.venv/" not in frame.filename
    ]
    where = next((each for each in reversed(ours) if not each.startswith("hostile/")), ours[-1] if ours else "nowhere")
    why = f": {error}" if isinstance(error, Wrong) else ""
    return f"{type(error).__name__} in {where}{why}"


_ROOT: Final = Path(__file__).resolve().parent.parent


def _too_slow(number: int, frame: object) -> NoReturn:
    raise TooSlow


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _address_space() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


# Many at once


@dataclass(frozen=True)
class Piece:
    """So many inputs of a kind, judged in one process."""

    kind: Kind
    seed: int
    numbers: range


def pieces(kind: Kind, seed: int, count: int, each: int) -> list[Piece]:
    return [Piece(kind, seed, range(first, min(first + each, count))) for first in range(0, count, each)]


def judge_all(work: Sequence[Piece], processes: int, tell: Callable[[Judged], None]) -> dict[str, Judged]:
    """Judge every piece, so many at once; the sums by kind. Whoever asks counts: a process that ends early tells less."""
    summed: dict[str, Judged] = {}
    lanes: list[Any] = []
    open_ends: list[Any] = []
    for n in range(processes):
        answers, told = multiprocessing.Pipe(duplex=False)
        # Processes and not threads: whoever forks beside other threads may take a lock along that nobody opens.
        lane = multiprocessing.get_context("fork").Process(target=_lane, args=(list(work[n::processes]), told))
        lane.start()
        told.close()
        lanes.append(lane)
        open_ends.append(answers)
    while open_ends:
        for end in wait(open_ends):
            try:
                judged: Judged = cast(Any, end).recv()
            except EOFError:
                open_ends.remove(end)
                continue
            summed.setdefault(judged.kind, Judged(judged.kind)).add(judged)
            tell(judged)
    for lane in lanes:
        lane.join()
    return summed


def _lane(work: Sequence[Piece], told: Any) -> None:
    for piece in work:
        told.send(judge(piece.kind, piece.seed, piece.numbers))
    told.close()
