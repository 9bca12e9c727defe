"""What one entry changes in a case, and that it changes nothing else: a table of entries and of facts.

The case is bare but for what a row says. Folding asks no agreement, so there is none.
"""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final, cast

import pytest

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
from procedure.entries import Draft, as_if
from procedure.folding import IMMATERIAL, after, apply, fold, opening, recorded, with_deadlines

THEN: Final = datetime(2026, 2, 2, 9, tzinfo=UTC)
AT: Final = datetime(2026, 3, 3, 10, tzinfo=UTC)
ON: Final = OnRecord(7, AT)
HOME: Final = {"name": "Invented Home", "kind": "family", "run_by": "family", "child_may_leave_at_will": True}
HOTEL: Final = {**HOME, "kind": "hotel", "run_by": "social_service"}
FLAT: Final = {**HOME, "kind": "independent_living"}
CELL: Final = {**HOME, "kind": "police_station", "run_by": "police", "child_may_leave_at_will": False}
CHILD: Final = {"actor": {"id": "the-child", "role": "child", "state": "MD"}}
GUARDIAN: Final = {"actor": {"id": "guardian-1", "role": "guardian", "state": "MD"}}
OFFICER: Final = {"actor": {"id": "officer-1", "role": "central_authority", "state": "UA"}}

Facts = dict[str, Any]
Row = tuple[str, Facts, Facts, Facts, Facts]
"""The act, what the case had before, what was said, the entry's facts, and what is other in the case afterwards."""


def bare(**facts: Any) -> Case:
    return Case(
        reference="MD-UA-2026-7K3F9A",
        agreement=cast(Any, None),
        procedure_version="1.0.0",
        host_state="MD",
        origin_state="UA",
        opened_at=THEN,
        opened_by="authority-1",
        situation="unaccompanied",
        recorded_at=THEN,
    ).but(**facts)


def placed(placement: Facts, *, detained: bool) -> Facts:
    return {"placement": placement, "placement_n": 7, "detained": detained}


PLAN: Final = TravelPlan(
    n=7,
    at=AT,
    by="officer-1",
    escort_id="escort-1",
    escort_employer="ngo",
    handover_to="family",
    handover_relative="r1",
    handover_placement=HOME,
    overnights=(HOTEL, FLAT),
    first_departure=datetime(2026, 4, 1, 8, tzinfo=UTC),
    last_arrival=datetime(2026, 4, 3, 8, tzinfo=UTC),
    documents_ready=True,
)
LEGS: Final = [
    {"departs": "2026-04-01T08:00:00Z", "arrives": "2026-04-01T18:00:00Z", "overnight": HOTEL},
    {"departs": "2026-04-02T08:00:00Z", "arrives": "2026-04-02T18:00:00Z", "overnight": FLAT},
    {"departs": "2026-04-03T06:00:00Z", "arrives": "2026-04-03T08:00:00Z"},
]
SAID_PLAN: Final[Facts] = {
    **OFFICER,
    "legs": LEGS,
    "escort": {"id": "escort-1", "employer": "ngo"},
    "handover": {"to": "family", "relative_id": "r1", "placement": HOME},
    "documents_ready": True,
}
BORN: Final = date(2012, 1, 1)
OLDER: Final = date(2010, 1, 1)
YOUNGER: Final = date(2014, 1, 1)


def identity(result: str, born: date | None, *, known: date | None, then: date | None, **facts: Any) -> Row:
    said = {"result": result, **({"date_of_birth": born.isoformat()} if born else {})}
    before: Facts = {"date_of_birth": known}
    made: Facts = {"identity": Identity(7, result, born is not None, known), "date_of_birth": then}
    return "verify_identity", before, said, facts, made


APPEALS: Final = (AppealLodged(3, THEN, "age"), AppealLodged(5, THEN, "placement"))
FAMILY_1: Final = FamilyAssessed(7, AT, True, True, False)
FOUND: Final = TracingReported(7, "found", ("r1", "r2"))

