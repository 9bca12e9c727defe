"""Whether a record is what it claims to be: the chain, the runs, and each run's history against its entries.

Nothing here asks an engine, and nothing applies a rule of the law again: what is compared was recorded twice,
once by the engine as it happened and once by the case. What is wrong is told; nothing is mended.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, cast

from casefile import history
from casefile.findings import Finding
from casefile.history import Carried, UnreadableHistory
from casefile.record import Record
from casefile.redaction import Line, is_withheld
from casefile.runs import Lineage, NotARun, Run, RunOutline
from procedure.acts import Act, as_given, as_signed, parse_act
from procedure.canonical import canonical
from procedure.entries import GENESIS, Entry, digest_of_body, entry_from_json, hash_of_header, moment
from procedure.faults import Malformed
from procedure.intake import parse_intake

_CLOCKS_AGREE_TO: Final = timedelta(microseconds=2)
"""The engine counts in nanoseconds and the record in microseconds, with a rounding in between."""

_HOW: Final = {
    "terminated": "was ended by force",
    "failed": "failed",
    "timed_out": "was ended by a time-out",
    "cancelled": "was cancelled",
}


class Heads:
    """The hashes of a case's entries, in order: what the newest entry was at each moment of its past."""

    def __init__(self) -> None:
        self._hashes: list[str] = []
        self._numbers: dict[str, int] = {}

    def add(self, hash: str) -> None:
        self._hashes.append(hash)
        self._numbers[hash] = len(self._hashes)

    def __len__(self) -> int:
        return len(self._hashes)

    def stands(self, n: int, hash: str) -> bool:
        """Whether entry ``n`` is the one with that hash."""
        return self._numbers.get(hash) == n

    @property
    def newest(self) -> str | None:
        return self._hashes[-1] if self._hashes else None

    def number_of(self, hash: str) -> int | None:
        return self._numbers.get(hash)

    def told(self, every: int) -> list[tuple[int, str]]:
        """The first head, one in so many, and the newest."""
        found = [(n, hash) for n, hash in enumerate(self._hashes, start=1) if n == 1 or n % every == 0]
        newest = len(self._hashes)
        return [*found, *([(newest, self._hashes[-1])] if newest and (not found or found[-1][0] != newest) else [])]


def record_findings(record: Record, heads: Heads) -> Iterator[Finding]:
    """Everything that is wrong with a whole record, as far as it shows without the code that made it.

    ``heads`` takes up the hashes of its entries.
    """
    yield from lineage_findings(record.lineage)
    yield from chain_findings(record.entries(), heads)
    if not len(heads):
        yield Finding("chain", "The record has no entries at all.")
        return
    yield from run_findings(record, heads)
    yield from set_aside_findings(record, heads)


# The chain


def chain_findings(lines: Iterable[Line], heads: Heads | None = None) -> Iterator[Finding]:
    """What is wrong with a case's entries as a chain, from entry 1 on. ``heads`` takes up their hashes, in order.

    Of an entry that a reader may not see only its place is checked, of a body that is withheld only its digest's
    place in the header.
    """
    number, prev = 0, GENESIS
    for line in lines:
        number += 1
        if line.n != number:
            yield _out_of_place(line.n, number)
            number = line.n
        if line.prev != prev:
            yield Finding("chain", f"Entry {line.n} does not follow the entry before it.", line.n)
        if isinstance(line, Entry):
            yield from _entry_findings(line)
        prev = line.hash
        if heads is not None:
            heads.add(line.hash)


def _out_of_place(found: int, wanted: int) -> Finding:
    if found > wanted:
        missing = f"Entry {wanted} is" if found == wanted + 1 else f"Entries {wanted} to {found - 1} are"
        return Finding("chain", f"{missing} missing: entry {found} stands in that place.", wanted)
    return Finding("chain", f"Entry {found} stands where entry {wanted} belongs.", found)


