"""Keys for tests of the sealing: a key file and a key store in a folder of the test's own."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from sqlalchemy import URL

from sealing.keyring import Keyring
from sealing.keys import KeyFile
from tests.activities.conftest import postgresql, postgresql_server
from tests.workflows.conftest import server, skipping

__all__ = ["keyring", "postgresql", "postgresql_server", "server", "skipping"]


def store_at(folder: Path) -> URL:
    """The key store in a folder."""
    return URL.create("sqlite+aiosqlite", database=str(folder / "keys.db"))


def file_at(folder: Path) -> KeyFile:
    """The key file in a folder, made."""
    holder = KeyFile(folder / "keys" / "kek.json")
    holder.make()
    return holder


@pytest.fixture
async def keyring(tmp_path: Path) -> AsyncGenerator[Keyring]:
    """A key store with a key file."""
    opened = Keyring(store_at(tmp_path), file_at(tmp_path))
    await opened.open(make=True)
    yield opened
    await opened.close()
