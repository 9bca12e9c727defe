"""The engine as a child process of ours: Temporal's development server with its file in the data folder.

It listens on the loopback address only, has a process group of its own (the terminal's Ctrl-C must
not end it before the worker has stopped), and ends with us, whatever ends us.
"""

import asyncio
import contextlib
import ctypes
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

from starter.binaries import SERVER, binary
from starter.endings import CannotGoOn, Exit

LOOPBACK: Final = "127.0.0.1"
START_WITHIN: Final = 60.0
"""Seconds within which the engine has to answer."""
STOP_WITHIN: Final = 10.0
"""Seconds that the engine has for an orderly end."""
_PR_SET_PDEATHSIG: Final = 1


class DataFolder:
    """The folder that keeps the state of one `homeward up`, held while it runs.

    The hold is a lock of the operating system: it goes when the process goes, however it ends.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        self._lock: IO[str] | None = None

    @property
    def database(self) -> Path:
        return self.path / "engine.db"

    @property
    def log(self) -> Path:
        return self.path / "engine.log"

    @property
    def worker_log(self) -> Path:
        return self.path / "worker.log"

    @property
    def running(self) -> Path:
        """What runs on this folder now, or ran when the last process was killed."""
        return self.path / "engine.json"

    @property
    def demo(self) -> Path:
        """The demonstration's marker."""
        return self.path / "demo.json"

    def hold(self) -> None:
        """Make the folder and take hold of it. Raises CannotGoOn when it cannot be written or is held already."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = (self.path / "up.lock").open("a+", encoding="utf-8")
        except OSError as error:
            raise CannotGoOn(
                f"The data folder {self.path} cannot be written ({error.strerror}). Name another with --data."
            ) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            holder = lock.read().strip()
            lock.close()
            raise CannotGoOn(
                f"Another `homeward up`{f' (process {holder})' if holder else ''} runs on the data folder {self.path}. "
                "Use that one, stop it, or name another folder with --data."
            ) from None
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def let_go(self) -> None:
        if self._lock:
            self._lock.close()
            self._lock = None


class Engine:
    """The development server, started, watched and stopped."""

    def __init__(
        self, folder: DataFolder, *, port: int, ui_port: int, namespace: str, codec: str | None = None
    ) -> None:
        """``port`` and ``ui_port``: 0 for any free one. Nothing is started yet.

        ``codec`` is the address at which the engine's own pages ask for clear text.
        """
        self._codec = codec
        self._folder = folder
        self._wanted = (port, ui_port)
        self.port = port
        self.ui_port = ui_port
        self.namespace = namespace
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def ui(self) -> str:
        return f"http://{LOOPBACK}:{self.ui_port}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start the server and wait until it answers. Raises CannotGoOn, one sentence, when it does not."""
        program = binary(SERVER)
        end_leftover(self._folder)
        for attempt in range(3):
            self._choose_ports()
            self._launch(program)
            if await self._answers():
                self._remember()
                return
            last_words = self._last_words()
            await self.stop()
            if 0 not in self._wanted or "address already in use" not in last_words or attempt == 2:
                raise CannotGoOn(
                    f"The engine did not start: {last_words or 'it gave no reason'} (more in {self._folder.log}).",
                    code=Exit.NO_ENGINE,
                )

    async def ended(self) -> int:
        """Wait until the server's process has ended; its exit code."""
        while self._process is not None:
            code = self._process.poll()
            if code is not None:
                return code
            await asyncio.sleep(0.2)
        return 0

    async def again(self) -> None:
        """Start the server again on the ports it had."""
        self._wanted = (self.port, self.ui_port)
        self._process = None
        await self.start()

    async def stop(self) -> None:
        """End the server in order; by force when it does not end in time."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.terminate()
            if not await _until(lambda: process.poll() is not None, STOP_WITHIN):
                process.kill()
                await _until(lambda: process.poll() is not None, STOP_WITHIN)
        self._folder.running.unlink(missing_ok=True)

    def _choose_ports(self) -> None:
        port, ui_port = self._wanted
        self.port = port or free_port()
        self.ui_port = ui_port or free_port(but=self.port)
        if self.port == self.ui_port:
            raise CannotGoOn("--engine-port and --ui-port name the same port.", code=Exit.MALFORMED)
        for number, option in ((self.port, "--engine-port"), (self.ui_port, "--ui-port")):
            if not port_is_free(number):
                raise CannotGoOn(
                    f"Port {number} is taken by another program. Stop that, or choose another with {option} "
                    "(0 for any free one)."
                )

    def _launch(self, program: str) -> None:
        command = [
            program,
            "server",
            "start-dev",
            *("--ip", LOOPBACK, "--ui-ip", LOOPBACK),
            *("--port", str(self.port), "--ui-port", str(self.ui_port)),
            *("--db-filename", str(self._folder.database)),
            *("--namespace", self.namespace),
            *("--log-level", "warn", "--log-format", "json"),
            "--ui-disable-news-fetch",
            *(("--ui-codec-endpoint", self._codec) if self._codec else ()),
        ]
        try:
            with self._folder.log.open("wb") as log:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    # Between fork and exec it calls one function of the C library, looked up before.
                    preexec_fn=_end_with_parent(),  # noqa: PLW1509
                )
        except OSError as error:
            raise CannotGoOn(
                f"The engine's program {program} cannot be started ({error.strerror}).", code=Exit.NO_ENGINE
            ) from None

    async def _answers(self) -> bool:
        process = self._process
        assert process is not None
        await _until(lambda: process.poll() is not None or _listens(self.port), START_WITHIN, every=0.02)
        return process.poll() is None and _listens(self.port)

    def _remember(self) -> None:
        self._folder.running.write_text(
            json.dumps({"pid": self.pid, "engine": self.address, "namespace": self.namespace, "ui": self.ui}) + "\n",
            encoding="utf-8",
        )

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            lines = [line for line in self._folder.log.read_text("utf-8", "replace").splitlines() if line.strip()]
            for line in reversed(lines):
                if line.startswith(("Error:", "error:")):
                    return line.partition(":")[2].strip().rstrip(".")
            return lines[-1].strip().rstrip(".") if lines else ""
        return ""


def end_leftover(folder: DataFolder) -> None:
    """End the engine that a killed `homeward up` left behind, if it still works on this folder's file."""
    try:
        pid = int(json.loads(folder.running.read_text("utf-8"))["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        return
    # A number may have gone to another program meanwhile: only a process that names our file is ours.
    for each in (signal.SIGTERM, signal.SIGKILL):
        until = time.monotonic() + STOP_WITHIN
        while _works_on(pid, folder.database):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, each)
            time.sleep(0.1)
            if time.monotonic() > until:
                break
    folder.running.unlink(missing_ok=True)


def free_port(*, but: int = 0) -> int:
    """A port of the loopback address that nobody listens on now."""
    while True:
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            found = int(probe.getsockname()[1])
        if found != but:
            return found


def port_is_free(port: int) -> bool:
    """Whether a server could listen on that port of the loopback address."""
    with socket.socket() as probe:
        # As servers do: what is only left of ended connections does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def bound(port: int, option: str) -> socket.socket:
    """A socket at that port of the loopback address, at any free one for 0. Raises CannotGoOn when it is taken."""
    if port and not port_is_free(port):
        raise CannotGoOn(
            f"Port {port} is taken by another program. Stop that, or choose another with {option} (0 for any free one)."
        )
    # Named as TCP, or asyncio would not switch its delay off, and every small answer would wait 40 ms for it.
    held = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((LOOPBACK, port))
    return held


def _listens(port: int) -> bool:
    # By asking, not by binding: a probe that holds the port for a moment could be what the engine trips over.
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) == 0


def _works_on(pid: int, database: Path) -> bool:
    try:
        told = subprocess.run(
            ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, timeout=5, check=False
        ).stdout
    except (OSError, subprocess.SubprocessError):
        with contextlib.suppress(OSError):
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
            return str(database).encode() in raw.split(b"\0")
        return False
    return str(database) in told


def _end_with_parent() -> Callable[[], Any] | None:
    """What the child does before it becomes the engine: ask Linux to be ended when we end.

    Elsewhere a killed `homeward up` leaves its engine, and the next one on the folder ends it.
    """
    if not sys.platform.startswith("linux"):
        return None
    try:
        prctl = ctypes.CDLL(None, use_errno=True).prctl
    except (OSError, AttributeError):
        return None
    return lambda: prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


async def _until(true: Callable[[], bool], within: float, *, every: float = 0.05) -> bool:
    """Wait until something is true; whether it became so in time."""
    until = time.monotonic() + within
    while not true():
        if time.monotonic() > until:
            return False
        await asyncio.sleep(every)
    return True
