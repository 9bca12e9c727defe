"""What is owed and by whom, asked of the caseload's tables: so many rows, and counts of all of them.

A page costs the same few questions whatever the number of cases, and nothing is counted outside the database.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final, Literal, cast

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.caseload import Caseload
from activities.tables import NOTHING_DUE, CaseTable, HoldTable, OwedTable

Group = Literal["overdue", "today", "week", "later", "undated"]
GROUPS: Final[tuple[Group, ...]] = ("overdue", "today", "week", "later", "undated")
"""When an act is owed. ``week``: after today, up to the end of Sunday. ``undated``: no time runs for it."""

PAGE: Final = 20
"""Rows on one page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which owed acts are asked for.

    ``by`` is the role and the state that owe them, ``not_by`` those that do not. ``party``: of cases between this
    state and another. ``stage``, ``hold``, ``role`` and ``group`` narrow further.
    """

    by: tuple[str, str] | None = None
    not_by: tuple[str, str] | None = None
    party: Sequence[str] = ()
    """States that are host or origin of the case, each of them."""
    stage: str | None = None
    hold: str | None = None
    role: str | None = None
    group: Group | None = None


@dataclass(frozen=True, slots=True)
class OwedRow:
    """An act that somebody owes, and how its case stands. ``due`` in UTC; ``group`` as seen from the moment asked about."""

    reference: str
    act: str
    role: str
    state: str
    deadline: str | None
    due: datetime | None
    overdue: bool
    escalations: int
    stands_still: bool
    group: Group
    stage: str
    host_state: str
    origin_state: str
    holds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OwedPage:
    """One page of owed acts, the earliest due first, and how many there are in each group on all pages."""

    rows: list[OwedRow]
    counts: dict[Group, int]
    number: int
    pages: int

    @property
    def all(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case of the caseload in a list."""

    reference: str
    stage: str
    status: str
    host_state: str
    origin_state: str
    holds: tuple[str, ...] = field(default=())


