"""What each field of an act or of the intake may hold, read off the very model that judges it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, cast, get_args, get_origin

from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

from procedure.acts import ACTS, Digest, Language, State
from procedure.intake import Intake

INTAKE: Final = "opened"
"""What the intake is called where an act would be named, as in :mod:`casefile.terms`."""

Sort = Literal[
    "text",
    "state",
    "language",
    "digest",
    "whole",
    "choice",
    "choices",
    "truth",
    "day",
    "moment",
    "group",
    "rows",
    "any",
]


@dataclass(frozen=True, slots=True)
class Shape:
    """A field as its model has it. ``path`` is dotted and without the numbers of rows: ``panel.discipline``."""

    path: str
    sort: Sort
    required: bool = True
    nullable: bool = False
    words: tuple[str, ...] = ()
    """The contract's words that it may hold, where it is a choice or a list of choices."""
    parts: tuple["Shape", ...] = ()
    """The fields of a group; of rows the one shape that each row has."""
    model: type[BaseModel] | None = None
    """The model of a group."""
    least: int | None = None
    """Of a text its characters, of rows their number, of a whole number its value."""
    most: int | None = None

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]


def model_of(act: str) -> type[BaseModel]:
    """The model of an act, or of the intake. Raises KeyError for an act that there is not."""
    return Intake if act == INTAKE else ACTS[act]


@lru_cache
def shapes_of(act: str) -> tuple[Shape, ...]:
    """Every field of an act (or of the intake), in the order of its model. Raises KeyError for an unknown act."""
    return _parts(model_of(act), "")


def leaves(shapes: tuple[Shape, ...]) -> Iterator[Shape]:
    """The shapes of a form with groups opened up; rows stay whole."""
    for shape in shapes:
        if shape.sort == "group":
            yield from leaves(shape.parts)
        else:
            yield shape


def _parts(model: type[BaseModel], within: str) -> tuple[Shape, ...]:
    return tuple(
        replace(
            _shape(f"{within}{info.alias or name}", info.annotation, tuple(info.metadata)),
            required=info.is_required(),
        )
        for name, info in model.model_fields.items()
    )


def _shape(path: str, annotation: Any, metadata: tuple[Any, ...]) -> Shape:
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        inner, *further = args
        return _shape(path, inner, (*metadata, *_opened(further)))
    if origin in (Union, UnionType):
        (inner,) = (each for each in args if each is not NoneType)
        return replace(_shape(path, inner, metadata), nullable=True)
    if origin is Literal:
        return Shape(path, "choice", words=args)
    if origin is tuple:
        return _rows(path, args[0], metadata)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return Shape(path, "group", parts=_parts(annotation, f"{path}."), model=annotation)
    return _plain(path, annotation, metadata)


def _rows(path: str, of: Any, metadata: tuple[Any, ...]) -> Shape:
    each = _shape(path, of, ())
    least, most = _bounds(metadata)
    if each.sort == "choice":
        return Shape(path, "choices", words=each.words, least=least, most=most)
    return Shape(path, "rows", parts=(each,), least=least, most=most)


def _plain(path: str, annotation: Any, metadata: tuple[Any, ...]) -> Shape:
    least, most = _bounds(metadata)
    if annotation is bool:
        return Shape(path, "truth")
    if annotation is int:
        return Shape(path, "whole", least=least, most=most)
    if annotation is date:
        return Shape(path, "day")
    if annotation in (datetime, AwareDatetime):
        return Shape(path, "moment")
    if annotation is str:
        return Shape(path, _TEXTS.get(_pattern(metadata), "text"), least=least, most=most)
    if get_origin(annotation) is dict:
        return Shape(path, "any", least=least, most=most)
    raise TypeError(f"no form is known for the field {path}")


def _opened(metadata: list[Any]) -> tuple[Any, ...]:
    """The constraints of a type; ``Field(...)`` holds several."""
    return tuple(each for one in metadata for each in (one.metadata if isinstance(one, FieldInfo) else (one,)))


def _pattern(metadata: tuple[Any, ...]) -> str | None:
    return next((each.pattern for each in metadata if getattr(each, "pattern", None)), None)


def _bounds(metadata: tuple[Any, ...]) -> tuple[int | None, int | None]:
    def bound(*names: str) -> int | None:
        return next(
            (value for each in metadata for name in names if (value := getattr(each, name, None)) is not None), None
        )

    return bound("min_length", "ge"), bound("max_length", "le")


def _pattern_of(kind: Any) -> str | None:
    return _pattern(_opened(list(get_args(kind)[1:])))


_TEXTS: Final = cast(
    "Mapping[str | None, Sort]",
    {_pattern_of(State): "state", _pattern_of(Language): "language", _pattern_of(Digest): "digest"},
)
"""Texts of a form of their own, by the pattern that they follow."""
