"""What an act costs sealed, and sealed and signed, beside the same act in clear, by turns on one engine in one run.

``python -m benches.sealing`` runs it. One development server with its file, one worker for each kind, each with a client of its
own; the same note is recorded in a case of each kind, by turns, each first as often as last. Runs of a case end after a
hundred entries, so the state that a case carries along is sealed and opened too.
"""

import argparse
import asyncio
import secrets
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.converter import DataConverter

from activities.settings import read_settings
from benches.measures import at, machine, put_whole, short_of, table
from procedure.intake import parse_intake
from sealing.codec import CaseCodec
from sealing.composing import OpenSealing, open_sealing
from starter.client import Cases, Place, connect, new_reference
from starter.embedded import DataFolder, Engine
from starter.signing import InstallationSigner, own_signer
from worker import build_worker
from workflows.messages import RETURN_CASE

TITLE: Final = "Sealing and signing"
ALLOWED: Final = 1.3
"""An act that is sealed and signed costs at most so many times what it costs in clear."""

CLEAR: Final = "in clear"
SEALED: Final = "sealed"
SIGNED: Final = "sealed and signed"

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


async def _case(client: Client, task_queue: str, signer: InstallationSigner | None) -> tuple[Cases, str]:
    """A case that is open, on a worker of that queue; with a ``signer`` one in which only signed acts count."""
    today = datetime.now(UTC).date()
    reference = new_reference("MD", "UA", today.year)
    given = {**_intake(), "reference": reference}
    if signer is not None:
        given["signature"] = signer.sign(parse_intake(given, today=today).as_signed(), reference=reference)
    await client.start_workflow(RETURN_CASE, given, id=reference, task_queue=task_queue)
    cases = Cases(client, signer=signer)
    wanted = "required" if signer else "not_required"
    assert (await cases.view(reference))["signatures"] == wanted
    return cases, reference


async def _by_turns(kinds: Mapping[str, tuple[Cases, str]], acts: int, number: int) -> dict[str, list[float]]:
    """Milliseconds of each act of the round of that number, in the case of each kind."""
    taken: dict[str, list[float]] = {kind: [] for kind in kinds}
    for n in range(number * acts, (number + 1) * acts):
        for kind, (cases, reference) in list(kinds.items())[:: 1 if n % 2 else -1]:
            said, begun = _note(n), time.perf_counter()
            receipt = await cases.record(reference, said)
            taken[kind].append((time.perf_counter() - begun) * 1000)
            assert receipt["result"] == "accepted", receipt
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


async def measure(acts: int, rounds_wanted: int) -> str:
    """The section's text, of so many rounds of so many acts of each kind."""
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
            for kind, converter in (
                (CLEAR, DataConverter.default),
                (SEALED, sealing.converter),
                (SIGNED, sealing.converter),
            ):
                client = await connect(Place(engine.address, "default"), elsewhere=False, converter=converter)
                own = read_settings(data=folder.path / kind.replace(" ", "-"))
                signer = own_signer(own) if kind == SIGNED else None
                await stack.enter_async_context(build_worker(client, own, task_queue=kind))
                kinds[kind] = await _case(client, kind, signer)
            rounds = [await _by_turns(kinds, acts, number) for number in range(rounds_wanted)]
            alone = {size: await _codec_alone(sealing, size) for size in (2_000, 200_000)}
    return section(rounds, alone)


def section(rounds: Sequence[Mapping[str, Sequence[float]]], alone: Mapping[int, float]) -> str:
    """The section's text.

    ``rounds`` has the milliseconds of each act by kind, a round after the other; ``alone`` the microseconds to seal and
    open one payload, by its size in bytes.
    """

    def ratios(kind: str) -> list[float]:
        return sorted(median(each[kind]) / median(each[CLEAR]) for each in rounds)

    def row(kind: str) -> list[str]:
        taken, beside = [each for one in rounds for each in one[kind]], ratios(kind)
        spread = "" if kind == CLEAR else f"{beside[0]:.2f} to {beside[-1]:.2f}"
        return [kind, f"{median(taken):.1f} ms", f"{at(0.95, taken):.1f} ms", f"{median(beside):.2f}", spread]

    dearest = median(ratios(SIGNED))
    return "\n\n".join(
        [
            f"Written by `make bench-sealing`: {len(rounds)} rounds of {len(rounds[0][CLEAR])} acts of each kind, by turns, "
            "one after the other. A ratio is of the medians of a round, and the median over the rounds.",
            machine("temporalio", "cryptography"),
            table(
                ["an act", "median", "95 of 100 within", "median : in clear", "over the rounds"],
                [row(kind) for kind in rounds[0]],
            ),
            f"Sealed and signed, at most {ALLOWED} times the cost in clear is allowed: "
            f"{'met' if round(dearest, 2) <= ALLOWED else 'missed'}, with {dearest:.2f}.\n"
            "To seal and open one payload: "
            + ", ".join(f"{taken:.0f} µs for {size // 1000} kB" for size, taken in alone.items())
            + ".",
        ]
    )


WHOLE: Final = {"acts": 100, "rounds": 9}
"""What a run asks for whose figures stand on the page of measures."""


def options() -> argparse.ArgumentParser:
    """What may be asked for."""
    asks = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asks.add_argument("--acts", type=int, default=WHOLE["acts"], help="acts of each kind in a round")
    asks.add_argument("--rounds", type=int, default=WHOLE["rounds"], help="rounds")
    asks.add_argument("--write", type=Path, help="a page of measures, whose section on sealing is written anew")
    return asks


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write where asked to."""
    asked = options().parse_args(arguments)
    text = asyncio.run(measure(asked.acts, asked.rounds))
    print(text)
    if asked.write:
        put_whole(asked.write, TITLE, text, short=short_of(asked, WHOLE))


if __name__ == "__main__":
    main()
