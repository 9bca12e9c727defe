"""Whether an act's signature stands: a fact that the law is given, and never finds out itself.

Cryptography is another room's. What was found there is handed in with the act, and goes on record.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

SignatureFault = Literal[
    "missing",
    "unreadable",
    "unknown_key",
    "forged",
    "other_case",
    "other_act",
    "other_person",
    "other_head",
    "not_yet_valid",
    "expired",
    "key_not_valid",
    "revoked_key",
    "key_may_not",
]
"""What can be wrong with a signature. These words stand in the facts of an entry."""

SIGNATURE_FAULTS: Final[tuple[SignatureFault, ...]] = get_args(SignatureFault)

REQUIRED: Final = "required"
NOT_REQUIRED: Final = "not_required"


@dataclass(frozen=True, slots=True)
class Standing:
    """What was found of an act's signature. It stands when there is no fault."""

    kid: str = ""
    """The name of the key that signed, as its owner published it."""
    key: str = ""
    """The fingerprint of that key: ``sha256:`` and 64 hexadecimal digits."""
    fault: SignatureFault | None = None
    message: str = ""
    """One sentence about the fault."""
    instead: str = ""
    """What can be done about it."""

    def facts(self) -> dict[str, Any]:
        """What an entry's header says of it: nothing that somebody else could have written there."""
        if self.fault is not None:
            # The key that a faulty signature names may be any text at all.
            return {"signature": {"fault": self.fault}}
        return {"signature": {"kid": self.kid, "key": self.key}}


UNSIGNED: Final = Standing(
    fault="missing",
    message="This act bears no signature, and in this case only signed acts count.",
    instead="Record it at the desk, or with a program that signs for the person who acts; send it anew, signed.",
)
"""An act without a signature in a case that asks for one."""
