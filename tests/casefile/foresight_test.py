"""What-if: the law answers every act, the figures are arithmetic, and what is stated is what is met."""

import gc
from datetime import timedelta
from functools import cache
from itertools import pairwise
from typing import Any

import pytest

from casefile.delays import EVENTS, INVENTED, SLIPS, Delay, Delays, MalformedDelays, read_delays
from casefile.foresight import Awaited, Foresight, InventedCase, Office, days_of, foresee
from casefile.invented import Die, states_of
from casefile.statistics import OUTCOMES
from procedure.acts import parse_act
from procedure.agreement import Agreement, Period
from procedure.entries import Entry, chain_faults, read_moment
from procedure.intake import parse_intake
from procedure.proceedings import Proceedings
from tests.procedure.courses import SEED, model, shipped

ONE_DAY = Delay(median_days=1, nine_in_ten_days=1)
AT_ONCE = Delay(median_days=0, nine_in_ten_days=0)
NEVER = Delay(median_days=1, nine_in_ten_days=1, never=1.0)


@cache
def invented() -> Delays:
    """The assumptions that come along."""
    return read_delays(INVENTED.read_text("utf-8"))


def with_terms(**changes: Any) -> Agreement:
    """The model with some of its deadlines changed."""
    return model().model_copy(update={"deadlines": {**model().deadlines, **changes}})


def assumed(**changes: Any) -> Delays:
    """The invented assumptions with some of them changed; of tables the fields that are named."""
    known = invented()
    merged: dict[str, Any] = {}
    for name, change in changes.items():
        before = getattr(known, name)
        merged[name] = before.model_copy(update=change) if name in _TABLES else change
    return known.model_copy(update=merged)


_TABLES = ("findings", "panel", "children", "escalation")


def plain(**changes: Any) -> Delays:
    """Everybody answers after a day, and nothing out of the way happens."""
    none = dict.fromkeys(type(invented().findings).model_fields, 0.0)
    findings = {**none, "child_agrees_to_tracing": 1.0, "family_found": 1.0, "family_good": 1.0}
    children = {"birth_unknown": 0.0, "emergency_placement": 0.0, "detained": 0.0}
    ages = invented().children.age.model_copy(update={"youngest": 9.0, "usual": 9.0, "oldest": 9.0})
    alone = invented().children.situation.model_copy(update={"separated": 0.0, "with_family": 0.0})
    back = invented().panel.family_safe.model_copy(update={"back": 1_000_000.0, "stay": 0.0, "postpone": 0.0})
    return assumed(
        **{
            "otherwise": ONE_DAY,
            "offices": {},
            # A journey is over within hours.
            "acts": {"depart": AT_ONCE, "arrive": AT_ONCE},
            "events": {},
            "slips": {},
            "findings": {**findings, **changes.pop("findings", {})},
            "children": {**children, "age": ages, "situation": alone},
            "panel": {"family_safe": back},
            **changes,
        }
    )


def seen(agreement: Agreement, delays: Delays, *, cases: int = 40, days: int = 365, seed: int = 1) -> Foresight:
    return foresee(agreement, delays, cases=cases, days=days, seed=seed)


def median_of(found: Foresight, stage: str) -> float:
    return found.days_in_stages()[stage].median


# The law


@pytest.mark.parametrize("agreement", sorted(shipped()))
def test_the_law_of_real_cases_answers_every_act(agreement: str) -> None:
    """What was said in invented cases, said to proceedings that keep a record, gets the same entries."""
    terms = shipped()[agreement]
    acts = 0
    for number in range(8):
        case = InventedCase(number, terms, invented(), states=states_of(terms), days=500, seed=3)
        case.conduct()
        entries = list(case.ledger)
        acts += sum(entry.act is not None for entry in entries)
        assert [_said(entry) for entry in _again(entries, terms, case)] == [_said(entry) for entry in entries]
    assert acts > 80


