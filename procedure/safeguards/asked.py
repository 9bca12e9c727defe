"""What a safeguard is asked, and how it answers."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import wraps
from typing import Any, Final, NamedTuple, TypedDict

from procedure.acts import Act
from procedure.case import Case
from procedure.ledger import Ledger
from procedure.signing import Standing
from procedure.vocabulary import SafeguardName


class Refusal(TypedDict):
    """Why a decision does not stand, in the contract's shape."""

    safeguard: SafeguardName
    message: str
    source: str
    instead: str


class Asked(NamedTuple):
    """An act that somebody wants to do on a case, at a moment. ``act`` is of the model that its name says."""

    case: Case
    act: Any
    at: datetime
    ledger: Ledger
    because_then: tuple[str, ...] = ()
    """Of a hearing that is corrected: why it did not count when it was recorded."""
    corrects: bool = False
    signed: Standing | None = None
    """What was found of the act's signature; ``None`` where none was given and none is asked for."""

    @property
    def actor_id(self) -> str:
        said: Act = self.act
        return said.actor.id


Gate = Callable[[Asked], Iterator[Refusal]]
"""One question that is asked of an act. It yields a refusal for each thing that is wrong."""

_When = Callable[[Asked], bool]
_ANSWERS: Final[dict[Gate, tuple[tuple[SafeguardName, ...], _When | None]]] = {}


def gate(*names: SafeguardName, when: _When | None = None) -> Callable[[Gate], Gate]:
    """Mark a function as the gate of these safeguards, which asks for them only ``when`` it is about them at all."""

    def register(function: Gate) -> Gate:
        @wraps(function)
        def asks(asked: Asked) -> Iterator[Refusal]:
            return function(asked) if when is None or when(asked) else iter(())

        _ANSWERS[asks] = names, when
        return asks

    return register


def answered_by(function: Gate, asked: Asked) -> tuple[SafeguardName, ...]:
    """The safeguards that a gate asks for at this act."""
    names, when = _ANSWERS[function]
    return names if when is None or when(asked) else ()


