"""Entries as sentences that a layperson reads, from typed data."""

from collections.abc import Callable
from typing import Any, Final

from procedure.entries import Entry

_Say = Callable[[dict[str, Any], dict[str, Any]], str]


def sentence(entry: Entry) -> str:
    """One plain English sentence for an entry. Whatever is personal in it comes from the body."""
    return f"{_sentence(entry)}{_aside(entry)}"


def _words(name: str | None) -> str:
    return (name or "").replace("_", " ")


def _sentence(entry: Entry) -> str:
    facts = entry.facts
    match entry.kind:
        case "opened":
            return f"The case was opened by the {_words(entry.actor_role)} of {entry.actor_state}."
        case "accepted":
            return _accepted(entry)
        case "refused":
            return _refused(entry)
        case "overdue":
            return f"The deadline “{_words(facts['deadline'])}” passed on {facts['due'][:10]}; nothing was decided by that."
        case "escalated" if "deadline" in facts:
            told = "the central authority" if facts["level"] == 1 else "the ombudsperson"
            return f"“{_words(facts['deadline'])}” is still owed: {told} was told."
        case "escalated":
            told = "The central authority" if facts["level"] == 1 else "The ombudsperson"
            return f"{told} was told that the hand-over was not into care."
        case "hold":
            return f"The return is held: {_words(facts['hold'])}."
        case "hold_lifted":
            return f"The hold was lifted: {_words(facts['hold'])}."
        case "detention":
            return f"The child is in detention as far as is known: {'; '.join(facts['because'])}."
        case "turned_18":
            return "The child turned eighteen."
        case "stage":
            return f"The case is now in the stage “{_words(facts['stage'])}”."
        case "closed":
            return f"The case was closed: {_words(facts['outcome'])}."
        case "erased":
            return "The personal content of this case was erased."


def _aside(entry: Entry) -> str:
    said = ""
    if voids := entry.facts.get("voids"):
        said += f" This voids {'entry' if len(voids) == 1 else 'entries'} {', '.join(map(str, voids))}."
    if "round" in entry.facts:
        said += f" Round {entry.facts['round']} of best interests begins."
    return said


def _refused(entry: Entry) -> str:
    names = ", ".join(entry.safeguards)
    who = f"the {_words(entry.actor_role)} of {entry.actor_state}" if entry.actor_role else "somebody"
    what = f"“{_words(entry.act)}”" if entry.act else "what was sent"
    why = " ".join(refusal["message"] for refusal in entry.body.get("refusals", []))
    return f"Refused: {what} by {who} ({names}). {why}".rstrip()


def _accepted(entry: Entry) -> str:
    who = f"The {_words(entry.actor_role)} of {entry.actor_state}"
    act, facts = entry.body.get("act", {}), entry.facts
    say = _SAY.get(entry.act or "")
    return f"{who} {say(act, facts) if say else _words(entry.act)}."


def _place(act: dict[str, Any]) -> str:
    placement: dict[str, Any] = act.get("placement") or {}
    return f"{placement.get('name', 'a place')} ({_words(placement.get('kind'))}, run by {_words(placement.get('run_by'))})"


def _yes_no(value: Any, yes: str, no: str) -> str:
    return yes if value else no


