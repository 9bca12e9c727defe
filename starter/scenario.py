"""Scenarios: training cases that are acceptance tests (contract, section 9). Their shape and what makes one faulty.

Relative moments are written out only when a step is played: they are relative to virtual now.
"""

import math
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypedDict, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from procedure.acts import ACTS, Actor
from procedure.deadlines import RULES
from procedure.faults import Malformed, MalformedIntake, faults_of
from procedure.intake import parse_intake
from procedure.vocabulary import EntryKind, Hold, Outcome, SafeguardName, Solution, Stage
from starter.json_values import is_list, is_object
from starter.moments import Span, faults_of_moments, read_duration, resolve
from starter.yaml_text import MOST_CHARACTERS, MOST_VALUES, NotReadable, read_text

NEEDS_DOSSIER: Final = frozenset(name for name, model in ACTS.items() if "dossier" in model.model_fields)
"""Acts that name the ledger head which the approver read."""

LONGEST_PLAY: Final = timedelta(days=36_525)
"""So much virtual time may a scenario take, all in all."""

_ROWS: Final = {
    "awaiting": (
        "act",
        "role",
        "state",
        "deadline",
        "due",
        "overdue",
        "escalations",
        "stands_still",
        "about",
        "person",
    ),
    "deadlines": ("name", "due", "met", "overdue", "escalations", "stands_still"),
}
"""The fields of the rows in those lists of the case view."""

_MAIN: Final = "intake"
"""The name of a scenario's first case, the one that `intake` opens."""


class ScenarioFault(TypedDict):
    """One thing wrong with a scenario: where, and what to do about it."""

    file: str
    step: int | str | None
    """The step's number from 1, ``finally``, or None for the head of the file."""
    field: str
    message: str


class MalformedScenario(Malformed):
    """A scenario that cannot be played; :attr:`found` lists everything wrong with it."""

    what = "scenario"

    def __init__(self, found: list[ScenarioFault]) -> None:
        self.found = found
        super().__init__([{"path": _place(fault), "message": fault["message"]} for fault in found])


def _place(fault: ScenarioFault) -> str:
    step = fault["step"]
    where = f"step {step}, " if isinstance(step, int) else f"{step}, " if step else ""
    return f"{fault['file']}: {where}{fault['field']}"


def _not_bare(value: Any) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise ValueError("needs a unit; write for example 90m, 12h, 3d or 2w")
    if isinstance(value, str):
        read_duration(value)
    return value


Duration = Annotated[str, BeforeValidator(_not_bare)]
AtLeast = Annotated[int, Field(ge=0)]


def _known_deadline(value: Any) -> Any:
    if isinstance(value, str) and value not in RULES and not re.fullmatch(r"visit_\d{1,3}", value):
        known = ", ".join(sorted(set(RULES) - {"visit"}))
        raise ValueError(f"no such deadline; there are {known}, and visit_1 and on")
    return value


DeadlineName = Annotated[str, BeforeValidator(_known_deadline)]


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ExpectedView(_Written):
    """A part of the case view that must match. Lists compare as sets."""

    reference: str | None = None
    agreement: str | None = None
    agreement_version: str | None = None
    host_state: str | None = None
    origin_state: str | None = None
    status: Literal["open", "closed"] | None = None
    stage: Stage | None = None
    solution: Solution | None = None
    outcome: Outcome | None = None
    holds: list[Hold] | None = None
    turned_18: bool | None = None
    placement: dict[str, Any] | None = None
    guardian: str | None = None
    counsel: str | None = None
    caseworker: str | None = None
    round: int | None = None
    awaiting: list[dict[str, Any]] | None = None
    deadlines: list[dict[str, Any]] | None = None
    opened_at: str | None = None
    entries: int | None = None
    refused: int | None = None
    head: str | None = None
    procedure_version: str | None = None


class Look(_Written):
    """What must hold when one looks at the case."""

    view: Annotated[ExpectedView | None, Field(description="a part of the case view; lists compare as sets")] = None
    overdue: Annotated[list[DeadlineName], Field(description="deadlines that must be overdue now")] = []
    entries: Annotated[dict[EntryKind, AtLeast], Field(description="at least so many entries of a kind")] = {}


