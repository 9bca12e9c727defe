"""What one case costs, counted: events, billed actions, rows, bytes, processor time, memory.

``python -m benches.sizing --write tools/sizing.json`` runs it and keeps the figures, from which ``tools/sizing.py`` reckons.
Every act is signed, as an engine elsewhere wants it: each asks besides for the published key, and notes the answer.
A whole course, from the opening to the closing more than a year later, runs on the engine whose time can be skipped: once
with neither mail nor webhook, and once with both, for each telling is then an activity of its own. Rows and bytes of a
database, processor time and memory are those of the development server with its file, on which cases go as far as both
states' approvals, with mail and webhook. Events and actions are the same at every run; processor time depends on the machine.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import socket
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from aiosmtpd.controller import Controller
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from activities.settings import Settings, read_settings
from benches.courses import SignedCase, Signs
from benches.measures import machine
from benches.straight import accepted, intake, new_reference, note, straight, until_approved, until_determined
from procedure.intake import parse_intake
from procedure.vocabulary import ROLES
from sealing.composing import open_sealing
from starter.binaries import TEST_SERVER, binary
from starter.client import Place, connect
from starter.embedded import DataFolder, Engine
from starter.sealed import own_keys
from worker import build_worker
from workflows.messages import RETURN_CASE, TASK_QUEUE, archiving_id, monitoring_id, tracing_id

CASES: Final = 200
"""Cases on the development server, from whose growth the figures of one are taken."""
CASES_BEFORE: Final = 40
"""So many come before them: what a first case takes for all that follow is not theirs."""

KEYS: Final = 2_000
"""Keys of cases, from whose file the figure of one is taken: fewer would be counted in whole pages."""

_BILLED: Final = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: "runs started",
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: "processes of the origin state asked for",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: "acts",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: "signals",
    EventType.EVENT_TYPE_TIMER_STARTED: "timers",
    EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED: "activities",
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: "search attributes",
}


def actions(events: Iterable[HistoryEvent]) -> Counter[str]:
    """The actions of a history that a hosted engine bills, by kind, as its documentation counted them in 2026."""
    found, marked = Counter[str](), set[int]()
    for event in events:
        if (kind := _BILLED.get(event.event_type)) and not _exempt(event):
            found[kind] += 1
        if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED:
            # All local activities, and other marks, of one task are one action.
            marked.add(event.marker_recorded_event_attributes.workflow_task_completed_event_id)
    found["tasks with local activities"] += len(marked)
    return found


def _exempt(event: HistoryEvent) -> bool:
    """The mark of a version of the code is free."""
    told = event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields
    return set(told) == {"TemporalChangeVersion"}


async def whole_course(settings: Settings) -> dict[str, Any]:
    """A straight-through case, from its opening to its closing: counts of its histories, and of those of its processes."""
    folder = settings.data
    # A worker of its own and no sandbox, as in production; counts are the same with one.
    signs = Signs(settings)
    async with (
        own_keys(folder) as keys,
        await WorkflowEnvironment.start_time_skipping(
            test_server_existing_path=binary(TEST_SERVER), data_converter=keys.converter
        ) as env,
        build_worker(env.client, settings),
    ):
        engine = _InStep(env, signs)
        handle = await _begun(env.client, signs)
        began = await engine.now()
        await straight(engine, handle)
        view = await handle.query("case")
        ledger = await handle.query("ledger")
        days = (await engine.now() - began).days
        # Closed cases linger; then the run ends, and is kept.
        await engine.wait(days=31)
        await handle.result()
        archived = await _archived(folder / "archive")
        opened = next(each["n"] for each in ledger if each["act"] == "open_tracing" and each["kind"] == "accepted")
        arrived = next(each["n"] for each in ledger if each["act"] == "arrive")
        ids = [handle.id, tracing_id(handle.id, opened), monitoring_id(handle.id, arrived)]
        kept = [archiving_id(handle.id, handle.first_execution_run_id)]
        events = [event for id in [*ids, *kept] for event in await _events(env.client, id)]
    # Where they are required an act that is not signed is refused.
    assert (view["status"], view["signatures"]) == ("closed", "required"), view
    billed = actions(events)
    return {
        "days": days,
        "entries": view["entries"],
        "acts": billed["acts"],
        "events": len(events),
        # Local activities keep their answers so: what is published of a key, the caseload's row.
        "markers": sum(event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED for event in events),
        "history_bytes": sum(event.ByteSize() for event in events),
        "archive_bytes": archived,
        "actions": dict(sorted(billed.items())),
    }


async def _begun(client: Client, signs: Signs) -> Any:
    """The handle of a case that was opened by a signed intake; what is said by it is signed too."""
    reference, today = new_reference(), (datetime.now(UTC) + signs.ahead).date()
    given = intake(reference=reference)
    signature = signs.sign(parse_intake(given, today=today).as_signed(), reference=reference)
    opened = {**given, "signature": signature}
    return SignedCase(await client.start_workflow(RETURN_CASE, opened, id=reference, task_queue=TASK_QUEUE), signs)


class _InStep:
    """An engine with whose virtual time the clock of those who sign goes along."""

    def __init__(self, env: WorkflowEnvironment, signs: Signs) -> None:
        self._env = env
        self._signs = signs

    async def wait(self, **time: float) -> None:
        await self._env.sleep(timedelta(**time))
        self._signs.ahead = await self.now() - datetime.now(UTC)

    async def now(self) -> datetime:
        return await self._env.get_current_time()


async def _archived(archive: Path) -> int:
    """Bytes of what was kept in the archive, once it is there. Raises RuntimeError when it does not come."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if found := await asyncio.to_thread(_bytes_of_runs, archive):
            return found
        await asyncio.sleep(0.1)
    raise RuntimeError("the ended run was not archived")


