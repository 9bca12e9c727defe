"""Commands in real new processes.

The other tests fork them from one that has loaded everything, which hides an import that goes round in a circle, or one
that is missing.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from faults.processes import free_port
from tests.starter.running import ROOT, environment

REFERENCE = "MD-UA-2026-7K3F9A"
HELP = (("--help",), ("keys", "signing", "--help"))
AWAY = (("list",), ("audit", REFERENCE), ("erase", REFERENCE), ("show", REFERENCE))
"""What asks an engine; of each the import of all that it needs for that is in its own body."""


def _run(arguments: tuple[str, ...], env: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "starter.main", *arguments],
        cwd=ROOT,
        env=dict(env),
        input="{}",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_commands_start_by_themselves(tmp_path: Path) -> None:
    """Each says what it is, does what it can, or says in one sentence that the engine is away; none ends in a traceback."""
    nowhere = f"127.0.0.1:{free_port()}"
    env = environment(TEMPORAL_ADDRESS=nowhere, HOMEWARD_DATA=str(tmp_path))
    dossier = tmp_path / "none.zip"
    dossier.write_bytes(b"no dossier")
    others = (("schema", "act"), ("verify", str(dossier)), ("keys", "status"))
    every: list[tuple[str, ...]] = [*HELP, *AWAY, *others]
    with ThreadPoolExecutor(2) as together:
        answers = dict(zip(every, together.map(_run, every, [env] * len(every)), strict=True))
    for arguments, done in answers.items():
        assert "Traceback" not in done.stderr and "ImportError" not in done.stderr, (arguments, done.stderr)
    assert {answers[each].returncode for each in HELP} == {0}
    assert json.loads(answers["schema", "act"].stdout)["$defs"]
    told = {each: (answers[each].returncode, answers[each].stderr) for each in AWAY}
    assert {each: code for each, (code, _) in told.items() if code != 5} == {}, told
    assert all(nowhere in said for _, said in told.values())
    assert answers["keys", "status"].returncode == 2 and answers["verify", str(dossier)].returncode in (2, 4)
