"""One engine, one worker and what they need, as processes and files that can be taken away and given back."""

import asyncio
import email
import json
import os
import shutil
import subprocess
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client

from activities.settings import Settings, read_settings
from benches.courses import Signs
from faults.post import SECRET, Post
from faults.processes import ROOT, Process, free_port, launch_server, listens, settings_of_time, start_worker
from procedure.vocabulary import ROLES
from sealing.composing import open_sealing
from starter.client import Cases

DISK_MEGABYTES: Final = 48
EVENTS_A_RUN: Final = "140"
"""After so many events the engine suggests a new run: a course of sixty acts takes several."""

COMPILER: Final = shutil.which("cc")
"""With a C compiler the worker gets a wall clock of its own (clock.c). The engine asks the kernel past it."""


OUTSIDE: Final = "FAULTS_MOUNTS_OUTSIDE"
"""In a seed's environment: how the system names the mounts of whoever started it."""


def mounts() -> str:
    """How the system names the mounts that this process sees; empty where it does not say."""
    try:
        return str(Path("/proc/self/ns/mnt").readlink())
    except OSError:
        return ""


def own_mounts() -> Sequence[str]:
    """What goes before a command so that what it mounts is seen by nobody else, and goes when it ends; or nothing."""
    apart = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
    try:
        able = os.getuid() == 0 and not subprocess.run([*apart, "true"], capture_output=True, check=False).returncode
    except OSError:
        able = False
    return apart if able else ()


def may_mount() -> bool:
    """Whether this process was started with mounts of its own."""
    return os.environ.get(OUTSIDE, mounts()) != mounts()


@dataclass(frozen=True)
class Ways:
    """By which ways people and programs are told; with neither, notices only lie in the folder."""

    mail: bool = True
    webhook: bool = True

    def __str__(self) -> str:
        set_up = [*(["mail"] if self.mail else []), *(["webhook"] if self.webhook else [])]
        return " and ".join(set_up) or "folder alone"


