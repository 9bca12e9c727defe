"""Pictures of a case over time and of many cases: plain SVG for screens and paper.

No script, no style sheet, nothing fetched; the same figures give the same bytes. What a colour says is also said by
a row's name, so that a picture printed in black is read as well.
"""

import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from casefile.deadline_figures import DeadlineFigure, deadline_figures
from casefile.foresight import Foresight, Office
from casefile.statistics import OUTCOMES, Statistics, Stretch, detentions, holds, spread, stages
from procedure.entries import Entry
from procedure.vocabulary import STAGES

Say = Callable[[str, str], str]
"""The word for a name of a kind: ``say("stage", "travel")``. Kinds: stage, hold, deadline, outcome, role, safeguard."""
Gettext = Callable[[str], str]

WIDTH: Final = 720
"""Units across. On paper 180 mm wide, a unit is a quarter of a millimetre, and the smallest letters 2.5 mm."""

_STAGE: Final = "#2c5f8a"
_HOLD: Final = "#b26a00"
_DETENTION: Final = "#b3261e"
_OVERDUE: Final = "#6b4a9e"
_LATER: Final = "#8a8a8a"


def english(kind: str, name: str) -> str:
    """The contract's own word, readable."""
    return name.replace("_", " ")


def plain_number(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


# A case over time


@dataclass(frozen=True, slots=True)
class _Bar:
    x: float
    width: float
    colour: str
    tip: str


@dataclass(frozen=True, slots=True)
class _Mark:
    x: float
    count: int
    tip: str


@dataclass(slots=True)
class _Row:
    """One line of the picture: its name in lines of text, a note beside it, and what lies on it."""

    name: list[str]
    note: str = ""
    bars: list[_Bar] = field(default_factory=list[_Bar])
    marks: list[_Mark] = field(default_factory=list[_Mark])
    heading: bool = False
    """A name for the rows below it, or for this row alone where something lies on it."""
    y: float = 0

    @property
    def above(self) -> float:
        """Room above the name, so that what belongs together stands together."""
        return 10 if self.heading else 4

    @property
    def height(self) -> float:
        return self.above + 4 + 13 * len(self.name)


@dataclass(frozen=True, slots=True)
class _Tick:
    x: float
    lines: list[str]
    anchor: str


_LEFT: Final = 222
"""Where time begins; left of it stand the names."""
_RIGHT: Final = WIDTH - 14
_NAME: Final = 27
"""Letters of a name in one line."""


class _Axis:
    """Moments as places across the picture."""

    def __init__(self, first: datetime, last: datetime) -> None:
        self.first, self.newest = first, last
        # A case of one moment still has an hour about it.
        self.last = max(last, first + timedelta(hours=1))
        self._span = (self.last - self.first).total_seconds()

    def x(self, at: datetime) -> float:
        share = (at - self.first).total_seconds() / self._span
        return _LEFT + min(max(share, 0), 1) * (_RIGHT - _LEFT)

    def bar(self, since: datetime, until: datetime | None, colour: str, tip: str) -> _Bar:
        """A bar that is still seen where it lasted no time to speak of."""
        x, end = self.x(since), self.x(until or self.newest)
        width = max(end - x, 3)
        return _Bar(min(x, _RIGHT - width), width, colour, tip)

    def ticks(self) -> Iterator[_Tick]:
        """Round moments along the axis, as many as there is room for."""
        moments = _round_moments(self.first, self.last)
        day = ""
        for at in moments:
            lines = [f"{at:%Y-%m-%d}"]
            if any(each.hour or each.minute for each in moments):
                day, shown = lines[0], day
                lines = [f"{at:%H:%M}", *([] if day == shown else lines)]
            x = self.x(at)
            yield _Tick(x, lines, "end" if x > _RIGHT - 24 else "middle")


_MOST_TICKS: Final = 6
_STEPS: Final = tuple(
    timedelta(minutes=minutes) for minutes in (10, 20, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080, 20160)
)
_MONTHS: Final = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200)