_SAY: Final[dict[str, _Say]] = {
    "verify_identity": lambda act, facts: f"looked into the identity: {_words(facts['result'])}",
    "assess_age": lambda act, facts: f"assessed the age: {_words(facts['result'])}",
    "screen_protection": lambda act, facts: "screened for protection needs",
    "place_child": lambda act, facts: f"placed the child in {_place(act)}",
    "confirm_services": lambda act, facts: (
        f"reported on services: education {_yes_no(act.get('education'), 'yes', 'no')}, "
        f"healthcare {_yes_no(act.get('healthcare'), 'yes', 'no')}"
    ),
    "report_detention": lambda act, facts: f"reported that the child is detained in {_place(act)}",
    "confirm_release": lambda act, facts: f"reported where the child is after detention: {_place(act)}",
    "report_missing": lambda act, facts: "reported the child missing",
    "report_found": lambda act, facts: f"reported the child found, in {_place(act)}",
    "appoint_guardian": lambda act, facts: f"appointed the guardian {act.get('guardian', {}).get('id', '')}",
    "replace_guardian": lambda act, facts: f"replaced the guardian by {act.get('guardian', {}).get('id', '')}",
    "appoint_counsel": lambda act, facts: f"appointed counsel {act.get('counsel', {}).get('id', '')}",
    "open_tracing": lambda act, facts: f"opened family tracing via {_words(facts['via'])}",
    "report_tracing": lambda act, facts: f"reported on tracing: {_words(facts['result'])}",
    "assess_family": lambda act, facts: (
        f"assessed the relative {act.get('relative_id', '')}: "
        f"{_yes_no(act.get('willing'), 'willing', 'not willing')}, {_yes_no(act.get('able'), 'able', 'not able')}, "
        f"{_yes_no(act.get('safe'), 'safe', 'not safe')}"
    ),
    "guarantee_care": lambda act, facts: f"guaranteed care by the {_words(facts['by'])}",
    "hear_child": lambda act, facts: (
        "heard the child" if facts["counts"] else f"heard the child; it does not count: {', '.join(facts['because'])}"
    ),
    "submit_assessment": lambda act, facts: "submitted the best-interests assessment",
    "determine_best_interests": lambda act, facts: f"determined the best interests: {_words(facts['solution'])}",
    "reopen_best_interests": lambda act, facts: "reopened the best interests on new facts",
    "appeal": lambda act, facts: f"appealed against {_words(facts['against'])}",
    "decide_appeal": lambda act, facts: f"decided the appeal against {_words(facts['against'])}: {facts['result']}",
    "give_consent": lambda act, facts: _yes_no(facts["given"], "consented to the return", "refused to consent"),
    "withdraw_consent": lambda act, facts: "withdrew the consent",
    "adopt_reintegration_plan": lambda act, facts: "adopted the reintegration plan",
    "assess_rights_impact": lambda act, facts: (
        f"assessed the rights impact of a return: {_yes_no(facts['safe'], 'safe', 'not safe')}"
    ),
    "approve_return": lambda act, facts: "approved the return",
    "decline_return": lambda act, facts: "declined the return",
    "certify_fit_to_travel": lambda act, facts: _yes_no(
        act.get("fit"), "certified the child fit to travel", "found the child not fit to travel"
    ),
    "plan_travel": lambda act, facts: "made a travel plan",
    "approve_travel": lambda act, facts: "approved the travel plan",
    "depart": lambda act, facts: "departed with the child",
    "report_incident": lambda act, facts: (
        f"reported an incident on the journey ({_words(facts['what'])}); the child waits in {_place(act)}"
    ),
    "arrive": lambda act, facts: f"reported the arrival, handed over to {_words(facts['handed_to'])}, in {_place(act)}",
    "record_visit": lambda act, facts: (
        f"recorded monitoring visit {facts['visit']}: {_yes_no(facts['safe'], 'safe', 'not safe')}"
    ),
    "grant_stay": lambda act, facts: f"granted a stay: {_words(facts['status'])}",
    "arrange_third_country": lambda act, facts: f"arranged care in a third country ({act.get('state', '')})",
    "transfer_to_adult_services": lambda act, facts: "transferred the young person to adult services",
    "close_case": lambda act, facts: f"closed the case: {_words(facts['outcome'])}",
    "lodge_asylum_claim": lambda act, facts: "lodged a claim for asylum",
    "resolve_asylum_claim": lambda act, facts: f"resolved the claim for asylum: {_words(facts['result'])}",
    "suspend": lambda act, facts: f"suspended the return: {_words(facts['ground'])}",
    "resume": lambda act, facts: f"resumed after the suspension: {_words(facts['ground'])}",
    "complain": lambda act, facts: "complained",
    "answer_complaint": lambda act, facts: f"answered the complaint of entry {facts['complaint']}: {facts['result']}",
    "assign": lambda act, facts: f"assigned the caseworker {act.get('caseworker', {}).get('id', '')}",
    "extend_deadline": lambda act, facts: (
        f"extended the deadline “{_words(facts['deadline'])}” by {facts['days']} days"
    ),
    "correct": lambda act, facts: f"corrected entry {facts['corrects']}",
    "note": lambda act, facts: "noted something",
}
