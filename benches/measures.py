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
    """The machine, the day, the versions of what was measured and the commit that it began with, as a sentence each.

    Every section has this; what was not committed, or was changed meanwhile, is said.
    """
    named = [f"Python {platform.python_version()}", *(f"{each} {version(each)}" for each in packages)]
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} on {platform.system()} {platform.machine()}, "
        f"{_processor()}, {os.cpu_count()} cores, {_memory()} GB of memory.\n"
        f"Versions: {', '.join(named)}.{_commit()}"
    )


def _commit() -> str:
    """The commit that was measured, as a sentence; nothing where this is no checkout."""
    commit, changes = _BEGUN_AT
    if not commit:
        return ""
    told = f" Commit {commit}{', with changes that were not committed' if changes else ''}."
    return told if _changes_since(commit) == changes else f"{told} The code was changed while this ran."


def _changes_since(commit: str) -> str:
    """How the code differs from a commit; what is only read by people is not looked at."""
    return _git("diff", "--no-ext-diff", "--no-color", commit, "--", ".", ":!docs", ":!*.md")


def _git(*asked: str) -> str:
    try:
        # Without a lock: who commits in the same moment is not to be kept from it.
        done = subprocess.run(
            ["git", "--no-optional-locks", *asked], cwd=ROOT, capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _checkout() -> tuple[str, str]:
    commit = _git("rev-parse", "--short=8", "HEAD")
    return commit, _changes_since(commit) if commit else ""


_BEGUN_AT: Final = _checkout()
"""The commit, and the changes to it, when this was loaded: a run takes an hour, and another may be there at its end."""


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.+)$", told.read_text("utf-8"), re.MULTILINE) if told.is_file() else None
    return found[1] if found else platform.processor() or "processor not named"


def _memory() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3)
