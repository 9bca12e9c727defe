"""An audit finds what an operator, a disk or a changed program did to a case, and names it."""

import asyncio
import base64
import hashlib
import json
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow

from casefile.archive import Kept
from casefile.engine import TodaysCode
from casefile.runs import Run
from procedure import gates
from procedure.entries import digest_of_body, entry_from_json, hash_of_header
from procedure.ledger import packed
from starter.auditing import archived_entries
from tests.casefile.lived import Lived, long_case
from tests.workflows.engines import accepted, note, record, until_determined
from worker import workflow_runner
from workflows.messages import RETURN_CASE, Telling
from workflows.raw import RawUnlessTyped
from workflows.return_case import ReturnCase

pytestmark = pytest.mark.engine


def kinds(looked: Any) -> set[str]:
    return {finding.what for finding in looked.audited.findings}


def sentences(looked: Any) -> str:
    return "\n".join(finding.sentence for finding in looked.audited.findings)


async def test_a_case_over_continue_as_new_verifies(lived: Lived) -> None:
    """Two runs, each replayed; every entry in the chain; the ended run is in the archive."""
    async with lived.audited(lived.long) as looked:
        audited = looked.audited
        assert audited.findings == []
        assert (len(audited.runs), audited.replayed) == (2, 2)
        view = await lived.handle(lived.long).query("case")
        assert (audited.entries, audited.head) == (view["entries"], view["head"])
        assert looked.gathered.in_archive == 1


async def test_the_safeguards_stand_beside_their_evidence(lived: Lived) -> None:
    """Both approvals, the consents and the hearing are named by the numbers of their entries."""
    async with lived.audited(lived.approved) as looked:
        assert looked.audited.findings == []
        row = looked.audited.matrix.row("bid-before-return")
        determined = next(e.n for e in looked.gathered.record.entries() if e.act == "determine_best_interests")
        assert row.status == "kept"
        assert all(determined in kept.evidence for kept in row.kept_by)


async def test_the_archive_alone_is_enough_for_what_has_ended(lived: Lived) -> None:
    """With no engine asked, the runs that are kept still tell their entries and are replayed; that more is missing is told."""
    async with lived.audited(lived.long, offline=True) as looked:
        (finding,) = looked.audited.findings
        assert "the case went on in run" in finding.sentence
        assert looked.audited.entries == looked.audited.runs[-1].last
        assert [run.ended.how for run in looked.audited.runs if run.ended] == ["continued"]


async def test_a_kept_run_is_the_same_wherever_it_is_made(lived: Lived) -> None:
    """With the archive or without it, a run has the same bytes and so the same digest."""
    async with lived.audited(lived.long) as with_archive, lived.audited(lived.long, archived=False) as without:
        assert [run.digest for run in with_archive.audited.runs] == [run.digest for run in without.audited.runs]


async def test_an_operators_reset_is_named_with_what_was_lost(lived: Lived) -> None:
    """Going back in the engine makes another past: the reset, its reason, and the entries that stand no more."""
    handle = await lived.engine.start()
    await accepted(handle, *until_determined()[:4])
    history = await handle.fetch_history()
    third = [event.event_id for event in history.events if event.HasField("workflow_task_completed_event_attributes")][
        2
    ]
    await accepted(handle, note(), note())
    await lived.reset(handle.id, third)
    await lived.listed(handle.id, 2)
    async with lived.audited(handle.id) as looked:
        assert {"reset", "set_aside"} <= kinds(looked)
        assert "an invented operator's reason" in sentences(looked)
        assert "stand in the record no more" in sentences(looked)
    await lived.sweep_until(handle.id, 1)


async def test_a_run_ended_by_force_is_named_with_who_and_why(lived: Lived) -> None:
    """A case ends by a person's act; a terminated run is found in the engine and, once swept, in the archive."""
    handle = await lived.engine.start()
    await accepted(handle, *until_determined()[:2])
    await handle.terminate(reason="an invented operator's reason")
    async with lived.audited(handle.id) as looked:
        assert kinds(looked) == {"ended_by_force"}
        assert "was ended by force" in sentences(looked)
        assert "an invented operator's reason" in sentences(looked)
    await lived.sweep_until(handle.id, 1)
    async with lived.audited(handle.id, offline=True) as looked:
        assert kinds(looked) == {"ended_by_force"}
        assert looked.audited.entries == 4


