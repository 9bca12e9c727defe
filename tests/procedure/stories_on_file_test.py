"""What each rule says of a case after every act of stories.py is on file: stage, owed acts, deadlines, age of evidence.

stories_on_file.json beside this file has a line for each standing of each story: in words where the words are short,
and else a digest; where one differs the test prints what it stands for now. After a change that is meant,
HOMEWARD_WRITE_ON_FILE=1 writes the file anew.
"""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from stories import STORIES, Standing, told

from procedure import deadlines, effects, evidence, majority, owed, retention, stages, views
from procedure.safeguards.asked import Asked

ON_FILE = Path(__file__).with_name("stories_on_file.json")
LATER = tuple(timedelta(days=days) for days in (0, 3, 70, 400))
"""Days after which somebody looks again while nothing has come on record."""

Told = tuple[str, Any]
"""What is on file, and what it stands for."""


def _digest(made: Any) -> Told:
    given = json.dumps(made, sort_keys=True, default=str)
    return hashlib.sha256(given.encode()).hexdigest()[:12], made


def _in_words(made: Any) -> Told:
    return json.dumps(made, default=str), made


def _moments(standing: Standing) -> list[datetime]:
    return [standing.at + later for later in LATER]


def _stage(standing: Standing) -> Told:
    said = [stages.stage_of(standing.case, at) for at in _moments(standing)]
    return " ".join(dict.fromkeys(said)), said


def _conditions(standing: Standing) -> Told:
    """Each condition of a stage by itself, as one letter: y or n."""
    case = standing.case
    plain = (
        stages.identified,
        stages.age_settled,
        stages.cared_for,
        stages.represented,
        stages.traced,
        stages.determined,
        stages.guardian_consents,
        stages.approved_by_all,
        stages.return_appealed,
        stages.travelled,
        stages.reintegrated if case.visits else stages.settled,
        stages.settled,
        evidence.safe_family,
        evidence.authority_guarantees,
        evidence.care_guaranteed,
        deadlines.moved_by_time,
    )
    dated = (
        stages.consents_in_force,
        stages.child_consents,
        stages.appeal_window_over,
        stages.decided,
        majority.own_consent_needed,
        deadlines.ready_for_approval,
    )
    said = {rule.__name__: rule(case) for rule in plain}
    said |= {f"{rule.__name__} {at}": rule(case, at) for rule in dated for at in _moments(standing)}
    assert {type(each) for each in said.values()} == {bool}
    return "".join("y" if each else "n" for each in said.values()), said


def _owed(standing: Standing) -> Told:
    rows = [owed.owed(standing.case, at) for at in _moments(standing)]
    known = [f"{r.act} {r.role}@{r.state} {r.key or '-'} {'' if r.about is None else repr(r.about)}" for r in rows[0]]
    return f"{', '.join(known)}; {_digest(rows)[0]}", rows


def _awaiting(standing: Standing) -> Told:
    return _digest([owed.awaiting(standing.case, at) for at in _moments(standing)])


def _view(standing: Standing) -> Told:
    shown = [views.view(standing.case, at) for at in _moments(standing)]
    # The head is of the whole record, and its version is of the day: neither is a matter of these rules.
    assert {each.pop("head") for each in shown} == {standing.case.head}
    assert {each.pop("procedure_version") for each in shown} == {standing.case.procedure_version}
    return _digest([list(each.items()) for each in shown])


def _grounds(standing: Standing) -> Told:
    # In words, for what is on file is older than a ground that is a tuple.
    now = [deadlines.grounds(standing.case, at).items() for at in _moments(standing)]
    return _digest([[(key, str(ground)) for key, ground in each] for each in now])


def _changes(standing: Standing) -> Told:
    """After an entry, under a hold and without one; deadlines as they are, none, on other grounds, and none met yet."""
    case, at = standing.case, standing.at + timedelta(days=2)
    others = {key: replace(each, ground=f"{each.ground}x") for key, each in case.deadlines.items()}
    again = {key: replace(each, met=None) for key, each in case.deadlines.items()}
    cases = (case, *(case.but(deadlines=each) for each in ({}, others, again)), case.but(closed=True))
    return _digest([deadlines.changes(each, holds, at) for each in cases for holds in ((), ("other",))])


