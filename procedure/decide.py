"""The one door of the law: an act, or the passing of time, into entries.

Nothing but a person's act changes a solution, an approval, a placement or an outcome. The passing of
time blocks and escalates (:func:`pass_time`), and that is all it does.
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal

from procedure.acts import DECISIONS, REPORTS, Act, Correct, ExtendDeadline, as_given, parse_act
from procedure.agreement import Agreement
from procedure.case import Case
from procedure.deadlines import changes, extended, moments, moved_by_time, name_of
from procedure.effects import effects, tells_of_detention, voided_by_detention
from procedure.entries import GENESIS, Draft, Entry, as_if, moment, seal
from procedure.faults import Malformed
from procedure.folding import apply, opening, recorded, with_deadlines
from procedure.gates import gates_of, refusals
from procedure.intake import Intake, parse_intake
from procedure.ledger import Ledger
from procedure.majority import age_of_consent, eighteenth_birthday
from procedure.placement import detention_reasons, is_detention
from procedure.safeguards.asked import Asked, Refusal, answered_by, refuse
from procedure.safeguards.travel import CARE_PLACES
from procedure.signing import Standing
from procedure.stages import return_appealed, stage_of
from procedure.vocabulary import HOLDS, PROCEDURE_VERSION, Hold, SafeguardName


@dataclass(slots=True)
class Pen:
    """Writes entries at one moment: each is applied, sealed and folded before the next is thought of."""

    case: Case
    ledger: Ledger
    at: datetime
    seed: bytes | None
    """None where nobody keeps the record: see :func:`procedure.entries.as_if`."""
    moved: bool = False
    """Whether the deadlines were brought up to this moment."""

    def write(self, draft: Draft) -> Entry:
        """Put one entry on record, with what becomes of the deadlines in its facts."""
        n = self.case.n + 1
        if self.case.moves_to is not None:
            draft = replace(draft, facts={**draft.facts, "procedure_version": self.case.moves_to})
        then = apply(self.case, draft, n, self.at)
        if then.turned_18 and _is_ahead(eighteenth_birthday(then), self.at):
            # A date of birth set right undoes an eighteenth birthday: nobody is an adult by a slip of the pen.
            draft = replace(draft, facts={**draft.facts, "still_a_child": True})
            then = apply(self.case, draft, n, self.at)
        if self._may_move(draft, then) and (deadlines := changes(then, standing_holds(then), self.at)):
            known = draft.facts.get("deadlines", {})
            draft.facts["deadlines"] = {**known, **deadlines}
            then = with_deadlines(then, deadlines, self.at)
        if self.seed is None:
            entry = as_if(draft, n=n, at=self.at)
        else:
            entry = seal(draft, n=n, at=self.at, prev=self.case.head, seed=self.seed)
        self.case = recorded(then, entry)
        self.ledger.append(entry)
        return entry

    def _may_move(self, draft: Draft, then: Case) -> bool:
        """Whether this entry can set, meet or move a deadline: most cannot, and to ask costs more than to write one."""
        if then is self.case and not moved_by_time(then):
            return False  # a refusal or a note, in a case where time alone moves nothing
        # No deadline rests on a stage, or on what the record says of a hold.
        moves = not self.moved or draft.kind not in ("stage", "hold", "hold_lifted")
        self.moved = True
        return moves

    def write_what_follows(self) -> None:
        """Holds that now stand or no longer stand, and the stage, where they differ from what is on record."""
        holds = standing_holds(self.case)
        for hold in self.case.holds:
            if hold not in holds:
                self.write(Draft(kind="hold_lifted", facts={"hold": hold}))
        for hold in holds:
            if hold not in self.case.holds:
                self.write(Draft(kind="hold", safeguards=_BEHIND_HOLD.get(hold, ("held",)), facts={"hold": hold}))
        stage = stage_of(self.case, self.at)
        if stage != self.case.stage:
            self.write(Draft(kind="stage", facts={"stage": stage, "was": self.case.stage}))


def _is_ahead(when: datetime | None, at: datetime) -> bool:
    return when is not None and when > at


_BEHIND_HOLD: Final[dict[Hold, tuple[SafeguardName, ...]]] = {
    "detention": ("no-detention",),
    "emergency_placement_overdue": ("no-detention",),
    "asylum": ("non-refoulement",),
    "appeal": ("appeal-suspends",),
}


def standing_holds(case: Case) -> tuple[Hold, ...]:
    """The holds that the facts on record set (procedure.md, part 5), in the contract's order."""
    stands: list[Hold] = []
    if case.detained:
        stands.append("detention")
    if case.emergency_overdue:
        stands.append("emergency_placement_overdue")
    if case.asylum in ("open", "granted"):
        stands.append("asylum")
    if return_appealed(case):
        stands.append("appeal")
    if case.missing:
        stands.append("missing")
    if case.suspensions:
        stands.extend(hold for hold in HOLDS if hold in case.suspensions)
    if case.review_reached:
        stands.append("review")
    if case.adulthood_holds:
        stands.append("adulthood")
    return tuple(stands)


