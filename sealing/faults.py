"""What can go wrong with keys. Every text is a sentence that names a case or a file, and nothing that was sealed."""


class SealingFault(Exception):
    """Keys cannot be had or used."""

    says_nothing_personal = True


class KeysUnusable(SealingFault):
    """What is set about keys, or what lies where they should be, cannot be used. A process should not start."""


class KeysUnreachable(SealingFault):
    """The key store or the key holder gives no answer now; later it may."""


class CannotOpen(SealingFault):
    """Something sealed cannot be opened here. :attr:`case` says whose it is."""

    def __init__(self, case: str, sentence: str) -> None:
        super().__init__(sentence)
        self.case = case


class NeverOpens(CannotOpen):
    """With the key of its case at hand it does not open: not sealed here, for another case, or altered. It never will."""


class KeyMissing(CannotOpen):
    """The key store at hand has no key of that case."""

    def __init__(self, case: str) -> None:
        super().__init__(case, f"The key store at hand has no key of {case}: it was sealed with another key store.")


class KeyDestroyed(CannotOpen):
    """The case's key was destroyed, for good."""

    def __init__(self, case: str, at: str) -> None:
        super().__init__(case, f"The key of {case} was destroyed on {at}: nobody can read what was sealed with it.")
        self.at = at


class NoKeysHere(CannotOpen):
    """This process was given no keys at all."""

    def __init__(self, case: str, why: str) -> None:
        super().__init__(case, f"What {case} holds is sealed, and it cannot be opened here. {why}")


def what_went_wrong(error: Exception) -> str:
    """The class of an error, and what a database's driver calls it; its own words may name hosts, users and values."""
    said = getattr(error, "orig", None) or error
    code = getattr(said, "sqlite_errorname", None) or getattr(said, "sqlstate", None)
    return ", ".join(filter(None, [type(said).__name__, code]))
