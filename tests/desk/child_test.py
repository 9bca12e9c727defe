"""The child's page: true in every stage, in the child's language, in plain words, and with nobody's data on it."""

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser
from pypdf import PdfReader
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from casefile.languages import LANGUAGES
from desk.app import create_app
from desk.development import PEOPLE, DevelopmentSignIn
from desk.frame import Desk
from desk.pages import acting
from desk.pages.child import AT_STAGE, ENDED, PAGES, SOON, parts
from desk.pages.reading import Record
from desk.people import Person
from desk.speaking import language
from procedure.vocabulary import STAGES
from tests.desk.cases_in_memory import CasesInMemory
from tests.desk.desks import Hands, a_desk, client, serving, signed_in
from tests.desk.seeing import choose, visiting
from tests.procedure.courses import FAMILY, REFERENCE, STATION, Course

CHILD = f"/cases/{REFERENCE}/child"

everywhere = pytest.mark.parametrize("code", LANGUAGES)

COURSES: dict[str, Callable[[], Course]] = {
    "opened": Course,
    "locked": lambda: Course(placement=STATION),
    "represented": lambda: Course().represented(),
    "traced": lambda: Course().traced(),
    "assessed": lambda: Course().assessed(),
    "determined": lambda: Course().determined(),
    "postponed": lambda: Course().determined("postpone", review_on="2026-05-01"),
    "to stay": lambda: Course().determined("stay"),
    "appealed": lambda: Course().determined().does("appeal", against="best_interests"),
    "asylum": lambda: Course().represented().does("lodge_asylum_claim"),
    "protected": lambda: Course().represented().does("lodge_asylum_claim").does("resolve_asylum_claim", result="granted"),
    "missing": lambda: Course().represented().does("report_missing"),
    "suspended": lambda: Course().determined().does("suspend"),
    "approved": lambda: Course().approved(),
    "decided": lambda: Course().decided(),
    "on the way": lambda: Course().departed(),
    "arrived": lambda: Course().arrived(),
    "returned": lambda: Course().visited().does("close_case", outcome="returned"),
    "stays": lambda: Course().determined("stay").does("grant_stay").does("close_case", outcome="stays"),
    "late": lambda: Course().wait(days=40),
    "eighteen": lambda: Course(born="2008-02-20").represented().wait(days=30),
    "with family": lambda: Course(situation="with_family", placement=FAMILY).represented(),
}  # fmt: skip


def a_page_of(course: Course, **changes: Any) -> Desk:
    """A desk with one case, where its guardian signs in under the course's own identifier."""
    people = (
        *PEOPLE,
        Person("guardian-1", "Elena Sample Two", "guardian", "MD"),
        Person("guardian-2", "Another Sample", "guardian", "MD"),
    )
    return a_desk(cases=CasesInMemory(course), clock=Hands(course.at), sign_in=DevelopmentSignIn(people), **changes)


def a_caseworker(course: Course) -> TestClient:
    return signed_in(client(a_page_of(course), [PAGES]), "caseworker-md-1")


def told(course: Course, code: str = "en") -> dict[str, str]:
    """What the page says, by the name of its part."""
    record = Record(course.case, course.at, course.entries)
    return {part.name: " ".join(part.sentences) for part in parts(record, language(code))}


def main_of(page: str) -> str:
    """The part of the page that a child gets."""
    return page.partition('<article class="desk-child"')[2].partition("</article>")[0]


# In every stage


@pytest.mark.parametrize("course", COURSES)
@everywhere
def test_a_child_has_a_page_whatever_happens(course: str, code: str) -> None:
    """Each part says something, in the language, with no place left to fill; and the same is never said twice."""
    made = Record(*_standing(COURSES[course]()))
    found = parts(made, language(code))
    assert {"now", "guardian", "no", "locked", "complain", "questions"} <= {part.name for part in found}
    sentences = [sentence for part in found for sentence in part.sentences]
    assert all(sentences) and not [each for each in sentences if "{" in each or "_" in each]
    assert len(sentences) == len(set(sentences))
    if code != "en":
        english = {sentence for part in parts(made, language("en")) for sentence in part.sentences}
        assert not english & set(sentences)


