"""Each safeguard of the contract: an act that it refuses, and the nearest act that it lets through."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from courses import FAMILY, FOSTER, HOTEL, PANEL, STATION, Course

from procedure.ledger import Ledger
from procedure.safeguards.asked import Asked
from procedure.safeguards.travel import handover_in_force
from procedure.vocabulary import SAFEGUARD_NAMES

SOURCES = {
    "no-detention": ["CRC art. 37(b)", "GC23", "recommendation 4"],
    "guardian-first": ["GC6 paras 21, 33", "GC23 para 17(i)", "recommendation 3"],
    "guardian-independence": ["GC6 para 33", "para 103"],
    "counsel-first": ["GC6 para 36", "GC23 para 17(f)", "recommendation 3"],
    "counsel-free": ["GC6 para 36", "GC23 para 17(f)", "recommendation 3"],
    "benefit-of-doubt": ["GC6 para 31(i)", "GC23 para 4"],
    "child-heard": ["CRC art. 12", "GC22 paras 34-39", "recommendation 1"],
    "no-contact-with-origin": ["GC6 para 80", "GC22"],
    "safe-family": ["GC6 paras 84-85", "2008/115/EC art. 10(2)"],
    "care-guaranteed": ["GC6 paras 84-85", "2008/115/EC art. 10(2)"],
    "bid-before-return": ["GC22 paras 27-33", "recommendation 2"],
    "bid-panel": ["Best Interests Procedure", "GC14 para 94", "recommendation 2"],
    "options-considered": ["GC22 para 32(j)", "recommendation 2"],
    "non-refoulement": ["CRC art. 22", "GC6 paras 26-28, 82", "recommendation 1"],
    "appeal-suspends": ["GC23 para 17", "GC14 para 98", "2008/115/EC art. 13"],
    "consent": ["note 12(v)", "Best Interests Procedure"],
    "reintegration-plan": ["GC22 para 32(k)", "recommendation 2"],
    "rights-impact": ["Strik"],
    "approval-of-both-states": ["OSCE"],
    "four-eyes": ["good administration"],
    "stale-dossier": ["Integrity"],
    "stale-evidence": ["GC14 paras 84, 90"],
    "fit-to-travel": ["GC6 para 84"],
    "travel-approved": ["Integrity"],
    "escort-from-child-protection": ["note 12(v)", "recommendation 3"],
    "handover-into-care": ["note 12(v)"],
    "family-unity": ["CRC art. 9", "recommendation 4"],
    "monitoring-complete": ["GC22 para 32(k)", "recommendation 2"],
    "held": ["part 5"],
    "not-your-act": ["contract"],
    "out-of-order": ["procedure"],
    "closed-case": ["procedure"],
    "extension-limit": ["part 4"],
    "well-formed": ["ontract"],
}
"""Words of each source that a refusal must cite (procedure.md, part 3)."""


@dataclass(frozen=True)
class Neighbours:
    """Two acts that differ in one thing: the first breaks the safeguard, the second does not."""

    says: str
    reach: Callable[[], Course]
    act: str
    safeguard: str
    wrong: dict[str, Any]
    right: dict[str, Any]
    who: str | None = None


def given(situation: str = "unaccompanied") -> Callable[[], Course]:
    return lambda: Course(situation=situation)


def member(**changes: Any) -> list[dict[str, Any]]:
    """The panel with its first member changed."""
    return [{**PANEL[0], **changes}, *PANEL[1:]]


def guardian(**changes: Any) -> dict[str, Any]:
    return {"guardian": {"id": "guardian-1", "kind": "professional", **changes}}


def handover(**changes: Any) -> dict[str, Any]:
    return {"handover": {"to": "family", "relative_id": "r1", "placement": FAMILY, **changes}}


ENFORCERS = ("police", "border", "immigration", "penitentiary", "military", "private_security")

BY_FIELDS = [
    Neighbours(
        "a locked shelter is no placement, an open one is",
        given(),
        "place_child",
        "no-detention",
        {"placement": {**FOSTER, "locked": True}},
        {"placement": {**FOSTER, "locked": False}},
    ),
    Neighbours(
        "a night behind a locked gate is no part of a journey, an open night is",
        lambda: Course().decided(),
        "plan_travel",
        "no-detention",
        handover(placement={**FAMILY, "guarded": True}),
        handover(placement={**FAMILY, "guarded": False}),
    ),
    Neighbours(
        "a closed place in a third country is refused, an open one taken",
        lambda: Course().determined("third_country"),
        "arrange_third_country",
        "no-detention",
        {"placement": {**FAMILY, "child_may_leave_at_will": None}},
        {"placement": FAMILY},
    ),
    Neighbours(
        "a guardian is declared independent",
        lambda: Course().identified(),
        "appoint_guardian",
        "guardian-independence",
        {"independent": False},
        {"independent": True},
    ),
    *(
        Neighbours(
            f"a guardian is not employed by {body}",
            lambda: Course().identified(),
            "appoint_guardian",
            "guardian-independence",
            guardian(employer=body),
            guardian(employer="ngo"),
        )
        for body in ENFORCERS
    ),
    Neighbours(
        "nobody appoints themselves guardian",
        given(),
        "appoint_guardian",
        "guardian-independence",
        guardian(id="guardianship-1"),
        guardian(),
    ),
    Neighbours(
        "the opener is not the guardian",
        given(),
        "appoint_guardian",
        "guardian-independence",
        guardian(id="authority-1"),
        guardian(),
    ),
    Neighbours(
        "the caseworker assigned is not the guardian",
        lambda: Course().does("assign", caseworker={"id": "caseworker-1"}),
        "appoint_guardian",
        "guardian-independence",
        guardian(id="caseworker-1"),
        guardian(),
    ),
    Neighbours(
        "a panel member does not become the guardian",
        lambda: Course().determined(),
        "replace_guardian",
        "guardian-independence",
        guardian(id="panel-3"),
        guardian(id="guardian-2"),
    ),
    Neighbours(
        "counsel costs the child nothing",
        given(),
        "appoint_counsel",
        "counsel-free",
        {"free_of_charge": False},
        {"free_of_charge": True},
    ),
    Neighbours(
        "counsel is not the guardian",
        lambda: Course().does("appoint_guardian"),
        "appoint_counsel",
        "counsel-free",
        {"counsel": {"id": "guardian-1"}},
        {"counsel": {"id": "counsel-1"}},
    ),
    Neighbours(
        "one method shows nobody to be an adult, two may",
        lambda: Course().represented(),
        "assess_age",
        "benefit-of-doubt",
        {"result": "adult", "methods": ["a wrist x-ray"]},
        {"result": "adult", "methods": ["interview", "paediatrics"]},
    ),
    Neighbours(
        "the same method named twice is one method",
        lambda: Course().represented(),
        "assess_age",
        "benefit-of-doubt",
        {"result": "adult", "methods": ["Interview", "interview "]},
        {"result": "doubt", "methods": ["Interview", "interview "]},
    ),
    Neighbours(
        "nobody is found an adult without the guardian",
        lambda: Course().represented(),
        "assess_age",
        "benefit-of-doubt",
        {"result": "adult", "guardian_present": False},
        {"result": "adult", "guardian_present": True},
    ),
    Neighbours(
        "tracing needs the child to agree",
        lambda: Course().represented(),
        "open_tracing",
        "consent",
        {"child_agrees": False},
        {"child_agrees": True},
    ),
    Neighbours(
        "before the screening only others than the state's authorities trace",
        lambda: Course().does("appoint_guardian"),
        "open_tracing",
        "no-contact-with-origin",
        {"via": "central_authority"},
        {"via": "red_cross"},
    ),
    Neighbours(
        "a consulate is not asked before the screening",
        lambda: Course().does("appoint_guardian"),
        "open_tracing",
        "no-contact-with-origin",
        {"via": "consulate"},
        {"via": "social_service"},
    ),
    Neighbours(
        "a need of asylum found keeps the state of origin out",
        lambda: Course().does("appoint_guardian").does("screen_protection", asylum=True),
        "open_tracing",
        "no-contact-with-origin",
        {"via": "consulate"},
        {"via": "red_cross"},
    ),
    Neighbours(
        "a claim for asylum keeps the state of origin out",
        lambda: Course().represented().does("lodge_asylum_claim"),
        "open_tracing",
        "no-contact-with-origin",
        {"via": "central_authority"},
        {"via": "social_service"},
    ),
    Neighbours(
        "two people are no panel",
        lambda: Course().assessed(),
        "determine_best_interests",
        "bid-panel",
        {"panel": PANEL[:2]},
        {"panel": PANEL},
    ),
    Neighbours(
        "one person named three times is no panel",
        lambda: Course().assessed(),
        "determine_best_interests",
        "bid-panel",
        {"panel": [{**m, "id": "panel-1"} for m in PANEL]},
        {"panel": PANEL},
    ),
    Neighbours(
        "a panel has more than one discipline",
        lambda: Course().assessed(),
        "determine_best_interests",
        "bid-panel",
        {"panel": [{**m, "discipline": "law"} for m in PANEL]},
        {"panel": member(discipline="law")},
    ),
    Neighbours(
        "child protection or social service sits on a panel",
        lambda: Course().assessed(),
        "determine_best_interests",
        "bid-panel",
        {"panel": member(employer="education")},
        {"panel": member(employer="social_service")},
    ),
    *(
        Neighbours(
            f"nobody from {body} sits on a panel",
            lambda: Course().assessed(),
            "determine_best_interests",
            "bid-panel",
            {"panel": [*PANEL, {"id": "panel-4", "discipline": "law", "employer": body}]},
            {"panel": [*PANEL, {"id": "panel-4", "discipline": "law", "employer": "other"}]},
        )
        for body in ENFORCERS
    ),
    Neighbours(
        "one option is no choice",
        lambda: Course().assessed(),
        "determine_best_interests",
        "options-considered",
        {"solution": "stay", "options_considered": ["stay", "stay"]},
        {"solution": "stay", "options_considered": ["stay", "return"]},
    ),
    Neighbours(
        "the solution chosen was considered",
        lambda: Course().assessed(),
        "determine_best_interests",
        "options-considered",
        {"solution": "third_country", "options_considered": ["stay", "return"]},
        {"solution": "third_country", "options_considered": ["stay", "third_country"]},
    ),
    Neighbours(
        "return is not found without considering a stay",
        lambda: Course().assessed(),
        "determine_best_interests",
        "options-considered",
        {"options_considered": ["return", "third_country"]},
        {"options_considered": ["return", "stay"]},
    ),
    Neighbours(
        "who wrote the assessment does not sit on the panel",
        lambda: Course().assessed(),
        "determine_best_interests",
        "four-eyes",
        {"panel": member(id="caseworker-1")},
        {"panel": member(id="panel-9")},
    ),
    Neighbours(
        "the guardian does not sit on the panel",
        lambda: Course().assessed(),
        "determine_best_interests",
        "four-eyes",
        {"panel": member(id="guardian-1")},
        {"panel": PANEL},
    ),
    Neighbours(
        "the caseworker assigned does not sit on the panel",
        lambda: Course().assessed().does("assign", caseworker={"id": "caseworker-7"}),
        "determine_best_interests",
        "four-eyes",
        {"panel": member(id="caseworker-7")},
        {"panel": PANEL},
    ),
    Neighbours(
        "consent is informed",
        lambda: Course().determined(),
        "give_consent",
        "consent",
        {"informed": False},
        {"informed": True},
    ),
    Neighbours(
        "consent is given in a language of the child or with an interpreter",
        lambda: Course().determined(),
        "give_consent",
        "consent",
        {"language": "ro", "interpreter": False},
        {"language": "ro", "interpreter": True},
        who="child",
    ),
    Neighbours(
        "a regional form of the child's language is the child's language",
        lambda: Course().determined(),
        "give_consent",
        "consent",
        {"language": "ro-MD"},
        {"language": "uk-UA"},
        who="child",
    ),
    Neighbours(
        "a reintegration plan is funded",
        lambda: Course().determined(),
        "adopt_reintegration_plan",
        "reintegration-plan",
        {"funded": False},
        {"funded": True},
    ),
    *(
        Neighbours(
            f"a reintegration plan says something about {part}",
            lambda: Course().determined(),
            "adopt_reintegration_plan",
            "reintegration-plan",
            {part: "  "},
            {part: "said"},
        )
        for part in ("housing", "education", "healthcare", "support")
    ),
    Neighbours(
        "the opener does not approve the return",
        lambda: Course().ready_to_approve(),
        "approve_return",
        "four-eyes",
        {"actor": {"id": "authority-1", "role": "central_authority", "state": "MD"}},
        {"actor": {"id": "authority-2", "role": "central_authority", "state": "MD"}},
    ),
    Neighbours(
        "one person does not approve for both states",
        lambda: Course().ready_to_approve().does("approve_return"),
        "approve_return",
        "four-eyes",
        {"actor": {"id": "authority-2", "role": "central_authority", "state": "UA"}},
        {"actor": {"id": "authority-9", "role": "central_authority", "state": "UA"}},
    ),
    *(
        Neighbours(
            f"no escort comes from {body}",
            lambda: Course().decided(),
            "plan_travel",
            "escort-from-child-protection",
            {"escort": {"id": "escort-1", "employer": body}},
            {"escort": {"id": "escort-1", "employer": "ngo"}},
        )
        for body in (*ENFORCERS, "other", "family")
    ),
    Neighbours(
        "a hand-over to family names a relative",
        lambda: Course().decided(),
        "plan_travel",
        "handover-into-care",
        {"handover": {"to": "family", "placement": FAMILY}},
        handover(),
    ),
    Neighbours(
        "a hand-over is to a relative assessed safe",
        lambda: Course().decided(),
        "plan_travel",
        "handover-into-care",
        handover(relative_id="r9"),
        handover(relative_id="r1"),
    ),
    *(
        Neighbours(
            f"a hand-over is not at a {kind.replace('_', ' ')}",
            lambda: Course().decided(),
            "plan_travel",
            "handover-into-care",
            {
                "handover": {
                    "to": "child_protection",
                    "placement": {**FOSTER, "kind": kind, "run_by": "child_protection"},
                }
            },
            {"handover": {"to": "child_protection", "placement": {**FOSTER, "kind": "group_home"}}},
        )
        for kind in ("border_facility", "police_station", "transit_centre", "temporary_stay_centre", "vehicle", "hotel")
    ),
    Neighbours(
        "who planned the journey does not approve it",
        lambda: Course().planned(),
        "approve_travel",
        "four-eyes",
        {"actor": {"id": "caseworker-1", "role": "child_protection_authority", "state": "MD"}},
        {"actor": {"id": "protection-1", "role": "child_protection_authority", "state": "MD"}},
    ),
    Neighbours(
        "who suspended does not resume",
        lambda: Course().does("suspend"),
        "resume",
        "four-eyes",
        {"actor": {"id": "authority-2", "role": "central_authority", "state": "MD"}},
        {"actor": {"id": "authority-3", "role": "central_authority", "state": "MD"}},
    ),
    Neighbours(
        "a deadline is extended up to the agreement's limit and not a day more",
        given(),
        "extend_deadline",
        "extension-limit",
        {"deadline": "identification", "days": 15},
        {"deadline": "identification", "days": 14},
    ),
    Neighbours(
        "the deadline of a release is never extended",
        lambda: Course(placement=STATION),
        "extend_deadline",
        "extension-limit",
        {"deadline": "release", "days": 1},
        {"deadline": "services", "days": 1},
    ),
    Neighbours(
        "the deadline of an emergency placement is never extended",
        lambda: Course(placement=HOTEL),
        "extend_deadline",
        "extension-limit",
        {"deadline": "emergency_placement", "days": 1},
        {"deadline": "services", "days": 1},
    ),
    Neighbours(
        "a child with the family is not placed apart from it",
        given("with_family"),
        "place_child",
        "family-unity",
        {"placement": FOSTER},
        {"placement": FAMILY},
    ),
]


@pytest.mark.parametrize("pair", BY_FIELDS, ids=lambda pair: pair.says)
def test_a_safeguard_refuses_an_act_and_lets_its_nearest_neighbour_through(pair: Neighbours) -> None:
    """The act with the wrong field is refused, with a source and what may be done instead; the right one passes."""
    course = pair.reach()
    receipt = course.say(pair.act, pair.who, **pair.wrong)
    assert receipt["result"] == "refused"
    told = [refusal for refusal in receipt["refusals"] if refusal["safeguard"] == pair.safeguard]
    assert told, [refusal["safeguard"] for refusal in receipt["refusals"]]
    for refusal in told:
        assert_told_in_full(refusal)
    course.does(pair.act, pair.who, **pair.right)


def assert_told_in_full(refusal: dict[str, str]) -> None:
    """A refusal is a sentence, cites its instrument, and offers a way."""
    assert refusal["message"].endswith(".") and len(refusal["message"]) > 10
    assert refusal["instead"].endswith(".") and len(refusal["instead"]) > 5
    for words in SOURCES[refusal["safeguard"]]:
        assert words in refusal["source"], (refusal["safeguard"], words, refusal["source"])


@dataclass(frozen=True)
class Way:
    """A case in which an act is refused, and the one step after which the same act passes."""

    says: str
    reach: Callable[[], Course]
    act: str
    safeguard: str
    step: Callable[[Course], object]
    fields: dict[str, Any] | None = None
    who: str | None = None


def found_return_without(*without: str) -> Course:
    """On the way to an approval, with some of the acts left out."""
    course = Course().determined()
    acts: list[tuple[str, str | None]] = [
        ("give_consent", "guardian"),
        ("give_consent", "child"),
        ("adopt_reintegration_plan", None),
        ("assess_rights_impact", None),
    ]
    for act, who in acts:
        if act not in without and f"{act} {who}" not in without:
            course.does(act, who)
    return course


def on_the_word_of_the_authority(*, before_panel: bool) -> Course:
    """Nobody in the family is safe; the origin's authority guarantees care, before or after the panel met."""
    course = Course().represented().does("open_tracing").does("report_tracing", result="not_found", relatives=[])
    if before_panel:
        course.does("guarantee_care")
    else:
        # The panel found return on a relative who is later found unsafe.
        course.does("report_tracing").does("assess_family")
    course.ready_for_panel().determine().consented().prepared()
    if not before_panel:
        course.does("assess_family", safe=False).does("guarantee_care")
    return course


