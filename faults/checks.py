"""What must hold once everything is mended: judged from what was said, what was answered, and what is on record."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from activities.notices import notice_key
from faults.house import Ways
from procedure import consequences
from procedure.acts import as_signed, parse_act
from procedure.entries import Entry, chain_faults, entry_from_json, moment, read_moment
from procedure.folding import fold
from workflows.messages import Telling

Fields = dict[str, Any]
ROW: tuple[str, ...] = (
    *("reference", "agreement", "host_state", "origin_state", "status", "stage", "solution", "outcome"),
    *("entries", "refused"),
)
"""Fields that the caseload shows as the case's own view has them."""


@dataclass(frozen=True)
class Said:
    """One act as it was sent, and every receipt that any client got for it."""

    n: int
    act: Fields
    """Without a signature: each client signs for itself."""
    by_signal: bool = False
    expect: str | None = None
    malformed: bool = False
    """Whether the case said that it is malformed: then nothing of it may be on record."""
    receipts: list[Fields] = field(default_factory=list[Fields])


@dataclass(frozen=True)
class Left:
    """Everything that a course left behind."""

    reference: str
    said: Sequence[Said]
    ledger: Sequence[Fields]
    view: Fields
    row: Fields | None
    tellings: Sequence[Telling]
    """As the engine's histories have them, in the order in which they were asked for."""
    mails: Sequence[EmailMessage]
    events: Sequence[Fields]
    folder: Sequence[EmailMessage]
    """What lies in the folder of notices: all of them without mail, else what could not wait for the mail server."""
    ways: Ways
    audit: Sequence[str]
    """Sentences of what an audit found."""
    signed: bool = False
    """Whether every act was signed by whoever sent it."""
    given_up_early: Sequence[tuple[int, int]] = ()
    """Entries, from and to, whose telling the engine gave up by a clock of its own: nobody can ask that they were told."""


def differences(left: Left) -> list[str]:
    """Everything that is not as it must be, a sentence each."""
    entries = [entry_from_json(each) for each in left.ledger]
    found = list(chain_faults(entries))
    if [entry.n for entry in entries] != list(range(1, len(entries) + 1)):
        found.append("the record's numbers do not run from 1 without a gap")
    found += _acts(left, entries)
    found += _row(left)
    found += [f"the audit found: {sentence}" for sentence in left.audit]
    found += _post(left, entries)
    return list(dict.fromkeys(found))


def _acts(left: Left, entries: Sequence[Entry]) -> Iterator[str]:
    by_id: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.act_id:
            by_id.setdefault(entry.act_id, []).append(entry)
    hashes = {entry.hash: entry.n for entry in entries}
    for each in left.said:
        act_id = each.act["act_id"]
        name = f"act {each.n} ({each.act['act']})"
        there = by_id.pop(act_id, [])
        if each.malformed:
            if there:
                yield f"{name} is malformed and is on record as entry {there[0].n}"
            continue
        if len(there) != 1:
            yield f"{name} is on record {len(there)} times"
            continue
        entry = there[0]
        if not each.receipts and not each.by_signal:
            yield f"{name} never got a receipt"
        if each.expect not in (None, entry.kind):
            yield f"{name} should have been {each.expect} and was {entry.kind}"
        recorded = dict(entry.body["act"])
        if (recorded.pop("signature", None) is not None) != left.signed:
            yield f"{name} is on record {'without' if left.signed else 'with'} a signature"
        if recorded != as_signed(parse_act(each.act)):
            yield f"{name} is not on record as it was sent"
        for receipt in each.receipts:
            yield from (f"{name}: {why}" for why in _receipt(receipt, entry, entries, hashes))
            if receipt != each.receipts[0]:
                yield f"{name} was answered in two ways"
    for act_id in by_id:
        yield f"an act {act_id} is on record that nobody sent"


def _receipt(receipt: Fields, entry: Entry, entries: Sequence[Entry], hashes: Mapping[str, int]) -> Iterator[str]:
    if (receipt["entry"], receipt["result"]) != (entry.n, entry.kind):
        yield f"the receipt says {receipt['result']} as entry {receipt['entry']}; it is {entry.kind} as entry {entry.n}"
        return
    if receipt["refusals"] != entry.body.get("refusals", []):
        yield "the receipt tells of other refusals than the entry"
    head = hashes.get(receipt["head"], 0)
    if head < entry.n or any(later.act_id for later in entries[entry.n : head]):
        yield "the receipt's head is not that of the record after this act"
        return
    case = fold(entries[:head])
    if (receipt["stage"], set(receipt["holds"])) != (case.stage, set(case.holds)):
        yield "the receipt's stage or holds are not those of the record after this act"


