"""The demonstration: invented children in invented courses, so that a new house is not empty.

Nothing here fakes time. Every case is opened and acted on now, so none is overdue on the first day,
and none has come further than the appeal window lets a case come; the shipped scenarios show the rest
in virtual time. Whatever an interrupted demonstration left undone, the next one does, without doubles.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from procedure.faults import Malformed
from starter.client import Cases, DuplicateCase
from starter.endings import CannotGoOn
from starter.moments import resolve
from starter.scenario import NEEDS_DOSSIER

Act = dict[str, Any]

_AT_ONCE: Final = 6
"""How many cases are played at the same time."""


@dataclass(frozen=True)
class Course:
    """One invented case: its intake and the acts on it, moments relative to the demonstration's beginning."""

    mark: str
    """The last six signs of its reference."""
    intake: dict[str, Any]
    acts: tuple[Act, ...]

    def reference(self, year: int) -> str:
        return f"{self.intake['host_state']}-{self.intake['origin_state']}-{year}-{self.mark}"


async def play_demo(cases: Cases, marker: Path, progress: Callable[[int, int], None]) -> None:
    """Open the invented cases and record their acts, once per data folder; ``progress`` is told (done, of all)."""
    began, finished = _begun(marker)
    if finished:
        return
    of_all = sum(1 + len(course.acts) for course in COURSES)
    done = 0
    turn = asyncio.Semaphore(_AT_ONCE)

    async def play(course: Course) -> None:
        nonlocal done
        async with turn:
            async for _ in _played(cases, course, began):
                done += 1
                progress(done, of_all)

    try:
        async with asyncio.TaskGroup() as playing:
            for course in COURSES:
                playing.create_task(play(course))
    except ExceptionGroup as several:
        # One reason is enough for a person, and the first is the cause of the others.
        raise several.exceptions[0] from None
    _write(marker, began, finished=True)


async def _played(cases: Cases, course: Course, began: datetime) -> AsyncIterator[None]:
    """Open one case and say its acts in their order, as far as that is not done; a turn for each."""
    reference = course.reference(began.year)
    try:
        await cases.open({**resolve(course.intake, began), "reference": reference})
    except DuplicateCase as duplicate:
        if duplicate.reference != reference:
            raise CannotGoOn(f"The demonstration cannot open {reference}: {duplicate.sentence}") from None
    yield
    known = {entry["act_id"] for entry in await cases.ledger(reference)}
    for n, act in enumerate(course.acts, start=1):
        act_id = f"demo-{n}"
        if act_id not in known:
            await _say(cases, reference, {**resolve(act, began), "act_id": act_id})
        yield


async def _say(cases: Cases, reference: str, act: Act) -> None:
    if act["act"] in NEEDS_DOSSIER:
        act["dossier"] = (await cases.view(reference))["head"]
    try:
        await cases.record(reference, act)
    except Malformed as malformed:
        raise CannotGoOn(f"The demonstration's act {act['act']} is malformed: {malformed}") from None


def _begun(marker: Path) -> tuple[datetime, bool]:
    """When the demonstration of this folder began, and whether it is done; it begins now where it never did.

    The moment is kept because acts must be the same, to the letter, when they are sent again.
    """
    try:
        noted = json.loads(marker.read_text("utf-8"))
        return datetime.fromisoformat(noted["began"]), bool(noted["finished"])
    except (OSError, ValueError, KeyError, TypeError):
        began = datetime.now(UTC).replace(microsecond=0)
        _write(marker, began, finished=False)
        return began, False


def _write(marker: Path, began: datetime, *, finished: bool) -> None:
    fresh = marker.with_suffix(".new")
    fresh.write_text(json.dumps({"began": began.isoformat(), "finished": finished}) + "\n", encoding="utf-8")
    fresh.replace(marker)


# People. All are invented; their names say so.


def _who(role: str, state: str, number: int = 1) -> dict[str, str]:
    return {"id": f"{role.replace('_', '-')}-{state.lower()}-{number}", "role": role, "state": state}


FAMILY_HOME: Final = {
    "name": "Home of the invented foster family Lipan",
    "kind": "foster_family",
    "run_by": "foster_carer",
    "child_may_leave_at_will": True,
    "phone_and_visits": True,
    "monitor_may_enter": True,
}
SHELTER: Final = {
    "name": "Invented open shelter by the lake",
    "kind": "child_shelter",
    "run_by": "social_service",
    "child_may_leave_at_will": True,
    "locked": False,
}
LOCKED_CENTRE: Final = {
    "name": "Invented temporary stay centre",
    "kind": "temporary_stay_centre",
    "run_by": "police",
    "child_may_leave_at_will": False,
    "locked": True,
}


