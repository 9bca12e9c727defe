"""`homeward up`: engine, worker and, when asked, invented cases, all embedded, until somebody says stop."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from google.protobuf.duration_pb2 import Duration
from temporalio.api.namespace.v1 import NamespaceConfig, UpdateNamespaceInfo
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import Client, Interceptor
from temporalio.service import RPCError

from sealing.agreeing import agree_on
from sealing.composing import OpenSealing
from sealing.faults import KeysUnusable
from starter.client import Cases, EngineUnreachable, Place, Signer, connect
from starter.demo import play_demo
from starter.embedded import LOOPBACK, DataFolder, Engine, bound
from starter.endings import CannotGoOn, Exit
from starter.rehearsal import Work
from starter.sealed import cannot_start, own_keys

if TYPE_CHECKING:
    from activities.tracing import Tracing

RETENTION: Final = timedelta(days=3650)
"""How long the embedded engine keeps a case that has ended. Its own default is one day."""

DATA_KEY: Final = "homeward-data"
"""The namespace's note of where its caseload lies, for commands that are given an address only."""

RESTARTS: Final = 3
"""How often an engine that ended by itself is started again within :data:`RESTARTS_WITHIN` seconds."""
RESTARTS_WITHIN: Final = 60.0


@dataclass(frozen=True)
class Wanted:
    """What `homeward up` was asked for."""

    folder: DataFolder
    """The data folder, held already."""
    namespace: str
    engine_port: int
    ui_port: int
    desk_port: int
    demo: bool
    signer: Signer
    """Signs what is said at the desk and in the invented cases."""
    tracing: "Tracing | None" = None
    """Has the engine's client and the desk report their spans."""


@dataclass(frozen=True)
class Running:
    """What runs, and where (contract, section 8)."""

    engine: str
    namespace: str
    ui: str
    desk: str | None
    data: str

    def as_line(self) -> str:
        return json.dumps(
            {
                "engine": self.engine,
                "namespace": self.namespace,
                "ui": self.ui,
                "desk": self.desk,
                "data": self.data,
            }
        )


_STOPS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Say = Callable[[str], None]
Announce = Callable[[Running, Cases], Awaitable[None]]
Serve = Callable[[Cases, Path, socket.socket, str, OpenSealing], AbstractAsyncContextManager[str]]
"""Serves the desk for cases, with what is kept in a folder, on a socket, beside the engine's own pages at an address,
with keys; gives the desk's address."""


async def up(
    wanted: Wanted,
    work: Work,
    serve: Serve,
    *,
    announce: Announce,
    say: Say,
    progress: Callable[[int, int], None],
) -> None:
    """Run everything until SIGINT, SIGTERM or SIGHUP, then stop all that was started. Raises CannotGoOn."""
    loop, running = (
        asyncio.get_running_loop(),
        asyncio.ensure_future(_run(wanted, work, serve, announce, say, progress)),
    )
    asked: list[signal.Signals] = []

    def stop(received: signal.Signals) -> None:
        if asked:
            # Asked twice: the engine ends with this process, and its file is made for that.
            os._exit(128 + received)
        asked.append(received)
        say("Stopping …")
        running.cancel()

    for each in _STOPS:
        loop.add_signal_handler(each, stop, each)
    try:
        await running
    except asyncio.CancelledError:
        if not asked:
            raise
    finally:
        for each in _STOPS:
            loop.remove_signal_handler(each)
    say("Stopped. The cases are kept; the next `homeward up` on this folder finds them again.")


async def _run(
    wanted: Wanted, work: Work, serve: Serve, announce: Announce, say: Say, progress: Callable[[int, int], None]
) -> None:
    folder = wanted.folder
    # Before anything is started: a port that is taken is told at once.
    listening = bound(wanted.desk_port, "--desk-port")
    engine = Engine(
        folder,
        port=wanted.engine_port,
        ui_port=wanted.ui_port,
        namespace=wanted.namespace,
        codec=f"http://{LOOPBACK}:{listening.getsockname()[1]}/codec",
    )
    try:
        async with own_keys(folder.path) as sealing:
            await engine.start()
            client = await _connected(engine, sealing, [wanted.tracing.interceptor] if wanted.tracing else [])
            await _prepare(client, folder)
            async with work(client, folder.path, {}):
                cases = Cases(client, signer=wanted.signer)
                if wanted.demo:
                    await play_demo(cases, folder.demo, progress)
                async with serve(cases, folder.path, listening, engine.ui, sealing) as desk:
                    await announce(
                        Running(engine.address, engine.namespace, engine.ui, desk=desk, data=str(folder.path)), cases
                    )
                    await _watch(engine, say)
    finally:
        listening.close()
        # Whatever ends us, the engine is ours to end; a second cancellation must not leave it behind.
        await asyncio.shield(engine.stop())
        folder.let_go()


async def _connected(engine: Engine, sealing: OpenSealing, interceptors: Sequence[Interceptor]) -> Client:
    """A client, as soon as all of the server answers and not only its port."""
    until = time.monotonic() + 30
    while True:
        try:
            client = await connect(
                Place(engine.address, engine.namespace),
                elsewhere=False,
                converter=sealing.converter,
                interceptors=interceptors,
            )
            await client.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace=engine.namespace), timeout=timedelta(seconds=2)
            )
            await agree_on(client, sealing.keyring.store)
            return client
        except KeysUnusable as fault:
            raise cannot_start(fault) from None
        except (EngineUnreachable, RPCError) as error:
            if time.monotonic() > until:
                raise CannotGoOn(f"The engine does not answer at {engine.address}.", code=Exit.NO_ENGINE) from error
            await asyncio.sleep(0.1)


async def _prepare(client: Client, folder: DataFolder) -> None:
    """Let ended cases be kept for years, and note where the caseload lies."""
    keep = Duration()
    keep.FromTimedelta(RETENTION)
    await client.workflow_service.update_namespace(
        UpdateNamespaceRequest(
            namespace=client.namespace,
            config=NamespaceConfig(workflow_execution_retention_ttl=keep),
            update_info=UpdateNamespaceInfo(data={DATA_KEY: str(folder.path)}),
        ),
        timeout=timedelta(seconds=10),
    )


async def data_folder_of(client: Client) -> Path | None:
    """The data folder of the `homeward up` that runs this engine, when it lies on this machine."""
    try:
        told = await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=client.namespace), timeout=timedelta(seconds=5)
        )
    except RPCError:
        return None
    return _here(told.namespace_info.data.get(DATA_KEY))


def _here(noted: str | None) -> Path | None:
    return Path(noted) if noted and Path(noted).is_dir() else None


async def _watch(engine: Engine, say: Say) -> None:
    """Wait for ever; start the engine again when it ends by itself, and give up when it keeps ending."""
    ends: list[float] = []
    while True:
        code = await engine.ended()
        now = time.monotonic()
        ends = [each for each in ends if now - each < RESTARTS_WITHIN] + [now]
        if len(ends) > RESTARTS:
            raise CannotGoOn("The engine ended again and again; look into its log.", code=Exit.NO_ENGINE)
        say(f"The engine ended by itself (code {code}); it is started again on its file.")
        await engine.again()
        say(f"The engine runs again at {engine.address}.")


def say_on_stderr(sentence: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        print(sentence, file=sys.stderr, flush=True)
