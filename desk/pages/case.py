"""The page of a case: where it stands, who must do what and why, the child, and the story; and what is new of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from fastapi import APIRouter, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.exceptions import HTTPException

from activities.caseload import CaseloadUnreachable
from casefile import story
from casefile.languages import N_, Language, capitalised
from casefile.redaction import is_withheld
from desk.forms import answers, mending
from desk.frame import Pages, desk_of, page, seen, still_signed_in
from desk.pages.child import may_see
from desk.pages.owing import PAGE, newest_entry
from desk.pages.reading import Reader, Record, record_of
from desk.picture import Where, in_words, picture
from procedure.agreement import Period
from procedure.case import Case
from procedure.deadlines import name_of, rule_of
from procedure.entries import Entry, read_moment
from procedure.intake import age_on
from procedure.open_acts import OpenAct
from procedure.owed import Owed, awaiting, owed
from procedure.placement import detention_reasons, is_detention
from procedure.vocabulary import Hold
from procedure.who_may import person_alone

router = APIRouter()
PAGES: Final = Pages(router)

NEWS_EVERY: Final = 2.0
"""Seconds between two looks for something new."""
NEWS_LASTS: Final = 600.0
"""Seconds after which a stream of news ends; the browser asks anew."""

APPROVALS: Final = frozenset({"approve_return", "approve_travel"})
"""Acts that bind what the approver read: they are reached from the case alone."""


@router.get("/cases/{reference}")
async def case(request: Request, person: Reader, reference: str, before: int | None = None) -> Response:
    """One case. ``before``: of the story the entries before that number."""
    record = await record_of(request, reference)
    language = seen(request)
    acts = record.acts_of(person)
    return page(
        request,
        "case.html.j2",
        record=record,
        case=record.case,
        where=where_of(record.case),
        picture=picture(where_of(record.case), language),
        in_words=in_words(where_of(record.case), language),
        holds=list(_holds(record, language)),
        owing=list(_owing(record, language)),
        acts=acts,
        yours={act.act: act for act in acts if act.open},
        barred=[(act, closed_by(act, language)) for act in acts if act.owed and not act.open],
        why_not=[(act, closed_by(act, language)) for act in acts if not act.owed and not act.open],
        approvals=APPROVALS,
        for_child=may_see(person, record.case),
        child=list(_child(record, language)),
        placement=_placement(record.case, language),
        people=list(_people(record.case, language)),
        relatives=list(_relatives(record, language)),
        story=_story(record, language, before),
        renewed=language.moment(record.at) if "hx-request" in request.headers else None,
    )


@router.get("/cases/{reference}/entries/{n}")
async def entry(request: Request, person: Reader, reference: str, n: int) -> Response:
    """One entry of the record: what was said in it, and what came of it."""
    record = await record_of(request, reference)
    found = record.find(n)
    if found is None:
        raise HTTPException(404)
    language = seen(request)
    return page(
        request,
        "case_entry.html.j2",
        record=record,
        entry=found,
        line=_line(found, language),
        said=said_in(found, record, language),
        corrected_by=[each.n for each in record.ledger.corrections_of(found)] if found.kind != "refused" else [],
        older=n - 1 if record.find(n - 1) else None,
        newer=n + 1 if record.find(n + 1) else None,
    )


@router.get("/cases/{reference}/news", response_class=EventSourceResponse)
async def news(request: Request, person: Reader, reference: str, since: int = 0) -> AsyncIterator[ServerSentEvent]:
    """Tells that there is something new after entry ``since``, and nothing of what it is."""
    caseload = desk_of(request).caseload
    known = request.headers.get("last-event-id", "")
    since = max(since, int(known)) if known.isascii() and known.isdecimal() and len(known) < 10 else since
    until = time.monotonic() + NEWS_LASTS
    while time.monotonic() < until:
        if not still_signed_in(request):
            yield ServerSentEvent(event="over", raw_data="1")
            return
        try:
            newest = await _looked(newest_entry(caseload, reference))
        except CaseloadUnreachable:
            return  # the browser asks again by and by
        if newest > since:
            since = newest
            yield ServerSentEvent(event="news", raw_data="1", id=str(newest))
        await asyncio.sleep(NEWS_EVERY)


_LOOKING: Final = set[asyncio.Task[int]]()


async def _looked(question: Coroutine[Any, Any, int]) -> int:
    """The answer of the caseload. Whoever goes away meanwhile must not tear a connection out of its work."""
    looking = asyncio.create_task(question)
    _LOOKING.add(looking)
    looking.add_done_callback(_LOOKING.discard)
    looking.add_done_callback(lambda done: done.cancelled() or done.exception())
    return await asyncio.shield(looking)


def where_of(case: Case) -> Where:
    """Where a case is on the picture."""
    return Where(case.stage, case.solution, case.outcome)


# Holds


@dataclass(frozen=True, slots=True)
class _Hold:
    name: Hold
    since: datetime
    entry: int
    lifted: str
    acts: tuple[str, ...]
    """Acts that may lift it."""
    until: str | None


_SUSPENDED: Final = N_("Somebody other than who suspended the return ends the suspension, on the same ground.")
_LIFTED: Final[Mapping[Hold, tuple[str, tuple[str, ...]]]] = {
    "detention": (
        N_("A confirmed release lifts it, or a placement that is no detention."),
        ("confirm_release", "place_child"),
    ),
    "emergency_placement_overdue": (N_("A placement in a family or in group care lifts it."), ("place_child",)),
    "asylum": (
        N_(
            "The decision that the claim is finally refused or withdrawn lifts it. Where asylum is granted, the return is over."
        ),
        ("resolve_asylum_claim",),
    ),
    "appeal": (N_("A ruling on every pending appeal lifts it."), ("decide_appeal",)),
    "missing": (N_("A report that the child was found lifts it."), ("report_found",)),
    "crisis": (_SUSPENDED, ("resume",)),
    "health": (_SUSPENDED, ("resume",)),
    "school_year": (_SUSPENDED, ("resume",)),
    "other": (_SUSPENDED, ("resume",)),
    "review": (N_("A new round of best interests lifts it."), ("reopen_best_interests",)),
    "adulthood": (
        N_("Nothing lifts it: the young person is transferred to adult services."),
        ("transfer_to_adult_services",),
    ),
}


def _holds(record: Record, language: Language) -> Iterator[_Hold]:
    set_by = {entry.facts["hold"]: entry for entry in record.entries if entry.kind == "hold"}
    for hold in record.case.holds:
        said, acts = _LIFTED[hold]
        suspended = record.case.suspensions.get(hold)
        until = language.date(suspended.until) if suspended and suspended.until else None
        yield _Hold(hold, set_by[hold].at, set_by[hold].n, language.gettext(said), acts, until)


# What is owed, and why


@dataclass(frozen=True, slots=True)
class _Owing:
    act: str
    who: str
    person: str | None
    due: datetime | None
    overdue: bool
    escalations: int
    stands_still: bool
    deadline: str | None
    counted: str | None
    """How its time is counted."""
    source: str | None
    """Where the number comes from, in English; None where no deadline runs."""
    about: str | None


def _owing(record: Record, language: Language) -> Iterator[_Owing]:
    """Every owed act, the earliest first, as :func:`procedure.owed.awaiting` has them."""
    case = record.case
    keys: dict[tuple[Any, ...], list[Owed]] = {}
    for each in owed(case, record.at):
        keys.setdefault(_same(each.act, each.role, each.state, each.about), []).append(each)
    for row in awaiting(case, record.at):
        key = keys[_same(row["act"], row["role"], row["state"], row.get("about"))].pop(0).key
        yield _Owing(
            act=row["act"],
            who=language.actor(row["role"], row["state"]),
            person=person_alone(case, row["role"], row["state"]),
            due=read_moment(row["due"]) if row["due"] else None,
            overdue=row["overdue"],
            escalations=row["escalations"],
            stands_still=row.get("stands_still", False),
            deadline=language.deadline(key) if key else None,
            counted=_counted(case, key, language) if key else None,
            source=rule_of(key).source if key else None,
            about=_about(row, language),
        )


def _same(act: str, role: str, state: str, about: Any) -> tuple[Any, ...]:
    return act, role, state, about


def _about(row: Mapping[str, Any], language: Language) -> str | None:
    match row["act"], row.get("about"):
        case _, None:
            return None
        case "assess_family", relative:
            return language.gettext(N_("Relative {relative}")).format(relative=relative)
        case "record_visit", visit:
            return language.gettext(N_("Visit {number}")).format(number=visit)
        case _, n:
            return language.gettext(N_("Entry {number}")).format(number=n)


def _counted(case: Case, key: str, language: Language) -> str:
    rule, name = rule_of(key), name_of(key)
    since = language.moment(case.deadlines[key].since)
    if name.startswith("visit_"):
        length = language.days(case.agreement.visits[int(name.removeprefix("visit_")) - 1])
    elif (period := case.agreement.deadlines.get(rule.name)) is not None:
        length = _length(period, language)
    else:
        return language.filled(language.gettext(N_("It runs since {since}, to a day that was set.")), since=since)
    said = language.gettext(N_("The agreement gives {length}. It runs since {since}."))
    return language.filled(said, length=length, since=since)


def _length(period: Period, language: Language) -> str:
    if period.hours is not None:
        return language.hours(period.hours)
    if period.days is not None:
        return language.days(period.days)
    days = period.working_days or 0
    return language.ngettext("{number} working day", "{number} working days", days).format(number=days)


# What may be done


@dataclass(frozen=True, slots=True)
class Why:
    """Why an act is closed. ``message`` and ``instead`` are quoted in English, as the law says them."""

    label: str
    demand: str
    message: str
    source: str
    instead: str


def closed_by(act: OpenAct, language: Language) -> list[Why]:
    """What closes an act, whatever it would say."""
    return whys(act.closed_by, language)


def whys(refusals: Iterable[Mapping[str, Any]], language: Language) -> list[Why]:
    """Refusals in the reader's language, as far as they are not the law's own words."""
    return [
        Why(
            label=language.term("safeguard", each["safeguard"]),
            demand=language.demand(each["safeguard"]),
            message=each["message"],
            source=each["source"],
            instead=each["instead"],
        )
        for each in refusals
    ]


# The child


def _child(record: Record, language: Language) -> Iterator[tuple[str, str]]:
    """Questions and answers about the child, as the record knows today."""
    intake, case, say = record.intake, record.case, language.gettext
    child = intake["child"]
    yield say(N_("Name")), f"{child['given_names']} {child['family_name']}"
    if case.date_of_birth:
        age = age_on(case.date_of_birth, record.at.date())
        born = say(N_("{date}, {age} years old")).format(date=language.date(case.date_of_birth), age=age)
        yield _field(language, "child.date_of_birth"), born
    elif case.estimated_age is not None:
        yield _field(language, "child.estimated_age"), language.number(case.estimated_age)
    if case.identity:
        yield say(N_("Identity")), capitalised(language.result("verify_identity", "result", case.identity.result))
    if case.age_assessed:
        yield say(N_("Age as assessed")), capitalised(language.result("assess_age", "result", case.age_assessed.result))
    yield _field(language, "child.sex"), capitalised(language.term("sex", child["sex"]))
    states = [language.state(code) for code in child["nationalities"]]
    yield _field(language, "child.nationalities"), language.listed(states) if states else say(N_("None known"))
    yield _field(language, "child.languages"), language.listed([language.language(code) for code in child["languages"]])
    yield _field(language, "situation"), capitalised(language.term("situation", case.situation))
    found = intake["found"]
    yield (
        say(N_("Found")),
        ", ".join(
            (language.date(datetime.fromisoformat(found["on"])), found["place"], language.term("found_by", found["by"]))
        ),
    )
    if concerns := intake["concerns"]:
        named = [language.term("concern", each) for each in concerns]
        yield _field(language, "concerns"), capitalised(language.listed(named))


def _field(language: Language, path: str) -> str:
    return capitalised(language.field(path) or path)


@dataclass(frozen=True, slots=True)
class _Place:
    told: str
    since: int
    """The entry that told it."""
    detention: list[str]
    """Why it is detention; empty where it is none."""
    missing: bool


def _placement(case: Case, language: Language) -> _Place | None:
    if case.placement is None:
        return None
    reasons = [language.clause(each) for each in detention_reasons(case.placement)]
    if case.detained and not is_detention(case.placement):
        reasons = [language.gettext(N_("it was reported as detention"))]
    return _Place(story.place(case.placement, language), case.placement_n, reasons, case.missing)


def _people(case: Case, language: Language) -> Iterator[tuple[str, str]]:
    """Who is in office: what as, and by which sign."""
    nobody = language.gettext(N_("Nobody yet"))
    yield _role(language, "guardian"), case.guardian.id if case.guardian else nobody
    yield _role(language, "legal_counsel"), case.counsel.id if case.counsel else nobody
    for state in (case.host_state, case.origin_state):
        who = f"{_role(language, 'caseworker')}, {language.state(state)}"
        yield who, case.caseworkers.get(state) or language.gettext(N_("Nobody is assigned; every caseworker may act"))
    if case.plan:
        yield _role(language, "escort"), case.plan.escort_id


def _role(language: Language, role: str) -> str:
    return capitalised(language.term("role", role))


def _relatives(record: Record, language: Language) -> Iterator[tuple[str, str]]:
    case = record.case
    for id, relative in case.relatives.items():
        who = f"{capitalised(relative.relationship)}, {language.state(relative.state)} ({id})"
        found = case.family.get(id)
        if found is None:
            told = language.gettext(N_("Not assessed yet"))
        elif found.good:
            told = language.gettext(N_("Willing, able and safe"))
        else:
            said = language.gettext(N_("Willing: {willing}. Able: {able}. Safe: {safe}."))
            told = said.format(**{name: language.answer(getattr(found, name)) for name in ("willing", "able", "safe")})
        yield who, told


# The story


@dataclass(frozen=True, slots=True)
class _Line:
    entry: Entry
    said: str
    further: list[str]
    refusals: list[story.RefusalTold]
    alarm: bool
    """Whether it is nothing to be passed over."""
    has_words: bool
    """Whether somebody said something in it."""


@dataclass(frozen=True, slots=True)
class _Story:
    lines: list[_Line]
    newer: str | None
    older: str | None
    entries: int


_ALARMS: Final = frozenset({"overdue", "escalated", "detention"})


def _story(record: Record, language: Language, before: int | None) -> _Story:
    """Twenty entries, newest first."""
    entries = record.entries
    end = len(entries) if before is None else min(max(before - 1, 0), len(entries))
    begin = max(0, end - PAGE)
    lines = [_line(each, language) for each in reversed(entries[begin:end])]
    address = f"/cases/{record.case.reference}"
    newer = None
    if end < len(entries):
        newer = f"{address}#story" if end + PAGE >= len(entries) else f"{address}?before={end + PAGE + 1}#story"
    older = f"{address}?before={begin + 1}#story" if begin else None
    return _Story(lines, newer, older, len(entries))


def _line(entry: Entry, language: Language) -> _Line:
    return _Line(
        entry=entry,
        said=story.sentence(entry, language),
        further=story.consequences(entry, language),
        refusals=story.refusals(entry, language),
        alarm=entry.kind in _ALARMS,
        has_words=not is_withheld(entry) and bool({"act", "intake"} & entry.body.keys()),
    )


def said_in(entry: Entry, record: Record, language: Language) -> list[tuple[str, str]]:
    """What an entry says, question by question; nothing where nobody said anything in it."""
    said = entry.body.get("act") or entry.body.get("intake")
    if not isinstance(said, dict):
        return []
    corrected = record.find(entry.facts["corrects"]) if "corrects" in entry.facts else None
    of = mending(corrected, record.ledger) if corrected and corrected.body else None
    return answers(cast("dict[str, Any]", said), language, case=record.case, mending=of)
