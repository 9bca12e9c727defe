"""What is left of a case that was erased: its headers, in their chain, and a certificate of what nobody can read any more.

The key of the case is destroyed; this was written before. It holds nothing of the child: of each entry the header, of
the last one, ``erased``, all of it. Whoever has it can check the chain with no server and no key.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from typing import Any, Final, Self, cast

from casefile.checks import Heads, chain_findings
from casefile.findings import Finding
from casefile.redaction import Line, is_withheld, line_as_json, line_from_json
from procedure.entries import Draft, Entry, moment, read_moment, seal
from procedure.intake import REFERENCE
from procedure.retention import GROUNDS, Ground

FORMAT: Final = "homeward.erased/1"

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")

UNREADABLE: Final = (
    "every body of the ledger: what was said of the child, by whom, and in which words",
    "the engine's histories of the case and of its processes, in the engine's database and in every backup of it",
    "the runs of the case in the archive",
)
STILL_READABLE: Final = (
    "dossiers that were handed out, notices that were sent, and whatever people wrote down elsewhere",
    "the headers: which acts were recorded, refused or missed, when, by which role of which state",
    "the log of who read the case",
)


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

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "role": self.role,
            "state": self.state,
            "office": self.office,
            "signed_in": self.signed_in,
        }


@dataclass(frozen=True, kw_only=True)
class Erased:
    """The certificate. ``lines`` are the whole ledger without bodies, the last of them the entry ``erased``."""

    reference: str
    agreement: str
    """Its id, under which the time of keeping ran."""
    kept_until: date
    """The first day on which it might be erased."""
    ground: Ground
    asked_by: Officer
    confirmed_by: Officer
    key_store: str
    key_encryption_keys: tuple[str, ...]
    """Those at hand on that day: while one of them is anywhere, a backup of the key store from before can be opened."""
    lines: tuple[Entry, ...] = field(repr=False)

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
        return (json.dumps(self.as_json(), ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()

    @property
    def digest(self) -> str:
        """SHA-256 of :attr:`as_bytes`, hex."""
        return hashlib.sha256(self.as_bytes).hexdigest()

    def as_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "reference": self.reference,
            "agreement": self.agreement,
            "erased_at": moment(self.at),
            "kept_until": self.kept_until.isoformat(),
            "ground": self.ground,
            "asked_by": self.asked_by.as_json(),
            "confirmed_by": self.confirmed_by.as_json(),
            "key_store": self.key_store,
            "key_encryption_keys": list(self.key_encryption_keys),
            "head": self.head,
            "unreadable": list(UNREADABLE),
            "still_readable": list(STILL_READABLE),
            "entries": [line_as_json(line) for line in self.lines],
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
            erased = cls(
                reference=_matching(REFERENCE, told["reference"]),
                agreement=str(told["agreement"]),
                kept_until=date.fromisoformat(_matching(_DAY, told["kept_until"])),
                ground=_ground(told["ground"]),
                asked_by=Officer(**told["asked_by"]),
                confirmed_by=Officer(**told["confirmed_by"]),
                key_store=str(told["key_store"]),
                key_encryption_keys=tuple(str(each) for each in told["key_encryption_keys"]),
                lines=tuple(_entry(each) for each in told["entries"]),
            )
            whole = bool(erased.lines) and read_moment(told["erased_at"]) == erased.at and told["head"] == erased.head
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise NotAnErasure(f"it is not of the shape of one ({type(error).__name__})") from None
        if not whole:
            raise NotAnErasure("it says of itself what its entries do not say")
        return erased


def erase(
    entries: Sequence[Entry],
    *,
    reference: str,
    agreement: str,
    kept_until: date,
    ground: Ground,
    asked_by: Officer,
    confirmed_by: Officer,
    at: datetime,
    key_store: str,
    key_encryption_keys: Iterable[str],
) -> Erased:
    """What is to be left of a case: its headers, and at their end that it was erased. Nothing is destroyed here."""
    newest = entries[-1]
    last = seal(
        Draft(
            kind="erased",
            actor_role=confirmed_by.role,
            actor_state=confirmed_by.state,
            facts={"ground": ground, "kept_until": kept_until.isoformat()},
            body={"asked_by": asked_by.as_json(), "confirmed_by": confirmed_by.as_json()},
        ),
        n=newest.n + 1,
        at=max(at, newest.at),
        prev=newest.hash,
        # The case's own secret goes with its key; the body of this entry hides nothing.
        seed=secrets.token_bytes(32),
    )
    return Erased(
        reference=reference,
        agreement=agreement,
        kept_until=kept_until,
        ground=ground,
        asked_by=asked_by,
        confirmed_by=confirmed_by,
        key_store=key_store,
        key_encryption_keys=tuple(key_encryption_keys),
        lines=(*(replace(entry, salt="", body={}) for entry in entries), last),
    )


def erasure_findings(erased: Erased, held: Sequence[str] = ()) -> list[Finding]:
    """What is wrong with what is left of an erased case. ``held`` are heads that a reader got elsewhere, in receipts."""
    heads = Heads()
    findings = list(chain_findings(erased.lines, heads))
    last, before = erased.lines[-1], erased.lines[:-1]
    if last.kind != "erased" or is_withheld(last) or any(entry.kind == "erased" for entry in before):
        findings.append(
            Finding("chain", "It does not end with the one entry that says that the case was erased.", last.n)
        )
    elif last.body != {"asked_by": erased.asked_by.as_json(), "confirmed_by": erased.confirmed_by.as_json()} or (
        last.facts != {"ground": erased.ground, "kept_until": erased.kept_until.isoformat()}
    ):
        findings.append(Finding("dossier", f"The certificate says something else than entry {last.n}.", last.n))
    findings += [
        Finding("body", f"Entry {entry.n} has a body still: it was not erased.", entry.n)
        for entry in before
        if not is_withheld(entry)
    ]
    if not any(entry.kind == "closed" for entry in before):
        findings.append(Finding("dossier", "The case was never closed, and an open case is never erased."))
    if erased.at.date() < erased.kept_until:
        findings.append(Finding("dossier", f"It was erased before {erased.kept_until}, until when it had to be kept."))
    if erased.asked_by.id == erased.confirmed_by.id:
        findings.append(Finding("dossier", "One and the same officer asked for it and confirmed it."))
    first = before[0].facts if before else {}
    if first.get("reference", erased.reference) != erased.reference:
        findings.append(Finding("dossier", "Its entries are those of another case."))
    findings += [
        Finding("chain", f"The head {head[:12]}… that you hold stands nowhere in this record.")
        for head in held
        if heads.number_of(head) is None
    ]
    return findings


def archived_findings(erased: Erased, archived: Iterable[Sequence[dict[str, Any]]]) -> list[Finding]:
    """Where the headers that lie beside the sealed runs of the archive are not those of the certificate."""
    known = {entry.n: entry.hash for entry in erased.lines}
    return [
        Finding("archive", f"The archive has entry {header.get('n')} otherwise than the certificate.", header.get("n"))
        for headers in archived
        for header in headers
        if known.get(cast("int", header.get("n"))) != header.get("hash")
    ]


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