ACTS: Final[list[Row]] = [
    identity("verified", OLDER, known=BORN, then=OLDER),
    identity("verified", None, known=BORN, then=BORN),
    identity("presumed", OLDER, known=BORN, then=BORN),
    identity("presumed", YOUNGER, known=BORN, then=YOUNGER),
    identity("presumed", None, known=None, then=None),
    identity("not_established", YOUNGER, known=None, then=YOUNGER),
    identity("presumed", OLDER, known=YOUNGER, then=YOUNGER, corrects=4),
    (
        "verify_identity",
        {"date_of_birth": YOUNGER, "identity": Identity(4, "presumed", True, BORN)},
        {"result": "presumed", "date_of_birth": "2010-01-01"},
        {"corrects": 4},
        {"identity": Identity(7, "presumed", True, BORN), "date_of_birth": BORN},
    ),
    (
        "verify_identity",
        {"date_of_birth": YOUNGER, "identity": Identity(4, "presumed", True, BORN)},
        {"result": "presumed", "date_of_birth": "2010-01-01"},
        {},
        {"identity": Identity(7, "presumed", True, YOUNGER)},
    ),
    ("assess_age", {}, {"result": "doubt"}, {}, {"age_assessed": AgeAssessed(7, AT, "doubt")}),
    *(
        (
            "screen_protection",
            {"asylum": was},
            {"trafficking": True, "asylum": claims, "violence": False},
            {},
            {"screening": Screening(7, True, claims, False), "asylum": now},
        )
        for was, claims, now in (
            ("none", True, "open"),
            ("closed", True, "open"),
            ("granted", True, "granted"),
            ("open", True, "open"),
            ("none", False, "none"),
            ("open", False, "open"),
            ("closed", False, "closed"),
        )
    ),
    (
        "screen_protection",
        {},
        {"trafficking": False, "asylum": False, "violence": True},
        {},
        {"screening": Screening(7, False, False, True)},
    ),
    (
        "place_child",
        {"detained": True, "place_anew": OnRecord(3, THEN), "emergency_overdue": True},
        {"placement": HOME},
        {},
        {**placed(HOME, detained=False), "place_anew": None, "emergency_overdue": False},
    ),
    ("place_child", {"emergency_overdue": True}, {"placement": HOTEL}, {}, placed(HOTEL, detained=False)),
    ("place_child", {}, {"placement": FLAT}, {}, placed(FLAT, detained=False)),
    (
        "confirm_services",
        {},
        {"education": True, "healthcare": False},
        {},
        {"services": Services(7, True, False)},
    ),
    (
        "report_detention",
        {"emergency_overdue": True},
        {"placement": HOME},
        {},
        {**placed(HOME, detained=True), "emergency_overdue": False},
    ),
    ("confirm_release", {"detained": True}, {"placement": HOME}, {}, placed(HOME, detained=False)),
    ("confirm_release", {}, {"placement": CELL}, {}, placed(CELL, detained=True)),
    ("report_found", {"missing": True}, {"placement": HOME}, {}, {**placed(HOME, detained=False), "missing": False}),
    ("report_found", {"detained": True}, {"placement": HOME}, {}, placed(HOME, detained=True)),
    ("report_found", {"missing": True}, {"placement": CELL}, {}, {**placed(CELL, detained=True), "missing": False}),
    ("report_missing", {}, {}, {}, {"missing": True}),
    ("appoint_guardian", {}, {"guardian": {"id": "g"}}, {}, {"guardian": InOffice(7, "g")}),
    ("replace_guardian", {"guardian": InOffice(3, "f")}, {"guardian": {"id": "g"}}, {}, {"guardian": InOffice(7, "g")}),
    ("appoint_counsel", {}, {"counsel": {"id": "c"}}, {}, {"counsel": InOffice(7, "c")}),
    ("open_tracing", {}, {}, {}, {"tracing_opened": ON}),
    ("report_tracing", {}, {"result": "not_found"}, {}, {"tracing": TracingReported(7, "not_found", ())}),
    (
        "report_tracing",
        {
            "relatives": {
                "r1": Relative("UA", "mother"),
                "r2": Relative("UA", "aunt", "3.1"),
                "r3": Relative("RO", "uncle", "3.2"),
            }
        },
        {
            "result": "found",
            "relatives": [
                {"id": "r1", "state": "RO", "relationship": "m" * 100 + "x"},
                {"id": "r2", "state": "UA", "relationship": "great-aunt"},
                {"id": "r4", "state": "UA", "relationship": "brother"},
            ],
        },
        {},
        {
            "relatives": {
                "r1": Relative("RO", "m" * 100, "7.0"),
                "r2": Relative("UA", "great-aunt", "3.1"),
                "r3": Relative("RO", "uncle", "3.2"),
                "r4": Relative("UA", "brother", "7.2"),
            },
            "tracing": TracingReported(7, "found", ("r1", "r2", "r4")),
        },
    ),
    (
        "assess_family",
        {"family": {"r2": FamilyAssessed(3, THEN, True, True, True)}},
        {"relative_id": "r1", "willing": True, "able": True, "safe": False},
        {},
        {"family": {"r2": FamilyAssessed(3, THEN, True, True, True), "r1": FAMILY_1}},
    ),
    (
        "assess_family",
        {},
        {"relative_id": "r1", "willing": True, "able": False, "safe": True},
        {},
        {"family": {"r1": FamilyAssessed(7, AT, True, False, True)}},
    ),
    *(
        (
            "guarantee_care",
            {"guarantee": before},
            {"by": by, **({"relative_id": "r1"} if by == "family" else {})},
            {},
            {} if stays else {"guarantee": CareGuaranteed(7, AT, by, "r1" if by == "family" else None)},
        )
        for before, by, stays in (
            (None, "family", False),
            (None, "authority", False),
            (CareGuaranteed(3, THEN, "family", "r2"), "family", False),
            (CareGuaranteed(3, THEN, "family", "r2"), "authority", False),
            (CareGuaranteed(3, THEN, "authority", None), "family", True),
            (CareGuaranteed(3, THEN, "authority", None), "authority", False),
        )
    ),
    ("hear_child", {}, {"wish": "return"}, {"counts": True}, {"hearing": Heard(7, AT, "return")}),
    (
        "hear_child",
        {"objection": OnRecord(3, THEN)},
        {"wish": "return"},
        {"counts": True, "lifts_objection": False},
        {"hearing": Heard(7, AT, "return")},
    ),
    (
        "hear_child",
        {"objection": OnRecord(3, THEN)},
        {"wish": "undecided"},
        {"counts": True, "lifts_objection": True},
        {"hearing": Heard(7, AT, "undecided"), "objection": None},
    ),
    (
        "hear_child",
        {"objection": OnRecord(3, THEN)},
        {"wish": "stay"},
        {"counts": True, "lifts_objection": True},
        {"hearing": Heard(7, AT, "stay"), "objection": ON},
    ),
    (
        "hear_child",
        {},
        {"wish": "stay"},
        {"counts": True, "objects": False},
        {"hearing": Heard(7, AT, "stay")},
    ),
    ("hear_child", {"hearing": Heard(3, THEN, "stay")}, {"wish": "return"}, {"counts": False}, {}),
    (
        "hear_child",
        {"hearing": Heard(3, THEN, "stay")},
        {"wish": "return"},
        {"counts": False, "corrects": 3},
        {"hearing": None},
    ),
    (
        "submit_assessment",
        {"assessors": ("someone", "officer-1")},
        {**OFFICER},
        {},
        {"assessed": ON},
    ),
    (
        "submit_assessment",
        {"assessors": ("someone",)},
        {**OFFICER},
        {},
        {"assessed": ON, "assessors": ("someone", "officer-1")},
    ),
    (
        "determine_best_interests",
        {"panel_members": ("p2", "p0"), "review_reached": True},
        {"solution": "postpone", "review_on": "2026-05-01", "panel": [{"id": "p1"}, {"id": "p2"}]},
        {"rests_on_guarantee": True},
        {
            "determination": Determined(7, AT, "postpone", date(2026, 5, 1), True),
            "panel_members": ("p2", "p0", "p1"),
            "review_reached": False,
        },
    ),
    (
        "determine_best_interests",
        {},
        {"solution": "return", "panel": []},
        {},
        {"determination": Determined(7, AT, "return", None, False)},
    ),
    (
        "appeal",
        {"appeals": APPEALS},
        {"against": "return"},
        {},
        {"appeals": (*APPEALS, AppealLodged(7, AT, "return"))},
    ),
    (
        "decide_appeal",
        {"appeals": APPEALS},
        {"result": "upheld"},
        {"appeal": 5, "against": "placement"},
        {"appeals": APPEALS[:1], "place_anew": ON, "court_found_danger": True},
    ),
    (
        "decide_appeal",
        {"appeals": APPEALS},
        {"result": "dismissed"},
        {"appeal": 5, "against": "placement"},
        {"appeals": APPEALS[:1]},
    ),
    (
        "decide_appeal",
        {"appeals": APPEALS},
        {"result": "upheld"},
        {"appeal": 3, "against": "age"},
        {"appeals": APPEALS[1:]},
    ),
    ("give_consent", {}, {**GUARDIAN, "given": True}, {}, {"guardian_consent": Consented(7, AT, "guardian-1")}),
    (
        "give_consent",
        {"guardian_consent": Consented(3, THEN, "x"), "objection": OnRecord(3, THEN)},
        {**GUARDIAN, "given": False},
        {},
        {"guardian_consent": None},
    ),
    (
        "give_consent",
        {"objection": OnRecord(3, THEN)},
        {**CHILD, "given": True},
        {},
        {"child_consent": Consented(7, AT, "the-child"), "objection": None},
    ),
    (
        "give_consent",
        {"child_consent": Consented(3, THEN, "the-child")},
        {**CHILD, "given": False},
        {},
        {"child_consent": None, "objection": ON},
    ),
    (
        "withdraw_consent",
        {"child_consent": Consented(3, THEN, "c"), "guardian_consent": Consented(3, THEN, "g")},
        {**CHILD},
        {},
        {"child_consent": None, "objection": ON},
    ),
    (
        "withdraw_consent",
        {"child_consent": Consented(3, THEN, "c"), "guardian_consent": Consented(3, THEN, "g")},
        {**GUARDIAN},
        {},
        {"guardian_consent": None},
    ),
    ("adopt_reintegration_plan", {}, {}, {}, {"reintegration_plan": ON}),
    ("assess_rights_impact", {}, {"safe": False}, {}, {"rights_impact": RightsImpact(7, AT, False)}),
    (
        "approve_return",
        {"approvals": {"x@host": Approved(3, THEN, "x")}},
        {**OFFICER},
        {"approval": "y@origin"},
        {"approvals": {"x@host": Approved(3, THEN, "x"), "y@origin": Approved(7, AT, "officer-1")}},
    ),
    (
        "certify_fit_to_travel",
        {},
        {"fit": False, "valid_until": "2026-05-01"},
        {},
        {"fitness": FitToTravel(7, False, date(2026, 5, 1))},
    ),
    ("plan_travel", {}, SAID_PLAN, {}, {"plan": PLAN}),
    (
        "plan_travel",
        {},
        {
            **SAID_PLAN,
            "legs": LEGS[2:],
            "handover": {"to": "child_protection", "placement": FLAT},
            "documents_ready": False,
        },
        {},
        {
            "plan": replace(
                PLAN,
                overnights=(),
                first_departure=datetime(2026, 4, 3, 6, tzinfo=UTC),
                handover_to="child_protection",
                handover_relative=None,
                handover_placement=FLAT,
                documents_ready=False,
            )
        },
    ),
    ("approve_travel", {}, {**OFFICER}, {}, {"travel_approval": Approved(7, AT, "officer-1")}),
    ("depart", {}, {}, {}, {"departed": ON}),
    ("report_incident", {}, {"what": "illness", "placement": HOME}, {}, placed(HOME, detained=False)),
    *(
        (
            "report_incident",
            {"plan": replace(PLAN, n=plan)},
            {"what": "illness", "placement": HOTEL},
            facts,
            {**placed(HOTEL, detained=False), "plan": replace(PLAN, n=plan, interrupted=7 if stops else None)},
        )
        for plan, facts, stops in (
            (3, {}, True),
            (7, {}, False),
            (5, {"corrects": 5}, False),
            (4, {"corrects": 5}, True),
        )
    ),
    (
        "report_incident",
        {},
        {"what": "child_objects", "placement": CELL},
        {},
        {**placed(CELL, detained=True), "objection": ON},
    ),
    (
        "report_incident",
        {},
        {"what": "child_objects", "placement": HOME},
        {"objects": False},
        placed(HOME, detained=False),
    ),
    ("arrive", {}, {}, {}, {"arrived": ON}),
    ("arrive", {}, {"placement": CELL}, {}, {**placed(CELL, detained=True), "arrived": ON}),
    (
        "record_visit",
        {"visits": {1: Visit(3, THEN, True)}},
        {"visit": 2, "safe": False},
        {},
        {"visits": {1: Visit(3, THEN, True), 2: Visit(7, AT, False)}},
    ),
    (
        "record_visit",
        {},
        {"visit": 1, "safe": True, "placement": HOTEL},
        {},
        {**placed(HOTEL, detained=False), "visits": {1: Visit(7, AT, True)}},
    ),
    ("grant_stay", {}, {}, {}, {"stay": ON}),
    ("arrange_third_country", {}, {}, {}, {"third_country": ON}),
    ("transfer_to_adult_services", {}, {}, {}, {"transferred": ON}),
    ("lodge_asylum_claim", {"asylum": "closed"}, {}, {}, {"asylum": "open"}),
    ("lodge_asylum_claim", {"asylum": "granted"}, {}, {}, {}),
    ("resolve_asylum_claim", {"asylum": "open"}, {"result": "granted"}, {}, {"asylum": "granted"}),
    ("resolve_asylum_claim", {"asylum": "open"}, {"result": "withdrawn"}, {}, {"asylum": "closed"}),
    (
        "suspend",
        {"suspensions": {"crisis": Suspended(3, "x", None)}},
        {**OFFICER, "ground": "health", "until": "2026-05-01"},
        {},
        {
            "suspensions": {
                "crisis": Suspended(3, "x", None),
                "health": Suspended(7, "officer-1", date(2026, 5, 1)),
            }
        },
    ),
    (
        "suspend",
        {},
        {**OFFICER, "ground": "other"},
        {},
        {"suspensions": {"other": Suspended(7, "officer-1", None)}},
    ),
    (
        "resume",
        {"suspensions": {"crisis": Suspended(3, "x", None), "health": Suspended(4, "x", None)}},
        {"ground": "crisis"},
        {},
        {"suspensions": {"health": Suspended(4, "x", None)}},
    ),
    (
        "complain",
        {"complaints": (Complaint(3, THEN),)},
        {},
        {},
        {"complaints": (Complaint(3, THEN), Complaint(7, AT))},
    ),
    (
        "answer_complaint",
        {"complaints": (Complaint(3, THEN), Complaint(5, THEN))},
        {"complaint": 3},
        {},
        {"complaints": (Complaint(5, THEN),)},
    ),
    (
        "assign",
        {"caseworkers": {"MD": "a", "UA": "b"}},
        {**OFFICER, "caseworker": {"id": "c"}},
        {},
        {"caseworkers": {"MD": "a", "UA": "c"}},
    ),
    ("note", {}, {"text": "invented"}, {}, {}),
    ("decline_return", {}, {}, {}, {}),
    # A round begins: what was found in the one before falls away, and a stay that was granted stands.
    (
        "reopen_best_interests",
        {
            "hearing": Heard(3, THEN, "return"),
            "assessed": OnRecord(3, THEN),
            "determination": Determined(3, THEN, "return", None, False),
            "review_reached": True,
            "third_country": OnRecord(3, THEN),
            "stay": OnRecord(3, THEN),
        },
        {},
        {"round": 2},
        {
            "round": 2,
            "hearing": None,
            "assessed": None,
            "determination": None,
            "review_reached": False,
            "third_country": None,
        },
    ),
    ("note", {"hearing": Heard(3, THEN, "return"), "round": 2}, {}, {"round": 2}, {}),
    # A correction
    ("correct", {}, {}, {"corrects": 3, "of": "depart"}, {}),
]


