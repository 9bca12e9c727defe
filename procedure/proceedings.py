"""One case, being conducted: it hears acts, lets time pass, and remembers what it answered.

This is what a durable workflow keeps. It is as pure as the law it applies: what happens depends on
the arguments alone, moments and the secret seed included.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Self, cast

import rfc8785
from pydantic import TypeAdapter

from procedure import decide
from procedure.acts import ACTS, MAX_ACT_BYTES, Act, as_given, as_signed
from procedure.agreement import Agreement
from procedure.canonical import canonical
from procedure.case import Case
from procedure.entries import Draft, Entry, entry_from_json
from procedure.faults import Fault, MalformedAct
from procedure.intake import Intake
from procedure.ledger import Ledger, Volume, all_unpacked
from procedure.safeguards.asked import Refusal, refuse
from procedure.signing import UNSIGNED, Standing
from procedure.views import try_to_show, view
from procedure.vocabulary import PROCEDURE_VERSION, ROLES, SafeguardName

_LONGEST_ACT_ID: Final = 64
REMEMBERED_ACTS: Final = 1_000
"""How many of the latest acts are known again when they are sent a second time."""

MOST_CARRIED: Final = 1_000_000
"""Characters of bound entries that go on to the next run."""

_LEFT_BEHIND: Final = "This act was refused when it first came; entry {n} says why in full."
_READ_IT: Final = "Read that entry in the record; send an act anew with an id of its own."

Receipt = dict[str, Any]
_CASE: Final = TypeAdapter(Case)


class Proceedings:
    """A case in the making. Not safe for use by several threads at once."""

    def __init__(self, case: Case, ledger: Ledger, seed: bytes, answered: dict[str, list[Any]] | None = None) -> None:
        self.case = case
        self._ledger = ledger
        self._seed = seed
        # act_id -> [digest of the act, its entry, last entry of its answer, stage, holds], and where its entry is
        # no longer at hand also [safeguards that refused it, head]
        self._answered: dict[str, list[Any]] = answered or {}
        self._some_faulty = any(map(_is_faulty_id, self._answered))
        # A case as these proceedings left it, and when it wakes: up to then nothing comes of time. What comes from
        # an earlier run may have been left under other rules, and is looked at once.
        self._left: tuple[Case, datetime | None] | None = None

    # Beginning and going on

    @classmethod
    def open_case(
        cls,
        intake: Intake,
        agreement: Agreement,
        *,
        reference: str,
        at: datetime,
        seed: bytes,
        facts: Mapping[str, Any] | None = None,
        version: str = PROCEDURE_VERSION,
    ) -> Self:
        """Open a case: entry 1, and what follows from where the child is.

        ``at`` is the moment of opening (UTC). ``seed`` is 32 secret bytes, drawn once for the case.
        ``facts`` are further facts for entry 1 that are not personal. ``version`` is that of the rules.
        """
        ledger = Ledger()
        case = decide.open_case(
            intake, agreement, reference=reference, at=at, ledger=ledger, seed=seed, facts=facts, version=version
        )
        return cls(case, ledger, seed)

    def decide_under(self, version: str) -> None:
        """Decide what comes from now on by that version of the rules; the first entry that comes of it says so."""
        self.case = self.case.but(moves_to=None if version == self.case.procedure_version else version)

    @classmethod
    def resume(cls, carried: Mapping[str, Any]) -> Self:
        """The proceedings that :meth:`carry` put away."""
        return cls(
            _CASE.validate_python(_with_agreement(carried["case"])),
            _ledger_of(carried["entries"]),
            bytes.fromhex(carried["seed"]),
            {act_id: list(answer) for act_id, answer in carried["answered"].items()},
        )

    def carry(self, most_bytes: int = MOST_CARRIED) -> dict[str, Any]:
        """Everything as one JSON object, for the next run of the workflow.

        The entries travel along, bound in volumes: those that came bound stay closed, however old the case is. Should
        they outgrow ``most_bytes`` the oldest stay behind: they remain in the histories of the earlier runs, and the
        chain runs on.
        """
        volumes = self._ledger.bound(most_bytes)
        oldest = volumes[0].first
        case = _CASE.dump_python(self.case, mode="json", exclude={"agreement", "moves_to", "running"})
        return {
            "case": {**case, "agreement": self.case.agreement.terms()},
            "entries": [list(volume) for volume in volumes],
            "seed": self._seed.hex(),
            "answered": {
                act_id: answer if answer[1] >= oldest else self._without_its_entry(answer)
                for act_id, answer in self._answered.items()
            },
        }

    # Hearing

    def check(self, act: Act) -> None:
        """Raise :class:`~procedure.faults.MalformedAct` when the act's id was used with other content."""
        answered = self._answered.get(act.act_id)
        if answered is not None and answered[0] != _digest(act):
            raise MalformedAct(
                [Fault(path="act_id", message="was used before with other content; give this act an id of its own")]
            )

    def knows(self, act: Act) -> bool:
        """Whether this act was answered before, so that it gets its first receipt again."""
        return self._answer_to(act) is not None

    def hear(self, act: Act, at: datetime, signed: Standing | None = None) -> Receipt:
        """Hear one act at the moment ``at``, time passing up to it first. The same act again gets its first receipt.

        ``signed`` is what was found of its signature, where it bears one. In a case where only signed acts count an
        act is refused without. Its signature is not part of what makes an act the same: it may be signed anew. Raises :class:`~procedure.faults.MalformedAct` when the id was used with other content.
        """
        self.check(act)
        if (answer := self._answer_to(act)) is not None:
            return self._receipt(answer)
        if signed is None and self.case.signed:
            signed = UNSIGNED
        at = self.not_before_the_last(at)
        self.let_time_pass(at)
        first = self.case.n + 1
        before = self.case
        try:
            self.case = decide.decide(before, act, at, self._ledger, self._seed, signed)
            # What could not be shown, or waited for, must not come on record: every later act would fail of it.
            try_to_show(self.case, at)
            self._left = (self.case, decide.next_due(self.case))
        except BaseException:
            # A fault of ours must not leave half an answer on record.
            self.case = before
            self._ledger.cut(before.n)
            raise
        # ``decide`` writes the act's own entry first.
        faulty = signed is not None and signed.fault is not None
        return self._remember(_faulty_id(act) if faulty else act.act_id, _digest(act), first)

    def hear_malformed(self, given: bytes, faults: list[Fault], at: datetime) -> Receipt:
        """Put a malformed signal on record as refused by ``well-formed``: nobody waits for its answer, so it must not be lost."""
        at = self.not_before_the_last(at)
        self.let_time_pass(at)
        said = _as_far_as_readable(given)
        named = _object(said)
        actor = _object(named.get("actor"))
        act, act_id = named.get("act"), named.get("act_id")
        found = refuse(
            "well-formed",
            "; ".join(f"{fault['path']}: {fault['message']}" for fault in faults)[:4_000],
            "Send the act again in the contract's shape; `homeward schema act` shows it.",
        )
        draft = Draft(
            kind="refused",
            act=act if isinstance(act, str) and act in ACTS else None,
            act_id=act_id if isinstance(act_id, str) and 0 < len(act_id) <= 64 else None,
            actor_role=actor.get("role") if actor.get("role") in ROLES else None,
            actor_state=_state(actor.get("state")),
            safeguards=("well-formed",),
            facts={"faults": len(faults)},
            body={"given": said, "bytes": len(given), "refusals": [found]},
        )
        first = self.case.n + 1
        self.case = decide.refuse_malformed(self.case, draft, at, self._ledger, self._seed)
        return self._receipt(["", first, self.case.n, self.case.stage, list(self.case.holds)])

    def let_time_pass(self, at: datetime) -> list[Entry]:
        """Put on record what has come due by ``at``. Returns the entries made, in order."""
        before = self.case.n
        at = self.not_before_the_last(at)
        if self._left is not None and self._left[0] is self.case and _is_ahead(self._left[1], at):
            return []
        self.case = decide.pass_time(self.case, at, self._ledger, self._seed)
        self._left = (self.case, decide.next_due(self.case))
        return self._ledger.since(before)

    def next_due(self) -> datetime | None:
        """The earliest moment at which :meth:`let_time_pass` has something to put on record."""
        if self._left is not None and self._left[0] is self.case:
            return self._left[1]
        return decide.next_due(self.case)

    # Looking

    @property
    def entries(self) -> list[Entry]:
        """The entries at hand, oldest first."""
        return list(self._ledger)

    def since(self, n: int) -> list[Entry]:
        """The entries after number ``n``."""
        return self._ledger.since(n)

    def view(self, at: datetime) -> dict[str, Any]:
        """The contract's case view at the moment ``at``."""
        return view(self.case, at)

    def ledger(self, first: int = 1, most_bytes: int | None = None) -> list[dict[str, Any]]:
        """The entries from number ``first`` on, as the contract's JSON objects.

        Where an answer may have ``most_bytes`` at most, as many as it holds, and at least one.
        """
        wanted = self._ledger.after(first - 1)
        if most_bytes is None:
            return [entry.as_json() for entry in wanted]
        told: list[dict[str, Any]] = []
        for entry in wanted:
            each = entry.as_json()
            most_bytes -= len(json.dumps(each, ensure_ascii=False).encode("utf-8", "replace"))
            if told and most_bytes < 0:
                break
            told.append(each)
        return told

    # Remembering

    def _answer_to(self, act: Act) -> list[Any] | None:
        answer = self._answered.get(act.act_id)
        # That other id is a digest of the whole act: not made where nobody was remembered by one.
        return self._answered.get(_faulty_id(act)) if answer is None and self._some_faulty else answer

    def _remember(self, act_id: str, digest: str, first: int) -> Receipt:
        answer = [digest, first, self.case.n, self.case.stage, list(self.case.holds)]
        self._answered[act_id] = answer
        self._some_faulty = self._some_faulty or _is_faulty_id(act_id)
        while len(self._answered) > REMEMBERED_ACTS:
            # What came without a good signature goes first: nobody drives a true act out of memory, to send it once more.
            oldest = next(filter(_is_faulty_id, self._answered), None) if self._some_faulty else None
            del self._answered[oldest or next(iter(self._answered))]
        return self._receipt(answer)

    def _receipt(self, answer: list[Any]) -> Receipt:
        _, n, _, stage, holds, *_ = answer
        _, head, refusals = self._said_then(answer)
        return {
            "reference": self.case.reference,
            "entry": n,
            "result": "refused" if refusals else "accepted",
            "refusals": refusals,
            "stage": stage,
            "holds": list(holds),
            "head": head,
        }

    def _said_then(self, answer: list[Any]) -> tuple[list[SafeguardName], str, list[Refusal]]:
        """Which safeguards refused an act, the head of its receipt, and the refusals; none where it was accepted."""
        _, n, last, _, _, *kept = answer
        if kept:
            names, head = kept
            return names, head, [refuse(name, _LEFT_BEHIND.format(n=n), _READ_IT) for name in names]
        entry, newest = self._ledger.find(n), self._ledger.find(last)
        assert entry is not None
        assert newest is not None
        refusals: list[Refusal] = entry.body.get("refusals", []) if entry.kind == "refused" else []
        return list(dict.fromkeys(refusal["safeguard"] for refusal in refusals)), newest.hash, refusals

    def _without_its_entry(self, answer: list[Any]) -> list[Any]:
        """An answer that can be given again when its entry is no longer at hand."""
        names, head, _ = self._said_then(answer)
        return [*answer[:5], names, head]

    def not_before_the_last(self, at: datetime) -> datetime:
        """The record's moments never run backwards, whatever a clock does."""
        return max(at, self.case.recorded_at)


