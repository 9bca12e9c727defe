"""Ended runs are kept for good, for the engine forgets them: each when it ends, and what was missed by a sweep.

A case never waits for its archive.
"""

import re
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy

from workflows.arguments import asked, malformed, of_a_case
from workflows.messages import (
    ARCHIVE_RUN,
    KEEP_MISSED_RUNS,
    KEEP_RUN,
    SWEEP_ARCHIVE,
    EndedRun,
    Sweep,
    Swept,
    archiving_id,
)

_PATIENTLY: Final = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(hours=1))

_RUN: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DAYS: Final = range(36_501)

KEEP_FOR: Final = timedelta(days=30)
"""So long it is tried again while an archive cannot be reached; the sweep goes on trying after that."""


@workflow.defn(name=ARCHIVE_RUN)
class ArchiveRun:
    """Has one run kept, as soon as it has ended."""

    @workflow.run
    async def run(self, *given: RawValue) -> str:
        """``given``: one :class:`EndedRun`. Returns the digest under which the run is kept."""
        ended = asked(EndedRun, given)
        of_a_case(ended.reference, archiving_id(ended.reference, ended.run))
        if not _RUN.fullmatch(ended.run):
            raise malformed("the run is none of the engine's")
        return await workflow.execute_activity(
            KEEP_RUN,
            ended,
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
        sweep = asked(Sweep, given)
        if sweep.days is not None and sweep.days not in _DAYS:
            raise malformed("so many days are not looked back")
        return await workflow.execute_activity(
            KEEP_MISSED_RUNS,
            sweep,
            result_type=Swept,
            start_to_close_timeout=timedelta(hours=6),
            heartbeat_timeout=timedelta(minutes=2),
            retry_policy=RetryPolicy(maximum_attempts=3),
        )
