"""What is owed and by whom, asked of the caseload's tables: so many rows, and counts of all of them.

A page costs the same few questions whatever the number of cases, and nothing is counted outside the database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from functools import reduce
from operator import add
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, CompoundSelect, Select, and_, false, func, literal, or_, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from activities.caseload import Caseload, OwedAct, owed_act
from activities.tables import NOTHING_DUE, CaseTable, HoldTable, OwedTable
from desk.people import Person
from procedure.who_may_see import tied_to

Side = Literal["host", "origin"]
Group = Literal["overdue", "today", "week", "later", "undated"]
GROUPS: Final[tuple[Group, ...]] = ("overdue", "today", "week", "later", "undated")
"""When an act is owed. ``week``: on one of the seven days after today. ``undated``: no time runs for it."""

PAGE: Final = 20
"""Rows on one page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which owed acts are asked for.

    ``by`` is who owes them: what the role of that state owes, but for what another person of it alone may do.
    ``not_by``: all the rest. ``party``: of cases between this state and another. ``stage``, ``hold``, ``role`` and
    ``group`` narrow further.
    """

    by: Person | None = None
    not_by: Person | None = None
    party: Sequence[str] = ()
    """States that are host or origin of the case, each of them."""
    told: Mapping[Side, frozenset[str] | None] = field(default_factory=lambda: {"host": None, "origin": None})
    """On which side the first of those states has to stand, and which acts of others are told of there; None: all."""
    hosted_by: str | None = None
    """Only of cases that this state hosts."""
    stage: str | None = None
    hold: str | None = None
    role: str | None = None
    group: Group | None = None


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case of the caseload in a list."""

    reference: str
    stage: str
    status: str
    host_state: str
    origin_state: str
    holds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OwedRow:
    """An act that somebody owes, and how its case stands. ``group`` as seen from the moment asked about."""

    owed: OwedAct
    group: Group
    case: CaseRow


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


