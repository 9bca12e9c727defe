"""Recording acts: forms that offer what is open, errors at their field, a check before a decision, refusals with ways on."""

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from activities.caseload import CaseloadUnreachable
from casefile.languages import LANGUAGES
from desk.forms import posted
from desk.frame import Desk
from desk.pages.acting import foresee
from desk.pages.reading import Record
from desk.speaking import LANGUAGE_COOKIE, language
from procedure.acts import ACTS, DECISIONS, parse_act
from procedure.who_may import whose
from starter.client import NoWorkerAnswers
from tests.desk.at_work import REFERENCE, a_desk_of, cases_of, closing, working
from tests.desk.cases_in_memory import of_signed_acts
from tests.desk.desks import hidden, signed_in
from tests.procedure.courses import DOES, FIELDS, PEOPLE, STATION, Course, Fields

__all__ = ["closing"]
pytestmark = pytest.mark.usefixtures("closing")

CASE = f"/cases/{REFERENCE}"
EN = language("en")


def acts(act: str, **asked: str) -> str:
    return f"{CASE}/acts/{act}" + "".join(f"{'&' if n else '?'}{k}={v}" for n, (k, v) in enumerate(asked.items()))


def fields_of(course: Course, act: str, **changes: Any) -> Fields:
    """What an act says on an ordinary course, with its reason."""
    return {"reason": "for invented reasons", **FIELDS[act](course), **changes}


def send(browser: TestClient, act: str, page: str, typed: Fields | None = None, **further: str) -> Response:
    """Send the form on a page with what was typed; nothing typed sends only what the page carries along."""
    told = posted(act, typed) if typed else {}
    return browser.post(acts(act), data={**_carried(page), **told, **further})


def _carried(page: str) -> dict[str, Any]:
    """The hidden fields of the last form of a page, several of one name too."""
    form = page.partition("<main")[2].rpartition("<form")[2]
    pairs = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form)
    found: dict[str, Any] = {}
    for name, value in pairs:
        found.setdefault(unescape(name), []).append(unescape(value))
    return found


def through(browser: TestClient, act: str, typed: Fields, address: str | None = None) -> Response:
    """Fill in the form of an act, check it where it is to be checked, and record it."""
    form = browser.get(address or acts(act))
    assert form.status_code == 200, form.headers
    answer = send(browser, act, form.text, typed)
    if answer.status_code == 200:
        answer = send(browser, act, answer.text, step="checked")
    return answer


def newest(desk: Desk) -> Fields:
    return cases_of(desk)._case(REFERENCE).ledger()[-1]  # pyright: ignore[reportPrivateUsage]


def said(desk: Desk, act: str) -> Fields:
    """The newest entry of an act."""
    return next(
        each
        for each in reversed(cases_of(desk)._case(REFERENCE).ledger())  # pyright: ignore[reportPrivateUsage]
        if each["act"] == act
    )


# Forms


def test_every_form_of_every_act_is_drawn(tmp_path: Path) -> None:
    """For who does it on an ordinary course, open or insisted on; of a closed act the reasons come first."""
    desk = a_desk_of(tmp_path, Course().ready_to_approve())
    for act in ACTS:
        browser = working(desk, DOES[act])
        dossier = {"dossier": newest(desk)["hash"]} if act.startswith("approve") else {}
        # Nobody is the escort yet, so whoever says so sees nothing of the case.
        status = 404 if DOES[act] == "escort" else 200
        for address in (acts(act, **dossier), acts(act, insist="true", **dossier)):
            assert (act, browser.get(address).status_code) == (act, status)


def test_a_form_offers_only_what_is_open_and_says_of_the_rest_why_not(tmp_path: Path) -> None:
    """While asylum is open the panel may not choose the return, and reads why."""
    course = Course().assessed().does("lodge_asylum_claim")
    page = unescape(working(a_desk_of(tmp_path, course), "panel").get(acts("determine_best_interests")).text)
    choice = re.search(r'<input[^>]*name="solution"[^>]*value="return"[^>]*>', page)
    assert choice is not None
    assert "disabled" in choice[0]
    assert "No return into danger" in page
    stay = re.search(r'<input[^>]*name="solution"[^>]*value="stay"[^>]*>', page)
    assert stay is not None
    assert "disabled" not in stay[0]


def test_a_child_is_asked_in_words_for_a_child(tmp_path: Path) -> None:
    """On the form and where the answers are checked; the guardian, and whoever reads the entry, have the words for others."""
    course = Course().determined()
    desk = a_desk_of(tmp_path, course)
    others = "Whoever consents was told what it means"
    for who, mine in (("child", True), ("guardian", False)):
        browser = working(desk, who)
        form = browser.get(acts("give_consent")).text
        check = send(browser, "give_consent", form, fields_of(course, "give_consent")).text
        for page in (form, check):
            assert ("I was told what it means" in page, others in page) == (mine, not mine)


