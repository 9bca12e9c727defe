"""Opening a case: questions over several pages, drafts to come back to, a file to upload, and a check before it counts.

A central authority opens a case, for the state that it acts for: that is the host. What is typed lies in a draft
(:mod:`desk.drafts`) until the case is open, and then nowhere at the desk.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import count
from typing import Annotated, Any, Final, cast

import pydantic_core
from fastapi import APIRouter, Depends, Request, Response
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from activities.agreements import BASE, AgreementShelf
from casefile.languages import Language, capitalised
from casefile.terms import N_
from desk.drafts import KEPT_FOR, Draft, Keeper, NoSuchDraft, TooManyDrafts, expires, keeper, new_key
from desk.forms import (
    INTAKE,
    Form,
    Option,
    answers,
    as_typed,
    changed,
    filled,
    form_for,
    posted,
    pressed,
    read,
    with_errors,
)
from desk.forms.errors import told
from desk.forms.typed import Typed, is_blank, rows
from desk.forms.words import label
from desk.frame import Desk, Pages, Person, Signed, checked_form, desk_of, flash, page, seen
from desk.security import typed
from procedure.agreement import Agreement, BelowTheFloor, MalformedAgreement
from procedure.entries import read_moment
from procedure.faults import Fault, MalformedIntake, as_answered
from procedure.intake import MAX_INTAKE_BYTES, REFERENCE, parse_intake
from procedure.proceedings import Proceedings
from starter.client import DuplicateCase, new_reference
from starter.endings import CannotGoOn
from starter.json_values import is_object

router = APIRouter(prefix="/open")

PAGES: Final = Pages(router, label=N_("Open a case"), path="/open", roles=frozenset({"central_authority"}))

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One page of questions: the fields of the intake that it asks for."""

    name: str
    title: str
    fields: tuple[str, ...]


STEPS: Final = (
    Step("states", N_("The two states"), ("origin_state",)),
    Step("agreement", N_("The agreement"), ("agreement",)),
    Step("found", N_("Who found the child, and where"), ("found",)),
    Step("child", N_("The child"), ("child",)),
    Step("situation", N_("Situation and concerns"), ("situation", "concerns")),
    Step("placement", N_("Where the child is now"), ("placement",)),
    Step("relatives", N_("Relatives"), ("relatives",)),
)
_BY_NAME: Final = {step.name: step for step in STEPS}
_STEP_OF: Final = {field: step for step in STEPS for field in step.fields}


def opener(person: Signed) -> Person:
    """Somebody who may open a case. Raises HTTPException 403 for others."""
    if person.role != "central_authority":
        raise HTTPException(403)
    return person


Opener = Annotated[Person, Depends(opener)]


# Drafts


def _cookie(desk: Desk) -> str:
    return "__Host-homeward-drafts" if desk.https else f"{desk.session_cookie}_drafts"


def _keeper(request: Request, person: Person) -> Keeper | None:
    return keeper(request.cookies.get(_cookie(desk_of(request))), person)


def _draft(request: Request, person: Person, id: str) -> tuple[Keeper, Draft]:
    """A draft of this person's at this browser. Raises HTTPException 404."""
    whose = _keeper(request, person)
    try:
        draft = desk_of(request).drafts.read(whose, id, desk_of(request).now())
    except NoSuchDraft:
        raise HTTPException(404) from None
    assert whose is not None
    return whose, draft


def _begun(request: Request, person: Person, holds: Fields, step: str) -> Response:
    """A new draft, and the way to one of its pages. The browser gets a key where it has none."""
    desk = desk_of(request)
    key = request.cookies.get(_cookie(desk))
    whose = keeper(key, person)
    if key is None or whose is None:
        key = new_key()
        whose = keeper(key, person)
    assert whose is not None
    try:
        draft = desk.drafts.begin(whose, holds, desk.now())
    except TooManyDrafts:
        return _start(request, person, 409, full=True)
    answer = RedirectResponse(f"/open/{draft.id}/{step}", 303)
    _give(answer, desk, key)
    return answer


