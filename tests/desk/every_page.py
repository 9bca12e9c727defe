"""Every page that the desk can show, each on a case that fills it, and the desk on which they are looked at.

A page that is added without standing in :data:`EVERY_PAGE` fails a test of :mod:`tests.desk.every_page_test`. Everybody
and every case is invented.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from fastapi import APIRouter, Request, Response
from playwright.sync_api import BrowserContext, Page
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from activities.caseload import Caseload
from activities.rebuild import row_of_view
from desk import frame
from desk.api import api
from desk.app import PAGES, create_app
from desk.development import DevelopmentSignIn
from desk.drafts import Drafts
from desk.forms import posted
from desk.frame import Desk, Pages, page
from desk.pages.opening import STEPS
from desk.rates import TooOften
from desk.security import Refused
from desk.sessions import SentAlready
from desk.speaking import templates
from procedure.faults import Fault, MalformedAct
from procedure.intake import parse_intake
from starter.client import CaseErased, DuplicateCase, EngineUnreachable
from starter.endings import CannotGoOn, Exit
from tests.desk.at_work import done
from tests.desk.cases_in_memory import CasesInMemory, somebody
from tests.desk.desks import a_desk, client, signed_in
from tests.desk.opening_test import answered, begun, send, typed_for
from tests.desk.seeing import fill_in, press
from tests.procedure.courses import FIELDS, HOTEL, PEOPLE, START, STATION, Course, intake_of

# The cases


def _earlier(origin: str, *, days: int) -> Course:
    """A case that began that long before the others."""
    at = START - timedelta(days=days)
    found = {"on": at.date().isoformat(), "place": "Invented Harbour", "by": "ngo", "circumstances": "alone"}
    return Course(origin=origin, at=at, found=found)


def troubled() -> Course:
    """A refusal, corrections, a withdrawn consent, an appeal, a detention, an incident of asylum, and deadlines that passed."""
    course = Course(concerns=["trafficking", "health"]).identified()
    course.refused("determine_best_interests")
    course.does("appoint_guardian").does("appoint_counsel")
    course.does("open_tracing").does("report_tracing").does("assess_family").ready_for_panel().determine()
    course.does("correct", entry=1, fields={"found.place": "Another Invented Place"})
    course.does("correct", "caseworker", entry=course.number_of("verify_identity"), fields={"result": "verified"})
    course.consented().does("withdraw_consent").does("lodge_asylum_claim").does("suspend", until="2026-05-01")
    course.does("report_detention", placement=STATION)
    return course.wait(days=9)


def assessed() -> Course:
    """All that a panel needs is there."""
    return Course(origin="RO").assessed()


def claimed() -> Course:
    """As before, with a claim of asylum: the panel may not choose the return."""
    return Course(origin="GE").assessed().does("lodge_asylum_claim")


def to_approve() -> Course:
    """All that an approval of the return needs is there."""
    return Course(origin="KG").ready_to_approve()


def waiting() -> Course:
    """Approved by both, and the time to appeal runs: nobody owes anything."""
    return Course(origin="PL").approved()


def to_travel() -> Course:
    """The return can be planned, and something is refused."""
    course = _earlier("TR", days=20).planned()
    course.refused("depart")
    return course


def ended() -> Course:
    """The child is back, was visited, and the case is closed; it was a colleague's."""
    course = _earlier("AM", days=400).visited().does("assign", caseworker={"id": "caseworker-2"})
    return course.does("close_case", outcome="returned")


def begun_now() -> Course:
    """Just opened, in a place for an emergency."""
    return Course(origin="BG", placement=HOTEL)


TROUBLED, ASSESSED, CLAIMED, TO_APPROVE, WAITING, TO_TRAVEL, ENDED, BEGUN, HOLED = (
    f"MD-{origin}-2026-7K3F9A" for origin in ("UA", "RO", "GE", "KG", "PL", "TR", "AM", "BG", "CZ")
)


class KnowingCases(CasesInMemory):
    """Cases that know a child again, and one of which has lost the beginning of its record."""

    async def open(self, intake: bytes | str | Mapping[str, Any], *, today: date | None = None) -> str:
        given = parse_intake(intake, today=today or self.at.date())
        for reference in (TROUBLED, *self.opened):
            if given.not_duplicate_of != reference and given.child.family_name in self.known[reference]:
                raise DuplicateCase("Likely the same child.", reference=reference)
        reference = await super().open(intake, today=today)
        self.opened.append(reference)
        self.known[reference] = given.child.family_name
        return reference

    async def ledger(self, reference: str, first: int = 1) -> list[dict[str, Any]]:
        entries = await super().ledger(reference, first)
        return entries[3:] if reference == HOLED else entries

    def __init__(self, *courses: Course) -> None:
        super().__init__(*courses)
        self.opened: list[str] = []
        self.known: dict[str, str] = {TROUBLED: "Invented"}