def test_the_number_of_the_owed_visit_stands_ready(tmp_path: Path) -> None:
    """The first that was not made yet; what somebody types in its place stays."""
    course = Course().arrived()
    desk = a_desk_of(tmp_path, course)
    browser = working(desk, "monitor")
    assert 'name="visit" type="text" value="1"' in _plainly(browser.get(acts("record_visit")).text)
    course.does("record_visit", visit=1).does("record_visit", visit=3)
    page = browser.get(acts("record_visit")).text
    assert 'name="visit" type="text" value="2"' in _plainly(page)
    answer = send(browser, "record_visit", page, {"visit": 5, "reason": "x"})
    assert (answer.status_code, 'value="5"' in answer.text) == (422, True)


def _plainly(page: str) -> str:
    """The boxes of a page with their name, type and value alone."""
    return re.sub(r'<input[^>]*?( name="[^"]*")( type="[^"]*")?[^>]*?( value="[^"]*")?[^>]*>', r"<input\1\2\3>", page)


def test_an_error_stands_at_its_field_and_what_was_typed_is_kept(tmp_path: Path) -> None:
    """The page says what is wrong, in the reader's language, and nothing is recorded."""
    desk = a_desk_of(tmp_path, Course())
    browser, before = working(desk), newest(desk)["n"]
    page = browser.get(acts("place_child")).text
    answer = send(browser, "place_child", page, {"placement": {"name": "A typed <name>"}, "reason": "x"})
    assert answer.status_code == 422
    assert 'value="A typed &lt;name&gt;"' in answer.text
    assert "Error: " in answer.text
    assert 'id="placement-kind-error"' in answer.text
    assert "Too short. The fewest characters: 3." in answer.text
    assert newest(desk)["n"] == before
    browser.cookies.set(LANGUAGE_COOKIE, "uk")
    page = browser.get(acts("place_child")).text
    assert "Too short" not in send(browser, "place_child", page, {"reason": "x"}).text


def test_rows_are_added_and_removed_without_a_script(tmp_path: Path) -> None:
    """What was typed stays, and nothing is recorded."""
    browser = working(a_desk_of(tmp_path, Course().assessed()), "panel")
    page = browser.get(acts("determine_best_interests")).text
    typed = {"panel": [{"id": "a-sign", "discipline": "an invented one"}]}
    answer = send(browser, "determine_best_interests", page, typed, **{"add:panel": "1"})
    assert (answer.status_code, 'name="panel.1.discipline"' in answer.text) == (200, True)
    assert 'value="an invented one"' in answer.text
    answer = send(browser, "determine_best_interests", answer.text, typed, **{"remove:panel.0": "1"})
    assert 'value="an invented one"' not in answer.text


@pytest.mark.parametrize("act", ["fly_away", "opened", "Note"])
def test_an_act_that_there_is_not_is_not_found(tmp_path: Path, act: str) -> None:
    """404, asked for or sent."""
    browser = working(a_desk_of(tmp_path, Course()))
    assert browser.get(acts(act)).status_code == 404
    token = hidden(browser.get(acts("note")).text)
    assert browser.post(acts(act), data=token).status_code == 404


# Reports and decisions


def test_a_report_is_recorded_at_once_and_said_on_the_case(tmp_path: Path) -> None:
    """As the contract's JSON, with who is signed in as the actor and the form's token as its id."""
    course = Course()
    desk = a_desk_of(tmp_path, course)
    browser = working(desk)
    page = browser.get(acts("verify_identity")).text
    answer = send(browser, "verify_identity", page, fields_of(course, "verify_identity"))
    assert (answer.status_code, answer.headers["location"]) == (303, CASE)
    act = said(desk, "verify_identity")["body"]["act"]
    assert act["actor"] == {"id": "caseworker-1", "role": "caseworker", "state": "MD"}
    assert act["act_id"] == hidden(page)["once"]
    assert "Recorded as entry" in browser.get(CASE).text


def test_the_same_form_sent_twice_acts_once(tmp_path: Path) -> None:
    """The second is led to where the first led."""
    course = Course()
    desk = a_desk_of(tmp_path, course)
    browser = working(desk)
    page = browser.get(acts("note")).text
    first, second = (send(browser, "note", page, fields_of(course, "note")) for _ in range(2))
    assert (first.status_code, second.headers["location"]) == (303, first.headers["location"])
    assert len([each for each in cases_of(desk)._case(REFERENCE).ledger() if each["act"] == "note"]) == 1  # pyright: ignore[reportPrivateUsage]


