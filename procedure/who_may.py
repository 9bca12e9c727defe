"""Who may do which act: role by act by whose state, as one table (contract, section 3).

``host`` and ``origin`` are the case's two states; ``either`` is both; ``child`` is the host state
and, once the child has arrived there, the origin state too; ``any`` is every state, for alarms that
a third state may have to raise.
"""

from collections.abc import Iterator
from typing import Final

from procedure.case import Case
from procedure.safeguards.asked import Asked, Refusal, refuse
from procedure.vocabulary import ROLES, Role

Where = str
HOST: Final = "host"
ORIGIN: Final = "origin"
EITHER: Final = "either"
CHILD: Final = "child"
ANY: Final = "any"
RELATIVES_STATE: Final = "relative"

_NEVER: Final[frozenset[Role]] = frozenset({"auditor", "system"})
_FIREWALLED: Final[frozenset[Role]] = frozenset({"law_enforcement"})


def _everyone(where: Where, *, but: frozenset[Role] = frozenset()) -> dict[Role, Where]:
    return {role: where for role in ROLES if role not in _NEVER | but}


MAY: Final[dict[str, dict[Role, Where]]] = {
    "verify_identity": {"caseworker": HOST, "central_authority": HOST, "consulate": EITHER},
    "assess_age": {"child_protection_authority": HOST},
    "screen_protection": {"caseworker": HOST, "child_protection_authority": HOST},
    "place_child": {"child_protection_authority": CHILD, "caseworker": CHILD},
    "confirm_services": {"caseworker": CHILD},
    "report_detention": _everyone(ANY),
    "confirm_release": {"caseworker": EITHER, "legal_counsel": EITHER, "ombudsperson": EITHER, "monitor": EITHER},
    "report_missing": _everyone(ANY),
    "report_found": _everyone(ANY),
    "appoint_guardian": {"guardianship_authority": CHILD},
    "replace_guardian": {"guardianship_authority": CHILD},
    "appoint_counsel": {"guardianship_authority": CHILD, "central_authority": CHILD, "court": CHILD},
    "open_tracing": {"caseworker": HOST},
    "report_tracing": {
        "tracing_service": EITHER,
        "central_authority": EITHER,
        "consulate": EITHER,
        "caseworker": EITHER,
    },
    "assess_family": {"caseworker": RELATIVES_STATE, "central_authority": RELATIVES_STATE},
    "guarantee_care": {"central_authority": ORIGIN, "relative": ANY},
    "hear_child": {"guardian": EITHER, "caseworker": CHILD, "bid_panel": HOST},
    "submit_assessment": {"caseworker": HOST},
    "determine_best_interests": {"bid_panel": HOST},
    "reopen_best_interests": {
        "guardian": EITHER,
        "legal_counsel": EITHER,
        "caseworker": EITHER,
        "bid_panel": EITHER,
        "monitor": EITHER,
        "ombudsperson": EITHER,
        "court": EITHER,
    },
    "appeal": {
        "child": EITHER,
        "guardian": EITHER,
        "legal_counsel": EITHER,
        "relative": ANY,
        "ombudsperson": HOST,
    },
    "decide_appeal": {"court": HOST},
    "give_consent": {"child": EITHER, "guardian": EITHER},
    "withdraw_consent": {"child": EITHER, "guardian": EITHER},
    "adopt_reintegration_plan": {"central_authority": ORIGIN, "caseworker": EITHER},
    "assess_rights_impact": {"caseworker": EITHER, "monitor": EITHER, "ombudsperson": EITHER},
    "approve_return": {"central_authority": EITHER},
    "decline_return": {"central_authority": EITHER},
    "certify_fit_to_travel": {"health_worker": HOST},
    "plan_travel": {"caseworker": HOST, "central_authority": HOST},
    "approve_travel": {"child_protection_authority": HOST},
    "depart": {"escort": EITHER},
    "report_incident": {"escort": EITHER, "caseworker": EITHER},
    "arrive": {"escort": EITHER, "central_authority": ORIGIN, "caseworker": ORIGIN},
    "record_visit": {"monitor": EITHER, "caseworker": ORIGIN},
    "grant_stay": {"central_authority": HOST},
    "arrange_third_country": {"central_authority": HOST},
    "transfer_to_adult_services": {"child_protection_authority": HOST},
    "close_case": {"central_authority": EITHER},
    "lodge_asylum_claim": {
        "child": EITHER,
        "guardian": EITHER,
        "legal_counsel": EITHER,
        "caseworker": HOST,
        "escort": EITHER,
    },
    "resolve_asylum_claim": {"asylum_authority": HOST, "court": HOST},
    "suspend": {"central_authority": EITHER, "child_protection_authority": EITHER, "caseworker": EITHER},
    "resume": {"central_authority": EITHER, "child_protection_authority": EITHER, "caseworker": EITHER},
    "complain": _everyone(ANY, but=_FIREWALLED),
    "answer_complaint": {"ombudsperson": CHILD, "court": CHILD},
    "assign": {"central_authority": HOST, "caseworker": HOST},
    "extend_deadline": {"central_authority": HOST},
    "correct": _everyone(ANY, but=_FIREWALLED),
    "note": _everyone(EITHER, but=_FIREWALLED),
}
"""The table. Persons known by name (child, guardian, counsel, escort, relative) may speak from either state."""

