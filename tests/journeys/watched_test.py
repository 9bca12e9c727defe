"""What running programs tell to whoever watches: all that dashboard and alerts name, and nothing of a child."""

import asyncio
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import httpx2
import promql_parser
import pytest
import yaml
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.parser import text_string_to_metric_families

from activities import measures
from procedure.intake import REFERENCE
from procedure.signing import SIGNATURE_FAULTS
from procedure.vocabulary import SAFEGUARD_NAMES
from sealing import codec
from starter.client import Cases, Place, connect
from starter.sealed import with_its_keys
from tests.casefile.lived import until
from tests.desk.desks import hidden
from tests.house.committed import ROOT
from tests.journeys.marks import MARK, marked, marks_in
from tests.journeys.processes import client_with_keys, free_port, start_server, start_worker
from tests.journeys.scan_test import played
from tests.starter.running import ANY_PORTS, House, environment
from tests.workflows.engines import ACTORS, STATION, act, intake, note, record, until_determined
from workflows.messages import RETURN_CASE, TASK_QUEUE

pytestmark = [pytest.mark.engine, pytest.mark.slow]

WATCHING: Final = Path(ROOT, "compose", "watching")
BY_PROMETHEUS: Final = frozenset({"up"})
"""Made by who scrapes."""
LABELS_BY_PROMETHEUS: Final = frozenset({"job", "instance", "le"})
TASK_FAILED: Final = "temporal_workflow_task_execution_failed"
CASE_MISSED: Final = "temporal_sticky_cache_miss"
STOPS_WITHIN: Final = 8.0
"""Seconds; a stream of news alone would last ten minutes."""


# A house with a marked child in it


@dataclass
class Told:
    """What a house told in its life."""

    measures: str = ""
    spans: list[bytes] = field(default_factory=list[bytes])
    reference: str = ""
    news: str = ""
    stopped: tuple[int, float] = (-1, 0.0)


@pytest.fixture(scope="module")
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """Takes spans in, as OpenTelemetry's collector does."""
    got: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=web.serve_forever, args=(0.02,))
    serving.start()
    yield f"http://127.0.0.1:{web.server_address[1]}", got
    web.shutdown()
    serving.join(10)
    web.server_close()


@pytest.fixture(scope="module")
async def told(collector: tuple[str, list[bytes]], tmp_path_factory: pytest.TempPathFactory) -> Told:
    """A house from start to SIGTERM: a case, refusals, a page that is read, and somebody who waits for news."""
    where, spans = collector
    port = free_port()
    env = environment(
        HOMEWARD_METRICS_BIND=f"127.0.0.1:{port}", OTEL_EXPORTER_OTLP_ENDPOINT=where, HOMEWARD_CASES_HELD="10"
    )
    house = House(tmp_path_factory.mktemp("house") / "data", *ANY_PORTS, env=env)
    found = Told(spans=spans)
    try:
        async with with_its_keys(await connect(Place(house.told["engine"]), elsewhere=False)) as client:
            cases = Cases(client)
            said = [
                *until_determined(),
                act("cw", "place_child", placement=STATION),
                act("om", "report_detention", placement=STATION, since="2026-02-02T10:00:00Z"),
                note(signature="not.a.signature"),
            ]
            found.reference = await played(cases, [marked(each) for each in said])
            # A task that cannot be carried out: no worker knows such a process.
            stuck: Any = await client.start_workflow("NoSuchProcess", id="none", task_queue=TASK_QUEUE)
            await until(lambda: asyncio.to_thread(_tells, port, TASK_FAILED), 30)
            await stuck.terminate()
            # More cases than the worker has room for: the first is put out of its memory, and somebody asks it.
            for letter in "ABCDEFGHJKMN":
                other: Any = await client.start_workflow(
                    RETURN_CASE, intake(), id=f"MD-UA-2026-WATCH{letter}", task_queue=TASK_QUEUE
                )
                await record(other, note())
            await cases.view(found.reference)
            await until(lambda: asyncio.to_thread(_tells, port, CASE_MISSED), 30)
        await asyncio.to_thread(_look_and_leave, house, port, found)
    finally:
        house.gone()
    return found


