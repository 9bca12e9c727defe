"""`python worker.py`: exit codes, one sentence for what is wrong, and the health check."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.client import Client
from temporalio.runtime import Runtime
from temporalio.service import RPCError, RPCStatusCode

import worker
from activities import builds
from activities.settings import Settings, read_settings
from sealing.composing import OpenSealing
from sealing.faults import KeysUnreachable
from tests.journeys.processes import ROOT, free_port, start_server, start_worker
from worker import NoEngine, build_worker, connect, keys_at_hand, once_it_can

pytestmark = pytest.mark.engine


def run(*arguments: str, data: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the worker until it ends by itself."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HOMEWARD_", "TEMPORAL_"))}
    return subprocess.run(
        [sys.executable, "worker.py", *arguments],
        cwd=ROOT,
        env={**kept, "HOMEWARD_DATA": str(data), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server's port."""
    chosen = free_port()
    server = start_server(chosen, tmp_path_factory.mktemp("server"))
    yield chosen
    server.stop()


def test_a_setting_that_cannot_be_used_is_told_in_a_sentence(tmp_path: Path) -> None:
    """Exit code 2, and no traceback."""
    done = run(data=tmp_path, HOMEWARD_SMTP_PORT="many")
    assert (2, "HOMEWARD_SMTP_PORT must be a whole number.\n") == (done.returncode, done.stderr)


def test_a_connection_profile_that_cannot_be_read_is_told_without_its_text(tmp_path: Path) -> None:
    """It may hold a key. Exit code 2, and 1 from the health check."""
    profile = tmp_path / "temporal.toml"
    profile.write_text("[profile.default\napi_key = 'invented-key'\n")
    done = run(data=tmp_path, TEMPORAL_CONFIG_FILE=str(profile))
    check = run("--check", data=tmp_path, TEMPORAL_CONFIG_FILE=str(profile))
    assert (2, 1) == (done.returncode, check.returncode)
    assert "The connection profile" in done.stderr
    assert "invented-key" not in done.stdout + done.stderr + check.stdout + check.stderr


def test_a_namespace_that_is_not_there_is_told_in_a_sentence(port: int, tmp_path: Path) -> None:
    """Exit code 2, for it is a setting."""
    done = run(data=tmp_path, TEMPORAL_ADDRESS=f"127.0.0.1:{port}", TEMPORAL_NAMESPACE="nowhere")
    assert 2 == done.returncode
    assert "The engine has no namespace nowhere." in done.stderr


async def test_an_engine_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address that was tried, and what to do."""
    address = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("TEMPORAL_ADDRESS", address)
    with pytest.raises(NoEngine, match=f"No engine answers at {address}"):
        await connect(within=0)


async def test_a_key_store_that_is_away_for_a_moment_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the engine is: a supervisor that takes two for good would leave a worker down for one restart of a database."""
    settings, opened, asked = read_settings(data=tmp_path), worker.open_sealing, 0

    async def away(settings: Settings, *, make: bool) -> OpenSealing:
        nonlocal asked
        asked += 1
        if asked < 3:
            raise KeysUnreachable("The key store cannot be reached or used (OperationalError)")
        return await opened(settings, make=make)

    monkeypatch.setattr(worker, "open_sealing", away)
    with pytest.raises(KeysUnreachable):
        await keys_at_hand(settings, within=0)
    keys = await keys_at_hand(settings, within=30)
    await keys.close()
    assert asked == 3


def test_a_key_store_that_stays_away_ends_the_worker_as_an_engine_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 5 and a sentence, and not that of settings which nobody could use."""

    def nothing(*_: object) -> None:
        """What a process does to itself, and a test does not to its own."""

    async def away(*_: object) -> None:
        raise KeysUnreachable("The key store cannot be reached or used (OperationalError)")

    monkeypatch.setattr(worker, "work", away)
    monkeypatch.setattr(sys, "argv", ["worker.py"])
    monkeypatch.setenv("HOMEWARD_DATA", str(tmp_path))
    monkeypatch.setattr(worker, "configure_logs", nothing)
    monkeypatch.setattr(Runtime, "set_default", nothing)
    assert worker.main() == 5
    assert "The key store cannot be reached" in capsys.readouterr().err


def test_a_version_of_the_client_that_keeps_its_patience_elsewhere_ends_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1 and a sentence, also under `python -O`, which leaves assertions out."""

    def nothing(*_: object) -> None:
        """What a process does to itself, and a test does not to its own."""

    async def keeps_it_elsewhere(*_: object) -> None:
        worker.be_patient(cast("Any", SimpleNamespace(_workflow_worker=SimpleNamespace(_deadlock_timeout_seconds=2))))
        worker.be_patient(cast("Any", SimpleNamespace(_workflow_worker=SimpleNamespace())))

    monkeypatch.setattr(worker, "work", keeps_it_elsewhere)
    monkeypatch.setattr(sys, "argv", ["worker.py"])
    monkeypatch.setenv("HOMEWARD_DATA", str(tmp_path))
    monkeypatch.setattr(worker, "configure_logs", nothing)
    monkeypatch.setattr(Runtime, "set_default", nothing)
    assert worker.main() == 1
    assert "does not keep how long a task may take where Homeward looks for it." in capsys.readouterr().err