def panel_again(course: Course) -> Course:
    return course.does("reopen_best_interests").ready_for_panel().determine().consented()


BY_STATE = [
    Way(
        "tracing waits for a guardian",
        lambda: Course().identified(),
        "open_tracing",
        "guardian-first",
        lambda c: c.does("appoint_guardian"),
    ),
    Way(
        "a determination waits for a guardian",
        lambda: Course().identified().does("appoint_counsel").does("submit_assessment"),
        "determine_best_interests",
        "guardian-first",
        lambda c: c.does("appoint_guardian").does("hear_child"),
        {"solution": "stay"},
    ),
    Way(
        "a determination waits for counsel",
        lambda: Course().identified().does("appoint_guardian").ready_for_panel(),
        "determine_best_interests",
        "counsel-first",
        lambda c: c.does("appoint_counsel"),
        {"solution": "stay"},
    ),
    Way(
        "a determination waits until the child is heard",
        lambda: Course().traced().does("submit_assessment"),
        "determine_best_interests",
        "child-heard",
        lambda c: c.does("hear_child"),
    ),
    Way(
        "a hearing without the guardian does not count",
        lambda: Course().traced().does("submit_assessment").does("hear_child", guardian_present=False),
        "determine_best_interests",
        "child-heard",
        lambda c: c.does("hear_child"),
    ),
    Way(
        "a hearing of an uninformed child does not count",
        lambda: Course().traced().does("submit_assessment").does("hear_child", informed=False),
        "determine_best_interests",
        "child-heard",
        lambda c: c.does("hear_child"),
    ),
    Way(
        "a hearing in detention does not count",
        lambda: (
            Course()
            .traced()
            .does("submit_assessment")
            .does("report_detention")
            .does("hear_child")
            .does("confirm_release")
        ),
        "determine_best_interests",
        "child-heard",
        lambda c: c.does("hear_child"),
    ),
    Way(
        "a determination waits for the assessment of this round",
        lambda: Course().traced().does("hear_child"),
        "determine_best_interests",
        "out-of-order",
        lambda c: c.does("submit_assessment"),
    ),
    Way(
        "a return waits for the answer of tracing",
        lambda: Course().represented().ready_for_panel().does("guarantee_care"),
        "determine_best_interests",
        "out-of-order",
        lambda c: c.does("report_tracing", result="not_found", relatives=[]),
    ),
    Way(
        "a return is not found without anybody to return to",
        lambda: Course().represented().does("report_tracing", result="not_found", relatives=[]).ready_for_panel(),
        "determine_best_interests",
        "safe-family",
        lambda c: c.does("guarantee_care"),
    ),
    *(
        Way(
            f"a relative not assessed {word} is nobody to return to",
            lambda word=word: (
                Course()
                .represented()
                .does("report_tracing")
                .does("assess_family", None, **{word: False})
                .ready_for_panel()
            ),
            "determine_best_interests",
            "safe-family",
            lambda c: c.does("assess_family"),
        )
        for word in ("willing", "able", "safe")
    ),
    Way(
        "a return is not found while asylum is claimed",
        lambda: Course().assessed().does("lodge_asylum_claim"),
        "determine_best_interests",
        "non-refoulement",
        lambda c: c.does("resolve_asylum_claim", result="refused_final"),
    ),
    Way(
        "a return is not found while the rights impact is unsafe",
        lambda: Course().assessed().does("assess_rights_impact", safe=False),
        "determine_best_interests",
        "non-refoulement",
        lambda c: c.does("assess_rights_impact"),
    ),
    Way(
        "nobody consents before a panel has found return",
        lambda: Course().assessed(),
        "give_consent",
        "bid-before-return",
        lambda c: c.determine(),
    ),
    Way(
        "no reintegration is planned before a panel has found return",
        lambda: Course().assessed(),
        "adopt_reintegration_plan",
        "bid-before-return",
        lambda c: c.determine(),
    ),
    Way(
        "consent is not given in detention",
        lambda: Course().determined().does("report_detention"),
        "give_consent",
        "consent",
        lambda c: c.does("confirm_release"),
    ),
    Way(
        "a return is not approved without the guardian's consent",
        lambda: found_return_without("give_consent guardian"),
        "approve_return",
        "consent",
        lambda c: c.does("give_consent"),
    ),
    Way(
        "a return is not approved without the consent of a child of twelve",
        lambda: found_return_without("give_consent child"),
        "approve_return",
        "consent",
        lambda c: c.does("give_consent", "child"),
    ),
    Way(
        "a return is not approved without a reintegration plan",
        lambda: found_return_without("adopt_reintegration_plan"),
        "approve_return",
        "reintegration-plan",
        lambda c: c.does("adopt_reintegration_plan"),
    ),
    Way(
        "a return is not approved without a rights-impact assessment",
        lambda: found_return_without("assess_rights_impact"),
        "approve_return",
        "rights-impact",
        lambda c: c.does("assess_rights_impact"),
    ),
    Way(
        "a return is not approved when the latest rights-impact assessment says unsafe",
        lambda: Course().ready_to_approve().does("assess_rights_impact", safe=False),
        "approve_return",
        "rights-impact",
        lambda c: c.does("assess_rights_impact"),
    ),
    Way(
        "an unsafe rights impact is a matter of refoulement too",
        lambda: Course().ready_to_approve().does("assess_rights_impact", safe=False),
        "approve_return",
        "non-refoulement",
        lambda c: c.does("assess_rights_impact"),
    ),
    Way(
        "a return is not approved when the relative is found unsafe",
        lambda: Course().ready_to_approve().does("assess_family", safe=False),
        "approve_return",
        "safe-family",
        lambda c: c.does("assess_family"),
    ),
    Way(
        "a guarantee of care that came after the panel carries no return",
        lambda: on_the_word_of_the_authority(before_panel=False),
        "approve_return",
        "care-guaranteed",
        panel_again,
    ),
    Way(
        "a return is not approved while asylum is claimed",
        lambda: Course().ready_to_approve().does("lodge_asylum_claim"),
        "approve_return",
        "non-refoulement",
        lambda c: c.does("resolve_asylum_claim"),
    ),
    Way(
        "a return is not approved while an appeal is pending",
        lambda: Course().ready_to_approve().does("appeal"),
        "approve_return",
        "appeal-suspends",
        lambda c: c.does("decide_appeal"),
    ),
    Way(
        "a return is not approved before the panel",
        lambda: Course().assessed(),
        "approve_return",
        "bid-before-return",
        lambda c: c.determine().consented().prepared(),
    ),
    Way(
        "a return is not approved after the panel found a stay",
        lambda: Course().determined("stay"),
        "approve_return",
        "bid-before-return",
        lambda c: panel_again(c).prepared(),
    ),
    Way(
        "a return is not approved for a detained child",
        lambda: Course().ready_to_approve().does("report_detention"),
        "approve_return",
        "no-detention",
        lambda c: c.does("confirm_release").consented(),
    ),
    Way(
        "a journey is not planned before both states approved",
        lambda: Course().ready_to_approve().does("approve_return"),
        "plan_travel",
        "approval-of-both-states",
        lambda c: c.does("approve_return", "origin authority"),
    ),
    Way(
        "a journey is not approved before it is planned",
        lambda: Course().decided().does("certify_fit_to_travel"),
        "approve_travel",
        "out-of-order",
        lambda c: c.does("plan_travel"),
    ),
    Way(
        "a journey is not approved before its documents are ready",
        lambda: Course().decided().does("certify_fit_to_travel").does("plan_travel", documents_ready=False),
        "approve_travel",
        "out-of-order",
        lambda c: c.does("plan_travel"),
    ),
    Way(
        "a journey is not approved before the time to appeal is over",
        lambda: Course().approved().does("plan_travel").does("certify_fit_to_travel"),
        "approve_travel",
        "appeal-suspends",
        lambda c: c.wait(days=15),
    ),
    Way(
        "a journey is not approved before the child is certified fit",
        lambda: Course().decided().does("plan_travel"),
        "approve_travel",
        "fit-to-travel",
        lambda c: c.does("certify_fit_to_travel"),
    ),
    Way(
        "a journey is not approved for a child who is not fit",
        lambda: Course().decided().does("plan_travel").does("certify_fit_to_travel", fit=False),
        "approve_travel",
        "fit-to-travel",
        lambda c: c.does("certify_fit_to_travel"),
    ),
    Way(
        "a certificate must last until the departure",
        lambda: Course().decided().does("plan_travel").does("certify_fit_to_travel", valid_until="2026-02-18"),
        "approve_travel",
        "fit-to-travel",
        lambda c: c.does("certify_fit_to_travel", valid_until="2026-02-19"),
    ),
    Way(
        "a journey is not approved after the guardian withdrew",
        lambda: Course().planned().does("withdraw_consent"),
        "approve_travel",
        "consent",
        lambda c: c.does("give_consent").approve().wait(days=15),
    ),
    Way(
        "the hand-over is asked again when the journey is approved",
        lambda: Course().planned().does("assess_family", safe=False),
        "approve_travel",
        "handover-into-care",
        lambda c: c.does("assess_family"),
    ),
    Way(
        "nobody departs without an approved journey",
        lambda: Course().planned(),
        "depart",
        "travel-approved",
        lambda c: c.does("approve_travel"),
    ),
    Way(
        "nobody departs when the certificate has run out",
        lambda: (
            Course()
            .planned()
            .does("certify_fit_to_travel", valid_until="2026-02-20")
            .does("approve_travel")
            .wait(days=4)
        ),
        "depart",
        "fit-to-travel",
        lambda c: c.does("certify_fit_to_travel"),
    ),
    Way(
        "nobody departs when a new guardian has not consented",
        lambda: Course().travel_approved().does("replace_guardian"),
        "depart",
        "consent",
        lambda c: c.does("give_consent", {"id": "guardian-2", "role": "guardian", "state": "MD"}),
    ),
    Way(
        "nobody departs while the latest rights-impact assessment says unsafe",
        lambda: Course().travel_approved().does("assess_rights_impact", safe=False),
        "depart",
        "rights-impact",
        lambda c: c.does("assess_rights_impact"),
    ),
    Way(
        "a journey is not approved while the latest rights-impact assessment says unsafe",
        lambda: Course().planned().does("assess_rights_impact", safe=False),
        "approve_travel",
        "rights-impact",
        lambda c: c.does("assess_rights_impact"),
    ),
    Way(
        "nobody departs to a relative found unsafe meanwhile",
        lambda: Course().travel_approved().does("assess_family", safe=False),
        "depart",
        "handover-into-care",
        lambda c: c.does("assess_family"),
    ),
    Way(
        "an approval binds what was read",
        lambda: Course().ready_to_approve(),
        "approve_return",
        "stale-dossier",
        lambda c: None,
        who="authority",
    ),
    Way(
        "a child with the family is placed apart when the screening found violence",
        lambda: Course(situation="with_family"),
        "place_child",
        "family-unity",
        lambda c: c.does("screen_protection", violence=True),
    ),
    Way(
        "a child with the family is placed apart when a relative is found unsafe",
        lambda: Course(situation="with_family"),
        "place_child",
        "family-unity",
        lambda c: c.does("assess_family", safe=False),
    ),
    Way(
        "a child with the family is placed apart when a court says so",
        lambda: Course(situation="with_family"),
        "place_child",
        "family-unity",
        lambda c: c.does("appeal", against="placement").does("decide_appeal", result="upheld"),
    ),
    Way(
        "a claim is resolved only when one is pending",
        Course,
        "resolve_asylum_claim",
        "out-of-order",
        lambda c: c.does("lodge_asylum_claim"),
    ),
    Way(
        "an appeal is decided only when one is pending",
        Course,
        "decide_appeal",
        "out-of-order",
        lambda c: c.does("appeal"),
    ),
    Way(
        "a complaint is answered only when it was made",
        Course,
        "answer_complaint",
        "out-of-order",
        lambda c: c.does("complain"),
    ),
    Way(
        "only what is suspended is resumed",
        Course,
        "resume",
        "out-of-order",
        lambda c: c.does("suspend"),
    ),
    Way(
        "nobody arrives who has not departed",
        lambda: Course().travel_approved(),
        "arrive",
        "out-of-order",
        lambda c: c.wait(days=2).does("depart"),
    ),
    Way(
        "a visit follows an arrival",
        lambda: Course().departed(),
        "record_visit",
        "out-of-order",
        lambda c: c.does("arrive"),
    ),
    Way(
        "a third country is arranged only when the panel found it",
        lambda: Course().determined("stay"),
        "arrange_third_country",
        "out-of-order",
        lambda c: c.does("reopen_best_interests").ready_for_panel().determine("third_country"),
    ),
    Way(
        "a relative nobody knows is not assessed",
        lambda: Course(relatives=[]).represented(),
        "assess_family",
        "out-of-order",
        lambda c: c.does("report_tracing"),
    ),
    Way(
        "nobody under eighteen is handed to adult services",
        lambda: Course(born="2008-03-01"),
        "transfer_to_adult_services",
        "out-of-order",
        lambda c: c.wait(days=30),
    ),
    Way(
        "a hold stops an approval",
        lambda: Course().ready_to_approve().does("suspend"),
        "approve_return",
        "held",
        lambda c: c.does("resume"),
    ),
    Way(
        "a hold stops a travel plan",
        lambda: Course().decided().does("report_missing"),
        "plan_travel",
        "held",
        lambda c: c.does("report_found"),
    ),
    Way(
        "a hold stops the approval of travel",
        lambda: Course().planned().does("suspend", ground="health"),
        "approve_travel",
        "held",
        lambda c: c.does("resume", ground="health"),
    ),
    Way(
        "a hold stops a departure",
        lambda: Course().travel_approved().does("suspend", ground="school_year"),
        "depart",
        "held",
        lambda c: c.does("resume", ground="school_year"),
    ),
    Way(
        "an overlong emergency placement stops an approval",
        lambda: Course(placement=HOTEL).ready_to_approve().wait(days=14),
        "approve_return",
        "no-detention",
        lambda c: c.does("place_child"),
    ),
    Way(
        "a return is closed when every visit is made",
        lambda: Course().arrived(),
        "close_case",
        "monitoring-complete",
        lambda c: c.visit_all(),
        {"outcome": "returned"},
    ),
    Way(
        "a return is closed when the last visit found the child safe",
        lambda: Course().visited(safe_last=False),
        "close_case",
        "monitoring-complete",
        # The unsafe visit began a new round: its determination comes first.
        lambda c: c.ready_for_panel().determine().does("record_visit", visit=7),
        {"outcome": "returned"},
    ),
]