@pytest.mark.parametrize(("act", "before", "said", "facts", "made"), ACTS, ids=[row[0] for row in ACTS])
def test_an_accepted_act_changes_what_it_is_about(
    act: str, before: Facts, said: Facts, facts: Facts, made: Facts
) -> None:
    """With the entry's number and moment, and nothing else in the case."""
    draft = Draft(kind="accepted", act=act, facts=facts, body={"act": said})
    assert apply(bare(**before), draft, 7, AT) == bare(**{**before, **made})


CORRECTED: Final[list[tuple[Facts, Facts, Facts, Facts]]] = [
    ({"of": "assess_age"}, {}, {"result": "doubt"}, {"age_assessed": AgeAssessed(7, THEN, "doubt")}),
    (
        {"of": "record_visit", "moves": False},
        {},
        {"visit": 1, "safe": True, "placement": CELL},
        {"visits": {1: Visit(7, THEN, True)}},
    ),
    (
        {"of": "record_visit"},
        {},
        {"visit": 1, "safe": True, "placement": CELL},
        {**placed(CELL, detained=True), "visits": {1: Visit(7, THEN, True)}},
    ),
    ({"of": "complain"}, {}, {}, {"complaints": (Complaint(7, THEN),)}),
    ({"of": "no such act"}, {}, {}, {}),
]


