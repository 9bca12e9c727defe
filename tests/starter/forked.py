"""The command line in a process that is forked from one that has loaded everything.

A test asks for hundreds of commands, and most of what each costs is loading libraries. The process that is forked has
them, and nothing more: no engine's client, no thread, no loop. From there on a command is what it always is, a process
with its own arguments, environment, outputs and exit code, that runs ``starter.main.run``.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing import reduction
from pathlib import Path
from typing import IO, Any, Final

DupFd: Final[Any] = reduction.DupFd
"""A file that goes to another process; the type check knows only half of it."""

_LOADED: Final = (
    *("starter.main", "starter.client", "starter.sealed", "starter.looking", "starter.auditing", "starter.showing"),
    *("starter.signing", "starter.up", "activities.caseload", "activities.readings", "casefile.story", "worker"),
)
_FORKING: Final = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(list(_LOADED))


def forked(
    arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdin: str | None, within: float
) -> tuple[int, str, str]:
    """Run a command to its end: exit code, what it printed, and its trouble. Raises ``subprocess.TimeoutExpired``."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write((stdin or "").encode())
        given.seek(0)
        streams = [DupFd(file.fileno()) for file in (given, out, err)]
        running = _FORKING.Process(target=_run, args=(list(arguments), str(cwd), dict(env), streams))
        running.start()
        running.join(within)
        if running.exitcode is None:
            running.kill()
            running.join()
            raise subprocess.TimeoutExpired(["homeward", *arguments], within)
        return running.exitcode, _text(out), _text(err)


def _run(arguments: list[str], cwd: str, env: dict[str, str], streams: Sequence[Any]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream.detach(), number)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(os.dup(n), mode) for n, mode in ((0, "r"), (1, "w"), (2, "w")))
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["homeward", *arguments]
    from starter.main import run

    run()


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()
