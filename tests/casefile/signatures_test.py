"""Who vouched for each act is checked with no server: a record made anew as a whole still lacks its authors' keys."""

import base64
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from activities.agreements import AgreementShelf
from casefile.dossier import Dossier
from casefile.looking_back import then_and_now
from casefile.redaction import READERS, Line, Sealed, for_reader
from casefile.signatures import Keys, SignatureCheck
from casefile.verify import verify
from procedure.acts import as_signed, parse_act
from procedure.entries import GENESIS, Draft, Entry, chain_faults, seal
from procedure.intake import parse_intake
from procedure.proceedings import Proceedings
from sealing import signatures
from starter.auditing import Looked, audited_case, write_dossier
from starter.auditors import todays_code
from starter.client import Cases
from tests.casefile.dossier_test import independently
from tests.casefile.lived import quiet
from tests.sealing.authorities import MINUTE, Authority
from tests.workflows.engines import (
    Engine,
    Fields,
    accepted,
    act,
    development,
    guardian,
    intake,
    new_reference,
    note,
    record,
    until_determined,
)

START: Final = datetime(2026, 3, 2, 9, tzinfo=UTC)
SEED: Final = b"an invented seed for these tests"
REFERENCE: Final = "MD-UA-2026-7K3F9A"


class SignedCase:
    """A case conducted without an engine, its acts signed by an authority."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.at = START
        given = parse_intake(intake(reference=REFERENCE), today=START.date())
        signature = self.authority.sign(given.as_signed(), reference=REFERENCE, at=START)
        signed = given.model_copy(update={"signature": signature})
        standing = self.standing(given.as_signed(), signature)
        facts = {"signatures": "required", **standing.facts()}
        agreement = AgreementShelf().get("model")
        self.proceedings = Proceedings.open_case(
            signed, agreement, reference=REFERENCE, at=START, seed=SEED, facts=facts
        )

    def standing(self, said: Fields, signature: str) -> Any:
        key = self.keys.get(signatures.kid_of(signature) or "")
        return signatures.check(said, signature, key, reference=REFERENCE, at=self.at)

    @property
    def keys(self) -> Keys:
        return dict(self.authority.published.all())

    @property
    def entries(self) -> list[Entry]:
        return self.proceedings.entries

    def hears(self, said: Fields, *, signed: bool = True) -> None:
        self.at += MINUTE
        if signed:
            said = {**said, "signature": self.authority.sign(said, reference=REFERENCE, at=self.at)}
        heard = parse_act(said)
        standing = self.standing(as_signed(heard), heard.signature) if heard.signature else None
        self.proceedings.hear(heard, self.at, standing)


@pytest.fixture
def case(tmp_path: Path) -> SignedCase:
    """An opening, a guardian, a note, and a note that nobody signed."""
    conducted = SignedCase(tmp_path)
    conducted.hears(guardian(act_id="guardian-1"))
    conducted.hears(note(act_id="note-1"))
    conducted.hears(note(act_id="forged-1"), signed=False)
    return conducted


def found(entries: list[Any], keys: Keys | None) -> list[str]:
    """What is wrong with the signatures, a sentence each."""
    check = SignatureCheck(keys)
    return [finding.sentence for line in entries for finding in check.look(line)]


def made_anew(entries: list[Entry], change: Callable[[list[Draft]], None]) -> list[Entry]:
    """The record as a forger makes it who has the case's own secret: every salt, digest and hash is right."""
    drafts = [
        Draft(
            kind=entry.kind,
            act=entry.act,
            act_id=entry.act_id,
            actor_role=entry.actor_role,
            actor_state=entry.actor_state,
            safeguards=entry.safeguards,
            facts=dict(entry.facts),
            body={**entry.body, **({"act": dict(entry.body["act"])} if "act" in entry.body else {})},
        )
        for entry in entries
    ]
    moments = [entry.at for entry in entries]
    change(drafts)
    made: list[Entry] = []
    for n, draft in enumerate(drafts, start=1):
        at = moments[min(n, len(moments)) - 1]
        made.append(seal(draft, n=n, at=at, prev=made[-1].hash if made else GENESIS, seed=SEED))
    assert chain_faults(made) == []
    return made


