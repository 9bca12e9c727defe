"""Who sees clear text in the engine's own pages, and with the stock command line."""

import base64
import json
import os
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.responses import PlainTextResponse
from temporalio.api.common.v1 import Payload

from activities.caseload import Caseload
from activities.readings import Readings
from desk.frame import Desk
from desk.people import Person
from procedure.vocabulary import ROLES
from sealing.codec import CaseCodec
from sealing.composing import OpenSealing
from sealing.endpoint import BearerFile
from sealing.keyring import HOUSE
from starter.codec_door import BesideTheDesk, whole_case_seen_by, with_token_only
from starter.sealed import own_keys
from tests.desk.desks import ADDRESS, a_desk
from tests.starter.running import House, environment, homeward, intake
from tests.workflows.engines import new_reference, note, program

HOSTED = "MD-UA-2026-7K3F9A"
SENT = "UA-MD-2026-7K3F9B"
PAGES = "http://127.0.0.1:8233"


def person(role: Any, state: str = "MD") -> Person:
    return Person(f"{role}-1", "Adela Invented", role, state)


def test_only_those_who_see_a_whole_case_see_it_in_the_engines_pages() -> None:
    """An auditor and a central authority those that their state hosts; nobody else any, law enforcement least."""
    every = [person(role, state) for role in ROLES for state in ("MD", "UA")]
    seen = {(each.role, each.state) for each in every if whole_case_seen_by(each, {HOSTED})}
    assert {("auditor", "MD"), ("central_authority", "MD")} == seen
    for cases in ({HOSTED, SENT}, {HOSTED, HOUSE}, {HOUSE}):
        assert not any(whole_case_seen_by(each, cases) for each in every)
    assert not whole_case_seen_by(None, set())
    assert not whole_case_seen_by(person("law_enforcement"), set())


@dataclass
class Door:
    app: Any
    desk: Desk
    sealing: OpenSealing
    token: BearerFile

    async def decode(
        self, who: Person | None = None, *, case: str = HOSTED, host: str = ADDRESS, **headers: str
    ) -> int:
        """The status of a request to open something of a case, as whoever is signed in."""
        (one,) = await CaseCodec(self.sealing.keyring, case).encode([Payload(data=b"Zlatkaprobe")])
        payload = {
            "metadata": {name: base64.b64encode(told).decode() for name, told in one.metadata.items()},
            "data": base64.b64encode(one.data).decode(),
        }
        cookies = {} if who is None else {self.desk.session_cookie: self.desk.sessions.begin(who).id}
        transport = httpx2.ASGITransport(self.app)
        async with httpx2.AsyncClient(transport=transport, base_url=host, cookies=cookies) as asking:
            answer = await asking.post("/codec/decode", json={"payloads": [payload]}, headers=headers)
        assert (base64.b64encode(b"Zlatkaprobe").decode() in answer.text) == (answer.status_code == 200)
        return answer.status_code


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    """A desk with the codec beside it."""
    async with own_keys(tmp_path) as sealing:
        desk, token = a_desk(), BearerFile(tmp_path / "codec.token")
        token.make()
        elsewhere = PlainTextResponse("the desk")
        yield Door(BesideTheDesk(elsewhere, desk, sealing.keyring, token, origins=[PAGES]), desk, sealing, token)


async def test_the_codec_asks_who_is_signed_in_at_the_desk(door: Door) -> None:
    """By the desk's own session, from the engine's pages too; without one, or in another role, all stays closed."""
    assert 200 == await door.decode(person("auditor"))
    assert 403 == await door.decode(person("auditor", "UA"))
    assert 403 == await door.decode(person("auditor"), case=HOUSE)
    assert 200 == await door.decode(person("central_authority"), origin=PAGES)
    assert 403 == await door.decode(person("central_authority"), case=SENT)
    for role in ("law_enforcement", "caseworker", "guardian", "child"):
        assert 403 == await door.decode(person(role))
    assert 403 == await door.decode(None)
    assert 403 == await door.decode(person("auditor"), origin="http://127.0.0.1:9999")


async def test_what_somebody_opens_is_noted_first(door: Door) -> None:
    """In the log of the case's readings; where that cannot be written, nothing is opened. Refusals are no readings."""
    assert 200 == await door.decode(person("auditor"))
    assert 403 == await door.decode(person("auditor", "UA"))
    lines, _ = await Readings(door.desk.caseload).of(HOSTED)
    assert [("auditor-1", "auditor", "MD", "/codec/decode")] == [
        (line.by.person, line.by.role, line.by.state, line.what) for line in lines
    ]


async def test_what_cannot_be_noted_is_not_opened(door: Door, tmp_path: Path) -> None:
    """A caseload that is down keeps everybody out, the token of the machine's owner too: beside the desk and alone."""
    (tmp_path / "no folder").write_text("")
    away = a_desk(caseload=Caseload(f"sqlite:///{tmp_path / 'no folder' / 'caseload.db'}"))
    door.app, door.desk = BesideTheDesk(door.app, away, door.sealing.keyring, door.token, origins=[PAGES]), away
    token = door.token.path.read_text().strip()
    assert 403 == await door.decode(person("auditor"))
    assert 403 == await door.decode(authorization=token)
    door.app = with_token_only(door.sealing.keyring, door.token, away.caseload)
    assert 403 == await door.decode(authorization=token)