async def test_a_missing_run_is_named(lived: Lived, archived_twice: Any) -> None:
    """When the engine has forgotten and the archive has lost a run, the run after it points at the hole."""
    reference, _, _ = archived_twice
    async with lived.audited(reference, offline=True) as looked:
        assert kinds(looked) == {"missing_run"}  # the run that still runs is not in the archive
        first, second = looked.audited.runs
    (kept,) = [each for each in await lived.archive.runs(reference) if each.run_id == first.run_id]
    path = lived.archive_folder / kept.path
    raw = path.read_bytes()
    path.unlink()
    async with lived.audited(reference, offline=True) as looked:
        path.write_bytes(raw)
        assert kinds(looked) == {"missing_run"}
        assert f"Run {first.run_id} is missing, from which run {second.run_id} goes on" in sentences(looked)
        assert looked.audited.entries == second.last  # the run after it carried the entries along


AS_IT_IS = object()


def bound_otherwise(told: dict[str, Any], volume: list[Any] | str | None) -> None:
    """Put another volume in the place of that in which a run took over the entries of the one before; or none."""
    started = told["history"]["events"][0]["workflowExecutionStartedEventAttributes"]
    (payload,) = started["input"]["payloads"]
    given = json.loads(base64.b64decode(payload["data"]))
    ((_, _, text),) = given["entries"]
    new = [text if each is AS_IT_IS else each for each in volume] if isinstance(volume, list) else volume
    given["entries"] = [] if volume is None else [new]
    payload["data"] = base64.b64encode(json.dumps(given).encode()).decode()


@pytest.mark.parametrize(
    ("volume", "cannot_be_read"),
    [
        ([1, 103, "corrupt"], True),
        ([1, 103, packed([{"n": "nobody's"}])], True),
        ([1, 103, packed([[[]]])], True),
        ("nothing bound", True),
        ([1, 3, AS_IT_IS], False),
        (None, False),
    ],
    ids=["corrupt", "no number", "no entries", "no volume", "other numbers", "none"],
)
async def test_volumes_that_somebody_wrote_are_no_traceback(
    lived: Lived, archived_twice: Any, volume: Any, cannot_be_read: bool
) -> None:
    """What cannot be read is a finding with the run; what no act of the run asked for is missed by nobody."""
    reference, kept, raw = archived_twice
    path = lived.archive_folder / kept.path
    try:
        await rewritten(lived, kept, partial(bound_otherwise, volume=volume))
        async with lived.audited(reference, offline=True) as looked:
            assert ("cannot be compared" in sentences(looked)) == cannot_be_read, sentences(looked)
            assert looked.audited.entries > 200
    finally:
        for file in path.parent.iterdir():
            file.unlink()
        path.write_bytes(raw)


@pytest.fixture(scope="module")
async def archived_twice(lived: Lived) -> Any:
    """A case of three runs, and of its second one the object that tests may spoil."""
    handle = await long_case(lived.engine, notes=200)
    await lived.in_archive(handle.id, 2)
    async with lived.audited(handle.id, offline=True) as looked:
        _, second = looked.audited.runs
    (kept,) = [each for each in await lived.archive.runs(handle.id) if each.run_id == second.run_id]
    return handle.id, kept, (lived.archive_folder / kept.path).read_bytes()


async def rewritten(lived: Lived, kept: Kept, change: Any) -> None:
    """Change a kept run by hand and give it the name that fits, as somebody would who knows how names are made.

    In clear, as runs were kept before: whoever has no key can still write such a one.
    """
    told = json.loads((await lived.archive.read(kept)).as_bytes)
    change(told)
    replaced(lived.archive_folder / kept.path, told)


def replaced(path: Path, told: dict[str, Any]) -> None:
    raw = json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    path.unlink()
    path.with_name(f"{hashlib.sha256(raw).hexdigest()}.json").write_bytes(raw)


