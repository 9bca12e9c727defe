"""How often somebody may ask: what is refused, for how long, to whom alone, and what no pace ever holds up."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client import REGISTRY
from starlette.requests import Request
from starlette.testclient import TestClient
from structlog.testing import capture_logs
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from activities import measures
from activities.settings import ACCOUNTS, ATTEMPTS, READS, WRITES, read_settings
from desk.api import api
from desk.app import create_app
from desk.development import DevelopmentSignIn
from desk.forms import posted
from desk.frame import Desk
from desk.openid import OpenIdSignIn
from desk.people import Person
from desk.rates import CARE, PEOPLE_AT_MOST, Pace, Rates, TooOften, whose_address
from procedure.acts import ACTS, DECISIONS, REPORTS
from sealing.endpoint import BearerFile
from starter.client import NoSuchCase
from starter.codec_door import BesideTheDesk
from starter.sealed import own_keys
from starter.serving import pace_of
from tests.desk.at_work import PAGES, REFERENCE, a_desk_of, cases_of, closing, working
from tests.desk.bearers_test import SYSTEMS, note, with_token
from tests.desk.desks import ADDRESS, a_desk, client, hidden, signed_in
from tests.desk.issuing import PEOPLE as ACCOUNTS_OF_PEOPLE
from tests.desk.issuing import Issuing, issuing, sign_in_file
from tests.procedure.courses import FIELDS, PEOPLE, STATION, Course

__all__ = ["closing"]
pytestmark = pytest.mark.usefixtures("closing")

TOO_OFTEN = "homeward_desk_too_often_total"
CASE = f"/cases/{REFERENCE}"
SLOW = Pace(attempts=10, reads=10, writes=10, accounts=10)
"""Ten at once, and one in six seconds after that."""


@dataclass
class Watch:
    """Seconds that pass when they are told to."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """A clock that the test moves, in the place of the library's own."""
    made = Watch()
    monkeypatch.setattr("throttled.utils.now_mono_f", made)
    return made


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuing]:
    """An issuer for the tests of this file."""
    with issuing(ACCOUNTS_OF_PEOPLE) as running:
        yield running


def paced(desk: Desk, watch: Watch, pace: Pace = SLOW) -> Desk:
    return replace(desk, rates=Rates(pace, clock=watch))


def by_issuer(folder: Path, issuer: Issuing, watch: Watch, **changes: Any) -> Desk:
    """A desk with a real sign-in, at a slow pace."""
    sign_in = OpenIdSignIn(sign_in_file(folder, issuer.url, SYSTEMS), ADDRESS)
    return paced(a_desk(sign_in=sign_in, **changes), watch)


def from_address(desk: Desk, address: str) -> TestClient:
    """A browser that comes from an address, on a desk that no proxy stands before."""
    app = create_app(desk, pages=PAGES, api=api(desk))
    return TestClient(app, base_url=ADDRESS, follow_redirects=False, client=(address, 50_000))


def asked_from(address: str | None) -> Request:
    return Request({"type": "http", "method": "GET", "headers": [], "client": (address, 1) if address else None})


# By address, who is not signed in


def test_sign_ins_from_one_address_are_limited_and_the_limit_is_lifted(
    tmp_path: Path, issuer: Issuing, watch: Watch
) -> None:
    """Ten at once; then one in six seconds, and the answer says when. Another address is none the wiser."""
    desk = by_issuer(tmp_path, issuer, watch)
    one, other = from_address(desk, "192.0.2.1"), from_address(desk, "192.0.2.2")
    assert [one.get("/sign-in/at/md").status_code for _ in range(12)] == [303] * 10 + [429] * 2
    assert other.get("/sign-in/at/md").status_code == 303
    told = one.get("/sign-in/at/md", headers={"Accept-Language": "ro"})
    assert (told.status_code, told.headers["retry-after"], told.headers["content-language"]) == (429, "6", "ro")
    assert told.headers["content-type"].startswith("text/html") and "set-cookie" not in told.headers
    watch.move(6)
    assert [one.get("/sign-in/at/md").status_code for _ in range(2)] == [303, 429]
    watch.move(60)
    assert [one.get("/sign-in/at/md").status_code for _ in range(11)] == [303] * 10 + [429]