async def test_what_the_token_opens_is_noted_as_an_operators(door: Door) -> None:
    """Each case by itself, before it is given out, beside the desk and alone; of the house there is no log."""
    token = door.token.path.read_text().strip()
    assert 200 == await door.decode(authorization=token)
    assert 200 == await door.decode(authorization=token, case=HOUSE)
    door.app = with_token_only(door.sealing.keyring, door.token, door.desk.caseload)
    assert 200 == await door.decode(authorization=token)
    assert 403 == await door.decode(authorization=f"{token}x")
    log = Readings(door.desk.caseload)
    lines, _ = await log.of(HOSTED)
    assert [(line.by.person, line.by.role, line.what) for line in lines] == [
        ("operator", "operator", "/codec/decode")
    ] * 2
    assert (await log.of(HOUSE))[0] == []


async def test_the_codec_takes_the_token_of_the_data_folder(door: Door, tmp_path: Path) -> None:
    """For stock tools; any other is none."""
    token = (tmp_path / "codec.token").read_text().strip()
    assert 200 == await door.decode(authorization=token)
    assert 200 == await door.decode(authorization=token, case=HOUSE)
    assert 403 == await door.decode(authorization=f"{token}x")
    door.app = with_token_only(door.sealing.keyring, door.token, None)
    assert 200 == await door.decode(authorization=token)
    assert 403 == await door.decode(person("auditor"))


async def test_a_name_from_elsewhere_that_points_here_is_refused(door: Door) -> None:
    """A page elsewhere may have a name of its own lead to this machine; its browser says so in the host's name."""
    assert 400 == await door.decode(person("auditor"), host="http://elsewhere.example")


@pytest.mark.parametrize("header", ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip"])
async def test_a_proxy_on_this_machine_is_refused(door: Door, header: str) -> None:
    """It would open the codec to whoever reaches the proxy; beside the desk and alone."""
    token = door.token.path.read_text().strip()
    by_proxy: dict[str, Any] = {"authorization": token, header: "for=192.0.2.1"}
    for app in (door.app, with_token_only(door.sealing.keyring, door.token, None)):
        door.app = app
        assert 200 == await door.decode(authorization=token)
        assert 400 == await door.decode(**by_proxy)


async def test_the_desk_answers_everywhere_else(door: Door) -> None:
    """Only what lies under /codec is the codec's."""
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(door.app), base_url=ADDRESS) as asking:
        for path in ("/", "/codecs", "/cases/codec"):
            assert "the desk" == (await asking.get(path)).text
        assert 404 == (await asking.get("/codec")).status_code


def stock(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """The stock command line."""
    return subprocess.run(
        [program("temporal"), *arguments, "--output", "json"],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.engine
@pytest.mark.slow
def test_the_stock_command_line_sees_clear_text_with_the_token_alone(house: House) -> None:
    """`homeward up` writes the token and tells the engine's own pages where to ask."""
    opened = homeward("open", "-", *house.at, stdin=json.dumps(intake("Zlatkacodec")))
    reference = opened.out.strip()
    asked = ("workflow", "query", "--workflow-id", reference, "--type", "intake", *house.at)
    token = Path(house.told["data"], "codec.token").read_text("ascii").strip()
    codec = {"TEMPORAL_CODEC_ENDPOINT": f"{house.told['desk']}/codec", "TEMPORAL_CODEC_AUTH": token}

    sealed = stock(*asked)
    assert (0, False) == (sealed.returncode, "Zlatkacodec" in sealed.stdout)
    assert base64.b64encode(reference.encode()).decode() in sealed.stdout
    clear = stock(*asked, **codec)
    assert "Zlatkacodec" == json.loads(clear.stdout)["queryResult"][0]["child"]["given_names"]
    wrong = stock(*asked, **{**codec, "TEMPORAL_CODEC_AUTH": "Bearer wrong"})
    assert "Zlatkacodec" not in wrong.stdout + wrong.stderr

    said = ("workflow", "update", "execute", "--workflow-id", reference, "--name", "record", *house.at)
    for at in (codec["TEMPORAL_CODEC_ENDPOINT"], f"{codec['TEMPORAL_CODEC_ENDPOINT']}/{reference}"):
        answered = stock(*said, "--input", json.dumps(note()), **{**codec, "TEMPORAL_CODEC_ENDPOINT": at})
        assert reference == json.loads(answered.stdout)["result"]["reference"], answered.stderr
    told = httpx2.get(f"{house.told['ui']}/api/v1/settings").json()
    assert codec["TEMPORAL_CODEC_ENDPOINT"] == told["Codec"]["Endpoint"]


@pytest.mark.engine
@pytest.mark.slow
def test_a_command_without_keys_says_that_it_may_not(house: House, tmp_path: Path) -> None:
    """Exit code 6 and a sentence, as text and as JSON; the list, which holds nothing sealed, is shown all the same."""
    reference = homeward("open", "-", *house.at, stdin=json.dumps(intake("Zlatkakeyless"))).out.strip()
    keyless = environment(HOMEWARD_KEYS_URL=f"sqlite:///{tmp_path}/nowhere.db")
    for command in (("show", reference), ("ledger", reference), ("audit", reference)):
        refused = homeward(*command, *house.at, env=keyless)
        assert (6, "") == (refused.code, refused.out), refused
        assert f"What {reference} holds is sealed, and it cannot be opened here" in refused.err
        assert "Traceback" not in refused.err
    again = intake("Zlatkasecond", reference=new_reference())
    assert 6 == homeward("open", "-", *house.at, stdin=json.dumps(again), env=keyless).code
    assert "is sealed" in json.loads(homeward("show", reference, "--json", *house.at, env=keyless).err)["error"]
    assert 0 == homeward("list", *house.at, env=keyless).code
