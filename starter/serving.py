"""The desk as a part of `homeward up`: served on the loopback address, in this process, until it is told to stop."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp

from activities.settings import Settings
from desk.rates import Pace
from desk.security import MAX_HEAD
from desk.watched import Leaving
from starter.endings import CannotGoOn

START_WITHIN: Final = 20.0
"""Seconds within which the desk has to answer."""
STOP_WITHIN: Final = 5
"""Seconds that open pages have to get their answer when the desk stops."""


def pace_of(settings: Settings) -> Pace:
    """How often people, accounts and addresses may ask, as an operator has set it."""
    return Pace(
        attempts=settings.pace_attempts,
        reads=settings.pace_reads,
        writes=settings.pace_writes,
        accounts=settings.pace_accounts,
    )


class _Server(uvicorn.Server):
    """A server that leaves the process's signals alone: who started it ends it."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


@asynccontextmanager
async def served(app: ASGIApp, listening: socket.socket, leaving: Leaving | None = None) -> AsyncGenerator[None]:
    """Serve while the context is open. Raises CannotGoOn when the desk does not begin to answer.

    ``leaving`` is told at the end, for those who wait for news.
    """
    server = _Server(
        uvicorn.Config(
            app,
            # The desk logs what went wrong itself, without what was typed.
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            http="h11",
            h11_max_incomplete_event_size=MAX_HEAD,
            # Nobody stands before it whose word on who asks could count.
            proxy_headers=False,
            timeout_graceful_shutdown=STOP_WITHIN,
        )
    )
    serving: asyncio.Task[Any] = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        async with asyncio.timeout(START_WITHIN):
            while not server.started and not serving.done():  # noqa: ASYNC110 - the server has no event for it
                await asyncio.sleep(0.02)
        if serving.done():
            raise CannotGoOn("The desk did not start.")
        yield
    except TimeoutError:
        raise CannotGoOn("The desk did not start in time.") from None
    finally:
        if leaving is not None:
            leaving.begun = True
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({serving}, timeout=STOP_WITHIN + 2)
        listening.close()
