"""The ways between the parts of the compose file, on real parts: TLS everywhere, and nobody in who is not of the house.

What cannot be here: Docker, and a Temporal server with TLS of its own, in whose place a door stands before the
development server.
"""

import asyncio
import os
import shutil
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from activities.caseload import Caseload, CaseloadUnreachable
from activities.settings import read_settings
from faults.processes import free_port
from starter.client import EngineUnreachable, Place
from starter.client import connect as connect_a_command
from tests.compose.parts import (
    COMPOSE,
    Certificates,
    Database,
    Passwords,
    certificates,
    database,
    engine_behind_tls,
    environment_of,
    new_password,
    service,
)
from tests.desk.issuing import PEOPLE, issuing, sign_in_file
from tests.journeys.processes import Process
from tests.workflows.engines import development, program
from worker import NoEngine, connect

pytestmark = [pytest.mark.postgresql]


@pytest.fixture(scope="module")
def made() -> Iterator[Certificates]:
    """This installation's certificates."""
    with certificates() as made:
        yield made


@pytest.fixture(scope="module")
def strangers() -> Iterator[Certificates]:
    """Certificates of another installation, with the same names in them."""
    with certificates() as made:
        yield made


@pytest.fixture(scope="module")
def passwords(tmp_path_factory: pytest.TempPathFactory) -> Passwords:
    """The folder `secrets`."""
    return Passwords.made(tmp_path_factory.mktemp("secrets"))


@pytest.fixture(scope="module")
def records(made: Certificates, passwords: Passwords) -> Iterator[Database]:
    """The database."""
    with database(made, passwords) as running:
        yield running


@pytest.fixture
async def engine(made: Certificates, tmp_path: Path) -> AsyncIterator[str]:
    """The engine's address behind its TLS."""
    async with (
        development(tmp_path) as running,
        engine_behind_tls(running.client.service_client.config.target_host, made) as address,
    ):
        yield address


def secrets_folder(folder: Path, service_name: str, passwords: Passwords) -> Path:
    """The secrets of a service as docker lays them into it: each a file under its target's name."""
    folder.mkdir()
    for each in service(service_name)["secrets"]:
        shutil.copy(passwords.folder / each["source"], folder / each["target"])
    return folder


def places(
    name: str, made: Certificates, records: Database, engine: str, folder: Path, passwords: Passwords
) -> dict[str, str]:
    """Where on this machine lies what a service sees in its container."""
    return {
        "/run/secrets": str(secrets_folder(folder / f"secrets-{name}", name, passwords)),
        "@postgresql/homeward?": f"@postgresql:{records.port}/homeward?hostaddr=127.0.0.1&",
        "@postgresql/homeward_keys?": f"@postgresql:{records.port}/homeward_keys?hostaddr=127.0.0.1&",
        "temporal:7233": engine,
        "/trust/": f"{made.trust.parent}/",
        "/certificate/": f"{made.of(name)}/",
        **{f"/{each}": str(folder / each) for each in ("archive", "published-keys")},
        **{f"/{each}/": f"{folder / each}/" for each in ("signing", "sign-in")},
        "/kek/": f"{folder / 'kek'}/",
        "/data": str(folder / f"data-{name}"),
    }


def test_the_database_lets_nobody_in_without_tls(made: Certificates, records: Database, passwords: Passwords) -> None:
    """With the right password too; over TLS it does; and each user into its own databases only."""
    password = passwords["caseload-db-password"]
    verified = {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(made.trust)}
    assert records.psql("homeward", "homeward", password, **verified).stdout == "in\n"

    in_clear = records.psql("homeward", "homeward", password, PGSSLMODE="disable")
    assert in_clear.returncode != 0 and "no encryption" in in_clear.stderr
    assert records.psql("homeward", "temporal", password, **verified).returncode != 0
    for user, name, its in (("homeward", "homeward_keys", password), ("homeward_keys", "homeward", "keys-db-password")):
        assert records.psql(user, name, its if its == password else passwords[its], **verified).returncode != 0
    assert records.psql("homeward_keys", "homeward_keys", passwords["keys-db-password"], **verified).stdout == "in\n"
    assert records.psql("homeward", "homeward", new_password(), **verified).returncode != 0
    assert (
        records.psql("temporal", "temporal_visibility", passwords["temporal-db-password"], **verified).stdout == "in\n"
    )


