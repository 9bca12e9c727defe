"""What one decision writes, entry by entry, asked of the law alone: no receipt is made, and no digest.

The entries are those of a record that nobody keeps (procedure.entries.as_if), but where a test is about those.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, Final

import pytest
from courses import FAMILY, FOSTER, REFERENCE, STATION, Course, Fields, intake_of
from taken_up import take_up, terms

from procedure import decide
from procedure.acts import parse_act
from procedure.case import AppealLodged, Case, OnRecord, Suspended
from procedure.entries import Entry, chain_faults
from procedure.intake import parse_intake
from procedure.ledger import Ledger
from procedure.signing import Standing

GOOD: Final = Standing(kid="key-1", key="sha256:" + "0" * 64)
SEED: Final = b"another invented seed"
AT: Final = datetime(2026, 2, 2, 9, tzinfo=UTC)


class Decided:
    """One case and its record, decided on without anybody keeping it."""

    def __init__(self, name: str, *, seed: bytes | None = None) -> None:
        self.course = take_up(name)
        self.case: Case = self.course.case
        self.at = self.course.at
        self.ledger = Ledger(self.course.entries)
        self.seed = seed
        self.before = self.case.n

    def says(self, act: str, who: str | None = None, *, signed: Standing | None = None, **fields: Any) -> "Decided":
        said = parse_act(self.course.act(act, who, **fields))
        self.case = decide.decide(self.case, said, self.at, self.ledger, self.seed, signed)
        return self

    def corrects(self, act: str, who: str, n: Any = None, **fields: Any) -> "Decided":
        number = n or max(e.n for e in self.ledger if e.act == act and e.kind == "accepted")
        return self.says("correct", who, entry=number, fields=fields)

    def waits(self, **time: float) -> "Decided":
        """Time goes on, and nobody lets it pass."""
        self.at += timedelta(**time)
        return self

    def passes(self, until: datetime) -> "Decided":
        self.at = until
        self.case = decide.pass_time(self.case, until, self.ledger, self.seed)
        return self

    @property
    def made(self) -> list[Entry]:
        return self.ledger.since(self.before)

    @property
    def told(self) -> list[tuple[str, dict[str, Any]]]:
        return [(entry.kind, entry.facts) for entry in self.made]

    @property
    def newest(self) -> Entry:
        return self.made[-1]


# Holds (procedure.md, part 5)

CROSSED: Final[dict[str, Any]] = {
    "detained": True,
    "emergency_overdue": True,
    "asylum": "open",
    "appeals": (AppealLodged(2, AT, "travel"),),
    "missing": True,
    "suspensions": {g: Suspended(2, "x", None) for g in ("other", "health", "school_year", "crisis")},
    "review_reached": True,
    "adulthood_holds": True,
}
ALL_HOLDS: Final = (
    *("detention", "emergency_placement_overdue", "asylum", "appeal", "missing"),
    *("crisis", "health", "school_year", "other", "review", "adulthood"),
)


@pytest.mark.parametrize(
    ("facts", "holds"),
    [
        ({}, ()),
        ({"detained": True}, ("detention",)),
        ({"emergency_overdue": True}, ("emergency_placement_overdue",)),
        ({"asylum": "open"}, ("asylum",)),
        ({"asylum": "granted"}, ("asylum",)),
        ({"asylum": "closed"}, ()),
        ({"appeals": (AppealLodged(2, AT, "return"),)}, ("appeal",)),
        ({"appeals": (AppealLodged(2, AT, "age"),)}, ()),
        ({"missing": True}, ("missing",)),
        ({"suspensions": {"health": Suspended(2, "x", None)}}, ("health",)),
        ({"review_reached": True}, ("review",)),
        ({"adulthood_holds": True}, ("adulthood",)),
        (CROSSED, ALL_HOLDS),
    ],
)
def test_a_hold_stands_while_its_fact_does(facts: dict[str, Any], holds: tuple[str, ...]) -> None:
    """Each by its own fact, and all of them in the contract's order."""
    assert decide.standing_holds(bare().but(**facts)) == holds


