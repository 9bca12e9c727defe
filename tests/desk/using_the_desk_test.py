"""The desk as it is used: by keys alone, without scripts, with an impatient hand, and with the slider through the past."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from desk.app import PAGES, create_app
from desk.frame import Desk
from desk.pages.opening import STEPS
from tests.desk.at_work import REFERENCE, a_desk_of, cases_of, closing, listed
from tests.desk.desks import serving
from tests.desk.opening_test import typed_for
from tests.desk.seeing import choose, fill_in, press, visiting
from tests.procedure.courses import PEOPLE, Course, intake_of

__all__ = ["closing"]
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("closing")]

CASE = f"/cases/{REFERENCE}"


@dataclass
class Served:
    """A desk that is served, with one case."""

    address: str
    desk: Desk
    course: Course

    def entries(self, act: str) -> list[dict[str, Any]]:
        """The entries of an act."""
        ledger = cases_of(self.desk)._cases[REFERENCE].ledger()  # pyright: ignore[reportPrivateUsage]
        return [entry for entry in ledger if entry["act"] == act]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A case that both central authorities are to approve."""
    course = Course().ready_to_approve()
    desks: list[Desk] = []

    def make(address: str) -> Any:
        desks.append(a_desk_of(tmp_path, course, base_url=address))
        listed(desks[0])
        return create_app(desks[0], pages=PAGES)

    with serving(make) as address:
        yield Served(address, desks[0], course)


# By keys alone

_STOP = """() => {
  const at = document.activeElement;
  if (at === document.body) return null;
  const box = (at.labels?.[0] ?? at).getBoundingClientRect();
  const inside = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  const seen = at.checkVisibility({ visibilityProperty: true }) && box.width > 1 && box.height > 1 && inside;
  // What a reader sees of a radio or a checkbox is drawn beside it.
  const drawn = () => [at, ...(at.labels ?? [])].flatMap(
    of => [null, "::before", "::after"].map(part => {
      const style = getComputedStyle(of, part);
      return [style.outline, style.boxShadow, style.backgroundColor, style.color, style.textDecoration].join();
    })
  ).join();
  const focused = drawn();
  at.blur();
  const left = drawn();
  at.focus({ preventScroll: true });
  return { told: at.outerHTML.slice(0, 200), seen, marked: focused !== left };
}"""


class Keys:
    """Somebody who has no mouse."""

    def __init__(self, window: Page) -> None:
        self.window = window
        self.stops = 0

    def press(self, *keys: str) -> None:
        for key in keys:
            self.window.keyboard.press(key)

    def to(self, wanted: Locator) -> None:
        """Go on with Tab until it has the focus; each stop on the way is seen, and its focus is marked."""
        for _ in range(200):
            self.press("Tab")
            self.stop()
            if wanted.evaluate_all("all => all.includes(document.activeElement)"):
                return
        raise AssertionError(f"no way by keys to {wanted}")

    def stop(self) -> None:
        """What has the focus now is seen and marked."""
        if at := self.window.evaluate(_STOP):
            self.stops += 1
            assert at["seen"], f"not seen: {at['told']}"
            assert at["marked"], f"not marked: {at['told']}"

    def follow(self, wanted: Locator) -> None:
        """Go to a link or a button and press it; the page that answers is there afterwards."""
        self.to(wanted)
        with self.window.expect_navigation():
            self.press("Enter")


