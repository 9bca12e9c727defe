"""What became of each deadline, reckoned by hand."""

from datetime import datetime, timedelta

import pytest

from casefile.deadline_figures import SERVES, DeadlineFigure, deadline_figures
from procedure.agreement import DEADLINES
from procedure.deadlines import RULES, rule_of
from procedure.entries import Entry, read_moment
from procedure.vocabulary import SAFEGUARD_NAMES
from tests.procedure.courses import FOSTER, HOTEL, START, STATION, Course, model


def figures(course: Course, key: str) -> list[DeadlineFigure]:
    """The figures of that key, in order."""
    return [figure for figure in deadline_figures(course.entries) if figure.key == key]


def figure(course: Course, key: str) -> DeadlineFigure:
    """The only figure of that key."""
    (found,) = figures(course, key)
    return found


def days(*numbers: float) -> list[datetime]:
    """So many days after the opening."""
    return [START + timedelta(days=number) for number in numbers]


def kind_of(course: Course, kind: str, key: str) -> list[int]:
    """The entries of a kind about a deadline."""
    return [entry.n for entry in course.entries if entry.kind == kind and entry.facts.get("key") == key]


def test_a_deadline_met_in_time_is_not_late() -> None:
    """Set by the opening, due after three days, met by the appointment."""
    course = Course().wait(days=2).does("appoint_guardian")
    found = figure(course, "guardian")
    assert (found.name, found.role, found.state) == ("guardian", "guardianship_authority", "MD")
    assert (found.set_by, found.set_at, found.due) == (1, START, *days(3))
    assert (found.met_by, found.met_at) == (course.number_of("appoint_guardian"), *days(2))
    assert (found.late, found.missed, found.open, found.overdue_by) == (None, False, False, None)
    assert found.serves == ("guardian-first",)


def test_a_deadline_met_late_says_by_how_much() -> None:
    """Due after three days and met after six: three days late, escalated once after two of them."""
    course = Course().wait(days=6).does("appoint_guardian")
    found = figure(course, "guardian")
    assert found.late == timedelta(days=3)
    assert found.missed
    assert [found.overdue_by] == kind_of(course, "overdue", "guardian")
    assert found.escalated_by == kind_of(course, "escalated", "guardian")
    assert len(found.escalated_by) == 1


def test_a_deadline_never_met_is_late_as_of_the_newest_entry() -> None:
    """Counsel was due after five days; the newest entry, an hour after noticing at twelve days, is a note."""
    course = Course().wait(days=12).wait(hours=1).does("note").wait(days=3)
    found = figure(course, "counsel")
    assert (found.met_by, found.open) == (None, True)
    assert course.entries[-1].kind == "escalated"
    assert found.late == timedelta(days=10, hours=1)
    assert len(found.escalated_by) == 2


def test_a_deadline_that_still_runs_in_time_is_not_missed() -> None:
    """Nobody is late with what is due tomorrow."""
    found = figure(Course().wait(days=4), "services")
    assert (found.open, found.late, found.missed) == (True, None, False)


def test_an_extension_moves_the_due_moment() -> None:
    """Three days on ten, and two more; met after fourteen it is in time."""
    course = Course().does("extend_deadline").does("extend_deadline", days=2).wait(days=14).identified()
    found = figure(course, "identification")
    assert (found.due, found.extended_days, found.late) == (*days(15), 5, None)


def test_a_deadline_stands_still_while_the_return_is_held() -> None:
    """Ten days of suspension are not counted against those who approve."""
    course = Course().ready_to_approve()
    due = figure(course, "approval_host").due
    course.does("suspend").wait(days=10)
    assert figure(course, "approval_host").stands_still_since == START
    course.does("resume").does("approve_return")
    found = figure(course, "approval_host")
    assert (found.due, found.stands_still_since, found.late) == (due + timedelta(days=10), None, None)


def test_what_stands_still_does_not_get_later() -> None:
    """One day late when the hold came, one day late after thirty days of it."""
    course = Course().ready_to_approve()
    due = figure(course, "approval_host").due
    course.until(due + timedelta(days=1)).does("suspend").wait(days=30).does("note")
    assert figure(course, "approval_host").late == timedelta(days=1)


