"""Every address of the desk and the API, walked by everybody: what is shown is what the table lets them see, and no more.

Each part of the cases walked through holds a text that stands nowhere else. An address that is added without standing
in :data:`NEEDS` fails here.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter
from fastapi.routing import iter_route_contexts
from starlette.requests import HTTPConnection
from starlette.routing import Mount
from starlette.testclient import TestClient

from activities.caseload import Caseload
from activities.readings import Readings
from activities.rebuild import row_of_view
from casefile.readings import faults_of_readings
from desk.api import api
from desk.app import create_app
from desk.people import Person
from procedure.acts import parse_act
from procedure.intake import parse_intake
from procedure.ledger import Ledger
from procedure.proceedings import Proceedings
from procedure.vocabulary import ROLES, Role
from procedure.who_may_see import (
    PART_OF_ACT,
    Part,
    Sight,
    intake_seen,
    lists,
    may_speak,
    round_began,
    sees,
    sees_figures,
    shown,
    spoke,
)
from tests.desk.at_work import done
from tests.desk.cases_in_memory import CasesInMemory
from tests.desk.desks import ADDRESS, a_desk, without_tokens
from tests.procedure.courses import FOSTER, PEOPLE, SEED, START, Course, intake_of, model

LATE, EARLY, NOWHERE = "MD-UA-2026-ZZZZZ1", "MD-UA-2026-ZZZZZ2", "MD-UA-2026-ZZZZZ3"


# What each address needs

NEEDS: dict[tuple[str, str], Part | str] = {
    ("GET", "/"): "list",
    ("GET", "/others"): "oversight",
    ("GET", "/board"): "oversight",
    ("GET", "/find"): "list",
    ("GET", "/alarm"): "nothing",
    ("GET", "/figures"): "figures",
    ("GET", "/cases/{reference}"): "case",
    ("GET", "/cases/{reference}/entries/{n}"): "case",
    ("GET", "/cases/{reference}/news"): "record",
    ("GET", "/cases/{reference}/refusals/{n}"): "case",
    ("GET", "/cases/{reference}/acts/{act}"): "speaking",
    ("POST", "/cases/{reference}/acts/{act}"): "speaking",
    ("GET", "/cases/{reference}/past"): "past",
    ("GET", "/cases/{reference}/past/safeguards"): "past",
    ("GET", "/cases/{reference}/past/refusals"): "past",
    ("GET", "/cases/{reference}/past/deadlines"): "past",
    ("GET", "/cases/{reference}/past/dossier"): "past",
    ("POST", "/cases/{reference}/past/dossier"): "past",
    ("GET", "/cases/{reference}/child"): "child_page",
    ("GET", "/cases/{reference}/readings"): "readings",
    ("POST", "/cases/{reference}/reason"): "reason",
    ("GET", "/api/cases"): "list",
    ("GET", "/api/cases/{reference}"): "case",
    ("GET", "/api/cases/{reference}/ledger"): "case",
    ("GET", "/api/cases/{reference}/entries/{n}"): "case",
    ("GET", "/api/cases/{reference}/readings"): "readings",
    ("GET", "/api/cases/{reference}/acts"): "case",
    ("POST", "/api/cases/{reference}/acts"): "said",
    ("GET", "/api/statistics"): "figures",
    **dict.fromkeys(
        [
            *(("GET", path) for path in ("/open", "/open/upload", "/open/{id}/check", "/open/{id}/{step}")),
            *(("POST", path) for path in ("/open", "/open/upload", "/open/{id}/check", "/open/{id}/{step}")),
            *(("POST", path) for path in ("/sign-out", "/open/{id}/drop", "/api/cases")),
            ("GET", "/language/{code}"),
            ("GET", "/api/openapi.json"),
            ("GET", "/api/schemas/{name}"),
            ("GET", "/api/agreements"),
        ],
        "no case",
    ),
}
"""A part of the case; or ``case``, any sight of it; ``speaking``, that or an act that the law hears from them; ``list``,
everybody but law enforcement, each with the cases that they may know of; ``oversight``, offices that list cases."""


# The cases


def mark(part: str) -> str:
    """A text that stands in one part of a case and nowhere else: in no token either, for there is no dot in those."""
    return f"Zq.{part.replace('_', '')}.qz"


_MARK = re.compile(r"Zq\.[a-z]{4,}\.qz")


_TEXTS = frozenset(
    {
        *("views", "assessment", "findings", "grounds", "text", "about", "housing", "education", "healthcare"),
        *("support", "contact", "undertaking", "weight_given_to_views", "new_facts", "remedy", "plan"),
    }
)


class Marked(Course):
    """A course in which every part says what it is."""

    def __init__(self, reference: str) -> None:
        self.at, self.host, self.origin, self.said = START, "MD", "UA", 0
        self.intake = intake_of(
            child={"given_names": mark("names"), "family_name": mark("names")},
            found={"on": "2026-02-01", "place": mark("placement"), "by": "police", "circumstances": mark("placement")},
            placement={**FOSTER, "name": mark("placement")},
            relatives=[{"id": "r1", "name": mark("relatives"), "relationship": "mother", "state": "UA"}],
        )
        self.proceedings = Proceedings.open_case(
            parse_intake(self.intake, today=START.date()), model(), reference=reference, at=START, seed=SEED
        )

    def act(self, act: str, who: Any = None, **fields: Any) -> dict[str, Any]:
        made = super().act(act, who, **fields)
        told = mark(PART_OF_ACT[act])
        texts = {name: told for name in made if name in _TEXTS and isinstance(made[name], str)}
        return {**made, **texts, "reason": told}


def late() -> Marked:
    """A claim that came to nothing, everything refused and noted that there is, and a plan for the journey in force."""
    course = Marked(LATE).identified().does("place_child", placement={**FOSTER, "name": mark("placement")})
    course.does("assign").does("note").does("complain")
    refused = course.act("determine_best_interests") | {"reason": mark("refusals")}
    course.proceedings.hear(parse_act({**refused, "weight_given_to_views": mark("refusals")}), course.at)
    course.does("appoint_guardian").does("appoint_counsel").does("open_tracing").does("report_tracing")
    course.does("assess_family").ready_for_panel().determine().does("lodge_asylum_claim")
    course.does("resolve_asylum_claim").does("appeal").does("decide_appeal").consented().prepared().approve()
    return course.wait(days=15).does("plan_travel").does("certify_fit_to_travel").does("approve_travel")


def early() -> Marked:
    """A claim is open, and relatives are looked for without the origin's offices."""
    course = Marked(EARLY).represented().does("open_tracing", via="red_cross").does("assign")
    return course.does("lodge_asylum_claim")


