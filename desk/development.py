"""Sign-in for development: one chooses an invented person, and nobody is checked.

It works on this machine only (:class:`desk.frame.Desk` and :class:`desk.security.Doorkeeper` see to it), and every
page says that it is switched on. The people are those of the demonstration (:mod:`starter.demo`), so that its cases
can be worked on. A child and a relative write the reference of their case, as an issuer would name it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse

from desk.frame import checked_form, page, safe_back
from desk.people import Person
from desk.security import typed
from desk.sessions import visit_of
from procedure.intake import REFERENCE
from procedure.vocabulary import Role
from procedure.who_may_see import TIED_BY_SIGN_IN

HOST: Final = "MD"
ORIGIN: Final = "UA"


def _invented(name: str, role: Role, state: str, office: str | None = None, *, number: int = 1) -> Person:
    return Person(f"{role.replace('_', '-')}-{state.lower()}-{number}", name, role, state, office)


PEOPLE: Final = (
    _invented("Adela Invented", "central_authority", HOST, "Invented Ministry"),
    _invented("Andrei Sample", "central_authority", HOST, "Invented Ministry", number=2),
    _invented("Beatris Invented", "caseworker", HOST, "Invented Social Service"),
    _invented("Carolina Sample", "child_protection_authority", HOST, "Invented Child Protection"),
    _invented("Dorin Invented", "guardianship_authority", HOST, "Invented Guardianship Office"),
    _invented("Elena Sample", "guardian", HOST, "Invented Guardians"),
    _invented("Filip Invented", "legal_counsel", HOST, "Invented Legal Aid"),
    _invented("Galina Sample", "bid_panel", HOST, "Invented Panel"),
    _invented("Horia Invented", "court", HOST, "Invented Court"),
    _invented("Irina Sample", "asylum_authority", HOST, "Invented Asylum Office"),
    _invented("Jana Invented", "health_worker", HOST, "Invented Clinic"),
    _invented("Karim Sample", "escort", HOST, "Invented Child Protection"),
    _invented("Larisa Invented", "monitor", HOST, "Invented Monitors"),
    _invented("Mihai Sample", "child", HOST),
    _invented("Natalia Invented", "relative", HOST),
    _invented("Oksana Vyhadana", "central_authority", ORIGIN, "Invented Ministry of Origin"),
    _invented("Petro Zrazok", "central_authority", ORIGIN, "Invented Ministry of Origin", number=3),
    _invented("Roksolana Vyhadana", "caseworker", ORIGIN, "Invented Service of Origin"),
    _invented("Stepan Zrazok", "tracing_service", ORIGIN, "Invented Tracing Service"),
    _invented("Tamara Vyhadana", "consulate", ORIGIN, "Invented Consulate"),
    _invented("Uliana Zrazok", "monitor", ORIGIN, "Invented Monitors of Origin"),
    _invented("Victor Invented", "ombudsperson", HOST, "Invented Ombudsperson"),
    _invented("Xenia Sample", "auditor", HOST, "Invented Court of Accounts"),
    _invented("Zaharia Invented", "law_enforcement", HOST, "Invented Border Police"),
)
"""The invented people, in the order in which they are shown."""


class DevelopmentSignIn:
    """One of the invented people, chosen from a list."""

    development = True

    def __init__(self, people: Sequence[Person] = PEOPLE) -> None:
        self.people = tuple(people)
        self.router = APIRouter()
        self.router.add_api_route("/sign-in", self._ask, methods=["GET"])
        self.router.add_api_route("/sign-in", self._signed_in, methods=["POST"])

    async def who(self, request: HTTPConnection) -> Person | None:
        """The person in the session."""
        session = visit_of(request).session
        return session.person if session else None

    async def _ask(self, request: Request) -> Response:
        return self._page(request, safe_back(request.query_params.get("back")))

    async def _signed_in(self, request: Request) -> Response:
        form = await checked_form(request)
        back = safe_back(form.get("back"))
        person = next((each for each in self.people if each.id == form.get("person")), None)
        if person is None:
            return self._page(request, back, 422, missing="person")
        if person.role in TIED_BY_SIGN_IN and not person.cases:
            case = "".join(typed(form, "case").split()).upper()
            if not REFERENCE.fullmatch(case):
                return self._page(request, back, 422, missing="case", chosen=person.id)
            person = replace(person, cases=frozenset({case}))
        visit_of(request).sign_in(person)
        return RedirectResponse(back, 303)

    def _page(
        self, request: Request, back: str, status: int = 200, *, missing: str | None = None, chosen: str | None = None
    ) -> Response:
        groups: dict[str, list[Person]] = {}
        for each in self.people:
            groups.setdefault(each.state, []).append(each)
        return page(request, "sign_in.html.j2", status, groups=groups, back=back, missing=missing, chosen=chosen)
