"""Homeward run for a while, as `homeward up` runs it: invented cases, free ports, a folder that goes with it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ENDS_WITHIN: Final = 30
"""Seconds that a house has to end by itself."""


@dataclass(frozen=True)
class House:
    """What runs: the desk's address, the data folder, and the process of desk and worker."""

    desk: str
    data: Path
    process: int


@contextmanager
def house() -> Generator[House]:
    """`homeward up --demo` while the context is open. Raises RuntimeError when it does not come up."""
    with tempfile.TemporaryDirectory(prefix="homeward-house-") as folder:
        ports = ["--engine-port", "0", "--ui-port", "0", "--desk-port", "0"]
        # The same Python, and the command by its module: it need not be on PATH.
        command = [sys.executable, "-c", "from starter.main import run; run()", "up", "--demo", "--json"]
        # What it says of itself, and of trouble, goes where whoever runs this can read it.
        # One invented person asks as fast as the machine can.
        unbounded = dict.fromkeys(("READS", "WRITES", "ACCOUNTS"), "1000000")
        environment = {**os.environ, **{f"HOMEWARD_PACE_{each}": pace for each, pace in unbounded.items()}}
        with subprocess.Popen(
            [*command, "--data", folder, *ports], stdout=subprocess.PIPE, text=True, env=environment
        ) as up:
            try:
                assert up.stdout is not None
                line = up.stdout.readline()
                if not line:
                    raise RuntimeError("Homeward did not come up.")
                told = json.loads(line)
                yield House(told["desk"], Path(told["data"]), up.pid)
            finally:
                up.send_signal(signal.SIGINT)
                try:
                    up.wait(ENDS_WITHIN)
                except subprocess.TimeoutExpired:
                    up.kill()
