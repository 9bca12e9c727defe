"""Who may see what: the table is whole, denies by default, and keeps from the origin state what it must not learn."""

import json
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest

from procedure.acts import ACTS
from procedure.case import Case
from procedure.entries import Entry
from procedure.ledger import Ledger
from procedure.views import view
from procedure.vocabulary import HOLDS, ROLES, SAFEGUARD_NAMES
from procedure.who_may_see import (
    NOTHING,
    ORDINARY,
    PART_OF_ACT,
    PART_OF_FACT,
    PART_OF_HOLD,
    PART_OF_SAFEGUARD,
    PARTS,
    READERS,
    TABLE,
    Sight,
    as_seen,
    holds_seen,
    intake_seen,
    listed_seen,
    lists,
    may_speak,
    owed_seen,
    receipt_seen,
    round_began,
    sees,
    sees_as,
    sees_figures,
    shown,
    spoke,
    view_seen,
)
from tests.procedure.courses import PEOPLE, REFERENCE, Course


@dataclass(frozen=True)
class Somebody:
    id: str
    role: str
    state: str
    cases: frozenset[str] = frozenset({REFERENCE})


def somebody(who: str, **otherwise: Any) -> Somebody:
    id, role, side = PEOPLE[who]
    return replace(Somebody(id, role, "MD" if side == "host" else "UA"), **otherwise)


def sight_of(who: str, course: Course, **otherwise: Any) -> Sight:
    person = somebody(who, **otherwise)
    return sees(person, course.case, spoke=spoke(person, course.entries), round_begins=round_began(course.entries))


def seen_by(who: str, course: Course) -> str:
    """All that somebody gets of a case, as text."""
    sight, ledger = sight_of(who, course), Ledger(course.entries)
    entries = [entry for entry in course.entries if shown(entry, sight) == "whole"]
    headers = [entry.header() for entry in course.entries if shown(entry, sight) == "header"]
    told: list[Any] = [
        [entry.as_json() for entry in entries],
        headers,
        view_seen(view(course.case, course.at), sight),
        intake_seen(ledger.as_corrected(course.entries[0]), sight),
        repr(as_seen(course.case, sight)),
    ]
    return json.dumps(told, default=str)


def acts_shown(who: str, course: Course, how: str = "whole") -> set[str | None]:
    sight = sight_of(who, course)
    return {entry.act for entry in course.entries if shown(entry, sight) == how}


# The table


def test_everything_of_a_case_belongs_to_a_part() -> None:
    """No act, hold, safeguard or fact is forgotten, and none is named that there is not."""
    assert {*PART_OF_ACT, "correct"} == set(ACTS)
    assert set(PART_OF_HOLD) == set(HOLDS)
    assert set(PART_OF_SAFEGUARD) == set(SAFEGUARD_NAMES)
    assert set(PART_OF_FACT) == {each.name for each in fields(Case)}
    assert set(PART_OF_ACT) >= ORDINARY


def test_every_row_says_where_it_is_written() -> None:
    """Each row has a source, parts that there are, and no role stands twice for one side and relation."""
    assert len({(row.role, row.side, row.relation) for row in TABLE}) == len(TABLE)
    for row in TABLE:
        assert row.source.endswith(".") and ("art" in row.source or "Part 6" in row.source or "ours" in row.source)
        assert set(row.parts) <= set(PARTS)


def test_law_enforcement_and_the_system_stand_in_no_row() -> None:
    """What is in no row sees nothing; every other role has one."""
    assert set(ROLES) - {row.role for row in TABLE} == {"law_enforcement", "system"}


def test_each_reader_of_a_dossier_is_one_row() -> None:
    """There is no second table."""
    assert sorted(row.reader for row in TABLE if row.reader) == sorted(READERS)
    assert {reader for reader in READERS if not sees_as(reader, "UA").everything} == {"origin_authority", "monitor"}


# Who has something to do with a case


@pytest.mark.parametrize("who", sorted(PEOPLE))
def test_nobody_of_a_third_state_sees_anything(who: str) -> None:
    """Whatever the role: a state that is no party sees nothing; a relative may live anywhere, and sees their own words."""
    course = Course().visited()
    sight = sight_of(who, course, state="RO")
    assert sight == NOTHING or (who == "relative" and not sight.parts)


