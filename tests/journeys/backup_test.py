"""Backup and restore, walked through as docs/for-operators.md says: all is lost, and cases go on."""

import asyncio
import itertools
import json
import os
import re
import shutil
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from activities.caseload import Caseload
from activities.erasures import Erasures
from activities.settings import read_settings
from casefile.erasure import Officer, Step, Wish
from sealing.composing import open_sealing
from sealing.keyring import Keyring
from starter.client import Cases, Place, connect
from starter.sealed import with_its_keys
from tests.activities.conftest import postgresql_programs
from tests.casefile.lived import until
from tests.journeys.processes import ROOT, free_port, start_server, start_worker
from tests.starter.running import ANY_PORTS, Answer, House, environment, homeward, intake, note
from tests.starter.up_test import none_left
from tests.workflows.return_case_test import assert_whole

pytestmark = [pytest.mark.engine, pytest.mark.slow]

DUMP, RESTORE = ("--format=custom",), ("--no-owner", "--exit-on-error")
"""The options with which the operators' page has a database dumped and restored."""


class Town:
    """Cases on an engine, and what was answered about them."""

    def __init__(self, cases: Cases, said: str) -> None:
        self.cases = cases
        self._ids = (f"{said}-{n}" for n in itertools.count(1))

    async def open(self, name: str) -> str:
        return await self.cases.open(intake(name))

    async def say(self, reference: str, times: int = 1) -> int:
        """So many notes, one after the other; the entry of the last."""
        receipt: dict[str, Any] = {}
        for _ in range(times):
            receipt = await self.cases.record(reference, note(next(self._ids)))
            assert receipt["result"] == "accepted"
        return receipt["entry"]


@asynccontextmanager
async def town(address: str, said: str) -> AsyncGenerator[Town]:
    async with with_its_keys(await connect(Place(address), elsewhere=False)) as client:
        yield Town(Cases(client), said)


async def command(*arguments: str, env: dict[str, str] | None = None) -> Answer:
    """Run `homeward` beside what else happens."""
    return await asyncio.to_thread(homeward, *arguments, env=env)


async def audited(reference: str, *options: str, env: dict[str, str] | None = None) -> dict[str, Any]:
    """A clean audit of a case: what it told."""
    answer = await command("audit", reference, "--json", *options, env=env)
    assert answer.code == 0, answer.out + answer.err
    return answer.json


async def test_a_house_that_lost_everything_goes_on_from_its_backup(tmp_path: Path) -> None:
    """Taken while acts are recorded; folder gone; restored. What was answered before the backup is there, and no more.

    What came after it is lost: whoever holds a dossier shows that, for its head is in the record no longer.
    """
    data, to = tmp_path / "data", tmp_path / "backup"
    keys = tmp_path / "apart" / "keys.db", tmp_path / "elsewhere" / "kek.json"
    house = House(data, *ANY_PORTS)
    try:
        async with town(house.told["engine"], "before") as there:
            quiet, busy = await there.open("Quietly"), await there.open("Busily")
            answered = {quiet: await there.say(quiet), busy: await there.say(busy, 3)}
            talking = asyncio.create_task(there.say(busy, 12))
            where = ("--key-store", str(keys[0]), "--key-file", str(keys[1]), "--data", str(data))
            backup = await command("backup", str(to), *where, "--json")
            assert backup.code == 0, backup.err
            parts = {each["part"] for each in backup.json["copied"]}
            assert {"engine", "key store", "key file", "caseload", "duplicates key", "published keys"} <= parts
            # Of the rest there is none: nothing of this house lies elsewhere.
            assert all(each["because"].startswith("There is none here, at ") for each in backup.json["left"])
            assert not any("key" in path.name and path.name != "duplicates.key" for path in to.glob("*.*"))
            await talking
            lost = await there.say(quiet)
        dossier = str(tmp_path / "before.zip")
        held = await audited(quiet, "--out", dossier, *house.at)
        assert held["entries"] == lost
        house.killed()
        # An engine that still ends would, at its end, remove files of the next one by their names.
        assert await asyncio.to_thread(none_left, data)
        data.rename(tmp_path / "data.lost")

        restored(to, data)
        shutil.copy(keys[0], data / "keys.db")
        (data / "keys").mkdir(mode=0o700)
        shutil.copy(keys[1], data / "keys" / "kek.json")
        house.gone()
        house = House(data, *ANY_PORTS)
        assert house.told, house.err
        painted = await command("rebuild-caseload", "--data", str(data), *house.at)
        assert (painted.code, painted.out) == (0, "The caseload shows 2 cases.\n"), painted.err
        archived = await command("archive", *house.at)
        assert archived.code == 0, archived.out + archived.err
        async with town(house.told["engine"], "after") as there:
            assert await there.say(quiet) == answered[quiet] + 1 == lost
            assert await there.say(busy) > answered[busy] + 1
        for reference in (quiet, busy):
            told = await audited(reference, *house.at)
            assert told["entries"] > answered[reference]
        rows = {row["reference"]: row for row in (await command("list", "--json", *house.at)).json}
        assert rows[quiet]["entries"] == lost
        # A child is recognised a second time: the key of the marks is the old one.
        again = tmp_path / "again.json"
        again.write_text(json.dumps(intake("Quietly")), "utf-8")
        assert (await command("open", str(again), *house.at)).code == 3

        now = str(tmp_path / "now.zip")
        await audited(quiet, "--out", now, *house.at)
        assert (await command("verify", dossier)).code == 0
        found = await command("verify", now, "--head", held["head"])
        assert found.code == 4 and "nowhere in this record" in found.out
    finally:
        house.gone()


def restored(backup: Path, data: Path) -> None:
    """A data folder from a backup: the copy, as it lies, where no folder is."""
    assert not data.exists()
    subprocess.run(["cp", "-a", str(backup), str(data)], check=True)


