"""The floor under every agreement: what no profile may loosen, whoever signed it (procedure.md, part 8).

One row a rule. A profile may add and tighten. Every clause that breaks a rule is told, with what the
floor demands and its source.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from pydantic import ValidationError

from procedure.agreement import DEADLINES, Agreement, BelowTheFloor, Breach, MalformedAgreement, ShelfLives
from procedure.faults import Fault, faults_of
from procedure.placement import CLOSED_KINDS
from procedure.profiles import Profile
from procedure.toml_text import NotToml, read_toml
from procedure.vocabulary import ENFORCEMENT

APPEAL_WINDOW_AT_LEAST_DAYS: Final = 7
VISITS_AT_LEAST: Final = 3
LAST_VISIT_NOT_BEFORE_DAYS: Final = 180
CONSENT_AGE_AT_MOST: Final = 12
RELEASE_AT_MOST_HOURS: Final = 24
EMERGENCY_PLACEMENT_AT_MOST_DAYS: Final = 30
LONGEST_DEADLINE_DAYS: Final = 365
LONGEST_EXTENSION_DAYS: Final = 60
LONGEST_SHELF_LIFE_DAYS: Final = 365
LONGEST_ESCALATION_DAYS: Final = 30
KEPT_AT_LEAST_YEARS: Final = 5
KEPT_AT_LEAST_UNTIL_AGE: Final = 21
KEPT_AT_MOST_YEARS: Final = 30
KEPT_AT_MOST_UNTIL_AGE: Final = 40
ESCORTS: Final = frozenset({"child_protection", "social_service", "ngo", "health"})
APPROVALS: Final = ("central_authority@host", "central_authority@origin")
FURTHER_APPROVERS: Final = ("child_protection_authority", "guardianship_authority", "court")

_Found = Iterator[tuple[str, str]]
"""Clauses that break a rule: (dotted path, what the profile says there)."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the floor."""

    demand: str
    source: str
    broken: Callable[[Profile, Agreement], _Found]


def _names(names: Any) -> str:
    return ", ".join(str(name).replace("_", " ") for name in names)


def _detention(profile: Profile, agreement: Agreement) -> _Found:
    place = profile.placement
    if place is None:
        return
    if place.detention:
        yield "placement.detention", "A child may be kept where it may not leave at will."
    if closed := [kind for kind in place.kinds or () if kind in CLOSED_KINDS]:
        yield "placement.kinds", f"Children are put into: {_names(closed)}."
    if bodies := [body for body in place.run_by or () if body in ENFORCEMENT]:
        yield "placement.run_by", f"Places for children are run by: {_names(bodies)}."


def _escort(profile: Profile, agreement: Agreement) -> _Found:
    if profile.escort is None:
        return
    if others := [body for body in profile.escort.employers if body not in ESCORTS]:
        yield "escort.employers", f"Children are escorted by: {_names(others)}."
    if not profile.escort.employers:
        yield "escort.employers", "Nobody may escort a child."


def _handover(profile: Profile, agreement: Agreement) -> _Found:
    handover = profile.handover
    if handover is None:
        return
    if others := [to for to in handover.recipients or () if to not in ("family", "child_protection")]:
        yield "handover.recipients", f"Children are handed over to: {_names(others)}."
    never = CLOSED_KINDS | {"transit_centre", "reception_centre", "temporary_stay_centre", "vehicle", "hotel"}
    if kinds := [kind for kind in handover.kinds or () if kind in never]:
        yield "handover.kinds", f"Children are handed over at: {_names(kinds)}."


def _approvals(profile: Profile, agreement: Agreement) -> _Found:
    if profile.approvals is None:
        return
    if missing := [who for who in APPROVALS if who not in profile.approvals.required]:
        yield "approvals.required", f"No approval is asked of: {_names(missing)}."
    if profile.approvals.one_for_both:
        yield "approvals.one_for_both", "One approval stands for both states."
    if len(set(profile.approvals.required)) < len(profile.approvals.required):
        yield "approvals.required", "The same approval is named twice."
    known = {f"{role}@{side}" for role in FURTHER_APPROVERS for side in ("host", "origin")} | set(APPROVALS)
    if strangers := [who for who in profile.approvals.required if who not in known]:
        yield "approvals.required", f"Approval is asked of somebody who has no part in it: {_names(strangers)}."


def _dropped(name: str, says: str, profile: Profile, agreement: Agreement) -> _Found:
    clause = getattr(profile, name)
    if clause is not None and not clause.required:
        yield f"{name}.required", says


