"""A real browser for all tests of the desk. Desks without one are made in :mod:`tests.desk.desks`."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

CHROMIUM = "/usr/bin/chromium"
CHROMIUM_WITH = (
    # Debian's Chromium, and nothing that it would ask the network for.
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


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
