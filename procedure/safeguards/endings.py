"""The other endings, and the closing of a case: an outcome is recorded only when it is true."""

from collections.abc import Iterator
from typing import Final

from procedure.safeguards.asked import Asked, Refusal, gate, refuse
from procedure.stages import appeal_window_over, reintegrated, stage_of


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
        yield refuse("out-of-order", "No claim for asylum is pending.", "There is nothing to resolve now.")


@gate("out-of-order")
def appeal_pending(asked: Asked) -> Iterator[Refusal]:
    """out-of-order: there is an appeal to decide."""
    if not asked.case.appeals:
        yield refuse("out-of-order", "No appeal is pending.", "There is nothing to decide now.")


@gate("out-of-order")
def complaint_pending(asked: Asked) -> Iterator[Refusal]:
    """out-of-order: the entry named is a complaint that waits for its answer."""
    waiting = [complaint.n for complaint in asked.case.complaints]
    if asked.act.complaint not in waiting:
        entries = "entry" if len(waiting) == 1 else "entries"
        yield refuse(
            "out-of-order",
            f"Entry {asked.act.complaint} is not a complaint that waits for an answer.",
            f"Waiting for an answer: {entries} {', '.join(map(str, waiting))}."
            if waiting
            else "No complaint waits for an answer now.",
        )


@gate("held")
def nobody_missing_or_detained(asked: Asked) -> Iterator[Refusal]:
    """held: a case never closes while the child is missing or detained."""
    case = asked.case
    if case.missing:
        yield refuse(
            "held", "The child is missing; a case never closes over that.", "Record `report_found` when it is true."
        )
    if case.detained:
        yield refuse(
            "held",
            "The child is reported to be in detention; a case never closes over that.",
            "Get the child released, and record `confirm_release` or `place_child` when it is true.",
        )


def _is_of_a_return(asked: Asked) -> bool:
    """Whether it closes a return, also under another name: a child who was returned is visited before the case ends."""
    case, outcome = asked.case, asked.act.outcome
    if outcome == "returned":
        return True
    returned = case.arrived is not None and case.return_found and not case.adulthood_holds
    return returned and outcome in ("stays", "third_country", "transferred_to_adult_services")


@gate("monitoring-complete", when=_is_of_a_return)
def monitoring_complete(asked: Asked) -> Iterator[Refusal]:
    """monitoring-complete: every visit made, the last one safe, and nothing open (JGC22 para 32(k); OSCE rec. 2)."""
    case = asked.case
    if case.arrived and case.return_found and stage_of(case, asked.at) == "closed":
        return
    if case.arrived is None:
        instead = "Close with the outcome that came about; this child has not returned."
        yield refuse("monitoring-complete", "The child has not returned.", instead)
        return
    owed = [n for n in range(1, len(case.agreement.visits) + 1) if n not in case.visits]
    if owed:
        why = f"Visits not recorded: {', '.join(map(str, owed))}."
    elif reintegrated(case):
        why = f"All visits are made, but the case is in the stage {case.stage.replace('_', ' ')}."
    else:
        why = "The last visit did not find the child safe."
    yield refuse(
        "monitoring-complete",
        f"A returned child's case closes when every visit is made and the last one is safe. {why}",
        "Record the visits with `record_visit`."
        if owed
        else "See what the case waits for (`homeward show`); it closes when that is done.",
    )


@gate("out-of-order")
def outcome_true(asked: Asked) -> Iterator[Refusal]:
    """out-of-order: the outcome named has come about (procedure.md, part 1)."""
    if asked.case.travelling:
        yield refuse("out-of-order", "The child is on a journey.", "Wait for `arrive` or `report_incident`.")
    if why := _why_not_true(asked):
        instead = _FIRST.get(asked.act.outcome, "Close with the outcome that came about, when it has.")
        yield refuse("out-of-order", why, instead)


_FIRST: Final = {
    "stays": "Record `grant_stay` first, or close with the outcome that came about.",
    "third_country": "Record `arrange_third_country` first, or close with the outcome that came about.",
    "transferred_to_adult_services": "Record `transfer_to_adult_services` first; it waits for the eighteenth birthday.",
}


def _why_not_true(asked: Asked) -> str | None:
    case = asked.case
    match asked.act.outcome:
        case "returned":
            return None  # asked of monitoring-complete
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
