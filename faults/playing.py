"""One seed: a course is drawn and played while things fail; then all is mended and judged."""

import asyncio
import json
import os
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any, Final, TypeVar

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetActivityRequest
from temporalio.client import Client, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.testing._timeskipping import TimeSkipper, TimeSkippingConfig

from activities.caseload import Caseload
from casefile.archive import Archive
from casefile.engine import EngineRuns, opened_history
from faults.asked import Asked, told_with_rows
from faults.breaking import CLOCK, KEYS, POST, Breaking, Moment, drawn
from faults.checks import Fields, Left, Said, differences, notices_got, sentences
from faults.course import ACTS, Planned, draw, states_of
from faults.house import House, Ways, housed
from procedure.acts import as_signed, parse_act
from procedure.faults import MalformedAct
from sealing.composing import seal_of
from starter.auditing import audited_case, keys_at
from starter.auditors import todays_code
from starter.client import Cases, DuplicateCase, new_reference
from starter.endings import CannotGoOn
from starter.moments import Span, resolve
from starter.rehearsal import SETTLING
from starter.scenario import NEEDS_DOSSIER
from workflows.messages import MALFORMED_ACT, RECORD

FAULTS: Final = 8
ANSWERED_WITHIN: Final = 120.0
"""Seconds after which an act that got no answer is a failure of its own."""
DRAINED_WITHIN: Final = 300.0
"""Seconds likewise for what a case asked of its hands: what a killed worker had in hand is tried again after two minutes."""
SEED_WITHIN: Final = 600.0
"""Seconds in which a course comes to its end. One that does not is ended, with all that it started, and counts as such."""
LATE: Final = 480.0
"""Seconds after which a course takes so long that it may be one that hangs. Whoever plays many ends it after ten minutes."""
EARLY: Final = timedelta(days=12)
"""So far into a case the worker's clock jumps: see :meth:`_Playing._drained`."""
SIGNED: Final = 0.5
"""The share of courses in which whoever says something signs it."""
SAID_AGAIN: Final = 8
"""So many acts, of every age, are sent once more at the end."""
KEYS_AWAY: Final = "The key store keys.db cannot be made or written"
"""How a worker says that it cannot start while the key store is away: its operator is to hear of it."""
KEY_NOT_TOLD: Final = "a published key was not told: ActivityError"
"""How a case says that it was not told of a key within ten seconds. The engine's client takes ten seconds for over where
the wall clock jumps ahead between question and answer, as one that was set back does in the end. Nothing is recorded, whoever sent the act is told to send it
again, and does: seed 38 came to it once."""
_SAID_FOR: Final = {KEYS: KEYS_AWAY, CLOCK: KEY_NOT_TOLD}
"""Errors that a worker is to log, by the fault that makes it say so."""
_WAYS: Final = {Ways(): 5, Ways(mail=False, webhook=False): 3, Ways(webhook=False): 1, Ways(mail=False): 1}
"""By which ways the house tells people and programs, and how likely each is."""

T = TypeVar("T")


@dataclass
class Outcome:
    """What became of one seed."""

    seed: int
    title: str = ""
    told_by: str = ""
    """By which ways people and programs were told."""
    signed: bool = False
    """Whether everything that was said was signed."""
    wrong: list[str] = field(default_factory=list[str])
    """What was lost, doubled or different, or ended or logged an error."""
    unfinished: list[str] = field(default_factory=list[str])
    """Why it tells less than a whole course would: it did not end in time, or a fault did not strike."""
    judged: bool = False
    """Whether it came to where what was told is compared with what stands on record."""
    moments: list[str] = field(default_factory=list[str])
    struck: dict[str, int] = field(default_factory=dict[str, int])
    left_out: dict[str, int] = field(default_factory=dict[str, int])
    long: int = 0
    while_time_passed: int = 0
    ways: dict[str, int] = field(default_factory=dict[str, int])
    troubles: dict[str, int] = field(default_factory=dict[str, int])
    """What clients were told in place of a receipt, before they sent the act again: how often each."""
    logged: dict[str, int] = field(default_factory=dict[str, int])
    """Warnings and errors that the workers logged, by event and class: how often each."""
    reached: dict[str, int] = field(default_factory=dict[str, int])
    """How often a row fell behind, a task or an attempt timed out."""
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

    @property
    def amiss(self) -> list[str]:
        """All that keeps it from being one in which everything went well."""
        return [*self.wrong, *self.unfinished]

    def as_json(self) -> str:
        return json.dumps(asdict(self))


