"""One run of a case as it is kept for good: the engine's history, and the entries that were made in it.

The engine forgets ended runs after its retention time, and a long case spans many runs. A kept run is one
JSON object of one form, so that the same run has the same bytes and the same digest wherever it is made.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final, Self, cast

from casefile import history
from casefile.history import Ended, Reset, UnreadableHistory
from procedure.schemas import checked_entry

FORMAT: Final = "homeward.run/1"


class NotARun(ValueError):
    """Bytes that are no kept run; the text is a clause that says why."""


@dataclass(frozen=True)
class Run:
    """A run of a case. ``ledger`` are the entries made in it, or None where the case could not be asked any more."""

    reference: str
    run_id: str
    ledger: list[dict[str, Any]] | None
    history: Mapping[str, Any]

    @classmethod
    def of_bytes(cls, raw: bytes) -> Self:
        """The run that :meth:`as_bytes` wrote. Raises :class:`NotARun`."""
        try:
            given: Any = json.loads(raw)
        except (ValueError, RecursionError):
            raise NotARun("it is not JSON") from None
        if not isinstance(given, dict):
            raise NotARun("it is not a JSON object")
        told = cast("dict[str, Any]", given)
        if told.get("format") != FORMAT:
            raise NotARun(f"its format is {str(told.get('format'))[:40]!r}, and this version reads {FORMAT!r}")
        reference, run_id, ledger, events = (told.get(name) for name in ("reference", "run", "ledger", "history"))
        if not isinstance(reference, str) or not isinstance(run_id, str) or not isinstance(events, dict):
            raise NotARun("it does not say whose run it is")
        run = cls(reference, run_id, _entries(ledger), cast("dict[str, Any]", events))
        try:
            run.outline()
        except UnreadableHistory as error:
            raise NotARun(f"its history cannot be read: {error}") from None
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError):
            raise NotARun("its history is not of the shape of one") from None
        return run

    @cached_property
    def as_bytes(self) -> bytes:
        """The one form in which a run is kept."""
        kept = {
            "format": FORMAT,
            "reference": self.reference,
            "run": self.run_id,
            "ledger": self.ledger,
            "history": self.history,
        }
        return json.dumps(kept, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of :attr:`as_bytes`, hex: the name under which it is kept."""
        return hashlib.sha256(self.as_bytes).hexdigest()

    @property
    def opened_a_case(self) -> bool:
        """Whether it is a run of a case at all: of an intake that was refused, or never looked at, none came."""
        return history.continues(self.history) is not None or history.admission(self.history) is not None

    def outline(self) -> "RunOutline":
        events = history.events_of(self.history)
        entries = self.ledger or []
        return RunOutline(
            reference=self.reference,
            run_id=self.run_id,
            continues=history.continues(self.history),
            resets=tuple(history.resets(self.history)),
            begun=history.moment_of(events[0]),
            ended=history.ended(self.history),
            first=entries[0]["n"] if entries else None,
            last=entries[-1]["n"] if entries else None,
            head=entries[-1]["hash"] if entries else None,
            digest=self.digest,
            size=len(self.as_bytes),
            goes_on_in=history.goes_on_in(self.history),
            opened_a_case=self.opened_a_case,
        )


@dataclass(frozen=True)
class RunOutline:
    """What must be known of a run to put it in its place; the run itself may be large, and is read when needed."""

    reference: str
    run_id: str
    continues: str | None
    resets: tuple[Reset, ...]
    begun: datetime
    ended: Ended | None
    first: int | None
    last: int | None
    head: str | None
    digest: str
    size: int
    goes_on_in: str | None = None
    """The run in which the case goes on, where this one ended so."""
    opened_a_case: bool = False
    """See :attr:`Run.opened_a_case`."""

    @property
    def entries(self) -> str:
        """The numbers of its entries, as ``1 to 103``."""
        return f"{self.first} to {self.last}" if self.first is not None else "none"


@dataclass(frozen=True)
class Lineage:
    """The runs of one case in order, and those that stand aside."""

    chain: list[RunOutline]
    """From the case's first run to its newest, as far as each is at hand."""
    aside: list[RunOutline]
    """Runs that the newest one does not go on from."""
    missing: str | None
    """The run that the oldest of the chain goes on from, where it is not at hand."""


def lineage(runs: list[RunOutline], newest: str | None = None) -> Lineage:
    """Put runs in order, back from the newest. ``newest`` is its id where the engine tells it; else it is found."""
    by_id = {run.run_id: run for run in runs}
    if newest not in by_id:
        gone_on = {run.continues for run in runs} | {reset.base_run for run in runs for reset in run.resets}
        tips = [run for run in runs if run.run_id not in gone_on] or runs
        newest = max(tips, key=lambda run: run.begun).run_id if tips else None
    chain: list[RunOutline] = []
    wanted = newest
    while wanted is not None and wanted in by_id and by_id[wanted] not in chain:
        chain.append(by_id[wanted])
        wanted = by_id[wanted].continues
    chain.reverse()
    in_chain = {run.run_id for run in chain}
    aside = sorted((run for run in runs if run.run_id not in in_chain), key=lambda run: (run.begun, run.run_id))
    return Lineage(chain, aside, wanted if wanted not in in_chain else None)


def _entries(given: Any) -> list[dict[str, Any]] | None:
    """The entries kept with a run, each of the contract's shape. Raises :class:`NotARun`."""
    if given is None:
        return None
    try:
        return [checked_entry(entry) for entry in given]
    except (ValueError, TypeError):
        raise NotARun("its entries are no entries") from None
