"""Who may see what of a case: role and relation to the case by part of the case, as one table (procedure.md, part 6).

The desk, the API, the command line and the dossier ask this table, and no other. Where no row allows a part, it is
denied. A part is seen **whole**; or only **told**: of the acts that every return has, that they happened (the header
of the entry), and of all else nothing; or not at all.

So that a gap tells nothing, what is only told leaves out everything that a case need not have, and not the asylum
claim alone (docs/decisions/0020, 0026).
"""

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, replace
from typing import Any, Final, Literal, Protocol, cast, get_args

from procedure.case import Case
from procedure.entries import Entry
from procedure.open_acts import OpenAct
from procedure.safeguards.asked import Refusal
from procedure.vocabulary import HOLDS, Hold, Role, SafeguardName
from procedure.who_may import BOUND_BY_ID, MAY, in_office

Part = Literal[
    "standing",
    "intake",
    "names",
    "identity",
    "placement",
    "people",
    "tracing",
    "tracing_around",
    "relatives",
    "family",
    "screening",
    "asylum",
    "hearing",
    "assessment",
    "determination",
    "appeals",
    "decision",
    "plan",
    "health",
    "travel",
    "visits",
    "ending",
    "notes",
    "deadlines",
    "refusals",
    "record",
    "past",
    "child_page",
    "readings",
    "figures",
]
"""What a case has parts of. The last five are no entries: ``record`` the chain of them, with the places of those that
are not shown; ``past`` looking back; ``readings`` who has read the case; ``figures`` the figures of many cases."""

Relation = Literal["own", "colleague", "none"]
"""``own``: their case, by office or by name. ``colleague``: another's case in their state, to be opened for a reason."""

Level = Literal["whole", "told"]
Shown = Literal["whole", "header", "place"]
"""How much of an entry is shown: all, its header, or its number and hashes alone."""

PARTS: Final[tuple[Part, ...]] = get_args(Part)

PART_OF_ACT: Final[dict[str, Part]] = {
    "verify_identity": "identity",
    "assess_age": "identity",
    "screen_protection": "screening",
    "place_child": "placement",
    "confirm_services": "placement",
    "report_detention": "placement",
    "confirm_release": "placement",
    "report_missing": "placement",
    "report_found": "placement",
    "appoint_guardian": "people",
    "replace_guardian": "people",
    "appoint_counsel": "people",
    "assign": "people",
    "open_tracing": "tracing",
    "report_tracing": "relatives",
    "assess_family": "family",
    "guarantee_care": "family",
    "hear_child": "hearing",
    "submit_assessment": "assessment",
    "assess_rights_impact": "assessment",
    "reopen_best_interests": "assessment",
    "determine_best_interests": "determination",
    "appeal": "appeals",
    "decide_appeal": "appeals",
    "give_consent": "decision",
    "withdraw_consent": "decision",
    "approve_return": "decision",
    "decline_return": "decision",
    "approve_travel": "decision",
    "depart": "decision",
    "adopt_reintegration_plan": "plan",
    "certify_fit_to_travel": "health",
    "plan_travel": "travel",
    "report_incident": "travel",
    "arrive": "travel",
    "record_visit": "visits",
    "grant_stay": "ending",
    "arrange_third_country": "ending",
    "transfer_to_adult_services": "ending",
    "close_case": "ending",
    "lodge_asylum_claim": "asylum",
    "resolve_asylum_claim": "asylum",
    "suspend": "notes",
    "resume": "notes",
    "complain": "notes",
    "answer_complaint": "notes",
    "note": "notes",
    "extend_deadline": "deadlines",
}
"""The part to which what an act says belongs. A correction belongs where the act does that it corrects."""

ORDINARY: Final = frozenset(
    {
        *("verify_identity", "assess_age", "place_child", "confirm_services", "appoint_guardian", "appoint_counsel"),
        *("open_tracing", "report_tracing", "assess_family", "guarantee_care", "hear_child", "submit_assessment"),
        *("determine_best_interests", "give_consent", "withdraw_consent", "approve_return"),
        *("certify_fit_to_travel", "approve_travel", "depart", "adopt_reintegration_plan"),
        *("plan_travel", "report_incident", "arrive", "record_visit"),
        *("arrange_third_country", "transfer_to_adult_services", "close_case"),
    }
)
"""Acts of which one may be told that they happened.

Not among them: the screening, behind which a hold stands at the same moment if asylum is an issue; the assessment of
what a return would do to the child's rights; a stay, whose header names protection as its ground; and all that a case
need not have, among which a claim would otherwise be found by what is missing.
"""

