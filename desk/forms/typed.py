"""What was typed into a form, and what it says in the contract's JSON.

Typed is what a browser posts: names with dots and numbers of rows (``panel.0.discipline``), and texts. Nothing here
judges: what cannot be read is kept as it was typed, and the model that judges the act finds fault with it.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Any, Final, Literal, cast

from desk.forms.shapes import INTAKE, Shape, leaves, shapes_of
from desk.forms.words import FILLED_IN, FIXED
from procedure.acts import ACTS, DECISIONS
from procedure.entries import read_moment

Typed = dict[str, list[str]]
"""What was typed, by the names of the fields; a name that was posted several times has several texts."""

YES, NO, UNKNOWN = "yes", "no", "unknown"
TICKED: Final = "mend"
"""The boxes of a correction: which fields of the entry are wrong."""
OF: Final = "of"
"""Of which act the entry is that a correction is about."""

_NOTHING: Final = object()


def as_typed(form_data: Mapping[str, Any]) -> Typed:
    """The texts of a posted form: a plain mapping, or one with several values for a name, as Starlette's. Files are no texts."""
    several = getattr(form_data, "multi_items", None)
    pairs = several() if several else form_data.items()
    typed: Typed = {}
    for name, value in cast("Iterable[tuple[object, object]]", pairs):
        for each in cast("list[object]", value) if isinstance(value, (list, tuple)) else [value]:
            if isinstance(name, str) and isinstance(each, str):
                typed.setdefault(name, []).append(each.replace("\r\n", "\n"))
    return typed


# Which fields


def asked(act: str, only: Collection[str] | None = None) -> tuple[Shape, ...]:
    """The fields of an act or of the intake that a person fills in; ``only`` keeps those of these names."""
    return tuple(
        shape for shape in shapes_of(act) if shape.name not in FILLED_IN and (only is None or shape.name in only)
    )


def mendable(of: str) -> dict[str, Shape]:
    """The fields of an entry that can be corrected, by path. Of a decision only how it is grounded; none for an unknown act."""
    if of != INTAKE and of not in ACTS:
        return {}
    fixed = FIXED | FILLED_IN
    found = {shape.path: shape for shape in leaves(shapes_of(of)) if shape.path.partition(".")[0] not in fixed}
    return {path: found[path] for path in ("reason", "evidence")} if of in DECISIONS else found


# Reading


def read(act: str, form_data: Mapping[str, Any], *, only: Collection[str] | None = None) -> dict[str, Any]:
    """The act's own fields (or the intake's, for ``opened``) as the contract's JSON has them, from a posted form.

    Empty optional fields are left out, rows close up, moments are in UTC. What the desk fills in (the envelope, the
    dossier) is not among them. Whatever was posted, this raises nothing but KeyError for an ``act`` that there is not.
    """
    typed = as_typed(form_data)
    said: dict[str, Any] = {}
    for shape in asked(act, only):
        value = _mended(typed) if shape.sort == "any" else _value(shape, shape.name, typed)
        if value is not _NOTHING:
            said[shape.name] = value
    return said


def value_of(shape: Shape, name: str, typed: Typed) -> Any:
    """What one field says that stands under ``name``. Where nothing was typed, what says so: null, or nothing in it."""
    value = _value(replace(shape, required=True), name, typed)
    if value is not _NOTHING and not (value == "" and shape.nullable):
        return value
    return "" if shape.sort == "text" and not shape.nullable else None


def _mended(typed: Typed) -> dict[str, Any]:
    shapes = mendable(_first(typed, OF) or "")
    return {
        path: value_of(shapes[path], f"fields.{path}", typed) if path in shapes else _first(typed, f"fields.{path}")
        for path in dict.fromkeys(typed.get(TICKED, ()))
    }


def _value(shape: Shape, name: str, typed: Typed) -> Any:
    match shape.sort:
        case "group":
            if not shape.required and is_blank(name, typed):
                return _NOTHING
            parts = ((part.name, _value(part, f"{name}.{part.name}", typed)) for part in shape.parts)
            return {part: value for part, value in parts if value is not _NOTHING}
        case "rows":
            values = [_value(shape.parts[0], row, typed) for row in rows(name, typed) if not is_blank(row, typed)]
            return values if values or shape.required else _NOTHING
        case "choices":
            values = [value for value in typed.get(name, ()) if value.strip()]
            return values if values or shape.required else _NOTHING
        case _:
            return _single(shape, name, typed)


def _single(shape: Shape, name: str, typed: Typed) -> Any:
    match shape.sort:
        case "day":
            text = _day(name, typed)
        case "moment":
            text = _moment(name, typed)
        case _:
            text = _first(typed, name)
    if text is None:
        return None if shape.required and shape.nullable and shape.sort == "day" else _NOTHING
    if not text:
        # An empty line says nothing, but where a text is asked for it is that text, and may be meant.
        return text if shape.required and shape.sort == "text" else _NOTHING
    match shape.sort:
        case "truth":
            return {YES: True, NO: False, UNKNOWN: None}.get(text, text)
        case "whole":
            return int(text) if _WHOLE.fullmatch(text) else text
        case _:
            return text


_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")
_TIME: Final = re.compile(r"([0-9]{1,2})[:.]([0-9]{2})(?::([0-9]{2}(?:\.[0-9]+)?))?")


def _first(typed: Typed, name: str) -> str | None:
    texts = typed.get(name)
    return texts[0].strip() if texts else None


def _day(name: str, typed: Typed) -> str | None:
    year, month, day = (_first(typed, f"{name}.{part}") or "" for part in ("year", "month", "day"))
    return f"{year:0>4}-{month:0>2}-{day:0>2}" if year or month or day else None


