"""Which way things point, and that the law is pure."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.committed import ROOT, committed, where

IMPURE = frozenset(
    "asyncio concurrent contextvars ctypes faulthandler fcntl ftplib getpass glob gc http importlib io inspect locale "
    "logging mmap multiprocessing os pathlib platform pwd queue random resource runpy sched secrets select selectors "
    "shelve shutil signal site smtplib socket socketserver sqlite3 ssl subprocess sys sysconfig tempfile threading time "
    "tracemalloc urllib uuid weakref zoneinfo "
    "activities starter worker workflows "
    "aiosmtplib aiosqlite alembic cloudevents httpx2 psycopg pydantic_settings rich sqlalchemy standardwebhooks "
    "structlog temporalio typer yaml".split()
)
"""Modules through which a clock, chance, the machine or the world could reach the law."""

CLOCKS = frozenset("now today utcnow monotonic perf_counter time_ns process_time localtime gmtime getnode".split())
CHANCE = frozenset("uuid1 uuid4 urandom token_bytes token_hex token_urlsafe randbytes randint random shuffle".split())
DOORS = frozenset("open input print exec eval compile __import__ breakpoint globals id hash".split())


def sources(room: str) -> list[Path]:
    """The Python files of a room."""
    return [path for path in committed(".py") if where(path).startswith(f"{room}/")]


def _impure(module: str) -> bool:
    return module.partition(".")[0] in IMPURE


def impurities(text: str) -> Iterator[str]:
    """Each import and call in a source by which its answer could depend on more than its arguments."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (f"{node.lineno}: imports {alias.name}" for alias in node.names if _impure(alias.name))
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and _impure(node.module or ""):
            yield f"{node.lineno}: imports {node.module}"
        elif isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Attribute) and called.attr in CLOCKS | CHANCE:
                yield f"{called.lineno}: calls {ast.unparse(called)}"
            elif isinstance(called, ast.Name) and called.id in CLOCKS | CHANCE | DOORS:
                yield f"{called.lineno}: calls {called.id}"


@pytest.mark.parametrize("path", sources("procedure"), ids=where)
def test_the_law_depends_on_nothing_but_what_it_is_given(path: Path) -> None:
    """No clock, no chance, no machine, no engine: the same case, act and moment give the same entries."""
    assert list(impurities(path.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    "line",
    [
        "import time",
        "import os.path",
        "from random import choice",
        "from temporalio import workflow",
        "from workflows.messages import CaseloadRow",
        "import sqlalchemy as sa",
        "x = datetime.now(UTC)",
        "x = date.today()",
        "x = datetime.datetime.utcnow()",
        "x = uuid4()",
        "open('x')",
        "print('x')",
        "x = hash('differs from run to run')",
        "def f():\n    import socket",
    ],
)
def test_an_impurity_would_be_seen(line: str) -> None:
    """The check can fail."""
    assert len(list(impurities(line))) == 1


def clocks_and_chance(text: str) -> list[str]:
    """Calls that tell another time or draw another lot at replay; the engine's own `workflow.now()` does not."""
    return [
        each
        for each in impurities(text)
        if " calls " in each
        and not each.split(" calls ")[1].startswith("workflow.")
        # What a workflow writes is not read back by it.
        and each.split(" calls ")[1] not in DOORS
    ]


@pytest.mark.parametrize("path", sources("workflows"), ids=where)
def test_what_waits_asks_the_engine_for_time_and_chance(path: Path) -> None:
    """A replay years later sees the same moments and the same lots."""
    assert clocks_and_chance(path.read_text("utf-8")) == []


def test_a_second_clock_in_a_workflow_would_be_seen() -> None:
    """The check can fail, and lets the engine's clock through."""
    assert clocks_and_chance("datetime.now(UTC)\nuuid4()") == ["1: calls datetime.now", "2: calls uuid4"]
    assert clocks_and_chance("workflow.now()\nworkflow.uuid4()") == []


def lint_imports(folder: Path) -> "subprocess.CompletedProcess[str]":
    """What the contracts in pyproject.toml say to the rooms in a folder."""
    program = Path(sys.executable).parent / "lint-imports"
    return subprocess.run(
        [program, "--no-cache", "--config", ROOT / "pyproject.toml"],
        cwd=folder,
        env={"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )


def of_the_tests(text: str) -> list[str]:
    """What a source imports from the tests."""
    nodes = list(ast.walk(ast.parse(text)))
    named = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    named += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and node.level == 0]
    return [name for name in named if name.partition(".")[0] == "tests"]


@pytest.mark.parametrize("path", [path for path in committed(".py") if not where(path).startswith("tests/")], ids=where)
def test_nothing_but_tests_imports_tests(path: Path) -> None:
    """What is measured or shipped does not change with a test: operators' money was once reckoned from a test's course."""
    assert of_the_tests(path.read_text("utf-8")) == []


def test_an_import_of_a_test_would_be_seen() -> None:
    """The check can fail."""
    assert of_the_tests("from tests.histories.save import x\nimport tests.y as z\nimport testsuite") == [
        "tests.y",
        "tests.histories.save",
    ]


def test_the_rooms_import_each_other_only_as_agreed() -> None:
    """The law knows nobody; what waits and the hands meet at typed messages; only the roots know everything."""
    told = lint_imports(ROOT)
    assert told.returncode == 0, told.stdout


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("procedure", "import workflows.messages"),
        ("procedure", "import sqlalchemy"),
        ("procedure", "import time"),
        ("workflows", "import activities"),
        ("workflows", "import httpx2"),
        ("activities", "import starter"),
        ("activities", "import worker"),
        ("activities", "import workflows.return_case"),
    ],
)
def test_an_import_against_the_agreement_would_be_seen(room: str, line: str, tmp_path: Path) -> None:
    """The contracts can fail: a small house of the same rooms, with one wrong door."""
    for name in ("procedure", "workflows", "activities", "starter"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    (tmp_path / "workflows" / "messages.py").touch()
    (tmp_path / "workflows" / "logs.py").touch()
    (tmp_path / "workflows" / "return_case.py").touch()
    (tmp_path / "activities" / "hands.py").write_text("import workflows.messages\nimport workflows.logs\n")
    assert lint_imports(tmp_path).returncode == 0, lint_imports(tmp_path).stdout
    (tmp_path / room / "wrong.py").write_text(f"{line}\n")
    assert lint_imports(tmp_path).returncode != 0
