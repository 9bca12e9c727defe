"""What so many cases take: rows, bytes, timers, workers, memory, money, reckoned from what one case was measured to cost.

``python -m tools.sizing --cases 1000000 --months 15`` prints the tables of docs/for-operators.md, "How much it takes".
What was measured stands in ``tools/sizing.json``, written by ``python -m benches.sizing``; what is assumed is an option
each, and printed. Prices are those of one hosted engine on one day: look up today's.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benches.measures import table

MEASURED: Final = Path(__file__).with_name("sizing.json")
MONTH: Final = 30.4375 * 24 * 3600
"""Seconds of a month."""
GB: Final = 10**9
HOURS: Final = 730.5
"""Hours of a month."""

PRICES_OF: Final = "2026-11-29"
TIERS: Final = ((5, 50.0), (5, 45.0), (10, 40.0), (30, 35.0), (50, 30.0), (100, 25.0))
"""Dollars a million actions: so many millions of a month at that price, the next so many at the next. What is beyond
the last is reckoned at the last; the list says to ask."""


@dataclass(frozen=True)
class Assumed:
    """What is assumed and not measured; each is an option of the command."""

    cases: int = 1_000_000
    """Open at the same time."""
    months: float = 15
    """For which a case is open."""
    looks: float = 5
    """Questions of a desk to a case for each act: pages of the case and forms; each is two or three of them."""
    office_hours: float = 4.2
    """How much more is said in office hours than on average: a week has 168 hours, an office 40."""
    peak: float = 5
    """How much more in the fullest hour than in an office hour."""
    busy: float = 0.5
    """How much of a core is used in that hour."""
    cached: float = 0.02
    """Which part of the open cases a fleet of workers holds in memory: those of the week."""
    retained_months: float = 3
    """How long an ended run stays with a hosted engine; 90 days are the most there."""
    active_price: float = 0.042
    """Dollars a GB and hour, of what is open."""
    retained_price: float = 0.00105
    """Dollars a GB and hour, of what has ended."""


def dollars(millions: float) -> float:
    """What so many millions of actions of one month cost by the tiers."""
    cost, left = 0.0, millions
    for size, price in TIERS:
        part = min(left, size)
        cost += part * price
        left -= part
    return cost + left * TIERS[-1][1]


def reckoned(measured: dict[str, Any], assumed: Assumed) -> str:
    """The tables, as documents have them."""
    whole, young = measured["whole_course"], measured["young_case"]
    acts = whole["acts"]
    # A case in the middle of its course has half of what a whole one has, and all together are spread over the course.
    half = acts / 2
    share = half / young["acts"]
    ended_a_month = assumed.cases / assumed.months
    acts_a_second = assumed.cases * acts / (assumed.months * MONTH)
    peak = acts_a_second * assumed.office_hours * assumed.peak
    worker_ms, engine_ms = young["worker_and_client_cpu_ms_an_act"], young["engine_cpu_ms_an_act"]
    billed = sum(whole["actions"].values())
    questions = acts * assumed.looks
    millions = ended_a_month * (billed + questions) / 10**6
    open_gb = assumed.cases * whole["history_bytes"] / 2 / GB
    retained_gb = ended_a_month * assumed.retained_months * whole["history_bytes"] / GB
    cost_actions = dollars(millions)
    cost_open = open_gb * HOURS * assumed.active_price
    cost_retained = retained_gb * HOURS * assumed.retained_price
    total = cost_actions + cost_open + cost_retained
    cores_a_ms = peak / 1000 / assumed.busy
    parts: list[tuple[str, Sequence[str], list[Sequence[str]]]] = [
        (
            "One case, measured",
            ("a straight-through case", "figure"),
            [
                ("days from the opening to the closing", f"{whole['days']}"),
                ("acts, entries", f"{acts}, {whole['entries']}"),
                ("events of its histories", f"{whole['events']:,}"),
                ("their bytes, sealed", f"{whole['history_bytes']:,}"),
                ("actions that a hosted engine bills", f"{billed}"),
                ("bytes in the archive", f"{whole['archive_bytes']:,}"),
                ("rows, bytes in the engine's database for an act", _an_act(young)),
                ("processor time of an act, worker and client", f"{worker_ms:.0f} ms"),
                ("processor time of an act, engine", f"{engine_ms:.0f} ms"),
                ("memory of a worker for a case that it holds", f"{young['worker_memory_bytes'] / 1000:.0f} KB"),
            ],
        ),
        (
            f"{assumed.cases:,} open cases of {assumed.months:g} months",
            ("what", "reckoned"),
            [
                ("cases that open, and end, in a month", f"{ended_a_month:,.0f}"),
                ("acts a second: on average, in office hours", f"{acts_a_second:.2f}, {peak / assumed.peak:.1f}"),
                ("acts a second in the fullest hour", f"{peak:.0f}"),
                ("timers that wait in the engine", f"{assumed.cases:,}"),
                ("timers that fire in a day", f"{ended_a_month * whole['actions']['timers'] / 30.4:,.0f}"),
                ("engine's shards, 512: acts a second of one in the fullest hour", f"{peak / 512:.3f}"),
                (
                    "rows of history in the engine's database",
                    _millions(assumed.cases * share * young["rows_history_node"]),
                ),
                ("engine's database", f"{assumed.cases * share * young['engine_bytes'] / GB:,.0f} GB"),
                (
                    "engine's database, more each year while it keeps what has ended",
                    f"{ended_a_month * 12 * acts / young['acts'] * young['engine_bytes'] / GB:,.0f} GB",
                ),
                ("caseload's table", f"{assumed.cases * young['caseload_bytes'] / GB:.1f} GB"),
                ("key store", f"{assumed.cases * young['key_store_bytes'] / GB:.1f} GB"),
                ("archive, more each year", f"{ended_a_month * 12 * whole['archive_bytes'] / GB:,.0f} GB"),
                ("cores of all workers", f"{cores_a_ms * worker_ms:.1f}"),
                ("cores of the engine", f"{cores_a_ms * engine_ms:.1f}"),
                (
                    f"memory of all workers, {assumed.cached:.0%} of the cases held",
                    f"{assumed.cases * assumed.cached * young['worker_memory_bytes'] / GB:.1f} GB",
                ),
                ("desks: pages a second in the fullest hour", f"{peak * assumed.looks:.0f}"),
            ],
        ),
        (
            f"On a hosted engine, a month, prices of {PRICES_OF}",
            ("what", "reckoned"),
            [
                ("actions of the cases' own", f"{ended_a_month * billed / 10**6:.1f} million"),
                ("questions that people's pages ask", f"{ended_a_month * questions / 10**6:.1f} million"),
                ("for actions", f"${cost_actions:,.0f}"),
                (f"for {open_gb:,.0f} GB of open histories", f"${cost_open:,.0f}"),
                (f"for {retained_gb:,.0f} GB of ended ones", f"${cost_retained:,.0f}"),
                ("together, without the plan's own share", f"${total:,.0f}"),
                ("for one case in its whole life", f"${total / ended_a_month:.3f}"),
            ],
        ),
    ]
    return "\n\n".join(f"**{title}**\n\n{table(head, rows)}" for title, head, rows in parts) + "\n"


def _an_act(young: dict[str, Any]) -> str:
    return f"{young['rows_history_node'] / young['acts']:.1f}, {young['engine_bytes'] / young['acts']:,.0f}"


def _millions(number: float) -> str:
    return f"{number / 10**6:,.0f} million"


def main() -> None:
    """Print the tables for what was assumed."""
    asks = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in vars(Assumed()).items():
        asks.add_argument(
            f"--{name.replace('_', '-')}",
            type=int if name == "cases" else float,
            default=default,
            help=f"default: {default}",
        )
    assumed = Assumed(**vars(asks.parse_args()))
    if assumed.cases <= 0 or assumed.months <= 0 or not 0 < assumed.busy <= 1:
        asks.error("--cases and --months must be more than 0, and --busy more than 0 and at most 1")
    print(reckoned(json.loads(MEASURED.read_text("utf-8")), assumed), end="")


if __name__ == "__main__":
    main()
