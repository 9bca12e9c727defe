"""The keys of cases: one each, made once, kept wrapped, destroyed for good, wrapped anew."""

import asyncio
import shutil
import sqlite3
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import URL, event, make_url

from sealing import keyring as keyrings
from sealing.faults import CannotOpen, KeyDestroyed, KeyMissing, KeysUnreachable, KeysUnusable
from sealing.keyring import HOUSE, Keyring
from sealing.keys import KeyFile, KeyHolder, Wrapped
from tests.sealing.conftest import file_at, store_at

CASE = "MD-UA-2026-7K3F9A"
OTHER = "MD-UA-2026-7K3F9B"


async def opened(folder: Path, holder: KeyHolder | None = None, *, make: bool = True) -> Keyring:
    ring = Keyring(store_at(folder), holder or file_at(folder))
    await ring.open(make=make)
    return ring


def files_in(folder: Path) -> list[Path]:
    """The store's file, and those that the database lays beside it."""
    return sorted(folder.glob("keys.db*"))


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in files_in(folder))


async def test_a_case_has_one_key_of_its_own(tmp_path: Path, keyring: Keyring) -> None:
    """256 bits, the same in another process and after a start, another for each case and for the house."""
    key = await keyring.key(CASE)
    again = await opened(tmp_path)

    assert 32 == len(key)
    assert key == await again.key(CASE) == await again.known_key(CASE)
    assert 3 == len({key, await keyring.key(OTHER), await keyring.key(HOUSE)})


async def test_no_key_stands_in_clear_in_the_store(tmp_path: Path, keyring: Keyring) -> None:
    """A copy of the store opens nothing without the key-encryption key; its files are the owner's alone."""
    key = await keyring.key(CASE)
    found = everything_in(tmp_path)

    assert CASE.encode() in found
    assert key not in found and key.hex().encode() not in found
    assert {0o600} == {path.stat().st_mode & 0o777 for path in files_in(tmp_path)}


async def test_a_key_is_not_said_by_mistake(keyring: Keyring) -> None:
    """However it comes into a text."""
    key = await keyring.key(CASE)
    for said in (str(key), repr(key), f"{key}", f"{key!s:>40}", "%s %r" % (key, key), [key].__repr__()):  # noqa: UP031
        assert "CaseKey(...)" in said
        assert repr(bytes(key))[2:-1] not in said


async def test_two_processes_that_seal_a_case_first_agree_on_its_key(tmp_path: Path) -> None:
    """Whoever comes second takes the key that is there."""
    rings = [await opened(tmp_path) for _ in range(6)]
    assert 1 == len(set(await asyncio.gather(*(ring.key(CASE) for ring in rings))))


async def test_a_store_that_another_process_makes_at_the_same_time_is_made_once(tmp_path: Path) -> None:
    """Whoever comes second waits, also where the first has seen that there is nothing and has made nothing yet."""
    holder, others, came = file_at(tmp_path), list[Keyring](), threading.Event()

    def comes_between(*_: object, **__: object) -> None:
        if not came.is_set():
            came.set()
            second = threading.Thread(target=lambda: others.append(asyncio.run(opened(tmp_path, holder))))
            waited_for.append(second)
            second.start()
            second.join(0.5)

    waited_for: list[threading.Thread] = []
    metadata = vars(keyrings)["_Tables"].metadata
    event.listen(metadata, "before_create", comes_between)
    try:
        ring = await opened(tmp_path, holder)
    finally:
        event.remove(metadata, "before_create", comes_between)
    await asyncio.to_thread(waited_for[0].join)
    assert [other.store for other in others] == [ring.store]


async def test_only_a_case_has_a_key(keyring: Keyring) -> None:
    """Nothing that somebody thought up as an id ever becomes a row."""
    for name in ("", "MD-UA-2026-7K3F9A/tracing-3", "somebody", "md-ua-2026-7k3f9a"):
        with pytest.raises(ValueError, match="named by their references"):
            await keyring.key(name)


async def test_a_case_that_is_not_known_gets_no_key_by_being_read(keyring: Keyring) -> None:
    """The sentence names the case."""
    with pytest.raises(KeyMissing, match=CASE):
        await keyring.known_key(CASE)


async def test_a_destroyed_key_is_gone_for_good(tmp_path: Path, keyring: Keyring) -> None:
    """The row says when; none is made again, not by another process either; the others stay."""
    other = await keyring.key(OTHER)
    await keyring.key(CASE)
    at = await keyring.destroy(CASE)
    elsewhere = await opened(tmp_path)

    for ring in (keyring, elsewhere):
        for ask in (ring.key, ring.known_key):
            with pytest.raises(KeyDestroyed, match=f"{CASE} was destroyed on {at}"):
                await ask(CASE)
        assert at == await ring.destroyed(CASE)
    assert at == await keyring.destroy(CASE)
    assert other == await elsewhere.known_key(OTHER)
    assert (await keyring.destroyed(OTHER)) is None


