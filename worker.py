"""The worker: `python worker.py` conducts cases on any Temporal server.

The connection is configured by the SDK's own environment variables and profile file
(``TEMPORAL_ADDRESS``, ``TEMPORAL_NAMESPACE``, ...), everything else by ``HOMEWARD_*``
(:mod:`activities.settings`). Exit codes: 0 stopped in order, 2 bad settings, 5 no engine or no keys, 1 anything else.
"""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
)
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleSpec,
)
from temporalio.client import Interceptor as ClientInterceptor
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.converter import DataConverter
from temporalio.envconfig import ClientConfig
from temporalio.runtime import Runtime
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import (
    PollerBehaviorAutoscaling,
    UnsandboxedWorkflowRunner,
    Worker,
    WorkerDeploymentConfig,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.agreements import AgreementShelf
from activities.builds import (
    DEPLOYMENT,
    at_work,
    builds_of,
    left_alone,
    nobody_works_on,
    nothing_begins_on,
    promote,
    warn_if_nothing_begins,
)
from activities.certificates import end_soon, ends_of, told_in_time
from activities.erasures import destroy_again
from activities.figures import CaseloadFigures
from activities.hands import Hands
from activities.logs import configure_logs
from activities.marks import KeyUnusable
from activities.notices import AddressBookFault
from activities.settings import Settings, SettingsFault, read_settings
from activities.signing import UnsignedActsFault
from activities.tracing import tracing_of
from activities.watching import AddressTaken, EnginePage, Readiness, Watch, checks_of, runtime_that_measures, watched
from procedure import calendars
from sealing.agreeing import NOT_NOW, agree_on
from sealing.composing import OpenSealing, keyring_of, open_sealing
from sealing.faults import KeysUnreachable, SealingFault
from workflows.archiving import ArchiveRun, SweepArchive
from workflows.family_tracing import FamilyTracing
from workflows.in_order import InOrder, KeptElsewhere, hold_results_back
from workflows.measures import show_none_yet
from workflows.messages import SEARCH_ATTRIBUTES, SWEEP_ARCHIVE, TASK_QUEUE, Sweep
from workflows.raw import for_worker
from workflows.reintegration_monitoring import ReintegrationMonitoring
from workflows.return_case import STEPS_APART, ReturnCase

WORKFLOWS: Final = (ReturnCase, FamilyTracing, ReintegrationMonitoring, ArchiveRun, SweepArchive)
SWEEP_ID: Final = "homeward-archive-sweep"
SWEEP_EVERY: Final = timedelta(hours=1)
SWEEP_DAYS: Final = 7
"""How far back the sweep that runs by itself looks; `homeward archive` looks at all that the engine has."""
CONNECT_WITHIN: Final = 60.0
"""Seconds for which a starting worker waits for its engine: both are often started together."""
ANSWERS_WITHIN: Final = 15.0
"""Seconds for which an answer may be on its way when that time is over; the SDK itself asks again for ten."""
DRAIN_FOR: Final = timedelta(seconds=10)

_log = structlog.get_logger("homeward.worker")

T = TypeVar("T")

PATIENCE: Final = 30
"""Seconds that one task of a workflow may take before it is broken off."""


class NoEngine(ConnectionError):
    """No Temporal server answers at the address, or it does not do what is asked of it."""


class ConnectionFault(ValueError):
    """What is set about the connection cannot be used; the text is one sentence."""


def workflow_runner(*, sandboxed: bool = False) -> InOrder:
    """How workflow code runs.

    The sandbox proves in tests that workflow code reaches nothing it should not. A worker runs without
    it: it costs a third of the worker's CPU and half of its memory (docs/decisions/0015).
    """
    # In the task of a case it would be done by whatever case comes first, and the sandbox lets no files be read.
    calendars.open_all()
    if not sandboxed:
        return InOrder(UnsandboxedWorkflowRunner(), STEPS_APART)
    passed = (
        "procedure",
        "pydantic",
        "pydantic_core",
        "rfc8785",
        "holidays",
        "dateutil",
        "structlog",
        "workflows.logs",
        "sealing.signatures",
        "joserfc",
        "cryptography",
    )
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*passed)
    return InOrder(SandboxedWorkflowRunner(restrictions=restrictions), STEPS_APART)


