"""The inbox: what I owe and by when, what waits for others, what nobody holds; counts that are right, pages that are quick."""

import re
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from sqlalchemy import event
from starlette.testclient import TestClient

from activities.caseload import Caseload
from activities.rebuild import row_of_view
from casefile.languages import LANGUAGES
from desk.app import create_app
from desk.development import DevelopmentSignIn
from desk.frame import Desk
from desk.pages.owing import GROUPS, PAGE, Which, owed_page
from desk.speaking import LANGUAGE_COOKIE
from procedure.entries import moment, read_moment
from starter.client import EngineUnreachable
from tests.desk.at_work import PAGES, REFERENCE, a_desk_of, cases_of, closing, done, listed, working
from tests.desk.cases_in_memory import somebody
from tests.desk.desks import client, serving, signed_in
from tests.desk.seeing import axe_finds, choose, fits, visiting
from tests.procedure.courses import PEOPLE, Course
from workflows.messages import CaseloadRow

__all__ = ["closing"]
pytestmark = pytest.mark.usefixtures("closing")

NOW = datetime(2026, 2, 4, 9, tzinfo=UTC)
"""A Wednesday."""
DUES = {
    "overdue": [timedelta(days=-30), timedelta(seconds=-1)],
    "today": [timedelta(0), timedelta(hours=14)],
    "week": [timedelta(hours=15), timedelta(days=7, hours=14)],
    "later": [timedelta(days=7, hours=15), timedelta(days=90)],
    "undated": [None],
}
"""How long after now an act is due in each group, its earliest and its latest moment. The day ends in 15 hours."""


def row(n: int, due: timedelta | None = None, **changes: Any) -> CaseloadRow:
    """A case in which the caseworker of Moldova owes one act."""
    owed: dict[str, Any] = {
        "act": "hear_child",
        "role": "caseworker",
        "state": "MD",
        "deadline": "hearing",
        "due": None if due is None else moment(NOW + due),
        "overdue": False,
        "escalations": 0,
        **{
            name: changes.pop(name)
            for name in ("role", "state", "act", "deadline", "stands_still", "person")
            if name in changes
        },
    }
    fields: dict[str, Any] = {
        "reference": f"MD-UA-2026-{n:06}",
        "agreement": "model",
        "host_state": "MD",
        "origin_state": "UA",
        "status": "open",
        "stage": "best_interests",
        "solution": None,
        "outcome": None,
        "holds": [],
        "awaiting": [owed],
        "next_due": owed["due"],
        "overdue": False,
        "entries": 5,
        "refused": 0,
        "opened_at": moment(NOW),
        "updated_at": moment(NOW),
        **changes,
    }
    return CaseloadRow(**fields)


def a_desk_with(folder: Path, *rows: CaseloadRow) -> Desk:
    """A desk at the moment NOW with these rows in its caseload; its one case is not among them."""
    desk = a_desk_of(folder, Course())
    cases_of(desk).at = NOW
    done(desk.caseload.replace([(each, None) for each in rows], asked_at=NOW))
    return desk


def counts(page: str) -> dict[str, int]:
    """The numbers at the top of an inbox, by what they count."""
    listed = page.partition('class="desk-counts"')[2].partition("</ul>")[0]
    found = re.findall(r"<strong>([\d,]+)</strong> ([^<]+)</a>", listed)
    return {name: int(number.replace(",", "")) for number, name in found}


def references(page: str) -> list[str]:
    """The cases on a page, in its order."""
    return re.findall(r'<a class="govuk-link" href="/cases/([A-Z0-9-]+)">', page)


NAMES = dict(zip(GROUPS, ("Overdue", "Today", "In the next seven days", "Later", "Without a date"), strict=True))


