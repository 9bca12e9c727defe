"""Invented cases told to their ends, with how each stood after every act: what a rule is shown, in every situation.

They are what goes into a rule and not what comes out of it, so each story is told once and kept.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from courses import FAMILY, FIELDS, FOSTER, HOTEL, STATION, Course, Fields, model, shipped

from procedure.acts import parse_act
from procedure.agreement import Agreement
from procedure.case import Case
from procedure.gates import refusals
from procedure.ledger import Ledger
from procedure.safeguards.asked import Asked

SHELTER: Fields = {**FOSTER, "name": "Invented Shelter", "kind": "child_shelter"}


@dataclass(frozen=True)
class Standing:
    """How a case stood after an act or a wait, and the acts that would have been accepted then."""

    words: str
    case: Case
    at: datetime
    ledger: Ledger
    accepted: tuple[Any, ...]


SAID_OTHERWISE: tuple[tuple[str, str | None, Fields], ...] = (
    ("assess_age", None, {"result": "adult", "methods": ["interview", "paediatrics"]}),
    ("hear_child", None, {"wish": "stay"}),
    ("hear_child", None, {"wish": "undecided"}),
    ("hear_child", None, {"informed": False}),
    ("hear_child", None, {"guardian_present": False}),
    ("give_consent", "child", {}),
    ("give_consent", None, {"given": False}),
    ("give_consent", "child", {"given": False}),
    ("withdraw_consent", "child", {}),
    ("approve_return", "origin authority", {}),
    ("decline_return", "origin authority", {}),
    ("appeal", None, {"against": "age"}),
    ("decide_appeal", None, {"result": "upheld"}),
    ("resolve_asylum_claim", None, {"result": "granted"}),
    ("resolve_asylum_claim", None, {"result": "refused_final"}),
    ("report_incident", None, {"what": "child_objects"}),
    ("report_incident", None, {"placement": STATION}),
    ("report_found", None, {"placement": STATION}),
    ("report_detention", None, {"placement": FOSTER}),
    ("arrive", None, {"placement": STATION}),
    ("record_visit", None, {"safe": False}),
    ("record_visit", None, {"placement": STATION}),
    ("record_visit", None, {"placement": FAMILY}),
    ("assess_rights_impact", None, {"safe": False}),
    ("determine_best_interests", None, {"solution": "stay"}),
    ("guarantee_care", "relative", {"by": "family", "relative_id": "r1"}),
)
"""Acts in other words than the ordinary ones: the act, who says it, its fields."""


class Told(Course):
    """A course that keeps how the case stood after each act; what is refused stands there too."""

    def __init__(self, **given: Any) -> None:
        self.stands: list[Standing] = []
        super().__init__(**given)
        self._keep("opened")

    def say(self, act: str, who: Any = None, **fields: Any) -> Fields:
        receipt = super().say(act, who, **fields)
        self._keep(f"{act} {receipt['result']}")
        return receipt

    def does(self, act: str, who: Any = None, **fields: Any) -> "Told":
        self.say(act, who, **fields)
        return self

    def until(self, at: datetime) -> "Told":
        super().until(at)
        self._keep(f"waited until {at:%Y-%m-%d %H:%M}")
        return self

    def _keep(self, words: str) -> None:
        ledger = Ledger(self.entries)
        accepted = tuple(self._accepted(ledger)) if words.endswith("accepted") else ()
        self.stands.append(Standing(words, self.case, self.at, ledger, accepted))

    def _accepted(self, ledger: Ledger) -> list[Any]:
        said: list[tuple[str, str | None, Fields]] = [(act, None, {}) for act in FIELDS if act != "correct"]
        made: list[Any] = []
        for act, who, fields in (*said, *SAID_OTHERWISE):
            parsed = parse_act(self.act(act, who, **fields))
            if not refusals(Asked(self.case, parsed, self.at, ledger)):
                made.append(parsed)
        return made


def _returned() -> Told:
    told = Told()
    told.does("assign").arrived()
    told.does("assign", "origin authority", caseworker={"id": "caseworker-9"}).visit_all()
    return told.does("close_case", outcome="returned")


def _unsafe_in_the_end() -> Told:
    told = Told()
    told.visited(safe_last=False)
    told.wait(days=1)
    told.ready_for_panel().determine()
    told.does("record_visit", visit=7, safe=False)
    told.ready_for_panel().determine("stay")
    return told.does("grant_stay").does("close_case", outcome="stays")


def _late_in_everything() -> Told:
    told = Told(placement=HOTEL)
    for wait in (3, 4, 8, 3):
        told.wait(days=wait)
    told.does("place_child").identified().does("appoint_guardian").wait(days=20)
    told.does("appoint_counsel").does("open_tracing").wait(days=40)
    return told


def _postponed() -> Told:
    told = Told()
    told.assessed().does("extend_deadline", deadline="determination", days=5)
    told.determine("postpone", review_on="2026-03-10")
    told.wait(days=60)
    told.does("reopen_best_interests").ready_for_panel().determine("stay").wait(days=31)
    return told.does("grant_stay").does("close_case", outcome="stays").wait(days=30)


def _a_third_country() -> Told:
    told = Told()
    told.determined("third_country").does("appeal", against="best_interests")
    told.does("decide_appeal", result="dismissed").does("arrange_third_country")
    told.does("appeal", against="best_interests").does("decide_appeal", result="upheld")
    return told.ready_for_panel().determine("third_country").does("arrange_third_country")


def _detained_and_missing() -> Told:
    told = Told(placement=SHELTER)
    told.identified().does("confirm_services", education=True, healthcare=False)
    told.does("report_detention").wait(days=1).does("confirm_release", placement=SHELTER).wait(days=15)
    told.does("report_missing").does("complain").wait(days=1).does("complain", "caseworker")
    told.does("report_found", placement=STATION).wait(days=16)
    told.does("confirm_release").does("answer_complaint").does("answer_complaint")
    told.does("appeal", against="placement").does("decide_appeal", result="upheld")
    return told.wait(days=1).does("place_child")


def _asylum_granted() -> Told:
    told = Told(placement=STATION)
    told.does("screen_protection", asylum=True).wait(days=1).does("place_child")
    told.does("resolve_asylum_claim").approved().does("lodge_asylum_claim").wait(days=1)
    told.does("resolve_asylum_claim", result="granted")
    return told.ready_for_panel().determine().determine("stay")


def _asylum_after_everything() -> Told:
    told = Told()
    told.travel_approved().does("lodge_asylum_claim").wait(days=1)
    told.does("resolve_asylum_claim", result="refused_final").wait(days=1)
    return told.does("depart").does("lodge_asylum_claim")


def _appealed() -> Told:
    told = Told()
    told.approved().does("appeal").does("appeal", "counsel", against="travel").wait(days=1)
    told.does("decide_appeal").does("decide_appeal", result="upheld")
    told.wait(days=20).does("plan_travel").does("certify_fit_to_travel").does("approve_travel")
    told.does("appeal", against="travel").does("decide_appeal", result="upheld")
    told.does("plan_travel").does("appeal").does("decide_appeal", result="upheld")
    return told.ready_for_panel().determine()


def _held() -> Told:
    told = Told()
    told.ready_to_approve().does("suspend").wait(days=4).does("suspend", "protection", ground="health")
    told.does("resume").wait(days=2).does("resume", "authority", ground="health").wait(days=1)
    told.does("extend_deadline", deadline="approval_host", days=4).does("approve_return").does("suspend")
    told.wait(days=9).does("resume").does("approve_return", "origin authority")
    told.does("suspend").wait(days=15).does("resume").wait(days=2).does("suspend", ground="other").wait(days=2)
    return told.does("resume", ground="other").does("plan_travel").does("suspend").wait(days=1).does("resume")


def _objected() -> Told:
    told = Told()
    told.determined().does("give_consent").does("give_consent", "child", given=False).wait(days=1)
    told.does("hear_child", wish="undecided").does("hear_child").does("give_consent", "child").prepared().approve()
    told.does("hear_child", wish="stay").does("hear_child", wish="undecided").does("give_consent", "child")
    told.does("hear_child", wish="undecided").does("correct", "guardian", entry=told.case.n, fields={"wish": "stay"})
    told.does("hear_child", wish="undecided").does("give_consent", "child")
    told.does("withdraw_consent").does("give_consent").does("replace_guardian").does("give_consent")
    told.does("give_consent", {"id": "guardian-2", "role": "guardian", "state": "MD"})
    return told.does("withdraw_consent", "child").does("assess_rights_impact", safe=False)


def _turned_back() -> Told:
    told = Told()
    told.departed().does("report_incident").wait(days=3)
    told.does("plan_travel").does("certify_fit_to_travel", fit=False).does("certify_fit_to_travel")
    told.does("approve_travel").wait(days=2).does("depart").does("report_incident", what="child_objects")
    return told.does("hear_child").does("give_consent", "child").approve()


def _of_age() -> Told:
    told = Told(born="2008-03-01")
    told.determined().wait(days=40).does("complain").does("report_missing").does("report_found")
    return told.does("transfer_to_adult_services").does("close_case", outcome="transferred_to_adult_services")


def _of_age_on_the_way() -> Told:
    told = Told(born="2008-02-20")
    told.departed().wait(days=6).does("report_incident")
    return told


def _of_age_after_arrival() -> Told:
    told = Told(born="2008-04-20")
    told.arrived().wait(days=60).visit_all()
    return told


def _twelve_on_the_way() -> Told:
    told = Told(born="2014-02-20")
    told.determined().does("give_consent").prepared().approve().wait(days=15)
    told.does("plan_travel").does("certify_fit_to_travel").does("approve_travel").wait(days=2).does("depart")
    return told.wait(days=2).does("report_incident").wait(days=1).does("give_consent", "child")


def _of_nine() -> Told:
    told = Told(born="2017-01-15")
    told.determined().consented().prepared().approve().does("plan_travel").wait(days=3)
    told.does("assess_family", able=False)
    return told.wait(days=13).does("approve_travel")


def _of_unknown_age() -> Told:
    told = Told(born=None, child={"estimated_age": 16})
    told.identified().wait(days=11).does("assess_age", result="doubt").does("appoint_guardian")
    told.does("assess_age").does("assess_age", result="adult").does("appeal", against="age").wait(days=1)
    told.does("assess_age", result="adult").does("decide_appeal", result="upheld").does("appeal", against="age")
    told.does("decide_appeal", result="upheld").does("assess_age", result="adult").wait(days=16)
    return told.does("close_case", outcome="adult")


def _two_relatives() -> Told:
    told = Told()
    told.represented().does("open_tracing", child_agrees=False).does("open_tracing")
    told.does("report_tracing", result="ongoing", relatives=[]).wait(days=31)
    told.does(
        "report_tracing",
        relatives=[
            {"id": "r1", "relationship": "mother", "state": "UA"},
            {"id": "r2", "relationship": "aunt", "state": "RO"},
        ],
    )
    told.does("assess_family").wait(days=100)
    told.does("assess_family", {"id": "caseworker-8", "role": "caseworker", "state": "RO"}, relative_id="r2")
    told.ready_for_panel().determine().consented().prepared().wait(days=81).does("assess_family", safe=False).wait(
        days=30
    ).prepared()
    return told.wait(days=250)


def _nobody_safe() -> Told:
    told = Told()
    told.represented().does("report_tracing").does("assess_family", able=False)
    told.does("guarantee_care").ready_for_panel().determine().consented().prepared()
    told.approve().wait(days=190)
    told.does("assess_rights_impact").does("guarantee_care").does("approve_return")
    return told.does("reopen_best_interests").ready_for_panel().determine("stay")


def _not_safe_any_more() -> Told:
    told = Told()
    told.determined().does("assess_family", safe=False).wait(days=1).does("assess_family").consented().prepared()
    told.does("assess_rights_impact", safe=False).wait(days=1).does("assess_rights_impact").approve()
    return told.does("assess_family", willing=False).wait(days=1).does("guarantee_care")


def _two_homes() -> Told:
    told = Told()
    found = [{"id": "r1", "relationship": "mother", "state": "UA"}, {"id": "r2", "relationship": "aunt", "state": "UA"}]
    told.represented().does("report_tracing", relatives=found).does("assess_family").wait(days=100)
    told.does("assess_family", relative_id="r2").does("guarantee_care").ready_for_panel().determine()
    told.consented().prepared().approve().does("plan_travel").wait(days=82)
    return told.does("plan_travel", handover={"to": "child_protection", "placement": FOSTER})


def _stay_while_tracing_is_silent() -> Told:
    told = Told()
    told.represented().does("open_tracing").ready_for_panel().determine("stay", review_on="2026-05-01")
    told.does("appeal", against="best_interests").does("reopen_best_interests").ready_for_panel().determine("stay")
    told.does("decide_appeal", result="upheld").does("grant_stay").wait(days=20)
    return told.does("report_tracing", result="not_found").does("appeal", against="best_interests").does("close_case")


def _not_found() -> Told:
    told = Told(relatives=[])
    told.represented().does("open_tracing", via="red_cross").does("report_tracing", result="not_found", relatives=[])
    return told.ready_for_panel().determine().determine("stay")


def _with_the_family() -> Told:
    told = Told(situation="with_family", placement=FAMILY)
    told.identified().does("close_case")
    other = Told(situation="with_family", placement=FAMILY)
    other.stands[:0] = told.stands
    other.represented().ready_for_panel().determine().does("decline_return")
    return other


def _a_bad_arrival() -> Told:
    told = Told()
    told.departed().wait(days=3).does("arrive", placement=STATION, handed_to="law_enforcement").wait(days=1)
    told.does("complain").does("report_missing").wait(days=1).does("report_found", placement=HOTEL)
    told.does("confirm_release", {"id": "monitor-1", "role": "monitor", "state": "UA"}, placement=HOTEL)
    told.does("confirm_services").does("lodge_asylum_claim").does("record_visit", safe=False).wait(days=20)
    return told.does("record_visit", visit=3).does("record_visit", visit=1)


def _four_approve() -> Told:
    asked = ("central_authority@host", "child_protection_authority@host", "central_authority@origin")
    told = Told(agreement=model().model_copy(update={"approvals": (*asked, "child_protection_authority@origin")}))
    told.ready_to_approve().approve().wait(days=15)
    told.does("approve_return", "protection").does("approve_return", "origin protection").wait(days=16)
    return told


def _under(agreement: str, host: str, origin: str) -> Told:
    told = Told(agreement=shipped()[agreement], host=host, origin=origin)
    told.does("assign").does("complain").visited()
    return told


def _with_own_calendars() -> Told:
    terms: Agreement = model()
    days = {"working_days": 7}
    changed = {
        **terms.terms(),
        "calendars": {"MD": "RO", "UA": "PL"},
        "deadlines": dict.fromkeys(terms.deadlines, days),
        "escalate_after": [3, 9],
    }
    told = Told(agreement=Agreement.from_terms(changed), at=datetime.fromisoformat("2026-04-29T22:30:00Z"))
    told.travel_approved()
    return told


STORIES: dict[str, Callable[[], Told]] = {
    "returned": _returned,
    "unsafe in the end": _unsafe_in_the_end,
    "late in everything": _late_in_everything,
    "postponed": _postponed,
    "a third country": _a_third_country,
    "detained and missing": _detained_and_missing,
    "asylum granted": _asylum_granted,
    "asylum after everything": _asylum_after_everything,
    "appealed": _appealed,
    "held": _held,
    "objected": _objected,
    "turned back": _turned_back,
    "of age": _of_age,
    "of age on the way": _of_age_on_the_way,
    "of age after arrival": _of_age_after_arrival,
    "twelve on the way": _twelve_on_the_way,
    "of unknown age": _of_unknown_age,
    "two relatives": _two_relatives,
    "nobody safe": _nobody_safe,
    "not safe any more": _not_safe_any_more,
    "two homes": _two_homes,
    "stay while tracing is silent": _stay_while_tracing_is_silent,
    "of nine": _of_nine,
    "not found": _not_found,
    "with the family": _with_the_family,
    "a bad arrival": _a_bad_arrival,
    "four approve": _four_approve,
    "own calendars": _with_own_calendars,
    **{
        f"under {agreement}": lambda agreement=agreement, host=host, origin=origin: _under(agreement, host, origin)
        for agreement, host, origin in (("moldova-2008", "UA", "MD"), ("eu-return-directive", "RO", "MD"))
    },
}
"""What is told, by its title."""


@cache
def told(story: str) -> tuple[Standing, ...]:
    """How a case stood after each of its acts."""
    return tuple(STORIES[story]().stands)
