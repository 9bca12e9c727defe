"""A return case: the durable keeper of its proceedings.

It hears acts, lets time pass, has the hands carry out what follows, and decides nothing itself: that
is :mod:`procedure`'s. Nothing but a person's act moves the child.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, Final, NamedTuple, NoReturn

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy, SearchAttributeUpdate
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ChildWorkflowError,
    FailureError,
    WorkflowAlreadyStartedError,
)

from workflows import measures
from workflows.messages import (
    ADMIT,
    AGREEMENT,
    AWAITING,
    CASE,
    FAMILY_TRACING,
    HAVE_RUN_KEPT,
    HOLDS,
    HOST_STATE,
    INTAKE,
    KEEP_CASELOAD_ROW,
    LEDGER,
    MALFORMED_ACT,
    MALFORMED_INTAKE,
    NEXT_DUE,
    ORIGIN_STATE,
    OVERDUE,
    PUBLISHED_KEY,
    RECORD,
    REINTEGRATION_MONITORING,
    RETURN_CASE,
    STAGE,
    TELL,
    UNFORESEEN,
    Admission,
    AdmissionRequest,
    CaseloadRow,
    EndedRun,
    KeyAsked,
    KeyTold,
    MonitoringRequest,
    Notice,
    OutgoingEvent,
    RowKept,
    Telling,
    TracingRequest,
    VisitDue,
    monitoring_id,
    tracing_id,
)

with workflow.unsafe.imports_passed_through():
    from procedure import consequences
    from procedure.acts import Act, as_signed, parse_act
    from procedure.agreement import Agreement
    from procedure.entries import Entry, moment, read_moment
    from procedure.faults import Fault, Malformed, MalformedAct, as_answered
    from procedure.intake import REFERENCE, Intake, parse_intake
    from procedure.ledger import packed, unpacked
    from procedure.proceedings import Proceedings
    from procedure.signing import Standing
    from procedure.vocabulary import PROCEDURE_VERSIONS
    from sealing import signatures
    from workflows.logs import log

ENTRIES_A_RUN: Final = 100
"""A run that is longer costs too much to take up again after a worker was restarted (measured: docs/decisions/0012)."""

MOST_EVENTS_A_RUN: Final = 15_000
"""Where acts come without a pause, a run ends at this length as soon as it can: the engine breaks one off that has 51,200."""

HEARS_LATE_ACTS_FOR: Final = timedelta(days=30)
"""So long a closed case still hears acts, to refuse them on record (docs/decisions/0013)."""

ROW_WITHIN: Final = timedelta(seconds=3)
"""The longest that the caseload may keep a person waiting for a receipt."""

KEY_WITHIN: Final = timedelta(seconds=10)
"""The longest that a person waits for what is published of a key."""

ANSWER_BYTES: Final = 1_500_000
"""So long may the answer to a query be: the engine refuses one of 2 MB, and the case could not be read any more."""

HAND_OVER_BYTES: Final = 1_600_000
"""So much, compressed, may a run hand over to the next: the engine refuses 2 MB."""

TELL_FOR: Final = timedelta(days=14)
"""So long a notice or an event is tried again when a server cannot be reached."""

UNDATED_DUTIES_ARE_TOLD: Final = "undated-duties-are-told"
"""A change of this code that running cases meet at their next run; see tests/histories/README.md."""

ENDED_RUNS_ARE_ARCHIVED: Final = "ended-runs-are-archived"
"""Likewise."""

MARKS_COME_FIRST: Final = "marks-come-first"
"""Likewise: a run made from here on puts all its marks into its first task, and decides by the time a message came."""

RUNS_END_ALONE: Final = "runs-end-alone"
"""Likewise: a run ends in a task in which nothing came with what a local activity brought."""

RESULTS_COME_APART: Final = "results-come-apart"
"""Likewise: each result of a local activity is a step of its own (``in_order.InOrder``).

