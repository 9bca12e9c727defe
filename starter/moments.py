"""Durations and relative moments, as scenarios and the command line write them.

A duration is ``90m``, ``12h``, ``3d``, ``2w``, ``1y``, several of these in a row (``1d12h``), or
ISO 8601 (``P3D``, ``PT12H``). A relative moment is ``@`` and signed durations: ``@+10d``, ``@-14y``,
``@-18y+30d``; ``@now`` is the moment itself. Months and years are counted on the calendar.
"""

import calendar
import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from starter.json_values import is_list, is_object

_UNITS: Final = {"y": "years", "mo": "months", "w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(mo|y|w|d|h|m|s)")
_SHORT: Final = re.compile(rf"(?:{_PART.pattern})+")
_ISO: Final = re.compile(
    r"P(?=.)(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+(?:\.\d+)?)W)?(?:(?P<days>\d+(?:\.\d+)?)D)?"
    r"(?:T(?=.)(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_SIGNED: Final = re.compile(r"([+-])([^+-]+)")

DATE_FIELDS: Final = frozenset({"date_of_birth", "on", "review_on", "until", "valid_until"})
"""Fields of an intake or an act that hold a date."""

TIME_FIELDS: Final = frozenset({"since", "departs", "arrives", "due", "met", "at"})
"""Fields of an intake, an act or a view that hold a date and a time."""


@dataclass(frozen=True)
class Span:
    """A length of time of which months and years have no fixed length."""

    months: int = 0
    rest: timedelta = timedelta()

    def after(self, start: datetime) -> datetime:
        """The moment this span after ``start``. Raises OverflowError beyond the calendar."""
        return _months_later(start, self.months) + self.rest

    def before(self, start: datetime) -> datetime:
        """The moment this span before ``start``. Raises OverflowError beyond the calendar."""
        return _months_later(start, -self.months) - self.rest


def read_duration(text: str) -> Span:
    """A duration as written. Raises ValueError, with a sentence for the writer, when it is none."""
    given = text.strip()
    if _SHORT.fullmatch(given):
        amounts: dict[str, float] = {}
        for amount, unit in _PART.findall(given):
            amounts[_UNITS[unit]] = amounts.get(_UNITS[unit], 0) + float(amount)
    elif iso := _ISO.fullmatch(given.upper()):
        amounts = {name: float(amount) for name, amount in iso.groupdict().items() if amount}
    else:
        raise ValueError("is no duration; write for example 90m, 12h, 3d, 2w, or ISO 8601 such as P3D")
    months = 12 * amounts.pop("years", 0) + amounts.pop("months", 0)
    if math.isinf(months):
        raise ValueError("is longer than the calendar")
    if months != int(months):
        raise ValueError("counts months and years in whole numbers only")
    try:
        return Span(months=int(months), rest=timedelta(**amounts))
    except OverflowError:
        raise ValueError("is longer than the calendar") from None


def is_relative(value: Any) -> bool:
    """Whether a value is written as a relative moment, rightly or wrongly."""
    return isinstance(value, str) and re.match(r"@([+-]|now$)", value.strip()) is not None


def read_relative(text: str, now: datetime) -> datetime:
    """The moment that ``text`` names, seen from ``now``. Raises ValueError, with a sentence, when it names none."""
    given = text.strip()
    if given == "@now":
        return now
    signed = _SIGNED.findall(given[1:])
    try:
        if not signed or "".join(sign + part for sign, part in signed) != given[1:]:
            raise ValueError
        spans = [(sign, read_duration(part)) for sign, part in signed]
    except ValueError:
        raise ValueError("is no relative moment; write for example @+10d, @-14y, @-6h or @now") from None
    moment = now
    try:
        for sign, span in spans:
            moment = span.after(moment) if sign == "+" else span.before(moment)
    except OverflowError:
        raise ValueError("lies beyond the calendar") from None
    return moment


def _own(name: Any) -> str:
    """A field's own name, where it is reached by a path: ``date_of_birth`` of ``child.date_of_birth``."""
    return str(name).rpartition(".")[2]


def resolve(given: Any, now: datetime, *, field: str = "") -> Any:
    """``given`` with every relative moment in it written out, as the field that holds it wants it.

    A field that holds neither a date nor a time is left as it is. Raises ValueError for a relative
    moment that cannot be read.
    """
    if is_object(given):
        return {name: resolve(value, now, field=_own(name)) for name, value in given.items()}
    if is_list(given):
        return [resolve(value, now, field=field) for value in given]
    if not is_relative(given) or field not in DATE_FIELDS | TIME_FIELDS:
        return given
    moment = read_relative(given, now).astimezone(UTC)
    if field in DATE_FIELDS:
        return moment.date().isoformat()
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def faults_of_moments(given: Any, path: str = "", *, field: str = "") -> list[tuple[str, str]]:
    """Every relative moment in ``given`` that cannot be read: its dotted path and a sentence."""
    if is_object(given):
        return [
            fault
            for name, value in given.items()
            for fault in faults_of_moments(value, f"{path}.{name}".lstrip("."), field=_own(name))
        ]
    if is_list(given):
        return [
            fault
            for n, value in enumerate(given)
            for fault in faults_of_moments(value, f"{path}.{n}".lstrip("."), field=field)
        ]
    if is_relative(given) and field in DATE_FIELDS | TIME_FIELDS:
        try:
            read_relative(given, datetime.now(UTC))
        except ValueError as error:
            return [(path, str(error))]
    return []


def read_when(text: str) -> int | datetime:
    """What ``--at`` names: an entry number, or a moment; a day alone means its end in UTC.

    Raises ValueError, with a sentence, for anything else.
    """
    given = text.strip()
    try:
        if given.isdecimal():
            return int(given)  # a number of thousands of digits is none
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", given):
            return datetime.combine(date.fromisoformat(given), time.max, UTC)
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise ValueError(
            "is neither an entry number nor a time; write for example 12, 2026-03-01 or 2026-03-01T10:00:00Z"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def in_words(span: timedelta) -> str:
    """A length of time in two units at most: ``3 d 4 h``."""
    seconds = int(abs(span.total_seconds()))
    parts: list[str] = []
    for name, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        amount, seconds = divmod(seconds, size)
        if amount and len(parts) < 2:
            parts.append(f"{amount} {name}")
    return " ".join(parts) or "0 s"


def _months_later(start: datetime, months: int) -> datetime:
    if not months:
        return start
    count = start.year * 12 + start.month - 1 + months
    year, month = divmod(count, 12)
    if not 1 <= year <= 9999:
        raise OverflowError("beyond the calendar")
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return start.replace(year=year, month=month + 1, day=day)