class Step(Look):
    """One step: time passes, then somebody acts, then one looks."""

    after: Annotated[
        Duration | None, Field(description="virtual time that passes first: 90m, 12h, 3d, 2w, or ISO 8601")
    ] = None
    case: Annotated[str | None, Field(description="which case, where the scenario has `more_cases`")] = None
    act: Annotated[dict[str, Any] | None, Field(description="one act; act_id and dossier may be left out")] = None
    expect: Annotated[Literal["accepted", "refused", "malformed"] | None, Field(description="default: accepted")] = None
    safeguards: Annotated[list[SafeguardName], Field(description="all of these must be among those that refused")] = []
    note: Annotated[str | None, Field(description="a remark for the reader")] = None


class Ending(Look):
    """What must hold at the end, of the first case and of further ones."""

    cases: Annotated[dict[str, Look], Field(description="the same for cases of `more_cases`, by name")] = {}


class Scenario(_Written):
    """A training case, an acceptance test, and a way to try an agreement before it is signed."""

    title: Annotated[str | None, Field(min_length=1, description="default: the file's name")] = None
    agreement: Annotated[
        str | None, Field(min_length=1, description="id of an agreement, or a path to a profile beside the scenario")
    ] = None
    intake: Annotated[dict[str, Any], Field(description="what the case opens with; `agreement` may be left out")]
    more_cases: Annotated[
        dict[str, dict[str, Any]], Field(description="intakes of further cases, opened after the first, by name")
    ] = {}
    actors: Annotated[dict[str, dict[str, Any]], Field(description="shorthands for actors")] = {}
    steps: Annotated[list[Step], Field(min_length=1)]
    dossier: Annotated[
        Literal["auto", "manual"],
        Field(description="auto: acts that need `dossier` and have none get the current head"),
    ] = "auto"
    finally_: Annotated[Ending | None, Field(alias="finally", description="what must hold at the end")] = None
    note: Annotated[str | None, Field(description="a remark for the reader")] = None


class Read:
    """A scenario that is in order, and where it came from."""

    def __init__(self, scenario: Scenario, *, file: str, folder: Path) -> None:
        self.scenario = scenario
        self.file = file
        self.folder = folder

    @property
    def title(self) -> str:
        return self.scenario.title or self.file

    @property
    def agreement(self) -> str:
        """The agreement's id or path: the scenario's own word before its intake's, else ``model``."""
        return self.scenario.agreement or self.scenario.intake.get("agreement") or "model"

    def intakes(self) -> dict[str, dict[str, Any]]:
        """The intakes by name of case, in the order of opening; actors' shorthands written out."""
        named = {_MAIN: self.scenario.intake, **self.scenario.more_cases}
        return {name: {**intake, **_opener(intake, self.scenario.actors)} for name, intake in named.items()}

    def case_of(self, step: Step) -> str:
        return step.case or _MAIN

    def ending(self) -> Iterator[tuple[str, Look]]:
        """What must hold at the end, by name of case."""
        if self.scenario.finally_ is not None:
            yield _MAIN, self.scenario.finally_
            yield from self.scenario.finally_.cases.items()

    def act_of(self, step: Step) -> dict[str, Any] | None:
        """The step's act with its actor's shorthand written out."""
        if step.act is None:
            return None
        actor = step.act.get("actor")
        if isinstance(actor, str) and actor in self.scenario.actors:
            return {**step.act, "actor": self.scenario.actors[actor]}
        return dict(step.act)


def profile_path(agreement: str, folder: Path) -> Path | None:
    """The profile's file when ``agreement`` is written as a path, seen from ``folder``; None when it is an id."""
    if not (agreement.endswith(".toml") or "/" in agreement or "\\" in agreement or agreement.startswith(".")):
        return None
    path = folder / Path(agreement).expanduser()
    return path / "profile.toml" if path.is_dir() else path


def length(step: Step) -> Span | None:
    """How much virtual time passes before the step."""
    return read_duration(step.after) if step.after else None


def shipped() -> list[str]:
    """The names of the scenarios that come with Homeward, in their order."""
    folder = resources.files("starter") / "scenarios"
    if not folder.is_dir():
        return []
    return sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))