async def test_the_caseload_is_reached_as_the_compose_file_says(
    made: Certificates, strangers: Certificates, records: Database, passwords: Passwords, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """By its settings, over TLS; a server of another authority, or one that is not the named one, gets no password."""
    said = environment_of("worker", places("worker", made, records, "none:0", tmp_path, passwords))
    for name in [name for name in os.environ if name.startswith("HOMEWARD_")]:
        monkeypatch.delenv(name)
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    assert passwords["caseload-db-password"] not in said["HOMEWARD_CASELOAD_URL"]

    caseload = await Caseload.open(settings.caseload)
    async with caseload._engine.connect() as connection:  # pyright: ignore[reportPrivateUsage] - how it is connected
        how = (
            await connection.execute(text("select ssl, version from pg_stat_ssl where pid = pg_backend_pid()"))
        ).one()
    await caseload.close()
    assert (True, "TLSv1.3") == tuple(how)

    for wrong in (
        settings.caseload.update_query_dict({"sslrootcert": str(strangers.trust)}),
        settings.caseload.set(host="another"),
    ):
        with pytest.raises(CaseloadUnreachable):
            await Caseload.open(wrong)


@pytest.mark.engine
async def test_the_engine_hears_nobody_without_a_certificate_of_the_house(
    made: Certificates, strangers: Certificates, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Worker and command line come in as the compose file sets them; a stranger or a wrong name does not."""
    for name in [name for name in os.environ if name.startswith("TEMPORAL_")]:
        monkeypatch.delenv(name)
    own = {"temporal:7233": engine, "/trust/": f"{made.trust.parent}/", "/certificate/": f"{made.of('worker')}/"}
    said = {name: value for name, value in environment_of("worker", own).items() if name.startswith("TEMPORAL_")}
    for name, value in {**said, "TEMPORAL_NAMESPACE": "default"}.items():
        monkeypatch.setenv(name, value)
    assert (await connect(within=0)).namespace == "default"
    assert (await connect_a_command(Place())).namespace == "default"

    wrong = {
        "a stranger's certificate": {
            "TEMPORAL_TLS_CLIENT_CERT_PATH": str(strangers.of("worker") / "certificate.pem"),
            "TEMPORAL_TLS_CLIENT_KEY_PATH": str(strangers.of("worker") / "key.pem"),
        },
        "a stranger's authority": {"TEMPORAL_TLS_SERVER_CA_CERT_PATH": str(strangers.trust)},
        "another name": {"TEMPORAL_TLS_SERVER_NAME": "another"},
        "no certificate": {"TEMPORAL_TLS_CLIENT_CERT_PATH": None, "TEMPORAL_TLS_CLIENT_KEY_PATH": None},
    }
    for changes in wrong.values():
        with monkeypatch.context() as changed:
            for name, value in changes.items():
                changed.delenv(name) if value is None else changed.setenv(name, value)
            with pytest.raises(NoEngine):
                await connect(within=0)
            with pytest.raises(EngineUnreachable):
                await connect_a_command(Place())


@pytest.mark.engine
async def test_the_job_namespace_works_over_tls(made: Certificates, engine: str) -> None:
    """The stock command line reads the same settings: the namespace is made, with its search attributes."""
    own = {"temporal:7233": engine, "/trust/": f"{made.trust.parent}/", "/certificate/": f"{made.of('operator')}/"}
    path = f"{Path(program('temporal')).parent}{os.pathsep}{os.environ['PATH']}"
    said = environment_of("namespace", own, PATH=path, HOME=str(made.home))
    for _ in range(2):  # the second run finds all of it there
        done = await asyncio.to_thread(
            subprocess.run, ["sh", COMPOSE / "namespace.sh"], env=said, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["namespace returns: ready"]), done.stderr


@pytest.mark.engine
@pytest.mark.slow
async def test_worker_desk_and_door_stand_together(
    made: Certificates, records: Database, passwords: Passwords, engine: str, tmp_path: Path
) -> None:
    """With the settings, arguments and health checks of the compose file: somebody at the door gets the desk's page."""
    door_port, desk_port, house = free_port(), free_port(), tmp_path / "house"
    watched = {"worker": free_port(), "desk": free_port()}
    for folder in ("kek", "signing", "sign-in"):
        (house / folder).mkdir(mode=0o700, parents=True)
    of_worker = environment_of(
        "worker",
        places("worker", made, records, engine, house, passwords),
        TEMPORAL_NAMESPACE="default",
        HOMEWARD_ARCHIVE_URL=str(house / "archive"),
        HOMEWARD_METRICS_BIND=f"127.0.0.1:{watched['worker']}",
    )
    of_desk = environment_of(
        "desk",
        places("desk", made, records, engine, house, passwords),
        TEMPORAL_NAMESPACE="default",
        HOMEWARD_METRICS_BIND=f"127.0.0.1:{watched['desk']}",
    )
    signing = environment_of(
        "signing-keys",
        {"/published-keys": str(house / "published-keys"), "/signing/": f"{house / 'signing'}/"},
        HOMEWARD_DATA=str(house / "data-signing"),
    )
    await asyncio.to_thread(
        subprocess.run,
        [*ours("signing-keys"), "make", "--office", "Invented Office", "--state", "MD"],
        env={**os.environ, **signing},
        check=True,
        capture_output=True,
    )
    assert (house / "signing" / "signing.key").exists() and (house / "published-keys" / "own.json").exists()
    name = "desk.example.org"
    own = self_signed(house, name)
    of_both = {"worker": of_worker, "desk": of_desk}
    changed = {"/trust/": f"{made.trust.parent}/", "8443": str(desk_port)}
    started: list[Process] = []
    with issuing(PEOPLE) as issuer:
        sign_in_file(house / "sign-in", issuer.url)
        try:
            for part, command in (
                ("worker", [sys.executable, "worker.py"]),
                ("desk", desk_command(name, desk_port, made)),
            ):
                started.append(Process(*command, log=house / f"{part}.log", **of_both[part]))
                await until_healthy(part, changed, of_both[part], house / f"{part}.log")
            assert {part: await days_left(port) for part, port in watched.items()} == {
                "worker": {"engine": 397},
                "desk": {"engine": 397, "visitors": 397},
            }
            with door(name, door_port, f"127.0.0.1:{desk_port}", made.trust, own, house):
                page = await asyncio.to_thread(asked, name, door_port, own, "/sign-in")
                token = {"Authorization": f"Bearer {issuer.access_token()}"}
                cases = await asyncio.to_thread(asked, name, door_port, own, "/api/cases", headers=token)
            assert page.status_code == 200 and "Moldova, invented" in page.text
            assert page.headers["strict-transport-security"]
            assert cases.status_code == 200
        finally:
            # The engine's door is this test's own loop, which must not stand still meanwhile.
            codes = [await asyncio.to_thread(each.stop) for each in reversed(started)]
        assert codes == [0, 0], [(house / f"{part}.log").read_text() for part in of_both]
        assert not await healthy(health_check("desk", changed), of_desk)


async def days_left(port: int) -> dict[str, int]:
    """Of each certificate that a process tells of at its address for measures."""
    async with httpx2.AsyncClient(trust_env=False, timeout=30) as asked:
        told = (await asked.get(f"http://127.0.0.1:{port}/metrics")).text
    return {
        sample.labels["shown_to"]: round((sample.value - time.time()) / 86400)
        for family in text_string_to_metric_families(told)
        for sample in family.samples
        if sample.name == "homeward_certificate_ends_timestamp_seconds"
    }


async def until_healthy(part: str, changed: dict[str, str], environment: dict[str, str], log: Path) -> None:
    """Wait as docker does, by the service's own health check."""
    for _ in range(40):
        if await healthy(health_check(part, changed), environment):
            return
        await asyncio.sleep(0.5)
    pytest.fail(await asyncio.to_thread(log.read_text, "utf-8"))


def ours(name: str) -> list[str]:
    """The command line as a service begins it."""
    program_, *rest = service(name)["entrypoint"]
    assert program_ == "homeward"
    return [sys.executable, "-m", "starter.main", *rest]


def desk_command(name: str, port: int, made: Certificates) -> list[str]:
    """The desk's arguments: what people type, and the places of this machine."""
    changed = {
        "${DESK_NAME:?set it in .env}": name,
        "${DOOR_ADDRESS:-172.30.57.2}": "127.0.0.1",
        "0.0.0.0": "127.0.0.1",
        "/certificate/": f"{made.of('desk')}/",
        "8443": str(port),
    }
    arguments: list[str] = service("desk")["command"]
    for there, here in changed.items():
        assert any(there in each for each in arguments)
        arguments = [each.replace(there, here) for each in arguments]
    return [*ours("desk"), *arguments]


def health_check(name: str, changed: dict[str, str]) -> list[str]:
    """The command of a service's health check, at the places of this machine."""
    kind, python, *rest = service(name)["healthcheck"]["test"]
    assert (kind, python) == ("CMD", "python")
    for there, here in changed.items():
        rest = [each.replace(there, here) for each in rest]
    return [sys.executable, *rest]


async def healthy(command: list[str], environment: dict[str, str]) -> bool:
    done = await asyncio.to_thread(
        subprocess.run, command, env={**os.environ, **environment}, capture_output=True, check=False
    )
    return done.returncode == 0


# The door


def self_signed(folder: Path, name: str) -> Path:
    """A certificate for people's browsers, and its key beside it; of no authority of the house."""
    path = folder / "public.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "2",
            ),
            *("-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"),
            *("-keyout", str(path.with_suffix(".key")), "-out", str(path)),
        ],
        check=True,
        capture_output=True,
    )
    return path


