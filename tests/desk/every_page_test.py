"""Every page of the desk in a real browser: in each language, on a small screen, for everybody, and light.

The list is :data:`tests.desk.every_page.EVERY_PAGE`. Nothing can be shown by the desk without standing in it.
"""

import os
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import pytest
from fastapi.routing import iter_route_contexts
from playwright.sync_api import Browser, Page
from structlog.testing import capture_logs

from activities.agreements import AgreementShelf
from casefile.languages import LANGUAGES
from desk.api import api
from desk.app import create_app
from desk.forms.choices import languages, states
from desk.speaking import language
from procedure.agreement import BelowTheFloor, MalformedAgreement
from tests.desk.at_work import done
from tests.desk.desks import a_desk, serving
from tests.desk.every_page import EVERY_PAGE, ISSUER, Looked, Shown, look, recording, sign_in
from tests.desk.seeing import axe_finds, fits, shown_texts, visiting
from tests.house.committed import ROOT
from tests.procedure.courses import PEOPLE

pytestmark = pytest.mark.slow

TEMPLATES: Final = Path(ROOT, "desk", "templates")
NARROW: Final = 320
"""The width in pixels of the smallest telephone, and of a desk's screen enlarged four times (WCAG 2.2, 1.4.10)."""
LIGHT: Final = 150_000
"""Bytes that a first visit to any page may weigh, as they travel."""


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looked]:
    """The desk with its cases, served."""
    folder = tmp_path_factory.mktemp("every-page")
    found: list[Looked] = []

    def make(address: str) -> Any:
        found.append(look(address, folder))
        return found[0].app

    with pytest.MonkeyPatch.context() as patch, capture_logs(), serving(make):
        recording(found[0], patch)
        yield found[0]
    done(found[0].desk.caseload.close())


# Nothing is left out

NO_PAGES: Final = {
    "/language/{code}": "leads back to where one was",
    "/cases/{reference}/news": "tells an open page that there is news",
}
"""Addresses that answer no page, and what they do."""


def _addresses() -> dict[str, re.Pattern[str]]:
    """Every address of the desk that can be asked for, as it ships."""
    desk = a_desk()
    app = create_app(desk, api=api(desk))
    found: dict[str, re.Pattern[str]] = {}
    for route in iter_route_contexts(app.routes):
        if route.path and "GET" in (getattr(route, "methods", None) or ()):
            found[route.path] = route.path_regex
    return found


def _unseen_addresses(pages: Iterable[Shown], looked: Looked) -> set[str]:
    addresses = _addresses()
    seen: set[str] = set(NO_PAGES)
    for page in pages:
        path = page.at(looked).partition("?")[0]
        seen |= {next((address for address, pattern in addresses.items() if pattern.match(path)), "")}
    return set(addresses) - seen


