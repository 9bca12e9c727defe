"""What of a case decides what may happen next: two cases that look the same here go the same ways.

A case is a record, and no two records are alike. :func:`seen` keeps every fact that a safeguard, a stage, a hold or
an effect reads, in the form in which it reads it: numbers of entries only where two are compared, moments only as
time that is left. Each field of a case stands in :data:`KEPT` or in :data:`DROPPED`, and a test holds that.
"""

from collections.abc import Hashable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from procedure.case import Case
from procedure.deadlines import name_of
from procedure.ledger import Ledger
from procedure.majority import age_of_consent, eighteenth_birthday, own_consent_needed
from procedure.placement import is_detention, is_emergency, is_lasting

FAR: Final = 400 * 86_400
"""Seconds beyond which a birthday counts as far away. Longer than the longest period that the floor allows."""

KEPT: Final[dict[str, str]] = {
    "agreement": "one exploration runs under one agreement, so it is the same in all of its states",
    "host_state": "the same in all states of an exploration",
    "origin_state": "likewise",
    "opened_by": "likewise",
    "signed": "likewise: no case here asks for signatures",
    "languages": "as it is",
    "situation": "as it is",
    "date_of_birth": "as it is, and the time left to both birthdays",
    "estimated_age": "as it is",
    "identity": "result, whether it told a date, the date before it",
    "age_assessed": "result",
    "screening": "what it found",
    "turned_18": "as it is",
    "adulthood_holds": "as it is",
    "placement": "whether it is detention, an emergency placement, a lasting one, a family",
    "detained": "as it is",
    "missing": "as it is",
    "place_anew": "whether it stands",
    "court_found_danger": "as it is",
    "emergency_overdue": "as it is",
    "guardian": "who",
    "counsel": "who",
    "caseworkers": "who, by state",
    "relatives": "ids and states",
    "tracing_opened": "whether it stands, and whether it was answered since",
    "tracing": "result and relatives",
    "family": "by relative: what was found, and its age up to the shelf life where it counts",
    "guarantee": "by whom, and its age up to the shelf life",
    "hearing": "whether one counts, and the wish",
    "assessed": "whether it stands",
    "assessors": "who, as a set",
    "determination": "solution, the days left to its review, whether it rests on a guarantee, its age up to the shelf life",
    "panel_members": "who, as a set",
    "review_reached": "as it is",
    "guardian_consent": "by whom, and its age up to the shelf life",
    "child_consent": "whether, and its age up to the shelf life",
    "objection": "whether it was said in a hearing or outright",
    "reintegration_plan": "whether it stands",
    "rights_impact": "what it found, and its age up to the shelf life",
    "approvals": "by which authority, by whom",
    "appeal_window_ends": "the time that is left",
    "fitness": "fit or not, the time to the end of its last day, and whether it covers the departure planned",
    "plan": "all of it but its times, of which the time left to the departure",
    "travel_approval": "whether it stands",
    "departed": "whether it stands, and whether the child was old enough to be asked then",
    "arrived": "whether it stands",
    "visits": "which were made, and whether the newest was safe",
    "stay": "whether it stands",
    "third_country": "whether it stands",
    "transferred": "whether it stands",
    "asylum": "as it is",
    "appeals": "in order: against what, and whether before or after what it may bring down",
    "suspensions": "ground and by whom",
    "complaints": "how many wait",
    "holds": "as they are",
    "deadlines": "of `emergency_placement` and `review` the time left; of all of them where an exploration extends any",
    "running": "as `deadlines`, of which it is those that are not met",
    "stage": "as recorded",
    "outcome": "as it is",
    "closed": "as it is",
}
"""Each field that is kept, and in what form."""

DROPPED: Final[dict[str, str]] = {
    "reference": "a name",
    "procedure_version": "a name",
    "moves_to": "likewise: an exploration decides by one version of the rules",
    "opened_at": "enters only through the two birthdays, which are kept",
    "placement_n": "read by corrections only, and no exploration goes on from a correction",
    "services": "meets a deadline, which decides nothing",
    "round": "only counted; what belongs to the old round is cleared when a new one begins",
    "n": "only counted",
    "refused": "only counted",
    "head": "an approver of the alphabet reads the newest head, or the one before the last material entry",
    "recorded_at": "the moment of the newest entry, which is never after now",
    "last_material": "as `head`",
}
"""Each field that is dropped, and why it may be."""

LEVELS: Final = 2
"""How many are told, one after another, of a deadline that has passed (procedure.md, part 4)."""
REVIEW: Final = "review"
"""The one deadline that ends with a day which an act names."""
_MATTERS: Final = ("emergency_placement", REVIEW)


