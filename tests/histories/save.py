"""Save histories of invented cases that really run, for the replay tests of later releases.

``python -m tests.histories.save VERSION`` plays the courses below on the development server and on the
time-skipping one, and writes one file a run. It never writes over a file.
"""

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from benches.straight import straight
from tests.workflows.engines import (
    STATION,
    Engine,
    Handle,
    accepted,
    act,
    development,
    guardian,
    intake,
    ledger,
    moved_on_from,
    note,
    record,
    time_skipping,
    until_approved,
    until_arrived,
    until_determined,
    view,
    visit,
)
from tests.workflows.signed import Signed, opened
from workflows.messages import SWEEP_ARCHIVE, TASK_QUEUE, Sweep, archiving_id, monitoring_id, tracing_id

HERE: Final = Path(__file__).parent
PROCESSES: Final = HERE / "processes"
"""Histories of what is no case, each with its id beside it: what such a process keeps is in no record."""


async def silence(engine: Engine, handle: Handle) -> None:
    """Nobody does anything for two months, then a guardian is appointed."""
    await accepted(handle, note())
    await engine.wait(days=60)
    await accepted(handle, guardian())


async def refused(engine: Engine, handle: Handle) -> None:
    """Refusals, a detention reported and ended, a malformed signal, an act said twice."""
    said = act("cw", "place_child", placement=STATION)
    await record(handle, said)
    await record(handle, said)
    await accepted(handle, act("om", "report_detention", placement=STATION, since="2026-02-01T10:00:00Z"))
    await handle.signal("record", {"act": "dance"})
    await engine.wait(hours=30)
    await accepted(handle, act("om", "confirm_release", placement=intake()["placement"]))


async def long(engine: Engine, handle: Handle) -> None:
    """So many entries that the case goes on in a new run."""
    run = (await handle.describe()).run_id
    for _ in range(12):
        await asyncio.gather(*(record(handle, note()) for _ in range(9)))
    await moved_on_from(run, handle)
    await accepted(handle, guardian())


async def ended(engine: Engine, handle: Handle) -> None:
    """Withdrawn, and no late act comes any more: the run ends, and is archived."""
    await accepted(handle, *until_determined()[:4], act("ca", "close_case", outcome="withdrawn"))
    await engine.wait(days=31)
    await handle.result()


async def signed(case: Signed) -> None:
    """Signed acts count; what is not signed, signed for another act, or by a key that was revoked, is refused."""
    await case.hears(guardian())
    await record(case.handle, note())
    good = await case.signed(note())
    await record(case.handle, good)
    await record(case.handle, note(signature=good["signature"]))
    await case.hears(act("cw", "place_child", placement=STATION))
    await case.hears(act("om", "report_detention", placement=STATION, since="2026-02-01T10:00:00Z"))
    before = case.authority.statement.kid
    old = case.authority.key
    now = await case.engine.now()
    case.authority.rotate(now)
    case.authority.revoke(before, now)
    await record(case.handle, await case.signed(note(), key=old))
    await case.handle.signal("record", await case.signed(note()))
    await case.hears(note())
    await case.engine.wait(days=4)


async def tracing(engine: Engine) -> tuple[Handle, Handle]:
    """Reminded of, and answered; and one that is owed still."""
    said = until_determined()
    opened = [each["act"] for each in said].index("open_tracing") + 1
    answered, owed = await engine.start(_at_new_year()), await engine.start(_at_new_year())
    for case in (answered, owed):
        await accepted(case, *said[:opened])
    await engine.wait(days=46)
    await accepted(answered, said[opened])
    return await _process(engine, answered, "open_tracing"), await _process(engine, owed, "open_tracing")


async def monitoring(engine: Engine) -> Handle:
    """A visit that was made, and one that is late."""
    case = await engine.start(_at_new_year())
    await accepted(case, *until_determined(), *until_approved())
    await engine.wait(days=16)
    await accepted(case, *until_arrived(await engine.now()))
    await engine.wait(days=10)
    await accepted(case, visit(1))
    await engine.wait(days=28)
    return await _process(engine, case, "arrive")


