"""Key-encryption keys: they wrap the keys of cases, so that a copy of the key store alone opens nothing."""

import asyncio
import fcntl
import json
import os
import secrets
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Protocol, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sealing.faults import CannotOpen, KeysUnusable

FORMAT: Final = "homeward.key-encryption-keys/1"
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
_WHAT_IT_WRAPS: Final = b"homeward case key 1"


@dataclass(frozen=True)
class Wrapped:
    """A case's key as it is kept: ``by`` names the key-encryption key."""

    by: str
    blob: bytes


class KeyHolder(Protocol):
    """Holds key-encryption keys and never gives one away.

    Every method raises :class:`sealing.faults.KeysUnusable` or :class:`sealing.faults.KeysUnreachable`.
    """

    async def newest(self) -> str:
        """The id of the key that wraps now."""
        ...

    async def ids(self) -> list[str]:
        """The ids of all keys that still unwrap, oldest first."""
        ...

    async def wrap(self, key: bytes, *, case: str) -> Wrapped: ...

    async def unwrap(self, wrapped: Wrapped, *, case: str) -> bytes:
        """The key of a case. Raises :class:`sealing.faults.CannotOpen` when it was not wrapped here, or for another case."""
        ...

    async def add(self) -> str:
        """Make a new key-encryption key, the newest from now on; its id."""
        ...

    async def forget_old(self) -> list[str]:
        """Forget every key but the newest, for good; their ids. What only they wrapped can never be unwrapped again."""
        ...


@dataclass(frozen=True)
class _Kek:
    id: str
    made: str
    key: bytes


class KeyFile:
    """Key-encryption keys in a file that its owner alone can read.

    It is made when :meth:`make` finds none, and read anew at each use, so that a key that was added or forgotten by
    another process counts at once.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def make(self) -> None:
        """Make the file with one key in it where there is none. Safe while another process does the same."""
        try:
            if not self._path.exists():
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                draft = self._draft([_new_kek()])
                try:
                    # A link appears whole or not at all, and never over keys that are there already.
                    with suppress(FileExistsError):
                        os.link(draft, self._path)
                finally:
                    draft.unlink()
        except OSError as error:
            raise self._unusable(error) from None
        self._read()

    async def newest(self) -> str:
        return (await self._keys())[-1].id

    async def ids(self) -> list[str]:
        return [kek.id for kek in await self._keys()]

    async def wrap(self, key: bytes, *, case: str) -> Wrapped:
        kek = (await self._keys())[-1]
        nonce = secrets.token_bytes(NONCE_BYTES)
        return Wrapped(kek.id, nonce + AESGCM(kek.key).encrypt(nonce, key, _about(kek.id, case)))

    async def unwrap(self, wrapped: Wrapped, *, case: str) -> bytes:
        kek = next((kek for kek in await self._keys() if kek.id == wrapped.by), None)
        if kek is None:
            raise CannotOpen(
                case, f"The key of {case} is wrapped by the key-encryption key {wrapped.by}, which is not here."
            )
        nonce, sealed = wrapped.blob[:NONCE_BYTES], wrapped.blob[NONCE_BYTES:]
        try:
            return AESGCM(kek.key).decrypt(nonce, sealed, _about(kek.id, case))
        except (InvalidTag, ValueError):
            raise CannotOpen(case, f"The key of {case} in the key store is not the one that was put there.") from None

    async def add(self) -> str:
        return await asyncio.to_thread(self._add)

    async def forget_old(self) -> list[str]:
        return await asyncio.to_thread(self._forget_old)

    async def _keys(self) -> list[_Kek]:
        return await asyncio.to_thread(self._read)

    def _add(self) -> str:
        new = _new_kek()
        with self._held():
            self._write([*self._read(), new])
        return new.id

    def _forget_old(self) -> list[str]:
        with self._held():
            *old, newest = self._read()
            if old:
                self._write([newest])
        return [kek.id for kek in old]

    def _read(self) -> list[_Kek]:
        try:
            if stat.S_IMODE(self._path.stat().st_mode) & 0o077:
                raise KeysUnusable(f"{self._path} can be read by others than its owner; run: chmod 600 {self._path}")
            folder = self._path.parent
            if stat.S_IMODE(folder.stat().st_mode) & 0o022:
                raise KeysUnusable(f"{folder} can be written by others than its owner; run: chmod 700 {folder}")
            try:
                return _keks(self._path.read_text(encoding="utf-8"))
            except ValueError:
                # It may have been overwritten while it was read, because another file took its place.
                return _keks(self._path.read_text(encoding="utf-8"))
        except OSError as error:
            raise self._unusable(error) from None
        except (ValueError, KeyError, TypeError):
            raise KeysUnusable(f"{self._path} holds no key-encryption keys of the format {FORMAT}") from None

    def _write(self, keks: list[_Kek]) -> None:
        """Put other keys in the file's place, and nothing where the old ones were."""
        try:
            draft = self._draft(keks)
            with self._path.open("r+b") as old:
                draft.replace(self._path)
                size = os.fstat(old.fileno()).st_size
                old.write(b"\0" * size)
                old.flush()
                os.fsync(old.fileno())
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise self._unusable(error) from None

    def _draft(self, keks: list[_Kek]) -> Path:
        told = {
            "format": FORMAT,
            "keys": [{"id": kek.id, "made": kek.made, "key": kek.key.hex()} for kek in keks],
        }
        draft = self._path.with_name(f"{self._path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as writing:
            json.dump(told, writing, indent=1)
            writing.write("\n")
            writing.flush()
            os.fsync(writing.fileno())
        return draft

    @contextmanager
    def _held(self) -> Generator[None]:
        """The lock under which the file is changed."""
        try:
            file = os.open(self._path.with_name(f"{self._path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise self._unusable(error) from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)

    def _unusable(self, error: Exception) -> KeysUnusable:
        return KeysUnusable(f"{self._path} cannot be made, read or written ({type(error).__name__})")


def _new_kek() -> _Kek:
    now = datetime.now(UTC)
    return _Kek(
        f"{now:%Y-%m-%d}-{secrets.token_hex(4)}", now.isoformat(timespec="seconds"), secrets.token_bytes(KEY_BYTES)
    )


def _keks(text: str) -> list[_Kek]:
    told: Any = json.loads(text)
    if told["format"] != FORMAT:
        raise ValueError
    given = cast("list[dict[str, str]]", told["keys"])
    keks = [_Kek(each["id"], each["made"], bytes.fromhex(each["key"])) for each in given]
    if not keks or any(len(kek.key) != KEY_BYTES for kek in keks):
        raise ValueError
    return keks


def _about(kek: str, case: str) -> bytes:
    """What a wrapped key is bound to: moved to another case's row, it does not unwrap."""
    return b"\0".join([_WHAT_IT_WRAPS, kek.encode(), case.encode()])
