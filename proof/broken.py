"""Laws that are broken in one place each, and the shortest course on which the proof sees it.

A safeguard refuses, and can be switched off (:mod:`proof.needed`). What the law concludes, and when it says that time
is over, refuses nothing: here each of these is broken by a patch that exists only while the search runs. A breach that
the proof would not see shows that it takes the law's word for something.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from procedure import deadlines, decide, effects, folding
from procedure.agreement import Agreement
from procedure.case import Case, Deadline
from procedure.entries import moment
from procedure.safeguards.asked import Asked, Refusal
from proof.needed import ORDINARY, shortest
from proof.promises import Breach
from proof.scopes import NINE

Patches = tuple[tuple[Any, str, Any], ...]
"""What is replaced: where it stands, its name there, and what takes its place."""
Facts = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Broken:
    """One law that is not the procedure's. ``law`` goes on after "a law by which"."""

    law: str
    patches: Callable[[], Patches]
    besides: tuple[str, ...] = ()
    """What is followed besides the ordinary."""
    after: str | None = None
    """Where the search begins after the ordinary course up to this, which is not looked at then; else at the opening."""
    deadlines: bool = False
    """Whether all deadlines are kept in a state, because the search extends one."""


@dataclass(frozen=True)
class Seen:
    """What came of a broken law: the shortest course to what the proof sees of it, or none."""

    law: str
    breach: Breach | None
    course: tuple[str, ...]
    states: int
    steps: int


@contextmanager
def patched(patches: Patches) -> Generator[None]:
    """The law with something else in these places. For the proof only."""
    lawful = [(where, name, getattr(where, name)) for where, name, _ in patches]
    for where, name, other in patches:
        setattr(where, name, other)
    try:
        yield
    finally:
        for where, name, was in lawful:
            setattr(where, name, was)


def look_at(law: str, agreement: Agreement, *, most_states: int = 1_000) -> Seen:
    """Break the law and look for the shortest course on which it shows, from the opening or from a later point on."""
    broken = BY_NAME[law]
    before = ORDINARY[: ORDINARY.index(broken.after) + 1] if broken.after else ()
    follows = (*ORDINARY[len(before) :], *broken.besides)
    with patched(broken.patches()):
        found, breach, course = shortest(
            f"a law by which {law}", agreement, NINE, follows, most_states, before=before, deadlines=broken.deadlines
        )
    return Seen(law, breach, course, found.states, found.steps)


def _concludes(changed: Callable[[Asked, Facts], Facts]) -> Callable[[], Patches]:
    """A law whose acts conclude something else."""

    def patches() -> Patches:
        lawful = decide.effects

        def otherwise(asked: Asked) -> Facts:
            return changed(asked, lawful(asked))

        return ((decide, "effects", otherwise),)

    return patches


def _without(facts: Facts, *dropped: str) -> Facts:
    return {fact: value for fact, value in facts.items() if fact not in dropped}


def _voids_nothing(*names: str, where: Callable[[Any], bool] = lambda act: True) -> Callable[[], Patches]:
    """A law by which these acts void nothing."""

    def changed(asked: Asked, facts: Facts) -> Facts:
        return _without(facts, "voids") if asked.act.act in names and where(asked.act) else facts

    return _concludes(changed)


def _nothing_voided(case: Case) -> list[int]:
    return []


def _detention_voids_nothing() -> Patches:
    return ((effects, "voided_by_detention", _nothing_voided), (decide, "voided_by_detention", _nothing_voided))


def _counts_although(reason: str) -> Callable[[], Patches]:
    def patches() -> Patches:
        lawful = effects.why_hearing_does_not_count

        def careless(asked: Asked) -> list[str]:
            return [each for each in lawful(asked) if each != reason]

        return ((effects, "why_hearing_does_not_count", careless),)

    return patches


def _a_second_to_appeal(asked: Asked, facts: Facts) -> Facts:
    ends = {"appeal_window_ends": moment(asked.at + timedelta(seconds=1))}
    return {**facts, **ends} if "appeal_window_ends" in facts else facts


def _approvals_open_no_time(asked: Asked, facts: Facts) -> Facts:
    return _without(facts, "appeal_window_ends") if asked.act.act == "approve_return" else facts


def _no_round_after_a_refusal(asked: Asked, facts: Facts) -> Facts:
    return _without(facts, "round", "voids") if asked.act.act == "decline_return" else facts


def _rests_on_what_is_not_there(asked: Asked, facts: Facts) -> Facts:
    return {**facts, "rests_on_guarantee": True} if "rests_on_guarantee" in facts else facts


def _due_later(name: str, days: int) -> Callable[[], Patches]:
    def patches() -> Patches:
        lawful = deadlines.Rule.due

        def later(rule: deadlines.Rule, case: Case, ground: deadlines.Ground, at: datetime) -> datetime:
            return lawful(rule, case, ground, at) + timedelta(days=days * (rule.name == name))

        return ((deadlines.Rule, "due", later),)

    return patches


