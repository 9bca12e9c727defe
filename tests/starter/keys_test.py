"""`homeward keys` and `homeward codec`: what whoever keeps the keys can do, and see."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx2

from starter.sealed import own_keys
from tests.starter.running import ROOT, environment, homeward

CASE = "MD-UA-2026-7K3F9A"


async def filled(data: Path) -> bytes:
    async with own_keys(data) as sealing:
        return await sealing.keyring.key(CASE)


def test_keys_are_counted_wrapped_anew_and_old_ones_forgotten(tmp_path: Path) -> None:
    """Status, rotate and forget-old, in words and as JSON; no key is ever shown, and no case's key is another after it."""
    key = asyncio.run(filled(tmp_path))
    data = ("--data", str(tmp_path))

    before = homeward("keys", "status", *data, "--json").json
    assert (1, 0, {before["newest"]: 2}) == (before["keys"], before["destroyed"], before["wrapped_by"])
    rotated = homeward("keys", "rotate", *data, "--json").json
    assert 2 == rotated["wrapped_anew"] and rotated["newest"] != before["newest"]
    assert f"Key-encryption key {rotated['newest']}, the newest: wraps 2." in homeward("keys", "status", *data).out
    refused = homeward("keys", "forget-old", *data)
    assert (2, True) == (refused.code, "cannot be undone" in refused.err)
    forgotten = homeward("keys", "forget-old", "--yes", *data)
    assert f"Forgotten: {before['newest']}.\n" == forgotten.out
    after = homeward("keys", "status", *data, "--json")
    assert [rotated["newest"]] == after.json["held"]
    assert key == asyncio.run(filled(tmp_path))
    assert not any(key.hex() in answer.out for answer in (after, forgotten))


def test_where_there_are_no_keys_a_sentence_says_so(tmp_path: Path) -> None:
    """And none are made."""
    for command in (("keys", "status"), ("keys", "rotate"), ("codec", "--port", "0")):
        refused = homeward(*command, "--data", str(tmp_path))
        assert (2, True) == (refused.code, f"no key store at {tmp_path}/keys.db" in refused.err), refused
    assert [] == list(tmp_path.iterdir())


def test_the_codec_can_be_served_alone(tmp_path: Path) -> None:
    """For a server of one's own: it says where it is and where its token lies, and ends in order."""
    asyncio.run(filled(tmp_path))
    serving = subprocess.Popen(
        [sys.executable, "-m", "starter.main", "codec", "--data", str(tmp_path), "--port", "0", "--json"],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert serving.stdout is not None
        told = json.loads(serving.stdout.readline())
        token = Path(told["token"]).read_text("ascii").strip()
        address, content = f"{told['codec']}/decode", dict[str, str]()
        assert 200 == httpx2.post(address, json=content, headers={"Authorization": token}).status_code
        assert 403 == httpx2.post(address, json=content).status_code
    finally:
        serving.send_signal(signal.SIGINT)
        assert 0 == serving.wait(20)
        serving.communicate()