def test_acts_are_grouped_by_when_they_are_due(tmp_path: Path) -> None:
    """Each group begins and ends where its name says, and the counts are those of the groups."""
    dues = [due for group in GROUPS for due in DUES[group]]
    page = working(a_desk_with(tmp_path, *(row(n, due) for n, due in enumerate(dues)))).get("/").text
    assert counts(page) == {NAMES[group]: len(DUES[group]) for group in GROUPS} | {"All together": len(dues)}
    assert references(page) == [f"MD-UA-2026-{n:06}" for n in range(len(dues))]
    headings = re.findall(r'<h2 class="govuk-heading-m">([^<]+)</h2>', page)
    assert headings == [f"{NAMES[group]} ({len(DUES[group])})" for group in GROUPS]


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_can_be_seen_alone(tmp_path: Path, group: str) -> None:
    """The number of a group leads to exactly its acts, and the other numbers stay as they were."""
    rows = [row(n * 10 + i, due) for n, each in enumerate(GROUPS) for i, due in enumerate(DUES[each])]
    browser = working(a_desk_with(tmp_path, *rows))
    page = browser.get(f"/?due={group}").text
    number = GROUPS.index(group)  # pyright: ignore[reportArgumentType]
    assert references(page) == [f"MD-UA-2026-{number * 10 + i:06}" for i in range(len(DUES[group]))]
    assert counts(page) == counts(browser.get("/").text)


@pytest.mark.parametrize("weekday", range(7))
def test_what_is_due_tomorrow_is_never_later(tmp_path: Path, weekday: int) -> None:
    """On a Sunday too: the days are counted from today, and not to the end of a week."""
    desk = a_desk_with(tmp_path, row(1, timedelta(days=weekday + 1)))
    cases_of(desk).at = NOW + timedelta(days=weekday)
    assert counts(working(desk).get("/").text)["In the next seven days"] == 1


def test_an_act_whose_time_stands_still_presses_nobody(tmp_path: Path) -> None:
    """It stands among those without a date, and says why."""
    desk = a_desk_with(tmp_path, row(1, timedelta(days=-3), stands_still=True))
    page = working(desk).get("/").text
    assert (counts(page)["Overdue"], counts(page)["Without a date"]) == (0, 1)
    assert "The time stands still" in page


def test_i_owe_what_my_role_of_my_state_owes(tmp_path: Path) -> None:
    """Another role's act, and the same role's of the other state, wait for others."""
    rows = [row(1), row(2, role="guardian"), row(3, state="UA"), row(4, host_state="RO", origin_state="BG", state="RO")]
    browser = working(a_desk_with(tmp_path, *rows))
    assert references(browser.get("/").text) == ["MD-UA-2026-000001"]
    page = browser.get("/others").text
    assert references(page) == ["MD-UA-2026-000002", "MD-UA-2026-000003"]
    assert "The guardian from Moldova" in page
    assert "The caseworker from Ukraine" in page


def test_a_colleague_s_cases_wait_for_others(tmp_path: Path) -> None:
    """I owe what names me and what names nobody; what names a colleague stands with what waits for others, and says whom."""
    me, colleague = PEOPLE["caseworker"][0], "cw-of-somebody-else"
    rows = [row(1, person=me), row(2), row(3, person=colleague), row(4, role="guardian", person="guardian-1")]
    browser = working(a_desk_with(tmp_path, *rows))
    page = browser.get("/").text
    assert (references(page), counts(page)["All together"]) == (["MD-UA-2026-000001", "MD-UA-2026-000002"], 2)
    page = browser.get("/others").text
    assert (references(page), counts(page)["All together"]) == (["MD-UA-2026-000003", "MD-UA-2026-000004"], 2)
    assert f"The caseworker from Moldova ({colleague})" in page


def test_a_guardian_sees_the_cases_of_the_guardian(tmp_path: Path) -> None:
    """Another guardian's child is not among them."""
    rows = [
        row(1, role="guardian", person=PEOPLE["guardian"][0]),
        row(2, role="guardian", person="guardian-of-another-child"),
    ]
    assert references(working(a_desk_with(tmp_path, *rows), "guardian").get("/").text) == ["MD-UA-2026-000001"]


def test_a_case_that_is_assigned_leaves_the_inboxes_of_colleagues(tmp_path: Path) -> None:
    """From the law through the caseload to the page: assigned to a colleague, the case is mine no more."""
    course = Course().represented()
    desk = a_desk_of(tmp_path, course)
    for caseworker, mine in ((PEOPLE["caseworker"][0], True), ("cw-of-somebody-else", False)):
        course.does("assign", "authority", caseworker={"id": caseworker})
        listed(desk)
        browser = working(desk)
        assert (REFERENCE in references(browser.get("/").text)) is mine
        assert (f"({caseworker})" in browser.get("/others").text) is not mine


