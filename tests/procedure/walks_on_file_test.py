"""What the law makes of random walks is on file: what no sample case does, somebody does on one of these.

The walks are those of walking.py, each by a seed; walks_on_file.json beside this file has how many entries each left
and a digest of them and of all that was shown and told on the way. After a change that is meant,
HOMEWARD_WRITE_ON_FILE=1 writes it anew.
"""

import hashlib
import json
import os
from pathlib import Path
from random import Random
from typing import Any

import pytest
from courses import shipped
from walking import Walk

from procedure import consequences

ON_FILE = Path(__file__).with_name("walks_on_file.json")
WALKS = 120
STEPS = 36


def walked(seed: int) -> list[Any]:
    """The walk of a seed: its agreement, its entries by number, and a digest of what came of it."""
    agreement = sorted(shipped())[seed % len(shipped())]
    walk = Walk(Random(seed), agreement)
    course, digest, seen = walk.course, hashlib.sha256(), 0
    for _ in range(STEPS):
        walk.step()
        case, entries, at = course.case, course.proceedings.since(seen), course.at
        seen = case.n
        undated = consequences.undated(case, at)
        due = course.proceedings.next_due()
        left = {
            "entries": [entry.as_json() for entry in entries],
            "view": course.proceedings.view(at),
            "row": consequences.caseload_row(case, at),
            "undated": undated,
            "notices": consequences.notices(case, entries, at, undated) if entries else [],
            "wakes": str(due),
        }
        digest.update(json.dumps(left, sort_keys=True).encode())
    return [agreement, seen, digest.hexdigest()[:16]]


@pytest.fixture(scope="module")
def on_file() -> list[list[Any]]:
    """What was found right, by seed."""
    return json.loads(ON_FILE.read_text("utf-8"))


@pytest.mark.parametrize("seed", range(WALKS))
def test_what_comes_of_a_walk_is_what_is_on_file(seed: int, on_file: list[list[Any]]) -> None:
    """Entries to the last byte, view, caseload's row, notices and waking after every step."""
    assert walked(seed) == on_file[seed]


def test_every_walk_is_on_file(on_file: list[list[Any]]) -> None:
    """Written anew where that is asked for; the walks leave enough to show something."""
    if os.environ.get("HOMEWARD_WRITE_ON_FILE"):
        lines = ",\n ".join(json.dumps(walked(seed)) for seed in range(WALKS))
        ON_FILE.write_text(f"[\n {lines}\n]\n", encoding="utf-8")
    assert len(on_file) == WALKS
    assert sum(entries for _, entries, _ in on_file) > 30 * WALKS