def _intake(
    given_names: str,
    family_name: str,
    born: str,
    *,
    host: str = "MD",
    origin: str = "UA",
    sex: str = "female",
    by: str = "social_service",
    placement: dict[str, Any] = FAMILY_HOME,
    situation: str = "unaccompanied",
    concerns: tuple[str, ...] = (),
    relatives: tuple[dict[str, str], ...] = (),
    language: str = "uk",
) -> dict[str, Any]:
    return {
        "agreement": "model",
        "host_state": host,
        "origin_state": origin,
        "opened_by": {**_who("central_authority", host), "office": "Invented Ministry"},
        "child": {
            "given_names": given_names,
            "family_name": family_name,
            "date_of_birth": born,
            "sex": sex,
            "nationalities": [origin],
            "languages": [language],
        },
        "situation": situation,
        "found": {"on": "@-1d", "place": "Invented Station", "by": by, "circumstances": "Alone, asking for help."},
        "placement": placement,
        "relatives": list(relatives),
        "concerns": list(concerns),
    }


# Courses, a stretch of the procedure each. `host` and `origin` are states.


def _identified(host: str, *, asylum: bool = False) -> Iterator[Act]:
    cw = _who("caseworker", host)
    yield {"act": "verify_identity", "actor": cw, "result": "presumed", "sources": ["the child", "a school report"]}
    yield {"act": "screen_protection", "actor": cw, "trafficking": False, "asylum": asylum, "violence": False}
    yield {"act": "confirm_services", "actor": cw, "education": True, "healthcare": True}


def _represented(host: str) -> Iterator[Act]:
    authority = _who("guardianship_authority", host)
    yield {
        "act": "appoint_guardian",
        "actor": authority,
        "reason": "A trained guardian without ties to enforcement.",
        "guardian": {"id": f"guardian-{host.lower()}-1", "kind": "professional", "employer": "ngo"},
        "independent": True,
        "child_informed": True,
    }
    yield {
        "act": "appoint_counsel",
        "actor": authority,
        "reason": "Free legal assistance from the beginning.",
        "counsel": {"id": f"legal-counsel-{host.lower()}-1"},
        "free_of_charge": True,
    }


def _tracing_opened(host: str, via: str = "central_authority") -> Iterator[Act]:
    yield {
        "act": "open_tracing",
        "actor": _who("caseworker", host),
        "reason": "The child names relatives and wishes that they are found.",
        "via": via,
        "child_agrees": True,
    }


def _mother_found(host: str, origin: str, *, safe: bool = True) -> Iterator[Act]:
    yield {
        "act": "report_tracing",
        "actor": _who("tracing_service", origin),
        "result": "found",
        "relatives": [{"id": "mother", "relationship": "mother", "state": origin, "name": "Invented Mother"}],
    }
    yield {
        "act": "assess_family",
        "actor": _who("caseworker", origin),
        "relative_id": "mother",
        "willing": True,
        "able": True,
        "safe": safe,
        "assessment": "Visited twice. A home, an income, a school nearby." if safe else "A violent household.",
    }


def _heard(host: str, wish: str, language: str = "uk") -> Iterator[Act]:
    yield {
        "act": "hear_child",
        "actor": _who("guardian", host),
        "views": "Heard at length, in her own words; invented.",
        "wish": wish,
        "language": language,
        "interpreter": True,
        "guardian_present": True,
        "informed": True,
    }
    yield {
        "act": "submit_assessment",
        "actor": _who("caseworker", host),
        "options": [
            {"solution": "return", "for": "family ties", "against": "a long journey"},
            {"solution": "stay", "for": "a school and friends here", "against": "far from the family"},
        ],
        "recommendation": "return" if wish == "return" else "stay",
        "assessment": "Both options were looked at with the child and the guardian.",
    }


def _determined(host: str, solution: str) -> Iterator[Act]:
    yield {
        "act": "determine_best_interests",
        "actor": _who("bid_panel", host),
        "reason": "Weighed by the panel; unanimous.",
        "panel": [
            {"id": "panel-1", "discipline": "social work", "employer": "child_protection"},
            {"id": "panel-2", "discipline": "child psychology", "employer": "health"},
            {"id": "panel-3", "discipline": "law", "employer": "ngo"},
        ],
        "solution": solution,
        "options_considered": ["return", "stay"],
        "weight_given_to_views": "Great weight: clear, constant and the child's own.",
    }


def _return_prepared(host: str, origin: str) -> Iterator[Act]:
    for speaker in (_who("guardian", host), _who("child", host)):
        yield {
            "act": "give_consent",
            "actor": speaker,
            "reason": "Understood what return means and agrees to it.",
            "given": True,
            "informed": True,
            "language": "uk",
            "interpreter": True,
        }
    yield {
        "act": "adopt_reintegration_plan",
        "actor": _who("central_authority", origin),
        "reason": "Agreed with the family and the school.",
        "housing": "With the mother.",
        "education": "A place in the seventh form.",
        "healthcare": "The family's own physician.",
        "support": "A social worker visits weekly at first.",
        "contact": "Invented Social Service, Invented Town",
        "funded": True,
    }
    yield {"act": "assess_rights_impact", "actor": _who("monitor", host), "safe": True, "risks": []}


def _approved(state: str, number: int) -> Iterator[Act]:
    yield {
        "act": "approve_return",
        "actor": _who("central_authority", state, number),
        "reason": "The dossier was read; every condition is met.",
    }


