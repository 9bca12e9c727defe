"""Recording an act: its form, the answers checked with what follows from them, and what the case answered."""

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from casefile import story
from casefile.languages import N_, Language, capitalised
from desk.door import sight_on
from desk.forms import (
    Form,
    Mending,
    Typed,
    answers,
    changed,
    correctable,
    faults_of_correction,
    filled,
    form_for,
    mending,
    pressed,
    read,
    with_errors,
)
from desk.frame import FormData, Pages, Person, Signed, checked_form, desk_of, flash, page, seen
from desk.pages.case import APPROVALS, Why, closed_by, said_in, whys
from desk.pages.inbox import NO_SUCH_REFERENCE, as_reference
from desk.pages.reading import FIREWALLED, Opened, Reader, Record, opened
from desk.security import typed
from desk.sessions import IDLE, Clock, visit_of
from procedure.acts import ACTS, DECISIONS, Act, parse_act
from procedure.case import Case
from procedure.entries import Entry
from procedure.faults import Fault, Malformed, MalformedAct
from procedure.folding import IMMATERIAL
from procedure.ledger import Ledger
from procedure.open_acts import OpenAct
from procedure.proceedings import Proceedings
from procedure.signing import UNSIGNED, Standing
from procedure.vocabulary import Hold
from procedure.who_may import ANY, HOST, ORIGIN, RELATIVES_STATE, whose
from procedure.who_may_see import ALARMS, Sight, holds_seen, receipt_seen, refusals_seen, shown
from starter.client import NoSuchCase

router = APIRouter()
PAGES: Final = Pages(router)


