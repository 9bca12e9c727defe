"""Makes the form of an act or of the intake: from the shapes of its model, in one language, for one case."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic import BaseModel

from casefile.languages import Language
from casefile.terms import N_
from desk.forms.choices import Closed, Values, of_case, options, ready
from desk.forms.corrections import Mending, as_posted
from desk.forms.errors import told
from desk.forms.fields import Field, Form, Kind, Option
from desk.forms.shapes import Shape
from desk.forms.typed import OF, TICKED, Typed, as_typed, asked, closed_up, is_blank, mendable, rows
from desk.forms.words import BEGINS_WITH, LAST, LONG, ROWS, chosen, hint, label
from procedure.case import Case
from procedure.entries import Entry
from procedure.faults import Fault
from procedure.placement import Placement

_SIDE_BY_SIDE: Final = 9
"""So many answers are shown side by side; more of them are a list to open, unless some are closed and say why."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Of what a form is made."""

    act: str
    language: Language
    case: Case | None
    choices: Mapping[str, Values]
    closed_choices: Mapping[str, Closed]
    entries: tuple[Entry, ...]
    mending: Mending | None
    only: frozenset[str] | None
    between: tuple[str, ...]
    by: str | None


def form_for(
    act: str,
    language: Language,
    *,
    case: Case | None = None,
    choices: Mapping[str, Values] | None = None,
    closed_choices: Mapping[str, Closed] | None = None,
    entries: Sequence[Entry] = (),
    mending: Mending | None = None,
    only: Collection[str] | None = None,
    between: Sequence[str] = (),
    by: str | None = None,
) -> Form:
    """The form of an act, or of the intake for ``opened``.

    ``case`` gives what there is to choose from. ``choices`` narrows it, by the field's path, to what is open now, and
    ``closed_choices`` keeps what is closed with the reason, by path too: of an
    :class:`procedure.open_acts.OpenAct` they are its ``choices`` and, under what it turns on, the ``closed_choices`` of
    its JSON. A correction is made in two steps: a choice among ``entries``, then with ``mending`` the fields of that
    one. ``only`` keeps the fields of these names, for a form of several pages. ``between`` are the two states where
    there is no case yet. ``by`` is the role that fills it in: to some roles a question is put in other words. Raises
    KeyError for an unknown act.
    """
    asking = Asking(
        act,
        language,
        case,
        dict(choices or {}),
        dict(closed_choices or {}),
        tuple(entries),
        mending,
        None if only is None else frozenset(only),
        (case.host_state, case.origin_state) if case else tuple(between),
        by,
    )
    return _made(asking, None, ())


def filled(form: Form, form_data: Mapping[str, Any]) -> Form:
    """The same form with what was typed into it, or with what :func:`desk.forms.posted` made of an act."""
    return _made(form.asking, as_typed(form_data), ())


def with_errors(form: Form, form_data: Mapping[str, Any], faults: Sequence[Fault]) -> Form:
    """The same form with what was typed, and each fault at its field.

    A fault that has no field is told at the top. Of a form that asks for some fields ``only``, faults of the others
    are left to their own pages.
    """
    return _made(form.asking, as_typed(form_data), faults)


def _made(asking: Asking, typed: Typed | None, faults: Sequence[Fault]) -> Form:
    return _Making(asking, typed, faults).form()


