"""Every entry is told in every language, from typed data, and from its header alone where the body is withheld."""

# ruff: noqa: RUF001 - the Cyrillic letters are meant

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, get_args

import pytest

from casefile.languages import LANGUAGES, language
from casefile.story import consequences, place, refusals, sentence
from procedure.acts import ACTS
from procedure.entries import GENESIS, Draft, Entry, seal
from procedure.proceedings import Proceedings
from procedure.safeguards.asked import SAFEGUARDS
from procedure.vocabulary import EntryKind
from tests.procedure.courses import DOES, FOSTER, HOTEL, SEED, START, STATION, Course

everywhere = pytest.mark.parametrize("code", LANGUAGES)

OWN_WORDS = (
    "for reasons given in the file",
    "what the child told",
    "interview",
    "told in confidence",
    "in writing",
    "visited at home",
    "a foster family is ready",
    "full weight",
    "something new is known",
    "not what the child wants",
    "with the mother",
    "none that weighs",
    "doing well",
    "an aunt takes care",
    "a room and a social worker",
    "nobody listened",
    "an apology",
    "something to remember",
    "another invented place",
    "Invented Mother",
    "Invented Town",
)
"""What people wrote in the invented courses."""


def _home() -> Course:
    """From the opening to the closing of a return, with refusals, holds, corrections and an incident on its way."""
    course = Course(placement=HOTEL).does("assign").wait(days=4)
    course.refused("place_child", placement=STATION)
    course.does("verify_identity")
    course.does(
        "correct",
        "caseworker",
        entry=course.number_of("verify_identity"),
        fields={
            "result": "verified",
            "date_of_birth": "2013-06-01",
            "nationalities": ["UA", "MD"],
            "sources": ["paper"],
        },
    )
    course.does("correct").does("extend_deadline", days=1).does("assess_age")
    course.does("place_child").does("screen_protection").does("confirm_services")
    course.does("report_missing").wait(days=3).does("report_found")
    course.does("report_detention").wait(days=3).does("confirm_release")
    course.does("hear_child", "caseworker").does("appoint_guardian").does("appoint_counsel")
    course.does("open_tracing").does("report_tracing").does("assess_family").does("guarantee_care")
    course.does("complain").does("answer_complaint").does("note")
    course.ready_for_panel().determine("return").consented().prepared()
    course.does("approve_return").does("suspend").wait(days=2).does("resume").does("decline_return", "origin authority")
    course.ready_for_panel().determine("return").does("appeal").does("decide_appeal").consented()
    course.does("withdraw_consent").consented().approve().wait(days=20)
    course.does("plan_travel").does("certify_fit_to_travel").does("approve_travel").wait(days=2)
    course.does("depart").does("report_incident")
    course.does("plan_travel").does("certify_fit_to_travel").does("approve_travel").wait(days=2)
    course.does("depart").wait(days=1, hours=4).does("arrive").visit_all()
    return course.does("close_case", outcome="returned")


def _elsewhere() -> Course:
    """An asylum claim, another guardian, a new round, and care in a third country."""
    course = Course().determined("return").does("lodge_asylum_claim").does("resolve_asylum_claim")
    course.does("replace_guardian").does("reopen_best_interests")
    course.does("hear_child", "caseworker").does("submit_assessment")
    return course.determine("third_country").does("arrange_third_country")


def _stays() -> Course:
    """A stay is granted."""
    return Course().determined("stay").does("grant_stay", until="2027-03-04")


def _grows_up() -> Course:
    """Eighteen in the middle of it."""
    return Course(born="2008-03-01").identified().wait(days=60).does("transfer_to_adult_services")


def _badly_handed_over() -> Course:
    """Handed to the police on arrival, at a place that is no care."""
    course = Course().departed().wait(days=1, hours=4)
    return course.does("arrive", handed_to="law_enforcement", placement={**FOSTER, "kind": "other"})


def _refused() -> Course:
    """Every act, asked for by somebody who may do none; and something that is no act at all."""
    course = Course()
    for act in ACTS:
        course.refused(act, "auditor")
    course.proceedings.hear_malformed(b"not an act", [{"path": "$", "message": "is not JSON"}], course.at)
    return course


