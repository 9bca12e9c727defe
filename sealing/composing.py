"""The one place where keys, codec and converter are put together, for every process that speaks to the engine."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Protocol

from pydantic import SecretStr
from sqlalchemy import URL
from temporalio.client import Client
from temporalio.converter import (
    ActivitySerializationContext,
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    SerializationContext,
    WorkflowSerializationContext,
)
from typing_extensions import override

from sealing.codec import CaseCodec, digest_of
from sealing.faults import KeyDestroyed, SealingFault
from sealing.kept import KeptSeal
from sealing.keyring import Keyring, Keys, NoKeys
from sealing.keys import KeyFile, KeyHolder


class KeySettings(Protocol):
    """Where keys are, as an operator sets it."""

    @property
    def keys(self) -> URL:
        """The database of the key store, with its driver."""
        ...

    @property
    def key_encryption_file(self) -> Path:
        """The file of key-encryption keys; not looked at where there is a ``transit_url``."""
        ...

    @property
    def transit_url(self) -> str | None: ...
    @property
    def transit_key(self) -> str: ...
    @property
    def transit_mount(self) -> str: ...
    @property
    def transit_token(self) -> SecretStr | None: ...
    @property
    def transit_role_id(self) -> str | None: ...
    @property
    def transit_secret_id(self) -> SecretStr | None: ...
    @property
    def transit_ca(self) -> Path | None: ...


REMEMBERED_AT_MOST: Final = 256


@dataclass(frozen=True)
class SealingConverter(DataConverter):
    """The data converter of every client, which keeps what it made of itself for a process.

    The engine's client asks for that three times a payload, and each would have parts of its own. Right as long as all
    parts look at nothing of a context but whose process it is.
    """

    _made: dict[Any, DataConverter] = field(
        default_factory=dict[Any, DataConverter], init=False, repr=False, compare=False
    )

    @override
    def with_context(self, context: SerializationContext) -> DataConverter:
        if not isinstance(context, WorkflowSerializationContext | ActivitySerializationContext):
            return super().with_context(context)
        of = type(context), context.workflow_id
        made = self._made.get(of)
        if made is None:
            if len(self._made) >= REMEMBERED_AT_MOST:
                self._made.clear()  # at once, whichever threads look: they make theirs anew
            made = self._made[of] = super().with_context(context)
        return made


@dataclass(frozen=True)
class Sealing:
    """Keys, and what is made of them. Closed by whoever opened it."""

    keys: Keys

    @property
    def converter(self) -> DataConverter:
        """The data converter of every client: payloads sealed, and failures too."""
        return SealingConverter(
            payload_codec=CaseCodec(self.keys),
            failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
        )

    @property
    def seal(self) -> KeptSeal:
        """What closes and opens what is kept outside the engine."""
        return KeptSeal(self.keys)

    async def close(self) -> None:
        """Forget the keys."""


@dataclass(frozen=True)
class OpenSealing(Sealing):
    """With the keys of a key store that was opened."""

    keyring: Keyring

    async def close(self) -> None:
        await self.keyring.close()


def without_keys(why: str) -> Sealing:
    """For a process that has no keys: whatever of a case it would send or read raises, and ``why`` is said."""
    return Sealing(NoKeys(why))


async def open_sealing(settings: KeySettings, *, make: bool) -> OpenSealing:
    """Open the keys that the settings name.

    ``make``: make key store and key file where there are none; only for whoever conducts cases, for two key stores on
    one engine would lock each other out. Raises :class:`sealing.faults.KeysUnusable`, ``KeysUnreachable`` and
    ``CannotOpen``, each a sentence.
    """
    keyring = Keyring(settings.keys, _holder(settings, make=make))
    try:
        await keyring.open(make=make)
    except BaseException:
        await keyring.close()
        raise
    return OpenSealing(keyring, keyring)


def _holder(settings: KeySettings, *, make: bool) -> KeyHolder:
    if settings.transit_url is not None:
        # Imported where used: its client is a tenth of what a command loads, and most have no such server.
        from sealing.transit import Transit

        token, secret = settings.transit_token, settings.transit_secret_id
        return Transit(
            settings.transit_url,
            key=settings.transit_key,
            mount=settings.transit_mount,
            token=token.get_secret_value() if token else None,
            role_id=settings.transit_role_id,
            secret_id=secret.get_secret_value() if secret else None,
            ca=settings.transit_ca,
        )
    holder = KeyFile(settings.key_encryption_file)
    if make:
        holder.make()
    return holder


def seal_of(client: Client) -> KeptSeal | None:
    """What closes and opens what is kept of the cases of this client; None for a client that seals nothing."""
    codec = _codec_of(client)
    return None if codec is None else KeptSeal(codec.keys)


def telling(client: Client) -> Client:
    """The same client for whoever reads of cases: of what was altered it says so, where a worker lets it through."""
    codec = _codec_of(client)
    if codec is None:
        return client
    config = client.config()
    config["data_converter"] = replace(client.data_converter, payload_codec=codec.telling())
    return Client(**config)


def keyring_of(client: Client) -> Keyring | None:
    """The key store with which this client seals; None for one that has none at hand."""
    codec = _codec_of(client)
    return codec.keys if codec is not None and isinstance(codec.keys, Keyring) else None


async def see_that_key_is_there(client: Client, case: str) -> None:
    """Raise :class:`sealing.faults.KeyDestroyed` for a case that was erased; of any other nothing is asked here."""
    codec = _codec_of(client)
    if codec is None:
        return
    try:
        await codec.keys.known_key(case)
    except KeyDestroyed:
        raise
    except SealingFault:
        return  # whoever reads the case is told, if it is sealed at all


async def keyed_digest(client: Client, case: str, content: bytes) -> str | None:
    """See :func:`sealing.codec.digest_of`; None for a client that seals nothing."""
    codec = _codec_of(client)
    return None if codec is None else await digest_of(codec.keys, case, content)


def _codec_of(client: Client) -> CaseCodec | None:
    codec = client.data_converter.payload_codec
    return codec if isinstance(codec, CaseCodec) else None