# What follows


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What an act would bring about now. ``refused`` is empty where it would be accepted."""

    refused: list[Why]
    stage: tuple[str, str] | None
    """The stage before and after, where it changes."""
    holds_set: list[str]
    holds_lifted: list[str]
    voided: list[tuple[int, str]]
    """Entries that lose their force: the number, and what they tell."""
    deadlines: list[str]
    further: list[str]
    """What else becomes of the case, a sentence each."""


def foresee(
    record: Record, act: Act, language: Language, sight: Sight | None = None, *, signs: bool = True
) -> Foreseen:
    """Hear an act on a copy of the case, by the law alone; nothing is recorded, and the copy is thrown away.

    ``sight``: who asks; of what would refuse it and of what follows that is told which they may read. ``signs``:
    whether it will be signed when it is sent.
    """
    copy = Proceedings(record.case, Ledger(record.entries), _NO_SEED)
    # What has come due by now is no consequence of the act.
    copy.let_time_pass(record.at)
    before, n = copy.case, copy.case.n
    standing = Standing() if signs else UNSIGNED
    receipt = copy.hear(act, record.at, standing if record.case.signed else None)
    entries = copy.since(n)
    holds_set: list[Hold] = [hold for hold in copy.case.holds if hold not in before.holds]
    holds_lifted: list[Hold] = [hold for hold in before.holds if hold not in copy.case.holds]
    refusals: Sequence[Mapping[str, Any]] = receipt["refusals"]
    stage = (before.stage, copy.case.stage) if before.stage != copy.case.stage else None
    voids = sorted({n for entry in entries for n in entry.facts.get("voids", ())})
    voided = [entry for n in voids if (entry := record.find(n))]
    if sight is not None:
        entries = [entry for entry in entries if shown(entry, sight) != "place"]
        holds_set, holds_lifted = list(holds_seen(holds_set, sight)), list(holds_seen(holds_lifted, sight))
        refusals = refusals_seen(refusals, sight)
        stage = stage if sight.whole("standing") else None
        voided = [entry for entry in voided if shown(entry, sight) != "place"]
    return Foreseen(
        refused=whys(refusals, language),
        stage=stage,
        holds_set=[*holds_set],
        holds_lifted=[*holds_lifted],
        voided=[(entry.n, story.sentence(entry, language)) for entry in voided],
        deadlines=[each for entry in entries for each in _deadlines(entry, language)],
        further=[
            *(each for entry in entries for each in _turns(entry, language)),
            *(each for entry in entries for each in _to_come(entry, language)),
        ],
    )


_NO_SEED: Final = bytes(32)


def _to_come(entry: Entry, language: Language) -> Iterator[str]:
    """An entry that would follow, told as what will be; nothing of those that are told in another way."""
    facts, say = entry.facts, language.gettext
    match entry.kind:
        case "closed":
            said = say(N_("The case will be closed: {outcome}."))
            yield language.filled(said, outcome=language.term("outcome", facts["outcome"]))
        case "detention":
            because = "; ".join(language.clause(each) for each in facts["because"])
            yield language.filled(say(N_("The child will count as detained: {because}.")), because=because)
        case "turned_18":
            yield say(N_("The child will count as eighteen years old."))
        case "escalated" if "key" in facts:
            first = N_("The central authority will be told that this is still owed: {deadline}.")
            second = N_("The ombudsperson will be told that this is still owed: {deadline}.")
            said = say(first if facts["level"] == 1 else second)
            yield language.filled(said, deadline=language.deadline(facts["key"]))
        case "escalated":
            first = N_("The central authority will be told that the child was not handed over into care.")
            second = N_("The ombudsperson will be told that the child was not handed over into care.")
            yield say(first if facts["level"] == 1 else second)
        case _:
            pass


def _turns(entry: Entry, language: Language) -> list[str]:
    # What lost its force is told of each entry by name.
    facts = {name: value for name, value in entry.facts.items() if name != "voids"}
    return story.consequences(entry._replace(facts=facts), language, deadlines=False)


def _deadlines(entry: Entry, language: Language) -> list[str]:
    alone = entry._replace(facts={name: entry.facts[name] for name in ("deadlines",) if name in entry.facts})
    return story.consequences(alone, language)


# The form


@router.get("/cases/{reference}/acts/{act}")
async def ask(
    request: Request, person: Signed, reference: str, act: str, dossier: str = "", entry: int = 0, insist: bool = False
) -> Response:
    """The form of an act, or, where it is closed to whoever asks, why it is and what can be done instead.

    ``dossier``: of an approval the head that was on screen. ``entry``: of a correction the entry that it is about.
    ``insist``: the form all the same.
    """
    _must_be_an_act(person, act)
    if person.role == FIREWALLED:
        return page(request, "act_alarm.html.j2", reference=reference, form=form_for(act, seen(request)))
    found = await opened(request, person, reference, speaking=act)
    if act in APPROVALS and not dossier:
        # What is approved is what was on screen, and that is the case.
        return RedirectResponse(f"/cases/{reference}#yours", 303)
    asking = _Asking(request, found, act, dossier, insist=insist)
    if not asking.open and not insist:
        return asking.closed()
    if (moved := asking.moved_on()) is not None:
        return moved
    return asking.begun(entry or None)


@router.post("/cases/{reference}/acts/{act}")
async def record_act(request: Request, person: Signed, reference: str, act: str) -> Response:
    """What was typed: shown again where something is wrong with it, to be checked where it decides, recorded else."""
    _must_be_an_act(person, act)
    typed_in = await checked_form(request)
    if person.role == FIREWALLED:
        return await _alarm(request, person, reference, act, typed_in)
    async with desk_of(request).turns.of(person.id, reference):
        found = await opened(request, person, reference, speaking=act)
        asking = _Asking(request, found, act, typed(typed_in, "dossier"), insist=typed(typed_in, "insist") == "yes")
        return await asking.answer(typed_in)


def _must_be_an_act(person: Person, act: str) -> None:
    if act not in ACTS:
        raise HTTPException(404)
    if person.role == FIREWALLED and act not in ALARMS:
        raise HTTPException(403)


class _Asking:
    """One person asking for one act of one case."""

    def __init__(self, request: Request, found: Opened, act: str, dossier: str, *, insist: bool) -> None:
        self.request, self.person, self.act = request, found.person, act
        self.sight, self.record = found.sight, found.whole
        self.seen = found.seen
        """What may be shown. The whole record is asked by the law alone."""
        self.dossier, self.insist = dossier, insist
        self.language = seen(request)
        self.acts = found.acts()
        self.found: OpenAct | None = next((each for each in self.acts if each.act == act), None)

    @property
    def open(self) -> bool:
        return self.found is not None and self.found.open

    @property
    def reference(self) -> str:
        return self.record.case.reference

    # Forms

    def form(self, entry: int | None = None) -> Form:
        """The form as it is before anything is typed; of a correction, of its first step where no entry is named."""
        if self.act == "correct":
            about = self.mending(entry)
            return form_for(self.act, self.language, case=self.seen.case, entries=self._correctable(), mending=about)
        choices: dict[str, Any] = {}
        closed: dict[str, Any] = {}
        if self.found and self.found.open and self.found.turns_on and not self.insist:
            choices = dict(self.found.choices)
            closed = {self.found.turns_on: self.found.as_json()["closed_choices"]}
        return form_for(
            self.act,
            self.language,
            case=self.seen.case,
            choices=choices,
            closed_choices=closed,
            by=self.person.role,
        )

    def mending(self, entry: int | None) -> Mending | None:
        """The entry that a correction is about, where it is one that this person may correct."""
        found = next((each for each in self._correctable() if each.n == entry), None)
        return mending(found, self.record.ledger) if found else None

    def _correctable(self) -> list[Entry]:
        """The entries that this person may correct, as far as they see what stands in them."""
        entries = correctable(self.record.entries, self.record.case, self.person.role, self.person.state)
        return [each for each in entries if shown(each, self.sight) == "whole"]

    def shown(self, form: Form, status: int = 200) -> Response:
        return self._page(
            "act.html.j2",
            status,
            form=form,
            errors=form.errors,
            choosing=self.act == "correct" and not any(field.name == "reason" for field in form.fields),
        )

    def _read_up_to(self) -> Entry | None:
        """Of an approval the newest entry of what it binds."""
        n = self.record.ledger.number_of(self.dossier) if self.act in APPROVALS else None
        return self.seen.find(n) if n else None

    def closed(self) -> Response:
        reasons = closed_by(self.found, self.language) if self.found else []
        ways = instead(reasons, self.acts, self.language)
        theirs = list(_theirs(self.record.case, self.act, self.language)) if self.found is None else []
        return self._page("act_closed.html.j2", why=reasons, never=self.found is None, theirs=theirs, instead=ways)

    def begun(self, entry: int | None) -> Response:
        """The form as it is before anything is typed, or with what was typed when the case moved on."""
        form, kept = self.form(entry), unsent(self.request).get(self._unsent_as)
        return self.shown(filled(form, kept) if kept else form)

    def moved_on(self) -> Response | None:
        """Of an approval: what changed since the case was on screen, where something did that has to be read."""
        if self.act not in APPROVALS or self.insist:
            return None
        since = self.record.after(self.dossier)
        if since is None:
            # No dossier of this case: there is nothing that was read.
            return RedirectResponse(f"/cases/{self.reference}#yours", 303)
        if self.sight.everything:
            return self._moved(since) if any(_is_material(each) for each in since) else None
        # To whom not all is shown, a note and what is not shown must look alike.
        return self._moved([each for each in since if self.seen.find(each.n)]) if since else None

    def _moved_on_meanwhile(self, form: Form, typed_in: FormData) -> Response | None:
        """The way to what changed, what was typed being kept. A page of its own: one can go on from it and come back."""
        if self.moved_on() is None:
            return None
        kept: Typed = {}
        for name, text in filled(form, typed_in).carried:
            kept.setdefault(name, []).append(text)
        unsent(self.request).keep(self._unsent_as, kept)
        asked = urlencode({"dossier": self.dossier})
        return RedirectResponse(f"/cases/{self.reference}/acts/{self.act}?{asked}", 303)

    @property
    def _unsent_as(self) -> tuple[str, str, str]:
        return visit_of(self.request).needed().id, self.reference, self.act

    def _moved(self, since: Sequence[Entry]) -> Response:
        told: list[tuple[Entry, str, bool, list[tuple[str, str]]]] = []
        for entry in since:
            material = _is_material(entry)
            said = said_in(entry, self.seen, self.language) if material else []
            told.append((entry, story.sentence(entry, self.language), material, said))
        kept = unsent(self.request).get(self._unsent_as) is not None
        return self._page("act_moved_on.html.j2", since=told, kept=kept)

    # What was typed

    async def answer(self, typed_in: FormData) -> Response:
        entry = typed(typed_in, "entry")
        form = self.form(int(entry) if entry.isascii() and entry.isdecimal() and len(entry) < 10 else None)
        if (change := pressed(typed_in)) is not None:
            return self.shown(filled(form, changed(typed_in, change)))
        if self.act == "correct" and (first := self._entry_chosen(typed_in, form)) is not None:
            return first
        if typed(typed_in, "step") == "back":
            return self.shown(filled(form, typed_in))
        given = {
            "act": self.act,
            # The same form sent again after a failure is the same act.
            "act_id": typed(typed_in, "once"),
            "actor": self.person.as_actor(),
            **read(self.act, typed_in),
            **({"dossier": self.dossier} if self.act in APPROVALS else {}),
        }
        faults: list[Fault] = []
        act: Act | None = None
        try:
            act = parse_act(given)
        except Malformed as malformed:
            faults += malformed.faults
        if about := form.asking.mending:
            known = {fault["path"] for fault in faults}
            faults += [each for each in faults_of_correction(typed_in, about) if each["path"] not in known]
        if faults or act is None:
            return self.shown(with_errors(form, typed_in, faults), 422)
        if (moved := self._moved_on_meanwhile(form, typed_in)) is not None:
            return moved
        if typed(typed_in, "step") != "checked":
            told = None if self.sight.what_follows else self.sight
            foreseen = foresee(self.record, act, self.language, told, signs=desk_of(self.request).cases.signs)
            if self.act in DECISIONS or foreseen.refused:
                return self.check(filled(form, typed_in), given, foreseen)
        return await self.record_it(form, typed_in, given)

    def _entry_chosen(self, typed_in: FormData, form: Form) -> Response | None:
        """The second step of a correction, after the first; the first again where nothing was chosen."""
        if form.asking.mending is None:
            missing = Fault(path="entry", message="this field is needed")
            return self.shown(with_errors(form, typed_in, [missing]), 422)
        # The first step asks for the entry alone.
        return self.shown(form) if "of" not in typed_in else None

    def check(self, form: Form, given: Mapping[str, Any], foreseen: Foreseen) -> Response:
        mended, by = form.asking.mending, self.person.role
        said = answers(given, self.language, case=self.seen.case, mending=mended, by=by)
        return self._page(
            "check.html.j2",
            form=form,
            said=said,
            foreseen=foreseen,
            instead=instead(foreseen.refused, self.acts, self.language),
        )

    async def record_it(self, form: Form, typed_in: FormData, given: Mapping[str, Any]) -> Response:
        try:
            receipt = await desk_of(self.request).cases.record(self.reference, given)
        except MalformedAct as malformed:
            return self.shown(with_errors(form, typed_in, malformed.faults), 422)
        if receipt["result"] == "accepted":
            unsent(self.request).forget(self._unsent_as)
            said = self.language.gettext(N_("Recorded as entry {number}: {act}."))
            flash(self.request, said.format(number=receipt["entry"], act=self.language.term("act", self.act)))
            sight = await sight_on(desk_of(self.request), self.person, self.reference)
            return RedirectResponse("/" if sight.nothing else f"/cases/{self.reference}", 303)
        refusals = receipt_seen(receipt, self.sight)["refusals"]
        if receipt["entry"] > self.record.entries[-1].n and not self.sight.what_follows:
            # Its entry is not for them, so this is where they are told of it.
            return self.refusal(whys(refusals, self.language), entry=None, n=receipt["entry"], status=409)
        if receipt["entry"] <= self.record.entries[-1].n:
            # The case has ended for good: nothing is written any more, so this is all that will ever be said of it.
            refused = whys(refusals, self.language)
            return self.refusal(refused, entry=None, status=409)
        return RedirectResponse(f"/cases/{self.reference}/refusals/{receipt['entry']}", 303)

    def refusal(self, refused: list[Why], *, entry: Entry | None, n: int | None = None, status: int = 200) -> Response:
        """``n``: the number of the refusal, where its entry is not shown."""
        return self._page(
            "refusal.html.j2",
            status,
            refused=refused,
            n=entry.n if entry else n,
            # More stood against it than is told here, or nothing is told at all.
            untold=not self.sight.what_follows,
            # An approval is given again from the case alone: what it binds has to be read first.
            again=self.open and self.act not in APPROVALS,
            instead=instead(refused, self.acts, self.language),
        )

    def _page(self, template: str, status: int = 200, **context: Any) -> Response:
        offered = [act for act in self.acts if act.open and act.act != self.act]
        return page(
            self.request,
            template,
            status,
            record=self.seen,
            case=self.seen.case,
            nothing=self.sight.nothing,
            act=self.act,
            dossier=self.dossier,
            insist=self.insist,
            decides=self.act in DECISIONS,
            unsigned=self.record.case.signed and not desk_of(self.request).cases.signs,
            offered=offered,
            approvals=APPROVALS,
            read_up_to=self._read_up_to(),
            **context,
        )


def _theirs(case: Case, act: str, language: Language) -> Iterator[str]:
    """Who may ever do an act: the roles, with their states. Of relatives and of the child it is not told where they are."""
    host, origin = language.state(case.host_state), language.state(case.origin_state)
    both = language.gettext(N_("{one} or {other}")).format(one=host, other=origin)
    places = {
        ANY: language.gettext(N_("any state")),
        RELATIVES_STATE: language.gettext(N_("the state where the relative lives")),
        HOST: host,
        ORIGIN: origin,
    }
    for where, roles in whose(case, act).items():
        who = capitalised(language.listed([language.term("role", role) for role in roles]))
        yield f"{who} ({places.get(where, both)})"


# What was typed for an approval that was not sent


class Unsent:
    """What was typed for an approval while the case moved on, until it is recorded: in memory, for this session alone.

    Forgotten after :data:`IDLE`, as the session itself is where nobody uses it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: OrderedDict[tuple[str, str, str], tuple[datetime, Typed]] = OrderedDict()

    def keep(self, key: tuple[str, str, str], typed_in: Typed) -> None:
        self.forget(key)
        self._kept[key] = self._clock(), typed_in
        while len(self._kept) > _UNSENT_AT_MOST:
            self._kept.popitem(last=False)

    def get(self, key: tuple[str, str, str]) -> Typed | None:
        self._forget_old()
        _, typed_in = self._kept.get(key, (None, None))
        return typed_in

    def forget(self, key: tuple[str, str, str]) -> None:
        self._kept.pop(key, None)

    def _forget_old(self) -> None:
        over = self._clock() - IDLE
        while self._kept and next(iter(self._kept.values()))[0] <= over:
            self._kept.popitem(last=False)


