"""What a case does comes in the order in which a replay does it, also where somebody asks while a local activity is at work.

The engine's client ends a task at once where a question came with it, whatever is still at work, and goes on in another
task. A replay does what an activity brought in the task in which its marker stands: in the ended one before all that came
with the other, and in the other after it. Up to temporalio 1.35 a worker does the first after it as well. And what
follows from the first begins in the ended task at a replay, so that several activities bring in one step there what came
one by one. So three things are seen to here (docs/decisions/0034-in-the-order-of-a-replay.md):

- while a question is answered, what local activities of its run bring is held back: it comes with the other task;
- what core had been told before that stands in the ended task, and is done before all else of the other;
- in runs that are marked for it, each result is done in a step of its own, as it comes and at a replay.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any, Final, NamedTuple

from temporalio.bridge.proto import ActivityTaskCompletion
from temporalio.bridge.proto.activity_task import ActivityTask
from temporalio.bridge.proto.workflow_activation import WorkflowActivation, WorkflowActivationJob
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import Worker, WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner

_ENDINGS: Final = (
    "complete_workflow_execution",
    "fail_workflow_execution",
    "cancel_workflow_execution",
    "continue_as_new_workflow_execution",
)

_log = logging.getLogger(__name__)


class KeptElsewhere(RuntimeError):
    """The engine's client no longer has something where it is looked for; a worker without it must not begin.

    Raised and not asserted: assertions are left out under ``python -O``.
    """

    says_nothing_personal = True

    def __init__(self, what: str) -> None:
        super().__init__(f"This version of the package temporalio does not keep {what} where Homeward looks for it")


class InOrder(WorkflowRunner):
    """Runs workflows as another runner does, and puts in order what comes at once. With :func:`hold_results_back`.

    ``apart`` are the marks of runs in which each result is a step of its own.
    """

    def __init__(self, runner: WorkflowRunner, apart: Collection[str]) -> None:
        self._runner, self._apart = runner, apart
        self.ended: dict[str, set[str]] = {}
        """By run: the local activities of which core was told before a question was answered, and the case not yet."""

    def prepare_workflow(self, defn: Any) -> None:
        self._runner.prepare_workflow(defn)

    def set_worker_level_failure_exception_types(self, types: Any) -> None:
        self._runner.set_worker_level_failure_exception_types(types)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _InOrder(self._runner.create_instance(det), self.ended, self._apart)


class _InOrder(WorkflowInstance):
    def __init__(self, instance: WorkflowInstance, ended: dict[str, set[str]], apart: Collection[str]) -> None:
        self._instance, self._ended, self._marks = instance, ended, apart
        self._is_apart = False

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        if any(job.HasField("initialize_workflow") for job in act.jobs):
            done = self._instance.activate(act)
            self._is_apart = any(each.set_patch_marker.patch_id in self._marks for each in done.successful.commands)
            return done
        if not any(map(_is_of_a_local_activity, act.jobs)):
            return self._instance.activate(act)
        steps = self._steps(act)
        done = self._instance.activate(_with(act, next(steps)))
        for jobs in steps:
            if done.HasField("failed"):
                break
            if any(command.WhichOneof("variant") in _ENDINGS for command in done.successful.commands):
                if any(job.HasField("signal_workflow") for job in jobs):
                    _log.error("a run ended before it heard a signal", extra={"run_id": act.run_id})
                continue
            done = _joined(done, self._instance.activate(_with(act, jobs)))
        return done

    def _steps(self, act: WorkflowActivation) -> Iterator[list[WorkflowActivationJob]]:
        """What stands in the ended task; what came with the other; and what local activities brought since."""
        if act.is_replaying and not self._is_apart:
            yield list(act.jobs)
            return
        # Replayed, what stands in the ended task comes with that.
        ended = () if act.is_replaying else self._ended.pop(act.run_id, ())
        brought = [job for job in act.jobs if _is_of_a_local_activity(job)]
        first = [job for job in brought if _number(job) in ended]
        last = [job for job in brought if _number(job) not in ended]
        others = [job for job in act.jobs if not _is_of_a_local_activity(job)]
        if self._is_apart:
            steps = [*([job] for job in first), others, *([job] for job in last)]
        else:
            steps = [first, others + last]
        yield from filter(None, steps)

    def get_serialization_context(self, command_info: Any) -> Any:
        return self._instance.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> Any:
        return self._instance.get_external_store_context(command_info)

    def get_info(self) -> Any:
        return self._instance.get_info()

    def get_thread_id(self) -> int | None:
        return self._instance.get_thread_id()


def _joined(
    done: WorkflowActivationCompletion, next_done: WorkflowActivationCompletion
) -> WorkflowActivationCompletion:
    if next_done.HasField("failed"):
        return next_done
    done.successful.commands.extend(next_done.successful.commands)
    done.successful.used_internal_flags.extend(next_done.successful.used_internal_flags)
    return done


def _is_of_a_local_activity(job: WorkflowActivationJob) -> bool:
    return job.HasField("resolve_activity") and job.resolve_activity.is_local


def _number(job: WorkflowActivationJob) -> str:
    # Also the activity's id, as no workflow here gives one of its own.
    return str(job.resolve_activity.seq)


def _with(act: WorkflowActivation, jobs: list[WorkflowActivationJob]) -> WorkflowActivation:
    if len(jobs) == len(act.jobs) == 1:
        return act
    part = WorkflowActivation()
    part.CopyFrom(act)
    del part.jobs[:]
    part.jobs.extend(jobs)
    return part


def hold_results_back(worker: Worker, order: InOrder) -> None:
    """Hold results of local activities back while a question is answered; the SDK has no place for it. Before it runs.

    ``order`` is the worker's runner. Raises :class:`KeptElsewhere`.
    """
    kept = vars(worker)
    if not hasattr(kept.get("_bridge_worker"), "complete_workflow_activation"):
        raise KeptElsewhere("a worker's core")
    kept["_bridge_worker"] = Door(kept["_bridge_worker"], order)


class Door:
    """All that a worker's core hands out and is handed goes through here, on one event loop."""

    def __init__(self, core: Any, order: InOrder) -> None:
        self._core, self._ended = core, order.ended
        self._answered: dict[str, asyncio.Event] = {}
        """By run in which a question is being answered."""
        self._attempts: dict[bytes, _Attempt] = {}
        self._telling: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        """By run: results that are being handed to core."""
        self._told: defaultdict[str, set[str]] = defaultdict(set)
        """By run: the local activities of which core was told, and the case not yet."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._core, name)

    @property
    def at_rest(self) -> bool:
        """Whether nothing is kept of any run."""
        return not (self._answered or self._attempts or self._telling or self._told or self._ended)

    async def poll_workflow_activation(self) -> WorkflowActivation:
        act = await self._core.poll_workflow_activation()
        run = act.run_id
        if any(job.HasField("remove_from_cache") for job in act.jobs):
            self._forget(run)
        elif any(job.HasField("query_workflow") for job in act.jobs):
            self._answered.setdefault(run, asyncio.Event())
        elif run in self._told:
            self._told[run].difference_update(_number(job) for job in act.jobs if _is_of_a_local_activity(job))
            if not self._told[run]:
                del self._told[run]
        return act

    def _forget(self, run: str) -> None:
        self._told.pop(run, None)
        self._ended.pop(run, None)
        # What these attempts bring is nothing to the run when it is taken up again: it begins them anew.
        for token in [token for token, attempt in self._attempts.items() if attempt.run == run]:
            del self._attempts[token]

    async def complete_workflow_activation(self, completion: WorkflowActivationCompletion) -> None:
        run = completion.run_id
        answered = self._answered.get(run)
        if answered is None:
            await self._core.complete_workflow_activation(completion)
            return
        for telling in list(self._telling.get(run, ())):
            await telling.wait()
        if told := self._told.get(run):
            self._ended[run] = set(told)
        try:
            await self._core.complete_workflow_activation(completion)
        finally:
            self._answered.pop(run, None)
            answered.set()

    async def poll_activity_task(self) -> ActivityTask:
        task = await self._core.poll_activity_task()
        if task.HasField("start") and task.start.is_local:
            start = task.start
            most = start.retry_policy.maximum_attempts
            self._attempts[task.task_token] = _Attempt(
                start.workflow_execution.run_id, start.activity_id, start.attempt, most
            )
        return task

    async def complete_activity_task(self, completion: ActivityTaskCompletion) -> None:
        attempt = self._attempts.get(completion.task_token)
        while attempt is not None and (answered := self._answered.get(attempt.run)):
            await answered.wait()
            attempt = self._attempts.get(completion.task_token)
        if attempt is None:
            await self._core.complete_activity_task(completion)
            return
        del self._attempts[completion.task_token]
        told = asyncio.Event()
        self._telling[attempt.run].add(told)
        if not attempt.comes_again(completion):
            self._told[attempt.run].add(attempt.activity)
        try:
            await self._core.complete_activity_task(completion)
        finally:
            told.set()
            self._telling[attempt.run].discard(told)
            if not self._telling[attempt.run]:
                del self._telling[attempt.run]


class _Attempt(NamedTuple):
    """An attempt at a local activity. ``most`` is 0 where it is tried for ever."""

    run: str
    activity: str
    number: int
    most: int

    def comes_again(self, completion: ActivityTaskCompletion) -> bool:
        if not completion.result.HasField("failed"):
            return False
        final = completion.result.failed.failure.application_failure_info.non_retryable
        return not final and (self.most == 0 or self.number < self.most)
