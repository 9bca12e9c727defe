"""The one door to a case: who asks sees what the table lets them see (:mod:`procedure.who_may_see`), and it is noted.

Pages and the API come in here. What is given out is a record in which what may not be seen is not there; the whole
one stays with what asks the law.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final, Protocol

from activities.caseload import Caseload
from activities.readings import Readings
from casefile.looking_back import PartialRecord, as_it_was
from casefile.readings import Looking, Reason
from casefile.redaction import Line, Sealed, as_seen_by
from desk.people import Person
from procedure.case import Case
from procedure.entries import Entry, entry_from_json
from procedure.ledger import Ledger
from procedure.open_acts import OpenAct, open_acts
from procedure.who_may_see import (
    FIREWALLED,
    NOTHING,
    Part,
    Sight,
    act_seen,
    as_seen,
    could_say,
    could_see,
    intake_seen,
    lists,
    may_speak,
    round_began,
    sees,
    spoke,
)
from starter.client import CaseErased, NoSuchCase
from starter.endings import CannotGoOn, Exit

GRANTED_FOR: Final = timedelta(hours=1)
"""How long a reason that was given opens a colleague's case, in the session in which it was given."""


class Firewalled(Exception):
    """Law enforcement asks to read. Nothing was looked up: it learns not even whether there is such a case."""


class NotForYou(Exception):
    """Somebody sees a case, and not this part of it."""


class ReasonNeeded(Exception):
    """A colleague's case: whoever opens it says first why."""

    def __init__(self, reference: str) -> None:
        super().__init__("a reason is needed")
        self.reference = reference


class _Cases(Protocol):
    async def ledger(self, reference: str, first: int = 1) -> list[dict[str, Any]]: ...


class HasCases(Protocol):
    """What the door needs of a desk."""

    @property
    def cases(self) -> _Cases: ...
    @property
    def caseload(self) -> Caseload: ...
    def now(self) -> datetime:
        """The moment (UTC)."""
        ...


@dataclass(frozen=True)
class Record:
    """A case at the moment ``at`` (UTC), with its entries, oldest first, and what the intake says today.

    Of a record that is given out, the entries are those of which something is shown, and ``lines`` all that is.
    """

    case: Case
    at: datetime
    entries: Sequence[Entry]
    intake: Mapping[str, Any] = field(default_factory=dict[str, Any])
    lines: Sequence[Line] = ()

    @cached_property
    def ledger(self) -> Ledger:
        """The entries as a ledger; of a whole record alone, for it has no gaps."""
        return Ledger(self.entries)

    @cached_property
    def _by_number(self) -> dict[int, Entry]:
        return {entry.n: entry for entry in self.entries}

    def find(self, n: int) -> Entry | None:
        return self._by_number.get(n)

    def after(self, head: str) -> list[Entry] | None:
        """The entries after the one with this hash; None where the case has no such entry."""
        n = self.ledger.number_of(head)
        return None if n is None else self.ledger.since(n)


@dataclass(frozen=True)
class Opened:
    """A case that somebody opened: as they see it, and whole for what asks the law."""

    person: Person
    sight: Sight
    whole: Record

    @cached_property
    def seen(self) -> Record:
        """The record that may be given out."""
        lines = [as_seen_by(self.sight, entry) for entry in self.whole.entries]
        shown = [line for line in lines if not isinstance(line, Sealed)]
        return Record(
            as_seen(self.whole.case, self.sight),
            self.whole.at,
            shown,
            intake_seen(self.whole.intake, self.sight),
            lines if self.sight.any_of("record") else shown,
        )

    def acts(self) -> list[OpenAct]:
        """Every act that this person's role may ever do in this case, the owed ones first, then the open ones."""
        case, at, who = self.whole.case, self.whole.at, self.person
        acts = [
            act_seen(act, self.sight)
            for act in open_acts(case, at, self.whole.ledger, person=who.id, role=who.role, state=who.state)
        ]
        latest = datetime.max.replace(tzinfo=at.tzinfo)
        return sorted(acts, key=lambda act: (not act.open, not act.owed, act.due or latest))


