"""Log lines: where they were written, in which look, and that no child is ever in them."""

import asyncio
import importlib
import io
import json
import logging
import sys
import warnings
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
import pytest_asyncio
import structlog
from temporalio import activity
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.runtime import Runtime, TelemetryConfig
from temporalio.testing import ActivityEnvironment
from temporalio.worker import Replayer, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from activities.agreements import AgreementShelf
from activities.caseload import Caseload, CaseloadUnreachable
from activities.hands import Hands
from activities.logs import PERSONAL, configure_logs, engine_logging
from activities.settings import read_settings
from procedure.acts import ACTS, OpenText, Text, parse_act
from procedure.consequences import caseload_row, events, notices
from procedure.faults import MalformedAct
from procedure.intake import Child, RelativeNamed, parse_intake
from procedure.proceedings import Proceedings
from workflows.messages import AdmissionRequest, CaseloadRow, Notice, OutgoingEvent, Telling

NAME = "Zephyrina-Planted"
REFERENCE = "MD-UA-2026-7K3F9A"


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def lines() -> "Lines":
    return Lines()


class Lines(io.StringIO):
    """A stream that was configured for JSON lines."""

    def parsed(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_are_json_away_from_a_terminal(lines: Lines) -> None:
    """One object a line, with moment, level, logger and the fields that were given."""
    configure_logs("auto", "info", to=lines)

    structlog.get_logger("homeward.test").info("row kept", reference=REFERENCE, entry=3)
    logging.getLogger("elsewhere").warning("from %s", "stdlib")

    ours, others = lines.parsed()
    assert ("row kept", REFERENCE, 3, "info", "homeward.test") == (
        ours["event"],
        ours["reference"],
        ours["entry"],
        ours["level"],
        ours["logger"],
    )
    assert datetime.fromisoformat(ours["timestamp"]).tzinfo == UTC
    assert ("from stdlib", "warning", "elsewhere") == (others["event"], others["level"], others["logger"])


def test_lines_are_readable_on_a_terminal() -> None:
    """And not JSON."""
    terminal = Terminal()
    configure_logs("auto", "info", to=terminal)

    structlog.get_logger("homeward.test").info("row kept", entry=3)

    assert "row kept" in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")


def test_the_level_holds_for_everyone(lines: Lines) -> None:
    """Below it nothing is said; other libraries' chatter never is."""
    configure_logs("json", "debug", to=lines)
    for name in ("temporalio.worker", "sqlalchemy.engine", "aiosqlite", "alembic", "httpx2"):
        logging.getLogger(name).debug(NAME)
    # Setting the pages of a dossier, these tell of every page and font.
    for name in ("sqlalchemy.engine", "httpx2", "weasyprint.progress", "fontTools.ttLib.woff2"):
        logging.getLogger(name).info(NAME)
    assert [] == lines.parsed()

    configure_logs("json", "error", to=lines)
    structlog.get_logger("homeward.test").warning("not said")
    structlog.get_logger("homeward.test").error("said")
    assert ["said"] == [line["event"] for line in lines.parsed()]


@pytest.mark.parametrize("look", ["json", "console"])
def test_what_is_personal_is_left_out(look: str) -> None:
    """By name of the field; and whatever is not a plain value, under any name."""
    stream = Lines()
    configure_logs(look, "debug", to=stream)
    child = Child.model_validate_json(
        json.dumps(
            {
                "given_names": NAME,
                "family_name": NAME,
                "date_of_birth": "2013-05-04",
                "sex": "female",
                "nationalities": [],
                "languages": [],
            }
        )
    )
    log = structlog.get_logger("homeward.test")

    log.info("one", given_names=NAME, Family_Name=NAME, views=NAME, entry=1)
    log.info("two", said={"given_names": NAME}, who=child, rows=[NAME], some=(NAME,), raw=NAME.encode(), entry=2)
    log.info("three", born=date(2013, 5, 4), cause=ValueError(NAME))

    said = stream.getvalue()
    assert NAME not in said
    assert "2013-" not in said and "2013," not in said
    if look == "json":
        one, two, three = stream.parsed()
        assert "Family_Name, given_names, views" == one["left_out"]
        assert "[left out]" == two["said"] == two["who"] == two["rows"] == two["raw"]
        assert "ValueError" == three["cause"]


def test_every_free_text_of_the_contract_is_personal() -> None:
    """A field that people write into freely may hold a name; its name is on the list of what is left out."""
    free = (str, Text, OpenText)
    models = [*ACTS.values(), Child, RelativeNamed]
    named = {
        name
        for model in models
        for name, info in model.model_fields.items()
        if info.annotation is str
        and not any(getattr(each, "pattern", None) for each in info.metadata)
        and name not in ("act_id", "relative_id", "id")
    }
    lists = {
        name
        for model in models
        for name, info in model.model_fields.items()
        if get_origin(info.annotation) is tuple and get_args(info.annotation)[0] in free
    }

    assert named | lists <= PERSONAL


@pytest.mark.parametrize("logger", ["homeward.test", "temporalio.worker"])
def test_an_exception_is_told_without_its_words(lines: Lines, logger: str) -> None:
    """Its class, its causes' classes and where it came through; not what it says, which may be a name."""
    configure_logs("json", "info", to=lines)
    try:
        try:
            raise ValueError(f"could not read {NAME}")
        except ValueError as cause:
            raise ApplicationError(NAME, {"given_names": NAME}, type="MalformedAct") from cause
    except ApplicationError as error:
        built = f"failed: {error}"
        logging.getLogger(logger).warning(built, exc_info=True)
        structlog.get_logger(logger).warning("failed", exc_info=True)

    assert NAME not in lines.getvalue()
    for line in lines.parsed():
        assert "ApplicationError[MalformedAct] < ValueError" == line["exception"]
        assert "logs_test.py" in line["trace"]


def test_what_a_library_warns_of_is_a_line_too(lines: Lines) -> None:
    """Its kind and its place; its text may repeat what was given."""
    configure_logs("json", "info", to=lines)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"no place for {NAME}", RuntimeWarning, stacklevel=1)

    assert NAME not in lines.getvalue()
    (line,) = lines.parsed()
    assert ("warning", "a library warns", "RuntimeWarning") == (line["level"], line["event"], line["warning"])
    assert line["where"].startswith("activities/logs_test.py:")


