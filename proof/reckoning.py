"""What follows from each entry, reckoned anew: what it voids, whether it counts, which round, time or deadline begins.

Written from procedure.md: "What voids what" and the hearings of part 1, the deadlines of part 4, the appeals of part
5, and where these leave a choice from decision 0017. It reads the acts as they were said. It asks nothing of the
law's conclusions, and says where the record concludes something else.
"""

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, Self

from procedure.agreement import Agreement
from procedure.entries import Entry
from proof.clocks import (
    OF_CARE,
    OF_RETURN,
    STANDS_STILL,
    Clock,
    deadline_of,
    due_after,
    levels_owed,
)
from proof.places import EMERGENCY_KINDS, Said, closed

Concluded = dict[str, Any]

_CONCLUSIONS: Final = {
    "counts": "counts",
    "lifts_objection": "lifts the objection",
    "rests_on_guarantee": "rests on a guarantee",
    "approval": "is the approval of",
    "appeal": "answers the appeal of entry",
    "against": "is about an appeal against",
    "appeal_window_ends": "opens a time to appeal",
    "round": "begins the round",
    "voids": "voids",
}
"""The facts of an entry that are conclusions, and not words of the act; and how they are told."""


@dataclass(slots=True, kw_only=True)
class Reckoning:
    """A record up to some entry, as far as what follows from the next one depends on it."""

    terms: Agreement
    host: str
    origin: str
    with_family: bool
    place: Said
    detained: bool

    # Numbers of entries in force, or None
    guardian_consent: int | None = None
    child_consent: int | None = None
    approvals: dict[str, int] = field(default_factory=dict[str, int])
    travel_approval: int | None = None
    plan: int | None = None
    departed: int | None = None
    assessed_age: int | None = None

    # What is known of the child and of people
    born: frozenset[str] = frozenset()
    """Every date of birth that was told."""
    age_is_a_guess: bool = False
    """Whether an age was estimated at the opening."""
    grown_up: bool = False
    """Whether an eighteenth birthday is on record."""
    found_child: bool = False
    """Whether the assessment of age in force says child, or doubt."""
    identified: bool = False
    screened: bool = False
    served: bool = False
    """Whether school and health care are both confirmed."""
    languages: tuple[str, ...] = ()
    guardian: bool = False
    counsel: bool = False
    missing: bool = False
    objection: str = ""
    """How the child objects: ``heard`` in a hearing, ``outright``, or not at all."""
    place_anew: bool = False
    court_found_danger: bool = False
    adulthood: bool = False
    closed: bool = False

    # Family
    relatives: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """Those that tracing told of: state, and which report of which entry told of them first."""
    family: dict[str, tuple[bool, datetime]] = field(default_factory=dict[str, tuple[bool, datetime]])
    """Of each relative that was assessed whether it may be relied on, and since when that is known."""
    tracing_opened: int | None = None
    answered: int = 0
    """The newest tracing report; one that says "ongoing" answers nothing."""
    traced: Said | None = None
    """The newest tracing report."""
    guarantee: str | None = None
    guaranteed_at: datetime | None = None

    # The round
    round: int = 1
    round_began: int = 0
    counted: frozenset[int] = frozenset()
    """Hearings that count, of any round."""
    heard: bool = False
    """Whether one of this round counts."""
    determined: tuple[int, Said] | None = None
    on_guarantee: frozenset[int] = frozenset()
    """Determinations made with a guarantee of the authority on record."""
    reintegration: bool = False
    impact: bool | None = None
    """Whether the newest assessment finds a return safe."""
    known_since: dict[str, datetime] = field(default_factory=dict[str, datetime])
    """Of evidence that grows old: when it was given."""
    asylum: str = "none"
    window_ends: datetime | None = None
    appeals: tuple[tuple[int, str], ...] = ()

    # The journey and the endings
    last_leg: datetime | None = None
    taken_in_by: str | None = None
    """The relative to whom the plan hands over."""
    interrupted: bool = False
    left_at: datetime | None = None
    arrived: datetime | None = None
    visited: frozenset[int] = frozenset()
    stay: bool = False
    third_country: bool = False
    complaints: tuple[int, ...] = ()

    voided: frozenset[int] = frozenset()
    """Every entry that lost its force."""
    says: dict[int, str] = field(default_factory=dict[int, str])
    """What each accepted entry is, in words, by its number."""
    clocks: dict[str, Clock] = field(default_factory=dict[str, Clock])
    differs: tuple[str, ...] = ()
    """Where the newest entries conclude something else than the procedure."""

    @classmethod
    def of(cls, entries: Sequence[Entry], terms: Agreement, host: str) -> Self:
        """The reckoning of a whole record, which begins with entry 1."""
        opened, *others = entries
        intake: Said = opened.body["intake"]
        begun = cls(
            terms=terms,
            host=host,
            origin=intake["origin_state"],
            with_family=intake["situation"] == "with_family",
            place=intake["placement"],
            detained=closed(intake["placement"]),
            age_is_a_guess=intake["child"].get("estimated_age") is not None,
            born=frozenset(filter(None, [intake["child"]["date_of_birth"]])),
            languages=tuple(intake["child"]["languages"]),
        )
        begun._bring_up(opened.at, opened)
        return begun.after(others)

    def after(self, entries: Iterable[Entry]) -> Self:
        """The reckoning after these entries. What is on record is never changed in place, so a shallow copy will do."""
        then = copy.copy(self)
        then.differs = ()
        for entry in entries:
            then._take(entry)  # noqa: SLF001 - one of its own
        return then

    # One entry

    def _take(self, entry: Entry) -> None:
        concluded: Concluded = {}
        if entry.kind == "accepted" and entry.act != "correct":
            concluded = self._concluded(entry)
            self._compare(entry, concluded)
            self._void(concluded.get("voids", ()))
            self._act(entry, concluded)
            self.says = {**self.says, entry.n: f"{entry.act} of the {entry.actor_role}".replace("_", " ")}
        elif entry.kind == "detention":
            concluded = _if_any(self._voided_by_detention())
            self._compare(entry, concluded)
            self._void(concluded.get("voids", ()))
            self.detained = True
            self.place = entry.body.get("placement", self.place)
        elif entry.kind in ("overdue", "escalated") and "key" in entry.facts:
            self._passed(entry)
        elif entry.kind == "turned_18":
            self.adulthood, self.grown_up = entry.facts["holds"], True
        elif entry.kind == "closed":
            self.closed = True
        if entry.facts.get("still_a_child"):
            self.adulthood = self.grown_up = False
        self._bring_up(entry.at, entry)

    def _concluded(self, entry: Entry) -> Concluded:
        """The conclusions that belong to an accepted act."""
        said, name = entry.body["act"], entry.act
        found: Concluded = {}
        if name == "hear_child":
            found["counts"] = self._counts(said)
            if found["counts"]:
                found["lifts_objection"] = (said["wish"] != "stay" and self.objection == "heard") or (
                    said["wish"] == "return" and bool(self.objection)
                )
        elif name == "determine_best_interests":
            found["rests_on_guarantee"] = self.guarantee == "authority"
        elif name == "approve_return":
            found["approval"] = f"{entry.actor_role}@{'host' if entry.actor_state == self.host else 'origin'}"
        elif name == "decide_appeal" and self.appeals:
            # The text lets a ruling name no appeal; it is of the one that has waited longest.
            found["appeal"], found["against"] = self.appeals[0]
        elif name == "appeal":
            found["against"] = said["against"]
        adult = name == "assess_age" and said["result"] == "adult"
        if adult or name in ("determine_best_interests", "approve_return"):
            ends = self._due("appeal_window", entry.at, self.host)
            found["appeal_window_ends"] = ends
        begins = self._begins_round(entry, found)
        if begins:
            found["round"] = self.round + 1
        return {**found, **_if_any(self._voids(entry, found, begins))}

    def _counts(self, said: Said) -> bool:
        """Informed, with the guardian in office, not in detention (part 1), in a language understood (part 3)."""
        primary = {language.partition("-")[0] for language in self.languages}
        understood = said["interpreter"] or not primary or said["language"].partition("-")[0] in primary
        return bool(
            said["informed"] and self.guardian and said["guardian_present"] and not self.detained and understood
        )

    def _begins_round(self, entry: Entry, found: Concluded) -> bool:
        said, name = entry.body["act"], entry.act
        if name in ("reopen_best_interests", "decline_return"):
            return True
        if name == "record_visit":
            return not said["safe"]
        if name == "resolve_asylum_claim":
            return said["result"] == "granted"
        if name == "decide_appeal" and said["result"] == "upheld" and "appeal" in found:
            # It takes back what was determined before it was lodged, and nothing that came after.
            later = self.determined is not None and self.determined[0] > found["appeal"]
            return found["against"] in ("best_interests", "return") and not later
        return False

    # What voids what

    def _voided_by_detention(self) -> set[int]:
        """The approvals, and the consents that were given before it."""
        if self.arrived:
            return set()
        return self._approved() | _those(self.guardian_consent, self.child_consent)

    def _approved(self) -> set[int]:
        return {*self.approvals.values(), *_those(self.travel_approval)}

    def _voids(self, entry: Entry, found: Concluded, begins: bool) -> set[int]:
        said, name = entry.body["act"], entry.act
        upheld = found.get("against") if name == "decide_appeal" and said["result"] == "upheld" else None
        if upheld == "age":
            return {n for n in _those(self.assessed_age) if n < found["appeal"]}
        if self.arrived or name == "arrive":
            return set()  # after arrival nothing is voided any more
        voids: set[int] = set()
        own = _those(self.child_consent if entry.actor_role == "child" else self.guardian_consent)
        if name == "withdraw_consent" or (name == "give_consent" and not said["given"]):
            voids |= self._approved() | own
        if (name == "hear_child" and found["counts"] and said["wish"] == "stay") or (
            name == "report_incident" and said["what"] == "child_objects"
        ):
            voids |= self._approved() | _those(self.child_consent)
        if begins:
            voids |= self._approved()
        if name == "replace_guardian":
            voids |= _those(self.guardian_consent)
        if name == "report_detention" or ("placement" in said and closed(said["placement"])):
            voids |= self._voided_by_detention()
        if name == "plan_travel":
            voids |= _those(self.travel_approval, self.plan)
        if name == "report_incident":
            voids |= _those(self.travel_approval, self.departed)
        if upheld == "travel":
            voids |= _those(self.travel_approval)
            if self.departed is None:
                voids |= _those(self.plan)
        return voids

    def _void(self, numbers: Iterable[int]) -> None:
        gone = frozenset(numbers)
        if not gone:
            return
        self.voided |= gone
        self.approvals = {who: n for who, n in self.approvals.items() if n not in gone}
        for what in ("guardian_consent", "child_consent", "travel_approval", "plan", "departed", "assessed_age"):
            if getattr(self, what) in gone:
                setattr(self, what, None)
        if self.assessed_age is None:
            self.found_child = False

    # What an act says

    def _act(self, entry: Entry, found: Concluded) -> None:
        said, name, n = entry.body["act"], entry.act or "", entry.n
        if "round" in found:
            self.round, self.round_began = found["round"], n
            self.heard, self.determined, self.third_country = False, None, False
        self.window_ends = found.get("appeal_window_ends", self.window_ends)
        if "placement" in said and name != "arrange_third_country":
            self._is_at(name, said["placement"])
        if act := _ACTS.get(name):
            act(self, entry, said, found)

    def _is_at(self, name: str, place: Said) -> None:
        """Where the child is: a release is confirmed, or another place found; nothing else ends a detention."""
        ends = name in ("place_child", "confirm_release")
        self.detained = closed(place) or name == "report_detention" or (self.detained and not ends)
        self.place = place
        if name == "place_child":
            self.place_anew = False

    # Deadlines

    def _due(self, name: str, start: datetime, state: str) -> datetime:
        return due_after(self.terms.deadlines[name], start, self.terms.calendars.get(state, state))

    def _grounds(self) -> Iterator[tuple[str, str, datetime | None, str]]:
        """Every deadline that runs and whose ground is reckoned: key, ground, moment where it is no period, state."""
        child, host, origin = self.origin if self.arrived else self.host, self.host, self.origin
        if self.place["kind"] in EMERGENCY_KINDS or self.place_anew:
            yield "emergency_placement", "", None, child
        if self.detained:
            yield "release", "", None, child
        if self.missing:
            yield "missing", "", None, child
        for n in self.complaints:
            yield f"complaint:{n}", "", None, child
        if self.departed and self.arrived is None and self.last_leg:
            yield "arrival", str(self.departed), self._due("arrival", self.last_leg, host), host
        known_age = bool(self.born) or self.found_child
        if not (self.identified and known_age and self.screened and not self.detained) and not self.arrived:
            yield "identification", "", None, host
        if not self.screened:
            yield "protection_screening", "", None, host
        if not self.guardian:
            yield "guardian", "", None, child
        if not self.counsel:
            yield "counsel", "", None, child
        if not self.served and not self.arrived:
            yield "services", "", None, child
        if self.tracing_opened and self.answered < self.tracing_opened:
            yield "tracing", "", None, origin
        for relative in self._unassessed():
            state, told = self.relatives[relative]
            yield f"family_assessment:{told}", "", None, state
        if self.guardian and not self.heard:
            yield "hearing", str(self.round), None, host
        if self.determined is None:
            if self._answered():
                yield "determination", str(self.round), None, host
        else:
            yield from self._grounds_of(*self.determined)
        if self.arrived:
            for visit, days in enumerate(self.terms.visits, start=1):
                if visit not in self.visited:
                    yield f"visit_{visit}", "", self.arrived + timedelta(days=days), origin

    def _grounds_of(self, n: int, determined: Said) -> Iterator[tuple[str, str, datetime | None, str]]:
        """What a determination asks for."""
        solution = determined["solution"]
        if solution == "postpone":
            on = datetime.combine(date.fromisoformat(determined["review_on"]), time(), UTC)
            yield "review", str(n), on, self.host
        elif solution == "return":
            if not self.reintegration:
                yield "reintegration_plan", "", None, self.origin
            if self.impact is None:
                yield "rights_impact", "", None, self.host
        elif not (self.stay or self.third_country):
            yield "settlement", "", None, self.host

    def _asked(self, at: datetime) -> bool | None:
        """Whether the child is old enough to be asked; ``None`` where nobody knows one date of birth."""
        if len(self.born) != 1 or self.age_is_a_guess:
            return None
        born, on = date.fromisoformat(next(iter(self.born))), self.left_at if self.departed and self.left_at else at
        return (on.year - born.year, on.month, on.day) >= (self.terms.consent_age, born.month, born.day)

    def _of_return(self, at: datetime, asked: bool) -> Iterator[tuple[str, str, datetime | None, str]]:
        """What only people do who decide about a return: consents, approvals, the plan and its approval."""
        if self.arrived:
            return
        found = self.determined is not None and self.determined[1]["solution"] == "return"
        agreed = not self.objection and self.guardian_consent and (self.child_consent or not asked)
        if found and not agreed and not self.objection:
            yield "consent", "", None, self.host
        owed = [who for who in self.terms.approvals if who not in self.approvals]
        settled = found and agreed and self.reintegration and self.impact and not self._appealed()
        if settled and self._ready(at):
            for who in owed:
                role, _, side = who.partition("@")
                key = f"approval_{side}" + ("" if role == "central_authority" else f":{role}")
                yield key, "", None, self.origin if side == "origin" else self.host
        if self.departed:
            return
        planned = self.plan is not None and not self.interrupted
        over = self.window_ends is None or at >= self.window_ends
        if settled and not owed and over and not planned and self._all_before():
            yield "travel_plan", "", None, self.host
        if planned and not owed and self.travel_approval is None:
            yield "travel_approval", "", self._due_of_return("travel_approval", at), self.host

    def _appealed(self) -> bool:
        return any(against in ("best_interests", "return", "travel") for _, against in self.appeals)

    def _all_before(self) -> bool:
        """Whether the stages before the decision are behind: who the child is, who stands by it, who its family is."""
        known = self.identified and (self.born or self.found_child) and self.screened and not self.detained
        return bool(known and self.guardian and self.counsel and self._answered())

    def _answered(self) -> bool:
        told = self.traced is not None and self.traced["result"] != "ongoing" and not self._unassessed()
        return self.with_family or told

    def _ready(self, at: datetime) -> bool:
        """The other conditions of an approval: heard, cared for, no claim for asylum, free, and all of it fresh."""
        lives, since = self.terms.shelf_lives, self.known_since
        good = {id: when for id, (may, when) in self.family.items() if may}
        if not (self.guardian and self.heard and not self.detained) or self.asylum in ("open", "granted"):
            return False
        if not good and self.guarantee != "authority":
            return False
        assert self.determined is not None
        old = [
            _old(since["determination"], lives.determination, at),
            _old(since["guardian"], lives.consent, at),
            _old(since["impact"], lives.rights_impact, at),
            self.child_consent is not None and bool(self._asked(at)) and _old(since["child"], lives.consent, at),
        ]
        relied = {self.taken_in_by: good[self.taken_in_by]} if self.plan and self.taken_in_by in good else good
        fresh = [not _old(when, lives.family_assessment, at) for when in relied.values()]
        on_guarantee = self.guarantee == "authority" and self.determined[0] in self.on_guarantee
        if on_guarantee and relied is good and self.guaranteed_at:
            fresh.append(not _old(self.guaranteed_at, lives.care_guarantee, at))
        return not any(old) and (any(fresh) or not fresh)

    def _unassessed(self) -> list[str]:
        if self.traced is None or self.traced["result"] != "found":
            return []
        return [each["id"] for each in self.traced.get("relatives", ()) if each["id"] not in self.family]

    def _bring_up(self, at: datetime, entry: Entry) -> None:
        """The deadlines after an entry: those whose ground is there run on or begin, the others are gone."""
        clocks = self._as_read(at, entry.facts.get("deadlines", {}))
        if entry.kind == "accepted" and entry.act == "extend_deadline":
            said = entry.body["act"]
            days = timedelta(days=said["days"])
            for key, clock in clocks.items():
                if deadline_of(key) == said["deadline"]:
                    clocks[key] = replace(clock, due=clock.due + days, extended=clock.extended + said["days"])
        runs: dict[str, Clock] = {}
        asked = self._asked(at)
        grounds = [] if self.closed else [*self._grounds(), *(() if asked is None else self._of_return(at, asked))]
        for key, ground, on, state in grounds:
            if self.adulthood and deadline_of(key) not in OF_CARE:
                continue
            known = clocks.get(key)
            if known is not None and known.ground == ground:
                runs[key] = known
            else:
                still = at if key in entry.facts.get("deadlines", {}).get("stand_still", ()) else None
                runs[key] = Clock(on or self._due(deadline_of(key), at, state), ground, still_since=still)
        if asked is None:
            runs |= {key: clock for key, clock in clocks.items() if deadline_of(key) in OF_RETURN}
        self.clocks = runs

    def _as_read(self, at: datetime, changes: Said) -> dict[str, Clock]:
        """With what the record says of standing still, and where nobody knows the age, of what leads to a return."""
        clocks = dict(self.clocks)
        if self._asked(at) is None:
            for key in (*changes.get("dropped", ()), *changes.get("met", ())):
                if deadline_of(key) in OF_RETURN:
                    clocks.pop(key, None)
            for key in changes.get("set", {}):
                if deadline_of(key) in OF_RETURN:
                    clocks[key] = Clock(self._due_of_return(deadline_of(key), at))
        still = [key for key in changes.get("stand_still", ()) if key in clocks]
        clocks |= {key: replace(clocks[key], still_since=at) for key in still}
        for key in changes.get("go_on", {}):
            if key in clocks and (since := clocks[key].still_since):
                clocks[key] = replace(clocks[key], due=clocks[key].due + (at - since), still_since=None)
        return clocks

    def _due_of_return(self, name: str, at: datetime) -> datetime:
        if name == "travel_approval" and self.window_ends:
            # Nobody is late with what is forbidden while an appeal can be lodged (decision 0017).
            at = max(at, self.window_ends)
        return self._due(name, at, self.origin if name == "approval_origin" else self.host)

    def _passed(self, entry: Entry) -> None:
        """A deadline is told to have passed, or a level was told of it."""
        key, clock = entry.facts["key"], self.clocks.get(entry.facts["key"])
        level = entry.facts.get("level", 0)
        early = clock is None or clock.due > entry.at
        if clock is None or early or level > levels_owed(clock, key, self.terms.escalate_after, entry.at):
            self.differs += (f"the record says that {deadline_of(key)} has passed, and by the procedure it has not",)
            return
        # Each is told once, and in its order: who comes later is told that who came before did not act.
        if (not clock.overdue or level != clock.level + 1) if level else clock.overdue:
            self.differs += (f"the record tells of {deadline_of(key)} out of its order, or twice",)
        told = replace(clock, level=level) if level else replace(clock, overdue=True)
        self.clocks = {**self.clocks, key: told}

    def untold(self, at: datetime) -> Iterator[str]:
        """What time up to ``at`` must have put on record, and did not (part 4)."""
        if len(self.born) == 1 and not self.age_is_a_guess and not self.grown_up and not self.closed:
            born = date.fromisoformat(next(iter(self.born)))
            if (at.year - born.year, at.month, at.day) >= (18, born.month, born.day):
                yield "the eighteenth birthday passed, and the record does not say so"
        for key, clock in self.clocks.items():
            if clock.still_since is not None:
                continue
            if clock.due <= at and not clock.overdue:
                yield f"the deadline {deadline_of(key)} passed, and the record does not say so"
            if clock.level < levels_owed(clock, key, self.terms.escalate_after, at):
                yield f"the deadline {deadline_of(key)} passed, and nobody was told who must be told"

    def stands_otherwise(self, held: bool) -> Iterator[str]:
        """Deadlines that stand still without a hold, or run under one (part 5)."""
        for key, clock in self.clocks.items():
            if deadline_of(key) in STANDS_STILL and (clock.still_since is not None) != held:
                does, why = ("runs on", "a hold stands") if held else ("stands still", "none stands")
                yield f"the deadline {deadline_of(key)} {does}, and {why}"

    # Where the record concludes otherwise

    def _compare(self, entry: Entry, concluded: Concluded) -> None:
        for fact, words in _CONCLUSIONS.items():
            said, own = entry.facts.get(fact), concluded.get(fact)
            if fact == "lifts_objection" and not (entry.facts.get("counts") and concluded["counts"]):
                continue  # of a hearing that does not count nothing is asked
            if isinstance(own, datetime) and said is not None:
                said = datetime.fromisoformat(said)
            if said != own:
                record, procedure = (self._in_words(fact, each, entry) for each in (said, own))
                self.differs += (
                    f"{entry.act or 'a detention'} {words}: the record says {record}, and the procedure says {procedure}",
                )

    def _in_words(self, fact: str, value: Any, entry: Entry) -> str:
        if value is None:
            return "nothing"
        if fact == "voids":
            return " and ".join(sorted(self.says.get(n, f"entry {n}") for n in value))
        if isinstance(value, datetime):
            return lasting(value - entry.at)
        return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def lasting(time: timedelta) -> str:
    """A length of time in the largest words that tell it whole."""
    seconds = int(time.total_seconds())
    unit, word = next(each for each in ((86_400, "day"), (3_600, "hour"), (1, "second")) if seconds % each[0] == 0)
    return f"{seconds // unit:,} {word}" + "s" * (seconds != unit)


