"""The keyed mark of a child: tells that two intakes are of one child, and nothing else to anyone without the key.

HMAC-SHA256 over the names and the date of birth, normalised so that spelling habits of a keyboard do
not hide a double. The mark stands in the caseload while a case is open; the names do not.
"""

import hashlib
import hmac
import os
import secrets
import stat
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

KEY_BYTES = 32
_WHAT_IT_MARKS = b"homeward child mark 1"


class KeyUnusable(Exception):
    """The key file cannot be made, read or trusted. The text is one sentence and names the file."""

    says_nothing_personal = True


class ChildMarks:
    """Makes marks with one key. Workers that share a caseload must share the key file too."""

    def __init__(self, key: bytes) -> None:
        """Take a key of at least 16 bytes."""
        if len(key) < 16:
            raise ValueError("a key of less than 16 bytes can be guessed")
        self._key = key

    @classmethod
    def with_key_at(cls, path: Path) -> Self:
        """Marks with the key in a file, which is made (readable by its owner only) where there is none.

        Safe while another process does the same: both end up with one key. Raises :class:`KeyUnusable`.
        """
        try:
            if not path.exists():
                _make_key(path)
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise KeyUnusable(f"{path} can be read by others than its owner; run: chmod 600 {path}")
            text = path.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise KeyUnusable(f"{path} cannot be made or read ({type(error).__name__})") from None
        try:
            key = bytes.fromhex(text)
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            raise KeyUnusable(f"{path} is not a key of {KEY_BYTES} bytes in hexadecimal digits")
        return cls(key)

    def of(self, child: Mapping[str, Any]) -> str | None:
        """The mark of a child as an intake describes one: 64 hexadecimal digits.

        ``None`` where names or date of birth are missing: without them two children may not be told
        apart, and a check that stops the wrong child's case is worse than none.
        """
        said = [child.get(field) for field in ("given_names", "family_name", "date_of_birth")]
        parts = [_plain(part) for part in said if isinstance(part, str)]
        if len(parts) < len(said) or not all(parts):
            return None
        # Each part with its length: «Ana Maria» + «Pop» is not «Ana» + «Maria Pop».
        message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
        return hmac.new(self._key, _WHAT_IT_MARKS + message, hashlib.sha256).hexdigest()


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(folded.split())


def _make_key(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(file, "w", encoding="ascii") as writing:
            writing.write(secrets.token_bytes(KEY_BYTES).hex() + "\n")
            writing.flush()
            os.fsync(writing.fileno())
        # A link appears whole or not at all, and never over a key that is there already.
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
