"""The live picture of the procedure: every stage, all three endings alike, and where a case is.

SVG without script or style. Two drawings of the same: one for wide windows, one for narrow ones. Where the case is
stands there as a word, and the whole in words beside it.
"""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Literal

from markupsafe import Markup

from casefile.languages import Language, capitalised
from casefile.terms import N_
from desk.speaking import templates
from procedure.vocabulary import STAGES

Mark = Literal["behind", "here", "ahead", "other"]
"""Where a case is as seen from a stage: past it, in it, before it; or on another of the ways."""

_TRUNK: Final = ("identification", "guardianship", "family_tracing", "best_interests")
_WAYS: Final[dict[str, tuple[str, ...]]] = {
    "stay": ("other_solution",),
    "third_country": ("other_solution",),
    "return": ("decision", "travel", "reintegration"),
}
"""The stages after the fork, by the solution that leads there. The order says nothing of what is better."""
_ENDS: Final = {"stay": "stays", "third_country": "third_country", "return": "returned"}
"""The outcome that each way ends in."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where a case is. ``solution`` and ``outcome`` as in the case view."""

    stage: str
    solution: str | None = None
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class _Stop:
    """A stage, or an ending, on the picture."""

    text: str
    mark: Mark
    ending: bool = False


@dataclass(frozen=True, slots=True)
class _Box:
    stop: _Stop
    x: float
    y: float
    width: float
    height: float
    lines: list[str]

    @property
    def middle(self) -> float:
        return self.x + self.width / 2

    def baseline(self, number: int) -> float:
        """Where a line of its text stands."""
        return self.y + self.height / 2 + 5 + (number - (len(self.lines) - 1) / 2) * _LEADING


def picture(where: Where, language: Language, *, picture_id: str = "procedure") -> Markup:
    """The picture as HTML: both drawings, of which the style sheet shows the one that fits.

    ``picture_id`` is the beginning of its ids, for a page with several.
    """
    trunk, ways = _stops(where, language)
    made = templates(language.code).get_template("picture.svg.j2")
    words = in_words(where, language)
    return Markup(  # noqa: S704 - made by a template that escapes
        made.render(
            id=picture_id,
            desc=words,
            wide=_wide(trunk, ways),
            narrow=_narrow(trunk, ways),
        )
    )


def in_words(where: Where, language: Language) -> str:
    """The same in sentences."""
    say, term = language.gettext, language.term
    ends = language.listed([term("outcome", _ENDS[way]) for way in _WAYS])
    sentences = [
        say(N_("Every case goes through: {stages}.")).format(
            stages=language.listed([term("stage", stage) for stage in _TRUNK])
        ),
        say(N_("Then it goes one of three ways. They end so: {endings}.")).format(endings=ends),
    ]
    if where.outcome:
        sentences.append(say(N_("This case is closed: {outcome}.")).format(outcome=term("outcome", where.outcome)))
    elif where.stage == "closed":
        sentences.append(say(N_("Everything is done in this case; somebody still has to close it.")))
    else:
        sentences.append(say(N_("This case is in the stage “{stage}”.")).format(stage=term("stage", where.stage)))
    if where.solution in _WAYS and not where.outcome:
        sentences.append(
            say(N_("The solution found for the child: {solution}.")).format(solution=term("solution", where.solution))
        )
    return " ".join(sentences)


# What is drawn


def _stops(where: Where, language: Language) -> tuple[list[_Stop], dict[str, list[_Stop]]]:
    def stop(stage: str, mark: Mark) -> _Stop:
        return _Stop(capitalised(language.term("stage", stage)), mark)

    trunk = [stop(stage, mark) for stage, mark in _marked(_TRUNK, where)]
    ways: dict[str, list[_Stop]] = {}
    for way, stages in _WAYS.items():
        aside = _elsewhere(where)
        along: dict[str, Mark] = dict(_marked(stages, where)) if _goes(way, where) else dict.fromkeys(stages, aside)
        end = _Stop(capitalised(language.term("outcome", _ENDS[way])), _at_end(way, where), ending=True)
        ways[way] = [*(stop(stage, mark) for stage, mark in along.items()), end]
    return trunk, ways


