"""The inbox: what whoever is signed in owes, what waits for others, and the cases in which nobody owes anything."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from casefile.languages import N_, Language
from desk.forms.choices import states
from desk.frame import Desk, Pages, Person, Signed, desk_of, page, seen
from desk.pages.owing import (
    GROUPS,
    PAGE,
    CaseRow,
    Group,
    OwedPage,
    OwedRow,
    Side,
    Which,
    owed_page,
    unowed,
    with_reference,
)
from desk.pages.reading import FIREWALLED, Reader
from desk.speaking import language as language_of
from procedure.entries import read_moment
from procedure.intake import REFERENCE
from procedure.vocabulary import HOLDS, ROLES, STAGES, Hold, Role
from procedure.who_may_see import (
    ALARMS,
    HIDDEN_FROM_ORIGIN,
    PART_OF_HOLD,
    Sight,
    acts_told,
    hides_time,
    holds_seen,
    lists,
    sight_in_list,
)
from starter.endings import CannotGoOn

router = APIRouter()
PAGES: Final = Pages(router, label=N_("Inbox"), path="/")

_WATCHERS: Final[frozenset[Role]] = frozenset({"auditor"})
"""Roles that owe nothing, ever: they begin with a case to find, and with the figures."""

_NAMES: Final[Mapping[Group, str]] = {
    "overdue": N_("Overdue"),
    "today": N_("Today"),
    "week": N_("In the next seven days"),
    "later": N_("Later"),
    "undated": N_("Without a date"),
}


_BY_THE_QUESTION: Final = frozenset({"approve_return", "give_consent", "record_visit"})
"""Acts that are owed as an answer, or several times over: only the deadline's name says which answer, and favours none."""

OTHER_ANSWER: Final[Mapping[str, str]] = {"approve_return": "decline_return"}
"""Of an act that is owed the one that answers the same question otherwise, and as well."""


def called(act: str, deadline: str | None, language: Language) -> str:
    """What is asked of whoever owes an act. Its own name would say of some which answer is expected.

    ``deadline``: its name, where one runs.
    """
    if act == "give_consent":
        # Of a consent that has grown old no deadline runs.
        deadline = "consent"
    return language.term("deadline", deadline) if act in _BY_THE_QUESTION and deadline else language.term("act", act)


