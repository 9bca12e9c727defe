"""The caseload on SQLite and on PostgreSQL alike."""

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url, text, update

from activities import caseload as caseload_module
from activities.caseload import Caseload, CaseloadUnreachable, ListedCase, OwedAct
from activities.tables import ToldTable, Utc
from tests.activities.marked import open_cases_with_mark
from workflows.messages import CaseloadRow

pytestmark = pytest.mark.asyncio

Rows = Callable[..., CaseloadRow]
Owed = Callable[..., dict[str, Any]]
FIRST, SECOND, THIRD = "MD-UA-2026-000001", "MD-UA-2026-000002", "MD-UA-2026-000003"
MARK = "ab" * 32


def references(cases: list[ListedCase]) -> list[str]:
    return [case.reference for case in cases]


async def test_a_kept_row_comes_back_as_it_was_said(caseload: Caseload, row: Rows, owed_act: Owed) -> None:
    """Everything that a row says stands in the caseload, moments in UTC."""
    assert await caseload.keep(
        row(7, reference=FIRST, holds=["detention", "appeal"], refused=2, solution="return", awaiting=[owed_act()])
    )

    case = await caseload.one(FIRST)

    assert case is not None
    assert ("appeal", "detention") == case.holds
    assert (7, 2, "return") == (case.entries, case.refused, case.solution)
    due = datetime(2026, 3, 4, 10, tzinfo=UTC)
    assert due == case.due
    assert (
        OwedAct(
            act="appoint_guardian",
            role="guardianship_authority",
            state="MD",
            deadline="guardian",
            due=due,
            overdue=False,
            escalations=0,
        ),
    ) == case.awaiting
    assert "2026-03-04T10:00:00Z" == case.as_json()["due"]


async def test_a_person_who_owes_alone_comes_back(caseload: Caseload, row: Rows, owed_act: Owed) -> None:
    """In the row as the case view has it; where nobody is named, there is no name for it either."""
    acts = [owed_act(act="hear_child", role="caseworker", person="cw-1"), owed_act()]
    await caseload.keep(row(reference=FIRST, awaiting=acts))
    await caseload.replace(
        [(row(reference=SECOND, awaiting=acts), None)], asked_at=datetime(2026, 3, 1, tzinfo=UTC), silent=[FIRST]
    )
    for reference in (FIRST, SECOND):
        case = await caseload.one(reference)
        assert case is not None
        assert ["cw-1", None] == [owed.person for owed in case.awaiting]
        assert [{**owed, "stands_still": False} for owed in acts] == case.as_json()["awaiting"]


async def test_a_question_of_ones_own_is_read_and_ends_with_the_database(caseload: Caseload, row: Rows) -> None:
    """A session to read with, made ready like every other way in; where the database is down it says so in our words."""
    await caseload.keep(row(reference=FIRST))
    async with caseload.reading() as session:
        assert FIRST == await session.scalar(text("SELECT reference FROM cases"))
    with pytest.raises(CaseloadUnreachable, match="cannot be used now"):
        async with caseload.reading() as session:
            await session.execute(text("SELECT nothing FROM nowhere"))


async def test_a_case_that_was_never_kept_is_not_there(caseload: Caseload) -> None:
    """Asking for an unknown reference gives nothing, and no error."""
    assert await caseload.one(FIRST) is None
    assert 0 == await caseload.count()


async def test_an_older_row_never_overwrites_a_newer_one(caseload: Caseload, row: Rows) -> None:
    """Rows may come in any order; the one of the latest entry stays."""
    assert await caseload.keep(row(5, stage="decision", awaiting=[], holds=[]))
    assert not await caseload.keep(row(4, stage="guardianship", holds=["detention"]))

    [case] = await caseload.page()

    assert ("decision", 5, (), ()) == (case.stage, case.entries, case.awaiting, case.holds)


async def test_the_same_row_twice_changes_nothing(caseload: Caseload, row: Rows) -> None:
    """A retry of an activity that had done its work is harmless."""
    assert await caseload.keep(row(3))
    before = await caseload.page()

    assert not await caseload.keep(row(3))

    assert before == await caseload.page()


