"""Acts as they come to a case: read, heard at every stage, put on record, shown, handed over to the next run."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from random import Random
from typing import Any, Final

from activities.agreements import BASE, AgreementShelf
from casefile.delays import INVENTED, read_delays
from casefile.foresight import InventedCase
from casefile.invented import states_of
from casefile.languages import LANGUAGES, language
from casefile.story import consequences as told_consequences
from casefile.story import refusals, sentence
from hostile import signatures
from hostile.judging import MEGABYTE, Given, Wrong
from hostile.values import copied, documents, spoil, written
from procedure import consequences
from procedure.acts import Act, as_given, as_signed, parse_act
from procedure.case import Case
from procedure.entries import Entry, hash_of_header
from procedure.faults import Fault, MalformedAct
from procedure.folding import after, opened
from procedure.ledger import Ledger
from procedure.proceedings import Proceedings
from procedure.signing import Standing as Looked
from proof.alphabet import Now, sayings
from proof.exploring import SEED
from sealing.signatures import check, kid_of

_EACH: Final = 3
"""Cases that are kept of each stage with each set of holds."""
_CONDUCTED: Final = 150
"""Invented cases that are conducted for it."""
_SIGNED: Final = 0.12
"""The share of acts that bear a signature, a good one or a spoiled one."""
_NOTE: Final = {
    "act": "note",
    "act_id": "afterwards",
    "actor": {"id": "invented-monitor", "role": "monitor", "state": "UA"},
    "text": "an invented note",
}


@dataclass(frozen=True)
class Standing:
    """A case as it stands somewhere in its course, and what can be said to it there."""

    case: Case
    at: datetime
    entries: tuple[Entry, ...]
    said: tuple[dict[str, Any], ...]


@cache
def standings(each: int = _EACH) -> tuple[Standing, ...]:
    """Cases at every stage and under every hold, so many of each: invented ones, as far as they got."""
    model, delays = AgreementShelf().get(BASE), read_delays(INVENTED.read_text("utf-8"))
    found: dict[tuple[str, ...], list[Standing]] = {}
    for number in range(_CONDUCTED):
        conducted = InventedCase(number, model, delays, states=states_of(model), days=900, seed=1)
        conducted.conduct()
        entries = tuple(conducted.ledger)
        case: Case | None = None
        met: set[tuple[str, ...]] = set()
        for n, entry in enumerate(entries, start=1):
            case = opened(entry) if case is None else after(case, entry)
            follows = entries[n].kind if n < len(entries) else "accepted"
            if follows not in ("accepted", "refused"):
                continue  # between an act and what follows from it nobody else is heard
            place = (case.stage, *case.holds)
            if place not in met and len(found.get(place, ())) < each:
                met.add(place)
                now = Now(case, entry.at, Ledger(entries[:n]))
                said = [as_given(act) for saying in sayings(model) if (act := saying.said(now)) is not None]
                found.setdefault(place, []).append(Standing(case, entry.at, entries[:n], tuple(said)))
    return tuple(standing for place in sorted(found) for standing in found[place])


class Acts:
    """Acts: shape and sense spoiled, put to the law as the case's process puts them."""

    name = "acts"

    def __init__(self, standings: Sequence[Standing]) -> None:
        self.standings = standings

    def make(self, chance: Random) -> Given:
        where = chance.randrange(len(self.standings))
        standing = self.standings[where]
        said = standing.said
        if chance.random() < _SIGNED:
            return Given(self._signed(standing, chance), where)
        given = chance.choice(said)
        if given["act"] == "correct" and chance.random() < 0.3:
            return Given(_correcting(given, standing, chance), where)
        return Given(documents(given, chance, said), where)

    @staticmethod
    def _signed(standing: Standing, chance: Random) -> bytes:
        given = copied(chance.choice(standing.said))
        at = standing.at + timedelta(seconds=1)
        given = signatures.with_signature(given, chance, signatures.KEY, reference=standing.case.reference, at=at)
        if chance.random() < 0.1:
            # What was changed after it was signed.
            spoil(given, chance, standing.said)
        return written(given, chance).encode("utf-8", "surrogatepass")

    def answer(self, given: Given) -> str:
        standing = self.standings[given.where % len(self.standings)]
        drawn = zlib.crc32(given.raw)
        # Half of what may bear a signature comes to a case in which it has to.
        needed = b'"signature"' in given.raw and drawn % 2 == 0
        case = Proceedings(replace(standing.case, signed=needed), Ledger(standing.entries), SEED)
        # Some of what is said comes weeks later, when deadlines have passed; some comes by signal.
        at = standing.at + timedelta(days=40 if drawn % 11 == 0 else 0, seconds=1)
        answer = _heard(case, given.raw, at, signalled=drawn % 3 == 0)
        if case.case.n > standing.case.n:
            _can_go_on(case, standing, at, thoroughly=drawn % 8 == 0)
        return answer