_STATES: Final = [each.value for each in states(language_of("en"))]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the address of an inbox asks for. What it asks in words that there are not is left out."""

    group: Group | None = None
    stage: str | None = None
    hold: str | None = None
    state: str | None = None
    role: str | None = None
    number: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "_Asked":
        number = query.get("page", "")
        return cls(
            group=cast("Group | None", _one_of(get_args(Group), query.get("due"))),
            stage=_one_of(STAGES, query.get("stage")),
            hold=_one_of(HOLDS, query.get("hold")),
            state=_one_of(_STATES, query.get("state", "").upper()),
            role=_one_of(ROLES, query.get("role")),
            number=int(number) if number.isascii() and number.isdecimal() and len(number) < 7 else 1,
        )

    @property
    def filters(self) -> dict[str, str]:
        named = {"stage": self.stage, "hold": self.hold, "state": self.state, "role": self.role}
        return {name: value for name, value in named.items() if value}

    def address(self, path: str) -> str:
        """The address that asks for this."""
        asked = {**({"due": self.group} if self.group else {}), **self.filters}
        if self.number > 1:
            asked["page"] = str(self.number)
        return path + (f"?{urlencode(asked)}" if asked else "")


def _one_of(known: Sequence[str], given: str | None) -> str | None:
    return given if given in known else None


@router.get("/")
async def inbox(request: Request, person: Signed) -> Response:
    """What I owe: what I alone may do, and what anybody of my role and state may."""
    if person.role == FIREWALLED:
        return page(request, "inbox_alarms.html.j2", alarms=ALARMS)
    if person.role in _WATCHERS:
        return page(request, "inbox_watching.html.j2", heading=_heading(person), tabs=_tabs(person, "/"))
    asked = _allowed(replace(_Asked.of(request.query_params), role=None), person)
    which = Which(
        by=person, party=_states(asked), stage=asked.stage, hold=asked.hold, hosted_by=_hosting(asked, person)
    )
    return await _inbox(request, person, asked, which, mine=True)


@router.get("/others")
async def others(request: Request, person: Reader) -> Response:
    """What waits for others, colleagues among them."""
    _must_oversee(person)
    asked = _allowed(_Asked.of(request.query_params), person)
    which = Which(
        not_by=person,
        party=[person.state, *_states(asked)],
        told={side: acts_told(person.role, side) for side in _sides(person)},
        stage=asked.stage,
        hold=asked.hold,
        role=asked.role,
        hosted_by=_hosting(asked, person),
    )
    return await _inbox(request, person, asked, which, mine=False)


async def _inbox(request: Request, person: Person, asked: _Asked, which: Which, *, mine: bool) -> Response:
    desk, language = desk_of(request), seen(request)
    found = await owed_page(desk.caseload, replace(which, group=asked.group), desk.now(), asked.number)
    found = replace(found, rows=[_as_known(row, person) for row in found.rows])
    path = "/" if mine else "/others"
    return page(
        request,
        "inbox.html.j2",
        mine=mine,
        found=found,
        groups=_grouped(found),
        names=_NAMES,
        called=called,
        other_answer=OTHER_ANSWER,
        heading=_heading(person) if mine else _OTHERS,
        asked=asked,
        counts=[
            (group, _NAMES[group], found.counts[group], replace(asked, group=group, number=1).address(path))
            for group in GROUPS
        ],
        everything=replace(asked, group=None, number=1).address(path),
        before=_turned(asked, found.number - 1, found.pages).address(path) if found.number > 1 else None,
        after=_turned(asked, found.number + 1, found.pages).address(path) if found.number < found.pages else None,
        tabs=_tabs(person, path),
        filters=_filters(language, asked, mine=mine),
        path_here=path,
    )


def _turned(asked: _Asked, number: int, pages: int) -> _Asked:
    return replace(asked, number=min(max(1, number), pages))


def _states(asked: _Asked) -> list[str]:
    return [asked.state] if asked.state else []


def _grouped(found: OwedPage) -> list[tuple[Group, list[OwedRow]]]:
    """The rows under their groups; of the groups those that have some on this page."""
    rows: dict[Group, list[OwedRow]] = {}
    for row in found.rows:
        rows.setdefault(row.group, []).append(row)
    return list(rows.items())


def _must_oversee(person: Person) -> None:
    if not _sides(person):
        raise HTTPException(403)


_OTHERS: Final = N_("Waiting for others")


def _heading(person: Person) -> str:
    """What the list of one's own is called. A child owes nothing: a child is asked."""
    if person.role == "child":
        return N_("What I am asked")
    return N_("Cases and figures") if person.role in _WATCHERS else N_("What I owe")


# What one may know of in a list


def _sides(person: Person) -> list[Side]:
    """The sides on which this person's state may stand in cases that they may know of by their office."""
    sides: tuple[Side, ...] = ("host", "origin")
    return [side for side in sides if lists(person.role, side)]


def _allowed(asked: _Asked, person: Person) -> _Asked:
    """What is asked for, without what would tell what this person does not see."""
    at_home = sight_in_list(person, person.state, "", waits=True)
    hold = cast("Hold | None", asked.hold)
    return replace(
        asked,
        stage=asked.stage if at_home.whole("standing") else None,
        hold=hold if hold and at_home.any_of(PART_OF_HOLD[hold]) else None,
    )


def _hosting(asked: _Asked, person: Person) -> str | None:
    """The state whose cases alone are looked through: of a hold that the origin state does not see, one's own."""
    return person.state if asked.hold in HIDDEN_FROM_ORIGIN else None


def _as_known(row: OwedRow, person: Person) -> OwedRow:
    """A row as this person may know it."""
    waits = (row.owed.role, row.owed.state) == (person.role, person.state)
    sight = sight_in_list(person, row.case.host_state, row.case.origin_state, waits=waits)
    owed = row.owed
    if hides_time(owed.act, sight):
        owed = replace(owed, due=None, overdue=False, escalations=0, stands_still=False)
    return replace(row, owed=owed, case=_case_as_known(row.case, sight))


def _listed(case: CaseRow, person: Person) -> CaseRow:
    return _case_as_known(case, sight_in_list(person, case.host_state, case.origin_state, waits=False))


def _case_as_known(case: CaseRow, sight: Sight) -> CaseRow:
    holds = holds_seen(cast("tuple[Hold, ...]", case.holds), sight)
    return replace(case, stage=case.stage if sight.whole("standing") else "", holds=holds)


def _tabs(person: Person, path: str) -> list[tuple[str, str, bool]]:
    """Message, address, and whether it is where one is."""
    tabs = [(_heading(person), "/")]
    if _sides(person):
        tabs += [(_OTHERS, "/others"), (N_("Nobody owes anything"), "/board")]
    return [(label, address, address == path) for label, address in tabs]


