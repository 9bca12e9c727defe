"""Who may read of cases, and a case read whole: what several pages begin with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, Final

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from casefile.looking_back import PartialRecord, as_it_was
from desk.frame import Person, Signed, desk_of
from procedure.case import Case
from procedure.entries import Entry, entry_from_json
from procedure.ledger import Ledger
from procedure.open_acts import OpenAct, open_acts
from starter.endings import CannotGoOn

FIREWALLED: Final = "law_enforcement"
"""The role that reads nothing: what a child tells care is never used for enforcement (procedure.md, part 6)."""


def reader(person: Signed) -> Person:
    """Somebody who may read of cases. Raises HTTPException 403 for others."""
    if person.role == FIREWALLED:
        raise HTTPException(403)
    return person


Reader = Annotated[Person, Depends(reader)]
"""A parameter of a page that is for people who may read of cases."""


@dataclass(frozen=True)
class Record:
    """A case at the moment ``at`` (UTC), with all its entries, oldest first."""

    case: Case
    at: datetime
    entries: Sequence[Entry]

    @cached_property
    def ledger(self) -> Ledger:
        return Ledger(self.entries)

    @cached_property
    def intake(self) -> dict[str, Any]:
        """What the intake says today."""
        return self.ledger.as_corrected(self.entries[0])

    def find(self, n: int) -> Entry | None:
        return self.ledger.find(n)

    def acts_of(self, person: Person) -> list[OpenAct]:
        """Every act that this person's role may ever do in this case, the owed ones first, then the open ones."""
        acts = open_acts(self.case, self.at, self.ledger, person=person.id, role=person.role, state=person.state)
        return sorted(
            acts, key=lambda act: (not act.open, not act.owed, act.due or datetime.max.replace(tzinfo=self.at.tzinfo))
        )

    def after(self, head: str) -> list[Entry] | None:
        """The entries after the one with this hash; None where the case has no such entry."""
        n = self.ledger.number_of(head)
        return None if n is None else self.ledger.since(n)


async def record_of(request: Request, reference: str) -> Record:
    """A case as it stands now. Raises as the client of cases does, and CannotGoOn where its beginning is not at hand."""
    desk = desk_of(request)
    entries = [entry_from_json(entry) for entry in await desk.cases.ledger(reference)]
    try:
        newest = entries[-1]
        now = max(desk.now(), newest.at)
        case, _ = as_it_was(entries, newest.n, now)
    except (IndexError, PartialRecord):
        raise CannotGoOn(f"The record of case {reference} is not whole at hand, so the case cannot be shown.") from None
    return Record(case, now, entries)
