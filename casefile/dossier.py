"""A dossier: one file that holds all of a case that a reader may see, and can be checked with no server and no key.

It is a zip of one form only: parts in a fixed order, stored as they are, without times or attributes of a machine.
The same case in the same state gives the same bytes, and any other bytes are told as such.
"""

import hashlib
import json
import os
import re
import tempfile
import zipfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, Annotated, Any, Final, Self, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from casefile.deadline_figures import deadline_figures
from casefile.findings import Finding, What
from casefile.matrix import safeguard_matrix
from casefile.redaction import Line, Reader, line_as_json, line_from_json
from casefile.runs import Lineage, NotARun, Run, RunOutline, lineage
from procedure.acts import Head
from procedure.canonical import canonical
from procedure.entries import Entry
from procedure.intake import Reference
from sealing.published_keys import KeysUnusable, statements
from sealing.signatures import KeyStatement

FORMAT: Final = "homeward.dossier/1"
MANIFEST: Final = "manifest.json"
LEDGER: Final = "ledger.jsonl"
AGREEMENT: Final = "agreement.json"
CASE: Final = "case.json"
EVIDENCE: Final = "evidence.json"
KEYS: Final = "keys.json"
PDF: Final = "dossier.pdf"
README: Final = "README.txt"

_NAMES: Final = re.compile(
    r"manifest\.json|ledger\.jsonl|agreement\.json|case\.json|evidence\.json|keys\.json|dossier\.pdf|README\.txt"
    r"|schemas/[a-z]+\.json|(?:runs|set-aside)/\d{4}-[0-9a-f]{64}\.json"
)
MOST_PARTS: Final = 20_000
MOST_BYTES: Final = 8 * 1024**3
LONGEST_LINE: Final = 16 * 1024**2
"""No entry comes near it: an act is at most 64 KiB, and an intake little more."""
LONGEST_JSON: Final = 256 * 1024**2
"""The engine keeps 50 MB of one run."""
MOST_VALUES: Final = 10_000_000
"""In one part that is JSON, or one line of the ledger. A run of a hundred acts has a few thousand, and four million where
each act is as long as it may be and is made of empty lists. By its length alone no part could be bounded: an empty list
takes three bytes in a file and sixty in memory."""
_TEXT: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_CHUNK: Final = 1024**2


class NotADossier(ValueError):
    """A file that is no dossier, or none that this version reads; the text is one sentence."""


class PartAltered(ValueError):
    """A part of a dossier cannot be read as it was written; the text is one sentence."""


# Writing


class DossierWriter:
    """Writes one dossier beside its place and puts it there when it is whole::

    with DossierWriter(path) as dossier:
        dossier.add(README, b"...")
        dossier.add_lines(lines)
        dossier.finish({...})
    """

    def __init__(self, path: Path) -> None:
        """Raises OSError when the folder cannot be written."""
        self._path = path
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        self._part = Path(name)
        self._file = os.fdopen(handle, "w+b")
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED)
        self._files: list[dict[str, Any]] = []
        self._finished = False

    def add(self, name: str, content: bytes) -> None:
        self._zip.writestr(plain_part(name, len(content)), content)
        self._files.append({"name": name, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)})

    def add_json(self, name: str, value: Any) -> None:
        self.add(name, json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n")

    def add_file(self, name: str, source: Path) -> None:
        """Add what lies in a file, which may be large."""
        size = source.stat().st_size
        digest = hashlib.sha256()
        with source.open("rb") as read, self._zip.open(plain_part(name, size), "w") as written:
            while chunk := read.read(_CHUNK):
                digest.update(chunk)
                written.write(chunk)
        self._files.append({"name": name, "sha256": digest.hexdigest(), "size": size})

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest, with every part's digest in it, as the last part."""
        told = {**manifest, "format": FORMAT, "files": sorted(self._files, key=lambda file: file["name"])}
        self.add_json(MANIFEST, told)
        self._finished = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        if kind is None and self._finished:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)


