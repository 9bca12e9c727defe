"""Looking back: the case as it was, and what is known now about then."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from casefile.looking_back import (
    Moment,
    NoSuchMoment,
    PartialRecord,
    as_it_was,
    entries_up_to,
    then_and_now,
    view_at,
)
from procedure.case import Case
from procedure.entries import Entry, moment
from procedure.ledger import Ledger
from procedure.open_acts import open_acts
from tests.procedure.courses import FOSTER, HOTEL, START, STATION, Course

YEARS_LATER = START + timedelta(days=1_000)


def told(course: Course, when: Moment) -> dict[str, Any]:
    """What is told of then at the course's present moment, as JSON."""
    return json.loads(json.dumps(then_and_now(course.entries, when, course.at).as_json()))


# The case as it was


def test_the_past_is_what_stood_there_at_the_time() -> None:
    """After every act of a whole course, mended and voided later, the same case and view come back by number."""
    stood: list[tuple[Case, dict[str, Any], datetime]] = []

    class Remembered(Course):
        def say(self, *act: Any, **fields: Any) -> dict[str, Any]:
            receipt = super().say(*act, **fields)
            stood.append((self.case, self.view, self.at))
            return receipt

    course = Remembered().ready_to_approve().does("report_detention").does("confirm_release").consented()
    course.does("correct", "caseworker", entry=course.number_of("screen_protection"), fields={"violence": True})
    course.does("correct", fields={"child.date_of_birth": "2014-05-04"}).approve().wait(days=15)
    course.does("plan_travel").does("certify_fit_to_travel").does("approve_travel").wait(days=2).does("depart")
    course.does("report_incident").does("reopen_best_interests")
    assert len(stood) > 25
    for case, view, at in stood:
        assert (case, at) == as_it_was(course.entries, case.n, YEARS_LATER)
        assert view == view_at(course.entries, case.n, YEARS_LATER)


def test_between_two_entries_the_earlier_one_counts() -> None:
    """Whatever was recorded at the very moment belongs to it, all of it."""
    course = Course().wait(hours=1).does("report_detention").wait(hours=1).does("confirm_release")
    reported = START + timedelta(hours=1)
    for when, n in (
        (START, 1),
        (reported - timedelta(microseconds=1), 1),
        (reported, course.number_of("confirm_release") - 1),
        (reported + timedelta(minutes=30), course.number_of("confirm_release") - 1),
        (YEARS_LATER, course.case.n),
    ):
        assert n == entries_up_to(course.entries, when)[-1].n
        assert n == as_it_was(course.entries, when, YEARS_LATER)[0].n
    assert ["detention"] == view_at(course.entries, reported, YEARS_LATER)["holds"]


def test_an_entry_is_seen_at_its_own_moment_and_a_moment_from_itself() -> None:
    """What simply ends by time, as the window of an appeal, is over or not as it was then; nobody looks ahead of now."""
    course = Course().determined()
    ends = course.due("appeal_window")

    def window(when: Moment, now: datetime) -> str | None:
        rows = view_at(course.entries, when, now)["deadlines"]
        return next(row["met"] for row in rows if row["name"] == "appeal_window")

    assert window(course.case.n, YEARS_LATER) is None
    assert window(ends - timedelta(seconds=1), YEARS_LATER) is None
    assert moment(ends) == window(ends, YEARS_LATER)
    assert window(ends, ends - timedelta(days=1)) is None


def test_a_correction_does_not_reach_back() -> None:
    """Then the child was as old as the record said then."""
    course = Course()
    course.does("correct", fields={"child.date_of_birth": "2014-05-04"})
    then, _ = as_it_was(course.entries, 1, YEARS_LATER)
    assert "2013-05-04" == str(then.date_of_birth)
    assert "2014-05-04" == str(course.case.date_of_birth)


@pytest.mark.parametrize(
    ("when", "sentence"),
    [
        (0, "the case has entries 1 to 5."),
        (6, "the case has entries 1 to 5."),
        (-1, "the case has entries 1 to 5."),
        (START - timedelta(seconds=1), "the case was opened later, at 2026-02-02T09:00:00Z."),
    ],
    ids=["nought", "too late", "below nought", "too early"],
)
def test_where_there_was_nothing_a_sentence_says_so(when: Moment, sentence: str) -> None:
    """The command line says it after the option's name."""
    entries = Course().identified().entries
    assert len(entries) == 5
    with pytest.raises(NoSuchMoment) as raised:
        entries_up_to(entries, when)
    assert sentence == str(raised.value)
    for ask in (as_it_was, view_at, then_and_now):
        with pytest.raises(NoSuchMoment) as raised:
            ask(entries, when, START)
        assert sentence == str(raised.value)


# A record that is not whole


def withheld(entry: Entry) -> Entry:
    return entry._replace(salt="", body={})