def _heard(case: Proceedings, raw: bytes, at: datetime, *, signalled: bool) -> str:
    try:
        act = parse_act(raw)
        case.check(act)
    except MalformedAct as malformed:
        if not signalled:
            return f"malformed: {kind_of(malformed.faults)}"
        receipt = case.hear_malformed(raw, malformed.faults, at)
        if receipt["result"] != "refused" or receipt["refusals"][0]["safeguard"] != "well-formed":
            raise Wrong("a malformed act was not refused as such") from None
        return f"malformed: {kind_of(malformed.faults)}"
    looked = _looked_at(act, case.case, at)
    receipt = case.hear(act, at, looked)
    _fits(receipt)
    if receipt["result"] == "accepted":
        if looked is not None and looked.fault is not None:
            raise Wrong(f"an act was accepted whose signature is {looked.fault}")
        if case.case.signed and looked is None:
            raise Wrong("an act was accepted that is not signed, where only signed ones count")
        return f"accepted: {type(act).__name__}{' signed' if looked else ''}"
    fault = f" {looked.fault}" if looked is not None and looked.fault is not None else ""
    return f"refused: {receipt['refusals'][0]['safeguard']}{fault}"


def _correcting(given: dict[str, Any], standing: Standing, chance: Random) -> bytes:
    """A correction of the intake with a long list in it: each element is a fault or several, and a refusal tells them."""
    many: list[Any] = [chance.choice(("{}", "0", '"x"'))] * chance.choice((300, 5_000, 15_000))
    field = chance.choice(("relatives", "concerns", "child.languages"))
    opened = {**given["actor"], "role": "central_authority", "state": standing.case.host_state}
    said = {**given, "actor": opened, "entry": 1, "fields": {field: "MANY"}}
    return json.dumps(said).replace('"MANY"', f"[{','.join(many)}]").encode()


def _fits(answer: Any) -> None:
    """See to it that the engine takes an answer from a workflow, with some room for its seal."""
    if len(json.dumps(answer, ensure_ascii=False).encode("utf-8", "surrogatepass")) > 2 * MEGABYTE - 4_096:
        raise Wrong("an answer longer than the engine takes")


def _looked_at(act: Act, case: Case, at: datetime) -> Looked | None:
    """What is found of an act's signature, where it bears one, as the case's process looks at it."""
    if act.signature is None:
        return None
    published = signatures.STATEMENT if kid_of(act.signature) == signatures.KEY.kid else None
    return check(as_signed(act), act.signature, published, reference=case.reference, at=at)


def kind_of(faults: Sequence[Fault]) -> str:
    """What is wrong first, without what was given; raises :class:`Wrong` for a fault that says nothing."""
    for fault in faults:
        if not fault["path"] or not fault["message"] or "\n" in fault["message"]:
            raise Wrong("a fault is not one sentence at a place")
    if not faults:
        raise Wrong("malformed for no fault")
    message = faults[0]["message"]
    cut = min((message.find(sign) for sign in (":", ";", "'", '"', "`", "(", "1", "2") if sign in message), default=60)
    return message[: min(cut, 60)].strip()


def _can_go_on(case: Proceedings, standing: Standing, at: datetime, *, thoroughly: bool) -> None:
    """What the case's process does next does not fail of what is on record now, and the next act is heard."""
    made = case.since(standing.case.n)
    consequences.notices(case.case, made, at)
    consequences.events(made)
    json.dumps(consequences.caseload_row(case.case, at))
    for entry in made:
        _fits(entry.as_json())
        if hash_of_header(entry.header()) != entry.hash:
            raise Wrong("an entry's hash is not that of its header")
    if thoroughly:
        # As the workflow hands over to its next run.
        carried = json.loads(json.dumps(case.carry()))
        case = Proceedings.resume(carried)
        json.dumps(case.ledger(), ensure_ascii=False).encode("utf-8")
        said = language(LANGUAGES[len(made) % len(LANGUAGES)])
        for entry in made:
            sentence(entry, said)
            told_consequences(entry, said)
            refusals(entry, said)
    before = case.case.n
    after = case.hear(parse_act(_NOTE), at + timedelta(seconds=1), Looked() if case.case.signed else None)
    if after["entry"] <= before or after["result"] not in ("accepted", "refused"):
        raise Wrong("the next act was not heard")
    if after["result"] == "refused" and not case.case.closed:
        raise Wrong("the next good act was not taken")
