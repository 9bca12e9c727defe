"""What each safeguard demands of an accepted act, and the entries that show it: part 2 of the procedure, once more.

Each check looks at an act and at all that stood before it. It yields the numbers of the entries that show that a
safeguard was kept, and a clause in the past tense for each thing that was missing. None of it asks the law's gates.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Final

from casefile.trail import SUSPENDING, Before, closed, understood
from procedure.acts import DECISIONS, REPORTS
from procedure.case import Case
from procedure.deadlines import name_of
from procedure.effects import RESULT_WORDS
from procedure.entries import Entry
from procedure.majority import own_consent_needed
from procedure.vocabulary import CHILD_CARE_BODIES, ENFORCEMENT, SafeguardName
from procedure.who_may import MAY

Shown = Iterator[int | str]
Check = Callable[[Before], Shown]


def words(name: str | None) -> str:
    """A name of the contract, readable."""
    return (name or "").replace("_", " ")


def _open_placement(before: Before) -> Shown:
    if closed(before.act["placement"]):
        yield "the placement is detention"


def _open_journey(before: Before) -> Shown:
    places = [*(leg.get("overnight") for leg in before.act["legs"]), before.act["handover"]["placement"]]
    if any(map(closed, places)):
        yield "a place of the journey is detention"


def _open_journey_in_force(before: Before) -> Shown:
    plan = before.case.plan
    if plan is None:
        yield "no travel plan was in force"
        return
    yield plan.n
    if any(map(closed, (*plan.overnights, plan.handover_placement))):
        yield "a place of the journey is detention"


def _not_detained(before: Before) -> Shown:
    case = before.case
    yield case.placement_n
    if case.detained or closed(case.placement):
        yield f"the child was in detention (entry {case.placement_n})"


def _guardian_first(before: Before) -> Shown:
    guardian = before.case.guardian
    yield guardian.n if guardian else "no guardian was in office"


def _independent(before: Before) -> Shown:
    case, act, trail = before.case, before.act, before.trail
    guardian = act["guardian"]["id"]
    if not act["independent"]:
        yield "the guardian was not declared independent"
    if act["guardian"].get("employer") in ENFORCEMENT:
        yield "the guardian is employed by enforcement"
    yield 1
    if guardian in (case.opened_by, act["actor"]["id"]):
        yield "the guardian opened the case or made the appointment"
    yield from (trail.assigned[each] for each in case.caseworkers.values() if each in trail.assigned)
    if guardian in case.caseworkers.values():
        yield "the guardian is the caseworker assigned"
    yield from trail.sat_on_panel.values()
    if guardian in trail.sat_on_panel:
        yield f"the guardian sat on the panel (entry {trail.sat_on_panel[guardian]})"


def _another_caseworker(before: Before) -> Shown:
    if guardian := before.case.guardian:
        yield guardian.n
        if guardian.id == before.act["caseworker"]["id"]:
            yield f"the caseworker is the guardian (entry {guardian.n})"


def _counsel_first(before: Before) -> Shown:
    counsel = before.case.counsel
    yield counsel.n if counsel else "no counsel was in office"


def _counsel_free(before: Before) -> Shown:
    if not before.act["free_of_charge"]:
        yield "counsel was not free of charge"
    if guardian := before.case.guardian:
        yield guardian.n
        if guardian.id == before.act["counsel"]["id"]:
            yield f"counsel is the guardian (entry {guardian.n})"


def _benefit_of_doubt(before: Before) -> Shown:
    if len({method.strip().casefold() for method in before.act["methods"]}) < 2:
        yield "age was assessed by one method alone"
    yield from _guardian_first(before)
    if not before.act["guardian_present"]:
        yield "the guardian was not present"


def _heard(before: Before) -> Shown:
    hearing, trail = before.case.hearing, before.trail
    if hearing is None or hearing.n <= trail.round_began:
        yield "the child had not been heard in this round"
        return
    yield hearing.n
    yield from (f"in the hearing of entry {hearing.n} {fault}" for fault in trail.not_heard.get(hearing.n, ()))


def _no_contact(before: Before) -> Shown:
    case = before.case
    if before.act["via"] not in ("central_authority", "consulate"):
        return
    if case.screening is None:
        yield "it was not known whether the child needs protection"
        return
    yield case.screening.n
    if case.screening.asylum or case.asylum in ("open", "granted"):
        yield f"a protection need was open (entry {before.trail.claim or case.screening.n})"


def _safe_relatives(case: Case) -> list[int]:
    return sorted(found.n for found in case.family.values() if found.willing and found.able and found.safe)


def _guarantee(before: Before) -> int:
    """The authority's guarantee of care on which the return rests; 0 when there is none."""
    case, guaranteed = before.case, before.trail.guaranteed
    if case.guarantee is None or case.guarantee.by != "authority":
        return 0
    determined = case.determination
    if before.act["act"] == "determine_best_interests" or (determined and guaranteed < determined.n):
        return case.guarantee.n
    return 0


