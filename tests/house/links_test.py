"""Every link of the documents that stays in the project leads somewhere."""

import re
from pathlib import Path

import pytest

from tests.house.committed import committed, where

FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s+<?(\S+?)>?$", re.MULTILINE)
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)


def prose(text: str) -> str:
    """A document without its code."""
    return CODE.sub("", FENCE.sub("", text))


def anchors(text: str) -> set[str]:
    """The names that a document's headings can be linked by, as the common renderers make them."""
    found: set[str] = set()
    for title in HEADING.findall(FENCE.sub("", text)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)
        name = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        number = 0
        while (numbered := f"{name}-{number}" if number else name) in found:
            number += 1
        found.add(numbered)
    return found


def broken(path: Path) -> list[str]:
    """The links of a document that lead nowhere."""
    found: list[str] = []
    for match in LINK.finditer(prose(path.read_text("utf-8"))):
        target = match[1] or match[2]
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file.read_text("utf-8"))):
            found.append(target)
    return found


@pytest.mark.parametrize("path", committed(".md"), ids=where)
def test_links_lead_somewhere(path: Path) -> None:
    """To a file that is there, and to a heading that it has."""
    assert broken(path) == []


def test_a_broken_link_would_be_seen(tmp_path: Path) -> None:
    """The check can fail, and leaves code and outside addresses alone."""
    there = tmp_path / "there.md"
    there.write_text("# A heading: with marks\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](there.md) [b](there.md#a-heading-with-marks) [c](https://example.org/x) `[d](no.md)`\n"
        "```\n[e](no.md)\n```\n"
        "[f](not-there.md) [g](there.md#no-such-heading) [h](#nor-here)\n[i]: also-not-there.md\n"
    )
    assert broken(page) == ["not-there.md", "there.md#no-such-heading", "#nor-here", "also-not-there.md"]