@pytest.mark.parametrize("who", ["police", "system"])
@pytest.mark.parametrize("state", ["MD", "UA", "RO"])
def test_law_enforcement_sees_nothing_of_any_case(who: str, state: str) -> None:
    """In no state, at no stage, and not even what it reported itself."""
    course = Course()
    if who == "police":
        course.does("report_missing", "police")
    sight = sight_of(who, course, state=state)
    assert sight.nothing and not sight.parts
    assert [shown(entry, sight) for entry in course.entries] == ["place"] * len(course.entries)


@pytest.mark.parametrize("who", ["guardian", "counsel", "escort"])
def test_only_who_is_in_office_sees_the_case(who: str) -> None:
    """The same role under another name sees nothing."""
    course = Course().travel_approved()
    assert not sight_of(who, course).nothing
    assert sight_of(who, course, id="somebody-else").nothing


def test_a_guardian_who_was_replaced_sees_nothing_any_more() -> None:
    """Office ends, and sight with it."""
    course = Course().represented()
    assert sight_of("guardian", course).everything
    course.does("replace_guardian", guardian={"id": "guardian-2", "kind": "professional"})
    assert sight_of("guardian", course).nothing
    assert sight_of("guardian", course, id="guardian-2").everything


def test_a_colleagues_case_needs_a_reason() -> None:
    """While nobody is assigned each caseworker may have to act; once somebody is, others say why they open it."""
    course = Course().represented()
    assert not sight_of("caseworker", course, id="caseworker-2").needs_reason
    course.does("assign", caseworker={"id": "caseworker-1"})
    assert not sight_of("caseworker", course).needs_reason
    colleague = sight_of("caseworker", course, id="caseworker-2")
    assert colleague.needs_reason and colleague.everything
    assert not sight_of("origin caseworker", course).needs_reason


def test_a_consulate_sees_the_identity_and_never_where_a_need_for_protection_is_open_or_unknown() -> None:
    """Nothing before the screening, nothing under any hold, so that a closed door tells of none."""
    course = Course().does("verify_identity")
    assert sight_of("consulate", course).nothing
    course.does("screen_protection")
    assert set(sight_of("consulate", course).parts) == {"names", "identity"}
    held = Course().represented().does("suspend", ground="health")
    claimed = Course().represented().does("lodge_asylum_claim")
    assert sight_of("consulate", held) == sight_of("consulate", claimed) == NOTHING
    assert sight_of("consulate", Course().does("verify_identity").does("screen_protection", asylum=True)).nothing


def test_an_office_sees_what_its_act_needs_and_no_case_without_it() -> None:
    """The asylum office with a claim, the clinic before a journey, the tracing service when it was asked."""
    early = Course().represented()
    for who in ("asylum", "health", "tracing", "monitor", "escort"):
        assert sight_of(who, early).nothing, who
    claimed = Course().represented().does("lodge_asylum_claim")
    assert set(sight_of("asylum", claimed).parts) == {"names", "identity", "people", "asylum"}
    assert not sight_of("tracing", Course().represented().does("open_tracing")).nothing
    assert not sight_of("health", Course().determined("return")).nothing
    assert sight_of("health", Course().determined("stay")).nothing


def test_a_panel_sees_the_round_that_runs() -> None:
    """Of an earlier round neither what the child said nor what was determined; who never sat sees no finished round."""
    course = Course().determined("return")
    assert sight_of("panel", course, id="panel-9").nothing
    course.does("reopen_best_interests").ready_for_panel()
    sight = sight_of("panel", course, id="panel-9")
    of_round = [entry for entry in course.entries if entry.act in ("hear_child", "submit_assessment")]
    began = round_began(course.entries)
    assert {entry.n > began for entry in of_round} == {True, False}
    for entry in of_round:
        assert shown(entry, sight) == ("whole" if entry.n > began else "place")
    assert not acts_shown("panel", course) & {"approve_return", "note"}


def test_a_child_sees_what_it_said_and_why_it_was_refused() -> None:
    """And nothing of what others said of it."""
    course = Course().determined("return").does("give_consent", "child")
    course.say("give_consent", "child", informed=False)
    sight = sight_of("child", course)
    mine = [entry for entry in course.entries if shown(entry, sight) == "whole"]
    assert [(entry.kind, entry.act) for entry in mine] == [("accepted", "give_consent"), ("refused", "give_consent")]
    assert sight.whole("child_page")


# The origin state