@contextmanager
def door(name: str, port: int, upstream: str, trust: Path, own: Path, folder: Path) -> Generator[None]:
    """Caddy with the project's own file, on ports of this machine."""
    file = folder / "Caddyfile"
    said = (COMPOSE / "Caddyfile").read_text("utf-8")
    assert "\tadmin off\n" in said
    file.write_text(said.replace("\tadmin off\n", f"\tadmin off\n\thttps_port {port}\n\thttp_port {free_port()}\n"))
    home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    running = Process(
        *(program("caddy"), "run", "--config", str(file), "--adapter", "caddyfile"),
        log=folder / "door.log",
        DESK_NAME=name,
        DESK_TLS=f"{own} {own.with_suffix('.key')}",
        DESK_UPSTREAM=upstream,
        DESK_TRUST=str(trust),
        **home,
    )
    try:
        for _ in range(100):
            try:
                asked(name, port, own, "/")
                break
            except httpx2.TransportError:
                threading.Event().wait(0.1)
        else:
            pytest.fail((folder / "door.log").read_text("utf-8"))
        yield
    finally:
        assert running.stop() == 0


def asked(
    name: str, port: int, own: Path, path: str, *, content: bytes = b"", headers: Mapping[str, str] | None = None
) -> httpx2.Response:
    """What the door answers to somebody who typed its name."""
    trusting = ssl.create_default_context(cafile=str(own))
    with httpx2.Client(verify=trusting, timeout=20) as client:
        return client.request(
            "POST" if content else "GET",
            f"https://127.0.0.1:{port}{path}",
            headers={"Host": name, **(headers or {})},
            content=content,
            extensions={"sni_hostname": name},
        )


