"""The acts that are open now: what the law lets through, and why not the others."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from courses import FAMILY, SEED, Course, Fields, model, shipped
from walking import Walk

from procedure.acts import ACTS, DECISIONS, Act, as_given
from procedure.case import Case
from procedure.entries import Entry, read_moment
from procedure.ledger import Ledger
from procedure.open_acts import OpenAct, open_acts
from procedure.owed import awaiting
from procedure.proceedings import Proceedings
from procedure.who_may import MAY

WALKS = 25


def rows(course: Course, **asked: Any) -> list[OpenAct]:
    return open_acts(course.case, course.at, Ledger(course.entries), **asked)


def row(course: Course, act: str, role: str, state: str = "MD", **asked: Any) -> OpenAct:
    """The one row of that act, role and state."""
    (found,) = [each for each in rows(course, role=role, state=state, **asked) if each.act == act]
    return found


def safeguards(found: OpenAct) -> set[str]:
    return {refusal["safeguard"] for refusal in found.closed_by}


# By hand

ALWAYS = {
    "assess_age",
    "place_child",
    "appoint_counsel",
    "guarantee_care",
    "give_consent",  # a no is taken at any time
    "grant_stay",
    "suspend",
    "assign",
    "extend_deadline",
}
"""Decisions that somebody may take at any stage of an open case."""
REPRESENTED = {"replace_guardian", "open_tracing"}
RETURN = REPRESENTED | {"reopen_best_interests", "decline_return", "adopt_reintegration_plan"}


Reach = Callable[[Course], Course]
STAGES: dict[str, tuple[Reach, set[str]]] = {
    "opened": (lambda c: c, {"appoint_guardian"}),
    "represented": (lambda c: c.represented(), REPRESENTED | {"close_case"}),
    "traced": (lambda c: c.traced(), REPRESENTED | {"close_case"}),
    "assessed": (lambda c: c.assessed(), REPRESENTED | {"close_case", "determine_best_interests"}),
    "determined": (lambda c: c.determined(), RETURN | {"close_case"}),
    "ready to approve": (lambda c: c.ready_to_approve(), RETURN | {"close_case", "approve_return"}),
    "approved": (lambda c: c.approved(), RETURN | {"plan_travel"}),
    "planned": (lambda c: c.planned(), RETURN | {"plan_travel", "approve_travel"}),
    # Two days before the departure that is planned: the law names no day before which nobody leaves.
    "travel approved": (lambda c: c.travel_approved(), RETURN | {"plan_travel", "depart"}),
    "departed": (lambda c: c.departed(), RETURN - {"decline_return"}),
    "arrived": (lambda c: c.arrived(), RETURN - {"decline_return"}),
    "visited": (lambda c: c.visited(), RETURN - {"decline_return"} | {"close_case"}),
    "stay": (lambda c: c.determined("stay"), REPRESENTED | {"reopen_best_interests", "close_case"}),
    "third country": (
        lambda c: c.determined("third_country"),
        REPRESENTED | {"reopen_best_interests", "arrange_third_country", "close_case"},
    ),
}


@pytest.mark.parametrize("name", STAGES)
def test_at_each_stage_the_decisions_that_can_be_taken(name: str) -> None:
    """Written down by hand from the procedure; nothing more and nothing less is open."""
    reach, decisions = STAGES[name]
    course = reach(Course())
    found = {each.act for each in rows(course) if each.open and each.act in DECISIONS}
    no_clock = set[str]() if any(d.open for d in course.case.deadlines.values()) else {"extend_deadline"}
    assert ALWAYS - no_clock | decisions == found


def test_a_closed_case_takes_no_act() -> None:
    """And each row says so."""
    course = Course().represented().does("close_case")
    assert all("closed-case" in safeguards(each) for each in rows(course))


def test_in_detention_the_child_may_be_placed_heard_and_taken_out_and_nothing_moves_the_return() -> None:
    """Care is never held; what is refused says what holds it."""
    course = Course().ready_to_approve().does("report_detention")
    assert {"no-detention", "held", "consent"} <= safeguards(row(course, "approve_return", "central_authority"))
    assert row(course, "give_consent", "guardian").choices == {"given": [False]}
    for act, role in (("place_child", "caseworker"), ("hear_child", "guardian"), ("confirm_release", "legal_counsel")):
        assert row(course, act, role).open


def test_after_eighteen_the_transfer_is_open_and_a_new_panel_is_not() -> None:
    """Reports, care and answers pass; what would decide on the child no longer does."""
    course = Course(born="2008-05-04").assessed().until(datetime(2026, 5, 5, tzinfo=UTC))
    assert row(course, "transfer_to_adult_services", "child_protection_authority").open
    assert row(course, "note", "caseworker").open
    assert {"held", "out-of-order"} <= safeguards(row(course, "determine_best_interests", "bid_panel"))


def test_the_choices_are_those_that_the_law_lets_through() -> None:
    """A panel without a safe relative may find a stay; the row says of a return why not."""
    course = Course().represented().does("open_tracing").does("report_tracing", result="not_found", relatives=[])
    panel = row(course.ready_for_panel(), "determine_best_interests", "bid_panel")
    assert panel.choices == {"solution": ["stay", "third_country", "postpone"]}
    told = panel.as_json()
    assert told["open"] and told["closed_by"] == []
    (closed,) = told["closed_choices"]
    assert "return" == closed["value"]
    assert ["safe-family"] == [refusal["safeguard"] for refusal in closed["closed_by"]]


def test_an_outcome_is_a_choice_when_it_is_true() -> None:
    """Before an approval a case can be withdrawn; a stay that was granted can be recorded as well."""
    course = Course().determined("stay")
    assert row(course, "close_case", "central_authority").choices == {"outcome": ["withdrawn"]}
    course.does("grant_stay")
    assert row(course, "close_case", "central_authority").choices == {"outcome": ["stays", "withdrawn"]}


def test_tracing_through_authorities_is_no_choice_while_a_protection_need_is_open() -> None:
    """The other ways remain."""
    course = Course().represented().does("lodge_asylum_claim")
    assert row(course, "open_tracing", "caseworker").choices == {"via": ["red_cross", "social_service"]}


def test_a_child_with_its_family_is_placed_with_the_family_unless_there_is_danger() -> None:
    """The kinds of placement that are open follow the danger on record."""
    course = Course(situation="with_family", placement=FAMILY)
    assert row(course, "place_child", "caseworker").choices == {"placement.kind": ["family"]}
    course.does("screen_protection", violence=True)
    kinds = row(course, "place_child", "caseworker").choices["placement.kind"]
    assert "foster_family" in kinds
    assert not {"police_station", "border_facility", "closed_school", "penitentiary"} & set(kinds)


def test_what_is_pending_is_a_choice_by_its_number_or_name() -> None:
    """Complaints that wait, grounds of suspension that stand, deadlines that may be extended."""
    course = Course().does("complain")
    asked = course.case.n
    course.does("suspend", ground="health")
    assert row(course, "answer_complaint", "ombudsperson").choices == {"complaint": [asked]}
    assert row(course, "resume", "caseworker").choices == {"ground": ["health"]}
    assert row(course, "suspend", "caseworker").choices == {"ground": ["crisis", "school_year", "other"]}
    assert "guardian" in row(course, "extend_deadline", "central_authority").choices["deadline"]
    course.does("report_detention")
    assert "release" not in row(course, "extend_deadline", "central_authority").choices["deadline"]
    assert not row(Course(), "answer_complaint", "ombudsperson").open
    assert not row(Course(), "resume", "caseworker").open


def test_a_hand_over_to_the_family_is_a_choice_where_a_relative_is_safe() -> None:
    """With the authority's guarantee alone the child is handed over to child protection."""
    assert row(Course().approved(), "plan_travel", "caseworker").choices == {
        "handover.to": ["family", "child_protection"]
    }
    guaranteed = Course().represented().does("open_tracing").does("report_tracing").does("assess_family", safe=False)
    guaranteed.does("guarantee_care").ready_for_panel().determine().consented().prepared().approve()
    assert row(guaranteed, "plan_travel", "caseworker").choices == {"handover.to": ["child_protection"]}