def _give(answer: Response, desk: Desk, key: str) -> None:
    answer.set_cookie(
        _cookie(desk),
        key,
        max_age=int(KEPT_FOR.total_seconds()),
        path="/",
        secure=desk.https,
        httponly=True,
        samesite="strict",
    )


def _saved(request: Request, whose: Keeper, draft: Draft, holds: Fields) -> Draft:
    desk = desk_of(request)
    try:
        return desk.drafts.save(whose, draft, holds, desk.now())
    except TooManyDrafts:
        raise HTTPException(413) from None


def _keep_key(request: Request, answer: Response) -> Response:
    """The browser keeps its key as long as the draft lies here."""
    desk = desk_of(request)
    _give(answer, desk, request.cookies[_cookie(desk)])
    return answer


def _new(typed: Typed, **more: Any) -> Fields:
    return {"typed": typed, "reference": None, "drawn": False, "unanswered": False, "not_duplicate_of": None, **more}


# The beginning


@router.get("")
async def start(request: Request, person: Opener) -> Response:
    """Begin, go on with a draft, or upload a file."""
    return _start(request, person)


def _start(request: Request, person: Person, status: int = 200, *, full: bool = False) -> Response:
    desk = desk_of(request)
    drafts = [(draft, expires(draft)) for draft in desk.drafts.of(_keeper(request, person), desk.now())]
    return page(request, "opening_start.html.j2", status, errors=full, drafts=drafts, days=KEPT_FOR.days)


@router.post("")
async def begin(request: Request, person: Opener) -> Response:
    """A new draft with nothing in it."""
    await checked_form(request)
    return _begun(request, person, _new({}), STEPS[0].name)


@router.post("/{id}/drop")
async def drop(request: Request, person: Opener, id: str) -> Response:
    """Forget a draft."""
    await checked_form(request)
    whose, draft = _draft(request, person, id)
    desk_of(request).drafts.drop(whose, draft.id)
    flash(request, seen(request).gettext(N_("The draft is deleted.")))
    return RedirectResponse("/open", 303)


# A file


@router.get("/upload")
async def ask_for_file(request: Request, person: Opener) -> Response:
    """Which file."""
    return _upload_page(request, person)


@router.post("/upload")
async def upload(request: Request, person: Opener) -> Response:
    """An intake as JSON: every fault at its field, or a draft to be checked as if it had been typed."""
    form = await checked_form(request)
    said = seen(request)
    file = form.get("intake")
    if not isinstance(file, UploadFile) or not file.filename:
        return _wrong_file(request, person, said.gettext(N_("Choose a file.")))
    if file.size is None or file.size > MAX_INTAKE_BYTES:
        return _wrong_file(request, person, said.gettext(N_("The file is too large to be an intake.")))
    raw = await file.read()
    today = desk_of(request).now().date()
    faults: list[Fault] = []
    try:
        parse_intake(raw, today=today)
    except MalformedIntake as malformed:
        faults = malformed.faults
    given = _object(raw)
    if given is None:
        return _wrong_file(request, person, said.gettext(N_("This file is not an intake written as JSON.")))
    shown = as_answered(faults, _MOST_SHOWN) + _agreement_faults(given, today, said)
    lines = [_line(fault, said) for fault in shown]
    named = {each["path"].partition(".")[0] for each in faults}
    if "opened_by" not in named and not _is(person, given.get("opened_by")):
        lines.append(("opened_by", said.gettext(N_("Opened by")), said.gettext(_NOT_YOU)))
    if lines:
        return _upload_page(request, person, 422, faults=lines)
    more = {name: given.get(name) for name in ("reference", "not_duplicate_of")}
    return _begun(request, person, _new(posted(INTAKE, given), **more), "check")


_MOST_SHOWN: Final = 200
"""Faults of a file: nobody reads more of them, and a file can have tens of thousands."""
_NOT_YOU: Final = N_("This must be you: the identifier, the role and the state that you are signed in with.")


def _wrong_file(request: Request, person: Person, sentence: str) -> Response:
    return _upload_page(request, person, 422, missing=sentence)


