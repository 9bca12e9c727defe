"""A case of signed acts on a real engine: what is not signed as it must be is refused and recorded."""

import asyncio
from pathlib import Path

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHistory, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from casefile.engine import EngineRuns
from procedure.entries import chain_faults, entry_from_json
from sealing.published_keys import accept
from sealing.signatures import SigningKey
from tests.sealing.authorities import LONG_AGO, MINUTE, Authority
from tests.workflows.engines import (
    STATION,
    Engine,
    Fields,
    act,
    guardian,
    intake,
    ledger,
    new_reference,
    note,
    record,
    view,
)
from tests.workflows.replay_test import replayer
from tests.workflows.signed import Signed, opened

pytestmark = [pytest.mark.asyncio, pytest.mark.engine]


async def test_signed_acts_count_and_the_record_shows_who_vouches(engine: Engine, tmp_path: Path) -> None:
    """Opening, decision and report; the view says that signatures are asked for; the chain holds."""
    async with opened(engine, tmp_path) as case:
        assert (await case.hears(guardian()))["result"] == "accepted"
        assert (await case.hears(note()))["result"] == "accepted"
        assert (await view(case.handle))["signatures"] == "required"
        entries = await ledger(case.handle)
    kid = case.authority.statement.kid
    assert entries[0]["facts"]["signatures"] == "required"
    assert entries[0]["facts"]["signature"]["kid"] == kid
    assert entries[0]["body"]["intake"]["signature"]
    accepted = [entry for entry in entries if entry["kind"] == "accepted"]
    assert [entry["facts"]["signature"]["kid"] for entry in accepted] == [kid, kid]
    assert chain_faults(entry_from_json(entry) for entry in entries) == []


async def test_what_is_not_signed_as_it_must_be_is_refused_and_recorded(skipping: Engine, tmp_path: Path) -> None:
    """No signature, another case, another act, a replayed one, an expired one, another's key, a key that may not."""
    async with opened(skipping, tmp_path) as case:
        now = await skipping.now()
        stranger = Authority(tmp_path / "stranger").key
        good = await case.signed(note())
        assert (await record(case.handle, good))["result"] == "accepted"
        faults = {
            "missing": note(),
            "unreadable": note(signature="no signature at all"),
            "other_case": await case.signed(note(), reference=new_reference()),
            "other_act": note(signature=good["signature"]),
            "expired": await case.signed(note(), at=now - 30 * MINUTE),
            "not_yet_valid": await case.signed(note(), at=now + 30 * MINUTE),
            "unknown_key": await case.signed(note(), key=stranger),
            "forged": await case.signed(
                note(), key=SigningKey(case.authority.key.kid, case.authority.key.owner, stranger.jwk)
            ),
        }
        for fault, said in faults.items():
            assert await case.refuses(said) == fault
        altered = await case.signed(act("cw", "report_missing", since="2026-03-01T10:00:00Z"))
        assert await case.refuses({**altered, "since": "2026-03-02T10:00:00Z"}) == "other_act"
        assert "missing" not in (await view(case.handle))["holds"]


async def test_a_forged_report_of_detention_is_refused_as_well(skipping: Engine, tmp_path: Path) -> None:
    """A report is never refused for what it reports; one of nobody is refused for that."""
    async with opened(skipping, tmp_path) as case:
        said = act("cw", "report_detention", placement=STATION, since="2026-03-01T10:00:00Z")
        assert await case.refuses(said) == "missing"
        assert (await view(case.handle))["holds"] == []
        assert (await case.hears({**said, "act_id": "signed"}))["result"] == "accepted"
        assert (await view(case.handle))["holds"] == ["detention"]


async def test_an_unsigned_signal_leaves_a_refusal(skipping: Engine, tmp_path: Path) -> None:
    """Nobody waits for its answer, and it is on record; a signed one counts."""
    async with opened(skipping, tmp_path) as case:
        await case.handle.signal("record", note(act_id="unsigned"))
        await case.handle.signal("record", await case.signed(note(act_id="signed")))
        # An update waits its turn behind the signals.
        await case.hears(note())
        kinds = {entry["act_id"]: entry["kind"] for entry in await ledger(case.handle) if entry["act_id"]}
    assert (kinds["unsigned"], kinds["signed"]) == ("refused", "accepted")


async def test_a_signature_that_is_nonsense_stops_no_case(skipping: Engine, tmp_path: Path) -> None:
    """Its header is a list, of which no key can be asked: refused on record, and what comes after is heard."""
    async with opened(skipping, tmp_path) as case:
        nonsense = "WyJhbGciXQ.e30.AA"
        await case.handle.signal("record", {**note(act_id="signalled"), "signature": nonsense})
        assert await case.refuses({**note(act_id="sent"), "signature": nonsense}) == "unreadable"
        assert (await case.hears(note(act_id="after")))["result"] == "accepted"
        kinds = {entry["act_id"]: entry["kind"] for entry in await ledger(case.handle) if entry["act_id"]}
    assert kinds == {"signalled": "refused", "sent": "refused", "after": "accepted"}


