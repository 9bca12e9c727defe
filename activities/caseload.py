"""The caseload: which cases there are, who owes what by when, and what could not be told to anyone.

SQLite in the data folder, or PostgreSQL by its address. It is a picture, written after each entry and
rebuilt at will (:mod:`activities.rebuild`); no case waits for it. Children appear by keyed mark only
(:mod:`activities.marks`).
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Engine,
    and_,
    bindparam,
    create_engine,
    delete,
    event,
    func,
    inspect,
    literal,
    make_url,
    or_,
    select,
    text,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import selectinload
from sqlalchemy.sql.base import ReadOnlyColumnCollection
from sqlalchemy.sql.dml import ReturningInsert

from activities.settings import CASELOAD_DRIVERS
from activities.tables import (
    CLOSED,
    NOTHING_DUE,
    SCHEMA,
    Base,
    CaseTable,
    HoldTable,
    MarkTable,
    OwedTable,
    ToldTable,
    UntoldTable,
)
from procedure.entries import moment, read_moment
from sealing.faults import what_went_wrong
from sealing.sqlite_files import log_writes_ahead
from workflows.messages import CaseloadRow

if TYPE_CHECKING:
    from alembic.config import Config

CONNECT_WITHIN = 2
"""Seconds until a database that does not pick up counts as down."""

CLOSED_WITHIN = 5.0
"""Seconds for which a caseload that is closed waits for what is still being written."""

ANSWER_WITHIN = 8.0
"""Seconds until a database that picks up but does not answer counts as down."""

REMEMBERED_FOR = timedelta(days=60)
"""How long it is known what was told: much longer than any telling is tried again."""

UPGRADE_WITHIN = 300.0
"""Seconds that bringing the tables up to date may take."""

PAGE = 50
"""Cases on one page, unless more are asked for."""

_UPGRADE_LOCK = 0x484F4D45
"""Names our lock among PostgreSQL's advisory locks, so that two processes do not upgrade at once."""

_TAKE = [delete(table).where(table.reference == bindparam("taken")) for table in (OwedTable, HoldTable)]

_T = TypeVar("_T")
_OfCase = CaseTable | OwedTable | HoldTable | MarkTable | UntoldTable | ToldTable


class CaseloadUnreachable(Exception):
    """The caseload's database cannot be used now. The text holds no data and no address."""

    says_nothing_personal = True


@dataclass(frozen=True)
class OwedAct:
    """An act that a case waits for. ``due`` is a moment in UTC, or ``None`` where nothing sets one."""

    act: str
    role: str
    state: str
    deadline: str | None
    due: datetime | None
    overdue: bool
    escalations: int
    stands_still: bool = False
    """Whether a hold keeps the deadline from running."""
    person: str | None = None
    """The one person who may do it; ``None`` where the role and the state are enough."""

    def as_json(self) -> dict[str, Any]:
        """As a row of the case view's ``awaiting``, which names a person only where there is one."""
        row = {**asdict(self), "due": moment(self.due) if self.due else None}
        return row if self.person else {name: value for name, value in row.items() if name != "person"}


TRIED_AT_LEAST: Final = timedelta(days=7)
"""For how long a telling is tried that does not get out: a case's notices and events twice as long, and longer where the
case goes on in a new run; a reminder of a tracing or a monitoring this long."""
UNTRIED: Final = timedelta(days=1)
"""Far longer than the six hours that lie between two attempts at most. What was not tried for so long, and is older than
:data:`TRIED_AT_LEAST`, is given up."""


@dataclass(frozen=True)
class Untold:
    """A telling that did not get out wholly. ``last_error`` is a class of error, never its text.

    ``refused`` says that the other side answered and will not take it, so a person has to look.
    """

    reference: str
    first: int
    channel: str
    attempts: int
    last_error: str
    refused: bool
    since: datetime
    last_tried: datetime

    def given_up(self, now: datetime) -> bool:
        """Whether it was not tried for so long that it is tried no more, or that no worker was there to do it.

        So it is counted in the figures too (:func:`activities.figures.figures_of`).
        """
        return self.since < now - TRIED_AT_LEAST and self.last_tried < now - UNTRIED

    def as_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "since": moment(self.since),
            "last_tried": moment(self.last_tried),
            "given_up": self.given_up(datetime.now(UTC)),
        }