def test_an_exception_known_to_be_harmless_may_speak(lines: Lines) -> None:
    """What an operator needs to read is readable."""
    configure_logs("json", "info", to=lines)
    try:
        raise CaseloadUnreachable("the caseload's database cannot be used now (OperationalError)")
    except CaseloadUnreachable:
        structlog.get_logger("homeward.test").error("no row", exc_info=True)

    assert "CaseloadUnreachable: the caseload's database" in lines.parsed()[0]["exception"]


@pytest.mark.asyncio
async def test_a_line_from_an_activity_says_where_it_was_written(lines: Lines) -> None:
    """Workflow, run, activity and attempt, for our lines and for the engine's client's."""
    configure_logs("json", "info", to=lines)

    async def work() -> None:
        structlog.get_logger("homeward.test").info("ours")
        activity.logger.info("theirs")

    environment = ActivityEnvironment()
    environment.info = replace(environment.info, activity_type="tell", workflow_id=REFERENCE, attempt=2)
    await environment.run(work)

    ours, theirs = lines.parsed()
    for line in (ours, theirs):
        assert ("tell", REFERENCE, 2) == (line["activity"], line["workflow_id"], line["attempt"])
    assert ("ours", "theirs") == (ours["event"], theirs["event"])


# On an engine


@pytest_asyncio.fixture
async def engine(engine_address: str, lines: Lines) -> Client:
    """A client whose native core logs through here too."""
    configure_logs("json", "debug", to=lines)
    return await Client.connect(engine_address, runtime=Runtime(telemetry=TelemetryConfig(logging=engine_logging())))


@activity.defn(name="stumble")
async def stumble(child: dict[str, Any]) -> None:
    raise ValueError(f"no such child: {child['given_names']}")


@pytest.mark.engine
@pytest.mark.asyncio
async def test_a_case_on_an_engine_says_each_thing_once_and_no_name(
    engine: Client, lines: Lines, chatty: type[Any]
) -> None:
    """A workflow in the sandbox that logs, fails an activity and fails itself; then its history is replayed."""
    async with Worker(engine, task_queue="logs", workflows=[chatty], activities=[stumble]):
        with pytest.raises(WorkflowFailureError):
            await engine.execute_workflow(chatty.run, {"given_names": NAME}, id=REFERENCE, task_queue="logs")
    history = await engine.get_workflow_handle(REFERENCE).fetch_history()
    await Replayer(workflows=[chatty], workflow_runner=SandboxedWorkflowRunner()).replay_workflow(history)

    assert NAME not in lines.getvalue()
    said = [line for line in lines.parsed() if line["event"] in ("ours", "theirs")]
    assert ["ours", "theirs"] == [line["event"] for line in said]
    for line in said:
        assert REFERENCE == line["workflow_id"]
        assert line["run_id"]
    assert any(line["event"] == "Completing activity as failed" for line in lines.parsed())


@pytest.mark.engine
@pytest.mark.asyncio
async def test_a_case_that_is_stuck_is_told_without_its_words(engine: Client, lines: Lines, chatty: type[Any]) -> None:
    """The engine's native core tells of a task that fails again and again; the failure's text stays out."""
    async with Worker(engine, task_queue="logs", workflows=[chatty]):
        stuck = {"given_names": NAME, "stuck": True}
        case = await engine.start_workflow(chatty.run, stuck, id=REFERENCE, task_queue="logs")
        for _ in range(600):
            if any(line["logger"] == "temporalio.core" for line in lines.parsed()):
                break
            await asyncio.sleep(0.05)
        await case.terminate()

    [core, *_] = [line for line in lines.parsed() if line["logger"] == "temporalio.core"]
    assert core["run_id"]
    assert any(line.get("exception") == "ValueError" for line in lines.parsed())
    assert NAME not in lines.getvalue()


