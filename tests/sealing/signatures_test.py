"""A signature stands for one act of one person in one case, for a few minutes, by a key that may; each fault is named."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jws import JWSRegistry
from joserfc.registry import JWS_HEADER_REGISTRY

from procedure.acts import as_signed, parse_act
from procedure.signing import SIGNATURE_FAULTS, UNSIGNED, Standing
from sealing.signatures import ALGORITHM, LONGEST, TYPE, SigningKey, check, fingerprint, kid_of, made_at
from tests.sealing.authorities import LONG_AGO, MINUTE, Authority

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
REFERENCE, OTHER = "MD-UA-2026-7K3F9A", "MD-UA-2026-7K3F9B"
HEAD = "a" * 64
APPROVAL: dict[str, Any] = {
    "act": "approve_return",
    "act_id": "approval-1",
    "actor": {"id": "ca-1", "role": "central_authority", "state": "MD", "office": "Invented Office"},
    "reason": "an invented reason",
    "dossier": HEAD,
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def signature(authority: Authority) -> str:
    return authority.sign(APPROVAL, reference=REFERENCE, at=NOW)


def found(authority: Authority, signature: str | None, **changed: Any) -> Standing:
    """What is found of the approval's signature, with some of what is asked changed."""
    statement = changed.pop("statement", authority.published.all().get(kid_of(signature) or ""))
    at, reference = changed.pop("at", NOW), changed.pop("reference", REFERENCE)
    return check({**APPROVAL, **changed}, signature, statement, reference=reference, at=at)


def forged_with(authority: Authority, **claims: Any) -> str:
    """A signature by the authority's true key whose claims are somebody's own; None takes a claim out."""
    from joserfc import jws

    good = authority.sign(APPROVAL, reference=REFERENCE, at=NOW)
    told = {**json.loads(_decoded(good.split(".")[1])), **claims}
    told = {name: value for name, value in told.items() if value is not None}
    header = {"alg": ALGORITHM, "kid": authority.key.kid, "typ": TYPE}
    return jws.serialize_compact(header, json.dumps(told).encode(), authority.key.jwk, algorithms=[ALGORITHM])


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_good_signature_stands_and_names_its_key(authority: Authority, signature: str) -> None:
    """It says which key signed, by name and by fingerprint, and nothing about a person."""
    standing = found(authority, signature)
    assert standing == Standing(kid=authority.statement.kid, key=authority.statement.fingerprint)
    assert standing.facts() == {"signature": {"kid": standing.kid, "key": standing.key}}


def test_an_act_without_a_signature_is_told_so(authority: Authority) -> None:
    """No signature at all is a fault of its own."""
    assert found(authority, None) is UNSIGNED


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"reference": OTHER}, "other_case"),
        ({"reason": "another reason"}, "other_act"),
        ({"act_id": "approval-2"}, "other_act"),
        ({"dossier": "b" * 64}, "other_act"),
        ({"actor": {**APPROVAL["actor"], "id": "ca-2"}}, "other_act"),
        ({"at": NOW - 2 * MINUTE}, "not_yet_valid"),
        ({"at": NOW + 12 * MINUTE}, "expired"),
        ({"statement": None}, "unknown_key"),
    ],
    ids=lambda given: str(given)[:40],
)
def test_what_the_signature_was_not_made_for_is_refused(
    authority: Authority, signature: str, changed: dict[str, Any], fault: str
) -> None:
    """Another case, another act, the same signature for a second act, too early, too late, a key nobody published."""
    assert found(authority, signature, **changed).fault == fault


@pytest.mark.parametrize(
    ("claims", "fault"),
    [
        ({"sub": "somebody-else"}, "other_person"),
        ({"role": "caseworker"}, "other_person"),
        ({"state": "UA"}, "other_person"),
        ({"office": None}, "other_person"),
        ({"head": "b" * 64}, "other_head"),
        ({"head": None}, "other_head"),
        ({"iss": "Another Office, MD"}, "key_may_not"),
        ({"exp": int((NOW + LONGEST + MINUTE).timestamp())}, "unreadable"),
        ({"exp": "tomorrow"}, "unreadable"),
        ({"iat": None}, "unreadable"),
    ],
    ids=str,
)
def test_claims_that_are_not_the_acts_are_refused(authority: Authority, claims: dict[str, Any], fault: str) -> None:
    """A program that signs with the true key and claims another person, another head, or a life without end."""
    assert found(authority, forged_with(authority, **claims)).fault == fault