@dataclass(frozen=True)
class ListedCase:
    """A case in the caseload. ``due`` is the moment that it is sorted by: the earliest that was asked for."""

    reference: str
    agreement: str
    host_state: str
    origin_state: str
    status: str
    stage: str
    solution: str | None
    outcome: str | None
    holds: tuple[str, ...]
    awaiting: tuple[OwedAct, ...]
    due: datetime | None
    overdue: bool
    entries: int
    refused: int
    opened_at: datetime
    updated_at: datetime
    untold: tuple[Untold, ...]
    cursor: str
    """Given as ``after``, the page that follows this case begins."""

    def as_json(self) -> dict[str, Any]:
        """As JSON, moments as RFC 3339 texts."""
        return {
            **asdict(self),
            "holds": list(self.holds),
            "awaiting": [owed.as_json() for owed in self.awaiting],
            "due": moment(self.due) if self.due else None,
            "opened_at": moment(self.opened_at),
            "updated_at": moment(self.updated_at),
            "untold": [untold.as_json() for untold in self.untold],
        }


@dataclass(frozen=True)
class KnownTo:
    """Somebody who may know of some cases: by their office, where their state is host or origin; or by what they owe.

    ``hosted_only``: of those that their state hosts alone. ``tied_to``: of these references alone, where it is not None.
    """

    person: str
    role: str
    state: str
    as_host: bool
    as_origin: bool
    hosted_only: bool = False
    tied_to: frozenset[str] | None = None


@dataclass(frozen=True)
class Rebuilt:
    """How many cases a rebuild wrote, and how many it dropped because the engine knows them no more."""

    kept: int
    dropped: int
    silent: tuple[str, ...] = ()
    """Cases that did not answer. Their rows are as they were."""