_UNSENT_AT_MOST: Final = 1_000


def unsent(request: Request) -> Unsent:
    """What this desk keeps of approvals that were not sent."""
    state = request.app.state
    if not hasattr(state, "unsent"):
        state.unsent = Unsent(desk_of(request).now)
    found: Unsent = state.unsent
    return found


def _is_material(entry: Entry) -> bool:
    """Whether an approver must have read it."""
    return entry.kind == "accepted" and entry.act not in IMMATERIAL


# Refusals


@router.get("/cases/{reference}/refusals/{n}")
async def refusal(request: Request, person: Reader, reference: str, n: int) -> Response:
    """A refusal as it stands in the record: what, why, by which source, and what can be done instead."""
    found = await opened(request, person, reference)
    entry = found.seen.find(n)
    if entry is None or entry.kind != "refused":
        raise HTTPException(404)
    asking = _Asking(request, found, entry.act or "", "", insist=False)
    told = [
        Why(each.label, each.demand, each.message or "", each.source or "", each.instead or "")
        for each in story.refusals(entry, seen(request))
    ]
    return asking.refusal(told, entry=entry)


@dataclass(frozen=True, slots=True)
class Instead:
    """An act that a refusal names as what can be done instead. ``who``: whose act it is, where it is not the reader's."""

    act: str
    words: str
    yours: bool


