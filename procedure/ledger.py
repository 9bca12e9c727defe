"""The entries of one case, as far as they are at hand, and what can be looked up in them."""

import base64
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, Self, cast

from procedure.entries import Entry, entry_from_json
from procedure.folding import IMMATERIAL

ENTRIES_A_VOLUME: Final = 250
"""So many entries are bound together at most: an old one is looked up by opening its volume."""

BYTES_A_VOLUME: Final = 100_000
"""So long is a volume at most: by volumes the oldest entries stay behind where all are too many."""


class Volume(NamedTuple):
    """Entries of earlier, bound: a long case keeps them closed, and opens what somebody asks for."""

    first: int
    last: int
    text: str
    """What :func:`packed` wrote of them."""

    @classmethod
    def bound(cls, entries: Sequence[Entry], most_bytes: int) -> list[Self]:
        """Bind entries, oldest first, in volumes of ``most_bytes`` at most; one that is longer has a volume of its own."""
        if not entries:
            return []
        if len(entries) <= ENTRIES_A_VOLUME:
            text = packed([entry.as_json() for entry in entries])
            if len(text) <= most_bytes or len(entries) == 1:
                return [cls(entries[0].n, entries[-1].n, text)]
        half = min(ENTRIES_A_VOLUME, len(entries) // 2)
        return [*cls.bound(entries[:half], most_bytes), *cls.bound(entries[half:], most_bytes)]

    def entries(self) -> list[Entry]:
        """What is bound in it. Raises ValueError where that is not what it says."""
        return self.opened(unpacked(self.text))

    def opened(self, told: Any) -> list[Entry]:
        """The entries of what its text unpacks to. Raises ValueError where they are not those that it says."""
        entries = [entry_from_json(entry) for entry in told]
        if [entry.n for entry in entries] != list(range(self.first, self.last + 1)):
            raise ValueError(f"a volume of entries {self.first} to {self.last} holds others")
        return entries


class _Older(NamedTuple):
    """What can be looked up in closed volumes: kept from the first time on, for who asks once may ask a hundred times."""

    number_of: dict[str, int]
    newest: dict[str | None, Entry]
    corrections: list[Entry]


class Ledger:
    """Entries in order, found by number and by hash. It only grows."""

    def __init__(self, entries: Iterable[Entry] = (), volumes: Sequence[Volume] = ()) -> None:
        """``volumes`` hold what is older than ``entries``."""
        self._volumes = list(volumes)
        self._opened: tuple[Volume, list[Entry]] | None = None
        self._older: _Older | None = None
        self._entries: list[Entry] = []
        self._number_of: dict[str, int] = {}
        for entry in entries:
            self.append(entry)

    def append(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._number_of[entry.hash] = entry.n

    def cut(self, n: int) -> None:
        """Take back the entries after number ``n``, which nobody has seen yet."""
        while self._entries and self._entries[-1].n > n:
            del self._number_of[self._entries.pop().hash]

    def bound(self, most_bytes: int) -> list[Volume]:
        """All entries as volumes, of ``most_bytes`` together at most: where they are more, the oldest are left out.

        The newest stays however long it is.
        """
        volumes = [*self._volumes, *Volume.bound(self._entries, min(BYTES_A_VOLUME, most_bytes))]
        size = sum(len(volume.text) for volume in volumes)
        while size > most_bytes and len(volumes) > 1:
            size -= len(volumes.pop(0).text)
        return volumes

    def __len__(self) -> int:
        return len(self._entries) + sum(volume.last - volume.first + 1 for volume in self._volumes)

    def __iter__(self) -> Iterator[Entry]:
        return self.after(0)

    def after(self, n: int) -> Iterator[Entry]:
        """The entries after number ``n``, one by one: what is older is opened as it is come to."""
        volumes = [volume for volume in self._volumes if volume.last > n]
        for volume, told in zip(volumes, all_unpacked(volume.text for volume in volumes), strict=True):
            yield from (entry for entry in volume.opened(told) if entry.n > n)
        if self._entries:
            yield from self._entries[max(0, n + 1 - self._entries[0].n) :]

    def since(self, n: int) -> list[Entry]:
        """The entries after number ``n``."""
        return list(self.after(n))

    def find(self, n: int) -> Entry | None:
        """The entry with that number, if it is at hand."""
        if self._entries and n >= self._entries[0].n:
            position = n - self._entries[0].n
            return self._entries[position] if position < len(self._entries) else None
        volume = next((volume for volume in self._volumes if volume.first <= n <= volume.last), None)
        return self._open(volume)[n - volume.first] if volume else None

    def number_of(self, head: str) -> int | None:
        """The number of the entry with that hash."""
        n = self._number_of.get(head)
        return self._of_older().number_of.get(head) if n is None else n

    def material_since(self, n: int) -> Iterator[Entry]:
        """What an approver who read up to entry ``n`` has not read, oldest first."""
        return (entry for entry in self.after(n) if entry.kind == "accepted" and entry.act not in IMMATERIAL)

    def last_accepted(self, act: str) -> Entry | None:
        """The newest accepted entry of that act, if it is at hand."""
        newest = next((e for e in reversed(self._entries) if e.kind == "accepted" and e.act == act), None)
        return newest or self._of_older().newest.get(act)

    def corrections_of(self, entry: Entry) -> list[Entry]:
        """The accepted corrections of an entry, oldest first."""
        corrections = [*self._of_older().corrections, *filter(_is_correction, self._entries)]
        return [later for later in corrections if later.facts["corrects"] == entry.n]

    def as_corrected(self, entry: Entry) -> dict[str, Any]:
        """What an entry says today: its act or intake, as the latest correction left it."""
        if corrections := self.corrections_of(entry):
            return cast("dict[str, Any]", corrections[-1].body["as_corrected"])
        return cast("dict[str, Any]", entry.body["intake" if entry.kind == "opened" else "act"])

    def _of_older(self) -> _Older:
        if self._older is None:
            older = _Older({}, {}, [])
            for entry in Ledger(volumes=self._volumes):
                older.number_of[entry.hash] = entry.n
                if entry.kind == "accepted":
                    older.newest[entry.act] = entry
                if _is_correction(entry):
                    older.corrections.append(entry)
            # Kept when it is whole: of a volume that cannot be read, the half before it would pass for all.
            self._older = older
        return self._older

    def _open(self, volume: Volume) -> list[Entry]:
        # One stays open: who looks for several old entries mostly finds them together.
        if self._opened is None or self._opened[0] is not volume:
            self._opened = volume, volume.entries()
        return self._opened[1]


def _is_correction(entry: Entry) -> bool:
    return entry.kind == "accepted" and entry.act == "correct"


def packed(given: Any) -> str:
    """A JSON value, compressed, as text."""
    # Not the utmost: it takes seven times as long and saves four in a hundred, while a workflow task waits.
    return base64.b85encode(zlib.compress(json.dumps(given, separators=(",", ":")).encode(), 6)).decode()


MOST_UNPACKED: Final = 256 * 1024**2
"""What a run hands over is 1.6 MB at most when packed; no text of a case packs a hundredfold."""


def unpacked(text: str) -> Any:
    """The JSON value that :func:`packed` wrote. Raises ValueError for what cannot be one."""
    return next(all_unpacked([text]))


def all_unpacked(texts: Iterable[str]) -> Iterator[Any]:
    """The JSON values of texts that :func:`packed` wrote for one case. Raises ValueError for what cannot be that."""
    left = MOST_UNPACKED
    for text in texts:
        unpacking = zlib.decompressobj()
        try:
            # No more than 0 would mean as much as there is.
            raw = unpacking.decompress(base64.b85decode(text), max(left, 1))
        except zlib.error as error:
            raise ValueError("it is not packed as it should be") from error
        left -= len(raw)
        if unpacking.unconsumed_tail or not unpacking.eof or left < 0:
            raise ValueError("it is cut off, or unpacks to more than any case")
        yield json.loads(raw)
