"""An invented authority that publishes keys and signs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sealing.published_keys import PublishedKeys, publish, revoked
from sealing.signatures import KeyStatement, Owner, SigningKey
from sealing.signing_keys import OWN, SigningKeyFile

OWNER = Owner(state="MD", office="Invented Central Authority")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class Authority:
    """Has its private key in one folder and its published keys in another."""

    def __init__(self, folder: Path, **may: Any) -> None:
        """``may``: ``roles`` and ``states``, every one by default."""
        self.published = PublishedKeys(folder / "published-keys")
        self.file = SigningKeyFile(folder / "signing.key")
        self.statement = self.file.make(self.published, owner=OWNER, at=LONG_AGO, **may)

    @property
    def key(self) -> SigningKey:
        return self.file.read()

    def rotate(self, at: datetime) -> KeyStatement:
        self.statement = self.file.make(self.published, owner=OWNER, at=at)
        return self.statement

    def revoke(self, kid: str, at: datetime) -> None:
        told = revoked(self.published.all()[kid], at=at, because="an invented loss")
        publish(self.published.path / OWN, told)

    def sign(self, said: dict[str, Any], *, reference: str, at: datetime, **more: Any) -> str:
        from sealing.signatures import sign

        return sign(said, key=self.key, reference=reference, at=at, **more)


MINUTE = timedelta(minutes=1)
