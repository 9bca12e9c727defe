"""The floor under every agreement: the first profile below each rule is refused, its nearest neighbour is read."""

from datetime import date
from typing import Any

import pytest
from courses import shipped

from procedure.agreement import DEADLINES, Agreement, BelowTheFloor, MalformedAgreement, ShelfLives
from procedure.floor import FLOOR, read_profile

HEAD = 'id = "invented"\ntitle = "Invented"\nversion = "7"\nside = "both"\nin_force_from = 2026-01-01\n'
CARE = '["family", "kinship", "foster_family", "group_home", "child_shelter"]'


def read(said: str, base: Agreement | None = None, *, states: str = '"any"') -> Agreement:
    """A profile that says this and is completed by the model."""
    return read_profile(f"{HEAD}states = {states}\n{said}", base or shipped()["model"])


BELOW: dict[str, tuple[str, list[str], str | None]] = {
    # what a profile says; each clause that breaks a rule, with what it says; and its neighbour that breaks none
    "detention": (
        "[placement]\ndetention = true",
        ["placement.detention: A child may be kept where it may not leave at will."],
        "[placement]\ndetention = false",
    ),
    "closed kinds": (
        '[placement]\nkinds = ["family", "police_station", "border_facility", "closed_school", "penitentiary"]',
        ["placement.kinds: Children are put into: police station, border facility, closed school, penitentiary."],
        f"[placement]\nkinds = {CARE}",
    ),
    "enforcement": (
        '[placement]\nrun_by = ["ngo", "police", "border", "immigration", "penitentiary", "military", "private_security"]',
        [
            "placement.run_by: Places for children are run by: "
            "police, border, immigration, penitentiary, military, private security."
        ],
        '[placement]\nrun_by = ["ngo", "health", "education"]',
    ),
    "escort": (
        '[escort]\nemployers = ["ngo", "police", "private_security"]',
        ["escort.employers: Children are escorted by: police, private security."],
        '[escort]\nemployers = ["child_protection", "social_service", "ngo", "health"]',
    ),
    "no escort": ("[escort]\nemployers = []", ["escort.employers: Nobody may escort a child."], None),
    "handed over to": (
        '[handover]\nrecipients = ["family", "police", "border"]',
        ["handover.recipients: Children are handed over to: police, border."],
        '[handover]\nrecipients = ["family", "child_protection"]',
    ),
    "handed over at": (
        '[handover]\nkinds = ["family", "transit_centre", "reception_centre", "temporary_stay_centre", "vehicle", "hotel", "penitentiary"]',
        [
            "handover.kinds: Children are handed over at: "
            "transit centre, reception centre, temporary stay centre, vehicle, hotel, penitentiary."
        ],
        f"[handover]\nkinds = {CARE}",
    ),
    "one approval": (
        '[approvals]\nrequired = ["central_authority@host"]',
        ["approvals.required: No approval is asked of: central authority@origin."],
        '[approvals]\nrequired = ["central_authority@host", "central_authority@origin"]',
    ),
    "no approval": (
        "[approvals]\nrequired = []",
        ["approvals.required: No approval is asked of: central authority@host, central authority@origin."],
        None,
    ),
    "one for both": (
        '[approvals]\nrequired = ["central_authority@host", "central_authority@origin"]\none_for_both = true',
        ["approvals.one_for_both: One approval stands for both states."],
        None,
    ),
    "twice the same": (
        '[approvals]\nrequired = ["central_authority@host", "central_authority@origin", "court@host", "court@host"]',
        ["approvals.required: The same approval is named twice."],
        '[approvals]\nrequired = ["central_authority@host", "central_authority@origin", "court@host", "court@origin"]',
    ),
    "a stranger": (
        '[approvals]\nrequired = ["central_authority@host", "central_authority@origin", "escort@host", "law_enforcement@host"]',
        ["approvals.required: Approval is asked of somebody who has no part in it: escort@host, law enforcement@host."],
        '[approvals]\nrequired = ["central_authority@host", "central_authority@origin", '
        '"child_protection_authority@origin", "guardianship_authority@host"]',
    ),
    **{
        name: (f"[{name}]\nrequired = false", [f"{name}.required: {says}"], f"[{name}]\nrequired = true")
        for name, says in {
            "guardian": "No guardian is asked for.",
            "counsel": "No legal assistance is asked for.",
            "hearing": "The child is not heard.",
            "panel": "No best-interests determination is asked for.",
            "consent": "A child is returned without consent.",
            "care": "A child is returned without knowing into whose care.",
            "stay": "The child can only be returned.",
            "non_refoulement": "A child may be returned into danger.",
        }.items()
    },
    "no appeal": (
        "[appeal]\npossible = false",
        ["appeal.possible: Decisions cannot be appealed."],
        "[appeal]\npossible = true",
    ),
    "an appeal that suspends nothing": (
        "[appeal]\nsuspends = false",
        ["appeal.suspends: An appeal does not suspend the return."],
        "[appeal]\nsuspends = true",
    ),
    "time to appeal": (
        "[deadlines]\nappeal_window = { hours = 167 }",
        ["deadlines.appeal_window: The time to appeal is shorter."],
        "[deadlines]\nappeal_window = { hours = 168 }",
    ),
    "days to appeal": (
        "[deadlines]\nappeal_window = { days = 6 }",
        ["deadlines.appeal_window: The time to appeal is shorter."],
        "[deadlines]\nappeal_window = { working_days = 7 }",
    ),
    "two visits": (
        "[visits]\nafter_days = [30, 180]",
        ["visits.after_days: There are 2 monitoring visits."],
        "[visits]\nafter_days = [30, 90, 180]",
    ),
    "no visits": (
        "[visits]\nafter_days = []",
        [
            "visits.after_days: There are 0 monitoring visits.",
            "visits.after_days: Monitoring ends 0 days after arrival.",
        ],
        None,
    ),
    "the last visit": (
        "[visits]\nafter_days = [30, 90, 179]",
        ["visits.after_days: Monitoring ends 179 days after arrival."],
        None,
    ),
    "visits out of order": (
        "[visits]\nafter_days = [30, 30, 200]",
        ["visits.after_days: The visits do not follow one another."],
        "[visits]\nafter_days = [30, 31, 200]",
    ),
    "a visit before arrival": (
        "[visits]\nafter_days = [0, 30, 200]",
        ["visits.after_days: The visits do not follow one another."],
        "[visits]\nafter_days = [1, 30, 200]",
    ),
    "the first visit": (
        "[visits]\nafter_days = [181, 182, 200]",
        ["visits.after_days: Nobody looks after the child for the first 181 days."],
        "[visits]\nafter_days = [180, 182, 200]",
    ),
    "age of consent": (
        "consent_age = 13",
        ["consent_age: A child is asked only from 13 on."],
        "consent_age = 12",
    ),
    "no age": ("consent_age = -1", ["consent_age: The age is below zero."], "consent_age = 0"),
    "release": (
        "[deadlines]\nrelease = { hours = 25 }",
        ["deadlines.release: A detained child may wait longer for release."],
        "[deadlines]\nrelease = { days = 1 }",
    ),
    "release by working days": (
        "[deadlines]\nrelease = { working_days = 1 }",
        ["deadlines.release: A detained child may wait longer for release."],
        "[deadlines]\nrelease = { hours = 24 }",
    ),
    "emergency placement": (
        "[deadlines]\nemergency_placement = { days = 31 }",
        ["deadlines.emergency_placement: An emergency placement may last longer."],
        "[deadlines]\nemergency_placement = { days = 30 }",
    ),
    "emergency placement by working days": (
        "[deadlines]\nemergency_placement = { working_days = 11 }",
        ["deadlines.emergency_placement: An emergency placement may last longer."],
        "[deadlines]\nemergency_placement = { working_days = 10 }",
    ),
    "missing": (
        "[deadlines]\nmissing = { hours = 25 }",
        ["deadlines.missing: A missing child may be looked for later."],
        "[deadlines]\nmissing = { hours = 24 }",
    ),
    "silence": (
        '[silence]\noutcome = "approve"',
        ["silence.outcome: When nobody answers: approve."],
        '[silence]\noutcome = "escalate"',
    ),
    "silence of some": (
        '[silence]\noutcome = "escalate"\n[silence.deadlines]\nconsent = "decline"\ntracing = "escalate"',
        ["silence.deadlines.consent: When nobody answers: decline."],
        '[silence]\noutcome = "escalate"\n[silence.deadlines]\nconsent = "escalate"',
    ),
    "no time": (
        "[deadlines]\nhearing = { hours = 0 }",
        ["deadlines.hearing: There is no time to meet it."],
        "[deadlines]\nhearing = { hours = 1 }",
    ),
    "no days": (
        "[deadlines]\ntracing = { working_days = 0 }",
        ["deadlines.tracing: There is no time to meet it."],
        "[deadlines]\ntracing = { working_days = 1 }",
    ),
    "more than a year": (
        "[deadlines]\ntracing = { days = 366 }",
        ["deadlines.tracing: It runs for more than a year."],
        "[deadlines]\ntracing = { days = 365 }",
    ),
    "more than a year of work": (
        "[deadlines]\nsettlement = { working_days = 366 }",
        ["deadlines.settlement: It runs for more than a year."],
        "[deadlines]\nsettlement = { working_days = 365 }",
    ),
    "three levels": (
        "[escalation]\nafter_days = [2, 5, 9]",
        ["escalation.after_days: There are 3 levels of escalation."],
        "[escalation]\nafter_days = [2, 5]",
    ),
    "levels out of order": (
        "[escalation]\nafter_days = [5, 2]",
        ["escalation.after_days: Somebody is told after 5, then after 2 days."],
        "[escalation]\nafter_days = [5, 5]",
    ),
    "told before": (
        "[escalation]\nafter_days = [-1, 2]",
        ["escalation.after_days: Somebody is told after -1, then after 2 days."],
        "[escalation]\nafter_days = [0, 2]",
    ),
    "told late": (
        "[escalation]\nafter_days = [2, 31]",
        ["escalation.after_days: Somebody is told after 2, then after 31 days."],
        "[escalation]\nafter_days = [2, 30]",
    ),
    "extension": (
        "extension_limit_days = 61",
        ["extension_limit_days: A deadline may be extended by 61 days."],
        "extension_limit_days = 60",
    ),
    "extension below nothing": (
        "extension_limit_days = -1",
        ["extension_limit_days: A deadline may be extended by -1 days."],
        "extension_limit_days = 0",
    ),
    "shelf life": (
        "[shelf_lives]\nconsent = 366",
        ["shelf_lives.consent: Evidence may be relied on for 366 days."],
        "[shelf_lives]\nconsent = 365",
    ),
    "no shelf life": (
        "[shelf_lives]\nrights_impact = 0",
        ["shelf_lives.rights_impact: Evidence may be relied on for 0 days."],
        "[shelf_lives]\nrights_impact = 1",
    ),
    "kept": (
        "[retention]\nyears = 4\nuntil_age = 20",
        [
            "retention.years: The record of a case is kept for 4 years after its newest entry.",
            "retention.until_age: The record of a case is kept until the child would be 20.",
        ],
        "[retention]\nyears = 5\nuntil_age = 21",
    ),
    "many at once": (
        "consent_age = 14\n[hearing]\nrequired = false\n[deadlines]\nmissing = { days = 2 }",
        [
            "hearing.required: The child is not heard.",
            "consent_age: A child is asked only from 14 on.",
            "deadlines.missing: A missing child may be looked for later.",
        ],
        None,
    ),
}


