"""What a log line says of where it was written, for workflows and activities alike.

Workflows import this passed through the sandbox, so that they share one configuration with the worker::

    with workflow.unsafe.imports_passed_through():
        from workflows.logs import log

How lines look, and what they may never hold, is set by the worker's composition root.
"""

from collections.abc import MutableMapping
from typing import Any

import structlog
from temporalio import activity, workflow

log: structlog.stdlib.BoundLogger = structlog.get_logger("homeward.workflows")
"""The logger of workflow code. On replay it says nothing: it has said it before."""


def place(event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the workflow or activity in which a line was written, where it was written in one."""
    if workflow.in_workflow():
        running = workflow.info()
        event.setdefault("workflow_id", running.workflow_id)
        event.setdefault("run_id", running.run_id)
    elif activity.in_activity():
        doing = activity.info()
        event.setdefault("workflow_id", doing.workflow_id)
        event.setdefault("run_id", doing.workflow_run_id)
        event.setdefault("activity", doing.activity_type)
        event.setdefault("attempt", doing.attempt)
    return event


def replaying() -> bool:
    """Whether the present code is a workflow's that only goes through what it did before."""
    return workflow.in_workflow() and workflow.unsafe.is_replaying()


def placed_once(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog processor: :func:`place`, and silence on replay."""
    if replaying():
        raise structlog.DropEvent
    return place(event)