async def test_of_a_destroyed_key_nothing_is_left_in_the_files(tmp_path: Path, keyring: Keyring) -> None:
    """Not in the table, not in the log of writes: what was wrapped is overwritten."""
    for n in range(60):
        await keyring.key(f"MD-UA-2026-0000{n:02}" if n != 30 else CASE)
    with sqlite3.connect(tmp_path / "keys.db") as looking:
        (wrapped,) = looking.execute("select wrapped from case_keys where of_case = ?", (CASE,)).fetchone()
    looking.close()
    assert wrapped in everything_in(tmp_path)
    await keyring.destroy(CASE)

    assert wrapped not in everything_in(tmp_path)


async def test_a_case_can_lose_its_key_before_it_had_one(keyring: Keyring) -> None:
    """Then none is ever made. The house's is never destroyed."""
    await keyring.destroy(CASE)
    with pytest.raises(KeyDestroyed):
        await keyring.key(CASE)
    with pytest.raises(ValueError, match="house"):
        await keyring.destroy(HOUSE)


async def test_keys_are_wrapped_anew_without_being_changed(tmp_path: Path, keyring: Keyring) -> None:
    """After a new key-encryption key every row is wrapped by it; the keys, and so what they sealed, are the same."""
    keys = {case: await keyring.key(case) for case in (CASE, OTHER, HOUSE)}
    await keyring.destroy("MD-UA-2026-7K3F9C")
    old = (await keyring.status()).newest
    new, count = await keyring.rotate()
    told = await keyring.status()

    assert (3, {new: 3}) == (count, told.wrapped_by)
    assert ([old, new], 2, 1) == (told.held, told.keys, told.destroyed)
    elsewhere = await opened(tmp_path)
    assert keys == {case: await elsewhere.known_key(case) for case in keys}
    assert 0 == await keyring.rewrap()


async def test_a_backup_from_before_cannot_be_opened_once_the_old_key_is_forgotten(
    tmp_path: Path, keyring: Keyring
) -> None:
    """So erasure reaches backups of the key store: the destroyed key does not come back with one of them."""
    await keyring.key(CASE)
    kept = tmp_path / "backup"
    kept.mkdir()
    for path in files_in(tmp_path):
        shutil.copy(path, kept)
    await keyring.destroy(CASE)
    restored = Keyring(store_at(kept), file_at(tmp_path))
    assert 32 == len(await restored.known_key(CASE))  # until then it does come back

    old = (await keyring.status()).newest
    await keyring.rotate()
    assert [old] == await keyring.forget_old()

    with pytest.raises(CannotOpen, match="is not here"):
        await Keyring(store_at(kept), file_at(tmp_path)).known_key(CASE)
    assert await (await opened(tmp_path)).known_key(HOUSE)


async def test_forgetting_wraps_first_what_only_the_old_key_opens(tmp_path: Path, keyring: Keyring) -> None:
    """Forgetting loses no key of a case."""
    key = await keyring.key(CASE)
    await file_at(tmp_path).add()
    await keyring.forget_old()

    assert key == await (await opened(tmp_path)).known_key(CASE)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    """Where a key store may lie, on each kind of database in turn."""
    if request.param == "sqlite":
        return store_at(tmp_path)
    return make_url(request.getfixturevalue("postgresql")).set(drivername="postgresql+psycopg")


async def test_a_key_that_is_made_while_the_old_ones_are_forgotten_is_not_lost(tmp_path: Path, store: URL) -> None:
    """One process has wrapped it by the old key-encryption key, another forgets that, and then the first writes it."""
    wrapped, go_on = asyncio.Event(), asyncio.Event()

    class Late(KeyFile):
        async def wrap(self, key: bytes, *, case: str) -> Wrapped:
            made = await super().wrap(key, case=case)
            if case == CASE and not wrapped.is_set():
                wrapped.set()
                await go_on.wait()
            return made

    file_at(tmp_path)
    late, other = Keyring(store, Late(tmp_path / "keys" / "kek.json")), Keyring(store, file_at(tmp_path))
    await other.open(make=True)
    making = asyncio.ensure_future(late.key(CASE))
    await wrapped.wait()
    old = (await other.status()).newest
    await other.rotate()
    assert [old] == await other.forget_old()
    go_on.set()

    assert await making == await other.known_key(CASE)
    await late.close()
    await other.close()


