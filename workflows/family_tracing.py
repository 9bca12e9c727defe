"""Family tracing: the origin state's own process, from the request to its answer.

It tells the tracing service what is asked, reminds it, and ends when the case says that the answer
came or is no longer needed. What the answer is, and what follows from silence, is the case's matter:
silence here brings reminders and nothing else.
"""

from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

from temporalio import workflow
from temporalio.common import RawValue

from workflows.arguments import asked, begun_by_its_case, due_moment, told
from workflows.messages import FAMILY_TRACING, Notice, TracingRequest, tracing_id
from workflows.reminding import remind, sleep_until

with workflow.unsafe.imports_passed_through():
    from procedure.entries import moment

REMINDED_EVERY: Final = timedelta(days=14)
REMINDED_AT_MOST: Final = 26
"""A year of reminders after the due moment. Then the case's own escalation is all that is left."""


@workflow.defn(name=FAMILY_TRACING)
class FamilyTracing:
    """One tracing request to the origin state."""

    @workflow.init
    def __init__(self, *given: RawValue) -> None:
        """``given``: one :class:`TracingRequest`."""
        self._given = given
        self._ended: str | None = None
        self._reminders = 0

    @cached_property
    def _request(self) -> TracingRequest:
        request = asked(TracingRequest, self._given)
        id = tracing_id(request.reference, request.entry)
        begun_by_its_case(request.reference, id, host=request.host_state, origin=request.origin_state)
        return request

    @cached_property
    def _due(self) -> datetime:
        return due_moment(self._request.due)

    @workflow.run
    async def run(self, *_: RawValue) -> str:
        """See the request through. Returns how it ended: ``answered``, ``withdrawn``, ``replaced`` or ``unanswered``."""
        # Halfway first, then at the due moment, then again and again.
        moments = [workflow.now() + (self._due - workflow.now()) / 2, self._due]
        moments += [self._due + REMINDED_EVERY * n for n in range(1, REMINDED_AT_MOST + 1)]
        for when in moments:
            await sleep_until(when, lambda: self._ended is not None)
            if self._ended is not None:
                return self._ended
            self._reminders += 1
            await remind(self._notice(), self._request.reference, self._reminders)
        await workflow.wait_condition(lambda: self._ended is not None, timeout=REMINDED_EVERY)
        return self._ended or "unanswered"

    @workflow.signal
    def ended(self, *why: RawValue) -> None:
        """The case says that the answer came, or that none is needed any more: one word."""
        self._ended = told(str, why) or self._ended

    @workflow.query
    def standing(self) -> dict[str, Any]:
        """What is asked, since when it is owed, and how often was reminded."""
        return {
            "reference": self._request.reference,
            "due": self._request.due,
            "overdue": workflow.now() > self._due,
            "reminders": self._reminders,
            "ended": self._ended,
            "seen_at": moment(workflow.now()),
        }

    def _notice(self) -> Notice:
        return Notice(
            kind="reminder",
            to_role="tracing_service",
            to_state=self._request.origin_state,
            entry=self._request.entry,
            act="report_tracing",
            deadline="tracing",
            due=self._request.due,
        )