def _standing(course: Course) -> tuple[Any, Any, Any]:
    return course.case, course.at, course.entries


def test_every_stage_and_ending_has_its_sentence() -> None:
    """A stage that the law adds is missed here first."""
    assert set(AT_STAGE) == set(STAGES) - {"closed"}
    assert set(ENDED) == {"returned", "stays", "third_country", "adult", "transferred_to_adult_services", "withdrawn"}


def test_sentences_are_short() -> None:
    """So that a child of ten reads them: fifteen words on average, and none of them an office's."""
    every = [*AT_STAGE.values(), *ENDED.values(), *SOON.values()]
    every += [each for course in COURSES.values() for each in told(course()).values()]
    sentences = [each for text in every for each in re.split(r"(?<=[.!?]) ", text)]
    assert max(len(each.split()) for each in sentences) <= 25
    assert sum(len(each.split()) for each in sentences) / len(sentences) < 13
    offices = ("determination", "procedure", "consent", "assessment", "authority", "safeguard", "detention", "case ")
    assert not [each for each in sentences if any(word in each.lower() for word in offices)]


# What it says


def test_the_guardian_is_told_of_as_it_is() -> None:
    """Not yet there, there, and never by name or number; lines are there to write on."""
    before, after = told(Course())["guardian"], told(Course().represented())["guardian"]
    assert "no guardian yet" in before and "no guardian yet" not in after
    page = a_caseworker(Course().represented()).get(CHILD).text
    assert "guardian-1" not in main_of(page) and "counsel-1" not in main_of(page)
    assert main_of(page).count("desk-child__line") >= 5


def test_what_can_be_refused_depends_on_where_the_case_stands() -> None:
    """Tracing until it began, the return until the arrival, and the own yes from the age of consent on."""
    opened, traced, arrived = (told(course)["no"] for course in (Course(), Course().traced(), Course().arrived()))
    assert "look for your family" in opened and "look for your family" not in traced
    assert "no to going back" in traced and "no to going back" not in arrived
    assert "without your own yes" in opened
    assert "without your own yes" not in told(Course(born="2018-05-04"))["no"]
    assert "look for your family" not in told(Course(situation="with_family", placement=FAMILY))["no"]


def test_nobody_may_lock_a_child_up() -> None:
    """It stands on every page; where the child may be locked in, it says that this must end."""
    assert "Nobody may lock you up" in told(Course())["locked"] and "at once" in told(Course())["locked"]
    locked = told(Course(placement=STATION))
    assert "That is not right." in locked["locked"] and "that must end" in locked["next"]


def test_what_happens_next_is_what_is_owed() -> None:
    """With the day by which it should happen, and, when that is over, that one may ask why."""
    opened = told(Course())["next"]
    assert "You get a guardian. This should happen by 5 February 2026." in opened
    assert "You may ask why" in told(Course().wait(days=40))["next"] and "You may ask why" not in opened
    agreed = told(Course().determined())["next"]
    assert "You can say no." in agreed and "You can say no. This should" not in agreed
    assert "You are on your way." in told(Course().departed())["next"]
    assert "next" not in told(COURSES["returned"]())


def test_protection_comes_first() -> None:
    """A child that asked for it reads that nobody may send it back."""
    assert "nobody may send you back" in told(COURSES["asylum"]())["now"]
    assert "You have been given protection." in told(COURSES["protected"]())["now"]


def test_nothing_personal_stands_on_the_sheet_but_the_given_name() -> None:
    """As it is on record today, also after a correction; no family name, place, birthday, relative or reference."""
    course = Course().traced().does("correct", entry=1, fields={"child.given_names": "Proba"})
    sheet = main_of(a_caseworker(course).get(CHILD).text)
    assert "Proba" in sheet
    for word in ("Invented", "2013", "Mother", "mother", "r1", REFERENCE, "caseworker-1", "Test"):
        assert word not in sheet, word


# Who, and in which language


