"""Every test says in a sentence what it holds the house to."""

import ast

import pytest

from tests.house.committed import ROOT, committed, where


def silent(text: str) -> list[str]:
    """The tests of a source that have no docstring, or one of more than a first paragraph."""
    return [
        node.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not (ast.get_docstring(node) or "").strip().endswith((".", "!", "?"))
    ]


TESTS = [where(path) for path in committed(".py") if where(path).startswith("tests/")]


@pytest.mark.parametrize("name", TESTS)
def test_each_test_has_its_sentence(name: str) -> None:
    """Read down the docstrings of a file, and you have read what it promises."""
    assert silent((ROOT / name).read_text("utf-8")) == []


def test_a_silent_test_would_be_seen() -> None:
    """The check can fail."""
    assert silent('def test_a(): ...\ndef test_b():\n    """Says it."""\n') == ["test_a"]