def _digest(act: Act) -> str:
    return hashlib.sha256(canonical(as_signed(act))).hexdigest()[:32]


def _faulty_id(act: Act) -> str:
    """What an act is remembered by whose signature was at fault: longer than any id of an act.

    Were it remembered by its own id, whoever forges an act could have the true one take the forgery's receipt.
    """
    digest = hashlib.sha256(canonical(as_given(act))).hexdigest()
    return f"signature at fault: {digest}"


def _is_ahead(due: datetime | None, at: datetime) -> bool:
    return due is None or due > at


def _is_faulty_id(known: str) -> bool:
    return len(known) > _LONGEST_ACT_ID


def carried_entries(entries: Any) -> list[dict[str, Any]]:
    """What travelled along with a case as :meth:`Proceedings.carry` has it under ``entries``: the JSON of each entry.

    Raises ValueError or TypeError for what cannot have been put away.
    """
    texts = [entries] if isinstance(entries, str) else [text for _, _, text in entries]
    return [entry for some in all_unpacked(texts) for entry in some]


def _ledger_of(entries: Any) -> Ledger:
    # One text is how earlier code put them away.
    if isinstance(entries, str):
        return Ledger(entry_from_json(entry) for entry in carried_entries(entries))
    return Ledger(volumes=[Volume(*volume) for volume in entries])


