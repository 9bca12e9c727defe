"""What an engine's history says of a case, read as plain JSON: no engine and no library of its own is needed.

A history is the JSON form that the engine's own tools write: ``{"events": [...]}``. Payloads are base64 texts.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from procedure.entries import read_moment
from procedure.ledger import unpacked
from procedure.proceedings import carried_entries

History = Mapping[str, Any]
Event = Mapping[str, Any]

ENDINGS: Final = {
    "EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED": "completed",
    "EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW": "continued",
    "EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED": "terminated",
    "EVENT_TYPE_WORKFLOW_EXECUTION_FAILED": "failed",
    "EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT": "timed_out",
    "EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED": "cancelled",
}
"""How a run ended, by the type of its last event."""


class UnreadableHistory(ValueError):
    """A history lacks what every history has; the text is a clause that says what."""


@dataclass(frozen=True, slots=True)
class Said:
    """One act as it came in: by an update, which was answered, or by a signal."""

    event: int
    at: datetime
    given: bytes
    by_signal: bool = False
    receipt: Mapping[str, Any] | None = None
    """None for a signal, and for an update that has no answer yet."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What an earlier run handed over to this one."""

    n: int
    head: str
    seed: bytes
    bound: Any
    """The newest entries, as far as they travelled along, and as they did."""

    def entries(self) -> list[dict[str, Any]]:
        """The newest entries. Raises :class:`UnreadableHistory`."""
        try:
            entries = carried_entries(self.bound)
            # An archive holds whatever somebody put there.
            if all(isinstance(each["n"], int) for each in entries):
                return entries
        except (KeyError, TypeError, ValueError, RecursionError):
            pass
        raise UnreadableHistory("the entries that an earlier run handed over cannot be read")


@dataclass(frozen=True, slots=True)
class Reset:
    """An operator went back to an earlier point of a run and began a new run there."""

    at: datetime
    base_run: str
    reason: str


@dataclass(frozen=True, slots=True)
class Ended:
    """How and when a run ended. ``by`` and ``reason`` are told for one that was ended by force."""

    how: str
    at: datetime
    by: str = ""
    reason: str = ""


def events_of(history: History) -> list[Event]:
    """The events, oldest first. Raises :class:`UnreadableHistory`."""
    events = history.get("events")
    if not isinstance(events, list) or not events:
        raise UnreadableHistory("it has no events")
    given = cast("list[Event]", events)
    if not all(isinstance(event, dict) for event in cast("list[Any]", events)):
        raise UnreadableHistory("an event is no object")
    if "workflowExecutionStartedEventAttributes" not in given[0]:
        raise UnreadableHistory("it does not begin with the start of a run")
    return given


def continues(history: History) -> str | None:
    """The run that this one goes on from; None for a case's first run.

    A cron schedule and retries start runs that continue another too; of these no case is made.
    """
    started = _started(history)
    if started.get("cronSchedule") or int(started.get("attempt", 1)) > 1:
        return None
    return _run_id(started, "continuedExecutionRunId")


def goes_on_in(history: History) -> str | None:
    """The run in which the case goes on, where this one ended so."""
    return _run_id(
        events_of(history)[-1].get("workflowExecutionContinuedAsNewEventAttributes", {}), "newExecutionRunId"
    )


def handed_over(history: History) -> Any:
    """What this run gave to the next, as the engine has it."""
    return events_of(history)[-1].get("workflowExecutionContinuedAsNewEventAttributes", {}).get("input")


def given_at_start(history: History) -> Any:
    """What this run was given, as the engine has it."""
    return _started(history).get("input")


def own_id(history: History) -> str | None:
    """The run's id as the engine noted it at its start; of a run begun by a reset, that of the run that was reset."""
    return _run_id(_started(history), "originalExecutionRunId")


def missing_event(history: History) -> int | None:
    """The number of the first event that is not there; None when they are all there, 1, 2, 3 and on."""
    for wanted, event in enumerate(events_of(history), start=1):
        if str(event.get("eventId")) != str(wanted):
            return wanted
    return None


def resets(history: History) -> list[Reset]:
    """The resets by which this run came about."""
    found: list[Reset] = []
    for event in events_of(history):
        failed = event.get("workflowTaskFailedEventAttributes")
        if failed and failed.get("cause") == "WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW":
            reason = str(failed.get("failure", {}).get("message", ""))
            found.append(Reset(moment_of(event), str(failed.get("baseRunId", "")), reason))
    return found


def ended(history: History) -> Ended | None:
    """How the run ended; None while it runs."""
    last = events_of(history)[-1]
    how = ENDINGS.get(str(last.get("eventType")))
    if how is None:
        return None
    told = last.get("workflowExecutionTerminatedEventAttributes", {})
    return Ended(how, moment_of(last), by=str(told.get("identity", "")), reason=str(told.get("reason", "")))


def moment_of(event: Event) -> datetime:
    """When an event was written, to the microsecond."""
    text = str(event["eventTime"])
    whole, _, fraction = text.rstrip("Z").partition(".")
    return read_moment(f"{whole}.{(fraction or '0')[:6]:0<6}Z")


def intake_given(history: History) -> Any:
    """What the case was opened with. Of a case's first run only."""
    return json.loads(_input(history))


