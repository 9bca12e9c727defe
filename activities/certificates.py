"""Says in time when the certificates of this process end: after that nobody lets it in, or nobody trusts it.

A certificate is the one that was loaded at the start; one that was renewed meanwhile counts from the next start on.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from cryptography.x509 import load_pem_x509_certificates
from temporalio.client import Client
from temporalio.service import TLSConfig

from activities import measures

SOON: Final = timedelta(days=30)
"""Before its end it is told. Certificates of the compose file are renewed 60 days before theirs, at any start."""
AGAIN: Final = timedelta(days=1)

ENGINE: Final = "engine"
VISITORS: Final = "visitors"
_CALLED: Final = {ENGINE: "The certificate for the engine", VISITORS: "The desk's own certificate"}

_log: structlog.stdlib.BoundLogger = structlog.get_logger("homeward.certificates")


def ends_at(pem: bytes) -> datetime | None:
    """When the first certificate of a PEM file ends (UTC); None where none can be read in it."""
    try:
        return load_pem_x509_certificates(pem)[0].not_valid_after_utc
    except (ValueError, IndexError):
        return None


def ends_of(client: Client, desks: Path | None = None) -> dict[str, datetime]:
    """When each certificate of this process ends, by whom it is shown to: the engine, and a desk's visitors.

    ``desks``: the file of the desk's own, where no proxy does TLS for it.
    """
    shown: dict[str, bytes] = {}
    tls = client.service_client.config.tls
    if isinstance(tls, TLSConfig) and tls.client_cert is not None:
        shown[ENGINE] = tls.client_cert
    if desks is not None:
        # What cannot be read the desk itself refuses to start with.
        with contextlib.suppress(OSError):
            shown[VISITORS] = desks.read_bytes()
    return {whom: ends for whom, pem in shown.items() if (ends := ends_at(pem)) is not None}


def end_soon(ends: Mapping[str, datetime], now: datetime) -> list[str]:
    """A sentence for each certificate that ends within :data:`SOON`, or has ended."""
    return [_told(_CALLED[whom], at, now) for whom, at in ends.items() if at - now <= SOON]


def _told(which: str, ends: datetime, now: datetime) -> str:
    day = f"{ends:%Y-%m-%d}"
    if ends <= now:
        return f"{which} ended on {day}: renew it, then start again."
    return f"{which} ends on {day}, in {(ends - now).days} days: renew it, then start again."


@asynccontextmanager
async def told_in_time(client: Client, desks: Path | None = None) -> AsyncGenerator[None]:
    """Measure the ends of this process's certificates, and while the context is open say which of them is near.

    A line of the log for each, at once and once a day. ``desks`` as for :func:`ends_of`.
    """
    ends = ends_of(client, desks)
    for whom, at in ends.items():
        measures.CERTIFICATE_ENDS.labels(whom).set(at.timestamp())

    async def tell() -> None:
        while True:
            for sentence in end_soon(ends, datetime.now(UTC)):
                _log.warning("certificate.ends", told=sentence)
            await asyncio.sleep(AGAIN.total_seconds())

    telling = asyncio.create_task(tell())
    try:
        yield
    finally:
        telling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await telling
