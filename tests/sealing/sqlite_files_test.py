"""Several processes open one file of SQLite, also when it is new."""

import sqlite3
import threading
import time
from pathlib import Path

import pytest

from sealing.sqlite_files import log_writes_ahead


def opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=5, check_same_thread=False)
    connection.execute("PRAGMA busy_timeout = 5000")
    return connection


def written_for(path: Path, seconds: float) -> threading.Thread:
    """Somebody who writes in a file that is as SQLite makes it."""
    connection = opened(path)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("CREATE TABLE invented (x)")

    def leave() -> None:
        time.sleep(seconds)
        connection.execute("COMMIT")
        connection.close()

    writer = threading.Thread(target=leave)
    writer.start()
    return writer


def test_who_opens_a_file_while_another_makes_it_waits(tmp_path: Path) -> None:
    """SQLite alone says at once that it is locked."""
    path = tmp_path / "invented.db"
    writer, connection = written_for(path, 0.3), opened(path)
    try:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            connection.execute("PRAGMA journal_mode = wal")
        log_writes_ahead(connection, within=5)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    finally:
        writer.join()
        connection.close()


def test_it_is_waited_for_whatever_it_is_busy_with() -> None:
    """SQLite says in its code why it is busy, such as that somebody looks after what a killed process left."""

    class Busy:
        said = 0

        def execute(self, _: str) -> None:
            self.said += 1
            if self.said == 1:
                fault = sqlite3.OperationalError("database is locked")
                fault.sqlite_errorcode = sqlite3.SQLITE_BUSY_RECOVERY
                raise fault

    cursor = Busy()
    log_writes_ahead(cursor, within=5)
    assert cursor.said == 2


def test_it_is_not_waited_for_ever(tmp_path: Path) -> None:
    """What holds it longer is told as SQLite tells it."""
    path = tmp_path / "invented.db"
    writer, connection = written_for(path, 0.5), opened(path)
    try:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            log_writes_ahead(connection, within=0.05)
    finally:
        writer.join()
        connection.close()


def test_another_fault_is_told_at_once(tmp_path: Path) -> None:
    """A file that is none of SQLite's does not become one."""
    path = tmp_path / "invented.db"
    path.write_bytes(b"no database, as long as a page of one " * 200)
    connection = sqlite3.connect(path)
    try:
        with pytest.raises(sqlite3.DatabaseError, match="not a database"):
            log_writes_ahead(connection, within=5)
    finally:
        connection.close()
