"""Different persons, a dossier that was read, deadlines not stretched at will."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from procedure.deadlines import RULES, name_of
from procedure.safeguards.asked import Asked, Refusal, gate, refuse


@gate("four-eyes")
def approvers_differ(asked: Asked) -> Iterator[Refusal]:
    """four-eyes: opener and approver of the host; approvers of the two states."""
    case, actor = asked.case, asked.act.actor
    if actor.id == case.opened_by and actor.state == case.host_state:
        yield refuse(
            "four-eyes",
            "The officer who opened the case does not approve the return.",
            "Ask a colleague of the central authority to approve.",
        )
    if any(approval.by == actor.id for approval in case.approvals.values()):
        yield refuse(
            "four-eyes",
            "The same person has approved this return already.",
            "Another person approves for the other authority.",
        )


@gate("four-eyes")
def planner_does_not_approve(asked: Asked) -> Iterator[Refusal]:
    """four-eyes: planner and approver of travel."""
    if asked.case.plan and asked.case.plan.by == asked.actor_id:
        yield refuse("four-eyes", "Who made the travel plan does not approve it.", "Ask a colleague to approve.")


@gate("four-eyes", "out-of-order")
def another_resumes(asked: Asked) -> Iterator[Refusal]:
    """four-eyes: suspender and resumer; out-of-order where that ground is not suspended."""
    suspended = asked.case.suspensions.get(asked.act.ground)
    if suspended is None:
        yield refuse("out-of-order", "The case is not suspended on this ground.", "Name the ground that stands.")
    elif suspended.by == asked.actor_id:
        yield refuse("four-eyes", "Who suspended does not resume.", "Ask a colleague to look and to resume.")


@gate("out-of-order")
def not_suspended_on_it(asked: Asked) -> Iterator[Refusal]:
    """out-of-order: a ground is suspended on once, so that the first suspender stays known."""
    if asked.act.ground in asked.case.suspensions:
        yield refuse(
            "out-of-order",
            "The case is suspended on this ground already.",
            "Add a `note`, or resume and suspend anew.",
        )


@gate("stale-dossier")
def dossier_read(asked: Asked) -> Iterator[Refusal]:
    """stale-dossier: the approver read a head of this case after which nothing material was recorded."""
    case, ledger = asked.case, asked.ledger
    read = ledger.number_of(asked.act.dossier)
    if read is not None and read >= case.last_material:
        return
    if read is None:
        said = "What was read is not a state of this case's record"
    else:
        changed = ", ".join(f"entry {entry.n} ({entry.act})" for entry in islice(ledger.material_since(read), 20))
        said = f"The case has moved on since the state that was read: {changed}"
    yield refuse(
        "stale-dossier",
        f"{said}. The newest head is {case.head}.",
        "Read the case as it stands now, and approve with its newest head.",
    )


_NEVER_EXTENDED: Final = frozenset(rule.name for rule in RULES.values() if not rule.extendable)


@gate("extension-limit")
def extension_within_limit(asked: Asked) -> Iterator[Refusal]:
    """extension-limit: some deadlines never, the others up to the agreement's limit, and none when it has passed."""
    case, act = asked.case, asked.act
    running = {key: d for key, d in case.deadlines.items() if name_of(key) == act.deadline and d.open}
    if act.deadline in _NEVER_EXTENDED:
        yield refuse(
            "extension-limit",
            f"The deadline {act.deadline} is never extended.",
            "Meet it: the child must not wait in such a place.",
        )
    if not running:
        yield refuse(
            "out-of-order",
            f"No deadline named {act.deadline} runs now.",
            "See the deadlines of the case view for those that run.",
        )
        return
    if any(deadline.overdue for deadline in running.values()):
        yield refuse(
            "extension-limit",
            "The deadline has passed; what is late is not made timely afterwards.",
            "Do what is owed now; the delay stays on record.",
        )
    limit = case.agreement.extension_limit
    if any(deadline.extended + act.days > limit for deadline in running.values()):
        yield refuse(
            "extension-limit",
            f"A deadline may be extended by {limit} days in total.",
            f"Ask for fewer days: {max(0, limit - used)} of {limit} are left."
            if (used := max(deadline.extended for deadline in running.values())) < limit
            else "All of them are used. Do what is owed now.",
        )
