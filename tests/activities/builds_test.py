"""Builds as the engine knows them: which have runs and no worker, and what is said of it."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.testclient import TestClient
from temporalio.api.deployment.v1 import (
    RoutingConfig,
    WorkerDeploymentInfo,
    WorkerDeploymentOptions,
    WorkerDeploymentVersion,
)
from temporalio.api.enums.v1 import WorkerDeploymentVersionStatus as Status
from temporalio.api.taskqueue.v1 import PollerInfo
from temporalio.api.workflowservice.v1 import DescribeTaskQueueResponse, DescribeWorkerDeploymentResponse

import worker
from activities.builds import DEPLOYMENT, left_alone, nobody_works_on
from activities.watching import Readiness, Watch

CURRENT = Status.WORKER_DEPLOYMENT_VERSION_STATUS_CURRENT
DRAINING = Status.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINING
DRAINED = Status.WORKER_DEPLOYMENT_VERSION_STATUS_DRAINED


def engine(builds: dict[str, Status.ValueType], polled: dict[str, timedelta]) -> Any:
    """A client of an engine that knows these builds, and when a worker of each asked for work, by how long ago."""
    summaries = [
        WorkerDeploymentInfo.WorkerDeploymentVersionSummary(
            deployment_version=WorkerDeploymentVersion(deployment_name=DEPLOYMENT, build_id=build), status=status
        )
        for build, status in builds.items()
    ]
    current = next((build for build, status in builds.items() if status == CURRENT), "")
    routing = RoutingConfig(current_deployment_version=WorkerDeploymentVersion(build_id=current))
    pollers: list[PollerInfo] = []
    for build, ago in polled.items():
        poller = PollerInfo(deployment_options=WorkerDeploymentOptions(deployment_name=DEPLOYMENT, build_id=build))
        poller.last_access_time.FromDatetime(datetime.now(UTC) - ago)
        pollers.append(poller)

    async def deployment(_: Any) -> DescribeWorkerDeploymentResponse:
        info = WorkerDeploymentInfo(version_summaries=summaries, routing_config=routing)
        return DescribeWorkerDeploymentResponse(worker_deployment_info=info)

    async def queue(_: Any) -> DescribeTaskQueueResponse:
        return DescribeTaskQueueResponse(pollers=pollers)

    service = SimpleNamespace(describe_worker_deployment=deployment, describe_task_queue=queue)
    return SimpleNamespace(namespace="returns", workflow_service=service)


NOW, LONG_AGO = timedelta(0), timedelta(minutes=4)


@pytest.mark.parametrize(
    ("builds", "polled", "alone"),
    [
        ({"new": CURRENT, "old": DRAINING}, {"new": NOW}, {"old"}),
        ({"new": CURRENT, "old": DRAINING}, {"new": NOW, "old": LONG_AGO}, {"old"}),
        ({"new": CURRENT, "old": DRAINING}, {"old": NOW}, {"new"}),
        ({"new": CURRENT, "old": DRAINING}, {"new": NOW, "old": NOW}, set[str]()),
        ({"new": CURRENT, "old": DRAINED}, {"new": NOW}, set[str]()),
        ({}, {}, set[str]()),
    ],
)
async def test_a_build_with_cases_and_no_worker_is_found(
    builds: dict[str, Status.ValueType], polled: dict[str, timedelta], alone: set[str]
) -> None:
    """A worker of another build does nothing for its cases; a build whose cases have all moved needs none."""
    assert await left_alone(engine(builds, polled)) == alone


async def test_the_health_check_names_it() -> None:
    """So an operator knows a worker of which build to start; where all have one, nothing is said."""
    said = await worker.said_of_builds(engine({"new": CURRENT, "old": DRAINING}, {"new": NOW}))
    assert said == [nobody_works_on(frozenset({"old"}))] and "No worker of old" in said[0]
    assert await worker.said_of_builds(engine({"new": CURRENT}, {"new": NOW})) == []


def test_it_is_measured_and_what_is_not_known_is_no_number() -> None:
    """One build alone is 1, none 0; an engine that gives no answer neither."""

    async def silent() -> frozenset[str]:
        raise OSError

    def page(found: Any) -> str:
        return TestClient(Watch(Readiness({}), left_alone=found).app()).get("/metrics").text

    of = engine({"new": CURRENT, "old": DRAINING}, {"new": NOW})
    assert "homeward_builds_without_worker 1.0" in page(lambda: left_alone(of))
    assert "homeward_builds_without_worker NaN" in page(silent)