def _never_owed(name: str) -> Callable[[], Patches]:
    def patches() -> Patches:
        lawful = deadlines.grounds

        def grounds(case: Case, at: datetime) -> dict[str, deadlines.Ground]:
            return {key: ground for key, ground in lawful(case, at).items() if deadlines.name_of(key) != name}

        return ((deadlines, "grounds", grounds),)

    return patches


def _time_tells(told: Callable[[str, str, int], bool]) -> Callable[[], Patches]:
    """A law by which time puts only some of what it brings on record: what, of which deadline, and to which level."""

    def patches() -> Patches:
        lawful = decide.moments

        def moments(case: Case, until: datetime | None = None) -> Iterator[tuple[datetime, str, str, int]]:
            return (each for each in lawful(case, until) if told(*each[1:]))

        return ((decide, "moments", moments),)

    return patches


def _stretched_again() -> Patches:
    """Each extension is held to the limit by itself, however many came before."""
    lawful = decide.refusals

    def forgetful(asked: Asked) -> list[Refusal]:
        running = {key: _never_extended(each) for key, each in asked.case.deadlines.items()}
        fresh = Asked(asked.case.but(deadlines=running), asked.act, asked.at, asked.ledger, signed=asked.signed)
        return lawful(fresh if asked.act.act == "extend_deadline" else asked)

    return ((decide, "refusals", forgetful),)


def _never_extended(deadline: Deadline) -> Deadline:
    return Deadline(deadline.due, deadline.since, deadline.ground, deadline.met, deadline.overdue)


def _folds_no_void() -> Patches:
    """What an entry voids stands on record, and goes on standing in the case."""

    def unmoved(case: Case, numbers: frozenset[int]) -> Case:
        return case

    return ((folding, "_void", unmoved),)


_READY: Final = "assess_rights_impact"
BROKEN: Final = (
    Broken(law="a detention voids nothing", patches=_detention_voids_nothing, after=_READY),
    Broken(
        law="a hearing in detention counts",
        patches=_counts_although("the child was in detention"),
        besides=("report_detention",),
    ),
    Broken(law="a hearing counts with no guardian in office", patches=_counts_although("no guardian was in office")),
    Broken(
        law="a hearing counts without the guardian in the room",
        patches=_counts_although("the guardian was not present"),
    ),
    Broken(law="the time to appeal is one second", patches=_concludes(_a_second_to_appeal)),
    Broken(law="an approval opens no time to appeal", patches=_concludes(_approvals_open_no_time), after=_READY),
    Broken(law="a release is due a thousand days later", patches=_due_later("release", 1_000)),
    Broken(law="nothing is ever overdue or told further", patches=_time_tells(lambda what, key, level: False)),
    Broken(law="nobody is told of what is overdue", patches=_time_tells(lambda what, key, level: what == "overdue")),
    Broken(
        law="a release that is late is never told",
        patches=_time_tells(lambda what, key, level: key != "release"),
        besides=("report_detention",),
    ),
    Broken(
        law="of a release that is late only the ombudsperson is told",
        patches=_time_tells(lambda what, key, level: (key, level) != ("release", 1)),
        besides=("report_detention",),
    ),
    Broken(law="the other state owes no answer", patches=_never_owed("approval_origin"), after="give_consent"),
    Broken(law="who takes a consent back voids nothing", patches=_voids_nothing("withdraw_consent"), after=_READY),
    Broken(
        law="who refuses a consent voids nothing",
        patches=_voids_nothing("give_consent", where=lambda act: not act.given),
        after=_READY,
    ),
    Broken(
        law="a child who wishes to stay voids nothing",
        patches=_voids_nothing("hear_child", where=lambda act: act.wish == "stay"),
        after=_READY,
    ),
    Broken(
        law="another guardian is bound by the consent of the first",
        patches=_voids_nothing("replace_guardian"),
        after=_READY,
    ),
    Broken(
        law="a new round leaves the approvals in force", patches=_voids_nothing("reopen_best_interests"), after=_READY
    ),
    Broken(
        law="a refusal to return begins no round",
        patches=_concludes(_no_round_after_a_refusal),
        after=_READY,
    ),
    Broken(law="every determination rests on a guarantee", patches=_concludes(_rests_on_what_is_not_there)),
    Broken(
        law="a deadline is extended by the limit again and again",
        patches=_stretched_again,
        besides=("extend_deadline [to the limit]",),
        deadlines=True,
    ),
    Broken(
        law="what is void goes on standing",
        patches=_folds_no_void,
        besides=("report_detention", "confirm_release"),
        after=_READY,
    ),
)
"""Each law that is broken, in the order of the table."""
BY_NAME: Final = {broken.law: broken for broken in BROKEN}
