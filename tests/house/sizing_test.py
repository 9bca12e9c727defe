"""What so many cases take: the table of the operators' page is what the script reckons from what was measured."""

import json
import math
import subprocess
import sys
from dataclasses import fields, replace

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from benches.sizing import actions
from tests.house.committed import ROOT
from tools.sizing import MEASURED, Assumed, dollars, reckoned


def test_the_operators_page_shows_what_the_script_reckons() -> None:
    """Whoever measures anew, or assumes otherwise, runs it again and puts it there."""
    tables = reckoned(json.loads(MEASURED.read_text("utf-8")), Assumed())
    assert tables.strip() in (ROOT / "docs" / "for-operators.md").read_text("utf-8")


def test_twice_as_many_cases_are_twice_as_many_rows() -> None:
    """And a case that is open for half as long brings twice as many acts a second."""
    measured = json.loads(MEASURED.read_text("utf-8"))
    once, twice = (reckoned(measured, Assumed(cases=cases)) for cases in (10**6, 2 * 10**6))
    assert "| timers that cases wait for, one each | 1,000,000 |" in once
    assert "| timers that cases wait for, one each | 2,000,000 |" in twice
    assert "| cases that open, and end, in a month | 66,667 |" in once
    assert "| cases that open, and end, in a month | 133,333 |" in reckoned(measured, Assumed(months=7.5))


def test_the_figures_are_of_signed_acts() -> None:
    """An engine elsewhere takes no others, and a signature is bytes, events and work."""
    assert json.loads(MEASURED.read_text("utf-8"))["acts"] == "signed"


def test_a_timer_that_was_put_off_is_a_row_too() -> None:
    """The engine keeps its row until its moment, so there are many more rows of timers than cases."""
    measured = json.loads(MEASURED.read_text("utf-8"))

    def rows(cases: int) -> int:
        tables = reckoned(measured, Assumed(cases=cases)).splitlines()
        (line,) = (each for each in tables if "rows of timers in the engine's database" in each)
        return int(line.split("|")[2].split()[0].replace(",", ""))

    whole, young = measured["whole_course_with_mail_and_webhook"], measured["young_case"]
    each = young["rows_timer_tasks"] * whole["acts"] / 2 / young["acts"]
    assert rows(10**6) == round(each) > 1
    assert rows(10**8) == pytest.approx(100 * each, rel=0.01)


def test_questions_and_cases_that_no_worker_has_in_memory_are_work_too() -> None:
    """Twice as many looks, or twice as many cases that no worker has in memory, are more cores; more of them are never fewer."""
    measured = json.loads(MEASURED.read_text("utf-8"))

    def cores(of: str, assumed: Assumed) -> float:
        (line,) = (each for each in reckoned(measured, assumed).splitlines() if f"cores of {of}" in each)
        return float(line.split("|")[2].replace(",", ""))

    for of in ("all workers", "the engine"):
        once = cores(of, Assumed(cases=10**8))
        assert cores(of, Assumed(cases=10**8, looks=10)) > 1.2 * once
        assert cores(of, Assumed(cases=10**8, missed=0)) < once < cores(of, Assumed(cases=10**8, missed=1))
    young = measured["young_case"]
    alone = cores("all workers", Assumed(cases=10**8, looks=0, missed=0))
    acts = cores("all workers", Assumed(cases=10**8, looks=1, missed=0)) - alone
    assert acts / alone == pytest.approx(
        young["question_worker_and_client_cpu_ms"] / young["worker_and_client_cpu_ms_an_act"], rel=0.01
    )


def test_so_many_workers_as_hold_the_cases_of_the_week_and_as_do_the_work() -> None:
    """Each holds as many as it is set to, and is one process, which has one core: whichever asks for more counts."""
    measured = json.loads(MEASURED.read_text("utf-8"))

    def workers(assumed: Assumed) -> int:
        (line,) = (each for each in reckoned(measured, assumed).splitlines() if "workers that hold these" in each)
        return int(line.split("|")[2])

    held = Assumed(cases=10**6, cached=0.02, held=1_000)
    assert workers(held) == 20
    assert workers(replace(held, cases=10**6 + 1)) == 21
    busy = replace(held, cached=0)
    (cores,) = (each for each in reckoned(measured, busy).splitlines() if "cores of all workers" in each)
    assert workers(busy) == math.ceil(float(cores.split("|")[2])) > 1


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (["--looks", "-3"], "--looks must be a number, and not below 0"),
        (["--months", "nan"], "--months must be a number, and not below 0"),
        (["--peak", "inf"], "--peak must be a number, and not below 0"),
        (["--missed", "5"], "--cached and --missed at most 1"),
        (["--cases", "0"], "--cases, --months"),
    ],
)
def test_what_cannot_be_reckoned_with_is_refused_by_name(said: list[str], told: str) -> None:
    """No table is printed for it."""
    run = subprocess.run(
        [sys.executable, "-m", "tools.sizing", *said], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout) == (2, "")
    assert told in " ".join(run.stderr.split())


