"""How quick the desk's pages are with many open cases, beside a bare page of the same framework.

``make bench-desk`` runs it. The desk is what `homeward up` serves, with its engine and its worker and the invented
cases of the demonstration; the caseload table is filled up with copies of the open ones under other references and
dates, by the way that a rebuild goes. The browsers, which have no scripts, are in this process; the desk is in another,
the bare pages in a third.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.parse import urlsplit

from httpx2 import AsyncClient

from activities.caseload import Caseload
from activities.rebuild import row_of_view
from activities.settings import read_settings
from benches.measures import at, machine, put_whole, short_of, table
from procedure.entries import moment, read_moment
from tools.house import House, house
from workflows.messages import CaseloadRow

TITLE: Final = "The desk"
WHO: Final = "caseworker-md-1"
BEFORE_ALL: Final = datetime(2000, 1, 1, tzinfo=UTC)
SIGNS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""What the last six signs of a reference are made of."""

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Pages = dict[str, tuple[str, str]]
"""By name: the address of a server, and a path on it."""


# Filling the caseload


def _reference(of: str, number: int) -> str:
    signs = ""
    for _ in range(5):
        number, sign = divmod(number, len(SIGNS))
        signs = SIGNS[sign] + signs
    # The demonstration's own begin with D.
    return f"{of[:11]}Z{signs}"


def copies(views: Sequence[dict[str, Any]], count: int, now: datetime) -> list[CaseloadRow]:
    """So many rows of invented cases: the views, one after the other, each under a reference and at dates of its own.

    What is owed is due up to 10 days before ``now`` (UTC), or up to 50 after it.
    """
    chance = random.Random(count)  # noqa: S311 - the same rows each time; nothing is secret
    rows: list[CaseloadRow] = []
    for number, view in enumerate(islice(cycle(views), count)):
        shift = timedelta(minutes=chance.randrange(-10 * 24 * 60, 50 * 24 * 60))
        awaiting: list[dict[str, Any]] = []
        for owed in view["awaiting"]:
            due = now + shift + timedelta(hours=len(awaiting)) if owed["due"] else None
            late = due is not None and due < now
            awaiting.append({**owed, "due": moment(due) if due else None, "overdue": late})
        opened = read_moment(view["opened_at"]) - timedelta(minutes=number)
        copy = {
            "reference": _reference(view["reference"], number),
            "awaiting": awaiting,
            "opened_at": moment(opened),
            # A caseworker is not told of refusals in a colleague's case.
            "refused": view["refused"] or 0,
        }
        rows.append(row_of_view({**view, **copy}))
    return rows


async def fill(home: House, up_to: int) -> None:
    """See to it that so many open cases stand in the caseload, the real ones among them."""
    caseload = Caseload(read_settings(data=home.data).caseload)
    try:
        real = [case.reference for case in await caseload.page(closed=False, limit=up_to) if "DEM" in case.reference]
        async with AsyncClient(base_url=home.desk, follow_redirects=False) as visit:
            await signed_in(visit)
            views = [(await visit.get(f"/api/cases/{reference}")).raise_for_status().json() for reference in real]
        rows = copies(views, up_to - len(views), datetime.now(UTC))
        # As a rebuild writes them. Nothing is older than that moment, so nothing that is there is dropped.
        await caseload.replace([(row, None) for row in rows], asked_at=BEFORE_ALL)
    finally:
        await caseload.close()


# Asking


async def signed_in(visit: AsyncClient) -> None:
    """Sign in at a desk with development sign-in. Raises RuntimeError where it lets nobody in."""
    form = (await visit.get("/sign-in")).text.partition("<main")[2].split('<input type="hidden" ')[1:]
    pairs = (part.partition(">")[0].removeprefix('name="').split('" value="') for part in form)
    hidden = {name: value.rstrip('"') for name, value in pairs}
    answer = await visit.post("/sign-in", data={**hidden, "person": WHO})
    if answer.status_code != 303:
        raise RuntimeError(f"{visit.base_url} let nobody in: {answer.status_code}")