async def test_a_revoked_and_a_rotated_key(skipping: Engine, tmp_path: Path) -> None:
    """What changes in the folder of keys counts from the next act on, and what was signed before stays as it is."""
    async with opened(skipping, tmp_path) as case:
        old = case.authority.key
        first = await case.signed(note())
        receipt = await record(case.handle, first)
        now = await skipping.now()
        case.authority.rotate(LONG_AGO)
        assert (await case.hears(note()))["result"] == "accepted"
        assert await case.refuses(await case.signed(note(), key=old)) == "key_not_valid"
        case.authority.revoke(old.kid, now)
        assert await case.refuses(await case.signed(note(), key=old)) == "revoked_key"
        assert await record(case.handle, first) == receipt


async def test_a_key_for_one_role_signs_for_no_other(skipping: Engine, tmp_path: Path) -> None:
    """The caseworkers' key appoints no guardian; and it signs for nobody before it is accepted here."""
    authority = Authority(tmp_path / "authority")
    caseworkers = Authority(tmp_path / "caseworkers", roles=("caseworker",), states=("MD",))
    (authority.published.path / "caseworkers.json").write_bytes((caseworkers.published.path / "own.json").read_bytes())
    async with skipping.worker(published_keys=authority.published.path):
        case = await Signed(skipping, authority).open()
        assert await case.refuses(await case.signed(note(), key=caseworkers.key)) == "key_may_not"
        accept(authority.published, caseworkers.statement, ["MD"])
        assert (await case.hears(note(), key=caseworkers.key))["result"] == "accepted"
        assert await case.refuses(await case.signed(guardian(), key=caseworkers.key)) == "key_may_not"


async def test_an_approval_is_signed_with_the_head_that_was_read(skipping: Engine, tmp_path: Path) -> None:
    """Whoever changes the head under a signed approval changes the act; the head is in the signature by itself too."""
    async with opened(skipping, tmp_path) as case:
        head = (await view(case.handle))["head"]
        said = await case.signed(act("ca", "approve_return", dossier=head))
        assert await case.refuses({**said, "dossier": "0" * 64}) == "other_act"
        receipt = await record(case.handle, said)
        assert "not-your-act" not in {each["safeguard"] for each in receipt["refusals"]}


async def test_the_same_act_signed_anew_is_recorded_once(skipping: Engine, tmp_path: Path) -> None:
    """A client that lost its answer signs again; a forgery under the same id takes nothing away."""
    async with opened(skipping, tmp_path) as case:
        said = note()
        assert await case.refuses(said) == "missing"
        first = await case.hears(said)
        assert first["result"] == "accepted"
        now = await skipping.now()
        assert await case.hears(said, at=now + MINUTE / 2) == first
        with pytest.raises(WorkflowUpdateFailedError):
            await case.hears({**said, "text": "another text"})


async def test_many_signed_acts_at_once_are_all_heard(skipping: Engine, tmp_path: Path) -> None:
    """Each waits for its key, and none is lost or heard twice."""
    async with opened(skipping, tmp_path) as case:
        receipts = await asyncio.gather(*(case.hears(note()) for _ in range(12)))
        assert len({receipt["entry"] for receipt in receipts}) == 12
        entries = await ledger(case.handle)
    assert chain_faults(entry_from_json(entry) for entry in entries) == []


async def test_a_record_of_signed_acts_replays_without_any_key(skipping: Engine, tmp_path: Path) -> None:
    """What was published at that moment is in the history: neither a folder of keys nor a clock is asked again."""
    async with opened(skipping, tmp_path) as case:
        await case.hears(note())
        await case.refuses(await case.signed(note(), key=Authority(tmp_path / "stranger").key))
        runs = EngineRuns(skipping.client)
        run = await runs.fetch(case.reference, (await runs.ids(case.reference))[1] or "", None)
    await replayer(sandboxed=True).replay_workflow(WorkflowHistory.from_json(case.reference, dict(run.history)))


@pytest.mark.parametrize("forged", [{"signature": "nothing"}, {"concerns": ["health"]}, {"signature": None}], ids=str)
async def test_an_intake_that_is_not_signed_well_opens_nothing(
    skipping: Engine, tmp_path: Path, forged: Fields
) -> None:
    """Its fault is told with its field, like every other fault of an intake."""
    authority = Authority(tmp_path / "authority")
    async with skipping.worker(published_keys=authority.published.path, unsigned_acts="refuse"):
        case = await Signed(skipping, authority).open(**forged)
        with pytest.raises(WorkflowFailureError) as failed:
            await case.handle.result()
    cause = failed.value.cause
    assert isinstance(cause, ApplicationError)
    assert cause.type == "MalformedIntake"
    assert [fault["path"] for fault in cause.details[0]] == ["signature"]


async def test_a_case_opened_unsigned_says_so_and_takes_unsigned_acts(skipping: Engine, tmp_path: Path) -> None:
    """As by a stock tool on this machine: visible in the view and in entry 1; a signature given there must stand."""
    authority = Authority(tmp_path / "authority")
    async with skipping.worker(published_keys=authority.published.path):
        case = Signed(skipping, authority)
        case.handle = await skipping.start(intake(), case.reference)
        assert (await record(case.handle, note()))["result"] == "accepted"
        assert (await case.hears(note()))["result"] == "accepted"
        assert await case.refuses(await case.signed(note(), reference=new_reference())) == "other_case"
        assert (await view(case.handle))["signatures"] == "not_required"
        assert (await ledger(case.handle))[0]["facts"]["signatures"] == "not_required"