def test_a_record_with_a_gap_is_not_folded() -> None:
    """Neither where the beginning is missing, nor where one in the middle is; what came later is not needed."""
    entries = Course().represented().entries
    gap = entries[:4] + entries[5:]
    with pytest.raises(PartialRecord, match=r"^The entries before 3 are missing, so"):
        as_it_was(entries[2:], 5, START)
    for when in (5, 6, START):
        with pytest.raises(PartialRecord, match=r"^Entry 5 is missing, so the case cannot be shown as it was\.$"):
            as_it_was(gap, when, START)
    assert 4 == as_it_was(gap, 4, START)[0].n
    with pytest.raises(PartialRecord, match="Entry 5 is missing"):
        then_and_now(gap, 4, START)
    with pytest.raises(PartialRecord, match="no entries"):
        as_it_was([], 1, START)


def test_an_entry_missing_just_behind_a_moment_may_belong_to_it() -> None:
    """Nobody knows when it was recorded, so only a moment before the entry in front of it, or that entry, is shown."""
    course = Course().wait(hours=1).does("note").wait(hours=1).does("note").wait(hours=1).does("note")
    gap = [entry for entry in course.entries if entry.n != 3]
    for hours in (1, 1.1, 2, 3):
        with pytest.raises(PartialRecord, match="Entry 3 is missing"):
            entries_up_to(gap, START + timedelta(hours=hours))
    assert 1 == entries_up_to(gap, START + timedelta(hours=0.9))[-1].n
    assert 2 == entries_up_to(gap, 2)[-1].n


def test_an_entry_whose_content_is_withheld_is_not_folded() -> None:
    """A view without it would be a view of another case; one from before it is whole."""
    entries = Course().represented().entries
    hidden = [withheld(entry) if entry.n == 4 else entry for entry in entries]
    with pytest.raises(PartialRecord, match="The content of entry 4 is withheld"):
        as_it_was(hidden, 4, START)
    assert 3 == as_it_was(hidden, 3, START)[0].n
    with pytest.raises(PartialRecord, match="The content of entry 4 is withheld"):
        then_and_now(hidden, 3, START)


# Then and now


def test_the_views_stand_side_by_side_with_what_differs() -> None:
    """Field by field: the same view as then, the same as now."""
    course = Course().represented()
    then = course.case.n
    course.does("open_tracing").does("report_tracing", result="not_found", relatives=[])
    found = told(course, then)
    assert {"entry": then, "at": moment(START)} == found["then"]
    assert {name: field["then"] for name, field in found["fields"].items()} == view_at(course.entries, then, START)
    assert {name: field["now"] for name, field in found["fields"].items()} == course.view
    differing = {name for name, field in found["fields"].items() if field["differs"]}
    assert {"stage", "awaiting", "deadlines", "entries", "head"} == differing
    assert ("family_tracing", "best_interests") == (
        found["fields"]["stage"]["then"],
        found["fields"]["stage"]["now"],
    )


def test_now_is_seen_from_now() -> None:
    """The time to appeal ends by itself, without an entry."""
    course = Course().determined()
    then = course.case.n
    course.until(course.due("appeal_window"))
    deadlines = told(course, then)["fields"]["deadlines"]
    assert course.view["deadlines"] == deadlines["now"]
    assert [None, moment(course.at)] == [deadlines[when][-1]["met"] for when in ("then", "now")]


def test_seen_from_now_nothing_differs() -> None:
    """At the newest entry then is now."""
    course = Course().visited()
    found = then_and_now(course.entries, course.at, course.at)
    assert [] == found.differing
    assert ((), (), ()) == (found.corrected, found.undone, found.ended)


def test_a_correction_recorded_since_is_known_about_then() -> None:
    """The field, what was recorded then, what is known now, and who says so."""
    course = Course().identified()
    then, screened = course.case.n, course.number_of("screen_protection")
    course.does("correct", "caseworker", entry=screened, fields={"violence": True, "health_needs": "an inhaler"})
    found = told(course, then)["corrected"]
    assert [
        {
            "entry": screened,
            "act": "screen_protection",
            "field": "violence",
            "then": False,
            "now": True,
            "by": course.number_of("correct"),
        },
        {
            "entry": screened,
            "act": "screen_protection",
            "field": "health_needs",
            "then": None,
            "now": "an inhaler",
            "by": course.number_of("correct"),
        },
    ] == found
    assert [] == told(course, course.number_of("correct"))["corrected"]
    assert [] == told(course, screened - 1)["corrected"]


