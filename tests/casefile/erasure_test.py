"""A case that was erased: nobody can read it any more, and what is left can be checked. Everybody here is invented."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from temporalio.client import Client, WorkflowFailureError
from temporalio.converter import DataConverter

from activities.caseload import Caseload
from activities.erasures import Erasures, destroy_again
from activities.settings import Settings
from casefile.archive import Archive, ArchiveAltered
from casefile.engine import EngineRuns
from casefile.erasure import Erased, NotAnErasure, Officer, archived_findings, erasure_findings
from casefile.statistics import figures_of, statistics
from procedure.entries import Draft, entry_from_json, seal
from sealing.composing import open_sealing
from sealing.faults import CannotOpen, KeyDestroyed
from sealing.keyring import Keyring
from starter.client import CaseErased, Cases
from starter.endings import CannotGoOn, Exit
from starter.erasing import Erasing, NotToBeErased, erasing_with, left_of
from starter.looking import certificate_of
from tests.casefile.lived import Lived, until
from tests.sealing.authorities import Authority
from tests.workflows.engines import (
    NAMES,
    STATION,
    Engine,
    accepted,
    act,
    development,
    ledger,
    moved_on_from,
    note,
    record,
    time_skipping,
    until_determined,
)
from worker import build_worker

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
    """The model agreement keeps a record for ten years, and until the child would be twenty-five; then the year ends."""
    closed = entry_from_json(house.entries[-1]).at
    soon = closed + timedelta(days=60)
    standing = await house.erasing.standing(house.reference, soon)
    assert standing.kept_until == date(max(closed.year + 10, 2013 + 25) + 1, 1, 1)
    assert [f"kept until {standing.kept_until}" in each for each in standing.obstacles] == [True]
    with pytest.raises(NotToBeErased, match="is kept until"):
        await house.erasing.ask(house.reference, "ordered_by_a_court", ONE, soon, file="12/2026")
    assert not (await house.erasing.standing(house.reference, LATER)).obstacles


async def test_two_officers_of_the_host_state_and_nobody_else(house: House) -> None:
    """Not one, not two of the other state, not a caseworker, and not one who is signed in with one who is not."""
    erasing, reference = house.erasing, house.reference
    with pytest.raises(NotToBeErased, match="Nobody asked"):
        await erasing.confirm(reference, OTHER, LATER)
    for other in (replace(ONE, state="UA"), replace(ONE, role="caseworker"), replace(ONE, role="law_enforcement")):
        for act_of in (
            erasing.ask(reference, "retention_ended", other, LATER),
            erasing.confirm(reference, other, LATER),
        ):
            with pytest.raises(CannotGoOn) as refused:
                await act_of
            assert refused.value.code is Exit.NOT_PERMITTED
    with pytest.raises(NotToBeErased, match="under which file number"):
        await erasing.ask(reference, "ordered_by_a_court", ONE, LATER)
    await erasing.ask(reference, "retention_ended", ONE, LATER)
    with pytest.raises(NotToBeErased, match="somebody else confirms"):
        await erasing.confirm(reference, replace(ONE, office="another"), LATER)
    with pytest.raises(NotToBeErased, match="one was signed in"):
        await erasing.confirm(reference, replace(OTHER, signed_in=True), LATER)
    with pytest.raises(NotToBeErased, match="within the last 30 days"):
        await erasing.confirm(reference, OTHER, LATER + timedelta(days=31))
    await erasing.take_back(reference, OTHER)
    with pytest.raises(NotToBeErased, match="nothing to take back"):
        await erasing.take_back(reference, OTHER)
    with pytest.raises(NotToBeErased, match="Nobody asked"):
        await erasing.confirm(reference, OTHER, LATER)
    assert await ledger(house.engine.client.get_workflow_handle(reference)) == house.entries


async def test_of_two_who_confirm_at_once_one_does_and_what_was_taken_back_is_not_done(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the destruction somebody else may act: then nothing is destroyed twice, or at all."""
    erasing, reference, left = house.erasing, house.reference, Erasing._left  # pyright: ignore[reportPrivateUsage]

    async def taken_back_meanwhile(self: Erasing, *args: Any) -> Erased:
        await self.take_back(reference, ONE)
        return await left(self, *args)

    await erasing.ask(reference, "retention_ended", ONE, LATER)
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Erasing, "_left", taken_back_meanwhile)
        with pytest.raises(NotToBeErased, match="it was taken back"):
            await erasing.confirm(reference, OTHER, LATER)
    assert await erasing.keyring.destroyed(reference) is None

    await erasing.ask(reference, "retention_ended", ONE, LATER)
    third = replace(OTHER, id="ca-md-3")
    outcomes = await asyncio.gather(
        *(erasing.confirm(reference, each, LATER) for each in (OTHER, third)), return_exceptions=True
    )
    done = [each for each in outcomes if isinstance(each, Erased)]
    assert done
    assert len({each.digest for each in done}) == 1
    assert await house.archive.erasure(reference) == done[0]