class Caseload:
    """The caseload in one database. Tables are made or brought up to date at first use.

    Every method raises :class:`CaseloadUnreachable`, within seconds, when the database is down.
    """

    def __init__(self, url: URL | str) -> None:
        """Take note of the database; nothing is opened yet, so a worker can start while it is down."""
        self._url = _with_driver(make_url(url))
        self._engine = _engine(self._url)
        self._writing = self._engine.execution_options(writing=True)
        self._pen = None if self._postgresql or self._in_memory else _Pen(self._url)
        self._ready = False
        self._attempt: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, url: URL | str) -> Self:
        """A caseload whose folder and tables exist. Safe while another process does the same."""
        caseload = cls(url)
        try:
            await caseload.make_ready()
        except CaseloadUnreachable:
            await caseload.close()
            raise
        return caseload

    async def close(self) -> None:
        await self._engine.dispose()
        if self._pen is not None:
            await self._pen.close()

    async def make_ready(self) -> None:
        """Make the folder and bring the tables up to date, once."""
        if self._ready:
            return
        # All who come at once share one attempt: with a database that is down, each would else wait for all before.
        if self._attempt is None or self._attempt.done():
            self._attempt = asyncio.create_task(self._make_ready())
            self._attempt.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.shield(self._attempt)

    async def _make_ready(self) -> None:
        self._make_folder()
        async with self._reaching(ANSWER_WITHIN), self._engine.begin() as connection:
            version = await connection.run_sync(_schema_version)
        if version != SCHEMA:
            async with self._reaching(UPGRADE_WITHIN), self._writing.begin() as connection:
                await self._upgrade(connection)
        self._ready = True

    # Writing

    async def keep(self, row: CaseloadRow, mark: str | None = None) -> bool:
        """Show a case as it stands after an entry. An older row never overwrites a newer one.

        ``mark`` is the child's keyed mark, given with the first row; it stays while the case is open,
        and is taken up even when a newer row came first. Returns whether the row was written: false
        when one of the same or a later entry stands already.
        """
        return await self._write(lambda connection: self._keep(connection, row, mark))

    async def claim(self, mark: str, reference: str) -> list[str]:
        """Say that a case is opened for the child with this mark; returns the open cases that said so before.

        Two cases opened for one child at one moment: the later one is told of the earlier one, never
        the other way round, however often either asks.
        """
        return await self._write(lambda connection: self._claim(connection, mark, reference))

    async def unclaim(self, reference: str) -> None:
        """Take back what :meth:`claim` said: the case was not opened."""
        async with self._transaction(writing=True) as connection:
            await connection.execute(delete(MarkTable).where(MarkTable.reference == reference))

    async def replace(
        self,
        rows: Sequence[tuple[CaseloadRow, str | None]],
        *,
        asked_at: datetime,
        silent: Collection[str] = (),
    ) -> Rebuilt:
        """Put rows read from the engine in place of what is here, all or nothing.

        ``asked_at`` is when reading began. Cases that are not among the rows are dropped, unless they
        were written since; a row that has become newer meanwhile stays, and so do those of ``silent`` cases.
        """
        return await self._write(
            lambda connection: self._replace(connection, rows, asked_at, silent), within=UPGRADE_WITHIN
        )

    # Looking

    async def page(
        self,
        *,
        role: str | None = None,
        state: str | None = None,
        overdue: bool | None = None,
        stage: str | None = None,
        hold: str | None = None,
        closed: bool | None = None,
        known_to: "KnownTo | None" = None,
        limit: int = PAGE,
        after: str | None = None,
    ) -> list[ListedCase]:
        """A page of the caseload by due moment, what is due first first, closed cases last.

        ``role``: cases in which this role owes an act. ``overdue``: true, cases in which an act is
        overdue; false, those in which none is. ``state``: with ``role`` or ``overdue``, the state
        that owes; alone, cases in which it is host or origin. ``stage``, ``hold``: cases in that
        stage, under that hold. ``closed``: only closed or only open ones; both when not said. ``known_to``: cases
        that somebody may know of.
        ``after`` is the ``cursor`` of the last case of the page before. Raises ``ValueError`` for a
        cursor that no page gave.
        """
        owing: list[ColumnElement[bool]] = []
        if role is not None:
            owing.append(OwedTable.role == role)
        if state is not None and (role is not None or overdue):
            owing.append(OwedTable.state == state)
        if overdue:
            owing.append(OwedTable.overdue.expression)
        wanted: list[ColumnElement[bool]] = []
        if state is not None and not owing:
            wanted.append(or_(CaseTable.host_state == state, CaseTable.origin_state == state))
        if overdue is False:
            late = select(OwedTable.reference).where(OwedTable.reference == CaseTable.reference, OwedTable.overdue)
            wanted.append(~late.exists())
        if stage is not None:
            wanted.append(CaseTable.stage == stage)
        if hold is not None:
            held = select(HoldTable.reference).where(HoldTable.reference == CaseTable.reference, HoldTable.hold == hold)
            wanted.append(held.exists())
        if closed is not None:
            wanted.append(CaseTable.status == "closed" if closed else CaseTable.status != "closed")
        if known_to is not None:
            wanted.append(_known_to(known_to))

        sorts_at: ColumnElement[datetime] = CaseTable.sorts_at.expression
        found = select(CaseTable)
        if owing:
            earliest = (
                select(OwedTable.reference, func.min(OwedTable.sorts_at).label("sorts_at"))
                .where(*owing)
                .group_by(OwedTable.reference)
                .subquery()
            )
            found = found.join(earliest, earliest.c.reference == CaseTable.reference)
            sorts_at = earliest.c.sorts_at
        if after is not None:
            moment_after, reference_after = read_cursor(after)
            wanted.append(
                tuple_(sorts_at, CaseTable.reference)
                > tuple_(literal(moment_after, CaseTable.sorts_at.type), literal(reference_after))
            )
        query = (
            found.add_columns(sorts_at.label("at"))
            .where(*wanted)
            .order_by(sorts_at, CaseTable.reference)
            .limit(limit)
            .options(selectinload(CaseTable.owed), selectinload(CaseTable.holds), selectinload(CaseTable.untold))
        )
        async with self.reading() as session:
            return [_listed(case, at) for case, at in await session.execute(query)]

    async def one(self, reference: str) -> ListedCase | None:
        """One case of the caseload, or ``None`` where it does not stand there."""
        query = (
            select(CaseTable)
            .where(CaseTable.reference == reference)
            .options(selectinload(CaseTable.owed), selectinload(CaseTable.holds), selectinload(CaseTable.untold))
        )
        async with self.reading() as session:
            case = await session.scalar(query)
            return _listed(case, case.sorts_at) if case else None

    async def count(self) -> int:
        """How many cases stand here, closed ones included."""
        async with self._transaction() as connection:
            return await connection.scalar(select(func.count()).select_from(CaseTable)) or 0

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncSession]:
        """A session for questions of one's own, of which nothing is written. It ends within the same seconds."""
        await self.make_ready()
        async with self._reaching(ANSWER_WITHIN), AsyncSession(self._engine, expire_on_commit=False) as session:
            yield session

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction of one's own that writes. It ends within the same seconds."""
        async with self._transaction(writing=True) as connection:
            yield connection

    # What got out, and what did not

    async def telling_failed(
        self, reference: str, telling: str, channel: str, *, first: int, error: str, refused: bool
    ) -> None:
        """Show that a telling did not get out by a channel: ``mail``, ``folder`` or ``webhook``.

        ``error`` is a class of error and holds nothing personal; ``refused`` says that trying again
        alone will not help.
        """
        now = datetime.now(UTC)
        adding = self._insert(UntoldTable).values(
            reference=reference,
            telling=telling,
            channel=channel,
            first_entry=first,
            attempts=1,
            last_error=error[:80],
            refused=refused,
            since=now,
            last_tried=now,
        )
        statement = adding.on_conflict_do_update(
            index_elements=["reference", "telling", "channel"],
            set_={
                "attempts": UntoldTable.attempts + 1,
                "last_error": error[:80],
                "refused": refused,
                "last_tried": now,
            },
        )
        async with self._transaction(writing=True) as connection:
            await self._alone_with(connection, telling)
            # A case that moves on has its new run try again what the ended one still tries: the ended run's attempt may
            # fail, by a hang of the other side, after the new run's got everything out.
            if await connection.scalar(select(ToldTable.part).where(ToldTable.part == telling)) is None:
                await connection.execute(statement)

    async def telling_done(self, reference: str, telling: str, channel: str | None = None) -> None:
        """A telling got out by a channel, or by all: what stood of it as untold goes.

        That it got out by all is remembered: what a late attempt says of it afterwards is not shown.
        """
        statement = delete(UntoldTable).where(UntoldTable.reference == reference, UntoldTable.telling == telling)
        if channel is not None:
            statement = statement.where(UntoldTable.channel == channel)
        now = datetime.now(UTC)
        stale = delete(ToldTable).where(ToldTable.reference == reference, ToldTable.at < now - REMEMBERED_FOR)
        async with self._transaction(writing=True) as connection:
            await self._alone_with(connection, telling)
            await connection.execute(statement)
            await connection.execute(stale)
            if channel is None:
                whole = self._insert(ToldTable).values(part=telling, reference=reference, at=now)
                await connection.execute(whole.on_conflict_do_nothing())

    async def untold(self) -> list[Untold]:
        """Every telling that did not get out wholly, the oldest first."""
        async with self.reading() as session:
            rows = await session.scalars(select(UntoldTable).order_by(UntoldTable.since, UntoldTable.reference))
            return [_untold(row) for row in rows]

    async def told(self, parts: Iterable[str]) -> set[str]:
        """Those of these parts of a telling that got out already."""
        found: set[str] = set()
        async with self._transaction() as connection:
            for some in _by_hundreds(parts):
                found.update(await connection.scalars(select(ToldTable.part).where(ToldTable.part.in_(some))))
        return found

    async def part_told(self, reference: str, part: str) -> None:
        """Remember that a part of a telling got out."""
        adding = self._insert(ToldTable).values(part=part, reference=reference, at=datetime.now(UTC))
        async with self._transaction(writing=True) as connection:
            await connection.execute(adding.on_conflict_do_nothing())

    # Inside

    @property
    def _postgresql(self) -> bool:
        return self._engine.dialect.name == "postgresql"

    @property
    def _in_memory(self) -> bool:
        return self._url.database in (None, "", ":memory:")

    async def _alone_with(self, connection: AsyncConnection, telling: str) -> None:
        """No other transaction says how this telling went until this one ends. SQLite has one writer at a time."""
        if self._postgresql:
            await connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(telling))))

    def _insert(self, table: type[Base]) -> "sqlite.Insert | postgresql.Insert":
        return postgresql.insert(table) if self._postgresql else sqlite.insert(table)

    def _make_folder(self) -> None:
        if self._postgresql or self._in_memory:
            return
        folder = Path(str(self._url.database)).parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise CaseloadUnreachable(
                f"the folder of the caseload cannot be made ({type(error).__name__}): {folder}"
            ) from None

    async def _upgrade(self, connection: AsyncConnection) -> None:
        if self._postgresql:
            await connection.execute(text("SET LOCAL statement_timeout = 0"))
            await connection.execute(text("SET LOCAL lock_timeout = 0"))
            await connection.execute(select(func.pg_advisory_xact_lock(_UPGRADE_LOCK)))
        # On SQLite the transaction began IMMEDIATE: whoever came second waits here, then finds nothing to do.
        await connection.run_sync(_upgrade_to_newest)

    @asynccontextmanager
    async def _reaching(self, within: float) -> AsyncGenerator[None]:
        try:
            async with asyncio.timeout(within):
                yield
        except (DBAPIError, NoFreeConnection, OSError, TimeoutError) as error:
            # ``from None``: a driver's own words may name hosts, users and files.
            raise CaseloadUnreachable(
                f"the caseload's database cannot be used now ({what_went_wrong(error)})"
            ) from None

    @asynccontextmanager
    async def _transaction(
        self, *, writing: bool = False, within: float = ANSWER_WITHIN
    ) -> AsyncGenerator[AsyncConnection]:
        await self.make_ready()
        async with self._reaching(within), (self._writing if writing else self._engine).begin() as connection:
            yield connection

    async def _write(self, writing: Callable[[Connection], _T], *, within: float = ANSWER_WITHIN) -> _T:
        """What ``writing`` gives back, in a transaction of its own."""
        await self.make_ready()
        async with self._reaching(within):
            if self._pen is not None:
                return await self._pen.write(writing)
            async with self._writing.begin() as connection:
                return await connection.run_sync(writing)

    # Made once each: making a statement and finding its compiled form costs more than SQLite's own work.

    @cached_property
    def _put(self) -> ReturningInsert[str]:
        """Shows a case, unless it is shown as it stood after the same or a later entry; returns its reference if so."""
        adding = self._insert(CaseTable)
        new: ReadOnlyColumnCollection[str, Any] = adding.excluded
        return adding.on_conflict_do_update(
            index_elements=["reference"],
            set_={each.name: new[each.name] for each in CaseTable.__table__.columns if not each.primary_key},
            # After an operator's reset a case has fewer entries than it had, and still this is how it stands.
            where=or_(CaseTable.entries < new.entries, CaseTable.updated_at < new.updated_at),
        ).returning(CaseTable.reference)

    @cached_property
    def _adding(self) -> "dict[type[Base], sqlite.Insert | postgresql.Insert]":
        return {
            table: self._insert(table).on_conflict_do_nothing()
            for table in (CaseTable, OwedTable, HoldTable, MarkTable)
        }

    def _keep(self, connection: Connection, row: CaseloadRow, mark: str | None) -> bool:
        written = connection.scalar(self._put, _columns(row)) is not None
        if written:
            for taking in _TAKE:
                connection.execute(taking, {"taken": row.reference})
            self._add(connection, OwedTable, _owed_columns(row))
            self._add(connection, HoldTable, _hold_columns(row))
        status = row.status
        if not written and mark:
            # A first row that comes late still brings the mark, unless the case has closed meanwhile.
            query = select(CaseTable.status).where(CaseTable.reference == row.reference)
            status = connection.scalar(query) or row.status
        if status == "closed":
            connection.execute(delete(MarkTable).where(MarkTable.reference == row.reference))
        elif mark:
            self._add_mark(connection, mark, row.reference)
        return written

    def _claim(self, connection: Connection, mark: str, reference: str) -> list[str]:
        if self._postgresql:
            connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(mark))))
        self._add_mark(connection, mark, reference)
        ours = select(MarkTable.number).where(MarkTable.mark == mark, MarkTable.reference == reference)
        before = select(MarkTable.reference).where(MarkTable.mark == mark, MarkTable.number < ours.scalar_subquery())
        return list(connection.scalars(before.order_by(MarkTable.number)))

    def _replace(
        self,
        connection: Connection,
        rows: Sequence[tuple[CaseloadRow, str | None]],
        asked_at: datetime,
        silent: Collection[str],
    ) -> Rebuilt:
        given = {row.reference: (row, mark) for row, mark in sorted(rows, key=lambda each: each[0].opened_at)}
        if self._postgresql:
            # As on SQLite: writers wait, readers do not.
            connection.execute(text("LOCK TABLE cases, child_marks IN SHARE ROW EXCLUSIVE MODE"))
        here = (connection.execute(select(CaseTable.reference, CaseTable.entries, CaseTable.kept_at))).all()
        gone = [
            reference
            for reference, _, kept_at in here
            if reference not in given and kept_at < asked_at and reference not in silent
        ]
        newer = {
            reference
            for reference, n, kept_at in here
            if reference in given and n > given[reference][0].entries and kept_at >= asked_at
        }
        written = [row for row, _ in given.values() if row.reference not in newer]
        closed = [row.reference for row in written if row.status == "closed"]
        marks = [
            {"mark": mark, "reference": row.reference}
            for row, mark in given.values()
            if mark and row.status != "closed"
        ]
        for some in _by_hundreds(gone):
            self._delete(connection, (MarkTable, UntoldTable, ToldTable, OwedTable, HoldTable, CaseTable), some)
        for some in _by_hundreds(row.reference for row in written):
            self._delete(connection, (OwedTable, HoldTable, CaseTable), some)
        self._add(connection, CaseTable, [_columns(row) for row in written])
        self._add(connection, OwedTable, [owed for row in written for owed in _owed_columns(row)])
        self._add(connection, HoldTable, [hold for row in written for hold in _hold_columns(row)])
        # In order of opening: who was first stays first.
        self._add(connection, MarkTable, marks)
        for some in _by_hundreds(closed):
            self._delete(connection, (MarkTable,), some)
        return Rebuilt(kept=len(given), dropped=len(gone), silent=tuple(sorted(silent)))

    def _add(self, connection: Connection, table: type[Base], rows: list[dict[str, Any]]) -> None:
        """Insert rows, many at a time; what is there already stays as it is."""
        for some in _by_hundreds(rows):
            connection.execute(self._adding[table], some)

    def _delete(self, connection: Connection, tables: Sequence[type[_OfCase]], references: list[str]) -> None:
        for table in tables:
            connection.execute(delete(table).where(table.reference.in_(references)))

    def _add_mark(self, connection: Connection, mark: str, reference: str) -> None:
        adding = self._insert(MarkTable).values(mark=mark, reference=reference)
        connection.execute(adding.on_conflict_do_nothing(index_elements=["mark", "reference"]))