HIDDEN = {
    *("screen_protection", "lodge_asylum_claim", "resolve_asylum_claim", "grant_stay", "appeal", "decide_appeal"),
    *("note", "complain", "suspend", "resume", "assess_rights_impact"),
}


@pytest.mark.parametrize("who", ["origin authority", "origin caseworker", "monitor"])
@pytest.mark.parametrize("ending", ["claimed", "granted", "stay"])
def test_the_origin_state_never_learns_of_a_claim_or_of_the_reasons_of_a_stay(who: str, ending: str) -> None:
    """In entries, case view, intake and case there is no word of it."""
    course = Course(concerns=["asylum"]).approved().does("lodge_asylum_claim")
    if ending != "claimed":
        course.does("resolve_asylum_claim", result="granted" if ending == "granted" else "withdrawn")
    if ending == "stay":
        course.does("reopen_best_interests").ready_for_panel().determine("stay").does("grant_stay", status="protection")
    assert "asylum" in seen_by("authority", course)
    text = seen_by(who, course).replace("asylum='none'", "")
    assert "asylum" not in text and 'protection"' not in text
    assert not acts_shown(who, course) & HIDDEN and not acts_shown(who, course, "header") & HIDDEN


def test_a_hold_that_is_not_shown_is_not_told_by_a_time_that_stands_still() -> None:
    """What the origin owes is told without a time, and what others owe of such acts not at all; the host sees both."""
    ready = Course().ready_to_approve()
    rows = view(ready.case, ready.at)["awaiting"]
    assert {row["state"] for row in owed_seen(rows, sight_of("authority", ready))} == {"MD", "UA"}
    [own] = owed_seen(rows, sight_of("origin authority", ready))
    assert (own["act"], own["state"], own["due"], own["overdue"]) == ("approve_return", "UA", None, False)
    ready.does("suspend", ground="health")
    [held] = owed_seen(view(ready.case, ready.at)["awaiting"], sight_of("origin authority", ready))
    assert held == own
    assert all(row["stands_still"] for row in view(ready.case, ready.at)["awaiting"] if row["act"] == "approve_return")


def test_a_hold_is_told_to_the_host_and_not_to_the_origin() -> None:
    """Of the holds that tell of a claim, an appeal or a suspension; a detention is answered by both states."""
    course = Course().approved().does("lodge_asylum_claim").does("report_detention")
    assert set(holds_seen(course.case.holds, sight_of("authority", course))) == {"detention", "asylum"}
    assert holds_seen(course.case.holds, sight_of("origin authority", course)) == ("detention",)


def test_a_receipt_for_the_origin_names_no_hold_and_no_safeguard_that_would_tell() -> None:
    """It learns that it was refused; why is told only where it speaks of what the origin sees."""
    course = Course().ready_to_approve()
    read = course.case.head
    course.does("lodge_asylum_claim")
    receipt = course.say("approve_return", "origin authority", dossier=read)
    assert {each["safeguard"] for each in receipt["refusals"]} >= {"non-refoulement", "held", "stale-dossier"}
    told = receipt_seen(receipt, sight_of("origin authority", course))
    assert (told["result"], told["refusals"], told["holds"], told["withheld"]) == (
        "refused",
        [],
        [],
        ["holds", "refusals"],
    )
    assert receipt_seen(receipt, sight_of("authority", course)) == receipt
    wrong = course.say("adopt_reintegration_plan", "origin authority", funded=False)
    assert [each["safeguard"] for each in receipt_seen(wrong, sight_of("origin authority", course))["refusals"]] == [
        "reintegration-plan"
    ]


def test_who_sees_nothing_gets_a_receipt_that_tells_nothing() -> None:
    """An alarm of law enforcement is taken in; the answer says so, and not where the case stands."""
    course = Course().represented().does("lodge_asylum_claim")
    told = receipt_seen(course.say("report_missing", "police"), sight_of("police", course))
    assert (told["result"], told["stage"], told["holds"], told["refusals"]) == ("accepted", None, [], [])


# The case


def test_who_sees_the_case_sees_it_as_it_is() -> None:
    """Nothing is blanked and nothing withheld for the host's authority."""
    course = Course().visited()
    sight = sight_of("authority", course)
    assert as_seen(course.case, sight) == course.case
    assert view_seen(view(course.case, course.at), sight) == view(course.case, course.at)


