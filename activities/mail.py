"""Notices by mail: one connection a telling, one message a notice, each under the same message id at every attempt."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aiosmtplib

from activities.notices import NoticeUnsendable, compose
from activities.settings import Settings
from workflows.messages import Notice

WITHIN = 10.0
"""Seconds that a mail server has for an answer."""

TLS_AT_ONCE = 465
"""The port where TLS begins with the connection."""

_CLOSING = 421


class MailSession:
    """An open connection to the mail server."""

    def __init__(self, smtp: aiosmtplib.SMTP, sender: str) -> None:
        self._smtp = smtp
        self._sender = sender

    async def send(self, reference: str, notice: Notice, to: str) -> None:
        """Hand one notice to the server. Raises :class:`NoticeUnsendable`."""
        message = compose(reference, notice, sender=self._sender, to=to, now=datetime.now(UTC))
        try:
            await self._smtp.sendmail(self._sender, [to], message.as_bytes())
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise _unsendable(error) from None


class MailServer:
    """The mail server of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[MailSession]:
        """Connect, greet, sign in. Raises :class:`NoticeUnsendable`."""
        settings = self._settings
        tls = settings.smtp_port == TLS_AT_ONCE
        smtp = aiosmtplib.SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_user,
            password=settings.smtp_password.get_secret_value() if settings.smtp_password else None,
            use_tls=tls,
            start_tls=False if tls else settings.smtp_starttls,
            timeout=WITHIN,
        )
        try:
            await smtp.connect()
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            smtp.close()
            raise _unsendable(error) from None
        try:
            yield MailSession(smtp, settings.smtp_sender or "")
        finally:
            try:
                await smtp.quit()
            except (aiosmtplib.SMTPException, OSError):
                smtp.close()


def _unsendable(error: Exception) -> NoticeUnsendable:
    # ``from None`` at the callers: a server's words may repeat an address.
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused) and error.recipients:
        error = error.recipients[0]
    if isinstance(error, aiosmtplib.SMTPResponseException):
        gone = error.code == _CLOSING or isinstance(error, aiosmtplib.SMTPConnectError)
        return NoticeUnsendable(f"SMTP {error.code}", refused=error.code >= 500, gone=gone)
    # The bare class is raised for what the server lacks, such as encryption that we demand.
    lacking = type(error) is aiosmtplib.SMTPException or isinstance(error, (aiosmtplib.SMTPNotSupported, ValueError))
    return NoticeUnsendable("NotSupported" if lacking else type(error).__name__, refused=lacking)
