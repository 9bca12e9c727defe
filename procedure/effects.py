"""What follows from an act that was accepted: what it voids, whether a round begins, whether it counts.

These are conclusions. They are written into the entry's facts when it is made, and folding believes
them for ever (procedure.md, part 1: "What voids what").
"""

from typing import Any, Final

from procedure.case import Case
from procedure.entries import moment
from procedure.evidence import authority_guarantees
from procedure.placement import is_detention
from procedure.safeguards.asked import Asked
from procedure.safeguards.hearing import why_hearing_does_not_count

RESULT_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "verify_identity": ("result",),
    "assess_age": ("result",),
    "open_tracing": ("via",),
    "report_tracing": ("result",),
    "guarantee_care": ("by",),
    "determine_best_interests": ("solution",),
    "appeal": ("against",),
    "decide_appeal": ("result",),
    "give_consent": ("given",),
    "assess_rights_impact": ("safe",),
    "report_incident": ("what",),
    "arrive": ("handed_to",),
    "record_visit": ("visit", "safe"),
    "grant_stay": ("status",),
    "resolve_asylum_claim": ("result",),
    "suspend": ("ground",),
    "resume": ("ground",),
    "answer_complaint": ("complaint", "result"),
    "extend_deadline": ("deadline", "days"),
    "close_case": ("outcome",),
}
"""The words of an act that may stand in the header: results and names of the procedure, nothing personal."""


def effects(asked: Asked) -> dict[str, Any]:
    """The facts of the entry that accepts this act, but for the deadlines."""
    case, act, name = asked.case, asked.act, asked.act.act
    facts: dict[str, Any] = {word: getattr(act, word) for word in RESULT_WORDS.get(name, ())}
    if name == "hear_child":
        facts |= _hearing(asked)
    elif name == "determine_best_interests":
        facts["rests_on_guarantee"] = authority_guarantees(case)
    elif name == "approve_return":
        facts["approval"] = f"{act.actor.role}@{case.side_of(act.actor.state)}"
    elif name == "decide_appeal":
        # Each ruling answers one appeal: the one that has waited longest.
        facts |= {"appeal": case.appeals[0].n, "against": case.appeals[0].against}
    if _opens_appeal_window(asked):
        period = case.agreement.deadlines["appeal_window"]
        calendar = case.agreement.calendars.get(case.host_state, case.host_state)
        facts["appeal_window_ends"] = moment(period.due(asked.at, calendar))
    begins = begins_round(asked, facts)
    if begins:
        facts["round"] = case.round + 1
    if voids := sorted(_voids(asked, facts, begins)):
        facts["voids"] = voids
    return facts


def _hearing(asked: Asked) -> dict[str, Any]:
    if against := why_hearing_does_not_count(asked):
        return {"counts": False, "because": against}
    return {"counts": True, "lifts_objection": _lifts_objection(asked)}


def _lifts_objection(asked: Asked) -> bool:
    """Whether a hearing that counts says otherwise than the objection that stands."""
    objection = asked.case.objection
    if objection is None or asked.act.wish == "stay":
        return False
    entry = asked.ledger.find(objection.n)
    if entry is not None and "hear_child" in (entry.act, entry.facts.get("of")):
        return True  # the latest hearing that counts no longer wishes to stay
    # What the child said outright is taken back only outright.
    return bool(asked.act.wish == "return")


def _opens_appeal_window(asked: Asked) -> bool:
    name = asked.act.act
    if name == "assess_age":
        return bool(asked.act.result == "adult")
    return name in ("determine_best_interests", "approve_return")


def begins_round(asked: Asked, facts: dict[str, Any]) -> bool:
    """Whether a new round of best interests begins (procedure.md, part 1)."""
    match asked.act.act:
        case "reopen_best_interests" | "decline_return":
            return True
        case "decide_appeal":
            determination = asked.case.determination
            # What was determined after the appeal was lodged was not appealed against.
            about_this_round = determination is None or determination.n < facts["appeal"]
            return facts["result"] == "upheld" and facts["against"] in ("best_interests", "return") and about_this_round
        case "record_visit":
            return not asked.act.safe
        case "resolve_asylum_claim":
            return bool(asked.act.result == "granted")
        case _:
            return False


def tells_of_detention(asked: Asked) -> bool:
    """Whether this report says, in so many words or by what was seen, that the child is detained.

    A report of detention is believed whatever its placement says: unknown counts as unsafe.
    """
    if asked.act.act == "report_detention":
        return True
    # Asked of every act: a model is slow to say that it has no such field.
    placement: Any = asked.act.__dict__.get("placement")
    return placement is not None and is_detention(placement.model_dump())


def voided_by_detention(case: Case) -> list[int]:
    """What a detention voids: approvals, and every consent given before it (procedure.md, part 1)."""
    if case.arrived:
        return []
    facts = (*case.approvals.values(), case.travel_approval, case.guardian_consent, case.child_consent)
    return sorted(fact.n for fact in facts if fact)


def _voids(asked: Asked, facts: dict[str, Any], begins: bool) -> set[int]:
    """The numbers of the entries that lose their force."""
    case, name = asked.case, asked.act.act
    if name == "decide_appeal" and facts["result"] == "upheld" and facts["against"] == "age":
        assessed = case.age_assessed
        # Only what was on record when the appeal was lodged: a later assessment was not appealed against.
        return {assessed.n} if assessed and assessed.n < facts["appeal"] else set()
    if case.arrived or name == "arrive":
        return set()  # after arrival nothing is voided any more, not by a bad arrival either: the release ends it
    by_child = asked.act.actor.role == "child"
    detained = tells_of_detention(asked)
    refuses = name == "withdraw_consent" or (name == "give_consent" and not asked.act.given)
    objects = (name == "hear_child" and facts["counts"] and asked.act.wish == "stay") or (
        name == "report_incident" and asked.act.what == "child_objects"
    )
    travel = {fact.n for fact in (case.travel_approval,) if fact}
    approvals = {approval.n for approval in case.approvals.values()} | travel
    guardians = {case.guardian_consent.n} if case.guardian_consent else set[int]()
    childs = {case.child_consent.n} if case.child_consent else set[int]()

    voids: set[int] = set()
    if begins or refuses or objects:
        voids |= approvals
    if detained:
        voids.update(voided_by_detention(case))
    if refuses:
        voids |= childs if by_child else guardians
    if objects:
        voids |= childs
    if name == "replace_guardian":
        voids |= guardians
    if name == "plan_travel":
        voids |= travel
        if case.plan:
            voids.add(case.plan.n)
    if name == "report_incident":
        voids |= travel
        if case.departed:
            voids.add(case.departed.n)
    if name == "decide_appeal" and facts["result"] == "upheld" and facts["against"] == "travel":
        voids |= travel
        # On the way the plan still says who has the child; the incident or the arrival ends it.
        if case.plan and not case.departed:
            voids.add(case.plan.n)
    return voids
