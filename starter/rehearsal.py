"""Playing scenarios on the time-skipping engine, through the real workflows and activities.

Each scenario has an engine of its own: virtual time never runs back, and a scenario must not find
itself years after the day it was written for because another was played before it.
"""

import re
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from procedure.faults import Fault, Malformed, MalformedAct
from starter.binaries import TEST_SERVER, binary
from starter.client import Cases, DuplicateCase, EngineUnreachable, NoWorkerAnswers
from starter.endings import CannotGoOn, Exit
from starter.json_values import is_list, is_object
from starter.moments import TIME_FIELDS, is_relative, read_relative, resolve
from starter.profiles import further_profiles
from starter.scenario import NEEDS_DOSSIER, Look, Read, Step, length
from starter.sealed import own_keys

Work = Callable[[Client, Path, Mapping[str, Path]], AbstractAsyncContextManager[Any]]
"""A worker on cases for an engine, with a data folder and further agreement profiles by id, while it is open."""

SETTLING: Final = timedelta(seconds=1)
"""Virtual time given after a jump, so that what fell due at its very end is told before one looks."""

PATIENCE: Final = timedelta(seconds=60)


@dataclass
class Played:
    """One step as it went."""

    step: int | str
    at: str
    """Virtual time of the act or the look, RFC 3339."""
    case: str
    does: str
    """What the step does, in a few plain words."""
    after: str | None = None
    act: dict[str, Any] | None = None
    expect: str | None = None
    result: str | None = None
    as_expected: bool = True
    unmet: list[str] = field(default_factory=list[str])
    """Each expectation that was not met, a sentence."""
    receipt: dict[str, Any] | None = None
    faults: list[Fault] = field(default_factory=list[Fault])

    def not_met(self, sentence: str) -> None:
        self.unmet.append(sentence)
        self.as_expected = False


@dataclass
class Course:
    """One scenario as it went."""

    file: str
    title: str
    agreement: str
    steps: list[Played] = field(default_factory=list[Played])
    cases: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """By name: the reference, the last view and the whole ledger."""


@dataclass
class Rehearsal:
    """Every scenario as it went."""

    courses: list[Course] = field(default_factory=list[Course])

    @property
    def steps(self) -> int:
        return sum(len(course.steps) for course in self.courses)

    @property
    def as_expected(self) -> int:
        return sum(played.as_expected for course in self.courses for played in course.steps)

    @property
    def summary(self) -> str:
        return f"{self.steps} steps, {self.as_expected} as expected, {self.steps - self.as_expected} not"

    def as_json(self) -> dict[str, Any]:
        return {
            "scenarios": [asdict(course) for course in self.courses],
            "steps": self.steps,
            "as_expected": self.as_expected,
            "not": self.steps - self.as_expected,
        }


class Listener:
    """Told how a rehearsal goes, while it goes. This one is silent."""

    def begins(self, course: Course, steps: int) -> None: ...

    def played(self, course: Course, step: Played) -> None: ...


async def rehearse(scenarios: Sequence[Read], work: Work, listener: Listener | None = None) -> Rehearsal:
    """Play every scenario to its end. Raises CannotGoOn when an engine or a worker cannot be had."""
    told, rehearsal = listener or Listener(), Rehearsal()
    for scenario in scenarios:
        course = Course(scenario.file, scenario.title, scenario.agreement)
        rehearsal.courses.append(course)
        told.begins(course, len(scenario.scenario.steps) + (scenario.scenario.finally_ is not None))
        profiles = further_profiles(scenario)
        async with _house(work, profiles) as (engine, cases):
            await _Play(scenario, course, engine, cases, told).through(next(iter(profiles), scenario.agreement))
    return rehearsal


@asynccontextmanager
async def _house(work: Work, profiles: Mapping[str, Path]) -> AsyncGenerator[tuple[WorkflowEnvironment, Cases]]:
    """An engine whose time skips, and a worker with an empty data folder."""
    data = Path(tempfile.mkdtemp(prefix="homeward-rehearsal-"))
    try:
        async with (
            own_keys(data) as sealing,
            await WorkflowEnvironment.start_time_skipping(
                test_server_existing_path=binary(TEST_SERVER), data_converter=sealing.converter
            ) as engine,
            work(engine.client, data, profiles),
        ):
            yield engine, Cases(engine.client, patience=PATIENCE)
    finally:
        shutil.rmtree(data, ignore_errors=True)