def _safe_family(before: Before) -> Shown:
    if relatives := _safe_relatives(before.case):
        yield from relatives
    else:
        yield _guarantee(before) or "no relative was assessed willing, able and safe, and no authority guaranteed care"


def _care_guaranteed(before: Before) -> Shown:
    if guarantee := _guarantee(before):
        yield guarantee
    else:
        yield from _safe_family(before)


def _return_found(before: Before) -> Shown:
    determined, began = before.case.determination, before.trail.round_began
    if determined is None:
        yield "no determination of this round was in force"
    elif determined.n <= began:
        yield f"a new round had begun (entry {began}), without a determination"
    elif determined.solution != "return":
        yield f"the panel had found “{words(determined.solution)}” (entry {determined.n})"
    else:
        yield determined.n


def _panel(before: Before) -> Shown:
    panel = before.act["panel"]
    employers = {member["employer"] for member in panel}
    if len({member["id"] for member in panel}) < 3:
        yield "fewer than three people sat on the panel"
    if len({member["discipline"].strip().casefold() for member in panel}) < 2:
        yield "the panel was of one discipline"
    if not employers & CHILD_CARE_BODIES:
        yield "nobody on the panel came from child protection or social service"
    if employers & ENFORCEMENT:
        yield "somebody of enforcement sat on the panel"


def _options(before: Before) -> Shown:
    considered, solution = set(before.act["options_considered"]), before.act["solution"]
    if len(considered) < 2:
        yield "only one solution was considered"
    if solution not in considered:
        yield "the solution found was not considered"
    if solution == "return" and "stay" not in considered:
        yield "return was found and a stay was not considered"


def _no_claim(before: Before) -> Shown:
    case, trail = before.case, before.trail
    yield from (n for n in (case.screening.n if case.screening else 0, trail.claim) if n)
    if case.asylum in ("open", "granted"):
        yield f"a claim for asylum was {case.asylum} (entry {trail.claim})"


def _no_refoulement(before: Before) -> Shown:
    yield from _no_claim(before)
    if impact := before.case.rights_impact:
        yield impact.n
        if not impact.safe:
            yield f"return had been found unsafe (entry {impact.n})"


def _no_appeal(before: Before) -> Shown:
    yield from (appeal.n for appeal in before.case.appeals if appeal.against not in SUSPENDING)
    if before.trail.ruled:
        yield before.trail.ruled
    for appeal in before.case.appeals:
        if appeal.against in SUSPENDING:
            yield f"the appeal of entry {appeal.n} was pending"


def _window_over(before: Before) -> Shown:
    yield from _no_appeal(before)
    ends, trail = before.case.appeal_window_ends, before.trail
    approved = max((approval.n for approval in before.case.approvals.values()), default=0)
    if ends is None or trail.window < approved:
        yield "no time to appeal had run"
        return
    yield trail.window
    if before.entry.at < ends:
        yield f"an appeal could still be lodged (entry {trail.window})"


def _agrees_to_tracing(before: Before) -> Shown:
    if not before.act["child_agrees"]:
        yield "the child did not agree"


def _consent_informed(before: Before) -> Shown:
    case, act = before.case, before.act
    if not act["informed"]:
        yield "who consents was not informed"
    if not understood(act, case):
        yield "it was said in a language that is not the child's, without an interpreter"
    if case.detained:
        yield f"the child was in detention (entry {case.placement_n})"