@pytest.fixture(scope="module")
async def archived(lived: Lived) -> Any:
    """A case of two runs whose first run's object the tests may spoil: its original bytes and where they belong."""
    handle = await long_case(lived.engine, notes=100)
    await lived.in_archive(handle.id, 1)
    (kept,) = await lived.archive.runs(handle.id)
    return handle.id, kept, (lived.archive_folder / kept.path).read_bytes()


@pytest.fixture
def spoiled(lived: Lived, archived: Any) -> Any:
    """The same, put back in order after each test."""
    reference, kept, raw = archived
    yield reference, kept
    for file in (lived.archive_folder / kept.path).parent.iterdir():
        file.unlink()
    (lived.archive_folder / kept.path).write_bytes(raw)


def edit(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b'"kind":"opened"', b'"kind":"closed"'))


async def test_a_hand_edited_archive_object_is_named(lived: Lived, spoiled: Any) -> None:
    """Edited under its name, an object is not what its name says; the engine's copy is taken instead."""
    reference, kept = spoiled
    edit(lived.archive_folder / kept.path)
    async with lived.audited(reference) as looked:
        assert kinds(looked) == {"archive"}
        assert kept.run_id in sentences(looked)
        assert looked.audited.entries > 100


def drop(told: dict[str, Any]) -> None:
    del told["ledger"][9]


def swap(told: dict[str, Any]) -> None:
    told["ledger"][8:10] = reversed(told["ledger"][8:10])


def reword(told: dict[str, Any]) -> None:
    told["ledger"][9]["body"]["act"]["reason"] = "another invented reason"


def reword_with_digest(told: dict[str, Any]) -> None:
    """Also mend the body's digest and every hash from there on, as a forger would."""
    entry = told["ledger"][9]
    entry["body"]["act"]["reason"] = "another invented reason"
    entry["body_digest"] = digest_of_body(entry["salt"], entry["body"])
    reseal(told["ledger"], 9)


def reseal(ledger: list[dict[str, Any]], first: int) -> None:
    for position in range(first, len(ledger)):
        if position:
            ledger[position]["prev"] = ledger[position - 1]["hash"]
        ledger[position]["hash"] = hash_of_header(entry_from_json(ledger[position]).header())


def backdate(told: dict[str, Any]) -> None:
    told["ledger"][9]["at"] = "2026-01-01T00:00:00Z"
    reseal(told["ledger"], 9)


def accept_the_refused(told: dict[str, Any]) -> None:
    entry = next(each for each in told["ledger"] if each["kind"] == "refused")
    entry["kind"] = "accepted"
    reseal(told["ledger"], entry["n"] - 1)


def forget_history(told: dict[str, Any]) -> None:
    """Cut an act out of the engine's history, and renumber nothing."""
    events = told["history"]["events"]
    accepted_at = next(
        n for n, event in enumerate(events) if "workflowExecutionUpdateAcceptedEventAttributes" in event and n > 40
    )
    del events[accepted_at]


@pytest.mark.parametrize(
    ("change", "what", "names"),
    [
        (drop, "chain", "Entry 10 is missing"),
        (swap, "chain", "stands where entry"),
        (reword, "body", "The body of entry 10"),
        (reword_with_digest, "history", "Entry 10 does not say what was said"),
        (backdate, "history", "Entry 10 says 2026-01-01"),
        (accept_the_refused, "history", "the receipt said refused"),
        (forget_history, "history", "never came in"),
    ],
)
async def test_a_forged_object_under_a_name_that_fits_is_named(
    lived: Lived, spoiled: Any, change: Any, what: str, names: str
) -> None:
    """Whoever knows how names and hashes are made is still found out, by the entry."""
    reference, kept = spoiled
    await rewritten(lived, kept, change)
    async with lived.audited(reference, offline=True) as looked:
        assert what in kinds(looked), sentences(looked)
        assert names in sentences(looked)


async def test_an_object_that_contradicts_the_engine_is_named(lived: Lived, spoiled: Any) -> None:
    """As long as the engine still has a run, the archive's copy is held against it."""
    reference, kept = spoiled
    await rewritten(lived, kept, forget_history)
    async with lived.audited(reference) as looked:
        assert kinds(looked) == {"archive"}
        assert "otherwise than the engine has it" in sentences(looked)


