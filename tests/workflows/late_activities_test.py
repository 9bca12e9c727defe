"""A task may end just when a local activity is done: what follows happens in the next task, and the record stays the same.

The engine's client ends a task in time where an activity takes longer, and goes on in another. Where the activity is done
at that very moment, its marker still comes into the first task. Replayed, what follows from it is done in that one.
"""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from activities.hands import Hands
from procedure.proceedings import Proceedings
from tests.workflows.broken_hands_test import ShakyHands, as_hands
from tests.workflows.engines import Engine, accepted, guardian, ledger, note
from tests.workflows.replay_test import CASES, Listening
from worker import WORKFLOWS, workflow_runner
from workflows.messages import ADMIT, KEEP_CASELOAD_ROW, Admission, AdmissionRequest, CaseloadRow, RowKept
from workflows.raw import for_worker

pytestmark = pytest.mark.engine

TASK = timedelta(seconds=2)
"""Of a task that is not ended for four fifths of it."""
LONG = 1.9


class LateHands(ShakyHands):
    """Hands that take longer than a task."""

    @activity.defn(name=ADMIT)
    async def admit(self, request: AdmissionRequest) -> Admission:
        await asyncio.sleep(LONG)
        return await super().admit(request)

    @activity.defn(name=KEEP_CASELOAD_ROW)
    async def keep_caseload_row(self, row: CaseloadRow) -> RowKept:
        await asyncio.sleep(LONG)
        return await super().keep_caseload_row(row)


def kind(event: HistoryEvent) -> str:
    return EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")


def with_markers_at_the_last_moment(history: WorkflowHistory) -> tuple[WorkflowHistory, int]:
    """The history as it is where each late activity was done just when the task before ended; how many were moved."""
    events, moved = list(history.events), 0
    for late in [each for each in events if _is_of_a_local_activity(each)]:
        after = next(n for n, each in enumerate(events) if each is late)
        ended = [n for n, each in enumerate(events[:after]) if kind(each) == "WORKFLOW_TASK_COMPLETED"]
        between = [kind(each) for each in events[ended[-2] : ended[-1]]]
        # The activity's own task was ended before, for the activity took longer, and another came at once.
        if "WORKFLOW_TASK_SCHEDULED" not in between or any(map(_is_of_a_local_activity, events[ended[-1] : after])):
            continue
        events.remove(late)
        late.marker_recorded_event_attributes.workflow_task_completed_event_id = events[ended[-2]].event_id
        _earlier(late)
        events.insert(ended[-2] + between.index("WORKFLOW_TASK_SCHEDULED"), late)
        moved += 1
    numbers = {event.event_id: number for number, event in enumerate(events, start=1)}
    for event in events:
        event.event_id = numbers[event.event_id]
        for field, value in event.ListFields():
            if field.name.endswith("_event_attributes"):
                for inner, given in value.ListFields():
                    if inner.name.endswith("_event_id"):
                        setattr(value, inner.name, numbers[given])
    return replace(history, events=events), moved


def _earlier(late: HistoryEvent) -> None:
    """It was done when that task ended, by the clock that the marker keeps."""
    payload = late.marker_recorded_event_attributes.details["data"].payloads[0]
    told = json.loads(payload.data)
    told["complete_time"]["seconds"] = int(told["complete_time"]["seconds"]) - 1
    payload.data = json.dumps(told).encode()


def _is_of_a_local_activity(event: HistoryEvent) -> bool:
    return event.marker_recorded_event_attributes.marker_name == "core_local_activity"


async def test_a_case_has_the_same_record_wherever_a_task_ended(server: Engine) -> None:
    """Opened, and two acts heard, each activity longer than a task: replayed as it was, and as it might have been."""
    hands: Hands = as_hands(LateHands())
    async with server.worker(hands=hands):
        handle = await server.start(task_timeout=TASK)
        await asyncio.sleep(3 * LONG)
        for said in (note(), guardian()):
            await accepted(handle, said)
            await asyncio.sleep(LONG)
        entries = await ledger(handle)
        history = await handle.fetch_history()
    other, moved = with_markers_at_the_last_moment(await handle.fetch_history())
    assert moved == 4
    replayer = Replayer(
        workflows=WORKFLOWS,
        workflow_runner=workflow_runner(),
        data_converter=for_worker(server.client).data_converter,
        interceptors=[Listening()],
        debug_mode=True,  # patient on a busy machine
    )
    for each in (history, other):
        CASES.clear()
        result = await replayer.replay_workflow(each, raise_on_replay_failure=False)
        assert result.replay_failure is None, result.replay_failure
        proceedings: Proceedings | None = CASES[-1].proceedings
        assert proceedings is not None
        assert headers(proceedings.ledger()) == headers(entries)


def headers(entries: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(entry["n"], entry["kind"], entry["at"], entry["hash"]) for entry in entries]