def _goes(way: str, where: Where) -> bool:
    """Whether the case goes this way, as far as is known now."""
    if where.outcome:
        return where.outcome == _ENDS[way]
    return where.stage not in _TRUNK and where.solution == way


def _elsewhere(where: Where) -> Mark:
    return "ahead" if where.stage in _TRUNK and not where.outcome else "other"


def _at_end(way: str, where: Where) -> Mark:
    if not _goes(way, where):
        return _elsewhere(where)
    return "here" if where.stage == "closed" else "ahead"


def _marked(stages: Sequence[str], where: Where) -> Iterator[tuple[str, Mark]]:
    """Each stage with where the case is. A case that was closed early never was in what lay ahead of it."""
    early = where.outcome is not None and where.outcome not in _ENDS.values()
    now = STAGES.index(where.stage)  # pyright: ignore[reportArgumentType]
    for stage in stages:
        place = STAGES.index(stage)  # pyright: ignore[reportArgumentType]
        mark: Mark = "other" if early else "here" if place == now else "behind" if place < now else "ahead"
        yield stage, mark


# Drawn wide: from left to right

_WIDE: Final = 1192
_LETTERS: Final = 14
"""Letters of a line in a box."""
_LEADING: Final = 18.0
_COLUMN: Final = 150.0
_BOX: Final = (134.0, 66.0)


def _wide(trunk: list[_Stop], ways: dict[str, list[_Stop]]) -> dict[str, Any]:
    width, height = _BOX
    rows = [28.0 + 116 * number for number in range(len(ways))]
    middle = rows[1]
    boxes = [_box(stop, 2 + _COLUMN * n, middle) for n, stop in enumerate(trunk)]
    fork = boxes[-1].x + width + 10
    lines = [_line(one.x + width, one.y + height / 2, two.x) for one, two in pairwise(boxes)]
    lines.append(_line(boxes[-1].x + width, middle + height / 2, fork))
    lines.append(f"M{fork:g} {rows[0] + height / 2:g}V{rows[-1] + height / 2:g}")
    first, last = len(trunk), len(trunk) + max(len(way) for way in ways.values()) - 1
    for y, way in zip(rows, ways.values(), strict=True):
        columns = [first + (last - first) * n / (len(way) - 1) for n in range(len(way))]
        if len(way) == 2:
            columns[0] = (first + last - 1) / 2  # one stage in the middle of its way
        mine = [_box(stop, 2 + _COLUMN * column, y) for stop, column in zip(way, columns, strict=True)]
        lines.append(_line(fork, y + height / 2, mine[0].x))
        lines += [_line(one.x + width, y + height / 2, two.x) for one, two in pairwise(mine)]
        boxes += mine
    return {"width": _WIDE, "height": rows[-1] + height + 8, "boxes": boxes, "lines": lines}


def _box(stop: _Stop, x: float, y: float) -> _Box:
    width, height = _BOX
    return _Box(stop, x, y, width, height, _wrapped(stop.text))


def _line(x: float, y: float, to: float) -> str:
    return f"M{x:g} {y:g}H{to:g}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _LETTERS, break_on_hyphens=True, break_long_words=False) or [""]


# Drawn narrow: from top to bottom

_STEP: Final = 30.0
_NARROW: Final = 300
_LONG: Final = 28
"""Letters of a line beside a dot."""


def _narrow(trunk: list[_Stop], ways: dict[str, list[_Stop]]) -> dict[str, Any]:
    dots: list[_Box] = []
    lines: list[str] = []
    y = 16.0
    for stop in trunk:
        dots.append(_dot(stop, 14, y))
        y += dots[-1].height
    bottom = y
    for way in ways.values():
        y += 8
        bottom = y
        for stop in way:
            dots.append(_dot(stop, 34, y))
            y += dots[-1].height
        lines.append(f"M14 {bottom:g}H34V{dots[-1].y:g}")
    lines.insert(0, f"M14 16V{bottom:g}")
    return {"width": _NARROW, "height": y - 8, "dots": dots, "lines": lines}


def _dot(stop: _Stop, x: float, y: float) -> _Box:
    lines = textwrap.wrap(stop.text, _LONG, break_long_words=False)
    return _Box(stop, x, y, 0, _STEP + (len(lines) - 1) * _LEADING, lines)
