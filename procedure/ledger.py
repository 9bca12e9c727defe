"""The entries of one case, as far as they are at hand, and what can be looked up in them."""

from collections.abc import Iterable, Iterator
from typing import Any, cast

from procedure.entries import Entry
from procedure.folding import IMMATERIAL


class Ledger:
    """Entries in order, found by number and by hash. It only grows."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._entries: list[Entry] = []
        self._number_of: dict[str, int] = {}
        for entry in entries:
            self.append(entry)

    def append(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._number_of[entry.hash] = entry.n

    def cut(self, n: int) -> None:
        """Take back the entries after number ``n``, which nobody has seen yet."""
        for entry in self.since(n):
            del self._number_of[entry.hash]
        del self._entries[len(self._entries) - len(self.since(n)) :]

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def find(self, n: int) -> Entry | None:
        """The entry with that number, if it is at hand."""
        if not self._entries:
            return None
        position = n - self._entries[0].n
        return self._entries[position] if 0 <= position < len(self._entries) else None

    def number_of(self, head: str) -> int | None:
        """The number of the entry with that hash."""
        return self._number_of.get(head)

    def since(self, n: int) -> list[Entry]:
        """The entries after number ``n``."""
        if not self._entries:
            return []
        return self._entries[max(0, n + 1 - self._entries[0].n) :]

    def material_since(self, n: int) -> list[Entry]:
        """What an approver who read up to entry ``n`` has not read."""
        return [entry for entry in self.since(n) if entry.kind == "accepted" and entry.act not in IMMATERIAL]

    def last_accepted(self, act: str) -> Entry | None:
        """The newest accepted entry of that act, if it is at hand."""
        return next((e for e in reversed(self._entries) if e.kind == "accepted" and e.act == act), None)

    def corrections_of(self, entry: Entry) -> list[Entry]:
        """The accepted corrections of an entry, oldest first."""
        return [
            later
            for later in self.since(entry.n)
            if later.kind == "accepted" and later.act == "correct" and later.facts["corrects"] == entry.n
        ]

    def as_corrected(self, entry: Entry) -> dict[str, Any]:
        """What an entry says today: its act or intake, as the latest correction left it."""
        if corrections := self.corrections_of(entry):
            return cast("dict[str, Any]", corrections[-1].body["as_corrected"])
        return cast("dict[str, Any]", entry.body["intake" if entry.kind == "opened" else "act"])