async def opened(
    desk: HasCases,
    person: Person,
    reference: str,
    what: str,
    *,
    reason: Reason | None = None,
    part: Part | None = None,
    speaking: str | None = None,
) -> Opened:
    """A case, opened by somebody; that they read it is noted before anything is given out.

    ``what`` is what they opened, and holds nothing that was typed. ``reason``: why, of a colleague's case. ``part``:
    what it is about. ``speaking``: the act that they want to say; it lets in whoever may say it, though they see
    nothing. Raises :class:`Firewalled`, :class:`NotForYou`, :class:`ReasonNeeded`, and as the client of cases does;
    CaseloadUnreachable where it cannot be noted.
    """
    if person.role == FIREWALLED:
        raise Firewalled
    if not could_see(person, reference) and not (speaking is not None and could_say(person, reference, speaking)):
        # Before anything is looked up: by how long that takes it would be told which cases there are.
        raise NoSuchCase(f"There is no case {reference}.")
    try:
        whole = await whole_record(desk, reference)
    except (NotWhole, CaseErased):
        # Of whom it cannot be told whether they see it, only an office learns that it is there.
        side = {reference[:2]: "host", reference[3:5]: "origin"}.get(person.state)
        if lists(person.role, side):
            raise
        raise NoSuchCase(f"There is no case {reference}.") from None
    sight = _sight(person, whole)
    if sight.nothing and not (speaking is not None and may_speak(person, whole.case, speaking)):
        # In the words of the client: nobody learns that there is such a case.
        raise NoSuchCase(f"There is no case {reference}.")
    if part is not None and not sight.any_of(part):
        raise NotForYou
    if sight.needs_reason and reason is None:
        raise ReasonNeeded(reference)
    await Readings(desk.caseload).note(
        reference,
        Looking(person.id, person.role, person.state, person.office),
        what,
        head=whole.case.head,
        reason=reason if sight.needs_reason else None,
        at=desk.now(),
    )
    return Opened(person, sight, whole)


async def sight_on(desk: HasCases, person: Person, reference: str) -> Sight:
    """What somebody sees of a case, where nothing of it is given out: how a receipt is cut, and whether news are told."""
    if not could_see(person, reference):
        return NOTHING
    return _sight(person, await whole_record(desk, reference))


def _sight(person: Person, whole: Record) -> Sight:
    return sees(person, whole.case, spoke=spoke(person, whole.entries), round_begins=round_began(whole.entries))


async def whole_record(desk: HasCases, reference: str) -> Record:
    """A case as it stands now; the oldest entries from the archive, where the engine has them no more.

    Raises as the client of cases does, and CannotGoOn where its beginning is nowhere at hand.
    """
    entries = await whole_ledger(desk, reference)
    try:
        newest = entries[-1]
        now = max(desk.now(), newest.at)
        case, _ = as_it_was(entries, newest.n, now)
    except (IndexError, PartialRecord) as why:
        raise NotWhole(reference, str(why)) from None
    return Record(case, now, entries, Ledger(entries).as_corrected(entries[0]), entries)


class NotWhole(CannotGoOn):
    """The beginning of a case's record is nowhere at hand. ``why`` is a sentence."""

    code = Exit.FAILED

    def __init__(self, reference: str, why: str) -> None:
        super().__init__(f"The record of case {reference} is not whole at hand, so the case cannot be shown.")
        self.why = why


async def whole_ledger(desk: HasCases, reference: str) -> list[Entry]:
    """A case's entries, the oldest from the archive where the desk has one; not whole where neither has them."""
    entries = await desk.cases.ledger(reference)
    archived = getattr(desk, "archive", None)
    archive = archived() if entries and entries[0]["n"] > 1 and archived else None
    if archive is not None:
        from starter.auditing import archived_entries

        entries = [*await archived_entries(archive, reference, entries[0]["prev"]), *entries]
    return [entry_from_json(each) for each in entries]
