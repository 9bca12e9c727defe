"""Sessions: how long they last, what they are worth to a stranger, and forms that act once."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest
from fastapi import APIRouter, Request, Response
from starlette.responses import RedirectResponse
from starlette.testclient import TestClient

from desk.frame import Pages, Signed, checked_form, flash, once_token, page, person_of, still_signed_in
from desk.people import Person
from desk.sessions import FormUnknown, Offered, SentAlready, Session, Sessions, Visit, Vouched
from tests.desk.desks import Hands, a_desk, client, hidden, signed_in, without_tokens

ANA = Person("caseworker-md-7", "Ana Invented", "caseworker", "MD")
IDLE, LIFE = timedelta(minutes=30), timedelta(hours=12)


@pytest.fixture
def clock() -> Hands:
    """A clock that the test moves."""
    return Hands()


@pytest.fixture
def sessions(clock: Hands) -> Sessions:
    """Few sessions, at most two of people and three of visitors."""
    return Sessions(clock, at_most=2, visitors_at_most=3)


def cookie(browser: TestClient) -> str | None:
    """The session's number that the browser holds."""
    return browser.cookies.get("homeward_8080")


# How long


def test_a_session_ends_after_half_an_hour_without_a_request(sessions: Sessions, clock: Hands) -> None:
    """Each request begins the half hour anew."""
    session = sessions.begin(ANA)
    for _ in range(3):
        clock.move(minutes=29)
        assert sessions.find(session.id) is session
    clock.move(minutes=30)
    assert sessions.find(session.id) is None and len(sessions) == 0


def test_a_session_ends_after_twelve_hours_however_busy(sessions: Sessions, clock: Hands) -> None:
    """Nobody stays signed in for days by never resting."""
    session = sessions.begin(ANA)
    for _ in range(12 * 4 - 1):
        clock.move(minutes=15)
        assert sessions.find(session.id) is session
    clock.move(minutes=15)
    assert sessions.find(session.id) is None


def test_a_page_that_renews_itself_keeps_nobody_signed_in(clock: Hands) -> None:
    """Whoever went home without signing out is signed out, though the browser goes on asking."""
    browser = signed_in(client(a_desk(sessions=Sessions(clock)), [DESK]))
    for _ in range(5):
        clock.move(minutes=5)
        assert browser.get("/mine", headers={"HX-Request": "true"}).status_code == 200
    clock.move(minutes=5)
    renewed = browser.get("/mine", headers={"HX-Request": "true"})
    # A sign-in page inside another page would be no help: the whole page is loaded anew.
    assert (renewed.status_code, renewed.headers["HX-Refresh"]) == (204, "true")
    assert browser.get("/mine").headers["location"] == "/sign-in?back=%2Fmine"


def test_there_are_only_so_many_sessions(sessions: Sessions, clock: Hands) -> None:
    """The one that was idle longest makes room; visitors, whom anybody can send in crowds, never push people out."""
    first, second = sessions.begin(ANA), sessions.begin(ANA)
    clock.move(minutes=1)
    assert sessions.find(first.id) is first
    visitors = [sessions.begin() for _ in range(50)]
    third = sessions.begin(ANA)
    assert sessions.find(second.id) is None
    assert sessions.find(first.id) is first and sessions.find(third.id) is third
    assert [sessions.find(each.id) for each in visitors] == [None] * 47 + visitors[47:]
    assert len(sessions) == 5


def test_an_account_has_ten_sessions_at_once(clock: Hands) -> None:
    """In whatever roles; the one that began first ends. Else whoever signs in again and again pushes out everybody."""
    sessions = Sessions(clock)
    other = sessions.begin(ANA, vouched=Vouched("ua", "ana"))
    begun: list[Session] = []
    for n in range(12):
        clock.move(seconds=1)
        begun.append(sessions.begin(None if n % 3 == 0 else ANA, vouched=Vouched("md", "ana")))
        # Used or not: the first to end is the one that began first.
        sessions.find(begun[0].id)
    assert [sessions.find(each.id) for each in begun] == [None] * 2 + begun[2:]
    assert sessions.find(other.id) is other and len(sessions) == 11


def test_who_has_still_to_choose_a_role_is_not_pushed_out_by_visitors(sessions: Sessions) -> None:
    """An issuer has vouched for them already, which no crowd can have done for itself."""
    visit = Visit(sessions, None)
    visit.offer(Offered((ANA,), "/"), Vouched("md", "ana"))
    for _ in range(50):
        sessions.begin()
    assert not visit.over and visit.needed().offered is not None
    visit.sign_out()
    assert len(sessions) == 3


def test_sessions_that_are_over_do_not_pile_up(clock: Hands) -> None:
    """They go when others come, asked for or not."""
    sessions = Sessions(clock)
    for _ in range(40):
        sessions.begin(ANA)
        clock.move(minutes=10)
    assert len(sessions) <= 3


# What it is worth


