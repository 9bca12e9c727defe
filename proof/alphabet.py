"""What people say to a case here: every act of the contract, said rightly and in each way that a safeguard is about.

Everybody and every place is invented. A :class:`Saying` is an act with its choices made; what it names (the guardian
in office, the newest head, a complaint) it takes from the case, as people do.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final, get_args

from procedure.acts import ACTS, Act, parse_act
from procedure.agreement import Agreement
from procedure.case import Case
from procedure.entries import moment
from procedure.ledger import Ledger
from procedure.majority import age_of_consent, eighteenth_birthday
from procedure.profiles import Profile
from procedure.toml_text import read_toml
from procedure.vocabulary import PlacementKind
from proof.places import CARE_PLACES, CLOSED_KINDS, PERMITTED_ESCORTS

AGREEMENTS: Final = Path(__file__).parent.parent / "agreements"
Fields = dict[str, Any]


def place(kind: str, run_by: str, *, may_leave: bool | None = True, **was_seen: bool) -> Fields:
    return {
        "name": "Invented House of Welcome",
        "kind": kind,
        "run_by": run_by,
        "child_may_leave_at_will": may_leave,
        **was_seen,
    }


FOSTER: Final = place("foster_family", "foster_carer")
FAMILY: Final = place("family", "family")
HOTEL: Final = place("hotel", "social_service")
CLOSED: Final = place("child_shelter", "child_protection", may_leave=False)
UNKNOWN: Final = place("group_home", "ngo", may_leave=None)
LOCKED: Final = place("group_home", "child_protection", locked=True)
BY_POLICE: Final = place("foster_family", "police")
STATION: Final = place("police_station", "social_service")
BORDER: Final = place("border_facility", "child_protection")
PANEL: Final = [
    {"id": "panel-1", "discipline": "social work", "employer": "child_protection"},
    {"id": "panel-2", "discipline": "psychology", "employer": "health"},
    {"id": "panel-3", "discipline": "law", "employer": "ngo"},
]


@dataclass(frozen=True, slots=True)
class Now:
    """The case as somebody who speaks sees it."""

    case: Case
    at: datetime
    ledger: Ledger

    def day(self, days: int) -> str:
        return (self.at + timedelta(days=days)).date().isoformat()


_Fields = Callable[[Now], Fields | None]


@dataclass(frozen=True, slots=True)
class Saying:
    """One act with its choices made. ``label`` names it in a course of acts."""

    label: str
    act: str
    who: str
    fields: _Fields

    def said(self, now: Now) -> Act | None:
        """The act as it would be said now; ``None`` where there is nothing that it could name."""
        fields = self.fields(now)
        if fields is None:
            return None
        # An act's own words may name who speaks: somebody with another id or of another state.
        actor = {**_person(self.who, now), **fields.pop("actor", {})}
        return _parsed(
            json.dumps({"act": self.act, "act_id": self.label[:64], "actor": actor, "reason": "as on file", **fields})
        )


@lru_cache(maxsize=50_000)
def _parsed(text: str) -> Act:
    return parse_act(text)


_PEOPLE: Final[dict[str, tuple[str, str, str]]] = {
    "caseworker": ("caseworker-1", "caseworker", "host"),
    "caseworker of origin": ("caseworker-9", "caseworker", "origin"),
    "authority": ("authority-2", "central_authority", "host"),
    "authority of origin": ("authority-9", "central_authority", "origin"),
    "protection": ("protection-1", "child_protection_authority", "host"),
    "guardianship": ("guardianship-1", "guardianship_authority", "host"),
    "panel": ("panel-1", "bid_panel", "host"),
    "guardian": ("guardian-1", "guardian", "host"),
    "counsel": ("counsel-1", "legal_counsel", "host"),
    "child": ("the-child", "child", "host"),
    "tracing": ("tracing-1", "tracing_service", "origin"),
    "court": ("court-1", "court", "host"),
    "asylum office": ("asylum-1", "asylum_authority", "host"),
    "health": ("health-1", "health_worker", "host"),
    "escort": ("escort-1", "escort", "host"),
    "monitor": ("monitor-1", "monitor", "origin"),
    "ombudsperson": ("ombudsperson-1", "ombudsperson", "host"),
    "relative": ("relative-1", "relative", "origin"),
    "police": ("police-1", "law_enforcement", "host"),
}


def _person(who: str, now: Now) -> Fields:
    id, role, side = _PEOPLE[who]
    case = now.case
    if role == "guardian" and case.guardian:
        id = case.guardian.id
    elif role == "legal_counsel" and case.counsel:
        id = case.counsel.id
    elif role == "escort" and case.plan:
        id = case.plan.escort_id
    elif role == "caseworker":
        id = case.caseworkers.get(case.state_of(side), id)
    return {"id": id, "role": role, "state": case.state_of(side)}


def _says(**fields: Any) -> _Fields:
    return lambda now: dict(fields)


def _guardian(id: str, **more: Any) -> _Fields:
    independent = more.pop("independent", True)
    named = {"id": id, "kind": "professional", **more}
    return _says(guardian=named, independent=independent, child_informed=True)


def _found(solution: str, *considered: str, panel: list[Fields] | None = None) -> _Fields:
    def fields(now: Now) -> Fields:
        said: Fields = {
            "panel": panel or PANEL,
            "solution": solution,
            "options_considered": list(considered or dict.fromkeys((solution, "stay", "return"))),
            "weight_given_to_views": "full weight",
        }
        return {**said, "review_on": now.day(30)} if solution == "postpone" else said

    return fields


def _heard(wish: str, **careless: bool) -> _Fields:
    said = {"interpreter": True, "guardian_present": True, "informed": True, **careless}
    return _says(views="told in confidence", wish=wish, language="uk", **said)


def _consents(given: bool = True, **careless: Any) -> _Fields:
    return _says(**{"given": given, "informed": True, "language": "uk", "interpreter": True, **careless})


def _reintegration(funded: bool) -> _Fields:
    parts = ("housing", "education", "healthcare", "support", "contact")
    return _says(**dict.fromkeys(parts, "is arranged"), funded=funded)


def _journey(
    to: str = "family",
    relative: str | None = "r1",
    night: Fields | None = None,
    ends: Fields = FAMILY,
    employer: str | None = None,
    documents_ready: bool = True,
    by: str | None = None,
) -> _Fields:
    def fields(now: Now) -> Fields:
        first, second = now.at + timedelta(days=2), now.at + timedelta(days=3)
        leg = {"from": "Invented Town", "to": "Invented Village", "mode": "train"}
        allowed = now.case.agreement.escort_employers[0]
        handover: Fields = {"to": to, "placement": ends}
        if to == "family" and relative:
            handover["relative_id"] = relative
        return {
            "legs": [
                {**leg, "departs": moment(first), "arrives": moment(first), "overnight": night or FOSTER},
                {**leg, "departs": moment(second), "arrives": moment(second)},
            ],
            "escort": {"id": "escort-1", "employer": employer or allowed},
            "handover": handover,
            "documents_ready": documents_ready,
            **({"actor": {"id": by}} if by else {}),
        }

    return fields


def _read(now: Now) -> Fields:
    return {"dossier": now.case.head}


def _by(id: str) -> _Fields:
    return lambda now: {"dossier": now.case.head, "actor": {"id": id}}


def _read_before(now: Now) -> Fields:
    """The head as it was before the last entry that an approver must have read."""
    entry = now.ledger.find(now.case.last_material - 1)
    return {"dossier": entry.hash if entry else "0" * 64}


def _relatives(now: Now, *ids: str) -> list[Fields]:
    return [{"id": id, "relationship": "aunt", "state": now.case.origin_state} for id in ids]


def _visit(**said: Any) -> _Fields:
    def fields(now: Now) -> Fields:
        owed = [n for n in range(1, len(now.case.agreement.visits) + 1) if n not in now.case.visits]
        visit = next(iter(owed), len(now.case.agreement.visits))
        well: Fields = {"seen_alone": True, "safe": True, "in_school": True, "with_family": True, "findings": "on file"}
        return {"visit": visit, **well, **said}

    return fields


def _third_country(where: Fields, state: str | None = None) -> _Fields:
    def fields(now: Now) -> Fields:
        third = next(each for each in ("PL", "DE", "RO") if now.case.side_of(each) is None)
        named = now.case.origin_state if state == "origin" else third
        return {"state": named, "placement": where, "guarantee": "an aunt takes care"}

    return fields


def _answer(now: Now) -> Fields:
    waiting = now.case.complaints[0].n if now.case.complaints else 1
    return {"complaint": waiting, "result": "upheld", "remedy": "an apology"}


def _resumed(other: bool) -> _Fields:
    def fields(now: Now) -> Fields:
        standing = next(iter(sorted(now.case.suspensions.items())), None)
        ground = standing[0] if standing else "crisis"
        return {"ground": ground, "actor": {"id": "authority-3" if other or not standing else standing[1].by}}

    return fields


def _corrected(act: str, fields: Fields) -> _Fields:
    def said(now: Now) -> Fields | None:
        entry = now.ledger.find(1) if act == "opened" else now.ledger.last_accepted(act)
        if entry is None:
            return None
        actor = {"role": entry.actor_role, "state": entry.actor_state}
        return {"entry": entry.n, "fields": fields, "actor": actor}

    return said


def _born_adult(now: Now) -> Fields:
    born = now.case.opened_at.date() - timedelta(days=19 * 366)
    return {"result": "verified", "sources": ["a passport"], "date_of_birth": born.isoformat()}


def _since(**fields: Any) -> _Fields:
    return lambda now: {"since": moment(now.at), **fields}


_TRACED: Final = {"via": "central_authority", "child_agrees": True}
_ASSESSED: Final = {"willing": True, "able": True, "safe": True, "assessment": "visited at home"}
_PEOPLE_OF_THE_PANEL: Final = PANEL[:2]
EXTENDED_BY: Final = 3
"""Days by which a deadline is extended under each agreement."""

_SAYINGS: Final[tuple[tuple[str, str, _Fields], ...]] = (
    # label (the act, and in brackets what is particular about it), who, fields
    ("verify_identity", "caseworker", _says(result="presumed", sources=["what the child told"])),
    ("verify_identity [a passport of an adult]", "caseworker", _born_adult),
    (
        "verify_identity [born next year]",
        "caseworker",
        lambda now: {"result": "verified", "sources": ["a slip"], "date_of_birth": now.day(365)},
    ),
    (
        "assess_age [child]",
        "protection",
        _says(result="child", methods=["interview", "paediatrics"], guardian_present=True),
    ),
    (
        "assess_age [adult]",
        "protection",
        _says(result="adult", methods=["interview", "paediatrics"], guardian_present=True),
    ),
    ("assess_age [adult, one method]", "protection", _says(result="adult", methods=["X-ray"], guardian_present=True)),
    ("screen_protection", "caseworker", _says(trafficking=False, asylum=False, violence=False)),
    ("screen_protection [asylum]", "caseworker", _says(trafficking=False, asylum=True, violence=False)),
    ("screen_protection [violence]", "caseworker", _says(trafficking=False, asylum=False, violence=True)),
    ("place_child", "protection", _says(placement=FOSTER)),
    ("place_child [family]", "protection", _says(placement=FAMILY)),
    ("place_child [hotel]", "protection", _says(placement=HOTEL)),
    ("place_child [may not leave]", "protection", _says(placement=CLOSED)),
    ("place_child [not known whether the child may leave]", "protection", _says(placement=UNKNOWN)),
    ("place_child [seen locked]", "protection", _says(placement=LOCKED)),
    ("place_child [run by police]", "protection", _says(placement=BY_POLICE)),
    ("place_child [police station]", "protection", _says(placement=STATION)),
    ("confirm_services", "caseworker", _says(education=True, healthcare=True)),
    ("report_detention", "ombudsperson", _since(placement=CLOSED)),
    ("confirm_release", "ombudsperson", _says(placement=FOSTER)),
    ("confirm_release [to a closed place]", "ombudsperson", _says(placement=UNKNOWN)),
    ("report_missing", "caseworker", _since()),
    ("report_found", "caseworker", _says(placement=FOSTER)),
    ("report_found [in a closed place]", "caseworker", _says(placement=STATION)),
    ("appoint_guardian", "guardianship", _guardian("guardian-1")),
    ("appoint_guardian [another]", "guardianship", _guardian("guardian-4")),
    ("appoint_guardian [employed by the border service]", "guardianship", _guardian("guardian-3", employer="border")),
    ("appoint_guardian [not independent]", "guardianship", _guardian("guardian-3", independent=False)),
    ("replace_guardian", "guardianship", _guardian("guardian-2")),
    ("replace_guardian [by a member of the panel]", "guardianship", _guardian("panel-2")),
    ("appoint_counsel", "guardianship", _says(counsel={"id": "counsel-1"}, free_of_charge=True)),
    ("appoint_counsel [paid by the child]", "guardianship", _says(counsel={"id": "counsel-2"}, free_of_charge=False)),
    ("appoint_counsel [the guardian]", "guardianship", _says(counsel={"id": "guardian-1"}, free_of_charge=True)),
    ("open_tracing", "caseworker", _says(**_TRACED)),
    ("open_tracing [red cross]", "caseworker", _says(via="red_cross", child_agrees=True)),
    ("open_tracing [against the child's will]", "caseworker", _says(via="red_cross", child_agrees=False)),
    ("report_tracing", "tracing", lambda now: {"result": "found", "relatives": _relatives(now, "r1")}),
    (
        "report_tracing [another relative]",
        "tracing",
        lambda now: {"result": "found", "relatives": _relatives(now, "r2")},
    ),
    ("report_tracing [nobody found]", "tracing", _says(result="not_found")),
    ("report_tracing [ongoing]", "tracing", _says(result="ongoing")),
    ("assess_family", "caseworker of origin", _says(relative_id="r1", **_ASSESSED)),
    ("assess_family [unsafe]", "caseworker of origin", _says(**{**_ASSESSED, "relative_id": "r1", "safe": False})),
    ("assess_family [another relative]", "caseworker of origin", _says(relative_id="r2", **_ASSESSED)),
    ("guarantee_care", "authority of origin", _says(by="authority", undertaking="a foster family is ready")),
    ("guarantee_care [family]", "relative", _says(by="family", undertaking="a room is ready", relative_id="r1")),
    ("hear_child", "guardian", _heard("return")),
    ("hear_child [wishes to stay]", "guardian", _heard("stay")),
    ("hear_child [undecided]", "guardian", _heard("undecided")),
    ("hear_child [not informed]", "guardian", _heard("return", informed=False)),
    ("hear_child [without the guardian]", "caseworker", _heard("return", guardian_present=False)),
    (
        "submit_assessment",
        "caseworker",
        _says(
            options=[{"solution": "return", "for": "the mother", "against": "the war"}],
            recommendation="return",
            assessment="in writing",
        ),
    ),
    ("determine_best_interests", "panel", _found("return")),
    ("determine_best_interests [stay]", "panel", _found("stay")),
    ("determine_best_interests [third country]", "panel", _found("third_country")),
    ("determine_best_interests [postpone]", "panel", _found("postpone")),
    ("determine_best_interests [stay not considered]", "panel", _found("return", "return", "third_country")),
    ("determine_best_interests [two people]", "panel", _found("return", panel=_PEOPLE_OF_THE_PANEL)),
    (
        "determine_best_interests [police on the panel]",
        "panel",
        _found("return", panel=[*PANEL, {"id": "panel-4", "discipline": "police", "employer": "police"}]),
    ),
    (
        "determine_best_interests [the assessor on the panel]",
        "panel",
        _found("return", panel=[*PANEL, {"id": "caseworker-1", "discipline": "care", "employer": "social_service"}]),
    ),
    ("reopen_best_interests", "counsel", _says(new_facts="something new is known")),
    ("appeal [best interests]", "child", _says(against="best_interests", grounds="not what the child wants")),
    ("appeal [return]", "child", _says(against="return", grounds="not what the child wants")),
    ("appeal [placement]", "child", _says(against="placement", grounds="not what the child wants")),
    ("appeal [age]", "child", _says(against="age", grounds="not what the child wants")),
    ("appeal [travel]", "child", _says(against="travel", grounds="not what the child wants")),
    ("decide_appeal [dismissed]", "court", _says(result="dismissed")),
    ("decide_appeal [upheld]", "court", _says(result="upheld")),
    ("give_consent", "guardian", _consents()),
    ("give_consent [not informed]", "guardian", _consents(informed=False)),
    ("give_consent [no]", "guardian", _consents(given=False)),
    ("give_consent [the child]", "child", _consents()),
    ("give_consent [the child, no]", "child", _consents(given=False)),
    ("withdraw_consent", "guardian", _says()),
    ("withdraw_consent [the child]", "child", _says()),
    ("adopt_reintegration_plan", "authority of origin", _reintegration(True)),
    ("adopt_reintegration_plan [without funds]", "authority of origin", _reintegration(False)),
    ("assess_rights_impact", "caseworker", _says(safe=True, risks=["none that weighs"])),
    ("assess_rights_impact [unsafe]", "caseworker", _says(safe=False, risks=["the war"])),
    ("approve_return", "authority", _read),
    ("approve_return [origin]", "authority of origin", _read),
    ("approve_return [by another officer]", "authority", _by("authority-4")),
    ("approve_return [by who opened the case]", "authority", _by("authority-1")),
    ("approve_return [origin, by the same person]", "authority of origin", _by("authority-2")),
    ("approve_return [an old dossier]", "authority", _read_before),
    ("decline_return", "authority", _says()),
    ("certify_fit_to_travel", "health", lambda now: {"fit": True, "valid_until": now.day(30)}),
    ("certify_fit_to_travel [unfit]", "health", lambda now: {"fit": False, "valid_until": now.day(30)}),
    ("certify_fit_to_travel [today only]", "health", lambda now: {"fit": True, "valid_until": now.day(0)}),
    ("plan_travel", "caseworker", _journey()),
    ("plan_travel [to child protection]", "caseworker", _journey("child_protection", ends=FOSTER)),
    ("plan_travel [a locked night]", "caseworker", _journey(night=LOCKED)),
    ("plan_travel [escort of the police]", "caseworker", _journey(employer="police")),
    ("plan_travel [handed over at the border]", "caseworker", _journey("child_protection", ends=BORDER)),
    ("plan_travel [handed over in a hotel]", "caseworker", _journey("child_protection", ends=HOTEL)),
    ("plan_travel [to a relative nobody assessed]", "caseworker", _journey(relative="r9")),
    ("plan_travel [documents missing]", "caseworker", _journey(documents_ready=False)),
    ("plan_travel [by who would approve it]", "authority", _journey(by="protection-1")),
    ("approve_travel", "protection", _read),
    ("approve_travel [by another officer]", "protection", _by("protection-2")),
    ("approve_travel [an old dossier]", "protection", _read_before),
    ("depart", "escort", _says()),
    ("depart [another escort]", "escort", _says(actor={"id": "escort-2"})),
    ("report_incident", "escort", _says(what="border_closed", placement=FOSTER)),
    ("report_incident [in a closed place]", "escort", _says(what="refused_entry", placement=BORDER)),
    ("report_incident [the child objects]", "escort", _says(what="child_objects", placement=FOSTER)),
    ("arrive", "escort", _says(handed_to="family", placement=FAMILY)),
    ("arrive [at the police]", "escort", _says(handed_to="law_enforcement", placement=STATION)),
    ("record_visit", "monitor", _visit()),
    ("record_visit [unsafe]", "monitor", _visit(safe=False)),
    ("record_visit [in a closed place]", "monitor", _visit(placement=LOCKED)),
    ("grant_stay", "authority", _says(status="residence")),
    ("arrange_third_country", "authority", _third_country(FAMILY)),
    ("arrange_third_country [a closed place]", "authority", _third_country(CLOSED)),
    ("arrange_third_country [the state of origin]", "authority", _third_country(FAMILY, "origin")),
    ("transfer_to_adult_services", "protection", _says(plan="a room and a social worker")),
    ("close_case [returned]", "authority", _says(outcome="returned")),
    ("close_case [stays]", "authority", _says(outcome="stays")),
    ("close_case [third country]", "authority", _says(outcome="third_country")),
    ("close_case [adult]", "authority", _says(outcome="adult")),
    ("close_case [transferred]", "authority", _says(outcome="transferred_to_adult_services")),
    ("close_case [withdrawn]", "authority", _says(outcome="withdrawn")),
    ("lodge_asylum_claim", "child", _says()),
    ("resolve_asylum_claim [refused]", "asylum office", _says(result="refused_final")),
    ("resolve_asylum_claim [granted]", "asylum office", _says(result="granted")),
    ("suspend", "authority", _says(ground="crisis")),
    ("resume", "authority", _resumed(True)),
    ("resume [by who suspended]", "authority", _resumed(False)),
    ("complain", "child", _says(about="nobody listened")),
    ("answer_complaint", "ombudsperson", _answer),
    ("assign", "authority", _says(caseworker={"id": "caseworker-1"})),
    ("assign [the guardian]", "authority", _says(caseworker={"id": "guardian-1"})),
    ("extend_deadline", "authority", _says(deadline="identification", days=EXTENDED_BY)),
    ("extend_deadline [release]", "authority", _says(deadline="release", days=1)),
    ("extend_deadline [by a hundred days]", "authority", _says(deadline="guardian", days=100)),
    ("correct [a closed place at the opening]", "authority", _corrected("opened", {"placement": CLOSED})),
    ("correct [the child was not informed]", "guardian", _corrected("hear_child", {"informed": False})),
    ("correct [the visit found no safety]", "monitor", _corrected("record_visit", {"safe": False})),
    ("note", "caseworker", _says(text="something to remember")),
)


def _saying(label: str, who: str, fields: _Fields) -> Saying:
    return Saying(label, label.partition(" ")[0], who, fields)


SAYINGS: Final[tuple[Saying, ...]] = tuple(_saying(*each) for each in _SAYINGS)
assert {saying.act for saying in SAYINGS} == set(ACTS), "every act of the contract is said"
assert len({saying.label for saying in SAYINGS}) == len(SAYINGS)

_SPEAKERS: Final = ("police", "caseworker", "guardian", "escort", "counsel")


def by_others(saying: Saying) -> Iterator[Saying]:
    """The same act by people whose act it is not, or not in this case."""
    if "[" in saying.label and saying.act not in ("give_consent", "close_case"):
        return
    for who in ("police", "relative"):
        yield Saying(f"{saying.label} by the {who}", saying.act, who, saying.fields)
    if saying.who in ("guardian", "counsel", "escort"):
        yield _as(saying, "out of office", {"id": "nobody-1"})
    yield _as(saying, "of a third state", {"state": "CH"})
    yield _as(saying, "as an auditor", {"role": "auditor"})


def _as(saying: Saying, note: str, actor: Fields) -> Saying:
    def fields(now: Now) -> Fields | None:
        said = saying.fields(now)
        return None if said is None else {**said, "actor": {**said.get("actor", {}), **actor}}

    return Saying(f"{saying.label} {note}", saying.act, saying.who, fields)


BY_OTHERS: Final[tuple[Saying, ...]] = tuple(other for saying in SAYINGS for other in by_others(saying))


@cache
def _lists(id: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The kinds of place, and of place of hand-over, that a profile lists; the model's where it lists none.

    An agreement does not carry these lists: they are held to the floor when it is read, and to nothing afterwards.
    """
    path = AGREEMENTS / id / "profile.toml"
    said = Profile.model_validate(read_toml(path.read_text("utf-8"))) if path.exists() else None
    kinds = said.placement.kinds if said and said.placement else None
    ends = said.handover.kinds if said and said.handover else None
    if kinds and ends:
        return kinds, ends
    usual, usually_at = _lists("model")
    return kinds or usual, ends or usually_at


