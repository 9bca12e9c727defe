"""What an issuer publishes of itself, and the tokens that it signs: the one place in which a token is checked.

A token counts when it is signed with a key that the issuer publishes, by an algorithm in which the issuer alone has
the secret, names the issuer and the desk, and its time has come and has not passed.
"""

import asyncio
import json
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx2
from joserfc import jws, jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jwt import ClaimsOption

from desk.issuers import Issuer, is_safe_address
from starter.json_values import is_list, is_object

ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)
"""How a token may be signed. None of them is "none", and none takes a secret that the desk would know as well."""
KEPT: Final = timedelta(hours=1)
"""How long what was published is believed without asking again."""
AGAIN: Final = timedelta(seconds=30)
"""How soon the keys are asked for again when a token names one that is not known: anybody can name one."""
LEFT_ALONE: Final = 5.0
"""Seconds for which an issuer that gave no answer is not asked again: others would wait in a row for the next none."""
LEEWAY: Final = 60
"""Seconds by which two clocks may differ."""
PATIENCE: Final = 10.0
"""Seconds within which an issuer has to answer."""
MOST: Final = 16 * 1024
"""The longest token that is looked at, in characters."""

Clock = Callable[[], datetime]


class IssuerSilent(Exception):
    """The issuer gave no answer that can be used."""