def test_a_form_sent_again_after_the_engine_was_away_is_the_same_act(tmp_path: Path) -> None:
    """503 first; then it is recorded under the same id."""
    course = Course()
    desk = a_desk_of(tmp_path, course)
    browser = working(desk)
    page = browser.get(acts("note")).text
    cases_of(desk).silent = NoWorkerAnswers("The engine is there, but no worker answers.")
    assert send(browser, "note", page, fields_of(course, "note")).status_code == 503
    cases_of(desk).silent = None
    assert send(browser, "note", page, fields_of(course, "note")).status_code == 303
    assert said(desk, "note")["act_id"] == hidden(page)["once"]


def test_what_was_typed_while_nothing_answered_is_sent_again_from_the_page(tmp_path: Path) -> None:
    """The page of the 503 holds all of it under the first token: sent again, and once more, it is recorded once."""
    course = Course()
    desk = a_desk_of(tmp_path, course)
    for who, silent in (
        ("caseworker", NoWorkerAnswers("The engine is there, but no worker answers.")),
        ("caseworker", CaseloadUnreachable("the caseload's database cannot be used now (OSError)")),
        ("police", NoWorkerAnswers("The engine is there, but no worker answers.")),
    ):
        act, field = ("report_missing", "reason") if who == "police" else ("note", "text")
        browser = working(desk, who)
        page = browser.get(acts(act)).text
        cases_of(desk).silent = silent
        away = send(browser, act, page, fields_of(course, act, **{field: "two\nlines & more"}))
        still = send(browser, act, away.text)
        assert [each.status_code for each in (away, still)] == [503, 503]
        assert ("Send again" in away.text, away.headers["retry-after"]) == (True, "15")
        assert _carried(still.text)["once"] == [hidden(page)["once"]]
        cases_of(desk).silent = None
        first, second = (send(browser, act, still.text) for _ in range(2))
        assert (first.status_code, second.headers["location"]) == (303, first.headers["location"])
        ids = [each["act_id"] for each in cases_of(desk)._case(REFERENCE).ledger() if each["act"] == act]  # pyright: ignore[reportPrivateUsage]
        assert ids.count(hidden(page)["once"]) == 1 and ids[-1] == hidden(page)["once"]
        assert said(desk, act)["body"]["act"][field].split() == ["two", "lines", "&", "more"]


def test_a_page_that_was_only_looked_at_offers_nothing_to_send_again(tmp_path: Path) -> None:
    """Of a page that nothing was typed into the 503 says to try again, no more."""
    desk = a_desk_of(tmp_path, Course())
    browser = working(desk)
    cases_of(desk).silent = NoWorkerAnswers("The engine is there, but no worker answers.")
    answer = browser.get(acts("note"))
    assert (answer.status_code, "Send again" in answer.text) == (503, False)


def test_an_answer_to_a_form_leads_to_no_other_language(tmp_path: Path) -> None:
    """What was typed would be lost on the way: only the language that is spoken is named."""
    course = Course().assessed()
    browser = working(a_desk_of(tmp_path, course), "panel")
    page = browser.get(acts("determine_best_interests"))
    check = send(browser, "determine_best_interests", page.text, fields_of(course, "determine_best_interests"))
    wrong = send(browser, "determine_best_interests", page.text, {"reason": "x"})
    assert [each.status_code for each in (page, check, wrong)] == [200, 200, 422]
    assert [each.text.count('href="/language/') for each in (page, check, wrong)] == [len(LANGUAGES) - 1, 0, 0]
    assert all('aria-current="true" lang="en">English<' in each.text for each in (page, check, wrong))


def test_a_decision_is_checked_with_what_follows_from_it(tmp_path: Path) -> None:
    """The answers, the new stage, the deadlines; nothing is recorded before it is confirmed, and then it is."""
    course = Course().assessed()
    desk = a_desk_of(tmp_path, course)
    browser, before = working(desk, "panel"), newest(desk)["n"]
    page = browser.get(acts("determine_best_interests")).text
    check = send(browser, "determine_best_interests", page, fields_of(course, "determine_best_interests"))
    told = unescape(check.text)
    assert (check.status_code, newest(desk)["n"]) == (200, before)
    for text in ("for invented reasons", "full weight", "panel-2"):
        assert text in told
    assert "The case moves from the stage “best interests” to the stage “decision”." in told
    assert "An appeal can be lodged until 17 February 2026." in told
    assert "reintegration plan" in told.partition("What follows from it")[2]
    answer = send(browser, "determine_best_interests", check.text, step="checked")
    assert (answer.status_code, answer.headers["location"]) == (303, CASE)
    assert said(desk, "determine_best_interests")["facts"]["solution"] == "return"


def test_from_the_check_the_answers_can_be_changed(tmp_path: Path) -> None:
    """The form comes back with all that was typed."""
    course = Course().assessed()
    browser = working(a_desk_of(tmp_path, course), "panel")
    page = browser.get(acts("determine_best_interests")).text
    check = send(browser, "determine_best_interests", page, fields_of(course, "determine_best_interests"))
    back = send(browser, "determine_best_interests", check.text, step="back")
    assert (back.status_code, 'value="panel-2"' in back.text, ">full weight<" in back.text) == (200, True, True)


