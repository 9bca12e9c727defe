"""The page of measures: what was measured on which machine, one section a benchmark."""

import argparse
import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]

BEGINNING: Final = """# Measures

What was measured, on which machine, by which command.
Each section is written by a command and says so; figures of another machine are other figures, so read the ratios first.
"""


def put_section(page: Path, title: str, text: str) -> None:
    """Write the section ``title`` of a page anew, at the end where there is none; every other section stays."""
    before = page.read_text("utf-8") if page.is_file() else BEGINNING
    section = f"## {title}\n{text.strip()}\n"
    there = re.compile(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    if there.search(before):
        # What follows stays parted by a line.
        after = there.sub(lambda _: f"{section}\n", before)
    else:
        after = f"{before.rstrip()}\n\n{section}"
    page.write_text(f"{after.rstrip()}\n", encoding="utf-8")


def put_whole(page: Path, title: str, text: str, *, short: str) -> None:
    """Write the section anew, unless the run fell ``short`` of a whole one: then say so on standard error.

    A part would stand on the page as if it were the whole.
    """
    if short:
        print(f"{page} is as it was: {short}.", file=sys.stderr)
    else:
        put_section(page, title, text)


def short_of(asked: argparse.Namespace, whole: Mapping[str, int]) -> str:
    """The first option that asks for less than a whole run does, in words; empty where none does."""
    for name, needed in whole.items():
        if (given := getattr(asked, name)) < needed:
            return f"--{name.replace('_', '-')} is {given:,}, and a whole run has {needed:,}"
    return ""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as documents have it; all columns but the first are figures."""
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def at(quantile: float, values: Sequence[float]) -> float:
    """The value that this share of the values does not go beyond (the nearest rank). Raises ValueError for none."""
    if not values:
        raise ValueError("nothing was measured")
    return sorted(values)[min(len(values) - 1, int(quantile * len(values)))]


def machine(*packages: str) -> str:
    """The machine, the day, and the versions of what was measured, as a sentence each."""
    named = [f"Python {platform.python_version()}", *(f"{each} {version(each)}" for each in packages)]
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} on {platform.system()} {platform.machine()}, "
        f"{_processor()}, {os.cpu_count()} cores, {_memory()} GB of memory.\n"
        f"Versions: {', '.join(named)}.{_commit()}"
    )


def _commit() -> str:
    """The commit that was measured, as a sentence; nothing where this is no checkout."""

    def asked(*of: str) -> str:
        done = subprocess.run(["git", *of], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        commit, changed = (
            asked("rev-parse", "--short=8", "HEAD"),
            asked("status", "--porcelain", "-uno", "--", ".", ":!docs"),
        )
    except OSError:
        return ""
    return f" Commit {commit}{', with changes that were not committed' if changed else ''}." if commit else ""


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.+)$", told.read_text("utf-8"), re.MULTILINE) if told.is_file() else None
    return found[1] if found else platform.processor() or "processor not named"


def _memory() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3)