def open_case(
    intake: Intake,
    agreement: Agreement,
    *,
    reference: str,
    at: datetime,
    ledger: Ledger,
    seed: bytes | None,
    facts: Mapping[str, Any] | None = None,
    version: str = PROCEDURE_VERSION,
) -> Case:
    """Open a case at the moment ``at`` (UTC): entry 1, and what follows from where the child is, appended to ``ledger``.

    ``version`` is that of the rules by which it is decided.

    ``facts`` are further facts for entry 1 that are not personal; ``seed`` as for :func:`decide`.
    """
    given = intake.model_dump(mode="json", by_alias=True, exclude_unset=True)
    draft = Draft(
        kind="opened",
        actor_role=intake.opened_by.role,
        actor_state=intake.opened_by.state,
        facts={
            **(facts or {}),
            "reference": reference,
            "agreement": agreement.id,
            "agreement_version": agreement.version,
            "agreement_digest": agreement.digest(),
            "procedure_version": version,
            "stage": "identification",
        },
        body={"intake": given, "agreement": agreement.terms()},
    )
    # The deadlines that run from the opening are found on the case that the draft alone would open.
    case = opening(draft, 1, at, agreement)
    if deadlines := changes(case, standing_holds(case), at):
        draft.facts["deadlines"] = deadlines
        case = with_deadlines(case, deadlines, at)
    entry = as_if(draft, n=1, at=at) if seed is None else seal(draft, n=1, at=at, prev=GENESIS, seed=seed)
    ledger.append(entry)
    pen = Pen(recorded(case, entry), ledger, at, seed)
    placement = given["placement"]
    if is_detention(placement):
        pen.write(
            Draft(kind="detention", safeguards=("no-detention",), facts={"because": detention_reasons(placement)})
        )
    pen.write_what_follows()
    return pen.case


def decide(
    case: Case, act: Act, at: datetime, ledger: Ledger, seed: bytes | None, signed: Standing | None = None
) -> Case:
    """Hear one act at the moment ``at`` (UTC) and put on record what comes of it, appended to ``ledger``.

    ``signed`` is what was found of the act's signature. ``seed`` is the case's secret, or None for a record that nobody
    keeps (:func:`procedure.entries.as_if`). The first entry written is the act's own: ``accepted`` or
    ``refused``. Returns the case after all of them.
    """
    pen = Pen(case, ledger, at, seed)
    asked = Asked(case, act, at, ledger, signed=signed)
    found = refusals(asked)
    corrected: Asked | None = None
    if isinstance(act, Correct) and not found:
        found, corrected = _corrected(asked, act)
    if found:
        pen.write(_said(asked, "refused", found))
        if _still_answered(asked, found):
            voids = voided_by_detention(case)
            placement = asked.act.placement.model_dump(exclude_unset=True)
            pen.write(_detention(asked, {"voids": voids} if voids else {}, {"placement": placement}))
    else:
        before = _said_before(asked, act) if isinstance(act, Correct) else {}
        entry = pen.write(_said(asked, "accepted", (), corrected))
        if isinstance(act, Correct):
            _answer_correction(pen, asked, before, entry, corrected)
        else:
            _answer(pen, asked)
        if entry.act == "close_case":
            pen.write(Draft(kind="closed", facts={"outcome": entry.facts["outcome"]}))
    pen.write_what_follows()
    return pen.case


