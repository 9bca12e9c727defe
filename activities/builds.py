"""Which build of the worker new runs begin on, as the engine knows it (docs/decisions/0014).

The engine calls all builds of one program a deployment, and each build a version of it.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from temporalio.api.enums.v1 import TaskQueueType, WorkerDeploymentVersionStatus
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeWorkerDeploymentRequest,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from workflows.messages import TASK_QUEUE

DEPLOYMENT: Final = "homeward"
KNOWN_WITHIN: Final = 30.0
"""Seconds within which the engine knows a build whose worker has begun to ask for work."""

POLLED_WITHIN: Final = timedelta(seconds=90)
"""A worker asks for work at least once a minute; the engine goes on listing one that is gone for five."""
IN_USE: Final = frozenset(
    {
        WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_CURRENT,
        WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_RAMPING,
        WorkerDeploymentVersionStatus.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINING,
    }
)

_log: structlog.stdlib.BoundLogger = structlog.get_logger("homeward.builds")


@dataclass(frozen=True)
class Builds:
    """The builds that the engine knows.

    ``current``: on which new runs begin, none where they begin on workers without a name alone. ``once_current``:
    those on which new runs begin or began at some time. ``in_use``: those that are current or have open runs, as far as
    the engine has counted these; it does so minutes after another build became current. ``mark``: the engine's own, by
    which it refuses a change where another one came between.
    """

    known: frozenset[str]
    current: str | None
    once_current: frozenset[str]
    in_use: frozenset[str]
    mark: bytes


NONE_KNOWN: Final = Builds(frozenset(), None, frozenset(), frozenset(), b"")


async def builds_of(client: Client) -> Builds:
    """The builds that the engine knows; :data:`NONE_KNOWN` before the first. Raises :class:`RPCError`."""
    try:
        told = await client.workflow_service.describe_worker_deployment(
            DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=DEPLOYMENT)
        )
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return NONE_KNOWN
        raise
    info = told.worker_deployment_info
    once = {
        version.deployment_version.build_id
        for version in info.version_summaries
        if version.HasField("last_current_time")
    }
    current = info.routing_config.current_deployment_version.build_id or None
    return Builds(
        known=frozenset(version.deployment_version.build_id for version in info.version_summaries),
        current=current,
        in_use=frozenset(
            version.deployment_version.build_id for version in info.version_summaries if version.status in IN_USE
        ),
        once_current=frozenset(once if current is None else {*once, current}),
        mark=told.conflict_token,
    )


def nothing_begins_on(builds: Builds) -> str | None:
    """A sentence where builds are named and none of them is current; none where one is, or none is named."""
    if builds.current is not None or not builds.known:
        return None
    return (
        "No build is current, so new cases begin on none of the named ones "
        f"({', '.join(sorted(builds.known))}) and wait: start a worker of one with HOMEWARD_PROMOTE=true, or run "
        f"`temporal worker deployment set-current-version --deployment-name {DEPLOYMENT} --build-id BUILD`."
    )


async def at_work(client: Client) -> list[PollerInfo]:
    """The workers, of whatever build, that asked for cases within :data:`POLLED_WITHIN`. Raises :class:`RPCError`."""
    found = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=TASK_QUEUE),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
    )
    since = datetime.now(UTC) - POLLED_WITHIN
    return [poller for poller in found.pollers if poller.last_access_time.ToDatetime(UTC) >= since]


async def left_alone(client: Client) -> frozenset[str]:
    """Builds that have runs, or begin them, and no worker that asks for their work. Raises :class:`RPCError`.

    Runs stay on their build: a worker of another one does nothing for them.
    """
    builds = await builds_of(client)
    if not builds.in_use:
        return frozenset()
    polled = {
        poller.deployment_options.build_id
        for poller in await at_work(client)
        if poller.deployment_options.deployment_name == DEPLOYMENT
    }
    return builds.in_use - polled


def nobody_works_on(builds: frozenset[str]) -> str | None:
    """A sentence of builds that were left alone; none where none was."""
    if not builds:
        return None
    return (
        f"No worker of {', '.join(sorted(builds))} asks for work: cases on it neither hear acts nor mind their "
        "deadlines. Start a worker with that HOMEWARD_BUILD_ID."
    )


async def warn_if_nothing_begins(client: Client, build: str) -> None:
    """Say it in the log where new runs begin on no named build. ``build`` is that of this worker, not yet known perhaps.

    A worker works on whether the engine tells or not.
    """
    try:
        builds = await builds_of(client)
    except RPCError as error:
        _log.info("not known on which build new cases begin", because=error.status.name)
        return
    if (sentence := nothing_begins_on(replace(builds, known=builds.known | {build}))) is not None:
        _log.warning("no build is current", build=build, what_to_do=sentence)


async def promote(client: Client, build: str, *, within: float = KNOWN_WITHIN) -> None:
    """Make a build the one on which new runs begin, unless another is and this one was before.

    So a worker of yesterday's build that is started anew does not take new cases back to yesterday's code: it says so
    and works on its own. The engine knows a build only once a worker of it has asked for work; it is asked again for
    ``within`` seconds. Raises :class:`RPCError`.
    """
    until = asyncio.get_running_loop().time() + within
    while True:
        builds = await builds_of(client)
        if builds.current == build:
            return
        if builds.current is not None and build in builds.once_current:
            _log.warning(
                "not made current again: new cases begin on another build, and this one was current before it",
                build=build,
                current=builds.current,
                to_go_back=f"temporal worker deployment set-current-version --deployment-name {DEPLOYMENT}"
                f" --build-id {build}",
            )
            return
        try:
            await client.workflow_service.set_worker_deployment_current_version(
                SetWorkerDeploymentCurrentVersionRequest(
                    namespace=client.namespace,
                    deployment_name=DEPLOYMENT,
                    build_id=build,
                    conflict_token=builds.mark,
                    identity=client.identity,
                )
            )
        except RPCError as error:
            not_yet = error.status in (RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION)
            if not not_yet or asyncio.get_running_loop().time() > until:
                raise
            await asyncio.sleep(0.5)
        else:
            return
