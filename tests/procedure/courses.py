"""A short way to conduct an invented case: open it, do acts in few words, jump to any stage.

Everybody here is invented. ``say`` does an act with fields that are right unless others are given;
``does`` expects it accepted and ``refused`` expects it refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import procedure
from procedure.acts import parse_act
from procedure.agreement import Agreement, BelowTheFloor
from procedure.case import Case
from procedure.entries import Entry, moment
from procedure.floor import read_profile
from procedure.intake import parse_intake
from procedure.proceedings import Proceedings

Fields = dict[str, Any]

START = datetime(2026, 2, 2, 9, tzinfo=UTC)
"""A Monday."""
REFERENCE = "MD-UA-2026-7K3F9A"
SEED = b"an invented seed for these tests"
PROFILES = Path(procedure.__file__).parent.parent / "agreements"


@dataclass(frozen=True)
class Looker:
    """Somebody who may look, or say something."""

    id: str
    role: str
    state: str
    cases: frozenset[str]


FOSTER: Fields = {
    "name": "Invented Foster Home",
    "kind": "foster_family",
    "run_by": "foster_carer",
    "child_may_leave_at_will": True,
}
FAMILY: Fields = {
    "name": "Invented Family Home",
    "kind": "family",
    "run_by": "family",
    "child_may_leave_at_will": True,
}
HOTEL: Fields = {
    "name": "Invented Hotel",
    "kind": "hotel",
    "run_by": "social_service",
    "child_may_leave_at_will": True,
}
STATION: Fields = {
    "name": "Invented Station",
    "kind": "police_station",
    "run_by": "police",
    "child_may_leave_at_will": False,
}

PANEL: list[Fields] = [
    {"id": "panel-1", "discipline": "social work", "employer": "child_protection"},
    {"id": "panel-2", "discipline": "psychology", "employer": "health"},
    {"id": "panel-3", "discipline": "law", "employer": "ngo"},
]

PEOPLE: dict[str, tuple[str, str, str]] = {
    "opener": ("authority-1", "central_authority", "host"),
    "authority": ("authority-2", "central_authority", "host"),
    "protection": ("protection-1", "child_protection_authority", "host"),
    "guardianship": ("guardianship-1", "guardianship_authority", "host"),
    "caseworker": ("caseworker-1", "caseworker", "host"),
    "panel": ("panel-1", "bid_panel", "host"),
    "guardian": ("guardian-1", "guardian", "host"),
    "counsel": ("counsel-1", "legal_counsel", "host"),
    "child": ("the-child", "child", "host"),
    "relative": ("relative-1", "relative", "origin"),
    "tracing": ("tracing-1", "tracing_service", "origin"),
    "consulate": ("consulate-1", "consulate", "host"),
    "asylum": ("asylum-1", "asylum_authority", "host"),
    "court": ("court-1", "court", "host"),
    "health": ("health-1", "health_worker", "host"),
    "escort": ("escort-1", "escort", "host"),
    "monitor": ("monitor-1", "monitor", "origin"),
    "ombudsperson": ("ombudsperson-1", "ombudsperson", "host"),
    "police": ("police-1", "law_enforcement", "host"),
    "auditor": ("auditor-1", "auditor", "host"),
    "system": ("system-1", "system", "host"),
    "origin authority": ("authority-9", "central_authority", "origin"),
    "origin caseworker": ("caseworker-9", "caseworker", "origin"),
    "origin protection": ("protection-9", "child_protection_authority", "origin"),
    "origin guardianship": ("guardianship-9", "guardianship_authority", "origin"),
}
"""Who speaks: id, role, and whose state."""

FIELDS: dict[str, Callable[["Course"], Fields]] = {
    "verify_identity": lambda c: {"result": "presumed", "sources": ["what the child told"]},
    "assess_age": lambda c: {"result": "child", "methods": ["interview", "paediatrics"], "guardian_present": True},
    "screen_protection": lambda c: {"trafficking": False, "asylum": False, "violence": False},
    "place_child": lambda c: {"placement": FOSTER},
    "confirm_services": lambda c: {"education": True, "healthcare": True},
    "report_detention": lambda c: {"placement": STATION, "since": moment(c.at)},
    "confirm_release": lambda c: {"placement": FOSTER},
    "report_missing": lambda c: {"since": moment(c.at)},
    "report_found": lambda c: {"placement": FOSTER},
    "appoint_guardian": lambda c: {
        "guardian": {"id": "guardian-1", "kind": "professional"},
        "independent": True,
        "child_informed": True,
    },
    "replace_guardian": lambda c: {
        "guardian": {"id": "guardian-2", "kind": "professional"},
        "independent": True,
        "child_informed": True,
    },
    "appoint_counsel": lambda c: {"counsel": {"id": "counsel-1"}, "free_of_charge": True},
    "open_tracing": lambda c: {"via": "central_authority", "child_agrees": True},
    "report_tracing": lambda c: {
        "result": "found",
        "relatives": [{"id": "r1", "relationship": "mother", "state": c.origin}],
    },
    "assess_family": lambda c: {
        "relative_id": "r1",
        "willing": True,
        "able": True,
        "safe": True,
        "assessment": "visited at home",
    },
    "guarantee_care": lambda c: {"by": "authority", "undertaking": "a foster family is ready"},
    "hear_child": lambda c: {
        "views": "told in confidence",
        "wish": "return",
        "language": "uk",
        "interpreter": True,
        "guardian_present": True,
        "informed": True,
    },
    "submit_assessment": lambda c: {
        "options": [{"solution": "return", "for": "the mother", "against": "the war"}],
        "recommendation": "return",
        "assessment": "in writing",
    },
    "determine_best_interests": lambda c: {
        "panel": PANEL,
        "solution": "return",
        "options_considered": ["return", "stay"],
        "weight_given_to_views": "full weight",
    },
    "reopen_best_interests": lambda c: {"new_facts": "something new is known"},
    "appeal": lambda c: {"against": "return", "grounds": "not what the child wants"},
    "decide_appeal": lambda c: {"result": "dismissed"},
    "give_consent": lambda c: {"given": True, "informed": True, "language": "uk", "interpreter": False},
    "withdraw_consent": lambda c: {},
    "adopt_reintegration_plan": lambda c: {
        "housing": "with the mother",
        "education": "the village school",
        "healthcare": "the clinic",
        "support": "a social worker",
        "contact": "the social worker",
        "funded": True,
    },
    "assess_rights_impact": lambda c: {"safe": True, "risks": ["none that weighs"]},
    "approve_return": lambda c: {"dossier": c.case.head},
    "decline_return": lambda c: {},
    "certify_fit_to_travel": lambda c: {"fit": True, "valid_until": (c.at + timedelta(days=20)).date().isoformat()},
    "plan_travel": lambda c: {
        "legs": [
            {
                "from": "Invented Town",
                "to": "Invented Border",
                "mode": "train",
                "departs": moment(c.at + timedelta(days=2)),
                "arrives": moment(c.at + timedelta(days=2, hours=6)),
                "overnight": {**FOSTER, "name": "Invented Night Stop"},
            },
            {
                "from": "Invented Border",
                "to": "Invented Village",
                "mode": "car",
                "departs": moment(c.at + timedelta(days=3)),
                "arrives": moment(c.at + timedelta(days=3, hours=4)),
            },
        ],
        "escort": {"id": "escort-1", "employer": "child_protection"},
        "handover": {"to": "family", "relative_id": "r1", "placement": FAMILY},
        "documents_ready": True,
    },
    "approve_travel": lambda c: {"dossier": c.case.head},
    "depart": lambda c: {},
    "report_incident": lambda c: {"what": "border_closed", "placement": FOSTER},
    "arrive": lambda c: {"handed_to": "family", "placement": FAMILY},
    "record_visit": lambda c: {
        "visit": 1,
        "seen_alone": True,
        "safe": True,
        "in_school": True,
        "with_family": True,
        "findings": "doing well",
    },
    "grant_stay": lambda c: {"status": "residence"},
    "arrange_third_country": lambda c: {"state": "RO", "placement": FAMILY, "guarantee": "an aunt takes care"},
    "transfer_to_adult_services": lambda c: {"plan": "a room and a social worker"},
    "close_case": lambda c: {"outcome": "withdrawn"},
    "lodge_asylum_claim": lambda c: {},
    "resolve_asylum_claim": lambda c: {"result": "withdrawn"},
    "suspend": lambda c: {"ground": "crisis"},
    "resume": lambda c: {"ground": "crisis"},
    "complain": lambda c: {"about": "nobody listened"},
    "answer_complaint": lambda c: {"complaint": c.number_of("complain"), "result": "upheld", "remedy": "an apology"},
    "assign": lambda c: {"caseworker": {"id": "caseworker-1"}},
    "extend_deadline": lambda c: {"deadline": "identification", "days": 3},
    "correct": lambda c: {"entry": 1, "fields": {"found.place": "another invented place"}},
    "note": lambda c: {"text": "something to remember"},
}
"""The fields of every act, right on an ordinary course."""

DOES: dict[str, str] = {
    "verify_identity": "caseworker",
    "assess_age": "protection",
    "screen_protection": "caseworker",
    "place_child": "protection",
    "confirm_services": "caseworker",
    "report_detention": "ombudsperson",
    "confirm_release": "ombudsperson",
    "report_missing": "caseworker",
    "report_found": "caseworker",
    "appoint_guardian": "guardianship",
    "replace_guardian": "guardianship",
    "appoint_counsel": "guardianship",
    "open_tracing": "caseworker",
    "report_tracing": "tracing",
    "assess_family": "origin caseworker",
    "guarantee_care": "origin authority",
    "hear_child": "guardian",
    "submit_assessment": "caseworker",
    "determine_best_interests": "panel",
    "reopen_best_interests": "counsel",
    "appeal": "child",
    "decide_appeal": "court",
    "give_consent": "guardian",
    "withdraw_consent": "guardian",
    "adopt_reintegration_plan": "origin authority",
    "assess_rights_impact": "caseworker",
    "approve_return": "authority",
    "decline_return": "authority",
    "certify_fit_to_travel": "health",
    "plan_travel": "caseworker",
    "approve_travel": "protection",
    "depart": "escort",
    "report_incident": "escort",
    "arrive": "escort",
    "record_visit": "monitor",
    "grant_stay": "authority",
    "arrange_third_country": "authority",
    "transfer_to_adult_services": "protection",
    "close_case": "authority",
    "lodge_asylum_claim": "child",
    "resolve_asylum_claim": "asylum",
    "suspend": "authority",
    "resume": "protection",
    "complain": "child",
    "answer_complaint": "ombudsperson",
    "assign": "authority",
    "extend_deadline": "authority",
    "correct": "authority",
    "note": "caseworker",
}
"""Who does an act on an ordinary course."""


@lru_cache
def model() -> Agreement:
    """The model agreement, as shipped."""
    return read_profile((PROFILES / "model" / "profile.toml").read_text("utf-8"), None)


@lru_cache
def shipped() -> dict[str, Agreement]:
    """Every shipped agreement that the floor lets through, by id."""
    found = {"model": model()}
    for path in sorted(PROFILES.glob("*/profile.toml")):
        try:
            found[path.parent.name] = read_profile(path.read_text("utf-8"), model())
        except BelowTheFloor:
            continue
    return {**found, "model": model()}


def intake_of(host: str = "MD", origin: str = "UA", born: str | None = "2013-05-04", **fields: Any) -> Fields:
    """The intake of an invented girl of twelve. ``child`` merges into the child, other fields replace."""
    child = fields.pop("child", {})
    return {
        "agreement": "model",
        "host_state": host,
        "origin_state": origin,
        "opened_by": {"id": "authority-1", "role": "central_authority", "state": host, "office": "Invented Office"},
        "child": {
            "given_names": "Test",
            "family_name": "Invented",
            "date_of_birth": born,
            "sex": "female",
            "nationalities": [origin],
            "languages": ["uk"],
            **child,
        },
        "situation": "unaccompanied",
        "found": {"on": "2026-02-01", "place": "Invented Station", "by": "police", "circumstances": "alone"},
        "placement": FOSTER,
        "relatives": [{"id": "r1", "name": "Invented Mother", "relationship": "mother", "state": origin}],
        "concerns": [],
        **fields,
    }


class Course:
    """One invented case and the moment it is at."""

    def __init__(
        self,
        *,
        agreement: Agreement | None = None,
        at: datetime = START,
        host: str = "MD",
        origin: str = "UA",
        **intake: Any,
    ) -> None:
        self.at = at
        self.host, self.origin = host, origin
        self.said = 0
        self.intake = intake_of(host, origin, **intake)
        self.proceedings = Proceedings.open_case(
            parse_intake(self.intake, today=at.date()),
            agreement or model(),
            reference=f"{host}-{origin}-2026-7K3F9A",
            at=at,
            seed=SEED,
        )

    # Looking

    @property
    def case(self) -> Case:
        return self.proceedings.case

    @property
    def stage(self) -> str:
        return self.case.stage

    @property
    def holds(self) -> set[str]:
        return set(self.case.holds)

    @property
    def entries(self) -> list[Entry]:
        return self.proceedings.entries

    @property
    def view(self) -> Fields:
        return self.proceedings.view(self.at)

    def kinds(self, *kinds: str) -> list[tuple[str, Any, Any]]:
        """Entries of these kinds as (kind, deadline or hold or stage, level)."""
        names = ("deadline", "hold", "stage")
        return [
            (e.kind, next((e.facts[n] for n in names if n in e.facts), None), e.facts.get("level"))
            for e in self.entries
            if e.kind in kinds
        ]

    def number_of(self, act: str) -> int:
        """The number of the newest accepted entry of that act; 1 when there is none."""
        return max((e.n for e in self.entries if e.kind == "accepted" and e.act == act), default=1)

    def deadline(self, name: str) -> Fields | None:
        """The newest row of the view's deadlines of that name."""
        return next((row for row in reversed(self.view["deadlines"]) if row["name"] == name), None)

    def due(self, name: str) -> datetime:
        """When that deadline is due."""
        row = self.deadline(name)
        assert row is not None, f"no deadline {name}"
        return datetime.fromisoformat(row["due"])

    def runs(self, name: str) -> bool:
        """Whether a deadline of that name runs."""
        row = self.deadline(name)
        return row is not None and row["met"] is None

    def awaited(self) -> set[tuple[str, str, str]]:
        """The owed acts as (act, role, state)."""
        return {(row["act"], row["role"], row["state"]) for row in self.view["awaiting"]}

    # Speaking

    def person(self, who: str | Mapping[str, str]) -> Fields:
        """An actor: a name of ``PEOPLE``, or the actor itself."""
        if not isinstance(who, str):
            return dict(who)
        id, role, side = PEOPLE[who]
        return {"id": id, "role": role, "state": self.host if side == "host" else self.origin}

    def act(self, act: str, who: str | Mapping[str, str] | None = None, **fields: Any) -> Fields:
        """An act as JSON, with the fields that are right unless others are given."""
        self.said += 1
        return {
            "act": act,
            "act_id": f"act-{self.said}",
            "actor": self.person(who or DOES[act]),
            "reason": "for reasons given in the file",
            **FIELDS[act](self),
            **fields,
        }

    def say(self, act: str, who: str | Mapping[str, str] | None = None, **fields: Any) -> Fields:
        """Do an act and return its receipt."""
        return self.proceedings.hear(parse_act(self.act(act, who, **fields)), self.at)

    def does(self, act: str, who: str | Mapping[str, str] | None = None, **fields: Any) -> Self:
        """Do an act that must be accepted."""
        receipt = self.say(act, who, **fields)
        assert receipt["result"] == "accepted", [(r["safeguard"], r["message"]) for r in receipt["refusals"]]
        return self

    def refused(self, act: str, who: str | Mapping[str, str] | None = None, **fields: Any) -> set[str]:
        """Do an act that must be refused; the names of the safeguards that did."""
        receipt = self.say(act, who, **fields)
        assert receipt["result"] == "refused", f"{act} was accepted"
        return {refusal["safeguard"] for refusal in receipt["refusals"]}

    def wait(self, **time: float) -> Self:
        """Let time pass."""
        return self.until(self.at + timedelta(**time))

    def until(self, at: datetime) -> Self:
        """Let time pass up to a moment."""
        self.at = at
        self.proceedings.let_time_pass(at)
        return self

    # Going on to a stage, each from the one before it

    def identified(self) -> Self:
        return self.does("verify_identity").does("screen_protection").does("confirm_services")

    def represented(self) -> Self:
        return self.identified().does("appoint_guardian").does("appoint_counsel")

    def traced(self) -> Self:
        return self.represented().does("open_tracing").does("report_tracing").does("assess_family")

    def assessed(self) -> Self:
        """Everything that a panel needs before it."""
        return self.traced().ready_for_panel()

    def ready_for_panel(self) -> Self:
        """A hearing and an assessment in this round."""
        return self.does("hear_child").does("submit_assessment")

    def determined(self, solution: str = "return", **fields: Any) -> Self:
        return self.assessed().determine(solution, **fields)

    def determine(self, solution: str = "return", **fields: Any) -> Self:
        considered = ["return", "stay"] if solution in ("return", "stay") else [solution, "stay"]
        return self.does("determine_best_interests", solution=solution, options_considered=considered, **fields)

    def ready_to_approve(self) -> Self:
        """Everything that an approval of return needs before it."""
        return self.determined().consented().prepared()

    def consented(self) -> Self:
        return self.does("give_consent").does("give_consent", "child")

    def prepared(self) -> Self:
        return self.does("adopt_reintegration_plan").does("assess_rights_impact")

    def approved(self) -> Self:
        return self.ready_to_approve().approve()

    def approve(self) -> Self:
        return self.does("approve_return").does("approve_return", "origin authority")

    def decided(self) -> Self:
        """Approved, and the time to appeal over."""
        return self.approved().wait(days=15)

    def planned(self) -> Self:
        return self.decided().does("plan_travel").does("certify_fit_to_travel")

    def travel_approved(self) -> Self:
        return self.planned().does("approve_travel")

    def departed(self) -> Self:
        return self.travel_approved().wait(days=2).does("depart")

    def arrived(self) -> Self:
        return self.departed().wait(days=1, hours=4).does("arrive")

    def visited(self, *, safe_last: bool = True) -> Self:
        """All monitoring visits made on time."""
        self.arrived()
        return self.visit_all(safe_last=safe_last)

    def visit_all(self, *, safe_last: bool = True) -> Self:
        arrival = self.at
        visits = self.case.agreement.visits
        for number, day in enumerate(visits, start=1):
            self.until(arrival + timedelta(days=day) - timedelta(hours=1))
            self.does("record_visit", visit=number, safe=safe_last or number < len(visits))
        return self
