"""Making a case unreadable by law: what must be so before, two officers, and what is left.

The case's key is destroyed. Before that the headers of its entries, and the certificate, are laid into the archive: the
chain, the refusals and the figures can still be checked, and nobody can read a body (docs/decisions/0029).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final

from activities.caseload import Caseload, CaseloadUnreachable
from activities.erasures import ErasureAsked, Erasures
from casefile.archive import Archive, ArchiveAltered, ArchiveUnreachable
from casefile.engine import EngineRuns
from casefile.erasure import Erased, Officer, archived_findings, erase, erasure_findings
from casefile.findings import Finding
from casefile.looking_back import PartialRecord, as_it_was
from procedure.entries import Entry
from procedure.retention import Ground, may_be_erased_from
from sealing.composing import keyring_of
from sealing.faults import SealingFault
from sealing.keyring import Keyring
from starter.auditing import audited_case
from starter.client import Cases
from starter.endings import CannotGoOn, Exit
from starter.sealed import told

ASKED_AT_MOST: Final = timedelta(days=30)
"""So long somebody else can confirm what one officer asked for. After that it is asked anew."""

ROLE: Final = "central_authority"
"""Who asks and who confirms: two officers of the central authority of the case's host state."""


class NotToBeErased(CannotGoOn):
    """Something stands against it, or somebody; :attr:`sentence` says all of it. Nothing was changed."""

    code = Exit.REFUSED


@dataclass(frozen=True)
class Standing:
    """How a case stands towards its erasure. Nothing is in the way when :attr:`obstacles` is empty."""

    reference: str
    entries: Sequence[Entry] = field(repr=False)
    agreement: str
    kept_until: date | None
    """The first day (UTC) on which it may be erased; None for an open case."""
    obstacles: tuple[str, ...]

    @property
    def head(self) -> str:
        return self.entries[-1].hash


