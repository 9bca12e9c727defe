"""What an act says, question by question and in words, for whoever checks the answers before they are sent."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from typing import Any, cast

from casefile.languages import Language, capitalised
from casefile.terms import N_
from desk.forms.corrections import Mending
from desk.forms.fields import Field
from desk.forms.making import filled, form_for, standing_in
from desk.forms.shapes import INTAKE
from desk.forms.typed import posted
from desk.forms.words import LAST, label
from procedure.case import Case
from procedure.entries import read_moment


def answers(
    act_json: Mapping[str, Any],
    language: Language,
    *,
    case: Case | None = None,
    mending: Mending | None = None,
    only: Collection[str] | None = None,
    by: str | None = None,
) -> list[tuple[str, str]]:
    """Each question and its answer, in the order of the form. What was left open is not among them.

    ``act_json`` is an act, or an intake where it names no ``act``. ``case`` tells who a relative is. Of a correction
    ``mending`` tells what kind of fields it mends; without it their values are told as they are written.
    ``only`` keeps the fields of these names. ``by`` is the role whose form the questions are read from.
    """
    act: str = act_json.get("act", INTAKE)
    form = form_for(act, language, case=case, mending=mending, only=only, by=by)
    form = filled(form, posted(act, act_json, of=mending.of if mending else None))
    found = list(_told(form.fields, language, ()))
    if act == "correct" and mending is None:
        found += _as_written(act_json, language)
    return found


def _told(fields: Iterable[Field], language: Language, within: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for each in fields:
        called = ", ".join((*within, each.label))
        match each.kind:
            case "group":
                yield from _told(each.fields, language, standing_in(each, within))
            case "repeated":
                rows = list(_told(each.fields, language, within))
                yield from rows
                if each.required and not rows:
                    yield called, language.gettext(N_("None"))
            case "mended":
                ticked = zip(each.options, each.fields, strict=True)
                yield from _told((field for option, field in ticked if option.value in each.value), language, within)
            case "hidden" if not each.label:
                pass
            case _:
                if said := _words(each, language):
                    yield called, said


def _words(field: Field, language: Language) -> str | None:
    """The answer to one question; None where there is none."""
    match field.kind, field.value:
        case "checkboxes", tuple():
            return language.listed(field.chosen) if field.chosen else language.gettext(N_("None"))
        case (("date" | "datetime"), Mapping() as parts):
            if not field.said:
                return capitalised(language.answer(None)) if field.required else None
            return _when(parts, language)
        case (("select" | "radios" | "yes_no" | "yes_no_unknown"), str() as value) if value:
            return ", ".join(field.chosen) or value
        case _, str() as value:
            return value or None
        case _:
            return None


def _when(parts: Mapping[str, str], language: Language) -> str:
    day, time = "-".join(parts[part] for part in ("year", "month", "day")), parts.get("time")
    try:
        return language.moment(read_moment(f"{day}T{time}Z")) if time else language.date(date.fromisoformat(day))
    except ValueError:
        return " ".join(part for part in (day, time) if part)


def _as_written(correction: Mapping[str, Any], language: Language) -> Iterator[tuple[str, str]]:
    fields = correction.get("fields")
    for path, value in cast("Mapping[str, Any]", fields).items() if isinstance(fields, Mapping) else ():
        yield label(language, INTAKE, path), value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    for name in LAST:
        if said := correction.get(name):
            yield label(language, "correct", name), said if isinstance(said, str) else ", ".join(map(str, said))
