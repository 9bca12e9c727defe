"""The page of a case: what matters now on top, why, who may do what, the child, the story, and news of it."""

import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect
from starlette.testclient import TestClient

from activities.readings import Readings
from casefile.languages import LANGUAGES
from casefile.story import sentence
from desk.app import create_app
from desk.pages import case as case_pages
from desk.pages import reading
from desk.pages.case import number_from
from desk.speaking import LANGUAGE_COOKIE, language
from procedure.acts import ACTS
from procedure.deadlines import RULES, Rule
from procedure.vocabulary import HOLDS
from procedure.who_may_see import sees, spoke
from starter.client import NoWorkerAnswers
from tests.desk.at_work import PAGES, REFERENCE, a_desk_of, cases_of, closing, done, listed, working
from tests.desk.cases_in_memory import somebody
from tests.desk.desks import client, serving, signed_in
from tests.desk.seeing import axe_finds, choose, visiting
from tests.procedure.courses import FOSTER, HOTEL, PEOPLE, STATION, Course

__all__ = ["closing"]
pytestmark = pytest.mark.usefixtures("closing")

CASE = f"/cases/{REFERENCE}"


def seen(folder: Path, course: Course, who: str = "caseworker", address: str = CASE) -> str:
    """A page as somebody sees it, its letters as they are read."""
    answer = working(a_desk_of(folder, course), who).get(address)
    assert answer.status_code == 200
    return unescape(answer.text)


def part(page: str, begin: str, end: str = "</section>") -> str:
    """What stands between two marks."""
    assert begin in page
    return page.partition(begin)[2].partition(end)[0]


def links(text: str) -> list[str]:
    return re.findall(r'href="([^"]+)"', text)


# What matters now


def test_the_stage_stands_on_the_picture(tmp_path: Path) -> None:
    """The picture marks the case's stage, and the same stands in words beside it."""
    page = seen(tmp_path, Course().represented())
    assert "The case is here" in page
    assert "This case is in the stage “family tracing”." in page


def test_each_hold_says_what_lifts_it(tmp_path: Path) -> None:
    """Also since when, by which entry, and until when it was set."""
    course = Course().traced().does("suspend", until="2026-05-01").does("lodge_asylum_claim")
    holds = part(seen(tmp_path, course), "What holds the return")
    assert "Somebody other than who suspended the return" in holds
    assert "It was set until 1 May 2026; a person has to end it." in holds
    assert "finally refused or withdrawn lifts it" in holds
    entry = next(each for each in course.entries if each.facts.get("hold") == "asylum")
    assert f"{CASE}/entries/{entry.n}" in links(holds)


def test_every_hold_has_words_for_what_lifts_it() -> None:
    """No hold of the contract is missing, and each names acts that there are."""
    assert set(case_pages._LIFTED) == set(HOLDS)  # pyright: ignore[reportPrivateUsage]


def test_whoever_may_lift_a_hold_finds_the_act_beside_it(tmp_path: Path) -> None:
    """The caseworker sees the report of the release; who may not lift it does not."""
    course = Course().identified().does("report_detention", placement=STATION, since="2026-02-02T08:00:00Z")
    release = f"{CASE}/acts/confirm_release"
    assert release in links(part(seen(tmp_path, course), "What holds the return", "Who must do what"))
    theirs = part(seen(tmp_path / "b", course, "court"), "What holds the return", "Who must do what")
    assert release not in links(theirs)


def test_what_is_owed_says_who_when_and_why(tmp_path: Path) -> None:
    """Each owed act of the case view stands there with its due moment, how it is counted and the source of the number."""
    course = Course()
    owed = part(seen(tmp_path, course), "Who must do what", "What you may do now")
    for row in course.view["awaiting"]:
        assert language("en").term("act", row["act"]).capitalize() in owed
    assert "The guardianship authority of Moldova" in owed
    assert "Due by 5 February 2026, 09:00 UTC" in owed
    assert "The agreement gives 3 days. It runs since 2 February 2026, 09:00 UTC." in owed
    ours = "No instrument sets this number; it is this system's own default, and the agreement may change it."
    for key in ("identification", "protection_screening", "guardian"):
        assert "ours" in RULES[key].source
    assert f'{ours} It gives a measure to: "promptly", GC6 para 31<' in owed
    assert f'{ours} It gives a measure to: "as soon as possible", GC6 para 33<' in owed
    assert f"{ours}<" in owed
    assert "Where the number comes from" not in owed


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_a_number_that_is_ours_is_never_told_as_an_instrument_s(rule: Rule) -> None:
    """However the rule says it; what an instrument says without a number stands apart."""
    told = number_from(rule.source)
    assert (told["source"] is None) is bool(re.search(r"\bours\b", rule.source))
    assert not re.search(r"\bours\b", f"{told['measure']} {told['remark']}")


