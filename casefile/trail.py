"""The trail through a record, beside the folded case: which entry said what, and which undid it.

The case is folded from what entries say of themselves (``voids``, ``round``, ``counts``). Here the same is read from
the acts, so that an entry that does not say what it undid is found out.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from procedure.acts import REPORTS
from procedure.case import Case
from procedure.entries import Entry
from procedure.folding import IMMATERIAL
from procedure.vocabulary import ENFORCEMENT

Given = dict[str, Any]
"""An act as the JSON object that was given."""


class Trail:
    """What the record told so far. All but the hashes are numbers of entries; 0 where there is none."""

    def __init__(self) -> None:
        self.number_of: dict[str, int] = {}
        self.material = 1
        """The newest entry that an approver must have read."""
        self.round_began = 0
        self.approved: dict[int, str] = {}
        """Approvals of return by their entries: ``ROLE@STATE``, from the header."""
        self.undid_return = 0
        """The newest entry after which no approval of return or of travel stood."""
        self.undid_travel = 0
        self.tainted = 0
        """The newest detention before the arrival: no consent from before it stands."""
        self.refused: dict[str, int] = {}
        """The newest entry by which the guardian or the child refused or withdrew, by role."""
        self.objection: tuple[int, bool] | None = None
        """The entry of the child's objection, and whether it was said outright."""
        self.heard: dict[int, tuple[bool, bool]] = {}
        """Of each hearing: whether a guardian was in office, and whether the child was detained."""
        self.not_heard: dict[int, list[str]] = {}
        """Of each hearing that is said to count: why it does not."""
        self.guaranteed = 0
        """The first guarantee of care by the origin's authority."""
        self.window = 0
        """The entry from which the time to appeal runs."""
        self.claim = 0
        """The newest entry about asylum."""
        self.ruled = 0
        """The newest ruling on an appeal that suspended the return."""
        self.court_found_danger = 0
        self.intake = 1
        """The entry that tells how the child was found: the first, or its newest correction."""
        self.assigned: dict[str, int] = {}
        self.assessed_by: dict[str, int] = {}
        self.sat_on_panel: dict[str, int] = {}
        """By person: the newest entry that says so."""
        self._to_answer = 0

    def unanswered_by(self, entry: Entry) -> int:
        """The report of a detention just before this entry that this entry does not answer; 0 when there is none."""
        return 0 if entry.kind == "detention" else self._to_answer

    def follow(self, entry: Entry, before: Case | None) -> None:
        """Take one entry into account. ``before`` is the case before it; ``None`` for the first."""
        n = entry.n
        self.number_of[entry.hash] = n
        self._to_answer = 0
        if "appeal_window_ends" in entry.facts:
            self.window = n
        if before is None:
            self._to_answer = n if closed(entry.body["intake"]["placement"]) else 0
        elif entry.kind == "detention" and before.arrived is None:
            self.tainted = self.undid_return = n
        elif entry.kind == "accepted":
            self._follow_act(entry, before)

    def _follow_act(self, entry: Entry, before: Case) -> None:
        n, facts, name, act = entry.n, entry.facts, entry.act or "", entry.body["act"]
        if name not in IMMATERIAL:
            self.material = n
        if name == "correct":
            name, act = facts.get("of", ""), entry.body["as_corrected"]
            self._follow_correction(entry, name, act, before)
            return
        if name in REPORTS and (name == "report_detention" or closed(act.get("placement"))):
            self._to_answer = n
        if _begins_round(name, act, facts, before):
            self.round_began = n
            self._undo_return(n, before)
        match name:
            case "hear_child":
                self.heard[n] = (before.guardian is not None, before.detained)
                self._hear(n, act, facts, before, n)
            case "give_consent" if act["given"]:
                if act["actor"]["role"] == "child":
                    self.objection = None
            case "give_consent" | "withdraw_consent":
                self.refused[act["actor"]["role"]] = n
                self._undo_return(n, before)
                if act["actor"]["role"] == "child":
                    self.objection = n, True
            case "report_incident":
                self.undid_travel = n
                if act["what"] == "child_objects":
                    self.objection = n, True
                    self._undo_return(n, before)
            case "approve_return":
                self.approved[n] = f"{entry.actor_role}@{entry.actor_state}"
            case "decide_appeal":
                self._rule(n, act, facts)
            case "guarantee_care" if act["by"] == "authority":
                self.guaranteed = self.guaranteed or n
            case "lodge_asylum_claim" | "resolve_asylum_claim":
                self.claim = n
            case "screen_protection" if act["asylum"]:
                self.claim = n
            case "assign":
                self.assigned[act["caseworker"]["id"]] = n
            case "submit_assessment":
                self.assessed_by[act["actor"]["id"]] = n
            case "determine_best_interests":
                self.sat_on_panel |= {member["id"]: n for member in act["panel"]}
            case _:
                pass

    def _follow_correction(self, entry: Entry, of: str, act: Given, before: Case) -> None:
        if of == "opened":
            self.intake = entry.n
        elif of == "hear_child" and "as_of" in entry.facts:
            self._hear(entry.n, act, entry.facts, before, entry.facts["corrects"])
        elif of == "screen_protection" and act["asylum"]:
            self.claim = entry.n

    def _undo_return(self, n: int, before: Case) -> None:
        # After the arrival nothing is undone any more.
        if before.arrived is None:
            self.undid_return = n

    def _hear(self, n: int, act: Given, facts: Given, before: Case, first: int) -> None:
        """A hearing, or a correction of the one of entry ``first``. A correction mends words, not circumstances."""
        if not facts["counts"]:
            return
        guarded, detained = self.heard.get(first, (True, False))
        faults = {
            "the child was not informed": not act["informed"],
            "no guardian was in office": not guarded,
            "the guardian was not present": not act["guardian_present"],
            "the child was in detention": detained,
            "no language of the child was spoken": not understood(act, before) and bool(before.languages),
        }
        self.not_heard[n] = [fault for fault, is_so in faults.items() if is_so]
        if act["wish"] == "stay":
            self.objection = n, False
            if n == first:
                self._undo_return(n, before)
        elif self.objection and (not self.objection[1] or act["wish"] == "return"):
            self.objection = None

    def _rule(self, n: int, act: Given, facts: Given) -> None:
        if facts["against"] in SUSPENDING:
            self.ruled = n
        if act["result"] == "upheld" and facts["against"] == "travel":
            self.undid_travel = n
        if act["result"] == "upheld" and facts["against"] == "placement":
            self.court_found_danger = n