def _entry_findings(entry: Entry) -> Iterator[Finding]:
    try:
        if hash_of_header(entry.header()) != entry.hash:
            yield Finding("chain", f"Entry {entry.n} is not what its hash says: it was changed.", entry.n)
        if not is_withheld(entry) and digest_of_body(entry.salt, entry.body) != entry.body_digest:
            yield Finding("body", f"The body of entry {entry.n} is not what its digest says: it was changed.", entry.n)
    except (ValueError, TypeError, OverflowError, RecursionError):
        yield Finding("chain", f"Entry {entry.n} cannot be read as it should be.", entry.n)
        return
    said: Any = entry.body.get("act")
    if entry.kind in ("accepted", "refused") and isinstance(said, dict):
        act = cast("dict[str, Any]", said)
        actor: dict[str, Any] = act.get("actor") or {}
        told = (act.get("act"), act.get("act_id"), actor.get("role"), actor.get("state"))
        if told != (entry.act, entry.act_id, entry.actor_role, entry.actor_state):
            yield Finding("chain", f"The header of entry {entry.n} tells of another act than its body.", entry.n)
    elif entry.kind == "accepted" and not is_withheld(entry):
        yield Finding("chain", f"Entry {entry.n} was accepted, and no act stands in it.", entry.n)


# The runs


def lineage_findings(lineage: Lineage) -> Iterator[Finding]:
    """Runs that are missing, that ended by force, and resets."""
    if lineage.missing is not None:
        first = lineage.chain[0]
        until = f"; entries before {first.first} were made in it or before it" if first.first else ""
        yield Finding(
            "missing_run",
            f"Run {lineage.missing} is missing, from which run {first.run_id} goes on{until}.",
            None,
        )
    known = {run.run_id for run in (*lineage.chain, *lineage.aside)}
    if lineage.chain and (newest := lineage.chain[-1]).goes_on_in is not None:
        yield Finding(
            "missing_run",
            f"After entry {newest.last} the case went on in run {newest.goes_on_in}, which is not here: "
            "what was recorded there is missing.",
            newest.last,
        )
    for run in lineage.chain:
        for reset in run.resets:
            reason = f" ({reset.reason})" if reset.reason else ""
            if reset.base_run not in known:
                yield Finding(
                    "missing_run", f"Run {reset.base_run}, which was reset, is missing: what stood in it is lost."
                )
            yield Finding(
                "reset",
                f"An operator reset the case on {moment(reset.at)}{reason}: run {run.run_id} begins anew from within "
                f"run {reset.base_run}.",
            )
        if run.ended and run.ended.how in _HOW:
            yield _ended_by_force(run)


def _ended_by_force(run: RunOutline) -> Finding:
    assert run.ended is not None
    by = f" by {run.ended.by}" if run.ended.by else ""
    reason = f"; the reason given: {run.ended.reason}" if run.ended.reason else ""
    after = f" after entry {run.last}" if run.last else ""
    return Finding(
        "ended_by_force",
        f"Run {run.run_id} {_HOW[run.ended.how]}{by} on {moment(run.ended.at)}{after}, and not by a person's act"
        f"{reason}.",
        run.last,
    )


def set_aside_findings(record: Record, heads: Heads) -> Iterator[Finding]:
    """Runs that the case does not go on from, and what stood in them alone."""
    lineage = record.lineage
    for outline in lineage.aside:
        if outline.continues is None and not _shares_entry_1(record, outline, heads):
            yield Finding("set_aside", f"Another case was once begun under this reference, in run {outline.run_id}.")
            continue
        entries = record.run(outline.run_id).ledger or []
        lost = [each["n"] for each in entries if not heads.stands(each["n"], each["hash"])]
        what = (
            f"{_numbers(lost)} of it {'stand' if len(lost) > 1 else 'stands'} in the record no more"
            if lost
            else "no entry was lost by that"
        )
        yield Finding(
            "set_aside",
            f"Run {outline.run_id}, begun on {moment(outline.begun)}, was set aside; {what}.",
            lost[0] if lost else None,
        )


def _shares_entry_1(record: Record, outline: RunOutline, heads: Heads) -> bool:
    entries = record.run(outline.run_id).ledger
    return not entries or heads.stands(1, entries[0]["hash"])


def _numbers(found: Sequence[int]) -> str:
    if len(found) == 1:
        return f"entry {found[0]}"
    return f"entries {found[0]} to {found[-1]}"


# A run's history against its entries


