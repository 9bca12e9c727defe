"""An address of its own for whoever watches a process: ``/metrics``, ``/health``, ``/ready``.

Not the address that people use, and on this machine only unless an operator binds it elsewhere. What is told there are
numbers and one word; it has no sign-in, so it must hold nothing that needs one (docs/decisions/0030).
"""

import asyncio
import contextlib
import math
import socket
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any, Final
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import structlog
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, disable_created_metrics, generate_latest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from activities import measures
from activities.caseload import Caseload
from activities.figures import CaseloadFigures
from activities.logs import engine_logging
from activities.settings import Settings
from sealing import codec
from sealing.composing import keyring_of
from sealing.faults import KeyMissing, KeysUnreachable, NeverOpens

LOOPBACK: Final = "127.0.0.1"
ASKED_WITHIN: Final = 3.0
"""Seconds for which a part may think about whether it is there."""
KNOWN_FOR: Final = 5.0
"""Seconds for which a part's answer is good: whoever asks often does not make the parts work more."""
STOP_WITHIN: Final = 2

Check = Callable[[], Awaitable[bool]]
"""Asks a part whether it answers. What it raises counts as no."""
Builds = Callable[[], Awaitable[Collection[str]]]
"""Asks the engine for builds by their names."""
Own = Callable[[], bool]
"""What this process knows of itself; it costs nothing to ask."""

_log: structlog.stdlib.BoundLogger = structlog.get_logger("homeward.watching")


class AddressTaken(OSError):
    """The address for measures cannot be listened on; the text is one sentence."""

    says_nothing_personal = True


class Readiness:
    """Whether the parts answer that this process needs, by their names, and what it knows of itself."""

    def __init__(
        self,
        checks: Mapping[str, Check],
        clock: Callable[[], float] = time.monotonic,
        *,
        own: Mapping[str, Own] | None = None,
    ) -> None:
        """``own`` is asked each time and not kept: who stops must not be called ready for seconds more."""
        self._checks = dict(checks)
        self._own = dict(own or {})
        self._clock = clock
        self._known: dict[str, bool] = {}
        self._until = 0.0
        self._asking: asyncio.Task[None] | None = None

    async def parts(self) -> dict[str, bool]:
        """Each part, and whether it answers, as of the last seconds; and what this process knows of itself, as of now."""
        if self._clock() >= self._until:
            # All who come at once share one question.
            if self._asking is None or self._asking.done():
                self._asking = asyncio.create_task(self._ask())
            await asyncio.shield(self._asking)
        # Asked last: it may have begun to stop while the others thought about it.
        return {**self._known, **{name: own() for name, own in self._own.items()}}

    async def ready(self) -> bool:
        """Whether all of them do."""
        return all((await self.parts()).values())

    async def _ask(self) -> None:
        answers = await asyncio.gather(*(_answers(check) for check in self._checks.values()))
        self._known = dict(zip(self._checks, answers, strict=True))
        self._until = self._clock() + KNOWN_FOR


async def _answers(check: Check) -> bool:
    try:
        async with asyncio.timeout(ASKED_WITHIN):
            return bool(await check())
    except Exception:  # noqa: BLE001 - whatever is the matter, it does not answer
        return False


async def _number_of(builds: Builds) -> float:
    try:
        async with asyncio.timeout(ASKED_WITHIN):
            return len(await builds())
    except Exception:  # noqa: BLE001 - whatever is the matter, it is not known; no alert waits for that
        return math.nan


def checks_of(client: Client, caseload: Caseload) -> dict[str, Check]:
    """How a process asks the parts that it needs: its engine, the caseload's database, the keys of cases."""

    async def engine() -> bool:
        await client.workflow_service.get_system_info(GetSystemInfoRequest(), timeout=timedelta(seconds=ASKED_WITHIN))
        return True

    async def its_caseload() -> bool:
        async with caseload.reading() as session:
            await session.execute(select(1))
        return True

    async def keys() -> bool:
        keyring = keyring_of(client)
        if keyring is None:
            return False
        await keyring.see_that_it_answers()
        return True

    return dict(zip(measures.PARTS, (engine, its_caseload, keys), strict=True))