def test_a_relative_is_assessed_where_the_relative_lives() -> None:
    """Also in a third state, whose caseworker then has a row."""
    aunt = {"id": "aunt", "name": "Invented Aunt", "relationship": "aunt", "state": "RO"}
    mother = {"id": "r1", "name": "Invented Mother", "relationship": "mother", "state": "UA"}
    course = Course(relatives=[aunt, mother])
    assert row(course, "assess_family", "caseworker", "RO").choices == {"relative_id": ["aunt"]}
    assert row(course, "assess_family", "caseworker", "UA").choices == {"relative_id": ["r1"]}
    assert {"not-your-act"} == safeguards(row(course, "assess_family", "caseworker", "MD"))
    assert {"MD", "UA", "RO"} == {each.state for each in rows(course) if each.act == "assess_family"}
    assert {"out-of-order"} == safeguards(row(Course(relatives=[]), "assess_family", "caseworker", "UA"))


def test_who_alone_may_act_is_named() -> None:
    """The guardian, counsel and escort in office, and the caseworker assigned; nobody where nobody is."""
    course = Course()
    assert row(course, "give_consent", "guardian").person is None
    assert {"not-your-act"} == safeguards(row(course, "give_consent", "guardian"))
    course.travel_approved().does("assign")
    for act, role, person in (
        ("give_consent", "guardian", "guardian-1"),
        ("appeal", "legal_counsel", "counsel-1"),
        ("depart", "escort", "escort-1"),
        ("submit_assessment", "caseworker", "caseworker-1"),
        ("approve_travel", "child_protection_authority", None),
    ):
        assert person == row(course, act, role).person


