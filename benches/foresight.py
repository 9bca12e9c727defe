"""How long a what-if takes: ``python -m benches.foresight``. One process, one core, the law alone."""

import argparse
import os
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from activities.agreements import BASE, AgreementShelf
from benches.measures import machine, put_whole, short_of, table
from casefile.delays import INVENTED, read_delays
from casefile.foresight import foresee

TITLE: Final = "What if"
ALLOWED: Final = 60
"""Seconds of one core for 10,000 cases of a year each."""
_CASES: Final = 10_000
_DAYS: Final = 365
WHOLE: Final = {"cases": _CASES}
"""What a run asks for whose figures stand on the page of measures."""


def measure(cases: int) -> str:
    """The section's text."""
    agreement, delays = AgreementShelf().get(BASE), read_delays(INVENTED.read_text("utf-8"))
    load = os.getloadavg()[0]
    begun, worked = time.perf_counter(), time.process_time()
    found = foresee(agreement, delays, cases=cases, days=_DAYS)
    taken, work = time.perf_counter() - begun, time.process_time() - worked
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows = [
        ["cases", f"{found.cases:,}"],
        ["acts heard", f"{found.acts:,}"],
        ["entries made", f"{found.entries:,}"],
        ["seconds of work of one core", f"{work:.1f}"],
        ["seconds by the clock on the wall", f"{taken:.1f}"],
        ["acts heard in a second of work", f"{found.acts / work:,.0f}"],
        ["entries made in a second of work", f"{found.entries / work:,.0f}"],
        ["memory, MB", f"{memory:.0f}"],
    ]
    verdict = f"Allowed are {ALLOWED} seconds of work for {_CASES:,} cases."
    if cases == _CASES:
        verdict += " They are kept." if work <= ALLOWED else " They are not kept."
    return "\n\n".join(
        [
            f"Written by `make bench-foresight`: `homeward foresee {BASE}`, {_DAYS} days a case, "
            "with the delays that come along.",
            machine("pydantic"),
            table(["", "figure"], rows),
            f"{verdict}\nAn act is asked of the safeguards twice: whether its office may act now, and when it acts. "
            "Records of invented cases are kept by nobody, and so are not sealed.\n"
            f"The load of the machine was {load:.1f} before and {os.getloadavg()[0]:.1f} at the end; "
            "this alone makes 1. Where it was more, other programs shared cores and caches, and work grew with it.",
        ]
    )


def options() -> argparse.ArgumentParser:
    """What may be asked for."""
    asks = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asks.add_argument("--cases", type=int, default=_CASES, help="invented cases")
    asks.add_argument("--write", type=Path, help="a page of measures, whose section on this is written anew")
    return asks


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write where asked to."""
    asked = options().parse_args(arguments)
    text = measure(asked.cases)
    print(text)
    if asked.write:
        put_whole(asked.write, TITLE, text, short=short_of(asked, WHOLE))


if __name__ == "__main__":
    main()