@pytest.mark.postgresql
async def test_caseload_and_keys_in_postgresql_come_back_from_their_dumps(
    tmp_path: Path, postgresql: str, another_postgresql: str
) -> None:
    """Dumped and restored in the order of the docs, each in a database of its own; all was lost, and cases go on.

    A case is erased after the keys were dumped: its key comes back with them, and the first worker destroys it again.
    """
    port, data = free_port(), tmp_path / "data"
    dumps = {tmp_path / "keys.dump": another_postgresql, tmp_path / "caseload.dump": postgresql}
    at = f"127.0.0.1:{port}"
    key_file = tmp_path / "elsewhere" / "kek.json"
    data.mkdir()
    shared = {
        "HOMEWARD_CASELOAD_URL": postgresql,
        "HOMEWARD_KEYS_URL": another_postgresql,
        "HOMEWARD_KEY_FILE": str(key_file),
    }
    env = environment(HOMEWARD_DATA=str(data), TEMPORAL_ADDRESS=at, **shared)
    server, worker = start_server(port, data), start_worker(port, data, **shared)
    try:
        with pytest.MonkeyPatch.context() as here:
            for name, value in {**shared, "HOMEWARD_DATA": str(data)}.items():
                here.setenv(name, value)
            await until(lambda: _there(data / "duplicates.key"), 60)
            async with town(at, "before") as there:
                reference, forgotten = await there.open("Dumped"), await there.open("Erased")
                answered = await there.say(reference, 2)
                kept = tmp_path / "kept" / "kek.json"
                backup = await command("backup", str(tmp_path / "to"), "--json", env=env)
                assert backup.code == 0, backup.err
                left = {each["part"] for each in backup.json["left"] if "There is none" not in each["because"]}
                assert left == {"key store", "key file", "caseload"}
                # A key-encryption key that is made meanwhile wraps what is dumped, and is in the file that comes after.
                assert (await command("keys", "rotate", env=env)).code == 0
                dumped = iter(dumps.items())
                postgres_dump(*next(dumped))
                keys = await command("backup", str(tmp_path / "keys"), "--key-file", str(kept), env=env)
                assert keys.code == 0, keys.err
                await erase(forgotten)
                postgres_dump(*next(dumped))
                lost = await there.say(reference)
            worker.kill()
            server.kill()
            shutil.rmtree(data)
            shutil.rmtree(key_file.parent)
            for database in dumps.values():
                with psycopg.connect(database, autocommit=True) as connection:
                    connection.execute("DROP SCHEMA public CASCADE")
                    connection.execute("CREATE SCHEMA public")

            shutil.copytree(kept.parent, key_file.parent)
            restored(tmp_path / "to", data)
            for dump, database in dumps.items():
                postgres("pg_restore", *RESTORE, f"--dbname={database}", str(dump))
            async with keys_of_the_house() as keyring:
                assert await keyring.known_key(forgotten)
            server, worker = start_server(port, data), start_worker(port, data, **shared)
            async with town(at, "after") as there:
                assert await there.say(reference) == answered + 1 == lost
                assert_whole(await there.cases.ledger(reference))
            async with keys_of_the_house() as keyring:
                async with asyncio.timeout(30):
                    while await keyring.destroyed(forgotten) is None:  # noqa: ASYNC110 - another process does it
                        await asyncio.sleep(0.1)
                assert await keyring.destroyed(reference) is None
        painted = await command("rebuild-caseload", env=env)
        # Nobody can ask the other one any more.
        assert painted.code == 0 and painted.out.startswith("The caseload shows 1 cases.\n"), painted.err
        told = await audited(reference, env=env)
        assert told["entries"] == lost
    finally:
        codes = worker.stop(), server.stop()
    assert codes[0] == 0


def test_the_page_writes_the_options_by_which_dump_and_restore_fit_together() -> None:
    """Every pg_dump and pg_restore of the operators' page has those with which they are walked through here."""
    page = (ROOT / "docs" / "for-operators.md").read_text("utf-8")
    commands = re.findall(r"`[^`]*\b(pg_dump|pg_restore) (-[^`]*)`", page)
    assert {name for name, _ in commands} == {"pg_dump", "pg_restore"}
    for name, options in commands:
        assert options.startswith(" ".join(DUMP if name == "pg_dump" else RESTORE)), options


async def _there(path: Path) -> bool:
    return await asyncio.to_thread(path.exists)


@asynccontextmanager
async def keys_of_the_house() -> AsyncGenerator[Keyring]:
    """The key store, as the environment names it."""
    sealing = await open_sealing(read_settings(), make=False)
    try:
        yield sealing.keyring
    finally:
        await sealing.close()


async def erase(reference: str) -> None:
    """Destroy the key of a case and note it in the caseload, as an erasure does whose time has come."""
    caseload = Caseload(read_settings().caseload)
    erasures = Erasures(caseload)
    asked = Step(by=Officer("ca-md-1", "central_authority", "MD"), at=datetime.now(UTC))
    await erasures.ask(reference, Wish("retention_ended", None, "0" * 64), asked)
    found = await erasures.of(reference)
    assert found is not None and await erasures.claim(found, b"an invented certificate")
    async with keys_of_the_house() as keyring:
        await keyring.destroy(reference)
    await erasures.done(reference, datetime.now(UTC))
    await caseload.close()


def postgres_dump(dump: Path, database: str) -> None:
    postgres("pg_dump", *DUMP, f"--file={dump}", database)


def postgres(name: str, *arguments: str) -> None:
    """A program of PostgreSQL's own, as an operator runs it."""
    done = subprocess.run(
        [postgresql_programs() / name, *arguments],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
