"""A file of acts: one JSON object, a JSON array of them, or one a line."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import pydantic_core

from procedure.faults import Fault, MalformedAct
from starter.json_values import is_list

MOST_BYTES: Final = 512 * 1024
"""In a file of acts, and of an intake: hundreds of usual acts, eight of the longest."""
MOST_ACTS: Final = 5_000
"""In a file. A case's whole life has some hundred; but so many bytes hold a quarter of a million of what is no act, and
to tell of each would take more memory than a command may."""


@dataclass(frozen=True)
class GivenActs:
    """The acts of a file in their order. ``many`` is false when the file is one act and no list."""

    acts: list[Any]
    many: bool

    def at(self, n: int, faults: Iterable[Fault]) -> list[Fault]:
        """Faults of act number ``n`` (from 1), each path told with the act it belongs to."""
        if not self.many:
            return list(faults)
        return [Fault(path=f"act {n}: {fault['path']}", message=fault["message"]) for fault in faults]


def read_acts(text: str) -> GivenActs:
    """The acts in a file's text.

    Raises :class:`procedure.faults.MalformedAct` when it is not JSON at all, or has more than :data:`MOST_ACTS`.
    """
    try:
        whole = pydantic_core.from_json(text)
    except ValueError as error:
        lines = [(n, line) for n, line in enumerate(text.split("\n"), start=1) if line.strip()]
        if len(lines) < 2:
            raise MalformedAct([Fault(path="$", message=f"is not JSON: {error}")]) from None
        return GivenActs(_a_line_each(lines), many=True)
    if is_list(whole):
        if not whole:
            raise MalformedAct([Fault(path="$", message="is an empty list; there is no act in it")])
        _count(len(whole))
        return GivenActs(whole, many=True)
    return GivenActs([whole], many=False)


def _a_line_each(lines: list[tuple[int, str]]) -> list[Any]:
    acts: list[Any] = []
    faults: list[Fault] = []
    _count(len(lines))
    for n, line in lines:
        try:
            acts.append(pydantic_core.from_json(line))
        except ValueError as error:
            faults.append(Fault(path=f"line {n}", message=f"is not JSON: {error}"))
    if len(faults) == len(lines) or not acts:
        # Not acts a line each, then, but one document with a fault in it.
        raise MalformedAct([Fault(path="$", message="is neither a JSON act, nor a JSON array, nor one act a line")])
    if faults:
        raise MalformedAct(faults)
    return acts


def _count(acts: int) -> None:
    if acts > MOST_ACTS:
        said = f"has {acts:,} acts; {MOST_ACTS:,} are read at once. Acts may come in several files"
        raise MalformedAct([Fault(path="$", message=said)])