def _upload_page(
    request: Request,
    person: Person,
    status: int = 200,
    *,
    faults: Sequence[tuple[str, str, str]] = (),
    missing: str | None = None,
) -> Response:
    return page(
        request,
        "opening_upload.html.j2",
        status,
        errors=status != 200,
        faults=faults,
        missing=missing,
        opened_by=json.dumps(person.as_actor(), ensure_ascii=False),
    )


def _object(raw: bytes) -> Fields | None:
    try:
        given = pydantic_core.from_json(raw)
    except ValueError:
        return None
    return cast("Fields", given) if isinstance(given, dict) else None


def _is(person: Person, opened_by: Any) -> bool:
    if not is_object(opened_by):
        return False
    return [opened_by.get(name) for name in ("id", "role", "state")] == [person.id, person.role, person.state]


def _line(fault: Fault, said: Language) -> tuple[str, str, str]:
    """A fault's path, the name of its field, and a sentence."""
    path = fault["path"]
    plain = ".".join(part for part in path.split(".") if not part.isdecimal())
    if plain == "$":
        called = said.gettext(N_("The whole file"))
    elif plain.partition(".")[0] == "opened_by":
        called = said.gettext(N_("Opened by"))
    else:
        called = label(said, INTAKE, plain)
    return path, called, told(said, fault["message"])


# Questions


@router.get("/{id}/check")
async def check(request: Request, person: Opener, id: str) -> Response:
    """Everything that was answered, and what follows from it."""
    _, draft = _draft(request, person, id)
    return _check(request, person, draft)


@router.get("/{id}/{step}")
async def ask(request: Request, person: Opener, id: str, step: str) -> Response:
    """One page of questions, filled in as far as it was."""
    _, draft = _draft(request, person, id)
    return _step_page(request, person, draft, _step(step))


@router.post("/{id}/check")
async def open_case(request: Request, person: Opener, id: str) -> Response:
    """Open the case."""
    form = await checked_form(request)
    whose, draft = _draft(request, person, id)
    named = form.get("running")
    if isinstance(named, str):
        if elsewhere := _elsewhere(form):
            named = "".join(named.split()).upper()
            if not REFERENCE.fullmatch(named):
                return _duplicate(request, draft, named, elsewhere=elsewhere, unanswered=True)
        match form.get("duplicate"):
            case "another":
                draft = _saved(request, whose, draft, {**draft.holds, "not_duplicate_of": named})
            case "same":
                return RedirectResponse(f"/cases/{named}" if REFERENCE.fullmatch(named) else "/open", 303)
            case _:
                return _duplicate(request, draft, named, unanswered=True)
    if _faults(draft, person, desk_of(request).now().date(), seen(request)):
        return _check(request, person, draft, status=422)
    return await _opened(request, person, whose, draft)


@router.post("/{id}/{step}")
async def answer(request: Request, person: Opener, id: str, step: str) -> Response:
    """Keep what was answered on one page, and go on."""
    form = await checked_form(request)
    whose, draft = _draft(request, person, id)
    at = _step(step)
    change = pressed(form)
    typed = changed(form, change) if change else _with_signs(_without_bare_signs(as_typed(form)))
    draft = _saved(request, whose, draft, {**draft.holds, "typed": _merged(draft, at, typed)})
    if change:
        return _keep_key(request, _step_page(request, person, draft, at, again=form))
    if form.get("later"):
        said = seen(request)
        flash(request, said.filled(said.gettext(N_("The draft is kept until {date}.")), date=said.date(expires(draft))))
        return _keep_key(request, RedirectResponse("/open", 303))
    faults = _faults(draft, person, desk_of(request).now().date(), seen(request))
    if _form(request, person, draft, at, faults).errors:
        return _keep_key(request, _step_page(request, person, draft, at, faults=faults, again=form))
    following = "check" if form.get("then") == "check" and at.name != "states" else _after(at)
    return _keep_key(request, RedirectResponse(f"/open/{draft.id}/{following}", 303))


def _step(name: str) -> Step:
    if name not in _BY_NAME:
        raise HTTPException(404)
    return _BY_NAME[name]