def test_what_comes_back_unasked_counts_and_who_began_here_does_not_twice(
    tmp_path: Path, issuer: Issuing, watch: Watch
) -> None:
    """Made-up answers of issuers are attempts; a sign-in is one, and is finished though no other may begin."""
    desk = by_issuer(tmp_path, issuer, watch)
    browser, stranger = from_address(desk, "192.0.2.1"), from_address(desk, "192.0.2.1")
    where = browser.get("/sign-in/at/md").headers["location"]
    back = httpx2.post(where, data={"sub": "ana"}).headers["location"]
    made_up = [stranger.get("/sign-in/from/md", params={"state": str(n)}).status_code for n in range(10)]
    assert made_up == [303] * 9 + [429]
    assert browser.get(back).headers["location"] == "/"
    assert "Ana Invented" in browser.get("/no-such-page").text


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_what_a_header_says_of_the_address_is_not_believed(
    tmp_path: Path, issuer: Issuing, watch: Watch, header: str
) -> None:
    """By default: else whoever writes another one each time is never too fast, and could use up somebody else's."""
    desk = by_issuer(tmp_path, issuer, watch)
    browser = from_address(desk, "192.0.2.1")
    statuses = [browser.get("/sign-in/at/md", headers={header: f"for=198.51.100.{n}"}).status_code for n in range(11)]
    assert statuses == [303] * 10 + [429]
    assert from_address(desk, "198.51.100.0").get("/sign-in/at/md").status_code == 303


def test_a_proxy_that_is_named_says_who_asks(tmp_path: Path, issuer: Issuing, watch: Watch) -> None:
    """As `homeward desk --proxy` has the server believe it: the last address that is no proxy's."""
    desk = by_issuer(tmp_path, issuer, watch)
    app: Any = create_app(desk, pages=PAGES)
    behind: Any = ProxyHeadersMiddleware(app, ["10.0.0.2"])
    proxy = TestClient(behind, base_url=ADDRESS, follow_redirects=False, client=("10.0.0.2", 50_000))

    def statuses(said: str) -> list[int]:
        return [proxy.get("/sign-in/at/md", headers={"X-Forwarded-For": said}).status_code for _ in range(11)]

    assert statuses("192.0.2.1") == [303] * 10 + [429]
    assert statuses("192.0.2.2") == [303] * 10 + [429]
    # Whoever writes an address in front of the one that the proxy adds is still who the proxy says.
    assert statuses("198.51.100.1, 192.0.2.1") == [429] * 11


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        (None, None, True),
        ("testclient", "testclient", True),
    ],
)
def test_an_address_is_what_one_house_has(one: str | None, other: str | None, same: bool) -> None:
    """Of IPv6 a whole network of it; else somebody with one line would have more addresses than anybody can count."""
    assert (whose_address(asked_from(one)) == whose_address(asked_from(other))) == same


