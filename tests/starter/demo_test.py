"""The demonstration's courses, against the law alone."""

from datetime import UTC, datetime
from typing import Any

import pytest

from activities.agreements import AgreementShelf
from procedure.acts import parse_act
from procedure.intake import parse_intake
from procedure.proceedings import Proceedings
from starter.demo import COURSES, Course
from starter.moments import resolve
from starter.scenario import NEEDS_DOSSIER

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)


def played(course: Course) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The view at the end of a course, and the safeguards that refused an act, by act."""
    reference = course.reference(NOW.year)
    intake = parse_intake({**resolve(course.intake, NOW), "reference": reference}, today=NOW.date())
    case = Proceedings.open_case(
        intake, AgreementShelf().get("model"), reference=reference, at=NOW, seed=bytes(32), facts=None
    )
    refused: dict[str, list[str]] = {}
    for n, act in enumerate(course.acts):
        given = {**resolve(act, NOW), "act_id": f"demo-{n}"}
        if act["act"] in NEEDS_DOSSIER:
            given["dossier"] = case.case.head
        receipt = case.hear(parse_act(given), NOW)
        if receipt["refusals"]:
            refused[act["act"]] = [refusal["safeguard"] for refusal in receipt["refusals"]]
    return case.view(NOW), refused


def test_every_course_has_a_reference_and_a_child_of_its_own() -> None:
    """No two are taken for one."""
    assert len({course.mark for course in COURSES}) == len(COURSES) == 12
    assert len({course.intake["child"]["given_names"] for course in COURSES}) == len(COURSES)


@pytest.mark.parametrize("course", COURSES, ids=lambda course: course.mark)
def test_every_person_looks_invented(course: Course) -> None:
    """Nobody could take them for a real child."""
    assert "Invented" in course.intake["child"]["given_names"]


@pytest.mark.parametrize(
    ("mark", "stage", "holds", "refused"),
    [
        ("DEM001", "identification", [], {}),
        ("DEM002", "guardianship", [], {"place_child": "no-detention"}),
        ("DEM003", "guardianship", [], {"appoint_guardian": "guardian-independence"}),
        ("DEM004", "family_tracing", [], {}),
        ("DEM005", "family_tracing", ["asylum"], {"open_tracing": "no-contact-with-origin"}),
        ("DEM006", "identification", ["detention"], {}),
        ("DEM007", "best_interests", [], {}),
        ("DEM008", "decision", [], {}),
        ("DEM009", "decision", ["appeal"], {}),
        ("DEM010", "other_solution", [], {"determine_best_interests": "safe-family"}),
        ("DEM011", "family_tracing", ["missing"], {}),
        ("DEM012", "closed", [], {}),
    ],
)
def test_each_course_ends_where_it_is_meant_to(
    mark: str, stage: str, holds: list[str], refused: dict[str, str]
) -> None:
    """Refusals on the way are meant too, and there are no others."""
    view, found = played(next(course for course in COURSES if course.mark == mark))
    assert (view["stage"], view["holds"]) == (stage, holds)
    assert {act: safeguards[0] for act, safeguards in found.items()} == refused
