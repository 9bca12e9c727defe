"""The stages of a case and what ends each (procedure.md, part 1).

The stage of a case is the first in the list whose exit conditions do not all hold. Nothing is
remembered of a stage once reached: a fact that falls away takes the case back by itself.
"""

from datetime import datetime

from procedure.case import Case
from procedure.majority import own_consent_needed
from procedure.vocabulary import Stage


def stage_of(case: Case, at: datetime) -> Stage:
    """The earliest stage whose exit conditions do not hold at the moment ``at``."""
    if case.closed:
        return "closed"
    if not identified(case):
        return "identification"
    if not represented(case):
        return "guardianship"
    if not traced(case):
        return "family_tracing"
    if not determined(case):
        return "best_interests"
    if not case.return_found:
        return "closed" if settled(case) else "other_solution"
    if not decided(case, at):
        return "decision"
    if not travelled(case):
        return "travel"
    return "closed" if reintegrated(case) else "reintegration"


def identified(case: Case) -> bool:
    """Identity looked into, age known or in the child's favour, protection screened, and care that is not detention.

    Best efforts are enough: a child is never kept waiting for papers.
    """
    return case.identity is not None and age_settled(case) and case.screening is not None and cared_for(case)


def age_settled(case: Case) -> bool:
    assessed = case.age_assessed
    return case.date_of_birth is not None or (assessed is not None and assessed.result in ("child", "doubt"))


def cared_for(case: Case) -> bool:
    return case.placement is not None and not case.detained


def represented(case: Case) -> bool:
    return case.guardian is not None and case.counsel is not None


def traced(case: Case) -> bool:
    """Tracing has an answer, and every relative it found is assessed. A child with the family needs none."""
    if case.situation == "with_family":
        return True
    tracing = case.tracing
    if tracing is None or tracing.result == "ongoing":
        return False
    return tracing.result == "not_found" or all(relative in case.family for relative in tracing.relatives)


def determined(case: Case) -> bool:
    """A determination of this round with a solution, and no appeal against it pending."""
    return case.solution not in (None, "postpone") and not case.appeals_against("best_interests")


def consents_in_force(case: Case, at: datetime) -> bool:
    """The guardian in office and, from the consent age on, the child agree, and the child does not object."""
    return guardian_consents(case) and child_consents(case, at)


def guardian_consents(case: Case) -> bool:
    consent, guardian = case.guardian_consent, case.guardian
    return consent is not None and guardian is not None and consent.by == guardian.id


def child_consents(case: Case, at: datetime) -> bool:
    """An objection counts at every age (BIP; OSCE note 12(v)). Nobody grows into being asked on the journey."""
    asked = case.departed.at if case.departed else at
    return case.objection is None and (case.child_consent is not None or not own_consent_needed(case, asked))


def approved_by_all(case: Case) -> bool:
    """Every approval of return that the agreement asks for is in force."""
    return all(who in case.approvals for who in case.agreement.approvals)


def appeal_window_over(case: Case, at: datetime) -> bool:
    return case.appeal_window_ends is None or at >= case.appeal_window_ends


def return_appealed(case: Case) -> bool:
    """An appeal that suspends the return is pending (JGC23 para 17; RD 13)."""
    return bool(case.appeals) and bool(case.appeals_against("best_interests", "return", "travel"))


def decided(case: Case, at: datetime) -> bool:
    if case.arrived is not None:
        # What the return was decided on has done its work: nothing that falls away on the journey or after it can be
        # given again, and a case that waited for it would never end. An appeal is still heard.
        return not return_appealed(case)
    return (
        consents_in_force(case, at)
        and case.reintegration_plan is not None
        and case.rights_impact is not None
        and case.rights_impact.safe
        and approved_by_all(case)
        and appeal_window_over(case, at)
        and not return_appealed(case)
    )


def travelled(case: Case) -> bool:
    """Arrived, which asks an approved departure first, and in no detention (the release after a bad arrival ends it)."""
    return case.arrived is not None and not case.detained


def reintegrated(case: Case) -> bool:
    """Every monitoring visit of the agreement recorded, the last one safe (JGC22 para 32(k))."""
    owed = range(1, len(case.agreement.visits) + 1)
    if not all(visit in case.visits for visit in owed):
        return False
    return max(case.visits.values(), key=lambda visit: (visit.at, visit.n)).safe


def settled(case: Case) -> bool:
    """A stay granted, or a third country arranged."""
    return case.stay is not None or case.third_country is not None
