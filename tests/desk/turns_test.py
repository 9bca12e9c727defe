"""Whose turn it is with a case: a crowd of acts by one person keeps nobody else's out, and nothing is refused."""

import asyncio
import gc
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest

from desk.api import api
from desk.app import create_app
from desk.forms import posted
from desk.frame import Desk
from desk.turns import AT_ONCE, StillWaiting, Turns
from starter.client import EngineUnreachable
from tests.desk.at_work import PAGES, REFERENCE, a_desk_of, cases_of, closing
from tests.desk.cases_in_memory import CasesInMemory
from tests.desk.desks import ADDRESS, hidden
from tests.procedure.courses import FIELDS, PEOPLE, Course

__all__ = ["closing"]
pytestmark = pytest.mark.usefixtures("closing")

ENGINE_TAKES = 10
"""Updates of one workflow at once; it refuses the next with "limit on number of concurrent in-flight updates"."""


@dataclass
class AsTheEngine:
    """Cases in memory that take as many acts at once as the engine does, each for a while."""

    cases: CasesInMemory
    takes: float = 0.02
    inside: int = 0
    most: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    """Closed, nothing that is inside comes out."""

    signs = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cases, name)

    async def record(self, reference: str, act: Any) -> dict[str, Any]:
        if self.inside >= ENGINE_TAKES:
            raise EngineUnreachable("The engine cannot be reached: too many updates are in flight.")
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await asyncio.sleep(self.takes)
            await self.gate.wait()
            return await self.cases.record(reference, act)
        finally:
            self.inside -= 1


def busy(folder: Path, takes: float, patience: float = 15.0) -> tuple[Desk, AsTheEngine]:
    desk = a_desk_of(folder, Course().represented())
    engine = AsTheEngine(cases_of(desk), takes)
    engine.gate.set()
    return replace(desk, cases=cast("Any", engine), turns=Turns(timedelta(seconds=patience))), engine


async def signed_in(app: Any, who: str) -> httpx2.AsyncClient:
    browser = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=ADDRESS)
    form = hidden((await browser.get("/sign-in")).text)
    answer = await browser.post("/sign-in", data={**form, "person": PEOPLE[who][0]})
    assert answer.status_code == 303
    return browser


async def said(browser: httpx2.AsyncClient, act: str) -> Any:
    """The answer to an act whose form was opened before."""
    form = await browser.get(f"/cases/{REFERENCE}/acts/{act}")
    given = {"reason": "invented", **FIELDS[act](Course())}
    fields = {name: unescape(value) for name, value in hidden(form.text).items()}
    return await browser.post(
        f"/cases/{REFERENCE}/acts/{act}", data={**fields, **posted(act, given), "step": "checked"}
    )


async def test_a_crowd_of_reports_keeps_nobody_elses_care_out(tmp_path: Path) -> None:
    """Thirty at once by one person, while the case is slow: a placement by another is under way at once all the same."""
    desk, engine = busy(tmp_path, 0.0)
    app = create_app(desk, pages=PAGES, api=api(desk))
    crowd, other = await signed_in(app, "guardian"), await signed_in(app, "caseworker")
    engine.gate.clear()
    flood = [asyncio.create_task(said(crowd, "report_missing")) for _ in range(30)]
    async with asyncio.timeout(30):
        while engine.inside < 1:  # noqa: ASYNC110 - it is the state of a fake
            await asyncio.sleep(0.05)
        # Time enough for all of them to come as far as they can.
        await asyncio.sleep(2)
        assert engine.inside == 1
        placing = asyncio.create_task(said(other, "place_child"))
        while engine.inside < 2:  # noqa: ASYNC110 - it is the state of a fake
            await asyncio.sleep(0.02)
        engine.gate.set()
        assert (await placing).status_code == 303
        assert Counter([(await task).status_code for task in flood]) == {303: 30}
    assert engine.most == 2
    await crowd.aclose()
    await other.aclose()
    await desk.caseload.close()


async def test_who_waited_too_long_is_told_and_loses_nothing(tmp_path: Path) -> None:
    """503, with what was typed and the way to send it again, under the same token: then it is recorded, once."""
    desk, engine = busy(tmp_path, 0.5, patience=0.2)
    app = create_app(desk, pages=PAGES, api=api(desk))
    browser = await signed_in(app, "caseworker")
    first, second = await asyncio.gather(*(said(browser, "report_missing") for _ in range(2)))
    late = first if first.status_code == 503 else second
    assert {first.status_code, second.status_code} == {303, 503}
    assert late.headers["retry-after"] and "Others are before you" in late.text and "not lost" in late.text
    again = {name: unescape(value) for name, value in hidden("<main" + late.text).items()}
    engine.takes = 0.0
    assert again["reason"] == "invented"
    sent = await browser.post(f"/cases/{REFERENCE}/acts/report_missing", data=again)
    assert sent.status_code == 303
    kinds = Counter(entry["act"] for entry in await desk.cases.ledger(REFERENCE))
    assert kinds["report_missing"] == 2
    await browser.aclose()
    await desk.caseload.close()


async def test_a_case_takes_a_few_at_once_in_the_order_in_which_people_came() -> None:
    """One for each person, six for each case; nobody is overtaken by who comes again."""
    turns, inside, most, order = Turns(), 0, 0, list[str]()

    async def act(person: str) -> None:
        nonlocal inside, most
        async with turns.of(person, REFERENCE):
            inside += 1
            most = max(most, inside)
            order.append(person)
            await asyncio.sleep(0.01)
            inside -= 1

    people = [f"p{n}" for n in range(12)]
    await asyncio.gather(*(act("crowd") for _ in range(20)), *(act(person) for person in people))
    assert most == AT_ONCE < ENGINE_TAKES
    assert order[: len(people) + 2].count("crowd") <= 4
    assert [person for person in order if person != "crowd"] == people


async def gave_up(turns: Turns) -> bool:
    try:
        async with turns.of("one", REFERENCE):
            return False
    except StillWaiting:
        return True


async def test_other_cases_wait_for_nothing_and_nothing_is_kept() -> None:
    """A row is forgotten with the last who stands in it; who gave up leaves no place taken."""
    turns = Turns(timedelta(seconds=0.05))
    async with turns.of("one", REFERENCE):
        async with turns.of("one", "MD-UA-2026-AAAAAA"):
            pass
        for _ in range(AT_ONCE + 1):
            # As every request is, a task of its own: one that was cancelled keeps its last frame while it runs.
            assert await asyncio.create_task(gave_up(turns))
        async with turns.of("two", REFERENCE):
            pass
    async with turns.of("one", REFERENCE):
        pass
    kept: Any = turns
    gc.collect()
    assert len(kept._persons) == len(kept._cases) == 0
