"""The one client by which the command line and the desk speak to cases.

Nothing here waits for ever: where no engine or no worker answers, a sentence says so and what to do.
"""

import asyncio
import hashlib
import json
import math
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Protocol, TypeVar

import pydantic_core
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, DescribeWorkflowExecutionRequest
from temporalio.client import (
    Client,
    Interceptor,
    RPCTimeoutOrCancelledError,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowQueryFailedError,
    WorkflowQueryRejectedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import QueryRejectCondition, WorkflowIDReusePolicy
from temporalio.converter import DataConverter
from temporalio.envconfig import ClientConfig, ClientConnectConfig
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from procedure.acts import as_signed, parse_act
from procedure.faults import Fault, Malformed, MalformedAct, MalformedIntake
from procedure.intake import REFERENCE, REFERENCE_LETTERS, parse_intake
from sealing.composing import keyed_digest, see_that_key_is_there, telling
from sealing.faults import CannotOpen, KeyDestroyed, NoKeysHere, SealingFault
from starter.endings import CannotGoOn, Exit
from starter.json_values import is_list, is_object
from workflows.messages import (
    CASE,
    LEDGER,
    LIKELY_DUPLICATE,
    MALFORMED_ACT,
    MALFORMED_INTAKE,
    RECORD,
    RETURN_CASE,
    TASK_QUEUE,
)

PATIENCE: Final = timedelta(seconds=15)
"""How long a person is kept waiting for an answer before being told that none comes."""

T = TypeVar("T")


class EngineUnreachable(CannotGoOn):
    """No Temporal server answers, or none as configured."""

    code = Exit.NO_ENGINE


class NoWorkerAnswers(CannotGoOn):
    """The engine is there, but nothing works on cases."""

    code = Exit.NO_ENGINE


class NotPermitted(CannotGoOn):
    code = Exit.NOT_PERMITTED


class NoSuchCase(CannotGoOn):
    code = Exit.NO_SUCH_CASE


class CaseErased(NoSuchCase):
    """There was a case, and its record was erased by law. :attr:`on` is the day, ``YYYY-MM-DD``."""

    def __init__(self, reference: str, on: str) -> None:
        super().__init__(
            f"Case {reference} was erased on {on}: nobody can read what it held. `homeward erase {reference}` shows the "
            "certificate, `homeward ledger` and `homeward audit` what is left."
        )
        self.reference = reference
        self.on = on


class DuplicateCase(CannotGoOn):
    """The reference is taken, or the child has an open case already. :attr:`reference` is that case's.

    It is empty where the opener's state has no part in that case; :attr:`host_state` says whom to ask then.
    """

    code = Exit.REFUSED

    def __init__(self, sentence: str, *, reference: str, host_state: str | None = None) -> None:
        super().__init__(sentence)
        self.reference = reference
        self.host_state = host_state


_NO_ANSWER: Final = frozenset(
    {RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED, RPCStatusCode.FAILED_PRECONDITION}
)
"""How the engine says that nothing works on a case."""

_UNHEARD: Final = "UnprocessedUpdate"
"""How the engine says that a task ended and nothing in it answered an act: neither took it in nor rejected it."""


_ABORTED: Final = "workflow update was aborted"
"""How an engine that is very busy says that it has forgotten an act before the case heard it, or its answer."""


class _MovingOn(Exception):
    """The case's task was given up for a new one, as when it moves on to a new run."""


@dataclass(frozen=True)
class Place:
    """Where the engine is: what is None comes from the SDK's environment variables and profile file."""

    address: str | None = None
    namespace: str | None = None


async def connect(
    place: Place,
    *,
    elsewhere: bool = True,
    converter: DataConverter = DataConverter.default,
    interceptors: Sequence[Interceptor] = (),
) -> Client:
    """A client for the engine at ``place``. Raises :class:`EngineUnreachable` and :class:`NotPermitted`.

    ``elsewhere`` false: the engine is our own, and what the environment says of other ones does not count.
    ``converter`` seals what is sent of cases; :func:`starter.sealed.with_its_keys` finds it for an engine.
    ``interceptors`` trace what is asked.
    """
    try:
        settings = ClientConfig.load_client_connect_config() if elsewhere else ClientConnectConfig()
    except (OSError, RuntimeError, ValueError):
        # The error's text repeats the line of the file at fault, and that may be a key.
        raise CannotGoOn(
            "The connection profile (TEMPORAL_CONFIG_FILE, TEMPORAL_*) cannot be read.", code=Exit.MALFORMED
        ) from None
    if place.address:
        settings["target_host"] = place.address
    if place.namespace:
        settings["namespace"] = place.namespace
    address = settings.setdefault("target_host", "localhost:7233")
    try:
        return await asyncio.wait_for(
            Client.connect(**settings, data_converter=converter, interceptors=interceptors), PATIENCE.total_seconds()
        )
    except (RPCError, RuntimeError, ValueError, TimeoutError) as error:
        _if_not_permitted(error)
        raise EngineUnreachable(
            f"No engine answers at {address}. Start one with `homeward up`, or name another with --address "
            "or TEMPORAL_ADDRESS."
        ) from error


def new_reference(host_state: str, origin_state: str, year: int) -> str:
    """A case reference drawn by chance: nothing personal goes into it."""
    drawn = "".join(secrets.choice(REFERENCE_LETTERS) for _ in range(6))
    return f"{host_state}-{origin_state}-{year}-{drawn}"


class Signer(Protocol):
    """Signs acts and intakes for an authority, each on behalf of the person named in it."""

    def sign(self, said: Mapping[str, Any], *, reference: str) -> str:
        """The signature (a compact JWS) of what is said, now, to the case ``reference``. Raises CannotGoOn."""
        ...


class Cases:
    """The cases that run on one engine.

    Every method raises :class:`EngineUnreachable`, :class:`NoWorkerAnswers` or :class:`NotPermitted`
    when it gets no answer, and :class:`NoSuchCase` for a reference that is not known.
    """

    def __init__(self, client: Client, *, patience: timedelta = PATIENCE, signer: Signer | None = None) -> None:
        """``signer`` signs what is said here on behalf of the person who says it; what is signed already is left so."""
        self._client = telling(client)
        self._patience = patience
        self._signer = signer

    @property
    def client(self) -> Client:
        return self._client

    @property
    def signs(self) -> bool:
        """Whether what is said here is signed. Where not, a case of signed acts refuses what does not come signed."""
        return self._signer is not None

    async def open(self, intake: bytes | str | Mapping[str, Any], *, today: date | None = None) -> str:
        """Open a case and wait until it is open; its reference.

        ``today`` is the day against which ages and dates are judged, the clock's own by default. Raises
        :class:`procedure.faults.MalformedIntake` with every fault, and :class:`DuplicateCase`.
        """
        day = today or datetime.now(UTC).date()
        asked = parse_intake(intake, today=day)
        given: dict[str, Any] = dict(intake) if isinstance(intake, Mapping) else pydantic_core.from_json(intake)
        reference = asked.reference or new_reference(asked.host_state, asked.origin_state, day.year)
        given["reference"] = reference
        given = await self._signed(given, lambda: parse_intake(given, today=day).as_signed(), reference=reference)
        try:
            handle = await self._answer(
                self._client.start_workflow(
                    RETURN_CASE,
                    given,
                    id=reference,
                    task_queue=TASK_QUEUE,
                    # A reference stands for one case for good; only a run that never became a case frees it.
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                    static_summary=f"Return case {asked.host_state}-{asked.origin_state}, agreement {asked.agreement}",
                    static_details=f"Opened by the central authority of {asked.host_state}. "
                    "The stage, what is owed and by when stand in the current details.",
                    rpc_timeout=self._patience,
                )
            )
        except WorkflowAlreadyStartedError:
            raise DuplicateCase(
                f"There is a case {reference} already; a second intake with its reference is refused.",
                reference=reference,
            ) from None
        await self._until_open(handle)
        return reference

    async def record(self, reference: str, act: bytes | str | Mapping[str, Any]) -> dict[str, Any]:
        """Say one act to a case; the receipt. Its shape is judged by the case itself.

        The act's ``act_id`` makes it safe to send again. To a case that has ended for good the receipt
        is a refusal by ``closed-case`` that names the last entry: nothing can be written any more. Raises
        :class:`procedure.faults.MalformedAct` with every fault.
        """
        try:
            given = dict(act) if isinstance(act, Mapping) else pydantic_core.from_json(act)
        except ValueError:
            raise MalformedAct([Fault(path="$", message="is not JSON")]) from None
        # Typed as Any: the message is named by its text, as any other program of an authority names it.
        handle: Any = self._handle(reference)
        if is_object(given):
            given = await self._signed(given, lambda: as_signed(parse_act(given)), reference=reference)
        try:
            return await self._said(handle, given, reference=reference)
        except WorkflowUpdateFailedError as failed:
            raise _failure_of(failed.cause, MalformedAct, MALFORMED_ACT) from None
        except NoSuchCase:
            # A process that has completed takes no message, and servers say that in words of their own.
            if await self._status(reference) is not WorkflowExecutionStatus.COMPLETED:
                raise
            parse_act(given)
            return await self._refused_for_good(reference)

    async def _signed(
        self, given: dict[str, Any], as_recorded: Callable[[], dict[str, Any]], *, reference: str
    ) -> dict[str, Any]:
        """What is said, signed on behalf of who says it. The signature covers it as the record will keep it."""
        if self._signer is None or "signature" in given:
            return given
        try:
            said = as_recorded()
        except Malformed:
            return given  # the case says what is wrong with it
        return {**given, "signature": await asyncio.to_thread(self._signer.sign, said, reference=reference)}

    async def view(self, reference: str) -> dict[str, Any]:
        """The case view as it is now (contract, section 6). Raises :class:`CaseErased`."""
        # The question holds nothing that is sealed, and a worker that cannot open a case answers nothing: look before.
        try:
            await see_that_key_is_there(self._client, reference)
        except SealingFault as fault:
            raise await self._sealed(fault) from None
        return await self._query(reference, CASE)

    async def ledger(self, reference: str, first: int = 1) -> list[dict[str, Any]]:
        """The entries from number ``first`` on (contract, section 7), however many answers they take.

        The oldest ones of a very large case may have stayed with its earlier runs; they are asked too, as long as
        the engine keeps them. Where it does not, the list begins later than asked.
        """
        entries = await self._pages(self._handle(reference), reference, first)
        run = None
        while entries and entries[0]["n"] > max(first, 1):
            run = await self._run_before(reference, run)
            if run is None:
                break
            earlier = self._client.get_workflow_handle(reference, run_id=run)
            oldest = entries[0]["n"]
            try:
                page = await self._pages(earlier, reference, first, before=oldest)
            except NoSuchCase:
                break  # the engine keeps a run that has ended for so long and no longer
            entries = [*(entry for entry in page if entry["n"] < oldest), *entries]
        return entries

    async def entries_of_run(self, reference: str, run: str, first: int) -> list[dict[str, Any]]:
        """The entries from number ``first`` on that one run has at hand, as many as one answer holds; none at the end.

        Raises CannotGoOn when the run gives no answer any more.
        """
        handle = self._client.get_workflow_handle(reference, run_id=run)
        return await self._query(reference, LEDGER, first, run=handle)

    async def _pages(
        self, run: WorkflowHandle[Any, Any], reference: str, first: int, before: float = math.inf
    ) -> list[dict[str, Any]]:
        """The entries that one run has at hand. It gives as many at a time as one answer of the engine holds."""
        entries: list[dict[str, Any]] = []
        while first < before and (page := await self._query(reference, LEDGER, first, run=run)):
            entries += page
            first = page[-1]["n"] + 1
        return entries

    async def _run_before(self, reference: str, run: str | None) -> str | None:
        """The id of the run that a run goes on from; None for a case's first run."""
        handle = self._client.get_workflow_handle(reference, run_id=run)
        async for event in handle.fetch_history_events(page_size=1, rpc_timeout=self._patience):
            return event.workflow_execution_started_event_attributes.continued_execution_run_id or None
        return None

    async def references(self, *, closed: bool = False) -> AsyncIterator[str]:
        """The references of the cases that the engine lists, which lags a moment behind the cases themselves."""
        asked = f"WorkflowType = '{RETURN_CASE}'" + ("" if closed else " AND ExecutionStatus = 'Running'")
        try:
            async for run in self._client.list_workflows(asked, rpc_timeout=self._patience):
                if run.status in (WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.COMPLETED):
                    yield run.id
        except RPCError as error:
            raise _not_reached(error) from error

    def _handle(self, reference: str) -> WorkflowHandle[Any, Any]:
        if not REFERENCE.fullmatch(reference):
            raise NoSuchCase(f"{reference or 'Nothing'} is no case reference; one looks like MD-UA-2026-7K3F9A.")
        return self._client.get_workflow_handle(reference)

    async def _query(self, reference: str, query: str, *args: Any, run: WorkflowHandle[Any, Any] | None = None) -> Any:
        handle = run or self._handle(reference)
        until = time.monotonic() + self._patience.total_seconds()
        while True:
            try:
                return await self._answer(
                    handle.query(query, args=list(args), rpc_timeout=self._patience), reference=reference
                )
            except WorkflowQueryFailedError as failed:
                if await self._status(reference) is WorkflowExecutionStatus.FAILED:
                    raise NoSuchCase(f"There is no case {reference}: its opening failed.") from None
                if time.monotonic() >= until:
                    raise CannotGoOn(f"Case {reference} could not answer: {failed.message}.") from None
                # It is opening this very moment, or takes up its work after its worker was killed.
                await asyncio.sleep(0.2)

    async def _status(self, reference: str) -> WorkflowExecutionStatus | None:
        # Not by the handle's `describe`: that trips over a search attribute that was unset on the time-skipping server.
        found = await self._answer(
            self._client.workflow_service.describe_workflow_execution(
                DescribeWorkflowExecutionRequest(
                    namespace=self._client.namespace, execution=WorkflowExecution(workflow_id=reference)
                ),
                timeout=self._patience,
            ),
            reference=reference,
        )
        status = int(found.workflow_execution_info.status)
        return WorkflowExecutionStatus(status) if status else None

    async def _until_open(self, handle: WorkflowHandle[Any, Any]) -> None:
        """Return when the case answers; raise what its opening failed of."""
        until = time.monotonic() + self._patience.total_seconds()
        while True:
            try:
                left = max(0.1, until - time.monotonic())
                await handle.query(
                    CASE,
                    reject_condition=QueryRejectCondition.NOT_OPEN,
                    rpc_timeout=timedelta(seconds=min(left, 5)),
                )
                return
            except WorkflowQueryRejectedError:
                await self._what_it_failed_of(handle)
                return
            except SealingFault as fault:
                raise await self._sealed(fault) from None
            except (WorkflowQueryFailedError, RPCError) as error:
                # Not open yet, or no worker yet: whoever starts engine and worker together may be a moment early.
                _if_not_permitted(error)
                if time.monotonic() >= until:
                    raise NoWorkerAnswers(
                        f"Case {handle.id} is taken in, but the worker that runs does not open it. Look into its log; "
                        "the case opens by itself when that is mended."
                        if await self.worker_polls()
                        else f"Case {handle.id} is taken in, but no worker opens it. It opens by itself as soon as "
                        "one runs: `homeward up`, or `python worker.py` for a server of your own."
                    ) from None
                await asyncio.sleep(0.05)

    async def _what_it_failed_of(self, handle: WorkflowHandle[Any, Any]) -> None:
        try:
            await asyncio.wait_for(handle.result(), self._patience.total_seconds())
        except WorkflowFailureError as failed:
            raise _failure_of(failed.cause, MalformedIntake, MALFORMED_INTAKE) from None
        except SealingFault as fault:
            raise await self._sealed(fault) from None
        except (RPCError, TimeoutError) as error:
            raise _not_reached(error) from error

    async def _refused_for_good(self, reference: str) -> dict[str, Any]:
        """The receipt of a case whose process has ended: what a closed case says, with nothing written."""
        view = await self.view(reference)
        return {
            "reference": reference,
            # Nothing is written any more; the newest entry is the one that says why.
            "entry": view["entries"],
            "result": "refused",
            "refusals": [
                {
                    "safeguard": "closed-case",
                    "message": "This case is closed and its record is complete; nothing can be added to it.",
                    "source": "procedure of this system",
                    "instead": "Open a new case if the child needs one; tell the ombudsperson of a wrong in this one.",
                }
            ],
            "stage": view["stage"],
            "holds": view["holds"],
            "head": view["head"],
        }

    async def _said(self, handle: Any, given: Any, *, reference: str) -> dict[str, Any]:
        """The receipt of one act. A case that is just moving on to a new run is asked again: it hears it there."""
        until = time.monotonic() + self._patience.total_seconds()
        while True:
            try:
                asked = handle.execute_update(RECORD, given, id=await self._update_id(reference, given))
                return await self._answer(asked, reference=reference, moving_until=until)
            except _MovingOn:
                await asyncio.sleep(0.2)
            except WorkflowUpdateFailedError as failed:
                # A task ended and nothing in it answered the act. Heard or not, it is on record once.
                unheard = isinstance(failed.cause, ApplicationError) and failed.cause.type == _UNHEARD
                if not unheard or time.monotonic() > until:
                    raise
                await asyncio.sleep(0.2)

    async def _update_id(self, reference: str, given: Any) -> str | None:
        """The engine's own id of an act: the same act finds the same update again, other content under its id does not.

        The engine answers a known update id without asking the case, so the content has to be part of it; keyed, so
        that the id tells nothing of the content.
        """
        act_id = given.get("act_id") if is_object(given) else None
        if not isinstance(act_id, str) or len(act_id) > 64:
            return None
        content = json.dumps(given, sort_keys=True, separators=(",", ":")).encode()
        try:
            digest = await keyed_digest(self._client, reference, content)
        except SealingFault as fault:
            raise await self._sealed(fault) from None
        return f"{act_id}:{(digest or hashlib.sha256(content).hexdigest())[:16]}"

    async def _answer(
        self, asked: Awaitable[T], *, reference: str | None = None, moving_until: float | None = None
    ) -> T:
        """What the engine answers within the client's patience, its failures told in the trade's words."""
        try:
            return await asyncio.wait_for(asked, self._patience.total_seconds())
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError, RPCTimeoutOrCancelledError):
            raise await self._why_no_answer() from None
        except SealingFault as fault:
            raise await self._sealed(fault) from None
        except RPCError as error:
            _if_not_permitted(error)
            if error.status is RPCStatusCode.NOT_FOUND and reference and not error.message.startswith("Namespace "):
                raise NoSuchCase(f"There is no case {reference}.") from None
            moves = error.status is RPCStatusCode.FAILED_PRECONDITION or error.message == _ABORTED
            if moves and moving_until and time.monotonic() < moving_until:
                raise _MovingOn from None
            if error.status in _NO_ANSWER:
                raise await self._why_no_answer() from None
            raise _not_reached(error) from error

    async def _sealed(self, fault: SealingFault) -> CannotGoOn:
        """What is said where a case is sealed with a key that cannot be had here."""
        if isinstance(fault, NoKeysHere) and not await self.worker_polls():
            return NoWorkerAnswers(
                "The engine is there, but no worker answers, and there are no keys here to seal with: a worker makes them "
                "when it starts. Start one with `homeward up`, or with `python worker.py` for a server of your own."
            )
        if isinstance(fault, KeyDestroyed):
            return CaseErased(fault.case, fault.at[:10])
        return NotPermitted(str(fault)) if isinstance(fault, CannotOpen) else CannotGoOn(f"{fault}.")

    async def _why_no_answer(self) -> CannotGoOn:
        try:
            reached = await self._client.service_client.check_health(timeout=timedelta(seconds=3))
        except RPCError:
            reached = False
        if not reached:
            return EngineUnreachable("The engine answers no more. See whether `homeward up` or your server still runs.")
        if await self.worker_polls():
            return NoWorkerAnswers(
                "A worker runs, but this case gives no answer. Look into the worker's log, and send this again "
                "when it is mended: an act with the same act_id is never recorded twice."
            )
        return NoWorkerAnswers(
            "The engine is there, but no worker answers. Start one with `homeward up`, or with `python worker.py` "
            "for a server of your own, and send this again: an act with the same act_id is never recorded twice."
        )

    async def worker_polls(self) -> bool:
        """Whether a worker asked the engine for work on cases within the last minutes, as far as the engine tells."""
        try:
            found = await self._client.workflow_service.describe_task_queue(
                DescribeTaskQueueRequest(
                    namespace=self._client.namespace,
                    task_queue=TaskQueue(name=TASK_QUEUE),
                    task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
                ),
                timeout=timedelta(seconds=3),
            )
        except RPCError:
            return False
        now = datetime.now(UTC)
        return any(now - poller.last_access_time.ToDatetime(UTC) < timedelta(minutes=2) for poller in found.pollers)