def test_my_acts_and_those_that_name_nobody_stand_in_one_order(tmp_path: Path) -> None:
    """Page by page and in each group by due moment, whoever is named; every act once, filters and counts with it."""
    me = PEOPLE["caseworker"][0]
    named = [{"person": me}, {}, {"person": "cw-of-somebody-else"}]
    rows = [row(n, timedelta(hours=n - 20), stage="travel", **named[n % 3]) for n in range(66)]
    mine = [f"MD-UA-2026-{n:06}" for n in range(66) if n % 3 != 2]
    browser = working(a_desk_with(tmp_path, *rows, row(99, timedelta(0), person=me)))
    pages = [browser.get(f"/?stage=travel&page={number}").text for number in (1, 2, 3)]
    assert [reference for page in pages for reference in references(page)] == mine
    assert {counts(page)["All together"] for page in pages} == {44}
    assert references(browser.get("/?stage=travel&due=overdue").text) == mine[:14]
    assert counts(pages[0])["Overdue"] == 14


def test_what_is_asked_is_called_by_the_question_and_not_by_one_answer(tmp_path: Path) -> None:
    """A decision on the return is owed, not an approval; an answer on the consent, not a consent."""
    rows = [
        row(1, role="central_authority", act="approve_return", deadline="approval_host"),
        row(2, role="guardian", act="give_consent", deadline="consent"),
        row(3, role="guardian", act="give_consent", deadline=None),
        row(4, role="guardian", act="hear_child"),
    ]
    desk = a_desk_with(tmp_path, *rows)
    page = working(desk, "authority").get("/").text
    assert "Decision of the host state on the return" in page
    assert "Approval of the return, or declining of the return" in page
    page = working(desk, "guardian").get("/").text
    called = re.findall(r'href="/cases/[^"]+/acts/\w+">([^<]+)<', page)
    assert sorted(called) == ["Answer on the consent to the return"] * 2 + ["Hearing of the child"]


def test_a_child_is_asked_and_owes_nothing(tmp_path: Path) -> None:
    """The list, its heading and its emptiness speak of what is asked."""
    desk = a_desk_with(tmp_path, row(1, role="child", act="give_consent", deadline="consent"))
    page = of_case(desk, "MD-UA-2026-000001").get("/").text
    assert re.search(r"<h1[^>]*>What I am asked</h1>", page)
    assert "Answer on the consent to the return" in page
    empty = of_case(a_desk_with(tmp_path / "b"), "MD-UA-2026-000001").get("/").text
    assert "You are asked nothing now." in empty
    assert "owe" not in re.sub(r"<[^>]+>", "", empty.partition("<main")[2].partition("</main>")[0])


def test_a_child_is_asked_in_its_own_case_alone(tmp_path: Path) -> None:
    """What other children of the state are asked is on no page and in no count."""
    desk = a_desk_with(tmp_path, *(row(n, role="child", act="give_consent", deadline="consent") for n in (1, 2)))
    page = of_case(desk, "MD-UA-2026-000002").get("/").text
    assert (references(page), counts(page)["All together"]) == (["MD-UA-2026-000002"], 1)
    assert references(of_case(desk, "MD-UA-2026-000003").get("/").text) == []


def of_case(desk: Desk, case: str) -> TestClient:
    """A browser at which the child of that case is signed in."""
    sign_in = DevelopmentSignIn([replace(somebody("child"), cases=frozenset[str]())])
    return signed_in(client(replace(desk, sign_in=sign_in), PAGES), PEOPLE["child"][0], case=case)


def test_who_never_owes_anything_begins_with_finding_a_case_and_the_figures(tmp_path: Path) -> None:
    """An auditor's list would always be empty."""
    browser = working(a_desk_with(tmp_path, row(1)), "auditor")
    main = browser.get("/").text.partition("<main")[2]
    assert "What I owe" not in main
    assert 'action="/find"' in main
    assert "Figures over the cases hosted by Moldova" in main
    assert "figures over those that Moldova hosts" in main
    assert "all cases" not in main
    assert {"/figures", "/others", "/board"} <= set(re.findall(r'href="([^"]+)"', main))
    assert "What I owe" in working(a_desk_with(tmp_path / "b"), "court").get("/").text


