"""Payloads sealed with the key of their case, and opened by nobody else and for no other."""

import base64
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowFailureError
from temporalio.converter import ActivitySerializationContext, WorkflowSerializationContext
from temporalio.exceptions import ApplicationError

from casefile.engine import payloads_in
from sealing.codec import ENCODING, CaseCodec, case_of, digest_of, is_sealed, named_in
from sealing.composing import without_keys
from sealing.faults import CannotOpen, KeyDestroyed, KeyMissing, NeverOpens, NoKeysHere
from sealing.kept import KeptSeal
from sealing.keyring import HOUSE, Keyring, NoKeys
from starter.client import CaseErased, Cases, NotPermitted
from starter.endings import CannotGoOn
from starter.sealed import sealed
from tests.sealing.conftest import file_at, store_at
from tests.workflows.engines import (
    NAMES,
    Engine,
    accepted,
    act,
    intake,
    ledger,
    new_reference,
    until_approved,
    until_arrived,
    until_determined,
)
from workflows.messages import RETURN_CASE, TASK_QUEUE, monitoring_id, tracing_id

CASE = "MD-UA-2026-7K3F9A"
OTHER = "MD-UA-2026-7K3F9B"
CLEAR = Payload(metadata={"encoding": b"json/plain"}, data=b'"Zlatkaprobe"')


def of(keyring: Keyring, workflow_id: str) -> CaseCodec:
    """The codec as the engine's client asks it, for a process."""
    return CaseCodec(keyring).with_context(WorkflowSerializationContext("default", workflow_id))


def in_activity(keyring: Keyring, case: str) -> CaseCodec:
    """The codec as the engine's client asks it, for an activity of a case."""
    return CaseCodec(keyring).with_context(
        ActivitySerializationContext("default", "1", "admit", "q", case, "ReturnCase", is_local=True)
    )


async def one(codec: CaseCodec, payload: Payload) -> Payload:
    (sealed_one,) = await codec.encode([payload])
    return sealed_one


def altered(payload: Payload, data: bytes | None = None, **metadata: bytes) -> Payload:
    again = Payload()
    again.CopyFrom(payload)
    again.data = payload.data if data is None else data
    for name, told in metadata.items():
        again.metadata[name.replace("_", "-")] = told
    return again


async def test_a_payload_is_sealed_whole_and_names_its_case(keyring: Keyring) -> None:
    """Its own metadata is inside; outside stand format, case and key, and nothing twice the same."""
    codec = of(keyring, CASE)
    first, second = await codec.encode([CLEAR, CLEAR])

    assert (ENCODING, CASE) == (first.metadata["encoding"], named_in(first))
    assert first.data != second.data
    assert b"Zlatkaprobe" not in first.SerializeToString() and b"json/plain" not in first.SerializeToString()
    assert [CLEAR, CLEAR] == await codec.decode([first, second])
    assert [CLEAR] == await CaseCodec(keyring).decode([first])


@pytest.mark.parametrize(
    ("workflow_id", "case"),
    [
        (CASE, CASE),
        (tracing_id(CASE, 7), CASE),
        (monitoring_id(CASE, 30), CASE),
        (f"{CASE}/archive-0", CASE),
        ("homeward-archive-sweep-2026-11-28T10:00:00Z", HOUSE),
        ("house", HOUSE),
        ("", HOUSE),
        (f"{CASE}X", HOUSE),
    ],
)
def test_a_process_belongs_to_the_case_that_its_id_names(workflow_id: str, case: str) -> None:
    """The children of a case belong to it; what belongs to none is the house's."""
    assert case == case_of(workflow_id)


async def test_an_activity_of_a_case_is_the_cases(keyring: Keyring) -> None:
    """By the process that it works for."""
    assert CASE == named_in(await one(in_activity(keyring, CASE), CLEAR))


async def test_what_is_not_sealed_is_taken_as_it_is(keyring: Keyring) -> None:
    """Histories from before, and what stock tools send without keys."""
    assert [CLEAR, Payload()] == await of(keyring, CASE).decode([CLEAR, Payload()])


async def test_a_payload_that_was_altered_or_moved_does_not_open(keyring: Keyring) -> None:
    """Neither one bit of it, nor its case, nor its key's name; and the sentence says whose it is, without data."""
    payload = await one(of(keyring, CASE), CLEAR)
    theirs = await one(of(keyring, OTHER), CLEAR)
    anybody = CaseCodec(keyring)
    for spoilt in (
        altered(payload, payload.data[:-1] + bytes([payload.data[-1] ^ 1])),
        altered(payload, bytes([payload.data[0] ^ 1]) + payload.data[1:]),
        altered(payload, b""),
        altered(payload, homeward_case=OTHER.encode(), homeward_key=theirs.metadata["homeward-key"]),
        altered(payload, homeward_case=OTHER.encode()),
        altered(payload, homeward_key=b"0" * 16),
    ):
        with pytest.raises(NeverOpens, match=r"MD-UA-2026-7K3F9[AB]") as told:
            await anybody.decode([spoilt])
        assert "Zlatkaprobe" not in str(told.value)
        assert [spoilt, CLEAR] == await of(keyring, CASE).decode([spoilt, payload])


