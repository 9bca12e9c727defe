"""Marked secrets: none of them stands in arguments, logs, printed settings or in what is said of a bad value."""

import asyncio
import base64
import io
import json
import os
import pprint
import re
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import httpx2
import pytest
from pydantic import ValidationError

from activities.caseload import Caseload, CaseloadUnreachable
from activities.logs import configure_logs
from activities.mail import MailServer
from activities.settings import Settings, SettingsFault, read_settings
from desk.issuers import SignInFault, read_sign_in_file
from sealing.composing import open_sealing
from sealing.faults import SealingFault
from sealing.signing_keys import SigningKeyFile, SigningKeyUnusable
from sealing.transit import Transit
from starter.client import Cases, Place, connect
from starter.endings import CannotGoOn
from starter.json_values import is_object
from starter.sealed import with_its_keys
from tests.casefile.lived import until
from tests.desk.issuing import PEOPLE, Issuing, issuing, sign_in_file
from tests.desk.issuing import Client as DesksClient
from tests.journeys.processes import Process, free_port
from tests.sealing.transit_server import transit_server
from tests.starter.running import ANY_PORTS, House, environment, homeward, intake, note

MARK = "Zqvsecret"


def secret(name: str) -> str:
    """A secret that occurs nowhere by chance; of letters, so that it looks the same in an address."""
    return f"{MARK}{name}"


WHSEC = "whsec_" + base64.b64encode(secret("webhook").encode() * 2).decode()
SECRETS: Mapping[str, str] = {
    "smtp_password": secret("smtp"),
    "webhook_secret": WHSEC,
    "transit_token": secret("token"),
    "caseload_password": secret("caseload"),
    "keys_password": secret("keys"),
}


def forms(mark: str) -> list[bytes]:
    """How a secret could be written: as it is, escaped for an address, in hex, in base64 at any place of a text."""
    raw = mark.encode()
    found = [raw, quote(mark, safe="").encode(), raw.hex().encode(), base64.b64encode(raw)[:-4]]
    for before in (1, 2):
        found.append(base64.b64encode(b"\0" * before + raw)[4:-4])
    return found


def told_in(content: str | bytes) -> list[str]:
    """The secrets that some text tells."""
    raw = content if isinstance(content, bytes) else content.encode()
    marks = {MARK, WHSEC.removeprefix("whsec_"), *SECRETS.values()}
    return sorted({mark for mark in marks for form in forms(mark) if form in raw})


def arguments_now() -> bytes:
    """The arguments of every process of this machine, as everybody on it can read them."""
    found = bytearray()
    for process in os.scandir("/proc"):
        if process.name.isdigit():
            try:
                found += Path(process.path, "cmdline").read_bytes() + b"\n"
            except OSError:
                continue
    return bytes(found)


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    for name in [name for name in os.environ if name.startswith(("HOMEWARD_", "TEMPORAL_"))]:
        monkeypatch.delenv(name)


def everything_set() -> Settings:
    """Settings with a secret wherever one can be."""
    return read_settings(
        caseload_url=f"postgresql://u:{secret('url')}@127.0.0.1:1/x",
        keys_url="postgresql://u@127.0.0.1:1/x",
        keys_password=SECRETS["keys_password"],
        smtp_host="127.0.0.1",
        smtp_sender="homeward@example.org",
        smtp_user="u",
        smtp_password=SECRETS["smtp_password"],
        webhook_url=f"https://example.org/{secret('hook')}",
        webhook_secret=WHSEC,
        transit_url=f"https://u:{secret('userinfo')}@vault.example.org",
        transit_token=SECRETS["transit_token"],
        transit_role_id="invented-role",
        transit_secret_id=secret("secretid"),
    )


def test_printed_settings_tell_no_secret() -> None:
    """Neither printed, nor pretty-printed, nor formatted into a sentence, nor an address made of them."""
    settings = everything_set()
    urls = (settings.caseload, settings.keys)
    printed = [
        repr(settings),
        str(settings),
        f"{settings}",
        pprint.pformat(settings),
        *map(repr, urls),
        *map(str, urls),
    ]
    assert [each for each in printed if told_in(each)] == []
    assert told_in(json.dumps(dict.fromkeys(SECRETS.values())))  # a text that tells them is found to