@cache
def bare() -> Case:
    """A case of which little is known."""
    return Case(
        reference=REFERENCE,
        agreement=terms(),
        procedure_version="1.0.0",
        host_state="MD",
        origin_state="UA",
        opened_at=AT,
        opened_by="authority-1",
        situation="unaccompanied",
        recorded_at=AT,
    )


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"detained": True}, [("hold", "detention", ("no-detention",))]),
        ({"emergency_overdue": True}, [("hold", "emergency_placement_overdue", ("no-detention",))]),
        ({"asylum": "open"}, [("hold", "asylum", ("non-refoulement",))]),
        ({"appeals": (AppealLodged(2, AT, "travel"),)}, [("hold", "appeal", ("appeal-suspends",))]),
        ({"missing": True}, [("hold", "missing", ("held",))]),
        (
            {"review_reached": True, "holds": ("asylum", "review", "missing")},
            [("hold_lifted", "asylum", ()), ("hold_lifted", "missing", ())],
        ),
        ({"missing": True, "holds": ("missing",)}, []),
    ],
)
def test_a_hold_is_put_on_record_with_the_safeguard_behind_it(facts: dict[str, Any], told: list[Any]) -> None:
    """Once; what no longer stands is lifted first."""
    ledger = Ledger()
    case = bare().but(**facts)
    pen = decide.Pen(case, ledger, AT, None)
    pen.write_what_follows()
    assert [(entry.kind, entry.facts["hold"], entry.safeguards) for entry in ledger] == told
    assert pen.case.holds == decide.standing_holds(case)


def test_a_stage_that_is_another_now_is_put_on_record_with_the_one_before() -> None:
    """And one that is the same is not."""
    ledger = Ledger()
    pen = decide.Pen(bare().but(stage="travel"), ledger, AT, None)
    pen.write_what_follows()
    pen.write_what_follows()
    told = [(e.n, e.kind, e.facts["stage"], e.facts["was"]) for e in ledger]
    assert told == [(1, "stage", "identification", "travel")]


# With a seed and without


@pytest.mark.parametrize(
    ("name", "act", "fields"),
    [
        ("in care", "note", {}),
        ("under way", "arrive", {"handed_to": "other"}),
        ("travel approved", "arrive", {"placement": STATION}),
        ("planned", "report_detention", {}),
    ],
)
def test_a_record_that_nobody_keeps_says_the_same_without_digests(name: str, act: str, fields: Fields) -> None:
    """As many entries, each as it would be sealed; with a seed they stand in the chain."""
    kept, loose = Decided(name, seed=SEED).says(act, **fields), Decided(name).says(act, **fields)
    without: dict[str, Any] = {"body_digest": "", "prev": ""}
    assert [{**entry.header(), **without} for entry in kept.made] == [entry.header() for entry in loose.made]
    assert [entry.body for entry in kept.made] == [entry.body for entry in loose.made]
    assert chain_faults(kept.made, after=(kept.before, kept.course.case.head)) == []
    assert kept.case == loose.case.but(head=kept.made[-1].hash)
    assert loose.case.head == f"{loose.case.n:064x}"


@pytest.mark.parametrize("seed", [None, SEED])
def test_a_case_is_opened_at_a_moment_with_its_terms(seed: bytes | None) -> None:
    """Entry 1 names the agreement and the rules, and what else was found; then what follows from where the child is."""
    intake = parse_intake(intake_of(placement=STATION), today=AT.date())
    ledger = Ledger()
    case = decide.open_case(
        intake,
        terms(),
        reference=REFERENCE,
        at=AT,
        ledger=ledger,
        seed=seed,
        facts={"found": "nothing", "stage": "travel"},
        version="0.9.0",
    )
    first, detention, hold = ledger
    deadlines = first.facts.pop("deadlines")
    assert first.facts == {
        "found": "nothing",
        "reference": REFERENCE,
        "agreement": "model",
        "agreement_version": terms().version,
        "agreement_digest": terms().digest(),
        "procedure_version": "0.9.0",
        "stage": "identification",
    }
    assert set(deadlines["set"]) == set(case.running)
    assert (first.n, first.at, first.kind, first.act) == (1, AT, "opened", None)
    assert (first.actor_role, first.actor_state, first.safeguards) == ("central_authority", "MD", ())
    assert first.body == {"intake": intake_of(placement=STATION), "agreement": terms().terms()}
    reasons = ["the child may not leave at will", "it is run by police", "a police station is never a place of care"]
    assert detention.facts["because"] == reasons
    assert (detention.kind, detention.safeguards, detention.body) == ("detention", ("no-detention",), {})
    assert (hold.kind, hold.facts) == ("hold", {"hold": "detention"})
    assert (case.n, case.procedure_version, case.agreement) == (3, "0.9.0", terms())
    if seed is None:
        assert [entry.hash for entry in ledger] == [f"{n:064x}" for n in (1, 2, 3)]
    else:
        first.facts["deadlines"] = deadlines
        assert [entry.prev for entry in ledger] == ["0" * 64, first.hash, detention.hash]