def _erased() -> Entry:
    return seal(Draft(kind="erased"), n=1, at=START, prev=GENESIS, seed=SEED)


@cache
def everything() -> list[Entry]:
    """Entries of every kind, each as the law makes it."""
    courses = (_home(), _elsewhere(), _stays(), _grows_up(), _badly_handed_over(), _refused())
    return [*(entry for course in courses for entry in course.entries), _erased()]


def withheld(entry: Entry) -> Entry:
    """An entry as a reader sees it who may not see the body."""
    return entry._replace(salt="", body={})


def last(course: Course, kind: str = "accepted") -> Entry:
    """The newest entry of a kind."""
    return next(entry for entry in reversed(course.entries) if entry.kind == kind)


def test_the_courses_here_live_through_everything() -> None:
    """Every act accepted and refused, and every kind of entry: or the other tests show less than they say."""
    assert {entry.kind for entry in everything()} == set(get_args(EntryKind))
    assert {entry.act for entry in everything() if entry.kind == "accepted"} == set(ACTS)
    assert {entry.act for entry in everything() if entry.kind == "refused"} == {*ACTS, None}


# In every language


def _told(entry: Entry, code: str) -> list[str]:
    return [sentence(entry, language(code)), *consequences(entry, language(code))]


@everywhere
def test_every_entry_is_told(code: str) -> None:
    """In whole sentences, with no place left unfilled, with the body and without it."""
    for entry in (*everything(), *map(withheld, everything())):
        for said in _told(entry, code):
            assert said.endswith((".", "…")) and said[0] == said[0].upper(), said
            assert not re.search(r"[{}]|None|  |\.\.|: ?[.;]|\(\)|[“«„][”»]", said), said


_NOT_WORDS = re.compile(r"«[^»]*»|\b(guardian|counsel|caseworker|escort)-\d\b|\br1\b|\bUTC\b")


@pytest.mark.parametrize("code", ["uk", "ru", "ky"])
def test_no_english_is_left(code: str) -> None:
    """No Latin letter but in names in quotes, in ids, and in UTC."""
    for entry in (*everything(), *map(withheld, everything())):
        for said in _told(entry, code):
            assert not re.search("[A-Za-z]", _NOT_WORDS.sub("", said)), said


def test_romanian_is_not_english() -> None:
    """Where letters do not tell, sentences do."""
    for entry in (*everything(), *map(withheld, everything())):
        assert set(_told(entry, "ro")).isdisjoint(_told(entry, "en"))


@everywhere
def test_a_withheld_body_takes_words_away_and_adds_none(code: str) -> None:
    """What is told without the body is the beginning of what is told with it."""
    for entry in everything():
        if entry.kind == "refused" or entry.act == "certify_fit_to_travel":
            continue  # told in other words where the body is not there
        assert sentence(entry, language(code)).startswith(sentence(withheld(entry), language(code)))
        assert consequences(entry, language(code)) == consequences(withheld(entry), language(code))


@everywhere
def test_what_people_wrote_is_no_part_of_a_sentence(code: str) -> None:
    """Reasons, views and findings stay in the body; of a relative, only the id."""
    for entry in everything():
        for said in _told(entry, code):
            assert [words for words in OWN_WORDS if words in said] == []


@everywhere
def test_nothing_personal_is_told_from_a_header(code: str) -> None:
    """No id, no name of a place."""
    for entry in everything():
        assert not re.search(
            r"Invented|(guardian|counsel|caseworker|escort)-\d|\br1\b", sentence(withheld(entry), language(code))
        )


def test_whatever_happens_on_random_walks_can_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random acts, people and waiting times make no entry that any language cannot tell."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "procedure"))  # pyright: ignore[reportUnknownMemberType]
    from tests.procedure.walking import Walk

    told = 0
    for seed in range(20):
        walk = Walk(Random(seed), "model")
        walk.run(60)
        for entry in walk.course.entries:
            for code in LANGUAGES:
                assert all(_told(entry, code)) and all(_told(withheld(entry), code))
                told += 1
    assert told > 4_000


