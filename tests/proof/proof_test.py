"""The proof proves something: its abstraction drops nothing that is read, its promises break, its searches find."""

import itertools
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from procedure import decide
from procedure.acts import ACTS
from procedure.agreement import Agreement, Period
from procedure.case import Case, Deadline, Determined, FitToTravel, OnRecord
from procedure.effects import effects
from procedure.gates import refusals
from procedure.ledger import Ledger
from procedure.proceedings import Proceedings
from procedure.safeguards.asked import Asked
from procedure.stages import stage_of
from procedure.vocabulary import SAFEGUARD_NAMES
from procedure.who_may import not_your_act
from proof import broken, needed, scopes
from proof.__main__ import MODEL_STATES, STATES, Looked, break_the_law, explore, main, report, switch_off, work, wrong
from proof.abstraction import DROPPED, KEPT, seen
from proof.alphabet import BY_OTHERS, FOSTER, SAYINGS, STATION, WAITS, Now, sayings
from proof.by_time import MAY_CHANGE_BY_TIME
from proof.clocks import due_after
from proof.exploring import SEED, START, Exploration, Found, Scope, State, clocks_of, without
from proof.promises import ENDINGS, LIBERTY, PAST, PROMISES, SILENCE, of_a_correction, of_silence, of_time
from proof.reckoning import Reckoning
from proof.record import Reading

MODEL = scopes.shipped()[0]["model"]
MODEST = 40
"""States that a test looks at."""

READ_OTHERWISE = {
    "opened_at": "through the two birthdays",
    "n": "in the sentence of a refusal, and never compared by a safeguard",
    "head": "in the sentence of a refusal",
    "last_material": "against the head that was read: the newest one, or the one before it",
    "round": "to count one on",
    "placement_n": "by a correction",
    "recorded_at": "to tell what lies ahead",
}
"""Dropped fields that are read all the same; docs/proof.md argues for each that nothing depends on it."""


class Watched(Case):
    """A case that notes which of its fields are read."""

    read: set[str]
    _NAMES = frozenset(each.name for each in fields(Case))

    def __getattribute__(self, name: str) -> Any:
        if name in Watched._NAMES:
            object.__getattribute__(self, "__dict__")["_read"].add(name)
        return object.__getattribute__(self, name)


def watched(case: Case) -> tuple[Watched, set[str]]:
    twin, read = object.__new__(Watched), set[str]()
    twin.__dict__.update({**case.__dict__, "_read": read})
    return twin, read


@cache
def some_states() -> tuple[tuple[Exploration, int], ...]:
    """States of every kind: a few of each scope."""
    chosen: list[tuple[Exploration, int]] = []
    for scope in (*scopes.TO_A_FIXED_POINT, *scopes.EVERYTHING):
        exploration = Exploration(scope, MODEL, most_states=6, endings_each=0, others=False)
        exploration.run()
        chosen += [(exploration, here) for here in range(0, len(exploration.states), 6)]
    return tuple(chosen)


def asked_of(exploration: Exploration, here: int, sayings: Any) -> Iterator[Asked]:
    state, ledger = exploration.states[here], Ledger(exploration.entries(here))
    for saying in sayings:
        act = saying.said(Now(state.case, state.at, ledger))
        if act is not None:
            yield Asked(state.case, act, state.at, ledger)


def with_case(asked: Asked, case: Case) -> Asked:
    return Asked(case, asked.act, asked.at, asked.ledger)


def test_every_field_of_a_case_is_kept_or_dropped_with_a_reason() -> None:
    """A field that is added to the case must be thought about here before the proof runs again."""
    assert KEPT.keys() | DROPPED.keys() == {each.name for each in fields(Case)}
    assert not KEPT.keys() & DROPPED.keys()


def test_safeguards_read_no_field_that_the_abstraction_drops() -> None:
    """Every act of the alphabet, asked of cases that note what is read: gates, effects, holds and stages."""
    read_at_all: set[str] = set()
    for exploration, here in some_states():
        for asked in asked_of(exploration, here, SAYINGS):
            twin, read = watched(asked.case)
            found = refusals(with_case(asked, twin))
            if not found and asked.act.act != "correct":
                effects(with_case(asked, twin))
            decide.standing_holds(twin)
            stage_of(twin, asked.at)
            read_at_all |= read
    assert len(read_at_all) > 45, "hardly anything was read; the watch does not work"
    assert read_at_all - KEPT.keys() <= READ_OTHERWISE.keys()
    assert READ_OTHERWISE.keys() <= DROPPED.keys()


@pytest.mark.parametrize("deadlines", [False, True])
def test_what_an_act_names_by_its_day_is_compared_by_days(deadlines: bool) -> None:
    """The hour is dropped: a certificate or a review until the same day is one thing by days, and another by seconds."""
    case = a_case_just_opened().but(deadlines={})
    day = case.recorded_at.date() + timedelta(days=30)
    review = Deadline(due=datetime.combine(day, time(), UTC), since=case.recorded_at)

    def looks(hours: int, *, by_day: bool) -> Any:
        at = case.recorded_at + timedelta(hours=hours)
        named = case.but(
            fitness=FitToTravel(5, fit=True, valid_until=day),
            determination=Determined(6, at, "postpone", review_on=day, rests_on_guarantee=False),
            deadlines={"review": review},
        )
        return seen(named, at, Ledger(), deadlines=deadlines, by_day=by_day)

    assert looks(0, by_day=True) == looks(1, by_day=True) != looks(24, by_day=True)
    assert looks(0, by_day=False) != looks(1, by_day=False)


