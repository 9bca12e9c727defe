"""Access tokens at /api: systems and people without a session, and every token that lets nobody in."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from desk.api import api
from desk.openid import OpenIdSignIn
from desk.sessions import Sessions
from tests.desk.cases_in_memory import CasesInMemory
from tests.desk.desks import ADDRESS, a_desk, client
from tests.desk.issuing import PEOPLE, Issuing, Lie, issuing, sign_in_file, signed_as_secret, unsigned
from tests.procedure.courses import REFERENCE, Course

SYSTEMS = """
[issuer.md.systems.figures-system]
name = "Invented figures"
role = "monitor"
state = "MD"
office = "Invented Bureau"
"""


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuing]:
    """An issuer for the tests of this file."""
    with issuing(PEOPLE) as running:
        yield running


@pytest.fixture
def asking(tmp_path: Path, issuer: Issuing) -> Iterator[TestClient]:
    """A program that asks the API of a desk with a real sign-in."""
    issuer.lie = None
    desk = a_desk(
        cases=CasesInMemory(Course().represented()),
        sign_in=OpenIdSignIn(sign_in_file(tmp_path, issuer.url, SYSTEMS), ADDRESS),
        sessions=Sessions(),
    )
    yield client(desk, api=api(desk))
    issuer.lie = None


def with_token(token: str, **headers: str) -> dict[str, str]:
    """The headers of a request with an access token."""
    return {"Authorization": f"Bearer {token}", **headers}


def note(**actor: Any) -> dict[str, Any]:
    """An act that is accepted at any time, by somebody."""
    return {"act": "note", "act_id": "n-1", "actor": actor, "text": "Invented."}


def test_a_person_asks_with_a_token_of_theirs(asking: TestClient, issuer: Issuing) -> None:
    """And records an act as themselves, with no session and no token of a form."""
    token = with_token(issuer.access_token())
    assert asking.get("/api/agreements", headers=token).status_code == 200
    answer = asking.post(
        f"/api/cases/{REFERENCE}/acts", headers=token, json=note(id="md:ana", role="caseworker", state="MD")
    )
    assert (answer.status_code, answer.json()["result"]) == (200, "accepted")
    another = note(id="caseworker-1", role="caseworker", state="MD")
    answer = asking.post(f"/api/cases/{REFERENCE}/acts", headers=token, json=another)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:homeward:problem:not-you")
    assert not asking.cookies


def test_a_system_asks_in_its_one_role(asking: TestClient, issuer: Issuing) -> None:
    """Which the sign-in file says; what its token says of roles counts nothing."""
    token = issuer.access_token("figures-system", "figures-system", roles=["caseworker"])
    address = f"/api/cases/{REFERENCE}/acts"
    answer = asking.post(
        address, headers=with_token(token), json=note(id="md:system:figures-system", role="caseworker", state="MD")
    )
    assert answer.json()["type"] == "urn:homeward:problem:not-you"
    answer = asking.post(
        address, headers=with_token(token), json=note(id="md:system:figures-system", role="monitor", state="MD")
    )
    assert answer.status_code == 200


def test_nobody_asks_without_one(asking: TestClient) -> None:
    """The answer says what is wanted."""
    answer = asking.get("/api/agreements")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="desk", Cookie realm="desk", cookie-name="homeward_8080"'


def _past(issuer: Issuing) -> str:
    past = int(time.time()) - 3600
    return issuer.access_token(iat=past, exp=past + 600)


def _lying(lie: Lie) -> Callable[[Issuing], str]:
    def made(issuer: Issuing) -> str:
        issuer.lie = lie
        return issuer.access_token()

    return made


WRONG: dict[str, Callable[[Issuing], str]] = {
    "garbage": lambda issuer: "garbage",
    "nothing": lambda issuer: "",
    "much": lambda issuer: "a" * 20_000,
    "another audience": lambda issuer: issuer.access_token(aud="desk"),
    "no audience": lambda issuer: issuer.access_token(aud=None),
    "another issuer": lambda issuer: issuer.access_token(iss="https://login.example.org"),
    "no issuer": lambda issuer: issuer.access_token(iss=None),
    "expired": _past,
    "no end": lambda issuer: issuer.access_token(exp=None),
    "no subject": _lying(lambda header, claims: claims.pop("sub") and None),
    "an ID token": _lying(lambda header, claims: header.update(typ="JWT")),
    "no type": _lying(lambda header, claims: header.pop("typ") and None),
    "unsigned": _lying(unsigned),
    "signed by what everybody knows": _lying(lambda header, claims: signed_as_secret(header, claims, b"desk")),
}


@pytest.mark.parametrize("wrong", list(WRONG))
def test_a_token_that_does_not_hold_lets_nobody_ask(asking: TestClient, issuer: Issuing, wrong: str) -> None:
    """401 with the word of RFC 6750, and nothing of the token in the answer."""
    token = WRONG[wrong](issuer)
    answer = asking.get("/api/agreements", headers=with_token(token))
    assert (answer.status_code, answer.json()["type"]) == (401, "urn:homeward:problem:not-signed-in")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="desk", error="invalid_token"'


@pytest.mark.parametrize(
    ("sub", "client_id", "role", "status"),
    [
        ("nobody", "homeward-cli", None, 403),
        ("clerk", "homeward-cli", "system", 403),
        ("bogdan", "homeward-cli", None, 403),
        ("bogdan", "homeward-cli", "guardian@MD", 200),
        ("bogdan", "homeward-cli", "monitor", 200),
        ("bogdan", "homeward-cli", "guardian@UA", 403),
        ("bogdan", "homeward-cli", "caseworker", 403),
        ("ana", "homeward-cli", "caseworker@MD", 200),
        ("ana", "desk", "caseworker@MD", 200),
        ("other-system", "other-system", None, 403),
        ("ana", "another-application", "caseworker@MD", 403),
    ],
)
def test_a_token_gives_one_role_that_its_sender_holds(
    asking: TestClient, issuer: Issuing, sub: str, client_id: str, role: str | None, status: int
) -> None:
    """Named by a header where they hold several; a system that the file does not know has none."""
    named = {"Homeward-Role": role} if role else {}
    answer = asking.get("/api/agreements", headers=with_token(issuer.access_token(sub, client_id), **named))
    assert answer.status_code == status, answer.text
    if status == 403:
        assert answer.json()["type"] == "urn:homeward:problem:not-permitted"


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "another-application", "sub": "service-account-another"},
        {"client_id": "homeward-cli", "sub": "homeward-cli"},
        {"client_id": "desk", "sub": "desk"},
        {"client_id": None},
        {"client_id": None, "azp": "another-application"},
        {"client_id": "homeward-cli", "azp": "another-application"},
        {"client_id": ["homeward-cli"]},
        {"client_id": {"homeward-cli": 1}},
        {"client_id": ["figures-system"]},
        {"client_id": ""},
    ],
    ids=str,
)
def test_a_client_that_the_sign_in_file_does_not_name_is_nobody(
    asking: TestClient, issuer: Issuing, changes: dict[str, Any]
) -> None:
    """Whatever roles the issuer gave it for an application of its own; nor is a client that asks by its own secret."""
    claims: dict[str, Any] = {"roles": ["caseworker"], **changes}
    token = with_token(issuer.access_token(**claims))
    answer = asking.get("/api/agreements", headers={**token, "Homeward-Role": "caseworker@MD"})
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:homeward:problem:not-permitted")


def test_a_client_may_be_named_as_the_authorized_party(asking: TestClient, issuer: Issuing) -> None:
    """`azp`, where the issuer leaves `client_id` out."""
    token = with_token(issuer.access_token(client_id=None, azp="homeward-cli"))
    assert asking.get("/api/agreements", headers=token).status_code == 200


def test_a_token_is_worth_nothing_on_the_pages(asking: TestClient, issuer: Issuing) -> None:
    """They are for sessions: a page that a token could ask for would act without a form."""
    answer = asking.get("/no-such-page", headers=with_token(issuer.access_token()))
    assert "Ana Invented" not in answer.text
    assert asking.post("/sign-out", headers=with_token(issuer.access_token())).status_code == 403


def test_a_wrong_token_is_not_made_good_by_a_session(asking: TestClient, issuer: Issuing) -> None:
    """Whoever sends one is who it stands for, or nobody."""
    from tests.desk.openid_test import came_in

    came_in(asking)
    assert asking.get("/api/agreements").status_code == 200
    assert asking.get("/api/agreements", headers=with_token("garbage")).status_code == 401


def test_an_issuer_that_is_away_is_told(tmp_path: Path, issuer: Issuing) -> None:
    """503: the token may be good, but nobody can tell."""
    token = issuer.access_token(iss="http://127.0.0.1:9")
    desk = a_desk(sign_in=OpenIdSignIn(sign_in_file(tmp_path, "http://127.0.0.1:9"), ADDRESS), sessions=Sessions())
    answer = client(desk, api=api(desk)).get("/api/agreements", headers=with_token(token))
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:homeward:problem:no-answer")
