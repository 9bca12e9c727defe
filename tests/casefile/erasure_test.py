"""A case that was erased: nobody can read it any more, and what is left can be checked. Everybody here is invented."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from temporalio.client import Client
from temporalio.converter import DataConverter

from activities.caseload import Caseload
from activities.erasures import Erasures
from activities.settings import Settings
from casefile.archive import Archive
from casefile.erasure import Erased, NotAnErasure, Officer, erasure_findings
from casefile.statistics import figures_of, statistics
from procedure.entries import entry_from_json
from sealing.composing import keyring_of, open_sealing, seal_of
from sealing.faults import CannotOpen, KeyDestroyed
from starter.client import CaseErased, Cases
from starter.endings import CannotGoOn, Exit
from starter.erasing import Erasing, NotToBeErased, erasing_with, left_of
from starter.looking import certificate_of
from tests.casefile.lived import Lived
from tests.workflows.engines import (
    NAMES,
    STATION,
    Engine,
    accepted,
    act,
    development,
    ledger,
    record,
    time_skipping,
    until_determined,
)

pytestmark = pytest.mark.engine

LATER = datetime(2060, 1, 1, 12, tzinfo=UTC)
"""When every record of these tests may be forgotten."""
ONE = Officer("ca-md-1", "central_authority", "MD", "Invented Office")
OTHER = Officer("ca-md-2", "central_authority", "MD")


@dataclass
class House:
    """An engine with a case that was closed and has ended, and everything that an erasure needs."""

    engine: Engine
    erasing: Erasing
    reference: str
    entries: list[dict[str, Any]]

    @property
    def archive(self) -> Archive:
        return self.erasing.archive

    async def erase(self) -> Erased:
        await self.erasing.ask(self.reference, "retention_ended", ONE, LATER)
        return await self.erasing.confirm(self.reference, OTHER, LATER)


@dataclass
class StockTool:
    """A client of the same engine that seals nothing, in an environment's place."""

    client: Client


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with time_skipping(tmp_path) as engine, engine.worker():
        handle = await engine.start()
        await accepted(handle, *until_determined()[:4])
        assert (await record(handle, act("cw", "place_child", placement=STATION)))["result"] == "refused"
        await accepted(handle, act("ca", "close_case", outcome="withdrawn"))
        entries = await ledger(handle)
        await engine.wait(days=31)
        await handle.result()
        lived = Lived(engine)
        await lived.in_archive(handle.id, 1)
        caseload = Caseload(Settings(data=engine.data).caseload)
        yield House(engine, erasing_with(Cases(engine.client), lived.archive, caseload), handle.id, entries)
        await caseload.close()


# What must be so


async def test_nobody_erases_before_its_time(house: House) -> None:
    """The model agreement keeps a record for ten years, and until the child would be twenty-five."""
    closed = entry_from_json(house.entries[-1]).at.date()
    standing = await house.erasing.standing(house.reference, datetime.now(UTC) + timedelta(days=60))
    assert standing.kept_until == max(closed.replace(year=closed.year + 10), date(2038, 5, 4))
    assert [f"kept until {standing.kept_until}" in each for each in standing.obstacles] == [True]
    with pytest.raises(NotToBeErased, match="is kept until"):
        await house.erasing.ask(house.reference, "ordered_by_a_court", ONE, datetime.now(UTC) + timedelta(days=60))
    assert not (await house.erasing.standing(house.reference, LATER)).obstacles


async def test_two_officers_of_the_host_state_and_nobody_else(house: House) -> None:
    """Not one, not two of the other state, and not a caseworker."""
    erasing, reference = house.erasing, house.reference
    with pytest.raises(NotToBeErased, match="Nobody asked"):
        await erasing.confirm(reference, OTHER, LATER)
    for other in (replace(ONE, state="UA"), replace(ONE, role="caseworker"), replace(ONE, role="law_enforcement")):
        with pytest.raises(CannotGoOn) as refused:
            await erasing.ask(reference, "retention_ended", other, LATER)
        assert refused.value.code is Exit.NOT_PERMITTED
    await erasing.ask(reference, "retention_ended", ONE, LATER)
    with pytest.raises(NotToBeErased, match="somebody else confirms"):
        await erasing.confirm(reference, replace(ONE, office="another"), LATER)
    with pytest.raises(NotToBeErased, match="within the last 30 days"):
        await erasing.confirm(reference, OTHER, LATER + timedelta(days=31))
    await erasing.take_back(reference, OTHER)
    with pytest.raises(NotToBeErased, match="Nobody asked"):
        await erasing.confirm(reference, OTHER, LATER)
    assert await ledger(house.engine.client.get_workflow_handle(reference)) == house.entries


