"""Traces reach from whoever asks through the case to its activities, and change nothing of what a case does."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio.api.common.v1 import Payload
from temporalio.client import (
    Client,
    Interceptor,
    OutboundInterceptor,
    QueryWorkflowInput,
    SignalWorkflowInput,
    StartWorkflowInput,
    StartWorkflowUpdateInput,
)

from activities.tracing import Tracing, carrier_in, tracing_of
from procedure.proceedings import Proceedings
from starter.client import Cases
from tests.journeys.marks import marked, marks_in_texts
from tests.workflows.engines import (
    Engine,
    Handle,
    intake,
    ledger,
    new_reference,
    note,
    record,
    time_skipping,
    until_determined,
    view,
)
from tests.workflows.replay_test import CASES, HISTORIES, Listening, history_in, replayer, saved_beside
from workflows.messages import CASE, RECORD, RETURN_CASE, TASK_QUEUE

HEADER = "_tracer-data"
TRACE = "0af7651916cd43dd8448eb211c80319c"
WHERE = f"00-{TRACE}-b7ad6b7169203331-01"


def sent(text: bytes, encoding: str | None = "json/plain") -> Payload:
    """What somebody sends as a header."""
    return Payload(metadata={} if encoding is None else {"encoding": encoding.encode()}, data=text)


BAD_HEADERS = {
    # As `temporal workflow signal --headers '_tracer-data="x"'` sends it.
    "a text": sent(b'"x"'),
    "a list": sent(b'["traceparent"]'),
    "a number": sent(b"7"),
    "nothing in it": sent(b"null"),
    "no text in it": sent(b'{"traceparent": 7}'),
    "a list in it": sent(b'{"traceparent": ["%s"]}' % WHERE.encode()),
    "no trace": sent(b'{"traceparent": "x", "tracestate": "\\u0000", "baggage": ",,="}'),
    "an object in it": sent(b'{"traceparent": {"a": []}, "tracestate": [[]], "baggage": {}}'),
    "no JSON": sent(b"{"),
    "no UTF-8": sent(b"\xff"),
    "too deep": sent(b"[" * 100_000),
    "no encoding": sent(b'{"traceparent": "x"}', None),
    "an encoding that nobody knows": sent(b"x", "x"),
    "an encoding that is no text": Payload(metadata={"encoding": b"\xff"}, data=b"x"),
    "an empty payload": Payload(),
    "of no message": Payload(metadata={"encoding": b"json/protobuf", "messageType": b"x"}, data=b"{}"),
}


@pytest.fixture
def into() -> InMemorySpanExporter:
    """Where spans end."""
    return InMemorySpanExporter()


@pytest.fixture
def tracing(into: InMemorySpanExporter) -> Any:
    """A process that traces."""
    made = tracing_of("homeward-test", exporter=into)
    assert made is not None
    yield made
    made.provider.shutdown()


@pytest.mark.parametrize("sandboxed", [False, True], ids=["as it runs", "in the sandbox"])
@pytest.mark.parametrize(
    "file", [f for f in HISTORIES if f.stem.rpartition("-")[0].endswith(("post2", "0.1.0"))], ids=lambda file: file.stem
)
async def test_a_history_from_before_replays_with_tracing_on(file: Path, sandboxed: bool, tracing: Tracing) -> None:
    """With the same commands and the same ledger head: an operator may turn it on while cases run, and off again."""
    CASES.clear()
    interceptors = [tracing.interceptor] if sandboxed else [tracing.interceptor, Listening()]
    await replayer(*interceptors, sandboxed=sandboxed).replay_workflow(history_in(file))
    if not sandboxed:
        proceedings: Proceedings | None = CASES[-1].proceedings
        assert proceedings is not None and proceedings.case.head == saved_beside(file)[1]


def traced(engine: Engine, tracing: Tracing) -> Engine:
    """The same engine by a client that traces."""
    config = engine.client.config()
    config["interceptors"] = [tracing.interceptor]
    engine.env._client = Client(**config)  # pyright: ignore[reportPrivateUsage]
    return engine


async def course(engine: Engine, acts: int) -> tuple[str, list[str]]:
    """A case with some acts of a marked child, and the kinds of the events in its history."""
    async with engine.worker():
        cases = Cases(engine.client)
        reference = await cases.open(marked(intake()))
        for said in [*until_determined()[:acts], note()]:
            await cases.record(reference, marked(said))
        history = await engine.client.get_workflow_handle(reference).fetch_history()
    kinds = [event.WhichOneof("attributes") or "" for event in history.events]
    return reference, [kind for kind in kinds if kind.startswith(("workflow_execution_update", "timer", "marker"))]


async def test_one_act_is_one_trace(tmp_path: Path, tracing: Tracing, into: InMemorySpanExporter) -> None:
    """From the client through the case's handler to the row of the caseload; and nothing that anybody said is in it."""
    async with time_skipping(tmp_path) as engine:
        plain = await course(engine, 3)
        reference, kinds = await course(traced(engine, tracing), 3)
        assert kinds == plain[1]
    assert tracing.provider.force_flush()
    spans = into.get_finished_spans()
    of_the_note = [each for each in spans if each.name == "StartWorkflowUpdate:record"][-1]
    together = {each.name for each in spans if _trace(each) == _trace(of_the_note)}
    assert {"HandleUpdate:record", "RunActivity:keep_caseload_row"} <= together, together
    # Each act is one of its own: a case lives for years, and nobody keeps a trace for so long.
    acts = [each for each in spans if each.name == "StartWorkflowUpdate:record"]
    assert len({_trace(each) for each in acts}) == len(acts) == 4
    (opening,) = (each for each in spans if each.name == "StartWorkflow:ReturnCase")
    assert "RunActivity:admit" in {each.name for each in spans if _trace(each) == _trace(opening)}
    told = [span.to_json() for span in spans]
    assert marks_in_texts(told) == set()
    assert any(reference in each for each in told)


