"""The best-interests determination: its panel, its options, and that it comes before any return."""

from collections.abc import Iterator
from typing import Final

from procedure.evidence import authority_guarantees, safe_family
from procedure.safeguards.asked import Asked, Refusal, body, gate, refuse
from procedure.stages import traced
from procedure.vocabulary import CHILD_CARE_BODIES, ENFORCEMENT, Solution


@gate("bid-panel")
def bid_panel(asked: Asked) -> Iterator[Refusal]:
    """bid-panel: who sits on it (BIP; GC14 para 94; OSCE rec. 2)."""
    panel = asked.act.panel
    if len({member.id for member in panel}) < len(panel):
        yield refuse("bid-panel", "A person is named twice on the panel.", "Name each member once.")
    if len({member.id for member in panel}) < 3:
        yield refuse(
            "bid-panel",
            "A panel has at least three people.",
            "Convene at least three different people.",
        )
    if len({member.discipline.strip().casefold() for member in panel}) < 2:
        yield refuse(
            "bid-panel",
            "All members of the panel are of one discipline.",
            "Add a member of another discipline, for example psychology, health or education.",
        )
    if not any(member.employer in CHILD_CARE_BODIES for member in panel):
        yield refuse(
            "bid-panel",
            "Nobody on the panel comes from child protection or social service.",
            "Have child protection or social service take part.",
        )
    for employer in sorted({member.employer for member in panel if member.employer in ENFORCEMENT}):
        yield refuse(
            "bid-panel",
            f"A member of the panel is employed by {body(employer)}.",
            "Replace the member; enforcement never decides on a child's best interests.",
        )


@gate("options-considered")
def options_considered(asked: Asked) -> Iterator[Refusal]:
    """options-considered (JGC22 para 32(j))."""
    considered = set(asked.act.options_considered)
    if len(considered) < 2:
        yield refuse(
            "options-considered",
            "Only one solution was considered.",
            "Weigh at least two solutions against each other.",
        )
    if asked.act.solution not in considered:
        yield refuse(
            "options-considered",
            "The solution found is not among those considered.",
            "Consider the chosen solution together with the others.",
        )
    if asked.act.solution == "return" and "stay" not in considered:
        yield refuse(
            "options-considered",
            "Return was found without considering that the child stays.",
            "Consider a stay as well; return is one ending among equals.",
        )


@gate("bid-before-return")
def bid_before_return(asked: Asked) -> Iterator[Refusal]:
    """bid-before-return: a determination of this round that found return (JGC22 paras 27-33)."""
    found = asked.case.solution
    if found == "return":
        return
    if found is None:
        yield refuse(
            "bid-before-return",
            "No best-interests determination of this round has found return.",
            "Wait for the panel's `determine_best_interests`; other endings are as good as return.",
        )
    else:
        yield refuse("bid-before-return", _FOUND[found], f"{_NEXT[found]} New facts go to `reopen_best_interests`.")


_FOUND: Final[dict[Solution, str]] = {
    "return": "The panel found return.",
    "stay": "The panel found that the child stays, not return.",
    "third_country": "The panel found a third country, not return.",
    "postpone": "The panel put its determination off, and has not found return.",
}
_NEXT: Final[dict[Solution, str]] = {
    "return": "The central authorities approve it with `approve_return`.",
    "stay": "The central authority grants the stay with `grant_stay`.",
    "third_country": "The central authority prepares it with `arrange_third_country`.",
    "postpone": "The panel looks again in a new round.",
}


@gate("safe-family", when=lambda asked: asked.act.solution == "return")
def care_for_return(asked: Asked) -> Iterator[Refusal]:
    """safe-family, asked of a determination that finds return: somebody to return to (GC6 paras 84-85)."""
    if not (safe_family(asked.case) or authority_guarantees(asked.case)):
        yield refuse(
            "safe-family",
            "No relative is assessed willing, able and safe, and no authority guarantees care.",
            "Record `assess_family` or the origin authority's `guarantee_care`, or determine another solution.",
        )


@gate("out-of-order")
def assessed_and_traced(asked: Asked) -> Iterator[Refusal]:
    """out-of-order: an assessment of this round, and tracing answered unless the child stays meanwhile."""
    case = asked.case
    if case.assessed is None:
        yield refuse(
            "out-of-order",
            "No best-interests assessment was submitted in this round.",
            "Ask the caseworker for `submit_assessment` first.",
        )
    if asked.act.solution not in ("stay", "postpone") and not traced(case):
        yield refuse(
            "out-of-order",
            "Family tracing has no answer yet, or a relative it found is not assessed.",
            "Wait for `report_tracing` and `assess_family`, or determine a stay or postpone.",
        )
    if case.review_reached:
        yield refuse(
            "out-of-order",
            "The day of the review has come, and a review is a new round: heard anew and assessed anew.",
            "Open it with `reopen_best_interests`.",
        )
    if case.determination is not None and case.determination.solution != "postpone":
        yield refuse(
            "out-of-order",
            "This round has its determination already.",
            "Open a new round with `reopen_best_interests` when there are new facts.",
        )


@gate("four-eyes")
def panel_has_other_eyes(asked: Asked) -> Iterator[Refusal]:
    """four-eyes: assessor, assigned caseworker, guardian and panel members are different persons (BIP)."""
    case = asked.case
    panel = {member.id for member in asked.act.panel} | {asked.actor_id}
    parts: dict[str, set[str]] = {
        "wrote the assessment": set(case.assessors),
        "is the caseworker assigned": set(case.caseworkers.values()),
        "is the guardian": {case.guardian.id} if case.guardian else set(),
    }
    if case.guardian and case.guardian.id in case.assessors:
        yield refuse(
            "four-eyes",
            "The guardian also wrote the assessment.",
            "Have another caseworker assess, and submit that assessment.",
        )
    for part, people in parts.items():
        if panel & people:
            yield refuse(
                "four-eyes",
                f"Somebody on the panel {part} too.",
                "Replace that member of the panel.",
            )
