"""What follows outside the case from entries just made: the caseload's row, notices, outgoing events.

Pure: it says who is to be told what, with nothing personal in it; the activities do the telling.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from procedure.case import Case
from procedure.deadlines import name_of, rule_of
from procedure.entries import Entry, moment
from procedure.owed import awaiting, owed
from procedure.views import status
from procedure.who_may import person_alone


def caseload_row(case: Case, at: datetime) -> dict[str, Any]:
    """What the caseload shows of the case: fields of the case view, and the earliest moment at which an act is due."""
    # Not cut out of the view: that shows every deadline there ever was, and an old case has hundreds.
    rows = awaiting(case, at)
    return {
        "reference": case.reference,
        "agreement": case.agreement.id,
        "host_state": case.host_state,
        "origin_state": case.origin_state,
        "status": status(case),
        "stage": case.stage,
        "solution": case.solution,
        "outcome": case.outcome,
        "holds": list(case.holds),
        "awaiting": rows,
        "entries": case.n,
        "refused": case.refused,
        "opened_at": moment(case.opened_at),
        "next_due": earliest_due(rows),
        "overdue": any(row["overdue"] for row in rows),
        "updated_at": moment(at),
    }


def earliest_due(rows: Iterable[dict[str, Any]]) -> str | None:
    """The earliest due moment of the owed acts whose time runs."""
    return min((row["due"] for row in rows if row["due"] and not row.get("stands_still")), default=None)


def awaiting_roles(case: Case, at: datetime) -> list[str]:
    """The roles that owe an act, each once, in order of their due moments."""
    return list(dict.fromkeys(row["role"] for row in awaiting(case, at)))


def events(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """Each entry's header, for other systems."""
    return [
        {
            "entry": entry.n,
            "at": moment(entry.at),
            "kind": entry.kind,
            "act": entry.act,
            "safeguards": list(entry.safeguards),
            "facts": entry.facts,
            "hash": entry.hash,
        }
        for entry in entries
    ]


def undated(case: Case, at: datetime) -> list[list[str]]:
    """The acts that are owed without a deadline, as [act, role, state]. Nothing reminds of them but one notice."""
    return [[row.act, row.role, row.state] for row in owed(case, at) if row.key is None]


def notices(
    case: Case, entries: Sequence[Entry], at: datetime, newly_owed: Iterable[Sequence[str]] = ()
) -> list[dict[str, Any]]:
    """Who is to be told what because of these entries. ``case`` is the case after them.

    ``newly_owed`` are those of :func:`undated` that were not owed before the entries.
    """
    found: list[dict[str, Any]] = []
    for entry in entries:
        for notice in _of(case, entry, at):
            if notice not in found:
                found.append(notice)
    for act, role, state in newly_owed:
        found.append({**_notice(case, entries[-1], "owed", role, state), "act": act})
    return found


def _of(case: Case, entry: Entry, at: datetime) -> Iterator[dict[str, Any]]:
    match entry.kind:
        case "overdue":
            yield from _owing(case, entry, {entry.facts["key"]}, "overdue", at)
        case "escalated":
            yield from _escalation(case, entry)
        case "detention":
            # Both sides and everyone who can get the child out, at once (procedure.md, parts 3 and 7).
            for role in ("ombudsperson", "central_authority"):
                yield _notice(case, entry, "detention", role, case.child_state)
            # The counsel in office is the host's, wherever the child has been taken.
            yield _notice(case, entry, "detention", "legal_counsel", case.host_state)
            if case.arrived:
                yield _notice(case, entry, "detention", "ombudsperson", case.host_state)
                yield _notice(case, entry, "detention", "central_authority", case.host_state)
            elif case.departed:
                yield _notice(case, entry, "detention", "central_authority", case.origin_state)
        case "hold" if entry.facts["hold"] == "missing":
            for role in ("law_enforcement", "caseworker"):
                yield _notice(case, entry, "missing", role, case.child_state)
        case "hold_lifted" if entry.facts["hold"] == "missing":
            for role in ("law_enforcement", "caseworker"):
                yield _notice(case, entry, "found", role, case.child_state)
        case "hold":
            yield _notice(case, entry, "held", "central_authority", case.host_state)
        case "closed":
            for state in (case.host_state, case.origin_state):
                yield _notice(case, entry, "closed", "central_authority", state)
        case _:
            pass
    newly = entry.facts.get("deadlines", {}).get("set", {})
    yield from _owing(case, entry, set(newly), "owed", at)


def _owing(case: Case, entry: Entry, keys: set[str], kind: str, at: datetime) -> Iterator[dict[str, Any]]:
    """A notice to everyone who owes an act under these deadlines."""
    for row in owed(case, at):
        if row.key is not None and row.key in keys:
            deadline = case.deadlines[row.key]
            yield {
                **_notice(case, entry, kind, row.role, row.state),
                "act": row.act,
                "deadline": name_of(row.key),
                "due": moment(deadline.due),
            }


def _escalation(case: Case, entry: Entry) -> Iterator[dict[str, Any]]:
    """Level 1 goes to the central authority of the state that owes, level 2 to its ombudsperson.

    The silence of the other state is told at home as well (procedure.md, part 7).
    """
    level, key = entry.facts["level"], entry.facts.get("key")
    role = "central_authority" if level == 1 else "ombudsperson"
    owing = rule_of(key).owing_state(case, key) if key else case.child_state
    for state in dict.fromkeys((owing, case.host_state)):
        yield {
            **_notice(case, entry, "escalated", role, state),
            "deadline": entry.facts.get("deadline"),
            "due": entry.facts.get("due"),
            "level": level,
        }


def _notice(case: Case, entry: Entry, kind: str, role: str, state: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "to_role": role,
        "to_state": state,
        "to_id": person_alone(case, role, state),
        "entry": entry.n,
        "act": None,
        "deadline": None,
        "due": None,
        "level": None,
    }