def test_an_auditor_sees_what_waits_in_the_cases_of_their_state(tmp_path: Path) -> None:
    """Not in those of other states, nor in those of which it is the origin."""
    rows = [row(1), row(2, host_state="RO", origin_state="BG", state="RO"), row(3, host_state="RO", origin_state="MD")]
    found = references(working(a_desk_with(tmp_path, *rows), "auditor").get("/others").text)
    assert found == ["MD-UA-2026-000001"]


@pytest.mark.parametrize(
    ("asked", "fitting"),
    [
        ("stage=travel", {2}),
        ("hold=asylum", {3}),
        ("state=RO", {4}),
        ("state=md&hold=asylum", {3}),
        ("stage=travel&hold=asylum", set[int]()),
        ("stage=nonsense&page=x", {1, 2, 3, 4}),
    ],
)
def test_filters_narrow_the_rows_and_the_counts(tmp_path: Path, asked: str, fitting: set[int]) -> None:
    """By stage, hold and state of the case, together where several are given; what there is not is left aside."""
    rows = [row(1), row(2, stage="travel"), row(3, holds=["appeal", "asylum"]), row(4, origin_state="RO")]
    page = working(a_desk_with(tmp_path, *rows)).get(f"/?{asked}").text
    assert references(page) == [f"MD-UA-2026-{n:06}" for n in sorted(fitting)]
    assert counts(page)["All together"] == len(fitting)
    assert ("Nothing fits what you filter by." in page) is not bool(fitting)


@pytest.mark.parametrize("address", ["/", "/others"])
def test_the_state_of_the_case_is_chosen_by_its_name(tmp_path: Path, address: str) -> None:
    """Nothing is typed that could be misunderstood; what is chosen stands chosen, in the reader's language."""
    browser = working(a_desk_with(tmp_path, row(1)))

    def offered(asked: str) -> str:
        page = browser.get(address + asked).text
        assert '<input class="govuk-input govuk-input--width-3"' not in page
        return page.partition('<select class="govuk-select" id="state"')[2].partition("</select>")[0]

    assert re.search(r'<option value="RO" selected[^>]*>Romania</option>', offered("?state=ro"))
    assert " selected" not in offered("?state=Romania")
    browser.cookies.set(LANGUAGE_COOKIE, "ro")
    assert re.search(r'<option value="RO" selected[^>]*>România</option>', offered("?state=RO"))


def test_what_waits_for_others_can_be_narrowed_to_a_role(tmp_path: Path) -> None:
    """Only what the guardian owes is left."""
    rows = [row(1, role="guardian"), row(2, role="bid_panel")]
    page = working(a_desk_with(tmp_path, *rows)).get("/others?role=guardian").text
    assert references(page) == ["MD-UA-2026-000001"]


def test_pages_hold_twenty_and_lead_to_one_another(tmp_path: Path) -> None:
    """Going from page to page shows every act once, in order, and keeps the filter."""
    rows = [row(n, timedelta(hours=n), stage="travel") for n in range(45)]
    browser = working(a_desk_with(tmp_path, *rows, row(99)))
    address: str | None = "/?stage=travel"
    found: list[str] = []
    pages = 0
    while address:
        page = browser.get(address).text
        found += references(page)
        pages += 1
        following = re.search(r'href="([^"]+)" rel="next"', page)
        address = following[1].replace("&amp;", "&") if following else None
    assert (found, pages) == ([f"MD-UA-2026-{n:06}" for n in range(45)], 3)
    assert references(browser.get("/?stage=travel&page=9999").text) == found[40:]
    assert 'rel="prev"' in browser.get("/?stage=travel&page=2").text


@contextmanager
def statements(caseload: Caseload) -> Generator[list[str]]:
    """The statements that a caseload sends to its database."""
    engine = caseload._engine.sync_engine  # pyright: ignore[reportPrivateUsage]
    sent: list[str] = []

    def take(connection: Any, cursor: Any, statement: str, *further: Any) -> None:
        if statement.startswith("SELECT"):
            sent.append(statement)

    event.listen(engine, "before_cursor_execute", take)
    yield sent
    event.remove(engine, "before_cursor_execute", take)


