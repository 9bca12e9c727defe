"""All who conduct cases on one engine use one key store: the engine's namespace notes which."""

from datetime import timedelta
from typing import Final

from temporalio.api.namespace.v1 import UpdateNamespaceInfo
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from sealing.faults import KeysUnusable

NOTE: Final = "homeward-keys"
"""The namespace's note of the key store's id; it tells nothing of a key."""

ANSWER_WITHIN: Final = timedelta(seconds=5)

NOT_NOW: Final = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.ABORTED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.INTERNAL,
        RPCStatusCode.UNKNOWN,
    }
)
"""How an engine says that it cannot do now what it will do later: its disk is full, or it still starts."""


async def noted_store(client: Client) -> str | None:
    """The key store with which the cases of this engine are sealed; None where that is not noted, or not told."""
    try:
        return await _noted(client)
    except RPCError:
        return None


async def agree_on(client: Client, store: str) -> None:
    """Note the key store of this engine's cases, where none is noted yet and the engine permits it.

    Raises :class:`sealing.faults.KeysUnusable` where another one is noted: neither could read what the other sealed.
    Raises :class:`temporalio.service.RPCError` (:data:`NOT_NOW`) where the engine cannot tell or note it now: a note
    that could not be read is no leave to write over it.
    """
    try:
        noted = await _noted(client)
        if noted is None:
            await client.workflow_service.update_namespace(
                UpdateNamespaceRequest(namespace=client.namespace, update_info=UpdateNamespaceInfo(data={NOTE: store})),
                timeout=ANSWER_WITHIN,
            )
            return
    except RPCError as error:
        if error.status in NOT_NOW:
            raise
        return  # not every engine lets a worker read or note something; then nothing is held against it
    if noted != store:
        raise KeysUnusable(
            f"The cases of the engine's namespace {client.namespace} are sealed with another key store ({noted}) than "
            f"the one at hand ({store}). Set HOMEWARD_DATA or HOMEWARD_KEYS_URL to that one"
        )


async def _noted(client: Client) -> str | None:
    told = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace), timeout=ANSWER_WITHIN
    )
    return told.namespace_info.data.get(NOTE)