@pytest.mark.parametrize("said", BELOW)
def test_a_profile_below_the_floor_is_refused_by_each_clause_and_its_neighbour_is_read(said: str) -> None:
    """Every clause that breaks a rule is told in a sentence, with what the floor demands; one step on nothing is."""
    below, sentences, neighbour = BELOW[said]
    with pytest.raises(BelowTheFloor) as refused:
        read(below)
    told = refused.value.breaches
    assert [f"{breach.clause}: {breach.says}" for breach in told] == sentences
    assert {(breach.floor, breach.source) for breach in told} <= {(rule.demand, rule.source) for rule in FLOOR}
    assert refused.value.id == "invented"
    assert str(refused.value) == f"agreement invented is below the floor: {'; '.join(b.sentence() for b in told)}"
    if neighbour is not None:
        assert read(neighbour).id == "invented"


def test_every_rule_of_the_floor_refuses_something() -> None:
    """No rule is there that nothing breaks."""
    broken: set[str] = set()
    for below, _, _ in BELOW.values():
        with pytest.raises(BelowTheFloor) as refused:
            read(below)
        broken |= {breach.floor for breach in refused.value.breaches}
    assert broken == {rule.demand for rule in FLOOR}


def test_a_breach_says_how_sure_it_is_that_the_agreement_says_so() -> None:
    """The mark of a clause stands in its sentence; without one nothing does."""
    with pytest.raises(BelowTheFloor) as refused:
        read(
            '[hearing]\nrequired = false\n[stay]\nrequired = false\n[marks."hearing.required"]\n'
            'certainty = "remembered"\nsource = "an invented meeting"'
        )
    heard, stays = refused.value.breaches
    assert (heard.certainty, heard.cited, stays.certainty, stays.cited) == (
        "remembered",
        "an invented meeting",
        None,
        None,
    )
    assert heard.sentence() == (
        "hearing.required: The child is not heard. [remembered: an invented meeting] The floor: The child is heard "
        "before every decision. (CRC art. 12; CMW/GC3-CRC/GC22 paras 34-39)"
    )
    assert stays.sentence() == (
        "stay.required: The child can only be returned. The floor: Staying is always one of the solutions. "
        "(CMW/GC3-CRC/GC22 para 32(j); OSCE recommendation 2)"
    )


