"""A workflow that says what it may and fails as it can."""

from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from workflows.logs import log


@workflow.defn
class ChattyCase:
    @workflow.run
    async def run(self, child: dict[str, Any]) -> None:
        if child.get("stuck"):
            raise ValueError(child["given_names"])
        log.info("ours", child=child, given_names=child["given_names"], entry=1)
        workflow.logger.info("theirs")
        try:
            await workflow.execute_activity(
                "stumble",
                child,
                start_to_close_timeout=timedelta(seconds=10),
                retry_policy=RetryPolicy(maximum_attempts=1),
            )
        except ActivityError:
            raise ApplicationError(child["given_names"], type="MalformedIntake", non_retryable=True) from None
