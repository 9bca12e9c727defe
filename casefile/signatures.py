"""Who vouched for each act of a record: every signature in it, checked against published keys with no server.

The hashes of a record show that nothing in it was changed since it was made; whoever makes a whole record anew can
make them too. A signature cannot be made anew without the key of the authority whose person acted.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from casefile.findings import Finding
from casefile.redaction import Line, is_withheld
from procedure.entries import Entry
from procedure.signing import REQUIRED, Standing
from sealing import signatures
from sealing.signatures import KeyStatement

Keys = Mapping[str, KeyStatement]
"""Published keys by their names."""

_NOT_WELL_FORMED: Final = "well-formed"


class SignatureCheck:
    """Looks at the entries of one record, oldest first, and counts what it saw."""

    def __init__(self, keys: Keys | None) -> None:
        """``keys`` None: there are none to check against, and only what the entries say of themselves is looked at."""
        self._keys = keys
        self._reference = ""
        self.required = False
        """Whether only signed acts count in this case."""
        self.checked: Counter[str] = Counter()
        """Signatures that stand, by the name of their key."""
        self.not_seen = 0
        """Signed entries whose words this reader does not have."""
        self.without_keys = 0
        """Signatures that nobody could check here, for want of keys."""
        self.refused = 0
        """Acts that were refused for their signature."""

    def use(self, keys: Keys | None) -> None:
        """Check what comes with these keys."""
        self._keys = keys

    def look(self, line: Line) -> Iterator[Finding]:
        """What is wrong with an entry's signature."""
        if not isinstance(line, Entry):
            return
        if line.kind == "opened":
            self._reference = str(line.facts.get("reference"))
            self.required = line.facts.get("signatures") == REQUIRED
            yield from self._signed(line, line.body.get("intake"), asked_for=self.required)
        elif line.kind in ("accepted", "refused"):
            shapeless = line.kind == "refused" and "act" not in line.body and _NOT_WELL_FORMED in line.safeguards
            yield from self._signed(line, line.body.get("act"), asked_for=self.required and not shapeless)

    def as_json(self) -> dict[str, Any]:
        return {
            "required": self.required,
            "checked": self.checked.total(),
            "by_key": [self._key(kid, count) for kid, count in sorted(self.checked.items())],
            "refused": self.refused,
            "not_seen": self.not_seen,
            "without_keys": self.without_keys,
        }

    def used(self) -> Keys:
        """The statements of the keys that signatures in this record were checked with."""
        return {kid: key for kid, key in (self._keys or {}).items() if kid in self.checked}

    def remarks(self) -> Iterator[str]:
        """What the check could not tell."""
        if self.not_seen:
            yield (
                f"{_entries(self.not_seen)} with a signature and without the words it covers, which are not for this "
                "reader: which key signed is shown, and could not be checked."
            )
        if self.without_keys:
            yield f"{_entries(self.without_keys)} with a signature and no published keys to check it against (--keys)."

    def _key(self, kid: str, count: int) -> dict[str, Any]:
        assert self._keys is not None
        key = self._keys[kid]
        return {"kid": kid, "owner": key.owner.name, "fingerprint": key.fingerprint, "entries": count}

    def _signed(self, entry: Entry, said: Any, *, asked_for: bool) -> Iterator[Finding]:
        told: Any = entry.facts.get("signature")
        if not isinstance(told, dict):
            signed = isinstance(said, dict) and "signature" in said
            if asked_for or signed:
                why = "its header does not say so" if signed else "it bears none"
                yield _finding(entry, f"was taken in a case of signed acts, and {why}")
            return
        facts = cast("dict[str, Any]", told)
        if "fault" in facts:
            self.refused += 1
            if entry.kind != "refused":
                yield _finding(entry, "was accepted with a signature at fault")
        elif is_withheld(entry):
            self.not_seen += 1
        elif self._keys is None:
            self.without_keys += 1
        else:
            yield from self._checked(entry, cast("dict[str, Any]", said) if isinstance(said, dict) else {}, facts)

    def _checked(self, entry: Entry, said: dict[str, Any], facts: Mapping[str, Any]) -> Iterator[Finding]:
        assert self._keys is not None
        signature = said.get("signature")
        if not isinstance(signature, str):
            yield _finding(entry, "is said to be signed, and no signature stands in it")
            return
        kid = signatures.kid_of(signature)
        key = self._keys.get(kid or "")
        bare = {name: said[name] for name in said if name != "signature"}
        standing = signatures.check(bare, signature, key, reference=self._reference, at=entry.at)
        if standing.fault == "expired" and entry.kind == "opened":
            # It waited for its admission, which looked at the signature as it came in.
            asked = min(entry.at, signatures.made_at(signature) or entry.at)
            standing = signatures.check(bare, signature, key, reference=self._reference, at=asked)
            if key is not None and key.revoked_at is not None and key.revoked_at <= entry.at:
                # By the moment that the signature itself names, a thief would be believed.
                yield _finding(entry, "was opened after its key was revoked by its owner")
                return
        if standing.fault is not None:
            yield _finding(entry, f"is not signed as it says: {_in_words(standing, kid)}")
        elif (standing.kid, standing.key) != (facts.get("kid"), facts.get("key")):
            yield _finding(entry, "is signed with another key than its header says")
        else:
            self.checked[standing.kid] += 1


def _in_words(standing: Standing, kid: str | None) -> str:
    named = f" (key {kid})" if kid and kid.isascii() and kid.isprintable() else ""
    return f"{standing.message[:1].lower()}{standing.message[1:-1]}{named}"


def _finding(entry: Entry, what: str) -> Finding:
    return Finding("signature", f"Entry {entry.n} {what}.", entry.n)


def _entries(count: int) -> str:
    return "There is 1 entry" if count == 1 else f"There are {count} entries"