class _Making:
    def __init__(self, asking: Asking, typed: Typed | None, faults: Sequence[Fault]) -> None:
        self.asking, self.language, self.act = asking, asking.language, asking.act
        self.fresh = typed is None
        self.typed: Typed = closed_up(typed or {})
        self.faults: dict[str, list[str]] = {}
        elsewhere = set[str]() if asking.only is None else {s.name for s in asked(asking.act)} - asking.only
        for fault in faults:
            if fault["path"].partition(".")[0] in elsewhere:
                continue  # told on the page that asks for it
            self.faults.setdefault(fault["path"], []).append(fault["message"])

    def form(self) -> Form:
        shapes = asked(self.act, self.asking.only)
        shapes = (*(s for s in shapes if s.name not in LAST), *(s for name in LAST for s in shapes if s.name == name))
        if self.act == "correct":
            fields = self._correction(shapes)
        else:
            fields = tuple(self._field(shape, shape.name, shape.name) for shape in shapes)
        form = Form(self.act, fields, typed=self.typed, asking=self.asking)
        return replace(form, errors=(*self._at_no_field(form), *_summary(fields, ())))

    def _at_no_field(self, form: Form) -> list[tuple[str, str]]:
        first = next((each.target for each in form.fields if each.kind != "hidden"), "")
        return [(first, told(self.language, each)) for messages in self.faults.values() for each in messages]

    # One field

    def _field(
        self,
        shape: Shape,
        name: str,
        where: str | None,
        *,
        model: type[BaseModel] | None = None,
        called: str | None = None,
    ) -> Field:
        """The field for a shape. ``where`` is its path in the JSON; None in a row that says nothing and is not sent."""
        plain = Field(
            name=name,
            kind="text",
            label=called or label(self.language, self.act, shape.path, model, by=self.asking.by),
            hint=None if called else self._hint(shape, model),
            required=shape.required,
        )
        match shape.sort:
            case "group":
                made = self._group(plain, shape, where)
            case "rows":
                made = self._rows(plain, shape, where)
            case _:
                made = self._single(plain, shape)
        return replace(made, error=self._error(where, made.kind))

    def _single(self, plain: Field, shape: Shape) -> Field:
        name = plain.name
        match shape.sort:
            case "day":
                return replace(plain, kind="date", value=self._parts(name, "day", "month", "year"))
            case "moment":
                return replace(plain, kind="datetime", value=self._parts(name, "day", "month", "year", "time"))
            case "choices":
                found = self._options(shape)
                return replace(plain, kind="checkboxes", options=found, value=tuple(self.typed.get(name, ())))
            case _:
                typed = self._text(name)
                found = self._options(shape)
                if not found and shape.sort not in ("choice", "truth"):
                    return self._written(plain, shape)
                return replace(plain, **_how(shape, found, typed, self.language, self.act), value=typed)

    def _written(self, plain: Field, shape: Shape) -> Field:
        kind: Kind = "number" if shape.sort == "whole" else "textarea" if shape.path in LONG else "text"
        return replace(plain, kind=kind, value=self._text(plain.name) or self._ready(shape))

    def _ready(self, shape: Shape) -> str:
        """What stands ready where nothing was typed yet."""
        return ready(self.act, shape.path, self.asking.case) if self.fresh and self.asking.case else ""

    def _text(self, name: str) -> str:
        return next(iter(self.typed.get(name, ())), "")

    def _parts(self, name: str, *parts: str) -> dict[str, str]:
        return {part: self._text(f"{name}.{part}") for part in parts}

    def _options(self, shape: Shape) -> tuple[Option, ...]:
        asking = self.asking
        return options(
            self.language,
            self.act,
            shape,
            case=asking.case,
            between=asking.between,
            entries=asking.entries,
            open=asking.choices.get(shape.path),
            closed=asking.closed_choices.get(shape.path, ()),
        )

    def _hint(self, shape: Shape, model: type[BaseModel] | None) -> str | None:
        hints = [hint(self.language, self.act, shape.path, model)]
        if shape.sort == "text" and shape.path in LONG and shape.least and shape.most:
            bounds = self.language.gettext(N_("From {least} to {most} characters."))
            number = self.language.number
            hints.append(bounds.format(least=number(shape.least), most=number(shape.most)))
        if self.asking.case:
            hints.append(of_case(self.language, self.act, shape.path, self.asking.case))
        return " ".join(each for each in hints if each) or None

    def _error(self, where: str | None, kind: Kind) -> str | None:
        messages = self.faults.pop(where, []) if where else []
        return " ".join(told(self.language, message, kind) for message in messages) or None

    # Fields that hold others

    def _group(self, plain: Field, shape: Shape, where: str | None) -> Field:
        parts = tuple(
            self._field(part, f"{plain.name}.{part.name}", where and f"{where}.{part.name}", model=shape.model)
            for part in shape.parts
        )
        if shape.model is Placement:
            seen = Field(
                name=f"{plain.name}.seen",
                kind="group",
                label=label(self.language, self.act, "placement.seen"),
                required=False,
                folded=True,
                fields=tuple(each for each in parts if not each.required),
            )
            parts = (*(each for each in parts if each.required), seen)
        return replace(plain, kind="group", fields=parts, folded=not shape.required)

    def _rows(self, plain: Field, shape: Shape, where: str | None) -> Field:
        each, (called, add) = shape.parts[0], ROWS[shape.name]
        names = rows(plain.name, self.typed)
        if not names and (self.fresh or shape.required):
            ready = BEGINS_WITH.get(shape.name, 1) if self.fresh else 1
            names = [f"{plain.name}.{number}" for number in range(ready)]
        fields: list[Field] = []
        sent = 0
        for number, name in enumerate(names, start=1):
            blank = is_blank(name, self.typed)
            row = None if blank or where is None else f"{where}.{sent}"
            sent += not blank
            legend = self.language.gettext(called).format(number=number)
            fields.append(self._field(each, name, row, called=legend))
        full = shape.most is not None and len(fields) >= shape.most
        return replace(
            plain,
            kind="repeated",
            fields=tuple(fields),
            folded=shape.name == "evidence" and not plain.name.startswith("fields."),
            add=None if full else self.language.gettext(add),
        )

    # A correction

    def _correction(self, shapes: tuple[Shape, ...]) -> tuple[Field, ...]:
        about = self.asking.mending
        named = {shape.name: shape for shape in shapes}
        entry, fields = named.pop("entry"), named.pop("fields")
        if about is None:
            return (self._field(entry, entry.name, entry.name),)
        inner = _Making(replace(self.asking, act=about.of, case=None), self.typed, ())
        inner.faults = self.faults
        if self.fresh:
            inner.typed = as_posted(about)
        questions = tuple(
            inner._field(replace(shape, required=True), f"fields.{path}", f"fields.{path}")
            for path, shape in mendable(about.of).items()
        )
        paths = [each.name.removeprefix("fields.") for each in questions]
        wrong = [path for path, each in zip(paths, questions, strict=True) if any(e.error for e in each.within())]
        ticked = dict.fromkeys((*self.typed.get(TICKED, ()), *wrong))
        mended = Field(
            name=TICKED,
            kind="mended",
            label=label(self.language, "correct", fields.path),
            options=tuple(Option(path, each.label) for path, each in zip(paths, questions, strict=True)),
            value=tuple(ticked),
            fields=questions,
            error=self._error(fields.path, "mended"),
        )
        hidden = (
            Field(name=OF, kind="hidden", label="", value=about.of),
            Field(
                name=entry.name,
                kind="hidden",
                label=label(self.language, "correct", entry.path),
                value=str(about.entry),
            ),
        )
        return (*hidden, mended, *(self._field(shape, name, name) for name, shape in named.items()))


