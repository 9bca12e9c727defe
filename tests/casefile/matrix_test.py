"""The safeguard matrix: right evidence on real courses, and no forged record that it takes for a good one."""

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final, cast, get_args

import pytest

from casefile.matrix import Broken, Kept, Matrix, safeguard_matrix
from casefile.trail import closed
from procedure import effects, gates
from procedure.acts import parse_act
from procedure.entries import GENESIS, Draft, Entry, chain_faults, seal
from procedure.intake import parse_intake
from procedure.placement import is_detention
from procedure.proceedings import Proceedings
from procedure.safeguards.asked import SAFEGUARDS
from procedure.vocabulary import SAFEGUARD_NAMES, PlacementKind, RunBy, SafeguardName
from starter.moments import resolve
from starter.scenario import NEEDS_DOSSIER, find, length, shipped
from tests.procedure.courses import FAMILY, FOSTER, PANEL, SEED, STATION, Course
from tests.procedure.courses import shipped as agreements

Fields = dict[str, Any]
IN_THE_WORLD: Final = ("The child was reported in detention", "The hand-over")
"""How findings begin that no procedure can prevent: somebody detained the child, or handed it over outside care."""


# Real courses


@cache
def returned() -> list[Entry]:
    """A whole return, with refusals on the way."""
    course = Course()
    course.refused("approve_return")
    course.traced()
    course.refused("determine_best_interests")
    course.ready_for_panel().determine().consented().prepared().approve().wait(days=15)
    course.does("plan_travel").does("certify_fit_to_travel").does("approve_travel")
    course.wait(days=2).does("depart").wait(days=1, hours=4).does("arrive")
    course.refused("close_case", outcome="returned")
    course.visit_all().does("close_case", outcome="returned")
    return course.entries


def number(entries: list[Entry], act: str, *, role: str | None = None, state: str | None = None) -> int:
    """The first accepted entry of that act, by that role and state."""
    return next(
        entry.n
        for entry in entries
        if entry.kind == "accepted"
        and entry.act == act
        and role in (None, entry.actor_role)
        and state in (None, entry.actor_state)
    )


def shown(matrix: Matrix, name: SafeguardName, entry: int) -> tuple[int, ...]:
    """The evidence of that safeguard at that entry."""
    return next(kept.evidence for kept in matrix.row(name).kept_by if kept.entry == entry)


def found(matrix: Matrix) -> dict[str, list[str]]:
    """What is broken, but for what happened in the world: sentences by safeguard."""
    broken = {
        row.name: [broken.why for broken in row.broken_by if not broken.why.startswith(IN_THE_WORLD)]
        for row in matrix.rows
    }
    return {name: why for name, why in broken.items() if why}


def test_each_safeguard_has_its_row() -> None:
    """Every name of the contract, in its order, with the demand and the source that the law gives."""
    rows = safeguard_matrix(returned()).rows
    assert [row.name for row in rows] == list(SAFEGUARD_NAMES)
    assert [(row.demand, row.source) for row in rows] == [SAFEGUARDS[name] for name in SAFEGUARD_NAMES]


def test_an_approval_of_return_is_shown_by_what_stood_before_it() -> None:
    """Every safeguard of the host's approval names the entries that kept it."""
    entries = returned()
    matrix = safeguard_matrix(entries)
    approval = number(entries, "approve_return", state="MD")
    guardian, hearing = number(entries, "appoint_guardian"), number(entries, "hear_child")
    family, determination = number(entries, "assess_family"), number(entries, "determine_best_interests")
    consents = number(entries, "give_consent", role="guardian"), number(entries, "give_consent", role="child")
    impact, screening = number(entries, "assess_rights_impact"), number(entries, "screen_protection")
    assert {
        row.name: shown(matrix, row.name, approval)
        for row in matrix.rows[:29]
        if approval in _kept_at(matrix, row.name)
    } == {
        "no-detention": (1,),
        "guardian-first": (guardian,),
        "child-heard": (hearing,),
        "safe-family": (family,),
        "care-guaranteed": (family,),
        "bid-before-return": (determination,),
        "non-refoulement": (screening, impact),
        "appeal-suspends": (),
        "consent": consents,
        "reintegration-plan": (number(entries, "adopt_reintegration_plan"),),
        "rights-impact": (impact,),
        "four-eyes": (1,),
        "stale-dossier": (approval - 1,),
        "stale-evidence": tuple(sorted((family, determination, *consents, impact))),
        "held": (),
    }


def _kept_at(matrix: Matrix, name: SafeguardName) -> set[int]:
    return {kept.entry for kept in matrix.row(name).kept_by}


def test_a_departure_and_a_closing_are_shown_by_what_stood_before_them() -> None:
    """The plan and its approval, both states' approvals, the certificate, and every visit."""
    entries = returned()
    matrix = safeguard_matrix(entries)
    plan, approval = number(entries, "plan_travel"), number(entries, "approve_travel")
    depart, close = number(entries, "depart"), number(entries, "close_case")
    both = number(entries, "approve_return", state="MD"), number(entries, "approve_return", state="UA")
    visits = tuple(entry.n for entry in entries if entry.kind == "accepted" and entry.act == "record_visit")
    family = number(entries, "assess_family")
    assert shown(matrix, "travel-approved", depart) == (plan, approval)
    assert shown(matrix, "fit-to-travel", depart) == (number(entries, "certify_fit_to_travel"),)
    assert shown(matrix, "approval-of-both-states", plan) == shown(matrix, "approval-of-both-states", approval) == both
    assert shown(matrix, "handover-into-care", approval) == (family, plan)
    assert shown(matrix, "appeal-suspends", approval) == (both[1],)
    assert shown(matrix, "four-eyes", approval) == (plan,)
    assert len(visits) == 6
    assert shown(matrix, "monitoring-complete", close) == (number(entries, "arrive"), *visits)


