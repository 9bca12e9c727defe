"""What a return rests on, and whether it is still fresh (GC14 paras 84, 90; the shelf lives are ours)."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from procedure.case import Case
from procedure.majority import own_consent_needed


def older_than(recorded: datetime, days: int, at: datetime) -> bool:
    """Whether something recorded then is no longer younger than so many days."""
    return (at - recorded).days >= days


class Stale(NamedTuple):
    """Evidence that is too old: what it is, and the act, role and state that renew it."""

    what: str
    act: str
    role: str
    state: str


def stale(case: Case, at: datetime) -> Iterator[Stale]:
    """What of the evidence on record is too old at ``at``, each as the thing to renew."""
    lives = case.agreement.shelf_lives
    if case.determination and older_than(case.determination.at, lives.determination, at):
        what = f"the best-interests determination (older than {lives.determination} days)"
        yield Stale(what, "reopen_best_interests", "caseworker", case.host_state)
    yield from _stale_care(case, at)
    for who, consent in (("guardian", case.guardian_consent), ("child", case.child_consent)):
        if consent and older_than(consent.at, lives.consent, at):
            if who == "child" and not own_consent_needed(case, at):
                continue
            yield Stale(f"the {who}'s consent (older than {lives.consent} days)", "give_consent", who, case.host_state)
    if case.rights_impact and older_than(case.rights_impact.at, lives.rights_impact, at):
        what = f"the rights-impact assessment (older than {lives.rights_impact} days)"
        yield Stale(what, "assess_rights_impact", "caseworker", case.host_state)


def _stale_care(case: Case, at: datetime) -> Iterator[Stale]:
    """Care on return rests on a relative or on a guarantee: one that is fresh is enough."""
    lives = case.agreement.shelf_lives
    relied_on = case.safe_relatives()
    if case.plan and case.plan.handover_to == "family" and case.plan.handover_relative in relied_on:
        # The plan names who takes the child in: that assessment is the one that must be fresh.
        relied_on = {case.plan.handover_relative: relied_on[case.plan.handover_relative]}
        guarantee = None
    else:
        guarantee = case.guarantee if care_guaranteed(case) else None
    if not relied_on and guarantee is None:
        return  # no care at all is another safeguard's matter
    if any(not older_than(found.at, lives.family_assessment, at) for found in relied_on.values()):
        return
    if guarantee and not older_than(guarantee.at, lives.care_guarantee, at):
        return
    if relied_on:
        what = f"the family assessment (older than {lives.family_assessment} days)"
        for state in dict.fromkeys(
            case.relatives[relative].state for relative in relied_on if relative in case.relatives
        ):
            yield Stale(what, "assess_family", "caseworker", state)
    if guarantee:
        what = f"the care guarantee (older than {lives.care_guarantee} days)"
        yield Stale(what, "guarantee_care", "central_authority", case.origin_state)


def safe_family(case: Case) -> bool:
    """A relative assessed willing, able and safe (GC6 paras 84-85)."""
    return bool(case.safe_relatives())


def authority_guarantees(case: Case) -> bool:
    return case.guarantee is not None and case.guarantee.by == "authority"


def care_guaranteed(case: Case) -> bool:
    """The origin authority's guarantee, together with a determination made with it on record (RD 10(2))."""
    return authority_guarantees(case) and case.determination is not None and case.determination.rests_on_guarantee
