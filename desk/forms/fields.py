"""A form as data: fields with their labels, choices, what was typed and what is wrong with it. Templates draw it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from desk.forms.typed import Typed

Kind = Literal[
    "text",
    "textarea",
    "number",
    "select",
    "radios",
    "yes_no",
    "yes_no_unknown",
    "checkboxes",
    "date",
    "datetime",
    "group",
    "repeated",
    "mended",
    "hidden",
]


@dataclass(frozen=True, slots=True)
class Option:
    """One answer that can be chosen. A closed one is shown with the reason (its ``hint``) and cannot be chosen."""

    value: str
    label: str
    hint: str | None = None
    closed: bool = False
    lang: str | None = None
    """Of what language the label is, where it is not that of the page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One question.

    ``fields`` are the questions of a group, the rows of a list (a row is a group, or the one question that it holds),
    or of a correction one question for each of its ``options``. What was typed is no part of its ``repr``.
    """

    name: str
    """In HTML: dotted, with the numbers of rows: ``panel.0.discipline``."""
    kind: Kind
    label: str
    hint: str | None = None
    options: tuple[Option, ...] = ()
    required: bool = True
    value: str | tuple[str, ...] | Mapping[str, str] = field(default="", repr=False)
    """A text; of boxes the texts that are ticked; of a date its parts ``day``, ``month``, ``year`` and ``time``."""
    error: str | None = None
    fields: tuple["Field", ...] = ()
    folded: bool = False
    """Whether it is folded away until it is wanted."""
    add: str | None = None
    """Of a list what the button for another row says; None where it is full."""

    @property
    def id(self) -> str:
        return self.name.replace(".", "-")

    @property
    def target(self) -> str:
        """The id of its first control, to which an error leads."""
        match self.kind:
            case "date" | "datetime":
                return f"{self.id}-day"
            case "repeated" if not self.fields:
                return f"{self.id}-add"
            case "group" | "repeated":
                return self.fields[0].target if self.fields else self.id
            case _:
                return self.id

    @property
    def open(self) -> bool:
        """Whether something stands in it, or is wrong with it: then it is not folded away."""
        return bool(self.error or self.said or any(each.open for each in self.fields))

    @property
    def said(self) -> bool:
        """Whether something was typed into it."""
        return any(self.value.values()) if isinstance(self.value, Mapping) else bool(self.value)

    @property
    def chosen(self) -> list[str]:
        """The labels of what is chosen of its options."""
        values = self.value if isinstance(self.value, tuple) else (self.value,)
        return [option.label for option in self.options if option.value in values]

    @property
    def shown(self) -> list[dict[str, Any]]:
        """The options as the govuk-frontend macros of radios and boxes ask for them."""
        values = self.value if isinstance(self.value, tuple) else (self.value,)
        return [
            {
                "value": option.value,
                "text": option.label,
                "hint": {"text": option.hint} if option.hint else None,
                "disabled": option.closed,
                "checked": option.value in values,
            }
            for option in self.options
        ]

    def within(self) -> Iterator["Field"]:
        """This field and every field in it."""
        yield self
        for each in self.fields:
            yield from each.within()


@dataclass(frozen=True, slots=True)
class Form:
    """The questions of an act, or of the intake, in one language."""

    act: str
    fields: tuple[Field, ...]
    errors: tuple[tuple[str, str], ...] = ()
    """All that is wrong, in the order of the page: the id of the control, and a sentence."""
    typed: Typed = field(default_factory=dict[str, list[str]], repr=False)
    asking: Any = field(default=None, repr=False)
    """Of what it was made: language, case, choices."""

    def __iter__(self) -> Iterator[Field]:
        """Every field, also those within groups and rows."""
        for each in self.fields:
            yield from each.within()

    def field(self, name: str) -> Field:
        """The field of that name. Raises KeyError where there is none."""
        for each in self:
            if each.name == name:
                return each
        raise KeyError(name)

    @property
    def carried(self) -> list[tuple[str, str]]:
        """What was typed into these fields, as names and values for hidden inputs of a next page."""
        names = [each.name for each in self.fields]
        return [
            (name, text)
            for name, texts in self.typed.items()
            if any(name == each or name.startswith(f"{each}.") for each in names) or name.startswith("fields.")
            for text in texts
        ]
