"""Signing in at the command line, by the device flow and as a system; and what is demanded of whoever is signed in."""

import json
import re
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desk.people import Person
from starter import options
from starter.endings import CannotGoOn, Exit
from starter.json_values import is_object
from tests.desk.issuing import PEOPLE, Issuing, Somebody, issuing, sign_in_file
from tests.starter.running import ROOT, Answer, House, environment, homeward, intake, note

SYSTEMS = """
[issuer.md.systems.figures-system]
name = "Invented figures"
role = "monitor"
state = "MD"
scopes = ["cases"]
"""
ANA = {"id": "md:ana", "role": "caseworker", "state": "MD", "office": "Invented Service"}


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuing]:
    """An issuer for the tests of this file."""
    with issuing({**PEOPLE, "cara": {"name": "Cara Invented", "roles": ["caseworker"]}}) as running:
        yield running


class Desk:
    """A command line with a sign-in file and a config folder of its own."""

    def __init__(self, folder: Path, issuer: Issuing) -> None:
        sign_in_file(folder, issuer.url, SYSTEMS)
        self.folder, self.issuer = folder, issuer
        self.kept = folder / "config" / "homeward" / "signed-in.json"
        self.env = environment(
            HOMEWARD_SIGN_IN=str(folder / "sign-in.toml"), XDG_CONFIG_HOME=str(folder / "config"), no_proxy="*"
        )

    def run(self, *arguments: str, stdin: str | None = None) -> Answer:
        return homeward(*arguments, stdin=stdin, env=self.env)

    def by_token(self, sub: str = "ana", *more: str, **changes: Any) -> Answer:
        """Sign in with an access token got otherwise."""
        return self.run("login", "--token-file", "-", *more, stdin=self.issuer.access_token(sub, **changes))

    def by_device(self, sub: str = "ana", *more: str, approved: bool = True) -> Answer:
        """Sign in as somebody who opens the address that is named, and answers there."""
        running = subprocess.Popen(
            [sys.executable, "-m", "starter.main", "login", *more],
            cwd=ROOT,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert running.stderr is not None
        told = running.stderr.readline()
        named = re.fullmatch(r"Open (\S+)/device in a browser, and enter the code (\S+)\.\n", told)
        assert named, told + running.stderr.read()
        assert named[1] == self.issuer.url
        self.issuer.answers[named[2]] = (Somebody(sub), approved)
        out, err = running.communicate(timeout=60)
        return Answer(running.returncode, out, told + err)


@pytest.fixture
def desk(tmp_path: Path, issuer: Issuing) -> Iterator[Desk]:
    """A command line on which nobody is signed in."""
    yield Desk(tmp_path, issuer)
    issuer.lasts, issuer.lie = 3600, None


# The way in and out


def test_one_signs_in_in_a_browser_and_out_again(desk: Desk) -> None:
    """The device flow. The tokens lie in a file that its owner alone reads, and are revoked at the end."""
    answer = desk.by_device()
    assert (answer.code, answer.out) == (0, "Signed in as Ana Invented (md:ana), caseworker of MD, Invented Service.\n")
    assert stat.S_IMODE(desk.kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(desk.kept.parent.stat().st_mode) == 0o700
    assert desk.run("whoami", "--json").json == {**ANA, "name": "Ana Invented"}
    refresh = json.loads(desk.kept.read_text())["refresh_token"]
    assert refresh in desk.issuer.refreshes
    assert desk.run("logout", "--json").json == {"was_signed_in": True}
    assert not desk.kept.exists() and refresh not in desk.issuer.refreshes
    assert desk.run("whoami").code == 6
    assert desk.run("logout").out == "Nobody was signed in.\n"


def test_who_says_no_is_not_signed_in(desk: Desk) -> None:
    """At the issuer, in the browser."""
    answer = desk.by_device(approved=False)
    assert answer.code == 6 and "said no" in answer.err and not desk.kept.exists()


def test_who_holds_several_roles_names_one(desk: Desk) -> None:
    """The sentence says which there are."""
    answer = desk.by_token("bogdan")
    assert answer.code == 2 and "guardian@MD, monitor@MD" in answer.err and not desk.kept.exists()
    assert desk.by_token("bogdan", "--role", "guardian").code == 0
    assert desk.run("whoami", "--json").json["role"] == "guardian"
    assert desk.by_token("bogdan", "--role", "central_authority").code == 2


@pytest.mark.parametrize(
    ("sub", "changes"),
    [
        ("nobody", {}),
        ("clerk", {}),
        ("ana", {"aud": "desk"}),
        ("ana", {"iss": "https://login.example.org"}),
        ("ana", {"exp": int(time.time()) - 600}),
    ],
)
def test_a_token_that_gives_nothing_here_is_not_kept(desk: Desk, sub: str, changes: dict[str, Any]) -> None:
    """No role, another audience or issuer, or over: exit 6."""
    answer = desk.by_token(sub, **changes)
    assert answer.code == 6 and not desk.kept.exists()
    assert len(answer.err.strip().splitlines()) == 1


def test_a_system_signs_in_by_itself(desk: Desk) -> None:
    """With its client and its secret, which stands in a file and in no argument."""
    secret = desk.folder / "system-secret"
    secret.write_text("another invented secret\n")
    with_id = ("login", "--client-credentials", "--client-id", "figures-system", "--client-secret-file")
    answer = desk.run(*with_id, str(secret), "--json")
    assert answer.json == {
        "id": "md:system:figures-system",
        "role": "monitor",
        "state": "MD",
        "name": "Invented figures",
    }
    secret.write_text("wrong")
    assert desk.run(*with_id, str(secret)).code == 6
    other = ("login", "--client-credentials", "--client-id", "other", "--client-secret-file", str(secret))
    assert desk.run(*other).code == 6
    assert desk.run("login", "--client-credentials", "--client-id", "figures-system").code == 2
    assert desk.run("login", "--client-id", "figures-system").code == 2


def test_a_token_that_is_over_is_renewed(desk: Desk) -> None:
    """Where the issuer gave a refresh token, which changes each time; after it is revoked, nobody is signed in."""
    desk.issuer.lasts = -120
    answer = desk.by_device()
    assert answer.code == 6 and "expired" in answer.err
    desk.issuer.lasts = 3600
    assert desk.by_device().code == 0
    kept = json.loads(desk.kept.read_text())
    past = int(time.time()) - 600
    desk.kept.write_text(json.dumps({**kept, "access_token": desk.issuer.access_token(exp=past)}))
    assert desk.run("whoami").code == 0
    assert json.loads(desk.kept.read_text())["refresh_token"] != kept["refresh_token"]
    assert stat.S_IMODE(desk.kept.stat().st_mode) == 0o600
    desk.issuer.refreshes.clear()
    desk.kept.write_text(json.dumps({**kept, "access_token": desk.issuer.access_token(exp=past)}))
    answer = desk.run("whoami")
    assert answer.code == 6 and "homeward login" in answer.err


def test_what_others_can_read_proves_nothing(desk: Desk) -> None:
    """Nor does a file that is broken."""
    assert desk.by_token().code == 0
    desk.kept.chmod(0o644)
    answer = desk.run("whoami")
    assert answer.code == 6 and "Others can read" in answer.err
    desk.kept.chmod(0o600)
    desk.kept.write_text("{}")
    assert desk.run("whoami").code == 6


def test_a_role_that_was_taken_away_is_gone(desk: Desk) -> None:
    """By the token that is looked at, not by what was kept."""
    assert desk.by_token("cara").code == 0
    kept = json.loads(desk.kept.read_text())
    desk.kept.write_text(json.dumps({**kept, "access_token": desk.issuer.access_token("cara", roles=["monitor"])}))
    answer = desk.run("whoami")
    assert answer.code == 6 and "any more" in answer.err


def test_where_no_sign_in_is_set_nobody_is_asked(tmp_path: Path) -> None:
    """Then there is nobody to be."""
    env = environment(XDG_CONFIG_HOME=str(tmp_path))
    for command in ("whoami", "login"):
        answer = homeward(command, env=env)
        assert answer.code == 6 and "HOMEWARD_SIGN_IN" in answer.err


def test_a_sign_in_file_with_faults_is_told_by_field(desk: Desk) -> None:
    """Exit 2, as for any setting."""
    path = desk.folder / "sign-in.toml"
    path.write_text(path.read_text().replace('states = ["MD"]', 'states = ["Moldova"]'))
    answer = desk.run("whoami", "--json")
    assert answer.code == 2
    assert json.loads(answer.err)["faults"][0]["path"] == "issuer.md.states.0"


# Acting as oneself


def test_nothing_is_asked_or_said_by_who_is_not_signed_in(desk: Desk) -> None:
    """Exit 6, before any engine is asked: at this address there is none."""
    at = ("--address", "127.0.0.1:9")
    for arguments in (
        ("list",),
        ("audit", "MD-UA-2026-7K3F9A"),
        ("record", "MD-UA-2026-7K3F9A", "-"),
        ("open", "-"),
        ("archive",),
        ("rebuild-caseload",),
    ):
        answer = desk.run(*arguments, *at, stdin="{}")
        assert answer.code == 6, (arguments, answer)
        assert "homeward login" in answer.err


@pytest.mark.parametrize(
    "named",
    [
        {**ANA, "id": "md:bogdan"},
        {**ANA, "role": "monitor"},
        {**ANA, "state": "UA"},
        {**ANA, "office": "Another"},
        {**ANA, "more": "of it"},
        "md:ana",
        {},
        None,
        {"id": "md:ana"},
        ANA,
    ],
)
def test_nobody_speaks_as_somebody_else(named: Any) -> None:
    """Whatever is named must be what the issuer says of who is signed in; what is not named is filled in."""
    person = Person("md:ana", "Ana Invented", "caseworker", "MD", "Invented Service")
    said = {"act": "note", "actor": named}
    if named is None or (is_object(named) and named.items() <= ANA.items()):
        assert options.as_oneself(said, "actor", person) == {"act": "note", "actor": ANA}
        return
    with pytest.raises(CannotGoOn) as raised:
        options.as_oneself(said, "actor", person)
    assert raised.value.code == Exit.NOT_PERMITTED


def test_acts_are_of_who_is_signed_in(desk: Desk, house: House, tmp_path: Path) -> None:
    """Named or not; somebody else's are not sent, and neither is an intake of somebody else's."""
    assert desk.by_token().code == 0
    at = house.at
    given = intake("Signed")
    answer = desk.run("open", "-", *at, stdin=json.dumps(given))
    assert answer.code == 6 and "opened_by" in answer.err
    answer = homeward("open", "-", *at, stdin=json.dumps(given))
    assert answer.code == 0, answer.err
    reference = answer.out.strip()
    answer = desk.run(
        "record", reference, "-", *at, stdin=json.dumps({**note("other"), "actor": {**ANA, "id": "md:eva"}})
    )
    assert answer.code == 6 and "`actor`" in answer.err
    unnamed = {key: value for key, value in note("mine-1").items() if key != "actor"}
    named = {**note("mine-2"), "actor": {"id": "md:ana", "role": "caseworker", "state": "MD"}}
    answer = desk.run("record", reference, "-", *at, stdin=json.dumps([unnamed, named]))
    assert answer.code == 0, answer.err
    ledger = desk.run("ledger", reference, *at, "--json").json
    assert [entry["body"]["act"]["actor"] for entry in ledger if entry["act_id"]] == [ANA, ANA]
