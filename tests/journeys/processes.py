"""Servers and workers as processes of their own, as `make faults` starts them, and `homeward codec`."""

import sys
import time
from pathlib import Path

from faults.processes import ROOT, Process, client_with_keys, free_port, listens, start_server, start_worker

__all__ = ["ROOT", "Process", "client_with_keys", "free_port", "start_codec", "start_server", "start_worker"]


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
        if listens(port) and token.exists():
            told = {"TEMPORAL_CODEC_ENDPOINT": f"http://127.0.0.1:{port}/codec"}
            return process, {**told, "TEMPORAL_CODEC_AUTH": token.read_text("ascii").strip()}
        time.sleep(0.05)
    process.kill()
    raise AssertionError((data / "codec.log").read_text("utf-8", "replace"))
