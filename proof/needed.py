"""That each safeguard is needed: with it switched off, the shortest course of acts that breaks a promise.

The search goes breadth first from the opening through what an ordinary course says and what disturbs it, and in each
state hears everything that anybody might say. The first breach that it meets ends one of the shortest courses there
are. A safeguard without which nothing breaks is told as well, with the reason why.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from procedure.agreement import Agreement
from procedure.vocabulary import SAFEGUARD_NAMES
from proof.exploring import FAILS, Exploration, Found, Scope, without
from proof.promises import CONCLUDES, Breach
from proof.scopes import FAMILY, NINE

ORDINARY: Final = (
    "appoint_guardian",
    "appoint_counsel",
    "report_tracing [nobody found]",
    "assess_family",
    "hear_child",
    "submit_assessment",
    "determine_best_interests",
    "give_consent",
    "adopt_reintegration_plan",
    "assess_rights_impact",
    "approve_return",
    "approve_return [origin]",
    "the time to appeal ends",
    "certify_fit_to_travel",
    "plan_travel",
    "approve_travel",
    "depart",
)
"""What a return asks of people, once each: for a child of nine, who is not asked for a consent of its own."""


@dataclass(frozen=True, kw_only=True)
class _Where:
    """Where to look for what happens without a safeguard: a child, and what is followed besides the ordinary."""

    besides: tuple[str, ...] = ()
    given: tuple[tuple[str, object], ...] = tuple(NINE.items())


_AT_ONCE: Final = _Where()
_SUSPENDED: Final = _Where(besides=("suspend",))
_WHERE: Final[dict[str, _Where]] = {
    "held": _SUSPENDED,
    "non-refoulement": _Where(besides=("lodge_asylum_claim",)),
    "four-eyes": _SUSPENDED,
    "stale-evidence": _Where(besides=("the next evidence grows too old",)),
    "closed-case": _Where(besides=("close_case [withdrawn]",)),
    "family-unity": _Where(given=(("situation", "with_family"), ("placement", FAMILY))),
}

WHY_NOTHING_BREAKS: Final[dict[str, str]] = {
    "care-guaranteed": "asked by the same gate as `safe-family`, which refuses in its place; with both off there is a "
    "breach (the row below)",
}
"""Safeguards without which no promise breaks, each with the reason. A search that finds otherwise fails the proof."""

TOGETHER: Final[tuple[tuple[str, ...], ...]] = (("safe-family", "care-guaranteed"),)
"""Safeguards that stand in for one another, looked at together."""

SOON: Final = (
    "no-detention",
    "guardian-first",
    "guardian-independence",
    "counsel-free",
    "not-your-act",
    "out-of-order",
)
"""Those whose breach is a step or two from the opening."""
MOST_STATES: Final = 40_000


@dataclass(frozen=True)
class Needed:
    """What came of switching safeguards off."""

    safeguards: tuple[str, ...]
    breach: Breach | None
    course: tuple[str, ...]
    states: int
    steps: int
    bounds: frozenset[str]
    """The bounds that the search met; where no promise broke and there are none, it went through the whole scope."""

    @property
    def as_expected(self) -> bool:
        """A breach, or none where it is said why."""
        said = any(name in WHY_NOTHING_BREAKS for name in self.safeguards) and len(self.safeguards) == 1
        return (self.breach is None) == said


def look_without(agreement: Agreement, *safeguards: str, most_states: int = MOST_STATES) -> Needed:
    """Switch safeguards off and look for the shortest breach from the opening of a case."""
    where = _WHERE.get(safeguards[0], _AT_ONCE)
    with without(*safeguards):
        found, breach, course = shortest(
            f"without {' and '.join(safeguards)}",
            agreement,
            dict(where.given),
            (*ORDINARY, *where.besides),
            most_states,
        )
    return Needed(safeguards, breach, course, found.states, found.steps, frozenset(found.bounds))


def shortest(
    name: str,
    agreement: Agreement,
    given: Mapping[str, object],
    follows: tuple[str, ...],
    most_states: int,
    *,
    before: tuple[str, ...] = (),
    deadlines: bool = False,
) -> tuple[Found, Breach | None, tuple[str, ...]]:
    """Explore until a promise breaks: what was found, the breach, and the course that ends in it."""
    scope = Scope(
        name=name,
        about="the shortest breach",
        intakes=(dict(given),),
        before=before,
        follows=follows,
        deadlines=deadlines,
    )
    exploration = Exploration(
        scope, agreement, most_states=most_states, compare_each=0, endings_each=0, until_breach=True
    )
    found = exploration.run()
    # All breaches of one look are of the last state that was looked at, so their courses are of one length.
    # Where one act breaks several things, the harm is told before what the record concludes of it.
    told_last = (CONCLUDES, FAILS)
    harms = sorted(found.breaches, key=lambda each: each[0][0] in told_last and 1 + told_last.index(each[0][0]))
    breach, course = harms[0] if harms else (None, list[str]())
    return found, breach, tuple(course)


def every() -> list[tuple[str, ...]]:
    """Each safeguard by itself, and those that stand in for one another together."""
    return [*((name,) for name in SAFEGUARD_NAMES), *TOGETHER]
