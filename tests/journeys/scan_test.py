"""A marked child goes through whole cases: nothing of it stands in clear in what the house keeps, logs, sends or says."""

import asyncio
import base64
import gzip
import json
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from temporalio.client import Client

from desk.drafts import Drafts, keeper, new_key
from desk.people import Person
from starter.client import Cases, Place, connect
from starter.sealed import with_its_keys
from tests.casefile.lived import until
from tests.journeys.marks import (
    BIRTH,
    CYRILLIC,
    MARK,
    marked,
    marks_in,
    marks_in_arguments,
    marks_in_folder,
    marks_in_texts,
)
from tests.journeys.processes import free_port
from tests.starter.running import ANY_PORTS, House, environment, homeward
from tests.workflows.engines import (
    STATION,
    Fields,
    act,
    development,
    intake,
    note,
    until_approved,
    until_determined,
)
from workflows.messages import SEARCH_ATTRIBUTES

pytestmark = [pytest.mark.engine, pytest.mark.slow]

ADDRESSES = ("caseworker", "central_authority", "guardianship_authority", "ombudsperson", "legal_counsel", "guardian")


@dataclass
class Outside:
    """A mail server and another program of the authority, and what came to them."""

    mail_port: int
    events_url: str = ""
    mails: list[bytes] = field(default_factory=list[bytes])
    events: list[bytes] = field(default_factory=list[bytes])

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.mails.append(envelope.content)
        return "250 OK"


@pytest.fixture
def outside() -> Iterator[Outside]:
    """Both on the loopback."""
    got = Outside(free_port())

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.events.append(f"{self.path}\n{self.headers}\n".encode() + body)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=web.serve_forever, args=(0.02,))
    serving.start()
    mail = Controller(got, hostname="127.0.0.1", port=got.mail_port)
    mail.start()
    got.events_url = f"http://127.0.0.1:{web.server_address[1]}/events"
    yield got
    mail.stop()
    web.shutdown()
    serving.join(10)
    web.server_close()


def returned() -> list[Fields]:
    """Until both states approved, with a detention, an asylum claim, a complaint, a correction, and a second run."""
    course = [
        *until_determined(),
        act("cw", "place_child", placement=STATION),
        act("om", "complain", about="invented"),
        *until_approved(),
        *(note() for _ in range(75)),
        act("om", "report_detention", placement=STATION, since="2026-02-02T10:00:00Z"),
    ]
    return [marked(each) for each in course]


def stayed() -> list[Fields]:
    """A case that ends with the child staying."""
    course = until_determined()
    course[-1] = {**course[-1], "solution": "stay"}
    course[-3] = {**course[-3], "wish": "stay"}
    return [
        marked(each)
        for each in (
            *course,
            act("ca", "grant_stay", status="residence"),
            act("ca", "close_case", outcome="stays"),
        )
    ]


async def played(cases: Cases, acts: list[Fields], **changes: Any) -> str:
    """A case of the marked child, and all that is said to it."""
    reference = await cases.open(marked(intake(**changes)))
    for each in acts:
        said = dict(each)
        if said["act"] == "approve_return":
            said["dossier"] = (await cases.view(reference))["head"]
        await cases.record(reference, said)
    return reference


async def test_nothing_of_a_child_stands_in_clear_in_what_a_house_keeps_and_sends(
    outside: Outside, tmp_path: Path
) -> None:
    """Engine's file, archive, caseload, keys, drafts, logs, mails, events, arguments, search attributes, ids, errors."""
    data = tmp_path / "data"
    book = tmp_path / "addresses.toml"
    book.write_text(
        "".join(f'"{role}@{state}" = "{role}.{state}@example.org"\n' for role in ADDRESSES for state in ("MD", "UA"))
    )
    env = environment(
        HOMEWARD_SMTP_HOST="127.0.0.1",
        HOMEWARD_SMTP_PORT=str(outside.mail_port),
        HOMEWARD_SMTP_STARTTLS="false",
        HOMEWARD_SMTP_SENDER="homeward@example.org",
        HOMEWARD_ADDRESS_BOOK=str(book),
        HOMEWARD_WEBHOOK_URL=outside.events_url,
        HOMEWARD_WEBHOOK_SECRET="whsec_c2VjcmV0IHRoYXQgaXMgbG9uZyBlbm91Z2g=",
        HOMEWARD_LOG_LEVEL="debug",
    )
    house = House(data, *ANY_PORTS, env=env)
    try:
        arguments: dict[int, set[str]] = {}
        async with with_its_keys(await connect(Place(house.told["engine"]), elsewhere=False)) as client:
            cases = Cases(client)
            reference = await played(cases, returned())
            ended = await played(cases, stayed())
            assert ("closed", True) == (
                (await cases.view(ended))["status"],
                "detention" in (await cases.view(reference))["holds"],
            )
            said = json.dumps(await cases.ledger(reference), ensure_ascii=False)
            assert MARK in said and CYRILLIC in said and BIRTH in said  # it is there, for whoever has keys
            arguments |= marks_in_arguments()
            errors = await what_is_told_of_errors(house, reference, tmp_path)
            attributes = await attributes_and_ids(client)
            await until(lambda: asyncio.to_thread(lambda: any((data / "archive").rglob("*.json"))), 60)
            await until(lambda: asyncio.to_thread(lambda: len(outside.mails) > 5 and len(outside.events) > 50), 60)
        draft_of_a_person(data)
    finally:
        house.gone()

    assert {} == marks_in_folder(data)
    assert {} == arguments
    assert set() == marks_in_texts([*outside.mails, *outside.events, house.err, house.line])
    assert set() == marks_in_texts(errors)
    assert set() == marks_in_texts(attributes)
    kept = {str(path.relative_to(data)).partition("/")[0] for path in data.rglob("*") if path.is_file()}
    assert {"engine.db", "caseload.db", "keys.db", "worker.log", "engine.log", "archive", "drafts", "keys"} <= kept