def test_two_deadlines_of_one_key_are_two_figures() -> None:
    """The hearing of the first round, and that of the second, which was late."""
    course = Course().determined().does("reopen_best_interests").wait(days=15).does("hear_child")
    first, second = figures(course, "hearing")
    assert (first.due, first.met_at, first.late) == (*days(14), START, None)
    assert (second.set_by, second.due) == (course.number_of("reopen_best_interests"), *days(14))
    assert (second.met_by, second.late) == (course.number_of("hear_child"), timedelta(days=1))


def test_a_deadline_whose_ground_changes_gives_way_to_the_next() -> None:
    """A hearing still owed when a new round begins: the old deadline is dropped by the entry that sets the new one."""
    course = Course().determined().does("reopen_best_interests").wait(days=3)
    course.ready_for_panel().determine("stay").wait(days=1)
    course.does("reopen_best_interests").wait(days=2)
    course.does("lodge_asylum_claim").does("resolve_asylum_claim", result="granted")
    *_, old, new = figures(course, "hearing")
    granted = course.number_of("resolve_asylum_claim")
    assert (old.dropped_by, old.dropped_at, old.met_by, old.late) == (granted, course.at, None, None)
    assert (new.set_by, new.due, new.open) == (granted, course.at + timedelta(days=14), True)


def test_a_deadline_whose_ground_falls_away_is_dropped() -> None:
    """Nobody owes a plan of reintegration once the panel looks again."""
    course = Course().determined().wait(days=1).does("reopen_best_interests")
    found = figure(course, "reintegration_plan")
    assert (found.dropped_by, found.dropped_at) == (course.number_of("reopen_best_interests"), *days(1))
    assert (found.met_at, found.late, found.open) == (None, None, False)


def test_a_deadline_that_was_late_when_it_was_dropped_was_missed() -> None:
    """Due after twenty-one days, dropped after thirty."""
    course = Course().determined().wait(days=30).does("reopen_best_interests")
    assert figure(course, "reintegration_plan").late == timedelta(days=9)


def test_each_release_has_its_own_hours() -> None:
    """Twenty hours are in time, thirty are six too late, and both escalations came at once."""
    course = Course().does("report_detention").wait(hours=20).does("confirm_release").wait(days=1)
    course.does("report_detention").wait(hours=30).does("confirm_release")
    first, second = figures(course, "release")
    assert (first.late, second.late) == (None, timedelta(hours=6))
    assert (len(first.escalated_by), len(second.escalated_by)) == (0, 2)
    assert second.serves == ("no-detention",)


def test_a_deadline_named_with_its_complaint_is_owed_by_the_ombudsperson() -> None:
    """Each complaint has a figure of its own."""
    course = Course().does("complain").wait(days=1).does("complain").wait(days=15)
    course.does("answer_complaint", complaint=2)
    first, second = (found for found in deadline_figures(course.entries) if found.name == "complaint")
    assert (first.key, first.role, first.state, first.late) == ("complaint:2", "ombudsperson", "MD", timedelta(days=1))
    assert (second.open, second.due) == (True, *days(16))
    assert second.late == timedelta()


def test_a_family_is_assessed_by_the_state_that_did_it() -> None:
    """Which state that is stands in no header before; the header of the assessment says it."""
    course = Course().represented().does("open_tracing").does("report_tracing")
    key = f"family_assessment:{course.number_of('report_tracing')}.0"
    assert figure(course, key).state is None
    course.does("assess_family")
    assert (figure(course, key).state, figure(course, key).role) == ("UA", "caseworker")


def test_after_the_arrival_the_origin_cares() -> None:
    """A detention at home is the origin's to end, a complaint that is still open as well; a visit was its from the start."""
    course = Course().does("complain").departed().wait(days=1, hours=4).does("arrive", placement=STATION)
    assert figure(course, "release").state == "UA"
    assert figure(course, "complaint:2").state == "UA"
    assert (figure(course, "visit_1").role, figure(course, "visit_1").state) == ("monitor", "UA")
    assert figure(course, "visit_1").serves == ("monitoring-complete",)
    assert figure(course, "arrival").state == "MD"


def test_a_time_to_appeal_is_nobodys_duty() -> None:
    """It runs anew from each decision, is never late, and is over when it has passed."""
    course = Course().ready_to_approve().wait(days=2).approve()
    first, second, third = figures(course, "appeal_window")
    assert (first.due, first.dropped_by, first.role, first.late) == (*days(15), second.set_by, None, None)
    assert (second.dropped_by, third.due, third.open) == (third.set_by, *days(17), True)
    course.wait(days=20).does("note")
    *_, last = figures(course, "appeal_window")
    assert (last.met_at, last.met_by, last.late, last.open) == (*days(17), None, None, False)
    assert last.serves == ("appeal-suspends",)


