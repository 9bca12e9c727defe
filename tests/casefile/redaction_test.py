"""What is left of a case for a reader: the chain still holds, and nothing tells the state that a child fled of a claim."""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import cache
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import pytest

from casefile.checks import Heads, chain_findings
from casefile.redaction import (
    READERS,
    Line,
    Reader,
    Sealed,
    for_reader,
    is_withheld,
    keeps_histories,
    line_as_json,
    line_from_json,
    sees_everything,
)
from procedure.acts import parse_act
from procedure.entries import Entry
from starter.json_values import is_list, is_object
from starter.scenario import shipped
from tests.casefile.matrix_test import played
from tests.procedure.courses import HOTEL, STATION, Course, Fields

SHARED: tuple[Reader, ...] = ("origin_authority", "monitor")
"""The readers of the origin's side, who get the least data."""

HIDDEN = (
    *("screen_protection", "hear_child", "submit_assessment", "determine_best_interests"),
    *("lodge_asylum_claim", "resolve_asylum_claim", "appeal", "decide_appeal", "grant_stay"),
)
OWN_ONLY = ("note", "complain", "suspend", "resume", "report_detention", "report_missing", "reopen_best_interests")
"""Seen by the office or the monitor of the origin that wrote them, and by nobody else of that side."""

OWN: dict[Reader, set[tuple[str, str]]] = {
    "origin_authority": {
        ("UA", "central_authority"),
        ("UA", "child_protection_authority"),
        ("UA", "guardianship_authority"),
        ("UA", "caseworker"),
        ("UA", "tracing_service"),
        ("UA", "consulate"),
    },
    "monitor": {("UA", "monitor")},
}

Step = tuple[str, str | None, Fields]
"""An act, by whom, and its fields; or ``wait`` and how long."""

ORDINARY: list[Step] = [
    ("verify_identity", None, {}),
    ("screen_protection", None, {}),
    ("confirm_services", None, {}),
    ("appoint_guardian", None, {}),
    ("appoint_counsel", None, {}),
    ("open_tracing", None, {}),
    ("report_tracing", None, {}),
    ("assess_family", None, {}),
    ("hear_child", None, {}),
    ("submit_assessment", None, {}),
    ("determine_best_interests", None, {}),
    ("give_consent", None, {}),
    ("give_consent", "child", {}),
    ("adopt_reintegration_plan", None, {}),
    ("assess_rights_impact", None, {}),
    ("approve_return", None, {}),
    ("approve_return", "origin authority", {}),
    ("wait", None, {"days": 15}),
    ("plan_travel", None, {}),
    ("certify_fit_to_travel", None, {}),
    ("approve_travel", None, {}),
    ("wait", None, {"days": 2}),
    ("depart", None, {}),
    ("wait", None, {"days": 1, "hours": 4}),
    ("arrive", None, {}),
    ("wait", None, {"days": 13}),
    ("record_visit", None, {}),
    ("wait", None, {"days": 30}),
]
"""From the opening to a first visit after the arrival, and a second one that is late."""

CLAIM: tuple[Step, Step] = (("lodge_asylum_claim", None, {}), ("resolve_asylum_claim", None, {"result": "withdrawn"}))
SUSPENSION: tuple[Step, Step] = (("suspend", None, {"ground": "health"}), ("resume", None, {"ground": "health"}))
APPEALS: list[tuple[Step, Step]] = [
    (("appeal", None, {"against": against}), ("decide_appeal", None, {})) for against in ("return", "travel")
]
NOTE_AND_COMPLAINT: tuple[Step, Step] = (("note", None, {}), ("complain", None, {}))


def passes(course: Course, **time: float) -> None:
    """Let time pass as an engine does: it wakes the case at each moment that is due."""
    until = course.at + timedelta(**time)
    while (due := course.proceedings.next_due()) and due <= until:
        course.until(max(due, course.at))
    course.until(until)


def with_two(two: tuple[Step, Step], first: int, second: int, steps: Sequence[Step] = ORDINARY) -> list[Step]:
    """The steps with one of two more before step ``first``, and the other before step ``second``."""
    return [*steps[:first], two[0], *steps[first:second], two[1], *steps[second:]]


