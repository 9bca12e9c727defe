"""The remote codec of the engine: clear text for whoever may see it, and for nobody else."""

import base64
import json
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.requests import Request
from temporalio.api.common.v1 import Payload

from sealing.codec import CaseCodec
from sealing.endpoint import MOST_BYTES, BearerFile, CodecEndpoint, MayOpen, nobody
from sealing.keyring import HOUSE, Keyring

CASE = "MD-UA-2026-7K3F9A"
OTHER = "MD-UA-2026-7K3F9B"
PAGES = "http://127.0.0.1:8233"
CLEAR: dict[str, Any] = {
    "metadata": {"encoding": base64.b64encode(b"json/plain").decode()},
    "data": base64.b64encode(b'"Zlatkaprobe"').decode(),
}


class Asked:
    """A seam that remembers what it was asked, and says yes for some cases."""

    def __init__(self, *yes: str) -> None:
        self.yes, self.cases = yes, list[set[str]]()

    async def __call__(self, request: Request, cases: Collection[str]) -> bool:
        self.cases.append(set(cases))
        return set(cases) <= set(self.yes)


async def post(app: Any, path: str, content: Any, method: str = "POST", **headers: str) -> httpx2.Response:
    """One request, with JSON or bytes."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    named = {name.replace("_", "-"): told for name, told in headers.items()}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1:8080") as asking:
        return await asking.request(method, path, content=raw, headers=named)


async def sealed(keyring: Keyring, case: str) -> dict[str, Any]:
    payload = Payload(metadata={"encoding": b"json/plain"}, data=b'"Zlatkaprobe"')
    (one,) = await CaseCodec(keyring, case).encode([payload])
    return {
        "metadata": {name: base64.b64encode(told).decode() for name, told in one.metadata.items()},
        "data": base64.b64encode(one.data).decode(),
    }


async def test_what_may_be_seen_is_opened(keyring: Keyring) -> None:
    """Payloads of several cases at once, each with its key, and what is in clear as it is."""
    asked = Asked(CASE, OTHER)
    given = {"payloads": [await sealed(keyring, CASE), CLEAR, await sealed(keyring, OTHER)]}
    answer = await post(CodecEndpoint(keyring, asked), "/codec/decode", given)

    assert (200, {"payloads": [CLEAR, CLEAR, CLEAR]}) == (answer.status_code, answer.json())
    # Whether they may open anything at all is asked before anything is read.
    assert [set(), {CASE, OTHER}] == asked.cases
    assert "no-store" == answer.headers["cache-control"]


async def test_one_case_that_may_not_be_seen_keeps_all_closed(keyring: Keyring) -> None:
    """And by default nobody sees any."""
    given = {"payloads": [await sealed(keyring, CASE), await sealed(keyring, OTHER)]}
    for may in (Asked(CASE), Asked(), nobody):
        answer = await post(CodecEndpoint(keyring, may), "/codec/decode", given)
        assert 403 == answer.status_code
        assert "Zlatkaprobe" not in answer.text and base64.b64encode(b"Zlatka").decode() not in answer.text
    assert 403 == (await post(CodecEndpoint(keyring), "/codec/encode", {"payloads": [CLEAR]})).status_code


async def test_what_a_stock_tool_sends_is_sealed(keyring: Keyring) -> None:
    """With the key of the case that the address names; where it names none, with the house's."""
    for path, case in ((f"/codec/{CASE}/encode", CASE), ("/codec/encode", HOUSE), ("/codec/nowhere/encode", HOUSE)):
        asked = Asked(case)
        answer = await post(CodecEndpoint(keyring, asked), path, {"payloads": [CLEAR]})
        (one,) = answer.json()["payloads"]
        assert case.encode() == base64.b64decode(one["metadata"]["homeward-case"])
        assert [set(), {case}] == asked.cases
        again = await post(CodecEndpoint(keyring, asked), "/codec/decode", {"payloads": [one]})
        assert {"payloads": [CLEAR]} == again.json()


async def test_a_destroyed_key_is_told_and_opens_nothing(keyring: Keyring) -> None:
    """In a sentence, to whoever might have seen it."""
    given = {"payloads": [await sealed(keyring, CASE)]}
    await keyring.destroy(CASE)
    answer = await post(CodecEndpoint(keyring, Asked(CASE)), "/codec/decode", given)
    assert (403, True) == (answer.status_code, "was destroyed" in answer.json()["message"])


