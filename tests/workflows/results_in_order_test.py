"""How a worker puts in order what comes at once, by the messages between the SDK and its core alone."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.bridge.proto import ActivityTaskCompletion
from temporalio.bridge.proto.activity_task import ActivityTask
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import WorkflowInstance, WorkflowRunner

from workflows.in_order import Door, InOrder, KeptElsewhere, hold_results_back

RUN, MARK = "a-run", "an-invented-mark"
ACTIVITY, OTHER = "7", "8"


class Recording(WorkflowInstance):
    """Answers each activation with a command that names its jobs."""

    def __init__(self) -> None:
        self.seen: list[list[str]] = []
        self.fails = self.ends = False
        self.mark: str | None = None

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        jobs = [_named(job) for job in act.jobs]
        self.seen.append(jobs)
        completion = WorkflowActivationCompletion(run_id=act.run_id)
        if self.fails:
            completion.failed.failure.message = "invented"
            return completion
        completion.successful.used_internal_flags.append(len(self.seen))
        completion.successful.commands.add().cancel_timer.seq = len(jobs)
        if self.mark:
            completion.successful.commands.add().set_patch_marker.patch_id = self.mark
        if self.ends:
            completion.successful.commands.add().continue_as_new_workflow_execution.SetInParent()
        return completion

    def get_serialization_context(self, command_info: Any) -> Any:
        return None

    def get_external_store_context(self, command_info: Any) -> Any:
        return None

    def get_info(self) -> Any:
        return None


class Runner(WorkflowRunner):
    """Runs the one instance that it is given."""

    def __init__(self, instance: Recording) -> None:
        self._instance = instance

    def prepare_workflow(self, defn: Any) -> None:
        """Nothing is to be prepared."""

    def create_instance(self, det: Any) -> WorkflowInstance:
        return self._instance


class Core:
    """Keeps what it is handed, and hands out what it is given."""

    def __init__(self) -> None:
        self.activations: asyncio.Queue[WorkflowActivation] = asyncio.Queue()
        self.tasks: asyncio.Queue[ActivityTask] = asyncio.Queue()
        self.told: list[str] = []

    async def poll_workflow_activation(self) -> WorkflowActivation:
        return await self.activations.get()

    async def poll_activity_task(self) -> ActivityTask:
        return await self.tasks.get()

    async def complete_workflow_activation(self, completion: WorkflowActivationCompletion) -> None:
        self.told.append("an answer" if completion.successful.commands[0].HasField("respond_to_query") else "a step")

    async def complete_activity_task(self, completion: ActivityTaskCompletion) -> None:
        self.told.append(completion.task_token.decode())


def _named(job: Any) -> str:
    if job.HasField("resolve_activity"):
        return f"{'local ' if job.resolve_activity.is_local else ''}{job.resolve_activity.seq}"
    return str(job.WhichOneof("variant"))


def activation(*jobs: str, replaying: bool = False) -> WorkflowActivation:
    act = WorkflowActivation(run_id=RUN, is_replaying=replaying)
    for job in jobs:
        if job.startswith("local "):
            resolved = act.jobs.add().resolve_activity
            resolved.seq, resolved.is_local = int(job.removeprefix("local ")), True
        else:
            getattr(act.jobs.add(), job).SetInParent()
    return act


def answer() -> WorkflowActivationCompletion:
    completion = WorkflowActivationCompletion(run_id=RUN)
    completion.successful.commands.add().respond_to_query.query_id = "asked"
    return completion


def task(activity: str, *, most: int = 1) -> ActivityTask:
    handed = ActivityTask(task_token=activity.encode())
    handed.start.is_local, handed.start.activity_id, handed.start.attempt = True, activity, 1
    handed.start.workflow_execution.run_id = RUN
    handed.start.retry_policy.maximum_attempts = most
    return handed


def result(activity: str, *, failed: bool = False) -> ActivityTaskCompletion:
    completion = ActivityTaskCompletion(task_token=activity.encode())
    outcome = completion.result.failed if failed else completion.result.completed
    outcome.SetInParent()
    return completion


def placed(
    told: set[str], *jobs: str, instance: Recording | None = None, replaying: bool = False, mark: str | None = None
) -> Any:
    """What an activation becomes where core had been told of some activities before a question was answered."""
    seen = instance or Recording()
    order = InOrder(Runner(seen), {MARK})
    if told:
        order.ended[RUN] = told
    run = order.create_instance(None)  # pyright: ignore[reportArgumentType]
    fails, ends = seen.fails, seen.ends
    seen.mark, seen.fails, seen.ends = mark, False, False
    run.activate(activation("initialize_workflow", replaying=replaying))
    seen.mark, seen.fails, seen.ends = None, fails, ends
    seen.seen.clear()
    return seen.seen, run.activate(activation(*jobs, replaying=replaying))


def test_what_stands_in_the_ended_task_is_done_before_all_else() -> None:
    """In a step of its own; commands and flags of both are handed in as one."""
    seen, completion = placed({ACTIVITY}, "do_update", "local 7", "fire_timer", "local 8")
    assert seen == [["local 7"], ["do_update", "fire_timer", "local 8"]]
    assert [command.cancel_timer.seq for command in completion.successful.commands] == [1, 3]
    assert sorted(completion.successful.used_internal_flags) == [1, 2]


def test_what_was_held_back_is_done_last() -> None:
    """In the step of all else, as a replay does it."""
    assert placed(set(), "local 7", "do_update", "fire_timer")[0] == [["do_update", "fire_timer", "local 7"]]


@pytest.mark.parametrize("jobs", [("local 7", "local 8"), ("do_update", "resolve_activity"), ("query_workflow",)])
def test_where_nothing_meets_nothing_is_changed(jobs: tuple[str, ...]) -> None:
    """Local activities alone, and what has a place of its own in the history."""
    seen, _ = placed(set(), *jobs)
    assert seen == [[_named(job) for job in activation(*jobs).jobs]]


def test_a_replay_comes_as_the_history_has_it() -> None:
    """Nothing is put in order, whatever is kept."""
    assert placed({ACTIVITY}, "do_update", "local 7", replaying=True)[0] == [["do_update", "local 7"]]


@pytest.mark.parametrize("replaying", [False, True], ids=["as-it-comes", "replayed"])
def test_in_a_marked_run_each_result_is_a_step_of_its_own(replaying: bool) -> None:
    """After all else of the task, in the order in which core tells them, which is that of their markers."""
    seen, completion = placed(set(), "local 8", "do_update", "local 7", "fire_timer", mark=MARK, replaying=replaying)
    assert seen == [["do_update", "fire_timer"], ["local 8"], ["local 7"]]
    assert [command.cancel_timer.seq for command in completion.successful.commands] == [2, 1, 1]


def test_in_a_marked_run_too_the_ended_task_comes_first() -> None:
    """Each of its results by itself."""
    seen, _ = placed({ACTIVITY, OTHER}, "do_update", "local 8", "local 9", "local 7", mark=MARK)
    assert seen == [["local 8"], ["local 7"], ["do_update"], ["local 9"]]


@pytest.mark.parametrize("mark", [None, "marks-come-first"])
def test_a_run_with_another_mark_comes_as_before(mark: str | None) -> None:
    """Which results came in one step nobody knows of it."""
    assert placed(set(), "local 8", "do_update", "local 7", mark=mark)[0] == [["do_update", "local 8", "local 7"]]
    seen, _ = placed(set(), "do_update", "local 8", "local 7", mark=mark, replaying=True)
    assert seen == [["do_update", "local 8", "local 7"]]


def test_a_first_step_that_fails_fails_the_task() -> None:
    """The rest comes again with the task's next try."""
    instance = Recording()
    instance.fails = True
    seen, completion = placed({ACTIVITY}, "do_update", "local 7", instance=instance)
    assert seen == [["local 7"]]
    assert completion.HasField("failed")


