"""The page of a case: where it stands, who must do what and why, the child, and the story; and what is new of it."""

import asyncio
import math
import re
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Depends, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.exceptions import HTTPException

from activities.caseload import CaseloadUnreachable
from casefile import story
from casefile.languages import N_, Language, capitalised
from casefile.redaction import Line, Sealed, is_withheld
from desk.door import sight_on
from desk.forms import answers, mending
from desk.frame import Pages, Person, desk_of, page, seen, still_signed_in
from desk.pages.inbox import OTHER_ANSWER, called
from desk.pages.owing import PAGE, newest_entry
from desk.pages.reading import Opened, Reader, Record, opened
from desk.picture import Where, in_words, picture
from desk.rates import TooOften
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
from procedure.who_may_see import hides_time, owed_seen
from starter.client import NoSuchCase

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
    found = await opened(request, person, reference)
    record, language, acts = found.seen, seen(request), found.acts()
    standing = found.sight.whole("standing")
    yours = {act.act: act for act in acts if act.open}
    owed_by_you = {act.act for act in acts if act.owed}
    beside = {other for act, other in OTHER_ANSWER.items() if act in owed_by_you}
    return page(
        request,
        "case.html.j2",
        record=record,
        case=record.case,
        shows={part for part, level in found.sight.parts.items() if level == "whole"},
        everything=found.sight.everything,
        picture=picture(where_of(record.case), language) if standing else None,
        in_words=in_words(where_of(record.case), language) if standing else None,
        holds=list(_holds(record, language)),
        owing=list(_owing(found, language)),
        acts=acts,
        yours=yours,
        asks=_asks(found.whole, person, language),
        other_answer=OTHER_ANSWER,
        further=list(_grouped(yours[name] for name in yours if name not in owed_by_you | beside)),
        barred=[(act, closed_by(act, language)) for act in acts if act.owed and not act.open],
        why_not=[(act, closed_by(act, language)) for act in acts if not act.owed and not act.open],
        approvals=APPROVALS,
        child=list(_child(record, language)),
        placement=_placement(record.case, language) if found.sight.whole("placement") else None,
        people=list(_people(record.case, language)) if found.sight.whole("people") else [],
        relatives=list(_relatives(found, language)) if found.sight.whole("relatives") else [],
        story=_story(record, language, before),
        renewed=language.moment(record.at) if "hx-request" in request.headers else None,
    )


@router.get("/cases/{reference}/entries/{n}")
async def entry(request: Request, person: Reader, reference: str, n: int) -> Response:
    """One entry of the record: what was said in it, and what came of it."""
    opening = await opened(request, person, reference)
    record, language = opening.seen, seen(request)
    found = record.find(n)
    if found is None:
        raise HTTPException(404)
    corrections = opening.whole.ledger.corrections_of(found) if found.kind != "refused" else []
    return page(
        request,
        "case_entry.html.j2",
        record=record,
        entry=found,
        line=_line(found, language),
        said=said_in(found, opening.whole, language),
        corrected_by=[each.n for each in corrections if record.find(each.n)],
        older=n - 1 if record.find(n - 1) else None,
        newer=n + 1 if record.find(n + 1) else None,
    )


async def may_hear(request: Request, person: Reader, reference: str) -> Person:
    """Somebody who sees the entries of this case, of a colleague's with the reason that was given in this session.

    Raises ReasonNeeded, and as the client of cases does where they see none.
    """
    sight = await sight_on(desk_of(request), person, reference)
    if not sight.any_of("record"):
        raise NoSuchCase(f"There is no case {reference}.")
    if sight.needs_reason:
        # When something is done in the case tells of it, so it is noted as any other reading of it.
        await opened(request, person, reference, part="record")
    return person


NEWS_AT_ONCE: Final = 10
"""Streams of news that one person has open, in however many windows: each asks the caseload every other second."""
LISTENING: Final = Counter[str]()
"""How many streams of news are open, by the id of who hears them."""


async def listening(person: Annotated[Person, Depends(may_hear)]) -> AsyncGenerator[Person]:
    """Somebody who opens one more stream of news, until it ends. Raises TooOften where they have enough of them."""
    if LISTENING[person.id] >= NEWS_AT_ONCE:
        raise TooOften(math.ceil(NEWS_LASTS))
    LISTENING[person.id] += 1
    try:
        yield person
    finally:
        LISTENING.subtract([person.id])
        if not LISTENING[person.id]:
            del LISTENING[person.id]


