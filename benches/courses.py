"""The straight-through case, said to Homeward as the desk says it, and the very same acts to the bare floor."""

import asyncio
import itertools
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any, Final, Protocol

from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHandle

from activities.settings import Settings
from benches.floor import FLOOR, FLOOR_QUEUE
from benches.processes import WorkerProcess, Works
from procedure.acts import as_signed, parse_act
from sealing.codec import is_sealed
from sealing.keys import NONCE_BYTES
from sealing.signing_keys import SigningKeyFile
from starter.client import Cases, new_reference
from starter.moments import Span, resolve
from starter.scenario import NEEDS_DOSSIER, Step, find, length
from starter.signing import own_signer
from workflows.messages import RECORD

SCENARIO: Final = "01-home-to-her-mother"
"""The shipped scenario of a straight return, its seven refused steps and forgotten visit included."""

PATIENCE: Final = timedelta(minutes=3)
"""A bench waits: how long is what it measures."""

_TAG_BYTES: Final = 16
_numbers: Final = itertools.count(1)

Act = dict[str, Any]


class Signs:
    """Signs as an installation of one's own does, at the time of the case: virtual time runs ahead of the clock."""

    def __init__(self, settings: Settings) -> None:
        own_signer(settings)  # makes the key, and publishes it
        self._file = SigningKeyFile(settings.signing_key_file)
        self.ahead = timedelta(0)

    def sign(self, said: Mapping[str, Any], *, reference: str) -> str:
        """See :meth:`starter.client.Signer.sign`."""
        return self._file.sign(said, reference=reference, at=datetime.now(UTC) + self.ahead)


class SignedCase:
    """A case's handle of the engine that signs each act before it sends it; all else is the handle's own."""

    def __init__(self, handle: WorkflowHandle[Any, Any], signs: Signs) -> None:
        self._handle: Any = handle
        self._signs = signs

    async def execute_update(self, update: str, act: Act) -> Any:
        signature = self._signs.sign(as_signed(parse_act(act)), reference=self._handle.id)
        return await self._handle.execute_update(update, {**act, "signature": signature})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handle, name)


class Side(Protocol):
    """One of the two that are compared."""

    name: str
    worker: WorkerProcess

    async def open(self, intake: Act) -> str:
        """Begin a case; its id, once it answers."""
        ...

    def prepared(self, reference: str, act: Act) -> Act:
        """What is sent, where that is made before the clock runs."""
        ...

    async def say(self, reference: str, act: Act) -> dict[str, Any]:
        """Say one act; the receipt."""
        ...

    def handle(self, reference: str, run: str | None = None) -> WorkflowHandle[Any, Any]:
        """The engine's own handle, of the newest run or of one."""
        ...


class Homeward:
    """Cases as the desk has them: sealed, signed, by the one client of cases."""

    name = "Homeward"

    def __init__(self, where: Works, signs: Signs) -> None:
        self.worker = where.homeward
        self._signs = signs
        self._cases = Cases(where.sealed, patience=PATIENCE, signer=signs)

    async def open(self, intake: Act) -> str:
        return await self._cases.open(intake, today=(datetime.now(UTC) + self._signs.ahead).date())

    def prepared(self, reference: str, act: Act) -> Act:
        return act  # the client signs it, while the person waits

    async def say(self, reference: str, act: Act) -> dict[str, Any]:
        return await self._cases.record(reference, act)

    def handle(self, reference: str, run: str | None = None) -> WorkflowHandle[Any, Any]:
        return self._cases.client.get_workflow_handle(reference, run_id=run)


class Floor:
    """The bare floor: the same acts, signatures and all, that nobody looks at."""

    name = "floor"

    def __init__(self, where: Works, signs: Signs) -> None:
        self.worker = where.floor
        self._client: Client = where.clear
        self._signs = signs

    async def open(self, intake: Act) -> str:
        reference = new_reference("MD", "UA", datetime.now(UTC).year)
        started = await self._client.start_workflow(FLOOR, intake, id=f"floor-{reference}", task_queue=FLOOR_QUEUE)
        await started.query("taken")
        return started.id

    def prepared(self, reference: str, act: Act) -> Act:
        case = reference.removeprefix("floor-")
        return {**act, "signature": self._signs.sign(as_signed(parse_act(act)), reference=case)}

    async def say(self, reference: str, act: Act) -> dict[str, Any]:
        handle: Any = self.handle(reference)
        update = handle.execute_update(RECORD, act, id=act["act_id"])
        return await asyncio.wait_for(update, PATIENCE.total_seconds())

    def handle(self, reference: str, run: str | None = None) -> WorkflowHandle[Any, Any]:
        return self._client.get_workflow_handle(reference, run_id=run)


