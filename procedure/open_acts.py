"""Which acts are open now, to whom, and of the others why not.

No rule stands here. Of each act the most favourable one is made that this case allows, and the law is
asked about it (:mod:`procedure.gates`). What is refused even then is closed by where the case stands
and by who asks, whatever the act would say.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from itertools import count, islice
from typing import Any, Final, cast, get_args

from pydantic import ValidationError

from procedure.acts import Act, Actor, Correct, SuspensionGround, parse_act
from procedure.case import Case
from procedure.deadlines import name_of
from procedure.decide import decide
from procedure.entries import Entry, moment, read_moment
from procedure.gates import refusals
from procedure.ledger import Ledger
from procedure.owed import awaiting
from procedure.safeguards.asked import Asked, Refusal
from procedure.vocabulary import Outcome, PlacementKind, Role, RunBy, Solution
from procedure.who_may import ANY, HOST, MAY, ORIGIN, RELATIVES_STATE, Where, person_alone

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to do an act: a value of the field that it turns on, and what refuses it even so."""

    value: str | int | bool | None
    """``None`` where the act does not turn on any one field."""
    closed_by: tuple[Refusal, ...]
    tried: Act = field(repr=False)
    """The act that the law was asked about. Its words say nothing; it shows only that such an act would stand."""


@dataclass(frozen=True, slots=True)
class OpenAct:
    """An act as it stands for one role of one state: open, or closed with the reasons."""

    act: str
    role: Role
    state: str
    person: str | None
    """Who alone may act: the guardian, counsel or escort in office, or the caseworker assigned."""
    owed: bool
    due: datetime | None
    """When it is owed by, the earliest moment where it is owed several times (UTC)."""
    turns_on: str | None
    """The field, as a dotted path, whose value decides whether the act stands."""
    ways: tuple[Way, ...]

    @property
    def best(self) -> Way:
        """The way that the fewest refusals meet."""
        return min(self.ways, key=lambda way: len(way.closed_by))

    @property
    def closed_by(self) -> tuple[Refusal, ...]:
        """What refuses the act whatever it says. Empty when it is open."""
        return self.best.closed_by

    @property
    def open(self) -> bool:
        return not self.closed_by

    @property
    def choices(self) -> dict[str, list[str | int | bool]]:
        """The values that are open, by the field that the act turns on: ``{"solution": ["stay", "postpone"]}``."""
        if self.turns_on is None:
            return {}
        return {self.turns_on: [way.value for way in self.ways if way.value is not None and not way.closed_by]}

    def as_json(self) -> dict[str, Any]:
        """The row as a JSON object. Of an open act ``closed_choices`` says of each other value why not."""
        closed = [way for way in self.ways if self.turns_on and self.open and way.closed_by]
        return {
            "act": self.act,
            "role": self.role,
            "state": self.state,
            "person": self.person,
            "open": self.open,
            "owed": self.owed,
            "due": moment(self.due) if self.due else None,
            "choices": self.choices,
            "closed_choices": [{"value": way.value, "closed_by": list(way.closed_by)} for way in closed],
            "closed_by": list(self.closed_by),
        }


def open_acts(
    case: Case,
    at: datetime,
    ledger: Ledger,
    *,
    person: str | None = None,
    role: str | None = None,
    state: str | None = None,
) -> list[OpenAct]:
    """Every act, for each role and state that may ever do it in this case, as it stands at the moment ``at`` (UTC).

    What has come due by ``at`` must be on record (:func:`procedure.decide.pass_time`), and ``ledger`` end with the
    case's newest entry. ``person`` asks for one named person; without it the one who alone may act is asked for, else
    somebody who has no part in the case yet. ``role`` and ``state`` keep the rows of one role or one state; of a
    third state these are the alarms and the relatives that it may answer for. Raises ValueError for a ``person`` or a
    ``state`` that no act could name.
    """
    now = _Now(case, at, ledger, person)
    return [now.row(*who) for who in _who(case, role, state)]


def _who(case: Case, role: str | None, state: str | None) -> Iterator[tuple[str, Role, str]]:
    """Each act with each role and state that may ever do it in this case, those asked for only."""
    for act, roles in MAY.items():
        places: list[tuple[Role, str]] = [
            (each, place) for each, where in roles.items() for place in _places(case, where, state)
        ]
        if act == "approve_return":
            for who in case.agreement.approvals:
                further, _, side = who.partition("@")
                if further not in roles:
                    places.append((cast("Role", further), case.state_of(side)))
        for each, place in places:
            if role in (None, each) and state in (None, place):
                yield act, each, place