def _appeal(profile: Profile, agreement: Agreement) -> _Found:
    if profile.appeal and not profile.appeal.possible:
        yield "appeal.possible", "Decisions cannot be appealed."
    if profile.appeal and not profile.appeal.suspends:
        yield "appeal.suspends", "An appeal does not suspend the return."
    if agreement.deadlines["appeal_window"].at_least_hours() < 24 * APPEAL_WINDOW_AT_LEAST_DAYS:
        yield "deadlines.appeal_window", "The time to appeal is shorter."


def _visits(profile: Profile, agreement: Agreement) -> _Found:
    days = agreement.visits
    if len(days) < VISITS_AT_LEAST:
        yield "visits.after_days", f"There are {len(days)} monitoring visits."
    if not days or days[-1] < LAST_VISIT_NOT_BEFORE_DAYS:
        yield "visits.after_days", f"Monitoring ends {days[-1] if days else 0} days after arrival."
    if any(later <= earlier for earlier, later in itertools.pairwise(days)) or any(day < 1 for day in days):
        yield "visits.after_days", "The visits do not follow one another."
    if days and days[0] > LAST_VISIT_NOT_BEFORE_DAYS:
        yield "visits.after_days", f"Nobody looks after the child for the first {days[0]} days."


def _consent_age(profile: Profile, agreement: Agreement) -> _Found:
    if agreement.consent_age > CONSENT_AGE_AT_MOST:
        yield "consent_age", f"A child is asked only from {agreement.consent_age} on."
    if agreement.consent_age < 0:
        yield "consent_age", "The age is below zero."


def _release(profile: Profile, agreement: Agreement) -> _Found:
    if agreement.deadlines["release"].at_most_hours() > RELEASE_AT_MOST_HOURS:
        yield "deadlines.release", "A detained child may wait longer for release."


def _emergency(profile: Profile, agreement: Agreement) -> _Found:
    if agreement.deadlines["emergency_placement"].at_most_hours() > 24 * EMERGENCY_PLACEMENT_AT_MOST_DAYS:
        yield "deadlines.emergency_placement", "An emergency placement may last longer."


def _missing(profile: Profile, agreement: Agreement) -> _Found:
    if agreement.deadlines["missing"].at_most_hours() > 24:
        yield "deadlines.missing", "A missing child may be looked for later."


def _silence(profile: Profile, agreement: Agreement) -> _Found:
    if profile.silence is None:
        return
    if profile.silence.outcome != "escalate":
        yield "silence.outcome", f"When nobody answers: {profile.silence.outcome}."
    for name, outcome in profile.silence.deadlines.items():
        if outcome != "escalate":
            yield f"silence.deadlines.{name}", f"When nobody answers: {outcome}."


def _periods(profile: Profile, agreement: Agreement) -> _Found:
    for name in DEADLINES:
        period = agreement.deadlines[name]
        if period.at_least_hours() < 1:
            yield f"deadlines.{name}", "There is no time to meet it."
        if (period.days or period.working_days or 0) > LONGEST_DEADLINE_DAYS or (
            period.hours or 0
        ) > 24 * LONGEST_DEADLINE_DAYS:
            yield f"deadlines.{name}", "It runs for more than a year."


def _escalation(profile: Profile, agreement: Agreement) -> _Found:
    first, second = agreement.escalate_after
    if profile.escalation and len(profile.escalation.after_days) != 2:
        yield "escalation.after_days", f"There are {len(profile.escalation.after_days)} levels of escalation."
    if not 0 <= first <= second <= LONGEST_ESCALATION_DAYS:
        yield "escalation.after_days", f"Somebody is told after {first}, then after {second} days."


def _extension(profile: Profile, agreement: Agreement) -> _Found:
    if not 0 <= agreement.extension_limit <= LONGEST_EXTENSION_DAYS:
        yield "extension_limit_days", f"A deadline may be extended by {agreement.extension_limit} days."


def _shelf_lives(profile: Profile, agreement: Agreement) -> _Found:
    for name in ShelfLives.model_fields:
        days = getattr(agreement.shelf_lives, name)
        if not 1 <= days <= LONGEST_SHELF_LIFE_DAYS:
            yield f"shelf_lives.{name}", f"Evidence may be relied on for {days} days."


def _retention(profile: Profile, agreement: Agreement) -> _Found:
    kept = agreement.retention
    if kept is None:
        return
    if not KEPT_AT_LEAST_YEARS <= kept.years <= KEPT_AT_MOST_YEARS:
        yield "retention.years", f"The record of a case is kept for {kept.years} years after its newest entry."
    if not KEPT_AT_LEAST_UNTIL_AGE <= kept.until_age <= KEPT_AT_MOST_UNTIL_AGE:
        yield "retention.until_age", f"The record of a case is kept until the child would be {kept.until_age}."


