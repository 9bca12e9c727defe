"""Several workers and several desks against one engine, caseload and keys in PostgreSQL; one of each ends by force."""

import asyncio
import itertools
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
from temporalio.client import Client

from activities.caseload import Caseload
from activities.settings import read_settings
from sealing.composing import open_sealing
from tests.casefile.lived import until
from tests.desk.desks import hidden
from tests.journeys.insisting import opened
from tests.journeys.processes import Process, free_port, start_server, start_worker
from tests.workflows.engines import STATION, Fields, act, ledger, note
from tests.workflows.return_case_test import assert_whole

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.postgresql]

CASES, ACTS = 4, 11
PERSON = "caseworker-md-1"
ACTOR = {"id": PERSON, "role": "caseworker", "state": "MD"}
READS_AT_ONCE = 10


class Seat:
    """One person's browser at one desk; signed in when it is first needed, and anew when the desk no longer knows it."""

    def __init__(self, port: int) -> None:
        self.at = f"http://127.0.0.1:{port}"
        self.browser = self._a_browser()
        self._token: str | None = None
        self._signing_in = asyncio.Lock()

    def _a_browser(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(base_url=self.at, trust_env=False, timeout=30)

    async def say(self, address: str, said: Fields) -> Any:
        """The answer to what is said. Raises ``httpx2.HTTPError`` when the desk is gone."""
        async with self._signing_in:
            if self._token is None:
                form = hidden((await self.browser.get("/sign-in")).text)
                await self.browser.post("/sign-in", data={**form, "person": PERSON})
                self._token = hidden((await self.browser.get("/sign-in")).text)["csrf"]
        return await self.browser.post(address, json=said, headers={"X-CSRF-Token": self._token})

    async def with_the_session_of(self, other: "Seat") -> int:
        """What this desk answers a browser that brings the other's session."""
        async with self._a_browser() as browser:
            browser.cookies.update(other.browser.cookies)
            return (await browser.get("/api/cases")).status_code


@dataclass
class Saying:
    """Acts on their way, each sent again until its receipt comes: to the other desk where the first is gone."""

    seats: list[Seat]
    under_way: int = 0
    receipts: dict[str, dict[str, Fields]] = field(default_factory=dict[str, dict[str, Fields]])
    again: int = 0

    @property
    def answered(self) -> int:
        return sum(map(len, self.receipts.values()))

    async def course(self, reference: str, first: int) -> None:
        """All acts of one case, one after the other."""
        self.receipts[reference] = {}
        seats = itertools.cycle(self.seats[first:] + self.seats[:first])
        seat = next(seats)
        for n in range(ACTS):
            said: Fields = {**(act("cw", "place_child", placement=STATION) if n % 5 == 3 else note()), "actor": ACTOR}
            self.under_way += 1
            for _ in range(30):
                try:
                    answer = await seat.say(f"/api/cases/{reference}/acts", said)
                    if answer.status_code == 200:
                        self.receipts[reference][said["act_id"]] = answer.json()
                        break
                    assert answer.status_code in (502, 503, 504), answer.text
                except httpx2.HTTPError:
                    seat = next(seats)
                self.again += 1
                await asyncio.sleep(0.2)
            else:
                raise AssertionError("no receipt came")
            self.under_way -= 1


def start_desk(engine: int, port: int, data: Path, **environment: str) -> Process:
    """`homeward desk` for invented people, on that engine."""
    return Process(
        *(sys.executable, "-m", "starter.main", "desk", "--development-sign-in", "--port", str(port)),
        *("--base-url", f"http://127.0.0.1:{port}"),
        log=data / "desk.log",
        TEMPORAL_ADDRESS=f"127.0.0.1:{engine}",
        HOMEWARD_DATA=str(data),
        **environment,
    )


async def ready(port: int) -> bool:
    try:
        async with httpx2.AsyncClient(trust_env=False, timeout=5) as asking:
            return (await asking.get(f"http://127.0.0.1:{port}/ready")).status_code == 200
    except httpx2.HTTPError:
        return False


async def test_a_worker_and_a_desk_of_several_end_by_force_and_nobody_notices(tmp_path: Path, postgresql: str) -> None:
    """Every act sent is answered and recorded once, the other worker and desk go on, sessions stay with their desk.

    Each machine has a data folder of its own; they share what docs/for-operators.md says that they must.
    """
    engine, ports = free_port(), [free_port(), free_port()]
    shared = {
        "HOMEWARD_CASELOAD_URL": postgresql,
        "HOMEWARD_KEYS_URL": postgresql,
        "HOMEWARD_KEY_FILE": str(tmp_path / "keys" / "kek.json"),
        "HOMEWARD_ARCHIVE_URL": str(tmp_path / "archive"),
        "HOMEWARD_PUBLISHED_KEYS": str(tmp_path / "published-keys"),
        "HOMEWARD_PACE_READS": str(READS_AT_ONCE),
        "HOMEWARD_PACE_WRITES": "100000",
    }
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    server = start_server(engine, tmp_path)
    workers, desks = [start_worker(engine, folders[0], **shared)], list[Process]()
    async with AsyncExitStack() as closing:
        closing.callback(server.stop)
        closing.callback(lambda: [each.stop() for each in (*desks, *workers)])
        caseload = Caseload(postgresql)
        closing.push_async_callback(caseload.close)
        # Made by the first worker, and given to the second: a child is to be recognised by both.
        await _until((folders[0] / "duplicates.key").exists)
        shutil.copy(folders[0] / "duplicates.key", folders[1])
        workers.append(start_worker(engine, folders[1], **shared))
        desks += [start_desk(engine, port, folder, **shared) for port, folder in zip(ports, folders, strict=True)]
        with pytest.MonkeyPatch.context() as here:
            for name, value in shared.items():
                here.setenv(name, value)
            sealing = await open_sealing(read_settings(data=tmp_path), make=False)
        closing.push_async_callback(sealing.close)
        client = await Client.connect(f"127.0.0.1:{engine}", data_converter=sealing.converter)
        cases = [await opened(client) for _ in range(CASES)]
        for port in ports:
            await until(partial(ready, port), 30)

        seats = [Seat(port) for port in ports]
        for seat in seats:
            closing.push_async_callback(seat.browser.aclose)
        saying = Saying(seats)
        courses = [asyncio.create_task(saying.course(case.id, n % 2)) for n, case in enumerate(cases)]
        await _until(lambda: saying.answered >= CASES * 2, courses)
        assert saying.under_way
        workers[0].kill()
        # So that some acts were heard by the worker that is left alone.
        await _until(lambda: saying.answered >= CASES * 6, courses)
        assert saying.under_way
        desks[0].kill()
        await asyncio.gather(*courses)
        assert saying.again, "nobody was cut off: nothing was shown"

        for case in cases:
            receipts, entries = saying.receipts[case.id], await ledger(case)
            assert_whole(entries)
            recorded = {entry["act_id"]: entry for entry in entries if entry["act_id"]}
            assert [entry["act_id"] for entry in entries if entry["act_id"]] == list(receipts)
            assert len(receipts) == ACTS
            for act_id, receipt in receipts.items():
                assert (receipt["entry"], receipt["result"]) == (recorded[act_id]["n"], recorded[act_id]["kind"])
            await until(partial(_shown, caseload, case.id, len(entries)), 20)

        # Sessions are of their desk: whoever sat at the other signs in anew, whoever sits here goes on.
        assert await seats[1].with_the_session_of(seats[0]) == 401
        assert await seats[1].with_the_session_of(seats[1]) == 200
        # So is the pace. The desk that stands up again knows nobody who was too fast elsewhere, and no session of before.
        assert 429 in [await seats[1].with_the_session_of(seats[1]) for _ in range(READS_AT_ONCE + 1)]
        watch = free_port()
        told = {**shared, "HOMEWARD_METRICS_BIND": f"127.0.0.1:{watch}"}
        desks[0] = start_desk(engine, ports[0], folders[0], **told)
        await until(partial(ready, ports[0]), 30)
        assert await seats[0].with_the_session_of(seats[0]) == 401
        back = Seat(ports[0])
        closing.push_async_callback(back.browser.aclose)
        assert (await back.say(f"/api/cases/{cases[0].id}/acts", {**note(), "actor": ACTOR})).status_code == 200
        assert await back.with_the_session_of(back) == 200

        # Told to stop while acts are under way, a desk answers them before it ends.
        workers[1].freeze()
        last = [
            asyncio.create_task(back.say(f"/api/cases/{case.id}/acts", {**note(), "actor": ACTOR})) for case in cases
        ]
        await until(partial(_in_progress, watch, len(last)), 20)
        desks[0].told_to_stop()
        workers[1].thaw()
        assert [answer.json()["result"] for answer in await asyncio.gather(*last)] == ["accepted"] * len(last)
        assert [each.stop() for each in (*desks, workers[1])] == [0, 0, 0]


async def _in_progress(watch: int, number: int) -> bool:
    """Whether so many requests are under way at the desk that is watched there."""
    async with httpx2.AsyncClient(trust_env=False, timeout=5) as asking:
        told = (await asking.get(f"http://127.0.0.1:{watch}/metrics")).text
    found = re.search(r"^homeward_desk_requests_in_progress(?:\{[^}]*\})? (\S+)$", told, re.MULTILINE)
    return found is not None and float(found[1]) >= number


async def _until(true: Callable[[], bool], courses: Sequence["asyncio.Task[None]"] = ()) -> None:
    async def enough() -> bool:
        for course in courses:
            if course.done():
                course.result()
        return true()

    await until(enough, 60)


async def _shown(caseload: Caseload, reference: str, entries: int) -> bool:
    row = await caseload.one(reference)
    return row is not None and row.entries == entries
