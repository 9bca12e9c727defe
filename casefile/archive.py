"""Where ended runs are kept for good: a folder, or an object store by URL.

Each object is named by its digest, is written once, and is checked when it is read. Nothing in it is needed
for a running case. An object lies at ``REFERENCE/RUN/DIGEST.json``. It is sealed with the case's key, all but the
headers of the entries, which are not personal: with them the chain can be checked when the key is gone.
"""

import errno
import hashlib
import json
import os
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, cast
from urllib.parse import unquote

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, from_url

from casefile.erasure import Erased, NotAnErasure
from casefile.runs import NotARun, Run
from procedure.intake import REFERENCE

# The library's overloads for another kind of answer are only partly known to the type check.
_store_calls: Final[Any] = obstore
SEALED: Final = "homeward.run/2"
"""The format of a run that is sealed; ``homeward.run/1`` (:mod:`casefile.runs`) is one in clear, from before."""

_PERSONAL: Final = ("salt", "body")
"""What of an entry is not its header."""

ERASED: Final = "erased"
"""Stands in a run's place in the path of what is left of a case that was erased (:mod:`casefile.erasure`)."""

_NAME: Final = re.compile(r"([0-9a-f]{64})\.json")
_SCHEMES: Final = ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss")


class ArchiveUnreachable(Exception):
    """The archive cannot be reached or used. The text is one sentence and repeats no credentials."""

    says_nothing_personal = True


class ArchiveAltered(Exception):
    """An object of the archive is not what its name says. The text is one sentence."""

    says_nothing_personal = True


class CannotOpenRun(Exception):
    """A sealed run was met by whoever has nothing to open it with. The text is one sentence."""

    says_nothing_personal = True