def _with_agreement(carried: Mapping[str, Any]) -> dict[str, Any]:
    return {**carried, "agreement": Agreement.shared(carried["agreement"])}


def _object(given: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", given) if isinstance(given, dict) else {}


def _state(given: Any) -> str | None:
    return given if isinstance(given, str) and len(given) == 2 and given.isascii() and given.isupper() else None


def _as_far_as_readable(given: bytes) -> Any:
    """What was sent, as JSON where it is JSON, else as text; cut where it is too long to keep."""
    if len(given) > MAX_ACT_BYTES:
        digest = hashlib.sha256(given).hexdigest()
        return f"{given[:1_000].decode('utf-8', 'replace')} ... (cut; sha256 of the whole: {digest})"
    try:
        said = json.loads(given)
        canonical(said)
    except (ValueError, RecursionError, rfc8785.CanonicalizationError):
        return given.decode("utf-8", "replace")
    if not _shallow(said, _DEEPEST):
        # What can be written here might be too deep where the stack is fuller.
        return given.decode("utf-8", "replace")
    return said


_DEEPEST: Final = 100


def _shallow(said: Any, levels: int) -> bool:
    """Whether lists and objects are nested no deeper than so many levels."""
    if not isinstance(said, (dict, list)):
        return True
    inner: Iterable[Any] = cast(dict[str, Any], said).values() if isinstance(said, dict) else cast(list[Any], said)
    return levels > 0 and all(_shallow(each, levels - 1) for each in inner)
