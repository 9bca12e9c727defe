"""Signatures of acts, spoiled in many ways. Whoever forges one has a key of their own, or has seen a good one."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import OKPKey

from hostile.values import damaged, documents, hostile_text, hostile_value, spoil, written
from procedure.acts import as_signed, parse_act
from procedure.faults import MalformedAct
from sealing.signatures import KeyStatement, Owner, SigningKey, sign

OWNER: Final = Owner(office="This installation")


def _invented(kid: str, seed: bytes) -> SigningKey:
    private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed).digest())
    parts = {"d": private.private_bytes_raw(), "x": private.public_key().public_bytes_raw()}
    jwk = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", **{name: _coded(raw) for name, raw in parts.items()}})
    return SigningKey(kid, OWNER, jwk)


def _coded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


KEY: Final = _invented("key-invented", b"invented")
STATEMENT: Final = KeyStatement.model_validate(
    {
        **KEY.jwk.as_dict(private=False),
        "kid": KEY.kid,
        "owner": OWNER,
        "roles": ["*"],
        "states": ["*"],
        "valid_from": "2020-01-01T00:00:00Z",
    }
)
"""What is published of :data:`KEY`."""
_FORGER: Final = _invented("key-forged", b"forged")
_ALGORITHMS: Final = ("none", "HS256", "EdDSA", "Ed25519", "ES256", "", "ed25519")


def signed(said: Mapping[str, Any], key: SigningKey, *, reference: str, at: datetime) -> dict[str, Any]:
    """An act with a good signature; as it is where it is no act."""
    try:
        return {**said, "signature": sign(as_signed(parse_act(dict(said))), key=key, reference=reference, at=at)}
    except MalformedAct:
        return dict(said)


def with_signature(
    said: Mapping[str, Any], chance: Random, key: SigningKey, *, reference: str, at: datetime
) -> dict[str, Any]:
    """An act with a signature: a good one now and then, else one that is spoiled, or made for something else."""
    way = chance.random()
    if way < 0.15:
        return signed(said, key, reference=reference, at=at)
    if way < 0.25:
        other = {**said, "act_id": f"other-{chance.random()}"}
        return {**said, "signature": signed(other, key, reference=reference, at=at).get("signature")}
    if way < 0.32:
        return signed(said, key, reference="MD-UA-2026-7K3F9A", at=at)
    if way < 0.42:
        away = timedelta(seconds=chance.choice((-86_400, -700, -61, 61, 3_600, 400_000_000)))
        return signed(said, key, reference=reference, at=at + away)
    if way < 0.50:
        # Under the name of the key that is known, by one that nobody knows; and under a name that nobody knows.
        forged = replace(_FORGER, kid=chance.choice((key.kid, _FORGER.kid)), owner=key.owner)
        return signed(said, forged, reference=reference, at=at)
    given = signed(said, key, reference=reference, at=at)
    if "signature" in given:
        given["signature"] = _spoiled(given["signature"], chance)
    return given


def _spoiled(signature: str, chance: Random) -> Any:
    header, claims, proof = signature.split(".")
    way = chance.random()
    if way < 0.2:
        return f"{_part(_said(header), chance)}.{claims}.{proof}"
    if way < 0.4:
        return f"{header}.{_part(_said(claims), chance)}.{proof}"
    if way < 0.5:
        return f"{_coded(json.dumps({**_said(header), 'alg': chance.choice(_ALGORITHMS)}).encode())}.{claims}."
    if way < 0.6:
        return chance.choice(
            (f"{header}.{claims}", f"{header}..{proof}", "..", f"{signature}.{proof}", f" {signature}")
        )
    if way < 0.8:
        return damaged(signature.encode(), chance).decode("utf-8", "replace")
    return hostile_value(chance) if way < 0.9 else hostile_text(chance)


def _said(part: str) -> dict[str, Any]:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def _part(said: dict[str, Any], chance: Random) -> str:
    if chance.random() < 0.5:
        return _coded(documents(said, chance, [said]))
    spoil(said, chance, [said])
    return _coded(written(said).encode("utf-8", "surrogatepass"))
