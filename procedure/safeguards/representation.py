"""Somebody on the child's side: an independent guardian, and free counsel."""

from collections.abc import Iterator

from procedure.safeguards.asked import Asked, Refusal, gate, refuse
from procedure.vocabulary import ENFORCEMENT


@gate("guardian-first")
def guardian_first(asked: Asked) -> Iterator[Refusal]:
    """guardian-first: no step about the child's future before a guardian is in office (GC6 paras 21, 33)."""
    if asked.case.guardian is None:
        yield refuse(
            "guardian-first",
            "No guardian is in office.",
            "Ask the guardianship authority to `appoint_guardian`; care and reports need no guardian.",
        )


@gate("counsel-first")
def counsel_first(asked: Asked) -> Iterator[Refusal]:
    """counsel-first: legal assistance from before the determination on (GC6 para 36)."""
    if asked.case.counsel is None:
        yield refuse("counsel-first", "No counsel is in office.", "Have counsel appointed with `appoint_counsel`.")


@gate("counsel-free")
def counsel_free(asked: Asked) -> Iterator[Refusal]:
    """counsel-free: free of charge, and counsel is not the guardian (GC6 para 36; JGC23 para 17(f))."""
    if not asked.act.free_of_charge:
        yield refuse(
            "counsel-free",
            "This counsel is not free of charge for the child.",
            "Appoint counsel paid by legal aid or by the state.",
        )
    guardian = asked.case.guardian
    if guardian and guardian.id == asked.act.counsel.id:
        for safeguard in ("counsel-free", "guardian-independence"):
            yield refuse(
                safeguard,
                "The guardian and the counsel would be the same person.",
                "Appoint another person as counsel.",
            )


@gate("guardian-independence")
def guardian_independent(asked: Asked) -> Iterator[Refusal]:
    """guardian-independence: no conflict of interest, no tie to enforcement (GC6 para 33; GAC para 103)."""
    case, guardian = asked.case, asked.act.guardian
    another = "Appoint a guardian who has no other part in this case."
    if not asked.act.independent:
        yield refuse("guardian-independence", "The guardian is not declared independent.", another)
    if guardian.employer in ENFORCEMENT:
        yield refuse(
            "guardian-independence",
            f"The guardian is employed by {guardian.employer.replace('_', ' ')}.",
            "Appoint a guardian with no tie to enforcement.",
        )
    if guardian.id == asked.actor_id:
        yield refuse("guardian-independence", "Nobody appoints themselves as guardian.", another)
    if guardian.id in case.caseworkers.values():
        yield refuse("guardian-independence", "The guardian is the caseworker assigned to this case.", another)
    if guardian.id in case.assessors:
        yield refuse("guardian-independence", "The guardian wrote the best-interests assessment of this case.", another)
    if guardian.id == case.opened_by:
        yield refuse("guardian-independence", "The guardian is the officer who opened this case.", another)
    if guardian.id in case.panel_members:
        yield refuse("guardian-independence", "The guardian sat on the panel of this case.", another)
    if case.counsel and guardian.id == case.counsel.id:
        yield refuse("guardian-independence", "The guardian is the child's counsel.", another)


@gate("guardian-independence")
def caseworker_not_guardian(asked: Asked) -> Iterator[Refusal]:
    """guardian-independence, kept when a caseworker is assigned after the guardian was appointed."""
    if asked.case.guardian and asked.case.guardian.id == asked.act.caseworker.id:
        yield refuse(
            "guardian-independence",
            "The child's guardian cannot be the caseworker as well.",
            "Assign another caseworker.",
        )


@gate("out-of-order")
def no_guardian_yet(asked: Asked) -> Iterator[Refusal]:
    """out-of-order: a guardian in office is replaced, not appointed over."""
    if asked.case.guardian is not None:
        yield refuse("out-of-order", "A guardian is in office already.", "Use `replace_guardian`.")


@gate("out-of-order")
def guardian_to_replace(asked: Asked) -> Iterator[Refusal]:
    """out-of-order: there is a guardian to replace."""
    if asked.case.guardian is None:
        yield refuse("out-of-order", "No guardian is in office to be replaced.", "Use `appoint_guardian`.")