async def test_a_record_that_does_not_verify_is_not_erased(house: House) -> None:
    """Whoever forged a record must not have its traces cleared away."""
    (kept,) = await house.archive.runs(house.reference)
    path = house.engine.data / "archive" / kept.path
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b'"n"', b'"m"', 1))
    with pytest.raises(NotToBeErased, match="does not verify"):
        await house.erasing.ask(house.reference, "retention_ended", ONE, LATER)


async def test_an_open_case_is_never_erased(tmp_path: Path) -> None:
    """However long ago it was opened; and its process must have ended, too."""
    async with development(tmp_path) as engine, engine.worker():
        lived = Lived(engine)
        caseload = Caseload(Settings(data=tmp_path).caseload)
        (tmp_path / "archive").mkdir()
        erasing = erasing_with(lived.cases, lived.archive, caseload)
        handle = await engine.start()
        await accepted(handle, *until_determined()[:4])
        with pytest.raises(NotToBeErased, match="The case is open"):
            await erasing.ask(handle.id, "retention_ended", ONE, LATER)
        await accepted(handle, act("ca", "close_case", outcome="withdrawn"))
        with pytest.raises(NotToBeErased, match="Its process has not ended"):
            await erasing.ask(handle.id, "retention_ended", ONE, LATER)
        await caseload.close()


async def test_what_would_stay_readable_stands_in_the_way(tmp_path: Path) -> None:
    """What a stock tool said in clear is not made unreadable by destroying a key."""
    async with development(tmp_path) as engine, engine.worker():
        lived = Lived(engine)
        config = engine.client.config()
        config["data_converter"] = DataConverter.default
        reference = (await replace(engine, env=cast("Any", StockTool(Client(**config)))).start()).id
        await accepted(lived.handle(reference), until_determined()[0])
        caseload = Caseload(Settings(data=tmp_path).caseload)
        (tmp_path / "archive").mkdir()
        await lived.listed(reference, 1)
        erasing = erasing_with(lived.cases, lived.archive, caseload)
        obstacles = (await erasing.standing(reference, LATER)).obstacles
        assert [each for each in obstacles if reference in each and "lies in clear in the engine" in each], obstacles
        await caseload.close()


# What is left


async def test_an_erased_case_can_be_checked_and_not_read(house: House, tmp_path: Path) -> None:
    """The chain with every head that was ever told, refusals and figures; and no body, from anywhere."""
    reference, before = house.reference, [entry_from_json(each) for each in house.entries]
    backup = tmp_path / "keys.backup"
    backup.write_bytes((house.engine.data / "keys.db").read_bytes())
    erased = await house.erase()

    assert [line.hash for line in erased.lines[:-1]] == [entry.hash for entry in before]
    assert [line.header() for line in erased.lines[:-1]] == [entry.header() for entry in before]
    last = erased.lines[-1]
    assert (last.kind, last.n, last.prev) == ("erased", len(before) + 1, before[-1].hash)
    assert await left_of(house.archive, erased, [entry.hash for entry in before]) == []
    assert statistics([figures_of(erased.lines)]).as_json() == statistics([figures_of(before)]).as_json()
    assert [line.n for line in erased.lines if line.kind == "refused"] == [e.n for e in before if e.kind == "refused"]

    told = erased.as_bytes.decode()
    assert not any(name in told for name in (*NAMES, "2013-05-04", "an invented reason"))
    assert Erased.of_bytes(erased.as_bytes) == erased
    assert await certificate_of(house.archive, reference) == erased

    for (kept,) in [await house.archive.runs(reference)]:
        with pytest.raises(KeyDestroyed):
            await house.archive.read(kept)
    for ask in (house.erasing.cases.view, house.erasing.cases.ledger):
        with pytest.raises(CaseErased, match="was erased on"):
            await ask(reference)
    with pytest.raises(CaseErased):
        await house.erasing.cases.record(reference, act("om", "note", text="invented"))
    with pytest.raises(NotToBeErased, match="was erased on"):
        await house.erasing.ask(reference, "retention_ended", ONE, LATER)
    with pytest.raises(NotToBeErased, match="was erased on"):
        await house.erasing.confirm(reference, OTHER, LATER)