def test_the_check_names_entries_that_lose_their_force_and_holds(tmp_path: Path) -> None:
    """A refusal of consent voids the approvals, each named with what it was."""
    course = Course().approved()
    browser = working(a_desk_of(tmp_path, course), "child")
    page = browser.get(acts("give_consent")).text
    check = unescape(send(browser, "give_consent", page, fields_of(course, "give_consent", given=False)).text)
    n = course.number_of("approve_return")
    assert f"Entry {n} loses its force: The central authority of Ukraine approved the return." in check
    course = Course().traced()
    browser = working(a_desk_of(tmp_path / "b", course), "authority")
    check = send(browser, "suspend", browser.get(acts("suspend")).text, fields_of(course, "suspend")).text
    assert "The return is put on hold: crisis." in check


def test_the_check_tells_what_will_be_as_what_will_be(tmp_path: Path) -> None:
    """Before it is recorded nothing has happened: the case is not closed, nobody was told."""
    course = Course().visited()
    browser = working(a_desk_of(tmp_path, course), "authority")
    typed = fields_of(course, "close_case", outcome="returned")
    check = unescape(send(browser, "close_case", browser.get(acts("close_case")).text, typed).text)
    follows = check.partition("What follows from it")[2].partition("</ul>")[0]
    assert "The case will be closed: the child has returned." in follows
    assert "was closed" not in follows
    course = Course().departed()
    record = Record(course.case, course.at, list(course.entries))
    ways = [{"handed_to": "other"}, {"handed_to": "law_enforcement", "placement": STATION}]
    arrivals = [parse_act(course.act("arrive", **way)) for way in ways]
    foreseen = " ".join(each for arrival in arrivals for each in foresee(record, arrival, EN).further)
    assert "The central authority will be told that the child was not handed over into care." in foreseen
    assert "The ombudsperson will be told that the child was not handed over into care." in foreseen
    assert "The child will count as detained: the child may not leave at will" in foreseen
    assert "was told" not in foreseen


def test_in_a_case_of_signed_acts_an_act_is_foreseen_as_it_will_be_sent() -> None:
    """The desk signs what it sends: nothing is foretold to be refused for a signature that is not made yet."""
    course = Course().represented()
    record = Record(course.case.but(signed=True), course.at, list(course.entries))
    assert foresee(record, parse_act(course.act("open_tracing")), EN).refused == []
    closed = foresee(record, parse_act(course.act("plan_travel")), EN).refused
    assert closed
    assert "signature" not in " ".join(why.message for why in closed)


@pytest.mark.parametrize("act", ["verify_identity", "place_child"])
def test_a_desk_that_cannot_sign_says_so_before_anything_is_recorded(tmp_path: Path, act: str) -> None:
    """On the form and where the answers are checked, of a report and of a decision; it promises nothing."""
    course = of_signed_acts()
    desk = a_desk_of(tmp_path, course)
    browser = working(desk)
    assert CANNOT_SIGN not in browser.get(acts(act)).text
    cases_of(desk).signs = False
    form = browser.get(acts(act)).text
    check = send(browser, act, form, fields_of(course, act))
    assert check.status_code == 200
    for page in (form, check.text):
        assert CANNOT_SIGN in page
    assert "As things stand this will be refused." in check.text
    assert "What follows from it" not in check.text
    assert course.case.n == 1


CANNOT_SIGN = "This desk cannot sign, and in this case only signed acts count"


def test_where_no_signatures_are_asked_for_none_is_missed(tmp_path: Path) -> None:
    """A desk that cannot sign is as good as another one there."""
    course = Course()
    desk = a_desk_of(tmp_path, course)
    cases_of(desk).signs = False
    browser = working(desk)
    form = browser.get(acts("verify_identity")).text
    assert CANNOT_SIGN not in form
    assert send(browser, "verify_identity", form, fields_of(course, "verify_identity")).status_code == 303


def test_what_is_foreseen_is_what_then_happens() -> None:
    """On every act of an ordinary course the stage and the holds after it are those that were foretold."""
    course = Course()
    looked = 0
    hear = course.proceedings.hear

    def foretold(act: Any, at: Any) -> Any:
        nonlocal looked
        record = Record(course.case, at, list(course.entries))
        before = (course.case.stage, set(course.case.holds))
        foreseen = foresee(record, act, language("en"))
        receipt = hear(act, at)
        assert bool(foreseen.refused) == (receipt["result"] == "refused")
        stage = foreseen.stage[1] if foreseen.stage else before[0]
        holds = (before[1] | set(foreseen.holds_set)) - set(foreseen.holds_lifted)
        assert (stage, holds) == (receipt["stage"], set(receipt["holds"]))
        looked += 1
        return receipt

    course.proceedings.hear = foretold  # pyright: ignore[reportAttributeAccessIssue]
    course.does("report_detention", placement=STATION, since="2026-02-02T08:00:00Z").does("place_child")
    course.visited().does("close_case", outcome="returned")
    course.refused("note")
    assert looked > 25


