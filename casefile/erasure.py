"""What is left of a case that was erased: its headers, in their chain, and a certificate of what nobody can read any more.

The key of the case is destroyed; this was written before. It holds nothing of the child: of each entry the header, of
the last one, ``erased``, all of it. Whoever has it can check the chain with no server and no key.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, Final, Literal, Self, cast

from casefile.checks import Heads, chain_findings
from casefile.findings import Finding, What
from casefile.redaction import Line, is_withheld, line_as_json, line_from_json
from casefile.signatures import Keys
from procedure.entries import Draft, Entry, hash_of_header, moment, read_moment, seal
from procedure.floor import KEPT_AT_LEAST_YEARS
from procedure.intake import REFERENCE, birthday
from procedure.retention import GROUNDS, Ground
from procedure.signing import REQUIRED
from sealing import signatures

FORMAT: Final = "homeward.erased/1"

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")

UNREADABLE: Final = (
    "every body of the ledger: what was said of the child, by whom, and in which words",
    "the engine's histories of the case and of its processes, where they lie and in every backup since they were sealed",
    "the runs of the case in the archive",
)
STILL_READABLE: Final = (
    "dossiers that were handed out, notices that were sent, and whatever people wrote down elsewhere",
    "the headers: which acts were recorded, refused or missed, when, by which role of which state, and the marks that "
    "senders gave their acts; where the child came of age during the case, also that day",
    "the row of the case in the caseload (states, stage, ending, dates), and its search attributes in the engine",
    "the log of who read the case",
    "what an operator gave as the reason of a reset or of an end by force",
    "backups of engine and archive from before there was encryption, where the case is as old as that",
)

ROLE: Final = "central_authority"
"""Whose officers ask and confirm: those of the case's host state."""
CONFIRMED_WITHIN: Final = timedelta(days=30)
"""So long somebody else can confirm what one officer asked for. After that it is asked anew."""

StepName = Literal["ask_erasure", "confirm_erasure"]


class NotAnErasure(ValueError):
    """Bytes that are no certificate of an erasure; the text is a clause that says why."""


@dataclass(frozen=True, slots=True)
class Officer:
    """Who asked for an erasure, or confirmed it: an officer of a central authority."""

    id: str
    role: str
    state: str
    office: str | None = None
    signed_in: bool = False
    """Whether an issuer said who it is; else they said so themselves, on the engine's own machine."""

    def as_actor(self) -> dict[str, str]:
        actor = {"id": self.id, "role": self.role, "state": self.state}
        return {**actor, "office": self.office} if self.office else actor

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "role": self.role,
            "state": self.state,
            "office": self.office,
            "signed_in": self.signed_in,
        }


@dataclass(frozen=True, slots=True)
class Step:
    """What one officer did, when (UTC); signed as acts are, where cases ask for signatures."""

    by: Officer
    at: datetime
    signature: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {"by": self.by.as_json(), "at": moment(self.at), "signature": self.signature}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """The step that :meth:`as_json` wrote. Raises KeyError, TypeError and ValueError for anything else."""
        signature = told["signature"]
        if signature is not None and not isinstance(signature, str):
            raise TypeError("a signature is a text")
        return cls(Officer(**told["by"]), read_moment(told["at"]), signature)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: on which ground, under which file number of the authority, of which record."""

    ground: Ground
    file: str | None
    head: str
    """The hash of the record's newest entry."""

    def said_by(self, by: Officer, step: StepName) -> dict[str, Any]:
        """What an officer signs who asks for it, or confirms it."""
        said = {"act": step, "actor": by.as_actor(), "ground": self.ground, "dossier": self.head}
        return {**said, "file": self.file} if self.file else said