def plain_part(name: str, size: int) -> zipfile.ZipInfo:
    """A part's header with nothing in it of when and where it was written."""
    info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    info.create_system = 3
    info.external_attr = 0o644 << 16
    info.compress_type = zipfile.ZIP_STORED
    info.file_size = size
    return info


def name_of_run(position: int, digest: str, *, aside: bool = False) -> str:
    return f"{'set-aside' if aside else 'runs'}/{position:04}-{digest}.json"


def ledger_line(line: Line) -> bytes:
    return canonical(line_as_json(line)) + b"\n"


def line_of(raw: bytes) -> Line:
    """The line that :func:`ledger_line` wrote. Raises ValueError, KeyError or TypeError for anything else."""
    return line_from_json(cast("dict[str, Any]", json.loads(raw)))


def evidence(entries: Callable[[], Iterator[Entry]]) -> dict[str, Any]:
    """What :data:`EVIDENCE` holds: the safeguard matrix and the deadline figures, as far as the entries show them."""
    figures = [figure.as_json() for figure in deadline_figures(entries())]
    return {**safeguard_matrix(entries()).as_json(), "deadlines": figures}


# Reading


class _Told(BaseModel):
    """A part of a manifest. It may say more than this version knows."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)


class PartTold(_Told):
    name: str
    sha256: Head
    size: Annotated[int, Field(ge=0)]


class FindingTold(_Told):
    what: What
    entry: int | None
    sentence: Annotated[str, Field(max_length=10_000)]


class RunLeftOut(_Told):
    run: str
    sha256: Head


class Manifest(_Told):
    """What a dossier says of itself."""

    format: str
    reference: Reference
    reader: Reader
    language: str
    entries: Annotated[int, Field(ge=1)]
    head: Head
    as_of: str
    newest_run: str | None
    made_with: Annotated[str, Field(max_length=100)]
    """The version of Homeward that made it."""
    files: list[PartTold]
    """Every part but this one, with its digest and size."""
    findings: list[FindingTold]
    """What was found wrong when the dossier was made."""
    left_out: list[RunLeftOut]
    """Runs that are not for this reader, each with its digest."""

    @property
    def found(self) -> list[Finding]:
        return [Finding(each.what, each.sentence, each.entry) for each in self.findings]


def manifest_schema() -> dict[str, Any]:
    """The manifest's JSON Schema (2020-12)."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Manifest.model_json_schema()}


