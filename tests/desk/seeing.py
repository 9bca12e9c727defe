"""What is seen in a real browser: a window that must say nothing in its console, and what axe finds in it."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

from axe_playwright_python.sync_playwright import Axe  # pyright: ignore[reportMissingTypeStubs]
from playwright.sync_api import Browser, Page

AXE = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
"""WCAG 2.2 to level AA, and what is good practice beyond it."""


@contextmanager
def visiting(browser: Browser, code: str = "en", width: int = 1280, **how: Any) -> Generator[Page]:
    """A new window in a language. Its console may only say that an error page has an error's status."""
    context = browser.new_context(locale=code, viewport={"width": width, "height": 800}, **how)
    context.set_default_timeout(10_000)
    window = context.new_page()
    said: list[str] = []
    window.on("console", lambda message: said.append(message.text))
    window.on("pageerror", lambda error: said.append(str(error)))
    yield window
    context.close()
    assert [text for text in said if not text.startswith("Failed to load resource: the server responded with")] == []


def choose(window: Page, person: str = "caseworker-md-1") -> None:
    """Sign in on the sign-in page."""
    window.locator(f"input[value={person}]").check()
    window.locator("main button").click()


def axe_finds(window: Page) -> list[tuple[str, list[Any]]]:
    """The rules that a page breaks, each with where. It has looked at some that hold."""
    found = cast("dict[str, list[dict[str, Any]]]", Axe().run(window, options=AXE).response)  # pyright: ignore[reportUnknownMemberType]
    assert len(found["passes"]) > 20
    return [(each["id"], [node["target"] for node in each["nodes"]]) for each in found["violations"]]


def fits(window: Page) -> bool:
    """Whether nothing is wider than the window."""
    return window.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