def _moved_on(standing: Standing) -> Told:
    """What time will put on record, what an extension makes of each deadline, and how each is shown."""
    case = standing.case
    said: list[Any] = [list(deadlines.moments(case)), list(deadlines.moments(case, standing.at + timedelta(days=14)))]
    said += [list(deadlines.moments(case, each.due)) for each in case.running.values()]
    said += [deadlines.extended(case, deadlines.name_of(key), 3) for key in case.running]
    said += [deadlines.still(each, standing.at + timedelta(days=5)) for each in case.running.values()]
    said += [list(deadlines.escalation_moments(case, key, each)) for key, each in case.running.items()]
    return _digest(said)


def _rows(standing: Standing) -> Told:
    """Of each deadline whose state and source: the rule behind it, and whether it is reached."""
    case = standing.case
    said: list[Any] = []
    for key in case.deadlines:
        rule = deadlines.rule_of(key)
        said.append([key, rule.name, rule.owing_state(case, key), bool(rule.reached(case, key))])
    return _digest(said)


def _age(standing: Standing) -> Told:
    case = standing.case
    comes, asked = majority.eighteenth_birthday(case), majority.age_of_consent(case)
    kept = retention.may_be_erased_from(case)
    return _in_words([majority.born(case), majority.earliest_plausible_birth(case), comes, asked, kept])


def _stale(standing: Standing) -> Told:
    ages = (0, 59, 60, 179, 180, 364, 365, 600)
    said = [list(evidence.stale(standing.case, standing.at + timedelta(days=days))) for days in ages]
    return _digest(said)


def _effects(standing: Standing) -> Told:
    """What follows from each act that would be accepted now."""
    case, ledger = standing.case, standing.ledger
    said: list[Any] = []
    for number, act in enumerate(standing.accepted):
        follows = effects.effects(asked := Asked(case, act, standing.at, ledger))
        begins = effects.begins_round(asked, follows)
        said.append([number, act.act, follows, effects.tells_of_detention(asked), begins])
    return _digest([said, effects.voided_by_detention(case)])


LOOKS: dict[str, Callable[[Standing], Told]] = {
    "stage": _stage,
    "conditions": _conditions,
    "owed": _owed,
    "awaiting": _awaiting,
    "view": _view,
    "grounds": _grounds,
    "changes": _changes,
    "moved on": _moved_on,
    "rows": _rows,
    "age": _age,
    "stale": _stale,
    "effects": _effects,
}
"""What is looked at, by name."""


def lines(look: str, story: str) -> list[tuple[str, Any]]:
    """What is on file of a story under a look, and what each line stands for."""
    return [LOOKS[look](standing) for standing in told(story)]


@cache
def _on_file() -> dict[str, dict[str, list[str]]]:
    return json.loads(ON_FILE.read_text("utf-8"))


def test_every_story_is_on_file_under_every_look() -> None:
    """Each is told here once, in the same words, before it is looked at; the file is written anew where asked for."""
    words = {story: [standing.words for standing in told(story)] for story in STORIES}
    if os.environ.get("HOMEWARD_WRITE_ON_FILE"):
        now: dict[str, Any] = {
            look: {story: [said for said, _ in lines(look, story)] for story in STORIES} for look in LOOKS
        }
        ON_FILE.write_text(json.dumps({"words": words, **now}, indent=1) + "\n", encoding="utf-8")
        _on_file.cache_clear()
    assert words == _on_file()["words"]
    assert {"words", *LOOKS} == _on_file().keys()


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("look", LOOKS)
def test_what_a_rule_says_after_every_act_is_what_is_on_file(look: str, story: str) -> None:
    """Line by line, each story under each look."""
    there = _on_file()[look][story]
    for standing, said, (now, made) in zip(told(story), there, lines(look, story), strict=True):
        assert now == said, f"{standing.words}: {json.dumps(made, indent=1, default=str)}"
