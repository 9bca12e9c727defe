"""A case's runs brought together, from the engine as far as it still has them and from the archive."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from casefile import history
from casefile.archive import Archive, ArchiveAltered, Kept
from casefile.engine import CaseSilent, EngineRuns, LedgerOf, same_history
from casefile.findings import Finding
from casefile.record import GatheredRecord
from casefile.runs import Run


class NothingKnown(Exception):
    """Neither the engine nor the archive has anything of a case."""


@dataclass
class Gathered:
    """A case's record, and what was found wrong while it was brought together."""

    record: GatheredRecord
    findings: list[Finding] = field(default_factory=list[Finding])
    in_engine: int = 0
    in_archive: int = 0
    """So many of its runs are there."""


async def gather(
    reference: str,
    folder: Path,
    *,
    engine: EngineRuns | None,
    archive: Archive | None,
    ledger_of: LedgerOf | None,
    progress: Callable[[int, int], None] = lambda done, of_all: None,
) -> Gathered:
    """Bring a case's runs together in a folder, one at a time.

    ``engine`` None: the archive alone is asked. Raises :class:`NothingKnown`, what ``ledger_of`` raises, ``RPCError``
    and :class:`casefile.archive.ArchiveUnreachable`.
    """
    gathered = Gathered(GatheredRecord(reference, folder))
    live, newest = await engine.ids(reference) if engine else ([], None)
    kept: dict[str, list[Kept]] = {}
    for each in await archive.runs(reference) if archive else []:
        kept.setdefault(each.run_id, []).append(each)
    ids = [*live, *(run_id for run_id in kept if run_id not in live)]
    if not ids:
        raise NothingKnown(reference)
    for done, run_id in enumerate(ids):
        progress(done, len(ids))
        archived = await _archived(archive, kept.get(run_id, []), gathered.findings)
        run: Run | None = archived
        if engine is not None and run_id in live:
            run = await _from_engine(engine, reference, run_id, ledger_of, archived, gathered.findings)
            if not run.opened_a_case:
                continue  # an intake that was refused; no case came of it
            gathered.in_engine += 1
        if archived is not None:
            gathered.in_archive += 1
        if run is not None:
            gathered.record.add(run)
    progress(len(ids), len(ids))
    gathered.record.settle(newest)
    return gathered


async def _from_engine(
    engine: EngineRuns,
    reference: str,
    run_id: str,
    ledger_of: LedgerOf | None,
    archived: Run | None,
    findings: list[Finding],
) -> Run:
    """The run as the engine has it; what is archived of it serves for its entries where both say the same."""
    if archived is not None:
        if not same_history(await engine.fetch(reference, run_id, None), archived):
            findings.append(Finding("archive", f"The archive has run {run_id} otherwise than the engine has it."))
        elif archived.ledger is not None:
            return archived
    try:
        return await engine.fetch(reference, run_id, ledger_of)
    except CaseSilent as silent:
        run = await engine.fetch(reference, run_id, None)
        if history.ended(run.history) is None:
            raise
        # One that has ended and tells its entries no more is taken as it is, and that is told.
        findings.append(Finding("history", f"Run {run_id} tells its entries no more. {silent}"))
        return run


async def _archived(archive: Archive | None, kept: list[Kept], findings: list[Finding]) -> Run | None:
    """The run as the archive has it, where it can be read and is the only one of its name."""
    found: list[Run] = []
    digests: list[str] = []
    for each in kept:
        assert archive is not None
        try:
            found.append(await archive.read(each))
            digests.append(each.digest)
        except ArchiveAltered as altered:
            findings.append(Finding("archive", str(altered)))
    if len(found) > 1:
        findings.append(
            Finding(
                "archive",
                f"The archive has run {found[0].run_id} more than once, each time otherwise: "
                f"{', '.join(sorted(digests))}.",
            )
        )
        # The one that says most; that there are two is told.
        found.sort(key=lambda run: len(run.as_bytes))
    return found[-1] if found else None
