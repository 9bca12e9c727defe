"""Sign-in as a person meets it: a real browser, a real issuer, and back to the desk."""

from pathlib import Path
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from playwright.sync_api import Browser
from starlette.types import ASGIApp

from desk.app import create_app
from desk.frame import Pages, Signed, page
from desk.openid import OpenIdSignIn
from desk.sessions import Sessions
from tests.desk.desks import a_desk, serving
from tests.desk.issuing import PEOPLE, issuing, issuing_by_others, sign_in_file
from tests.desk.seeing import axe_finds, fits, visiting

_router = APIRouter()
DESK = Pages(_router, label="Inbox", path="/mine")


@_router.get("/mine")
def mine(request: Request, person: Signed) -> object:
    """A page for people."""
    return page(request, "errors/not_permitted.html.j2")


def _elsewhere(address: str) -> bool:
    return urlsplit(address).hostname not in ("localhost", "127.0.0.1")


def test_one_signs_in_by_a_browser_and_out_again(browser: Browser, tmp_path: Path) -> None:
    """At an issuer that others made: its pages, its form, and our policy of what a page may load and send."""
    with issuing_by_others(PEOPLE) as url:

        def made(address: str) -> ASGIApp:
            way_in = OpenIdSignIn(sign_in_file(tmp_path, url), address)
            return create_app(a_desk(sign_in=way_in, base_url=address, sessions=Sessions()), pages=[DESK])

        with serving(made) as address, visiting(browser) as window:
            # The others' pages would fetch their sheet from elsewhere.
            window.route(_elsewhere, lambda route: route.fulfill(body="", content_type="text/css"))
            window.goto(f"{address}/mine")
            assert window.url == f"{address}/sign-in?back=%2Fmine"
            assert axe_finds(window) == [] and fits(window)
            window.get_by_role("button", name="Moldova, invented").click()
            assert window.url.startswith(f"{url}/oauth2/authorize")
            window.get_by_role("button", name="ana").click()
            window.wait_for_url(f"{address}/mine")
            assert "Ana Invented, caseworker, Moldova" in window.content()
            window.get_by_role("button", name="Sign out").click()
            window.wait_for_url(f"{address}/signed-out/md")
            assert axe_finds(window) == [] and fits(window)
            window.get_by_role("button", name="Sign out at Moldova, invented").click()
            assert window.url.startswith(f"{url}/oauth2/end_session?client_id=desk")
            window.goto(f"{address}/mine")
            assert window.url == f"{address}/sign-in?back=%2Fmine"


def test_one_chooses_a_role_by_a_browser(browser: Browser, tmp_path: Path) -> None:
    """And reads why nobody came in, where nobody did."""
    with issuing(PEOPLE) as issuer:

        def made(address: str) -> ASGIApp:
            way_in = OpenIdSignIn(sign_in_file(tmp_path, issuer.url), address)
            return create_app(a_desk(sign_in=way_in, base_url=address, sessions=Sessions()), pages=[DESK])

        with serving(made) as address, visiting(browser, "uk", width=360) as window:
            for sub in ("nobody", "bogdan"):
                window.goto(f"{address}/sign-in?back=/mine")
                window.locator("main a.govuk-button").click()
                window.locator("input[name=sub]").fill(sub)
                window.locator("button").click()
                window.wait_for_url(f"{address}/sign-in/**")
                assert axe_finds(window) == [] and fits(window)
            assert window.url == f"{address}/sign-in/role"
            window.locator("input[value='monitor@MD']").check()
            window.locator("main button").click()
            window.wait_for_url(f"{address}/mine")
            assert "Bogdan Invented, " in window.content()