@pytest.mark.parametrize(("facts", "before", "said", "made"), CORRECTED)
def test_a_correction_folds_what_is_said_now_with_the_moment_of_then(
    facts: Facts, before: Facts, said: Facts, made: Facts
) -> None:
    """Under its own number; of a placement only where it says where the child is now."""
    told = {**facts, "corrects": 3, "as_of": "2026-02-02T09:00:00Z"}
    draft = Draft(kind="accepted", act="correct", facts=told, body={"act": {}, "as_corrected": said})
    assert apply(bare(**before), draft, 7, AT) == bare(**{**before, **made})


INTAKE: Final[Facts] = {
    "host_state": "MD",
    "origin_state": "UA",
    "opened_by": {"id": "authority-1"},
    "situation": "separated",
    "child": {"date_of_birth": "2012-01-01", "estimated_age": 14, "languages": ["uk", "ro"]},
    "relatives": [
        {"id": "r1", "state": "UA", "relationship": "m" * 100 + "x"},
        {"id": "r2", "state": "RO", "relationship": "aunt"},
    ],
    "placement": HOME,
}
KNOWN: Final[Facts] = {
    "situation": "separated",
    "languages": ("uk", "ro"),
    "relatives": {"r1": Relative("UA", "m" * 100), "r2": Relative("RO", "aunt")},
    "date_of_birth": BORN,
    "estimated_age": 14,
}