def lists_of(agreement: Agreement) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The kinds of place, and of place of hand-over, from which is chosen what is said under an agreement."""
    return _lists(agreement.id)


def _of_the_terms(agreement: Agreement) -> Iterator[tuple[str, str, _Fields]]:
    """What an agreement's own lists and limits make possible to say: a choice that stands on a list, and one that not."""
    kinds, ends = lists_of(agreement)
    employers = agreement.escort_employers
    yield "place_child [the last kind on the list]", "protection", _says(placement=place(kinds[-1], "social_service"))
    if other := next((kind for kind in get_args(PlacementKind) if kind not in (*kinds, *CLOSED_KINDS)), None):
        yield "place_child [a kind off the list]", "protection", _says(placement=place(other, "social_service"))
    handed = place(ends[-1], "child_protection")
    yield "plan_travel [to the last place on the list]", "caseworker", _journey("child_protection", ends=handed)
    if other := next((kind for kind in CARE_PLACES if kind not in ends), None):
        handed = place(other, "child_protection")
        yield "plan_travel [to a place off the list]", "caseworker", _journey("child_protection", ends=handed)
    if len(employers) > 1:
        yield "plan_travel [the last escort on the list]", "caseworker", _journey(employer=employers[-1])
    if other := next((employer for employer in PERMITTED_ESCORTS if employer not in employers), None):
        yield "plan_travel [an escort off the list]", "caseworker", _journey(employer=other)
    if limit := agreement.extension_limit:
        yield "extend_deadline [to the limit]", "authority", _says(deadline="identification", days=limit)
    beyond = _says(deadline="identification", days=limit + 1)
    yield "extend_deadline [a day beyond the limit]", "authority", beyond
    for who in agreement.approvals:
        if not who.startswith("central_authority@"):
            yield f"approve_return [{who}]", "authority", _approved_by(who)


