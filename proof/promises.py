"""What never bends, asked of every step by its own reading of the record (CONTRIBUTING.md, "What never bends").

Each promise is a predicate over the record before a step, the step, and what it put on record. None of them asks a
safeguard: a promise that took the safeguard's word for it could not tell when one is missing.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from procedure.acts import DECISIONS, REPORTS
from procedure.case import Case
from procedure.deadlines import changes
from procedure.entries import Entry
from procedure.folding import after
from proof.by_time import MAY_CHANGE_BY_TIME
from proof.clocks import NEVER_EXTENDED, deadline_of
from proof.places import CARE_PLACES, ENFORCEMENT, PERMITTED_ESCORTS, Said, any_closed, closed
from proof.reckoning import Reckoning, lasting
from proof.record import Reading

LIBERTY: Final = "No path leads to detention"
SILENCE: Final = "Silence never decides"
REFUSAL: Final = "A refusal is an entry"
CARE: Final = "Care is never held up"
REPORT: Final = "A report is never refused for what it reports"
ENDINGS: Final = "Return is one ending among equals"
PAST: Final = "The past is not recomputed"
PROMISES: Final = (LIBERTY, SILENCE, REFUSAL, CARE, REPORT, ENDINGS, PAST)
"""The seven things that never bend, in the order of CONTRIBUTING.md."""
DEMAND: Final = "What the procedure asks of an act"
"""What is not one of the seven by itself, and what the seven rest on: the demands of procedure.md, parts 2 and 3."""
CONCLUDES: Final = "What the record concludes is what the procedure says"
"""Likewise: what an entry voids, whether a hearing counts, and when rounds, times to appeal and deadlines begin."""

Breach = tuple[str, str]
"""A promise, and in what a step broke it."""

MOVES_THE_RETURN: Final = ("approve_return", "plan_travel", "approve_travel", "depart")
ALARMS: Final = ("report_detention", "report_missing", "report_found", "complain", "note", "lodge_asylum_claim")
"""Reports that have a meaning in every open case, whatever has happened in it."""

_BY_TIME: Final = ("overdue", "escalated", "hold", "hold_lifted", "turned_18", "stage")
_OF_THE_RECORD: Final = frozenset({"n", "head", "refused", "recorded_at"})


def of_time(before: Case, then: Case, made: Sequence[Entry]) -> Iterator[Breach]:
    """What the passing of time must not do."""
    was, now = before.__dict__, then.__dict__
    for fact, before_it in was.items():
        if before_it is not now[fact] and fact not in MAY_CHANGE_BY_TIME and before_it != now[fact]:
            yield (LIBERTY if fact in ("placement", "detained") else SILENCE), f"the passing of time changed: {fact}"
    for entry in made:
        if entry.kind not in _BY_TIME:
            yield SILENCE, f"the passing of time put on record: {entry.kind}"


def of_silence(told: Reckoning, at: datetime) -> Iterator[Breach]:
    """What the passing of time up to ``at`` must have put on record, and did not. ``told`` is what came of it."""
    for what in told.untold(at):
        yield SILENCE, what


def of_conclusions(told: Reckoning, then: Case) -> Iterator[Breach]:
    """Where a step concludes something else than the procedure. ``told`` is reckoned up to its newest entry."""
    for what in told.differs:
        yield CONCLUDES, what
    for key, clock in told.clocks.items():
        name, known = deadline_of(key), then.running.get(key)
        promise = LIBERTY if name == "release" else CONCLUDES
        if known is None:
            yield promise, f"the record says that the deadline {name} does not run, and the procedure says that it does"
        elif known.due != clock.due:
            apart = lasting(abs(known.due - clock.due))
            when = "later" if known.due > clock.due else "earlier"
            yield promise, f"the record says that {name} is due {apart} {when} than the procedure says"
    for key in then.running.keys() - told.clocks.keys():
        yield (
            CONCLUDES,
            f"the record says that the deadline {deadline_of(key)} runs, and the procedure says that none does",
        )
    for what in told.stands_otherwise(bool(then.holds)):
        yield CONCLUDES, what


def of_the_record(before: Case, then: Case, made: Sequence[Entry]) -> Iterator[Breach]:
    """Entries only follow: each comes after the one before it, and together they fold into the case as it now is."""
    folded = before
    for entry in made:
        if entry.n != folded.n + 1 or entry.prev != folded.head:
            yield PAST, f"entry {entry.n} does not follow the newest one"
        folded = after(folded, entry)
    if folded != then:
        yield PAST, "the new entries fold into another case"


def of_a_refusal(act: Any, before: Case, then: Case, made: Sequence[Entry], at: datetime) -> Iterator[Breach]:
    """What a refused act must leave, and must not touch."""
    entry, name = made[0], act.act
    refused = entry.body.get("refusals", [])
    if not refused:
        yield REFUSAL, "an act was refused without a reason on record"
    for each in refused:
        if not all(each[part].strip() for part in ("message", "source", "instead")):
            yield REFUSAL, f"{each['safeguard']} refuses without a reason, a source, or what may be done instead"
    names = {each["safeguard"] for each in refused}
    told = any(each.kind == "detention" for each in made)
    now, idle = then.__dict__, set(_OF_THE_RECORD)
    if changes(before, before.holds, at):
        # A deadline whose ground fell away by time alone is dropped by the next entry, whatever that says.
        idle |= {"deadlines", "running"}
    for fact, was in before.__dict__.items():
        # A report out of order that tells of a detention is answered all the same.
        if was is not now[fact] and was != now[fact] and not told and fact not in idle:
            yield REFUSAL, f"a refused act changed: {fact}"
    born_ahead = getattr(act, "date_of_birth", None)
    lawful = {
        "not-your-act",
        "out-of-order",
        "closed-case",
        *(("well-formed",) if name == "correct" or born_ahead else ()),
    }
    if name in REPORTS and not names <= lawful:
        yield REPORT, f"the report {name} was refused by {', '.join(sorted(names - lawful))}"
    own = "not-your-act" not in names and not before.closed
    if name in ALARMS and own:
        yield REPORT, f"{name} was refused in an open case"
    if name in ("place_child", "appoint_guardian", "confirm_services", "hear_child") and "held" in names:
        yield CARE, f"{name} was held"
    if own and name == "place_child" and not closed(act.placement.model_dump()):
        apart = before.situation == "with_family" and act.placement.kind != "family"
        if not apart:
            yield CARE, "a placement in open care was refused"
    if own and name == "appoint_guardian" and before.guardian is None and names - {"guardian-independence"}:
        yield CARE, "a guardian was refused to a child who has none"
    if own and name == "confirm_services":
        yield CARE, "school or health care was refused"


def of_an_acceptance(
    act: Any, said: Said, before: Case, then: Case, made: Sequence[Entry], told: Reading, at: datetime
) -> Iterator[Breach]:
    """What an accepted act must not be, read from the record ``told`` before it."""
    name = act.act
    yield from _liberty(name, said, before, then, made, told, at)
    yield from _people(name, said, told)
    if told.entries[-1].kind == "closed" or any(e.kind == "closed" for e in told.entries):
        yield DEMAND, "an act was taken in a closed case"
    if name == "determine_best_interests":
        yield from _determination(said, told)
    if name in ("open_tracing", "place_child", "assess_age", "arrange_third_country", "extend_deadline", "resume"):
        yield from _other_decisions(name, said, told)
    if name in ("give_consent", "adopt_reintegration_plan", *MOVES_THE_RETURN):
        yield from _return(name, said, told, at)
    yield from _order(name, said, told, at)
    if name == "close_case":
        yield from _closing(said["outcome"], told, at)


_NEVER_CORRECTED_INTO: Final = (
    "outcome closed departed arrived stay third_country transferred travel_approval plan determination guardian counsel "
    "guardian_consent child_consent"
).split()


def of_a_correction(said: Said, before: Case, then: Case, told: Reading, at: datetime) -> Iterator[Breach]:
    """What an accepted correction must not be: it says what was, and decides nothing."""
    yield from _people("correct", said, told)
    if any(entry.kind == "closed" for entry in told.entries):
        yield DEMAND, "a closed case was corrected"
    was, now = before.__dict__, then.__dict__
    for fact in _NEVER_CORRECTED_INTO:
        if now[fact] and not was[fact]:
            yield SILENCE, f"a correction decided: {fact}"
    if not set(then.approvals) <= set(before.approvals):
        yield SILENCE, "a correction approved"
    if then.placement != before.placement and (
        said["entry"] != before.placement_n or then.placement != said["fields"].get("placement")
    ):
        yield LIBERTY, "a correction moved the child"
    if before.detained and not then.detained:
        yield LIBERTY, "a correction ended a detention that nobody has seen the end of"
    if then.placement and closed(then.placement) and not _answered(then, told, at):
        yield LIBERTY, "a closed place came to be known, and no hold or no deadline for the release stands in time"


def _answered(then: Case, told: Reading, at: datetime) -> bool:
    """Whether a detention is answered: a hold, and a release that is due within the hours of the agreement."""
    release = then.deadlines.get("release")
    if not then.detained or "detention" not in then.holds or release is None or not release.open:
        return False
    hours = told.terms.deadlines["release"].hours
    return hours is not None and release.due <= at + timedelta(hours=hours)


def _liberty(
    name: str, said: Said, before: Case, then: Case, made: Sequence[Entry], told: Reading, at: datetime
) -> Iterator[Breach]:
    if name in ("place_child", "arrange_third_country") and closed(said["placement"]):
        yield LIBERTY, f"{name} led into a closed place"
    if name == "plan_travel":
        nights = [leg["overnight"] for leg in said["legs"] if leg.get("overnight")]
        if any_closed([*nights, said["handover"]["placement"]]):
            yield LIBERTY, "a journey leads into a closed place"
    if name in DECISIONS:
        if any(entry.kind == "detention" for entry in made) or (then.detained and not before.detained):
            yield LIBERTY, f"the decision {name} detained the child"
        moved = then.placement != before.placement
        if moved and name != "place_child":
            yield LIBERTY, f"the decision {name} moved the child"
    elif name in ("report_detention", "report_found", "confirm_release", "report_incident", "arrive", "record_visit"):
        place = said.get("placement")
        if (name == "report_detention" or (place and closed(place))) and not _answered(then, told, at):
            yield LIBERTY, f"{name} told of a closed place, and no hold or no deadline for the release stands in time"
    if name in MOVES_THE_RETURN and (told.detained or told.too_long_in_emergency):
        yield LIBERTY, f"{name} passed while the child was detained or too long in an emergency placement"
    if name == "give_consent" and said["given"] and told.detained:
        yield LIBERTY, "a consent was taken from a child in detention"


def _people(name: str, said: Said, told: Reading) -> Iterator[Breach]:
    actor = said["actor"]
    role, id = actor["role"], actor["id"]
    in_office = {"guardian": told.guardian, "legal_counsel": told.counsel, "escort": told.escort}
    if role in in_office and in_office[role] != id:
        yield DEMAND, f"somebody who is not in office acted as {role}"
    if role == "law_enforcement" and name not in ("report_missing", "report_found", "report_detention"):
        yield DEMAND, f"law enforcement did {name}"
    if role in ("auditor", "system"):
        yield DEMAND, f"the {role} did {name}"
    if name in DECISIONS and actor["state"] not in (told.host, told.intake["origin_state"]):
        yield DEMAND, f"a third state decided: {name}"
    if name in ("appoint_guardian", "replace_guardian"):
        named = said["guardian"]
        ties = {told.intake["opened_by"]["id"], told.counsel, id, *told.caseworkers, *told.assessors, *told.panel}
        if not said["independent"] or named.get("employer") in ENFORCEMENT or named["id"] in ties:
            yield DEMAND, "a guardian is not independent"
    if name == "assign" and said["caseworker"]["id"] == told.guardian:
        yield DEMAND, "a guardian is not independent"
    if name == "appoint_counsel" and (not said["free_of_charge"] or said["counsel"]["id"] == told.guardian):
        yield DEMAND, "counsel is not free, or is the guardian"


def _determination(said: Said, told: Reading) -> Iterator[Breach]:
    panel, solution = said["panel"], said["solution"]
    members = {member["id"] for member in panel}
    if told.guardian is None:
        yield DEMAND, "the panel determined before a guardian was in office"
    if told.counsel is None:
        yield DEMAND, "the panel determined before counsel was in office"
    if told.heard is None:
        yield DEMAND, "the panel determined without hearing the child in this round"
    if (
        len(members) < 3
        or len({member["discipline"] for member in panel}) < 2
        or not {"child_protection", "social_service"} & {member["employer"] for member in panel}
        or any(member["employer"] in ENFORCEMENT for member in panel)
    ):
        yield DEMAND, "the panel is not one of child protection"
    considered = set(said["options_considered"])
    if len(considered) < 2 or solution not in considered or (solution == "return" and "stay" not in considered):
        yield ENDINGS, "the panel determined without weighing another solution, or a stay"
    if (members | {said["actor"]["id"]}) & (told.assessors | told.caseworkers | {told.guardian}):
        yield DEMAND, "somebody on the panel judged their own work"
    if told.in_round("submit_assessment") is None:
        yield DEMAND, "the panel determined without an assessment of this round"
    if solution not in ("stay", "postpone") and not told.traced:
        yield DEMAND, "the panel determined before tracing had an answer"
    earlier = told.in_round("determine_best_interests")
    if earlier and earlier.body["act"]["solution"] != "postpone":
        yield DEMAND, "the panel determined twice in a round"
    if solution == "return":
        if not told.relatives and told.guarantee is None:
            yield DEMAND, "the panel found return, and nobody is there to care for the child"
        yield from _refoulement("determine_best_interests", told)


def _refoulement(name: str, told: Reading) -> Iterator[Breach]:
    unsafe = told.impact is not None and not told.impact.body["act"]["safe"]
    if told.claim in ("open", "granted") or unsafe:
        yield DEMAND, f"{name} goes towards danger: a claim for asylum stands, or return was found unsafe"


def _other_decisions(name: str, said: Said, told: Reading) -> Iterator[Breach]:
    if name == "open_tracing":
        if told.guardian is None:
            yield DEMAND, "tracing was opened before a guardian was in office"
        if not said["child_agrees"]:
            yield DEMAND, "tracing was opened against the child's will"
        screened = told.last("screen_protection")
        danger = screened is None or screened.body["act"]["asylum"] or told.claim in ("open", "granted")
        if said["via"] in ("central_authority", "consulate") and danger:
            yield DEMAND, "the state of origin was told of a child who may need protection from it"
    elif name in ("place_child", "arrange_third_country"):
        screened = told.last("screen_protection")
        danger = (
            (screened is not None and screened.body["act"]["violence"])
            or any(not e.body["act"]["safe"] for e in told.done if e.act == "assess_family")
            or told.reckoned.court_found_danger
        )
        if told.intake["situation"] == "with_family" and said["placement"]["kind"] != "family" and not danger:
            yield DEMAND, "a child was parted from its family without a danger on record"
    elif name == "assess_age" and said["result"] == "adult":
        if len(set(said["methods"])) < 2 or not said["guardian_present"] or told.guardian is None:
            yield DEMAND, "somebody was called an adult on one method, or without a guardian"
    elif name == "extend_deadline":
        limit, wanted = told.terms.extension_limit, said["deadline"]
        clocks = [clock for key, clock in told.reckoned.clocks.items() if deadline_of(key) == wanted]
        used = max((clock.extended for clock in clocks), default=0)
        late = any(clock.overdue for clock in clocks)
        if wanted in NEVER_EXTENDED or used + said["days"] > limit or late:
            yield DEMAND, "a deadline was stretched that must not be"
        elif not clocks:
            yield DEMAND, "a deadline was stretched that does not run"
    elif name == "resume" and told.suspended.get(said["ground"]) == said["actor"]["id"]:
        yield DEMAND, "who suspended the case resumed it"


def _return(name: str, said: Said, told: Reading, at: datetime) -> Iterator[Breach]:
    """procedure.md, part 2, of the acts that lead to a return."""
    if name == "give_consent" and not said["given"]:
        return
    if name != "depart" and told.found_return is None:
        yield ENDINGS, f"{name} came before a determination of this round that found return"
    if name in ("give_consent", "approve_return") and told.guardian is None:
        yield DEMAND, f"{name} came before a guardian was in office"
    if name == "give_consent" and not (said["informed"] and (said["interpreter"] or said["language"] == "uk")):
        yield DEMAND, "a consent was taken that was not informed or not understood"
    if name == "adopt_reintegration_plan" and not said["funded"]:
        yield DEMAND, "a plan was adopted that nobody pays for"
    if name not in MOVES_THE_RETURN:
        return
    for hold in told.holds():
        yield DEMAND, f"{name} passed although {hold}"
    if name != "plan_travel":
        yield from _agreed_and_fresh(name, told, at)
        yield from _refoulement(name, told)
        if told.impact is None or not told.impact.body["act"]["safe"]:
            yield DEMAND, f"{name} passed without an assessment that return is safe for the child's rights"
    if name in ("approve_return", "approve_travel"):
        read = next((e.n for e in told.entries if e.hash == said["dossier"]), 0)
        if read < told.last_material:
            yield DEMAND, f"{name} rests on a record that has moved on since it was read"
    if name == "approve_return":
        if told.heard is None:
            yield DEMAND, "a return was approved without hearing the child in this round"
        rests = told.found_return and told.found_return.n in told.reckoned.on_guarantee and told.guarantee
        if not told.relatives and not rests:
            yield DEMAND, "a return was approved, and nobody is there to care for the child"
        if told.in_force("adopt_reintegration_plan") is None:
            yield DEMAND, "a return was approved without a reintegration plan"
        id = said["actor"]["id"]
        by_opener = id == told.intake["opened_by"]["id"] and said["actor"]["state"] == told.host
        if by_opener or any(e.body["act"]["actor"]["id"] == id for e in told.approvals.values()):
            yield DEMAND, "one person approved a return where two must"
    else:
        missing = [who for who in told.terms.approvals if who not in told.approvals]
        if missing:
            yield DEMAND, f"{name} passed without the approval of {', '.join(missing)}"
    if name == "plan_travel":
        yield from _plan(said, told)
    if name == "approve_travel" and told.plan:
        planned = told.plan.body["act"]
        if planned["actor"]["id"] == said["actor"]["id"]:
            yield DEMAND, "who planned the journey approved it"
        if told.window_ends and at < told.window_ends:
            yield DEMAND, "a journey was approved while an appeal could still be lodged"
        yield from _fit(name, told, date.fromisoformat(planned["legs"][0]["departs"][:10]))
        if not planned["documents_ready"]:
            yield DEMAND, "a journey was approved without documents"
    if name == "approve_travel" and told.plan is None:
        yield DEMAND, "a journey was approved that nobody has planned"
    if name == "depart":
        if not told.travel_approved:
            yield DEMAND, "a child departed without an approved plan in force"
        yield from _fit(name, told, at.date())


def _agreed_and_fresh(name: str, told: Reading, at: datetime) -> Iterator[Breach]:
    if told.guardian_agrees is None:
        yield DEMAND, f"{name} passed without the consent of the guardian in office"
    if told.child_objects:
        yield DEMAND, f"{name} passed against the child's word"
    elif told.old_enough(at) and told.child_agrees is None:
        yield DEMAND, f"{name} passed without the consent of a child old enough to be asked"
    if old := told.too_old(at):
        yield DEMAND, f"{name} rests on evidence that is too old: {', '.join(old)}"


def _plan(said: Said, told: Reading) -> Iterator[Breach]:
    employer = said["escort"]["employer"]
    if employer not in told.terms.escort_employers or employer not in PERMITTED_ESCORTS:
        yield DEMAND, "the escort does not come from child protection"
    handover = said["handover"]
    to_nobody = handover["to"] == "family" and handover.get("relative_id") not in told.relatives
    at_no_care = handover["placement"]["kind"] not in CARE_PLACES or handover["placement"]["run_by"] in ENFORCEMENT
    if to_nobody or at_no_care:
        yield DEMAND, "the journey ends with somebody, or at a place, that is no care"


def _fit(name: str, told: Reading, day: date) -> Iterator[Breach]:
    certified = told.last("certify_fit_to_travel")
    said = certified.body["act"] if certified else None
    if said is None or not said["fit"] or date.fromisoformat(said["valid_until"]) < day:
        yield DEMAND, f"{name} passed without a certificate that the child is fit to travel that day"


def _order(name: str, said: Said, told: Reading, at: datetime) -> Iterator[Breach]:
    """Acts that have no meaning now (part 1)."""
    needs: dict[str, tuple[bool, str]] = {
        "appoint_guardian": (told.guardian is None, "a guardian was appointed over another"),
        "replace_guardian": (told.guardian is not None, "a guardian was replaced where there was none"),
        "decide_appeal": (bool(told.appeals), "an appeal was decided that nobody lodged"),
        "resolve_asylum_claim": (told.claim == "open", "a claim was resolved that nobody lodged"),
        "depart": (told.departed is None, "a child departed twice"),
        "arrive": (told.departed is not None and told.arrived is None, "a child arrived who was not on the way"),
        "record_visit": (told.arrived is not None, "a child was visited who has not arrived"),
        "reopen_best_interests": (
            told.in_round("determine_best_interests") is not None,
            "a round was opened that is open",
        ),
        "decline_return": (told.found_return is not None, "a return was declined that nobody found"),
        "transfer_to_adult_services": (
            any(e.kind == "turned_18" for e in told.entries),
            "somebody was handed to adult services before their eighteenth birthday",
        ),
        "arrange_third_country": (
            said.get("state") not in (told.host, told.intake["origin_state"])
            and (found := told.in_round("determine_best_interests")) is not None
            and found.body["act"]["solution"] == "third_country",
            "a child was sent to a state that the panel did not find best",
        ),
    }
    lawful, otherwise = needs.get(name, (True, ""))
    if not lawful:
        yield DEMAND, otherwise
    born = said.get("date_of_birth")
    if name == "verify_identity" and born and date.fromisoformat(born) > (at + timedelta(days=1)).date():
        yield DEMAND, "a child is on record who is not born yet"
    still_for_adults = (
        "transfer_to_adult_services close_case place_child appoint_guardian answer_complaint decide_appeal "
        "resolve_asylum_claim"
    ).split()
    if told.grown_up and name in DECISIONS and name not in still_for_adults:
        yield DEMAND, f"{name} passed after the eighteenth birthday"


def _closing(outcome: str, told: Reading, at: datetime) -> Iterator[Breach]:
    if told.detained or told.missing:
        yield LIBERTY, "a case closed over a child who is detained or missing"
    made, safe = told.visits
    complete = made >= set(range(1, len(told.terms.visits) + 1)) and safe
    if outcome == "returned" and not (told.arrived and complete):
        yield DEMAND, "a return was closed before all visits were made and the last found the child safe"
    aged = told.last("assess_age")
    untrue = {
        "stays": told.last("grant_stay") is None,
        "third_country": told.in_round("arrange_third_country") is None,
        "adult": aged is None or aged.n in told.voided or aged.body["act"]["result"] != "adult",
        "transferred_to_adult_services": told.last("transfer_to_adult_services") is None,
        "withdrawn": bool(told.approvals) or told.departed is not None,
    }
    on_the_way = told.departed is not None and told.arrived is None
    if untrue.get(outcome, False) or on_the_way:
        yield DEMAND, f"a case closed as {outcome}, which is not true"
