"""One input after the other in a process of its own, with a bound on its memory and its time; what came of each.

Whatever is raised that the contract has no word for is a find: a wrong answer, an error, a process that died, a second
too many, a megabyte too many.
"""

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
        for what, found in other.finds.items():
            if what in self.finds:
                self.finds[what].times += found.times
            else:
                self.finds[what] = found


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
) -> Judged:
    """Judge inputs in a process that is forked for them. A process that dies is told as a find, and the rest goes on."""
    judged = Judged(kind.name)
    ahead = [list(numbers)]
    while ahead:
        if not (these := ahead.pop()):
            continue
        at = mmap.mmap(-1, 8)
        at[:8] = struct.pack("q", these[0])
        answers, told = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.get_context("fork").Process(
            target=_judge_here, args=(kind, seed, these, at, told, seconds, memory)
        )
        process.start()
        told.close()
        try:
            judged.add(answers.recv())
        except EOFError:
            died: int = struct.unpack("q", at[:8])[0]
            process.join()
            given = kind.make(chance_of(seed, kind.name, died))
            find = Find(kind.name, f"the process died ({process.exitcode})", died, given)
            judged.add(Judged(kind.name, inputs=1, answers=Counter({"died": 1}), finds={find.what: find}))
            # What was judged before it was not told yet.
            ahead += [these[these.index(died) + 1 :], these[: these.index(died)]]
        process.join()
        answers.close()
        at.close()
    return judged


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
        at[:8] = struct.pack("q", number)
        given = kind.make(chance_of(seed, kind.name, number))
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
    if what in judged.finds:
        judged.finds[what].times += 1
    elif what is not None:
        judged.finds[what] = Find(kind.name, what, number, Given(given.raw[:_LONGEST_KEPT], given.where))


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
    """Judge every piece, so many at once; the sums by kind."""
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
