"""Who holds what of a worker's memory."""

from dataclasses import replace

import pytest

from benches import cost
from benches.cost import SMALL, measure
from benches.holding import OTHERS, part_of


def test_memory_is_of_the_first_that_is_somebody_s_own() -> None:
    """What a library takes for a caller is the caller's; what nobody here asked for is told as such."""
    client = "/lib/temporalio/worker/_workflow_instance.py"
    assert part_of(["/lib/json/decoder.py", "/its/procedure/acts.py", client]) == "the law's"
    assert part_of(["/lib/asyncio/tasks.py", client, "/its/workflows/return_case.py"]) == "the client's own of a case"
    assert part_of(["/lib/asyncio/tasks.py"]) == OTHERS


@pytest.mark.engine
async def test_what_a_case_takes_is_told_by_part() -> None:
    """The law's is there with Homeward alone, the client's with both."""
    told = await measure(replace(SMALL, watched=2), ["held"])
    (text,) = told.remarks
    rows = {cells[1].strip(): [float(each) for each in cells[2:5]] for cells in _rows(text)}
    ours, floors, more = rows["the law's"]
    assert ours > 1 and floors == 0 and more == ours
    assert min(rows["the client's own of a case"][:2]) > 1


def _rows(text: str) -> list[list[str]]:
    return [line.split("|") for line in text.splitlines() if line.startswith("|")][2:]


def test_parts_stand_by_what_they_are_more() -> None:
    """The greatest difference is read first, and what Python gave out is summed up at the end."""
    ours = {"a": 10.0, "b": 30.0}
    text = cost._by_whom(ours, {"a": 8.0}, 200)  # pyright: ignore[reportPrivateUsage] - the table alone
    assert [cells[1].strip() for cells in _rows(text)] == ["b", "a", "together, what Python gave out"]
    assert "| together, what Python gave out | 40.0 | 8.0 | 32.0 |" in text