class Walkers:
    """A sign-in that is told by each request who asks."""

    development = True

    def __init__(self, people: list[Person]) -> None:
        self.router = APIRouter()
        self.people = {str(n): person for n, person in enumerate(people)}

    async def who(self, request: HTTPConnection) -> Person | None:
        return self.people.get(request.headers.get("x-walker", ""))


def _people() -> list[Person]:
    found = dict[tuple[str, str, str], Person]()

    def add(id: str, role: Role, state: str, *cases: str) -> None:
        found[id, role, state] = Person(id, "Invented Walker", role, state, "Invented Office", frozenset(cases))

    for id, role, side in PEOPLE.values():
        # A child and a relative with their case, with another's, and with none.
        add(id, role, "MD" if side == "host" else "UA", LATE)  # pyright: ignore[reportArgumentType]
    add("the-child", "child", "UA", EARLY)
    add("relative-1", "relative", "RO", EARLY)
    for role in ROLES:
        for state in ("MD", "UA"):
            add(f"{role}-8", role, state)
    for role in ROLES:
        add(f"{role}-7", role, "RO")
    return list(found.values())


WALKERS = _people()


@dataclass(frozen=True)
class Walk:
    """The desk that is walked through."""

    browser: TestClient
    caseload: Caseload
    courses: dict[str, Marked]

    def sight(self, person: Person, reference: str) -> Sight | None:
        course = self.courses.get(reference)
        if course is None:
            return None
        known = spoke(person, course.entries)
        return sees(person, course.case, spoke=known, round_begins=round_began(course.entries))

    def may_stand_there(self, person: Person, reference: str) -> str:
        """All that this person may be shown of a case, as one text."""
        sight = self.sight(person, reference)
        if sight is None:
            return ""
        entries = self.courses[reference].entries
        told: list[Any] = [entry.as_json() for entry in entries if shown(entry, sight) == "whole"]
        told.append(intake_seen(Ledger(entries).as_corrected(entries[0]), sight))
        if sight.whole("child_page"):
            told.append(mark("names"))
        return json.dumps(told)

    def holds_nothing_withheld(self, person: Person, answer: Any, *references: str) -> None:
        """No mark of a part that is not theirs stands in the answer, its headers included."""
        allowed = "".join(self.may_stand_there(person, reference) for reference in references)
        found = set(_MARK.findall(answer.text + str(dict(answer.headers))))
        assert {each for each in found if each not in allowed} == set(), (person, answer.url)


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    courses = {LATE: late(), EARLY: early()}
    cases = CasesInMemory(*courses.values())
    caseload = Caseload(f"sqlite:///{tmp_path_factory.mktemp('walk') / 'caseload.db'}")

    async def listed() -> None:
        for view in cases.views():
            await caseload.keep(row_of_view(view))

    done(listed())
    desk = a_desk(cases=cases, caseload=caseload, sign_in=Walkers(WALKERS), clock=lambda: cases.at)
    app = create_app(desk, api=api(desk))
    with TestClient(app, base_url=ADDRESS, follow_redirects=False) as browser:
        yield Walk(browser, caseload, courses)
    done(caseload.close())


