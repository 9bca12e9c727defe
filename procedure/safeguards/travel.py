"""The journey: plan, escort, fitness, hand-over."""

from collections.abc import Iterator
from datetime import date
from typing import Final

from procedure.placement import FAMILY_KINDS
from procedure.safeguards.asked import Asked, Refusal, body, gate, refuse
from procedure.vocabulary import ENFORCEMENT, PlacementKind, RunBy

CARE_PLACES: Final = FAMILY_KINDS | frozenset[PlacementKind]({"independent_living", "group_home", "child_shelter"})
"""Where a journey may end: places of care, never a border, a transit institution or a hotel (OSCE note 12(v))."""


@gate("escort-from-child-protection")
def escort_from_child_protection(asked: Asked) -> Iterator[Refusal]:
    """escort-from-child-protection, asked of the plan proposed (OSCE note 12(v); rec. 3)."""
    yield from _escort(asked, asked.act.escort.employer)


@gate("escort-from-child-protection")
def escort_in_force(asked: Asked) -> Iterator[Refusal]:
    """escort-from-child-protection, asked again of the plan in force."""
    if asked.case.plan:
        yield from _escort(asked, asked.case.plan.escort_employer)


def _escort(asked: Asked, employer: RunBy | str) -> Iterator[Refusal]:
    allowed = asked.case.agreement.escort_employers
    if employer not in allowed or employer in ENFORCEMENT:
        names = ", ".join(body(each) for each in allowed)
        yield refuse(
            "escort-from-child-protection",
            f"The escort is employed by {body(employer)}.",
            f"Choose an escort whose employer this agreement allows: {names}.",
        )


@gate("handover-into-care")
def handover_into_care(asked: Asked) -> Iterator[Refusal]:
    """handover-into-care, asked of the plan proposed (OSCE note 12(v))."""
    handover = asked.act.handover
    yield from _handover(asked, handover.to, handover.relative_id, handover.placement.kind, handover.placement.run_by)


@gate("handover-into-care")
def handover_in_force(asked: Asked) -> Iterator[Refusal]:
    """handover-into-care, asked again of the plan in force."""
    plan = asked.case.plan
    if plan:
        place = plan.handover_placement
        yield from _handover(asked, plan.handover_to, plan.handover_relative, place["kind"], place["run_by"])


def _handover(asked: Asked, to: str, relative: str | None, kind: str, run_by: str) -> Iterator[Refusal]:
    if to == "family" and relative not in asked.case.safe_relatives():
        yield refuse(
            "handover-into-care",
            "The hand-over is to family, but names no relative who is assessed willing, able and safe.",
            "Name a relative assessed safe, or hand over to child protection.",
        )
    if kind not in CARE_PLACES or run_by in ENFORCEMENT:
        yield refuse(
            "handover-into-care",
            f"The place of hand-over ({kind.replace('_', ' ')}, run by {body(run_by)}) is no place of care.",
            "Hand over at the family's home or at a place of care near it, never at a border or to enforcement.",
        )


@gate("out-of-order")
def plan_in_force(asked: Asked) -> Iterator[Refusal]:
    """out-of-order: there is a plan to approve, its journey not interrupted, its documents ready."""
    plan = asked.case.plan
    if plan is None:
        yield refuse("out-of-order", "There is no travel plan in force.", "Ask for `plan_travel` first.")
    elif plan.interrupted:
        yield refuse(
            "out-of-order",
            f"The journey of this plan was interrupted (entry {plan.interrupted}).",
            "Make a new `plan_travel`.",
        )
    elif not plan.documents_ready:
        yield refuse(
            "out-of-order",
            "The travel documents are not ready.",
            "Get the documents and record a new `plan_travel` that says so.",
        )


@gate("out-of-order")
def no_approval_yet(asked: Asked) -> Iterator[Refusal]:
    """out-of-order: a plan is approved once."""
    if asked.case.travel_approval is not None:
        yield refuse("out-of-order", "This plan is approved already.", "Nothing more is needed.")


@gate("fit-to-travel")
def fit_on_first_departure(asked: Asked) -> Iterator[Refusal]:
    """fit-to-travel, when travel is approved: valid on the day of the first departure (GC6 para 84)."""
    if asked.case.plan:
        yield from _fit(asked, asked.case.plan.first_departure.date(), "on the day of departure")


@gate("fit-to-travel")
def fit_today(asked: Asked) -> Iterator[Refusal]:
    """fit-to-travel, at departure: valid today."""
    yield from _fit(asked, asked.at.date(), "today")


def _fit(asked: Asked, day: date, when: str) -> Iterator[Refusal]:
    fitness = asked.case.fitness
    instead = "Ask a health worker for `certify_fit_to_travel`."
    if fitness is None:
        yield refuse("fit-to-travel", "No health worker has certified the child fit to travel.", instead)
    elif not fitness.fit:
        yield refuse(
            "fit-to-travel", "The health worker found the child not fit to travel.", f"Let the child recover. {instead}"
        )
    elif fitness.valid_until < day:
        yield refuse("fit-to-travel", f"The certificate is not valid {when} (it ends {fitness.valid_until}).", instead)


@gate("travel-approved")
def travel_approved(asked: Asked) -> Iterator[Refusal]:
    """travel-approved: nobody departs without an approved plan in force."""
    plan = asked.case.plan
    if plan is not None and plan.interrupted:
        yield refuse(
            "travel-approved",
            f"The journey was interrupted (entry {plan.interrupted}); its plan and approval are over.",
            "Make a new `plan_travel` and ask the child protection authority for a new `approve_travel`.",
        )
    elif asked.case.travel_approval is None or plan is None:
        yield refuse(
            "travel-approved",
            "No approved travel plan is in force.",
            "Ask the child protection authority for `approve_travel`.",
        )


@gate("out-of-order")
def not_departed(asked: Asked) -> Iterator[Refusal]:
    """out-of-order: nobody departs twice."""
    if asked.case.departed is not None:
        yield refuse("out-of-order", "The child has departed already.", "Record `arrive` or `report_incident`.")


@gate("out-of-order")
def departed(asked: Asked) -> Iterator[Refusal]:
    """out-of-order: an arrival ends a journey that is on record."""
    case = asked.case
    if case.arrived is not None:
        yield refuse("out-of-order", "The arrival is on record already.", "Use `correct`, `record_visit` or `note`.")
    elif case.departed is None:
        interrupted = case.plan.interrupted if case.plan else None
        yield refuse(
            "out-of-order",
            f"The departure was undone by the incident of entry {interrupted}; the child is not on the way."
            if interrupted
            else "No departure is on record.",
            "If the child was moved without one, record `report_detention`, `report_missing` or `complain` at once.",
        )


@gate("out-of-order")
def journey_planned(asked: Asked) -> Iterator[Refusal]:
    """out-of-order: an incident befalls a planned journey that has not ended."""
    case = asked.case
    if case.plan is None or case.arrived is not None:
        yield refuse(
            "out-of-order",
            "No journey is planned or under way.",
            "Record what happened with `report_detention`, `report_missing`, `report_found` or `note`.",
        )


@gate("out-of-order")
def arrived(asked: Asked) -> Iterator[Refusal]:
    """out-of-order: monitoring visits follow an arrival."""
    if asked.case.arrived is None:
        yield refuse("out-of-order", "The child has not arrived.", "Record visits after `arrive`.")