PLAN_LAST: list[Step] = [*ORDINARY[:13], ORDINARY[14], ORDINARY[13], *ORDINARY[15:]]
"""The origin's plan is what the approvals still wait for."""

PLACES = [
    (first, second)
    for first in range(len(ORDINARY) + 1)
    for second in range(first, len(ORDINARY) + 1)
    if second - first < 2 or (second - first) % 6 == 0
]
"""Where two steps more are put into an ordinary course: near each other anywhere, and far from each other."""


@cache
def claimed(first: int, second: int, *, plan_last: bool = False) -> tuple[Course, list[Step]]:
    """A course with an asylum claim that comes to nothing; what is refused meanwhile is tried again afterwards.

    Also its steps as they went, with a note in the place of each refusal.
    """
    course, went, later = Course(), list[Step](), list[Step]()
    steps = with_two(CLAIM, first, second, PLAN_LAST if plan_last else ORDINARY)
    while steps:
        act, who, fields = steps.pop(0)
        passes(course, minutes=7)
        if act == "wait":
            passes(course, **fields)
        elif course.say(act, who, **fields)["result"] == "refused":
            later.append((act, who, fields))
            went.append(("note", None, {}))
            continue
        went.append((act, who, fields))
        if act == CLAIM[1][0]:
            steps, later = later + steps, []
    return course, went


@cache
def suspended(first: int, second: int) -> Course:
    """The course of :func:`claimed` with a suspension in the place of the claim."""
    return went_with(claimed(first, second)[1], SUSPENSION)


@cache
def noted(first: int, second: int) -> Course:
    """Likewise with a note, and a complaint in the place of the claim's end."""
    return went_with(claimed(first, second)[1], NOTE_AND_COMPLAINT)


def went_with(steps: Sequence[Step], two: tuple[Step, Step]) -> Course:
    """The same steps with two others in the place of the claim and its end."""
    course = Course()
    instead: dict[str, Step] = {"lodge_asylum_claim": two[0], "resolve_asylum_claim": two[1]}
    for each in steps:
        act, who, fields = instead.get(each[0], each)
        passes(course, minutes=7)
        if act == "wait":
            passes(course, **fields)
        else:
            course.does(act, who, **fields)
    return course


def left_of(entries: Sequence[Entry], reader: Reader) -> list[Line]:
    return list(for_reader(entries, reader))


def text_of(lines: Sequence[Line]) -> str:
    return json.dumps([line_as_json(line) for line in lines], ensure_ascii=False)


def picture(entries: Sequence[Entry], reader: Reader) -> list[Any]:
    """All that a reader gets but for what is drawn by chance: hashes, digests, salts, and the head that was read."""
    told = [line_as_json(line) for line in left_of(entries, reader)]
    for each in told:
        for drawn in ("prev", "hash", "body_digest", "salt"):
            each.pop(drawn, None)
        if "dossier" in each.get("body", {}).get("act", {}):
            each["body"] = {**each["body"], "act": {**each["body"]["act"], "dossier": ""}}
    return told


def asked_at_every_stage() -> Iterator[Course]:
    """An asylum claim, refused attempts under it, and its end, at each stage of an ordinary course."""
    for step in range(len(ORDINARY) + 1):
        yield claimed(step, min(step + 4, len(ORDINARY)))[0]


