"""One seed: a course is drawn and played while things fail; then all is mended and judged."""

import asyncio
import json
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final, TypeVar

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.workflowservice.v1 import ResetActivityRequest
from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.testing._timeskipping import TimeSkipper, TimeSkippingConfig

from activities.caseload import Caseload
from casefile.archive import Archive
from casefile.engine import EngineRuns, opened_history
from faults.breaking import Breaking, Moment, drawn
from faults.checks import Fields, Left, Said, differences, sentences
from faults.course import ACTS, Planned, draw, states_of
from faults.house import House, housed
from procedure.faults import MalformedAct
from sealing.composing import seal_of
from starter.auditing import audited_case
from starter.auditors import todays_code
from starter.client import Cases, DuplicateCase, new_reference
from starter.endings import CannotGoOn
from starter.moments import Span, resolve
from starter.rehearsal import SETTLING
from starter.scenario import NEEDS_DOSSIER
from workflows.messages import MALFORMED_ACT, RECORD, TELL, Notice, OutgoingEvent, Telling
from workflows.return_case import TELL_FOR

FAULTS: Final = 8
ANSWERED_WITHIN: Final = 120.0
"""Seconds after which an act that got no answer is a failure of its own."""
DRAINED_WITHIN: Final = 300.0
"""Seconds likewise for what a case asked of its hands: what a killed worker had in hand is tried again after two minutes."""
EARLY: Final = timedelta(days=12)
"""So far into a case the worker's clock jumps: see :meth:`_Playing._drained`."""
SAID_AGAIN: Final = 8
"""So many acts, of every age, are sent once more at the end."""
_HARMLESS: Final = frozenset({WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND})

T = TypeVar("T")


@dataclass
class Outcome:
    """What became of one seed."""

    seed: int
    title: str = ""
    wrong: list[str] = field(default_factory=list[str])
    moments: list[str] = field(default_factory=list[str])
    struck: dict[str, int] = field(default_factory=dict[str, int])
    left_out: dict[str, int] = field(default_factory=dict[str, int])
    ways: dict[str, int] = field(default_factory=dict[str, int])
    troubles: dict[str, int] = field(default_factory=dict[str, int])
    """What clients were told in place of a receipt, before they sent the act again: how often each."""
    errors_logged: dict[str, int] = field(default_factory=dict[str, int])
    tasks_failed: dict[str, int] = field(default_factory=dict[str, int])
    acts: int = 0
    refused: int = 0
    receipts: int = 0
    entries: int = 0
    runs: int = 0
    notices: int = 0
    sent_twice: int = 0
    given_up_early: int = 0
    """Tellings that the engine gave up long before it was asked to: it mixes up its clock and that of the case."""
    wrongly_signed: int = 0
    """Events that the receiver would not have, and took later."""
    restarted: int = 0
    longest_wait: float = 0.0
    """The longest that anybody waited for the answers to one act, sent again as often as it took (seconds)."""
    processor: float = 0.0
    """Processor time of this process and those it started and saw the end of (seconds)."""
    seconds: float = 0.0

    def as_json(self) -> str:
        return json.dumps(asdict(self))


async def play(seed: int, *, small: bool = False, keep: Path | None = None) -> Outcome:
    """Play one seed to its end. Everything that is not as it must be stands in :attr:`Outcome.wrong`.

    ``small``: the scenario alone with half of the faults. ``keep``: where everything of a course is kept that went wrong.
    """
    die, outcome, began = Random(seed), Outcome(seed), time.monotonic()  # noqa: S311 - a die, no secret
    read, course = draw(die, 0 if small else ACTS)
    outcome.title = read.title
    moments = drawn(die, len(course), FAULTS // 2 if small else FAULTS, early=_before_days(course, EARLY))
    outcome.moments = [str(moment) for moment in moments]
    # What an audit or a key store of ours asks about the place is asked of this house alone.
    for name in [name for name in os.environ if name.startswith(("HOMEWARD_", "TEMPORAL_"))]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="homeward-faults-") as folder:
        intake = next(iter(read.intakes().values()))
        odd_clock = any("clock" in moment.kind for moment in moments)
        async with housed(Path(folder), states=states_of(read), odd_clock=odd_clock) as house:
            playing = _Playing(house, die, outcome)
            try:
                await playing.open({**intake, "agreement": read.agreement})
                await playing.through(course, moments)
                await playing.judge()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told with the seed
                outcome.wrong.append(f"the course could not be played to its end: {type(error).__name__}: {error}")
            outcome.restarted = house.restarted
            outcome.errors_logged = dict(Counter(house.log_lines()))
            if outcome.wrong and keep is not None:
                _keep(house, keep / str(seed))
    outcome.seconds = time.monotonic() - began
    times = os.times()
    outcome.processor = times.user + times.system + times.children_user + times.children_system
    return outcome