def test_what_was_corrected_before_was_known_then() -> None:
    """Of an entry mended before and after the moment, then is what the first correction said."""
    course = Course().does("verify_identity", result="presumed", sources=["told"])
    number = course.case.n
    course.does("correct", "caseworker", entry=number, fields={"result": "not_established"})
    then = course.number_of("correct")
    course.does("correct", "caseworker", entry=number, fields={"result": "verified"})
    (found,) = told(course, then)["corrected"]
    assert ("not_established", "verified", course.number_of("correct")) == (found["then"], found["now"], found["by"])


def test_of_several_corrections_the_newest_of_the_field_is_named() -> None:
    """And what was taken back differs no more."""
    course = Course().identified()
    then, screened = course.case.n, course.number_of("screen_protection")
    for fields in ({"violence": True}, {"health_needs": "none known"}, {"trafficking": True}, {"trafficking": False}):
        course.does("correct", "caseworker", entry=screened, fields=fields)
    first = course.entries[then].n
    found = {(each["field"], each["by"]) for each in told(course, then)["corrected"]}
    assert {("violence", first), ("health_needs", first + 1)} == found


def test_a_correction_inside_a_field_is_told_by_its_path() -> None:
    """In the intake, in a placement, and where the whole placement came before one word of it."""
    course = Course().arrived().does("record_visit")
    then = course.case.n
    course.does("correct", fields={"child.languages": ["uk", "ru"], "found.place": "Another Station"})
    visit = course.number_of("record_visit")
    course.does("correct", "monitor", entry=visit, fields={"placement": HOTEL})
    course.does("correct", "monitor", entry=visit, fields={"placement.name": "Invented Guest House"})
    assert [
        (1, "child.languages", ["uk"], ["uk", "ru"]),
        (1, "found.place", "Invented Station", "Another Station"),
        (visit, "placement", None, {**HOTEL, "name": "Invented Guest House"}),
    ] == [(each["entry"], each["field"], each["then"], each["now"]) for each in told(course, then)["corrected"]]
    assert course.number_of("correct") == told(course, then)["corrected"][-1]["by"]
    course.does("correct", "monitor", entry=visit, fields={"placement": None})
    course.does("correct", "monitor", entry=visit, fields={"placement": {**HOTEL, "name": "Invented Inn"}})
    between = course.number_of("correct") - 3
    (renamed,) = told(course, between)["corrected"]
    assert {
        "entry": visit,
        "act": "record_visit",
        "field": "placement.name",
        "then": HOTEL["name"],
        "now": "Invented Inn",
        "by": course.number_of("correct"),
    } == renamed


def test_a_correction_that_was_refused_mends_nothing() -> None:
    """Neither before the moment nor after it."""
    course = Course().identified()
    screened = course.number_of("screen_protection")
    course.refused("correct", "protection", entry=screened, fields={"violence": True})
    then = course.case.n
    course.refused("correct", "protection", entry=screened, fields={"violence": True})
    found = told(course, then)
    assert ([], []) == (found["corrected"], found["ended"])


def test_what_was_in_force_then_and_void_since_is_undone() -> None:
    """Consents given in freedom are void from a detention on, and the entry that voided them is named."""
    course = Course().determined().consented()
    then, guardians, childs = course.case.n, course.case.n - 1, course.case.n
    assert [] == told(course, then)["undone"]
    course.does("report_detention")
    by = course.number_of("report_detention")
    assert [
        {"entry": guardians, "act": "give_consent", "by": by, "by_act": "report_detention"},
        {"entry": childs, "act": "give_consent", "by": by, "by_act": "report_detention"},
    ] == told(course, then)["undone"]
    assert [guardians] == [each["entry"] for each in told(course, guardians)["undone"]]
    assert [] == told(course, by)["undone"]
    course.does("confirm_release").consented()
    assert [guardians, childs] == [each["entry"] for each in told(course, then)["undone"]]
    assert [] == told(course, course.case.n)["undone"]


def test_a_journey_interrupted_undoes_the_departure() -> None:
    """So does an objection the approvals of both states."""
    course = Course().departed()
    then = course.case.n
    approvals = {approval.n for approval in course.case.approvals.values()}
    departed, travel = course.number_of("depart"), course.number_of("approve_travel")
    course.does("report_incident", what="child_objects")
    undone = {each["entry"] for each in told(course, then)["undone"]}
    assert approvals | {departed, travel, course.number_of("give_consent")} == undone


def test_a_detention_that_nobody_reported_by_an_act_undoes_as_well() -> None:
    """A correction of where the child was found answers with an entry of the procedure's own, which has no act."""
    course = Course().determined().consented()
    then = course.case.n
    course.does("correct", fields={"placement": STATION})
    (found,) = {(each.by, each.by_act) for each in then_and_now(course.entries, then, course.at).undone}
    assert ("detention", None) == (course.entries[found[0] - 1].kind, found[1])