# In English, sentence by sentence

ORDINARY: dict[str, str] = {
    "verify_identity": "The caseworker from Moldova looked into the child's identity: presumed, not proven.",
    "assess_age": "The child protection authority of Moldova assessed the age: a child.",
    "screen_protection": "The caseworker from Moldova checked what protection the child needs. "
    "No sign of trafficking or violence and no need for asylum was seen.",
    "place_child": "The child protection authority of Moldova placed the child. "
    "Place: “Invented Foster Home” (foster family, run by: foster carer).",
    "confirm_services": "The caseworker from Moldova reported on school and healthcare. School: yes. Healthcare: yes.",
    "report_detention": "The ombudsperson of Moldova reported that the child is detained. "
    "Since: 9 February 2026, 09:00 UTC. Place: “Invented Station” (police station, run by: police).",
    "confirm_release": "The ombudsperson of Moldova reported where the child is after the detention. "
    "Place: “Invented Foster Home” (foster family, run by: foster carer).",
    "report_missing": "The caseworker from Moldova reported the child missing. Since: 6 February 2026, 09:00 UTC.",
    "report_found": "The caseworker from Moldova reported that the child was found. "
    "Place: “Invented Foster Home” (foster family, run by: foster carer).",
    "appoint_guardian": "The guardianship authority of Moldova appointed a guardian. "
    "Guardian: guardian-1 (professional guardian).",
    "replace_guardian": "The guardianship authority of Moldova replaced the guardian by another. "
    "Guardian: guardian-2 (professional guardian).",
    "appoint_counsel": "The guardianship authority of Moldova appointed a legal counsel. "
    "Legal counsel: counsel-1. Free of charge: yes.",
    "open_tracing": "The caseworker from Moldova began the search for the family through the central authority.",
    "report_tracing": "The tracing service of Ukraine reported on the search for the family: relatives were found. "
    "1 relative is named.",
    "assess_family": "The caseworker from Ukraine assessed a relative. "
    "Relative: r1. Willing to care for the child: yes. Able to: yes. Safe: yes.",
    "guarantee_care": "The central authority of Ukraine guaranteed that the child will be cared for by the authority.",
    "hear_child": "The guardian from Moldova heard the child. The child's wish: to return.",
    "submit_assessment": "The caseworker from Moldova submitted the best-interests assessment. It recommends: return.",
    "determine_best_interests": "The best-interests panel of Moldova determined what is best for the child: return.",
    "reopen_best_interests": "The legal counsel from Moldova reopened the question of what is best for the child, "
    "because of new facts.",
    "appeal": "The child lodged an appeal against the return.",
    "give_consent": "The guardian from Moldova consented to the return.",
    "withdraw_consent": "The guardian from Moldova withdrew the consent to the return.",
    "adopt_reintegration_plan": "The central authority of Ukraine adopted the reintegration plan.",
    "assess_rights_impact": "The caseworker from Moldova assessed what a return would mean for the child's rights: safe.",
    "approve_return": "The central authority of Moldova approved the return.",
    "decline_return": "The central authority of Ukraine declined the return.",
    "plan_travel": "The caseworker from Moldova made a travel plan. The journey has 2 legs. "
    "Departure: 8 March 2026, 09:00 UTC. Arrival: 9 March 2026, 13:00 UTC. "
    "Escort: escort-1 (child protection). Hand-over to the family.",
    "certify_fit_to_travel": "The health worker from Moldova certified the child fit to travel. "
    "The certificate is valid until 26 March 2026.",
    "approve_travel": "The child protection authority of Moldova approved the travel plan.",
    "depart": "The escort from Moldova departed with the child.",
    "report_incident": "The escort from Moldova reported an incident on the journey: the border is closed. "
    "Place: “Invented Foster Home” (foster family, run by: foster carer).",
    "arrive": "The escort from Moldova reported the arrival. The child was handed over to the family. "
    "Place: “Invented Family Home” (family, run by: family).",
    "record_visit": "The monitor from Ukraine made monitoring visit 1. The child there: safe. "
    "Child seen alone: yes. In school: yes. With the family: yes.",
    "grant_stay": "The central authority of Moldova granted the child a stay: residence permit. Until: 4 March 2027.",
    "arrange_third_country": "The central authority of Moldova arranged care in a third country. State: Romania. "
    "Place: “Invented Family Home” (family, run by: family).",
    "transfer_to_adult_services": "The child protection authority of Moldova transferred the young person to adult services.",
    "close_case": "The central authority of Moldova closed the case: the child has returned.",
    "lodge_asylum_claim": "The child lodged a claim for asylum.",
    "resolve_asylum_claim": "The asylum authority of Moldova decided on the claim for asylum: withdrawn.",
    "suspend": "The central authority of Moldova suspended the return. Ground: crisis.",
    "resume": "The child protection authority of Moldova ended a suspension of the return. Its ground was: crisis.",
    "complain": "The child lodged a complaint.",
    "assign": "The central authority of Moldova assigned a caseworker to the case. Caseworker: caseworker-1.",
    "extend_deadline": "The central authority of Moldova extended a deadline by 1 day: identification.",
    "note": "The caseworker from Moldova made a note.",
}