def _again(entries: list[Entry], terms: Agreement, case: InventedCase) -> list[Entry]:
    """The same words to a case with a record of its own."""
    first = entries[0]
    proceedings = Proceedings.open_case(
        parse_intake(first.body["intake"], today=first.at.date()),
        terms,
        reference=first.facts["reference"],
        at=first.at,
        seed=SEED,
    )
    for entry in entries[1:]:
        proceedings.let_time_pass(entry.at)
        if entry.kind not in ("accepted", "refused"):
            continue
        said = dict(entry.body["act"])
        if "dossier" in said:
            # The head of a record that nobody keeps is its number.
            said["dossier"] = proceedings.ledger(int(said["dossier"], 16))[0]["hash"]
        proceedings.hear(parse_act({**said, "act_id": f"again-{entry.n}"}), entry.at)
    proceedings.let_time_pass(case.at)
    assert chain_faults(proceedings.entries) == []
    return proceedings.entries


def _said(entry: Entry) -> tuple[Any, ...]:
    return entry.n, entry.at, entry.kind, entry.act, entry.actor_role, entry.actor_state, entry.safeguards, entry.facts


def test_a_record_that_nobody_keeps_is_never_taken_for_one() -> None:
    """Its entries have no salt, and each of them is found by whoever checks a chain."""
    case = InventedCase(0, model(), invented(), states=("MD", "UA"), days=30, seed=1)
    case.conduct()
    entries = list(case.ledger)
    assert {entry.salt for entry in entries} == {""}
    told = " ".join(chain_faults(entries))
    assert all(f"entry {entry.n} is not what its hash says" in told for entry in entries)


def test_moments_never_run_backwards() -> None:
    """Each entry is as late as the one before it, or later, and none is later than the time looked at."""
    for number in range(15):
        case = InventedCase(number, model(), invented(), states=("MD", "UA"), days=200, seed=5)
        case.conduct()
        assert all(one.at <= next.at for one, next in pairwise(case.ledger))
        assert all(entry.at <= case.until for entry in case.ledger)


# The arithmetic


def test_the_same_arguments_give_the_same_figures_and_another_seed_gives_others() -> None:
    """No clock, no chance: a foresight can be repeated by whoever doubts it."""
    once, again, other = (seen(model(), invented(), seed=seed).as_json() for seed in (1, 1, 2))
    assert once == again
    assert once != other


def test_a_case_does_not_hang_on_how_many_there_are() -> None:
    """The seventh case of ten is the seventh of a thousand."""
    ten = [InventedCase(n, model(), invented(), states=("MD", "UA"), days=90, seed=1).conduct() for n in range(3)]
    few = foresee(model(), invented(), cases=3, days=90, seed=1)
    assert few.statistics.stage_days == _stage_days(ten)


