"""What the models do not say of their fields: which of them people fill in, in what order, and how they are asked for.

Keys are paths without the numbers of rows (``panel.discipline``), of one act only where the act stands before
them (``appeal.against``), and of one role's form only where the role does too (``give_consent@child.informed``).
Words of the trade are casefile's; what stands here is missing there.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, get_args

from pydantic import BaseModel

from casefile.languages import Language, capitalised
from casefile.terms import FIELDS, N_, WORDS_OF
from desk.forms.shapes import Shape
from procedure.placement import Placement
from procedure.vocabulary import PlacementKind, RunBy, SafeguardName, Solution

FILLED_IN: Final = frozenset(
    {"act", "act_id", "actor", "dossier", "opened_by", "reference", "not_duplicate_of", "signature"}
)
"""Fields that the desk fills in: who speaks, the head that was read, and what becomes of the intake's reference."""

LAST: Final = ("reason", "evidence")
"""Asked after the act's own fields, in this order; the models have them before."""

LONG: Final = frozenset(
    "reason found.circumstances health_needs assessment undertaking views options.for options.against "
    "weight_given_to_views new_facts grounds housing education healthcare support risks findings guarantee plan about "
    "remedy text".split()
)
"""Texts of more than a line."""

BEGINS_WITH: Final[Mapping[str, int]] = {"panel": 3, "options": 2}
"""How many rows stand ready to be filled in; one where nothing is said."""

FIXED: Final = frozenset(
    "act act_id actor reference agreement host_state origin_state opened_by relative_id visit against signature".split()
)
"""What says which record an entry is, and is never corrected."""


@dataclass(frozen=True, slots=True)
class Term:
    """A word of casefile's, by its kind and name."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Demand:
    """What a safeguard demands, in casefile's words."""

    safeguard: SafeguardName


Said = str | Term | Demand

LABELS: Final[Mapping[str, Said]] = {
    "agreement": N_("Agreement"),
    "host_state": N_("Host state: where the child is"),
    "origin_state": N_("Origin state of the child"),
    "relatives.id": N_("Identifier of the relative"),
    "relatives.relationship": N_("Relationship to the child"),
    "relatives.state": N_("State where the relative lives"),
    "relatives.name": N_("Name of the relative"),
    "relatives.contact": N_("How to reach the relative"),
    "opened.placement": N_("Place where the child is now"),
    "place_child.placement": N_("Place where the child will live"),
    "report_detention.placement": N_("Place where the child is held"),
    "confirm_release.placement": N_("Place where the child is now"),
    "report_found.placement": N_("Place where the child is now"),
    "arrive.placement": N_("Place where the child is now"),
    "arrange_third_country.placement": N_("Place where the child will live"),
    "placement.seen": N_("What was seen there"),
    "methods": N_("Methods of the assessment"),
    "education": N_("The child goes to school"),
    "healthcare": N_("The child has healthcare"),
    "guardian": Term("role", "guardian"),
    "guardian.id": N_("Identifier of the guardian"),
    "guardian.kind": N_("Kind of guardian"),
    "guardian.employer": N_("Employer of the guardian"),
    "independent": N_("The guardian is independent"),
    "child_informed": N_("The child was informed of it"),
    "counsel": Term("role", "legal_counsel"),
    "counsel.id": N_("Identifier of the legal counsel"),
    "free_of_charge": N_("Free of charge for the child"),
    "via": N_("Through whom the family is searched for"),
    "child_agrees": N_("The child agrees to the search"),
    "relative_id": Term("role", "relative"),
    "assess_family.safe": N_("The child would be safe with this relative"),
    "by": N_("Who will care for the child"),
    "undertaking": N_("What is undertaken"),
    "options.solution": N_("Solution"),
    "options.for": N_("What speaks for it"),
    "options.against": N_("What speaks against it"),
    "panel": N_("Members of the panel"),
    "panel.id": N_("Identifier of the member"),
    "panel.discipline": N_("Discipline"),
    "panel.employer": N_("Employer of the member"),
    "solution": N_("What is best for the child"),
    "options_considered": N_("Solutions that were considered"),
    "weight_given_to_views": N_("What weight the child's views were given, and why"),
    "review_on": N_("Day of the review"),
    "new_facts": N_("New facts"),
    "against": N_("What the appeal is against"),
    "given": N_("Consent to the return"),
    "give_consent.informed": N_("Whoever consents was told what it means"),
    "give_consent@child.informed": N_("I was told what it means"),
    "adopt_reintegration_plan.education": N_("School"),
    "adopt_reintegration_plan.healthcare": N_("Healthcare"),
    "housing": N_("Housing"),
    "support": N_("Support"),
    "contact": N_("Whom the child can turn to"),
    "funded": N_("The plan is funded"),
    "assess_rights_impact.safe": N_("A return is safe for the child"),
    "legs": N_("The journey, leg by leg"),
    "legs.from": N_("From"),
    "legs.to": N_("To"),
    "legs.mode": N_("Means of travel"),
    "legs.departs": N_("Departure"),
    "legs.arrives": N_("Arrival"),
    "legs.overnight": N_("Place of the night after this leg"),
    "escort": Term("role", "escort"),
    "escort.id": N_("Identifier of the escort"),
    "escort.employer": N_("Employer of the escort"),
    "handover": N_("Hand-over"),
    "handover.to": N_("To whom the child is handed over"),
    "handover.relative_id": N_("Relative who receives the child"),
    "handover.placement": N_("Place where the child will live"),
    "documents_ready": N_("The travel documents are ready"),
    "report_incident.placement": N_("Place where the child waits"),
    "visit": N_("Number of the visit"),
    "record_visit.safe": N_("The child is safe"),
    "record_visit.placement": N_("Place where the child lives now, if it is another"),
    "status": N_("Kind of stay"),
    "until": N_("Until"),
    "state": N_("Third country"),
    "guarantee": N_("Guarantee of care"),
    "plan": N_("Plan for the transfer"),
    "outcome": N_("Outcome of the case"),
    "ground": N_("Ground of the suspension"),
    "complaint": Term("act", "complain"),
    "remedy": N_("Remedy"),
    "caseworker": Term("role", "caseworker"),
    "caseworker.id": N_("Identifier of the caseworker"),
    "deadline": N_("Deadline"),
    "days": N_("Days to add"),
    "entry": N_("Entry to be corrected"),
    "fields": N_("What is wrong in this entry"),
    "correct.reason": N_("Reason for the correction"),
    "correct.evidence": N_("Evidence for the correction"),
}

