"""The keys of cases: one each, kept wrapped in a table of its own, apart from everything that they seal."""

import asyncio
import hashlib
import hmac
import os
import secrets
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import URL, Engine, LargeBinary, Row, String, create_engine, event, func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.pool import NullPool

from procedure.intake import REFERENCE
from sealing.faults import KeyDestroyed, KeyMissing, KeysUnreachable, KeysUnusable, NoKeysHere, what_went_wrong
from sealing.keys import KEY_BYTES, KeyHolder, Wrapped
from sealing.sqlite_files import log_writes_ahead

HOUSE: Final = "house"
"""Under this name stands the key of what belongs to no case: schedules, the archive's sweep."""

FORMAT: Final = 1
"""Of the tables."""

REMEMBERED_FOR: Final = timedelta(minutes=5)
"""So long a process keeps a key unwrapped. Longer, and a destroyed key lives on in other processes."""
REMEMBERED_AT_MOST: Final = 2_000

CONNECT_WITHIN: Final = 5
ANSWER_WITHIN: Final = 10.0
"""Seconds until a database that does not answer counts as down."""
OVERWRITTEN_WITHIN: Final = 60.0
"""Seconds: whoever makes a backup reads for a while, and nothing can be overwritten meanwhile."""

_STORE: Final = 1
_MAKING: Final = 0x484B4559
"""Names our lock among PostgreSQL's advisory locks, so that two processes do not make the tables at once."""
_WRAPPING: Final = 0x484B4557
"""The lock under which it is decided by which key-encryption key a new row is wrapped, and which ones are forgotten."""


class _Tables(DeclarativeBase):
    pass


class _KeyRow(_Tables):
    """The key of one case, wrapped; or when it was destroyed."""

    __tablename__ = "case_keys"

    case: Mapped[str] = mapped_column("of_case", String(18), primary_key=True)
    kek: Mapped[str | None] = mapped_column(String(80))
    wrapped: Mapped[bytes | None] = mapped_column(LargeBinary)
    made_at: Mapped[str] = mapped_column(String(32))
    destroyed_at: Mapped[str | None] = mapped_column(String(32))


class _StoreRow(_Tables):
    """The key store itself: its id by chance, by which one store is told from another."""

    __tablename__ = "key_store"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    format: Mapped[int]
    id: Mapped[str] = mapped_column(String(32))


_ROWS: Final[Any] = _KeyRow.__table__
_STORES: Final[Any] = _StoreRow.__table__


@dataclass(frozen=True)
class KeyringStatus:
    """What can be told of a key store without telling a key."""

    store: str
    keys: int
    """Keys of cases, the house's not counted."""
    destroyed: int
    wrapped_by: dict[str, int]
    """How many keys, the house's counted, are wrapped by which key-encryption key."""
    newest: str
    held: list[str]
    """The key-encryption keys that the key holder has."""


