"""The caseload's tables. Nothing personal in clear stands in any of them.

The caseload is a picture of the cases for people who look for work; the cases themselves live in
the engine, and ``homeward rebuild-caseload`` paints the picture anew from them.
"""

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import DateTime, Dialect, ForeignKey, Index, MetaData, String, Text, TypeDecorator, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

SCHEMA: Final = "0004"
"""The newest migration; a database that names it needs no upgrade."""

NOTHING_DUE: Final = datetime(9000, 1, 1, tzinfo=UTC)
"""``sorts_at`` of an open case or an owed act without a due moment: after all that have one."""

CLOSED: Final = datetime(9001, 1, 1, tzinfo=UTC)
"""``sorts_at`` of a closed case: after all open ones."""


class Utc(TypeDecorator[datetime]):
    """A moment. Databases that forget time zones (SQLite) are given UTC and give UTC back; a naive one is refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be kept")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class CaseTable(Base):
    """A case as it stood after its entry number ``entries``."""

    __tablename__ = "cases"

    reference: Mapped[str] = mapped_column(String(18), primary_key=True)
    agreement: Mapped[str] = mapped_column(String(64))
    host_state: Mapped[str] = mapped_column(String(2))
    origin_state: Mapped[str] = mapped_column(String(2))
    status: Mapped[str] = mapped_column(String(16))
    stage: Mapped[str] = mapped_column(String(32))
    solution: Mapped[str | None] = mapped_column(String(32))
    outcome: Mapped[str | None] = mapped_column(String(32))
    next_due: Mapped[datetime | None] = mapped_column(Utc)
    overdue: Mapped[bool]
    entries: Mapped[int]
    refused: Mapped[int]
    opened_at: Mapped[datetime] = mapped_column(Utc)
    updated_at: Mapped[datetime] = mapped_column(Utc)
    kept_at: Mapped[datetime] = mapped_column(Utc)
    """When this row was written, by the clock of the worker that wrote it."""
    sorts_at: Mapped[datetime] = mapped_column(Utc)

    owed: Mapped[list["OwedTable"]] = relationship(order_by="OwedTable.position", lazy="raise", viewonly=True)
    holds: Mapped[list["HoldTable"]] = relationship(order_by="HoldTable.hold", lazy="raise", viewonly=True)
    untold: Mapped[list["UntoldTable"]] = relationship(
        primaryjoin="CaseTable.reference == foreign(UntoldTable.reference)",
        order_by="UntoldTable.first_entry, UntoldTable.channel",
        lazy="raise",
        viewonly=True,
    )

    __table_args__ = (
        Index("ix_cases_sorts_at_reference", "sorts_at", "reference"),
        Index("ix_cases_stage_sorts_at_reference", "stage", "sorts_at", "reference"),
        Index("ix_cases_host_state_sorts_at", "host_state", "sorts_at"),
        Index("ix_cases_origin_state_sorts_at", "origin_state", "sorts_at"),
    )


class OwedTable(Base):
    """An act that a case waits for, and who owes it."""

    __tablename__ = "owed_acts"

    reference: Mapped[str] = mapped_column(ForeignKey("cases.reference", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    act: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(2))
    deadline: Mapped[str | None] = mapped_column(String(64))
    due: Mapped[datetime | None] = mapped_column(Utc)
    overdue: Mapped[bool]
    escalations: Mapped[int]
    stands_still: Mapped[bool]
    sorts_at: Mapped[datetime] = mapped_column(Utc)
    person: Mapped[str | None] = mapped_column(String(64))
    """The id of the one person who may do it; nobody in particular where the role and the state are enough."""
    host_state: Mapped[str] = mapped_column(String(2))
    origin_state: Mapped[str] = mapped_column(String(2))

    __table_args__ = (
        # All that an inbox counts and orders by: what others owe, however much it is, is never looked at.
        Index("ix_owed_acts_person", "role", "state", "person", "sorts_at", "reference", "position"),
        # The same of what waits in all cases of a state, and in all there are.
        Index("ix_owed_acts_host", "host_state", "sorts_at", "reference", "position", "role", "state", "person"),
        Index("ix_owed_acts_origin", "origin_state", "sorts_at", "reference", "position", "role", "state", "person"),
        Index("ix_owed_acts_overdue", "overdue", "sorts_at", "reference", "position", "role", "state", "person"),
    )


class HoldTable(Base):
    """A hold that stands on a case."""

    __tablename__ = "case_holds"

    hold: Mapped[str] = mapped_column(String(64), primary_key=True)
    reference: Mapped[str] = mapped_column(
        ForeignKey("cases.reference", ondelete="CASCADE"), primary_key=True, index=True
    )


class MarkTable(Base):
    """The keyed mark of a child with an open case. Lower numbers were given first."""

    __tablename__ = "child_marks"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    mark: Mapped[str] = mapped_column(String(64))
    reference: Mapped[str] = mapped_column(String(18), index=True)

    __table_args__ = (UniqueConstraint("mark", "reference"),)


class UntoldTable(Base):
    """A telling that did not get out, or not wholly: a server could not be reached, or refused."""

    __tablename__ = "untold"

    reference: Mapped[str] = mapped_column(String(18), primary_key=True)
    telling: Mapped[str] = mapped_column(String(32), primary_key=True)
    channel: Mapped[str] = mapped_column(String(16), primary_key=True)
    first_entry: Mapped[int]
    attempts: Mapped[int]
    last_error: Mapped[str] = mapped_column(String(80))
    refused: Mapped[bool]
    since: Mapped[datetime] = mapped_column(Utc)
    last_tried: Mapped[datetime] = mapped_column(Utc)


class ToldTable(Base):
    """A part of a telling that got out, so that a second attempt does not repeat it; or a whole telling, by its key."""

    __tablename__ = "told"

    part: Mapped[str] = mapped_column(String(32), primary_key=True)
    reference: Mapped[str] = mapped_column(String(18), index=True)
    at: Mapped[datetime] = mapped_column(Utc)


class ReadingTable(Base):
    """A line of the log of who read a case (:mod:`casefile.readings`). It is written once and stays."""

    __tablename__ = "readings"

    reference: Mapped[str] = mapped_column(String(18), primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Utc)
    person: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(64))
    state: Mapped[str | None] = mapped_column(String(2))
    office: Mapped[str | None] = mapped_column(String(200))
    what: Mapped[str] = mapped_column(String(120))
    reason: Mapped[str | None] = mapped_column(String(32))
    head: Mapped[str | None] = mapped_column(String(64))
    prev: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class NewestReadingTable(Base):
    """Which line of a case's log is the newest: apart from the lines, so that a cut is seen."""

    __tablename__ = "newest_readings"

    reference: Mapped[str] = mapped_column(String(18), primary_key=True)
    n: Mapped[int]
    hash: Mapped[str] = mapped_column(String(64))


class ErasureTable(Base):
    """That a case is to be erased, is being erased, or was (:mod:`activities.erasures`)."""

    __tablename__ = "erasures"

    reference: Mapped[str] = mapped_column(String(18), primary_key=True)
    ground: Mapped[str] = mapped_column(String(32))
    file: Mapped[str | None] = mapped_column(String(40))
    head: Mapped[str] = mapped_column(String(64))
    asked: Mapped[str] = mapped_column(Text)
    """Who asked and when, as JSON, with the signature."""
    asked_at: Mapped[datetime] = mapped_column(Utc)
    certificate: Mapped[str | None] = mapped_column(Text)
    """Written when somebody confirmed, before anything is destroyed: from then on it is only finished."""
    erased_at: Mapped[datetime | None] = mapped_column(Utc)
