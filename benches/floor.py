"""The bare floor: the smallest honest workflow that Homeward's cost is measured against.

It takes the same acts as updates, keeps them in a list, runs one activity an act and one lazy timer; it judges nothing,
seals nothing and tells nobody. ``python -m benches.floor ADDRESS`` is its worker, with the settings of Homeward's.
"""

import asyncio
import os
import signal
import sys
from datetime import datetime, timedelta
from typing import Any, Final

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, UnsandboxedWorkflowRunner, Worker

FLOOR: Final = "BareFloor"
FLOOR_QUEUE: Final = "bare-floor"
DUE_AFTER: Final = timedelta(days=30)
"""Every act sets the one due moment anew; with nothing after it, the floor notes that it passed."""


@activity.defn(name="follow_up")
async def follow_up(act: str) -> None:
    """What follows from an act: here nothing."""


@workflow.defn(name=FLOOR)
class BareFloor:
    """One course, from its intake until nothing came for so long after its close."""

    @workflow.init
    def __init__(self, intake: dict[str, Any]) -> None:
        self._intake = intake
        self._acts: list[dict[str, Any]] = []
        self._passed = 0
        self._due: datetime | None = workflow.now() + DUE_AFTER

    @workflow.run
    async def run(self, intake: dict[str, Any]) -> int:
        """How many acts were taken in."""
        while not (self._closed() and self._due is None):
            await workflow.wait_condition(lambda: self._due is not None)
            await self._until_due()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return len(self._acts)

    async def _until_due(self) -> None:
        # Lazy: a due moment that moved on leaves the timer alone; it wakes, looks, and sleeps again.
        while self._due is not None and (left := self._due - workflow.now()) > timedelta(0):
            await workflow.sleep(left + timedelta(milliseconds=1))
        self._passed += 1
        self._due = None

    def _closed(self) -> bool:
        return any(act["act"] == "close_case" for act in self._acts[-2:])

    @workflow.update(name="record")
    async def record(self, act: dict[str, Any]) -> dict[str, Any]:
        """Take in one act; a receipt as long as one of Homeward's."""
        self._acts.append(act)
        self._due = workflow.now() + DUE_AFTER
        # Nobody waits for it, as nobody waits for a notice.
        workflow.start_activity(follow_up, act["act"], start_to_close_timeout=timedelta(minutes=2))
        return {
            "reference": workflow.info().workflow_id,
            "entry": len(self._acts),
            "result": "accepted",
            "refusals": [],
            "stage": "family_tracing",
            "holds": [],
            "head": f"{len(self._acts):064x}",
        }

    @workflow.query(name="taken")
    def taken(self) -> int:
        """How many acts were taken in so far."""
        return len(self._acts)


async def work(address: str) -> None:
    """Work until told to stop (SIGTERM)."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with Worker(
        await Client.connect(address),
        task_queue=FLOOR_QUEUE,
        workflows=[BareFloor],
        activities=[follow_up],
        # As Homeward's own worker is set up (worker.py), so that only the work differs.
        workflow_runner=UnsandboxedWorkflowRunner(),
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
    ):
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1]))
    # A finishing interpreter can be brought down by the SDK's threads (temporalio/sdk-python#300).
    os._exit(0)
