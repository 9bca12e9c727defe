"""Which acts are owed now, by whom, and by when: the rows of every inbox.

A deadline may wait for several acts of several roles. Some acts are owed without a deadline; they
are listed too, with no due moment, for a case that nobody holds must not exist.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from procedure.case import Case, Deadline
from procedure.deadlines import name_of, rule_of, still, suffix
from procedure.entries import moment
from procedure.evidence import authority_guarantees, stale
from procedure.majority import own_consent_needed
from procedure.stages import (
    age_settled,
    approved_by_all,
    cared_for,
    decided,
    guardian_consents,
    represented,
    settled,
    stage_of,
    traced,
)
from procedure.who_may import person_alone

_ONE_ACT = {
    "protection_screening": "screen_protection",
    "guardian": "appoint_guardian",
    "counsel": "appoint_counsel",
    "services": "confirm_services",
    "emergency_placement": "place_child",
    "release": "confirm_release",
    "tracing": "report_tracing",
    "family_assessment": "assess_family",
    "hearing": "hear_child",
    "reintegration_plan": "adopt_reintegration_plan",
    "rights_impact": "assess_rights_impact",
    "travel_plan": "plan_travel",
    "arrival": "arrive",
    "complaint": "answer_complaint",
    "missing": "report_found",
}


@dataclass(frozen=True, slots=True)
class Owed:
    """An act that a role of a state owes, under a deadline or without one."""

    act: str
    role: str
    state: str
    key: str | None = None
    about: str | int | None = None
    """What of several it is about: a relative's id, a complaint's entry number."""


def owed(case: Case, at: datetime) -> list[Owed]:
    """Every act that is owed at the moment ``at``, each once."""
    rows: list[Owed] = []
    for key in case.running:
        rows += _under(case, key, at)
    if not case.closed:
        told = {(row.act, row.role, row.state) for row in rows}
        rows += [row for row in _without_deadline(case, at) if (row.act, row.role, row.state) not in told]
    return rows


def _under(case: Case, key: str, at: datetime) -> Iterator[Owed]:
    """The acts that one running deadline waits for."""
    rule, name = rule_of(key), name_of(key)
    state = rule.owing_state(case, key)

    def row(act: str, role: str = rule.role, about: str | int | None = None) -> Owed:
        return Owed(act, role, state, key, about)

    if name in ("approval_host", "approval_origin"):
        yield row("approve_return", suffix(key) or rule.role)
    elif name == "family_assessment":
        yield row(_ONE_ACT[name], about=next(id for id, r in case.relatives.items() if r.reported == suffix(key)))
    elif name == "complaint":
        yield row(_ONE_ACT[name], about=int(suffix(key)))
    elif name.startswith("visit_"):
        yield row("record_visit", about=int(name.removeprefix("visit_")))
    elif name == "identification":
        if case.identity is None:
            yield row("verify_identity")
        if not age_settled(case):
            yield row("assess_age", "child_protection_authority")
        if not cared_for(case) and not case.detained:
            yield row("place_child", "child_protection_authority")
    elif name == "determination":
        if case.assessed is None:
            yield row("submit_assessment", "caseworker")
        yield row("determine_best_interests")
    elif name == "review":
        yield row("reopen_best_interests")
    elif name == "consent":
        if not guardian_consents(case):
            yield row("give_consent")
        if case.child_consent is None and own_consent_needed(case, at):
            yield row("give_consent", "child")
    elif name == "travel_approval":
        if case.fitness is None or not case.fitness.fit:
            yield row("certify_fit_to_travel", "health_worker")
        yield row("approve_travel")
    elif name == "settlement":
        yield row("grant_stay" if case.solution == "stay" else "arrange_third_country")
    else:
        yield row(_ONE_ACT[name])


def _without_deadline(case: Case, at: datetime) -> Iterator[Owed]:
    """What no deadline of procedure.md runs for and still waits for somebody."""
    host, stage = case.host_state, stage_of(case, at)
    if case.detained or case.emergency_overdue:
        yield Owed("place_child", "child_protection_authority", case.child_state)
    for _ in case.appeals[:1]:
        yield Owed("decide_appeal", "court", host)
    if case.asylum == "open":
        yield Owed("resolve_asylum_claim", "asylum_authority", host)
    if case.suspensions:
        yield Owed("resume", "central_authority", host)
    if case.adulthood_holds:
        if case.transferred is None:
            yield Owed("transfer_to_adult_services", "child_protection_authority", host)
        else:
            yield Owed("close_case", "central_authority", host)
        return
    granted = case.solution in ("stay", "third_country") and settled(case)
    if stage == "closed" or granted or (case.age_assessed and case.age_assessed.result == "adult"):
        yield Owed("close_case", "central_authority", case.child_state)
    if stage == "family_tracing" and represented(case) and (case.tracing_opened is None) and not traced(case):
        yield Owed("open_tracing", "caseworker", host)
    if case.return_found and not case.departed and not case.arrived:
        unsafe = case.rights_impact is not None and not case.rights_impact.safe
        if case.objection or unsafe or case.asylum == "granted":
            yield Owed("reopen_best_interests", "caseworker", host)
        elif old := list(stale(case, at)):
            for evidence in old:
                yield Owed(evidence.act, evidence.role, evidence.state)
        elif not approved_by_all(case) and not case.safe_relatives() and not authority_guarantees(case):
            yield Owed("guarantee_care", "central_authority", case.origin_state)
    if stage == "reintegration" and all(n in case.visits for n in range(1, len(case.agreement.visits) + 1)):
        # Every visit is made and the last one was not safe: somebody has to look again.
        yield Owed("record_visit", "monitor", case.origin_state, about=max(case.visits) + 1)
    if stage == "best_interests" and case.solution == "postpone":
        yield Owed("reopen_best_interests", "bid_panel", host)
    if case.travel_approval and not case.departed and decided(case, at):
        yield Owed("depart", "escort", host)


def awaiting(case: Case, at: datetime) -> list[dict[str, Any]]:
    """The case view's rows of owed acts, earliest due first, those without a due moment last."""
    rows: list[tuple[datetime | None, dict[str, Any]]] = []
    for each in owed(case, at):
        deadline = case.deadlines.get(each.key) if each.key else None
        due = still(deadline, at).due if deadline else _planned(case, each)
        rows.append((due, _row(case, each, deadline, due)))
    rows.sort(key=lambda row: (row[0] is None, row[0] or datetime.max.replace(tzinfo=case.opened_at.tzinfo)))
    return [row for _, row in rows]


def _planned(case: Case, each: Owed) -> datetime | None:
    return case.plan.first_departure if each.act == "depart" and case.plan else None


def _row(case: Case, each: Owed, deadline: Deadline | None, due: datetime | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "act": each.act,
        "role": each.role,
        "state": each.state,
        "deadline": name_of(each.key) if each.key else None,
        "due": moment(due) if due else None,
        "overdue": bool(deadline and deadline.overdue),
        "escalations": deadline.escalations if deadline else 0,
    }
    if deadline and deadline.stands_still_since:
        row["stands_still"] = True
    if each.about is not None:
        row["about"] = each.about
    if person := person_alone(case, each.role, each.state):
        row["person"] = person
    return row
