"""How many cases there are, by stage, and what is late in them: numbers of the whole caseload, for measures.

A look costs a few queries over indexes. It is bounded, and what it found is shown for a while: whoever scrapes often
does not make the database work more.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities import measures
from activities.caseload import TRIED_AT_LEAST, UNTRIED, Caseload, CaseloadUnreachable
from activities.tables import CLOSED, CaseTable, HoldTable, OwedTable, UntoldTable

SHOWN_FOR: Final = 15.0
"""Seconds for which a look is good enough."""
AT_MOST_A_TENTH: Final = 10
"""After a look that took long, the next one waits this many times as long."""
ESCALATED_TO_THE_END: Final = 2
"""The highest level: superiors, then the ombudsperson (:func:`procedure.deadlines.escalation_moments`)."""
RELEASE: Final = "release"
"""The deadline for the release of a child that is reported detained: 24 hours at most, whatever an agreement says."""
APPEALED_IN: Final = "decision"
"""The one stage in which nobody may owe anything: all is approved, and an appeal can be lodged for some days still. The
table does not say until when; the case wakes by itself on that day, and somebody owes an act from then on."""
APPEALED_WITHIN: Final = timedelta(days=366)
"""Longer than any time to appeal. A case that has stood still in that stage for longer waits for nothing."""
APPEAL: Final = "appeal"
NOTHING: Final = "nothing"
GIVEN_UP_SHOWN_FOR: Final = timedelta(days=30)
"""After the last attempt. Then somebody knows of it, or nobody will; the row stays."""

_log: structlog.stdlib.BoundLogger = structlog.get_logger("homeward.figures")


@dataclass(frozen=True)
class Figures:
    """The caseload at a moment."""

    stages: dict[str, int]
    holds: dict[str, int]
    overdue: dict[tuple[str, str], int]
    beyond: dict[tuple[str, str], int]
    """Overdue with every escalation behind them."""
    unreleased: dict[str, int]
    nobody_owes: dict[str, int]
    """Where nobody owes an act, by what the case waits for."""
    untold: dict[tuple[str, bool], int]
    """What is still tried, by channel and whether it was refused."""
    untold_since: dict[str, datetime]
    given_up: dict[str, int] = field(default_factory=dict[str, int])
    """What is tried no more, by channel; of the last thirty days."""


class CaseloadFigures:
    """Looks at a caseload when it is asked to, and sets the gauges; never more often than is good for its database."""

    def __init__(self, caseload: Caseload, clock: Callable[[], float] = time.monotonic) -> None:
        self._caseload = caseload
        self._clock = clock
        self._not_before = 0.0
        self._looking: asyncio.Task[None] | None = None

    async def show(self, within: float) -> None:
        """Bring the gauges up to date where they are too old; after ``within`` seconds go on with what there is."""
        if self._looking is None and self._clock() < self._not_before:
            return
        if self._looking is None:
            # A task of its own: whoever asked and went away must not tear a connection out of its work.
            self._looking = asyncio.create_task(self._look())
            self._looking.add_done_callback(self._looked)
        await asyncio.wait({self._looking}, timeout=within)

    def _looked(self, done: asyncio.Task[None]) -> None:
        self._looking = None
        if not done.cancelled() and (error := done.exception()) is not None:
            _log.error("the caseload could not be counted", error=type(error).__name__)
            measures.clear_caseload()

    async def _look(self) -> None:
        begun = self._clock()
        try:
            figures = await figures_of(self._caseload, datetime.now(UTC))
        except CaseloadUnreachable:
            measures.clear_caseload()
        else:
            show(figures, datetime.now(UTC))
            measures.LOOK_TOOK.set(self._clock() - begun)
        finally:
            took = self._clock() - begun
            self._not_before = self._clock() + max(SHOWN_FOR, AT_MOST_A_TENTH * took)


async def figures_of(caseload: Caseload, now: datetime) -> Figures:
    """Count, as at ``now``. Raises :class:`activities.caseload.CaseloadUnreachable`."""
    owed, cases, untold = OwedTable, CaseTable, UntoldTable
    late: ColumnElement[bool] = owed.overdue.is_(True)
    levels = func.sum(case((owed.escalations >= ESCALATED_TO_THE_END, 1), else_=0))
    releases = func.sum(case((owed.deadline == RELEASE, 1), else_=0))
    # By the moment they are sorted by, not by their status: an index holds stage and moment, and nothing else is read.
    is_open: ColumnElement[bool] = cases.sorts_at < CLOSED
    appealed: ColumnElement[bool] = (cases.stage == APPEALED_IN) & (cases.updated_at > now - APPEALED_WITHIN)
    waits_for_appeal = case((appealed, 1), else_=0)
    given_up: ColumnElement[bool] = (untold.since < now - TRIED_AT_LEAST) & (untold.last_tried < now - UNTRIED)
    async with caseload.reading() as session:
        stages = await _rows(session, select(cases.stage, func.count()).where(is_open).group_by(cases.stage))
        holds = await _rows(session, select(HoldTable.hold, func.count()).group_by(HoldTable.hold))
        overdue = await _rows(
            session,
            select(owed.role, owed.state, func.count(), levels, releases).where(late).group_by(owed.role, owed.state),
        )
        unowed = await _rows(
            session,
            select(waits_for_appeal, func.count())
            .where(is_open, ~select(owed.reference).where(owed.reference == cases.reference).exists())
            .group_by(waits_for_appeal),
        )
        waiting = await _rows(
            session,
            select(untold.channel, untold.refused, func.count(), func.min(untold.since))
            .where(~given_up)
            .group_by(untold.channel, untold.refused),
        )
        lost = await _rows(
            session,
            select(untold.channel, func.count())
            .where(given_up, untold.last_tried > now - GIVEN_UP_SHOWN_FOR)
            .group_by(untold.channel),
        )
    waiting_for = {APPEAL: 0, NOTHING: 0}
    for for_appeal, n in unowed:
        waiting_for[APPEAL if for_appeal else NOTHING] += n
    unreleased: dict[str, int] = {}
    for _, state, _, _, detained in overdue:
        unreleased[state] = unreleased.get(state, 0) + detained
    since: dict[str, datetime] = {}
    for channel, _, _, oldest in waiting:
        since[channel] = min(oldest, since.get(channel, oldest))
    return Figures(
        stages=dict(stages),
        holds=dict(holds),
        overdue={(role, state): n for role, state, n, _, _ in overdue},
        beyond={(role, state): n for role, state, _, n, _ in overdue},
        unreleased=unreleased,
        nobody_owes=waiting_for,
        untold={(channel, refused): n for channel, refused, n, _ in waiting},
        untold_since=since,
        given_up=dict(lost),
    )


def show(figures: Figures, now: datetime) -> None:
    """Set the gauges. What is no more is gone from them."""
    measures.clear_caseload()
    measures.every_stage_and_hold()
    for stage, n in figures.stages.items():
        measures.OPEN_CASES.labels(stage).set(n)
    for hold, n in figures.holds.items():
        measures.HELD_CASES.labels(hold).set(n)
    for (role, state), n in figures.overdue.items():
        measures.OVERDUE_ACTS.labels(role, state).set(n)
    for (role, state), n in figures.beyond.items():
        measures.OVERDUE_BEYOND_ESCALATION.labels(role, state).set(n)
    for state, n in figures.unreleased.items():
        measures.UNRELEASED.labels(state).set(n)
    for waits_for, n in figures.nobody_owes.items():
        measures.NOBODY_OWES.labels(waits_for).set(n)
    for channel in measures.CHANNELS:
        for refused in (True, False):
            measures.UNTOLD.labels(channel, str(refused).lower()).set(figures.untold.get((channel, refused), 0))
        measures.GIVEN_UP.labels(channel).set(figures.given_up.get(channel, 0))
        since = figures.untold_since.get(channel)
        measures.UNTOLD_FOR.labels(channel).set((now - since).total_seconds() if since else 0)
    measures.LOOKED_AT.set(now.timestamp())


async def _rows(session: AsyncSession, query: Any) -> list[Any]:
    return list(await session.execute(query))
