"""Numbers of the whole caseload: right, bounded, and absent where nobody can count."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import update

from activities import figures
from activities.caseload import Caseload
from activities.figures import CaseloadFigures, Figures, figures_of
from activities.rebuild import row_of_view
from activities.tables import UntoldTable
from tests.activities.conftest import Rows, owed
from tests.procedure.courses import Course

NOW = datetime(2026, 3, 9, 10, tzinfo=UTC)


def told(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


async def filled(caseload: Caseload, row: Rows) -> None:
    """Five open cases and a closed one, three late acts, one release that is late, two tellings that wait."""
    late = {"overdue": True, "escalations": 1}
    await caseload.keep(row(reference="MD-UA-2026-AAAAAA", awaiting=[owed(**late), owed(act="b", role="guardian")]))
    await caseload.keep(
        row(
            reference="MD-UA-2026-BBBBBB",
            stage="travel",
            holds=["detention"],
            awaiting=[
                owed(act="confirm_release", role="caseworker", deadline="release", overdue=True, escalations=2),
                owed(**{**late, "escalations": 2}),
            ],
        )
    )
    await caseload.keep(row(reference="MD-UA-2026-CCCCCC", stage="travel", awaiting=[]))
    await caseload.keep(row(reference="MD-UA-2026-FFFFFF", stage="decision", awaiting=[]))
    await caseload.keep(row(reference="MD-UA-2026-DDDDDD"))
    await caseload.keep(row(reference="MD-UA-2026-EEEEEE", status="closed", stage="closed", awaiting=[]))
    await caseload.telling_failed("MD-UA-2026-AAAAAA", "1", "mail", first=1, error="Refused", refused=True)
    await caseload.telling_failed("MD-UA-2026-BBBBBB", "2", "mail", first=1, error="Away", refused=False)


async def test_the_caseload_is_counted(caseload: Caseload, row: Rows) -> None:
    """On either database. In a closed case nobody has to owe an act, and it counts for no stage."""
    await filled(caseload, row)
    found = await figures_of(caseload, NOW)
    assert found.stages == {"guardianship": 2, "travel": 2, "decision": 1}
    assert found.holds == {"detention": 1}
    role = owed()["role"]
    assert found.overdue == {(role, "MD"): 2, ("caseworker", "MD"): 1}
    assert sum(found.beyond.values()) == 2
    assert found.unreleased == {"MD": 1}
    assert found.nobody_owes == {"nothing": 1, "appeal": 1}
    assert found.untold == {("mail", True): 1, ("mail", False): 1}
    assert set(found.untold_since) == {"mail"}


async def test_what_is_tried_no_more_is_counted_apart_and_for_a_while(caseload: Caseload, row: Rows) -> None:
    """What is old and was just tried is not given up; what is young and was not tried waits for a worker."""
    await filled(caseload, row)
    tried = datetime.now(UTC)
    young = await figures_of(caseload, tried + timedelta(days=6, hours=23))
    assert (young.untold, young.given_up) == ({("mail", True): 1, ("mail", False): 1}, {})
    over = await figures_of(caseload, tried + timedelta(days=7, hours=1))
    assert (over.untold, over.untold_since, over.given_up) == ({}, {}, {"mail": 2})
    # The same rule, where a person reads it.
    rows = await caseload.untold()
    assert not any(each.given_up(tried + timedelta(days=6, hours=23)) for each in rows)
    assert [each.given_up(tried + timedelta(days=7, hours=1)) for each in rows] == [True, True]
    figures.show(over, NOW)
    assert told("homeward_untold_given_up", channel="mail") == 2
    assert told("homeward_untold", channel="mail", refused="true") == 0
    assert told("homeward_untold_oldest_seconds", channel="mail") == 0
    assert (await figures_of(caseload, tried + timedelta(days=31))).given_up == {}


async def test_what_is_old_and_tried_today_is_not_given_up(small_caseload: Caseload, row: Rows) -> None:
    """A case's notices are tried for longer than a reminder, and anew where the case goes on in a new run."""
    await filled(small_caseload, row)
    long_ago = datetime.now(UTC) - timedelta(days=20)
    async with small_caseload.reading() as session:
        await session.execute(update(UntoldTable).values(since=long_ago))
        await session.commit()
    found = await figures_of(small_caseload, datetime.now(UTC) + timedelta(hours=7))
    assert (found.untold, found.given_up) == ({("mail", True): 1, ("mail", False): 1}, {})
    assert found.untold_since == {"mail": long_ago}