def of(drafts: list[Draft], act_id: str) -> Draft:
    return next(draft for draft in drafts if draft.act_id == act_id)


def test_a_true_record_is_counted_by_its_keys(case: SignedCase) -> None:
    """Three signatures by one key of one owner; one act that was refused for want of one."""
    check = SignatureCheck(case.keys)
    assert [finding for entry in case.entries for finding in check.look(entry)] == []
    told = check.as_json()
    assert (told["required"], told["checked"], told["refused"]) == (True, 3, 1)
    assert [(key["owner"], key["entries"]) for key in told["by_key"]] == [("Invented Central Authority, MD", 3)]
    assert set(check.used()) == {case.authority.statement.kid}
    assert list(check.remarks()) == []


def another_guardian(drafts: list[Draft]) -> None:
    of(drafts, "guardian-1").body["act"]["guardian"] = {"id": "g-9", "kind": "professional"}


def a_forgery_accepted(drafts: list[Draft]) -> None:
    forged = of(drafts, "forged-1")
    drafts[drafts.index(forged)] = Draft(
        kind="accepted",
        act=forged.act,
        act_id=forged.act_id,
        actor_role=forged.actor_role,
        actor_state=forged.actor_state,
        facts={},
        body={"act": forged.body["act"]},
    )


def an_approval_of_nobody(drafts: list[Draft]) -> None:
    said = act("ca", "approve_return", act_id="approval-1", dossier="0" * 64)
    drafts.append(
        Draft(
            kind="accepted",
            act="approve_return",
            act_id="approval-1",
            actor_role="central_authority",
            actor_state="MD",
            facts=of(drafts, "note-1").facts,
            body={"act": {**said, "signature": of(drafts, "note-1").body["act"]["signature"]}},
        )
    )


def another_person(drafts: list[Draft]) -> None:
    of(drafts, "note-1").body["act"]["actor"] = {"id": "cw-md-9", "role": "caseworker", "state": "MD"}


def a_letter_of_the_signature(drafts: list[Draft]) -> None:
    said = of(drafts, "note-1").body["act"]
    head, claims, mark = said["signature"].split(".")
    said["signature"] = f"{head}.{claims}.{'B' if mark[0] == 'A' else 'A'}{mark[1:]}"


def no_signature_any_more(drafts: list[Draft]) -> None:
    del of(drafts, "note-1").body["act"]["signature"]


def a_header_that_keeps_silent(drafts: list[Draft]) -> None:
    of(drafts, "note-1").facts.clear()


def another_key_in_the_header(drafts: list[Draft]) -> None:
    of(drafts, "note-1").facts["signature"] = {"kid": "another", "key": f"sha256:{'0' * 64}"}


def a_fault_that_was_passed_over(drafts: list[Draft]) -> None:
    of(drafts, "note-1").facts["signature"] = {"fault": "forged"}


@pytest.mark.parametrize(
    ("forge", "words"),
    [
        (another_guardian, "another act"),
        (a_forgery_accepted, "it bears none"),
        (an_approval_of_nobody, "another act"),
        (another_person, "another act"),
        (a_letter_of_the_signature, "not made with the key"),
        (no_signature_any_more, "no signature stands in it"),
        (a_header_that_keeps_silent, "its header does not say so"),
        (another_key_in_the_header, "another key than its header says"),
        (a_fault_that_was_passed_over, "accepted with a signature at fault"),
    ],
    ids=lambda given: getattr(given, "__name__", ""),
)
def test_a_record_that_was_made_anew_is_found_out(
    case: SignedCase, forge: Callable[[list[Draft]], None], words: str
) -> None:
    """Whoever has the engine, the database and the case's secret still has no key of the person's authority."""
    assert [words in sentence for sentence in found(made_anew(case.entries, forge), case.keys)] == [True]