def _tells(port: int, name: str) -> bool:
    return f"{name}{{" in httpx2.get(f"http://127.0.0.1:{port}/metrics", trust_env=False, timeout=30).text


def _look_and_leave(house: House, port: int, found: Told) -> None:
    at = f"http://127.0.0.1:{port}"
    case = f"/cases/{found.reference}"
    with httpx2.Client(base_url=house.told["desk"], trust_env=False, timeout=30) as browser:
        form = hidden(browser.get("/sign-in", params={"back": "/"}).text)
        browser.post("/sign-in", data={**form, "person": "caseworker-md-1", "case": found.reference})
        assert browser.get(case, follow_redirects=True).status_code == 200
        browser.get(f"/nowhere/{MARK}")
        # One that there is not: the engine says no.
        assert browser.get("/cases/MD-UA-2026-AAAAAA").status_code == 404
        assert browser.get("/metrics").status_code == 404
        assert httpx2.get(f"{at}/ready", trust_env=False).text == browser.get("/ready").text == "ready\n"
        hearing = threading.Event()

        def listen() -> None:
            with browser.stream("GET", f"{case}/news", params={"since": 0}) as stream:
                for part in stream.iter_text():
                    found.news += part
                    hearing.set()

        listener = threading.Thread(target=listen)
        listener.start()
        assert hearing.wait(20)
        found.measures = httpx2.get(f"{at}/metrics", trust_env=False, timeout=30).text
        begun = time.monotonic()
        found.stopped = house.asked_to_stop(), time.monotonic() - begun
        listener.join(10)
        assert not listener.is_alive()


# Nothing personal


