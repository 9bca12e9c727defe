"""Keys, codec and converter put together at one place; processes that cannot have keys say so and do not start."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import make_url
from temporalio.client import Client
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes

from activities.settings import CASELOAD_DRIVERS, SettingsFault, read_settings
from sealing.agreeing import agree_on, noted_store
from sealing.codec import CaseCodec
from sealing.composing import keyed_digest, open_sealing, seal_of, without_keys
from sealing.faults import KeyDestroyed, KeysUnreachable, KeysUnusable, NoKeysHere
from sealing.keyring import HOUSE, Keyring
from starter.sealed import own_keys, sealed, with_its_keys
from tests.casefile.lived import until
from tests.journeys.processes import free_port, start_server
from tests.journeys.worker_test import run as run_worker
from tests.sealing.conftest import file_at
from tests.starter.running import ANY_PORTS, homeward
from tests.workflows.engines import Engine
from workflows.raw import for_worker

CASE = "MD-UA-2026-7K3F9A"


async def test_every_client_seals_payloads_and_failures(tmp_path: Path) -> None:
    """The converter of a worker too, which reads arguments in a way of its own."""
    async with own_keys(tmp_path) as sealing:
        converter = sealing.converter
        assert isinstance(converter.payload_codec, CaseCodec)
        assert converter.payload_codec.keys is sealing.keyring
        assert converter.failure_converter_class is DefaultFailureConverterWithEncodedAttributes


@pytest.mark.engine
async def test_a_worker_keeps_the_codec_of_its_client(skipping: Engine) -> None:
    """And a client that seals nothing has no seal for the archive either."""
    at_work = for_worker(skipping.client)
    assert at_work.data_converter.payload_codec is skipping.client.data_converter.payload_codec
    assert issubclass(at_work.data_converter.payload_converter_class, PydanticPayloadConverter)
    assert seal_of(at_work) is not None
    stock = Client(skipping.client.service_client, data_converter=DataConverter.default)
    assert (None, None) == (seal_of(stock), await keyed_digest(stock, CASE, b"an act"))
    keyless = sealed(stock, without_keys("Ask the office."))
    with pytest.raises(NoKeysHere, match="Ask the office"):
        await keyed_digest(keyless, CASE, b"an act")


async def test_keys_are_made_by_whoever_conducts_cases_and_by_nobody_else(tmp_path: Path) -> None:
    """A command that finds none makes none."""
    settings = read_settings(data=tmp_path)
    with pytest.raises(KeysUnusable):
        await open_sealing(settings, make=False)
    assert [] == sorted(tmp_path.iterdir())  # noqa: ASYNC240 - a folder of the test's own
    made = await open_sealing(settings, make=True)
    again = await open_sealing(settings, make=False)
    assert await made.keyring.key(HOUSE) == await again.keyring.key(HOUSE)


@pytest.mark.engine
async def test_one_engine_has_one_key_store(tmp_path: Path) -> None:
    """Its namespace notes which: a worker with another one does not start, and a command with another has no keys."""
    port = free_port()
    engine = start_server(port, tmp_path)
    try:
        async with own_keys(tmp_path / "ours") as ours, own_keys(tmp_path / "theirs") as theirs:
            client = await Client.connect(f"127.0.0.1:{port}")
            assert (await noted_store(client)) is None
            for _ in range(2):
                await agree_on(client, ours.keyring.store)

            async def told() -> bool:
                return await noted_store(client) is not None

            await until(told)  # the engine tells its namespaces' notes a moment later
            with pytest.raises(KeysUnusable, match="sealed with another key store"):
                await agree_on(client, theirs.keyring.store)
        done = await asyncio.to_thread(run_worker, data=tmp_path / "theirs", TEMPORAL_ADDRESS=f"127.0.0.1:{port}")
        assert (2, True) == (done.returncode, "sealed with another key store" in done.stderr), done.stderr
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("HOMEWARD_DATA", str(tmp_path / "theirs"))
            async with with_its_keys(client) as keyless:
                with pytest.raises(NoKeysHere, match="not the one of this engine's cases"):
                    await keyless.data_converter.encode(["invented"])
            patch.setenv("HOMEWARD_DATA", str(tmp_path / "ours"))
            async with with_its_keys(client) as keyed:
                assert 1 == len(await keyed.data_converter.encode(["invented"]))
    finally:
        engine.stop()


def test_a_process_whose_keys_cannot_be_used_does_not_start(tmp_path: Path) -> None:
    """Worker and `homeward up` end with code 2 and a sentence; nothing was started and nothing sent."""
    file_at(tmp_path)
    kek = tmp_path / "keys" / "kek.json"
    kek.chmod(0o644)
    done = run_worker(data=tmp_path)
    assert (2, f"{kek} can be read by others than its owner; run: chmod 600 {kek}\n") == (done.returncode, done.stderr)
    refused = homeward("up", "--data", str(tmp_path), *ANY_PORTS)
    assert (2, True) == (refused.code, f"chmod 600 {kek}" in refused.err), refused
    assert not (tmp_path / "engine.db").exists()


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"keys_url": "mysql://x"}, "HOMEWARD_KEYS_URL must begin with sqlite: or postgresql:"),
        (
            {"transit_url": "http://vault.example", "transit_token": "t"},
            "HOMEWARD_TRANSIT_URL must begin with https://",
        ),
        ({"transit_url": "ftp://[", "transit_token": "t"}, "HOMEWARD_TRANSIT_URL must begin with https://"),
        ({"transit_url": "https://vault.example"}, "HOMEWARD_TRANSIT_TOKEN, or a role and its secret, must be set"),
        ({"transit_role_id": "r"}, "HOMEWARD_TRANSIT_ROLE_ID and HOMEWARD_TRANSIT_SECRET_ID must be set together"),
        ({"transit_key": "../x y"}, "HOMEWARD_TRANSIT_KEY"),
    ],
)
def test_settings_of_keys_that_cannot_be_used_are_told(given: dict[str, str], fault: str) -> None:
    """By the setting's name, without its value."""
    with pytest.raises(SettingsFault, match=fault) as told:
        read_settings(**given)
    assert "vault.example" not in str(told.value)


@pytest.mark.postgresql
async def test_a_key_store_on_postgresql_keeps_the_same_promises(postgresql: str, tmp_path: Path) -> None:
    """Made by two processes at once, read, wrapped anew, destroyed with nothing left in the table's file; and down."""
    settings = read_settings(data=tmp_path, keys_url=postgresql)
    one, two = await asyncio.gather(open_sealing(settings, make=True), open_sealing(settings, make=True))
    assert one.keyring.store == two.keyring.store
    keys = await asyncio.gather(*(each.keyring.key(CASE) for each in (one, two, one, two)))
    assert 1 == len(set(keys))
    assert 2 == (await one.keyring.rotate())[1]
    await one.keyring.forget_old()
    await one.keyring.destroy(CASE)
    for each in (one, await open_sealing(settings, make=False)):
        with pytest.raises(KeyDestroyed):
            await each.keyring.key(CASE)
        await each.close()
    await two.close()

    with pytest.raises(KeysUnusable, match="cannot be read, or there is none"):
        await open_sealing(read_settings(data=tmp_path, keys_url=f"{postgresql}-nowhere"), make=False)
    url = make_url(f"{postgresql}-nowhere")
    away = Keyring(url.set(drivername=CASELOAD_DRIVERS[url.drivername]), file_at(tmp_path))
    with pytest.raises(KeysUnreachable) as told:
        await away.key(CASE)
    assert "nowhere" not in str(told.value)
    await away.close()