# What can go wrong, raised on purpose

_apart = APIRouter()
FAULTS: Final = [Fault(path="placement.kind", message="must be one of family, kinship")]
GOES_WRONG: Final[Mapping[str, Exception]] = {
    "duplicate": DuplicateCase("Likely the same child.", reference=TROUBLED),
    "form_foreign": Refused(403, "form_foreign"),
    "malformed": MalformedAct(FAULTS),
    "no_answer": EngineUnreachable("No engine answers at 127.0.0.1:7233."),
    "not_permitted": HTTPException(403),
    "not_taken": HTTPException(400),
    "not_this_address": Refused(400, "not_this_address"),
    "erased": CaseErased("MD-UA-2026-000001", "2060-01-01"),
    "refused": CannotGoOn("It is refused.", code=Exit.REFUSED),
    "sent_already": SentAlready(None),
    "too_large": HTTPException(413),
    "too_often": TooOften(3),
    "unforeseen": RuntimeError("Ana Invented"),
}
"""What a page under /wrong raises, by the name of the page that tells of it."""


@_apart.get("/wrong/{name}")
def go_wrong(name: str) -> None:
    """Raise one of them."""
    raise GOES_WRONG[name]


# What is drawn while somebody signs in elsewhere: the way there needs an issuer, its pages do not

ISSUER: Final = "Invented Sign-in"
SIGNING_IN: Final[Mapping[str, Mapping[str, Any]]] = {
    "sign_in_at": {"ways": [(ISSUER, "/sign-in"), (f"{ISSUER} 2", "/sign-in")]},
    "sign_in_role": {"people": [somebody("court"), somebody("authority")], "errors": False},
    "signed_out": {"issuer": ISSUER, "there": "/sign-in"},
    **{
        f"sign_in_failed/{what}": {"issuer": ISSUER, "what": what}
        for what in ("no-role", "silent", "denied", "stale", "fault")
    },
}
"""What the pages of a sign-in elsewhere are drawn with, by template; of one of them by what failed too."""


@_apart.get("/drawn/{name:path}")
def draw(request: Request, name: str) -> Response:
    """Draw one of them."""
    return page(request, f"{name.partition('/')[0]}.html.j2", **SIGNING_IN[name])


# The desk


@dataclass
class Looked:
    """The desk that is looked at, and what a browser needs to come to each of its pages."""

    desk: Desk
    cases: KnowingCases
    app: ASGIApp
    heads: dict[str, str]
    """The head of each case's record, by its reference."""
    older: dict[str, str]
    """A head from before something that an approver must read."""
    entries: dict[str, dict[str, int]]
    """The newest entry of each act, by the reference."""
    refused: dict[str, int]
    """The newest refusal of each case."""
    drafts: dict[str, str] = field(default_factory=dict[str, str])
    """Addresses of drafts: one that is answered, one with a fault, one of a child that has a case."""
    cookies: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    """The cookies of each person, by who it is."""
    drawn: list[str] = field(default_factory=list[str])
    """The templates that were drawn, in their order."""