def _places(case: Case, where: Where, asked: str | None) -> list[str]:
    both = [case.host_state, case.origin_state]
    if where in (HOST, ORIGIN):
        return [case.state_of(where)]
    if where == ANY and asked is not None:
        return [asked]
    if where == RELATIVES_STATE:
        return list(dict.fromkeys([*both, *(relative.state for relative in case.relatives.values())]))
    return both


class _Now:
    """A case at a moment, and what the most favourable acts are made of."""

    def __init__(self, case: Case, at: datetime, ledger: Ledger, person: str | None) -> None:
        self.case, self.at, self.ledger, self.person = case, at, ledger, person
        known = _known(case) | {person}
        self.stranger, self.another, self.third = islice(
            (name for name in (f"nobody-{n}" for n in count(1)) if name not in known), 3
        )
        self._due: dict[tuple[str, str, str], datetime | None] = {}
        for owed in awaiting(case, at):
            # The earliest stands first.
            due = read_moment(owed["due"]) if owed["due"] else None
            self._due.setdefault((owed["act"], owed["role"], owed["state"]), due)
        self._made: dict[str, tuple[str | None, list[tuple[Any, Act]]]] = {}

    def row(self, act: str, role: Role, state: str) -> OpenAct:
        only = person_alone(self.case, role, state)
        try:
            actor = Actor(id=self.person or only or self.stranger, role=role, state=state)
        except ValidationError:
            # ``from None``: the chained error would carry what was given.
            raise ValueError("no act could name such a person or state") from None
        turns_on, made = self._ways(act, actor)
        ways = [(value, said.model_copy(update={"actor": actor})) for value, said in made]
        return OpenAct(
            act=act,
            role=role,
            state=state,
            person=only,
            owed=(act, role, state) in self._due,
            due=self._due.get((act, role, state)),
            turns_on=turns_on,
            ways=tuple(Way(value, tuple(self._refusals(said)), said) for value, said in ways),
        )

    def _ways(self, act: str, actor: Actor) -> tuple[str | None, list[tuple[Any, Act]]]:
        """The field that an act turns on, and the act with each of its values. What is said depends on the case alone."""
        if act == "correct":
            return None, [(None, self._said("correct", self._correction(actor)))]
        if act not in self._made:
            turns_on, ways = _WAYS[act](self)
            self._made[act] = turns_on, [(value, self._said(act, fields)) for value, fields in ways]
        return self._made[act]

    def _said(self, act: str, fields: Fields) -> Act:
        somebody = {"id": self.stranger, "role": "child", "state": self.case.host_state}
        return parse_act({"act": act, "act_id": "as-if", "actor": somebody, "reason": _SO, **fields})

    def _refusals(self, said: Act) -> list[Refusal]:
        found = refusals(Asked(self.case, said, self.at, self.ledger))
        return found if found or not isinstance(said, Correct) else self._correction_refused(said)

    # Corrections

    def _correction(self, actor: Actor) -> Fields:
        """The newest words of this role about what it recorded, said again as they are."""
        entry = self._own_entries.get((actor.role, actor.state))
        if entry is None or entry.kind == "opened":
            return {"entry": 1, "fields": {"situation": self.case.situation}}
        return {"entry": entry.n, "fields": {"reason": self.ledger.as_corrected(entry).get("reason") or _SO}}

    @cached_property
    def _own_entries(self) -> dict[tuple[str | None, str | None], Entry]:
        """By role and state the newest entry that it recorded."""
        return {
            (entry.actor_role, entry.actor_state): entry
            for entry in self.ledger
            if entry.kind in ("opened", "accepted") and entry.act != "correct" and entry.body
        }

    def _correction_refused(self, said: Act) -> list[Refusal]:
        """Whether a correction stands is seen only against what it corrects: the law's own door is asked, on a copy."""
        decide(self.case, said, self.at, self._copy, _NO_SEED)
        answer = self._copy.find(self.case.n + 1)
        self._copy.cut(self.case.n)
        assert answer is not None
        return answer.body.get("refusals", [])

    @cached_property
    def _copy(self) -> Ledger:
        return Ledger(self.ledger)


