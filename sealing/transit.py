"""Key-encryption keys that never leave an OpenBao or a Vault: its transit engine wraps and unwraps.

The transit key is of the kind ``aes256-gcm96``; each case's key is bound to the case by associated data.
"""

import asyncio
import base64
import binascii
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import hvac
from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest, Unauthorized, VaultError
from requests import RequestException

from sealing.faults import CannotOpen, KeysUnreachable, KeysUnusable
from sealing.keys import Wrapped

ANSWER_WITHIN: Final = 10
"""Seconds until a server that does not answer counts as down."""
_WHAT_IT_WRAPS: Final = b"homeward case key 1"

T = TypeVar("T")


class Transit:
    """A key of the transit engine of an OpenBao or a Vault.

    Signs in with a token, or by AppRole, and then anew when the token is over. The server's certificate is verified.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str,
        mount: str = "transit",
        token: str | None = None,
        role_id: str | None = None,
        secret_id: str | None = None,
        ca: Path | None = None,
    ) -> None:
        """``ca`` is a file of certificates to trust, where the system's do not do."""
        self._key, self._mount = key, mount
        self._role = (role_id, secret_id) if role_id else None
        self._client: Any = hvac.Client(url, token=token, verify=str(ca) if ca else True, timeout=ANSWER_WITHIN)
        # The library is not made for several threads at once.
        self._turn = asyncio.Lock()

    async def newest(self) -> str:
        return self._id((await self._read())["latest_version"])

    async def ids(self) -> list[str]:
        told = await self._read()
        return [self._id(n) for n in range(int(told["min_decryption_version"]), int(told["latest_version"]) + 1) if n]

    async def wrap(self, key: bytes, *, case: str) -> Wrapped:
        told = await self._ask(
            lambda transit: transit.encrypt_data(
                self._key,
                plaintext=base64.b64encode(key).decode(),
                associated_data=_about(case),
                mount_point=self._mount,
            )
        )
        sealed = str(told["data"]["ciphertext"])
        return Wrapped(self._id(_version_of(sealed)), sealed.encode())

    async def unwrap(self, wrapped: Wrapped, *, case: str) -> bytes:
        try:
            told = await self._ask(
                lambda transit: transit.decrypt_data(
                    self._key,
                    ciphertext=wrapped.blob.decode("ascii", "replace"),
                    associated_data=_about(case),
                    mount_point=self._mount,
                )
            )
            return base64.b64decode(told["data"]["plaintext"], validate=True)
        except (InvalidRequest, binascii.Error):
            raise CannotOpen(
                case,
                f"The key server does not unwrap the key of {case}: it was wrapped elsewhere, for another case, or by "
                "a version of the key that is forgotten.",
            ) from None

    async def add(self) -> str:
        await self._ask(lambda transit: transit.rotate_key(self._key, mount_point=self._mount))
        return await self.newest()

    async def forget_old(self) -> list[str]:
        """Also has the server delete the old versions, so that its own backups from later on are without them."""
        told = await self._read()
        newest = int(told["latest_version"])
        old = list(range(max(1, int(told["min_decryption_version"])), newest))
        if old:
            # One after the other: the library takes no two that are the same at once.
            for least in ("min_decryption_version", "min_encryption_version"):
                await self._configure(least, newest)
            await self._ask(lambda transit: transit.trim_key(self._key, newest, mount_point=self._mount))
        return [self._id(n) for n in old]

    async def _configure(self, name: str, version: int) -> None:
        await self._ask(
            lambda transit: transit.update_key_configuration(self._key, **{name: version}, mount_point=self._mount)
        )

    async def _read(self) -> dict[str, Any]:
        told = await self._ask(lambda transit: transit.read_key(self._key, mount_point=self._mount))
        return told["data"]

    def _id(self, version: Any) -> str:
        return f"{self._mount}/{self._key}:v{int(version)}"

    async def _ask(self, ask: Callable[[Any], T]) -> T:
        async with self._turn:
            try:
                return await asyncio.to_thread(self._asked, ask)
            except InvalidRequest:
                raise
            except (Forbidden, Unauthorized):
                raise KeysUnusable(
                    f"The key server does not permit the use of {self._mount}/{self._key}; look at the token or the "
                    "role, and at its policy"
                ) from None
            except InvalidPath:
                raise KeysUnusable(f"The key server has no key {self._mount}/{self._key}") from None
            except (VaultError, RequestException) as error:
                # Its own words may repeat addresses and tokens.
                raise KeysUnreachable(f"The key server gives no answer ({type(error).__name__})") from None

    def _asked(self, ask: Callable[[Any], T]) -> T:
        if self._role and not self._client.token:
            self._sign_in()
        try:
            return ask(self._client.secrets.transit)
        except (Forbidden, Unauthorized):
            if not self._role:
                raise
            self._sign_in()
            return ask(self._client.secrets.transit)

    def _sign_in(self) -> None:
        assert self._role
        role_id, secret_id = self._role
        try:
            self._client.auth.approle.login(role_id=role_id, secret_id=secret_id)
        except InvalidRequest:
            raise KeysUnusable("The key server does not know this role, or its secret is over") from None


def _version_of(sealed: str) -> int:
    """The version in ``vault:v3:...``."""
    return int(sealed.split(":")[1].removeprefix("v"))


def _about(case: str) -> str:
    return base64.b64encode(_WHAT_IT_WRAPS + b"\0" + case.encode()).decode()