def run_findings(record: Record, heads: Heads) -> Iterator[Finding]:
    """Each run of the chain against the ledger: what came in, what was answered, what was handed over.

    Every entry was made in one of the runs, in the order of the runs.
    """
    entries = record.entries()
    waiting = next(entries, None)
    seen: dict[str, int] = {}
    fingerprints: dict[int, bytes] = {}
    before: Run | None = None
    last = 0
    chain = record.lineage.chain
    for position, outline in enumerate(chain):
        try:
            run = record.run(outline.run_id)
        except (NotARun, OSError):
            yield Finding("history", f"Run {outline.run_id} cannot be read any more.")
            continue
        yield from _links(outline, run, before)
        first, last = last + 1, _last_of(record, chain, position, last)
        part: list[Entry] = []
        while waiting is not None and waiting.n <= last:
            part.append(waiting)
            waiting = next(entries, None)
        if before is None and outline.continues is not None and outline.first is not None:
            # Of the runs before, which are missing, this one carried some entries along; they are not its own.
            part = [entry for entry in part if entry.n >= outline.first]
        if outline.first is not None and outline.first != first and (before is not None or outline.continues is None):
            yield Finding(
                "history",
                f"Run {outline.run_id} begins with entry {outline.first}, and the run before it ended before entry {first}.",
                first,
            )
        yield from one_run_findings(run, part, heads, seen, fingerprints)
        fingerprints.update({entry.n: _fingerprint(entry.as_json()) for entry in part})
        before = run
    if waiting is not None and chain:
        yield Finding(
            "history", f"Entry {waiting.n} was made in no run that is here; it stands after all of them.", waiting.n
        )


def _last_of(record: Record, chain: Sequence[RunOutline], position: int, before: int) -> int:
    """The newest entry of a run; of one that told its entries no more, the newest that the next run took over."""
    if (last := chain[position].last) is not None:
        return last
    if position + 1 < len(chain):
        try:
            return history.carried(record.run(chain[position + 1].run_id).history).n
        except (UnreadableHistory, NotARun, OSError):
            return before
    return before


def _links(outline: RunOutline, run: Run, before: Run | None) -> Iterator[Finding]:
    """A run is the one that the engine says it is, of this case, and goes on from the run before it."""
    missing = history.missing_event(run.history)
    if missing is not None:
        yield Finding("history", f"The history of run {run.run_id} has no event {missing}: something was taken out.")
    if not outline.resets and history.own_id(run.history) not in (None, run.run_id):
        yield Finding("history", f"Run {run.run_id} has the history of another run.")
    if before is None:
        return
    if history.goes_on_in(before.history) not in (None, run.run_id) and not outline.resets:
        yield Finding(
            "missing_run",
            f"After run {before.run_id} the case went on in another run than {run.run_id}, which is missing.",
        )
    handed, given = history.handed_over(before.history), history.given_at_start(run.history)
    if handed is not None and handed != given:
        yield Finding("history", f"Run {run.run_id} was given something else than run {before.run_id} handed over.")


def one_run_findings(
    run: Run, part: Sequence[Entry], heads: Heads, seen: dict[str, int], fingerprints: Mapping[int, bytes]
) -> Iterator[Finding]:
    """One run against its part of the ledger. ``heads`` are the hashes of all entries, ``seen`` the acts so far.

    ``seen`` maps act ids to entry numbers and is added to: an act that is sent again gets its first receipt.
    ``fingerprints`` are those of the entries before, by number.
    """
    try:
        yield from _same_entries(run, part)
        own = list(part)
        seed = None
        if history.continues(run.history) is None:
            yield from _opening(run, own)
            admitted = history.admission(run.history)
            seed = bytes.fromhex(admitted["seed"]) if admitted else None
        else:
            taken = history.carried(run.history)
            yield from _taking_over(run, taken, heads, fingerprints)
            seed = taken.seed
        if seed is not None:
            yield from _salts(run, own, seed)
        if run.ledger is None and not own:
            yield Finding("history", f"Of run {run.run_id} only the engine's history is left; its entries are lost.")
            return
        yield from _moments(run, own)
        yield from _acts(run, own, heads, seen)
        yield from _result(run, heads)
    except (
        UnreadableHistory,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        IndexError,
        OverflowError,
        RecursionError,
    ) as error:
        because = str(error) if isinstance(error, UnreadableHistory) else "it is not of the shape of a history"
        yield Finding("history", f"The history of run {run.run_id} cannot be compared: {because}.")


