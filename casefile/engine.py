"""The record's one door to the engine: it reads a case's runs there, and replays them against today's code."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Any, Final

from google.protobuf.json_format import ParseError
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload, WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import PayloadConverter, WithSerializationContext, WorkflowSerializationContext
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import (
    ExecuteWorkflowInput,
    Interceptor,
    Replayer,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowRunner,
)
from temporalio.workflow import instance

from casefile import history
from casefile.runs import Run
from procedure.entries import Entry
from sealing.codec import is_sealed_with
from sealing.keyring import CaseKey

PATIENCE: Final = timedelta(seconds=30)
"""How long one answer of the engine is waited for."""

TRIES: Final = 10
"""So often a case that goes on while it is read is read anew."""

LedgerOf = Callable[[str, int], Awaitable[list[dict[str, Any]]]]
"""Asks the run of that id for its entries from that number on."""


class CaseSilent(Exception):
    """A run tells its entries no more. The text is a sentence."""


@dataclass(frozen=True, slots=True)
class _Listed:
    """A run of a process, and whether it goes on."""

    id: str
    run_id: str
    runs: bool


class EngineRuns:
    """The runs of cases that an engine still has, opened with the keys of the client that asks.

    Every method raises ``RPCError`` when the engine gives no answer.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    async def ids(self, reference: str) -> tuple[list[str], str | None]:
        """The ids of all runs of a case, and the id of its newest; none when the engine knows no such case."""
        try:
            described = await self._client.workflow_service.describe_workflow_execution(
                DescribeWorkflowExecutionRequest(
                    namespace=self._client.namespace, execution=WorkflowExecution(workflow_id=reference)
                ),
                timeout=PATIENCE,
            )
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND and not error.message.startswith("Namespace "):
                return [], None
            raise
        newest = described.workflow_execution_info.execution.run_id
        found = {newest: None}
        try:
            async for run in self._client.list_workflows(f"WorkflowId = '{reference}'", rpc_timeout=PATIENCE):
                found[run.run_id] = None
        except RPCError as error:
            # The time-skipping server keeps no list; the runs are then found from one to the one before it.
            if error.status is not RPCStatusCode.UNIMPLEMENTED:
                raise
        async for earlier in self._before(reference, newest):
            found[earlier] = None
        return list(found), newest

    async def fetch(self, reference: str, run_id: str, ledger_of: LedgerOf | None) -> Run:
        """A run with the entries that were made in it. ``ledger_of`` None: the case is not asked for them.

        Raises ``RPCError``, with the status NOT_FOUND when the engine has the run no more, and what ``ledger_of`` does;
        :class:`CaseSilent` when a case goes on and on while it is read.
        """
        bare = Run(reference, run_id, None, await self._history(reference, run_id))
        return bare if ledger_of is None else await self.with_entries(bare, ledger_of)

    async def with_entries(self, bare: Run, ledger_of: LedgerOf) -> Run:
        """A run of which the history is at hand, with the entries that were made in it. Raises as :meth:`fetch`."""
        if not bare.opened_a_case:
            return bare
        told = bare.history
        for _ in range(TRIES):
            entries = await _entries(told, bare.run_id, ledger_of)
            # Something may have happened in between: then the entries would say more than the history.
            again = told if history.ended(told) else await self._history(bare.reference, bare.run_id)
            if len(history.events_of(again)) == len(history.events_of(told)):
                return Run(bare.reference, bare.run_id, entries, told)
            told = again
        raise CaseSilent(
            f"The case went on in run {bare.run_id} each time while it was read; try again in a quieter moment."
        )

    async def still_runs(self, reference: str) -> bool:
        """Whether the process of a case, or one that belongs to it, still runs."""
        return any([run.runs async for run in self._all_of(reference)])

    async def not_sealed(self, reference: str, key: CaseKey) -> list[str]:
        """The processes of a case of which something lies in clear, or is sealed with another key than this one."""
        found: dict[str, None] = {}
        async for run in self._all_of(reference):
            handle = self._client.get_workflow_handle(run.id, run_id=run.run_id)
            async for event in handle.fetch_history_events(rpc_timeout=PATIENCE):
                if not all(is_sealed_with(payload, reference, key) for payload in said_in(event)):
                    found[f"{run.id} (run {run.run_id})"] = None
                    break
        return list(found)

    async def _all_of(self, reference: str) -> AsyncIterator[_Listed]:
        """Every run of the case's process and of those that belong to it, as far as the engine tells of them."""
        told: set[str] = set()
        try:
            async for run in self._client.list_workflows(f"WorkflowId STARTS_WITH '{reference}'", rpc_timeout=PATIENCE):
                if run.id.partition("/")[0] == reference:
                    told.add(run.run_id)
                    yield _Listed(run.id, run.run_id, run.status is WorkflowExecutionStatus.RUNNING)
        except RPCError as error:
            # The time-skipping server keeps no list.
            if error.status is not RPCStatusCode.UNIMPLEMENTED:
                raise
        # The list lags behind; of the case's own runs the engine tells one by one.
        for run_id in (await self.ids(reference))[0]:
            if run_id not in told:
                asked = DescribeWorkflowExecutionRequest(
                    namespace=self._client.namespace,
                    execution=WorkflowExecution(workflow_id=reference, run_id=run_id),
                )
                one = await self._client.workflow_service.describe_workflow_execution(asked, timeout=PATIENCE)
                status = WorkflowExecutionStatus(one.workflow_execution_info.status)
                yield _Listed(reference, run_id, status is WorkflowExecutionStatus.RUNNING)

    async def _history(self, reference: str, run_id: str) -> dict[str, Any]:
        return (await opened_history(self._client, reference, run_id)).to_json_dict()

    async def _before(self, reference: str, run: str) -> AsyncIterator[str]:
        """The runs that a run goes on from, newest first, as far as the engine still has them."""
        while True:
            handle = self._client.get_workflow_handle(reference, run_id=run)
            before = ""
            try:
                async for event in handle.fetch_history_events(page_size=1, rpc_timeout=PATIENCE):
                    before = event.workflow_execution_started_event_attributes.continued_execution_run_id
                    break
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
            if not before:
                return
            yield before
            run = before