def test_a_key_of_the_forgers_own_is_found_by_whoever_has_the_true_ones(case: SignedCase, tmp_path: Path) -> None:
    """The keys that a record brings along prove nothing; those from the authority do."""
    forger = Authority(tmp_path / "forger")

    def signed_by_the_forger(drafts: list[Draft]) -> None:
        forged = of(drafts, "note-1")
        said = {name: value for name, value in forged.body["act"].items() if name != "signature"} | {"text": "forged"}
        at = next(entry.at for entry in case.entries if entry.act_id == "note-1")
        forged.body["act"] = {**said, "signature": forger.sign(said, reference=REFERENCE, at=at)}
        forged.facts["signature"] = {"kid": forger.statement.kid, "key": forger.statement.fingerprint}

    entries = made_anew(case.entries, signed_by_the_forger)
    assert found(entries, {**case.keys, **forger.published.all()}) == []
    assert ["published by no authority" in sentence for sentence in found(entries, case.keys)] == [True]


def test_a_key_revoked_before_is_found_and_one_revoked_later_is_not(case: SignedCase) -> None:
    """A loss that is noticed late takes back, for whoever checks, what was signed after it; and nothing before."""
    number = next(entry.n for entry in case.entries if entry.act_id == "note-1")
    case.authority.revoke(case.authority.statement.kid, START + MINUTE * 1.5)
    assert [
        f"Entry {number} " in sentence and "revoked" in sentence for sentence in found(case.entries, case.keys)
    ] == [True]
    case.authority.revoke(case.authority.statement.kid, START + timedelta(days=1))
    assert found(case.entries, case.keys) == []


def test_a_rotated_key_leaves_the_record_good(case: SignedCase) -> None:
    """Old public keys stay published."""
    old = case.authority.statement.kid
    case.authority.rotate(case.at)
    case.hears(note(act_id="note-2"))
    check = SignatureCheck(case.keys)
    assert [finding for entry in case.entries for finding in check.look(entry)] == []
    assert check.checked == {old: 3, case.authority.statement.kid: 1}
    assert len(found(case.entries, {kid: key for kid, key in case.keys.items() if kid != old})) == 3


def test_without_keys_nothing_is_claimed(case: SignedCase) -> None:
    """It is said that nothing was checked; what the entries say of themselves still is."""
    check = SignatureCheck(None)
    assert [finding for entry in case.entries for finding in check.look(entry)] == []
    assert check.as_json()["checked"] == 0
    assert "no published keys" in next(check.remarks())
    assert len(found(made_anew(case.entries, a_forgery_accepted), None)) == 1


@pytest.mark.parametrize("reader", READERS)
def test_what_a_reader_does_not_see_is_said_to_be_unchecked(case: SignedCase, reader: Any) -> None:
    """A body that is withheld takes its signature with it; no reader is told of a fault that there is not."""
    lines: list[Line] = list(for_reader(case.entries, reader))
    check = SignatureCheck(case.keys)
    assert [finding for line in lines for finding in check.look(line)] == []
    told = check.as_json()
    hidden = sum(isinstance(line, Sealed) for line in lines)
    assert told["checked"] + told["not_seen"] + told["refused"] + hidden >= 4
    if reader in ("origin_authority", "monitor"):
        assert told["not_seen"]
        assert "not for this reader" in next(check.remarks())
    else:
        assert told["checked"] == 3


def test_an_opening_that_waited_for_its_admission_is_a_good_one(case: SignedCase) -> None:
    """A case is opened as soon as it can be; that took longer than the signature lives."""
    first = case.entries[0]
    late = seal(
        Draft(kind="opened", actor_role=first.actor_role, actor_state="MD", facts=first.facts, body=first.body),
        n=1,
        at=START + timedelta(hours=3),
        prev=GENESIS,
        seed=SEED,
    )
    assert found([late], case.keys) == []
    # A thief who holds a revoked key can write any moment into a signature.
    key = next(iter(case.keys.values()))
    case.authority.revoke(key.kid, START + timedelta(hours=1))
    (told,) = found([late], case.keys)
    assert "after its key was revoked" in told