def unlike_each_other() -> Iterator[Course]:
    """Courses in which everything happens that a reader of the origin's side must not learn."""
    yield from asked_at_every_stage()
    yield Course().visited()
    yield Course(placement=STATION).wait(days=20)
    yield Course(placement=HOTEL, concerns=["asylum"]).wait(days=30)
    yield Course().does("verify_identity").does("screen_protection", asylum=True, trafficking=True).wait(days=90)
    yield Course().determined("stay").does("grant_stay", status="protection").does("close_case", outcome="stays")
    yield Course().determined("third_country").does("arrange_third_country").does("close_case", outcome="third_country")
    yield Course().departed().does("report_incident").does("lodge_asylum_claim", "escort").wait(days=9)
    yield Course().departed().wait(days=1, hours=4).does("arrive", placement=STATION).does("confirm_release")
    yield Course().approved().does("appeal").does("decide_appeal", result="upheld").ready_for_panel().determine("stay")
    yield Course().approved().does("complain").wait(days=20).does("answer_complaint").does("report_missing")
    yield Course(born="2008-02-20").represented().does("lodge_asylum_claim").wait(days=40)
    course = Course().approved().does("lodge_asylum_claim").does("resolve_asylum_claim", result="granted")
    yield course.ready_for_panel().determine("stay").does("grant_stay", status="protection")
    course = Course().does("verify_identity").does("screen_protection", asylum=True)
    yield course.does("correct", "caseworker", entry=course.number_of("screen_protection"), fields={"asylum": False})


COURSES = list(unlike_each_other())


def holds_for(entries: Sequence[Entry], reader: Reader) -> None:
    """What must hold of every record for every reader."""
    lines, heads = left_of(entries, reader), Heads()
    assert list(chain_findings(lines, heads)) == []
    assert (len(heads), heads.newest) == (len(entries), entries[-1].hash)
    assert [line_from_json(json.loads(json.dumps(line_as_json(line)))) for line in lines] == lines
    if sees_everything(reader):
        assert lines == list(entries)
        return
    for line in lines:
        if isinstance(line, Entry) and not is_withheld(line):
            assert line.kind not in ("opened", "refused"), line
            assert line.act not in HIDDEN, line
            assert line.facts.get("of") not in HIDDEN, line
            assert line.act not in OWN_ONLY or (line.actor_state, line.actor_role) in OWN[reader], line


@pytest.mark.parametrize("reader", READERS)
def test_the_chain_holds_and_no_body_is_told_that_should_not_be(reader: Reader) -> None:
    """On every course and for every reader: the same head, whole or with places alone."""
    for course in COURSES:
        holds_for(course.entries, reader)


@pytest.mark.parametrize("name", shipped())
def test_the_shipped_scenarios_hold_for_every_reader(name: str) -> None:
    """Chain, bodies, and not the word: claim, screening and intake are in none of what is left."""
    for _, entries in played(name):
        for reader in READERS:
            holds_for(entries, reader)
        for reader in SHARED:
            assert "asylum" not in text_of(left_of(entries, reader))


@pytest.mark.parametrize("reader", SHARED)
def test_nowhere_is_the_word_after_a_claim_at_any_stage(reader: Reader) -> None:
    """Headers and bodies as JSON: no act, no hold, no safeguard, no refusal has it."""
    for course in COURSES:
        told = text_of(left_of(course.entries, reader))
        assert "asylum" not in told
        assert "non-refoulement" not in [
            name
            for line in left_of(course.entries, reader)
            if isinstance(line, Entry) and line.kind in ("refused", "hold", "hold_lifted")
            for name in line.safeguards
        ]
        assert '"protection"' not in told


def test_who_reads_everything_reads_the_word_too() -> None:
    """The tests above would see it."""
    for reader in READERS:
        assert ("asylum" in text_of(left_of(COURSES[0].entries, reader))) is (reader not in SHARED)
    assert {reader for reader in READERS if keeps_histories(reader)} == {"auditor", "court", "ombudsperson"}


@pytest.mark.parametrize("reader", SHARED)
@pytest.mark.parametrize("who", ["child", "guardian", "legal_counsel", "escort"])
def test_a_claim_from_the_origin_state_is_not_the_origins_own(reader: Reader, who: str) -> None:
    """A child, a guardian, a counsel and an escort may speak from either state: that state does not hear it."""
    course = Course().travel_approved()
    ids = {"child": "the-child", "guardian": "guardian-1", "legal_counsel": "counsel-1", "escort": "escort-1"}
    actor = {"id": ids[who], "role": who, "state": course.origin}
    course.does("lodge_asylum_claim", actor).does("complain", actor).does("note", actor)
    for line in left_of(course.entries, reader)[-4:]:
        assert isinstance(line, Sealed)