def _known_to(known: KnownTo) -> ColumnElement[bool]:
    theirs = select(OwedTable.reference).where(
        OwedTable.reference == CaseTable.reference,
        OwedTable.role == known.role,
        OwedTable.state == known.state,
        or_(OwedTable.person.is_(None), OwedTable.person == known.person),
    )
    by_office = [
        *([CaseTable.host_state == known.state] if known.as_host else []),
        *([CaseTable.origin_state == known.state] if known.as_origin else []),
    ]
    narrowed = [
        *([CaseTable.host_state == known.state] if known.hosted_only else []),
        *([CaseTable.reference.in_(sorted(known.tied_to))] if known.tied_to is not None else []),
    ]
    return and_(or_(theirs.exists(), *by_office), *narrowed)


def migration_config(connection: Connection) -> "Config":
    """What alembic needs to work on the database behind a connection."""
    # Alembic is needed once in a database's life; importing it each time would slow every start.
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _upgrade_to_newest(connection: Connection) -> None:
    from alembic import command
    from alembic.util import CommandError

    try:
        command.upgrade(migration_config(connection), "head")
    except CommandError:
        raise CaseloadUnreachable(
            "the caseload's tables were made by a newer Homeward than this one; use that, or another database"
        ) from None


def _schema_version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.scalar(text("SELECT version_num FROM alembic_version"))