async def archiving(engine: Engine) -> Handle:
    """A run that ended is kept."""
    case = await engine.start(_at_new_year())
    await ended(engine, case)
    kept = engine.client.get_workflow_handle(archiving_id(case.id, str(case.first_execution_run_id)))
    await kept.result()
    return kept


async def sweeping(engine: Engine) -> Handle:
    """A sweep looks for runs that were missed."""
    swept = await engine.client.start_workflow(SWEEP_ARCHIVE, Sweep(days=1), id="a-sweep", task_queue=TASK_QUEUE)
    await swept.result()
    return swept


def _at_new_year() -> dict[str, Any]:
    return intake(found={**intake()["found"], "on": "2026-01-31"})


async def _process(engine: Engine, case: Handle, act_name: str) -> Handle:
    opened = [entry["n"] for entry in await ledger(case) if entry["act"] == act_name and entry["kind"] == "accepted"]
    naming = tracing_id if act_name == "open_tracing" else monitoring_id
    return engine.client.get_workflow_handle(naming(case.id, opened[-1]))


async def save_processes(version: str) -> list[Path]:
    """Write a history of every kind of process that is no case. Returns the files. Raises FileExistsError as :func:`save`."""
    _is_new(version, PROCESSES)
    PROCESSES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as data:
        async with time_skipping(Path(data), sealing=False) as engine, engine.worker():
            answered, owed = await tracing(engine)
            handles = {
                "tracing-answered": answered,
                "tracing-owed": owed,
                "monitoring": await monitoring(engine),
                "archive": await archiving(engine),
            }
            written = [await _write_process(f"{version}-{name}", handle) for name, handle in handles.items()]
    with tempfile.TemporaryDirectory() as data:
        # The other server lists no runs.
        async with development(Path(data), sealing=False) as engine, engine.worker():
            written.append(await _write_process(f"{version}-sweep", await sweeping(engine)))
    return written


async def _write_process(name: str, handle: Handle) -> Path:
    file = PROCESSES / f"{name}.json"
    file.write_text((await handle.fetch_history()).to_json(), encoding="utf-8")
    file.with_suffix(".id").write_text(f"{handle.id}\n", encoding="utf-8")
    return file


def _is_new(version: str, folder: Path) -> None:
    if taken := sorted(folder.glob(f"{version}-*.json")):
        raise FileExistsError(f"{taken[0].name} is there; saved histories are never written again")


COURSES: Final[dict[str, Callable[[Engine, Handle], Awaitable[None]]]] = {
    "straight": straight,
    "silence": silence,
    "refused": refused,
    "ended": ended,
}


async def save(version: str) -> list[Path]:
    """Play every course and write its runs. Returns the files. Raises FileExistsError before anything is played."""
    _is_new(version, HERE)
    written: list[Path] = []
    with tempfile.TemporaryDirectory() as data:
        async with time_skipping(Path(data), sealing=False) as engine, engine.worker():
            for name, course in COURSES.items():
                handle = await engine.start(_at_new_year())
                await course(engine, handle)
                written.append(await _write(f"{version}-{name}", handle))
    with tempfile.TemporaryDirectory() as data:
        async with time_skipping(Path(data), sealing=False) as engine, opened(engine, Path(data)) as case:
            await signed(case)
            written.append(await _write(f"{version}-signed", case.handle))
    with tempfile.TemporaryDirectory() as data:
        async with development(Path(data), sealing=False) as engine, engine.worker():
            handle = await engine.start()
            first = (await handle.describe()).run_id
            await long(engine, handle)
            before = engine.client.get_workflow_handle(handle.id, run_id=first)
            written.append(await _write(f"{version}-long-1", before))
            written.append(await _write(f"{version}-long-2", handle))
    return written


async def _write(name: str, handle: Handle) -> Path:
    # What follows from the last act, a notice sent, is part of the history too.
    await asyncio.sleep(1)
    head = (await view(handle))["head"]
    file = HERE / f"{name}.json"
    file.write_text((await handle.fetch_history()).to_json(), encoding="utf-8")
    file.with_suffix(".head").write_text(f"{handle.id} {head}\n", encoding="utf-8")
    return file


if __name__ == "__main__":
    for saved in (*asyncio.run(save(sys.argv[1])), *asyncio.run(save_processes(sys.argv[1]))):
        print(saved.name)
