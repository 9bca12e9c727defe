"""Questions and acts come at once, and a replay still does all in the order in which it was done.

A question ends a task while local activities are at work. What they bring meets what comes with the next task: a case
that is replayed otherwise has another record than its receipts tell of, or cannot be taken up again (decision 0034).
"""

import asyncio
import random
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import WorkflowHistory, WorkflowQueryFailedError
from temporalio.service import RPCError
from temporalio.worker import Replayer, Worker

from activities.agreements import AgreementShelf
from activities.hands import Hands
from activities.settings import Settings
from procedure.proceedings import Proceedings
from tests.sealing.authorities import Authority
from tests.workflows.broken_hands_test import ShakyHands, as_hands
from tests.workflows.engines import (
    Engine,
    Fields,
    Handle,
    accepted,
    guardian,
    ledger,
    moved_on_from,
    note,
    record,
    view,
)
from tests.workflows.late_activities_test import headers, kind
from tests.workflows.replay_test import CASES, Listening
from tests.workflows.signed import Signed
from worker import WORKFLOWS, build_worker, workflow_runner
from workflows import in_order, return_case
from workflows.in_order import Door, InOrder
from workflows.messages import ADMIT, KEEP_CASELOAD_ROW, PUBLISHED_KEY, RECORD, CaseloadRow, RowKept
from workflows.raw import for_worker

pytestmark = pytest.mark.engine

TRIES = 5
"""So often a course is played until a question came with the task that it was to end."""
TASK = ["WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED", "WORKFLOW_TASK_COMPLETED"]
CASES_AT_ONCE = 8
ACTS_AT_ONCE = 5
"""One after the other, of each of three people; then all rest for a moment. Twice."""
ENTRIES_OF_A_RUN = 10


class HeldHands(ShakyHands):
    """Hands that keep no row before a test lets them."""

    def __init__(self) -> None:
        super().__init__()
        self.tells_at_once = True
        self.may_keep = asyncio.Event()
        self.may_keep.set()

    @activity.defn(name=KEEP_CASELOAD_ROW)
    async def keep_caseload_row(self, row: CaseloadRow) -> RowKept:
        await self.may_keep.wait()
        return await super().keep_caseload_row(row)


@pytest.mark.parametrize("marked", [True, False], ids=["a-run-of-now", "a-run-of-before"])
@pytest.mark.parametrize("kept", ["before it is answered", "while it is answered", "after it is answered"])
async def test_an_act_that_comes_while_a_question_is_answered(
    server: Engine, monkeypatch: pytest.MonkeyPatch, kept: str, marked: bool
) -> None:
    """An act and a question come with one task; before the question is answered another act comes."""
    if not marked:
        monkeypatch.setattr(return_case, "_make_marks", lambda: return_case.Manner.OF_OLD)
    for _ in range(TRIES):
        with monkeypatch.context() as once:
            if await _two_acts_and_a_question(server, once, kept):
                return
    pytest.fail("the question ended no task")


async def _two_acts_and_a_question(server: Engine, monkeypatch: pytest.MonkeyPatch, kept: str) -> bool:
    """Play it; whether it came about as told. On a machine that is busy the question may come with another task."""
    hands, settings = HeldHands(), Settings(data=server.data)
    async with build_worker(server.client, settings, hands=as_hands(hands)):
        handle = await server.start()
        await accepted(handle, note())
    is_asked, may_answer = threading.Event(), threading.Event()

    def wait() -> None:
        is_asked.set()
        may_answer.wait(10)

    _before_answers(monkeypatch, wait)
    if kept != "before it is answered":
        hands.may_keep.clear()
    # Nobody is at work, so that both wait for the same task.
    first = asyncio.create_task(accepted(handle, note()))
    await asyncio.sleep(0.3)
    asked = asyncio.create_task(view(handle))
    await asyncio.sleep(0.7)
    async with build_worker(server.client, settings, hands=as_hands(hands)) as worker:
        assert await asyncio.to_thread(is_asked.wait, 20)
        if kept == "while it is answered":
            hands.may_keep.set()
        second = asyncio.create_task(accepted(handle, guardian()))
        await asyncio.sleep(0.5)  # on its way to the engine
        may_answer.set()
        await asked
        await asyncio.sleep(0.2)
        hands.may_keep.set()
        await asyncio.gather(first, second)
        await _until_at_rest(worker)
        entries = await ledger(handle)
        history = await handle.fetch_history()
    assert await _replayed(server, history) == headers(entries)
    kinds = [kind(event) for event in history.events]
    both = [n for n, each in enumerate(kinds) if each == "WORKFLOW_EXECUTION_UPDATE_ACCEPTED"]
    between = kinds[both[-2] : both[-1]]
    if "WORKFLOW_TASK_COMPLETED" not in between:
        return False
    ended = between[: between.index("WORKFLOW_TASK_COMPLETED")]
    return kept == "before it is answered" or "WORKFLOW_EXECUTION_UPDATE_COMPLETED" not in ended