def refuse_malformed(case: Case, draft: Draft, at: datetime, ledger: Ledger, seed: bytes) -> Case:
    """Put on record that something came which is no act at all."""
    pen = Pen(case, ledger, at, seed)
    pen.write(draft)
    return pen.case


def _said(
    asked: Asked, kind: Literal["accepted", "refused"], found: Sequence[Refusal], corrected: Asked | None = None
) -> Draft:
    """The act's own entry."""
    act = asked.act
    body: dict[str, Any] = {"act": as_given(act)}
    facts: dict[str, Any] = {}
    names: Iterable[SafeguardName]
    if kind == "refused":
        names = (refusal["safeguard"] for refusal in found)
        body["refusals"] = list(found)
    else:
        names = (name for gate in gates_of(asked) for name in answered_by(gate, asked) if name != "out-of-order")
        facts = effects(asked)
        if isinstance(act, ExtendDeadline):
            facts["deadlines"] = {"extended": extended(asked.case, act.deadline, act.days)}
        if isinstance(act, Correct):
            facts |= _facts_of_correction(asked, act, corrected)
            body["as_corrected"] = _merged(asked, act)
    if asked.signed is not None:
        facts |= asked.signed.facts()
    return Draft(
        kind=kind,
        act=act.act,
        act_id=act.act_id,
        actor_role=act.actor.role,
        actor_state=act.actor.state,
        safeguards=tuple(dict.fromkeys(names)),
        facts=facts,
        body=body,
    )


def _answer(pen: Pen, asked: Asked) -> None:
    """What the procedure answers to a report that was taken in."""
    act = asked.act
    if act.act in REPORTS and tells_of_detention(asked):
        pen.write(_detention(asked, {}, {}))
    elif act.act == "arrive" and _outside_care(act):
        for level in (1, 2):
            pen.write(
                Draft(
                    kind="escalated",
                    safeguards=("handover-into-care",),
                    facts={"level": level, "safeguard": "handover-into-care"},
                )
            )


def _answer_correction(
    pen: Pen, asked: Asked, before: dict[str, Any], correction: Entry, corrected: Asked | None
) -> None:
    """What a record now says is answered, unless what it said ``before`` was answered so already."""
    if correction.facts["of"] == "opened":
        placement = correction.body["as_corrected"]["placement"]
        if correction.facts.get("moves") and is_detention(placement) and not is_detention(before["placement"]):
            voids = voided_by_detention(asked.case)
            facts: dict[str, Any] = {"because": detention_reasons(placement), **({"voids": voids} if voids else {})}
            pen.write(Draft(kind="detention", safeguards=("no-detention",), facts=facts))
    elif corrected is not None:
        answered = _calls_for(asked._replace(act=parse_act(before)))
        if any(now and not then for now, then in zip(_calls_for(corrected), answered, strict=True)):
            _answer(pen, corrected)


def _calls_for(asked: Asked) -> tuple[bool, bool]:
    """Whether a report is answered as a detention, and whether as a hand-over outside care."""
    act = asked.act
    return tells_of_detention(asked), act.act == "arrive" and _outside_care(act)


