"""Where ended runs are kept for good: a folder, or an object store by URL.

Each object is named by its digest, is written once, and is checked when it is read. Nothing in it is needed
for a running case. An object lies at ``REFERENCE/RUN/DIGEST.json``.
"""

import errno
import hashlib
import os
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, from_url

from casefile.runs import NotARun, Run
from procedure.intake import REFERENCE

# The library's overloads for another kind of answer are only partly known to the type check.
_store_calls: Final[Any] = obstore
_NAME: Final = re.compile(r"([0-9a-f]{64})\.json")
_SCHEMES: Final = ("s3", "s3a", "gs", "az", "azure", "abfs", "abfss")


class ArchiveUnreachable(Exception):
    """The archive cannot be reached or used. The text is one sentence and repeats no credentials."""

    says_nothing_personal = True


class ArchiveAltered(Exception):
    """An object of the archive is not what its name says. The text is one sentence."""

    says_nothing_personal = True


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

    def __init__(self, where: str | Path, *, make: bool = False) -> None:
        """``make``: a folder that is not there is made, for its owner only.

        Raises :class:`ArchiveUnreachable` for a folder that is not there, or an address that cannot be one.
        """
        self._store: Any
        text = str(where)
        scheme, separator, rest = text.partition("://")
        try:
            if separator and scheme != "file":
                if scheme not in _SCHEMES:
                    # Not a folder of that name: somebody's address, misspelt.
                    raise ArchiveUnreachable(
                        f"The archive's address cannot be used: it begins with none of {', '.join(_SCHEMES)} or file."
                    )
                self._store = from_url(text)
            else:
                folder = Path(unquote(rest) if separator else text).expanduser()
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

        Raises :class:`ArchiveUnreachable`, and :class:`ArchiveAltered` where something else lies under its name.
        """
        kept = Kept(run.reference, run.run_id, run.digest, len(run.as_bytes))
        try:
            await obstore.put_async(self._store, kept.path, run.as_bytes, mode="create")
        except AlreadyExistsError:
            await self.read(kept)  # its name is its content, unless somebody was at it
        except (BaseError, OSError) as error:
            raise _unreachable(error) from None
        return kept

    async def runs(self, reference: str) -> list[Kept]:
        """What is kept of a case, in no order that means anything. Raises :class:`ArchiveUnreachable`."""
        if not REFERENCE.fullmatch(reference):
            return []  # and no path into somewhere else
        return [kept async for kept in self._listed(f"{reference}/")]

    async def references(self) -> list[str]:
        """The cases of which something is kept, in order. Raises :class:`ArchiveUnreachable`."""
        try:
            found: Any = await _store_calls.list_with_delimiter_async(self._store, None)
        except (BaseError, OSError) as error:
            raise _unreachable(error) from None
        return sorted(prefix.rstrip("/") for prefix in found["common_prefixes"])

    async def read(self, kept: Kept) -> Run:
        """A kept run. Raises :class:`ArchiveAltered` when it is not what its name says, or :class:`ArchiveUnreachable`."""
        try:
            got = await obstore.get_async(self._store, kept.path)
            raw = bytes(await got.bytes_async())
        except (BaseError, OSError) as error:
            raise _unreachable(error) from None
        if hashlib.sha256(raw).hexdigest() != kept.digest:
            raise ArchiveAltered(
                f"The archive's object of run {kept.run_id} is not what its name says: it was altered after it was kept."
            )
        try:
            run = Run.of_bytes(raw)
        except NotARun as error:
            raise ArchiveAltered(f"The archive's object of run {kept.run_id} is no kept run: {error}.") from None
        if (run.reference, run.run_id) != (kept.reference, kept.run_id):
            raise ArchiveAltered(
                f"The archive's object of run {kept.run_id} holds another run, {run.run_id} of case {run.reference}."
            )
        return run

    async def _listed(self, prefix: str) -> AsyncIterator[Kept]:
        try:
            async for page in _store_calls.list(self._store, prefix):
                for found in page:
                    parts = found["path"].split("/")
                    if len(parts) == 3 and (name := _NAME.fullmatch(parts[2])):
                        yield Kept(parts[0], parts[1], name[1], found["size"])
        except (BaseError, OSError) as error:
            raise _unreachable(error) from None


def _unreachable(error: Exception) -> ArchiveUnreachable:
    # The library's own words repeat addresses, and with them credentials.
    return ArchiveUnreachable(f"The archive cannot be reached or used ({type(error).__name__}).")