def test_what_a_later_report_or_round_replaced_has_ended() -> None:
    """Without being void: another screening, and a new round that hears and determines anew."""
    course = Course().determined()
    then = course.case.n
    course.does("screen_protection").does("reopen_best_interests")
    screened, reopened = course.number_of("screen_protection"), course.number_of("reopen_best_interests")
    assert {
        ("screen_protection", "screening", screened, "screen_protection"),
        ("hear_child", "hearing", reopened, "reopen_best_interests"),
        ("submit_assessment", "assessed", reopened, "reopen_best_interests"),
        ("determine_best_interests", "determination", reopened, "reopen_best_interests"),
    } == {(each["act"], each["fact"], each["by"], each["by_act"]) for each in told(course, then)["ended"]}
    assert [] == told(course, course.case.n)["ended"]


def test_the_first_entry_that_ended_it_is_named() -> None:
    """A placement and the next and the next: the second ended the first, whatever came then."""
    course = Course().does("place_child")
    then = course.case.n
    course.does("place_child", placement=HOTEL)
    second = course.number_of("place_child")
    course.does("place_child", placement={**FOSTER, "name": "Elsewhere"})
    assert [{"entry": then, "act": "place_child", "fact": "placement", "by": second, "by_act": "place_child"}] == told(
        course, then
    )["ended"]


def test_a_report_that_was_mended_has_not_ended() -> None:
    """It says something else now; it ends when another takes its place, also then under its own number."""
    course = Course().identified()
    then, screened = course.case.n, course.number_of("screen_protection")
    course.does("correct", "caseworker", entry=screened, fields={"violence": True})
    mended = course.case.n
    assert [] == told(course, then)["ended"]
    course.does("correct", "caseworker", entry=screened, fields={"trafficking": True}).does("note")
    assert [] == told(course, then)["ended"] == told(course, mended)["ended"]
    course.does("screen_protection")
    for when in (then, mended):
        assert [(screened, "screening", course.case.n)] == [
            (each["entry"], each["fact"], each["by"]) for each in told(course, when)["ended"]
        ]


def test_a_hearing_that_counts_after_all_ends_the_one_before_it() -> None:
    """The correction that makes it count is a correction of another hearing."""
    course = Course().represented().does("hear_child")
    then = course.case.n
    course.does("hear_child", informed=False)
    assert [] == told(course, then)["ended"]
    course.does("correct", "guardian", entry=course.case.n, fields={"informed": True})
    (ended,) = told(course, then)["ended"]
    assert (then, "hearing", course.number_of("correct")) == (ended["entry"], ended["fact"], ended["by"])


def test_what_is_void_is_not_told_a_second_time_as_ended() -> None:
    """A consent withdrawn is undone and nothing else."""
    course = Course().determined().consented()
    then = course.case.n
    course.does("withdraw_consent")
    found = told(course, then)
    assert ["give_consent"] == [each["act"] for each in found["undone"]]
    assert [] == found["ended"]


def test_the_acts_open_then_are_told_by_role() -> None:
    """An approval that was open then, and is not now; the closed ones keep their reasons in the value."""
    course = Course().ready_to_approve()
    then = course.case.n
    course.does("report_detention")
    found = then_and_now(course.entries, then, course.at)
    rows = found.as_json()["open_acts"]
    (approval,) = [row for row in rows["central_authority"] if (row["act"], row["state"]) == ("approve_return", "MD")]
    assert approval["owed"] and approval["due"] is not None
    (consent,) = [row for row in rows["guardian"] if (row["act"], row["state"]) == ("give_consent", "MD")]
    assert ("guardian-1", {"given": [True, False]}) == (consent["person"], consent["choices"])
    assert "depart" not in {row["act"] for row in rows.get("escort", [])}
    assert all(each.closed_by for each in found.acts if each.act == "depart")
    now = open_acts(course.case, course.at, Ledger(course.entries), role="central_authority")
    assert not any(each.open for each in now if each.act == "approve_return")


def test_time_that_passed_then_counts_for_the_acts_of_then() -> None:
    """At a moment after the time to appeal the travel may be approved; at the entry before it not yet."""
    course = Course().approved().does("plan_travel").does("certify_fit_to_travel")
    planned = course.case.n

    def approval(when: Moment) -> bool:
        acts = then_and_now(course.entries, when, course.at).open_to()
        return "approve_travel" in {each.act for each in acts.get("child_protection_authority", [])}

    course.wait(days=15)
    assert not approval(planned)
    assert approval(course.at)


def test_looking_back_leaves_the_entries_as_they_are() -> None:
    """Whatever is computed from them."""
    course = Course().ready_to_approve().does("report_detention")
    before = json.dumps([entry.as_json() for entry in course.entries])
    entries = course.entries
    then_and_now(entries, 9, course.at).as_json()
    assert before == json.dumps([entry.as_json() for entry in entries])
