"""What the threat model and SECURITY.md name is there: each file of code, and each test."""

import re
from pathlib import Path

import pytest

from tests.house.committed import ROOT

PAGES = ("docs/threat-model.md", "SECURITY.md")
NAMED = re.compile(r"`((?:[\w.-]+/)+[\w.-]+|[\w.-]+\.(?:py|yml|toml|sh)|Dockerfile)(?:::(\w+))?`")
"""A file below the root, with a test's name behind it or none. Folders are left out: an operator makes some of them."""


def named(text: str) -> list[tuple[str, str]]:
    """The paths that a text names in code marks, each with the test that it names in it."""
    return [(path, test) for path, test in NAMED.findall(text) if not path.startswith(("data/", "published-keys/"))]


def gone(text: str, root: Path) -> list[str]:
    """What a text names and what is not there."""
    missing: list[str] = []
    for path, test in named(text):
        file = root / path
        if not file.exists():
            missing.append(path)
        elif test and not re.search(rf"^(?:async )?def {test}\(", file.read_text("utf-8"), re.MULTILINE):
            missing.append(f"{path}::{test}")
    return missing


@pytest.mark.parametrize("page", PAGES)
def test_what_is_named_is_there(page: str) -> None:
    """A file that was moved, or a test that was renamed, takes its row with it."""
    assert gone((ROOT / page).read_text("utf-8"), ROOT) == []


def test_every_section_of_the_threat_model_names_code_and_tests() -> None:
    """And is in the table on top; each says what remains and what an operator does."""
    text = (ROOT / "docs" / "threat-model.md").read_text("utf-8")
    table = text.split("## All of them\n")[1].split("\n## ")[0]
    sections = text.split("## All of them\n")[1].split("\n## ")[1:]
    assert len(sections) == sum(line.startswith("| [") for line in table.splitlines()) >= 12
    for section in sections:
        found = named(section)
        assert any(test for _, test in found) and any(not path.startswith("tests/") for path, _ in found)
        for word in ("**Wants**", "**Reaches**", "**Remains.**", "**An operator**"):
            assert word in section, section.splitlines()[0]


def test_what_is_gone_would_be_seen(tmp_path: Path) -> None:
    """The check can fail: by a file and by a test's name."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "a_test.py").write_text("def test_one() -> None: ...\n")
    text = (
        "`tests/a_test.py::test_one` but `tests/b_test.py`, `tests/a_test.py::test_two`, `worker.py`, "
        "and not `secrets/`, `/api`, `homeward up` or `sha256`"
    )
    assert gone(text, tmp_path) == ["tests/b_test.py", "tests/a_test.py::test_two", "worker.py"]
