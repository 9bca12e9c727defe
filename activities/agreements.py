"""The shelf of agreement profiles: files in, terms out."""

from collections.abc import Mapping
from pathlib import Path

import procedure
from procedure.agreement import Agreement
from procedure.floor import read_profile
from procedure.toml_text import MOST_CHARACTERS

SHIPPED = Path(procedure.__file__).parent.parent / "agreements"
BASE = "model"
"""The profile that completes the others."""


class UnknownAgreement(LookupError):
    """There is no profile of that id; the message names those there are."""

    def __init__(self, id: str, known: list[str]) -> None:
        self.id = id
        self.known = known
        super().__init__(f"there is no agreement {id!r}; there are: {', '.join(known)}")


class AgreementShelf:
    """Profiles by id: a folder with one folder an agreement, and further files by name.

    A profile is read anew each time it is asked for; a case keeps the terms it was opened under.
    """

    def __init__(self, root: Path = SHIPPED, extra: Mapping[str, Path] | None = None) -> None:
        self._root = root
        self._extra = dict(extra or {})

    def ids(self) -> list[str]:
        """The ids on the shelf, the ones that the floor refuses included."""
        shipped = {path.parent.name for path in self._root.glob("*/profile.toml")}
        return sorted(shipped | set(self._extra))

    def get(self, id: str) -> Agreement:
        """The agreement of that id.

        Raises :class:`UnknownAgreement`, :class:`~procedure.agreement.MalformedAgreement` or
        :class:`~procedure.agreement.BelowTheFloor`.
        """
        if id not in self.ids():
            raise UnknownAgreement(id, self.ids())
        return self.check(self._extra.get(id, self._root / id))

    def check(self, path: Path) -> Agreement:
        """The agreement in a ``profile.toml``, or in the folder that holds one. Raises as :meth:`get`, and OSError."""
        file = path / "profile.toml" if path.is_dir() else path
        base = self._root / BASE / "profile.toml"
        completed_by = None if file.resolve() == base.resolve() else read_profile(base.read_text("utf-8"), None)
        with file.open(encoding="utf-8") as profile:
            # A scenario names a file for itself: it may be one without an end. What is too long is told by who reads it.
            return read_profile(profile.read(MOST_CHARACTERS + 1), completed_by)
