"""Family tracing and reintegration monitoring: the origin state's processes remind, and decide nothing."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from casefile.engine import opened_history
from tests.workflows.broken_hands_test import ShakyHands, as_hands
from tests.workflows.engines import (
    NAMES,
    Engine,
    Fields,
    Handle,
    accepted,
    act,
    ledger,
    new_reference,
    until_approved,
    until_arrived,
    until_determined,
    view,
    visit,
)
from workflows.messages import (
    ARCHIVE_RUN,
    FAMILY_TRACING,
    REINTEGRATION_MONITORING,
    SWEEP_ARCHIVE,
    TASK_QUEUE,
    archiving_id,
    monitoring_id,
    tracing_id,
)

pytestmark = pytest.mark.engine

TRACING_OPENED = [each["act"] for each in until_determined()].index("open_tracing") + 1


async def process(engine: Engine, case: Handle, act_name: str) -> WorkflowHandle[Any, Any]:
    """The newest process that an act of that name began."""
    opened = [entry["n"] for entry in await ledger(case) if entry["act"] == act_name and entry["kind"] == "accepted"]
    naming = tracing_id if act_name == "open_tracing" else monitoring_id
    return engine.client.get_workflow_handle(naming(case.id, opened[-1]))


def reminders(hands: ShakyHands) -> list[Fields]:
    """To whom reminders went out, and of what."""
    return [
        {"to": (notice.to_role, notice.to_state), "deadline": notice.deadline, "level": notice.level}
        for telling in hands.told
        for notice in telling.notices
        if notice.kind == "reminder"
    ]


async def tracing_opened(engine: Engine) -> Handle:
    case = await engine.start()
    await accepted(case, *until_determined()[:TRACING_OPENED])
    return case


async def test_a_tracing_request_is_reminded_of_and_ends_with_its_answer(skipping: Engine) -> None:
    """Halfway, at the due moment, every two weeks after it; the report ends it. Silence moves nothing in the case."""
    hands = ShakyHands()
    async with skipping.worker(hands=as_hands(hands)):
        case = await tracing_opened(skipping)
        tracing = await process(skipping, case, "open_tracing")
        before = await view(case)
        await skipping.wait(days=16)
        assert [{"to": ("tracing_service", "UA"), "deadline": "tracing", "level": 1}] == reminders(hands)
        await skipping.wait(days=30)
        standing = await tracing.query("standing")
        after = await view(case)
        await accepted(case, until_determined()[TRACING_OPENED])
        ended = await tracing.result()
    assert [1, 2, 3] == [each["level"] for each in reminders(hands)]
    assert (True, 3, None) == (standing["overdue"], standing["reminders"], standing["ended"])
    for name in ("stage", "solution", "outcome", "placement", "holds"):
        assert before[name] == after[name]
    assert "answered" == ended


async def test_tracing_opened_anew_replaces_the_first_request(engine: Engine) -> None:
    """One request is open at a time; the earlier one stops reminding."""
    async with engine.worker():
        case = await tracing_opened(engine)
        first = await process(engine, case, "open_tracing")
        await accepted(case, act("cw", "open_tracing", via="red_cross", child_agrees=True))
        second = await process(engine, case, "open_tracing")
        with engine.env.auto_time_skipping_disabled():
            ended = await first.result()
        described = await second.describe()
    assert "replaced" == ended
    assert first.id != second.id
    assert WorkflowExecutionStatus.RUNNING is described.status


async def test_tracing_is_withdrawn_when_the_case_closes(engine: Engine) -> None:
    """Nobody is reminded of what is no longer needed."""
    async with engine.worker():
        case = await tracing_opened(engine)
        tracing = await process(engine, case, "open_tracing")
        await accepted(case, act("ca", "close_case", outcome="withdrawn"))
        with engine.env.auto_time_skipping_disabled():
            assert "withdrawn" == await tracing.result()


async def test_a_process_that_was_ended_by_force_takes_nothing_from_the_case(engine: Engine) -> None:
    """The report is heard, and the case goes on, whatever became of the origin state's process."""
    async with engine.worker():
        case = await tracing_opened(engine)
        await (await process(engine, case, "open_tracing")).terminate("a test")
        await accepted(case, *until_determined()[TRACING_OPENED:])
        seen = await view(case)
    assert ("decision", "return") == (seen["stage"], seen["solution"])