# Rules that changed


def test_the_first_entry_by_newer_rules_names_them_and_the_next_does_not() -> None:
    """Beside its own facts; the version it moved to is the case's from then on."""
    decided = Decided("in care")
    decided.case = decided.case.but(moves_to="9.9.9")
    decided.says("suspend")
    assert decided.told == [
        ("accepted", {"ground": "crisis", "procedure_version": "9.9.9"}),
        ("hold", {"hold": "crisis"}),
    ]
    assert (decided.case.procedure_version, decided.case.moves_to) == ("9.9.9", None)


# Coming of age by a slip of the pen


@pytest.mark.parametrize(
    ("born", "child_again"),
    [("2008-03-03", False), ("2008-03-04", False), ("2008-03-05", True), ("2012-01-01", True)],
)
def test_a_date_of_birth_set_right_undoes_a_birthday_that_lies_ahead(born: str, child_again: bool) -> None:
    """Not one of this very moment, nor one that is past: those have come."""
    decided = Decided("nearly grown up").passes(datetime(2026, 3, 4, tzinfo=UTC))
    assert decided.case.turned_18
    before = decided.case.n
    decided.says("correct", "authority", entry=1, fields={"child.date_of_birth": born})
    correction, *lifted = decided.ledger.since(before)
    assert correction.facts.get("still_a_child", False) is child_again
    assert (decided.case.turned_18, decided.case.adulthood_holds) == (not child_again, not child_again)
    assert [entry.facts for entry in lifted] == ([{"hold": "adulthood"}] if child_again else [])
    assert ("guardian" in decided.case.deadlines) or not child_again


def test_a_report_of_identity_undoes_a_birthday_as_well() -> None:
    """It stands under its own number, and so does the placement that is corrected along with a date of birth."""
    decided = Decided("nearly grown up").passes(datetime(2026, 3, 4, tzinfo=UTC))
    decided.says("verify_identity", result="presumed", date_of_birth="2010-01-01")
    report = next(entry for entry in decided.made if entry.act == "verify_identity")
    assert report.facts["still_a_child"] is True
    assert decided.case.identity is not None
    assert (decided.case.identity.n, decided.case.turned_18) == (report.n, False)
    decided = Decided("nearly grown up").passes(datetime(2026, 3, 4, tzinfo=UTC))
    fields = {"child.date_of_birth": "2010-01-01", "placement.name": "Another Invented Home"}
    decided.says("correct", "authority", entry=1, fields=fields)
    correction = next(entry for entry in decided.made if entry.act == "correct")
    assert correction.facts["still_a_child"] is True
    assert (decided.case.placement_n, decided.case.turned_18) == (correction.n, False)


# Deadlines that an entry moves


def test_what_a_hold_holds_stands_still_from_the_entry_on_that_sets_it() -> None:
    """It goes on with the entry that ends it, by as much later as it stood."""
    decided = Decided("planned").says("suspend")
    assert decided.told[0][1]["deadlines"] == {"stand_still": ["travel_approval"]}
    due = decided.case.deadlines["travel_approval"].due
    decided.waits(hours=5).says("resume", "protection")
    goes_on = {"travel_approval": f"{(due + timedelta(hours=5)).isoformat()[:-6]}Z"}
    assert decided.told[2][1]["deadlines"] == {"go_on": goes_on}