def _those(*numbers: int | None) -> set[int]:
    return {n for n in numbers if n is not None}


def _old(when: datetime, days: int, at: datetime) -> bool:
    return at - when >= timedelta(days=days)


def _if_any(voids: set[int]) -> Concluded:
    return {"voids": sorted(voids)} if voids else {}


# What each act says


def _says_who_the_child_is(told: Reckoning, entry: Entry, said: Said, found: Concluded) -> None:
    if entry.act == "verify_identity":
        told.identified = True
        told.born |= frozenset(filter(None, [said.get("date_of_birth")]))
    else:
        told.assessed_age, told.found_child = entry.n, said["result"] in ("child", "doubt")


def _cares(told: Reckoning, entry: Entry, said: Said, found: Concluded) -> None:
    match entry.act:
        case "screen_protection":
            told.screened = True
            if said["asylum"] and told.asylum != "granted":
                told.asylum = "open"
        case "confirm_services":
            told.served = said["education"] and said["healthcare"]
        case "appoint_counsel":
            told.counsel = True
        case "report_missing" | "report_found":
            told.missing = entry.act == "report_missing"
        case _:
            told.guardian = True


def _traces(told: Reckoning, entry: Entry, said: Said, found: Concluded) -> None:
    match entry.act:
        case "open_tracing":
            told.tracing_opened = entry.n
        case "report_tracing":
            told.answered = 0 if said["result"] == "ongoing" else entry.n
            told.traced = said
            relatives = dict(told.relatives)
            for position, each in enumerate(said.get("relatives", ())):
                _, first = relatives.get(each["id"], ("", f"{entry.n}.{position}"))
                relatives[each["id"]] = (each["state"], first)
            told.relatives = relatives
        case "assess_family":
            good = said["willing"] and said["able"] and said["safe"]
            told.family = {**told.family, said["relative_id"]: (good, entry.at)}
        case _:
            # The word of a relative takes no place of the authority's.
            if said["by"] == "authority" or told.guarantee != "authority":
                told.guarantee, told.guaranteed_at = said["by"], entry.at


