"""What an act costs with everything sealed, beside the same act in clear, in pairs on one engine in one run.

``python -m benches.sealing`` runs it. One development server with its file, one worker for each kind, each with a client of its
own; the same note is recorded in a sealed case and in one in clear, by turns, each first as often as second. Runs of a
case end after a hundred entries, so the state that a case carries along is sealed and opened too.
"""

import argparse
import asyncio
import secrets
import tempfile
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.converter import DataConverter

from activities.settings import read_settings
from benches.measures import at, machine, put_section, table
from sealing.codec import CaseCodec
from sealing.composing import OpenSealing, open_sealing
from starter.client import Cases, Place, connect, new_reference
from starter.embedded import DataFolder, Engine
from worker import build_worker
from workflows.messages import RETURN_CASE

TITLE: Final = "Sealing"
ALLOWED: Final = 1.3
"""The issue's bound, signatures included: an act costs at most so many times what it costs in clear."""

_PLACE: Final = {
    "name": "Invented Foster Home",
    "kind": "foster_family",
    "run_by": "foster_carer",
    "child_may_leave_at_will": True,
}
_CASEWORKER: Final = {"id": "cw-md-1", "role": "caseworker", "state": "MD"}


def _intake() -> dict[str, Any]:
    return {
        "agreement": "model",
        "host_state": "MD",
        "origin_state": "UA",
        "opened_by": {"id": "ca-md-1", "role": "central_authority", "state": "MD", "office": "Invented Office"},
        "child": {
            "given_names": "Sample",
            "family_name": f"Invented {secrets.token_hex(4)}",
            "date_of_birth": "2013-05-04",
            "sex": "female",
            "nationalities": ["UA"],
            "languages": ["uk"],
        },
        "situation": "unaccompanied",
        "found": {"on": "2026-01-31", "place": "Invented Town", "by": "school", "circumstances": "invented"},
        "placement": _PLACE,
        "relatives": [],
        "concerns": [],
    }


def _note(n: int) -> dict[str, Any]:
    text = "An invented note of a visit, as long as such notes are. " * 18
    return {"act": "note", "act_id": f"note-{n}", "actor": _CASEWORKER, "reason": "an invented reason", "text": text}


async def _case(client: Client, task_queue: str) -> tuple[Cases, str]:
    """A case that is open, on a worker of that queue."""
    reference = new_reference("MD", "UA", datetime.now(UTC).year)
    await client.start_workflow(RETURN_CASE, _intake(), id=reference, task_queue=task_queue)
    cases = Cases(client)
    await cases.view(reference)
    return cases, reference


async def _paired(clear: tuple[Cases, str], sealed: tuple[Cases, str], acts: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each act, in the case in clear and in the sealed one."""
    taken: tuple[list[float], list[float]] = ([], [])
    for n in range(acts):
        both = ((clear, taken[0]), (sealed, taken[1]))
        for (cases, reference), times in both if n % 2 else both[::-1]:
            said, begun = _note(n), time.perf_counter()
            await cases.record(reference, said)
            times.append((time.perf_counter() - begun) * 1000)
    return taken


async def _codec_alone(sealing: OpenSealing, size: int, rounds: int = 2_000) -> float:
    """Microseconds to seal and open one payload of so many bytes."""
    codec = CaseCodec(sealing.keyring, new_reference("MD", "UA", 2026))
    given = [Payload(metadata={"encoding": b"json/plain"}, data=secrets.token_bytes(size))]
    await codec.encode(given)
    begun = time.perf_counter()
    for _ in range(rounds):
        await codec.decode(await codec.encode(given))
    return (time.perf_counter() - begun) / rounds * 1_000_000


async def measure(acts: int) -> str:
    """The section's text."""
    with tempfile.TemporaryDirectory(prefix="homeward-bench-") as name:
        folder = DataFolder(Path(name))
        engine = Engine(folder, port=0, ui_port=0, namespace="default")
        async with AsyncExitStack() as stack:
            await engine.start()
            stack.push_async_callback(engine.stop)
            kinds: dict[str, tuple[Cases, str]] = {}
            settings = read_settings(data=folder.path / "sealed")
            sealing = await open_sealing(settings, make=True)
            stack.push_async_callback(sealing.close)
            for kind, converter in (("clear", DataConverter.default), ("sealed", sealing.converter)):
                client = await connect(Place(engine.address, "default"), elsewhere=False, converter=converter)
                own = read_settings(data=folder.path / kind)
                await stack.enter_async_context(build_worker(client, own, task_queue=kind))
                kinds[kind] = await _case(client, kind)
            clear, sealed = await _paired(kinds["clear"], kinds["sealed"], acts)
            alone = {size: await _codec_alone(sealing, size) for size in (2_000, 200_000)}
    ratio = median(sealed) / median(clear)
    rows = [
        [kind, f"{median(times):.1f} ms", f"{at(0.95, times):.1f} ms"]
        for kind, times in (("in clear", clear), ("sealed", sealed))
    ]
    return "\n\n".join(
        [
            f"`python -m benches.sealing`: {acts} acts each, in pairs, one after the other.",
            machine("temporalio", "cryptography"),
            table(["an act", "median", "95 of 100 within"], rows),
            f"Ratio of the medians: {ratio:.2f} (at most {ALLOWED} is allowed, signatures included).\n"
            f"To seal and open one payload: {alone[2_000]:.0f} µs for 2 kB, {alone[200_000]:.0f} µs for 200 kB.",
        ]
    )


def main() -> None:
    """Measure, print, and write where asked to."""
    asks = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asks.add_argument("--acts", type=int, default=300, help="acts of each kind")
    asks.add_argument("--write", type=Path, help="a page of measures, whose section on sealing is written anew")
    asked = asks.parse_args()
    text = asyncio.run(measure(asked.acts))
    print(text)
    if asked.write:
        put_section(asked.write, TITLE, text)


if __name__ == "__main__":
    main()
