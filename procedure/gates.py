"""The gates: which safeguards are asked at which act (procedure.md, part 2).

Every refusal that applies is given, not only the first. A gate is one function; it knows what it
demands, its source, and what can be done instead.
"""

from collections.abc import Iterator
from typing import Final

from procedure.acts import REPORTS
from procedure.safeguards import (
    determination,
    endings,
    hearing,
    integrity,
    liberty,
    protection,
    representation,
    returning,
    travel,
)
from procedure.safeguards.asked import Asked, Gate, Refusal, refuse
from procedure.who_may import not_your_act

_MOVES_THE_RETURN: Final[tuple[Gate, ...]] = (liberty.held, liberty.behind_the_holds)

GATES: Final[dict[str, tuple[Gate, ...]]] = {
    "verify_identity": (protection.born_already,),
    "assess_age": (protection.benefit_of_doubt,),
    "place_child": (liberty.open_placement, liberty.family_together),
    "appoint_guardian": (representation.guardian_independent, representation.no_guardian_yet),
    "replace_guardian": (representation.guardian_independent, representation.guardian_to_replace),
    "appoint_counsel": (representation.counsel_free,),
    "open_tracing": (
        representation.guardian_first,
        hearing.agrees_to_tracing,
        protection.no_contact_with_origin,
    ),
    "assess_family": (protection.relative_known,),
    "determine_best_interests": (
        representation.guardian_first,
        representation.counsel_first,
        hearing.child_heard,
        determination.bid_panel,
        determination.options_considered,
        determination.panel_has_other_eyes,
        determination.assessed_and_traced,
        determination.care_for_return,
        protection.non_refoulement_of_return,
    ),
    "reopen_best_interests": (returning.round_has_determination,),
    "decide_appeal": (endings.appeal_pending,),
    "give_consent": (
        determination.bid_before_return,
        representation.guardian_first,
        hearing.consent_informed,
    ),
    "adopt_reintegration_plan": (determination.bid_before_return, returning.plan_complete_and_funded),
    "approve_return": (
        determination.bid_before_return,
        representation.guardian_first,
        hearing.child_heard,
        hearing.consent_in_force,
        returning.fresh_evidence,
        returning.family_or_guarantee,
        returning.reintegration_plan,
        returning.rights_impact,
        protection.non_refoulement,
        returning.no_appeal_pending,
        liberty.not_detained_now,
        integrity.approvers_differ,
        integrity.dossier_read,
        returning.approved_once_each,
        returning.return_not_under_way,
        *_MOVES_THE_RETURN,
    ),
    "decline_return": (returning.something_to_decline, returning.return_not_under_way),
    "plan_travel": (
        determination.bid_before_return,
        returning.both_states_approved,
        liberty.open_journey,
        travel.escort_from_child_protection,
        travel.handover_into_care,
        returning.return_not_under_way,
        *_MOVES_THE_RETURN,
    ),
    "approve_travel": (
        travel.plan_in_force,
        travel.no_approval_yet,
        determination.bid_before_return,
        returning.both_states_approved,
        liberty.open_journey_in_force,
        travel.escort_in_force,
        travel.handover_in_force,
        hearing.consent_in_force,
        returning.fresh_evidence,
        returning.rights_impact,
        protection.non_refoulement,
        returning.no_appeal_pending,
        returning.appeal_window_passed,
        travel.fit_on_first_departure,
        integrity.planner_does_not_approve,
        integrity.dossier_read,
        *_MOVES_THE_RETURN,
    ),
    "depart": (
        travel.travel_approved,
        travel.not_departed,
        travel.fit_today,
        travel.handover_in_force,
        hearing.consent_in_force,
        returning.fresh_evidence,
        # What turns out between the approval and the journey counts: no return that is unsafe (part 3).
        returning.rights_impact,
        protection.non_refoulement,
        *_MOVES_THE_RETURN,
    ),
    "report_incident": (travel.journey_planned,),
    "arrive": (travel.departed,),
    "record_visit": (travel.arrived,),
    "arrange_third_country": (
        returning.third_country_found,
        liberty.open_placement,
        liberty.family_together,
        returning.no_appeal_pending,
    ),
    "transfer_to_adult_services": (endings.after_eighteen,),
    "close_case": (endings.nobody_missing_or_detained, endings.monitoring_complete, endings.outcome_true),
    "resolve_asylum_claim": (endings.claim_pending,),
    "suspend": (integrity.not_suspended_on_it,),
    "resume": (integrity.another_resumes,),
    "answer_complaint": (endings.complaint_pending,),
    "assign": (representation.caseworker_not_guardian,),
    "extend_deadline": (integrity.extension_within_limit,),
}
"""What is asked of each act, besides ``not-your-act`` and ``closed-case``, which are asked of all."""

PASSES_AFTER_18: Final = REPORTS | {
    "transfer_to_adult_services",
    "close_case",
    # Care is never held (contract, section 5) ...
    "place_child",
    "appoint_guardian",
    # ... and what was lodged as a child is still answered.
    "answer_complaint",
    "decide_appeal",
    "resolve_asylum_claim",
}


def refusals(asked: Asked) -> list[Refusal]:
    """Every reason why this act is refused now; empty when it stands."""
    if asked.signed is not None and asked.signed.fault is not None:
        # Nobody is known to have said it: no rule can be asked about its author, and a forger is told nothing more.
        return [refuse("not-your-act", asked.signed.message, asked.signed.instead)]
    found = list(not_your_act(asked))
    if asked.case.closed:
        return [*found, *_closed_case(asked)]
    found += _after_18(asked)
    for gate in gates_of(asked):
        found += [refusal for refusal in gate(asked) if refusal not in found]
    return found


def gates_of(asked: Asked) -> tuple[Gate, ...]:
    """The gates of this act. Saying no is never gated: a refused consent is taken as it comes."""
    if asked.act.act == "give_consent" and not asked.act.given:
        return ()
    return GATES.get(asked.act.act, ())


def _closed_case(asked: Asked) -> Iterator[Refusal]:
    yield refuse(
        "closed-case",
        "This case is closed.",
        "Open a new case for new facts; the closed one stays readable.",
    )


def _after_18(asked: Asked) -> Iterator[Refusal]:
    case, name = asked.case, asked.act.act
    if not case.adulthood_holds or name in PASSES_AFTER_18:
        return
    message = "The young person has turned eighteen; this procedure for children is over."
    host = f"of {case.host_state}"
    instead = f"Child protection {host} hands over with `transfer_to_adult_services`; care goes on until then."
    yield refuse("held", message, instead)
    yield refuse("out-of-order", message, instead)
