"""Keeping ended runs: one when it ends, and by a sweep those that were missed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog
from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from casefile import history
from casefile.archive import Archive, ArchiveAltered, ArchiveUnreachable, Kept
from casefile.engine import EngineRuns, same_history
from casefile.runs import Run
from procedure.intake import REFERENCE
from sealing.faults import CannotOpen, KeyDestroyed, KeyMissing, NoKeysHere, SealingFault
from workflows.messages import (
    ARCHIVE_RUN,
    LEDGER,
    RETURN_CASE,
    STILL_RUNS,
    EndedRun,
    Sweep,
    Swept,
    archiving_id,
)

_log: Final = structlog.get_logger("homeward.archive")

ASKED_WITHIN: Final = timedelta(seconds=60)
"""So long a case may take to tell its entries: a run that no worker has at hand is replayed first."""

LAST_ATTEMPT_FOR_ENTRIES: Final = 5
"""A run that fails to tell its entries then is kept with its history alone."""


class StillRuns(Exception):
    """The run has not ended yet."""


class Archivist:
    """Keeps ended runs of cases in an archive."""

    def __init__(self, client: Client, archive: Callable[[], Archive]) -> None:
        """``archive`` is called at each use: a folder or a store that is away now may be back later."""
        self._client = client
        self._engine = EngineRuns(client)
        self._archive = archive

    async def have_run_kept(self, ended: EndedRun, *, task_queue: str) -> None:
        """Start the process that keeps a run when it has ended. A process of its own: a case that ends waits for none.

        Raises ``ApplicationError`` of the type ``CaseSilent`` when the engine does not take it.
        """
        try:
            await self._client.start_workflow(
                ARCHIVE_RUN,
                ended,
                id=archiving_id(ended.reference, ended.run),
                task_queue=task_queue,
                static_summary="keeps an ended run",
                rpc_timeout=timedelta(seconds=5),
            )
        except WorkflowAlreadyStartedError:
            pass
        except RPCError as error:
            raise ApplicationError(f"the engine did not take it ({type(error).__name__})", type="CaseSilent") from None

    async def keep_run(self, ended: EndedRun, *, attempt: int = 1) -> str:
        """Keep one run; the digest under which it lies. Doing it again changes nothing.

        Raises ``ApplicationError`` of the types ``StillRuns``, ``ArchiveUnreachable``, ``CaseSilent``, or a fault of
        the keys, each worth another try later. A case that is silent at the ``attempt`` :data:`LAST_ATTEMPT_FOR_ENTRIES` or later is taken
        to tell its entries no more, and its history is kept alone.
        """
        try:
            return await self._keep(ended.reference, ended.run, alone_if_silent=attempt >= LAST_ATTEMPT_FOR_ENTRIES)
        except StillRuns:
            raise ApplicationError("the run has not ended yet", type=STILL_RUNS) from None
        except (ArchiveUnreachable, ArchiveAltered, SealingFault) as error:
            # A key that was destroyed comes back at no other try.
            raise ApplicationError(
                str(error), type=type(error).__name__, non_retryable=isinstance(error, KeyDestroyed)
            ) from None
        except (WorkflowQueryFailedError, RPCError) as error:
            gone = isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND
            said = "the engine has the run no more" if gone else f"the case gave no answer ({type(error).__name__})"
            raise ApplicationError(said, type="CaseSilent", non_retryable=gone) from None

    async def keep_missed_runs(self, sweep: Sweep, *, progress: Callable[[Swept], None] = lambda _: None) -> Swept:
        """Keep every ended run that the engine has and the archive has not.

        A sweep of so many days goes by the runs' names alone: it comes often. One without ``days`` compares each run with
        what is kept of it, for an archive may be newer than an engine that was restored.

        Raises :class:`casefile.archive.ArchiveUnreachable`, or ``RPCError`` when the engine cannot be asked. A single
        run that cannot be kept is counted and passed over: one must not keep all others out.
        """
        archive = self._archive()
        asked = f"WorkflowType = '{RETURN_CASE}' AND ExecutionStatus != 'Running'"
        if sweep.days is not None:
            since = datetime.now(UTC) - timedelta(days=sweep.days)
            asked += f" AND CloseTime > '{since.isoformat()}'"
        seen = kept = failed = 0
        async for run in self._client.list_workflows(asked):
            if not REFERENCE.fullmatch(run.id):
                continue  # nothing of that name ever became a case
            seen += 1
            before = {found.digest for found in await archive.runs(run.id) if found.run_id == run.run_id}
            if not before or sweep.days is None:
                try:
                    digest = await self._keep(run.id, run.run_id, alone_if_silent=True)
                    kept += bool(digest) and digest not in before
                except ArchiveUnreachable:
                    raise
                except Exception as error:  # noqa: BLE001 - whatever is the matter with this one
                    failed += 1
                    _log.warning("a run could not be kept", case=run.id, run=run.run_id, error=type(error).__name__)
            progress(Swept(seen, kept, failed))
        return Swept(seen, kept, failed)

    async def _keep(self, reference: str, run_id: str, *, alone_if_silent: bool) -> str:
        """The digest of the kept run; nothing where no case came of it.

        Where the archive has the run otherwise than the engine, both are kept, and every audit tells of it.
        """
        archive = self._archive()
        runs = await archive.runs(reference)
        whole = [found for found in runs if found.run_id == run_id and await _whole(archive, found)]
        try:
            run = await self._engine.fetch(reference, run_id, None)
            for found in whole:
                if await _says_the_same(archive, found, run):
                    return found.digest
        except (KeyDestroyed, RPCError) as error:
            # Nothing can be compared any more; what is kept is all that there is.
            if whole and (isinstance(error, KeyDestroyed) or error.status is RPCStatusCode.NOT_FOUND):
                return whole[0].digest
            raise
        if history.ended(run.history) is None:
            raise StillRuns
        if not run.opened_a_case:
            return ""  # an intake that was never admitted: what it says of a child is nobody's to keep
        try:
            run = await self._engine.with_entries(run, self._entries_of(reference))
        except WorkflowQueryFailedError:
            if not alone_if_silent:
                raise
        return (await archive.keep(run)).digest

    def _entries_of(self, reference: str) -> Callable[[str, int], Any]:
        async def ask(run_id: str, first: int) -> list[dict[str, Any]]:
            handle: Any = self._client.get_workflow_handle(reference, run_id=run_id)
            return await handle.query(LEDGER, first, rpc_timeout=ASKED_WITHIN)

        return ask


async def _says_the_same(archive: Archive, found: Kept, run: Run) -> bool:
    """Whether what is kept under a run's name is what the engine has. Raises what tells nothing of that."""
    try:
        if same_history(run, await archive.read(found)):
            return True
    except (KeyDestroyed, KeyMissing, NoKeysHere):
        raise
    except (ArchiveAltered, CannotOpen):
        pass  # whole, and yet not to be opened as this case's: somebody else's work
    _log.warning("the archive has a run otherwise than the engine", case=found.reference, run=found.run_id)
    return False


async def _whole(archive: Archive, found: Kept) -> bool:
    """Whether it is what its name says: something else in a run's place must not keep the run itself out."""
    if await archive.is_whole(found):
        return True
    _log.warning("an object of the archive is not what its name says", case=found.reference, run=found.run_id)
    return False