def test_a_visitor_who_fills_in_nothing_gets_no_session() -> None:
    """No cookie, and nothing is kept."""
    desk = a_desk()
    answer = client(desk, [DESK]).get("/nobody-needs-one")
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers and len(desk.sessions) == 0


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites() -> None:
    """On loopback by http; with https it is bound to its host and never sent without."""
    assert client().get("/sign-in").headers["set-cookie"].endswith("; Path=/; HttpOnly; SameSite=Lax")
    real = a_desk(sign_in=Badge(), base_url="https://desk.example.org", bind="0.0.0.0")
    given = client(real, [DESK]).get("/form").headers["set-cookie"]
    assert given.startswith("__Host-homeward=") and given.endswith("; Path=/; HttpOnly; SameSite=Lax; Secure")


def test_signing_in_and_out_each_give_a_new_number() -> None:
    """A number that was planted before the sign-in, or seen before the sign-out, opens nothing."""
    desk = a_desk()
    browser = client(desk, [DESK])
    browser.get("/sign-in")
    planted = cookie(browser)
    signed_in(browser)
    mine = cookie(browser)
    assert planted and mine and planted != mine
    stranger = client(desk, [DESK])
    stranger.cookies.set("homeward_8080", planted)
    assert stranger.get("/mine").status_code == 303

    form = hidden(browser.get("/form").text)
    assert browser.post("/sign-out", data=form).headers["location"] == "/sign-in"
    assert cookie(browser) is None
    browser.cookies.set("homeward_8080", mine)
    assert browser.get("/mine").status_code == 303


def test_changing_the_person_ends_the_session_before(clock: Hands) -> None:
    """Nobody stays signed in behind somebody else's back."""
    desk = a_desk()
    browser = signed_in(client(desk, [DESK]))
    before = cookie(browser)
    signed_in(browser, "court-md-1")
    assert before and desk.sessions.find(before) is None
    assert "Horia Invented" in browser.get("/mine").text


def test_a_session_holds_nothing_of_a_person_but_who_it_is(sessions: Sessions) -> None:
    """Its fields are named here, so that a new one is looked at twice."""
    of_a_sign_in = {"offered", "vouched", "way_out"}
    assert set(Session.__dataclass_fields__) == {
        *("id", "secret", "began", "used", "person", "forms", "told", "reasons"),
        *of_a_sign_in,
    }
    assert sessions.begin(ANA).person is ANA


def test_a_token_is_never_the_same_and_always_ours(sessions: Sessions) -> None:
    """A secret that is repeated in compressed pages could be guessed letter by letter."""
    session, other = sessions.begin(), sessions.begin()
    tokens = {session.csrf() for _ in range(20)}
    assert len(tokens) == 20
    assert all(session.is_ours(token) and not other.is_ours(token) for token in tokens)


def test_a_page_can_be_read_without_its_tokens() -> None:
    """What looks for a short word in a page relies on that: some day the word stands in a token."""
    text = signed_in(client(pages=[DESK])).get("/form").text
    tokens = [value for _, value in re.findall(r'name="(csrf|once)" value="([^"]*)"', text)]
    assert len(tokens) == 4 and not [token for token in tokens if not token or token in without_tokens(text)]


@pytest.mark.parametrize("token", ["", "x", "é", "A" * 86, "=" * 9, "A" * 10_000])
def test_no_other_token_is_ours(token: str, sessions: Sessions) -> None:
    """Nonsense is refused like a wrong one."""
    assert not sessions.begin().is_ours(token)


# Forms act once


async def test_a_form_is_taken_once(sessions: Sessions) -> None:
    """The second time one is told where the first led, if the same was sent; else only that it was sent."""
    visit = Visit(sessions, sessions.begin(ANA).id)
    token = visit.needed().give_out()
    await visit.take(token, b"content")
    await visit.take(token, b"content")  # the same request may ask twice
    visit.answered("/cases/1")
    for content, where in ((b"content", "/cases/1"), (b"other content", None)):
        with pytest.raises(SentAlready) as second:
            await Visit(sessions, visit.needed().id).take(token, content)
        assert second.value.where == where


async def test_a_second_click_waits_for_the_first(sessions: Sessions) -> None:
    """Both are led to the same place, and it acted once."""
    session = sessions.begin(ANA)
    token = session.give_out()
    first, second = Visit(sessions, session.id), Visit(sessions, session.id)
    await first.take(token, b"content")
    waiting = asyncio.create_task(second.take(token, b"content"))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    first.answered("/done")
    with pytest.raises(SentAlready) as told:
        await waiting
    assert told.value.where == "/done"


async def test_a_form_that_came_to_nothing_is_free_again(sessions: Sessions) -> None:
    """Somebody who mends a fault sends the form of the same page again, also after the back button."""
    session = sessions.begin(ANA)
    token = session.give_out()
    first, second = Visit(sessions, session.id), Visit(sessions, session.id)
    await first.take(token, b"faulty")
    waiting = asyncio.create_task(second.take(token, b"mended"))
    await asyncio.sleep(0.01)
    first.answered(None)
    await waiting
    second.answered("/done")
    with pytest.raises(SentAlready):
        await Visit(sessions, session.id).take(token, b"faulty")


