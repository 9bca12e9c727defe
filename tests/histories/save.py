"""Save histories of invented cases that really run, for the replay tests of later releases.

``python -m tests.histories.save VERSION`` plays the courses below on the development server and on the
time-skipping one, and writes one file a run. It never writes over a file.
"""

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

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
    moved_on_from,
    note,
    record,
    time_skipping,
    until_determined,
    view,
)
from tests.workflows.signed import Signed, opened

HERE: Final = Path(__file__).parent


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


COURSES: Final[dict[str, Callable[[Engine, Handle], Awaitable[None]]]] = {
    "straight": straight,
    "silence": silence,
    "refused": refused,
    "ended": ended,
}


async def save(version: str) -> list[Path]:
    """Play every course and write its runs. Returns the files. Raises FileExistsError before anything is played."""
    if taken := sorted(HERE.glob(f"{version}-*.json")):
        raise FileExistsError(f"{taken[0].name} is there; saved histories are never written again")
    written: list[Path] = []
    with tempfile.TemporaryDirectory() as data:
        async with time_skipping(Path(data), sealing=False) as engine, engine.worker():
            for name, course in COURSES.items():
                handle = await engine.start(intake(found={**intake()["found"], "on": "2026-01-31"}))
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
    for saved in asyncio.run(save(sys.argv[1])):
        print(saved.name)
