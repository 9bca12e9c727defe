"""Looking back: a case as it was at any entry or moment, known then beside known now, and the dossier to take away.

For whoever sees the whole record (:mod:`procedure.who_may_see`). Everybody else gets no page: a past with holes in it
cannot be shown as it was.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Any, Final, cast

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from casefile.deadline_figures import deadline_figures
from casefile.languages import LANGUAGES, Language, capitalised
from casefile.looking_back import Moment, NoSuchMoment, PartialRecord, ThenAndNow, entries_up_to, then_and_now
from casefile.matrix import safeguard_matrix
from casefile.printing import READER_WORDS, deadline_lines, picture, refusal_line
from casefile.redaction import READERS, readers_for
from casefile.redaction import Reader as DossierReader
from casefile.story import consequences, place, refusals, sentence
from casefile.terms import N_, WORDS_OF
from desk.door import NotWhole
from desk.forms.words import label as field_label
from desk.frame import Desk, Pages, Person, checked_form, desk_of, page, seen
from desk.pages.inbox import called
from desk.pages.reading import Reader, opened
from procedure.entries import Entry, read_moment
from procedure.open_acts import OpenAct
from starter.client import Cases
from starter.moments import read_when

router = APIRouter(prefix="/cases/{reference}/past")

PAGES: Final = Pages(router)

# The pages


@dataclass(frozen=True, slots=True)
class _Looking:
    """Where one looks back from, and where to."""

    reference: str
    record: Sequence[Entry]
    upto: Sequence[Entry]
    when: Moment
    fault: str | None
    """Why it is not the moment that was asked for."""
    readings: bool
    """Whether they may see who has read the case."""


@router.get("")
async def then_beside_now(request: Request, person: Reader, reference: str) -> Response:
    """What was known then, and what is known now."""
    looking = await _looking(request, person, reference)
    if isinstance(looking, Response):
        return looking
    now = max(desk_of(request).now(), looking.record[-1].at)
    try:
        both = await asyncio.to_thread(then_and_now, looking.record, looking.when, now)
    except PartialRecord as partial_record:
        return _not_whole(request, reference, str(partial_record))
    said = seen(request)
    return _page(request, looking, "looking_back.html.j2", both=both, **_beside(both, said))


@router.get("/safeguards")
async def safeguards(request: Request, person: Reader, reference: str) -> Response:
    """Each safeguard up to then, with the entries that show it."""
    looking = await _looking(request, person, reference)
    if isinstance(looking, Response):
        return looking
    matrix = await asyncio.to_thread(safeguard_matrix, looking.upto)
    return _page(request, looking, "safeguards.html.j2", matrix=matrix)


@router.get("/refusals")
async def refusal_book(request: Request, person: Reader, reference: str) -> Response:
    """Every act that was refused up to then, the newest first."""
    looking = await _looking(request, person, reference)
    if isinstance(looking, Response):
        return looking
    refused = [entry for entry in reversed(looking.upto) if entry.kind == "refused"]
    said = seen(request)
    lines = [refusal_line(entry, said) for entry in refused[:_TOLD_AT_MOST]]
    return _page(request, looking, "refusals.html.j2", lines=lines, all=len(refused))


@router.get("/deadlines")
async def deadlines(request: Request, person: Reader, reference: str) -> Response:
    """What became of every deadline up to then, and the picture of the case over time."""
    looking = await _looking(request, person, reference)
    if isinstance(looking, Response):
        return looking
    said = seen(request)
    figures = deadline_figures(looking.upto)
    lines = list(zip(figures, deadline_lines(figures, said), strict=True))[-_TOLD_AT_MOST:]
    return _page(
        request,
        looking,
        "looking_back_deadlines.html.j2",
        lines=lines,
        all=len(figures),
        timeline=picture(looking.upto, said),
    )


_TOLD_AT_MOST: Final = 200
"""Rows on one page; a page is not to weigh more than a slow line carries."""


async def _looking(request: Request, person: Person, reference: str) -> _Looking | Response:
    try:
        found = await opened(request, person, reference, part="past")
    except NotWhole as not_whole:
        return _not_whole(request, reference, not_whole.why)
    record, said = found.whole.entries, seen(request)
    fault = None
    when: Moment = record[-1].n if record else 0
    try:
        when = _asked(request.query_params, when)
        upto = entries_up_to(record, when)
    except NoSuchMoment:
        fault = _no_such_moment(said, record, when)
        when, upto = record[-1].n, record
    except PartialRecord as partial_record:
        return _not_whole(request, reference, str(partial_record))
    except ValueError:
        fault = said.gettext(N_("Give the day, the month and the year of a date that there is, for example 27 3 2026."))
        when, upto = record[-1].n, record
    return _Looking(reference, record, upto, when, fault, found.sight.any_of("readings"))


def _asked(query: Mapping[str, str], newest: Moment) -> Moment:
    """The entry or the moment that is asked for. Raises ValueError for what is none."""
    year, month, day, time = (query.get(part, "").strip() for part in ("year", "month", "day", "time"))
    if year or month or day:
        on = f"{year:0>4}-{month:0>2}-{day:0>2}"
        return read_when(f"{on}T{time.replace('.', ':'):0>5}Z" if time else on)
    at = query.get("at", "").strip()
    return read_when(at) if at else newest


def _no_such_moment(said: Language, record: Sequence[Entry], when: Moment) -> str:
    if isinstance(when, int):
        return said.filled(said.gettext(N_("This case has the entries 1 to {last}.")), last=said.number(record[-1].n))
    return said.filled(said.gettext(N_("This case was opened later, on {moment}.")), moment=said.moment(record[0].at))


def _not_whole(request: Request, reference: str, why: str) -> Response:
    return page(request, "looking_back_partial.html.j2", 409, reference=reference, sentence=why)


def _page(request: Request, looking: _Looking, template: str, **context: Any) -> Response:
    said = seen(request)
    newest, last = looking.upto[-1], looking.record[-1].n
    query = request.query_params
    return page(
        request,
        template,
        422 if looking.fault else 200,
        errors=bool(looking.fault),
        fault=looking.fault,
        typed={part: query.get(part, "") for part in ("day", "month", "year", "time")},
        reference=looking.reference,
        readings=looking.readings,
        n=newest.n,
        last=last,
        before=newest.n - 1 if newest.n > 1 else None,
        after=newest.n + 1 if newest.n < last else None,
        at=newest.at if isinstance(looking.when, int) else looking.when,
        by_date=not isinstance(looking.when, int),
        entry=newest,
        words=sentence(newest, said),
        became=consequences(newest, said),
        refused=refusals(newest, said),
        **context,
    )


# Known then, known now

_FIELDS: Final = (
    ("status", N_("Case")),
    ("stage", N_("Stage")),
    ("solution", N_("Solution")),
    ("outcome", N_("Outcome")),
    ("holds", N_("Holds")),
    ("placement", N_("Where the child is")),
    ("guardian", N_("Guardian in office")),
    ("counsel", N_("Legal counsel in office")),
    ("caseworker", N_("Caseworker assigned")),
    ("turned_18", N_("The child has turned eighteen")),
    ("round", N_("Round of best interests")),
    ("awaiting", N_("Owed")),
    ("refused", N_("Acts refused so far")),
    ("agreement_version", N_("Version of the agreement")),
    ("procedure_version", N_("Version of the procedure")),
)
"""The fields of the case view in the order in which they are told, and what each is called."""


def _beside(both: ThenAndNow, said: Language) -> dict[str, Any]:
    differing = set(both.differing)
    rows = [
        (said.gettext(called), _told(name, both.then.view[name], said), _told(name, both.now.view[name], said))
        for name, called in _FIELDS
    ]
    return {
        "rows": [(*row, name in differing) for row, (name, _) in zip(rows, _FIELDS, strict=True)],
        "corrected": [
            (
                each,
                capitalised(said.term("act", each.act)) if each.act != "opened" else said.gettext(N_("Intake")),
                field_label(said, each.act, each.field),
                _value(each.act, each.field, each.then, said),
                _value(each.act, each.field, each.now, said),
            )
            for each in both.corrected
        ],
        "open_to": _open_to(both.open_to(), said),
    }


def _told(name: str, value: Any, said: Language) -> list[str]:
    """What a field of the case view says, a line for each of several."""
    none = [said.gettext(N_("none"))]
    match name, value:
        case "awaiting", rows:
            return [_owed(row, said) for row in cast("list[dict[str, Any]]", rows)] or none
        case "holds", names:
            return [capitalised(said.term("hold", each)) for each in cast("list[str]", names)] or none
        case "turned_18", _:
            return [capitalised(said.answer(bool(value)))]
        case _, None:
            return none
        case "status", _:
            return [said.gettext(N_("Open") if value == "open" else N_("Closed"))]
        case (("stage" | "solution" | "outcome"), _):
            return [capitalised(said.term(name, value))]
        case "placement", _:
            return [place(value, said)]
        case _, int():
            return [said.number(value)]
        case _:
            return [str(value)]


def _owed(row: Mapping[str, Any], said: Language) -> str:
    who = f"{said.term('role', row['role'])}, {said.state(row['state'])}"
    told = f"{capitalised(called(row['act'], row['deadline'], said))}: {who}"
    if not row["due"]:
        return told
    moment = said.moment(read_moment(row["due"]))
    if row["overdue"]:
        return f"{told}. " + said.gettext(N_("Overdue since %(moment)s")) % {"moment": moment}
    return f"{told}, " + said.gettext(N_("due by {moment}")).format(moment=moment)


def _value(act: str, field: str, value: Any, said: Language) -> str:
    """A value of a corrected field in words."""
    if value is None or value in ("", []):
        return said.gettext(N_("none"))
    if isinstance(value, bool):
        return said.answer(value)
    if isinstance(value, list):
        return said.listed([_value(act, field, each, said) for each in cast("list[Any]", value)])
    if isinstance(value, dict):
        parts = cast("dict[str, Any]", value)
        return "; ".join(
            f"{field_label(said, act, f'{field}.{name}')}: {_value(act, f'{field}.{name}', each, said)}"
            for name, each in parts.items()
        )
    if isinstance(value, str) and f"{act}.{field}" in WORDS_OF:
        return said.result(act, field, value)
    return str(value)


def _open_to(open_to: Mapping[str, Sequence[OpenAct]], said: Language) -> list[tuple[str, list[tuple[str, str]]]]:
    """Who could do what: each role of each state, and its acts with when they were owed."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for role, acts in open_to.items():
        for act in acts:
            due = said.gettext(N_("due by {moment}")).format(moment=said.moment(act.due)) if act.due else ""
            owed = due or (said.gettext(N_("owed")) if act.owed else "")
            found.setdefault((role, act.state), []).append((capitalised(said.term("act", act.act)), owed))
    return [
        (f"{capitalised(said.term('role', role))}, {said.state(state)}", acts) for (role, state), acts in found.items()
    ]


