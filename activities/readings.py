"""Writes the log of every reading of a case, in the caseload's database, and reads it back.

Nothing is shown of a case before its line is written. There is no way to change or remove one; several processes may
write at once, and each gets its place in the case's chain.
"""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import func, insert, select, update

from activities import measures
from activities.caseload import Caseload, CaseloadUnreachable
from activities.tables import NewestReadingTable, ReadingTable
from casefile.readings import Looking, Newest, Reading, next_reading

MOST_OF_OFFICE: Final = 200
"""Letters of an office's name that are kept."""


class Readings:
    """The logs of all cases in one caseload's database.

    Every method raises :class:`activities.caseload.CaseloadUnreachable`, within seconds, when the database is down.
    """

    def __init__(self, caseload: Caseload) -> None:
        self._caseload = caseload

    async def note(
        self,
        reference: str,
        by: Looking,
        what: str,
        *,
        head: str | None = None,
        reason: str | None = None,
        at: datetime | None = None,
    ) -> Reading:
        """Write down that somebody reads of a case; the line, once it is there to stay.

        ``what`` holds nothing that was typed. ``at`` is the moment (UTC), now where none is given.
        """
        try:
            return await self._note(reference, by, what, head=head, reason=reason, at=at)
        except CaseloadUnreachable:
            measures.READINGS_UNWRITTEN.inc()
            raise

    async def _note(
        self, reference: str, by: Looking, what: str, *, head: str | None, reason: str | None, at: datetime | None
    ) -> Reading:
        office = by.office[:MOST_OF_OFFICE] if by.office else None
        async with self._caseload.writing() as connection:
            if connection.dialect.name == "postgresql":
                # On SQLite the transaction began IMMEDIATE; here whoever reads the same case waits a moment.
                await connection.execute(select(func.pg_advisory_xact_lock(_LOCK, func.hashtext(reference))))
            told = select(NewestReadingTable.n, NewestReadingTable.hash).where(
                NewestReadingTable.reference == reference
            )
            row = (await connection.execute(told)).one_or_none()
            before = Newest(*row) if row else None
            reading = next_reading(
                before,
                reference=reference,
                at=at or datetime.now(UTC),
                by=Looking(by.person, by.role, by.state, office),
                what=what,
                reason=reason,
                head=head,
            )
            await connection.execute(insert(ReadingTable).values(_columns(reading)))
            newest = {"n": reading.n, "hash": reading.hash}
            if before is None:
                await connection.execute(insert(NewestReadingTable).values(reference=reference, **newest))
            else:
                await connection.execute(
                    update(NewestReadingTable).where(NewestReadingTable.reference == reference).values(newest)
                )
        return reading

    async def of(self, reference: str) -> tuple[list[Reading], Newest | None]:
        """Every line of a case's log, the oldest first, and which one is noted as the newest."""
        lines = select(ReadingTable).where(ReadingTable.reference == reference).order_by(ReadingTable.n)
        noted = select(NewestReadingTable.n, NewestReadingTable.hash).where(NewestReadingTable.reference == reference)
        async with self._caseload.reading() as session:
            if session.get_bind().dialect.name == "postgresql":
                # Lines and note of one moment, as SQLite's transactions show them anyway.
                await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            readings = [_reading(line) for line in await session.scalars(lines)]
            row = (await session.execute(noted)).one_or_none()
        newest = Newest(*row) if row else None
        return readings, newest


_LOCK: Final = 0x52454144
"""Names our locks among PostgreSQL's advisory locks."""


def _columns(reading: Reading) -> dict[str, object]:
    return {
        "reference": reading.reference,
        "n": reading.n,
        "at": reading.at,
        "person": reading.by.person,
        "role": reading.by.role,
        "state": reading.by.state,
        "office": reading.by.office,
        "what": reading.what,
        "reason": reading.reason,
        "head": reading.head,
        "prev": reading.prev,
        "hash": reading.hash,
    }


def _reading(row: ReadingTable) -> Reading:
    return Reading(
        reference=row.reference,
        n=row.n,
        at=row.at,
        by=Looking(row.person, row.role, row.state, row.office),
        what=row.what,
        reason=row.reason,
        head=row.head,
        prev=row.prev,
        hash=row.hash,
    )