FLOOR: Final[tuple[Rule, ...]] = (
    Rule(
        "No detention kind and no enforcement body as a placement, whatever it is called.",
        "CRC art. 37(b); CMW/GC4-CRC/GC23 paras 5-13; OSCE recommendation 4",
        _detention,
    ),
    Rule(
        "The escort comes from child protection, social service, an NGO or health.",
        "OSCE meeting report, note 12(v); OSCE recommendation 3",
        _escort,
    ),
    Rule(
        "Hand-over is to family or to child protection, at a place of care.",
        "OSCE meeting report, note 12(v)",
        _handover,
    ),
    Rule(
        "The central authorities of both states approve, each for itself; further approvals may be added.",
        "OSCE meeting report (Moldova's practice); model agreement",
        _approvals,
    ),
    Rule(
        "An independent guardian is in office before any step about the child's future.",
        "CRC/GC6 paras 21, 33; CMW/GC4-CRC/GC23 para 17(i)",
        partial(_dropped, "guardian", "No guardian is asked for."),
    ),
    Rule(
        "Free counsel is in office before the determination.",
        "CRC/GC6 para 36; CMW/GC4-CRC/GC23 para 17(f)",
        partial(_dropped, "counsel", "No legal assistance is asked for."),
    ),
    Rule(
        "The child is heard before every decision.",
        "CRC art. 12; CMW/GC3-CRC/GC22 paras 34-39",
        partial(_dropped, "hearing", "The child is not heard."),
    ),
    Rule(
        "A panel determines the child's best interests before any return decision.",
        "CMW/GC3-CRC/GC22 paras 27-33; OSCE recommendation 2",
        partial(_dropped, "panel", "No best-interests determination is asked for."),
    ),
    Rule(
        "Return only with informed consent; an objection counts at any age.",
        "OSCE meeting report, note 12(v)",
        partial(_dropped, "consent", "A child is returned without consent."),
    ),
    Rule(
        "Return only to a relative assessed safe or into guaranteed care.",
        "CRC/GC6 paras 84-85; Directive 2008/115/EC art. 10(2)",
        partial(_dropped, "care", "A child is returned without knowing into whose care."),
    ),
    Rule(
        "Staying is always one of the solutions.",
        "CMW/GC3-CRC/GC22 para 32(j); OSCE recommendation 2",
        partial(_dropped, "stay", "The child can only be returned."),
    ),
    Rule(
        "No return while a claim for asylum is open or granted, or return is unsafe.",
        "CRC art. 22; CRC/GC6 paras 26-28",
        partial(_dropped, "non_refoulement", "A child may be returned into danger."),
    ),
    Rule(
        f"Decisions can be appealed for at least {APPEAL_WINDOW_AT_LEAST_DAYS} days, and an appeal suspends the return.",
        "CMW/GC4-CRC/GC23 para 17; CRC/GC14 para 98; Directive 2008/115/EC art. 13",
        _appeal,
    ),
    Rule(
        f"At least {VISITS_AT_LEAST} monitoring visits, the last not before day {LAST_VISIT_NOT_BEFORE_DAYS}.",
        "CMW/GC3-CRC/GC22 para 32(k); OSCE recommendation 2; the numbers are ours",
        _visits,
    ),
    Rule(
        f"A child's own consent is asked from {CONSENT_AGE_AT_MOST} on at the latest.",
        "CRC art. 12; the number is ours",
        _consent_age,
    ),
    Rule(
        f"A detained child is released within {RELEASE_AT_MOST_HOURS} hours.",
        'CMW/GC4-CRC/GC23 ("immediately"); the number is ours',
        _release,
    ),
    Rule(
        f"An emergency placement ends within {EMERGENCY_PLACEMENT_AT_MOST_DAYS} days.",
        "UN Guidelines for the Alternative Care of Children paras 21-23; the number is ours",
        _emergency,
    ),
    Rule("A missing child is looked for at once, within 24 hours.", "CRC art. 19; the number is ours", _missing),
    Rule(
        "Silence decides nothing: a passed deadline blocks and escalates.",
        "CRC/GC14 para 93; OSCE meeting report, day 2",
        _silence,
    ),
    Rule("Every deadline gives time to meet it and ends within a year.", "ours", _periods),
    Rule(
        f"Two levels are told of a missed deadline, the last within {LONGEST_ESCALATION_DAYS} days.",
        "ours",
        _escalation,
    ),
    Rule(f"A deadline is extended by {LONGEST_EXTENSION_DAYS} days at most.", "ours", _extension),
    Rule(
        f"Evidence is relied on for {LONGEST_SHELF_LIFE_DAYS} days at most.",
        "CRC/GC14 paras 84, 90; the number is ours",
        _shelf_lives,
    ),
    Rule(
        f"The record of a closed case is kept for {KEPT_AT_LEAST_YEARS} to {KEPT_AT_MOST_YEARS} years, and until the "
        f"child would be {KEPT_AT_LEAST_UNTIL_AGE} to {KEPT_AT_MOST_UNTIL_AGE}: long enough to be called to account, "
        "and not for ever.",
        "CRC arts. 8, 16; CMW/GC3-CRC/GC22 paras 16-17; the numbers are ours",
        _retention,
    ),
)