_NAMED: Final = re.compile(r"`([a-z_]+)`")


def instead(refused: Sequence[Why], acts: Sequence[OpenAct], language: Language) -> list[Instead]:
    """The acts that the refusals name, those first that are open to the reader."""
    named = dict.fromkeys(name for why in refused for name in _NAMED.findall(why.instead) if name in ACTS)
    yours = {act.act for act in acts if act.open}
    found = [Instead(name, capitalised(language.term("act", name)), name in yours) for name in named]
    return sorted(found, key=lambda each: not each.yours)


# Law enforcement reports, and reads nothing


async def _alarm(request: Request, person: Person, reference: str, act: str, typed_in: FormData) -> Response:
    language = seen(request)
    form = form_for(act, language)
    # Where the one in the address was wrong, it was asked for again.
    asked = typed(typed_in, "reference") if "reference" in typed_in else None
    if (change := pressed(typed_in)) is not None:
        return _alarm_page(request, reference, filled(form, changed(typed_in, change)), asked)
    given = {
        "act": act,
        "act_id": typed(typed_in, "once"),
        "actor": person.as_actor(),
        **read(act, typed_in),
    }
    try:
        parse_act(given)
        desk, named = desk_of(request), as_reference(reference if asked is None else asked)
        async with desk.turns.of(person.id, named), desk.rates.naming(person, named):
            receipt = await desk.cases.record(named, given)
    except MalformedAct as malformed:
        return _alarm_page(request, reference, with_errors(form, typed_in, malformed.faults), asked, 422)
    except NoSuchCase:
        asked = reference if asked is None else asked
        return _alarm_page(request, reference, filled(form, typed_in), asked, 422, unknown=True)
    if receipt["result"] == "accepted":
        said = language.gettext(N_("Your report is recorded and goes to those who care for the child."))
    else:
        # Why would tell of the case: that it is closed, for one.
        said = language.gettext(N_("Your report was not taken up. Tell child protection what you know in another way."))
    flash(request, said)
    return RedirectResponse("/", 303)


def _alarm_page(
    request: Request, reference: str, form: Form, asked: str | None, status: int = 200, *, unknown: bool = False
) -> Response:
    """The form of a report. ``asked``: what stands in the field for the reference, where it is asked for again."""
    wrong = seen(request).gettext(NO_SUCH_REFERENCE) if unknown else None
    errors = [*([("reference", wrong)] if wrong else []), *form.errors]
    return page(
        request, "act_alarm.html.j2", status, reference=reference, form=form, asked=asked, wrong=wrong, errors=errors
    )