@pytest.mark.parametrize(
    "given",
    [
        {"caseload_url": f"postgresql://u:{secret('url')}@h:port/x"},
        {"caseload_url": f"mysql://u:{secret('url')}@h/x"},
        {"keys_url": f"{secret('url')}"},
        {"transit_url": f"https://u:{secret('url')}@[bad"},
        {"transit_url": f"http://u:{secret('url')}@vault.example.org"},
        {"webhook_url": f"ftp://u:{secret('url')}@h", "webhook_secret": WHSEC},
        {"webhook_secret": secret("webhooks")},
        {"webhook_secret": f"{WHSEC} {secret('webhooks')}"},
        {"smtp_password": secret("smtp")},
        {"smtp_sender": secret("sender")},
        {"caseload_password": secret("caseload")},
        {"caseload_url": f"postgresql://u:{secret('url')}@h/x", "caseload_password": secret("caseload")},
        {"transit_secret_id": secret("id")},
        {"build_id": f"{secret('id')} with blanks"},
        {"log_level": secret("level")},
        {"smtp_port": secret("port")},
    ],
)
def test_what_is_said_of_a_bad_value_does_not_repeat_it(given: dict[str, str]) -> None:
    """Nor does what an error without our care for it would print, its causes included."""
    with pytest.raises(SettingsFault) as fault:
        read_settings(**given)
    assert told_in("".join(traceback.format_exception(fault.value))) == []
    with pytest.raises(ValidationError) as raised:
        Settings(**given)  # pyright: ignore[reportArgumentType]
    assert told_in(str(raised.value)) == []


async def test_what_is_said_of_a_server_that_is_not_there_tells_no_secret() -> None:
    """Caseload, key store, OpenBao or Vault, mail: the error with all its causes, and the most talkative log."""
    said = io.StringIO()
    configure_logs("json", "debug", to=said)
    settings = everything_set()
    raised: list[BaseException] = []
    with pytest.raises(CaseloadUnreachable) as caseload:
        await Caseload.open(settings.caseload)
    raised.append(caseload.value)
    for keys in (
        read_settings(keys_url="postgresql://u@127.0.0.1:1/x", keys_password=secret("keys")),
        read_settings(transit_url=f"http://127.0.0.1:{free_port()}", transit_token=secret("token")),
    ):
        with pytest.raises(SealingFault) as sealing:
            await open_sealing(keys, make=True)
        raised.append(sealing.value)
    mail = MailServer(settings)
    transit = Transit("http://127.0.0.1:1", key="homeward", token=secret("token"), secret_id=secret("id"))
    assert told_in(repr(mail) + repr(transit)) == []
    for error in raised:
        assert told_in("".join(traceback.format_exception(error))) == []
    assert told_in(said.getvalue()) == []


