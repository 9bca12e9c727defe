"""What the command line asks of a case's record: brought together, audited, bound into a dossier, or read from one."""

import os
import tempfile
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from casefile.archive import Archive, ArchiveAltered, ArchiveUnreachable, Seal
from casefile.audit import Audited, audit
from casefile.dossier import Dossier, NotADossier, PartAltered
from casefile.engine import CaseSilent, EngineRuns, TodaysCode
from casefile.findings import Finding
from casefile.gathering import Gathered, NothingKnown, gather
from casefile.pages import CannotSetPages
from casefile.redaction import Reader
from casefile.signatures import Keys
from casefile.verify import verify
from procedure.entries import Entry
from procedure.intake import REFERENCE
from sealing.composing import seal_of
from sealing.faults import SealingFault
from sealing.published_keys import ACCEPTED, KeysUnusable, PublishedKeys, for_its_own_state
from starter.client import Cases, NoSuchCase
from starter.endings import CannotGoOn, Exit
from starter.sealed import told

_MEMORY: Final = Path("/", "dev", "shm")
_IN_MEMORY: Final = _MEMORY if os.access(_MEMORY, os.W_OK) else None
"""Where opened runs are laid while an audit works: on Linux no disk, so that nothing of them outlives the machine's power.
Elsewhere in the system's temporary folder."""

Progress = Callable[[int, int], None]


@dataclass
class Looked:
    """An audited case, with its record at hand as long as the context is open."""

    gathered: Gathered
    audited: Audited


@asynccontextmanager
async def audited_case(
    reference: str,
    *,
    cases: Cases | None,
    archive: Archive | None,
    code: TodaysCode | None,
    keys: Keys | None = None,
    progress: Progress,
) -> AsyncGenerator[Looked]:
    """Bring a case together and audit it; its signatures with ``keys``, by default those published where it runs.

    Raises CannotGoOn when it is not known, gives no answer, or has lost its beginning.
    """
    if not REFERENCE.fullmatch(reference):
        raise NoSuchCase(f"{reference or 'Nothing'} is no case reference; one looks like MD-UA-2026-7K3F9A.")
    with tempfile.TemporaryDirectory(prefix="homeward-audit-", dir=_IN_MEMORY) as folder:
        try:
            gathered = await gather(
                reference,
                Path(folder),
                engine=EngineRuns(cases.client) if cases else None,
                archive=archive,
                ledger_of=_ledger_of(cases, reference) if cases else None,
                progress=progress,
            )
        except NothingKnown:
            where = "neither the engine nor the archive knows one" if archive and cases else "none is known here"
            raise CannotGoOn(f"There is no case {reference}: {where}.", code=Exit.NO_SUCH_CASE) from None
        except SealingFault as fault:
            raise told(fault) from None
        except (ArchiveUnreachable, CaseSilent) as error:
            raise CannotGoOn(str(error)) from None
        try:
            audited = await audit(
                gathered.record,
                code=code,
                keys=keys or await keys_of(cases),
                found_before=gathered.findings,
                progress=progress,
            )
        except (ValueError, KeyError) as error:
            # What is left cannot be read as a case at all; what was found before says why.
            raise CannotGoOn(
                f"The record of {reference} cannot be read as a case: {_why(gathered.findings) or type(error).__name__}",
                code=Exit.DOES_NOT_VERIFY,
            ) from error
        yield Looked(gathered, audited)


def _why(findings: list[Finding]) -> str:
    return " ".join(finding.sentence for finding in findings)


def _ledger_of(cases: Cases, reference: str) -> Callable[[str, int], Any]:
    async def ask(run_id: str, first: int) -> list[dict[str, Any]]:
        try:
            return await cases.entries_of_run(reference, run_id, first)
        except CannotGoOn as error:
            if error.code is Exit.FAILED:
                raise CaseSilent(error.sentence) from None
            raise

    return ask


def write_dossier(path: Path, looked: Looked, *, reader: Reader, language: str, version: str) -> None:
    """Bind a dossier. Raises CannotGoOn when it cannot be written or its pages cannot be set."""
    from casefile.binding import bind
    from casefile.languages import language as language_of

    try:
        bind(
            path, looked.gathered.record, looked.audited, reader=reader, language=language_of(language), version=version
        )
    except CannotSetPages as error:
        raise CannotGoOn(str(error)) from None
    except OSError as error:
        raise CannotGoOn(f"{path} cannot be written ({error.strerror}).", code=Exit.MALFORMED) from None
    except ValueError:
        raise CannotGoOn(
            "No dossier can be made of a record that no case can be made of.", code=Exit.DOES_NOT_VERIFY
        ) from None


@contextmanager
def opened_dossier(path: Path) -> Generator[Dossier]:
    """A dossier. Raises CannotGoOn, with a sentence, for a file that is none or cannot be read."""
    try:
        with Dossier.open(path) as dossier:
            yield dossier
    except OSError as error:
        raise CannotGoOn(f"{path} cannot be read ({error.strerror}).", code=Exit.MALFORMED) from None
    except NotADossier as error:
        raise CannotGoOn(f"{path} is no dossier that can be read. {error}", code=Exit.MALFORMED) from None
    except PartAltered as error:
        raise CannotGoOn(f"{path} does not verify. {error}", code=Exit.DOES_NOT_VERIFY) from None


_FALSE: Final = frozenset({"chain", "body", "agreement", "history", "dossier", "archive", "code", "signature"})
"""Findings after which nothing of a dossier is believed. That an operator reset a case, or ended it, is told in it."""