@dataclass
class Course:
    """One case on its way: which steps are done, and the heads that approvers read."""

    side: Side
    reference: str
    steps: list[Step]
    heads: list[str] = field(default_factory=list[str])
    done: int = 0

    def next_act(self, now: datetime) -> Act | None:
        """The next step's act as it is sent at that moment; None for a step that only looks."""
        step = self.steps[self.done]
        self.done += 1
        given = _READ.act_of(step)
        if given is None:
            return None
        act = {"act_id": f"step-{self.done}", **resolve(given, now)}
        if act["act"] in NEEDS_DOSSIER:
            # One scenario step names an old head on purpose.
            act["dossier"] = self.heads[0] if act.get("dossier") else self.heads[-1]
        return self.side.prepared(self.reference, act)

    async def say(self, act: Act) -> None:
        """Say an act. Raises AssertionError where Homeward does not answer as the scenario expects."""
        receipt = await self.side.say(self.reference, act)
        self.heads.append(receipt["head"])
        expected = self.steps[self.done - 1].expect or "accepted"
        assert self.side.name == Floor.name or receipt["result"] == expected, (self.done, receipt)

    def pause(self) -> Span | None:
        """How much time passes before the next step."""
        return length(self.steps[self.done])

    @property
    def over(self) -> bool:
        return self.done == len(self.steps)


_READ: Final = find(SCENARIO)


def whole() -> list[Step]:
    """Every step of the scenario."""
    return list(_READ.scenario.steps)


def at_once() -> list[Step]:
    """The steps up to the first that only waits: from there on the law wants days to pass."""
    return list(takewhile(lambda step: step.act is not None, whole()))


def intake(now: datetime) -> Act:
    """The scenario's intake, of a child that no other case knows."""
    given: Act = resolve(_READ.intakes()["intake"], now)
    child = {**given["child"], "family_name": f"Inventova {next(_numbers):06}{secrets.token_hex(3)}"}
    return {**given, "agreement": _READ.agreement, "child": child}


async def begun(side: Side, steps: list[Step], now: datetime | None = None) -> Course:
    """A case of one side, open."""
    return Course(side, await side.open(intake(now or datetime.now(UTC))), steps)


def note(number: int) -> Act:
    """An act that is taken in at any stage, about as long as a visit's findings."""
    return {
        "act": "note",
        "act_id": f"note-{number}",
        "actor": {"id": "cw-md-1", "role": "caseworker", "state": "MD"},
        "reason": "an invented reason",
        "text": "An invented note of a visit, as long as such notes are. " * 5,
    }


# What stands in histories


def quiet(events: list[HistoryEvent]) -> bool:
    """Whether nothing is under way in a run: no task, no activity, no word to another process."""
    kinds = [kind(event) for event in events]
    return sum(each in _BEGINS for each in kinds) == sum(each in _ENDS for each in kinds)


_BEGINS: Final = frozenset(
    {
        "workflow task scheduled",
        "activity task scheduled",
        "start child workflow execution initiated",
        "signal external workflow execution initiated",
    }
)
_ENDS: Final = frozenset(
    {
        "workflow task completed",
        "workflow task failed",
        "workflow task timed out",
        "activity task completed",
        "activity task failed",
        "activity task timed out",
        "child workflow execution started",
        "start child workflow execution failed",
        "external workflow execution signaled",
        "signal external workflow execution failed",
    }
)


async def settled(side: Side, reference: str) -> list[HistoryEvent]:
    """The history of a case, once nothing is under way in it."""
    while True:
        events = list((await side.handle(reference).fetch_history()).events)
        if quiet(events):
            return events
        await asyncio.sleep(0.02)


def size(events: list[HistoryEvent]) -> int:
    """Bytes of a history."""
    return sum(event.ByteSize() for event in events)


def sealing_adds(events: list[HistoryEvent]) -> int:
    """Bytes of a history that are there because its payloads are sealed."""
    return sum(
        payload.ByteSize() - (len(payload.data) - NONCE_BYTES - _TAG_BYTES)
        for event in events
        for payload in _payloads(event)
        if is_sealed(payload)
    )


def _payloads(message: Message) -> Iterator[Payload]:
    if isinstance(message, Payload):
        yield message
        return
    for field_, value in message.ListFields():
        if field_.message_type is None:
            continue
        if field_.message_type.GetOptions().map_entry:
            of_map = field_.message_type.fields_by_name["value"]
            parts = list(value.values()) if of_map.message_type is not None else []
        else:
            parts = [value] if isinstance(value, Message) else list(value)
        for part in parts:
            yield from _payloads(part)


def kind(event: HistoryEvent) -> str:
    """The kind of an event, in words."""
    return EventType.Name(event.event_type).removeprefix("EVENT_TYPE_").lower().replace("_", " ")


def processes_of(events: list[HistoryEvent]) -> list[str]:
    """The ids of the processes that a case started."""
    return [
        event.start_child_workflow_execution_initiated_event_attributes.workflow_id
        for event in events
        if event.HasField("start_child_workflow_execution_initiated_event_attributes")
    ]