class _Play:
    """One scenario being played."""

    def __init__(
        self, scenario: Read, course: Course, engine: WorkflowEnvironment, cases: Cases, told: Listener
    ) -> None:
        self._scenario = scenario
        self._course = course
        self._engine = engine
        self._cases = cases
        self._told = told
        self._references: dict[str, str] = {}
        self._silent = False
        """Whether a case gave no answer any more: further steps would only wait for it, each as long."""

    async def through(self, agreement: str) -> None:
        """Open the cases and play every step; ``agreement`` is the id under which they open."""
        now = await self._engine.get_current_time()
        for name, intake in self._scenario.intakes().items():
            given = {**resolve(intake, now), "agreement": agreement}
            try:
                self._references[name] = await self._cases.open(given, today=now.date())
            except Malformed as malformed:
                raise CannotGoOn(
                    f"{self._scenario.file}: the case cannot be opened",
                    code=Exit.MALFORMED,
                    faults=[Fault(path=f"{name}.{f['path']}", message=f["message"]) for f in malformed.faults],
                ) from None
            except DuplicateCase as duplicate:
                sentence = f"{self._scenario.file}: {name} cannot be opened: {duplicate.sentence}"
                raise CannotGoOn(sentence, code=Exit.MALFORMED) from None
        for n, step in enumerate(self._scenario.scenario.steps, start=1):
            played = await self._step(n, step)
            self._course.steps.append(played)
            self._told.played(self._course, played)
        await self._end()
        for name, reference in self._references.items() if not self._silent else ():
            self._course.cases[name] = {
                "reference": reference,
                "view": await self._cases.view(reference),
                "ledger": await self._cases.ledger(reference),
            }

    async def _step(self, n: int, step: Step) -> Played:
        if self._silent:
            played = Played(n, "", self._scenario.case_of(step), _in_words(self._scenario.act_of(step)))
            played.not_met("it was not played: no answer came to a step before")
            return played
        if span := length(step):
            now = await self._engine.get_current_time()
            await self._engine.sleep(span.after(now) - now + SETTLING)
        now = await self._engine.get_current_time()
        name = self._scenario.case_of(step)
        played = Played(n, _written(now), name, _in_words(self._scenario.act_of(step)), after=step.after)
        try:
            if step.act is not None:
                await self._say(played, step, now)
            await self._look(played, step, now)
        except CannotGoOn as error:
            self._silent = isinstance(error, (NoWorkerAnswers, EngineUnreachable))
            played.not_met(error.sentence)
        return played

    async def _say(self, played: Played, step: Step, now: datetime) -> None:
        """Say the step's act and compare the answer."""
        reference = self._references[played.case]
        act = await self._complete(resolve(self._scenario.act_of(step), now), played)
        played.act, played.expect = act, step.expect or "accepted"
        refusers: set[str] = set()
        try:
            receipt = await self._cases.record(reference, act)
        except MalformedAct as malformed:
            played.result, played.faults = "malformed", malformed.faults
            refusers = {"well-formed"}
        else:
            played.result, played.receipt = receipt["result"], receipt
            refusers = {refusal["safeguard"] for refusal in receipt["refusals"]}
        if played.result != played.expect:
            played.not_met(f"expected {played.expect}")
        for safeguard in step.safeguards:
            if safeguard not in refusers:
                played.not_met(f"{safeguard} did not refuse it")

    async def _complete(self, act: dict[str, Any], played: Played) -> dict[str, Any]:
        """The act with what a scenario may leave out: its id, and the head that an approver read."""
        complete = {"act_id": f"step-{played.step}", **act}
        if complete.get("act") not in NEEDS_DOSSIER:
            return complete
        dossier = complete.get("dossier")
        reference = self._references[played.case]
        if dossier is None and "dossier" not in complete and self._scenario.scenario.dossier == "auto":
            complete["dossier"] = (await self._cases.view(reference))["head"]
        elif isinstance(dossier, str) and (asked := re.fullmatch(r"@entry:(\d{1,9})", dossier)):
            number = int(asked[1])
            entries = await self._cases.ledger(reference, number)
            complete["dossier"] = entries[0]["hash"] if entries else dossier
        return complete

    async def _end(self) -> None:
        """What must hold at the end: one more step, which only looks."""
        looks = list(self._scenario.ending())
        if not looks or self._silent:
            return
        now = await self._engine.get_current_time()
        played = Played("finally", _written(now), looks[0][0], "looks")
        for name, look in looks:
            played.case = name
            try:
                await self._look(played, look, now)
            except CannotGoOn as error:
                played.not_met(error.sentence)
        self._course.steps.append(played)
        self._told.played(self._course, played)

    async def _look(self, played: Played, look: Look, now: datetime) -> None:
        """Compare the case with what the step says of it."""
        reference = self._references[played.case]
        if look.view is not None or look.overdue:
            view = await self._cases.view(reference)
            if look.view is not None:
                for sentence in differences(look.view.model_dump(exclude_unset=True), view, now=now):
                    played.not_met(sentence)
            late = overdue(view)
            for name in look.overdue:
                if name not in late:
                    played.not_met(f"{name} is not overdue")
        if look.entries:
            kinds = Counter(entry["kind"] for entry in await self._cases.ledger(reference))
            for kind, least in look.entries.items():
                if kinds[kind] < least:
                    played.not_met(f"there are {kinds[kind]} entries {kind}, expected at least {least}")


