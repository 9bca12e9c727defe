"""Ended runs are kept for good, each when it ends; a sweep finds what was missed; no case waits for its archive."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from temporalio import workflow
from temporalio.client import ScheduleActionStartWorkflow
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities import archiving
from activities.archiving import LAST_ATTEMPT_FOR_ENTRIES, Archivist
from casefile import history
from casefile.archive import Archive, Kept
from casefile.engine import EngineRuns, opened_history
from casefile.runs import Run
from sealing.composing import seal_of
from tests.casefile.lived import Lived, long_case, until
from tests.workflows.engines import (
    STATION,
    Handle,
    accepted,
    act,
    development,
    intake,
    ledger,
    new_reference,
    note,
    record,
    time_skipping,
    until_determined,
    view,
)
from worker import SWEEP_DAYS, SWEEP_EVERY, SWEEP_ID, ensure_sweep
from workflows.messages import (
    ARCHIVE_RUN,
    LEDGER,
    RECORD,
    RETURN_CASE,
    STILL_RUNS,
    SWEEP_ARCHIVE,
    TASK_QUEUE,
    EndedRun,
    Sweep,
    Swept,
    archiving_id,
)
from workflows.raw import for_worker

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
async def lived(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lived]:
    """An engine with a worker and an archive."""
    async with development(tmp_path_factory.mktemp("archiving")) as engine, engine.worker():
        yield Lived(engine)


@pytest.fixture
async def alone(tmp_path: Path) -> AsyncIterator[Lived]:
    """An engine of the test's own, without a worker."""
    async with development(tmp_path) as engine:
        yield Lived(engine)


@pytest.fixture
async def skipping(tmp_path: Path) -> AsyncIterator[Lived]:
    """The engine whose time can be skipped, without a worker."""
    async with time_skipping(tmp_path) as engine:
        yield Lived(engine)


def archivist(lived: Lived) -> Archivist:
    return Archivist(
        lived.engine.client, lambda: Archive(lived.archive_folder, seal=seal_of(lived.engine.client), make=True)
    )


async def kept(lived: Lived, reference: str) -> dict[str, Run]:
    """What the archive has of a case, each run by its id."""
    if not lived.archive_folder.is_dir():
        return {}
    return {each.run_id: await lived.archive.read(each) for each in await lived.archive.runs(reference)}


async def in_archive(lived: Lived, reference: str, count: int) -> dict[str, Run]:
    """Wait until so many runs of a case are kept: these."""

    async def there() -> bool:
        return len(await kept(lived, reference)) == count

    await until(there)
    return await kept(lived, reference)


def entries(run: Run) -> list[dict[str, Any]]:
    """The entries kept with a run."""
    assert run.ledger is not None
    return run.ledger


def how_ended(run: Run) -> str:
    ended = history.ended(run.history)
    assert ended is not None
    return ended.how


async def closed_case(handle: Handle) -> None:
    """A case that is withdrawn soon after it was opened."""
    await accepted(handle, *until_determined()[:4], act("ca", "close_case", outcome="withdrawn"))


# Each run when it ends


async def test_a_run_that_still_runs_is_not_kept(lived: Lived) -> None:
    """Whoever asks too early is told so, and may ask again."""
    handle = await lived.engine.start()
    await accepted(handle, note())
    with pytest.raises(ApplicationError) as told:
        await archivist(lived).keep_run(EndedRun(handle.id, await lived.newest_run(handle.id)))
    assert (told.value.type, told.value.non_retryable) == (STILL_RUNS, False)
    assert await kept(lived, handle.id) == {}


async def test_a_run_that_went_on_in_a_new_one_is_kept_with_its_entries(lived: Lived) -> None:
    """Its entries are those of the ledger from its first to its last, and nothing of the run after it."""
    handle = await long_case(lived.engine)
    ((run_id, run),) = (await in_archive(lived, handle.id, 1)).items()
    newest = await lived.newest_run(handle.id)
    whole = await ledger(handle)
    assert run_id != newest
    assert how_ended(run) == "continued"
    assert entries(run) == whole[: len(entries(run))]
    assert 100 <= len(entries(run)) < len(whole)


