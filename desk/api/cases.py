"""The addresses of cases: opening one, the caseload, and what one case shows and hears."""

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, cast
from urllib.parse import urlencode

from fastapi import APIRouter, Header, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from starlette.responses import JSONResponse

from activities.caseload import KnownTo
from activities.readings import Readings
from casefile.looking_back import view_at
from casefile.readings import faults_of_readings
from casefile.redaction import line_as_json
from desk.api.answers import (
    Acts,
    CaseloadPage,
    LedgerPage,
    LineSeen,
    Opened,
    ReadingsShown,
    ReceiptSeen,
    ViewSeen,
)
from desk.api.asking import FIREWALL, Desk, OfDesk, Reader, Speaker, in_pace, json_body, must_be, naming, opened
from desk.api.document import gives, takes
from desk.api.problems import Trouble
from desk.door import sight_on
from desk.people import Person
from procedure.acts import DECISIONS, MAX_ACT_BYTES, Act, EntryNumber, State, parse_act
from procedure.entries import Entry, moment
from procedure.faults import Fault, MalformedAct, MalformedIntake
from procedure.intake import MAX_INTAKE_BYTES, REFERENCE, parse_intake
from procedure.intake import Reference as AnyReference
from procedure.open_acts import open_acts
from procedure.vocabulary import Hold, Role, Stage
from procedure.who_may_see import (
    ALARMS,
    FIREWALLED,
    HIDDEN_FROM_ORIGIN,
    PART_OF_HOLD,
    act_seen,
    alarm_answered,
    listed_seen,
    lists,
    receipt_seen,
    sight_in_list,
    tied_to,
    view_seen,
)
from starter.client import CaseErased, NoSuchCase
from starter.moments import read_when

router = APIRouter(prefix="/cases", tags=["cases"])

MOST_ROWS: Final = 200
"""On one page."""