def test_what_an_instrument_says_without_a_number_is_told_apart() -> None:
    """A word that the number gives a measure to, or a remark on it; an instrument's own number stays its own."""
    assert number_from(RULES["release"].source) == {"source": None, "measure": '"immediately" (JGC23)', "remark": None}
    remark = number_from(RULES["emergency_placement"].source)["remark"]
    assert remark and remark.startswith("short by nature")
    assert number_from("an instrument, article 1")["source"] == "an instrument, article 1"
    assert number_from(None) == {"source": None, "measure": None, "remark": None}


def test_the_one_person_who_may_act_is_named(tmp_path: Path) -> None:
    """The hearing waits for the guardian in office."""
    assert "The guardian from Moldova: guardian-1" in seen(tmp_path, Course().represented())


def test_what_is_overdue_is_said_in_words_and_escalations_too(tmp_path: Path) -> None:
    """Not by a colour alone."""
    page = seen(tmp_path, Course().wait(days=9))
    assert "Overdue since 5 February 2026, 09:00 UTC" in page
    assert "Escalated: level 2" in page


@pytest.mark.parametrize("step", ["identified", "traced", "ready_to_approve", "planned", "departed", "arrived"])
def test_why_is_said_of_every_deadline_on_the_way(tmp_path: Path, step: str) -> None:
    """Whatever is owed on an ordinary course, its page tells why."""
    course: Course = getattr(Course(), step)()
    owed = part(seen(tmp_path, course), "Who must do what", "What you may do now")
    assert owed.count("<details") == len(course.view["awaiting"])


# What may be done


def test_owed_acts_come_first_and_the_others_say_why_not(tmp_path: Path) -> None:
    """The caseworker owes the opening of the tracing; of what is closed the reason stands there."""
    yours = part(seen(tmp_path, Course().represented()), 'id="yours"')
    owed, further = yours.partition("You may also do this")[::2]
    assert links(owed) == [f"{CASE}/acts/open_tracing"]
    assert f"{CASE}/acts/note" in links(further)
    closed = part(further, "not open to you now", "</details>")
    assert "Travel plan" in closed
    assert "best-interests determination" in closed


def test_what_is_owed_and_held_stands_among_the_owed_with_the_reason(tmp_path: Path) -> None:
    """An approval that waits behind a hold is not hidden among what was never asked for."""
    course = Course().ready_to_approve().does("suspend", "caseworker")
    yours = part(seen(tmp_path, course, "authority"), "You owe this", "You may also do this")
    assert "Approval of the return" in yours
    assert "not open to you now" in yours
    assert "suspended for a crisis" in yours


def test_the_two_answers_on_a_return_stand_side_by_side(tmp_path: Path) -> None:
    """What is owed is the decision; declining is not among what one may do besides."""
    course = Course().ready_to_approve()
    page = seen(tmp_path, course, "authority")
    owed, further = part(page, "You owe this").partition("You may also do this")[::2]
    assert "Decision of the host state on the return" in owed
    head = course.case.head
    assert links(owed) == [f"{CASE}/acts/approve_return?dossier={head}", f"{CASE}/acts/decline_return"]
    assert f"{CASE}/acts/decline_return" not in links(further)
    assert "Decision of the host state on the return" in part(page, "Who must do what", "What you may do now")
    held = course.does("suspend", "caseworker")
    barred = part(seen(tmp_path / "b", held, "authority"), "You owe this", "You may also do this")
    assert f"{CASE}/acts/decline_return" in links(barred)


def test_a_child_is_asked_for_an_answer(tmp_path: Path) -> None:
    """And does not owe a consent."""
    course = Course().determined().does("complain", "child")
    yours = part(seen(tmp_path, course, "child"), 'id="yours"')
    asked = part(yours, "You are asked this", "</ul>")
    assert "Answer on the consent to the return" in asked
    assert links(asked) == [f"{CASE}/acts/give_consent"]
    assert "You owe this" not in yours


