"""Acts that nobody hears yet wait with the engine. What a kill may not lose, `make faults` shows."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from starter.sealed import own_keys
from tests.journeys.processes import free_port, start_server, start_worker
from tests.workflows.engines import Fields, Handle, intake, ledger, new_reference, until_determined
from tests.workflows.return_case_test import assert_whole
from workflows.messages import RECORD, RETURN_CASE, TASK_QUEUE

pytestmark = [pytest.mark.engine, pytest.mark.slow]


async def assert_nothing_lost_or_doubled(handle: Handle, acts: Sequence[Fields]) -> None:
    entries = await ledger(handle)
    assert_whole(entries)
    said = [entry["act_id"] for entry in entries if entry["act_id"]]
    assert said == [each["act_id"] for each in acts]
    assert all(entry["kind"] != "refused" for entry in entries)


async def test_acts_sent_while_no_worker_runs_are_heard_when_one_does(tmp_path: Path) -> None:
    """Signals wait with the engine; the deadline that passed meanwhile is on record too, in its order."""
    port = free_port()
    server = start_server(port, tmp_path)
    try:
        async with own_keys(tmp_path) as sealing:
            client = await Client.connect(f"127.0.0.1:{port}", data_converter=sealing.converter)
        handle: Handle = await client.start_workflow(RETURN_CASE, intake(), id=new_reference(), task_queue=TASK_QUEUE)
        acts = until_determined()[:5]
        for each in acts:
            await handle.signal(RECORD, each)
        worker = start_worker(port, tmp_path)
        try:
            entries: list[Fields] = []
            for _ in range(100):
                try:
                    entries = await handle.query("ledger", rpc_timeout=timedelta(seconds=5))
                except (RPCError, Exception):  # noqa: BLE001 - not open yet, or no worker yet
                    entries = []
                if len([entry for entry in entries if entry["act_id"]]) == len(acts):
                    break
                await asyncio.sleep(0.2)
            await assert_nothing_lost_or_doubled(handle, acts)
        finally:
            worker.stop()
    finally:
        server.stop()
