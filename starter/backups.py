"""`homeward backup`: copies of what a data folder holds, each whole, while everything runs."""

import errno
import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from procedure.faults import Fault
from starter.endings import CannotGoOn, Exit
from starter.options import AsJson, Debug, print_json, settings_of

if TYPE_CHECKING:
    from sqlalchemy import URL

    from activities.settings import Settings

backups_app = typer.Typer(rich_markup_mode=None)

BUSY: Final = 30.0
"""Seconds for which a copy waits for a database in which somebody writes."""


@dataclass(frozen=True)
class Copied:
    """A part that was copied, to which file or folder, and its size in bytes."""

    part: str
    to: str
    bytes: int


@dataclass(frozen=True)
class Left:
    """A part that is not in the backup; ``because`` is a sentence that says what to do."""

    part: str
    because: str


@dataclass
class Backup:
    """What became of each part."""

    folder: str
    copied: list[Copied] = field(default_factory=list[Copied])
    left: list[Left] = field(default_factory=list[Left])


@backups_app.command("backup")
def backup_command(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the copies go: a new or an empty folder.")],
    key_store: Annotated[
        Path | None, typer.Option("--key-store", metavar="FILE", help="Copy the key store too, to this file elsewhere.")
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option("--key-file", metavar="FILE", help="Copy the key file too, to this file elsewhere.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="The data folder that is copied. [env: HOMEWARD_DATA]")
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Copy a data folder while everything runs.

    The keys of cases go only where you say, and never beside what they open. What lies in PostgreSQL or in an object
    store is not copied; the command names it. What should be there and is not is an error.
    """
    settings = settings_of(data=data)
    folder, key_store, key_file = _resolved(folder), _file_in_resolved(key_store), _file_in_resolved(key_file)
    _all_there(settings, key_store, key_file)
    _apart(settings, folder, key_store, key_file)
    try:
        done = back_up(settings, folder, key_store=key_store, key_file=key_file)
    except (OSError, sqlite3.Error, NotABackup) as error:
        why = str(error)
        if isinstance(error, OSError) and error.strerror:
            why = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        raise CannotGoOn(f"The backup is not complete, and must not be relied on: {why}.") from None
    if as_json:
        print_json(asdict(done))
        return
    for each in done.copied:
        print(f"{each.part}: {each.to} ({each.bytes:,} bytes)")
    for each in done.left:
        print(f"{each.part}: not in this backup. {each.because}")


class NotABackup(Exception):
    """What was copied could not be restored; the text is a clause that says why."""


def back_up(settings: "Settings", folder: Path, *, key_store: Path | None, key_file: Path | None) -> Backup:
    """Copy each part into ``folder``, under the name that it has in a data folder; the keys where they are to go.

    Raises ``OSError``, ``sqlite3.Error`` and :class:`NotABackup`: then the copies are not to be relied on.
    """
    done = Backup(str(folder))
    engine = settings.data / "engine.db"
    # In this order. A run that ends meanwhile is still in the engine, and the sweep puts it into an older archive: so the
    # archive comes before the engine. A case that opens meanwhile has its key in the store before anything of it is in
    # the engine: so the key store comes after it. A new key-encryption key is in its file before it wraps anything: so
    # the key file comes after the key store. A case that is erased meanwhile stands in the caseload: so that comes last.
    archive = _archive_folder(settings)
    if archive is None:
        done.left.append(Left("archive", "It is in an object store: keep a second copy there."))
    else:
        _if_there(done, "archive", archive, folder / "archive")
    if engine.is_file():
        done.copied.append(_database(engine, folder / "engine.db", "engine"))
    else:
        done.left.append(
            Left("engine", "It runs elsewhere: back up its databases there, in the order of docs/for-operators.md.")
        )
    done.copied.append(_copy(settings.duplicates_key, folder / settings.duplicates_key.name, "duplicates key"))
    for part, source in (
        ("published keys", settings.published_keys_path),
        ("notices", settings.notices_folder),
        ("drafts", settings.data / "drafts"),
        ("demonstration", settings.data / "demo.json"),
    ):
        _if_there(done, part, source, folder / source.name)
    _table(done, "key store", settings.keys, key_store, "Name a file for it with --key-store")
    if settings.transit_url is not None:
        done.left.append(Left("key file", "OpenBao or Vault has these keys: back it up there."))
    elif key_file is None:
        done.left.append(Left("key file", "Name a file for it with --key-file, or no case can be read from a backup."))
    else:
        done.copied.append(_copy(settings.key_encryption_file, key_file, "key file"))
        if key_store is not None:
            _fit(key_store, key_file)
    _table(done, "caseload", settings.caseload, folder / "caseload.db", "")
    return done


def _all_there(settings: "Settings", key_store: Path | None, key_file: Path | None) -> None:
    """See that everything that was named, that is set, or that every worker makes is where it should be."""
    faults: list[Fault] = []

    def needed(field: str, there: bool, sentence: str) -> None:
        if not there:
            faults.append(Fault(path=field, message=sentence))

    if not settings.data.is_dir():
        raise CannotGoOn(
            f"--data: {settings.data} is no folder. Name the data folder of your workers with --data or HOMEWARD_DATA.",
            code=Exit.MALFORMED,
        )
    needed(
        "--data",
        settings.duplicates_key.is_file(),
        f"{settings.duplicates_key} is not there, which every worker makes: name the data folder of a worker",
    )
    if (caseload := _sqlite(settings.caseload)) is not None:
        needed(
            "HOMEWARD_CASELOAD_URL" if settings.caseload_url else "--data",
            caseload.is_file(),
            f"the caseload {caseload} is not there: name the place where it is, or paint it anew with "
            "`homeward rebuild-caseload`",
        )
    if settings.archive_url and (archive := _archive_folder(settings)) is not None:
        needed("HOMEWARD_ARCHIVE_URL", archive.is_dir(), f"{archive} is no folder: name the one where the archive is")
    if settings.published_keys:
        needed(
            "HOMEWARD_PUBLISHED_KEYS",
            settings.published_keys_path.exists(),
            f"{settings.published_keys_path} is not there: name the file or the folder of the published keys",
        )
    if key_store is not None:
        store = _sqlite(settings.keys)
        needed(
            "--key-store", store is not None, "the key store is in PostgreSQL: leave this out, and use pg_dump there"
        )
        if store is not None:
            where = "HOMEWARD_KEYS_URL" if settings.keys_url else "--data"
            needed(where, store.is_file(), f"the key store {store} is not there: name the place where it is")
    if key_file is not None:
        needed(
            "--key-file",
            settings.transit_url is None,
            "OpenBao or Vault has these keys: leave this out, and back it up",
        )
        if settings.transit_url is None:
            where = "HOMEWARD_KEY_FILE" if settings.key_file else "--data"
            file = settings.key_encryption_file
            needed(where, file.is_file(), f"the key file {file} is not there: name the place where it is")
    if faults:
        raise CannotGoOn("Nothing was copied, for something is missing.", code=Exit.MALFORMED, faults=faults)


def _apart(settings: "Settings", folder: Path, key_store: Path | None, key_file: Path | None) -> None:
    """See that the copies have a place, and that no two are together that would open each other."""
    data = _resolved(settings.data)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CannotGoOn(f"{folder} is not empty: name a new folder for each backup.", code=Exit.MALFORMED)
    if folder.is_relative_to(data):
        raise CannotGoOn(f"{folder} is in the data folder: name one elsewhere.", code=Exit.MALFORMED)
    homes, opened = [folder], [folder, data]
    for option, file in (("--key-store", key_store), ("--key-file", key_file)):
        if file is None:
            continue
        if os.path.lexists(file):
            raise CannotGoOn(f"{option}: {file} is there already; name a new file.", code=Exit.MALFORMED)
        if any(file.parent.is_relative_to(other) or other.is_relative_to(file.parent) for other in opened):
            raise CannotGoOn(
                f"{option}: name a file in a folder of its own. Keys beside each other, or beside what they open, "
                "protect nothing.",
                code=Exit.MALFORMED,
            )
        homes.append(file.parent)
        opened.append(file.parent)
    try:
        for home in homes:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CannotGoOn(f"{error.filename} cannot be made ({error.strerror}).", code=Exit.MALFORMED) from None


def _resolved(path: Path) -> Path:
    """Where a path leads, with nothing in it that leads elsewhere; the last parts of it need not be there yet."""
    return Path(os.path.realpath(path))


def _file_in_resolved(file: Path | None) -> Path | None:
    return None if file is None else _resolved(file.parent) / file.name


def _archive_folder(settings: "Settings") -> Path | None:
    from casefile.archive import archive_folder

    return archive_folder(settings.archive)


def _sqlite(url: "URL") -> Path | None:
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None


def _table(done: Backup, part: str, url: "URL", to: Path | None, ask: str) -> None:
    source = _sqlite(url)
    if source is None:
        done.left.append(Left(part, "It is in PostgreSQL: back it up there with pg_dump."))
    elif to is None:
        done.left.append(Left(part, f"{ask}, or no case can be read from a backup."))
    else:
        done.copied.append(_database(source, to, part))


def _if_there(done: Backup, part: str, source: Path, to: Path) -> None:
    """Copy what not every house has, or say that this one has none."""
    if source.exists():
        done.copied.append(_copy(source, to, part))
    else:
        done.left.append(Left(part, f"There is none here, at {source}."))


def _database(source: Path, to: Path, part: str) -> Copied:
    """A copy as it was at one moment, by SQLite's own means: a copy of the file alone may be torn."""
    if not source.is_file():  # where there is none, SQLite would make one
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(source))
    written = to.with_name(f"{to.name}.part")
    os.close(_new(written))
    with closing(sqlite3.connect(source, timeout=BUSY)) as here, closing(sqlite3.connect(written)) as there:
        here.backup(there)
        # One file, with nothing beside it that could be forgotten.
        there.execute("PRAGMA journal_mode = DELETE")
        if (found := there.execute("PRAGMA quick_check").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(f"{source.name} is damaged: {found}")
    return _in_place(written, to, part)


def _copy(source: Path, to: Path, part: str) -> Copied:
    if not source.is_dir():
        written = to.with_name(f"{to.name}.part")
        _write(source, written)
        return _in_place(written, to, part)
    to.mkdir(mode=0o700)
    size = 0
    for file in _files_in(source):
        copy = to / file.relative_to(source)
        copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            _write(file, copy)
        except FileNotFoundError:
            continue  # a notice that was read, an object that got its name meanwhile
        size += copy.stat().st_size
    return Copied(part, str(to), size)


def _files_in(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _new(file: Path) -> int:
    """A new file, from its beginning for its owner alone."""
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def _write(source: Path, to: Path) -> None:
    with source.open("rb") as given, os.fdopen(_new(to), "wb") as writing:
        shutil.copyfileobj(given, writing)
        writing.flush()
        os.fsync(writing.fileno())
    told = source.stat()
    os.utime(to, ns=(told.st_atime_ns, told.st_mtime_ns))


def _fit(key_store: Path, key_file: Path) -> None:
    """See that the copied key file has every key by which the copied key store is wrapped."""
    with closing(sqlite3.connect(key_store)) as store:
        asked = "SELECT DISTINCT kek FROM case_keys WHERE wrapped IS NOT NULL"
        wrapping = {row[0] for row in store.execute(asked)}
    try:
        held = {key["id"] for key in json.loads(key_file.read_text("utf-8"))["keys"]}
    except (ValueError, KeyError, TypeError):
        raise NotABackup("the key file that was copied holds no key-encryption keys") from None
    if lacking := sorted(wrapping - held):
        raise NotABackup(
            f"the key file that was copied lacks {', '.join(lacking)}, which wraps keys of the key store that was copied; "
            "see which key file the workers use, and make the backup anew"
        )


def _in_place(written: Path, to: Path, part: str) -> Copied:
    with written.open("rb") as file:
        os.fsync(file.fileno())
    written.replace(to)
    return Copied(part, str(to), to.stat().st_size)
