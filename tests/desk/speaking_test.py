"""In which language the desk speaks: how it is chosen, that it never mixes two, and that its catalogues are whole."""

import os
import re
import shutil
import subprocess
from typing import Any, cast

import pytest
from babel.messages.catalog import Catalog, Message

from casefile.catalogues import CASEFILE, DESK, TRANSLATED, messages, missing, read
from casefile.languages import LANGUAGES
from casefile.languages import language as words_of_the_trade
from desk.speaking import language, templates
from tests.desk.desks import client

everywhere = pytest.mark.parametrize("code", LANGUAGES)
translated = pytest.mark.parametrize("code", TRANSLATED)


# Which language


@pytest.mark.parametrize(
    ("liked", "code"),
    [
        ("", "en"),
        ("uk", "uk"),
        ("uk-UA,uk;q=0.9,ru;q=0.8,en;q=0.7", "uk"),
        ("ro-MD, en;q=0.5", "ro"),
        ("mo", "ro"),
        ("de-DE,de;q=0.9,ky;q=0.3,ru;q=0.4", "ru"),
        ("de, fr;q=0.5", "en"),
        ("en;q=0.1, KY-kg;q=0.2", "ky"),
        ("ru;q=0, uk;q=0.1", "uk"),
        ("*", "en"),
        ("ru;q=many, uk;q=0.5", "uk"),
        (",;q=,;;;=", "en"),
        ("x" * 10_000 + ",ru", "ru"),
    ],
)
def test_a_browsers_liking_is_followed(liked: str, code: str) -> None:
    """The first of our languages that it likes; English where it likes none."""
    answer = client().get("/sign-in", headers={"Accept-Language": liked})
    assert answer.headers["Content-Language"] == code
    assert f'<html lang="{code}"' in answer.text
    assert "Accept-Language" in answer.headers["Vary"]


@everywhere
def test_a_language_that_is_chosen_stays(code: str) -> None:
    """By a link, without scripts, and one comes back to the page one was at."""
    browser = client()
    browser.headers["Accept-Language"] = "ru"
    chosen = browser.get(f"/language/{code}", params={"back": "/sign-in?back=/x"})
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/sign-in?back=/x")
    assert browser.get("/sign-in").headers["Content-Language"] == code
    assert "HttpOnly" in chosen.headers["set-cookie"] and "Max-Age=31536000" in chosen.headers["set-cookie"]


def test_a_language_that_there_is_not_is_not_chosen() -> None:
    """By whatever way somebody asks for it."""
    browser = client()
    assert browser.get("/language/de").status_code == 404
    assert browser.get("/language/uk?back=//evil.example").headers["location"] == "/"
    browser.cookies.set("homeward_language", "de")
    assert browser.get("/sign-in").headers["Content-Language"] in LANGUAGES


@everywhere
def test_a_page_links_to_itself_in_the_other_languages(code: str) -> None:
    """Each named in itself, and marked so for who listens."""
    page = client().get("/sign-in?back=/x", headers={"Accept-Language": code}).text
    for other in LANGUAGES:
        link = f'href="/language/{other}?back=/sign-in%3Fback%3D/x" rel="alternate" hreflang="{other}" lang="{other}"'
        assert (link in page) == (other != code)
    assert f'aria-current="true" lang="{code}"' in page


# One language at a time


def test_two_languages_never_mix() -> None:
    """Each has templates of its own, whichever was spoken before."""
    template = '{{ _("Sign in") }}|{{ language.code }}|{{ pgettext("stage", "travel") }}'
    spoken = {code: templates(code).from_string(template) for code in LANGUAGES}
    for _ in range(2):
        for code, made in spoken.items():
            said = language(code)
            assert made.render() == f"{said.gettext('Sign in')}|{code}|{said.term('stage', 'travel')}"
    assert len({made.render() for made in spoken.values()}) == len(LANGUAGES)


@translated
def test_the_words_of_the_trade_are_those_of_case_files(code: str) -> None:
    """The desk adds its own messages to them, and changes nothing in a case file."""
    said, told = language(code), words_of_the_trade(code)
    assert said.term("role", "guardian") == told.term("role", "guardian") != "guardian"
    assert said.ngettext("{number} relative is named.", "{number} relatives are named.", 2) == told.ngettext(
        "{number} relative is named.", "{number} relatives are named.", 2
    )
    assert said.gettext("Sign out") != "Sign out" == told.gettext("Sign out")
    assert said.gettext("no such message") == "no such message"


# Catalogues


def _keys(of: Catalog) -> set[tuple[str | None, Any]]:
    return {(message.context, tuple(_forms(message.id))) for message in messages(of)}


def _forms(text: Any) -> list[str]:
    return list(cast("list[str]", text)) if isinstance(text, (list, tuple)) else [text or ""]


_PLACE = re.compile(r"%\(\w+\)[sd]|\{\w*\}")


def misplaced(message: Message) -> bool:
    """Whether a form of a translation has other places to fill than its message."""
    wanted = {place for form in _forms(message.id) for place in _PLACE.findall(form)}
    return any(set(_PLACE.findall(form)) != wanted for form in _forms(message.string))


def test_the_template_holds_what_the_desk_says() -> None:
    """`make catalogues` was run after the last change of a message."""
    assert _keys(read(DESK.template)) == _keys(DESK.messages())


def test_nothing_is_translated_twice() -> None:
    """What case files say already, the desk says in the same words."""
    assert _keys(read(DESK.template)) & _keys(read(CASEFILE.template)) == set()


@translated
def test_the_desks_catalogue_is_whole(code: str) -> None:
    """Every message, every plural form, and the same places to fill in each."""
    known = read(DESK.catalogue(code), code)
    assert _keys(known) == _keys(read(DESK.template))
    assert [message.id for message in missing(known)] == []
    assert [message.id for message in messages(known) if misplaced(message)] == []
    assert list(known.obsolete) == []
    assert "machine-made and NEED REVIEW" in DESK.catalogue(code).read_text("utf-8")


@pytest.mark.skipif(shutil.which("msgfmt") is None, reason="gettext's own programs are not installed")
@translated
def test_gettext_finds_nothing_wrong_with_the_desks(code: str) -> None:
    """Formats and headers, of the messages that wait for their review too."""
    told = subprocess.run(
        ["msgfmt", "--check", "--use-fuzzy", "--output-file", os.devnull, DESK.catalogue(code)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (told.returncode, told.stderr) == (0, "")


def test_a_lost_place_would_be_seen() -> None:
    """The check can fail."""
    known = Catalog(locale="uk")
    known.add("Error: %(title)s", "Помилка")
    known.add("{name} acted", "{name} діє")
    assert [misplaced(message) for message in messages(known)] == [True, False]
