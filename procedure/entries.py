"""What the record keeps, in the past tense, and the chain of digests that holds it together.

``hash`` is SHA-256 over the canonical JSON (RFC 8785) of an entry's header; ``body_digest`` is
SHA-256 over the salt's text followed by the canonical JSON of the body. The header holds nothing
personal, so the chain can be verified when bodies have been erased (contract, section 7).
"""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from procedure.canonical import canonical
from procedure.vocabulary import EntryKind, SafeguardName

GENESIS: Final = "0" * 64
"""``prev`` of a case's first entry."""


@dataclass(slots=True, kw_only=True)
class Draft:
    """An entry before it has a number and a place in the chain."""

    kind: EntryKind
    act: str | None = None
    act_id: str | None = None
    actor_role: str | None = None
    actor_state: str | None = None
    safeguards: tuple[SafeguardName, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    body: dict[str, Any] = field(default_factory=dict[str, Any])


class Entry(NamedTuple):
    """One entry of the ledger. ``at`` is a moment in UTC; ``facts`` and the header hold nothing personal.

    A tuple, for a frozen dataclass of so many fields takes four times as long to make, and every act makes one or more.
    """

    n: int
    at: datetime
    kind: EntryKind
    act: str | None
    act_id: str | None
    actor_role: str | None
    actor_state: str | None
    safeguards: tuple[SafeguardName, ...]
    facts: dict[str, Any]
    body_digest: str
    prev: str
    hash: str
    salt: str
    body: dict[str, Any]

    def header(self) -> dict[str, Any]:
        """All that the hash covers, as the JSON object that is hashed."""
        return {
            "n": self.n,
            "at": moment(self.at),
            "kind": self.kind,
            "act": self.act,
            "act_id": self.act_id,
            "actor_role": self.actor_role,
            "actor_state": self.actor_state,
            "safeguards": list(self.safeguards),
            "facts": self.facts,
            "body_digest": self.body_digest,
            "prev": self.prev,
        }

    def as_json(self) -> dict[str, Any]:
        """The entry as the contract's JSON object."""
        return {**self.header(), "hash": self.hash, "salt": self.salt, "body": self.body}


def entry_from_json(given: dict[str, Any]) -> Entry:
    """An entry from its JSON object. It is not verified here; :func:`chain_faults` does that."""
    return Entry(
        n=given["n"],
        at=read_moment(given["at"]),
        kind=given["kind"],
        act=given["act"],
        act_id=given["act_id"],
        actor_role=given["actor_role"],
        actor_state=given["actor_state"],
        safeguards=tuple(given["safeguards"]),
        facts=given["facts"],
        body_digest=given["body_digest"],
        prev=given["prev"],
        hash=given["hash"],
        salt=given["salt"],
        body=given["body"],
    )


def seal(draft: Draft, *, n: int, at: datetime, prev: str, seed: bytes) -> Entry:
    """Give a draft its number and its place in the chain.

    The salt is drawn from the case's secret ``seed`` and the number, so that sealing is a function
    of its arguments and nobody without the seed can guess a body behind its digest.
    """
    salt = hmac.digest(seed, str(n).encode(), "sha256").hex()[:32]
    entry = Entry(
        n=n,
        at=at,
        kind=draft.kind,
        act=draft.act,
        act_id=draft.act_id,
        actor_role=draft.actor_role,
        actor_state=draft.actor_state,
        safeguards=draft.safeguards,
        facts=draft.facts,
        body_digest=digest_of_body(salt, draft.body),
        prev=prev,
        hash="",
        salt=salt,
        body=draft.body,
    )
    return entry._replace(hash=hash_of_header(entry.header()))


def as_if(draft: Draft, *, n: int, at: datetime) -> Entry:
    """An entry for a record that nobody keeps: without salt and digests, and so without the price of them.

    In a digest's place its number stands, so that an approval can still name what was read. :func:`chain_faults`
    finds every such entry.
    """
    return Entry(
        n=n,
        at=at,
        kind=draft.kind,
        act=draft.act,
        act_id=draft.act_id,
        actor_role=draft.actor_role,
        actor_state=draft.actor_state,
        safeguards=draft.safeguards,
        facts=draft.facts,
        body_digest="",
        prev="",
        hash=f"{n:064x}",
        salt="",
        body=draft.body,
    )


def digest_of_body(salt: str, body: Any) -> str:
    return hashlib.sha256(salt.encode() + canonical(body)).hexdigest()


def hash_of_header(header: dict[str, Any]) -> str:
    return hashlib.sha256(canonical(header)).hexdigest()


def chain_faults(entries: Iterable[Entry], *, after: tuple[int, str] = (0, GENESIS)) -> list[str]:
    """What is wrong with a run of entries that should follow the entry ``after`` (number, hash)."""
    faults: list[str] = []
    number, prev = after
    for entry in entries:
        number += 1
        if entry.n != number:
            faults.append(f"entry {entry.n} stands where entry {number} belongs")
            number = entry.n
        if entry.prev != prev:
            faults.append(f"entry {entry.n} does not follow the entry before it")
        if digest_of_body(entry.salt, entry.body) != entry.body_digest:
            faults.append(f"the body of entry {entry.n} is not what its digest says")
        if hash_of_header(entry.header()) != entry.hash:
            faults.append(f"entry {entry.n} is not what its hash says")
        prev = entry.hash
    return faults


def moment(value: datetime) -> str:
    """A moment as the contract writes it: RFC 3339, UTC, ending in Z."""
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return f"{value.isoformat()[:-6]}Z"


def read_moment(text: str) -> datetime:
    """The moment that :func:`moment` wrote."""
    return datetime.fromisoformat(text)
