"""The audit of one case: its record checked, run through today's code, and each safeguard held to its evidence."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from casefile import history
from casefile.checks import Heads, record_findings
from casefile.deadline_figures import DeadlineFigure, deadline_figures
from casefile.engine import Replayed, TodaysCode
from casefile.findings import Finding
from casefile.history import UnreadableHistory
from casefile.matrix import Matrix, safeguard_matrix
from casefile.record import Record
from casefile.runs import Run, RunOutline
from casefile.signatures import Keys, SignatureCheck
from procedure.entries import Entry, entry_from_json

_EVENT_WORDS: Final = {
    "ACTIVITY_TASK_SCHEDULED": "an activity was scheduled",
    "TIMER_STARTED": "a timer was started",
    "TIMER_CANCELED": "a timer was cancelled",
    "START_CHILD_WORKFLOW_EXECUTION_INITIATED": "another process was started",
    "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED": "another process was told something",
    "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES": "search attributes were changed",
    "MARKER_RECORDED": "a note was made",
    "WORKFLOW_EXECUTION_COMPLETED": "the run was completed",
    "WORKFLOW_EXECUTION_CONTINUED_AS_NEW": "the case went on in a new run",
    "WORKFLOW_EXECUTION_UPDATE_COMPLETED": "an act was answered",
}


@dataclass(frozen=True)
class Audited:
    """What became of an audit. The record verifies when :attr:`findings` is empty."""

    reference: str
    entries: int
    head: str | None
    findings: list[Finding]
    matrix: Matrix
    deadlines: list[DeadlineFigure]
    runs: list[RunOutline]
    aside: list[RunOutline]
    replayed: int
    """So many runs were run through today's code."""
    heads: Heads
    signatures: dict[str, Any]
    """How many signatures were checked, by which keys, and what could not be."""
    keys: Keys
    """The published keys with which acts of this record were signed."""

    def as_json(self) -> dict[str, Any]:
        return {
            "reference": self.reference,
            "verifies": not self.findings,
            "entries": self.entries,
            "head": self.head,
            "findings": [finding.as_json() for finding in self.findings],
            "runs": [
                {
                    "run": run.run_id,
                    "entries": [run.first, run.last] if run.first is not None else None,
                    "ended": run.ended.how if run.ended else None,
                    "sha256": run.digest,
                }
                for run in self.runs
            ],
            "replayed": self.replayed,
            "signatures": self.signatures,
            "safeguards": [row.as_json() for row in self.matrix.rows],
            "deadlines": [figure.as_json() for figure in self.deadlines],
        }


async def audit(
    record: Record,
    *,
    code: TodaysCode | None,
    keys: Keys | None = None,
    found_before: Sequence[Finding] = (),
    progress: Callable[[int, int], None] = lambda done, of_all: None,
) -> Audited:
    """Audit a whole record.

    ``code`` None: it is not run through any code. ``keys`` are the published keys to check signatures with; None:
    there are none. ``found_before`` are findings of whoever brought the record
    together. ``progress`` is told (runs replayed, of all).
    """
    heads = Heads()
    signed = SignatureCheck(keys)
    findings = [*found_before, *record_findings(record, heads)]
    for entry in _in_order(record.entries()):
        findings += signed.look(entry)
    chain = record.lineage.chain
    if code is not None:
        for done, outline in enumerate(chain):
            progress(done, len(chain))
            findings += [finding async for finding in _against_code(record.run(outline.run_id), code)]
        progress(len(chain), len(chain))
    return Audited(
        reference=record.reference,
        entries=len(heads),
        head=heads.newest,
        findings=list(dict.fromkeys(findings)),
        matrix=safeguard_matrix(_in_order(record.entries())),
        deadlines=deadline_figures(_in_order(record.entries())),
        runs=chain,
        aside=record.lineage.aside,
        replayed=len(chain) if code is not None else 0,
        heads=heads,
        signatures=signed.as_json(),
        keys=signed.used(),
    )


def _in_order(entries: Iterator[Entry]) -> Iterator[Entry]:
    """Each entry once and in order, whatever the record has: what is wrong with that is told by the chain."""
    last = 0
    for entry in entries:
        if entry.n > last:
            last = entry.n
            yield entry


async def _against_code(run: Run, code: TodaysCode) -> AsyncIterator[Finding]:
    replayed = await code.replay(run)
    for finding in code_findings(run, replayed):
        yield finding


def code_findings(run: Run, replayed: Replayed) -> Iterator[Finding]:
    """Where today's code makes something else of a recorded run: the first entry that differs, and where it stopped."""
    made = {entry.n: entry for entry in replayed.entries}
    recorded = [entry_from_json(told) for told in run.ledger or []]
    for entry in recorded:
        today = made.get(entry.n)
        if today is None and replayed.because is None:
            yield Finding("code", f"Entry {entry.n} ({_what(entry)}) would not be made by today's code.", entry.n)
            return
        if today is not None and today.hash != entry.hash:
            yield Finding(
                "code", f"Entry {entry.n}: the record says {_what(entry)}; today's code says {_what(today)}.", entry.n
            )
            return
    if replayed.because is not None:
        yield _stopped(run, replayed)
        return
    last = recorded[-1].n if recorded else 0
    if recorded and (more := sorted(n for n in made if n > last)):
        yield Finding(
            "code", f"Today's code makes an entry {more[0]} ({_what(made[more[0]])}) that the record has not.", more[0]
        )


def _what(entry: Entry) -> str:
    """An entry in a few words, from its header."""
    kind = entry.kind.replace("_", " ")
    act = f" {entry.act}" if entry.act else ""
    by = f" by {', '.join(entry.safeguards)}" if entry.kind == "refused" else ""
    about = next(
        (f" {entry.facts[name]}" for name in ("hold", "stage", "deadline", "outcome") if name in entry.facts), ""
    )
    return f"{kind}{act}{about if not entry.act else ''}{by}"


def _stopped(run: Run, replayed: Replayed) -> Finding:
    """Today's code could not go on: after which entry, and what it was that it would not do."""
    event = replayed.stopped_at
    after = _entry_before(run, event)
    where = f"after entry {after}" if after else "at the beginning"
    what = _in_words(run, event)
    told = f"; there it is recorded that {what} (event {event})" if what else ""
    return Finding(
        "code",
        f"Run {run.run_id} cannot be run through today's code: {where} that does something else than is recorded"
        f"{told}. Audit it with the version of Homeward that made it.",
        after or None,
    )


def _entry_before(run: Run, event: int | None) -> int:
    """The newest entry that was told in a receipt before an event."""
    try:
        last = history.carried(run.history).n if history.continues(run.history) else 0
        for said in history.said(run.history):
            if event is not None and said.event >= event:
                break
            if said.receipt is not None and (event is not None or said.receipt["entry"] > last):
                last = max(last, said.receipt["entry"])
    except (UnreadableHistory, KeyError, TypeError, ValueError):
        return 0
    return last


def _in_words(run: Run, number: int | None) -> str | None:
    for event in history.events_of(run.history):
        if number is not None and int(event["eventId"]) == number:
            kind = str(event.get("eventType", "")).removeprefix("EVENT_TYPE_")
            return _EVENT_WORDS.get(kind, kind.replace("_", " ").lower())
    return None
