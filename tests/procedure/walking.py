"""Random walks through the procedure, and the things that must never bend on any of them.

A walk throws acts at a case: what is owed now, done right or carelessly, and what nobody asked for,
by anybody. Time passes between them. After every step the walk asks whether the promises still hold,
and judges that by itself: from the entries, with its own idea of detention and of the chain.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, Final, get_args

from courses import DOES, FIELDS, FOSTER, HOTEL, PANEL, PEOPLE, SEED, START, STATION, Course, Fields, shipped

from procedure import decide
from procedure.acts import ACTS, DECISIONS, REPORTS, parse_act
from procedure.case import Case
from procedure.entries import Entry
from procedure.faults import MalformedAct
from procedure.folding import after, fold, opened
from procedure.ledger import Ledger
from procedure.proceedings import Proceedings
from procedure.schemas import Receipt, View
from procedure.vocabulary import PlacementKind, RunBy
from proof.by_time import MAY_CHANGE_BY_TIME

KINDS: Final = get_args(PlacementKind)
BODIES: Final = get_args(RunBy)
CARE: Final = ("place_child", "appoint_guardian", "confirm_services", "hear_child")
MOVES_THE_RETURN: Final = ("approve_return", "plan_travel", "approve_travel", "depart")
ALLOWED_REFUSALS_OF_REPORTS: Final = {"not-your-act", "out-of-order", "closed-case"}


def plainly_detention(place: Fields) -> bool:
    """The contract's section 4, written down a second time."""
    return not (
        place["child_may_leave_at_will"] is True
        and place["run_by"] not in ("police", "border", "immigration", "penitentiary", "military", "private_security")
        and place["kind"] not in ("police_station", "border_facility", "closed_school", "penitentiary")
        and not place.get("locked")
        and not place.get("guarded")
        and not place.get("sanction_for_leaving")
        and place.get("phone_and_visits") is not False
        and place.get("monitor_may_enter") is not False
    )


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class Broken(AssertionError):
    """A promise that did not hold; the message tells which, and the way that led there."""