@pytest.mark.parametrize(
    ("which", "index"),
    [
        (Which(by=somebody("caseworker")), {"ix_owed_acts_person"}),
        (Which(by=somebody("caseworker"), group="week"), {"ix_owed_acts_person"}),
        (Which(not_by=somebody("caseworker"), party=["MD"]), {"ix_owed_acts_host", "ix_owed_acts_origin"}),
        (Which(not_by=somebody("auditor")), {"ix_owed_acts_overdue"}),
    ],
    ids=["mine", "mine in the next seven days", "of others", "everywhere"],
)
async def test_what_is_not_shown_is_not_looked_at(tmp_path: Path, which: Which, index: set[str]) -> None:
    """Counts and keys come out of an index that begins with whom or which state is asked about, and never out of all acts."""
    caseload = Caseload(f"sqlite:///{tmp_path / 'planned.sqlite'}")
    await caseload.make_ready()
    engine = caseload._engine.sync_engine  # pyright: ignore[reportPrivateUsage]
    asked: list[tuple[str, Any]] = []

    def take(connection: Any, cursor: Any, statement: str, values: Any, *further: Any) -> None:
        asked.append((statement, values))

    event.listen(engine, "before_cursor_execute", take)
    await owed_page(caseload, which, NOW)
    event.remove(engine, "before_cursor_execute", take)
    plans: list[str] = []
    async with caseload.reading() as session:
        connection = await session.connection()
        for statement, values in asked:
            if "owed_acts" in statement and statement.startswith("SELECT"):
                plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
                plans += [str(step[-1]) for step in plan if "owed_acts" in step[-1]]
    await caseload.close()
    # The rows of the page themselves are looked up by their keys.
    used = {step.partition(" INDEX ")[2].partition(" ")[0] for step in plans if "(reference=?" not in step}
    assert used == index and not any(step.startswith("SCAN") for step in plans), plans
    assert all("COVERING" in step for step in plans if "(reference=?" not in step)


async def test_a_page_costs_three_questions_however_many_cases(tmp_path: Path) -> None:
    """Of 3,000 acts the counts are right and twenty rows are read, in the same three questions as of none."""
    caseload = Caseload(f"sqlite:///{tmp_path / 'many.sqlite'}")
    rows = [row(n, timedelta(hours=n % 400 - 100) if n % 7 else None) for n in range(3_000)]
    await caseload.replace([(each, None) for each in rows], asked_at=NOW)
    with statements(caseload) as sent:
        page = await owed_page(caseload, Which(by=somebody("caseworker")), NOW, 70)
    assert (len(sent), len(page.rows), page.pages, page.all) == (3, PAGE, 150, 3_000)

    def group(each: CaseloadRow) -> str:
        if each.next_due is None:
            return "undated"
        due = read_moment(each.next_due) - NOW
        return next(g for g in GROUPS if due <= (DUES[g][-1] or due))

    assert page.counts == dict.fromkeys(GROUPS, 0) | Counter(map(group, rows))
    await caseload.close()


# Looking for a case


@pytest.mark.parametrize("typed", [REFERENCE, f" {REFERENCE.lower()} "])
def test_a_whole_reference_leads_to_the_case(tmp_path: Path, typed: str) -> None:
    """However it is written."""
    answer = working(a_desk_with(tmp_path)).get("/find", params={"reference": typed})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/cases/{REFERENCE}")


def test_a_part_of_a_reference_finds_the_cases_that_hold_it(tmp_path: Path) -> None:
    """A sign that means something to the database means itself."""
    browser = working(a_desk_with(tmp_path, row(17), row(170), row(2)))
    assert references(browser.get("/find?reference=0017").text) == ["MD-UA-2026-000017", "MD-UA-2026-000170"]
    assert references(browser.get("/find?reference=%25").text) == []


# The board of cases that nobody holds


def test_the_board_shows_cases_in_which_nobody_owes_anything(tmp_path: Path) -> None:
    """A case that only waits for the time to appeal says so; one that nobody holds is marked; closed ones are no worry."""
    waits = Course().approved()
    assert waits.view["awaiting"] == []
    desk = a_desk_of(tmp_path, waits)
    listed(desk)
    page = working(desk).get("/board").text
    assert references(page) == [REFERENCE]
    assert "until then an appeal can be lodged" in page
    lost = replace(row_of_view(waits.view), reference="MD-UA-2026-000001")
    closed = replace(lost, reference="MD-UA-2026-000002", status="closed", stage="closed")
    page = working(a_desk_with(tmp_path / "another", lost, closed, row(3))).get("/board").text
    assert references(page) == ["MD-UA-2026-000001"]
    assert "Nobody holds this case" in page