def _consents(before: Before) -> Shown:
    case, trail = before.case, before.trail
    theirs, guardian, childs = case.guardian_consent, case.guardian, case.child_consent
    undone = max(trail.tainted, trail.refused.get("guardian", 0))
    if theirs is None or guardian is None or theirs.by != guardian.id:
        yield "the guardian in office had not consented, or the consent was void"
    elif theirs.n < undone:
        yield f"the guardian's consent (entry {theirs.n}) was void from entry {undone} on"
    else:
        yield theirs.n
    objection = case.objection.n if case.objection else trail.objection[0] if trail.objection else 0
    if objection:
        yield f"the child objected (entry {objection})"
    if own_consent_needed(case, before.entry.at):
        undone = max(trail.tainted, trail.refused.get("child", 0))
        if childs is None:
            yield "the child was old enough to be asked and had not consented, or the consent was void"
        elif childs.n < undone:
            yield f"the child's consent (entry {childs.n}) was void from entry {undone} on"
        else:
            yield childs.n


def _plan_words(before: Before) -> Shown:
    if not before.act["funded"]:
        yield "the plan was not funded"
    if not all(before.act[part].strip() for part in ("housing", "education", "healthcare", "support")):
        yield "the plan did not say everything"


def _plan_adopted(before: Before) -> Shown:
    plan = before.case.reintegration_plan
    yield plan.n if plan else "no reintegration plan was adopted"


def _rights_impact(before: Before) -> Shown:
    impact = before.case.rights_impact
    if impact is None:
        yield "the rights impact had not been assessed"
        return
    yield impact.n
    if not impact.safe:
        yield f"return had been found unsafe (entry {impact.n})"


def _both_states(before: Before) -> Shown:
    case, trail = before.case, before.trail
    for who in dict.fromkeys(("central_authority@host", "central_authority@origin", *case.agreement.approvals)):
        role, _, side = who.partition("@")
        state, approval = case.state_of(side), case.approvals.get(who)
        if approval is None:
            yield f"the {words(role)} of {state} had not approved the return, or its approval was void"
        elif approval.n < trail.undid_return:
            yield f"the approval of entry {approval.n} was void from entry {trail.undid_return} on"
        elif trail.approved.get(approval.n) != f"{role}@{state}":
            yield f"entry {approval.n} is no approval by the {words(role)} of {state}"
        else:
            yield approval.n


def _panel_and_others(before: Before) -> Shown:
    case, trail = before.case, before.trail
    panel = {before.act["actor"]["id"], *(member["id"] for member in before.act["panel"])}
    yield from trail.assessed_by.values()
    if panel & trail.assessed_by.keys():
        yield "somebody on the panel wrote the assessment"
    yield from (trail.assigned[each] for each in case.caseworkers.values() if each in trail.assigned)
    if panel & set(case.caseworkers.values()):
        yield "somebody on the panel is the caseworker assigned"
    if case.guardian:
        yield case.guardian.n
        if case.guardian.id in panel | trail.assessed_by.keys():
            yield f"the guardian (entry {case.guardian.n}) sat on the panel or wrote the assessment"


def _other_approvers(before: Before) -> Shown:
    case, actor = before.case, before.act["actor"]
    yield 1
    if actor["id"] == case.opened_by and actor["state"] == case.host_state:
        yield "who opened the case approved the return (entry 1)"
    for approval in case.approvals.values():
        yield approval.n
        if approval.by == actor["id"]:
            yield f"the same person had approved already (entry {approval.n})"


def _not_the_planner(before: Before) -> Shown:
    if plan := before.case.plan:
        yield plan.n
        if plan.by == before.act["actor"]["id"]:
            yield f"who made the plan approved it (entry {plan.n})"


def _another_resumes(before: Before) -> Shown:
    suspended = before.case.suspensions.get(before.act["ground"])
    if suspended:
        yield suspended.n
        if suspended.by == before.act["actor"]["id"]:
            yield f"who suspended resumed (entry {suspended.n})"


def _dossier_read(before: Before) -> Shown:
    read = before.trail.number_of.get(before.act["dossier"])
    if read is None:
        yield "what the approver read is no state of this record"
        return
    yield read
    if read < before.trail.material:
        yield f"the approver read entry {read}, and entry {before.trail.material} was recorded since"