@asynccontextmanager
async def build_worker(
    client: Client,
    settings: Settings,
    *,
    profiles: Mapping[str, Path] | None = None,
    hands: Hands | None = None,
    sandboxed: bool = False,
    task_queue: str = TASK_QUEUE,
) -> AsyncGenerator[Worker]:
    """A worker on cases that runs while the context is open; at its end work in hand is finished.

    ``profiles`` are further agreement profiles by id, beside those on the shelf; ``hands`` are others
    than the settings describe (tests give broken ones).

    Raises :class:`NoEngine` where the engine answers and for a minute does not do what a worker needs of it.
    """
    await once_it_can(lambda: _readied(client, task_queue))
    own_hands = hands or Hands.of(settings, AgreementShelf(extra=profiles), client)
    build = settings.build_id
    deployment = (
        WorkerDeploymentConfig(
            version=WorkerDeploymentVersion(DEPLOYMENT, build),
            use_worker_versioning=True,
            # Said here and not at the workflows: a worker without versioning must not name a behaviour.
            default_versioning_behavior=VersioningBehavior.PINNED,
        )
        if build
        else None
    )
    order = workflow_runner(sandboxed=sandboxed)
    worker = Worker(
        for_worker(client),
        task_queue=task_queue,
        workflows=WORKFLOWS,
        activities=own_hands.activities(),
        workflow_runner=order,
        deployment_config=deployment,
        max_cached_workflows=settings.cases_held,
        # When a worker dies, its cached cases wait this long for it before another takes them up.
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=1),
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        graceful_shutdown_timeout=DRAIN_FOR,
    )
    runtime = client.service_client.config.runtime or Runtime.default()
    show_none_yet(runtime.metric_meter, client.namespace, task_queue)
    be_patient(worker)
    hold_results_back(worker, order)
    # Beside the work: a database that is down must keep no case waiting.
    keyring = keyring_of(client)
    looking = asyncio.create_task(destroy_again(settings, keyring)) if keyring else None
    try:
        async with worker:
            if build and settings.promote:
                await once_it_can(lambda: promote(client, build))
            elif build:
                await warn_if_nothing_begins(client, build)
            yield worker
    finally:
        if looking is not None:
            await looking
        if hands is None:
            await own_hands.close()


def be_patient(worker: Worker) -> None:
    """Let a task take longer than the SDK's two seconds by the wall clock, for which it has no setting.

    It breaks off by an exception thrown into the thread wherever that stands. On a machine that swaps or is full the
    thread only waits for its turn, and where it stands in the bookkeeping of its event loop a task of the case is never
    woken again: the worker can then neither go on with the case nor give it up (sdk-python#806).

    Raises :class:`KeptElsewhere`.
    """
    inner: object = vars(worker).get("_workflow_worker")
    kept: dict[str, object] = getattr(inner, "__dict__", {})
    if "_deadlock_timeout_seconds" not in kept:
        raise KeptElsewhere("how long a task may take")
    kept["_deadlock_timeout_seconds"] = PATIENCE


async def _readied(client: Client, task_queue: str) -> None:
    await ensure_search_attributes(client)
    await ensure_sweep(client, task_queue)


async def ensure_search_attributes(client: Client) -> None:
    """Register the contract's search attributes where the server does not know them yet."""
    types = {key.name: IndexedValueType.ValueType(int(key.indexed_value_type)) for key in SEARCH_ATTRIBUTES}
    try:
        known = await _known_search_attributes(client)
        if missing := {name: kind for name, kind in types.items() if name not in known}:
            await client.operator_service.add_search_attributes(
                AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
            )
    except RPCError as error:
        if error.status == RPCStatusCode.PERMISSION_DENIED:
            # A hosted engine keeps this for its operators; they find the list in docs/for-operators.md.
            _log.warning("search attributes not registered: not permitted")
        elif error.status != RPCStatusCode.ALREADY_EXISTS:
            raise


async def _known_search_attributes(client: Client) -> set[str]:
    try:
        listed = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
    except RPCError as error:
        if error.status == RPCStatusCode.UNIMPLEMENTED:
            return set()  # the time-skipping server can add them but not list them
        raise
    return set(listed.custom_attributes)