async def opened_history(client: Client, workflow_id: str, run_id: str | None = None) -> WorkflowHistory:
    """The history of a process, its newest run's unless said, with its payloads opened as far as they were sealed.

    Raises ``RPCError``, and what the client's codec does.
    """
    handle = client.get_workflow_handle(workflow_id, run_id=run_id)
    fetched = await handle.fetch_history(rpc_timeout=PATIENCE)
    codec = client.data_converter.payload_codec
    if codec is not None:
        if isinstance(codec, WithSerializationContext):
            codec = codec.with_context(WorkflowSerializationContext(client.namespace, workflow_id))
        payloads = [payload for event in fetched.events for payload in payloads_in(event)]
        for payload, opened in zip(payloads, await codec.decode(payloads), strict=True):
            payload.CopyFrom(opened)
    return fetched


def has_begun(recorded: WorkflowHistory) -> bool:
    """Whether a run's first task was ever there to be done; about a second passes until a new run's is.

    Before that no code ran, and a replay of it never ends: the engine's client waits for the task, and cannot be told to
    stop waiting.
    """
    return any(event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED for event in recorded.events)


def payloads_in(message: Message) -> Iterator[Payload]:
    """Every payload in a message of the engine, however deep it lies."""
    if isinstance(message, Payload):
        yield message
        return
    for part, told in message.ListFields():
        if part.message_type is None:
            continue
        if part.message_type.GetOptions().map_entry:
            if part.message_type.fields_by_name["value"].message_type is not None:
                for each in told.values():
                    yield from payloads_in(each)
        else:
            for each in told if part.is_repeated else [told]:
                yield from payloads_in(each)