def test_an_extension_and_what_else_moves_stand_in_one_entry() -> None:
    """Evidence has grown old meanwhile: what rested on it is dropped by whatever comes first."""
    decided = Decided("ready to approve").waits(days=100)
    running = set(decided.case.running)
    decided.says("extend_deadline", deadline="approval_origin", days=3)
    ((kind, facts), *_) = decided.told
    assert kind == "accepted"
    assert facts["deadlines"]["extended"].keys() == {"approval_origin"}
    assert facts["deadlines"].keys() - {"extended"}
    assert set(decided.case.running) != running


@pytest.mark.parametrize("act", ["note", "depart"])
def test_a_note_or_a_refusal_tells_of_deadlines_that_time_moved(act: str) -> None:
    """In a case of a return evidence grows old while nothing changes on record."""
    decided = Decided("ready to approve").waits(days=100).says(act)
    dropped = decided.told[0][1]["deadlines"]["dropped"]
    assert "approval_host" in dropped
    assert "approval_host" not in decided.case.running


def test_who_grows_old_enough_to_be_asked_is_asked_from_that_day_on() -> None:
    """Approvals are owed no longer; the consent is; the entry of that midnight says so."""
    decided = Decided("nearly old enough to be asked")
    assert "approval_host" in decided.case.running
    midnight = datetime(2026, 2, 20, tzinfo=UTC)
    decided.passes(midnight - timedelta(seconds=1))
    before = decided.case.n
    assert "approval_host" in decided.case.running
    decided.passes(midnight)
    (entry,) = decided.ledger.since(before)
    moved = entry.facts.pop("deadlines")
    assert (entry.kind, entry.facts) == ("stage", {"stage": "decision", "was": "decision"})
    assert moved["set"].keys() == {"consent"}
    assert {"approval_host", "approval_origin"} <= set(moved["dropped"])
    assert decided.passes(midnight + timedelta(hours=1)).case.n == entry.n


def test_who_agreed_before_being_old_enough_is_not_asked_at_midnight() -> None:
    """Nothing is newly owed then, also while a hold stands; so nothing is on record of it."""
    decided = Decided("nearly old enough to be asked").says("give_consent", "child").says("suspend")
    assert decided.case.deadlines["approval_host"].stands_still_since is not None
    midnight = datetime(2026, 2, 20, tzinfo=UTC)
    decided.passes(midnight - timedelta(seconds=1))
    before = decided.case.n
    assert decided.passes(midnight).case.n == before


def test_what_ends_and_what_begins_at_one_moment_is_one_entry() -> None:
    """A time to appeal that ends when a child becomes old enough to be asked."""
    midnight = datetime(2026, 2, 20, tzinfo=UTC)
    decided = Decided("nearly old enough to be asked").passes(midnight - timedelta(seconds=1))
    before = decided.case.n
    decided.case = decided.case.but(appeal_window_ends=midnight)
    decided.passes(midnight)
    assert [entry.kind for entry in decided.ledger.since(before)] == ["stage"]


def test_the_end_of_the_time_to_appeal_begins_the_travel_and_nothing_before_it_does() -> None:
    """One entry, of that moment; a child's growing up is looked for whether there is such a time or not."""
    decided = Decided("approved").says("decide_appeal")
    ends = decided.case.appeal_window_ends
    assert ends is not None
    decided.passes(ends - timedelta(seconds=1))
    before = decided.case.n
    assert decided.case.stage == "decision"
    decided.passes(ends)
    first = decided.ledger.since(before)[0]
    assert {name: first.facts[name] for name in first.facts if name != "deadlines"} == {
        "stage": "travel",
        "was": "decision",
    }
    assert (first.kind, first.at, decided.case.stage) == ("stage", ends, "travel")
    assert decided.case.n == first.n
    asked = take_up("nearly old enough to be asked").case.but(appeal_window_ends=None)
    turns = decide.next_due(asked.but(deadlines={}, running={}))
    assert turns == datetime(2026, 2, 20, tzinfo=UTC)


# Reports and what answers them


