"""What people say to a case: one model an act, in the imperative, and one union of them all.

The models judge shape only. Whether an act may be done now is the safeguards' question
(:mod:`procedure.safeguards`); who may do it is :mod:`procedure.who_may`'s.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated, Any, Final, Literal, get_args

import pydantic_core
import rfc8785
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    TypeAdapter,
    ValidationError,
    field_validator,
)

from procedure.faults import Fault, MalformedAct, faults_of
from procedure.placement import Placement
from procedure.vocabulary import Outcome, Role, RunBy, Solution

MAX_ACT_BYTES: Final = 64 * 1024

State = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$", max_length=35)]
PersonId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^\S(.*\S)?$")]
Text = Annotated[str, Field(min_length=1, pattern=r"\S")]
"""However long: an act as a whole is held to :data:`MAX_ACT_BYTES`."""
OpenText = str
Reason = Annotated[str, Field(min_length=3, max_length=4_000, pattern=r"\S")]


def _written_as(pattern: re.Pattern[str], form: str) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        # A number in quotes would pass as seconds since 1970: a date of birth that nobody wrote.
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise ValueError(f"must be written as {form}")
        return value

    return check


def _of_our_times(value: Any) -> Any:
    """Refuse what no calendar of a case can reach: reckoning with it would fail, and the case with it."""
    if not YEARS[0] <= value.year <= YEARS[1]:
        raise ValueError(f"must lie between the years {YEARS[0]} and {YEARS[1]}")
    return value


YEARS: Final = (1900, 2200)
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT: Final = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?([Zz]|[+-]\d{2}:?\d{2})")
Day = Annotated[
    date,
    Field(strict=False),  # what stands before it has seen that it is a text of the right form
    BeforeValidator(_written_as(_DAY, "YYYY-MM-DD, for example 2026-03-01")),
    AfterValidator(_of_our_times),
]
Moment = Annotated[
    AwareDatetime,
    Field(strict=False),
    BeforeValidator(_written_as(_MOMENT, "a time with its zone, for example 2026-03-01T10:00:00Z")),
    AfterValidator(_of_our_times),
]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
EntryNumber = Annotated[int, Field(ge=1, le=2**53 - 1)]
"""As far as JSON programs agree on whole numbers."""
Head = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


Signature = Annotated[str, Field(max_length=4_096)]
"""However it looks: a signature that cannot be read is refused on record, and not malformed."""


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Actor(_Said):
    """Who speaks, in which capacity, for which of the two states, from which office."""

    id: PersonId
    role: Role
    state: State
    office: Annotated[str, Field(max_length=200)] | None = None


class Act(_Said):
    """The envelope of every act."""

    act_id: Annotated[str, Field(min_length=1, max_length=64)]
    actor: Actor
    evidence: Annotated[tuple[Digest, ...], Field(max_length=200)] = ()
    signature: Signature | None = None
    """Who vouches for the act, as a compact JWS (docs/decisions/0025). Whether it stands is not judged here."""

    def disagreements(self) -> list[Fault]:
        """Faults between fields that each are of the right shape."""
        return []


class Decision(Act):
    """An act that decides something for the child. It may break a safeguard and be refused."""

    reason: Reason


class Report(Act):
    """An act that tells what is. It is never refused for what it tells."""

    reason: Reason | None = None


# Identification and care


class VerifyIdentity(Report):
    act: Literal["verify_identity"]
    result: Literal["verified", "presumed", "not_established"]
    sources: tuple[Text, ...]
    date_of_birth: Day | None = None
    nationalities: tuple[State, ...] | None = None
    statelessness_suspected: bool | None = None


class AssessAge(Decision):
    act: Literal["assess_age"]
    result: Literal["child", "adult", "doubt"]
    methods: tuple[Text, ...]
    guardian_present: bool


class ScreenProtection(Report):
    act: Literal["screen_protection"]
    trafficking: bool
    asylum: bool
    violence: bool
    health_needs: OpenText | None = None


class PlaceChild(Decision):
    act: Literal["place_child"]
    placement: Placement


class ConfirmServices(Report):
    act: Literal["confirm_services"]
    education: bool
    healthcare: bool


class ReportDetention(Report):
    act: Literal["report_detention"]
    placement: Placement
    since: Moment


class ConfirmRelease(Report):
    act: Literal["confirm_release"]
    placement: Placement


class ReportMissing(Report):
    act: Literal["report_missing"]
    since: Moment


class ReportFound(Report):
    act: Literal["report_found"]
    placement: Placement


# Guardianship


class GuardianNamed(_Said):
    id: PersonId
    kind: Literal["professional", "relative", "volunteer"]
    employer: RunBy | None = None


class _GuardianDecision(Decision):
    guardian: GuardianNamed
    independent: bool
    child_informed: bool


class AppointGuardian(_GuardianDecision):
    act: Literal["appoint_guardian"]


class ReplaceGuardian(_GuardianDecision):
    act: Literal["replace_guardian"]


class CounselNamed(_Said):
    id: PersonId


class AppointCounsel(Decision):
    act: Literal["appoint_counsel"]
    counsel: CounselNamed
    free_of_charge: bool


# Family tracing


class OpenTracing(Decision):
    act: Literal["open_tracing"]
    via: Literal["central_authority", "consulate", "red_cross", "social_service"]
    child_agrees: bool


class RelativeFound(_Said):
    id: PersonId
    relationship: Text
    state: State
    name: OpenText | None = None
    contact: OpenText | None = None


class ReportTracing(Report):
    act: Literal["report_tracing"]
    result: Literal["found", "not_found", "ongoing"]
    relatives: Annotated[tuple[RelativeFound, ...], Field(max_length=50)] = ()

    @field_validator("relatives")
    @classmethod
    def _each_once(cls, relatives: tuple[RelativeFound, ...]) -> tuple[RelativeFound, ...]:
        if len({r.id for r in relatives}) < len(relatives):
            raise ValueError("names the same relative id twice; give each relative an id of their own")
        return relatives

    def disagreements(self) -> list[Fault]:
        if self.result == "found" and not self.relatives:
            return [Fault(path="relatives", message="`found` names at least one relative who was found")]
        return []


class AssessFamily(Report):
    act: Literal["assess_family"]
    relative_id: PersonId
    willing: bool
    able: bool
    safe: bool
    assessment: Text


class GuaranteeCare(Decision):
    act: Literal["guarantee_care"]
    by: Literal["family", "authority"]
    undertaking: Text
    relative_id: PersonId | None = None


# Best interests


class HearChild(Report):
    act: Literal["hear_child"]
    views: OpenText
    wish: Literal["return", "stay", "third_country", "undecided", "declines_to_say"]
    language: Language
    interpreter: bool
    guardian_present: bool
    informed: bool


class OptionAssessed(_Said):
    solution: Solution
    in_favour: OpenText = Field(alias="for")
    against: OpenText


class SubmitAssessment(Report):
    act: Literal["submit_assessment"]
    options: Annotated[tuple[OptionAssessed, ...], Field(min_length=1)]
    recommendation: Solution
    assessment: Text


class PanelMember(_Said):
    id: PersonId
    discipline: Text
    employer: RunBy


class DetermineBestInterests(Decision):
    act: Literal["determine_best_interests"]
    panel: tuple[PanelMember, ...]
    solution: Solution
    options_considered: tuple[Solution, ...]
    weight_given_to_views: Text
    review_on: Day | None = None

    def disagreements(self) -> list[Fault]:
        if self.solution == "postpone" and self.review_on is None:
            return [Fault(path="review_on", message="this field is needed when the solution is `postpone`")]
        return []


class ReopenBestInterests(Decision):
    act: Literal["reopen_best_interests"]
    new_facts: Text


class Appeal(Report):
    act: Literal["appeal"]
    against: Literal["best_interests", "return", "placement", "age", "travel"]
    grounds: Text


class DecideAppeal(Decision):
    act: Literal["decide_appeal"]
    result: Literal["upheld", "dismissed"]


# Return decision


class GiveConsent(Decision):
    act: Literal["give_consent"]
    given: bool
    informed: bool
    language: Language
    interpreter: bool


class WithdrawConsent(Report):
    act: Literal["withdraw_consent"]


class AdoptReintegrationPlan(Decision):
    act: Literal["adopt_reintegration_plan"]
    housing: OpenText
    education: OpenText
    healthcare: OpenText
    support: OpenText
    contact: OpenText
    funded: bool


class AssessRightsImpact(Report):
    act: Literal["assess_rights_impact"]
    safe: bool
    risks: tuple[Text, ...]


class ApproveReturn(Decision):
    act: Literal["approve_return"]
    dossier: Head


class DeclineReturn(Decision):
    act: Literal["decline_return"]


# Travel


class CertifyFitToTravel(Report):
    act: Literal["certify_fit_to_travel"]
    fit: bool
    valid_until: Day


class Leg(_Said):
    origin: Text = Field(alias="from")
    destination: Text = Field(alias="to")
    mode: Text
    departs: Moment
    arrives: Moment
    overnight: Placement | None = None


class EscortNamed(_Said):
    id: PersonId
    employer: RunBy


class HandOver(_Said):
    to: Literal["family", "child_protection"]
    placement: Placement
    relative_id: PersonId | None = None


class PlanTravel(Decision):
    act: Literal["plan_travel"]
    legs: Annotated[tuple[Leg, ...], Field(min_length=1, max_length=50)]
    escort: EscortNamed
    handover: HandOver
    documents_ready: bool

    @field_validator("legs")
    @classmethod
    def _in_order(cls, legs: tuple[Leg, ...]) -> tuple[Leg, ...]:
        for n, leg in enumerate(legs):
            if leg.arrives < leg.departs:
                raise ValueError(f"leg {n} arrives before it departs")
            if n and leg.departs < legs[n - 1].arrives:
                raise ValueError(f"leg {n} departs before leg {n - 1} has arrived")
        return legs


class ApproveTravel(Decision):
    act: Literal["approve_travel"]
    dossier: Head


class Depart(Decision):
    act: Literal["depart"]


class ReportIncident(Report):
    act: Literal["report_incident"]
    what: Literal["border_closed", "illness", "refused_entry", "child_objects", "other"]
    placement: Placement


class Arrive(Report):
    act: Literal["arrive"]
    handed_to: Literal["family", "child_protection", "law_enforcement", "other"]
    placement: Placement


# Reintegration


class RecordVisit(Report):
    act: Literal["record_visit"]
    visit: Annotated[int, Field(ge=1, le=100)]
    seen_alone: bool
    safe: bool
    in_school: bool
    with_family: bool
    findings: OpenText
    placement: Placement | None = None


# Other endings


class GrantStay(Decision):
    act: Literal["grant_stay"]
    status: Literal["residence", "tolerated_stay", "protection"]
    until: Day | None = None


class ArrangeThirdCountry(Decision):
    act: Literal["arrange_third_country"]
    state: State
    placement: Placement
    guarantee: Text


class TransferToAdultServices(Decision):
    act: Literal["transfer_to_adult_services"]
    plan: Text


class CloseCase(Decision):
    act: Literal["close_case"]
    outcome: Outcome


# At any stage


class LodgeAsylumClaim(Report):
    act: Literal["lodge_asylum_claim"]


class ResolveAsylumClaim(Decision):
    act: Literal["resolve_asylum_claim"]
    result: Literal["granted", "refused_final", "withdrawn"]


SuspensionGround = Literal["crisis", "health", "school_year", "other"]


class Suspend(Decision):
    act: Literal["suspend"]
    ground: SuspensionGround
    until: Day | None = None


class Resume(Decision):
    act: Literal["resume"]
    ground: SuspensionGround
    until: Day | None = None


class Complain(Report):
    act: Literal["complain"]
    about: Text


class AnswerComplaint(Decision):
    act: Literal["answer_complaint"]
    complaint: EntryNumber
    result: Literal["upheld", "dismissed"]
    remedy: OpenText


class CaseworkerNamed(_Said):
    id: PersonId


class Assign(Decision):
    act: Literal["assign"]
    caseworker: CaseworkerNamed


class ExtendDeadline(Decision):
    act: Literal["extend_deadline"]
    deadline: Annotated[str, Field(pattern=r"^[a-z][a-z_0-9]*$", max_length=64)]
    days: Annotated[int, Field(ge=1, le=2**53 - 1)]


class Correct(Report):
    act: Literal["correct"]
    entry: EntryNumber
    fields: Annotated[dict[str, JsonValue], Field(min_length=1, max_length=50)]

    def disagreements(self) -> list[Fault]:
        try:
            rfc8785.dumps(self.fields)
        except rfc8785.CanonicalizationError:
            # Such a number could not be written the same way twice, and the record's digests rest on that.
            return [Fault(path="fields", message="holds a number that JSON programs do not agree on; write it as text")]
        return []


class Note(Report):
    act: Literal["note"]
    text: Text


AnyAct = Annotated[
    VerifyIdentity
    | AssessAge
    | ScreenProtection
    | PlaceChild
    | ConfirmServices
    | ReportDetention
    | ConfirmRelease
    | ReportMissing
    | ReportFound
    | AppointGuardian
    | ReplaceGuardian
    | AppointCounsel
    | OpenTracing
    | ReportTracing
    | AssessFamily
    | GuaranteeCare
    | HearChild
    | SubmitAssessment
    | DetermineBestInterests
    | ReopenBestInterests
    | Appeal
    | DecideAppeal
    | GiveConsent
    | WithdrawConsent
    | AdoptReintegrationPlan
    | AssessRightsImpact
    | ApproveReturn
    | DeclineReturn
    | CertifyFitToTravel
    | PlanTravel
    | ApproveTravel
    | Depart
    | ReportIncident
    | Arrive
    | RecordVisit
    | GrantStay
    | ArrangeThirdCountry
    | TransferToAdultServices
    | CloseCase
    | LodgeAsylumClaim
    | ResolveAsylumClaim
    | Suspend
    | Resume
    | Complain
    | AnswerComplaint
    | Assign
    | ExtendDeadline
    | Correct
    | Note,
    Field(discriminator="act"),
]

ACTS: Final[dict[str, type[Act]]] = {
    get_args(model.model_fields["act"].annotation)[0]: model for model in get_args(get_args(AnyAct)[0])
}
"""Every act by its name."""

DECISIONS: Final[frozenset[str]] = frozenset(name for name, model in ACTS.items() if issubclass(model, Decision))
REPORTS: Final[frozenset[str]] = frozenset(ACTS) - DECISIONS

ACT: Final[TypeAdapter[Any]] = TypeAdapter(AnyAct)
_TAGS: Final = frozenset(ACTS)


def parse_act(raw: bytes | str | Mapping[str, Any]) -> Act:
    """Read one act, as JSON text or as the object that JSON text gave.

    Raises :class:`procedure.faults.MalformedAct` with every fault and its path.
    """
    try:
        text = raw if isinstance(raw, (bytes, str)) else pydantic_core.to_json(raw)
    except (pydantic_core.PydanticSerializationError, ValueError):
        raise MalformedAct([Fault(path="$", message="is not JSON")]) from None
    size = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_ACT_BYTES:
        raise MalformedAct([Fault(path="$", message=f"an act may have at most {MAX_ACT_BYTES} bytes; this has {size}")])
    try:
        act: Act = ACT.validate_json(text)
    except ValidationError as error:
        # ``from None``: the chained error would carry what was given, a child's name included.
        raise MalformedAct(faults_of(error, tags=_TAGS)) from None
    if faults := act.disagreements():
        raise MalformedAct(faults)
    return act


def as_given(act: Act) -> dict[str, Any]:
    """The act as a JSON object, with the contract's field names and without what was left out."""
    return act.model_dump(mode="json", by_alias=True, exclude_unset=True)


def as_signed(act: Act) -> dict[str, Any]:
    """The act as its signature covers it: as given, and without the signature itself."""
    return act.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"signature"})
