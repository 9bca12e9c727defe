"""What a return decision rests on: plan, care, rights impact, approvals, appeals."""

from collections.abc import Iterator

from procedure.evidence import care_guaranteed, safe_family, stale
from procedure.safeguards.asked import Asked, Refusal, gate, refuse
from procedure.stages import appeal_window_over, approved_by_all, return_appealed


@gate("reintegration-plan")
def plan_complete_and_funded(asked: Asked) -> Iterator[Refusal]:
    """reintegration-plan, when it is adopted: funded, and each of its four parts said (JGC22 para 32(k))."""
    act = asked.act
    if not act.funded:
        yield refuse("reintegration-plan", "The plan is not funded.", "Secure the funds before adopting the plan.")
    for part in ("housing", "education", "healthcare", "support"):
        if not getattr(act, part).strip():
            yield refuse(
                "reintegration-plan", f"The plan says nothing about {part}.", f"Say what is planned for {part}."
            )


@gate("reintegration-plan")
def reintegration_plan(asked: Asked) -> Iterator[Refusal]:
    """reintegration-plan: one is adopted (JGC22 para 32(k); OSCE rec. 2)."""
    if asked.case.reintegration_plan is None:
        yield refuse(
            "reintegration-plan",
            "No reintegration plan is adopted.",
            "Ask the origin's central authority or a caseworker for `adopt_reintegration_plan`.",
        )


@gate("rights-impact")
def rights_impact(asked: Asked) -> Iterator[Refusal]:
    """rights-impact: the latest assessment says safe (OSCE, day 2)."""
    found = asked.case.rights_impact
    if found is None:
        yield refuse(
            "rights-impact",
            "The impact of a return on the child's rights has not been assessed.",
            "Record `assess_rights_impact`.",
        )
    elif not found.safe:
        yield refuse(
            "rights-impact",
            "The latest rights-impact assessment says that return is not safe.",
            "Determine another solution, or assess anew when the facts have changed.",
        )


@gate("safe-family", "care-guaranteed")
def family_or_guarantee(asked: Asked) -> Iterator[Refusal]:
    """safe-family or care-guaranteed: either is enough, and one there must be (GC6 paras 84-85; RD 10(2))."""
    if safe_family(asked.case) or care_guaranteed(asked.case):
        return
    yield refuse(
        "safe-family",
        "No relative is assessed willing, able and safe.",
        "Record `assess_family` of a relative who can take the child in.",
    )
    yield refuse(
        "care-guaranteed",
        "No care guarantee of the origin's authority is on record that the determination rests on.",
        "Ask the origin's central authority for `guarantee_care` and the panel for a new determination.",
    )


@gate("stale-evidence")
def fresh_evidence(asked: Asked) -> Iterator[Refusal]:
    """stale-evidence (GC14 paras 84, 90; the shelf lives are ours)."""
    if old := list(dict.fromkeys(found.what for found in stale(asked.case, asked.at))):
        yield refuse(
            "stale-evidence",
            f"Too old to rely on: {'; '.join(old)}.",
            "Record it anew; the new record replaces the old one.",
        )


@gate("appeal-suspends")
def no_appeal_pending(asked: Asked) -> Iterator[Refusal]:
    """appeal-suspends (JGC23 para 17; RD 13)."""
    if return_appealed(asked.case):
        yield refuse("appeal-suspends", "An appeal is pending.", "Wait for the court's `decide_appeal`.")


@gate("appeal-suspends")
def appeal_window_passed(asked: Asked) -> Iterator[Refusal]:
    """appeal-suspends: so does the time to lodge an appeal."""
    ends = asked.case.appeal_window_ends
    if ends and not appeal_window_over(asked.case, asked.at):
        yield refuse(
            "appeal-suspends",
            f"An appeal can still be lodged until {ends:%Y-%m-%d %H:%M} UTC.",
            "Wait until the time to appeal is over.",
        )


@gate("approval-of-both-states")
def both_states_approved(asked: Asked) -> Iterator[Refusal]:
    """approval-of-both-states, and every further approval that the agreement asks for, in force."""
    case = asked.case
    if approved_by_all(case):
        return
    owed = [who for who in case.agreement.approvals if who not in case.approvals]
    names = ", ".join(
        f"the {role.replace('_', ' ')} of {case.state_of(side)}" for role, _, side in (w.partition("@") for w in owed)
    )
    yield refuse("approval-of-both-states", f"Not approved, or void: {names}.", "Ask for the missing `approve_return`.")


@gate("out-of-order")
def approved_once_each(asked: Asked) -> Iterator[Refusal]:
    """out-of-order: an authority whose approval stands need not approve again."""
    case, actor = asked.case, asked.act.actor
    if f"{actor.role}@{case.side_of(actor.state)}" in case.approvals:
        yield refuse(
            "out-of-order", "This authority's approval is in force already.", "Nothing more is needed from it."
        )


@gate("out-of-order")
def return_not_under_way(asked: Asked) -> Iterator[Refusal]:
    """out-of-order: what prepares a return has no meaning once the child is on the way or has arrived."""
    if asked.case.departed is not None:
        yield refuse(
            "out-of-order",
            "The child has departed already.",
            "Record `report_incident` if the journey is interrupted, or `arrive`.",
        )


@gate("out-of-order")
def something_to_decline(asked: Asked) -> Iterator[Refusal]:
    """out-of-order: only a return that the panel found can be declined."""
    if not asked.case.return_found:
        yield refuse("out-of-order", "No return is proposed that could be declined.", "Wait for the panel.")


@gate("out-of-order")
def round_has_determination(asked: Asked) -> Iterator[Refusal]:
    """out-of-order: a round without a determination is open as it is."""
    if asked.case.determination is None:
        yield refuse(
            "out-of-order",
            "The panel has not determined anything in this round yet, so it is open.",
            "Bring the new facts to the panel with `hear_child`, `submit_assessment` or `note`.",
        )


@gate("out-of-order")
def third_country_found(asked: Asked) -> Iterator[Refusal]:
    """out-of-order: nobody is sent to a third country that the panel did not find best, or that is none.

    What leads to the state of origin is a return, and asks all that a return asks (JGC22 paras 27-33).
    """
    case, state = asked.case, asked.act.state
    if case.side_of(state):
        yield refuse(
            "out-of-order",
            f"{state} is one of the two states of this case, not a third country.",
            "Name another state; back to the state of origin only a return leads, and here `grant_stay`.",
        )
    if asked.case.solution != "third_country":
        yield refuse(
            "out-of-order",
            "The determination of this round did not find a third country.",
            "Ask the panel to consider it with `reopen_best_interests`.",
        )