async def test_an_act_by_signal_keeps_its_moment_where_its_task_is_ended_early(
    server: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question ends the signal's task while the row is at work, and the task before left no command either.

    The engine's client takes such a task for a sign of life, and a replay does what came with it in the next one.
    """
    for _ in range(TRIES):
        if await _a_signal_and_a_question(server):
            return
    pytest.fail("the question ended no task")


async def _a_signal_and_a_question(server: Engine) -> bool:
    """Play it; whether it came about as told."""
    hands, settings = HeldHands(), Settings(data=server.data)
    hands.tells_at_once = False
    async with build_worker(server.client, settings, hands=as_hands(hands)):
        handle = await server.start()
        await accepted(handle, note())
        # The last notice is out: a task that leaves no command.
        await _until_activities_are_done(handle, 2)
    hands.may_keep.clear()
    await handle.signal(RECORD, note())
    asked = asyncio.create_task(view(handle))
    await asyncio.sleep(0.7)
    async with build_worker(server.client, settings, hands=as_hands(hands)) as worker:
        await asked
        await asyncio.sleep(0.2)
        hands.may_keep.set()
        await accepted(handle, note())
        await _until_at_rest(worker)
        entries = await ledger(handle)
        history = await handle.fetch_history()
    assert await _replayed(server, history) == headers(entries)
    kinds = await _kinds(handle)
    since = kinds[kinds.index("WORKFLOW_EXECUTION_SIGNALED") :]
    kept = since.index("MARKER_RECORDED")
    return since[:kept].count("WORKFLOW_TASK_COMPLETED") == 2


async def test_what_came_one_by_one_comes_at_once_at_a_replay(
    server: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row and a key, after a question ended the task before; the next row holds as much at a replay.

    The key came while the question was on its way to the worker, so it stands in the ended task, and what it leads to
    begins there at a replay: with the row that was at work it then comes in one step.
    """
    for n in range(TRIES):
        with monkeypatch.context() as once:
            if await _a_row_and_a_key(server, once, tmp_path / str(n)):
                return
    pytest.fail("the question ended no task")


async def _a_row_and_a_key(server: Engine, monkeypatch: pytest.MonkeyPatch, place: Path) -> bool:
    """Play it; whether it came about as told."""
    authority = Authority(place / "authority")
    settings = Settings(data=server.data, published_keys=authority.published.path)
    begun: list[tuple[str, asyncio.Event]] = []
    is_held, may_come = False, asyncio.Event()

    async def when_let(name: str) -> None:
        if is_held:
            begun.append((name, let := asyncio.Event()))
            await let.wait()

    async def let_go(name: str) -> None:
        """The one at work of this name, and nothing else until the worker has gone on."""
        for _ in range(50):
            if at_work := [let for each, let in begun if each == name and not let.is_set()]:
                at_work[0].set()
                break
            await asyncio.sleep(0.1)  # if it never comes, the course was another one, and is played again
        await asyncio.sleep(0.2)

    class LateQuestions(Door):
        """Core, from which a question comes only when a test lets it."""

        def __init__(self, core: Any, order: InOrder) -> None:
            super().__init__(_Late(core, may_come), order)

    hands = SlowHands(Hands.of(settings, AgreementShelf(), server.client), when_let)
    case = Signed(server, authority)
    async with build_worker(server.client, settings, hands=as_hands(hands)):
        await case.open()
        await record(case.handle, note())
    is_held = True
    # Nobody is at work, so that all wait for the same task.
    saying = [asyncio.create_task(record(case.handle, note()))]
    await asyncio.sleep(0.2)
    for _ in range(3):
        saying.append(asyncio.create_task(record(case.handle, await case.signed(note()))))
        await asyncio.sleep(0.1)
    asked = asyncio.create_task(view(case.handle))
    await asyncio.sleep(0.6)
    monkeypatch.setattr(in_order, "Door", LateQuestions)
    async with build_worker(server.client, settings, hands=as_hands(hands)) as worker:
        await let_go(PUBLISHED_KEY)
        may_come.set()
        await asked
        for name in (KEEP_CASELOAD_ROW, PUBLISHED_KEY) * 2:
            await let_go(name)
        is_held = False
        for _, let in begun:
            let.set()
        await asyncio.gather(*saying)
        await _until_at_rest(worker)
        entries = await ledger(case.handle)
        history = await case.handle.fetch_history()
    await hands.close()
    assert await _replayed(server, history) == headers(entries)
    kinds = [kind(event) for event in history.events]
    heard = len(kinds) - kinds[::-1].index("WORKFLOW_EXECUTION_UPDATE_ACCEPTED")
    ended, next_task = kinds[heard : heard + 4], kinds[heard + 4 : heard + 7]
    # The key in the ended task; then the row, by which somebody is answered, and the next key, in one other task.
    return ended == ["MARKER_RECORDED", *TASK] and next_task == [
        "MARKER_RECORDED",
        "WORKFLOW_EXECUTION_UPDATE_COMPLETED",
        "MARKER_RECORDED",
    ]


class _Late:
    """A core whose questions wait."""

    def __init__(self, core: Any, may_come: asyncio.Event) -> None:
        self._core, self._may_come = core, may_come

    def __getattr__(self, name: str) -> Any:
        return getattr(self._core, name)

    async def poll_workflow_activation(self) -> Any:
        act = await self._core.poll_workflow_activation()
        if any(job.HasField("query_workflow") for job in act.jobs):
            await self._may_come.wait()
        return act


@pytest.mark.slow
async def test_many_act_and_ask_at_once(server: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed acts, others, and signals, with questions between, over several runs of each case."""
    chance = random.Random(6)
    monkeypatch.setattr(return_case, "ENTRIES_A_RUN", ENTRIES_OF_A_RUN)
    _before_answers(monkeypatch, lambda: time.sleep(chance.choice((0, 0.01, 0.05))))
    authority = Authority(tmp_path / "authority")
    settings = Settings(data=server.data, published_keys=authority.published.path)

    async def unevenly(name: str) -> None:
        await asyncio.sleep(chance.choice((0, 0.02, 0.1)) * chance.random())

    hands = SlowHands(Hands.of(settings, AgreementShelf(), server.client), unevenly)
    async with build_worker(server.client, settings, hands=as_hands(hands)) as worker:
        crowd = [Crowd(Signed(server, authority), chance) for _ in range(CASES_AT_ONCE)]
        await asyncio.gather(*(each.act_and_ask() for each in crowd))
        records = [(each, await each.whole_record(), await each.histories()) for each in crowd]
        await _until_at_rest(worker)
    await hands.close()
    for each, entries, runs in records:
        heard = [entry["act_id"] for entry in entries if entry["act_id"]]
        assert sorted(heard) == sorted(each.said), "an act is missing, or there twice"
        assert len(runs) > 1
        assert await _replayed(server, *runs) == headers(entries)


class SlowHands(ShakyHands):
    """A worker's hands, with something to be waited for before local activities begin; it is told their names."""

    def __init__(self, hands: Hands, before: Callable[[str], Awaitable[None]]) -> None:
        super().__init__()
        self._hands, self._before = hands, before

    def activities(self) -> Sequence[Callable[..., Any]]:
        return [self._slowly(each) for each in self._hands.activities()]

    def _slowly(self, does: Callable[..., Any]) -> Callable[..., Any]:
        name: str = getattr(does, "__temporal_activity_definition").name
        if name not in (ADMIT, KEEP_CASELOAD_ROW, PUBLISHED_KEY):
            return does

        async def slower(asked: Any) -> Any:
            await self._before(name)
            return await does(asked)

        slower.__annotations__ = {**does.__annotations__, "asked": next(iter(does.__annotations__.values()))}
        return activity.defn(name=name)(slower)

    async def close(self) -> None:
        await self._hands.close()


class Crowd:
    """Three who act in one case and one who asks, as fast as they can."""

    def __init__(self, case: Signed, chance: random.Random) -> None:
        self._case, self._chance = case, chance
        self.said: list[str] = []

    async def act_and_ask(self) -> None:
        await self._case.open()
        run = (await self._case.handle.describe()).run_id
        asking = asyncio.create_task(self._ask())
        for _ in range(2):
            await asyncio.gather(*(self._act() for _ in range(3)))
            await moved_on_from(run, self._case.handle)
        asking.cancel()

    async def _act(self) -> None:
        for _ in range(ACTS_AT_ONCE):
            said = note()
            self.said.append(said["act_id"])
            if self._chance.random() < 0.7:
                said = await self._case.signed(said)
            if self._chance.random() < 0.3:
                await self._case.handle.signal("record", said)
            else:
                await self._received(said)
            await asyncio.sleep(0.1 * self._chance.random())

    async def _received(self, said: Fields) -> None:
        async with asyncio.timeout(20):
            while True:
                try:
                    await record(self._case.handle, said)
                except RPCError:
                    await asyncio.sleep(0.05)  # the case moves on to a new run
                else:
                    return

    async def _ask(self) -> None:
        while True:
            try:
                await view(self._case.handle)
            except (RPCError, WorkflowQueryFailedError):
                pass  # likewise, or it is not open yet
            await asyncio.sleep(0.05 * self._chance.random())

    async def whole_record(self) -> list[Fields]:
        async with asyncio.timeout(20):
            while True:
                entries = await ledger(self._case.handle)
                if len([entry for entry in entries if entry["act_id"]]) >= len(self.said):
                    return entries
                await asyncio.sleep(0.1)  # a signal waits for nobody

    async def histories(self) -> list[WorkflowHistory]:
        """Those of all runs, the newest first."""
        handle: Handle = self._case.handle
        runs = [await handle.fetch_history()]
        while before := runs[-1].events[0].workflow_execution_started_event_attributes.continued_execution_run_id:
            earlier = self._case.engine.client.get_workflow_handle(handle.id, run_id=before)
            runs.append(await earlier.fetch_history())
        return runs


async def _until_activities_are_done(handle: Handle, count: int) -> None:
    """And the task that each leads to. The opening and each act are told of by an activity."""
    kinds: list[str] = []
    for _ in range(200):
        kinds = await _kinds(handle)
        if kinds.count("ACTIVITY_TASK_COMPLETED") == count and kinds[-1] != TASK[0] and kinds[-1] != TASK[1]:
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"the history is {kinds}")


async def _kinds(handle: Handle) -> list[str]:
    return [kind(event) for event in (await handle.fetch_history()).events]


async def _until_at_rest(worker: Worker) -> None:
    """What is kept to put results in order goes with the tasks that it was kept for."""
    door = vars(worker)["_bridge_worker"]
    assert isinstance(door, Door)
    for _ in range(200):
        if door.at_rest:
            return
        await asyncio.sleep(0.05)
    pytest.fail(f"kept: {vars(door)}")


def _before_answers(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> None:
    answer = Proceedings.view

    def slowly(self: Proceedings, *given: Any) -> Any:
        happens()
        return answer(self, *given)

    monkeypatch.setattr(Proceedings, "view", slowly)


async def _replayed(engine: Engine, *runs: WorkflowHistory) -> list[tuple[Any, ...]]:
    """The headers of a case's entries as its newest run has them, after each of its runs has been replayed."""
    replayer = Replayer(
        workflows=WORKFLOWS,
        workflow_runner=workflow_runner(),
        data_converter=for_worker(engine.client).data_converter,
        interceptors=[Listening()],
        debug_mode=True,  # patient on a busy machine
    )
    ends: list[list[tuple[Any, ...]]] = []
    for run in runs:
        CASES.clear()
        result = await replayer.replay_workflow(run, raise_on_replay_failure=False)
        assert result.replay_failure is None, result.replay_failure
        proceedings: Proceedings | None = CASES[-1].proceedings
        assert proceedings is not None
        ends.append(headers(proceedings.ledger()))
    newest = ends[0]
    for earlier in ends[1:]:
        assert newest[: len(earlier)] == earlier
    return newest