def _weighs(told: Reckoning, entry: Entry, said: Said, found: Concluded) -> None:
    match entry.act:
        case "hear_child":
            if found["counts"]:
                told.counted |= {entry.n}
                told.heard = True
                told.objection = "heard" if said["wish"] == "stay" else told.objection
                if found["lifts_objection"]:
                    told.objection = ""
        case "determine_best_interests":
            told.determined = (entry.n, said)
            told.known_since = {**told.known_since, "determination": entry.at}
            if found["rests_on_guarantee"]:
                told.on_guarantee |= {entry.n}
        case "appeal":
            told.appeals = (*told.appeals, (entry.n, said["against"]))
        case _:
            if said["result"] == "upheld" and found.get("against") == "placement":
                told.place_anew = told.court_found_danger = True
            told.appeals = told.appeals[1:]


def _agrees(told: Reckoning, entry: Entry, said: Said, found: Concluded) -> None:
    agrees = entry.act == "give_consent" and said["given"]
    if agrees:
        told.known_since = {**told.known_since, entry.actor_role or "": entry.at}
    if entry.actor_role == "child":
        told.child_consent = entry.n if agrees else None
        told.objection = "" if agrees else "outright"
    else:
        told.guardian_consent = entry.n if agrees else None


def _prepares(told: Reckoning, entry: Entry, said: Said, found: Concluded) -> None:
    match entry.act:
        case "adopt_reintegration_plan":
            told.reintegration = True
        case "assess_rights_impact":
            told.impact = said["safe"]
            told.known_since = {**told.known_since, "impact": entry.at}
        case _:
            told.approvals = {**told.approvals, found["approval"]: entry.n}


