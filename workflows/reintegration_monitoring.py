"""Reintegration monitoring: the origin state's own process after an arrival.

It reminds the monitor before each visit is due and when one is late, and ends when the visits are
made or the case has closed. It judges nothing: what a visit found is recorded in the case.
"""

from datetime import timedelta
from functools import cached_property
from typing import Any, Final

from temporalio import workflow
from temporalio.common import RawValue

from workflows.arguments import asked, begun_by_its_case, due_moment, told
from workflows.messages import REINTEGRATION_MONITORING, MonitoringRequest, Notice, VisitDue, monitoring_id
from workflows.reminding import remind, sleep_until

REMINDED_BEFORE: Final = timedelta(days=3)
REMINDED_AFTER: Final = timedelta(days=7)


@workflow.defn(name=REINTEGRATION_MONITORING)
class ReintegrationMonitoring:
    """The visits owed after one arrival."""

    @workflow.init
    def __init__(self, *given: RawValue) -> None:
        """``given``: one :class:`MonitoringRequest`."""
        self._given = given
        self._visited: set[int] = set()
        self._ended: str | None = None
        self._reminders = 0

    @cached_property
    def _request(self) -> MonitoringRequest:
        request = asked(MonitoringRequest, self._given)
        id = monitoring_id(request.reference, request.entry)
        begun_by_its_case(request.reference, id, origin=request.origin_state)
        return request

    @workflow.run
    async def run(self, *_: RawValue) -> str:
        """Remind of every visit. Returns how it ended: ``visited``, ``closed`` or ``unanswered``."""
        visits = [(visit, due_moment(visit.due)) for visit in self._request.visits]
        for visit, due in visits:
            for when in (due - REMINDED_BEFORE, due + REMINDED_AFTER):
                await sleep_until(when, lambda each=visit: self._need_not_remind(each))
                if self._ended is not None:
                    return self._ended
                if visit.visit not in self._visited:
                    self._reminders += 1
                    await remind(self._notice(visit), self._request.reference, self._reminders)
        return "visited" if all(visit.visit in self._visited for visit, _ in visits) else "unanswered"

    @workflow.signal
    def visited(self, *visit: RawValue) -> None:
        """A visit is on record in the case: its number."""
        if (number := told(int, visit)) is not None:
            self._visited.add(number)

    @workflow.signal
    def ended(self, *why: RawValue) -> None:
        """The case is closed: one word."""
        self._ended = told(str, why) or self._ended

    @workflow.query
    def standing(self) -> dict[str, Any]:
        """Which visits are owed and which are made."""
        return {
            "reference": self._request.reference,
            "visits": [{"visit": each.visit, "due": each.due} for each in self._request.visits],
            "visited": sorted(self._visited),
            "reminders": self._reminders,
            "ended": self._ended,
        }

    def _need_not_remind(self, visit: VisitDue) -> bool:
        return self._ended is not None or visit.visit in self._visited

    def _notice(self, visit: VisitDue) -> Notice:
        return Notice(
            kind="reminder",
            to_role="monitor",
            to_state=self._request.origin_state,
            entry=self._request.entry,
            act="record_visit",
            deadline=f"visit_{visit.visit}",
            due=visit.due,
        )