def a_case_just_opened() -> Case:
    exploration = Exploration(scopes.FOUND, MODEL, most_states=1, endings_each=0)
    exploration.run()
    return exploration.states[0].case


def test_a_change_of_what_is_dropped_changes_no_answer() -> None:
    """The same acts, asked of a case with other dropped facts, are refused by the same safeguards or stand alike."""
    asked_at_all = 0
    for exploration, here in some_states():
        for asked in asked_of(exploration, here, SAYINGS):
            if asked.act.act in ("correct", "verify_identity"):
                continue
            case = asked.case
            other = case.but(
                n=case.n + 7,
                refused=case.refused + 3,
                round=case.round + 2,
                placement_n=case.n,
                services=None,
                reference="MD-UA-2026-000000",
                procedure_version="another",
            )
            names = [each["safeguard"] for each in refusals(asked)]
            assert [each["safeguard"] for each in refusals(with_case(asked, other))] == names
            assert seen(other, asked.at, asked.ledger) == seen(case, asked.at, asked.ledger)
            asked_at_all += 1
    assert asked_at_all > 5_000


def test_whose_act_it_is_depends_on_people_alone() -> None:
    """Acts by others are heard once for each set of people in office; nothing else is read to answer them."""
    people = {"guardian", "counsel", "plan", "caseworkers", "arrived", "departed", "relatives"}
    fixed = {"agreement", "host_state", "origin_state"}
    read_at_all: set[str] = set()
    for exploration, here in some_states():
        for asked in asked_of(exploration, here, BY_OTHERS):
            twin, read = watched(asked.case)
            list(not_your_act(with_case(asked, twin)))
            read_at_all |= read
    assert read_at_all <= people | fixed


def test_the_alphabet_says_every_act_and_its_words_are_well_formed() -> None:
    """Each act of the contract is said; each way of saying it is taken, or refused by a safeguard, somewhere."""
    assert {saying.act for saying in SAYINGS} == set(ACTS)
    said: set[str] = set()
    for exploration, here in some_states():
        state, ledger = exploration.states[here], Ledger(exploration.entries(here))
        said |= {s.label for s in SAYINGS if s.said(Now(state.case, state.at, ledger)) is not None}
    assert said == {saying.label for saying in SAYINGS}


def test_every_label_that_is_followed_exists() -> None:
    """A scope that follows a word that nobody says would be smaller than it looks."""
    every = (*scopes.shipped()[0].values(), *scopes.family(MODEL).values())
    said = {saying.label for terms in every for saying in sayings(terms)}
    known = said | WAITS.keys()
    for scope in (*scopes.TO_A_FIXED_POINT, *scopes.EVERYTHING):
        assert {*scope.before, *(scope.follows or ())} <= known, scope.name


@pytest.mark.parametrize("scope", scopes.TO_A_FIXED_POINT, ids=lambda scope: scope.name)
def test_nothing_breaks_in_a_small_exploration(scope: Scope) -> None:
    """The first states of each scope break no promise, and equal states go equal ways."""
    found = Exploration(scope, MODEL, most_states=MODEST, compare_each=40).run()
    assert found.breaches == []
    assert found.differed == []
    assert found.states >= MODEST
    assert found.ended


def test_nothing_breaks_under_any_agreement() -> None:
    """The way from the approvals on, under every shipped and every generated agreement; more at their edges."""
    stands, refused = scopes.shipped()
    assert "chisinau-2002" in refused
    assert set(stands) == {"model", "moldova-2008", "eu-return-directive"}
    generated = scopes.family(MODEL)
    for scope, terms in scopes.at_an_edge(generated):
        found = Exploration(scope, terms, most_states=MODEST, endings_each=5).run()
        assert found.breaches == [], terms.id
    for terms in (*stands.values(), *generated.values()):
        for scope in scopes.EDGES:
            on = scope in (scopes.APPROVALS, scopes.TO_THE_VISITS)
            found = Exploration(scope, terms, most_states=6 if on else 1, endings_each=5 if on else 0).run()
            assert found.breaches == [], (scope.name, terms.id)


def followed(pieces: list[Any], scope: Scope) -> list[Any]:
    """The agreements under which a scope is followed in this work."""
    return [piece.args[1] for piece in pieces if piece.args[0] is scope]


