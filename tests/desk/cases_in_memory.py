"""Cases that answer as the engine's client does, out of the law itself, and a desk around them. Everybody is invented."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, cast

import pydantic_core
from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from activities.caseload import Caseload
from activities.rebuild import row_of_view
from desk.api import Asker, api
from desk.counting import Counting
from desk.people import Person
from desk.rates import Rates
from desk.turns import Turns
from procedure.acts import parse_act
from procedure.faults import Fault, MalformedIntake
from procedure.intake import parse_intake
from procedure.proceedings import Proceedings
from procedure.vocabulary import Role
from procedure.who_may_see import TIED_BY_SIGN_IN
from starter.client import DuplicateCase, NoSuchCase, new_reference
from tests.procedure.courses import PEOPLE, REFERENCE, SEED, START, Course, shipped

COOKIE = "invented-session"
CSRF = "invented-token"
Fields = dict[str, Any]


def somebody(who: str) -> Person:
    """A person of the courses, signed in."""
    id, role, side = PEOPLE[who]
    # Who is a party to one case has the one of the courses.
    cases = frozenset({REFERENCE} if role in TIED_BY_SIGN_IN else ())
    return Person(id, f"Invented {who}", cast("Role", role), "MD" if side == "host" else "UA", cases=cases)


def of_signed_acts() -> Course:
    """A case of the courses in which only signed acts count."""
    course = Course()
    course.proceedings = Proceedings.open_case(
        parse_intake(course.intake, today=course.at.date()),
        shipped()[course.case.agreement.id],
        reference=REFERENCE,
        at=course.at,
        seed=SEED,
        facts={"signatures": "required"},
    )
    return course


class CasesInMemory:
    """Cases conducted by the law alone. ``silent``: what is raised instead of every answer."""

    def __init__(self, *courses: Course, at: datetime = START) -> None:
        self.at = max((at, *(course.at for course in courses)))
        self.silent: Exception | None = None
        self.signs = True
        self._cases: dict[str, Proceedings] = {course.case.reference: course.proceedings for course in courses}

    async def open(self, intake: bytes | str | Mapping[str, Any], *, today: date | None = None) -> str:
        self._answers()
        given = parse_intake(intake, today=today or self.at.date())
        agreement = shipped().get(given.agreement)
        if agreement is None:
            raise MalformedIntake([Fault(path="agreement", message="no such agreement")])
        reference = given.reference or new_reference(given.host_state, given.origin_state, self.at.year)
        if reference in self._cases:
            raise DuplicateCase(f"There is a case {reference} already.", reference=reference)
        self._cases[reference] = Proceedings.open_case(given, agreement, reference=reference, at=self.at, seed=SEED)
        return reference

    async def record(self, reference: str, act: bytes | str | Mapping[str, Any]) -> Fields:
        case = self._case(reference)
        given = act if isinstance(act, Mapping) else pydantic_core.from_json(act)
        return case.hear(parse_act(given), self.at)

    async def view(self, reference: str) -> Fields:
        return self._case(reference).view(self.at)

    async def ledger(self, reference: str, first: int = 1) -> list[Fields]:
        return self._case(reference).ledger(first)

    def views(self) -> list[Fields]:
        return [case.view(self.at) for case in self._cases.values()]

    def _case(self, reference: str) -> Proceedings:
        self._answers()
        if reference not in self._cases:
            raise NoSuchCase(f"There is no case {reference}.")
        return self._cases[reference]

    def _answers(self) -> None:
        if self.silent:
            raise self.silent


@dataclass
class DeskInMemory:
    """A desk at which a person is signed in whose name the cookie holds."""

    cases: CasesInMemory
    caseload: Caseload
    counting: Counting = field(default_factory=Counting)
    rates: Rates = field(default_factory=Rates)
    turns: Turns = field(default_factory=Turns)
    session_cookie: str = COOKIE
    bearers: dict[str, str] = field(default_factory=dict[str, str])
    """People who prove who they are by a header, by what it says."""

    def now(self) -> datetime:
        return self.cases.at

    async def asker(self, request: Request) -> Asker | None:
        if who := self.bearers.get(request.headers.get("Authorization", "")):
            return Asker(somebody(who))
        who = request.cookies.get(COOKIE, "").replace("-", " ")
        return Asker(somebody(who), CSRF.__eq__) if who in PEOPLE else None

    async def listed(self) -> None:
        """Bring the caseload up to the cases."""
        for view in self.cases.views():
            await self.caseload.keep(row_of_view(view))


def cookie_of(who: str) -> str:
    return who.replace(" ", "-")


def mounted(desk: DeskInMemory) -> ASGIApp:
    """The API where the desk has it: at /api, and nothing else beside it."""
    application = api(desk)

    async def under_api(scope: Scope, receive: Receive, send: Send) -> None:
        await application({**scope, "root_path": "/api"}, receive, send)

    return under_api


def desk_of(*courses: Course, **options: Any) -> DeskInMemory:
    """A desk with these cases, its caseload in memory too."""
    caseload = Caseload("sqlite:///:memory:")
    _IN_MEMORY.append(caseload)
    return DeskInMemory(CasesInMemory(*courses, **options), caseload)


_IN_MEMORY: list[Caseload] = []


def close_all() -> None:
    """Close the caseloads in memory, which last as long as the tests do."""
    while _IN_MEMORY:
        with ThreadPoolExecutor(1) as apart:
            apart.submit(asyncio.run, _IN_MEMORY.pop().close()).result()