def die(seed: int, purpose: str) -> Random:
    """One die for each purpose, so that what one throws does not depend on when another does."""
    return Random(f"{seed} {purpose}")  # noqa: S311 - a die, no secret


async def play(seed: int, *, keep: Path | None = None) -> Outcome:
    """Play one seed to its end. Everything that is not as it must be stands in :attr:`Outcome.amiss`.

    ``keep``: where everything of a course is kept that went wrong.
    """
    outcome, began = Outcome(seed), time.monotonic()
    read, course = draw(die(seed, "course"), ACTS)
    outcome.title = read.title
    ways = die(seed, "ways of telling").choices(list(_WAYS), list(_WAYS.values()))[0]
    outcome.told_by = str(ways)
    moments = drawn(
        die(seed, "moments"),
        len(course),
        FAULTS,
        early=_before_days(course, EARLY),
        passes=[planned.n for planned in course if planned.after is not None and planned.n],
        without=() if ways.mail or ways.webhook else [POST],
    )
    outcome.moments = [str(moment) for moment in moments]
    # What an audit or a key store of ours asks about the place is asked of this house alone.
    for name in [name for name in os.environ if name.startswith(("HOMEWARD_", "TEMPORAL_"))]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(prefix="homeward-faults-") as folder:
        intake = next(iter(read.intakes().values()))
        odd_clock = any("clock" in moment.kind for moment in moments)
        outcome.signed = die(seed, "signatures").random() < SIGNED
        async with housed(
            Path(folder), states=states_of(read), odd_clock=odd_clock, ways=ways, signed=outcome.signed
        ) as house:
            playing = _Playing(house, seed, outcome)
            late = asyncio.create_task(told_late(house, keep / str(seed))) if keep else None
            within = asyncio.timeout(SEED_WITHIN)
            try:
                async with within:
                    await playing.open({**intake, "agreement": read.agreement})
                    await playing.through(course, moments)
                    await playing.judge()
                    outcome.judged = True
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told with the seed
                if within.expired():
                    outcome.unfinished.append(f"it did not come to its end within {SEED_WITHIN:.0f} s")
                else:
                    # An act that nobody answers is lost, as far as its client knows.
                    outcome.wrong.append(f"it could not be played to its end: {type(error).__name__}: {error}")
            finally:
                if late:
                    late.cancel()
            if code := await asyncio.to_thread(house.end_worker):
                outcome.wrong.append(f"told to stop, the worker ended with {code}")
            playing.count()
            outcome.unfinished += unstruck(outcome)
            outcome.restarted = house.restarted
            outcome.logged, errors = logged(house.log_lines())
            unasked = unexplained(errors, {moment.kind for moment in moments})
            outcome.wrong += [f"the worker logged an error: {each}" for each in unasked]
            if outcome.amiss and keep is not None:
                _keep(house, keep / str(seed))
    outcome.seconds = time.monotonic() - began
    times = os.times()
    outcome.processor = times.user + times.system + times.children_user + times.children_system
    return outcome


def unstruck(outcome: Outcome) -> list[str]:
    """What is missing where a fault that was drawn neither struck nor was left out: less was tried than is told."""
    done = sum(outcome.struck.values()) + sum(outcome.left_out.values())
    drawn_ = len(outcome.moments)
    return [] if done == drawn_ else [f"of {drawn_} faults {done} struck or were left out"]


def logged(lines: Iterable[Fields]) -> tuple[dict[str, int], list[str]]:
    """Warnings and errors by event and class, how often each; and the errors alone."""
    found: Counter[str] = Counter()
    errors: dict[str, None] = {}
    for line in lines:
        level = line.get("level", "error")
        if level not in ("warning", "error", "critical"):
            continue
        named = [line.get(name) for name in ("activity", "channel", "error")]
        event = re.sub(r"\b\d+ times", "N times", str(line.get("event", line.get("said"))))
        # Where a file lies, and which task was slow, says nothing, and is another each time.
        event = re.sub(r"/\S*/|\[TMPRL\d+\] \S+ ", "", event)
        what = ": ".join([event[:90], *(str(each) for each in named if each)])
        found[f"{level}: {what}"] += 1
        if level != "warning":
            errors[what] = None
    return dict(found), list(errors)