async def test_the_origin_state_is_told_no_more_than_its_part(engine: Engine) -> None:
    """The request names the case, the way and the due moment; no name, no view, no screening."""
    async with engine.worker():
        case = await tracing_opened(engine)
        tracing = await process(engine, case, "open_tracing")
        said = str((await opened_history(engine.client, tracing.id)).events)
        raw = str((await tracing.describe()).raw_description)
    for name in NAMES:
        assert name not in said
        assert name not in raw


@pytest.mark.slow
async def test_visits_are_reminded_of_before_and_after_they_are_due(skipping: Engine) -> None:
    """A visit that is made is not reminded of; one that is late is, once more; the last one ends the monitoring."""
    hands = ShakyHands()
    async with skipping.worker(hands=as_hands(hands)):
        case = await skipping.start()
        await accepted(case, *until_determined(), *until_approved())
        await skipping.wait(days=16)
        await accepted(case, *until_arrived(await skipping.now()))
        monitoring = await process(skipping, case, "arrive")
        await skipping.wait(days=10)
        await accepted(case, visit(1))
        await skipping.wait(days=28)
        late = [each["deadline"] for each in reminders(hands) if str(each["deadline"]).startswith("visit")]
        await accepted(case, visit(2))
        for number, days in enumerate((50, 90, 90, 95), start=3):
            await skipping.wait(days=days)
            await accepted(case, visit(number))
        with skipping.env.auto_time_skipping_disabled():
            ended = await monitoring.result()
        standing = await monitoring.query("standing")
    assert ["visit_2", "visit_2"] == late
    assert [1, 2, 3, 4, 5, 6] == standing["visited"]
    assert "visited" == ended
    assert {("monitor", "UA")} == {each["to"] for each in reminders(hands) if each["deadline"] != "tracing"}


DUE = "2031-03-01T10:00:00Z"
RUN = "00000000-0000-0000-0000-000000000000"


def begun_with(name: str, **changed: Any) -> tuple[str, Fields]:
    """The id of a process of an invented case, and with what the case begins it."""
    reference = new_reference()
    host, origin, *_ = reference.split("-")
    match name:
        case "FamilyTracing":
            given: Fields = {"entry": 3, "host_state": host, "origin_state": origin, "via": "x", "due": DUE}
            id = tracing_id(reference, 3)
        case "ReintegrationMonitoring":
            given = {"entry": 9, "origin_state": origin, "visits": [{"visit": 1, "due": DUE}]}
            id = monitoring_id(reference, 9)
        case "ArchiveRun":
            given, id = {"run": RUN}, archiving_id(reference, RUN)
        case _:
            given, id = {"days": 1}, f"sweep-{reference}"
    return id, {"reference": reference, **given, **changed}


@workflow.defn
class Beginning:
    """Begins a process in a case's stead."""

    @workflow.run
    async def run(self, name: str, id: str, given: list[Any]) -> None:
        await workflow.start_child_workflow(
            name, args=given, id=id, task_queue=TASK_QUEUE, parent_close_policy=workflow.ParentClosePolicy.ABANDON
        )


async def begun_by_a_case(server: Engine, name: str, id: str, *given: Any) -> WorkflowHandle[Any, Any]:
    """A process that is begun as a case begins it: the origin state's as a child of the case."""
    client: Any = server.client
    if name not in (FAMILY_TRACING, REINTEGRATION_MONITORING):
        return await client.start_workflow(name, args=given, id=id, task_queue=TASK_QUEUE)
    queue = f"beginning-{uuid4()}"
    async with Worker(
        client, task_queue=queue, workflows=[Beginning], workflow_runner=UnsandboxedWorkflowRunner(), debug_mode=True
    ):
        case = id.partition("/")[0]
        await client.execute_workflow("Beginning", args=[name, id, list(given)], id=case, task_queue=queue)
    return client.get_workflow_handle(id)


async def ending(begun: WorkflowHandle[Any, Any]) -> str:
    """With what a process ends: the type of its failure. None of its tasks may fail."""
    with pytest.raises(WorkflowFailureError) as caught:
        await asyncio.wait_for(begun.result(), 20)
    failed = [event async for event in begun.fetch_history_events() if event.HasField(_TASK_FAILED)]
    assert failed == []
    return str(getattr(caught.value.cause, "type", type(caught.value.cause).__name__))