PART_OF_HOLD: Final[dict[Hold, Part]] = {
    "detention": "placement",
    "emergency_placement_overdue": "placement",
    "asylum": "asylum",
    "appeal": "appeals",
    "missing": "placement",
    "crisis": "notes",
    "health": "notes",
    "school_year": "notes",
    "other": "notes",
    "review": "determination",
    "adulthood": "standing",
}
"""Were only the asylum claim's hold hidden, a deadline that stands still without a hold would tell of it."""

PART_OF_SAFEGUARD: Final[dict[SafeguardName, Part | None]] = {
    "no-detention": "placement",
    "guardian-first": "people",
    "guardian-independence": "people",
    "counsel-free": "people",
    "counsel-first": "people",
    "benefit-of-doubt": "identity",
    "child-heard": "hearing",
    "no-contact-with-origin": "asylum",
    "safe-family": "family",
    "care-guaranteed": "family",
    "bid-before-return": "determination",
    "bid-panel": "determination",
    "options-considered": "determination",
    "non-refoulement": "asylum",
    "appeal-suspends": "appeals",
    "consent": "decision",
    "reintegration-plan": "plan",
    "rights-impact": "assessment",
    "approval-of-both-states": "decision",
    "four-eyes": None,
    "stale-dossier": "refusals",
    "stale-evidence": "refusals",
    "fit-to-travel": "health",
    "travel-approved": "travel",
    "escort-from-child-protection": "travel",
    "handover-into-care": "travel",
    "family-unity": "family",
    "monitoring-complete": "visits",
    "held": "refusals",
    "not-your-act": None,
    "out-of-order": "refusals",
    "closed-case": None,
    "extension-limit": None,
    "well-formed": None,
}
"""The part that must be seen whole by whoever is told why an act was refused. ``None``: it speaks of the act alone.

``refusals`` stands where the sentence may name anything at all: a hold, or what was recorded since.
"""

_STANDING_STILL: Final = frozenset({"approve_return", "plan_travel", "approve_travel", "certify_fit_to_travel"})
"""Acts whose deadline a hold makes stand still: by when they are owed would tell of a hold."""