@pytest.mark.parametrize(
    ("fields", "kinds"),
    [
        ({}, []),
        ({"handed_to": "other"}, [1, 2]),
        ({"handed_to": "law_enforcement"}, [1, 2]),
        ({"handed_to": "child_protection"}, []),
        ({"placement": {**FAMILY, "kind": "hotel"}}, [1, 2]),
        ({"placement": {**FAMILY, "kind": "child_shelter"}}, []),
    ],
)
def test_a_hand_over_outside_care_escalates_to_both_levels(fields: Fields, kinds: list[int]) -> None:
    """Whoever takes the child there, or to whatever place (OSCE note 12(v))."""
    decided = Decided("under way").says("arrive", **fields)
    escalated = [entry for entry in decided.made if entry.kind == "escalated"]
    assert [entry.facts for entry in escalated] == [{"level": n, "safeguard": "handover-into-care"} for n in kinds]
    assert {entry.safeguards for entry in escalated} <= {("handover-into-care",)}


@pytest.mark.parametrize(
    ("name", "act", "who", "fields", "answered"),
    [
        ("travel approved", "arrive", None, {"placement": STATION}, True),
        ("travel approved", "arrive", None, {"placement": FAMILY}, False),
        ("travel approved", "record_visit", None, {}, False),
        ("arrived", "arrive", None, {"placement": STATION}, True),
        ("travel approved", "arrive", "caseworker", {"placement": STATION}, False),
        ("in care", "place_child", None, {"placement": STATION}, False),
    ],
)
def test_a_report_out_of_order_that_tells_of_a_detention_is_still_answered(
    name: str, act: str, who: str | None, fields: Fields, answered: bool
) -> None:
    """Refused and not passed over; who may not report, or decides, is only refused."""
    decided = Decided(name)
    voids = sorted(
        fact.n
        for fact in (
            *decided.case.approvals.values(),
            decided.case.travel_approval,
            decided.case.guardian_consent,
            decided.case.child_consent,
        )
        if fact and not decided.case.arrived
    )
    decided.says(act, who, **fields)
    refused, *others = decided.made
    assert refused.kind == "refused"
    assert decided.case.detained is answered
    if answered:
        detention = others[0]
        facts = {name: value for name, value in detention.facts.items() if name != "deadlines"}
        assert (detention.kind, detention.act, detention.body) == ("detention", act, {"placement": STATION})
        assert facts["because"][0] == "the child may not leave at will"
        assert facts.get("voids", []) == voids
        assert ("voids" in facts) is bool(voids)
        assert decided.case.placement == STATION
    else:
        assert "detention" not in [entry.kind for entry in others]


def test_a_detention_by_word_alone_has_a_reason_too() -> None:
    """A report of detention is believed whatever its placement says."""
    decided = Decided("in care").says("report_detention", placement=FOSTER)
    detention = decided.made[1]
    assert (detention.kind, detention.facts["because"]) == ("detention", ["it was reported as detention"])
    assert (detention.act, detention.safeguards, detention.body) == ("report_detention", ("no-detention",), {})


def test_the_entry_of_a_signed_act_names_the_key_beside_its_other_facts() -> None:
    """A refusal does as well."""
    decided = Decided("in care").says("assess_age", signed=GOOD).says("depart", signed=GOOD)
    vouched = {"signature": {"kid": "key-1", "key": GOOD.key}}
    accepted, refused = decided.made
    assert accepted.facts == {"result": "child", **vouched}
    assert (refused.kind, refused.facts) == ("refused", vouched)
    at_fault = Decided("in care").says("assess_age", signed=replace(GOOD, fault="forged", message="x", instead="y"))
    assert (at_fault.newest.kind, at_fault.newest.facts) == ("refused", {"signature": {"fault": "forged"}})


# Corrections


def said_now(decided: Decided) -> tuple[dict[str, Any], dict[str, Any]]:
    """The facts and the words of the newest correction."""
    correction = next(e for e in reversed(list(decided.ledger)) if e.act == "correct")
    facts = {name: value for name, value in correction.facts.items() if name not in ("corrects", "of", "as_of")}
    return facts, correction.body["as_corrected"]


