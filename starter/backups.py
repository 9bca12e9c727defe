"""`homeward backup`: copies of what a data folder holds, each whole, while everything runs."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

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
    store is not copied; the command names it.
    """
    settings = settings_of(data=data)
    _apart(folder, key_store, key_file)
    try:
        done = back_up(settings, folder, key_store=key_store, key_file=key_file)
    except (OSError, sqlite3.Error) as error:
        why = getattr(error, "strerror", None) or error
        raise CannotGoOn(f"The backup is not complete, and must not be relied on: {why}.") from None
    if as_json:
        print_json(asdict(done))
        return
    for each in done.copied:
        print(f"{each.part}: {each.to} ({each.bytes:,} bytes)")
    for each in done.left:
        print(f"{each.part}: not in this backup. {each.because}")


def back_up(settings: "Settings", folder: Path, *, key_store: Path | None, key_file: Path | None) -> Backup:
    """Copy each part into ``folder``, under the name that it has in a data folder; the keys where they are to go.

    Raises ``OSError`` and ``sqlite3.Error``: then the copies are not to be relied on.
    """
    done = Backup(str(folder))
    engine = settings.data / "engine.db"
    # In this order. A case that opens meanwhile has its key in the store before anything of it is in the engine: so the
    # key store is copied after it. A case that is erased meanwhile stands in the caseload: so that is copied last.
    if engine.is_file():
        done.copied.append(_database(engine, folder / "engine.db", "engine"))
    else:
        done.left.append(Left("engine", "It runs elsewhere: back up its database there, before this."))
    _folder(done, "archive", settings.archive, folder / "archive")
    for part, source in (
        ("duplicates key", settings.duplicates_key),
        ("published keys", settings.published_keys_path),
        ("notices", settings.notices_folder),
        ("drafts", settings.data / "drafts"),
        ("demonstration", settings.data / "demo.json"),
    ):
        if source.exists():
            done.copied.append(_copy(source, folder / source.name, part))
    _table(done, "key store", settings.keys, key_store, "Name a file for it with --key-store")
    if settings.transit_url is not None:
        done.left.append(Left("key file", "OpenBao or Vault has these keys: back it up there."))
    elif key_file is None:
        done.left.append(Left("key file", "Name a file for it with --key-file, or no case can be read from a backup."))
    else:
        done.copied.append(_copy(settings.key_encryption_file, key_file, "key file"))
    _table(done, "caseload", settings.caseload, folder / "caseload.db", "")
    return done


def _apart(folder: Path, key_store: Path | None, key_file: Path | None) -> None:
    """See that the copies have a place, and that no two are together that would open each other."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CannotGoOn(f"{folder} is not empty: name a new folder for each backup.", code=Exit.MALFORMED)
    homes = [folder.absolute()]
    for option, file in (("--key-store", key_store), ("--key-file", key_file)):
        if file is None:
            continue
        if file.exists():
            raise CannotGoOn(f"{option}: {file} is there already; name a new file.", code=Exit.MALFORMED)
        home = file.absolute().parent
        if any(home.is_relative_to(other) or other.is_relative_to(home) for other in homes):
            raise CannotGoOn(
                f"{option}: name a file in a folder of its own. Keys beside each other, or beside what they open, "
                "protect nothing.",
                code=Exit.MALFORMED,
            )
        homes.append(home)
    try:
        for home in homes:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CannotGoOn(f"{error.filename} cannot be made ({error.strerror}).", code=Exit.MALFORMED) from None


def _table(done: Backup, part: str, url: "URL", to: Path | None, ask: str) -> None:
    if url.get_backend_name() != "sqlite":
        done.left.append(Left(part, "It is in PostgreSQL: back it up there with pg_dump."))
    elif to is None:
        done.left.append(Left(part, f"{ask}, or no case can be read from a backup."))
    elif (source := Path(str(url.database))).is_file():
        done.copied.append(_database(source, to, part))


def _folder(done: Backup, part: str, where: str, to: Path) -> None:
    if "://" in where:
        done.left.append(Left(part, "It is in an object store: keep a second copy there."))
    elif Path(where).is_dir():
        done.copied.append(_copy(Path(where), to, part))


def _database(source: Path, to: Path, part: str) -> Copied:
    """A copy as it was at one moment, by SQLite's own means: a copy of the file alone may be torn."""
    written = to.with_name(f"{to.name}.part")
    with closing(sqlite3.connect(source, timeout=BUSY)) as here, closing(sqlite3.connect(written)) as there:
        here.backup(there)
        # One file, with nothing beside it that could be forgotten.
        there.execute("PRAGMA journal_mode = DELETE")
        if (found := there.execute("PRAGMA quick_check").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(f"{source.name} is damaged: {found}")
    return _in_place(written, to, part)


def _copy(source: Path, to: Path, part: str) -> Copied:
    if source.is_file():
        written = to.with_name(f"{to.name}.part")
        shutil.copy2(source, written)
        return _in_place(written, to, part)
    size = 0
    for file in _files_in(source):
        copy = to / file.relative_to(source)
        copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            shutil.copy2(file, copy)
        except FileNotFoundError:
            continue  # a notice that was read, an object that got its name meanwhile
        size += copy.stat().st_size
    to.mkdir(mode=0o700, exist_ok=True)
    return Copied(part, str(to), size)


def _files_in(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _in_place(written: Path, to: Path, part: str) -> Copied:
    written.chmod(0o600)
    with written.open("rb") as file:
        os.fsync(file.fileno())
    written.replace(to)
    return Copied(part, str(to), to.stat().st_size)