def test_what_a_guardian_heard_in_the_origin_state_is_withheld() -> None:
    """The child's words stay with the care, wherever the guardian was when writing."""
    guardian = {"id": "guardian-1", "role": "guardian", "state": "UA"}
    course = Course().traced().does("hear_child", guardian, views="invented words of the child")
    for reader in SHARED:
        assert "invented words" not in text_of(left_of(course.entries, reader))


def test_the_origins_own_acts_are_told_whole_and_its_refusals_are_not() -> None:
    """It wrote its plan; why it was refused names what it has not read, a claim among it."""
    course = Course().ready_to_approve()
    read = course.case.head
    course.does("lodge_asylum_claim").does("resolve_asylum_claim")
    refused = course.say("approve_return", "origin authority", dossier=read)
    assert [each["safeguard"] for each in refused["refusals"]] == ["stale-dossier"]
    assert "lodge_asylum_claim" in refused["refusals"][0]["message"]
    lines = left_of(course.entries, "origin_authority")
    assert isinstance(lines[-1], Sealed)
    own = next(line for line in lines if isinstance(line, Entry) and line.act == "adopt_reintegration_plan")
    assert own.body["act"]["housing"] == "with the mother"


def test_a_monitor_of_the_host_is_not_the_origins_monitor() -> None:
    """What a monitor wrote is told to a monitor of the same side."""
    text = "invented words about a claim"
    for state, told in (("MD", False), ("UA", True)):
        course = Course().does("note", {"id": "monitor-2", "role": "monitor", "state": state}, text=text)
        assert (text in text_of(left_of(course.entries, "monitor"))) is told
        assert text not in text_of(left_of(course.entries, "origin_authority"))


def test_tracing_that_went_around_the_origins_authorities_is_not_told() -> None:
    """By the Red Cross nobody asked them; by the central authority somebody did."""
    for via, told in (
        ("red_cross", False),
        ("social_service", False),
        ("central_authority", True),
        ("consulate", True),
    ):
        course = Course().represented().does("open_tracing", via=via)
        seen = [line.act for line in left_of(course.entries, "origin_authority") if isinstance(line, Entry)]
        assert ("open_tracing" in seen) is told


# What is left tells nothing


@pytest.mark.parametrize("reader", SHARED)
def test_a_claim_looks_exactly_like_a_suspension(reader: Reader) -> None:
    """Lodged anywhere and withdrawn anywhere later: to the last number and moment the same as a suspension for health.

    Whatever a deadline that stood still tells, it tells of both.
    """
    for place in PLACES:
        course, _ = claimed(*place)
        assert picture(course.entries, reader) == picture(suspended(*place).entries, reader), place


@pytest.mark.parametrize("reader", SHARED)
def test_a_claim_that_was_granted_looks_like_a_suspension_and_new_facts(reader: Reader) -> None:
    """Best interests are determined anew, and the child stays: for which reason is not told."""
    granted: tuple[Step, Step] = (CLAIM[0], ("resolve_asylum_claim", None, {"result": "granted"}))
    innocent: tuple[Step, Step] = (SUSPENSION[0], ("reopen_best_interests", None, {}))
    ends: list[Step] = [
        ("hear_child", None, {}),
        ("submit_assessment", None, {}),
        ("determine_best_interests", None, {"solution": "stay", "options_considered": ["return", "stay"]}),
        ("grant_stay", None, {"status": "protection"}),
        ("close_case", None, {"outcome": "stays"}),
    ]
    for first in range(11, 21):
        steps = with_two(granted, first, first, ORDINARY[:first]) + ends
        course, other = went_with(steps, granted), went_with(steps, innocent)
        assert course.case.asylum == "granted"
        assert picture(course.entries, reader) == picture(other.entries, reader), first