def test_wrong_tokens_are_limited_and_right_ones_heard(tmp_path: Path, issuer: Issuing, watch: Watch) -> None:
    """429 as a problem with its Retry-After; who has one that counts is not kept out by who guesses beside them."""
    browser = from_address(by_issuer(tmp_path, issuer, watch), "192.0.2.1")
    with capture_logs() as lines:
        answers = [browser.get("/api/agreements", headers=with_token("guessed")) for _ in range(12)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2
    told = answers[-1]
    assert told.json()["type"] == "urn:homeward:problem:too-often" and told.headers["retry-after"] == "6"
    assert told.headers["content-type"] == "application/problem+json"
    # What is refused for its pace is one line, not one for each.
    assert [line["event"] for line in lines] == ["desk.token_refused"] * 10 + ["desk.too_often"]
    assert browser.get("/api/agreements", headers=with_token(issuer.access_token())).status_code == 200
    watch.move(6)
    assert browser.get("/api/agreements", headers=with_token("guessed")).status_code == 401


def test_wrong_logouts_are_limited_and_right_ones_heard(tmp_path: Path, issuer: Issuing, watch: Watch) -> None:
    """A session that has to end does, whatever a crowd sends."""
    browser = from_address(by_issuer(tmp_path, issuer, watch), "192.0.2.1")

    def ended(token: str) -> httpx2.Response:
        return browser.post("/sign-in/ended/md", data={"logout_token": token})

    answers = [ended("guessed") for _ in range(11)]
    assert [answer.status_code for answer in answers] == [400] * 10 + [429]
    assert (answers[-1].headers["retry-after"], answers[-1].headers["cache-control"]) == ("6", "no-store")
    assert ended(issuer.logout_token(sub="ana")).status_code == 200


@pytest.fixture
async def codec(tmp_path: Path, watch: Watch) -> AsyncIterator[tuple[Desk, Any, BearerFile]]:
    """A desk at a slow pace with the engine's remote codec beside it, and the token of the data folder."""
    async with own_keys(tmp_path) as sealing:
        desk, token = paced(a_desk(), watch), BearerFile(tmp_path / "codec.token")
        token.make()
        yield desk, BesideTheDesk(create_app(desk), desk, sealing.keyring, token, origins=[]), token


async def test_wrong_tokens_of_the_codec_are_limited(codec: tuple[Desk, Any, BearerFile]) -> None:
    """And the right one is heard; a desk's people sign in as before."""
    _, app, token = codec
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=ADDRESS) as asking:

        async def status(authorization: str) -> tuple[int, str | None]:
            answer = await asking.post("/codec/decode", json={"payloads": []}, headers={"Authorization": authorization})
            return answer.status_code, answer.headers.get("retry-after")

        assert [await status("Bearer guessed") for _ in range(11)] == [(403, None)] * 10 + [(429, "6")]
        assert (200, None) == await status(token.path.read_text().strip())
        assert 200 == (await asking.get("/sign-in")).status_code


# By person, who is signed in


def test_reading_and_writing_have_a_pace_each(tmp_path: Path, watch: Watch) -> None:
    """Of a person, wherever they sit; somebody else has one of their own."""
    desk = paced(a_desk_of(tmp_path, Course().represented()), watch)
    browser, other = working(desk), working(desk, "court")
    assert [browser.get("/find").status_code for _ in range(11)] == [200] * 10 + [429]
    at_another_window = signed_in(client(desk, PAGES), PEOPLE["caseworker"][0])
    told = at_another_window.get("/find")
    assert (told.status_code, told.headers["retry-after"]) == (429, "6")
    assert "That was too much at once" in told.text and "Wait 6 seconds" in told.text and 'href="/find"' in told.text
    # Nobody needs a page to send what stands in one that is open.
    assert at_another_window.post("/sign-out", data=_in("<main" + told.text)).status_code == 303
    assert other.get("/find").status_code == 200
    watch.move(6)
    assert [browser.get("/find").status_code for _ in range(2)] == [200, 429]


def _in(text: str) -> dict[str, str]:
    return {name: unescape(value) for name, value in hidden(text).items()}


def _too_many_forms(browser: TestClient) -> Any:
    """Uses up the writes of whoever is signed in, by a note without its text; the answer to the next one."""
    form = {**hidden(browser.get(f"{CASE}/acts/note").text), "reason": "", "text": ""}
    statuses = [browser.post(f"{CASE}/acts/note", data=form).status_code for _ in range(10)]
    assert statuses == [422] * 10
    return browser.post(f"{CASE}/acts/note", data={**form, "text": 'Typed <b>"long"</b> and well'})