def entries_in_dossier(path: Path) -> list[Entry]:
    """The entries that its reader sees. Raises CannotGoOn, also for a dossier that is not what it claims to be."""
    with opened_dossier(path) as dossier:
        told_then = dossier.manifest.found
        findings = [each for each in verify(dossier).findings if each.what in _FALSE and each not in told_then]
        if findings:
            raise CannotGoOn(
                f"{path} does not verify, so nothing is shown of it. {findings[0].sentence} "
                "`homeward verify` tells everything that is wrong.",
                code=Exit.DOES_NOT_VERIFY,
            )
        return list(dossier.entries())


def write_pages(dossier: Dossier, path: Path) -> None:
    """Set a dossier's pages anew from its own parts. Raises CannotGoOn."""
    from casefile.binding import pages_of

    try:
        path.write_bytes(pages_of(dossier))
    except CannotSetPages as error:
        raise CannotGoOn(str(error)) from None
    except OSError as error:
        raise CannotGoOn(f"{path} cannot be written ({error.strerror}).", code=Exit.MALFORMED) from None


def keys_at(path: Path) -> Keys:
    """The published keys in a file or a folder, as they count: what the worker there would refuse is no signature here.

    Where nothing says what was accepted of them, each counts for the people of its owner's state, which is what an
    auditor trusts who had it from that state (:func:`remark_on_keys`). Raises CannotGoOn when there are none, or they
    cannot be used.
    """
    published = PublishedKeys(path)
    if published.accepted_at.exists():
        return _counting(published)
    try:
        keys = published.all()
    except KeysUnusable as fault:
        raise CannotGoOn(str(fault), code=Exit.MALFORMED) from None
    return _some(published, {kid: for_its_own_state(key) for kid, key in keys.items()})


def remark_on_keys(path: Path) -> str:
    """For whom :func:`keys_at` took these keys to count."""
    published = PublishedKeys(path)
    if published.accepted_at.exists():
        return f"Each key counts for the roles and states that {ACCEPTED} beside the keys accepts."
    return (
        f"Nothing beside the keys says what was accepted of them ({ACCEPTED}), so each counts for the people of its "
        "owner's state alone."
    )


def _counting(published: PublishedKeys) -> Keys:
    """The keys as they count where they lie. Raises as :func:`keys_at`."""
    keys, faults = published.counting()
    if faults:
        raise CannotGoOn(" ".join(faults), code=Exit.MALFORMED)
    return _some(published, keys)


def _some(published: PublishedKeys, keys: Keys) -> Keys:
    if not keys:
        raise CannotGoOn(f"There are no published keys at {published.path}.", code=Exit.MALFORMED)
    return keys


async def keys_of(cases: Cases | None) -> Keys | None:
    """The keys by which the cases of an engine are signed; None when they are not known here. Raises CannotGoOn."""
    from starter.options import settings_of
    from starter.up import data_folder_of

    noted = await data_folder_of(cases.client) if cases else None
    if noted is None and not any(os.environ.get(name) for name in ("HOMEWARD_DATA", "HOMEWARD_PUBLISHED_KEYS")):
        return None
    path = settings_of(data=noted).published_keys_path
    return _counting(PublishedKeys(path)) if path.exists() else None


def archive_at(where: str | None, seal: Seal | None) -> Archive | None:
    """The archive at a place, or None for no place; ``seal`` opens what is in it. Raises CannotGoOn when it is not there."""
    try:
        return Archive(where, seal=seal) if where else None
    except ArchiveUnreachable as error:
        raise CannotGoOn(str(error), code=Exit.MALFORMED) from None


async def archive_of(cases: Cases | None, *, make: bool = False) -> str | None:
    """Where the archive of these cases lies; None when that is not known, or, unless it is to be made, not there yet."""
    from starter.options import settings_of
    from starter.up import data_folder_of

    if os.environ.get("HOMEWARD_ARCHIVE_URL"):
        return str(settings_of().archive)
    noted = await data_folder_of(cases.client) if cases else None
    if noted is None and not os.environ.get("HOMEWARD_DATA"):
        return None
    where = str((settings_of(data=noted) if noted else settings_of()).archive)
    return where if make or _is_folder(where) else None


async def archive_for(cases: Cases) -> Archive | None:
    """The archive of these cases, opened with their keys; None where it is not known. Raises CannotGoOn."""
    return archive_at(await archive_of(cases), seal_of(cases.client))


def _is_folder(where: str) -> bool:
    return Path(where).is_dir()


async def whole_ledger(cases: Cases, reference: str) -> list[dict[str, Any]]:
    """A case's entries from the engine; the oldest from the archive, where the engine has them no more."""
    entries = await cases.ledger(reference)
    if entries and entries[0]["n"] > 1 and (archive := await archive_for(cases)):
        try:
            return [*await archived_entries(archive, reference, entries[0]["prev"]), *entries]
        except SealingFault as fault:
            raise told(fault) from None
        except ArchiveUnreachable as error:
            raise CannotGoOn(str(error)) from None
    return entries


async def archived_entries(archive: Archive, reference: str, head: str) -> list[dict[str, Any]]:
    """The entries up to the one with that hash, as the archive has them; as many as hang together.

    Raises :class:`casefile.archive.ArchiveUnreachable`.
    """
    by_hash: dict[str, dict[str, Any]] = {}
    for kept in await archive.runs(reference):
        try:
            run = await archive.read(kept)
        except ArchiveAltered:
            continue  # an audit names it; here it only leaves a gap
        by_hash.update({entry["hash"]: entry for entry in run.ledger or []})
    found: list[dict[str, Any]] = []
    while head in by_hash:
        found.append(by_hash.pop(head))
        head = found[-1]["prev"]
    return found[::-1]