class Walk:
    """One case and a die. ``run`` walks; each step ends in :meth:`look`."""

    def __init__(self, die: Random, agreement: str = "model") -> None:
        self.die = die
        self.way: list[str] = []
        terms = shipped()[agreement]
        host, origin = "MD", "UA"
        if len(terms.states) == 2:
            host, origin = terms.states
        elif terms.states:
            origin = terms.states[0]
            host = "UA" if origin != "UA" else "MD"
        self.course = Course(agreement=terms, host=host, origin=origin, **self._intake())
        self.accepted = 0
        self.stages: set[str] = {self.course.stage}
        self.seen = 0
        self.head = "0" * 64
        self.folded: Case | None = None
        self.view: Fields = {}
        self.standing: set[str] = set()
        self.look()

    def _intake(self) -> Fields:
        die = self.die
        fields: Fields = {"placement": die.choice([FOSTER, FOSTER, FOSTER, HOTEL, STATION, self.place()])}
        age = die.choice([4, 9, 11, 11.8, 12, 13, 14, 15, 16, 17, 17.2, 17.8])
        born = (START - timedelta(days=365.25 * age)).date()
        if die.random() < 0.1:
            born = date(2008, 2, 29)
        fields["born"] = born.isoformat()
        if die.random() < 0.15:
            fields["born"] = None
            fields["child"] = {"estimated_age": int(age)}
        fields["situation"] = die.choice(["unaccompanied", "unaccompanied", "separated", "with_family"])
        return fields

    # What happens

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.step()
            if self.course.case.closed and self.die.random() < 0.4:
                break
        self.finish()

    def step(self) -> None:
        roll = self.die.random()
        if roll < 0.60:
            self.do_what_is_owed()
        elif roll < 0.68:
            self.do_what_helps()
        elif roll < 0.82:
            self.do_anything()
        else:
            self.wait()

    def wait(self) -> None:
        """Let minutes, days or a year pass, or jump to the moment that is due next."""
        roll = self.die.random()
        due = self.course.proceedings.next_due()
        if roll < 0.25 and due is not None and due > self.course.at:
            self.pass_time(due)
        elif roll < 0.55:
            self.pass_time(self.course.at + timedelta(minutes=self.die.randint(1, 2_000)))
        elif roll < 0.97:
            self.pass_time(self.course.at + timedelta(days=self.die.randint(1, 20)))
        else:
            self.pass_time(self.course.at + timedelta(days=self.die.randint(20, 365)))

    def do_what_is_owed(self) -> None:
        """An act that somebody owes now, by who owes it, mostly done as it should be."""
        rows = self.view["awaiting"]
        if self.course.case.closed or not rows:
            self.do_what_helps()
            return
        row = rows[0] if self.die.random() < 0.5 else self.die.choice(rows)
        if row["act"] == "depart":
            plan = self.course.case.plan
            assert plan is not None
            if plan.first_departure > self.course.at:
                self.pass_time(plan.first_departure)
        # A visit that is to be made again has no day of its own.
        if row["act"] == "record_visit" and row["due"] and self.die.random() < 0.8:
            due = datetime.fromisoformat(row["due"]) - timedelta(hours=3)
            if due > self.course.at:
                self.pass_time(due)
        self.hear(row["act"], self._in_office(row["role"], row["state"]), self._right_fields(row["act"], row))

    def do_what_helps(self) -> None:
        """What no row asks for at this stage, and a case still needs to go on."""
        case = self.course.case
        ways = {
            "best_interests": ["hear_child", "submit_assessment", "determine_best_interests"],
            "decision": ["give_consent", "hear_child", "approve_return", "guarantee_care"],
            "travel": ["plan_travel", "certify_fit_to_travel", "approve_travel", "depart", "arrive"],
            "other_solution": ["grant_stay", "arrange_third_country", "close_case"],
            "reintegration": ["record_visit"],
            "closed": ["close_case", "note"],
        }.get(case.stage, ["note", "assign", "complain", "assess_age", "extend_deadline"])
        window = case.appeal_window_ends
        if case.stage == "decision" and window and window > self.course.at and self.die.random() < 0.7:
            self.pass_time(window)
            return
        act = self.die.choice(ways)
        self.hear(act, self._usual(act), self._right_fields(act))

    def do_anything(self) -> None:
        """Any act by anybody, with fields that may be right or wrong in any way."""
        act = self.die.choice(sorted(ACTS))
        right = self.die.random() < 0.6
        actor = self._usual(act) if right else self.course.person(self.die.choice(sorted(PEOPLE)))
        if self.die.random() < 0.05:
            actor["state"] = self.die.choice([self.course.host, self.course.origin, "RO"])
        if self.die.random() < 0.05:
            actor["id"] = self.die.choice(["guardian-2", "caseworker-2", "authority-1", "panel-2"])
        fields = self._right_fields(act)
        if self.die.random() < 0.7:
            self._careless(act, fields)
        self.hear(act, actor, fields)

    # Who, and what they say

    def _in_office(self, role: str, state: str) -> Fields:
        case = self.course.case
        side = "host" if state == self.course.host else "origin"
        match role:
            case "guardian" if case.guardian:
                id = case.guardian.id
            case "legal_counsel" if case.counsel:
                id = case.counsel.id
            case "escort" if case.plan:
                id = case.plan.escort_id
            case "caseworker":
                id = case.caseworkers.get(state, "caseworker-1" if side == "host" else "caseworker-9")
            case "central_authority":
                id = "authority-2" if side == "host" else "authority-9"
            case "bid_panel":
                id = "panel-1"
            case _:
                id = f"{role}-{side}"
        return {"id": id, "role": role, "state": state}

    def _usual(self, act: str) -> Fields:
        usual = self.course.person(DOES[act])
        return self._in_office(usual["role"], usual["state"])

    def _right_fields(self, act: str, row: Fields | None = None) -> Fields:
        die, case = self.die, self.course.case
        fields = FIELDS[act](self.course)
        about = (row or {}).get("about")
        match act:
            case "record_visit":
                owed = [n for n in range(1, len(case.agreement.visits) + 1) if n not in case.visits]
                fields["visit"] = about or next(iter(owed), 1)
                fields["safe"] = die.random() < 0.95
            case "assess_family":
                fields["relative_id"] = about or "r1"
                fields["safe"] = die.random() < 0.9
            case "answer_complaint" if about:
                fields["complaint"] = about
            case "hear_child":
                fields["wish"] = die.choice(["return"] * 6 + ["stay", "undecided", "third_country", "declines_to_say"])
            case "report_tracing":
                fields["result"] = die.choice(["found"] * 5 + ["not_found", "ongoing"])
                if fields["result"] != "found":
                    del fields["relatives"]
            case "determine_best_interests":
                solution = die.choice(["return"] * 8 + ["stay", "third_country", "postpone"])
                fields["solution"] = solution
                fields["options_considered"] = [solution, "stay", "return"]
                if solution == "postpone":
                    fields["review_on"] = (self.course.at + timedelta(days=die.randint(-2, 60))).date().isoformat()
            case "decide_appeal":
                fields["result"] = die.choice(["dismissed", "dismissed", "upheld"])
            case "resolve_asylum_claim":
                fields["result"] = die.choice(["withdrawn", "refused_final", "granted"])
            case "resume" if case.suspensions:
                fields["ground"] = die.choice(sorted(case.suspensions))
            case "close_case":
                fields["outcome"] = self._true_outcome()
            case "replace_guardian":
                fields["guardian"] = {"id": die.choice(["guardian-1", "guardian-2"]), "kind": "professional"}
            case "plan_travel" if "r1" not in case.safe_relatives():
                fields["handover"] = {"to": "child_protection", "placement": FOSTER}
            case "extend_deadline" if case.deadlines:
                fields["deadline"] = die.choice(sorted({key.partition(":")[0] for key in case.deadlines}))
            case _:
                pass
        return fields

    def _true_outcome(self) -> str:
        case = self.course.case
        if case.transferred:
            return "transferred_to_adult_services"
        if case.stay:
            return "stays"
        if case.third_country:
            return "third_country"
        return "returned" if case.arrived else self.die.choice(["withdrawn", "adult"])

    def place(self) -> Fields:
        """Any place, in any state."""
        die = self.die
        place: Fields = {
            "name": "Invented Place",
            "kind": die.choice(KINDS),
            "run_by": die.choice(BODIES),
            "child_may_leave_at_will": die.choice([True, True, True, False, None]),
        }
        for seen in ("locked", "guarded", "sanction_for_leaving", "phone_and_visits", "monitor_may_enter"):
            if die.random() < 0.15:
                place[seen] = die.random() < 0.5
        return place

    def _careless(self, act: str, fields: Fields) -> None:
        """Make something about the fields wrong, or only different."""
        die = self.die
        for name, value in list(fields.items()):
            if die.random() < 0.4:
                continue
            if isinstance(value, bool):
                fields[name] = not value
            elif name == "placement":
                fields[name] = self.place()
            elif name == "legs":
                fields[name] = [{**leg, "overnight": self.place()} for leg in value]
            elif name == "handover":
                fields[name] = {"to": die.choice(["family", "child_protection"]), "placement": self.place()}
            elif name == "escort":
                fields[name] = {"id": "escort-1", "employer": die.choice(BODIES)}
            elif name == "guardian":
                fields[name] = {
                    "id": die.choice(list(PEOPLE.values()))[0],
                    "kind": "relative",
                    "employer": die.choice(BODIES),
                }
            elif name == "panel":
                fields[name] = [
                    *die.sample(PANEL, 2),
                    {"id": "panel-9", "discipline": "law", "employer": die.choice(BODIES)},
                ]
            elif name == "dossier":
                fields[name] = die.choice(self.course.entries).hash
            elif name in _CHOICES.get(act, {}):
                fields[name] = die.choice(_CHOICES[act][name])
        if act == "record_visit" and die.random() < 0.5:
            fields["placement"] = self.place()
        if act == "verify_identity" and die.random() < 0.4:
            fields["date_of_birth"] = date(die.randint(2006, 2020), die.randint(1, 12), die.randint(1, 28)).isoformat()
        if act == "correct":
            entry = die.choice(self.course.entries)
            fields["entry"] = entry.n
            said: Fields = entry.body.get("act") or {}
            own = sorted(set(said) - {"act", "act_id", "actor", "evidence"})
            if own:
                name = die.choice(own)
                value: Any = (not said[name]) if isinstance(said[name], bool) else said[name]
                fields["fields"] = {name: self.place() if name == "placement" else value}

    # Doing it, and looking

    def pass_time(self, at: datetime) -> None:
        """Time passes. It decides nothing, and it says beforehand when it will have something to say."""
        proceedings, case = self.course.proceedings, self.course.case
        due = proceedings.next_due()
        self.way.append(f"until {at:%Y-%m-%d %H:%M}")
        self.course.at = at
        made = proceedings.let_time_pass(at)
        self._hold_to(bool(made) == (due is not None and due <= at), f"next_due said {due} at {at}, made {made}")
        if made:
            self._unmoved_by_time(case)
            self.look()
        else:
            # The law itself is asked too: proceedings that know when they wake do not ask it before.
            asked = decide.pass_time(case, at, Ledger(self.course.entries), SEED)
            self._hold_to(asked == proceedings.case == case, "time changed the case and nothing was put on record")

    def hear(self, act: str, actor: Fields, fields: Fields) -> None:
        course = self.course
        self.pass_time(course.at + timedelta(seconds=self.die.randint(0, 3_600)))
        if course.case.turned_18:
            self.stages.add("turned_18")
        before = course.case
        course.said += 1
        given = {
            "act": act,
            "act_id": f"act-{course.said}",
            "actor": actor,
            "reason": "for reasons given in the file",
            **fields,
        }
        self.way.append(f"{act} by {actor['role']} {actor['id']} of {actor['state']}: {fields}")
        try:
            said = parse_act(given)
        except MalformedAct:
            return
        receipt = course.proceedings.hear(said, course.at)
        made = course.proceedings.since(before.n)
        self.stages.add(course.stage)
        Receipt.model_validate(receipt)
        self._hold_to(receipt["entry"] == before.n + 1 == made[0].n, "the act's own entry comes first")
        self._hold_to(receipt["head"] == course.case.head, "the receipt names the newest head")
        if receipt["result"] == "refused":
            self._refused_rightly(act, receipt, before)
        else:
            self.accepted += 1
            self._accepted_rightly(act, fields, before, made)
        again = course.proceedings.hear(said, course.at)
        self._hold_to(again == receipt and course.case.n == made[-1].n, "the same act again adds nothing")
        self.look()

    def _unmoved_by_time(self, before: Case, but: str = "") -> None:
        now = self.course.case.__dict__
        for fact, was in before.__dict__.items():
            if fact not in MAY_CHANGE_BY_TIME and fact != but:
                self._hold_to(now[fact] == was, f"the passing of time changed {fact}")

    def _refused_rightly(self, act: str, receipt: Fields, before: Case) -> None:
        names = {refusal["safeguard"] for refusal in receipt["refusals"]}
        self._hold_to(bool(names), "a refusal has a safeguard")
        for refusal in receipt["refusals"]:
            for part in ("message", "source", "instead"):
                self._hold_to(bool(refusal[part].strip()), f"{refusal['safeguard']} gives no {part}")
        if act in REPORTS:
            allowed = ALLOWED_REFUSALS_OF_REPORTS | ({"well-formed"} if act == "correct" else set[str]())
            self._hold_to(names <= allowed, f"the report {act} was refused by {names}")
        if act in CARE:
            self._hold_to("held" not in names, f"care was held: {act}")
        # A refusal is counted; but for that a decision that was refused is as if nobody had acted.
        self._unmoved_by_time(before, but="refused") if act in DECISIONS else None

    def _accepted_rightly(self, act: str, fields: Fields, before: Case, made: Sequence[Entry]) -> None:
        places = {
            "place_child": lambda: [fields["placement"]],
            "arrange_third_country": lambda: [fields["placement"]],
            "plan_travel": lambda: [
                fields["handover"]["placement"],
                *(leg["overnight"] for leg in fields["legs"] if leg.get("overnight")),
            ],
        }
        if act in places:
            self._hold_to(not any(map(plainly_detention, places[act]())), f"{act} led into detention")
        if act in DECISIONS:
            self._hold_to(all(entry.kind != "detention" for entry in made), f"the decision {act} made a detention")
            self._hold_to(before.detained or not self.course.case.detained, f"the decision {act} detained the child")
        elif "placement" in fields and plainly_detention(fields["placement"]):
            self._hold_to("detention" in self.course.holds, f"{act} told of a detention and no hold stands")
        if act in MOVES_THE_RETURN:
            self._hold_to(not self.standing, f"{act} passed under the holds {self.standing}")
        if act == "depart":
            self._may_depart()
        if act == "close_case":
            self._hold_to(not before.detained and not before.missing, "a case closed over a child in danger")

    def _may_depart(self) -> None:
        """Everything that a departure rests on, read from the ledger alone."""
        entries = self.course.entries
        voided = {n for entry in entries for n in entry.facts.get("voids", ())}
        done = [entry for entry in entries if entry.kind == "accepted"]
        in_force = [entry for entry in done if entry.n not in voided]

        def last(*acts: str, of: Sequence[Entry] = in_force) -> Entry | None:
            return next((entry for entry in reversed(of) if entry.act in acts), None)

        began = max((entry.n for entry in entries if "round" in entry.facts), default=0)
        found = last("determine_best_interests")
        self._hold_to(
            found is not None and found.n > began and found.facts["solution"] == "return",
            "departed without a determination of this round that found return",
        )
        guardian = last("appoint_guardian", "replace_guardian")
        self._hold_to(guardian is not None, "departed without a guardian")
        consents = [entry for entry in done if entry.act in ("give_consent", "withdraw_consent")]
        guardians = last("give_consent", "withdraw_consent", of=[e for e in consents if e.actor_role == "guardian"])
        self._hold_to(
            guardians is not None
            and guardian is not None
            and guardians.act == "give_consent"
            and guardians.facts["given"]
            and guardians.n not in voided
            and guardians.body["act"]["actor"]["id"] == guardian.body["act"]["guardian"]["id"],
            "departed without the consent of the guardian in office",
        )
        childs = last("give_consent", "withdraw_consent", of=[e for e in consents if e.actor_role == "child"])
        refuses = childs is not None and (childs.act == "withdraw_consent" or not childs.facts["given"])
        heard = [
            e for e in done if e.act == "hear_child" and e.facts["counts"] and childs is not None and e.n > childs.n
        ]
        self._hold_to(not refuses or bool(heard), "departed against the child's word")
        identity = [e for e in done if e.act in ("verify_identity", "correct")]
        born = self.course.intake["child"]["date_of_birth"]
        if born and not any("date_of_birth" in str(e.body) for e in identity):
            then, now = date.fromisoformat(born), self.course.at.date()
            age = now.year - then.year - ((now.month, now.day) < (then.month, then.day))
            if age >= self.course.case.agreement.consent_age:
                self._hold_to(
                    childs is not None and not refuses and childs.n not in voided,
                    "departed without the child's consent",
                )
        for who in ("central_authority@host", "central_authority@origin"):
            approval = next((e for e in reversed(in_force) if e.facts.get("approval") == who), None)
            self._hold_to(approval is not None and approval.n > began, f"departed without the approval of {who}")
        plan, approval = last("plan_travel"), last("approve_travel")
        self._hold_to(
            plan is not None and approval is not None and approval.n > max(plan.n, began),
            "departed without an approved plan",
        )
        impact = last("assess_rights_impact", of=[e for e in done if e.act == "assess_rights_impact"])
        self._hold_to(impact is not None and impact.facts["safe"], "departed though return was found unsafe")

    def look(self) -> None:
        """What must hold whatever has happened."""
        course = self.course
        for entry in course.proceedings.since(self.seen):
            self._in_the_chain(entry)
            self._fold(entry)
        self._hold_to(self.folded == course.case, "the entries fold into another case")
        unmet = [(key, deadline) for key, deadline in course.case.deadlines.items() if deadline.met is None]
        self._hold_to(list(course.case.running.items()) == unmet, "what runs is not what was not met, in its order")
        self._hold_to(self.standing == course.holds, "the holds are not those of the entries")
        due = course.proceedings.next_due()
        self._hold_to(due is None or due > course.at or self._not_passed_yet(due), f"next_due {due} lies behind")
        self.view = course.view
        View.model_validate(self.view)
        window = course.case.appeal_window_ends
        self._hold_to(
            bool(self.view["awaiting"]) or course.case.closed or (window is not None and window > course.at),
            f"an open case in {course.case.stage} that nobody holds",
        )

    def _not_passed_yet(self, due: datetime) -> bool:
        """A date named in the past comes due at the next look at the clock, and then no more."""
        before = self.course.case
        made = self.course.proceedings.let_time_pass(self.course.at)
        self._unmoved_by_time(before)
        later = self.course.proceedings.next_due()
        for entry in made:
            self._in_the_chain(entry)
            self._fold(entry)
        return bool(made) and (later is None or later > self.course.at)

    def _fold(self, entry: Entry) -> None:
        if self.folded is None:
            # The agreement is the same; sharing it makes comparing two cases cheap.
            self.folded = opened(entry)
            self._hold_to(self.folded.agreement == self.course.case.agreement, "opened under another agreement")
            self.folded = self.folded.but(agreement=self.course.case.agreement)
        else:
            self.folded = after(self.folded, entry)
        if entry.kind == "hold":
            self.standing.add(entry.facts["hold"])
        elif entry.kind == "hold_lifted":
            self.standing.remove(entry.facts["hold"])

    def _in_the_chain(self, entry: Entry) -> None:
        self.seen += 1
        header = {key: value for key, value in entry.as_json().items() if key not in ("hash", "salt", "body")}
        self._hold_to(entry.n == self.seen, f"entry {entry.n} stands at {self.seen}")
        self._hold_to(entry.prev == self.head, f"entry {entry.n} does not follow")
        body = hashlib.sha256(entry.salt.encode() + _canonical(entry.body)).hexdigest()
        self._hold_to(entry.body_digest == body, f"the body of entry {entry.n} has another digest")
        self._hold_to(entry.hash == hashlib.sha256(_canonical(header)).hexdigest(), f"entry {entry.n} has another hash")
        self.head = entry.hash

    def finish(self) -> None:
        """At the end the whole record folds into the case, and survives being put away and taken up again."""
        proceedings = self.course.proceedings
        self._hold_to(fold(self.course.entries) == self.course.case, "the whole record folds into another case")
        if self.die.random() < 0.1:
            again = Proceedings.resume(json.loads(json.dumps(proceedings.carry())))
            self._hold_to(again.case == self.course.case, "resumed as another case")
            self._hold_to(again.ledger() == proceedings.ledger(), "resumed with another record")
            self._hold_to(again.next_due() == proceedings.next_due(), "resumed with another clock")

    def _hold_to(self, promise: bool, otherwise: str) -> None:
        if not promise:
            raise Broken(f"{otherwise}\n  " + "\n  ".join(self.way))