def _bytes_of_runs(archive: Path) -> int:
    return sum(file.stat().st_size for file in archive.rglob("*.json"))


async def _events(client: Client, id: str) -> list[HistoryEvent]:
    """All events of all runs of a process, as the engine keeps them: sealed."""
    events: list[HistoryEvent] = []
    run: str | None = None
    while True:
        try:
            history = await client.get_workflow_handle(id, run_id=run).fetch_history()
        except RPCError:
            return events  # a process that this course did not need
        events = [*history.events, *events]
        started = history.events[0].workflow_execution_started_event_attributes
        run = started.continued_execution_run_id
        if not run:
            return events


async def young_cases(settings: Settings, number: int = CASES, before_them: int = CASES_BEFORE) -> dict[str, Any]:
    """What one open case more costs a database, a worker and an engine, up to both states' approvals."""
    signs = Signs(settings)
    data = DataFolder(settings.data)
    engine = Engine(data, port=0, ui_port=0, namespace="default")
    await engine.start()
    sealing = await open_sealing(settings, make=True)
    try:
        client = await connect(Place(engine.address, "default"), elsewhere=False, converter=sealing.converter)
        async with build_worker(client, settings):
            acts, _ = await _play(client, signs, before_them)
            before, worked, engine_worked = _sizes(settings, data), time.process_time(), _processor_seconds(engine.pid)
            memory = _memory()
            _, cases = await _play(client, signs, number)
            after = _sizes(settings, data)
            worked = time.process_time() - worked
            engine_worked = _processor_seconds(engine.pid) - engine_worked
            memory = _memory() - memory
        # Another worker holds none of them: each is first taken up from its history.
        async with build_worker(client, settings):
            cold = await _asked(client, cases, engine.pid)
            hot = await _asked(client, cases, engine.pid)
    finally:
        await sealing.close()
        await engine.stop()
    heard = number * acts
    return {
        "acts": acts,
        **{name: round((after[name] - before[name]) / number, 2) for name in after},
        "worker_and_client_cpu_ms_an_act": round(worked * 1000 / heard, 1),
        "engine_cpu_ms_an_act": round(engine_worked * 1000 / heard, 1),
        "worker_memory_bytes": round(memory / number),
        "question_worker_and_client_cpu_ms": hot[0],
        "question_engine_cpu_ms": hot[1],
        "question_of_a_case_not_held_worker_and_client_cpu_ms": cold[0],
        "question_of_a_case_not_held_engine_cpu_ms": cold[1],
    }


async def _asked(client: Client, cases: Sequence[str], engine: int | None) -> tuple[float, float]:
    """Processor time (ms) of a question that a page asks, of each of these cases once: worker and client, and engine."""
    worked, engine_worked = time.process_time(), _processor_seconds(engine)
    for case in cases:
        await client.get_workflow_handle(case).query("case")
    worked, engine_worked = time.process_time() - worked, _processor_seconds(engine) - engine_worked
    return round(worked * 1000 / len(cases), 1), round(engine_worked * 1000 / len(cases), 1)


async def _play(client: Client, signs: Signs, number: int) -> tuple[int, list[str]]:
    """So many cases up to the approvals, a few at a time; how many acts each of them heard, and which they are."""
    acts = [*until_determined(), *until_approved()]
    turn = asyncio.Semaphore(4)

    async def one() -> str:
        async with turn:
            handle = await _begun(client, signs)
            await accepted(handle, *[{**each, "act_id": note()["act_id"]} for each in acts])
            return handle.id

    return len(acts), await asyncio.gather(*(one() for _ in range(number)))


