"""Who may do what: the contract's table, written down a second time, against every role, act and state."""

from typing import Any

import pytest
from courses import Course, model

from procedure.acts import ACTS, DECISIONS, parse_act
from procedure.safeguards.asked import Asked
from procedure.vocabulary import ROLES
from procedure.who_may import not_your_act

HOST, ORIGIN = "MD", "UA"
ALL_BUT_MACHINES = [role for role in ROLES if role not in ("auditor", "system")]
ALL_BUT_POLICE = [role for role in ALL_BUT_MACHINES if role != "law_enforcement"]
BOTH = (HOST, ORIGIN)

MUST: dict[str, dict[str, tuple[str, ...]]] = {
    "verify_identity": {"caseworker": (HOST,), "central_authority": (HOST,), "consulate": (HOST,)},
    "assess_age": {"child_protection_authority": (HOST,)},
    "screen_protection": {"caseworker": (HOST,), "child_protection_authority": (HOST,)},
    "place_child": {"child_protection_authority": (HOST,), "caseworker": (HOST,)},
    "confirm_services": {"caseworker": (HOST,)},
    "report_detention": dict.fromkeys(ALL_BUT_MACHINES, BOTH),
    "confirm_release": dict.fromkeys(["caseworker", "legal_counsel", "ombudsperson", "monitor"], BOTH),
    "report_missing": dict.fromkeys(ALL_BUT_MACHINES, BOTH),
    "report_found": dict.fromkeys(ALL_BUT_MACHINES, BOTH),
    "appoint_guardian": {"guardianship_authority": (HOST,)},
    "replace_guardian": {"guardianship_authority": (HOST,)},
    "appoint_counsel": dict.fromkeys(["guardianship_authority", "central_authority", "court"], (HOST,)),
    "open_tracing": {"caseworker": (HOST,)},
    "report_tracing": dict.fromkeys(["tracing_service", "central_authority", "consulate", "caseworker"], BOTH),
    "assess_family": {"caseworker": (ORIGIN,), "central_authority": (ORIGIN,)},
    "guarantee_care": {"central_authority": (ORIGIN,), "relative": (ORIGIN,)},
    "hear_child": dict.fromkeys(["guardian", "caseworker", "bid_panel"], (HOST,)),
    "submit_assessment": {"caseworker": (HOST,)},
    "determine_best_interests": {"bid_panel": (HOST,)},
    "reopen_best_interests": dict.fromkeys(
        ["guardian", "legal_counsel", "caseworker", "bid_panel", "monitor", "ombudsperson", "court"], BOTH
    ),
    "appeal": dict.fromkeys(["child", "guardian", "legal_counsel", "relative", "ombudsperson"], (HOST,)),
    "decide_appeal": {"court": (HOST,)},
    "give_consent": {"child": (HOST,), "guardian": (HOST,)},
    "withdraw_consent": {"child": (HOST,), "guardian": (HOST,)},
    "adopt_reintegration_plan": {"central_authority": (ORIGIN,), "caseworker": BOTH},
    "assess_rights_impact": dict.fromkeys(["caseworker", "monitor", "ombudsperson"], BOTH),
    "approve_return": {"central_authority": BOTH},
    "decline_return": {"central_authority": BOTH},
    "certify_fit_to_travel": {"health_worker": (HOST,)},
    "plan_travel": {"caseworker": (HOST,), "central_authority": (HOST,)},
    "approve_travel": {"child_protection_authority": (HOST,)},
    "depart": {"escort": (HOST,)},
    "report_incident": {"escort": BOTH, "caseworker": BOTH},
    "arrive": {"escort": BOTH, "central_authority": (ORIGIN,), "caseworker": (ORIGIN,)},
    "record_visit": {"monitor": (ORIGIN,), "caseworker": (ORIGIN,)},
    "grant_stay": {"central_authority": (HOST,)},
    "arrange_third_country": {"central_authority": (HOST,)},
    "transfer_to_adult_services": {"child_protection_authority": (HOST,)},
    "close_case": {"central_authority": BOTH},
    "lodge_asylum_claim": dict.fromkeys(["child", "guardian", "legal_counsel", "caseworker", "escort"], (HOST,)),
    "resolve_asylum_claim": {"asylum_authority": (HOST,), "court": (HOST,)},
    "suspend": dict.fromkeys(["central_authority", "child_protection_authority", "caseworker"], BOTH),
    "resume": dict.fromkeys(["central_authority", "child_protection_authority", "caseworker"], BOTH),
    "complain": dict.fromkeys(ALL_BUT_POLICE, BOTH),
    "answer_complaint": {"ombudsperson": (HOST,), "court": (HOST,)},
    "assign": {"central_authority": (HOST,), "caseworker": (HOST,)},
    "extend_deadline": {"central_authority": (HOST,)},
    "correct": dict.fromkeys(ALL_BUT_POLICE, BOTH),
    "note": dict.fromkeys(ALL_BUT_POLICE, BOTH),
}
"""Everyone whom the contract's section 3 names, in the states that it names. All of them must be let through."""