class Seal(Protocol):
    """Closes and opens what is kept of a case. Both raise, in a sentence, where the case's key cannot be had."""

    async def close(self, case: str, clear: bytes) -> str:
        """A sealed text; of the same content always the same."""
        ...

    async def open(self, case: str, sealed: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Kept:
    """One object of the archive."""

    reference: str
    run_id: str
    digest: str
    size: int

    @property
    def path(self) -> str:
        return f"{self.reference}/{self.run_id}/{self.digest}.json"


class Archive:
    """The archive at a folder or a URL (``s3://BUCKET/PREFIX``, ``file:///FOLDER``, ...).

    Credentials and endpoint of an object store come from its usual environment variables
    (``AWS_ACCESS_KEY_ID``, ``AWS_ENDPOINT_URL``, ...).
    """

    def __init__(self, where: str | Path, *, seal: Seal | None, make: bool = False) -> None:
        """``make``: a folder that is not there is made, for its owner only. ``seal`` None: runs are kept in clear.

        Raises :class:`ArchiveUnreachable` for a folder that is not there, or an address that cannot be one.
        """
        self._store: Any
        self._seal = seal
        text = str(where)
        scheme, separator, _ = text.partition("://")
        try:
            if separator and scheme != "file":
                if scheme not in _SCHEMES:
                    # Not a folder of that name: somebody's address, misspelt.
                    raise ArchiveUnreachable(
                        f"The archive's address cannot be used: it begins with none of {', '.join(_SCHEMES)} or file."
                    )
                self._store = from_url(text)
            else:
                folder = archive_folder(text)
                assert folder is not None
                if make:
                    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                if not folder.resolve(strict=True).is_dir():
                    raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
                self._store = LocalStore(folder.resolve())
        except OSError as error:
            raise ArchiveUnreachable(f"The archive's folder cannot be used ({error.strerror}).") from None
        except (BaseError, ValueError) as error:
            raise ArchiveUnreachable(f"The archive's address cannot be used ({type(error).__name__}).") from None

    async def keep(self, run: Run) -> Kept:
        """Keep a run that has ended; the same one again changes nothing.

        Raises :class:`ArchiveUnreachable`, :class:`ArchiveAltered` where something else lies under its name, and what
        the seal does.
        """
        raw = await self._closed(run)
        kept = Kept(run.reference, run.run_id, hashlib.sha256(raw).hexdigest(), len(raw))
        try:
            await obstore.put_async(self._store, kept.path, raw, mode="create")
        except AlreadyExistsError:
            await self._raw(kept)  # its name is its content, unless somebody was at it
        except (BaseError, OSError) as error:
            raise _unreachable(error) from None
        return kept

    async def runs(self, reference: str) -> list[Kept]:
        """What is kept of a case, in no order that means anything. Raises :class:`ArchiveUnreachable`."""
        if not REFERENCE.fullmatch(reference):
            return []  # and no path into somewhere else
        return [kept async for kept in self._listed(f"{reference}/") if kept.run_id != ERASED]

    async def keep_erasure(self, erased: Erased) -> Kept:
        """Keep what is left of a case that is erased, in clear, for it holds nothing of the child.

        Done again with the same content it changes nothing. Raises :class:`ArchiveUnreachable`.
        """
        kept = Kept(erased.reference, ERASED, erased.digest, len(erased.as_bytes))
        try:
            await obstore.put_async(self._store, kept.path, erased.as_bytes, mode="create")
        except AlreadyExistsError:
            await self._raw(kept)
        except (BaseError, OSError) as error:
            raise _unreachable(error) from None
        return kept

    async def erasure(self, reference: str) -> Erased | None:
        """What is left of a case that was erased, or is being erased; None where none was begun.

        Raises :class:`ArchiveUnreachable`, and :class:`ArchiveAltered` where what lies there is not it, or lies there
        twice.
        """
        if not REFERENCE.fullmatch(reference):
            return None
        found = [kept async for kept in self._listed(f"{reference}/") if kept.run_id == ERASED]
        if not found:
            return None
        if len(found) > 1:
            raise ArchiveAltered(f"The archive has more than one certificate of the erasure of case {reference}.")
        try:
            erased = Erased.of_bytes(await self._raw(found[0]))
        except NotAnErasure as why:
            raise ArchiveAltered(
                f"The archive's certificate of the erasure of case {reference} is none: {why}."
            ) from None
        if erased.reference != reference:
            raise ArchiveAltered(f"The archive's certificate for case {reference} is that of another case.")
        return erased

    async def headers(self, kept: Kept) -> list[dict[str, Any]] | None:
        """The headers that lie beside a sealed run, for whoever has no key; None for a run that lies in clear.

        Raises :class:`ArchiveAltered` and :class:`ArchiveUnreachable`.
        """
        told = _object(await self._raw(kept), kept)
        return list(told["entries"] or []) if told.get("format") == SEALED else None

    async def references(self) -> list[str]:
        """The cases of which something is kept, in order. Raises :class:`ArchiveUnreachable`."""
        try:
            found: Any = await _store_calls.list_with_delimiter_async(self._store, None)
        except (BaseError, OSError) as error:
            raise _unreachable(error) from None
        return sorted(prefix.rstrip("/") for prefix in found["common_prefixes"])

    async def read(self, kept: Kept) -> Run:
        """A kept run, opened.

        Raises :class:`ArchiveAltered` when it is not what its name says, :class:`ArchiveUnreachable`,
        :class:`CannotOpenRun`, and what the seal does.
        """
        raw = await self._raw(kept)
        told = _object(raw, kept)
        if told.get("format") != SEALED:
            return _run(raw, kept)
        if self._seal is None:
            raise CannotOpenRun(f"Run {kept.run_id} of case {kept.reference} is sealed, and no keys were given.")
        run = _run(await self._seal.open(kept.reference, told["sealed"]), kept)
        if _headers(run) != told["entries"]:
            raise ArchiveAltered(f"The archive's object of run {kept.run_id} shows other entries than it holds.")
        return run

    async def is_whole(self, kept: Kept) -> bool:
        """Whether an object is what its name says, as far as that can be told without opening it.

        Raises :class:`ArchiveUnreachable`.
        """
        try:
            raw = await self._raw(kept)
            if _object(raw, kept).get("format") != SEALED:
                _run(raw, kept)
        except ArchiveAltered:
            return False
        return True

    async def _closed(self, run: Run) -> bytes:
        if self._seal is None:
            return run.as_bytes
        told = {
            "format": SEALED,
            "reference": run.reference,
            "run": run.run_id,
            "entries": _headers(run),
            "sealed": await self._seal.close(run.reference, run.as_bytes),
        }
        return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()

    async def _raw(self, kept: Kept) -> bytes:
        try:
            got = await obstore.get_async(self._store, kept.path)
            raw = bytes(await got.bytes_async())
        except (BaseError, OSError) as error:
            raise _unreachable(error) from None
        if hashlib.sha256(raw).hexdigest() != kept.digest:
            raise ArchiveAltered(
                f"The archive's object of run {kept.run_id} is not what its name says: it was altered after it was kept."
            )
        return raw

    async def _listed(self, prefix: str) -> AsyncIterator[Kept]:
        try:
            async for page in _store_calls.list(self._store, prefix):
                for found in page:
                    parts = found["path"].split("/")
                    if len(parts) == 3 and (name := _NAME.fullmatch(parts[2])):
                        yield Kept(parts[0], parts[1], name[1], found["size"])
        except (BaseError, OSError) as error:
            raise _unreachable(error) from None


def archive_folder(where: str) -> Path | None:
    """The folder that an archive's address means; None for one that is an object store's."""
    scheme, separator, rest = where.partition("://")
    if separator and scheme != "file":
        return None
    return Path(unquote(rest) if separator else where).expanduser()


def _object(raw: bytes, kept: Kept) -> dict[str, Any]:
    """What an object says, of either format. Raises :class:`ArchiveAltered`."""
    try:
        told: Any = json.loads(raw)
    except (ValueError, RecursionError):
        raise _no_run(kept, "it is not JSON") from None
    if not isinstance(told, dict):
        raise _no_run(kept, "it is not a JSON object")
    found = cast("dict[str, Any]", told)
    if found.get("format") == SEALED:
        if not isinstance(found.get("sealed"), str) or not isinstance(found.get("entries"), list | None):
            raise _no_run(kept, "it is sealed, and not as a run is")
        _check_whose(str(found.get("reference")), str(found.get("run")), kept)
    return found


def _run(raw: bytes, kept: Kept) -> Run:
    """The run in clear. Raises :class:`ArchiveAltered`."""
    try:
        run = Run.of_bytes(raw)
    except NotARun as error:
        raise _no_run(kept, str(error)) from None
    _check_whose(run.reference, run.run_id, kept)
    return run


def _check_whose(reference: str, run_id: str, kept: Kept) -> None:
    if (reference, run_id) != (kept.reference, kept.run_id):
        raise ArchiveAltered(
            f"The archive's object of run {kept.run_id} holds another run, {run_id} of case {reference}."
        )


def _headers(run: Run) -> list[Mapping[str, Any]] | None:
    """The entries without what is personal in them."""
    if run.ledger is None:
        return None
    return [{name: told for name, told in entry.items() if name not in _PERSONAL} for entry in run.ledger]


def _no_run(kept: Kept, why: str) -> ArchiveAltered:
    return ArchiveAltered(f"The archive's object of run {kept.run_id} is no kept run: {why}.")


def _unreachable(error: Exception) -> ArchiveUnreachable:
    # The library's own words repeat addresses, and with them credentials.
    return ArchiveUnreachable(f"The archive cannot be reached or used ({type(error).__name__}).")
