"""The past replays: today's workflow code issues the commands of saved histories and gives the same receipts."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import (
    ExecuteWorkflowInput,
    HandleUpdateInput,
    Interceptor,
    Replayer,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from procedure.proceedings import Proceedings
from tests.histories.save import HERE, PROCESSES, save
from worker import WORKFLOWS, workflow_runner
from workflows.raw import RawUnlessTyped
from workflows.return_case import ReturnCase

HISTORIES = sorted(HERE.glob("*.json"))
RECEIPTS: list[dict[str, Any]] = []
CASES: list[ReturnCase] = []


class _Listening(WorkflowInboundInterceptor):
    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:
        CASES.append(cast("ReturnCase", workflow.instance()))
        return await super().execute_workflow(input)

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:
        receipt = await super().handle_update_handler(input)
        RECEIPTS.append(receipt)
        return receipt


class Listening(Interceptor):
    """Keeps every receipt that a replayed case gives."""

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:
        return _Listening


def replayer(*interceptors: Interceptor, sandboxed: bool = False) -> Replayer:
    return Replayer(
        workflows=WORKFLOWS,
        workflow_runner=workflow_runner(sandboxed=sandboxed),
        data_converter=replace(pydantic_data_converter, payload_converter_class=RawUnlessTyped),
        interceptors=interceptors,
        debug_mode=True,  # patient on a busy machine
    )


def recorded_receipts(history: WorkflowHistory) -> list[dict[str, Any]]:
    """What the case answered when it ran."""
    return [
        json.loads(event.workflow_execution_update_completed_event_attributes.outcome.success.payloads[0].data)
        for event in history.events
        if event.HasField("workflow_execution_update_completed_event_attributes")
        and event.workflow_execution_update_completed_event_attributes.outcome.HasField("success")
    ]


def history_in(file: Path) -> WorkflowHistory:
    """The history under the id it ran with: a case's id is its reference, and stands in every receipt."""
    return WorkflowHistory.from_json(saved_beside(file)[0], file.read_text("utf-8"))


def saved_beside(file: Path) -> tuple[str, str]:
    """The reference, and the head of the ledger at the history's end."""
    reference, head = file.with_suffix(".head").read_text("utf-8").split()
    return reference, head


def test_there_are_histories_of_a_release() -> None:
    """An empty folder would make the tests below pass without proving anything."""
    assert HISTORIES


@pytest.mark.parametrize("file", HISTORIES, ids=lambda file: file.stem)
async def test_a_saved_history_replays_with_the_same_commands_and_receipts(file: Path) -> None:
    """The engine's commands match, and every receipt with its ledger head is the one that was given."""
    history = history_in(file)
    RECEIPTS.clear()
    CASES.clear()
    result = await replayer(Listening()).replay_workflow(history, raise_on_replay_failure=False)
    assert result.replay_failure is None, f"{file.name}: {result.replay_failure}\nSee tests/histories/README.md."
    recorded = recorded_receipts(history)
    by_entry = {(receipt["entry"], receipt["head"]): receipt for receipt in RECEIPTS}
    assert recorded
    proceedings: Proceedings | None = vars(CASES[-1])["_proceedings"]
    assert proceedings is not None
    assert proceedings.case.head == saved_beside(file)[1]
    for receipt in recorded:
        assert by_entry.get((receipt["entry"], receipt["head"])) == receipt, f"{file.name}: entry {receipt['entry']}"


async def test_a_changed_past_is_noticed() -> None:
    """The comparison can fail: an act with another placement gives other receipts."""
    file = next(file for file in HISTORIES if file.stem.endswith("refused"))
    history = history_in(file)
    for event in history.events:
        if event.HasField("workflow_execution_update_accepted_event_attributes"):
            payload = event.workflow_execution_update_accepted_event_attributes.accepted_request.input.args.payloads[0]
            payload.data = payload.data.replace(b"police_station", b"penitentiary")
    RECEIPTS.clear()
    await replayer(Listening()).replay_workflow(history, raise_on_replay_failure=False)
    heads = {receipt["head"] for receipt in RECEIPTS}
    assert not {receipt["head"] for receipt in recorded_receipts(history)} <= heads


@pytest.mark.parametrize("file", HISTORIES, ids=lambda file: file.stem)
async def test_a_saved_history_replays_in_the_sandbox(file: Path) -> None:
    """Replayed code reaches no clock, no chance and no file."""
    await replayer(sandboxed=True).replay_workflow(history_in(file))


BEGUN = sorted(PROCESSES.glob("*.json"))


def begun_in(file: Path) -> WorkflowHistory:
    """The history of a process that is no case, under its id: it looks at that."""
    return WorkflowHistory.from_json(file.with_suffix(".id").read_text("utf-8").strip(), file.read_text("utf-8"))


@pytest.mark.parametrize("sandboxed", [False, True], ids=["as it runs", "in the sandbox"])
@pytest.mark.parametrize("file", BEGUN, ids=lambda file: file.stem)
async def test_a_saved_history_of_another_process_replays(file: Path, sandboxed: bool) -> None:
    """A tracing runs for more than a year, on whatever builds there are in it."""
    await replayer(sandboxed=sandboxed).replay_workflow(begun_in(file))


async def test_a_process_under_another_id_is_noticed() -> None:
    """The comparison can fail: no case begins a tracing under another name, so it ends where it went on."""
    file = next(file for file in BEGUN if "tracing" in file.stem)
    result = await replayer().replay_workflow(
        WorkflowHistory.from_json("another", file.read_text("utf-8")), raise_on_replay_failure=False
    )
    assert result.replay_failure is not None


def test_every_kind_of_process_has_a_saved_history() -> None:
    """Each that a worker knows, but the case, which has its own."""
    kinds = {begun_in(f).events[0].workflow_execution_started_event_attributes.workflow_type.name for f in BEGUN}
    known = {getattr(each, "__temporal_workflow_definition").name for each in WORKFLOWS}
    assert kinds == known - {"ReturnCase"}


async def test_saved_histories_are_never_written_over() -> None:
    """A release that was saved is the past."""
    version = HISTORIES[0].stem.split("-")[0]
    with pytest.raises(FileExistsError):
        await save(version)