async def test_what_was_found_beside_the_record_does_not_keep_it_for_ever(house: House) -> None:
    """A second object of a run that is whole all the same, which nobody can take out of a locked archive."""
    (kept,) = await house.archive.runs(house.reference)
    junk = house.engine.data / "archive" / house.reference / kept.run_id / f"{'0' * 64}.json"
    junk.write_text("{}")
    erased = await house.erase()
    assert erased.found == {"archive": 1}


async def test_a_record_that_does_not_verify_is_not_erased(house: House) -> None:
    """Whoever forged a record must not have its traces cleared away; a run that is not whole is kept first."""
    (kept,) = await house.archive.runs(house.reference)
    path = house.engine.data / "archive" / kept.path
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b'"n"', b'"m"', 1))
    with pytest.raises(NotToBeErased, match="not sealed and whole in the archive"):
        await house.erasing.ask(house.reference, "retention_ended", ONE, LATER)
    forged = [dict(entry) for entry in house.entries]
    forged[2] = {**forged[2], "facts": {**forged[2]["facts"], "result": "invented"}}

    async def told(reference: str, run_id: str, first: int) -> Any:
        return [entry for entry in forged if entry["n"] >= first]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(house.erasing.cases, "entries_of_run", told)
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


async def test_an_erased_case_can_be_checked_and_not_read(house: House) -> None:
    """The chain with every head that was ever told, refusals and figures; and no body, from anywhere."""
    reference, before = house.reference, [entry_from_json(each) for each in house.entries]
    erased = await house.erase()

    assert [line.hash for line in erased.lines[:-1]] == [entry.hash for entry in before]
    assert [line.header() for line in erased.lines[:-1]] == [entry.header() for entry in before]
    last = erased.lines[-1]
    assert (last.kind, last.n, last.prev) == ("erased", len(before) + 1, before[-1].hash)
    assert await left_of(house.archive, erased, [entry.hash for entry in before]) == []
    assert statistics([figures_of(erased.lines)]).as_json() == statistics([figures_of(before)]).as_json()
    assert [line.n for line in erased.lines if line.kind == "refused"] == [e.n for e in before if e.kind == "refused"]

    told = erased.as_bytes.decode()
    # Neither the birth date nor a day from which it could be reckoned. The year is looked for as a word: the digits
    # alone come about in one of so many hashes every few runs, and in a reference. A day is only looked for in years
    # in which nothing was put on record.
    assert not any(name in told for name in (*NAMES, "an invented reason"))
    assert not re.search(r"(?<![\w-])2013(?!\w)", told)
    assert set(re.findall(r"([0-9]{4})-05-04", told)) <= {str(entry.at.year) for entry in before}
    assert Erased.of_bytes(erased.as_bytes) == erased
    assert await certificate_of(None, house.archive, reference) == erased

    for kept in await house.archive.runs(reference):
        with pytest.raises(KeyDestroyed):
            await house.archive.read(kept)
    for ask in (house.erasing.cases.view, house.erasing.cases.ledger):
        with pytest.raises(CaseErased, match="was erased on"):
            await ask(reference)
    with pytest.raises(CaseErased):
        await house.erasing.cases.record(reference, act("om", "note", text="invented"))
    with pytest.raises(CaseErased):
        await house.erasing.ask(reference, "retention_ended", ONE, LATER)
    assert await house.erasing.confirm(reference, OTHER, LATER) == erased


async def test_nobody_begins_another_case_under_its_reference(house: House) -> None:
    """Not even a stock tool that asks nobody: the process ends at once, and says why."""
    await house.erase()
    config = house.engine.client.config()
    config["data_converter"] = DataConverter.default
    stock = replace(house.engine, env=cast("Any", StockTool(Client(**config))))
    begun = await stock.start(reference=house.reference)
    with pytest.raises(WorkflowFailureError) as failed:
        await asyncio.wait_for(house.engine.client.get_workflow_handle(begun.id).result(), 30)
    assert "MalformedIntake" in repr(failed.value.cause)


async def test_a_case_that_the_engine_has_forgotten_is_erased_from_the_archive(house: House) -> None:
    """As it is for most: the engine forgets after ten years, and the time of keeping is longer."""

    async def forgotten(self: EngineRuns, reference: str) -> tuple[list[str], None]:
        return [], None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EngineRuns, "ids", forgotten)
        erased = await house.erase()
    assert [line.hash for line in erased.lines[:-1]] == [entry["hash"] for entry in house.entries]
    assert await left_of(house.archive, erased) == []