def unexplained(errors: Iterable[str], kinds: Collection[str]) -> list[str]:
    """Logged errors that none of these kinds of fault explains."""
    said = tuple(says for kind, says in _SAID_FOR.items() if kind in kinds)
    return [each for each in errors if not each.startswith(said)]


def _before_days(course: list[Planned], days: timedelta) -> int:
    """The number of the first act that is said more than so many days after the opening."""
    opened = at = datetime(2026, 1, 1, tzinfo=UTC)  # any day: a seed draws the same whenever it is played
    for planned in course:
        at = planned.after.after(at) if planned.after else at
        if at - opened > days:
            return planned.n
    return len(course)


async def told_late(house: House, folder: Path) -> None:
    """Keep everything of a course that takes too long, and where each of its tasks stands: it may be ended any moment."""
    await asyncio.sleep(LATE)
    told = StringIO()
    for task in asyncio.all_tasks():
        task.print_stack(file=told)
    await asyncio.to_thread(_keep, house, folder)
    (folder / "stood.txt").write_text(told.getvalue(), "utf-8")


def _keep(house: House, folder: Path) -> None:
    """Keep everything of a course in which something went wrong: databases, keys, archive and logs."""
    for each in (house.data, house.engine_data):
        shutil.copytree(each, folder / each.name, dirs_exist_ok=True)
    shutil.copy(house.log, folder)


