"""What keeps others out: headers, addresses, other sites' forms, and bodies that never end."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi import APIRouter, FastAPI, Request, Response
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from desk.app import create_app
from desk.frame import Desk, Pages, checked_form, page
from desk.people import Person
from desk.security import (
    HEADERS,
    MAX_BODY,
    MAX_FIELDS,
    MAX_FILES,
    MAX_HEAD,
    POLICY,
    Doorkeeper,
    Refused,
    from_here,
    is_loopback,
)
from desk.speaking import STATIC, static
from starter.serving import served
from tests.desk.desks import a_desk, client, hidden, signed_in, the_log

SENT: list[dict[str, Any]] = []
_router = APIRouter()
DESK = Pages(_router)


@_router.get("/form")
def ask(request: Request) -> Response:
    """A page with a form: that which the sign-in has will do."""
    return page(request, "sign_in.html.j2", groups={}, back="/")


@_router.post("/form")
async def act(request: Request) -> Response:
    """Act on the form."""
    form = await checked_form(request)
    SENT.append(dict(form))
    return RedirectResponse("/form", 303)


@_router.post("/careless")
def careless() -> str:
    """A page whose author forgot that forms are checked."""
    SENT.append({})
    return "done"


@_router.get("/fails")
def fails() -> None:
    """A page that fails with a name in its words."""
    raise RuntimeError("Ana Invented")


@pytest.fixture(autouse=True)
def sent() -> Iterator[None]:
    """Nothing was sent before."""
    SENT.clear()
    yield
    SENT.clear()


class Nobody:
    """A sign-in that checks, and lets nobody in."""

    development = False
    router = APIRouter()

    async def who(self, request: Any) -> Person | None:
        return None


# Where the desk may be


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST", "127.0.0.1", "127.8.9.1", "::1", "[::1]", "::ffff:127.0.0.1"]
)
def test_this_machine_has_several_names(host: str) -> None:
    """Each stands for it and no other."""
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "0.0.0.0",
        "::",
        "192.0.2.1",
        "localhost.example.org",
        "127.0.0.1.example.org",
        "2130706433",
        "::ffff:192.0.2.1",
    ],
)
def test_no_other_name_stands_for_this_machine(host: str) -> None:
    """Not even one that some resolver might lead here."""
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("bind", "base_url"),
    [
        ("0.0.0.0", "http://127.0.0.1:8080"),
        ("::", "http://localhost:8080"),
        ("192.0.2.1", "http://127.0.0.1:8080"),
        ("127.0.0.1", "https://desk.example.org"),
        ("127.0.0.1", "http://192.0.2.1:8080"),
        ("0.0.0.0", "https://desk.example.org"),
        ("", "http://127.0.0.1:8080"),
    ],
)
def test_development_sign_in_and_a_public_address_do_not_go_together(bind: str, base_url: str) -> None:
    """There is no desk of that kind to start, and a sentence says why."""
    with pytest.raises(ValueError, match="Development sign-in checks nobody, so it works on this machine only"):
        a_desk(bind=bind, base_url=base_url)


@pytest.mark.parametrize(
    ("bind", "base_url"),
    [("127.0.0.1", "http://127.0.0.1:8080"), ("::1", "http://[::1]:1"), ("localhost", "http://localhost/")],
)
def test_development_sign_in_goes_with_this_machine(bind: str, base_url: str) -> None:
    """By each of its names."""
    assert create_app(a_desk(bind=bind, base_url=base_url))


@pytest.mark.parametrize(
    "base_url", ["desk.example.org", "ftp://desk.example.org", "https://", "https://example.org/desk", "https://[::"]
)
def test_an_address_that_is_none_is_refused(base_url: str) -> None:
    """A desk under a path would give out wrong links."""
    with pytest.raises(ValueError):
        a_desk(sign_in=Nobody(), base_url=base_url)


def test_a_desk_on_a_network_needs_https() -> None:
    """Its cookie would else be read on the way."""
    with pytest.raises(ValueError, match="by https only"):
        a_desk(sign_in=Nobody(), base_url="http://desk.example.org", bind="0.0.0.0")
    assert a_desk(sign_in=Nobody(), base_url="https://desk.example.org", bind="0.0.0.0").https


# Who is heard


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "LOCALHOST"])
def test_under_development_sign_in_this_machine_is_heard(host: str) -> None:
    """By whichever name one typed."""
    assert client().get("/sign-in", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example:8080", "127.0.0.1.evil.example", "", "192.0.2.1", "[::", "localhost@evil.example"]
)
def test_under_development_sign_in_no_other_name_is_heard(host: str) -> None:
    """A site that points its own name at this machine reads nothing here."""
    answer = client().get("/sign-in", headers={"Host": host})
    assert answer.status_code == 400
    assert "Adela Invented" not in answer.text and "http://127.0.0.1:8080" in answer.text


@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP"])
def test_under_development_sign_in_no_proxy_is_heard(header: str) -> None:
    """Whoever puts a proxy before it makes it public."""
    assert client().get("/sign-in", headers={header: "127.0.0.1"}).status_code == 400


@pytest.mark.parametrize("end", ["client", "server"])
async def test_under_development_sign_in_no_network_is_heard(end: str) -> None:
    """Even when the server was bound to another address than the desk was told."""
    heard: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        heard.append(scope[end][0])

    async def nothing(*_: Any) -> Any:
        raise AssertionError

    doors = Doorkeeper(app, host="127.0.0.1", only_this_machine=True)
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", b"127.0.0.1")]}
    for address in ("127.0.0.1", "::1", "testclient"):
        await doors({**scope, end: (address, 1)}, nothing, nothing)
    for address in ("192.0.2.1", "2001:db8::1"):
        with pytest.raises(Refused):
            await doors({**scope, end: (address, 1)}, nothing, nothing)
    assert heard == ["127.0.0.1", "::1", "testclient"]


def test_a_real_desk_hears_its_own_name_only() -> None:
    """Other names that lead to it get no page that was meant for it. A proxy is as it should be."""
    real = a_desk(sign_in=Nobody(), base_url="https://desk.example.org", bind="0.0.0.0")
    browser = client(real, [DESK])
    assert browser.get("/form", headers={"X-Forwarded-For": "192.0.2.1"}).status_code == 200
    assert browser.get("/form", headers={"Host": "other.example.org"}).status_code == 400
    assert browser.get("/form", headers={"Host": "127.0.0.1"}).status_code == 400


# Headers


@pytest.mark.parametrize("path", ["/sign-in", "/no-such-page", "/fails", static("desk.css"), "/language/uk"])
def test_every_answer_has_the_headers(path: str) -> None:
    """Pages, errors foreseen and not, files and redirects alike."""
    with capture_logs():
        answer = client(pages=[DESK]).get(path)
    assert HEADERS.items() <= {name: answer.headers.get(name) for name in HEADERS}.items()
    assert answer.headers["Cache-Control"] == (
        "no-store" if "/static/" not in path else "public, max-age=31536000, immutable"
    )


def test_a_refused_request_has_them_too() -> None:
    """It is answered before any page is looked for."""
    answer = client().get("/sign-in", headers={"Host": "evil.example"})
    assert answer.headers["Content-Security-Policy"] == POLICY and answer.headers["Cache-Control"] == "no-store"


def test_the_policy_lets_nothing_inline_and_nothing_from_elsewhere() -> None:
    """As the brief has it, word for word."""
    assert POLICY.split("; ") == [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]


def test_https_stays_https() -> None:
    """A browser that was here once comes back by https. On loopback that would lock out other programs."""
    real = a_desk(sign_in=Nobody(), base_url="https://desk.example.org", bind="0.0.0.0")
    assert client(real, [DESK]).get("/form").headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "Strict-Transport-Security" not in client().get("/sign-in").headers


def test_files_are_kept_by_their_edition() -> None:
    """An edition that there is not is answered with what there is, and not kept; what is no file is not found."""
    browser = client()
    assert browser.get("/static/0123456789ab/desk.css").headers["Cache-Control"] == "no-cache"
    for path in (
        "/static/desk.css",
        "/static/0123456789ab/no.css",
        "/static/x/%2e%2e/app.py",
        "/static/x/..%2f..%2fapp.py",
    ):
        assert browser.get(path).status_code == 404
    assert browser.get(static("desk.js")).headers["Content-Type"].startswith("text/javascript")
    assert browser.get(static("vendor/fonts/noto-sans-latin-400.woff2")).headers["Content-Type"] == "font/woff2"
    assert (STATIC / "desk.css").read_bytes() == browser.get(static("desk.css")).content


# Forms of others


@pytest.mark.parametrize("path", ["/form", "/careless", "/sign-in", "/sign-out"])
@pytest.mark.parametrize("token", [None, "", "made-up"])
def test_a_form_without_its_sessions_token_does_nothing(path: str, token: str | None) -> None:
    """Also where a page's author forgot to ask for it. The page says what to do."""
    browser = signed_in(client(pages=[DESK]))
    form = hidden(browser.get("/form").text)
    given = {**form, "csrf": token} if token is not None else {"once": form["once"]}
    answer = browser.post(path, data=given)
    assert answer.status_code == 403 and SENT == []
    assert "Nothing was recorded." in answer.text and "Open the page anew" in answer.text
    assert browser.get("/form").text.count("Sign out") == 1