def _trace(span: ReadableSpan) -> int:
    assert span.context is not None
    return span.context.trace_id


@pytest.mark.parametrize("header", BAD_HEADERS.values(), ids=BAD_HEADERS.keys())
def test_what_is_no_trace_is_not_heard(header: Payload) -> None:
    """Whatever somebody sends: no error, and nothing of it gets further than a text that names a trace."""
    told = carrier_in({HEADER: header}, HEADER)
    assert told in (None, {"traceparent": "x"})


def test_a_trace_is_heard_and_nothing_else_that_is_said_with_it() -> None:
    """What a library does not like in the rest it would write into the log, in the sender's words."""
    said = b'{"traceparent": "%s", "baggage": "invented", "tracestate": "invented"}' % WHERE.encode()
    assert carrier_in({HEADER: sent(said)}, HEADER) == {"traceparent": WHERE}
    assert carrier_in({}, HEADER) is None


class Says(Interceptor):
    """A stranger's client that sends a header with whatever it asks."""

    def __init__(self, header: Payload) -> None:
        self.header = header

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        says: Mapping[str, Payload] = {HEADER: self.header}

        class Outbound(OutboundInterceptor):
            async def start_workflow(self, input: StartWorkflowInput) -> Any:
                input.headers = says
                return await super().start_workflow(input)

            async def signal_workflow(self, input: SignalWorkflowInput) -> None:
                input.headers = says
                await super().signal_workflow(input)

            async def start_workflow_update(self, input: StartWorkflowUpdateInput) -> Any:
                input.headers = says
                return await super().start_workflow_update(input)

            async def query_workflow(self, input: QueryWorkflowInput) -> Any:
                input.headers = says
                return await super().query_workflow(input)

        return Outbound(next)


async def sent_with(engine: Engine, header: Payload, way: str) -> Handle:
    """The case to which something was sent with this header."""
    config = engine.client.config()
    config["interceptors"] = [Says(header)]
    stranger = Client(**config)
    if way == "start":
        reference = new_reference()
        return await stranger.start_workflow(RETURN_CASE, intake(), id=reference, task_queue=TASK_QUEUE)
    handle = await engine.start()
    asking: Handle = stranger.get_workflow_handle(handle.id)
    if way == "signal":
        await asking.signal(RECORD, note(act_id="with the header"))
    elif way == "update":
        assert (await asking.execute_update(RECORD, note(act_id="with the header")))["result"] == "accepted"
    else:
        await view(handle)
        assert (await asking.query(CASE))["reference"] == handle.id
    return handle


@pytest.mark.parametrize("way", ["start", "signal", "update", "query"])
async def test_a_bad_header_stops_no_case(tmp_path: Path, tracing: Tracing, way: str) -> None:
    """It failed the case's task, and each retry of it: a signal stays in the history, and no later act was heard."""
    async with time_skipping(tmp_path) as engine, traced(engine, tracing).worker():
        for name, header in BAD_HEADERS.items():
            try:
                async with asyncio.timeout(60):
                    handle = engine.client.get_workflow_handle((await sent_with(engine, header, way)).id)
                    assert (await record(handle, note(act_id="afterwards")))["result"] == "accepted"
                    said = [entry["act_id"] for entry in await ledger(handle) if entry["kind"] == "accepted"]
            except TimeoutError:
                pytest.fail(f"{name}: the case hears nothing any more")
            heard = {"afterwards", *(("with the header",) if way in ("signal", "update") else ())}
            assert heard <= set(said), name
            history = await handle.fetch_history()
            failed = [event for event in history.events if event.HasField("workflow_task_failed_event_attributes")]
            assert failed == [], name


@pytest.mark.parametrize("way", ["start", "signal", "update", "query"])
async def test_a_good_header_is_heard(tmp_path: Path, tracing: Tracing, into: InMemorySpanExporter, way: str) -> None:
    """The nearest header that is let through: what follows from the message belongs to the sender's trace."""
    async with time_skipping(tmp_path) as engine, traced(engine, tracing).worker():
        handle = await sent_with(engine, sent(b'{"traceparent": "%s"}' % WHERE.encode()), way)
        await ledger(engine.client.get_workflow_handle(handle.id))
    assert tracing.provider.force_flush()
    names = {
        "start": "RunWorkflow:ReturnCase",
        "signal": "HandleSignal:record",
        "update": "HandleUpdate:record",
        "query": "HandleQuery:case",
    }
    heard = [each.name for each in into.get_finished_spans() if _trace(each) == int(TRACE, 16)]
    assert names[way] in heard