def _with_driver(url: URL) -> URL:
    return url.set(drivername=CASELOAD_DRIVERS.get(url.drivername, url.drivername))


def _engine(url: URL) -> AsyncEngine:
    if url.get_backend_name() == "postgresql":
        return create_async_engine(
            url,
            hide_parameters=True,
            pool_pre_ping=True,
            pool_timeout=CONNECT_WITHIN,
            pool_recycle=1800,
            connect_args={
                "connect_timeout": CONNECT_WITHIN,
                "application_name": "homeward",
                "options": "-c statement_timeout=5000 -c lock_timeout=3000 -c timezone=UTC",
            },
        )
    engine = create_async_engine(url, hide_parameters=True)
    _as_we_need_it(engine.sync_engine)
    return engine


def _as_we_need_it(engine: Engine) -> None:
    """Have SQLite keep what it was given, and lock as we do."""

    @event.listens_for(engine, "connect")
    def _set(connection: Any, _: Any) -> None:  # pyright: ignore[reportUnusedFunction]
        # The driver would begin transactions in its own way: late, and not before it makes tables.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("busy_timeout=5000", "foreign_keys=on", "synchronous=full"):
            cursor.execute(f"pragma {pragma}")
        log_writes_ahead(cursor, within=5)
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:  # pyright: ignore[reportUnusedFunction]
        # A transaction that reads first and writes later could find the door shut half-way.
        writing = connection.get_execution_options().get("writing")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


