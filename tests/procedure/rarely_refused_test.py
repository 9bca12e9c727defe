"""What a safeguard says where a case seldom comes: each gate asked by itself, of a case that is made for it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from courses import FOSTER, START, STATION, Course

from procedure.acts import parse_act
from procedure.case import Case, OnRecord
from procedure.gates import refusals
from procedure.ledger import Ledger
from procedure.safeguards import asked as asking
from procedure.safeguards import determination, hearing, liberty, protection
from procedure.safeguards.asked import Asked, Gate
from procedure.signing import UNSIGNED, Standing
from tests.procedure.seen_on_file_test import anew

ON = OnRecord(1, START)


def asked(course: Course, act: str, case: Case | None = None, **fields: Any) -> Asked:
    """An act that is asked about; of the case as it is, or as it is given."""
    return Asked(case or course.case, parse_act(course.act(act, **fields)), course.at, Ledger(course.entries))


def told(gate: Gate, of: Asked) -> list[tuple[str, str, str]]:
    return [(refusal["safeguard"], refusal["message"], refusal["instead"]) for refusal in gate(of)]


def test_a_guardian_who_assesses_is_not_other_eyes() -> None:
    """Whoever sits on the panel."""
    course = Course().assessed()
    case = course.case.but(assessors=("guardian-1",))
    assert told(determination.panel_has_other_eyes, asked(course, "determine_best_interests", case)) == [
        (
            "four-eyes",
            "The guardian also wrote the assessment.",
            "Have another caseworker assess, and submit that assessment.",
        )
    ]
    assert told(determination.panel_has_other_eyes, asked(course, "determine_best_interests")) == []


@pytest.mark.parametrize(("solution", "free"), [("stay", True), ("postpone", True), ("third_country", False)])
def test_a_child_that_stays_meanwhile_need_not_have_its_family_traced(solution: str, free: bool) -> None:
    """A stay and a postponement wait for no answer of tracing."""
    course = Course().represented().ready_for_panel()
    fields: dict[str, Any] = {"review_on": "2026-03-01"} if solution == "postpone" else {}
    fields |= {"solution": solution, "options_considered": [solution, "return"]}
    of = asked(course, "determine_best_interests", None, **fields)
    assert (told(determination.assessed_and_traced, of) == []) == free


def test_a_child_that_objects_is_not_pressed() -> None:
    """The sentence says what changes it: the child's own later word."""
    course = Course().ready_to_approve()
    of = asked(course, "approve_return", course.case.but(objection=ON))
    assert told(hearing.consent_in_force, of) == [
        (
            "consent",
            "The child objects to the return.",
            "Ask the panel to look again with `reopen_best_interests`. Nobody presses for another answer; "
            "only the child's own later word, heard or given freely, changes this.",
        )
    ]
    assert told(hearing.consent_in_force, asked(course, "approve_return")) == []


@pytest.mark.parametrize(
    ("known", "spoken", "understood"),
    [("uk-UA", "uk", True), ("uk", "UK-ua", True), ("uk", "ru", False), ("uk-UA", "ru-UA", False)],
)
def test_a_language_is_understood_in_every_regional_form(known: str, spoken: str, understood: bool) -> None:
    """A child of Ukrainian is heard in Ukrainian, wherever it is spoken."""
    assert hearing.language_understood(Course(child={"languages": [known]}).case, spoken) == understood


NO_GUARDIAN = "no guardian was in office"
DETAINED = "the child was in detention"


@pytest.mark.parametrize("then", [(), (NO_GUARDIAN,), (DETAINED,), (NO_GUARDIAN, DETAINED)])
@pytest.mark.parametrize("reach", [Course, lambda: Course().represented().does("report_detention")])
def test_a_correction_does_not_mend_where_the_child_was_when_it_was_heard(
    then: tuple[str, ...], reach: Callable[[], Course]
) -> None:
    """Nor who was in office then; where somebody is in office now, and where the child is now, does not count."""
    course = reach()
    of = asked(course, "hear_child")._replace(corrects=True, because_then=then)
    assert hearing.why_hearing_does_not_count(of) == list(then)
    now = [NO_GUARDIAN] if course.case.guardian is None else [DETAINED]
    assert hearing.why_hearing_does_not_count(of._replace(corrects=False)) == now


@pytest.mark.parametrize(
    ("languages", "interpreter", "counts"),
    [((), False, True), (("ru",), False, False), (("ru",), True, True), (("uk",), False, True), ((), True, True)],
)
def test_a_child_is_heard_in_a_language_that_it_understands(
    languages: tuple[str, ...], interpreter: bool, counts: bool
) -> None:
    """Or through an interpreter; where no language is known there is nothing to hold against it."""
    course = Course().represented()
    of = asked(course, "hear_child", course.case.but(languages=languages), interpreter=interpreter)
    assert hearing.why_hearing_does_not_count(of) == (
        [] if counts else ["there was no interpreter into a language of the child"]
    )


