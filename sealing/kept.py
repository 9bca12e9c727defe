"""What is kept of a case outside the engine, sealed whole with the case's key."""

import base64
import binascii
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sealing.faults import CannotOpen
from sealing.keyring import Keys

FORMAT: Final = "homeward.kept/1"


class KeptSeal:
    """Closes and opens what is kept of a case.

    AES-256-SIV: the same content has the same sealed text, so that what is kept twice is one object still.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    async def close(self, case: str, clear: bytes) -> str:
        """A sealed text. Raises :class:`sealing.faults.CannotOpen` and ``KeysUnreachable``."""
        siv = _siv(await self._keys.key(case))
        return base64.b64encode(siv.encrypt(clear, _about(case))).decode()

    async def open(self, case: str, sealed: str) -> bytes:
        """What was closed. Raises :class:`sealing.faults.CannotOpen` and ``KeysUnreachable``."""
        siv = _siv(await self._keys.known_key(case))
        try:
            return siv.decrypt(base64.b64decode(sealed, validate=True), _about(case))
        except (InvalidTag, binascii.Error, ValueError):
            raise CannotOpen(
                case, f"Something kept of {case} was altered, or was sealed with another key than the one at hand."
            ) from None


def _siv(key: bytes) -> AESSIV:
    return AESSIV(HKDF(hashes.SHA256(), length=64, salt=None, info=FORMAT.encode()).derive(key))


def _about(case: str) -> list[bytes]:
    return [FORMAT.encode(), case.encode()]