def _unseen_templates(pages: Iterable[Shown]) -> set[str]:
    """Templates that are pages, and not what pages stand in or draw with."""
    all_of_them = {path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.html.j2")}
    told = {name: (TEMPLATES / name).read_text("utf-8") for name in all_of_them}
    bases = {base for text in told.values() for base in re.findall(r'{%-? extends "([^"]+)"', text)}
    made = {name for name, text in told.items() if "{% extends " in text} - bases
    return {name.removesuffix(".html.j2") for name in made} - {page.template for page in pages}


def test_no_page_is_left_out(looked: Looked) -> None:
    """Every address and every template of the desk stands in the list; one that is taken out of it is missed."""
    assert len(_addresses()) > 20
    assert _unseen_addresses(EVERY_PAGE, looked) == set()
    assert _unseen_templates(EVERY_PAGE) == set()
    assert _unseen_addresses([page for page in EVERY_PAGE if page.name != "board"], looked) == {"/board"}
    assert _unseen_templates([page for page in EVERY_PAGE if page.name != "past-partial"]) == {"looking_back_partial"}


# What is looked for


@dataclass
class Window:
    """A window that goes from page to page, and what came to it for the page that it shows."""

    page: Page
    looked: Looked
    status: int = 0
    language: str | None = None
    """In which language the page says that it is answered."""
    weight: dict[str, int] = field(default_factory=dict[str, int])
    """Bytes of each thing that was loaded for the page, as they travelled."""
    elsewhere: list[str] = field(default_factory=list[str])
    """What was asked of another host."""

    def go(self, shown: Shown) -> None:
        """Come to a page as one comes to it, and wait until it is whole."""
        sign_in(self.looked, self.page.context, shown.who)
        self.page.goto(self.looked.desk.base_url + shown.at(self.looked))
        if shown.then:
            shown.then(self.page, self.looked)
        self.page.evaluate("document.fonts.ready.then(() => true)")
        assert (self.status, self.looked.drawn[-1]) == (shown.status, shown.template), shown.name


WEIGHED: Final = ("en", "ky")
"""Languages whose pages are weighed: those that need the most letters, of the Latin alphabet and of both."""


@contextmanager
def windows(browser: Browser, looked: Looked, code: str) -> Generator[Window]:
    """A window in a language. Where pages are weighed, every visit is a first one: nothing is kept."""
    with visiting(browser, code, NARROW) as page:
        window = Window(page, looked)
        session = page.context.new_cdp_session(page)
        send: Callable[..., Any] = session.send  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        send("Network.enable")
        send("Network.setCacheDisabled", {"cacheDisabled": code in WEIGHED})
        urls: dict[str, str] = {}

        def asked(told: dict[str, Any]) -> None:
            if told.get("type") == "Document":
                window.weight.clear()
            urls[told["requestId"]] = told["request"]["url"]

        def answered(told: dict[str, Any]) -> None:
            if told.get("type") == "Document":
                window.status = told["response"]["status"]
                headers = {name.lower(): value for name, value in told["response"]["headers"].items()}
                window.language = headers.get("content-language")

        def loaded(told: dict[str, Any]) -> None:
            window.weight[urls.get(told["requestId"], "")] = int(told["encodedDataLength"])

        session.on("Network.requestWillBeSent", asked)
        session.on("Network.responseReceived", answered)
        session.on("Network.loadingFinished", loaded)
        base = looked.desk.base_url

        def leaves(url: str) -> None:
            if not url.startswith((f"{base}/", "data:")):
                window.elsewhere.append(url)

        page.on("request", lambda request: leaves(request.url))
        yield window


# In every language

_NO_WORDS: Final = re.compile(
    r"\b[A-Z]{2}-[A-Z]{2}-\d{4}-[0-9A-Z]{6}\b|https?://\S+|\{\w+\}|\b[0-9a-f]{8}\b|\bopened_by\b"
)
"""References, addresses, numbers of errors, the places that a script fills in, and a field of a file by its name."""
_CODES: Final = frozenset({"Homeward", "UTC", "JSON", "sha", "cookie", "UE"})
"""What is called the same in every language."""
_LATIN: Final = re.compile(r"[A-Za-z]{2,}")
_ENGLISH: Final = re.compile(
    r"\b(the|and|of|with|by|from|this|that|which|not|for|what|who|has|have|was|were|been|entry|case|child)\b",
    re.IGNORECASE,
)
"""Words of English that are none of Romanian."""
_SAME: Final = frozenset({"Hotel", "Auditor", "Moldova", "min"})
"""Words that Romanian and English share, besides names of states and languages."""


def _recorded(value: Any) -> Iterator[str]:
    """What somebody wrote: of the words of an act, those that are none of the procedure's."""
    if isinstance(value, Mapping):
        for each in value.values():  # pyright: ignore[reportUnknownVariableType]
            yield from _recorded(each)
    elif isinstance(value, list | tuple):
        for each in value:  # pyright: ignore[reportUnknownVariableType]
            yield from _recorded(each)
    elif isinstance(value, str) and not re.fullmatch(r"[a-z_]+", value):
        yield value


def words_of_people(looked: Looked) -> list[str]:
    """Names and what was written, the longest first; and the titles of agreements, which are names too."""
    found = {f"Invented {who}" for who in PEOPLE} | {id for id, _, _ in PEOPLE.values()}
    for case in looked.cases._cases.values():  # pyright: ignore[reportPrivateUsage]
        found.add(case.case.agreement.title)
        found |= {text for entry in case.ledger() for text in _recorded(entry["body"])}
    shelf = AgreementShelf()
    for id in shelf.ids():
        found.add(id)
        with suppress(BelowTheFloor, MalformedAgreement):
            found.add(shelf.get(id).title)
    return sorted(found | WRITTEN, key=len, reverse=True)


WRITTEN: Final = frozenset(
    {"alone", "mother", "Mother", "psychology", "law", "Sampleton", "for invented reasons", ISSUER}
)
"""Words that somebody wrote in the cases and no longer stand out, or in drafts."""


@lru_cache
def _shared_names(code: str) -> frozenset[str]:
    """Names of states and languages that are the same in English."""
    english = {each.value: each.label for each in (*states(language("en")), *languages(language("en")))}
    said = (*states(language(code)), *languages(language(code)))
    return frozenset(each.label for each in said if english.get(each.value) == each.label)


def english_left(texts: Iterable[str], code: str, english: frozenset[str], people: Iterable[str]) -> list[str]:
    """The texts of a page in another language that are English all the same, or have English in them."""
    found: list[str] = []
    shared = _SAME | _shared_names(code)
    for text in texts:
        bare = _NO_WORDS.sub("", text)
        for each in people:
            bare = bare.replace(each, "")
        letters = [word for word in _LATIN.findall(bare) if word not in _CODES]
        if code != "ro" and letters:
            found.append(text)
        if code == "ro" and (
            _ENGLISH.search(bare) or (letters and text in english and not {text, bare.strip(" ,()0123456789")} & shared)
        ):
            found.append(text)
    return found


AXE_AT: Final = {"en": 1280, "ro": 320, "uk": 320, "ru": 1280, "ky": 320}
"""How wide the pages are in which axe looks at them, by language."""


@dataclass
class Through:
    """What was found in one language."""

    wrong: list[str] = field(default_factory=list[str])
    texts: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """What each page says."""
    weights: dict[str, int] = field(default_factory=dict[str, int])
    """Bytes of each page."""
    elsewhere: list[str] = field(default_factory=list[str])
    axe: list[tuple[str, str, list[Any]]] = field(default_factory=list[tuple[str, str, list[Any]]])
    """The rules that a page breaks, and where."""


@pytest.fixture(scope="module")
def through(browser: Browser, looked: Looked) -> Callable[[str], Through]:
    """Every page in a language, gone through once."""
    known: dict[str, Through] = {}

    def go(code: str) -> Through:
        if code not in known:
            known[code] = _go_through(browser, looked, code)
        return known[code]

    return go


def pages_in(code: str) -> Sequence[Shown]:
    """The pages that are looked at in a language: each page in one of the five; `make every-page` looks at each in each.

    Those in Romanian are looked at in English too: that nothing of it is left is told by comparing.
    """
    if "HOMEWARD_EVERY_PAGE" in os.environ:
        return EVERY_PAGE
    wanted = ("en", "ro") if code == "en" else (code,)
    return [page for n, page in enumerate(EVERY_PAGE) if LANGUAGES[n % len(LANGUAGES)] in wanted]


def test_each_page_is_looked_at_in_one_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken together the five leave none out."""
    monkeypatch.delenv("HOMEWARD_EVERY_PAGE", raising=False)
    assert {page.name for code in LANGUAGES for page in pages_in(code)} == {page.name for page in EVERY_PAGE}
    assert {page.name for page in pages_in("ro")} <= {page.name for page in pages_in("en")}


def _go_through(browser: Browser, looked: Looked, code: str) -> Through:
    found = Through()
    with windows(browser, looked, code) as window:
        for page in pages_in(code):
            window.go(page)
            if (window.language, window.page.locator("html").get_attribute("lang")) != (code, code):
                found.wrong.append(f"{page.name}: answered in {window.language}")
            if not fits(window.page):
                found.wrong.append(f"{page.name}: wider than the window")
            if width := AXE_AT.get(code):
                window.page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
                if not fits(window.page):
                    found.wrong.append(f"{page.name}: unfolded wider than the window")
                window.page.set_viewport_size({"width": width, "height": 800})
                found.axe += [(page.name, *each) for each in axe_finds(window.page)]
                window.page.set_viewport_size({"width": NARROW, "height": 800})
            found.texts[page.name] = shown_texts(window.page)
            if code in WEIGHED:
                # What is meant to be weighed was weighed, and came compressed.
                (sheet,) = (weight for url, weight in window.weight.items() if url.endswith("govuk.css"))
                assert 10_000 < sheet < 20_000, page.name
                found.weights[page.name] = sum(window.weight.values())
        found.elsewhere = window.elsewhere
    return found


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_page_speaks_fits_and_is_light(looked: Looked, through: Callable[[str], Through], code: str) -> None:
    """In the reader's language to its last word, no wider than a telephone, nothing from elsewhere, and below 150 KB."""
    found = through(code)
    assert (found.wrong, found.elsewhere) == ([], [])
    assert len(found.weights) == (len(pages_in(code)) if code in WEIGHED else 0)
    assert {name: weight for name, weight in found.weights.items() if weight >= LIGHT} == {}
    assert all(len(texts) > 10 for texts in found.texts.values())
    if code != "en":
        people = words_of_people(looked)
        # Where the alphabet is another one, it says enough.
        english = through("en").texts if code == "ro" else {}
        left = [
            f"{name}: {text}"
            for name, texts in found.texts.items()
            for text in english_left(texts, code, frozenset(english.get(name, ())), people)
        ]
        assert not left, "\n".join(["in English all the same", *left])


@pytest.mark.parametrize(
    ("code", "text", "is_left"),
    [
        ("uk", "Запис 3: The child was found", True),
        ("uk", "Запис 3: MD-UA-2026-7K3F9A, 09:00 UTC", False),
        ("ky", "Invented Station (полиция)", False),
        ("ro", "Where the child is", True),
        ("ro", "Nothing", True),
        ("ro", "Unde este copilul", False),
        ("ro", "Document", False),
    ],
)
def test_english_that_is_left_over_would_be_seen(code: str, text: str, is_left: bool) -> None:
    """The check can fail; names, references and what people wrote are nobody's language."""
    assert bool(english_left([text], code, frozenset({"Nothing"}), ["Invented Station"])) is is_left


# For everybody


@pytest.mark.parametrize("code", AXE_AT)
def test_axe_finds_nothing_on_any_page(through: Callable[[str], Through], code: str) -> None:
    """With everything unfolded that folds; on a desk and on a telephone."""
    assert through(code).axe == []