async def test_a_time_to_appeal_that_runs_calls_nobody(small_caseload: Caseload) -> None:
    """Every case that returns comes through these days, in which nobody owes anything; no night is to be spent on it."""
    waits = Course().approved()
    assert waits.view["awaiting"] == []
    await small_caseload.keep(row_of_view(waits.view))
    assert (await figures_of(small_caseload, NOW)).nobody_owes == {"nothing": 0, "appeal": 1}
    await small_caseload.keep(row_of_view(waits.wait(days=15).view))
    assert (await figures_of(small_caseload, NOW)).nobody_owes == {"nothing": 0, "appeal": 0}


async def test_a_time_to_appeal_that_never_ends_calls_somebody(small_caseload: Caseload) -> None:
    """No agreement gives more than a year: a case that stood still for longer has lost what was to wake it."""
    waits = Course().approved()
    kept = row_of_view(waits.view)
    await small_caseload.keep(kept)
    since = datetime.fromisoformat(kept.updated_at)
    assert (await figures_of(small_caseload, since + timedelta(days=365))).nobody_owes["appeal"] == 1
    late = await figures_of(small_caseload, since + timedelta(days=367))
    assert late.nobody_owes == {"nothing": 1, "appeal": 0}


async def test_what_is_shown_goes_when_it_is_over(small_caseload: Caseload, row: Rows) -> None:
    """A role that owes nothing late any more has no line; a stage without cases has one at none."""
    await filled(small_caseload, row)
    figures.show(await figures_of(small_caseload, NOW), NOW)
    role = owed()["role"]
    assert told("homeward_overdue_acts", role=role, state="MD")
    assert told("homeward_cases_nobody_owes", waits_for="nothing") == 1
    assert told("homeward_detained_beyond_deadline", state="MD") == 1
    assert told("homeward_untold", channel="mail", refused="true") == 1
    figures.show(Figures({}, {}, {}, {}, {}, {}, {}, {}), NOW)
    assert told("homeward_overdue_acts", role=role, state="MD") is None
    assert told("homeward_open_cases", stage="travel") == 0
    assert told("homeward_untold", channel="mail", refused="true") == 0
    assert told("homeward_caseload_looked_at_seconds") == NOW.timestamp()


async def test_who_scrapes_often_does_not_ask_the_database_more(
    small_caseload: Caseload, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a while, and all who come at once, it is one look; after a slow one the while is longer."""
    now, looks = [100.0], [0]
    real = figures.figures_of

    async def counted(caseload: Caseload, at: datetime) -> Figures:
        looks[0] += 1
        now[0] += 3.0  # a slow database
        return await real(caseload, at)

    monkeypatch.setattr(figures, "figures_of", counted)
    shown = CaseloadFigures(small_caseload, clock=lambda: now[0])
    await asyncio.gather(*(shown.show(5) for _ in range(5)))
    assert looks == [1]
    now[0] += figures.SHOWN_FOR + 1
    await shown.show(5)
    assert looks == [1]
    now[0] += 10 * 3.0
    await shown.show(5)
    assert looks == [2]


async def test_a_database_that_thinks_long_keeps_nobody_waiting(
    small_caseload: Caseload, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever scrapes gets an answer in time; the look goes on, and is the only one."""
    thinks, looks = asyncio.Event(), [0]

    async def slow(caseload: Caseload, now: datetime) -> Figures:
        looks[0] += 1
        await thinks.wait()
        return Figures({"travel": 7}, {}, {}, {}, {}, {}, {}, {})

    monkeypatch.setattr(figures, "figures_of", slow)
    shown = CaseloadFigures(small_caseload)
    begun = asyncio.get_running_loop().time()
    await shown.show(0.05)
    await shown.show(0.05)
    assert asyncio.get_running_loop().time() - begun < 2
    thinks.set()
    await shown.show(5)
    assert (looks, told("homeward_open_cases", stage="travel")) == ([1], 7)


@pytest.mark.parametrize("trouble", ["away", "broken"])
async def test_numbers_that_nobody_can_ask_for_are_absent(
    trouble: str, unreachable: str, small_caseload: Caseload, row: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was so an hour ago is not told as what is so now."""
    await filled(small_caseload, row)
    figures.show(await figures_of(small_caseload, NOW), NOW)
    assert told("homeward_open_cases", stage="travel") == 2

    async def broken(caseload: Caseload, now: datetime) -> Any:
        raise RuntimeError("an invented fault")

    gone = Caseload(unreachable)
    if trouble == "broken":
        monkeypatch.setattr(figures, "figures_of", broken)
    await CaseloadFigures(gone).show(20)
    await asyncio.sleep(0)
    assert told("homeward_open_cases", stage="travel") is None
    assert told("homeward_cases_nobody_owes", waits_for="nothing") is None
    await gone.close()
