"""The other endings, and the closing of a case: an outcome is recorded only when it is true."""

from collections.abc import Iterator

from procedure.safeguards.asked import Asked, Refusal, gate, refuse
from procedure.stages import appeal_window_over, reintegrated, travelled


@gate("out-of-order")
def after_eighteen(asked: Asked) -> Iterator[Refusal]:
    """out-of-order: nobody is handed to adult services before the eighteenth birthday (CRC art. 1)."""
    if not asked.case.turned_18:
        yield refuse(
            "out-of-order",
            "The child is not eighteen, or not known to be.",
            "Prepare the transition with `note`; the transfer itself waits for the birthday.",
        )


@gate("out-of-order")
def claim_pending(asked: Asked) -> Iterator[Refusal]:
    """out-of-order: there is a claim to resolve."""
    if asked.case.asylum != "open":
        yield refuse("out-of-order", "No claim for asylum is pending.", "Record `lodge_asylum_claim` first.")


@gate("out-of-order")
def appeal_pending(asked: Asked) -> Iterator[Refusal]:
    """out-of-order: there is an appeal to decide."""
    if not asked.case.appeals:
        yield refuse("out-of-order", "No appeal is pending.", "Record `appeal` first.")


@gate("out-of-order")
def complaint_pending(asked: Asked) -> Iterator[Refusal]:
    """out-of-order: the entry named is a complaint that waits for its answer."""
    if all(complaint.n != asked.act.complaint for complaint in asked.case.complaints):
        yield refuse(
            "out-of-order",
            f"Entry {asked.act.complaint} is not a complaint that waits for an answer.",
            "Name the entry number of the complaint.",
        )


@gate("held")
def nobody_missing_or_detained(asked: Asked) -> Iterator[Refusal]:
    """held: a case never closes while the child is missing or detained."""
    case = asked.case
    for hold, stands in (("missing", case.missing), ("detention", case.detained)):
        if stands:
            yield refuse(
                "held",
                f"A case never closes over a child in this state: {hold}.",
                "Record `report_found` or `confirm_release` when it is true.",
            )


@gate("monitoring-complete", "out-of-order")
def outcome_true(asked: Asked) -> Iterator[Refusal]:
    """out-of-order, or monitoring-complete for a return: the outcome named has come about."""
    case, outcome = asked.case, asked.act.outcome
    if case.travelling:
        yield refuse("out-of-order", "The child is on a journey.", "Wait for `arrive` or `report_incident`.")
    if outcome == "returned":
        if not (travelled(case) and reintegrated(case)):
            owed = [n for n in range(1, len(case.agreement.visits) + 1) if n not in case.visits]
            missing = f" Visits not recorded: {', '.join(map(str, owed))}." if case.arrived and owed else ""
            yield refuse(
                "monitoring-complete",
                f"The child has not returned with every visit made and the last one safe.{missing}",
                "Record the visits with `record_visit`.",
            )
        return
    why = _why_not_true(asked)
    if why:
        yield refuse("out-of-order", why, "Close with the outcome that came about, when it has.")


def _why_not_true(asked: Asked) -> str | None:
    case = asked.case
    match asked.act.outcome:
        case "stays":
            return None if case.stay else "No stay was granted."
        case "third_country":
            return None if case.third_country else "No third country was arranged."
        case "adult":
            assessed = case.age_assessed
            if assessed is None or assessed.result != "adult":
                return "No assessment in force says that this is an adult."
            if case.appeals_against("age") or not appeal_window_over(case, asked.at):
                return "The assessment of age can still be appealed, or is under appeal."
            return None
        case "transferred_to_adult_services":
            return None if case.transferred else "No transfer to adult services is recorded."
        case _:
            if case.approvals or case.departed:
                return "A return was approved already, so the case cannot be withdrawn."
            if case.placement is None:
                return "It is not known where the child is."
            if case.guardian is None and case.situation != "with_family":
                return "No guardian is in office to look after the child from here on."
            return None