def carried(history: History) -> Carried:
    """What this run took over. Of a run that goes on from another only. Raises :class:`UnreadableHistory`."""
    try:
        given = json.loads(_input(history))
        entries = given.get("entries")
        if "packed" in given:
            given = unpacked(given["packed"])
        proceedings = given["proceedings"]
        case = proceedings["case"]
        return Carried(
            n=case["n"],
            head=case["head"],
            seed=bytes.fromhex(proceedings["seed"]),
            bound=entries if entries is not None else proceedings["entries"],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableHistory("what an earlier run handed over cannot be read") from error


def admission(history: History) -> Mapping[str, Any] | None:
    """What the case was admitted with: the agreement's terms and the secret of its salts. None if it never was."""
    for event in events_of(history):
        told = _local_activity(event)
        if told is not None and told.get("activity_type") == "admit":
            admitted = _value(event["markerRecordedEventAttributes"]["details"].get("result"))
            return cast("dict[str, Any]", admitted) if isinstance(admitted, dict) else None
    return None


def said(history: History) -> Iterator[Said]:
    """Every act that came in, in the order in which the case took them up, with its receipt if it has one.

    An update that was taken in and then failed (an id used before with other content) left nothing, and is left out.
    """
    receipts, failed = _answers(history)
    admitted: dict[str, bytes] = {}
    for event in events_of(history):
        number = int(event["eventId"])
        if signalled := event.get("workflowExecutionSignaledEventAttributes"):
            if signalled.get("signalName") == "record":
                # A signal of ours has one argument; with any other number it is malformed, whatever the first one says.
                given = _data(signalled.get("input")) if _count(signalled.get("input")) == 1 else b""
                yield Said(number, moment_of(event), given, by_signal=True)
        elif waiting := event.get("workflowExecutionUpdateAdmittedEventAttributes"):
            request = waiting.get("request", {})
            admitted[request.get("meta", {}).get("updateId", "")] = _data(request.get("input", {}).get("args"))
        elif accepted := event.get("workflowExecutionUpdateAcceptedEventAttributes"):
            request = accepted.get("acceptedRequest")
            update = accepted.get("protocolInstanceId", "")
            given = _data(request["input"].get("args")) if request else admitted.get(update, b"")
            if number not in failed:
                yield Said(number, moment_of(event), given, receipt=receipts.get(number))


def result(history: History) -> Any:
    """The case view that a completed run left; None of any other."""
    done = events_of(history)[-1].get("workflowExecutionCompletedEventAttributes")
    return _value(done.get("result")) if done else None


def worked_at(history: History) -> list[datetime]:
    """The moments at which the case was at work, in order: what it writes bears one of these.

    The engine's time stands still while the case works, but for the end of each local activity.
    """
    found: list[datetime] = []
    for event in events_of(history):
        if event.get("eventType") == "EVENT_TYPE_WORKFLOW_TASK_STARTED":
            found.append(moment_of(event))
        elif (told := _local_activity(event)) is not None and "complete_time" in told:
            at = told["complete_time"]
            found.append(datetime.fromtimestamp(at["seconds"], UTC) + timedelta(microseconds=at["nanos"] // 1000))
    return sorted(found)


def _local_activity(event: Event) -> Mapping[str, Any] | None:
    """What the engine's client noted of a local activity's end."""
    marker = event.get("markerRecordedEventAttributes", {})
    if marker.get("markerName") != "core_local_activity":
        return None
    told = _value(marker.get("details", {}).get("data"))
    return cast("dict[str, Any]", told) if isinstance(told, dict) else None


def _started(history: History) -> Mapping[str, Any]:
    return events_of(history)[0]["workflowExecutionStartedEventAttributes"]


def _run_id(attributes: Mapping[str, Any], name: str) -> str | None:
    found = attributes.get(name) or None
    if not isinstance(found, str | None):
        raise UnreadableHistory("a run's id is no text")
    return found


def _answers(history: History) -> tuple[dict[int, Mapping[str, Any]], set[int]]:
    """Receipts by the number of the event that accepted the act, and the numbers of those that failed."""
    receipts: dict[int, Mapping[str, Any]] = {}
    failed: set[int] = set()
    for event in events_of(history):
        done = event.get("workflowExecutionUpdateCompletedEventAttributes")
        if done is None:
            continue
        accepted = int(done.get("acceptedEventId", 0))
        receipt = _value(done["outcome"]["success"]) if "success" in done.get("outcome", {}) else None
        if isinstance(receipt, dict):
            receipts[accepted] = cast("dict[str, Any]", receipt)
        else:
            failed.add(accepted)
    return receipts, failed


def _input(history: History) -> bytes:
    return _data(_started(history).get("input"))


def _count(payloads: Any) -> int:
    given: Mapping[str, Any] = payloads or {}
    found: list[Any] = given.get("payloads") or []
    return len(found)


def _data(payloads: Any) -> bytes:
    """The bytes of the one payload that a message of ours has; nothing where it has none."""
    given: Mapping[str, Any] = payloads or {}
    found: list[Mapping[str, Any]] = given.get("payloads") or [{}]
    return base64.b64decode(found[0].get("data", ""))


def _value(payloads: Any) -> Any:
    raw = _data(payloads)
    return json.loads(raw) if raw else None