async def test_a_closed_case_is_kept_when_it_hears_no_more_acts(skipping: Lived) -> None:
    """Thirty days after its closing, with the late act that was refused; not a day before."""
    async with skipping.engine.worker():
        handle = await skipping.engine.start()
        await closed_case(handle)
        await skipping.engine.wait(days=29)
        assert (await record(handle, note()))["result"] == "refused"
        with pytest.raises(ApplicationError, match="has not ended yet"):
            await archivist(skipping).keep_run(EndedRun(handle.id, handle.first_execution_run_id))
        await skipping.engine.wait(days=2)
        left = await handle.result()
        ((run_id, run),) = (await in_archive(skipping, handle.id, 1)).items()
    assert run_id == handle.first_execution_run_id
    assert how_ended(run) == "completed"
    assert (entries(run)[-1]["hash"], len(entries(run))) == (left["head"], left["entries"])
    assert entries(run)[-1]["safeguards"] == ["closed-case"]


async def test_a_run_is_handed_over_once(lived: Lived) -> None:
    """Told twice that a run has ended, one process keeps it, under one name."""
    handle = await lived.engine.start()
    await accepted(handle, note())
    ended = EndedRun(handle.id, await lived.newest_run(handle.id))
    for _ in range(2):
        await archivist(lived).have_run_kept(ended, task_queue=TASK_QUEUE)
    await handle.terminate(reason="invented")
    digest = await lived.handle(archiving_id(handle.id, ended.run)).result()
    assert [(each.run_id, each.digest) for each in await lived.archive.runs(handle.id)] == [(ended.run, digest)]
    assert await archivist(lived).keep_run(ended) == digest


async def test_something_else_in_a_runs_place_does_not_keep_it_out(lived: Lived) -> None:
    """Put there beforehand under some name: the run is kept beside it, and under its own name it is told."""
    handle = await lived.engine.start()
    await accepted(handle, note())
    ended = EndedRun(handle.id, await lived.newest_run(handle.id))
    strange = lived.archive_folder / ended.reference / ended.run / f"{'ab' * 32}.json"
    strange.parent.mkdir(parents=True)
    strange.write_text("{}")
    await handle.terminate(reason="invented")
    digest = await archivist(lived).keep_run(ended)
    assert {each.digest for each in await lived.archive.runs(handle.id)} == {"ab" * 32, digest}
    assert strange.read_text() == "{}"
    strange.unlink()
    assert entries((await kept(lived, handle.id))[ended.run])[-1]["act"] == "note"
    (lived.archive_folder / handle.id / ended.run / f"{digest}.json").write_text("{}")
    with pytest.raises(ApplicationError, match="altered after it was kept") as told:
        await archivist(lived).keep_run(ended)
    assert told.value.type == "ArchiveAltered"


async def kept_otherwise(lived: Lived) -> tuple[EndedRun, Kept]:
    """A run that has ended, and what a newer archive has under its name after the engine was restored."""
    handle = await lived.engine.start()
    await accepted(handle, note())
    ended = EndedRun(handle.id, await lived.newest_run(handle.id))
    run = await EngineRuns(lived.engine.client).fetch(handle.id, ended.run, None)
    other = replace(run, history={**run.history, "events": run.history["events"][:-1]})
    archive = Archive(lived.archive_folder, seal=seal_of(lived.engine.client), make=True)
    there = await archive.keep(other)
    await handle.terminate(reason="invented")
    await lived.ended(handle.id, 1)
    return ended, there


async def test_a_run_that_is_kept_otherwise_is_kept_beside_it(lived: Lived) -> None:
    """As when an engine was restored, and its archive is newer: nothing is overwritten, and an audit names both."""
    ended, other = await kept_otherwise(lived)
    digest = await archivist(lived).keep_run(ended)
    assert digest != other.digest
    assert {each.digest for each in await lived.archive.runs(ended.reference)} == {digest, other.digest}
    assert await archivist(lived).keep_run(ended) == digest
    assert len(await lived.archive.runs(ended.reference)) == 2
    async with lived.audited(ended.reference) as looked:
        told = [finding.sentence for finding in looked.audited.findings]
    assert any(digest in each and other.digest in each for each in told), told


async def test_a_sweep_of_all_compares_and_one_of_some_days_goes_by_names(alone: Lived) -> None:
    """The hourly one would read every archive anew each time; `homeward archive` is there for after a restore."""
    async with alone.engine.worker():
        ended, other = await kept_otherwise(alone)
        assert await archivist(alone).keep_missed_runs(Sweep(days=SWEEP_DAYS)) == Swept(1, 0, 0)
        assert await alone.archive.runs(ended.reference) == [other]
        assert await archivist(alone).keep_missed_runs(Sweep()) == Swept(1, 1, 0)
        assert await archivist(alone).keep_missed_runs(Sweep()) == Swept(1, 0, 0)
    assert len(await alone.archive.runs(ended.reference)) == 2