def test_a_correction_never_touches_the_words_that_it_corrects() -> None:
    """Deep inside neither: the record's chain holds."""
    decided = Decided("in care", seed=SEED).says("correct", fields={"found.place": "Elsewhere", "child.sex": "other"})
    assert chain_faults(decided.ledger) == []
    assert said_now(decided)[1]["found"]["place"] == "Elsewhere"
    assert next(iter(decided.ledger)).body["intake"]["found"]["place"] == "Invented Station"


def test_a_field_inside_what_was_not_said_is_made_room_for() -> None:
    """A placement may be added by its parts, if all of them are there."""
    parts = {f"placement.{name}": value for name, value in FAMILY.items()}
    decided = Decided("visited").corrects("record_visit", "monitor", **parts)
    assert said_now(decided)[1]["placement"] == FAMILY
    part = Decided("visited").corrects("record_visit", "monitor", **{"placement.name": "Invented"})
    (refusal,) = part.newest.body["refusals"]
    assert refusal["safeguard"] == "well-formed"
    assert "placement.kind" in refusal["message"]


def test_a_correction_takes_no_old_signature_over() -> None:
    """It covers the words as they were."""
    decided = (
        Decided("in care")
        .says("screen_protection", signature="a.b.c")
        .corrects("screen_protection", "caseworker", violence=True)
    )
    _, words = said_now(decided)
    assert "signature" not in words
    assert words["violence"] is True


def test_a_correction_is_not_corrected_itself() -> None:
    """The entry it corrects is, once more; the words of before stand in between."""
    decided = Decided("in care").says("correct", fields={"found.place": "Elsewhere"})
    number = decided.newest.n
    decided.says("correct", entry=number, fields={"reason": "put better"})
    assert decided.newest.kind == "refused"
    assert decided.newest.body["refusals"][0]["message"] == (
        f"Entry {number} is not a report or an act that was accepted, so there is nothing to correct."
    )
    decided.says("correct", fields={"child.sex": "other"})
    _, words = said_now(decided)
    assert (words["found"]["place"], words["child"]["sex"]) == ("Elsewhere", "other")


def test_evidence_is_as_old_as_it_was_however_often_it_is_corrected() -> None:
    """Also where the correction that is corrected says since when."""
    decided = Decided("ready to approve")
    first = decided.case.rights_impact
    assert first is not None
    for risk in ("one", "two"):
        decided.waits(days=1).corrects("assess_rights_impact", "caseworker", risks=[risk])
    assert decided.case.rights_impact is not None
    assert (decided.case.rights_impact.at, decided.case.rights_impact.n) == (first.at, decided.newest.n)


def test_a_hearing_is_judged_as_it_stood_when_the_child_was_heard() -> None:
    """Who is in office now, and where the child is now, was not so then."""
    decided = Decided("assessed").says("report_detention").corrects("hear_child", "guardian", views="put better")
    facts, _ = said_now(decided)
    assert facts == {"counts": True, "lifts_objection": False}
    inside = Decided("in care").says("report_detention").says("hear_child").says("confirm_release")
    assert inside.made[-1].kind != "refused"
    for views in ("put better", "put better still"):
        inside.corrects("hear_child", "guardian", views=views)
        facts, _ = said_now(inside)
        assert facts == {"counts": False, "because": ["the child was in detention"]}


@pytest.mark.parametrize(("n", "in_force"), [(0, False), (1, True)])
def test_of_two_hearings_the_newer_one_has_force(n: int, in_force: bool) -> None:
    """The older one is mended in words only."""
    decided = Decided("assessed").says("hear_child")
    heard = [entry.n for entry in decided.ledger if entry.act == "hear_child"]
    decided.corrects("hear_child", "guardian", heard[n], wish="undecided")
    facts, _ = said_now(decided)
    assert bool(facts) is in_force
    assert decided.case.hearing is not None
    assert decided.case.hearing.wish == ("undecided" if in_force else "return")


def test_a_hearing_of_the_round_before_has_no_force_any_more() -> None:
    """A new round hears the child anew."""
    decided = Decided("arrived").says("record_visit", safe=False).corrects("hear_child", "guardian", wish="stay")
    facts, _ = said_now(decided)
    assert (facts, decided.case.hearing, decided.case.objection) == ({}, None, None)