@dataclass
class Browser:
    """One browser without scripts: it keeps its connections, and its cookies are those of its session."""

    cookies: dict[str, str] = field(default_factory=dict[str, str])
    _open: dict[str, Connection] = field(default_factory=dict[str, Connection])

    async def sign_in(self, server: str) -> None:
        """Sign in at a desk with development sign-in."""
        async with AsyncClient(base_url=server, follow_redirects=False) as visit:
            await signed_in(visit)
            self.cookies[server] = "; ".join(f"{name}={value}" for name, value in visit.cookies.items())

    async def get(self, server: str, path: str) -> int:
        """Ask for a page, read it to its end, and give its bytes as transferred. Raises RuntimeError for an error.

        By hand, because a client that can do more takes longer than the bare page itself.
        """
        if server not in self._open:
            where = urlsplit(server)
            self._open[server] = await asyncio.open_connection(where.hostname, where.port)
        reader, writer = self._open[server]
        cookies = f"Cookie: {self.cookies[server]}\r\n" if server in self.cookies else ""
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {urlsplit(server).netloc}\r\nAccept: text/html\r\n"
            f"Accept-Language: en\r\nAccept-Encoding: gzip\r\n{cookies}\r\n".encode()
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = next(
            int(line.partition(":")[2]) for line in head.splitlines() if line.lower().startswith("content-length:")
        )
        await reader.readexactly(length)
        if not head.startswith("HTTP/1.1 200"):
            raise RuntimeError(f"{path} answered {head.splitlines()[0]}")
        return len(head) + length

    async def close(self) -> None:
        """Close what it keeps open."""
        while self._open:
            _, (_, writer) = self._open.popitem()
            writer.close()
            with suppress(ConnectionError):  # the other side was first
                await writer.wait_closed()


@dataclass
class Measured:
    """One page: seconds of each answer, and by round; bytes transferred; seconds of work of its server's process."""

    seconds: list[float] = field(default_factory=list[float])
    rounds: list[float] = field(default_factory=list[float])
    """The median of each round."""
    size: int = 0
    work: float = 0.0


async def rounds(
    browsers: Sequence[Browser], pages: Pages, processes: dict[str, int], *, times: int, each: int, says: str
) -> dict[str, Measured]:
    """So many ``times`` all pages, in another order each time; every browser asks for a page ``each`` times in a row."""
    found = {name: Measured() for name in pages}
    chance = random.Random(times)  # noqa: S311 - an order
    for turn in range(-1, times):
        for name in chance.sample(list(pages), len(pages)):
            server, path = pages[name]
            taken: list[float] = []

            async def ask(browser: Browser, server: str = server, path: str = path, to: list[float] = taken) -> int:
                # A connection that nobody used for some seconds is closed by the server: begin with a fresh one.
                await browser.close()
                size = await browser.get(server, path)
                for _ in range(each):
                    begun = time.perf_counter()
                    await browser.get(server, path)
                    to.append(time.perf_counter() - begun)
                return size

            worked = _work(processes[server])
            size, *_ = await asyncio.gather(*map(ask, browsers))
            if turn < 0:
                continue  # templates are read, and questions prepared, at the first visit
            one = found[name]
            one.seconds += taken
            one.rounds.append(median(taken))
            one.size = size
            one.work += (_work(processes[server]) - worked) * each / (each + 1)
        print(f"  {says}: round {turn + 1} of {times}", file=sys.stderr)
    return found


def _work(process: int) -> float:
    """Seconds of processor time that a process has used. Zero where the system does not tell."""
    told = Path(f"/proc/{process}/stat")
    if not told.is_file():
        return 0.0
    fields = told.read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def bare_pages() -> Generator[tuple[str, str, int]]:
    """The addresses of the bare page and of the empty page of the desk, and their process."""
    command = [sys.executable, "-m", "benches.bare"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdin is not None
        assert serving.stdout is not None
        told = json.loads(serving.stdout.readline())
        try:
            yield told["bare"], told["empty"], serving.pid
        finally:
            serving.stdin.close()


# Telling


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f}"


def _rows(found: dict[str, Measured]) -> list[list[str]]:
    bare, empty = (median(found[name].seconds) for name in ("bare page", "empty page of the desk"))
    return [
        [
            name,
            _ms(at(0.5, one.seconds)),
            _ms(at(0.9, one.seconds)),
            _ms(at(0.99, one.seconds)),
            f"{_ms(min(one.rounds))} to {_ms(max(one.rounds))}",
            f"{median(one.seconds) / bare:.1f}",
            f"{median(one.seconds) / empty:.1f}",
            _ms(one.work / len(one.seconds)),
            f"{one.size / 1024:.1f}",
        ]
        for name, one in found.items()
    ]


HEAD: Final = (
    "page",
    "p50 ms",
    "p90 ms",
    "p99 ms",
    "p50 of the rounds, ms",
    "p50 : bare",
    "p50 : empty",
    "work, ms",
    "KB",
)