async def test_a_case_of_several_runs_is_erased_whole_on_the_development_server(tmp_path: Path) -> None:
    """Where the engine lists what it has; what belongs to the case is looked at too."""
    async with development(tmp_path) as engine, engine.worker():
        lived, handle = Lived(engine), await engine.start()
        run = (await handle.describe()).run_id
        await accepted(handle, *until_determined())
        for _ in range(11):
            await asyncio.gather(*(record(handle, note()) for _ in range(9)))
        await moved_on_from(run, handle)
        await accepted(handle, act("ca", "close_case", outcome="withdrawn"))
        entries = await ledger(handle)
        # Thirty days of waiting for late acts are not to be had here; an operator ends the run.
        await handle.terminate("an invented operator's reason")
        await lived.ended(handle.id, 2)
        await lived.sweep_until(handle.id, 2)
        caseload = Caseload(Settings(data=tmp_path).caseload)
        erasing = erasing_with(lived.cases, lived.archive, caseload)
        await erasing.ask(handle.id, "retention_ended", ONE, LATER)
        erased = await erasing.confirm(handle.id, OTHER, LATER)
        await caseload.close()
        assert [line.hash for line in erased.lines[:-1]] == [entry["hash"] for entry in entries]
        assert erased.found == {"ended_by_force": 1}
        assert await left_of(lived.archive, erased) == []
        assert not [kept for kept in await lived.archive.runs(handle.id) if await lived.archive.headers(kept) is None]


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

    keyring = house.erasing.keyring
    await keyring.rotate()
    assert await house.erasing.backups_can_be_opened(erased)
    await keyring.forget_old()
    assert not await house.erasing.backups_can_be_opened(erased)
    with pytest.raises(CannotOpen):
        await open_sealing(restored, make=False)


async def test_a_worker_that_starts_on_a_restored_key_store_destroys_the_key_again(
    house: House, tmp_path: Path
) -> None:
    """An operator who restores a backup must not bring an erased case back."""
    store = house.engine.data / "keys.db"
    before = store.read_bytes()
    await house.erase()
    store.write_bytes(before)
    assert await house.erasing.keyring.destroyed(house.reference) is None
    async with build_worker(house.engine.client, Settings(data=house.engine.data), task_queue="another"):
        await until(lambda: house.erasing.keyring.destroyed(house.reference))
    assert await destroy_again(Settings(data=house.engine.data), house.erasing.keyring) == []