def seen(case: Case, at: datetime, ledger: Ledger, *, deadlines: bool = False, by_day: bool = False) -> Hashable:
    """The abstract state of a case at the moment ``at`` (UTC); ``deadlines`` keeps all deadlines as well.

    ``ledger`` ends with the case's newest entry: whether an objection was said in a hearing is known from it alone.
    With ``by_day`` what ends with a day, a certificate of fitness or the time to a review, counts in days: two cases
    that look the same may be looked at in different hours, and so may differ by hours in what an act sets that names a day.
    """
    if case.closed:
        return ("closed", case.outcome)
    lives = case.agreement.shelf_lives

    def age(recorded: datetime, days: int) -> int:
        return min(int((at - recorded).total_seconds()), days * 86_400)

    def left(when: datetime | None) -> int | None:
        return None if when is None else max(0, int((when - at).total_seconds()))

    def days_left(day: date) -> int:
        return max(0, (day - at.date()).days)

    def left_or_far(when: datetime | None) -> int | None:
        seconds = left(when)
        return None if seconds is None else min(seconds, FAR)

    identity, tracing, guarantee = case.identity, case.tracing, case.guarantee
    found, fitness, plan, place = case.determination, case.fitness, case.plan, case.placement
    return (
        case.languages,
        case.situation,
        case.date_of_birth,
        case.estimated_age,
        left_or_far(age_of_consent(case)),
        left_or_far(eighteenth_birthday(case)),
        identity and (identity.result, identity.dated, identity.before),
        case.age_assessed and case.age_assessed.result,
        case.screening and (case.screening.trafficking, case.screening.asylum, case.screening.violence),
        (case.turned_18, case.adulthood_holds),
        place and (is_detention(place), is_emergency(place), is_lasting(place), place.get("kind") == "family"),
        (case.detained, case.missing, case.place_anew is not None, case.court_found_danger, case.emergency_overdue),
        case.guardian and case.guardian.id,
        case.counsel and case.counsel.id,
        tuple(sorted(case.caseworkers.items())),
        tuple(sorted((id, relative.state) for id, relative in case.relatives.items())),
        case.tracing_opened and (tracing is None or tracing.n < case.tracing_opened.n),
        tracing and (tracing.result, tracing.relatives),
        tuple(
            (id, each.willing, each.able, each.safe, age(each.at, lives.family_assessment) if each.good else None)
            for id, each in sorted(case.family.items())
        ),
        guarantee and (guarantee.by, age(guarantee.at, lives.care_guarantee)),
        case.hearing and case.hearing.wish,
        case.assessed is not None,
        frozenset(case.assessors),
        found
        and (
            found.solution,
            found.review_on and days_left(found.review_on),
            found.rests_on_guarantee,
            age(found.at, lives.determination),
        ),
        frozenset(case.panel_members),
        case.review_reached,
        case.guardian_consent and (case.guardian_consent.by, age(case.guardian_consent.at, lives.consent)),
        case.child_consent and age(case.child_consent.at, lives.consent),
        case.objection and _said_in_hearing(ledger, case.objection.n),
        case.reintegration_plan is not None,
        case.rights_impact and (case.rights_impact.safe, age(case.rights_impact.at, lives.rights_impact)),
        tuple(sorted((who, approval.by) for who, approval in case.approvals.items())),
        left(case.appeal_window_ends) or None,
        fitness
        and (
            fitness.fit,
            days_left(fitness.valid_until + timedelta(days=1)) if by_day else left(_end_of(fitness.valid_until)),
            plan is not None and fitness.valid_until >= plan.first_departure.date(),
        ),
        plan
        and (
            (plan.by, plan.escort_id, plan.escort_employer, plan.documents_ready, plan.interrupted is not None),
            (plan.handover_to, plan.handover_relative, _place(plan.handover_placement)),
            tuple(_place(each) for each in plan.overnights),
            left(plan.first_departure),
        ),
        case.travel_approval is not None,
        case.departed and own_consent_needed(case, case.departed.at),
        case.arrived is not None,
        frozenset(case.visits),
        max(((each.at, each.n, each.safe) for each in case.visits.values()), default=(None, None, None))[2],
        (case.stay is not None, case.third_country is not None, case.transferred is not None),
        case.asylum,
        tuple(
            (
                each.against,
                found is not None and found.n < each.n,
                case.age_assessed is not None and case.age_assessed.n < each.n,
            )
            for each in case.appeals
        ),
        tuple(sorted((ground, each.by) for ground, each in case.suspensions.items())),
        len(case.complaints),
        case.holds,
        tuple(
            (key, days_left(each.due.date()) if by_day and key == REVIEW else left(each.due), each.overdue)
            for key, each in sorted(case.deadlines.items())
            if key in _MATTERS and each.open
        ),
        clocks(case, at, by_day=by_day) if deadlines else None,
        case.stage,
    )


def clocks(case: Case, at: datetime, *, by_day: bool = False) -> Hashable:
    """How the deadlines that run stand at a moment: what was told of each, what was added, and the seconds that are left.

    ``by_day`` as in :func:`seen`.

    Past its moment the seconds count on below nothing until both levels were told: when the next one is told depends on
    them. One that stands still keeps what it had left.
    """
    return tuple(
        sorted(
            (
                # By name: behind it stand the numbers of entries, which tell two complaints apart and nothing else.
                name_of(key),
                each.overdue,
                each.escalations,
                each.extended,
                each.stands_still_since is not None,
                None
                if each.escalations == LEVELS
                else (each.due.date() - at.date()).days
                if by_day and key == REVIEW
                else int((each.due - (each.stands_still_since or at)).total_seconds()),
            )
            for key, each in case.running.items()
        )
    )


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC) + timedelta(days=1)


def _place(place: dict[str, Any]) -> Hashable:
    return (place["kind"], place["run_by"], is_detention(place))


def _said_in_hearing(ledger: Ledger, n: int) -> bool:
    entry = ledger.find(n)
    return entry is not None and "hear_child" in (entry.act, entry.facts.get("of"))
