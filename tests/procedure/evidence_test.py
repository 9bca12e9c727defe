"""Evidence grows old: refused at the exact end of its shelf life, and renewed by recording it anew."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from courses import FOSTER, Course, model


@dataclass(frozen=True)
class Evidence:
    """One kind: its shelf life in the model, a case in which it alone is that old, and how it is renewed."""

    kind: str
    days: int
    words: str
    recorded: Callable[[Course], Course]
    rest: Callable[[Course], object]
    renewed: Callable[[Course], object]
    start: Callable[[], Course]
    renewal: str


def found_by_guarantee() -> Course:
    return Course().represented().does("report_tracing", result="not_found", relatives=[])


ALL = [
    Evidence(
        "determination",
        365,
        "determination",
        lambda c: c.determine(),
        lambda c: c.does("assess_family").consented().prepared(),
        lambda c: c.does("reopen_best_interests").ready_for_panel().determine().consented(),
        lambda: Course().assessed(),
        "reopen_best_interests",
    ),
    Evidence(
        "family_assessment",
        180,
        "family assessment",
        lambda c: c.does("assess_family"),
        lambda c: c.ready_for_panel().determine().consented().prepared(),
        lambda c: c.does("assess_family"),
        lambda: Course().represented().does("report_tracing"),
        "assess_family",
    ),
    Evidence(
        "care_guarantee",
        180,
        "care guarantee",
        lambda c: c.does("guarantee_care"),
        lambda c: c.ready_for_panel().determine().consented().prepared(),
        lambda c: c.does("guarantee_care"),
        found_by_guarantee,
        "guarantee_care",
    ),
    Evidence(
        "guardian's consent",
        180,
        "guardian's consent",
        lambda c: c.does("give_consent"),
        lambda c: c.does("assess_family").does("give_consent", "child").prepared(),
        lambda c: c.does("give_consent"),
        lambda: Course().determined(),
        "give_consent",
    ),
    Evidence(
        "child's consent",
        180,
        "child's consent",
        lambda c: c.does("give_consent", "child"),
        lambda c: c.does("assess_family").does("give_consent").prepared(),
        lambda c: c.does("give_consent", "child"),
        lambda: Course().determined(),
        "give_consent",
    ),
    Evidence(
        "rights_impact",
        60,
        "rights-impact",
        lambda c: c.does("assess_rights_impact"),
        lambda c: c.consented().does("adopt_reintegration_plan"),
        lambda c: c.does("assess_rights_impact"),
        lambda: Course().determined(),
        "assess_rights_impact",
    ),
]


@pytest.mark.parametrize("evidence", ALL, ids=lambda evidence: evidence.kind)
def test_evidence_is_good_until_its_shelf_life_is_over_to_the_second(evidence: Evidence) -> None:
    """One second younger it carries an approval; at the exact age it is refused, with what to renew named."""
    for lateness, result in ((-1, "accepted"), (0, "refused")):
        course = evidence.recorded(evidence.start())
        end = course.at + timedelta(days=evidence.days)
        course.until(end - timedelta(hours=1))
        evidence.rest(course)
        course.until(end + timedelta(seconds=lateness))
        receipt = course.say("approve_return")
        assert result == receipt["result"], receipt["refusals"]
        if result == "refused":
            assert ["stale-evidence"] == [refusal["safeguard"] for refusal in receipt["refusals"]]
            assert evidence.words in receipt["refusals"][0]["message"]
            assert evidence.renewal in {act for act, _, _ in course.awaited()}
            evidence.renewed(course)
            if evidence.kind == "determination":
                course.does("assess_rights_impact")
            course.does("approve_return")


@pytest.mark.parametrize("act", ["approve_travel", "depart"])
def test_evidence_is_asked_for_its_age_again_before_the_journey(act: str) -> None:
    """What was fresh at the approval may be stale when the child is to leave."""
    course = Course().planned() if act == "approve_travel" else Course().travel_approved()
    course.wait(days=61).does("certify_fit_to_travel")
    assert {"stale-evidence"} == course.refused(act)
    course.does("assess_rights_impact").does(act)


def test_a_younger_childs_old_consent_needs_no_renewal() -> None:
    """Where the child's own consent is not needed, its age does not matter."""
    course = Course(born="2019-05-04").determined().does("give_consent", "child").wait(days=179)
    course.does("assess_family").does("give_consent").prepared().wait(days=1).does("approve_return")


