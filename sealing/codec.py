"""Every payload sealed on its way to the engine and opened on its way back, with the key of the case it belongs to.

AES-256-GCM with a fresh nonce. A sealed payload names its format, its case and its key, and is bound to them: moved to
another case it does not open. What is not sealed is taken as it is: histories from before, and what stock tools send.
"""

import hashlib
import hmac
import secrets
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from prometheus_client import Counter
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    ActivitySerializationContext,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)

from procedure.intake import REFERENCE
from sealing.faults import KeyDestroyed, NeverOpens, SealingFault
from sealing.keyring import HOUSE, CaseKey, Keys
from sealing.keys import NONCE_BYTES

ENCODING: Final = b"binary/encrypted"
"""The name that the engine's own tools know for what they cannot read."""
FORMAT: Final = b"homeward.sealed/1"
_FORMAT_NAME: Final = "homeward-format"
_CASE_NAME: Final = "homeward-case"
_KEY_NAME: Final = "homeward-key"

FAILED: Final = Counter(
    "homeward_key_failures", "Payloads that could not be sealed or opened, by the class of what went wrong.", ["error"]
)


class CaseCodec(PayloadCodec, WithSerializationContext):
    """Seals and opens payloads. Where a key cannot be had it raises, so that nothing leaves in clear by mistake."""

    def __init__(self, keys: Keys, case: str | None = None, *, lets_through: bool = False, tells: bool = False) -> None:
        """``case`` is whose payloads these are; None until the engine's client says it.

        ``lets_through``: what never opens is given on as it came, and neither told nor counted. A process reads so what
        was sent to it: whoever may send to it could stop it for good otherwise, with one byte. ``tells``: somebody
        reads by this, and is told always; the engine's client takes what was let through for something that nobody
        sealed.
        """
        self.keys = keys
        self._case = case
        self._lets_through = lets_through and not tells
        self._tells = tells

    def with_context(self, context: SerializationContext) -> Self:
        if not isinstance(context, WorkflowSerializationContext | ActivitySerializationContext):
            return self
        of_process = isinstance(context, WorkflowSerializationContext)
        case = case_of(context.workflow_id or "")
        return type(self)(self.keys, case, lets_through=of_process, tells=self._tells)

    def telling(self) -> Self:
        """The codec for whoever reads: nothing that never opens is let through."""
        return type(self)(self.keys, self._case, tells=True)

    def of_case(self, case: str) -> Self:
        """The codec for what belongs to a case."""
        return type(self)(self.keys, case)

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Raises :class:`sealing.faults.CannotOpen` and ``KeysUnreachable``."""
        case = self._case or HOUSE
        with _counted():
            try:
                key = await self.keys.key(case)
            except KeyDestroyed:
                if self._tells:
                    raise
                # A stock tool began a process under the name of an erased case. It must be able to say why it ends.
                case = HOUSE
                key = await self.keys.key(case)
        return [_sealed(payload, key, case) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Raises :class:`sealing.faults.CannotOpen` and ``KeysUnreachable``."""
        return [await self._clear(payload) if is_sealed(payload) else payload for payload in payloads]

    async def _clear(self, payload: Payload) -> Payload:
        with _counted():
            try:
                return await self._opened(payload)
            except NeverOpens:
                # Only what has this outcome at every replay: a key that is away now may be there the next time.
                if not self._lets_through:
                    raise
                # Not counted either: whoever may send to a process would call the operator at every replay.
                return payload

    async def _opened(self, payload: Payload) -> Payload:
        case = named_in(payload)
        if case is None:
            raise NeverOpens(self._case or HOUSE, "A payload is sealed, but not by this system: it cannot be opened.")
        if self._case not in (None, case) and case != HOUSE:
            raise NeverOpens(case, f"What is sealed for {case} stands where something of {self._case} belongs.")
        key = await self.keys.known_key(case)
        if payload.metadata[_KEY_NAME] != key.name:
            raise NeverOpens(case, f"Something of {case} was sealed with another key than the key store at hand has.")
        try:
            clear = key.cipher.decrypt(payload.data[:NONCE_BYTES], payload.data[NONCE_BYTES:], _about(case, key))
        except (InvalidTag, ValueError):
            raise NeverOpens(case, f"Something that {case} holds was altered after it was sealed.") from None
        return Payload.FromString(clear)


@contextmanager
def _counted() -> Generator[None]:
    try:
        yield
    except SealingFault as fault:
        FAILED.labels(type(fault).__name__).inc()
        raise


def case_of(workflow_id: str) -> str:
    """The case to which a process belongs: its own (``REFERENCE``), or that of ``REFERENCE/...``; else the house."""
    reference = workflow_id.partition("/")[0]
    return reference if REFERENCE.fullmatch(reference) else HOUSE


def is_sealed(payload: Payload) -> bool:
    """Whether a payload is encrypted, by us or by anybody."""
    return payload.metadata.get("encoding") == ENCODING


def named_in(payload: Payload) -> str | None:
    """The case that a sealed payload names; None for one that this system did not seal."""
    if payload.metadata.get(_FORMAT_NAME) != FORMAT or _KEY_NAME not in payload.metadata:
        return None
    case = payload.metadata.get(_CASE_NAME, b"").decode("ascii", "replace")
    return case if case == HOUSE or REFERENCE.fullmatch(case) else None


def is_sealed_with(payload: Payload, case: str, key: CaseKey) -> bool:
    """Whether a payload says that it was sealed for this case with this key."""
    return is_sealed(payload) and named_in(payload) == case and payload.metadata[_KEY_NAME] == key.name


async def digest_of(keys: Keys, case: str, content: bytes) -> str:
    """A digest, hex, that tells nothing of the content to whoever has not the case's key, and is always the same."""
    own = hmac.digest(await keys.key(case), b"homeward digest 1", hashlib.sha256)
    return hmac.new(own, content, hashlib.sha256).hexdigest()


def _sealed(payload: Payload, key: CaseKey, case: str) -> Payload:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return Payload(
        metadata={
            "encoding": ENCODING,
            _FORMAT_NAME: FORMAT,
            _CASE_NAME: case.encode(),
            _KEY_NAME: key.name,
        },
        data=nonce + key.cipher.encrypt(nonce, payload.SerializeToString(), _about(case, key)),
    )


def _about(case: str, key: CaseKey) -> bytes:
    return b"\0".join([FORMAT, case.encode(), key.name])
