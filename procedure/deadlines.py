"""What is owed by when, by whom, and what silence does: it blocks and escalates, and decides nothing.

One row a deadline (procedure.md, part 4). A deadline runs while its ``runs`` holds. When it no
longer does, it was met if its ``reached`` holds, and else its ground fell away and it is dropped;
a ground that comes back starts it anew. The numbers are the agreement's; where no instrument gives
one they are ours, and are shown as such.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import cache
from operator import attrgetter
from typing import Any, Final, NamedTuple

from procedure.agreement import Period
from procedure.case import Case, Deadline
from procedure.entries import moment
from procedure.evidence import authority_guarantees, safe_family, stale
from procedure.placement import is_emergency
from procedure.stages import (
    approved_by_all,
    consents_in_force,
    guardian_consents,
    identified,
    return_appealed,
    settled,
    stage_of,
    traced,
)
from procedure.vocabulary import Role


class Ground(NamedTuple):
    """Why a deadline runs now. Another ``token`` under the same key is another ground: the deadline starts anew.

    Made at every entry for each that runs, so of the kind that is made fastest.
    """

    key: str
    token: str = ""
    due: datetime | None = None
    """The moment itself, where it does not come from the agreement's period."""
    state: str | None = None
    """The state that owes, where it is not the rule's side."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One deadline of the procedure."""

    name: str
    role: Role
    side: str
    """Whose: ``host``, ``origin``, or ``child``: the state in which the child is."""
    runs: Callable[[Case, datetime], Iterable[Ground]]
    reached: Callable[[Case, str], bool]
    source: str
    rests_on: str | None = None
    """The fact of the case without which it never runs. Every rule is asked at every entry; most rest on nothing yet."""
    stands_still: bool = False
    """Only acts that a hold holds can meet it, so it stands still while one stands."""
    at_once: bool = False
    """Escalates to both levels the moment it passes."""
    extendable: bool = True

    def owing_state(self, case: Case, key: str) -> str:
        if self.name == "family_assessment":
            return next(
                (relative.state for relative in case.relatives.values() if relative.reported == suffix(key)),
                case.origin_state,
            )
        return case.child_state if self.side == "child" else case.state_of(self.side)

    def due(self, case: Case, ground: Ground, at: datetime) -> datetime:
        if ground.due is not None:
            return ground.due
        state = self.owing_state(case, ground.key)
        return self.period(case).due(at, case.agreement.calendars.get(state, state))

    def period(self, case: Case) -> Period:
        return case.agreement.deadlines[self.name]


def name_of(key: str) -> str:
    """The deadline's name in its key: ``complaint`` of ``complaint:17``."""
    return key.partition(":")[0]


def suffix(key: str) -> str:
    return key.partition(":")[2]


def rule_of(key: str) -> Rule:
    """The rule behind a deadline's key."""
    name = name_of(key)
    return RULES["visit" if name.startswith("visit_") else name]


def _while(condition: Callable[[Case], bool], key: str) -> Callable[[Case, datetime], Iterable[Ground]]:
    # Asked at every entry: made once, for it says nothing of the case.
    ground, nothing = (Ground(key),), ()

    def runs(case: Case, at: datetime) -> Iterable[Ground]:
        return ground if condition(case) else nothing

    return runs


def _each_unassessed(case: Case, at: datetime) -> Iterator[Ground]:
    if case.tracing is None or case.tracing.result != "found":
        return
    for relative in case.tracing.relatives:
        if relative not in case.family:
            yield Ground(f"family_assessment:{case.relatives[relative].reported}")


def _assessed(case: Case, key: str) -> bool:
    return any(r.reported == suffix(key) and id in case.family for id, r in case.relatives.items())


def _emergency(case: Case, at: datetime) -> Iterator[Ground]:
    if is_emergency(case.placement) or case.place_anew:
        yield Ground("emergency_placement")


def _tracing_unanswered(case: Case) -> bool:
    opened, tracing = case.tracing_opened, case.tracing
    return opened is not None and (tracing is None or tracing.n < opened.n or tracing.result == "ongoing")


def _unheard(case: Case, at: datetime) -> Iterator[Ground]:
    if case.guardian and case.hearing is None:
        yield Ground("hearing", token=str(case.round))


def _undetermined(case: Case, at: datetime) -> Iterator[Ground]:
    if traced(case) and case.determination is None:
        yield Ground("determination", token=str(case.round))