# The dossier


@router.get("/dossier")
async def ask_for_dossier(request: Request, person: Reader, reference: str) -> Response:
    """For whom, and in which language."""
    return _dossier_page(request, await _reader_of(request, person, reference), reference)


async def _reader_of(request: Request, person: Person, reference: str, *, about: str = "") -> DossierReader:
    """As what reader somebody has dossiers made; who sees the whole record has one."""
    reader = (await opened(request, person, reference, part="past", about=about)).sight.reader
    assert reader is not None
    return reader


def _dossier_page(request: Request, reader: DossierReader, reference: str, status: int = 200) -> Response:
    said = seen(request)
    return page(
        request,
        "looking_back_dossier.html.j2",
        status,
        errors=status != 200,
        reference=reference,
        readers=[(each, capitalised(said.pgettext(*READER_WORDS[each]))) for each in readers_for(reader)],
        mine=reader,
    )


@router.post("/dossier")
async def make_dossier(request: Request, person: Reader, reference: str) -> Response:
    """The case audited and bound into one file. Seconds for a short case, a minute for a very long one."""
    form = await checked_form(request)
    wanted, code = form.get("reader"), form.get("in_language")
    reader = await _reader_of(request, person, reference, about=f"for {wanted}" if wanted in READERS else "")
    if wanted not in readers_for(reader) or code not in LANGUAGES:
        return _dossier_page(request, reader, reference, 422)
    # One at a time: replaying and setting pages would keep everybody else waiting.
    async with _gate(request):
        made = await _dossier(desk_of(request), reference, cast("DossierReader", wanted), str(code))
    size = made.seek(0, 2)
    made.seek(0)
    named = f'attachment; filename="{reference}-{wanted}.zip"'
    headers = {"Content-Disposition": named, "Content-Length": str(size), "Cache-Control": "no-store"}
    return StreamingResponse(_read(made), media_type="application/zip", headers=headers)