async def ensure_sweep(client: Client, task_queue: str = TASK_QUEUE) -> None:
    """Have the engine start the archive's sweep every hour, unless it does already."""
    sweep = Schedule(
        action=ScheduleActionStartWorkflow(
            SWEEP_ARCHIVE, Sweep(days=SWEEP_DAYS), id=SWEEP_ID, task_queue=task_queue, static_summary="archive's sweep"
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=SWEEP_EVERY)]),
    )
    try:
        await client.create_schedule(SWEEP_ID, sweep)
    except ScheduleAlreadyRunningError:
        pass
    except RPCError as error:
        if error.status == RPCStatusCode.PERMISSION_DENIED:
            _log.warning("the archive's sweep not scheduled: not permitted; run `homeward archive` by a timer")
        elif error.status != RPCStatusCode.UNIMPLEMENTED:  # the time-skipping server has no schedules
            raise


async def connect(
    within: float = CONNECT_WITHIN,
    *,
    converter: DataConverter = DataConverter.default,
    interceptors: Sequence[ClientInterceptor] = (),
) -> Client:
    """A client as the environment says. ``converter`` seals what it sends; whoever sends nothing needs none.

    ``interceptors`` trace what goes to and fro.

    Raises :class:`NoEngine` when nobody answers for so many seconds, and :class:`ConnectionFault`.
    """
    try:
        settings: dict[str, Any] = dict(ClientConfig.load_client_connect_config())
    except (OSError, RuntimeError, ValueError):
        # Its text may repeat the file, keys included.
        raise ConnectionFault("The connection profile (TEMPORAL_CONFIG_FILE, TEMPORAL_*) cannot be read.") from None
    address = settings.setdefault("target_host", "127.0.0.1:7233")
    until = asyncio.get_running_loop().time() + within
    while True:
        try:
            return await Client.connect(**settings, data_converter=converter, interceptors=interceptors)
        except (RPCError, RuntimeError) as error:
            if asyncio.get_running_loop().time() > until:
                raise NoEngine(
                    f"No engine answers at {address}. Start one, or name another with TEMPORAL_ADDRESS."
                ) from error
            await asyncio.sleep(1)


_SEE_TO_IT: Final = "See to its disk and its database, then start the worker again."


async def once_it_can(ask: Callable[[], Awaitable[T]], within: float = CONNECT_WITHIN) -> T:
    """What the engine answers; asked again while it is there and cannot do it (:data:`sealing.agreeing.NOT_NOW`).

    An engine whose disk is full tells who it is, and takes nothing in. Raises :class:`NoEngine` where that lasts for
    so many seconds, and every other :class:`temporalio.service.RPCError` at once.
    """
    until = asyncio.get_running_loop().time() + within
    while True:
        try:
            # An answer that does not come is none.
            async with asyncio.timeout_at(until + ANSWERS_WITHIN):
                return await ask()
        except TimeoutError as error:
            raise NoEngine(f"The engine can be reached and gives no answer. {_SEE_TO_IT}") from error
        except RPCError as error:
            if error.status not in NOT_NOW:
                raise
            if asyncio.get_running_loop().time() > until:
                said = f"The engine answers and cannot do what is asked ({error.status.name}). {_SEE_TO_IT}"
                raise NoEngine(said) from error
            # What the engine says of itself may name what it could not keep: only its kind is told.
            _log.warning("engine is waited for", because=error.status.name)
            await asyncio.sleep(1)


async def keys_at_hand(settings: Settings, within: float = CONNECT_WITHIN) -> OpenSealing:
    """The keys, as the settings name them; made where there are none.

    A key store that is away now is waited for as the engine is. Raises :class:`sealing.faults.KeysUnreachable` when it
    gives no answer for so many seconds, and whatever else :func:`sealing.composing.open_sealing` raises.
    """
    until = asyncio.get_running_loop().time() + within
    while True:
        try:
            return await open_sealing(settings, make=True)
        except KeysUnreachable as fault:
            if asyncio.get_running_loop().time() > until:
                raise
            _log.warning("keys are waited for", because=str(fault))
            await asyncio.sleep(1)


async def _known_namespace(client: Client) -> None:
    try:
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            raise ConnectionFault(
                f"The engine has no namespace {client.namespace}. Create it, or name another with TEMPORAL_NAMESPACE."
            ) from None
        # Not every engine tells, or tells everybody: the worker will see for itself.
        if error.status not in (RPCStatusCode.UNIMPLEMENTED, RPCStatusCode.PERMISSION_DENIED):
            raise