async def what_is_told_of_errors(house: House, reference: str, folder: Path) -> list[str]:
    """What commands say that fail: malformed acts and intakes, a refusal's exit, keys that are not there."""
    wrong = {**marked(note()), f"{MARK}field": 1, "act_id": 7}
    files = {"act": [wrong], "intake": {**marked(intake()), "situation": f"{MARK}situation"}}
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    (folder / "same.json").write_text(json.dumps({**marked(intake())}))
    told: list[str] = []
    elsewhere = environment(HOMEWARD_KEYS_URL=f"sqlite:///{folder}/nowhere.db")
    for command, code, env in (
        (("record", reference, str(folder / "act.json")), 2, None),
        (("open", str(folder / "intake.json")), 2, None),
        (("show", reference), 6, elsewhere),
        (("ledger", reference), 6, elsewhere),
        (("record", reference, str(folder / "note.json")), 2, elsewhere),
    ):
        answer = await asyncio.to_thread(homeward, *command, *house.at, env=env)
        assert code == answer.code, (command, answer)
        told += [answer.out, answer.err.replace(f"{MARK}field", "")]  # the name of a field that the caller made up
    return told


async def attributes_and_ids(client: Client) -> list[str]:
    """All that the engine's list shows of every process, and the namespace's own notes."""
    told: list[str] = []
    async for run in client.list_workflows(""):
        told += [run.id, str(run.search_attributes), str(run.typed_search_attributes), run.workflow_type]
        described = await client.get_workflow_handle(run.id, run_id=run.run_id).describe()
        told.append(str(described.raw_description))
    assert any(SEARCH_ATTRIBUTES[0].name in each for each in told)
    return told


def draft_of_a_person(data: Path) -> None:
    """What the desk keeps of an intake that is not sent yet."""
    person = Person("ca-md-1", "Adela Invented", "central_authority", "MD")
    whose = keeper(new_key(), person)
    assert whose is not None
    Drafts(data / "drafts").begin(whose, marked(intake()), datetime.now(UTC))


async def test_the_same_scan_finds_everything_where_nothing_is_sealed(tmp_path: Path) -> None:
    """The scan can fail: with the codec off the marks stand in the engine's file and in the archive."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    async with (
        development(data, sealing=False, dev_server_database_filename=str(data / "engine.db")) as engine,
        engine.worker(),
    ):
        await played(Cases(engine.client), returned())
        await until(lambda: asyncio.to_thread(lambda: any((data / "archive").rglob("*.json"))), 60)

    found = marks_in_folder(data)
    in_the_engine = {f"{MARK} in clear", f"{CYRILLIC} as JSON escapes it", f"{BIRTH} in clear"}
    assert in_the_engine <= found["engine.db"]
    (archived,) = (told for where, told in found.items() if where.startswith("archive/") and where.endswith(".json"))
    assert f"{CYRILLIC} in clear" in archived and any("base64" in told for told in archived)


@pytest.mark.parametrize("mark", [MARK, CYRILLIC, BIRTH])
def test_a_mark_is_found_in_every_form(mark: str) -> None:
    """In clear, in hex, in base64 wherever it stands, as JSON and addresses escape it, and packed."""
    raw = f"before {mark} after".encode()
    forms = [
        raw,
        raw.hex().encode(),
        raw.hex().upper().encode(),
        json.dumps(f"before {mark} after").encode(),
        f"before {mark} after".encode("utf-16-le"),
        b"xyz" + zlib.compress(raw) + b"xyz",
        b"xyz" + gzip.compress(raw),
        zlib.compress(base64.b64encode(raw)),
        *(base64.b64encode(b"x" * n + raw) for n in range(3)),
        *(base64.urlsafe_b64encode(b"x" * n + raw) for n in range(3)),
        "".join(f"%{byte:02X}" for byte in raw).encode(),
        quote(f"before {mark} after").encode(),
    ]
    assert [form for form in forms if not marks_in(form)] == []
    assert set() == marks_in(b"an invented word") == marks_in(zlib.compress(b"an invented word"))
