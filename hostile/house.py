"""A whole house for a while: `homeward up` in a folder of its own, with a case in it, and that case's dossiers."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hostile.forms import PACES
from hostile.traces import collecting

_ROOT: Final = Path(__file__).resolve().parent.parent
_ANY_PORTS: Final = ("--engine-port", "0", "--ui-port", "0", "--desk-port", "0")
_READY_WITHIN: Final = 90
SAYS_A_TRACEBACK: Final = re.compile(
    r"Traceback \(most recent call last\)|Failed (?:activation|decoding)|Task exception was never"
)


@dataclass(frozen=True)
class House:
    """A house that is up."""

    engine: str
    desk: str
    data: Path

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """A command in a process of its own, on this house's cases where it asks any."""
        return command(*arguments, env={"TEMPORAL_ADDRESS": self.engine})

    def opened(self, *, signed: bool = False, **fields: Any) -> str:
        """A case that is opened by the command line; its reference. ``signed``: only signed acts count in it."""
        intake = self.data / "intake.json"
        intake.write_text(json.dumps(fields), encoding="utf-8")
        done = self.command("open", str(intake), *(("--signed",) if signed else ()))
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def recorded(self, reference: str, acts: Sequence[dict[str, Any]]) -> None:
        file = self.data / "acts.json"
        file.write_text(json.dumps(list(acts)), encoding="utf-8")
        done = self.command("record", reference, str(file))
        if done.returncode not in (0, 3):
            raise RuntimeError(done.stderr)

    def receipt(self, reference: str, act: dict[str, Any]) -> dict[str, Any]:
        """The receipt of one act that the command line sends, signed where the case asks for it."""
        file = self.data / "act.json"
        file.write_text(json.dumps(act), encoding="utf-8")
        done = self.command("record", reference, str(file), "--json")
        if done.returncode not in (0, 3):
            raise RuntimeError(done.stderr)
        return json.loads(done.stdout)

    def is_closed(self, reference: str) -> bool:
        done = self.command("show", reference, "--json")
        return bool(json.loads(done.stdout)["status"] == "closed")

    @property
    def traces(self) -> Path:
        """What the house has told of its traces so far."""
        return self.data / "traces.otlp"

    def dossier(self, reference: str, reader: str) -> bytes:
        """The dossier of a case for one kind of reader."""
        path = self.data / f"{reader}.zip"
        done = self.command("audit", reference, "--for", reader, "--out", str(path))
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        return path.read_bytes()

    def log(self) -> str:
        """All that the house's worker, desk and engine have said."""
        return "".join(path.read_text("utf-8", "replace") for path in sorted(self.data.glob("*.log")))


def environment(**more: str) -> dict[str, str]:
    """This environment without what points at somebody's engine or data."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HOMEWARD_", "TEMPORAL_"))}
    return {**kept, **more}


def command(
    *arguments: str, env: dict[str, str] | None = None, stdin: bytes = b""
) -> "subprocess.CompletedProcess[str]":
    """`homeward` in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "starter.main", *arguments],
        cwd=_ROOT,
        env=environment(**(env or {})),
        input=stdin,
        capture_output=True,
        timeout=120,
        check=False,
    )
    out, err = (stream.decode("utf-8", "replace") for stream in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


@contextmanager
def house(data: Path) -> Generator[House]:
    """A house that traces, while the context is open. Raises RuntimeError when it does not come up."""
    traced = data / "traces.otlp"
    with collecting(traced) as collector, _up(data, collector) as told:
        yield House(told["engine"], told["desk"], data)


@contextmanager
def _up(data: Path, collector: str) -> Generator[dict[str, Any]]:
    running = subprocess.Popen(
        [sys.executable, "-m", "starter.main", "up", "--json", "--data", str(data), *_ANY_PORTS],
        cwd=_ROOT,
        env=environment(OTEL_EXPORTER_OTLP_ENDPOINT=collector, NO_PROXY="127.0.0.1", **PACES),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        assert running.stdout is not None
        line = running.stdout.readline()
        if not line:
            raise RuntimeError("the house did not come up")
        yield json.loads(line)
    finally:
        running.terminate()
        try:
            running.wait(_READY_WITHIN)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
        if running.stdout is not None:
            running.stdout.close()