def find(name: str) -> Read:
    """The scenario at a path, on standard input (``-``), or shipped under that name.

    Raises :class:`MalformedScenario` with every fault, FileNotFoundError when there is none, and
    OSError when it cannot be read.
    """
    if name == "-":
        return read(sys.stdin.read(MOST_CHARACTERS + 1), file="standard input", folder=Path())
    path = Path(name)
    if path.is_file():
        return read(_text_of(path, name), file=name, folder=path.parent)
    bare = name.removesuffix(".yaml")
    if bare in shipped():
        file = resources.files("starter") / "scenarios" / f"{bare}.yaml"
        with resources.as_file(file) as on_disk:
            return read(file.read_text("utf-8"), file=bare, folder=on_disk.parent)
    if path.is_dir():
        raise IsADirectoryError(f"{name} is a folder; name the scenario files in it")
    raise FileNotFoundError(f"no scenario {name}; `homeward rehearse` without a name lists those that are shipped")


def read(text: str, *, file: str, folder: Path) -> Read:
    """Read a scenario, YAML or JSON. Raises :class:`MalformedScenario` with every fault."""
    given = _parsed(text, file)
    try:
        scenario = Scenario.model_validate(given)
    except ValidationError as error:
        found = [_fault(file, fault["path"], fault["message"]) for fault in faults_of(error)]
        raise MalformedScenario(found) from None
    whole = Read(scenario, file=file, folder=folder)
    if found := [_fault(file, path, message) for path, message in _disagreements(whole)]:
        raise MalformedScenario(found)
    return whole


def _text_of(path: Path, name: str) -> str:
    """The text of a file, no more of it than tells that it is too long."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return file.read(MOST_CHARACTERS + 1)
    except UnicodeDecodeError:
        raise MalformedScenario([_fault(name, "$", "is not UTF-8 text")]) from None


def _parsed(text: str, file: str) -> Any:
    try:
        given = read_text(text)
    except NotReadable as error:
        raise MalformedScenario([_fault(file, error.where, f"is neither YAML nor JSON: {error.why}")]) from None
    if not is_object(given):
        raise MalformedScenario([_fault(file, "$", "must be an object with title, intake and steps")])
    try:
        return _as_json(given, "", [MOST_VALUES])
    except RecursionError:
        raise MalformedScenario([_fault(file, "$", "holds an alias that refers to itself")]) from None
    except _NotJson as error:
        raise MalformedScenario([_fault(file, error.path or "$", error.message)]) from None


class _NotJson(ValueError):
    def __init__(self, path: str, message: str) -> None:
        self.path, self.message = path, message
        super().__init__(message)


def _as_json(given: Any, path: str, left: list[int]) -> Any:
    """What YAML gave as JSON values only, each alias written out; ``left`` counts down how many there may be."""
    left[0] -= 1
    if left[0] < 0:
        raise _NotJson("", f"comes to more than {MOST_VALUES} values when its aliases are written out")
    if is_object(given):
        written: dict[str, Any] = {}
        for name, value in cast(dict[Any, Any], given).items():
            if not isinstance(name, str):
                raise _NotJson(path, f"the name of a field must be a text; put {name!r} in quotes")
            written[name] = _as_json(value, f"{path}.{name}".lstrip("."), left)
        return written
    if is_list(given):
        return [_as_json(value, f"{path}.{n}".lstrip("."), left) for n, value in enumerate(given)]
    if isinstance(given, float) and not math.isfinite(given):
        raise _NotJson(path, "is not a number that JSON knows")
    if given is None or isinstance(given, (str, int, float, bool)):
        return given
    raise _NotJson(path, "is nothing that JSON knows")


def _fault(file: str, path: str, message: str) -> ScenarioFault:
    """A fault at a dotted path of the file, told by step and field."""
    path = path.removesuffix(".[key]")
    head, _, rest = path.partition(".")
    if head == "steps" and rest:
        number, _, field = rest.partition(".")
        if number.isdecimal() and len(number) < 10:  # a field of that name may have thousands of digits
            return ScenarioFault(file=file, step=int(number) + 1, field=field or "$", message=message)
    if head == "finally":
        return ScenarioFault(file=file, step="finally", field=rest or "$", message=message)
    return ScenarioFault(file=file, step=None, field=path, message=message)


def _opener(intake: dict[str, Any], actors: dict[str, dict[str, Any]]) -> dict[str, Any]:
    opener = intake.get("opened_by")
    return {"opened_by": actors[opener]} if isinstance(opener, str) and opener in actors else {}


def _disagreements(whole: Read) -> Iterator[tuple[str, str]]:
    """Faults of a scenario whose fields are each of the right shape."""
    scenario = whole.scenario
    for name, actor in scenario.actors.items():
        try:
            Actor.model_validate(actor)
        except ValidationError as error:
            yield from ((f"actors.{name}.{fault['path']}", fault["message"]) for fault in faults_of(error))
    for name, intake in whole.intakes().items():
        path = name if name == _MAIN else f"more_cases.{name}"
        yield from ((f"{path}.{field}", message) for field, message in _intake_faults(intake))
    if _MAIN in scenario.more_cases:
        yield f"more_cases.{_MAIN}", "that is the first case's own name; choose another"
    for n, step in enumerate(scenario.steps):
        yield from ((f"steps.{n}.{field}", message) for field, message in _step_faults(step, scenario))
    yield from _too_late(scenario)
    for name, look in whole.ending():
        path = "finally" if name == _MAIN else f"finally.cases.{name}"
        if name != _MAIN and name not in scenario.more_cases:
            yield path, "no such case in `more_cases`"
        yield from ((f"{path}.{field}", message) for field, message in _look_faults(look))


def _too_late(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """The first step that leads further than an engine's clock and a calendar go."""
    at = begins = datetime.now(UTC)
    for n, step in enumerate(scenario.steps):
        try:
            at = span.after(at) if (span := length(step)) else at
        except OverflowError:
            at = None
        if at is None or at > begins + LONGEST_PLAY:
            yield f"steps.{n}.after", "leads more than a hundred years beyond the beginning"
            return