_SO: Final = "as it should be"
_NO_SEED: Final = bytes(32)
"""What is sealed with it is thrown away unread."""
_COMPLAINTS_LOOKED_AT: Final = 100
"""Of the complaints that wait, the oldest: one is as open as the next, and thousands would take seconds."""


def _known(case: Case) -> set[str | None]:
    """Everybody who has a part in the case."""
    facts = (*case.approvals.values(), *case.suspensions.values(), case.plan, case.travel_approval)
    return {
        case.opened_by,
        *(office.id for office in (case.guardian, case.counsel) if office),
        *case.caseworkers.values(),
        *case.assessors,
        *case.panel_members,
        *(fact.by for fact in (*facts, case.guardian_consent, case.child_consent) if fact),
        *((case.plan.escort_id,) if case.plan else ()),
        *case.relatives,
    }


# The most favourable acts

_Ways = tuple[str | None, list[tuple[Any, Fields]]]
"""The field that an act turns on, and for each of its values that value and all fields of the act."""


def _one(**fields: Any) -> Callable[[_Now], _Ways]:
    """An act that its own words cannot close."""
    return lambda now: (None, [(None, fields)])


def _each(turns_on: str, values: Iterable[Any], **fields: Any) -> Callable[[_Now], _Ways]:
    ways = [(value, {**fields, turns_on: value}) for value in values]
    return lambda now: (turns_on, ways)


def _place(kind: PlacementKind) -> Fields:
    run_by: RunBy = _RUN_BY.get(kind, "child_protection")
    return {"name": _SO, "kind": kind, "run_by": run_by, "child_may_leave_at_will": True}


_RUN_BY: Final[dict[PlacementKind, RunBy]] = {
    "family": "family",
    "kinship": "family",
    "foster_family": "foster_carer",
    "hospital": "health",
}
_FAMILY: Final = _place("family")


def _each_place(**fields: Any) -> Callable[[_Now], _Ways]:
    ways = [(kind, {**fields, "placement": _place(kind)}) for kind in get_args(PlacementKind)]
    return lambda now: ("placement.kind", ways)


def _guardian(now: _Now) -> _Ways:
    guardian = {"id": now.another, "kind": "professional"}
    return None, [(None, {"guardian": guardian, "independent": True, "child_informed": True})]


def _family(now: _Now) -> _Ways:
    good = {"willing": True, "able": True, "safe": True, "assessment": _SO}
    return "relative_id", [(id, {"relative_id": id, **good}) for id in now.case.relatives or (now.another,)]


def _determination(now: _Now) -> _Ways:
    panel = [
        {"id": now.stranger, "discipline": "social work", "employer": "child_protection"},
        {"id": now.another, "discipline": "psychology", "employer": "health"},
        {"id": now.third, "discipline": "law", "employer": "ngo"},
    ]
    review = {"review_on": (now.at + timedelta(days=30)).date().isoformat()}

    def found(solution: Solution) -> Fields:
        return {
            "panel": panel,
            "solution": solution,
            "options_considered": list(dict.fromkeys((solution, "stay", "return"))),
            "weight_given_to_views": _SO,
            **(review if solution == "postpone" else {}),
        }

    return "solution", [(solution, found(solution)) for solution in get_args(Solution)]


def _dossier(now: _Now) -> _Ways:
    return None, [(None, {"dossier": now.case.head})]


def _fitness(now: _Now) -> _Ways:
    return None, [(None, {"fit": True, "valid_until": (now.at + timedelta(days=30)).date().isoformat()})]


def _journey(now: _Now) -> _Ways:
    departs, safe = now.at + timedelta(days=2), list(now.case.safe_relatives())
    leg = {"from": _SO, "to": _SO, "mode": "train"}
    leg |= {"departs": moment(departs), "arrives": moment(departs + timedelta(hours=6))}
    fields = {
        "legs": [leg],
        "escort": {"id": now.another, "employer": now.case.agreement.escort_employers[0]},
        "documents_ready": True,
    }
    family = {"to": "family", "relative_id": (safe or [now.another])[0], "placement": _FAMILY}
    ways = {"family": family, "child_protection": {"to": "child_protection", "placement": _place("foster_family")}}
    return "handover.to", [(to, {**fields, "handover": handover}) for to, handover in ways.items()]