class _Pen:
    """Writes into a file of SQLite: each transaction in one go, in one thread of its own.

    The asynchronous driver goes to its thread and back for every statement, which was more than half of what the row of
    an act cost a worker. SQLite has one writer at a time in any case.
    """

    def __init__(self, url: URL) -> None:
        self._engine = create_engine(url.set(drivername="sqlite"), hide_parameters=True)
        _as_we_need_it(self._engine)
        self._writing = self._engine.execution_options(writing=True)
        self._thread = ThreadPoolExecutor(1, "caseload")

    async def write(self, writing: Callable[[Connection], _T]) -> _T:
        """What ``writing`` gives back. Whoever gives up before its turn has written nothing."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._in_one_go, writing)

    def _in_one_go(self, writing: Callable[[Connection], _T]) -> _T:
        with self._writing.begin() as connection:
            return writing(connection)

    async def close(self) -> None:
        """Let what is under way be written, for a while: a disk that is dead must not hold a stop for ever."""
        try:
            # There is one thread: when this has had its turn, everything before it has.
            last = self._thread.submit(lambda: None)
        except RuntimeError:
            return  # closed already
        self._thread.shutdown(wait=False)
        try:
            await asyncio.wait_for(asyncio.wrap_future(last), CLOSED_WITHIN)
        except TimeoutError:
            self._thread.shutdown(wait=False, cancel_futures=True)
            return
        self._engine.dispose()


def _read(text_: str | None) -> datetime | None:
    return read_moment(text_) if text_ else None


def _columns(row: CaseloadRow) -> dict[str, Any]:
    next_due = _read(row.next_due)
    return {
        "reference": row.reference,
        "agreement": row.agreement,
        "host_state": row.host_state,
        "origin_state": row.origin_state,
        "status": row.status,
        "stage": row.stage,
        "solution": row.solution,
        "outcome": row.outcome,
        "next_due": next_due,
        "overdue": row.overdue,
        "entries": row.entries,
        "refused": row.refused,
        "opened_at": read_moment(row.opened_at),
        "updated_at": read_moment(row.updated_at),
        "kept_at": datetime.now(UTC),
        "sorts_at": CLOSED if row.status == "closed" else next_due or NOTHING_DUE,
    }


def _hold_columns(row: CaseloadRow) -> list[dict[str, Any]]:
    return [{"reference": row.reference, "hold": hold} for hold in sorted(set(row.holds))]


def _owed_columns(row: CaseloadRow) -> list[dict[str, Any]]:
    return [
        {
            "reference": row.reference,
            "position": position,
            "act": owed["act"],
            "role": owed["role"],
            "state": owed["state"],
            "deadline": owed.get("deadline"),
            "due": _read(owed.get("due")),
            "overdue": bool(owed.get("overdue")),
            "escalations": owed.get("escalations", 0),
            "stands_still": bool(owed.get("stands_still")),
            "person": owed.get("person"),
            "host_state": row.host_state,
            "origin_state": row.origin_state,
            "sorts_at": (None if owed.get("stands_still") else _read(owed.get("due"))) or NOTHING_DUE,
        }
        for position, owed in enumerate(row.awaiting)
    ]


def _listed(case: CaseTable, at: datetime) -> ListedCase:
    return ListedCase(
        reference=case.reference,
        agreement=case.agreement,
        host_state=case.host_state,
        origin_state=case.origin_state,
        status=case.status,
        stage=case.stage,
        solution=case.solution,
        outcome=case.outcome,
        holds=tuple(held.hold for held in case.holds),
        awaiting=tuple(map(owed_act, case.owed)),
        due=at if at < NOTHING_DUE else None,
        overdue=case.overdue,
        entries=case.entries,
        refused=case.refused,
        opened_at=case.opened_at,
        updated_at=case.updated_at,
        untold=tuple(_untold(row) for row in case.untold),
        cursor=f"{moment(at)}~{case.reference}",
    )


def owed_act(row: OwedTable) -> OwedAct:
    """An owed act from its row."""
    return OwedAct(
        act=row.act,
        role=row.role,
        state=row.state,
        deadline=row.deadline,
        due=row.due,
        overdue=row.overdue,
        escalations=row.escalations,
        stands_still=row.stands_still,
        person=row.person,
    )


def _untold(row: UntoldTable) -> Untold:
    return Untold(
        reference=row.reference,
        first=row.first_entry,
        channel=row.channel,
        attempts=row.attempts,
        last_error=row.last_error,
        refused=row.refused,
        since=row.since,
        last_tried=row.last_tried,
    )


def read_cursor(cursor: str) -> tuple[datetime, str]:
    """The moment and the reference in a page's ``cursor``. Raises ``ValueError`` for one that no page gave."""
    at, tilde, reference = cursor.partition("~")
    try:
        found = read_moment(at)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not tilde:
        raise ValueError("no page of the caseload ends there")
    return found, reference


def _by_hundreds(many: Iterable[_T]) -> Iterator[list[_T]]:
    rest = iter(many)
    while some := list(islice(rest, 500)):
        yield some