BESIDES: dict[str, dict[str, tuple[str, ...]]] = {
    "verify_identity": {"consulate": (ORIGIN,)},
    "hear_child": {"guardian": (ORIGIN,)},
    "appeal": dict.fromkeys(["child", "guardian", "legal_counsel", "relative"], (ORIGIN,)),
    "give_consent": {"child": (ORIGIN,), "guardian": (ORIGIN,)},
    "withdraw_consent": {"child": (ORIGIN,), "guardian": (ORIGIN,)},
    "guarantee_care": {"relative": (HOST,)},
    "depart": {"escort": (ORIGIN,)},
    "record_visit": {"monitor": (HOST,)},
    "lodge_asylum_claim": dict.fromkeys(["child", "guardian", "legal_counsel", "escort"], (ORIGIN,)),
}
"""People known by name, who may also be registered in the other state. Nobody else is let through."""

IN_OFFICE = {"guardian": "guardian-1", "legal_counsel": "counsel-1", "escort": "escort-1"}


@pytest.fixture(scope="module")
def course() -> Course:
    """A case with a guardian, counsel and an escort."""
    return Course().planned()


@pytest.fixture(scope="module")
def after_arrival() -> Course:
    """A case whose child has arrived in the origin state."""
    return Course().arrived()


def refused(course: Course, act: str, role: str, state: str, person: str | None = None) -> bool:
    """Whether not-your-act would refuse this act of this person."""
    actor = {"id": person or IN_OFFICE.get(role, f"{role}-1"), "role": role, "state": state}
    fields: dict[str, Any] = {"by": "family"} if act == "guarantee_care" and role == "relative" else {}
    said = parse_act(course.act(act, actor, **fields))
    return any(not_your_act(Asked(course.case, said, course.at, course.proceedings._ledger)))  # pyright: ignore[reportPrivateUsage]


def test_the_table_names_every_act() -> None:
    """No act goes without somebody who may do it."""
    assert set(ACTS) == set(MUST)


@pytest.mark.parametrize("act", MUST)
def test_who_may_do(act: str, course: Course) -> None:
    """Every role of either state: those of the table pass, everyone else is refused by not-your-act."""
    for role in ROLES:
        for state in BOTH:
            allowed = state in MUST[act].get(role, ()) or state in BESIDES.get(act, {}).get(role, ())
            assert allowed != refused(course, act, role, state), (act, role, state)


@pytest.mark.parametrize("act", MUST)
def test_nobody_of_the_table_loses_a_part_when_the_child_has_arrived(act: str, after_arrival: Course) -> None:
    """After arrival the contract's people may still speak; care in the origin state is added to them."""
    for role, states in MUST[act].items():
        for state in states:
            assert not refused(after_arrival, act, role, state), (act, role, state)


@pytest.mark.parametrize(
    ("act", "who"),
    [
        ("place_child", "origin protection"),
        ("place_child", "origin caseworker"),
        ("confirm_services", "origin caseworker"),
        ("replace_guardian", "origin guardianship"),
    ],
)
def test_care_in_the_origin_state_begins_with_the_arrival(
    act: str, who: str, course: Course, after_arrival: Course
) -> None:
    """Before it, the origin's authorities have no part in the child's care; after it, somebody there must."""
    person = course.person(who)
    assert refused(course, act, person["role"], ORIGIN)
    assert not refused(after_arrival, act, person["role"], ORIGIN)


@pytest.mark.parametrize("role", ["auditor", "system"])
def test_auditors_and_systems_record_nothing(role: str, course: Course) -> None:
    """Not one act, in neither state."""
    assert all(refused(course, act, role, state) for act in ACTS for state in BOTH)


