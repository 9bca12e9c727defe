"""What is committed says nothing about where it was made."""

import re
from pathlib import Path

import pytest

from tests.house.committed import committed, where

FOLDERS = re.compile(
    # Home folders and work folders of a developer's or a build machine; an image's own folders are not meant.
    r"(?<![\w.~$}/-])/(?:root|work|home/\w+|Users/\w+|tmp/\w*|private/tmp|var/folders|mnt/\w+|media/\w+|builds?/\w+)(?=/|\b(?!/))"
    r"|\b[A-Z]:\\\\?Users\b"
)
REGISTRIES = re.compile(
    r"\b(?:[\w-]+\.)*(?:pypi|pythonhosted|npmjs|yarnpkg|crates|rubygems|dockerhub|jfrog|artifactory|nexus)\.(?:org|com|io)\b"
)
"""Hosts of package registries, mirrors included: where a thing is fetched from is the business of who installs it."""

ALLOWED = {
    "Dockerfile": {"/tmp"},
    "docker-compose.yml": {"/tmp"},
}
"""Folders inside a container."""


def machine_paths(text: str) -> list[str]:
    """Folders of one machine that a text names."""
    return [match[0] for match in FOLDERS.finditer(text)]


def registry_hosts(text: str) -> list[str]:
    """Hosts of package registries that a text names."""
    return [match[0] for match in REGISTRIES.finditer(text)]


def text_of(path: Path) -> str:
    """A file's text; what is no text is read byte for byte."""
    return path.read_bytes().decode("utf-8", "replace")


def test_no_committed_file_names_a_folder_of_a_machine() -> None:
    """Nor the name of whoever worked there."""
    found = {
        where(path): sorted(set(machine_paths(text_of(path))) - ALLOWED.get(where(path), set())) for path in committed()
    }
    assert {} == {name: paths for name, paths in found.items() if paths}


def test_no_committed_file_names_a_registry() -> None:
    """Not in a lock, not in a document, not in a log of some tool."""
    found = {where(path): registry_hosts(text_of(path)) for path in committed()}
    assert {} == {name: hosts for name, hosts in found.items() if hosts}


@pytest.mark.parametrize(
    "text",
    # In two halves, so that this file names none either.
    [
        "see /" + "home/someone/homeward",
        "/" + "root/.cache",
        '"/' + 'work/x"',
        "file:/" + "Users/someone/x",
        "/" + "tmp/x.db",
        "C:" + "\\Users\\x",
    ],
)
def test_a_machine_path_would_be_seen(text: str) -> None:
    """The check can fail."""
    assert machine_paths(text)


@pytest.mark.parametrize(
    "text", ["tests/work/x", "docs/home/a", "https://example.org/root/x", "~/work", "/data", "/usr/lib"]
)
def test_other_paths_are_no_machine_paths(text: str) -> None:
    """Folders of the project, of every machine, or of an image."""
    assert machine_paths(text) == []


def test_a_registry_would_be_seen() -> None:
    """The check can fail."""
    assert registry_hosts("fetched from https://files.python" + "hosted.org/x and mirror.py" + "pi.org") != []
