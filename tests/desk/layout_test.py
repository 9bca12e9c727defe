"""The page that all pages are: errors, weight, and how it is in a real browser, in five languages."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, Request, Response
from playwright.sync_api import Browser
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse
from structlog.testing import capture_logs

from activities.caseload import CaseloadUnreachable
from casefile.languages import LANGUAGES
from desk.app import create_app
from desk.frame import Pages, Signed, checked_form, page
from desk.sessions import Sessions
from desk.speaking import STATIC, chosen, language, static, templates
from procedure.faults import Fault, MalformedAct
from starter.client import CaseErased, DuplicateCase, EngineUnreachable, NoSuchCase, NotPermitted, NoWorkerAnswers
from starter.endings import CannotGoOn, Exit
from tests.desk.desks import Hands, a_desk, client, hidden, serving, signed_in, without_tokens
from tests.desk.seeing import axe_finds, choose, fits, visiting
from tests.house.committed import ROOT, committed, where

everywhere = pytest.mark.parametrize("code", LANGUAGES)

FAULT = Fault(path="placement.kind", message="must be one of family, kinship")
RAISED: dict[str, tuple[Exception, int, str]] = {
    "no-such-page": (HTTPException(404), 404, "not_found"),
    "not-permitted": (HTTPException(403), 403, "not_permitted"),
    "odd": (HTTPException(400), 400, "not_taken"),
    "no-such-case": (NoSuchCase("There is no case MD-UA-2026-000001."), 404, "not_found"),
    "erased": (CaseErased("MD-UA-2026-000001", "2060-01-01"), 410, "erased"),
    "engine-forbids": (NotPermitted("The engine does not permit this."), 403, "not_permitted"),
    "duplicate": (DuplicateCase("A duplicate.", reference="MD-UA-2026-000001"), 409, "duplicate"),
    "engine": (EngineUnreachable("No engine answers."), 503, "no_answer"),
    "worker": (NoWorkerAnswers("No worker answers."), 503, "no_answer"),
    "odd-answer": (CannotGoOn("The case could not do it."), 503, "no_answer"),
    "refused": (CannotGoOn("It is refused.", code=Exit.REFUSED), 409, "refused"),
    "caseload": (CaseloadUnreachable("the caseload's database cannot be used now (OSError)"), 503, "no_answer"),
    "malformed": (MalformedAct([FAULT]), 422, "malformed"),
    "malformed-too": (CannotGoOn("Malformed.", code=Exit.MALFORMED, faults=[FAULT]), 422, "malformed"),
    "unforeseen": (RuntimeError("Ana Invented"), 500, "unforeseen"),
}
"""What may be raised under a page: its status, and the page that is answered."""

_router = APIRouter()


@_router.get("/raises/{name}")
@_router.post("/raises/{name}")
def raises(name: str) -> None:
    """Raise one of them."""
    raise RAISED[name][0]


@_router.get("/")
def home(request: Request, person: Signed) -> Response:
    """A page that renews itself, as the case page does."""
    return page(request, templates(chosen(request)).from_string(LIVE))


LIVE = """{% extends "layout.html.j2" %}{% set title = _("Sign in") %}{% set live = true %}
{% block content %}<h1 class="govuk-heading-l">{{ title }}</h1>
<p class="govuk-body" data-hx-get="/now" data-hx-trigger="every 200ms" id="now">–</p>{% endblock %}"""


@_router.get("/now")
def now(person: Signed) -> Response:
    """What the page renews."""
    return HTMLResponse("renewed")


@_router.get("/number/{n}")
def number(n: int) -> str:
    """A page with a number in its address."""
    return str(n)


@_router.post("/number")
async def numbered(request: Request, n: int) -> str:
    """A form whose address must hold a number."""
    await checked_form(request)
    return str(n)


DESK = (Pages(_router, label="Inbox", path="/"), Pages(APIRouter(), label="Statistics", path="/statistics"))


# Errors


@pytest.mark.parametrize("name", RAISED)
@everywhere
def test_each_error_has_its_page(name: str, code: str) -> None:
    """With the right status, in each language, in the layout; nobody is left with a blank."""
    _, status, template = RAISED[name]
    with capture_logs():
        answer = client(pages=DESK).get(f"/raises/{name}", headers={"Accept-Language": code})
    assert answer.status_code == status and answer.headers["Content-Language"] == code
    (title,) = re.findall(r"<title>(.*) – Homeward</title>", answer.text)
    assert answer.text.count("<h1") == 1 and f">{title}</h1>" in answer.text
    source = Path(ROOT, "desk", "templates", "errors", f"{template}.html.j2").read_text("utf-8")
    (titles,) = re.findall(r"set title = (.*) %}", source)
    # The last one stands where nothing else is the matter.
    english = re.findall(r'_\("([^"]*)"\)', titles)[-1]
    assert title == language(code).gettext(english)
    assert (title == english) == (code == "en")


def test_an_address_that_leads_nowhere_is_not_found() -> None:
    """Nor one with a word where a number must stand; a form sent to such a one is malformed."""
    browser = signed_in(client(pages=DESK))
    for path in ("/no-such-page", "/number/seven", "/static/x/y", "/cases"):
        assert browser.get(path).status_code == 404
    form = hidden(browser.get("/sign-in").text)
    answer = browser.post("/number?n=seven", data=form)
    assert answer.status_code == 422 and "Nothing was recorded. Go back, mend it" in answer.text
    assert browser.get("/sign-out").headers["Allow"] == "POST"


def test_what_is_known_of_an_error_is_told() -> None:
    """Sentences of the engine's client stand in English and are marked so; faults with their fields."""
    browser = client(pages=DESK)
    answer = browser.get("/raises/engine", headers={"Accept-Language": "uk"})
    assert '<p class="govuk-body" lang="en">No engine answers.</p>' in answer.text
    assert int(answer.headers["Retry-After"]) > 0
    assert "The caseload&#39;s database cannot be used now (OSError)." in browser.get("/raises/caseload").text
    for name in ("malformed", "malformed-too"):
        assert "<code>placement.kind</code>: must be one of family, kinship" in browser.get(f"/raises/{name}").text
    assert 'href="/cases/MD-UA-2026-000001"' in browser.get("/raises/duplicate").text


