"""Arguments as they came: a worker on cases decodes none that it has no type for.

The SDK decodes arguments before any code of ours sees them. What does not fit fails the task (the case
then hangs), or is dropped (a signal, and with it an act). Handlers that take ``*given`` have no types,
so this converter leaves each argument as a :class:`~temporalio.common.RawValue` for them to judge.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.client import Client
from temporalio.common import RawValue
from temporalio.contrib.pydantic import PydanticPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    EncodingPayloadConverter,
    PayloadConverter,
)


class RawUnlessTyped(PydanticPayloadConverter):
    """Payloads by their type hints; where there are none, raw."""

    def __init__(self) -> None:
        # The engine's client makes a converter for each message of a case. Each with parts of its own would build the
        # validators of all its types anew, which took more time than all that an act decides.
        CompositePayloadConverter.__init__(self, *_parts())

    def from_payloads(self, payloads: Sequence[Payload], type_hints: list[type[Any]] | None = None) -> list[Any]:
        if type_hints is None:
            return [RawValue(payload) for payload in payloads]
        return super().from_payloads(payloads, type_hints)


@cache
def _parts() -> tuple[EncodingPayloadConverter, ...]:
    return tuple(PydanticPayloadConverter().converters.values())


class FailuresInWords(DefaultFailureConverterWithEncodedAttributes):
    """Failures whose text travels as a payload. It is read by what it is, which no hint tells; details stay raw."""

    def from_failure(self, failure: Failure, payload_converter: PayloadConverter) -> BaseException:
        if failure.HasField("encoded_attributes"):
            told: Any = PydanticPayloadConverter().from_payload(failure.encoded_attributes)
            in_words = Failure()
            in_words.CopyFrom(failure)
            in_words.ClearField("encoded_attributes")
            in_words.message, in_words.stack_trace = told.get("message", ""), told.get("stack_trace", "")
            failure = in_words
        return super().from_failure(failure, payload_converter)


def for_worker(client: Client) -> Client:
    """The same client with the converter that a worker on cases needs."""
    config = client.config()
    config["data_converter"] = _raw(config["data_converter"])
    return Client(**config)


def _raw(converter: DataConverter) -> DataConverter:
    failures = converter.failure_converter_class
    if issubclass(failures, DefaultFailureConverterWithEncodedAttributes):
        failures = FailuresInWords
    return replace(converter, payload_converter_class=RawUnlessTyped, failure_converter_class=failures)