def _same_entries(run: Run, part: Sequence[Entry]) -> Iterator[Finding]:
    """The entries kept with a run are those of the ledger."""
    ledger = {entry.n: entry for entry in part}
    if run.ledger is not None and (alone := sorted(ledger.keys() - {told["n"] for told in run.ledger})):
        yield Finding("history", f"Entry {alone[0]} is in the ledger and not with run {run.run_id}.", alone[0])
    for told in run.ledger or []:
        entry = ledger.get(told["n"])
        if entry is None:
            yield Finding(
                "history", f"Entry {told['n']} is kept with run {run.run_id} and not in the ledger.", told["n"]
            )
        elif canonical(entry.as_json()) != canonical(told):
            yield Finding(
                "history", f"Entry {told['n']} is not the same in the ledger and with run {run.run_id}.", told["n"]
            )


def _opening(run: Run, own: Sequence[Entry]) -> Iterator[Finding]:
    """Entry 1 says what the case was opened with, and under which agreement."""
    if not own:
        return
    opened = own[0]
    intake = parse_intake(history.intake_given(run.history), today=opened.at.date())
    if intake.model_dump(mode="json", by_alias=True, exclude_unset=True) != opened.body.get("intake"):
        yield Finding("history", "Entry 1 does not say what the case was opened with.", 1)
    admitted = history.admission(run.history)
    if admitted is None:
        yield Finding("history", f"The history of run {run.run_id} does not say how the case was admitted.", 1)
    elif canonical(admitted["agreement"]) != canonical(opened.body.get("agreement")):
        yield Finding("agreement", "The agreement in entry 1 is not the one under which the case was admitted.", 1)


def _taking_over(run: Run, taken: Carried, heads: Heads, fingerprints: Mapping[int, bytes]) -> Iterator[Finding]:
    """What a run took over is what the ledger says."""
    if not heads.stands(taken.n, taken.head):
        yield Finding(
            "history", f"Run {run.run_id} took over another record than the ledger's, at entry {taken.n}.", taken.n
        )
    for told in taken.entries():
        if fingerprints.get(told["n"]) == _fingerprint(told):
            continue  # the very entry that was checked with the run that made it
        entry = entry_from_json(told)
        whole = not any(True for _ in _entry_findings(entry))
        if not heads.stands(entry.n, entry.hash) or not whole:
            yield Finding("history", f"Run {run.run_id} took over another entry {entry.n} than the ledger's.", entry.n)


def _fingerprint(entry: Mapping[str, Any]) -> bytes:
    return hashlib.blake2b(json.dumps(entry, sort_keys=True).encode("utf-8", "replace"), digest_size=16).digest()


def _salts(run: Run, own: Sequence[Entry], seed: bytes) -> Iterator[Finding]:
    """Every salt comes from the case's own secret: an entry made elsewhere has another."""
    for entry in own:
        if hmac.digest(seed, str(entry.n).encode(), "sha256").hex()[:32] != entry.salt:
            yield Finding("history", f"Entry {entry.n} was not made by this case: its salt is another's.", entry.n)


def _moments(run: Run, own: Sequence[Entry]) -> Iterator[Finding]:
    """Every entry bears a moment at which the case was at work."""
    worked = history.worked_at(run.history)
    before: datetime | None = None
    at = 0
    for entry in own:
        if entry.at == before:
            continue
        while at < len(worked) and worked[at] < entry.at - _CLOCKS_AGREE_TO:
            at += 1
        if at == len(worked) or worked[at] > entry.at + _CLOCKS_AGREE_TO:
            yield Finding(
                "history",
                f"Entry {entry.n} says {moment(entry.at)}, and the engine has no work on the case at that moment.",
                entry.n,
            )
        before = entry.at


