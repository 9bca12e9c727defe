"""Every message name and type that passes between a case and the world, in one place.

Workflows and activities meet here and at :mod:`procedure`, never at each other's bodies.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from temporalio.common import SearchAttributeKey

# Names fixed by the contract (section 1).
TASK_QUEUE: Final = "return-cases"
RETURN_CASE: Final = "ReturnCase"
FAMILY_TRACING: Final = "FamilyTracing"
REINTEGRATION_MONITORING: Final = "ReintegrationMonitoring"
RECORD: Final = "record"
CASE: Final = "case"
LEDGER: Final = "ledger"

# Ours.
ARCHIVE_RUN: Final = "ArchiveRun"
"""Workflow: a run of a case is kept for good once it has ended."""
SWEEP_ARCHIVE: Final = "SweepArchive"
"""Workflow: ended runs that were missed are found and kept."""
INTAKE: Final = "intake"
"""Query: the intake as given, for rebuilding the caseload."""

STAGE: Final = SearchAttributeKey.for_keyword("HomewardStage")
HOST_STATE: Final = SearchAttributeKey.for_keyword("HomewardHostState")
ORIGIN_STATE: Final = SearchAttributeKey.for_keyword("HomewardOriginState")
AGREEMENT: Final = SearchAttributeKey.for_keyword("HomewardAgreement")
HOLDS: Final = SearchAttributeKey.for_keyword_list("HomewardHolds")
AWAITING: Final = SearchAttributeKey.for_keyword_list("HomewardAwaiting")
NEXT_DUE: Final = SearchAttributeKey.for_datetime("HomewardNextDue")
OVERDUE: Final = SearchAttributeKey.for_bool("HomewardOverdue")
SEARCH_ATTRIBUTES: Final = (STAGE, HOST_STATE, ORIGIN_STATE, AGREEMENT, HOLDS, AWAITING, NEXT_DUE, OVERDUE)

# Activities, by name.
ADMIT: Final = "admit"
PUBLISHED_KEY: Final = "published_key"
KEEP_CASELOAD_ROW: Final = "keep_caseload_row"
TELL: Final = "tell"
HAVE_RUN_KEPT: Final = "have_run_kept"
KEEP_RUN: Final = "keep_run"
KEEP_MISSED_RUNS: Final = "keep_missed_runs"

# Failure types.
MALFORMED_ACT: Final = "MalformedAct"
MALFORMED_INTAKE: Final = "MalformedIntake"
MALFORMED_START: Final = "MalformedStart"
"""Of a process of ours that is no case."""
LIKELY_DUPLICATE: Final = "LikelyDuplicate"
UNFORESEEN: Final = "Unforeseen"
STILL_RUNS: Final = "StillRuns"


def tracing_id(reference: str, entry: int) -> str:
    """The workflow id of the family tracing that an entry of a case opened."""
    return f"{reference}/tracing-{entry}"


def monitoring_id(reference: str, entry: int) -> str:
    """The workflow id of the reintegration monitoring that an arrival began."""
    return f"{reference}/monitoring-{entry}"


def archiving_id(reference: str, run: str) -> str:
    """The workflow id of the process that has a run kept."""
    return f"{reference}/archive-{run}"


@dataclass(frozen=True)
class EndedRun:
    """A run of a case that has ended, or is about to."""

    reference: str
    run: str


@dataclass(frozen=True)
class Sweep:
    """Which ended runs are looked at: those that ended within so many days, or all that the engine has."""

    days: int | None = None


@dataclass(frozen=True)
class Swept:
    """What a sweep did."""

    seen: int
    """Ended runs that the engine has."""
    kept: int
    """Of these, so many were missing in the archive and are there now."""
    failed: int
    """So many could not be kept; the next sweep tries again."""


@dataclass(frozen=True)
class AdmissionRequest:
    """Asked once, when a case opens: is the agreement good, and is this child known already?"""

    reference: str
    intake: dict[str, Any]
    opens_on: str | None = None
    """The day of opening (UTC), on which the agreement must be in force."""
    opens_at: str | None = None
    """The moment of opening, at which the intake's signature must stand."""