@pytest.mark.parametrize("act", ORDINARY)
def test_an_act_is_told_in_plain_english(act: str) -> None:
    """As somebody would tell it who was there."""
    told = [sentence(entry) for entry in everything() if entry.kind == "accepted" and entry.act == act]
    assert ORDINARY[act] in told, told


def test_acts_that_name_another_entry_are_told_with_its_number() -> None:
    """So that a reader finds it."""
    course = (
        Course()
        .does("complain")
        .does("answer_complaint")
        .determined()
        .does("appeal")
        .does("decide_appeal", result="upheld")
    )
    told = [sentence(entry) for entry in course.entries]
    assert (
        f"The ombudsperson of Moldova answered the complaint of entry {course.number_of('complain')}: upheld." in told
    )
    appeal = course.number_of("appeal")
    assert f"The court of Moldova ruled on the appeal of entry {appeal} against the return: upheld." in told


OTHERWISE: list[tuple[str, Callable[[Course], Course], str]] = [
    (
        "what a screening saw",
        lambda c: c.does("screen_protection", trafficking=True, asylum=True),
        "The caseworker from Moldova checked what protection the child needs. Seen: trafficking and need for asylum.",
    ),
    (
        "a hearing that does not count",
        lambda c: c.does("hear_child", "caseworker", informed=False),
        "The caseworker from Moldova heard the child. This hearing does not count: the child was not informed; "
        "no guardian was in office. The child's wish: to return.",
    ),
    (
        "a refusal to consent",
        lambda c: c.determined().does("give_consent", given=False),
        "The guardian from Moldova did not consent to the return.",
    ),
    (
        "not fit to travel",
        lambda c: c.decided().does("plan_travel").does("certify_fit_to_travel", fit=False),
        "The health worker from Moldova found the child not fit to travel.",
    ),
    (
        "a postponement",
        lambda c: c.assessed().determine("postpone", review_on="2026-06-01"),
        "The best-interests panel of Moldova determined what is best for the child: postponement. "
        "It is to be reviewed on 1 June 2026.",
    ),
    (
        "a visit that finds the child elsewhere",
        lambda c: c.arrived().wait(days=10).does("record_visit", safe=False, with_family=False, placement=FOSTER),
        "The monitor from Ukraine made monitoring visit 1. The child there: not safe. Child seen alone: yes. "
        "In school: yes. With the family: no. Place: “Invented Foster Home” (foster family, run by: foster carer).",
    ),
    (
        "no relative",
        lambda c: c.represented().does("open_tracing").does("report_tracing", result="not_found", relatives=[]),
        "The tracing service of Ukraine reported on the search for the family: no relative was found.",
    ),
]


