"""A house that is up, and the command line as a person meets it: a process with two outputs and an exit code."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.starter.forked import forked

ROOT = Path(__file__).resolve().parents[2]
READY_WITHIN = 60.0


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def environment(**changes: str | None) -> dict[str, str]:
    """This environment without what points at somebody's engine or data, and with changes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HOMEWARD_", "TEMPORAL_"))}
    kept["COLUMNS"] = "200"
    for name, value in changes.items():
        if value is None:
            kept.pop(name, None)
        else:
            kept[name] = value
    return kept


def homeward(
    *arguments: str,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    python: str | None = None,
    within: float = 90,
) -> Answer:
    """Run the command to its end; with another ``python``, in a process that it starts."""
    environ = env if env is not None else environment()
    if python is not None:
        done = subprocess.run(
            [python, "-m", "starter.main", *arguments],
            cwd=ROOT,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)
    return Answer(*forked(arguments, cwd=ROOT, env=environ, stdin=stdin, within=within))


class House:
    """One `homeward up`, from ready to stopped."""

    def __init__(self, data: Path, *options: str, env: Mapping[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "starter.main", "up", "--json", "--data", str(data), *options],
            cwd=ROOT,
            env=dict(env) if env is not None else environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # As a terminal's foreground job has it: a group that Ctrl-C reaches as a whole.
            start_new_session=True,
        )
        self._err: list[str] = []
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self.line = self._first_line()
        self.told: dict[str, Any] = json.loads(self.line) if self.line else {}

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def err(self) -> str:
        return "".join(self._err)

    @property
    def at(self) -> tuple[str, str]:
        """The options that lead a command here."""
        return "--address", self.told["engine"]

    def ctrl_c(self) -> int:
        """What a terminal does: the whole group is interrupted. The exit code."""
        os.killpg(self.pid, signal.SIGINT)
        return self.ended()

    def killed(self) -> None:
        """The process is ended with no chance to tidy up."""
        self._process.kill()
        self._process.wait(30)

    def asked_to_stop(self) -> int:
        self._process.terminate()
        return self.ended()

    def ended(self, within: float = 30) -> int:
        return self._process.wait(within)

    def gone(self) -> None:
        """Make sure that nothing is left, whatever the test did."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(30)
        self._listener.join(10)
        for stream in (self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        self._err.extend(self._process.stderr)

    def _first_line(self) -> str:
        assert self._process.stdout is not None
        late = threading.Timer(READY_WITHIN, self._process.kill)
        late.start()
        try:
            return self._process.stdout.readline()
        finally:
            late.cancel()


ANY_PORTS = ("--engine-port", "0", "--ui-port", "0", "--desk-port", "0")


def intake(given_names: str = "Sample", **changes: Any) -> dict[str, Any]:
    """An intake in order. Each test names its child otherwise, or the house would find a duplicate."""
    return {
        "agreement": "model",
        "host_state": "MD",
        "origin_state": "UA",
        "opened_by": {"id": "ca-md-1", "role": "central_authority", "state": "MD", "office": "Invented Office"},
        "child": {
            "given_names": given_names,
            "family_name": "Inventedson",
            "date_of_birth": "2013-05-04",
            "sex": "male",
            "nationalities": ["UA"],
            "languages": ["uk"],
        },
        "situation": "unaccompanied",
        "found": {"on": "2026-02-01", "place": "Invented Station", "by": "school", "circumstances": "invented"},
        "placement": {
            "name": "Invented family",
            "kind": "foster_family",
            "run_by": "foster_carer",
            "child_may_leave_at_will": True,
        },
        "relatives": [],
        "concerns": [],
        **changes,
    }


CASEWORKER = {"id": "cw-1", "role": "caseworker", "state": "MD"}
LOCKED = {
    "name": "Invented centre",
    "kind": "temporary_stay_centre",
    "run_by": "police",
    "child_may_leave_at_will": False,
}


def note(act_id: str, text: str = "Invented.") -> dict[str, Any]:
    """An act that is accepted at any time."""
    return {"act": "note", "act_id": act_id, "actor": CASEWORKER, "text": text}


def locked(act_id: str) -> dict[str, Any]:
    """An act that is refused at any time."""
    return {"act": "place_child", "act_id": act_id, "actor": CASEWORKER, "reason": "A free bed.", "placement": LOCKED}
