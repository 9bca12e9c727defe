"""Recording an act: its form, the answers checked with what follows from them, and what the case answered."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from casefile import story
from casefile.languages import N_, Language, capitalised
from desk.forms import (
    Form,
    Mending,
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
from desk.pages.case import APPROVALS, Why, closed_by, whys
from desk.pages.inbox import ALARMS
from desk.pages.reading import FIREWALLED, Reader, Record, record_of
from desk.security import typed
from procedure.acts import ACTS, DECISIONS, Act, parse_act
from procedure.entries import Entry
from procedure.faults import Fault, Malformed, MalformedAct
from procedure.folding import IMMATERIAL
from procedure.ledger import Ledger
from procedure.open_acts import OpenAct
from procedure.proceedings import Proceedings

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


def foresee(record: Record, act: Act, language: Language) -> Foreseen:
    """Hear an act on a copy of the case, by the law alone; nothing is recorded, and the copy is thrown away."""
    copy = Proceedings(record.case, Ledger(record.entries), _NO_SEED)
    # What has come due by now is no consequence of the act.
    copy.let_time_pass(record.at)
    before, n = copy.case, copy.case.n
    receipt = copy.hear(act, record.at)
    entries = copy.since(n)
    voids = sorted({n for entry in entries for n in entry.facts.get("voids", ())})
    return Foreseen(
        refused=whys(receipt["refusals"], language),
        stage=(before.stage, copy.case.stage) if before.stage != copy.case.stage else None,
        holds_set=[hold for hold in copy.case.holds if hold not in before.holds],
        holds_lifted=[hold for hold in before.holds if hold not in copy.case.holds],
        voided=[(n, story.sentence(entry, language)) for n in voids if (entry := record.find(n))],
        deadlines=[each for entry in entries for each in _deadlines(entry, language)],
        further=[
            *(each for entry in entries for each in _turns(entry, language)),
            *(story.sentence(entry, language) for entry in entries if entry.kind in _TOLD_WHOLE),
        ],
    )


_NO_SEED: Final = bytes(32)
_TOLD_WHOLE: Final = frozenset({"detention", "escalated", "closed", "turned_18"})
"""Entries that may follow and are told in their own sentence."""


def _turns(entry: Entry, language: Language) -> list[str]:
    # What lost its force is told of each entry by name.
    facts = {name: value for name, value in entry.facts.items() if name != "voids"}
    return story.consequences(replace(entry, facts=facts), language, deadlines=False)


def _deadlines(entry: Entry, language: Language) -> list[str]:
    alone = replace(entry, facts={name: entry.facts[name] for name in ("deadlines",) if name in entry.facts})
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
    record = await record_of(request, reference)
    if act in APPROVALS and not dossier:
        # What is approved is what was on screen, and that is the case.
        return RedirectResponse(f"/cases/{reference}#yours", 303)
    asking = _Asking(request, person, record, act, dossier, insist=insist)
    if not asking.open and not insist:
        return asking.closed()
    if (moved := asking.moved_on()) is not None:
        return moved
    return asking.shown(asking.form(entry or None))


@router.post("/cases/{reference}/acts/{act}")
async def record_act(request: Request, person: Signed, reference: str, act: str) -> Response:
    """What was typed: shown again where something is wrong with it, to be checked where it decides, recorded else."""
    _must_be_an_act(person, act)
    typed_in = await checked_form(request)
    if person.role == FIREWALLED:
        return await _alarm(request, person, reference, act, typed_in)
    record = await record_of(request, reference)
    asking = _Asking(
        request, person, record, act, typed(typed_in, "dossier"), insist=typed(typed_in, "insist") == "yes"
    )
    return await asking.answer(typed_in)


def _must_be_an_act(person: Person, act: str) -> None:
    if act not in ACTS:
        raise HTTPException(404)
    if person.role == FIREWALLED and act not in ALARMS:
        raise HTTPException(403)


class _Asking:
    """One person asking for one act of one case."""

    def __init__(
        self, request: Request, person: Person, record: Record, act: str, dossier: str, *, insist: bool
    ) -> None:
        self.request, self.person, self.record, self.act = request, person, record, act
        self.dossier, self.insist = dossier, insist
        self.language = seen(request)
        self.acts = record.acts_of(person)
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
            entries = correctable(self.record.entries, self.record.case, self.person.role, self.person.state)
            about = self.mending(entry)
            return form_for(self.act, self.language, case=self.record.case, entries=entries, mending=about)
        choices: dict[str, Any] = {}
        closed: dict[str, Any] = {}
        if self.found and self.found.open and self.found.turns_on and not self.insist:
            choices = dict(self.found.choices)
            closed = {self.found.turns_on: self.found.as_json()["closed_choices"]}
        return form_for(self.act, self.language, case=self.record.case, choices=choices, closed_choices=closed)

    def mending(self, entry: int | None) -> Mending | None:
        """The entry that a correction is about, where it is one that this person may correct."""
        entries = correctable(self.record.entries, self.record.case, self.person.role, self.person.state)
        found = next((each for each in entries if each.n == entry), None)
        return mending(found, self.record.ledger) if found else None

    def shown(self, form: Form, status: int = 200) -> Response:
        return self._page(
            "act.html.j2",
            status,
            form=form,
            errors=form.errors,
            choosing=self.act == "correct" and not any(field.name == "reason" for field in form.fields),
            read_up_to=self._read_up_to(),
        )

    def _read_up_to(self) -> Entry | None:
        n = self.record.ledger.number_of(self.dossier) if self.act in APPROVALS else None
        return self.record.find(n) if n else None

    def closed(self) -> Response:
        reasons = closed_by(self.found, self.language) if self.found else []
        ways = instead(reasons, self.acts, self.language)
        return self._page("act_closed.html.j2", why=reasons, never=self.found is None, instead=ways)

    def moved_on(self, status: int = 200) -> Response | None:
        """Of an approval: what changed since the case was on screen, where something did that has to be read."""
        if self.act not in APPROVALS or self.insist:
            return None
        since = self.record.after(self.dossier)
        if since is None:
            # No dossier of this case: there is nothing that was read.
            return RedirectResponse(f"/cases/{self.reference}#yours", 303) if status == 200 else self._moved([], status)
        if not any(_is_material(each) for each in since):
            return None
        return self._moved(since, status)

    def _moved(self, since: Sequence[Entry], status: int) -> Response:
        told = [(entry, story.sentence(entry, self.language), _is_material(entry)) for entry in since]
        return self._page("act_moved_on.html.j2", status, since=told)

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
        if (moved := self.moved_on(409)) is not None:
            return moved
        if typed(typed_in, "step") != "checked":
            foreseen = foresee(self.record, act, self.language)
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
        said = answers(given, self.language, case=self.record.case, mending=form.asking.mending)
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
            said = self.language.gettext(N_("Recorded as entry {number}: {act}."))
            flash(self.request, said.format(number=receipt["entry"], act=self.language.term("act", self.act)))
            return RedirectResponse(f"/cases/{self.reference}", 303)
        if receipt["entry"] <= self.record.entries[-1].n:
            # The case has ended for good: nothing is written any more, so this is all that will ever be said of it.
            refused = whys(receipt["refusals"], self.language)
            return self.refusal(refused, entry=None, status=409)
        return RedirectResponse(f"/cases/{self.reference}/refusals/{receipt['entry']}", 303)

    def refusal(self, refused: list[Why], *, entry: Entry | None, status: int = 200) -> Response:
        return self._page(
            "refusal.html.j2",
            status,
            refused=refused,
            entry=entry,
            instead=instead(refused, self.acts, self.language),
        )

    def _page(self, template: str, status: int = 200, **context: Any) -> Response:
        offered = [act for act in self.acts if act.open and act.act != self.act]
        return page(
            self.request,
            template,
            status,
            record=self.record,
            case=self.record.case,
            act=self.act,
            dossier=self.dossier,
            insist=self.insist,
            decides=self.act in DECISIONS,
            offered=offered,
            approvals=APPROVALS,
            **context,
        )


def _is_material(entry: Entry) -> bool:
    """Whether an approver must have read it."""
    return entry.kind == "accepted" and entry.act not in IMMATERIAL


# Refusals


@router.get("/cases/{reference}/refusals/{n}")
async def refusal(request: Request, person: Reader, reference: str, n: int) -> Response:
    """A refusal as it stands in the record: what, why, by which source, and what can be done instead."""
    record = await record_of(request, reference)
    entry = record.find(n)
    if entry is None or entry.kind != "refused":
        raise HTTPException(404)
    asking = _Asking(request, person, record, entry.act or "", "", insist=False)
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
    if (change := pressed(typed_in)) is not None:
        form = filled(form, changed(typed_in, change))
        return page(request, "act_alarm.html.j2", reference=reference, form=form)
    given = {
        "act": act,
        "act_id": typed(typed_in, "once"),
        "actor": person.as_actor(),
        **read(act, typed_in),
    }
    try:
        parse_act(given)
        receipt = await desk_of(request).cases.record(reference, given)
    except MalformedAct as malformed:
        form = with_errors(form, typed_in, malformed.faults)
        return page(request, "act_alarm.html.j2", 422, reference=reference, form=form, errors=form.errors)
    if receipt["result"] == "accepted":
        said = language.gettext(N_("Your report is recorded and goes to those who care for the child."))
    else:
        demands = [language.demand(each["safeguard"]) for each in receipt["refusals"]]
        refused = language.gettext(N_("Your report is on record, and was refused: {reasons}"))
        said = refused.format(reasons=" ".join(dict.fromkeys(demands)))
    flash(request, said)
    return RedirectResponse("/", 303)
