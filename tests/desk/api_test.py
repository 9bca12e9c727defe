"""The API for other systems: every address, every error, and the whole of it on a real engine."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import structlog
from starlette.requests import Request

from activities.caseload import Caseload, CaseloadUnreachable
from activities.rebuild import row_of_view
from casefile.statistics import figures_of, statistics
from desk import counting
from desk.api import api
from desk.api.document import SAMPLES
from desk.api.problems import KINDS, TYPES, Problem, answer_at_the_door
from desk.app import create_app
from procedure import schemas
from procedure.acts import ACTS, MAX_ACT_BYTES, parse_act
from procedure.intake import MAX_INTAKE_BYTES, parse_intake
from procedure.who_may_see import ALARMS
from starter.client import CaseErased, Cases, EngineUnreachable, NotPermitted, NoWorkerAnswers
from starter.endings import CannotGoOn
from starter.json_values import is_list, is_object
from starter.schemas import schema as as_printed
from tests.desk.cases_in_memory import COOKIE, CSRF, DeskInMemory, cookie_of, desk_of, mounted, of_signed_acts
from tests.desk.desks import ADDRESS, a_desk, hidden, the_log
from tests.procedure.courses import FIELDS, REFERENCE, START, Course, intake_of
from tests.workflows import engines

Fields = dict[str, Any]
Answer = httpx2.Response

CASE = f"/api/cases/{REFERENCE}"
NOWHERE = "/api/cases/MD-UA-2026-000000"


def course() -> Course:
    """A case whose child has a guardian and a counsel, and one refusal."""
    on_its_way = Course().represented()
    assert on_its_way.refused("determine_best_interests")
    return on_its_way


@pytest.fixture
async def desk() -> AsyncIterator[DeskInMemory]:
    """A desk with one case on its way."""
    standing = desk_of(course())
    await standing.listed()
    yield standing
    await standing.caseload.close()


class Caller:
    """Whoever asks a desk's API, signed in by a session's cookie, whose token comes along unless told otherwise."""

    def __init__(self, desk: DeskInMemory, who: str | None = "caseworker") -> None:
        cookies = {COOKIE: cookie_of(who)} if who else {}
        self._client = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(mounted(desk)), base_url="http://desk.invalid", cookies=cookies
        )

    async def get(self, address: str, **asked: Any) -> Answer:
        return await self._client.get(address, params=asked or None)

    async def post(self, address: str, said: Any, **headers: str | None) -> Answer:
        """Send JSON, or bytes as they are. Headers are named with underscores; None leaves one out."""
        sent = {"content_type": "application/json", "x_csrf_token": CSRF, **headers}
        content = said if isinstance(said, bytes) else json.dumps(said).encode()
        named = {name.replace("_", "-"): value for name, value in sent.items() if value is not None}
        return await self._client.post(address, content=content, headers=named)

    async def send(self, method: str, address: str) -> Answer:
        return await self._client.request(method, address)


def problem(answer: Answer, status: int, name: str) -> Fields:
    """The problem in an answer, which has all that a problem must have."""
    told = answer.json()
    assert answer.status_code == status, told
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert told["type"] == f"urn:homeward:problem:{name}"
    assert (told["status"], told["title"]) == KINDS[name]  # pyright: ignore[reportArgumentType]
    assert told["detail"].endswith(".")
    assert told["instance"] == str(answer.request.url.raw_path, "ascii").partition("?")[0]
    return told


def paths(told: Fields) -> set[str]:
    return {fault["path"] for fault in told["faults"]}


# Opening


async def test_a_case_is_opened(desk: DeskInMemory) -> None:
    """A right intake opens a case, and the answer says where it is."""
    opener = Caller(desk, "opener")
    answer = await opener.post("/api/cases", intake_of())
    reference = answer.json()["reference"]
    assert (answer.status_code, answer.headers["Location"]) == (201, f"/api/cases/{reference}")
    view = (await opener.get(answer.headers["Location"])).json()
    assert (view["reference"], view["stage"]) == (reference, "identification")


async def test_every_fault_of_an_intake_is_told(desk: DeskInMemory) -> None:
    """A malformed intake opens nothing, and every fault is named by its path and without its value."""
    given = intake_of(child={"date_of_birth": "2001-02-03", "family_name": "Zlatkaprobe"}, situation="lost")
    given["child"]["shoe_size"] = "Zlatkasize"
    answer = await Caller(desk, "opener").post("/api/cases", given)
    told = problem(answer, 422, "malformed")
    assert paths(told) == {"situation", "child.shoe_size"}
    assert "Zlatka" not in answer.text and "2001" not in answer.text
    assert len(desk.cases.views()) == 1


async def test_an_agreement_that_there_is_not_is_a_fault(desk: DeskInMemory) -> None:
    """What only the engine can find wrong with an intake is told like any other fault."""
    answer = await Caller(desk, "opener").post("/api/cases", intake_of(agreement="nowhere"))
    assert paths(problem(answer, 422, "malformed")) == {"agreement"}


async def test_a_duplicate_names_the_case_there_is(desk: DeskInMemory) -> None:
    """A reference that is taken opens nothing, and the problem names the case that has it."""
    answer = await Caller(desk, "opener").post("/api/cases", intake_of(reference=REFERENCE))
    assert problem(answer, 409, "duplicate")["reference"] == REFERENCE


async def test_nobody_opens_a_case_in_another_name(desk: DeskInMemory) -> None:
    """`opened_by` is who asks, and nobody else."""
    answer = await Caller(desk, "authority").post("/api/cases", intake_of())
    assert "opened_by" in problem(answer, 403, "not-you")["detail"]
    assert len(desk.cases.views()) == 1


async def test_an_intake_that_is_too_large_is_not_read(desk: DeskInMemory) -> None:
    """A body over the limit is refused as such."""
    opener = Caller(desk, "opener")
    given = json.dumps(intake_of()).encode()
    just_right = given + b" " * (MAX_INTAKE_BYTES - len(given))
    assert (await opener.post("/api/cases", just_right)).status_code == 201
    assert paths(problem(await opener.post("/api/cases", just_right + b" "), 413, "too-large")) == {"$"}


# The caseload


async def test_the_caseload_has_the_contract_s_rows(desk: DeskInMemory) -> None:
    """A row says what the case view says of a case, and by when something is owed."""
    told = (await Caller(desk).get("/api/cases")).json()
    assert told["next"] is None
    (row,) = told["cases"]
    view = desk.cases.views()[0]
    assert {name: row[name] for name in ("reference", "stage", "holds", "entries", "refused")} == {
        name: view[name] for name in ("reference", "stage", "holds", "entries", "refused")
    }
    assert row["due"] == min(owed["due"] for owed in view["awaiting"] if owed["due"])


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"role": "guardian"}, True),
        ({"role": "guardian", "state": "UA"}, False),
        ({"state": "UA"}, True),
        ({"state": "RO"}, False),
        ({"stage": "family_tracing"}, True),
        ({"stage": "travel"}, False),
        ({"hold": "asylum"}, False),
        ({"overdue": "true"}, False),
        ({"overdue": "false"}, True),
    ],
)
async def test_the_caseload_is_filtered(desk: DeskInMemory, asked: Fields, found: bool) -> None:
    """Each filter keeps the case when it fits, and leaves it out when it does not."""
    told = (await Caller(desk).get("/api/cases", **asked)).json()
    assert bool(told["cases"]) is found


async def test_the_caseload_comes_in_pages(desk: DeskInMemory) -> None:
    """Pages follow each other by `next`, or by the header Link, without a row left out or told twice."""
    opener = Caller(desk, "opener")
    for n in range(6):
        await opener.post("/api/cases", intake_of(reference=f"MD-UA-2026-00000{n}", child={"family_name": f"No. {n}"}))
    await desk.listed()
    seen: list[str] = []
    address = "/api/cases?limit=3&state=MD"
    while address:
        answer = await opener.get(address)
        rows = answer.json()["cases"]
        assert 1 <= len(rows) <= 3
        seen += [row["reference"] for row in rows]
        address = answer.headers.get("Link", "").partition(">")[0].removeprefix("<")
        assert bool(address) is (answer.json()["next"] is not None)
    assert sorted(seen) == sorted(view["reference"] for view in desk.cases.views())
    assert len(seen) == 7


@pytest.mark.parametrize(
    "after", ["x", "2026-02-30T00:00:00Z~MD-UA-2026-7K3F9A", "0001-01-01T00:00:00+14:00~MD-UA-2026-7K3F9A", "~"]
)
async def test_a_cursor_that_no_page_gave_leads_nowhere(desk: DeskInMemory, after: str) -> None:
    """What nobody was given as `next` begins no page."""
    problem(await Caller(desk).get("/api/cases", after=after), 404, "no-such-page")


async def test_a_misspelt_filter_is_told(desk: DeskInMemory) -> None:
    """A filter that there is not would, left aside, show more than was asked for."""
    told = problem(await Caller(desk).get("/api/cases", stat="MD", stage="lost", limit=0), 422, "malformed")
    assert paths(told) == {"stat", "stage", "limit"}


async def test_without_the_caseload_s_database_there_is_no_list(
    desk: DeskInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list says that it cannot be had now, and when to ask again; a case is shown all the same."""

    async def down(**_: Any) -> Any:
        raise CaseloadUnreachable("the caseload's database cannot be used now (TimeoutError)")

    monkeypatch.setattr(desk.caseload, "page", down)
    answer = await Caller(desk).get("/api/cases")
    problem(answer, 503, "no-answer")
    assert int(answer.headers["Retry-After"]) > 0
    assert (await Caller(desk).get(CASE)).status_code == 200