def _outside_care(arrival: Any) -> bool:
    """Whether a child was handed over to somebody, or at a place, that is no care (OSCE note 12(v))."""
    if arrival.handed_to in ("law_enforcement", "other"):
        return True
    # Of an arrival that is corrected after the child has moved on, only the words are left.
    return arrival.placement is not None and arrival.placement.kind not in CARE_PLACES


def _detention(asked: Asked, facts: dict[str, Any], body: dict[str, Any]) -> Draft:
    reasons = detention_reasons(asked.act.placement.model_dump())
    return Draft(
        kind="detention",
        act=asked.act.act,
        safeguards=("no-detention",),
        facts={"because": reasons or ["it was reported as detention"], **facts},
        body=body,
    )


def _still_answered(asked: Asked, found: Sequence[Refusal]) -> bool:
    """A report that comes out of order may still tell of a detention, and that is never passed over."""
    return (
        asked.act.act in REPORTS
        and all(refusal["safeguard"] == "out-of-order" for refusal in found)
        and tells_of_detention(asked)
    )


# Corrections


def _entry_corrected(asked: Asked, act: Correct) -> Entry | None:
    entry = asked.ledger.find(act.entry)
    return entry if entry and entry.kind in ("accepted", "opened") and entry.act != "correct" else None


def _said_before(asked: Asked, act: Correct) -> dict[str, Any]:
    entry = _entry_corrected(asked, act)
    assert entry is not None
    return asked.ledger.as_corrected(entry)


def _merged(asked: Asked, act: Correct) -> dict[str, Any]:
    """What the corrected entry says with the new fields laid over it; ``child.family_name`` reaches inside."""
    said = copy.deepcopy(_said_before(asked, act))
    # It covers the words as they were; who corrects them signs the correction.
    said.pop("signature", None)
    for path, value in act.fields.items():
        target, *inner = said, *path.split(".")
        for step in inner[:-1]:
            if not isinstance(target.get(step), dict):
                target[step] = {}
            target = target[step]
        target[inner[-1]] = value
    return said


_MOST_RECORDED: Final = 1_950_000
"""Bytes of faults that a refused correction is told. With more of them its receipt, or the entry when it is read, comes to
more than the two megabytes that the engine takes: the case would hang, or its record could not be read. So no record that
anybody has read can come out otherwise by it, but one that fills such an answer all but the last 150 kB."""
_SAYS_WHAT_IT_IS: Final = frozenset(
    {
        *("act", "act_id", "actor", "signature"),
        *("reference", "agreement", "host_state", "origin_state", "opened_by"),
        # With another one of these it would be another report, beside the one that was made.
        *("relative_id", "visit", "against"),
    }
)


def _corrected(asked: Asked, act: Correct) -> tuple[list[Refusal], Asked | None]:
    """Whether a correction stands, and the report it makes of the entry, where that still has force."""
    entry = _entry_corrected(asked, act)
    if entry is None:
        return [
            refuse(
                "out-of-order",
                f"Entry {act.entry} is not a report or an act that was accepted, so there is nothing to correct.",
                "Name the number of the entry that holds the mistake.",
            )
        ], None
    recorded_by = ("central_authority", asked.case.host_state) if entry.kind == "opened" else None
    if (act.actor.role, act.actor.state) != (recorded_by or (entry.actor_role, entry.actor_state)):
        return [
            refuse(
                "not-your-act",
                "An entry is corrected by the role that recorded it.",
                "Tell them, or record what you know with your own act or a `note`.",
            )
        ], None
    if entry.act in DECISIONS and not set(act.fields) <= {"reason", "evidence"}:
        return [
            refuse(
                "out-of-order",
                "A decision is not corrected afterwards, only its reason and evidence.",
                "Take the decision anew; the old one stays on record.",
            )
        ], None
    if fixed := sorted({path.partition(".")[0] for path in act.fields} & _SAYS_WHAT_IT_IS):
        return [
            refuse(
                "well-formed",
                f"These fields say which record this is, and are not corrected: {', '.join(fixed)}.",
                "Record the act anew as it should have been, and say in a `note` which entry was a mistake.",
            )
        ], None
    merged = _merged(asked, act)
    try:
        if entry.kind == "opened":
            # What is on record says them all, and a record of before must come out the same.
            parse_intake(merged, today=entry.at.date(), most_faults=None)
            return [], None
        report = parse_act(merged)
    except Malformed as malformed:
        faults = "; ".join(f"{fault['path']}: {fault['message']}" for fault in malformed.faults)
        if len(faults.encode("utf-8", "surrogatepass")) > _MOST_RECORDED:
            faults = str(malformed)
        return [
            refuse("well-formed", f"With this correction the entry is malformed: {faults}.", "Mend the fields.")
        ], None
    if entry.act in DECISIONS or not _in_force(asked, entry):
        return [], None
    if getattr(report, "placement", None) is not None and not _sleeps_there(asked, entry):
        # Where the child was then is mended in words; where the child is now is told by later entries.
        report = report.model_copy(update={"placement": None})
    return [], asked._replace(act=report, **_as_it_was_heard(asked, entry))


