"""The safeguard matrix: of each safeguard, whether it was kept, only refused, not yet asked, or broken, and what shows it.

Nothing here asks the law's gates. What must have stood before an act is written down a second time, after part 2 of
the procedure, so that a record that was forged, or made by a version with a fault, is found out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal, NamedTuple

from casefile.evidence import FURTHER, OF_EVERY_ACT, required_of, role_fits, words
from casefile.statistics import detentions
from casefile.trail import Before, Trail
from procedure.acts import parse_act
from procedure.case import Case
from procedure.entries import Entry
from procedure.folding import after, opened
from procedure.safeguards.asked import SAFEGUARDS
from procedure.vocabulary import SAFEGUARD_NAMES, SafeguardName

Status = Literal["kept", "not_asked", "refused", "broken"]

MOST: Final = 20
"""How many entries a row shows at most from the beginning of a long case, and as many from its end."""


class Kept(NamedTuple):
    """An accepted act at which a safeguard was asked, and the entries that show that it was kept.

    ``evidence`` is empty where the act itself shows it, and where only headers could be read.
    """

    entry: int
    act: str
    evidence: tuple[int, ...]


class Broken(NamedTuple):
    """An entry that stands against a safeguard, and a plain sentence that says why. Nothing personal is in it."""

    entry: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SafeguardRow:
    """One safeguard over the whole of a case.

    ``kept`` and ``refused`` count all; ``kept_by`` and ``refused_by`` show the oldest and the newest where there are
    many. ``broken_by`` names every one.
    """

    name: SafeguardName
    demand: str
    source: str
    status: Status
    kept: int
    kept_by: tuple[Kept, ...]
    refused: int
    refused_by: tuple[int, ...]
    broken_by: tuple[Broken, ...]

    def as_json(self) -> dict[str, Any]:
        """The row as a JSON object."""
        return {
            "name": self.name,
            "demand": self.demand,
            "source": self.source,
            "status": self.status,
            "kept": self.kept,
            "kept_by": [{**kept._asdict(), "evidence": list(kept.evidence)} for kept in self.kept_by],
            "refused": self.refused,
            "refused_by": list(self.refused_by),
            "broken_by": [broken._asdict() for broken in self.broken_by],
        }


@dataclass(frozen=True, slots=True)
class Matrix:
    """Every safeguard, in the contract's order. ``partial``: some or all of the record was judged by headers alone."""

    rows: tuple[SafeguardRow, ...]
    partial: bool

    def row(self, name: SafeguardName) -> SafeguardRow:
        return self.rows[SAFEGUARD_NAMES.index(name)]

    def as_json(self) -> dict[str, Any]:
        """The matrix as a JSON object."""
        return {"partial": self.partial, "safeguards": [row.as_json() for row in self.rows]}


def safeguard_matrix(entries: Iterable[Entry]) -> Matrix:
    """The safeguard matrix of one case.

    A record with gaps, or with bodies that the reader may not see, is judged by its headers: by what was asked and
    refused, and by what they tell of detentions; evidence is then left out. So is what follows an entry that no case
    can be made of.
    """
    record = list(entries)
    sheets = _Sheets()
    unread = _judge(record, sheets) if _is_whole(record) else record
    for entry in unread:
        if entry.kind == "accepted":
            _judge_header(entry, sheets)
    for entry in record:
        if entry.kind == "refused":
            for name in entry.safeguards:
                sheets.refused[name].append(entry.n)
    _tell_of_detentions(record, sheets)
    _tell_of_hand_overs(record, sheets)
    return Matrix(tuple(sheets.row(name) for name in SAFEGUARD_NAMES), partial=sheets.partial)


def _is_whole(record: Sequence[Entry]) -> bool:
    """Whether the case can be folded: no number is missing, and no body that says something of the case."""
    return all(
        entry.n == n and (entry.salt or entry.kind not in ("opened", "accepted", "detention"))
        for n, entry in enumerate(record, start=1)
    )


class _Sheets:
    """The rows in the making."""

    def __init__(self) -> None:
        self.kept: dict[str, list[Kept]] = {name: [] for name in SAFEGUARD_NAMES}
        self.refused: dict[str, list[int]] = {name: [] for name in SAFEGUARD_NAMES}
        self.broken: dict[str, list[Broken]] = {name: [] for name in SAFEGUARD_NAMES}
        self.partial = True

    def judge(self, name: str, entry: Entry, shown: Iterable[int | str]) -> None:
        """Put one accepted act on the sheet: evidence that was found, or clauses that say what was missing."""
        found = list(shown)
        if missing := _clauses(found):
            self.broken[name].append(Broken(entry.n, f"“{words(entry.act)}” was accepted although {missing}."))
        else:
            evidence = sorted({each for each in found if isinstance(each, int)})
            self.kept[name].append(Kept(entry.n, entry.act or "", tuple(evidence)))

    def not_asked(self, name: str, entry: Entry, shown: Iterable[int | str]) -> None:
        """Put an act on the sheet that was not asked what it must be, whether or not it would have been refused."""
        missing = _clauses(list(shown))
        why = f"“{words(entry.act)}” was accepted and this was not asked of it{f', although {missing}' if missing else ''}."
        self.broken[name].append(Broken(entry.n, why))

    def row(self, name: SafeguardName) -> SafeguardRow:
        kept, refused, broken = self.kept[name], self.refused[name], sorted(set(self.broken[name]))
        demand, source = SAFEGUARDS[name]
        most = 3 if name in OF_EVERY_ACT else MOST
        return SafeguardRow(
            name=name,
            demand=demand,
            source=source,
            status="broken" if broken else "kept" if kept else "refused" if refused else "not_asked",
            kept=len(kept),
            kept_by=tuple(kept if len(kept) <= 2 * most else kept[:most] + kept[-most:]),
            refused=len(refused),
            refused_by=tuple(refused if len(refused) <= 2 * most else refused[:most] + refused[-most:]),
            broken_by=tuple(broken),
        )