@dataclass(frozen=True)
class Erasing:
    """Everything that an erasure needs at hand."""

    cases: Cases
    archive: Archive
    caseload: Caseload
    keyring: Keyring

    async def standing(self, reference: str, now: datetime) -> Standing:
        """Everything looked at that must be so. Raises CannotGoOn for a case that cannot be read at all."""
        engine = EngineRuns(self.cases.client)
        obstacles: list[str] = []
        async with audited_case(
            reference, cases=self.cases, archive=self.archive, code=None, progress=lambda done, of_all: None
        ) as looked:
            entries = list(looked.gathered.record.entries())
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
            elif now.astimezone(UTC).date() < kept_until:
                obstacles.append(
                    f"Under {case.agreement.title} ({case.agreement.id}) the record is kept until {kept_until}."
                )
            if count := len(looked.audited.findings):
                obstacles.append(
                    f"The record does not verify: {looked.audited.findings[0].sentence} What is wrong with it "
                    f"({count} in all; `homeward audit` tells them) is to be cleared up while it can still be read."
                )
            kept = {each.run_id for each in await self.archive.runs(reference)}
            if missing := [run.run_id for run in looked.audited.runs if run.run_id not in kept]:
                obstacles.append(
                    f"{len(missing)} of its runs are not in the archive yet; `homeward archive` keeps them."
                )
        if kept_until is not None and await engine.still_runs(reference):
            obstacles.append(
                "Its process has not ended: late reports can still come. It ends by itself some days after the closing."
            )
        if clear := await engine.not_sealed(reference):
            obstacles.append(
                f"Of {', '.join(clear)} something lies in clear in the engine, or is sealed with another key: it would "
                "stay readable. Have the engine's operator delete it (`temporal workflow delete`)."
            )
        for each in await self.archive.runs(reference):
            # One that was altered is among the findings.
            if await self.archive.is_whole(each) and await self.archive.headers(each) is None:
                obstacles.append(
                    f"Run {each.run_id} lies in the archive in clear, from before there was encryption: it would stay "
                    "readable. Delete that object first."
                )
        return Standing(reference, entries, case.agreement.id, kept_until, tuple(obstacles))

    async def ask(self, reference: str, ground: Ground, by: Officer, now: datetime) -> ErasureAsked:
        """Ask for an erasure. Raises :class:`NotToBeErased`."""
        _for_officers_of(reference, by)
        await self._not_erased(reference)
        standing = await self._nothing_against(reference, now)
        asked = ErasureAsked(reference, ground, standing.head, by, now)
        await Erasures(self.caseload).ask(asked)
        return asked

    async def confirm(self, reference: str, by: Officer, now: datetime) -> Erased:
        """Confirm what another officer asked for, and do it; the certificate. Raises :class:`NotToBeErased`.

        When it stops half-way, it is confirmed again: what was written is taken up, and what is destroyed stays so.
        """
        _for_officers_of(reference, by)
        await self._not_erased(reference)
        asked = await Erasures(self.caseload).of(reference)
        if asked is None or now - asked.at > ASKED_AT_MOST:
            raise NotToBeErased(
                f"Nobody asked for the erasure of {reference} within the last {ASKED_AT_MOST.days} days. An officer of "
                "the central authority asks first, with --ground; another one confirms."
            )
        if asked.by.id == by.id:
            raise NotToBeErased(
                f"{by.id} asked for it, so somebody else confirms it: a record is erased by two officers, never by one."
            )
        standing = await self._nothing_against(reference, now)
        if standing.head != asked.head:
            raise NotToBeErased("The record is another one than when it was asked for; ask anew, with --ground.")
        erased = await self._left(standing, asked, by, now)
        await self.keyring.destroy(reference)
        await Erasures(self.caseload).done(reference, erased.at)
        return erased

    async def take_back(self, reference: str, by: Officer) -> None:
        """Take back what was asked for. Raises :class:`NotToBeErased` where nothing is."""
        _for_officers_of(reference, by)
        if not await Erasures(self.caseload).take_back(reference):
            raise NotToBeErased(f"Nobody asks for the erasure of {reference}; there is nothing to take back.")

    async def erased(self, reference: str) -> Erased | None:
        """The certificate of a case that was erased; None for any other. Raises CannotGoOn where it is gone."""
        if await self.keyring.destroyed(reference) is None:
            return None
        erased = await self.archive.erasure(reference)
        if erased is None:
            raise CannotGoOn(
                f"The key of {reference} was destroyed, and the archive has no certificate of it.",
                code=Exit.DOES_NOT_VERIFY,
            )
        return erased

    async def backups_can_be_opened(self, erased: Erased) -> list[str]:
        """The key-encryption keys of the time of an erasure that are still held: with them a backup still opens."""
        held = set((await self.keyring.status()).held)
        return [kek for kek in erased.key_encryption_keys if kek in held]

    async def _not_erased(self, reference: str) -> None:
        if (at := await self.keyring.destroyed(reference)) is not None:
            raise NotToBeErased(f"Case {reference} was erased on {at[:10]}; `homeward erase {reference}` shows it.")

    async def _nothing_against(self, reference: str, now: datetime) -> Standing:
        standing = await self.standing(reference, now)
        if standing.obstacles:
            raise NotToBeErased(f"{reference} is not erased. {' '.join(standing.obstacles)}")
        return standing

    async def _left(self, standing: Standing, asked: ErasureAsked, by: Officer, now: datetime) -> Erased:
        """What is to be left, in the archive to stay; of an erasure that stopped half-way what it wrote."""
        assert standing.kept_until is not None
        status = await self.keyring.status()
        erased = erase(
            standing.entries,
            reference=standing.reference,
            agreement=standing.agreement,
            kept_until=standing.kept_until,
            ground=asked.ground,
            asked_by=asked.by,
            confirmed_by=by,
            at=now,
            key_store=status.store,
            key_encryption_keys=status.held,
        )
        begun = await self.archive.erasure(standing.reference)
        if begun is None:
            await self.archive.keep_erasure(erased)
            return erased
        if begun.lines[:-1] != erased.lines[:-1] or erasure_findings(begun) or begun.asked_by != asked.by:
            raise NotToBeErased(
                f"In the archive lies a certificate for {standing.reference} that says something else than its record. "
                "Somebody laid it there; find out who, and take it away."
            )
        return begun


def erasing_with(cases: Cases, archive: Archive, caseload: Caseload) -> Erasing:
    """Everything at hand. Raises CannotGoOn where the keys are not here."""
    keyring = keyring_of(cases.client)
    if keyring is None:
        raise CannotGoOn(
            "A case is erased where its keys are: set HOMEWARD_DATA, or HOMEWARD_KEYS_URL and the key holder, as they "
            "are set for the worker.",
            code=Exit.NOT_PERMITTED,
        )
    return Erasing(cases, archive, caseload, keyring)


async def left_of(archive: Archive, erased: Erased, held: Sequence[str] = ()) -> list[Finding]:
    """What is wrong with what is left of an erased case, held against the headers beside its sealed runs.

    Raises CannotGoOn.
    """
    findings = erasure_findings(erased, held)
    beside: list[list[dict[str, object]]] = []
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


def _for_officers_of(reference: str, by: Officer) -> None:
    if by.role != ROLE or by.state != reference[:2]:
        raise CannotGoOn(
            f"A case is erased by two officers of the central authority of its host state, {reference[:2]}.",
            code=Exit.NOT_PERMITTED,
        )