async def test_an_engine_that_answers_and_cannot_is_waited_for(
    tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that does not answer: with a full disk it tells who it is, and takes no schedule in.

    What it will never do is told at once.
    """
    client, scheduled, asked = await Client.connect(f"127.0.0.1:{port}"), worker.ensure_sweep, 0

    async def full(client: Client, task_queue: str) -> None:
        nonlocal asked
        asked += 1
        if asked < 3:
            raise RPCError("an invented text of the engine's", RPCStatusCode.UNAVAILABLE, b"")
        await scheduled(client, task_queue)

    monkeypatch.setattr(worker, "ensure_sweep", full)
    async with build_worker(client, read_settings(data=tmp_path)):
        assert asked == 3

    async def fails(status: RPCStatusCode) -> None:
        raise RPCError("an invented text of the engine's", status, b"")

    with pytest.raises(NoEngine, match=r"cannot do what is asked \(UNAVAILABLE\)"):
        await once_it_can(lambda: fails(RPCStatusCode.UNAVAILABLE), within=0)
    with pytest.raises(RPCError):
        await once_it_can(lambda: fails(RPCStatusCode.INVALID_ARGUMENT))


async def test_a_worker_holds_as_many_cases_as_is_set(port: int, tmp_path: Path) -> None:
    """It is what its memory is planned by."""
    client = await Client.connect(f"127.0.0.1:{port}")
    async with build_worker(client, read_settings(data=tmp_path, cases_held=25)) as running:
        config: Any = running.config()
        assert config["max_cached_workflows"] == 25


@pytest.mark.parametrize("listens", [False, True])
def test_a_worker_that_still_starts_stops_at_once(tmp_path: Path, listens: bool) -> None:
    """It waits a minute for an engine that is not there, or says nothing: told to stop, it does not wait on."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if listens:
            silent.listen()
        starting = start_worker(silent.getsockname()[1], tmp_path)
        until = time.monotonic() + 30
        # It has its keys before it looks for the engine.
        while not (tmp_path / "keys.db").exists():
            assert time.monotonic() < until and not starting.ended, "it did not come so far"
            time.sleep(0.05)
        begun = time.monotonic()
        assert starting.stop() == 0
        assert time.monotonic() - begun < 10
    assert "Traceback" not in (tmp_path / "worker.log").read_text("utf-8")


def test_a_named_build_says_that_nothing_begins_until_one_is_current(tmp_path: Path) -> None:
    """Without HOMEWARD_PROMOTE on a new engine: a line at its start, and of the health check; none once one is current."""
    port = free_port()
    server, address = start_server(port, tmp_path), f"127.0.0.1:{port}"

    def checked(**environment: str) -> str:
        running = start_worker(port, tmp_path, HOMEWARD_BUILD_ID="named", **environment)
        try:
            until = time.monotonic() + 30
            while '"event": "working"' not in (tmp_path / "worker.log").read_text("utf-8"):
                assert time.monotonic() < until, "no worker works"
                time.sleep(0.1)
            while (done := run("--check", data=tmp_path, TEMPORAL_ADDRESS=address)).returncode != 0:
                assert time.monotonic() < until, "no worker polls"
            return done.stderr
        finally:
            assert 0 == running.stop()

    try:
        said = checked()
        assert "No build is current" in said and "(named)" in said
        assert "no build is current" in (tmp_path / "worker.log").read_text("utf-8")
        (tmp_path / "worker.log").unlink()
        assert "No build is current" not in checked(HOMEWARD_PROMOTE="true")
        assert "no build is current" not in (tmp_path / "worker.log").read_text("utf-8")
    finally:
        server.stop()


def test_nothing_listens_while_a_worker_waits_for_its_engine(tmp_path: Path) -> None:
    """As the operators' page says: a probe has to leave it that time."""
    nowhere, watched = free_port(), free_port()
    starting = start_worker(nowhere, tmp_path, HOMEWARD_METRICS_BIND=f"127.0.0.1:{watched}")
    try:
        until = time.monotonic() + 30
        while not (tmp_path / "keys.db").exists():
            assert time.monotonic() < until, "it has made no keys"
            time.sleep(0.1)
        time.sleep(1)
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", watched)) != 0
    finally:
        starting.stop()
    page = (Path(ROOT) / "docs" / "for-operators.md").read_text("utf-8")
    assert "nothing listens at the address yet" in page


async def test_the_health_check_tells_whether_cases_are_worked_on(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1 without a worker, 0 with one; a worker that was heard of too long ago counts no more."""
    address = f"127.0.0.1:{port}"
    assert 1 == run("--check", data=tmp_path, TEMPORAL_ADDRESS=address).returncode
    running = start_worker(port, tmp_path)
    try:
        until = time.monotonic() + 30
        while run("--check", data=tmp_path, TEMPORAL_ADDRESS=address).returncode != 0:
            assert time.monotonic() < until, "no worker polls"
    finally:
        assert 0 == running.stop()
    monkeypatch.setenv("TEMPORAL_ADDRESS", address)
    client = await connect(within=0)
    assert await builds.at_work(client)
    monkeypatch.setattr(builds, "POLLED_WITHIN", timedelta(0))
    assert not await builds.at_work(client)
