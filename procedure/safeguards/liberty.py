"""No detention, and no child apart from the family: the safeguards about where a child is."""

from collections.abc import Iterator
from typing import Any

from procedure.placement import detention_reasons
from procedure.safeguards.asked import Asked, Refusal, gate, refuse
from procedure.vocabulary import HOLDS, Hold

_ELSEWHERE = "Choose a family, a foster family or another open place run by child protection, and try again."


def _closed(placement: dict[str, Any], what: str) -> Iterator[Refusal]:
    if reasons := detention_reasons(placement):
        yield refuse("no-detention", f"{what} would be detention: {'; '.join(reasons)}.", _ELSEWHERE)


@gate("no-detention")
def open_placement(asked: Asked) -> Iterator[Refusal]:
    """no-detention, of the placement that the act names (CRC 37(b); JGC23 paras 5-13)."""
    yield from _closed(asked.act.placement.model_dump(), "This placement")


@gate("no-detention")
def open_journey(asked: Asked) -> Iterator[Refusal]:
    """no-detention, of every overnight stay and of the hand-over of the plan that the act proposes."""
    for n, leg in enumerate(asked.act.legs, start=1):
        if leg.overnight:
            yield from _closed(leg.overnight.model_dump(), f"The overnight stay after leg {n}")
    yield from _closed(asked.act.handover.placement.model_dump(), "The place of hand-over")


@gate("no-detention")
def open_journey_in_force(asked: Asked) -> Iterator[Refusal]:
    """no-detention, asked again of the plan in force when it is approved."""
    plan = asked.case.plan
    if plan is None:
        return
    for overnight in plan.overnights:
        yield from _closed(overnight, "An overnight stay of the plan")
    yield from _closed(plan.handover_placement, "The plan's place of hand-over")


@gate("no-detention")
def not_detained_now(asked: Asked) -> Iterator[Refusal]:
    """no-detention, of where the child is at present: nothing is decided about a return from inside."""
    if asked.case.detained:
        yield refuse(
            "no-detention",
            "The child is reported to be in detention now; no step towards return is taken from there.",
            "Get the child released, place the child in open care and record `confirm_release` or `place_child`.",
        )


_BEHIND: dict[Hold, tuple[Any, str, str]] = {
    "detention": (
        "no-detention",
        "The child is reported to be in detention.",
        "Record `confirm_release` or `place_child` as soon as the child is in open care.",
    ),
    "emergency_placement_overdue": (
        "no-detention",
        "The child has been in an emergency placement for longer than it may last.",
        "Place the child in family-based or group care with `place_child`.",
    ),
    "asylum": (
        "non-refoulement",
        "A claim for asylum is open.",
        "Wait for the asylum authority's `resolve_asylum_claim`; care goes on.",
    ),
    "appeal": (
        "appeal-suspends",
        "An appeal is pending.",
        "Wait for the court's `decide_appeal`.",
    ),
}


@gate("no-detention", "non-refoulement", "appeal-suspends")
def behind_the_holds(asked: Asked) -> Iterator[Refusal]:
    """The safeguard that each standing hold stands for (contract, section 5)."""
    for hold in asked.case.holds:
        if hold == "asylum" and asked.case.asylum == "granted":
            yield refuse(
                "non-refoulement",
                "Asylum was granted; the child is not returned.",
                "The panel determines a stay or a third country in the new round.",
            )
        elif hold in _BEHIND:
            yield refuse(*_BEHIND[hold])


_LIFTS: dict[Hold, str] = {
    "detention": "`confirm_release` or `place_child`, when the child is in open care",
    "emergency_placement_overdue": "a `place_child` into family-based or group care",
    "asylum": "the asylum authority's `resolve_asylum_claim`, unless asylum is granted",
    "appeal": "the court's `decide_appeal`",
    "missing": "`report_found`",
    "crisis": "`resume` by another person",
    "health": "`resume` by another person",
    "school_year": "`resume` by another person",
    "other": "`resume` by another person",
    "review": "a new round, opened with `reopen_best_interests`",
    "adulthood": "nothing; the child protection authority hands over with `transfer_to_adult_services`",
}
assert set(_LIFTS) == set(HOLDS)

_STANDS: dict[Hold, str] = {
    "detention": "the child is in detention",
    "emergency_placement_overdue": "the child has been in an emergency placement for too long",
    "asylum": "a claim for asylum is open or was granted",
    "appeal": "an appeal is pending",
    "missing": "the child is missing",
    "crisis": "suspended for a crisis",
    "health": "suspended for health",
    "school_year": "suspended for the school year",
    "other": "suspended on another ground",
    "review": "the day of the review has come",
    "adulthood": "the young person is eighteen",
}
assert set(_STANDS) == set(HOLDS)


@gate("held")
def held(asked: Asked) -> Iterator[Refusal]:
    """held: nothing moves the return forward while a hold stands. Care is never held."""
    if asked.case.holds:
        stands = "; ".join(f"{hold} ({_STANDS[hold]})" for hold in asked.case.holds)
        ways = "; ".join(f"for {hold}, {_LIFTS[hold]}" for hold in asked.case.holds)
        yield refuse("held", f"The return is held: {stands}.", f"What lifts it: {ways}. Care goes on meanwhile.")


@gate("family-unity")
def family_together(asked: Asked) -> Iterator[Refusal]:
    """family-unity: a child with the family is placed apart from it only for danger (CRC 9; OSCE rec. 4)."""
    case = asked.case
    if case.situation != "with_family" or asked.act.placement.kind == "family":
        return
    danger = (
        (case.screening is not None and case.screening.violence)
        or any(not found.safe for found in case.family.values())
        or case.court_found_danger
    )
    if not danger:
        yield refuse(
            "family-unity",
            "This would separate the child from the family, and no danger in the family is on record.",
            "House the whole family in the community; where there is danger, record it first "
            "(`screen_protection` or `assess_family`).",
        )
