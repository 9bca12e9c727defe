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
from desk.frame import Desk, Pages, Person, Signed, desk_of, page, seen
from desk.pages.owing import GROUPS, PAGE, Group, OwedPage, OwedRow, Which, owed_by, owed_page, unowed, with_reference
from desk.pages.reading import FIREWALLED, Reader
from procedure.entries import read_moment
from procedure.intake import REFERENCE
from procedure.vocabulary import HOLDS, ROLES, STAGES, Role
from starter.endings import CannotGoOn

router = APIRouter()
PAGES: Final = Pages(router, label=N_("Inbox"), path="/")

OVERSEERS: Final[frozenset[Role]] = frozenset(
    {
        *("central_authority", "child_protection_authority", "guardianship_authority", "caseworker"),
        *("court", "ombudsperson", "auditor"),
    }
)
"""Roles that see what waits for others, and what nobody holds. The others see what they owe themselves."""

_ANYWHERE: Final[frozenset[Role]] = frozenset({"auditor"})
"""Roles that look at the cases of every state."""

ALARMS: Final = ("report_missing", "report_found", "report_detention")
"""What law enforcement may record (contract, section 3)."""

_NAMES: Final[Mapping[Group, str]] = {
    "overdue": N_("Overdue"),
    "today": N_("Today"),
    "week": N_("This week"),
    "later": N_("Later"),
    "undated": N_("Without a date"),
}


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
        state = query.get("state", "").upper()
        number = query.get("page", "")
        return cls(
            group=cast("Group | None", _one_of(get_args(Group), query.get("due"))),
            stage=_one_of(STAGES, query.get("stage")),
            hold=_one_of(HOLDS, query.get("hold")),
            state=state if len(state) == 2 and state.isascii() and state.isalpha() else None,
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
    """What I owe."""
    if person.role == FIREWALLED:
        return page(request, "inbox_alarms.html.j2", alarms=ALARMS)
    asked = replace(_Asked.of(request.query_params), role=None)
    which = Which(by=(person.role, person.state), party=_states(asked), stage=asked.stage, hold=asked.hold)
    return await _inbox(request, person, asked, which, mine=True)


@router.get("/others")
async def others(request: Request, person: Reader) -> Response:
    """What waits for others."""
    _must_oversee(person)
    asked = _Asked.of(request.query_params)
    which = Which(
        not_by=(person.role, person.state),
        party=[*([] if person.role in _ANYWHERE else [person.state]), *_states(asked)],
        stage=asked.stage,
        hold=asked.hold,
        role=asked.role,
    )
    return await _inbox(request, person, asked, which, mine=False)


async def _inbox(request: Request, person: Person, asked: _Asked, which: Which, *, mine: bool) -> Response:
    desk, language = desk_of(request), seen(request)
    found = await owed_page(desk.caseload, replace(which, group=asked.group), desk.now(), asked.number)
    path = "/" if mine else "/others"
    return page(
        request,
        "inbox.html.j2",
        mine=mine,
        found=found,
        groups=_grouped(found),
        names=_NAMES,
        asked=asked,
        counts=[
            (group, _NAMES[group], found.counts[group], replace(asked, group=group, number=1).address(path))
            for group in GROUPS
        ],
        everything=replace(asked, group=None, number=1).address(path),
        before=_turned(asked, found.number - 1, found.pages).address(path) if found.number > 1 else None,
        after=_turned(asked, found.number + 1, found.pages).address(path) if found.number < found.pages else None,
        tabs=_tabs(person, path),
        owed_here=None if mine else await owed_by(desk.caseload, person.role, person.state),
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
    if person.role not in OVERSEERS:
        raise HTTPException(403)


def _tabs(person: Person, path: str) -> list[tuple[str, str, bool]]:
    """Message, address, and whether it is where one is."""
    tabs = [(N_("What I owe"), "/")]
    if person.role in OVERSEERS:
        tabs += [(N_("Waiting for others"), "/others"), (N_("Nobody owes anything"), "/board")]
    return [(label, address, address == path) for label, address in tabs]


def _filters(language: Language, asked: _Asked, *, mine: bool) -> list[dict[str, Any]]:
    """The filters as the macro of a select asks for them."""
    kinds: list[tuple[str, str, Sequence[str], str | None]] = [
        ("stage", N_("Stage"), STAGES, asked.stage),
        ("hold", N_("Hold"), HOLDS, asked.hold),
    ]
    if not mine:
        kinds.append(("role", N_("Who owes it"), ROLES[:-2], asked.role))
    return [
        {
            "name": name,
            "label": language.gettext(label),
            "items": [
                {"value": "", "text": language.gettext(N_("All"))},
                *(
                    {"value": each, "text": _large(language.term(name, each)), "selected": each == chosen}
                    for each in of
                ),
            ],
        }
        for name, label, of, chosen in kinds
    ]


def _large(text: str) -> str:
    return text[:1].upper() + text[1:]


# Looking for a case


@router.get("/find")
async def find(request: Request, person: Reader, reference: str = "") -> Response:
    """A case by its reference, or the cases whose reference holds what was typed."""
    typed = "".join(reference.split()).upper()
    if REFERENCE.fullmatch(typed):
        return RedirectResponse(f"/cases/{typed}", 303)
    rows = []
    if typed and person.role in OVERSEERS:
        party = None if person.role in _ANYWHERE else person.state
        rows = await with_reference(desk_of(request).caseload, typed[:18], party)
    return page(request, "inbox_found.html.j2", typed=reference.strip(), rows=rows, most=PAGE)


# The board of cases that nobody holds


@router.get("/board")
async def board(request: Request, person: Reader) -> Response:
    """The open cases in which nobody owes anything; each says whether it only waits for a time to pass."""
    _must_oversee(person)
    desk, asked = desk_of(request), _Asked.of(request.query_params)
    party = None if person.role in _ANYWHERE else person.state
    rows, count = await unowed(desk.caseload, party, asked.number)
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
    """On to the report about a case whose reference somebody knows."""
    typed = "".join(reference.split()).upper()
    if person.role != FIREWALLED or act not in ALARMS or not REFERENCE.fullmatch(typed):
        return page(
            request, "inbox_alarms.html.j2", 422, alarms=ALARMS, errors=True, typed=reference.strip(), chosen=act
        )
    return RedirectResponse(f"/cases/{typed}/acts/{act}", 303)