async def test_a_newer_row_replaces_owed_acts_and_holds(caseload: Caseload, row: Rows, owed_act: Owed) -> None:
    """What is no longer owed or held is no longer found."""
    await caseload.keep(row(1, holds=["detention"]))
    await caseload.keep(row(2, holds=["asylum"], awaiting=[owed_act(role="caseworker", act="hear_child")]))

    assert [] == await caseload.page(hold="detention")
    assert [] == await caseload.page(role="guardianship_authority")
    assert 1 == len(await caseload.page(hold="asylum", role="caseworker"))


async def test_rows_written_at_once_leave_the_newest(caseload: Caseload, row: Rows) -> None:
    """Twenty writers race for one case; the latest entry wins, whole."""
    rows = [row(n, refused=n, holds=[f"hold{n}"]) for n in range(1, 21)]

    await asyncio.gather(*(caseload.keep(each) for each in reversed(rows)))

    [case] = await caseload.page()
    assert (20, 20, ("hold20",)) == (case.entries, case.refused, case.holds)


async def test_the_caseload_is_sorted_by_due_moment(caseload: Caseload, row: Rows) -> None:
    """What is due first stands first, then what has no due moment, then what is closed."""
    await caseload.keep(row(reference="MD-UA-2026-00000A", status="closed", stage="closed", next_due=None))
    await caseload.keep(row(reference="MD-UA-2026-00000B", next_due=None))
    await caseload.keep(row(reference="MD-UA-2026-00000C", next_due="2026-05-01T00:00:00Z"))
    await caseload.keep(row(reference="MD-UA-2026-00000D", next_due="2026-04-01T00:00:00Z"))

    assert ["D", "C", "B", "A"] == [reference[-1] for reference in references(await caseload.page())]
    assert ["D", "C", "B"] == [reference[-1] for reference in references(await caseload.page(closed=False))]
    assert ["A"] == [reference[-1] for reference in references(await caseload.page(closed=True))]


async def test_an_inbox_holds_what_a_role_of_a_state_owes(caseload: Caseload, row: Rows, owed_act: Owed) -> None:
    """Asked by role and state, a case is sorted by that role's own due moment, not by another's."""
    late = owed_act(due="2026-06-01T00:00:00Z")
    soon = owed_act(due="2026-04-01T00:00:00Z")
    other = owed_act(role="caseworker", act="screen_protection", due="2026-03-02T00:00:00Z")
    await caseload.keep(row(reference=FIRST, awaiting=[other, late], next_due=other["due"]))
    await caseload.keep(row(reference=SECOND, awaiting=[soon], next_due=soon["due"]))
    await caseload.keep(row(reference=THIRD, awaiting=[owed_act(state="UA")]))

    inbox = await caseload.page(role="guardianship_authority", state="MD")

    assert [SECOND, FIRST] == references(inbox)
    assert datetime(2026, 6, 1, tzinfo=UTC) == inbox[1].due
    assert [FIRST] == references(await caseload.page(role="caseworker"))


async def test_a_case_in_which_a_role_owes_two_acts_is_listed_once(
    caseload: Caseload, row: Rows, owed_act: Owed
) -> None:
    """A case stands once in an inbox, at its earliest act."""
    acts = [owed_act(act="appoint_counsel", due="2026-03-06T00:00:00Z"), owed_act(due="2026-03-04T00:00:00Z")]
    await caseload.keep(row(awaiting=acts))

    [case] = await caseload.page(role="guardianship_authority")

    assert datetime(2026, 3, 4, tzinfo=UTC) == case.due
    assert 2 == len(case.awaiting)


async def test_a_state_alone_finds_its_cases_on_either_side(caseload: Caseload, row: Rows) -> None:
    """Without a role, a state finds the cases in which it is host or origin."""
    await caseload.keep(row(reference=FIRST))
    await caseload.keep(row(reference="RO-MD-2026-000002", host_state="RO", origin_state="MD"))
    await caseload.keep(row(reference="RO-UA-2026-000003", host_state="RO", origin_state="UA"))

    assert 2 == len(await caseload.page(state="MD"))
    assert 2 == len(await caseload.page(state="UA"))
    assert [] == await caseload.page(state="FR")