def _how(shape: Shape, found: tuple[Option, ...], typed: str, language: Language, act: str) -> dict[str, Any]:
    """How a choice is shown, and what of. What was chosen and is no longer offered is kept."""
    if shape.sort == "truth":
        return {"kind": "yes_no_unknown" if shape.nullable else "yes_no", "options": found}
    if typed and typed not in {each.value for each in found}:
        found = (*found, Option(typed, chosen(language, act, shape, typed)))
    none = Option("", language.gettext(N_("No relative") if shape.name == "relative_id" else N_("Not given")))
    few = len(found) <= _SIDE_BY_SIDE or any(each.closed for each in found)
    if shape.sort not in ("state", "language") and few:
        return {"kind": "radios", "options": found if shape.required else (*found, none)}
    first = Option("", language.gettext(N_("Choose"))) if shape.required else none
    return {"kind": "select", "options": (first, *found)}


def _summary(fields: Iterable[Field], within: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Every error with the id that it leads to."""
    for each in fields:
        if each.error:
            yield each.target, f"{', '.join((*within, each.label))}: {each.error}"
        yield from _summary(each.fields, standing_in(each, within))


def standing_in(field: Field, within: tuple[str, ...]) -> tuple[str, ...]:
    """What must be said of where a question in this field stands: which row, and which group of several alike."""
    if field.kind != "group" or field.name.endswith(".seen") or "." not in field.name:
        return within
    return (*within, field.label)