def _routes(app: Any, at: str = "") -> Iterator[tuple[str, str]]:
    for route in iter_route_contexts(app.routes):
        for method in (route.methods or set()) - {"HEAD"}:
            yield method, f"{at}{route.path}"
    for mounted in app.routes:
        if isinstance(mounted, Mount) and hasattr(mounted.app, "routes") and mounted.path == "/api":
            yield from _routes(mounted.app, mounted.path)


def test_no_address_is_forgotten(walk: Walk) -> None:
    """Each address that the app has is in the table of what it needs, and none else."""
    assert set(_routes(walk.browser.app)) == set(NEEDS)


def test_every_part_has_a_text_of_its_own(walk: Walk) -> None:
    """The walk would see a leak: who sees everything meets every mark."""
    person = next(each for each in WALKERS if each.role == "auditor" and each.state == "MD")
    met = "".join(walk.may_stand_there(person, reference) for reference in (LATE, EARLY))
    parts = {*PART_OF_ACT.values(), "names", "refusals"} - {"ending", "visits", "deadlines"}
    assert {part for part in parts if mark(part) not in met} <= {"tracing_around"}


def walkers(role: str) -> list[tuple[str, Person]]:
    return [(str(n), person) for n, person in enumerate(WALKERS) if person.role == role]


GETS = [
    path for (method, path), need in NEEDS.items() if method == "GET" and need not in ("no case", "list", "nothing")
]


@pytest.mark.parametrize("role", ROLES)
def test_every_address_of_a_case_shows_what_the_table_lets_somebody_see(walk: Walk, role: str) -> None:
    """Own case, colleague's, another state's, none: allowed, refused, or as if there were no such case."""
    for number, person in walkers(role):
        for path in (path for path in GETS if "{reference}" in path and path != "/cases/{reference}/news"):
            for reference in (LATE, EARLY, NOWHERE):
                for address in _addresses(walk, path, reference):
                    answer = walk.browser.get(address, headers={"x-walker": number})
                    told = (person.id, person.role, person.state, address, answer.status_code)
                    assert answer.status_code in _expected(walk, person, path, reference, address), told
                    walk.holds_nothing_withheld(person, answer, reference)


def _addresses(walk: Walk, path: str, reference: str) -> list[str]:
    address = path.replace("{reference}", reference)
    if "{act}" in path:
        return [address.replace("{act}", act) for act in ("note", "report_missing", "lodge_asylum_claim", "depart")]
    if "{n}" not in path:
        return [address]
    course = walk.courses.get(reference)
    if course is None:
        return [address.replace("{n}", "1")]
    if "refusals" in path:
        return [address.replace("{n}", str(entry.n)) for entry in course.entries if entry.kind == "refused"]
    wanted = course.entries if path.startswith("/api") and reference == LATE else course.entries[::4]
    return [address.replace("{n}", str(entry.n)) for entry in wanted if entry.n == 1 or "act" in entry.body]