@pytest.mark.parametrize(
    ("path", "method", "content", "status"),
    [
        ("/codec/decode", "POST", b"no JSON", 400),
        ("/codec/decode", "POST", b"[]", 400),
        ("/codec/decode", "POST", b'{"payloads": 1}', 400),
        ("/codec/decode", "POST", b'{"payloads": [{"data": 7}]}', 400),
        ("/codec/decode", "POST", b"[" * 100_000, 400),
        ("/codec/decode", "POST", b" " * (MOST_BYTES + 1), 413),
        ("/codec/decode", "POST", b'{"payloads": [' + b"{}," * 10_000 + b"{}]}", 413),
        ("/codec/decode", "GET", b"", 405),
        ("/codec/elsewhere", "POST", b"{}", 404),
        ("/codec", "POST", b"{}", 404),
    ],
)
async def test_what_is_no_request_is_refused(
    keyring: Keyring, path: str, method: str, content: bytes, status: int
) -> None:
    """With a status, never with a traceback."""
    assert status == (await post(CodecEndpoint(keyring, Asked()), path, content, method)).status_code


async def test_of_nobody_who_may_open_nothing_a_body_is_read(keyring: Keyring) -> None:
    """Whoever has no token cannot make the endpoint take 32 MiB; who may open something can, up to the bound."""
    taken = list[int]()

    async def unending() -> AsyncIterator[bytes]:
        for _ in range(MOST_BYTES // 65_536 + 100):
            taken.append(65_536)
            yield b" " * 65_536

    async def asked(may: MayOpen) -> httpx2.Response:
        taken.clear()
        transport = httpx2.ASGITransport(CodecEndpoint(keyring, may))
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as asking:
            return await asking.post("/codec/decode", content=unending())

    assert (403, 0) == ((await asked(nobody)).status_code, sum(taken))
    large = await asked(Asked(CASE))
    assert (413, "close") == (large.status_code, large.headers["connection"])
    assert MOST_BYTES < sum(taken) <= MOST_BYTES + 65_536


async def test_refusals_are_answered_by_how_often_they_were_asked_for(keyring: Keyring) -> None:
    """Each is counted; who may open something is not."""
    counted = list[int]()

    def waits(request: Request) -> int:
        counted.append(1)
        return 3 if len(counted) > 1 else 0

    given = {"payloads": [await sealed(keyring, CASE)]}
    refusing = CodecEndpoint(keyring, Asked(OTHER), waits=waits)
    first, second = [await post(refusing, "/codec/decode", given) for _ in range(2)]
    assert (403, 429, "3") == (first.status_code, second.status_code, second.headers["retry-after"])
    assert 200 == (await post(CodecEndpoint(keyring, Asked(CASE), waits=waits), "/codec/decode", given)).status_code
    assert 2 == len(counted)


async def test_only_the_engines_own_pages_may_ask_through_a_browser(keyring: Keyring) -> None:
    """With the cookie of whoever is signed in; a page from elsewhere is refused before anything is looked at."""
    asked = Asked(CASE)
    app = CodecEndpoint(keyring, asked, origins=[PAGES])
    given = {"payloads": [await sealed(keyring, CASE)]}
    preflight = await post(
        app,
        "/codec/decode",
        b"",
        "OPTIONS",
        origin=PAGES,
        access_control_request_headers="content-type, x-namespace, x-other",
    )
    assert (204, PAGES, "true", "content-type, x-namespace") == (
        preflight.status_code,
        preflight.headers["access-control-allow-origin"],
        preflight.headers["access-control-allow-credentials"],
        preflight.headers["access-control-allow-headers"],
    )
    assert PAGES == (await post(app, "/codec/decode", given, origin=PAGES)).headers["access-control-allow-origin"]
    asked.cases.clear()
    for origin in ("http://127.0.0.1:9999", "https://elsewhere.example", "null"):
        for method in ("POST", "OPTIONS"):
            refused = await post(app, "/codec/decode", given, method, origin=origin)
            assert 403 == refused.status_code and "access-control-allow-origin" not in refused.headers
    assert [] == asked.cases


async def test_the_token_lies_in_a_file_of_the_owners_and_counts_only_there(tmp_path: Path) -> None:
    """A file that others can read opens nothing; a new token ends the old one."""
    token = BearerFile(tmp_path / "codec.token")

    def asks(value: str | None) -> bool:
        headers = [] if value is None else [(b"authorization", value.encode("latin-1"))]
        return token.is_in(Request({"type": "http", "headers": headers}))

    assert not asks("Bearer x")  # there is no file
    token.make()
    first = (tmp_path / "codec.token").read_text().strip()
    assert 0o600 == (tmp_path / "codec.token").stat().st_mode & 0o777
    assert asks(first)
    for wrong in (None, "", "Bearer ", first[:-1], first.removeprefix("Bearer "), f"{first} é"):
        assert not asks(wrong)
    (tmp_path / "codec.token").chmod(0o644)
    assert not asks(first)
    token.make()
    assert not asks(first)
    (tmp_path / "codec.token").write_text("")
    assert not asks("")