def _before_days(course: list[Planned], days: timedelta) -> int:
    """The number of the first act that is said more than so many days after the opening."""
    opened = at = datetime.now(UTC)
    for planned in course:
        at = planned.after.after(at) if planned.after else at
        if at - opened > days:
            return planned.n
    return len(course)


def _keep(house: House, folder: Path) -> None:
    """Keep everything of a course in which something went wrong: databases, keys, archive and logs."""
    for each in (house.data, house.engine_data):
        shutil.copytree(each, folder / each.name, dirs_exist_ok=True)


class _Playing:
    def __init__(self, house: House, die: Random, outcome: Outcome) -> None:
        self._house, self._die, self._outcome = house, die, outcome
        self._breaking = Breaking(house, die)
        self._said: list[Said] = []
        self._clients: list[Cases] = []
        self._troubles: Counter[str] = Counter()
        self._ways: Counter[str] = Counter()
        self._reference = ""
        self._given_up_early: list[tuple[int, int]] = []

    @property
    def _client(self) -> Client:
        return self._clients[0].client

    @property
    def _handle(self) -> Any:
        return self._client.get_workflow_handle(self._reference)

    async def open(self, intake: Fields) -> None:
        self._clients = [await self._house.cases() for _ in range(3)]
        self._skipper = TimeSkipper(self._client, config=TimeSkippingConfig(enabled=False))
        now = datetime.now(UTC)
        given = resolve(intake, now)
        self._reference = new_reference(given["host_state"], given["origin_state"], now.year)
        intake = {**given, "reference": self._reference}
        with suppress(DuplicateCase):  # sent again after no answer came, and it had come in the first time
            await self._insist(lambda: self._clients[0].open(intake))
        await self._insist(lambda: self._clients[0].view(self._reference))

    async def through(self, course: list[Planned], moments: list[Moment]) -> None:
        for planned in course:
            if planned.after is not None:
                await self._pass_time(planned.after)
            for moment in moments:
                if moment.at == planned.n:
                    self._breaking.strike(moment)
            if planned.act is not None:
                await self._say(planned)
        await self._breaking.over()

    # Saying

    async def _say(self, planned: Planned) -> None:
        now = await self._insist(lambda: self._skipper.get_current_time(self._handle))
        act: Fields = {"act_id": f"act-{planned.n}", **resolve(planned.act or {}, now)}
        if act["act"] in NEEDS_DOSSIER:
            act["dossier"] = await self._dossier(act.get("dossier"))
        way = self._die.choices(["once", "by three at once", "hasty", "by signal"], [4, 3, 3, 1])[0]
        if way == "by signal" and planned.expect is not None:
            way = "hasty"
        self._ways[way] += 1
        said = Said(planned.n, act, by_signal=way == "by signal", expect=planned.expect)
        began = time.monotonic()
        try:
            match way:
                case "by three at once":
                    answers = [
                        self._insist(lambda cases=cases: cases.record(self._reference, act))
                        for cases in self._clients[:2]
                    ]
                    # The third is another program of an authority, which names its updates as it likes.
                    answers.append(self._insist(lambda: self._plainly(act)))
                    said.receipts.extend(await asyncio.gather(*answers))
                case "hasty":
                    await self._hastily(act, said)
                case "by signal":
                    await self._insist(lambda: self._handle.signal(RECORD, act, rpc_timeout=timedelta(seconds=5)))
                case _:
                    said.receipts.append(await self._insist(lambda: self._clients[0].record(self._reference, act)))
        except MalformedAct:
            said = Said(planned.n, act, malformed=True)
            if planned.expect not in ("malformed", None):
                self._outcome.wrong.append(f"act {planned.n} ({act['act']}) was called malformed")
        self._outcome.longest_wait = max(self._outcome.longest_wait, time.monotonic() - began)
        self._said.append(said)

    async def _dossier(self, wanted: Any) -> Any:
        if wanted is None:
            return (await self._insist(lambda: self._clients[0].view(self._reference)))["head"]
        if isinstance(wanted, str) and wanted.startswith("@entry:"):
            number = int(wanted.removeprefix("@entry:"))
            entries = await self._insist(lambda: self._clients[0].ledger(self._reference))
            # Others said more on the way, so the scenario's number is another one here: an entry as far back.
            return entries[min(number, len(entries)) - 1]["hash"]
        return wanted

    async def _hastily(self, act: Fields, said: Said) -> None:
        """A client that gives up too early, sends it again, and at last waits."""
        for _ in range(self._die.randint(1, 3)):
            wait = timedelta(milliseconds=self._die.randint(2, 40))
            hasty = Cases(self._client, patience=wait)
            try:
                said.receipts.append(await hasty.record(self._reference, act))
            except CannotGoOn as error:
                self._troubles[f"hasty: {type(error).__name__}"] += 1
        said.receipts.append(await self._insist(lambda: self._clients[0].record(self._reference, act)))

    async def _plainly(self, act: Fields) -> Fields:
        try:
            return await self._handle.execute_update(RECORD, act, rpc_timeout=timedelta(seconds=10))
        except WorkflowUpdateFailedError as failed:
            if isinstance(failed.cause, ApplicationError) and failed.cause.type == MALFORMED_ACT:
                raise MalformedAct(list(failed.cause.details[0])) from None
            raise

    async def _insist(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask again and again, as a person's program would, until an answer comes."""
        until = time.monotonic() + ANSWERED_WITHIN
        while True:
            try:
                return await asyncio.wait_for(ask(), 20)
            except (MalformedAct, DuplicateCase):
                raise
            except (CannotGoOn, RPCError, TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as error:
                told = str(error) if type(error) is CannotGoOn else ""
                self._troubles[f"{type(error).__name__} {told[:90]}".strip()] += 1
                if time.monotonic() > until:
                    raise
            except Exception as error:
                # Counted, and asked again: it is no sentence for a person.
                self._troubles[f"unforeseen {type(error).__name__} {str(error)[:90]}"] += 1
                if time.monotonic() > until:
                    raise
            await asyncio.sleep(0.1)

    # Time

    async def _pass_time(self, span: Span) -> None:
        """Days of the case pass at once. The engine skips none while anything of the case is under way."""
        await self._breaking.over()
        await self._drained(end_processes=True)
        now = await self._insist(lambda: self._skipper.get_current_time(self._handle))
        target = span.after(now) + SETTLING
        until = time.monotonic() + ANSWERED_WITHIN
        while now < target:
            ahead = target - now
            try:
                await asyncio.wait_for(self._skipper.fast_forward(self._handle, ahead), 20)
            except (RPCError, TimeoutError, RuntimeError):
                if time.monotonic() > until:
                    raise
                # Something new is under way, or the run has just ended.
                await self._drained(end_processes=True)
            now = await self._insist(lambda: self._skipper.get_current_time(self._handle))
        # What fell due is on record before anybody speaks.
        await self._drained(end_processes=False)

    async def _drained(self, *, end_processes: bool) -> None:
        """Wait until nothing of the case waits for hands; what waits for hours to be tried again is tried now.

        ``end_processes``: the origin state's processes are ended as an operator may do.
        """
        until = time.monotonic() + DRAINED_WITHIN
        while True:
            told = (await self._insist(self._handle.describe)).raw_description
            children = list(told.pending_children) if end_processes else []
            task = told.HasField("pending_workflow_task")
            if not told.pending_activities and not children and not task:
                return
            if time.monotonic() > until:
                waits = [each.activity_type.name for each in told.pending_activities]
                raise TimeoutError(f"the case does not come to rest: {waits}, task {task}")
            for each in children:
                with suppress(RPCError):
                    await self._client.get_workflow_handle(each.workflow_id).terminate("ended by an operator's force")
            for each in told.pending_activities:
                # Only what a receiver refused waits for hours. Once the case's clock is two weeks ahead the engine
                # would give up what it is asked to try now: it reckons that with its own clock.
                waits = each.next_attempt_schedule_time.ToDatetime() - each.last_attempt_complete_time.ToDatetime()
                if each.attempt > 1 and waits > timedelta(minutes=10):
                    with suppress(RPCError):
                        await self._client.workflow_service.reset_activity(
                            ResetActivityRequest(
                                namespace=self._client.namespace,
                                execution=WorkflowExecution(workflow_id=self._reference),
                                id=each.activity_id,
                            )
                        )
            await asyncio.sleep(0.05)

    # Judging

    async def judge(self) -> None:
        outcome = self._outcome
        await self._drained(end_processes=False)
        await self._say_again()
        await self._drained(end_processes=False)
        cases = self._clients[0]
        ledger = await self._insist(lambda: cases.ledger(self._reference))
        view = await self._insist(lambda: cases.view(self._reference))
        runs, _ = await EngineRuns(self._client).ids(self._reference)
        tellings = [each async for each in self._tellings(runs)]
        row = await self._row(view["entries"])
        left = Left(
            reference=self._reference,
            said=self._said,
            ledger=ledger,
            view=view,
            row=row,
            tellings=tellings,
            mails=self._house.post.mails,
            events=self._house.post.events,
            audit=await self._audit(),
            given_up_early=self._given_up_early,
        )
        outcome.wrong += differences(left)
        outcome.wrongly_signed = self._house.post.wrongly_signed
        outcome.wrong += [
            f"a client was told no sentence: {what}" for what in self._troubles if what.startswith("unforeseen")
        ]
        self._count(ledger, len(runs))

    async def _say_again(self) -> None:
        """Acts of any age get their first receipt once more, in whatever run they were heard; changed, they are malformed."""
        heard = [each for each in self._said if not each.malformed]
        for each in self._die.sample(heard, min(SAID_AGAIN, len(heard))):
            each.receipts.append(await self._insist(lambda act=each.act: self._clients[1].record(self._reference, act)))
        changed = self._die.choice(heard)
        try:
            await self._insist(
                lambda: self._clients[2].record(self._reference, {**changed.act, "reason": "another reason"})
            )
        except MalformedAct:
            pass
        else:
            self._outcome.wrong.append(f"act {changed.n} was taken again with other content")

    async def _tellings(self, runs: Iterable[str]) -> AsyncIterator[Telling]:
        for run in runs:
            opened = await opened_history(self._client, self._reference, run)
            asked: dict[int, Any] = {}
            for event in opened.events:
                for ended in (
                    event.activity_task_failed_event_attributes,
                    event.activity_task_timed_out_event_attributes,
                ):
                    if (scheduled := asked.get(ended.scheduled_event_id)) is not None:
                        self._given_up(scheduled, event)
                if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
                    scheduled = event.activity_task_scheduled_event_attributes
                    if scheduled.activity_type.name == TELL:
                        asked[event.event_id] = event
                        yield _telling(json.loads(scheduled.input.payloads[0].data))
                elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
                    cause = event.workflow_task_failed_event_attributes.cause
                    if cause not in _HARMLESS:
                        name = WorkflowTaskFailedCause.Name(cause).removeprefix("WORKFLOW_TASK_FAILED_CAUSE_")
                        message = event.workflow_task_failed_event_attributes.failure.message
                        what = f"{name} {message[:100]}".strip()
                        self._outcome.tasks_failed[what] = self._outcome.tasks_failed.get(what, 0) + 1
                        if "NON_DETERMINISTIC" in name:
                            self._outcome.wrong.append(f"a run could not be replayed by the worker: {message[:200]}")

    def _given_up(self, asked: Any, ended: Any) -> None:
        """A telling may be given up after fourteen days. The engine does so earlier where a case's clock ran ahead."""
        telling = _telling(json.loads(asked.activity_task_scheduled_event_attributes.input.payloads[0].data))
        if ended.event_time.ToDatetime() - asked.event_time.ToDatetime() < TELL_FOR:
            self._given_up_early.append((telling.first, telling.last))
        else:
            self._outcome.wrong.append(
                f"entries {telling.first} to {telling.last} were not told within {TELL_FOR.days} days"
            )

    async def _row(self, entries: int) -> Fields | None:
        caseload = await Caseload.open(f"sqlite:///{self._house.data / 'caseload.db'}")
        try:
            until = time.monotonic() + 10
            while True:
                row = await caseload.one(self._reference)
                # That nothing is untold any more is noted after the last of it was sent.
                if (row and row.entries == entries and not row.untold) or time.monotonic() > until:
                    return row.as_json() if row else None
                await asyncio.sleep(0.1)
        finally:
            await caseload.close()

    async def _audit(self) -> list[str]:
        folder = self._house.data / "archive"
        archive = Archive(folder, seal=seal_of(self._client)) if folder.is_dir() else None
        async with audited_case(
            self._reference,
            cases=self._clients[0],
            archive=archive,
            code=todays_code(),
            progress=lambda done, of_all: None,
        ) as looked:
            return sentences(looked.audited.findings)

    def _count(self, ledger: list[Fields], runs: int) -> None:
        outcome, post = self._outcome, self._house.post
        outcome.acts, outcome.entries, outcome.runs = len(self._said), len(ledger), runs
        outcome.refused = sum(entry["kind"] == "refused" for entry in ledger)
        outcome.receipts = sum(len(each.receipts) for each in self._said)
        ids = [str(mail["Message-ID"]) for mail in post.mails]
        outcome.notices = len(set(ids))
        outcome.sent_twice = len(ids) - len(set(ids)) + len(post.events) - len({event["id"] for event in post.events})
        outcome.given_up_early = len(self._given_up_early)
        outcome.struck, outcome.left_out = dict(self._breaking.struck), dict(self._breaking.left_out)
        outcome.ways, outcome.troubles = dict(self._ways), dict(self._troubles)


def _telling(given: Fields) -> Telling:
    return Telling(
        reference=given["reference"],
        first=given["first"],
        last=given["last"],
        notices=[Notice(**notice) for notice in given["notices"]],
        events=[OutgoingEvent(**event) for event in given["events"]],
    )