def test_a_changed_signature_is_refused(authority: Authority, signature: str) -> None:
    """One letter of the signature, or of what it says, is enough."""
    header, claims, mark = signature.split(".")
    told = json.loads(_decoded(claims)) | {"sub": "somebody-else"}
    other = "A" if mark[0] != "A" else "B"
    assert found(authority, f"{header}.{claims}.{other}{mark[1:]}").fault == "forged"
    assert found(authority, f"{header}.{_encoded(told)}.{mark}").fault == "forged"


def test_a_signature_by_another_key_under_this_ones_name_is_refused(authority: Authority, tmp_path: Path) -> None:
    """Whoever makes a key of their own and names it after a published one gets nowhere."""
    stranger = Authority(tmp_path).key
    named = SigningKey(authority.key.kid, authority.key.owner, stranger.jwk)
    from sealing.signatures import sign

    assert found(authority, sign(APPROVAL, key=named, reference=REFERENCE, at=NOW)).fault == "forged"


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "kid": "KID", "typ": TYPE},
        {"alg": "HS256", "kid": "KID", "typ": TYPE},
        {"alg": ALGORITHM, "kid": "KID"},
        {"alg": ALGORITHM, "kid": "KID", "typ": "JWT"},
        {"alg": ALGORITHM, "typ": TYPE},
        {"alg": ALGORITHM, "kid": ["KID"], "typ": TYPE},
        {"alg": ALGORITHM, "kid": "x" * 65, "typ": TYPE},
        ["no object"],
    ],
    ids=str,
)
def test_a_header_of_another_kind_is_not_read(authority: Authority, signature: str, header: Any) -> None:
    """No other algorithm, no token that was made for something else, no key without a name."""
    told = json.loads(json.dumps(header).replace("KID", authority.key.kid))
    _, claims, mark = signature.split(".")
    assert found(authority, f"{_encoded(told)}.{claims}.{mark}").fault == "unreadable"


