"""The keyed mark of a child."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from activities.marks import ChildMarks, KeyUnusable

MARKS = ChildMarks(b"k" * 32)


def child(**given: Any) -> dict[str, Any]:
    return {"given_names": "Inventa", "family_name": "Sample", "date_of_birth": "2013-05-04", **given}


def test_the_same_child_has_the_same_mark() -> None:
    """Case, spaces, and ways of composing letters do not hide a double."""
    mark = MARKS.of(child(given_names="Émilie  Ștefania", family_name="Straße-Sample"))

    assert mark == MARKS.of(child(given_names=" e\u0301MILIE s\u0326TEFANIA ", family_name="STRASSE-SAMPLE"))
    assert mark == MARKS.of(child(given_names="Émilie\u00a0Ștefania", family_name="straße-sample", sex="female"))


@pytest.mark.parametrize(
    "other",
    [
        {"given_names": "Inventia"},
        {"family_name": "Sampler"},
        {"date_of_birth": "2013-04-05"},
        {"given_names": "Inventa Sample", "family_name": "Sample"},
        {"given_names": "Sample", "family_name": "Inventa"},
    ],
)
def test_another_child_has_another_mark(other: dict[str, str]) -> None:
    """Each of names and date of birth counts."""
    assert MARKS.of(child()) != MARKS.of(child(**other))


def test_where_names_meet_does_matter() -> None:
    """«Ana Maria» «Pop» is not «Ana» «Maria Pop»."""
    assert MARKS.of(child(given_names="Ana Maria", family_name="Pop")) != MARKS.of(
        child(given_names="Ana", family_name="Maria Pop")
    )


@pytest.mark.parametrize("missing", [{"date_of_birth": None}, {"given_names": " "}, {"family_name": None}])
def test_a_child_of_whom_too_little_is_known_has_no_mark(missing: dict[str, Any]) -> None:
    """Without a date of birth two children may look alike; none is stopped for that."""
    assert MARKS.of(child(**missing)) is None


def test_another_key_gives_another_mark() -> None:
    """A mark is nothing to anyone without the key, and holds no name."""
    mark = MARKS.of(child())

    assert mark is not None
    assert mark != ChildMarks(b"l" * 32).of(child())
    assert 64 == len(mark)


def test_the_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    """The first start makes the file, later ones read it."""
    path = tmp_path / "data" / "duplicates.key"

    first = ChildMarks.with_key_at(path)

    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert first.of(child()) == ChildMarks.with_key_at(path).of(child())
    assert [path] == list(path.parent.iterdir())


def test_starts_at_one_moment_share_one_key(tmp_path: Path) -> None:
    """Sixteen starts race for the file and all make the same mark."""
    path = tmp_path / "duplicates.key"

    def start(_: int) -> str | None:
        return ChildMarks.with_key_at(path).of(child())

    with ThreadPoolExecutor(16) as pool:
        marks = set(pool.map(start, range(16)))

    assert 1 == len(marks)
    assert [path] == list(tmp_path.iterdir())


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """A key that leaked would let anyone test names against marks."""
    path = tmp_path / "duplicates.key"
    ChildMarks.with_key_at(path)
    path.chmod(0o644)

    with pytest.raises(KeyUnusable, match="can be read by others"):
        ChildMarks.with_key_at(path)


@pytest.mark.parametrize("text", ["", "abc", "zz" * 32, "ab" * 16])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, text: str) -> None:
    """A cut or edited file is told, not used."""
    path = tmp_path / "duplicates.key"
    path.write_text(text)
    path.chmod(0o600)

    with pytest.raises(KeyUnusable, match="is not a key"):
        ChildMarks.with_key_at(path)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """One sentence, naming the file."""
    (tmp_path / "file").write_text("")

    with pytest.raises(KeyUnusable, match=r"duplicates\.key cannot be made or read"):
        ChildMarks.with_key_at(tmp_path / "file" / "duplicates.key")


def test_a_key_that_can_be_guessed_is_refused() -> None:
    """Sixteen bytes at least."""
    with pytest.raises(ValueError, match="guessed"):
        ChildMarks(os.urandom(15))
