"""The case as it was after any entry or at any moment, and what is known now about then.

The past is folded from the entries up to there, never recomputed: a correction recorded later does not
reach back. What a later entry mended, undid or ended is told beside it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Final, cast

from procedure.case import Case
from procedure.entries import Entry, moment
from procedure.folding import after, fold
from procedure.ledger import Ledger
from procedure.open_acts import OpenAct, open_acts
from procedure.views import view

Moment = int | datetime
"""An entry's number, or a moment with its zone."""


class NoSuchMoment(ValueError):
    """The record has no such entry, or begins later. The text is a sentence that may stand behind an option's name."""


class PartialRecord(ValueError):
    """The record is not whole: an entry is missing, or its content is withheld."""


def entries_up_to(entries: Sequence[Entry], when: Moment) -> list[Entry]:
    """The entries up to a number, or those recorded by a moment. ``entries`` are the record in order.

    Raises :class:`NoSuchMoment` where there is nothing then, and :class:`PartialRecord` where an entry up to there
    is missing.
    """
    if not entries:
        raise PartialRecord(f"The record has no entries{_SO}")
    if entries[0].n != 1:
        raise PartialRecord(f"The entries before {entries[0].n} are missing{_SO}")
    if isinstance(when, int):
        last = entries[-1].n
        if not 1 <= when <= last:
            raise NoSuchMoment(f"the case has entries 1 to {last}.")
        found, until = [entry for entry in entries if entry.n <= when], when
    else:
        found = [entry for entry in entries if entry.at <= when]
        if not found:
            raise NoSuchMoment(f"the case was opened later, at {moment(entries[0].at)}.")
        # Of an entry missing just behind nobody knows on which side of the moment it lay.
        until = entries[len(found)].n - 1 if len(found) < len(entries) else found[-1].n
    if missing := set(range(1, until + 1)).difference(entry.n for entry in found):
        raise PartialRecord(f"Entry {min(missing)} is missing{_SO}")
    return found


def as_it_was(entries: Sequence[Entry], when: Moment, now: datetime) -> tuple[Case, datetime]:
    """The case after an entry or at a moment, and the moment to look at it from (UTC), which is never after ``now``.

    Raises as :func:`entries_up_to`, and :class:`PartialRecord` also where the content of an entry up to there is
    withheld.
    """
    upto = _to_fold(entries_up_to(entries, when))
    return fold(upto), _seen_from(upto, when, now)


def view_at(entries: Sequence[Entry], when: Moment, now: datetime) -> dict[str, Any]:
    """The contract's case view as it was then. Raises as :func:`as_it_was`."""
    return view(*as_it_was(entries, when, now))


_SO: Final = ", so the case cannot be shown as it was."


def _to_fold(entries: list[Entry]) -> list[Entry]:
    for entry in entries:
        if not entry.salt and not entry.body:
            raise PartialRecord(f"The content of entry {entry.n} is withheld{_SO}")
    return entries


def _seen_from(upto: Sequence[Entry], when: Moment, now: datetime) -> datetime:
    return upto[-1].at if isinstance(when, int) else min(when, now)


# Then and now


@dataclass(frozen=True, slots=True)
class Seen:
    """The case view as seen from a moment (UTC), after its newest entry then."""

    entry: int
    at: datetime
    view: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {"entry": self.entry, "at": moment(self.at)}


@dataclass(frozen=True, slots=True)
class Corrected:
    """A field of an entry that said something else then than is known now. Where it said nothing, ``None``."""

    entry: int
    act: str
    """The entry's act, or ``opened``."""
    field: str
    """Its dotted path in the act or the intake."""
    then: Any
    now: Any
    by: int
    """The entry that mended it, the newest where several did."""


@dataclass(frozen=True, slots=True)
class Undone:
    """An entry in force then that a later entry made void."""

    entry: int
    act: str
    by: int
    by_act: str | None


@dataclass(frozen=True, slots=True)
class Ended:
    """A fact in force then that a later entry replaced or ended without making it void."""

    entry: int
    act: str
    fact: str
    """What it was, as :class:`procedure.case.Case` names it: ``screening``, and of several ``visits.2``."""
    by: int
    by_act: str | None


@dataclass(frozen=True, slots=True)
class ThenAndNow:
    """The case then and now side by side, and what is known now about then."""

    then: Seen
    now: Seen
    corrected: tuple[Corrected, ...]
    undone: tuple[Undone, ...]
    ended: tuple[Ended, ...]
    acts: tuple[OpenAct, ...]
    """Every act as it stood then for each role, the closed ones with the reasons."""

    @property
    def differing(self) -> list[str]:
        """The fields of the case view that are not now as they were then."""
        return [name for name, value in self.now.view.items() if value != self.then.view[name]]

    def open_to(self) -> dict[str, list[OpenAct]]:
        """The acts that were open then, by role."""
        found: dict[str, list[OpenAct]] = {}
        for each in self.acts:
            if each.open:
                found.setdefault(each.role, []).append(each)
        return found

    def as_json(self) -> dict[str, Any]:
        """All of it as one JSON object. Of the acts it holds the open ones."""
        differing = set(self.differing)
        return {
            "reference": self.now.view["reference"],
            "then": self.then.as_json(),
            "now": self.now.as_json(),
            "fields": {
                name: {"then": self.then.view[name], "now": value, "differs": name in differing}
                for name, value in self.now.view.items()
            },
            "corrected": [asdict(each) for each in self.corrected],
            "undone": [asdict(each) for each in self.undone],
            "ended": [asdict(each) for each in self.ended],
            "open_acts": {role: [_open(each) for each in acts] for role, acts in self.open_to().items()},
        }


