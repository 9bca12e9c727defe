"""`homeward desk`: the desk as a process of its own, and where it refuses to be one."""

import json
import signal
import ssl
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from starter.embedded import free_port
from tests.desk.issuing import PEOPLE, Issuing, issuing, sign_in_file
from tests.starter.running import ROOT, Answer, House, environment, homeward

PUBLIC = ("--bind", "0.0.0.0", "--base-url", "https://desk.example.org", "--address", "127.0.0.1:9")


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuing]:
    """An issuer for the tests of this file."""
    with issuing(PEOPLE) as running:
        yield running


def refused(*options: str) -> Answer:
    """A desk that does not start; nobody is asked and nothing listens."""
    answer = homeward("desk", *options)
    assert answer.out == "" and "Traceback" not in answer.err
    return answer


def test_nobody_unchecked_comes_in_over_a_network() -> None:
    """The development sign-in stays on this machine, whatever is bound and whatever is typed; and it is never by chance."""
    for options in (PUBLIC, ("--base-url", "https://desk.example.org", "--address", "127.0.0.1:9")):
        assert refused(*options).code == 2
        answer = refused(*options, "--development-sign-in")
        assert answer.code == 2 and "Development sign-in checks nobody" in answer.err


def test_people_reach_a_desk_by_https_only(tmp_path: Path, issuer: Issuing) -> None:
    """Their sessions would be readable otherwise."""
    sign_in_file(tmp_path, issuer.url)
    told = refused("--base-url", "http://desk.example.org", "--sign-in", str(tmp_path / "sign-in.toml"), *PUBLIC[4:])
    assert told.code == 2 and "https" in told.err


def test_what_cannot_be_is_told(tmp_path: Path, issuer: Issuing) -> None:
    """A secret that is not there, a proxy that is none, half a certificate: exit 2 before anything listens."""
    sign_in_file(tmp_path, issuer.url)
    real = ("--sign-in", str(tmp_path / "sign-in.toml"))
    assert "--proxy" in refused(*PUBLIC, *real, "--proxy", "anybody").err
    assert "--certificate" in refused(*PUBLIC, *real, "--certificate", "one.pem").err
    (tmp_path / "secret").unlink()
    answer = refused(*PUBLIC, *real, "--json")
    assert answer.code == 2
    assert json.loads(answer.err)["faults"][0]["path"] == "issuer.md.client_secret_file"


@contextmanager
def standing(house: House, folder: Path, *options: str, **env: str) -> Generator[dict[str, Any]]:
    """A desk that runs beside a house; what it told when it was ready. It ends in order when it is asked to."""
    running = subprocess.Popen(
        [sys.executable, "-m", "starter.main", "desk", "--json", "--port", "0", *house.at, *options],
        cwd=ROOT,
        env=environment(HOMEWARD_DATA=str(folder / "data"), **env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None and running.stderr is not None
    try:
        told = ""
        while not told.endswith("}\n"):
            line = running.stdout.readline()
            assert line, running.stderr.read()
            told += line
        yield json.loads(told)
        running.send_signal(signal.SIGTERM)
        assert running.wait(30) == 0
    finally:
        running.kill()
        running.communicate(timeout=30)


def test_a_desk_stands_behind_its_proxy(house: House, tmp_path: Path, issuer: Issuing) -> None:
    """It hears requests for its own name only, and leads people to their issuer."""
    sign_in_file(tmp_path, issuer.url)
    options = ("--base-url", "https://desk.example.org", "--sign-in", str(tmp_path / "sign-in.toml"))
    with standing(house, tmp_path, *options, "--proxy", "127.0.0.1") as told:
        at = f"http://127.0.0.1:{told['port']}"
        assert httpx2.get(f"{at}/sign-in").status_code == 400
        for_it = {"Host": "desk.example.org"}
        answer = httpx2.get(f"{at}/sign-in", headers=for_it)
        assert answer.status_code == 200 and "Moldova, invented" in answer.text and "Development" not in answer.text
        assert answer.headers["strict-transport-security"]
        answer = httpx2.get(f"{at}/sign-in/at/md", headers=for_it)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith(f"{issuer.url}/authorize?")
        assert "redirect_uri=https%3A%2F%2Fdesk.example.org%2Fsign-in%2Ffrom%2Fmd" in answer.headers["location"]
        assert answer.headers["set-cookie"].startswith("__Host-homeward-begun-0=")
        assert "Secure" in answer.headers["set-cookie"]
        token = {**for_it, "Authorization": f"Bearer {issuer.access_token()}"}
        assert httpx2.get(f"{at}/api/cases", headers=token).status_code == 200


def test_a_desk_tells_whoever_watches_at_an_address_of_its_own(house: House, tmp_path: Path, issuer: Issuing) -> None:
    """That it is ready, that somebody works on cases, who was refused; the caseload's numbers are the worker's to tell."""
    sign_in_file(tmp_path, issuer.url)
    options = ("--base-url", "https://desk.example.org", "--sign-in", str(tmp_path / "sign-in.toml"))
    port = free_port()
    with standing(house, tmp_path, *options, HOMEWARD_METRICS_BIND=f"127.0.0.1:{port}") as told:
        at = f"http://127.0.0.1:{port}"
        people = f"http://127.0.0.1:{told['port']}"
        wrong = {"Host": "desk.example.org", "Authorization": "Bearer invented"}
        assert httpx2.get(f"{people}/api/cases", headers=wrong).status_code == 401
        assert httpx2.get(f"{people}/metrics", headers={"Host": "desk.example.org"}).status_code == 404
        assert httpx2.get(f"{at}/ready").text == httpx2.get(f"{people}/ready").text == "ready\n"
        measures = httpx2.get(f"{at}/metrics").text
        assert 'homeward_desk_sign_ins_refused_total{why="access-token"} 1.0' in measures
        assert "homeward_cases_worked_on 1.0" in measures and "temporal_request{" in measures
        assert "homeward_open_cases{" not in measures


def test_an_address_for_measures_that_is_taken_is_told(house: House, tmp_path: Path, issuer: Issuing) -> None:
    """Exit code 2 and one sentence: a desk that nobody can watch does not start."""
    sign_in_file(tmp_path, issuer.url)
    options = ("--base-url", "https://desk.example.org", "--sign-in", str(tmp_path / "sign-in.toml"))
    answer = homeward(
        *("desk", *options, "--port", "0", *house.at),
        env=environment(HOMEWARD_DATA=str(tmp_path / "data"), HOMEWARD_METRICS_BIND=house.told["engine"]),
    )
    assert (answer.code, answer.out) == (2, "")
    assert "HOMEWARD_METRICS_BIND cannot be listened on" in answer.err and "Traceback" not in answer.err


def test_a_desk_does_tls_itself(house: House, tmp_path: Path, issuer: Issuing) -> None:
    """By a certificate and its key, where there is no proxy."""
    sign_in_file(tmp_path, issuer.url)
    pem = tmp_path / "one.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost", "-keyout", str(tmp_path / "key.pem"), "-out", str(pem)),
        ],
        check=True,
        capture_output=True,
    )
    options = ("--base-url", "https://localhost", "--sign-in", str(tmp_path / "sign-in.toml"))
    with standing(house, tmp_path, *options, "--certificate", str(pem), "--key", str(tmp_path / "key.pem")) as told:
        trusting = ssl.create_default_context(cafile=str(pem))
        answer = httpx2.get(f"https://localhost:{told['port']}/sign-in", verify=trusting)
        assert answer.status_code == 200 and "Moldova, invented" in answer.text