_TASK_FAILED = "workflow_task_failed_event_attributes"
OTHERS = [FAMILY_TRACING, REINTEGRATION_MONITORING, ARCHIVE_RUN, SWEEP_ARCHIVE]


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("given", [[], [None], ["text"], [{}, {}], [[]]], ids=str)
async def test_a_process_that_is_begun_with_anything_else_ends(server: Engine, name: str, given: list[Any]) -> None:
    """Whoever reaches the engine can begin one; its task failed again and again, for ever."""
    async with server.worker():
        assert await ending(await begun_by_a_case(server, name, begun_with(name)[0], *given)) == "MalformedStart"


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        *((FAMILY_TRACING, {"due": due}) for due in ("", "x", "2026-03-01T10:00:00", "0001-01-01T00:00:00Z")),
        *((REINTEGRATION_MONITORING, {"visits": [{"visit": 1, "due": due}]}) for due in ("x", "9999-12-31T23:59:59Z")),
        *((name, {"reference": "../../x"}) for name in OTHERS[:3]),
        *((name, {"reference": "x" * 1_900_000}) for name in OTHERS),
        (FAMILY_TRACING, {"entry": 4}),
        (REINTEGRATION_MONITORING, {"entry": 8}),
        (FAMILY_TRACING, {"origin_state": "../x"}),
        (FAMILY_TRACING, {"host_state": "XX"}),
        (REINTEGRATION_MONITORING, {"origin_state": "XX"}),
        (ARCHIVE_RUN, {"run": "../y"}),
        (SWEEP_ARCHIVE, {"days": 10**18}),
        (SWEEP_ARCHIVE, {"days": -1}),
    ],
    ids=lambda given: str(given)[:60],
)
async def test_a_process_that_no_case_begins_ends(server: Engine, name: str, changed: Fields) -> None:
    """What it is given becomes part of names of files and of mails, so it is all as a case would give it."""
    id, given = begun_with(name, **changed)
    async with server.worker():
        assert await ending(await begun_by_a_case(server, name, id, given)) == "MalformedStart"


@pytest.mark.parametrize("name", [FAMILY_TRACING, REINTEGRATION_MONITORING])
async def test_nobody_but_a_case_has_anybody_reminded(server: Engine, name: str) -> None:
    """Whoever reaches the engine could have the origin state's offices told of deadlines that no case has."""
    id, given = begun_with(name)
    async with server.worker():
        assert (
            await ending(await server.client.start_workflow(name, given, id=id, task_queue=TASK_QUEUE))
            == "MalformedStart"
        )


async def test_a_run_is_kept_under_the_id_that_it_has_in_its_case(server: Engine) -> None:
    """Under another one the same run would be kept by many at once."""
    _, given = begun_with(ARCHIVE_RUN)
    async with server.worker():
        begun = await server.client.start_workflow(ARCHIVE_RUN, given, id=f"any-{uuid4()}", task_queue=TASK_QUEUE)
        assert await ending(begun) == "MalformedStart"


@pytest.mark.parametrize(
    "given", [[], [None], [1.5], ["a", "b"], [{}], ["x" * 1_900_000]], ids=lambda given: str(given)[:20]
)
async def test_a_signal_that_says_nothing_ends_no_process(server: Engine, given: list[Any]) -> None:
    """It is passed over, and the next that says something is heard."""
    begun: list[WorkflowHandle[Any, Any]] = []
    async with server.worker():
        for name in (FAMILY_TRACING, REINTEGRATION_MONITORING):
            id, asked = begun_with(name)
            handle = await begun_by_a_case(server, name, id, asked)
            for signal in ("ended", "visited") if name == REINTEGRATION_MONITORING else ("ended",):
                await handle.signal(signal, args=given)
            assert (await handle.query("standing"))["ended"] is None
            begun.append(handle)
        tracing, monitoring = begun
        await tracing.signal("ended", "answered")
        await monitoring.signal("visited", 1)
        assert (await tracing.result(), await monitoring.result()) == ("answered", "visited")