def _third_country(now: _Now) -> _Ways:
    third = next(state for state in ("RO", "PL", "DE") if now.case.side_of(state) is None)
    return _each_place(state=third, guarantee=_SO)(now)


def _complaint(now: _Now) -> _Ways:
    waiting = [complaint.n for complaint in now.case.complaints[:_COMPLAINTS_LOOKED_AT]]
    return _each("complaint", waiting or [now.case.n], result="upheld", remedy=_SO)(now)


def _deadline(now: _Now) -> _Ways:
    running = dict.fromkeys(name_of(key) for key, deadline in now.case.deadlines.items() if deadline.open)
    return _each("deadline", running or ["identification"], days=1)(now)


def _colleague(now: _Now) -> _Ways:
    return None, [(None, {"caseworker": {"id": now.another}})]


def _since(now: _Now) -> Fields:
    return {"since": moment(now.at)}


_CARE: Final = _one(placement=_FAMILY)
_GROUNDS: Final = get_args(SuspensionGround)

_WAYS: Final[dict[str, Callable[[_Now], _Ways]]] = {
    "verify_identity": _one(result="presumed", sources=[_SO]),
    "assess_age": _each(
        "result", ("child", "adult", "doubt"), methods=["interview", "paediatrics"], guardian_present=True
    ),
    "screen_protection": _one(trafficking=False, asylum=False, violence=False),
    "place_child": _each_place(),
    "confirm_services": _one(education=True, healthcare=True),
    "report_detention": lambda now: (None, [(None, {"placement": _FAMILY, **_since(now)})]),
    "confirm_release": _CARE,
    "report_missing": lambda now: (None, [(None, _since(now))]),
    "report_found": _CARE,
    "appoint_guardian": _guardian,
    "replace_guardian": _guardian,
    "appoint_counsel": lambda now: (None, [(None, {"counsel": {"id": now.another}, "free_of_charge": True})]),
    "open_tracing": _each("via", ("central_authority", "consulate", "red_cross", "social_service"), child_agrees=True),
    "report_tracing": _one(result="not_found"),
    "assess_family": _family,
    "guarantee_care": _each("by", ("family", "authority"), undertaking=_SO),
    "hear_child": _one(
        views=_SO, wish="undecided", language="en", interpreter=True, guardian_present=True, informed=True
    ),
    "submit_assessment": _one(
        options=[{"solution": "stay", "for": _SO, "against": _SO}], recommendation="stay", assessment=_SO
    ),
    "determine_best_interests": _determination,
    "reopen_best_interests": _one(new_facts=_SO),
    "appeal": _one(against="best_interests", grounds=_SO),
    "decide_appeal": _one(result="dismissed"),
    "give_consent": _each("given", (True, False), informed=True, language="en", interpreter=True),
    "withdraw_consent": _one(),
    "adopt_reintegration_plan": _one(housing=_SO, education=_SO, healthcare=_SO, support=_SO, contact=_SO, funded=True),
    "assess_rights_impact": _one(safe=True, risks=[_SO]),
    "approve_return": _dossier,
    "decline_return": _one(),
    "certify_fit_to_travel": _fitness,
    "plan_travel": _journey,
    "approve_travel": _dossier,
    "depart": _one(),
    "report_incident": _one(what="other", placement=_FAMILY),
    "arrive": _one(handed_to="family", placement=_FAMILY),
    "record_visit": _one(visit=1, seen_alone=True, safe=True, in_school=True, with_family=True, findings=_SO),
    "grant_stay": _one(status="residence"),
    "arrange_third_country": _third_country,
    "transfer_to_adult_services": _one(plan=_SO),
    "close_case": _each("outcome", get_args(Outcome)),
    "lodge_asylum_claim": _one(),
    "resolve_asylum_claim": _one(result="withdrawn"),
    "suspend": _each("ground", _GROUNDS),
    "resume": _each("ground", _GROUNDS),
    "complain": _one(about=_SO),
    "answer_complaint": _complaint,
    "assign": _colleague,
    "extend_deadline": _deadline,
    "note": _one(text=_SO),
}
"""Of each act but ``correct`` how it is said as favourably as the case allows."""