@pytest.mark.parametrize(("course", "said"), [row[1:] for row in OTHERWISE], ids=[row[0] for row in OTHERWISE])
def test_an_act_that_says_something_else_is_told_otherwise(course: Callable[[Course], Course], said: str) -> None:
    """Each closed word and each yes or no changes the sentence."""
    assert sentence(last(course(Course()))) == said


def test_what_time_brings_is_told() -> None:
    """A deadline, who was told, a birthday, a hold, a stage, an ending."""
    told = {sentence(entry) for entry in everything()}
    assert {
        "A deadline passed: check of protection needs. It was due by 4 February 2026. Nothing was decided by that.",
        "A deadline passed: finding the missing child. It was due by 7 February 2026, 09:00 UTC. "
        "Nothing was decided by that.",
        "Still owed: check of protection needs. The central authority was told.",
        "Still owed: finding the missing child. The ombudsperson was told.",
        "The child was not handed over into care. The central authority was told.",
        "The child was not handed over into care. The ombudsperson was told.",
        "The return is on hold: detention.",
        "A hold on the return has ended: detention.",
        "As far as is known, the child is in detention: the child may not leave at will; it is run by police; "
        "a police station is never a place of care.",
        "The child turned eighteen.",
        "The case moved from the stage “identification” to the stage “guardianship”.",
        "The case was closed: the child has returned.",
        "The personal content of this case was erased.",
    } <= told


def test_a_case_is_opened() -> None:
    """By whom, and from the body when and where the child was found to be."""
    opened = Course().entries[0]
    assert sentence(withheld(opened)) == "The central authority of Moldova opened the case."
    assert sentence(opened) == (
        "The central authority of Moldova opened the case. The child was found on 1 February 2026. "
        "Place: “Invented Foster Home” (foster family, run by: foster carer)."
    )


# Corrections


@pytest.mark.parametrize(
    ("act", "fields", "said"),
    [
        ("verify_identity", {"result": "verified"}, "result: verified"),
        ("verify_identity", {"date_of_birth": "2013-06-01"}, "date of birth: 1 June 2013"),
        ("verify_identity", {"nationalities": ["UA", "NL"]}, "nationalities: Ukraine and Netherlands"),
        ("verify_identity", {"statelessness_suspected": None}, "statelessness suspected: not known"),
        ("verify_identity", {"sources": ["in my own words"]}, "sources"),
        (
            "screen_protection",
            {"violence": True, "health_needs": "in my own words"},
            "signs of violence: yes; health needs",
        ),
        ("report_missing", {"since": "2026-02-01T20:00:00Z"}, "since when: 1 February 2026, 20:00 UTC"),
        ("report_missing", {"since": "2026-02-01t20:00:00z"}, "since when: 1 February 2026, 20:00 UTC"),
        ("report_found", {"placement": HOTEL}, "placement: “Invented Hotel” (hotel, run by: social service)"),
        ("report_found", {"placement.kind": "hotel"}, "kind of place: hotel"),
        ("report_found", {"placement.name": "Invented House"}, "name of the place: “Invented House”"),
        ("report_found", {"placement.locked": False}, "seen locked: no"),
        ("note", {"text": "in my own words", "reason": "in my own words"}, "text of the note; reason"),
    ],
)
def test_a_correction_names_its_fields_and_what_they_say_now(act: str, fields: dict[str, Any], said: str) -> None:
    """Typed values are told, people's own words are not."""
    course = Course().does(act)
    course.does("correct", DOES[act], entry=course.number_of(act), fields=fields)
    correction = next(entry for entry in course.entries if entry.act == "correct")
    assert sentence(correction).endswith(f" Corrected: {said}.")
    assert sentence(withheld(correction)).endswith(
        f"corrected entry {course.number_of(act)} ({language('en').term('act', act)})."
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"child.family_name": "Invented-Anew", "child.languages": ["uk", "ro"]},
            "family name: “Invented-Anew”; languages: Ukrainian and Romanian",
        ),
        ({"child.estimated_age": 12, "child.sex": "male"}, "estimated age: 12; sex: male"),
        (
            {"found.on": "2026-01-30", "found.by": "school"},
            "day the child was found: 30 January 2026; who found the child: school",
        ),
        (
            {"situation": "separated", "concerns": ["health", "violence"]},
            "situation: separated; concerns: health and violence",
        ),
    ],
)
def test_a_correction_of_the_intake_reaches_inside(fields: dict[str, Any], said: str) -> None:
    """The central authority mends what was known when the case was opened."""
    corrected = last(Course().does("correct", fields=fields))
    assert sentence(corrected) == (
        f"The central authority of Moldova corrected entry 1 (opening of the case). Corrected: {said}."
    )