@router.get("/cases/{reference}/news", response_class=EventSourceResponse)
async def news(
    request: Request, person: Annotated[Person, Depends(listening)], reference: str, since: int = 0
) -> AsyncIterator[ServerSentEvent]:
    """Tells that there is something new after entry ``since``, and nothing of what it is."""
    caseload = desk_of(request).caseload
    known = request.headers.get("last-event-id", "")
    since = max(since, int(known)) if known.isascii() and known.isdecimal() and len(known) < 10 else since
    until = time.monotonic() + NEWS_LASTS
    while time.monotonic() < until and not desk_of(request).leaving.begun:
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
    mark: str
    """What tells it from the others on the page."""
    act: str
    called: str
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
    """The instrument that the number comes from, in English; None where no deadline runs, or the number is ours."""
    measure: str | None
    """Of a number of ours: what the instruments say without a number, in English."""
    remark: str | None
    """Of a number of ours: what else is to be said of it, in English."""
    about: str | None


def _owing(found: Opened, language: Language) -> Iterator[_Owing]:
    """Every owed act that one may know of, the earliest first, as :func:`procedure.owed.awaiting` has them."""
    record = found.whole
    case = record.case
    keys: dict[tuple[Any, ...], list[Owed]] = {}
    for each in owed(case, record.at):
        keys.setdefault(_same(each.act, each.role, each.state, each.about), []).append(each)
    for row in owed_seen(awaiting(case, record.at), found.sight):
        key = keys[_same(row["act"], row["role"], row["state"], row.get("about"))].pop(0).key
        yield _Owing(
            mark=_NOT_IN_MARKS.sub("-", f"owed-{row['act']}-{row['role']}-{row['state']}-{row.get('about')}-{key}"),
            act=row["act"],
            called=called(row["act"], row["deadline"], language),
            who=language.actor(row["role"], row["state"]),
            person=person_alone(case, row["role"], row["state"]) if found.sight.whole("people") else None,
            due=read_moment(row["due"]) if row["due"] else None,
            overdue=row["overdue"],
            escalations=row["escalations"],
            stands_still=row.get("stands_still", False),
            deadline=language.deadline(key) if key else None,
            counted=_counted(case, key, language) if key and not hides_time(row["act"], found.sight) else None,
            **number_from(rule_of(key).source if key else None),
            # The name of a visit's deadline says which visit.
            about=None if row["act"] == "record_visit" and key else _about(row, language),
        )


_NOT_IN_MARKS: Final = re.compile(r"[^a-zA-Z0-9_]+")


_OURS: Final = re.compile(r"ours|ours \((?P<measure>.+)\)|ours; (?P<remark>.+)|(?P<measured>.+); [^;]+ is ours")


def number_from(source: str | None) -> dict[str, str | None]:
    """Where the number of a deadline comes from. Some are ours, and only give a measure to a word of an instrument."""
    ours = _OURS.fullmatch(source or "")
    if ours is None:
        return {"source": source, "measure": None, "remark": None}
    return {"source": None, "measure": ours["measure"] or ours["measured"], "remark": ours["remark"]}


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


def _asks(record: Record, person: Person, language: Language) -> dict[str, str]:
    """By act what this person's role owes: what is asked."""
    found: dict[str, str] = {}
    for row in awaiting(record.case, record.at):
        if (row["role"], row["state"]) == (person.role, person.state):
            found.setdefault(row["act"], called(row["act"], row["deadline"], language))
    return found


