"""What of a record a given reader may see (procedure.md, part 6): need to know, and denied where nothing allows it.

A body that a reader may not see is left out; its digest stays in the header, and the header in the chain. Where
the header itself would tell (that a child asked for asylum tells the state it fled), only the entry's place in the
chain is left: its number, its hash, and the hash of the entry before it. The chain can be checked in every case.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, get_args

from procedure.entries import Entry, entry_from_json
from procedure.schemas import checked_entry

Reader = Literal[
    "auditor",
    "court",
    "ombudsperson",
    "host_authority",
    "guardian",
    "legal_counsel",
    "caseworker",
    "origin_authority",
    "monitor",
]
READERS: Final[tuple[Reader, ...]] = get_args(Reader)


@dataclass(frozen=True, slots=True)
class Sealed:
    """An entry of which a reader sees only its place in the chain."""

    n: int
    prev: str
    hash: str


_HASH: Final = re.compile("[0-9a-f]{64}")

Line = Entry | Sealed
"""One line of a ledger as a reader gets it; of an Entry, salt and body may be withheld."""

_Sees = Literal["whole", "header", "place"]


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
    sees = _SEES[reader]
    if sees is None:
        yield from entries
        return
    origin: str | None = None
    for entry in entries:
        if entry.n == 1:
            origin = entry.body["intake"]["origin_state"]
        what = sees(entry, origin is not None and entry.actor_state == origin)
        if what == "whole":
            yield entry
        elif what == "header":
            yield replace(entry, salt="", body={})
        else:
            yield Sealed(entry.n, entry.prev, entry.hash)


def sees_everything(reader: Reader) -> bool:
    """Whether this reader sees every entry whole."""
    return _SEES[reader] is None


def keeps_histories(reader: Reader) -> bool:
    """Whether this reader gets the engine's histories, in which everything stands that was ever said."""
    return reader in ("auditor", "court", "ombudsperson")


# The origin's side

_OFFICES: Final = frozenset(
    {
        *("central_authority", "child_protection_authority", "guardianship_authority", "caseworker"),
        *("tracing_service", "consulate"),
    }
)
"""Who acts as the origin state. A child, a relative, a guardian or a counsel speaks from there too, and not for it."""

_SHARED: Final = frozenset({"adopt_reintegration_plan", "plan_travel", "report_incident", "arrive", "record_visit"})
"""What passes between the two states whoever wrote it: plan, journey and visits (procedure.md, parts 6 and 7)."""

_HEADERS: Final = frozenset(
    {
        *("verify_identity", "assess_age", "place_child", "confirm_services", "appoint_guardian", "appoint_counsel"),
        *("report_tracing", "assess_family", "guarantee_care", "hear_child", "submit_assessment"),
        *("determine_best_interests", "give_consent", "withdraw_consent", "approve_return"),
        *("certify_fit_to_travel", "approve_travel", "depart"),
        *("arrange_third_country", "transfer_to_adult_services", "close_case"),
    }
)
"""Accepted acts whose headers are shown, without the child's words, the assessment and anybody's reasons.

Not among them: the screening, behind which a hold stands at the same moment if asylum is an issue, the assessment of
what a return would do to the child's rights, and a stay, whose header names protection as its ground.
"""

_VIA_ORIGIN: Final = frozenset({"central_authority", "consulate"})
_HOLDS_NOT_SHOWN: Final = frozenset({"asylum", "appeal", "crisis", "health", "school_year", "other"})
"""Were only the asylum claim's hold hidden, a deadline that stands still without a hold would tell of it."""


def _shared(entry: Entry, *, own: bool) -> _Sees:
    """What a reader of the origin state sees of an entry, beside what was their ``own`` doing.

    Whether the child asked for protection from that state must not show, not even by what is missing: so all that a
    case need not have is left with its place alone, and an asylum claim looks like an appeal, a suspension, a
    complaint or a note. Every refusal is, one's own as well: it names the hold, or the acts that were not read yet.
    """
    facts = entry.facts
    if entry.kind == "refused":
        return "place"
    if entry.kind in ("hold", "hold_lifted"):
        return "place" if facts.get("hold") in _HOLDS_NOT_SHOWN else "whole"
    if entry.kind in ("overdue", "escalated") and facts.get("deadline") == "complaint":
        return "place"
    if entry.act is None:
        return "whole" if not entry.body else "header"
    # A correction is about the act that it corrects.
    if own or (facts.get("of") if entry.act == "correct" else entry.act) in _SHARED:
        return "whole"
    if entry.act == "open_tracing":
        return "header" if facts.get("via") in _VIA_ORIGIN else "place"
    return "header" if entry.kind == "detention" or entry.act in _HEADERS else "place"


def _origin_authority(entry: Entry, by_origin: bool) -> _Sees:
    return _shared(entry, own=by_origin and entry.actor_role in _OFFICES)


def _monitor(entry: Entry, by_origin: bool) -> _Sees:
    return _shared(entry, own=by_origin and entry.actor_role == "monitor")


_SEES: Final[dict[Reader, Callable[[Entry, bool], _Sees] | None]] = {
    "auditor": None,
    "court": None,
    "ombudsperson": None,
    "host_authority": None,
    "guardian": None,
    "legal_counsel": None,
    "caseworker": None,
    "origin_authority": _origin_authority,
    "monitor": _monitor,
}
"""The table. None: everything that is in the ledger."""
