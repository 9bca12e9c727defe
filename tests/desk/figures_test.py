"""Figures at the desk: pictures and the same numbers in tables, in five languages, with nobody named."""

import re
from dataclasses import dataclass
from typing import Any, cast
from xml.etree import ElementTree as ET

import pytest
from playwright.sync_api import Browser
from starlette.types import ASGIApp

from activities.caseload import Caseload
from casefile.languages import LANGUAGES
from casefile.statistics import figures_of, statistics
from desk.app import create_app
from desk.frame import Desk
from desk.pages.figures import PAGES, tables
from desk.speaking import language
from starter.client import EngineUnreachable
from tests.desk.cases_in_memory import CasesInMemory
from tests.desk.desks import Hands, a_desk, client, serving, signed_in
from tests.desk.looking_back_test import eventful
from tests.desk.seeing import axe_finds, choose, fits, visiting
from tests.procedure.courses import Course

everywhere = pytest.mark.parametrize("code", LANGUAGES)

Numbers = dict[str, dict[str, list[str]]]


def courses() -> list[Course]:
    """Three invented cases: one in trouble, one come to its end, one just opened."""
    ended = Course(host="MD", origin="RO").visited()
    ended.does("close_case", outcome="returned")
    return [eventful(), ended, Course(host="MD", origin="PL")]


@dataclass(frozen=True)
class Row:
    """A row of the caseload, as far as figures read it."""

    reference: str
    host_state: str
    entries: int
    cursor: str = ""


class Listed:
    """A caseload that lists some cases."""

    def __init__(self, cases: CasesInMemory) -> None:
        self.rows = [Row(view["reference"], view["host_state"], view["entries"]) for view in cases.views()]

    async def page(self, **asked: object) -> list[Row]:
        return self.rows


def a_desk_with_figures(*of: Course, **changes: Any) -> Desk:
    """A desk whose caseload lists those cases."""
    cases = CasesInMemory(*of)
    return a_desk(cases=cases, caseload=cast(Caseload, Listed(cases)), clock=Hands(cases.at), **changes)


def numbers(page: str) -> Numbers:
    """The tables of the page: by its name, by what each row counts, its cells."""
    found: Numbers = {}
    for name, table in re.findall(r'<table[^>]*aria-labelledby="title-(\w+)">(.*?)</table>', page, re.DOTALL):
        for row in re.findall(r"<tr.*?</tr>", table, re.DOTALL)[1:]:
            first, *cells = (
                re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)
            )
            found.setdefault(name, {})[first] = cells
    return found


def test_the_tables_say_what_the_statistics_say() -> None:
    """Every figure, by stage, office, safeguard, detention and ending."""
    browser = signed_in(client(a_desk_with_figures(*courses()), [PAGES]), "auditor-md-1")
    page = browser.get("/figures").text
    found, said = statistics(figures_of(course.entries) for course in courses()), language("en")
    assert f"Cases hosted by Moldova: {found.cases}, of these closed: 1" in page
    table = numbers(page)
    assert {row: cells[0] for row, cells in table["refusals_by_safeguard"].items()} == {
        said.term("safeguard", name)[0].upper() + said.term("safeguard", name)[1:]: str(n)
        for name, n in found.refusals_by_safeguard().items()
    }
    assert sum(int(cells[0]) for cells in table["endings"].values()) == 3
    assert table["hours_to_release"]["Not yet"] == ["1"]
    missed = {row: cells for row, cells in table["deadlines_by_office"].items() if cells[1] != "0"}
    assert missed and all(cells[2] != "–" for cells in missed.values())
    assert len(table["time_in_stages"]) == len(found.time_in_stages())


def test_each_picture_stands_with_its_numbers() -> None:
    """Five drawings that a reader of the page is told in words too; no child and no case in any of it."""
    browser = signed_in(client(a_desk_with_figures(*courses()), [PAGES]), "auditor-md-1")
    main = browser.get("/figures").text.partition("<main")[2]
    drawn = re.findall(r"<svg.*?</svg>", main, re.DOTALL)
    assert len([each for each in drawn if "viewBox" in each]) == 5
    for each in drawn:
        ET.fromstring(each)
    assert not [word for word in ("Invented", "7K3F9A", "Test", "guardian-1") if word in main]


@everywhere
def test_figures_are_told_in_the_readers_language(code: str) -> None:
    """Names of stages, offices, safeguards and endings, and lengths of time."""
    said = language(code)
    found = statistics(figures_of(course.entries) for course in courses())
    made = {table.name: table for table in tables(found, said)}
    assert (made["endings"].title == "Endings, side by side") == (code == "en")
    assert (made["solutions"].title == "What panels determined") == (code == "en")
    longest = round(found.time_in_stages()["reintegration"].longest)
    assert said.days(longest) in {row[-1] for row in made["time_in_stages"].rows}
    assert all(len(row) == len(table.columns) for table in made.values() for row in table.rows)


def test_a_desk_without_cases_has_figures_too() -> None:
    """Nothing is divided by nothing."""
    desk = a_desk_with_figures()
    answer = signed_in(client(desk, [PAGES]), "auditor-md-1").get("/figures")
    assert answer.status_code == 200 and "Cases hosted by Moldova: 0, of these closed: 0" in answer.text


def test_who_has_no_part_in_the_work_sees_no_figures() -> None:
    """Nor a way to them."""
    desk = a_desk_with_figures(*courses())
    for person, status in (
        ("law-enforcement-md-1", 403),
        ("child-md-1", 403),
        ("caseworker-md-1", 403),
        ("central-authority-ua-1", 200),
    ):
        answer = signed_in(client(desk, [PAGES]), person).get("/figures")
        assert answer.status_code == status and ('href="/figures"' in answer.text) == (status == 200)


def test_an_engine_that_does_not_answer_is_told() -> None:
    """With a page that says when to come back."""
    desk = a_desk_with_figures(*courses())
    desk.cases.silent = EngineUnreachable("No engine answers.")  # pyright: ignore[reportAttributeAccessIssue]
    answer = signed_in(client(desk, [PAGES]), "auditor-md-1").get("/figures")
    assert answer.status_code == 503 and answer.headers["Retry-After"]


def test_figures_are_seen_in_a_browser(browser: Browser) -> None:
    """Axe finds nothing, folded and unfolded, on a telephone and on a desk."""

    def make(address: str) -> ASGIApp:
        return create_app(a_desk_with_figures(*courses(), base_url=address), pages=[PAGES])

    with serving(make) as address:
        for width in (320, 1280):
            with visiting(browser, "en", width) as window:
                window.goto(f"{address}/figures")
                choose(window, "auditor-md-1")
                for folded in window.locator("summary").all():
                    folded.click()
                assert axe_finds(window) == [] and fits(window)