async def test_what_is_kept_stays_so_when_the_engine_has_the_run_no_more(lived: Lived) -> None:
    """There is nothing to compare it with."""
    ended, other = await kept_otherwise(lived)
    gone = replace(ended, run="3a1b6a0e-0000-4000-8000-000000000000")
    run = replace(await lived.archive.read(other), run_id=gone.run)
    there = await Archive(lived.archive_folder, seal=seal_of(lived.engine.client)).keep(run)
    assert await archivist(lived).keep_run(gone) == there.digest


async def test_a_run_that_the_engine_has_no_more_is_not_asked_for_again(lived: Lived) -> None:
    """There is nothing to try for."""
    with pytest.raises(ApplicationError, match="the engine has the run no more") as told:
        await archivist(lived).keep_run(EndedRun(new_reference(), "3a1b6a0e-0000-4000-8000-000000000000"))
    assert told.value.non_retryable


# What ended otherwise


async def test_a_terminated_run_is_kept_with_its_entries(lived: Lived) -> None:
    """By force, without a word to the case: the sweep finds it."""
    handle = await lived.engine.start()
    await accepted(handle, *until_determined()[:2])
    whole = await ledger(handle)
    await handle.terminate(reason="an invented operator's reason")
    await lived.sweep_until(handle.id, 1)
    (run,) = (await kept(lived, handle.id)).values()
    assert how_ended(run) == "terminated"
    assert entries(run) == whole


async def test_a_run_that_an_operator_reset_is_kept_with_what_was_lost_by_it(lived: Lived) -> None:
    """The entries that the case has no more stand in the archive."""
    handle = await lived.engine.start()
    await accepted(handle, *until_determined()[:4])
    events = (await handle.fetch_history()).events
    done = [event.event_id for event in events if event.HasField("workflow_task_completed_event_attributes")]
    await accepted(handle, note(text="an invented note that is lost"))
    whole = await ledger(handle)
    first = await lived.newest_run(handle.id)
    await lived.reset(handle.id, done[2])
    await lived.sweep_until(handle.id, 1)
    assert set(await kept(lived, handle.id)) == {first}
    run = (await kept(lived, handle.id))[first]
    assert entries(run) == whole
    stands = {entry["hash"] for entry in await ledger(lived.handle(handle.id))}
    assert whole[0]["hash"] in stands
    assert whole[-1]["hash"] not in stands
    await lived.handle(handle.id).terminate(reason="invented")
    await lived.sweep()
    await until(lambda: _all_kept(lived, handle.id, 2))


async def _all_kept(lived: Lived, reference: str, count: int) -> bool:
    await lived.sweep()
    return len(await kept(lived, reference)) == count


async def test_an_intake_that_was_refused_is_never_kept(lived: Lived) -> None:
    """No case came of it, and what it says of a child is nobody's to keep; nor do strange ids stop the sweep."""
    refused = intake(situation="alone")
    ids = [new_reference(), "../../somewhere", "MD-UA-2026-abcdef"]
    for id in ids:
        handle = await lived.engine.client.start_workflow(RETURN_CASE, refused, id=id, task_queue=TASK_QUEUE)
        with pytest.raises(Exception, match="Workflow execution failed"):
            await handle.result()
        run = EndedRun(id, handle.first_execution_run_id or "")
        assert await archivist(lived).keep_run(run) == ""
        await lived.ended(id, 1)
    before = await lived.archive.references()
    await lived.sweep()
    assert await lived.archive.references() == before
    assert not set(before) & set(ids)


async def test_a_start_that_no_case_can_come_of_stops_no_sweep(lived: Lived) -> None:
    """By a cron schedule each run follows another, and none takes anything over: it is passed over."""
    reference = new_reference()
    handle = await lived.engine.start(reference=reference, cron_schedule="@every 1s")
    await lived.listed(reference, 2)
    await handle.terminate(reason="invented")
    ended = await lived.engine.start()
    await accepted(ended, note())
    await ended.terminate(reason="invented")
    await lived.ended(ended.id, 1)
    swept = await archivist(lived).keep_missed_runs(Sweep(days=SWEEP_DAYS))
    assert (swept.seen >= 3, swept.failed) == (True, 0)
    assert len(await kept(lived, ended.id)) == 1
    assert await kept(lived, reference) == {}


