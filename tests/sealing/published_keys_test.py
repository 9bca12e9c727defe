"""Published keys are read anew when they change, say what is wrong with them, and never hold a private part."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sealing.published_keys import (
    ACCEPTED,
    KeysUnusable,
    PublishedKeys,
    accept,
    as_json,
    publish,
    revoked,
    statements,
)
from sealing.signatures import Owner
from sealing.signing_keys import OWN, SigningKeyFile, SigningKeyUnusable
from tests.sealing.authorities import Authority

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_no_file_means_no_keys(tmp_path: Path) -> None:
    """An installation without published keys starts; it accepts no signature."""
    assert PublishedKeys(tmp_path / "none").all() == {}


def test_a_folder_has_a_file_for_each_authority_and_is_read_anew(tmp_path: Path) -> None:
    """Another ministry's file that is put there counts from then on, and one that is taken away counts no more."""
    here, there = Authority(tmp_path / "here"), Authority(tmp_path / "there")
    assert set(here.published.all()) == {here.statement.kid}
    added = here.published.path / "ua.json"
    added.write_bytes((there.published.path / OWN).read_bytes())
    assert set(here.published.all()) == {here.statement.kid, there.statement.kid}
    added.unlink()
    assert set(here.published.all()) == {here.statement.kid}


def test_one_file_does_as_well(tmp_path: Path) -> None:
    """HOMEWARD_PUBLISHED_KEYS may name a file."""
    authority = Authority(tmp_path)
    assert PublishedKeys(authority.published.path / OWN).all() == authority.published.all()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"d": "A" * 43}, "private part"),
        ({"x": "short"}, "at x"),
        ({"roles": []}, "at roles"),
        ({"states": []}, "at states"),
        ({"valid_from": "yesterday"}, "at valid_from"),
        ({"crv": "Ed448"}, "at crv"),
    ],
    ids=str,
)
def test_a_statement_that_is_wrong_is_named(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    """By its name and its field; a key that was published with its private part is spoilt."""
    told = as_json(Authority(tmp_path).statement) | changes
    with pytest.raises(KeysUnusable, match=words):
        statements([json.dumps({"keys": [told]})])


def of_another(folder: Path, here: Authority, **may: Any) -> tuple[Authority, Path]:
    """Another authority's file of keys among the published ones of ``here``."""
    there = Authority(folder / "there", **may)
    added = here.published.path / "there.json"
    added.write_bytes((there.published.path / OWN).read_bytes())
    return there, added


def states_of(published: PublishedKeys, kid: str) -> tuple[str, ...]:
    keys, faults = published.counting()
    assert faults == []
    return keys[kid].states


@pytest.mark.parametrize("says", [("*",), ("MD", "UA"), ("MD",), ("UA",)], ids=str)
def test_anothers_key_signs_for_nobody_until_it_is_accepted(tmp_path: Path, says: tuple[str, ...]) -> None:
    """Whatever its file says: an NGO in Kyiv can write Moldova for its state."""
    here = Authority(tmp_path / "here")
    there, _ = of_another(tmp_path, here, states=says)
    key = here.published.counting()[0][there.statement.kid]
    assert (key.states, key.may_sign_for("caseworker", "MD"), key.may_sign_for("caseworker", "UA")) == (
        (),
        False,
        False,
    )
    assert here.published.all()[there.statement.kid].states == says
    assert states_of(here.published, here.statement.kid) == ("*",)


@pytest.mark.parametrize(
    ("says", "accepted", "counts"),
    [
        (("*",), ("monitor",), ("monitor",)),
        (("monitor", "caseworker"), ("monitor",), ("monitor",)),
        (("monitor", "caseworker"), ("*",), ("monitor", "caseworker")),
    ],
    ids=str,
)
def test_a_key_is_accepted_for_the_roles_that_were_named(
    tmp_path: Path, says: tuple[str, ...], accepted: tuple[str, ...], counts: tuple[str, ...]
) -> None:
    """Of those that it says itself."""
    here = Authority(tmp_path / "here")
    there, _ = of_another(tmp_path, here, roles=says)
    accept(here.published, there.statement, ["UA"], accepted)
    key = here.published.counting()[0][there.statement.kid]
    assert (key.roles, key.states) == (counts, ("UA",))
    assert not key.may_sign_for("central_authority", "UA") or "*" in accepted


def test_a_role_that_the_key_does_not_say_leaves_it_for_nobody(tmp_path: Path) -> None:
    """A line of the file that was written by hand; the key goes on to say its roles."""
    here = Authority(tmp_path / "here")
    there, _ = of_another(tmp_path, here, roles=("monitor",))
    accept(here.published, there.statement, ["UA"], ["court"])
    assert states_of(here.published, there.statement.kid) == ()


def test_a_key_of_no_state_counts_where_it_was_made_and_nowhere_else(tmp_path: Path) -> None:
    """The key of a demonstration among an authority's published keys signs for nobody."""
    here = Authority(tmp_path / "here")
    made = SigningKeyFile(tmp_path / "demo" / "signing.key")
    demo = PublishedKeys(tmp_path / "demo" / "published-keys")
    kid = made.make(demo, owner=Owner(office="This installation"), at=NOW).kid
    assert states_of(demo, kid) == ("*",)
    (here.published.path / "demo.json").write_bytes((demo.path / OWN).read_bytes())
    assert states_of(here.published, kid) == ()


def test_what_was_accepted_of_a_key_counts_for_that_key_alone(tmp_path: Path) -> None:
    """At once for whoever reads already; not for another key that is published under its name."""
    here = Authority(tmp_path / "here")
    there, added = of_another(tmp_path, here)
    kid, reading = there.statement.kid, PublishedKeys(here.published.path)
    assert states_of(reading, kid) == ()
    accept(here.published, there.statement, ["UA", "MD"])
    assert states_of(reading, kid) == states_of(here.published, kid) == ("MD", "UA")
    assert states_of(reading, here.statement.kid) == ("*",)
    other = as_json(Authority(tmp_path / "third").statement) | {"kid": kid}
    added.write_text(json.dumps({"keys": [other]}))
    assert states_of(reading, kid) == ()
    added.write_bytes((there.published.path / OWN).read_bytes())
    accept(here.published, there.statement, ["MD"])
    assert states_of(reading, kid) == ("MD",)


@pytest.mark.parametrize(
    ("bad", "words"), [("[", "is not TOML"), ('["k"]\nstates = ["md"]', "at k.fingerprint, k.states")]
)
def test_what_was_accepted_counts_on_while_its_file_is_broken(tmp_path: Path, bad: str, words: str) -> None:
    """And it is told; whoever reads it first has nothing accepted, and nobody writes over it."""
    authority = Authority(tmp_path)
    reading, kid = PublishedKeys(authority.published.path), authority.statement.kid
    assert states_of(reading, kid) == ("*",)
    (authority.published.path / ACCEPTED).write_text(bad)
    keys, faults = reading.counting()
    assert keys[kid].states == ("*",)
    assert len(faults) == 1 and words in faults[0]
    assert PublishedKeys(authority.published.path).counting()[0][kid].states == ("MD",)
    with pytest.raises(KeysUnusable, match=words):
        accept(authority.published, authority.statement, ["UA"])


@pytest.mark.parametrize("text", ["", "[]", '{"keys": {}}', '{"keys": [1]}', "{" * 50])
def test_a_file_that_is_no_key_set_is_told(text: str) -> None:
    """Half a file, or another one."""
    with pytest.raises(KeysUnusable):
        statements([text])


def test_a_key_that_stands_twice_and_differently_is_told(tmp_path: Path) -> None:
    """Two files must not disagree about whether a key was revoked."""
    told = as_json(Authority(tmp_path).statement)
    same = json.dumps({"keys": [told]})
    assert len(statements([same, same])) == 1
    with pytest.raises(KeysUnusable, match="twice"):
        statements([same, json.dumps({"keys": [told | {"revoked_at": "2026-01-01T00:00:00Z"}]})])


@pytest.mark.parametrize("bad", ["", '{"keys": [{"kid": "k"}]}', "twice"])
def test_one_bad_file_holds_no_revocation_up(tmp_path: Path, bad: str) -> None:
    """Broken, or with another's key in it: the others are read on, whoever reads anew or for the first time."""
    here, there = Authority(tmp_path / "here"), Authority(tmp_path / "there")
    folder, reading = here.published.path, PublishedKeys(here.published.path)
    theirs = as_json(there.statement)
    reading.good()
    added = folder / "ua.json"
    added.write_text(json.dumps({"keys": [theirs]}))
    assert ({here.statement.kid, there.statement.kid}, []) == (set(reading.good()[0]), reading.good()[1])

    clash = as_json(here.statement) | {"owner": {"office": "Another"}}
    added.write_text(bad if bad != "twice" else json.dumps({"keys": [theirs, clash]}))
    publish(folder / OWN, revoked(here.statement, at=NOW, because="invented"))
    for each in (reading, PublishedKeys(folder)):
        keys, faults = each.good()
        assert (NOW, here.statement.owner) == (keys[here.statement.kid].revoked_at, keys[here.statement.kid].owner)
        assert [True] == [str(added) in fault for fault in faults]
        assert faults == each.good()[1]
        with pytest.raises(KeysUnusable, match=r"ua\.json"):
            each.all()
    assert there.statement == reading.good()[0][there.statement.kid]

    added.write_text(json.dumps({"keys": [theirs]}))
    assert ({here.statement.kid, there.statement.kid}, []) == (set(reading.good()[0]), reading.good()[1])


def test_the_file_that_had_a_key_first_keeps_it(tmp_path: Path) -> None:
    """Whatever the names of the files; until that file says nothing of it any more."""
    here = Authority(tmp_path)
    (here.published.path / OWN).rename(here.published.path / "md.json")
    reading = PublishedKeys(here.published.path)
    mine = reading.good()[0]
    intruder = here.published.path / "aaa.json"
    intruder.write_text(json.dumps({"keys": [as_json(here.statement) | {"owner": {"office": "Another"}}]}))
    keys, faults = reading.good()
    assert (mine, 1) == (keys, len(faults))
    assert here.published.path / "md.json" == reading.file_of(here.statement.kid)
    (here.published.path / "md.json").unlink()
    keys, faults = reading.good()
    assert ("Another", []) == (keys[here.statement.kid].owner.office, faults)


@pytest.mark.parametrize("read_before", [True, False])
@pytest.mark.parametrize("name", ["aaa.json", "zzz.json"])
def test_the_installations_own_file_is_believed_before_all_others(tmp_path: Path, name: str, read_before: bool) -> None:
    """Another authority's file neither takes its key over nor revokes it, whichever was there first."""
    here, there = Authority(tmp_path / "here"), Authority(tmp_path / "there")
    folder, kid = here.published.path, here.statement.kid
    aside = tmp_path / "aside.json"
    (folder / OWN).rename(aside)
    for clash in (as_json(there.statement) | {"kid": kid}, revoked(here.statement, at=NOW, because="invented")):
        (folder / name).write_text(json.dumps({"keys": [clash]}))
        reading = PublishedKeys(folder)
        if read_before:
            reading.good()
        (folder / OWN).write_bytes(aside.read_bytes())
        keys, faults = reading.counting()
        assert (keys[kid].x, keys[kid].revoked_at, keys[kid].states) == (here.statement.x, None, ("*",))
        assert len(faults) == 1 and name in faults[0]
        (folder / OWN).unlink()


@pytest.mark.parametrize("name", ["aaa.json", "zzz.json"])
@pytest.mark.parametrize("takes", ["another key", "a revocation"])
def test_an_accepted_key_counts_from_the_file_from_which_it_was_accepted(tmp_path: Path, name: str, takes: str) -> None:
    """A third authority's file with its name, or with the very key in it, changes nothing; its own file does."""
    here, third = Authority(tmp_path / "here"), Authority(tmp_path / "third")
    there, added = of_another(tmp_path, here)
    folder, kid = here.published.path, there.statement.kid
    accept(here.published, there.statement, ["UA"])
    clash = as_json(third.statement) | {"kid": kid}
    if takes == "a revocation":
        clash = revoked(there.statement, at=NOW, because="invented")
    (folder / name).write_text(json.dumps({"keys": [clash]}))
    for reading in (here.published, PublishedKeys(folder)):
        keys, faults = reading.counting()
        assert (keys[kid].x, keys[kid].revoked_at, keys[kid].states) == (there.statement.x, None, ("UA",))
        assert len(faults) == 1 and name in faults[0]
    publish(added, revoked(there.statement, at=NOW, because="invented"))
    assert PublishedKeys(folder).counting()[0][kid].revoked_at == NOW


def test_publishing_again_replaces_a_statement(tmp_path: Path) -> None:
    """A revocation is a new statement of the same key; other keys stay."""
    authority = Authority(tmp_path)
    authority.rotate(NOW)
    first, second = authority.published.all().values()
    authority.revoke(second.kid, NOW)
    told = authority.published.all()
    assert told[second.kid].revoked_at == NOW
    assert told[first.kid].revoked_at is None
    publish(authority.published.path / OWN, as_json(second))
    assert authority.published.all()[second.kid].revoked_at is None


def test_the_private_key_is_its_owners_alone(tmp_path: Path) -> None:
    """Made for its owner's eyes, and not used when others could have read it."""
    authority = Authority(tmp_path)
    assert authority.file.path.stat().st_mode & 0o777 == 0o600
    authority.file.path.chmod(0o640)
    with pytest.raises(SigningKeyUnusable, match="can be read by others"):
        SigningKeyFile(authority.file.path).read()


def test_what_cannot_be_used_is_told_without_the_key(tmp_path: Path) -> None:
    """An error may end in a log: it repeats nothing of the file."""
    authority = Authority(tmp_path)
    private = json.loads(authority.file.path.read_text())["d"]
    assert private not in repr(authority.key)
    authority.file.path.write_text(json.dumps({"d": private, "kty": "OKP"}))
    with pytest.raises(SigningKeyUnusable) as fault:
        SigningKeyFile(authority.file.path).read()
    assert private not in str(fault.value)
    assert fault.value.__cause__ is None


def test_what_is_published_holds_no_private_part(tmp_path: Path) -> None:
    """The folder is for everybody's eyes."""
    authority = Authority(tmp_path)
    private = json.loads(authority.file.path.read_text())["d"]
    assert private not in (authority.published.path / OWN).read_text()


def test_a_replaced_key_is_taken_up_without_a_restart(tmp_path: Path) -> None:
    """The desk that signs and the worker that checks both go on."""
    authority = Authority(tmp_path)
    reading, published = SigningKeyFile(authority.file.path), PublishedKeys(authority.published.path)
    old = reading.read().kid
    assert old in published.all()
    new = authority.rotate(NOW)
    os.utime(authority.file.path)
    assert reading.read().kid == new.kid
    assert {old, new.kid} == set(published.all())
