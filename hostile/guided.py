"""Parsers in Python under a guide: atheris keeps what reaches new lines, and spoils that further.

It is a tool that may be there or not, and no dependency: docs/decisions/0031 says why. Each target runs in a process of
its own, from the same beginnings as the blind judging; how many lines each of the two reached is told side by side.
"""

import importlib
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from random import Random
from typing import Any, Final, cast

TARGETS: Final = ("profiles", "delays", "scenarios", "scripts", "dossiers", "windows")
"""``windows``: what is read beside files and bodies: cursors, moments, ways back, heads of signatures, keys, certificates."""
_BEGINNINGS: Final = 60
_FOLLOWED: Final = 60
"""Inputs whose lines are looked at: tracing makes each twenty times slower."""


def is_there() -> bool:
    return importlib.util.find_spec("atheris") is not None


def report(seconds: int) -> tuple[str, list[str]]:
    """A section's text about every target, and what was found, a line each."""
    if not is_there():
        return "Guided by coverage: not run, `atheris` is not installed.", []
    rows: list[list[str]] = []
    found: list[str] = []
    for name in TARGETS:
        guided, blind = _run(name, seconds, "guided"), _run(name, seconds, "blind")
        rows.append(
            [
                name,
                *(f"{each[what]:,}" for each in (guided, blind) for what in ("inputs", "lines")),
                f"{len(guided['finds'])}",
            ]
        )
        found += [f"{name}, guided: {what}" for what in (*guided["finds"], *blind["finds"])]
    from benches.measures import table

    head = ["target", "guided: inputs", "lines reached", "blind: inputs", "lines reached", "finds"]
    return f"Guided by coverage (atheris) and blind, {seconds} seconds each:\n\n{table(head, rows)}", found


def _run(name: str, seconds: int, how: str) -> dict[str, Any]:
    """One target in a process: how many inputs, how many lines of our code they reached, and what was found."""
    with tempfile.TemporaryDirectory(prefix="homeward-guided-") as folder:
        result = Path(folder, "result.json")
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(
                [sys.executable, "-m", "hostile.guided", name, str(seconds), how, folder],
                cwd=Path(__file__).resolve().parent.parent,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=4 * seconds + 120,
                check=False,
            )
        if not result.is_file():
            return {"inputs": 0, "lines": 0, "finds": ["the process died, or did not end"]}
        return json.loads(result.read_text("utf-8"))


def windows(raw: bytes) -> str:
    """What stands in addresses, headers, signatures and published files, read as desk, case and command line read it."""
    from activities.caseload import read_cursor
    from casefile.erasure import Erased, NotAnErasure
    from desk.frame import safe_back
    from sealing.published_keys import KeysUnusable, statements
    from sealing.signatures import kid_of
    from starter.moments import faults_of_moments, read_duration, read_when

    text = raw.decode("utf-8", "replace")
    safe_back(text)
    kid_of(text)
    faults_of_moments({"on": text, "since": text})
    for read in (read_cursor, read_when, read_duration):
        with suppress(ValueError):
            read(text)
    with suppress(KeysUnusable):
        statements([raw])
    with suppress(NotAnErasure):
        Erased.of_bytes(raw)
    return "read"


def _target(name: str) -> tuple[Callable[[bytes], str], list[bytes]]:
    """What reads a target's bytes, and what to begin with."""
    from hostile.__main__ import of
    from hostile.judging import Given, chance_of

    if name == "windows":
        begin = [
            "2026-03-01T10:00:00Z~MD-UA-2026-7K3F9A",
            "@+10d",
            "P3DT4H",
            "12",
            "/cases/MD-UA-2026-7K3F9A?x=1",
            "eyJ.e.e.e.e",
        ]
        return windows, [each.encode() for each in begin]
    kind = of(name)
    begin = [kind.make(chance_of(0, name, number)).raw for number in range(_BEGINNINGS)]
    return lambda raw: kind.answer(Given(raw, where=1)), [raw for raw in begin if len(raw) < 200_000]


def _main(name: str, seconds: int, how: str, folder: str) -> None:
    import os
    import time

    atheris = cast(Any, importlib.import_module("atheris")) if how == "guided" else None
    rooms = ("casefile", "procedure", "starter", "desk", "activities.caseload", "sealing", "yaml", "tomllib", "zipfile")
    with atheris.instrument_imports(include=list(rooms)) if atheris else nullcontext():
        read, beginnings = _target(name)
    corpus = Path(folder, "corpus")
    corpus.mkdir()
    for n, raw in enumerate(beginnings):
        (corpus / str(n)).write_bytes(raw)
    from hostile.judging import told_of

    inputs, finds, until = 0, dict[str, int](), time.monotonic() + seconds
    lines = set[tuple[str, int]]()

    def one(raw: bytes) -> None:
        nonlocal inputs
        inputs += 1
        try:
            read(raw)
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            finds.setdefault(f"{told_of(error)} {raw[:60]!r}", inputs)
        if time.monotonic() > until:
            _tell(Path(folder), inputs, lines, sorted(finds), corpus, read)
            os._exit(0)

    if atheris:
        atheris.Setup([sys.argv[0], str(corpus), "-max_len=100000", "-rss_limit_mb=4096", "-timeout=60"], one)
        atheris.Fuzz()
    else:
        from hostile.__main__ import of
        from hostile.judging import chance_of
        from hostile.values import damaged

        kind = None if name == "windows" else of(name)
        number = 0
        while True:
            number += 1
            chance = chance_of(1, name, number)
            raw = kind.make(chance).raw if kind else damaged(chance.choice(beginnings), chance)
            if number % 20 == 0:
                (corpus / f"blind-{number}").write_bytes(raw)
            one(raw)


def _tell(
    folder: Path,
    inputs: int,
    lines: set[tuple[str, int]],
    finds: Sequence[str],
    corpus: Path,
    read: Callable[[bytes], str],
) -> None:
    """Write the result. The lines are those that what was kept reaches, looked at once more with Python's own tracing."""
    _follow(lines, read, [path.read_bytes() for path in sorted(corpus.iterdir())])
    told = {"inputs": inputs, "lines": len(lines), "finds": list(finds)}
    (folder / "result.json").write_text(json.dumps(told), encoding="utf-8")


def _follow(lines: set[tuple[str, int]], read: Callable[[bytes], str], inputs: Sequence[bytes]) -> None:
    root = str(Path(__file__).resolve().parent.parent)
    ours = re.compile(rf"{re.escape(root)}/(?!hostile|\.venv)|/tomllib/|/yaml/|/zipfile")

    def trace(frame: Any, event: str, argument: Any) -> Any:
        if event == "call" and not ours.search(frame.f_code.co_filename):
            return None
        if event == "line":
            lines.add((frame.f_code.co_filename, frame.f_lineno))
        return trace

    chosen = list(inputs)
    Random(1).shuffle(chosen)  # noqa: S311
    for raw in chosen[:_FOLLOWED]:
        sys.settrace(trace)
        try:
            read(raw)
        except Exception:  # noqa: BLE001, S110 - told already
            pass
        finally:
            sys.settrace(None)


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])