def test_a_field_without_a_word_is_told_by_its_path() -> None:
    """In quotes, so that it is seen to be one."""
    corrected = last(Course().does("correct"))
    told = corrected._replace(body={"act": {**corrected.body["act"], "fields": {"found.weather": "rain"}}})
    assert sentence(told).endswith(" Corrected: “found.weather”.")
    assert sentence(told, language("uk")).endswith(" Виправлено: «found.weather».")


# Refusals


def test_a_refusal_says_who_asked_for_what_and_why_not() -> None:
    """In English with the law's own message; in another language, or without the body, with what the safeguard demands."""
    course = Course()
    course.refused("place_child", placement=STATION)
    refused = last(course, "refused")
    begun = "Refused: placement of the child, asked for by the child protection authority of Moldova. No detention: "
    assert sentence(refused) == (
        f"{begun}This placement would be detention: the child may not leave at will; it is run by police; "
        "a police station is never a place of care."
    )
    assert sentence(withheld(refused)) == f"{begun}No step puts or keeps the child in detention, however it is named."
    assert sentence(refused, language("uk")) == sentence(withheld(refused), language("uk"))
    assert sentence(refused, language("uk")) == (
        "Відмовлено: влаштування дитини. Хто звертався: орган захисту дітей (Молдова). "
        "Без утримання під вартою: Жоден крок не поміщає дитину під варту й не тримає її там, хай як це називається."
    )


def test_every_reason_of_a_refusal_is_told_once() -> None:
    """All safeguards that stood against it, each with its label."""
    course = Course()
    course.refused("approve_return")
    refused = last(course, "refused")
    told = sentence(refused)
    assert len(refused.safeguards) > 5
    for name in refused.safeguards:
        assert told.count(f" {language('en').term('safeguard', name)}: ") == 1
    for refusal in refused.body["refusals"]:
        assert refusal["message"] in told


def test_something_that_is_no_act_is_told_as_such() -> None:
    """With the role where one could be read, and with somebody where none could."""
    nothing = next(entry for entry in everything() if entry.kind == "refused" and entry.act is None)
    assert sentence(nothing).startswith(
        "Refused: something that is no act of the procedure, sent by somebody. Right form: "
    )
    assert sentence(nothing, language("ru")).startswith(
        "Отказано: присланное не является действием процедуры. Кто прислал: кто-то."
    )


def test_refusals_quote_the_record_and_translate_the_demand() -> None:
    """For a page that shows both."""
    course = Course()
    course.refused("place_child", placement=STATION)
    refused = last(course, "refused")
    (told,) = refusals(refused, language("ro"))
    assert (told.safeguard, told.label) == ("no-detention", "Fără detenție")
    assert told.demand.startswith("Niciun pas nu duce copilul în detenție")
    recorded = refused.body["refusals"][0]
    assert (told.message, told.source, told.instead) == (recorded["message"], recorded["source"], recorded["instead"])
    (blank,) = refusals(withheld(refused))
    assert (blank.label, blank.message, blank.source, blank.instead) == ("No detention", None, None, None)
    assert blank.demand == SAFEGUARDS["no-detention"][0]
    assert refusals(course.entries[0]) == []


# What became of the case


