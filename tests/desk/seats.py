"""Somebody at a window who works as people do: follows links, answers questions by their labels, presses buttons."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from playwright.sync_api import Locator, Page, expect

from casefile.languages import capitalised
from desk.speaking import language
from starter.json_values import is_list, is_object

ENGLISH = language("en")
AT_HOME = re.compile("What I owe|What I am asked|Cases and figures")
"""How an inbox begins, by who looks at it."""
LISTED_WITHIN = 15.0
"""Seconds within which the caseload has what a case has told it."""

Answers = Mapping[str, Any]
"""Question to answer as both stand on the page: a text, a number, the words of a choice, a date or a moment, several
words where several boxes are ticked, and questions again where a question holds others."""


def act_named(act: str) -> str:
    """The words of an act as a link says them."""
    return capitalised(ENGLISH.term("act", act))


@dataclass
class Seat:
    """One person's own window on the desk at an address."""

    window: Page
    address: str
    who: str
    """The name under which they sign in."""
    of_case: str = ""
    """The case that their sign-in names, where it names one."""

    # Ways

    def comes(self) -> None:
        """To the inbox, by the address of the desk; signs in where the desk asks who it is."""
        self.window.goto(self.address)
        if self.window.get_by_role("heading", name="Who are you today?").is_visible():
            self.window.get_by_role("radio", name=self.who, exact=True).check()
            if self.of_case:
                self.window.get_by_label("Reference of the case").fill(self.of_case)
            self.press("Sign in")
        self.sees(AT_HOME)

    def leaves(self) -> None:
        """Closes the page. A case that stays open is shown anew with each act of the others, and waits for a sign-in."""
        self.window.goto("about:blank")

    def sees(self, heading: str | re.Pattern[str]) -> None:
        expect(self.window.get_by_role("heading", level=1)).to_contain_text(heading)

    def reads(self, *texts: str) -> None:
        """What stands in the main part of the page."""
        for text in texts:
            expect(self.window.locator("main")).to_contain_text(text)

    def press(self, name: str) -> None:
        self.window.get_by_role("button", name=name, exact=True).click()

    def follow(self, name: str, within: Locator | None = None) -> None:
        (within or self.window.locator("main")).get_by_role("link", name=name).first.click()

    def unfold(self, name: str) -> None:
        self.window.locator("summary").filter(has_text=name).first.click()

    def goes_to(self, reference: str) -> None:
        """To a case, by the search of the inbox."""
        self.comes()
        self.window.get_by_label("Find a case by its reference").fill(reference)
        self.press("Find")
        self.sees(f"Case {reference}")

    def reads_the_story(self) -> list[str]:
        """The headings of all entries of the case that is on the page, the newest first, page by page."""
        told: list[str] = []
        while True:
            told += self.window.locator("#story ~ .moj-timeline .moj-timeline__title").all_inner_texts()
            older = self.window.get_by_role("link", name="Older entries")
            if not older.count():
                return told
            with self.window.expect_navigation():
                older.click()

    # Work

    def owed(self, act: str, reference: str) -> Locator:
        """An act of a case in the list of what this person owes; of several the one that is due first."""
        row = self.window.get_by_role("listitem").filter(has_text=reference)
        return row.filter(has=self.window.get_by_text(act_named(act))).first

    def finds_owed(self, act: str, reference: str, called: str) -> None:
        """Look into the inbox, and again, until it says that this person owes the act: the caseload follows the case."""
        until = time.monotonic() + LISTED_WITHIN
        while True:
            self.comes()
            try:
                expect(self.owed(act, reference)).to_be_visible(timeout=200)
            except AssertionError:
                assert time.monotonic() < until, f"{self.who} does not find {act} in the inbox"
            else:
                expect(self.owed(act, reference)).to_contain_text(called)
                return

    def takes_up(self, act: str, reference: str, called: str = "") -> None:
        """Follow what the inbox says is owed to the form of the act. ``called``: more of what it says of it."""
        self.finds_owed(act, reference, called)
        row = self.owed(act, reference)
        if (link := row.get_by_role("link", name=act_named(act))).count():
            link.click()
        else:
            # An approval binds what the approver read: the inbox leads to the case.
            self.follow(reference, row)
            self.sees(f"Case {reference}")
            self.follow_open(act)
        self.sees(act_named(act))

    def follow_open(self, act: str) -> None:
        self.follow(act_named(act), self.window.get_by_role("region", name="What you may do now"))

    def answer(self, answers: Answers, within: Locator | None = None) -> None:
        """Answer the questions of a form."""
        for question, answer in answers.items():
            self._answer(within or self.window.locator("main form").last, question, answer)

    def _answer(self, form: Locator, question: str, answer: Any) -> None:
        several = form.get_by_role("group", name=question, exact=True)
        if not several.count() and (folded := form.locator("summary").filter(has_text=question)).count():
            folded.first.click()
        if is_object(answer):
            self.answer(answer, several)
        elif isinstance(answer, datetime):
            self.answer({**_parts(answer), "Time (UTC)": f"{answer:%H:%M}"}, several)
        elif isinstance(answer, date):
            self.answer(_parts(answer), several)
        elif is_list(answer):
            for each in answer:
                several.get_by_role("checkbox", name=each, exact=True).check()
        elif several.count():
            several.get_by_role("radio", name=answer, exact=True).check()
        else:
            asked = form.get_by_label(question, exact=True)
            if asked.evaluate("each => each.tagName") == "SELECT":
                asked.select_option(label=answer)
            else:
                asked.fill(str(answer))

    def records(self, answers: Answers) -> None:
        """Answer a report's form, and record it: it is on record at once. Then leave."""
        self.answer(answers)
        self.press("Record")
        self.reads("Recorded as entry")
        self.leaves()

    def decides(self, answers: Answers, *follows: str) -> None:
        """Answer a decision's form, read the answers again and what follows from them, and record it. Then leave."""
        self.answer(answers)
        self.press("Go on")
        self.sees("Check your answers")
        self.reads(*_words(answers), "What follows from it", *follows)
        self.press("Record this decision")
        self.reads("Recorded as entry")
        self.leaves()


def _parts(day: date) -> dict[str, Any]:
    return {"Day": day.day, "Month": day.month, "Year": day.year}


def _words(answers: Answers) -> list[str]:
    """The texts among the answers, as they must stand on the page where they are checked."""
    found: list[str] = []
    for answer in answers.values():
        if is_object(answer):
            found += _words(answer)
        elif isinstance(answer, str):
            found.append(answer)
    return found
