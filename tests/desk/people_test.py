"""Who signs in: the invented people of the development sign-in, and the way in and out."""

import re
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import APIRouter, Request

from desk.development import HOST, ORIGIN, PEOPLE, DevelopmentSignIn
from desk.frame import Pages, Signed, page, safe_back
from desk.people import Person
from desk.sessions import Sessions
from procedure.acts import Actor
from procedure.vocabulary import ROLES
from procedure.who_may import ANY, MAY
from procedure.who_may_see import TIED_BY_SIGN_IN
from starter.demo import COURSES
from tests.desk.desks import a_desk, client, hidden, signed_in, without_tokens

_router = APIRouter()
DESK = Pages(_router, label="Inbox", path="/mine", roles=frozenset({"caseworker"}))


@_router.get("/mine")
def mine(request: Request, person: Signed, n: int = 1) -> object:
    """A page for people."""
    return page(request, "errors/not_permitted.html.j2")


@_router.post("/mine")
def act(person: Signed) -> str:
    """An act of somebody."""
    return person.id


# The invented people


def test_every_role_can_be_tried_out() -> None:
    """All that people have; `system` is none of them. Those of the origin state that act there have somebody too."""
    assert {person.role for person in PEOPLE if person.state == HOST} | {"tracing_service", "consulate"} == set(
        ROLES
    ) - {"system"}
    assert {person.role for person in PEOPLE if person.state == ORIGIN} == {
        "central_authority",
        "caseworker",
        "tracing_service",
        "consulate",
        "monitor",
    }
    assert len({person.id for person in PEOPLE}) == len({person.name for person in PEOPLE}) == len(PEOPLE)


def test_whoever_acted_in_the_demonstration_can_go_on() -> None:
    """Its cases bind guardians, counsels and caseworkers by their ids; the same people sit here."""
    acted = {
        (act["actor"]["id"], act["actor"]["role"], act["actor"]["state"])
        for course in COURSES
        if (course.intake["host_state"], course.intake["origin_state"]) == (HOST, ORIGIN)
        for act in (*course.acts, {"actor": course.intake["opened_by"]})
    }
    assert len(acted) > 10
    assert acted <= {(person.id, person.role, person.state) for person in PEOPLE}


def test_nobody_could_take_them_for_real_people() -> None:
    """Each name says that it is invented, in one language or the other."""
    assert [person.name for person in PEOPLE if person.name.split()[-1] not in INVENTED] == []


INVENTED = {"Invented", "Sample", "Vyhadana", "Zrazok"}


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.id)
def test_each_of_them_is_an_actor_of_the_contract(person: Person) -> None:
    """Id, role, state and office; the name stays at the desk."""
    actor = Actor.model_validate(person.as_actor())
    assert (actor.id, actor.role, actor.state, actor.office) == (person.id, person.role, person.state, person.office)
    assert person.name not in str(person.as_actor())


def test_every_act_has_somebody_to_try_it() -> None:
    """Between them the invented people may do all acts of the contract, as far as roles go."""
    roles = {(person.role, "host" if person.state == HOST else "origin") for person in PEOPLE}
    alone = [
        act
        for act, who in MAY.items()
        if not any(
            (role, side) in roles for role, where in who.items() for side in ("host", "origin") if _fits(where, side)
        )
    ]
    assert alone == []


def _fits(where: str, side: str) -> bool:
    return where == side or where in (ANY, "either", "child", "relative")


# The way in and out


