"""Servers and workers as processes of their own, that can be ended by force or held still."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from temporalio.client import Client

from activities.settings import read_settings
from sealing.composing import open_sealing
from sealing.faults import SealingFault
from starter.binaries import SERVER, binary

ROOT = Path(__file__).resolve().parents[1]


def free_port() -> int:
    """A port that nobody listens on, and that was given nobody before: the system gives one twice now and then."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            found = int(probe.getsockname()[1])
        if found not in _GIVEN:
            _GIVEN.add(found)
            return found


_GIVEN: set[int] = set()


class Process:
    """One process that we started, and that alone we end."""

    def __init__(self, *command: str, log: Path, **environment: str) -> None:
        kept = {n: v for n, v in os.environ.items() if not n.startswith(("HOMEWARD_", "TEMPORAL_"))}
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**kept, **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def kill(self) -> bool:
        """End it as a power cut would (kill -9). Whether it still ran."""
        self._process.send_signal(signal.SIGKILL)
        return self._process.wait() == -signal.SIGKILL

    def freeze(self) -> bool:
        """Hold it still, as a machine does that is moved or swaps. Whether it still ran."""
        self._process.send_signal(signal.SIGSTOP)
        return self._process.returncode is None

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def told_to_stop(self) -> None:
        """Tell it to end in order, and do not wait for it."""
        self._process.terminate()

    def stop(self) -> int:
        """End it in order; its exit code."""
        if self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(20)
        if self._process.poll() is None:
            self.kill()
        return self._process.returncode


def launch_server(port: int, data: Path, **settings: str) -> Process:
    """The development server with its file, not yet listening. ``settings`` are dynamic ones, `_` for a dot in a name."""
    return Process(
        binary(SERVER),
        *("server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(port)),
        *("--db-filename", str(data / "engine.db"), "--log-level", "error"),
        *(part for name, value in settings.items() for part in _dynamic(name, value)),
        log=data / "server.log",
    )


def _dynamic(name: str, value: str) -> tuple[str, str]:
    return "--dynamic-config-value", f"{name.replace('_', '.')}={value}"


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start_server(port: int, data: Path) -> Process:
    """The development server with its file, listening when this returns."""
    server = launch_server(port, data)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if listens(port):
            return server
        time.sleep(0.05)
    server.kill()
    raise AssertionError((data / "server.log").read_text("utf-8", "replace"))


async def client_with_keys(port: int, data: Path) -> Client:
    """A client of that server with the keys of the worker that works on this data folder; it waits for them."""
    until = time.monotonic() + 30
    while True:
        try:
            sealing = await open_sealing(read_settings(data=data), make=False)
            return await Client.connect(f"127.0.0.1:{port}", data_converter=sealing.converter)
        except SealingFault:
            # The worker makes them when it starts.
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.1)


def start_worker(port: int, data: Path, root: Path = ROOT, log: Path | None = None, /, **environment: str) -> Process:
    """`python worker.py` against that server; ``root`` is the checkout whose worker it is.

    It logs into ``log``, or else into its data folder.
    """
    return Process(
        sys.executable,
        # Python looks beside the file first, so it is that checkout's code throughout.
        str(root / "worker.py"),
        log=log or data / "worker.log",
        TEMPORAL_ADDRESS=f"127.0.0.1:{port}",
        HOMEWARD_DATA=str(data),
        **environment,
    )


def settings_of_time() -> Mapping[str, str]:
    """Dynamic settings by which the engine lets the clock of one case run ahead, and looks at its timers often."""
    return {"frontend_WorkflowTimeSkippingEnabled": "true", "history_timerProcessorMaxTimeShift": '"20ms"'}
