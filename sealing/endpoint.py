"""The engine's remote codec: its web pages and its stock command line see clear text through it, where they may.

The protocol is the engine's own: ``POST .../encode`` and ``POST .../decode`` with ``{"payloads": [...]}``. An address
may name a case, ``.../REFERENCE/encode``; what is encoded there is sealed with that case's key, otherwise with the
house's, for a stock tool does not say whose payload it sends.
"""

import hmac
import json
import os
import secrets
import stat
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import Any, Final

from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send
from temporalio.api.common.v1 import Payload, Payloads

from procedure.intake import REFERENCE
from sealing.codec import CaseCodec, is_sealed, named_in
from sealing.faults import CannotOpen, KeysUnusable, SealingFault
from sealing.keyring import HOUSE, Keys

MOST_BYTES: Final = 32 * 1024 * 1024
"""Of one request: a page of the engine's histories."""
MOST_PAYLOADS: Final = 10_000

MayOpen = Callable[[Request, Collection[str]], Awaitable[bool]]
"""Whether whoever asks may see what those cases hold; the house's is named ``house``. Of none: of any at all."""

Waits = Callable[[Request], int]
"""In how many seconds whoever was just refused may ask again; 0 where they did not ask too often."""


def at_once(request: Request) -> int:
    """Lets everybody ask as often as they like."""
    return 0


async def nobody(request: Request, cases: Collection[str]) -> bool:
    """Opens nothing for anybody."""
    return False


class CodecEndpoint:
    """The remote codec as an ASGI application; where it is mounted is for whoever serves it."""

    def __init__(
        self, keys: Keys, may_open: MayOpen = nobody, *, origins: Collection[str] = (), waits: Waits = at_once
    ) -> None:
        """``origins``: from whose pages a browser may ask, such as ``http://127.0.0.1:8233``.

        ``waits`` is asked after each refusal.
        """
        self._codec = CaseCodec(keys)
        self._may_open = may_open
        self._origins = frozenset(origins)
        self._waits = waits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        answer = await self._answer(request)
        origin = request.headers.get("origin")
        answer.headers["Vary"] = "Origin"
        answer.headers["Cache-Control"] = "no-store"
        if origin is not None and origin in self._origins:
            answer.headers["Access-Control-Allow-Origin"] = origin
            answer.headers["Access-Control-Allow-Credentials"] = "true"
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        origin = request.headers.get("origin")
        if origin is not None and origin not in self._origins:
            return _said(403, "Pages from elsewhere may not ask here.")
        *before, what = request.url.path.rstrip("/").split("/")
        case = before[-1] if before and REFERENCE.fullmatch(before[-1]) else HOUSE
        if what not in ("encode", "decode"):
            return _said(404, "There is encode and decode.")
        if request.method == "OPTIONS":
            return _preflight(request)
        if request.method != "POST":
            return _said(405, "Ask by POST.")
        # Before anything is read: a request may be large, and only those may send one who may open something.
        if not await self._may_open(request, ()):
            return self._refused(request)
        try:
            payloads = await _payloads_of(request)
        except _TooLarge:
            answer = _said(413, "That is more than is taken at once.")
            # What is left of it would be read for ever, or taken for the next request.
            answer.headers["Connection"] = "close"
            return answer
        except ClientDisconnect:
            return Response(status_code=400)
        except ValueError:
            return _said(400, "That is no JSON object with payloads.")
        cases = {case} if what == "encode" else {named_in(each) or HOUSE for each in payloads if is_sealed(each)}
        if not await self._may_open(request, cases):
            return self._refused(request)
        try:
            # A page of the engine may hold what belongs to several; each is opened as what it says it is.
            done = await (
                self._codec.of_case(case).encode(payloads) if what == "encode" else self._codec.decode(payloads)
            )
        except CannotOpen as fault:
            return _said(403, str(fault))
        except SealingFault:
            return _said(503, "The keys give no answer now.")
        return JSONResponse(MessageToDict(Payloads(payloads=done)))

    def _refused(self, request: Request) -> Response:
        after = self._waits(request)
        if not after:
            return _said(403, "You may not see what this holds.")
        answer = _said(429, f"That was asked too often; ask again after {after} s.")
        answer.headers["Retry-After"] = str(after)
        return answer


class _TooLarge(Exception):
    pass


async def _payloads_of(request: Request) -> list[Payload]:
    """What was sent. Raises ValueError and _TooLarge."""
    raw = bytearray()
    async for part in request.stream():
        raw += part
        if len(raw) > MOST_BYTES:
            raise _TooLarge
    try:
        given: Any = json.loads(raw)
        if not isinstance(given, dict):
            raise TypeError
        payloads = list(ParseDict(given, Payloads()).payloads)  # pyright: ignore[reportUnknownArgumentType]
    except (ParseError, AttributeError, TypeError, RecursionError) as error:
        raise ValueError from error
    if len(payloads) > MOST_PAYLOADS:
        raise _TooLarge
    return payloads


def _preflight(request: Request) -> Response:
    asked = request.headers.get("access-control-request-headers", "")
    return Response(
        status_code=204,
        headers={
            "Access-Control-Allow-Methods": "POST",
            # What the engine's pages send along; a header more lets nobody see more.
            "Access-Control-Allow-Headers": ", ".join(
                name for name in (each.strip().lower() for each in asked.split(",")) if name in _HEADERS
            ),
            "Access-Control-Max-Age": "600",
        },
    )


_HEADERS: Final = frozenset(("content-type", "x-namespace", "authorization"))


def _said(status: int, sentence: str) -> Response:
    return JSONResponse({"message": sentence}, status)


class BearerFile:
    """A token in a file that its owner alone can read: whoever has it may open what the endpoint opens.

    It is for stock tools on the same machine, which send it as ``Authorization: Bearer ...``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def make(self) -> None:
        """Make a new token, in the place of the one before. Raises :class:`sealing.faults.KeysUnusable`."""
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        try:
            draft.unlink(missing_ok=True)
            file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(file, "w", encoding="ascii") as writing:
                writing.write(f"Bearer {secrets.token_urlsafe(32)}\n")
            draft.replace(self.path)
        except OSError as error:
            raise KeysUnusable(f"{self.path} cannot be written ({error.strerror})") from None

    def is_in(self, request: Request) -> bool:
        """Whether a request brings the token. A file that others can read opens nothing."""
        given = request.headers.get("authorization")
        try:
            if given is None or stat.S_IMODE(self.path.stat().st_mode) & 0o077:
                return False
            token = self.path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return False
        return bool(token) and hmac.compare_digest(given.encode(), token.encode())
