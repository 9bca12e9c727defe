"""The log of readings on SQLite and on PostgreSQL: it only grows, hangs together, and shows where it was tampered with."""

import asyncio
import sys
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from activities.caseload import Caseload, CaseloadUnreachable
from activities.readings import Readings
from casefile.readings import AS_OPERATOR, Looking, Newest, faults_of_readings

pytestmark = pytest.mark.asyncio

REFERENCE, OTHER = "MD-UA-2026-7K3F9A", "MD-UA-2026-000002"
WORKER = Looking("caseworker-1", "caseworker", "MD", "Invented Social Service")


async def read_four_times(caseload: Caseload) -> Readings:
    readings = Readings(caseload)
    for what in ("case", "entries", "ledger", "dossier"):
        await readings.note(REFERENCE, WORKER, what, head="ab" * 32, reason="urgent")
    return readings


async def tampered(caseload: Caseload, *statements: str) -> None:
    async with caseload.writing() as connection:
        for statement in statements:
            await connection.execute(text(statement))


async def test_a_reading_comes_back_as_it_was_noted(caseload: Caseload) -> None:
    """Who, role, state, office, what, when, why, and the case's head then; microseconds too."""
    at = datetime(2026, 3, 1, 10, 0, 0, 123456, tzinfo=UTC)
    noted = await Readings(caseload).note(REFERENCE, WORKER, "case", head="cd" * 32, reason="stands_in", at=at)

    lines, newest = await Readings(caseload).of(REFERENCE)

    assert [noted] == lines
    assert Newest(1, noted.hash) == newest
    assert (at, WORKER, "case", "stands_in", "cd" * 32) == (
        lines[0].at,
        lines[0].by,
        lines[0].what,
        lines[0].reason,
        lines[0].head,
    )
    assert [] == faults_of_readings(lines, newest)


async def test_a_case_that_nobody_read_has_an_empty_log(caseload: Caseload) -> None:
    """Nothing there, and nothing wrong with it."""
    assert ([], None) == await Readings(caseload).of(REFERENCE)
    assert [] == faults_of_readings([], None)


async def test_each_case_has_a_chain_of_its_own(caseload: Caseload) -> None:
    """What is read of one case gives no line to another."""
    readings = Readings(caseload)
    for reference in (REFERENCE, OTHER, REFERENCE):
        await readings.note(reference, AS_OPERATOR, "show")

    assert [1, 2] == [line.n for line in (await readings.of(REFERENCE))[0]]
    assert [1] == [line.n for line in (await readings.of(OTHER))[0]]


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (["UPDATE readings SET person = 'somebody-else' WHERE n = 2"], "Line 2 is not what its hash says."),
        (["UPDATE readings SET reason = NULL WHERE n = 3"], "Line 3 is not what its hash says."),
        (["DELETE FROM readings WHERE n = 2"], "Line 3 stands where line 2 belongs."),
        (["DELETE FROM readings WHERE n = 4"], "The newest line is not line 4 as it was noted when it was written."),
        (
            [
                "UPDATE readings SET n = 99 WHERE n = 2",
                "UPDATE readings SET n = 2 WHERE n = 3",
                "UPDATE readings SET n = 3 WHERE n = 99",
            ],
            "Line 2 does not follow the line before it.",
        ),
        (["DELETE FROM readings"], "The newest line is not line 4 as it was noted when it was written."),
        (["DELETE FROM newest_readings"], "Nowhere is noted which line is the newest."),
    ],
)
async def test_a_log_that_was_tampered_with_is_told(caseload: Caseload, statements: list[str], said: str) -> None:
    """A line edited, removed, moved, cut at the end, or all of them gone."""
    readings = await read_four_times(caseload)
    assert [] == faults_of_readings(*await readings.of(REFERENCE))

    await tampered(caseload, *statements)

    assert said in faults_of_readings(*await readings.of(REFERENCE))


async def test_a_cut_with_its_note_is_found_by_who_kept_a_hash(caseload: Caseload) -> None:
    """The chain alone cannot tell; a hash that somebody holds can."""
    readings = await read_four_times(caseload)
    lines, _ = await readings.of(REFERENCE)
    await tampered(
        caseload,
        "DELETE FROM readings WHERE n = 4",
        f"UPDATE newest_readings SET n = 3, hash = '{lines[2].hash}'",
    )

    log = await readings.of(REFERENCE)

    assert [] == faults_of_readings(*log)
    assert [f"No line has the hash {lines[3].hash}."] == faults_of_readings(*log, held=[lines[0].hash, lines[3].hash])


async def test_many_who_read_at_once_get_each_a_line(caseload: Caseload) -> None:
    """Twenty at once in one process: one chain without a gap."""
    readings = Readings(caseload)

    await asyncio.gather(*(readings.note(REFERENCE, WORKER, f"case {n}") for n in range(20)))

    lines, newest = await readings.of(REFERENCE)
    assert list(range(1, 21)) == [line.n for line in lines]
    assert [] == faults_of_readings(lines, newest)


READER = """
import asyncio, sys
from activities.caseload import Caseload
from activities.readings import Readings
from casefile.readings import AS_OPERATOR

async def main():
    readings = Readings(Caseload(sys.argv[1]))
    for n in range(10):
        await readings.note("MD-UA-2026-7K3F9A", AS_OPERATOR, f"{sys.argv[2]} {n}")

asyncio.run(main())
"""


async def test_several_processes_write_one_chain(caseload: Caseload, database: str) -> None:
    """Three processes of ten readings each: thirty lines, none lost, none twice, nothing wrong."""
    started = [await asyncio.create_subprocess_exec(sys.executable, "-c", READER, database, name) for name in "abc"]
    ended = await asyncio.wait_for(asyncio.gather(*(each.wait() for each in started)), 120)

    lines, newest = await Readings(caseload).of(REFERENCE)

    assert [0, 0, 0] == ended
    assert 30 == len(lines)
    assert {f"{name} {n}" for name in "abc" for n in range(10)} == {line.what for line in lines}
    assert [] == faults_of_readings(lines, newest)


async def test_what_cannot_be_noted_is_told(unreachable: str) -> None:
    """A database that is down: whoever wants to show something learns that nothing was written."""
    caseload = Caseload(unreachable)
    with pytest.raises(CaseloadUnreachable):
        await Readings(caseload).note(REFERENCE, WORKER, "case")
    await caseload.close()