async def test_a_payload_of_one_case_does_not_open_in_another(keyring: Keyring) -> None:
    """Whoever may write to the engine's database cannot lay what one child said into another child's history."""
    payload = await one(of(keyring, OTHER), CLEAR)
    with pytest.raises(NeverOpens, match=f"sealed for {OTHER} stands where something of {CASE} belongs"):
        await in_activity(keyring, CASE).decode([payload])
    assert [payload] == await of(keyring, CASE).decode([payload])
    assert [CLEAR] == await of(keyring, CASE).decode([await one(CaseCodec(keyring), CLEAR)])


async def test_a_payload_sealed_by_somebody_else_is_told(keyring: Keyring) -> None:
    """Not by a traceback from the depths. A process gets it as it came: nobody can stop a case by sending such a thing."""
    for foreign in (
        Payload(metadata={"encoding": ENCODING}, data=b"x" * 40),
        Payload(metadata={"encoding": ENCODING}, data=b"x"),
        altered(await one(of(keyring, CASE), CLEAR), homeward_format=b"homeward.sealed/9"),
        altered(await one(of(keyring, CASE), CLEAR), homeward_case=b"\xff\xfe"),
    ):
        with pytest.raises(NeverOpens, match="not by this system"):
            await in_activity(keyring, CASE).decode([foreign])
        assert [foreign] == await of(keyring, CASE).decode([foreign])


async def test_what_is_let_through_is_counted_as_no_failure(keyring: Keyring) -> None:
    """Anybody may send a process what never opens, and would call the operator so; where somebody reads it, it counts."""

    def counted() -> float:
        return REGISTRY.get_sample_value("homeward_key_failures_total", {"error": "NeverOpens"}) or 0

    foreign, before = Payload(metadata={"encoding": ENCODING}, data=b"x" * 40), counted()
    assert [foreign] == await of(keyring, CASE).decode([foreign])
    assert counted() == before
    with pytest.raises(NeverOpens):
        await CaseCodec(keyring).telling().decode([foreign])
    assert counted() == before + 1


async def test_without_the_key_nothing_opens_and_nothing_is_sealed(tmp_path: Path, keyring: Keyring) -> None:
    """Another store has no such key, a destroyed key is none, and a process without keys sends nothing in clear."""
    payload = await one(of(keyring, CASE), CLEAR)
    elsewhere = Keyring(store_at(tmp_path / "elsewhere"), file_at(tmp_path / "elsewhere"))
    await elsewhere.open(make=True)
    with pytest.raises(KeyMissing, match=CASE):
        await of(elsewhere, CASE).decode([payload])
    await elsewhere.key(CASE)
    with pytest.raises(NeverOpens, match="another key"):
        await in_activity(elsewhere, CASE).decode([payload])

    keyless = CaseCodec(NoKeys("Ask the office."), CASE)
    for ask in (keyless.encode, keyless.decode):
        with pytest.raises(NoKeysHere, match=f"What {CASE} holds is sealed.*Ask the office"):
            await ask([payload])
    assert [CLEAR] == await keyless.decode([CLEAR])

    await keyring.destroy(CASE)
    for ask in (of(keyring, CASE).telling().encode, of(keyring, CASE).decode):
        with pytest.raises(KeyDestroyed, match=CASE):
            await ask([payload])
    # What a process says that somebody began under its name all the same is the house's.
    assert [named_in(said) for said in await of(keyring, CASE).encode([CLEAR])] == ["house"]


async def test_a_new_key_encryption_key_touches_nothing_sealed(tmp_path: Path, keyring: Keyring) -> None:
    """What was sealed before opens after, and in another process."""
    payload = await one(of(keyring, CASE), CLEAR)
    await keyring.rotate()
    await keyring.forget_old()
    again = Keyring(store_at(tmp_path), file_at(tmp_path))
    await again.open(make=False)

    assert [CLEAR] == await of(again, CASE).decode([payload])


async def test_a_digest_tells_nothing_without_the_key(keyring: Keyring) -> None:
    """The same content has the same one, in its case alone."""
    first = await digest_of(keyring, CASE, b"an act")
    assert first == await digest_of(keyring, CASE, b"an act")
    assert 4 == len(
        {
            first,
            await digest_of(keyring, OTHER, b"an act"),
            await digest_of(keyring, CASE, b"another act"),
            hashlib.sha256(b"an act").hexdigest(),
        }
    )