def _to_review(case: Case, at: datetime) -> Iterator[Ground]:
    determination = case.determination
    if determination and determination.solution == "postpone" and determination.review_on:
        due = datetime.combine(determination.review_on, time(), UTC)
        yield Ground("review", token=str(determination.n), due=due)


def _consent_awaited(case: Case, at: datetime) -> Iterator[Ground]:
    # An objection stops the clock: nobody is pressed to agree.
    if case.return_found and not case.arrived and case.objection is None and not consents_in_force(case, at):
        yield Ground("consent")


def _consented(case: Case, key: str) -> bool:
    return guardian_consents(case) and (case.child_consent is not None or case.objection is None)


def ready_for_approval(case: Case, at: datetime) -> bool:
    """All other conditions of an approval of return hold (procedure.md, part 4)."""
    return (
        case.return_found
        and case.guardian is not None
        and case.hearing is not None
        and consents_in_force(case, at)
        and case.reintegration_plan is not None
        and case.rights_impact is not None
        and case.rights_impact.safe
        and (safe_family(case) or authority_guarantees(case))
        and case.asylum not in ("open", "granted")
        and not return_appealed(case)
        and not case.detained
        and next(stale(case, at), None) is None
    )


def _approval(side: str) -> Callable[[Case, datetime], Iterator[Ground]]:
    def runs(case: Case, at: datetime) -> Iterator[Ground]:
        owed = [who for who in case.agreement.approvals if who.endswith(f"@{side}") and who not in case.approvals]
        if not owed or case.arrived or not ready_for_approval(case, at):
            return
        for who in owed:
            role = who.partition("@")[0]
            yield Ground(f"approval_{side}" if role == "central_authority" else f"approval_{side}:{role}")

    return runs


def _approved(side: str) -> Callable[[Case, str], bool]:
    def reached(case: Case, key: str) -> bool:
        return f"{suffix(key) or 'central_authority'}@{side}" in case.approvals

    return reached


def _plan_owed(case: Case, at: datetime) -> Iterator[Ground]:
    planned = case.plan is not None and case.plan.interrupted is None
    if not planned and case.departed is None and case.arrived is None and stage_of(case, at) == "travel":
        yield Ground("travel_plan")


def _plan_unapproved(case: Case, at: datetime) -> Iterator[Ground]:
    plan = case.plan
    if (
        plan is not None
        and plan.interrupted is None
        and case.travel_approval is None
        and case.departed is None
        and case.arrived is None
        and approved_by_all(case)
    ):
        # A plan may be made while an appeal can still be lodged, but not approved: nobody is late with what is forbidden.
        ends = case.appeal_window_ends
        period = case.agreement.deadlines["travel_approval"]
        due = (
            period.due(ends, case.agreement.calendars.get(case.host_state, case.host_state))
            if ends and ends > at
            else None
        )
        yield Ground("travel_approval", due=due)


def _under_way(case: Case, at: datetime) -> Iterator[Ground]:
    if case.travelling and case.departed and case.plan:
        period = case.agreement.deadlines["arrival"]
        yield Ground("arrival", token=str(case.departed.n), due=period.due(case.plan.last_arrival, None))


def _visits_owed(case: Case, at: datetime) -> Iterator[Ground]:
    if case.arrived is None:
        return
    for visit, days in enumerate(case.agreement.visits, start=1):
        if visit not in case.visits:
            yield Ground(f"visit_{visit}", due=case.arrived.at + timedelta(days=days))


def _each_complaint(case: Case, at: datetime) -> Iterator[Ground]:
    for complaint in case.complaints:
        yield Ground(f"complaint:{complaint.n}")


_OURS = "ours"