def test_deadlines_are_told_by_their_day() -> None:
    """Set, the earliest first; met; one that counts in hours with its hour."""
    course = Course()
    assert consequences(course.entries[0]) == [
        "Due by 4 February 2026: check of protection needs.",
        "Due by 5 February 2026: appointment of a guardian.",
        "Due by 7 February 2026: appointment of a legal counsel.",
        "Due by 12 February 2026: identification.",
        "Due by 16 February 2026: school and healthcare.",
    ]
    course.does("screen_protection")
    assert consequences(last(course)) == ["Done: check of protection needs."]
    course.does("report_missing")
    assert consequences(last(course)) == ["Due by 3 February 2026, 09:00 UTC: finding the missing child."]
    assert consequences(course.does("appoint_guardian").entries[-1]) == [
        "Done: appointment of a guardian.",
        "Due by 16 February 2026: hearing of the child.",
    ]


def test_a_deadline_that_moves_is_told_with_its_new_day() -> None:
    """Extended, standing still, going on, dropped."""
    course = Course().ready_to_approve()
    both = "decision of the host state on the return; decision of the origin state on the return"
    assert consequences(last(course.does("suspend"))) == [f"The time stands still while the return is on hold: {both}."]
    course.wait(days=2).does("resume")
    assert consequences(last(course)) == [f"The time runs again, due by 18 February 2026: {both}."]
    course.does("withdraw_consent")
    assert f"No longer owed: {both}." in consequences(last(course))
    course.does("extend_deadline", deadline="consent", days=14)
    assert consequences(last(course)) == [
        "Extended by 14 days, now due by 4 March 2026: answer on the consent to the return."
    ]


def test_several_deadlines_of_one_name_are_counted() -> None:
    """Two relatives are to be assessed, and neither is named."""
    relatives = [{"id": id, "relationship": "aunt", "state": "UA"} for id in ("r1", "r2")]
    reported = last(Course().represented().does("open_tracing").does("report_tracing", relatives=relatives))
    assert "Due by 23 February 2026: assessment of a relative (×2)." in consequences(reported)
    assert sentence(reported).endswith(" 2 relatives are named.")


def test_what_loses_its_force_is_told() -> None:
    """One entry or several, and a new round."""
    course = Course().departed().does("report_incident")
    plan, approval, departure = map(course.number_of, ("plan_travel", "approve_travel", "depart"))
    assert consequences(last(course))[0] == f"By this, entries {approval} and {departure} lost their force."
    assert consequences(last(course.does("plan_travel")))[0] == f"By this, entry {plan} lost its force."
    course.does("reopen_best_interests")
    assert "Round 2 of best interests begins." in consequences(last(course))
    told = consequences(last(course), deadlines=False)
    assert [line.split(" ")[0] for line in told] == ["By", "Round"]


def test_the_time_to_appeal_is_told() -> None:
    """With its last day, and what a determination rests on."""
    course = Course().traced().does("guarantee_care").ready_for_panel().determine("return")
    assert consequences(last(course), deadlines=False) == [
        "It rests on the care guarantee of the authority.",
        "An appeal can be lodged until 17 February 2026.",
    ]
    assert consequences(last(Course().determined("stay")), deadlines=False) == [
        "An appeal can be lodged until 17 February 2026."
    ]


def test_an_objection_that_is_taken_back_is_told() -> None:
    """By a later hearing that counts."""
    course = Course().determined().does("hear_child", wish="stay").does("hear_child", wish="return")
    assert "The child's objection no longer stands." in consequences(last(course))


def test_a_birthday_that_is_undone_is_told() -> None:
    """A date of birth is mended, and nobody is an adult by a slip of the pen."""
    course = _grows_up()
    corrected = last(course.does("correct", fields={"child.date_of_birth": "2012-03-01"}))
    assert "By the date of birth now on record the child is not yet eighteen." in consequences(corrected)


def test_a_hearing_that_counts_after_its_correction_is_told() -> None:
    """And one that does not, with the reason."""
    course = Course().traced().does("hear_child", informed=False)
    heard = course.number_of("hear_child")
    counts = last(course.does("correct", "guardian", entry=heard, fields={"informed": True}))
    assert "As corrected, the hearing counts." in consequences(counts)
    counts_not = last(course.does("correct", "guardian", entry=heard, fields={"guardian_present": False}))
    assert "As corrected, the hearing does not count: the guardian was not present." in consequences(counts_not)