@pytest.mark.parametrize("small", [True, False])
def test_detention_is_followed_at_both_edges_of_every_clause(small: bool) -> None:
    """Where a child is found, held and released is followed under all generated profiles, tight and loose, not heard."""
    for scope in (scopes.FOUND, scopes.FAMILY_FOUND, scopes.HOLDS, scopes.ANEW, scopes.OFFICES):
        assert scope in scopes.EDGES
    pieces = work(small=small)
    for scope in scopes.EDGES:
        under = followed(pieces, scope)
        assert {terms.deadlines["release"].hours for terms in under} >= {1, 24}, scope.name
        places = [terms.deadlines["emergency_placement"] for terms in under]
        assert Period(hours=1) in places, scope.name
        assert Period(days=30) in places, scope.name
        assert len({terms.digest() for terms in under}) == len(under) >= 13, scope.name


def test_further_approvals_are_given_on_the_way_to_a_journey_where_an_agreement_asks_for_them() -> None:
    """A scope that begins with a planned journey begins under four approvals too; the model gives two, as before."""
    asks = scopes.family(MODEL)["edges-06"]
    assert len(asks.approvals) == 4
    for terms in (asks, MODEL):
        exploration = Exploration(scopes.ANEW, terms, most_states=1, endings_each=0, others=False)
        exploration.run()
        assert set(exploration.states[0].case.approvals) == set(terms.approvals)


def test_agreements_that_differ_in_nothing_that_is_read_are_explored_once() -> None:
    """The directive is explored with the model and counted once; any clause that is read parts two agreements."""
    stands = scopes.shipped()[0]
    assert [(terms.id, others) for terms, others in scopes.each_once(stands.values())] == [
        ("model", ("eu-return-directive",)),
        ("moldova-2008", ()),
    ]
    assert "eu-return-directive" not in {terms.id for terms in followed(work(small=False), scopes.PANEL)}
    renamed = MODEL.model_copy(update={"title": "Another title", "languages": ("de",)})
    later = MODEL.model_copy(update={"deadlines": {**MODEL.deadlines, "missing": Period(hours=23)}})
    assert len(scopes.each_once([MODEL, renamed])) == 1
    assert len(scopes.each_once([MODEL, later])) == 2
    # Its profile has lists of its own, from which is chosen what is said.
    listed = MODEL.model_copy(update={"id": "moldova-2008"})
    assert len(scopes.each_once([MODEL, listed])) == 2


class Terms(Agreement):
    """Terms that note which of their clauses are read, once they are watched."""

    def __getattribute__(self, name: str) -> Any:
        if name in Agreement.model_fields:
            READ.add(name)
        return super().__getattribute__(name)


READ: set[str] = set()


def test_an_exploration_reads_no_clause_that_it_says_it_never_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each scope's first states, under terms that note what is read of them once the case is open."""
    assert scopes.NEVER_READ.keys() <= Agreement.model_fields.keys()
    terms = Terms.model_validate(MODEL.terms())
    opening = Proceedings.open_case

    def opened(*of: Any, **more: Any) -> Proceedings:
        # Entry 1 holds all the terms, and no rule reads them there.
        proceedings = opening(*of, **more)
        READ.clear()
        return proceedings

    monkeypatch.setattr("proof.exploring.Proceedings.open_case", opened)
    read_at_all = set[str]()
    for scope in (*scopes.TO_A_FIXED_POINT, *scopes.EVERYTHING):
        Exploration(scope, terms, most_states=2, endings_each=0, others=False).run()
        assert not READ & scopes.NEVER_READ.keys(), scope.name
        read_at_all |= READ
    assert len(read_at_all) > 8, "hardly anything was read; the watch does not work"


def test_two_agreements_that_are_explored_as_one_come_out_as_one() -> None:
    """What is found under the second name is what was found under the first, to the last count."""
    stands = scopes.shipped()[0]
    for scope in (scopes.FOUND, scopes.TRAVEL, scopes.EVERYTHING[0]):
        one, other = (
            Exploration(scope, stands[id], most_states=30, endings_each=10, compare_each=20).run()
            for id in ("model", "eu-return-directive")
        )
        assert one.agreement != other.agreement
        assert replace(one, agreement="") == replace(other, agreement="")


def test_an_agreement_is_asked_with_its_own_lists() -> None:
    """Of escorts one that the agreement allows is taken and one that it leaves out is refused; places are said too."""
    stands = {**scopes.shipped()[0], **scopes.family(MODEL)}
    taken, refused = "plan_travel [the last escort on the list]", "plan_travel [an escort off the list]"
    places = {
        "place_child [the last kind on the list]",
        "place_child [a kind off the list]",
        "plan_travel [to the last place on the list]",
        "plan_travel [to a place off the list]",
    }
    assert places <= {saying.label for saying in sayings(stands["moldova-2008"])}
    approvals = {each.label for each in sayings(stands["edges-06"])} - {each.label for each in SAYINGS}
    assert {"approve_return [court@host]", "approve_return [guardianship_authority@origin]"} <= approvals
    for id, takes in (("moldova-2008", True), ("model", True), ("edges-02", False)):
        exploration = Exploration(scopes.ANEW, stands[id], most_states=1, endings_each=0, others=False)
        found = exploration.run()
        assert (taken in found.acts) is takes
        assert found.breaches == []
        said = {saying.label: saying for saying in sayings(stands[id])}
        assert (refused in said) is (id != "model")
        if refused in said:
            asked = next(asked_of(exploration, 0, [said[refused]]))
            assert {each["safeguard"] for each in refusals(asked)} == {"escort-from-child-protection"}