def test_what_is_read_does_not_follow_the_library(
    authority: Authority, signature: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version with other limits, headers or algorithms: what was read is read, what was not is not."""
    _, claims, mark = signature.split(".")
    long = {"alg": ALGORITHM, "kid": authority.key.kid, "typ": TYPE, "cty": "x" * 400}
    more = {"alg": ALGORITHM, "kid": authority.key.kid, "typ": TYPE, "new": "x"}
    given = [signature, *(f"{_encoded(each)}.{claims}.{mark}" for each in (long, more))]
    faults = [found(authority, each).fault for each in given]
    assert faults == [None, "unreadable", "forged"]
    for header, payload, size in ((8, 8, 8), (10_000, 10_000, 10_000)):
        monkeypatch.setattr(JWSRegistry, "max_header_length", header)
        monkeypatch.setattr(JWSRegistry, "max_payload_length", payload)
        monkeypatch.setattr(JWSRegistry, "max_signature_length", size)
        monkeypatch.setattr(JWSRegistry, "default_header_registry", {"new": JWS_HEADER_REGISTRY["alg"]})
        monkeypatch.setattr(JWSRegistry, "algorithms", {})
        assert [found(authority, each).fault for each in given] == faults
        assert kid_of(signature) == authority.key.kid and made_at(signature) == NOW


@given(st.text(max_size=200))
def test_any_text_at_all_is_answered(text: str) -> None:
    """Whatever stands in the field: a fault that is known, never an error."""
    standing = check(APPROVAL, text, None, reference=REFERENCE, at=NOW)
    assert standing.fault in ("unreadable", "unknown_key")


NO_HEADERS: list[Any] = [["alg"], "alg", 7, None, {"crit": 1}, {"crit": [[]]}]


@pytest.mark.parametrize("header", NO_HEADERS)
def test_a_header_that_is_no_object_or_demands_nonsense_stops_nothing(authority: Authority, header: Any) -> None:
    """What raised in here once failed the case's task, again and again, and no later act was heard."""
    right: dict[str, Any] = {"alg": ALGORITHM, "kid": authority.key.kid, "typ": TYPE}
    made: Any = {**right, **cast("dict[str, Any]", header)} if isinstance(header, dict) else header
    signature = f"{_encoded(made)}.{_encoded({})}.AA"
    assert found(authority, signature, statement=authority.published.all()[authority.key.kid]).fault is not None


@pytest.mark.parametrize("made", [10**400, -1, 2**60])
def test_a_moment_of_no_calendar_is_unreadable(authority: Authority, made: int) -> None:
    """By the true key as well."""
    assert found(authority, forged_with(authority, iat=made, exp=made + 1)).fault == "unreadable"


def test_a_key_counts_from_its_first_to_its_last_day(authority: Authority, signature: str) -> None:
    """Before, after, and after it was revoked it signs nothing."""
    key = authority.statement
    late = key.model_copy(update={"valid_from": NOW + MINUTE})
    over = key.model_copy(update={"valid_until": NOW})
    gone = key.model_copy(update={"revoked_at": NOW})
    kept = key.model_copy(update={"revoked_at": NOW + MINUTE, "valid_until": NOW + MINUTE})
    faults = [found(authority, signature, statement=each).fault for each in (late, over, gone, kept)]
    assert faults == ["key_not_valid", "key_not_valid", "revoked_key", None]


def test_a_key_signs_for_its_own_roles_and_states_only(authority: Authority, signature: str) -> None:
    """The key of one state's caseworkers approves nothing for the central authority, nor for the other state."""
    key = authority.statement
    for fields, fault in (
        ({"roles": ("central_authority",), "states": ("MD",)}, None),
        ({"roles": ("caseworker",), "states": ("MD",)}, "key_may_not"),
        ({"roles": ("central_authority",), "states": ("UA",)}, "key_may_not"),
    ):
        assert found(authority, signature, statement=key.model_copy(update=fields)).fault == fault


def test_a_statement_that_is_none_is_no_key(authority: Authority, signature: str) -> None:
    """What the record says was published is not believed blindly."""
    assert found(authority, signature, statement={"kid": authority.key.kid}).fault == "unknown_key"


def test_the_fingerprint_is_that_of_the_act_as_the_record_writes_it(authority: Authority) -> None:
    """The order of fields and the signature itself change nothing; a moment is written in one way."""
    said = {**APPROVAL, "act": "report_missing", "since": "2026-03-01 10:00:00Z"}
    del said["dossier"]
    given = parse_act({**dict(reversed(said.items())), "signature": "whatever"})
    assert as_signed(given)["since"] == "2026-03-01T10:00:00Z"
    assert fingerprint(as_signed(given)) == fingerprint({**said, "since": "2026-03-01T10:00:00Z"})


def test_every_fault_has_its_words(authority: Authority) -> None:
    """A caseworker is told what is wrong and what to do, whatever it is."""
    from sealing.signatures import _FAULTS  # pyright: ignore[reportPrivateUsage]

    assert {*_FAULTS, "missing"} == set(SIGNATURE_FAULTS)
    assert all(message.endswith(".") and instead.endswith(".") for message, instead in _FAULTS.values())


def test_rotation_leaves_old_signatures_good_and_ends_the_old_key(tmp_path: Path) -> None:
    """What was signed stands for good by the old key's statement; after a grace the old key signs nothing new."""
    authority = Authority(tmp_path)
    old, before = authority.key, authority.sign(APPROVAL, reference=REFERENCE, at=NOW)
    new = authority.rotate(NOW + MINUTE)
    keys = authority.published.all()
    assert {old.kid, new.kid} == set(keys)
    assert authority.key.kid == new.kid != old.kid
    assert check(APPROVAL, before, keys[old.kid], reference=REFERENCE, at=NOW).fault is None
    later = NOW + timedelta(hours=1)
    from sealing.signatures import sign

    late = sign(APPROVAL, key=old, reference=REFERENCE, at=later)
    assert check(APPROVAL, late, keys[old.kid], reference=REFERENCE, at=later).fault == "key_not_valid"
    fresh = authority.sign(APPROVAL, reference=REFERENCE, at=later)
    assert check(APPROVAL, fresh, keys[new.kid], reference=REFERENCE, at=later).fault is None


def test_a_stolen_key_cannot_write_itself_back_before_its_revocation(tmp_path: Path) -> None:
    """The moment that counts is when the act is heard, not the one that the signature claims."""
    authority = Authority(tmp_path)
    authority.revoke(authority.key.kid, NOW)
    backdated = authority.sign(APPROVAL, reference=REFERENCE, at=NOW - MINUTE)
    statement = authority.published.all()[authority.key.kid]
    assert check(APPROVAL, backdated, statement, reference=REFERENCE, at=NOW + MINUTE).fault == "revoked_key"
    assert check(APPROVAL, backdated, statement, reference=REFERENCE, at=NOW - MINUTE).fault is None
    assert statement.valid_from == LONG_AGO