def _approved_by(who: str) -> _Fields:
    role, _, side = who.partition("@")
    return lambda now: {
        "dossier": now.case.head,
        "actor": {"id": f"{role}-{side}-5", "role": role, "state": now.case.state_of(side)},
    }


def sayings(agreement: Agreement) -> tuple[Saying, ...]:
    """All that is said under an agreement: what is said under each, and what its own lists and limits make possible."""
    return (*SAYINGS, *(_saying(*each) for each in _of_the_terms(agreement)))


# Time

Until = Callable[[Now], datetime | None]
_MOMENT: Final = timedelta(seconds=1)


def _next_stale(now: Now) -> datetime | None:
    """The earliest moment at which evidence that is on record is too old."""
    case, lives = now.case, now.case.agreement.shelf_lives
    facts = [
        (case.determination, lives.determination),
        (case.guardian_consent, lives.consent),
        (case.child_consent, lives.consent),
        (case.rights_impact, lives.rights_impact),
        (case.guarantee, lives.care_guarantee),
        *((found, lives.family_assessment) for found in case.safe_relatives().values()),
    ]
    ends = [fact.at + timedelta(days=days) for fact, days in facts if fact]
    return min((end for end in ends if end > now.at), default=None)


def _due(name: str) -> Until:
    def due(now: Now) -> datetime | None:
        deadline = now.case.deadlines.get(name)
        return deadline.due if deadline and deadline.open and not deadline.overdue else None

    return due