def test_the_firewall_lets_law_enforcement_report_three_things_only(course: Course) -> None:
    """Missing, found, detained; and every attempt at more is on record."""
    allowed = {act for act in ACTS if not refused(course, act, "law_enforcement", HOST)}
    assert {"report_missing", "report_found", "report_detention"} == allowed


@pytest.mark.parametrize("role", IN_OFFICE)
def test_only_the_one_in_office_speaks_in_that_office(role: str, course: Course) -> None:
    """Another guardian, counsel or escort is nobody in this case."""
    acts = [act for act in ACTS if role in MUST[act]]
    assert acts
    assert all(refused(course, act, role, HOST, "somebody-else") for act in acts)


@pytest.mark.parametrize("role", IN_OFFICE)
def test_nobody_holds_an_office_before_it_is_filled(role: str) -> None:
    """At the opening there is no guardian, no counsel and no escort."""
    course = Course()
    assert all(refused(course, act, role, HOST) for act in ACTS)


def test_a_case_assigned_to_one_caseworker_is_not_anothers() -> None:
    """In the state of the assignment only; a supervisor's new assignment changes it."""
    course = Course().does("assign", caseworker={"id": "caseworker-7"})
    assert {"not-your-act"} == course.refused("note", "caseworker")
    course.does("note", {"id": "caseworker-7", "role": "caseworker", "state": HOST})
    course.does("note", "origin caseworker")
    assert {"not-your-act"} == course.refused("assign", "caseworker")
    course.does("assign", "authority", caseworker={"id": "caseworker-1"}).does("note", "caseworker")


def test_a_relative_abroad_is_assessed_in_the_state_where_they_live() -> None:
    """A third state's caseworker assesses its own resident, and nobody else's."""
    course = Course().represented()
    course.does("report_tracing", relatives=[{"id": "r2", "relationship": "aunt", "state": "RO"}])
    assert {"not-your-act"} == course.refused("assess_family", relative_id="r2")
    romanian = {"id": "cw-ro", "role": "caseworker", "state": "RO"}
    assert {"not-your-act"} == course.refused("assess_family", romanian, relative_id="r1")
    course.does("assess_family", romanian, relative_id="r2")


def test_a_refusal_says_whose_act_it_is() -> None:
    """Who is refused learns who is not, and of which state; law enforcement learns what alone is its own."""

    def told(who: str) -> Any:
        receipt = Course().say("approve_return", who)
        return next(refusal for refusal in receipt["refusals"] if refusal["safeguard"] == "not-your-act")

    assert "caseworker" in told("caseworker")["message"]
    assert told("caseworker")["instead"] == "It is done by: central authority of MD or UA."
    assert "law enforcement" in told("police")["message"]
    assert "missing, found or detained, and nothing else" in told("police")["instead"]


def test_a_third_state_has_no_part_but_to_raise_an_alarm(course: Course) -> None:
    """Only reports of a child missing, found or detained, and complaints, come from anywhere."""
    passes = {act for act in ACTS if not refused(course, act, "central_authority", "RO")}
    assert {"report_missing", "report_found", "report_detention", "complain", "correct"} == passes


def test_an_agreement_may_ask_further_authorities_to_approve() -> None:
    """An approval asked beyond the floor is that authority's act, and owed by it."""
    asks = (*model().approvals, "child_protection_authority@origin")
    course = Course(agreement=model().model_copy(update={"approvals": asks})).approved().wait(days=15)
    assert "decision" == course.stage
    assert ("approve_return", "child_protection_authority", ORIGIN) in course.awaited()
    assert "approval-of-both-states" in course.refused("plan_travel")
    course.does("approve_return", "origin protection").wait(days=15).does("plan_travel")


def test_decisions_and_reports_are_those_of_the_contract() -> None:
    """A decision can be refused by a safeguard, a report cannot."""
    assert {
        "assess_age",
        "place_child",
        "appoint_guardian",
        "replace_guardian",
        "appoint_counsel",
        "open_tracing",
        "guarantee_care",
        "determine_best_interests",
        "reopen_best_interests",
        "decide_appeal",
        "give_consent",
        "adopt_reintegration_plan",
        "approve_return",
        "decline_return",
        "plan_travel",
        "approve_travel",
        "depart",
        "grant_stay",
        "arrange_third_country",
        "transfer_to_adult_services",
        "close_case",
        "resolve_asylum_claim",
        "suspend",
        "resume",
        "answer_complaint",
        "assign",
        "extend_deadline",
    } == set(DECISIONS)
