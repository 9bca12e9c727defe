"""Says in time when the certificate ends with which this process asks the engine: after that nobody is let in.

The certificate is the one that was loaded at the start; one that was renewed meanwhile counts from the next start on.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from cryptography.x509 import load_pem_x509_certificates
from temporalio.client import Client
from temporalio.service import TLSConfig

SOON: Final = timedelta(days=30)
"""Before its end it is told. Certificates of the compose file are renewed 60 days before theirs, at any start."""
AGAIN: Final = timedelta(days=1)

_log: structlog.stdlib.BoundLogger = structlog.get_logger("homeward.certificates")


def ends_at(pem: bytes) -> datetime | None:
    """When the first certificate of a PEM file ends (UTC); None where none can be read in it."""
    try:
        return load_pem_x509_certificates(pem)[0].not_valid_after_utc
    except (ValueError, IndexError):
        return None


def ends_soon(client: Client, now: datetime) -> str | None:
    """A sentence where the certificate with which this client asks the engine ends within :data:`SOON`, or has ended."""
    tls = client.service_client.config.tls
    if not isinstance(tls, TLSConfig) or tls.client_cert is None:
        return None
    ends = ends_at(tls.client_cert)
    if ends is None or ends - now > SOON:
        return None
    day = f"{ends:%Y-%m-%d}"
    if ends <= now:
        return f"The certificate for the engine ended on {day}: renew it, then start again."
    return f"The certificate for the engine ends on {day}, in {(ends - now).days} days: renew it, then start again."


@asynccontextmanager
async def told_in_time(client: Client) -> AsyncGenerator[None]:
    """While the context is open: a line of the log at once and once a day, where the certificate ends soon."""

    async def tell() -> None:
        while True:
            if sentence := ends_soon(client, datetime.now(UTC)):
                _log.warning("certificate.ends", told=sentence)
            await asyncio.sleep(AGAIN.total_seconds())

    telling = asyncio.create_task(tell())
    try:
        yield
    finally:
        telling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await telling
