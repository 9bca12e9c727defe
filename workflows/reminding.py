"""What the origin state's processes share: waiting for a moment, and a reminder that goes out."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from workflows.messages import TELL, Notice, Telling

with workflow.unsafe.imports_passed_through():
    from workflows.logs import log


async def sleep_until(when: datetime, or_until: Callable[[], bool]) -> None:
    """Wait for a moment, or until something is true if that comes first."""
    wait = when - workflow.now()
    if wait > timedelta(0):
        try:
            await workflow.wait_condition(or_until, timeout=wait)
        except TimeoutError:
            return


async def remind(notice: Notice, reference: str, times: int) -> None:
    """Send one reminder. A mail server that is away delays it and ends nothing.

    ``times`` tells one reminder from the next, so that each is sent once.
    """
    try:
        await workflow.execute_activity(
            TELL,
            Telling(reference=reference, first=notice.entry, last=notice.entry, notices=[replace(notice, level=times)]),
            start_to_close_timeout=timedelta(minutes=2),
            schedule_to_close_timeout=timedelta(days=7),
            retry_policy=RetryPolicy(initial_interval=timedelta(seconds=5), maximum_interval=timedelta(hours=1)),
            summary="reminder",
        )
    except ActivityError:
        log.warning("a reminder could not be sent in time", times=times)
