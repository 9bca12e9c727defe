"""Sign-in at real issuers: the whole way in and out, and every way in which nobody comes in."""

import base64
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from fastapi import APIRouter, Request
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.testclient import TestClient

from desk.frame import Desk, Pages, Signed
from desk.issuers import read_sign_in_file
from desk.openid import OpenIdSignIn
from desk.security import MAX_BODY
from desk.sessions import Sessions
from tests.desk.desks import ADDRESS, Hands, a_desk, client, hidden
from tests.desk.issuing import (
    PEOPLE,
    Issuing,
    Lie,
    issuing,
    issuing_by_others,
    sign_in_file,
    signed_as_secret,
    unsigned,
)

_router = APIRouter()
DESK = Pages(_router, label="Inbox", path="/mine")


@_router.get("/mine")
def mine(request: Request, person: Signed) -> dict[str, Any]:
    """Who is signed in."""
    return {**person.as_actor(), "name": person.name}


@pytest.fixture(scope="module")
def served() -> Iterator[Issuing]:
    """An issuer for the tests of this file."""
    with issuing(PEOPLE) as running:
        yield running


@pytest.fixture
def issuer(served: Issuing) -> Iterator[Issuing]:
    """The issuer, honest again and with its own key."""
    key = served.key
    yield served
    served.lie, served.key = None, key
    served.metadata_lie.clear()


def real_desk(folder: Path, url: str, more: str = "", **changes: Any) -> Desk:
    """A desk with a real sign-in at an issuer."""
    return a_desk(sign_in=OpenIdSignIn(sign_in_file(folder, url, more), ADDRESS), **changes)


def sent(browser: TestClient, back: str = "/mine", key: str = "md") -> str:
    """Where the desk sends a browser."""
    answer = browser.get(f"/sign-in/at/{key}", params={"back": back})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def let_go(where: str, sub: str = "ana") -> str:
    """Where the issuer sends a browser back to, as somebody."""
    answer = httpx2.post(where, data={"sub": sub})
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


def came_back(browser: TestClient, address: str, **said: Any) -> Any:
    """What a browser is answered that comes back; where nobody is signed in, the page that says so."""
    answer = browser.get(address, **said)
    where = answer.headers.get("location", "")
    assert answer.status_code == 303
    return browser.get(where) if where.startswith("/sign-in/failed/") else answer


def came_in(browser: TestClient, sub: str = "ana", back: str = "/mine") -> Any:
    """The whole way in; the last answer."""
    return came_back(browser, let_go(sent(browser, back), sub))


def a_visitors_session(browser: TestClient) -> str:
    """The number of the session that a browser has before anybody signed in at it: one of an earlier day has ended."""
    earlier = {"Sec-Fetch-Site": "same-origin", "Cookie": "homeward_8080=of-an-earlier-day"}
    browser.post("/sign-out", headers=earlier)
    return browser.cookies["homeward_8080"]


# The way in


def test_one_signs_in_at_the_issuer_and_comes_back(tmp_path: Path, issuer: Issuing) -> None:
    """To where one wanted to go, as whom the issuer said, by code with PKCE, state and nonce."""
    browser = client(real_desk(tmp_path, issuer.url), [DESK])
    way_in = browser.get("/mine").headers["location"]
    shown = browser.get(way_in).text
    assert "Moldova, invented" in shown and "Development" not in shown
    assert 'href="/sign-in/at/md?back=%2Fmine"' in shown
    where = sent(browser)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(where).query).items()}
    assert (asked["response_type"], asked["code_challenge_method"], asked["scope"]) == (
        "code",
        "S256",
        "openid profile",
    )
    assert all(len(asked[each]) >= 43 for each in ("state", "nonce", "code_challenge"))
    assert asked["redirect_uri"] == f"{ADDRESS}/sign-in/from/md"
    answer = browser.get(let_go(where))
    assert (answer.status_code, answer.headers["location"]) == (303, "/mine")
    assert browser.get("/mine").json() == {
        "id": "md:ana",
        "role": "caseworker",
        "state": "MD",
        "office": "Invented Service",
        "name": "Ana Invented",
    }


