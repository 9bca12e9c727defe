"""``python -m hostile``: malformed and hostile input, and what is answered to it.

Exit code 0 when everything was answered as the contract knows it, within the stated time and memory; 1 otherwise.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benches.measures import machine, put_whole, table
from hostile import at_the_door
from hostile.acts import Acts, standings
from hostile.dossiers import Dossiers
from hostile.files import DelaysFiles, Intakes, Keys, Profiles, Scenarios, Scripts
from hostile.house import House, house
from hostile.judging import (
    ALLOWED_BYTES,
    ALLOWED_SECONDS,
    MEGABYTE,
    Find,
    Judged,
    Kind,
    chance_of,
    judge_all,
    pieces,
)

TITLE: Final = "Bad input"
SAMPLES: Final = Path(__file__).parent / "samples"
"""Two small dossiers, for who has no house at hand."""
SHARES: Final[dict[str, int]] = {
    "acts": 620,
    "intakes": 180,
    "scripts": 60,
    "profiles": 50,
    "delays": 30,
    "keys": 20,
    "scenarios": 20,
    "dossiers": 20,
}
"""Of a thousand inputs, so many are of a kind: the cheaper one is, the more."""
WHOLE: Final = {"count": 1_000_000, "seed": 1, "through": 3_000}
"""What a whole run is: only such a one is written into the page of measures."""
_READERS: Final = ("auditor", "guardian")
_EACH: Final = 2_000
"""Inputs that one process judges."""


def of(name: str, dossiers: Sequence[bytes] = ()) -> Kind:
    """A kind by its name."""
    match name:
        case "acts":
            return Acts(standings())
        case "intakes":
            return Intakes()
        case "profiles":
            return Profiles()
        case "delays":
            return DelaysFiles()
        case "keys":
            return Keys()
        case "scenarios":
            return Scenarios()
        case "scripts":
            return Scripts([act for standing in standings() for act in standing.said])
        case _:
            return Dossiers(dossiers or samples())


def samples() -> list[bytes]:
    return [path.read_bytes() for path in sorted(SAMPLES.glob("*.zip"))]


def lived_in(at: House, *, signed: bool = False) -> str:
    """A case in a house, with acts, refusals and a hold in it; its reference. ``signed``: only signed acts count in it."""
    reference = at.opened(signed=signed, **at_the_door.of_an_invented_child())
    at.recorded(reference, at_the_door.some_acts())
    return reference


def report(
    judged: Mapping[str, Judged],
    doors: Sequence[at_the_door.Answered],
    command: str,
    *,
    seed: int = WHOLE["seed"],
    unjudged: Sequence[str] = (),
) -> str:
    """What is printed at the end, and written into the page of measures: what was found stands first.

    ``unjudged``: see :func:`missing`.
    """
    rows = [
        [
            name,
            f"{each.inputs:,}",
            f"{len(each.answers)}",
            f"{each.slowest:.2f}",
            f"{1000 * each.seconds / max(1, each.inputs):.1f}",
            f"{each.peak / MEGABYTE:.0f}",
            f"{len(each.finds)}",
        ]
        for name, each in judged.items()
    ]
    parts = [
        f"Written by `{command}`. {machine('pydantic')}",
        "What is put to what, and what must hold, is in [decision 0031](decisions/0031-hostile-input.md).",
        "",
        *_found(judged, doors, seed, unjudged),
        f"{sum(each.inputs for each in judged.values()):,} inputs in "
        f"{sum(each.seconds for each in judged.values()) / 60:.0f} minutes of processor time. Allowed to each: "
        f"{ALLOWED_SECONDS:.0f} seconds, {ALLOWED_BYTES // MEGABYTE} MB more than before. Peaks are of processes that "
        f"each judged {_EACH:,} inputs, the making of the inputs included. "
        "A dossier that is made to fill memory may take a gigabyte, as the decision says; of its kind the inputs here "
        "stop at a tenth.",
        "",
        table(["kind", "inputs", "distinct answers", "slowest, s", "mean, ms", "peak, MB more", "finds"], rows),
    ]
    if doors:
        parts += [
            "",
            "Through a whole house (engine, worker, desk):",
            "",
            table(
                ["door", "inputs", "distinct answers", "finds"],
                [[each.door, f"{each.inputs:,}", f"{len(each.answers)}", f"{len(each.wrong)}"] for each in doors],
            ),
        ]
    return "\n".join(parts)


def _found(
    judged: Mapping[str, Judged], doors: Sequence[at_the_door.Answered], seed: int, unjudged: Sequence[str]
) -> list[str]:
    """The finds of a run as a list for the page: how each is made again, and nothing of what an input said."""
    finds = [find for each in judged.values() for find in each.finds.values()]
    lines = [
        # Only the error and its place: what follows may tell an answer, and with it the input.
        *(
            f"- {find.kind}, {_many(find.times, 'time')}, `{find.what.partition(': ')[0]}`; {_again(find, seed)}"
            for find in finds
        ),
        *(
            f"- through {each.door}, {len(each.wrong):,} different; all again: `python -m hostile --seed {seed}`"
            for each in doors
            if each.wrong
        ),
        *(f"- {line}" for line in unjudged),
    ]
    number = len(finds) + sum(len(each.wrong) for each in doors) + len(unjudged)
    return [f"**{_many(number, 'find')}, not mended when this was written:**", "", *lines, ""] if lines else []


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def _again(find: Find, seed: int) -> str:
    if find.kind == Dossiers.name:
        return (
            f"the first is number {find.number} of seed {seed}, spoiled from a dossier of that run's own house, "
            "so only `--keep` has it"
        )
    return f"the first again: `python -m hostile --only {find.kind} --number {find.number} --seed {seed}`"


def told(find: Find, seed: int, keep: Path | None) -> str:
    """A find in a line; its input is written where finds are kept."""
    line = f"{find.kind} {find.number}: {find.what} ({find.times} times, --seed {seed})"
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        path = keep / f"{find.kind}-{find.number}-{find.given.where}"
        path.write_bytes(find.given.raw)
        line += f": {path}"
    return line


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m hostile", description=__doc__)
    parser.add_argument("--count", type=int, default=WHOLE["count"], help="inputs in all")
    parser.add_argument(
        "--seed", type=int, default=WHOLE["seed"], help="another number makes other inputs; the same one the same"
    )
    parser.add_argument("--only", default=",".join(SHARES), help="kinds, with commas between them")
    parser.add_argument("--processes", type=int, default=2, help="how many at once")
    parser.add_argument(
        "--through", type=int, default=WHOLE["through"], help="inputs through a whole house; 0 for none"
    )
    parser.add_argument("--keep", type=Path, help="a folder into which finds are written")
    parser.add_argument("--number", type=int, help="make input NUMBER of the one kind named, write it out, and end")
    parser.add_argument("--write", type=Path, help="the page of measures to write the result into")
    parser.add_argument("--samples", action="store_true", help="make the sample dossiers anew, and end")
    given = parser.parse_args(arguments)
    kinds = given.only.split(",")
    if unknown := [name for name in kinds if name not in SHARES]:
        parser.error(f"there is no kind {unknown[0]}; there are {', '.join(SHARES)}")
    if given.number is not None:
        sys.stdout.buffer.write(of(kinds[0]).make(chance_of(given.seed, kinds[0], given.number)).raw)
        return 0
    if given.samples:
        _make_samples()
        return 0
    return _run(given, kinds)


def _run(given: Any, kinds: Sequence[str]) -> int:
    # Commands that run here find no settings of somebody's own, and no wide screen.
    for name in [name for name in os.environ if name.startswith(("HOMEWARD_", "TEMPORAL_"))]:
        del os.environ[name]
    os.environ["COLUMNS"] = "200"
    doors: list[at_the_door.Answered] = []
    dossiers: list[bytes] = []
    if given.through:
        with tempfile.TemporaryDirectory(prefix="homeward-hostile-") as data, house(Path(data)) as at:
            reference = lived_in(at)
            dossiers = [at.dossier(reference, reader) for reader in _READERS]
            sent_to = at_the_door.Sent(reference, lived_in(at, signed=True))
            doors = at_the_door.through(at, sent_to, given.seed, given.through, dossiers[0])
            for each in doors:
                _say("\n".join([f"{each.door}: {each.inputs:,} inputs, {len(each.wrong)} finds", *each.wrong]))
    work = [
        piece
        for name, number in asked_of(kinds, given.count).items()
        for piece in pieces(of(name, dossiers), given.seed, number, _EACH)
    ]
    summed = judge_all(work, given.processes, lambda judged: _say(_line(judged)))
    judged = {name: summed[name] for name in kinds if name in summed}
    short, unjudged = why_not_written(given, kinds), missing(kinds, given.count, judged)
    text = report(judged, doors, "python -m hostile" if short else "make hostile", seed=given.seed, unjudged=unjudged)
    print(text)
    problems = [
        *(told(find, given.seed, given.keep) for each in judged.values() for find in each.finds.values()),
        *(f"{each.door}: {wrong}" for each in doors for wrong in each.wrong),
        *unjudged,
    ]
    print("\n".join(["", *problems]) if problems else "\nEverything was answered.")
    if given.write:
        # With what it found: else a page that says that nothing was would stand on.
        put_whole(given.write, TITLE, text, short=short)
    return 1 if problems else 0


def asked_of(kinds: Sequence[str], count: int) -> dict[str, int]:
    """How many inputs of each kind so many come to."""
    whole = sum(SHARES[name] for name in kinds)
    return {name: count * SHARES[name] // whole for name in kinds}


def missing(kinds: Sequence[str], count: int, judged: Mapping[str, Judged]) -> list[str]:
    """What was asked for and not judged: a process that judges has ended early."""
    told = {name: judged[name].inputs if name in judged else 0 for name in kinds}
    asked = asked_of(kinds, count)
    return [
        f"{name}: {told[name]:,} of {asked[name]:,} inputs were judged" for name in kinds if told[name] != asked[name]
    ]


def why_not_written(given: Any, kinds: Sequence[str]) -> str:
    """Why a run is no whole one; empty for one that is."""
    if set(kinds) != set(SHARES):
        return "not all kinds were asked for"
    others = [f"--{name} is {getattr(given, name)}" for name in WHOLE if getattr(given, name) != WHOLE[name]]
    return f"{others[0]}, in a whole run {WHOLE[others[0][2:].split()[0]]}" if others else ""


def _line(judged: Judged) -> str:
    return f"{judged.kind}: {judged.inputs:,} inputs, {judged.seconds:.0f} s, {len(judged.finds)} finds"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _make_samples() -> None:
    from hostile.dossiers import as_sample

    with tempfile.TemporaryDirectory(prefix="homeward-hostile-") as data, house(Path(data)) as at:
        reference = lived_in(at)
        SAMPLES.mkdir(exist_ok=True)
        for reader in _READERS:
            (SAMPLES / f"{reader}.zip").write_bytes(as_sample(at.dossier(reference, reader)))


if __name__ == "__main__":
    raise SystemExit(main())