def test_a_run_that_ends_before_a_signal_was_heard_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """Runs of today do not end with what a local activity brought; of earlier ones an operator hears."""
    instance = Recording()
    instance.ends = True
    seen, _ = placed({ACTIVITY}, "signal_workflow", "local 7", instance=instance)
    assert seen == [["local 7"]]
    assert [record.message for record in caplog.records] == ["a run ended before it heard a signal"]


def test_where_a_run_ends_all_that_is_left_is_looked_through(caplog: pytest.LogCaptureFixture) -> None:
    """A signal may stand in a later step than the next."""
    instance = Recording()
    instance.ends = True
    seen, _ = placed(
        {ACTIVITY, OTHER}, "signal_workflow", "local 7", "local 8", "local 9", mark=MARK, instance=instance
    )
    assert seen == [["local 7"]]
    assert [record.message for record in caplog.records] == ["a run ended before it heard a signal"]


async def test_a_result_waits_while_a_question_is_answered() -> None:
    """It is told when the answer has been handed in, and nothing of it is kept."""
    core, order = Core(), InOrder(Runner(Recording()), {MARK})
    door = Door(core, order)
    await core.tasks.put(task(ACTIVITY))
    await door.poll_activity_task()
    await core.activations.put(activation("query_workflow"))
    await door.poll_workflow_activation()
    telling = asyncio.create_task(door.complete_activity_task(result(ACTIVITY)))
    await asyncio.sleep(0.01)
    assert core.told == []
    await door.complete_workflow_activation(answer())
    await telling
    assert core.told == ["an answer", ACTIVITY]
    assert order.ended == {}
    await core.activations.put(activation("local 7"))
    await door.poll_workflow_activation()
    assert door.at_rest