def _row(left: Left) -> Iterator[str]:
    row, view = left.row, left.view
    if row is None:
        yield "the caseload has no row of the case"
        return
    for name in ROW:
        if row[name] != view[name]:
            yield f"the caseload's {name} is {row[name]}, the case's {view[name]}"
    if set(row["holds"]) != set(view["holds"]):
        yield f"the caseload's holds are {row['holds']}, the case's {view['holds']}"
    if any(each["first"] not in {first for first, _ in left.given_up_early} for each in row["untold"]):
        yield "the caseload shows something untold"
    if view["entries"] != len(left.ledger) or view["head"] != left.ledger[-1]["hash"]:
        yield "the view's entries and head are not the record's"


def _post(left: Left, entries: Sequence[Entry]) -> Iterator[str]:
    told = list({(each.first, each.last): each for each in left.tellings}.values())
    covered = Counter(n for each in told for n in range(each.first, each.last + 1))
    for entry in entries:
        # Without a webhook, what nobody need be told of is part of none.
        if covered[entry.n] > 1 or (not covered[entry.n] and (left.ways.webhook or _owed(entry, entries))):
            yield f"entry {entry.n} is part of {covered[entry.n]} tellings"
    owed: dict[str, str] = {}
    for each in told:
        for notice in each.notices:
            owed[f"{left.reference}.{notice.entry}.{notice_key(left.reference, notice)}"] = (
                f"entry {notice.entry} ({notice.kind} to {notice.to_role} {notice.to_state})"
            )
        yield from _as_the_law_says(each, entries)
    got = notices_got(left)
    for mail in left.mails:
        if _said_by(mail) != got[key := _key(mail)]:
            yield f"two notices that differ have the id {key}"
    lying = Counter(map(_key, left.folder))
    yield from (f"a notice lies {times} times in the folder: {key}" for key, times in lying.items() if times > 1)
    for notice in left.folder:
        if (key := _key(notice)) not in owed:
            # One owed to the same people of the same entry, told twice, differs in its due moment alone.
            yield f"a notice lies in the folder that was not owed: {key} ({notice['Subject']}, {notice['Date']})"
    lost = {n for first, last in left.given_up_early for n in range(first, last + 1)}
    for key, what in owed.items():
        if key not in got and int(key.split(".")[1]) not in lost:
            yield f"a notice was never sent: {what}"
    yield from (f"a notice was sent that was not owed: {key}" for key in got if key not in owed)
    if left.ways.webhook:
        yield from _events(left, entries, lost)


def notices_got(left: Left) -> dict[str, tuple[str, ...]]:
    """Each notice that got out, by its key: by mail, or into the folder where there is no mail."""
    got: dict[str, tuple[str, ...]] = {}
    for notice in left.mails if left.ways.mail else left.folder:
        got.setdefault(_key(notice), _said_by(notice))
    return got


def _key(notice: EmailMessage) -> str:
    return str(notice["Message-ID"]).strip().strip("<>").partition("@")[0]


def _said_by(notice: EmailMessage) -> tuple[str, ...]:
    return str(notice["To"]), str(notice["Subject"]), str(notice.get_content())


def _owed(entry: Entry, entries: Sequence[Entry]) -> bool:
    """Whether the law has somebody told of an entry that is part of no telling."""
    group = [entry]
    for later in entries[entry.n :]:
        if later.act_id:
            break
        group.append(later)
    case = fold(entries[: group[-1].n])
    return any(each["entry"] == entry.n for each in consequences.notices(case, group, case.recorded_at))


def _as_the_law_says(telling: Telling, entries: Sequence[Entry]) -> Iterator[str]:
    """What the law says is to be told of these entries is among what the case asked to be told."""
    group = entries[telling.first - 1 : telling.last]
    if not group:
        return
    case = fold(entries[: telling.last])
    asked = [(n.kind, n.to_role, n.to_state, n.entry, n.act) for n in telling.notices]
    for each in consequences.notices(case, group, case.recorded_at):
        key = (each["kind"], each["to_role"], each["to_state"], each["entry"], each.get("act"))
        if key not in asked:
            yield f"the case asked for no notice of entry {each['entry']} ({each['kind']} to {each['to_role']})"


def _events(left: Left, entries: Sequence[Entry], lost: set[int]) -> Iterator[str]:
    by_id: dict[str, Fields] = {}
    for event in left.events:
        if by_id.setdefault(event["id"], event) != event:
            yield f"two events that differ have the id {event['id']}"
    for entry in entries:
        event = by_id.pop(f"{left.reference}/{entry.n}", None)
        if event is None:
            if entry.n not in lost:
                yield f"the event of entry {entry.n} was never taken"
        elif (event["hash"], event["kind"], moment(read_moment(event["at"]))) != (
            entry.hash,
            entry.kind,
            moment(entry.at),
        ):
            yield f"the event of entry {entry.n} is not the entry's"
    yield from (f"an event was sent of no entry: {id}" for id in by_id)


def sentences(findings: Iterable[Any]) -> list[str]:
    return [finding.sentence for finding in findings]