def labels_in(text: str) -> list[tuple[str, str, str]]:
    """Every label of every series: metric, name, value."""
    return [
        (sample.name, name, value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        for name, value in sample.labels.items()
    ]


def personal(text: str) -> list[tuple[str, str, str]]:
    """Labels that name a case, or a person who acts in the tests."""
    people = {person for person, _, _ in ACTORS.values()} - {"child"} | {"caseworker-md-1"}
    return [each for each in labels_in(text) if re.search(REFERENCE.pattern.strip("^$"), each[2]) or each[2] in people]


def test_measures_hold_nothing_of_a_child_a_case_or_a_person(told: Told) -> None:
    """After a case with every word marked, a refusal, a report of detention, and a page that was read."""
    assert marks_in(told.measures.encode()) == set()
    assert told.reference not in told.measures
    assert personal(told.measures) == []
    counted = {
        (name, value) for name, label, value in labels_in(told.measures) if label in ("safeguard", "hold", "fault")
    }
    assert {
        ("homeward_refusals_total", "no-detention"),
        ("homeward_refusals_total", "not-your-act"),
        ("homeward_held_cases", "detention"),
    } <= counted
    assert any(name == "homeward_signature_refusals_total" for name, _ in counted)


def test_what_a_case_refuses_is_shown_before_the_first_refusal(told: Told) -> None:
    """Each safeguard and each fault is one series, at zero, which grows: one that begins at one has not grown."""
    for name, label, words, grown in (
        ("homeward_refusals", "safeguard", SAFEGUARD_NAMES, "no-detention"),
        ("homeward_signature_refusals", "fault", SIGNATURE_FAULTS, "unreadable"),
    ):
        (family,) = (each for each in text_string_to_metric_families(told.measures) if each.name == name)
        assert sorted(sample.labels[label] for sample in family.samples) == sorted(words)
        counted = {sample.labels[label]: sample.value for sample in family.samples}
        assert counted[grown] > 0
        assert 0 in counted.values()


@pytest.mark.parametrize(
    "series", ['x{case="MD-UA-2026-7K3F9A"} 1', 'x{path="/cases/MD-UA-2026-7K3F9A/acts"} 1', 'x{by="cw-md-1"} 1']
)
def test_that_check_can_fail(series: str) -> None:
    """A reference and a person's id are found where they stand, also inside an address."""
    assert personal(f"{series}\n")


def test_traces_hold_nothing_of_a_child(told: Told) -> None:
    """They reach from the desk into the case; a case's reference is the one thing that they may name."""
    assert told.spans
    spans: list[Any] = []
    for sent in told.spans:
        assert marks_in(sent) == set()
        for resource in ExportTraceServiceRequest.FromString(sent).resource_spans:
            spans += [span for scope in resource.scope_spans for span in scope.spans]
    by_trace: dict[bytes, set[str]] = {}
    for span in spans:
        by_trace.setdefault(span.trace_id, set()).add(span.name)
    assert any(
        {"GET /cases/{reference}", "QueryWorkflow:ledger", "HandleQuery:ledger"} <= each for each in by_trace.values()
    )
    assert not [span.name for span in spans if told.reference in span.name]


# What dashboard and alerts name is there


def expressions() -> list[str]:
    """Every expression of the two files."""
    alerts = yaml.safe_load((WATCHING / "alerts.yaml").read_text("utf-8"))
    board = json.loads((WATCHING / "dashboard.json").read_text("utf-8"))
    return [
        *(rule["expr"] for group in alerts["groups"] for rule in group["rules"]),
        *(target["expr"] for panel in board["panels"] for target in panel.get("targets", [])),
    ]


def named_in(expression: str) -> dict[str, set[str]]:
    """The series that an expression names, each with the labels that are asked of it."""
    found: dict[str, set[str]] = {}

    def walk(part: Any, by: frozenset[str]) -> None:
        match part:
            case promql_parser.VectorSelector():
                found.setdefault(part.name or "", set()).update(by, (each.name for each in part.matchers.matchers))
            case promql_parser.MatrixSelector():
                walk(part.vector_selector, by)
            case promql_parser.AggregateExpr():
                walk(part.expr, by | frozenset(part.modifier.labels if part.modifier else ()))
            case promql_parser.BinaryExpr():
                walk(part.lhs, by)
                walk(part.rhs, by)
            case promql_parser.Call():
                for each in part.args:
                    walk(each, by)
            case promql_parser.ParenExpr():
                walk(part.expr, by)
            case promql_parser.NumberLiteral():
                pass
            case _:
                raise AssertionError(f"{type(part).__name__} in {expression}")

    walk(promql_parser.parse(expression), frozenset())
    return found


def exported(text: str) -> dict[str, set[str]]:
    """The series that are told, each with its labels; of those that had nothing to tell yet, as they are declared."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        # The parser gives every counter the ending that the engine's own counters do not have.
        plain = f"# TYPE {family.name} counter\n" in text
        for sample in family.samples:
            found.setdefault(family.name if plain else sample.name, set()).update(sample.labels)
    for metric in [*vars(measures).values(), codec.FAILED]:
        if isinstance(metric, Counter | Gauge | Histogram):
            declared: dict[str, Any] = vars(metric)
            endings = ("_total",) if isinstance(metric, Counter) else ("",)
            if isinstance(metric, Histogram):
                endings = ("_bucket", "_count", "_sum")
            if f"# TYPE {declared['_name']}" in text:
                for ending in endings:
                    found.setdefault(f"{declared['_name']}{ending}", set()).update(declared["_labelnames"])
    return found


def missing(expression: str, there: dict[str, set[str]]) -> list[str]:
    """What an expression names that is not told."""
    wrong: list[str] = []
    for name, labels in named_in(expression).items():
        if name in BY_PROMETHEUS:
            continue
        if name not in there:
            wrong.append(name)
        else:
            wrong += [f"{name}{{{label}}}" for label in labels - there[name] - LABELS_BY_PROMETHEUS]
    return wrong


def test_all_that_dashboard_and_alerts_name_is_told(told: Told) -> None:
    """Every series and every label, by the names that the running programs give them."""
    there = exported(told.measures)
    wrong = {expression: lacks for expression in expressions() if (lacks := missing(expression, there))}
    assert wrong == {}
    assert len(expressions()) > 40


def test_an_expression_about_nothing_is_found(told: Told) -> None:
    """A misspelt series, a label that it has not, a broken expression."""
    there = exported(told.measures)
    assert missing("sum(homeward_open_case)", there) == ["homeward_open_case"]
    assert missing('sum by (case) (homeward_open_cases{stage="travel"})', there) == ["homeward_open_cases{case}"]
    with pytest.raises(ValueError, match="unclosed"):
        named_in("sum by (")


def test_every_alert_says_what_to_do() -> None:
    """A sentence on what is the matter, one on what to do, and how soon; each name once; no case in any."""
    rules = [
        rule
        for group in yaml.safe_load((WATCHING / "alerts.yaml").read_text("utf-8"))["groups"]
        for rule in group["rules"]
    ]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert set(rule["annotations"]) == {"summary", "what_to_do"}
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_a_tile_shows_what_is_so_now() -> None:
    """Where nothing is known it is empty: not green by the last number of a day, and not by a zero of its own."""
    board = json.loads((WATCHING / "dashboard.json").read_text("utf-8"))
    tiles = [panel for panel in board["panels"] if panel["type"] == "stat"]
    assert len(tiles) == 8
    for (target,) in (tile["targets"] for tile in tiles):
        assert target["instant"] and not target["range"]
        assert "vector(" not in target["expr"], target["expr"]


# Stopping


def test_a_house_stops_in_order_with_somebody_waiting_for_news(told: Told) -> None:
    """Exit code 0 within seconds; the stream ends by itself and is not torn off."""
    code, took = told.stopped
    assert (code, told.news.count("event: news")) == (0, 1)
    assert took < STOPS_WITHIN, took


async def test_a_worker_stops_in_order_and_tells_when_its_engine_is_gone(tmp_path: Path) -> None:
    """Acts that are under way when it is told to stop are all heard, once; without an engine it is not ready."""
    port, watch = free_port(), free_port()
    server = start_server(port, tmp_path)
    worker = start_worker(port, tmp_path, HOMEWARD_METRICS_BIND=f"127.0.0.1:{watch}")
    try:
        client = await client_with_keys(port, tmp_path)
        await until(lambda: _says(watch, 200), 60)
        case: Any = await client.start_workflow(RETURN_CASE, intake(), id="MD-UA-2026-WATCHA", task_queue=TASK_QUEUE)
        await record(case, note())
        under_way = [asyncio.create_task(record(case, note(act_id=f"under-way-{n}"))) for n in range(8)]
        await asyncio.sleep(0.05)
        begun = time.monotonic()
        assert await asyncio.to_thread(worker.stop) == 0
        assert time.monotonic() - begun < 15
        worker = start_worker(port, tmp_path, HOMEWARD_METRICS_BIND=f"127.0.0.1:{watch}")
        receipts = await asyncio.gather(*under_way)
        entries = sorted(receipt["entry"] for receipt in receipts)
        assert len(set(entries)) == 8 and {receipt["result"] for receipt in receipts} == {"accepted"}
        await until(lambda: _says(watch, 200), 60)
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as asked:
            assert 'homeward_ready{part="work"} 1.0' in (await asked.get(f"http://127.0.0.1:{watch}/metrics")).text
        server.kill()
        await until(lambda: _says(watch, 503), 30)
        async with httpx2.AsyncClient(trust_env=False, timeout=30) as asked:
            told = (await asked.get(f"http://127.0.0.1:{watch}/metrics")).text
        assert 'homeward_ready{part="engine"} 0.0' in told and 'homeward_ready{part="keys"} 1.0' in told
    finally:
        code = await asyncio.to_thread(worker.stop)
        server.stop()
    assert code == 0


async def _says(watch: int, status: int) -> bool:
    try:
        async with httpx2.AsyncClient(trust_env=False, timeout=10) as asked:
            return (await asked.get(f"http://127.0.0.1:{watch}/ready")).status_code == status
    except httpx2.HTTPError:
        return False