def _acts(run: Run, own: Sequence[Entry], heads: Heads, seen: dict[str, int]) -> Iterator[Finding]:
    """Every act that came in is an entry, every entry of an act came in, and every receipt says what the entry says."""
    by_id: dict[str, list[Entry]] = {}
    malformed: list[Entry] = []
    for entry in own:
        if entry.kind == "refused" and "well-formed" in entry.safeguards and "given" in entry.body:
            malformed.append(entry)
        elif entry.kind in ("accepted", "refused") and entry.act_id is not None:
            by_id.setdefault(entry.act_id, []).append(entry)
    for entry in own:
        yield from _dossier_read(entry, heads)
    came: set[str] = set()
    shapeless = 0
    for each in history.said(run.history):
        try:
            act = parse_act(each.given)
        except Malformed:
            shapeless += each.by_signal
            continue
        entry = _entry_of(act, by_id.get(act.act_id, ()))
        came.add(act.act_id)
        if entry is not None and as_signed(act) == _without_signature(entry):
            seen[act.act_id] = entry.n
        elif each.by_signal and (entry is not None or act.act_id in seen):
            shapeless += 1  # its id was used before with other content; a signal of that kind is put on record
        elif entry is not None:
            yield Finding(
                "history",
                f"Entry {entry.n} does not say what was said in event {each.event} of run {run.run_id}.",
                entry.n,
            )
        elif each.by_signal and any(_same_json(entry.body["given"], each.given) for entry in malformed):
            shapeless += 1  # the program had a fault just then; what was sent is on record as it came
        elif act.act_id not in seen and (each.receipt is not None or (each.by_signal and history.ended(run.history))):
            yield Finding(
                "history",
                f"An act came in by event {each.event} of run {run.run_id}, and the ledger has no entry of it.",
            )
        if each.receipt is not None:
            yield from _receipt(run, each, entry, heads)
    for act_id, entry in ((act_id, entry) for act_id, entries in by_id.items() for entry in entries):
        if act_id not in came:
            yield Finding(
                "history",
                f"Entry {entry.n} records an act that never came in, as far as run {run.run_id} shows.",
                entry.n,
            )
    if len(malformed) > shapeless:
        yield Finding(
            "history",
            f"The ledger has {len(malformed)} malformed signals in run {run.run_id}, and {shapeless} came in.",
            malformed[-1].n,
        )


def _entry_of(act: Act, entries: Sequence[Entry]) -> Entry | None:
    """The entry of an act that came in, among those of its id.

    A forgery that was refused for its signature leaves its id to the true act; and one act may come twice, signed anew.
    """
    given = as_given(act)
    exact = next((entry for entry in entries if entry.body.get("act") == given), None)
    if exact is not None:
        return exact
    good = [entry for entry in entries if "fault" not in (entry.facts.get("signature") or {})]
    return next(iter(good or entries), None)


def _without_signature(entry: Entry) -> dict[str, Any]:
    said: dict[str, Any] = entry.body.get("act") or {}
    return {name: said[name] for name in said if name != "signature"}


def _dossier_read(entry: Entry, heads: Heads) -> Iterator[Finding]:
    """An approval that stands names a head of this case that its giver can have read."""
    if entry.kind == "accepted" and entry.act in ("approve_return", "approve_travel"):
        read = heads.number_of(str(entry.body.get("act", {}).get("dossier")))
        if read is None or read >= entry.n:
            yield Finding(
                "history", f"The approval in entry {entry.n} names a head that did not stand before it.", entry.n
            )


def _same_json(told: Any, given: bytes) -> bool:
    try:
        return bool(told == json.loads(given))
    except (ValueError, RecursionError):
        return False


def _receipt(run: Run, each: history.Said, entry: Entry | None, heads: Heads) -> Iterator[Finding]:
    receipt: Any = each.receipt
    n, head = receipt["entry"], receipt["head"]
    if (heads.number_of(head) or 0) < n:
        yield Finding(
            "history",
            f"The receipt in run {run.run_id} for entry {n} names a head that the ledger does not have.",
            n,
        )
    if entry is not None and (n, receipt["result"]) != (entry.n, entry.kind):
        yield Finding(
            "history",
            f"Entry {entry.n} says {entry.kind}; the receipt said {receipt['result']}, entry {n}.",
            entry.n,
        )


def _result(run: Run, heads: Heads) -> Iterator[Finding]:
    view = history.result(run.history)
    if view is not None and not (view["entries"] == len(heads) and heads.stands(len(heads), view["head"])):
        yield Finding(
            "history",
            f"Run {run.run_id} ended the case at entry {view['entries']}, and the ledger ends at entry {len(heads)}.",
            len(heads),
        )