def test_the_panel_is_shown_to_be_other_people() -> None:
    """The assessment, the caseworker's assignment and the guardian's appointment show whose eyes were others."""
    course = Course().represented().does("assign").does("open_tracing").does("report_tracing").does("assess_family")
    course.ready_for_panel().determine()
    entries = course.entries
    evidence = (number(entries, "appoint_guardian"), number(entries, "assign"), number(entries, "submit_assessment"))
    assert shown(safeguard_matrix(entries), "four-eyes", number(entries, "determine_best_interests")) == evidence
    assert shown(safeguard_matrix(entries), "guardian-independence", number(entries, "assign")) == evidence[:1]


def test_a_return_without_family_is_shown_by_the_guarantee() -> None:
    """The authority's guarantee on which the determination rests stands for both safeguards of care."""
    course = Course().represented().does("open_tracing").does("report_tracing", result="not_found", relatives=[])
    course.does("guarantee_care").ready_for_panel().determine().consented().prepared()
    course.does("guarantee_care").approve()
    entries = course.entries
    matrix = safeguard_matrix(entries)
    approval, renewed = number(entries, "approve_return"), course.number_of("guarantee_care")
    assert shown(matrix, "safe-family", approval) == shown(matrix, "care-guaranteed", approval) == (renewed,)
    assert renewed in shown(matrix, "stale-evidence", approval)
    assert not found(matrix)


def test_who_resumes_is_another_than_who_suspended() -> None:
    """The suspension shows it."""
    entries = Course().does("suspend").does("resume").entries
    assert shown(safeguard_matrix(entries), "four-eyes", number(entries, "resume")) == (number(entries, "suspend"),)


def test_a_safeguard_that_only_refused_says_so() -> None:
    """Refused, how often, and by which entries; a safeguard that nobody asked says that too."""
    course = Course()
    course.refused("open_tracing")
    course.refused("open_tracing")
    row = safeguard_matrix(course.entries).row("guardian-first")
    refused = tuple(entry.n for entry in course.entries if entry.kind == "refused")
    assert (row.status, row.refused, row.refused_by, row.kept_by) == ("refused", 2, refused, ())
    assert safeguard_matrix(course.entries).row("travel-approved").status == "not_asked"


def test_a_safeguard_that_refused_and_was_kept_counts_both() -> None:
    """Kept by what came later, with the refusal beside it."""
    row = safeguard_matrix(returned()).row("child-heard")
    assert (row.status, row.refused, row.kept) == ("kept", 2, 3)
    assert row.as_json()["kept_by"][0] == {
        "entry": number(returned(), "determine_best_interests"),
        "act": "determine_best_interests",
        "evidence": [number(returned(), "hear_child")],
    }


# Broken in the world


def test_a_detention_breaks_its_safeguard_and_tells_when_it_ended() -> None:
    """Reported, released after so many hours by the hold that was lifted; a later one still waits."""
    course = Course().does("report_detention").wait(hours=20).does("confirm_release").does("report_detention")
    row = safeguard_matrix(course.entries).row("no-detention")
    lifted = next(entry.n for entry in course.entries if entry.kind == "hold_lifted")
    first, second = (entry.n for entry in course.entries if entry.kind == "detention")
    assert row.status == "broken"
    assert row.broken_by == (
        Broken(first, f"The child was reported in detention; released after 20 hours (entry {lifted})."),
        Broken(second, "The child was reported in detention; no release is on record."),
    )


def test_a_hand_over_outside_care_breaks_its_safeguard() -> None:
    """Both who were told are named with their entries."""
    course = Course().departed().wait(days=1, hours=4).does("arrive", handed_to="other")
    arrival = course.number_of("arrive")
    assert safeguard_matrix(course.entries).row("handover-into-care").broken_by == (
        Broken(arrival + 1, f"The hand-over of entry {arrival} was not into care; the central authority was told."),
        Broken(arrival + 2, f"The hand-over of entry {arrival} was not into care; the ombudsperson was told."),
    )


# Nothing is taken for broken that is not


def played(name: str) -> Iterator[tuple[str, list[Entry]]]:
    """The cases of a shipped scenario, played in memory: their names and entries."""
    scenario = find(name)
    at = datetime(2026, 2, 2, 9, tzinfo=UTC)
    cases: dict[str, Proceedings] = {}
    for position, (case, intake) in enumerate(scenario.intakes().items()):
        given = parse_intake({**resolve(intake, at), "agreement": scenario.agreement}, today=at.date())
        reference = f"{given.host_state}-{given.origin_state}-2026-7K3F9{position}"
        cases[case] = Proceedings.open_case(
            given, agreements()[scenario.agreement], reference=reference, at=at, seed=SEED
        )
    for n, step in enumerate(scenario.scenario.steps):
        at = span.after(at) + timedelta(seconds=1) if (span := length(step)) else at
        for proceedings in cases.values():
            proceedings.let_time_pass(at)
        act = scenario.act_of(step)
        if act is None or step.expect == "malformed":
            continue
        proceedings = cases[scenario.case_of(step)]
        if act["act"] in NEEDS_DOSSIER:
            read = str(act.get("dossier", ""))
            known = proceedings.entries[int(read[7:]) - 1].hash if read.startswith("@entry:") else read
            act["dossier"] = known or proceedings.case.head
        receipt = proceedings.hear(parse_act({"act_id": f"step-{n}", **resolve(act, at)}), at)
        assert receipt["result"] == (step.expect or "accepted"), (name, n)
    for case, proceedings in cases.items():
        yield case, proceedings.entries


@pytest.mark.parametrize("name", shipped())
def test_no_shipped_scenario_shows_a_broken_safeguard(name: str) -> None:
    """Each is played to its end; only detentions and hand-overs in the world stand against a safeguard."""
    for _, entries in played(name):
        matrix = safeguard_matrix(entries)
        assert found(matrix) == {}
        assert not matrix.partial
        assert matrix.row("not-your-act").status == "kept"


def test_there_are_scenarios() -> None:
    """The test before this one has something to show."""
    assert len(shipped()) >= 15