def test_one_fresh_safe_relative_is_enough() -> None:
    """A grandmother assessed anew carries the return when the mother's assessment has grown old."""
    course = Course().represented()
    found = [{"id": id, "relationship": "family", "state": "UA"} for id in ("r1", "r2")]
    course.does("report_tracing", relatives=found).does("assess_family").does("assess_family", relative_id="r2")
    course.ready_for_panel().determine().wait(days=180)
    course.does("assess_family", relative_id="r2").consented().prepared().does("approve_return")


def test_the_relative_named_in_the_plan_is_the_one_whose_assessment_must_be_fresh() -> None:
    """Another relative's fresh assessment does not help who hands the child over to this one."""
    course = Course().represented()
    found = [{"id": id, "relationship": "family", "state": "UA"} for id in ("r1", "r2")]
    course.does("report_tracing", relatives=found).does("assess_family").does("assess_family", relative_id="r2")
    course.ready_for_panel().determine().wait(days=170).consented().prepared().approve().wait(days=15)
    course.does("assess_family", relative_id="r2").does("plan_travel").does("certify_fit_to_travel")
    assert {"stale-evidence"} == course.refused("approve_travel")
    course.does("assess_family").does("approve_travel")


def test_shelf_lives_are_the_agreements() -> None:
    """A shorter life in the agreement is a shorter life in the case."""
    lives = model().shelf_lives.model_copy(update={"rights_impact": 10})
    course = Course(agreement=model().model_copy(update={"shelf_lives": lives})).ready_to_approve().wait(days=10)
    assert {"stale-evidence"} == course.refused("approve_return")


# The dossier


MATERIAL: dict[str, Callable[[Course], object]] = {
    "a rights-impact assessment": lambda c: c.does("assess_rights_impact"),
    "a hearing": lambda c: c.does("hear_child"),
    "a placement": lambda c: c.does("place_child"),
    "a fitness certificate": lambda c: c.does("certify_fit_to_travel"),
    "a suspension lifted": lambda c: c.does("suspend").does("resume"),
    "a correction": lambda c: c.does("correct"),
}
IMMATERIAL: dict[str, Callable[[Course], object]] = {
    "a note": lambda c: c.does("note"),
    "an assignment": lambda c: c.does("assign"),
    "a service confirmed": lambda c: c.does("confirm_services"),
    "a complaint": lambda c: c.does("complain"),
    "a complaint answered": lambda c: c.does("complain").does("answer_complaint"),
    "a deadline passed and escalated": lambda c: c.does("complain").wait(days=21),
    "a refusal": lambda c: c.refused("plan_travel"),
}


@pytest.mark.parametrize("what", MATERIAL)
def test_an_approver_must_have_read(what: str) -> None:
    """A dossier read before it is stale; the refusal names the newest head and what changed."""
    course = Course().ready_to_approve()
    read = course.case.head
    MATERIAL[what](course)
    receipt = course.say("approve_return", dossier=read)
    assert ["stale-dossier"] == [refusal["safeguard"] for refusal in receipt["refusals"]]
    assert receipt["head"] != read
    message = receipt["refusals"][0]["message"]
    assert course.entries[-2].hash in message or any(entry.hash in message for entry in course.entries)
    course.does("approve_return")


@pytest.mark.parametrize("what", IMMATERIAL)
def test_an_approver_need_not_read_again_after(what: str) -> None:
    """What bears on nothing leaves the dossier fresh."""
    course = Course().ready_to_approve()
    read = course.case.head
    IMMATERIAL[what](course)
    course.does("approve_return", dossier=read)


@pytest.mark.parametrize("head", ["0" * 64, "f" * 64])
def test_a_head_of_no_entry_was_not_read(head: str) -> None:
    """A dossier is a state of this very case."""
    assert {"stale-dossier"} == Course().ready_to_approve().refused("approve_return", dossier=head)


def test_the_second_authority_reads_the_first_ones_approval() -> None:
    """An approval is material."""
    course = Course().ready_to_approve()
    read = course.case.head
    course.does("approve_return")
    assert {"stale-dossier"} == course.refused("approve_return", "origin authority", dossier=read)


def test_the_approver_of_travel_has_read_the_plan() -> None:
    """The same binding holds for the journey."""
    course = Course().decided()
    read = course.case.head
    course.does("plan_travel").does("certify_fit_to_travel")
    assert {"stale-dossier"} == course.refused("approve_travel", dossier=read)
    assert FOSTER == course.case.placement
    course.does("approve_travel")