@dataclass(frozen=True)
class Admission:
    """The agreement's terms as they stand today. They stay in the case's history for good."""

    agreement: dict[str, Any]
    duplicate_check: str
    """``done``, or ``not_made`` when the caseload could not be asked: that never holds up a child's case."""
    seed: str
    """The case's secret, 64 hexadecimal digits drawn by chance: the salts of its entries come from it."""
    signatures: str | None = None
    """``required`` where only signed acts count in this case, else ``not_required``; None: nobody asked yet."""
    signature: dict[str, Any] | None = None
    """What was found of the intake's own signature: ``kid`` and ``key``."""


@dataclass(frozen=True)
class KeyAsked:
    """By which name a signature says its key is published."""

    kid: str


@dataclass(frozen=True)
class KeyTold:
    """What was published of a key at that moment; it stays in the case's history for good."""

    statement: dict[str, Any] | None
    """:class:`sealing.signatures.KeyStatement` as JSON; None where nobody published such a key."""


@dataclass(frozen=True)
class CaseloadRow:
    """What the caseload shows of a case after an entry. Nothing personal but ``child``, which is never stored in clear.

    ``awaiting`` are the case view's rows of owed acts; moments are RFC 3339 texts.
    """

    reference: str
    agreement: str
    host_state: str
    origin_state: str
    status: str
    stage: str
    solution: str | None
    outcome: str | None
    holds: list[str]
    awaiting: list[dict[str, Any]]
    next_due: str | None
    overdue: bool
    entries: int
    refused: int
    opened_at: str
    updated_at: str
    child: dict[str, Any] | None = None
    """``given_names``, ``family_name``, ``date_of_birth``: given with the first row only, to make the keyed mark."""
    telling: "Telling | None" = None
    """Who is to be told of these entries: it may get out with the row. In the row, and no second argument, because the
    engine's client gives no types to arguments of another number, and running cases have sent one."""


@dataclass(frozen=True)
class RowKept:
    """What the caseload's keeper answers."""

    events_wanted: bool
    """Whether a webhook is configured, so that outgoing events are worth an activity."""
    told: bool = False
    """Whether the row's telling got out with it. No answer of an earlier build says so."""


@dataclass(frozen=True)
class Notice:
    """Somebody is to be told something about a case. It names an office's role, never a child."""

    kind: str
    """``owed``, ``overdue``, ``escalated``, ``detention``, ``missing``, ``found``, ``held``, ``closed`` or ``reminder``."""
    to_role: str
    to_state: str
    entry: int
    to_id: str | None = None
    act: str | None = None
    deadline: str | None = None
    due: str | None = None
    level: int | None = None


@dataclass(frozen=True)
class OutgoingEvent:
    """One ledger entry's header, for other systems: nothing personal in it."""

    entry: int
    at: str
    kind: str
    act: str | None
    safeguards: list[str]
    facts: dict[str, Any]
    hash: str


@dataclass(frozen=True)
class Telling:
    """All that leaves the house after one act or one passing of time: entries ``first`` to ``last``."""

    reference: str
    first: int
    last: int
    notices: list[Notice] = field(default_factory=list[Notice])
    events: list[OutgoingEvent] = field(default_factory=list[OutgoingEvent])


@dataclass(frozen=True)
class TracingRequest:
    """What the origin state's tracing service is asked: the least that tracing needs (procedure.md, parts 6 and 7)."""

    reference: str
    entry: int
    """The ledger entry that opened tracing."""
    host_state: str
    origin_state: str
    via: str
    due: str


@dataclass(frozen=True)
class VisitDue:
    visit: int
    due: str


@dataclass(frozen=True)
class MonitoringRequest:
    """What the origin state's monitor is asked after an arrival."""

    reference: str
    entry: int
    """The ledger entry of the arrival."""
    origin_state: str
    visits: list[VisitDue]
