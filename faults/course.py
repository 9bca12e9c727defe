"""Sixty acts through a case: a shipped scenario from its opening to its end, with more said on the way."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any, Final

from starter import scenario
from starter.moments import Span
from starter.scenario import Read, length, profile_path

Act = dict[str, Any]
ACTS: Final = 60


@dataclass(frozen=True)
class Planned:
    """One act of a course. Its moments and the head that was read are filled in when it is said."""

    n: int
    after: Span | None
    act: Act | None
    expect: str | None = None
    """What the scenario says comes of it; None for what is said beside it, which the law may take or refuse."""


@cache
def scenarios() -> Sequence[Read]:
    """The shipped scenarios of one case, under agreements that are shipped."""
    found = [scenario.find(name) for name in scenario.shipped()]
    return [
        each for each in found if not each.scenario.more_cases and profile_path(each.agreement, each.folder) is None
    ]


def draw(die: Random, least: int = ACTS) -> tuple[Read, list[Planned]]:
    """A course of at least so many acts: reports, decisions, refused ones, and malformed ones where the scenario has them."""
    read = die.choice(scenarios())
    steps = read.scenario.steps
    acts = sum(step.act is not None for step in steps)
    before: dict[int, list[Act]] = {}
    for _ in range(max(0, least - acts)):
        before.setdefault(die.randrange(1, len(steps)), []).append(_beside(die, read.scenario.intake))
    course: list[Planned] = []
    for n, step in enumerate(steps):
        for act in before.get(n, []):
            course.append(Planned(len(course), None, act))
        act = read.act_of(step)
        expect = (step.expect or "accepted") if act and not _names_an_entry(act) else None
        course.append(Planned(len(course), length(step), act, expect))
    return read, course


def _names_an_entry(act: Act) -> bool:
    """Whether an act names an entry by its number: with more said on the way, that is another entry's here."""
    return "complaint" in act or "entry" in act or str(act.get("dossier")).startswith("@entry:")


def states_of(read: Read) -> list[str]:
    """Every state that a scenario names, whose offices may be owed a notice."""
    text = json.dumps(read.scenario.model_dump(mode="json"))
    return sorted(set(re.findall(r'"(?:host_state|origin_state|state)": "([A-Z]{2})"', text)))


def _beside(die: Random, intake: dict[str, Any]) -> Act:
    """What changes nothing of the course: a report, a note, or an act of somebody whose act it is not."""
    host = intake["host_state"]
    act, role, fields = die.choice(
        [
            ("note", "caseworker", {"text": "an invented note"}),
            ("note", "ombudsperson", {"text": "another invented note"}),
            ("note", "guardianship_authority", {"text": "a third invented note"}),
            ("complain", "child", {"about": "an invented complaint"}),
            ("close_case", "monitor", {"outcome": "withdrawn"}),
            ("grant_stay", "escort", {"status": "residence"}),
            ("approve_return", "law_enforcement", {}),
            ("suspend", "health_worker", {"ground": "health"}),
        ]
    )
    actor = {"id": f"{role.replace('_', '-')}-beside", "role": role, "state": host}
    return {"act": act, "actor": actor, "reason": "an invented reason", **fields}