GROUPS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    (
        N_("Identification and care"),
        (
            *("verify_identity", "assess_age", "screen_protection", "place_child", "confirm_services"),
            *("report_detention", "confirm_release", "report_missing", "report_found"),
        ),
    ),
    (N_("Guardianship"), ("appoint_guardian", "replace_guardian", "appoint_counsel")),
    (N_("Family tracing"), ("open_tracing", "report_tracing", "assess_family", "guarantee_care")),
    (
        N_("Best interests"),
        (
            *("hear_child", "submit_assessment", "determine_best_interests", "reopen_best_interests"),
            *("appeal", "decide_appeal"),
        ),
    ),
    (
        N_("Return decision"),
        (
            *("give_consent", "withdraw_consent", "adopt_reintegration_plan", "assess_rights_impact"),
            *("approve_return", "decline_return"),
        ),
    ),
    (N_("Travel"), ("certify_fit_to_travel", "plan_travel", "approve_travel", "depart", "report_incident", "arrive")),
    (N_("Reintegration"), ("record_visit",)),
    (N_("Other endings"), ("grant_stay", "arrange_third_country", "transfer_to_adult_services", "close_case")),
    (
        N_("At any stage"),
        (
            *("lodge_asylum_claim", "resolve_asylum_claim", "suspend", "resume", "complain", "answer_complaint"),
            *("assign", "extend_deadline", "correct", "note"),
        ),
    ),
)
"""Every act, in the groups and the order of the contract's table."""


def _grouped(acts: Iterable[OpenAct]) -> Iterator[tuple[str, list[OpenAct]]]:
    """Acts under the headings of their groups, groups with none of them left out."""
    by_name = {act.act: act for act in acts}
    for heading, names in GROUPS:
        if found := [by_name[name] for name in names if name in by_name]:
            yield heading, found


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
    child: Mapping[str, Any] = intake.get("child", {})
    if "given_names" in child:
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
    if "sex" in child:
        yield _field(language, "child.sex"), capitalised(language.term("sex", child["sex"]))
        states = [language.state(code) for code in child["nationalities"]]
        yield _field(language, "child.nationalities"), language.listed(states) if states else say(N_("None known"))
        spoken = [language.language(code) for code in child["languages"]]
        yield _field(language, "child.languages"), language.listed(spoken)
    if case.situation:
        yield _field(language, "situation"), capitalised(language.term("situation", case.situation))
    if found := intake.get("found"):
        yield (
            say(N_("Found")),
            ", ".join(
                (
                    language.date(datetime.fromisoformat(found["on"])),
                    found["place"],
                    language.term("found_by", found["by"]),
                )
            ),
        )
    if concerns := intake.get("concerns"):
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


def _relatives(found: Opened, language: Language) -> Iterator[tuple[str, str]]:
    case = found.seen.case
    for id, relative in case.relatives.items():
        who = f"{capitalised(relative.relationship)}, {language.state(relative.state)} ({id})"
        yield who, _assessed(case, id, language) if found.sight.whole("family") else _reached(found.seen, id)


def _assessed(case: Case, relative: str, language: Language) -> str:
    found = case.family.get(relative)
    if found is None:
        return language.gettext(N_("Not assessed yet"))
    if found.good:
        return language.gettext(N_("Willing, able and safe"))
    said = language.gettext(N_("Willing: {willing}. Able: {able}. Safe: {safe}."))
    return said.format(**{name: language.answer(getattr(found, name)) for name in ("willing", "able", "safe")})


def _reached(record: Record, relative: str) -> str:
    """Name and contact as the intake has them, for whoever looks for the relatives or brings the child to them."""
    named = next((each for each in record.intake.get("relatives", ()) if each["id"] == relative), None)
    return ", ".join(filter(None, (named["name"], named.get("contact")))) if named else ""


# The story


@dataclass(frozen=True, slots=True)
class _Line:
    entry: Entry | Sealed
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
    entries = record.lines
    end = len(entries) if before is None else min(max(before - 1, 0), len(entries))
    begin = max(0, end - PAGE)
    lines = [_line(each, language) for each in reversed(entries[begin:end])]
    address = f"/cases/{record.case.reference}"
    newer = None
    if end < len(entries):
        newer = f"{address}#story" if end + PAGE >= len(entries) else f"{address}?before={end + PAGE + 1}#story"
    older = f"{address}?before={begin + 1}#story" if begin else None
    return _Story(lines, newer, older, len(entries))


def _line(entry: Line, language: Language) -> _Line:
    if isinstance(entry, Sealed):
        # Of it there is the number alone.
        return _Line(entry=entry, said="", further=[], refusals=[], alarm=False, has_words=False)
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
    given = cast("dict[str, Any]", said)
    if given.get("agreement") == record.case.agreement.id:
        given = {**given, "agreement": record.case.agreement.title}
    corrected = record.find(entry.facts["corrects"]) if "corrects" in entry.facts else None
    of = mending(corrected, record.ledger) if corrected and corrected.body else None
    return answers(given, language, case=record.case, mending=of)
