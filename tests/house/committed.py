"""The files of the project: what is committed, or would be."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def committed(*suffixes: str) -> list[Path]:
    """The project's own files, those of the working tree that git would not ignore; of these suffixes, or all."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    paths = [ROOT / name for name in listed.split("\0") if name]
    found = [path for path in paths if path.is_file() and (not suffixes or path.suffix in suffixes)]
    assert found, "no files: is this a checkout?"
    return sorted(found)


def where(path: Path) -> str:
    """A path as a reader of the project knows it."""
    return path.relative_to(ROOT).as_posix()
