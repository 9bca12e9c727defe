"""An act that the engine says was not heard is said again, and is on record once."""

from typing import Any

import pytest
from temporalio.client import (
    Client,
    Interceptor,
    OutboundInterceptor,
    StartWorkflowUpdateInput,
    WorkflowUpdateFailedError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from starter.client import CannotGoOn, Cases
from tests.workflows.engines import Engine, ledger, note

pytestmark = pytest.mark.engine


NOT_HEARD = WorkflowUpdateFailedError(ApplicationError("the engine's own words", type="UnprocessedUpdate"))
ABORTED = RPCError("workflow update was aborted", RPCStatusCode.UNAVAILABLE, b"")


class Deaf(Interceptor):
    """A client to which the engine says so many times that an act was not heard. Sometimes it was."""

    def __init__(self, times: int, *, heard: bool = False, says: Exception = NOT_HEARD) -> None:
        self.times, self.heard, self.says = times, heard, says

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        deaf = self

        class Outbound(OutboundInterceptor):
            async def start_workflow_update(self, input: StartWorkflowUpdateInput) -> Any:
                if deaf.times == 0:
                    return await super().start_workflow_update(input)
                deaf.times -= 1
                if deaf.heard:
                    await (await super().start_workflow_update(input)).result()
                raise deaf.says

        return Outbound(next)


def deaf(server: Engine, deafness: Deaf) -> Cases:
    client = server.client
    return Cases(
        Client(
            client.service_client,
            namespace=client.namespace,
            data_converter=client.data_converter,
            interceptors=[deafness],
        )
    )


@pytest.mark.parametrize("says", [NOT_HEARD, ABORTED], ids=["not processed", "aborted"])
@pytest.mark.parametrize("heard", [False, True])
async def test_an_act_that_was_not_heard_is_said_again(server: Engine, heard: bool, says: Exception) -> None:
    """Twice, and it is on record once, whether or not the case took it in before."""
    async with server.worker():
        handle = await server.start()
        receipt = await deaf(server, Deaf(2, heard=heard, says=says)).record(handle.id, note())
        assert receipt["result"] == "accepted"
        assert [entry["act"] for entry in await ledger(handle)].count("note") == 1


async def test_what_a_case_could_not_do_is_told_at_once(server: Engine) -> None:
    """Only what was not heard is said again."""
    deafness = Deaf(2, says=WorkflowUpdateFailedError(ApplicationError("the engine's own words", type="Unforeseen")))
    async with server.worker():
        handle = await server.start()
        with pytest.raises(CannotGoOn, match="the engine's own words"):
            await deaf(server, deafness).record(handle.id, note())
    assert deafness.times == 1