def test_a_named_person_meets_four_eyes() -> None:
    """What is open to a colleague is closed to who opened, planned, suspended or assessed."""
    course = Course().ready_to_approve()
    assert row(course, "approve_return", "central_authority").open
    opener = row(course, "approve_return", "central_authority", person="authority-1")
    assert {"four-eyes"} == safeguards(opener)
    course.does("suspend")
    assert row(course, "resume", "central_authority").open
    assert {"four-eyes"} == safeguards(row(course, "resume", "central_authority", person="authority-2"))
    assert {"not-your-act"} == safeguards(row(course, "give_consent", "guardian", person="guardian-2"))
    assessed = Course().assessed()
    assert {"four-eyes"} == safeguards(row(assessed, "determine_best_interests", "bid_panel", person="caseworker-1"))


def test_somebody_without_a_part_is_nobody_in_the_case() -> None:
    """Whatever the people of a case are called, who is asked for by default is none of them."""
    opener = {"id": "nobody-1", "role": "central_authority", "state": "MD"}
    course = Course(opened_by=opener).represented().does("open_tracing").does("report_tracing").does("assess_family")
    course.does("hear_child").does("submit_assessment", {"id": "nobody-2", "role": "caseworker", "state": "MD"})
    assert row(course, "determine_best_interests", "bid_panel").open
    course.determine().consented().prepared()
    assert row(course, "approve_return", "central_authority").open


def test_a_correction_is_open_to_the_role_that_recorded_something() -> None:
    """Of others the row says whose it is."""
    course = Course().does("screen_protection")
    assert row(course, "correct", "caseworker").open
    assert row(course, "correct", "central_authority").open
    assert {"not-your-act"} == safeguards(row(course, "correct", "central_authority", "UA"))
    assert {"not-your-act"} == safeguards(row(course, "correct", "child"))
    course.does("correct", "caseworker", entry=course.case.n, fields={"violence": True})
    assert row(course, "correct", "caseworker").open


def test_an_agreements_further_approver_has_a_row() -> None:
    """A profile that asks a court to approve as well gives the court the act."""
    approvals = (*model().approvals, "court@host")
    agreement = model().model_copy(update={"approvals": approvals})
    course = Course(agreement=agreement).ready_to_approve()
    court = row(course, "approve_return", "court")
    assert court.open and court.owed
    assert not [each for each in rows(course, role="court", state="UA") if each.act == "approve_return"]
    assert not [each for each in rows(Course(), role="court") if each.act == "approve_return"]


def test_each_act_and_role_of_the_table_has_its_rows() -> None:
    """Nobody's act is left out, and nobody else's put in; the machines have none."""
    found = rows(Course())
    assert {(each.act, each.role) for each in found} == {(act, role) for act, roles in MAY.items() for role in roles}
    assert set(ACTS) == {each.act for each in found}
    assert len(found) == len({(each.act, each.role, each.state) for each in found})
    assert {"MD", "UA"} == {each.state for each in found}
    assert rows(Course(), role="auditor") == []


def test_rows_are_kept_by_role_and_state() -> None:
    """A filter gives the same rows as choosing among all; a third state has its alarms."""
    course = Course().arrived()
    kept = rows(course, role="monitor", state="UA")
    assert kept == [each for each in rows(course) if each.role == "monitor" and each.state == "UA"]
    assert {"report_detention", "report_missing", "report_found", "complain", "correct"} == {
        each.act for each in rows(course, role="monitor", state="RO")
    }


def test_what_is_owed_says_by_when() -> None:
    """Every row of the case view's `awaiting` is an owed act, with the earliest moment."""
    for course in (Course(), Course().traced(), Course().ready_to_approve(), Course().travel_approved()):
        found = {(each.act, each.role, each.state): each for each in rows(course)}
        due: dict[tuple[str, str, str], datetime | None] = {}
        for owed in awaiting(course.case, course.at):
            who = (owed["act"], owed["role"], owed["state"])
            due.setdefault(who, read_moment(owed["due"]) if owed["due"] else None)
        assert due == {who: each.due for who, each in found.items() if each.owed}


