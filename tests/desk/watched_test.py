"""What the desk tells of itself: patterns of addresses and never an address, and whether it is there."""

from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY
from starlette.testclient import TestClient

from activities.tracing import tracing_of
from desk.api import api
from desk.app import PAGES, create_app
from desk.frame import Desk
from desk.rates import Pace, Rates
from tests.desk.desks import a_desk, client, signed_in
from tests.procedure.courses import REFERENCE


def requests() -> dict[tuple[str, str, str], float]:
    """How many requests were counted, by method, route and status."""
    return {
        (sample.labels["method"], sample.labels["route"], sample.labels["status"]): sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == "homeward_desk_request_seconds_count"
    }


def whole(desk: Desk | None = None) -> TestClient:
    """A browser on a desk with all its pages and the API."""
    desk = desk or a_desk()
    return TestClient(create_app(desk, api=api(desk)), base_url=desk.base_url, follow_redirects=False)


def counted_after(browser: TestClient, *asked: tuple[str, str]) -> set[tuple[str, str, str]]:
    before = requests()
    for method, path in asked:
        browser.request(method, path)
    return {key for key, n in requests().items() if n != before.get(key, 0)}


def test_requests_are_counted_by_the_pattern_of_their_address() -> None:
    """Of pages and of the API; what nobody answers is one line, however it is called, and so is a made-up method."""
    found = counted_after(
        whole(),
        ("GET", f"/cases/{REFERENCE}"),
        ("GET", f"/cases/{REFERENCE}/entries/3"),
        ("GET", f"/api/cases/{REFERENCE}"),
        ("POST", f"/api/cases/{REFERENCE}/acts"),
        ("GET", "/nowhere/Zqvmark"),
        ("GET", "/static/Zqvmark"),
        ("ZQVMARK", "/"),
        ("GET", "/sign-in"),
    )
    routes = {route for _, route, _ in found}
    assert {"/cases/{reference}", "/cases/{reference}/entries/{n}", "/api/cases/{reference}"} <= routes
    assert {"none", "/static", "/sign-in"} <= routes
    assert "other" in {method for method, _, _ in found}
    told = str(found)
    assert REFERENCE not in told and "Zqvmark" not in told and "ZQVMARK" not in told


def test_every_label_is_a_pattern_that_the_desk_has() -> None:
    """No request makes a new one, so their number is bounded, whatever strangers ask for."""
    browser = whole()
    browser.get("/sign-in")
    known = {route for _, route, _ in requests()}
    found = counted_after(browser, *(("GET", f"/{REFERENCE}/{n}") for n in range(20)))
    assert {route for _, route, _ in found} <= {*known, "none"}
    assert REGISTRY.get_sample_value("homeward_desk_requests_in_progress") == 0


def test_who_is_too_fast_is_counted() -> None:
    """By what was asked for, and not by who."""
    before = REGISTRY.get_sample_value("homeward_desk_too_often_total", {"what": "reads"}) or 0
    browser = signed_in(client(a_desk(rates=Rates(Pace(reads=10))), PAGES))
    statuses = [browser.get("/language/en").status_code for _ in range(15)]
    refused = statuses.count(429)
    assert refused
    assert REGISTRY.get_sample_value("homeward_desk_too_often_total", {"what": "reads"}) == before + refused


@pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
def test_a_desk_says_in_one_word_whether_it_is_ready(ready: bool, status: int) -> None:
    """To everybody, by whatever name they reach it; nobody gets a session for it."""

    async def answers() -> bool:
        return ready

    browser = whole(a_desk(ready=answers))
    for path, told, expected in (
        ("/ready", "ready\n" if ready else "not ready\n", status),
        ("/health", "alive\n", 200),
    ):
        answer = browser.get(path, headers={"Host": "10.0.0.7"})
        assert (answer.status_code, answer.text) == (expected, told)
        assert "set-cookie" not in answer.headers and answer.headers["x-content-type-options"] == "nosniff"


def test_measures_are_not_told_where_people_are() -> None:
    """They have an address of their own."""
    assert whole().get("/metrics").status_code == 404
    assert whole().post("/ready").status_code in (403, 404, 405)


def test_a_request_is_spanned_by_its_pattern() -> None:
    """A trace that a stranger names is not taken up."""
    into = InMemorySpanExporter()
    tracing = tracing_of("homeward-test", exporter=into)
    assert tracing is not None
    browser = whole(a_desk(tracer=tracing.tracer))
    stranger = "4bf92f3577b34da6a3ce929d0e0e4736"
    browser.get(f"/cases/{REFERENCE}?x=Zqvmark", headers={"traceparent": f"00-{stranger}-00f067aa0ba902b7-01"})
    assert tracing.provider.force_flush()
    (span,) = into.get_finished_spans()
    tracing.provider.shutdown()
    assert span.name == "GET /cases/{reference}"
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "http.route": "/cases/{reference}",
        "http.response.status_code": 303,
    }
    assert span.parent is None and span.context is not None and f"{span.context.trace_id:032x}" != stranger


def test_no_other_library_spans_or_measures_requests() -> None:
    """FastAPI would, in its own words, with addresses in them."""
    desk = a_desk()
    assert [dict(_telemetry(app)) for app in (create_app(desk), api(desk))] == [
        {"logs": False, "tracing": False, "metrics": False}
    ] * 2


def _telemetry(app: object) -> dict[str, Any]:
    inside: dict[str, Any] = vars(app)
    return {name: inside["_telemetry"][name] for name in ("logs", "tracing", "metrics")}
