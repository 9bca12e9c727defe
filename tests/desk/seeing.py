"""What is seen in a real browser: a window that must say nothing in its console, and what axe finds in it."""

from collections.abc import Generator, Mapping, Sequence
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
    """Sign in on the sign-in page; the page to which that leads is there afterwards."""
    window.locator(f"input[value={person}]").check()
    with window.expect_navigation():
        window.locator("main button").click()


def axe_finds(window: Page) -> list[tuple[str, list[Any]]]:
    """The rules that a page breaks, each with where. It has looked at some that hold."""
    found = cast("dict[str, list[dict[str, Any]]]", Axe().run(window, options=AXE).response)  # pyright: ignore[reportUnknownMemberType]
    assert len(found["passes"]) > 20
    return [(each["id"], [node["target"] for node in each["nodes"]]) for each in found["violations"]]


def fits(window: Page) -> bool:
    """Whether nothing is wider than the window."""
    return window.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def fill_in(window: Page, typed: Mapping[str, Sequence[str]]) -> None:
    """Answer the page's questions as a person does, by the names of their fields."""
    for name, texts in typed.items():
        controls = window.locator(f'main [name="{name}"]')
        if not controls.count():
            with window.expect_navigation():
                window.locator(f'button[name="add:{name.partition(".")[0]}"]').click()
        kind = controls.first.evaluate("each => each.type")
        for text in texts:
            if kind in ("radio", "checkbox"):
                window.locator(f'main [name="{name}"][value="{text}"]').check()
            elif kind == "select-one":
                controls.select_option(text)
            else:
                controls.fill(text)


def press(window: Page) -> None:
    """Send the page's form by the button that a person would press, and wait for the answer."""
    with window.expect_navigation():
        window.locator("main form[method=post] button.govuk-button:not([name])").first.click()


def shown_texts(window: Page) -> list[str]:
    """What a page says in its own language to whoever sees or hears it; what is marked as another's is left out."""
    return window.evaluate(_TEXTS)


_TEXTS = """() => {
  const code = document.documentElement.lang;
  const said = new Set([document.title]);
  const attributes = ["aria-label", "aria-valuetext", "alt", "title", "placeholder", "data-column", "data-past-says"];
  for (const element of document.body.querySelectorAll("*")) {
    if (element.closest("[lang]").getAttribute("lang") !== code || element.closest("script, style, code, samp")) continue;
    for (const name of attributes) if (element.getAttribute(name)) said.add(element.getAttribute(name));
    for (const node of element.childNodes) if (node.nodeType === Node.TEXT_NODE) said.add(node.data);
  }
  const whole = Array.from(said, each => each.replace(/\\s+/g, " ").trim());
  return whole.filter(each => each);
}"""