def test_by_keyboard_alone(browser: Browser, served: Served) -> None:
    """From the sign-in to a decision on record, through an error, into the past, into another language, and out."""
    with visiting(browser) as window:
        keys = Keys(window)
        window.goto(served.address)
        # Signing in: the first stop leads past the header; a person is chosen by arrows.
        keys.press("Tab")
        keys.stop()
        expect(window.locator(".govuk-skip-link")).to_be_focused()
        keys.press("Enter")
        keys.to(window.locator("main input[type=radio]"))
        keys.press("Space", "ArrowDown")
        keys.stop()
        keys.follow(window.locator("main button"))
        expect(window.locator(".desk-bar__name")).to_contain_text("Invented authority")
        # The inbox, the case, the act that is owed.
        keys.follow(window.locator("main").get_by_role("link", name=REFERENCE, exact=True))
        expect(window.locator("h1")).to_contain_text(f"Case {REFERENCE}")
        keys.follow(window.locator("main").get_by_role("link", name="Approval of the return", exact=True))
        expect(window.locator("h1")).to_contain_text("Approval of the return")
        # An error takes the focus; its link leads to the field.
        keys.to(window.locator("#reason"))
        window.keyboard.type("x")
        keys.follow(window.get_by_role("button", name="Go on"))
        expect(window.locator(".govuk-error-summary")).to_be_focused()
        keys.to(window.locator(".govuk-error-summary a"))
        keys.press("Enter")
        expect(window.locator("#reason")).to_be_focused()
        keys.stop()
        assert window.locator("#reason").input_value() == "x"
        keys.press("ControlOrMeta+a")
        window.keyboard.type("an invented reason")
        keys.follow(window.get_by_role("button", name="Go on"))
        # The check, and the record.
        expect(window.locator("h1")).to_contain_text("Check your answers")
        assert served.entries("approve_return") == []
        keys.follow(window.get_by_role("button", name="Record this decision"))
        expect(window.locator("main .govuk-notification-banner")).to_contain_text("Recorded as entry")
        (approved,) = served.entries("approve_return")
        assert approved["body"]["act"]["reason"] == "an invented reason"
        # Looking back, with the slider.
        keys.follow(window.get_by_role("link", name="Look back: the case as it was"))
        keys.to(window.locator("#past-slider"))
        with window.expect_navigation(url="**/past?at=*"):
            keys.press("ArrowLeft", "ArrowLeft")
        _shows(window, approved["n"] - 2)
        expect(window.locator("#past-slider")).to_be_focused()
        # Another language, and out.
        keys.follow(window.get_by_role("link", name="Українська"))
        assert window.locator("html").get_attribute("lang") == "uk"
        keys.follow(window.locator(".desk-bar__out"))
        assert window.url == f"{served.address}/sign-in"
        assert keys.stops > 60


def test_a_focus_that_is_not_seen_would_be_found(browser: Browser, served: Served) -> None:
    """The check can fail: for what is hidden from the eye, and for what has no mark."""
    with visiting(browser, bypass_csp=True) as window:
        window.goto(served.address)
        for style, why in (("opacity: 1; position: absolute; left: -999px", "not seen"), ("all: unset", "not marked")):
            window.evaluate(
                "style => { document.querySelector('#bad')?.remove();"
                "document.body.insertAdjacentHTML('afterbegin', `<a id=bad href=/ style='${style}'>link</a>`);"
                "document.querySelector('#bad').focus() }",
                style,
            )
            with pytest.raises(AssertionError, match=why):
                Keys(window).stop()


# The slider


def _shows(window: Page, n: int) -> None:
    """The address, the page and the slider tell of the same entry."""
    expect(window.locator("#past-where")).to_have_text(re.compile(rf"entry {n} of"))
    assert re.search(rf"[?&]at={n}(#|$)", window.url), window.url
    expect(window.locator("#past-slider")).to_have_value(str(n))
    expect(window.locator(".desk-past__range output")).to_have_text(re.compile(rf"^Entry {n} of"))


def test_the_slider_moves_through_the_case(browser: Browser, served: Served) -> None:
    """Dragged or by keys it leads to its entry; address, page and slider agree, also after going back."""
    with visiting(browser) as window:
        window.goto(f"{served.address}{CASE}/past?at=5")
        choose(window, PEOPLE["auditor"][0])
        _shows(window, 5)
        slider = window.locator("#past-slider")
        box = slider.bounding_box()
        assert box
        middle = box["y"] + box["height"] / 2
        last = int(slider.get_attribute("max") or 0)

        def across(n: float) -> float:
            # The knob's middle goes from half its width to half its width before the end.
            return box["x"] + 8 + (n - 1) / (last - 1) * (box["width"] - 16)

        window.mouse.move(across(5), middle)
        window.mouse.down()
        for n in range(6, 13):
            window.mouse.move(across(n), middle)
        expect(window.locator(".desk-past__range output")).to_have_text(re.compile(r"^Entry 12 of"))
        with window.expect_navigation(url="**/past?at=12**"):
            window.mouse.up()
        _shows(window, 12)
        with window.expect_navigation(url="**/past?at=14**"):
            slider.press("ArrowRight")
            slider.press("ArrowRight")
        _shows(window, 14)
        window.go_back()
        _shows(window, 12)
        window.go_back()
        _shows(window, 5)
        window.go_forward()
        _shows(window, 12)


# An impatient hand