# Shape


def faults(said: str, base: Agreement | None, *, states: str = '"any"') -> dict[str, str]:
    with pytest.raises(MalformedAgreement) as malformed:
        read_profile(f"{HEAD}states = {states}\n{said}", base)
    return {fault["path"]: fault["message"] for fault in malformed.value.faults}


@pytest.mark.parametrize(
    ("said", "states", "fault"),
    [
        (
            "[deadlines]\nsupper = { days = 1 }",
            '"any"',
            {"deadlines.supper": f"no such deadline; there are: {', '.join(DEADLINES)}"},
        ),
        ("[shelf_lives]\nbread = 1", '"any"', {"shelf_lives.bread": "no such evidence"}),
        ("in_force_until = 2025-12-31", '"any"', {"in_force_until": "lies before in_force_from"}),
        (
            "",
            '["MD", "UA", "RO"]',
            {"states": "names at most two states; an agreement is between two"},
        ),
        ("a = [", '"any"', {"$": "is not TOML: Invalid value (at end of document)"}),
        ("supper = 1", '"any"', {"supper": "no such field here; remove it or check its spelling"}),
        (
            "[deadlines]\nhearing = { days = 1, hours = 1 }",
            '"any"',
            {"deadlines.hearing": "give exactly one of `days`, `working_days`, `hours`"},
        ),
        ("[escalation]\nafter_days = [1]", '"any"', {"escalate_after.1": "this field is needed"}),
    ],
)
def test_what_is_no_profile_is_told_by_field(said: str, states: str, fault: dict[str, str]) -> None:
    """Each fault with its path and what to do."""
    assert faults(said, shipped()["model"], states=states) == fault


