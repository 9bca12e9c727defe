"""An engine with its file, Homeward's worker and the bare floor's, each a process of its own, and what they use.

The driver is this process, the fourth. Processor time and memory are read where Linux tells them.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from temporalio.client import Client

from activities.settings import Settings, read_settings
from faults.processes import launch_server
from sealing.composing import open_sealing
from sealing.faults import SealingFault
from starter.client import EngineUnreachable, Place, connect
from starter.embedded import LOOPBACK, DataFolder, Engine, free_port

ROOT: Final = Path(__file__).resolve().parents[1]
STARTS_WITHIN: Final = 60.0
"""Seconds that a worker has until its keys are there."""


TELLS_WITHIN: Final = 300.0
"""Seconds that a worker has to sum up what it holds: it goes through every piece."""


class WorkerProcess:
    """A worker as a process that this bench starts, kills and starts again."""

    def __init__(self, *program: str, log: Path, environment: Mapping[str, str], watched: Path | None = None) -> None:
        """``program`` is one of Python's. ``watched``: what it holds is noted, and told in this file."""
        # A module is named without `-m` to whoever watches it.
        given = program if watched is None else ("-m", "benches.holding", str(watched), *program[program[0] == "-m" :])
        self._command, self._log, self._watched = (sys.executable, *given), log, watched
        # What is set for other houses is not for this one.
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HOMEWARD_", "TEMPORAL_"))}
        self._environment = {**kept, **environment}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    async def held(self) -> dict[str, int]:
        """What Python holds that was asked for since this was called first, in bytes by part (:mod:`benches.holding`)."""
        assert self._watched is not None
        self._watched.unlink(missing_ok=True)
        os.kill(self.pid, signal.SIGUSR1)
        until = time.monotonic() + TELLS_WITHIN
        while not self._watched.exists():
            assert time.monotonic() < until, "the worker does not tell what it holds"
            await asyncio.sleep(0.05)
        return json.loads(self._watched.read_text("utf-8"))

    def kill(self) -> None:
        """End it as a power cut would (kill -9)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """End it in order, or by force where that takes too long."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


@dataclass(frozen=True)
class Works:
    """An engine and both workers, running."""

    address: str
    clear: Client
    """Sends and reads in clear, as the floor does."""
    sealed: Client
    """With Homeward's keys, as the desk has them."""
    settings: Settings
    """Homeward's, for whoever needs its data folder."""
    homeward: WorkerProcess
    floor: WorkerProcess
    engine: int
    """The engine's process."""


@asynccontextmanager
async def works(*, watched: bool = False, skips: bool = False) -> AsyncGenerator[Works]:
    """The development server with its file, and both workers, while the context is open.

    ``watched``: it is noted what the workers hold, which makes them slow. ``skips``: the clock of a case may be let run
    ahead.
    """
    with tempfile.TemporaryDirectory(prefix="homeward-bench-") as name:
        async with AsyncExitStack() as stack:
            if skips:
                server = launch_server(port := free_port(), Path(name), frontend_WorkflowTimeSkippingEnabled="true")
                stack.callback(server.stop)
                address, pid = f"{LOOPBACK}:{port}", server.pid
            else:
                engine = Engine(DataFolder(Path(name)), port=0, ui_port=0, namespace="default")
                await engine.start()
                stack.push_async_callback(engine.stop)
                assert engine.pid is not None
                address, pid = engine.address, engine.pid
            yield await stack.enter_async_context(on(address, pid, Path(name), watched=watched))


@asynccontextmanager
async def on(address: str, engine: int, folder: Path, *, watched: bool = False) -> AsyncGenerator[Works]:
    """Both workers on an engine that runs already, while the context is open."""
    data = folder / "homeward"
    data.mkdir()
    homeward = WorkerProcess(
        "worker.py",
        watched=folder / "held-homeward.json" if watched else None,
        log=folder / "worker.log",
        # All on that a worker can have without another server: sealing, signed acts, caseload, notices, measures.
        environment={
            "TEMPORAL_ADDRESS": address,
            "HOMEWARD_DATA": str(data),
            "HOMEWARD_METRICS_BIND": f"{LOOPBACK}:{free_port()}",
        },
    )
    floor = WorkerProcess(
        *("-m", "benches.floor", address),
        watched=folder / "held-floor.json" if watched else None,
        log=folder / "floor.log",
        environment={},
    )
    settings = read_settings(data=data)
    until = time.monotonic() + STARTS_WITHIN
    while True:
        try:
            clear = await connect(Place(address, "default"), elsewhere=False)
        except EngineUnreachable:
            # It listens a moment before it is well.
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.05)
        else:
            break
    async with AsyncExitStack() as stack:
        for each in (homeward, floor):
            stack.callback(each.stop)
            each.start()
        while True:
            try:
                sealing = await open_sealing(settings, make=False)
            except SealingFault:
                # The worker makes them when it starts.
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(0.05)
            else:
                break
        stack.push_async_callback(sealing.close)
        sealed = await connect(Place(address, "default"), elsewhere=False, converter=sealing.converter)
        yield Works(address, clear, sealed, settings, homeward, floor, engine)


# What processes use


@dataclass(frozen=True)
class Used:
    """What one stretch of time took, in seconds: by the clock, and of processors by whom."""

    seconds: float
    homeward: float
    floor: float
    engine: float
    driver: float
    foreign: float
    """The share of the machine's processors, 0 to 1, that programs took which are no part of this."""


@dataclass(frozen=True)
class Reading:
    """The clocks of all processes at one moment."""

    at: float
    homeward: float
    floor: float
    engine: float
    driver: float
    busy: float
    """Of the whole machine."""

    @classmethod
    def of(cls, where: Works) -> "Reading":
        return cls(
            time.perf_counter(),
            work(where.homeward.pid),
            work(where.floor.pid),
            work(where.engine),
            time.process_time(),
            _busy(),
        )

    def until(self, later: "Reading") -> Used:
        """What was used from this moment to a later one."""
        seconds = later.at - self.at
        parts = [
            getattr(later, name) - getattr(self, name) for name in ("homeward", "floor", "engine", "driver", "busy")
        ]
        *ours, busy = parts
        foreign = max(0.0, busy - sum(ours)) / (seconds * (os.cpu_count() or 1)) if seconds else 0.0
        return Used(seconds, *ours, foreign=foreign)


def work(process: int) -> float:
    """Seconds of processor time that a process has used, all its threads together. Raises OSError when it is gone."""
    fields = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(process: int) -> float:
    """Megabytes of memory that a process holds. Raises OSError when it is gone."""
    pages = Path(f"/proc/{process}/statm").read_text("utf-8").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1024**2


def _busy() -> float:
    """Seconds of processor time that the machine has spent on anything, what others took from it included."""
    fields = Path("/proc/stat").read_text("utf-8").splitlines()[0].split()[1:9]
    user, nice, system, _idle, _waits, interrupts, soft, stolen = map(int, fields)
    return (user + nice + system + interrupts + soft + stolen) / os.sysconf("SC_CLK_TCK")
