"""Who signs at the command line, and the commands around an authority's keys."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from activities.settings import Settings
from sealing.published_keys import ACCEPTED, PublishedKeys
from sealing.signatures import Owner
from sealing.signing_keys import OWN, SigningKeyFile
from starter.endings import CannotGoOn, Exit
from starter.main import app
from starter.signing import InstallationSigner, make, own_signer


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["keys", "signing", *arguments])


def told(*arguments: str) -> Any:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture
def made(tmp_path: Path) -> Mapping[str, Any]:
    """An authority's first key."""
    return told("make", "--office", "Invented Authority", "--state", "MD", "--role", "caseworker", *at(tmp_path))


def at(folder: Path) -> tuple[str, str]:
    return "--data", str(folder)


def test_an_installation_of_ones_own_makes_its_key_once(tmp_path: Path) -> None:
    """At its first start; the second start finds it, and it is published."""
    settings = Settings(data=tmp_path)
    own_signer(settings)
    kid = SigningKeyFile(settings.signing_key_file).read().kid
    own_signer(settings)
    assert SigningKeyFile(settings.signing_key_file).read().kid == kid
    assert set(PublishedKeys(settings.published_keys_path).all()) == {kid}


def test_a_key_that_is_not_published_is_told_at_start(tmp_path: Path) -> None:
    """Better than a house in which every act is refused."""
    settings = Settings(data=tmp_path)
    own_signer(settings)
    (settings.published_keys_path / OWN).unlink()
    with pytest.raises(CannotGoOn, match="not among the published keys"):
        own_signer(settings)


def test_no_key_for_every_state_is_published_outside_its_own_data_folder(tmp_path: Path) -> None:
    """Others take what lies in a shared folder. Nothing is made; an authority's own key is used from there."""
    settings = Settings(data=tmp_path / "data", published_keys=tmp_path / "shared")
    with pytest.raises(CannotGoOn, match="HOMEWARD_PUBLISHED_KEYS") as stopped:
        own_signer(settings)
    assert stopped.value.code == Exit.MALFORMED
    assert not settings.signing_key_file.exists() and not (tmp_path / "shared").exists()
    own_signer(Settings(data=tmp_path / "data", published_keys=tmp_path / "data" / "keys"))
    settings.signing_key_file.unlink()
    make(settings, owner=Owner(state="MD", office="Invented Authority"), roles=("*",), states=("MD",))
    own_signer(settings)


def test_a_key_of_before_counts_on_in_its_own_data_folder(tmp_path: Path) -> None:
    """An installation that made its key when nobody was asked for whom a key counts goes on."""
    settings = Settings(data=tmp_path)
    own_signer(settings)
    (settings.published_keys_path / ACCEPTED).unlink()
    own_signer(settings)
    (key,) = PublishedKeys(settings.published_keys_path).counting()[0].values()
    assert key.states == ("*",)


def test_whoever_runs_it_says_for_whom_anothers_key_signs(made: Mapping[str, Any], tmp_path: Path) -> None:
    """For nobody without a word; for no state and no role that the key does not name itself."""
    theirs = tmp_path / "theirs"
    key = told("make", "--office", "Another", "--state", "UA", "--for-state", "UA", "--for-state", "MD", *at(theirs))
    published = tmp_path / "published-keys"
    (published / "ua.json").write_bytes((theirs / "published-keys" / OWN).read_bytes())
    listed = {each["kid"]: each["counts_for"] for each in told("list", *at(tmp_path))}
    assert listed == {made["kid"]: ["MD"], key["kid"]: []}
    line = f"{key['kid']}  Another, UA; signs for * of UA, MD (here for nobody, until it is accepted)"
    assert line in run("list", *at(tmp_path)).stdout
    for arguments in (
        (key["kid"], "--for-state", "RO"),
        (key["kid"], "--for-state", "md"),
        ("no-key", "--for-state", "MD"),
        (key["kid"], "--for-state", "UA", "--role", "cleaner"),
        (made["kid"], "--for-state", "MD", "--role", "court"),
    ):
        refused = run("accept", *arguments, *at(tmp_path)).exception
        assert isinstance(refused, CannotGoOn) and refused.code == Exit.MALFORMED
    both = ("--for-state", "MD", "--for-state", "UA")
    assert told("accept", key["kid"], *both, *at(tmp_path))["states"] == ["UA", "MD"]
    assert told("accept", key["kid"], "--for-state", "UA", *at(tmp_path))["states"] == ["UA"]
    narrowed = run("accept", key["kid"], "--for-state", "UA", "--role", "monitor", *at(tmp_path)).stdout
    assert "signs for monitor of UA" in narrowed and key["fingerprint"] in narrowed
    (there,) = [each for each in told("list", *at(tmp_path)) if each["kid"] == key["kid"]]
    assert (there["roles"], there["counts_for_roles"], there["counts_for"]) == (["*"], ["monitor"], ["UA"])
    assert "(here for monitor of UA)" in run("list", *at(tmp_path)).stdout