async def test_what_is_kept_is_sealed_always_alike(keyring: Keyring) -> None:
    """So the same run kept twice is one object. It is bound to its case, and tells when it was altered."""
    seal = KeptSeal(keyring)
    closed = await seal.close(CASE, b"Zlatkaprobe")

    assert closed == await seal.close(CASE, b"Zlatkaprobe")
    assert closed != await seal.close(OTHER, b"Zlatkaprobe")
    assert b"Zlatkaprobe" == await seal.open(CASE, closed)
    assert b"Zlatkaprobe" not in base64.b64decode(closed)
    for case, text in ((OTHER, closed), (CASE, closed[:-8] + "AAAAAAA="), (CASE, "no base64"), (CASE, "")):
        with pytest.raises(CannotOpen, match=case):
            await seal.open(case, text)


# On an engine


@pytest.fixture
async def course(skipping: Engine) -> AsyncIterator[tuple[Engine, Any]]:
    """A case from its opening to the arrival, tracing and monitoring with it, with a worker that is still there."""
    async with skipping.worker():
        handle = await skipping.start()
        await accepted(handle, *until_determined(), *until_approved())
        await skipping.wait(days=16)
        await accepted(handle, *until_arrived(await skipping.now()))
        yield skipping, handle


async def histories_of(engine: Engine, reference: str) -> list[Any]:
    """Every event of a case, of all its runs, and of the processes of the origin state, as the engine has them."""
    runs: list[Any] = []
    run: str | None = None
    while True:
        fetched = await engine.client.get_workflow_handle(reference, run_id=run).fetch_history()
        runs += fetched.events
        run = fetched.events[0].workflow_execution_started_event_attributes.continued_execution_run_id or None
        if run is None:
            break
    for event in list(runs):
        child = event.start_child_workflow_execution_initiated_event_attributes.workflow_id
        if child:
            runs += (await engine.client.get_workflow_handle(child).fetch_history()).events
    return runs


@pytest.mark.engine
@pytest.mark.slow
async def test_everything_a_case_gives_the_engine_is_sealed_with_its_own_key(course: tuple[Engine, Any]) -> None:
    """Inputs, answers, signals, activities, summaries, children, carried state: not one is the house's, or in clear.

    What stays in clear is what the engine itself wrote, search attributes, and the record of a local activity's end.
    """
    engine, handle = course
    events = await histories_of(engine, handle.id)
    seen = [(event, payload) for event in events for payload in payloads_in(event)]
    sealed_ones = [payload for _, payload in seen if is_sealed(payload)]
    clear = [payload for _, payload in seen if not is_sealed(payload)]

    assert {handle.id} == {named_in(payload) for payload in sealed_ones}
    assert len(sealed_ones) > 60
    assert any(event.HasField("start_child_workflow_execution_initiated_event_attributes") for event in events)
    assert any(event.user_metadata.ByteSize() for event in events)
    whole = b"".join(event.SerializeToString() for event in events)
    for word in (*NAMES, "invented views", "2013-05-04", "an invented reason"):
        assert word.encode() not in whole
    assert [payload for payload in clear if not _the_engines_own(payload)] == []


def _the_engines_own(payload: Payload) -> bool:
    """Search attributes, and the engine's client's own notes: which patch a case knows, when a local activity ended."""
    if "type" in payload.metadata or not payload.data:
        return True
    told = json.loads(payload.data)
    return set(told) == {"id", "deprecated"} or {"seq", "activity_type", "complete_time"} <= set(told)


@pytest.mark.engine
async def test_a_client_without_keys_reads_nothing_and_sends_nothing(server: Engine) -> None:
    """It says in a sentence that it may not; the case goes on as it was."""
    async with server.worker():
        handle = await server.start()
        await accepted(handle, act("cw", "note", text="invented"))
        keyless = Cases(sealed(server.client, without_keys("Ask the office that may.")))
        for ask in (
            keyless.view(handle.id),
            keyless.ledger(handle.id),
            keyless.record(handle.id, act("cw", "note", text="invented")),
            keyless.open({**intake(), "reference": new_reference()}),
        ):
            with pytest.raises(NotPermitted, match="Ask the office that may"):
                await ask
        stock: Client = Client(server.client.service_client)
        with pytest.raises(KeyError, match="binary/encrypted"):
            await stock.get_workflow_handle(handle.id).query("case")
        assert 1 == len([entry for entry in await ledger(handle) if entry["act"] == "note"])