# By hand in each language


@pytest.mark.parametrize(
    ("code", "planned", "due", "voided"),
    [
        (
            "ro",
            "Managerul de caz (Republica Moldova) a făcut un plan de călătorie. Călătoria are 2 etape. "
            "Plecare: 19 februarie 2026, 09:00 UTC. Sosire: 20 februarie 2026, 13:00 UTC. "
            "Însoțitor: escort-1 (protecția copilului). Copilul va fi predat familiei.",
            "De făcut până la 22 februarie 2026: aprobarea planului de călătorie.",
            "Prin aceasta și-au pierdut efectul înregistrările 7 și 9.",
        ),
        (
            "uk",
            "Фахівець, що веде справу (Молдова): складено план подорожі. Подорож має 2 етапи. "
            "Від’їзд: 19 лютого 2026 р., 09:00 UTC. Прибуття: 20 лютого 2026 р., 13:00 UTC. "
            "Супровідник: escort-1 (орган захисту дітей). Дитину буде передано сім’ї.",
            "Зробити до 22 лютого 2026 р.: схвалення плану подорожі.",
            "Через це втратили чинність записи 7 і 9.",
        ),
        (
            "ru",
            "Специалист, ведущий дело (Молдова): составлен план поездки. В поездке 2 этапа. "
            "Отъезд: 19 февраля 2026 г., 09:00 UTC. Прибытие: 20 февраля 2026 г., 13:00 UTC. "
            "Сопровождающий: escort-1 (орган защиты детей). Ребёнок будет передан семье.",
            "Сделать до 22 февраля 2026 г.: одобрение плана поездки.",
            "Тем самым утратили силу записи 7 и 9.",
        ),
        (
            "ky",
            "Ишти жүргүзгөн адис (Молдова) жол жүрүү планын түздү. Жол 2 бөлүктөн турат. "
            "Жолго чыгуу: 2026-ж., 19-февраль 09:00 UTC. Келүү: 2026-ж., 20-февраль 13:00 UTC. "
            "Коштоочу: escort-1 (балдарды коргоо органы). Бала үй-бүлөгө тапшырылат.",
            "Мөөнөтү — 2026-ж., 22-февраль: жол жүрүү планын жактыруу.",
            "Муну менен күчүн жоготкон жазуулар: 7 жана 9.",
        ),
    ],
)
def test_a_travel_plan_is_told_with_its_own_dates_and_plurals(code: str, planned: str, due: str, voided: str) -> None:
    """Two legs, two moments, a day, and two entries that lose their force."""
    entry = last(Course().decided().does("plan_travel"))
    entry = entry._replace(facts={**entry.facts, "voids": [7, 9]})
    told = language(code)
    plain = [each.replace("\N{NO-BREAK SPACE}", " ") for each in (sentence(entry, told), *consequences(entry, told))]
    assert plain[0] == planned
    assert plain[1] == voided
    assert due in plain


@everywhere
def test_a_place_is_told_with_its_name_in_quotes(code: str) -> None:
    """As the language writes quotes, and with who runs it."""
    said = place({**FOSTER, "name": "{odd} name"}, language(code))
    assert "{odd} name" in said
    assert said[0] == {"en": "“", "ro": "„"}.get(code, "«")


def test_an_entry_of_a_newer_procedure_is_told_by_its_words() -> None:
    """An act that is not known here does not stop the story."""
    entry = last(Course().does("note"))._replace(act="ring_a_bell", body={"act": {"act": "ring_a_bell"}})
    assert sentence(entry) == "The caseworker from Moldova recorded: ring a bell."


def test_a_moment_of_an_entry_is_not_needed_to_tell_it() -> None:
    """Sentences depend on what the entry says, and on no clock."""
    entry = last(Course().does("note"))
    assert sentence(entry._replace(at=entry.at + timedelta(days=400))) == sentence(entry)
    assert isinstance(entry.at, datetime) and isinstance(Course().proceedings, Proceedings)