def test_a_key_that_others_can_read_signs_nothing(tmp_path: Path) -> None:
    """Nothing is sent, and it is said why."""
    settings = Settings(data=tmp_path)
    own_signer(settings)
    settings.signing_key_file.chmod(0o644)
    signer = InstallationSigner(SigningKeyFile(settings.signing_key_file))
    with pytest.raises(CannotGoOn, match="chmod 600") as stopped:
        signer.sign({"act": "note", "actor": {}}, reference="MD-UA-2026-7K3F9A")
    assert stopped.value.code == Exit.NOT_PERMITTED


def test_an_authoritys_key_says_for_whom_it_signs(made: Mapping[str, Any], tmp_path: Path) -> None:
    """Its own state's people unless others are named, and the roles that were named; made once."""
    assert (made["owner"], made["roles"], made["states"]) == (
        {"office": "Invented Authority", "state": "MD"},
        ["caseworker"],
        ["MD"],
    )
    assert [key["kid"] for key in told("list", *at(tmp_path))] == [made["kid"]]
    again = run("make", "--office", "Invented Authority", "--state", "MD", *at(tmp_path))
    assert isinstance(again.exception, CannotGoOn)


def test_rotation_keeps_owner_and_old_key(made: Mapping[str, Any], tmp_path: Path) -> None:
    """The new key signs for the same people; the old one stays published, with an end."""
    new = told("rotate", *at(tmp_path))
    assert new["kid"] != made["kid"]
    assert [new[name] for name in ("owner", "roles", "states")] == [made[name] for name in ("owner", "roles", "states")]
    listed = {key["kid"]: key for key in told("list", *at(tmp_path))}
    assert "valid_until" in listed[made["kid"]]
    assert "valid_until" not in listed[new["kid"]]


def test_revocation_says_when_and_why(made: Mapping[str, Any], tmp_path: Path) -> None:
    """For whoever checks later; a moment without its zone is no moment."""
    revoked = told(
        "revoke", made["kid"], "--because", "an invented loss", "--at", "2026-03-01T10:00:00Z", *at(tmp_path)
    )
    assert (revoked["revoked_at"], revoked["revoked_because"]) == ("2026-03-01T10:00:00Z", "an invented loss")
    assert "an invented loss" in run("list", *at(tmp_path)).stdout
    for arguments in (("another", "--because", "x"), (made["kid"], "--because", "x", "--at", "2026-03-01")):
        assert isinstance(run("revoke", *arguments, *at(tmp_path)).exception, CannotGoOn)


def test_no_command_shows_the_private_part(made: Mapping[str, Any], tmp_path: Path) -> None:
    """Neither in words nor in JSON."""
    private = json.loads((tmp_path / "signing.key").read_text())["d"]
    shown = [run("list", *at(tmp_path)).output, run("rotate", *at(tmp_path)).output, json.dumps(dict(made))]
    assert not any(private in text for text in shown)