@pytest.mark.parametrize(
    ("intake", "facts", "made"),
    [
        ({}, {}, placed(HOME, detained=False)),
        ({"placement": CELL}, {"signatures": "required"}, {**placed(CELL, detained=True), "signed": True}),
        ({}, {"signatures": "not_required"}, placed(HOME, detained=False)),
        (
            {"child": {"languages": []}},
            {},
            {**placed(HOME, detained=False), "languages": (), "date_of_birth": None, "estimated_age": None},
        ),
    ],
)
def test_an_opening_makes_a_case_of_its_intake(intake: Facts, facts: Facts, made: Facts) -> None:
    """With the moment it was opened, by whom, and under which rules and terms."""
    told = {"reference": "MD-UA-2026-7K3F9A", "procedure_version": "1.0.0", **facts}
    draft = Draft(kind="opened", facts=told, body={"intake": {**INTAKE, **intake}, "agreement": {}})
    agreement: Any = "an agreement"
    opened = opening(draft, 7, THEN, agreement)
    assert opened == bare(**{**KNOWN, "last_material": 7, **made, "agreement": agreement})


@pytest.mark.parametrize("moves", [True, False])
@pytest.mark.parametrize(
    ("before", "kept"),
    [
        ({}, {}),
        ({"identity": Identity(3, "presumed", False)}, {}),
        (
            {"identity": Identity(3, "verified", True), "date_of_birth": YOUNGER, "estimated_age": 9},
            {"date_of_birth": YOUNGER, "estimated_age": 9},
        ),
        (
            {"relatives": {"r2": Relative("UA", "great-aunt", "5.0"), "r3": Relative("UA", "uncle")}},
            {"relatives": {"r1": Relative("UA", "m" * 100), "r2": Relative("UA", "great-aunt", "5.0")}},
        ),
    ],
)
def test_a_corrected_intake_leaves_what_was_told_later(before: Facts, kept: Facts, *, moves: bool) -> None:
    """A date of birth by a report of identity, a relative by the tracing; where the child is, unless it still moves."""
    facts = {"corrects": 1, "of": "opened", "as_of": "2026-02-02T09:00:00Z", **({"moves": True} if moves else {})}
    draft = Draft(
        kind="accepted", act="correct", facts=facts, body={"act": {}, "as_corrected": {**INTAKE, "placement": CELL}}
    )
    made = {**KNOWN, **kept, **(placed(CELL, detained=True) if moves else {})}
    assert apply(bare(**before), draft, 7, AT) == bare(**{**before, **made})