def test_what_a_shard_has_goes_by_their_number() -> None:
    """Acts, open cases and timers of one are half as many where there are twice as many; the compose file has the same number."""
    measured = json.loads(MEASURED.read_text("utf-8"))
    told = reckoned(measured, Assumed(cases=1_024_000, shards=1_024))
    assert "| one of the engine's 1,024 shards: open cases, and a timer that each waits for | 1,000 |" in told

    def of_one(what: str, shards: int) -> float:
        tables = reckoned(measured, Assumed(cases=10**9, shards=shards)).splitlines()
        (line,) = (each for each in tables if f"{shards:,} shards: {what}" in each)
        return float(line.split("|")[2].replace(",", ""))

    for what in ("open cases", "acts a second", "timers that are started"):
        assert of_one(what, 512) == pytest.approx(2 * of_one(what, 1_024), rel=0.01)
    assert f'NUM_HISTORY_SHARDS: "{Assumed().shards}"' in (ROOT / "docker-compose.yml").read_text("utf-8")


def test_a_page_is_counted_once_and_not_for_each_of_its_questions() -> None:
    """Two or three questions are one page: with so many more for a page there are as many fewer pages."""
    measured = json.loads(MEASURED.read_text("utf-8"))

    def pages(assumed: Assumed) -> float:
        (line,) = (each for each in reckoned(measured, assumed).splitlines() if "pages a second" in each)
        return float(line.split("|")[2])

    one = pages(Assumed(cases=10**8, questions_a_page=1))
    assert pages(Assumed(cases=10**8, questions_a_page=2)) == pytest.approx(one / 2, abs=1)


def test_whatever_is_assumed_is_printed_and_explained() -> None:
    """Each option of the command with its meaning, and each in the table with its value."""
    told = subprocess.run(
        [sys.executable, "-m", "tools.sizing", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    printed = reckoned(json.loads(MEASURED.read_text("utf-8")), Assumed(looks=7.25))
    for each in fields(Assumed):
        option = f"--{each.name.replace('_', '-')}"
        assert option in told and each.metadata["what"] in " ".join(told.split())
        assert f"`{option}`: {each.metadata['what']}" in printed
    assert "| 7.25 |" in printed


@pytest.mark.parametrize(("millions", "cost"), [(0, 0), (5, 250), (11.25, 525), (100, 3425), (200, 5925), (201, 5950)])
def test_actions_cost_by_tiers(millions: float, cost: float) -> None:
    """The second is the list's own example; beyond its end the last price holds."""
    assert dollars(millions) == pytest.approx(cost)


def test_local_activities_of_one_task_are_one_action_and_a_version_s_mark_is_none() -> None:
    """As the hosted engine counts them."""

    def marker(task: int) -> HistoryEvent:
        event = HistoryEvent(event_type=EventType.EVENT_TYPE_MARKER_RECORDED)
        event.marker_recorded_event_attributes.workflow_task_completed_event_id = task
        return event

    def shown(name: str) -> HistoryEvent:
        event = HistoryEvent(event_type=EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES)
        fields = event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields
        fields[name].data = b"1"
        return event

    timer = HistoryEvent(event_type=EventType.EVENT_TYPE_TIMER_STARTED)
    fired = HistoryEvent(event_type=EventType.EVENT_TYPE_TIMER_FIRED)
    counted = actions(
        [marker(4), marker(4), marker(9), shown("HomewardStage"), shown("TemporalChangeVersion"), timer, fired]
    )
    assert counted == {"tasks with local activities": 2, "search attributes": 1, "timers": 1}
