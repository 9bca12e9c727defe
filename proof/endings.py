"""The way to an ending: what people would do next, from wherever a case stands, for it to end so.

It proposes; the law decides. Each proposal is heard like any act, and one that is refused is a finding.
"""

from datetime import datetime
from typing import Final

from procedure.case import Case
from procedure.evidence import stale
from procedure.majority import own_consent_needed
from procedure.stages import age_settled, appeal_window_over, guardian_consents, traced

SOLUTION: Final = {"stay": "stay", "third country": "third_country", "return": "return"}
_DETERMINE: Final = {
    "stay": "determine_best_interests [stay]",
    "third country": "determine_best_interests [third country]",
    "return": "determine_best_interests",
}
_RENEW: Final = {
    ("reopen_best_interests", "caseworker"): "reopen_best_interests",
    ("give_consent", "guardian"): "give_consent",
    ("give_consent", "child"): "give_consent [the child]",
    ("assess_rights_impact", "caseworker"): "assess_rights_impact",
    ("assess_family", "caseworker"): "assess_family",
    ("guarantee_care", "central_authority"): "guarantee_care",
}
_CLOSE: Final = {"stay": "close_case [stays]", "third country": "close_case [third country]"}


def next_step(ending: str, case: Case, at: datetime) -> str:
    """The label of the next act or wait on the way to ``stay``, ``third country``, ``return`` or ``transferred``."""
    if case.missing:
        return "report_found"
    if case.detained:
        return "confirm_release"
    if case.travelling and ending in ("stay", "third country", "transferred"):
        return "report_incident"
    if ending == "transferred":
        return "close_case [transferred]" if case.transferred else "transfer_to_adult_services"
    return (
        _people_and_peace(case)
        or _settled(ending, case)
        or _found(ending, case)
        or ("grant_stay" if ending == "stay" else None)
        or ("arrange_third_country" if ending == "third country" else None)
        or (_monitored(case) if case.arrived else _returned(case, at))
    )


def _people_and_peace(case: Case) -> str | None:
    if case.guardian is None:
        took_part = {case.counsel.id if case.counsel else None, *case.caseworkers.values()}
        return "appoint_guardian [another]" if "guardian-1" in took_part else "appoint_guardian"
    if case.guardian.id.startswith("panel"):
        return "replace_guardian"  # whoever would sit on the panel leaves the child to another
    if case.counsel is None:
        return "appoint_counsel"
    return "decide_appeal [dismissed]" if case.appeals else None


def _settled(ending: str, case: Case) -> str | None:
    done = {"stay": case.stay, "third country": case.third_country}.get(ending)
    returned = case.arrived is not None and case.return_found
    return _CLOSE[ending] if done and not returned else None


def _found(ending: str, case: Case) -> str | None:
    """What brings a determination of this ending, where there is none."""
    solution = case.solution
    if solution == SOLUTION[ending]:
        return None
    if solution not in (None, "postpone") or case.review_reached:
        return "reopen_best_interests"
    if case.asylum == "open" and ending == "return":
        return "resolve_asylum_claim [refused]"
    if case.hearing is None:
        return "hear_child"
    if case.assessed is None:
        return "submit_assessment"
    if ending != "stay" and not traced(case):
        return _traced(case)
    if ending == "return" and "r1" not in case.safe_relatives():
        return "assess_family"
    if ending == "return" and case.rights_impact and not case.rights_impact.safe:
        return "assess_rights_impact"
    return _DETERMINE[ending]


def _traced(case: Case) -> str:
    if case.tracing is None or case.tracing.result == "ongoing":
        return "report_tracing"
    return "assess_family [another relative]" if "r1" in case.family else "assess_family"


def _returned(case: Case, at: datetime) -> str:
    """From a determination that found return to the arrival."""
    if case.travelling:
        return "arrive"
    if case.asylum == "open":
        return "resolve_asylum_claim [refused]"
    if case.suspensions:
        return "resume"
    if case.emergency_overdue:
        return "place_child [family]"
    if case.rights_impact is None or not case.rights_impact.safe:
        return "assess_rights_impact"
    if "r1" not in case.safe_relatives():
        return "assess_family"
    if case.hearing is None or (case.objection and own_consent_needed(case, at) is False):
        return "hear_child"
    if case.objection or (case.child_consent is None and own_consent_needed(case, at)):
        return "give_consent [the child]"
    if not guardian_consents(case):
        return "give_consent"
    if case.reintegration_plan is None:
        return "adopt_reintegration_plan"
    if old := next(stale(case, at), None):
        return _RENEW[old.act, old.role]
    for who in case.agreement.approvals:
        if who not in case.approvals:
            took_part = {approval.by for approval in case.approvals.values()}
            host = "approve_return [by another officer]" if "authority-2" in took_part else "approve_return"
            known = {"central_authority@host": host, "central_authority@origin": "approve_return [origin]"}
            return known.get(who, f"approve_return [{who}]")
    if not appeal_window_over(case, at):
        return "the time to appeal ends"
    plan, fitness = case.plan, case.fitness
    if plan is None or plan.interrupted or not plan.documents_ready or plan.handover_relative not in (None, "r1"):
        return "plan_travel"
    last_day = max(plan.first_departure, at).date()
    if fitness is None or not fitness.fit or fitness.valid_until < last_day:
        return "certify_fit_to_travel"
    if case.travel_approval is None:
        return "approve_travel [by another officer]" if plan.by == "protection-1" else "approve_travel"
    return "the day of departure comes" if plan.first_departure > at else "depart"


def _monitored(case: Case) -> str:
    """From the arrival to the closing."""
    if case.identity is None:
        return "verify_identity"
    if case.screening is None:
        return "screen_protection"
    if not age_settled(case):
        return "assess_age [child]"
    if not traced(case):
        return _traced(case)
    made = case.visits.values()
    owed = len(case.agreement.visits) - len(case.visits)
    safe = bool(made) and max(made, key=lambda visit: (visit.at, visit.n)).safe
    return "record_visit" if owed or not safe else "close_case [returned]"