def _sizes(settings: Settings, data: DataFolder) -> dict[str, float]:
    """Bytes of each file, and rows of the engine's tables."""
    with closing(sqlite3.connect(data.database)) as engine:
        rows: dict[str, float] = {
            f"rows_{table}": engine.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]  # noqa: S608 - its own names
            for table in ("executions", "current_executions", "history_node", "history_tree", "timer_tasks")
        }
        # What is in use: free pages are filled again.
        (pages,), (free,), (size,) = (
            engine.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "freelist_count", "page_size")
        )
    return {**rows, "engine_bytes": (pages - free) * size, "caseload_bytes": _in_use(settings.data / "caseload.db")}


def _in_use(file: Path) -> int:
    with closing(sqlite3.connect(file)) as database:
        return database.execute("PRAGMA page_count").fetchone()[0] * database.execute("PRAGMA page_size").fetchone()[0]


def _memory() -> int:
    """Bytes of memory that this process, worker and client, holds."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _processor_seconds(pid: int | None) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def key_store(folder: Path) -> float:
    """Bytes of a key store for each key of a case."""
    settings = read_settings(data=folder)
    sealing = await open_sealing(settings, make=True)
    try:
        for _ in range(KEYS):
            await sealing.keyring.key(new_reference())
    finally:
        await sealing.close()
    return round(_in_use(folder / "keys.db") / KEYS, 1)


def _receive(told: Connection) -> None:
    """Take mails and events until asked to stop; then say how many of each came."""
    came = Counter[str]()

    class Events(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            came["events"] += 1
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Mails:
        async def handle_DATA(self, *_: Any) -> str:  # noqa: N802 - the library's name
            came["mails"] += 1
            return "250 OK"

    web = ThreadingHTTPServer(("127.0.0.1", 0), Events)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mail = Controller(Mails(), hostname="127.0.0.1", port=port)
    mail.start()
    told.send((port, web.server_address[1]))
    told.recv()
    mail.stop()
    told.send(dict(came))


@contextmanager
def mail_and_webhook(folder: Path) -> Generator[dict[str, Any]]:
    """Settings by which every notice goes by mail and every event to a webhook, in a process that takes them."""
    here, there = multiprocessing.Pipe()
    receiver = multiprocessing.get_context("spawn").Process(target=_receive, args=(there,), daemon=True)
    receiver.start()
    mail, web = here.recv()
    book = folder / "addresses.toml"
    lines = (f'"{role}@{state}" = "{role}.{state}@example.org"\n' for role in ROLES for state in ("MD", "UA"))
    book.write_text("".join(lines), encoding="utf-8")
    yield {
        "smtp_host": "127.0.0.1",
        "smtp_port": mail,
        "smtp_starttls": False,
        "smtp_sender": "homeward@example.org",
        "address_book": book,
        "webhook_url": f"http://127.0.0.1:{web}/events",
        "webhook_secret": "whsec_c2VjcmV0IHRoYXQgaXMgbG9uZyBlbm91Z2g=",
    }
    here.send("stop")
    came = here.recv()
    receiver.join(10)
    assert came.keys() == {"mails", "events"}, came


async def measure() -> dict[str, Any]:
    """All figures."""
    with tempfile.TemporaryDirectory(prefix="homeward-sizing-") as name:
        folders = {each: Path(name, each) for each in ("whole", "told", "young", "keys")}
        for folder in folders.values():
            folder.mkdir()
        with mail_and_webhook(Path(name)) as outside:
            return {
                "measured_on": f"{datetime.now(UTC):%Y-%m-%d}",
                "machine": machine("temporalio"),
                "acts": "signed",
                "whole_course": await whole_course(read_settings(data=folders["whole"])),
                "whole_course_with_mail_and_webhook": await whole_course(
                    read_settings(data=folders["told"], **outside)
                ),
                "young_case": {
                    **await young_cases(read_settings(data=folders["young"], **outside)),
                    "key_store_bytes": await key_store(folders["keys"]),
                },
            }


def main() -> None:
    """Measure, print, and keep where asked to."""
    asks = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asks.add_argument("--write", type=Path, help="the file in which the figures are kept")
    asked = asks.parse_args()
    text = json.dumps(asyncio.run(measure()), ensure_ascii=False, indent=2) + "\n"
    print(text, end="")
    if asked.write:
        asked.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