def test_foreseeing_leaves_the_case_as_it_was() -> None:
    """Nothing of it comes on record."""
    course = Course().assessed()
    entries, case = list(course.entries), course.case
    record = Record(case, course.at, entries)
    foresee(record, parse_act(course.act("determine_best_interests")), language("en"))
    assert (len(record.entries), record.case, len(course.entries)) == (len(entries), case, len(entries))


def test_what_has_come_due_meanwhile_is_no_consequence_of_the_act() -> None:
    """A deadline that passed before anybody acted is not told as what follows from the act."""
    course = Course()
    late = course.at + timedelta(days=30)
    record = Record(course.case, late, list(course.entries))
    foreseen = foresee(record, parse_act(course.act("suspend")), language("en"))
    assert (foreseen.holds_set, foreseen.further) == (["crisis"], [])


# Refusals


def test_a_report_that_would_be_refused_is_checked_too(tmp_path: Path) -> None:
    """A report is else recorded at once; one that is refused is told so first."""
    course = Course()
    desk = a_desk_of(tmp_path, course)
    browser, before = working(desk), newest(desk)["n"]
    page = browser.get(acts("report_incident", insist="true")).text
    check = send(browser, "report_incident", page, fields_of(course, "report_incident"))
    assert (check.status_code, newest(desk)["n"]) == (200, before)
    assert "As things stand this will be refused." in check.text


def test_a_refusal_is_foretold_and_may_be_recorded_all_the_same(tmp_path: Path) -> None:
    """The check names the safeguard, its source and what instead; recorded, it leads to a page that is no dead end."""
    course = Course()
    desk = a_desk_of(tmp_path, course)
    browser, before = working(desk, "protection"), newest(desk)["n"]
    page = browser.get(acts("place_child", insist="true")).text
    check = send(browser, "place_child", page, fields_of(course, "place_child", placement=STATION))
    assert (check.status_code, newest(desk)["n"]) == (200, before)
    assert "As things stand this will be refused." in check.text
    assert "Record it all the same" in check.text
    answer = send(browser, "place_child", check.text, step="checked")
    entry = newest(desk)
    assert (entry["kind"], answer.headers["location"]) == ("refused", f"{CASE}/refusals/{entry['n']}")
    page = unescape(browser.get(answer.headers["location"]).text)
    for refusal in entry["body"]["refusals"]:
        assert refusal["message"] in page
        assert refusal["source"] in page
    assert "No step puts or keeps the child in detention, however it is named." in page
    main = page.partition("<main")[2]
    assert CASE in re.findall(r'href="([^"]+)"', main)
    assert acts("report_missing") in re.findall(r'href="([^"]+)"', main)


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_refusal_is_told_in_every_language(tmp_path: Path, code: str) -> None:
    """The safeguard and its demand in the reader's language, the law's own words quoted in theirs."""
    course = Course()
    course.refused("place_child", placement=STATION)
    browser = working(a_desk_of(tmp_path, course), "protection")
    browser.cookies.set(LANGUAGE_COOKIE, code)
    page = unescape(browser.get(f"{CASE}/refusals/{course.case.n}").text)
    assert language(code).demand("no-detention") in page
    assert (code == "en") is ('<span lang="en">' not in page)


def test_what_can_be_done_instead_is_a_link_where_it_is_open(tmp_path: Path) -> None:
    """The acts that a refusal names: yours as links, others' as words."""
    course = Course().traced().does("suspend", "authority")
    course.refused("resume", "authority")
    entry = course.entries[-1]
    assert "`" in "".join(refusal["instead"] for refusal in entry.body["refusals"]) or entry.safeguards == (
        "four-eyes",
    )
    course = Course().represented().does("report_detention", placement=STATION, since="2026-02-02T08:00:00Z")
    refused = course.say("plan_travel")
    assert any("`confirm_release`" in each["instead"] for each in refused["refusals"])
    page = working(a_desk_of(tmp_path, course)).get(f"{CASE}/refusals/{refused['entry']}").text
    ways = page.partition("You can do this instead")[2].partition("</ul>")[0]
    assert acts("confirm_release") in re.findall(r'href="([^"]+)"', ways)


def test_a_closed_act_says_why_and_still_may_be_asked_for(tmp_path: Path) -> None:
    """Nothing is recorded by looking; the form is one link further."""
    browser = working(a_desk_of(tmp_path, Course()))
    page = unescape(browser.get(acts("plan_travel")).text)
    assert "Not open to you now: travel plan" in page
    assert "Best interests before return" in page
    assert acts("plan_travel", insist="true") in re.findall(r'href="([^"]+)"', page)


