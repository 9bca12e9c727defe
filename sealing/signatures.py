"""The signature of an act: who vouches for it, in which capacity, for which case, and for how long.

A compact JWS over Ed25519 (RFC 7515, RFC 9864) that travels in the act's ``signature``. It covers the act by the
SHA-256 of its canonical JSON (RFC 8785). Pure: no clock, no chance, no file; the same arguments give the same
answer in a workflow, in its replay years later, and on the machine of somebody who only has the record.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Final, Self, cast

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from joserfc.registry import HeaderParameter
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from procedure.canonical import canonical
from procedure.signing import UNSIGNED, SignatureFault, Standing

ALGORITHM: Final = "Ed25519"
TYPE: Final = "homeward-act+jws"
LIFETIME: Final = timedelta(minutes=10)
"""How long a signature of ours may wait for its act to be heard."""
LONGEST: Final = timedelta(minutes=15)
"""The longest lifetime that any signature may claim: who finds one later can do nothing with it."""
CLOCKS_DIFFER_BY: Final = timedelta(seconds=60)
"""So far the clock of whoever signs may be from the engine's."""
ANY: Final = "*"
"""In a key's roles or states: every one."""


class _Pinned(jws.JWSRegistry):
    """What can be read as a signature, whatever a later version of the library takes: its answers are in histories.

    One algorithm, and the names of headers, sizes in bytes and rules that the first signed act was read by.
    """

    default_header_registry = {
        name: HeaderParameter(name, kind, required=name == "alg")
        for kind, names in {
            "str": ("alg", "kid", "typ", "cty", "x5t", "x5t#S256"),
            "url": ("jku", "x5u"),
            "jwk": ("jwk",),
            "list[str]": ("x5c", "crit"),
            "bool": ("b64",),
        }.items()
        for name in names
    }
    algorithms = {ALGORITHM: jws.JWSRegistry.algorithms[ALGORITHM]}
    recommended = [ALGORITHM]
    max_header_length = 512
    max_payload_length = 128_000
    max_signature_length = 1_024


_REGISTRY: Final = _Pinned(algorithms=[ALGORITHM])


class Owner(BaseModel):
    """The authority whose key it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None
    """None: an installation that belongs to no state, as a demonstration on one machine."""
    office: Annotated[str, Field(min_length=1, max_length=200)]

    @property
    def name(self) -> str:
        """What stands in ``iss`` of what this owner's keys sign."""
        return f"{self.office}, {self.state}" if self.state else self.office


class KeyStatement(BaseModel):
    """What an authority publishes of one of its keys: a JWK (RFC 8037), and for whom and how long it may sign."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    kid: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    kty: Annotated[str, Field(pattern="^OKP$")]
    crv: Annotated[str, Field(pattern="^Ed25519$")]
    x: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
    """The public key, base64url."""
    owner: Owner
    roles: Annotated[tuple[str, ...], Field(min_length=1)]
    """Which roles it may sign for; ``*`` is every role."""
    states: tuple[str, ...]
    """For whom of which states; ``*`` is every state. None where an installation lets the key sign for nobody."""
    valid_from: AwareDatetime
    valid_until: AwareDatetime | None = None
    revoked_at: AwareDatetime | None = None
    revoked_because: Annotated[str, Field(max_length=1_000)] | None = None

    @property
    def fingerprint(self) -> str:
        """``sha256:`` and the digest of the public key's 32 bytes."""
        return f"sha256:{hashlib.sha256(base64.urlsafe_b64decode(self.x + '=')).hexdigest()}"

    def may_sign_for(self, role: str, state: str) -> bool:
        return (ANY in self.roles or role in self.roles) and (ANY in self.states or state in self.states)


@dataclass(frozen=True)
class SigningKey:
    """A private key. It is shown nowhere: not in an error, not in a log."""

    kid: str
    owner: Owner
    jwk: OKPKey

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Self:
        """Raises ValueError, without what was given, when it is no private Ed25519 key with its owner."""
        try:
            jwk = OKPKey.import_key({name: str(given[name]) for name in ("kty", "crv", "x", "d")})
            if jwk.curve_name != ALGORITHM:
                raise ValueError
            return cls(str(given["kid"]), Owner.model_validate(given["owner"]), jwk)
        except (KeyError, TypeError, ValueError, AttributeError, JoseError):
            raise ValueError("is no private signing key") from None

    def as_json(self) -> dict[str, Any]:
        return {**self.jwk.as_dict(private=True), "kid": self.kid, "owner": self.owner.model_dump(exclude_none=True)}

    def __repr__(self) -> str:
        return f"SigningKey({self.kid})"