def _as_it_was_heard(asked: Asked, entry: Entry) -> dict[str, Any]:
    """How a hearing stood when it was recorded, by its newest version."""
    versions = [entry, *asked.ledger.corrections_of(entry)]
    return {"corrects": True, "because_then": tuple(versions[-1].facts.get("because", ()))}


def _in_force(asked: Asked, entry: Entry) -> bool:
    """Whether what a report recorded, or a correction of it, still stands, or a later report has taken its place."""
    if entry.act == "hear_child":
        return _is_newest_hearing(asked, entry)
    stands = _STANDS.get(entry.act or "")
    if stands is None:
        return False
    return stands(asked.case, entry.body["act"]) in _versions(asked, entry)


def _is_newest_hearing(asked: Asked, entry: Entry) -> bool:
    """Whether it is the newest of its round, also where it did not count: a correction may make it count."""
    newest = asked.ledger.last_accepted("hear_child")
    begun = max((each.n for each in asked.ledger if "round" in each.facts), default=0)
    return newest is not None and entry.n == newest.n > begun


def _versions(asked: Asked, entry: Entry) -> set[int]:
    """The number of an entry and those of its corrections."""
    return {entry.n, *(each.n for each in asked.ledger.corrections_of(entry))}


def _n(fact: Any) -> int | None:
    return fact.n if fact is not None else None


def _placement_n(case: Case, said: dict[str, Any]) -> int:
    return case.placement_n


_STANDS: Final[dict[str, Callable[[Case, dict[str, Any]], int | None]]] = {
    "verify_identity": lambda case, said: _n(case.identity),
    "screen_protection": lambda case, said: _n(case.screening),
    "confirm_services": lambda case, said: _n(case.services),
    "report_tracing": lambda case, said: _n(case.tracing),
    "assess_family": lambda case, said: _n(case.family.get(said["relative_id"])),
    "assess_rights_impact": lambda case, said: _n(case.rights_impact),
    "certify_fit_to_travel": lambda case, said: _n(case.fitness),
    "record_visit": lambda case, said: _n(case.visits.get(said["visit"])),
    "report_detention": _placement_n,
    "confirm_release": _placement_n,
    "report_found": _placement_n,
    "report_incident": _placement_n,
    "arrive": lambda case, said: _n(case.arrived),
}
"""The entry whose report of that kind has force now."""