async def test_a_form_of_another_session_is_not_taken(sessions: Sessions) -> None:
    """Nor one that was never given out, nor one without a session."""
    token = sessions.begin(ANA).give_out()
    for visit in (Visit(sessions, sessions.begin().id), Visit(sessions, None), Visit(sessions, "made-up")):
        with pytest.raises(FormUnknown):
            await visit.take(token, b"")


def test_a_session_remembers_so_many_forms(sessions: Sessions) -> None:
    """The oldest are forgotten; a made-up token of another shape is never taken up."""
    session = sessions.begin(ANA)
    tokens = [session.give_out() for _ in range(250)]
    assert list(session.forms) == tokens[50:]
    assert session.give_out("<made up>") != "<made up>"
    assert session.give_out(tokens[0]) == tokens[0]


def test_a_form_sent_twice_acts_once() -> None:
    """Seen from the browser: the same answer, one act; with another content, a page that says so."""
    browser = signed_in(client(pages=[DESK]))
    form = {**hidden(browser.get("/form").text), "reason": "because"}
    ACTS.clear()
    answers = [browser.post("/form", data=form) for _ in range(3)]
    assert [(answer.status_code, answer.headers.get("location")) for answer in answers] == [(303, "/mine")] * 3
    assert ACTS == ["because"]
    late = browser.post("/form", data={**form, "reason": "another"})
    assert late.status_code == 409 and "This form was sent already" in late.text
    assert ACTS == ["because"]


def test_a_form_with_a_fault_or_a_failure_can_be_sent_again() -> None:
    """From the page that showed the fault, and from the page before it."""
    browser = signed_in(client(pages=[DESK]))
    form = hidden(browser.get("/form").text)
    ACTS.clear()
    assert browser.post("/form", data={**form, "reason": ""}).status_code == 422
    assert browser.post("/form", data={**form, "reason": "fails"}).status_code == 500
    assert browser.post("/form", data={**form, "reason": "because"}).status_code == 303
    assert ACTS == ["because"]


def test_a_sentence_is_said_once() -> None:
    """On the next page, whichever that is."""
    browser = signed_in(client(pages=[DESK]))
    browser.post("/form", data={**hidden(browser.get("/form").text), "reason": "because"})
    assert "It is recorded." in browser.get("/mine").text
    assert "It is recorded." not in browser.get("/mine").text


def test_a_token_in_python_is_one_in_a_page(clock: Hands) -> None:
    """Whoever makes the field by hand, to have it as the act's id, gets one that is taken."""
    browser = signed_in(client(pages=[DESK]))
    form = hidden(browser.get("/form").text)
    by_hand = browser.get("/token").text
    assert browser.post("/form", data={**form, "once": by_hand, "reason": "because"}).status_code == 303


def test_what_goes_on_for_long_can_ask_whether_anybody_is_there(sessions: Sessions, clock: Hands) -> None:
    """Asking is no use of the session: it ends all the same."""
    visit = Visit(sessions, sessions.begin(ANA).id)
    clock.move(minutes=20)
    assert not visit.over
    clock.move(minutes=10)
    assert visit.over
    visit.sign_in(ANA)
    assert not visit.over
    visit.sign_out()
    assert visit.over


def test_a_person_without_a_session_may_use_forms() -> None:
    """A sign-in that is told by each request goes with sessions that nobody signed in to."""
    real = a_desk(sign_in=Badge(), base_url="https://desk.example.org", bind="0.0.0.0")
    browser = client(real, [DESK])
    browser.headers["x-badge"] = "ana"
    form = {**hidden(browser.get("/form").text), "reason": "because"}
    assert [browser.post("/form", data=form).headers["location"] for _ in range(2)] == ["/mine"] * 2


# A small desk for these tests

ACTS: list[str] = []
_router = APIRouter()
DESK = Pages(_router)


class Badge:
    """A sign-in that checks: each request brings a badge."""

    development = False
    router = APIRouter()

    async def who(self, request: Any) -> Person | None:
        return ANA if request.headers.get("x-badge") == "ana" else None


@_router.get("/nobody-needs-one")
def read() -> str:
    """Anybody reads this."""
    return "read"


@_router.get("/mine")
def mine(request: Request, person: Signed) -> Response:
    """A page for people."""
    assert person_of(request) is person and still_signed_in(request)
    return page(request, "errors/not_found.html.j2")


@_router.get("/token")
def token(request: Request) -> Response:
    """A token, by hand."""
    return Response(once_token(request))


@_router.get("/form")
def ask(request: Request) -> Response:
    """A page with a form: that which the sign-in has will do."""
    return page(request, "sign_in.html.j2", groups={}, back="/")


@_router.post("/form")
async def act(request: Request, person: Signed) -> Response:
    """Act on the form."""
    form = await checked_form(request)
    if not form["reason"]:
        return page(request, "sign_in.html.j2", 422, groups={}, back="/", errors=True)
    if form["reason"] == "fails":
        raise RuntimeError("as asked")
    ACTS.append(str(form["reason"]))
    flash(request, "It is recorded.")
    return RedirectResponse("/mine", 303)