def test_an_act_of_another_role_is_told_to_be_so(tmp_path: Path) -> None:
    """Insisted on, it is refused as not the actor's, and that is on record."""
    course = Course()
    desk = a_desk_of(tmp_path, course)
    browser = working(desk)
    page = browser.get(acts("appoint_guardian")).text
    assert "Not yours: appointment of a guardian" in page
    assert "This act never belongs to your role in this case. Nothing was recorded." in page
    assert "<li>Guardianship authority (Moldova or Ukraine)</li>" in page
    assert f'Ask them, or <a class="govuk-link" href="{acts("note")}">record a note</a>.' in page
    answer = through(
        browser, "appoint_guardian", fields_of(course, "appoint_guardian"), acts("appoint_guardian", insist="true")
    )
    assert answer.headers["location"] == f"{CASE}/refusals/{newest(desk)['n']}"
    assert newest(desk)["safeguards"] == ["not-your-act"]


def test_of_an_act_of_others_every_role_that_may_do_it_is_named(tmp_path: Path) -> None:
    """Whoever cannot record a note is not sent to one; what the agreement adds is named as well."""
    course = Course()
    page = working(a_desk_of(tmp_path, course), "auditor").get(acts("guarantee_care")).text
    assert "<li>Central authority (Ukraine)</li>" in page
    assert "<li>Relative (any state)</li>" in page
    assert "Ask them." in page
    assert acts("note") not in page
    agreement = course.case.agreement.model_copy(update={"approvals": ("central_authority@host", "court@origin")})
    found = whose(replace(course.case, agreement=agreement), "approve_return")
    assert found == {"either": ["central_authority"], "origin": ["court"]}


def test_a_refusal_that_there_is_not_is_not_found(tmp_path: Path) -> None:
    """An accepted entry is no refusal."""
    browser = working(a_desk_of(tmp_path, Course().identified()))
    assert [browser.get(f"{CASE}/refusals/{n}").status_code for n in (1, 2, 999)] == [404, 404, 404]


# Approvals


def test_an_approval_is_reached_from_the_case_alone(tmp_path: Path) -> None:
    """Asked for without what was on screen, the case is shown first."""
    browser = working(a_desk_of(tmp_path, Course().ready_to_approve()), "authority")
    assert browser.get(acts("approve_return")).headers["location"].startswith(CASE)
    assert browser.get(acts("approve_return", dossier="0" * 64)).headers["location"].startswith(CASE)


def test_an_approval_binds_what_was_on_screen(tmp_path: Path) -> None:
    """Its dossier is the head of the page that led to it, whatever immaterial came after."""
    course = Course().ready_to_approve()
    head = course.case.head
    desk = a_desk_of(tmp_path, course)
    browser = working(desk, "authority")
    course.does("note")
    answer = through(
        browser, "approve_return", {"reason": "for invented reasons"}, acts("approve_return", dossier=head)
    )
    assert (answer.status_code, answer.headers["location"]) == (303, CASE)
    assert said(desk, "approve_return")["body"]["act"]["dossier"] == head


def test_no_page_but_the_case_leads_to_an_approval_of_what_it_did_not_show(tmp_path: Path) -> None:
    """A closed act, a refusal and a check lead to the case; insisting goes on with what was asked with."""
    course = Course().ready_to_approve()
    read = course.case.head
    refused = course.say("plan_travel", "authority")["entry"]
    browser = working(a_desk_of(tmp_path, course), "authority")
    assert course.case.head != read
    check = browser.get(acts("plan_travel", insist="true")).text
    check = send(browser, "plan_travel", check, fields_of(course, "plan_travel")).text
    assert "As things stand this will be refused." in check
    for page in (browser.get(acts("plan_travel")).text, browser.get(f"{CASE}/refusals/{refused}").text, check):
        links = re.findall(r'href="([^"]+)"', page.partition("<main")[2])
        assert f"{CASE}#yours" in links
        assert not [each for each in links if "/acts/approve_" in each]
    closed = browser.get(acts("approve_travel", dossier=read)).text
    links = re.findall(r'href="([^"]+)"', unescape(closed).partition("<main")[2])
    assert [each for each in links if "/acts/approve_" in each] == [acts("approve_travel", insist="true", dossier=read)]


