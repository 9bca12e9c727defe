"""Traces across desk, case and activity, by OpenTelemetry; off unless the standard variables ask for them.

What leaves is what is listed here and nothing else: names of our own messages and routes, a case's reference, run ids,
statuses, classes of errors. No text of an exception, no act, no person. Our provider is never the global one, or every
library that knows OpenTelemetry would report through it, in its own words.
"""

import os
import re
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry.context import Context, attach
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, Status, Tracer
from temporalio import workflow
from temporalio.api.common.v1 import Payload
from temporalio.contrib.opentelemetry import TracingInterceptor, TracingWorkflowInboundInterceptor
from temporalio.converter import PayloadConverter
from temporalio.worker import HandleQueryInput, HandleSignalInput, HandleUpdateInput, WorkflowInterceptorClassInput

from procedure.intake import REFERENCE

if TYPE_CHECKING:
    from opentelemetry.util.types import AttributeValue

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
EXPORTER: Final = "OTEL_TRACES_EXPORTER"
DISABLED: Final = "OTEL_SDK_DISABLED"

ATTRIBUTES: Final = frozenset(
    {
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "temporalActivityID",
        "temporalActivityType",
        "temporalRunID",
        "temporalWorkflowID",
    }
)
"""What a span may say beside its name."""

FLUSH_WITHIN: Final = 3.0
"""Seconds that the last spans have to get out when a process ends."""

_OURS: Final = re.compile(r"[A-Za-z0-9_:/{}. -]{1,120}")
_NUMBER: Final = re.compile(r"[A-Za-z0-9_:/.-]{1,80}")
UNNAMED: Final = "unnamed"
_WHERE: Final = "traceparent"
"""Of what a sender says of a trace, the one thing that is heard (https://www.w3.org/TR/trace-context/)."""


def asked_for(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the standard variables ask for traces: an endpoint is named, or the exporter."""
    if environment.get(DISABLED, "").strip().lower() == "true":
        return False
    exporter = environment.get(EXPORTER, "").strip().lower()
    if exporter:
        return exporter == "otlp"
    return any(environment.get(name) for name in ENDPOINTS)


@dataclass(frozen=True)
class Tracing:
    """One process's tracer, and what has the engine's client report by it."""

    provider: TracerProvider

    @property
    def tracer(self) -> Tracer:
        return self.provider.get_tracer("homeward")

    @property
    def interceptor(self) -> "EachActATrace":
        """For the engine's client: it spans clients, cases and activities, and adds no command to a history."""
        return EachActATrace(self.tracer)

    def close(self) -> None:
        """Send what is left, for :data:`FLUSH_WITHIN` seconds at most: nobody waits for a collector that is away."""
        sending = threading.Thread(target=self.provider.shutdown, daemon=True)
        sending.start()
        sending.join(FLUSH_WITHIN)


def tracing_of(service: str, *, exporter: SpanExporter | None = None) -> Tracing | None:
    """Tracing as the environment asks for it; None where it does not. ``exporter``: another than OTLP over HTTP.

    ``service`` is this process's name in traces where ``OTEL_SERVICE_NAME`` gives none.
    """
    if exporter is None:
        if not asked_for():
            return None
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter()
    named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": service}
    # No handler at exit: a worker leaves without one, and `close` is what sends the rest.
    provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OnlyWhatIsListed(exporter)))
    return Tracing(provider)


class EachActATrace(TracingInterceptor):
    """The SDK's own, but that what follows from a message belongs to the trace of whoever sent it.

    The SDK puts all that a process ever does into the trace that started it. A case lives for years: nobody looks at
    such a trace, no collector keeps one, and a case that was opened before traces were asked for would have none.
    """

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[TracingWorkflowInboundInterceptor]:
        super().workflow_interceptor_class(input)  # what it needs from outside the case
        return _OfTheMessage

    def _context_from_headers(self, headers: Mapping[str, Payload]) -> Context | None:
        sender = carrier_in(headers, self.header_key)
        return None if sender is None else self.text_map_propagator.extract(sender)