def test_one_chooses_a_person_and_comes_back_to_where_one_wanted() -> None:
    """With all that stood in the address."""
    browser = client(pages=[DESK])
    asked = browser.get("/mine?n=2")
    way_in = asked.headers["location"]
    assert (asked.status_code, urlsplit(way_in).path, parse_qs(urlsplit(way_in).query)) == (
        303,
        "/sign-in",
        {"back": ["/mine?n=2"]},
    )
    form = hidden(browser.get(way_in).text)
    answer = browser.post("/sign-in", data={**form, "person": "caseworker-md-1"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/mine?n=2")
    shown = browser.get("/mine?n=2").text
    assert "Beatris Invented, caseworker, Moldova" in shown and 'action="/sign-out"' in shown


@pytest.mark.parametrize("chosen", [{}, {"person": ""}, {"person": "nobody"}, {"person": "caseworker-md-2"}])
def test_nobody_else_comes_in(chosen: dict[str, str]) -> None:
    """The error stands at the field, and the way back is kept."""
    browser = client(pages=[DESK])
    answer = browser.post("/sign-in", data={**hidden(browser.get("/sign-in?back=/mine").text), **chosen})
    assert answer.status_code == 422
    assert "<title>Error: Who are you today? – Homeward</title>" in answer.text
    assert 'href="#person">Choose a person' in answer.text and 'id="person-error"' in answer.text
    assert hidden(answer.text)["back"] == "/mine"
    assert browser.get("/mine").status_code == 303


@pytest.mark.parametrize("person", [each for each in PEOPLE if each.role in TIED_BY_SIGN_IN], ids=lambda each: each.id)
def test_a_party_says_whose_case_it_is(person: Person) -> None:
    """As an issuer would; without it nobody is signed in, and what was chosen stays."""
    desk = a_desk(sessions=Sessions())
    browser = client(desk, [DESK])
    form = hidden(browser.get("/sign-in?back=/mine").text)
    for case in ("", "DEM001"):
        answer = browser.post("/sign-in", data={**form, "person": person.id, "case": case})
        assert answer.status_code == 422
        assert 'href="#case">Write a reference' in answer.text and 'id="case-error"' in answer.text
        assert re.search(f'value="{person.id}"[^>]* checked', answer.text)
        form = hidden(answer.text)
    answer = browser.post("/sign-in", data={**form, "person": person.id, "case": " md-ua-2026-7k3f9a "})
    assert (answer.status_code, answer.headers["location"]) == (303, "/mine")
    session = desk.sessions.find(browser.cookies["homeward_8080"])
    assert session is not None
    assert session.person == replace(person, cases=frozenset({"MD-UA-2026-7K3F9A"}))


def test_nobody_else_is_tied_to_a_case() -> None:
    """What stands in the field counts for a child and a relative alone."""
    desk = a_desk(sessions=Sessions())
    browser = signed_in(client(desk, [DESK]), "guardian-md-1", case="MD-UA-2026-7K3F9A")
    session = desk.sessions.find(browser.cookies["homeward_8080"])
    assert session is not None
    assert session.person is not None and session.person.cases == frozenset()


def test_who_signed_out_is_out() -> None:
    """And the session with it."""
    desk = a_desk(sessions=Sessions())
    browser = signed_in(client(desk, [DESK]))
    number = browser.cookies.get("homeward_8080")
    assert browser.post("/sign-out", data=_sign_out_form(browser.get("/mine").text)).headers["location"] == "/sign-in"
    assert browser.get("/mine").status_code == 303
    assert number and desk.sessions.find(number) is None


def _sign_out_form(text: str) -> dict[str, str]:
    """The hidden fields of the form in the header."""
    return hidden("<main" + text.partition("<main")[0])


def test_signing_out_takes_a_form_of_ours() -> None:
    """Another site cannot do it by a link."""
    browser = signed_in(client(pages=[DESK]))
    assert browser.get("/sign-out").status_code == 405
    assert browser.post("/sign-out").status_code == 403
    assert browser.get("/mine").status_code == 200


@pytest.mark.parametrize("role", ["caseworker", "law_enforcement"])
def test_the_navigation_shows_what_is_for_ones_role(role: str) -> None:
    """And nothing to who is not signed in."""
    browser = client(pages=[DESK])
    assert "Inbox" not in without_tokens(browser.get("/sign-in").text)
    shown = without_tokens(signed_in(browser, f"{role.replace('_', '-')}-md-1").get("/mine").text)
    assert ('aria-current="page"' in shown) == ("Inbox" in shown) == (role == "caseworker")


def test_an_act_without_a_session_leads_nowhere_by_itself() -> None:
    """A form that was sent is not asked for again as a page."""
    browser = client(pages=[DESK])
    form = hidden(browser.get("/sign-in").text)
    assert browser.post("/mine", data=form).headers["location"] == "/sign-in?back=%2F"


@pytest.mark.parametrize("path", ["/sign-in", "/no-such-page", "/mine"])
@pytest.mark.parametrize("language", ["en", "uk"])
def test_every_page_says_that_nobody_is_checked(path: str, language: str) -> None:
    """Also the error pages, in each language. A desk that checks says nothing of the kind."""
    mark = {"en": "Development sign-in", "uk": "Пробний вхід"}[language]
    for browser in (client(pages=[DESK]), signed_in(client(pages=[DESK]))):
        answer = browser.get(path, headers={"Accept-Language": language}, follow_redirects=True)
        assert mark in answer.text

    class Checked(DevelopmentSignIn):
        development = False

    real = client(a_desk(sign_in=Checked(), base_url="https://desk.example.org", bind="0.0.0.0"), [DESK])
    assert mark not in real.get(path, headers={"Accept-Language": language}, follow_redirects=True).text


@pytest.mark.parametrize("back", ["/", "/cases/MD-UA-2026-7K3F9A?at=3", "/a//b", "/?back=https://example.org"])
def test_a_path_of_the_desk_is_a_way_back(back: str) -> None:
    """With its question and all."""
    assert safe_back(back) == back


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/a\\..\\\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\n",
        "evil.example",
        "",
        " /",
        "/é",
        None,
        7,
    ],
)
def test_nothing_else_is_a_way_back(back: object) -> None:
    """A link to the desk never sends people on to another site."""
    assert safe_back(back) == "/"