@pytest.mark.parametrize("when", ["before the form", "before the check", "before it is recorded"])
def test_where_the_case_has_moved_on_the_page_says_what_changed(tmp_path: Path, when: str) -> None:
    """At each step: what must be read first is named, nothing is recorded, and the way leads back to the case."""
    course = Course().ready_to_approve()
    desk = a_desk_of(tmp_path, course)
    browser = working(desk, "authority")
    address = acts("approve_return", dossier=course.case.head)

    def moves() -> None:
        course.does("note").does("assess_rights_impact")

    if when == "before the form":
        moves()
    else:
        form = browser.get(address).text
        if when == "before the check":
            moves()
        answer = send(browser, "approve_return", form, {"reason": "for invented reasons"})
        if when == "before it is recorded":
            moves()
            answer = send(browser, "approve_return", answer.text, step="checked")
        # A page of its own: whoever follows a link on it can come back.
        assert (answer.status_code, answer.headers["location"]) == (303, address)
    page = unescape(browser.get(address).text)
    assert "The case has moved on since you read it" in page
    assert "assessed what a return would mean for the child's rights" in page
    assert page.count("To be read before an approval") == 1
    assert f'href="{CASE}"' in page.partition("<main")[2]
    assert newest(desk)["act"] == "assess_rights_impact"


def test_what_was_typed_when_the_case_moved_on_stands_in_the_form_again(tmp_path: Path) -> None:
    """For whoever typed it, in no address, until it is recorded or half an hour has passed."""
    course = Course().ready_to_approve()
    desk = a_desk_of(tmp_path, course)
    browser = working(desk, "authority")

    def moved_on() -> str:
        """Type a reason while the case moves on; the address of the form for the case as it is then."""
        form = browser.get(acts("approve_return", dossier=course.case.head)).text
        course.does("assess_rights_impact")
        answer = send(browser, "approve_return", form, {"reason": "for invented reasons"})
        assert "invented" not in answer.headers["location"]
        assert "What you wrote is kept" in browser.get(answer.headers["location"]).text
        return acts("approve_return", dossier=course.case.head)

    address = moved_on()
    elsewhere = signed_in(TestClient(browser.app, desk.base_url, follow_redirects=False), PEOPLE["authority"][0])
    assert "for invented reasons" not in elsewhere.get(address).text
    page = browser.get(address).text
    assert ">for invented reasons<" in page
    check = send(browser, "approve_return", page, {"reason": "for invented reasons"}).text
    assert send(browser, "approve_return", check, step="checked").status_code == 303
    assert said(desk, "approve_return")["body"]["act"]["reason"] == "for invented reasons"
    assert "for invented reasons" not in browser.get(acts("approve_return", insist="true", dossier="x")).text
    course = Course().ready_to_approve()
    desk = a_desk_of(tmp_path / "b", course)
    browser = working(desk, "authority")
    address = moved_on()
    cases_of(desk).at += timedelta(minutes=31)
    assert "for invented reasons" not in browser.get(address).text


def test_the_check_of_an_approval_says_what_it_binds(tmp_path: Path) -> None:
    """In the words of the form before it."""
    course = Course().ready_to_approve()
    browser = working(a_desk_of(tmp_path, course), "authority")
    form = browser.get(acts("approve_return", dossier=course.case.head)).text
    check = send(browser, "approve_return", form, {"reason": "for invented reasons"}).text
    binds = f"You approve what the record says up to entry {course.case.n} of"
    assert (binds in form, binds in check) == (True, True)
    other = browser.get(acts("suspend")).text
    assert "You approve" not in send(browser, "suspend", other, fields_of(course, "suspend")).text


# Corrections


def test_a_correction_is_made_in_two_steps(tmp_path: Path) -> None:
    """First the entry, then its fields as they stand; then it is recorded."""
    course = Course().identified()
    desk = a_desk_of(tmp_path, course)
    browser = working(desk)
    page = browser.get(acts("correct")).text
    assert send(browser, "correct", page).status_code == 422
    page = browser.get(acts("correct")).text
    second = browser.post(acts("correct"), data={**_carried(page), "entry": "2"})
    assert (second.status_code, 'name="mend"' in second.text) == (200, True)
    typed = {"mend": ["sources"], "fields.sources.0": "an invented letter", "reason": "it was written wrongly"}
    answer = browser.post(acts("correct"), data={**_carried(second.text), **typed})
    if answer.status_code == 200:
        answer = send(browser, "correct", answer.text, step="checked")
    assert answer.status_code == 303, re.findall(r'error-message">(.*?)</p>', answer.text, re.DOTALL)
    assert said(desk, "correct")["body"]["as_corrected"]["sources"] == ["an invented letter"]


# Law enforcement