def _recorded(desk: Desk) -> list[Any]:
    return cases_of(desk)._case(REFERENCE).ledger()  # pyright: ignore[reportPrivateUsage]


def test_what_was_typed_is_kept_and_acts_once(tmp_path: Path, watch: Watch) -> None:
    """The page that refuses it gives it back; sent again from there it is recorded, and once."""
    desk = paced(a_desk_of(tmp_path, Course().represented()), watch)
    browser, before = working(desk), len(_recorded(desk))
    told = _too_many_forms(browser)
    assert told.status_code == 429 and "What you typed is not lost" in told.text and "<b>" not in told.text
    again = _in(told.text)
    assert again["text"] == 'Typed <b>"long"</b> and well'
    assert browser.post(f"{CASE}/acts/note", data=again).status_code == 429
    assert len(_recorded(desk)) == before
    watch.move(12)
    assert [browser.post(f"{CASE}/acts/note", data=again).status_code for _ in range(2)] == [303, 303]
    assert [entry["act"] for entry in _recorded(desk)[before:]] == ["note"]
    assert _recorded(desk)[-1]["act_id"] == again["once"]


def test_a_form_of_a_visitor_is_an_attempt_of_their_address(watch: Watch) -> None:
    """The development sign-in, which is the only one that visitors have."""
    desk = paced(a_desk(), watch)
    one, other = from_address(desk, "127.0.0.1"), from_address(desk, "127.0.0.2")
    form = {**hidden(one.get("/sign-in").text), "person": "nobody"}
    assert [one.post("/sign-in", data=form).status_code for _ in range(11)] == [422] * 10 + [429]
    assert signed_in(other).get("/no-such-page").status_code == 404


def test_an_urgent_report_passes_where_everything_else_is_used_up(tmp_path: Path, watch: Watch) -> None:
    """Its form opens though no other page does, and it is recorded though no other form is."""
    desk = paced(a_desk_of(tmp_path, Course().represented()), watch)
    browser = working(desk)
    assert _too_many_forms(browser).status_code == 429
    while browser.get("/find").status_code != 429:
        pass
    assert browser.get(f"{CASE}/acts/note").status_code == 429
    form = browser.get(f"{CASE}/acts/report_missing")
    assert form.status_code == 200
    typed = posted("report_missing", {"reason": "invented", **FIELDS["report_missing"](Course())})
    with capture_logs() as lines:
        answer = browser.post(f"{CASE}/acts/report_missing", data={**_in(form.text), **typed})
    assert answer.status_code == 303 and _recorded(desk)[-2]["act"] == "report_missing"
    assert [line["event"] for line in lines if line["log_level"] == "warning"] == ["desk.care_beyond_pace"]


