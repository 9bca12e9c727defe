"""What an audit found wrong, each in one sentence that names where."""

from dataclasses import dataclass
from typing import Any, Literal

What = Literal[
    "chain",
    "body",
    "agreement",
    "reset",
    "ended_by_force",
    "missing_run",
    "set_aside",
    "archive",
    "history",
    "code",
    "signature",
    "dossier",
]
"""Where a finding belongs: the chain of entries, a body, the agreement, an operator's doing, a run that is missing or
stands aside, the archive, the engine's history against the ledger, today's code, who signed, or the dossier as a file."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong. ``entry`` is the number of the entry that it is about, where there is one."""

    what: What
    sentence: str
    entry: int | None = None

    def as_json(self) -> dict[str, Any]:
        return {"what": self.what, "entry": self.entry, "sentence": self.sentence}