# Entries that are no act

DUE: Final = datetime(2026, 3, 1, tzinfo=UTC)
OPEN: Final = Deadline(due=DUE, since=THEN, ground="g")
MET: Final = Deadline(due=DUE, since=THEN, met=THEN)
LINES: Final = {"a": OPEN, "b": MET, "emergency_placement": OPEN, "review": OPEN}


@pytest.mark.parametrize(
    ("kind", "before", "facts", "body", "made"),
    [
        ("detention", {}, {}, {}, {"detained": True}),
        (
            "detention",
            {},
            {},
            {"placement": CELL},
            {"detained": True, "placement": CELL, "placement_n": 7},
        ),
        ("hold", {"holds": ("asylum",)}, {"hold": "appeal"}, {}, {"holds": ("asylum", "appeal")}),
        ("hold_lifted", {"holds": ("asylum", "appeal")}, {"hold": "asylum"}, {}, {"holds": ("appeal",)}),
        ("turned_18", {}, {"holds": True}, {}, {"turned_18": True, "adulthood_holds": True}),
        ("turned_18", {}, {"holds": False}, {}, {"turned_18": True}),
        ("stage", {}, {"stage": "travel", "was": "decision"}, {}, {"stage": "travel"}),
        ("closed", {}, {"outcome": "adult"}, {}, {"closed": True, "outcome": "adult", "stage": "closed"}),
        ("refused", {}, {}, {"act": {}}, {}),
        ("escalated", {}, {"level": 1, "safeguard": "handover-into-care"}, {}, {}),
        (
            "escalated",
            {"deadlines": LINES},
            {"key": "a", "deadline": "a", "level": 2},
            {},
            {"deadlines": {**LINES, "a": replace(OPEN, escalations=2)}},
        ),
        (
            "overdue",
            {"deadlines": LINES},
            {"key": "a", "deadline": "a"},
            {},
            {"deadlines": {**LINES, "a": replace(OPEN, overdue=True)}},
        ),
        (
            "overdue",
            {"deadlines": LINES},
            {"key": "b", "deadline": "b"},
            {},
            {"deadlines": {**LINES, "b": replace(MET, overdue=True)}},
        ),
        ("overdue", {"deadlines": LINES}, {"key": "z", "deadline": "z"}, {}, {}),
        (
            "overdue",
            {"deadlines": LINES},
            {"key": "emergency_placement", "deadline": "emergency_placement"},
            {},
            {
                "deadlines": {**LINES, "emergency_placement": replace(OPEN, overdue=True)},
                "emergency_overdue": True,
            },
        ),
        (
            "overdue",
            {"deadlines": LINES},
            {"key": "review", "deadline": "review"},
            {},
            {"deadlines": {**LINES, "review": replace(OPEN, overdue=True)}, "review_reached": True},
        ),
        (
            "stage",
            {"moves_to": "9.9.9"},
            {"stage": "travel", "procedure_version": "9.9.9"},
            {},
            {"stage": "travel", "procedure_version": "9.9.9", "moves_to": None},
        ),
        ("stage", {"moves_to": "9.9.9"}, {"stage": "travel"}, {}, {"stage": "travel"}),
        (
            "refused",
            {"turned_18": True, "adulthood_holds": True},
            {"still_a_child": True},
            {},
            {"turned_18": False, "adulthood_holds": False},
        ),
        (
            "refused",
            {},
            {"appeal_window_ends": "2026-03-01T00:00:00Z"},
            {},
            {"appeal_window_ends": DUE},
        ),
    ],
)
def test_an_entry_that_is_no_act_changes_what_it_says(
    kind: Any, before: Facts, facts: Facts, body: Facts, made: Facts
) -> None:
    """A refusal changes nothing; of the deadlines, those that run are told apart from those that are met."""
    then = apply(bare(**before), Draft(kind=kind, facts=facts, body=body), 7, AT)
    expected = bare(**{**before, **made})
    assert then == expected
    assert then.running == expected.running
    assert list(then.running) == list(expected.running)