def _moment(name: str, typed: Typed) -> str | None:
    day, time = _day(name, typed), _first(typed, f"{name}.time") or ""
    if day is None and not time:
        return None
    if exact := _TIME.fullmatch(time):
        hour, minute, second = exact.groups(default="00")
        time = f"{hour:0>2}:{minute}:{second}Z"
    return f"{day or ''}T{time}"


# Rows


def rows(name: str, typed: Typed) -> list[str]:
    """The names of the rows of a list that were posted, in their order: ``panel.0``, ``panel.2``."""
    begins = f"{name}."
    numbers = {key[len(begins) :].partition(".")[0] for key in typed if key.startswith(begins)}
    return [f"{begins}{number}" for number in sorted((n for n in numbers if _ROW.fullmatch(n)), key=int)]


def is_blank(name: str, typed: Typed) -> bool:
    """Whether nothing was typed into a field or into anything within it."""
    return not any(
        text.strip() for key, texts in typed.items() if key == name or key.startswith(f"{name}.") for text in texts
    )


def closed_up(typed: Typed) -> Typed:
    """The same with the rows of every list numbered 0, 1, 2 …"""
    numbers: dict[str, set[int]] = {}
    for name in typed:
        steps = name.split(".")
        for depth, step in enumerate(steps):
            if _ROW.fullmatch(step):
                numbers.setdefault(".".join(steps[:depth]), set()).add(int(step))
    places = {within: {n: place for place, n in enumerate(sorted(of))} for within, of in numbers.items()}

    def renamed(name: str) -> str:
        steps = name.split(".")
        return ".".join(
            str(places[".".join(steps[:depth])][int(step)]) if _ROW.fullmatch(step) else step
            for depth, step in enumerate(steps)
        )

    return {renamed(name): texts for name, texts in typed.items()}


_ROW: Final = re.compile(r"0|[1-9][0-9]{0,5}")
_BUTTON: Final = re.compile(r"(add|remove):([a-z_]+(?:\.[a-z_0-9]+)*)")
_MOST_ROWS: Final = 200


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row to be added at the end of a list, or one to be removed: ``("add", "panel")``, ``("remove", "panel.1")``."""

    way: Literal["add", "remove"]
    name: str


def pressed(form_data: Mapping[str, Any]) -> RowChange | None:
    """Which of the buttons for rows was pressed, if one was."""
    for name in as_typed(form_data):
        if button := _BUTTON.fullmatch(name):
            return RowChange(cast("Literal['add', 'remove']", button[1]), button[2])
    return None


def changed(form_data: Mapping[str, Any], change: RowChange) -> Typed:
    """What was typed, with that row added or removed. The rows close up when the form is made again."""
    typed = {name: texts for name, texts in as_typed(form_data).items() if not _BUTTON.fullmatch(name)}
    if change.way == "remove":
        return {
            name: texts
            for name, texts in typed.items()
            if name != change.name and not name.startswith(f"{change.name}.")
        }
    known = rows(change.name, typed)
    if len(known) < _MOST_ROWS:
        after = int(known[-1].rpartition(".")[2]) + 1 if known else 0
        typed[f"{change.name}.{after}"] = [""]
    return typed


# The other way


def posted(act: str, said: Mapping[str, Any], *, of: str | None = None) -> Typed:
    """The fields of an act (or intake) as a browser would post them: what :func:`read` reads back.

    ``of`` is the act of the entry that a correction is about.
    """
    typed: Typed = {}
    for shape in asked(act):
        if shape.sort == "any":
            _post_mended(said.get(shape.name), of or INTAKE, typed)
        elif shape.name in said:
            post(shape, shape.name, said[shape.name], typed)
    return typed


def post(shape: Shape, name: str, value: Any, typed: Typed) -> None:
    """Add to what is typed the value of one field."""
    match shape.sort, value:
        case "group", Mapping():
            of = cast("Mapping[str, Any]", value)
            for part in shape.parts:
                if part.name in of:
                    post(part, f"{name}.{part.name}", of[part.name], typed)
        case "rows", list() | tuple():
            for number, each in enumerate(cast("list[Any]", value)):
                post(shape.parts[0], f"{name}.{number}", each, typed)
        case "choices", list() | tuple():
            typed[name] = [str(each) for each in cast("list[Any]", value)]
        case "truth", None if shape.nullable:
            typed[name] = [UNKNOWN]
        case _, None:
            pass
        case "truth", bool():
            typed[name] = [YES if value else NO]
        case "day", str():
            _post_day(name, value, typed)
        case "moment", str():
            _post_moment(name, value, typed)
        case _:
            typed[name] = [str(value)]


def _post_mended(fields: Any, of: str, typed: Typed) -> None:
    if not isinstance(fields, Mapping):
        return
    shapes = mendable(of)
    typed[OF], typed[TICKED] = [of], []
    for path, value in cast("Mapping[str, Any]", fields).items():
        typed[TICKED].append(path)
        if path in shapes:
            post(shapes[path], f"fields.{path}", value, typed)
        else:
            typed[f"fields.{path}"] = [str(value)]


def _post_day(name: str, value: str, typed: Typed) -> None:
    year, _, rest = value.partition("-")
    month, _, day = rest.partition("-")
    for part, text in (("day", day), ("month", month), ("year", year)):
        typed[f"{name}.{part}"] = [text]


def _post_moment(name: str, value: str, typed: Typed) -> None:
    try:
        at = read_moment(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        day, _, time = value.partition("T")
    else:
        day, time = at.date().isoformat(), at.time().isoformat().removesuffix(":00")
    _post_day(name, day, typed)
    typed[f"{name}.time"] = [time]
