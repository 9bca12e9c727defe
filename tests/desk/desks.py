"""A desk on loopback with invented people, reached without a network, or served for a real browser."""

import asyncio
import atexit
import contextlib
import io
import json
import logging
import re
import shutil
import socket
import tempfile
import threading
import warnings
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast

import structlog
import uvicorn
from anyio.from_thread import BlockingPortal, start_blocking_portal
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from activities.caseload import Caseload
from activities.logs import configure_logs
from desk.app import create_app
from desk.development import DevelopmentSignIn
from desk.frame import CaseClient, Desk, Pages
from desk.rates import Pace, Rates
from desk.sessions import Sessions
from tests.procedure.courses import REFERENCE

ADDRESS = "http://127.0.0.1:8080"
UNHURRIED = Pace(**dict.fromkeys(Pace.__dataclass_fields__, 10**6))
"""A pace that no test meets by chance; those about it name another."""


@contextlib.contextmanager
def the_log() -> Generator[list[dict[str, Any]]]:
    """Lines as they stand in a desk's real log, once the context is closed: what the log leaves out is not in them."""
    root, said = logging.getLogger(), io.StringIO()
    handlers, level, warned = list(root.handlers), root.level, warnings.showwarning
    lines: list[dict[str, Any]] = []
    configure_logs("json", "info", to=said)
    try:
        yield lines
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        warnings.showwarning = warned
        structlog.reset_defaults()
    lines += map(json.loads, said.getvalue().splitlines())


class Nowhere:
    """Cases of a desk whose test asks none of them."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"no case was to be asked: {name}")


@dataclass
class Hands:
    """A clock that moves when it is told to."""

    now: datetime = field(default_factory=lambda: datetime(2026, 3, 2, 9, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


def a_desk(**changes: Any) -> Desk:
    """A desk on loopback with development sign-in; name what shall be otherwise."""
    fields: dict[str, Any] = {
        "cases": cast(CaseClient, Nowhere()),
        "caseload": _a_caseload(),
        "sign_in": DevelopmentSignIn(),
        "base_url": ADDRESS,
        "bind": "127.0.0.1",
        "sessions": Sessions(),
        "rates": Rates(UNHURRIED),
    }
    return Desk(**{**fields, **changes})


def _a_caseload() -> Caseload:
    """A caseload in a file of its own; it is made when a reading is noted, and not before."""
    folder = Path(tempfile.mkdtemp(prefix="homeward-desk-"))
    made = Caseload(f"sqlite:///{folder / 'caseload.db'}")
    _MADE.append((made, folder))
    return made


_MADE: list[tuple[Caseload, Path]] = []


def put_away() -> None:
    """Close the caseloads of the desks that a test made, and remove them."""
    while _MADE:
        made, folder = _MADE.pop()
        with ThreadPoolExecutor(1) as apart:
            apart.submit(asyncio.run, made.close()).result()
        shutil.rmtree(folder, ignore_errors=True)


def client(desk: Desk | None = None, pages: Sequence[Pages] = (), api: ASGIApp | None = None) -> TestClient:
    """A browser without scripts on a desk. It follows no redirect by itself."""
    desk = desk or a_desk()
    app = create_app(desk, pages=pages, api=api)
    browser = TestClient(app, base_url=desk.base_url, follow_redirects=False)
    browser.portal = _one_loop()
    return browser


@cache
def _one_loop() -> BlockingPortal:
    """An event loop that lasts as long as the tests do: left alone, a test client starts one for each request."""
    lasting = contextlib.ExitStack()
    atexit.register(lasting.close)
    return lasting.enter_context(start_blocking_portal())


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of the last form of a page that has one in its main part, by name."""
    form = page.partition("<main")[2].rpartition("<form")[2]
    parts = (part.partition(">")[0] for part in form.split('<input type="hidden" ')[1:])
    return dict(map(_field, parts))


def without_tokens(page: str) -> str:
    """A page without the tokens of its forms: they are drawn anew each time, and some day a short word stands in one."""
    return _TOKENS.sub(r"\1", page)


_TOKENS = re.compile(r'(name="(?:csrf|once)" value=")(?:[\w-]{43}){1,2}(?=")', re.ASCII)


def _field(text: str) -> tuple[str, str]:
    name, value = text.removeprefix('name="').split('" value="')
    return name, value.removesuffix('"')


def signed_in(
    browser: TestClient, person: str = "caseworker-md-1", back: str = "/", *, case: str = REFERENCE
) -> TestClient:
    """The same browser, with one of the invented people at it; a child and a relative with that case."""
    form = hidden(browser.get("/sign-in", params={"back": back}).text)
    answer = browser.post("/sign-in", data={**form, "person": person, "case": case})
    assert (answer.status_code, answer.headers["location"]) == (303, back)
    return browser


@contextlib.contextmanager
def serving(make: Callable[[str], ASGIApp]) -> Generator[str]:
    """Serve what ``make`` makes for an address, as a desk is served; the address, on a free port of loopback."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(make(address), log_config=None, server_header=False))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])), daemon=True)
        thread.start()
        try:
            for _ in range(500):
                if server.started:
                    break
                thread.join(0.02)
            assert server.started
            yield address
        finally:
            server.should_exit = True
            thread.join(10)