def test_a_token_of_another_session_is_no_better() -> None:
    """Whoever has a session of their own cannot make a form for somebody else."""
    mine, yours = client(desk := a_desk(), [DESK]), client(desk, [DESK])
    form = hidden(signed_in(mine).get("/form").text)
    assert signed_in(yours).post("/form", data=form).status_code == 403
    assert mine.post("/form", data=form).status_code == 303


@pytest.mark.parametrize(
    ("headers", "heard"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Origin": "http://127.0.0.1:8080"}, True),
        ({}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "http://127.0.0.1:9090"}, False),
        ({"Origin": "null"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8080"}, False),
    ],
)
def test_another_sites_form_is_refused_even_with_the_token(headers: dict[str, str], heard: bool) -> None:
    """Two locks: what the browser says of the sender, and the token."""
    browser = signed_in(client(pages=[DESK]))
    answer = browser.post("/form", data=hidden(browser.get("/form").text), headers=headers)
    assert answer.status_code == (303 if heard else 403)
    assert len(SENT) == heard


def test_who_says_nothing_is_not_known_to_be_from_here() -> None:
    """An old browser's form is judged by its token alone."""
    assert not from_here(Headers({})) and from_here(Headers({}), or_unknown=True)
    assert not from_here(Headers({"sec-fetch-site": "none"}))


# A form that stood open for too long


HERE = {"Sec-Fetch-Site": "same-origin"}
TYPED = {"reason": 'Înapoi <b>"acasă"</b>', "note": "two\r\nlines"}


def _stale(browser: TestClient) -> dict[str, str]:
    """A form that was filled in, whose session has ended; the browser still has its cookie."""
    form = {**hidden(browser.get("/form").text), **TYPED}
    name = next(iter(browser.cookies))
    browser.cookies.clear()
    browser.cookies.set(name, "of-a-session-that-is-over")
    return form


def test_who_has_no_session_at_all_gets_nothing_written_out() -> None:
    """Else anybody has the desk write a page as long as what they send, a megabyte at a time."""
    browser = client(pages=[DESK])
    told = browser.post("/form", data={f"field{n}": "x" * 400 for n in range(1_000)}, headers=HERE)
    assert told.status_code == 403 and "field1" not in told.text and len(told.content) < 20_000


def test_what_was_typed_survives_the_end_of_a_session() -> None:
    """One signs in again, sends it again from the page that said so, and it acts once."""
    desk = a_desk()
    browser = signed_in(client(desk, [DESK]))
    form = _stale(browser)

    told = browser.post("/form", data=form, headers=HERE)
    assert told.status_code == 403 and "What you typed is not lost" in told.text and 'href="/sign-in"' in told.text
    assert "<b>" not in told.text
    signed_in(browser)
    again = browser.post("/form", data=_in(told.text), headers=HERE)
    assert again.status_code == 403 and 'href="/sign-in" target' not in again.text and SENT == []
    done = browser.post("/form", data=_in(again.text), headers=HERE)
    assert done.status_code == 303
    assert [{name: given[name] for name in TYPED} for given in SENT] == [TYPED]
    # Under its first token, which may be the act's id: what was recorded before is not recorded again.
    assert SENT[0]["once"] == form["once"]
    assert browser.post("/form", data=_in(again.text), headers=HERE).headers["location"] == "/form" and len(SENT) == 1


def _in(text: str) -> dict[str, str]:
    """The hidden fields of a page, as a browser reads them."""
    from html import unescape

    return {name: unescape(value) for name, value in hidden(text).items()}


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "none"}])
def test_a_page_that_is_not_known_to_be_ours_gives_nothing_back(headers: dict[str, str]) -> None:
    """Else another site could have its own form made into one of ours."""
    browser = signed_in(client(pages=[DESK]))
    told = browser.post("/form", data=_stale(browser), headers=headers)
    assert told.status_code == 403
    assert "acas" not in told.text and 'name="reason"' not in told.text and "Open the page anew" in told.text


