"""With which keys an audit and a check of a dossier hold signatures: no others than the worker would take."""

from pathlib import Path

import pytest

from sealing.published_keys import ACCEPTED, accept
from sealing.signing_keys import OWN
from starter.auditing import keys_at, keys_of, remark_on_keys
from starter.endings import CannotGoOn, Exit
from tests.sealing.authorities import Authority


def two(folder: Path) -> tuple[Authority, Authority]:
    """An authority, and another one whose file of keys lies beside its own."""
    here, there = Authority(folder), Authority(folder / "there", states=("MD", "UA"))
    (here.published.path / "there.json").write_bytes((there.published.path / OWN).read_bytes())
    return here, there


async def test_an_audit_counts_keys_as_they_count_where_they_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another authority's for nobody before it is accepted, also where nothing was ever accepted."""
    here, there = two(tmp_path)
    monkeypatch.setenv("HOMEWARD_DATA", str(tmp_path))
    monkeypatch.delenv("HOMEWARD_PUBLISHED_KEYS", raising=False)
    kid = there.statement.kid
    keys = await keys_of(None)
    assert keys is not None and (keys[kid].states, keys[here.statement.kid].states) == ((), ("*",))
    (here.published.path / ACCEPTED).unlink()
    keys = await keys_of(None)
    assert keys is not None and (keys[kid].states, keys[here.statement.kid].states) == ((), ("MD",))
    accept(here.published, there.statement, ["UA"], ["monitor"])
    keys = await keys_of(None)
    assert keys is not None and (keys[kid].states, keys[kid].roles) == (("UA",), ("monitor",))


def test_keys_that_are_given_count_as_was_accepted_beside_them(tmp_path: Path) -> None:
    """A folder with the operator's word, or one file out of it."""
    here, there = two(tmp_path)
    folder = here.published.path
    assert (folder / ACCEPTED).exists()
    for path in (folder, folder / "there.json"):
        assert keys_at(path)[there.statement.kid].states == ()
        assert ACCEPTED in remark_on_keys(path) and "alone" not in remark_on_keys(path)


def test_keys_that_an_auditor_brought_together_count_for_their_owners_state(tmp_path: Path) -> None:
    """Whoever had them from the authorities trusts them for that much, and is told so."""
    here, there = two(tmp_path)
    folder = here.published.path
    (folder / ACCEPTED).unlink()
    keys = keys_at(folder)
    assert {key.states for key in keys.values()} == {("MD",)}
    assert keys[there.statement.kid].may_sign_for("caseworker", "MD")
    assert not keys[there.statement.kid].may_sign_for("caseworker", "UA")
    assert "its owner's state alone" in remark_on_keys(folder)


def test_where_there_are_no_keys_it_is_said(tmp_path: Path) -> None:
    """An empty folder is no reason to find all signatures wrong."""
    with pytest.raises(CannotGoOn) as none:
        keys_at(tmp_path)
    assert none.value.code is Exit.MALFORMED
