"""What so many cases take: rows, bytes, timers, workers, memory, money, reckoned from what one case was measured to cost.

``python -m tools.sizing --cases 1000000 --months 15`` prints the tables of docs/for-operators.md, "How much it takes".
What was measured stands in ``tools/sizing.json``, written by ``python -m benches.sizing``; what is assumed is an option
each, and printed. Prices are those of one hosted engine on one day: look up today's.
"""

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
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


def _assumed(default: float, what: str) -> Any:
    return field(default=default, metadata={"what": what})


@dataclass(frozen=True)
class Assumed:
    """What is assumed and not measured; each is an option of the command, and printed."""

    cases: int = _assumed(1_000_000, "cases that are open at the same time")
    months: float = _assumed(15, "months for which a case is open")
    looks: float = _assumed(5, "questions that desks ask a case for each act, for pages of the case and for forms")
    questions_a_page: float = _assumed(2.5, "such questions for each page: a page asks two or three")
    office_hours: float = _assumed(
        4.2, "times as much is said in office hours as on average: a week has 168 hours, an office 40"
    )
    peak: float = _assumed(5, "times as much in the fullest hour as in an office hour")
    busy: float = _assumed(0.5, "part of a core that is used in that hour")
    cached: float = _assumed(0.02, "part of the open cases that all workers hold in memory: those of the week")
    held: int = _assumed(5_000, "cases that one worker is set to hold (HOMEWARD_CASES_HELD)")
    missed: float = _assumed(0.3, "part of acts and questions that meet a case which no worker has in memory")
    shards: int = _assumed(512, "shards of the engine's history, a number that is fixed for good on its first day")
    retained_months: float = _assumed(
        3, "months for which an ended run stays with a hosted engine; 90 days are the most there"
    )
    active_price: float = _assumed(0.042, "dollars a GB and hour, of what is open")
    retained_price: float = _assumed(0.00105, "dollars a GB and hour, of what has ended")


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
    plain, whole = measured["whole_course"], measured["whole_course_with_mail_and_webhook"]
    young = measured["young_case"]
    acts = whole["acts"]
    # A case in the middle of its course has half of what a whole one has, and all together are spread over the course.
    half = acts / 2
    share = half / young["acts"]
    ended_a_month = assumed.cases / assumed.months
    acts_a_second = assumed.cases * acts / (assumed.months * MONTH)
    peak = acts_a_second * assumed.office_hours * assumed.peak
    worker_ms, engine_ms = young["worker_and_client_cpu_ms_an_act"], young["engine_cpu_ms_an_act"]
    billed = sum(whole["actions"].values())
    started_a_day = ended_a_month * whole["actions"]["timers"] / 30.4
    questions = acts * assumed.looks
    millions = ended_a_month * (billed + questions) / 10**6
    open_gb = assumed.cases * whole["history_bytes"] / 2 / GB
    retained_gb = ended_a_month * assumed.retained_months * whole["history_bytes"] / GB
    cost_actions = dollars(millions)
    cost_open = open_gb * HOURS * assumed.active_price
    cost_retained = retained_gb * HOURS * assumed.retained_price
    total = cost_actions + cost_open + cost_retained
    asked = peak * assumed.looks
    met_cold = (peak + asked) * assumed.missed
    cores_a_ms = 1 / 1000 / assumed.busy

    def cores(of: str) -> float:
        act, question = young[f"{of}_an_act"], young[f"question_{of}"]
        taking_up = young[f"question_of_a_case_not_held_{of}"] - question
        return cores_a_ms * (peak * act + asked * question + met_cold * taking_up)

    worker_cores = cores("worker_and_client_cpu_ms")
    # A worker is one Python process, so it has about one core however many the machine has.
    workers = max(math.ceil(assumed.cases * assumed.cached / assumed.held), math.ceil(worker_cores))
    parts: list[tuple[str, Sequence[str], list[Sequence[str]]]] = [
        (
            "One case, measured",
            ("a straight-through case", "neither mail nor webhook", "both"),
            [
                ("days from the opening to the closing", *_each(plain, whole, "days")),
                ("acts", *_each(plain, whole, "acts")),
                ("entries", *_each(plain, whole, "entries")),
                ("events of its histories", *_each(plain, whole, "events")),
                ("their bytes, sealed", *_each(plain, whole, "history_bytes")),
                (
                    "actions that a hosted engine bills",
                    *(f"{sum(each['actions'].values())}" for each in (plain, whole)),
                ),
                ("bytes in the archive", *_each(plain, whole, "archive_bytes")),
                ("rows, bytes in the engine's database for an act", "", _an_act(young)),
                ("processor time of an act, worker and client", "", f"{worker_ms:.0f} ms"),
                ("processor time of an act, engine", "", f"{engine_ms:.0f} ms"),
                (
                    "processor time of a question, worker and client, engine",
                    "",
                    _two(young, "question_worker_and_client_cpu_ms", "question_engine_cpu_ms"),
                ),
                (
                    "the same of a case that no worker has in memory",
                    "",
                    _two(
                        young,
                        "question_of_a_case_not_held_worker_and_client_cpu_ms",
                        "question_of_a_case_not_held_engine_cpu_ms",
                    ),
                ),
                (
                    "memory of a worker for a case that it holds",
                    "",
                    f"{young['worker_memory_bytes'] / 1000:.0f} KB",
                ),
            ],
        ),
        (
            "Assumed, not measured",
            ("option, and what it is", "value"),
            [
                (f"`{_option(each.name)}`: {each.metadata['what']}", _number(getattr(assumed, each.name)))
                for each in fields(assumed)
            ],
        ),
        (
            f"{assumed.cases:,} open cases of {assumed.months:g} months",
            ("what", "reckoned"),
            [
                ("cases that open, and end, in a month", f"{ended_a_month:,.0f}"),
                ("acts a second: on average, in office hours", f"{acts_a_second:.2f}, {peak / assumed.peak:.1f}"),
                ("acts a second in the fullest hour", f"{peak:.0f}"),
                ("timers that cases wait for, one each", f"{assumed.cases:,}"),
                (
                    "rows of timers in the engine's database: also those put off, and time limits of what is done",
                    _millions(assumed.cases * share * young["rows_timer_tasks"]),
                ),
                ("timers that are started in a day; each fires or is put off", f"{started_a_day:,.0f}"),
                (
                    f"one of the engine's {assumed.shards:,} shards: open cases, and a timer that each waits for",
                    f"{assumed.cases / assumed.shards:,.0f}",
                ),
                (
                    f"one of the engine's {assumed.shards:,} shards: acts a second in the fullest hour",
                    f"{peak / assumed.shards:.3f}",
                ),
                (
                    f"one of the engine's {assumed.shards:,} shards: timers that are started in a day",
                    f"{started_a_day / assumed.shards:,.0f}",
                ),
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
                ("questions a second in the fullest hour", f"{asked:.0f}"),
                ("cores of all workers", f"{worker_cores:.1f}"),
                ("cores of the engine", f"{cores('engine_cpu_ms'):.1f}"),
                (
                    f"memory of all workers, {assumed.cached:.0%} of the cases held",
                    f"{assumed.cases * assumed.cached * young['worker_memory_bytes'] / GB:.1f} GB",
                ),
                (f"workers that hold these, {assumed.held:,} each, and have a core each", f"{workers}"),
                ("desks: pages a second in the fullest hour", f"{peak * assumed.looks / assumed.questions_a_page:.0f}"),
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


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _number(number: float) -> str:
    return f"{number:,.10g}"


def _each(plain: dict[str, Any], whole: dict[str, Any], name: str) -> tuple[str, str]:
    return f"{plain[name]:,}", f"{whole[name]:,}"


def _two(young: dict[str, Any], *names: str) -> str:
    return ", ".join(f"{young[name]:.0f} ms" for name in names)


def _an_act(young: dict[str, Any]) -> str:
    return f"{young['rows_history_node'] / young['acts']:.1f}, {young['engine_bytes'] / young['acts']:,.0f}"


def _millions(number: float) -> str:
    return f"{number / 10**6:,.0f} million"


def main() -> None:
    """Print the tables for what was assumed."""
    asks = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    unless_said = Assumed()
    for each in fields(unless_said):
        default = getattr(unless_said, each.name)
        asks.add_argument(
            _option(each.name),
            type=int if each.name in ("cases", "held", "shards") else float,
            default=default,
            metavar="NUMBER",
            help=f"{each.metadata['what']}; {_number(default)} unless said",
        )
    assumed = Assumed(**vars(asks.parse_args()))
    for each in fields(assumed):
        if not 0 <= getattr(assumed, each.name) < math.inf:
            asks.error(f"{_option(each.name)} must be a number, and not below 0")
    sizes = (assumed.cases, assumed.months, assumed.questions_a_page, assumed.held, assumed.shards)
    if min(sizes) <= 0 or not 0 < assumed.busy <= 1 or max(assumed.cached, assumed.missed) > 1:
        asks.error(
            "--cases, --months, --questions-a-page, --held and --shards must be more than 0, "
            "--busy more than 0 and at most 1, --cached and --missed at most 1"
        )
    print(reckoned(json.loads(MEASURED.read_text("utf-8")), assumed), end="")


if __name__ == "__main__":
    main()
