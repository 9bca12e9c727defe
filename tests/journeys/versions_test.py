"""Two builds of the worker: a run stays on the code it began with, and moves on where it continues as new."""

import asyncio

import pytest
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.common import VersioningBehavior

from tests.workflows.engines import Engine, Handle, accepted, act, guardian, ledger, note, record
from tests.workflows.return_case_test import assert_whole
from worker import DEPLOYMENT, promote

pytestmark = [pytest.mark.engine, pytest.mark.slow]


async def build_of(handle: Handle) -> str:
    info = (await handle.describe()).raw_description.workflow_execution_info.versioning_info
    assert info.behavior == int(VersioningBehavior.PINNED)
    assert info.deployment_version.deployment_name == DEPLOYMENT
    return info.deployment_version.build_id


async def known(handle: Handle) -> None:
    """Say something until the worker that has just come is found."""
    for _ in range(40):
        try:
            await asyncio.wait_for(accepted(handle, note()), 5)
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
            continue
        return
    raise AssertionError("no worker answers")


async def test_a_run_stays_on_its_build_and_moves_on_at_a_new_stage(server: Engine) -> None:
    """Begun on build one; build two becomes current; the case changes at its next stage, its record whole."""
    async with server.worker(build_id="one", promote=True):
        handle = await server.start()
        await known(handle)
        assert await build_of(handle) == "one"
        run = (await handle.describe()).run_id
        async with server.worker(build_id="two"):
            await promote(server.client, "two")
            await accepted(handle, note(), guardian())
            assert await build_of(handle) == "one"
            assert (await handle.describe()).run_id == run
            # The engine tells its queues a moment after it has said yes; a case opened in between begins on build one.
            builds: list[str | None] = []
            while "two" not in builds and len(builds) < 50:
                younger = await server.start()
                await known(younger)
                builds.append(await build_of(younger))
                await asyncio.sleep(0.2)
            assert builds[-1] == "two"
            # The next stage: the older case goes on in a new run, on the newer build.
            await accepted(
                handle,
                act("cw", "verify_identity", result="presumed", sources=["invented"]),
                act("cw", "screen_protection", trafficking=False, asylum=False, violence=False),
            )
            for _ in range(100):
                if (await handle.describe()).run_id != run:
                    break
                await asyncio.sleep(0.1)
            await record(handle, note())
            assert await build_of(handle) == "two"
            entries = await ledger(handle)
    assert entries[0]["kind"] == "opened"
    assert_whole(entries)