def test_law_enforcement_reports_and_reads_nothing(tmp_path: Path) -> None:
    """It records its three reports by a bare form; nothing of the case stands on what it sees; other acts are closed."""
    course = Course()
    desk = a_desk_of(tmp_path, course)
    browser = working(desk, "police")
    page = browser.get(acts("report_missing"))
    assert (page.status_code, "Foster" in page.text) == (200, False)
    assert send(browser, "report_missing", page.text, {"reason": "x"}).status_code == 422
    page = browser.get(acts("report_missing"))
    answer = send(browser, "report_missing", page.text, fields_of(course, "report_missing"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert said(desk, "report_missing")["actor_role"] == "law_enforcement"
    assert "Your report is recorded" in browser.get("/").text
    assert [browser.get(acts(act)).status_code for act in ("note", "complain", "appeal")] == [403] * 3
    assert browser.post(acts("note"), data=hidden(browser.get("/alarm").text)).status_code == 403


def test_an_alarm_under_a_wrong_reference_is_not_lost(tmp_path: Path) -> None:
    """The form comes back filled, the reference as a field with the error at it; mended, it goes to the right case."""
    course = Course()
    desk = a_desk_of(tmp_path, course)
    browser = working(desk, "police")
    wrong = f"/cases/{REFERENCE[:-1]}B/acts/report_missing"
    form = _carried(browser.get(wrong).text)
    typed = posted("report_missing", fields_of(course, "report_missing", reason="seen last at the station"))
    answer = browser.post(wrong, data={**form, **typed})
    assert (answer.status_code, "seen last at the station" in answer.text) == (422, True)
    assert 'href="#reference"' in answer.text and 'id="reference-error"' in answer.text
    assert re.search(rf'<input[^>]*name="reference"[^>]*value="{REFERENCE[:-1]}B"', answer.text)
    for still in ("", "MD-UA", f"{REFERENCE[:-1]}C"):
        answer = browser.post(wrong, data={**_carried(answer.text), **typed, "reference": still})
        assert (answer.status_code, 'id="reference-error"' in answer.text) == (422, True)
    # An error elsewhere keeps the field.
    answer = browser.post(wrong, data={**_carried(answer.text), "reason": "x", "reference": REFERENCE})
    assert (answer.status_code, 'id="reference-error"' in answer.text) == (422, False)
    assert f'value="{REFERENCE}"' in answer.text
    mended = browser.post(wrong, data={**_carried(answer.text), **typed, "reference": f" {REFERENCE.lower()}"})
    assert (mended.status_code, mended.headers["location"]) == (303, "/")
    assert said(desk, "report_missing")["body"]["act"]["reason"] == "seen last at the station"


# A whole course


def test_a_whole_course_is_clicked_through_without_a_script(tmp_path: Path) -> None:
    """From identification to the ending, every act by its form, by whoever it belongs to."""
    course = Course()
    desk = a_desk_of(tmp_path, course)

    def does(act: str, who: str | None = None, **changes: Any) -> None:
        course.at = cases_of(desk).at
        asked = {"dossier": course.case.head} if act.startswith("approve") else {}
        typed = fields_of(course, act, **changes)
        answer = through(working(desk, who or DOES[act]), act, typed, acts(act, **asked))
        assert (act, answer.status_code, answer.headers.get("location")) == (act, 303, CASE), re.findall(
            r'error-message">(.*?)</p>', answer.text, re.DOTALL
        )

    for act in (
        *("verify_identity", "screen_protection", "confirm_services", "appoint_guardian", "appoint_counsel"),
        *("open_tracing", "report_tracing", "assess_family", "hear_child", "submit_assessment"),
        *("determine_best_interests", "give_consent"),
    ):
        does(act)
    does("give_consent", "child")
    for act in ("adopt_reintegration_plan", "assess_rights_impact", "approve_return"):
        does(act)
    does("approve_return", "origin authority")
    later(desk, course, days=15)
    for act in ("plan_travel", "certify_fit_to_travel", "approve_travel"):
        does(act)
    later(desk, course, days=2)
    does("depart")
    later(desk, course, days=1, hours=4)
    does("arrive")
    for number, days in enumerate(course.case.agreement.visits, start=1):
        later(desk, course, days=days - (course.case.agreement.visits[number - 2] if number > 1 else 0))
        does("record_visit", visit=number)
    does("close_case", outcome="returned")
    assert course.case.outcome == "returned"
    page = working(desk, "authority").get(acts("note")).text
    assert "Case closed" in page


def later(desk: Desk, course: Course, **time: float) -> None:
    course.wait(**time)
    cases_of(desk).at = course.at


@pytest.mark.parametrize("code", LANGUAGES)
def test_forms_checks_and_refusals_stand_in_every_language(tmp_path: Path, code: str) -> None:
    """Every decision as it is checked, accepted or refused, on a case in the middle of its course."""
    course = Course().ready_to_approve()
    desk = a_desk_of(tmp_path, course)
    # Nobody is the escort yet, so nobody departs.
    for act in sorted(DECISIONS - {"depart"}):
        browser = working(desk, DOES[act])
        browser.cookies.set(LANGUAGE_COOKIE, code)
        page = browser.get(acts(act, insist="true", **({"dossier": course.case.head} if "approve" in act else {})))
        answer = send(browser, act, page.text, fields_of(course, act))
        assert (act, answer.status_code, answer.headers["content-language"]) == (act, 200, code)
        assert 'value="checked"' in answer.text, act


# In a real browser