@pytest.mark.parametrize("scripts", [True, False])
def test_a_double_click_records_once(browser: Browser, served: Served, scripts: bool) -> None:
    """With scripts and without. Who goes back finds the form empty: nothing is sent a second time by mistake."""
    with visiting(browser, java_script_enabled=scripts) as window:
        window.goto(f"{served.address}{CASE}/acts/note")
        choose(window, PEOPLE["caseworker"][0])
        fill_in(window, {"text": ["something to remember"], "reason": ["an invented reason"]})
        window.get_by_role("button", name="Record").dblclick(no_wait_after=True)
        window.wait_for_url(f"**{CASE}")
        expect(window.locator("h1")).to_contain_text(f"Case {REFERENCE}")
        assert len(served.entries("note")) == 1
        window.go_back()
        expect(window.locator("h1")).to_contain_text("Note")
        expect(window.locator("[name=text]")).to_have_value("")
        press(window)
        expect(window.locator(".govuk-error-summary")).to_be_visible()
        assert len(served.entries("note")) == 1


def test_a_check_that_is_sent_again_leads_to_what_was_recorded(browser: Browser, served: Served) -> None:
    """The check page, gone back to and sent anew, adds nothing: a decision is made once."""
    with visiting(browser) as window:
        window.goto(served.address)
        choose(window, PEOPLE["authority"][0])
        window.goto(f"{served.address}{CASE}/acts/suspend")
        fill_in(window, {"ground": ["crisis"], "reason": ["an invented reason"]})
        press(window)
        expect(window.locator("h1")).to_contain_text("Check your answers")
        again = window.locator("main form").first.evaluate("form => Array.from(new FormData(form))")
        window.get_by_role("button", name="Record this decision").dblclick(no_wait_after=True)
        window.wait_for_url(f"**{CASE}")
        assert len(served.entries("suspend")) == 1
        with window.expect_navigation(url=f"**{CASE}"):
            window.evaluate(_SEND, [f"{CASE}/acts/suspend", [*again, ["step", "checked"]]])
        expect(window.locator("h1")).to_contain_text(f"Case {REFERENCE}")
        assert len(served.entries("suspend")) == 1


_SEND = """([action, fields]) => {
  const form = Object.assign(document.createElement("form"), { action, method: "post" });
  for (const [name, value] of fields) form.append(Object.assign(document.createElement("input"), { name, value }));
  document.body.append(form);
  form.submit();
}"""


# Without scripts


def test_a_decision_is_recorded_without_scripts(browser: Browser, served: Served) -> None:
    """From the inbox through the check; then into the past by links, to another language, and out."""
    with visiting(browser, java_script_enabled=False) as window:
        window.goto(served.address)
        choose(window, PEOPLE["authority"][0])
        window.locator("main").get_by_role("link", name=REFERENCE, exact=True).click()
        window.locator("main").get_by_role("link", name="Approval of the return", exact=True).click()
        press(window)
        expect(window.locator(".govuk-error-summary")).to_contain_text("Reason")
        fill_in(window, {"reason": ["an invented reason"]})
        press(window)
        expect(window.locator("h1")).to_contain_text("Check your answers")
        window.get_by_role("button", name="Record this decision").click()
        expect(window.locator("main .govuk-notification-banner")).to_contain_text("Recorded as entry")
        (approved,) = served.entries("approve_return")
        window.get_by_role("link", name="Look back: the case as it was").click()
        window.locator("a[rel=prev]").click()
        window.wait_for_url(f"**/past?at={approved['n'] - 1}")
        expect(window.locator("#past-where")).to_contain_text(f"entry {approved['n'] - 1} of")
        window.locator("#past-slider").press("ArrowLeft")
        window.locator(".desk-past__show").click()
        window.wait_for_url(f"**/past?at={approved['n'] - 2}**")
        expect(window.locator("#past-where")).to_contain_text(f"entry {approved['n'] - 2} of")
        window.get_by_role("link", name="Română").click()
        assert window.locator("html").get_attribute("lang") == "ro"
        window.locator(".desk-bar__out").click()
        window.wait_for_url(f"{served.address}/sign-in")


def test_a_case_is_opened_without_scripts(browser: Browser, served: Served) -> None:
    """Page by page to the case itself, on a telephone."""
    intake = intake_of(child={"family_name": "Openly"})
    with visiting(browser, width=320, java_script_enabled=False) as window:
        window.goto(f"{served.address}/open")
        choose(window, PEOPLE["authority"][0])
        press(window)
        for step in STEPS:
            assert window.url.endswith(f"/{step.name}")
            fill_in(window, typed_for(step.name, intake))
            press(window)
        expect(window.locator("h1")).to_contain_text("Check your answers")
        window.get_by_role("button", name="Open the case").click()
        expect(window.locator("main .govuk-notification-banner")).to_contain_text("The case is open.")
        expect(window.locator("h1")).to_contain_text("Case MD-UA-2026-")
