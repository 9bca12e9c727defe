"""A record outlives what happens to those who keep it: killed in the middle, it is audited whole, and so is its archive."""

import asyncio
from pathlib import Path

import pytest
from temporalio.client import Client

from activities.archiving import Archivist
from casefile.archive import Archive
from sealing.composing import seal_of
from starter.auditing import audited_case
from starter.auditors import todays_code
from starter.client import Cases
from tests.casefile.lived import quiet, until
from tests.journeys.insisting import opened, say_until_answered
from tests.journeys.processes import client_with_keys, free_port, start_server, start_worker
from tests.workflows.engines import (
    STATION,
    Fields,
    Handle,
    act,
    ledger,
    note,
    until_determined,
)
from tests.workflows.return_case_test import assert_whole
from workflows.messages import Sweep

pytestmark = [pytest.mark.engine, pytest.mark.slow]


def long_course() -> list[Fields]:
    """More than a hundred entries, so that the case goes on in a second run; with a refusal in each."""
    locked = [act("cw", "place_child", placement=STATION) for _ in range(2)]
    return [*until_determined(), locked[0], *(note() for _ in range(95)), locked[1], *(note() for _ in range(5))]


async def swept(client: Client, folder: Path, handle: Handle, count: int) -> None:
    """Wait until so many runs are kept: what a killed worker had in hand is found by a sweep."""
    archivist = Archivist(client, lambda: Archive(folder, seal=seal_of(client), make=True))

    async def there() -> bool:
        await archivist.keep_missed_runs(Sweep())
        return len(await Archive(folder, seal=None).runs(handle.id)) == count

    await until(there, 30)


async def test_a_case_is_audited_whole_after_worker_and_server_were_killed(tmp_path: Path) -> None:
    """The server in the middle of a run, the worker where a run ends; every ended run is in the archive."""
    port = free_port()
    server = start_server(port, tmp_path)
    worker = start_worker(port, tmp_path)
    archive = tmp_path / "archive"
    try:
        client = await client_with_keys(port, tmp_path)
        handle = await opened(client)
        acts = long_course()
        for n, each in enumerate(acts):
            on_its_way = asyncio.create_task(say_until_answered(handle, each))
            if n == 93:
                await asyncio.sleep(0.02)
                worker.kill()
                worker = start_worker(port, tmp_path)
            elif n == 50:
                await asyncio.sleep(0.02)
                server.kill()
                server = start_server(port, tmp_path)
            await on_its_way

        entries = await ledger(handle)
        assert_whole(entries)
        assert [entry["act_id"] for entry in entries if entry["act_id"]] == [each["act_id"] for each in acts]
        assert [entry["act"] for entry in entries if entry["kind"] == "refused"] == ["place_child"] * 2

        await swept(client, archive, handle, 1)
        looking = audited_case(
            handle.id,
            cases=Cases(client),
            archive=Archive(archive, seal=seal_of(client)),
            code=todays_code(),
            progress=quiet,
        )
        async with looking as looked:
            assert looked.audited.findings == []
            assert (looked.gathered.in_archive, looked.audited.replayed) == (1, 2)
            assert [entry.as_json() for entry in looked.gathered.record.entries()] == entries

        await client.get_workflow_handle(handle.id).terminate(reason="an invented reason")
        await swept(client, archive, handle, 2)
    finally:
        stopped = worker.stop()
        server.stop()
    assert stopped == 0
    looking = audited_case(
        handle.id, cases=None, archive=Archive(archive, seal=seal_of(client)), code=todays_code(), progress=quiet
    )
    async with looking as looked:
        assert {finding.what for finding in looked.audited.findings} == {"ended_by_force"}
        assert looked.audited.replayed == 2
        assert [entry.as_json() for entry in looked.gathered.record.entries()] == entries