def test_forms_of_care_have_a_pace_of_their_own_which_a_new_session_begins_anew(tmp_path: Path, watch: Watch) -> None:
    """Each reads the whole case and writes in its log. The page that says so leads on, and what is sent is heard."""
    desk = paced(a_desk_of(tmp_path, Course().represented()), watch, replace(SLOW, reads=1_000, care_forms=10))
    browser, form = working(desk), f"{CASE}/acts/report_missing"
    assert [browser.get(form).status_code for _ in range(11)] == [200] * 10 + [429]
    told = browser.get(form)
    assert f'href="{form}"' in told.text and 'href="/alarm"' in told.text
    assert browser.get("/find").status_code == 200
    # Whoever stole the session before uses up nothing of the next one.
    assert working(desk).get(form).status_code == 200
    watch.move(6)
    assert [browser.get(form).status_code for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("who", ["caseworker", "police"])
def test_the_way_to_a_report_opens_at_any_pace(tmp_path: Path, watch: Watch, who: str) -> None:
    """It looks nothing up; every page that says that somebody was too fast leads there, of a case to its own forms."""
    desk = paced(a_desk_of(tmp_path, Course().represented()), watch)
    browser = working(desk, who)
    while (told := browser.get("/find" if who == "caseworker" else "/")).status_code != 429:
        pass
    assert 'href="/alarm"' in told.text and "/acts/" not in told.text
    assert {browser.get("/alarm").status_code for _ in range(30)} == {200}
    way = browser.get("/alarm", params={"reference": REFERENCE, "act": "report_missing"})
    assert way.headers["location"] == f"{CASE}/acts/report_missing"
    assert browser.get(way.headers["location"]).status_code == 200
    if who == "caseworker":
        assert f'href="{CASE}/acts/report_missing"' in browser.get(CASE).text


def test_a_visitors_form_is_counted_before_it_is_read(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large one costs a second to read and is no form of ours: it was refused as that, and never counted."""
    browser = from_address(paced(a_desk(), watch), "127.0.0.1")
    large = {f"field{n}": "x" * 100 for n in range(100)}
    answers = [browser.post("/sign-in", data=large, headers={"Origin": ADDRESS}) for _ in range(12)]
    assert [answer.status_code for answer in answers] == [403] * 10 + [429] * 2
    assert all("field1" not in answer.text for answer in answers)

    async def read(*_: Any, **__: Any) -> Any:
        raise AssertionError("it was read")

    monkeypatch.setattr(Request, "form", read)
    assert browser.post("/sign-in", data=large, headers={"Origin": ADDRESS}).status_code == 429


def _invented(n: int) -> str:
    letters = "ABCDEFGH"
    return f"MD-UA-2026-{letters[n // 8 % 8]}{letters[n % 8]}AAAA"


def test_references_cannot_be_tried_by_reports(tmp_path: Path, watch: Watch) -> None:
    """After twenty that lead to no case nothing is looked up for three seconds; what leads to one never counts."""
    desk = paced(a_desk_of(tmp_path, Course().represented()), watch, Pace())
    browser = signed_in(from_address(desk, "127.0.0.1"), PEOPLE["police"][0])
    report = {"reason": "invented", **FIELDS["report_missing"](Course())}

    def alarm(reference: str) -> int:
        form = browser.get(f"/cases/{reference}/acts/report_missing").text
        return browser.post(
            f"/cases/{reference}/acts/report_missing", data={**_in(form), **posted("report_missing", report)}
        ).status_code

    # Otherwise the forms would be what is too fast.
    browser.get("/alarm")
    with capture_logs() as lines:
        assert [alarm(REFERENCE) for _ in range(3)] == [303] * 3
        assert [alarm(_invented(n)) for n in range(23)] == [422] * 20 + [429] * 3
    # A case that they named before is theirs to report about, however much they guess.
    assert alarm(REFERENCE) == 303
    told = [(line["event"], line["what"]) for line in lines if line["log_level"] == "warning"]
    assert ("desk.no_such_case", "misses") in told and ("desk.too_often", "misses") in told
    watch.move(3)
    assert [alarm(_invented(n)) for n in (30, 31)] == [422, 429]


async def test_a_thousand_guesses_at_once_are_twenty(watch: Watch) -> None:
    """They are looked up one after the other: at once, all would be before the first had counted."""
    rates, looked_up = Rates(clock=watch), 0

    async def guess(n: int) -> str:
        nonlocal looked_up
        try:
            async with rates.naming(ANA, _invented(n)):
                looked_up += 1
                await asyncio.sleep(0)
                raise NoSuchCase("There is no such case.")
        except (NoSuchCase, TooOften) as error:
            return type(error).__name__

    said = await asyncio.gather(*(guess(n) for n in range(1_000)))
    assert (looked_up, said.count("NoSuchCase"), said.count("TooOften")) == (20, 20, 980)
    # Others look up what they like, and so does who finds what they name.
    for n in range(100):
        async with rates.naming(replace(ANA, id="another"), _invented(n)):
            pass


def test_care_is_what_the_contract_says() -> None:
    """Every report but two that only add words, and what gives a child a place or somebody to speak for them."""
    assert {"place_child", "appoint_guardian", "confirm_services", "hear_child"} <= CARE < ACTS.keys()
    assert REPORTS - CARE == {"note", "correct"}
    assert CARE & DECISIONS == {"place_child", "appoint_guardian", "suspend"}


def _asking(method: str = "POST") -> Any:
    """A request of somebody whom no session knows."""
    asked = Request({"type": "http", "method": method, "headers": [], "client": ("192.0.2.1", 1)})

    class NoSession:
        session = None

    asked.state.visit = NoSession()
    return asked


ANA = Person("md:ana", "Ana Invented", "caseworker", "MD")


@pytest.mark.parametrize("act", sorted(ACTS))
def test_each_act_passes_or_waits_by_what_it_is(watch: Watch, act: str) -> None:
    """A flood of care is heard too, and whoever makes it does nothing else."""
    rates = Rates(SLOW, clock=watch)
    for _ in range(10):
        rates.ask(_asking(), ANA, act)
    if act in CARE:
        for _ in range(1_000):
            rates.ask(_asking(), ANA, act)
    else:
        with pytest.raises(TooOften):
            rates.ask(_asking(), ANA, act)
    with pytest.raises(TooOften) as slow:
        rates.ask(_asking(), ANA)
    assert slow.value.after == 6
    rates.ask(_asking(), replace(ANA, id="md:bogdan"))


# By account, at /api


def test_an_account_at_the_api_has_a_pace_of_its_own(tmp_path: Path, issuer: Issuing, watch: Watch) -> None:
    """A system's programs leave people alone; care passes, and what was refused can be sent again as it was."""
    desk = a_desk_of(tmp_path, Course().represented())
    desk = by_issuer(tmp_path, issuer, watch, cases=desk.cases, caseload=desk.caseload, clock=desk.clock)
    browser = from_address(desk, "192.0.2.1")
    system, ana = (
        with_token(issuer.access_token("figures-system", "figures-system")),
        with_token(issuer.access_token()),
    )
    assert [browser.get("/api/agreements", headers=system).status_code for _ in range(11)] == [200] * 10 + [429]
    assert [browser.get("/api/agreements", headers=ana).status_code for _ in range(10)] == [200] * 10
    address = f"/api{CASE}/acts"
    actor = {"id": "md:ana", "role": "caseworker", "state": "MD"}
    told = browser.post(address, headers=ana, json=note(**actor))
    assert (told.status_code, told.json()["type"]) == (429, "urn:homeward:problem:too-often")
    assert told.headers["retry-after"] == "6" and told.json()["status"] == 429
    # What is no act at all is told so only in time.
    assert browser.post(address, headers=ana, json={"act": "report_detention"}).status_code == 429
    detention = {"act": "report_detention", "act_id": "d-1", "actor": actor, "reason": "invented"}
    detention |= {"placement": STATION, "since": "2026-02-02T08:00:00Z"}
    heard = browser.post(address, headers=ana, json=detention)
    assert (heard.status_code, heard.json()["result"]) == (200, "accepted")
    watch.move(30)
    assert browser.post(address, headers=ana, json=note(**actor)).json()["result"] == "accepted"


def test_a_session_at_the_api_counts_as_its_person(tmp_path: Path, watch: Watch) -> None:
    """There is no way around the pace of the pages."""
    desk = paced(a_desk_of(tmp_path, Course().represented()), watch)
    browser = signed_in(from_address(desk, "127.0.0.1"), PEOPLE["caseworker"][0])
    assert [browser.get("/api/agreements").status_code for _ in range(11)] == [200] * 10 + [429]
    assert browser.get("/find").status_code == 429


# What comes into the log


def test_refusals_are_counted_without_a_person_and_without_a_flood(watch: Watch) -> None:
    """One line at once, and one a minute after that, with how many there were; role and state, and nobody's id."""
    rates = Rates(SLOW, clock=watch)

    def flood() -> int:
        refused = 0
        for n in range(1_000):
            try:
                rates.ask(_asking(), replace(ANA, id=f"md:{n % 3}"))
            except TooOften:
                refused += 1
        return refused

    with capture_logs() as lines:
        first = flood()
        second = flood()
        watch.move(60)
        rates.attempt("token", asked_from("192.0.2.1"))
        watch.move(60)
        rates.attempt("token", asked_from("192.0.2.1"))
    assert first + second == 2_000 - 30
    said = {"event": "desk.too_often", "log_level": "warning", "what": "accounts", "role": "caseworker", "state": "MD"}
    assert lines == [{**said, "times": 1}, {**said, "times": first + second - 1}]


def test_strangers_make_nobody_forget_what_people_asked(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered of addresses is bounded, and apart from what is remembered of people."""
    monkeypatch.setattr("desk.rates.ADDRESSES_AT_MOST", 50)
    rates = Rates(SLOW, clock=watch)
    for _ in range(10):
        rates.ask(_asking(), ANA)
    for n in range(500):
        rates.attempt("sign-in", asked_from(f"192.0.{n // 250}.{n % 250}"))
    with pytest.raises(TooOften):
        rates.ask(_asking(), ANA)
    # The library shows nobody how many it remembers.
    limits: Any = rates._limits  # pyright: ignore[reportPrivateUsage]
    stores: dict[str, Any] = {kind: limit._store for kind, limit in limits.items()}
    assert len(stores["attempts"]._backend.get_client()) == 50
    assert stores["accounts"]._backend.max_size == PEOPLE_AT_MOST


# What is set


def test_the_paces_are_the_operators(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the environment; nobody works so fast that they meet the ones that are there by default."""
    assert pace_of(read_settings()) == Pace() == Pace(ATTEMPTS, READS, WRITES, ACCOUNTS)
    for name, value in {"ATTEMPTS": 10, "READS": 20, "WRITES": 30, "ACCOUNTS": 40}.items():
        monkeypatch.setenv(f"HOMEWARD_PACE_{name}", str(value))
    assert pace_of(read_settings()) == Pace(10, 20, 30, 40)
    guide = (Path(__file__).parents[2] / "docs" / "for-operators.md").read_text("utf-8")
    for name, default in {"ATTEMPTS": 300, "READS": 600, "WRITES": 120, "ACCOUNTS": 1_200}.items():
        assert re.search(rf"\| `HOMEWARD_PACE_{name}` \| {default} \|", guide), name


def test_a_clicking_person_meets_no_pace(watch: Watch) -> None:
    """Five pages and a form a second, for ten minutes."""
    rates, desk = Rates(clock=watch), a_desk(sign_in=DevelopmentSignIn())
    session = desk.sessions.begin(ANA)

    class Here:
        pass

    here: Any = Here()
    here.session = session
    for _ in range(600):
        for method in ("GET", "GET", "GET", "GET", "GET", "POST"):
            asked = _asking(method)
            asked.state.visit = here
            rates.ask(asked, ANA)
        watch.move(1)


def test_what_is_refused_is_shown_before_it_is() -> None:
    """A counter that begins at one has not grown, for whoever asks how much it grew."""
    measures.TOO_OFTEN.clear()
    Rates()
    for what in ("sign-in", "codec", "reads", "misses"):
        assert REGISTRY.get_sample_value(TOO_OFTEN, {"what": what}) == 0
    assert REGISTRY.get_sample_value(TOO_OFTEN, {"what": "attempts"}) is None


def test_why_nobody_is_signed_in_is_shown_before_it_happens(tmp_path: Path) -> None:
    """For each page that says why, and for access tokens."""
    measures.SIGN_INS_REFUSED.clear()
    OpenIdSignIn(sign_in_file(tmp_path, "http://127.0.0.1:9"), ADDRESS)
    for why in ("denied", "silent", "access-token"):
        assert REGISTRY.get_sample_value("homeward_desk_sign_ins_refused_total", {"why": why}) == 0