async def test_overdue_acts_can_be_looked_for(caseload: Caseload, row: Rows, owed_act: Owed) -> None:
    """Overdue finds who is late, with role and state; its opposite finds cases where nobody is."""
    late = owed_act(overdue=True, role="caseworker", due="2026-02-01T00:00:00Z")
    await caseload.keep(row(reference=FIRST, awaiting=[owed_act(), late], overdue=True))
    await caseload.keep(row(reference=SECOND))

    assert [FIRST] == references(await caseload.page(overdue=True))
    assert [FIRST] == references(await caseload.page(overdue=True, role="caseworker", state="MD"))
    assert [] == await caseload.page(overdue=True, role="guardianship_authority")
    assert [] == await caseload.page(overdue=True, state="UA")
    assert [SECOND] == references(await caseload.page(overdue=False))


async def test_stage_and_hold_narrow_the_caseload(caseload: Caseload, row: Rows) -> None:
    """Stage and hold are asked together with all else."""
    await caseload.keep(row(reference=FIRST, stage="travel", holds=["crisis"]))
    await caseload.keep(row(reference=SECOND, stage="travel"))

    assert [FIRST] == references(await caseload.page(stage="travel", hold="crisis"))
    assert [FIRST, SECOND] == references(await caseload.page(stage="travel"))
    assert [] == await caseload.page(stage="decision", hold="crisis")
    assert [FIRST] == references(await caseload.page(hold="crisis", role="guardianship_authority", state="MD"))


async def test_an_act_that_stands_still_does_not_press(caseload: Caseload, row: Rows, owed_act: Owed) -> None:
    """During a hold, an act whose deadline does not run comes after those that do."""
    await caseload.keep(row(reference=FIRST, awaiting=[owed_act(stands_still=True, due="2026-03-02T00:00:00Z")]))
    await caseload.keep(row(reference=SECOND, awaiting=[owed_act(due="2026-09-01T00:00:00Z")]))

    inbox = await caseload.page(role="guardianship_authority")

    assert [SECOND, FIRST] == references(inbox)
    assert inbox[1].awaiting[0].stands_still


@pytest.mark.parametrize("asked", [{}, {"role": "guardianship_authority", "state": "MD"}, {"stage": "guardianship"}])
async def test_pages_follow_each_other_without_loss_or_double(
    caseload: Caseload, row: Rows, owed_act: Owed, asked: dict[str, Any]
) -> None:
    """Seven cases in pages of three, several of them due at one moment."""
    for n in range(7):
        due = f"2026-03-0{1 + n // 3}T00:00:00Z"
        await caseload.keep(row(reference=f"MD-UA-2026-00000{n}", awaiting=[owed_act(due=due)], next_due=due))

    seen: list[str] = []
    after = None
    while page := await caseload.page(**asked, limit=3, after=after):
        assert len(page) <= 3
        seen += references(page)
        after = page[-1].cursor

    assert [f"MD-UA-2026-00000{n}" for n in range(7)] == seen


async def test_a_cursor_that_no_page_gave_is_refused(small_caseload: Caseload) -> None:
    """A made-up cursor is a mistake of the asker, not an empty page."""
    for cursor in ("", "yesterday", "2026-03-01T00:00:00~MD", "2026-03-01T00:00:00Z"):
        with pytest.raises(ValueError, match="no page of the caseload ends there"):
            await small_caseload.page(after=cursor)


async def test_an_inbox_is_found_by_its_index(small_caseload: Caseload) -> None:
    """The inbox of a person does not read every owed act there is, nor sort what an index has in order."""
    query = (
        "SELECT reference FROM owed_acts WHERE role = 'a' AND state = 'b' AND person = 'c'"
        " ORDER BY sorts_at, reference, position"
    )
    async with small_caseload._engine.connect() as connection:  # pyright: ignore[reportPrivateUsage]
        plan = str((await connection.execute(text(f"EXPLAIN QUERY PLAN {query}"))).all())

    assert "COVERING INDEX ix_owed_acts_person" in plan
    assert "TEMP B-TREE" not in plan


# Marks


async def test_a_mark_finds_the_open_cases_of_a_child(caseload: Caseload, row: Rows) -> None:
    """A mark given with the first row stays through later rows and goes when the case closes."""
    await caseload.keep(row(1, reference=FIRST), MARK)
    await caseload.keep(row(2, reference=FIRST))
    assert [FIRST] == await open_cases_with_mark(caseload, MARK)

    await caseload.keep(row(3, reference=FIRST, status="closed", stage="closed"))

    assert [] == await open_cases_with_mark(caseload, MARK)