async def owed_page(caseload: Caseload, which: Which, now: datetime, number: int = 1) -> OwedPage:
    """A page of owed acts as of the moment ``now`` (UTC). A ``number`` beyond the last page gives the last one."""
    owed = OwedTable
    async with caseload.reading() as session:
        counted = (await session.execute(select(*(_count(which, group, now) for group in GROUPS)))).one()
        counts: dict[Group, int] = dict(zip(GROUPS, counted, strict=True))
        shown = counts[which.group] if which.group else sum(counts.values())
        pages = max(1, -(-shown // PAGE))
        number = min(max(1, number), pages)
        # Which rows they are is found in the index; only those of this page are looked up.
        these = _keys(which, now, number).subquery()
        query = (
            select(owed, CaseTable)
            .join(these, and_(these.c.reference == owed.reference, these.c.position == owed.position))
            .join(CaseTable, CaseTable.reference == owed.reference)
            .order_by(owed.sorts_at, owed.reference, owed.position)
        )
        rows = (await session.execute(query)).all()
        holds = await _holds(session, {row.reference for row, _ in rows})
    shown_here = [OwedRow(owed_act(row), _group(row.sorts_at, now), _case(of, holds)) for row, of in rows]
    return OwedPage(shown_here, counts, number, pages)


async def unowed(caseload: Caseload, party: str, sides: Sequence[Side], number: int = 1) -> tuple[list[CaseRow], int]:
    """A page of the open cases in which nobody owes anything, and how many such cases there are.

    ``party``: those in which this state stands on one of those sides.
    """
    nobody = ~select(OwedTable.reference).where(OwedTable.reference == CaseTable.reference).exists()
    # Where nobody owes anything, nothing is due: of all other open cases none is looked at.
    wanted = [CaseTable.sorts_at == NOTHING_DUE, nobody, _on(party, sides)]
    async with caseload.reading() as session:
        count = await session.scalar(select(func.count()).select_from(CaseTable).where(*wanted)) or 0
        query = select(CaseTable).where(*wanted).order_by(CaseTable.opened_at, CaseTable.reference)
        rows = await _cases(session, query.limit(PAGE).offset((max(1, number) - 1) * PAGE))
    return rows, count


async def with_reference(caseload: Caseload, part: str, party: str, sides: Sequence[Side]) -> list[CaseRow]:
    """The first cases whose reference holds this text and in which a state stands there, at most :data:`PAGE`."""
    like = CaseTable.reference.contains(part, autoescape=True)
    query = select(CaseTable).where(like, _on(party, sides)).order_by(CaseTable.reference).limit(PAGE)
    async with caseload.reading() as session:
        return await _cases(session, query)


async def newest_entry(caseload: Caseload, reference: str) -> int:
    """The number of the newest entry that the caseload knows of a case; 0 where it does not know the case."""
    async with caseload.reading() as session:
        return await session.scalar(select(CaseTable.entries).where(CaseTable.reference == reference)) or 0


def _count(which: Which, group: Group, now: datetime) -> ColumnElement[int]:
    """How many acts of a group there are. What is not of it is not looked at, so five counts cost as one."""
    owed = OwedTable
    parts = [
        _of(which, [*where, *_within(group, now)], func.count(owed.reference)).scalar_subquery()
        for where in _parts(which)
    ]
    return reduce(add, parts)


def _keys(which: Which, now: datetime, number: int) -> CompoundSelect[Any]:
    """The keys of the rows on a page, in order."""
    owed, order = OwedTable, ("sorts_at", "reference", "position")
    parts: list[Select[Any]] = []
    for where in _parts(which):
        narrowed = [*where, *(_within(which.group, now) if which.group else [])]
        part = _of(which, narrowed, owed.sorts_at, owed.reference, owed.position)
        # Within a part of one's own the person is the same for every row; named first, the order is an index's.
        first = [owed.person] if which.by else []
        part = part.order_by(*first, owed.sorts_at, owed.reference, owed.position).limit(number * PAGE)
        parts.append(select(part.subquery()))
    return union_all(*parts).order_by(*order).limit(PAGE).offset((number - 1) * PAGE)


def _of(which: Which, where: Sequence[ColumnElement[bool]], *columns: Any) -> Any:
    """Columns of the owed acts for which all of that holds."""
    query = select(*columns).where(*where)
    return query.join(CaseTable, CaseTable.reference == OwedTable.reference) if which.stage else query


def _parts(which: Which) -> list[list[ColumnElement[bool]]]:
    """What has to hold of the acts asked for, in two parts that share no act and come each in order out of an index."""
    owed = OwedTable
    wanted: list[ColumnElement[bool]] = []
    if which.role:
        wanted.append(owed.role == which.role)
    if which.stage:
        wanted.append(CaseTable.stage == which.stage)
    if which.hold:
        held = select(HoldTable.reference).where(HoldTable.reference == owed.reference, HoldTable.hold == which.hold)
        wanted.append(held.exists())
    if which.hosted_by:
        wanted.append(owed.host_state == which.hosted_by)
    if one := which.by:
        if (tied := tied_to(one)) is not None:
            wanted.append(owed.reference.in_(sorted(tied)))
        wanted += [owed.role == one.role, owed.state == one.state, *_party(owed, which.party)]
        return [[*wanted, owed.person.is_(None)], [*wanted, owed.person == one.id]]
    if one := which.not_by:
        wanted.append(or_(owed.role != one.role, owed.state != one.state, owed.person != one.id))
    if not which.party:
        return [[*wanted, owed.overdue.is_(late)] for late in (True, False)]
    first, *further = which.party
    wanted += _party(owed, further)
    # No case is between a state and itself.
    stands = {"host": owed.host_state == first, "origin": owed.origin_state == first}
    return [
        [*wanted, stands[side], *([owed.act.in_(sorted(acts))] if acts is not None else [])]
        for side, acts in which.told.items()
    ]


def _on(state: str, sides: Sequence[Side]) -> ColumnElement[bool]:
    columns = {"host": CaseTable.host_state, "origin": CaseTable.origin_state}
    return or_(false(), *(columns[side] == state for side in sides))


def _party(table: type[CaseTable] | type[OwedTable], states: Sequence[str]) -> list[ColumnElement[bool]]:
    return [or_(table.host_state == state, table.origin_state == state) for state in states]


# When

_DAY: Final = timedelta(days=1)


def _bounds(now: datetime) -> tuple[datetime, datetime, datetime]:
    """Now, the end of today, and the end of the seventh day after it, in UTC."""
    today = datetime.combine(now.astimezone(UTC).date(), time(), UTC)
    return now, today + _DAY, today + 8 * _DAY


def _group(at: datetime, now: datetime) -> Group:
    """The group of an owed act by its place in the order, which is that of the groups."""
    return GROUPS[sum(at >= edge for edge in (*_bounds(now), NOTHING_DUE))]


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


def _case(row: CaseTable, holds: dict[str, tuple[str, ...]]) -> CaseRow:
    return CaseRow(row.reference, row.stage, row.status, row.host_state, row.origin_state, holds.get(row.reference, ()))


async def _cases(session: AsyncSession, query: Select[CaseTable]) -> list[CaseRow]:
    found = list(await session.scalars(query))
    holds = await _holds(session, {each.reference for each in found})
    return [_case(each, holds) for each in found]


async def _holds(session: AsyncSession, references: set[str]) -> dict[str, tuple[str, ...]]:
    """The holds of these cases, at most a page of them."""
    found: dict[str, list[str]] = {}
    if references:
        query = select(HoldTable.reference, HoldTable.hold).where(HoldTable.reference.in_(references))
        for reference, hold in (await session.execute(query.order_by(HoldTable.hold))).all():
            found.setdefault(reference, []).append(hold)
    return {reference: tuple(holds) for reference, holds in found.items()}