@pytest.mark.parametrize("step", ["destroy", "keep_erasure", "done"])
async def test_an_erasure_that_stopped_half_way_is_confirmed_again(
    house: House, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Wherever it stopped after the confirmation, it is finished with the same certificate, by any officer."""

    async def full(*_: Any) -> None:
        raise OSError("disk full")

    await house.erasing.ask(house.reference, "asked_by_the_person", ONE, LATER, file="A-7/2060")
    with monkeypatch.context() as broken:
        broken.setattr({"destroy": Keyring, "keep_erasure": Archive, "done": Erasures}[step], step, full)
        with pytest.raises(OSError, match="disk full"):
            await house.erasing.confirm(house.reference, OTHER, LATER)
    with pytest.raises(NotToBeErased, match="nothing to take back"):
        await house.erasing.take_back(house.reference, ONE)
    erasure = await house.erasing.erasures.of(house.reference)
    assert erasure is not None
    assert erasure.erased_at is None
    erased = await house.erasing.confirm(house.reference, ONE, LATER + timedelta(days=90))
    assert erased.as_bytes == erasure.certificate
    assert (erased.confirmed.by, erased.confirmed.at, erased.wish.file) == (OTHER, LATER, "A-7/2060")
    assert await house.archive.erasure(house.reference) == erased
    erasure = await house.erasing.erasures.of(house.reference)
    assert erasure is not None
    assert erasure.erased_at == erased.at


async def test_a_certificate_that_somebody_laid_there_is_not_taken_for_the_true_one(house: House) -> None:
    """Neither by who confirms nor by who reads where the caseload is at hand; an audit of the archive tells of it."""
    true = await house.erase()
    forged = replace(true, lines=(*true.lines[:3], true.lines[-1]))
    await house.archive.keep_erasure(forged)
    with pytest.raises(ArchiveAltered, match="more than one"):
        await house.archive.erasure(house.reference)
    erasure = await house.erasing.erasures.of(house.reference)
    assert erasure is not None
    assert erasure.certificate == true.as_bytes


SIGNED = datetime(2060, 1, 1, 12, tzinfo=UTC)


@dataclass
class Signing:
    """Signs for officers at a moment of the future."""

    authority: Authority

    def sign(self, said: Mapping[str, Any], *, reference: str) -> str:
        return self.authority.sign(dict(said), reference=reference, at=SIGNED)


async def test_both_officers_sign_and_it_is_checked_offline(house: House, tmp_path: Path) -> None:
    """With the keys that the certificate brings along, or with those of the authorities; another's key is found out."""
    folder = house.engine.data / "published-keys"
    authority, stranger = Authority(house.engine.data), Authority(tmp_path / "stranger")
    assert authority.published.path == folder
    signing = replace(house.erasing, signer=Signing(authority))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOMEWARD_DATA", str(house.engine.data))
        await signing.ask(house.reference, "retention_ended", ONE, LATER)
        erased = await signing.confirm(house.reference, OTHER, LATER)
    assert [key["kid"] for key in erased.keys] == [authority.statement.kid]
    assert erasure_findings(erased) == []
    assert erasure_findings(erased, keys=authority.published.all()) == []
    assert [finding.what for finding in erasure_findings(erased, keys=stranger.published.all())] == ["signature"] * 2
    swapped = replace(erased, asked=replace(erased.asked, signature=erased.confirmed.signature))
    assert any("does not stand" in finding.sentence for finding in erasure_findings(swapped))


def of_others(told: dict[str, Any], **changes: Any) -> None:
    """Have the last entry say something else, sealed anew with a right digest and hash."""
    last = entry_from_json(told["entries"][-1])
    body = {**last.body, **changes}
    facts = {name: body[name] for name in ("ground", "kept_until")}
    draft = Draft(kind="erased", actor_role=last.actor_role, actor_state=last.actor_state, facts=facts, body=body)
    told["entries"][-1] = seal(draft, n=last.n, at=last.at, prev=last.prev, seed=b"another").as_json()


def by(step: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The same step of somebody else."""
    return {**step, "by": {**step["by"], **changes}}


CHANGES: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
    "an entry taken out": ("Entry 3 is missing", lambda told, says: told["entries"].pop(2)),
    "a header reworded": ("is not what its hash says", lambda told, says: told["entries"][3].update(act="note")),
    "the last entry taken off": ("not of the shape", lambda told, says: told["entries"].pop()),
    "a body reworded": ("is not what its digest says", lambda told, says: says.update(agreement="another")),
    "a key taken out": ("is not what its digest says", lambda told, says: says.update(key_encryption_keys=[])),
    "something more said": ("not of the shape", lambda told, says: says.update(more=1)),
    "another case": ("those of another case", lambda told, says: told.update(reference="MD-UA-2026-ZZZZZZ")),
    "no entries": ("not of the shape", lambda told, says: told.update(entries=[])),
    "another format": ("its format is not", lambda told, says: told.update(format="homeward.erased/9")),
    "by law enforcement": (
        "is no officer",
        lambda told, says: of_others(told, asked=by(says["asked"], role="law_enforcement")),
    ),
    "by the other state": (
        "is no officer",
        lambda told, says: of_others(told, confirmed=by(says["confirmed"], state="UA")),
    ),
    "by one alone": (
        "One and the same",
        lambda told, says: of_others(told, confirmed=by(says["confirmed"], id="ca-md-1")),
    ),
    "half signed in": (
        "one was signed in",
        lambda told, says: of_others(told, asked=by(says["asked"], signed_in=True)),
    ),
    "too late": (
        "not confirmed within",
        lambda told, says: of_others(told, asked={**says["asked"], "at": "2059-01-01T00:00:00Z"}),
    ),
    "too early": ("was erased before", lambda told, says: of_others(told, kept_until="2061-01-01")),
    "at once": ("No agreement lets", lambda told, says: of_others(told, kept_until="2028-01-01")),
    "another agreement": ("another agreement", lambda told, says: of_others(told, agreement="another")),
    "no ground of ours": ("not of the shape", lambda told, says: of_others(told, ground="because")),
}


async def test_whatever_is_changed_in_a_certificate_is_found(house: House) -> None:
    """Each change is told in a sentence of its own, also where whoever forged it made hashes anew."""
    raw = (await house.erase()).as_bytes
    for name, (said, change) in CHANGES.items():
        told = json.loads(raw)
        change(told, told["entries"][-1]["body"])
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
    """The headers beside the sealed run are held against the certificate, and must all be there."""
    erased = await house.erase()
    shortened = replace(erased, lines=(*erased.lines[:3], *erased.lines[4:]))
    assert any(finding.what == "archive" for finding in await left_of(house.archive, shortened))
    (kept,) = await house.archive.runs(house.reference)
    headers = await house.archive.headers(kept)
    assert headers is not None
    reworded = [{**header, "kind": "accepted"} for header in headers]
    assert len(archived_findings(erased, [reworded])) > 1
    (house.engine.data / "archive" / kept.path).unlink()
    assert [finding.what for finding in await left_of(house.archive, erased)] == ["archive"]