@pytest.mark.parametrize("way", BY_STATE, ids=lambda way: way.says)
def test_what_a_safeguard_refuses_passes_after_the_one_step_that_it_asks_for(way: Way) -> None:
    """The same act is refused before the step and accepted after it."""
    course = way.reach()
    fields = dict(way.fields or {})
    if way.safeguard == "stale-dossier":
        read = course.case.head
        course.does("assess_rights_impact")
        fields = {"dossier": read}
    receipt = course.say(way.act, way.who, **fields)
    assert receipt["result"] == "refused"
    told = [refusal for refusal in receipt["refusals"] if refusal["safeguard"] == way.safeguard]
    assert told, [refusal["safeguard"] for refusal in receipt["refusals"]]
    for refusal in told:
        assert_told_in_full(refusal)
    way.step(course)
    if way.safeguard == "stale-dossier":
        fields = {}
    course.does(way.act, way.who, **fields)


def test_every_safeguard_of_the_contract_is_shown_refusing() -> None:
    """No safeguard goes without an act that it refuses; those of every act have tests of their own."""
    elsewhere = {"not-your-act", "closed-case", "well-formed", "stale-evidence"}
    shown = {pair.safeguard for pair in BY_FIELDS} | {way.safeguard for way in BY_STATE}
    assert set(SAFEGUARD_NAMES) == shown | elsewhere


