"""`compose/certificates.sh`: an authority, a certificate for each part, and how they are replaced."""

import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compose.parts import PARTS, Certificates, certificates


@pytest.fixture
def made() -> Iterator[Certificates]:
    """Certificates after a first run."""
    with certificates() as made:
        yield made


def bytes_of(made: Certificates) -> dict[str, bytes]:
    return {part: (made.of(part) / "certificate.pem").read_bytes() for part in PARTS}


def trusted(certificate: Path, trust: Path, purpose: str) -> bool:
    """Whether OpenSSL takes a certificate for that purpose, strictly."""
    asked = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-purpose", purpose, "-CAfile", trust, certificate],
        capture_output=True,
        check=False,
    )
    return asked.returncode == 0


def test_each_part_has_a_certificate_for_what_it_does(made: Certificates) -> None:
    """Who only asks cannot serve, and who only serves cannot ask."""
    can = {
        part: tuple(
            trusted(made.of(part) / "certificate.pem", made.trust, f"ssl{side}") for side in ("server", "client")
        )
        for part in PARTS
    }
    asks, serves, both = (False, True), (True, False), (True, True)
    assert can == {
        "postgresql": serves,
        "temporal": both,
        "desk": both,
        "operator": asks,
        "worker": asks,
        "temporal-ui": asks,
    }


def test_keys_are_for_those_who_need_them(made: Certificates) -> None:
    """No key but that of the engine's pages, which have a folder of their own, can be read by others."""
    modes = {part: stat.S_IMODE((made.of(part) / "key.pem").stat().st_mode) for part in PARTS}
    assert {part for part, mode in modes.items() if mode & 0o077} == {"temporal-ui"}
    assert not any(stat.S_IMODE(path.stat().st_mode) & 0o077 for path in made.authority.iterdir())
    assert "PRIVATE" not in made.trust.read_text()


def test_a_second_run_changes_nothing(made: Certificates) -> None:
    """What is good stays, so that nothing has to be started anew."""
    before = bytes_of(made), made.trust.read_bytes()
    assert made.made().returncode == 0
    assert before == (bytes_of(made), made.trust.read_bytes())


def test_what_ends_soon_is_made_anew_in_time(made: Certificates) -> None:
    """A certificate that has less than that many days left is replaced; its authority stays."""
    before, trust = bytes_of(made), made.trust.read_bytes()
    assert made.made(RENEW_DAYS="398").returncode == 0
    after = bytes_of(made)
    assert {part for part in PARTS if before[part] != after[part]} == set(PARTS)
    assert trust == made.trust.read_bytes()


def test_a_key_that_does_not_fit_is_made_anew(made: Certificates) -> None:
    """A run that was cut off between the two files leaves no part that cannot start."""
    before = bytes_of(made)
    (made.of("worker") / "key.pem").write_bytes((made.of("desk") / "key.pem").read_bytes())
    assert made.made().returncode == 0
    after = bytes_of(made)
    assert {part for part in PARTS if before[part] != after[part]} == {"worker"}


def test_an_authority_is_replaced_in_two_steps(made: Certificates) -> None:
    """First both are trusted, so that parts can be started one after the other; then the old one no more."""
    old, first = bytes_of(made)["worker"], made.home / "old.pem"
    first.write_bytes(old)
    assert made.made("new-authority").returncode == 0
    new = made.of("worker") / "certificate.pem"
    assert new.read_bytes() != old
    assert trusted(first, made.trust, "sslclient") and trusted(new, made.trust, "sslclient")

    assert made.made("forget-previous").returncode == 0
    assert not trusted(first, made.trust, "sslclient") and trusted(new, made.trust, "sslclient")


def test_an_authority_that_ends_before_what_it_would_sign_is_replaced(made: Certificates) -> None:
    """By itself, and the old one is still trusted then."""
    before = made.trust.read_bytes()
    assert made.made(LEAF_DAYS="4000").returncode == 0
    assert before in made.trust.read_bytes() and before != made.trust.read_bytes()


def test_a_wrong_word_changes_nothing(made: Certificates) -> None:
    """Exit 2, and what there is to say."""
    before = bytes_of(made)
    done = made.made("new")
    assert done.returncode == 2 and "new-authority" in done.stderr
    assert before == bytes_of(made)
