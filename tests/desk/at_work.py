"""A desk at which the people of the invented courses work, over cases in memory and a real caseload of its own."""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
from starlette.testclient import TestClient

from activities.caseload import Caseload
from activities.rebuild import row_of_view
from desk.development import DevelopmentSignIn
from desk.frame import Desk, Pages
from desk.pages import acting, case, inbox
from tests.desk.cases_in_memory import CasesInMemory, somebody
from tests.desk.desks import a_desk, client, signed_in
from tests.procedure.courses import PEOPLE, Course

PAGES: Sequence[Pages] = (inbox.PAGES, case.PAGES, acting.PAGES)
T = TypeVar("T")

REFERENCE = "MD-UA-2026-7K3F9A"


def a_desk_of(folder: Path, *courses: Course, base_url: str = "http://127.0.0.1:8080") -> Desk:
    """A desk whose clock stands where the latest of the courses does, its caseload in a file of ``folder``."""
    cases = CasesInMemory(*courses)
    # Each question of a test client has an event loop of its own, which a database in memory would not outlive.
    caseload = Caseload(f"sqlite:///{folder / 'caseload.sqlite'}")
    _OPEN.append(caseload)
    return a_desk(
        cases=cases,
        caseload=caseload,
        sign_in=DevelopmentSignIn([somebody(who) for who in PEOPLE]),
        clock=lambda: cases.at,
        base_url=base_url,
    )


_OPEN: list[Caseload] = []


def done(work: Coroutine[Any, Any, T]) -> T:
    """What asynchronous work gives, done apart: a browser's own event loop may run in this thread."""
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(asyncio.run, work).result()


@pytest.fixture
def closing() -> Iterator[None]:
    """Closes afterwards the caseloads of the desks that a test made."""
    yield
    while _OPEN:
        done(_OPEN.pop().close())


def cases_of(desk: Desk) -> CasesInMemory:
    return cast("CasesInMemory", desk.cases)


def listed(desk: Desk) -> None:
    """Bring the caseload up to the cases."""

    async def keep() -> None:
        for view in cases_of(desk).views():
            await desk.caseload.keep(row_of_view(view))

    done(keep())


def working(desk: Desk, who: str = "caseworker") -> TestClient:
    """A browser without scripts, at which one of the people of the courses is signed in."""
    return signed_in(client(desk, PAGES), PEOPLE[who][0])