def test_an_end_on_the_first_day_is_one() -> None:
    """In force for one day."""
    agreed = read("in_force_until = 2026-01-01")
    assert agreed.in_force(date(2026, 1, 1))
    assert not agreed.in_force(date(2025, 12, 31))
    assert not agreed.in_force(date(2026, 1, 2))


def test_a_profile_without_a_base_must_say_everything() -> None:
    """All that is missing is told at once."""
    needed = "this is needed: the profile has no base to complete it"
    assert faults("", None) == {
        **{f"deadlines.{name}": "this deadline is needed" for name in DEADLINES},
        **{f"shelf_lives.{name}": "this is needed" for name in ShelfLives.model_fields},
        **dict.fromkeys(("consent_age", "extension_limit_days", "escalation", "visits", "approvals", "escort"), needed),
    }
    some = faults("consent_age = 12\n[deadlines]\nhearing = { days = 1 }\n[shelf_lives]\nconsent = 3", None)
    assert not {"consent_age", "deadlines.hearing", "shelf_lives.consent"} & some.keys()


# What is read


def test_what_a_profile_says_counts_and_the_rest_is_its_bases() -> None:
    """Clause by clause, also within tables."""
    model = shipped()["model"].terms()
    said = read(
        """
        in_force_until = 2030-01-01
        languages = ["ky"]
        consent_age = 11
        extension_limit_days = 3
        calendars = { UA = "PL" }
        deadlines.hearing = { hours = 5 }
        shelf_lives.consent = 9
        retention.years = 12
        escalation.after_days = [1, 3]
        visits.after_days = [10, 100, 200]
        approvals.required = ["central_authority@host", "central_authority@origin", "court@host"]
        escort.employers = ["ngo"]
        """,
        states='["KG", "UA"]',
    ).terms()
    expected: dict[str, Any] = {
        **model,
        "id": "invented",
        "title": "Invented",
        "version": "7",
        "states": ["KG", "UA"],
        "side": "both",
        "in_force_from": "2026-01-01",
        "in_force_until": "2030-01-01",
        "languages": ["ky"],
        "consent_age": 11,
        "extension_limit": 3,
        "calendars": {**model["calendars"], "UA": "PL"},
        "deadlines": {**model["deadlines"], "hearing": {"days": None, "working_days": None, "hours": 5}},
        "shelf_lives": {**model["shelf_lives"], "consent": 9},
        "retention": {**model["retention"], "years": 12},
        "escalate_after": [1, 3],
        "visits": [10, 100, 200],
        "approvals": ["central_authority@host", "central_authority@origin", "court@host"],
        "escort_employers": ["ngo"],
    }
    assert said == expected


@pytest.mark.parametrize(
    ("states", "covered"),
    [
        ('"any"', {("MD", "UA"), ("UA", "MD"), ("RO", "KG")}),
        ('["MD"]', {("MD", "UA"), ("UA", "MD")}),
        ('["MD", "UA"]', {("MD", "UA"), ("UA", "MD")}),
    ],
)
def test_an_agreement_covers_the_states_that_it_names(states: str, covered: set[tuple[str, str]]) -> None:
    """Two in either order, one with any other, or any two."""
    agreed = read("", states=states)
    pairs = {("MD", "UA"), ("UA", "MD"), ("RO", "KG")}
    assert {pair for pair in pairs if agreed.covers(*pair)} == covered


def test_terms_come_back_as_they_were_written() -> None:
    """Their digest stands in records, so nothing may be added to them."""
    for agreed in shipped().values():
        assert Agreement.from_terms(agreed.terms()) == agreed
        assert Agreement.from_terms(agreed.terms()).digest() == agreed.digest()
    before = {name: value for name, value in shipped()["model"].terms().items() if name != "retention"}
    assert Agreement.from_terms(before).terms() == before