async def owed_page(caseload: Caseload, which: Which, now: datetime, number: int = 1) -> OwedPage:
    """A page of owed acts as of the moment ``now`` (UTC). A ``number`` beyond the last page gives the last one."""
    owed, wanted = OwedTable, _wanted(which)
    group = _group(now)
    async with _reading(caseload) as session:
        counted = select(group, func.count()).select_from(owed).where(*wanted).group_by(group)
        if _asks_of_cases(which):
            counted = counted.join(CaseTable, CaseTable.reference == owed.reference)
        found = dict(cast("Sequence[tuple[Group, int]]", (await session.execute(counted)).all()))
        counts: dict[Group, int] = {each: found.get(each, 0) for each in GROUPS}
        shown = counts[which.group] if which.group else sum(counts.values())
        pages = max(1, -(-shown // PAGE))
        number = min(max(1, number), pages)
        # Which rows they are is found in the index; only those of this page are looked up.
        keys = select(owed.reference, owed.position, owed.sorts_at).where(*wanted)
        if _asks_of_cases(which):
            keys = keys.join(CaseTable, CaseTable.reference == owed.reference)
        if which.group:
            keys = keys.where(*_within(which.group, now))
        order = (owed.sorts_at, owed.reference, owed.position)
        these = keys.order_by(*order).limit(PAGE).offset((number - 1) * PAGE).subquery()
        query = (
            select(owed, CaseTable, group)
            .join(these, and_(these.c.reference == owed.reference, these.c.position == owed.position))
            .join(CaseTable, CaseTable.reference == owed.reference)
            .order_by(*order)
        )
        rows = (await session.execute(query)).all()
        holds = await _holds(session, {row.reference for row, _, _ in rows})
    return OwedPage([_row(row, of, at, holds) for row, of, at in rows], counts, number, pages)


async def owed_by(caseload: Caseload, role: str, state: str) -> int:
    """How many acts this role of this state owes."""
    query = select(func.count()).where(OwedTable.role == role, OwedTable.state == state)
    async with _reading(caseload) as session:
        return await session.scalar(query) or 0


async def unowed(caseload: Caseload, party: str | None, number: int = 1) -> tuple[list[CaseRow], int]:
    """A page of the open cases in which nobody owes anything, and how many such cases there are.

    ``party``: those in which this state is host or origin.
    """
    nobody = ~select(OwedTable.reference).where(OwedTable.reference == CaseTable.reference).exists()
    wanted = [CaseTable.status != "closed", nobody, *_party([party] if party else [])]
    async with _reading(caseload) as session:
        count = await session.scalar(select(func.count()).select_from(CaseTable).where(*wanted)) or 0
        query = select(CaseTable).where(*wanted).order_by(CaseTable.opened_at, CaseTable.reference)
        rows = await _cases(session, query.limit(PAGE).offset((max(1, number) - 1) * PAGE))
    return rows, count


async def with_reference(caseload: Caseload, part: str, party: str | None) -> list[CaseRow]:
    """The first cases whose reference holds this text, at most :data:`PAGE` of them."""
    like = CaseTable.reference.contains(part, autoescape=True)
    query = select(CaseTable).where(like, *_party([party] if party else [])).order_by(CaseTable.reference).limit(PAGE)
    async with _reading(caseload) as session:
        return await _cases(session, query)


async def newest_entry(caseload: Caseload, reference: str) -> int:
    """The number of the newest entry that the caseload knows of a case; 0 where it does not know the case."""
    async with _reading(caseload) as session:
        return await session.scalar(select(CaseTable.entries).where(CaseTable.reference == reference)) or 0


def _reading(caseload: Caseload) -> Any:
    # The one way into its database, with its patience and its words for a database that is down.
    return caseload._session()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


def _wanted(which: Which) -> list[ColumnElement[bool]]:
    owed = OwedTable
    wanted: list[ColumnElement[bool]] = []
    if which.by:
        wanted += [owed.role == which.by[0], owed.state == which.by[1]]
    if which.not_by:
        wanted.append(or_(owed.role != which.not_by[0], owed.state != which.not_by[1]))
    if which.role:
        wanted.append(owed.role == which.role)
    if which.stage:
        wanted.append(CaseTable.stage == which.stage)
    if which.hold:
        held = select(HoldTable.reference).where(HoldTable.reference == owed.reference, HoldTable.hold == which.hold)
        wanted.append(held.exists())
    return wanted + _party(which.party)


def _party(states: Sequence[str]) -> list[ColumnElement[bool]]:
    return [or_(CaseTable.host_state == state, CaseTable.origin_state == state) for state in states]


def _asks_of_cases(which: Which) -> bool:
    return bool(which.party or which.stage)


# When

_DAY: Final = timedelta(days=1)


def _bounds(now: datetime) -> tuple[datetime, datetime, datetime]:
    """Now, the end of today, and the end of this week's Sunday, in UTC."""
    today = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    return now, today + _DAY, today + (7 - today.weekday()) * _DAY


def _group(now: datetime) -> ColumnElement[str]:
    """The group of an owed act. The order of the groups is that of their moments."""
    at: ColumnElement[datetime] = OwedTable.sorts_at.expression
    before = [(at < _bound(until), literal(group)) for until, group in zip(_bounds(now), GROUPS, strict=False)]
    return case(*before, (at < _bound(NOTHING_DUE), literal("later")), else_=literal("undated")).label("due_group")


def _within(group: Group, now: datetime) -> list[ColumnElement[bool]]:
    at: ColumnElement[datetime] = OwedTable.sorts_at.expression
    edges = (None, *_bounds(now), NOTHING_DUE, None)
    place = GROUPS.index(group)
    since, until = edges[place], edges[place + 1]
    return [
        *([at >= _bound(since)] if since else []),
        *([at < _bound(until)] if until else []),
    ]


def _bound(at: datetime) -> ColumnElement[datetime]:
    return literal(at, OwedTable.sorts_at.type)


# Rows


def _row(row: OwedTable, of: CaseTable, group: Group, holds: dict[str, tuple[str, ...]]) -> OwedRow:
    return OwedRow(
        reference=row.reference,
        act=row.act,
        role=row.role,
        state=row.state,
        deadline=row.deadline,
        due=row.due,
        overdue=row.overdue,
        escalations=row.escalations,
        stands_still=row.stands_still,
        group=group,
        stage=of.stage,
        host_state=of.host_state,
        origin_state=of.origin_state,
        holds=holds.get(row.reference, ()),
    )


async def _cases(session: AsyncSession, query: Select[CaseTable]) -> list[CaseRow]:
    found = list(await session.scalars(query))
    holds = await _holds(session, {each.reference for each in found})
    return [
        CaseRow(
            each.reference, each.stage, each.status, each.host_state, each.origin_state, holds.get(each.reference, ())
        )
        for each in found
    ]


async def _holds(session: AsyncSession, references: set[str]) -> dict[str, tuple[str, ...]]:
    """The holds of these cases, at most a page of them."""
    found: dict[str, list[str]] = {}
    if references:
        query = select(HoldTable.reference, HoldTable.hold).where(HoldTable.reference.in_(references))
        for reference, hold in (await session.execute(query.order_by(HoldTable.hold))).all():
            found.setdefault(reference, []).append(hold)
    return {reference: tuple(holds) for reference, holds in found.items()}