def test_a_program_is_told_in_json() -> None:
    """What stands before the API answers as the API does."""

    async def api(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("Ana Invented")

    browser = client(api=api)
    with capture_logs():
        answers = [
            browser.get("/api/cases", headers={"Host": "evil.example"}),
            browser.post("/api/cases", headers={"Origin": "https://evil.example"}),
            browser.get("/api/cases"),
        ]
    assert [answer.status_code for answer in answers] == [400, 403, 500]
    for answer in answers:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code and "Ana" not in answer.text


def test_the_api_knows_who_asks() -> None:
    """By the desk's own session, and the token that goes with it."""
    told: list[Any] = []

    async def api(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        told.append(await request.state.desk.asker(request))
        await Response("ok")(scope, receive, send)

    desk = a_desk()
    browser = client(desk, api=api)
    browser.get("/api/cases")
    signed_in(browser).get("/api/cases")
    assert told[0] is None and told[1].person.id == "caseworker-md-1"
    token = hidden(browser.get("/sign-in").text)["csrf"]
    assert told[1].is_ours(token) and not told[1].is_ours("made-up")


# What a page is made of


class _Read(HTMLParser):
    """What a page holds that its policy forbids, or that leads out of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forbidden: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        inline = [name for name in given if name == "style" or name.startswith("on") or name == "srcset"]
        if tag == "style" or (tag == "script" and not given.get("src")):
            inline.append(tag)
        loads = [given.get(name) or "" for name in ("src", "data", "poster") if name in given]
        if tag == "link":
            loads.append(given.get("href") or "")
        self.forbidden += [*inline, *(address for address in loads if not address.startswith("/static/"))]


BANNED = re.compile(r"crown|gov\.uk|gds transport", re.IGNORECASE)


def _pages() -> Iterator[str]:
    """Pages of each kind."""
    browser = client(pages=DESK)
    with capture_logs():
        yield browser.get("/sign-in").text
        yield browser.post("/sign-in", data=hidden(browser.get("/sign-in").text)).text
        yield browser.post("/sign-in", data={"a": "b"}, headers={"Sec-Fetch-Site": "same-origin"}).text
        yield signed_in(browser).get("/").text
        yield from (browser.get(f"/raises/{name}").text for name in RAISED)


def test_no_page_holds_anything_inline_or_from_elsewhere() -> None:
    """The policy would stop it, and the page would be broken."""
    assert [found for text in _pages() for found in _Read(text).forbidden] == []


@pytest.mark.parametrize(
    "text",
    [
        '<p style="x">',
        "<script>x</script>",
        '<a onclick="x">',
        "<style>",
        '<img src="https://example.org/x">',
        '<link href="//x">',
    ],
)
def test_what_the_policy_forbids_would_be_seen(text: str) -> None:
    """The check can fail."""
    assert len(_Read(text).forbidden) == 1


def test_nothing_of_another_governments_identity_is_shown() -> None:
    """Their components are free to use; their name, their font and their crown are not."""
    shown = [without_tokens(page) for page in _pages()]
    shown += [path.read_text("utf-8") for path in STATIC.rglob("*.css")]
    shown += [path.read_text("utf-8") for path in STATIC.rglob("*.svg")]
    shown += [path.read_text("utf-8") for path in committed(".j2") if where(path).startswith("desk/")]
    assert [match[0] for text in shown for match in BANNED.finditer(text)] == []
    assert BANNED.search("url(gds transport)") and BANNED.search("GOV.UK")
    assert {path.suffix for path in STATIC.rglob("*") if path.is_file()} <= {
        ".css",
        ".js",
        ".svg",
        ".woff2",
        ".txt",
        ".md",
    }


def test_what_others_made_has_its_licence_beside_it() -> None:
    """And the list of it names the versions that are built."""
    told = (STATIC / "vendor" / "README.md").read_text("utf-8")
    wanted = json.loads((ROOT / "tools" / "frontend" / "package.json").read_text("utf-8"))["devDependencies"]
    assert all(f"{name} {version}" in told for name, version in wanted.items() if name != "sass")
    for name in re.findall(r"\]\((.*?)\)", told):
        assert "Permission" in (STATIC / "vendor" / name).read_text("utf-8").replace("PERMISSION", "Permission")
    assert f'--govuk-frontend-version: "{wanted["govuk-frontend"]}"' in (STATIC / "vendor" / "govuk.css").read_text(
        "utf-8"
    )


def test_the_lock_of_the_frontend_holds_no_address() -> None:
    """A lock written in one place can be installed in any other; each package has its digest."""
    lock = json.loads((ROOT / "tools" / "frontend" / "package-lock.json").read_text("utf-8"))
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages and [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if not package.get("integrity", "").startswith("sha512-")] == []


def test_every_picture_and_font_of_the_sheets_is_there() -> None:
    """No sheet asks for a file that there is not."""
    for sheet in STATIC.rglob("*.css"):
        for address in re.findall(r"""url\(["']?([^"')]+)""", sheet.read_text("utf-8")):
            assert address.startswith("data:") or (sheet.parent / address).is_file(), address


# In a real browser


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A desk that is served."""
    with serving(lambda at: create_app(a_desk(base_url=at), pages=DESK)) as found:
        yield found


@pytest.mark.slow
def test_a_fault_of_access_would_be_seen(browser: Browser, address: str) -> None:
    """The check can fail: a picture without words, wider than the window."""
    with visiting(browser) as window:
        window.goto(address + "/sign-in")
        picture = f"<img src={static('icon.svg')} width=2000>"
        window.evaluate("it => document.querySelector('main').insertAdjacentHTML('beforeend', it)", picture)
        assert [rule for rule, _ in axe_finds(window)] == ["image-alt"]
        assert not fits(window)


@pytest.mark.slow
def test_everything_works_without_scripts(browser: Browser, address: str) -> None:
    """Choosing a language, signing in, the navigation on a small screen, signing out."""
    with visiting(browser, "ru", 320, java_script_enabled=False) as window:
        window.goto(address + "/")
        window.get_by_role("link", name="Українська").click()
        assert window.url == address + "/sign-in?back=%2F" and window.locator("h1").inner_text() == "Хто ви сьогодні?"
        window.locator("main button").click()
        assert window.title().startswith("Помилка: ")
        choose(window)
        assert window.url == address + "/"
        window.get_by_role("link", name="Statistics").click()
        assert window.url == address + "/statistics"
        window.get_by_role("button", name="Вийти").click()
        assert window.url == address + "/sign-in"


@pytest.mark.slow
def test_an_error_takes_the_focus(browser: Browser, address: str) -> None:
    """So that who listens hears of it first; its link leads to the field."""
    with visiting(browser) as window:
        window.goto(address + "/sign-in")
        window.locator("main button").click()
        window.wait_for_function("document.activeElement.className.includes('govuk-error-summary')")
        window.get_by_role("link", name="Choose a person").click()
        assert window.evaluate("document.activeElement.id") == "person"


@pytest.mark.slow
def test_a_page_renews_itself_under_the_policy(browser: Browser) -> None:
    """htmx breaks no rule of it; when the session is over, the page leads to the sign-in by itself."""
    clock = Hands()
    with (
        serving(lambda at: create_app(a_desk(base_url=at, sessions=Sessions(clock)), pages=DESK)) as address,
        visiting(browser) as window,
    ):
        window.goto(address + "/")
        choose(window)
        window.get_by_text("renewed").wait_for()
        clock.move(minutes=31)
        window.wait_for_url("**/sign-in?back=**")


@pytest.mark.slow
def test_a_double_click_signs_in_once(browser: Browser, address: str) -> None:
    """And the back button afterwards does no harm: the form of then is led to where it led."""
    with visiting(browser) as window:
        window.goto(address + "/sign-in")
        window.locator("input[value=court-md-1]").check()
        window.locator("main button").dblclick()
        window.wait_for_url(address + "/")
        assert "Horia Invented" in window.locator("header").inner_text()
        window.go_back()
        choose(window, "monitor-md-1")
        window.wait_for_url(address + "/")
        assert "Larisa Invented" in window.locator("header").inner_text()


@pytest.mark.slow
def test_paper_shows_the_page_and_not_the_way_around(browser: Browser, address: str) -> None:
    """What can only be clicked stays off it."""
    with visiting(browser) as window:
        window.goto(address + "/sign-in")
        window.emulate_media(media="print")
        hidden_on_paper = (".desk-bar__languages", ".govuk-skip-link", "main .govuk-button", ".desk-footer")
        assert [window.locator(each).is_visible() for each in hidden_on_paper] == [False] * 4
        assert window.get_by_text("Development sign-in").is_visible() and window.locator("h1").is_visible()