class TokenFault(Exception):
    """A token does not count. :attr:`why` is one of a few words for the log, and nothing that stood in it."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def outside() -> httpx2.AsyncClient:
    """A client for what an issuer publishes. It follows no redirect: an issuer says its addresses itself."""
    return httpx2.AsyncClient(timeout=PATIENCE, follow_redirects=False)


class Published:
    """One issuer's own words: its addresses and its keys, asked for when they are needed."""

    def __init__(
        self,
        issuer: Issuer,
        clock: Clock = lambda: datetime.now(UTC),
        client: Callable[[], httpx2.AsyncClient] = outside,
    ) -> None:
        self.issuer = issuer
        self._clock, self._client = clock, client
        self._said: Mapping[str, Any] | None = None
        self._keys: KeySet | None = None
        self._said_at = self._keys_at = 0.0
        self._silent_since: float | None = None
        self._newer_asked_at = -AGAIN.total_seconds()
        self._asking = asyncio.Lock()

    async def address(self, name: str) -> str | None:
        """One of its addresses, such as ``token_endpoint``; None where it has none. Raises :class:`IssuerSilent`."""
        if self._said is None or time.monotonic() - self._said_at > KEPT.total_seconds():
            await self._discover()
        found = self._said.get(name) if self._said is not None else None
        if found is not None and not (isinstance(found, str) and is_safe_address(found)):
            raise IssuerSilent
        return found

    async def _discover(self) -> None:
        async with self._asking:
            if self._said is None or time.monotonic() - self._said_at > KEPT.total_seconds():
                said = await self._ask(self.issuer.url.rstrip("/") + "/.well-known/openid-configuration")
                if said.get("issuer") != self.issuer.url:
                    # Who speaks for another could have its tokens taken for the other's.
                    raise IssuerSilent
                self._said, self._said_at = said, time.monotonic()

    async def needed(self, name: str) -> str:
        """One of its addresses. Raises :class:`IssuerSilent` where it has none."""
        found = await self.address(name)
        if found is None:
            raise IssuerSilent
        return found

    async def id_token(self, token: object, *, nonce: str) -> dict[str, Any]:
        """The claims of an ID token that was made for the desk and for this very sign-in.

        Raises :class:`TokenFault` and :class:`IssuerSilent`; so do the others.
        """
        ours = self.issuer.client_id
        claims = await self._checked(token, types=(None, "jwt"), aud=ours, nonce=nonce, iat=None, sub=None)
        several = is_list(claims["aud"]) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else ours) != ours:
            raise TokenFault("azp")
        return claims

    async def access_token(self, token: object) -> dict[str, Any]:
        """The claims of an access token that was made for /api (RFC 9068)."""
        if self.issuer.audience is None:
            raise TokenFault("aud")
        return await self._checked(
            token, types=("at+jwt", "application/at+jwt"), aud=self.issuer.audience, iat=None, sub=None
        )

    async def logout_token(self, token: object) -> dict[str, Any]:
        """The claims of a logout token (OpenID Connect Back-Channel Logout, 2.6)."""
        claims = await self._checked(
            token, types=(None, "jwt", "logout+jwt", "application/logout+jwt"), aud=self.issuer.client_id, iat=None
        )
        events = claims.get("events")
        if not is_object(events) or "http://schemas.openid.net/event/backchannel-logout" not in events:
            raise TokenFault("events")
        if "nonce" in claims or not any(isinstance(claims.get(each), str) for each in ("sub", "sid")):
            raise TokenFault("sub")
        return claims

    async def _checked(self, token: object, *, types: Collection[str | None], **claims: str | None) -> dict[str, Any]:
        """What stands in a token; ``claims`` are those that it must have, with their values where they are set."""
        if not isinstance(token, str) or not 0 < len(token) <= MOST:
            raise TokenFault("shape")
        try:
            read = await self._verified(token)
            kind = read.header.get("typ")
            if (kind.lower() if isinstance(kind, str) else kind) not in types:
                raise TokenFault("typ")
            demanded: dict[str, ClaimsOption] = {
                name: {"essential": True} if value is None else {"essential": True, "value": value}
                for name, value in {"iss": self.issuer.url, "exp": None, **claims}.items()
            }
            jwt.JWTClaimsRegistry(int(self._clock().timestamp()), LEEWAY, **demanded).validate(read.claims)
        except JoseError as error:
            raise TokenFault(error.error) from None
        except (ValueError, TypeError, RecursionError):
            raise TokenFault("shape") from None
        return read.claims

    async def _verified(self, token: str) -> jwt.Token:
        try:
            return jwt.decode(token, await self._key_set(), algorithms=ALGORITHMS)
        except InvalidKeyIdError:
            # The issuer may have begun to sign with a new key.
            return jwt.decode(token, await self._key_set(newer=True), algorithms=ALGORITHMS)

    async def _key_set(self, *, newer: bool = False) -> KeySet:
        now = time.monotonic()
        known = self._keys if now - self._keys_at <= KEPT.total_seconds() else None
        if known is not None and not newer:
            # Without a lock: whoever made up the name of a key has the issuer asked, and nobody else waits for that.
            return known
        if known is not None:
            if now - max(self._keys_at, self._newer_asked_at) <= AGAIN.total_seconds():
                # What somebody is just asking for may have the key; nobody asks a second time.
                async with self._asking:
                    return self._keys or known
            # Noted before the issuer is asked, and however that ends.
            self._newer_asked_at = now
        where = await self.needed("jwks_uri")
        async with self._asking:
            age = time.monotonic() - self._keys_at
            if self._keys is None or age > (AGAIN if newer else KEPT).total_seconds():
                published = (await self._ask(where)).get("keys")
                usable = [key for key in published if _signs(key)] if is_list(published) else []
                try:
                    self._keys = KeySet.import_key_set({"keys": usable})
                except (JoseError, ValueError, TypeError):
                    raise IssuerSilent from None
                self._keys_at = time.monotonic()
            return self._keys

    async def _ask(self, where: str) -> Mapping[str, Any]:
        if self._silent_since is not None and time.monotonic() - self._silent_since < LEFT_ALONE:
            raise IssuerSilent
        try:
            async with self._client() as client:
                answer = await client.get(where, headers={"Accept": "application/json"})
            found = answer.raise_for_status().json()
        except (httpx2.HTTPError, ValueError):
            self._silent_since = time.monotonic()
            raise IssuerSilent from None
        self._silent_since = None
        if not is_object(found):
            raise IssuerSilent
        return found


def _signs(key: object) -> bool:
    """Whether a published key is one that checks signatures."""
    return is_object(key) and key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig"


def issuer_in(token: str) -> object:
    """Which issuer a token names. Nothing is checked yet: this says only whose keys to check it with."""
    try:
        return json.loads(jws.extract_compact(token.encode()).payload).get("iss")
    except (JoseError, ValueError, AttributeError, RecursionError):
        return None