def test_all_refusals_that_apply_are_listed_at_once() -> None:
    """An approval that breaks ten safeguards is told of all ten, each once."""
    course = Course(placement=STATION).does("suspend").does("lodge_asylum_claim").does("appeal")
    refused = course.refused("approve_return", "opener", dossier="0" * 64)
    assert refused == {
        "bid-before-return",
        "guardian-first",
        "child-heard",
        "consent",
        "safe-family",
        "care-guaranteed",
        "reintegration-plan",
        "rights-impact",
        "non-refoulement",
        "appeal-suspends",
        "no-detention",
        "four-eyes",
        "stale-dossier",
        "held",
    }


def test_a_travel_plan_is_told_of_every_bad_night_and_of_a_bad_end() -> None:
    """Each overnight stay and the hand-over is judged by itself."""
    course = Course().decided()
    legs = course.act("plan_travel")["legs"]
    receipt = course.say(
        "plan_travel",
        legs=[{**leg, "overnight": STATION} for leg in legs],
        escort={"id": "escort-1", "employer": "border"},
        handover={"to": "family", "placement": STATION},
    )
    names = [refusal["safeguard"] for refusal in receipt["refusals"]]
    assert names.count("no-detention") == 3
    assert names.count("handover-into-care") == 2
    assert "escort-from-child-protection" in names