@workflow.defn(name=RETURN_CASE)
class Forgetful:
    """A case of a later version, which cannot take up the runs of an earlier one."""

    @workflow.run
    async def run(self, *given: Any) -> None:
        await workflow.sleep(timedelta(days=1))

    @workflow.update(name=RECORD)
    async def record(self, *given: Any) -> None:
        """Nothing is heard."""

    @workflow.query(name=LEDGER)
    def ledger(self, *first: Any) -> list[Any]:
        """Asked only of a run that could be taken up."""
        return []


async def test_a_run_that_tells_its_entries_no_more_is_kept_with_its_history_alone(alone: Lived) -> None:
    """After several attempts, each worth another; a sweep does not wait for them."""
    async with alone.engine.worker():
        ended: list[EndedRun] = []
        for _ in range(2):
            handle = await alone.engine.start()
            await accepted(handle, note())
            ended.append(EndedRun(handle.id, await alone.newest_run(handle.id)))
            await handle.terminate(reason="invented")
            await alone.ended(handle.id, 1)
    later = Worker(
        for_worker(alone.engine.client),
        task_queue=TASK_QUEUE,
        workflows=[Forgetful],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    async with later:
        with pytest.raises(ApplicationError, match="the case gave no answer") as told:
            await archivist(alone).keep_run(ended[0], attempt=LAST_ATTEMPT_FOR_ENTRIES - 1)
        assert (told.value.type, told.value.non_retryable) == ("CaseSilent", False)
        assert await kept(alone, ended[0].reference) == {}
        digest = await archivist(alone).keep_run(ended[0], attempt=LAST_ATTEMPT_FOR_ENTRIES)
        assert await archivist(alone).keep_missed_runs(Sweep()) == Swept(2, 1, 0)
    for each in ended:
        ((run_id, run),) = (await kept(alone, each.reference)).items()
        assert run_id == each.run
        assert run.ledger is None
        assert how_ended(run) == "terminated"
    assert [each.digest for each in await alone.archive.runs(ended[0].reference)] == [digest]


# An archive that is away


def put_away(lived: Lived) -> None:
    """A file in the archive's place: no folder can be made, whoever runs the worker."""
    lived.archive_folder.parent.mkdir(parents=True, exist_ok=True)
    lived.archive_folder.write_text("not a folder")


def bring_back(lived: Lived) -> None:
    lived.archive_folder.unlink()


async def test_no_case_waits_for_its_archive(alone: Lived) -> None:
    """It opens, hears acts and goes on in a new run with the archive away; the run is kept when that is back."""
    put_away(alone)
    async with alone.engine.worker():
        handle = await asyncio.wait_for(long_case(alone.engine), 60)
        first = handle.first_execution_run_id
        assert await alone.newest_run(handle.id) != first
        archiving_run = alone.handle(archiving_id(handle.id, first))

        async def tried_twice() -> bool:
            pending = (await archiving_run.describe()).raw_description.pending_activities
            return bool(pending) and pending[0].attempt > 1

        await until(tried_twice)
        failure = (await archiving_run.describe()).raw_description.pending_activities[0].last_failure
        assert failure.application_failure_info.type == "ArchiveUnreachable"
        assert str(alone.archive_folder) not in str(failure)
        with pytest.raises(ApplicationError, match="folder cannot be used"):
            await archivist(alone).keep_run(EndedRun(handle.id, first))
        assert (await record(handle, act("cw", "place_child", placement=STATION)))["result"] == "refused"
        bring_back(alone)
        run = (await in_archive(alone, handle.id, 1))[first]
        assert entries(run) == (await ledger(handle))[: len(entries(run))]


async def test_a_case_closes_with_its_archive_away(skipping: Lived) -> None:
    """And is kept days later."""
    put_away(skipping)
    async with skipping.engine.worker():
        handle = await skipping.engine.start()
        await closed_case(handle)
        await skipping.engine.wait(days=31)
        left = await asyncio.wait_for(handle.result(), 30)
        assert left["status"] == "closed"
        await skipping.engine.wait(days=3)
        bring_back(skipping)
        await skipping.engine.wait(hours=2)
        await in_archive(skipping, handle.id, 1)


# The sweep


async def test_a_sweep_finds_what_was_missed_and_a_second_one_nothing(alone: Lived) -> None:
    """Counted: seen, kept, and failed where nobody could tell the entries; the files are then the same."""
    async with alone.engine.worker():
        handles = [await alone.engine.start() for _ in range(3)]
        for handle in handles:
            await accepted(handle, note())
        for handle in handles[:2]:
            await handle.terminate(reason="invented")
            await alone.ended(handle.id, 1)
        told: list[Swept] = []
        assert await archivist(alone).keep_missed_runs(Sweep(days=7), progress=told.append) == Swept(2, 2, 0)
        assert told == [Swept(1, 1, 0), Swept(2, 2, 0)]
        before = {path: path.stat().st_mtime_ns for path in alone.archive_folder.rglob("*.json")}
        assert await archivist(alone).keep_missed_runs(Sweep()) == Swept(2, 0, 0)
        assert {path: path.stat().st_mtime_ns for path in alone.archive_folder.rglob("*.json")} == before
        assert await kept(alone, handles[2].id) == {}


async def test_a_sweep_passes_over_what_cannot_be_kept_now(alone: Lived, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a worker a case tells nothing: that is counted, and the next sweep tries again."""
    monkeypatch.setattr(archiving, "ASKED_WITHIN", timedelta(seconds=1))
    async with alone.engine.worker():
        handle = await alone.engine.start()
        await accepted(handle, note())
    await handle.terminate(reason="invented")
    await alone.ended(handle.id, 1)
    assert await archivist(alone).keep_missed_runs(Sweep()) == Swept(1, 0, 1)
    assert await kept(alone, handle.id) == {}
    async with alone.engine.worker():
        assert await archivist(alone).keep_missed_runs(Sweep()) == Swept(1, 1, 0)
    (run,) = (await kept(alone, handle.id)).values()
    assert [entry["act"] for entry in entries(run)] == [None, "note"]


async def test_the_hourly_sweep_is_scheduled_once_and_runs(alone: Lived) -> None:
    """By whichever worker comes first; a second start finds it there, and it keeps what was missed."""
    client = alone.engine.client
    for _ in range(2):
        async with alone.engine.worker():
            pass
    described = await client.get_schedule_handle(SWEEP_ID).describe()
    assert [each.id async for each in await client.list_schedules()] == [SWEEP_ID]
    assert [each.every for each in described.schedule.spec.intervals] == [SWEEP_EVERY]
    action = cast("ScheduleActionStartWorkflow", described.schedule.action)
    assert (action.workflow, action.task_queue) == (SWEEP_ARCHIVE, TASK_QUEUE)
    async with alone.engine.worker():
        handle = await alone.engine.start()
        await accepted(handle, note())
        await handle.terminate(reason="invented")
        await alone.ended(handle.id, 1)
        await client.get_schedule_handle(SWEEP_ID).trigger()
        await in_archive(alone, handle.id, 1)
        described = await client.get_schedule_handle(SWEEP_ID).describe()
        assert described.info.num_actions >= 1
    await ensure_sweep(client)


async def test_a_sweep_looks_back_so_many_days(lived: Lived) -> None:
    """What ended before that is left to `homeward archive`."""
    handle = await lived.engine.start()
    await accepted(handle, note())
    await handle.terminate(reason="invented")
    await lived.listed(handle.id, 1)
    swept = await archivist(lived).keep_missed_runs(Sweep(days=0))
    assert (swept.seen, await kept(lived, handle.id)) == (0, {})
    await archivist(lived).keep_missed_runs(Sweep(days=SWEEP_DAYS))
    assert len(await kept(lived, handle.id)) == 1


async def test_nothing_of_a_child_stands_in_the_process_that_keeps_a_run(lived: Lived) -> None:
    """It is told a reference and a run's id, and answers with a digest."""
    handle = await lived.engine.start()
    await accepted(handle, note())
    run = await lived.newest_run(handle.id)
    await handle.terminate(reason="invented")
    keeping = await lived.engine.client.start_workflow(
        ARCHIVE_RUN, EndedRun(handle.id, run), id=archiving_id(handle.id, run), task_queue=TASK_QUEUE
    )
    digest = await keeping.result()
    assert [each.digest for each in await lived.archive.runs(handle.id)] == [digest]
    told = str((await opened_history(lived.engine.client, keeping.id)).events)
    for word in ("Zlatkaprobe", "Inventedsurname", "Invented Foster Home"):
        assert word not in told
    assert (await view(handle))["entries"] == 2