def runtime_that_measures(settings: Settings) -> "tuple[Runtime, EnginePage | None]":
    """The runtime of the engine's client for this process: it logs through us, and measures where an address is set.

    Its own page of measures listens on the loopback address, where :class:`Watch` fetches it, so that whoever scrapes
    has one address to know.
    """
    if settings.metrics_address is None:
        return Runtime(telemetry=TelemetryConfig(logging=engine_logging())), None
    for attempt in range(5):
        port = _free_port()
        try:
            runtime = Runtime(
                telemetry=TelemetryConfig(
                    logging=engine_logging(),
                    metrics=PrometheusConfig(bind_address=f"{LOOPBACK}:{port}", durations_as_seconds=True),
                    attach_service_name=False,
                )
            )
        except (RuntimeError, ValueError):
            # Another program took the port between our look and its own.
            if attempt == 4:
                raise
        else:
            return runtime, EnginePage(port)
    raise AssertionError


class EnginePage:
    """The measures of the engine's client in this process, as it writes them."""

    def __init__(self, port: int) -> None:
        self._url = f"http://{LOOPBACK}:{port}/metrics"
        # Whatever proxy is set for this process, it is not for its own loopback.
        self._opener = build_opener(ProxyHandler({}))

    async def text(self) -> bytes:
        """The page; empty where it does not come at once."""
        try:
            return await asyncio.to_thread(self._fetch)
        except (URLError, OSError):
            _log.warning("the engine client's measures did not come")
            return b""

    def _fetch(self) -> bytes:
        with self._opener.open(self._url, timeout=ASKED_WITHIN) as answer:
            return bytes(answer.read())


class Watch:
    """What is told of this process. Ask it for :meth:`app`."""

    def __init__(
        self,
        readiness: Readiness,
        *,
        figures: CaseloadFigures | None = None,
        worked_on: Check | None = None,
        left_alone: Builds | None = None,
        engine_page: EnginePage | None = None,
    ) -> None:
        """``figures``: of the caseload, for the one kind of process that shows them, the worker.

        ``worked_on``: whether a worker polls, for the other kind: a worker that is gone cannot say so itself.
        ``left_alone``: the builds that have runs and no worker, for both kinds.
        """
        self._readiness = readiness
        self._figures = figures
        self._worked_on = worked_on
        self._left_alone = left_alone
        self._engine_page = engine_page

    def app(self) -> Starlette:
        """``/metrics``, ``/health``, ``/ready``."""
        routes = [
            Route("/metrics", self._metrics),
            Route("/health", health),
            Route("/ready", self._ready),
        ]
        return Starlette(routes=routes)

    async def _ready(self, request: Request) -> Response:
        return readiness_told(await self._readiness.ready())

    async def _metrics(self, request: Request) -> Response:
        for part, answers in (await self._readiness.parts()).items():
            measures.READY.labels(part).set(answers)
        if self._worked_on is not None:
            measures.WORKED_ON.set(await _answers(self._worked_on))
        if self._left_alone is not None:
            measures.BUILDS_LEFT_ALONE.set(await _number_of(self._left_alone))
        if self._figures is not None:
            await self._figures.show(ASKED_WITHIN)
        engines = await self._engine_page.text() if self._engine_page is not None else b""
        return Response(generate_latest(REGISTRY) + engines, media_type=CONTENT_TYPE_LATEST)


async def health(request: Request) -> Response:
    """This process is alive: it hears and answers."""
    return PlainTextResponse("alive\n", headers={"Cache-Control": "no-store"})


def readiness_told(ready: bool) -> Response:
    """One word and a status, and not which part is away: that is in the measures, for those who may see them."""
    return PlainTextResponse(
        "ready\n" if ready else "not ready\n", 200 if ready else 503, {"Cache-Control": "no-store"}
    )


class _Server(uvicorn.Server):
    """A server that leaves the process's signals alone: who started it ends it."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


@asynccontextmanager
async def watched(watch: Watch, settings: Settings) -> AsyncGenerator[None]:
    """Answer whoever watches while the context is open, if an address is set. Raises :class:`AddressTaken`."""
    if settings.metrics_address is None:
        yield
        return
    disable_created_metrics()
    measures.name_this_process(settings.build_id)
    for fault in (KeysUnreachable, KeyMissing, NeverOpens):
        codec.FAILED.labels(fault.__name__)
    listening = _bound(*settings.metrics_address)
    server = _Server(
        uvicorn.Config(
            watch.app(),
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            http="h11",
            proxy_headers=False,
            timeout_graceful_shutdown=STOP_WITHIN,
        )
    )
    serving: asyncio.Task[Any] = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield
    finally:
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({serving}, timeout=STOP_WITHIN + 1)
        listening.close()


def _bound(host: str, port: int) -> socket.socket:
    held = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        held.bind((host, port))
        held.listen()
    except OSError as error:
        held.close()
        raise AddressTaken(f"HOMEWARD_METRICS_BIND cannot be listened on ({error.strerror}).") from None
    return held


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