@pytest.fixture
def chatty(monkeypatch: pytest.MonkeyPatch) -> type[Any]:
    """A workflow in a file of its own, which the sandbox imports by name."""
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parent), *sys.path])
    return importlib.import_module("chatty_case").ChattyCase


# A planted name, all the way


def intake() -> dict[str, Any]:
    return {
        "reference": REFERENCE,
        "agreement": "model",
        "host_state": "MD",
        "origin_state": "UA",
        "opened_by": {"id": "ca-md-1", "role": "central_authority", "state": "MD"},
        "child": {
            "given_names": NAME,
            "family_name": NAME,
            "date_of_birth": "2013-05-04",
            "sex": "female",
            "nationalities": ["UA"],
            "languages": ["uk"],
        },
        "situation": "unaccompanied",
        "found": {"on": "2026-02-01", "place": NAME, "by": "police", "circumstances": NAME},
        "placement": {"name": NAME, "kind": "police_station", "run_by": "police", "child_may_leave_at_will": False},
        "relatives": [{"id": "r1", "name": NAME, "relationship": "mother", "state": "UA", "contact": NAME}],
        "concerns": [],
    }


@pytest.mark.asyncio
async def test_a_name_in_a_case_never_leaves_the_case(tmp_path: Path, lines: Lines, unreachable: str) -> None:
    """Planted in the intake and in acts, it stands in no log line, notice, event, file or error of the hands."""
    configure_logs("json", "debug", to=lines)
    opened = parse_intake(intake(), today=date(2026, 3, 1))
    at = datetime(2026, 3, 1, 10, tzinfo=UTC)
    case = Proceedings.open_case(
        opened, AgreementShelf().get("model"), reference=REFERENCE, at=at, seed=b"s" * 32, facts={}
    )
    actor = {"id": "cw-1", "role": "caseworker", "state": "MD", "office": NAME}
    care = {"name": NAME, "kind": "foster_family", "run_by": "foster_carer", "child_may_leave_at_will": True}
    for n, act in enumerate(
        (
            {"act": "place_child", "reason": NAME, "placement": care},
            {"act": "report_missing", "since": "2026-03-01T09:00:00Z", "reason": NAME},
            {"act": "complain", "about": NAME},
            {"act": "note", "text": NAME},
        )
    ):
        case.hear(parse_act({**act, "act_id": f"a{n}", "actor": actor}), at)
    case.let_time_pass(datetime(2026, 5, 1, tzinfo=UTC))
    telling = Telling(
        REFERENCE,
        1,
        len(case.entries),
        [Notice(**each) for each in notices(case.case, case.entries, at)],
        [OutgoingEvent(**each) for each in events(case.entries)],
    )
    row = CaseloadRow(**caseload_row(case.case, at), child=intake()["child"])
    assert len(telling.notices) > 5
    environment = ActivityEnvironment()
    errors: list[BaseException] = []

    for url in (f"sqlite:///{tmp_path / 'caseload.db'}", unreachable):
        settings = read_settings(
            data=tmp_path,
            caseload_url=url,
            webhook_url=unreachable.replace("postgresql", "http"),
            webhook_secret="whsec_c2VjcmV0IGVub3VnaA==",
        )
        hands = Hands.of(settings, AgreementShelf())
        tried: list[tuple[Callable[[Any], Awaitable[Any]], Any]] = [
            (hands.admit, AdmissionRequest(REFERENCE, intake())),
            (hands.admit, AdmissionRequest("MD-UA-2026-7K3F9B", intake())),
            (hands.keep_caseload_row, row),
            (hands.tell, telling),
        ]
        for work, asked in tried:
            try:
                await environment.run(work, asked)
            except ApplicationError as error:
                logging.getLogger("temporalio.activity").warning("Completing activity as failed", exc_info=True)
                errors.append(error)
        await hands.close()
    with pytest.raises(MalformedAct) as malformed:
        parse_act({"act": "note", "act_id": "x", "actor": actor, "text": 7, "reason": NAME, "placement": NAME})
    errors.append(malformed.value)

    assert {"LikelyDuplicate", "CaseloadUnreachable", "Untold"} <= {getattr(error, "type", "") for error in errors}
    assert NAME not in lines.getvalue()
    assert NAME not in json.dumps(asdict(telling))
    for error in errors:
        assert NAME not in f"{error} {error.__cause__} {getattr(error, 'details', '')}"
    kept = what_is_kept(tmp_path)
    assert len(kept) > 5
    for name, content in kept.items():
        assert NAME.encode() not in content, name
        assert NAME not in name


def what_is_kept(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.asyncio
async def test_the_database_does_not_show_what_it_was_given(tmp_path: Path) -> None:
    """A statement that fails does not repeat its values."""
    caseload = await Caseload.open(f"sqlite:///{tmp_path / 'caseload.db'}")
    with pytest.raises(CaseloadUnreachable) as failure:
        await caseload.part_told(NAME, None)  # pyright: ignore[reportArgumentType]
    await caseload.close()

    assert NAME not in str(failure.value)
    assert failure.value.__suppress_context__
