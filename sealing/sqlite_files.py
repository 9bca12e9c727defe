"""What SQLite does not do by itself where several processes open one file."""

import sqlite3
import time
from typing import Any, Final

TRIED_AGAIN_AFTER: Final = 0.01


def log_writes_ahead(cursor: Any, *, within: float) -> None:
    """Have a file keep its writes in a log of their own, so that who reads and who writes do not wait for each other.

    For this one change SQLite waits for nobody, whatever its ``busy_timeout`` is: of processes that open a new file at
    once, one may find it locked and would not start. It is tried for ``within`` seconds. Raises
    ``sqlite3.OperationalError`` as SQLite does.
    """
    until = time.monotonic() + within
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = wal")
        except sqlite3.OperationalError as error:
            # The lowest byte: the others say why it is busy, such as that somebody looks after what a killed process left.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(TRIED_AGAIN_AFTER)
        else:
            return