def _after(step: Step) -> str:
    at = STEPS.index(step) + 1
    return STEPS[at].name if at < len(STEPS) else "check"


def _merged(draft: Draft, step: Step, typed: Typed) -> Typed:
    """What was typed before on the other pages, and now on this one."""

    def on_it(name: str) -> bool:
        return name.partition(".")[0] in step.fields

    before: Typed = draft.holds["typed"]
    kept = {name: texts for name, texts in before.items() if not on_it(name)}
    return {**kept, **{name: texts for name, texts in typed.items() if on_it(name)}}


def _with_signs(typed: Typed) -> Typed:
    """The same with a sign for each relative who has none: r1, r2 and so on. Other records name the relative by it."""
    signs = {row: "".join(typed.get(f"{row}.id", ())).strip() for row in rows("relatives", typed)}
    free = (sign for sign in map("r{}".format, count(1)) if sign not in signs.values())
    return {**typed, **{f"{row}.id": [next(free)] for row, sign in signs.items() if not sign}}


def _without_bare_signs(typed: Typed) -> Typed:
    """The same without the rows in which nothing stands but a sign that stood ready: they tell of nobody."""
    bare = tuple(
        f"{row}."
        for row in rows("relatives", typed)
        if is_blank(row, {name: texts for name, texts in typed.items() if name != f"{row}.id"})
    )
    return {name: texts for name, texts in typed.items() if not name.startswith(bare)}


def _form(request: Request, person: Person, draft: Draft, step: Step, faults: Sequence[Fault] = ()) -> Form:
    choices: dict[str, list[Option]] = {}
    if step.name == "agreement":
        offered, _ = agreements_between(person.state, _origin(draft), desk_of(request).now().date(), seen(request))
        choices["agreement"] = offered
    # The state of origin is asked for among all others; on the pages after it both states stand first.
    between = () if step.name == "states" else tuple(filter(None, (person.state, _origin(draft))))
    form = form_for(INTAKE, seen(request), only=step.fields, choices=choices, between=between)
    typed: Typed = {
        name: texts for name, texts in draft.holds["typed"].items() if name.partition(".")[0] in step.fields
    }
    if step.name == "relatives":
        typed = _with_signs(typed or {"relatives.0.id": [""]})
    if faults:
        return with_errors(form, typed, faults)
    return filled(form, typed) if typed else form


def _origin(draft: Draft) -> str:
    return next(iter(draft.holds["typed"].get("origin_state", [])), "")


def _step_page(
    request: Request,
    person: Person,
    draft: Draft,
    step: Step,
    *,
    faults: Sequence[Fault] = (),
    again: FormData | None = None,
) -> Response:
    form = _form(request, person, draft, step, faults)
    if step.name == "agreement" and not _origin(draft):
        return RedirectResponse(f"/open/{draft.id}/states", 303)
    offered, refused = (
        agreements_between(person.state, _origin(draft), desk_of(request).now().date(), seen(request))
        if step.name == "agreement"
        else ([], [])
    )
    number = STEPS.index(step)
    then = (again or request.query_params).get("then")
    return page(
        request,
        "opening_step.html.j2",
        422 if form.errors else 200,
        errors=form.errors,
        form=form,
        draft=draft,
        step=step,
        number=number + 1,
        of=len(STEPS),
        before=f"/open/{draft.id}/{'check' if then == 'check' else STEPS[number - 1].name}"
        if number or then == "check"
        else "/open",
        then="check" if then == "check" else None,
        origin=_origin(draft),
        none_offered=step.name == "agreement" and not offered,
        not_offered=refused,
        action=f"/open/{draft.id}/{step.name}",
    )


# The agreement


@dataclass(frozen=True, slots=True)
class NotOffered:
    """An agreement that a case between these states cannot be opened under, and why."""

    id: str
    title: str
    why: str
    breaches: tuple[str, ...] = ()
    """In English: the clauses that would loosen the floor."""


