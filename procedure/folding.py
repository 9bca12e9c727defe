"""Entries into a case. Folding believes: it never validates, never decides and knows no users.

Whatever a rule concluded when an entry was made stands in the entry's facts (``voids``, ``round``,
``counts``, ``deadlines``), so that a rule changed later never alters what was decided under the
one before it.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Final

from procedure.agreement import Agreement
from procedure.case import (
    AgeAssessed,
    AppealLodged,
    Approved,
    CareGuaranteed,
    Case,
    Complaint,
    Consented,
    Deadline,
    Determined,
    FamilyAssessed,
    FitToTravel,
    Heard,
    Identity,
    InOffice,
    OnRecord,
    Relative,
    RightsImpact,
    Screening,
    Services,
    Suspended,
    TracingReported,
    TravelPlan,
    Visit,
)
from procedure.entries import Draft, Entry, read_moment
from procedure.placement import is_detention, is_lasting
from procedure.signing import REQUIRED

Given = dict[str, Any]
"""An act as the JSON object that was given."""

IMMATERIAL: Final = frozenset({"note", "assign", "confirm_services", "complain", "answer_complaint"})
"""Accepted acts after which an approver need not read the dossier again."""

_Fold = Callable[[Case, Given, dict[str, Any], OnRecord], Case]
_FOLDS: Final[dict[str, _Fold]] = {}


def fold(entries: Iterable[Entry]) -> Case:
    """The case after these entries, which begin with entry 1. Raises ValueError when there are none."""
    case: Case | None = None
    for entry in entries:
        case = opened(entry) if case is None else after(case, entry)
    if case is None:
        raise ValueError("a case has at least one entry")
    return case


def opened(entry: Entry) -> Case:
    """The case that entry 1 begins."""
    return recorded(opening(entry, entry.n, entry.at), entry)


def opening(entry: Entry | Draft, n: int, at: datetime, agreement: Agreement | None = None) -> Case:
    """The case that entry 1, or a draft of it, begins, but for its place in the record.

    ``agreement``: what the entry's terms say, where somebody has it already.
    """
    intake, facts = entry.body["intake"], entry.facts
    bare = Case(
        reference=facts["reference"],
        agreement=agreement or Agreement.from_terms(entry.body["agreement"]),
        procedure_version=facts["procedure_version"],
        host_state=intake["host_state"],
        origin_state=intake["origin_state"],
        opened_at=at,
        recorded_at=at,
        opened_by=intake["opened_by"]["id"],
        situation=intake["situation"],
        signed=facts.get("signatures") == REQUIRED,
        last_material=n,
    )
    return _with_facts(_with_intake(bare, intake, n), facts, at)


def after(case: Case, entry: Entry) -> Case:
    """The case after one entry more."""
    return recorded(apply(case, entry, entry.n, entry.at), entry)


def apply(case: Case, entry: Entry | Draft, n: int, at: datetime) -> Case:
    """What an entry, or a draft of one, changes in the case, but for its place in the record."""
    facts = entry.facts
    if version := facts.get("procedure_version"):
        case = case.but(procedure_version=version, moves_to=None)
    if voids := facts.get("voids"):
        case = _void(case, frozenset(voids))
    match entry.kind:
        case "accepted":
            case = _with_act(case, entry, n, at)
        case "detention":
            case = case.but(detained=True)
            if "placement" in entry.body:
                case = case.but(placement=entry.body["placement"], placement_n=n)
        case "escalated":
            if "key" in facts:
                case = _deadline(case, facts["key"], escalations=facts["level"])
        case "overdue":
            case = _deadline(case, facts["key"], overdue=True)
            if facts["deadline"] == "emergency_placement":
                case = case.but(emergency_overdue=True)
            elif facts["deadline"] == "review":
                case = case.but(review_reached=True)
        case "hold":
            case = case.but(holds=(*case.holds, facts["hold"]))
        case "hold_lifted":
            case = case.but(holds=tuple(hold for hold in case.holds if hold != facts["hold"]))
        case "turned_18":
            case = case.but(turned_18=True, adulthood_holds=facts["holds"])
        case "stage":
            case = case.but(stage=facts["stage"])
        case "closed":
            case = case.but(closed=True, outcome=facts["outcome"], stage="closed")
        case _:
            pass  # a refusal, an erasure: the record keeps it, the case stands as it stood
    return _with_facts(case, facts, at)


def recorded(case: Case, entry: Entry) -> Case:
    """The case with the entry counted."""
    material = entry.kind == "accepted" and entry.act not in IMMATERIAL
    return case.but(
        n=entry.n,
        head=entry.hash,
        recorded_at=entry.at,
        refused=case.refused + (entry.kind == "refused"),
        last_material=entry.n if material else case.last_material,
    )


def _with_act(case: Case, entry: Entry | Draft, n: int, at: datetime) -> Case:
    facts = entry.facts
    if facts.get("round", case.round) != case.round:
        case = case.but(
            round=facts["round"],
            hearing=None,
            assessed=None,
            determination=None,
            review_reached=False,
            # What was arranged rested on the determination; a stay that was granted is a status, and stands.
            third_country=None,
        )
    name, given = entry.act or "", entry.body["act"]
    if name == "correct":
        if "as_of" not in facts:
            return case  # what it corrects is no longer in force, or says nothing that stands anywhere
        name, given, at = facts["of"], entry.body["as_corrected"], read_moment(facts["as_of"])
        if facts.get("moves") is False:
            given = {field: value for field, value in given.items() if field != "placement"}
        if name == "opened":
            case = _with_intake(case, given, n, corrected=True)
            return _seen_at(case, given["placement"], n) if facts.get("moves") else case
    folding = _FOLDS.get(name)
    return folding(case, given, facts, OnRecord(n, at)) if folding else case


def _void(case: Case, numbers: frozenset[int]) -> Case:
    """Take out of force whatever was recorded by the entries with these numbers. They stay in the ledger."""
    approvals = {who: approval for who, approval in case.approvals.items() if approval.n not in numbers}

    def unless_void(fact: Any) -> Any:
        return None if fact is not None and fact.n in numbers else fact

    return case.but(
        approvals=approvals if len(approvals) < len(case.approvals) else case.approvals,
        guardian_consent=unless_void(case.guardian_consent),
        child_consent=unless_void(case.child_consent),
        plan=unless_void(case.plan),
        travel_approval=unless_void(case.travel_approval),
        departed=unless_void(case.departed),
        age_assessed=unless_void(case.age_assessed),
        objection=unless_void(case.objection),
    )


def _with_facts(case: Case, facts: dict[str, Any], at: datetime) -> Case:
    """Deadlines set, met, moved and dropped, the appeal window, and a birthday undone, as the entry says."""
    if facts.get("still_a_child"):
        case = case.but(turned_18=False, adulthood_holds=False)
    if (window := facts.get("appeal_window_ends")) is not None:
        case = case.but(appeal_window_ends=read_moment(window))
    changes = facts.get("deadlines")
    return with_deadlines(case, changes, at) if changes else case


def with_deadlines(case: Case, changes: dict[str, Any], at: datetime) -> Case:
    """What becomes of the deadlines, as an entry's facts record it."""
    deadlines, running = dict(case.deadlines), dict(case.running)

    def put(key: str, deadline: Deadline) -> None:
        deadlines[key] = deadline
        if deadline.open:
            running[key] = deadline
        else:
            running.pop(key, None)

    def drop(key: str) -> None:
        deadlines.pop(key, None)
        running.pop(key, None)

    for key in changes.get("dropped", ()):
        drop(key)
    for key in changes.get("met", ()):
        put(key, replace(deadlines[key], met=at, stands_still_since=None))
    for key, (due, ground) in changes.get("set", {}).items():
        # Taken out first, so that a deadline that starts anew also stands last.
        drop(key)
        put(key, Deadline(due=read_moment(due), since=at, ground=ground))
    for key in changes.get("stand_still", ()):
        put(key, replace(deadlines[key], stands_still_since=at))
    for key, due in changes.get("go_on", {}).items():
        put(key, replace(deadlines[key], due=read_moment(due), stands_still_since=None))
    for key, (due, days) in changes.get("extended", {}).items():
        put(key, replace(deadlines[key], due=read_moment(due), extended=deadlines[key].extended + days))
    return case.but(deadlines=deadlines, running=running)


