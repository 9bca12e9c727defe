"""The live picture of the procedure: all of it is drawn, no ending larger than another, and where a case is can be read."""

import re
from xml.etree import ElementTree as ET

import pytest

from casefile.languages import LANGUAGES, capitalised
from desk.picture import Where, in_words, picture
from desk.speaking import language
from procedure.vocabulary import STAGES, Solution
from tests.procedure.courses import Course

SVG = "{http://www.w3.org/2000/svg}"
ENDINGS = ("stays", "third_country", "returned")
everywhere = pytest.mark.parametrize("code", LANGUAGES)


def drawn(where: Where, code: str = "en") -> ET.Element:
    """The picture, read as XML."""
    made = str(picture(where, language(code)))
    return ET.fromstring(made.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"'))


def texts(part: ET.Element) -> str:
    """All that is written in a part, with one blank between words."""
    return " ".join(" ".join(each.text or "" for each in part.iter(f"{SVG}text")).split())


def marked(where: Where, mark: str, code: str = "en") -> list[str]:
    """What is written in the boxes of the wide drawing that are marked so."""
    wide = drawn(where, code)[0]
    return [texts(group) for group in wide.iter(f"{SVG}g") if group.get("class") == f"desk-procedure__{mark}"]


@everywhere
def test_every_stage_and_all_three_endings_are_drawn(code: str) -> None:
    """Both drawings name all stages but the closing, and the three endings, whatever the case."""
    said = language(code)
    for where in (Where("identification"), Where("travel", "return"), Where("closed", "stay", "stays")):
        for each in drawn(where, code):
            written = texts(each).replace("▶ ", "")
            words = [said.term("stage", stage) for stage in STAGES if stage != "closed"]
            words += [said.term("outcome", outcome) for outcome in ENDINGS]
            assert [word for word in words if capitalised(word) not in written] == []


def test_no_ending_is_drawn_better_than_another() -> None:
    """While nothing is decided the three endings have the same shape, size and mark, and stand in one line."""
    wide = drawn(Where("best_interests"))[0]
    names = {capitalised(language("en").term("outcome", outcome)) for outcome in ENDINGS}
    found = [group for group in wide.iter(f"{SVG}g") if texts(group) in names]
    shapes = {tuple(group[0].get(name) for name in ("x", "width", "height", "rx")) for group in found}
    assert (len(found), len(shapes), {group.get("class") for group in found}) == (3, 1, {"desk-procedure__ahead"})


@pytest.mark.parametrize(
    ("where", "here"),
    [
        (Where("identification"), "Identification"),
        (Where("best_interests", "postpone"), "Best interests"),
        (Where("travel", "return"), "Travel"),
        (Where("other_solution", "stay"), "Other solution"),
        (Where("closed", "third_country"), "Care in a third country"),
        (Where("closed", "return", "returned"), "The child has returned"),
    ],
)
def test_where_the_case_is_is_said_in_a_word(where: Where, here: str) -> None:
    """One box alone is marked as where the case is, and it says so in words."""
    (found,) = marked(where, "here")
    assert here in found
    assert "The case is here" in found
    assert texts(drawn(where)[1]).count("▶") == 1


def test_of_the_three_ways_the_one_that_was_found_is_marked() -> None:
    """A stay leaves the way of the return aside, and the stage that both other ways have is marked once."""
    aside = marked(Where("other_solution", "stay"), "other")
    assert [
        name for name in ("Decision", "Travel", "Reintegration", "The child has returned") if name not in aside
    ] == []
    assert "The child stays" not in aside
    assert len(marked(Where("other_solution", "stay"), "here")) == 1


def test_a_case_closed_early_is_at_no_ending() -> None:
    """Who turned out to be an adult has come to none of the three endings, and the words say what was the end."""
    where = Where("closed", None, "adult")
    assert [marked(where, mark) for mark in ("here", "behind", "ahead")] == [[], [], []]
    assert "an adult, not a child" in in_words(where, language("en"))


@everywhere
def test_the_picture_has_a_text_alternative(code: str) -> None:
    """Each drawing is an image with a title and a description, which names the stage and all endings."""
    said = language(code)
    for svg in drawn(Where("decision", "return"), code):
        ids = {each.get("id"): each.text or "" for each in svg.iter() if each.get("id")}
        title, description = (ids[id] for id in (svg.get("aria-labelledby") or "").split())
        assert (svg.get("role"), bool(title)) == ("img", True)
        words = [said.term("stage", "decision"), *(said.term("outcome", outcome) for outcome in ENDINGS)]
        assert [word for word in words if word not in description] == []


@everywhere
def test_words_stay_in_their_boxes(code: str) -> None:
    """No line in a box has more letters than there is room for, and no box more lines."""
    wide = drawn(Where("identification"), code)[0]
    for group in wide.iter(f"{SVG}g"):
        lines = [each.text or "" for each in group.iter(f"{SVG}text") if each.get("class") is None]
        assert (max(map(len, lines)) <= 16, len(lines) <= 3) == (True, True), lines


def test_nothing_in_it_breaks_the_policy_of_the_pages() -> None:
    """No script, no style, nothing fetched."""
    made = picture(Where("travel", "return"), language("uk"))
    assert re.search(r"<script|style=|<style|href=|\son\w+=", made) is None


@pytest.mark.parametrize("solution", ["return", "stay"])
def test_every_stage_of_a_course_has_its_place(solution: Solution) -> None:
    """Wherever an invented case stands, the picture marks exactly one place."""
    course = Course()
    for step in ("identified", "represented", "traced"):
        course = getattr(Course(), step)()
        assert len(marked(Where(course.case.stage, course.case.solution), "here")) == 1
    course = Course().determined(solution)
    assert len(marked(Where(course.case.stage, course.case.solution), "here")) == 1