class Dossier:
    """A dossier that is read: a :class:`casefile.record.Record` of what it holds. Nothing is ever unpacked to disk."""

    def __init__(self, file: IO[bytes], packed: zipfile.ZipFile, manifest: Manifest) -> None:
        self._file = file
        self._zip = packed
        self.manifest = manifest

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Generator["Dossier"]:
        """Raises OSError, :class:`NotADossier` and :class:`PartAltered`."""
        with path.open("rb") as file:
            try:
                with zipfile.ZipFile(file) as packed:
                    _refuse_tricks(packed, file)
                    yield cls(file, packed, _manifest(packed))
            except (zipfile.BadZipFile, NotImplementedError):
                # The latter is for what zip files may hold and a dossier never does, as a far newer form.
                raise NotADossier("It is no zip file that a dossier is, or it is cut off or damaged.") from None

    @property
    def reference(self) -> str:
        return self.manifest.reference

    @property
    def names(self) -> list[str]:
        return self._zip.namelist()

    @property
    def lineage(self) -> Lineage:
        return lineage([*self._outlines.values()], self.manifest.newest_run)

    @property
    def run_faults(self) -> list[Finding]:
        """What is wrong with the runs as parts of the dossier."""
        return self._read_runs[1]

    @property
    def _outlines(self) -> dict[str, RunOutline]:
        return self._read_runs[0]

    def run(self, run_id: str) -> Run:
        outline = self._outlines[run_id]
        name = next(name for name in self.names if name.endswith(f"-{outline.digest}.json"))
        return Run.of_bytes(part_of(self._zip, name))

    def entries(self) -> Iterator[Entry]:
        """The entries whose header this reader sees."""
        for line in self.lines():
            if isinstance(line, Entry):
                yield line

    def lines(self) -> Iterator[Line]:
        """The ledger, a line an entry. Raises :class:`PartAltered`."""
        for number, raw in enumerate(lines_of(self._zip, LEDGER), start=1):
            _see_that_it_can_be_read(raw, LEDGER)
            try:
                line = line_of(raw)
                as_written = ledger_line(line) == raw
            except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
                raise PartAltered(f"Line {number} of {LEDGER} is no entry.") from None
            if not as_written:
                raise PartAltered(f"Line {number} of {LEDGER} says more than an entry says, or says it otherwise.")
            yield line

    def part(self, name: str) -> bytes:
        """A part's bytes. Raises KeyError and :class:`PartAltered`."""
        return part_of(self._zip, name)

    def json_part(self, name: str) -> Any:
        """A part that is JSON. Raises KeyError and :class:`PartAltered`."""
        raw = self.part(name)
        try:
            return json.loads(raw)
        except (ValueError, RecursionError):
            raise PartAltered(f"{name} is not JSON.") from None

    @property
    def keys(self) -> dict[str, KeyStatement] | None:
        """The published keys that it brings along; None where it brings none. Raises :class:`PartAltered`."""
        if KEYS not in self.names:
            return None
        try:
            return statements([self.part(KEYS)])
        except KeysUnusable:
            raise PartAltered(f"{KEYS} does not hold published keys.") from None

    def digest_of(self, name: str) -> tuple[str, int]:
        """A part's SHA-256 and size. Raises :class:`PartAltered`."""
        digest, size = hashlib.sha256(), 0
        for chunk in _chunks(self._zip, name):
            digest.update(chunk)
            size += len(chunk)
        return digest.hexdigest(), size

    def is_as_written(self) -> bool:
        """Whether the file is, byte for byte, what :class:`DossierWriter` makes of these parts."""
        with tempfile.TemporaryFile() as again:
            with zipfile.ZipFile(again, "w", zipfile.ZIP_STORED) as packed:
                for info in self._zip.infolist():
                    with packed.open(plain_part(info.filename, info.file_size), "w") as written:
                        for chunk in _chunks(self._zip, info.filename):
                            written.write(chunk)
            self._file.seek(0)
            again.seek(0)
            return _same(self._file, again)

    @cached_property
    def _read_runs(self) -> tuple[dict[str, RunOutline], list[Finding]]:
        """The outlines of the runs, one read at a time, and what could not be read."""
        outlines: dict[str, RunOutline] = {}
        faults: list[Finding] = []
        for name in self.names:
            folder, _, file = name.partition("/")
            if folder not in ("runs", "set-aside"):
                continue
            try:
                raw = self.part(name)
                run = Run.of_bytes(raw)
            except (NotARun, PartAltered) as error:
                faults.append(Finding("archive", f"{name} cannot be read: {str(error).rstrip('.')}."))
                continue
            outline = run.outline()
            if outline.digest != file[5:69] or run.as_bytes != raw:
                faults.append(Finding("archive", f"{name} is not what its name says: it was altered."))
            elif run.reference != self.reference:
                faults.append(Finding("archive", f"{name} belongs to another case, {run.reference}."))
            elif run.run_id in outlines:
                faults.append(Finding("archive", f"Run {run.run_id} is there twice."))
            else:
                outlines[run.run_id] = outline
        return outlines, faults


