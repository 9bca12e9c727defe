"""What is asked for and done about erasing cases, in the caseload's database: for two people who act one after the other.

Nothing is decided by what stands here: whoever confirms has everything looked at anew (:mod:`starter.erasing`).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import delete, insert, update

from activities.caseload import Caseload
from activities.tables import ErasureTable
from casefile.erasure import Officer
from procedure.retention import Ground


@dataclass(frozen=True, slots=True)
class ErasureAsked:
    """That somebody asked for the erasure of a case, when (UTC), and which entry was its newest then."""

    reference: str
    ground: Ground
    head: str
    by: Officer
    at: datetime
    erased_at: datetime | None = None
    """When it was done (UTC)."""


class Erasures:
    """The erasures in one caseload's database.

    Every method raises :class:`activities.caseload.CaseloadUnreachable`, within seconds, when the database is down.
    """

    def __init__(self, caseload: Caseload) -> None:
        self._caseload = caseload

    async def of(self, reference: str) -> ErasureAsked | None:
        """What is asked for, or was done, about a case."""
        async with self._caseload.reading() as session:
            row = await session.get(ErasureTable, reference)
        return None if row is None else _asked(row)

    async def ask(self, asked: ErasureAsked) -> None:
        """Note that somebody asks. What was asked before and not done is replaced."""
        by = asked.by
        async with self._caseload.writing() as connection:
            await connection.execute(
                delete(ErasureTable).where(ErasureTable.reference == asked.reference, ErasureTable.erased_at.is_(None))
            )
            await connection.execute(
                insert(ErasureTable).values(
                    reference=asked.reference,
                    ground=asked.ground,
                    head=asked.head,
                    asked_by=by.id,
                    role=by.role,
                    state=by.state,
                    office=by.office,
                    signed_in=by.signed_in,
                    asked_at=asked.at,
                )
            )

    async def take_back(self, reference: str) -> bool:
        """Take back what was asked; whether there was anything to take back."""
        async with self._caseload.writing() as connection:
            gone = await connection.execute(
                delete(ErasureTable).where(ErasureTable.reference == reference, ErasureTable.erased_at.is_(None))
            )
        return gone.rowcount > 0

    async def done(self, reference: str, at: datetime) -> None:
        """Note that the case was erased. Done again it changes nothing."""
        async with self._caseload.writing() as connection:
            await connection.execute(
                update(ErasureTable)
                .where(ErasureTable.reference == reference, ErasureTable.erased_at.is_(None))
                .values(erased_at=at)
            )


def _asked(row: ErasureTable) -> ErasureAsked:
    return ErasureAsked(
        reference=row.reference,
        ground=cast("Ground", row.ground),
        head=row.head,
        by=Officer(row.asked_by, row.role, row.state, row.office, row.signed_in),
        at=row.asked_at,
        erased_at=row.erased_at,
    )
