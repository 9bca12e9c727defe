"""What `make faults` reads from the engine's histories: it excuses what no code of ours can help, and nothing else."""

import json
from dataclasses import asdict
from datetime import datetime, timedelta

import pytest
from temporalio.api.enums.v1 import EventType, RetryState, TimeoutType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent

from faults.asked import Asked, excused
from workflows.messages import KEEP_CASELOAD_ROW, TELL, Telling
from workflows.return_case import TELL_FOR

OPENED = datetime(2026, 3, 2, 9)
TIMEOUT = RetryState.RETRY_STATE_TIMEOUT


def asked(name: str = TELL, n: int = 1, at: datetime = OPENED) -> HistoryEvent:
    """An activity that a case asked for."""
    event = HistoryEvent(event_id=n, event_type=EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
    event.event_time.FromDatetime(at)
    scheduled = event.activity_task_scheduled_event_attributes
    scheduled.activity_type.name = name
    scheduled.input.payloads.add().data = json.dumps(asdict(Telling("MD-UA-2026-7K3F9A", 3, 4, []))).encode()
    return event


def failed(state: RetryState.ValueType, at: datetime) -> HistoryEvent:
    """Its end."""
    event = HistoryEvent(event_id=9, event_type=EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED)
    event.event_time.FromDatetime(at)
    event.activity_task_failed_event_attributes.scheduled_event_id = 1
    event.activity_task_failed_event_attributes.retry_state = state
    return event


def task_failed(cause: WorkflowTaskFailedCause.ValueType, message: str = "an invented failure") -> HistoryEvent:
    """A task of the case that failed."""
    event = HistoryEvent(event_id=9, event_type=EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED)
    event.workflow_task_failed_event_attributes.cause = cause
    event.workflow_task_failed_event_attributes.failure.message = message
    return event


@pytest.mark.parametrize(
    ("state", "scheduled", "ended", "right"),
    [
        (TIMEOUT, 13, 15, True),
        (TIMEOUT, 13.9, 13.95, True),  # another attempt would have been too late
        (TIMEOUT, 2, 3, False),  # the case's clock was not far enough ahead
        (TIMEOUT, 1, 15.5, False),  # it had its fourteen days
        (RetryState.RETRY_STATE_NON_RETRYABLE_FAILURE, 13, 15, False),
        (RetryState.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED, 13, 15, False),
    ],
)
def test_a_telling_is_excused_only_by_a_clock_that_ran_ahead(
    state: RetryState.ValueType, scheduled: float, ended: float, right: bool
) -> None:
    """The engine's own end to trying counts, two weeks after the opening, and no other."""
    at, over = (OPENED + timedelta(days=days) for days in (scheduled, ended))
    assert excused(state, opened=OPENED, asked=at, ended=over) is right
    read = Asked()
    read.read([asked(at=at), failed(state, over)], opened=OPENED)
    assert read.given_up_early == ([(3, 4)] if right else [])
    assert any("entries 3 to 4 was given up" in each for each in read.wrong) is not right


def test_another_activity_that_was_given_up_is_wrong() -> None:
    """Nothing but a telling may ever be given up."""
    read = Asked()
    read.read([asked(KEEP_CASELOAD_ROW), failed(TIMEOUT, OPENED + TELL_FOR)], opened=OPENED)
    assert read.wrong == [f"{KEEP_CASELOAD_ROW} was given up (RETRY_STATE_TIMEOUT)"]


def test_a_task_that_failed_by_our_own_code_is_wrong() -> None:
    """An exception in the workflow and a replay that differs are wrong; a task that an engine broke off is counted."""
    causes = WorkflowTaskFailedCause
    read = Asked()
    for ours in (
        causes.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE,
        causes.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR,
    ):
        read.read([task_failed(ours)], opened=OPENED)
    assert len(read.wrong) == 2 and all("an invented failure" in each for each in read.wrong)
    read = Asked()
    read.read([task_failed(causes.WORKFLOW_TASK_FAILED_CAUSE_RESET_STICKY_TASK_QUEUE)], opened=OPENED)
    read.read([task_failed(causes.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND)], opened=OPENED)
    unhandled = causes.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE
    read.read([task_failed(unhandled, "Fetching history failed: the engine was away")], opened=OPENED)
    assert read.wrong == []
    assert sum(read.tasks_failed.values()) == 2


def test_how_far_waiting_went_is_counted() -> None:
    """A row that fell behind, a task that timed out and an attempt that did are told apart."""
    late = HistoryEvent(event_type=EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT)
    late.workflow_task_timed_out_event_attributes.timeout_type = TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE
    again = HistoryEvent(event_type=EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED)
    again.activity_task_started_event_attributes.scheduled_event_id = 1
    failure = again.activity_task_started_event_attributes.last_failure
    failure.timeout_failure_info.timeout_type = TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE
    read = Asked()
    read.read([asked(), asked(KEEP_CASELOAD_ROW, n=2), again, late], opened=OPENED)
    assert read.reached == {
        "a row fell behind": 1,
        "an attempt of tell timed out (start to close)": 1,
        "a task of the case timed out (start to close)": 1,
    }
