"""A person's program that sends an act until its receipt comes, whatever is ended meanwhile."""

import asyncio

from temporalio.client import Client, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError

from tests.workflows.engines import Fields, Handle, intake, new_reference, record
from workflows.messages import RETURN_CASE, TASK_QUEUE


async def say_until_answered(handle: Handle, said: Fields) -> Fields:
    """Send an act again and again until its receipt comes."""
    for _ in range(60):
        try:
            return await asyncio.wait_for(record(handle, said), 5)
        except (RPCError, TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
            await asyncio.sleep(0.5)
    raise AssertionError("no receipt came")


async def opened(client: Client) -> Handle:
    return await client.start_workflow(RETURN_CASE, intake(), id=new_reference(), task_queue=TASK_QUEUE)
