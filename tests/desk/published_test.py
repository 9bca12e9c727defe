"""What an issuer publishes: how often it is asked for, and who waits for that."""

import asyncio
import time
from pathlib import Path
from typing import Any, Self

import httpx2
import pytest
from joserfc.jwk import RSAKey

from desk.openid import OpenIdSignIn
from desk.published import Published, TokenFault, outside
from tests.desk.desks import ADDRESS
from tests.desk.issuing import PEOPLE, Issuing, issuing, sign_in_file


class Slow:
    """A client whose next answers wait until they are let go; how many were asked for."""

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.free.set()
        self.asked = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def get(self, where: str, **options: Any) -> httpx2.Response:
        self.asked += 1
        await self.free.wait()
        async with outside() as client:
            return await client.get(where, **options)


def of(issuer: Issuing, folder: Path, slow: Slow) -> Published:
    sign_in = OpenIdSignIn(sign_in_file(folder, issuer.url), ADDRESS)
    found: Any = sign_in
    made: Published = found._published["md"]
    return Published(made.issuer, client=lambda: slow)  # pyright: ignore[reportArgumentType] - half a client


async def test_who_names_an_unknown_key_holds_up_nobody_else(tmp_path: Path) -> None:
    """The issuer is asked once in half a minute, however it answers; tokens of keys that are known wait for none of it."""
    with issuing(PEOPLE) as issuer:
        slow = Slow()
        published = of(issuer, tmp_path, slow)
        right = issuer.access_token()
        assert (await published.access_token(right))["sub"] == "ana"
        known, issuer.key = issuer.key, RSAKey.generate_key(2048, {"kid": "made-up", "use": "sig"})
        wrong = issuer.access_token()
        issuer.key = known
        published._keys_at -= 60  # pyright: ignore[reportPrivateUsage] - a minute later
        slow.free.clear()
        asked = slow.asked
        guessing = [asyncio.create_task(published.access_token(wrong)) for _ in range(50)]
        while slow.asked == asked:  # noqa: ASYNC110 - it has no event for it
            await asyncio.sleep(0)
        begun = time.monotonic()
        for _ in range(5):
            assert (await published.access_token(right))["sub"] == "ana"
            assert await published.address("token_endpoint")
        assert time.monotonic() - begun < 2 and not any(each.done() for each in guessing)
        slow.free.set()
        assert {type(each) for each in await asyncio.gather(*guessing, return_exceptions=True)} == {TokenFault}
        with pytest.raises(TokenFault):
            await published.access_token(wrong)
        assert slow.asked == asked + 1