def test_a_correction_is_told_without_the_signature_that_it_does_not_take_over(case: SignedCase) -> None:
    """Then beside now shows the words that were corrected, and nothing of what stood under them."""
    case.hears(act("cw", "screen_protection", act_id="s-1", trafficking=False, asylum=False, violence=False))
    number = next(entry.n for entry in case.entries if entry.act_id == "s-1")
    case.hears(act("cw", "correct", act_id="c-1", entry=number, fields={"health_needs": "an invented need"}))
    looked = then_and_now(case.entries, number, case.at)
    assert [(each.entry, each.field) for each in looked.corrected] == [(number, "health_needs")]


# On an engine


@asynccontextmanager
async def audited(engine: Engine, reference: str, keys: Keys | None) -> AsyncGenerator[Looked]:
    looking = audited_case(
        reference, cases=Cases(engine.client), archive=None, code=todays_code(), keys=keys, progress=quiet
    )
    async with looking as looked:
        yield looked


@pytest.mark.engine
async def test_a_dossier_brings_its_keys_and_verifies_with_ones_own(tmp_path: Path) -> None:
    """From a case on an engine: audited, bound, and checked with the dossier's keys, the true ones, and wrong ones."""
    authority = Authority(tmp_path / "authority")
    reference = new_reference()
    signer = _Signer(authority)
    async with development(tmp_path / "engine") as engine, engine.worker(published_keys=authority.published.path):
        cases = Cases(engine.client, signer=signer)
        await cases.open(intake(reference=reference))
        for said in until_determined()[:4]:
            assert (await cases.record(reference, said))["result"] == "accepted"
        handle = engine.client.get_workflow_handle(reference)
        forged = note(act_id="once-forged")
        # Whoever forges it says other things under its id; the record keeps both, and each is found again.
        assert (await record(handle, {**forged, "reason": "a forger's reason"}))["result"] == "refused"
        assert (await cases.record(reference, forged))["result"] == "accepted"
        # The same act, signed anew, as after a lost answer.
        await accepted(handle, await signer.signed(forged, reference, datetime.now(UTC) + timedelta(seconds=20)))
        async with audited(engine, reference, authority.published.all()) as looked:
            assert [finding.sentence for finding in looked.audited.findings] == []
            assert looked.audited.signatures["checked"] == 6
            path = tmp_path / "dossier.zip"
            write_dossier(path, looked, reader="auditor", language="en", version="test")
    plainly = independently(path)
    assert plainly.returncode == 0, plainly.stdout
    with Dossier.open(path) as dossier:
        assert set(dossier.keys or {}) == {authority.statement.kid}
        own, with_true_ones = verify(dossier), verify(dossier, keys=authority.published.all())
        with_wrong_ones = verify(dossier, keys=Authority(tmp_path / "stranger").published.all())
    assert (own.findings, with_true_ones.findings) == ([], [])
    assert own.signatures["checked"] == with_true_ones.signatures["checked"] == 6
    assert any("brings along" in remark for remark in own.remarks)
    assert not any("brings along" in remark for remark in with_true_ones.remarks)
    assert {finding.what for finding in with_wrong_ones.findings} == {"signature"}
    assert len(with_wrong_ones.findings) == 6


class _Signer:
    """Signs for a client as the desk does."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    def sign(self, said: Any, *, reference: str) -> str:
        return self._authority.sign(said, reference=reference, at=datetime.now(UTC))

    async def signed(self, said: Fields, reference: str, at: datetime) -> Fields:
        return {**said, "signature": self._authority.sign(said, reference=reference, at=at)}


def test_the_signature_is_what_a_plain_library_reads(case: SignedCase) -> None:
    """Nothing of ours is needed to check one: three parts, base64url, Ed25519 over the first two."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    said = next(entry for entry in case.entries if entry.act_id == "note-1").body["act"]
    signed, _, mark = said["signature"].rpartition(".")
    key = base64.urlsafe_b64decode(case.authority.statement.x + "=")
    Ed25519PublicKey.from_public_bytes(key).verify(base64.urlsafe_b64decode(mark + "=="), signed.encode())
