"""Databases, servers and sample rows for the activities' tests."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from temporalio.testing import WorkflowEnvironment

from activities.caseload import Caseload
from faults.processes import free_port
from workflows.messages import CaseloadRow

Rows = Callable[..., CaseloadRow]
REFERENCE = "MD-UA-2026-7K3F9A"


def postgresql_programs() -> Path:
    """Where the newest PostgreSQL server's programs are."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("postgres")
    if on_path:
        found.append(Path(on_path).resolve())
    if not found:
        pytest.fail("these tests need a PostgreSQL server; on Debian: apt-get install -y postgresql", pytrace=False)
    return found[-1].parent


def as_postgres() -> list[str]:
    """What goes before a command so that it does not run as root, which PostgreSQL refuses."""
    if os.getuid() != 0:
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """A PostgreSQL server of our own on the loopback; gives its address up to the database's name."""
    programs = postgresql_programs()
    # Not under pytest's own folder: nobody but its owner may look into that, and the server is another user.
    home = Path(tempfile.mkdtemp(prefix="homeward-postgresql-"))
    password, port = secrets.token_hex(16), free_port()
    (home / "password").write_text(password)
    if os.getuid() == 0:
        owner = pwd.getpwnam("postgres")
        for path in (home, home / "password"):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    try:
        subprocess.run(
            [
                *as_postgres(),
                programs / "initdb",
                f"--pgdata={home / 'data'}",
                "--username=homeward",
                f"--pwfile={home / 'password'}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
            ],
            check=True,
            capture_output=True,
            cwd=home,
        )
        server = subprocess.Popen(
            [
                *as_postgres(),
                programs / "postgres",
                *("-D", home / "data", "-h", "127.0.0.1", "-p", str(port)),
                *("-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "log_destination=stderr"),
            ],
            cwd=home,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        address = f"postgresql://homeward:{password}@127.0.0.1:{port}"
        try:
            _wait_for(f"{address}/postgres", server)
            yield address
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=30)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _wait_for(address: str, server: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(address, connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > until or server.poll() is not None:
                raise
            time.sleep(0.1)


@pytest.fixture
def postgresql(postgresql_server: str) -> Iterator[str]:
    """The address of an empty PostgreSQL database."""
    yield from _empty(postgresql_server)


@pytest.fixture
def another_postgresql(postgresql_server: str) -> Iterator[str]:
    """That of a second one, for keys that lie apart."""
    yield from _empty(postgresql_server)


def _empty(postgresql_server: str) -> Iterator[str]:
    name = f"homeward_{secrets.token_hex(6)}"
    with psycopg.connect(f"{postgresql_server}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
        yield f"{postgresql_server}/{name}"
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    """The address of a SQLite database that does not exist yet."""
    return f"sqlite:///{tmp_path / 'data' / 'caseload.db'}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database(request: pytest.FixtureRequest) -> str:
    """The address of an empty database, of each kind in turn."""
    return request.getfixturevalue(request.param)


@pytest_asyncio.fixture
async def engine_address() -> AsyncGenerator[str]:
    """The address of a Temporal development server of our own."""
    # Beside this Python, where its environment was not activated.
    program = shutil.which("temporal", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert program is not None
    async with await WorkflowEnvironment.start_local(  # pyright: ignore[reportUnknownMemberType]
        dev_server_existing_path=program
    ) as environment:
        yield environment.client.service_client.config.target_host


@pytest_asyncio.fixture
async def caseload(database: str) -> AsyncGenerator[Caseload]:
    opened = await Caseload.open(database)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def small_caseload(sqlite: str) -> AsyncGenerator[Caseload]:
    """A caseload on SQLite alone, where the kind of database does not matter."""
    opened = await Caseload.open(sqlite)
    yield opened
    await opened.close()


@pytest.fixture
def unreachable() -> str:
    """The address of a database where nothing listens."""
    return f"postgresql://homeward:secret@127.0.0.1:{free_port()}/caseload"


@pytest.fixture
def row() -> Rows:
    """Makes rows of the caseload; what is given replaces the sample's fields."""

    def make(entries: int = 1, **given: Any) -> CaseloadRow:
        fields: dict[str, Any] = {
            "reference": REFERENCE,
            "agreement": "model",
            "host_state": "MD",
            "origin_state": "UA",
            "status": "open",
            "stage": "guardianship",
            "solution": None,
            "outcome": None,
            "holds": [],
            "awaiting": [owed()],
            "next_due": "2026-03-04T10:00:00Z",
            "overdue": False,
            "entries": entries,
            "refused": 0,
            "opened_at": "2026-03-01T10:00:00Z",
            "updated_at": "2026-03-01T10:00:00Z",
        }
        return CaseloadRow(**{**fields, **given})

    return make


def owed(**given: Any) -> dict[str, Any]:
    """An owed act as the case view shows it."""
    return {
        "act": "appoint_guardian",
        "role": "guardianship_authority",
        "state": "MD",
        "deadline": "guardian",
        "due": "2026-03-04T10:00:00Z",
        "overdue": False,
        "escalations": 0,
        **given,
    }


@pytest.fixture
def owed_act() -> Callable[..., dict[str, Any]]:
    return owed
