"""Figures over all cases, counted aside: a question waits for them a little, and never for all the cases."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from casefile.statistics import CaseFigures, Statistics, figures_of, statistics
from desk.api.answers import StatisticsShown
from desk.api.asking import Desk, OfDesk, Reader
from desk.api.document import gives
from desk.api.problems import Trouble
from procedure.entries import entry_from_json, moment
from starter.client import EngineUnreachable, NoSuchCase
from starter.endings import CannotGoOn

router = APIRouter()

FRESH_FOR: Final = timedelta(minutes=1)
"""How old figures may be before cases are counted anew."""
PATIENCE: Final = 10.0
"""Seconds that a question waits for a count."""
_PAGE: Final = 500
SILENT_AT_MOST: Final = 20
"""How many cases may give no answer; beyond that it is no longer theirs, and the figures would mislead."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The figures as they were counted at a moment (UTC), and how many cases gave no answer."""

    at: datetime
    not_counted: int
    statistics: Statistics

    def as_json(self) -> dict[str, Any]:
        return {"counted_at": moment(self.at), "not_counted": self.not_counted, **self.statistics.as_json()}


class Counting:
    """The figures of every case in the caseload. Of each case only those are kept, and it is read again when it grew."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._of_case: dict[str, tuple[int, CaseFigures]] = {}
        self._counted: Counted | None = None
        self._going_on: asyncio.Task[None] | None = None

    async def figures(self) -> Counted:
        """The newest figures. All who ask at once wait for one count; who waits too long gets what was counted before.

        Raises :class:`Trouble` where nothing was counted yet, and what the caseload or the engine raises.
        """
        if self._counted and self._desk.now() - self._counted.at < FRESH_FOR:
            return self._counted
        if self._going_on is None or self._going_on.done():
            self._going_on = asyncio.create_task(self._count())
            # Nobody may be waiting any more when it fails; the next one who asks has it counted anew.
            self._going_on.add_done_callback(lambda done: done.cancelled() or done.exception())
        done, _ = await asyncio.wait({self._going_on}, timeout=PATIENCE)
        for count in done:
            count.result()
        if self._counted is None:
            raise Trouble("no-answer", "The cases are still being counted; ask again in a moment.")
        return self._counted

    async def _count(self) -> None:
        at = self._desk.now()
        found: dict[str, tuple[int, CaseFigures]] = {}
        silent = forgotten = 0
        after: str | None = None
        while True:
            page = await self._desk.caseload.page(limit=_PAGE, after=after)
            for row in page:
                known = self._of_case.get(row.reference)
                if known is None or known[0] != row.entries:
                    try:
                        known = await self._read(row.reference)
                    except NoSuchCase:
                        forgotten += 1
                        continue
                    except CannotGoOn as error:
                        silent += 1
                        if isinstance(error, EngineUnreachable) or silent > SILENT_AT_MOST:
                            raise
                        continue
                self._of_case[row.reference] = found[row.reference] = known
            if len(page) < _PAGE:
                break
            after = page[-1].cursor
        self._of_case = found
        self._counted = Counted(at, silent + forgotten, statistics(figures for _, figures in found.values()))

    async def _read(self, reference: str) -> tuple[int, CaseFigures]:
        record = [entry_from_json(entry) for entry in await self._desk.cases.ledger(reference)]
        return record[-1].n, figures_of(record)


def counting_of(request: Request) -> Counting:
    return request.app.state.counting


@router.get(
    "/statistics",
    tags=["figures"],
    responses=gives(
        StatisticsShown,
        *("not-permitted", "no-answer"),
        description="The figures, as they were counted at the moment that they name.",
    ),
)
async def read_statistics(request: Request, desk: OfDesk, person: Reader) -> JSONResponse:
    """Time in each stage, deadlines missed by office, refusals by safeguard, detentions and hours to release, endings."""
    return JSONResponse((await counting_of(request).figures()).as_json(), headers={"Cache-Control": "no-store"})