def _fresh(before: Before) -> Shown:
    case, at = before.case, before.entry.at
    lives = case.agreement.shelf_lives
    relied_on: list[tuple[str, int, datetime, int]] = []
    if determined := case.determination:
        relied_on.append(("the determination", determined.n, determined.at, lives.determination))
    if consent := case.guardian_consent:
        relied_on.append(("the guardian's consent", consent.n, consent.at, lives.consent))
    if (consent := case.child_consent) and own_consent_needed(case, at):
        relied_on.append(("the child's consent", consent.n, consent.at, lives.consent))
    if impact := case.rights_impact:
        relied_on.append(("the rights-impact assessment", impact.n, impact.at, lives.rights_impact))
    care = list(_care_relied_on(before))
    # Of several relatives or guarantees one that is fresh is enough.
    fresh = [each for each in care if at - each[2] < timedelta(days=each[3])]
    for what, n, recorded, days in (*relied_on, *(fresh or care)):
        yield n
        if at - recorded >= timedelta(days=days):
            yield f"{what} (entry {n}) was older than {days} days"


def _care_relied_on(before: Before) -> Iterator[tuple[str, int, datetime, int]]:
    case, lives = before.case, before.case.agreement.shelf_lives
    good = {id: found for id, found in case.family.items() if found.n in _safe_relatives(case)}
    named = case.plan.handover_relative if case.plan and case.plan.handover_to == "family" else None
    for id, found in good.items():
        # The plan names who takes the child in: then that assessment is the one to be fresh.
        if named not in good or id == named:
            yield "the family assessment", found.n, found.at, lives.family_assessment
    if named not in good and case.guarantee and _guarantee(before):
        yield "the care guarantee", case.guarantee.n, case.guarantee.at, lives.care_guarantee


def _fit_on(day: Callable[[Before], date | None]) -> Check:
    def check(before: Before) -> Shown:
        fitness, wanted = before.case.fitness, day(before)
        if fitness is None:
            yield "no health worker had certified the child fit to travel"
            return
        yield fitness.n
        if not fitness.fit:
            yield f"the child was found not fit to travel (entry {fitness.n})"
        if wanted and fitness.valid_until < wanted:
            yield f"the certificate (entry {fitness.n}) was not valid on {wanted}"

    return check


def _travel_approved(before: Before) -> Shown:
    plan, approval, trail = before.case.plan, before.case.travel_approval, before.trail
    if plan is None or plan.interrupted:
        yield "no travel plan was in force"
        return
    yield plan.n
    undone = max(plan.n, trail.undid_return, trail.undid_travel)
    if approval is None:
        yield "no approval of the travel plan was in force"
    elif approval.n < undone:
        yield f"the approval of entry {approval.n} was void from entry {undone} on"
    else:
        yield approval.n


def _escort(before: Before) -> Shown:
    if before.act["act"] == "plan_travel":
        employer = before.act["escort"]["employer"]
    elif plan := before.case.plan:
        employer = plan.escort_employer
        yield plan.n
    else:
        return
    if employer in ENFORCEMENT or employer not in before.case.agreement.escort_employers:
        yield f"the escort is employed by {words(employer)}"


_CARE_PLACES: Final = frozenset(
    {"family", "kinship", "foster_family", "independent_living", "group_home", "child_shelter"}
)


def _hand_over(before: Before) -> Shown:
    plan = before.case.plan
    if before.act["act"] == "plan_travel":
        handover = before.act["handover"]
        to, relative, place = handover["to"], handover.get("relative_id"), handover["placement"]
    elif plan:
        to, relative, place = plan.handover_to, plan.handover_relative, plan.handover_placement
        yield plan.n
    else:
        return
    if to == "family":
        assessed = before.case.family.get(relative or "")
        good = assessed and assessed.n in _safe_relatives(before.case)
        yield (
            assessed.n if assessed and good else "the relative of the hand-over was not assessed willing, able and safe"
        )
    if place["kind"] not in _CARE_PLACES or place["run_by"] in ENFORCEMENT:
        yield "the place of hand-over is no place of care"


def _together(before: Before) -> Shown:
    case, trail = before.case, before.trail
    yield trail.intake
    if case.situation != "with_family" or before.act["placement"]["kind"] == "family":
        return
    danger = [found.n for found in case.family.values() if not found.safe]
    if case.screening and case.screening.violence:
        danger.append(case.screening.n)
    if trail.court_found_danger:
        danger.append(trail.court_found_danger)
    if danger:
        yield from danger
    else:
        yield "the child was placed apart from the family, and no danger was on record"