def fingerprint(said: Mapping[str, Any]) -> str:
    """The SHA-256 of an act or an intake as JSON object, hexadecimal; a ``signature`` in it is left out."""
    return hashlib.sha256(canonical({name: said[name] for name in said if name != "signature"})).hexdigest()


def sign(
    said: Mapping[str, Any],
    *,
    key: SigningKey,
    reference: str,
    at: datetime,
    lifetime: timedelta = LIFETIME,
) -> str:
    """The signature of an act, or of an intake, for the case ``reference``; ``at`` is now, UTC.

    ``said`` is the JSON object as the record will keep it (:func:`procedure.acts.as_signed`). The head that an
    approver read is the act's own ``dossier``.
    """
    actor = _actor(said)
    claims: dict[str, Any] = {
        "iss": key.owner.name,
        "sub": actor["id"],
        "role": actor["role"],
        "state": actor["state"],
        **({"office": actor["office"]} if actor.get("office") is not None else {}),
        "iat": int(at.timestamp()),
        "exp": int((at + lifetime).timestamp()),
        "case": reference,
        "act": fingerprint(said),
        **({"act_id": said["act_id"]} if "act_id" in said else {}),
        **({"head": said["dossier"]} if said.get("dossier") is not None else {}),
    }
    header = {"alg": ALGORITHM, "kid": key.kid, "typ": TYPE}
    return jws.serialize_compact(header, canonical(claims), key.jwk, registry=_REGISTRY)


def kid_of(signature: str | None) -> str | None:
    """The name of the key that a signature says it was made with; None where it cannot be read."""
    if not signature:
        return None
    try:
        given: Any = jws.extract_compact(signature.encode(), None, _REGISTRY).headers()
    except Exception:  # noqa: BLE001 - whatever a stranger wrote names no key, and must never stop a case
        return None
    if not isinstance(given, dict):
        return None
    header = cast("dict[str, Any]", given)
    kid = header.get("kid")
    if (header.get("typ"), header.get("alg")) != (TYPE, ALGORITHM) or not isinstance(kid, str) or len(kid) > 64:
        return None
    return kid


def made_at(signature: str) -> datetime | None:
    """When a signature says that it was made; None where it does not. It is to be believed of one that stands only."""
    try:
        made: Any = json.loads(jws.extract_compact(signature.encode(), None, _REGISTRY).payload)["iat"]
        return datetime.fromtimestamp(made, UTC)
    except (JoseError, ValueError, TypeError, KeyError, OverflowError, OSError, RecursionError):
        return None


def check(
    said: Mapping[str, Any],
    signature: str | None,
    statement: Mapping[str, Any] | KeyStatement | None,
    *,
    reference: str,
    at: datetime,
) -> Standing:
    """What is to be thought of an act's signature at the moment ``at`` (UTC) at which the act is heard.

    ``said`` is the act or the intake without it, as the record keeps it; ``statement`` is what the authority
    published of the key that :func:`kid_of` names, ``None`` where it published none.
    """
    if signature is None:
        return UNSIGNED
    kid = kid_of(signature)
    if kid is None:
        return _fault("unreadable")
    key = _statement(statement)
    if key is None or key.kid != kid:
        return _fault("unknown_key")
    try:
        payload = jws.deserialize_compact(signature.encode(), _public(key.x), registry=_REGISTRY).payload
        claims: Any = json.loads(payload)
    except JoseError:
        return _fault("forged")
    except Exception:  # noqa: BLE001 - as in `kid_of`
        return _fault("unreadable")
    fault = (
        _about_what(claims, said, reference) or _when(claims, at) or _by_which_key(claims, key, at)
        if isinstance(claims, dict)
        else "unreadable"
    )
    return _fault(fault) if fault else Standing(kid=key.kid, key=key.fingerprint)