async def test_a_first_row_that_comes_late_still_brings_the_mark(caseload: Caseload, row: Rows) -> None:
    """The row is old news, the mark is not; unless the case closed meanwhile."""
    await caseload.keep(row(2, reference=FIRST))
    await caseload.keep(row(3, reference=SECOND, status="closed", stage="closed"))

    assert not await caseload.keep(row(1, reference=FIRST), MARK)
    assert not await caseload.keep(row(1, reference=SECOND), MARK)

    assert [FIRST] == await open_cases_with_mark(caseload, MARK)


async def test_a_claim_is_told_of_earlier_ones_only(caseload: Caseload) -> None:
    """Of two cases for one child the later learns of the earlier, however often either asks."""
    assert [] == await caseload.claim(MARK, FIRST)
    assert [FIRST] == await caseload.claim(MARK, SECOND)

    assert [] == await caseload.claim(MARK, FIRST)
    assert [FIRST] == await caseload.claim(MARK, SECOND)


async def test_a_claim_taken_back_is_gone(caseload: Caseload) -> None:
    """A case that was not opened stands in nobody's way."""
    await caseload.claim(MARK, FIRST)
    await caseload.unclaim(FIRST)

    assert [] == await caseload.claim(MARK, SECOND)


async def test_of_claims_at_one_moment_exactly_one_is_first(caseload: Caseload) -> None:
    """Eight intakes of one child race; one may open, the others are each told of an earlier one."""
    answers = await asyncio.gather(*(caseload.claim(MARK, f"MD-UA-2026-00000{n}") for n in range(8)))

    assert 1 == sum(1 for earlier in answers if not earlier)
    assert list(range(8)) == sorted(len(earlier) for earlier in answers)


# What could not be told


async def test_a_telling_that_failed_shows_until_it_gets_out(caseload: Caseload, row: Rows) -> None:
    """Attempts are counted, the first moment is kept, and getting out clears it."""
    await caseload.keep(row(reference=FIRST))
    await caseload.telling_failed(FIRST, "t1", "mail", first=4, error="TimeoutError", refused=False)
    await caseload.telling_failed(FIRST, "t1", "mail", first=4, error="SMTP 550", refused=True)
    await caseload.telling_failed(FIRST, "t1", "webhook", first=4, error="HTTP 503", refused=False)

    [case] = await caseload.page()
    mail, webhook = case.untold
    assert ("mail", 2, "SMTP 550", True, 4) == (mail.channel, mail.attempts, mail.last_error, mail.refused, mail.first)
    assert mail.since <= mail.last_tried
    assert 1 == webhook.attempts

    await caseload.telling_done(FIRST, "t1", "mail")
    assert ["webhook"] == [untold.channel for untold in await caseload.untold()]
    await caseload.telling_done(FIRST, "t1")
    assert [] == await caseload.untold()


async def test_a_late_attempt_does_not_show_as_untold_what_got_out(caseload: Caseload, row: Rows) -> None:
    """A case that moved on is told of by its new run, while an attempt of the ended one still hangs, and then fails.

    Nobody tries that one again, so it would stand there for ever. Another telling of the case shows all the same.
    """
    await caseload.keep(row(reference=FIRST))
    await caseload.telling_failed(FIRST, "t1", "mail", first=4, error="TimeoutError", refused=False)
    await caseload.telling_done(FIRST, "t1", "mail")
    await caseload.telling_failed(FIRST, "t1", "mail", first=4, error="TimeoutError", refused=False)
    assert [4] == [each.first for each in await caseload.untold()]

    await caseload.telling_done(FIRST, "t1")
    await caseload.telling_failed(FIRST, "t1", "webhook", first=4, error="RemoteProtocolError", refused=False)
    await caseload.telling_failed(FIRST, "t2", "webhook", first=5, error="RemoteProtocolError", refused=False)
    assert [5] == [each.first for each in await caseload.untold()]


async def test_of_two_attempts_at_one_moment_the_one_that_got_out_counts(caseload: Caseload, row: Rows) -> None:
    """Whichever of the two says its word first."""
    await caseload.keep(row(reference=FIRST))
    await asyncio.gather(
        *(
            said
            for n in range(20)
            for said in (
                caseload.telling_failed(FIRST, f"t{n}", "mail", first=n + 1, error="TimeoutError", refused=False),
                caseload.telling_done(FIRST, f"t{n}"),
            )
        )
    )
    assert [] == await caseload.untold()