def _deadline(case: Case, key: str, **changes: Any) -> Case:
    known = case.deadlines.get(key)
    if known is None:
        return case
    deadline = replace(known, **changes)
    running = {**case.running, key: deadline} if deadline.open else case.running
    return case.but(deadlines={**case.deadlines, key: deadline}, running=running)


def _with_intake(case: Case, intake: Given, n: int, *, corrected: bool = False) -> Case:
    child = intake["child"]
    case = case.but(
        situation=intake["situation"],
        languages=tuple(child["languages"]),
        relatives={
            **{r["id"]: Relative(r["state"], r["relationship"][:100]) for r in intake["relatives"]},
            # What tracing told of a relative stands before what the intake says, also when that is corrected.
            **{id: relative for id, relative in case.relatives.items() if relative.reported},
        },
    )
    if not (corrected and case.identity and case.identity.dated):
        case = case.but(date_of_birth=_date(child.get("date_of_birth")), estimated_age=child.get("estimated_age"))
    if corrected:
        return case  # where the child is now is told by later entries
    return _placed(case, intake["placement"], n, detained=is_detention(intake["placement"]))


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _placed(case: Case, placement: Given, n: int, *, detained: bool) -> Case:
    """The child is in another placement. Moving from one emergency placement to the next restarts no clock."""
    return case.but(
        placement=placement,
        placement_n=n,
        detained=detained,
        emergency_overdue=case.emergency_overdue and not is_lasting(placement),
    )


