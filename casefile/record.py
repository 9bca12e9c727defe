"""A case's record, from wherever it comes: its entries, and the runs in which they were made.

It is read as often as it is needed, one run and one entry at a time, so that a long case takes no more memory
than a short one.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from casefile import history
from casefile.history import UnreadableHistory
from casefile.runs import Lineage, Run, RunOutline, lineage
from procedure.entries import Entry, entry_from_json


class Record(Protocol):
    """What can be checked and told of one case."""

    @property
    def reference(self) -> str: ...

    @property
    def lineage(self) -> Lineage: ...

    def run(self, run_id: str) -> Run:
        """One of the runs, whole."""
        ...

    def entries(self) -> Iterator[Entry]:
        """The entries, oldest first."""
        ...


class GatheredRecord:
    """A record whose runs were gathered in a folder of its own, one file each."""

    def __init__(self, reference: str, folder: Path) -> None:
        self._reference = reference
        self._folder = folder
        self._outlines: list[RunOutline] = []
        self._newest: str | None = None

    @property
    def reference(self) -> str:
        return self._reference

    def add(self, run: Run) -> RunOutline:
        """Put a run into the record."""
        outline = run.outline()
        self.file_of(run.run_id).write_bytes(run.as_bytes)
        self._outlines.append(outline)
        return outline

    def settle(self, newest: str | None) -> None:
        """Say that all runs are there, and which is the newest, where the engine said so."""
        self._newest = newest
        with self._ledger.open("w", encoding="utf-8") as file:
            # Read many times, and the runs are large: the entries lie beside them once more.
            for entry in self._as_told():
                file.write(json.dumps(entry, separators=(",", ":")) + "\n")

    @property
    def _ledger(self) -> Path:
        return self._folder / "ledger.jsonl"

    @property
    def lineage(self) -> Lineage:
        return lineage([run for run in self._outlines if run.opened_a_case], self._newest)

    def file_of(self, run_id: str) -> Path:
        return self._folder / f"{run_id}.json"

    def run(self, run_id: str) -> Run:
        return Run.of_bytes(self.file_of(run_id).read_bytes())

    def entries(self) -> Iterator[Entry]:
        with self._ledger.open(encoding="utf-8") as file:
            for line in file:
                yield entry_from_json(json.loads(line))

    def _as_told(self) -> Iterator[dict[str, Any]]:
        last = 0
        for outline in self.lineage.chain:
            run = self.run(outline.run_id)
            if outline.continues is not None and outline.first != last + 1:
                # Of a run that is missing, or told its entries no more, the next one may have carried them along.
                for entry in _carried(run):
                    if entry["n"] > last and (outline.first is None or entry["n"] < outline.first):
                        last = entry["n"]
                        yield entry
            for entry in run.ledger or []:
                last = entry["n"]
                yield entry


def _carried(run: Run) -> list[dict[str, Any]]:
    try:
        return history.carried(run.history).entries()
    except UnreadableHistory:
        return []  # told as a finding of its own
