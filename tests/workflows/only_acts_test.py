"""What keeps a case is nobody's button: cancelling, cron schedules, forged pasts, and secrets that can be guessed."""

import asyncio
import hashlib
import hmac
import json
from dataclasses import replace

import pytest
from temporalio import activity
from temporalio.client import WorkflowExecutionStatus

from activities.agreements import AgreementShelf
from activities.hands import Hands
from activities.settings import Settings
from casefile.engine import opened_history
from tests.workflows.engines import Engine, accepted, intake, ledger, note, view
from workflows.messages import ADMIT, Admission, AdmissionRequest

pytestmark = pytest.mark.engine

DRAWN = bytes(range(32))


class HandsThatDraw(Hands):
    """Hands whose admission draws a secret that the test knows."""

    @activity.defn(name=ADMIT)
    async def admit(self, request: AdmissionRequest) -> Admission:
        return replace(await self._desk.admit(request), seed=DRAWN.hex())


async def failure_of(engine: Engine, reference: str, run: str) -> tuple[str, list[str]]:
    """Type and faulty paths of the failure with which a scheduled run ended: the engine then starts the next."""
    history = await opened_history(engine.client, reference, run)
    told = history.events[-1].workflow_execution_failed_event_attributes.failure
    faults = json.loads(told.application_failure_info.details.payloads[0].data)
    return told.application_failure_info.type, [fault["path"] for fault in faults]


async def test_asking_the_engine_to_cancel_a_case_ends_nothing(engine: Engine) -> None:
    """Only `close_case` ends a case; it goes on, and its deadlines with it."""
    async with engine.worker():
        handle = await engine.start()
        await accepted(handle, note())
        await handle.cancel()
        await accepted(handle, note())
        described = await handle.describe()
        seen = await view(handle)
    assert WorkflowExecutionStatus.RUNNING is described.status
    assert ("open", 3) == (seen["status"], seen["entries"])


async def test_a_case_does_not_open_on_a_cron_schedule(server: Engine) -> None:
    """A case opens once. Nor does such a schedule smuggle a past in: its second run continues the first."""
    forged = {"proceedings": {}, "intake": intake(), "row_kept": 0}
    async with server.worker():
        for given in (forged, intake()):
            handle = await server.start(given, cron_schedule="@every 1s")
            runs = [str(handle.first_execution_run_id)]
            while len(runs) < 3:
                await asyncio.sleep(0.2)
                run = str((await server.client.get_workflow_handle(handle.id).describe()).run_id)
                runs += [run] if run not in runs else []
            failures = [await failure_of(server, handle.id, run) for run in runs[:2]]
            await server.client.get_workflow_handle(handle.id).terminate()
            assert {"MalformedIntake"} == {kind for kind, _ in failures}
            assert all("$" in paths for _, paths in failures) or given is forged


async def test_salts_come_from_a_secret_that_the_hands_drew(server: Engine) -> None:
    """A run's own random numbers follow from its id, which every operator sees; bodies could be guessed with them."""
    hands = HandsThatDraw.of(Settings(data=server.data), AgreementShelf(), server.client)
    async with server.worker(hands=hands):
        handle = await server.start()
        await accepted(handle, note())
        salts = [entry["salt"] for entry in await ledger(handle)]
    await hands.close()
    assert [hmac.new(DRAWN, str(n).encode(), hashlib.sha256).hexdigest()[:32] for n in (1, 2)] == salts