def _monitored(before: Before) -> Shown:
    case = before.case
    if case.arrived is None:
        yield "the child had not returned"
        return
    yield case.arrived.n
    yield from (visit.n for visit in case.visits.values())
    if owed := [str(n) for n in range(1, len(case.agreement.visits) + 1) if n not in case.visits]:
        yield f"these visits were not recorded: {', '.join(owed)}"
    elif not max(case.visits.values(), key=lambda visit: (visit.at, visit.n)).safe:
        yield "the last visit did not find the child safe"
    yield from (each for each in _return_found(before) if isinstance(each, str))


def _nothing_held(before: Before) -> Shown:
    case = before.case
    if before.act["act"] == "close_case":
        stands = ["detention"] * case.detained + ["missing"] * case.missing
    else:
        stands = [*case.holds, *_should_hold(case)]
    if stands:
        yield f"these holds stood: {', '.join(map(words, dict.fromkeys(stands)))}"


def _should_hold(case: Case) -> Iterator[str]:
    """The holds that the facts on record call for, whether or not an entry says that they stand."""
    if case.detained:
        yield "detention"
    if case.emergency_overdue:
        yield "emergency_placement_overdue"
    if case.asylum in ("open", "granted"):
        yield "asylum"
    if any(appeal.against in SUSPENDING for appeal in case.appeals):
        yield "appeal"
    if case.missing:
        yield "missing"
    yield from case.suspensions


def _extended_within(before: Before) -> Shown:
    limit = before.case.agreement.extension_limit
    for key, (_, days) in before.entry.facts["deadlines"]["extended"].items():
        deadline = before.case.deadlines[key]
        if name_of(key) in ("release", "emergency_placement"):
            yield f"the deadline “{words(key)}” is never extended"
        if deadline.overdue:
            yield f"the deadline “{words(key)}” had passed"
        if deadline.extended + days > limit:
            yield f"the deadline “{words(key)}” was extended by more than {limit} days"


_JOURNEY: Final[dict[SafeguardName, Check]] = {
    "bid-before-return": _return_found,
    "approval-of-both-states": _both_states,
    "escort-from-child-protection": _escort,
    "handover-into-care": _hand_over,
    "held": _nothing_held,
}
_ASKED: Final[dict[str, dict[SafeguardName, Check]]] = {
    "assess_age": {"benefit-of-doubt": _benefit_of_doubt},
    "place_child": {"no-detention": _open_placement, "family-unity": _together},
    "arrange_third_country": {"no-detention": _open_placement, "family-unity": _together},
    "appoint_guardian": {"guardian-independence": _independent},
    "replace_guardian": {"guardian-independence": _independent},
    "appoint_counsel": {"counsel-free": _counsel_free},
    "open_tracing": {
        "guardian-first": _guardian_first,
        "consent": _agrees_to_tracing,
        "no-contact-with-origin": _no_contact,
    },
    "determine_best_interests": {
        "guardian-first": _guardian_first,
        "counsel-first": _counsel_first,
        "child-heard": _heard,
        "bid-panel": _panel,
        "options-considered": _options,
        "four-eyes": _panel_and_others,
        "safe-family": _safe_family,
        "non-refoulement": _no_refoulement,
    },
    "give_consent": {
        "bid-before-return": _return_found,
        "guardian-first": _guardian_first,
        "consent": _consent_informed,
    },
    "adopt_reintegration_plan": {"bid-before-return": _return_found, "reintegration-plan": _plan_words},
    "approve_return": {
        "bid-before-return": _return_found,
        "guardian-first": _guardian_first,
        "child-heard": _heard,
        "consent": _consents,
        "stale-evidence": _fresh,
        "safe-family": _safe_family,
        "care-guaranteed": _care_guaranteed,
        "reintegration-plan": _plan_adopted,
        "rights-impact": _rights_impact,
        "non-refoulement": _no_refoulement,
        "appeal-suspends": _no_appeal,
        "no-detention": _not_detained,
        "four-eyes": _other_approvers,
        "stale-dossier": _dossier_read,
        "held": _nothing_held,
    },
    "plan_travel": {**_JOURNEY, "no-detention": _open_journey},
    "approve_travel": {
        **_JOURNEY,
        "no-detention": _open_journey_in_force,
        "consent": _consents,
        "stale-evidence": _fresh,
        "appeal-suspends": _window_over,
        "fit-to-travel": _fit_on(lambda before: before.case.plan.first_departure.date() if before.case.plan else None),
        "four-eyes": _not_the_planner,
        "stale-dossier": _dossier_read,
    },
    "depart": {
        "travel-approved": _travel_approved,
        "fit-to-travel": _fit_on(lambda before: before.entry.at.date()),
        "consent": _consents,
        "stale-evidence": _fresh,
        "held": _nothing_held,
    },
    "resume": {"four-eyes": _another_resumes},
    "extend_deadline": {"extension-limit": _extended_within},
    "close_case": {"monitoring-complete": _monitored, "held": _nothing_held},
}
"""What must be asked at which act (procedure, part 2). An accepted act that was not asked it is a finding."""