def breaches(profile: Profile, agreement: Agreement) -> list[Breach]:
    """Every clause of a profile that loosens the floor. ``agreement`` is the profile completed."""
    found: list[Breach] = []
    for rule in FLOOR:
        for clause, says in rule.broken(profile, agreement):
            mark = profile.marks.get(clause)
            found.append(
                Breach(
                    clause=clause,
                    says=says,
                    floor=rule.demand,
                    source=rule.source,
                    certainty=mark.certainty if mark else None,
                    cited=mark.source if mark else None,
                )
            )
    return found


def read_profile(text: str, base: Agreement | None) -> Agreement:
    """Read a profile (TOML) and complete it from ``base``.

    Raises :class:`MalformedAgreement` with every fault and its path when it is not a profile, and
    :class:`BelowTheFloor` with every clause that loosens the floor.
    """
    try:
        given = read_toml(text)
    except NotToml as error:
        raise MalformedAgreement([Fault(path="$", message=f"is not TOML: {error}")]) from None
    try:
        profile = Profile.model_validate(given)
    except ValidationError as error:
        raise MalformedAgreement(faults_of(error)) from None
    if faults := _faults(profile, base):
        raise MalformedAgreement(faults)
    agreement = _completed(profile, base)
    if found := breaches(profile, agreement):
        raise BelowTheFloor(profile.id, found)
    return agreement


def _faults(profile: Profile, base: Agreement | None) -> list[Fault]:
    faults: list[Fault] = []
    for name in profile.deadlines:
        if name not in DEADLINES:
            faults.append(
                Fault(path=f"deadlines.{name}", message=f"no such deadline; there are: {', '.join(DEADLINES)}")
            )
    for name in profile.shelf_lives:
        if name not in ShelfLives.model_fields:
            faults.append(Fault(path=f"shelf_lives.{name}", message="no such evidence"))
    if profile.in_force_until and profile.in_force_until < profile.in_force_from:
        faults.append(Fault(path="in_force_until", message="lies before in_force_from"))
    if profile.states != "any" and len(set(profile.states)) > 2:
        faults.append(Fault(path="states", message="names at most two states; an agreement is between two"))
    if base is not None:
        return faults
    # Without a base there is nobody to complete it, so everything must be said.
    missing = sorted(set(DEADLINES) - set(profile.deadlines))
    faults += [Fault(path=f"deadlines.{name}", message="this deadline is needed") for name in missing]
    lives = set(ShelfLives.model_fields) - set(profile.shelf_lives)
    faults += [Fault(path=f"shelf_lives.{name}", message="this is needed") for name in sorted(lives)]
    for name in ("consent_age", "extension_limit_days", "escalation", "visits", "approvals", "escort"):
        if getattr(profile, name) is None:
            faults.append(Fault(path=name, message="this is needed: the profile has no base to complete it"))
    return faults


def _completed(profile: Profile, base: Agreement | None) -> Agreement:
    """The terms of a profile over its base. They may still be below the floor."""
    terms: dict[str, Any] = base.terms() if base else {}
    said: dict[str, Any] = {
        "consent_age": profile.consent_age,
        "extension_limit": profile.extension_limit_days,
        "escalate_after": profile.escalation.after_days[:2] if profile.escalation else None,
        "visits": profile.visits.after_days if profile.visits else None,
        "approvals": profile.approvals.required if profile.approvals else None,
        "escort_employers": profile.escort.employers if profile.escort else None,
        "languages": profile.languages,
    }
    terms |= {name: value for name, value in said.items() if value is not None}
    terms |= {
        "id": profile.id,
        "title": profile.title,
        "version": profile.version,
        "states": () if profile.states == "any" else profile.states,
        "side": profile.side,
        "in_force_from": profile.in_force_from,
        "in_force_until": profile.in_force_until,
        "deadlines": {**terms.get("deadlines", {}), **{k: p.model_dump() for k, p in profile.deadlines.items()}},
        "shelf_lives": {**terms.get("shelf_lives", {}), **profile.shelf_lives},
        "calendars": {**terms.get("calendars", {}), **profile.calendars},
    }
    if profile.retention is not None:
        terms["retention"] = {**(terms.get("retention") or {}), **profile.retention.model_dump(exclude_none=True)}
    try:
        return Agreement.model_validate(terms)
    except ValidationError as error:
        raise MalformedAgreement(faults_of(error)) from None