def _round_moments(first: datetime, last: datetime) -> list[datetime]:
    monday = datetime(2000, 1, 3, tzinfo=UTC)
    for step in _STEPS:
        begin = monday - ((monday - first) // step) * step
        found = [begin + n * step for n in range(_MOST_TICKS + 2) if first <= begin + n * step <= last]
        if len(found) <= _MOST_TICKS and begin + (_MOST_TICKS + 1) * step > last:
            return found
    for months in _MONTHS:
        begin = first.year * 12 // months * months
        found = [each for n in range(begin, last.year * 12 + 12, months) if first <= (each := _month(n)) <= last]
        if len(found) <= _MOST_TICKS:
            return found
    return []


def _month(n: int) -> datetime:
    return datetime(n // 12, n % 12 + 1, 1, tzinfo=UTC)


def timeline(entries: Iterable[Entry], *, say: Say = english, _: Gettext = str, picture_id: str = "timeline") -> str:
    """One case over time as SVG: stages, holds, detentions, overdue deadlines and refusals. From headers alone.

    Entries may be missing: what they say is then missing from the picture, and the picture says so.
    ``picture_id`` is the beginning of its ids, for a page with several.
    """
    record = list(entries)
    if not record:
        return _drawn(
            "timeline.svg.j2", id=picture_id, title=_("The case over time"), desc=_("No entry is shown."), rows=()
        )
    axis = _Axis(record[0].at, record[-1].at)
    figures = [figure for figure in deadline_figures(record) if figure.missed]
    refused = [entry for entry in record if entry.kind == "refused"]
    spells = list(detentions(record))
    rows = [
        *_stage_rows(record, axis, say, _),
        *_spell_rows(_("Holds"), holds(record), axis, say, _),
        *_detention_rows(spells, axis, say, _),
        *_overdue_rows(figures, axis, say, _),
        *_refusal_rows(refused, axis, say, _),
    ]
    y = 16.0
    for row in rows:
        row.y, y = y, y + row.height
    closed = next((entry for entry in record if entry.kind == "closed"), None)
    ticks = list(axis.ticks())
    height = y + 10 + 12 * max((len(tick.lines) for tick in ticks), default=0)
    gaps = any(entry.n != n for n, entry in enumerate(record, start=1))
    return _drawn(
        "timeline.svg.j2",
        id=picture_id,
        title=_("The case over time"),
        desc=_(
            "From {since} to {until} (UTC). Refused acts: {refused}. Detentions: {detentions}. Deadlines missed: {missed}."
        ).format(
            since=_day(record[0].at),
            until=_day(record[-1].at),
            refused=len(refused),
            detentions=len(spells),
            missed=len(figures),
        ),
        rows=rows,
        bottom=y,
        height=height + 18 * gaps,
        ticks=ticks,
        bands=[axis.bar(spell.since, spell.until, "", "") for spell in spells],
        end=axis.x(closed.at if closed else record[-1].at),
        ended=(
            _("Closed: {outcome}").format(outcome=say("outcome", closed.facts.get("outcome", "")))
            if closed
            else _("Still open")
        ),
        note=_("Some entries are not shown to the reader; what they say is missing here.") if gaps else "",
    )


def _day(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d}"


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"


def _name(text: str, letters: int = _NAME) -> list[str]:
    """A name over as many lines as it needs."""
    return textwrap.wrap(text[:1].upper() + text[1:], letters) or [""]


def _length(time: timedelta, _: Gettext) -> str:
    """A length of time, short: days, hours below two days, minutes below an hour."""
    hours = time.total_seconds() / 3600
    if hours >= 48:
        return _("{n} d").format(n=round(hours / 24))
    return _("{n} h").format(n=round(hours)) if hours >= 1 else _("{n} min").format(n=round(hours * 60))


def _tip(name: str, since: datetime, until: datetime | None) -> str:
    return f"{name}: {_moment(since)} – {_moment(until) if until else '…'}"


def _stage_rows(record: Sequence[Entry], axis: _Axis, say: Say, _: Gettext) -> Iterator[_Row]:
    stays = list(stages(record))
    yield _Row([_("Stages")], heading=True)
    for stage in STAGES:
        mine = [stay for stay in stays if stay.name == stage]
        # Mostly a case is closed as soon as it is settled.
        if mine and (stage != "closed" or sum(stay.seconds(axis.newest) for stay in mine) > 3600):
            yield _stretches(_stage(stage, say, _), mine, axis, _STAGE, _)


def _stage(stage: str, say: Say, _: Gettext) -> str:
    """The name of a stage. In the one that is called closed, somebody still has to close the case."""
    return _("settled, not yet closed") if stage == "closed" else say("stage", stage)


def _spell_rows(heading: str, spells: Iterable[Stretch], axis: _Axis, say: Say, _: Gettext) -> Iterator[_Row]:
    by_name: dict[str, list[Stretch]] = {}
    for spell in sorted(spells, key=lambda each: (each.since, each.begun_by)):
        by_name.setdefault(spell.name, []).append(spell)
    by_name.pop("detention", None)  # it has a row of its own
    if by_name:
        yield _Row([heading], heading=True)
    for name, mine in by_name.items():
        yield _stretches(say("hold", name), mine, axis, _HOLD, _)


def _detention_rows(spells: Sequence[Stretch], axis: _Axis, say: Say, _: Gettext) -> Iterator[_Row]:
    if spells:
        row = _stretches(say("hold", "detention"), spells, axis, _DETENTION, _)
        row.heading = True
        yield row


def _stretches(name: str, spells: Sequence[Stretch], axis: _Axis, colour: str, _: Gettext) -> _Row:
    lasted = timedelta(seconds=sum(spell.seconds(axis.newest) for spell in spells))
    bars = [axis.bar(spell.since, spell.until, colour, _tip(name, spell.since, spell.until)) for spell in spells]
    return _Row(_name(name), _length(lasted, _), bars)


def _overdue_rows(figures: Sequence[DeadlineFigure], axis: _Axis, say: Say, _: Gettext) -> Iterator[_Row]:
    by_name: dict[str, list[DeadlineFigure]] = {}
    for figure in sorted(figures, key=lambda each: (each.due, each.set_by)):
        by_name.setdefault(figure.name, []).append(figure)
    if by_name:
        yield _Row([_("Overdue deadlines")], heading=True)
    for name, mine in by_name.items():
        said = say("deadline", name)
        late = sum((figure.late or timedelta() for figure in mine), timedelta())
        bars = [
            axis.bar(figure.due, ended, _OVERDUE, _tip(said, figure.due, ended))
            for figure in mine
            for ended in [figure.met_at or figure.dropped_at]
        ]
        yield _Row(_name(said), _length(late, _), bars)


_APART: Final = 9.0
"""How near to each other refusals are drawn as one mark with their number."""


def _refusal_rows(refused: Sequence[Entry], axis: _Axis, say: Say, _: Gettext) -> Iterator[_Row]:
    cells: dict[int, list[Entry]] = {}
    for entry in refused:
        cells.setdefault(int(axis.x(entry.at) / _APART), []).append(entry)
    if not cells:
        return
    marks: list[_Mark] = []
    for mine in cells.values():
        names = dict.fromkeys(say("safeguard", name) for entry in mine for name in entry.safeguards)
        x = sum(axis.x(entry.at) for entry in mine) / len(mine)
        marks.append(_Mark(x, len(mine), f"{_moment(mine[0].at)}: {', '.join(names)}"))
    yield _Row(_name(_("refused acts")), str(len(refused)), marks=marks, heading=True)


# Many cases


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of a panel. ``bar`` runs from 0, ``box`` from quartile to quartile; all in the panel's unit."""

    name: list[str]
    value: str
    bar: float | None = None
    whole: float | None = None
    """What the bar is a part of, drawn as an outline."""
    box: tuple[float, float, float, float] | None = None
    """Lower quartile, median, upper quartile, longest."""
    colour: str = _STAGE

    @property
    def values(self) -> list[str]:
        """The value over as many lines as it needs."""
        return textwrap.wrap(self.value, 33) or [""]

    @property
    def height(self) -> float:
        return 10 + 13 * max(len(self.name), len(self.values))


@dataclass(frozen=True, slots=True)
class _Panel:
    title: str
    note: str
    lines: list[_Line]
    most: float
    ticks: list[tuple[float, str]]


_MOST_OFFICES: Final = 15
_LONG_NAME: Final = 34
"""Letters of a name in one line where nothing stands beside it."""


def statistics_pictures(
    found: Statistics,
    *,
    say: Say = english,
    _: Gettext = str,
    state: Callable[[str], str] = str,
    number: Callable[[float], str] = plain_number,
) -> dict[str, str]:
    """The statistics as SVG, a picture a question, by name.

    ``state`` gives a state's name from its code, ``number`` writes a number.
    """
    panels = _panels(found, say, _, state, number)
    return {name: _picture(name, panel.title, [panel], _) for name, panel in panels.items()}


def statistics_picture(
    found: Statistics,
    *,
    say: Say = english,
    _: Gettext = str,
    state: Callable[[str], str] = str,
    number: Callable[[float], str] = plain_number,
) -> str:
    """All of :func:`statistics_pictures` in one SVG, one below the other."""
    panels = _panels(found, say, _, state, number)
    title = _("Cases: {cases}, of these closed: {closed}").format(cases=found.cases, closed=found.closed)
    return _picture("statistics", title, list(panels.values()), _)


def _panels(
    found: Statistics, say: Say, _: Gettext, state: Callable[[str], str], number: Callable[[float], str]
) -> dict[str, _Panel]:
    return {
        "time_in_stages": _time_in_stages(found, say, _, number),
        "deadlines_by_office": _deadlines_by_office(found, say, _, state, number),
        "refusals_by_safeguard": _refusals_by_safeguard(found, say, _),
        "hours_to_release": _hours_to_release(found, _, number),
        "endings": _endings(found, say, _),
    }


# Invented cases, under one agreement or under two side by side

_LETTERS: Final = "AB"
_MOST_FIRST: Final = 12


def foresight_picture(
    found: Sequence[Foresight],
    *,
    say: Say = english,
    _: Gettext = str,
    number: Callable[[float], str] = plain_number,
) -> str:
    """What came of invented cases, as one SVG: under one agreement, or under two, A and B, line by line.

    Raises ValueError for none, or for more than two.
    """
    if not 1 <= len(found) <= len(_LETTERS):
        raise ValueError("one or two agreements are drawn")
    title = _("Arithmetic on invented cases: {cases} of {days} days each").format(
        cases=number(found[0].cases), days=number(found[0].days)
    )
    panels = [
        _foreseen_stages(found, say, _, number),
        _foreseen_waits(found, say, _, number),
        _foreseen_first_missed(found, say, _, number),
        _foreseen_endings(found, say, _, number),
        _foreseen_refusals(found, say, _, number),
    ]
    return _picture("foresight", title, panels, _)


def _each_of(found: Sequence[Foresight], name: str, line: Callable[[Foresight, list[str], str], _Line]) -> list[_Line]:
    """A line for each agreement, its letter before the name where there are two."""
    return [
        line(each, _name(f"{letter} · {name}" if len(found) > 1 else name, _LONG_NAME), colour)
        for letter, each, colour in zip(_LETTERS, found, (_STAGE, _HOLD), strict=False)
    ]


def _legend(found: Sequence[Foresight], note: str, _: Gettext) -> str:
    names = [
        _("{agreement}, version {version}, {host}-{origin}; delays: {delays}").format(
            agreement=each.agreement,
            version=each.version,
            host=each.states[0],
            origin=each.states[1],
            delays=each.delays,
        )
        for each in found
    ]
    if len(found) > 1:
        names = [f"{letter}: {name}" for letter, name in zip(_LETTERS, names, strict=False)]
    return f"{note} {'. '.join(names)}."


def _office_of(role: str, side: str, say: Say, _: Gettext) -> str:
    of = _("{office}, host state") if side == "host" else _("{office}, origin state")
    return of.format(office=say("role", role))


def _foreseen_stages(found: Sequence[Foresight], say: Say, _: Gettext, number: Callable[[float], str]) -> _Panel:
    times = [each.days_in_stages() for each in found]

    def line_of(stage: str) -> Callable[[Foresight, list[str], str], _Line]:
        def line(each: Foresight, name: list[str], colour: str) -> _Line:
            days = each.days_in_stages().get(stage)
            if days is None:
                return _Line(name, _("none"), bar=0, colour=colour)
            return _Line(
                name,
                _("median {median}, nine in ten {most}").format(
                    median=_length(timedelta(days=days.median), _), most=_length(timedelta(days=days.nine_in_ten), _)
                ),
                box=(days.lower, days.median, days.nine_in_ten, days.longest),
                colour=colour,
            )

        return line

    lines = [
        line
        for stage in STAGES
        if any(stage in each for each in times)
        for line in _each_of(found, _stage(stage, say, _), line_of(stage))
    ]
    note = _(
        "Days. The box goes from a quarter of the cases to nine in ten, the line in it is the median, "
        "the dot the longest."
    )
    most = max((days.longest for each in times for days in each.values()), default=0)
    return _panel(_("Time in each stage"), _legend(found, note, _), lines, most, number)


def _foreseen_waits(found: Sequence[Foresight], say: Say, _: Gettext, number: Callable[[float], str]) -> _Panel:
    every = sorted(
        {office for each in found for office in each.waits},
        key=lambda office: (-max(each.mean_days_waited(office) for each in found), office),
    )
    offices, more = every[:_MOST_OFFICES], every[_MOST_OFFICES:]

    def line_of(office: Office) -> Callable[[Foresight, list[str], str], _Line]:
        def line(each: Foresight, name: list[str], colour: str) -> _Line:
            days = each.mean_days_waited(office)
            value = _("{n} d").format(n=number(_rounded(days)))
            if owed := each.owed[office]:
                value += ", " + _("{missed} of {owed} late").format(missed=each.missed[office], owed=owed)
            return _Line(name, value, bar=days, colour=colour)

        return line

    lines = [line for office in offices for line in _each_of(found, _office_of(*office, say, _), line_of(office))]
    note = _(
        "Days on which the office owed something and had not done it yet, on average over all cases; deadlines missed."
    )
    if more:
        note += " " + _("Further offices, for which cases waited no longer than for these: {n}.").format(n=len(more))
    most = max((each.mean_days_waited(office) for each in found for office in offices), default=0)
    return _panel(_("Waiting for an office"), _legend(found, note, _), lines, most, number)


def _foreseen_first_missed(found: Sequence[Foresight], say: Say, _: Gettext, number: Callable[[float], str]) -> _Panel:
    keys = {missed for each in found for missed in each.first_missed}
    order = sorted(keys, key=lambda missed: (-max(each.share(each.first_missed[missed]) for each in found), missed))

    def line_of(count: Callable[[Foresight], int]) -> Callable[[Foresight, list[str], str], _Line]:
        def line(each: Foresight, name: list[str], colour: str) -> _Line:
            share = 100 * each.share(count(each))
            return _Line(name, _("{share} %").format(share=number(_rounded(share))), bar=share, colour=colour)

        return line

    lines: list[_Line] = []
    for missed in order[:_MOST_FIRST]:
        name = f"{say('deadline', missed.deadline)}: {_office_of(missed.role, missed.side, say, _)}"
        lines += _each_of(found, name, line_of(lambda each, missed=missed: each.first_missed[missed]))
    if rest := order[_MOST_FIRST:]:
        others = line_of(lambda each: sum(each.first_missed[missed] for missed in rest))
        lines += _each_of(found, _("other deadlines"), others)
    lines += _each_of(found, _("no deadline missed"), line_of(lambda each: each.none_missed))
    note = _("Of a hundred cases, by the deadline that passed first and the office that owed it.")
    most = max(line.bar or 0 for line in lines)
    return _panel(_("The deadline missed first"), _legend(found, note, _), lines, most, number)


def _foreseen_endings(found: Sequence[Foresight], say: Say, _: Gettext, number: Callable[[float], str]) -> _Panel:
    def line_of(outcome: str) -> Callable[[Foresight, list[str], str], _Line]:
        def line(each: Foresight, name: list[str], colour: str) -> _Line:
            share, value = 100 * each.share(each.statistics.endings[outcome]), ""
            if days := each.days_to_an_ending()[outcome]:
                value = ", " + _("median {median}, nine in ten {most}").format(
                    median=_length(timedelta(days=days.median), _), most=_length(timedelta(days=days.nine_in_ten), _)
                )
            said = _("{share} %").format(share=number(_rounded(share)))
            return _Line(name, said + value, bar=share, colour=colour)

        return line

    def still(each: Foresight, name: list[str], colour: str) -> _Line:
        share = 100 * each.share(each.cases - each.statistics.closed)
        return _Line(name, _("{share} %").format(share=number(_rounded(share))), bar=share, colour=_LATER)

    lines = [line for outcome in OUTCOMES for line in _each_of(found, say("outcome", outcome), line_of(outcome))]
    lines += _each_of(found, _("still open"), still)
    note = _("Of a hundred cases; days from the opening to the closing. Return is one ending among equals.")
    if short := [letter for letter, each in zip(_LETTERS, found, strict=False) if each.too_short_for_a_return]:
        of = f"{', '.join(short)}: " if len(found) > 1 else ""
        note += f" {of}" + _("No return is closed within so few days: the child is visited longer.")
    most = max(line.bar or 0 for line in lines)
    return _panel(_("Endings, side by side"), _legend(found, note, _), lines, most, number)


def _foreseen_refusals(found: Sequence[Foresight], say: Say, _: Gettext, number: Callable[[float], str]) -> _Panel:
    names = dict.fromkeys(name for each in found for name in each.statistics.refusals_by_safeguard())

    def line_of(safeguard: str) -> Callable[[Foresight, list[str], str], _Line]:
        def line(each: Foresight, name: list[str], colour: str) -> _Line:
            count = each.statistics.refusals[safeguard]
            return _Line(name, number(count), bar=count, colour=colour)

        return line

    lines = [line for name in names for line in _each_of(found, say("safeguard", name), line_of(name))]
    note = _("Acts refused, by each safeguard that refused them.")
    most = max((line.bar or 0 for line in lines), default=0)
    return _panel(_("Refusals, by safeguard"), _legend(found, note, _), lines, most, number)


def _rounded(value: float) -> float:
    """As exact as a reader of a picture needs it."""
    return round(value) if value >= 10 else round(value, 1)


def _time_in_stages(found: Statistics, say: Say, _: Gettext, number: Callable[[float], str]) -> _Panel:
    times = found.time_in_stages()
    lines = [
        _Line(
            _name(_stage(stage, say, _), _LONG_NAME),
            _("median {median}, longest {longest}").format(
                median=_length(timedelta(days=days.median), _), longest=_length(timedelta(days=days.longest), _)
            ),
            box=(days.lower, days.median, days.upper, days.longest),
        )
        for stage, days in times.items()
    ]
    note = _("Days. The box holds the middle half of the cases, the line in it is the median, the dot the longest.")
    return _panel(_("Time in each stage"), note, lines, max((d.longest for d in times.values()), default=0), number)


def _deadlines_by_office(
    found: Statistics, say: Say, _: Gettext, state: Callable[[str], str], number: Callable[[float], str]
) -> _Panel:
    offices = found.by_office()
    lines: list[_Line] = []
    for office in offices[:_MOST_OFFICES]:
        value = _("{missed} of {owed}").format(missed=office.missed, owed=office.owed)
        if late := spread(office.late_hours):
            value += ", " + _("median {late} late").format(late=_length(timedelta(hours=late.median), _))
        name = say("role", office.role) + (f", {state(office.state)}" if office.state else "")
        lines.append(_Line(_name(name, _LONG_NAME), value, bar=office.missed, whole=office.owed, colour=_OVERDUE))
    note = _("Deadlines missed, of all that the office owed (outline).")
    if len(offices) > _MOST_OFFICES:
        note += " " + _("Further offices, which missed no more than these: {n}.").format(n=len(offices) - _MOST_OFFICES)
    most = max((office.owed for office in offices[:_MOST_OFFICES]), default=0)
    return _panel(_("Deadlines missed, by office"), note, lines, most, number)


def _refusals_by_safeguard(found: Statistics, say: Say, _: Gettext) -> _Panel:
    counts = found.refusals_by_safeguard()
    lines = [_Line(_name(say("safeguard", name), _LONG_NAME), str(n), bar=n) for name, n in counts.items()]
    note = _("Acts refused, by each safeguard that refused them.")
    return _panel(_("Refusals, by safeguard"), note, lines, max(counts.values(), default=0), plain_number)


def _hours_to_release(found: Statistics, _: Gettext, number: Callable[[float], str]) -> _Panel:
    within = found.released_within()
    counts = {
        _("within 24 hours"): within["24_hours"],
        _("within 3 days"): within["3_days"],
        _("within 7 days"): within["7_days"],
        _("later"): within["longer"],
        _("not yet"): found.still_detained,
    }
    lines = [_Line(_name(name, _LONG_NAME), str(n), bar=n, colour=_DETENTION) for name, n in counts.items()]
    if not sum(counts.values()):
        lines = []
    note = _("Detentions reported: {n}.").format(n=sum(counts.values()))
    if hours := spread(found.release_hours):
        note += " " + _("Hours to release: median {median}, longest {longest}.").format(
            median=number(_rounded(hours.median)), longest=number(_rounded(hours.longest))
        )
    return _panel(_("Released from detention"), note, lines, max(counts.values(), default=0), plain_number)


def _endings(found: Statistics, say: Say, _: Gettext) -> _Panel:
    counts = {say("outcome", outcome): found.endings[outcome] for outcome in OUTCOMES}
    lines = [_Line(_name(name, _LONG_NAME), str(n), bar=n) for name, n in counts.items()]
    still = found.cases - found.closed
    lines.append(_Line(_name(_("still open"), _LONG_NAME), str(still), bar=still, colour=_LATER))
    note = _("Return is one ending among equals.")
    return _panel(_("Endings, side by side"), note, lines, max((*counts.values(), still)), plain_number)


def _panel(title: str, note: str, lines: list[_Line], most: float, number: Callable[[float], str]) -> _Panel:
    """A panel whose axis ends at a round number. Counts have no ticks between whole numbers."""
    step = 1.0
    while most > 5 * step:
        # 1, 2, 5, 10, 20, 50 ...
        step *= 2.5 if f"{step:.0f}".startswith("2") else 2
    end = max(step, -(-most // step) * step)
    ticks = [(n * step, number(n * step)) for n in range(round(end / step) + 1)]
    return _Panel(title, note, lines, end, ticks)


# Drawing

_BAR_RIGHT: Final = 510


def _picture(name: str, title: str, panels: Sequence[_Panel], _: Gettext) -> str:
    drawn: list[dict[str, Any]] = []
    y = 10.0 if len(panels) == 1 else 34.0
    for panel in panels:
        rows: list[dict[str, Any]] = []
        top = y
        y += 44 + 13 * (len(_note(panel.note)) - 1)
        for line in panel.lines:
            rows.append({"line": line, "y": y})
            y += line.height
        drawn.append({"panel": panel, "note": _note(panel.note), "y": top, "rows": rows, "bottom": y})
        y += 46 if panel.lines else 30
    desc = " ".join(f"{panel.title}: {_in_words(panel) or _('none')}." for panel in panels)
    return _drawn(
        "statistics.svg.j2",
        id=name,
        title=title,
        desc=desc,
        heading=title if len(panels) > 1 else "",
        panels=drawn,
        height=y,
        nothing=_("none"),
        x=_along,
    )


def _along(value: float, most: float) -> float:
    return _LEFT + (_BAR_RIGHT - _LEFT) * value / most


def _note(text: str) -> list[str]:
    return textwrap.wrap(text, 120) or [""]


def _in_words(panel: _Panel) -> str:
    return "; ".join(f"{' '.join(line.name)} {line.value}" for line in panel.lines)


@lru_cache
def _templates() -> Environment:
    found = Environment(
        loader=PackageLoader("casefile"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters["n"] = plain_number
    return found


def _drawn(template: str, **what: Any) -> str:
    return _templates().get_template(template).render(what, width=WIDTH, left=_LEFT, right=_RIGHT)