SAFEGUARDS: Final[dict[SafeguardName, tuple[str, str]]] = {
    "no-detention": (
        "No step puts or keeps the child in detention, however it is named.",
        "CRC art. 37(b); CMW/GC4-CRC/GC23 paras 5-13; UN Global Study (2019), definition; "
        "OSCE meeting report, day 1 and recommendation 4",
    ),
    "guardian-first": (
        "No step about the child's future before a guardian is in office. Care needs none.",
        "CRC/GC6 paras 21, 33; CMW/GC4-CRC/GC23 para 17(i); OSCE recommendation 3",
    ),
    "guardian-independence": (
        "The guardian has no conflict of interest and no tie to enforcement.",
        "CRC/GC6 para 33; UN Guidelines for the Alternative Care of Children para 103",
    ),
    "counsel-first": (
        "Legal assistance from before the determination on.",
        "CRC/GC6 para 36; CMW/GC4-CRC/GC23 para 17(f); OSCE recommendation 3",
    ),
    "counsel-free": (
        "Legal assistance is free of charge, by counsel who is not the guardian.",
        "CRC/GC6 para 36; CMW/GC4-CRC/GC23 para 17(f); OSCE recommendation 3",
    ),
    "benefit-of-doubt": (
        "A person who may be a child is treated as one; age is assessed by several disciplines, with a guardian.",
        "CRC/GC6 para 31(i); CMW/GC4-CRC/GC23 para 4",
    ),
    "child-heard": (
        "The child is informed and heard in a language understood, with the guardian.",
        "CRC art. 12; CMW/GC3-CRC/GC22 paras 34-39; OSCE recommendation 1",
    ),
    "no-contact-with-origin": (
        "Authorities of the origin state are not contacted while a protection need is open or unknown.",
        "CRC/GC6 para 80; UNHCR Best Interests Procedure Guidelines (2021), tracing; CMW/GC3-CRC/GC22, data protection",
    ),
    "safe-family": (
        "Return to family needs a relative assessed willing, able and safe.",
        "CRC/GC6 paras 84-85; Directive 2008/115/EC art. 10(2); OSCE meeting report (Moldova's practice)",
    ),
    "care-guaranteed": (
        "Return without such a relative needs a care guarantee of the origin's authority, "
        "and a determination that rests on it.",
        "CRC/GC6 paras 84-85; Directive 2008/115/EC art. 10(2); OSCE meeting report (Moldova's practice)",
    ),
    "bid-before-return": (
        "A formal best-interests determination that found return comes before any return decision.",
        "CMW/GC3-CRC/GC22 paras 27-33; OSCE recommendation 2",
    ),
    "bid-panel": (
        "At least three people of at least two disciplines, one of them from child protection, none from enforcement.",
        "UNHCR Best Interests Procedure Guidelines (2021); CRC/GC14 para 94; OSCE recommendation 2",
    ),
    "options-considered": (
        "At least two solutions are considered; for return, staying is one of them.",
        "CMW/GC3-CRC/GC22 para 32(j); OSCE recommendation 2",
    ),
    "non-refoulement": (
        "No return while an asylum claim is open or granted, or the rights-impact assessment says unsafe.",
        "CRC art. 22; CRC/GC6 paras 26-28, 82; OSCE recommendation 1",
    ),
    "appeal-suspends": (
        "An appeal, and the time to lodge one, suspends the return.",
        "CMW/GC4-CRC/GC23 para 17; CRC/GC14 para 98; Directive 2008/115/EC art. 13",
    ),
    "consent": (
        "Return, and tracing, only with informed consent; an objection counts at any age.",
        "OSCE meeting report, note 12(v) (model agreement); UNHCR Best Interests Procedure Guidelines (2021)",
    ),
    "reintegration-plan": (
        "An individual plan, funded, before return.",
        "CMW/GC3-CRC/GC22 para 32(k); OSCE recommendation 2",
    ),
    "rights-impact": (
        "The latest rights-impact assessment before return says safe.",
        "OSCE meeting report, day 2 (Strik: impact assessment before return)",
    ),
    "approval-of-both-states": (
        "The central authorities of both states approve, each for itself.",
        "OSCE meeting report, day 2 (Moldova's practice); model agreement",
    ),
    "four-eyes": (
        "Decisions that check one another are taken by different persons.",
        "Principle of good administration; UNHCR Best Interests Procedure Guidelines (2021), conflict of interest",
    ),
    "stale-dossier": (
        "An approval binds what the approver read.",
        "Integrity of decisions (no instrument gives it)",
    ),
    "stale-evidence": (
        "Evidence older than its shelf life is no evidence.",
        "CRC/GC14 paras 84, 90; the shelf lives are ours",
    ),
    "fit-to-travel": (
        "A health worker certified fitness to travel, valid on the day.",
        "CRC/GC6 para 84; UNHCR Best Interests Procedure Guidelines (2021)",
    ),
    "travel-approved": (
        "Nobody departs without an approved plan in force.",
        "Integrity of decisions (no instrument gives it)",
    ),
    "escort-from-child-protection": (
        "The escort comes from child protection, social service, an NGO or health.",
        "OSCE meeting report, note 12(v); OSCE recommendation 3",
    ),
    "handover-into-care": (
        "Hand-over is to family assessed safe or to child protection, at a care place, never at a border.",
        "OSCE meeting report, note 12(v)",
    ),
    "family-unity": (
        "A child is not separated from family except for danger.",
        "CRC art. 9; OSCE recommendation 4",
    ),
    "monitoring-complete": (
        "A returned child's case closes only after all visits, the last one safe.",
        "CMW/GC3-CRC/GC22 para 32(k); OSCE recommendation 2",
    ),
    "held": (
        "Nothing moves the return forward while a hold stands.",
        "This procedure, part 5",
    ),
    "not-your-act": (
        "Each act belongs to named roles.",
        "This procedure, contract section 3",
    ),
    "out-of-order": (
        "An act that has no meaning now changes nothing.",
        "This procedure, parts 1 and 2",
    ),
    "closed-case": (
        "A closed case takes no further acts.",
        "This procedure, part 2",
    ),
    "extension-limit": (
        "A deadline may be extended only so far, and some not at all.",
        "This procedure, part 4; the agreement's limit",
    ),
    "well-formed": (
        "An act has the shape of the contract.",
        "Contract section 3",
    ),
}
"""Every safeguard: what it demands, and the instrument it comes from."""


_BODIES: Final = {
    "police": "the police",
    "border": "the border service",
    "immigration": "the immigration authority",
    "penitentiary": "the penitentiary service",
    "military": "the military",
    "private_security": "a private security company",
    "ngo": "an NGO",
    "family": "the family",
    "health": "the health service",
    "education": "the education authority",
    "social_service": "the social service",
    "foster_carer": "a foster carer",
    "other": "somebody else",
}


def body(run_by: str) -> str:
    """A body that runs a place or employs a person, in a sentence."""
    return _BODIES.get(run_by, run_by.replace("_", " "))


def refuse(safeguard: SafeguardName, message: str, instead: str) -> Refusal:
    """A refusal with its source. ``message`` says what is wrong here, ``instead`` what can be done."""
    return Refusal(safeguard=safeguard, message=message, source=SAFEGUARDS[safeguard][1], instead=instead)
