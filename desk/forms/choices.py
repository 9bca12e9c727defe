"""What there is to choose from: in the models' own words, in a case, among the states and languages of the world."""

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import count
from typing import Any, Final, cast

from babel import Locale
from babel.languages import get_territory_language_info

from casefile.languages import Language, capitalised
from casefile.story import place
from casefile.terms import N_
from desk.forms.fields import Option
from desk.forms.shapes import INTAKE, Shape
from desk.forms.typed import NO, UNKNOWN, YES
from desk.forms.words import FURTHER_LANGUAGES, NO_STATES, SIGN_LANGUAGES, chosen
from procedure.case import Case
from procedure.deadlines import name_of
from procedure.entries import Entry

Values = Sequence[str | int | bool | Option]
Closed = Sequence[Mapping[str, Any]]
"""As :meth:`procedure.open_acts.OpenAct.as_json` has them under ``closed_choices``."""


def options(
    language: Language,
    act: str,
    shape: Shape,
    *,
    case: Case | None = None,
    between: Sequence[str] = (),
    entries: Sequence[Entry] = (),
    open: Values | None = None,
    closed: Closed = (),
) -> tuple[Option, ...]:
    """What can be chosen in a field; nothing where it is open to any text or number.

    ``between`` are the two states; they, and what is spoken there, stand first.
    ``open`` are the values that are open now; where it is given, what is neither in it nor among ``closed`` is left
    out. What is ``closed`` stays with its reason.
    """
    found = _all(language, act, shape, case, between, entries)
    if open is None:
        return found
    given = {each.value: each for each in open if isinstance(each, Option)}
    values = {_text(each): each for each in open if not isinstance(each, Option)}
    refused = {_text(each["value"]): _why(language, each["closed_by"]) for each in closed}
    if not found:
        found = tuple(given.values()) or tuple(Option(value, value) for value in values)
    return tuple(
        Option(each.value, each.label, refused[each.value], closed=True) if each.value in refused else each
        for each in found
        if each.value in given or each.value in values or each.value in refused
    )


def _text(value: str | int | bool) -> str:
    return (YES if value else NO) if isinstance(value, bool) else str(value)


def _why(language: Language, closed_by: Iterable[Mapping[str, Any]]) -> str:
    """Why an answer is closed. The law gives its reasons in English; other languages tell what the safeguard demands."""
    return " ".join(
        f"{language.term('safeguard', each['safeguard'])}: "
        + (each["message"] if language.code == "en" else language.demand(each["safeguard"]))
        for each in closed_by
    )


def _all(
    language: Language,
    act: str,
    shape: Shape,
    case: Case | None,
    between: Sequence[str],
    entries: Sequence[Entry],
) -> tuple[Option, ...]:
    match shape.sort:
        case "choice" | "choices":
            return tuple(Option(word, chosen(language, act, shape, word)) for word in shape.words)
        case "truth":
            answers: dict[str, bool | None] = {YES: True, NO: False} | ({UNKNOWN: None} if shape.nullable else {})
            return tuple(Option(value, capitalised(language.answer(said))) for value, said in answers.items())
        case "state":
            return _first(states(language), between)
        case "language":
            among = languages(language)
            named = {each.value for each in among}
            likely = (code for state in between for code in spoken_in(state) if code in named)
            return _first(among, (*(case.languages if case else ()), *likely))
        case _:
            if shape.path == "entry":
                return tuple(_entry(language, each) for each in entries)
            return _OF_CASE[shape.name](language, case) if case and shape.name in _OF_CASE else ()


# Of a case


def _relatives(language: Language, case: Case) -> tuple[Option, ...]:
    return tuple(Option(id, relative(language, case, id)) for id in case.relatives)


def relative(language: Language, case: Case, id: str) -> str:
    """A relative on record in a few words: mother, Ukraine (r1)."""
    known = case.relatives[id]
    return f"{capitalised(known.relationship)}, {language.state(known.state)} ({id})"


def _complaints(language: Language, case: Case) -> tuple[Option, ...]:
    said = language.gettext(N_("Complaint of {date} (entry {number})"))
    return tuple(
        Option(str(each.n), said.format(date=language.date(each.at), number=each.n)) for each in case.complaints
    )


def _deadlines(language: Language, case: Case) -> tuple[Option, ...]:
    said = language.gettext(N_("Due by {date}."))
    due: dict[str, list[str]] = {}
    for key, deadline in sorted(case.deadlines.items(), key=lambda each: each[1].due):
        if deadline.open:
            due.setdefault(name_of(key), []).append(language.filled(said, date=language.moment(deadline.due)))
    return tuple(
        Option(name, capitalised(language.term("deadline", name)), " ".join(dates)) for name, dates in due.items()
    )