VOIDABLE: Final[Facts] = {
    "approvals": {"x@host": Approved(1, THEN, "x"), "y@origin": Approved(2, THEN, "y")},
    "guardian_consent": Consented(3, THEN, "g"),
    "child_consent": Consented(4, THEN, "c"),
    "plan": replace(PLAN, n=5),
    "travel_approval": Approved(6, THEN, "t"),
    "departed": OnRecord(8, THEN),
    "age_assessed": AgeAssessed(9, THEN, "adult"),
    "objection": OnRecord(10, THEN),
}


@pytest.mark.parametrize("numbers", [[n] for n in range(12)] + [[1, 2], [3, 10], list(range(12))])
def test_what_an_entry_voids_loses_its_force_and_nothing_else_does(numbers: list[int]) -> None:
    """By the number of the entry that recorded it."""
    made: Facts = {name: None if fact.n in numbers else fact for name, fact in VOIDABLE.items() if name != "approvals"}
    made["approvals"] = {who: fact for who, fact in VOIDABLE["approvals"].items() if fact.n not in numbers}
    draft = Draft(kind="refused", facts={"voids": numbers})
    assert apply(bare(**VOIDABLE), draft, 20, AT) == bare(**made)
    assert apply(bare(), draft, 20, AT) == bare()


STILL: Final = replace(OPEN, stands_still_since=THEN)