async def test_told_parts_are_remembered(caseload: Caseload) -> None:
    """What got out is known at the next attempt, and noting it twice is harmless."""
    await caseload.part_told(FIRST, "a")
    await caseload.part_told(FIRST, "a")

    assert {"a"} == await caseload.told(["a", "b"])
    assert set() == await caseload.told([])


async def test_what_was_told_long_ago_is_forgotten(caseload: Caseload) -> None:
    """The next telling of the case that got out clears what no attempt can still ask for."""
    await caseload.part_told(FIRST, "old")
    await caseload.part_told(SECOND, "of another case")
    async with caseload._writing.begin() as connection:  # pyright: ignore[reportPrivateUsage]
        await connection.execute(update(ToldTable).values(at=datetime.now(UTC) - timedelta(days=61)))
    await caseload.part_told(FIRST, "new")

    await caseload.telling_done(FIRST, "t")

    assert {"t", "new", "of another case"} == await caseload.told(["t", "old", "new", "of another case"])


# Rebuilding


async def test_replacing_drops_what_the_engine_forgot(caseload: Caseload, row: Rows) -> None:
    """After a rebuild exactly the given cases stand, with marks in order of opening."""
    await caseload.keep(row(9, reference=FIRST, holds=["appeal"]), MARK)
    await caseload.telling_failed(FIRST, "t", "mail", first=1, error="X", refused=False)
    await caseload.keep(row(2, reference=SECOND, stage="wrong"))
    later, earlier = row(2, reference=SECOND), row(1, reference=THIRD, opened_at="2026-01-01T00:00:00Z")

    rebuilt = await caseload.replace([(later, MARK), (earlier, MARK)], asked_at=datetime.now(UTC))

    assert (2, 1) == (rebuilt.kept, rebuilt.dropped)
    assert {SECOND, THIRD} == set(references(await caseload.page()))
    assert [] == await caseload.untold()
    assert [THIRD, SECOND] == await open_cases_with_mark(caseload, MARK)
    second = await caseload.one(SECOND)
    assert second is not None
    assert "guardianship" == second.stage


async def test_replacing_spares_what_was_written_meanwhile(caseload: Caseload, row: Rows) -> None:
    """A case opened, or moved on, while the engine was being read is not set back."""
    asked_at = datetime.now(UTC) - timedelta(seconds=1)
    await caseload.keep(row(1, reference=FIRST))
    await caseload.keep(row(8, reference=SECOND, stage="travel"))

    await caseload.replace([(row(7, reference=SECOND), None)], asked_at=asked_at)

    assert {FIRST, SECOND} == set(references(await caseload.page()))
    second = await caseload.one(SECOND)
    assert second is not None
    assert ("travel", 8) == (second.stage, second.entries)


async def test_a_replacement_that_fails_leaves_all_as_it_was(caseload: Caseload, row: Rows) -> None:
    """A rebuild is all or nothing."""
    await caseload.keep(row(1, reference=FIRST))
    good, bad = row(1, reference=SECOND), row(1, reference=THIRD, opened_at="not a moment")

    with pytest.raises(ValueError, match="isoformat"):
        await caseload.replace([(good, None), (bad, None)], asked_at=datetime.now(UTC))

    assert [FIRST] == references(await caseload.page())


# Databases that are down, new, or old


async def test_a_database_that_is_down_says_so_quickly(unreachable: str, row: Rows) -> None:
    """Every use fails within seconds, with one kind of error that names no host and no password."""
    caseload = Caseload(unreachable)
    began = time.monotonic()

    for use in (caseload.keep(row()), caseload.page(), caseload.claim(MARK, FIRST), caseload.one(FIRST)):
        with pytest.raises(CaseloadUnreachable) as failure:
            await use
        assert "127.0.0.1" not in str(failure.value)
        assert "secret" not in str(failure.value)

    assert time.monotonic() - began < 10
    await caseload.close()


