"""The caseload rebuilt from the cases in an engine."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import asdict
from typing import Any

import pytest
import pytest_asyncio
from temporalio import workflow
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.caseload import Caseload
from activities.marks import ChildMarks
from activities.rebuild import RebuildFailed, rebuild_caseload
from tests.activities.marked import open_cases_with_mark
from workflows.messages import CASE, INTAKE, RETURN_CASE, TASK_QUEUE, CaseloadRow

pytestmark = [pytest.mark.asyncio, pytest.mark.engine]

FIRST, SECOND, THIRD = "MD-UA-2026-000001", "MD-UA-2026-000002", "MD-UA-2026-000003"
GONE, MALFORMED, MUTE = "MD-UA-2026-000004", "MD-UA-2026-000005", "MD-UA-2026-000006"
CHILD = {"given_names": "Inventa", "family_name": "Sample", "date_of_birth": "2013-05-04"}
MARKS = ChildMarks(b"k" * 32)


@workflow.defn(name=RETURN_CASE)
class StandIn:
    """Answers like a case; its view is its input."""

    @workflow.run
    async def run(self, view: dict[str, Any]) -> None:
        self.view = view
        if view.get("malformed"):
            raise ApplicationError("malformed", type="MalformedIntake", non_retryable=True)
        if view.pop("moves_on", False):
            workflow.continue_as_new(view)
        if view["status"] == "open":
            await workflow.wait_condition(lambda: False)

    @workflow.query(name=CASE)
    def case(self) -> dict[str, Any]:
        if self.view.get("mute"):
            raise ValueError(CHILD["given_names"])
        return self.view

    @workflow.query(name=INTAKE)
    def intake(self) -> dict[str, Any]:
        return {"child": CHILD}


@pytest_asyncio.fixture
async def engine(engine_address: str) -> AsyncGenerator[Client]:
    client = await Client.connect(engine_address)
    async with Worker(client, task_queue=TASK_QUEUE, workflows=[StandIn], workflow_runner=UnsandboxedWorkflowRunner()):
        yield client


async def start(client: Client, row: CaseloadRow, **more: Any) -> None:
    view = {**asdict(row), **more}
    await client.start_workflow(RETURN_CASE, view, id=row.reference, task_queue=TASK_QUEUE)


async def listed(client: Client, count: int, *, failed: int = 0) -> None:
    """Wait until the engine's list, which lags, shows so many runs, and so many of them as failed."""
    ours = f"WorkflowType = '{RETURN_CASE}'"
    for _ in range(200):
        ended = await client.count_workflows(f"{ours} AND ExecutionStatus = 'Failed'")
        if (await client.count_workflows(ours)).count >= count and ended.count >= failed:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the engine never listed what was started")


async def test_every_case_of_the_engine_stands_and_no_other(
    engine: Client, small_caseload: Caseload, row: Callable[..., CaseloadRow]
) -> None:
    """Open, closed and moved-on cases are kept once each; a forgotten one and a malformed intake are not."""
    await small_caseload.keep(row(9, reference=GONE))
    await small_caseload.keep(row(3, reference=FIRST, stage="wrong"))
    await start(engine, row(3, reference=FIRST))
    await start(engine, row(8, reference=SECOND, status="closed", stage="closed", outcome="stays", awaiting=[]))
    await start(engine, row(4, reference=THIRD, holds=["asylum"]), moves_on=True)
    await start(engine, row(1, reference=MALFORMED), malformed=True)
    await listed(engine, 5, failed=1)
    steps: list[tuple[int, int]] = []

    rebuilt = await rebuild_caseload(engine, small_caseload, MARKS, progress=lambda done, of: steps.append((done, of)))

    assert (3, 1) == (rebuilt.kept, rebuilt.dropped)
    assert [(1, 3), (2, 3), (3, 3)] == steps
    cases = {case.reference: case for case in await small_caseload.page()}
    assert {FIRST, SECOND, THIRD} == set(cases)
    assert "guardianship" == cases[FIRST].stage
    assert "2026-03-04T10:00:00Z" == cases[FIRST].as_json()["due"]
    assert ("closed", "stays") == (cases[SECOND].status, cases[SECOND].outcome)
    assert ("asylum",) == cases[THIRD].holds
    mark = MARKS.of(CHILD)
    assert mark is not None
    assert {FIRST, THIRD} == set(await open_cases_with_mark(small_caseload, mark))


async def test_a_silent_case_holds_up_no_other(
    engine: Client, small_caseload: Caseload, row: Callable[..., CaseloadRow]
) -> None:
    """It is named, and its row stays as it was."""
    await small_caseload.keep(row(7, reference=MUTE, stage="travel"))
    await start(engine, row(3, reference=FIRST))
    await start(engine, row(1, reference=MUTE), mute=True)
    await listed(engine, 2)

    rebuilt = await rebuild_caseload(engine, small_caseload, MARKS)

    assert ((MUTE,), 1) == (rebuilt.silent, rebuilt.kept)
    assert {FIRST: 3, MUTE: 7} == {case.reference: case.entries for case in await small_caseload.page()}


async def test_a_rebuild_that_fails_leaves_the_caseload_as_it_was(
    engine: Client, small_caseload: Caseload, row: Callable[..., CaseloadRow]
) -> None:
    """Where nobody answers, no worker runs; a case is named, and nobody's name is."""
    await small_caseload.keep(row(9, reference=GONE))
    await start(engine, row(1, reference=MUTE), mute=True)
    await listed(engine, 1)

    with pytest.raises(RebuildFailed, match=MUTE) as failure:
        await rebuild_caseload(engine, small_caseload, MARKS)

    assert "Inventa" not in str(failure.value)
    assert [GONE] == [case.reference for case in await small_caseload.page()]