def test_what_is_said_of_a_key_or_a_profile_tells_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signing key, a sign-in file with its client's secret, and the engine's connection profile with an API key."""
    key = tmp_path / "signing.key"
    for text in (f'{{"kty": "OKP", "d": "{secret("key")}"}}', secret("key"), f'"{secret("key")}"'):
        key.write_text(text)
        key.chmod(0o600)
        with pytest.raises(SigningKeyUnusable) as unusable:
            SigningKeyFile(key).read()
        assert told_in("".join(traceback.format_exception(unusable.value))) == []

    sign_in = tmp_path / "sign-in.toml"
    for line in (f'client_secret = "{secret("client")}"', f'client_secret_env = "{secret("client")}"'):
        sign_in.write_text(f'[issuer.md]\nname = "x"\n{line}\n')
        with pytest.raises(SignInFault) as fault:
            read_sign_in_file(sign_in)
        assert told_in(str(fault.value)) == []

    profile = tmp_path / "temporal.toml"
    monkeypatch.setenv("TEMPORAL_CONFIG_FILE", str(profile))
    for text in (f'[profile.default]\napi_key = "{secret("api")}\n', f"[profile.default]\nbogus = {secret('api')}\n"):
        profile.write_text(text)
        with pytest.raises(CannotGoOn) as cannot:
            asyncio.run(connect(Place()))
        assert told_in("".join(traceback.format_exception(cannot.value))) == []
        assert "TEMPORAL_CONFIG_FILE" in str(cannot.value)


def test_the_private_half_of_a_key_that_signs_is_not_printed(tmp_path: Path) -> None:
    """By the command that makes it, in the published file, and by the key itself."""
    made = homeward(
        *("keys", "signing", "make", "--office", "Invented Office", "--state", "MD", "--json", "--data", str(tmp_path))
    )
    assert made.code == 0, made.err
    private = json.loads((tmp_path / "signing.key").read_text())
    halves = [value for name, value in walked(private) if name == "d"]
    assert len(halves) == 1 and isinstance(halves[0], str)
    key = SigningKeyFile(tmp_path / "signing.key").read()
    published = (tmp_path / "published-keys" / "own.json").read_text()
    assert [text for text in (made.out, made.err, published, repr(key), str(key)) if str(halves[0]) in text] == []


def walked(value: Any, name: str = "") -> list[tuple[str, Any]]:
    """Every value inside some JSON with its name."""
    if is_object(value):
        return [each for key, inner in value.items() for each in walked(inner, key)]
    return [(name, value)]


def test_an_argument_that_holds_a_secret_would_be_seen() -> None:
    """The check can fail."""
    assert MARK not in arguments_now().decode(errors="replace")
    sleeping = subprocess.Popen([sys.executable, "-c", "input()", secret("argument")], stdin=subprocess.PIPE)
    try:
        # The arguments of a process that has just begun are not there at once.
        ends = time.monotonic() + 10
        while not told_in(seen := arguments_now()) and time.monotonic() < ends:
            time.sleep(0.02)
        assert told_in(seen) == [MARK]
    finally:
        sleeping.communicate(b"\n", 10)


@pytest.mark.engine
@pytest.mark.slow
async def test_running_parts_show_no_secret(tmp_path: Path) -> None:
    """A house whose mail, events and caseload fail, a desk whose issuer turns it away: arguments, output, logs."""
    with transit_server() as transit, issuing(PEOPLE) as issuer:
        transit.tokens = {secret("token")}
        env = environment(
            HOMEWARD_LOG_LEVEL="debug",
            HOMEWARD_CASELOAD_URL=f"postgresql://u:{secret('caseload')}@127.0.0.1:{free_port()}/x",
            HOMEWARD_SMTP_HOST="127.0.0.1",
            HOMEWARD_SMTP_PORT=str(free_port()),
            HOMEWARD_SMTP_SENDER="homeward@example.org",
            HOMEWARD_SMTP_USER="u",
            HOMEWARD_SMTP_PASSWORD=secret("smtp"),
            HOMEWARD_WEBHOOK_URL=f"http://127.0.0.1:{free_port()}/{secret('hook')}",
            HOMEWARD_WEBHOOK_SECRET=WHSEC,
            HOMEWARD_TRANSIT_URL=transit.url,
            HOMEWARD_TRANSIT_TOKEN=secret("token"),
            INVENTED_CLIENT_SECRET=secret("client"),
        )
        heard: list[str] = []

        class TurnsAway(DesksClient):
            def check_client_secret(self, client_secret: str) -> bool:
                heard.append(client_secret)
                return False

        issuer.clients["desk"] = TurnsAway("desk", "another secret")
        sign_in_file(tmp_path, issuer.url)
        file = tmp_path / "sign-in.toml"
        file.write_text(
            file.read_text().replace(
                f'client_secret_file = "{tmp_path / "secret"}"', 'client_secret_env = "INVENTED_CLIENT_SECRET"'
            )
        )
        assert "INVENTED_CLIENT_SECRET" in file.read_text()
        data = tmp_path / "data"
        house = House(data, *ANY_PORTS, env=env)
        desk = None
        try:
            assert house.told, house.err
            desk = Process(
                *(sys.executable, "-m", "starter.main", "desk", "--json", "--base-url", "https://desk.example.org"),
                *("--sign-in", str(file), "--port", "0", "--data", str(data), *house.at),
                log=tmp_path / "desk.log",
                **{name: value for name, value in env.items() if name.startswith(("HOMEWARD_", "INVENTED_"))},
            )
            os.environ.update({name: env[name] for name in ("HOMEWARD_TRANSIT_URL", "HOMEWARD_TRANSIT_TOKEN")})
            async with with_its_keys(await connect(Place(house.told["engine"]), elsewhere=False)) as client:
                cases = Cases(client)
                reference = await cases.open(intake("Zoltanprobe"))
                await cases.record(reference, note("secrets-1"))
            log = data / "worker.log"
            await until(
                lambda: asyncio.to_thread(lambda: "unreachable" in log.read_text() or log.stat().st_size > 4000), 30
            )
            answer = await turned_away(tmp_path / "desk.log", issuer)
            shown = arguments_now()
        finally:
            for name in ("HOMEWARD_TRANSIT_URL", "HOMEWARD_TRANSIT_TOKEN"):
                os.environ.pop(name, None)
            if desk is not None:
                await asyncio.to_thread(desk.stop)
            house.gone()
    assert b"starter.main" in shown and told_in(shown) == []
    logs = {path.name: path.read_bytes() for path in (*data.glob("*.log"), tmp_path / "desk.log")}
    assert {"worker.log", "engine.log", "desk.log"} <= set(logs)
    assert {name: told_in(content) for name, content in logs.items() if told_in(content)} == {}
    assert told_in(house.line + house.err) == []
    assert answer.headers["location"].startswith("/sign-in")
    assert told_in(f"{answer.headers} {answer.text}") == []
    assert set(heard) == {secret("client")}


async def turned_away(log: Path, issuer: Issuing) -> httpx2.Response:
    """What the desk answers to somebody who comes back from the issuer, when the issuer does not take its secret."""

    def port() -> str | None:
        found = re.search(r'"port": (\d+)', log.read_text("utf-8"))
        return found and found[1]

    await until(lambda: asyncio.to_thread(port), 30)
    at = f"http://127.0.0.1:{await asyncio.to_thread(port)}"
    async with httpx2.AsyncClient(base_url=at, timeout=20) as browser:
        desk = {"Host": "desk.example.org"}
        begun = await browser.get("/sign-in/at/md", headers=desk)
        state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
        # Such a cookie goes over https alone; the proxy that would be there is left out.
        cookie = begun.headers["set-cookie"].partition(";")[0]
        back = f"/sign-in/from/md?code=invented&state={state}&iss={quote(issuer.url, safe='')}"
        return await browser.get(back, headers={**desk, "Cookie": cookie})
