"""The bench of sizing at reduced size: that what it counts is what an engine elsewhere would see."""

import sys
from pathlib import Path

import pytest

from activities.settings import read_settings
from benches.sizing import whole_course, young_cases


@pytest.mark.engine
@pytest.mark.slow
async def test_a_whole_course_is_one_of_signed_acts(tmp_path: Path) -> None:
    """Every act asks for a published key and keeps the answer, and every one of them counted."""
    counted = await whole_course(read_settings(data=tmp_path))
    assert counted["acts"] == 29
    assert counted["entries"] > counted["acts"]
    # What is published of its key, and the caseload's row.
    assert counted["markers"] >= 2 * counted["acts"]


@pytest.mark.engine
@pytest.mark.skipif(sys.platform != "linux", reason="processor time and memory are read where Linux tells them")
async def test_one_open_case_more_is_counted_in_signed_acts(tmp_path: Path) -> None:
    """Rows, bytes and work of a case more are there; how much they are is another machine's matter."""
    counted = await young_cases(read_settings(data=tmp_path), number=2, before_them=1)
    assert counted["acts"] == 17
    assert counted["rows_history_node"] > counted["acts"]
    assert counted["rows_timer_tasks"] > 1
    assert counted["worker_and_client_cpu_ms_an_act"] > 0