def test_an_issuer_that_others_made_is_understood_too(tmp_path: Path) -> None:
    """The flow is not only what we think it is."""
    with issuing_by_others(PEOPLE) as url:
        browser = client(real_desk(tmp_path, url), [DESK])
        assert came_in(browser).headers["location"] == "/mine"
        assert browser.get("/mine").json()["id"] == "md:ana"


def test_the_session_is_a_new_one_after_the_sign_in(tmp_path: Path, issuer: Issuing) -> None:
    """Whoever planted or saw the number before has nothing of it: no session fixation."""
    desk = real_desk(tmp_path, issuer.url)
    browser = client(desk, [DESK])
    planted = a_visitors_session(browser)
    where = sent(browser)
    browser.get(let_go(where))
    assert browser.cookies["homeward_8080"] != planted
    other = client(desk, [DESK])
    other.cookies.set("homeward_8080", planted)
    assert other.get("/mine").status_code == 303


@pytest.mark.parametrize("back", ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example", "mine"])
def test_nobody_is_led_elsewhere(tmp_path: Path, issuer: Issuing, back: str) -> None:
    """What comes after the sign-in is a page of this desk."""
    assert came_in(client(real_desk(tmp_path, issuer.url), [DESK]), back=back).headers["location"] == "/"


def test_two_issuers_are_kept_apart(tmp_path: Path, issuer: Issuing) -> None:
    """The same subject at two issuers is two people, and one issuer cannot answer for the other."""
    with issuing(PEOPLE) as second:
        more = f"""
[issuer.ngo]
name = "An NGO, invented"
url = "{second.url}"
client_id = "desk"
client_secret_file = "{tmp_path / "secret"}"
states = ["UA"]
roles = ["monitor", "caseworker"]
"""
        browser = client(real_desk(tmp_path, issuer.url, more), [DESK])
        browser.get(let_go(sent(browser)))
        one = browser.get("/mine").json()
        browser.get(let_go(sent(browser, key="ngo")))
        other = browser.get("/mine").json()
        where = let_go(sent(browser))
        answer = came_back(browser, where.replace("/from/md", "/from/ngo"))
        assert answer.status_code == 400 and "This sign-in is over" in answer.text
    assert (one["id"], one["state"], other["id"], other["state"]) == ("md:ana", "MD", "ngo:ana", "UA")


# One of several roles, or none


def test_who_holds_several_roles_chooses_one(tmp_path: Path, issuer: Issuing) -> None:
    """Before that nobody is signed in; a role that was not offered is not given; and the session is a new one twice."""
    desk = real_desk(tmp_path, issuer.url)
    browser = client(desk, [DESK])
    planted = a_visitors_session(browser)
    where = sent(browser)
    assert browser.get(let_go(where, "bogdan")).headers["location"] == "/sign-in/role"
    offered = browser.cookies["homeward_8080"]
    assert browser.get("/mine").status_code == 303
    shown = browser.get("/sign-in/role").text
    assert 'value="guardian@MD"' in shown and 'value="monitor@MD"' in shown and "caseworker" not in shown
    for wrong in ("caseworker@MD", "guardian@UA", ""):
        answer = browser.post("/sign-in/role", data={**hidden(shown), "role": wrong})
        assert answer.status_code == 422 and "Choose a role" in answer.text
        shown = answer.text
    answer = browser.post("/sign-in/role", data={**hidden(shown), "role": "monitor@MD"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/mine")
    assert browser.get("/mine").json()["role"] == "monitor"
    assert len({planted, offered, browser.cookies["homeward_8080"]}) == 3
    for old in (planted, offered):
        other = client(desk, [DESK])
        other.cookies.set("homeward_8080", old)
        assert other.get("/sign-in/role").headers["location"] == "/sign-in"


@pytest.mark.parametrize("sub", ["clerk", "nobody"])
def test_who_has_no_role_is_told_so(tmp_path: Path, issuer: Issuing, sub: str) -> None:
    """And is not signed in: deny by default. `system` is nobody's role."""
    browser = client(real_desk(tmp_path, issuer.url), [DESK])
    answer = came_in(browser, sub)
    assert answer.status_code == 403 and "You have no role at this desk" in answer.text
    assert browser.get("/mine").status_code == 303


@pytest.mark.parametrize(
    ("claims", "comes_in"),
    [
        ({"roles": ["caseworker"]}, True),
        ({"roles": ["central_authority"]}, False),
        ({"roles": ["caseworker"], "land": "MD"}, True),
        ({"roles": ["caseworker"], "land": ["UA", "RO"]}, False),
        ({"roles": {"caseworker": True}}, False),
        ({"roles": "caseworker"}, True),
    ],
)
def test_an_issuer_gives_only_what_the_file_lets_it_give(
    tmp_path: Path, issuer: Issuing, claims: dict[str, Any], comes_in: bool
) -> None:
    """Whatever its tokens say: no role beyond its roles, nobody of another state."""
    issuer.people["dana"] = {"name": "Dana Invented", **claims}
    desk = real_desk(tmp_path, issuer.url)
    if "land" in claims:
        text = (tmp_path / "sign-in.toml").read_text().replace('office = "office"', 'state = "land"')
        (tmp_path / "sign-in.toml").write_text(text)
        desk = a_desk(sign_in=OpenIdSignIn(read_sign_in_file(tmp_path / "sign-in.toml"), ADDRESS))
    browser = client(desk, [DESK])
    came_in(browser, "dana")
    assert (browser.get("/mine").status_code == 200) == comes_in


def test_an_id_names_nobody(tmp_path: Path, issuer: Issuing) -> None:
    """A subject that is a mail address is known by its digest, always the same one."""
    issuer.people["ana@invented.example"] = PEOPLE["ana"]
    ids: set[str] = set()
    for _ in range(2):
        browser = client(real_desk(tmp_path, issuer.url), [DESK])
        came_in(browser, "ana@invented.example")
        ids.add(browser.get("/mine").json()["id"])
    (one,) = ids
    assert one.startswith("md:~") and "ana" not in one and len(one) <= 64


# Nobody comes in


def _changed(**changes: Any) -> Lie:
    def lie(header: dict[str, Any], claims: dict[str, Any]) -> None:
        for name, value in changes.items():
            claims.pop(name, None) if value is None else claims.update({name: value})

    return lie


def _header(**changes: Any) -> Lie:
    return lambda header, claims: header.update(changes)


def _by_another_key(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return jwt.encode(header, claims, RSAKey.generate_key(2048), default_type=None)


_PAST = time.time() - 3600
LIES: dict[str, Lie] = {
    "another nonce": _changed(nonce="another"),
    "no nonce": _changed(nonce=None),
    "another audience": _changed(aud="another-desk"),
    "no audience": _changed(aud=None),
    "several audiences and no azp": _changed(aud=["desk", "another-desk"]),
    "made for another": _changed(azp="another-desk"),
    "another issuer": _changed(iss="https://login.example.org"),
    "expired": _changed(exp=int(_PAST), iat=int(_PAST) - 600),
    "no end": _changed(exp=None),
    "an end that is no number": _changed(exp="tomorrow"),
    "not yet": _changed(nbf=int(time.time()) + 7200),
    "from the future": _changed(iat=int(time.time()) + 7200),
    "no subject": _changed(sub=None),
    "an access token": _header(typ="at+jwt"),
    "unsigned": unsigned,
    "another key": _by_another_key,
    "a key that is not known": _header(kid="unknown"),
    "no token": lambda header, claims: "garbage",
    "three dots": lambda header, claims: "a.b.c",
}


@pytest.mark.parametrize("lie", list(LIES))
def test_a_token_that_does_not_hold_lets_nobody_in(tmp_path: Path, issuer: Issuing, lie: str) -> None:
    """One page says so, and the session is a visitor's still."""
    issuer.lie = LIES[lie]
    browser = client(real_desk(tmp_path, issuer.url), [DESK])
    answer = came_in(browser)
    assert answer.status_code == 400 and "did not pass the desk" in answer.text
    assert browser.get("/mine").status_code == 303


@pytest.mark.parametrize("what", ["the published key", "the desk's secret"])
def test_what_is_no_secret_of_the_issuer_signs_nothing(tmp_path: Path, issuer: Issuing, what: str) -> None:
    """HS256 over the public key, or with the secret that the desk knows as well."""
    secret = {"the published key": issuer.key.as_pem(private=False), "the desk's secret": b"an invented secret"}[what]
    issuer.lie = lambda header, claims: signed_as_secret(header, claims, secret)
    issuer.metadata_lie["id_token_signing_alg_values_supported"] = ["HS256", "none"]
    browser = client(real_desk(tmp_path, issuer.url), [DESK])
    assert came_in(browser).status_code == 400
    assert browser.get("/mine").status_code == 303


def test_a_key_that_was_changed_is_found(tmp_path: Path, issuer: Issuing, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while: whoever names keys that there are not cannot make the desk ask for them all the time."""
    desk = real_desk(tmp_path, issuer.url)
    browser = client(desk, [DESK])
    assert came_in(browser).status_code == 303
    read = issuer.keys_read
    issuer.key = RSAKey.generate_key(2048, {"kid": "newer", "use": "sig"})
    assert [came_in(browser).status_code for _ in range(3)] == [400] * 3
    assert issuer.keys_read == read
    monkeypatch.setattr("desk.published.AGAIN", timedelta(0))
    assert came_in(browser).status_code == 303
    assert issuer.keys_read == read + 1


@pytest.mark.parametrize(
    "what", ["another state", "no state", "another browser", "used already", "after a no", "too late", "iss"]
)
def test_an_answer_that_this_browser_did_not_ask_for_is_nothing(tmp_path: Path, issuer: Issuing, what: str) -> None:
    """The state is bound to the session, serves once, and for a quarter of an hour."""
    clock = Hands()
    desk = real_desk(tmp_path, issuer.url, clock=clock, sessions=Sessions())
    browser = client(desk, [DESK])
    answer = urlsplit(let_go(sent(browser)))
    said = {name: values[0] for name, values in parse_qs(answer.query).items()}
    match what:
        case "another state":
            said["state"] = "another"
        case "no state":
            del said["state"]
        case "another browser":
            browser = client(desk, [DESK])
        case "used already":
            assert browser.get(answer.path, params=said).status_code == 303
            browser.post("/sign-out", data=_sign_out_form(browser))
        case "after a no":
            browser.get(answer.path, params={"state": said["state"], "error": "access_denied"})
        case "too late":
            clock.move(minutes=16)
        case _:
            said["iss"] = "https://login.example.org"
    assert came_back(browser, answer.path, params=said).status_code == 400
    assert browser.get("/mine").status_code == 303


def _sign_out_form(browser: TestClient) -> dict[str, str]:
    return hidden("<main" + browser.get("/no-such-page").text.partition("<main")[0])


def test_no_crowd_pushes_out_a_sign_in_that_is_under_way(tmp_path: Path, issuer: Issuing) -> None:
    """However many begin one meanwhile, or get a visitor's session: it lies with the browser that began it."""
    desk = real_desk(tmp_path, issuer.url, sessions=Sessions(visitors_at_most=3))
    browser = client(desk, [DESK])
    where = sent(browser)
    for _ in range(20):
        stranger = client(desk, [DESK])
        sent(stranger)
        a_visitors_session(stranger)
    assert browser.get(let_go(where)).headers["location"] == "/mine"
    assert browser.get("/mine").json()["id"] == "md:ana"


def test_an_answer_that_was_played_again_is_nothing(tmp_path: Path, issuer: Issuing) -> None:
    """Even by who copied the browser's cookies before it came back; and what it came back with is gone from it."""
    desk = real_desk(tmp_path, issuer.url)
    browser, thief = client(desk, [DESK]), client(desk, [DESK])
    where = let_go(sent(browser))
    begun = {name: value for name, value in browser.cookies.items() if "-begun-" in name}
    assert len(begun) == 1
    thief.cookies.update(begun)
    assert browser.get(where).headers["location"] == "/mine"
    assert not any("-begun-" in name for name in browser.cookies)
    assert came_back(thief, where).status_code == 400
    assert thief.get("/mine").status_code == 303


def test_what_a_browser_keeps_of_a_sign_in_says_nothing_and_opens_at_this_desk_only(
    tmp_path: Path, issuer: Issuing
) -> None:
    """Sealed: neither where one wants to go nor the secrets stand in it. Another desk's, or an altered one, is none."""
    desk = real_desk(tmp_path, issuer.url)
    browser = client(desk, [DESK])
    answer = browser.get("/sign-in/at/md", params={"back": "/cases/MD-UA-2026-7K3F9A"})
    given = answer.headers["set-cookie"]
    assert given.endswith("; HttpOnly; Max-Age=900; Path=/; SameSite=lax")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}
    sealed = given.partition("=")[2].partition(";")[0]
    parts = [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in sealed.split(".")]
    # In clear stands how it is sealed, and nothing else. The rest is looked through for what no chance brings about:
    # two letters stand in every tenth cookie.
    assert json.loads(parts[0]) == {"alg": "dir", "enc": "A256GCM"}
    for secret in ("MD-UA-2026-7K3F9A", asked["state"], asked["nonce"], '"issuer"'):
        assert secret not in given and secret.encode() not in b"".join(parts)
    where = let_go(answer.headers["location"])
    # One letter in the middle of what is sealed; the last one of a part may stand for nothing.
    middle = len(sealed) // 2
    altered = sealed[:middle] + ("A" if sealed[middle] != "A" else "B") + sealed[middle + 1 :]
    for wrong in (altered, "a.b.c.d.e", "garbage", ""):
        other = client(desk, [DESK])
        other.cookies.set("homeward_8080-begun-0", wrong)
        assert came_back(other, where).status_code == 400
    elsewhere = client(real_desk(tmp_path, issuer.url), [DESK])
    elsewhere.cookies.set("homeward_8080-begun-0", sealed)
    assert came_back(elsewhere, where).status_code == 400
    assert browser.get(where).headers["location"] == "/cases/MD-UA-2026-7K3F9A"


def test_a_browser_has_several_sign_ins_under_way(tmp_path: Path, issuer: Issuing) -> None:
    """One a tab; beyond five the oldest makes room. A way back that is too long for a cookie leads to the beginning."""
    clock = Hands()
    browser = client(real_desk(tmp_path, issuer.url, clock=clock, sessions=Sessions()), [DESK])
    ways: list[str] = []
    for n in range(6):
        clock.move(seconds=1)
        ways.append(sent(browser, f"/mine?tab={n}"))
    assert came_back(browser, let_go(ways[0])).status_code == 400
    for n in (5, 1, 3):
        assert browser.get(let_go(ways[n])).headers["location"] == f"/mine?tab={n}"
    answer = browser.get("/sign-in/at/md", params={"back": "/" + "x" * 5_000})
    assert len(answer.headers["set-cookie"]) < 4_096
    assert browser.get(let_go(answer.headers["location"])).headers["location"] == "/"


def test_on_a_network_the_cookie_is_bound_to_the_host(tmp_path: Path, issuer: Issuing) -> None:
    """No neighbour under the same domain can plant a sign-in of theirs."""
    address = "https://desk.example.org"
    sign_in = OpenIdSignIn(sign_in_file(tmp_path, issuer.url), address)
    browser = client(a_desk(sign_in=sign_in, base_url=address, bind="0.0.0.0"), [DESK])
    given = browser.get("/sign-in/at/md").headers["set-cookie"]
    assert given.startswith("__Host-homeward-begun-0=") and given.endswith("; Path=/; SameSite=lax; Secure")


def test_a_logout_that_is_too_large_is_not_read(tmp_path: Path, issuer: Issuing) -> None:
    """Nor one with fields without number; the next one that counts is heard."""
    server = client(real_desk(tmp_path, issuer.url))
    token = issuer.logout_token(sub="ana")
    assert server.post("/sign-in/ended/md", data={"logout_token": token, "more": "x" * MAX_BODY}).status_code == 413
    assert server.post("/sign-in/ended/md", data={"logout_token": token, "more": "x" * 70_000}).status_code == 400
    crowd = {"logout_token": token, **{f"more{n}": "" for n in range(10)}}
    assert server.post("/sign-in/ended/md", data=crowd).status_code == 400
    assert server.post("/sign-in/ended/md", data={"logout_token": token}).status_code == 200


def test_a_code_serves_once(tmp_path: Path, issuer: Issuing) -> None:
    """Somebody who read it on the way cannot use it in a sign-in of theirs: it is bound to the other's PKCE verifier."""
    desk = real_desk(tmp_path, issuer.url)
    victim, thief = client(desk, [DESK]), client(desk, [DESK])
    stolen = {name: values[0] for name, values in parse_qs(urlsplit(let_go(sent(victim))).query).items()}
    own = {name: values[0] for name, values in parse_qs(urlsplit(sent(thief)).query).items()}
    answer = came_back(thief, "/sign-in/from/md", params={"code": stolen["code"], "state": own["state"]})
    assert answer.status_code == 400
    assert thief.get("/mine").status_code == 303


def test_who_stops_at_the_issuer_is_not_signed_in(tmp_path: Path, issuer: Issuing) -> None:
    """What the issuer says of it is not repeated on the page."""
    browser = client(real_desk(tmp_path, issuer.url), [DESK])
    state = parse_qs(urlsplit(sent(browser)).query)["state"][0]
    said = {"state": state, "error": "access_denied", "error_description": "<b>Call 555</b>"}
    answer = came_back(browser, "/sign-in/from/md", params=said)
    assert answer.status_code == 403 and "You were not signed in" in answer.text and "Call 555" not in answer.text


@pytest.mark.parametrize(
    "lie",
    [
        {"issuer": "https://login.example.org"},
        {"authorization_endpoint": None},
        {"authorization_endpoint": "http://login.example.org/authorize"},
    ],
)
def test_an_issuer_that_says_what_cannot_be_used_is_not_asked(
    tmp_path: Path, issuer: Issuing, lie: dict[str, Any]
) -> None:
    """Another's name, no address, or one that could be listened to."""
    issuer.metadata_lie.update(lie)
    answer = came_back(client(real_desk(tmp_path, issuer.url), [DESK]), "/sign-in/at/md")
    assert answer.status_code == 503 and "does not answer" in answer.text


def test_an_issuer_that_is_away_is_told(tmp_path: Path) -> None:
    """And so is one that the file does not know."""
    browser = client(real_desk(tmp_path, "http://127.0.0.1:9"), [DESK])
    assert came_back(browser, "/sign-in/at/md").status_code == 503
    for address in ("/sign-in/at/ua", "/sign-in/from/ua", "/signed-out/ua", "/sign-in/failed/md/otherwise"):
        assert browser.get(address).status_code == 404


# The way out


def test_signing_out_ends_the_session_and_offers_the_issuers_way_out(tmp_path: Path, issuer: Issuing) -> None:
    """By an address in which no claim of a person stands."""
    desk = real_desk(tmp_path, issuer.url)
    browser = client(desk, [DESK])
    came_in(browser)
    number = browser.cookies["homeward_8080"]
    answer = browser.post("/sign-out", data=_sign_out_form(browser))
    assert (answer.status_code, answer.headers["location"]) == (303, "/signed-out/md")
    assert desk.sessions.find(number) is None
    shown = browser.get("/signed-out/md").text
    assert f"{issuer.url}/end?client_id=desk&amp;post_logout_redirect_uri=" in shown and "id_token_hint" not in shown
    issuer.metadata_lie["end_session_endpoint"] = None
    shown = client(real_desk(tmp_path, issuer.url)).get("/signed-out/md").text
    assert "You are signed out of the desk" in shown and f"{issuer.url}/end" not in shown


@pytest.mark.parametrize(
    ("moves", "stays"),
    [([29], True), ([31], False), ([29] * 24, True), ([29] * 25, False)],
    ids=["short pause", "long pause", "nearly twelve hours", "beyond twelve hours"],
)
def test_a_session_ends_when_it_is_idle_and_in_the_end(
    tmp_path: Path, issuer: Issuing, moves: list[int], stays: bool
) -> None:
    """After half an hour without a request, and after twelve hours whatever happens."""
    hands = Hands()
    browser = client(real_desk(tmp_path, issuer.url, sessions=Sessions(hands)), [DESK])
    came_in(browser)
    for minutes in moves:
        hands.move(minutes=minutes)
        answer = browser.get("/mine")
    assert (answer.status_code == 200) == stays  # pyright: ignore[reportPossiblyUnboundVariable]


def test_the_issuer_ends_all_sessions_of_somebody(tmp_path: Path, issuer: Issuing) -> None:
    """By a logout token that it signed; those of others go on. No form of ours is needed for that."""
    desk = real_desk(tmp_path, issuer.url)
    phone, office, other = (client(desk, [DESK]) for _ in range(3))
    issuer.people["eva"] = PEOPLE["ana"]
    for browser, sub in ((phone, "ana"), (office, "ana"), (other, "eva")):
        came_in(browser, sub)
    server = client(desk)
    for wrong in (
        "garbage",
        issuer.logout_token(),
        issuer.logout_token(sub="ana", events={}),
        issuer.logout_token(sub="ana", nonce="one"),
        issuer.logout_token(sub="ana", aud="another-desk"),
        issuer.logout_token(sub="ana", iss="https://login.example.org"),
        issuer.logout_token(sub="ana", exp=int(_PAST)),
    ):
        assert server.post("/sign-in/ended/md", data={"logout_token": wrong}).status_code == 400
    assert office.get("/mine").status_code == 200
    answer = server.post("/sign-in/ended/md", data={"logout_token": issuer.logout_token(sub="ana")})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert [each.get("/mine").status_code for each in (phone, office, other)] == [303, 303, 200]
    assert server.post("/sign-in/ended/ua", data={}).status_code == 404


def test_the_issuer_ends_one_session_by_its_own_number(tmp_path: Path, issuer: Issuing) -> None:
    """The one that began with that session at the issuer, and no other."""
    desk = real_desk(tmp_path, issuer.url)
    browsers = {sid: client(desk, [DESK]) for sid in ("s1", "s2")}
    for sid, browser in browsers.items():
        issuer.lie = _changed(sid=sid)
        came_in(browser)
    issuer.lie = None
    answer = client(desk).post("/sign-in/ended/md", data={"logout_token": issuer.logout_token(sid="s1")})
    assert answer.status_code == 200
    assert [browser.get("/mine").status_code for browser in browsers.values()] == [303, 200]
