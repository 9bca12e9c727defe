"""Age in doubt, contact with the origin state, and refoulement."""

from collections.abc import Iterator
from datetime import timedelta

from procedure.safeguards.asked import Asked, Refusal, gate, refuse


def _born_ahead(asked: Asked) -> bool:
    """Whether a date of birth lies in the future, with a day of grace for the date line."""
    born = asked.act.date_of_birth
    return born is not None and born > (asked.at + timedelta(days=1)).date()


@gate("well-formed", when=_born_ahead)
def born_already(asked: Asked) -> Iterator[Refusal]:
    """well-formed: nobody is born after the day on which it is reported. The models know no day to ask it by."""
    yield refuse(
        "well-formed", "The date of birth lies in the future.", "Record `verify_identity` with the right date."
    )


@gate("benefit-of-doubt", when=lambda asked: asked.act.result == "adult")
def benefit_of_doubt(asked: Asked) -> Iterator[Refusal]:
    """benefit-of-doubt, asked of an assessment that says adult (GC6 para 31(i); JGC23 para 4)."""
    act = asked.act
    methods = {method.strip().casefold() for method in act.methods}
    if len(methods) < 2:
        yield refuse(
            "benefit-of-doubt",
            "One method alone does not show that somebody is an adult.",
            "Have several disciplines assess the age, or record `doubt`: the person is then treated as a child.",
        )
    if asked.case.guardian is None or not act.guardian_present:
        yield refuse(
            "benefit-of-doubt",
            "Age was assessed without the guardian in office being present.",
            "Repeat the assessment with the guardian, or record `doubt`.",
        )
    identity = asked.case.identity
    if identity and identity.result == "not_established" and methods <= {"identity", "no documents", "documents"}:
        yield refuse(
            "benefit-of-doubt",
            "That identity could not be established does not make anybody an adult.",
            "Have the age assessed by several disciplines, or record `doubt`.",
        )


@gate("no-contact-with-origin")
def no_contact_with_origin(asked: Asked) -> Iterator[Refusal]:
    """no-contact-with-origin, asked of tracing through authorities (GC6 para 80)."""
    case = asked.case
    if asked.act.via not in ("central_authority", "consulate"):
        return
    instead = "Trace through `red_cross` or `social_service`, which tell no authority of the origin state."
    if case.screening is None:
        yield refuse(
            "no-contact-with-origin",
            "It is not known yet whether the child needs protection from the origin state.",
            f"Record `screen_protection` first. {instead}",
        )
    elif case.screening.asylum or case.asylum in ("open", "granted"):
        yield refuse("no-contact-with-origin", "A protection need against the origin state is open.", instead)


@gate("non-refoulement")
def non_refoulement(asked: Asked) -> Iterator[Refusal]:
    """non-refoulement (CRC 22; GC6 paras 26-28, 82)."""
    case = asked.case
    if case.asylum == "open":
        yield refuse(
            "non-refoulement",
            "A claim for asylum is open.",
            "Wait for `resolve_asylum_claim`; other solutions remain open to the panel.",
        )
    elif case.asylum == "granted":
        yield refuse(
            "non-refoulement",
            "Asylum was granted; return is over.",
            "Determine a stay or a third country instead.",
        )
    if case.rights_impact and not case.rights_impact.safe:
        yield refuse(
            "non-refoulement",
            "The latest rights-impact assessment says that return is not safe.",
            "Determine another solution, or assess anew when the facts have changed.",
        )


@gate("non-refoulement", when=lambda asked: asked.act.solution == "return")
def non_refoulement_of_return(asked: Asked) -> Iterator[Refusal]:
    """non-refoulement, asked of a determination only when it finds return."""
    yield from non_refoulement(asked)


@gate("out-of-order")
def relative_known(asked: Asked) -> Iterator[Refusal]:
    """out-of-order: an assessment is of a relative on record."""
    if asked.act.relative_id not in asked.case.relatives:
        yield refuse(
            "out-of-order",
            "No relative with this id is on record.",
            "Record the relative with `report_tracing` first, or check the id.",
        )
