"""What the hands count: each failure once, where it happens, by a word of ours."""

from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio
from prometheus_client import REGISTRY
from temporalio.api.common.v1 import Payload
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import measures
from activities.agreements import AgreementShelf
from activities.archiving import Archivist
from activities.caseload import Caseload, CaseloadUnreachable
from activities.hands import Hands
from activities.readings import Readings
from activities.settings import read_settings
from casefile.archive import ArchiveUnreachable
from casefile.readings import Looking
from sealing.codec import CaseCodec
from sealing.faults import NoKeysHere
from sealing.keyring import NoKeys
from tests.activities.conftest import REFERENCE, Rows
from workflows.messages import STILL_RUNS, EndedRun, Notice, Sweep, Swept, Telling


def told(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


class Archives:
    """An archivist that says what a test has it say."""

    says: Callable[[], Any]

    async def keep_run(self, ended: EndedRun, *, attempt: int) -> str:
        return self.says()

    async def keep_missed_runs(self, sweep: Sweep, *, progress: Any) -> Swept:
        return self.says()


def failing(error: Exception) -> Callable[[], Any]:
    def fail() -> Any:
        raise error

    return fail


@pytest.fixture
def archives() -> Archives:
    return Archives()


@pytest_asyncio.fixture
async def hands(tmp_path: Path, archives: Archives) -> AsyncGenerator[Hands]:
    """Hands whose caseload is nowhere, and whose archive does as a test says."""
    settings = read_settings(data=tmp_path / "data", caseload_url="postgresql://homeward@127.0.0.1:9/none")
    held = Hands.of(settings, AgreementShelf())
    vars(held)["_archivist"] = cast(Archivist, archives)
    yield held
    await held.close()


async def test_runs_that_are_kept_and_not_kept_are_counted(hands: Hands, archives: Archives) -> None:
    """By the class of what went wrong. A run that has not ended yet is only early, and is no failure."""
    failed, kept = "homeward_archive_failures_total", "homeward_archived_runs_total"
    before = {error: told(failed, error=error) for error in ("ArchiveUnreachable", "Missed", STILL_RUNS)}
    kept_before = told(kept)
    environment = ActivityEnvironment()
    ended = EndedRun(REFERENCE, "run")
    for error in ("ArchiveUnreachable", STILL_RUNS):
        archives.says = failing(ApplicationError("an invented reason", type=error))
        with pytest.raises(ApplicationError):
            await environment.run(hands.keep_run, ended)
    archives.says = failing(ArchiveUnreachable("an invented reason"))
    with pytest.raises(ApplicationError):
        await environment.run(hands.keep_missed_runs, Sweep(days=1))
    archives.says = lambda: Swept(9, 4, 2)
    await environment.run(hands.keep_missed_runs, Sweep(days=1))
    archives.says = lambda: "digest"
    await environment.run(hands.keep_run, ended)
    after = {error: told(failed, error=error) - n for error, n in before.items()}
    assert after == {"ArchiveUnreachable": 2, "Missed": 2, STILL_RUNS: 0}
    assert told(kept) - kept_before == 5


async def test_rows_and_readings_that_cannot_be_written_are_counted(hands: Hands, row: Rows, unreachable: str) -> None:
    """A database that is away."""
    rows, lines = told("homeward_caseload_failures_total"), told("homeward_readings_unwritten_total")
    with pytest.raises(ApplicationError):
        await ActivityEnvironment().run(hands.keep_caseload_row, row())
    caseload = Caseload(unreachable)
    with pytest.raises(CaseloadUnreachable):
        await Readings(caseload).note(REFERENCE, Looking("cw-1", "caseworker", "MD", None), "/cases/{reference}")
    await caseload.close()
    assert told("homeward_caseload_failures_total") == rows + 1
    assert told("homeward_readings_unwritten_total") == lines + 1


async def test_tellings_are_counted_by_how_they_went(hands: Hands, tmp_path: Path) -> None:
    """Told, once the caseload knows; and, with a folder that cannot be written, not told by that channel."""
    one = Telling(REFERENCE, 1, 1, [Notice("owed", "caseworker", "MD", 1, act="screen_protection")], [])
    names = {
        "told": told("homeward_tellings_total", outcome="told"),
        "untold": told("homeward_tellings_total", outcome="untold"),
    }
    folder = sum(told("homeward_tellings_failed_total", channel="folder", refused=each) for each in ("true", "false"))
    with pytest.raises(ApplicationError):  # the caseload is away
        await ActivityEnvironment().run(hands.tell, one)
    assert told("homeward_tellings_total", outcome="told") == names["told"]
    there = Hands.of(read_settings(data=tmp_path / "data"), AgreementShelf())
    await ActivityEnvironment().run(there.tell, one)
    await there.close()
    notices = tmp_path / "data" / "notices"
    for each in sorted(notices.rglob("*"), reverse=True):
        each.rmdir() if each.is_dir() else each.unlink()
    notices.rmdir()
    notices.write_text("in the way")
    with pytest.raises(ApplicationError):
        await ActivityEnvironment().run(hands.tell, one)
    assert told("homeward_tellings_total", outcome="told") == names["told"] + 1
    assert told("homeward_tellings_total", outcome="untold") == names["untold"] + 1
    after = sum(told("homeward_tellings_failed_total", channel="folder", refused=each) for each in ("true", "false"))
    assert after == folder + 1


async def test_keys_that_fail_are_counted() -> None:
    """When something is sealed, by the class of what went wrong."""
    before = told("homeward_key_failures_total", error="NoKeysHere")
    with pytest.raises(NoKeysHere):
        await CaseCodec(NoKeys("an invented reason"), REFERENCE).encode([Payload(data=b"1")])
    assert told("homeward_key_failures_total", error="NoKeysHere") == before + 1


def test_what_an_alert_waits_for_is_there_before_the_first_failure() -> None:
    """A counter that is born at one has not grown, for whoever asks how much it grew."""
    measures.name_this_process("2026.12.1")
    for channel in measures.CHANNELS:
        assert (
            REGISTRY.get_sample_value("homeward_tellings_failed_total", {"channel": channel, "refused": "true"})
            is not None
        )
    for error in ("CaseSilent", "Missed"):
        assert REGISTRY.get_sample_value("homeward_archive_failures_total", {"error": error}) is not None
