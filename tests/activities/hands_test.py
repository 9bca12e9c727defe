"""The hands as the worker and the cases hold them."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.agreements import AgreementShelf
from activities.caseload import Caseload
from activities.hands import Hands
from activities.marks import KeyUnusable
from activities.notices import AddressBookFault
from activities.settings import read_settings
from tests.activities.marked import open_cases_with_mark
from workflows.messages import (
    ADMIT,
    HAVE_RUN_KEPT,
    KEEP_CASELOAD_ROW,
    KEEP_MISSED_RUNS,
    KEEP_RUN,
    PUBLISHED_KEY,
    TELL,
    AdmissionRequest,
    CaseloadRow,
    Notice,
    RowKept,
    Telling,
)

pytestmark = pytest.mark.asyncio

CHILD = {"given_names": "Inventa", "family_name": "Sample", "date_of_birth": "2013-05-04"}
REFERENCE = "MD-UA-2026-7K3F9A"


@pytest_asyncio.fixture
async def hands(tmp_path: Path) -> AsyncGenerator[Hands]:
    held = Hands.of(read_settings(data=tmp_path / "data"), AgreementShelf())
    yield held
    await held.close()


async def test_the_activities_bear_the_names_that_cases_call(hands: Hands) -> None:
    """Each name is one that a case, or the archive, asks for."""
    names = {getattr(each, "__temporal_activity_definition").name for each in hands.activities()}

    assert {ADMIT, PUBLISHED_KEY, KEEP_CASELOAD_ROW, TELL, HAVE_RUN_KEPT, KEEP_RUN, KEEP_MISSED_RUNS} == names


async def test_a_case_goes_through_all_three(hands: Hands, row: Callable[..., CaseloadRow], tmp_path: Path) -> None:
    """Admitted, shown, told; each twice, to the same end."""
    environment = ActivityEnvironment()
    told = Telling(REFERENCE, 1, 1, [Notice("owed", "caseworker", "MD", 1, act="screen_protection")])
    for _ in range(2):
        admission = await environment.run(
            hands.admit,
            AdmissionRequest(
                REFERENCE, {"agreement": "model", "host_state": "MD", "origin_state": "UA", "child": CHILD}
            ),
        )
        assert "done" == admission.duplicate_check
        assert RowKept(events_wanted=False) == await environment.run(hands.keep_caseload_row, row(child=CHILD))
        await environment.run(hands.tell, told)

    assert 1 == await hands.caseload.count()
    assert 1 == len(list((tmp_path / "data" / "notices" / "new").iterdir()))


async def test_the_mark_is_kept_and_the_names_are_not(
    hands: Hands, row: Callable[..., CaseloadRow], tmp_path: Path
) -> None:
    """No file under the data folder holds a name or a date of birth in clear."""
    await ActivityEnvironment().run(hands.keep_caseload_row, row(child=CHILD))

    mark = hands.marks.of(CHILD)
    assert mark is not None
    assert [REFERENCE] == await open_cases_with_mark(hands.caseload, mark)
    kept = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    assert mark.encode() in kept
    for clear in CHILD.values():
        assert clear.encode() not in kept


async def test_events_are_wanted_where_a_webhook_is_set_up(tmp_path: Path, row: Callable[..., CaseloadRow]) -> None:
    """So that a case need not start an activity for nobody."""
    hands = Hands.of(
        read_settings(
            data=tmp_path, webhook_url="https://example.org/events", webhook_secret="whsec_c2VjcmV0IGVub3VnaA=="
        ),
        AgreementShelf(),
    )

    assert RowKept(events_wanted=True) == await ActivityEnvironment().run(hands.keep_caseload_row, row())
    await hands.close()


async def test_a_row_that_cannot_be_kept_may_be_tried_again(
    tmp_path: Path, unreachable: str, row: Callable[..., CaseloadRow]
) -> None:
    """The failure has a type of its own, may be retried, and holds neither the address nor the child."""
    hands = Hands.of(read_settings(data=tmp_path, caseload_url=unreachable), AgreementShelf())

    with pytest.raises(ApplicationError) as failure:
        await ActivityEnvironment().run(hands.keep_caseload_row, row(child=CHILD))
    await hands.close()

    assert "CaseloadUnreachable" == failure.value.type
    assert not failure.value.non_retryable
    assert failure.value.__cause__ is None
    assert "secret" not in str(failure.value)
    assert "Inventa" not in json.dumps([str(failure.value), list(failure.value.details)])


async def test_a_worker_that_could_not_do_its_work_says_so_at_start(tmp_path: Path) -> None:
    """An address book or a key that cannot be used is told before any case relies on it."""
    with pytest.raises(AddressBookFault):
        Hands.of(read_settings(data=tmp_path, address_book=tmp_path / "none.toml"), AgreementShelf())
    (tmp_path / "duplicates.key").write_text("no key")
    with pytest.raises(KeyUnusable):
        Hands.of(read_settings(data=tmp_path), AgreementShelf())


async def test_a_case_does_not_wait_for_a_caseload_that_hangs(
    hands: Hands, row: Callable[..., CaseloadRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it waits for its row the answer comes in time that there is none; an activity of its own has time."""

    async def hang(*_: object) -> None:
        await asyncio.sleep(0.3)

    monkeypatch.setattr(Caseload, "keep", hang)
    monkeypatch.setattr("activities.hands.AT_ONCE", 0.05)
    waiting, apart = ActivityEnvironment(), ActivityEnvironment()
    waiting.info = replace(waiting.info, is_local=True)
    with pytest.raises(ApplicationError, match="did not answer at once") as failed:
        await waiting.run(hands.keep_caseload_row, row())
    assert failed.value.type == "CaseloadUnreachable"
    assert isinstance(await apart.run(hands.keep_caseload_row, row()), RowKept)