SUSPENDING: Final = ("best_interests", "return", "travel")


def _begins_round(name: str, act: Given, facts: Given, before: Case) -> bool:
    """Whether an act begins a round of best interests (procedure, part 1)."""
    match name:
        case "reopen_best_interests" | "decline_return":
            return True
        case "record_visit":
            return not act["safe"]
        case "resolve_asylum_claim":
            return bool(act["result"] == "granted")
        case "decide_appeal":
            determined = before.determination
            about_it = determined is None or determined.n < facts["appeal"]
            return act["result"] == "upheld" and facts["against"] in ("best_interests", "return") and about_it
        case _:
            return False


def closed(placement: Mapping[str, Any] | None) -> bool:
    """Whether a place is detention (contract, section 4). No place at all is none."""
    if placement is None:
        return False
    return not (
        placement.get("child_may_leave_at_will") is True
        and placement.get("run_by") not in ENFORCEMENT
        and placement.get("kind") not in ("police_station", "border_facility", "closed_school", "penitentiary")
        and not any(placement.get(seen) for seen in ("locked", "guarded", "sanction_for_leaving"))
        and not any(placement.get(seen) is False for seen in ("phone_and_visits", "monitor_may_enter"))
    )


def understood(act: Given, case: Case) -> bool:
    """Whether something was said in a language of the child, whatever its regional form, or with an interpreter."""
    known = {language.partition("-")[0].casefold() for language in case.languages}
    return act["interpreter"] or act["language"].partition("-")[0].casefold() in known


class Before(NamedTuple):
    """An accepted act, and all that stood before it."""

    entry: Entry
    act: Given
    case: Case
    trail: Trail