@pytest.mark.parametrize("reader", SHARED)
def test_a_screening_that_found_a_need_for_asylum_looks_like_any_other(reader: Reader) -> None:
    """Nor do two entries of one moment stand around a place that only a hold can have."""
    found: Step = ("screen_protection", None, {"asylum": True})
    for step in range(2, 5):
        anew = [ORDINARY[1], *ORDINARY[step:]]
        course = went_with([ORDINARY[0], found, *ORDINARY[2:step], CLAIM[1], *anew], CLAIM)
        other = went_with([*ORDINARY[:2], SUSPENSION[0], *ORDINARY[2:step], SUSPENSION[1], *anew], CLAIM)
        assert bare(course.entries, reader) == bare(other.entries, reader)
        lines = left_of(course.entries, reader)
        for before, place, after in zip(lines, lines[1:], lines[2:], strict=False):
            if isinstance(place, Sealed) and isinstance(before, Entry) and isinstance(after, Entry):
                assert before.at < after.at


HELD_ACTS_ONLY = ("approval_host", "approval_origin", "travel_plan", "travel_approval")
"""Deadlines that only held acts can meet. A header says when they begin and when they stand still."""


def without_numbers(given: Any, *, but: Sequence[str] = ()) -> Any:
    """JSON without numbers of entries and moments; also without the deadlines of these names."""
    if is_object(given):
        return {
            _name(name): without_numbers(value, but=but)
            for name, value in given.items()
            if name not in ("n", "at", "act_id", "voids", "due", *but)
        }
    if is_list(given):
        return [without_numbers(each, but=but) for each in given if each not in but]
    return ("" if given[:1].isdigit() else _name(given)) if isinstance(given, str) else given


def _name(key: str) -> str:
    """A deadline's name without the entry that is its ground."""
    return key.partition(":")[0]


def bare(entries: Sequence[Entry], reader: Reader, *, but: Sequence[str] = ()) -> list[Any]:
    """What a reader sees, without the places of what is withheld, numbers, moments, and deadlines of these names."""
    seen = [told for told in picture(entries, reader) if "kind" in told and told["facts"].get("deadline") not in but]
    plain = [without_numbers(told, but=but) for told in seen]
    for each in plain:
        # A list of deadlines with nothing left in it stands for no list.
        deadlines = {name: value for name, value in each["facts"].pop("deadlines", {}).items() if value}
        each["facts"] |= {"deadlines": deadlines} if deadlines else {}
    return plain


@pytest.mark.parametrize("reader", SHARED)
def test_a_claim_differs_from_a_note_and_a_complaint_in_held_deadlines_alone(reader: Reader) -> None:
    """Mostly in numbers, hashes, moments and places only; and else in when an approval or a plan is owed.

    That much tells of a hold, and not of which one: see the test above.
    """
    differing = 0
    for place in PLACES:
        one, other = claimed(*place)[0].entries, noted(*place).entries
        assert bare(one, reader, but=HELD_ACTS_ONLY) == bare(other, reader, but=HELD_ACTS_ONLY), place
        differing += bare(one, reader) != bare(other, reader)
    assert 0 < differing < len(PLACES) / 4


@pytest.mark.parametrize("reader", SHARED)
def test_where_a_plan_was_all_that_approvals_waited_for_a_claim_looks_like_an_appeal(reader: Reader) -> None:
    """The header of the plan does not begin their time, as under a suspension it would: under an appeal neither."""
    suspended = 0
    for place in [(first, second) for first in range(11, 15) for second in range(15, 17)]:
        course, went = claimed(*place, plan_last=True)
        told = picture(course.entries, reader)
        assert any(told == picture(went_with(went, two).entries, reader) for two in APPEALS), place
        suspended += told == picture(went_with(went, SUSPENSION).entries, reader)
    assert suspended == 0


# On random walks