async def test_a_machine_that_missed_a_rotation_seals_nothing_new(tmp_path: Path, store: URL) -> None:
    """It has a copy of the file of key-encryption keys: what it wrapped by a forgotten one, nobody could open."""
    file_at(tmp_path)
    copied = tmp_path / "copied" / "kek.json"
    copied.parent.mkdir(mode=0o700)
    shutil.copy2(tmp_path / "keys" / "kek.json", copied)
    here, there = Keyring(store, file_at(tmp_path)), Keyring(store, KeyFile(copied))
    await here.open(make=True)
    await there.open(make=True)
    key = await there.key(CASE)
    await here.rotate()
    await here.forget_old()
    before = copied.read_bytes()
    for work in (there.key("MD-UA-2026-000002"), there.rotate(), there.rewrap(), there.forget_old()):
        with pytest.raises(KeysUnusable, match="another machine has rotated"):
            await work
    assert copied.read_bytes() == before
    with pytest.raises(KeyMissing):
        await here.known_key("MD-UA-2026-000002")
    assert key == await here.known_key(CASE)

    shutil.copy2(tmp_path / "keys" / "kek.json", copied)
    assert await there.key("MD-UA-2026-000002") == await here.known_key("MD-UA-2026-000002")
    await here.close()
    await there.close()


async def test_no_key_is_added_while_the_old_ones_are_forgotten(tmp_path: Path, store: URL) -> None:
    """It would be the newest, and the one by which all is wrapped would be forgotten as an old one."""

    class Interrupted(Keyring):
        async def rewrap(self) -> int:
            return 0

    class Slow(KeyFile):
        async def forget_old(self) -> list[str]:
            adding.append(asyncio.ensure_future(third.rotate()))
            await asyncio.wait(adding, timeout=0.5)
            return await super().forget_old()

    adding: list[asyncio.Future[tuple[str, int]]] = []
    file_at(tmp_path)
    third, other = Interrupted(store, file_at(tmp_path)), Keyring(store, Slow(tmp_path / "keys" / "kek.json"))
    await other.open(make=True)
    key = await other.key(CASE)
    await other.rotate()
    await other.forget_old()
    await adding[0]

    again = Keyring(store, file_at(tmp_path))
    assert key == await again.known_key(CASE)
    for each in (third, other, again):
        await each.close()


async def test_a_key_is_remembered_for_a_bounded_time_and_number(tmp_path: Path) -> None:
    """A key that another process destroyed lives on here no longer than that."""
    now = [0.0]
    ring = Keyring(
        store_at(tmp_path),
        file_at(tmp_path),
        remembered_for=timedelta(seconds=60),
        remembered_at_most=2,
        clock=lambda: now[0],
    )
    await ring.open(make=True)
    await ring.key(CASE)
    await (await opened(tmp_path)).destroy(CASE)
    now[0] = 59
    assert await ring.key(CASE)
    now[0] = 60
    with pytest.raises(KeyDestroyed):
        await ring.key(CASE)

    for case in (OTHER, "MD-UA-2026-7K3F9C", "MD-UA-2026-7K3F9D"):
        await ring.key(case)
        await (await opened(tmp_path)).destroy(case)
    with pytest.raises(KeyDestroyed):
        await ring.key(OTHER)  # two others were asked for since
    assert await ring.key("MD-UA-2026-7K3F9D")


async def test_a_store_is_told_from_another_by_its_id(tmp_path: Path, keyring: Keyring) -> None:
    """By chance, and lasting."""
    assert keyring.store and keyring.store == (await opened(tmp_path)).store
    assert keyring.store != (await opened(tmp_path / "elsewhere")).store


async def test_a_store_that_is_not_there_is_not_made_by_a_reader(tmp_path: Path) -> None:
    """A command that finds none says so."""
    with pytest.raises(KeysUnusable, match=r"no key store at .*keys\.db"):
        await opened(tmp_path, make=False)
    assert not (tmp_path / "keys.db").exists()
    (tmp_path / "keys.db").write_bytes(b"")
    with pytest.raises(KeysUnusable, match="cannot be read, or there is none"):
        await opened(tmp_path, make=False)


async def test_a_store_whose_keys_are_wrapped_by_another_holder_does_not_open(tmp_path: Path, keyring: Keyring) -> None:
    """A lost or foreign key file is told at start, not at the first case."""
    (tmp_path / "keys" / "kek.json").unlink()
    with pytest.raises(CannotOpen, match="which is not here"):
        await opened(tmp_path)
    with pytest.raises(KeysUnusable):
        await opened(tmp_path, KeyFile(tmp_path / "no" / "kek.json"), make=False)


async def test_a_store_of_a_later_version_is_refused(tmp_path: Path, keyring: Keyring) -> None:
    """In a sentence."""
    with sqlite3.connect(tmp_path / "keys.db") as looking:
        looking.execute("update key_store set format = 2")
    looking.close()
    with pytest.raises(KeysUnusable, match="format 2"):
        await opened(tmp_path)


async def test_a_database_that_is_down_is_told_without_its_address(tmp_path: Path, keyring: Keyring) -> None:
    """Later it may answer again."""
    for path in files_in(tmp_path):
        path.unlink()
    (tmp_path / "keys.db").mkdir()
    with pytest.raises(KeysUnreachable) as told:
        await keyring.key(CASE)
    assert str(tmp_path) not in str(told.value)
