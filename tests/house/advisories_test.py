"""The audit of what is installed: what is known is told, and silence is not taken for good news."""

import json
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from faults.processes import free_port
from tools import advisories
from tools.advisories import ACCEPTED, Answers, Unreadable, acceptances, main, told

LOCK = "".join(
    f"{name} \\\n    --hash=sha256:{digit * 64}\n"
    for name, digit in (("brokenthing==1.0", "a"), ("goodthing==2.0", "b"))
)
KNOWN = {
    "id": "GHSA-aaaa-bbbb-cccc",
    "aliases": ["CVE-2026-12345"],
    "summary": "An invented hole.",
    "affected": [
        {
            "package": {"name": "brokenthing", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}],
        }
    ],
}


OF_THE_CANARY = json.loads(json.dumps(KNOWN).replace("brokenthing", "jinja2"))


@dataclass
class Server:
    """One that answers as OSV does, or with a status."""

    url: str = ""
    status: int = 200
    known: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {"brokenthing": [KNOWN]})
    knows_the_canary: bool = True
    silent_about: str = ""
    asked: list[str] = field(default_factory=list[str])


@pytest.fixture
def server() -> Iterator[Server]:
    """On the loopback."""
    told_of = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            name = json.loads(self.rfile.read(int(self.headers["content-length"])))["package"]["name"]
            told_of.asked.append(name)
            vulns = told_of.known.get(name)
            if name == "jinja2" and told_of.knows_the_canary:
                vulns = [OF_THE_CANARY]
            body = json.dumps({"vulns": vulns} if vulns else {}).encode()
            self.send_response(500 if name == told_of.silent_about else told_of.status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told_of.url = f"http://127.0.0.1:{web.server_address[1]}/v1/query"
    serving = threading.Thread(target=web.serve_forever, args=(0.02,))
    serving.start()
    yield told_of
    web.shutdown()
    serving.join(10)
    web.server_close()


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """A lock of two packages and an empty list of what is accepted, as options."""
    (tmp_path / "a.lock").write_text(LOCK)
    (tmp_path / "accepted.toml").write_text("")
    return ["--lock", str(tmp_path / "a.lock"), "--accepted", str(tmp_path / "accepted.toml")]


def accept(files: list[str], until: date, id: str = "CVE-2026-12345") -> None:
    Path(files[3]).write_text(
        f'[[accepted]]\npackage = "BrokenThing"\nid = "{id}"\nreason = "Nobody calls it, as an invented test says."\n'
        f"accepted = 2026-11-29\nuntil = {until}\n"
    )


def test_what_is_known_fails(server: Server, files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Told with its names and with the version that mends it; every package was asked about."""
    assert main([*files, "--server", server.url]) == 1
    out = capsys.readouterr().out
    assert "KNOWN (for tests and building only)  brokenthing 1.0: CVE-2026-12345, GHSA-aaaa-bbbb-cccc" in out
    assert "mended in 1.1" in out and sorted(server.asked) == ["brokenthing", "goodthing", "jinja2"]


def test_what_is_known_fails_though_nobody_answers_for_another(
    server: Server, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """One package that a server fails over silences nothing about the others; both are told."""
    server.silent_about = "goodthing"
    assert main([*files, "--server", server.url, "--must-answer"]) == 1
    out = capsys.readouterr().out
    assert "KNOWN" in out and "NOT AUDITED: nobody answered for 1 of 2 packages: goodthing" in out
    server.known = {}
    assert main([*files, "--server", server.url, "--must-answer"]) == 5
    assert "Nothing that is not accepted is known against 1 packages" in capsys.readouterr().out


def test_a_server_that_knows_nothing_against_anything_is_not_believed(
    server: Server, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """It is asked about a package against which much is known; nothing else is asked where it knows nothing of that."""
    server.known, server.knows_the_canary = {}, False
    assert main([*files, "--server", server.url, "--must-answer"]) == 5
    out = capsys.readouterr().out
    assert "NOT AUDITED: the server knows nothing against jinja2==2.4.1" in out and "Nothing that is not" not in out
    assert server.asked == ["jinja2"]


def test_one_that_does_not_end_is_told_and_no_traceback(
    files: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also while the lock is read."""
    monkeypatch.setattr(advisories, "DONE_WITHIN", 0.01)
    assert main([*files, "--must-answer"]) == 2
    assert "did not end within" in capsys.readouterr().err


def test_what_is_accepted_passes_until_its_day(
    server: Server, files: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By any of its names; its reason is told each time; the day after, it fails again."""
    today = date.today()

    class Today(date):
        """One that does not end while the test runs."""

        @classmethod
        def today(cls) -> Any:
            return today

    monkeypatch.setattr(advisories, "date", Today)
    accept(files, today)
    assert main([*files, "--server", server.url]) == 0
    assert "Because: Nobody calls it" in capsys.readouterr().out
    accept(files, today - timedelta(days=1))
    assert main([*files, "--server", server.url]) == 1
    assert "look at it anew" in capsys.readouterr().out
    accept(files, today, id="CVE-2026-99999")
    assert main([*files, "--server", server.url]) == 1


def test_an_acceptance_that_nobody_needs_is_told(
    server: Server, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """So that the list stays short; nothing fails by it."""
    server.known = {}
    accept(files, date.today())
    assert main([*files, "--server", server.url]) == 0
    assert "no longer needed" in capsys.readouterr().out


@pytest.mark.parametrize("trouble", ["nobody listens", "500", "403", "no JSON"])
def test_no_answer_is_told_loudly_and_fails_only_where_it_must(
    server: Server, files: list[str], trouble: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A machine without a network goes on; it never says that all is well."""
    url = server.url
    if trouble == "nobody listens":
        url = f"http://127.0.0.1:{free_port()}/"
    elif trouble.isdigit():
        server.status = int(trouble)
    else:
        server.status = 204
    for options, code in ((), 0), (("--must-answer",), 5):
        assert main([*files, "--server", url, *options]) == code
        out = capsys.readouterr().out
        assert "NOT AUDITED: nobody answered for 2 of 2 packages: brokenthing, goodthing" in out
        assert "Nothing that is not accepted is known" not in out


def test_an_index_that_knows_no_advisories_is_no_good_news(
    files: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Mirrors often answer 404; the auditor then ends with code 0 and says that nothing was found."""
    for said in ([{"name": name, "skip_reason": "not found"} for name in ("brokenthing", "goodthing")], []):
        done = subprocess.CompletedProcess[str](
            [], 0, json.dumps({"dependencies": said}), "No known vulnerabilities found"
        )

        def answered(*_: Any, done: Any = done) -> Any:
            return done

        monkeypatch.setattr(advisories, "_pip_audit", answered)
        assert main([*files, "--must-answer"]) == 5
        assert "NOT AUDITED: nobody answered for 2 of 2" in capsys.readouterr().out


def test_what_is_shipped_is_told_apart() -> None:
    """What only tests use matters less."""
    known = advisories.Advisory("brokenthing", "1.0", frozenset({"CVE-1"}), (), "A hole.")
    answers = Answers(answered=frozenset({"brokenthing"}), known=(known,))
    lines, bad = told(answers, [], today=date(2026, 11, 29), shipped="brokenthing==1.0 \\\n")
    assert bad and lines[0].startswith("KNOWN (shipped)  brokenthing 1.0: CVE-1; not mended yet")


def test_a_lock_that_cannot_be_read_is_told(
    server: Server, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """It is no silence of a server: exit 2, and nobody was asked."""
    Path(files[1]).write_text("brokenthing==1.0\n")
    assert main([*files, "--server", server.url]) == 2
    assert "a.lock cannot be read" in capsys.readouterr().err and server.asked == []


@pytest.mark.parametrize(
    "text",
    [
        "[[accepted]]\npackage = 1\n",
        '[[accepted]]\npackage = "x"\nid = "CVE-1"\nreason = "short"\naccepted = 2026-01-01\nuntil = 2026-02-01\n',
        '[[accepted]]\npackage = "x"\nid = "CVE-1"\nreason = "An invented long reason."\naccepted = 2026-01-01\n',
        "[[accepted]\n",
    ],
)
def test_nothing_is_accepted_without_a_reason_and_an_end(text: str, tmp_path: Path) -> None:
    """Each field is named that is missing or too thin."""
    path = tmp_path / "accepted.toml"
    path.write_text(text)
    with pytest.raises(Unreadable):
        acceptances(path)


def test_the_projects_own_list_can_be_read() -> None:
    """And nothing in it has ended."""
    assert [each for each in acceptances(ACCEPTED) if each.until < date.today()] == []
