"""Dossiers: packed anew with something in them changed, as a forger would, or as a disk would; and tricks with zips."""

import contextlib
import hashlib
import io
import json
import runpy
import struct
import sys
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final, cast

from casefile import dossier as parts
from casefile.verify import verify
from hostile.files import in_file, judged, told_by
from hostile.judging import Given, Wrong
from hostile.values import copied, damaged, hostile_text, spoil, written
from procedure.canonical import canonical
from procedure.entries import GENESIS, digest_of_body, hash_of_header

Content = dict[str, bytes]

SCRIPT: Final = Path(__file__).resolve().parent.parent / "docs" / "verify_dossier.py"
_COMMANDS: Final[tuple[tuple[str, ...], ...]] = (
    ("verify", "--no-replay"),
    ("verify", "--no-replay", "--json"),
    ("ledger",),
    ("ledger", "--language", "uk"),
    ("show",),
    ("show", "--at", "2", "--beside-now", "--acts"),
    ("script",),
    ("script",),
)
"""What reads a dossier: the commands, and the check in plain Python that auditors get."""
_BOMB: Final = 1 << 30


def content_of(raw: bytes, *, whole: bool = False) -> Content:
    """The parts of a dossier by name; unless ``whole``, without those that are only there to be read by people."""
    with zipfile.ZipFile(io.BytesIO(raw)) as packed:
        names = [name for name in packed.namelist() if whole or not name.startswith(("schemas/", parts.PDF))]
        return {name: packed.read(name) for name in names}


def bound(content: Mapping[str, bytes], *, mended: bool = True, compressed: int = zipfile.ZIP_STORED) -> bytes:
    """A file of these parts; ``mended``: the digests in the manifest are made to fit."""
    content = dict(content)
    if mended and parts.MANIFEST in content:
        with contextlib.suppress(ValueError, TypeError, RecursionError):
            told = json.loads(content.pop(parts.MANIFEST))
            told["files"] = [
                {"name": name, "sha256": hashlib.sha256(each).hexdigest(), "size": len(each)}
                for name, each in sorted(content.items())
            ]
            content[parts.MANIFEST] = json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w") as packed:
        warnings.simplefilter("ignore")  # a name that stands twice
        for name, each in content.items():
            info = parts.plain_part(name, len(each))
            info.compress_type = compressed
            packed.writestr(info, each)
    return file.getvalue()


def as_sample(raw: bytes) -> bytes:
    """A small dossier of a case: without what is only read by people, and without the name of the machine it ran on."""
    content = content_of(raw)
    for name in [name for name in content if name.startswith("runs/")]:
        run = _unnamed(json.loads(content.pop(name)))
        content[_named(canonical(run))] = canonical(run)
    return bound(content)


def _unnamed(value: Any) -> Any:
    if isinstance(value, dict):
        told = cast("dict[str, Any]", value)
        return {name: "invented" if name == "identity" else _unnamed(inner) for name, inner in told.items()}
    return [_unnamed(each) for each in cast("list[Any]", value)] if isinstance(value, list) else value


class Dossiers:
    """Dossiers, put to every command that reads one and to the independent check."""

    name = "dossiers"

    def __init__(self, samples: Sequence[bytes]) -> None:
        self._samples = [content_of(raw) for raw in samples]
        self._ways: tuple[tuple[int, Callable[[Content, Random], bytes]], ...] = (
            (12, _ledger_changed),
            (10, _run_changed),
            (8, _json_changed),
            (6, _manifest_changed),
            (4, _bytes_changed),
            (4, _part_damaged),
            (3, _parts_moved),
            (3, _directory_changed),
            (1, _squeezed),
            (1, _crowded),
        )

    def make(self, chance: Random) -> Given:
        content = dict(chance.choice(self._samples))
        way = chance.choices([way for _, way in self._ways], [weight for weight, _ in self._ways])[0]
        return Given(way(content, chance), chance.randrange(len(_COMMANDS)))

    def answer(self, given: Given) -> str:
        argv = _COMMANDS[given.where % len(_COMMANDS)]
        with in_file(given.raw, ".zip") as name:
            if argv == ("script",):
                return f"script: {judged(*_by_script(name), allowed=(0, 4))}"
            code, out, err = told_by(*argv, name)
        return f"{argv[0]}: {judged(code, out, err, allowed=(0, 1, 2, 4) if argv[0] == 'show' else (0, 2, 4))}"