Reference = Annotated[AnyReference, Path(description="The case's reference.", examples=["MD-UA-2026-7K3F9A"])]
Limit = Annotated[int, Field(ge=1, le=MOST_ROWS, description="At most so many on one page.")]
_CURSOR: Final = re.compile(rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z~{REFERENCE.pattern.strip('^$')}", re.ASCII)


class _Question(BaseModel):
    """Parameters of a question. A misspelt one is told: left aside it would show more than was asked for."""

    model_config = ConfigDict(extra="forbid")


def told(body: Any, status: int = 200, headers: Mapping[str, str] = MappingProxyType({})) -> JSONResponse:
    """An answer that nobody keeps on the way."""
    return JSONResponse(body, status, {"Cache-Control": "no-store", **headers})


def _address(request: Request, *parts: str, **asked: Any) -> str:
    """An address of the API, without the host: behind a proxy the desk does not know its own name for sure."""
    query = urlencode({name: json.dumps(value).strip('"') for name, value in asked.items() if value is not None})
    return "/".join((request.scope.get("root_path", ""), "cases", *parts)) + (f"?{query}" if query else "")


def _next(request: Request, *parts: str, **asked: Any) -> dict[str, str]:
    return {"Link": f'<{_address(request, *parts, **asked)}>; rel="next"'}


# Opening, and the caseload


@router.post(
    "",
    status_code=201,
    responses=gives(
        Opened,
        *("no-token", "foreign", "not-you", "duplicate", "too-large", "not-json", "malformed", "no-answer"),
        status=201,
        description="The case is open.",
        headers={"Location": {"description": "The case.", "schema": {"type": "string", "format": "uri-reference"}}},
        links={
            "case": {"operationId": "show_case", "parameters": {"reference": "$response.body#/reference"}},
            "record": {"operationId": "record_act", "parameters": {"reference": "$response.body#/reference"}},
        },
    ),
    openapi_extra=takes("Intake", f"The intake, at most {MAX_INTAKE_BYTES} bytes. `opened_by` is who asks."),
)
async def open_case(request: Request, desk: OfDesk, person: Speaker) -> JSONResponse:
    """Open a case.

    Nothing starts where anything is malformed. A reference that is taken, and a child that has an open case, are
    duplicates; the problem names that case. An intake sent again is one too, so it never opens a second case.
    """
    raw = await json_body(request, MAX_INTAKE_BYTES, MalformedIntake)
    today = desk.now().date()
    intake = parse_intake(raw, today=today)
    must_be(person, intake.opened_by, "opened_by")
    reference = await desk.cases.open(raw, today=today)
    return told({"reference": reference}, 201, {"Location": _address(request, reference)})


class _Which(_Question):
    role: Annotated[Role | None, Field(description="Cases in which this role owes an act.")] = None
    state: Annotated[
        State | None,
        Field(description="With `role` or `overdue`: the state that owes. Alone: cases in which it is host or origin."),
    ] = None
    overdue: Annotated[bool | None, Field(description="Cases in which an act is overdue, or in which none is.")] = None
    stage: Annotated[Stage | None, Field(description="Cases in this stage.")] = None
    hold: Annotated[Hold | None, Field(description="Cases under this hold.")] = None
    limit: Limit = 50
    after: Annotated[str | None, Field(max_length=100, description="`next` of the page before.")] = None


@router.get(
    "",
    responses=gives(
        CaseloadPage,
        *("not-permitted", "no-such-page", "malformed", "no-answer"),
        description="A page. Where another follows, the header `Link` names it too.",
        headers={"Link": {"description": 'The page that follows, rel="next".', "schema": {"type": "string"}}},
    ),
)
async def list_cases(request: Request, desk: OfDesk, person: Reader, which: Annotated[_Which, Query()]) -> JSONResponse:
    """The caseload by due moment: what is due first comes first, closed cases last."""
    if which.after is not None and not _CURSOR.fullmatch(which.after):
        raise Trouble("no-such-page", _NO_SUCH_PAGE)
    asked = which.model_dump(exclude={"limit"})
    try:
        found = await desk.caseload.page(**asked, known_to=_known_to(person, which), limit=which.limit + 1)
    except ValueError:
        raise Trouble("no-such-page", _NO_SUCH_PAGE) from None
    rows = found[: which.limit]
    after = rows[-1].cursor if len(found) > len(rows) else None
    further = _next(request, **{**which.model_dump(mode="json"), "after": after}) if after else {}
    seen = [told_of for row in rows if (told_of := listed_seen(row.as_json(), person)) is not None]
    return told({"cases": seen, "next": after}, headers=further)


def _known_to(person: Person, which: _Which) -> KnownTo:
    """The cases that somebody may know of. What they do not see of a case they do not look for either."""
    by_office = {side: lists(person.role, side) for side in ("host", "origin")}
    at_home = sight_in_list(person, person.state, "", waits=True)
    own = which.role == person.role and which.state == person.state
    hidden = (
        (which.stage is not None and not at_home.whole("standing"))
        or (which.hold is not None and not at_home.any_of(PART_OF_HOLD[which.hold]))
        or ((which.role is not None or which.overdue is not None) and not own and not at_home.everything)
    )
    if hidden:
        raise Trouble("not-permitted", "You look for something that you do not see of a case.")
    of_hosts = which.hold in HIDDEN_FROM_ORIGIN or which.overdue is not None or (which.role is not None and not own)
    return KnownTo(
        person.id, person.role, person.state, by_office["host"], by_office["origin"], of_hosts, tied_to(person)
    )


_NO_SUCH_PAGE: Final = "`after` is `next` of the page before, and nothing else; leave it out to begin."


# One case


_AnyMoment = WithJsonSchema(
    {
        "anyOf": [
            {"type": "string", "pattern": "^[1-9][0-9]{0,15}$"},
            {"type": "string", "format": "date-time"},
            {"type": "string", "format": "date"},
        ],
        "description": "As it was: an entry's number, a time (RFC 3339), or a day, which means its end (UTC).",
    }
)


class _When(_Question):
    at: Annotated[str | None, Field(max_length=64), _AnyMoment] = None


@router.get(
    "/{reference}",
    responses=gives(
        ViewSeen,
        *("not-permitted", "reason-needed", "no-such-case", "no-such-moment"),
        *("incomplete-record", "malformed", "no-answer"),
        description="The case view.",
    ),
)
async def show_case(
    request: Request, desk: OfDesk, person: Reader, reference: Reference, when: Annotated[_When, Query()]
) -> JSONResponse:
    """The case view now, or as it was: what was recorded by then and nothing that is known only now."""
    if when.at is None:
        found = await opened(request, desk, person, reference)
        return told(view_seen(await desk.cases.view(reference), found.sight))
    try:
        at = read_when(when.at)
    except ValueError as error:
        fault = Fault(path="at", message=str(error))
        raise Trouble("malformed", "The question is malformed.", faults=[fault]) from None
    found = await opened(request, desk, person, reference, part="past")
    return told(view_at(found.whole.entries, at, desk.now()))


class _Entries(_Question):
    first: Annotated[EntryNumber, Field(description="The first entry wanted.")] = 1
    refused: Annotated[bool, Field(description="Refused acts only.")] = False
    limit: Limit = 100


@router.get(
    "/{reference}/ledger",
    responses=gives(
        LedgerPage,
        *("not-permitted", "reason-needed", "no-such-case", "incomplete-record", "malformed", "no-answer"),
        description="A page. Where another follows, the header `Link` names it too.",
        headers={"Link": {"description": 'The page that follows, rel="next".', "schema": {"type": "string"}}},
    ),
)
async def read_ledger(
    request: Request, desk: OfDesk, person: Reader, reference: Reference, which: Annotated[_Entries, Query()]
) -> JSONResponse:
    """The entries, in order. Of one that is not for you its place in the chain is left, where you see the chain."""
    lines = (await opened(request, desk, person, reference)).seen.lines
    found = [line for line in lines if line.n >= which.first]
    if which.refused:
        found = [line for line in found if isinstance(line, Entry) and line.kind == "refused"]
    page, rest = found[: which.limit], found[which.limit :]
    after = rest[0].n if rest else None
    asked = {"first": after, "refused": which.refused or None, "limit": which.limit}
    further = _next(request, reference, "ledger", **asked) if after else {}
    entries = [line_as_json(line) for line in page]
    return told({"reference": reference, "entries": entries, "next": after}, headers=further)


@router.get(
    "/{reference}/entries/{n}",
    responses=gives(
        LineSeen,
        *("not-permitted", "reason-needed", "no-such-case", "no-such-entry"),
        *("incomplete-record", "malformed", "no-answer"),
        description="The entry.",
    ),
)
async def read_entry(
    request: Request,
    desk: OfDesk,
    person: Reader,
    reference: Reference,
    n: Annotated[EntryNumber, Path(description="Its number.")],
) -> JSONResponse:
    """One entry."""
    lines = (await opened(request, desk, person, reference)).seen.lines
    found = next((line for line in lines if line.n == n), None)
    if found is None:
        raise Trouble("no-such-entry", "The case has no entry of that number at hand.")
    return told(line_as_json(found))


@router.get(
    "/{reference}/readings",
    responses=gives(
        ReadingsShown,
        *("not-permitted", "reason-needed", "no-such-case", "incomplete-record", "malformed", "no-answer"),
        description="The log.",
    ),
)
async def read_readings(request: Request, desk: OfDesk, person: Reader, reference: Reference) -> JSONResponse:
    """Who has read the case. That you asked is the newest line."""
    await opened(request, desk, person, reference, part="readings")
    lines, newest = await Readings(desk.caseload).of(reference)
    faults = faults_of_readings(lines, newest)
    return told(
        {
            "reference": reference,
            "verifies": not faults,
            "faults": faults,
            "readings": [line.as_json() for line in lines],
        }
    )


class _Whose(_Question):
    role: Annotated[Role | None, Field(description="Acts of this role.")] = None
    state: Annotated[State | None, Field(description="Acts of this state.")] = None


@router.get(
    "/{reference}/acts",
    responses=gives(
        Acts,
        *("not-permitted", "reason-needed", "no-such-case", "incomplete-record", "malformed", "no-answer"),
        description="The acts. Each open one says by when it is owed, each closed one what closes it.",
    ),
)
async def list_acts(
    request: Request, desk: OfDesk, person: Reader, reference: Reference, whose: Annotated[_Whose, Query()]
) -> JSONResponse:
    """What may be done now, and of every other act why not: by you, or by a role or a state that is named.

    Of others it is told to who sees the whole case. What closes an act is told as far as it is for you.
    """
    of_others = whose.role is not None or whose.state is not None
    found = await opened(request, desk, person, reference, part="past" if of_others else None)
    record = found.whole
    asked = whose.model_dump() if of_others else {"person": person.id, "role": person.role, "state": person.state}
    acts = [act_seen(act, found.sight) for act in open_acts(record.case, record.at, record.ledger, **asked)]
    return told(
        {
            "reference": reference,
            "at": moment(record.at),
            "entries": record.case.n,
            "head": record.case.head,
            "must_come_signed": record.case.signed and not desk.cases.signs,
            "acts": [act.as_json() for act in acts],
        }
    )


@router.post(
    "/{reference}/acts",
    responses=gives(
        ReceiptSeen,
        *(
            "no-token",
            "foreign",
            "not-permitted",
            "reason-needed",
            "not-you",
            "no-such-case",
            "incomplete-record",
            "cannot-sign",
            "too-large",
            "not-json",
            "malformed",
            "no-answer",
        ),
        description="The receipt, of an act that was accepted and of one that was refused.",
    ),
    openapi_extra=takes("Act", f"One act, at most {MAX_ACT_BYTES} bytes. `actor` is who asks."),
)
async def record_act(
    request: Request,
    desk: OfDesk,
    person: Speaker,
    reference: Reference,
    idempotency_key: Annotated[
        str | None, Header(description="If given, the `act_id` of the act, plain or in double quotes.")
    ] = None,
) -> JSONResponse:
    """Say one act to a case.

    Malformed, it is not written down. Refused by a safeguard, it is, and the receipt says why. Sent again, it gets its
    first receipt; its `act_id` with other content is malformed.
    """
    raw = await json_body(request, MAX_ACT_BYTES, MalformedAct)
    try:
        act = parse_act(raw)
    except MalformedAct:
        in_pace(request, desk)
        raise
    said: str = cast("Any", act).act
    # Not before it is known what is said: a report of danger is heard, however much was asked before it.
    in_pace(request, desk, said)
    if idempotency_key is not None and act.act_id not in (idempotency_key, idempotency_key.strip('"')):
        raise MalformedAct([Fault(path="act_id", message="is not what the header Idempotency-Key says")])
    must_be(person, act.actor, "actor")
    async with desk.turns.of(person.id, reference):
        if person.role == FIREWALLED:
            return told(await _alarm(desk, person, reference, said, raw))
        return told(await _recorded(request, desk, person, reference, act, raw))


async def _recorded(
    request: Request, desk: Desk, person: Person, reference: str, act: Act, raw: bytes
) -> dict[str, Any]:
    """Say an act to a case; the receipt, as far as who said it may read it."""
    said: str = cast("Any", act).act
    found = await opened(request, desk, person, reference, speaking=said)
    unsigned = found.whole.case.signed and act.signature is None and not desk.cases.signs
    # A report goes on to the case, which refuses it on record: that somebody saw a danger must stand somewhere.
    if unsigned and said in DECISIONS:
        raise Trouble(
            "cannot-sign",
            "In this case only signed acts count, and this desk has no key to sign with. Nothing was recorded. Send the "
            "act with a signature of your authority, or to a desk that signs.",
        )
    receipt = await desk.cases.record(reference, raw)
    return receipt_seen(receipt, await sight_on(desk, person, reference))


async def _alarm(desk: Desk, person: Person, reference: str, said: str, raw: bytes) -> dict[str, Any]:
    """Take in a report of law enforcement. Nothing is looked up for it, and nothing told of the case."""
    if said not in ALARMS:
        raise Trouble("not-permitted", FIREWALL)
    try:
        async with naming(desk, person, reference):
            return alarm_answered(await desk.cases.record(reference, raw))
    except CaseErased:
        raise NoSuchCase(f"There is no case {reference}.") from None
