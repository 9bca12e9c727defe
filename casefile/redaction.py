"""What of a record a given reader may see (procedure.md, part 6): need to know, and denied where nothing allows it.

A body that a reader may not see is left out; its digest stays in the header, and the header in the chain. Where
the header itself would tell (that a child asked for asylum tells the state it fled), only the entry's place in the
chain is left: its number, its hash, and the hash of the entry before it. The chain can be checked in every case.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from procedure.entries import Entry, entry_from_json
from procedure.schemas import checked_entry
from procedure.who_may_see import READERS, Reader, Sight, sees_as, shown

__all__ = [
    "READERS",
    "Line",
    "Reader",
    "Sealed",
    "as_seen_by",
    "for_reader",
    "is_withheld",
    "keeps_histories",
    "line_as_json",
    "line_from_json",
    "readers_for",
    "sees_everything",
]


@dataclass(frozen=True, slots=True)
class Sealed:
    """An entry of which a reader sees only its place in the chain."""

    n: int
    prev: str
    hash: str


_HASH: Final = re.compile("[0-9a-f]{64}")

Line = Entry | Sealed
"""One line of a ledger as a reader gets it; of an Entry, salt and body may be withheld."""


def is_withheld(entry: Entry) -> bool:
    """Whether the body was left out for this reader. A real salt is never empty."""
    return not entry.salt


def line_as_json(line: Line) -> dict[str, Any]:
    """A line as a JSON object: the contract's entry, or what is left of it with ``withheld`` true."""
    if isinstance(line, Sealed):
        return {"n": line.n, "prev": line.prev, "hash": line.hash, "withheld": True}
    if is_withheld(line):
        return {**line.header(), "hash": line.hash, "withheld": True}
    return line.as_json()


def line_from_json(given: Any) -> Line:
    """The line that :func:`line_as_json` wrote. Raises ValueError or TypeError for anything else."""
    told = dict(given)
    if told.pop("withheld", False) is True:
        if told.keys() == {"n", "prev", "hash"}:
            if type(told["n"]) is not int or not all(_HASH.fullmatch(told[name]) for name in ("prev", "hash")):
                raise ValueError("a sealed entry has its number and two hashes")
            return Sealed(**told)
        entry = checked_entry({**told, "salt": "", "body": {}})
    else:
        entry = checked_entry(told)
        if not entry["salt"]:
            raise ValueError("an entry with a body has a salt")
    return entry_from_json(entry)


def for_reader(entries: Iterable[Entry], reader: Reader) -> Iterator[Line]:
    """The entries as that reader may see them."""
    sight = sees_as(reader, None)
    for entry in entries:
        if entry.n == 1 and not sight.everything:
            sight = sees_as(reader, entry.body["intake"]["origin_state"])
        yield as_seen_by(sight, entry)


def as_seen_by(sight: Sight, entry: Entry) -> Line:
    """An entry as somebody may see it (:mod:`procedure.who_may_see`)."""
    match shown(entry, sight):
        case "whole":
            return entry
        case "header":
            return entry._replace(salt="", body={})
        case "place":
            return Sealed(entry.n, entry.prev, entry.hash)


def sees_everything(reader: Reader) -> bool:
    """Whether this reader sees every entry whole."""
    return sees_as(reader, None).everything


def readers_for(reader: Reader) -> list[Reader]:
    """For whom one reader may have a dossier made: for everybody who sees no more than they do."""
    if not sees_everything(reader):
        return [reader]
    return [each for each in READERS if keeps_histories(reader) or not keeps_histories(each)]


def keeps_histories(reader: Reader) -> bool:
    """Whether this reader gets the engine's histories, in which everything stands that was ever said."""
    return reader in _CHECKING


_CHECKING: Final = frozenset({"auditor", "court", "ombudsperson"})
