"""What a record says, read anew from its entries: a second reading of the law, that asks no safeguard and no fold.

Written from the procedure's pages. It reads the acts as they were said; what follows from them is reckoned anew
(:mod:`proof.reckoning`). What is still read as the law wrote it stands in docs/proof.md.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Final

from procedure.agreement import Agreement
from procedure.entries import Entry
from proof.places import LASTING_KINDS, Said, closed
from proof.reckoning import Reckoning


class Reading:
    """A record up to some entry, with what it says of the child, the people in office and the return."""

    def __init__(
        self, entries: Sequence[Entry], terms: Agreement, host: str, reckoned: Reckoning | None = None
    ) -> None:
        """``reckoned`` is what follows from the entries, where somebody has reckoned it already."""
        self.entries = entries
        self.terms = terms
        self.host = host
        self.intake: Said = entries[0].body["intake"]
        self.reckoned = reckoned or Reckoning.of(entries, terms, host)
        self.voided = self.reckoned.voided
        self.done = [entry for entry in entries if entry.kind == "accepted"]
        self.round_began = self.reckoned.round_began

    def last(self, *acts: str, where: Callable[[Entry], bool] = lambda entry: True) -> Entry | None:
        return next((e for e in reversed(self.done) if e.act in acts and where(e)), None)

    def in_force(self, *acts: str, where: Callable[[Entry], bool] = lambda entry: True) -> Entry | None:
        return self.last(*acts, where=lambda e: e.n not in self.voided and where(e))

    def in_round(self, *acts: str, where: Callable[[Entry], bool] = lambda entry: True) -> Entry | None:
        return self.last(*acts, where=lambda e: e.n > self.round_began and where(e))

    # The child

    @cached_property
    def detained(self) -> bool:
        held = closed(self.intake["placement"])
        for entry in self.entries[1:]:
            said = _said(entry)
            if entry.kind == "detention":
                held = True
            elif entry.kind == "accepted" and entry.act in ("confirm_release", "place_child"):
                held = closed(said["placement"])
            elif entry.kind == "accepted" and "placement" in said and entry.act in _TELLS_WHERE:
                held = held or entry.act == "report_detention" or closed(said["placement"])
        return held

    @cached_property
    def missing(self) -> bool:
        told = self.last("report_missing", "report_found")
        return told is not None and told.act == "report_missing"

    @cached_property
    def too_long_in_emergency(self) -> bool:
        passed = max(
            (e.n for e in self.entries if e.kind == "overdue" and e.facts["deadline"] == "emergency_placement"),
            default=0,
        )
        moved = [e for e in self.done if e.n > passed and (e.act == "place_child" or e.act in _TELLS_WHERE)]
        places = [_said(e)["placement"] for e in moved if "placement" in _said(e)]
        return passed > 0 and not any(each["kind"] in LASTING_KINDS for each in places)

    @cached_property
    def claim(self) -> str:
        """``none``, ``open``, ``granted`` or ``closed``: how a claim for asylum stands."""
        stands = "none"
        for entry in self.done:
            said = _said(entry)
            asked = entry.act == "lodge_asylum_claim" or (entry.act == "screen_protection" and said["asylum"])
            if asked and stands != "granted":
                stands = "open"
            elif entry.act == "resolve_asylum_claim":
                stands = "granted" if said["result"] == "granted" else "closed"
        return stands

    @property
    def appeals(self) -> list[str]:
        """Against what the appeals are that wait for a ruling."""
        return [against for _, against in self.reckoned.appeals]

    @cached_property
    def suspended(self) -> dict[str, str]:
        """Ground by who suspended."""
        standing: dict[str, str] = {}
        for entry in self.done:
            if entry.act == "suspend":
                standing[_said(entry)["ground"]] = _said(entry)["actor"]["id"]
            elif entry.act == "resume":
                standing.pop(_said(entry)["ground"], None)
        return standing

    @cached_property
    def review_due(self) -> bool:
        passed = max((e.n for e in self.entries if e.kind == "overdue" and e.facts["deadline"] == "review"), default=0)
        found = self.in_round("determine_best_interests")
        return found is not None and passed > found.n and _said(found)["solution"] == "postpone"

    @cached_property
    def grown_up(self) -> bool:
        """Eighteen in the middle of the procedure."""
        turned = next((e for e in reversed(self.entries) if e.kind == "turned_18"), None)
        undone = any(turned and e.n > turned.n and e.facts.get("still_a_child") for e in self.entries)
        return turned is not None and turned.facts["holds"] and not undone

    def holds(self) -> list[str]:
        """What holds a return (part 5)."""
        suspends = any(against in ("best_interests", "return", "travel") for against in self.appeals)
        stands = {
            "the child is detained": self.detained,
            "the emergency placement has lasted too long": self.too_long_in_emergency,
            "a claim for asylum is open or granted": self.claim in ("open", "granted"),
            "an appeal is pending": suspends,
            "the child is missing": self.missing,
            "the case is suspended": bool(self.suspended),
            "the day of the review has come": self.review_due,
            "the young person is eighteen": self.grown_up,
        }
        return [what for what, holds in stands.items() if holds]

    # People

    @cached_property
    def guardian(self) -> str | None:
        found = self.last("appoint_guardian", "replace_guardian")
        return _said(found)["guardian"]["id"] if found else None

    @cached_property
    def counsel(self) -> str | None:
        found = self.last("appoint_counsel")
        return _said(found)["counsel"]["id"] if found else None

    @cached_property
    def escort(self) -> str | None:
        plan = self.in_force("plan_travel")
        return _said(plan)["escort"]["id"] if plan else None

    @cached_property
    def caseworkers(self) -> set[str]:
        by_state = {_said(e)["actor"]["state"]: _said(e)["caseworker"]["id"] for e in self.done if e.act == "assign"}
        return set(by_state.values())

    @cached_property
    def assessors(self) -> set[str]:
        return {_said(e)["actor"]["id"] for e in self.done if e.act == "submit_assessment"}

    @cached_property
    def panel(self) -> set[str]:
        sat = [e for e in self.done if e.act == "determine_best_interests"]
        return {member["id"] for e in sat for member in _said(e)["panel"]}

    # What a return rests on

    @cached_property
    def found_return(self) -> Entry | None:
        found = self.in_round("determine_best_interests")
        return found if found and _said(found)["solution"] == "return" else None

    @cached_property
    def heard(self) -> Entry | None:
        """A hearing of this round that counts."""
        return self.in_round("hear_child", where=lambda e: e.n in self.reckoned.counted)

    @cached_property
    def relatives(self) -> dict[str, Entry]:
        """The newest assessment of each relative who is willing, able and safe."""
        newest = {_said(e)["relative_id"]: e for e in self.done if e.act == "assess_family"}
        return {id: e for id, e in newest.items() if all(_said(e)[word] for word in ("willing", "able", "safe"))}

    @cached_property
    def guarantee(self) -> Entry | None:
        return self.last("guarantee_care", where=lambda e: _said(e)["by"] == "authority")

    @cached_property
    def traced(self) -> bool:
        found = self.last("report_tracing")
        if self.intake["situation"] == "with_family":
            return True
        if found is None or _said(found)["result"] == "ongoing":
            return False
        assessed = {_said(e)["relative_id"] for e in self.done if e.act == "assess_family"}
        return all(relative["id"] in assessed for relative in _said(found).get("relatives", ()))

    def _word_of(self, role: str) -> Entry | None:
        return self.last("give_consent", "withdraw_consent", where=lambda e: e.actor_role == role)

    def _agrees(self, role: str) -> Entry | None:
        word = self._word_of(role)
        given = word is not None and word.act == "give_consent" and _said(word)["given"]
        return word if word and given and word.n not in self.voided else None

    @cached_property
    def guardian_agrees(self) -> Entry | None:
        word = self._agrees("guardian")
        return word if word and _said(word)["actor"]["id"] == self.guardian else None

    @cached_property
    def child_agrees(self) -> Entry | None:
        return self._agrees("child")

    @property
    def child_objects(self) -> bool:
        """The newest word of the child that says no, with no later word that says yes."""
        return bool(self.reckoned.objection)

    def old_enough(self, at: datetime) -> bool | None:
        """Whether the child's own consent is asked for; ``None`` where more than one date of birth was told."""
        born = self.intake["child"]["date_of_birth"]
        if born is None or any("date_of_birth" in _said(e) for e in self.done if e.act == "verify_identity"):
            return None
        then, now = date.fromisoformat(born), at.date()
        return now.year - then.year - ((now.month, now.day) < (then.month, then.day)) >= self.terms.consent_age

    @cached_property
    def impact(self) -> Entry | None:
        return self.last("assess_rights_impact")

    @cached_property
    def approvals(self) -> dict[str, Entry]:
        given = [e for e in self.done if e.act == "approve_return" and e.n not in self.voided]
        sides = {self.host: "host", self.intake["origin_state"]: "origin"}
        return {f"{e.actor_role}@{sides.get(e.actor_state or '')}": e for e in given}

    @property
    def window_ends(self) -> datetime | None:
        return self.reckoned.window_ends

    @cached_property
    def plan(self) -> Entry | None:
        """The plan in force whose journey was not interrupted."""
        plan = self.in_force("plan_travel")
        return plan if plan and not self.last("report_incident", where=lambda e: e.n > plan.n) else None

    @cached_property
    def travel_approved(self) -> bool:
        approved = self.in_force("approve_travel")
        return self.plan is not None and approved is not None and approved.n > self.plan.n

    @cached_property
    def departed(self) -> Entry | None:
        return self.in_force("depart")

    @cached_property
    def arrived(self) -> Entry | None:
        return self.last("arrive")

    def too_old(self, at: datetime) -> list[str]:
        """Evidence of a return that has outlived its shelf life at ``at``."""
        lives = self.terms.shelf_lives

        def old(entry: Entry | None, days: int) -> bool:
            return entry is not None and at - entry.at >= timedelta(days=days)

        found = {
            "the determination": old(self.found_return, lives.determination),
            "the guardian's consent": old(self.guardian_agrees, lives.consent),
            "the child's consent": self.old_enough(at) is True and old(self.child_agrees, lives.consent),
            "the rights-impact assessment": old(self.impact, lives.rights_impact),
            "care": (bool(self.relatives) or self.guarantee is not None)
            and all(old(each, lives.family_assessment) for each in self.relatives.values())
            and (self.guarantee is None or old(self.guarantee, lives.care_guarantee)),
        }
        return [what for what, too in found.items() if too]

    @cached_property
    def visits(self) -> tuple[set[int], bool]:
        """Which visits were made, and whether the newest found the child safe."""
        made = [e for e in self.done if e.act == "record_visit"]
        return {_said(e)["visit"] for e in made}, bool(made) and _said(made[-1])["safe"]

    @cached_property
    def last_material(self) -> int:
        idle = ("note", "assign", "confirm_services", "complain", "answer_complaint")
        return max((e.n for e in self.done if e.act not in idle), default=1)


_TELLS_WHERE: Final = (
    "report_detention",
    "report_found",
    "report_incident",
    "arrive",
    "record_visit",
    "confirm_release",
)


def _said(entry: Entry) -> Said:
    return entry.body.get("act") or {}