def test_no_random_walk_shows_a_broken_safeguard(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the procedure accepts, its evidence is found; and the walks are deep enough to show that."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "procedure"))  # pyright: ignore[reportUnknownMemberType]
    from tests.procedure.walking import Walk

    kept: set[str] = set()
    detained = 0
    for seed in range(150):
        walk = Walk(Random(seed), "model")
        walk.run(90)
        matrix = safeguard_matrix(walk.course.entries)
        assert found(matrix) == {}, seed
        kept |= {row.name for row in matrix.rows if row.kept}
        detained += matrix.row("no-detention").status == "broken"
    assert set(SAFEGUARD_NAMES) - kept <= {"benefit-of-doubt"}
    assert detained > 10


# Forged records

Change = Callable[[Entry], Draft | None]


def draft(entry: Entry, **changes: Any) -> Draft:
    """The entry before it was sealed, something in it changed."""
    fields = ("kind", "act", "act_id", "actor_role", "actor_state", "safeguards", "facts", "body")
    return Draft(**{name: copy.deepcopy(getattr(entry, name)) for name in fields} | changes)


def forged(entries: list[Entry], change: Change, *, later: Mapping[str, timedelta] | None = None) -> list[Entry]:
    """A record with some entries changed and the whole chain sealed anew, so that no digest tells of it.

    What an approver read is the forged record's head as well. ``later``: from the first entry of an act on, all
    happened so much later.
    """
    made: list[Entry] = []
    heads: dict[str, str] = {}
    shift = timedelta()
    for entry in entries:
        changed = change(entry) or draft(entry)
        if entry.kind == "accepted" and later:
            shift = later.get(entry.act or "", shift)
        act = changed.body.get("act", {})
        if act.get("dossier") in heads:
            act["dossier"] = heads[act["dossier"]]
        prev = made[-1].hash if made else GENESIS
        made.append(seal(changed, n=entry.n, at=entry.at + shift, prev=prev, seed=SEED))
        heads[entry.hash] = made[-1].hash
    assert chain_faults(made) == []
    return made


def without(act: str, **only: str) -> Change:
    """Each accepted entry of that act is a note instead, so that numbers and deadlines stay."""

    def change(entry: Entry) -> Draft | None:
        if not _is(entry, act, only):
            return None
        said = entry.body["act"]
        note = {"act": "note", "act_id": said["act_id"], "actor": said["actor"], "text": "nothing"}
        facts = {name: value for name, value in entry.facts.items() if name == "deadlines"}
        return draft(entry, act="note", facts=facts, safeguards=(), body={"act": note})

    return change


def saying(act: str, **fields: Any) -> Change:
    """Each accepted entry of that act says something else; where the header repeats it, there as well."""

    def change(entry: Entry) -> Draft | None:
        if not _is(entry, act, {}):
            return None
        facts = {**entry.facts, **{name: value for name, value in fields.items() if name in entry.facts}}
        return draft(entry, facts=facts, body={**entry.body, "act": _merged(entry.body["act"], fields)})

    return change


def _is(entry: Entry, act: str, only: Mapping[str, str]) -> bool:
    fits = all(getattr(entry, name) == value for name, value in only.items())
    return entry.kind == "accepted" and entry.act == act and fits


def _merged(said: Fields, fields: Fields) -> Fields:
    merged = copy.deepcopy(said)
    for name, value in fields.items():
        inner = merged.get(name)
        merged[name] = (
            _merged(cast("Fields", inner), cast("Fields", value))
            if isinstance(inner, dict) and isinstance(value, dict)
            else value
        )
    return merged


def instead(of: str, act: Fields, **facts: Any) -> Change:
    """Each accepted entry of that act is another act instead."""

    def change(entry: Entry) -> Draft | None:
        if not _is(entry, of, {}):
            return None
        actor = act["actor"]
        return draft(
            entry,
            act=act["act"],
            actor_role=actor["role"],
            actor_state=actor["state"],
            facts={**{name: value for name, value in entry.facts.items() if name == "deadlines"}, **facts},
            safeguards=(),
            body={"act": {"act_id": entry.act_id, **act}},
        )

    return change


def no_window(entry: Entry) -> Draft:
    """No entry says that a time to appeal runs."""
    return draft(entry, facts={name: value for name, value in entry.facts.items() if name != "appeal_window_ends"})


def for_the_other_state(entry: Entry) -> Draft | None:
    """The host's authority approves a second time, and the record takes it for the origin's."""
    if not _is(entry, "approve_return", {"actor_state": "UA"}):
        return None
    body = copy.deepcopy(entry.body)
    body["act"]["actor"] |= {"state": "MD"}
    return draft(entry, actor_state="MD", body=body)


def with_the_first_head(entry: Entry) -> Draft | None:
    """Who approves the return read nothing but the opening."""
    return saying("approve_return", dossier=returned()[0].hash)(entry)


def visit(number: int, change: Change) -> Change:
    """One of the visits is changed."""
    return lambda entry: change(entry) if entry.facts.get("visit") == number else None


def by_another(act: str, *, role: str | None = None, state: str | None = None) -> Change:
    """The act is by another role, or of another state."""

    def change(entry: Entry) -> Draft | None:
        if not _is(entry, act, {}):
            return None
        other = {name: value for name, value in (("role", role), ("state", state)) if value}
        body = {**entry.body, "act": _merged(entry.body["act"], {"actor": other})}
        actor = body["act"]["actor"]
        return draft(entry, actor_role=actor["role"], actor_state=actor["state"], body=body)

    return change


def extended_by(days: int) -> Change:
    """A deadline is extended by so many days."""

    def change(entry: Entry) -> Draft | None:
        made = saying("extend_deadline", days=days)(entry)
        if made is not None:
            extended = made.facts["deadlines"]["extended"]
            made.facts["deadlines"] = {"extended": {key: [due, days] for key, (due, _) in extended.items()}}
        return made

    return change


def other_header(entry: Entry) -> Draft | None:
    """The header says unsafe, the body safe."""
    return draft(entry, facts={**entry.facts, "safe": False}) if _is(entry, "assess_rights_impact", {}) else None


def appeals_until(until: str | None) -> Change:
    """The time to appeal that an approval of return gives ends at another moment, or there is none."""

    def change(entry: Entry) -> Draft | None:
        if not _is(entry, "approve_return", {}):
            return None
        facts = {name: value for name, value in entry.facts.items() if name != "appeal_window_ends"}
        return draft(entry, facts=facts | ({"appeal_window_ends": until} if until else {}))

    return change


def wishes_to_stay(entry: Entry) -> Draft | None:
    """The child said stay, and the record takes it for no objection."""
    made = saying("hear_child", wish="stay")(entry)
    if made is not None:
        made.facts["objects"] = False
    return made


def extends(key: str) -> Change:
    """The deadline extended is another one."""

    def change(entry: Entry) -> Draft | None:
        made = saying("extend_deadline", deadline=key)(entry)
        if made is not None:
            (changed,) = made.facts["deadlines"]["extended"].values()
            made.facts["deadlines"] = {"extended": {key: changed}}
        return made

    return change


def first_guarantee(entry: Entry) -> Draft | None:
    """The guarantee that stood when the panel decided never was."""
    first = number(_guaranteed_twice(), "guarantee_care")
    return without("guarantee_care")(entry) if entry.n == first else None


def by(role: str, id: str = "somebody", state: str = "MD") -> Fields:
    return {"actor": {"id": id, "role": role, "state": state}}


def _with_family() -> list[Entry]:
    course = Course(situation="with_family", placement=FAMILY)
    return course.does("screen_protection", violence=True).does("place_child").entries


def _aged() -> list[Entry]:
    return Course().represented().does("assess_age", result="adult").entries


def _noted_after_closing() -> list[Entry]:
    entries = Course().represented().does("close_case").entries
    last = entries[-1]
    note = Course().does("note").entries[-1]
    return [*entries, seal(draft(note), n=last.n + 1, at=last.at, prev=last.hash, seed=SEED)]


def _only_guaranteed() -> list[Entry]:
    course = Course().represented().does("open_tracing").does("report_tracing", result="not_found", relatives=[])
    return course.does("guarantee_care").ready_for_panel().determine().consented().prepared().approve().entries


@cache
def _guaranteed_twice() -> list[Entry]:
    course = Course().represented().does("open_tracing").does("report_tracing", result="not_found", relatives=[])
    course.does("guarantee_care").ready_for_panel().determine().consented().prepared()
    return course.does("guarantee_care").approve().entries


def _noted_before_departure() -> list[Entry]:
    return Course().travel_approved().does("note").wait(days=2).does("depart").entries


def _of_a_younger_child() -> list[Entry]:
    return Course(born="2017-05-04").determined().does("give_consent").prepared().approve().entries


def unchanged(entry: Entry) -> None:
    """Nothing is changed."""


SUSPENDED: Final = {"act": "suspend", "reason": "a crisis", "ground": "crisis", **by("central_authority")}
CLAIMED: Final = {"act": "lodge_asylum_claim", **by("child")}
APPEALED: Final = {"act": "appeal", "against": "best_interests", "grounds": "wants to stay", **by("child")}
REOPENED: Final = {"act": "reopen_best_interests", "reason": "new facts", "new_facts": "x", **by("court")}
WITHDRAWN: Final = {"act": "withdraw_consent", **by("guardian", "guardian-1")}
POLICE: Final = {"kind": "police_station", "run_by": "police"}

FORGERIES: Final[dict[str, tuple[SafeguardName, Callable[[], list[Entry]], Change, str, str]]] = {
    "placed in a police station": (
        *("no-detention", lambda: Course().does("place_child").entries, saying("place_child", placement=POLICE)),
        *("place_child", "the placement is detention"),
    ),
    "placed where the door is locked": (
        *(
            "no-detention",
            lambda: Course().does("place_child").entries,
            saying("place_child", placement={"locked": True}),
        ),
        *("place_child", "the placement is detention"),
    ),
    "a plan that sleeps in a police station": (
        *("no-detention", returned, saying("plan_travel", handover={"placement": POLICE})),
        *("approve_travel", "a place of the journey is detention"),
    ),
    "approved while detained": (
        "no-detention",
        returned,
        instead(
            "confirm_services",
            {"act": "report_detention", "placement": STATION, "since": "2026-02-02T09:00:00Z", **by("monitor")},
        ),
        *("approve_return", "the child was in detention"),
    ),
    "no guardian": (
        *("guardian-first", returned, without("appoint_guardian")),
        *("open_tracing", "no guardian was in office"),
    ),
    "a guardian not independent": (
        *("guardian-independence", returned, saying("appoint_guardian", independent=False)),
        *("appoint_guardian", "not declared independent"),
    ),
    "a guardian from the border service": (
        *("guardian-independence", returned, saying("appoint_guardian", guardian={"employer": "border"})),
        *("appoint_guardian", "employed by enforcement"),
    ),
    "a guardian who opened the case": (
        *("guardian-independence", returned, saying("appoint_guardian", guardian={"id": "authority-1"})),
        *("appoint_guardian", "opened the case"),
    ),
    "counsel who costs": (
        *("counsel-free", returned, saying("appoint_counsel", free_of_charge=False)),
        *("appoint_counsel", "not free of charge"),
    ),
    "counsel who is the guardian": (
        *("counsel-free", returned, saying("appoint_counsel", counsel={"id": "guardian-1"})),
        *("appoint_counsel", "counsel is the guardian"),
    ),
    "no counsel": (
        *("counsel-first", returned, without("appoint_counsel")),
        *("determine_best_interests", "no counsel was in office"),
    ),
    "one method": (
        *("benefit-of-doubt", _aged, saying("assess_age", methods=["an X-ray", "AN X-RAY "])),
        *("assess_age", "one method alone"),
    ),
    "an age without the guardian": (
        *("benefit-of-doubt", _aged, saying("assess_age", guardian_present=False)),
        *("assess_age", "the guardian was not present"),
    ),
    "not heard": (
        *("child-heard", returned, without("hear_child")),
        *("determine_best_interests", "had not been heard"),
    ),
    "heard in another round": (
        "child-heard",
        returned,
        instead("adopt_reintegration_plan", REOPENED),
        *("approve_return", "had not been heard in this round"),
    ),
    "heard and not informed": (
        *("child-heard", returned, saying("hear_child", informed=False)),
        *("determine_best_interests", "the child was not informed"),
    ),
    "heard in no language of the child": (
        *("child-heard", returned, saying("hear_child", language="ro", interpreter=False)),
        *("approve_return", "no language of the child was spoken"),
    ),
    "heard without a guardian in office": (
        *("child-heard", returned, without("appoint_guardian")),
        *("determine_best_interests", "no guardian was in office"),
    ),
    "traced without a screening": (
        *("no-contact-with-origin", returned, without("screen_protection")),
        *("open_tracing", "not known whether the child needs protection"),
    ),
    "no family assessed": (
        *("safe-family", returned, without("assess_family")),
        *("determine_best_interests", "no relative was assessed"),
    ),
    "a family not safe": (
        *("safe-family", returned, saying("assess_family", safe=False)),
        *("approve_return", "no relative was assessed"),
    ),
    "a guarantee that the panel did not know": (
        *("care-guaranteed", _guaranteed_twice, first_guarantee),
        *("approve_return", "no authority guaranteed care"),
    ),
    "no guarantee": (
        *("care-guaranteed", _only_guaranteed, without("guarantee_care")),
        *("approve_return", "no authority guaranteed care"),
    ),
    "no determination": (
        *("bid-before-return", returned, without("determine_best_interests")),
        *("approve_return", "no determination of this round"),
    ),
    "another solution": (
        *("bid-before-return", returned, saying("determine_best_interests", solution="stay")),
        *("plan_travel", "the panel had found “stay”"),
    ),
    "a new round kept quiet": (
        *("bid-before-return", returned, instead("adopt_reintegration_plan", REOPENED)),
        *("approve_return", "a new round had begun"),
    ),
    "a panel of two": (
        *("bid-panel", returned, saying("determine_best_interests", panel=PANEL[:2])),
        *("determine_best_interests", "fewer than three"),
    ),
    "police on the panel": (
        "bid-panel",
        returned,
        saying("determine_best_interests", panel=[*PANEL[:2], {**PANEL[2], "employer": "police"}]),
        *("determine_best_interests", "enforcement"),
    ),
    "no stay considered": (
        *(
            "options-considered",
            returned,
            saying("determine_best_interests", options_considered=["return", "postpone"]),
        ),
        *("determine_best_interests", "a stay was not considered"),
    ),
    "a claim for asylum kept quiet": (
        *("non-refoulement", returned, instead("confirm_services", CLAIMED)),
        *("determine_best_interests", "a claim for asylum was open"),
    ),
    "an appeal kept quiet": (
        *("appeal-suspends", returned, instead("adopt_reintegration_plan", APPEALED, against="best_interests")),
        *("approve_return", "was pending"),
    ),
    "no time to appeal": (
        *("appeal-suspends", returned, no_window),
        *("approve_travel", "no time to appeal had run"),
    ),
    "no time to appeal the approvals": (
        *("appeal-suspends", returned, appeals_until(None)),
        *("approve_travel", "no time to appeal had run"),
    ),
    "a time to appeal that was not over": (
        *("appeal-suspends", returned, appeals_until("2026-12-31T00:00:00Z")),
        *("approve_travel", "an appeal could still be lodged"),
    ),
    "no consent of the guardian": (
        *("consent", returned, without("give_consent", actor_role="guardian")),
        *("approve_return", "the guardian in office had not consented"),
    ),
    "no consent of the child": (
        *("consent", returned, without("give_consent", actor_role="child")),
        *("depart", "the child was old enough to be asked"),
    ),
    "an objection kept quiet": (
        *(
            "consent",
            returned,
            instead("certify_fit_to_travel", {"act": "withdraw_consent", **by("child", "the-child")}),
        ),
        *("approve_travel", "the child objected"),
    ),
    "a wish to stay kept quiet": (
        *("consent", _of_a_younger_child, wishes_to_stay),
        *("approve_return", "the child objected"),
    ),
    "consent not informed": (
        *("consent", returned, saying("give_consent", informed=False)),
        *("give_consent", "was not informed"),
    ),
    "traced against the child's word": (
        *("consent", returned, saying("open_tracing", child_agrees=False)),
        *("open_tracing", "the child did not agree"),
    ),
    "no plan adopted": (
        *("reintegration-plan", returned, without("adopt_reintegration_plan")),
        *("approve_return", "no reintegration plan was adopted"),
    ),
    "a plan not funded": (
        *("reintegration-plan", returned, saying("adopt_reintegration_plan", funded=False)),
        *("adopt_reintegration_plan", "the plan was not funded"),
    ),
    "no rights impact": (
        *("rights-impact", returned, without("assess_rights_impact")),
        *("approve_return", "had not been assessed"),
    ),
    "found unsafe": (
        *("rights-impact", returned, saying("assess_rights_impact", safe=False)),
        *("approve_return", "return had been found unsafe"),
    ),
    "one state only": (
        *("approval-of-both-states", returned, without("approve_return", actor_state="UA")),
        *("plan_travel", "the central authority of UA had not approved"),
    ),
    "an approval for the other state": (
        *("approval-of-both-states", returned, for_the_other_state),
        *("plan_travel", "is no approval by the central authority of UA"),
    ),
    "the opener approves": (
        *("four-eyes", returned, saying("approve_return", actor={"id": "authority-1"})),
        *("approve_return", "who opened the case approved"),
    ),
    "one person for both states": (
        *("four-eyes", returned, saying("approve_return", actor={"id": "authority-7"})),
        *("approve_return", "the same person had approved already"),
    ),
    "the assessor on the panel": (
        *("four-eyes", returned, saying("submit_assessment", actor={"id": "panel-2"})),
        *("determine_best_interests", "wrote the assessment"),
    ),
    "the planner approves": (
        *("four-eyes", returned, saying("plan_travel", actor={"id": "protection-1"})),
        *("approve_travel", "who made the plan approved it"),
    ),
    "the suspender resumes": (
        "four-eyes",
        lambda: Course().does("suspend").does("resume").entries,
        saying("suspend", actor={"id": "protection-1"}),
        *("resume", "who suspended resumed"),
    ),
    "an old head read": (
        *("stale-dossier", returned, with_the_first_head),
        *("approve_return", "the approver read entry 1"),
    ),
    "a head of another record": (
        *("stale-dossier", returned, saying("approve_travel", dossier="f" * 64)),
        *("approve_travel", "no state of this record"),
    ),
    "no certificate": (
        *("fit-to-travel", returned, without("certify_fit_to_travel")),
        *("depart", "no health worker had certified"),
    ),
    "a certificate that ends too early": (
        *("fit-to-travel", returned, saying("certify_fit_to_travel", valid_until="2026-02-03")),
        *("approve_travel", "was not valid on"),
    ),
    "no approval of the journey": (
        *("travel-approved", returned, without("approve_travel")),
        *("depart", "no approval of the travel plan"),
    ),
    "an approval that a withdrawal undid": (
        *("travel-approved", _noted_before_departure, instead("note", WITHDRAWN)),
        *("depart", "was void from entry"),
    ),
    "an escort from the police": (
        *("escort-from-child-protection", returned, saying("plan_travel", escort={"employer": "police"})),
        *("plan_travel", "the escort is employed by police"),
    ),
    "a hand-over at the border": (
        *("handover-into-care", returned, saying("plan_travel", handover={"placement": {"kind": "border_facility"}})),
        *("depart", "no place of care"),
    ),
    "a hand-over to a stranger": (
        *("handover-into-care", returned, saying("plan_travel", handover={"relative_id": "r9"})),
        *("plan_travel", "the relative of the hand-over was not assessed"),
    ),
    "parted without danger": (
        *("family-unity", _with_family, saying("screen_protection", violence=False)),
        *("place_child", "no danger was on record"),
    ),
    "a visit left out": (
        *("monitoring-complete", returned, visit(3, without("record_visit"))),
        *("close_case", "these visits were not recorded: 3"),
    ),
    "a last visit that was not safe": (
        *("monitoring-complete", returned, visit(6, saying("record_visit", safe=False))),
        *("close_case", "did not find the child safe"),
    ),
    "a hold kept quiet": (
        *("held", returned, instead("confirm_services", SUSPENDED, ground="crisis")),
        *("approve_return", "these holds stood: crisis"),
    ),
    "a hearing by the police": (
        *("not-your-act", returned, by_another("submit_assessment", role="law_enforcement")),
        *("submit_assessment", "the law enforcement does not do it"),
    ),
    "another escort": (
        *("not-your-act", returned, saying("depart", actor={"id": "escort-9"})),
        *("depart", "this escort is not the one of this case"),
    ),
    "an approval by another state": (
        *("not-your-act", returned, by_another("approve_travel", state="RO")),
        *("approve_travel", "of RO does not do it"),
    ),
    "a visit before the arrival": (
        *("out-of-order", returned, without("arrive")),
        *("record_visit", "the child had not arrived"),
    ),
    "determined without an assessment": (
        *("out-of-order", returned, without("submit_assessment")),
        *("determine_best_interests", "no assessment of this round"),
    ),
    "an outcome that never came about": (
        *(
            "out-of-order",
            lambda: Course().represented().does("close_case").entries,
            saying("close_case", outcome="stays"),
        ),
        *("close_case", "the outcome named had not come about"),
    ),
    "a note after the closing": (
        *("closed-case", _noted_after_closing, unchanged),
        *("note", "the case was closed"),
    ),
    "extended for too long": (
        "extension-limit",
        lambda: Course().does("extend_deadline").entries,
        extended_by(30),
        *("extend_deadline", "by more than 14 days"),
    ),
    "extended when it had passed": (
        "extension-limit",
        lambda: Course().wait(days=4).does("extend_deadline").entries,
        extends("guardian"),
        *("extend_deadline", "the deadline “guardian” had passed"),
    ),
    "a release extended": (
        "extension-limit",
        lambda: Course().does("report_detention").does("extend_deadline").entries,
        extends("release"),
        *("extend_deadline", "the deadline “release” is never extended"),
    ),
    "a header of another result": (
        *("well-formed", returned, other_header),
        *("assess_rights_impact", "its header tells of another result than its body"),
    ),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_record_is_found_out(forgery: str) -> None:
    """Its chain is right, and the act that stands without its evidence is named with what is missing."""
    name, course, change, act, missing = FORGERIES[forgery]
    entries = forged(course(), change)
    told = [broken for broken in safeguard_matrix(entries).row(name).broken_by if entries[broken.entry - 1].act == act]
    assert any(missing in broken.why for broken in told), safeguard_matrix(entries).row(name).broken_by
    assert safeguard_matrix(entries).row(name).status == "broken"


@pytest.mark.parametrize("forgery", FORGERIES)
def test_the_same_record_was_good_before_it_was_forged(forgery: str) -> None:
    """Only the forgery is found, not the course that it was made of."""
    name, course, change, _, _ = FORGERIES[forgery]
    if change is unchanged:
        return
    assert name not in found(safeguard_matrix(forged(course(), unchanged)))


def test_every_safeguard_can_be_found_broken() -> None:
    """There is a forgery for each; evidence that has grown old is forged by the clock."""
    assert {name for name, *_ in FORGERIES.values()} | {"stale-evidence"} == set(SAFEGUARD_NAMES)


@pytest.mark.parametrize("act", ["approve_return", "approve_travel", "depart"])
def test_evidence_that_has_grown_old_is_found_out(act: str) -> None:
    """Everything from that act on happened a year later, and the old evidence is named with its shelf life."""
    entries = forged(returned(), unchanged, later={act: timedelta(days=400)})
    row = safeguard_matrix(entries).row("stale-evidence")
    stale = next(broken.why for broken in row.broken_by if entries[broken.entry - 1].act == act)
    for what in ("the determination", "the guardian's consent", "the child's consent", "the rights-impact assessment"):
        assert f"{what} (entry " in stale
    assert f"the family assessment (entry {number(entries, 'assess_family')}) was older than 180 days" in stale


MUST_BE_ASKED: Final[dict[str, tuple[SafeguardName, ...]]] = {
    "open_tracing": ("guardian-first", "consent", "no-contact-with-origin"),
    "determine_best_interests": (
        *("guardian-first", "counsel-first", "child-heard", "bid-panel", "options-considered", "four-eyes"),
        *("safe-family", "non-refoulement"),
    ),
    "give_consent": ("bid-before-return", "guardian-first", "consent"),
    "adopt_reintegration_plan": ("bid-before-return", "reintegration-plan"),
    "approve_return": (
        *("bid-before-return", "guardian-first", "child-heard", "consent", "stale-evidence", "safe-family"),
        *("care-guaranteed", "reintegration-plan", "rights-impact", "non-refoulement", "appeal-suspends"),
        *("no-detention", "four-eyes", "stale-dossier", "held"),
    ),
    "plan_travel": (
        *("bid-before-return", "approval-of-both-states", "no-detention", "escort-from-child-protection"),
        *("handover-into-care", "held"),
    ),
    "approve_travel": (
        *("bid-before-return", "approval-of-both-states", "no-detention", "escort-from-child-protection"),
        *("handover-into-care", "consent", "stale-evidence", "appeal-suspends", "fit-to-travel", "four-eyes"),
        *("stale-dossier", "held"),
    ),
    "depart": ("travel-approved", "fit-to-travel", "consent", "stale-evidence", "held"),
    "close_case": ("monitoring-complete", "held"),
    "appoint_guardian": ("guardian-independence",),
    "appoint_counsel": ("counsel-free",),
}
"""Part 2 of the procedure once more, for the acts of an ordinary return."""


@pytest.mark.parametrize(("act", "name"), [(act, name) for act, names in MUST_BE_ASKED.items() for name in names])
def test_an_act_that_was_not_asked_what_it_must_be_is_found_out(act: str, name: SafeguardName) -> None:
    """Also where everything it would have asked for stands on record."""

    def change(entry: Entry) -> Draft | None:
        if not _is(entry, act, {}):
            return None
        return draft(entry, safeguards=tuple(each for each in entry.safeguards if each != name))

    entries = forged(returned(), change)
    whole, by_headers = safeguard_matrix(entries), safeguard_matrix(map(withheld, entries))
    expected = [f"“{act.replace('_', ' ')}” was accepted and this was not asked of it."]
    for matrix in (whole, by_headers):
        assert found(matrix).keys() == {name}
        assert set(found(matrix)[name]) == set(expected)


def test_what_an_act_is_not_about_is_not_missed() -> None:
    """A stay is not asked for a safe family, a refused consent for nothing, an age of a child for no doubt."""
    course = Course().represented().does("assess_age").ready_for_panel()
    course.determine("stay").does("reopen_best_interests").ready_for_panel()
    course.does("open_tracing").does("report_tracing").does("assess_family").determine()
    course.does("give_consent", given=False)
    assert found(safeguard_matrix(course.entries)) == {}


def test_a_gate_that_is_missing_from_the_law_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The matrix does not ask the gates: a version that asks nothing of an approval shows."""
    course = Course().represented()
    monkeypatch.setitem(gates.GATES, "approve_return", ())
    course.does("approve_return")
    broken = found(safeguard_matrix(course.entries))
    assert set(MUST_BE_ASKED["approve_return"]) == broken.keys()
    assert broken["bid-before-return"] == [
        "“approve return” was accepted and this was not asked of it, although no determination of this round was in force."
    ]
    assert broken["guardian-first"] == ["“approve return” was accepted and this was not asked of it."]


def _voids_nothing(*_: object) -> set[int]:
    return set()


def test_a_law_that_forgets_what_voids_what_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A consent withdrawn that voids no approval: the plan made on it is named."""
    course = Course().approved()
    approval = number(course.entries, "approve_return")
    monkeypatch.setattr(effects, "_voids", _voids_nothing)
    course.does("withdraw_consent")
    withdrawn = course.number_of("withdraw_consent")
    course.wait(days=15).does("plan_travel")
    (why,) = found(safeguard_matrix(course.entries))["approval-of-both-states"]
    assert f"the approval of entry {approval} was void from entry {withdrawn} on" in why


def test_a_law_that_forgets_what_a_detention_taints_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Consents and approvals from before a detention are named, with the entry that told of it."""
    course = Course().approved()
    entries = course.entries
    consents = [number(entries, "give_consent", role=role) for role in ("guardian", "child")]
    approvals = [number(entries, "approve_return", state=state) for state in ("MD", "UA")]
    monkeypatch.setattr(effects, "_voids", _voids_nothing)
    course.does("report_detention")
    (told,) = (entry.n for entry in course.entries if entry.kind == "detention")
    course.does("confirm_release").wait(days=15).does("plan_travel").does("certify_fit_to_travel").does(
        "approve_travel"
    )
    broken = found(safeguard_matrix(course.entries))
    assert broken["consent"] == [
        "“approve travel” was accepted although "
        f"the guardian's consent (entry {consents[0]}) was void from entry {told} on; "
        f"the child's consent (entry {consents[1]}) was void from entry {told} on."
    ]
    for why in broken["approval-of-both-states"]:
        for approval in approvals:
            assert f"the approval of entry {approval} was void from entry {told} on" in why
    assert len(broken["approval-of-both-states"]) == 2


@pytest.mark.parametrize("seed", range(20))
def test_detention_is_what_the_contract_says(seed: int) -> None:
    """The matrix's own reading of a placement and the law's agree on any place."""
    die = Random(seed)
    for _ in range(100):
        placement: Fields = {
            "name": "Invented Place",
            "kind": die.choice(get_args(PlacementKind)),
            "run_by": die.choice(get_args(RunBy)),
            "child_may_leave_at_will": die.choice([True, True, True, False, None]),
        }
        for seen in ("locked", "guarded", "sanction_for_leaving", "phone_and_visits", "monitor_may_enter"):
            if die.random() < 0.2:
                placement[seen] = die.random() < 0.5
        assert closed(placement) == is_detention(placement), placement
    assert not closed(None)


def test_a_detention_that_nothing_answers_is_found_out() -> None:
    """A report of a police station that is followed by no entry of its own kind."""
    entries = Course().does("report_found").entries
    made = forged(entries, saying("report_found", placement=STATION))
    made.append(
        seal(draft(Course().does("note").entries[-1]), n=len(made) + 1, at=made[-1].at, prev=made[-1].hash, seed=SEED)
    )
    why = "The place that was reported is detention, and nothing answered the report."
    assert found(safeguard_matrix(made)) == {"no-detention": [why]}


# Records that cannot be read whole


def withheld(entry: Entry) -> Entry:
    """The entry as a reader gets it who may not see its body."""
    return entry._replace(salt="", body={})


def test_a_record_with_a_gap_is_judged_by_its_headers() -> None:
    """The same safeguards were kept and refused; no evidence is named, and the matrix says that it is partial."""
    entries = [entry for entry in returned() if entry.act != "confirm_services"]
    whole, partial = safeguard_matrix(returned()), safeguard_matrix(entries)
    assert partial.partial and not whole.partial
    assert [row.status for row in partial.rows] == [row.status for row in whole.rows]
    assert [row.refused_by for row in partial.rows] == [row.refused_by for row in whole.rows]
    assert all(kept.evidence == () for row in partial.rows for kept in row.kept_by)


def test_bodies_withheld_are_judged_by_their_headers() -> None:
    """One body that is not shown is enough: no case can be folded without it."""
    entries = [withheld(entry) if entry.act == "hear_child" else entry for entry in returned()]
    matrix = safeguard_matrix(entries)
    assert matrix.partial and matrix.as_json()["partial"]
    assert shown(matrix, "child-heard", number(entries, "approve_return")) == ()


def test_a_refusal_that_is_withheld_hides_nothing() -> None:
    """What the case is does not hang on it."""
    entries = [withheld(entry) if entry.kind in ("refused", "stage") else entry for entry in returned()]
    assert safeguard_matrix(entries) == safeguard_matrix(returned())


def test_headers_alone_tell_of_detentions_and_of_roles() -> None:
    """A detention, its release, and an act by a role that never does it."""
    course = Course().does("report_detention").wait(hours=3).does("confirm_release")
    matrix = safeguard_matrix(map(withheld, forged(course.entries, by_another("confirm_release", role="escort"))))
    (broken,) = matrix.row("no-detention").broken_by
    assert broken.why.startswith("The child was reported in detention; released after 3 hours")
    (broken,) = matrix.row("not-your-act").broken_by
    assert broken.why == "“confirm release” was accepted although the escort does not do it."


@pytest.mark.parametrize("field", ["wish", "informed", "actor"])
def test_an_entry_that_is_no_act_ends_the_reading(field: str) -> None:
    """It is named; what stands after it is judged by headers, and nothing fails."""

    def change(entry: Entry) -> Draft | None:
        if not _is(entry, "hear_child", {}):
            return None
        act = {name: value for name, value in entry.body["act"].items() if name != field}
        return draft(entry, body={"act": act})

    entries = forged(returned(), change)
    matrix = safeguard_matrix(entries)
    hearing = number(entries, "hear_child")
    assert matrix.partial
    assert matrix.row("well-formed").broken_by == (Broken(hearing, "Nothing can be made of what this entry holds."),)
    assert shown(matrix, "guardian-first", number(entries, "open_tracing")) != ()
    assert shown(matrix, "guardian-first", number(entries, "approve_return")) == ()


def test_no_record_at_all_is_a_matrix_too() -> None:
    """Nothing was asked."""
    assert {row.status for row in safeguard_matrix([]).rows} == {"not_asked"}


# Size


def test_a_very_long_case_keeps_a_small_matrix() -> None:
    """Of thousands of acts a row names the first and the newest, and counts them all."""
    course = Course().represented()
    for _ in range(1_500):
        course.does("confirm_services").does("place_child").refused("approve_return")
    entries = course.entries
    matrix = safeguard_matrix(entries)
    assert len(entries) > 4_500
    assert len(json.dumps(matrix.as_json())) < 40_000
    row = matrix.row("family-unity")
    placed = [entry.n for entry in entries if entry.act == "place_child"]
    assert row.kept == len(placed) == 1_500
    assert [kept.entry for kept in row.kept_by] == [*placed[:20], *placed[-20:]]
    assert row.kept_by[0] == Kept(placed[0], "place_child", (1,))
    assert matrix.row("bid-before-return").refused == 1_500
    assert len(matrix.row("bid-before-return").refused_by) == 40
    assert len(matrix.row("well-formed").kept_by) == 6


def test_nothing_personal_is_in_a_matrix() -> None:
    """No id of a person, no name of a place, no word of a text: of the whole course and of every forgery."""
    for name, course, change, _, _ in [*FORGERIES.values(), ("held", returned, unchanged, "", "")]:
        said = json.dumps(safeguard_matrix(forged(course(), change)).as_json()["safeguards"])
        assert not re.search(
            r"Invented|(guardian|counsel|panel|authority|escort|caseworker)-\d|\br1\b|in confidence", said
        ), name
    assert FOSTER["name"].startswith("Invented")
