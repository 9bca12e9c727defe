"""What this process counts while it runs, under the names that an operator's dashboards and alerts read.

A label is one of a few words of this program: a role, a state, a stage, a class of error. Never a person, never a case,
and never a text that somebody wrote (docs/decisions/0030). What cases themselves count (refusals) is written where they
are, in :mod:`workflows.measures`.
"""

import platform
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from procedure.vocabulary import HOLDS, PROCEDURE_VERSION, STAGES

CHANNELS: Final = ("folder", "mail", "webhook")
PARTS: Final = ("engine", "caseload", "keys")
"""What a process must reach to do its work."""

MISSED: Final = "Missed"
"""How a run is counted that the sweep of the archive could not keep."""

PROCESS: Final = Gauge("homeward_process", "1; which program this is.", ["version", "build", "python"])

# Of the caseload, by a look that is never older than it says.

OPEN_CASES: Final = Gauge("homeward_open_cases", "Open cases.", ["stage"])
HELD_CASES: Final = Gauge("homeward_held_cases", "Open cases on which a hold stands.", ["hold"])
OVERDUE_ACTS: Final = Gauge("homeward_overdue_acts", "Owed acts whose due moment has passed.", ["role", "state"])
OVERDUE_BEYOND_ESCALATION: Final = Gauge(
    "homeward_overdue_acts_beyond_escalation",
    "Owed acts that are overdue although everybody up to the ombudsperson was told.",
    ["role", "state"],
)
UNRELEASED: Final = Gauge(
    "homeward_detained_beyond_deadline", "Children reported detained and not released by the deadline.", ["state"]
)
NOBODY_OWES: Final = Gauge(
    "homeward_cases_nobody_owes",
    "Open cases in which nobody owes an act; appeal: between decision and journey, until no appeal can be lodged.",
    ["waits_for"],
)
UNTOLD: Final = Gauge(
    "homeward_untold",
    "Tellings that did not get out by a channel; refused: a person has to look.",
    ["channel", "refused"],
)
UNTOLD_FOR: Final = Gauge(
    "homeward_untold_oldest_seconds", "How long the oldest telling waits that did not get out.", ["channel"]
)
GIVEN_UP: Final = Gauge(
    "homeward_untold_given_up",
    "Tellings that did not get out and are not tried any more; for thirty days after the last attempt.",
    ["channel"],
)
LOOKED_AT: Final = Gauge("homeward_caseload_looked_at_seconds", "When the caseload was counted last (Unix time).")
LOOK_TOOK: Final = Gauge("homeward_caseload_look_seconds", "How long counting the caseload took.")

# Of this process.

READY: Final = Gauge("homeward_ready", "Whether a part that this process needs answers.", ["part"])
WORKED_ON: Final = Gauge("homeward_cases_worked_on", "Whether a worker asks the engine for work on cases.")
BUILDS_LEFT_ALONE: Final = Gauge(
    "homeward_builds_without_worker", "Builds that have runs, or begin them, and no worker; not a number: not known."
)
CERTIFICATE_ENDS: Final = Gauge(
    "homeward_certificate_ends_timestamp_seconds",
    "When a certificate ends that this process was started with (Unix time); visitors: the desk's own.",
    ["shown_to"],
)

TELLINGS: Final = Counter("homeward_tellings", "Attempts to tell people and programs.", ["outcome"])
TELLINGS_FAILED: Final = Counter(
    "homeward_tellings_failed", "Attempts in which a channel failed.", ["channel", "refused"]
)
ARCHIVED: Final = Counter("homeward_archived_runs", "Ended runs that were kept.")
ARCHIVE_FAILED: Final = Counter("homeward_archive_failures", "Attempts to keep an ended run that failed.", ["error"])
CASELOAD_FAILED: Final = Counter(
    "homeward_caseload_failures", "Rows of the caseload that could not be written at once."
)
READINGS_UNWRITTEN: Final = Counter(
    "homeward_readings_unwritten", "Readings of a case that could not be noted; nothing was shown."
)

REQUESTS: Final = Histogram(
    "homeward_desk_request_seconds",
    "Requests to the desk until their last byte, by the pattern of the address.",
    ["method", "route", "status"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
IN_PROGRESS: Final = Gauge("homeward_desk_requests_in_progress", "Requests to the desk that are being answered.")
TOO_OFTEN: Final = Counter("homeward_desk_too_often", "Requests refused because they came too fast (429).", ["what"])
SIGN_INS_REFUSED: Final = Counter(
    "homeward_desk_sign_ins_refused", "Sign-ins and access tokens that did not count.", ["why"]
)


def name_this_process(build: str | None) -> None:
    """Say which program this is, and show every series that an alert waits for before the first failure makes it.

    A counter that begins at one has not grown, for whoever asks how much it grew.
    """
    PROCESS.labels(PROCEDURE_VERSION, build or "", platform.python_version()).set(1)
    for outcome in ("told", "untold"):
        TELLINGS.labels(outcome)
    for channel in CHANNELS:
        for refused in ("true", "false"):
            TELLINGS_FAILED.labels(channel, refused)
    for error in ("ArchiveUnreachable", "ArchiveAltered", "CaseSilent", MISSED):
        ARCHIVE_FAILED.labels(error)


def clear_caseload() -> None:
    """Show nothing of the caseload: what cannot be asked is absent, and not what it was an hour ago."""
    for gauge in (
        OPEN_CASES,
        HELD_CASES,
        OVERDUE_ACTS,
        OVERDUE_BEYOND_ESCALATION,
        UNRELEASED,
        NOBODY_OWES,
        UNTOLD,
        UNTOLD_FOR,
        GIVEN_UP,
    ):
        gauge.clear()


def every_stage_and_hold() -> None:
    """Stages and holds of no case are shown as none: a line that ends is not a line at zero."""
    for stage in STAGES:
        OPEN_CASES.labels(stage).set(0)
    for hold in HOLDS:
        HELD_CASES.labels(hold).set(0)