A run with this mark, or a newer one, does all that the earlier ones stand for, and has none of them: each costs two
events.
"""

WAKES_WHEN_DUE: Final = "wakes-when-due"
"""Likewise: the timer follows the due moment, also to a later one."""

NO_EMPTY_TASKS: Final = "no-empty-tasks"
"""Likewise, and the newest: the task of a signal leaves a command (`_leave_a_command`)."""

STEPS_APART: Final = frozenset({RESULTS_COME_APART, WAKES_WHEN_DUE, NO_EMPTY_TASKS})
"""The marks of runs in which each result is a step of its own."""

_SOON_AND_FOR_EVER: Final = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5))
_PATIENTLY: Final = RetryPolicy(initial_interval=timedelta(seconds=5), maximum_interval=timedelta(hours=1))
_ONCE: Final = RetryPolicy(maximum_attempts=1)
_AT_ONCE: Final = timedelta(milliseconds=1)


class Advice(NamedTuple):
    """What the engine says of a run: whether it finds it long, whether it has newer code for it, and how many events it has."""

    is_long: bool
    code_is_newer: bool
    events: int


class Manner(IntEnum):
    """How a run goes, by the marks that it was begun with. Each does what those before it do."""

    OF_OLD = 0
    TAKES_TIME_FIRST = 1
    ENDS_ALONE = 2
    TAKES_RESULTS_APART = 3
    WAKES_WHEN_DUE = 4
    LEAVES_NO_TASK_EMPTY = 5


@workflow.defn(name=RETURN_CASE)
class ReturnCase:
    """One child's case, from its opening to its closing."""

    @workflow.init
    def __init__(self, *given: Any) -> None:
        """``given``: the intake, or what an earlier run of this same case put away."""
        self._manner = _make_marks()
        self._advice = Advice(is_long=False, code_is_newer=False, events=0)
        self._latest = workflow.now()
        self._proceedings: Proceedings | None = None
        self._refused: ApplicationError | None = None
        # As text: a worker holds thousands of cases, and this is asked for once in a run.
        self._intake = b"{}"
        self._begun_at = 0
        self._hearing = asyncio.Lock()
        self._stage_changed = False

        self._shown: dict[str, Any] = {}
        self._row_lock = asyncio.Lock()
        self._row_kept = 0
        self._row_made: tuple[tuple[int, datetime], dict[str, Any]] | None = None
        self._row_behind: CaseloadRow | None = None
        self._catching_up = False
        # Until the caseload's keeper has said that no webhook is set up, nothing is held back from one.
        self._events_wanted = True
        self._untold: dict[int, Telling] = {}

        self._timer: asyncio.Task[None] | None = None
        self._timer_at: datetime | None = None
        self._due: datetime | None = None
        self._hears_until: datetime | None = None

        self._undated: list[list[str]] = []
        self._untold_before: list[int] = []
        self._followed = 0
        self._tracing: str | None = None
        self._monitoring: str | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._errands: set[asyncio.Task[None]] = set()

        if _is_continued():
            self._take_up(json.loads(_one(given)))

    @workflow.run
    async def run(self, *given: Any) -> dict[str, Any]:
        """Conduct the case. Returns the case view as it was left."""
        conducting = asyncio.create_task(self._conduct(given))
        while True:
            try:
                return await asyncio.shield(conducting)
            except asyncio.CancelledError:
                if conducting.done():
                    raise  # the run leaves a worker's cache; it is taken up again from its history
                # A case ends by `close_case`, a person's act with its reasons, and not by an engine's button.

    async def _conduct(self, given: Sequence[RawValue]) -> dict[str, Any]:
        if self._proceedings is None:
            await self._open(given)
        else:
            self._go_on()
        while not self._over():
            await workflow.wait_condition(lambda: self._due is not None or self._over() or self._run_is_long())
            if self._due is not None:
                await self._let_time_pass(self._due)
            elif self._run_is_long():
                await self._continue_in_a_new_run()
        await workflow.wait_condition(self._nothing_left_to_do)
        if self._does(ENDED_RUNS_ARE_ARCHIVED):
            # Who keeps it waits for the end of this run.
            await self._archive(workflow.info().run_id)
            await self._until_alone(self._nothing_left_to_do)
        return self._case.view(workflow.now())

    # Messages

    @workflow.update(name=RECORD)
    async def record(self, *given: Any) -> dict[str, Any]:
        """Take in one act; its receipt. A refusal is an answer and an entry, not a failure."""
        came = self._comes()
        act = _act(given)
        await self._opened()
        receipt = await self._heard(act, came)
        await self._carry_out(came)
        return receipt

    @record.validator
    def _record_is_well_formed(self, *given: Any) -> None:
        # Shape alone is judged here: what is rejected here leaves no trace, and a refusal must leave one.
        act = _act(given)
        if self._proceedings is not None:
            try:
                self._proceedings.check(act)
            except MalformedAct as malformed:
                raise _malformed_act(malformed) from None

    @workflow.signal(name=RECORD)
    async def record_signalled(self, *given: Any) -> None:
        """Take in one act without a receipt. Nobody waits for an answer, so even a malformed one is put on record."""
        came = self._comes()
        self._leave_a_command()
        await workflow.wait_condition(lambda: self._proceedings is not None or self._refused is not None)
        if self._proceedings is None:
            return
        try:
            await self._heard(parse_act(_one(given)), came)
        except (Malformed, ApplicationError) as error:
            sent = b"".join(each.payload.data for each in given)
            self._case.hear_malformed(sent, _faults(error), self._moment_of(came))
        await self._carry_out(came)

    @workflow.query(name=CASE)
    def case(self, *_: Any) -> dict[str, Any]:
        """The case view (contract, section 6). It takes nothing; what is sent along fails no reading."""
        return self._for_reading().view(workflow.now())

    @workflow.query(name=LEDGER)
    def ledger(self, *first: Any) -> list[dict[str, Any]]:
        """The entries, from number ``first`` on; as many as one answer of the engine holds."""
        number = first_wanted(first)
        return self._for_reading().ledger(number, ANSWER_BYTES)

    @workflow.query(name=INTAKE)
    def intake(self) -> dict[str, Any]:
        """The intake as it was given, for rebuilding the caseload."""
        self._for_reading()
        return json.loads(self._intake)

    # Opening

    async def _open(self, given: Sequence[RawValue]) -> None:
        reference, came = workflow.info().workflow_id, workflow.now()
        try:
            intake = self._read_intake(given, reference)
            admission = await self._admitted(reference)
        except ApplicationError as refused:
            # Acts that came early are told why before the run ends with the same words.
            self._refused = refused
            await workflow.wait_condition(workflow.all_handlers_finished)
            raise
        opened = Proceedings.open_case(
            intake,
            Agreement.shared(admission.agreement),
            reference=reference,
            at=self._moment_of(came),
            # Not from the workflow's own random numbers: they follow from the run's id, which is no secret.
            seed=bytes.fromhex(admission.seed),
            facts={"duplicate_check": admission.duplicate_check, **_signing(admission)},
            version=_rules(),
        )
        self._proceedings = opened
        await self._carry_out(came)

    def _read_intake(self, given: Sequence[RawValue], reference: str) -> Intake:
        try:
            raw = _one(given)
            intake = parse_intake(raw, today=workflow.now().date())
        except Malformed as malformed:
            _refuse_intake(malformed.faults)
        faults: list[Fault] = []
        if workflow.info().cron_schedule:
            faults.append(Fault(path="$", message="a case opens once; start it without a cron schedule"))
        if not REFERENCE.fullmatch(reference):
            faults.append(Fault(path="reference", message="the workflow id must be a case reference"))
        elif not reference.startswith(f"{intake.host_state}-{intake.origin_state}-"):
            faults.append(Fault(path="reference", message="must begin with the host state and the origin state"))
        if intake.reference not in (None, reference):
            faults.append(Fault(path="reference", message="is not the workflow id; they must be the same"))
        if faults:
            _refuse_intake(faults)
        self._intake = raw
        return intake

    async def _admitted(self, reference: str) -> Admission:
        try:
            return await workflow.execute_local_activity(
                ADMIT,
                AdmissionRequest(
                    reference,
                    json.loads(self._intake),
                    opens_on=workflow.now().date().isoformat(),
                    opens_at=moment(workflow.now()),
                ),
                result_type=Admission,
                start_to_close_timeout=timedelta(seconds=20),
                retry_policy=_SOON_AND_FOR_EVER,
            )
        except FailureError as error:
            # A failing local activity is told by its own failure or wrapped in one, as the engine sees fit.
            cause = error if isinstance(error, ApplicationError) else error.cause
            if isinstance(cause, ApplicationError):
                raise ApplicationError(cause.message, *cause.details, type=cause.type, non_retryable=True) from None
            raise

    async def _opened(self) -> None:
        await workflow.wait_condition(lambda: self._proceedings is not None or self._refused is not None)
        if self._refused is not None:
            refused = self._refused
            raise ApplicationError(refused.message, *refused.details, type=refused.type, non_retryable=True)

    @property
    def proceedings(self) -> Proceedings | None:
        """What this run keeps; None until the case is open. For whoever replays a case to look at it."""
        return self._proceedings

    @property
    def _case(self) -> Proceedings:
        assert self._proceedings is not None
        return self._proceedings

    def _for_reading(self) -> Proceedings:
        if self._proceedings is None:
            raise ApplicationError("the case is not open yet", type="NotOpenYet")
        return self._proceedings

    # Hearing

    async def _heard(self, act: Act, came: datetime) -> dict[str, Any]:
        """The receipt of an act, its signature looked at where it bears one. Signed acts are heard in the order they came in."""
        if act.signature is None:
            return self._hear(act, None, came)
        async with self._hearing:
            try:
                # What is sent a second time gets its first receipt, whatever has become of the key since.
                told = KeyTold(None) if self._case.knows(act) else await self._key_of(act.signature)
            except FailureError as error:
                # Nobody behind it is to wait for ever for keys that give no answer.
                log.error("a published key was not told", error=type(error).__name__)
                raise _unforeseen("the published keys gave no answer; nothing was recorded, send it again") from None
            except Exception as error:  # noqa: BLE001 - as in `_hear`
                log.error("a signature could not be looked at", error=type(error).__name__)
                raise _unforeseen() from None
            return self._hear(act, told, came)

    async def _key_of(self, signature: str) -> KeyTold:
        """What is published of the key at this moment. The answer stays in the history, so that a replay needs no key."""
        kid = signatures.kid_of(signature)
        if kid is None:
            return KeyTold(None)
        return await workflow.execute_local_activity(
            PUBLISHED_KEY,
            KeyAsked(kid),
            result_type=KeyTold,
            schedule_to_close_timeout=KEY_WITHIN,
            retry_policy=_SOON_AND_FOR_EVER,
        )

    def _standing(self, act: Act, told: KeyTold | None, at: datetime) -> Standing | None:
        if told is None:
            return None
        return signatures.check(
            as_signed(act), act.signature, told.statement, reference=self._case.case.reference, at=at
        )

    def _hear(self, act: Act, told: KeyTold | None, came: datetime) -> dict[str, Any]:
        # No await in here: two acts of the same moment are heard one after the other, each whole.
        try:
            at = self._case.not_before_the_last(self._moment_of(came))
            return self._case.hear(act, at, self._standing(act, told, at))
        except MalformedAct as malformed:
            raise _malformed_act(malformed) from None
        except Exception as error:  # noqa: BLE001 - whatever it is, the next act must be heard
            # A failing task would keep every later act of this case waiting. The proceedings are as they were.
            log.error("an act could not be decided", act=type(act).__name__, error=type(error).__name__)
            raise _unforeseen() from None

    async def _let_time_pass(self, came: datetime) -> None:
        self._due = None
        self._case.let_time_pass(self._moment_of(came))
        self._arm()
        if self._timer is None:
            self._leave_a_command()
        await self._carry_out(came)

    def _comes(self) -> datetime:
        """The moment of what comes now, and with it what the engine advises of the run's length: see `_moment_of`.

        For what has a place of its own in the history: a message or a timer.
        """
        self._advice = _engines_advice()
        return workflow.now()

    def _leave_a_command(self) -> None:
        """Have a task leave a command, which that of a signal may not, nor that of the last moment of a case.

        A question may end it while the local activity that follows is at work. The engine's client takes a task that
        left no command for a sign of life where the one before left none either: at a replay what came with it comes
        with the next task, at the moment of that (sdk-rust#1606). The act would have another moment, and its entry
        another hash. An update leaves an event of its own, and every other wake a timer.
        """
        if self._manner >= Manner.LEAVES_NO_TASK_EMPTY:
            # Nothing is other by it: it says what is shown already, and costs one small event.
            shown = OVERDUE.value_set(bool(self._shown.get(OVERDUE.name)))
            workflow.upsert_search_attributes([shown])  # pyright: ignore[reportUnknownMemberType] - the SDK's own

    def _moment_of(self, came: datetime) -> datetime:
        """The moment at which what came then is decided: when it came, and not when its activities were done.

        A task may be ended just when a local activity is done. What follows then happens in the next task, and when that
        is replayed in this one: by another clock the case would have another record. What is kept is the time at which
        a task began, which is the same at every replay.
        """
        if self._manner < Manner.TAKES_TIME_FIRST:
            return workflow.now()
        self._latest = max(self._latest, came)
        return came

    # What follows

    async def _carry_out(self, came: datetime) -> None:
        """Have the hands do what follows from the entries that nothing has followed from yet."""
        entries = self._case.since(self._followed)
        if not entries:
            return
        case, now = self._case.case, self._case.not_before_the_last(self._moment_of(came))
        self._followed = case.n
        measures.count(entries)
        self._stage_changed = self._stage_changed or any(entry.kind == "stage" for entry in entries)
        if case.closed and self._hears_until is None:
            self._hears_until = now + HEARS_LATE_ACTS_FOR
        self._show(now)
        self._arm()
        self._untold[entries[0].n] = Telling(
            reference=case.reference,
            first=entries[0].n,
            last=entries[-1].n,
            notices=[Notice(**notice) for notice in consequences.notices(case, entries, now, self._newly_owed(now))],
        )
        self._start_processes(entries)
        await self._keep_row(now, self._untold[entries[0].n])
        self._tell(entries[0].n)

    def _does(self, change: str) -> bool:
        """Whether this run does what a mark of its own once stood for."""
        return self._manner >= Manner.TAKES_RESULTS_APART or workflow.patched(change)

    def _newly_owed(self, now: datetime) -> list[list[str]]:
        """The acts without a deadline that somebody owes since the last look."""
        if not self._does(UNDATED_DUTIES_ARE_TOLD):
            return []
        before, self._undated = self._undated, consequences.undated(self._case.case, now)
        return [duty for duty in self._undated if duty not in before]

    def _show(self, now: datetime) -> None:
        """What operators' tools show: search attributes that changed, and the current details."""
        row = self._row(now)
        roles = list(dict.fromkeys(owed["role"] for owed in row["awaiting"]))
        shown: dict[str, Any] = {
            STAGE.name: row["stage"],
            HOST_STATE.name: row["host_state"],
            ORIGIN_STATE.name: row["origin_state"],
            AGREEMENT.name: row["agreement"],
            HOLDS.name: row["holds"],
            AWAITING.name: roles,
            NEXT_DUE.name: row["next_due"],
            OVERDUE.name: row["overdue"],
        }
        updates = [_update(name, value) for name, value in shown.items() if self._shown.get(name, _NOT_SHOWN) != value]
        if updates:
            workflow.upsert_search_attributes(updates)  # pyright: ignore[reportUnknownMemberType] - the SDK's own
            self._shown = shown
        workflow.set_current_details(_details(row))

    def _row(self, now: datetime) -> dict[str, Any]:
        """What the caseload shows of the case, made once for all who ask within one step."""
        of = self._case.case.n, now
        if self._row_made is None or self._row_made[0] != of:
            self._row_made = of, consequences.caseload_row(self._case.case, now)
        return self._row_made[1]

    async def _keep_row(self, now: datetime, telling: Telling | None = None) -> None:
        """Bring the caseload up to date, if it answers at once; else go on and leave it to catch up.

        A ``telling`` goes with the row. What comes of it is in the answer, so that no history of before replays
        otherwise: where it did not get out, it is told by an activity of its own.
        """
        async with self._row_lock:
            case = self._case.case
            if self._row_kept >= case.n:
                return  # the row of a later act has told this one's too
            # The caseload needs the child once, to make the keyed mark that tells a duplicate.
            child = json.loads(self._intake)["child"] if self._row_kept == 0 else None
            row = CaseloadRow(**self._row(self._case.not_before_the_last(now)), child=child)
            self._row_made = None  # thousands of cases are held in a worker, and each would hold one
            self._row_kept = case.n
            if self._catching_up:
                behind = self._row_behind
                self._row_behind = replace(row, child=behind.child) if behind and behind.child else row
                return
            try:
                kept = await workflow.execute_local_activity(
                    KEEP_CASELOAD_ROW,
                    replace(row, telling=telling) if telling is not None and telling.notices else row,
                    result_type=RowKept,
                    schedule_to_close_timeout=ROW_WITHIN,
                    retry_policy=_ONCE,
                )
            except FailureError:
                self._row_behind = row
                self._catching_up = True
                self._spawn(self._catch_up())
            else:
                self._events_wanted = kept.events_wanted
                if kept.told and telling is not None:
                    del self._untold[telling.first]

    async def _catch_up(self) -> None:
        """Keep the newest row as soon as the caseload answers again, however long that takes."""
        while self._row_behind is not None:
            row, self._row_behind = self._row_behind, None
            kept = await workflow.execute_activity(
                KEEP_CASELOAD_ROW,
                row,
                result_type=RowKept,
                start_to_close_timeout=timedelta(seconds=30),
                retry_policy=_SOON_AND_FOR_EVER,
                summary="caseload row",
            )
            self._events_wanted = kept.events_wanted
        self._catching_up = False

    def _tell(self, first: int) -> None:
        telling = self._untold.get(first)
        if telling is None:
            return  # it got out with the caseload's row
        if self._events_wanted:
            entries = [entry for entry in self._case.since(first - 1) if entry.n <= telling.last]
            telling = replace(telling, events=[OutgoingEvent(**event) for event in consequences.events(entries)])
        if telling.notices or telling.events:
            self._spawn(self._told(telling))
        else:
            del self._untold[first]

    async def _told(self, telling: Telling) -> None:
        try:
            await workflow.execute_activity(
                TELL,
                telling,
                start_to_close_timeout=timedelta(minutes=2),
                schedule_to_close_timeout=TELL_FOR,
                retry_policy=_PATIENTLY,
                summary=f"entries {telling.first} to {telling.last}",
            )
        except ActivityError:
            # The caseload shows what could not be told; the case goes on without it.
            log.warning("could not be told in time", first=telling.first, last=telling.last)
        if self._manner < Manner.LEAVES_NO_TASK_EMPTY:
            # Its task leaves no command, and so may come later at a replay: it is no moment to take advice at.
            self._comes()
        self._untold.pop(telling.first, None)

    def _spawn(self, doing: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _send(self, errand: Coroutine[Any, Any, None]) -> None:
        """An errand to another process takes a moment, and must be done before this run ends."""
        task = asyncio.create_task(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    # The origin state's processes

    def _start_processes(self, entries: list[Entry]) -> None:
        """Family tracing and reintegration monitoring are the origin state's; here they run as children."""
        case = self._case.case
        for entry in entries:
            if entry.kind != "accepted":
                continue
            if entry.act == "open_tracing" and "tracing" in case.deadlines:
                self._end_process(self._tracing, "replaced")
                self._tracing = tracing_id(case.reference, entry.n)
                request = TracingRequest(
                    reference=case.reference,
                    entry=entry.n,
                    host_state=case.host_state,
                    origin_state=case.origin_state,
                    via=entry.facts["via"],
                    due=moment(case.deadlines["tracing"].due),
                )
                self._send(self._start(FAMILY_TRACING, request, self._tracing))
            elif entry.act == "arrive":
                self._end_process(self._monitoring, "replaced")
                self._monitoring = monitoring_id(case.reference, entry.n)
                visits = [
                    VisitDue(visit, moment(case.deadlines[f"visit_{visit}"].due))
                    for visit in range(1, len(case.agreement.visits) + 1)
                    if f"visit_{visit}" in case.deadlines
                ]
                monitoring = MonitoringRequest(case.reference, entry.n, case.origin_state, visits)
                self._send(self._start(REINTEGRATION_MONITORING, monitoring, self._monitoring))
            elif entry.act == "record_visit" and self._monitoring:
                self._send(self._signal(self._monitoring, "visited", entry.facts["visit"]))
        tracing = case.deadlines.get("tracing")
        if self._tracing and (tracing is None or not tracing.open):
            self._end_process(self._tracing, "answered" if tracing else "withdrawn")
            self._tracing = None
        if case.closed:
            self._end_process(self._monitoring, "closed")
            self._monitoring = None

    async def _archive(self, run: str) -> None:
        """Have a run of this case kept for good once it has ended; the engine forgets it one day."""
        try:
            await workflow.execute_local_activity(
                HAVE_RUN_KEPT,
                EndedRun(self._case.case.reference, run),
                schedule_to_close_timeout=timedelta(seconds=10),
                retry_policy=_ONCE,
            )
        except FailureError:
            # The archive's sweep finds what was missed; no case waits for its archive.
            log.warning("an ended run is left to the archive's sweep")

    async def _start(self, process: str, request: TracingRequest | MonitoringRequest, id: str) -> None:
        try:
            started = await workflow.start_child_workflow(
                process,
                request,
                id=id,
                # It outlives the runs of this case, and is ended by word, never with a run.
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                static_summary=process,
            )
            # However it ends, also by an operator's force: the case needs it for nothing, and asyncio would complain.
            started.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        except (WorkflowAlreadyStartedError, ChildWorkflowError) as error:
            log.warning("a process of the origin state could not be started", error=type(error).__name__)

    def _end_process(self, id: str | None, why: str) -> None:
        if id is not None:
            self._send(self._signal(id, "ended", why))

    async def _signal(self, id: str, name: str, word: str | int) -> None:
        try:
            await workflow.get_external_workflow_handle(id).signal(name, word)
        except FailureError as error:
            # It has ended already, or the origin state's engine does not answer: the case needs neither.
            log.info("a process of the origin state was not reached", error=type(error).__name__)

    # Time

    def _arm(self) -> None:
        """Have the one timer wake the case at its next due moment.

        Where nothing is due any more, or later than before, the timer goes too: a wake that finds nothing is five
        events, and of a case that no worker has in memory it is a replay. A run of before lets it wake in vain.
        """
        due = self._hears_until if self._case.case.closed else self._case.next_due()
        if due == self._timer_at:
            return
        if self._manner < Manner.WAKES_WHEN_DUE and (due is None or (self._timer_at and self._timer_at <= due)):
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timer_at = due
        if due is not None:
            self._timer = asyncio.create_task(self._wake_at(due))

    async def _wake_at(self, due: datetime) -> None:
        # Rounded up, so that the engine's coarser timers do not wake it just before.
        wait = max(due - workflow.now(), timedelta(0)) + timedelta(milliseconds=1)
        # It bears no summary: that would be sealed, 200 bytes each time to say what the only long timer is for.
        await workflow.sleep(wait)
        self._timer = self._timer_at = None
        self._due = self._comes()

    def _over(self) -> bool:
        now = workflow.now() if self._manner < Manner.TAKES_TIME_FIRST else self._latest
        return self._hears_until is not None and now >= self._hears_until

    # Runs

    def _run_is_long(self) -> bool:
        advice = _engines_advice() if self._manner < Manner.ENDS_ALONE else self._advice
        return (
            advice.is_long
            or self._case.case.n - self._begun_at >= ENTRIES_A_RUN
            # A new version of the code is taken up where one stage ends and the next begins.
            or (self._stage_changed and advice.code_is_newer)
        )

    def _between_handlers(self) -> bool:
        return workflow.all_handlers_finished() and not self._errands

    def _nothing_left_to_do(self) -> bool:
        return self._between_handlers() and not self._untold and not self._catching_up

    async def _until_alone(self, is_quiet: Callable[[], bool]) -> None:
        """Return in a task in which the run may end: it is quiet, and no local activity brought anything.

        What one brought may be done a task later than a replay does it. If the run ended with it, a signal that came
        with that later task would never have been heard.
        """
        await workflow.wait_condition(is_quiet)
        if self._manner < Manner.ENDS_ALONE:
            return
        while self._events() < MOST_EVENTS_A_RUN:
            await workflow.sleep(_AT_ONCE, summary="end of the run")
            if is_quiet():
                return
            await workflow.wait_condition(is_quiet)

    def _events(self) -> int:
        # What an activity brought may be done in a longer history than a replay does it in.
        return (_engines_advice() if self._manner < Manner.TAKES_RESULTS_APART else self._advice).events

    async def _continue_in_a_new_run(self) -> None:
        # Between handlers only: an act half heard would be lost with the run, and so would a word to a child process.
        await self._until_alone(self._between_handlers)
        upgrade = workflow.ContinueAsNewVersioningBehavior.AUTO_UPGRADE
        workflow.continue_as_new(
            self._put_away(),
            initial_versioning_behavior=upgrade if workflow.info().get_current_deployment_version() else None,
        )

    def _put_away(self) -> dict[str, Any]:
        """What the next run needs, small enough to be handed over: a run that cannot end would hang for good."""
        carried = self._case.carry()
        entries = carried.pop("entries")
        rest = packed({**self._at_hand(), "proceedings": carried})
        if len(rest) + sum(len(text) for *_, text in entries) > HAND_OVER_BYTES:
            carried = self._case.carry(HAND_OVER_BYTES - len(rest))
            entries = carried.pop("entries")
            rest = packed({**self._at_hand(), "proceedings": carried})
        return {"packed": rest, "entries": entries}

    def _at_hand(self) -> dict[str, Any]:
        behind = self._row_behind is not None or self._catching_up
        return {
            "intake": json.loads(self._intake),
            "row_kept": 0 if behind else self._row_kept,
            "events_wanted": self._events_wanted,
            "untold": [asdict(telling) for _, telling in sorted(self._untold.items())],
            "shown": self._shown,
            "undated": self._undated,
            "hears_until": moment(self._hears_until) if self._hears_until else None,
            "tracing": self._tracing,
            "monitoring": self._monitoring,
        }

    def _take_up(self, carried: dict[str, Any]) -> None:
        if "packed" in carried:
            entries = carried["entries"]
            carried = unpacked(carried["packed"])
            carried["proceedings"]["entries"] = entries
        self._proceedings = Proceedings.resume(carried["proceedings"])
        # Before anything is heard: an act that comes with the new run is decided by what the run decides by.
        self._proceedings.decide_under(_rules())
        self._intake = json.dumps(carried["intake"]).encode()
        self._begun_at = self._followed = self._case.case.n
        self._row_kept = carried["row_kept"]
        self._events_wanted = carried["events_wanted"]
        self._untold = {telling["first"]: _telling(telling) for telling in carried["untold"]}
        # Named now: an act can be heard, and be telling, before this run's own first step.
        self._untold_before = sorted(self._untold)
        self._shown = carried["shown"]
        # Put away by a run that told no such duties: those of now count as told.
        self._undated = carried.get("undated") or consequences.undated(self._case.case, self._case.case.recorded_at)
        self._hears_until = read_moment(carried["hears_until"]) if carried["hears_until"] else None
        self._tracing = carried["tracing"]
        self._monitoring = carried["monitoring"]

    def _go_on(self) -> None:
        self._show(workflow.now())
        self._arm()
        for first in self._untold_before:
            self._tell(first)
        if self._row_kept < self._case.case.n:
            self._spawn(self._keep_row(workflow.now()))
        if (before := workflow.info().continued_run_id) and self._does(ENDED_RUNS_ARE_ARCHIVED):
            self._send(self._archive(before))


def _make_marks() -> Manner:
    """Mark the run with the changes of this code that it knows, before anything is waited for; how it goes by them.

    A task may be ended while a local activity is still at work, or just done. Replayed, what follows from the activity
    is done in that task already, where a mark of the next one is not seen yet: the case could not be taken up again.
    """
    rules = [_mark_of(version) for version in PROCEDURE_VERSIONS[1:]]
    for newest, manner in (
        (NO_EMPTY_TASKS, Manner.LEAVES_NO_TASK_EMPTY),
        (WAKES_WHEN_DUE, Manner.WAKES_WHEN_DUE),
        (RESULTS_COME_APART, Manner.TAKES_RESULTS_APART),
    ):
        if workflow.patched(newest):
            for mark in rules:
                workflow.patched(mark)
            return manner
    if not workflow.patched(MARKS_COME_FIRST):
        return Manner.OF_OLD
    for mark in (UNDATED_DUTIES_ARE_TOLD, ENDED_RUNS_ARE_ARCHIVED, *rules):
        workflow.patched(mark)
    return Manner.ENDS_ALONE if workflow.patched(RUNS_END_ALONE) else Manner.TAKES_TIME_FIRST


def _mark_of(version: str) -> str:
    return f"procedure-{version}"


def _rules() -> str:
    """The version of the rules by which this run decides, from its beginning to its end: the newest that began it knew.

    A run that is replayed by code with newer rules has no mark of them, and stays under its own.
    """
    newer = (each for each in reversed(PROCEDURE_VERSIONS[1:]) if workflow.patched(_mark_of(each)))
    return next(newer, PROCEDURE_VERSIONS[0])


def _engines_advice() -> Advice:
    info = workflow.info()
    return Advice(
        info.is_continue_as_new_suggested(),
        info.is_target_worker_deployment_version_changed(),
        info.get_current_history_length(),
    )


def _is_continued() -> bool:
    """Whether this run goes on from an earlier run of this same case, which put away what it is given.

    A cron schedule, or retries after a time-out, start runs that continue another too, with whatever the
    first was given: a past of somebody's own making would come in by them.
    """
    info = workflow.info()
    return bool(info.continued_run_id) and info.attempt == 1 and not info.cron_schedule


_NOT_SHOWN: Final = object()
_KEYS: Final = {key.name: key for key in (STAGE, HOST_STATE, ORIGIN_STATE, AGREEMENT, HOLDS, AWAITING, OVERDUE)}


def _update(name: str, value: Any) -> SearchAttributeUpdate[Any]:
    if name == NEXT_DUE.name:
        return NEXT_DUE.value_set(read_moment(value)) if value else NEXT_DUE.value_unset()
    return _KEYS[name].value_set(value)


def _details(row: dict[str, Any]) -> str:
    """A few lines of Markdown for the engine's own web page; nothing personal."""
    lines = [
        f"**{row['stage'].replace('_', ' ')}** · {row['status']} · {row['entries']} entries, {row['refused']} refused"
    ]
    if row["holds"]:
        lines.append(f"Held: {', '.join(hold.replace('_', ' ') for hold in row['holds'])}")
    for owed in row["awaiting"][:12]:
        due = f" by {owed['due'][:16].replace('T', ' ')}" if owed["due"] else ""
        late = " (overdue)" if owed["overdue"] else ""
        lines.append(f"- `{owed['act']}`: {owed['role'].replace('_', ' ')} of {owed['state']}{due}{late}")
    return "\n".join(lines)


def _unforeseen(
    said: str = "this act could not be decided because of a fault in the program; nothing was recorded",
) -> ApplicationError:
    return ApplicationError(said, type=UNFORESEEN, non_retryable=True)


def _signing(admission: Admission) -> dict[str, Any]:
    """What entry 1 says of signatures. Nothing where an earlier build admitted the case: there none are asked for."""
    if admission.signatures is None:
        return {}
    signed = {"signature": admission.signature} if admission.signature else {}
    return {"signatures": admission.signatures, **signed}


def _telling(given: dict[str, Any]) -> Telling:
    return Telling(
        reference=given["reference"],
        first=given["first"],
        last=given["last"],
        notices=[Notice(**notice) for notice in given["notices"]],
    )


def _one(given: Sequence[RawValue]) -> bytes:
    """The one argument that a message of ours has, as it came."""
    if len(given) != 1:
        raise Malformed([Fault(path="$", message=f"takes exactly one argument; {len(given)} were given")])
    return given[0].payload.data


def _act(given: Sequence[RawValue]) -> Act:
    try:
        return parse_act(_one(given))
    except Malformed as malformed:
        raise _malformed_act(malformed) from None


def _faults(error: Malformed | ApplicationError) -> list[Fault]:
    if isinstance(error, Malformed):
        return error.faults
    if error.type == MALFORMED_ACT:
        return list(error.details[0])
    return [Fault(path="$", message="could not be decided because of a fault in the program")]


def first_wanted(given: Sequence[RawValue]) -> int:
    """The number of the first entry that a reading of the ledger asks for. Raises ApplicationError, ``MalformedQuery``."""
    try:
        number = json.loads(given[0].payload.data) if given and given[0].payload.data else 1
    except (ValueError, RecursionError):
        number = None
    if not isinstance(number, int) or isinstance(number, bool):
        raise ApplicationError("the first entry wanted is a whole number", type="MalformedQuery")
    return number


def _malformed_act(malformed: Malformed) -> ApplicationError:
    told = as_answered(malformed.faults)
    return ApplicationError(f"malformed act: {Malformed(told)}", told, type=MALFORMED_ACT, non_retryable=True)


def _refuse_intake(faults: list[Fault]) -> NoReturn:
    told = as_answered(faults)
    raise ApplicationError(
        f"malformed intake: {Malformed(told)}", told, type=MALFORMED_INTAKE, non_retryable=True
    ) from None