def agreements_between(host: str, origin: str, on: date, said: Language) -> tuple[list[Option], list[NotOffered]]:
    """The agreements on the shelf that are in force between two states on a day, and of the others why not.

    The model stands first.
    """
    shelf = AgreementShelf()
    offered: list[Option] = []
    refused: list[NotOffered] = []
    for id in sorted(shelf.ids(), key=lambda each: (each != BASE, each)):
        try:
            found = shelf.get(id)
        except BelowTheFloor as below:
            why = said.gettext(N_("It would allow less than the safeguards demand."))
            refused.append(NotOffered(id, id, why, tuple(breach.sentence() for breach in below.breaches)))
        except MalformedAgreement:
            refused.append(NotOffered(id, id, said.gettext(N_("It is not written as agreements have to be."))))
        else:
            if why := _why_not(found, host, origin, on, said):
                refused.append(NotOffered(id, found.title, why))
            else:
                since = said.gettext(N_("Version {version}, in force since {date}"))
                since = since.format(version=found.version, date=said.date(found.in_force_from))
                offered.append(Option(id, found.title, f"{_made_for(found, origin, said)} {since}"))
    return offered, refused


def _made_for(found: Agreement, origin: str, said: Language) -> str:
    """When to take an agreement: for which states it was made, and what it says of which of them."""
    states = said.listed([said.state(each) for each in found.states])
    if found.id == BASE:
        return said.gettext(N_("For every case to which no other agreement applies. It also completes the others."))
    if found.side == "host":
        return said.gettext(N_("Take it if the host state is bound by it: it says what the host state has to do."))
    if found.side == "origin" and states and origin not in found.states:
        of = said.gettext(N_("Made for {states} as the state of origin, which it is not in this case."))
        return of.format(states=states)
    if found.side == "origin":
        return said.gettext(N_("Take it if the state of origin is bound by it: it says what that state has to do."))
    if states:
        return said.gettext(N_("Made between these states: {states}.")).format(states=states)
    return said.gettext(N_("Made for any two states; it says what both have to do."))


def _why_not(found: Agreement, host: str, origin: str, on: date, said: Language) -> str | None:
    if host == origin or not found.covers(host, origin):
        states = said.listed([said.state(each) for each in found.states])
        return said.gettext(N_("It is not between these two states. It binds: {states}.")).format(states=states)
    if not found.in_force(on):
        until = found.in_force_until
        if until is not None and until < on:
            return said.filled(said.gettext(N_("It was in force until {date}.")), date=said.date(until))
        return said.filled(said.gettext(N_("It is in force from {date} on.")), date=said.date(found.in_force_from))
    return None


def _agreement(id: Any) -> Agreement | None:
    shelf = AgreementShelf()
    try:
        return shelf.get(id) if id in shelf.ids() else None
    except (BelowTheFloor, MalformedAgreement):
        return None


def _agreement_faults(given: Mapping[str, Any], on: date, said: Language) -> list[Fault]:
    """What the case would be refused for when its agreement is looked at, in words for whoever typed it."""
    id, host, origin = (given.get(name) for name in ("agreement", "host_state", "origin_state"))
    if not isinstance(id, str) or not isinstance(host, str) or not isinstance(origin, str):
        return []
    found = _agreement(id)
    if found is None:
        why = said.gettext(N_("There is no such agreement, or it would allow less than the safeguards demand."))
    elif host != origin and not (found.covers(host, origin) and found.in_force(on)):
        why = said.gettext(N_("This agreement is not in force between these two states."))
    else:
        return []
    return [Fault(path="agreement", message=why)]


# Checking and opening


def _intake(draft: Draft, person: Person) -> Fields:
    """The intake that the answers make."""
    more = {name: draft.holds[name] for name in ("reference", "not_duplicate_of") if draft.holds[name]}
    said = read(INTAKE, draft.holds["typed"])
    return {**said, "host_state": person.state, "opened_by": person.as_actor(), **more}


def _faults(draft: Draft, person: Person, today: date, said: Language) -> list[Fault]:
    intake = _intake(draft, person)
    faults = _agreement_faults(intake, today, said)
    try:
        parse_intake(intake, today=today)
    except MalformedIntake as malformed:
        faults += malformed.faults
    return faults