async def _agreed(client: Client, store: str) -> None:
    await _known_namespace(client)
    await agree_on(client, store)


async def work(settings: Settings, engine_page: EnginePage | None = None) -> None:
    """Work on cases until told to stop (SIGINT or SIGTERM). ``engine_page`` are the engine client's own measures.

    Told so while it still starts, it gives up what it waits for, and closes what it has opened.
    """
    stop, at_work = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    working = asyncio.ensure_future(_work(settings, engine_page, stop, at_work))

    def stopping() -> None:
        if not at_work.is_set() and not stop.is_set():
            working.cancel()
        stop.set()

    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stopping)
    try:
        await working
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
        _log.info("stopped before it worked")


async def _work(
    settings: Settings, engine_page: EnginePage | None, stop: asyncio.Event, at_work: asyncio.Event
) -> None:
    sealing = await keys_at_hand(settings)
    tracing = tracing_of("homeward-worker")
    try:
        client = await connect(
            converter=sealing.converter, interceptors=[tracing.interceptor] if tracing is not None else []
        )
        await once_it_can(lambda: _agreed(client, sealing.keyring.store))
        hands = Hands.of(settings, AgreementShelf(), client)
        watch = Watch(
            Readiness(checks_of(client, hands.caseload), own={"work": at_work.is_set}),
            figures=CaseloadFigures(hands.caseload),
            left_alone=lambda: left_alone(client),
            engine_page=engine_page,
        )
        async with (
            _closing(hands),
            watched(watch, settings),
            told_in_time(client),
            build_worker(client, settings, hands=hands),
        ):
            _log.info("working", namespace=client.namespace, task_queue=TASK_QUEUE, build=settings.build_id)
            at_work.set()
            await stop.wait()
            at_work.clear()
            _log.info("stopping")
    finally:
        await sealing.close()
        if tracing is not None:
            tracing.close()
    _log.info("stopped")


@asynccontextmanager
async def _closing(hands: Hands) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        await hands.close()


async def said_of_builds(client: Client) -> list[str]:
    """Sentences, where no build is current or one with cases has no worker. Said, and no ill health of this worker."""
    try:
        said = nothing_begins_on(await builds_of(client)), nobody_works_on(await left_alone(client))
    except RPCError:
        # Not every engine tells of builds, or tells everybody.
        return []
    return [sentence for sentence in said if sentence is not None]


async def check() -> int:
    """The health check: 0 when cases are being worked on, else 1."""
    try:
        client = await connect(within=0)
        for sentence in end_soon(ends_of(client), datetime.now(UTC)):
            # Said, and no ill health: until that day cases are worked on.
            print(sentence, file=sys.stderr)
        for sentence in await said_of_builds(client):
            print(sentence, file=sys.stderr)
        return 0 if await at_work(client) else 1
    except (NoEngine, ConnectionFault, RPCError):
        return 1


def main() -> int:
    """Run the worker, or its health check with ``--check``; the exit code."""
    parser = argparse.ArgumentParser(prog="worker.py", description="Conduct return cases on a Temporal server.")
    parser.add_argument("--check", action="store_true", help="only tell whether cases are being worked on")
    asked = parser.parse_args()
    if asked.check:
        return asyncio.run(check())
    try:
        settings = read_settings()
        configure_logs(settings.log_format, settings.log_level)
        runtime, engine_page = runtime_that_measures(settings)
        Runtime.set_default(runtime)
        asyncio.run(work(settings, engine_page))
    except (NoEngine, KeysUnreachable) as error:
        print(error, file=sys.stderr)
        return 5
    except (
        SettingsFault,
        KeyUnusable,
        SealingFault,
        UnsignedActsFault,
        AddressBookFault,
        ConnectionFault,
        AddressTaken,
    ) as fault:
        print(fault, file=sys.stderr)
        return 2
    except KeptElsewhere as error:
        print(f"The worker ended: {error}.", file=sys.stderr)
        return 1
    except (OSError, RPCError, RuntimeError) as error:
        print(f"The worker ended: {type(error).__name__}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # The SDK's threads can bring a finishing interpreter down after its work is done (temporalio/sdk-python#300).
    os._exit(code)