class PersonLike(Protocol):
    """Somebody at work in one role of one state."""

    @property
    def id(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def cases(self) -> frozenset[str]:
        """References of the cases that the sign-in names as theirs; it counts for roles of :data:`TIED_BY_SIGN_IN`."""
        ...


# The table

Reader = Literal[
    "auditor",
    "court",
    "ombudsperson",
    "host_authority",
    "guardian",
    "legal_counsel",
    "caseworker",
    "origin_authority",
    "monitor",
]
"""For whom a dossier can be made. Each is one row of the table."""

READERS: Final[tuple[Reader, ...]] = get_args(Reader)

_ALL: Final[dict[Part, Level]] = dict.fromkeys(PARTS, "whole")


def _but(*less: Part) -> dict[Part, Level]:
    """Every part whole, without these."""
    return {part: level for part, level in _ALL.items() if part not in less}


def _only(*whole: Part, told: Iterable[Part] = ()) -> dict[Part, Level]:
    return {**dict.fromkeys(told, "told"), **dict.fromkeys(whole, "whole")}


_ORIGIN_TOLD: Final[tuple[Part, ...]] = (
    *("intake", "identity", "placement", "people", "tracing", "relatives", "family", "hearing", "assessment"),
    *("determination", "decision", "health", "ending", "deadlines"),
)
_ORIGIN: Final = _only("standing", "plan", "travel", "visits", "record", told=_ORIGIN_TOLD)
"""What passes between the two states (parts 6 and 7): plan, journey and visits; of the rest, what every return has."""

ORIGIN_OFFICES: Final = frozenset(
    {
        *("central_authority", "child_protection_authority", "guardianship_authority", "caseworker"),
        *("tracing_service", "consulate"),
    }
)
"""Who acts as the origin state. A child, a relative, a guardian or a counsel speaks from there too, and not for it."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one role of one side sees of a case that stands to it in one relation."""

    role: Role
    side: Literal["host", "origin", "either"]
    relation: Relation
    parts: Mapping[Part, Level]
    source: str
    """Where it is written, or what we decided where part 6 is silent."""
    reader: Reader | None = None
    """As which reader of dossiers this row is asked."""
    offices: frozenset[str] = frozenset()
    """Roles of one's own state whose entries are one's own doing, and seen whole."""
    what_follows: bool = False
    """Whether they are told all that follows from their own acts, and why one was refused, whatever that names."""
    of_the_round: bool = False
    """Whether of hearing, assessment and determination only those of the round that runs are seen."""


_CASE: Final = "Part 6: sees the case."
_BEFORE_THEM: Final = "Part 6: all of the cases before them."
_SILENT: Final = "Part 6 is silent (ours): what its acts need, and nothing else."

TABLE: Final[tuple[Row, ...]] = (
    # The host state
    Row("central_authority", "host", "own", _but("readings"), _CASE, reader="host_authority"),
    Row("caseworker", "host", "own", _but("readings", "figures"), "Part 6: the assigned caseworkers see the case; where none is assigned, each may have to act.", reader="caseworker"),
    Row("caseworker", "host", "colleague", _but("readings", "figures"), "Part 6 gives the case to who is assigned. Whoever stands in says why (ours)."),
    Row("court", "host", "own", _but("readings", "child_page"), _BEFORE_THEM, reader="court"),
    Row("ombudsperson", "host", "own", _but("child_page"), _BEFORE_THEM, reader="ombudsperson"),
    Row("auditor", "host", "own", _but("child_page"), "Part 6: all, read-only, each opening logged.", reader="auditor"),
    Row("bid_panel", "host", "own", _only("standing", "names", "identity", "placement", "people", "tracing", "tracing_around", "relatives", "family", "screening", "asylum", "hearing", "assessment", "determination", "appeals", "plan", "health", "visits", "record"), "Part 6: the dossier of its round.", of_the_round=True, what_follows=True),
    Row("child_protection_authority", "host", "own", _only("standing", "names", "identity", "placement", "people", "family", "relatives", "screening", "decision", "plan", "health", "travel", "deadlines", "record", told=("determination", "asylum", "appeals", "notes")), "Part 6 is silent (ours): it screens, places the child and answers for the journey, and sees what holds that; not what the child said, nor anybody's reasons.", what_follows=True),
    Row("guardianship_authority", "host", "own", _only("standing", "names", "identity", "people"), _SILENT, what_follows=True),
    Row("asylum_authority", "host", "own", _only("names", "identity", "people", "asylum"), "Part 6 is silent (ours): the claim that is before it.", what_follows=True),
    Row("health_worker", "host", "own", _only("names", "identity", "health"), _SILENT),
    # By name, wherever they are
    Row("guardian", "either", "own", _but("readings", "figures"), _CASE, reader="guardian"),
    Row("legal_counsel", "either", "own", _but("readings", "figures", "child_page"), _CASE, reader="legal_counsel"),
    Row("escort", "either", "own", _only("names", "people", "relatives", "health", "travel"), "Part 6: travel plan, health and contact, not the assessment."),
    Row("child", "either", "own", _only("child_page"), "CRC art. 12 and 13 (ours): the page made for the child, and what the child said; in the case that the sign-in names.", what_follows=True),
    Row("relative", "either", "own", _only(), "Part 6 is silent (ours): what they said themselves, in the case that the sign-in names."),
    # Services of either state
    Row("tracing_service", "either", "own", _only("names", "relatives", told=("tracing", "tracing_around")), "Part 6: the tracing request (names, relationship, last known place), never the screening, views or assessment."),
    Row("consulate", "either", "own", _only("names", "identity"), "Part 6: the identity part only, never where a protection need is open."),
    Row("monitor", "host", "own", _ORIGIN, "Part 6: plan and visits."),
    Row("monitor", "origin", "own", _ORIGIN, "Part 6: plan and visits.", reader="monitor", offices=frozenset({"monitor"})),
    # The origin state
    Row("central_authority", "origin", "own", _ORIGIN, "Part 6: sees the case, never the asylum part, the screening, or the reasons of a stay.", reader="origin_authority", offices=ORIGIN_OFFICES),
    Row("caseworker", "origin", "own", _ORIGIN, "Part 6, as the central authority of that state.", offices=ORIGIN_OFFICES),
    Row("caseworker", "origin", "colleague", _ORIGIN, "As in the host state: whoever stands in says why (ours).", offices=ORIGIN_OFFICES),
    Row("child_protection_authority", "origin", "own", _ORIGIN, "Part 6 is silent (ours): once the child is there, as its central authority.", offices=ORIGIN_OFFICES),
    Row("guardianship_authority", "origin", "own", _ORIGIN, "Part 6 is silent (ours): once the child is there, as its central authority.", offices=ORIGIN_OFFICES),
    Row("ombudsperson", "origin", "own", _ORIGIN, "Part 6: the cases before them; the origin state never sees more (ours: once the child is there)."),
    Row("court", "origin", "own", _ORIGIN, "Part 6: the cases before them; the origin state never sees more (ours: once the child is there)."),
)  # fmt: skip
"""The table. Law enforcement, the system and every other state stand in no row: they see nothing.

What somebody recorded themselves they see, whatever the row says, unless it was refused.
"""

FIREWALLED: Final = "law_enforcement"
"""The role that reads nothing, not even whether there is a case: what a child tells care is never used for enforcement
(procedure.md, part 6)."""

ALARMS: Final = ("report_missing", "report_found", "report_detention")
"""What law enforcement may say, and nothing else (contract, section 3)."""

TIED_BY_SIGN_IN: Final[frozenset[Role]] = frozenset({"child", "relative"})
"""Roles of somebody who is a party to one case, and whom its record knows by no identifier of a sign-in.

Guardian, counsel and escort are tied by their ids in office; to a child and a relative nothing in the record ties whoever
signs in. So the sign-in itself names their cases, and in every other case they see and say nothing.
"""

_LISTING: Final = frozenset(
    {
        ("central_authority", "host"),
        ("caseworker", "host"),
        ("court", "host"),
        ("ombudsperson", "host"),
        ("auditor", "host"),
        ("child_protection_authority", "host"),
        ("guardianship_authority", "host"),
        ("central_authority", "origin"),
        ("caseworker", "origin"),
    }
)
"""Offices that may know of every case of their state on that side. Others know of a case when they have a part in it."""


# Asking it


@dataclass(frozen=True, slots=True)
class Sight:
    """What one person sees of one case."""

    relation: Relation
    parts: Mapping[Part, Level]
    row: Row | None = None
    person: tuple[str, str, str] | None = None
    """Id, role and state of who looks; None for a reader of a dossier, who is an office."""
    state: str | None = None
    """The state of who looks."""
    round_begins: int = 1
    """The entry with which the round begins."""

    @property
    def nothing(self) -> bool:
        """Whether there is nothing for them to see, not even that there is such a case."""
        return self.row is None

    @property
    def needs_reason(self) -> bool:
        """Whether they say first why they open the case."""
        return self.relation == "colleague"

    @property
    def everything(self) -> bool:
        """Whether they see every entry whole."""
        return all(self.parts.get(part) == "whole" for part in _OF_ENTRIES)

    @property
    def reader(self) -> Reader | None:
        """As which reader of dossiers their role is asked; None where it has no dossier."""
        if self.row is None:
            return None
        role, side = self.row.role, self.row.side
        return next((row.reader for row in TABLE if (row.role, row.side) == (role, side) and row.reader), None)

    @property
    def what_follows(self) -> bool:
        """Whether they are told all that follows from their own acts."""
        return self.row is not None and (self.row.what_follows or self.everything)

    def whole(self, part: Part) -> bool:
        return self.parts.get(part) == "whole"

    def any_of(self, part: Part) -> bool:
        """Whether they are told anything of a part."""
        return part in self.parts

    def may_tell(self, act: str) -> bool:
        """Whether they may know that this act is owed or was done."""
        level = self.parts.get(part_of_act(act))
        return level == "whole" or (level == "told" and act in ORDINARY)


_OF_ENTRIES: Final[frozenset[Part]] = frozenset(
    {*PART_OF_ACT.values(), *PART_OF_HOLD.values(), "standing", "intake", "tracing_around", "refusals"}
)
NOTHING: Final = Sight("none", {})


def sees(person: PersonLike, case: Case, *, spoke: bool = False, round_begins: int = 1) -> Sight:
    """What somebody sees of a case as it stands.

    ``spoke``: whether this person recorded an act in the case before; who once sat on a panel is known by that.
    ``round_begins``: the number of the entry with which the present round begins (:func:`round_began`).
    """
    relation = relation_of(person, case, spoke=spoke)
    row = _row(person.role, case.side_of(person.state), relation)
    if row is None:
        return NOTHING
    who = (person.id, person.role, person.state)
    return Sight(relation, row.parts, row, who, person.state, round_begins if row.of_the_round else 1)


def sees_as(reader: Reader, origin: str | None) -> Sight:
    """What a reader of dossiers sees. ``origin``: the origin state, where it is known."""
    row = next(row for row in TABLE if row.reader == reader)
    return Sight(row.relation, row.parts, row, None, origin if row.side == "origin" else None)


def round_began(entries: Iterable[Entry]) -> int:
    """The number of the entry with which the newest round of best interests begins."""
    began = 1
    for entry in entries:
        if "round" in entry.facts:
            began = entry.n
    return began


def relation_of(person: PersonLike, case: Case, *, spoke: bool = False) -> Relation:
    """How somebody stands to a case: whether it is theirs, a colleague's, or nothing to them."""
    if not may_be_theirs(person, case.reference):
        return "none"
    side = case.side_of(person.state)
    if person.role == "relative":
        # A relative may live anywhere.
        return "own"
    if side is None:
        return "none"
    host = side == "host"
    match person.role:
        case "guardian":
            own = case.guardian is not None and case.guardian.id == person.id
        case "legal_counsel":
            own = case.counsel is not None and case.counsel.id == person.id
        case "escort":
            own = case.plan is not None and case.plan.escort_id == person.id
        case "child":
            own = True
        case "caseworker":
            if case.caseworkers.get(person.state) not in (None, person.id):
                return "colleague"
            own = True
        case "bid_panel":
            own = host and (case.determination is None or spoke or person.id in case.panel_members)
        case "asylum_authority":
            own = host and (case.asylum != "none" or "asylum" in case.holds)
        case "health_worker":
            own = host and case.return_found and case.arrived is None
        case "tracing_service":
            own = case.tracing_opened is not None
        case "consulate":
            # Of all the holds, so that a door that closes does not tell of a claim.
            own = case.screening is not None and not case.screening.asylum and not case.holds
        case "monitor":
            own = case.reintegration_plan is not None or case.plan is not None or case.departed is not None
        case "central_authority":
            own = True
        case "auditor":
            own = host
        case _:
            own = host or case.arrived is not None
    return "own" if own else "none"


def may_speak(person: PersonLike, case: Case, act: str) -> bool:
    """Whether the law may hear this act from somebody of this role and state, whatever they see of the case.

    Where it may not, and they see nothing, they do not learn that there is such a case.
    """
    role, state = person.role, person.state
    if not may_be_theirs(person, case.reference):
        return False
    if role in BOUND_BY_ID and not in_office(case, role, person.id):
        return False
    match MAY.get(act, {}).get(cast("Role", role)):
        case "any":
            return True
        case "relative":
            return case.side_of(state) is not None or any(each.state == state for each in case.relatives.values())
        case "either":
            return case.side_of(state) is not None
        case "host" | "child":
            return state in (case.host_state, case.child_state)
        case "origin":
            return state == case.origin_state
        case _:
            return f"{role}@{case.side_of(state)}" in case.agreement.approvals and act == "approve_return"


def could_see(person: PersonLike, reference: str) -> bool:
    """Whether somebody of this role and state could see a case of this reference at all, whatever stands in it.

    Where not, nothing is looked up for them: how long that takes would tell whether there is such a case.
    """
    side = _side_by_reference(person, reference)
    if not may_be_theirs(person, reference) or (side is None and person.role != "relative"):
        return False
    return any(row.role == person.role and row.side in (side, "either") for row in TABLE)


def could_say(person: PersonLike, reference: str, act: str) -> bool:
    """Whether :func:`may_speak` could let somebody of this role and state say this in a case of this reference."""
    side = _side_by_reference(person, reference)
    if not may_be_theirs(person, reference):
        return False
    match MAY.get(act, {}).get(cast("Role", person.role)):
        case "any" | "relative":
            return True
        case "origin":
            return side == "origin"
        case "host" | "either" | "child":
            return side is not None
        case _:
            # An agreement may ask further offices of both states to approve.
            return side is not None and act == "approve_return"


def _side_by_reference(person: PersonLike, reference: str) -> str | None:
    """On which side of a case somebody's state is; a reference begins with the host's state and the origin's."""
    return {reference[3:5]: "origin", reference[:2]: "host"}.get(person.state)


def may_be_theirs(person: PersonLike, reference: str) -> bool:
    """Whether a case can be somebody's at all: a child's and a relative's are those that their sign-in names."""
    cases = tied_to(person)
    return cases is None or reference in cases


def tied_to(person: PersonLike) -> frozenset[str] | None:
    """The references of the only cases that can be somebody's; None where their sign-in ties them to none."""
    return person.cases if person.role in TIED_BY_SIGN_IN else None


def lists(role: str, side: str | None) -> bool:
    """Whether an office may know of every case in which its state is on that side."""
    return (role, side) in _LISTING


def sight_in_list(person: PersonLike, host_state: str, origin_state: str, *, waits: bool) -> Sight:
    """What somebody sees of a case between these states as it stands in a list.

    They know of it by their office, or because it ``waits`` for them.
    """
    side = "host" if person.state == host_state else "origin" if person.state == origin_state else None
    row = _row(person.role, side, "own")
    if row is None or not (waits or lists(person.role, side)):
        return NOTHING
    return Sight("own", row.parts, row, (person.id, person.role, person.state), person.state)


def acts_told(role: str, side: str) -> frozenset[str] | None:
    """The acts of which a list tells an office that others owe them; None: of every act."""
    if not lists(role, side):
        return frozenset()
    row = _row(role, side, "own")
    sight = Sight("own", row.parts, row) if row else NOTHING
    if sight.everything:
        return None
    if not sight.any_of("deadlines"):
        return frozenset()
    return frozenset(act for act in PART_OF_ACT if sight.may_tell(act) and not hides_time(act, sight))


def listed_seen(row: Mapping[str, Any], person: PersonLike) -> dict[str, Any] | None:
    """A row of the caseload as somebody may read it; None where they may not know of the case.

    They know of it by their office, or because it waits for them. ``row`` has ``host_state``, ``origin_state``,
    ``holds``, ``awaiting`` and what else the caseload tells.
    """
    waits = may_be_theirs(person, row["reference"]) and any(
        (owed["role"], owed["state"]) == (person.role, person.state) and owed.get("person") in (None, person.id)
        for owed in row["awaiting"]
    )
    sight = sight_in_list(person, row["host_state"], row["origin_state"], waits=waits)
    if sight.nothing:
        return None
    if sight.everything:
        return dict(row)
    awaiting = owed_seen(row["awaiting"], sight)
    told = {
        **row,
        "holds": list(holds_seen(row["holds"], sight)),
        "awaiting": awaiting,
        "due": min((owed["due"] for owed in awaiting if owed["due"]), default=None),
        "overdue": any(owed["overdue"] for owed in awaiting),
        "refused": None,
        "untold": [],
    }
    if not sight.whole("standing"):
        told |= dict.fromkeys(("stage", "outcome"))
    if not sight.may_tell("determine_best_interests"):
        told["solution"] = None
    return told


def sees_figures(role: str) -> bool:
    """Whether a role sees the figures over the cases that its state hosts."""
    return any(row.role == role and row.side == "host" and "figures" in row.parts for row in TABLE)


def _row(role: str, side: str | None, relation: Relation) -> Row | None:
    if relation == "none":
        return None
    return next(
        (row for row in TABLE if row.role == role and row.relation == relation and row.side in (side, "either")), None
    )


# What it means for an entry


def part_of_act(act: str, facts: Mapping[str, Any] | None = None) -> Part:
    """The part to which an act belongs; ``facts`` are those of its entry, where there is one."""
    if act == "correct":
        of = (facts or {}).get("of")
        return "notes" if of is None else "intake" if of == "opened" else part_of_act(of)
    if act == "open_tracing" and facts is not None and facts.get("via") not in _THROUGH_THE_ORIGIN:
        return "tracing_around"
    return PART_OF_ACT[act]


_THROUGH_THE_ORIGIN: Final = frozenset({"central_authority", "consulate"})


def part_of(entry: Entry) -> Part:
    """The part of the case to which an entry belongs."""
    match entry.kind:
        case "refused":
            return "refusals"
        case "hold" | "hold_lifted":
            return PART_OF_HOLD[entry.facts["hold"]]
        case "overdue" | "escalated":
            return "notes" if entry.facts.get("deadline") == "complaint" else "deadlines"
        case "opened":
            return "intake"
        case _ if entry.act is not None:
            return part_of_act(entry.act, entry.facts)
        case "detention":
            return "placement"
        case _:
            return "standing"


def shown(entry: Entry, sight: Sight) -> Shown:
    """How much of an entry somebody sees."""
    level = sight.parts.get(part_of(entry))
    if sight.round_begins > entry.n and part_of(entry) in ("hearing", "assessment", "determination"):
        level = None
    if entry.kind == "refused":
        mine = sight.what_follows and "not-your-act" not in entry.safeguards and _said_by(entry, sight.person)
        return "whole" if level == "whole" or mine else "place"
    if level == "whole" or (entry.act is not None and _own(entry, sight)):
        return "whole"
    if level is None:
        return "place"
    # An entry that nobody wrote has nothing to withhold; a detention is answered by both states at once (part 7).
    if entry.act is None:
        return "header" if entry.body else "whole"
    return "header" if entry.kind == "detention" or entry.act in ORDINARY else "place"


def _own(entry: Entry, sight: Sight) -> bool:
    if sight.row is not None and entry.actor_state == sight.state and entry.actor_role in sight.row.offices:
        return True
    return _said_by(entry, sight.person)


def _said_by(entry: Entry, person: tuple[str, str, str] | None) -> bool:
    """Whether this very person said it."""
    act = entry.body.get("act")
    if person is None or not isinstance(act, dict):
        return False
    actor = cast("dict[str, dict[str, Any]]", act).get("actor", {})
    return (actor.get("id"), actor.get("role"), actor.get("state")) == person


def spoke(person: PersonLike, entries: Iterable[Entry]) -> bool:
    """Whether somebody recorded an act in these entries that was accepted."""
    who = (person.id, person.role, person.state)
    return any(entry.kind in ("accepted", "detention") and _said_by(entry, who) for entry in entries)


# What it means for a case


PART_OF_FACT: Final[dict[str, Part | None]] = {
    **dict.fromkeys(("reference", "agreement", "procedure_version", "host_state", "origin_state", "opened_at"), None),
    **dict.fromkeys(("n", "head", "recorded_at", "last_material", "signed", "moves_to"), None),
    **dict.fromkeys(("stage", "outcome", "closed", "turned_18", "adulthood_holds"), "standing"),
    **dict.fromkeys(("date_of_birth", "estimated_age"), "names"),
    **dict.fromkeys(("languages", "identity", "age_assessed", "situation"), "identity"),
    "screening": "screening",
    **dict.fromkeys(("placement", "placement_n", "detained", "missing", "services", "place_anew"), "placement"),
    **dict.fromkeys(("court_found_danger", "emergency_overdue"), "placement"),
    **dict.fromkeys(("guardian", "counsel", "caseworkers", "opened_by"), "people"),
    "relatives": "relatives",
    **dict.fromkeys(("tracing_opened", "tracing"), "relatives"),
    **dict.fromkeys(("family", "guarantee"), "family"),
    "hearing": "hearing",
    **dict.fromkeys(("assessed", "assessors", "rights_impact"), "assessment"),
    **dict.fromkeys(("round", "determination", "panel_members", "review_reached"), "determination"),
    **dict.fromkeys(("guardian_consent", "child_consent", "objection", "approvals", "appeal_window_ends"), "decision"),
    **dict.fromkeys(("travel_approval", "departed"), "decision"),
    "reintegration_plan": "plan",
    "fitness": "health",
    **dict.fromkeys(("plan", "arrived"), "travel"),
    "visits": "visits",
    **dict.fromkeys(("stay", "third_country", "transferred"), "ending"),
    "asylum": "asylum",
    "appeals": "appeals",
    **dict.fromkeys(("suspensions", "complaints"), "notes"),
    "holds": None,
    **dict.fromkeys(("deadlines", "running"), "deadlines"),
    "refused": "refusals",
}
"""The part of each fact of a case. ``None``: whoever sees anything of a case sees it, the holds each by its own part."""

_TOLD_SUFFICES: Final = {
    "determination": "determine_best_interests",
    "departed": "depart",
    "relatives": "report_tracing",
}
"""Facts that stand where one is told that the act happened: the header says all of them, or, of the relatives, whoever
assesses them needs to know which there are (part 7): relationship and state, no names."""


def _blank(fact: Field[Any]) -> Any:
    """What stands where a fact was never recorded; an empty text where every case has one."""
    if fact.default_factory is not MISSING:
        return fact.default_factory()
    return "" if fact.default is MISSING else fact.default


_BLANK: Final[dict[str, Any]] = {each.name: _blank(each) for each in fields(Case)}


def as_seen(case: Case, sight: Sight) -> Case:
    """The case without the facts that somebody does not see: those stand as if they had never been recorded."""
    blank = {
        name: _BLANK[name]
        for name, part in PART_OF_FACT.items()
        if part is not None
        and not sight.whole(part)
        and not (name in _TOLD_SUFFICES and sight.any_of(part) and sight.may_tell(_TOLD_SUFFICES[name]))
    }
    return case.but(**blank, holds=holds_seen(case.holds, sight))


def holds_seen(holds: Iterable[Hold], sight: Sight) -> tuple[Hold, ...]:
    """Of the holds, those that somebody may know of."""
    return tuple(hold for hold in holds if sight.any_of(PART_OF_HOLD[hold]))


def owed_seen(rows: Iterable[Mapping[str, Any]], sight: Sight) -> list[dict[str, Any]]:
    """Of the owed acts (:func:`procedure.owed.awaiting`), those that somebody may know of.

    What they owe themselves is always among them. To whom an asylum claim is not shown, it is not told which acts of
    others a hold could stop, nor any time that it would have stopped.
    """
    found: list[dict[str, Any]] = []
    for row in rows:
        theirs = sight.person is not None and (row["role"], row["state"]) == sight.person[1:]
        hidden = hides_time(row["act"], sight)
        if theirs:
            found.append(without_time(row) if hidden else dict(row))
        elif not hidden and sight.any_of("deadlines") and sight.may_tell(row["act"]):
            found.append(dict(row))
    return found


def without_time(row: Mapping[str, Any]) -> dict[str, Any]:
    """An owed act without the time that runs for it."""
    kept = {name: value for name, value in row.items() if name != "stands_still"}
    return {**kept, "due": None, "overdue": False, "escalations": 0}


def hides_time(act: str, sight: Sight) -> bool:
    """Whether by when an act is owed is not for these eyes."""
    return act in _STANDING_STILL and not sight.any_of("asylum")


_PART_OF_VIEW: Final[dict[str, Part]] = {
    "stage": "standing",
    "outcome": "standing",
    "turned_18": "standing",
    "placement": "placement",
    "guardian": "people",
    "counsel": "people",
    "caseworker": "people",
    "round": "determination",
    "deadlines": "deadlines",
    "refused": "refusals",
}


def view_seen(view: Mapping[str, Any], sight: Sight) -> dict[str, Any]:
    """The contract's case view as somebody sees it; ``withheld`` names the fields that are not for them."""
    if sight.everything:
        return dict(view)
    told = dict(view)
    withheld = [name for name, part in _PART_OF_VIEW.items() if name in view and not sight.whole(part)]
    for name in withheld:
        told[name] = [] if name == "deadlines" else None
    if not sight.may_tell("determine_best_interests"):
        told["solution"] = None
        withheld.append("solution")
    told["holds"] = list(holds_seen(view["holds"], sight))
    told["awaiting"] = owed_seen(view["awaiting"], sight)
    return {**told, "withheld": sorted(withheld)}


def intake_seen(intake: Mapping[str, Any], sight: Sight) -> dict[str, Any]:
    """What the intake says, without what somebody does not see of it: the fields of other parts are not there."""
    told: dict[str, Any] = {}
    child: dict[str, Any] = {}
    if sight.whole("names"):
        child |= {name: value for name, value in intake["child"].items() if name in _OF_NAMES}
    if sight.whole("identity"):
        child |= {name: value for name, value in intake["child"].items() if name not in _OF_NAMES}
        told["situation"] = intake["situation"]
    if child:
        told["child"] = child
    if sight.whole("placement"):
        told |= {"found": intake["found"], "placement": intake["placement"]}
    if sight.whole("relatives"):
        told["relatives"] = intake["relatives"]
    if sight.whole("screening") and sight.whole("asylum"):
        told["concerns"] = intake["concerns"]
    return told


_OF_NAMES: Final = frozenset({"given_names", "family_name", "date_of_birth", "estimated_age"})


def receipt_seen(receipt: Mapping[str, Any], sight: Sight) -> dict[str, Any]:
    """A receipt as whoever spoke may read it. ``withheld`` names what is not for them.

    Which refusals there were beside those that are told, how many, and whether there were any, is not said: ``withheld``
    turns on who reads, never on what is in the case.
    """
    if sight.everything:
        return dict(receipt)
    told, withheld = dict(receipt), list[str]()
    told["refusals"] = refusals_seen(receipt["refusals"], sight)
    if not _all_told(told["refusals"], sight):
        # Said only where one was cut out, it would tell of a claim for which the act was refused.
        withheld.append("refusals")
    told["holds"] = list(holds_seen(receipt["holds"], sight))
    if not sight.whole("standing"):
        told["stage"] = None
        withheld.append("stage")
    return {**told, "withheld": ["holds", *withheld]}


def alarm_answered(receipt: Mapping[str, Any]) -> dict[str, Any]:
    """What law enforcement is answered to a report: of which case, and whether it was accepted.

    In the shape of a receipt. By the number of the entry, the newest hash or a reason it would learn what else is there.
    """
    told = {name: receipt[name] for name in ("reference", "result")}
    return {
        **told,
        **dict.fromkeys(("entry", "stage", "head")),
        "refusals": [],
        "holds": [],
        "withheld": ["entry", "head", "holds", "refusals", "stage"],
    }


def act_seen(act: OpenAct, sight: Sight) -> OpenAct:
    """An act that is open or closed to somebody, with those reasons alone that they may read, and times likewise.

    Closed for reasons that are not for them it is told as open: it can be tried, and is then refused without them.
    """
    if sight.everything:
        return act
    ways = tuple(
        replace(way, closed_by=tuple(cast("list[Refusal]", refusals_seen(way.closed_by, sight)))) for way in act.ways
    )
    return replace(act, ways=ways, due=None if hides_time(act.act, sight) else act.due)


def refusals_seen(refusals: Iterable[Mapping[str, Any]], sight: Sight) -> list[dict[str, Any]]:
    """Of the reasons against an act, those that somebody may read."""
    given = list(refusals)
    everything = _all_told(given, sight)
    return [dict(each) for each in given if everything or _may_read(each["safeguard"], sight)]


def _all_told(refusals: Iterable[Mapping[str, Any]], sight: Sight) -> bool:
    """Whether they are told every reason against an act of theirs.

    Not of one that is not theirs: by trying acts of others they would learn what stands in parts that they do not see.
    """
    not_theirs = any(each["safeguard"] == "not-your-act" for each in refusals)
    return sight.everything or (sight.what_follows and not not_theirs)


def _may_read(safeguard: SafeguardName, sight: Sight) -> bool:
    part = PART_OF_SAFEGUARD[safeguard]
    return part is None or sight.whole(part)


HIDDEN_FROM_ORIGIN: Final[tuple[Hold, ...]] = tuple(hold for hold in HOLDS if PART_OF_HOLD[hold] not in _ORIGIN)
"""Holds of which the origin state does not learn."""