_SIGN: Final = N_("As your office or theirs writes it, for example g-4. Not the name: that stands in your own files.")
_NO_DETENTION: Final = Demand("no-detention")

HINTS: Final[Mapping[str, Said]] = {
    "evidence": N_("Each is “sha256:” and the document's digest: 64 digits and letters from a to f."),
    "child.date_of_birth": N_("Leave it empty if it is not known, and give the estimated age."),
    "child.estimated_age": N_("In doubt, the lowest age of the margin."),
    "child.nationalities": N_("None, if the child may be stateless."),
    "relatives.id": N_("A short one, for example r1. Other records name the relative by it."),
    "placement": N_("What counts is how it is there, not what the place is called."),
    "place_child.placement": _NO_DETENTION,
    "arrange_third_country.placement": _NO_DETENTION,
    "placement.child_may_leave_at_will": N_(
        "At any time and without asking for leave. A place of which this is not known counts as closed."
    ),
    "since": N_("As far as it is known."),
    "methods": Demand("benefit-of-doubt"),
    "guardian.id": _SIGN,
    "independent": Demand("guardian-independence"),
    "counsel.id": _SIGN,
    "free_of_charge": Demand("counsel-free"),
    "via": Demand("no-contact-with-origin"),
    "hear_child.informed": Demand("child-heard"),
    "panel": Demand("bid-panel"),
    "panel.id": _SIGN,
    "options_considered": Demand("options-considered"),
    "review_on": N_("Needed for a postponement."),
    "given": Demand("consent"),
    "funded": Demand("reintegration-plan"),
    "legs.overnight": _NO_DETENTION,
    "escort": Demand("escort-from-child-protection"),
    "escort.id": _SIGN,
    "handover": Demand("handover-into-care"),
    "caseworker.id": _SIGN,
    "outcome": N_("Only what has come true."),
}

ROWS: Final[Mapping[str, tuple[str, str]]] = {
    "evidence": (N_("Document {number}"), N_("Add a document")),
    "sources": (N_("Source {number}"), N_("Add a source")),
    "nationalities": (N_("Nationality {number}"), N_("Add a nationality")),
    "languages": (N_("Language {number}"), N_("Add a language")),
    "methods": (N_("Method {number}"), N_("Add a method")),
    "relatives": (N_("Relative {number}"), N_("Add a relative")),
    "options": (N_("Option {number}"), N_("Add an option")),
    "panel": (N_("Member {number}"), N_("Add a member")),
    "risks": (N_("Risk {number}"), N_("Add a risk")),
    "legs": (N_("Leg {number}"), N_("Add a leg")),
}
"""What each row of a list is called, and the button for another one."""

