"""A replay says what it found to whoever asked, and to nobody else; and finds no fault with a machine that is busy."""

import logging
import time
from typing import Any

import pytest

from casefile.engine import TodaysCode
from casefile.runs import Run
from procedure.proceedings import Proceedings
from tests.workflows.replay_test import HERE, history_in
from worker import WORKFLOWS, workflow_runner
from workflows.raw import RawUnlessTyped


async def test_a_replay_that_stops_leaves_no_line_in_a_log(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """The engine's own core would warn of it as of a case that fails now, in words of its own, past every log."""
    history = history_in(HERE / "0.1.0-refused.json")
    recorded = history.to_json_dict()
    scheduled = next(each for each in recorded["events"] if "activityTaskScheduledEventAttributes" in each)
    scheduled["activityTaskScheduledEventAttributes"]["activityType"]["name"] = "something_else"

    with caplog.at_level(logging.DEBUG):
        replayed = await TodaysCode(WORKFLOWS, workflow_runner(), RawUnlessTyped).replay(
            Run(history.workflow_id, "invented-run", None, recorded)
        )

    assert replayed.because is not None and "something_else" in replayed.because
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    told = capfd.readouterr()
    assert "workflow task" not in told.out + told.err


async def test_a_replay_on_a_busy_machine_takes_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """By itself the engine's client breaks a task off after two seconds by the wall clock, which would be a finding."""
    history, hears = history_in(HERE / "0.1.0-refused.json"), Proceedings.hear
    slow = iter([2.5])

    def slowly(*given: Any) -> Any:
        time.sleep(next(slow, 0))
        return hears(*given)

    monkeypatch.setattr(Proceedings, "hear", slowly)
    replayed = await TodaysCode(WORKFLOWS, workflow_runner(), RawUnlessTyped).replay(
        Run(history.workflow_id, "invented-run", None, history.to_json_dict())
    )
    assert (replayed.because, next(slow, None)) == (None, None)


@pytest.mark.parametrize("signaled", [False, True])
async def test_a_run_that_has_not_begun_is_not_replayed(signaled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the second before a new run's first task the engine's client would wait for that task, and never stop."""
    monkeypatch.setattr("casefile.engine.Replayer", _nobody)
    history = history_in(HERE / "0.1.0-refused.json")
    first = history.to_json_dict()["events"][0]
    said = {"eventId": "2", "eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED", "eventTime": first["eventTime"]}
    replayed = await TodaysCode(WORKFLOWS, workflow_runner(), RawUnlessTyped).replay(
        Run(history.workflow_id, "invented-run", None, {"events": [first, said] if signaled else [first]})
    )
    assert (replayed.entries, replayed.because, replayed.stopped_at) == ([], None, None)


def _nobody(**given: Any) -> None:
    raise AssertionError("it would never end")