def test_what_one_may_also_do_stands_in_the_groups_of_the_contract(tmp_path: Path) -> None:
    """Care and reports first; every act there is has its group, in its order, and each stands under its heading once."""
    assert [act for _, group in case_pages.GROUPS for act in group] == list(ACTS)
    further = part(part(seen(tmp_path, Course().represented()), 'id="yours"'), "You may also do this", "<details")
    headings = re.findall(r"<h4[^>]*>([^<]+)</h4>", further)
    named = [heading for heading, _ in case_pages.GROUPS]
    assert headings == [heading for heading in named if heading in headings]
    assert headings[0] == "Identification and care"
    assert f"{CASE}/acts/note" in links(part(further, "At any stage"))
    assert f"{CASE}/acts/report_detention" in links(part(further, "Identification and care", "<h4"))


def test_an_approval_carries_the_head_that_is_on_screen(tmp_path: Path) -> None:
    """The link to it names the newest entry of the page."""
    course = Course().ready_to_approve()
    assert f"{CASE}/acts/approve_return?dossier={course.case.head}" in links(seen(tmp_path, course, "authority"))


def test_an_auditor_reads_and_records_nothing(tmp_path: Path) -> None:
    """No act is offered."""
    assert "Your role records no acts in this case." in seen(tmp_path, Course().represented(), "auditor")


# The child, and people


def test_the_pages_of_the_child_and_of_the_past_are_one_link_away(tmp_path: Path) -> None:
    """Who may not see the child's page finds no link to it."""
    course = Course().represented()
    assert {f"{CASE}/past", f"{CASE}/child"} <= set(links(seen(tmp_path, course)))
    assert f"{CASE}/child" not in links(seen(tmp_path / "b", course, "court"))


def test_the_child_is_shown_as_known_today(tmp_path: Path) -> None:
    """A correction of the intake and a date of birth that was told later are what is shown."""
    course = Course().does("correct", "opener", entry=1, fields={"child.given_names": "Mended"})
    course.does("verify_identity", result="verified", date_of_birth="2012-01-05")
    page = part(seen(tmp_path, course), "The child</h2>", "Relatives</h2>")
    assert "Mended Invented" in page
    assert "5 January 2012, 14 years old" in page
    assert "“Invented Foster Home” (foster family, run by: foster carer)" in page


def test_a_detention_says_what_makes_it_one(tmp_path: Path) -> None:
    """Each reason, beside where the child is."""
    page = part(seen(tmp_path, Course(placement=STATION)), "Where the child is</h2>", "People in office")
    assert "This is detention" in page
    assert "the child may not leave at will" in page
    assert "a police station is never a place of care" in page


def test_people_in_office_and_relatives_are_named(tmp_path: Path) -> None:
    """Guardian, counsel, caseworkers of both states, and how each relative was found."""
    page = seen(tmp_path, Course().traced().does("assign"))
    people = part(page, "People in office</h2>", "Relatives</h2>")
    assert [name for name in ("guardian-1", "counsel-1", "caseworker-1") if name not in people] == []
    assert "Nobody is assigned" in people
    assert "Willing, able and safe" in part(page, "Relatives</h2>", "The agreement")


# The story


def test_the_story_is_told_newest_first_twenty_at_a_time(tmp_path: Path) -> None:
    """Going to older entries shows every one once."""
    course = Course().ready_to_approve().does("note").does("note")
    assert len(course.entries) > 20
    browser = working(a_desk_of(tmp_path, course))
    found: list[int] = []
    page, address = "", CASE
    while address:
        page = browser.get(address).text
        found += [int(n) for n in re.findall(r'id="entry-(\d+)"', page)]
        older = re.search(r'href="([^"]+)">Older entries', page)
        address = older[1] if older else ""
    assert found == [entry.n for entry in reversed(course.entries)]
    assert "Newer entries" in page


def test_refusals_are_visible_with_source_and_what_instead(tmp_path: Path) -> None:
    """What was refused, by which safeguard, whence it comes and what can be done."""
    course = Course()
    course.refused("place_child", placement=STATION)
    line = part(seen(tmp_path, course), f'id="entry-{course.case.n}"', "moj-timeline__item")
    for refusal in course.entries[-1].body["refusals"]:
        assert [text for text in (refusal["message"], refusal["source"], refusal["instead"]) if text not in line] == []
    assert "desk-story__refused" in line


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_story_is_told_in_the_readers_language(tmp_path: Path, code: str) -> None:
    """By the same sentences as in a printed case file."""
    course = Course().represented()
    browser = working(a_desk_of(tmp_path, course))
    browser.cookies.set(LANGUAGE_COOKIE, code)
    page = unescape(browser.get(CASE).text)
    assert [entry.n for entry in course.entries if sentence(entry, language(code)) not in page] == []


