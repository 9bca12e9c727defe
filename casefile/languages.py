"""The languages in which a record is told, each with its own dates, plurals, names of states and words of the trade.

Messages are English in the code. The other languages stand in gettext catalogues beside this file, and what a
machine translated there is marked `fuzzy` until somebody has read it. Dates, plurals and names of states are the
Unicode consortium's (CLDR), through Babel.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path
from typing import Final

from babel import Locale
from babel.dates import format_date, format_timedelta
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations

from casefile.terms import CLAUSES, DEMANDS, FIELDS, N_, P_, TERMS, WORDS_OF, Word
from procedure.vocabulary import SafeguardName

__all__ = ["LANGUAGES", "LOCALE", "N_", "P_", "Language", "capitalised", "catalogue", "compiled", "language"]

LANGUAGES: Final = ("en", "ro", "uk", "ru", "ky")
LOCALE: Final = Path(__file__).parent / "locale"
"""Where the catalogues stand."""

_LOCALES: Final = {"en": "en_GB"}  # or its dates come out American

_BODIES: Final = frozenset(
    "central_authority child_protection_authority guardianship_authority bid_panel tracing_service consulate "
    "asylum_authority court ombudsperson law_enforcement".split()
)
"""Roles that are a body of a state; the others are persons."""
_WITH_ARTICLE: Final = frozenset("AE BS CF DO GB GM KM MH MV NL PH SB US".split())
"""States whose English names need “the” in a sentence."""


@dataclass(frozen=True, slots=True)
class Language:
    """One language. ``name`` is its name in itself; ``translations`` can be installed in a Jinja environment."""

    code: str
    name: str
    locale: Locale
    translations: NullTranslations

    @property
    def needs_review(self) -> bool:
        """Whether some of its translations were made by a machine, and nobody has looked at them yet."""
        return _needs_review(self.code)

    @property
    def unreviewed(self) -> str:
        """What a reader of such a translation is told."""
        return self.gettext(N_("This translation was made by a machine, and nobody has reviewed it yet."))

    # Messages

    def gettext(self, message: str) -> str:
        return self.translations.gettext(message)

    def ngettext(self, one: str, many: str, n: int) -> str:
        """The form of a message that goes with a number."""
        return self.translations.ngettext(one, many, n)

    def pgettext(self, context: str, message: str) -> str:
        """A message that says different things in different places."""
        return str(self.translations.pgettext(context, message))

    def filled(self, translated: str, **values: object) -> str:
        """A translated sentence with its places filled. A date that ends in a full stop ends the sentence too."""
        return _TWO_STOPS.sub(".", translated.format(**values))

    # Dates and numbers

    def date(self, value: date | datetime) -> str:
        """A day, written out: 4 March 2026. Of a moment, its day in UTC."""
        day = value.astimezone(UTC) if isinstance(value, datetime) else value
        # Few fonts have the narrow space of Ukrainian and Russian years; those of the dossier have not.
        return format_date(day, "long", locale=self.locale).replace(_NARROW_SPACE, _SPACE)

    def moment(self, value: datetime) -> str:
        """A moment, to the minute: 4 March 2026, 15:07 UTC."""
        at = value.astimezone(UTC)
        pattern = str(self.locale.datetime_formats["long"]).replace("'", "")
        return pattern.format(f"{at:%H:%M} UTC", self.date(at))

    def days(self, n: int) -> str:
        return format_timedelta(timedelta(days=n), "day", threshold=_ALWAYS_THAT_UNIT, locale=self.locale)

    def hours(self, n: int) -> str:
        return format_timedelta(timedelta(hours=n), "hour", threshold=_ALWAYS_THAT_UNIT, locale=self.locale)

    def number(self, n: float) -> str:
        return format_decimal(n, locale=self.locale)

    def listed(self, words: Sequence[str]) -> str:
        """Words as a sentence lists them: a, b and c."""
        return format_list(words, locale=self.locale)

    # Names and words

    def state(self, code: str) -> str:
        """The name of a state; its code where it has none."""
        return _named(self.locale.territories, code) or code

    def language(self, code: str) -> str:
        """The name of a language that a person speaks (BCP 47); its code where it has none."""
        names = self.locale.languages
        return _named(names, code.replace("-", "_")) or _named(names, code.partition("-")[0]) or code

    def term(self, kind: str, name: str) -> str:
        """The word for a name of the contract, of one of the kinds in :data:`casefile.terms.TERMS`.

        ``term("deadline", "visit_3")`` works like every deadline. A name that is not known here, as a newer
        version of the procedure may bring, comes back in its own words. Raises KeyError for an unknown kind.
        """
        words = TERMS[kind]
        if kind == "deadline" and (visit := _VISIT.fullmatch(name)):
            return self._word(words["visit"]).format(number=visit[1])
        return self._word(words[name]) if name in words else name.replace("_", " ")

    def result(self, act: str, field: str, value: str) -> str:
        """The word for what a closed field of an act says: ``result("assess_age", "result", "doubt")``."""
        return self.term(WORDS_OF[f"{act}.{field}"], value)

    def deadline(self, key: str) -> str:
        """A deadline by its key in the record: the name, and of which complaint or of whose approval it is."""
        name, _, of = key.partition(":")
        said = self.term("deadline", name)
        if name == "complaint" and of:
            return self.gettext("{deadline} (entry {number})").format(deadline=said, number=of)
        if name in ("approval_host", "approval_origin") and of:
            return self.gettext("{deadline} ({role})").format(deadline=said, role=self.term("role", of))
        return said

    def field(self, path: str) -> str | None:
        """The word for a field by its path; None where there is none."""
        return self._word(FIELDS[path]) if path in FIELDS else None

    def demand(self, safeguard: SafeguardName) -> str:
        """What a safeguard demands, one sentence or two."""
        return self.gettext(DEMANDS[safeguard])

    def clause(self, recorded: str) -> str:
        """A reason that the record holds as an English clause; as it is recorded where it is not known here."""
        return self.gettext(recorded) if recorded in CLAUSES else recorded

    def answer(self, given: bool | None) -> str:
        """Yes, no, or not known."""
        return self.term("answer", "unknown" if given is None else "yes" if given else "no")

    def actor(self, role: str | None, state: str | None) -> str:
        """Who acted, in a sentence: the guardianship authority of Moldova, the guardian from Moldova, the child."""
        if role is None:
            return self.gettext("somebody")
        who = self.term("role", role)
        if state is None or role == "child":
            return self.gettext("the {role}").format(role=who)
        of = N_("the {role} of {state}") if role in _BODIES else N_("the {role} from {state}")
        where = f"the {self.state(state)}" if self.code == "en" and state in _WITH_ARTICLE else self.state(state)
        return self.gettext(of).format(role=who, state=where)

    def _word(self, word: Word) -> str:
        return self.pgettext(*word)


_ALWAYS_THAT_UNIT: Final = 10**9
_VISIT: Final = re.compile(r"visit_(\d+)")
_NARROW_SPACE: Final = "\N{NARROW NO-BREAK SPACE}"
_SPACE: Final = "\N{NO-BREAK SPACE}"
_TWO_STOPS: Final = re.compile(r"(?<!\.)\.\.(?!\.)")


@lru_cache
def language(code: str) -> Language:
    """One of :data:`LANGUAGES` by its code. Raises ValueError for another."""
    if code not in LANGUAGES:
        raise ValueError(f"“{code}” is not one of the languages {', '.join(LANGUAGES)}.")
    locale = Locale.parse(_LOCALES.get(code, code))
    name = locale.get_language_name() or code
    return Language(code, name, locale, NullTranslations() if code == "en" else compiled(catalogue(code), code))


def catalogue(code: str) -> Path:
    """Where the catalogue of a language stands. English has none."""
    return LOCALE / code / "LC_MESSAGES" / "homeward.po"


def compiled(catalogue: Path, code: str) -> Translations:
    """A language's catalogue, compiled in memory. What waits for its review is used: better than English for most."""
    messages = BytesIO()
    with catalogue.open("rb") as text:
        write_mo(messages, read_po(text, locale=code), use_fuzzy=True)
    messages.seek(0)
    return Translations(messages)


@cache
def _needs_review(code: str) -> bool:
    return code != "en" and "\n#, fuzzy" in catalogue(code).read_text("utf-8").partition('msgid ""\n')[2]


def _named(names: Mapping[str, str], code: str) -> str | None:
    return names.get(code)


def capitalised(text: str) -> str:
    """A text with its first letter large, the rest as it is."""
    return text[:1].upper() + text[1:]