def _facts_of_correction(asked: Asked, act: Correct, corrected: Asked | None) -> dict[str, Any]:
    entry = _entry_corrected(asked, act)
    assert entry is not None
    facts: dict[str, Any] = {"corrects": entry.n, "of": entry.act or "opened"}
    if entry.kind == "opened":
        # Where the child was found counts as long as nothing later was told of where the child is.
        moves = {"moves": True} if _sleeps_there(asked, entry) else {}
        return {**facts, **moves, "as_of": moment(entry.at)}
    if corrected is None:
        return facts
    said = asked.ledger.as_corrected(entry)
    now, before = effects(corrected), effects(corrected._replace(act=parse_act(said)))
    # What the old words have brought about is not brought about a second time.
    if "round" in before:
        now.pop("round", None)
    if voids := sorted(set(now.pop("voids", ())) - set(before.get("voids", ()))):
        now["voids"] = voids
    if (said.get("wish") == "stay" and before["counts"]) or said.get("what") == "child_objects":
        now["objects"] = False
    if hasattr(corrected.act, "placement") and not _sleeps_there(asked, entry):
        now["moves"] = False
    # The evidence is as old as it was: a correction does not make it young again.
    return {**now, **facts, "as_of": entry.facts.get("as_of", moment(entry.at))}


def _sleeps_there(asked: Asked, entry: Entry) -> bool:
    """Whether nothing newer is on record of where the child is than this entry, or what it was corrected to."""
    return asked.case.placement_n in _versions(asked, entry) or asked.case.placement_n < entry.n


# Time


def pass_time(case: Case, at: datetime, ledger: Ledger, seed: bytes | None) -> Case:
    """Put on record what the mere passing of time up to ``at`` brings: overdue, escalated, holds, a birthday, a stage.

    Nothing here approves, declines, places or moves (the second thing that never bends).
    """
    pen = Pen(case, ledger, at, seed)
    while not pen.case.closed and (due := next(iter(_due(pen.case, at)), None)):
        pen.write(due)
        pen.write_what_follows()
    if not pen.case.closed:
        pen.write_what_follows()
    return pen.case


def _due(case: Case, at: datetime) -> list[Draft]:
    """What has come due by ``at``, earliest first."""
    found: list[tuple[datetime, int, str, Draft]] = []
    for when, what, key, level in moments(case, until=at):
        if when > at:
            continue
        facts: dict[str, Any] = {"deadline": name_of(key), "key": key, "due": moment(case.deadlines[key].due)}
        if what == "overdue":
            found.append((when, 0, key, Draft(kind="overdue", facts=facts)))
        else:
            found.append((when, level, key, Draft(kind="escalated", facts={**facts, "level": level})))
    birthday = _birthday_ahead(case)
    if birthday and birthday <= at:
        holds = case.stage not in ("reintegration", "closed")
        found.append((birthday, 0, "", Draft(kind="turned_18", facts={"holds": holds})))
    for turn in _turns(case, until=at):
        stage = stage_of(case, turn)
        found.append((turn, 3, "", Draft(kind="stage", facts={"stage": stage, "was": case.stage})))
    return [draft for *_, draft in sorted(found, key=lambda each: each[:3])]


def _turns(case: Case, until: datetime | None = None) -> Iterator[datetime]:
    """The moments ahead that change the stage by themselves: a time to appeal ends, a child is old enough to be asked."""
    asked_from = age_of_consent(case)
    for turn in (case.appeal_window_ends, asked_from):
        if turn is None or turn <= case.recorded_at or (until is not None and turn > until):
            continue
        # Where the stage stays, the child's own consent may still be owed from that day on, and approvals wait for it.
        newly_owed = turn == asked_from and case.return_found and changes(case, standing_holds(case), turn)
        if newly_owed or stage_of(case, turn) != case.stage:
            yield turn


def _birthday_ahead(case: Case) -> datetime | None:
    return None if case.turned_18 else eighteenth_birthday(case)


def next_due(case: Case) -> datetime | None:
    """The earliest moment at which :func:`pass_time` has something to put on record; ``None`` when it never will.

    It may lie in the past when time was not passed up to now.
    """
    if case.closed:
        return None
    ahead = [when for when, *_ in moments(case)]
    if birthday := _birthday_ahead(case):
        ahead.append(birthday)
    ahead.extend(_turns(case))
    return min(ahead, default=None)