def _stage_days(cases: list[Any]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for case in cases:
        for stage, days in case.figures.stage_days.items():
            found.setdefault(stage, []).append(days)
    return found


def test_a_return_in_which_everybody_takes_a_day_is_reckoned_by_hand() -> None:
    """A day to identify, none for guardian and counsel, three to trace: open, report, assess; the journey as stated."""
    found = seen(model(), plain(), cases=5, days=500)
    assert {stage: round(median_of(found, stage), 1) for stage in ("identification", "family_tracing")} == {
        "identification": 1.0,
        "family_tracing": 3.0,
    }
    assert found.refusals() == 0
    assert found.arrived == 5
    assert found.statistics.endings == {"returned": 5}
    ended = found.days_to_an_ending()["returned"]
    assert ended is not None
    # The last visit is made within its last week; before it are some weeks until the arrival.
    assert 365 < ended.median < 420
    assert found.first_missed.total() == 0 and found.none_missed == 5


def test_days_that_overlap_count_once_for_an_office() -> None:
    """The guardianship authority owes a guardian and a counsel, each for a day from the opening: that is one day."""
    found = seen(model(), plain(), cases=3, days=30)
    assert found.waits[Office("guardianship_authority", "host")] == [1.0, 1.0, 1.0]


def test_spreads_are_reckoned_by_hand() -> None:
    """Of 0 to 100: a quarter within 25, half within 50, nine in ten within 90. Of one, itself. Of none, nothing."""
    spread = days_of([float(each) for each in range(101)])
    assert spread is not None
    assert (spread.count, spread.lower, spread.median, spread.nine_in_ten, spread.longest) == (101, 25, 50, 90, 100)
    alone = days_of([7.0])
    assert alone is not None
    assert (alone.lower, alone.median, alone.nine_in_ten, alone.longest) == (7.0, 7.0, 7.0, 7.0)
    assert days_of([]) is None


def test_a_delay_is_met_as_it_is_stated() -> None:
    """Half within the median, nine in ten within what is stated of nine in ten, and the stated share never."""
    delay = Delay(median_days=5, nine_in_ten_days=20, never=0.25)
    days = [delay.days(Die(1, n).draw("days"), Die(1, n).draw("never")) for n in range(4_000)]
    came = sorted(each for each in days if each is not None)
    assert len(came) / len(days) == pytest.approx(0.75, abs=0.03)
    assert sum(each <= 5 for each in came) / len(came) == pytest.approx(0.5, abs=0.03)
    assert sum(each <= 20 for each in came) / len(came) == pytest.approx(0.9, abs=0.02)


def test_ages_and_choices_fall_as_they_are_stated() -> None:
    """Within the triangle of ages; and what weighs nothing never comes."""
    ages = invented().children.age
    fallen = [Die(1, n).age(ages) for n in range(500)]
    assert min(fallen) >= ages.youngest and max(fallen) <= ages.oldest
    assert sum(age > ages.usual for age in fallen) / 500 == pytest.approx((17.9 - 15) / (17.9 - 3), abs=0.06)
    chosen = [Die(1, n).one_of({"a": 0.0, "b": 1.0, "c": 3.0}, "x") for n in range(500)]
    assert "a" not in chosen
    assert chosen.count("c") / 500 == pytest.approx(0.75, abs=0.06)


def test_invented_cases_leave_nothing_behind_for_a_collector() -> None:
    """Or a foresight of many cases, for which it is switched off, would fill the memory. It is on again afterwards."""
    seen(model(), invented(), cases=2)
    gc.collect()
    gc.disable()
    try:
        seen(model(), invented(), cases=20)
        assert gc.collect() == 0
        assert not gc.isenabled()
    finally:
        gc.enable()
    seen(model(), invented(), cases=2)
    assert gc.isenabled()


# What if


def test_a_slower_office_is_where_cases_wait() -> None:
    """Tracing that takes 35 days instead of one: 34 days more in that stage and for that office."""
    # Two days later a panel may go on without it.
    five_weeks = Delay(median_days=35, nine_in_ten_days=35)
    quick = seen(model(), plain(), cases=5)
    slow = seen(model(), plain(acts={"report_tracing": five_weeks}, escalation={"heeded": 0.0}), cases=5)
    office = Office("tracing_service", "origin")
    assert slow.mean_days_waited(office) - quick.mean_days_waited(office) == pytest.approx(34)
    assert median_of(slow, "family_tracing") > median_of(quick, "family_tracing") + 25
    assert next(iter(slow.first_missed)).deadline == "tracing"


def test_an_office_that_never_answers_decides_nothing() -> None:
    """Tracing is never answered and nobody goes on without: cases stand there, open, and it is told why."""
    silent = assumed(
        acts={"report_tracing": NEVER},
        escalation={"heeded": 0.0},
        panel={"goes_on_without_tracing": 0.0},
        events={},
        findings={"assessed_adult": 0.0},
        children={"age": invented().children.age.model_copy(update={"usual": 9.0, "oldest": 10.0})},
    )
    found = seen(model(), silent)
    assert found.arrived == 0
    assert found.statistics.solutions["return"] == 0 or found.open_in["family_tracing"] < found.cases
    waiting = found.awaited[Awaited("report_tracing", "tracing_service", "origin")]
    assert waiting == found.open_in["family_tracing"] - found.awaited.get(
        Awaited("open_tracing", "caseworker", "host"), 0
    )
    assert waiting > found.cases / 2


def test_a_panel_that_goes_on_without_tracing_ends_cases_by_a_stay() -> None:
    """The thirteenth sample case: nobody answers, everyone is told, the panel finds a stay."""
    silent = plain(acts={"report_tracing": NEVER}, escalation={"heeded": 0.0})
    goes_on = silent.model_copy(update={"panel": silent.panel.model_copy(update={"goes_on_without_tracing": 1.0})})
    found = seen(model(), goes_on, cases=5)
    assert set(found.statistics.solutions) <= {"stay", "postpone"}
    assert found.statistics.endings["stays"] >= 4


def test_of_two_agreements_the_one_with_the_shorter_deadline_sees_it_missed_more() -> None:
    """The same cases under both; only what the agreement says differs."""
    tight = with_terms(guardian=Period(hours=12))
    loose, strict = seen(model(), invented()), seen(tight, invented())
    office = Office("guardianship_authority", "host")
    assert strict.missed[office] > loose.missed[office]
    assert strict.owed[office] == pytest.approx(loose.owed[office], abs=5)


def test_who_does_not_answer_by_itself_answers_when_others_are_told() -> None:
    """The stated share `never` is of answers that come unasked; telling others may still bring them."""
    deaf = seen(model(), plain(acts={"report_tracing": NEVER}, escalation={"heeded": 0.0}), cases=5)
    heard = seen(model(), plain(acts={"report_tracing": NEVER}, escalation={"heeded": 1.0}), cases=5)
    assert deaf.arrived == 0
    assert heard.arrived == 5


def journeys(case: InventedCase) -> tuple[list[Entry], list[timedelta]]:
    """The plans that were accepted, and how long after the day of its plan each departure was."""
    acts = [entry for entry in case.ledger if entry.kind == "accepted"]
    plans = [entry for entry in acts if entry.act == "plan_travel"]
    late: list[timedelta] = []
    for departed in (entry for entry in acts if entry.act == "depart"):
        (*_, plan) = (entry for entry in plans if entry.n < departed.n)
        late.append(departed.at - read_moment(plan.body["act"]["legs"][0]["departs"]))
    return plans, late


def test_a_journey_whose_day_went_by_is_planned_anew() -> None:
    """Who approves late does not make the escort late."""
    three_weeks = Delay(median_days=21, nine_in_ten_days=21)
    late = plain(acts={"approve_travel": three_weeks, "depart": AT_ONCE, "arrive": AT_ONCE}, escalation={"heeded": 0.0})
    case = InventedCase(1, model(), late, states=("MD", "UA"), days=365, seed=1)
    assert case.conduct().arrived
    plans, after = journeys(case)
    assert len(plans) == 2 and len(after) == 1
    assert not [entry for entry in case.ledger if entry.kind == "overdue" and entry.facts["key"] == "arrival"]


def test_nobody_sets_out_on_a_plan_of_last_month() -> None:
    """Whatever fell away meanwhile and came again: a guardian, a consent, an evidence, a certificate, a suspension."""
    events = {"guardian_replaced": 0.97, "suspension": 0.9, "consent_withdrawn": 0.5}
    delays = assumed(events=events, acts={**invented().acts, "depart": AT_ONCE, "arrive": AT_ONCE})
    again, departures = 0, 0
    for number in range(150, 260):
        case = InventedCase(number, model(), delays, states=("MD", "UA"), days=600, seed=1)
        case.conduct()
        plans, after = journeys(case)
        assert all(timedelta() <= late < timedelta(days=1) for late in after), number
        departures += len(after)
        again += len(plans) > 1
    assert departures > 5 < again


def test_nobody_plans_anew_while_something_else_is_missing() -> None:
    """A health worker who never certifies holds the journey, and no planner is charged with it."""
    never = plain(acts={"certify_fit_to_travel": NEVER, "depart": AT_ONCE}, escalation={"heeded": 0.0})
    case = InventedCase(1, model(), never, states=("MD", "UA"), days=500, seed=1)
    found = case.conduct()
    plans, _ = journeys(case)
    assert len(plans) == 1
    assert found.waits[Office("health_worker", "host")] > 300
    assert found.waits[Office("caseworker", "host")] < 20


def test_an_escalation_that_is_heeded_brings_answers_sooner() -> None:
    """The same delays: where telling others helps, the office is waited for less."""
    deaf = seen(model(), assumed(escalation={"heeded": 0.0}))
    heard = seen(model(), assumed(escalation={"heeded": 1.0}))
    office = Office("tracing_service", "origin")
    assert heard.mean_days_waited(office) < deaf.mean_days_waited(office)


@pytest.mark.parametrize("act", SLIPS)
def test_a_slip_is_refused_on_record_or_does_not_count(act: str) -> None:
    """Each way to get an act wrong meets a safeguard; a hearing that goes wrong is kept and held again."""
    careful = _careful()
    careless = seen(model(), plain(slips={act: 0.7}, children=_in_a_shelter()), cases=4, days=500)
    assert careful.refusals() == 0
    assert careless.acts > careful.acts
    assert (careless.refusals() > 0) == (act != "hear_child")
    assert careless.statistics.endings == careful.statistics.endings


@cache
def _careful() -> Foresight:
    return seen(model(), plain(children=_in_a_shelter()), cases=4, days=500)


def _in_a_shelter() -> dict[str, Any]:
    known = plain().children
    return {**{name: getattr(known, name) for name in type(known).model_fields}, "emergency_placement": 1.0}


@pytest.mark.parametrize("event", EVENTS)
def test_each_event_comes_about(event: str) -> None:
    """Made certain, it is on record; without it, it is not."""
    act = _ACT_OF[event]

    def told(events: dict[str, float]) -> int:
        delays, count = plain(events=events, otherwise=Delay(median_days=3, nine_in_ten_days=3)), 0
        for number in range(4):
            case = InventedCase(number, model(), delays, states=("MD", "UA"), days=300, seed=1)
            case.conduct()
            count += any(entry.act == act and entry.kind == "accepted" for entry in case.ledger)
        return count

    assert told({event: 0.9999999}) > 0
    assert told({}) == 0 or event == "withdrawal"


_ACT_OF = {
    "asylum_claim": "lodge_asylum_claim",
    "detention": "report_detention",
    "missing": "report_missing",
    "complaint": "complain",
    "suspension": "suspend",
    "guardian_replaced": "replace_guardian",
    "consent_withdrawn": "withdraw_consent",
    "withdrawal": "close_case",
}


@pytest.mark.parametrize(
    ("outcome", "stated"),
    [
        ("returned", {}),
        ("stays", {"findings": {"wishes_to_stay": 1.0}, "panel": {"child_wishes_to_stay": "stay"}}),
        ("third_country", {"findings": {"wishes_to_stay": 1.0}, "panel": {"child_wishes_to_stay": "third_country"}}),
        ("adult", {"findings": {"assessed_adult": 1.0}, "children": {"birth_unknown": 1.0}}),
        ("transferred_to_adult_services", {"children": {"age": "17"}, "acts": {"determine_best_interests": NEVER}}),
        ("withdrawn", {"events": {"withdrawal": 0.9999999}, "acts": {"determine_best_interests": NEVER}}),
    ],
)
def test_each_ending_is_reached_where_what_is_stated_leads_to_it(outcome: str, stated: dict[str, Any]) -> None:
    """And by the act that closes a case with a true outcome, refused by nothing."""
    delays = _leading(stated)
    found = seen(model(), delays, cases=4, days=600)
    assert found.statistics.endings[outcome] >= 3, found.statistics.endings
    assert found.refusals() == 0


def _leading(stated: dict[str, Any]) -> Delays:
    """What is stated, laid over everything plain."""
    delays = plain(**{name: each for name, each in stated.items() if name in ("findings", "events", "acts")})
    children, panel = dict(stated.get("children", {})), dict(stated.get("panel", {}))
    if children.pop("age", None):
        ages = delays.children.age.model_copy(update={"youngest": 17.8, "usual": 17.8, "oldest": 17.8})
        children["age"] = ages
    if (solution := panel.pop("child_wishes_to_stay", None)) is not None:
        nothing = {"back": 0.0, "stay": 0.0, "third_country": 0.0, "postpone": 0.0}
        only = delays.panel.no_family.model_copy(update={**nothing, solution: 1.0})
        panel["child_wishes_to_stay"] = only
    return delays.model_copy(
        update={
            "children": delays.children.model_copy(update=children),
            "panel": delays.panel.model_copy(update=panel),
        }
    )


def test_every_ending_has_its_place() -> None:
    """Return is one ending among equals, also where no case ended so."""
    told = seen(model(), invented(), cases=3, days=10).as_json()
    assert list(told["endings"]) == list(told["days_to_an_ending"]) == list(OUTCOMES)
    assert set(told["days_to_an_ending"].values()) == {None}


def test_no_child_is_named_in_the_figures() -> None:
    """Not even an invented one."""
    assert "Invented Town" not in str(seen(model(), invented(), cases=5).as_json())
    assert "Sample" not in str(seen(model(), invented(), cases=5).as_json())


# What is stated


FAULTS = {
    "not TOML": ("title =", "$"),
    "no title": (("title = ", "tittle = "), "title"),
    "a share above one": (("heeded = 0.5", "heeded = 1.5"), "escalation.heeded"),
    "nine in ten before half": (("bid_panel = { median_days = 20", "bid_panel = { median_days = 99"),
                                "offices.bid_panel"),
    "an unknown office": (("court =", "tribunal ="), "offices.tribunal"),
    "an unknown side": (('"caseworker@origin" =', '"caseworker@elsewhere" ='), "offices.caseworker@elsewhere"),
    "an unknown act": (("confirm_release =", "confirm_relase ="), "acts.confirm_relase"),
    "an unknown event": (("complaint = 0.1", "comet = 0.1"), "events.comet"),
    "an unknown slip": (("close_case = 0.03", "close_cases = 0.03"), "slips.close_cases"),
    "a side where none is": (("close_case = 0.03", '"close_case@host" = 0.03'), "slips.close_case@host"),
    "ages out of order": (("youngest = 3", "youngest = 16"), "children.age"),
    "nobody comes": (
        ("unaccompanied = 70, separated = 25, with_family = 5", "unaccompanied = 0, separated = 0, with_family = 0"),
        "children.situation",
    ),
    "nothing but return": (
        ("no_family = { return = 20, stay = 60, third_country = 8, postpone = 12 }",
         "no_family = { return = 20, stay = 0, third_country = 0, postpone = 0 }"),
        "panel.no_family",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_a_file_of_delays_is_told_by_its_field(name: str) -> None:
    """Where it is, in the file's own words."""
    change, path = FAULTS[name]
    text = INVENTED.read_text("utf-8")
    if isinstance(change, str):
        text = change
    else:
        assert change[0] in text
        text = text.replace(*change)
    with pytest.raises(MalformedDelays) as malformed:
        read_delays(text)
    assert path in {fault["path"] for fault in malformed.value.faults}


def test_the_file_that_comes_along_says_that_it_is_invented_and_names_everything() -> None:
    """Whoever copies it finds each event and each slip in it."""
    text = INVENTED.read_text("utf-8")
    assert "EVERY NUMBER HERE IS OURS AND INVENTED" in text
    assert set(invented().events) == set(EVENTS)
    assert set(invented().slips) == set(SLIPS)


def test_an_act_stands_before_its_office_and_a_side_before_both() -> None:
    """Which delay counts."""
    two, three, four = (Delay(median_days=n, nine_in_ten_days=n) for n in (2, 3, 4))
    stated = plain(offices={"caseworker": two, "caseworker@origin": three}, acts={"assess_family@origin": four})
    assert stated.of("open_tracing", "caseworker", "host") == two
    assert stated.of("record_visit", "caseworker", "origin") == three
    assert stated.of("assess_family", "caseworker", "origin") == four
    assert stated.of("appoint_guardian", "guardianship_authority", "host") == ONE_DAY