def _by_script(name: str) -> tuple[int, str, str]:
    """What docs/verify_dossier.py answers, run as a script in this process."""
    out, before = io.StringIO(), sys.argv
    sys.argv = [str(SCRIPT), name]
    try:
        with contextlib.redirect_stdout(out):
            runpy.run_path(str(SCRIPT), run_name="__main__")
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue(), ""
    finally:
        sys.argv = before
    raise Wrong("the script did not end")


def verifies(raw: bytes) -> bool:
    """Whether nothing is wrong with a dossier."""
    with in_file(raw, ".zip") as name, parts.Dossier.open(Path(name)) as dossier:
        return not verify(dossier).findings


# Parts that are changed


def _ledger_changed(content: Content, chance: Random) -> bytes:
    """Entries spoiled; in two of three the chain is made to fit again."""
    lines: list[dict[str, Any]] = [json.loads(line) for line in content[parts.LEDGER].splitlines()]
    for _ in range(chance.choice((1, 1, 2))):
        spoil(chance.choice(lines), chance, lines)
    if chance.random() < 0.2:
        lines.insert(chance.randrange(len(lines) + 1), copied(chance.choice(lines)))
    if chance.random() < 0.66:
        _chained(lines)
    plainly = chance.random() < 0.5
    content[parts.LEDGER] = b"".join(_line(line, plainly=plainly) + b"\n" for line in lines)
    return bound(content)


def _chained(lines: Sequence[dict[str, Any]]) -> None:
    """Numbers, digests and hashes as a forger would set them, as far as they can be."""
    prev = GENESIS
    for line in lines:
        with contextlib.suppress(Exception):
            line["prev"] = prev
            line["body_digest"] = digest_of_body(line["salt"], line["body"])
            header = {name: line[name] for name in line if name not in ("hash", "salt", "body", "withheld")}
            line["hash"] = prev = hash_of_header(header)


def _line(line: dict[str, Any], *, plainly: bool) -> bytes:
    if plainly:
        with contextlib.suppress(Exception):
            return canonical(line)
    return written(line).encode("utf-8", "surrogatepass")


def _run_changed(content: Content, chance: Random) -> bytes:
    """A run spoiled, in two of three under the name that its digest gives."""
    names = [name for name in content if name.startswith("runs/")]
    if not names:
        return _json_changed(content, chance)
    name = chance.choice(names)
    run = json.loads(content.pop(name))
    at = chance.choice((run, run["history"], *run["history"]["events"], *(run["ledger"] or ())))
    spoil(at, chance, run["history"]["events"])
    with contextlib.suppress(Exception):
        content[_named(canonical(run))] = canonical(run)
        return bound(content)
    raw = written(run).encode("utf-8", "surrogatepass")
    content[_named(raw) if chance.random() < 0.66 else name] = raw
    return bound(content)


def _named(raw: bytes) -> str:
    return parts.name_of_run(1, hashlib.sha256(raw).hexdigest())


def _json_changed(content: Content, chance: Random) -> bytes:
    names = [parts.AGREEMENT, parts.CASE, parts.EVIDENCE, parts.KEYS]
    name = chance.choice([each for each in names if each in content])
    value: Any = json.loads(content[name])
    if isinstance(value, dict):
        spoil(cast("dict[str, Any]", value), chance)
    content[name] = written(value).encode("utf-8", "surrogatepass")
    return bound(content)


def _manifest_changed(content: Content, chance: Random) -> bytes:
    told = json.loads(content[parts.MANIFEST])
    if chance.random() < 0.1:
        told["format"] = f"{parts.FORMAT.partition('/')[0]}/{chance.choice(('0', '2', '٢', '9' * 9, '9' * 5_000, 'x'))}"
    else:
        spoil(told, chance)
    content[parts.MANIFEST] = written(told).encode("utf-8", "surrogatepass")
    return bound(content, mended=False)


def _bytes_changed(content: Content, chance: Random) -> bytes:
    return damaged(bound(content), chance)


def _part_damaged(content: Content, chance: Random) -> bytes:
    name = chance.choice(list(content))
    content[name] = damaged(content[name], chance)
    return bound(content)