def test_what_is_not_seen_stands_as_if_it_had_never_been_recorded() -> None:
    """For the guardianship office: no screening, no hearing, no plan; the people in office and the identity stand."""
    course = Course().visited()
    case = as_seen(course.case, sight_of("guardianship", course))
    assert case.screening is case.hearing is case.plan is case.placement is None
    assert (case.asylum, case.relatives, case.deadlines, case.visits) == ("none", {}, {}, {})
    assert case.guardian == course.case.guardian and case.identity == course.case.identity
    told = view_seen(view(course.case, course.at), sight_of("guardianship", course))
    assert told["placement"] is None and "placement" in told["withheld"]
    assert told["guardian"] == "guardian-1" and "guardian" not in told["withheld"]


def test_of_the_intake_only_ones_own_parts_are_there() -> None:
    """Names for the tracing service, and the relatives; neither concerns nor where the child was found."""
    course = Course(concerns=["violence"]).represented().does("open_tracing")
    intake = Ledger(course.entries).as_corrected(course.entries[0])
    told = intake_seen(intake, sight_of("tracing", course))
    assert set(told) == {"child", "relatives"}
    assert set(told["child"]) <= {"given_names", "family_name", "date_of_birth", "estimated_age"}
    assert intake_seen(intake, sight_of("authority", course))["concerns"] == ["violence"]
    assert intake_seen(intake, sight_of("origin authority", course)) == {}


def test_own_words_are_seen_by_who_said_them_alone() -> None:
    """A relative's appeal: by the relative, not by another one."""
    course = Course().determined("return").does("appeal", "relative")
    assert acts_shown("relative", course) == {"appeal"}
    stranger = sight_of("relative", course, id="relative-2")
    assert [entry for entry in course.entries if shown(entry, stranger) != "place"] == []


@pytest.mark.parametrize("who", ["child", "relative"])
@pytest.mark.parametrize("cases", [frozenset[str](), frozenset({"MD-UA-2026-000000"})])
def test_a_party_sees_and_says_nothing_in_a_case_that_the_sign_in_does_not_name(
    who: str, cases: frozenset[str]
) -> None:
    """Not even what was said under the very id: nothing in a record ties whoever signs in to it."""
    course = Course().determined("return").does("appeal", who).does("complain", who)
    stranger, own = somebody(who, cases=cases), somebody(who)
    assert sees(stranger, course.case, spoke=True) == NOTHING
    assert not sees(own, course.case).nothing
    said = [act for act in ACTS if may_speak(own, course.case, act)]
    assert {"appeal", "complain", "report_detention"} <= set(said)
    assert [act for act in ACTS if may_speak(stranger, course.case, act)] == []
    waits = [{"act": "give_consent", "role": who, "state": own.state, "due": None, "overdue": False}]
    row = {"reference": REFERENCE, "host_state": "MD", "origin_state": "UA", "holds": [], "awaiting": waits}
    told = [listed_seen({**row, "stage": "decision", "outcome": None}, each) for each in (own, stranger)]
    assert [each is None for each in told] == [False, True]


def test_who_is_tied_by_an_id_in_office_needs_no_case_in_the_sign_in() -> None:
    """Guardian, counsel and escort are in the record by their ids, and a case in their claims opens nothing."""
    course = Course().approved().does("plan_travel")
    for who in ("guardian", "counsel", "escort"):
        assert not sight_of(who, course, cases=frozenset[str]()).nothing, who
        assert sight_of(who, course, id="somebody-else").nothing, who


def test_lists_and_figures_are_for_offices_that_have_the_case() -> None:
    """Who stands in a case by name, and law enforcement, list none."""
    assert lists("central_authority", "host") and lists("central_authority", "origin") and lists("auditor", "host")
    for role in ("law_enforcement", "guardian", "child", "relative", "escort", "consulate", "monitor", "system"):
        assert not lists(role, "host") and not lists(role, "origin"), role
    assert not lists("auditor", "origin") and not lists("central_authority", None)
    assert {role for role in ROLES if sees_figures(role)} == {
        *("central_authority", "court", "ombudsperson", "auditor"),
    }


def test_entries_of_every_kind_have_a_part() -> None:
    """Nothing in whole courses falls through the table."""
    whole = Course().visited()
    entries: list[Entry] = [*whole.entries, *Course(concerns=["asylum"]).wait(days=60).entries]
    for who in PEOPLE:
        sight = sight_of(who, whole)
        assert {shown(entry, sight) for entry in entries} <= {"whole", "header", "place"}
