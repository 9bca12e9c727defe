"""A certificate that ends is told before its end: by the health check, at the start, and once a day."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from prometheus_client import REGISTRY
from structlog.testing import capture_logs
from temporalio.service import TLSConfig

import worker
from activities import certificates
from activities.certificates import end_soon, ends_at, ends_of, told_in_time

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def certificate(ends: datetime) -> bytes:
    """One of nobody, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "invented")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(ends - timedelta(days=397))
        .not_valid_after(ends)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


@dataclass
class Asking:
    """A client of the engine, as far as its connection."""

    tls: Any
    service_client: Any = field(init=False)

    def __post_init__(self) -> None:
        self.service_client = self
        self.config = self


def client(ends: datetime | None) -> Any:
    return Asking(TLSConfig(client_cert=certificate(ends)) if ends else False)


def told(whom: str) -> float | None:
    return REGISTRY.get_sample_value("homeward_certificate_ends_timestamp_seconds", {"shown_to": whom})


@pytest.mark.parametrize(("days", "told"), [(31, None), (29, "ends on 2026-12-28, in 29 days"), (-1, "ended on")])
def test_the_end_is_told_in_the_last_thirty_days(days: int, told: str | None) -> None:
    """And after it, when nobody is let in any more."""
    said = end_soon(ends_of(client(NOW + timedelta(days=days))), NOW)
    assert len(said) == (told is not None) and (told or "") in "".join(said)


def test_where_there_is_no_certificate_nothing_is_told(tmp_path: Path) -> None:
    """In clear on one machine; and of what cannot be read the connection itself tells."""
    assert ends_of(client(None)) == {}
    assert ends_of(Asking(True)) == {}  # pyright: ignore[reportArgumentType]
    assert ends_of(client(None), tmp_path / "nowhere.pem") == {}
    assert ends_at(b"no certificate") is None


async def test_it_is_told_at_the_start_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that runs for months says so every day."""
    monkeypatch.setattr(certificates, "AGAIN", timedelta(seconds=0.01))
    with capture_logs() as lines:
        async with told_in_time(client(datetime.now(UTC) + timedelta(days=5))):
            await asyncio.sleep(0.1)
        async with told_in_time(client(datetime.now(UTC) + timedelta(days=90))):
            await asyncio.sleep(0.05)
    assert len(lines) > 1 and {line["event"] for line in lines} == {"certificate.ends"}


async def test_the_ends_are_measured_each_by_whom_it_is_shown_to(tmp_path: Path) -> None:
    """The one for the engine and the desk's own, by a moment that an alert reckons with; and of each a line is said."""
    engines, desks = datetime.now(UTC) + timedelta(days=90), datetime.now(UTC) + timedelta(days=6)
    file = tmp_path / "certificate.pem"
    file.write_bytes(certificate(desks))
    with capture_logs() as lines:
        async with told_in_time(client(engines), file):
            await asyncio.sleep(0)
    for whom, ends in (("engine", engines), ("visitors", desks)):
        assert told(whom) == pytest.approx(ends.timestamp(), abs=1)
    (line,) = lines
    assert line["told"].startswith("The desk's own certificate ends on")


async def test_the_health_check_tells_and_stays_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Until that day cases are worked on."""

    async def connected(**_: Any) -> Any:
        return client(datetime.now(UTC) + timedelta(days=5))

    async def polled(_: Any) -> list[str]:
        return ["an invented worker"]

    async def nothing_said(_: Any) -> list[str]:
        return []

    monkeypatch.setattr(worker, "connect", connected)
    monkeypatch.setattr(worker, "at_work", polled)
    monkeypatch.setattr(worker, "said_of_builds", nothing_said)
    assert await worker.check() == 0
    assert "renew it" in capsys.readouterr().err