def test_an_entry_tells_what_was_said_in_it(tmp_path: Path) -> None:
    """Question by question, the reason too; a correction in the words of what it corrects."""
    course = Course().represented().does("correct", "caseworker", entry=2, fields={"sources": ["an invented letter"]})
    page = seen(tmp_path, course, address=f"{CASE}/entries/{course.case.n}")
    assert "an invented letter" in page
    assert "for reasons given in the file" in page
    assert f"{CASE}/entries/{course.case.n}" in links(seen(tmp_path / "b", course, address=f"{CASE}/entries/2"))


def test_every_entry_of_a_long_course_can_be_opened(tmp_path: Path) -> None:
    """Whatever kind it is of."""
    course = Course(placement=HOTEL).identified().wait(days=30)
    course.refused("plan_travel")
    course.does("place_child", placement=FOSTER)
    browser = working(a_desk_of(tmp_path, course))
    wrong = [each.n for each in course.entries if browser.get(f"{CASE}/entries/{each.n}").status_code != 200]
    assert (wrong, browser.get(f"{CASE}/entries/999").status_code) == ([], 404)


# Who may read


@pytest.mark.parametrize("address", [CASE, f"{CASE}/entries/1", f"{CASE}/news", f"{CASE}/refusals/1"])
def test_law_enforcement_reads_nothing(tmp_path: Path, address: str) -> None:
    """A page says so, and nothing of the case stands on it."""
    answer = working(a_desk_of(tmp_path, Course()), "police").get(address)
    assert answer.status_code == 403
    assert "This is not for your role" in answer.text
    assert [word for word in ("Invented Foster Home", "identification", "Test Invented") if word in answer.text] == []


def test_every_other_role_sees_the_page_in_every_language(tmp_path: Path) -> None:
    """On a course that has gone far, with holds, refusals and overdue acts."""
    course = Course().planned().does("suspend")
    course.refused("depart")
    course.wait(days=60)
    desk = a_desk_of(tmp_path, course)
    for who in PEOPLE:
        if who == "police":
            continue
        browser = working(desk, who)
        for code in LANGUAGES:
            browser.cookies.set(LANGUAGE_COOKIE, code)
            theirs = (
                404 if sees(somebody(who), course.case, spoke=spoke(somebody(who), course.entries)).nothing else 200
            )
            assert (who, code, browser.get(CASE).status_code) == (who, code, theirs)


@pytest.mark.parametrize("address", ["/cases/MD-UA-2026-000000", "/cases/nonsense", f"{CASE}x", f"{CASE}?before=x"])
def test_what_is_not_there_is_a_page_that_says_so(tmp_path: Path, address: str) -> None:
    """404, in the desk's own words."""
    answer = working(a_desk_of(tmp_path, Course())).get(address)
    assert (answer.status_code, "<main" in answer.text) == (404, True)


def test_an_engine_that_does_not_answer_is_said(tmp_path: Path) -> None:
    """503, and that it can be tried again."""
    desk = a_desk_of(tmp_path, Course())
    browser = working(desk)
    cases_of(desk).silent = NoWorkerAnswers("The engine is there, but no worker answers.")
    assert browser.get(CASE).status_code == 503


# News


def stream(browser: TestClient, since: int, **headers: str) -> str:
    """All that the stream of news says until it ends."""
    return browser.get(f"{CASE}/news?since={since}", headers={"HX-Request": "true", **headers}).text


@pytest.fixture
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams of news end soon."""
    monkeypatch.setattr(case_pages, "NEWS_EVERY", 0.02)
    monkeypatch.setattr(case_pages, "NEWS_LASTS", 0.1)


@pytest.mark.usefixtures("briefly")
def test_news_tell_that_something_is_new_and_not_what(tmp_path: Path) -> None:
    """One event with the number of the newest entry; none for who knows it already, by address or by what came last."""
    course = Course().represented()
    desk = a_desk_of(tmp_path, course)
    listed(desk)
    browser, n = working(desk), course.case.n
    assert stream(browser, n - 1).split() == ["event:", "news", "data:", "1", "id:", str(n)]
    assert stream(browser, n) == ""
    assert stream(browser, 1, **{"Last-Event-ID": str(n)}) == ""


def test_news_end_with_the_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has signed out elsewhere hears no more, and is told so."""
    desk = a_desk_of(tmp_path, Course())
    listed(desk)
    browser = working(desk)

    def nobody(request: Any) -> bool:
        return False

    monkeypatch.setattr(case_pages, "still_signed_in", nobody)
    assert "event: over" in stream(browser, 0)


