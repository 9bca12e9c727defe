"""Servers and workers as processes of their own, that can be ended by force."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.workflows.engines import program

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """One process that the test started, and that alone it ends."""

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

    def kill(self) -> None:
        """End it as a power cut would (kill -9)."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> int:
        """End it in order; its exit code."""
        if self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(20)
        if self._process.poll() is None:
            self.kill()
        return self._process.returncode


def start_server(port: int, data: Path) -> Process:
    """The development server with its file, listening when this returns."""
    server = Process(
        program("temporal"),
        *("server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(port)),
        *("--db-filename", str(data / "engine.db"), "--log-level", "error"),
        log=data / "server.log",
    )
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return server
        time.sleep(0.05)
    server.kill()
    raise AssertionError((data / "server.log").read_text("utf-8", "replace"))


def start_worker(port: int, data: Path, **environment: str) -> Process:
    """`python worker.py` against that server."""
    return Process(
        sys.executable,
        "worker.py",
        log=data / "worker.log",
        TEMPORAL_ADDRESS=f"127.0.0.1:{port}",
        HOMEWARD_DATA=str(data),
        **environment,
    )