@dataclass(frozen=True, kw_only=True)
class Erased:
    """The certificate.

    ``lines`` are the whole ledger without bodies; the last of them, ``erased``, has one, and it says everything else.
    """

    reference: str
    lines: tuple[Entry, ...] = field(repr=False)
    agreement: str
    """Its id, under which the time of keeping ran."""
    kept_until: date
    """The first day on which it might be erased."""
    wish: Wish
    asked: Step
    confirmed: Step
    found: dict[str, int]
    """What an audit found that does not speak against the record, such as a reset, by kind."""
    keys: tuple[dict[str, Any], ...]
    """The published keys with which the two steps were signed."""
    key_store: str
    key_encryption_keys: tuple[str, ...]
    """Those at hand on that day: while one of them is anywhere, a backup of the key store from before can be opened."""

    @property
    def at(self) -> datetime:
        """When (UTC)."""
        return self.lines[-1].at

    @property
    def head(self) -> str:
        return self.lines[-1].hash

    @cached_property
    def as_bytes(self) -> bytes:
        """The one form in which it is kept and handed out."""
        told = {
            "format": FORMAT,
            "reference": self.reference,
            "entries": [line_as_json(line) for line in self.lines],
        }
        return (json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()

    @property
    def digest(self) -> str:
        """SHA-256 of :attr:`as_bytes`, hex."""
        return hashlib.sha256(self.as_bytes).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """What it says, without the entries, for whoever is told of it."""
        return {
            "reference": self.reference,
            "erased_at": moment(self.at),
            "head": self.head,
            **self.lines[-1].body,
        }

    @classmethod
    def of_bytes(cls, raw: bytes) -> Self:
        """The certificate that :attr:`as_bytes` wrote. Raises :class:`NotAnErasure`."""
        try:
            given: Any = json.loads(raw)
        except (ValueError, RecursionError):
            raise NotAnErasure("it is not JSON") from None
        if not isinstance(given, dict) or cast("dict[str, Any]", given).get("format") != FORMAT:
            raise NotAnErasure(f"its format is not {FORMAT!r}")
        told = cast("dict[str, Any]", given)
        try:
            return cls._read(_matching(REFERENCE, told["reference"]), tuple(_entry(each) for each in told["entries"]))
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise NotAnErasure(f"it is not of the shape of one ({type(error).__name__})") from None

    @classmethod
    def _read(cls, reference: str, lines: tuple[Entry, ...]) -> Self:
        said = lines[-1].body
        erased = cls(
            reference=reference,
            lines=lines,
            agreement=str(said["agreement"]),
            kept_until=date.fromisoformat(_matching(_DAY, said["kept_until"])),
            wish=Wish(_ground(said["ground"]), said["file"], lines[-2].hash),
            asked=Step.from_json(said["asked"]),
            confirmed=Step.from_json(said["confirmed"]),
            found={str(kind): int(count) for kind, count in said["found"].items()},
            keys=tuple(dict(key) for key in said["keys"]),
            key_store=str(said["key_store"]),
            key_encryption_keys=tuple(str(each) for each in said["key_encryption_keys"]),
        )
        if erased.says != said:
            raise ValueError("it says more, or less")
        return erased

    @property
    def says(self) -> dict[str, Any]:
        """The body of the entry ``erased``."""
        return {
            "agreement": self.agreement,
            "kept_until": self.kept_until.isoformat(),
            "ground": self.wish.ground,
            "file": self.wish.file,
            "asked": self.asked.as_json(),
            "confirmed": self.confirmed.as_json(),
            "found": self.found,
            "keys": list(self.keys),
            "key_store": self.key_store,
            "key_encryption_keys": list(self.key_encryption_keys),
            "unreadable": list(UNREADABLE),
            "still_readable": list(STILL_READABLE),
        }


def erase(
    entries: Sequence[Entry],
    *,
    reference: str,
    agreement: str,
    kept_until: date,
    wish: Wish,
    asked: Step,
    confirmed: Step,
    found: Mapping[str, int],
    keys: Iterable[Mapping[str, Any]],
    key_store: str,
    key_encryption_keys: Iterable[str],
) -> Erased:
    """What is to be left of a case: its headers, and at their end that it was erased. Nothing is destroyed here."""
    newest = entries[-1]
    told = Erased(
        reference=reference,
        lines=(),
        agreement=agreement,
        kept_until=kept_until,
        wish=wish,
        asked=asked,
        confirmed=confirmed,
        found=dict(sorted(found.items())),
        keys=tuple(dict(key) for key in keys),
        key_store=key_store,
        key_encryption_keys=tuple(key_encryption_keys),
    )
    last = seal(
        Draft(
            kind="erased",
            actor_role=confirmed.by.role,
            actor_state=confirmed.by.state,
            facts=_facts(told),
            body=told.says,
        ),
        n=newest.n + 1,
        at=max(confirmed.at, newest.at),
        prev=newest.hash,
        # The case's own secret goes with its key; the body of this entry hides nothing.
        seed=secrets.token_bytes(32),
    )
    return replace(told, lines=(*(entry._replace(salt="", body={}) for entry in entries), last))


def erasure_findings(erased: Erased, held: Sequence[str] = (), *, keys: Keys | None = None) -> list[Finding]:
    """What is wrong with what is left of an erased case.

    ``held`` are heads that a reader got elsewhere, in receipts. ``keys`` are published keys that the reader got from the
    authorities themselves, in place of those that the certificate brings along.
    """
    heads = Heads()
    findings = list(chain_findings(erased.lines, heads))
    last, before = erased.lines[-1], erased.lines[:-1]
    if last.kind != "erased" or any(entry.kind == "erased" for entry in before):
        findings.append(
            Finding("chain", "It does not end with the one entry that says that the case was erased.", last.n)
        )
    elif last.facts != _facts(erased):
        findings.append(Finding("body", f"The header of entry {last.n} says something else than its body.", last.n))
    findings += [
        Finding("body", f"Entry {entry.n} has a body still: it was not erased.", entry.n)
        for entry in before
        if not is_withheld(entry)
    ]
    if not any(entry.kind == "closed" for entry in before):
        findings.append(_wrong("The case was never closed, and an open case is never erased."))
    findings += [_wrong(sentence) for sentence in _against_the_rules(erased)]
    findings += [_wrong(sentence, "signature") for sentence in _against_the_signatures(erased, keys)]
    findings += [
        Finding("chain", f"The head {head[:12]}… that you hold stands nowhere in this record.")
        for head in held
        if heads.number_of(head) is None
    ]
    return findings


def erasure_remarks(erased: Erased) -> list[str]:
    """What a check of the certificate alone cannot tell, in sentences."""
    remarks = [
        "That the key is gone cannot be told from here: `homeward erase` tells it where the keys are kept, and which "
        "backups of the key store can still be opened."
    ]
    if erased.asked.signature is None or erased.confirmed.signature is None:
        remarks.append("The two officers did not sign: that it was they is told by nothing but this certificate.")
    elif erased.keys:
        remarks.append(
            "Get the authorities' published keys from them, and check the two signatures with those (--keys)."
        )
    if not erased.asked.by.signed_in:
        remarks.append("No issuer said who the two officers are: they said so themselves, on the engine's own machine.")
    return remarks


def _facts(erased: Erased) -> dict[str, Any]:
    return {"ground": erased.wish.ground, "kept_until": erased.kept_until.isoformat()}


def _against_the_rules(erased: Erased) -> Iterator[str]:
    """What of the certificate the rules of an erasure do not allow (docs/decisions/0029)."""
    first, newest, asked, confirmed = erased.lines[0].facts, erased.lines[-2], erased.asked, erased.confirmed
    if first.get("reference") != erased.reference:
        yield "Its entries are those of another case."
    if first.get("agreement") != erased.agreement:
        yield "It names another agreement than the case was conducted under."
    for step in (asked, confirmed):
        if (step.by.role, step.by.state) != (ROLE, erased.reference[:2]):
            yield f"{step.by.id} is no officer of the central authority of the host state."
    if asked.by.id == confirmed.by.id:
        yield "One and the same officer asked for it and confirmed it."
    if asked.by.signed_in != confirmed.by.signed_in:
        yield "Of the two officers one was signed in and the other was not."
    if not asked.at <= confirmed.at <= asked.at + CONFIRMED_WITHIN:
        yield f"It was not confirmed within {CONFIRMED_WITHIN.days} days after it was asked for."
    if confirmed.at.date() < erased.kept_until:
        yield f"It was erased before {erased.kept_until}, until when it had to be kept."
    if erased.kept_until < birthday(newest.at.date(), KEPT_AT_LEAST_YEARS):
        yield f"No agreement lets a record be erased within {KEPT_AT_LEAST_YEARS} years after its newest entry."


def _against_the_signatures(erased: Erased, keys: Keys | None) -> Iterator[str]:
    required = erased.lines[0].facts.get("signatures") == REQUIRED
    known: Mapping[str, Any] = keys if keys is not None else {str(key.get("kid")): key for key in erased.keys}
    steps: tuple[tuple[Step, StepName], ...] = (
        (erased.asked, "ask_erasure"),
        (erased.confirmed, "confirm_erasure"),
    )
    for step, name in steps:
        if step.signature is None:
            if required:
                yield f"{step.by.id} did not sign, and in this case only signed acts count."
            continue
        standing = signatures.check(
            erased.wish.said_by(step.by, name),
            step.signature,
            known.get(signatures.kid_of(step.signature) or ""),
            reference=erased.reference,
            at=step.at,
        )
        if standing.fault is not None:
            yield f"What {step.by.id} signed does not stand: {standing.message[:1].lower()}{standing.message[1:]}"


def _wrong(sentence: str, what: What = "dossier") -> Finding:
    return Finding(what, sentence)


def archived_findings(erased: Erased, archived: Iterable[Sequence[Mapping[str, Any]]]) -> list[Finding]:
    """Where the headers that lie beside the sealed runs of the archive are not those of the certificate, or missing."""
    known, seen = {entry.n: entry.hash for entry in erased.lines[:-1]}, set[int]()
    findings: list[Finding] = []
    for header in (header for headers in archived for header in headers):
        number: Any = header.get("n")
        bare = {name: told for name, told in header.items() if name != "hash"}
        try:
            same = known.get(number) == header.get("hash") == hash_of_header(bare)
        except (ValueError, TypeError, OverflowError, RecursionError):
            same = False
        if same:
            seen.add(number)
        else:
            findings.append(
                Finding("archive", f"The archive has entry {number} otherwise than the certificate.", number)
            )
    if missing := sorted(set(known) - seen):
        told = f"{missing[0]}" if len(missing) == 1 else f"{missing[0]} and {len(missing) - 1} more"
        findings.append(Finding("archive", f"Of entry {told} nothing lies in the archive beside the certificate."))
    return findings


def _entry(given: Any) -> Entry:
    line: Line = line_from_json(given)
    if not isinstance(line, Entry):
        raise ValueError("of an erased case every header is there")
    return line


def _matching(pattern: re.Pattern[str], given: Any) -> str:
    if not isinstance(given, str) or not pattern.fullmatch(given):
        raise ValueError("not of the form it should have")
    return given


def _ground(given: Any) -> Ground:
    if given not in GROUNDS:
        raise ValueError("no such ground")
    return given