def _refused_placement(host: str) -> Iterator[Act]:
    yield {
        "act": "place_child",
        "actor": _who("child_protection_authority", host),
        "reason": "There was a free bed.",
        "placement": LOCKED_CENTRE,
    }


def _course(mark: str, intake: dict[str, Any], *stretches: Iterator[Act]) -> Course:
    return Course(mark, intake, tuple(act for stretch in stretches for act in stretch))


def _act(act: str, role: str, state: str, /, number: int = 1, **fields: Any) -> Iterator[Act]:
    yield {"act": act, "actor": _who(role, state, number), **fields}


_MOTHER: Final = {"id": "mother", "name": "Invented Mother", "relationship": "mother", "state": "UA"}

COURSES: Final = (
    _course("DEM001", _intake("Ana Invented", "Lipan-Sample", "@-9y", by="border_guard", placement=SHELTER)),
    _course(
        "DEM002",
        _intake("Bohdan Invented", "Vymyslenko", "@-13y", sex="male", by="police"),
        _identified("MD"),
        _refused_placement("MD"),
    ),
    _course(
        "DEM003",
        _intake("Cosmin Invented", "Plopescu-Sample", "@-11y", host="RO", origin="MD", sex="male", language="ro"),
        _identified("RO"),
        _act(
            "appoint_guardian",
            "guardianship_authority",
            "RO",
            reason="Was available at once.",
            guardian={"id": "guardian-ro-9", "kind": "professional", "employer": "border"},
            independent=False,
            child_informed=True,
        ),
    ),
    _course(
        "DEM004",
        _intake("Daria Invented", "Vyhadana", "@-12y", relatives=(_MOTHER,)),
        _identified("MD"),
        _represented("MD"),
        _tracing_opened("MD"),
    ),
    _course(
        "DEM005",
        _intake("Emil Invented", "Sample-Rusu", "@-15y", sex="male", concerns=("asylum",)),
        _identified("MD", asylum=True),
        _represented("MD"),
        _act("lodge_asylum_claim", "legal_counsel", "MD"),
        _tracing_opened("MD"),
        _tracing_opened("MD", via="red_cross"),
    ),
    _course(
        "DEM006",
        _intake("Halyna Invented", "Prykladna", "@-14y"),
        _identified("MD"),
        _represented("MD"),
        _act("report_detention", "ombudsperson", "MD", placement=LOCKED_CENTRE, since="@-6h"),
    ),
    _course(
        "DEM007",
        _intake("Iryna Invented", "Vymyslena", "@-13y", relatives=(_MOTHER,)),
        _identified("MD"),
        _represented("MD"),
        _tracing_opened("MD"),
        _mother_found("MD", "UA"),
        _heard("MD", "return"),
    ),
    _course(
        "DEM008",
        _intake("Jaryna Invented", "Zrazkova", "@-12y", relatives=(_MOTHER,)),
        _identified("MD"),
        _represented("MD"),
        _tracing_opened("MD"),
        _mother_found("MD", "UA"),
        _heard("MD", "return"),
        _determined("MD", "return"),
        _return_prepared("MD", "UA"),
        _approved("MD", 2),
    ),
    _course(
        "DEM009",
        _intake("Kateryna Invented", "Musterivna", "@-16y", relatives=(_MOTHER,)),
        _identified("MD"),
        _represented("MD"),
        _tracing_opened("MD"),
        _mother_found("MD", "UA"),
        _heard("MD", "return"),
        _determined("MD", "return"),
        _return_prepared("MD", "UA"),
        _approved("MD", 2),
        _approved("UA", 3),
        _act("appeal", "relative", "MD", against="return", grounds="An aunt here was not asked."),
    ),
    _course(
        "DEM010",
        _intake("Levko Invented", "Nespravzhnii", "@-10y", sex="male", relatives=(_MOTHER,)),
        _identified("MD"),
        _represented("MD"),
        _tracing_opened("MD"),
        _mother_found("MD", "UA", safe=False),
        _heard("MD", "stay"),
        _determined("MD", "return"),
        _determined("MD", "stay"),
    ),
    _course(
        "DEM011",
        _intake("Mira Invented", "Sample-Ciobanu", "@-16y", host="RO", origin="MD", language="ro"),
        _identified("RO"),
        _represented("RO"),
        _act("report_missing", "caseworker", "RO", since="@-2h"),
    ),
    _course(
        "DEM012",
        _intake("Nazar Invented", "Fiktyvnyi", "@-12y", sex="male"),
        _identified("MD"),
        _represented("MD"),
        _tracing_opened("MD", via="red_cross"),
        _act("report_tracing", "tracing_service", "UA", result="not_found", relatives=[]),
        _heard("MD", "stay"),
        _determined("MD", "stay"),
        _act("grant_stay", "central_authority", "MD", 2, reason="The panel found stay.", status="residence"),
        _act("close_case", "central_authority", "MD", 2, reason="Residence is granted, care goes on.", outcome="stays"),
    ),
)
"""The invented cases. `homeward up --demo` opens each once."""
