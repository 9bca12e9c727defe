"""Figures over the cases that the reader's state hosts: pictures, and the same numbers as tables. No child and no case is named."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from casefile.languages import Language, capitalised
from casefile.pictures import statistics_pictures
from casefile.statistics import OUTCOMES, SOLUTIONS, Statistics, spread
from casefile.terms import N_
from desk.counting import StillCounting
from desk.frame import Pages, Signed, desk_of, page, seen
from procedure.vocabulary import ROLES
from procedure.who_may_see import sees_figures

router = APIRouter()

READERS: Final = frozenset(role for role in ROLES if sees_figures(role))
"""Who watches over many cases."""

PAGES: Final = Pages(router, label=N_("Figures"), path="/figures", roles=READERS)


@dataclass(frozen=True, slots=True)
class Table:
    """The numbers of one picture: what it is about, its columns, and rows that begin with what they count."""

    name: str
    title: str
    columns: list[str]
    rows: list[list[str]]
    picture: str = ""
    """SVG, drawn by us, every text in it escaped; empty where there is none."""


@router.get("/figures")
async def figures(request: Request, person: Signed) -> Response:
    """Time in each stage, deadlines missed, refusals, releases from detention, endings."""
    if person.role not in READERS:
        raise HTTPException(403)
    said, desk = seen(request), desk_of(request)
    try:
        counted = await desk.counting.figures(desk, person.state)
    except StillCounting:
        return page(request, "figures.html.j2", 503, counted=None, headers={"Retry-After": "15"})
    return page(request, "figures.html.j2", counted=counted, tables=tables(counted.statistics, said))


def tables(found: Statistics, said: Language) -> list[Table]:
    """The figures as tables, each with its picture, in a language."""
    drawn = statistics_pictures(found, say=said.term, _=said.gettext, state=said.state, number=said.number)
    _ = said.gettext
    made = (
        Table("time_in_stages", _(N_("Time in each stage")), _times(said), _time_rows(found, said)),
        Table(
            "deadlines_by_office",
            _(N_("Deadlines missed, by office")),
            [_(N_("Office")), _(N_("Owed")), _(N_("Missed")), _(N_("Median lateness"))],
            [
                [
                    _office(office.role, office.state, said),
                    said.number(office.owed),
                    said.number(office.missed),
                    _lasted(median(office.late_hours), said) if office.late_hours else "–",
                ]
                for office in found.by_office()
            ],
        ),
        Table(
            "refusals_by_safeguard",
            _(N_("Refusals, by safeguard")),
            [_(N_("Safeguard")), _(N_("Acts refused"))],
            _counts({_named("safeguard", name, said): n for name, n in found.refusals_by_safeguard().items()}, said),
        ),
        Table(
            "hours_to_release",
            _(N_("Released from detention")),
            [_(N_("After the report")), _(N_("Detentions"))],
            _counts(_released(found, said), said),
        ),
        Table(
            "endings",
            _(N_("Endings, side by side")),
            [_(N_("Ending")), _(N_("Cases"))],
            _counts(
                {
                    **{_named("outcome", outcome, said): found.endings[outcome] for outcome in OUTCOMES},
                    capitalised(_(N_("still open"))): found.cases - found.closed,
                },
                said,
            ),
        ),
        Table(
            "solutions",
            _(N_("What panels determined")),
            [_(N_("Solution")), _(N_("Determinations"))],
            _counts({_named("solution", each, said): found.solutions[each] for each in SOLUTIONS}, said),
        ),
        Table(
            "rounds",
            _(N_("Rounds of best interests")),
            [_(N_("Rounds")), _(N_("Cases"))],
            _counts({said.number(n): cases for n, cases in sorted(found.rounds.items())}, said),
        ),
    )
    return [_with_picture(table, drawn) for table in made]


def _with_picture(table: Table, drawn: Mapping[str, str]) -> Table:
    return Table(table.name, table.title, table.columns, table.rows, drawn.get(table.name, ""))


def _times(said: Language) -> list[str]:
    _ = said.gettext
    return [
        _(N_("Stage")),
        _(N_("Cases")),
        _(N_("A quarter took at most")),
        _(N_("Half took at most")),
        _(N_("Three quarters took at most")),
        _(N_("The longest took")),
    ]


def _time_rows(found: Statistics, said: Language) -> list[list[str]]:
    return [
        [
            # In the stage that is called closed, somebody still has to close the case.
            capitalised(said.gettext("settled, not yet closed")) if stage == "closed" else _named("stage", stage, said),
            said.number(days.count),
            *(_lasted(24 * each, said) for each in (days.lower, days.median, days.upper, days.longest)),
        ]
        for stage, days in found.time_in_stages().items()
    ]


def _released(found: Statistics, said: Language) -> dict[str, int]:
    within, _ = found.released_within(), said.gettext
    told = {
        capitalised(_("within 24 hours")): within["24_hours"],
        capitalised(_("within 3 days")): within["3_days"],
        capitalised(_("within 7 days")): within["7_days"],
        capitalised(_("later")): within["longer"],
        capitalised(_("not yet")): found.still_detained,
    }
    hours = spread(found.release_hours)
    return told if hours or found.still_detained else {}


def _named(kind: str, name: str, said: Language) -> str:
    return capitalised(said.term(kind, name))


def _office(role: str, state: str | None, said: Language) -> str:
    return _named("role", role, said) + (f", {said.state(state)}" if state else "")


def _lasted(hours: float, said: Language) -> str:
    """A length of time in days, or in hours below two days."""
    time = timedelta(hours=hours)
    return said.days(round(hours / 24)) if time >= timedelta(days=2) else said.hours(round(hours))


def _counts(counts: Mapping[str, int], said: Language) -> list[list[str]]:
    return [[name, said.number(n)] for name, n in counts.items()]
