"""Servers and workers as processes of their own, that can be ended by force."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from temporalio.client import Client

from activities.settings import read_settings
from sealing.composing import open_sealing
from sealing.faults import SealingFault
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

    def pause(self) -> None:
        """Let it stand still, so that what waits for it is under way for certain."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
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


def start_codec(data: Path) -> tuple[Process, dict[str, str]]:
    """`homeward codec` with the keys that a worker made in that folder, and what leads stock tools to it."""
    until = time.monotonic() + 60
    while not (data / "keys.db").exists():
        assert time.monotonic() < until, "no worker has made keys"
        time.sleep(0.05)
    port, token = free_port(), data / "codec.token"
    process = Process(
        *(sys.executable, "-m", "starter.main", "codec", "--data", str(data), "--port", str(port)),
        log=data / "codec.log",
    )
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0 and token.exists():
                told = {"TEMPORAL_CODEC_ENDPOINT": f"http://127.0.0.1:{port}/codec"}
                return process, {**told, "TEMPORAL_CODEC_AUTH": token.read_text("ascii").strip()}
        time.sleep(0.05)
    process.kill()
    raise AssertionError((data / "codec.log").read_text("utf-8", "replace"))


def start_worker(port: int, data: Path, root: Path = ROOT, /, **environment: str) -> Process:
    """`python worker.py` against that server; ``root`` is the checkout whose worker it is."""
    return Process(
        sys.executable,
        # Python looks beside the file first, so it is that checkout's code throughout.
        str(root / "worker.py"),
        log=data / "worker.log",
        TEMPORAL_ADDRESS=f"127.0.0.1:{port}",
        HOMEWARD_DATA=str(data),
        **environment,
    )
