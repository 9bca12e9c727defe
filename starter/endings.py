"""How a command ends: the contract's exit codes, and the one exception that carries one."""

from collections.abc import Sequence
from enum import IntEnum

from procedure.faults import Fault


class Exit(IntEnum):
    """Exit codes (contract, section 8)."""

    DONE = 0
    FAILED = 1
    MALFORMED = 2
    REFUSED = 3
    DOES_NOT_VERIFY = 4
    NO_ENGINE = 5
    NOT_PERMITTED = 6
    NO_SUCH_CASE = 7


class CannotGoOn(Exception):
    """A command stops here: a sentence for a person, an exit code, and the faults if there are any."""

    code: Exit = Exit.FAILED

    def __init__(self, sentence: str, *, code: Exit | None = None, faults: Sequence[Fault] = ()) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.faults = list(faults)
        if code is not None:
            self.code = code
