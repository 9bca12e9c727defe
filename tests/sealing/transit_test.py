"""Keys wrapped by an OpenBao or a Vault: bound to their case, wrapped anew, and told in a sentence when it does not."""

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sealing.faults import CannotOpen, KeysUnreachable, KeysUnusable
from sealing.keyring import HOUSE, Keyring
from sealing.keys import Wrapped
from sealing.transit import Transit
from tests.journeys.processes import free_port
from tests.sealing.conftest import store_at
from tests.sealing.transit_server import TransitServer, transit_server

CASE = "MD-UA-2026-7K3F9A"
OTHER = "MD-UA-2026-7K3F9B"
KEY = b"k" * 32


@pytest.fixture
def server() -> Iterator[TransitServer]:
    """A server with one key."""
    with transit_server() as running:
        yield running


def holder(server: TransitServer, **given: Any) -> Transit:
    options: dict[str, Any] = {"token": "an-invented-token", **given}
    return Transit(server.url, key="homeward", **options)


async def test_a_key_is_wrapped_by_the_server_and_bound_to_its_case(server: TransitServer) -> None:
    """The key-encryption key never leaves the server; for another case it does not unwrap."""
    transit = holder(server)
    wrapped = await transit.wrap(KEY, case=CASE)

    assert ("transit/homeward:v1", b"vault:v1:") == (wrapped.by, wrapped.blob[:9])
    assert KEY == await transit.unwrap(wrapped, case=CASE)
    for case, blob in ((OTHER, wrapped.blob), (CASE, b"vault:v1:AAAA"), (CASE, b"nothing"), (CASE, b"")):
        with pytest.raises(CannotOpen, match=case):
            await transit.unwrap(Wrapped(wrapped.by, blob), case=case)


async def test_a_role_signs_in_by_itself_and_anew_when_its_token_is_over(server: TransitServer) -> None:
    """AppRole: a worker runs for months, a token for an hour."""
    transit = holder(server, token=None, role_id="an-invented-role", secret_id="an-invented-secret")
    wrapped = await transit.wrap(KEY, case=CASE)
    server.tokens.clear()

    assert KEY == await transit.unwrap(wrapped, case=CASE)
    assert 2 == server.asked.count("/v1/auth/approle/login")


async def test_what_the_server_does_not_permit_is_told_in_a_sentence(server: TransitServer) -> None:
    """Without the token, the address, or the server's own words."""
    for given, fault, words in (
        ({"token": "wrong"}, KeysUnusable, "does not permit"),
        ({"token": None, "role_id": "an-invented-role", "secret_id": "wrong"}, KeysUnusable, "does not know this role"),
    ):
        with pytest.raises(fault, match=words) as told:
            await holder(server, **given).newest()
        assert "wrong" not in str(told.value) and server.url not in str(told.value)
    with pytest.raises(KeysUnusable, match="has no key transit/nowhere"):
        await Transit(server.url, key="nowhere", token="an-invented-token").newest()


async def test_a_server_that_is_away_or_sealed_may_come_back(server: TransitServer) -> None:
    """Both are told as such; nothing is made up meanwhile."""
    server.sealed = True
    with pytest.raises(KeysUnreachable, match="gives no answer"):
        await holder(server).newest()
    server.sealed = False
    assert "transit/homeward:v1" == await holder(server).newest()
    away = Transit(f"http://127.0.0.1:{free_port()}", key="homeward", token="an-invented-token")
    with pytest.raises(KeysUnreachable, match="gives no answer"):
        await away.newest()


async def test_keys_of_cases_are_wrapped_anew_by_a_new_version(tmp_path: Path, server: TransitServer) -> None:
    """The key store works with it as with a file: rotate, forget, and a backup from before opens no more."""
    ring = Keyring(store_at(tmp_path), holder(server))
    await ring.open(make=True)
    keys = {case: await ring.key(case) for case in (CASE, OTHER, HOUSE)}
    before = await holder(server).wrap(KEY, case=CASE)
    assert ("transit/homeward:v2", 3) == await ring.rotate()
    assert ["transit/homeward:v1", "transit/homeward:v2"] == (await ring.status()).held
    assert KEY == await holder(server).unwrap(before, case=CASE)

    assert ["transit/homeward:v1"] == await ring.forget_old()
    assert [2] == list(server.versions)
    again = Keyring(store_at(tmp_path), holder(server))
    await again.open(make=False)
    assert keys == {case: await again.known_key(case) for case in keys}
    with pytest.raises(CannotOpen, match="forgotten"):
        await holder(server).unwrap(before, case=CASE)
    assert [] == await ring.forget_old()


async def test_a_server_whose_certificate_nobody_vouches_for_is_not_spoken_to(tmp_path: Path) -> None:
    """The certificate is verified: a server in between gets no token."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "own.pem").write_bytes(pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "own.pem")
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                try:
                    with context.wrap_socket(connection, server_side=True) as secure:
                        heard.append(secure.recv(65536))
                except (ssl.SSLError, OSError):
                    return

        serving = threading.Thread(target=serve)
        serving.start()
        transit = Transit(f"https://127.0.0.1:{listening.getsockname()[1]}", key="homeward", token="an-invented-token")
        with pytest.raises(KeysUnreachable):
            await transit.newest()
        serving.join(10)
    assert b"" == b"".join(heard)