_CHOICES: Final[dict[str, dict[str, Sequence[str]]]] = {
    "verify_identity": {"result": ("verified", "presumed", "not_established")},
    "assess_age": {"result": ("child", "adult", "doubt")},
    "open_tracing": {"via": ("central_authority", "consulate", "red_cross", "social_service")},
    "guarantee_care": {"by": ("family", "authority")},
    "hear_child": {"wish": ("return", "stay", "undecided"), "language": ("uk", "ro", "uk-UA")},
    "determine_best_interests": {"solution": ("return", "stay", "third_country")},
    "appeal": {"against": ("best_interests", "return", "placement", "age", "travel")},
    "decide_appeal": {"result": ("upheld", "dismissed")},
    "give_consent": {"language": ("uk", "ro")},
    "certify_fit_to_travel": {"valid_until": ("2026-01-01", "2026-03-01", "2027-01-01")},
    "report_incident": {"what": ("border_closed", "illness", "refused_entry", "child_objects", "other")},
    "arrive": {"handed_to": ("family", "child_protection", "law_enforcement", "other")},
    "grant_stay": {"status": ("residence", "tolerated_stay", "protection")},
    "close_case": {
        "outcome": ("returned", "stays", "third_country", "adult", "transferred_to_adult_services", "withdrawn")
    },
    "resolve_asylum_claim": {"result": ("granted", "refused_final", "withdrawn")},
    "suspend": {"ground": ("crisis", "health", "school_year", "other")},
    "resume": {"ground": ("crisis", "health", "school_year", "other")},
    "extend_deadline": {"deadline": ("release", "tracing", "visit_1", "emergency_placement", "no_such_deadline")},
}


class Tally:
    """How deep the walks went."""

    def __init__(self) -> None:
        self.walks = self.accepted = self.entries = 0
        self.reached: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()

    def count(self, walk: Walk) -> None:
        self.walks += 1
        self.accepted += walk.accepted
        self.entries += walk.course.case.n
        self.reached.update(walk.stages)
        self.reached.update(f"hold {entry.facts['hold']}" for entry in walk.course.entries if entry.kind == "hold")
        self.outcomes.update([walk.course.case.outcome or "open"])

    def lines(self, seconds: float) -> list[str]:
        return [
            f"{self.walks} walks in {seconds:.1f} s ({self.walks / seconds:.0f} a second), "
            f"{self.accepted / self.walks:.1f} acts accepted and {self.entries / self.walks:.1f} entries a walk",
            "reached: " + ", ".join(f"{name} {count}" for name, count in self.reached.most_common()),
            "ended: " + ", ".join(f"{name} {count}" for name, count in self.outcomes.most_common()),
        ]
