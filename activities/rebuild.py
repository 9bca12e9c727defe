"""``homeward rebuild-caseload``: the caseload painted anew from the cases in the engine.

The cases are asked, each for its view and its intake; then all rows are put in place at once. If
anything fails on the way, the caseload stays as it was.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowQueryFailedError
from temporalio.common import QueryRejectCondition
from temporalio.service import RPCError, RPCStatusCode

from activities.caseload import Caseload, Rebuilt
from activities.marks import ChildMarks
from procedure.consequences import earliest_due
from procedure.entries import moment
from sealing.composing import see_that_key_is_there
from sealing.faults import KeyDestroyed
from workflows.messages import CASE, INTAKE, RETURN_CASE, CaseloadRow

AT_ONCE = 8
"""Cases asked at a time."""

ANSWER_WITHIN = 30
"""Seconds that a case may take to answer; one that no worker holds in memory has to be replayed first."""

Progress = Callable[[int, int], None]
"""Told after each case: how many were asked, of how many."""


class RebuildFailed(Exception):
    """A case could not be asked, so the caseload was left as it was. The text names the case's reference."""

    says_nothing_personal = True


class WasErased(RebuildFailed):
    """The case was erased by law: its row stays as it is."""


async def rebuild_caseload(
    client: Client, caseload: Caseload, marks: ChildMarks, *, progress: Progress | None = None
) -> Rebuilt:
    """Read every case from the engine and put the rows in place of what the caseload has.

    A worker must be running, for cases are asked by query. Cases that the engine no longer knows are
    dropped. Raises :class:`RebuildFailed`, or :class:`activities.caseload.CaseloadUnreachable`, or
    ``RPCError`` when the engine cannot be reached; the caseload is unchanged then.
    """
    await caseload.make_ready()
    asked_at = datetime.now(UTC)
    references = await _references(client)
    rows: list[tuple[CaseloadRow, str | None]] = []
    silent: dict[str, RebuildFailed] = {}
    done = 0
    turn = asyncio.Semaphore(AT_ONCE)

    async def ask(reference: str) -> None:
        nonlocal done
        async with turn:
            try:
                asked = await _ask(client, reference)
            except RebuildFailed as error:
                # One case that hangs, or never opened, must not keep all others out of the inbox.
                silent[reference], asked = error, None
        if asked is not None:
            view, intake = asked
            rows.append((row_of_view(view), marks.of(intake["child"])))
        done += 1
        if progress is not None:
            progress(done, len(references))

    try:
        async with asyncio.TaskGroup() as asking:
            for reference in references:
                asking.create_task(ask(reference))
    except* (RebuildFailed, RPCError) as errors:
        first: BaseException = errors
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None
    if not rows and (failed := [error for error in silent.values() if not isinstance(error, WasErased)]):
        raise failed[0]
    return await caseload.replace(rows, asked_at=asked_at, silent=silent)


def row_of_view(view: dict[str, Any]) -> CaseloadRow:
    """The caseload's row of a case, from its view (contract, section 6)."""
    return CaseloadRow(
        reference=view["reference"],
        agreement=view["agreement"],
        host_state=view["host_state"],
        origin_state=view["origin_state"],
        status=view["status"],
        stage=view["stage"],
        solution=view["solution"],
        outcome=view["outcome"],
        holds=list(view["holds"]),
        awaiting=list(view["awaiting"]),
        next_due=earliest_due(view["awaiting"]),
        overdue=any(owed["overdue"] for owed in view["awaiting"]),
        entries=view["entries"],
        refused=view["refused"],
        opened_at=view["opened_at"],
        updated_at=moment(datetime.now(UTC)),
    )


async def _references(client: Client) -> list[str]:
    # A case that moved on to a new run is listed once a run; its newest run answers for it.
    found: set[str] = set()
    async for run in client.list_workflows(f"WorkflowType = '{RETURN_CASE}'"):
        # A run that failed never opened: its intake was malformed.
        if run.status not in (WorkflowExecutionStatus.CONTINUED_AS_NEW, WorkflowExecutionStatus.FAILED):
            found.add(run.id)
    return sorted(found)


async def _ask(client: Client, reference: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    case = client.get_workflow_handle(reference)
    try:
        await see_that_key_is_there(client, reference)
        async with asyncio.timeout(ANSWER_WITHIN):
            view = await case.query(CASE, reject_condition=QueryRejectCondition.NONE, result_type=dict[str, Any])
            intake = await case.query(INTAKE, reject_condition=QueryRejectCondition.NONE, result_type=dict[str, Any])
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return None  # the engine forgot it between the list and the question
        if error.status in (RPCStatusCode.FAILED_PRECONDITION, RPCStatusCode.DEADLINE_EXCEEDED):
            raise RebuildFailed(
                f"case {reference} did not answer ({error.status.name}); is a worker running?"
            ) from None
        raise
    except KeyDestroyed as gone:
        raise WasErased(f"case {reference} was erased on {gone.at[:10]}") from None
    except (WorkflowQueryFailedError, TimeoutError) as error:
        raise RebuildFailed(f"case {reference} did not answer ({type(error).__name__}); is a worker running?") from None
    return view, intake
