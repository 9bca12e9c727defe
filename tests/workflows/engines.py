"""A case on a real engine, in few words. Everybody here is invented; who says what is that of :mod:`benches.straight`."""

import asyncio
import shutil
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

from temporalio.client import Client
from temporalio.converter import DataConverter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.hands import Hands
from activities.settings import Settings
from benches.straight import (
    ACTORS,
    FAMILY,
    HOME,
    NAMES,
    Fields,
    Handle,
    accepted,
    act,
    guardian,
    intake,
    new_reference,
    note,
    record,
    until_approved,
    until_arrived,
    until_determined,
    view,
    visit,
)
from starter.sealed import own_keys
from worker import build_worker
from workflows.messages import LEDGER, RETURN_CASE, TASK_QUEUE

__all__ = [
    "ACTORS",
    "FAMILY",
    "HOME",
    "NAMES",
    "STATION",
    "Engine",
    "Fields",
    "Handle",
    "accepted",
    "act",
    "development",
    "guardian",
    "intake",
    "ledger",
    "moved_on_from",
    "new_reference",
    "note",
    "program",
    "record",
    "time_skipping",
    "until_approved",
    "until_arrived",
    "until_determined",
    "view",
    "visit",
]

STATION: Fields = {
    "name": "Invented Station",
    "kind": "police_station",
    "run_by": "police",
    "child_may_leave_at_will": False,
}


def program(name: str) -> str:
    """The path of an engine's program, beside this Python or on PATH."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    assert found, f"{name} is missing; `make setup` installs it"
    return found


@dataclass
class Engine:
    """An engine with or without workers of ours."""

    env: WorkflowEnvironment
    data: Path
    references: list[str] = field(default_factory=list[str])

    @property
    def client(self) -> Client:
        return self.env.client

    @asynccontextmanager
    async def worker(self, *, hands: Hands | None = None, **settings: Any) -> AsyncGenerator[Worker]:
        """A worker while the context is open, its workflow code in the sandbox."""
        async with build_worker(
            self.client, Settings(data=self.data, **settings), hands=hands, sandboxed=True
        ) as worker:
            yield worker

    async def start(
        self, given: Mapping[str, Any] | None = None, reference: str | None = None, **options: Any
    ) -> Handle:
        reference = reference or new_reference()
        return await self.client.start_workflow(
            RETURN_CASE, dict(given or intake()), id=reference, task_queue=TASK_QUEUE, **options
        )

    async def wait(self, **time: float) -> None:
        """Let virtual time pass."""
        await self.env.sleep(timedelta(**time))

    async def now(self) -> datetime:
        return await self.env.get_current_time()


async def ledger(handle: Handle, first: int | None = None) -> list[Fields]:
    return await (handle.query(LEDGER) if first is None else handle.query(LEDGER, first))


@asynccontextmanager
async def time_skipping(data: Path, *, sealing: bool = True) -> AsyncGenerator[Engine]:
    """The engine whose time can be skipped. ``sealing`` false: its client has no keys and sends everything in clear."""
    async with (
        own_keys(data) as keys,
        await WorkflowEnvironment.start_time_skipping(
            test_server_existing_path=program("temporal-test-server"),
            data_converter=keys.converter if sealing else DataConverter.default,
        ) as env,
    ):
        yield Engine(env, data)


@asynccontextmanager
async def development(data: Path, *, sealing: bool = True, **options: Any) -> AsyncGenerator[Engine]:
    """The real server. ``sealing`` false: its client has no keys and sends everything in clear."""
    async with (
        own_keys(data) as keys,
        await cast("Any", WorkflowEnvironment).start_local(
            dev_server_existing_path=program("temporal"),
            dev_server_log_level="error",
            data_converter=keys.converter if sealing else DataConverter.default,
            **options,
        ) as env,
    ):
        yield Engine(env, data)


async def moved_on_from(run: str, handle: Handle) -> str:
    """Wait until a case goes on in a newer run, whose id is returned: a run ends a moment after its last act."""
    for _ in range(200):
        now = str((await handle.describe()).run_id)
        if now != run:
            return now
        await asyncio.sleep(0.1)
    raise AssertionError("it is still the same run")