async def test_backups_of_the_key_store_open_no_more_once_old_keys_are_forgotten(house: House, tmp_path: Path) -> None:
    """A copy of the key store from before has the key still, wrapped; with it and the old key file it opens."""
    settings = Settings(data=house.engine.data)
    elsewhere = tmp_path / "restored"
    elsewhere.mkdir(mode=0o700)
    (elsewhere / "keys.db").write_bytes((house.engine.data / "keys.db").read_bytes())
    erased = await house.erase()
    assert await house.erasing.backups_can_be_opened(erased)

    restored = Settings(data=elsewhere, key_file=settings.key_encryption_file)
    opened = await open_sealing(restored, make=False)
    assert await opened.keys.known_key(house.reference)
    await opened.close()

    keyring = keyring_of(house.engine.client)
    assert keyring is not None
    await keyring.rotate()
    assert await house.erasing.backups_can_be_opened(erased)
    await keyring.forget_old()
    assert not await house.erasing.backups_can_be_opened(erased)
    with pytest.raises(CannotOpen):
        await open_sealing(restored, make=False)


async def test_an_erasure_that_stopped_half_way_is_confirmed_again(house: House, monkeypatch: Any) -> None:
    """The certificate was written and the key was not destroyed: the same certificate counts in the end."""

    async def full(case: str) -> str:
        raise OSError("disk full")

    await house.erasing.ask(house.reference, "asked_by_the_person", ONE, LATER)
    with monkeypatch.context() as broken:
        broken.setattr(house.erasing.keyring, "destroy", full)
        with pytest.raises(OSError, match="disk full"):
            await house.erasing.confirm(house.reference, OTHER, LATER)
    assert await house.erasing.cases.view(house.reference)
    written = await house.archive.erasure(house.reference)
    erased = await house.erasing.confirm(house.reference, OTHER, LATER + timedelta(minutes=5))
    assert erased == written
    asked = await Erasures(house.erasing.caseload).of(house.reference)
    assert asked is not None
    assert asked.erased_at == erased.at


async def test_a_certificate_that_somebody_laid_there_destroys_nothing(house: House) -> None:
    """It says something else than the record, so the key stays."""
    await house.erasing.ask(house.reference, "retention_ended", ONE, LATER)
    true = await house.erasing.standing(house.reference, LATER)
    forged = Erased(
        reference=house.reference,
        agreement="model",
        kept_until=date(2030, 1, 1),
        ground="retention_ended",
        asked_by=ONE,
        confirmed_by=OTHER,
        key_store="x",
        key_encryption_keys=(),
        lines=tuple(replace(entry, salt="", body={}) for entry in true.entries[:-1]),
    )
    await house.archive.keep_erasure(forged)
    with pytest.raises(NotToBeErased, match="Somebody laid it there"):
        await house.erasing.confirm(house.reference, OTHER, LATER)
    assert await house.erasing.keyring.destroyed(house.reference) is None


CHANGES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "an entry taken out": ("Entry 3 is missing", lambda told: told["entries"].pop(2)),
    "a header reworded": ("is not what its hash says", lambda told: told["entries"][3].update(act="note")),
    "the last entry taken off": ("it says of itself", lambda told: told["entries"].pop()),
    "another officer": ("says something else than entry", lambda told: told["confirmed_by"].update(id="ca-md-9")),
    "another ground": ("says something else than entry", lambda told: told.update(ground="ordered_by_a_court")),
    "no ground of ours": ("not of the shape", lambda told: told.update(ground="because")),
    "another case": ("those of another case", lambda told: told.update(reference="MD-UA-2026-ZZZZZZ")),
    "no entries": ("says of itself", lambda told: told.update(entries=[])),
    "another format": ("its format is not", lambda told: told.update(format="homeward.erased/9")),
}


async def test_whatever_is_changed_in_a_certificate_is_found(house: House) -> None:
    """Each change is told in a sentence of its own."""
    raw = (await house.erase()).as_bytes
    for name, (said, change) in CHANGES.items():
        told = json.loads(raw)
        change(told)
        try:
            found = [finding.sentence for finding in erasure_findings(Erased.of_bytes(json.dumps(told).encode()))]
        except NotAnErasure as why:
            found = [str(why)]
        assert any(said in each for each in found), (name, found)


async def test_a_head_that_somebody_holds_is_looked_for(house: House) -> None:
    """One that is not in the chain is a finding."""
    erased = await house.erase()
    (finding,) = erasure_findings(erased, ["f" * 64])
    assert "stands nowhere" in finding.sentence


async def test_the_archive_tells_where_it_says_something_else(house: House) -> None:
    """The headers beside the sealed run are held against the certificate."""
    erased = await house.erase()
    shortened = replace(erased, lines=(*erased.lines[:3], *erased.lines[4:]))
    assert any(finding.what == "archive" for finding in await left_of(house.archive, shortened))
    assert seal_of(house.engine.client) is not None