def _expected(walk: Walk, person: Person, path: str, reference: str, address: str) -> set[int]:
    """The statuses with which a reading may be answered."""
    need = NEEDS["GET", path]
    act = address.rpartition("/")[2] if need == "speaking" else None
    if person.role == "law_enforcement":
        # It may fill in an alarm's form, in which nothing of a case stands, whether there is one or not.
        return {200} if act == "report_missing" else {403}
    sight = walk.sight(person, reference)
    if sight is None:
        return {404}
    if sight.nothing:
        if act is not None and may_speak(person, walk.courses[reference].case, act):
            return {200}
        return {404}
    if sight.needs_reason:
        return {403}
    if need not in ("case", "speaking") and not sight.any_of(need):  # pyright: ignore[reportArgumentType]
        return {403}
    return {200, 404} if "{n}" in path else {200}


@pytest.mark.parametrize("role", ROLES)
def test_who_sees_nothing_gets_the_answer_of_a_case_that_is_not_there(walk: Walk, role: str) -> None:
    """Word for word, headers included: not even that there is such a case is told."""
    for number, person in walkers(role):
        sight = walk.sight(person, LATE)
        if sight is None or not sight.nothing:
            continue
        for path in ("/cases/{}", "/cases/{}/past", "/cases/{}/child", "/api/cases/{}", "/api/cases/{}/ledger"):
            there, nowhere = (
                walk.browser.get(path.format(reference), headers={"x-walker": number}) for reference in (LATE, NOWHERE)
            )
            assert _told(there, LATE) == _told(nowhere, NOWHERE), (person, path)


def _told(answer: Any, reference: str) -> tuple[Any, ...]:
    text = without_tokens(answer.text.replace(reference, "REFERENCE"))
    told = {name: value for name, value in answer.headers.items() if name not in ("set-cookie", "content-length")}
    return answer.status_code, text, told


@pytest.mark.parametrize("role", ROLES)
def test_lists_hold_cases_that_one_may_know_of(walk: Walk, role: str) -> None:
    """Inbox, others, board, search, the API's list, figures: nobody meets a case or a hold that is not theirs."""
    lists_and_figures = ("/", "/others", "/board", "/find?reference=2026", "/api/cases", "/figures", "/api/statistics")
    for number, person in walkers(role):
        side = {"MD": "host", "UA": "origin"}.get(person.state)
        for address in lists_and_figures:
            answer = walk.browser.get(address, headers={"x-walker": number})
            told = (person, address, answer.status_code)
            walk.holds_nothing_withheld(person, answer)
            if person.role == "law_enforcement":
                assert answer.status_code == (200 if address == "/" else 403), told
            elif address in ("/figures", "/api/statistics"):
                assert answer.status_code == (200 if sees_figures(person.role) else 403), told
            elif address in ("/others", "/board"):
                overseer = lists(person.role, "host") or lists(person.role, "origin")
                assert answer.status_code == (200 if overseer else 403), told
            else:
                assert answer.status_code == 200, told
            owes = any(
                (row["role"], row["state"]) == (person.role, person.state)
                for row in walk.courses[EARLY].view["awaiting"]
            )
            if not lists(person.role, side) and not owes:
                assert EARLY not in answer.text, told
            if side != "host" and role != "asylum_authority":
                page = without_tokens(answer.text).lower().partition("<details")[0]
                assert "asylum" not in page or address == "/figures", told