def test_a_stretch_that_is_not_walked_is_told() -> None:
    """Whoever follows what never comes about is told so, and a whole run fails by it; a part may end before."""
    names = ("appoint_guardian", "depart", "a day passes", "the day of departure comes", "approve_return [nobody]")
    found = Exploration(
        Scope(name="short", about="", follows=names), MODEL, most_states=30, endings_each=0, others=False
    ).run()
    # What nobody says under this agreement cannot be missed.
    assert found.missed == ("depart", "the day of departure comes")
    refused, beyond = scopes.shipped()[1], scopes.refused_beyond(MODEL)
    assert wrong([Looked(found, 0.0)], refused, beyond) == [
        "short (model) follows what never came about: depart, the day of departure comes"
    ]
    assert wrong([Looked(found, 0.0)], refused, beyond, whole=False) == []


def test_no_journey_is_missed_where_the_agreement_leaves_no_time_for_one() -> None:
    """Where the time to appeal outlasts a determination nobody can depart; a closing is missed all the same."""
    scope = Scope(name="short", about="", follows=("depart", "close_case [returned]"))
    no_time = scopes.family(MODEL)["edges-13"]
    missed = [Exploration(scope, terms, most_states=1, endings_each=0).run().missed for terms in (no_time, MODEL)]
    assert missed == [("close_case [returned]",), ("depart", "close_case [returned]")]
    # From where the time to appeal is over no approval comes any more either; before, it does.
    late = Scope(
        name="late", about="", before=scopes.ANEW.before, follows=("approve_return [origin]", "close_case [adult]")
    )
    early = replace(late, before=())
    missed = [Exploration(each, no_time, most_states=1, endings_each=0).run().missed for each in (late, early)]
    assert missed == [("close_case [adult]",), ("approve_return [origin]", "close_case [adult]")]


def nothing(**_: Any) -> list[Any]:
    """A run that looks at nothing, and finds nothing wrong."""
    return []