async def test_another_case_under_the_same_reference_is_named(lived: Lived, spoiled: Any) -> None:
    """A run of another case that was put into the folder does not pass for this one's."""
    reference, _ = spoiled
    async with lived.audited(lived.approved) as other:
        run = other.gathered.record.run(other.audited.runs[0].run_id)
    alien = Run(reference, "00000000-0000-0000-0000-000000000001", run.ledger, run.history)
    path = lived.archive_folder / reference / alien.run_id / f"{alien.digest}.json"
    path.parent.mkdir()
    path.write_bytes(alien.as_bytes)
    try:
        async with lived.audited(reference, offline=True) as looked:
            assert "set_aside" in kinds(looked)
            assert "Another case" in sentences(looked)
    finally:
        path.unlink()
        path.parent.rmdir()


async def test_a_rule_changed_since_is_named_with_the_entry(lived: Lived, monkeypatch: pytest.MonkeyPatch) -> None:
    """Today's code accepts what was refused: told with the entry, what the record says, and what today's code says."""
    monkeypatch.setitem(gates.GATES, "place_child", ())
    async with lived.audited(lived.long) as looked:
        assert kinds(looked) == {"code"}
        (first, *_) = looked.audited.findings
        refused = next(e for e in looked.gathered.record.entries() if e.kind == "refused")
        assert first.entry == refused.n
        assert "the record says refused place_child by no-detention; today's code says accepted" in first.sentence


@workflow.defn(name=RETURN_CASE)
class Hasty(ReturnCase):
    """A case that forgets the caseload after a while, and waits for nothing instead."""

    @workflow.run
    async def run(self, *given: Any) -> dict[str, Any]:
        return await super().run(*given)

    async def _keep_row(self, now: datetime, telling: Telling | None = None) -> None:
        if self._case.case.n < 8:
            await super()._keep_row(now, telling)
        else:
            await workflow.sleep(1)


async def test_code_that_does_something_else_is_named_with_the_entry(lived: Lived) -> None:
    """Another command than the recorded one stops the replay; the entry after which it stopped is told."""
    code = TodaysCode((Hasty,), workflow_runner(), RawUnlessTyped)
    async with lived.audited(lived.approved, code=code) as looked:
        assert kinds(looked) == {"code"}
        (finding,) = looked.audited.findings
        assert finding.entry is not None
        assert finding.entry >= 7
        assert "Audit it with the version of Homeward that made it" in finding.sentence


async def test_an_act_that_was_refused_stays_in_the_audit(lived: Lived) -> None:
    """The refusal book counts every refusal, and names its entries."""
    async with lived.audited(lived.long) as looked:
        row = looked.audited.matrix.row("no-detention")
        assert row.refused == 2
        entries = {entry.n: entry for entry in looked.gathered.record.entries()}
        assert all(entries[n].kind == "refused" for n in row.refused_by)


async def test_the_oldest_entries_come_from_the_archive_where_the_engine_has_them_no_more(lived: Lived) -> None:
    """From the hash that the oldest entry at hand names, back to entry 1."""
    entries = await lived.cases.ledger(lived.long)
    (kept,) = await lived.archive.runs(lived.long)
    last = (await lived.archive.read(kept)).outline().last
    assert last is not None
    assert await archived_entries(lived.archive, lived.long, entries[last]["prev"]) == entries[:last]
    assert await archived_entries(lived.archive, lived.long, "0" * 64) == []


async def test_a_case_that_goes_on_while_it_is_read_is_read_as_one(lived: Lived) -> None:
    """Acts that come in during an audit are in the history and in the ledger, or in neither."""
    handle = await lived.engine.start()
    await accepted(handle, *until_determined()[:2])
    on = asyncio.create_task(go_on(handle))
    try:
        for _ in range(4):
            async with lived.audited(handle.id) as looked:
                assert looked.audited.findings == []
    finally:
        on.cancel()


async def go_on(handle: Any) -> None:
    while True:
        await record(handle, note())
        await asyncio.sleep(0.15)