def _near(when: Until) -> Until:
    """Only where it is less than a year ahead: nobody waits ten years here for a birthday."""

    def near(now: Now) -> datetime | None:
        found = when(now)
        return found if found and found - now.at <= timedelta(days=365) else None

    return near


def _just_before(when: Until) -> Until:
    def before(now: Now) -> datetime | None:
        found = when(now)
        return found - _MOMENT if found and found - now.at > _MOMENT else None

    return before


def _end_of_certificate(now: Now) -> datetime | None:
    return _midnight(now.case.fitness.valid_until + timedelta(days=1)) if now.case.fitness else None


def _midnight(day: date) -> datetime:
    return datetime.fromisoformat(f"{day.isoformat()}T00:00:00+00:00")


WAITS: Final[dict[str, Until]] = {
    "a day passes": lambda now: now.at + timedelta(days=1),
    "thirty days pass": lambda now: now.at + timedelta(days=30),
    "the time to appeal ends": lambda now: now.case.appeal_window_ends,
    "a second before the time to appeal ends": _just_before(lambda now: now.case.appeal_window_ends),
    "the emergency placement has lasted too long": _due("emergency_placement"),
    "a second before the emergency placement has lasted too long": _just_before(_due("emergency_placement")),
    "the day of the review comes": _due("review"),
    "the next evidence grows too old": _next_stale,
    "a second before the next evidence grows too old": _just_before(_next_stale),
    "the day of departure comes": lambda now: now.case.plan.first_departure if now.case.plan else None,
    "the certificate ends": _end_of_certificate,
    "a second before the certificate ends": _just_before(_end_of_certificate),
    "the child is old enough to be asked": _near(lambda now: age_of_consent(now.case)),
    "the eighteenth birthday": _near(lambda now: eighteenth_birthday(now.case)),
    "a second before the eighteenth birthday": _just_before(_near(lambda now: eighteenth_birthday(now.case))),
}
"""The ways in which time passes, each to a moment that a kept fact names. Behind them lies no other change of law."""
