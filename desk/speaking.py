"""In which language the desk speaks, and its templates in each.

What the desk itself says stands in catalogues beside this file. The words of the trade, dates, plurals and names of
states are those of :mod:`casefile.languages`: one :class:`~casefile.languages.Language` knows both.
"""

import hashlib
import re
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from jinja2 import ChoiceLoader, Environment, PackageLoader, PrefixLoader
from starlette.requests import HTTPConnection

from casefile.languages import LANGUAGES, Language, capitalised, compiled
from casefile.languages import language as words_of_the_trade

LOCALE: Final = Path(__file__).parent / "locale"
STATIC: Final = Path(__file__).parent / "static"
LANGUAGE_COOKIE: Final = "homeward_language"

_ALSO_CALLED: Final = {"mo": "ro"}  # Romanian was called Moldavian until 2008, and some browsers still say so.


def catalogue(code: str) -> Path:
    """Where the desk's catalogue of a language stands. English has none."""
    return LOCALE / code / "LC_MESSAGES" / "desk.po"


@lru_cache
def language(code: str) -> Language:
    """One of :data:`casefile.languages.LANGUAGES`, which says the desk's own messages too. Raises ValueError."""
    trade = words_of_the_trade(code)
    if code == "en":
        return trade
    ours = compiled(catalogue(code), code)
    ours.add_fallback(trade.translations)
    return replace(trade, translations=ours)


def chosen(request: HTTPConnection) -> str:
    """The code of the language that a request is answered in: as chosen here, else as the browser likes, else English."""
    wanted = request.cookies.get(LANGUAGE_COOKIE)
    return wanted if wanted in LANGUAGES else _liked(request.headers.get("accept-language", ""))


def seen(request: HTTPConnection) -> Language:
    """The language in which whoever asked sees the answer."""
    return language(chosen(request))


def _liked(accepted: str) -> str:
    """The first of our languages in the order of a browser's liking (RFC 9110, 12.5.4)."""
    liking: list[tuple[float, str]] = []
    for part in accepted.split(",")[:50]:
        tag, _, weight = part.strip().partition(";")
        code = tag.strip().partition("-")[0].lower()
        try:
            worth = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        liking.append((worth, _ALSO_CALLED.get(code, code)))
    # Sorting is stable: of two that are liked alike, the first named comes first.
    ordered = sorted(liking, key=lambda each: -each[0])
    return next((code for worth, code in ordered if code in LANGUAGES and worth > 0), "en")


def plain(sentence: str) -> str:
    """A sentence of the law, in English: where it names acts as the contract does, they are called as the desk calls them."""
    english = words_of_the_trade("en")
    return _NAMED.sub(lambda named: f"“{english.term('act', named[1])}”", sentence)


_NAMED: Final = re.compile(r"`([a-z_]+)`")


@lru_cache
def templates(code: str) -> Environment:
    """The templates in one language. Two languages in one environment would speak both at once."""
    said = language(code)
    made: Any = Environment(
        loader=ChoiceLoader(
            [
                PackageLoader("desk"),
                PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")}),
            ]
        ),
        autoescape=True,
        # Templates change with the program and not under it: looking for changes would cost each page, and half of an
        # upgrade would be shown.
        auto_reload=False,
        extensions=["jinja2.ext.do", "jinja2.ext.i18n"],
    )
    made.install_gettext_translations(said.translations, newstyle=True)
    made.globals.update(
        language=said,
        languages=[(each, capitalised(words_of_the_trade(each).name)) for each in LANGUAGES],
        static=static,
    )
    made.filters["capitalised"] = capitalised
    made.filters["plain"] = plain
    return made


def static(name: str) -> str:
    """The address of a file of ``desk/static``. It changes with the files, so a browser may keep what it has."""
    return f"/static/{edition()}/{name}"


@lru_cache
def edition() -> str:
    """A digest over all static files and their names."""
    digest = hashlib.sha256()
    for path in sorted(path for path in STATIC.rglob("*") if path.is_file()):
        digest.update(path.relative_to(STATIC).as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]
