"""The parts of the compose file as they stand in it, run on this machine: same scripts, same settings, other places."""

import asyncio
import os
import pwd
import re
import secrets
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from faults.processes import free_port
from tests.activities.conftest import as_postgres, postgresql_programs
from tests.house.committed import ROOT

COMPOSE = ROOT / "compose"
PARTS = ("postgresql", "temporal", "operator", "worker", "desk", "temporal-ui")


@dataclass(frozen=True)
class Certificates:
    """What the job `certificates` keeps: the authority's key, whom to trust, and a folder a part."""

    home: Path

    @property
    def trust(self) -> Path:
        return self.home / "trust" / "ca.pem"

    @property
    def authority(self) -> Path:
        return self.home / "authority"

    def of(self, part: str) -> Path:
        """The folder of one part."""
        return self.home / "certificates" / part

    def made(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """One run of the script."""
        for name in ("authority", "trust", "certificates"):
            (self.home / name).mkdir(parents=True, exist_ok=True)
        places = {name.upper(): str(self.home / name) for name in ("authority", "trust", "certificates")}
        return subprocess.run(
            ["sh", COMPOSE / "certificates.sh", *arguments],
            env={"PATH": os.environ["PATH"], **places, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def serving(self, part: str, *, demanding: bool = True) -> ssl.SSLContext:
        """How a part listens; demanding: only to those who show a certificate of the same authority."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(self.trust))
        context.load_cert_chain(self.of(part) / "certificate.pem", self.of(part) / "key.pem")
        context.verify_mode = ssl.CERT_REQUIRED if demanding else ssl.CERT_NONE
        return context


@contextmanager
def certificates() -> Generator[Certificates]:
    """An installation's certificates, where the database's own user can reach its own."""
    with tempfile.TemporaryDirectory(prefix="homeward-certificates-") as home:
        Path(home).chmod(0o755)
        made = Certificates(Path(home))
        done = made.made()
        assert done.returncode == 0, done.stderr
        yield made


def service(name: str) -> dict[str, Any]:
    """A service as the compose file has it, merges done."""
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["services"][name]


@dataclass(frozen=True)
class Passwords:
    """The folder that `compose/passwords.sh` makes."""

    folder: Path

    def __getitem__(self, name: str) -> str:
        return (self.folder / name).read_text("utf-8")

    @classmethod
    def made(cls, folder: Path) -> "Passwords":
        subprocess.run(["sh", COMPOSE / "passwords.sh", folder], check=True, capture_output=True)
        return cls(folder)


@dataclass(frozen=True)
class Database:
    """The database of the compose file, on a port of its own."""

    port: int
    programs: Path

    def psql(self, user: str, name: str, password: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """How one user of one database is let in."""
        return subprocess.run(
            [self.programs / "psql", "--no-psqlrc", "--tuples-only", "--no-align", "--command", "select 'in'"],
            env={
                **self.reached,
                "PATH": os.environ["PATH"],
                "PGUSER": user,
                "PGDATABASE": name,
                "PGPASSWORD": password,
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def reached(self) -> dict[str, str]:
        """Its name, which its certificate has, and its address here."""
        return {"PGHOST": "postgresql", "PGHOSTADDR": "127.0.0.1", "PGPORT": str(self.port)}


@contextmanager
def database(made: Certificates, passwords: Passwords) -> Generator[Database]:
    """A server that is started with the arguments of the compose file, and prepared by the job `databases`."""
    programs, port = postgresql_programs(), free_port()
    home = Path(tempfile.mkdtemp(prefix="homeward-database-"))
    (home / "password").write_text(passwords["postgres-password"])
    shutil.copy(COMPOSE / "pg_hba.conf", home / "pg_hba.conf")
    if os.getuid() == 0:
        owner = pwd.getpwnam("postgres")
        for path in (home, *home.iterdir()):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    arguments = [
        each.replace("/certificate/", f"{made.of('postgresql')}/").replace("/compose/", f"{home}/")
        for each in service("postgresql")["command"][1:]
    ]
    running = None
    try:
        subprocess.run(
            [
                *(*as_postgres(), programs / "initdb", f"--pgdata={home / 'data'}", "--username=postgres"),
                *(
                    f"--pwfile={home / 'password'}",
                    "--auth=scram-sha-256",
                    "--locale=C",
                    "--encoding=UTF8",
                    "--no-sync",
                ),
            ],
            check=True,
            capture_output=True,
            cwd=home,
        )
        running = subprocess.Popen(
            [
                *(*as_postgres(), programs / "postgres", "-D", home / "data", "-h", "127.0.0.1", "-p", str(port)),
                *("-c", f"unix_socket_directories={home}", "-c", "fsync=off", *arguments),
            ],
            cwd=home,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        database = Database(port, programs)
        # The health check of the compose file, but for the port.
        ready = [programs / "pg_isready", *service("postgresql")["healthcheck"]["test"][2:], "--port", str(port)]
        until = time.monotonic() + 30
        while subprocess.run(ready, capture_output=True, check=False).returncode != 0:
            assert time.monotonic() < until and running.poll() is None, "the database does not come up"
            time.sleep(0.1)
        for _ in range(2):  # the second run finds all of it there
            prepared(database, made, passwords)
        yield database
    finally:
        if running is not None:
            running.send_signal(signal.SIGINT)
            running.wait(30)
        shutil.rmtree(home, ignore_errors=True)


def prepared(database: Database, made: Certificates, passwords: Passwords) -> None:
    """The job `databases`, with its own settings."""
    said = {**service("databases")["environment"], "PGSSLROOTCERT": str(made.trust)}
    done = subprocess.run(
        ["sh", COMPOSE / "databases.sh"],
        env={
            "PATH": f"{database.programs}{os.pathsep}{os.environ['PATH']}",
            "SECRETS": str(passwords.folder),
            **said,
            **database.reached,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@asynccontextmanager
async def engine_behind_tls(plain: str, made: Certificates) -> AsyncGenerator[str]:
    """A door before an engine that demands certificates as the server of the compose file does; its address.

    The development server knows no TLS of its own. What passes the door is that server's and its clients' own speech.
    """
    host, _, port = plain.rpartition(":")
    context = made.serving("temporal")
    context.set_alpn_protocols(["h2"])
    passing: set[asyncio.Task[Any]] = set()

    async def carried(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while some := await reader.read(65536):
            writer.write(some)
            await writer.drain()
        # TLS has no half of a connection to close: the other half ends when both are closed below.
        if writer.can_write_eof():
            writer.write_eof()

    async def come(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        passing.add(task)
        inside, outside = await asyncio.open_connection(host, int(port))
        try:
            await asyncio.gather(carried(reader, outside), carried(inside, writer))
        except (OSError, ssl.SSLError, asyncio.CancelledError):
            pass  # whoever hung up, or the test, ended it
        finally:
            passing.discard(task)
            for each in (outside, writer):
                each.close()
            for each in (outside, writer):
                with suppress(OSError, ssl.SSLError, TimeoutError):
                    await asyncio.wait_for(each.wait_closed(), 2)

    door = await asyncio.start_server(come, "127.0.0.1", 0, ssl=context)
    try:
        yield f"127.0.0.1:{door.sockets[0].getsockname()[1]}"
    finally:
        door.close()
        still = list(passing)
        for task in still:
            task.cancel()
        await asyncio.gather(*still, return_exceptions=True)


def environment_of(name: str, places: dict[str, str], **changes: str) -> dict[str, str]:
    """What the compose file sets for a service, with its places changed to places of this machine."""
    said: dict[str, str] = {}
    # In one pass, so that what is put in is not changed again.
    there = re.compile("|".join(map(re.escape, places)) or "(?!)")
    for setting, value in service(name)["environment"].items():
        # Nothing is set in .env here: what the file takes from there is its default.
        given = value.removesuffix("}").partition(":-")[2] if value.startswith("${") else value
        said[setting] = there.sub(lambda found: places[found[0]], given)
    return {**said, **changes}


def new_password() -> str:
    return secrets.token_hex(8)