def test_the_board_is_there_when_the_engine_is_not(tmp_path: Path) -> None:
    """It comes from the table, and a case that gives no answer is marked."""
    desk = a_desk_with(tmp_path, row(1, awaiting=[]))
    cases_of(desk).silent = EngineUnreachable("The engine cannot be reached.")
    assert "Nobody holds this case" in working(desk).get("/board").text


def test_an_empty_board_says_that_all_is_well(tmp_path: Path) -> None:
    """Somebody holds every case."""
    assert "Somebody holds every open case." in working(a_desk_with(tmp_path, row(1))).get("/board").text


# Who sees what


@pytest.mark.parametrize("who", ["child", "guardian", "relative", "escort", "health"])
@pytest.mark.parametrize("address", ["/others", "/board"])
def test_persons_see_what_they_owe_and_no_lists_of_cases(tmp_path: Path, who: str, address: str) -> None:
    """Lists of other people's cases are for authorities, courts and auditors."""
    browser = working(a_desk_with(tmp_path, row(17)), who)
    assert browser.get("/").status_code == 200
    assert browser.get(address).status_code == 403
    assert references(browser.get("/find?reference=0017").text) == []


def test_law_enforcement_sees_no_case_and_reports_by_reference(tmp_path: Path) -> None:
    """Its page asks for a reference and leads to one of three reports; lists and the search are closed."""
    browser = working(a_desk_with(tmp_path, row(1, role="law_enforcement")), "police")
    assert references(browser.get("/").text) == []
    for address in ("/others", "/board", "/find?reference=1"):
        assert browser.get(address).status_code == 403
    answer = browser.get("/alarm", params={"reference": REFERENCE, "act": "report_missing"})
    assert answer.headers["location"] == f"/cases/{REFERENCE}/acts/report_missing"
    for wrong, at in (
        ({"reference": "x", "act": "report_missing"}, ["reference"]),
        ({"reference": REFERENCE, "act": "note"}, ["act"]),
        ({"reference": "x"}, ["reference", "act"]),
    ):
        answer = browser.get("/alarm", params=wrong)
        assert answer.status_code == 422
        assert re.findall(r'id="(\w+)-error"', answer.text) == at
        assert [each for each in re.findall(r'href="#(\w+)"', answer.text) if each in ("reference", "act")] == at


def test_nobody_sees_anything_without_signing_in(tmp_path: Path) -> None:
    """Each address leads to the sign-in and back."""
    browser = TestClient(create_app(a_desk_with(tmp_path), pages=PAGES), base_url="http://127.0.0.1:8080")
    for address in ("/", "/others", "/board", "/find"):
        assert browser.get(address, follow_redirects=False).headers["location"].startswith("/sign-in")


# Seen


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("address", ["/", "/others", "/board", "/find?reference=zz", "/?due=today&stage=travel"])
def test_the_pages_stand_in_every_language(tmp_path: Path, code: str, address: str) -> None:
    """With acts in every group."""
    rows = [row(n, due) for n, due in enumerate(due for group in GROUPS for due in DUES[group])]
    browser = working(a_desk_with(tmp_path, *rows, row(90, awaiting=[]), row(91, role="guardian", holds=["review"])))
    browser.cookies.set(LANGUAGE_COOKIE, code)
    answer = browser.get(address)
    assert (answer.status_code, answer.headers["content-language"]) == (200, code)


@pytest.mark.parametrize("width", [320, 1280])
def test_the_inbox_is_accessible_in_a_real_browser(browser: Browser, tmp_path: Path, width: int) -> None:
    """axe finds nothing on any of its pages, nothing is wider than the window, and the console says nothing."""
    rows = [row(n, due, holds=["asylum", "emergency_placement_overdue"]) for n, due in enumerate((None, timedelta(-3)))]
    desk = a_desk_with(tmp_path, *rows, row(8, awaiting=[]), *(row(n, role="guardian") for n in range(10, 40)))

    def make(address: str) -> Any:
        return create_app(replace(desk, base_url=address), pages=PAGES)

    with serving(make) as address, visiting(browser, width=width) as window:
        window.goto(address)
        choose(window, PEOPLE["caseworker"][0])
        for path in ("/", "/others?stage=best_interests&page=2", "/board", "/find?reference=0003"):
            window.goto(address + path)
            assert (axe_finds(window), fits(window)) == ([], True), path