WHY = "the child may not leave at will; it is run by police; a police station is never a place of care."
ELSEWHERE = "Choose a family, a foster family or another open place run by child protection, and try again."


def test_a_night_in_detention_is_told_by_its_leg() -> None:
    """The first leg is leg 1."""
    course = Course().decided()
    legs = course.act("plan_travel")["legs"]
    of = asked(course, "plan_travel", legs=[{**legs[0], "overnight": STATION}, {**legs[1], "overnight": FOSTER}])
    says = f"The overnight stay after leg 1 would be detention: {WHY}"
    assert told(liberty.open_journey, of) == [("no-detention", says, ELSEWHERE)]


def test_a_plan_that_led_into_detention_is_not_approved() -> None:
    """Asked again of the plan in force: where the nights are, and where the child is handed over."""
    course = Course().planned()
    plan = course.case.plan
    assert plan is not None
    case = course.case.but(plan=replace(plan, overnights=(FOSTER, STATION), handover_placement=STATION))
    assert told(liberty.open_journey_in_force, asked(course, "approve_travel", case)) == [
        ("no-detention", f"An overnight stay of the plan would be detention: {WHY}", ELSEWHERE),
        ("no-detention", f"The plan's place of hand-over would be detention: {WHY}", ELSEWHERE),
    ]
    assert told(liberty.open_journey_in_force, asked(course, "approve_travel")) == []


@pytest.mark.parametrize(("day", "born"), [("2026-02-02", True), ("2026-02-03", True), ("2026-02-04", False)])
def test_nobody_is_born_after_tomorrow(day: str, born: bool) -> None:
    """At the date line it is tomorrow already while UTC still says today."""
    of = asked(Course(), "verify_identity", result="verified", date_of_birth=day)
    assert (told(protection.born_already, of) == []) == born


UNKNOWN = "That identity could not be established does not make anybody an adult."


@pytest.mark.parametrize(
    ("methods", "refused"),
    [
        (["identity", "no documents", "documents"], True),
        (["identity", "documents"], True),
        (["no documents", "documents"], True),
        (["documents", "interview"], False),
        (["interview", "paediatrics"], False),
    ],
)
@pytest.mark.parametrize("result", ["not_established", "presumed"])
def test_that_nothing_is_known_of_somebody_is_no_method(methods: list[str], refused: bool, result: str) -> None:
    """Papers that are missing show no age."""
    course = Course().represented().does("verify_identity", result=result)
    says = [
        message
        for _, message, _ in told(
            protection.benefit_of_doubt, asked(course, "assess_age", result="adult", methods=methods)
        )
    ]
    assert says == ([UNKNOWN] if refused and result == "not_established" else [])


@pytest.mark.parametrize(("claim", "open_to"), [("none", True), ("open", False), ("granted", False), ("closed", True)])
def test_no_authority_of_the_origin_is_asked_while_a_child_needs_protection_from_it(claim: str, open_to: bool) -> None:
    """Whatever the screening found before."""
    course = Course().represented()
    of = asked(course, "open_tracing", course.case.but(asylum=claim))
    assert told(protection.no_contact_with_origin, of) == (
        []
        if open_to
        else [
            (
                "no-contact-with-origin",
                "A protection need against the origin state is open.",
                "Trace through `red_cross` or `social_service`, which tell no authority of the origin state.",
            )
        ]
    )


def test_of_an_act_whose_signature_does_not_stand_nothing_else_is_asked() -> None:
    """A forger is told no more than what is wrong with the signature."""
    of = asked(Course(), "approve_return")._replace(signed=UNSIGNED)
    (refusal,) = refusals(of)
    assert refusal == {
        "safeguard": "not-your-act",
        "message": UNSIGNED.message,
        "source": "This procedure, contract section 3",
        "instead": UNSIGNED.instead,
    }
    signed = of._replace(signed=Standing(kid="an invented key", key="sha256:" + "0" * 64))
    assert refusals(signed) == refusals(of._replace(signed=None)) != [refusal]


def _is(act: str) -> Callable[[Asked], bool]:
    def when(given: Asked) -> bool:
        return given.act.act == act

    return when


def test_a_gate_says_for_which_safeguards_it_asks() -> None:
    """For none, where an act is not about them."""
    made: Any = anew(asking)
    of = asked(Course(), "note")

    def always(given: Asked) -> Any:
        yield made.refuse("held", "it is held", "wait")

    of_all = made.gate("held", "consent")(always)
    of_notes = made.gate("held", when=_is("note"))(always)
    of_none = made.gate("held", when=_is("depart"))(always)
    assert [made.answered_by(each, of) for each in (of_all, of_notes, of_none)] == [("held", "consent"), ("held",), ()]
    assert [len(list(each(of))) for each in (of_all, of_notes, of_none)] == [1, 1, 0]
    assert of_all.__name__ == "always"
