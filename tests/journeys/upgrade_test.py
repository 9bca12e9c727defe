"""From one version of the rules to the next while cases run: two builds that differ, in an operator's order of steps."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from activities import builds
from tests.casefile.lived import until
from tests.journeys.insisting import opened, say_until_answered
from tests.journeys.processes import ROOT, Process, client_with_keys, free_port, start_server, start_worker
from tests.journeys.versions_test import build_of
from tests.workflows.engines import (
    Fields,
    Handle,
    accepted,
    act,
    guardian,
    ledger,
    note,
    program,
    record,
    until_determined,
    view,
)
from tests.workflows.return_case_test import assert_whole
from worker import DEPLOYMENT
from workflows.messages import tracing_id

pytestmark = [pytest.mark.engine, pytest.mark.slow]

SHIPPED = ("activities", "agreements", "casefile", "desk", "procedure", "sealing", "starter", "workflows", "worker.py")
TODAY, TOMORROW = "1.0.0", "1.1.0"

ASKS_THE_VERSION = f'asked.case.rules != "{TODAY}" and '
NEW_RULE = """    if {asking}guardian.kind == "volunteer":
        yield refuse("guardian-independence", "By the newer rules no guardian is a volunteer.", another)
"""


def a_build(folder: Path, *, asking: str = ASKS_THE_VERSION) -> Path:
    """A build of tomorrow: the product copied, with a version of the rules more, under which no volunteer is guardian."""
    for name in SHIPPED:
        whole = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        whole(ROOT / name, folder / name)
    changed(folder / "procedure" / "vocabulary.py", f'= ("{TODAY}",)', f'= ("{TODAY}", "{TOMORROW}")')
    at = '    if guardian.employer in ENFORCEMENT:\n        yield refuse(\n            "guardian-independence",\n            f"The guardian is'
    rule = NEW_RULE.format(asking=asking)
    changed(folder / "procedure" / "safeguards" / "representation.py", at, rule + at)
    return folder


def changed(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert text.count(old) == 1, f"{file.name} is not as this test knows it"
    file.write_text(text.replace(old, new), "utf-8")


def audited(build: Path, reference: str, data: Path, port: int) -> tuple[int, Fields]:
    """`homeward audit` of that build: its exit code, and what it tells."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HOMEWARD_", "TEMPORAL_"))}
    done = subprocess.run(
        [sys.executable, "-m", "starter.main", "audit", reference, "--json", "--address", f"127.0.0.1:{port}"],
        cwd=build,
        env={**kept, "HOMEWARD_DATA": str(data)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)


def temporal(port: int, *arguments: str) -> Any:
    """What the stock command line tells as JSON."""
    done = subprocess.run(
        [program("temporal"), *arguments, "--address", f"127.0.0.1:{port}", "--output", "json"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if done.stdout.strip() else None


def on_build(port: int, build: str) -> set[str]:
    """Cases and processes of the origin state that still run on a build, as docs/for-operators.md asks for them."""
    asked = f"TemporalWorkerDeploymentVersion = '{DEPLOYMENT}:{build}' AND ExecutionStatus = 'Running'"
    found: list[Any] | None = temporal(port, "workflow", "list", "--query", asked)
    return {each["execution"]["workflowId"] for each in found or []}


def current(port: int) -> str:
    """The build on which new runs begin; nothing where there is none yet."""
    there: list[Any] | None = temporal(port, "worker", "deployment", "list")
    if DEPLOYMENT not in {each["name"] for each in there or []}:
        return ""
    told: Any = temporal(port, "worker", "deployment", "describe", "--name", DEPLOYMENT)
    return str(told["routingConfig"]["currentVersionBuildID"])


def volunteer(name: str, id: str) -> Fields:
    """Somebody becomes guardian who is one without pay."""
    said = guardian()
    return {**said, "act": name, "act_id": f"{name}-{id}", "guardian": {"id": id, "kind": "volunteer"}}


async def test_a_case_moves_from_yesterdays_rules_to_todays_and_its_past_stays(tmp_path: Path) -> None:
    """Old build pinned, new one beside it and made current, the case moves with its stage, the old one drained and stopped.

    What was decided under the old rule stands; what comes next is decided under the new one and says so; the audit of the
    new build finds nothing in the old runs. That of a build whose rule does not ask the version does.
    """
    newer = a_build(tmp_path / "newer")
    data, port = tmp_path, free_port()
    server = start_server(port, data)
    old = start_worker(port, data, HOMEWARD_BUILD_ID="old", HOMEWARD_PROMOTE="true")
    new: Process | None = None
    try:
        client = await client_with_keys(port, data)
        await until(lambda: asyncio.to_thread(lambda: current(port) == "old"), 30)
        moving, staying, traced = await opened(client), await opened(client), await opened(client)
        assert (await say_until_answered(moving, volunteer("appoint_guardian", "g-1")))["result"] == "accepted"
        await say_until_answered(staying, note())
        assert {await build_of(moving), await build_of(staying)} == {"old"}
        await say_until_answered(traced, note())
        await accepted(traced, *until_determined()[:6])
        asked = next(entry["n"] for entry in await ledger(traced) if entry["act"] == "open_tracing")
        tracing = client.get_workflow_handle(tracing_id(traced.id, asked))
        await until(lambda: asyncio.to_thread(lambda: tracing.id in on_build(port, "old")), 20)
        before = await ledger(moving)

        new = start_worker(port, data, newer, HOMEWARD_BUILD_ID="new", HOMEWARD_PROMOTE="true")
        await until(lambda: asyncio.to_thread(lambda: current(port) == "new"), 30)
        # Both have cases or begin them, and a worker; were none heard of for longer, both would be left alone.
        assert await builds.left_alone(client) == frozenset()
        with pytest.MonkeyPatch.context() as here:
            here.setattr(builds, "POLLED_WITHIN", timedelta(0))
            assert await builds.left_alone(client) == {"old", "new"}
        # A machine that starts anew starts the old worker as it did before: new cases stay with the new build.
        assert await asyncio.to_thread(old.stop) == 0
        old = start_worker(port, data, ROOT, data / "again.log", HOMEWARD_BUILD_ID="old", HOMEWARD_PROMOTE="true")
        await until(lambda: asyncio.to_thread(lambda: '"event": "working"' in (data / "again.log").read_text()), 30)
        assert await asyncio.to_thread(current, port) == "new"
        assert "not made current again" in (data / "again.log").read_text()
        # Pinned: the run goes on as it began, by yesterday's rule.
        assert (await record(moving, volunteer("replace_guardian", "g-2")))["result"] == "accepted"
        assert (await build_of(moving), (await view(moving))["procedure_version"]) == ("old", TODAY)

        run = (await moving.describe()).run_id
        await accepted(
            moving,
            act("cw", "verify_identity", result="presumed", sources=["invented"]),
            act("cw", "screen_protection", trafficking=False, asylum=False, violence=False),
        )
        await until(lambda: _in_another_run(moving, run), 20)
        refused = await say_until_answered(moving, volunteer("replace_guardian", "g-3"))
        assert [each["safeguard"] for each in refused["refusals"]] == ["guardian-independence"]
        assert (await build_of(moving), (await view(moving))["procedure_version"]) == ("new", TOMORROW)
        # What was decided under the old rule stands.
        entries = await ledger(moving)
        assert entries[: len(before)] == before
        assert (await view(moving))["guardian"] == "g-2"
        assert_whole(entries)
        moved = [entry["n"] for entry in entries if "procedure_version" in entry["facts"]]
        assert moved == [1, refused["entry"]]

        # A case goes on in a new run, and the tracing that it asked for stays: it has one run only.
        await say_until_answered(traced, note())
        # A case that stays in its stage is moved by hand: to the new code, and not under the new rule.
        await until(lambda: asyncio.to_thread(lambda: on_build(port, "old") == {staying.id, tracing.id}), 20)
        for each in (staying, tracing):
            await asyncio.to_thread(_moved_by_hand, port, each.id)
        await until(lambda: asyncio.to_thread(lambda: on_build(port, "old") == set()), 20)
        assert await asyncio.to_thread(old.stop) == 0
        assert (await say_until_answered(staying, volunteer("appoint_guardian", "g-4")))["result"] == "accepted"
        assert (await view(staying))["procedure_version"] == TODAY
        # Moved once: nothing is left behind that would keep it on this build in its later runs.
        info = (await staying.describe()).raw_description.workflow_execution_info.versioning_info
        assert info.deployment_version.build_id == "new" and not info.HasField("versioning_override")
        assert (await say_until_answered(traced, until_determined()[6]))["result"] == "accepted"
        assert await asyncio.wait_for(tracing.result(), 30) == "answered"

        for case, runs in ((moving, 2), (staying, 1)):
            code, told = await asyncio.to_thread(audited, newer, case.id, data, port)
            assert (code, told["findings"], told["replayed"]) == (0, [], runs)
        # A desk of yesterday does not know tomorrow's rules, so desks go with the first worker of the new build.
        code, told = await asyncio.to_thread(audited, ROOT, moving.id, data, port)
        assert code == 4 and {each["what"] for each in told["findings"]} == {"code"}, told["findings"]
        careless = await asyncio.to_thread(lambda: a_build(tmp_path / "careless", asking=""))
        code, told = await asyncio.to_thread(audited, careless, moving.id, data, port)
        assert code == 4 and {each["what"] for each in told["findings"]} == {"code"}, told["findings"]
    finally:
        codes = [worker.stop() for worker in (old, new) if worker is not None]
        server.stop()
    assert codes == [0, 0]


async def _in_another_run(case: Handle, run: str) -> bool:
    return (await case.describe()).run_id != run


def _moved_by_hand(port: int, reference: str) -> None:
    told = ("--versioning-override-behavior", "one_time", "--versioning-override-build-id", "new")
    where = ("--versioning-override-deployment-name", DEPLOYMENT)
    temporal(port, "workflow", "update-options", "--workflow-id", reference, *told, *where)