FURTHER: Final[dict[str, dict[SafeguardName, Check]]] = {
    "assign": {"guardian-independence": _another_caseworker},
    "arrange_third_country": {"appeal-suspends": _no_appeal},
    "plan_travel": {"non-refoulement": _no_claim, "appeal-suspends": _no_appeal},
    "approve_travel": {"non-refoulement": _no_refoulement, "rights-impact": _rights_impact},
    "depart": {
        "no-detention": _not_detained,
        "non-refoulement": _no_refoulement,
        "appeal-suspends": _no_appeal,
        "rights-impact": _rights_impact,
        "handover-into-care": _hand_over,
    },
}
"""What is asked beyond part 2, where the entry says that it was."""


def required_of(entry: Entry, case: Case | None) -> Mapping[SafeguardName, Check]:
    """What must be asked of an accepted act. Without the ``case`` before it, as far as its header tells."""
    facts, asked = entry.facts, _ASKED.get(entry.act or "", {})
    leave_out: tuple[SafeguardName, ...] = ()
    match entry.act:
        case "assess_age" if facts.get("result") != "adult":
            return {}
        case "give_consent" if not facts.get("given"):
            return {}
        case "determine_best_interests" if facts.get("solution") != "return":
            leave_out = ("safe-family", "non-refoulement")
        case "close_case" if not _closes_a_return(facts.get("outcome"), case):
            leave_out = ("monitoring-complete",)
        case _:
            pass
    return {name: check for name, check in asked.items() if name not in leave_out}


def _closes_a_return(outcome: str | None, case: Case | None) -> bool:
    """Whether a closing ends a return, also under another name."""
    if outcome == "returned" or case is None:
        return outcome == "returned"
    returned = case.arrived is not None and case.return_found and not case.adulthood_holds
    return returned and outcome in ("stays", "third_country", "transferred_to_adult_services")


# What is asked of every act


def _form(entry: Entry) -> Shown:
    """An accepted entry's header tells of the act that its body holds."""
    act = entry.body["act"]
    said = act["act"], act["act_id"], act["actor"]["role"], act["actor"]["state"]
    if said != (entry.act, entry.act_id, entry.actor_role, entry.actor_state):
        yield "its header tells of another act or another actor than its body"
    elif any(entry.facts.get(word) != act[word] for word in RESULT_WORDS.get(act["act"], ())):
        yield "its header tells of another result than its body"


def role_fits(entry: Entry) -> Shown:
    # Whose approvals an agreement asks for besides the two authorities' is not in the header.
    if entry.actor_role not in MAY.get(entry.act or "", {}) and entry.act != "approve_return":
        yield f"the {words(entry.actor_role)} does not do it"


def _whose_act(before: Before) -> Shown:
    case, entry, act = before.case, before.entry, before.act
    role, state, person = entry.actor_role or "", entry.actor_state or "", act["actor"]["id"]
    yield from role_fits(entry)
    may: dict[str, str] = {**MAY.get(entry.act or "", {})}
    if entry.act == "approve_return" and f"{role}@{case.side_of(state)}" not in case.agreement.approvals:
        yield f"the {words(role)} of {state} does not do it"
    relative = case.relatives.get(act.get("relative_id", ""))
    states = {
        "host": {case.host_state},
        "origin": {case.origin_state},
        "either": {case.host_state, case.origin_state},
        "child": {case.host_state, case.child_state},
        "relative": {relative.state} if relative else {state},
    }
    if state not in states.get(may.get(role, ""), {state}):
        yield f"the {words(role)} of {state} does not do it in this case"
    in_office = {
        "guardian": case.guardian.id if case.guardian else None,
        "legal_counsel": case.counsel.id if case.counsel else None,
        "escort": case.plan.escort_id if case.plan else None,
        "caseworker": case.caseworkers.get(state, person),
    }
    if in_office.get(role, person) != person:
        yield f"this {words(role)} is not the one of this case"