class _Playing:
    def __init__(self, house: House, seed: int, outcome: Outcome) -> None:
        self._house, self._seed, self._outcome = house, seed, outcome
        self._breaking = Breaking(house)
        self._said: list[Said] = []
        self._clients: list[Cases] = []
        self._troubles: Counter[str] = Counter()
        self._ways: Counter[str] = Counter()
        self._reference = ""
        self._opened_at = datetime.now(UTC)

    @property
    def _client(self) -> Client:
        return self._clients[0].client

    @property
    def _handle(self) -> Any:
        return self._client.get_workflow_handle(self._reference)

    async def open(self, intake: Fields) -> None:
        self._clients = [await self._house.cases() for _ in range(3)]
        self._skipper = TimeSkipper(self._client, config=TimeSkippingConfig(enabled=False))
        self._opened_at = now = datetime.now(UTC)
        given = resolve(intake, now)
        self._reference = new_reference(given["host_state"], given["origin_state"], now.year)
        intake = {**given, "reference": self._reference}
        with suppress(DuplicateCase):  # sent again after no answer came, and it had come in the first time
            await self._insist(lambda: self._clients[0].open(intake))
        await self._insist(lambda: self._clients[0].view(self._reference))

    async def through(self, course: list[Planned], moments: list[Moment]) -> None:
        for planned in course:
            now = [moment for moment in moments if moment.at == planned.n]
            if planned.after is not None:
                await self._pass_time(planned.after, [moment for moment in now if moment.while_time_passes])
            self._breaking.strike_again()
            for moment in now:
                if not moment.while_time_passes:
                    self._breaking.strike(moment)
            if planned.act is not None:
                await self._say(planned)
        await self._breaking.over()

    # Saying

    async def _say(self, planned: Planned) -> None:
        now = await self._insist(lambda: self._skipper.get_current_time(self._handle))
        if self._house.signs is not None:
            self._house.signs.ahead = now - datetime.now(UTC)
        act: Fields = {"act_id": f"act-{planned.n}", **resolve(planned.act or {}, now)}
        if act["act"] in NEEDS_DOSSIER:
            act["dossier"] = await self._dossier(act.get("dossier"))
        dice = die(self._seed, f"act {planned.n}")
        way = dice.choices(["once", "by three at once", "hasty", "by signal"], [4, 3, 3, 1])[0]
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
                    await self._hastily(act, said, dice)
                case "by signal":
                    await self._insist(
                        lambda: self._handle.signal(RECORD, self._by_itself(act), rpc_timeout=timedelta(seconds=5))
                    )
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

    async def _hastily(self, act: Fields, said: Said, dice: Random) -> None:
        """A client that gives up too early, sends it again, and at last waits."""
        for _ in range(dice.randint(1, 3)):
            wait = timedelta(milliseconds=dice.randint(2, 40))
            hasty = Cases(self._client, patience=wait, signer=self._house.signs)
            try:
                said.receipts.append(await hasty.record(self._reference, act))
            except CannotGoOn as error:
                self._troubles[f"hasty: {type(error).__name__}"] += 1
        said.receipts.append(await self._insist(lambda: self._clients[0].record(self._reference, act)))

    async def _plainly(self, act: Fields) -> Fields:
        try:
            given = self._by_itself(act)
            return await self._handle.execute_update(RECORD, given, rpc_timeout=timedelta(seconds=10))
        except WorkflowUpdateFailedError as failed:
            if isinstance(failed.cause, ApplicationError) and failed.cause.type == MALFORMED_ACT:
                raise MalformedAct(list(failed.cause.details[0])) from None
            raise

    def _by_itself(self, act: Fields) -> Fields:
        """An act as another program of an authority sends it, signed by itself where things are signed."""
        if self._house.signs is None:
            return act
        try:
            said = as_signed(parse_act(act))
        except MalformedAct:
            return act  # the case says what is wrong with it
        return {**act, "signature": self._house.signs.sign(said, reference=self._reference)}

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

    async def _pass_time(self, span: Span, moments: Iterable[Moment]) -> None:
        """Days of the case pass at once, and things fail meanwhile.

        The engine skips none while anything of the case is under way.
        """
        await self._breaking.over()
        await self._drained(end_processes=True)
        now = await self._insist(lambda: self._skipper.get_current_time(self._handle))
        target = span.after(now) + SETTLING
        for moment in moments:
            self._breaking.strike(moment)
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
        asked = await self._asked(runs)
        row = await self._row(view["entries"])
        left = Left(
            reference=self._reference,
            said=self._said,
            ledger=ledger,
            view=view,
            row=row,
            tellings=asked.tellings,
            ways=self._house.ways,
            mails=self._house.post.mails,
            events=self._house.post.events,
            folder=self._house.notices(),
            audit=await self._insist(self._audit),
            signed=outcome.signed,
            given_up_early=asked.given_up_early,
        )
        outcome.wrong += [*asked.wrong, *differences(left)]
        outcome.reached, outcome.tasks_failed = dict(asked.reached), dict(asked.tasks_failed)
        outcome.given_up_early = len(asked.given_up_early)
        outcome.entries, outcome.runs, outcome.notices = len(ledger), len(runs), len(notices_got(left))
        outcome.refused = sum(entry["kind"] == "refused" for entry in ledger)
        outcome.wrong += [
            f"a client was told no sentence: {what}" for what in self._troubles if what.startswith("unforeseen")
        ]

    async def _say_again(self) -> None:
        """Acts of any age get their first receipt once more, in whatever run they were heard; changed, they are malformed."""
        heard, dice = [each for each in self._said if not each.malformed], die(self._seed, "said again")
        for each in dice.sample(heard, min(SAID_AGAIN, len(heard))):
            each.receipts.append(await self._insist(lambda act=each.act: self._clients[1].record(self._reference, act)))
        changed = dice.choice(heard)
        try:
            await self._insist(
                lambda: self._clients[2].record(self._reference, {**changed.act, "reason": "another reason"})
            )
        except MalformedAct:
            pass
        else:
            self._outcome.wrong.append(f"act {changed.n} was taken again with other content")

    async def _asked(self, runs: Iterable[str]) -> Asked:
        asked = Asked()
        for run in runs:
            opened = await opened_history(self._client, self._reference, run)
            # First what went with a row: what did not get out with it was asked for again, with its events.
            asked.tellings += await told_with_rows(opened)
            asked.read(list(opened.events), opened=self._opened_at.replace(tzinfo=None))
        return asked

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
            keys=keys_at(self._house.settings.published_keys_path) if self._house.signs else None,
            progress=lambda done, of_all: None,
        ) as looked:
            return sentences(looked.audited.findings)

    def count(self) -> None:
        """What was said, struck and taken, also of a course that did not come to its end."""
        outcome, post = self._outcome, self._house.post
        outcome.acts = len(self._said)
        # Those alone that were compared.
        outcome.receipts = sum(len(each.receipts) for each in self._said) if outcome.judged else 0
        ids = [str(mail["Message-ID"]) for mail in post.mails]
        outcome.sent_twice = len(ids) - len(set(ids)) + len(post.events) - len({event["id"] for event in post.events})
        outcome.wrongly_signed = post.wrongly_signed
        outcome.struck, outcome.left_out = dict(self._breaking.struck), dict(self._breaking.left_out)
        outcome.long, outcome.while_time_passed = self._breaking.long, self._breaking.while_time_passed
        outcome.ways, outcome.troubles = dict(self._ways), dict(self._troubles)
