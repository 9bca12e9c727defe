"""Keys, codec and converter put together at one place; processes that cannot have keys say so and do not start."""

import asyncio
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from sqlalchemy import make_url
from temporalio.api.workflowservice.v1 import DescribeNamespaceResponse
from temporalio.client import Client
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import (
    ActivitySerializationContext,
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    WorkflowSerializationContext,
)
from temporalio.service import RPCError, RPCStatusCode

from activities.settings import CASELOAD_DRIVERS, SettingsFault, read_settings
from sealing.agreeing import agree_on, noted_store
from sealing.codec import CaseCodec, named_in
from sealing.composing import REMEMBERED_AT_MOST, keyed_digest, open_sealing, seal_of, without_keys
from sealing.faults import KeyDestroyed, KeysUnreachable, KeysUnusable, NoKeysHere
from sealing.keyring import HOUSE, Keyring
from starter.sealed import own_keys, sealed, with_its_keys
from tests.casefile.lived import until
from tests.journeys.processes import free_port, start_server
from tests.journeys.worker_test import run as run_worker
from tests.sealing.conftest import file_at
from tests.starter.running import ANY_PORTS, homeward
from tests.workflows.engines import Engine
from workflows.raw import RawUnlessTyped, for_worker

CASE, OTHER = "MD-UA-2026-7K3F9A", "MD-UA-2026-7K3F9B"


async def test_every_client_seals_payloads_and_failures(tmp_path: Path) -> None:
    """The converter of a worker too, which reads arguments in a way of its own."""
    async with own_keys(tmp_path) as sealing:
        converter = sealing.converter
        assert isinstance(converter.payload_codec, CaseCodec)
        assert converter.payload_codec.keys is sealing.keyring
        assert converter.failure_converter_class is DefaultFailureConverterWithEncodedAttributes


async def test_a_converter_is_made_once_for_a_process(tmp_path: Path) -> None:
    """Each case has its own, also where a worker reads arguments in its way; and only so many are kept."""

    def of_process(reference: str) -> WorkflowSerializationContext:
        return WorkflowSerializationContext(namespace="default", workflow_id=reference)

    async with own_keys(tmp_path) as sealing:
        for converter in (sealing.converter, replace(sealing.converter, payload_converter_class=RawUnlessTyped)):
            made = converter.with_context(of_process(CASE))
            assert made is converter.with_context(of_process(CASE))
            assert type(made.payload_converter) is type(converter.payload_converter)
            other = converter.with_context(of_process(OTHER))
            step = converter.with_context(
                ActivitySerializationContext(
                    namespace="default",
                    activity_id=None,
                    activity_type="keep",
                    activity_task_queue="homeward",
                    workflow_id=CASE,
                    workflow_type=None,
                    is_local=True,
                )
            )
            assert len({id(made), id(other), id(step)}) == 3
            sealed_of = [named_in(each) for mine in (made, other, step) for each in await mine.encode(["invented"])]
            assert sealed_of == [CASE, OTHER, CASE]
            for n in range(3 * REMEMBERED_AT_MOST):
                converter.with_context(of_process(f"{OTHER}/{n}"))
                assert len(vars(converter)["_made"]) <= REMEMBERED_AT_MOST
            assert made is not converter.with_context(of_process(CASE))


async def test_a_converter_depends_on_nothing_but_whose_process_it_is(tmp_path: Path) -> None:
    """Which is why one may serve for all steps of a process: everything else about them may differ."""
    contexts = [
        ActivitySerializationContext(
            namespace=f"namespace-{n}",
            activity_id=str(n),
            activity_type=f"type-{n}",
            activity_task_queue=f"queue-{n}",
            workflow_id=CASE,
            workflow_type=f"workflow-{n}",
            is_local=bool(n),
        )
        for n in range(2)
    ]
    async with own_keys(tmp_path) as sealing:
        converter = replace(sealing.converter, payload_converter_class=RawUnlessTyped)
        one, other = (DataConverter.with_context(converter, context) for context in contexts)
        assert isinstance(one.payload_codec, CaseCodec) and isinstance(other.payload_codec, CaseCodec)
        assert vars(one.payload_codec) == vars(other.payload_codec)
        for part in ("payload_converter", "failure_converter", "external_storage"):
            assert getattr(one, part) is getattr(other, part) is getattr(converter, part)


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


@pytest.mark.parametrize("asks", ["describe_namespace", "update_namespace"])
async def test_a_note_that_cannot_be_read_is_not_written_over(asks: str) -> None:
    """An engine that cannot tell now is asked again; of one that never tells, nothing is held against a worker."""
    noted: list[str] = []

    def engine_that_says(status: RPCStatusCode) -> Client:
        async def answer(name: str) -> DescribeNamespaceResponse:
            if name == asks:
                raise RPCError("an invented text", status, b"")
            noted.append(name)
            return DescribeNamespaceResponse()

        async def describe(*_: object, **__: object) -> DescribeNamespaceResponse:
            return await answer("describe_namespace")

        async def update(*_: object, **__: object) -> DescribeNamespaceResponse:
            return await answer("update_namespace")

        service = SimpleNamespace(describe_namespace=describe, update_namespace=update)
        return cast("Client", SimpleNamespace(namespace="default", workflow_service=service))

    with pytest.raises(RPCError):
        await agree_on(engine_that_says(RPCStatusCode.UNAVAILABLE), "an-invented-store")
    await agree_on(engine_that_says(RPCStatusCode.PERMISSION_DENIED), "an-invented-store")
    assert "update_namespace" not in noted


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