def test_random_walks_hold_and_a_claim_in_them_looks_like_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random acts, people and waiting times: the chain, the bodies, and no claim that could not be another thing."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "procedure"))  # pyright: ignore[reportUnknownMemberType]
    from tests.procedure.walking import Walk

    compared = 0
    for seed in range(80):
        die = Random(seed)
        walk = Walk(die, "model")
        for _ in range(die.randint(20, 60)):
            walk.step()
            if die.random() < 0.05:
                walk.hear("lodge_asylum_claim", walk.course.person("child"), {})
            elif walk.course.case.asylum == "open" and die.random() < 0.2:
                walk.hear("resolve_asylum_claim", walk.course.person("asylum"), {"result": "withdrawn"})
        entries = walk.course.entries
        for reader in READERS if seed < 20 else SHARED:
            holds_for(entries, reader)
        for reader in SHARED:
            assert "asylum" not in text_of(left_of(entries, reader))
        told = [picture(entries, reader) for reader in SHARED]
        for other in innocent(walk.course):
            if told == [picture(other.entries, reader) for reader in SHARED]:
                compared += 1
                break
        else:
            assert next(innocent(walk.course), None) is None, seed
    assert compared >= 12


Two = tuple[tuple[str, Fields], tuple[str, Fields]]

ANOTHER_THING: list[Two] = [
    *((("suspend", {"ground": ground}), ("resume", {"ground": ground})) for ground in ("health", "other")),
    *((("appeal", {"against": against}), ("decide_appeal", {})) for against in ("return", "travel")),
]


def innocent(course: Course) -> Iterator[Course]:
    """The course again with other things in the place of each asylum claim and its end, as far as they may stand there.

    None where it has no claim, or one that did not come to nothing.
    """
    said = [entry for entry in course.entries if entry.kind in ("accepted", "refused")]
    claims = 0
    open_now = False
    for entry in said:
        if entry.kind == "accepted" and entry.act == "lodge_asylum_claim":
            claims, open_now = claims + (not open_now), True
        elif entry.kind == "accepted" and entry.act == "resolve_asylum_claim":
            open_now = False
    if claims and not any(_stays_a_claim(entry) for entry in said):
        for instead in product(ANOTHER_THING, repeat=min(claims, 3)):
            if (other := _again(course, said, list(instead))) is not None:
                yield other


def _again(course: Course, said: Sequence[Entry], instead: list[Two]) -> Course | None:
    """The course again; None where it goes on in another way."""
    again = Course(agreement=course.case.agreement, **_intake_of(course))
    now: Two | None = None
    before: dict[str, int] = {entry.hash: entry.n for entry in course.entries}
    for entry in course.entries:
        if entry.n <= again.case.n:
            continue  # an answer to the act before
        if entry.n != again.case.n + 1:
            return None
        again.at = entry.at
        if entry not in said:
            again.until(entry.at)
            continue
        act = dict(entry.body["act"])
        if entry.act == "lodge_asylum_claim" and entry.kind == "accepted":
            if now is not None:
                act = again.act("note")
            else:
                now = instead.pop(0) if len(instead) > 1 else instead[0]
                act = again.act(now[0][0], **now[0][1])
        elif entry.act == "resolve_asylum_claim" and entry.kind == "accepted":
            assert now is not None
            act, now = again.act(now[1][0], **now[1][1]), None
        elif entry.kind == "refused" and (
            {"non-refoulement", "no-contact-with-origin", "held"} & set(entry.safeguards)
            or entry.act in ("lodge_asylum_claim", "resolve_asylum_claim")
        ):
            act = again.act("note")
        elif "dossier" in act and act["dossier"] in before:
            act["dossier"] = again.entries[before[act["dossier"]] - 1].hash
        receipt = again.proceedings.hear(parse_act({**act, "act_id": entry.act_id}), entry.at)
        if receipt["entry"] != entry.n or (entry.kind == "accepted") is not (receipt["result"] == "accepted"):
            return None
    return again


def _stays_a_claim(entry: Entry) -> bool:
    """Whether a claim was granted, or came out of the screening."""
    act = entry.body["act"]
    return (
        act.get("result") == "granted"
        or (entry.act == "screen_protection" and act.get("asylum") is True)
        or "asylum" in act.get("fields", {})
    )


def _intake_of(course: Course) -> Fields:
    given = dict(course.intake)
    born = given["child"]["date_of_birth"]
    for name in ("agreement", "host_state", "origin_state", "opened_by"):
        del given[name]
    return {**given, "born": born, "host": course.host, "origin": course.origin}