# One case


async def test_a_case_is_shown(desk: DeskInMemory) -> None:
    """The case view is the contract's, and nobody on the way keeps it."""
    answer = await Caller(desk).get(CASE)
    assert answer.json() == desk.cases.views()[0]
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("at", ["2", "2026-02-02T09:00:00Z", "2026-02-02", "9999-12-31T23:59:59-14:00"])
async def test_a_case_is_shown_as_it_was(desk: DeskInMemory, at: str) -> None:
    """By an entry's number, a time or a day, a case is what was recorded by then."""
    told = (await Caller(desk).get(CASE, at=at)).json()
    whole = desk.cases.views()[0]["entries"]
    assert told["entries"] == (2 if at == "2" else whole)


async def test_a_case_was_not_there_before_it_began(desk: DeskInMemory) -> None:
    """An entry that is not yet, and a moment before the first, show nothing."""
    for at in ("99", "0", "2026-02-01", "0001-01-01T00:00:00+14:00"):
        problem(await Caller(desk).get(CASE, at=at), 404, "no-such-moment")
    told = problem(await Caller(desk).get(CASE, at="yesterday, Zlatkaprobe"), 422, "malformed")
    assert paths(told) == {"at"} and "Zlatka" not in str(told)


async def test_a_record_without_its_beginning_is_not_looked_back_into(
    desk: DeskInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the engine keeps the oldest entries no more, the past is not made up from the rest."""
    whole = await desk.cases.ledger(REFERENCE)

    async def the_rest(reference: str, first: int = 1) -> list[Fields]:
        return whole[3:]

    monkeypatch.setattr(desk.cases, "ledger", the_rest)
    problem(await Caller(desk).get(CASE, at="5"), 409, "incomplete-record")
    problem(await Caller(desk).get(f"{CASE}/acts"), 409, "incomplete-record")


async def test_the_ledger_comes_in_pages() -> None:
    """Pages hold every entry once and in order."""
    standing = desk_of(course())
    caller = Caller(standing)
    seen: list[Fields] = []
    first: int | None = 1
    while first:
        told = (await caller.get(f"{CASE}/ledger", first=first, limit=4)).json()
        assert 1 <= len(told["entries"]) <= 4
        seen += told["entries"]
        first = told["next"]
    assert seen == await standing.cases.ledger(REFERENCE)


async def test_the_refusals_alone_can_be_read(desk: DeskInMemory) -> None:
    """With `refused` there are the refused acts and nothing else."""
    told = (await Caller(desk).get(f"{CASE}/ledger", refused="true")).json()
    assert [entry["kind"] for entry in told["entries"]] == ["refused"]
    assert told["next"] is None
    assert "child-heard" in told["entries"][0]["safeguards"]
    await desk.cases.record(REFERENCE, course().act("determine_best_interests", act_id="once-more"))
    answer = await Caller(desk).get(f"{CASE}/ledger", refused="true", limit=1)
    n = answer.json()["next"]
    assert answer.headers["Link"] == f'<{CASE}/ledger?first={n}&refused=true&limit=1>; rel="next"'


async def test_an_entry_is_read_by_its_number(desk: DeskInMemory) -> None:
    """An entry has an address, and a number that is none yet leads nowhere."""
    caller = Caller(desk)
    assert (await caller.get(f"{CASE}/entries/3")).json() == (await desk.cases.ledger(REFERENCE))[2]
    problem(await caller.get(f"{CASE}/entries/99"), 404, "no-such-entry")
    assert paths(problem(await caller.get(f"{CASE}/entries/0"), 404, "not-found")) == {"n"}


async def test_open_acts_are_those_of_who_asks(desk: DeskInMemory) -> None:
    """Everybody is told what they may do now, and of the rest what closes it."""
    told = (await Caller(desk).get(f"{CASE}/acts")).json()
    assert {(act["role"], act["state"]) for act in told["acts"]} == {("caseworker", "MD")}
    acts = {act["act"]: act for act in told["acts"]}
    assert acts["open_tracing"]["open"] and acts["open_tracing"]["owed"]
    assert not acts["plan_travel"]["open"]
    assert {refusal["safeguard"] for refusal in acts["plan_travel"]["closed_by"]} >= {"bid-before-return"}
    assert told["head"] == desk.cases.views()[0]["head"]


async def test_open_acts_of_others_can_be_asked_for(desk: DeskInMemory) -> None:
    """By role and by state, the acts of others are shown."""
    told = (await Caller(desk).get(f"{CASE}/acts", role="central_authority")).json()
    assert {(act["role"], act["state"]) for act in told["acts"]} == {
        ("central_authority", "MD"),
        ("central_authority", "UA"),
    }
    assert paths(problem(await Caller(desk).get(f"{CASE}/acts", state="Moldova"), 422, "malformed")) == {"state"}


# Acts


async def test_an_act_is_recorded(desk: DeskInMemory) -> None:
    """An act that the law lets through is accepted, and the case has it."""
    said = course().act("open_tracing")
    told = (await Caller(desk).post(f"{CASE}/acts", {**said, "act_id": "one"})).json()
    assert told["result"] == "accepted"
    assert (await desk.cases.ledger(REFERENCE))[told["entry"] - 1]["act"] == "open_tracing"


async def test_a_refusal_is_an_answer(desk: DeskInMemory) -> None:
    """An act that breaks a safeguard is refused with status 200: who, why, by which source, and what else can be done."""
    station = {"name": "Invented", "kind": "police_station", "run_by": "police", "child_may_leave_at_will": False}
    said = course().act("place_child", "protection", placement=station, act_id="one")
    answer = await Caller(desk, "protection").post(f"{CASE}/acts", said)
    told = answer.json()
    assert (answer.status_code, told["result"]) == (200, "refused")
    assert told["refusals"][0]["safeguard"] == "no-detention"
    assert told["refusals"][0]["source"] and told["refusals"][0]["instead"]


async def test_a_desk_that_cannot_sign_says_what_must_come_signed() -> None:
    """In a case of signed acts: an unsigned decision is not written down, a report goes on and is refused on record."""
    desk = desk_of(of_signed_acts())
    caller = Caller(desk)
    assert (await caller.get(f"{CASE}/acts")).json()["must_come_signed"] is False
    desk.cases.signs = False
    assert (await caller.get(f"{CASE}/acts")).json()["must_come_signed"] is True
    said = course().act("place_child", "caseworker")
    told = problem(await caller.post(f"{CASE}/acts", said), 409, "cannot-sign")
    assert "Nothing was recorded" in told["detail"]
    assert len(await desk.cases.ledger(REFERENCE)) == 1
    # Signed elsewhere, it is the case's to judge.
    assert (await caller.post(f"{CASE}/acts", {**said, "signature": "a.b.c"})).status_code == 200
    report = (await caller.post(f"{CASE}/acts", course().act("report_missing", "caseworker"))).json()
    assert (report["result"], report["entry"]) == ("refused", 3)


async def test_a_child_s_caseload_has_its_own_case_alone() -> None:
    """Not those of other children of whom the same is asked; and nothing can be said to those."""
    other = Course(host="MD", origin="RO").determined()
    desk = desk_of(Course().determined(), other)
    await desk.listed()
    caller = Caller(desk, "child")
    found = (await caller.get("/api/cases")).json()["cases"]
    assert [row["reference"] for row in found] == [REFERENCE]
    elsewhere = f"/api/cases/{other.case.reference}"
    said = other.act("complain", "child")
    for answer in (await caller.get(elsewhere), await caller.post(f"{elsewhere}/acts", said)):
        problem(answer, 404, "no-such-case")
    assert (await caller.post(f"{CASE}/acts", said)).json()["result"] == "accepted"


async def test_an_act_sent_again_gets_its_first_receipt(desk: DeskInMemory) -> None:
    """The same act_id with the same content adds nothing; with other content it is malformed."""
    caller = Caller(desk)
    said = {**course().act("note"), "act_id": "one"}
    first = (await caller.post(f"{CASE}/acts", said)).json()
    entries = desk.cases.views()[0]["entries"]
    assert (await caller.post(f"{CASE}/acts", said)).json() == first
    assert desk.cases.views()[0]["entries"] == entries
    other = await caller.post(f"{CASE}/acts", {**said, "text": "something else"})
    assert paths(problem(other, 422, "malformed")) == {"act_id"}


@pytest.mark.parametrize(("key", "status"), [("one", 200), ('"one"', 200), (None, 200), ("two", 422)])
async def test_the_idempotency_key_is_the_act_id(desk: DeskInMemory, key: str | None, status: int) -> None:
    """The header may say the act_id once more, plain or as a quoted text, and nothing else."""
    said = {**course().act("note"), "act_id": "one"}
    answer = await Caller(desk).post(f"{CASE}/acts", said, idempotency_key=key)
    assert answer.status_code == status


async def test_every_fault_of_an_act_is_told(desk: DeskInMemory) -> None:
    """A malformed act is not written down; every fault is named by its path and without its value."""
    said = course().act("place_child", "caseworker", reason="", colour="Zlatkaprobe")
    said["placement"] = {**said["placement"], "kind": "Zlatkakind"}
    entries = desk.cases.views()[0]["entries"]
    answer = await Caller(desk).post(f"{CASE}/acts", said)
    assert paths(problem(answer, 422, "malformed")) == {"placement.kind", "reason", "colour"}
    assert "Zlatka" not in answer.text
    assert desk.cases.views()[0]["entries"] == entries


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"act": "note"}', b"NaN", b"[" * 3_000])
async def test_what_is_no_act_is_malformed(desk: DeskInMemory, body: bytes) -> None:
    """Broken JSON, and JSON that is something else, are faults like others."""
    assert problem(await Caller(desk).post(f"{CASE}/acts", body), 422, "malformed")["faults"]


@pytest.mark.parametrize(
    ("sent_as", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=UTF-8", 200),
        ("application/json; charset=utf-16", 415),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        (None, 415),
    ],
)
async def test_only_json_is_taken(desk: DeskInMemory, sent_as: str | None, status: int) -> None:
    """What a form of another site could send is no JSON and is not taken."""
    answer = await Caller(desk).post(f"{CASE}/acts", course().act("note", act_id="one"), content_type=sent_as)
    assert answer.status_code == status
    if status != 200:
        problem(answer, 415, "not-json")
        assert answer.headers["Accept"] == "application/json"


async def test_an_act_that_is_too_large_is_not_read(desk: DeskInMemory) -> None:
    """An act may have so many bytes and not one more."""
    caller = Caller(desk)
    given = json.dumps({**course().act("note"), "act_id": "one"}).encode()
    just_right = given + b" " * (MAX_ACT_BYTES - len(given))
    assert (await caller.post(f"{CASE}/acts", just_right)).status_code == 200
    problem(await caller.post(f"{CASE}/acts", just_right + b" "), 413, "too-large")


async def test_a_body_that_never_ends_is_left_unread(desk: DeskInMemory) -> None:
    """Of a body without a length, no more is read than the limit says."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b" " * 1_024

    async with httpx2.AsyncClient(
        transport=_OneByOne(mounted(desk)), base_url="http://desk.invalid", cookies={COOKIE: "caseworker"}
    ) as client:
        answer = await client.post(
            f"{CASE}/acts",
            content=endless(),
            headers={"Content-Type": "application/json", "X-CSRF-Token": CSRF},
        )
    problem(answer, 413, "too-large")
    assert sent <= MAX_ACT_BYTES // 1_024 + 2


class _OneByOne(httpx2.AsyncBaseTransport):
    """An application that gets a body in pieces, each when it asks for it."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def handle_async_request(self, request: httpx2.Request) -> Answer:
        assert isinstance(request.stream, httpx2.AsyncByteStream)
        pieces = aiter(request.stream)
        told: Fields = {"body": b""}

        async def receive() -> Fields:
            return {"type": "http.request", "body": await anext(pieces), "more_body": True}

        async def send(message: Fields) -> None:
            told["body"] += message.get("body", b"")
            told.update({name: value for name, value in message.items() if name in ("status", "headers")})

        scope = {
            "type": "http",
            "method": request.method,
            "path": request.url.path,
            "query_string": b"",
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
        }
        await self._app(scope, receive, send)
        return Answer(told["status"], headers=told["headers"], content=told["body"], request=request)


# Who asks

READING = (
    "/api/cases",
    CASE,
    f"{CASE}?at=1",
    f"{CASE}/ledger",
    f"{CASE}/entries/1",
    f"{CASE}/acts",
    "/api/statistics",
    f"{CASE}/readings",
)
OPEN_TO_ALL = ("/api/schemas/act", "/api/agreements")


@pytest.mark.parametrize("address", [*READING, *OPEN_TO_ALL, NOWHERE])
async def test_nobody_reads_without_signing_in(desk: DeskInMemory, address: str) -> None:
    """Without a session nothing is shown, whether or not there is such a case."""
    answer = await Caller(desk, None).get(address)
    problem(answer, 401, "not-signed-in")
    assert answer.headers["WWW-Authenticate"] == f'Cookie realm="desk", cookie-name="{COOKIE}"'


async def test_nobody_says_anything_without_signing_in(desk: DeskInMemory) -> None:
    """Without a session nothing is taken, right or not."""
    nobody = Caller(desk, None)
    problem(await nobody.post("/api/cases", intake_of()), 401, "not-signed-in")
    problem(await nobody.post(f"{CASE}/acts", b"{"), 401, "not-signed-in")


@pytest.mark.parametrize("address", [*READING, NOWHERE])
async def test_law_enforcement_reads_nothing(desk: DeskInMemory, address: str) -> None:
    """What the child tells care is never used for enforcement: no address of a case opens to the police."""
    answer = await Caller(desk, "police").get(address)
    problem(answer, 403, "not-permitted")
    assert REFERENCE not in answer.text.replace(f'"{answer.json()["instance"]}"', "")


async def test_law_enforcement_may_raise_an_alarm(desk: DeskInMemory) -> None:
    """A child missing, found or detained is reported by whoever knows of it."""
    said = course().act("report_missing", "police", act_id="one")
    answer = await Caller(desk, "police").post(f"{CASE}/acts", said)
    # No number and no hash: by those it would learn when something is recorded.
    assert answer.json() == {
        "reference": REFERENCE,
        "result": "accepted",
        "refusals": [],
        "holds": [],
        **dict.fromkeys(("entry", "stage", "head")),
        "withheld": ["entry", "head", "holds", "refusals", "stage"],
    }


@pytest.mark.parametrize("act", sorted(set(FIELDS) - set(ALARMS)))
async def test_law_enforcement_says_nothing_but_an_alarm(desk: DeskInMemory, act: str) -> None:
    """Whether there is such a case or not; nothing is recorded."""
    before = await desk.cases.ledger(REFERENCE)
    said = course().act(act, "police", act_id="one")
    for case in (CASE, NOWHERE):
        problem(await Caller(desk, "police").post(f"{case}/acts", said), 403, "not-permitted")
    assert await desk.cases.ledger(REFERENCE) == before


async def test_to_law_enforcement_an_erased_case_is_one_that_there_is_not(desk: DeskInMemory) -> None:
    """Word for word; it may not know that there was one."""
    said = course().act("report_missing", "police", act_id="one")
    there_is_none = problem(await Caller(desk, "police").post(f"{NOWHERE}/acts", said), 404, "no-such-case")
    desk.cases.silent = CaseErased(REFERENCE, "2026-01-02")
    erased = problem(await Caller(desk, "police").post(f"{CASE}/acts", said), 404, "no-such-case")
    assert {**erased, "instance": None} == {**there_is_none, "instance": None}


async def test_law_enforcement_is_not_told_that_a_case_is_closed() -> None:
    """Nor why else its report was refused."""
    closed = Course().does("appoint_guardian").does("close_case")
    standing = desk_of(closed)
    said = closed.act("report_missing", "police", act_id="one")
    answer = (await Caller(standing, "police").post(f"{CASE}/acts", said)).json()
    assert closed.case.closed and (answer["result"], answer["refusals"]) == ("refused", [])
    await standing.caseload.close()


async def test_every_address_of_the_document_is_among_those_tried(desk: DeskInMemory) -> None:
    """No address is added without being held to who may read it."""
    tried = {address.partition("?")[0].replace(REFERENCE, "{reference}") for address in (*READING, *OPEN_TO_ALL)}
    tried = {f.replace("entries/1", "entries/{n}").replace("schemas/act", "schemas/{name}") for f in tried}
    document = (await Caller(desk, None).get("/api/openapi.json")).json()
    assert {f"/api{path}" for path, known in document["paths"].items() if "get" in known} == tried


@pytest.mark.parametrize("actor", [{"id": "caseworker-2"}, {"role": "guardian"}, {"state": "UA"}])
async def test_nobody_speaks_in_another_name(desk: DeskInMemory, actor: Fields) -> None:
    """Who asks is who speaks: in person, in role and in state."""
    said = course().act("note", act_id="one")
    said["actor"] = {**said["actor"], **actor}
    entries = desk.cases.views()[0]["entries"]
    problem(await Caller(desk).post(f"{CASE}/acts", said), 403, "not-you")
    assert desk.cases.views()[0]["entries"] == entries


@pytest.mark.parametrize("token", [None, "", "another"])
async def test_a_session_s_change_needs_its_token(desk: DeskInMemory, token: str | None) -> None:
    """A cookie alone, which a browser sends by itself, changes nothing."""
    entries = desk.cases.views()[0]["entries"]
    said = course().act("note", act_id="one")
    problem(await Caller(desk).post(f"{CASE}/acts", said, x_csrf_token=token), 403, "no-token")
    problem(await Caller(desk, "opener").post("/api/cases", intake_of(), x_csrf_token=token), 403, "no-token")
    assert desk.cases.views()[0]["entries"] == entries


async def test_who_proves_themselves_otherwise_needs_no_token(desk: DeskInMemory) -> None:
    """What no browser sends by itself needs no token beside it."""
    desk.bearers["Bearer invented"] = "caseworker"
    answer = await Caller(desk, None).post(
        f"{CASE}/acts", course().act("note", act_id="one"), x_csrf_token=None, authorization="Bearer invented"
    )
    assert answer.json()["result"] == "accepted"


# What does not go well


async def test_there_is_no_such_case(desk: DeskInMemory) -> None:
    """A reference that nobody has is told as such, at every address of a case."""
    caller = Caller(desk)
    for address in ("", "?at=1", "/ledger", "/entries/1", "/acts"):
        problem(await caller.get(f"{NOWHERE}{address}"), 404, "no-such-case")
    problem(await caller.post(f"{NOWHERE}/acts", course().act("note")), 404, "no-such-case")


@pytest.mark.parametrize("address", ["/api/nothing", "/api/cases/", "/api/schemas/Ім'я%0A", "/api/cases/x/y/z"])
async def test_an_address_that_there_is_not(desk: DeskInMemory, address: str) -> None:
    """An unknown address is a problem like others."""
    problem(await Caller(desk).get(address), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "address", "allowed"),
    [
        ("DELETE", CASE, "GET"),
        ("PUT", f"{CASE}/acts", "GET, POST"),
        ("PATCH", "/api/cases", "GET, POST"),
        ("POST", f"{CASE}/entries/1", "GET"),
        ("OPTIONS", "/api/agreements", "GET"),
    ],
)
async def test_a_method_that_an_address_does_not_know(
    desk: DeskInMemory, method: str, address: str, allowed: str
) -> None:
    """The problem names every method that the address knows."""
    answer = await Caller(desk).send(method, address)
    problem(answer, 405, "method-not-allowed")
    assert answer.headers["Allow"] == allowed


async def test_what_never_reaches_the_api_is_told_in_its_way() -> None:
    """Refused by the desk around it, or broken in it: one shape, one of the documented types, and nothing that was sent."""

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("Zlatkaprobe")

    app = create_app(a_desk(), api=broken)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=ADDRESS) as browser:
        problem(await browser.get(CASE, headers={"Host": "elsewhere.invalid"}), 400, "refused-request")
        problem(await browser.post("/api", headers={"Host": "elsewhere.invalid"}), 400, "refused-request")
        problem(await browser.post(f"{CASE}/acts", headers={"Origin": "https://elsewhere.invalid"}), 403, "foreign")
        with structlog.testing.capture_logs() as logged:
            told = problem(await browser.get(CASE), 500, "unforeseen")
    assert logged[0]["number"] in told["detail"] and "Zlatkaprobe" not in str(told)
    Problem.model_validate(told)
    assert told["type"] in TYPES


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "refused-request"),
        (403, "foreign"),
        (404, "not-found"),
        (413, "too-large"),
        (418, "refused-request"),
        (500, "unforeseen"),
        (503, "no-answer"),
    ],
)
def test_what_the_desk_turns_away_at_its_door_is_a_problem_too(status: int, name: str) -> None:
    """A request that never comes as far as the API is answered in the API's own way."""
    scope: Fields = {"type": "http", "method": "POST", "path": "/api/cases/a b", "headers": [], "query_string": b""}
    answer = answer_at_the_door(Request(scope), status)
    told = json.loads(bytes(answer.body))
    assert (told["type"], told["instance"]) == (f"urn:homeward:problem:{name}", "/api/cases/a%20b")
    assert answer.media_type == "application/problem+json" and answer.status_code == told["status"]


@pytest.mark.parametrize(
    "silent",
    [
        EngineUnreachable("The engine cannot be reached: 10.0.0.7:7233 Zlatkaprobe"),
        NoWorkerAnswers("No worker answers."),
        NotPermitted("The engine does not permit this."),
        CannotGoOn("The case could not do it: Zlatkaprobe"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_no_answer_from_the_engine_is_told_as_such(desk: DeskInMemory, silent: Exception) -> None:
    """When nothing answers, the problem says when to ask again, and repeats nothing that the engine said."""
    desk.cases.silent = silent
    caller = Caller(desk)
    for answer in (
        await caller.get(CASE),
        await caller.get(f"{CASE}/ledger"),
        await caller.post(f"{CASE}/acts", course().act("note")),
    ):
        problem(answer, 503, "no-answer")
        assert answer.headers["Retry-After"] == "5"
        assert "Zlatka" not in answer.text and "10.0.0.7" not in answer.text


async def test_what_nobody_foresaw_is_told_without_its_words(desk: DeskInMemory) -> None:
    """The one who asked gets a number that stands in the log too, and the log has no word of what was sent."""
    desk.cases.silent = KeyError("Zlatkaprobe")
    with the_log() as lines:
        told = problem(await Caller(desk).post(f"{CASE}/acts", course().act("note")), 500, "unforeseen")
    (line,) = [line for line in lines if line["event"].startswith("desk.")]
    assert line["number"] in told["detail"] and line["error"] == "KeyError"
    assert line["route"] == "/cases/{reference}/acts" and "desk/cases_in_memory.py:" in line["came_through"]
    assert "Zlatka" not in f"{told} {lines}" and REFERENCE not in str(lines)


# What is the same for every case


@pytest.mark.parametrize("name", [*schemas.NAMES, "agreement"])
async def test_the_contract_s_schemas_are_served(desk: DeskInMemory, name: str) -> None:
    """Each shape's JSON Schema is the one that the command line prints."""
    answer = await Caller(desk).get(f"/api/schemas/{name}")
    assert answer.headers["Content-Type"] == "application/schema+json"
    assert answer.json() == as_printed(name)


async def test_a_schema_that_there_is_not(desk: DeskInMemory) -> None:
    """A name that is none of the contract's leads nowhere."""
    assert paths(problem(await Caller(desk).get("/api/schemas/secrets"), 404, "not-found")) == {"name"}


async def test_the_agreements_are_told_with_what_keeps_one_from_use(desk: DeskInMemory) -> None:
    """An agreement in order comes with its terms, one below the floor with every clause that breaks it."""
    told = (await Caller(desk).get("/api/agreements")).json()["agreements"]
    found = {each["id"]: each for each in told}
    assert found["model"]["result"] == "accepted" and found["model"]["terms"]["consent_age"] == 12
    assert found["chisinau-2002"]["result"] == "refused" and found["chisinau-2002"]["terms"] is None
    assert "placement.detention" in {breach["clause"] for breach in found["chisinau-2002"]["breaches"]}


# The document


async def test_the_document_is_for_everybody_and_made_of_the_contract_s_models(desk: DeskInMemory) -> None:
    """The document is OpenAPI 3.1; its shapes are those that judge what comes in, field by field."""
    document = (await Caller(desk, None).get("/api/openapi.json")).json()
    assert document["openapi"].startswith("3.1") and document["servers"] == [{"url": "/api"}]
    shapes = document["components"]["schemas"]
    own = json.loads(json.dumps(schemas.schema("act")).replace("#/$defs/", "#/components/schemas/"))
    assert {name: shapes[name] for name in own["$defs"]} == own["$defs"]
    assert shapes["Act"]["oneOf"] == own["oneOf"] and len(shapes["Act"]["oneOf"]) == len(ACTS)
    intake = json.loads(json.dumps(schemas.schema("intake")).replace("#/$defs/", "#/components/schemas/"))
    assert shapes["Intake"]["properties"] == intake["properties"]


async def test_nothing_in_the_document_points_nowhere(desk: DeskInMemory) -> None:
    """Every reference in the document leads to a shape in it, and no shape is there for nothing."""
    document = (await Caller(desk, None).get("/api/openapi.json")).json()
    named = set(_references(document))
    assert named == {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    operations = [known for path in document["paths"].values() for known in path.values()]
    assert len({each["operationId"] for each in operations}) == len(operations)


def _references(part: Any) -> Iterator[str]:
    if is_object(part):
        for name, value in part.items():
            if name == "$ref":
                yield value
            elif name == "mapping":
                yield from value.values()
            else:
                yield from _references(value)
    elif is_list(part):
        for each in part:
            yield from _references(each)


def test_the_document_s_samples_are_right() -> None:
    """What the document shows by way of example opens a case and is an act."""
    parse_intake(SAMPLES["Intake"], today=START.date())
    parse_act(SAMPLES["Act"])


# Figures


async def test_the_figures_are_those_of_the_records(desk: DeskInMemory) -> None:
    """The API counts what the command line counts."""
    told = (await Caller(desk, "authority").get("/api/statistics")).json()
    own = statistics([figures_of(course().entries)]).as_json()
    assert told == {"counted_at": "2026-02-02T09:00:00Z", "not_counted": 0, **own}


async def test_only_what_grew_is_read_again(desk: DeskInMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures stand for a minute; then of all cases those are read that have more entries than they had."""
    read: list[str] = []
    ledger = desk.cases.ledger

    async def counted(reference: str, first: int = 1) -> list[Fields]:
        read.append(reference)
        return await ledger(reference, first)

    monkeypatch.setattr(desk.cases, "ledger", counted)
    figures = counting.Counting()
    opener = Caller(desk, "opener")
    await opener.post("/api/cases", intake_of(reference="MD-UA-2026-000001"))
    await desk.listed()
    await asyncio.gather(*(figures.figures(desk, "MD") for _ in range(5)))
    assert sorted(read) == ["MD-UA-2026-000001", REFERENCE]
    await desk.cases.record(REFERENCE, course().act("note", act_id="one"))
    await desk.listed()
    assert (await figures.figures(desk, "MD")).at == START and len(read) == 2
    desk.cases.at += counting.FRESH_FOR
    await figures.figures(desk, "MD")
    assert read[2:] == [REFERENCE]


async def test_who_waits_too_long_for_figures_is_told_so(desk: DeskInMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A count that takes long goes on by itself, and whoever asks later has it."""
    go_on = asyncio.Event()
    ledger = desk.cases.ledger

    async def slow(reference: str, first: int = 1) -> list[Fields]:
        await go_on.wait()
        return await ledger(reference, first)

    monkeypatch.setattr(desk.cases, "ledger", slow)
    monkeypatch.setattr(counting, "PATIENCE", 0.05)
    caller = Caller(desk, "authority")
    problem(await caller.get("/api/statistics"), 503, "no-answer")
    go_on.set()
    monkeypatch.setattr(counting, "PATIENCE", 10)
    assert (await caller.get("/api/statistics")).json()["cases"]["all"] == 1


async def test_a_case_that_is_gone_is_not_counted(desk: DeskInMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the engine keeps no more is told as not counted, however much it is."""
    monkeypatch.setattr(counting, "SILENT_AT_MOST", 0)
    for view in desk_of(Course(origin="RO")).cases.views():
        await desk.caseload.keep(row_of_view(view))
    told = (await Caller(desk, "authority").get("/api/statistics")).json()
    assert (told["cases"]["all"], told["not_counted"]) == (1, 1)


async def test_figures_of_a_silent_engine_are_none(desk: DeskInMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A case may be silent; where many are, there are no figures, which would mislead."""
    caller = Caller(desk, "authority")
    desk.cases.silent = NoWorkerAnswers("No worker answers.")
    assert (await caller.get("/api/statistics")).json()["not_counted"] == 1
    desk.cases.at += counting.FRESH_FOR
    monkeypatch.setattr(counting, "SILENT_AT_MOST", 0)
    problem(await caller.get("/api/statistics"), 503, "no-answer")
    monkeypatch.setattr(counting, "SILENT_AT_MOST", 9)
    desk.cases.silent = EngineUnreachable("No engine.")
    problem(await caller.get("/api/statistics"), 503, "no-answer")


# On a real engine, inside the whole desk


@pytest.mark.engine
async def test_a_case_on_a_real_engine(tmp_path: Path) -> None:
    """Through the desk's own sign-in and the real client: a case opens, hears, refuses, and knows an act again."""
    async with engines.development(tmp_path) as engine, engine.worker():
        caseload = await Caseload.open(f"sqlite:///{tmp_path / 'caseload.db'}")
        desk = a_desk(cases=Cases(engine.client), caseload=caseload)
        app = create_app(desk, api=api(desk))
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=ADDRESS) as browser:
            authority = await _signed_in(browser, "central-authority-md-1")
            opened = await authority("/api/cases", engines.intake(opened_by=_actor("central-authority-md-1")))
            assert opened.status_code == 201, opened.text
            case = opened.headers["Location"]
            again = await authority(
                "/api/cases",
                engines.intake(opened_by=_actor("central-authority-md-1"), reference=opened.json()["reference"]),
            )
            assert problem(again, 409, "duplicate")["reference"] == opened.json()["reference"]

            caseworker = await _signed_in(browser, "caseworker-md-1")
            said = {**engines.note(), "actor": _actor("caseworker-md-1")}
            first = await caseworker(f"{case}/acts", said)
            assert first.json()["result"] == "accepted"
            assert (await caseworker(f"{case}/acts", said)).json() == first.json()
            other = await caseworker(f"{case}/acts", {**said, "text": "another note"})
            assert paths(problem(other, 422, "malformed")) == {"act_id"}

            placed = engines.act("cw", "place_child", placement=engines.STATION)
            refused = await caseworker(f"{case}/acts", {**placed, "actor": _actor("caseworker-md-1")})
            assert (refused.status_code, refused.json()["result"]) == (200, "refused")
            assert "no-detention" in {each["safeguard"] for each in refused.json()["refusals"]}
            assert (await browser.post(f"{case}/acts", json=said)).json()["type"].endswith("no-token")

            view = (await browser.get(case)).json()
            assert (view["refused"], view["head"]) == (1, refused.json()["head"])
            ledger = (await browser.get(f"{case}/ledger", params={"limit": 2})).json()
            assert [entry["n"] for entry in ledger["entries"]] == [1, 2] and ledger["next"] == 3
            book = (await browser.get(f"{case}/ledger", params={"refused": "true"})).json()["entries"]
            assert [entry["n"] for entry in book] == [refused.json()["entry"]]
            assert (await browser.get(case, params={"at": 1})).json()["entries"] == 1
            acts = (await browser.get(f"{case}/acts")).json()
            assert acts["head"] == view["head"] and any(act["open"] for act in acts["acts"])
            assert (await browser.get(f"{case}/entries/99")).status_code == 404
            problem(await browser.get(NOWHERE), 404, "no-such-case")
            rows = (await browser.get("/api/cases")).json()["cases"]
            assert [row["reference"] for row in rows] == [view["reference"]]
            problem(await browser.get("/api/statistics"), 403, "not-permitted")
            problem(await browser.get(f"{case}/readings"), 403, "not-permitted")
            await _signed_in(browser, "auditor-md-1")
            read = (await browser.get(f"{case}/readings")).json()
            assert read["verifies"] and {line["person"] for line in read["readings"]} >= {
                "caseworker-md-1",
                "auditor-md-1",
            }
            assert (await browser.get("/api/statistics")).json()["refusals_by_safeguard"] == {"no-detention": 1}
        await caseload.close()


def _actor(id: str) -> Fields:
    role, state, _ = id.rsplit("-", 2)
    return {"id": id, "role": role.replace("-", "_"), "state": state.upper()}


async def _signed_in(browser: httpx2.AsyncClient, person: str) -> Any:
    """Sign in, and give what sends JSON with the session's token."""
    form = hidden((await browser.get("/sign-in")).text)
    answer = await browser.post("/sign-in", data={**form, "person": person})
    assert answer.status_code == 303
    token = hidden((await browser.get("/sign-in")).text)["csrf"]

    async def post(address: str, said: Fields) -> Answer:
        return await browser.post(address, json=said, headers={"X-CSRF-Token": token})

    return post
