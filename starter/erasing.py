"""Making a case unreadable by law: what must be so before, two officers, and what is left.

The case's key is destroyed. Before that the certificate, which holds the headers of all entries, is written down to stay:
the chain, the refusals and the figures can still be checked, and nobody can read a body (docs/decisions/0029).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final, Protocol

from activities.caseload import Caseload, CaseloadUnreachable
from activities.erasures import Erasure, Erasures
from activities.signing import is_on_this_machine
from casefile.archive import Archive, ArchiveAltered, ArchiveUnreachable, Kept
from casefile.engine import EngineRuns
from casefile.erasure import (
    CONFIRMED_WITHIN,
    ROLE,
    Erased,
    Officer,
    Step,
    StepName,
    Wish,
    archived_findings,
    erase,
    erasure_findings,
)
from casefile.findings import Finding, What
from casefile.looking_back import PartialRecord, as_it_was
from casefile.signatures import Keys
from procedure.entries import Entry
from procedure.retention import Ground, may_be_erased_from
from procedure.signing import REQUIRED
from sealing.composing import keyring_of
from sealing.faults import KeyMissing, SealingFault
from sealing.keyring import CaseKey, Keyring
from sealing.published_keys import as_json
from sealing.signatures import kid_of
from starter.auditing import audited_case, keys_of
from starter.client import Cases
from starter.endings import CannotGoOn, Exit
from starter.sealed import told

AGAINST_THE_RECORD: Final[frozenset[What]] = frozenset({"chain", "body", "agreement", "history", "signature"})
"""Findings with which a record is not erased: its traces would be cleared away. What an operator did to its runs, and
what lies twice in an archive, is told in the certificate."""


class NotToBeErased(CannotGoOn):
    """Something stands against it, or somebody; :attr:`sentence` says all of it. Nothing was changed."""

    code = Exit.REFUSED


class Signer(Protocol):
    """Signs what an officer says, as acts are signed."""

    def sign(self, said: Mapping[str, Any], *, reference: str) -> str: ...


@dataclass(frozen=True)
class Standing:
    """How a case stands towards its erasure. Nothing is in the way when :attr:`obstacles` is empty."""

    reference: str
    entries: Sequence[Entry] = field(repr=False)
    agreement: str
    kept_until: date | None
    """The first day (UTC) on which it may be erased; None for an open case."""
    found: dict[str, int]
    """What an audit found that does not speak against the record, by kind."""
    newest_run: str | None
    obstacles: tuple[str, ...]

    @property
    def head(self) -> str:
        return self.entries[-1].hash

    @property
    def signed(self) -> bool:
        """Whether only signed acts count in the case, and so only signed steps."""
        return self.entries[0].facts.get("signatures") == REQUIRED


@dataclass(frozen=True)
class Erasing:
    """Everything that an erasure needs at hand. ``signer`` None: nothing can be signed here."""

    cases: Cases
    archive: Archive
    caseload: Caseload
    keyring: Keyring
    signer: Signer | None = None

    @property
    def erasures(self) -> Erasures:
        return Erasures(self.caseload)

    async def standing(self, reference: str, now: datetime) -> Standing:
        """Everything looked at that must be so. Raises CannotGoOn for a case that cannot be read at all."""
        engine = EngineRuns(self.cases.client)
        obstacles: list[str] = []
        async with audited_case(
            reference, cases=self.cases, archive=self.archive, code=None, progress=lambda done, of_all: None
        ) as looked:
            entries, audited = list(looked.gathered.record.entries()), looked.audited
        try:
            case, _ = as_it_was(entries, entries[-1].n, max(now, entries[-1].at))
        except (IndexError, PartialRecord):
            raise CannotGoOn(
                f"The record of {reference} is not whole at hand, so nothing is erased of it.",
                code=Exit.DOES_NOT_VERIFY,
            ) from None
        kept_until = may_be_erased_from(case)
        if kept_until is None:
            obstacles.append("The case is open. An open case is never erased.")
        else:
            if now.astimezone(UTC).date() < kept_until:
                obstacles.append(
                    f"Under {case.agreement.title} ({case.agreement.id}) the record is kept until {kept_until}."
                )
            if await engine.still_runs(reference):
                obstacles.append(
                    "Its process has not ended: late acts can still come. It ends by itself some weeks after the closing."
                )
        if against := [finding for finding in audited.findings if finding.what in AGAINST_THE_RECORD]:
            obstacles.append(
                f"The record does not verify: {against[0].sentence} What is wrong with it ({len(against)} in all; "
                "`homeward audit` tells them) is to be cleared up while it can still be read."
            )
        whole, clear = await self._archived(reference)
        if missing := [run.run_id for run in audited.runs if run.run_id not in whole]:
            obstacles.append(
                f"{len(missing)} of its runs are not sealed and whole in the archive; `homeward archive` keeps them, and "
                "asking for the erasure keeps those that lie there in clear once more, sealed."
            )
        obstacles += [
            f"Run {each.run_id} lies in the archive in clear too, as {each.path}: it would stay readable. Delete that object."
            for each in clear
            if each.run_id in whole
        ]
        if unsealed := await engine.not_sealed(reference, await self._key(reference)):
            obstacles.append(
                f"Of {', '.join(unsealed)} something lies in clear in the engine, or is sealed with another key: it would "
                "stay readable. Once its runs are in the archive, have the engine's operator delete it there "
                "(`temporal workflow delete`)."
            )
        return Standing(
            reference,
            entries,
            case.agreement.id,
            kept_until,
            dict(Counter(finding.what for finding in audited.findings if finding.what not in AGAINST_THE_RECORD)),
            (await engine.ids(reference))[1],
            tuple(obstacles),
        )

    async def ask(
        self,
        reference: str,
        ground: Ground,
        by: Officer,
        now: datetime,
        *,
        file: str | None = None,
        standing: Standing | None = None,
    ) -> Erasure:
        """Ask for an erasure. Raises :class:`NotToBeErased`.

        ``file`` is the number under which the authority keeps the request or the order; the grounds but
        ``retention_ended`` need one. ``standing``: as it was looked at a moment ago.
        """
        for_officers_of(reference, by)
        if ground != "retention_ended" and file is None:
            raise NotToBeErased("Say under which file number the request, or the order, is kept.")
        await self._keep_sealed(reference)
        standing = standing or await self.standing(reference, now)
        _nothing_against(standing)
        wish = Wish(ground, file, standing.head)
        asked = self._step(standing, wish, by, now, "ask_erasure")
        if not await self.erasures.ask(reference, wish, asked):
            raise NotToBeErased(f"The erasure of {reference} was confirmed already; --confirm finishes it.")
        return Erasure(reference, wish, asked)

    async def confirm(self, reference: str, by: Officer, now: datetime, *, standing: Standing | None = None) -> Erased:
        """Confirm what another officer asked for, and do it; the certificate. Raises :class:`NotToBeErased`.

        When it stops half-way, it is confirmed again, by any officer: then it is only finished.
        """
        for_officers_of(reference, by)
        erasure = await self.erasures.of(reference)
        if erasure is not None and erasure.certificate is not None:
            return await self._finished(reference, erasure.certificate)
        if erasure is None or now - erasure.asked.at > CONFIRMED_WITHIN:
            raise NotToBeErased(
                f"Nobody asked for the erasure of {reference} within the last {CONFIRMED_WITHIN.days} days. An officer "
                "of the central authority asks first, with --ground; another one confirms."
            )
        if erasure.asked.by.id == by.id:
            raise NotToBeErased(
                f"{by.id} asked for it, so somebody else confirms it: a record is erased by two officers, never by one."
            )
        if erasure.asked.by.signed_in != by.signed_in:
            raise NotToBeErased(
                "Of the two officers one was signed in and the other is not; both sign in, or ask anew."
            )
        standing = standing or await self.standing(reference, now)
        _nothing_against(standing)
        if standing.head != erasure.wish.head:
            raise NotToBeErased("The record is another one than when it was asked for; ask anew, with --ground.")
        erased = await self._left(standing, erasure, by, now)
        if findings := erasure_findings(erased):
            raise NotToBeErased(f"{reference} is not erased. {findings[0].sentence}")
        if not await self.erasures.claim(erasure, erased.as_bytes):
            raise NotToBeErased("Somebody else confirms it at this moment, or it was taken back.")
        engine = EngineRuns(self.cases.client)
        if (await engine.ids(reference))[1] != standing.newest_run or await engine.still_runs(reference):
            await self.erasures.let_go(reference)
            raise NotToBeErased("The engine began a new run of the case meanwhile; look into that first.")
        return await self._finished(reference, erased.as_bytes)

    async def take_back(self, reference: str, by: Officer) -> None:
        """Take back what was asked for. Raises :class:`NotToBeErased` where nothing is, or where it was confirmed."""
        for_officers_of(reference, by)
        if not await self.erasures.take_back(reference):
            raise NotToBeErased(
                f"Nobody asks for the erasure of {reference}, or it was confirmed: there is nothing to take back."
            )

    async def backups_can_be_opened(self, erased: Erased) -> list[str]:
        """The key-encryption keys of the time of an erasure that are still held: with them a backup still opens."""
        held = set((await self.keyring.status()).held)
        return [kek for kek in erased.key_encryption_keys if kek in held]

    async def _finished(self, reference: str, certificate: bytes) -> Erased:
        """All that is left to do after a claim. Each step can be done again."""
        erased = Erased.of_bytes(certificate)
        await self.keyring.destroy(reference)
        await self.archive.keep_erasure(erased)
        await self.erasures.done(reference, erased.at)
        return erased

    async def _left(self, standing: Standing, erasure: Erasure, by: Officer, now: datetime) -> Erased:
        assert standing.kept_until is not None
        confirmed = self._step(standing, erasure.wish, by, now, "confirm_erasure")
        status = await self.keyring.status()
        return erase(
            standing.entries,
            reference=standing.reference,
            agreement=standing.agreement,
            kept_until=standing.kept_until,
            wish=erasure.wish,
            asked=erasure.asked,
            confirmed=confirmed,
            found=standing.found,
            keys=await self._published(erasure.asked, confirmed),
            key_store=status.store,
            key_encryption_keys=status.held,
        )

    def _step(self, standing: Standing, wish: Wish, by: Officer, now: datetime, name: StepName) -> Step:
        if self.signer is not None:
            return Step(by, now, self.signer.sign(wish.said_by(by, name), reference=standing.reference))
        if standing.signed:
            raise NotToBeErased("In this case only signed acts count, and nothing can be signed here.")
        return Step(by, now)

    async def _published(self, *steps: Step) -> list[dict[str, Any]]:
        keys: Keys = await keys_of(self.cases) or {}
        kids = {kid_of(step.signature) for step in steps} - {None}
        return [as_json(key) for kid, key in sorted(keys.items()) if kid in kids]

    async def _key(self, reference: str) -> CaseKey:
        try:
            return await self.keyring.known_key(reference)
        except KeyMissing:
            return CaseKey()  # nothing was ever sealed for it

    async def _archived(self, reference: str) -> tuple[set[str], list[Kept]]:
        """The runs that lie in the archive sealed and whole; and the objects that lie there in clear."""
        whole, clear = set[str](), list[Kept]()
        for each in await self.archive.runs(reference):
            if not await self.archive.is_whole(each):
                continue
            if await self.archive.headers(each) is None:
                clear.append(each)
            else:
                whole.add(each.run_id)
        return whole, clear

    async def _keep_sealed(self, reference: str) -> None:
        """Keep runs that lie in the archive in clear once more, sealed: so that those in clear can be deleted."""
        whole, clear = await self._archived(reference)
        for each in clear:
            if each.run_id not in whole:
                await self.archive.keep(await self.archive.read(each))


def erasing_with(cases: Cases, archive: Archive, caseload: Caseload, signer: Signer | None = None) -> Erasing:
    """Everything at hand. Raises CannotGoOn where the keys are not here."""
    keyring = keyring_of(cases.client)
    if keyring is None:
        raise CannotGoOn(
            "A case is erased where its keys are: set HOMEWARD_DATA, or HOMEWARD_KEYS_URL and the key holder, as they "
            "are set for the worker.",
            code=Exit.NOT_PERMITTED,
        )
    return Erasing(cases, archive, caseload, keyring, signer)


async def left_of(
    archive: Archive, erased: Erased, held: Sequence[str] = (), *, keys: Keys | None = None
) -> list[Finding]:
    """What is wrong with what is left of an erased case, held against the headers beside its sealed runs.

    Raises CannotGoOn.
    """
    findings = erasure_findings(erased, held, keys=keys)
    beside: list[list[dict[str, Any]]] = []
    try:
        for each in await archive.runs(erased.reference):
            try:
                headers = await archive.headers(each)
            except ArchiveAltered as altered:
                findings.append(Finding("archive", str(altered)))
                continue
            if headers is None:
                findings.append(Finding("archive", f"Run {each.run_id} lies in the archive in clear: it can be read."))
            else:
                beside.append(headers)
    except ArchiveUnreachable as error:
        raise CannotGoOn(str(error)) from None
    return [*findings, *archived_findings(erased, beside)]


def as_command(error: SealingFault | ArchiveUnreachable | ArchiveAltered | CaseloadUnreachable) -> CannotGoOn:
    """How a command ends that met one of these."""
    if isinstance(error, SealingFault):
        return told(error)
    if isinstance(error, ArchiveAltered):
        return CannotGoOn(str(error), code=Exit.DOES_NOT_VERIFY)
    sentence = str(error)
    return CannotGoOn(sentence if sentence.endswith(".") else f"{sentence[:1].upper()}{sentence[1:]}.")


def for_officers_of(reference: str, by: Officer) -> None:
    """Raise CannotGoOn (not permitted) for whoever is no officer of the central authority of the host state."""
    if by.role != ROLE or by.state != reference[:2]:
        raise CannotGoOn(
            f"A case is erased by two officers of the central authority of its host state, {reference[:2]}.",
            code=Exit.NOT_PERMITTED,
        )


def may_say_who_they_are(cases: Cases, unsigned_acts: str | None) -> bool:
    """Whether officers may say themselves who they are: where nobody signs in, on an engine of this machine alone."""
    return is_on_this_machine(cases.client) and unsigned_acts != "refuse"


def _nothing_against(standing: Standing) -> None:
    if standing.obstacles:
        raise NotToBeErased(f"{standing.reference} is not erased. {' '.join(standing.obstacles)}")