def test_a_file_cannot_be_given_back() -> None:
    """The page says to fill in the form again."""
    browser = signed_in(client(pages=[DESK]))
    told = browser.post("/form", data=_stale(browser), files={"intake": ("a.json", b"{}")}, headers=HERE)
    assert told.status_code == 403 and 'name="reason"' not in told.text and "fill in the form again" in told.text


def test_a_file_is_taken_once_like_a_text() -> None:
    """The same file is the same form, another one is another."""
    browser = signed_in(client(pages=[DESK]))
    form = hidden(browser.get("/form").text)
    statuses = [
        browser.post("/form", data=form, files={"intake": ("a.json", content)}).status_code
        for content in (b"{}", b"{}", b"[]")
    ]
    assert statuses == [303, 303, 409] and len(SENT) == 1


# Too much


def test_a_body_beyond_the_bound_is_not_read() -> None:
    """Said before or not: a megabyte is enough for every form."""
    browser = signed_in(client(pages=[DESK]))
    form = {**hidden(browser.get("/form").text), "reason": "x" * (MAX_BODY - 1_000)}
    assert browser.post("/form", data=form).status_code == 303
    form["reason"] += "x" * 1_000
    told = browser.post("/form", data=form)
    assert told.status_code == 413 and "This is too large for the desk" in told.text

    def unending() -> Iterator[bytes]:
        yield b"reason="
        for _ in range(MAX_BODY // 1024 + 1):
            yield b"x" * 1024

    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert browser.post("/form", content=unending(), headers=kind).status_code == 413
    assert browser.post("/form", content=b"x", headers={**kind, "Content-Length": "-1"}).status_code == 413
    assert len(SENT) == 1


def test_a_connection_whose_body_was_not_read_is_closed() -> None:
    """Else what is left of it would be read for ever, for an answer that was given long ago."""
    browser = signed_in(client(pages=[DESK]))
    told = browser.post("/form", data={"reason": "x" * MAX_BODY})
    assert (told.status_code, told.headers["connection"]) == (413, "close")


def test_a_page_says_in_the_readers_language_that_it_was_too_large() -> None:
    """Whoever is at the window reads what to do."""
    browser = signed_in(client(pages=[DESK]))
    told = browser.post("/form", data={"reason": "x" * MAX_BODY}, headers={"Accept-Language": "uk"})
    assert told.headers["content-language"] == "uk" and "This is too large" not in told.text


@pytest.mark.parametrize("at", ["path", "query", "header", "headers"])
def test_a_head_beyond_the_bound_is_refused(at: str) -> None:
    """Whole as it came: in one address, in one header, in many. One that is nearly as long is heard."""
    browser = client(pages=[DESK])
    # What the test's own client says of itself counts too.
    for length, statuses in ((MAX_HEAD, {431}), (MAX_HEAD - 1_000, {200, 404})):
        match at:
            case "path":
                told = browser.get("/" + "x" * length)
            case "query":
                told = browser.get("/sign-in", params={"back": "x" * (length - 5)})
            case "header":
                told = browser.get("/sign-in", headers={"X-Long": "x" * length})
            case _:
                told = browser.get("/sign-in", headers={f"X-{n:02}": "x" * 1_020 for n in range(length // 1_024)})
        assert told.status_code in statuses, length
    answer = client(api=FastAPI()).get("/api/cases", headers={"X-Long": "x" * MAX_HEAD})
    assert answer.json()["type"] == "urn:homeward:problem:refused-request"


@pytest.mark.parametrize(
    "crowd",
    [
        {"data": {f"f{n}": "" for n in range(MAX_FIELDS)}},
        {"files": [(f"f{n}", ("a", b"")) for n in range(MAX_FILES + 1)]},
        {"files": [(f"f{n}", (None, b"")) for n in range(MAX_FIELDS)]},
    ],
    ids=["fields", "files", "parts"],
)
def test_a_form_holds_so_many_fields_and_files(crowd: dict[str, Any]) -> None:
    """Small ones without number take longer to read than one large one; the largest form of ours has far fewer."""
    browser = signed_in(client(pages=[DESK]))
    form = hidden(browser.get("/form").text)
    crowd = {**crowd, "data": {**form, **crowd.get("data", {})}}
    assert browser.post("/form", **crowd).status_code == 400 and SENT == []
    assert browser.post("/form", data=form).status_code == 303


async def _answered(address: str, head: bytes, body: Callable[[], Iterator[bytes]] = lambda: iter(())) -> bytes:
    """What a server says to bytes as they are; the connection is closed by the server, or this never ends."""
    where = urlsplit(address)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(head)
    with contextlib.suppress(ConnectionError):
        for part in body():
            writer.write(part)
            await writer.drain()
    async with asyncio.timeout(10):
        said = b""
        with contextlib.suppress(ConnectionError):
            while part := await reader.read(65_536):
                said += part
    writer.close()
    return said


async def test_the_server_reads_no_head_without_an_end_and_no_body_without_one() -> None:
    """As `homeward up` and `homeward desk` serve it: a long address or header, and a body in chunks of unknown number."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{listening.getsockname()[1]}"
        async with served(create_app(a_desk(base_url=address), pages=[DESK]), listening):
            host = urlsplit(address).netloc.encode()
            long = b"x" * MAX_HEAD
            for head in (b"GET /" + long, b"GET / HTTP/1.1\r\nHost: " + host + b"\r\nCookie: " + long):
                assert (await _answered(address, head)).startswith(b"HTTP/1.1 400 ")

            def unending() -> Iterator[bytes]:
                for _ in range(16):
                    yield b"10000\r\n" + b"x" * 65_536 + b"\r\n"
                # Beyond the bound, and no end was said yet.
                yield b"10000\r\n" + b"x" * 65_536 + b"\r\n"

            for path in (b"/form", b"/careless", b"/sign-in"):
                kind = b"Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked"
                head = b"POST " + path + b" HTTP/1.1\r\nHost: " + host + b"\r\n" + kind + b"\r\n\r\n"
                said = await _answered(address, head, unending)
                assert said.startswith(b"HTTP/1.1 413 ") and b"connection: close" in said.lower()


@pytest.mark.parametrize(
    "content",
    [b"--x\r\nContent-Disposition: form-data\r\n\r\n", b"\xff\xfe", b"", b"--x\r\nContent-Disposition: nonsense"],
)
def test_a_broken_form_is_no_error_of_ours(content: bytes) -> None:
    """It is told apart from what nobody foresaw."""
    browser = signed_in(client(pages=[DESK]))
    for kind in ("multipart/form-data; boundary=x", "multipart/form-data", "application/x-www-form-urlencoded"):
        assert browser.post("/form", content=content, headers={"Content-Type": kind}).status_code in (400, 403)


# What comes into a log


def test_an_error_that_nobody_foresaw_says_nothing_personal() -> None:
    """Not on the page, not in the log; both hold the same number."""
    with the_log() as lines:
        answer = client(pages=[DESK]).get("/fails")
    (line,) = [line for line in lines if line["event"].startswith("desk.")]
    assert answer.status_code == 500 and line["number"] in answer.text
    assert line["error"] == "RuntimeError" and line["route"] == "/fails"
    # Where it was raised comes last, and is not cut off.
    *_, last = line["came_through"].split(" > ")
    assert "desk/security_test.py:" in last and last.endswith(" fails")
    assert "Ana" not in str(line) and "Ana" not in answer.text and "Traceback" not in answer.text


def test_when_even_the_page_is_broken_a_sentence_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """No blank, no traceback."""

    def broken(*_: Any, **__: Any) -> Any:
        raise ValueError("Ana Invented")

    monkeypatch.setattr("desk.app.page", broken)
    with capture_logs() as lines:
        answer = client(pages=[DESK]).get("/fails")
    assert (answer.status_code, [line["event"] for line in lines]) == (500, ["desk.unforeseen", "desk.no_page"])
    assert lines[0]["number"] in answer.text and "Ana" not in answer.text + str(lines)


def test_a_desk_is_checked_however_it_is_made() -> None:
    """There is no way around its own check."""
    made = a_desk()
    with pytest.raises(ValueError):
        Desk(
            cases=made.cases,
            caseload=made.caseload,
            sign_in=made.sign_in,
            base_url="https://desk.example.org",
            bind="0.0.0.0",
        )
