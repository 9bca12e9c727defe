"""The case view of the contract (section 6), at any moment."""

from datetime import datetime
from typing import Any

from procedure.case import Case
from procedure.deadlines import name_of, still
from procedure.entries import moment
from procedure.owed import awaiting, owed
from procedure.signing import NOT_REQUIRED, REQUIRED


def view(case: Case, at: datetime) -> dict[str, Any]:
    """The case as the contract shows it. ``at`` is the moment of looking, UTC: some windows simply end."""
    return {
        "reference": case.reference,
        "agreement": case.agreement.id,
        "agreement_version": case.agreement.version,
        "host_state": case.host_state,
        "origin_state": case.origin_state,
        "status": status(case),
        "stage": case.stage,
        "solution": case.solution,
        "outcome": case.outcome,
        "holds": list(case.holds),
        "turned_18": case.turned_18,
        "placement": case.placement,
        "guardian": case.guardian.id if case.guardian else None,
        "counsel": case.counsel.id if case.counsel else None,
        "caseworker": case.caseworkers.get(case.child_state) or case.caseworkers.get(case.host_state),
        "round": case.round,
        "awaiting": awaiting(case, at),
        "deadlines": _deadlines(case, at),
        "opened_at": moment(case.opened_at),
        "entries": case.n,
        "refused": case.refused,
        "head": case.head,
        "procedure_version": case.procedure_version,
        "signatures": REQUIRED if case.signed else NOT_REQUIRED,
    }


def status(case: Case) -> str:
    """``open`` or ``closed``."""
    return "closed" if case.closed else "open"


def try_to_show(case: Case, at: datetime) -> None:
    """Raise what :func:`view` would raise at that moment.

    What was met was shown while it ran, and its row stays as it was then: an old case has hundreds of them.
    """
    owed(case, at)
    for deadline in case.running.values():
        still(deadline, at)


def _deadlines(case: Case, at: datetime) -> list[dict[str, Any]]:
    rows = [
        {
            "name": name_of(key),
            "due": moment(still(deadline, at).due),
            "met": moment(deadline.met) if deadline.met else None,
            "overdue": deadline.overdue,
            "escalations": deadline.escalations,
            "stands_still": deadline.stands_still_since is not None,
        }
        for key, deadline in case.deadlines.items()
    ]
    if window := case.appeal_window_ends:
        # Nobody owes it; it only has to pass.
        over = moment(window) if at >= window else None
        rows.append(
            {
                "name": "appeal_window",
                "due": moment(window),
                "met": over,
                "overdue": False,
                "escalations": 0,
                "stands_still": False,
            }
        )
    return rows
