"""Figures over the cases that a state hosts, counted aside: a question waits for them a little, and never for all the cases."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from activities.caseload import Caseload
from casefile.archive import ArchiveAltered, ArchiveUnreachable
from casefile.statistics import CaseFigures, Statistics, figures_of, statistics
from procedure.entries import Entry, entry_from_json, moment
from starter.client import CaseErased, EngineUnreachable, NoSuchCase
from starter.endings import CannotGoOn

FRESH_FOR: Final = timedelta(minutes=1)
"""How old figures may be before cases are counted anew."""
PATIENCE: Final = 10.0
"""Seconds that a question waits for a count."""
_PAGE: Final = 500
SILENT_AT_MOST: Final = 20
"""How many cases may give no answer; beyond that it is no longer theirs, and the figures would mislead."""


class StillCounting(Exception):
    """Nothing was counted yet, and the first count takes longer than one waits for it."""


class _Ledgers(Protocol):
    async def ledger(self, reference: str, first: int = 1) -> list[dict[str, Any]]: ...


class _Desk(Protocol):
    @property
    def cases(self) -> _Ledgers: ...
    @property
    def caseload(self) -> Caseload: ...
    def now(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Counted:
    """The figures as they were counted at a moment (UTC), and how many cases gave no answer."""

    at: datetime
    not_counted: int
    statistics: Statistics

    def as_json(self) -> dict[str, Any]:
        return {"counted_at": moment(self.at), "not_counted": self.not_counted, **self.statistics.as_json()}


class Counting:
    """The figures of every case of one desk, for its pages and its API alike, apart for each host state.

    Of each case nothing but those is kept, and it is read again when it grew.
    """

    def __init__(self) -> None:
        self._of_case: dict[str, tuple[int, CaseFigures]] = {}
        self._counted: dict[str, Counted] | None = None
        self._at: datetime | None = None
        self._going_on: asyncio.Task[None] | None = None

    async def figures(self, desk: _Desk, host_state: str) -> Counted:
        """The newest figures over the cases that a state hosts. All who ask at once wait for one count; who waits too long gets what was counted before.

        Raises :class:`StillCounting`, and what the caseload or the engine raises.
        """
        if self._at and desk.now() - self._at < FRESH_FOR:
            return self._of(host_state)
        if self._going_on is None or self._going_on.done():
            self._going_on = asyncio.create_task(self._count(desk))
            # Nobody may be waiting any more when it fails; the next one who asks has it counted anew.
            self._going_on.add_done_callback(lambda done: done.cancelled() or done.exception())
        done, _ = await asyncio.wait({self._going_on}, timeout=PATIENCE)
        for count in done:
            count.result()
        return self._of(host_state)

    def _of(self, host_state: str) -> Counted:
        if self._counted is None or self._at is None:
            raise StillCounting
        return self._counted.get(host_state) or Counted(self._at, 0, statistics([]))

    async def _count(self, desk: _Desk) -> None:
        at = desk.now()
        found: dict[str, tuple[int, CaseFigures]] = {}
        not_counted: Counter[str] = Counter()
        silent = 0
        after: str | None = None
        while True:
            page = await desk.caseload.page(limit=_PAGE, after=after)
            for row in page:
                known = self._of_case.get(row.reference)
                if known is None or known[0] != row.entries:
                    try:
                        known = await _read(desk, row.reference)
                    except NoSuchCase:
                        not_counted[row.host_state] += 1
                        continue
                    except CannotGoOn as error:
                        silent += 1
                        not_counted[row.host_state] += 1
                        if isinstance(error, EngineUnreachable) or silent > SILENT_AT_MOST:
                            raise
                        continue
                self._of_case[row.reference] = found[row.reference] = known
            if len(page) < _PAGE:
                break
            after = page[-1].cursor
        self._of_case = found
        by_host: dict[str, list[CaseFigures]] = {state: [] for state in not_counted}
        for reference, (_, figures) in found.items():
            by_host.setdefault(reference[:2], []).append(figures)
        self._counted = {
            state: Counted(at, not_counted[state], statistics(figures)) for state, figures in by_host.items()
        }
        self._at = at


async def _read(desk: _Desk, reference: str) -> tuple[int, CaseFigures]:
    """How many entries a case has, and its figures. Those are made of headers, which are left of an erased case too."""
    try:
        record: Sequence[Entry] = [entry_from_json(entry) for entry in await desk.cases.ledger(reference)]
    except CaseErased:
        archived = getattr(desk, "archive", None)
        archive = archived() if archived else None
        try:
            erased = await archive.erasure(reference) if archive else None
        except (ArchiveAltered, ArchiveUnreachable):
            erased = None
        if erased is None:
            raise
        record = erased.lines
    return record[-1].n, figures_of(record)