@pytest.mark.parametrize(
    ("fields", "facts", "objects"),
    [
        ({"reason": "put better"}, {"what": "child_objects", "objects": False}, True),
        ({"what": "illness"}, {"what": "illness", "objects": False}, True),
    ],
)
def test_an_objection_on_the_way_is_not_made_twice(fields: Fields, facts: Fields, objects: bool) -> None:
    """Mending the words of the incident voids nothing a second time."""
    decided = Decided("objected on the way").corrects("report_incident", "escort", **fields)
    assert said_now(decided)[0] == facts
    assert (decided.case.objection is not None) is objects


@pytest.mark.parametrize(
    ("name", "fields", "facts"),
    [
        ("approved", {"wish": "stay"}, {"counts": True, "lifts_objection": False, "voids": [17, 18, 21, 22]}),
        ("approved", {"views": "put better"}, {"counts": True, "lifts_objection": False}),
        (
            "approved against a wish to stay",
            {"views": "put better"},
            {"counts": True, "lifts_objection": False, "objects": False},
        ),
        ("approved against a wish to stay", {"guardian_present": False}, None),
    ],
)
def test_what_old_words_have_voided_is_not_voided_a_second_time(name: str, fields: Fields, facts: Any) -> None:
    """A later yes stands; a wish to stay that was overlooked voids what came after it."""
    decided = Decided(name)
    approvals = set(decided.case.approvals)
    decided.corrects("hear_child", "guardian", **fields)
    told, _ = said_now(decided)
    if facts is not None:
        assert {k: v for k, v in told.items() if k != "deadlines"} == (
            facts if "voids" not in facts else {**facts, "voids": told["voids"]}
        )
        assert ("voids" in told) is ("voids" in facts)
    assert (set(decided.case.approvals) == approvals) is ("voids" not in told)


@pytest.mark.parametrize("who", ["authority", "opener", "protection", "origin authority"])
def test_an_intake_is_corrected_by_the_hosts_central_authority(who: str) -> None:
    """By anybody of that office, and nobody else."""
    decided = Decided("in care").says("correct", who, fields={"found.place": "Elsewhere"})
    assert (decided.newest.kind == "accepted") is (who in ("authority", "opener"))


@pytest.mark.parametrize("name", ["opened", "in care", "arrived", "late"])
def test_where_the_child_was_found_counts_until_something_newer_is_told(name: str) -> None:
    """After a placement or a release a correction of the intake is of words only."""
    decided = Decided(name).says("correct", fields={"placement": STATION})
    moves = name in ("opened", "in care", "late")
    assert said_now(decided)[0].get("moves", False) is moves
    assert decided.case.detained is moves
    decided = Decided(name).says("correct", fields={"placement": FAMILY})
    assert (decided.case.placement == FAMILY) is (moves or take_up(name).case.placement == FAMILY)


def test_a_placement_told_by_an_entry_itself_is_moved_by_its_correction() -> None:
    """And by the correction of that correction."""
    decided = Decided("in care").says("report_missing").says("report_found")
    for home in ("One Invented Home", "Another Invented Home"):
        decided.corrects("report_found", "caseworker", **{"placement.name": home})
        assert "moves" not in said_now(decided)[0]
        assert decided.case.placement == {**FOSTER, "name": home}
    decided.says("report_missing").says("report_found")
    first = next(e.n for e in decided.ledger if e.act == "report_found")
    decided.corrects("report_found", "caseworker", first, **{"placement.name": "A third"})
    assert decided.case.placement == FOSTER


# Time


@pytest.mark.parametrize("name", ["in care", "late", "planned", "arrived", "postponed", "nearly grown up", "traced"])
def test_time_that_passes_in_one_go_brings_what_it_brings_day_by_day(name: str) -> None:
    """The same entries in the same order, none before its moment."""
    at_once, slowly = Decided(name), Decided(name)
    end = at_once.at + timedelta(days=60)
    at_once.passes(end)
    while slowly.at < end:
        slowly.passes(min(end, slowly.at + timedelta(days=1)))

    def due(decided: Decided) -> list[Any]:
        return [(e.kind, e.facts) for e in decided.made if e.kind in ("overdue", "escalated", "turned_18")]

    assert due(at_once) == due(slowly)
    assert [e.at for e in at_once.made] == [end] * len(at_once.made) or at_once.made