@pytest.mark.parametrize(
    ("changes", "made"),
    [
        ({}, [("a", OPEN), ("b", MET), ("c", STILL)]),
        ({"dropped": ["a"]}, [("b", MET), ("c", STILL)]),
        ({"dropped": ["a", "z"]}, [("b", MET), ("c", STILL)]),
        ({"dropped": ["b"]}, [("a", OPEN), ("c", STILL)]),
        ({"met": ["a"]}, [("a", replace(OPEN, met=AT)), ("b", MET), ("c", STILL)]),
        ({"met": ["c"]}, [("a", OPEN), ("b", MET), ("c", replace(OPEN, met=AT))]),
        ({"met": ["b"]}, [("a", OPEN), ("b", replace(MET, met=AT)), ("c", STILL)]),
        (
            {"set": {"a": ["2026-05-01T00:00:00Z", "h"], "d": ["2026-06-01T00:00:00Z", ""]}},
            [
                ("b", MET),
                ("c", STILL),
                ("a", Deadline(due=datetime(2026, 5, 1, tzinfo=UTC), since=AT, ground="h")),
                ("d", Deadline(due=datetime(2026, 6, 1, tzinfo=UTC), since=AT)),
            ],
        ),
        (
            {"set": {"b": ["2026-05-01T00:00:00Z", ""]}},
            [("a", OPEN), ("c", STILL), ("b", Deadline(due=datetime(2026, 5, 1, tzinfo=UTC), since=AT))],
        ),
        ({"stand_still": ["a"]}, [("a", replace(OPEN, stands_still_since=AT)), ("b", MET), ("c", STILL)]),
        (
            {"go_on": {"c": "2026-05-01T00:00:00Z"}},
            [("a", OPEN), ("b", MET), ("c", replace(OPEN, due=datetime(2026, 5, 1, tzinfo=UTC)))],
        ),
        (
            {"extended": {"a": ["2026-05-01T00:00:00Z", 3]}},
            [("a", replace(OPEN, due=datetime(2026, 5, 1, tzinfo=UTC), extended=3)), ("b", MET), ("c", STILL)],
        ),
        (
            {
                "dropped": ["b"],
                "set": {"e": ["2026-05-01T00:00:00Z", ""]},
                "stand_still": ["e"],
                "extended": {"c": ["2026-05-01T00:00:00Z", 2]},
            },
            [
                ("a", OPEN),
                ("c", replace(STILL, due=datetime(2026, 5, 1, tzinfo=UTC), extended=2)),
                ("e", Deadline(due=datetime(2026, 5, 1, tzinfo=UTC), since=AT, stands_still_since=AT)),
            ],
        ),
    ],
)
def test_deadlines_become_what_an_entry_says(changes: Facts, made: list[tuple[str, Deadline]]) -> None:
    """In their order: one that starts anew stands last; those that run are kept apart."""
    before = bare(deadlines={"a": OPEN, "b": MET, "c": STILL})
    for then in (
        with_deadlines(before, changes, AT),
        apply(before, Draft(kind="refused", facts={"deadlines": changes}), 7, AT),
    ):
        assert list(then.deadlines.items()) == made
        assert list(then.running.items()) == [(key, deadline) for key, deadline in made if deadline.met is None]
    assert list(before.deadlines) == list("abc")


def test_days_added_a_second_time_are_added_to_the_first() -> None:
    """However often a deadline is extended."""
    changes = {"extended": {"a": ["2026-05-01T00:00:00Z", 3]}}
    then = with_deadlines(with_deadlines(bare(deadlines={"a": OPEN}), changes, AT), changes, AT)
    assert then.deadlines["a"].extended == 6


@pytest.mark.parametrize(
    ("kind", "act", "material", "refused"),
    [
        ("accepted", "depart", True, 0),
        *(("accepted", act, False, 0) for act in sorted(IMMATERIAL)),
        ("refused", "depart", False, 1),
        ("stage", None, False, 0),
    ],
)
def test_an_entry_is_counted(kind: Any, act: str | None, refused: int, *, material: bool) -> None:
    """Its number, hash and moment; whether it was a refusal; whether an approver must read the dossier again."""
    entry = as_if(Draft(kind=kind, act=act, body={"act": {}}, facts={"stage": "travel"}), n=7, at=AT)
    before = bare(n=6, refused=2, last_material=4)
    made: Facts = {"n": 7, "head": entry.hash, "recorded_at": AT, "refused": 2 + refused}
    assert recorded(before, entry) == before.but(**made, last_material=7 if material else 4)


def test_what_does_not_count_for_an_approver_is_little() -> None:
    """A note, an assignment, services and complaints."""
    assert {"note", "assign", "confirm_services", "complain", "answer_complaint"} == IMMATERIAL


def test_entries_fold_one_after_the_other() -> None:
    """Each is applied and counted; without a first there is no case."""
    stage = as_if(Draft(kind="stage", facts={"stage": "travel"}), n=2, at=AT)
    assert after(bare(n=1), stage) == bare(n=2, stage="travel", head=stage.hash, recorded_at=AT)
    with pytest.raises(ValueError, match=r"^a case has at least one entry$"):
        fold([])
