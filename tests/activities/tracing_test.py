"""Traces: asked for by the standard variables, and nothing leaves that is not listed."""

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from activities.tracing import ENDPOINTS, Tracing, asked_for, tracing_of
from tests.journeys.marks import CYRILLIC, MARK, marks_in_texts


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, False),
        ({"OTEL_SDK_DISABLED": "TRUE", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, False),
        ({"OTEL_SERVICE_NAME": "desk"}, False),
    ],
)
def test_the_standard_variables_ask_for_traces(variables: dict[str, str], wanted: bool) -> None:
    """Off unless they do."""
    assert asked_for(variables) is wanted


def test_there_are_none_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """No provider, no thread, no exporter."""
    for name in (*ENDPOINTS, "OTEL_TRACES_EXPORTER"):
        monkeypatch.delenv(name, raising=False)
    assert tracing_of("homeward-test") is None


def exported(tracing: Tracing, into: InMemorySpanExporter) -> str:
    assert tracing.provider.force_flush()
    told = [span.to_json() for span in into.get_finished_spans()]
    tracing.provider.shutdown()
    return "\n".join(told)


def test_what_a_library_puts_into_a_span_does_not_leave() -> None:
    """The text of an exception, an attribute that is not listed, a name that somebody made up, an id of nobody's."""
    into = InMemorySpanExporter()
    tracing = tracing_of("homeward-test", exporter=into)
    assert tracing is not None
    tracer = tracing.tracer

    def fails() -> None:
        with tracer.start_as_current_span("HandleUpdate:record") as span:
            span.set_attribute("temporalWorkflowID", "MD-UA-2026-7K3F9A/tracing/3")
            span.set_attribute("url.path", f"/{MARK}")
            span.set_attribute("http.route", "/cases/{reference}")
            span.add_event(MARK, {"said": CYRILLIC})
            raise ValueError(MARK)

    with pytest.raises(ValueError, match=MARK):
        fails()
    with tracer.start_as_current_span(f"HandleSignal:{CYRILLIC}") as span:
        span.set_attribute("temporalWorkflowID", f"{MARK}-1")
        span.set_attribute("temporalRunID", CYRILLIC)
    told = exported(tracing, into)
    assert marks_in_texts([told]) == set()
    for kept in ("HandleUpdate:record", "MD-UA-2026-7K3F9A/tracing/3", "/cases/{reference}", "ValueError", "ERROR"):
        assert kept in told
    assert "unnamed" in told and "homeward-test" in told


def test_the_check_above_can_fail() -> None:
    """Without our list all of it leaves."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    into = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(into))
    with pytest.raises(ValueError, match=MARK), provider.get_tracer("x").start_as_current_span("x"):
        raise ValueError(MARK)
    assert marks_in_texts([span.to_json() for span in into.get_finished_spans()])
    provider.shutdown()
