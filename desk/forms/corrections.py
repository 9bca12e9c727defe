"""Correcting an entry: which entries, which of their fields, and what is wrong with a correction before it is recorded."""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date
from typing import Any, Final, cast

from desk.forms.errors import UNTICKED
from desk.forms.shapes import INTAKE
from desk.forms.typed import TICKED, Typed, as_typed, is_blank, mendable, post, read, value_of
from procedure.acts import parse_act
from procedure.case import Case
from procedure.entries import Entry
from procedure.faults import Fault, Malformed
from procedure.intake import parse_intake
from procedure.ledger import Ledger

_NOTHING: Final = object()


@dataclass(frozen=True, slots=True)
class Mending:
    """The entry that a correction is about: its number, its act (``opened`` for the intake), its day, what it says today."""

    entry: int
    of: str
    on: date
    said: Mapping[str, Any] = field(repr=False)


def mending(entry: Entry, ledger: Ledger) -> Mending:
    """An entry as it is to be corrected. Its body must be at hand."""
    return Mending(entry.n, entry.act or INTAKE, entry.at.astimezone(UTC).date(), ledger.as_corrected(entry))


def correctable(entries: Iterable[Entry], case: Case, role: str, state: str) -> list[Entry]:
    """The entries that somebody of this role and state may correct, newest first. Those without a body are not among them."""

    def recorded_by(entry: Entry) -> tuple[str | None, str | None]:
        opening = ("central_authority", case.host_state)
        return opening if entry.kind == "opened" else (entry.actor_role, entry.actor_state)

    found = (
        entry for entry in entries if entry.kind in ("accepted", "opened") and entry.act != "correct" and entry.body
    )
    return sorted((each for each in found if recorded_by(each) == (role, state)), key=lambda each: -each.n)


def faults_of_correction(form_data: Mapping[str, Any], about: Mending) -> list[Fault]:
    """What would be wrong with the entry once it is corrected so; and what was changed without being ticked.

    The law judges the same when the correction is recorded, and would refuse it. Paths are those of the form's fields.
    """
    typed = as_typed(form_data)
    before, ticked = as_posted(about), typed.get(TICKED, ())
    left = {path: shape for path, shape in mendable(about.of).items() if path not in ticked}
    shown = any(not is_blank(f"fields.{path}", typed) for path in left)
    faults = [
        Fault(path=f"fields.{path}", message=UNTICKED)
        for path, shape in left.items()
        if shown and value_of(shape, f"fields.{path}", typed) != value_of(shape, f"fields.{path}", before)
    ]
    corrected = _merged(about.said, read("correct", typed).get("fields", {}))
    try:
        if about.of == INTAKE:
            parse_intake(corrected, today=about.on)
        else:
            parse_act(corrected)
    except Malformed as malformed:
        faults += [Fault(path=f"fields.{each['path']}", message=each["message"]) for each in malformed.faults]
    return faults


def as_posted(about: Mending) -> Typed:
    """What the entry says today, as the fields of its correction would post it."""
    typed: Typed = {}
    for path, shape in mendable(about.of).items():
        said: Any = about.said
        for step in path.split("."):
            said = cast("Mapping[str, Any]", said).get(step, _NOTHING) if isinstance(said, Mapping) else _NOTHING
        if said is not _NOTHING:
            post(shape, f"fields.{path}", said, typed)
    return typed


def _merged(said: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    corrected = copy.deepcopy(dict(said))
    for path, value in fields.items():
        target, (*inner, last) = corrected, path.split(".")
        for step in inner:
            if not isinstance(target.get(step), dict):
                target[step] = {}
            target = target[step]
        target[last] = value
    return corrected