def _travels(told: Reckoning, entry: Entry, said: Said, found: Concluded) -> None:
    match entry.act:
        case "plan_travel":
            told.plan, told.last_leg = entry.n, datetime.fromisoformat(said["legs"][-1]["arrives"])
            told.interrupted = False
            told.taken_in_by = said["handover"].get("relative_id") if said["handover"]["to"] == "family" else None
        case "approve_travel":
            told.travel_approval = entry.n
        case "depart":
            told.departed, told.left_at = entry.n, entry.at
        case "report_incident":
            told.interrupted = True
            told.objection = "outright" if said["what"] == "child_objects" else told.objection
        case "arrive":
            told.arrived = entry.at
        case _:
            told.visited |= {said["visit"]}


def _claims(told: Reckoning, entry: Entry, said: Said, found: Concluded) -> None:
    if entry.act == "resolve_asylum_claim":
        told.asylum = "granted" if said["result"] == "granted" else "closed"
    elif told.asylum != "granted":
        told.asylum = "open"


def _ends(told: Reckoning, entry: Entry, said: Said, found: Concluded) -> None:
    match entry.act:
        case "grant_stay":
            told.stay = True
        case "arrange_third_country":
            told.third_country = True
        case "complain":
            told.complaints = (*told.complaints, entry.n)
        case _:
            told.complaints = tuple(n for n in told.complaints if n != said["complaint"])


_ACTS: Final = {
    **dict.fromkeys(("verify_identity", "assess_age"), _says_who_the_child_is),
    **dict.fromkeys(
        (
            *("screen_protection", "confirm_services", "report_missing", "report_found"),
            *("appoint_guardian", "replace_guardian", "appoint_counsel"),
        ),
        _cares,
    ),
    **dict.fromkeys(("open_tracing", "report_tracing", "assess_family", "guarantee_care"), _traces),
    **dict.fromkeys(("hear_child", "determine_best_interests", "appeal", "decide_appeal"), _weighs),
    **dict.fromkeys(("give_consent", "withdraw_consent"), _agrees),
    **dict.fromkeys(("adopt_reintegration_plan", "assess_rights_impact", "approve_return"), _prepares),
    **dict.fromkeys(("plan_travel", "approve_travel", "depart", "report_incident", "arrive", "record_visit"), _travels),
    **dict.fromkeys(("lodge_asylum_claim", "resolve_asylum_claim"), _claims),
    **dict.fromkeys(("grant_stay", "arrange_third_country", "complain", "answer_complaint"), _ends),
}
