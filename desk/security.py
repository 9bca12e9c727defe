"""What keeps others out: headers of every answer, whose requests are heard, how large they are, and whose forms.

The list follows the OWASP cheat sheets on HTTP headers and on cross-site request forgery.
"""

import hashlib
from collections.abc import AsyncIterator, Callable
from ipaddress import IPv6Address, ip_address
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import FormData, Headers, MutableHeaders, UploadFile
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from desk.sessions import FormUnknown, visit_of

MAX_BODY: Final = 1024 * 1024
"""The largest request, in bytes. An act of 64 KiB in Cyrillic letters is a form of three times that."""
MAX_HEAD: Final = 32 * 1024
"""The longest head of a request, in bytes: its address with all headers. An access token alone may have half of it."""
MAX_FIELDS: Final = 2_000
MAX_FILES: Final = 5
"""How many fields and files a form has at most."""

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""The content security policy: nothing inline, nothing from elsewhere."""

HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_ONLY_LOOK: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_OF_A_PROXY: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


class Refused(Exception):
    """A request that the desk does not hear: a status, and the name of the page that says why."""

    def __init__(self, status: int, page: str) -> None:
        super().__init__(page)
        self.status = status
        self.page = page


class FormStale(Exception):
    """A form that comes from here but belongs to no session that lasts. :attr:`form` is what stood in it."""

    def __init__(self, form: FormData) -> None:
        super().__init__("the form belongs to no session")
        self.form = form


def is_loopback(host: str) -> bool:
    """Whether a name or an address (IPv6 in brackets or not) stands for this machine and no other."""
    if host.lower() == "localhost":
        return True
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback


class SafeHeaders:
    """Puts :data:`HEADERS` on every answer, and that nothing of it is kept unless the answer says otherwise."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self._app = app
        self._headers = {**HEADERS, **({"Strict-Transport-Security": "max-age=31536000"} if https else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, answer)


class Doorkeeper:
    """Hears requests that were meant for this desk, raising :class:`Refused` for others.

    ``host`` is the name in the desk's address. ``only_this_machine``: names, addresses and ways that lead here from
    elsewhere are refused, which also keeps out pages that point a name of their own at this machine.
    """

    def __init__(self, app: ASGIApp, *, host: str, only_this_machine: bool) -> None:
        self._app, self._host, self._only_this_machine = app, host, only_this_machine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if _length_of_head(scope) > MAX_HEAD:
            # The server's own bound is for what has no end yet, and lets through a long head that came in one piece.
            raise Refused(431, "not_taken")
        if not self._is_meant(headers.get("host", "")) or (self._only_this_machine and from_elsewhere(scope, headers)):
            raise Refused(400, "not_this_address")
        if scope["method"] not in _ONLY_LOOK and not from_here(headers, or_unknown=True):
            raise Refused(403, "form_foreign")
        await self._app(scope, _limited(receive, headers), send)

    def _is_meant(self, given: str) -> bool:
        host = _host_of(f"//{given}")
        return is_loopback(host) if self._only_this_machine else host == self._host


def _length_of_head(scope: Scope) -> int:
    address = len(scope["path"].encode()) + len(scope.get("query_string", b""))
    return address + sum(len(name) + len(value) for name, value in scope["headers"])


def from_elsewhere(scope: Scope, headers: Headers) -> bool:
    """Whether a request came over a network or through a proxy, as far as the server knows."""
    ends = [end[0] for end in (scope.get("client"), scope.get("server")) if end]
    return any(_is_address(end) and not is_loopback(end) for end in ends) or any(
        name in headers for name in _OF_A_PROXY
    )


def from_here(headers: Headers, *, or_unknown: bool = False) -> bool:
    """Whether the browser says that a page of this desk sent the request; ``or_unknown``: or says nothing."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin" or (or_unknown and site == "none")
    origin = headers.get("origin")
    if origin is None:
        return or_unknown
    return urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def _limited(receive: Receive, headers: Headers) -> Receive:
    """The request's body, with HTTPException 413 where it grows beyond :data:`MAX_BODY`, whatever was said of it."""
    declared = headers.get("content-length", "0")
    heard = 0

    async def heard_of() -> Message:
        nonlocal heard
        if not declared.isdecimal() or int(declared) > MAX_BODY:
            raise too_large()
        message = await receive()
        heard += len(message.get("body", b""))
        if heard > MAX_BODY:
            raise too_large()
        return message

    return heard_of


def too_large() -> HTTPException:
    """The answer to a body that is not read to its end."""
    # What is left of it would be read for ever, or taken for the next request.
    return HTTPException(413, headers={"Connection": "close"})


async def only_our_forms(request: Request) -> AsyncIterator[None]:
    """What the desk asks of every request that could change something, whatever its page does.

    Raises :class:`FormStale` for a form that no page of this very session gave out.
    """
    try:
        await _see_that_it_is_ours(request)
        yield
    finally:
        # Files that came along are gone with the request.
        await request.close()


async def _see_that_it_is_ours(request: Request) -> None:
    if request.method in _ONLY_LOOK or getattr(request.state, "form_is_ours", False):
        return
    form = await request.form(max_files=MAX_FILES, max_fields=MAX_FIELDS)
    session = visit_of(request).session
    if session is None or not session.is_ours(typed(form, "csrf")):
        raise FormStale(form)
    request.state.form_is_ours = True


async def checked_form(request: Request) -> FormData:
    """What was typed into a form of ours, taken once.

    Raises :class:`FormStale`, and :class:`desk.sessions.SentAlready` where it was acted on before. The page that asks
    acts and answers with a redirect (303); any other answer says that nothing was done.
    """
    await _see_that_it_is_ours(request)
    form = await request.form()
    try:
        await visit_of(request).take(typed(form, "once"), await _digest(form))
    except FormUnknown:
        raise FormStale(form) from None
    return form


def typed(form: FormData, name: str) -> str:
    """What was typed into a field; empty where nothing was, or a file was given."""
    value = form.get(name)
    return value if isinstance(value, str) else ""


async def _digest(form: FormData) -> bytes:
    """What stands in a form, as a digest."""
    digest = hashlib.sha256()
    take: Callable[[bytes], None] = lambda part: digest.update(len(part).to_bytes(8, "big") + part)  # noqa: E731
    for name, value in form.multi_items():
        if name == "csrf":
            continue
        take(name.encode())
        if isinstance(value, UploadFile):
            take((value.filename or "").encode())
            take(await value.read())
            await value.seek(0)
        else:
            take(value.encode())
    return digest.digest()


def host_in(address: str) -> str:
    """The host that a web address names, in small letters; empty where it names none."""
    return _host_of(address)


def _host_of(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