# Words for choices

_KINDS: Final[Mapping[tuple[str, ...], str]] = {
    get_args(PlacementKind): "placement",
    get_args(RunBy): "run_by",
    get_args(Solution): "solution",
}
"""Which kind of casefile's words a choice is in, by its values; :data:`casefile.terms.WORDS_OF` knows the rest."""

_CHOICES: Final[Mapping[str, str]] = {"guardian.kind": "guardian"}

_CHOSEN: Final[Mapping[str, Mapping[str, Said]]] = {
    "via": {
        "central_authority": Term("role", "central_authority"),
        "consulate": Term("role", "consulate"),
        "red_cross": N_("Red Cross"),
        "social_service": Term("run_by", "social_service"),
    },
    "guarantee_care.by": {"family": Term("run_by", "family"), "authority": N_("Authority of the origin state")},
    "appeal.against": {
        "best_interests": Term("act", "determine_best_interests"),
        "return": Term("solution", "return"),
        "placement": Term("act", "place_child"),
        "age": Term("act", "assess_age"),
        "travel": Term("act", "plan_travel"),
    },
    "handover.to": {"family": Term("run_by", "family"), "child_protection": Term("run_by", "child_protection")},
    "handed_to": {
        "family": Term("run_by", "family"),
        "child_protection": Term("run_by", "child_protection"),
        "law_enforcement": Term("role", "law_enforcement"),
        "other": Term("run_by", "other"),
    },
}
"""Choices whose words at casefile stand inside a sentence only."""

SIGN_LANGUAGES: Final[Mapping[str, str]] = {
    "rms": N_("Romanian Sign Language"),
    "rsl": N_("Russian Sign Language"),
    "ukl": N_("Ukrainian Sign Language"),
}
"""A deaf child is heard in one of these; CLDR has no names for them."""

FURTHER_LANGUAGES: Final = (
    "ady ary arz bal ckb crh dar fil gag inh kaa kab kbd krc kum lez nog rhg rif rom rue rup sdh shi tly tzm yue zza"
).split()
"""Languages without a code of two letters that children on these roads speak."""

NO_STATES: Final = frozenset("AC CP CQ DG EA EU EZ IC QO TA UN XA XB ZZ".split())
"""Codes for which CLDR has names and which are no states."""


def keys(act: str, path: str, model: type[BaseModel] | None = None) -> Iterator[str]:
    """Under which a field may stand in these tables, the most special first. ``model`` is the one that it is a field of."""
    yield f"{act}.{path}"
    yield path
    if model is Placement:
        yield f"placement.{path.rpartition('.')[2]}"


def said(language: Language, what: Said) -> str:
    """A word of one of these tables, as it stands alone."""
    match what:
        case Term(kind, name):
            return capitalised(language.term(kind, name))
        case Demand(safeguard):
            return language.demand(safeguard)
        case message:
            return language.gettext(message)


def label(
    language: Language, act: str, path: str, model: type[BaseModel] | None = None, *, by: str | None = None
) -> str:
    """What a field is called, in the form of the role ``by`` where one is named. A name that is not known here, as a newer procedure may bring, comes in its own words."""
    for key in (f"{act}@{by}.{path}", *keys(act, path, model)):
        if key in LABELS:
            return said(language, LABELS[key])
        if key in FIELDS:
            return capitalised(language.field(key) or key)
    return capitalised(path.rpartition(".")[2].replace("_", " "))


def hint(language: Language, act: str, path: str, model: type[BaseModel] | None = None) -> str | None:
    """What helps to fill a field in; None where nothing needs to be said."""
    return next((said(language, HINTS[key]) for key in keys(act, path, model) if key in HINTS), None)


def is_labelled(act: str, path: str, model: type[BaseModel] | None = None) -> bool:
    """Whether a field has a word of its own."""
    return any(key in LABELS or key in FIELDS for key in keys(act, path, model))


def chosen(language: Language, act: str, shape: Shape, value: str) -> str:
    """The word for one value of a choice."""
    for key in keys(act, shape.path):
        if own := _CHOSEN.get(key, {}).get(value):
            return said(language, own)
    if kind := kind_of(act, shape):
        return capitalised(language.term(kind, value))
    return value


def kind_of(act: str, shape: Shape) -> str | None:
    """Which kind of casefile's words a choice is in."""
    return _KINDS.get(shape.words) or WORDS_OF.get(f"{act}.{shape.path}") or _CHOICES.get(shape.path)
