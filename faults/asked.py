"""What a case asked its hands to tell, and how far its waiting went: read from the engine's histories."""

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from temporalio.api.enums.v1 import EventType, RetryState, TimeoutType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.worker import (
    Interceptor,
    Replayer,
    StartLocalActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)
from temporalio.workflow import ActivityHandle

from activities.telling import REFUSED_AGAIN_AFTER
from casefile.engine import has_begun
from starter.auditors import todays_code
from workflows.messages import KEEP_CASELOAD_ROW, TELL, Notice, OutgoingEvent, Telling
from workflows.return_case import TELL_FOR

_HARMLESS: Final = frozenset({WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND})
_OURS: Final = frozenset(
    {
        WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE,
        WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR,
    }
)
"""Why a task of a case fails by what our own code does. No engine that is killed or held still explains these."""
_ENGINE_AWAY: Final = "Fetching history failed"
"""How a worker says that the engine broke off while it asked for a history: this an engine that was killed explains."""


@dataclass
class Asked:
    """What the histories of a case say."""

    tellings: list[Telling] = field(default_factory=list[Telling])
    given_up_early: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """Entries, from and to, whose telling the engine gave up by a clock of its own."""
    reached: Counter[str] = field(default_factory=Counter[str])
    """How often a row fell behind, a task or an attempt timed out."""
    tasks_failed: Counter[str] = field(default_factory=Counter[str])
    wrong: list[str] = field(default_factory=list[str])

    def read(self, events: list[HistoryEvent], *, opened: datetime) -> None:
        """Take in the events of one run. ``opened``: when the case was opened, by the clock on the wall."""
        scheduled: dict[int, HistoryEvent] = {}
        for event in events:
            match event.event_type:
                case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
                    scheduled[event.event_id] = event
                    self._scheduled(event)
                case EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
                    started = event.activity_task_started_event_attributes
                    if started.last_failure.HasField("timeout_failure_info"):
                        kind = started.last_failure.timeout_failure_info.timeout_type
                        name = scheduled[started.scheduled_event_id]
                        self._timed_out(f"an attempt of {_activity(name)}", kind)
                case EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED:
                    failed = event.activity_task_failed_event_attributes
                    self._ended(scheduled[failed.scheduled_event_id], event, failed.retry_state, opened)
                case EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
                    late = event.activity_task_timed_out_event_attributes
                    name = _activity(scheduled[late.scheduled_event_id])
                    self._timed_out(f"an attempt of {name}", late.failure.timeout_failure_info.timeout_type)
                    self._ended(scheduled[late.scheduled_event_id], event, late.retry_state, opened)
                case EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
                    self._timed_out("a task of the case", event.workflow_task_timed_out_event_attributes.timeout_type)
                case EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
                    self._task_failed(event)
                case _:
                    pass

    def _scheduled(self, event: HistoryEvent) -> None:
        if _activity(event) == KEEP_CASELOAD_ROW:
            self.reached["a row fell behind"] += 1
        elif _activity(event) == TELL:
            self.tellings.append(_telling_of(event))

    def _timed_out(self, what: str, kind: "TimeoutType.ValueType") -> None:
        name = TimeoutType.Name(kind).removeprefix("TIMEOUT_TYPE_").lower().replace("_", " ")
        self.reached[f"{what} timed out ({name})"] += 1

    def _ended(self, asked: HistoryEvent, ended: HistoryEvent, state: "RetryState.ValueType", opened: datetime) -> None:
        if _activity(asked) != TELL:
            self.wrong.append(f"{_activity(asked)} was given up ({RetryState.Name(state)})")
            return
        telling = _telling_of(asked)
        if excused(state, opened=opened, asked=_at(asked), ended=_at(ended)):
            self.given_up_early.append((telling.first, telling.last))
        else:
            self.wrong.append(
                f"the telling of entries {telling.first} to {telling.last} was given up after "
                f"{_at(ended) - _at(asked)} ({RetryState.Name(state)}), {_at(ended) - opened} after the opening"
            )

    def _task_failed(self, event: HistoryEvent) -> None:
        failed = event.workflow_task_failed_event_attributes
        if failed.cause in _HARMLESS:
            return
        name = WorkflowTaskFailedCause.Name(failed.cause).removeprefix("WORKFLOW_TASK_FAILED_CAUSE_")
        self.tasks_failed[f"{name} {failed.failure.message[:100]}".strip()] += 1
        if failed.cause in _OURS and _ENGINE_AWAY not in failed.failure.message:
            self.wrong.append(f"a task of the case failed: {name} {failed.failure.message[:200]}")


def excused(state: "RetryState.ValueType", *, opened: datetime, asked: datetime, ended: datetime) -> bool:
    """Whether the engine gave up early by a clock of its own, for which no code of ours can do anything.

    It reckons the fourteen days of a telling from the clock on the wall to the case's own, which runs ahead of it. So
    the case must be that far ahead, less the longest wait for another attempt. ``opened`` is by the clock on the wall,
    the other two by the case's own; a course takes minutes.
    """
    return (
        state == RetryState.RETRY_STATE_TIMEOUT
        and ended - asked < TELL_FOR
        and ended - opened >= TELL_FOR - REFUSED_AGAIN_AFTER
    )


def _at(event: HistoryEvent) -> datetime:
    return event.event_time.ToDatetime()


def _activity(event: HistoryEvent) -> str:
    return event.activity_task_scheduled_event_attributes.activity_type.name


def _telling_of(event: HistoryEvent) -> Telling:
    given: dict[str, Any] = json.loads(event.activity_task_scheduled_event_attributes.input.payloads[0].data)
    return Telling(
        reference=given["reference"],
        first=given["first"],
        last=given["last"],
        notices=[Notice(**notice) for notice in given["notices"]],
        events=[OutgoingEvent(**event) for event in given["events"]],
    )


async def told_with_rows(history: WorkflowHistory) -> list[Telling]:
    """The tellings that went along with a row of the caseload. No history holds them: the run is replayed to see them."""
    if not has_begun(history):
        return []
    listening = _Listening()
    code = todays_code()
    await Replayer(
        workflows=code.workflows,
        workflow_runner=code.runner,
        data_converter=replace(pydantic_data_converter, payload_converter_class=code.converter),
        interceptors=[listening],
        runtime=Runtime(telemetry=TelemetryConfig(logging=None)),
        debug_mode=True,  # as in `casefile.engine`
    ).replay_workflow(history)
    return listening.tellings


class _Listening(Interceptor):
    """Keeps the telling of every row that a replayed case asks to be kept."""

    def __init__(self) -> None:
        self.tellings: list[Telling] = []

    def workflow_interceptor_class(self, input: WorkflowInterceptorClassInput) -> type[WorkflowInboundInterceptor]:
        tellings = self.tellings

        class Outbound(WorkflowOutboundInterceptor):
            def start_local_activity(self, input: StartLocalActivityInput) -> ActivityHandle[Any]:
                if input.activity == KEEP_CASELOAD_ROW and input.args[0].telling is not None:
                    tellings.append(input.args[0].telling)
                return super().start_local_activity(input)

        class Inbound(WorkflowInboundInterceptor):
            def init(self, outbound: WorkflowOutboundInterceptor) -> None:
                super().init(Outbound(outbound))

        return Inbound