def _refuse_tricks(packed: zipfile.ZipFile, file: IO[bytes]) -> None:
    """Raise :class:`NotADossier` for what no dossier has, before anything in it is read."""
    infos = packed.infolist()
    if len(infos) > MOST_PARTS:
        raise NotADossier(f"It has {len(infos)} parts; a dossier has {MOST_PARTS} at most.")
    names = [info.filename for info in infos]
    if twice := _twice(names):
        raise NotADossier(f"It has more than one part of the same name, {_shown(twice[0])}.")
    for info in infos:
        if not _NAMES.fullmatch(info.filename) or info.is_dir():
            raise NotADossier(f"It has a part that no dossier has: {_shown(info.filename)}.")
        if info.flag_bits & 0x1:
            raise NotADossier(f"Its part {info.filename} is encrypted.")
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
            raise NotADossier(f"Its part {info.filename} is compressed; a dossier's parts are stored as they are.")
    size = os.fstat(file.fileno()).st_size
    if sum(info.file_size for info in infos) > min(size, MOST_BYTES):
        raise NotADossier("Its parts claim to be larger than the file, or than any dossier.")


def _twice(names: Sequence[str]) -> list[str]:
    seen: set[str] = set()
    return [name for name in names if name in seen or seen.add(name)]


def _shown(name: str) -> str:
    return repr(name[:80])


def _manifest(packed: zipfile.ZipFile) -> Manifest:
    try:
        raw = part_of(packed, MANIFEST)
    except KeyError:
        raise NotADossier(f"It has no {MANIFEST}.") from None
    try:
        told: Any = json.loads(raw)
        form = told["format"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise PartAltered(f"{MANIFEST} cannot be read.") from None
    if form != FORMAT:
        name, _, version = str(form).partition("/")
        # Python makes no number of thousands of digits.
        counts = version.isdecimal() and len(version) < 10
        if name == FORMAT.partition("/")[0] and counts and int(version) > int(FORMAT.rpartition("/")[2]):
            raise NotADossier(f"Its format is {form}, newer than this version of Homeward reads ({FORMAT}).")
        raise NotADossier(f"Its format is {_shown(str(form))}; this version of Homeward reads {FORMAT}.")
    try:
        return Manifest.model_validate(told)
    except ValidationError:
        raise PartAltered(f"{MANIFEST} does not say what a manifest says.") from None


def part_of(packed: zipfile.ZipFile, name: str) -> bytes:
    """The bytes of a part that is JSON. Raises KeyError for one that is not there, and :class:`PartAltered`."""
    if packed.getinfo(name).file_size > LONGEST_JSON:
        raise PartAltered(f"{name} is longer than any part of a dossier.")
    raw = b"".join(_chunks(packed, name))
    _see_that_it_can_be_read(raw, name)
    return raw


def _values_at_most(raw: bytes) -> int:
    """Each value in JSON has a comma or a bracket before it."""
    return raw.count(b",") + raw.count(b"[") + raw.count(b"{")


def _see_that_it_can_be_read(raw: bytes, name: str) -> None:
    """Raise :class:`PartAltered` for JSON that would take more memory than any part has need of."""
    # Who fills a record with commas must not make it unreadable: where there are many, those within texts do not count.
    if _values_at_most(raw) > MOST_VALUES and _values_at_most(_TEXT.sub(b"", raw)) > MOST_VALUES:
        raise PartAltered(f"{name} holds more values than any part of a dossier.")


def lines_of(packed: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    try:
        with packed.open(name) as part:
            while line := part.readline(LONGEST_LINE):
                if len(line) == LONGEST_LINE:
                    raise PartAltered(f"{name} has a line that is too long to be an entry.")
                yield line
    except KeyError:
        raise PartAltered(f"{name} is missing.") from None
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError):
        raise PartAltered(f"{name} was changed: its bytes are not those that were packed.") from None


def _chunks(packed: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    try:
        with packed.open(name) as part:
            while chunk := part.read(_CHUNK):
                yield chunk
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError):
        raise PartAltered(f"{name} was changed: its bytes are not those that were packed.") from None


def _same(one: IO[bytes], other: IO[bytes]) -> bool:
    while True:
        left, right = one.read(_CHUNK), other.read(_CHUNK)
        if left != right:
            return False
        if not left:
            return True


def spool(lines: Iterator[Line], folder: Path) -> Path:
    """The ledger as a file, a line an entry."""
    path = folder / LEDGER
    with path.open("wb") as file:
        for line in lines:
            file.write(ledger_line(line))
    return path