@pytest.mark.parametrize("role", ROLES)
def test_what_is_said_to_a_case_is_answered_with_what_one_may_read(walk: Walk, role: str) -> None:
    """Forms sent empty, dossiers asked for, acts by the API: no answer tells of a part that is not theirs."""
    for number, person in walkers(role):
        headers = {"x-walker": number}
        walk.browser.get("/find", headers=headers)
        for reference in (LATE, EARLY, NOWHERE):
            sight = walk.sight(person, reference)
            for path in (f"/cases/{reference}/acts/note", f"/cases/{reference}/past/dossier"):
                answer = walk.browser.post(path, headers=headers, data=_form(walk))
                walk.holds_nothing_withheld(person, answer, reference)
                if path.endswith("dossier") and not (sight and sight.any_of("past") and not sight.needs_reason):
                    assert answer.status_code in (403, 404), (person, path, answer.status_code)
            answer = walk.browser.post(
                f"/api/cases/{reference}/acts",
                headers={**headers, "x-csrf-token": _form(walk)["csrf"]},
                json=_alarm(person),
            )
            walk.holds_nothing_withheld(person, answer, reference)
            if answer.status_code == 200 and not (sight and sight.any_of("asylum")):
                assert "asylum" not in json.dumps(answer.json()["holds"]), person
            if person.role == "law_enforcement" and reference != NOWHERE:
                assert (answer.json()["stage"], answer.json()["holds"]) == (None, [])


def _form(walk: Walk) -> dict[str, str]:
    """The hidden fields of a form of the session that the browser has, which begins with the first form."""
    page = walk.browser.get("/find", headers={"x-walker": "0"}).text
    found = dict(re.findall(r'name="(csrf|once)" value="([^"]+)"', page))
    return {"csrf": found["csrf"], "once": found.get("once", "")}


def _alarm(person: Person) -> dict[str, Any]:
    said = {"act": "report_missing", "act_id": f"alarm-{person.id}-{person.state}", "since": "2026-02-02T09:00:00Z"}
    return {**said, "actor": person.as_actor(), "reason": "invented"}


def test_a_colleagues_case_opens_after_a_reason_and_is_noted_with_it(walk: Walk) -> None:
    """For this session and for an hour; another caseworker is asked anew. The log verifies."""
    number, _ = next(each for each in walkers("caseworker") if each[1].id == "caseworker-8" and each[1].state == "MD")
    headers = {"x-walker": number}
    before, _ = done(Readings(walk.caseload).of(LATE))
    asked = walk.browser.get(f"/cases/{LATE}", headers=headers)
    assert asked.status_code == 403 and "why do you open it" in asked.text and mark("names") not in asked.text
    form = dict(re.findall(r'name="(csrf|once|back)" value="([^"]+)"', asked.text.partition("<main")[2]))
    wrong = walk.browser.post(f"/cases/{LATE}/reason", headers=headers, data={**form, "reason": "because"})
    assert wrong.status_code == 422
    form = dict(re.findall(r'name="(csrf|once|back)" value="([^"]+)"', wrong.text.partition("<main")[2]))
    given = walk.browser.post(f"/cases/{LATE}/reason", headers=headers, data={**form, "reason": "stands_in"})
    assert (given.status_code, given.headers["location"]) == (303, f"/cases/{LATE}")
    opened = walk.browser.get(f"/cases/{LATE}", headers=headers)
    assert opened.status_code == 200 and mark("names") in opened.text
    assert walk.browser.get(f"/cases/{EARLY}", headers=headers).status_code == 403
    by_api = walk.browser.get(f"/api/cases/{LATE}", headers=headers)
    assert by_api.json()["type"] == "urn:homeward:problem:reason-needed"
    assert walk.browser.get(f"/api/cases/{LATE}", headers={**headers, "Homeward-Reason": "urgent"}).status_code == 200

    lines, newest = done(Readings(walk.caseload).of(LATE))
    assert faults_of_readings(lines, newest) == []
    theirs = [(line.what, line.reason) for line in lines[len(before) :]]
    assert theirs == [("desk GET /cases/{reference}", "stands_in"), ("api GET /cases/{reference}", "urgent")]
    assert {line.by.role for line in lines} & {"law_enforcement", "system"} == set()


def test_nothing_is_shown_where_it_cannot_be_noted(walk: Walk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A database that is down: 503, and not a word of the case."""
    number, person = next(each for each in walkers("central_authority") if each[1].state == "MD")
    nowhere = Caseload("postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setattr(walk.caseload, "writing", nowhere.writing)
    for address in (f"/cases/{LATE}", f"/api/cases/{LATE}/ledger", f"/cases/{LATE}/past", f"/cases/{LATE}/child"):
        answer = walk.browser.get(address, headers={"x-walker": number})
        assert answer.status_code == 503, (person, address)
        assert not _MARK.search(answer.text)