@contextmanager
def desk_that_tells(
    made: Certificates, part: str = "desk", status: int = 204
) -> Generator[tuple[int, list[dict[str, Any]]]]:
    """Something with the certificate of a part that notes for what and by which headers it was asked."""
    told: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.append({"path": self.path, **{name.lower(): value for name, value in self.headers.items()}})
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(status)
            self.end_headers()

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = made.serving(part, demanding=False).wrap_socket(server.socket, server_side=True)
    serving = threading.Thread(target=server.serve_forever, args=(0.02,))
    serving.start()
    try:
        yield server.server_address[1], told
    finally:
        server.shutdown()
        serving.join(10)
        server.server_close()


def test_the_door_tells_the_desk_who_asks(made: Certificates, tmp_path: Path) -> None:
    """The name that was typed, and the address it was asked from, whatever the asker says of it; no more than 1 MiB."""
    name, port = "desk.example.org", free_port()
    own = self_signed(tmp_path, name)
    with (
        desk_that_tells(made) as (upstream, told),
        door(name, port, f"127.0.0.1:{upstream}", made.trust, own, tmp_path),
    ):
        forged = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Host": "elsewhere.example.org"}
        assert asked(name, port, own, "/", headers=forged).status_code == 204
        assert (told[-1]["host"], told[-1]["x-forwarded-for"]) == (name, "127.0.0.1")
        assert told[-1]["x-forwarded-host"] == name and told[-1]["x-forwarded-proto"] == "https"
        assert asked(name, port, own, "/", content=b"x" * 1000).status_code == 204
        assert asked(name, port, own, "/", content=b"x" * 1_048_577).status_code == 413


