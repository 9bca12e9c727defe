"""Ended by force in the middle of a course, worker and server go on with nothing lost or doubled."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError

from starter.sealed import own_keys
from tests.journeys.processes import Process, client_with_keys, free_port, start_server, start_worker
from tests.workflows.engines import (
    Fields,
    Handle,
    intake,
    ledger,
    new_reference,
    record,
    until_approved,
    until_determined,
)
from tests.workflows.return_case_test import assert_whole
from workflows.messages import RECORD, RETURN_CASE, TASK_QUEUE

pytestmark = [pytest.mark.engine, pytest.mark.slow]


async def say_until_answered(handle: Handle, said: Fields) -> Fields:
    """Send an act again and again, as a person's program would, until its receipt comes."""
    for _ in range(60):
        try:
            return await asyncio.wait_for(record(handle, said), 5)
        except (RPCError, TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
            await asyncio.sleep(0.5)
    raise AssertionError("no receipt came")


async def the_course(handle: Handle, acts: Sequence[Fields]) -> None:
    for each in acts:
        receipt = await say_until_answered(handle, each)
        assert receipt["result"] == "accepted", receipt


async def assert_nothing_lost_or_doubled(handle: Handle, acts: Sequence[Fields]) -> None:
    entries = await ledger(handle)
    assert_whole(entries)
    said = [entry["act_id"] for entry in entries if entry["act_id"]]
    assert said == [each["act_id"] for each in acts]
    assert all(entry["kind"] != "refused" for entry in entries)


async def opened(client: Client) -> Handle:
    return await client.start_workflow(RETURN_CASE, intake(), id=new_reference(), task_queue=TASK_QUEUE)


async def test_a_worker_ended_by_force_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Killed at five moments of a course, one of them with an act on its way."""
    port = free_port()
    server = start_server(port, tmp_path)
    worker = start_worker(port, tmp_path)
    try:
        client = await client_with_keys(port, tmp_path)
        handle = await opened(client)
        acts = [*until_determined(), *until_approved()]
        for n, each in enumerate(acts):
            if n % 4 == 2:
                on_its_way = asyncio.create_task(say_until_answered(handle, each))
                await asyncio.sleep(0.02 * (n % 3))
                worker.kill()
                worker = start_worker(port, tmp_path)
                assert (await on_its_way)["result"] == "accepted"
            else:
                await the_course(handle, [each])
        await assert_nothing_lost_or_doubled(handle, acts)
    finally:
        assert worker.stop() == 0
        server.stop()


async def test_a_server_ended_by_force_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Killed three times; its file has everything that was acknowledged, and the worker finds it again."""
    port = free_port()
    server = start_server(port, tmp_path)
    worker: Process = start_worker(port, tmp_path)
    try:
        client = await client_with_keys(port, tmp_path)
        handle = await opened(client)
        acts = [*until_determined(), *until_approved()]
        for n, each in enumerate(acts):
            if n in (3, 8, 13):
                on_its_way = asyncio.create_task(say_until_answered(handle, each))
                await asyncio.sleep(0.03)
                server.kill()
                await asyncio.sleep(0.5)
                server = start_server(port, tmp_path)
                assert (await on_its_way)["result"] == "accepted"
            else:
                await the_course(handle, [each])
        await assert_nothing_lost_or_doubled(handle, acts)
    finally:
        worker.stop()
        server.stop()


async def test_acts_sent_while_no_worker_runs_are_heard_when_one_does(tmp_path: Path) -> None:
    """Signals wait with the engine; the deadline that passed meanwhile is on record too, in its order."""
    port = free_port()
    server = start_server(port, tmp_path)
    try:
        async with own_keys(tmp_path) as sealing:
            client = await Client.connect(f"127.0.0.1:{port}", data_converter=sealing.converter)
        handle = await opened(client)
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