_OF_CASE: Final[dict[str, Callable[[Language, Case], tuple[Option, ...]]]] = {
    "relative_id": _relatives,
    "complaint": _complaints,
    "deadline": _deadlines,
}


def _entry(language: Language, entry: Entry) -> Option:
    said = language.gettext(N_("Entry {number}, {date}: {act}"))
    what = language.term("act", entry.act or INTAKE)
    return Option(str(entry.n), said.format(number=entry.n, date=language.date(entry.at), act=what))


def of_case(language: Language, act: str, path: str, case: Case) -> str | None:
    """What a case has to say about a question."""
    match act, path:
        case "report_tracing", "relatives.id" if case.relatives:
            said = N_("On record: {relatives}. Give a new relative another identifier.")
            return language.gettext(said).format(
                relatives="; ".join(relative(language, case, id) for id in case.relatives)
            )
        case "record_visit", "visit" if case.visits:
            visits = ", ".join(str(number) for number in sorted(case.visits))
            return language.gettext(N_("Recorded so far: {visits}.")).format(visits=visits)
        case "arrive", "placement" if case.plan:
            said = language.gettext(N_("The travel plan says: {place}."))
            return language.filled(said, place=place(case.plan.handover_placement, language))
        case "extend_deadline", "days":
            said = language.gettext(N_("At most {days} for one deadline, all extensions together."))
            return said.format(days=language.days(case.agreement.extension_limit))
        case _:
            return None


def ready(act: str, path: str, case: Case) -> str:
    """What stands ready in a question that is new; nothing where nobody can know it."""
    if (act, path) != ("record_visit", "visit"):
        return ""
    return str(next(number for number in count(1) if number not in case.visits))


# Of the world


@lru_cache
def states(language: Language) -> tuple[Option, ...]:
    """Every state by its name."""
    codes = [code for code in _TERRITORIES if len(code) == 2 and code.isalpha() and code not in NO_STATES]
    return _by_name(language, {code: language.state(code) for code in codes})


@lru_cache
def languages(language: Language) -> tuple[Option, ...]:
    """The languages that a child may speak, by their names."""
    codes = [*(code for code in _LANGUAGES if len(code) == 2), *FURTHER_LANGUAGES, *SIGN_LANGUAGES]
    named = _by_name(language, {code: language_name(language, code) for code in codes})
    return tuple(replace(each, lang="en") if _in_english(language, each.value) else each for each in named)


_SPOKEN: Final = 3.0
"""Percent of a state's people who speak a language that a child from there may well speak."""


@lru_cache
def spoken_in(state: str) -> tuple[str, ...]:
    """The languages spoken in a state by more than a few, the most widely spoken first; none where that is not known."""
    known = get_territory_language_info(state)
    shares = {code: float(about["population_percent"] or 0) for code, about in known.items()}
    by_share = sorted(shares, key=shares.__getitem__, reverse=True)
    return tuple(code for code in by_share if shares[code] >= _SPOKEN)


def _in_english(language: Language, code: str) -> bool:
    return language.code != "en" and code not in SIGN_LANGUAGES and language.language(code) == code


def language_name(language: Language, code: str) -> str:
    """The name of a language, sign languages too; in English where it has none in this language."""
    if code in SIGN_LANGUAGES:
        return language.gettext(SIGN_LANGUAGES[code])
    name = language.language(code)
    return capitalised(name if name != code else _LANGUAGES.get(code, code))


def _by_name(language: Language, named: Mapping[str, str]) -> tuple[Option, ...]:
    return tuple(Option(code, name) for code, name in sorted(named.items(), key=lambda each: _key(language, each[1])))


def _key(language: Language, name: str) -> list[tuple[int, str]]:
    """Where a word stands in this language's alphabet. Letters that it does not have stand where they do without marks."""
    alphabet = _ALPHABETS.get(language.code, "")
    letters: list[tuple[int, str]] = []
    for letter in name.casefold():
        bare = letter if letter in alphabet else unicodedata.normalize("NFD", letter)[0]
        letters.append((alphabet.find(bare) if bare in alphabet else -1, bare))
    return letters


_ENGLISH: Final = Locale.parse("en")
_TERRITORIES: Final = cast("Mapping[str, str]", _ENGLISH.territories)
_LANGUAGES: Final = cast("Mapping[str, str]", _ENGLISH.languages)
_ALPHABETS: Final = {
    "ro": "aăâbcdefghiîjklmnopqrsștțuvwxyz",
    "uk": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    "ru": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "ky": "абвгдеёжзийклмнңоөпрстуүфхцчшщъыьэюя",
}


def _first(among: tuple[Option, ...], codes: Iterable[str]) -> tuple[Option, ...]:
    """These before all the others."""
    first = dict.fromkeys(codes)
    known = {each.value: each for each in among}
    return (*(known.get(code) or Option(code, code) for code in first), *(o for o in among if o.value not in first))