def carrier_in(headers: Mapping[str, Payload], key: str) -> dict[str, str] | None:
    """In which trace a message was sent; None where it says nothing of it that can be read.

    Anybody with a client writes headers as they like. One that raised here would fail the task of the case, and again at
    each try, for a signal stays in its history: nothing that is said later would be heard. And what else stands there
    than the trace a library would write into our log, where it does not like it.
    """
    header = headers.get(key)
    if header is None:
        return None
    try:
        told: object = PayloadConverter.default.from_payload(header)
    except Exception:  # noqa: BLE001 - whatever it is, nobody may stop a case by it
        return None
    where = cast("dict[object, object]", told).get(_WHERE) if isinstance(told, dict) else None
    return {_WHERE: where} if isinstance(where, str) else None


class _OfTheMessage(TracingWorkflowInboundInterceptor):
    async def handle_signal(self, input: HandleSignalInput) -> None:
        with self._sent_by(input.headers):
            self._completed_span(f"HandleSignal:{input.signal}", kind=SpanKind.SERVER)
            await self.next.handle_signal(input)

    def handle_update_validator(self, input: HandleUpdateInput) -> None:
        # It asks nobody and writes nothing: it needs no span.
        self.next.handle_update_validator(input)

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:
        with self._sent_by(input.headers):
            self._completed_span(f"HandleUpdate:{input.update}", kind=SpanKind.SERVER)
            return await self.next.handle_update_handler(input)

    async def handle_query(self, input: HandleQueryInput) -> Any:
        # The SDK reads the header by itself: it gets one that can be read, or none.
        others = {name: header for name, header in input.headers.items() if name != self.header_key}
        sender = carrier_in(input.headers, self.header_key)
        input.headers = others if sender is None else self._context_carrier_to_headers({**sender}, others)
        return await super().handle_query(input)

    @contextmanager
    def _sent_by(self, headers: Mapping[str, Payload]) -> Generator[None]:
        """In the trace of whoever sent a message; in none where they traced nothing."""
        sender = self.text_map_propagator.extract(carrier_in(headers, self.header_key) or {}, Context())
        attached = attach(self._set_on_context(sender))
        try:
            yield
        finally:
            # Not by `detach`: when a case leaves a worker's cache its handlers end elsewhere than they began, and that
            # would be told in the log as a fault.
            with suppress(ValueError):
                attached.var.reset(attached)

    def _load_workflow_context_carrier(self) -> Any:
        # A run that goes on from another is no part of the opening any more.
        running = workflow.info()
        return None if running.continued_run_id else carrier_in(running.headers, self.header_key)


class OnlyWhatIsListed(SpanExporter):
    """Hands spans on with what is listed, and without everything else that a library put into them."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return self._exporter.export([_plain(span) for span in spans])

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _plain(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=span.name if _OURS.fullmatch(span.name) else UNNAMED,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes={name: value for name, value in (span.attributes or {}).items() if _may_leave(name, value)},
        events=[_error(event) for event in span.events if event.name == "exception"],
        links=span.links,
        kind=span.kind,
        # Without its description, which repeats the error's text.
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _may_leave(name: str, value: "AttributeValue") -> bool:
    if name not in ATTRIBUTES:
        return False
    if name == "temporalWorkflowID":
        # Anybody with a client may start something under an id of their own making; ours begin with a reference.
        return isinstance(value, str) and bool(REFERENCE.fullmatch(value.partition("/")[0]))
    return not isinstance(value, str) or bool((_OURS if name == "http.route" else _NUMBER).fullmatch(value))


def _error(event: Event) -> Event:
    """That there was an error, and its class."""
    kind: Any = (event.attributes or {}).get("exception.type")
    return Event("exception", {"exception.type": str(kind)[:120]}, event.timestamp)
