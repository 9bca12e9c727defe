"""The ledger: numbers, chain, digests; what its headers hold; putting a case away and taking it up again."""

import hashlib
import json
from typing import Any

import jsonschema
import pytest
import rfc8785
from courses import DOES, FOSTER, HOTEL, SEED, STATION, Course, model
from hypothesis import given
from hypothesis import strategies as st

from procedure.acts import ACTS, parse_act
from procedure.consequences import caseload_row, events, notices
from procedure.entries import chain_faults, digest_of_body, entry_from_json, hash_of_header
from procedure.faults import MalformedAct
from procedure.folding import fold
from procedure.proceedings import REMEMBERED_ACTS, Proceedings
from procedure.schemas import EntryShown, Receipt, View, schema
from procedure.vocabulary import PROCEDURE_VERSION

NOTE = {
    "act": "note",
    "act_id": "n-1",
    "actor": {"id": "cw-md-1", "role": "caseworker", "state": "MD"},
    "text": "Invented.",
}


def verify(entries: list[dict[str, Any]]) -> list[str]:
    """An auditor's own check, from the contract's section 7 alone."""
    faults: list[str] = []
    prev = "0" * 64
    for n, entry in enumerate(entries, start=1):
        header = {key: value for key, value in entry.items() if key not in ("hash", "salt", "body")}
        text = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        body = json.dumps(entry["body"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        if entry["n"] != n:
            faults.append(f"{n}: number")
        if entry["prev"] != prev:
            faults.append(f"{n}: prev")
        if hashlib.sha256(text.encode()).hexdigest() != entry["hash"]:
            faults.append(f"{n}: hash")
        if hashlib.sha256((entry["salt"] + body).encode()).hexdigest() != entry["body_digest"]:
            faults.append(f"{n}: body")
        prev = entry["hash"]
    return faults


@pytest.fixture(scope="module")
def whole() -> Course:
    """A whole course from the opening to the closing, with refusals, holds and a correction on its way."""
    course = Course(placement=HOTEL)
    course.refused("place_child", placement=STATION)
    course.does("place_child").visited()
    course.does("correct", "monitor", entry=course.number_of("record_visit"), fields={"findings": "ça va, дякую €"})
    return course.does("close_case", outcome="returned")


def test_an_auditor_verifies_the_chain_from_the_contract_alone(whole: Course) -> None:
    """Numbers 1, 2, 3, each entry bound to the one before it and to its own body."""
    assert [] == verify(whole.proceedings.ledger())
    assert [] == chain_faults(whole.entries)


def test_the_chain_is_verified_without_bodies(whole: Course) -> None:
    """When bodies are erased the headers still follow one another."""
    prev = "0" * 64
    for entry in whole.entries:
        assert prev == entry.prev
        assert entry.hash == hash_of_header(entry.header())
        prev = entry.hash


@pytest.mark.parametrize("field", ["n", "at", "kind", "act", "facts", "body", "salt", "prev", "hash", "safeguards"])
def test_whatever_is_changed_afterwards_shows(whole: Course, field: str) -> None:
    """One changed field in one entry breaks the chain, for the auditor and for us."""
    ledger: list[dict[str, Any]] = json.loads(json.dumps(whole.proceedings.ledger()))
    changed = {
        "n": 7_000,
        "at": "2030-01-01T00:00:00Z",
        "kind": "refused",
        "act": "note",
        "facts": {"x": 1},
        "body": {"x": 1},
        "salt": "00",
        "prev": "1" * 64,
        "hash": "2" * 64,
        "safeguards": ["held"],
    }
    ledger[9][field] = changed[field]
    assert [] != verify(ledger)
    assert [] != chain_faults(entry_from_json(entry) for entry in ledger)


def test_an_entry_left_out_or_moved_shows(whole: Course) -> None:
    """Nothing is taken away and nothing is put elsewhere."""
    entries = whole.entries
    assert [] != chain_faults([*entries[:5], *entries[6:]])
    assert [] != chain_faults([*entries[:5], entries[6], entries[5], *entries[7:]])
    assert [] != chain_faults(entries[1:])


def test_every_entry_is_of_the_contracts_shape(whole: Course) -> None:
    """And comes back from its JSON as it was."""
    for entry in whole.entries:
        shown = json.loads(json.dumps(entry.as_json()))
        EntryShown.model_validate(shown)
        assert shown["at"].endswith("Z")
        assert entry_from_json(shown) == entry


def test_entries_are_only_appended() -> None:
    """What was on record stays as it was, byte by byte."""
    course = Course()
    before = json.dumps(course.proceedings.ledger())
    course.decided()
    assert json.dumps(course.proceedings.ledger()).startswith(before[:-1])


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(value=_JSON)
def test_digests_are_over_rfc_8785_whatever_the_value(value: Any) -> None:
    """Strange keys, fractions and signs digest as the reference implementation writes them."""
    try:
        text = rfc8785.dumps(value)
    except rfc8785.CanonicalizationError:
        return
    except UnicodeEncodeError:
        return
    assert hashlib.sha256(b"salt" + text).hexdigest() == digest_of_body("salt", value)
    assert hashlib.sha256(text).hexdigest() == hash_of_header(value)


def test_a_salt_is_the_cases_secret_and_never_twice_the_same(whole: Course) -> None:
    """Nobody guesses a body behind its digest."""
    salts = [entry.salt for entry in whole.entries]
    assert len(set(salts)) == len(salts)
    intake = Course(placement=HOTEL).intake
    assert intake == whole.intake
    assert salts[0] not in json.dumps([entry.body for entry in whole.entries])
    assert SEED.hex() not in json.dumps(whole.proceedings.ledger())


# Folding


def test_the_entries_fold_into_the_case_after_every_single_one() -> None:
    """The live case is never anything but the fold of its entries."""
    course = (
        Course(placement=HOTEL, situation="separated").does("suspend").does("complain").wait(days=20).does("resume")
    )
    course.does("place_child").visited().does("report_detention").does("confirm_release")
    at_the_end = course.case
    entries = course.entries
    assert at_the_end == fold(entries)
    for n in range(1, len(entries) + 1):
        assert n == fold(entries[:n]).n
    assert fold(entries) == fold(entry_from_json(json.loads(json.dumps(entry.as_json()))) for entry in entries)


def test_a_decision_never_changes_the_case_it_was_asked_of() -> None:
    """A case is a value: hearing an act makes another one."""
    course = Course().decided()
    before = course.case
    copy = fold(course.entries)
    course.does("plan_travel").does("report_detention").does("reopen_best_interests").wait(days=300)
    assert before == copy
    assert before.n < course.case.n


def test_no_entries_are_no_case() -> None:
    """There is nothing to fold."""
    with pytest.raises(ValueError, match="at least one"):
        fold([])


def test_the_procedure_version_of_the_opening_stays_with_the_case(whole: Course) -> None:
    """And the agreement's terms, complete, so that nothing from outside is needed to read the record."""
    assert whole.entries[0].facts["procedure_version"] == whole.view["procedure_version"]
    assert fold(whole.entries).agreement == model()


def test_the_first_entry_by_newer_rules_says_so_and_the_next_does_not(whole: Course) -> None:
    """What was decided before stays as it was; folded from the record alone, the case stands under the newer version."""
    going = Proceedings.resume(whole.proceedings.carry())
    before = [entry.as_json() for entry in going.entries]
    going.decide_under("9.9.9")
    assert (going.case.rules, going.view(whole.at)["procedure_version"]) == ("9.9.9", PROCEDURE_VERSION)
    # Nothing was decided yet: whoever takes the case up next says anew by which rules.
    assert Proceedings.resume(json.loads(json.dumps(going.carry()))).case.rules == PROCEDURE_VERSION
    for act_id in ("first", "second"):
        going.hear(parse_act({**NOTE, "act_id": act_id}), whole.at)
    first, second = going.entries[-2:]
    assert (first.facts["procedure_version"], "procedure_version" in second.facts) == ("9.9.9", False)
    assert [entry.as_json() for entry in going.entries[:-2]] == before
    assert fold(going.entries) == going.case
    assert going.view(whole.at)["procedure_version"] == "9.9.9"


def test_a_case_that_stays_under_its_rules_says_nothing_of_them(whole: Course) -> None:
    """To decide by the version that it has is no change, and puts nothing on record."""
    going = Proceedings.resume(whole.proceedings.carry())
    going.decide_under(PROCEDURE_VERSION)
    going.hear(parse_act(NOTE), whole.at)
    assert "procedure_version" not in going.entries[-1].facts


# Away and back


def test_a_case_put_away_is_taken_up_as_it_was(whole: Course) -> None:
    """Through JSON: case, entries, clock, and what was answered."""
    carried = json.loads(json.dumps(whole.proceedings.carry()))
    again = Proceedings.resume(carried)
    assert whole.case == again.case
    assert whole.proceedings.ledger() == again.ledger()
    assert whole.proceedings.next_due() == again.next_due()
    assert whole.view == again.view(whole.at)


def test_a_case_goes_on_alike_after_every_putting_away() -> None:
    """Carried at each step or never: the same ledger, to the hash."""

    def steps(course: Course, *, carried: bool) -> list[dict[str, Any]]:
        for act in ("verify_identity", "screen_protection", "appoint_guardian", "suspend", "resume", "note"):
            course.does(act).wait(days=1)
            if carried:
                course.proceedings = Proceedings.resume(json.loads(json.dumps(course.proceedings.carry())))
        return course.proceedings.ledger()

    assert steps(Course(), carried=False) == steps(Course(), carried=True)


def test_an_act_is_known_again_after_a_putting_away() -> None:
    """The same act gets its first receipt, and adds nothing."""
    course = Course()
    said = parse_act(course.act("verify_identity"))
    first = course.proceedings.hear(said, course.at)
    course.does("screen_protection")
    again = Proceedings.resume(json.loads(json.dumps(course.proceedings.carry())))
    assert first == again.hear(said, course.at)
    assert course.case.n == again.case.n


def test_old_entries_may_stay_behind_and_the_chain_runs_on(whole: Course) -> None:
    """A carry that would grow too large leaves the oldest entries with the run before."""
    again = Proceedings.resume(json.loads(json.dumps(whole.proceedings.carry(most_bytes=6_000))))
    kept = again.entries
    assert 1 < kept[0].n
    assert whole.case == again.case
    assert [] == chain_faults(kept, after=(kept[0].n - 1, kept[0].prev))


def test_an_act_is_known_again_when_its_entry_stayed_behind() -> None:
    """Accepted or refused, its receipt says the same; only the words of a refusal stay with its entry."""
    course = Course()
    said = [parse_act(course.act("verify_identity")), parse_act(course.act("approve_return", "authority"))]
    accepted, refused = (course.proceedings.hear(act, course.at) for act in said)
    for _ in range(20):
        course.does("note")
    again = Proceedings.resume(json.loads(json.dumps(course.proceedings.carry(most_bytes=2_000))))
    assert again.entries[0].n > refused["entry"]
    n = again.case.n
    assert accepted == again.hear(said[0], course.at)
    once_more = again.hear(said[1], course.at)
    assert {**refused, "refusals": []} == {**once_more, "refusals": []}
    assert {r["safeguard"] for r in refused["refusals"]} == {r["safeguard"] for r in once_more["refusals"]}
    assert all(f"entry {refused['entry']} says why" in r["message"] for r in once_more["refusals"])
    assert n == again.case.n
    # And once more, from a run that never had the entry.
    assert once_more == Proceedings.resume(json.loads(json.dumps(again.carry()))).hear(said[1], course.at)


def test_an_answer_may_hold_a_part_of_the_ledger_and_at_least_one_entry() -> None:
    """Asked on from the number after the last, the parts are the whole."""
    course = Course().represented()
    whole = course.proceedings.ledger()
    parts: list[dict[str, Any]] = []
    while part := course.proceedings.ledger(len(parts) + 1, most_bytes=3_000):
        parts += part
        assert len(part) < len(whole)
    assert whole == parts
    assert 1 == len(course.proceedings.ledger(1, most_bytes=1))


# What an entry answers


def test_an_accepted_act_names_only_the_safeguards_that_it_was_asked() -> None:
    """A stay says nothing of a family to return to, and an ending that is no return nothing of visits."""

    def named(course: Course, act: str) -> set[str]:
        return set(next(e for e in reversed(course.entries) if e.act == act and e.kind == "accepted").safeguards)

    returns, stays = Course().determined(), Course().determined("stay").does("grant_stay")
    assert {"safe-family", "non-refoulement"} <= named(returns, "determine_best_interests")
    assert not {"safe-family", "non-refoulement"} & named(stays, "determine_best_interests")
    stays.does("close_case", outcome="stays")
    assert "monitoring-complete" not in named(stays, "close_case")


# The same act twice


def test_the_same_act_id_returns_the_first_receipt() -> None:
    """However much has happened since, refused or accepted."""
    course = Course()
    for act, who in (("verify_identity", "caseworker"), ("approve_return", "authority")):
        said = parse_act(course.act(act, who))
        first = course.proceedings.hear(said, course.at)
        course.does("note").does("report_detention")
        n = course.case.n
        assert first == course.proceedings.hear(said, course.at)
        assert n == course.case.n


def test_the_same_act_id_with_other_content_is_malformed() -> None:
    """Nothing is written; the fault names the field."""
    course = Course().does("note")
    other = parse_act({**course.act("note", text="another text"), "act_id": "act-1"})
    n = course.case.n
    with pytest.raises(MalformedAct) as told:
        course.proceedings.check(other)
    assert ["act_id"] == [fault["path"] for fault in told.value.faults]
    with pytest.raises(MalformedAct):
        course.proceedings.hear(other, course.at)
    assert n == course.case.n


def test_the_order_of_fields_and_fields_left_out_do_not_make_another_act() -> None:
    """The same words in another order are the same act."""
    course = Course()
    act = course.act("note")
    first = course.proceedings.hear(parse_act(act), course.at)
    turned = dict(reversed(list(act.items())))
    assert first == course.proceedings.hear(parse_act(turned), course.at)


def test_a_thousand_acts_are_remembered() -> None:
    """The latest of them are known again."""
    course = Course()
    for _ in range(REMEMBERED_ACTS + 5):
        course.say("note")
    known = course.proceedings.carry()["answered"]
    assert REMEMBERED_ACTS == len(known)
    assert "act-6" in known and "act-5" not in known


# Malformed signals


@pytest.mark.parametrize(
    "given",
    [
        b"",
        b"not JSON",
        b"[]",
        b'{"act": "dance"}',
        b'{"act": "note", "actor": {"role": "wizard", "state": "Narnia"}, "act_id": 7}',
        b'{"act": "note", "act_id": "x", "reason": 1e400}',
        b"\xff\xfe",
        b"[" * 5_000,
        b'"' + b"x" * 70_000 + b'"',
    ],
    ids=["nothing", "no JSON", "a list", "no such act", "nobody", "infinity", "no text", "a tower", "a novel"],
)
def test_a_malformed_signal_is_recorded_as_refused_and_never_raises(given: bytes) -> None:
    """Nobody waits for its answer, so it must not be lost."""
    course = Course()
    with pytest.raises(MalformedAct) as told:
        parse_act(given)
    receipt = course.proceedings.hear_malformed(given, told.value.faults, course.at)
    Receipt.model_validate(receipt)
    entry = course.entries[-1]
    assert ("refused", ("well-formed",)) == (entry.kind, entry.safeguards)
    assert [] == chain_faults(course.entries)
    assert course.case == fold(course.entries)
    EntryShown.model_validate(entry.as_json())


@pytest.mark.parametrize("depth", [50, 200, 700, 950, 985, 990, 2_000])
def test_a_malformed_signal_may_be_nested_however_deep(depth: int) -> None:
    """What no stack holds is kept as text."""
    course = Course()
    given = b'{"a":' * depth + b"1" + b"}" * depth
    course.proceedings.hear_malformed(given, [], course.at)
    assert course.case == fold(course.entries)
    json.dumps(course.proceedings.ledger())


# What is shown


def test_the_view_and_the_receipt_are_of_the_contracts_shape() -> None:
    """At every stage of a whole course."""
    course = Course()
    View.model_validate(course.view)
    for reach in ("identified", "determined"):
        fresh = getattr(Course(), reach)()
        View.model_validate(fresh.view)
    Receipt.model_validate(course.say("note"))
    Receipt.model_validate(course.say("depart"))


@pytest.mark.parametrize("name", ["intake", "act", "receipt", "view", "entry"])
def test_the_schemas_are_json_schemas(name: str) -> None:
    """Valid themselves, and what we give out and take in validates against them."""
    made = schema(name)
    jsonschema.Draft202012Validator.check_schema(made)
    course = Course().decided()
    shown: dict[str, Any] = {
        "intake": course.intake,
        "act": course.act("plan_travel"),
        "receipt": course.say("note"),
        "view": course.view,
        "entry": course.entries[3].as_json(),
    }
    jsonschema.validate(json.loads(json.dumps(shown[name])), made)


# Nothing personal outside bodies


SECRET = "Zoltánka-Invented-Secret"


_TEXTS: dict[str, dict[str, Any]] = {
    "verify_identity": {"sources": [SECRET]},
    "assess_age": {"methods": [SECRET, f"{SECRET} again"]},
    "screen_protection": {"health_needs": SECRET},
    "place_child": {"placement": {**FOSTER, "name": SECRET}},
    "report_detention": {"placement": {**STATION, "name": SECRET}},
    "confirm_release": {"placement": {**FOSTER, "name": SECRET}},
    "report_found": {"placement": {**FOSTER, "name": SECRET}},
    "report_tracing": {
        "relatives": [{"id": "r1", "relationship": SECRET, "state": "UA", "name": SECRET, "contact": SECRET}]
    },
    "assess_family": {"assessment": SECRET},
    "guarantee_care": {"undertaking": SECRET},
    "hear_child": {"views": SECRET},
    "submit_assessment": {
        "assessment": SECRET,
        "options": [{"solution": "return", "for": SECRET, "against": SECRET}],
    },
    "determine_best_interests": {"weight_given_to_views": SECRET},
    "reopen_best_interests": {"new_facts": SECRET},
    "appeal": {"grounds": SECRET},
    "adopt_reintegration_plan": dict.fromkeys(("housing", "education", "healthcare", "support", "contact"), SECRET),
    "assess_rights_impact": {"risks": [SECRET]},
    "report_incident": {"placement": {**FOSTER, "name": SECRET}},
    "arrive": {"placement": {**FOSTER, "name": SECRET}},
    "record_visit": {"findings": SECRET, "placement": {**FOSTER, "name": SECRET}},
    "arrange_third_country": {"guarantee": SECRET, "placement": {**FOSTER, "name": SECRET}},
    "transfer_to_adult_services": {"plan": SECRET},
    "complain": {"about": SECRET},
    "answer_complaint": {"remedy": SECRET},
    "correct": {"fields": {"found.place": SECRET, "child.family_name": SECRET}},
    "note": {"text": SECRET},
}


def told_in_secret(course: Course) -> Course:
    """Every act of the procedure, accepted or refused, with the secret in every free text."""
    say = course.say

    def with_secret(act: str, who: Any = None, **fields: Any) -> dict[str, Any]:
        actor = {**course.person(who or DOES[act]), "office": SECRET}
        return say(act, actor, **{"reason": SECRET, **_TEXTS.get(act, {}), **fields})

    course.say = with_secret  # type: ignore[method-assign]
    return course


def test_nothing_personal_stands_in_a_header_a_fact_a_notice_or_an_event() -> None:
    """A name planted in every free text of every act is found in bodies and placements only."""
    secretive_intake: dict[str, Any] = {
        "child": {"given_names": SECRET, "family_name": SECRET},
        "placement": {**FOSTER, "name": SECRET},
        "found": {"on": "2026-02-01", "place": SECRET, "by": "police", "circumstances": SECRET},
        "relatives": [{"id": "r1", "name": SECRET, "relationship": SECRET, "state": "UA", "contact": SECRET}],
    }
    courses = [told_in_secret(Course(**secretive_intake)) for _ in range(2)]
    courses[0].visited()
    for course in courses:
        for act in sorted(ACTS):
            course.say(act)
        course.proceedings.hear_malformed(f'{{"act": "{SECRET}", "reason": "{SECRET}"}}'.encode(), [], course.at)
        course.wait(days=400)
        assert any(SECRET in json.dumps(entry.body, ensure_ascii=False) for entry in course.entries)
        for entry in course.entries:
            assert SECRET not in json.dumps(entry.header(), ensure_ascii=False)
            for refusal in entry.body.get("refusals", ()):
                assert SECRET not in json.dumps(refusal, ensure_ascii=False)
        seen = {key: value for key, value in course.view.items() if key != "placement"}
        told = [
            caseload_row(course.case, course.at),
            notices(course.case, course.entries, course.at),
            events(course.entries),
        ]
        assert SECRET not in json.dumps([seen, told], ensure_ascii=False)