def _filters(language: Language, asked: _Asked, *, mine: bool) -> list[dict[str, Any]]:
    """The filters as the macro of a select asks for them."""
    kinds: list[tuple[str, str, Sequence[tuple[str, str]], str | None]] = [
        ("stage", N_("Stage"), _terms(language, "stage", STAGES), asked.stage),
        ("hold", N_("Hold"), _terms(language, "hold", HOLDS), asked.hold),
    ]
    if not mine:
        kinds.append(("role", N_("Who owes it"), _terms(language, "role", ROLES[:-2]), asked.role))
    named = [(each.value, each.label) for each in states(language)]
    kinds.append(("state", N_("State of the case"), named, asked.state))
    return [
        {
            "name": name,
            "label": language.gettext(label),
            "items": [
                {"value": "", "text": language.gettext(N_("All"))},
                *({"value": value, "text": text, "selected": value == chosen} for value, text in of),
            ],
        }
        for name, label, of, chosen in kinds
    ]


def _terms(language: Language, kind: str, names: Sequence[str]) -> list[tuple[str, str]]:
    return [(name, _large(language.term(kind, name))) for name in names]


def _large(text: str) -> str:
    return text[:1].upper() + text[1:]


# Looking for a case

NO_SUCH_REFERENCE: Final = N_(
    "No case with such a reference was found. Write it whole, as it stands in a letter or a notice."
)


def as_reference(typed: str) -> str:
    """What was typed for a reference, as references are written."""
    return "".join(typed.split()).upper()


@router.get("/find")
async def find(request: Request, person: Reader, reference: str = "") -> Response:
    """A case by its reference, or the cases whose reference holds what was typed."""
    typed = as_reference(reference)
    if REFERENCE.fullmatch(typed):
        return RedirectResponse(f"/cases/{typed}", 303)
    rows = []
    if typed and (sides := _sides(person)):
        found = await with_reference(desk_of(request).caseload, typed[:18], person.state, sides)
        rows = [_listed(row, person) for row in found]
    return page(request, "inbox_found.html.j2", typed=reference.strip(), rows=rows, most=PAGE)


# The board of cases that nobody holds


@router.get("/board")
async def board(request: Request, person: Reader) -> Response:
    """The open cases in which nobody owes anything; each says whether it only waits for a time to pass."""
    _must_oversee(person)
    desk, asked = desk_of(request), _Asked.of(request.query_params)
    found, count = await unowed(desk.caseload, person.state, _sides(person), asked.number)
    rows = [_listed(row, person) for row in found]
    ends = await asyncio.gather(*(_window_ends(desk, row.reference) for row in rows))
    pages = max(1, -(-count // PAGE))
    return page(
        request,
        "board.html.j2",
        rows=list(zip(rows, ends, strict=True)),
        count=count,
        number=asked.number,
        pages=pages,
        before=f"/board?page={asked.number - 1}" if asked.number > 1 else None,
        after=f"/board?page={asked.number + 1}" if asked.number < pages else None,
        tabs=_tabs(person, "/board"),
    )


async def _window_ends(desk: Desk, reference: str) -> Any:
    """When the time to appeal ends that a case waits for; None where it waits for nothing, or does not say."""
    try:
        view = await desk.cases.view(reference)
    except CannotGoOn:
        return None
    ends = (row["due"] for row in view["deadlines"] if row["name"] == "appeal_window" and row["met"] is None)
    return next(map(read_moment, ends), None)


# Law enforcement


@router.get("/alarm")
async def alarm(request: Request, person: Signed, reference: str = "", act: str = "") -> Response:
    """On to the report about a case whose reference somebody knows. It opens at any pace, for it looks nothing up."""
    if not request.query_params:
        return page(request, "inbox_alarms.html.j2", alarms=ALARMS)
    typed = as_reference(reference)
    language = seen(request)
    wrong: dict[str, str] = {}
    if not REFERENCE.fullmatch(typed):
        wrong["reference"] = language.gettext(N_("Write a reference, for example MD-UA-2026-7K3F9A."))
    if act not in ALARMS:
        wrong["act"] = language.gettext(N_("Choose what you report."))
    if wrong:
        return page(
            request, "inbox_alarms.html.j2", 422, alarms=ALARMS, errors=wrong, typed=reference.strip(), chosen=act
        )
    return RedirectResponse(f"/cases/{typed}/acts/{act}", 303)
