"""Who has read a case: the log of every reading, verified, for those who watch over it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fastapi import APIRouter, Request, Response

from activities.readings import Readings
from casefile.languages import N_, Language
from casefile.readings import OPERATOR, Reading, faults_of_readings
from desk.frame import Pages, desk_of, page, seen
from desk.pages.reading import REASON_WORDS, Reader, opened

router = APIRouter()
PAGES: Final = Pages(router)

SHOWN: Final = 50
"""Lines on one page."""


@dataclass(frozen=True, slots=True)
class _Row:
    n: int
    at: datetime
    person: str
    who: str
    office: str | None
    what: str
    reason: str


@router.get("/cases/{reference}/readings")
async def readings(request: Request, person: Reader, reference: str, before: int | None = None) -> Response:
    """Every reading of a case, the newest first; that this page is read is the newest. ``before``: the lines before it."""
    await opened(request, person, reference, part="readings")
    lines, newest = await Readings(desk_of(request).caseload).of(reference)
    language, address = seen(request), f"/cases/{reference}/readings"
    end = len(lines) if before is None else min(max(before - 1, 0), len(lines))
    begin = max(0, end - SHOWN)
    newer = f"{address}?before={end + SHOWN + 1}" if end + SHOWN < len(lines) else address
    return page(
        request,
        "readings.html.j2",
        reference=reference,
        rows=[_row(line, language) for line in reversed(lines[begin:end])],
        all=len(lines),
        faults=faults_of_readings(lines, newest),
        newest=newest.hash if newest else "",
        newer=newer if end < len(lines) else None,
        older=f"{address}?before={begin + 1}" if begin else None,
    )


def _row(line: Reading, language: Language) -> _Row:
    by = line.by
    if by.role == OPERATOR:
        who = language.gettext(N_("by the command line, without signing in"))
    else:
        who = language.actor(by.role, by.state)
    words = {**REASON_WORDS}
    reason = language.gettext(words[line.reason]) if line.reason in words else ""
    return _Row(line.n, line.at, by.person, who, by.office, line.what, reason)
