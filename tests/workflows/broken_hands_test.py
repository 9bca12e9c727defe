"""A database, a mail server or a webhook that is down never holds up a case."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.agreements import AgreementShelf
from activities.hands import Hands
from procedure.proceedings import Proceedings
from tests.workflows.engines import Engine, accepted, guardian, ledger, moved_on_from, note, record, view
from workflows.messages import (
    ADMIT,
    KEEP_CASELOAD_ROW,
    TELL,
    Admission,
    AdmissionRequest,
    CaseloadRow,
    RowKept,
    Telling,
)

pytestmark = pytest.mark.engine


class ShakyHands:
    """Hands whose caseload and whose post can be away."""

    def __init__(self) -> None:
        self.caseload_away = False
        self.caseload_hangs = False
        self.post_away = False
        self.tells_at_once = False
        self.rows: list[CaseloadRow] = []
        self.told: list[Telling] = []

    def activities(self) -> Sequence[Callable[..., Any]]:
        return [self.admit, self.keep_caseload_row, self.tell]

    @activity.defn(name=ADMIT)
    async def admit(self, request: AdmissionRequest) -> Admission:
        return Admission(
            agreement=AgreementShelf().get(request.intake["agreement"]).terms(), duplicate_check="done", seed="5a" * 32
        )

    @activity.defn(name=KEEP_CASELOAD_ROW)
    async def keep_caseload_row(self, row: CaseloadRow) -> RowKept:
        if self.caseload_hangs:
            await asyncio.sleep(60)
        if self.caseload_away:
            raise ApplicationError("the caseload does not answer", type="CaseloadUnreachable")
        self.rows.append(row)
        return RowKept(events_wanted=not self.tells_at_once, told=self.tells_at_once and row.telling is not None)

    @activity.defn(name=TELL)
    async def tell(self, telling: Telling) -> None:
        if self.post_away:
            raise ApplicationError("not everything got out", type="Untold")
        self.told.append(telling)

    async def close(self) -> None:
        """Nothing is open."""


def as_hands(shaky: ShakyHands) -> Hands:
    return cast("Hands", shaky)


async def until(true: Callable[[], bool], within: float = 20) -> None:
    end = time.monotonic() + within
    while not true():
        assert time.monotonic() < end, "it did not come about in time"
        await asyncio.sleep(0.05)


async def test_what_got_out_with_the_row_is_told_by_no_activity(server: Engine) -> None:
    """The caseload's keeper answers whether it did; where it did not, nothing is lost."""
    hands = ShakyHands()
    hands.tells_at_once = True
    async with server.worker(hands=as_hands(hands)):
        handle = await server.start()
        await accepted(handle, note())
        hands.tells_at_once = False
        await accepted(handle, guardian())
        await until(lambda: bool(hands.told))
    opening, _, appointed = (row.telling for row in hands.rows)
    assert opening is not None
    assert opening.notices
    assert appointed is not None
    assert [(each.first, each.notices) for each in hands.told] == [(appointed.first, appointed.notices)]


async def test_a_task_that_has_to_wait_for_a_full_machine_is_not_broken_off(
    server: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than the SDK's own two seconds: the act is decided at the first attempt."""
    slow = iter([2.5])
    hear = Proceedings.hear

    def late(*given: Any, **named: Any) -> Any:
        time.sleep(next(slow, 0))
        return hear(*given, **named)

    async with server.worker():
        handle = await server.start()
        monkeypatch.setattr(Proceedings, "hear", late)
        await accepted(handle, note())
        assert next(slow, None) is None
        history = await handle.fetch_history()
    assert not [event for event in history.events if event.HasField("workflow_task_failed_event_attributes")]


async def test_a_caseload_that_is_down_holds_up_no_act_and_catches_up_later(server: Engine) -> None:
    """Acts are answered meanwhile; the newest row is kept as soon as the database answers again."""
    hands = ShakyHands()
    async with server.worker(hands=as_hands(hands)):
        handle = await server.start()
        await accepted(handle, note())
        hands.caseload_away = True
        for _ in range(5):
            await accepted(handle, note())
        assert hands.rows[-1].entries == 2
        hands.caseload_away = False
        await until(lambda: hands.rows[-1].entries == 7)
        await accepted(handle, note())
        await until(lambda: hands.rows[-1].entries == 8)
    assert [row.entries for row in hands.rows] == sorted(row.entries for row in hands.rows)


async def test_a_caseload_that_hangs_delays_a_receipt_by_seconds_only(server: Engine) -> None:
    """The first act waits a little; later ones do not wait at all."""
    hands = ShakyHands()
    async with server.worker(hands=as_hands(hands)):
        handle = await server.start()
        await accepted(handle, note())
        hands.caseload_hangs = True
        await asyncio.wait_for(record(handle, note()), 15)
        for _ in range(3):
            await asyncio.wait_for(record(handle, note()), 3)
        assert (await view(handle))["entries"] == 6


async def test_only_the_first_row_names_the_child(server: Engine) -> None:
    """The caseload needs the names once, to make its keyed mark."""
    hands = ShakyHands()
    async with server.worker(hands=as_hands(hands)):
        handle = await server.start()
        await accepted(handle, note(), note())
    assert [row.child is not None for row in hands.rows] == [True, False, False]


async def test_a_mail_server_that_is_away_delays_the_notice_and_nothing_else(server: Engine) -> None:
    """Notices and events go out when it is back, each once."""
    hands = ShakyHands()
    hands.post_away = True
    async with server.worker(hands=as_hands(hands)):
        handle = await server.start()
        await accepted(handle, guardian(), note())
        assert hands.told == []
        hands.post_away = False
        await until(lambda: {telling.first for telling in hands.told} == {1, 2, 3})
    assert sorted(telling.first for telling in hands.told) == [1, 2, 3]
    owed = next(telling for telling in hands.told if telling.first == 2)
    assert [(notice.kind, notice.to_role, notice.to_id) for notice in owed.notices] == [("owed", "guardian", "g-1")]
    assert [event.kind for event in owed.events] == ["accepted"]


@pytest.mark.slow
async def test_what_is_untold_when_a_run_ends_is_told_by_the_next(server: Engine) -> None:
    """A new run does not wait for a mail server that is away, and forgets nothing."""
    hands = ShakyHands()
    async with server.worker(hands=as_hands(hands)):
        handle = await server.start()
        await accepted(handle, note())
        hands.post_away = True
        await accepted(handle, guardian())
        run = (await handle.describe()).run_id
        for _ in range(12):
            await asyncio.gather(*(record(handle, note()) for _ in range(9)))
        await moved_on_from(run, handle)
        hands.post_away = False
        await until(lambda: any(telling.first == 3 for telling in hands.told))
        assert len(await ledger(handle)) == 111


async def test_a_telling_holds_headers_only(server: Engine) -> None:
    """What leaves the house names offices and entries, never a child."""
    hands = ShakyHands()
    async with server.worker(hands=as_hands(hands)):
        handle = await server.start()
        await accepted(handle, guardian())
        await until(lambda: len(hands.told) == 2)
    said = repr(hands.told)
    assert "Zlatkaprobe" not in said
    assert "invented note" not in said
    assert "Invented Foster Home" not in said