@pytest.mark.usefixtures("briefly")
def test_news_of_a_colleagues_case_need_the_reason(tmp_path: Path) -> None:
    """As its page does, and they are noted with it."""
    course = Course().represented().does("assign", caseworker={"id": "caseworker-7"})
    desk = a_desk_of(tmp_path, course)
    listed(desk)
    browser = signed_in(client(desk, (*PAGES, reading.PAGES)), PEOPLE["caseworker"][0])
    unasked = browser.get(f"{CASE}/news?since=0")
    assert (unasked.status_code, "event:" in unasked.text) == (403, False)
    assert "why do you open it" in unasked.text
    form = dict(re.findall(r'name="(csrf|once|back)" value="([^"]+)"', unasked.text.partition("<main")[2]))
    browser.post(f"{CASE}/reason", data={**form, "reason": "stands_in"})
    assert "event: news" in stream(browser, 0)
    lines, _ = done(Readings(desk.caseload).of(REFERENCE))
    assert [(line.what, line.reason) for line in lines] == [("desk GET /cases/{reference}/news", "stands_in")]


@pytest.mark.usefixtures("briefly")
def test_one_person_hears_so_many_streams_of_news_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is told to come later, another person is not, and what has ended is counted no more."""
    desk = a_desk_of(tmp_path, Course().represented())
    listed(desk)
    browser, other = working(desk), working(desk, "authority")
    most, heard = case_pages.NEWS_AT_ONCE, dict[str, Any]()

    async def asks_meanwhile(caseload: Any, reference: str) -> int:
        # While this stream is open.
        if browser.cookies and not heard:
            heard["open"] = dict(case_pages.LISTENING)
        return 0

    monkeypatch.setattr(case_pages, "newest_entry", asks_meanwhile)
    stream(browser, 0)
    (who,) = heard["open"]
    assert (most, heard["open"], dict(case_pages.LISTENING)) == (10, {who: 1}, {})
    monkeypatch.setitem(case_pages.LISTENING, who, most)
    refused = browser.get(f"{CASE}/news")
    assert refused.status_code == 429 and int(refused.headers["Retry-After"]) >= 1
    assert other.get(f"{CASE}/news").status_code == 200
    assert dict(case_pages.LISTENING) == {who: most}


def test_news_need_a_sign_in(tmp_path: Path) -> None:
    """Nobody listens without one."""
    answer = client(a_desk_of(tmp_path, Course()), PAGES).get(f"{CASE}/news")
    assert answer.headers["location"].startswith("/sign-in")


# In a real browser


def test_new_entries_appear_without_loading_the_page_anew(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else's act shows on the open page, which says so, and what was typed elsewhere on it is not asked for."""
    monkeypatch.setattr(case_pages, "NEWS_EVERY", 0.1)
    course = Course().represented()
    desk = a_desk_of(tmp_path, course)
    listed(desk)

    def make(address: str) -> Any:
        return create_app(replace(desk, base_url=address), pages=PAGES)

    with serving(make) as address, visiting(browser) as window:
        window.goto(address)
        choose(window, PEOPLE["caseworker"][0])
        window.goto(address + CASE)
        window.evaluate("window.theSame = true")
        for act in ("open_tracing", "report_tracing"):
            n = course.case.n
            done(desk.cases.record(REFERENCE, course.act(act)))
            listed(desk)
            expect(window.locator(f"#entry-{n + 1}")).to_be_visible()
            expect(window.locator("#renewed")).to_contain_text("There was something new.")
            assert axe_finds(window) == []
        assert window.evaluate("window.theSame") is True


def test_the_page_works_without_a_script(browser: Browser, tmp_path: Path) -> None:
    """All of it is there, and what is folded unfolds."""
    desk = a_desk_of(tmp_path, Course().represented())

    def make(address: str) -> Any:
        return create_app(replace(desk, base_url=address), pages=PAGES)

    with serving(make) as address, visiting(browser, java_script_enabled=False) as window:
        window.goto(address)
        choose(window, PEOPLE["caseworker"][0])
        window.goto(address + CASE)
        window.get_by_text("Why", exact=False).first.click()
        expect(window.get_by_text("The agreement gives", exact=False).first).to_be_visible()
        expect(window.locator("#entry-1")).to_be_visible()


def test_sign_in_leads_back_to_the_case(tmp_path: Path) -> None:
    """Whoever follows a link in a notice arrives there."""
    browser = client(a_desk_of(tmp_path, Course()), PAGES)
    assert browser.get(CASE).headers["location"] == f"/sign-in?back=%2Fcases%2F{REFERENCE}"
    assert signed_in(browser, PEOPLE["caseworker"][0], CASE).get(CASE).status_code == 200