def _still_open(before: Before) -> Shown:
    if before.case.closed:
        yield "the case was closed"


_PASSES_AFTER_18: Final = REPORTS | frozenset(
    {
        *("transfer_to_adult_services", "close_case", "place_child", "appoint_guardian"),
        *("answer_complaint", "decide_appeal", "resolve_asylum_claim"),
    }
)


def _in_order(before: Before) -> Shown:
    act, case = before.act, before.case
    if case.adulthood_holds and act["act"] in DECISIONS and act["act"] not in _PASSES_AFTER_18:
        yield "the young person had turned eighteen"
    match act["act"]:
        case "appoint_guardian" if case.guardian:
            yield f"a guardian was in office (entry {case.guardian.n})"
        case "replace_guardian" if case.guardian is None:
            yield "no guardian was in office to be replaced"
        case "assess_family" if act["relative_id"] not in case.relatives:
            yield "no such relative was on record"
        case "determine_best_interests":
            yield from _determined_in_order(before)
        case "decide_appeal" if not case.appeals:
            yield "no appeal was pending"
        case "resolve_asylum_claim" if case.asylum != "open":
            yield "no claim for asylum was pending"
        case "approve_return" | "plan_travel" if case.departed or case.arrived:
            yield "the child was on the way or had arrived"
        case "approve_travel" if case.plan is None or case.plan.interrupted or not case.plan.documents_ready:
            yield "there was no plan in force with its documents ready"
        case "depart" if case.departed:
            yield f"the child had departed (entry {case.departed.n})"
        case "arrive" if case.departed is None or case.arrived:
            yield "the child was not on the way"
        case "record_visit" if case.arrived is None:
            yield "the child had not arrived"
        case "arrange_third_country" if case.solution != "third_country" or case.side_of(act["state"]):
            yield "the panel had not found a third country, or this is none"
        case "transfer_to_adult_services" if not case.turned_18:
            yield "the child was not eighteen"
        case "resume" if act["ground"] not in case.suspensions:
            yield "the case was not suspended on this ground"
        case "answer_complaint" if act["complaint"] not in (complaint.n for complaint in case.complaints):
            yield "no such complaint waited for an answer"
        case "close_case" if case.travelling or not _came_about(act["outcome"], case, before.entry.at):
            yield "the outcome named had not come about"
        case _:
            pass


def _determined_in_order(before: Before) -> Shown:
    case, solution = before.case, before.act["solution"]
    tracing = case.tracing
    if case.assessed is None or case.assessed.n <= before.trail.round_began:
        yield "no assessment of this round had been submitted"
    if case.determination is not None and case.determination.solution != "postpone":
        yield f"this round had its determination (entry {case.determination.n})"
    if solution in ("stay", "postpone") or case.situation == "with_family":
        return
    if tracing is None or tracing.result == "ongoing":
        yield "family tracing had no answer"
    elif tracing.result == "found" and not case.family.keys() >= set(tracing.relatives):
        yield f"a relative found (entry {tracing.n}) was not assessed"


def _came_about(outcome: str, case: Case, at: datetime) -> bool:
    match outcome:
        case "stays":
            return case.stay is not None
        case "third_country":
            return case.third_country is not None
        case "adult":
            ends = case.appeal_window_ends
            appealed = any(appeal.against == "age" for appeal in case.appeals) or (ends is not None and at < ends)
            return case.age_assessed is not None and case.age_assessed.result == "adult" and not appealed
        case "transferred_to_adult_services":
            return case.transferred is not None
        case "withdrawn":
            cared_for = case.guardian is not None or case.situation == "with_family"
            return cared_for and not case.approvals and case.departed is None
        case _:
            return True  # whether a return came about is the question of monitoring-complete


OF_EVERY_ACT: Final[dict[SafeguardName, Check]] = {
    "not-your-act": _whose_act,
    "out-of-order": _in_order,
    "closed-case": _still_open,
    "well-formed": lambda before: _form(before.entry),
}