RULES: Final[dict[str, Rule]] = {
    rule.name: rule
    for rule in (
        Rule(
            "identification",
            "caseworker",
            "host",
            _while(lambda case: not identified(case) and not case.arrived, "identification"),
            lambda case, key: identified(case),
            _OURS,
        ),
        Rule(
            "protection_screening",
            "caseworker",
            "host",
            _while(lambda case: case.screening is None, "protection_screening"),
            lambda case, key: case.screening is not None,
            'ours ("promptly", GC6 para 31)',
        ),
        Rule(
            "guardian",
            "guardianship_authority",
            "child",
            _while(lambda case: case.guardian is None, "guardian"),
            lambda case, key: case.guardian is not None,
            'ours ("as soon as possible", GC6 para 33)',
        ),
        Rule(
            "counsel",
            "guardianship_authority",
            "child",
            _while(lambda case: case.counsel is None, "counsel"),
            lambda case, key: case.counsel is not None,
            _OURS,
        ),
        Rule(
            "services",
            "caseworker",
            "child",
            _while(
                lambda case: (
                    not (case.services and case.services.education and case.services.healthcare) and not case.arrived
                ),
                "services",
            ),
            lambda case, key: case.services is not None and case.services.education and case.services.healthcare,
            _OURS,
        ),
        Rule(
            "emergency_placement",
            "child_protection_authority",
            "child",
            _emergency,
            lambda case, key: not is_emergency(case.placement) and not case.detained,
            "ours; short by nature (Moldova's Law 140/2013: 72 hours, extendable to 45 days, to be verified)",
            extendable=False,
        ),
        Rule(
            "release",
            "caseworker",
            "child",
            _while(lambda case: case.detained, "release"),
            lambda case, key: not case.detained,
            '"immediately" (JGC23); 24 hours is ours',
            at_once=True,
            extendable=False,
            rests_on="detained",
        ),
        Rule(
            "tracing",
            "tracing_service",
            "origin",
            _while(_tracing_unanswered, "tracing"),
            lambda case, key: not _tracing_unanswered(case),
            _OURS,
            rests_on="tracing_opened",
        ),
        Rule("family_assessment", "caseworker", "origin", _each_unassessed, _assessed, _OURS, rests_on="tracing"),
        Rule(
            "hearing",
            "guardian",
            "host",
            _unheard,
            lambda case, key: case.hearing is not None,
            _OURS,
            rests_on="guardian",
        ),
        Rule(
            "determination", "bid_panel", "host", _undetermined, lambda case, key: case.determination is not None, _OURS
        ),
        Rule(
            "review",
            "bid_panel",
            "host",
            _to_review,
            lambda case, key: case.solution != "postpone",
            "BIP",
            rests_on="determination",
        ),
        Rule("consent", "guardian", "host", _consent_awaited, _consented, _OURS, rests_on="determination"),
        Rule(
            "reintegration_plan",
            "central_authority",
            "origin",
            _while(lambda case: case.return_found and case.reintegration_plan is None, "reintegration_plan"),
            lambda case, key: case.reintegration_plan is not None,
            _OURS,
            rests_on="determination",
        ),
        Rule(
            "rights_impact",
            "caseworker",
            "host",
            _while(lambda case: case.return_found and case.rights_impact is None, "rights_impact"),
            lambda case, key: case.rights_impact is not None,
            _OURS,
            rests_on="determination",
        ),
        Rule(
            "approval_host",
            "central_authority",
            "host",
            _approval("host"),
            _approved("host"),
            _OURS,
            stands_still=True,
            rests_on="determination",
        ),
        Rule(
            "approval_origin",
            "central_authority",
            "origin",
            _approval("origin"),
            _approved("origin"),
            _OURS,
            stands_still=True,
            rests_on="determination",
        ),
        Rule(
            "travel_plan",
            "caseworker",
            "host",
            _plan_owed,
            lambda case, key: case.plan is not None and not case.plan.interrupted,
            _OURS,
            stands_still=True,
            rests_on="determination",
        ),
        Rule(
            "travel_approval",
            "child_protection_authority",
            "host",
            _plan_unapproved,
            lambda case, key: case.travel_approval is not None,
            _OURS,
            stands_still=True,
            rests_on="plan",
        ),
        Rule(
            "arrival",
            "escort",
            "host",
            _under_way,
            lambda case, key: case.arrived is not None,
            _OURS,
            rests_on="departed",
        ),
        Rule(
            "visit",
            "monitor",
            "origin",
            _visits_owed,
            lambda case, key: int(key.removeprefix("visit_")) in case.visits,
            'ours ("follow-up", OSCE recommendation 2; MD948)',
            rests_on="arrived",
        ),
        Rule(
            "settlement",
            "central_authority",
            "host",
            _while(lambda case: case.solution in ("stay", "third_country") and not settled(case), "settlement"),
            lambda case, key: settled(case),
            _OURS,
            rests_on="determination",
        ),
        Rule(
            "complaint",
            "ombudsperson",
            "child",
            _each_complaint,
            lambda case, key: all(str(complaint.n) != suffix(key) for complaint in case.complaints),
            _OURS,
            rests_on="complaints",
        ),
        Rule(
            "missing",
            "caseworker",
            "child",
            _while(lambda case: case.missing, "missing"),
            lambda case, key: not case.missing,
            _OURS,
            at_once=True,
            rests_on="missing",
        ),
    )
}