def _failure_of(
    cause: BaseException | None, malformed: type[MalformedAct | MalformedIntake], type_name: str
) -> Exception:
    """The typed error behind an application failure of a case."""
    if isinstance(cause, ApplicationError):
        if cause.type == type_name:
            return malformed(_faults_in(cause))
        if cause.type == LIKELY_DUPLICATE:
            details = cause.details[0] if cause.details else None
            told: dict[str, Any] = details if is_object(details) else {"reference": str(details or "")}
            return DuplicateCase(
                str(cause.message), reference=told.get("reference", ""), host_state=told.get("host_state")
            )
    return CannotGoOn(f"The case could not do it: {cause}")


def _faults_in(cause: ApplicationError) -> list[Fault]:
    """The faults among a failure's details: one list of them, or each a detail of its own."""
    found: list[Fault] = []
    for detail in cause.details:
        for each in detail if is_list(detail) else [detail]:
            if is_object(each) and "path" in each:
                found.append(Fault(path=str(each["path"]), message=str(each.get("message", ""))))
    return found or [Fault(path="$", message=str(cause.message))]


def _if_not_permitted(error: BaseException) -> None:
    if isinstance(error, RPCError) and error.status in (
        RPCStatusCode.PERMISSION_DENIED,
        RPCStatusCode.UNAUTHENTICATED,
    ):
        raise NotPermitted("The engine does not permit this. Sign in with credentials that may, or ask its operator.")


def _not_reached(error: BaseException) -> CannotGoOn:
    _if_not_permitted(error)
    if isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND:
        return EngineUnreachable(f"The engine knows no such namespace: {error.message}")
    return EngineUnreachable(f"The engine cannot be reached: {getattr(error, 'message', None) or error}")