async def test_what_core_was_told_before_an_answer_stands_in_the_ended_task() -> None:
    """Not what the case has been told already, nor an attempt after which it is tried again."""
    core, order = Core(), InOrder(Runner(Recording()), {MARK})
    door = Door(core, order)
    for each in (task("6"), task(ACTIVITY), task(OTHER, most=0)):
        await core.tasks.put(each)
        await door.poll_activity_task()
    await door.complete_activity_task(result("6"))
    await core.activations.put(activation("local 6"))
    await door.poll_workflow_activation()
    await door.complete_activity_task(result(ACTIVITY))
    await door.complete_activity_task(result(OTHER, failed=True))
    await core.activations.put(activation("query_workflow"))
    await door.poll_workflow_activation()
    await door.complete_workflow_activation(answer())
    assert order.ended == {RUN: {ACTIVITY}}


async def test_a_run_that_leaves_the_worker_leaves_nothing() -> None:
    """Attempts that it began are told to core, and count for nothing when it is taken up again."""
    core, order = Core(), InOrder(Runner(Recording()), {MARK})
    door = Door(core, order)
    await core.tasks.put(task(ACTIVITY))
    await door.poll_activity_task()
    await core.tasks.put(task(OTHER))
    await door.poll_activity_task()
    await door.complete_activity_task(result(OTHER))
    await core.activations.put(activation("remove_from_cache"))
    await door.poll_workflow_activation()
    await door.complete_activity_task(result(ACTIVITY))
    assert core.told == [OTHER, ACTIVITY]
    assert door.at_rest


def test_a_worker_that_keeps_its_core_elsewhere_does_not_begin() -> None:
    """By an error that is raised also where Python leaves assertions out: its cases would break at a replay."""
    order = InOrder(Runner(Recording()), MARK)
    for kept in (SimpleNamespace(), SimpleNamespace(_bridge_worker=object())):
        with pytest.raises(KeptElsewhere, match=r"does not keep a worker's core where"):
            hold_results_back(cast("Any", kept), order)
    found = SimpleNamespace(_bridge_worker=Core())
    hold_results_back(cast("Any", found), order)
    assert isinstance(found._bridge_worker, Door)