class CaseKey(bytes):
    """The key of a case, and what is made of it once for all payloads. It is forgotten with the key."""

    @cached_property
    def name(self) -> bytes:
        """A name for the key, by which another one is told from it; it tells nothing of the key."""
        return hmac.digest(self, b"homeward key name 1", hashlib.sha256)[:8].hex().encode()

    @cached_property
    def cipher(self) -> AESGCM:
        return AESGCM(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"

    # As bytes have a way of their own, for each of the three.
    __str__ = __repr__

    def __format__(self, _: str) -> str:
        return repr(self)


class Keys(Protocol):
    """Where the keys of cases come from."""

    async def key(self, case: str) -> CaseKey:
        """The key of a case, to seal with. Raises :class:`sealing.faults.CannotOpen` and ``KeysUnreachable``."""
        ...

    async def known_key(self, case: str) -> CaseKey:
        """The key of a case, to open with. Raises the same."""
        ...


class NoKeys:
    """For a process that has no keys: it can neither seal nor open, and says why."""

    def __init__(self, why: str) -> None:
        self._why = why

    async def key(self, case: str) -> CaseKey:
        raise NoKeysHere(case, self._why)

    async def known_key(self, case: str) -> CaseKey:
        raise NoKeysHere(case, self._why)


class Keyring:
    """The keys of cases in one database.

    Every method raises :class:`sealing.faults.KeysUnreachable` when the database is down, and what the key holder does.
    """

    def __init__(
        self,
        url: URL,
        holder: KeyHolder,
        *,
        remembered_for: timedelta = REMEMBERED_FOR,
        remembered_at_most: int = REMEMBERED_AT_MOST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``url`` names the driver. Nothing is opened yet: :meth:`open` does."""
        self._holder = holder
        self._engine = _engine(url)
        self._file = _file_of(url)
        self._looking = None if self._file is None else _engine_for_looking(url)
        self._remembered: OrderedDict[str, tuple[CaseKey, float]] = OrderedDict()
        self._for = remembered_for.total_seconds()
        self._at_most = remembered_at_most
        self._clock = clock
        self._store = ""

    @property
    def store(self) -> str:
        """The id of the key store that was opened."""
        return self._store

    async def open(self, *, make: bool) -> None:
        """See that tables and keys can be used; ``make``: make them where there are none.

        Raises :class:`sealing.faults.KeysUnusable` for a store that is not there, or of a later version.
        """
        if self._file is not None and not make and not self._file.exists():
            raise KeysUnusable(f"There is no key store at {self._file}")
        if make:
            await self._make()
        try:
            async with self._connected() as connection:
                told = (await connection.execute(select(_STORES.c.format, _STORES.c.id))).one_or_none()
        except KeysUnreachable:
            if make:
                raise
            raise KeysUnusable("The key store cannot be read, or there is none") from None
        if told is None:
            raise KeysUnusable("The key store is empty")
        if told.format != FORMAT:
            raise KeysUnusable(f"The key store is of format {told.format}, and this version reads {FORMAT}")
        self._store = told.id
        # Tells at start, and not at the first case, when the key holder does not hold what wrapped these keys.
        await (self.key(HOUSE) if make else self.known_key(HOUSE))

    async def close(self) -> None:
        self._remembered.clear()
        await self._engine.dispose()

    async def key(self, case: str) -> CaseKey:
        """The key of a case, made now where it has none. Raises :class:`sealing.faults.KeyDestroyed`."""
        _checked(case)
        if (key := self._recalled(case)) is not None:
            return key
        try:
            return await self.known_key(case)
        except KeyMissing:
            pass
        while not await self._made(case):
            pass
        return await self.known_key(case)

    async def _made(self, case: str) -> bool:
        """Whether a key for a case could be put there, by whomever."""
        wrapped = await self._holder.wrap(secrets.token_bytes(KEY_BYTES), case=case)
        insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
        row = {"of_case": case, "kek": wrapped.by, "wrapped": wrapped.blob, "made_at": _now(), "destroyed_at": None}
        async with self._alone() as connection:
            await self._see_that_nobody_went_ahead(connection)
            # What wrapped it may have been forgotten since: then nobody could ever unwrap it again.
            if await self._holder.newest() != wrapped.by:
                return False
            # Another process may have made one in between; then that one counts, for both.
            await connection.execute(insert(_ROWS).values(row).on_conflict_do_nothing())
        return True

    async def known_key(self, case: str) -> CaseKey:
        """The key of a case that has one. Raises :class:`sealing.faults.KeyMissing` and ``KeyDestroyed``."""
        if (key := self._recalled(case)) is not None:
            return key
        row = await self._row_of(case)
        if row is None:
            raise KeyMissing(case)
        if row.destroyed_at is not None:
            raise KeyDestroyed(case, row.destroyed_at)
        key = CaseKey(await self._holder.unwrap(Wrapped(row.kek, row.wrapped), case=case))
        self._remember(case, key)
        return key

    async def _row_of(self, case: str) -> Row[Any, Any, Any] | None:
        asked = select(_ROWS.c.kek, _ROWS.c.wrapped, _ROWS.c.destroyed_at).where(_ROWS.c.of_case == case)
        if self._looking is None:
            async with self._connected() as connection:
                return (await connection.execute(asked)).one_or_none()
        looking = self._looking

        def look() -> Row[Any, Any, Any] | None:
            with looking.connect() as connection:
                return connection.execute(asked).one_or_none()

        # Asked for every case that a worker takes up. The asynchronous driver starts a thread for each connection and
        # goes there and back for every word, at six times the work.
        async with _reaching():
            return await asyncio.to_thread(look)

    async def destroyed(self, case: str) -> str | None:
        """When the key of a case was destroyed, RFC 3339; None where it was not."""
        async with self._connected() as connection:
            asked = select(_ROWS.c.destroyed_at).where(_ROWS.c.of_case == case)
            return (await connection.execute(asked)).scalar_one_or_none()

    async def destroy(self, case: str) -> str:
        """Destroy the key of a case, for good; when, RFC 3339. Done again it tells when it was done.

        A case without a key gets a row too, so that none is ever made. What other processes have in memory ends
        within :data:`REMEMBERED_FOR`; copies of this store are opened by nobody once the key-encryption keys of their
        time are forgotten (:meth:`forget_old`).
        """
        if case == HOUSE:
            raise ValueError("the house's key is no case's")
        _checked(case)
        insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
        gone = {"kek": None, "wrapped": None, "destroyed_at": _now()}
        async with self._connected() as connection:
            row = {"of_case": case, "made_at": _now(), **gone}
            await connection.execute(insert(_ROWS).values(row).on_conflict_do_nothing())
            await connection.execute(
                update(_ROWS).where(_ROWS.c.of_case == case, _ROWS.c.destroyed_at.is_(None)).values(gone)
            )
            at = (await connection.execute(select(_ROWS.c.destroyed_at).where(_ROWS.c.of_case == case))).scalar_one()
        self._remembered.pop(case, None)
        await self._overwrite()
        return at

    async def rewrap(self) -> int:
        """Wrap every key with the newest key-encryption key; how many were wrapped otherwise. Nothing sealed is touched."""
        async with self._alone() as connection:
            await self._see_that_nobody_went_ahead(connection)
        newest, done = await self._holder.newest(), 0
        while True:
            asked = (
                select(_ROWS.c.of_case, _ROWS.c.kek, _ROWS.c.wrapped)
                .where(_ROWS.c.wrapped.is_not(None), _ROWS.c.kek != newest)
                .limit(200)
            )
            async with self._connected() as connection:
                rows = (await connection.execute(asked)).all()
            if not rows:
                await self._overwrite()
                return done
            for row in rows:
                key = await self._holder.unwrap(Wrapped(row.kek, row.wrapped), case=row.of_case)
                again = await self._holder.wrap(key, case=row.of_case)
                async with self._connected() as connection:
                    changed = await connection.execute(
                        # Only where it is as it was read: one that was destroyed meanwhile stays destroyed.
                        update(_ROWS)
                        .where(_ROWS.c.of_case == row.of_case, _ROWS.c.wrapped == row.wrapped)
                        .values(kek=again.by, wrapped=again.blob)
                    )
                done += changed.rowcount

    async def rotate(self) -> tuple[str, int]:
        """A new key-encryption key, and every key wrapped with it: its id, and how many."""
        async with self._alone() as connection:
            await self._see_that_nobody_went_ahead(connection)
            new = await self._holder.add()
        return new, await self.rewrap()

    async def forget_old(self) -> list[str]:
        """Have the key holder forget all key-encryption keys but the newest; their ids.

        Wraps with the newest first what is wrapped otherwise. From then on a copy of this store from before cannot
        be opened: not the keys that were destroyed since, and not the others.
        """
        while True:
            await self.rewrap()
            async with self._alone() as connection:
                newest = await self._holder.newest()
                otherwise = (
                    select(func.count()).select_from(_ROWS).where(_ROWS.c.wrapped.is_not(None), _ROWS.c.kek != newest)
                )
                # Another process may have put a key there, or added a newer key-encryption key, since all was wrapped.
                # Nothing is written here, so that an end at any moment leaves no row that nothing unwraps.
                if (await connection.execute(otherwise)).scalar_one() == 0:
                    return await self._holder.forget_old()

    async def see_that_it_answers(self) -> None:
        """Ask key store and key holder for something that is not remembered. Raises as every method."""
        await self.destroyed(HOUSE)
        await self._holder.newest()

    async def status(self) -> KeyringStatus:
        async with self._connected() as connection:
            by = await connection.execute(
                select(_ROWS.c.kek, func.count()).where(_ROWS.c.wrapped.is_not(None)).group_by(_ROWS.c.kek)
            )
            wrapped_by = {str(kek): int(count) for kek, count in by}
            keys = select(func.count()).where(_ROWS.c.wrapped.is_not(None), _ROWS.c.of_case != HOUSE)
            gone = select(func.count()).where(_ROWS.c.destroyed_at.is_not(None))
            return KeyringStatus(
                store=self._store,
                keys=(await connection.execute(keys)).scalar_one(),
                destroyed=(await connection.execute(gone)).scalar_one(),
                wrapped_by=dict(sorted(wrapped_by.items())),
                newest=await self._holder.newest(),
                held=await self._holder.ids(),
            )

    def _recalled(self, case: str) -> CaseKey | None:
        found = self._remembered.get(case)
        if found is None:
            return None
        key, until = found
        if self._clock() >= until:
            del self._remembered[case]
            return None
        self._remembered.move_to_end(case)
        return key

    def _remember(self, case: str, key: CaseKey) -> None:
        self._remembered[case] = key, self._clock() + self._for
        self._remembered.move_to_end(case)
        while len(self._remembered) > self._at_most:
            self._remembered.popitem(last=False)

    async def _make(self) -> None:
        if self._file is not None:
            _make_file(self._file)
        async with self._alone(_MAKING) as connection:
            await connection.run_sync(_Tables.metadata.create_all)
            insert = postgresql.insert if self._engine.dialect.name == "postgresql" else sqlite.insert
            own = {"number": _STORE, "format": FORMAT, "id": secrets.token_hex(8)}
            await connection.execute(insert(_STORES).values(own).on_conflict_do_nothing())

    async def _overwrite(self) -> None:
        """Leave nothing of what was replaced in the database's files."""
        try:
            async with asyncio.timeout(OVERWRITTEN_WITHIN), self._engine.connect() as plain:
                connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
                if self._engine.dialect.name == "postgresql":
                    await connection.execute(text("VACUUM (FULL) case_keys"))
                    return
                # The log of writes still has the page as it was before. As long as somebody reads, SQLite does nothing
                # and says so in its answer.
                while (await connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))).one()[0]:  # noqa: ASYNC110
                    # Nobody tells when a reader has gone.
                    await asyncio.sleep(0.2)
        except (DBAPIError, NoFreeConnection, OSError, TimeoutError) as error:
            raise KeysUnreachable(
                f"Traces of what was destroyed or replaced could not be cleared from the key store ({what_went_wrong(error)}): "
                "somebody reads it all the time. Do it again"
            ) from None

    async def _see_that_nobody_went_ahead(self, connection: AsyncConnection) -> None:
        """Raise KeysUnusable where another machine has rotated, with a copy of the key holder's file.

        By the house's key, which every rotation wraps anew. What is wrapped here by an older key-encryption key could
        be opened by nobody any more once the other machine has forgotten that one, and it has no way to know.
        """
        by = (await connection.execute(select(_ROWS.c.kek).where(_ROWS.c.of_case == HOUSE))).scalar_one_or_none()
        if by is not None and by not in await self._holder.ids():
            raise KeysUnusable(
                f"The keys of this key store are wrapped by the key-encryption key {by}, which is not here: another "
                "machine has rotated. Bring its key-encryption keys here; until then nothing new is sealed here"
            )

    @asynccontextmanager
    async def _alone(self, lock: int = _WRAPPING) -> AsyncGenerator[AsyncConnection]:
        """A transaction in which no other process puts a new key there, adds a key-encryption key or forgets one."""
        async with self._connected() as connection:
            if self._engine.dialect.name == "postgresql":
                await connection.execute(text("select pg_advisory_xact_lock(:ours)"), {"ours": lock})
            else:
                # The driver begins a transaction by itself before a write only, and then without the file's lock.
                await connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection

    @asynccontextmanager
    async def _connected(self) -> AsyncGenerator[AsyncConnection]:
        async with _reaching(), self._engine.begin() as connection:
            yield connection


