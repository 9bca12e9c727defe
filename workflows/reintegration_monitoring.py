"""Reintegration monitoring: the origin state's own process after an arrival.

It reminds the monitor before each visit is due and when one is late, and ends when the visits are
made or the case has closed. It judges nothing: what a visit found is recorded in the case.
"""

from datetime import timedelta
from typing import Any, Final

from temporalio import workflow

from workflows.messages import REINTEGRATION_MONITORING, MonitoringRequest, Notice, VisitDue
from workflows.reminding import remind, sleep_until

with workflow.unsafe.imports_passed_through():
    from procedure.entries import read_moment

REMINDED_BEFORE: Final = timedelta(days=3)
REMINDED_AFTER: Final = timedelta(days=7)


@workflow.defn(name=REINTEGRATION_MONITORING)
class ReintegrationMonitoring:
    """The visits owed after one arrival."""

    @workflow.init
    def __init__(self, request: MonitoringRequest) -> None:
        self._request = request
        self._visited: list[int] = []
        self._ended: str | None = None
        self._reminders = 0

    @workflow.run
    async def run(self, request: MonitoringRequest) -> str:
        """Remind of every visit. Returns how it ended: ``visited``, ``closed`` or ``unanswered``."""
        for visit in request.visits:
            due = read_moment(visit.due)
            for when in (due - REMINDED_BEFORE, due + REMINDED_AFTER):
                await sleep_until(when, lambda each=visit: self._need_not_remind(each))
                if self._ended is not None:
                    return self._ended
                if visit.visit not in self._visited:
                    self._reminders += 1
                    await remind(self._notice(visit), request.reference, self._reminders)
        return "visited" if all(visit.visit in self._visited for visit in request.visits) else "unanswered"

    @workflow.signal
    def visited(self, visit: int) -> None:
        """A visit is on record in the case."""
        self._visited.append(visit)

    @workflow.signal
    def ended(self, why: str) -> None:
        """The case is closed."""
        self._ended = why

    @workflow.query
    def standing(self) -> dict[str, Any]:
        """Which visits are owed and which are made."""
        return {
            "reference": self._request.reference,
            "visits": [{"visit": each.visit, "due": each.due} for each in self._request.visits],
            "visited": self._visited,
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