def said_in(event: HistoryEvent) -> Iterator[Payload]:
    """The payloads of an event that may hold what somebody said: all but search attributes and the SDK's own notes."""
    said = HistoryEvent()
    said.CopyFrom(event)
    kind = said.WhichOneof("attributes")
    attributes: Any = getattr(said, kind) if kind else None
    if kind == "marker_recorded_event_attributes":
        for name in _OWN_NOTES:
            attributes.details.pop(name, None)
    elif kind and "search_attributes" in attributes.DESCRIPTOR.fields_by_name:
        attributes.ClearField("search_attributes")
    yield from payloads_in(said)


_OWN_NOTES: Final = ("data", "patch-data")
"""Of a local activity or a patch: which one it was, written in clear by the engine's client."""


def same_history(one: Run, other: Run) -> bool:
    """Whether two copies of a run's history say the same; versions of the engine's client write it differently."""
    if one.history == other.history:
        return True
    try:
        again = [WorkflowHistory.from_json(run.reference, dict(run.history)).to_json_dict() for run in (one, other)]
    except (ValueError, TypeError, KeyError, ParseError):
        return False
    return again[0] == again[1]


async def _entries(told: Mapping[str, Any], run_id: str, ledger_of: LedgerOf) -> list[dict[str, Any]]:
    """All entries that were made in a run."""
    first = history.carried(told).n + 1 if history.continues(told) else 1
    entries: list[dict[str, Any]] = []
    while page := await ledger_of(run_id, first):
        entries += page
        first = page[-1]["n"] + 1
    return entries


@dataclass(frozen=True)
class Replayed:
    """What today's code makes of a recorded run: of one that told no entries, none."""

    entries: list[Entry]
    """All entries that the case then has at hand, those of earlier runs included."""
    stopped_at: int | None = None
    """The event at which today's code does something else than is recorded."""
    because: str | None = None
    """Why it stopped, in the engine's words; None when it ran through."""


@dataclass(frozen=True)
class TodaysCode:
    """The workflows that a worker would run today, and how."""

    workflows: Sequence[type]
    runner: WorkflowRunner
    converter: type[PayloadConverter]

    async def replay(self, run: Run) -> Replayed:
        """Run a recorded history through today's code. Nothing outside is touched: no engine, no activity."""
        recorded = WorkflowHistory.from_json(run.reference, dict(run.history))
        if not has_begun(recorded):
            return Replayed([])
        listening = _Listening()
        replayer = Replayer(
            workflows=self.workflows,
            workflow_runner=self.runner,
            data_converter=replace(pydantic_data_converter, payload_converter_class=self.converter),
            interceptors=[listening],
            runtime=_silent_runtime(),
            # Nobody waits for a task here. Without it one that takes two seconds by the wall clock is broken off, and a
            # busy machine would find fault with a case.
            debug_mode=True,
        )
        done = await replayer.replay_workflow(recorded, raise_on_replay_failure=False)
        try:
            entries = _entries_of(listening.case, run)
        except (KeyError, TypeError, ValueError, RecursionError):
            return Replayed([], because="what an earlier run handed over cannot be read")
        if done.replay_failure is None:
            return Replayed(entries)
        said = str(done.replay_failure)
        event = re.search(r"HistoryEvent\(id: (\d+)", said)
        return Replayed(entries, stopped_at=int(event[1]) if event else None, because=said)


@cache
def _silent_runtime() -> Runtime:
    """For replays alone: where one stops is a finding, and in a log it would look like a case that fails now."""
    return Runtime(telemetry=TelemetryConfig(logging=None))


class _Listening(Interceptor):
    """Remembers the case that is replayed."""

    def __init__(self) -> None:
        self.case: Any = None

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:
        listening = self

        class Inbound(WorkflowInboundInterceptor):
            async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:
                listening.case = instance()
                return await super().execute_workflow(input)

        return Inbound


def _entries_of(case: Any, run: Run) -> list[Entry]:
    """The entries that a replayed case made in this run; none where it did not get so far as to open."""
    proceedings = getattr(case, "proceedings", None)
    return proceedings.since(run.ledger[0]["n"] - 1) if proceedings is not None and run.ledger else []
