"""Erasures of cases, in the caseload's database: asked for by one officer, confirmed by another, and then finished.

A row goes one way only. Whoever confirms writes the certificate into it first (:meth:`Erasures.claim`), one of several at
once; from then on nothing is taken back, and whatever stops half-way is finished from the row.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import structlog
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from activities.caseload import Caseload, CaseloadUnreachable
from activities.settings import Settings
from activities.tables import ErasureTable
from casefile.erasure import Step, Wish
from procedure.retention import Ground
from sealing.faults import SealingFault
from sealing.keyring import Keyring

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Erasure:
    """How far the erasure of a case has come."""

    reference: str
    wish: Wish
    asked: Step
    certificate: bytes | None = None
    """What is to be left of the case, once somebody confirmed."""
    erased_at: datetime | None = None
    """When it was done (UTC)."""


class Erasures:
    """The erasures in one caseload's database.

    Every method raises :class:`activities.caseload.CaseloadUnreachable`, within seconds, when the database is down.
    """

    def __init__(self, caseload: Caseload) -> None:
        self._caseload = caseload

    async def clock(self) -> datetime:
        """The moment (UTC) by the database's clock: whoever asks may have set their own."""
        async with self._caseload.reading() as session:
            told: Any = (await session.execute(select(func.current_timestamp()))).scalar_one()
        moment = told if isinstance(told, datetime) else datetime.fromisoformat(str(told))
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

    async def of(self, reference: str) -> Erasure | None:
        """What is asked for, or was done, about a case."""
        async with self._caseload.reading() as session:
            row = await session.get(ErasureTable, reference)
        return None if row is None else _erasure(row)

    async def ask(self, reference: str, wish: Wish, asked: Step) -> bool:
        """Note that somebody asks, in the place of what was asked before; whether nobody has confirmed that already."""
        row = {
            "ground": wish.ground,
            "file": wish.file,
            "head": wish.head,
            "asked": json.dumps(asked.as_json()),
            "asked_at": asked.at,
        }
        async with self._caseload.writing() as connection:
            insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            done = await connection.execute(
                insert(ErasureTable)
                .values(reference=reference, **row)
                .on_conflict_do_update(index_elements=["reference"], set_=row, where=ErasureTable.certificate.is_(None))
            )
        return done.rowcount == 1

    async def take_back(self, reference: str) -> bool:
        """Take back what was asked and nobody confirmed; whether there was anything to take back."""
        async with self._caseload.writing() as connection:
            gone = await connection.execute(
                delete(ErasureTable).where(ErasureTable.reference == reference, ErasureTable.certificate.is_(None))
            )
        return gone.rowcount == 1

    async def claim(self, erasure: Erasure, certificate: bytes) -> bool:
        """Write down that it is confirmed, and what is to be left; whether it still stands as it was read."""
        async with self._caseload.writing() as connection:
            done = await connection.execute(
                update(ErasureTable)
                .where(
                    ErasureTable.reference == erasure.reference,
                    ErasureTable.asked == json.dumps(erasure.asked.as_json()),
                    ErasureTable.certificate.is_(None),
                )
                .values(certificate=certificate.decode())
            )
        return done.rowcount == 1

    async def let_go(self, reference: str) -> None:
        """Take back a claim after which nothing was destroyed."""
        async with self._caseload.writing() as connection:
            await connection.execute(
                update(ErasureTable)
                .where(ErasureTable.reference == reference, ErasureTable.erased_at.is_(None))
                .values(certificate=None)
            )

    async def done(self, reference: str, at: datetime) -> None:
        """Note that everything is done. Said again it changes nothing."""
        async with self._caseload.writing() as connection:
            await connection.execute(
                update(ErasureTable)
                .where(ErasureTable.reference == reference, ErasureTable.erased_at.is_(None))
                .values(erased_at=at)
            )

    async def confirmed(self) -> list[str]:
        """The cases whose erasure was confirmed, in order, finished or not."""
        asked = select(ErasureTable.reference).where(ErasureTable.certificate.is_not(None))
        async with self._caseload.reading() as session:
            return sorted((await session.scalars(asked)).all())


async def destroy_again(settings: Settings, keyring: Keyring) -> list[str]:
    """Destroy the keys of erased cases that are there all the same, as after a backup was restored; whose they were.

    It ends within seconds. What cannot be reached now is told in the log: the next start does it.
    """
    again: list[str] = []
    caseload = Caseload(settings.caseload)
    try:
        for reference in await Erasures(caseload).confirmed():
            if await keyring.destroyed(reference) is None:
                await keyring.destroy(reference)
                again.append(reference)
                _log.warning("the key of an erased case was there again, and is destroyed", case=reference)
    except (CaseloadUnreachable, SealingFault) as fault:
        _log.warning("whether keys of erased cases are there again is not known", because=type(fault).__name__)
    finally:
        await caseload.close()
    return again


def _erasure(row: ErasureTable) -> Erasure:
    told: Mapping[str, Any] = json.loads(row.asked)
    return Erasure(
        reference=row.reference,
        wish=Wish(cast("Ground", row.ground), row.file, row.head),
        asked=Step.from_json(told),
        certificate=row.certificate.encode() if row.certificate is not None else None,
        erased_at=row.erased_at,
    )