def test_on_one_moment_what_is_overdue_comes_before_what_escalates() -> None:
    """Then the lower level before the higher, whatever the deadline."""
    decided = Decided("in care").says("report_detention").says("report_missing")
    decided.passes(decided.at + timedelta(days=1))
    due = [(e.kind, e.facts["key"], e.facts.get("level")) for e in decided.made if e.kind in ("overdue", "escalated")]
    assert due[-6:] == [
        ("overdue", "missing", None),
        ("overdue", "release", None),
        ("escalated", "missing", 1),
        ("escalated", "release", 1),
        ("escalated", "missing", 2),
        ("escalated", "release", 2),
    ]


def wakes(name: str) -> datetime | None:
    return decide.next_due(take_up(name).case)


def test_a_case_wakes_at_the_earliest_of_all_that_time_brings() -> None:
    """A deadline, an escalation, a birthday, a time to appeal that ends; a closed case never."""
    assert wakes("closed") is None
    assert wakes("in care") == min(deadline.due for deadline in take_up("in care").case.running.values())
    assert wakes("planned") == take_up("planned").case.deadlines["travel_approval"].due
    alone: Mapping[str, Any] = {"deadlines": {}, "running": {}}
    grown = take_up("nearly grown up").case.but(**alone)
    assert decide.next_due(grown) == datetime(2026, 3, 4, tzinfo=UTC)
    assert decide.next_due(grown.but(date_of_birth=None)) is None
    assert decide.next_due(grown.but(turned_18=True)) is None
    asked = take_up("nearly old enough to be asked").case.but(**alone, date_of_birth=date(2014, 2, 20))
    assert decide.next_due(asked) == datetime(2026, 2, 20, tzinfo=UTC)
    appealed = take_up("approved").case.but(**alone, appeals=())
    assert decide.next_due(appealed) == appealed.appeal_window_ends
    assert appealed.appeal_window_ends is not None
    ended = appealed.but(recorded_at=appealed.appeal_window_ends)
    assert decide.next_due(ended) == datetime(2031, 5, 4, tzinfo=UTC)


@pytest.mark.parametrize(("stage", "holds"), [("reintegration", False), ("closed", False), ("travel", True)])
def test_a_birthday_holds_what_is_not_yet_over(stage: Any, *, holds: bool) -> None:
    """It comes before a deadline of the same moment, which is then owed to nobody any more."""
    birthday = datetime(2026, 3, 4, tzinfo=UTC)
    decided = Decided("nearly grown up")
    tracing = replace(next(iter(decided.case.running.values())), due=birthday)
    decided.case = decided.case.but(stage=stage, deadlines={"services": tracing})
    decided.passes(birthday)
    first = decided.made[0]
    assert (first.kind, first.facts["holds"]) == ("turned_18", holds)
    assert decided.case.adulthood_holds is holds


def test_what_was_left_under_other_rules_is_looked_at_once() -> None:
    """A hold that does not stand by the rules of today is lifted though nothing is due; in a closed case nothing is."""
    for name, told in (("in care", [("hold_lifted", {"hold": "review"})]), ("closed", [])):
        decided = Decided(name)
        decided.case = decided.case.but(holds=("review",))
        assert decided.passes(decided.at).told == told


def test_nothing_is_on_record_of_a_case_that_is_closed() -> None:
    """However much time passes."""
    decided = Decided("closed")
    assert decided.passes(decided.at + timedelta(days=9_000)).made == []


def test_the_course_is_not_touched_by_what_is_tried_on_it() -> None:
    """What is decided without a record stays without effect on the one that is kept."""
    course: Course = take_up("in care")
    ledger = json.dumps(course.proceedings.ledger())
    tried = Decided("in care").says("note")
    assert tried.case.n == course.case.n + 1
    assert json.dumps(course.proceedings.ledger()) == ledger
    assert tried.case.but(place_anew=OnRecord(1, AT)).place_anew is not None