_ALL_RULES: Final = tuple(RULES)
CARE_RULES: Final = ("emergency_placement", "release", "complaint", "missing", "arrival")
"""What is still owed to somebody who has turned eighteen in the middle of the procedure."""


_RESTED_ON: Final = tuple(dict.fromkeys(rule.rests_on for rule in RULES.values() if rule.rests_on))
_what_is_rested_on: Final = attrgetter(*_RESTED_ON)


@cache
def _asked_of(
    there: tuple[bool, ...], names: Collection[str]
) -> tuple[Callable[[Case, datetime], Iterable[Ground]], ...]:
    """What is asked of a case in which these of the facts that rules rest on are ``there``."""
    lacking = {fact for fact, is_there in zip(_RESTED_ON, there, strict=True) if not is_there}
    return tuple(RULES[name].runs for name in names if RULES[name].rests_on not in lacking)


def grounds(case: Case, at: datetime) -> dict[str, Ground]:
    """Every deadline that runs now, by key."""
    if case.closed:
        return {}
    running: dict[str, Ground] = {}
    there = tuple(map(bool, _what_is_rested_on(case)))
    for runs in _asked_of(there, CARE_RULES if case.adulthood_holds else _ALL_RULES):
        for ground in runs(case, at):
            running[ground.key] = ground
    return running


def moved_by_time(case: Case) -> bool:
    """Whether what runs can change while nothing changes on record.

    Evidence grows old and a child grows into being asked, and both matter to a return alone.
    """
    return case.return_found


def changes(case: Case, holds: Collection[str], at: datetime) -> dict[str, Any]:
    """What becomes of the deadlines after an entry, as its facts record it; empty when nothing does.

    ``case`` is the case after the entry, still with the deadlines of before; ``holds`` are the holds
    that stand after it. Keys of the result: ``set`` {key: [due, ground]}, ``met`` and ``dropped``
    [key], ``stand_still`` [key], ``go_on`` {key: due}.
    """
    running = grounds(case, at)
    result: dict[str, Any] = {}
    for key, deadline in case.running.items():
        ground = running.get(key)
        if ground is None:
            met = not case.closed and rule_of(key).reached(case, key)
            result.setdefault("met" if met else "dropped", []).append(key)
        elif ground.token == deadline.ground:
            if holds and deadline.stands_still_since is None and rule_of(key).stands_still:
                result.setdefault("stand_still", []).append(key)
            elif not holds and deadline.stands_still_since is not None and rule_of(key).stands_still:
                later = deadline.due + (at - deadline.stands_still_since)
                result.setdefault("go_on", {})[key] = moment(later)
    for key, ground in running.items():
        known = case.running.get(key)
        if known is None or known.ground != ground.token:
            due = rule_of(key).due(case, ground, at)
            result.setdefault("set", {})[key] = [moment(due), ground.token]
            if holds and rule_of(key).stands_still:
                # It begins under a hold: its time has not begun to run.
                result.setdefault("stand_still", []).append(key)
    return result


def escalation_moments(case: Case, key: str, deadline: Deadline) -> Iterator[tuple[int, datetime]]:
    """The levels that are still to come when nobody acts, each with its moment."""
    waits = (0, 0) if rule_of(key).at_once else case.agreement.escalate_after
    for level, days in enumerate(waits, start=1):
        if level > deadline.escalations:
            yield level, deadline.due + timedelta(days=days)


def moments(case: Case, until: datetime | None = None) -> Iterator[tuple[datetime, str, str, int]]:
    """Everything that the mere passing of time will put on record: (moment, what, key, level).

    Without the deadlines that are not due ``until`` then, where that is given: nobody is told before.
    """
    for key, deadline in case.running.items():
        if deadline.stands_still_since is not None or (until is not None and deadline.due > until):
            continue
        if not deadline.overdue:
            yield deadline.due, "overdue", key, 0
        for level, when in escalation_moments(case, key, deadline):
            yield when, "escalated", key, level


def extended(case: Case, name: str, days: int) -> dict[str, list[Any]]:
    """The deadlines of that name that run, each with its new due moment and the days added."""
    return {
        key: [moment(deadline.due + timedelta(days=days)), days]
        for key, deadline in case.running.items()
        if name_of(key) == name
    }


def still(deadline: Deadline, at: datetime) -> Deadline:
    """The deadline as it is to be shown at ``at``: one that stands still moves along with the days."""
    if deadline.stands_still_since is None:
        return deadline
    return replace(deadline, due=deadline.due + (at - deadline.stands_still_since))
