"""`homeward backup` as a process: what is missing is told, keys lie apart, and a copy that cannot be restored is none."""

import asyncio
import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from starter.sealed import own_keys
from tests.starter.running import Answer, environment, homeward

CASE = "MD-UA-2026-7K3F9A"


async def _with_keys(data: Path) -> None:
    async with own_keys(data) as sealing:
        await sealing.keyring.key(CASE)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """What every worker makes: keys, the key of the marks, and a caseload."""
    folder = tmp_path / "data"
    folder.mkdir()
    asyncio.run(_with_keys(folder))
    (folder / "duplicates.key").write_text("ab" * 32)
    _database(folder / "caseload.db")
    return folder


def _database(file: Path) -> None:
    with closing(sqlite3.connect(file)) as made:
        made.execute("CREATE TABLE invented (number INTEGER)")


def backup(data: Path, *options: str, to: Path | None = None, **env: str) -> Answer:
    where = str(to or data.parent / "to")
    return homeward("backup", where, "--data", str(data), *options, env=environment(**env))


def keys_apart(data: Path) -> tuple[str, ...]:
    apart = data.parent
    return "--key-store", str(apart / "apart" / "keys.db"), "--key-file", str(apart / "elsewhere" / "kek.json")


def test_every_part_is_copied_or_told(data: Path) -> None:
    """What not every house has is named as left; nothing that was copied can be read by others, as it never could."""
    (data / "published-keys").mkdir()
    (data / "published-keys" / "md.json").write_text("{}")
    (data / "published-keys" / "md.json").chmod(0o644)
    os.utime(data / "published-keys" / "md.json", (1_000_000_000, 1_000_000_000))
    done = backup(data, *keys_apart(data), "--json")
    assert done.code == 0, done.err
    copied = {each["part"]: Path(each["to"]) for each in done.json["copied"]}
    assert set(copied) == {"duplicates key", "published keys", "key store", "key file", "caseload"}
    assert {each["part"] for each in done.json["left"]} == {"archive", "engine", "notices", "drafts", "demonstration"}
    assert copied["key file"].read_bytes() == (data / "keys" / "kek.json").read_bytes()
    files = [file for path in copied.values() for file in ([path] if path.is_file() else path.iterdir())]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    # Drafts are deleted by their age: a copy is as old as what it was made from.
    assert (copied["published keys"] / "md.json").stat().st_mtime == 1_000_000_000


def test_what_is_named_or_set_and_not_there_is_an_error(data: Path, tmp_path: Path) -> None:
    """Exit code 2, the field and what to do; and nothing is written, not even a folder."""
    nowhere = str(tmp_path / "nowhere")
    (data / "keys" / "kek.json").rename(tmp_path / "kek.json")
    answers = [
        (backup(Path(nowhere), *keys_apart(data)), "--data: "),
        (backup(tmp_path / "data" / "keys"), "duplicates.key is not there"),
        (backup(data, *keys_apart(data)), "--data: the key file "),
        (backup(data, *keys_apart(data), HOMEWARD_KEY_FILE=nowhere), "HOMEWARD_KEY_FILE: the key file "),
        (
            backup(data, *keys_apart(data), HOMEWARD_KEYS_URL=f"sqlite:///{nowhere}"),
            "HOMEWARD_KEYS_URL: the key store ",
        ),
        (backup(data, HOMEWARD_CASELOAD_URL=f"sqlite:///{nowhere}"), "HOMEWARD_CASELOAD_URL: the caseload "),
        (backup(data, HOMEWARD_ARCHIVE_URL=nowhere), "HOMEWARD_ARCHIVE_URL: "),
        (backup(data, HOMEWARD_ARCHIVE_URL=f"file://{nowhere}"), "HOMEWARD_ARCHIVE_URL: "),
        (backup(data, HOMEWARD_PUBLISHED_KEYS=nowhere), "HOMEWARD_PUBLISHED_KEYS: "),
        (
            backup(data, *keys_apart(data), HOMEWARD_KEYS_URL="postgresql://nobody@127.0.0.1:1/x"),
            "--key-store: the key",
        ),
        (
            backup(data, *keys_apart(data), HOMEWARD_TRANSIT_URL="http://127.0.0.1:1", HOMEWARD_TRANSIT_TOKEN="x"),
            "--key-file: OpenBao",
        ),
    ]
    for answer, said in answers:
        assert answer.code == 2 and said in answer.err, answer.err
        assert "Traceback" not in answer.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "kek.json"]


def test_a_key_file_that_does_not_open_the_key_store_is_no_backup(data: Path, tmp_path: Path) -> None:
    """As after a rotation on another machine: exit code 1, and the key that is lacking is named."""
    other = tmp_path / "other"
    other.mkdir()
    asyncio.run(_with_keys(other))
    lacking = json.loads((data / "keys" / "kek.json").read_text())["keys"][0]["id"]
    shutil.copy(other / "keys" / "kek.json", data / "keys" / "kek.json")
    answer = backup(data, *keys_apart(data))
    assert answer.code == 1 and lacking in answer.err, answer.err
    assert "must not be relied on" in answer.err


def test_a_database_that_is_damaged_is_no_backup(data: Path) -> None:
    """Exit code 1, in one sentence."""
    (data / "caseload.db").write_text("nothing that SQLite reads")
    answer = backup(data)
    assert answer.code == 1 and answer.err.count("\n") == 1, answer.err


def test_the_archive_is_copied_before_the_engine(data: Path) -> None:
    """A run that ends in between is then in the engine; the other way about, the archive would be newer than it."""
    (data / "archive").mkdir()
    _database(data / "engine.db")
    parts = [each["part"] for each in backup(data, *keys_apart(data), "--json").json["copied"]]
    assert parts.index("archive") < parts.index("engine") < parts.index("key store") < parts.index("key file")
    assert parts[-1] == "caseload"


def test_keys_never_lie_beside_what_they_open(data: Path, tmp_path: Path) -> None:
    """Nor beside each other, nor in the data folder, by no way round: exit code 2, one sentence, nothing written."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "engine.db").write_text("older")
    (tmp_path / "link").symlink_to(tmp_path / "to", target_is_directory=True)
    (tmp_path / "dangling").mkdir()
    (tmp_path / "dangling" / "keys.db").symlink_to(tmp_path / "to" / "keys.db")
    to, apart = tmp_path / "to", tmp_path / "k"
    for where, options in (
        (to, ("--key-store", f"{to}/keys.db")),
        (to, ("--key-store", f"{to}/further/keys.db")),
        (to, ("--key-store", f"{apart}/../to/keys.db")),
        (to, ("--key-store", f"{tmp_path}/link/keys.db")),
        (to, ("--key-store", f"{tmp_path}/dangling/keys.db")),
        (to, ("--key-file", f"{data}/copies/kek.json")),
        (to, ("--key-file", f"{tmp_path}/kek.json")),
        (to, ("--key-store", f"{apart}/keys.db", "--key-file", f"{apart}/kek.json")),
        (to, ("--key-store", f"{apart}/keys.db", "--key-file", f"{apart}/../k/kek.json")),
        (data / "copies", ()),
        (tmp_path / "full", ()),
    ):
        answer = backup(data, *options, to=where)
        assert answer.code == 2 and answer.err.count("\n") == 1, (options, answer.err)
        assert not to.exists() and not apart.exists() and not (data / "copies").exists()