def _about_what(claims: Any, said: Mapping[str, Any], reference: str) -> SignatureFault | None:
    """Whether it was made for this case, this act, this person and what this person read."""
    if claims.get("case") != reference:
        return "other_case"
    if (claims.get("act"), claims.get("act_id")) != (fingerprint(said), said.get("act_id")):
        return "other_act"
    actor = _actor(said)
    if [claims.get(name) for name in ("sub", "role", "state", "office")] != [
        actor.get(name) for name in ("id", "role", "state", "office")
    ]:
        return "other_person"
    if "dossier" in said and claims.get("head") != said["dossier"]:
        return "other_head"
    return None


_END_OF_TIME: Final = 2**53
"""Greater numbers are no seconds of any calendar."""


def _when(claims: Any, at: datetime) -> SignatureFault | None:
    made, ends = claims.get("iat"), claims.get("exp")
    if type(made) is not int or type(ends) is not int or not 0 < made < ends < _END_OF_TIME:
        return "unreadable"
    if ends > made + LONGEST.total_seconds():
        return "unreadable"
    now, differ = at.timestamp(), CLOCKS_DIFFER_BY.total_seconds()
    if made > now + differ:
        return "not_yet_valid"
    return "expired" if ends < now - differ else None


def _by_which_key(claims: Any, key: KeyStatement, at: datetime) -> SignatureFault | None:
    # By the moment at which the act is heard: whoever stole a key can write any other into a signature.
    if key.revoked_at is not None and key.revoked_at <= at:
        return "revoked_key"
    if at < key.valid_from or (key.valid_until is not None and key.valid_until <= at):
        return "key_not_valid"
    if claims.get("iss") != key.owner.name or not key.may_sign_for(str(claims.get("role")), str(claims.get("state"))):
        return "key_may_not"
    return None


def _actor(said: Mapping[str, Any]) -> Mapping[str, Any]:
    return said["actor"] if "actor" in said else said["opened_by"]


def _statement(given: Mapping[str, Any] | KeyStatement | None) -> KeyStatement | None:
    if given is None or isinstance(given, KeyStatement):
        return given
    try:
        return KeyStatement.model_validate(dict(given))
    except ValidationError:
        return None


@lru_cache(maxsize=256)
def _public(x: str) -> OKPKey:
    return OKPKey.import_key({"kty": "OKP", "crv": ALGORITHM, "x": x})


_SIGN_ANEW: Final = "Have it signed anew for the person who acts, at the desk or with their authority's program."
_OTHER_KEY: Final = "Ask your authority which key is in force, and have it signed anew with it."
_FAULTS: Final[dict[SignatureFault, tuple[str, str]]] = {
    "unreadable": ("The signature cannot be read.", _SIGN_ANEW),
    "unknown_key": ("The key that is said to have signed this was published by no authority here.", _OTHER_KEY),
    "forged": ("The signature was not made with the key that it names, or was changed.", _SIGN_ANEW),
    "other_case": ("The signature was made for another case.", _SIGN_ANEW),
    "other_act": (
        "The signature was made for another act, or the act was changed after it was signed.",
        "Sign each act by itself, as the record writes it; a signature is never used again for another act.",
    ),
    "other_person": (
        "Who signed is not who acts: person, role, state or office differ.",
        "Whoever acts has it signed in their own name, role, state and office.",
    ),
    "other_head": (
        "The signature names another head of the dossier than the approval.",
        "Read the dossier as it is now, and have the approval signed with its head.",
    ),
    "not_yet_valid": (
        "The signature lies in the future.",
        "Set the clock of the machine that signs, and have it signed anew.",
    ),
    "expired": (
        "The signature has expired: it was made too long ago.",
        "Have it signed anew and send it at once.",
    ),
    "key_not_valid": ("The key that signed this is not in force at this moment.", _OTHER_KEY),
    "revoked_key": ("The key that signed this was revoked by its owner.", _OTHER_KEY),
    "key_may_not": (
        "The key that signed this may not sign for this role of this state.",
        "Have it signed with a key of the authority to which the person belongs.",
    ),
}


def _fault(fault: SignatureFault) -> Standing:
    message, instead = _FAULTS[fault]
    return Standing(fault=fault, message=message, instead=instead)
