"""A house of real cases: an engine whose time skips, a worker with a caseload of its own, and the desk on a loopback port.

All of it runs in a thread with a loop of its own: a real browser, driven from the test, has one already.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncGenerator, Coroutine, Generator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from temporalio.testing import WorkflowEnvironment

from activities.caseload import Caseload
from activities.settings import Settings
from casefile.findings import Finding
from desk.api import api
from desk.app import create_app
from desk.development import DevelopmentSignIn
from desk.drafts import Drafts
from desk.frame import Desk
from desk.sessions import Sessions
from starter.auditing import audited_case
from starter.auditors import todays_code
from starter.binaries import TEST_SERVER, binary
from starter.client import Cases
from starter.rehearsal import SETTLING
from starter.serving import served
from worker import build_worker

T = TypeVar("T")

READY_WITHIN = 60.0
ANSWERED_WITHIN = 120.0


class House:
    """Cases on a real engine, and the desk at :attr:`address` on which people work at them."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._ahead = timedelta(0)
        self._over = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop
        self._engine: WorkflowEnvironment
        self.cases: Cases
        self.address: str

    def now(self) -> datetime:
        """The engine's moment. While no time is skipped its clock goes as every clock does."""
        return datetime.now(UTC) + self._ahead

    def later(self, **time: float) -> None:
        """Let virtual time pass, and a second more, so that what comes due at its very end is told."""
        self.told(self._skip(timedelta(**time)))

    def view(self, reference: str) -> dict[str, Any]:
        return self.told(self.cases.view(reference))

    def ledger(self, reference: str) -> list[dict[str, Any]]:
        return self.told(self.cases.ledger(reference))

    def findings(self, reference: str) -> list[Finding]:
        """What an audit against today's code finds; nothing where the record is whole."""
        return self.told(self._audit(reference))

    def told(self, work: Coroutine[Any, Any, T]) -> T:
        """What asynchronous work gives, done in the loop of the house."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(ANSWERED_WITHIN)

    async def _skip(self, span: timedelta) -> None:
        await self._engine.sleep(span + SETTLING)
        await self._set_clock()

    async def _set_clock(self) -> None:
        self._ahead = await self._engine.get_current_time() - datetime.now(UTC)

    async def _audit(self, reference: str) -> list[Finding]:
        async with audited_case(
            reference, cases=self.cases, archive=None, code=todays_code(), progress=lambda done, of: None
        ) as looked:
            return looked.audited.findings

    def run(self, ready: "Future[None]") -> None:
        """Keep the house until it is over; ``ready`` is told when people may come, or why they may not."""
        try:
            asyncio.run(self._run(ready))
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error)
            raise

    async def _run(self, ready: "Future[None]") -> None:
        self._loop = asyncio.get_running_loop()
        async with (
            await WorkflowEnvironment.start_time_skipping(
                test_server_existing_path=binary(TEST_SERVER)
            ) as self._engine,
            build_worker(self._engine.client, settings := Settings(data=self._data)),
        ):
            await self._set_clock()
            self.cases = Cases(self._engine.client)
            async with self._desk(settings) as self.address:
                ready.set_result(None)
                await self._over.wait()

    @asynccontextmanager
    async def _desk(self, settings: Settings) -> AsyncGenerator[str]:
        """The desk as `homeward up` has it, but that its clock is the engine's."""
        caseload = Caseload(settings.caseload)
        with socket.socket() as listening:
            listening.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{listening.getsockname()[1]}"
            desk = Desk(
                cases=self.cases,
                caseload=caseload,
                sign_in=DevelopmentSignIn(),
                base_url=address,
                bind="127.0.0.1",
                clock=self.now,
                sessions=Sessions(self.now),
                drafts=Drafts(self._data / "drafts"),
                code=todays_code,
            )
            try:
                async with served(create_app(desk, api=api(desk)), listening):
                    yield address
            finally:
                await caseload.close()

    def close(self) -> None:
        with contextlib.suppress(RuntimeError):  # it has ended by itself
            self._loop.call_soon_threadsafe(self._over.set)


@contextmanager
def real_cases(data: Path) -> Generator[House]:
    """A house, its data in a folder, while the context is open."""
    house, ready = House(data), Future[None]()
    thread = threading.Thread(target=house.run, args=(ready,), name="house", daemon=True)
    thread.start()
    ready.result(READY_WITHIN)
    try:
        yield house
    finally:
        house.close()
        thread.join(READY_WITHIN)
        assert not thread.is_alive()