def _intake_faults(intake: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if moments := faults_of_moments(intake):
        yield from moments
        return
    now = datetime.now(UTC)
    try:
        # Any id does here: which agreement it is, the scenario may say, and as a path.
        parse_intake({**resolve(intake, now), "agreement": "model"}, today=now.date())
    except MalformedIntake as malformed:
        yield from ((fault["path"], fault["message"]) for fault in malformed.faults)


def _step_faults(step: Step, scenario: Scenario) -> Iterator[tuple[str, str]]:
    if step.case is not None and step.case != _MAIN and step.case not in scenario.more_cases:
        yield "case", "no such case in `more_cases`"
    if step.act is None:
        if step.expect is not None:
            yield "expect", "there is no act in this step of which to expect anything"
        if step.safeguards:
            yield "safeguards", "there is no act in this step that a safeguard could refuse"
        if step.after is None and not step.model_fields_set & {"view", "overdue", "entries", "note"}:
            yield "$", "this step says nothing; give it `after`, `act`, `view`, `overdue` or `entries`"
    else:
        yield from ((f"act.{field}", message) for field, message in _act_faults(step, scenario))
        if step.safeguards and step.expect in (None, "accepted"):
            yield "safeguards", "an accepted act is refused by none; say `expect: refused`"
        if step.expect == "malformed" and set(step.safeguards) - {"well-formed"}:
            yield "safeguards", "a malformed act reaches no safeguard; only `well-formed` can stand here"
    yield from _look_faults(step)


def _act_faults(step: Step, scenario: Scenario) -> Iterator[tuple[str, str]]:
    act = step.act or {}
    yield from faults_of_moments(act)
    if step.expect == "malformed":
        return  # whatever else is wrong with it may be what the step is about
    actor = act.get("actor")
    if isinstance(actor, str) and actor not in scenario.actors:
        yield "actor", "no such shorthand in `actors`"


def _look_faults(look: Look) -> Iterator[tuple[str, str]]:
    if look.view is not None:
        given = look.view.model_dump(exclude_unset=True)
        if not given:
            yield "view", "says nothing; name at least one field of the case view"
        yield from ((f"view.{field}", message) for field, message in faults_of_moments(given))
        for name, known in _ROWS.items():
            for n, row in enumerate(given.get(name) or []):
                yield from (
                    (f"view.{name}.{n}.{field}", f"no such field here; there are {', '.join(known)}")
                    for field in row
                    if field not in known
                )
