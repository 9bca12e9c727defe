"""The straight return that sizing counts: its intake and its acts, told by short names. Everybody here is invented.

Tests and saved histories play the same course, and so read it from here: who changes it changes what operators are told
that a case costs, and measures anew (``python -m benches.sizing``).
"""

import itertools
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from procedure.intake import REFERENCE_LETTERS
from workflows.messages import CASE, RECORD

Fields = dict[str, Any]
Handle = Any
"""A workflow handle; the SDK's own type is only partly known to the type check."""

NAMES = ("Zlatkaprobe", "Inventedsurname")
"""A child's names that occur nowhere by chance."""

HOME: Fields = {
    "name": "Invented Foster Home",
    "kind": "foster_family",
    "run_by": "foster_carer",
    "child_may_leave_at_will": True,
}
FAMILY: Fields = {**HOME, "name": "Invented Family Home", "kind": "family", "run_by": "family"}
ACTORS: dict[str, tuple[str, str, str]] = {
    "ca": ("ca-md-2", "central_authority", "MD"),
    "ca_ua": ("ca-ua-1", "central_authority", "UA"),
    "cw": ("cw-md-1", "caseworker", "MD"),
    "cw_ua": ("cw-ua-1", "caseworker", "UA"),
    "ga": ("ga-md-1", "guardianship_authority", "MD"),
    "cp": ("cp-md-1", "child_protection_authority", "MD"),
    "guardian": ("g-1", "guardian", "MD"),
    "child": ("child", "child", "MD"),
    "panel": ("chair-1", "bid_panel", "MD"),
    "tracing": ("ts-ua-1", "tracing_service", "UA"),
    "health": ("hw-1", "health_worker", "MD"),
    "escort": ("es-1", "escort", "MD"),
    "monitor": ("mo-ua-1", "monitor", "UA"),
    "om": ("om-md-1", "ombudsperson", "MD"),
}
_numbers = itertools.count(1)


def new_reference() -> str:
    """A reference that this process gave nobody before."""
    while (drawn := f"MD-UA-2026-{''.join(secrets.choice(REFERENCE_LETTERS) for _ in range(6))}") in _given:
        pass
    _given.add(drawn)
    return drawn


_given: set[str] = set()


def intake(**changes: Any) -> Fields:
    """An intake that is right, of a child that no other case knows."""
    child = {
        "given_names": NAMES[0],
        "family_name": f"{NAMES[1]} {secrets.token_hex(16)}",
        "date_of_birth": "2013-05-04",
        "sex": "female",
        "nationalities": ["UA"],
        "languages": ["uk"],
    }
    return {
        "agreement": "model",
        "host_state": "MD",
        "origin_state": "UA",
        "opened_by": {"id": "ca-md-1", "role": "central_authority", "state": "MD", "office": "Invented Office"},
        "child": child,
        "situation": "unaccompanied",
        "found": {"on": "2026-01-31", "place": "Invented Town", "by": "school", "circumstances": "invented"},
        "placement": HOME,
        "relatives": [],
        "concerns": [],
        **changes,
    }


def act(who: str, name: str, **fields: Any) -> Fields:
    """An act with an id of its own."""
    person, role, state = ACTORS[who]
    actor = {"id": person, "role": role, "state": state}
    return {"act": name, "act_id": f"act-{next(_numbers)}", "actor": actor, "reason": "an invented reason", **fields}


def note(**fields: Any) -> Fields:
    return act("cw", "note", **{"text": "an invented note", **fields})


def guardian(**fields: Any) -> Fields:
    return act(
        "ga",
        "appoint_guardian",
        guardian={"id": "g-1", "kind": "professional"},
        independent=True,
        child_informed=True,
        **fields,
    )


async def record(handle: Handle, said: Mapping[str, Any]) -> Fields:
    """Say one act; its receipt. Approvals get the newest head unless they name one."""
    given = dict(said)
    if given["act"] in ("approve_return", "approve_travel") and "dossier" not in given:
        given["dossier"] = (await view(handle))["head"]
    return await handle.execute_update(RECORD, given)


async def accepted(handle: Handle, *acts: Mapping[str, Any]) -> None:
    for each in acts:
        receipt = await record(handle, each)
        assert receipt["result"] == "accepted", receipt


