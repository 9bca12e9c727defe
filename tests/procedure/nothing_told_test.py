"""What is answered to an act does not turn on what is not for who says it: pairs of cases that differ in one such fact.

The nearest way to learn of an asylum claim is to try an act that is closed because of it, and to look at the answer.
"""

from functools import cache
from typing import Any, Final

import pytest

from procedure.acts import parse_act
from procedure.case import Case
from procedure.ledger import Ledger
from procedure.proceedings import Proceedings
from procedure.who_may_see import (
    ALARMS,
    FIREWALLED,
    Part,
    Sight,
    alarm_answered,
    receipt_seen,
    round_began,
    sees,
    spoke,
)
from tests.desk.cases_in_memory import somebody
from tests.procedure.courses import FIELDS, PEOPLE, SEED, Course

FACTS: Final[dict[str, Part]] = {
    "lodge_asylum_claim": "asylum",
    "appeal": "appeals",
    "report_detention": "placement",
    "suspend": "notes",
    "complain": "notes",
}
"""The act that makes the fact, and the part in which it stands."""

BASES: Final = {"with a guardian": Course.represented, "approved": Course.approved}
"""Where the case is when the fact comes in: early, and when a hold closes most."""


@cache
def _before(base: str) -> Course:
    return BASES[base](Course())


@cache
def _pair(base: str, fact: str) -> tuple[Course, Course]:
    """The case without the fact and with it, else the same."""
    with_it = BASES[base](Course())
    with_it.say(fact)
    return _before(base), with_it


def _answered(course: Course, who: str, act: str) -> tuple[dict[str, Any], dict[str, Any], Sight]:
    """The receipt of an act, as it is and as it is told, and what who said it sees of the case."""
    person = somebody(who)
    case: Case = course.case
    tried = Proceedings(case, Ledger(course.entries), SEED)
    # The one case has an entry more than the other, and no answer turns on its number alone.
    actor = {"id": person.id, "role": person.role, "state": person.state}
    given = {"act": act, "act_id": "one", "reason": "invented", "actor": actor, **FIELDS[act](course)}
    receipt = tried.hear(parse_act(given), course.at)
    if person.role == FIREWALLED:
        return receipt, alarm_answered(receipt), sees(person, case)
    entries = [*course.entries, *tried.since(case.n)]
    sight = sees(person, tried.case, spoke=spoke(person, entries), round_begins=round_began(entries))
    told = receipt_seen(receipt, sight)
    # The stage is the table's own word to who sees where the case stands, and a detention moves it.
    beside = {"entry", "head", *(["stage"] if sight.whole("standing") else [])}
    return receipt, {name: told[name] for name in told if name not in beside}, sight


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("fact", FACTS)
def test_no_answer_turns_on_what_is_not_for_who_asks(base: str, fact: str) -> None:
    """Every act by everybody: where it has the same end in both cases, they are told the same, word for word."""
    without, with_it = _pair(base, fact)
    assert without.case.holds != with_it.case.holds or with_it.case.n > without.case.n
    tried, differs = 0, list[Any]()
    for who in PEOPLE:
        if who == "system":
            continue
        for act in FIELDS:
            if PEOPLE[who][1] == FIREWALLED and act not in ALARMS:
                continue
            plain, told, _ = _answered(without, who, act)
            held, also_told, sight = _answered(with_it, who, act)
            if sight.any_of(FACTS[fact]):
                continue
            tried += 1
            refused = {each["safeguard"] for each in (*plain["refusals"], *held["refusals"])}
            if plain["result"] != held["result"]:
                # Only an act that is theirs can be tried against the fact; then it is not told what refused it.
                assert "not-your-act" not in refused, (who, act)
            elif sight.what_follows and "not-your-act" not in refused:
                continue  # told why their own act was refused, whatever that names: it is decided so in the table
            elif told != also_told:
                differs.append((who, act, told, also_told))
    assert tried > 100
    assert differs == []


def test_an_act_of_others_is_no_question_about_the_case() -> None:
    """Who is told why their own acts were refused learns by trying another's no more than that it is not theirs."""
    _, with_it = _pair("approved", "lodge_asylum_claim")
    for who in ("protection", "guardianship", "child", "panel"):
        receipt, told, sight = _answered(with_it, who, "approve_return")
        assert sight.what_follows and "held" in {each["safeguard"] for each in receipt["refusals"]}
        if not sight.any_of("asylum"):
            assert "asylum" not in str(told) and "refusals" in told["withheld"]