def overdue(view: dict[str, Any]) -> set[str]:
    """The names of the deadlines that are overdue in a case view."""
    late = {row["deadline"] for row in view["awaiting"] if row["overdue"]}
    return late | {row["name"] for row in view["deadlines"] if row.get("overdue") and row["met"] is None}


def differences(expected: Any, actual: Any, *, now: datetime, path: str = "") -> list[str]:
    """Where a view is not as expected, a sentence each. What is expected is a part; lists compare as sets.

    In a list of objects each expected object must match one of the actual ones.
    """
    field = path.rpartition(".")[2]
    if is_object(expected):
        if not is_object(actual):
            return [f"{path} is {_plain(actual)}, expected {_plain(expected)}"]
        return [
            sentence
            for name, value in expected.items()
            for sentence in differences(value, actual.get(name), now=now, path=f"{path}.{name}".lstrip("."))
        ]
    if is_list(expected):
        return _set_differences(expected, actual, now, path)
    if is_relative(expected) and field in TIME_FIELDS:
        expected_at = read_relative(expected, now)
        if isinstance(actual, str) and abs(_moment(actual) - expected_at) <= timedelta(minutes=1):
            return []
        return [f"{path} is {_plain(actual)}, expected {_written(expected_at)}"]
    if type(expected) is type(actual) and expected == actual:
        return []
    return [f"{path} is {_plain(actual)}, expected {_plain(expected)}"]


def _set_differences(expected: list[Any], actual: Any, now: datetime, path: str) -> list[str]:
    if not is_list(actual):
        return [f"{path} is {_plain(actual)}, expected {_plain(expected)}"]
    if any(is_object(each) for each in expected):
        return [
            f"{path} holds nothing like {_plain(each)}"
            for each in expected
            if all(differences(each, there, now=now, path=path) for there in actual)
        ]
    missing = [each for each in expected if each not in actual]
    extra = [each for each in actual if each not in expected]
    if missing or extra:
        return [f"{path} is {_plain(actual)}, expected {_plain(expected)}"]
    return []


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _written(moment: datetime) -> str:
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def _plain(value: Any) -> str:
    if is_list(value):
        return ", ".join(_plain(each) for each in value) or "an empty list"
    if is_object(value):
        return "{" + ", ".join(f"{name}: {_plain(each)}" for name, each in value.items()) + "}"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _in_words(act: dict[str, Any] | None) -> str:
    if act is None:
        return "looks"
    actor = act.get("actor")
    if not is_object(actor):
        return str(act.get("act"))
    return f"{act.get('act')} by {actor.get('role')} {actor.get('state')}"
