"""A mail server and a webhook's receiver of our own, that go away, hang, refuse for a while, and come back."""

import asyncio
import contextlib
import email
from collections.abc import Mapping
from dataclasses import dataclass, field
from email import policy
from email.message import EmailMessage
from typing import Any, Final, Literal, cast

from aiosmtpd.smtp import SMTP, Envelope, Session
from standardwebhooks.webhooks import Webhook

Mood = Literal["answers", "away", "hangs", "refuses"]
SECRET: Final = "whsec_c2VjcmV0IHRoYXQgaXMgbG9uZyBlbm91Z2g="  # noqa: S105 - of an invented receiver


@dataclass
class Post:
    """Both receivers, and what they took."""

    mail_port: int
    webhook_port: int
    mails: list[EmailMessage] = field(default_factory=list[EmailMessage])
    events: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """The data of each event that was taken, its id under ``id``; one whose signature is wrong is not taken."""
    wrongly_signed: int = 0
    """So many were not taken: whose clock has jumped signs for another moment than now."""
    mood: Mood = "away"
    _servers: list[asyncio.Server] = field(default_factory=list[asyncio.Server])
    _open: set[asyncio.BaseTransport] = field(default_factory=set[asyncio.BaseTransport])

    async def be(self, mood: Mood) -> None:
        """Answer from now on in this way. Connections of the way before are broken off."""
        self.mood = mood
        if mood == "away":
            for server in self._servers:
                server.close()
            self._servers.clear()
        for each in list(self._open):
            each.close()
        if mood != "away" and not self._servers:
            loop = asyncio.get_running_loop()
            self._servers = [
                await loop.create_server(self._mail, "127.0.0.1", self.mail_port),
                await asyncio.start_server(self._webhook, "127.0.0.1", self.webhook_port),
            ]

    def _mail(self) -> asyncio.BaseProtocol:
        if self.mood == "hangs":
            return _Silent(self._open)
        return SMTP(self, hostname="localhost", loop=asyncio.get_running_loop())

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        if self.mood == "refuses":
            return "451 not now"
        content = cast("bytes", envelope.content)
        self.mails.append(email.message_from_bytes(content, policy=policy.default))
        return "250 OK"

    async def _webhook(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer.transport)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            headers = {
                name.strip().lower(): value.strip()
                for name, _, value in (line.partition(":") for line in head.split("\r\n")[1:])
                if name
            }
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            if self.mood == "hangs":
                await reader.read()  # until somebody breaks it off
            elif self.mood == "refuses":
                writer.write(b"HTTP/1.1 500 Not Now\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            elif self._take(headers, body):
                writer.write(b"HTTP/1.1 204 Taken\r\nconnection: close\r\n\r\n")
            else:
                writer.write(b"HTTP/1.1 401 Not Signed\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            await writer.drain()
        self._open.discard(writer.transport)
        writer.close()

    def _take(self, headers: Mapping[str, str], body: bytes) -> bool:
        try:
            event: Any = Webhook(SECRET).verify(body.decode(), dict(headers))
        except Exception:  # noqa: BLE001 - whatever it is, a receiver would not take it
            self.wrongly_signed += 1
            return False
        self.events.append({**event["data"], "id": event["id"]})
        return True


class _Silent(asyncio.Protocol):
    """A connection on which nobody ever says a word."""

    def __init__(self, there: set[asyncio.BaseTransport]) -> None:
        self._open = there
        self._own: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._own = transport
        self._open.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._own is not None:
            self._open.discard(self._own)