async def test_a_database_that_says_nothing_counts_as_down(row: Rows) -> None:
    """It takes the call and stays silent; twenty who ask at once share one wait of a few seconds."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    caseload = Caseload(f"postgresql://homeward@127.0.0.1:{server.sockets[0].getsockname()[1]}/caseload")
    began = time.monotonic()

    answers = await asyncio.gather(*(caseload.keep(row(n)) for n in range(1, 21)), return_exceptions=True)

    assert [CaseloadUnreachable] * 20 == [type(answer) for answer in answers]
    assert time.monotonic() - began < 5
    await caseload.close()
    server.close()
    await server.wait_closed()


@pytest.mark.postgresql
async def test_a_database_that_comes_back_is_used_again(postgresql_server: str, row: Rows) -> None:
    """A worker that began while the database was missing needs no restart."""
    import psycopg

    name = "caseload_that_comes_late"
    caseload = Caseload(f"{postgresql_server}/{name}")
    with pytest.raises(CaseloadUnreachable):
        await caseload.keep(row())
    async with await psycopg.AsyncConnection.connect(f"{postgresql_server}/postgres", autocommit=True) as connection:
        await connection.execute(f"CREATE DATABASE {name}".encode())

        assert await caseload.keep(row())
        # Every connection is cut, as when the server restarts.
        await connection.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'".encode()
        )
        assert await caseload.keep(row(2))
        await caseload.close()
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A path that leads through a file is told in one sentence."""
    (tmp_path / "file").write_text("")

    with pytest.raises(CaseloadUnreachable, match=r"the folder of the caseload cannot be made .*file/data"):
        await Caseload.open(f"sqlite:///{tmp_path / 'file' / 'data' / 'caseload.db'}")


async def test_tables_of_a_newer_homeward_are_left_alone(database: str) -> None:
    """An older program does not touch what it does not know."""
    caseload = await Caseload.open(database)
    async with caseload._engine.begin() as connection:  # pyright: ignore[reportPrivateUsage]
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await caseload.close()

    with pytest.raises(CaseloadUnreachable, match="newer Homeward"):
        await Caseload.open(database)


async def test_two_processes_may_start_at_once(database: str, row: Rows) -> None:
    """Four processes open one empty database together; the tables are made once and all can write."""
    program = (
        "import asyncio, sys\n"
        "from activities.caseload import Caseload\n"
        "async def main():\n"
        "    caseload = await Caseload.open(sys.argv[1])\n"
        "    await caseload.part_told('MD-UA-2026-000001', sys.argv[2])\n"
        "    await caseload.close()\n"
        "asyncio.run(main())\n"
    )
    running = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, database, f"part{n}", stderr=asyncio.subprocess.PIPE
        )
        for n in range(4)
    ]
    ended = await asyncio.gather(*(process.communicate() for process in running))

    assert [0] * 4 == [process.returncode for process in running], ended
    caseload = await Caseload.open(database)
    assert 4 == len(await caseload.told([f"part{n}" for n in range(4)]))
    assert await caseload.keep(row())
    await caseload.close()


async def test_sqlite_is_opened_as_it_must_be(small_caseload: Caseload) -> None:
    """Write-ahead log, foreign keys, patience with a lock, and full syncing."""
    async with small_caseload._engine.connect() as connection:  # pyright: ignore[reportPrivateUsage]
        found = [
            await connection.scalar(text(f"pragma {name}"))
            for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")
        ]

    assert ["wal", 1, 5000, 2] == found


async def test_a_moment_without_a_zone_is_not_kept() -> None:
    """Nobody has to guess what an hour in the caseload means."""
    with pytest.raises(ValueError, match="without a time zone"):
        Utc().process_bind_param(datetime(2026, 3, 1), make_url("sqlite://").get_dialect()())


async def test_a_disk_that_is_dead_does_not_hold_a_stop_for_ever(
    tmp_path: Path, row: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What hangs is left after a while; what comes in time is still written."""
    monkeypatch.setattr(caseload_module, "CLOSED_WITHIN", 0.2)
    caseload = await Caseload.open(f"sqlite:///{tmp_path / 'caseload.db'}")
    hangs = threading.Event()
    stuck = asyncio.create_task(caseload._write(lambda _: hangs.wait(30)))  # pyright: ignore[reportPrivateUsage]
    await asyncio.sleep(0.1)
    begun = time.monotonic()
    await caseload.close()
    took = time.monotonic() - begun
    hangs.set()
    await stuck
    assert 0.2 <= took < 5

    again = await Caseload.open(f"sqlite:///{tmp_path / 'caseload.db'}")
    keeping = asyncio.create_task(again.keep(row(reference=FIRST)))
    await asyncio.sleep(0)
    await again.close()
    await again.close()
    assert await keeping