@pytest.mark.parametrize("part", [["--small"], ["--states", "20"], ["--states", "3000"]])
def test_a_part_never_stands_on_the_page_as_if_it_were_the_whole(
    part: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only a whole run writes the section; a small or a shortened one leaves the page as it was, and says why."""
    page = tmp_path / "measures.md"
    page.write_text("# Measures\n\n## Proof\nas it was\n", encoding="utf-8")
    monkeypatch.setattr("proof.__main__.work", nothing)
    assert main([*part, "--write", str(page), "--processes", "1"]) == 0
    assert "as it was" in page.read_text("utf-8")
    assert f"{page} is as it was: " in capsys.readouterr().err
    assert main(["--write", str(page), "--processes", "1"]) == 0
    assert "as it was" not in page.read_text("utf-8")
    assert "| explored | states | looked at | transitions |" in page.read_text("utf-8")


def test_a_whole_run_that_finds_a_breach_writes_it_above_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else "0 breaches" of an earlier run would stand on; the run fails all the same, and a part still writes nothing."""
    page = tmp_path / "measures.md"
    page.write_text("# Measures\n\n## Proof\n**0 breaches** of what never bends.\n", encoding="utf-8")
    breach = ((LIBERTY, "something"), ["the case is opened", "an act"])

    def one_breach(**_: Any) -> list[Any]:
        return [lambda: Looked(Found("a scope", "model", states=1, breaches=[breach]), 0.0)]

    def at_once(pieces: list[Any], *_: Any) -> list[Looked]:
        return [piece() for piece in pieces]

    monkeypatch.setattr("proof.__main__.work", one_breach)
    monkeypatch.setattr("proof.__main__.done", at_once)
    assert main(["--small", "--write", str(page)]) == 1
    assert "0 breaches" in page.read_text("utf-8")
    assert main(["--write", str(page)]) == 1
    written = page.read_text("utf-8")
    assert "**0 breaches**" not in written
    told = f"- {LIBERTY}: something (model). The course: the case is opened; an act"
    assert 0 < written.index("**Not as it must be:**") < written.index(told) < written.index("**1 breaches**")


def test_the_page_says_which_scopes_came_to_their_end() -> None:
    """A scope that nothing was left of is told by name, and so is one that a bound stopped; a second appeal is neither."""
    ended = Found(scopes.FOUND.name, "model", bounds={"1 pending appeal"})
    states, length = (
        Found(s.name, "model", bounds={b})
        for s, b in ((scopes.PANEL, "3,000 states"), (scopes.OFFICES, "courses of 6"))
    )
    refused, beyond = scopes.shipped()[1], scopes.refused_beyond(MODEL)
    text = report([Looked(each, 0.0) for each in (ended, states, length)], refused, beyond, "a test")
    assert "Under model 1 of 3 scopes came to their end: found. Stopped at a bound: panel; offices." in text
    assert "| found (model, eu-return-directive) | 0 | 0 | 0 | 0 | to the end; 1 pending appeal | 0 | 0 |" in text
    assert (
        "Explored once, and counted once, for they differ in nothing that is read: model and eu-return-directive."
        in text
    )
    edges = [Found(scopes.HOLDS.name, f"edges-{n}", bounds=b) for n, b in ((1, set[str]()), (2, {"3,000 states"}))]
    text = report([Looked(each, 0.0) for each in edges], refused, beyond, "a test")
    assert (
        "| decision, holds (2 generated profiles) | 0 | 0 | 0 | 0 | 1 of 2 to the end; 3,000 states | 0 | 0 |" in text
    )


def pairs_met(rows: list[tuple[int, ...]]) -> bool:
    """Whether each pair of columns shows each pair of edges."""
    columns = list(zip(*rows, strict=True))
    return all(len(set(zip(one, other, strict=True))) == 4 for one, other in itertools.combinations(columns, 2))


def test_the_generated_agreements_meet_in_every_pair_of_edges() -> None:
    """Twelve profiles show each pair of clauses at all four pairs of edges, and a step beyond is refused by name."""
    assert pairs_met(scopes.design())
    assert not pairs_met(scopes.design()[:6])
    assert len({terms.digest() for terms in scopes.family(MODEL).values()}) == 13
    for clause, by in scopes.refused_beyond(MODEL).items():
        assert clause in by


@pytest.mark.parametrize("name", needed.SOON)
def test_without_a_safeguard_something_breaks(name: str) -> None:
    """The search finds the breach within a step or two, and with the safeguard on again the same place is sound."""
    found = needed.look_without(MODEL, name, most_states=60)
    assert found.breach is not None
    assert found.as_expected
    assert len(found.course) <= 4
    again = Exploration(Scope(name="sound", about="", follows=()), MODEL, endings_each=0).run()
    assert again.breaches == []


def test_the_shortest_course_is_told() -> None:
    """Without `no-detention` one act is enough, and it is the one that a caseworker would try."""
    found = needed.look_without(MODEL, "no-detention", most_states=60)
    assert found.breach == (LIBERTY, "place_child led into a closed place")
    assert found.course[0] == "the case is opened"
    assert len(found.course) == 2


def test_a_safeguard_is_switched_off_for_the_proof_only() -> None:
    """Outside the search the law is as it was, also where the search ends in an error."""
    lawful = decide.refusals
    with pytest.raises(ZeroDivisionError), without("no-detention"):
        assert 1 / (decide.refusals is lawful)
    assert decide.refusals is lawful


def test_every_safeguard_is_looked_at() -> None:
    """Each safeguard of the contract is switched off once by itself; a reason is told only of one that exists."""
    alone = [names[0] for names in needed.every() if len(names) == 1]
    assert alone == list(SAFEGUARD_NAMES)
    assert needed.WHY_NOTHING_BREAKS.keys() <= set(SAFEGUARD_NAMES)


def test_time_that_decides_would_be_seen() -> None:
    """The promise about silence breaks for a case that moved while nobody acted."""
    case = Exploration(scopes.HOLDS, MODEL, most_states=1, endings_each=0)
    case.run()
    before = case.states[0].case
    assert list(of_time(before, before, [])) == []
    assert {promise for promise, _ in of_time(before, before.but(stay=before.assessed), [])} == {PROMISES[1]}
    assert {promise for promise, _ in of_time(before, before.but(detained=True), [])} == {LIBERTY}


@pytest.mark.parametrize("fact", [each.name for each in fields(Case)])
def test_time_changes_no_fact_of_a_case_but_those_that_are_named(fact: str) -> None:
    """Every field is protected from the day it is added; the few that time may change exist, and have a reason."""
    assert MAY_CHANGE_BY_TIME.keys() <= {each.name for each in fields(Case)}
    assert all(MAY_CHANGE_BY_TIME.values())
    case = Exploration(scopes.HOLDS, MODEL, most_states=1, endings_each=0)
    case.run()
    before = case.states[0].case
    then = before.but(**{fact: object() if fact != "deadlines" else {}})
    broken_by = [what for _, what in of_time(before, then, [])]
    assert broken_by == ([] if fact in MAY_CHANGE_BY_TIME else [f"the passing of time changed: {fact}"])


HOME = {**FOSTER, "kind": "family", "run_by": "family"}


def test_a_correction_that_decides_or_detains_would_be_seen() -> None:
    """It says what was: it decides nothing, moves nobody, and a closed place that comes to be known is answered."""
    opening = Exploration(scopes.HOLDS, MODEL, most_states=1, endings_each=0)
    opening.run()
    before, told = opening.states[0].case, Reading(opening.entries(0), MODEL, opening.states[0].case.host_state)
    actor = {"id": "authority-1", "role": "central_authority", "state": before.host_state}
    on = OnRecord(1, before.opened_at)

    def breaks(then: Case, was: Case = before, entry: int = before.placement_n, **said: Any) -> set[str]:
        return {
            promise
            for promise, _ in of_a_correction(
                {"actor": actor, "entry": entry, "fields": said}, was, then, told, before.opened_at
            )
        }

    assert breaks(before) == set()
    assert breaks(before.but(stay=on)) == {SILENCE}
    assert breaks(before.but(approvals={"central_authority@host": on})) == {SILENCE}
    assert breaks(before.but(placement=HOME), placement=HOME) == set()
    assert breaks(before.but(placement=HOME), entry=2, placement=HOME) == {LIBERTY}
    assert breaks(before.but(placement=HOME), placement=FOSTER) == {LIBERTY}
    assert breaks(before.but(placement=STATION), placement=STATION) == {LIBERTY}
    assert breaks(before, was=before.but(detained=True)) == {LIBERTY}


SEEN = {
    "a detention voids nothing": "report_detention voids: the record says nothing, and the procedure says",
    "a hearing in detention counts": "hear_child counts: the record says yes, and the procedure says no",
    "a hearing counts with no guardian in office": "hear_child counts: the record says yes, and the procedure says no",
    "a hearing counts without the guardian in the room": "hear_child counts: the record says yes",
    "the time to appeal is one second": "opens a time to appeal: the record says 1 second, and the procedure says 15 d",
    "an approval opens no time to appeal": "approve_return opens a time to appeal: the record says nothing",
    "a release is due a thousand days later": "no hold or no deadline for the release stands in time",
    "nothing is ever overdue or told further": "the deadline identification passed, and the record does not say so",
    "nobody is told of what is overdue": "passed, and nobody was told who must be told",
    "a release that is late is never told": "the deadline release passed, and the record does not say so",
    "of a release that is late only the ombudsperson is told": "the record tells of release out of its order, or twice",
    "the other state owes no answer": "the record says that the deadline approval_origin does not run",
    "who takes a consent back voids nothing": "withdraw_consent voids: the record says nothing",
    "who refuses a consent voids nothing": "give_consent voids: the record says nothing",
    "a child who wishes to stay voids nothing": "hear_child voids: the record says nothing",
    "another guardian is bound by the consent of the first": "replace_guardian voids: the record says nothing",
    "a new round leaves the approvals in force": "reopen_best_interests voids: the record says nothing",
    "a refusal to return begins no round": "decline_return begins the round: the record says nothing",
    "every determination rests on a guarantee": "rests on a guarantee: the record says yes, and the procedure says no",
    "a deadline is extended by the limit again and again": "a deadline was stretched that must not be",
    "what is void goes on standing": "the record says that the deadline consent does not run",
}
"""What the proof sees of a law that is broken in one place."""


@pytest.mark.parametrize("law", broken.BY_NAME)
def test_a_law_that_concludes_something_else_would_be_seen(law: str) -> None:
    """The law is broken in one place while the search runs; the breach comes with a shortest course, and is no chance."""
    seen = broken.look_at(law, MODEL)
    assert seen.breach is not None
    assert SEEN[law] in seen.breach[1]
    assert seen.course[0] == "the case is opened"
    # As the law is, the same course breaks nothing, and neither does anything else that is said where it ends.
    sound = Scope(name="sound", about="", intakes=(scopes.NINE,), before=seen.course[1:-1], follows=())
    assert Exploration(sound, MODEL, endings_each=0).run().breaches == []


def test_a_law_that_was_not_seen_to_be_broken_fails_the_run() -> None:
    """Each broken law must be seen; one that the proof passes over is told by name."""
    unseen = broken.Seen("everything is forgiven", None, (), 1, 1)
    refused, beyond = scopes.shipped()[1], scopes.refused_beyond(MODEL)
    assert wrong([Looked(unseen, 0.0)], refused, beyond) == ["a law by which everything is forgiven was not seen"]
    assert "| everything is forgiven | nothing | – |" in report([Looked(unseen, 0.0)], refused, beyond, "a test")


def test_a_law_is_broken_for_the_proof_only() -> None:
    """Outside the search the law is as it was, also where the search ends in an error."""
    lawful = decide.effects
    patches = broken.BY_NAME["the time to appeal is one second"].patches
    with pytest.raises(ZeroDivisionError), broken.patched(patches()):
        assert 1 / (decide.effects is lawful)
    assert decide.effects is lawful


def test_working_days_are_counted_as_the_law_counts_them() -> None:
    """Two ways to count, over weekends and the holidays of several states, come to the same days."""
    period = Period(working_days=10)
    for day in range(0, 730, 3):
        start = START + timedelta(days=day)
        for state in ("MD", "UA", "PL", "SA"):
            assert due_after(period, start, state) == period.due(start, state)


def test_time_that_has_passed_in_silence_would_be_seen() -> None:
    """A deadline that passed must be told, and further to both levels; one that has not, must not."""
    opening = Exploration(Scope(name="the opening", about="", follows=()), MODEL, most_states=1, endings_each=0)
    opening.run()
    told = Reckoning.of(opening.entries(0), MODEL, opening.states[0].case.host_state)
    on_time, late = START + timedelta(days=2, seconds=-1), START + timedelta(days=2)
    assert list(of_silence(told, on_time)) == []
    assert list(of_silence(told, late)) == [
        (SILENCE, "the deadline protection_screening passed, and the record does not say so")
    ]
    passed = opening.entries(0)[0]._replace(
        n=2,
        at=late,
        kind="overdue",
        facts={"deadline": "protection_screening", "key": "protection_screening"},
    )
    assert list(of_silence(told.after([passed]), late)) == []
    assert told.after([passed._replace(at=on_time)]).differs == (
        "the record says that protection_screening has passed, and by the procedure it has not",
    )


def test_an_ending_out_of_reach_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a stay never granted any more, the exploration would tell from the first state."""
    lawful = decide.refusals

    def never_a_stay(asked: Asked) -> Any:
        return (
            refusals(with_case(asked, asked.case.but(closed=True))) if asked.act.act == "grant_stay" else lawful(asked)
        )

    monkeypatch.setattr(decide, "refusals", never_a_stay)
    found = Exploration(Scope(name="no stay", about="", follows=()), MODEL).run()
    assert [what for (promise, what), _ in found.breaches if promise == ENDINGS] != []


@pytest.mark.parametrize("kind", ["accepted", "refused"])
def test_a_past_that_is_recomputed_would_be_seen(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Did an act count its entries wrongly, the exploration would tell, whether it was accepted or refused."""
    lawful = decide.decide

    def miscounts(case: Case, act: Any, at: Any, ledger: Ledger, seed: bytes) -> Case:
        then = lawful(case, act, at, ledger, seed)
        return then.but(n=then.n + 1) if ledger.since(case.n)[0].kind == kind else then

    monkeypatch.setattr(decide, "decide", miscounts)
    scope = Scope(name="the opening", about="", follows=())
    found = Exploration(scope, MODEL, most_states=1, endings_each=0).run()
    assert {promise for (promise, _), _ in found.breaches} == {PAST}
    monkeypatch.undo()
    assert Exploration(scope, MODEL, most_states=1, endings_each=0).run().breaches == []


def test_a_state_that_forgets_too_much_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two records that go different ways from one state are told: here the state forgets who the guardian is."""

    def forgetful(case: Case, at: Any, ledger: Ledger, **how: bool) -> Any:
        return seen(case.but(guardian=None), at, ledger, **how)

    monkeypatch.setattr("proof.exploring.seen", forgetful)
    found = Exploration(scopes.FOUND, MODEL, most_states=16, compare_each=1, endings_each=0, others=False).run()
    assert found.differed != []


def test_a_promise_that_only_a_second_record_breaks_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two records in one state both are held to the promises; the course that is told is that of the second."""

    def no_counsel_before_the_guardian(*of: Any) -> Any:
        told: Reading = of[5]
        if [entry.act for entry in told.done] == ["appoint_counsel", "appoint_guardian"]:
            yield "a promise", "counsel came first"

    monkeypatch.setattr("proof.exploring.of_an_acceptance", no_counsel_before_the_guardian)
    scope = Scope(name="two ways", about="", follows=("appoint_guardian", "appoint_counsel"))
    alone, both = (Exploration(scope, MODEL, compare_each=n, endings_each=0, others=False).run() for n in (0, 1))
    assert alone.merged == both.merged == both.compared > 0
    assert alone.breaches == []
    assert both.breaches[0][1][:3] == ["the case is opened", "appoint_counsel", "appoint_guardian"]
    assert len(both.breaches[0][1]) == 4
    assert both.differed == []


def test_a_deadline_that_has_passed_keeps_the_time_until_the_next_is_told() -> None:
    """Where deadlines are kept, two cases look the same only if the next level is told at the same distance."""
    opening = Exploration(Scope(name="the opening", about="", follows=()), MODEL, most_states=1, endings_each=0)
    opening.run()
    ledger = Ledger(opening.entries(0))
    at = START + timedelta(days=60)
    running = opening.states[0].case.deadlines

    def stand(days: float, **more: Any) -> Any:
        late = replace(running["guardian"], due=at - timedelta(days=days), overdue=days >= 0, **more)
        return seen(opening.states[0].case.but(deadlines={"guardian": late}), at, ledger, deadlines=True)

    assert stand(1) != stand(1.5)
    assert stand(-1) != stand(-1.5)
    assert stand(3, escalations=1) != stand(4, escalations=1)
    # When both were told nothing is told any more; what stands still has left what it had left.
    assert stand(6, escalations=2) == stand(9, escalations=2)
    assert stand(-3, stands_still_since=at) == stand(-4, stands_still_since=at + timedelta(days=1))
    assert stand(-3, stands_still_since=at) != stand(-3)


@pytest.mark.parametrize("scope", [scopes.HOLDS, scopes.APPEALS], ids=lambda scope: scope.name)
def test_time_passes_wherever_the_deadlines_stand_as_in_no_record_before(
    scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deadlines are no part of most states; of records that merge none has deadlines from which no time was let pass."""
    met, let_pass = set[Any](), set[Any]()
    lawful, passing = Exploration.go_on, Exploration.let_pass

    def going_on(self: Exploration, here: int, label: str, went: Any, ledger: Ledger) -> list[int]:
        merged = self.found.merged
        new = lawful(self, here, label, went, ledger)
        if self.found.merged > merged:
            met.add(clocks_of(went.case, went.at))
        return new

    def letting_pass(self: Exploration, record: Any, label: str, until: Any) -> Any:
        let_pass.add(clocks_of(record.case, record.at))
        return passing(self, record, label, until)

    monkeypatch.setattr(Exploration, "go_on", going_on)
    monkeypatch.setattr(Exploration, "let_pass", letting_pass)
    found = Exploration(scope, MODEL, most_states=100, endings_each=0, others=False).run()
    assert found.clocks > 0
    assert len(met) > 5
    assert met <= let_pass


def test_what_was_found_is_printed_with_its_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    """The result tells states, transitions, bounds, breaches; a breach is told with its course and fails the run."""
    bounded = Exploration(scopes.FOUND, MODEL, most_states=20, endings_each=0).run()
    off = needed.look_without(MODEL, "no-detention", most_states=60)
    looked = [Looked(bounded, 1.0), Looked(off, 1.0)]
    refused, beyond = scopes.shipped()[1], scopes.refused_beyond(MODEL)
    text = report(looked, refused, beyond, "a test")
    assert "20 states" in text
    assert f"{bounded.steps:,} transitions" in text
    assert "| `no-detention` | place_child led into a closed place | the case is opened; place_child" in text
    assert wrong(looked, refused, beyond, whole=False) == []
    broken = Found("a scope", "model", breaches=[((LIBERTY, "something"), ["the case is opened", "an act"])])
    assert wrong([Looked(broken, 0.0)], refused, beyond) == [
        f"{LIBERTY}: something (model). The course: the case is opened; an act"
    ]
    assert wrong([], {}, {**beyond, "consent_age": []}) == [
        "the loader let chisinau-2002 pass",
        "the loader let a profile pass beyond consent_age",
    ]
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "--small" in capsys.readouterr().out


def test_the_edges_of_an_extension_and_of_the_age_of_consent_are_followed() -> None:
    """Deadlines are extended never and by sixty days, and a child is asked at any age, further than one step."""
    pieces = work(small=False)
    assert {terms.extension_limit for terms in followed(pieces, scopes.OFFICES)} >= {0, 60}
    tight = next(terms for terms in followed(pieces, scopes.OF_CONSENT) if not terms.consent_age)
    short = Scope(name="short", about="", follows=("extend_deadline", "the child is old enough to be asked"))
    missed = [Exploration(short, terms, most_states=1, endings_each=0).run().missed for terms in (tight, MODEL)]
    # What the terms leave no room for cannot be missed.
    assert missed == [(), ("the child is old enough to be asked",)]


def test_the_whole_work_holds_every_scope_and_every_safeguard() -> None:
    """Nothing is left out of the long run, and the short one says less."""
    pieces: list[Any] = list(work(small=False))
    args = {of: [piece.args for piece in pieces if piece.func is of] for of in (break_the_law, switch_off, explore)}
    assert {law for law, _ in args[break_the_law]} == set(broken.BY_NAME)
    assert {names for names, _ in args[switch_off]} >= {(name,) for name in SAFEGUARD_NAMES}
    explored = [(scope.name, terms.id) for scope, terms, _ in args[explore]]
    assert len(set(explored)) == len(explored)
    written = [each for each in vars(scopes).values() if isinstance(each, Scope)]
    shipped = [terms for terms, _ in scopes.each_once(scopes.shipped()[0].values())]
    assert set(explored) >= {(scope.name, terms.id) for scope in [*written, *scopes.EVERYTHING] for terms in shipped}
    generated = {terms for _, terms in explored} - {terms.id for terms in shipped}
    assert len(generated) >= 12
    assert set(explored) >= {(scope.name, terms) for scope in scopes.EDGES for terms in generated}
    assert len(work(small=True)) < len(pieces)


@pytest.mark.parametrize(
    ("asked", "model", "others"), [(None, MODEL_STATES, STATES), (0, None, None), (50_000, 50_000, 50_000)]
)
def test_the_model_is_looked_at_further_than_the_others(
    asked: int | None, model: int | None, others: int | None
) -> None:
    """A whole run has 20,000 states of each of the model's scopes; who names another bound has it everywhere."""
    assert MODEL_STATES >= 20_000 > STATES >= 3_000
    pieces: list[Any] = list(work(small=False, most_states=asked))
    bounded = [piece.args for piece in pieces if piece.args[0] in scopes.TO_A_FIXED_POINT]
    assert {most for _, terms, most in bounded if terms.id == "model"} == {model}
    assert {most for _, terms, most in bounded if terms.id != "model"} == {others}


def test_a_course_can_be_walked_again() -> None:
    """The course that is printed for a state leads there, act by act."""
    exploration = Exploration(scopes.APPEALS, MODEL, most_states=MODEST, endings_each=0)
    exploration.run()
    here = len(exploration.states) - 1
    state = exploration.states[0]
    case, at, ledger = state.case, state.at, Ledger(exploration.entries(0))
    for label in exploration.course(here)[1 + len(scopes.APPEALS.before) :]:
        went = exploration.step(label, State(case, at, -1, "", (), 0), ledger)
        assert went is not None
        case, at = went
    assert seen(case, at, ledger) == seen(exploration.states[here].case, exploration.states[here].at, ledger)
    assert at - exploration.states[here].at == timedelta(0)
    assert SEED
