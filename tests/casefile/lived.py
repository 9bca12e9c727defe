"""What happened to the cases that the tests of the record look at. Everybody here is invented."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

from activities.archiving import Archivist
from casefile.archive import Archive
from casefile.engine import TodaysCode
from sealing.composing import seal_of
from starter.auditing import Looked, audited_case
from starter.auditors import todays_code
from starter.client import Cases
from tests.workflows.engines import (
    STATION,
    Engine,
    Handle,
    accepted,
    act,
    intake,
    moved_on_from,
    note,
    record,
    until_approved,
    until_determined,
)
from workflows.messages import RECORD, Sweep
from workflows.return_case import ENTRIES_A_RUN


def quiet(done: int, of_all: int) -> None:
    """Nobody watches a test's progress."""


@dataclass
class Lived:
    """An engine with cases in it, and their archive."""

    engine: Engine
    long: str = ""
    """More than a hundred entries: two runs."""
    approved: str = ""
    """From the opening to both approvals, with an asylum claim on the way, refusals and a malformed signal."""

    @property
    def archive_folder(self) -> Path:
        return self.engine.data / "archive"

    @property
    def archive(self) -> Archive:
        return Archive(self.archive_folder, seal=seal_of(self.engine.client))

    @property
    def cases(self) -> Cases:
        return Cases(self.engine.client)

    def handle(self, reference: str) -> Handle:
        return self.engine.client.get_workflow_handle(reference)

    async def sweep(self) -> None:
        """Keep what the processes have not kept."""
        await Archivist(
            self.engine.client, lambda: Archive(self.archive_folder, seal=seal_of(self.engine.client), make=True)
        ).keep_missed_runs(Sweep())

    async def sweep_until(self, reference: str, count: int) -> None:
        """Sweep until so many runs of a case are kept: the engine's list, by which a sweep goes, lags behind."""

        async def swept() -> bool:
            await self.sweep()
            return len(await self.archive.runs(reference)) == count

        await until(swept)

    async def newest_run(self, reference: str) -> str:
        return str((await self.handle(reference).describe()).run_id)

    async def reset(self, reference: str, event: int, run: str | None = None) -> str:
        """Do as an operator does who goes back to an earlier point: the new run's id."""
        answer = await self.engine.client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=self.engine.client.namespace,
                workflow_execution=WorkflowExecution(
                    workflow_id=reference, run_id=run or await self.newest_run(reference)
                ),
                reason="an invented operator's reason",
                workflow_task_finish_event_id=event,
                request_id=f"{reference}-{event}",
            )
        )
        return answer.run_id

    async def in_archive(self, reference: str, count: int) -> None:
        """Wait until so many runs of a case are kept."""

        async def there() -> bool:
            return len(await self.archive.runs(reference)) == count

        await until(there)

    async def listed(self, reference: str, count: int) -> None:
        """Wait until the engine's list, which lags behind, shows so many runs of a case."""

        async def there() -> bool:
            return (
                len([each async for each in self.engine.client.list_workflows(f"WorkflowId = '{reference}'")]) == count
            )

        await until(there)

    async def ended(self, reference: str, count: int) -> None:
        """Wait until the engine's list shows so many runs of a case as ended."""

        async def there() -> bool:
            asked = f"WorkflowId = '{reference}' AND ExecutionStatus != 'Running'"
            return len([each async for each in self.engine.client.list_workflows(asked)]) == count

        await until(there)

    @asynccontextmanager
    async def audited(
        self, reference: str, *, offline: bool = False, archived: bool = True, code: TodaysCode | None = None
    ) -> AsyncGenerator[Looked]:
        """The audit of one of the cases, by the code of today unless another is given."""
        looking = audited_case(
            reference,
            cases=None if offline else self.cases,
            archive=self.archive if archived else None,
            code=code or todays_code(),
            progress=quiet,
        )
        async with looking as looked:
            yield looked


async def until(true: Callable[[], Any], seconds: float = 20) -> None:
    """Wait until something is true."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not await true():
        assert loop.time() < end, "it did not come about"
        await asyncio.sleep(0.05)


async def long_case(engine: Engine, notes: int = 105) -> Handle:
    """A case of one more run than it has hundreds of ``notes``, with a refusal in the first and the last."""
    handle = await engine.start()
    run = (await handle.describe()).run_id
    await accepted(handle, *until_determined()[:4])
    assert (await record(handle, act("cw", "place_child", placement=STATION)))["result"] == "refused"
    for n in range(1, notes + 1):
        await record(handle, note())
        if n % ENTRIES_A_RUN == 0:
            run = await moved_on_from(run, handle)
    assert (await record(handle, act("cw", "place_child", placement=STATION)))["result"] == "refused"
    return handle


async def approved_case(engine: Engine) -> Handle:
    """A case from its opening to both approvals, with all that a reader may or may not see."""
    handle = await engine.start(intake(concerns=["asylum"]))
    determined = until_determined()
    await accepted(handle, *determined[:4])
    await handle.signal(RECORD, {"act": "note", "act_id": "malformed-1", "actor": {"role": "caseworker"}})
    await accepted(handle, act("child", "lodge_asylum_claim"))
    refused = [act("cw", "open_tracing", via="central_authority", child_agrees=True)]
    for each in refused:
        assert (await record(handle, each))["result"] == "refused"
    asylum = {"id": "aa-1", "role": "asylum_authority", "state": "MD"}
    await accepted(handle, {**act("cw", "resolve_asylum_claim", result="withdrawn"), "actor": asylum})
    await accepted(handle, *determined[4:], *until_approved())
    await handle.signal(RECORD, note(text="an invented note by signal"))
    await accepted(handle, act("cw", "correct", entry=2, fields={"sources": ["another invented source"]}))
    return handle


async def play(engine: Engine) -> Lived:
    """Play the cases."""
    lived = Lived(engine)
    lived.long = (await long_case(engine)).id
    lived.approved = (await approved_case(engine)).id
    await lived.in_archive(lived.long, 1)
    return lived
