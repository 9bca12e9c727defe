"""An invented child whose every word is marked, and a search for the marks in whatever a house leaves behind."""

import base64
import json
import os
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from starter.json_values import is_list, is_object

MARK = "Zqvmarkedword"
"""Long enough that no form of it comes about by chance in what is sealed: in base64 its letters at both ends are lost."""
CYRILLIC = "Жщмарка"
BIRTH = "2012-09-17"

_PERSONAL = frozenset(
    "reason views assessment weight_given_to_views housing education healthcare support contact text findings about "
    "circumstances place name given_names family_name health_needs undertaking plan guarantee remedy new_facts grounds "
    "for against discipline office sources methods risks".split()
)
"""Fields in which somebody writes words of their own, of any act and of the intake."""


def marked(given: Any, field: str = "") -> Any:
    """The same intake or act with a mark in every text that somebody wrote, in two scripts."""
    if is_object(given):
        return {name: marked(each, name) for name, each in given.items()}
    if is_list(given):
        return [marked(each, field) for each in given]
    if field == "date_of_birth":
        return BIRTH
    if isinstance(given, str) and field in _PERSONAL and given not in ("return", "stay", "best_interests"):
        return f"{MARK}{field} {CYRILLIC} {given}"
    return given


def needles() -> dict[str, bytes]:
    """Each form in which a mark could lie somewhere, by a word that says which."""
    found: dict[str, bytes] = {}
    for mark in (MARK, CYRILLIC, BIRTH):
        raw = mark.encode()
        found[f"{mark} in clear"] = raw
        found[f"{mark} in UTF-16"] = mark.encode("utf-16-le")
        found[f"{mark} in hex"] = raw.hex().encode()
        found[f"{mark} in HEX"] = raw.hex().upper().encode()
        found[f"{mark} as JSON escapes it"] = json.dumps(mark)[1:-1].encode()
        found[f"{mark} as an address escapes it"] = "".join(f"%{byte:02X}" for byte in raw).encode()
        for skipped in range(3):
            # The letters in the middle are the same wherever the text stands.
            whole = base64.b64encode(b"\0" * skipped + raw)
            inner = whole[(0, 2, 3)[skipped] : len(whole) - (0 if (skipped + len(raw)) % 3 == 0 else 4)]
            found[f"{mark} in base64, {skipped} on"] = inner
            found[f"{mark} in base64 for addresses, {skipped} on"] = inner.translate(bytes.maketrans(b"+/", b"-_"))
    return found


NEEDLES = needles()


def marks_in(content: bytes) -> set[str]:
    """Which marks stand in some bytes, in any form, packed ones opened."""
    found = {told for told, needle in NEEDLES.items() if needle in content}
    for packed in _unpacked(content):
        found |= {f"{told}, packed" for told, needle in NEEDLES.items() if needle in packed}
    return found


def _unpacked(content: bytes) -> Iterator[bytes]:
    """What a zlib or gzip stream that begins somewhere in the bytes says."""
    for head, window in ((b"\x78\x01", 15), (b"\x78\x5e", 15), (b"\x78\x9c", 15), (b"\x78\xda", 15), (b"\x1f\x8b", 31)):
        at = content.find(head)
        while at >= 0:
            try:
                yield zlib.decompressobj(window).decompress(content[at : at + 4_000_000], 16_000_000)
            except zlib.error:
                pass
            at = content.find(head, at + 1)


def marks_in_folder(folder: Path) -> dict[str, set[str]]:
    """Which marks stand in which file below a folder: in its name, in its bytes, and in each cell of a database."""
    found: dict[str, set[str]] = {}
    for path in sorted(folder.rglob("*")):
        where = str(path.relative_to(folder))
        seen = marks_in(where.encode())
        if path.is_file():
            seen |= marks_in(path.read_bytes())
            if path.suffix == ".db":
                for cell in _cells(path):
                    seen |= marks_in(cell)
        if seen:
            found[where] = seen
    return found


def _cells(path: Path) -> Iterator[bytes]:
    """Every value in a database of SQLite: in the file one may be torn over several pages."""
    # Of a copy: what an ended program left half written is put in order by whoever opens it, which is a write.
    with tempfile.TemporaryDirectory() as folder:
        for part in path.parent.glob(f"{path.name}*"):
            shutil.copy(part, folder)
        with closing(sqlite3.connect(Path(folder) / path.name)) as database:
            tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
            for table in tables:
                for row in database.execute(f'select * from "{table}"'):
                    yield from (
                        each if isinstance(each, bytes) else str(each).encode() for each in row if each is not None
                    )


def marks_in_arguments() -> dict[int, set[str]]:
    """Which marks stand in the arguments of which process of this machine."""
    found: dict[int, set[str]] = {}
    for process in os.scandir("/proc"):
        if process.name.isdigit():
            try:
                seen = marks_in(Path(process.path, "cmdline").read_bytes())
            except OSError:
                continue
            if seen:
                found[int(process.name)] = seen
    return found


def marks_in_texts(texts: Iterable[str | bytes]) -> set[str]:
    """Which marks stand in some texts."""
    return {told for text in texts for told in marks_in(text if isinstance(text, bytes) else text.encode())}
