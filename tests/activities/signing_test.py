"""What the hands tell of published keys, and where unsigned acts may be taken."""

import asyncio
import threading
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from structlog.testing import capture_logs
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.hands import Hands
from activities.settings import read_settings
from activities.signing import KeyDesk, UnsignedActsFault, takes_unsigned_acts
from sealing.published_keys import PublishedKeys, accept, as_json
from sealing.signatures import check
from sealing.signing_keys import OWN
from tests.sealing.authorities import Authority
from workflows.messages import KeyAsked


def client_of(target: str) -> Client:
    """A client that is connected to an engine there."""
    config = SimpleNamespace(target_host=target)
    return cast(Client, SimpleNamespace(service_client=SimpleNamespace(config=config)))


def test_a_key_is_told_as_it_was_published(tmp_path: Path) -> None:
    """And one that nobody published is told as none."""
    authority = Authority(tmp_path)
    desk = KeyDesk(authority.published)
    assert desk.told(KeyAsked(authority.statement.kid)).statement == as_json(authority.statement)
    assert desk.told(KeyAsked("another")).statement is None


def test_of_anothers_key_only_what_was_accepted_is_told(tmp_path: Path) -> None:
    """So that the case refuses what it signs for others, by the statement that stays in the case's history."""
    here, there = Authority(tmp_path / "here"), Authority(tmp_path / "there")
    (here.published.path / "there.json").write_bytes((there.published.path / OWN).read_bytes())
    told = KeyDesk(here.published).told(KeyAsked(there.statement.kid)).statement
    assert told == {**as_json(there.statement), "states": []}
    accept(here.published, there.statement, ["UA"], ["caseworker"])
    told = KeyDesk(here.published).told(KeyAsked(there.statement.kid)).statement
    assert told == {**as_json(there.statement), "states": ["UA"], "roles": ["caseworker"]}
    at = datetime(2026, 3, 1, 10, tzinfo=UTC)
    for state, fault in (("UA", None), ("MD", "key_may_not")):
        actor = {"id": "cw-1", "role": "caseworker", "state": state}
        said = {"act": "note", "act_id": "one", "actor": actor, "text": "invented"}
        signature = there.sign(said, reference="MD-UA-2026-7K3F9A", at=at)
        standing = check(said, signature, told, reference="MD-UA-2026-7K3F9A", at=at)
        assert standing.fault == fault


async def test_a_folder_that_is_slow_to_answer_holds_no_worker_up(tmp_path: Path) -> None:
    """Keys may lie on a file server: other work of the same worker goes on while it is asked."""
    asked, go_on = threading.Event(), threading.Event()

    class Slow(PublishedKeys):
        slow = False

        def counting(self) -> Any:
            asked.set()
            assert not self.slow or go_on.wait(5), "it waits on the worker's own thread"
            return super().counting()

    keys, nothing = Slow(tmp_path), cast(Any, None)
    hands = Hands(caseload=nothing, shelf=nothing, marks=nothing, folder=nothing, keys=keys)
    keys.slow = True
    asked.clear()
    asking = asyncio.ensure_future(ActivityEnvironment().run(hands.published_key, KeyAsked("another")))
    assert await asyncio.to_thread(asked.wait, 10)
    go_on.set()
    assert (await asking).statement is None


def test_keys_that_break_while_it_works_hold_no_report_up(tmp_path: Path) -> None:
    """What was published before counts until somebody mends the file; a worker that starts meanwhile tells it in its log."""
    authority = Authority(tmp_path)
    desk = KeyDesk(authority.published)
    file = authority.published.path / OWN
    whole = file.read_bytes()
    file.write_bytes(whole[:-20])
    assert desk.told(KeyAsked(authority.statement.kid)).statement is not None
    with capture_logs() as logs:
        started = KeyDesk(PublishedKeys(authority.published.path), needed=True)
    assert "published keys cannot be read; what they said before is taken" == logs[0]["event"]
    assert str(file) in logs[0]["because"]
    assert started.told(KeyAsked(authority.statement.kid)).statement is None
    file.write_bytes(whole.replace(b'"*"', b'"caseworker"', 1))
    told = desk.told(KeyAsked(authority.statement.kid)).statement
    assert told is not None
    assert told["roles"] == ["caseworker"]
    assert as_json(authority.published.all()[authority.statement.kid]) == told
    assert told == started.told(KeyAsked(authority.statement.kid)).statement


@pytest.mark.parametrize("target", ["127.0.0.1:7233", "localhost:7233", "[::1]:7233", "127.8.8.8:1"])
def test_on_this_machine_unsigned_acts_are_taken_unless_refused(target: str) -> None:
    """Stock tools work on a `homeward up`; whoever wants signed acts alone says so."""
    assert takes_unsigned_acts(None, client_of(target))
    assert takes_unsigned_acts("allow", client_of(target))
    assert not takes_unsigned_acts("refuse", client_of(target))


@pytest.mark.parametrize(
    "target", ["temporal:7233", "10.0.0.5:7233", "localhost.example.org:7233", "127.0.0.1.example.org:7233", ""]
)
def test_elsewhere_they_never_are(target: str) -> None:
    """Neither by default nor by a setting: a worker that is told to does not start."""
    assert not takes_unsigned_acts(None, client_of(target))
    with pytest.raises(UnsignedActsFault, match="on this machine only"):
        takes_unsigned_acts("allow", client_of(target))


def test_the_settings_say_where_keys_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the data folder, unless others are named."""
    for name in ("PUBLISHED_KEYS", "SIGNING_KEY", "UNSIGNED_ACTS"):
        monkeypatch.delenv(f"HOMEWARD_{name}", raising=False)
    settings: Any = read_settings(data=tmp_path)
    assert settings.published_keys_path == tmp_path / "published-keys"
    assert settings.signing_key_file == tmp_path / "signing.key"
    assert settings.unsigned_acts is None
    monkeypatch.setenv("HOMEWARD_PUBLISHED_KEYS", "/elsewhere/keys.json")
    monkeypatch.setenv("HOMEWARD_UNSIGNED_ACTS", "Refuse")
    settings = read_settings(data=tmp_path)
    assert settings.published_keys_path == Path("/elsewhere/keys.json")
    assert settings.unsigned_acts == "refuse"