def test_of_an_act_that_is_owed_twice_the_earlier_moment_is_told() -> None:
    """Two complaints wait; the older one is due first."""
    course = Course().does("complain").wait(days=2).does("complain")
    complaints = [row for row in course.view["deadlines"] if row["name"] == "complaint"]
    assert len(complaints) == 2
    due = row(course, "answer_complaint", "ombudsperson").due
    assert due == read_moment(min(complaint["due"] for complaint in complaints))


@pytest.mark.parametrize("asked", [{"person": " "}, {"state": "Moldova"}], ids=["no id", "no state"])
def test_a_person_or_state_that_no_act_could_name_is_refused(asked: Fields) -> None:
    """Rather than answered with rows that mean nothing."""
    with pytest.raises(ValueError):
        rows(Course(), **asked)


def test_asking_changes_nothing() -> None:
    """The ledger and the case stay as they were, also where a correction is tried."""
    course = Course().arrived()
    ledger, before = Ledger(course.entries), json.dumps([entry.as_json() for entry in course.entries])
    first = open_acts(course.case, course.at, ledger)
    assert before == json.dumps([entry.as_json() for entry in ledger])
    assert ledger.number_of(course.case.head) == course.case.n == len(ledger)
    assert open_acts(course.case, course.at, ledger) == first


def test_rows_are_json() -> None:
    """A desk gets them as they are."""
    for each in rows(Course().approved()):
        told = json.loads(json.dumps(each.as_json()))
        assert told["open"] == (told["closed_by"] == [])


# On random walks


def heard(case: Case, entries: Sequence[Entry], said: Act, at: datetime) -> tuple[str, list[Any]]:
    """What the law answers to an act, on a copy."""
    copy = Proceedings(case, Ledger(entries), SEED)
    receipt = copy.hear(said.model_copy(update={"act_id": "on a copy"}), at)
    return receipt["result"], receipt["refusals"]


class Watched(Walk):
    """A walk on which every accepted act was open just before."""

    def __init__(self, die: Random, agreement: str) -> None:
        self.seen_open: Counter[str] = Counter()
        super().__init__(die, agreement)

    def _accepted_rightly(self, act: str, fields: Fields, before: Case, made: Sequence[Entry]) -> None:
        super()._accepted_rightly(act, fields, before, made)
        actor = made[0].body["act"]["actor"]
        asked = {"person": actor["id"], "role": actor["role"], "state": actor["state"]}
        found = open_acts(before, self.course.at, Ledger(self.course.entries[: before.n]), **asked)
        (mine,) = [each for each in found if each.act == act]
        self._hold_to(mine.open, f"{act} was accepted and closed by {mine.closed_by}")
        self._hold_to(_chosen(mine, made[0].body["act"]), f"{act} was accepted as none of {mine.choices}: {fields}")
        self.seen_open[act] += 1

    def try_all(self) -> int:
        """Hear what the rows were found with: the open ones are accepted, the closed ones refused for what they say."""
        course = self.course
        found = open_acts(course.case, course.at, Ledger(course.entries))
        for each in self.die.sample(found, 40):
            for way in each.ways:
                result, refusals = heard(course.case, course.entries, way.tried, course.at)
                self._hold_to(refusals == list(way.closed_by), f"{as_given(way.tried)}: {result}, {refusals}")
        return sum(each.open for each in found)


def _chosen(found: OpenAct, said: Fields) -> bool:
    """Whether what was said is among the choices that the row gives."""
    for path, values in found.choices.items():
        value: Any = said
        for step in path.split("."):
            value = value[step]
        return value in values
    return True


def test_whatever_is_accepted_was_open_and_whatever_is_open_is_accepted() -> None:
    """On random walks under every agreement, for the very person who acted, and as one of the choices given."""
    agreements, accepted = sorted(shipped()), Counter[str]()
    opened = 0
    for seed in range(WALKS):
        walk = Watched(Random(seed), agreements[seed % len(agreements)])
        for step in range(walk.die.randint(20, 70)):
            walk.step()
            if step % 12 == 0:
                opened += walk.try_all()
        accepted += walk.seen_open
    assert len(accepted) > 40, f"too few kinds of act were accepted: {sorted(set(ACTS) - set(accepted))}"
    assert opened > 1_000
