"""Faults of shape: what is wrong with a piece of JSON, where, and what to do about it.

A fault never repeats the value that was given: the value may be a child's name.
"""

import json
from collections.abc import Sequence
from typing import Any, Final, TypedDict

from pydantic import ValidationError

_IN_WORDS: Final = 20
_LONGEST_ANSWERED: Final = 1_000
_MOST_ANSWERED: Final = 400_000
MOST_FAULTS: Final = 40_000
"""So many are told each for itself; nobody reads more, and they would fill the memory."""


class Fault(TypedDict):
    """One thing wrong with an intake, an act, a profile or a scenario."""

    path: str
    message: str


class Malformed(ValueError):
    """What was given is not of the contract's shape; :attr:`faults` lists everything wrong with it.

    As a text it tells the first twenty faults and how many more there are.
    """

    what: str = "input"

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults: list[Fault] = list(faults)
        first = "; ".join(f"{f['path'][:_LONGEST_ANSWERED]}: {f['message']}" for f in self.faults[:_IN_WORDS])
        more = len(self.faults) - _IN_WORDS
        super().__init__(f"{first}; and {more:,} more" if more > 0 else first)


class MalformedAct(Malformed):
    what = "act"


class MalformedIntake(Malformed):
    what = "intake"


_WORDS = {
    "missing": "this field is needed",
    "extra_forbidden": "no such field here; remove it or check its spelling",
    "bool_type": "must be true or false",
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "date_from_datetime_parsing": "must be a date, YYYY-MM-DD",
    "date_parsing": "must be a date, YYYY-MM-DD",
    "date_type": "must be a date, YYYY-MM-DD",
    "datetime_parsing": "must be a date and time, RFC 3339, for example 2026-03-01T10:00:00Z",
    "datetime_from_date_parsing": "must be a date and time, RFC 3339, for example 2026-03-01T10:00:00Z",
    "datetime_type": "must be a date and time, RFC 3339, for example 2026-03-01T10:00:00Z",
    "timezone_aware": "must name its time zone, for example end in Z",
    "json_invalid": "is not JSON",
    "union_tag_not_found": "this field is needed: it names the act",
}


_PATTERNS = {
    r"\S": "must say something; it is blank",
    r"^\S(.*\S)?$": "must not begin or end with a blank",
}


def say(error: Any) -> str:
    """One pydantic error in the words of this project, without the value that was given."""
    kind: str = error["type"]
    ctx: dict[str, Any] = error.get("ctx") or {}
    if kind in _WORDS:
        return _WORDS[kind]
    if kind == "literal_error":
        return f"must be one of {ctx['expected']}"
    if kind == "union_tag_invalid":
        return "no such act; see `homeward schema act` for the acts there are"
    if kind == "string_too_short":
        return f"must have at least {ctx['min_length']} character(s)"
    if kind == "string_too_long":
        return f"must have at most {ctx['max_length']} characters"
    if kind == "too_short":
        return f"must have at least {ctx['min_length']} element(s)"
    if kind == "too_long":
        return f"must have at most {ctx['max_length']} elements"
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(ctx["pattern"], f"must look like {ctx['pattern']}")
    if kind in ("greater_than_equal", "greater_than", "less_than_equal", "less_than"):
        word = {"greater_than_equal": "at least", "greater_than": "more than"}.get(
            kind, "at most" if kind == "less_than_equal" else "less than"
        )
        bound = ctx.get("ge", ctx.get("gt", ctx.get("le", ctx.get("lt"))))
        return f"must be {word} {bound}"
    if kind == "value_error":
        return str(ctx["error"])
    return str(error["msg"]).lower()


def faults_of(error: ValidationError, *, tags: frozenset[str] = frozenset(), most: int | None = None) -> list[Fault]:
    """The faults in a pydantic error, each with its dotted path.

    ``tags`` are the names of a tagged union's members, which pydantic puts into the path and
    nobody ever wrote. More than ``most`` are told as one.
    """
    if most is not None and (count := error.error_count()) > most:
        return [
            Fault(path="$", message=f"has {count} faults, too many to tell each; see whether it is what it should be")
        ]
    # Each told once, in their order: found by a key, since there can be tens of thousands.
    told: dict[tuple[str, str], Fault] = {}
    errors = error.errors(include_url=False, include_input=False)
    inside = {each["loc"][:depth] for each in errors for depth in range(len(each["loc"]))}
    for each in errors:
        if each["type"] == "too_short" and each["loc"] in inside:
            continue  # its elements are there and faulty; pydantic counts only the good ones
        loc = [str(part) for part in each["loc"]]
        if loc and loc[0] in tags:
            loc = loc[1:]
        if each["type"] in ("union_tag_not_found", "union_tag_invalid"):
            loc.append("act")
        path, message = ".".join(loc) or "$", say(each)
        told.setdefault((path, message), Fault(path=path, message=message))
    return list(told.values())


def as_answered(faults: Sequence[Fault], most: int | None = None) -> list[Fault]:
    """As many faults as 400 kB of JSON hold, and how many more there are; a path has 1,000 characters at most.

    ``most``: no more of them than that. A list that fits is the same list.

    An answer beyond two megabytes the engine takes from no workflow: the task would fail, and be tried again for ever.
    An act of the allowed length can have eighty thousand faults, or a field whose name fills it.
    """
    told: list[Fault] = []
    left = _MOST_ANSWERED
    for fault in faults[:most]:
        each = Fault(path=_cut(fault["path"]), message=fault["message"])
        left -= len(json.dumps(each)) + len(", ")
        if left < 0:
            break
        told.append(each)
    if more := len(faults) - len(told):
        told.append(Fault(path="$", message=f"more faults than these: {more}; mend these first"))
    return told


def _cut(path: str) -> str:
    return path if len(path) <= _LONGEST_ANSWERED else f"{path[:_LONGEST_ANSWERED]}…"
