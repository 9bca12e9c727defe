"""Ended runs are kept for good, for the engine forgets them: each when it ends, and what was missed by a sweep.

A case never waits for its archive.
"""

from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy

from workflows.arguments import asked
from workflows.messages import (
    ARCHIVE_RUN,
    KEEP_MISSED_RUNS,
    KEEP_RUN,
    SWEEP_ARCHIVE,
    EndedRun,
    Sweep,
    Swept,
)

_PATIENTLY: Final = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(hours=1))

KEEP_FOR: Final = timedelta(days=30)
"""So long it is tried again while an archive cannot be reached; the sweep goes on trying after that."""


@workflow.defn(name=ARCHIVE_RUN)
class ArchiveRun:
    """Has one run kept, as soon as it has ended."""

    @workflow.run
    async def run(self, *given: RawValue) -> str:
        """``given``: one :class:`EndedRun`. Returns the digest under which the run is kept."""
        return await workflow.execute_activity(
            KEEP_RUN,
            asked(EndedRun, given),
            result_type=str,
            start_to_close_timeout=timedelta(minutes=5),
            schedule_to_close_timeout=KEEP_FOR,
            retry_policy=_PATIENTLY,
        )


@workflow.defn(name=SWEEP_ARCHIVE)
class SweepArchive:
    """Finds ended runs that are not in the archive: after an operator's reset or force, or when a process was lost."""

    @workflow.run
    async def run(self, *given: RawValue) -> Swept:
        """``given``: one :class:`Sweep`. Returns what was found and done."""
        return await workflow.execute_activity(
            KEEP_MISSED_RUNS,
            asked(Sweep, given),
            result_type=Swept,
            start_to_close_timeout=timedelta(hours=6),
            heartbeat_timeout=timedelta(minutes=2),
            retry_policy=RetryPolicy(maximum_attempts=3),
        )
