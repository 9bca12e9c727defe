"""A case of thousands of entries is audited run by run: `make long-case` says in how many seconds, and in how much memory."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from tests.casefile.lived import Lived
from tests.starter.running import environment
from tests.workflows.engines import Engine, accepted, moved_on_from, note, record, until_determined
from workflows.return_case import ENTRIES_A_RUN

pytestmark = [pytest.mark.engine, pytest.mark.slow]

ENTRIES = int(os.environ.get("HOMEWARD_LONG_CASE", "320"))
MOST_MEGABYTES = 400
"""So much an audit may take, whatever the length of the case; the libraries alone take about 140."""


async def grown(engine: Engine, entries: int) -> str:
    """A case with so many entries, most of them notes."""
    handle = await engine.start()
    await accepted(handle, *until_determined())
    run, begun_at = (await handle.describe()).run_id, 0
    while (so_far := (await handle.query("case"))["entries"]) < entries:
        if so_far - begun_at >= ENTRIES_A_RUN:
            # While acts come without a pause a run goes on.
            run, begun_at = await moved_on_from(run, handle), so_far
        await asyncio.gather(*(record(handle, note()) for _ in range(9)))
    return str(handle.id)


def audit_as_a_process(address: str, data: Path, reference: str) -> tuple[Any, float, float]:
    """`homeward audit` as a person runs it: what it says, its seconds, and the most memory it took (MB)."""
    began, most = time.monotonic(), 0.0
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "starter.main", "audit", reference, "--json", "--address", address],
            stdout=said,
            env=environment(HOMEWARD_DATA=str(data)),
        )
        # Asked while it runs: what a parent is told afterwards counts its own size at the moment of starting, too.
        while process.poll() is None:
            most = max(most, _peak(process.pid))
            time.sleep(0.05)
        said.seek(0)
        told = said.read().decode()
    assert process.returncode == 0, told
    return json.loads(told), time.monotonic() - began, most


def _peak(pid: int) -> float:
    """The most memory that a process has had since it became what it is (MB)."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    except (OSError, ProcessLookupError):
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)


async def test_a_long_case_is_audited_in_bounded_memory(lived: Lived) -> None:
    """Every entry in the chain, every run replayed, and no more memory than a short case takes, but for the entries."""
    reference = await grown(lived.engine, ENTRIES)
    address = lived.engine.client.service_client.config.target_host
    await asyncio.sleep(1)
    for name, case in (("short", lived.approved), ("long", reference)):
        told, seconds, megabytes = await asyncio.to_thread(audit_as_a_process, address, lived.engine.data, case)
        print(
            f"\n{name}: {told['entries']} entries in {len(told['runs'])} runs audited in {seconds:.1f} s, "
            f"{megabytes:.0f} MB at most"
        )
        assert told["findings"] == []
        assert told["replayed"] == len(told["runs"])
        assert megabytes < MOST_MEGABYTES
    assert told["entries"] >= ENTRIES
    assert len(told["runs"]) > ENTRIES // 110