@pytest.mark.engine
async def test_whoever_reads_is_told_that_an_answer_was_altered(
    skipping: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By whoever stands between: in a sentence that names the case, of a view, a receipt, and a case that opens."""
    cases = Cases(skipping.client, patience=timedelta(seconds=5))
    service = skipping.client.workflow_service

    def altering(ask: Any, payloads: Callable[[Any], Sequence[Any]]) -> Any:
        async def altered(*asked: Any, **how: Any) -> Any:
            answer = await ask(*asked, **how)
            for payload in payloads(answer):
                payload.data = payload.data[:-1] + bytes([payload.data[-1] ^ 1])
            return answer

        return altered

    async with skipping.worker():
        handle = await skipping.start()
        await accepted(handle, act("cw", "note", text="invented"))
        for name, way in (
            ("query_workflow", "query_result.payloads"),
            ("update_workflow_execution", "outcome.success.payloads"),
        ):
            monkeypatch.setattr(service, name, altering(getattr(service, name), attrgetter(way)))
        sentence = f"Something that {handle.id} holds was altered after it was sealed"
        for ask in (
            cases.view(handle.id),
            cases.ledger(handle.id),
            cases.record(handle.id, act("cw", "note", text="invented")),
        ):
            with pytest.raises(CannotGoOn, match=sentence):
                await ask
        with pytest.raises(CannotGoOn, match="was altered after it was sealed"):
            await cases.open({**intake(), "reference": new_reference()})


@pytest.mark.engine
async def test_a_failure_is_sealed_and_still_tells_whoever_has_keys(skipping: Engine) -> None:
    """Its type stays readable, its text and details do not."""
    async with skipping.worker():
        reference = new_reference()
        handle = await skipping.start({**intake(), "situation": "Zlatkaprobe"}, reference)
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()
        assert isinstance(failed.value.cause, ApplicationError)
        assert "situation" in str(failed.value.cause.details) and "MalformedIntake" == failed.value.cause.type
        last = (await handle.fetch_history()).events[-1]
        raw = last.SerializeToString()
        assert b"MalformedIntake" in raw and b"situation" not in raw


@pytest.mark.engine
async def test_a_case_started_in_clear_is_sealed_from_its_first_answer_on(skipping: Engine) -> None:
    """As by a stock tool without keys: its input stays as it was sent; all that the case makes of it is sealed."""
    stock = Client(skipping.client.service_client)
    async with skipping.worker():
        reference = new_reference()
        await stock.start_workflow(RETURN_CASE, intake(), id=reference, task_queue=TASK_QUEUE)
        handle = skipping.client.get_workflow_handle(reference)
        await accepted(handle, act("cw", "note", text="invented"))
        events = (await handle.fetch_history()).events
        inputs = events[0].workflow_execution_started_event_attributes.input.payloads
        assert [False] == [is_sealed(payload) for payload in inputs]
        rest = b"".join(event.SerializeToString() for event in events[1:])
        assert NAMES[0].encode() not in rest


@pytest.mark.engine
async def test_the_same_act_finds_the_same_update_from_any_client(skipping: Engine, tmp_path: Path) -> None:
    """Its id in the engine holds a keyed digest: of an act that somebody guesses, nobody can tell that it is this one."""
    async with skipping.worker():
        handle = await skipping.start()
        said = act("cw", "note", text="invented")
        cases, elsewhere = Cases(skipping.client), Cases(skipping.client)
        assert await cases.record(handle.id, said) == await elsewhere.record(handle.id, said)
        ids = [
            event.workflow_execution_update_accepted_event_attributes.protocol_instance_id
            for event in (await handle.fetch_history()).events
            if event.HasField("workflow_execution_update_accepted_event_attributes")
        ]
    assert 1 == len(ids) and ids[0].startswith(f"{said['act_id']}:")
    content = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
    assert hashlib.sha256(content).hexdigest()[:16] not in ids[0]


@pytest.mark.engine
async def test_a_case_whose_key_is_destroyed_answers_nobody(skipping: Engine) -> None:
    """Nor does its history say anything more; another case goes on."""
    async with skipping.worker():
        gone, other = await skipping.start(), await skipping.start()
        for handle in (gone, other):
            await accepted(handle, act("cw", "note", text="invented"))
        codec = skipping.client.data_converter.payload_codec
        assert isinstance(codec, CaseCodec) and isinstance(codec.keys, Keyring)
        await codec.keys.destroy(gone.id)
        cases = Cases(skipping.client, patience=timedelta(seconds=3))
        with pytest.raises(CaseErased, match=f"Case {gone.id} was erased"):
            await cases.record(gone.id, act("cw", "note", text="invented"))
        with pytest.raises(CaseErased, match=f"Case {gone.id} was erased"):
            await cases.view(gone.id)
        assert other.id == (await cases.view(other.id))["reference"]