def test_what_is_refused_changes_nothing_but_the_count() -> None:
    """A refusal is an entry; the case stands as it stood."""
    course = Course().determined()
    before = course.view
    course.refused("approve_return", "opener")
    after = course.view
    assert (after.pop("refused"), after.pop("entries")) == (before.pop("refused") + 1, before.pop("entries") + 1)
    assert before.pop("head") != after.pop("head")
    assert before == after


def test_a_determination_while_one_stands_waits_for_a_new_round() -> None:
    """A round has one determination, and a new one follows new facts."""
    course = Course().determined("stay")
    assert course.refused("determine_best_interests", solution="stay") == {"out-of-order"}
    course.does("reopen_best_interests")
    assert course.refused("determine_best_interests", solution="stay") == {"child-heard", "out-of-order"}


def test_the_authority_approves_once() -> None:
    """An approval in force is not given a second time, by nobody of that authority."""
    course = Course().ready_to_approve().does("approve_return")
    assert "out-of-order" in course.refused("approve_return", {"id": "a-3", "role": "central_authority", "state": "MD"})


def test_care_guaranteed_by_the_authority_carries_a_return_without_family() -> None:
    """A guarantee on record when the panel met, and a hand-over to child protection, reach a departure."""
    course = on_the_word_of_the_authority(before_panel=True).approve().wait(days=15)
    course.does("plan_travel", handover={"to": "child_protection", "placement": FOSTER})
    course.does("certify_fit_to_travel").does("approve_travel").wait(days=2).does("depart")
    assert course.stage == "travel"


def test_a_family_undertaking_is_no_guarantee_of_the_authority() -> None:
    """Only the origin's authority guarantees care in place of a safe relative."""
    course = Course().represented().does("report_tracing", result="not_found", relatives=[])
    course.does("guarantee_care", "relative", by="family").ready_for_panel()
    assert "safe-family" in course.refused("determine_best_interests")
    assert "not-your-act" in course.refused("guarantee_care", "relative", by="authority")


def test_a_plan_on_record_that_ends_with_enforcement_is_not_approved() -> None:
    """Who runs the place of hand-over is asked again of the plan in force, however it came to be there."""
    course = Course().planned()
    plan = course.case.plan
    assert plan is not None
    for run_by, refused in (("police", ["handover-into-care"]), ("family", [])):
        place = {**plan.handover_placement, "run_by": run_by}
        case = course.case.but(plan=replace(plan, handover_placement=place))
        asked = Asked(case, None, course.at, Ledger(course.entries))
        assert [refusal["safeguard"] for refusal in handover_in_force(asked)] == refused