def look(address: str, folder: Path) -> Looked:
    """A desk with all these cases, at an address."""
    courses = {
        TROUBLED: troubled(),
        ASSESSED: assessed(),
        CLAIMED: claimed(),
        TO_APPROVE: to_approve(),
        WAITING: waiting(),
        TO_TRAVEL: to_travel(),
        ENDED: ended(),
        BEGUN: begun_now(),
        HOLED: Course(origin="CZ").represented(),
    }
    cases = KnowingCases(*courses.values())
    caseload = Caseload(f"sqlite:///{folder / 'caseload.sqlite'}")
    desk = a_desk(
        cases=cases,
        caseload=caseload,
        sign_in=DevelopmentSignIn([somebody(who) for who in PEOPLE]),
        clock=lambda: cases.at,
        base_url=address,
        drafts=Drafts(folder / "drafts"),
    )
    done(_list(caseload, cases))
    looked = Looked(
        desk=desk,
        cases=cases,
        app=create_app(desk, pages=(*PAGES, Pages(_apart)), api=api(desk)),
        heads={reference: course.entries[-1].hash for reference, course in courses.items()},
        older={reference: course.entries[len(course.entries) // 2].hash for reference, course in courses.items()},
        entries={
            reference: {entry.act: entry.n for entry in course.entries if entry.act}
            for reference, course in courses.items()
        },
        refused={
            reference: max((entry.n for entry in course.entries if entry.kind == "refused"), default=0)
            for reference, course in courses.items()
        },
    )
    _draft(looked)
    return looked


async def _list(caseload: Caseload, cases: CasesInMemory) -> None:
    for view in cases.views():
        await caseload.keep(row_of_view(view))
    pattern = row_of_view(cases.views()[0])
    for n in range(25):
        await caseload.keep(replace(pattern, reference=f"MD-UA-2026-{n:06}"))
    await caseload.keep(replace(pattern, reference="MD-UA-2026-000090", awaiting=[], next_due=None, holds=[]))


def _draft(looked: Looked) -> None:
    """Begin the drafts, as whoever opens cases."""
    browser = signed_in(client(looked.desk, PAGES), PEOPLE["authority"][0])
    fresh = intake_of(child={"family_name": "Sampleton"}, placement=STATION)
    looked.drafts["answered"] = answered(browser, fresh)
    looked.drafts["known"] = answered(browser, intake_of())
    looked.drafts["to open"] = answered(browser, intake_of(child={"family_name": "Openly"}))
    looked.drafts["begun"] = begun(browser)
    faulty = looked.drafts["faulty"] = answered(browser, fresh)
    born = {"child.date_of_birth.day": "2", "child.date_of_birth.month": "2", "child.date_of_birth.year": "2026"}
    assert send(browser, f"{faulty}/child", {**typed_for("child", fresh), **born}).status_code == 303
    looked.cookies["authority"] = dict(browser.cookies.items())


def sign_in(looked: Looked, window: BrowserContext, who: str | None) -> None:
    """Have one of the people sit at a browser, or nobody."""
    if who is None:
        window.clear_cookies(name=looked.desk.session_cookie)
        return
    if who not in looked.cookies:
        browser = signed_in(client(looked.desk, PAGES), PEOPLE[who][0])
        looked.cookies[who] = dict(browser.cookies.items())
    at = looked.desk.base_url
    window.add_cookies([{"name": name, "value": value, "url": at} for name, value in looked.cookies[who].items()])


# The pages


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A page: what it is, who sees it, and how one comes there."""

    name: str
    template: str
    address: str | Callable[[Looked], str]
    who: str | None = "caseworker"
    status: int = 200
    then: Callable[[Page, Looked], None] | None = None
    """What is done on the page of that address, to come to this one."""
    main: bool = True
    """Whether it is worth a picture of its own."""

    def at(self, looked: Looked) -> str:
        return self.address if isinstance(self.address, str) else self.address(looked)


def _typed(act: str, reference: str, **changes: Any) -> Callable[[Page, Looked], None]:
    """Fill in the form of an act and send it."""

    def fill(window: Page, looked: Looked) -> None:
        course = Course(origin=reference[3:5])
        course.proceedings = looked.cases._cases[reference]  # pyright: ignore[reportPrivateUsage]
        said = {"reason": "for invented reasons", **FIELDS[act](course), **changes}
        fill_in(window, posted(act, said))
        press(window)

    return fill


def _sent(window: Page, looked: Looked) -> None:
    press(window)


def _sent_in_no_session(window: Page, looked: Looked) -> None:
    fill_in(window, {"text": ["what was typed"], "reason": ["an invented reason"]})
    sign_in(looked, window.context, None)
    press(window)


def _uploaded(window: Page, looked: Looked) -> None:
    content = b'{"agreement": "none", "placement": {"kind": "castle"}}'
    window.locator("input[type=file]").set_input_files(
        {"name": "intake.json", "mimeType": "application/json", "buffer": content}
    )
    press(window)


def _act(reference: str, act: str, query: str = "") -> str:
    return f"/cases/{reference}/acts/{act}{query}"


def _of_draft(which: str, page: str) -> Callable[[Looked], str]:
    return lambda looked: f"{looked.drafts[which]}/{page}"


def _approving(heads: str) -> Callable[[Looked], str]:
    return lambda looked: _act(TO_APPROVE, "approve_return", f"?dossier={getattr(looked, heads)[TO_APPROVE]}")


_PAST: Final = f"/cases/{TROUBLED}/past"

EVERY_PAGE: Final[Sequence[Shown]] = (
    Shown(name="sign-in", template="sign_in", address="/sign-in", who=None),
    Shown(name="sign-in-wrong", template="sign_in", address="/sign-in", who=None, status=422, then=_sent, main=False),
    *(
        Shown(
            name=name.replace("/", "-").replace("_", "-"),
            template=name.partition("/")[0],
            address=f"/drawn/{name}",
            who=None,
            main=False,
        )
        for name in SIGNING_IN
    ),
    # What is owed
    Shown(name="inbox", template="inbox", address="/"),
    Shown(name="inbox-of-the-court", template="inbox", address="/", who="court", main=False),
    Shown(name="inbox-of-the-auditor", template="inbox_watching", address="/", who="auditor"),
    Shown(name="inbox-filtered", template="inbox", address="/?due=overdue&stage=decision&hold=asylum", main=False),
    Shown(name="others", template="inbox", address="/others?page=2"),
    Shown(name="board", template="board", address="/board", who="authority"),
    Shown(name="find", template="inbox_found", address="/find?reference=00001"),
    Shown(name="find-nothing", template="inbox_found", address="/find?reference=zz", main=False),
    Shown(name="alarms", template="inbox_alarms", address="/", who="police"),
    Shown(
        name="alarms-wrong", template="inbox_alarms", address="/alarm?act=note", who="police", status=422, main=False
    ),
    Shown(name="alarm", template="act_alarm", address=_act(TROUBLED, "report_missing"), who="police"),
    # A case
    Shown(name="case", template="case", address=f"/cases/{TROUBLED}"),
    Shown(name="case-older", template="case", address=f"/cases/{TROUBLED}?before=12", who="guardian", main=False),
    Shown(name="case-travelling", template="case", address=f"/cases/{TO_TRAVEL}", who="escort", main=False),
    Shown(name="case-closed", template="case", address=f"/cases/{ENDED}", who="auditor", main=False),
    Shown(name="case-waiting", template="case", address=f"/cases/{WAITING}", who="authority", main=False),
    Shown(name="entry", template="case_entry", address=f"/cases/{TROUBLED}/entries/1"),
    Shown(
        name="entry-refused",
        template="case_entry",
        address=lambda looked: f"/cases/{TROUBLED}/entries/{looked.refused[TROUBLED]}",
        main=False,
    ),
    Shown(
        name="entry-correcting",
        template="case_entry",
        address=lambda looked: f"/cases/{TROUBLED}/entries/{looked.entries[TROUBLED]['correct']}",
        main=False,
    ),
    Shown(name="child", template="child", address=f"/cases/{TROUBLED}/child"),
    Shown(name="case-of-the-origin", template="case", address=f"/cases/{TROUBLED}", who="origin authority", main=False),
    Shown(name="reason", template="reason", address=f"/cases/{ENDED}", status=403),
    Shown(name="reason-wrong", template="reason", address=f"/cases/{ENDED}", status=422, then=_sent, main=False),
    Shown(name="readings", template="readings", address=f"/cases/{TROUBLED}/readings", who="auditor"),
    # Acts
    Shown(name="act", template="act", address=_act(CLAIMED, "determine_best_interests"), who="panel"),
    Shown(name="act-travel", template="act", address=_act(TO_TRAVEL, "plan_travel"), main=False),
    Shown(name="act-insisted", template="act", address=_act(CLAIMED, "plan_travel", "?insist=true"), main=False),
    Shown(name="act-correct", template="act", address=_act(TROUBLED, "correct"), main=False),
    Shown(
        name="act-correct-intake", template="act", address=_act(BEGUN, "correct", "?entry=1"), who="opener", main=False
    ),
    Shown(
        name="act-wrong",
        template="act",
        address=_act(BEGUN, "place_child"),
        who="protection",
        status=422,
        then=_sent,
    ),
    Shown(name="act-approve", template="act", address=_approving("heads"), who="authority"),
    Shown(
        name="act-closed",
        template="act_closed",
        address=_act(TROUBLED, "plan_travel"),
    ),
    Shown(name="act-never", template="act_closed", address=_act(TROUBLED, "decide_appeal"), main=False),
    Shown(name="act-moved-on", template="act_moved_on", address=_approving("older"), who="authority"),
    Shown(
        name="check",
        template="check",
        address=_act(ASSESSED, "determine_best_interests"),
        who="panel",
        then=_typed("determine_best_interests", ASSESSED),
    ),
    Shown(
        name="check-refused",
        template="check",
        address=_act(BEGUN, "place_child", "?insist=true"),
        who="protection",
        then=_typed("place_child", BEGUN, placement=STATION),
    ),
    Shown(
        name="refusal",
        template="refusal",
        address=lambda looked: f"/cases/{TROUBLED}/refusals/{looked.refused[TROUBLED]}",
    ),
    # Opening
    Shown(name="opening", template="opening_start", address="/open", who="authority"),
    Shown(name="opening-upload", template="opening_upload", address="/open/upload", who="authority"),
    Shown(
        name="opening-upload-wrong",
        template="opening_upload",
        address="/open/upload",
        who="authority",
        status=422,
        then=_uploaded,
    ),
    *(
        Shown(
            name=f"opening-{step.name}",
            template="opening_step",
            address=_of_draft("answered", step.name),
            who="authority",
            main=step.name in ("agreement", "child"),
        )
        for step in STEPS
    ),
    Shown(
        name="opening-wrong",
        template="opening_step",
        address=_of_draft("begun", "child"),
        who="authority",
        status=422,
        then=_sent,
        main=False,
    ),
    Shown(name="opening-check", template="opening_check", address=_of_draft("answered", "check"), who="authority"),
    Shown(
        name="opening-check-wrong",
        template="opening_check",
        address=_of_draft("faulty", "check"),
        who="authority",
        main=False,
    ),
    Shown(
        name="opening-duplicate",
        template="opening_duplicate",
        address=_of_draft("known", "check"),
        who="authority",
        status=409,
        then=_sent,
    ),
    # Looking back
    Shown(
        name="past",
        template="looking_back",
        address=lambda looked: f"{_PAST}?at={looked.entries[TROUBLED]['verify_identity']}",
        who="auditor",
    ),
    Shown(
        name="past-refusal",
        template="looking_back",
        address=lambda looked: f"{_PAST}?at={looked.refused[TROUBLED]}",
        who="auditor",
        main=False,
    ),
    Shown(
        name="past-wrong",
        template="looking_back",
        address=f"{_PAST}?day=31&month=2&year=2026",
        who="court",
        status=422,
        main=False,
    ),
    Shown(
        name="past-partial", template="looking_back_partial", address=f"/cases/{HOLED}/past", who="auditor", status=409
    ),
    Shown(name="safeguards", template="safeguards", address=f"{_PAST}/safeguards", who="auditor"),
    Shown(name="refusals", template="refusals", address=f"{_PAST}/refusals", who="auditor"),
    Shown(name="deadlines", template="looking_back_deadlines", address=f"{_PAST}/deadlines", who="auditor"),
    Shown(name="dossier", template="looking_back_dossier", address=f"{_PAST}/dossier", who="auditor"),
    Shown(name="figures", template="figures", address="/figures", who="auditor"),
    # What can go wrong
    Shown(
        name="form-stale",
        template="errors/form_stale",
        address=_act(TROUBLED, "note"),
        status=403,
        then=_sent_in_no_session,
    ),
    Shown(name="not-found", template="errors/not_found", address="/no-such-page", status=404),
    Shown(name="engine-away", template="errors/no_answer", address=f"/cases/{HOLED}", status=503, main=False),
    *(
        Shown(name=f"wrong-{name}", template=f"errors/{name}", address=f"/wrong/{name}", status=status, main=False)
        for name, status in {
            "duplicate": 409,
            "form_foreign": 403,
            "malformed": 422,
            "no_answer": 503,
            "not_permitted": 403,
            "not_taken": 400,
            "not_this_address": 400,
            "erased": 410,
            "refused": 409,
            "sent_already": 409,
            "too_large": 413,
            "too_often": 429,
            "unforeseen": 500,
        }.items()
    ),
)


def recording(looked: Looked, patch: pytest.MonkeyPatch) -> None:
    """Have each template noted as it is drawn."""

    class Noting:
        def __init__(self, code: str) -> None:
            self._of = templates(code)

        def get_template(self, name: Any) -> Any:
            looked.drawn.append(str(name).removesuffix(".html.j2"))
            return self._of.get_template(name)

    patch.setattr(frame, "templates", Noting)
