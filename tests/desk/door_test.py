"""The door to a case: where role and states alone decide, nothing is looked up, so that no clock tells of a case."""

import pytest

from desk.door import opened, sight_on
from desk.people import Person
from procedure.vocabulary import ROLES, Role
from procedure.who_may import MAY
from procedure.who_may_see import FIREWALLED, NOTHING, TIED_BY_SIGN_IN, could_say, could_see, may_speak, sees
from starter.client import NoSuchCase
from tests.desk.cases_in_memory import somebody
from tests.desk.desks import a_desk
from tests.procedure.courses import PEOPLE, REFERENCE, Course


def person(role: Role, state: str, *cases: str) -> Person:
    return Person("somebody-7", "Invented", role, state, cases=frozenset(cases))


ASIDE = [
    *(person(role, "RO") for role in ROLES if role not in (FIREWALLED, "relative")),
    *(person(role, "MD", "MD-UA-2026-000001") for role in sorted(TIED_BY_SIGN_IN)),
    *(person(role, "UA") for role in ("auditor", "bid_panel", "asylum_authority", "health_worker")),
    person("system", "MD"),
]


@pytest.mark.parametrize("who", ASIDE, ids=lambda who: f"{who.role} of {who.state}")
async def test_for_who_can_see_no_case_of_these_states_nothing_is_looked_up(who: Person) -> None:
    """The answer of a case that there is not, before the record of any is read; at this desk reading one fails."""
    for act in (None, "approve_travel"):
        with pytest.raises(NoSuchCase):
            await opened(a_desk(), who, REFERENCE, "a test", speaking=act)
    assert await sight_on(a_desk(), who, REFERENCE) == NOTHING


@pytest.mark.parametrize("who", [each for each in PEOPLE if each not in ("police", "system")])
async def test_for_others_it_is_looked_up(who: str) -> None:
    """Which shows that this desk would have failed above."""
    with pytest.raises(AssertionError, match="no case was to be asked"):
        await opened(a_desk(), somebody(who), REFERENCE, "a test")


@pytest.mark.parametrize("step", ["represented", "approved", "arrived"])
def test_what_is_decided_before_the_look_keeps_nobody_out_whom_the_table_lets_in(step: str) -> None:
    """Every role of every state, and every act: who sees or speaks could see or speak by role and states alone."""
    case, people = getattr(Course(), step)().case, [somebody(who) for who in PEOPLE]
    people += [
        Person(each.id, each.name, each.role, state, cases=each.cases)
        for each in people
        for state in ("MD", "UA", "RO")
    ]
    seen = said = 0
    for each in people:
        if not sees(each, case).nothing:
            seen += 1
            assert could_see(each, REFERENCE), each
        for act in MAY:
            if may_speak(each, case, act):
                said += 1
                assert could_say(each, REFERENCE, act), (each, act)
    assert seen > 10 and said > 100
