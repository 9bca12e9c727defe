"""A real browser for all tests of the desk. Desks without one are made in :mod:`tests.desk.desks`."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.desk.cases_in_memory import close_all
from tests.desk.desks import put_away

CHROMIUM = "/usr/bin/chromium"
CHROMIUM_WITH = (
    # Debian's Chromium, and nothing that it would ask the network for.
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


@pytest.fixture(autouse=True)
def desks_put_away() -> Iterator[None]:
    """Closes afterwards the caseloads of the desks that a test made."""
    yield
    put_away()


@pytest.fixture(autouse=True, scope="session")
def caseloads_in_memory_closed() -> Iterator[None]:
    """Closes at the end what desks in memory kept open."""
    yield
    close_all()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser."""
    program = os.environ.get("HOMEWARD_CHROMIUM", CHROMIUM)
    if not Path(program).exists():
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=program, args=CHROMIUM_WITH)
        yield started
        started.close()