@asynccontextmanager
async def _reaching() -> AsyncGenerator[None]:
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            yield
    except (DBAPIError, NoFreeConnection, OSError, TimeoutError) as error:
        raise KeysUnreachable(f"The key store cannot be reached or used ({what_went_wrong(error)})") from None


def _engine(url: URL) -> AsyncEngine:
    if url.get_backend_name() != "sqlite":
        return create_async_engine(
            url, pool_size=2, pool_pre_ping=True, connect_args={"connect_timeout": CONNECT_WITHIN}, hide_parameters=True
        )
    # A connection each time: keys are asked for seldom, and whoever leaves the file leaves no log of writes behind.
    engine = create_async_engine(url, poolclass=NullPool, hide_parameters=True)
    _as_we_need_it(engine.sync_engine)
    return engine


def _engine_for_looking(url: URL) -> Engine:
    """For a key store in a file: reads in one go, in a thread."""
    engine = create_engine(url.set(drivername="sqlite"), poolclass=NullPool, hide_parameters=True)
    _as_we_need_it(engine)
    return engine


def _as_we_need_it(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:  # pyright: ignore[reportUnusedFunction]
        cursor = connection.cursor()
        for pragma in ("busy_timeout = 8000", "synchronous = full", "secure_delete = on"):
            cursor.execute(f"PRAGMA {pragma}")
        log_writes_ahead(cursor, within=8)
        cursor.close()


def _file_of(url: URL) -> Path | None:
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def _make_file(path: Path) -> None:
    """Make the database's file, readable by its owner only; the files that SQLite lays beside it are made likewise."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise KeysUnusable(f"The key store {path} cannot be made or written ({error.strerror})") from None


def _checked(case: str) -> None:
    if case != HOUSE and not REFERENCE.fullmatch(case):
        raise ValueError("keys are of cases, named by their references, or of the house")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
