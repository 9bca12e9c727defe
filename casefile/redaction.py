"""What of a record a given reader may see (procedure.md, part 6): need to know, and denied where nothing allows it.

A body that a reader may not see is left out; its digest stays in the header, and the header in the chain. Where
the header itself would tell (that a child asked for asylum tells the state it fled), only the entry's place in the
chain is left: its number, its hash, and the hash of the entry before it. The chain can be checked in every case.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from procedure.entries import Entry, entry_from_json
from procedure.ledger import Ledger

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
READERS: Final[tuple[Reader, ...]] = (
    "auditor",
    "court",
    "ombudsperson",
    "host_authority",
    "guardian",
    "legal_counsel",
    "caseworker",
    "origin_authority",
    "monitor",
)


@dataclass(frozen=True, slots=True)
class Sealed:
    """An entry of which a reader sees only its place in the chain."""

    n: int
    prev: str
    hash: str


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


def line_from_json(given: Mapping[str, Any]) -> Line:
    """The line that :func:`line_as_json` wrote. Raises KeyError, TypeError or ValueError for anything else."""
    told = dict(given)
    if told.pop("withheld", False):
        if told.keys() == {"n", "prev", "hash"}:
            return Sealed(**told)
        told |= {"salt": "", "body": {}}
    elif not told["salt"]:
        raise ValueError("an entry with a body has a salt")
    return entry_from_json(told)


def for_reader(entries: Iterable[Entry], reader: Reader) -> Iterator[Line]:
    """The entries as that reader may see them."""
    sees = _SEES[reader]
    if sees is None:
        yield from entries
        return
    corrected = Ledger()
    for entry in entries:
        corrected.append(entry)
        what = sees(_of_what(entry, corrected))
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


@dataclass(frozen=True, slots=True)
class _Seen:
    """An entry, and the act that it is about: of a correction the act that it corrects."""

    entry: Entry
    act: str | None
    by_origin: bool


def _of_what(entry: Entry, so_far: Ledger) -> _Seen:
    opened = so_far.find(1)
    origin = opened.body["intake"]["origin_state"] if opened else None
    act = entry.act
    if act == "correct":
        act = entry.facts.get("of")
        if act is None:
            named = entry.body.get("act", {}).get("entry")
            about = so_far.find(named) if isinstance(named, int) else None
            act = about.act if about else None
    return _Seen(entry, act, entry.actor_state == origin and entry.actor_state is not None)


# The origin's side

_ORIGIN_SEES: Final = frozenset(
    {
        "verify_identity",
        "open_tracing",
        "report_tracing",
        "assess_family",
        "guarantee_care",
        "give_consent",
        "withdraw_consent",
        "adopt_reintegration_plan",
        "approve_return",
        "certify_fit_to_travel",
        "plan_travel",
        "approve_travel",
        "depart",
        "report_incident",
        "arrive",
        "record_visit",
    }
)
"""What passes between the two states (procedure.md, part 7). Not the child's words, the screening, the assessment, the
determination's reasons, or where the child lives meanwhile."""

_MONITOR_SEES: Final = frozenset(
    {"adopt_reintegration_plan", "plan_travel", "approve_travel", "depart", "report_incident", "arrive", "record_visit"}
)
"""Plan and visits (procedure.md, part 6)."""

_OF_EVERY_CASE: Final = frozenset(
    {
        *("assess_age", "screen_protection", "place_child", "confirm_services", "appoint_guardian", "appoint_counsel"),
        *("open_tracing", "report_tracing", "assess_family", "hear_child", "submit_assessment"),
        *("determine_best_interests", "give_consent", "assess_rights_impact", "approve_return", "grant_stay"),
        *("arrange_third_country", "transfer_to_adult_services", "close_case"),
    }
)
"""Accepted acts that a case has anyhow: that they happened tells nothing, and their headers are shown."""

_PROTECTION_HOLDS: Final = frozenset({"asylum", "appeal"})
_TELLS_OF_ASYLUM: Final = frozenset({"non-refoulement", "no-contact-with-origin", "held"})


def _shared(seen: _Seen, acts: frozenset[str], *, own: bool) -> _Sees:
    """What a reader of the origin state sees of an entry, who shares these acts and what was their own doing.

    Whether the child asked for protection from that state must not show, not even by what is missing: so all that a
    case need not have is left with its place alone, and an asylum claim looks like an appeal, a complaint or a note.
    """
    entry = seen.entry
    if entry.kind == "refused":
        return "whole" if own and not _TELLS_OF_ASYLUM & set(entry.safeguards) else "place"
    if entry.kind in ("hold", "hold_lifted"):
        return "place" if entry.facts.get("hold") in _PROTECTION_HOLDS else "whole"
    if entry.act is None:
        return "whole" if not entry.body else "header"
    if own or seen.act in acts:
        return "whole"
    if entry.kind == "detention":
        return "header"
    return "header" if entry.act in _OF_EVERY_CASE else "place"


def _origin_authority(seen: _Seen) -> _Sees:
    return _shared(seen, _ORIGIN_SEES, own=seen.by_origin)


def _monitor(seen: _Seen) -> _Sees:
    return _shared(seen, _MONITOR_SEES, own=seen.entry.actor_role == "monitor")


_SEES: Final[dict[Reader, Callable[[_Seen], _Sees] | None]] = {
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