def _seen_at(case: Case, placement: Given, n: int) -> Case:
    """Somebody reports where the child is. That never lifts a detention: a release is confirmed as such."""
    return _placed(case, placement, n, detained=case.detained or is_detention(placement))


def _folds(*names: str) -> Callable[[_Fold], _Fold]:
    def register(folding: _Fold) -> _Fold:
        for name in names:
            _FOLDS[name] = folding
        return folding

    return register


# Identification and care


@_folds("verify_identity")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    told, before = _date(act.get("date_of_birth")), case.date_of_birth
    if "corrects" in facts and case.identity:
        before = case.identity.before  # not the very date that is corrected
    known = before
    if act["result"] == "verified":
        known = told or known
    else:
        # In doubt the younger age holds (GC6 para 31(i)).
        known = max(filter(None, (told, known)), default=None)
    return case.but(identity=Identity(on.n, act["result"], told is not None, before), date_of_birth=known)


@_folds("assess_age")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    return case.but(age_assessed=AgeAssessed(on.n, on.at, act["result"]))


@_folds("screen_protection")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    asylum = "open" if act["asylum"] and case.asylum in ("none", "closed") else case.asylum
    found = Screening(on.n, act["trafficking"], act["asylum"], act["violence"])
    return case.but(screening=found, asylum=asylum)


@_folds("place_child")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    return _placed(case, act["placement"], on.n, detained=False).but(place_anew=None)


@_folds("confirm_services")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    return case.but(services=Services(on.n, act["education"], act["healthcare"]))


@_folds("report_detention")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    # Whoever reports a detention is believed until somebody confirms the release.
    return _placed(case, act["placement"], on.n, detained=True)


@_folds("confirm_release")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    return _placed(case, act["placement"], on.n, detained=is_detention(act["placement"]))


@_folds("report_found")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    return _seen_at(case, act["placement"], on.n).but(missing=False)


@_folds("report_missing")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    return case.but(missing=True)


# Guardianship


@_folds("appoint_guardian", "replace_guardian")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    return case.but(guardian=InOffice(on.n, act["guardian"]["id"]))


@_folds("appoint_counsel")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    return case.but(counsel=InOffice(on.n, act["counsel"]["id"]))


# Family tracing


@_folds("open_tracing")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    return case.but(tracing_opened=on)


@_folds("report_tracing")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    found = act.get("relatives", ())
    relatives = dict(case.relatives)
    for position, relative in enumerate(found):
        known = relatives.get(relative["id"])
        reported = known.reported if known and known.reported else f"{on.n}.{position}"
        relatives[relative["id"]] = Relative(relative["state"], relative["relationship"][:100], reported)
    reported_ids = tuple(relative["id"] for relative in found)
    return case.but(relatives=relatives, tracing=TracingReported(on.n, act["result"], reported_ids))


@_folds("assess_family")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    found = FamilyAssessed(on.n, on.at, act["willing"], act["able"], act["safe"])
    return case.but(family={**case.family, act["relative_id"]: found})


@_folds("guarantee_care")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    if act["by"] == "family" and case.guarantee is not None and case.guarantee.by == "authority":
        return case  # a relative's word takes no place of the authority's, on which a return may rest
    return case.but(guarantee=CareGuaranteed(on.n, on.at, act["by"], act.get("relative_id")))


# Best interests


@_folds("hear_child")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    if not facts["counts"]:
        # A hearing that turns out not to count carries nothing any more.
        return case.but(hearing=None) if "corrects" in facts else case
    objection = case.objection
    if act["wish"] == "stay" and facts.get("objects", True):
        objection = on
    elif facts.get("lifts_objection"):
        objection = None
    return case.but(hearing=Heard(on.n, on.at, act["wish"]), objection=objection)


@_folds("submit_assessment")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    assessors = tuple(dict.fromkeys((*case.assessors, act["actor"]["id"])))
    return case.but(assessed=on, assessors=assessors)


