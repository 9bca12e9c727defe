"""Traces reach from whoever asks through the case to its activities, and change nothing of what a case does."""

from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio.client import Client

from activities.tracing import Tracing, tracing_of
from procedure.proceedings import Proceedings
from starter.client import Cases
from tests.journeys.marks import marked, marks_in_texts
from tests.workflows.engines import Engine, intake, note, time_skipping, until_determined
from tests.workflows.replay_test import CASES, HISTORIES, Listening, history_in, replayer, saved_beside


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
