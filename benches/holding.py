"""What a worker holds, by whose code asked for the memory: ``python -m benches.holding FILE PROGRAM [ARGUMENTS]``.

The program, a file or a module, runs in this process. From the first SIGUSR1 on every piece of memory is noted that Python
gives out; at each what is held of it is summed up by part and written to FILE as JSON, bytes by part. What the client's
core holds outside of Python is not in it.
"""

import gc
import json
import runpy
import signal
import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Final

FRAMES: Final = 12
"""How far back it is noted who asked: as far as from a library's depths to the code that called it."""

PARTS: Final[Sequence[tuple[str, str]]] = (
    ("/procedure/", "the law's"),
    ("/workflows/", "the workflow's own code"),
    ("/benches/floor.py", "the workflow's own code"),
    ("/sealing/", "keys and seals"),
    ("/activities/", "hands"),
    ("/temporalio/converter/", "what messages say, as the client decoded it"),
    ("/temporalio/worker/_workflow_instance.py", "the client's own of a case"),
    ("/temporalio/worker/_workflow.py", "the client's list of cases"),
    ("/temporalio/", "the client, elsewhere"),
)
"""Parts of a path, and whose memory it is that was asked for there. The first that fits counts."""
OTHERS: Final = "libraries, asked by none of these"


def part_of(files: Iterable[str]) -> str:
    """Whose memory it is: of these files, the newest call first, the first that is somebody's own."""
    return next((part for file in files if (part := _own(file))), OTHERS)


@cache
def _own(file: str) -> str | None:
    return next((part for within, part in PARTS if within in file), None)


def held() -> dict[str, int]:
    """Bytes that Python holds, by part."""
    gc.collect()
    found = Counter[str]()
    for trace in tracemalloc.take_snapshot().traces:
        # A traceback begins with the oldest call.
        found[part_of(frame.filename for frame in reversed(trace.traceback))] += trace.size
    return dict(found)


def _write(file: Path) -> None:
    if not tracemalloc.is_tracing():
        tracemalloc.start(FRAMES)
    new = file.with_suffix(".new")
    new.write_text(json.dumps(held()), encoding="utf-8")
    # Whoever waits for it never finds half of it.
    new.replace(file)


def main() -> None:
    """Run the program, and write when asked to."""
    file, program, *arguments = sys.argv[1:]

    def asked(_number: int, _frame: FrameType | None) -> None:
        _write(Path(file))

    signal.signal(signal.SIGUSR1, asked)
    sys.argv = [program, *arguments]
    if program.endswith(".py"):
        runpy.run_path(program, run_name="__main__")
    else:
        runpy.run_module(program, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