@_folds("determine_best_interests")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    determination = Determined(
        n=on.n,
        at=on.at,
        solution=act["solution"],
        review_on=_date(act.get("review_on")),
        rests_on_guarantee=facts.get("rests_on_guarantee", False),
    )
    members = tuple(dict.fromkeys((*case.panel_members, *(member["id"] for member in act["panel"]))))
    return case.but(determination=determination, panel_members=members, review_reached=False)


@_folds("appeal")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    return case.but(appeals=(*case.appeals, AppealLodged(on.n, on.at, act["against"])))


@_folds("decide_appeal")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    decided = facts["appeal"]
    case = case.but(appeals=tuple(appeal for appeal in case.appeals if appeal.n != decided))
    if act["result"] == "upheld" and facts["against"] == "placement":
        case = case.but(place_anew=on, court_found_danger=True)
    return case


# Return decision


@_folds("give_consent")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    by_child = act["actor"]["role"] == "child"
    consent = Consented(on.n, on.at, act["actor"]["id"]) if act["given"] else None
    if not by_child:
        return case.but(guardian_consent=consent)
    return case.but(child_consent=consent, objection=None if act["given"] else on)


@_folds("withdraw_consent")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    if act["actor"]["role"] == "child":
        return case.but(child_consent=None, objection=on)
    return case.but(guardian_consent=None)


@_folds("adopt_reintegration_plan")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    return case.but(reintegration_plan=on)


@_folds("assess_rights_impact")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    return case.but(rights_impact=RightsImpact(on.n, on.at, act["safe"]))


@_folds("approve_return")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    approval = Approved(on.n, on.at, act["actor"]["id"])
    return case.but(approvals={**case.approvals, facts["approval"]: approval})


# Travel


@_folds("certify_fit_to_travel")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    return case.but(fitness=FitToTravel(on.n, act["fit"], date.fromisoformat(act["valid_until"])))


@_folds("plan_travel")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    legs, handover = act["legs"], act["handover"]
    plan = TravelPlan(
        n=on.n,
        at=on.at,
        by=act["actor"]["id"],
        escort_id=act["escort"]["id"],
        escort_employer=act["escort"]["employer"],
        handover_to=handover["to"],
        handover_relative=handover.get("relative_id"),
        handover_placement=handover["placement"],
        overnights=tuple(leg["overnight"] for leg in legs if leg.get("overnight")),
        first_departure=read_moment(legs[0]["departs"]),
        last_arrival=read_moment(legs[-1]["arrives"]),
        documents_ready=act["documents_ready"],
    )
    return case.but(plan=plan)


@_folds("approve_travel")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    return case.but(travel_approval=Approved(on.n, on.at, act["actor"]["id"]))


@_folds("depart")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    return case.but(departed=on)


@_folds("report_incident")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    case = _seen_at(case, act["placement"], on.n)
    if case.plan and case.plan.n < facts.get("corrects", on.n):
        case = case.but(plan=replace(case.plan, interrupted=on.n))
    return case.but(objection=on) if act["what"] == "child_objects" and facts.get("objects", True) else case


@_folds("arrive")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    if placement := act.get("placement"):
        case = _seen_at(case, placement, on.n)
    return case.but(arrived=on)


@_folds("record_visit")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    if placement := act.get("placement"):
        case = _seen_at(case, placement, on.n)
    return case.but(visits={**case.visits, act["visit"]: Visit(on.n, on.at, act["safe"])})


# Other endings


@_folds("grant_stay")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    return case.but(stay=on)


@_folds("arrange_third_country")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    return case.but(third_country=on)


@_folds("transfer_to_adult_services")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    return case.but(transferred=on)


# At any stage


@_folds("lodge_asylum_claim")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    return case if case.asylum == "granted" else case.but(asylum="open")


@_folds("resolve_asylum_claim")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    return case.but(asylum="granted" if act["result"] == "granted" else "closed")


@_folds("suspend")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    suspended = Suspended(on.n, act["actor"]["id"], _date(act.get("until")))
    return case.but(suspensions={**case.suspensions, act["ground"]: suspended})


@_folds("resume")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    return case.but(suspensions={g: s for g, s in case.suspensions.items() if g != act["ground"]})


@_folds("complain")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    return case.but(complaints=(*case.complaints, Complaint(on.n, on.at)))


@_folds("answer_complaint")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    return case.but(complaints=tuple(c for c in case.complaints if c.n != act["complaint"]))


@_folds("assign")
def _(case: Case, act: Given, facts: dict[str, Any], on: OnRecord) -> Case:
    assigned = {**case.caseworkers, act["actor"]["state"]: act["caseworker"]["id"]}
    return case.but(caseworkers=assigned)