async def view(handle: Handle) -> Fields:
    return await handle.query(CASE)


def until_determined() -> list[Fields]:
    """The acts that take a case of an unaccompanied child to a determination that found return."""
    return [
        act("cw", "verify_identity", result="presumed", sources=["an invented source"]),
        act("cw", "screen_protection", trafficking=False, asylum=False, violence=False),
        guardian(),
        act("ga", "appoint_counsel", counsel={"id": "co-1"}, free_of_charge=True),
        act("cw", "confirm_services", education=True, healthcare=True),
        act("cw", "open_tracing", via="central_authority", child_agrees=True),
        act(
            "tracing",
            "report_tracing",
            result="found",
            relatives=[{"id": "r1", "relationship": "mother", "state": "UA"}],
        ),
        act("cw_ua", "assess_family", relative_id="r1", willing=True, able=True, safe=True, assessment="invented"),
        act(
            "guardian",
            "hear_child",
            views="invented views",
            wish="return",
            language="uk",
            interpreter=True,
            guardian_present=True,
            informed=True,
        ),
        act(
            "cw",
            "submit_assessment",
            options=[{"solution": "return", "for": "family", "against": "school"}],
            recommendation="return",
            assessment="invented",
        ),
        act(
            "panel",
            "determine_best_interests",
            panel=[
                {"id": "m-1", "discipline": "social work", "employer": "child_protection"},
                {"id": "m-2", "discipline": "psychology", "employer": "health"},
                {"id": "m-3", "discipline": "law", "employer": "ngo"},
            ],
            solution="return",
            options_considered=["return", "stay"],
            weight_given_to_views="in full",
        ),
    ]


def until_approved() -> list[Fields]:
    """From there to the approval of both states."""
    agreed = {"given": True, "informed": True, "language": "uk", "interpreter": False}
    return [
        act("guardian", "give_consent", **agreed),
        act("child", "give_consent", **agreed),
        act(
            "ca_ua",
            "adopt_reintegration_plan",
            housing="invented",
            education="invented",
            healthcare="invented",
            support="invented",
            contact="invented",
            funded=True,
        ),
        act("cw", "assess_rights_impact", safe=True, risks=[]),
        act("ca", "approve_return"),
        act("ca_ua", "approve_return"),
    ]


def until_arrived(departs: datetime) -> list[Fields]:
    """From an appeal window that is over to the arrival."""
    leg = {
        "from": "Invented Town",
        "to": "Invented City",
        "mode": "train",
        "departs": departs.isoformat(),
        "arrives": (departs + timedelta(hours=8)).isoformat(),
    }
    return [
        act(
            "cw",
            "plan_travel",
            legs=[leg],
            escort={"id": "es-1", "employer": "child_protection"},
            handover={"to": "family", "relative_id": "r1", "placement": FAMILY},
            documents_ready=True,
        ),
        act("health", "certify_fit_to_travel", fit=True, valid_until=str((departs + timedelta(days=10)).date())),
        act("cp", "approve_travel"),
        act("escort", "depart"),
        act("escort", "arrive", handed_to="family", placement=FAMILY),
    ]


def visit(number: int) -> Fields:
    return act(
        "monitor",
        "record_visit",
        visit=number,
        seen_alone=True,
        safe=True,
        in_school=True,
        with_family=True,
        findings="invented",
    )


class Waits(Protocol):
    """An engine whose time can be skipped."""

    async def wait(self, **time: float) -> None:
        """Let virtual time pass, as much as these words of :class:`datetime.timedelta` say."""
        ...

    async def now(self) -> datetime:
        """The engine's own moment."""
        ...


async def straight(engine: Waits, handle: Handle) -> None:
    """A return from opening to closing, over more than a year."""
    await accepted(handle, *until_determined(), *until_approved())
    await engine.wait(days=16)
    await accepted(handle, *until_arrived(await engine.now()))
    for number, days in enumerate((13, 16, 60, 90, 90, 95), start=1):
        await engine.wait(days=days)
        await accepted(handle, visit(number))
    await accepted(handle, act("ca", "close_case", outcome="returned"))
