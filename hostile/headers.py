"""Headers that a stranger sends with a message to a case: most of them where a trace is looked for."""

import json
from collections.abc import Mapping
from contextvars import ContextVar
from random import Random
from typing import Any, Final

from temporalio.api.common.v1 import Payload
from temporalio.client import (
    Interceptor,
    OutboundInterceptor,
    QueryWorkflowInput,
    SignalWorkflowInput,
    StartWorkflowInput,
    StartWorkflowUpdateInput,
)

from hostile.values import documents, hostile_text, hostile_value, written

TRACE: Final = "_tracer-data"
ENCODINGS: Final = ("json/plain",) * 12 + (
    *("binary/plain", "binary/null", "json/protobuf", "binary/protobuf", "", "x", "json/plain\x00"),
    # As the house's own seals are named, with nothing in it that opens.
    "binary/encrypted",
    "binary/sealed",
)
_TRACES: Final[tuple[dict[str, Any], ...]] = (
    {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
    {"traceparent": "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-will-the-future-be"},
    {"traceparent": "00-00000000000000000000000000000000-0000000000000000-00", "tracestate": "invented=1"},
    {"tracestate": "invented=1,other=2", "baggage": "userId=invented;x=1,=,"},
)
GOOD: Final = {TRACE: Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(_TRACES[0]).encode())}
"""Headers that name a trace."""
_SENT: Final[ContextVar[Mapping[str, Payload]]] = ContextVar("headers of one message")


def payload(raw: bytes, chance: Random) -> Payload:
    """Bytes as somebody sends them: most often rightly named."""
    encoding = chance.choice(ENCODINGS)
    return Payload(metadata={"encoding": encoding.encode()} if encoding else {}, data=raw)


def in_json(raw: bytes) -> Payload:
    """JSON, as stock tools send it."""
    return Payload(metadata={"encoding": b"json/plain"}, data=raw)


def drawn(chance: Random) -> dict[str, Payload]:
    """The headers of one message; none for some."""
    return {
        name: payload(_said(chance), chance)
        for name in chance.choice(((), (TRACE,), (TRACE,), (TRACE,), (TRACE, "x"), (hostile_text(chance)[:200],)))
    }


def _said(chance: Random) -> bytes:
    trace = chance.choice(_TRACES)
    way = chance.random()
    if way < 0.1:
        return json.dumps(trace).encode()
    if way < 0.6:
        return documents(trace, chance, _TRACES)
    return written(hostile_value(chance)).encode("utf-8", "surrogatepass")


def send(headers: Mapping[str, Payload]) -> None:
    """Have what is sent from now on, in this task, go with these headers."""
    _SENT.set(headers)


class WithHeaders(Interceptor):
    """A client whose messages go with the headers of :func:`send`."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        return _WithHeaders(next)


class _WithHeaders(OutboundInterceptor):
    async def start_workflow(self, input: StartWorkflowInput) -> Any:
        input.headers = _SENT.get({})
        return await super().start_workflow(input)

    async def signal_workflow(self, input: SignalWorkflowInput) -> None:
        input.headers = _SENT.get({})
        await super().signal_workflow(input)

    async def start_workflow_update(self, input: StartWorkflowUpdateInput) -> Any:
        input.headers = _SENT.get({})
        return await super().start_workflow_update(input)

    async def query_workflow(self, input: QueryWorkflowInput) -> Any:
        input.headers = _SENT.get({})
        return await super().query_workflow(input)
