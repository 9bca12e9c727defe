"""The log of every reading of a case: who saw what of it and when, chained like the ledger, and what is wrong with it.

It stands outside the case's own history: reading changes nothing in a case. A line holds nothing of the child, only
who looked, at which part, at which state of the record, and of the reasons one that was chosen from a list.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args

from procedure.canonical import canonical
from procedure.entries import GENESIS, moment

Reason = Literal["stands_in", "urgent", "supervision", "hand_over", "siblings", "answers_a_question"]
"""Why somebody opens a case that is not theirs. A list and no free text, in which a child's name could stand."""

REASONS: Final[tuple[Reason, ...]] = get_args(Reason)

OPERATOR: Final = "operator"
"""Who reads by the command line without a sign-in: somebody who reaches the engine itself."""


@dataclass(frozen=True, slots=True)
class Looking:
    """Who looks. ``state`` and ``office`` are None where nobody said."""

    person: str
    role: str
    state: str | None = None
    office: str | None = None


AS_OPERATOR: Final = Looking(OPERATOR, OPERATOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One line of a case's log. ``head`` is the case's newest entry then (hash), where the record was read."""

    reference: str
    n: int
    at: datetime
    by: Looking
    what: str
    """The page, the address of the API, or the command, without anything that was typed."""
    reason: str | None
    head: str | None
    prev: str
    hash: str

    def line(self) -> dict[str, Any]:
        """All that the hash covers, as the JSON object that is hashed."""
        return {
            "reference": self.reference,
            "n": self.n,
            "at": moment(self.at),
            "person": self.by.person,
            "role": self.by.role,
            "state": self.by.state,
            "office": self.by.office,
            "what": self.what,
            "reason": self.reason,
            "head": self.head,
            "prev": self.prev,
        }

    def as_json(self) -> dict[str, Any]:
        return {**self.line(), "hash": self.hash}


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest line that was written, as it is noted apart from the lines."""

    n: int
    hash: str


def next_reading(
    before: Newest | None, *, reference: str, at: datetime, by: Looking, what: str, reason: str | None, head: str | None
) -> Reading:
    """The line that follows the newest one."""
    n, prev = (before.n + 1, before.hash) if before else (1, GENESIS)
    unsealed = Reading(reference=reference, n=n, at=at, by=by, what=what, reason=reason, head=head, prev=prev, hash="")
    return _with_hash(unsealed)


def _with_hash(reading: Reading) -> Reading:
    object.__setattr__(reading, "hash", hash_of(reading))
    return reading


def hash_of(reading: Reading) -> str:
    """SHA-256 over the canonical JSON (RFC 8785) of a line."""
    return hashlib.sha256(canonical(reading.line())).hexdigest()


def faults_of_readings(readings: Iterable[Reading], newest: Newest | None, held: Iterable[str] = ()) -> list[str]:
    """What is wrong with a case's log, a sentence each: a line changed, removed, put in or moved.

    ``newest``: the last line as it is noted apart. ``held``: hashes of lines that somebody kept elsewhere; each must
    stand in the log. A log that was cut at its end together with that note is found by them alone.
    """
    faults: list[str] = []
    number, prev = 0, GENESIS
    hashes: set[str] = set()
    for reading in readings:
        number += 1
        if reading.n != number:
            faults.append(f"Line {reading.n} stands where line {number} belongs.")
            number = reading.n
        if reading.prev != prev:
            faults.append(f"Line {reading.n} does not follow the line before it.")
        if hash_of(reading) != reading.hash:
            faults.append(f"Line {reading.n} is not what its hash says.")
        prev = reading.hash
        hashes.add(prev)
    if newest is None and number:
        faults.append("Nowhere is noted which line is the newest.")
    elif newest is not None and (newest.n, newest.hash) != (number, prev):
        faults.append(f"The newest line is not line {newest.n} as it was noted when it was written.")
    faults += [f"No line has the hash {hash}." for hash in held if hash not in hashes]
    return faults