def _parts_moved(content: Content, chance: Random) -> bytes:
    """Parts missing, twice, under names that lead elsewhere, and links."""
    name = chance.choice(list(content))
    raw = content.pop(name)
    other = chance.choice(
        (
            *("../" + name, "/" + name, "..\\" + name, name + "/", "C:" + name, name.upper(), name + "\x00.txt", ""),
            *("runs/", "runs/0001-" + "0" * 64 + ".json", "set-aside/0001-" + "0" * 64 + ".json", "schemas/../x.json"),
            *("schemas/act.json", hostile_text(chance)[:1_000], "x" * 60_000, name),
        )
    )
    if chance.random() < 0.8 and other.isprintable():
        content[other] = raw
    made = bound(content, mended=chance.random() < 0.7)
    if chance.random() < 0.3:
        # The parts' attributes say that one of them is a link.
        made = made.replace(struct.pack("<L", 0o644 << 16), struct.pack("<L", 0o120777 << 16), 1)
    if chance.random() < 0.3:
        file = io.BytesIO(made)
        with warnings.catch_warnings(), zipfile.ZipFile(file, "a") as packed:
            warnings.simplefilter("ignore")
            packed.writestr(chance.choice([name for name in content if name]), raw)
        made = file.getvalue()
    return made


def _directory_changed(content: Content, chance: Random) -> bytes:
    """Fields of the zip's own directory: sizes, places, methods, flags, versions, counts."""
    made = bytearray(bound(content))
    places = [at for mark in (b"PK\x01\x02", b"PK\x05\x06", b"PK\x03\x04") for at in _every(bytes(made), mark)]
    for _ in range(chance.choice((1, 1, 2, 4))):
        at = chance.choice(places) + chance.randrange(4, 46)
        value = chance.choice((0, 1, 8, 9, 12, 14, 45, 99, 0xFF, 0x7F, chance.randrange(256)))
        width = chance.choice((1, 1, 2, 4))
        made[at : at + width] = bytes([value]) * width
    return bytes(made)


def _every(raw: bytes, mark: bytes) -> list[int]:
    found: list[int] = []
    at = raw.find(mark)
    while at >= 0:
        found.append(at)
        at = raw.find(mark, at + 1)
    return found


def _squeezed(content: Content, chance: Random) -> bytes:
    """Parts that are compressed, one of them a bomb, or that lie about being stored; JSON that opens out in memory."""
    way = chance.random()
    if way < 0.3:
        return bound(content, compressed=chance.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)))
    name = chance.choice([name for name in content if name != parts.MANIFEST])
    if way < 0.6:
        opening = chance.choice((b"[[],[],", b'{"a":{},', b"[{},0.1,", b'["x","y",'))
        content[name] = opening + b"[]," * chance.choice((1_000, 100_000, 1_000_000))
        return bound(content)
    return _bomb(content, name, says_stored=way < 0.8)


@cache
def _a_gigabyte_squeezed() -> bytes:
    # Seconds of work, the same for each.
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(_BOMB >> 20)) + packer.flush()


def _bomb(content: Content, name: str, *, says_stored: bool) -> bytes:
    """A part of a gigabyte in a megabyte."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for other, each in content.items():
            if other != name:
                packed.writestr(parts.plain_part(other, len(each)), each)
        squeezed = _a_gigabyte_squeezed()
        info = parts.plain_part(name, len(squeezed))
        packed.writestr(info, squeezed)
    made = bytearray(file.getvalue())
    local, central = _every(bytes(made), b"PK\x03\x04")[-1], _every(bytes(made), b"PK\x01\x02")[-1]
    if not says_stored:
        made[local + 8 : local + 10] = made[central + 10 : central + 12] = struct.pack("<H", zipfile.ZIP_DEFLATED)
    made[local + 22 : local + 26] = made[central + 24 : central + 28] = struct.pack("<L", _BOMB)
    return bytes(made)


def _crowded(content: Content, chance: Random) -> bytes:
    """Very many parts, lines or findings."""
    way = chance.randrange(3)
    if way == 0:
        for n in range(chance.choice((100, 3_000, 20_500))):
            content[parts.name_of_run(n % 10_000, f"{n:064x}")] = b"{}"
    elif way == 1:
        content[parts.LEDGER] *= chance.choice((2, 50, 400))
    else:
        told = json.loads(content[parts.MANIFEST])
        told["findings"] = [{"what": "chain", "entry": None, "sentence": "Invented."}] * chance.choice((100, 20_000))
        content[parts.MANIFEST] = json.dumps(told).encode()
    return bound(content)
