"""The child is heard, and agrees."""

from collections.abc import Iterator
from typing import Final, TypeGuard

from procedure.case import Case
from procedure.entries import Entry
from procedure.majority import own_consent_needed
from procedure.safeguards.asked import Asked, Refusal, gate, refuse
from procedure.stages import guardian_consents


def language_understood(case: Case, language: str) -> bool:
    """Whether a language is one of the child's, comparing the language itself and not its regional form."""
    primary = {known.partition("-")[0].casefold() for known in case.languages}
    return language.partition("-")[0].casefold() in primary


_NO_GUARDIAN: Final = "no guardian was in office"
_DETAINED: Final = "the child was in detention"


def why_hearing_does_not_count(asked: Asked) -> list[str]:
    """What keeps a hearing from counting (CRC 12; JGC22 paras 34-39); empty when it counts.

    A correction mends what was said, not where the child was or who was in office when it was heard.
    """
    case, act = asked.case, asked.act
    unguarded = _NO_GUARDIAN in asked.because_then if asked.corrects else case.guardian is None
    detained = _DETAINED in asked.because_then if asked.corrects else case.detained
    understood = act.interpreter or not case.languages or language_understood(case, act.language)
    reasons: list[str] = []
    if not act.informed:
        reasons.append("the child was not informed")
    if unguarded:
        reasons.append(_NO_GUARDIAN)
    elif not act.guardian_present:
        reasons.append("the guardian was not present")
    if detained:
        reasons.append(_DETAINED)
    if not understood:
        reasons.append("there was no interpreter into a language of the child")
    return reasons


@gate("child-heard")
def child_heard(asked: Asked) -> Iterator[Refusal]:
    """child-heard: a hearing that counts, in this round (CRC 12; JGC22 paras 34-39)."""
    if asked.case.hearing is not None:
        return
    last = asked.ledger.last_accepted("hear_child")
    why = (
        f" The hearing of entry {last.n} does not count: {'; '.join(last.facts['because'])}."
        if _uncounted(last)
        else ""
    )
    yield refuse(
        "child-heard",
        f"The child has not been heard in this round: informed, with the guardian, in a language understood.{why}",
        "Record `hear_child`; a hearing without the guardian, or in detention, is kept but does not count.",
    )


def _uncounted(heard: Entry | None) -> TypeGuard[Entry]:
    return heard is not None and not heard.facts["counts"]


@gate("consent")
def agrees_to_tracing(asked: Asked) -> Iterator[Refusal]:
    """consent, to tracing (GC6 para 80; GAC para 151)."""
    if not asked.act.child_agrees:
        yield refuse(
            "consent",
            "The child does not agree to the tracing.",
            "Explain what tracing is and ask again later; the procedure can go on without tracing towards a stay.",
        )


@gate("consent")
def consent_informed(asked: Asked) -> Iterator[Refusal]:
    """consent, when it is given: informed, understood, and not in detention (OSCE note 12(v))."""
    case, act = asked.case, asked.act
    if not act.informed:
        yield refuse("consent", "Consent was given without being informed.", "Inform first, then record consent again.")
    if not act.interpreter and not language_understood(case, act.language):
        yield refuse(
            "consent",
            "Consent was given without an interpreter in a language that is not one of the child's.",
            "Bring an interpreter and ask again.",
        )
    if case.detained:
        yield refuse(
            "consent",
            "Nothing that is said in detention counts as consent.",
            "Ask again after the release, in freedom.",
        )


@gate("consent")
def consent_in_force(asked: Asked) -> Iterator[Refusal]:
    """consent, in force: the guardian's, from the consent age on the child's own, and no objection at any age."""
    case = asked.case
    if not guardian_consents(case):
        yield refuse(
            "consent",
            "The guardian in office has not consented, or the consent is void.",
            "Ask the guardian for `give_consent`.",
        )
    if case.objection is not None:
        yield refuse(
            "consent",
            "The child objects to the return.",
            "Ask the panel to look again with `reopen_best_interests`. Nobody presses for another answer; "
            "only the child's own later word, heard or given freely, changes this.",
        )
    elif case.child_consent is None and own_consent_needed(case, asked.at):
        yield refuse(
            "consent",
            f"The child is old enough to be asked (from {case.agreement.consent_age} on) and has not consented, "
            "or the consent is void.",
            "Ask the child for `give_consent`, informed and with an interpreter where needed.",
        )