class House:
    """Everything of one course. What ends by itself is started again, as an operator's supervisor does."""

    def __init__(self, home: Path, *, states: Sequence[str], odd_clock: bool, ways: Ways, signed: bool = False) -> None:
        """``odd_clock``: the worker runs on a wall clock that can be set. ``signed``: what is said to cases is signed."""
        self.home, self.ways = home, ways
        self.data, self.engine_data = home / "data", home / "engine"
        self.small_disks = may_mount()
        """Whether the folders are small disks, that can be full."""
        for folder in (self.data, self.engine_data):
            folder.mkdir()
            if self.small_disks:
                size = f"size={DISK_MEGABYTES}m"
                subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)], check=True)
        self.log = home / "worker.log"
        """What the workers log. Not on the small disk: what they say while it is full is looked at too."""
        self.port = free_port()
        self.post = Post(free_port(), free_port())
        self.odd_clock = odd_clock and COMPILER is not None
        self.clock = home / "clock"
        self.clock.write_text("+0", "ascii")
        book = home / "book.toml"
        addresses = [f'"{role}@{state}" = "{role}.{state.lower()}@example.org"' for role in ROLES for state in states]
        book.write_text("\n".join(addresses), "ascii")
        self._environment = {"HOMEWARD_LOG_FORMAT": "json"}
        if ways.mail:
            self._environment |= {
                "HOMEWARD_SMTP_HOST": "127.0.0.1",
                "HOMEWARD_SMTP_PORT": str(self.post.mail_port),
                "HOMEWARD_SMTP_STARTTLS": "false",
                "HOMEWARD_SMTP_SENDER": "homeward@example.org",
                "HOMEWARD_ADDRESS_BOOK": str(book),
            }
        if ways.webhook:
            self._environment |= {
                "HOMEWARD_WEBHOOK_URL": f"http://127.0.0.1:{self.post.webhook_port}/events",
                "HOMEWARD_WEBHOOK_SECRET": SECRET,
            }
        if self.odd_clock:
            assert COMPILER is not None
            library = home / "clock.so"
            source = Path(__file__).with_name("clock.c")
            subprocess.run([COMPILER, "-O2", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
            self._environment |= {"LD_PRELOAD": str(library), "HOST_CLOCK": str(self.clock)}
        self.restarted = 0
        """So often a process ended by itself."""
        self.on_purpose: set[str] = set()
        """Processes that somebody has in hand just now."""
        self.signs = Signs(self.settings) if signed else None
        """Who signs what is said to cases; None where nothing is signed."""
        self.engine = self._launch_engine()
        self.worker = self._launch_worker()

    @property
    def settings(self) -> Settings:
        """Where everything of this house lies."""
        return read_settings(data=self.data)

    def _launch_engine(self) -> Process:
        return launch_server(
            self.port,
            self.engine_data,
            **settings_of_time(),
            limit_historyCount_suggestContinueAsNew=EVENTS_A_RUN,
        )

    def _launch_worker(self) -> Process:
        return start_worker(self.port, self.data, ROOT, self.log, **self._environment)

    async def start_engine(self) -> None:
        self.engine = self._launch_engine()
        until = time.monotonic() + 30
        # No event tells when a port is listened on.
        while not listens(self.port) and not self.engine.ended and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    def start_worker(self) -> None:
        self.worker = self._launch_worker()

    async def watch(self) -> None:
        """Start again what ended without being asked to."""
        while True:
            await asyncio.sleep(0.2)
            if self.engine.ended and "engine" not in self.on_purpose:
                self.restarted += 1
                await self.start_engine()
            if self.worker.ended and "worker" not in self.on_purpose:
                self.restarted += 1
                self.start_worker()

    async def client(self) -> Client:
        """A client of its own, with keys of its own."""
        until = time.monotonic() + 60
        while True:
            try:
                sealing = await open_sealing(self.settings, make=False)
                return await Client.connect(f"127.0.0.1:{self.port}", data_converter=sealing.converter)
            except Exception:
                # Keys are made by the worker, and both have only just been started.
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(0.1)

    async def cases(self) -> Cases:
        """A client as a desk has it, which signs where this house signs."""
        return Cases(await self.client(), patience=timedelta(seconds=10), signer=self.signs)

    def stop(self) -> None:
        self.worker.thaw()
        self.engine.thaw()
        self.worker.stop()
        self.engine.stop()
        if self.small_disks:
            for folder in (self.data, self.engine_data):
                subprocess.run(["umount", "-l", str(folder)], check=False)

    def log_lines(self) -> list[dict[str, Any]]:
        """What the workers logged, as :func:`lines_of` reads it."""
        return lines_of(self.log.read_text("utf-8", "replace"))

    def end_worker(self) -> int:
        """End the worker in order, for good; its exit code."""
        self.on_purpose.add("worker")
        return self.worker.stop()

    def notices(self) -> list[EmailMessage]:
        """What lies in the folder of notices."""
        folder = self.settings.notices_folder
        return [
            email.message_from_bytes(each.read_bytes(), policy=policy.default)
            for part in ("new", "cur")
            for each in sorted((folder / part).glob("*"))
        ]


def lines_of(log: str) -> list[dict[str, Any]]:
    """The lines of a log. One that is no JSON is under ``said`` alone.

    A line that a killed worker did not end is left out; what the next one said follows in the same line, and counts.
    """
    lines: list[dict[str, Any]] = []
    for line in log.splitlines():
        left = line
        while left:
            try:
                lines.append(json.loads(left))
            except ValueError:
                if not left.startswith("{"):
                    lines.append({"said": left})
                    break
                following = left.find('{"', 1)
                left = left[following:] if following > 0 else ""
            else:
                break
    return lines


@asynccontextmanager
async def housed(
    home: Path, *, states: Sequence[str], odd_clock: bool, ways: Ways, signed: bool
) -> AsyncGenerator[House]:
    """A house that runs while the context is open."""
    house = House(home, states=states, odd_clock=odd_clock, ways=ways, signed=signed)
    watching: asyncio.Task[None] | None = None
    try:
        await house.post.be("answers")
        watching = asyncio.create_task(house.watch())
        yield house
    finally:
        if watching is not None:
            watching.cancel()
        await house.post.be("away")
        house.stop()
