"""Each test gets an engine of its own; most run on both kinds."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.workflows.engines import Engine, development, time_skipping


@pytest.fixture(params=["time-skipping", "development"])
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Engine]:
    """An engine of either kind, without a worker."""
    start = time_skipping if request.param == "time-skipping" else development
    async with start(tmp_path) as running:
        yield running


@pytest.fixture
async def skipping(tmp_path: Path) -> AsyncIterator[Engine]:
    """The engine whose time can be skipped."""
    async with time_skipping(tmp_path) as running:
        yield running


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Engine]:
    """The real server."""
    async with development(tmp_path) as running:
        yield running
