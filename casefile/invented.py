"""Invented cases for a foresight: who comes, and what everybody says when it is their turn. No person is meant.

Every draw is a digest of the seed, the case's number and what is drawn, so that a draw depends on nothing that was
drawn before: under two agreements the same invented case meets the same child, findings and delays, and what differs
comes from the agreements.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from hashlib import blake2b
from math import sqrt
from typing import Any, Final, TypeVar

from casefile.delays import Ages, Delays, Solutions
from procedure.agreement import Agreement
from procedure.case import Case
from procedure.entries import moment
from procedure.evidence import safe_family
from procedure.intake import Intake, parse_intake
from procedure.ledger import Ledger
from procedure.owed import Owed
from procedure.vocabulary import Solution

Fields = dict[str, Any]
T = TypeVar("T")

_YEAR: Final = 365.25

FOSTER: Final[Fields] = {
    "name": "Invented Foster Home",
    "kind": "foster_family",
    "run_by": "foster_carer",
    "child_may_leave_at_will": True,
}
FAMILY: Final[Fields] = {
    "name": "Invented Family Home",
    "kind": "family",
    "run_by": "family",
    "child_may_leave_at_will": True,
}
SHELTER: Final[Fields] = {
    "name": "Invented Shelter",
    "kind": "child_shelter",
    "run_by": "social_service",
    "child_may_leave_at_will": True,
}
STATION: Final[Fields] = {
    "name": "Invented Station",
    "kind": "police_station",
    "run_by": "police",
    "child_may_leave_at_will": False,
}
TRANSIT: Final[Fields] = {
    "name": "Invented Transit Centre",
    "kind": "transit_centre",
    "run_by": "police",
    "child_may_leave_at_will": False,
}
PANEL: Final[list[Fields]] = [
    {"id": "bid_panel-1", "discipline": "social work", "employer": "child_protection"},
    {"id": "bid_panel-2", "discipline": "psychology", "employer": "health"},
    {"id": "bid_panel-3", "discipline": "law", "employer": "ngo"},
]


class Die:
    """Numbers between 0 and 1, each by the name of what it decides."""

    def __init__(self, seed: int, case: int) -> None:
        self._start = blake2b(f"{seed}/{case}".encode(), digest_size=8)

    def draw(self, *what: str | int) -> float:
        """The number for this, always the same; never 0 and never 1."""
        digest = self._start.copy()
        digest.update("/".join(map(str, what)).encode())
        # Of 53 bits, as many as a float tells apart: with more, the largest would be rounded to 1.
        return ((int.from_bytes(digest.digest(), "big") >> 12) + 0.5) / 2.0**52

    def falls(self, share: float, *what: str | int) -> bool:
        """Whether something comes about that comes about so often."""
        return share > 0 and self.draw(*what) < share

    def one_of(self, weights: Mapping[T, float], *what: str | int) -> T:
        """One of these, each as often as it weighs. At least one weighs more than nothing."""
        weighed = [each for each, weight in weights.items() if weight > 0]
        left = self.draw(*what) * sum(weights[each] for each in weighed)
        for each in weighed:
            left -= weights[each]
            if left < 0:
                return each
        return weighed[-1]

    def age(self, ages: Ages) -> float:
        """An age in years."""
        low, usual, high = ages.youngest, ages.usual, ages.oldest
        if low == high:
            return low
        where, turn = self.draw("age"), (usual - low) / (high - low)
        if where < turn:
            return low + sqrt(where * (high - low) * (usual - low))
        return high - sqrt((1 - where) * (high - low) * (high - usual))


def states_of(agreement: Agreement) -> tuple[str, str]:
    """A host and an origin state that an agreement may be tried between: its own where it names some."""
    named = list(dict.fromkeys(agreement.states))
    if len(named) == 2:
        return named[0], named[1]
    usual = [state for state in ("MD", "UA", "RO") if state not in named]
    if not named:
        return usual[0], usual[1]
    return (named[0], usual[0]) if agreement.side == "host" else (usual[0], named[0])


def intake_of(die: Die, delays: Delays, agreement: Agreement, states: tuple[str, str], at: datetime) -> Intake:
    """The intake of one invented child, opened at the moment ``at`` (UTC)."""
    host, origin = states
    children = delays.children
    age = die.age(children.age)
    situation = die.one_of(
        {
            "unaccompanied": children.situation.unaccompanied,
            "separated": children.situation.separated,
            "with_family": children.situation.with_family,
        },
        "situation",
    )
    placement = FAMILY if situation == "with_family" else FOSTER
    if die.falls(children.emergency_placement, "emergency placement"):
        placement = SHELTER
    if die.falls(children.detained, "detained"):
        placement = STATION
    child: Fields = {
        "given_names": "Sample",
        "family_name": "Invented",
        "date_of_birth": (at - timedelta(days=age * _YEAR)).date().isoformat(),
        "sex": "unknown",
        "nationalities": [origin],
        "languages": ["en"],
    }
    if die.falls(children.birth_unknown, "birth unknown"):
        child |= {"date_of_birth": None, "estimated_age": int(age)}
    return parse_intake(
        {
            "agreement": agreement.id,
            "host_state": host,
            "origin_state": origin,
            "opened_by": {"id": "central_authority-opens", "role": "central_authority", "state": host},
            "child": child,
            "situation": situation,
            "found": {
                "on": at.date().isoformat(),
                "place": "Invented Town",
                "by": "social_service",
                "circumstances": "invented",
            },
            "placement": placement,
            "relatives": [],
            "concerns": [],
        },
        today=at.date(),
    )


class Speaking:
    """What the people of one invented case say. ``times`` counts how often an act was thought of before."""

    def __init__(self, die: Die, delays: Delays) -> None:
        self.die, self.delays, self.findings = die, delays, delays.findings

    def actor(self, case: Case, role: str, state: str) -> Fields:
        """Who speaks for a role of a state: whoever is in office, else one and the same invented person."""
        match role:
            case "guardian" if case.guardian:
                id = case.guardian.id
            case "legal_counsel" if case.counsel:
                id = case.counsel.id
            case "escort" if case.plan:
                id = case.plan.escort_id
            case _:
                id = f"{role}-{'1' if state == case.host_state else '9'}"
        return {"id": id, "role": role, "state": state}

    def fields(self, owed: Owed, case: Case, at: datetime, times: int) -> list[Fields]:
        """The fields of an act that is owed, as they should be: one way to say it, or several, the likeliest first."""
        if owed.act == "determine_best_interests":
            return self._determinations(owed, case, at, times)
        return [_RIGHT[owed.act](self, owed, case, at, times)]

    def wrong(self, act: str, fields: Fields, ledger: Ledger) -> Fields:
        """The same act as it is wrong sometimes: a safeguard stands against it, or it does not count."""
        return {**fields, **_WRONG[act](fields, ledger)}

    def falls(self, share: float, what: str, times: int | str) -> bool:
        return self.die.falls(share, what, times)

    # Best interests

    def _determinations(self, owed: Owed, case: Case, at: datetime, times: int) -> list[Fields]:
        panel = self.delays.panel
        if case.objection is not None:
            before: Solutions = panel.child_wishes_to_stay
        elif safe_family(case):
            before = panel.family_safe
        else:
            before = panel.no_family
        weights: dict[Solution, float] = before.weights()
        if owed.key is None:
            # Decided without an answer from tracing: the law lets the panel find a stay or a later day.
            weights = {**weights, "return": 0.0, "third_country": 0.0, "stay": max(before.stay, 1.0)}
        first: Solution = self.die.one_of(weights, "solution", case.round, times)
        solutions: list[Solution] = [first]
        if first == "return":
            # Where the law lets nobody find a return, the panel finds what it would have found without that choice.
            without: dict[Solution, float] = {**weights, "return": 0.0}
            solutions.append(self.die.one_of(without, "solution", case.round, times))
        return [self._determined(solution, at) for solution in solutions]

    def _determined(self, solution: Solution, at: datetime) -> Fields:
        review: Fields = {}
        if solution == "postpone":
            review = {"review_on": (at + timedelta(days=self.delays.panel.postponed_days)).date().isoformat()}
        return {
            "panel": PANEL,
            "solution": solution,
            "options_considered": list(dict.fromkeys((solution, "stay", "return"))),
            "weight_given_to_views": "invented",
            **review,
        }

    # The rest, each when it is owed

    def identity(self, owed: Owed, case: Case, at: datetime, times: int) -> Fields:
        return {"result": "presumed", "sources": ["invented"]}

    def age(self, owed: Owed, case: Case, at: datetime, times: int) -> Fields:
        adult = self.falls(self.findings.assessed_adult, "adult", times)
        methods = ["interview", "paediatrics", "psychology"]
        return {"result": "adult" if adult else "child", "methods": methods, "guardian_present": True}

    def screening(self, owed: Owed, case: Case, at: datetime, times: int) -> Fields:
        return {
            "trafficking": False,
            "asylum": self.falls(self.findings.asylum_at_screening, "asylum found", times),
            "violence": self.falls(self.findings.violence_at_screening, "violence found", times),
        }

    def placed(self, owed: Owed, case: Case, at: datetime, times: int) -> Fields:
        return {"placement": FAMILY if case.situation == "with_family" else FOSTER}

    def tracing_opened(self, owed: Owed, case: Case, at: datetime, times: int) -> Fields:
        told_nobody = case.asylum in ("open", "granted") or (case.screening is not None and case.screening.asylum)
        agrees = self.falls(self.findings.child_agrees_to_tracing, "agrees to tracing", times)
        return {"via": "red_cross" if told_nobody else "central_authority", "child_agrees": agrees}

    def traced(self, owed: Owed, case: Case, at: datetime, times: int) -> Fields:
        if self.falls(self.findings.tracing_goes_on, "tracing goes on", times):
            return {"result": "ongoing"}
        if not self.falls(self.findings.family_found, "family found", case.round):
            return {"result": "not_found"}
        mother = {"id": "relative-1", "relationship": "mother", "state": case.origin_state}
        return {"result": "found", "relatives": [mother]}

    def family(self, owed: Owed, case: Case, at: datetime, times: int) -> Fields:
        relative = str(owed.about or next(iter(case.relatives), "relative-1"))
        good = self.falls(self.findings.family_good, "family good", relative)
        return {"relative_id": relative, "willing": True, "able": True, "safe": good, "assessment": "invented"}

    def guaranteed(self, owed: Owed, case: Case, at: datetime, times: int) -> Fields:
        return {"by": "authority", "undertaking": "invented"}

    def heard(self, owed: Owed, case: Case, at: datetime, times: int) -> Fields:
        stays = self.falls(self.findings.wishes_to_stay, "wishes to stay", case.round)
        return {
            "views": "invented",
            "wish": "stay" if stays else "return",
            "language": "en",
            "interpreter": False,
            "guardian_present": True,
            "informed": True,
        }

    def consent(self, owed: Owed, case: Case, at: datetime, times: int) -> Fields:
        share = self.findings.child_refuses_consent if owed.role == "child" else self.findings.guardian_refuses_consent
        refuses = self.falls(share, f"{owed.role} refuses", case.round)
        return {"given": not refuses, "informed": True, "language": "en", "interpreter": False}

    def impact(self, owed: Owed, case: Case, at: datetime, times: int) -> Fields:
        return {"safe": not self.falls(self.findings.return_unsafe, "return unsafe", times), "risks": ["invented"]}

    def fitness(self, owed: Owed, case: Case, at: datetime, times: int) -> Fields:
        until = max(at, case.plan.first_departure if case.plan else at) + timedelta(days=30)
        fit = not self.falls(self.findings.unfit_to_travel, "unfit", times)
        return {"fit": fit, "valid_until": until.date().isoformat()}

    def journey(self, owed: Owed, case: Case, at: datetime, times: int) -> Fields:
        departs = at + timedelta(days=self.delays.journey.planned_ahead_days)
        arrives = departs + timedelta(hours=self.delays.journey.lasts_hours)
        leg = {"from": "Invented Town", "to": "Invented Village", "mode": "train"}
        leg |= {"departs": moment(departs.replace(microsecond=0)), "arrives": moment(arrives.replace(microsecond=0))}
        handover: Fields = {"to": "child_protection", "placement": FOSTER}
        if safe := next(iter(case.safe_relatives()), None):
            handover = {"to": "family", "relative_id": safe, "placement": FAMILY}
        return {
            "legs": [leg],
            "escort": {"id": "escort-1", "employer": case.agreement.escort_employers[0]},
            "handover": handover,
            "documents_ready": True,
        }

    def arrived(self, owed: Owed, case: Case, at: datetime, times: int) -> Fields:
        if self.falls(self.findings.handed_over_wrongly, "handed over wrongly", times):
            return {"handed_to": "law_enforcement", "placement": TRANSIT}
        plan = case.plan
        assert plan is not None
        return {"handed_to": plan.handover_to, "placement": plan.handover_placement}

    def visited(self, owed: Owed, case: Case, at: datetime, times: int) -> Fields:
        visit = int(owed.about or 1)
        safe = not self.falls(self.findings.visit_finds_unsafe, "visit unsafe", visit)
        fields: Fields = {"visit": visit, "seen_alone": True, "safe": safe, "in_school": True}
        return {**fields, "with_family": True, "findings": "invented"}

    def closing(self, owed: Owed, case: Case, at: datetime, times: int) -> Fields:
        return {"outcome": outcome_of(case)}


def outcome_of(case: Case) -> str:
    """The outcome that has come about in a case that waits to be closed."""
    if case.transferred:
        return "transferred_to_adult_services"
    if case.age_assessed and case.age_assessed.result == "adult":
        return "adult"
    if case.return_found and case.arrived:
        return "returned"
    return "stays" if case.stay else "third_country"


def _one(**fields: Any) -> Callable[[Speaking, Owed, Case, datetime, int], Fields]:
    return lambda say, owed, case, at, times: fields


def _dossier(say: Speaking, owed: Owed, case: Case, at: datetime, times: int) -> Fields:
    return {"dossier": case.head}


def _shares(share: Callable[[Speaking], float], field: str, come: str, else_: str) -> Any:
    def fields(say: Speaking, owed: Owed, case: Case, at: datetime, times: int) -> Fields:
        return {field: come if say.falls(share(say), f"{owed.act} {field}", times) else else_}

    return fields


_Right = Callable[[Speaking, Owed, Case, datetime, int], Fields]
_RIGHT: Final[dict[str, _Right]] = {
    "verify_identity": Speaking.identity,
    "assess_age": Speaking.age,
    "screen_protection": Speaking.screening,
    "place_child": Speaking.placed,
    "confirm_services": _one(education=True, healthcare=True),
    "confirm_release": _one(placement=FOSTER),
    "report_found": _one(placement=FOSTER),
    "appoint_guardian": _one(
        guardian={"id": "guardian-1", "kind": "professional"}, independent=True, child_informed=True
    ),
    "appoint_counsel": _one(counsel={"id": "legal_counsel-1"}, free_of_charge=True),
    "open_tracing": Speaking.tracing_opened,
    "report_tracing": Speaking.traced,
    "assess_family": Speaking.family,
    "guarantee_care": Speaking.guaranteed,
    "hear_child": Speaking.heard,
    "submit_assessment": _one(
        options=[{"solution": "stay", "for": "invented", "against": "invented"}],
        recommendation="stay",
        assessment="invented",
    ),
    "reopen_best_interests": _one(new_facts="invented"),
    "decide_appeal": _shares(lambda say: say.findings.appeal_upheld, "result", "upheld", "dismissed"),
    "give_consent": Speaking.consent,
    "adopt_reintegration_plan": _one(
        housing="invented",
        education="invented",
        healthcare="invented",
        support="invented",
        contact="invented",
        funded=True,
    ),
    "assess_rights_impact": Speaking.impact,
    "approve_return": _dossier,
    "certify_fit_to_travel": Speaking.fitness,
    "plan_travel": Speaking.journey,
    "approve_travel": _dossier,
    "depart": _one(),
    "arrive": Speaking.arrived,
    "record_visit": Speaking.visited,
    "grant_stay": _one(status="residence"),
    "arrange_third_country": lambda say, owed, case, at, times: {
        "state": next(state for state in ("RO", "PL", "DE") if case.side_of(state) is None),
        "placement": FAMILY,
        "guarantee": "invented",
    },
    "transfer_to_adult_services": _one(plan="invented"),
    "close_case": Speaking.closing,
    "resolve_asylum_claim": _shares(lambda say: say.findings.asylum_granted, "result", "granted", "refused_final"),
    "resume": lambda say, owed, case, at, times: {"ground": next(iter(case.suspensions))},
    "answer_complaint": lambda say, owed, case, at, times: {
        "complaint": owed.about,
        "result": "upheld" if say.falls(say.findings.complaint_upheld, "complaint", str(owed.about)) else "dismissed",
        "remedy": "invented",
    },
}
"""What is said of each act that the law ever lists as owed."""

_WRONG: Final[dict[str, Callable[[Fields, Ledger], Fields]]] = {
    "place_child": lambda fields, ledger: {"placement": TRANSIT},
    "appoint_guardian": lambda fields, ledger: {"independent": False},
    "appoint_counsel": lambda fields, ledger: {"free_of_charge": False},
    "hear_child": lambda fields, ledger: {"informed": False},
    "determine_best_interests": lambda fields, ledger: {"panel": PANEL[:2]},
    "give_consent": lambda fields, ledger: {"given": True, "informed": False},
    "adopt_reintegration_plan": lambda fields, ledger: {"funded": False},
    # Read before anything was recorded that matters.
    "approve_return": lambda fields, ledger: {"dossier": next(iter(ledger)).hash},
    "plan_travel": lambda fields, ledger: {"escort": {"id": "escort-2", "employer": "police"}},
    "approve_travel": lambda fields, ledger: {"dossier": next(iter(ledger)).hash},
    "close_case": lambda fields, ledger: {
        "outcome": "adult" if fields["outcome"] != "adult" else "transferred_to_adult_services"
    },
}
"""How each of :data:`casefile.delays.SLIPS` is got wrong."""


FIRST_DAY: Final = date(2026, 1, 1)


def days_of_opening(agreement: Agreement) -> tuple[date, int] | None:
    """The first day on which invented cases are opened, and over how many days, a year at most.

    None where the agreement is no longer in force then.
    """
    first = max(agreement.in_force_from, FIRST_DAY)
    if agreement.in_force_until is None:
        return first, 365
    left = (agreement.in_force_until - first).days + 1
    return (first, min(left, 365)) if left > 0 else None