def _clauses(shown: Iterable[int | str]) -> str:
    return "; ".join(dict.fromkeys(each for each in shown if isinstance(each, str)))


# By headers alone


def _judge_header(entry: Entry, sheets: _Sheets) -> None:
    """What an accepted entry's header tells: which safeguards were asked, and whether any should have been."""
    asked = required_of(entry, None)
    for name in SAFEGUARD_NAMES:
        if name in entry.safeguards:
            sheets.judge(name, entry, ())
        elif name in asked:
            sheets.not_asked(name, entry, ())
    for name in OF_EVERY_ACT:
        sheets.judge(name, entry, role_fits(entry) if name == "not-your-act" else ())


def _tell_of_detentions(record: Sequence[Entry], sheets: _Sheets) -> None:
    """A detention breaks its safeguard in the world, whatever the record did about it."""
    told = [entry for entry in record if entry.kind == "detention"]
    for spell in detentions(record):
        if spell.until:
            how = f"released after {_lasted(spell.until - spell.since)} (entry {spell.ended_by})"
        else:
            how = "no release is on record"
        for entry in told:
            if spell.begun_by <= entry.n <= (spell.ended_by or entry.n):
                sheets.broken["no-detention"].append(Broken(entry.n, f"The child was reported in detention; {how}."))


def _tell_of_hand_overs(record: Sequence[Entry], sheets: _Sheets) -> None:
    """A hand-over outside care that is no detention was told of at once, and breaks its safeguard in the world."""
    arrival: Entry | None = None
    for entry in record:
        if entry.kind == "accepted" and "arrive" in (entry.act, entry.facts.get("of")):
            arrival = entry
        elif entry.kind == "escalated" and "handover-into-care" in entry.safeguards:
            told = "the central authority" if entry.facts.get("level") == 1 else "the ombudsperson"
            of = f" of entry {arrival.n}" if arrival else ""
            sheets.broken["handover-into-care"].append(
                Broken(entry.n, f"The hand-over{of} was not into care; {told} was told.")
            )


def _lasted(time: timedelta) -> str:
    """A length of time in its two largest units."""
    minutes = int(time.total_seconds()) // 60
    parts = ((minutes // 1440, "day"), (minutes // 60 % 24, "hour"), (minutes % 60, "minute"))
    said = [f"{count} {unit}{'s' if count != 1 else ''}" for count, unit in parts if count]
    return " ".join(said[:2]) or "less than a minute"


# Entry by entry


def _judge(record: Sequence[Entry], sheets: _Sheets) -> Sequence[Entry]:
    """Judge every accepted act by what stood before it. Returns the entries after one that nothing can be made of."""
    case: Case | None = None
    trail = Trail()
    for position, entry in enumerate(record):
        try:
            if case is not None and entry.kind == "accepted":
                parse_act(entry.body.get("act", {}))
                _judge_act(Before(entry, entry.body["act"], case, trail), sheets)
            then = opened(entry) if case is None else after(case, entry)
            unanswered = trail.unanswered_by(entry)
            trail.follow(entry, case)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            # This procedure never made such an entry, and nothing can be said of the case after it.
            sheets.broken["well-formed"].append(Broken(entry.n, "Nothing can be made of what this entry holds."))
            return record[position + 1 :]
        if unanswered:
            why = "The place that was reported is detention, and nothing answered the report."
            sheets.broken["no-detention"].append(Broken(unanswered, why))
        case = then
    sheets.partial = False
    return ()


def _judge_act(before: Before, sheets: _Sheets) -> None:
    entry = before.entry
    required = required_of(entry, before.case)
    further = FURTHER.get(entry.act or "", {})
    for name in SAFEGUARD_NAMES:
        check = required.get(name) or further.get(name)
        if name in entry.safeguards:
            sheets.judge(name, entry, check(before) if check else ())
        elif name in required:
            sheets.not_asked(name, entry, required[name](before))
    for name, check in OF_EVERY_ACT.items():
        sheets.judge(name, entry, check(before))