def test_an_approval_asked_beyond_both_authorities_is_owed_by_its_role() -> None:
    """The key names who else must approve."""
    wider = model().model_copy(
        update={"approvals": (*model().approvals, "child_protection_authority@host")},
    )
    found = figure(Course(agreement=wider).ready_to_approve(), "approval_host:child_protection_authority")
    assert (found.role, found.state, found.serves) == (
        "child_protection_authority",
        "MD",
        ("approval-of-both-states",),
    )


def test_an_emergency_placement_counts_from_its_start() -> None:
    """Moving from one hotel to the next restarts no clock, and the placement in a family ends it three days late."""
    course = Course(placement=HOTEL).wait(days=7).does("place_child", placement={**HOTEL, "name": "Another Hotel"})
    course.wait(days=10).does("place_child", placement=FOSTER)
    found = figure(course, "emergency_placement")
    assert (found.set_by, found.due, found.late) == (1, *days(14), timedelta(days=3))


def test_the_figures_agree_with_the_case() -> None:
    """What the headers tell of a whole return is what the law's own case holds at its end."""
    course = Course().visited()
    newest = {found.key: found for found in deadline_figures(course.entries) if found.role}
    assert newest.keys() >= course.case.deadlines.keys()
    for key, deadline in course.case.deadlines.items():
        assert (newest[key].due, newest[key].met_at) == (deadline.due, deadline.met)
        if not key.startswith("family_assessment"):
            assert newest[key].role == rule_of(key).role


def test_bodies_are_not_needed() -> None:
    """The same figures come from headers alone."""
    entries = Course().visited().entries
    assert deadline_figures(entry._replace(salt="", body={}) for entry in entries) == deadline_figures(entries)


def test_a_gap_is_survived() -> None:
    """Without its first entry a record tells of the deadlines that came later, and of no state."""
    course = Course().visited()
    found = deadline_figures(entry for entry in course.entries if entry.kind != "opened")
    assert {figure.key for figure in found} >= {"hearing", "tracing", "consent", "travel_plan", "visit_6"}
    assert "guardian" not in {figure.key for figure in found}
    assert {figure.state for figure in found if figure.name != "family_assessment"} == {None}


def test_a_forged_header_stops_nothing() -> None:
    """Facts of the wrong shape tell of no deadline, and the others are still told."""

    def change(entry: Entry) -> Entry:
        return entry._replace(facts={"deadlines": {"set": ["tracing"]}}) if entry.act == "open_tracing" else entry

    found = deadline_figures(map(change, Course().traced().entries))
    assert {"guardian", "counsel"} < {figure.key for figure in found}
    assert "tracing" not in {figure.key for figure in found}


def test_a_name_of_another_version_is_told_without_an_office() -> None:
    """A deadline that this version does not know has its dates, and nobody who owes it."""
    opened = Course().entries[0]
    due = "2026-03-01T09:00:00Z"
    (found,) = deadline_figures([opened._replace(facts={"deadlines": {"set": {"invented": [due, ""]}}})])
    assert (found.name, found.role, found.state, found.due) == ("invented", None, None, read_moment(due))


def test_a_figure_can_be_written_down() -> None:
    """As JSON: moments as the contract writes them, the delay in seconds."""
    course = Course().wait(days=6).does("appoint_guardian")
    assert figure(course, "guardian").as_json() == {
        "name": "guardian",
        "key": "guardian",
        "role": "guardianship_authority",
        "state": "MD",
        "set_by": 1,
        "set_at": "2026-02-02T09:00:00Z",
        "due": "2026-02-05T09:00:00Z",
        "met_by": course.number_of("appoint_guardian"),
        "met_at": "2026-02-08T09:00:00Z",
        "dropped_by": None,
        "dropped_at": None,
        "overdue_by": kind_of(course, "overdue", "guardian")[0],
        "escalated_by": kind_of(course, "escalated", "guardian"),
        "extended_days": 0,
        "stands_still": False,
        "late_seconds": 3 * 24 * 3600,
        "safeguards": ["guardian-first"],
    }


@pytest.mark.parametrize("name", SERVES)
def test_what_a_deadline_serves_is_known(name: str) -> None:
    """Names of deadlines and of safeguards that there are."""
    assert name in {*RULES, *DEADLINES}
    assert set(SERVES[name]) <= set(SAFEGUARD_NAMES)