@pytest.mark.parametrize(("status", "is_healthy"), [(200, True), (204, False), (500, False)])
async def test_a_desk_is_healthy_when_it_answers_and_not_because_it_opens_tls(
    made: Certificates, status: int, is_healthy: bool
) -> None:
    """The health check of the compose file asks /health, and anything but 200 is no health."""
    with desk_that_tells(made, status=status) as (port, told):
        command = health_check("desk", {"/trust/": f"{made.trust.parent}/", "8443": str(port)})
        assert await healthy(command, {}) == is_healthy
    assert [each["path"] for each in told] == ["/health"]


async def test_a_desk_with_a_certificate_of_another_house_is_not_healthy(
    made: Certificates, strangers: Certificates
) -> None:
    """Nor is it asked anything."""
    with desk_that_tells(strangers, status=200) as (port, told):
        assert not await healthy(health_check("desk", {"/trust/": f"{made.trust.parent}/", "8443": str(port)}), {})
    assert told == []


@pytest.mark.parametrize("who", ["a stranger", "another part"])
def test_the_door_leads_to_the_desk_and_to_nobody_else(
    made: Certificates, strangers: Certificates, who: str, tmp_path: Path
) -> None:
    """Whoever listens in the desk's place with a certificate that is not the desk's is told nothing."""
    name, port = "desk.example.org", free_port()
    own = self_signed(tmp_path, name)
    other = desk_that_tells(strangers) if who == "a stranger" else desk_that_tells(made, "temporal")
    with other as (upstream, told), door(name, port, f"127.0.0.1:{upstream}", made.trust, own, tmp_path):
        assert asked(name, port, own, "/").status_code == 502
    assert told == []


def test_the_doors_file_is_as_its_program_writes_it() -> None:
    """`caddy fmt` has nothing to change."""
    done = subprocess.run([program("caddy"), "fmt", COMPOSE / "Caddyfile"], capture_output=True, text=True, check=False)
    assert done.stdout == (COMPOSE / "Caddyfile").read_text("utf-8")