def then_and_now(entries: Sequence[Entry], when: Moment, now: datetime) -> ThenAndNow:
    """The case as it was then beside the case at the moment ``now`` (UTC), which is after the newest entry.

    Raises as :func:`as_it_was`; it needs the whole record, also what came after.
    """
    upto = entries_up_to(entries, when)
    later = _to_fold(entries_up_to(entries, entries[-1].n))[len(upto) :]
    case, at = fold(upto), _seen_from(upto, when, now)
    undone = tuple(_undone(upto, later))
    case_now, ended = _folded_on(case, upto, later)
    voided = {(each.entry, each.by) for each in undone}
    return ThenAndNow(
        then=Seen(case.n, at, view(case, at)),
        now=Seen(case_now.n, now, view(case_now, now)),
        corrected=tuple(_corrected(upto, later)),
        undone=undone,
        ended=tuple(each for each in ended if (each.entry, each.by) not in voided),
        acts=tuple(open_acts(case, at, Ledger(upto))),
    )


def _open(act: OpenAct) -> dict[str, Any]:
    told = act.as_json()
    return {name: told[name] for name in ("act", "state", "person", "owed", "due", "choices")}


def _act(entry: Entry) -> str:
    return entry.act or entry.kind


def _is_correction(entry: Entry) -> bool:
    return entry.kind == "accepted" and entry.act == "correct"


def _undone(upto: Sequence[Entry], later: Iterable[Entry]) -> Iterator[Undone]:
    for by in later:
        voids: list[int] = by.facts.get("voids", [])
        for n in voids:
            if n <= len(upto):
                yield Undone(n, _act(upto[n - 1]), by.n, by.act)


def _corrected(upto: Sequence[Entry], later: Iterable[Entry]) -> Iterator[Corrected]:
    """What later corrections changed in the words of then, which earlier corrections may have changed already."""
    said: dict[int, dict[str, Any]] = {
        entry.facts["corrects"]: entry.body["as_corrected"] for entry in upto if _is_correction(entry)
    }
    versions: dict[int, list[tuple[int, dict[str, Any]]]] = {}
    for by in filter(_is_correction, later):
        n: int = by.facts["corrects"]
        if n > len(upto):
            continue
        if n not in versions:
            body = upto[n - 1].body
            versions[n] = [(n, said.get(n) or _words(body["intake" if n == 1 else "act"]))]
        versions[n].append((by.n, by.body["as_corrected"]))
    for n, told in sorted(versions.items()):
        changed = [
            (path, by) for (_, before), (by, since) in pairwise(told) for path, *_ in _differences(before, since)
        ]
        for path, then, now in _differences(told[0][1], told[-1][1]):
            by = max(by for each, by in changed if _within(each, path) or _within(path, each))
            yield Corrected(n, _act(upto[n - 1]), path, then, now, by)


def _words(said: dict[str, Any]) -> dict[str, Any]:
    """What was said, without the signature under it: a correction has its own, and takes none over."""
    return {name: said[name] for name in said if name != "signature"}


def _within(inner: str, outer: str) -> bool:
    return f"{inner}.".startswith(f"{outer}.")


def _differences(then: dict[str, Any], now: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The fields in which two objects differ, each as its dotted path and both values."""
    for name in dict.fromkeys((*then, *now)):
        before, since = then.get(name), now.get(name)
        here = f"{path}{name}"
        if isinstance(before, dict) and isinstance(since, dict):
            yield from _differences(cast("dict[str, Any]", before), cast("dict[str, Any]", since), f"{here}.")
        elif before != since:
            yield here, before, since


def _folded_on(case: Case, upto: Sequence[Entry], later: Iterable[Entry]) -> tuple[Case, list[Ended]]:
    """The case after the later entries, and the facts of then that stood no more after one of them."""
    ended: list[Ended] = []
    standing = _standing(case)
    first = {n: _first_told(upto[n - 1]) for n in standing.values()}
    for entry in later:
        case = after(case, entry)
        stands = _standing(case)
        for fact, n in list(standing.items()):
            if stands.get(fact) == n:
                continue
            if _is_correction(entry) and stands.get(fact) == entry.n and entry.facts["corrects"] == first[n]:
                # The same report in other words.
                standing[fact], first[entry.n] = entry.n, first[n]
                continue
            del standing[fact]
            ended.append(Ended(first[n], _act(upto[first[n] - 1]), fact, entry.n, entry.act))
    return case, ended


def _first_told(entry: Entry) -> int:
    """The entry of a report, of which this may be a correction."""
    return entry.facts["corrects"] if _is_correction(entry) else entry.n


def _standing(case: Case) -> dict[str, int]:
    """The facts that stand in a case, each with the entry that told it: ``screening``, ``visits.2``, ``family.r1``."""
    found = {"placement": case.placement_n}
    for name, fact in vars(case).items():
        if isinstance(fact, dict):
            several = cast("dict[Any, Any]", fact)
            found.update({f"{name}.{key}": each.n for key, each in several.items() if hasattr(each, "n")})
        elif is_dataclass(fact):
            found[name] = cast("Any", fact).n
    return found
