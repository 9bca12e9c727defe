"""Key-encryption keys in a file: made once, read by their owner alone, added, and forgotten."""

import asyncio
import json
from pathlib import Path

import pytest

from sealing.faults import CannotOpen, KeysUnusable
from sealing.keys import KeyFile, Wrapped
from tests.sealing.conftest import file_at

CASE = "MD-UA-2026-7K3F9A"
OTHER = "MD-UA-2026-7K3F9B"
KEY = b"k" * 32


def path_in(folder: Path) -> Path:
    return folder / "keys" / "kek.json"


async def test_a_key_is_wrapped_and_unwrapped_for_its_case_alone(tmp_path: Path) -> None:
    """Bound to the case: in another case's row it does not unwrap, nor does one that was altered."""
    holder = file_at(tmp_path)
    wrapped = await holder.wrap(KEY, case=CASE)

    assert KEY == await holder.unwrap(wrapped, case=CASE)
    assert KEY not in wrapped.blob
    with pytest.raises(CannotOpen, match=OTHER):
        await holder.unwrap(wrapped, case=OTHER)
    with pytest.raises(CannotOpen):
        await holder.unwrap(Wrapped(wrapped.by, wrapped.blob[:-1] + bytes([wrapped.blob[-1] ^ 1])), case=CASE)
    with pytest.raises(CannotOpen):
        await holder.unwrap(Wrapped(wrapped.by, b""), case=CASE)


async def test_two_processes_that_start_at_once_end_up_with_one_key(tmp_path: Path) -> None:
    """Whoever comes second takes the key that is there."""
    made = await asyncio.gather(*(asyncio.to_thread(file_at, tmp_path) for _ in range(8)))
    assert 1 == len({tuple(await holder.ids()) for holder in made})
    assert [path_in(tmp_path).name] == [each.name for each in path_in(tmp_path).parent.iterdir()]


async def test_no_key_is_built_in(tmp_path: Path) -> None:
    """Two houses have two keys, of 256 bits."""
    keys = set[str]()
    for house in ("one", "two"):
        file_at(tmp_path / house)
        told = json.loads(path_in(tmp_path / house).read_text())
        keys |= {each["key"] for each in told["keys"]}
    assert [64, 64] == [len(key) for key in keys]


def test_a_file_is_the_owners_alone(tmp_path: Path) -> None:
    """Mode 0600 in a folder of mode 0700."""
    file_at(tmp_path)
    assert (0o600, 0o700) == (path_in(tmp_path).stat().st_mode & 0o777, path_in(tmp_path).parent.stat().st_mode & 0o777)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
async def test_a_file_that_others_can_read_is_refused_in_a_sentence(tmp_path: Path, mode: int) -> None:
    """The sentence names the file, and says what to run."""
    holder = file_at(tmp_path)
    path_in(tmp_path).chmod(mode)
    with pytest.raises(KeysUnusable, match=f"chmod 600 {path_in(tmp_path)}"):
        await holder.newest()
    path_in(tmp_path).chmod(0o400)
    await holder.newest()


async def test_a_folder_that_others_can_write_is_refused_in_a_sentence(tmp_path: Path) -> None:
    """Whoever can write there can put another file in its place."""
    holder = file_at(tmp_path)
    path_in(tmp_path).parent.chmod(0o777)
    with pytest.raises(KeysUnusable, match="chmod 700"):
        await holder.newest()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": "homeward.key-encryption-keys/1", "keys": []}', "\0\0"])
async def test_a_file_that_holds_no_keys_is_refused_in_a_sentence(tmp_path: Path, text: str) -> None:
    """Nothing is made in its place: what it wrapped would be lost."""
    holder = file_at(tmp_path)
    path_in(tmp_path).write_text(text)
    with pytest.raises(KeysUnusable, match=str(path_in(tmp_path))):
        await holder.newest()
    with pytest.raises(KeysUnusable):
        holder.make()
    assert text == path_in(tmp_path).read_text()


async def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """Only whoever may make one does."""
    with pytest.raises(KeysUnusable, match=r"kek\.json"):
        await KeyFile(path_in(tmp_path)).newest()


async def test_a_new_key_wraps_from_now_on_and_the_old_one_still_unwraps(tmp_path: Path) -> None:
    """Another process sees the new key at once."""
    holder, elsewhere = file_at(tmp_path), file_at(tmp_path)
    before = await holder.wrap(KEY, case=CASE)
    new = await holder.add()

    assert [before.by, new] == await elsewhere.ids()
    assert new == (await elsewhere.wrap(KEY, case=CASE)).by
    assert KEY == await elsewhere.unwrap(before, case=CASE)


async def test_what_only_a_forgotten_key_wrapped_is_unwrapped_no_more(tmp_path: Path) -> None:
    """And nothing of it is left in the file that was there before."""
    holder = file_at(tmp_path)
    before = await holder.wrap(KEY, case=CASE)
    secret = json.loads(path_in(tmp_path).read_text())["keys"][0]["key"]
    new = await holder.add()
    with path_in(tmp_path).open("rb") as as_it_was:
        assert [before.by] == await holder.forget_old()
        assert b"" == as_it_was.read().strip(b"\0")

    assert [new] == await holder.ids()
    assert secret not in path_in(tmp_path).read_text()
    with pytest.raises(CannotOpen, match="is not here"):
        await holder.unwrap(before, case=CASE)
    assert [] == await holder.forget_old()