async def _read(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while chunk := await asyncio.to_thread(file.read, 1 << 16):
            yield chunk


def _gate(request: Request) -> asyncio.Lock:
    state = request.app.state
    if not hasattr(state, "dossier_gate"):
        state.dossier_gate = asyncio.Lock()
    gate: asyncio.Lock = state.dossier_gate
    return gate


async def _dossier(desk: Desk, reference: str, reader: DossierReader, language: str) -> IO[bytes]:
    """The file, open and already without a name: it is gone when it is closed. Raises CannotGoOn."""
    from starter.auditing import audited_case, write_dossier

    unwatched: Callable[[int, int], None] = lambda done, of_all: None  # noqa: E731
    looking = audited_case(
        reference,
        cases=desk.cases if isinstance(desk.cases, Cases) else None,
        archive=desk.archive() if desk.archive else None,
        code=desk.code() if desk.code else None,
        progress=unwatched,
    )
    with tempfile.TemporaryDirectory(prefix="homeward-dossier-") as folder:
        path = Path(folder) / "dossier.zip"
        async with looking as looked:
            bind = partial(write_dossier, path, looked, reader=reader, language=language, version=_version())
            await asyncio.to_thread(bind)
        return path.open("rb")


def _version() -> str:
    try:
        return version("homeward")
    except PackageNotFoundError:
        return "from source"