BOUND_BY_ID: Final[dict[Role, str]] = {
    "guardian": "the guardian in office",
    "legal_counsel": "the counsel in office",
    "escort": "the escort of the travel plan in force",
}
"""Roles in which only the one in office acts."""
_ASK_IN_OFFICE: Final[dict[str, str]] = {
    "guardian": "Tell the guardian in office, or the caseworker, what you know.",
    "legal_counsel": "Tell the counsel in office, the guardian or the caseworker what you know.",
    "escort": "The escort whom the plan names acts. For another escort, ask for a new `plan_travel`.",
}
_ASK: Final = "Ask somebody whose act it is, or record a `note`."
_FIREWALL: Final = "Law enforcement reports a child missing, found or detained, and nothing else; tell anything more to the caseworker."


def whose(case: Case, act: str) -> dict[Where, list[str]]:
    """The roles that may ever do an act in this case, by the place where they may, those of its agreement too."""
    found: dict[Where, list[str]] = {}
    for role, where in MAY[act].items():
        found.setdefault(where, []).append(role)
    for who in case.agreement.approvals if act == "approve_return" else ():
        role, _, side = who.partition("@")
        if role not in MAY[act]:
            found.setdefault(side, []).append(role)
    return found


def not_your_act(asked: Asked) -> Iterator[Refusal]:
    """not-your-act: role, state, and for some the very person."""
    case, actor, act = asked.case, asked.act.actor, asked.act.act
    where = MAY[act].get(actor.role)
    role = actor.role.replace("_", " ")
    if where is None:
        extra = act == "approve_return" and f"{actor.role}@{case.side_of(actor.state)}" in case.agreement.approvals
        if not extra:
            yield refuse("not-your-act", f"The {role} does not do `{act}`.", _offer(asked))
    elif not _state_fits(asked, where):
        yield refuse("not-your-act", f"The {role} of {actor.state} does not do `{act}` in this case.", _offer(asked))
    if actor.role in BOUND_BY_ID and not in_office(case, actor.role, actor.id):
        yield refuse("not-your-act", f"This person is not {BOUND_BY_ID[actor.role]}.", _ASK_IN_OFFICE[actor.role])
    if actor.role == "caseworker":
        assigned = case.caseworkers.get(actor.state)
        # Assigning is how a case comes to another caseworker, but only through the one who has it.
        if assigned is not None and assigned != actor.id:
            yield refuse(
                "not-your-act",
                "Another caseworker of this state is assigned to the case.",
                "Ask the assigned caseworker, or the central authority to `assign` the case anew.",
            )
    if act == "guarantee_care" and asked.act.by == "authority" and actor.role == "relative":
        yield refuse(
            "not-your-act",
            "A relative does not give the authority's guarantee.",
            "Give the family's undertaking with `by` family; the central authority guarantees for itself.",
        )


def in_office(case: Case, role: str, person: str) -> bool:
    """Whether this person is the one who holds that role in this case now."""
    if role == "guardian":
        return case.guardian is not None and case.guardian.id == person
    if role == "legal_counsel":
        return case.counsel is not None and case.counsel.id == person
    return case.plan is not None and case.plan.escort_id == person


def person_alone(case: Case, role: str, state: str) -> str | None:
    """The one person who may act in this role now; ``None`` where the role and the state are enough."""
    match role:
        case "guardian":
            return case.guardian.id if case.guardian else None
        case "legal_counsel":
            return case.counsel.id if case.counsel else None
        case "escort":
            return case.plan.escort_id if case.plan else None
        case "caseworker":
            return case.caseworkers.get(state)
        case _:
            return None


def _state_fits(asked: Asked, where: Where) -> bool:
    case, state = asked.case, asked.act.actor.state
    if where == ANY:
        return True
    if where == CHILD:
        # The contract's people keep their part; somebody where the child is must be able to care as well.
        return state in (case.host_state, case.child_state)
    if where == EITHER:
        return state in (case.host_state, case.origin_state)
    if where == RELATIVES_STATE:
        relative = case.relatives.get(asked.act.relative_id)
        # Who the relative is, is another gate's question.
        return relative is None or state == relative.state
    return state == case.state_of(where)


def _offer(asked: Asked) -> str:
    """Whose act it is, each role with its state."""
    act = asked.act.act
    if asked.act.actor.role in _FIREWALLED:
        return _FIREWALL
    if len(MAY[act]) > 8:
        return _ASK
    by_place: dict[str, list[str]] = {}
    for role, where in MAY[act].items():
        by_place.setdefault(_whose(asked, where), []).append(role.replace("_", " "))
    return f"It is done by: {'; '.join(', '.join(roles) + whose for whose, roles in by_place.items())}."


def _whose(asked: Asked, where: Where) -> str:
    case = asked.case
    if where == ANY:
        return ""
    if where == EITHER:
        return f" of {case.host_state} or {case.origin_state}"
    if where == RELATIVES_STATE:
        relative = case.relatives.get(asked.act.relative_id)
        return f" of {relative.state}, where the relative lives" if relative else " of the relative's state"
    if where == CHILD and case.child_state != case.host_state:
        return f" of {case.host_state} or {case.child_state}"
    return f" of {case.origin_state if where == ORIGIN else case.host_state}"