async def measure(asked: argparse.Namespace) -> str:
    """The section as text."""
    busy = os.getloadavg()[1]
    with house() as home, bare_pages() as (bare, empty, bares):
        processes = {home.desk: home.process, bare: bares, empty: bares}
        browsers = [Browser() for _ in range(asked.browsers)]
        for browser in browsers:
            await browser.sign_in(home.desk)
            await browser.sign_in(empty)
        year = datetime.now(UTC).year
        bases: Pages = {"bare page": (bare, "/"), "empty page of the desk": (empty, "/")}
        lists: Pages = {"inbox": (home.desk, "/"), "waiting for others": (home.desk, "/others")}
        mid_course: Pages = {
            "nobody owes anything": (home.desk, "/board"),
            "case": (home.desk, f"/cases/MD-UA-{year}-DEM008"),
            # No act of care and no report: of their forms a session opens sixty a minute, and no operator sets how many.
            "form of an act": (home.desk, f"/cases/MD-UA-{year}-DEM008/acts/open_tracing"),
        }
        await fill(home, asked.few)
        some = await rounds(
            browsers, bases | lists, processes, times=asked.rounds, each=asked.each, says=f"{asked.few} cases"
        )
        await fill(home, asked.cases)
        everything = bases | lists | mid_course
        many = await rounds(
            browsers, everything, processes, times=asked.rounds, each=asked.each, says=f"{asked.cases} cases"
        )
        begun, turns = time.process_time(), asked.rounds * asked.each
        alone = await rounds(
            browsers[:1], everything, processes, times=asked.rounds, each=asked.each, says="one browser"
        )
        own = (time.process_time() - begun) / (turns * len(everything))
        for browser in browsers:
            await browser.close()
    return _told(asked, some, many, alone, own, busy)


def _told(
    asked: argparse.Namespace,
    some: dict[str, Measured],
    many: dict[str, Measured],
    alone: dict[str, Measured],
    own: float,
    busy: float,
) -> str:
    growth = [
        [
            name,
            *(f"{_ms(median(found[name].seconds))}" for found in (some, many)),
            *(f"{median(found[name].seconds) / median(found['bare page'].seconds):.1f}" for found in (some, many)),
            *(_ms(found[name].work / len(found[name].seconds)) for found in (some, many)),
        ]
        for name in some
    ]
    return f"""Written by `make bench-desk`. {machine("fastapi", "starlette", "uvicorn", "jinja2", "sqlalchemy", "temporalio")}

The desk, its worker and its engine are those of `homeward up`, with the caseload in SQLite.
In the caseload are {asked.cases:,} open cases: the invented ones of the demonstration, which the engine conducts, and copies of their rows under other references and dates, written as a rebuild writes them.
{asked.browsers} browsers without scripts ask at the same time, each the next page when it has the one before; they keep their connections and are signed in as a caseworker.
All pages take turns in {asked.rounds} rounds, in another order each time, {asked.browsers * asked.each} requests a page and round.
Browsers, desk, engine and bare pages are processes of their own and share the cores of the machine; a request costs the browser {_ms(own)} ms of work.
The load of the machine was {busy:.1f} on average before, and {os.getloadavg()[1]:.1f} at the end; on an idle one this benchmark alone made about 2, as seen by hand on 2026-11-28. Where it was more, other programs took part of the cores: read “work” first.

The bare page is one route of FastAPI with one small Jinja template: no session, no language, no layout, no compression.
The empty page is the desk's own with nothing on it: session, safe headers, layout, language, compression.
“Work” is processor time of the server's process for each request; that of the desk's process includes its worker's.

### With {asked.cases:,} open cases and {asked.browsers} browsers at once
{table(HEAD, _rows(many))}

### With {asked.cases:,} open cases and one browser
{table(HEAD, _rows(alone))}

### From {asked.few:,} to {asked.cases:,} open cases
{asked.browsers} browsers at once; p50 in ms, and as a ratio to the bare page of the same rounds; work in ms.

{table(("page", *(f"{what}, {cases:,}" for what in ("p50", "ratio", "work") for cases in (asked.few, asked.cases))), growth)}
"""


WHOLE: Final = {"cases": 10_000, "few": 100, "browsers": 8, "rounds": 10, "each": 10}
"""What a run asks for whose figures stand on the page of measures."""


def options() -> argparse.ArgumentParser:
    """What may be asked for."""
    asks = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asks.add_argument("--cases", type=int, default=WHOLE["cases"], help="open cases in the caseload")
    asks.add_argument("--few", type=int, default=WHOLE["few"], help="open cases for comparison")
    asks.add_argument("--browsers", type=int, default=WHOLE["browsers"], help="browsers at the same time")
    asks.add_argument("--rounds", type=int, default=WHOLE["rounds"], help="rounds through all pages")
    asks.add_argument("--each", type=int, default=WHOLE["each"], help="requests a browser, page and round")
    asks.add_argument("--write", type=Path, help="a page of measures, whose section on the desk is written anew")
    return asks


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write where asked to."""
    asked = options().parse_args(arguments)
    text = asyncio.run(measure(asked))
    print(text)
    if asked.write:
        put_whole(asked.write, TITLE, text, short=short_of(asked, WHOLE))


if __name__ == "__main__":
    main()
