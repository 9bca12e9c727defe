"""The private key with which an installation signs: one file that only its owner reads, made at first start.

What is published of it lies elsewhere (:mod:`sealing.published_keys`), and stays there when the key is replaced.
"""

import json
import stat
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from joserfc.jwk import OKPKey

from sealing.published_keys import OWN, PublishedKeys, accept, as_json, publish, retired, write_whole
from sealing.signatures import ALGORITHM, ANY, LONGEST, KeyStatement, Owner, SigningKey, sign


class SigningKeyUnusable(ValueError):
    """A private key cannot be used; the text is one sentence, and repeats nothing of it."""

    says_nothing_personal = True


class SigningKeyFile:
    """The file of a private key, read anew when it was replaced."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._key: SigningKey | None = None

    @property
    def path(self) -> Path:
        return self._path

    def exists(self) -> bool:
        return self._path.exists()

    def read(self) -> SigningKey:
        """The key. Raises :class:`SigningKeyUnusable`, also when others than the file's owner may read it."""
        try:
            told = self._path.stat()
            seen = (told.st_ino, told.st_mtime_ns, told.st_size)
            if self._key is None or seen != self._seen:
                if stat.S_IMODE(told.st_mode) & 0o077:
                    raise SigningKeyUnusable(
                        f"The signing key {self._path} can be read by others: make it private (chmod 600), "
                        "and replace the key if anybody may have read it."
                    )
                self._key = SigningKey.from_json(json.loads(self._path.read_bytes()))
                self._seen = seen
        except OSError as error:
            raise SigningKeyUnusable(f"The signing key {self._path} cannot be read ({error.strerror}).") from None
        except ValueError as fault:
            if isinstance(fault, SigningKeyUnusable):
                raise
            raise SigningKeyUnusable(f"{self._path} is no signing key.") from None
        return self._key

    def make(
        self,
        published: PublishedKeys,
        *,
        owner: Owner,
        at: datetime,
        roles: tuple[str, ...] = (ANY,),
        states: tuple[str, ...] = (ANY,),
    ) -> KeyStatement:
        """Make a new key, publish it, and have it sign from now on; one that signed before signs no more.

        What the earlier key signed stays good. For whom it signs is accepted with it: whoever makes a key of this
        installation has the say here. Raises OSError, :class:`SigningKeyUnusable` and
        :class:`sealing.published_keys.KeysUnusable`.
        """
        folder = published.path
        if not folder.exists() and folder.suffix != ".json":
            folder.mkdir(mode=0o755, parents=True)
        file = folder / OWN if folder.is_dir() else folder
        before = published.good()[0].get(self.read().kid) if self.exists() else None
        jwk = OKPKey.generate_key(ALGORITHM, private=True)
        key = SigningKey(kid=f"key-{jwk.thumbprint()[:16]}", owner=owner, jwk=jwk)
        statement = KeyStatement.model_validate(
            {
                **jwk.as_dict(private=False),
                "kid": key.kid,
                "owner": owner,
                "roles": roles,
                "states": states,
                "valid_from": at,
            }
        )
        if file.name != OWN or set(states) != {owner.state}:
            accept(published, statement, states)
        # Published first: what the new key signs must find it there.
        publish(file, as_json(statement))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self._path, json.dumps(key.as_json()).encode() + b"\n", mode=0o600)
        if before is not None:
            # What it signed a moment ago may still be on its way.
            publish(file, retired(before, at=at + LONGEST))
        return statement

    def sign(self, said: Mapping[str, Any], *, reference: str, at: datetime) -> str:
        """The signature of an act or an intake. Raises :class:`SigningKeyUnusable`."""
        return sign(said, key=self.read(), reference=reference, at=at)
