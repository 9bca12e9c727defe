"""Cases that really ran on an engine, played once for all tests of a process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.casefile.lived import Lived, play
from tests.workflows.engines import development


@pytest.fixture(scope="session")
async def lived(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lived]:
    """An engine that runs, a worker with an archive, and the cases of :mod:`tests.casefile.lived`."""
    data = tmp_path_factory.mktemp("lived")
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(development(data))
        await stack.enter_async_context(engine.worker())
        yield await asyncio.wait_for(play(engine), 120)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for what is gathered."""
    made = tmp_path / "gathered"
    made.mkdir()
    return made