def _check(
    request: Request, person: Person, draft: Draft, *, status: int = 200, further: Sequence[Fault] = ()
) -> Response:
    said, desk = seen(request), desk_of(request)
    intake = _intake(draft, person)
    faults = [*_faults(draft, person, desk.now().date(), said), *further]
    sections = [(step, answers(intake, said, only=step.fields)) for step in STEPS]
    return page(
        request,
        "opening_check.html.j2",
        status,
        errors=status != 200,
        draft=draft,
        sections=sections,
        host=person.state,
        agreement=getattr(_agreement(intake.get("agreement")), "title", None),
        faults=[(_step_of(fault), *_line(fault, said)[1:]) for fault in faults],
        follows=None if faults else _follows(intake, desk, said),
        not_duplicate_of=draft.holds["not_duplicate_of"],
        reference=None if draft.holds["drawn"] else draft.holds["reference"],
    )


def _step_of(fault: Fault) -> str:
    return _STEP_OF.get(fault["path"].partition(".")[0], STEPS[0]).name


def _follows(intake: Fields, desk: Desk, said: Language) -> Fields:
    """What the law makes of it: who owes what by when, and whether the place counts as detention."""
    at = desk.now()
    agreement = _agreement(intake["agreement"])
    assert agreement is not None
    reference = intake.get("reference") or f"{intake['host_state']}-{intake['origin_state']}-{at.year}-000000"
    # Only to look: nothing of it is kept, and the case itself draws other numbers.
    opened = Proceedings.open_case(
        parse_intake(intake, today=at.date()), agreement, reference=reference, at=at, seed=b"to look at"
    )
    view = opened.view(at)
    return {
        "owed": [
            (
                capitalised(said.term("act", row["act"])),
                f"{said.term('role', row['role'])}, {said.state(row['state'])}",
                said.moment(read_moment(row["due"])) if row["due"] else "–",
            )
            for row in view["awaiting"]
        ],
        "holds": [capitalised(said.term("hold", each)) for each in view["holds"]],
    }


async def _opened(request: Request, person: Person, whose: Keeper, draft: Draft) -> Response:
    desk = desk_of(request)
    today = desk.now().date()
    begins = f"{person.state}-{_origin(draft)}-"
    if not draft.holds["reference"] or (draft.holds["drawn"] and not draft.holds["reference"].startswith(begins)):
        drawn = new_reference(person.state, _origin(draft), today.year)
        # Kept before it is used: the same form sent again asks for the same case, and never for a second one.
        draft = _saved(request, whose, draft, {**draft.holds, "reference": drawn, "drawn": True})
    try:
        reference = await desk.cases.open(_intake(draft, person), today=today)
    except DuplicateCase as duplicate:
        ours = draft.holds["drawn"] or draft.holds["unanswered"]
        if duplicate.reference != draft.holds["reference"] or not ours:
            return _duplicate(request, draft, duplicate.reference, elsewhere=duplicate.host_state)
        reference = duplicate.reference  # it was opened when it was sent before, and the answer was lost
    except MalformedIntake as malformed:
        return _check(request, person, draft, status=422, further=malformed.faults)
    except CannotGoOn:
        _saved(request, whose, draft, {**draft.holds, "unanswered": True})
        raise
    desk.drafts.drop(whose, draft.id)
    flash(request, seen(request).gettext(N_("The case is open.")))
    return RedirectResponse(f"/cases/{reference}", 303)


def _elsewhere(form: FormData) -> str | None:
    """The state that hosts the other case, where its reference was not told."""
    given = typed(form, "elsewhere")
    return given if re.fullmatch("[A-Z]{2}", given) else None


def _duplicate(
    request: Request, draft: Draft, running: str, *, elsewhere: str | None = None, unanswered: bool = False
) -> Response:
    """``elsewhere``: the state that hosts the other case, where its reference is not for this one."""
    return page(
        request,
        "opening_duplicate.html.j2",
        422 if unanswered else 409,
        errors=unanswered,
        draft=draft,
        running=running,
        elsewhere=elsewhere,
        taken=draft.holds["reference"] == running,
    )