@pytest.mark.parametrize("person", [*(each.id for each in PEOPLE), "guardian-1", "guardian-2"])
def test_only_who_speaks_with_the_child_gets_the_page(person: str) -> None:
    """The guardian in office, caseworkers and central authority of the host; and the child whose case it is."""
    may = {"child-md-1", "guardian-1", "caseworker-md-1", "central-authority-md-1", "central-authority-md-2"}
    browser = signed_in(client(a_page_of(Course().represented()), [PAGES]), person)
    status = browser.get(CHILD).status_code
    assert status == 200 if person in may else status in (403, 404)


def test_a_child_of_another_case_gets_the_answer_of_no_case() -> None:
    """Who signs in as a child and knows a reference reads and says nothing there."""
    course = Course().represented()
    desk = a_page_of(course)
    browser = signed_in(client(desk, [PAGES, acting.PAGES]), "child-md-1", case="MD-UA-2026-000000")
    nowhere = "/cases/MD-UA-2026-111111"
    for page in ("child", "acts/complain", "acts/appeal"):
        told, of_none = browser.get(f"/cases/{REFERENCE}/{page}"), browser.get(f"{nowhere}/{page}")
        assert (told.status_code, of_none.status_code) == (404, 404)
        main = [each.text.partition("<main")[2].partition("</main>")[0] for each in (told, of_none)]
        said = {each.replace(REFERENCE, "").replace("MD-UA-2026-111111", "") for each in main}
        assert len(said) == 1 and "" not in said
    mine = signed_in(client(desk, [PAGES, acting.PAGES]), "child-md-1")
    assert mine.get(f"/cases/{REFERENCE}/acts/complain").status_code == 200


@everywhere
def test_the_sheet_is_in_the_language_that_is_chosen(code: str) -> None:
    """Whatever the reader's own is, and marked so; without a choice in the child's."""
    browser = a_caseworker(Course().represented())
    browser.headers["Accept-Language"] = "ro"
    page = browser.get(CHILD, params={"language": code}).text
    assert f'<article class="desk-child" lang="{code}">' in page and '<html lang="ro"' in page
    assert language(code).gettext("What happens next") in main_of(page)
    assert '<article class="desk-child" lang="uk">' in browser.get(CHILD).text


def test_a_language_that_we_do_not_speak() -> None:
    """Asked for, there is no page; the child's own, the sheet is in the reader's."""
    browser = a_caseworker(Course(child={"languages": ["ar", "ckb"]}))
    assert browser.get(CHILD, params={"language": "de"}).status_code == 404
    browser.headers["Accept-Language"] = "ky"
    assert '<article class="desk-child" lang="ky">' in browser.get(CHILD).text
    assert (
        a_caseworker(Course(child={"languages": ["ar", "ru-MD"]})).get(CHILD).text.count('desk-child" lang="ru"') == 1
    )


FULLEST = ("opened", "late", "asylum", "missing", "suspended")
"""Courses whose sheets have the most to tell."""


@pytest.mark.parametrize("name", FULLEST)
def test_the_sheet_is_printed_on_one_page_in_large_letters(browser: Browser, name: str) -> None:
    """In every language: the sheet and nothing else of the desk, on one side of A4, and no letter below fourteen points."""
    course = COURSES[name]()

    def make(address: str) -> ASGIApp:
        return create_app(a_page_of(course, base_url=address), pages=[PAGES])

    with serving(make) as address, visiting(browser, "en") as window:
        window.goto(address + CHILD)
        choose(window, "caseworker-md-1")
        for code in LANGUAGES:
            window.goto(f"{address}{CHILD}?language={code}")
            window.evaluate("document.fonts.ready.then(() => true)")
            printed = PdfReader(io.BytesIO(window.pdf(prefer_css_page_size=True)))
            text = " ".join(each.extract_text() for each in printed.pages)
            assert (code, len(printed.pages)) == (code, 1)
            # Chromium rounds A4 up to whole pixels.
            wide, high = (float(size) for size in printed.pages[0].mediabox[2:])
            assert abs(wide - 595) < 2 and abs(high - 842) < 2
            assert not [word for word in ("caseworker", "Homeward", "Development", REFERENCE) if word in text]
        window.emulate_media(media="print")
        sizes = window.locator(".desk-child :not(:has(*))").evaluate_all(
            "all => all.map(each => parseFloat(getComputedStyle(each).fontSize) * 0.75)"
        )
        assert len(sizes) > 20 and min(sizes) >= 14
