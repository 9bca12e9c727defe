"""The stock `temporal` program drives a case: start, update, signal, query, list (contract, section 1)."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.processes import free_port, start_codec, start_server, start_worker
from tests.workflows.engines import NAMES, STATION, act, guardian, intake, new_reference, program

pytestmark = [pytest.mark.engine, pytest.mark.slow]


@dataclass
class Stock:
    port: int
    data: Path
    codec: dict[str, str]
    """The environment that leads to the remote codec, and its token."""

    def __call__(self, *arguments: str, codec: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the stock program against the server, with the remote codec or as it comes."""
        return subprocess.run(
            [program("temporal"), *arguments, "--address", f"127.0.0.1:{self.port}", "--output", "json"],
            env={**os.environ, **(self.codec if codec else {})},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def start(self, given: Any, reference: str) -> subprocess.CompletedProcess[str]:
        file = self.data / f"{reference.replace('/', '-')}.json"
        file.write_text(json.dumps(given), encoding="utf-8")
        return self(
            *("workflow", "start", "--type", "ReturnCase", "--task-queue", "return-cases"),
            *("--workflow-id", reference, "--input-file", str(file)),
        )

    def update(self, reference: str, said: Any) -> subprocess.CompletedProcess[str]:
        return self(
            *("workflow", "update", "execute", "--workflow-id", reference, "--name", "record"),
            *("--input", json.dumps(said)),
        )

    def signal(self, reference: str, said: Any) -> subprocess.CompletedProcess[str]:
        return self(
            *("workflow", "signal", "--workflow-id", reference, "--name", "record", "--input", json.dumps(said))
        )

    def query(self, reference: str, kind: str, *options: str) -> Any:
        done = self("workflow", "query", "--workflow-id", reference, "--type", kind, *options)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["queryResult"][0]


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stock]:
    """A server with its file, `python worker.py` and `homeward codec`, each as a newcomer starts them."""
    data = tmp_path_factory.mktemp("stock")
    port = free_port()
    server = start_server(port, data)
    worker = start_worker(port, data)
    opening = None
    try:
        opening, codec = start_codec(data)
        yield Stock(port, data, codec)
    finally:
        ended = [each.stop() for each in (opening, worker) if each is not None]
        server.stop()
    assert ended == [0, 0]


def test_a_case_is_started_updated_signalled_and_queried(stock: Stock) -> None:
    """An intake file, an act with a receipt, an act without one, the view and the ledger from an entry on."""
    reference = new_reference()
    assert stock.start(intake(), reference).returncode == 0
    answered = stock.update(reference, guardian())
    receipt = json.loads(answered.stdout)["result"]
    assert receipt["result"] == "accepted"
    refused = json.loads(stock.update(reference, act("cw", "place_child", placement=STATION)).stdout)["result"]
    assert [each["safeguard"] for each in refused["refusals"]] == ["no-detention"]
    assert stock.signal(reference, act("om", "complain", about="invented")).returncode == 0
    seen = stock.query(reference, "case")
    assert (seen["guardian"], seen["refused"], seen["reference"]) == ("g-1", 1, reference)
    whole = stock.query(reference, "ledger")
    assert [entry["n"] for entry in whole] == list(range(1, len(whole) + 1))
    assert stock.query(reference, "ledger", "--input", "3") == whole[2:]


def test_a_malformed_act_is_told_with_its_type_and_writes_nothing(stock: Stock) -> None:
    """The program shows MalformedAct and every path; a malformed signal becomes an entry."""
    reference = new_reference()
    stock.start(intake(), reference)
    answered = stock.update(reference, {"act": "note", "act_id": "n", "more": 1})
    assert answered.returncode != 0
    for word in ("MalformedAct", "actor", "text", "more"):
        assert word in answered.stderr
    assert stock.signal(reference, {"act": "dance"}).returncode == 0
    stock.update(reference, guardian())
    entries = stock.query(reference, "ledger")
    assert [entry["safeguards"] for entry in entries if entry["kind"] == "refused"] == [["well-formed"]]


def test_a_malformed_intake_fails_the_run_and_says_why(stock: Stock) -> None:
    """The failure is of type MalformedIntake; no task fails for ever."""
    reference = new_reference()
    stock.start({**intake(), "situation": "alone"}, reference)
    result = stock("workflow", "result", "--workflow-id", reference)
    assert result.returncode != 0
    assert "MalformedIntake" in result.stdout + result.stderr
    assert "situation" in result.stdout + result.stderr


def test_cases_are_listed_by_their_search_attributes(stock: Stock) -> None:
    """Operators find cases by stage, hold and role with the stock program, and read nothing personal there."""
    reference = new_reference()
    stock.start(intake(placement=STATION), reference)
    stock.update(reference, guardian())
    query = 'HomewardStage = "identification" AND HomewardHolds = "detention" AND HomewardAwaiting = "caseworker"'
    listed = stock("workflow", "list", "--query", query)
    for _ in range(50):
        if reference in listed.stdout:
            break
        time.sleep(0.1)
        listed = stock("workflow", "list", "--query", query)
    assert reference in listed.stdout
    described = stock("workflow", "describe", "--workflow-id", reference).stdout
    assert not any(name in listed.stdout + described for name in NAMES)


def test_without_the_codec_a_case_can_be_begun_and_nothing_of_it_is_read(stock: Stock) -> None:
    """What is sent so is recorded as it was sent, in clear; what the case answers is sealed."""
    reference = new_reference()
    file = stock.data / "in-clear.json"
    file.write_text(json.dumps(intake()), encoding="utf-8")
    begun = stock(
        *("workflow", "start", "--type", "ReturnCase", "--task-queue", "return-cases"),
        *("--workflow-id", reference, "--input-file", str(file)),
        codec=False,
    )
    assert begun.returncode == 0
    said = ("workflow", "update", "execute", "--workflow-id", reference, "--name", "record")
    answered = stock(*said, "--input", json.dumps(guardian()), codec=False)
    assert "binary/encrypted" in answered.stderr and "accepted" not in answered.stdout + answered.stderr
    seen = stock("workflow", "query", "--workflow-id", reference, "--type", "case", codec=False)
    assert "guardian" not in seen.stdout
    assert stock.query(reference, "case")["guardian"] == "g-1"
