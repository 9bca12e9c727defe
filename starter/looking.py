"""Reading a case at the command line: who may see what of it is asked, and that it was read is noted.

Where somebody is signed in, the table of :mod:`procedure.who_may_see` is asked about them. Without a sign-in it is the
tool of an operator, who reaches the engine and so everything in it; it is noted that an operator read.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from casefile.archive import Archive, ArchiveAltered, ArchiveUnreachable
from casefile.erasure import Erased
from casefile.looking_back import PartialRecord, as_it_was
from casefile.readings import AS_OPERATOR, REASONS, Looking, Newest, Reading
from casefile.redaction import Line, Sealed, as_seen_by, readers_for
from desk.people import Person
from procedure.case import Case
from procedure.entries import Entry, entry_from_json
from procedure.who_may_see import (
    ALARMS,
    FIREWALLED,
    Part,
    Reader,
    Sight,
    alarm_answered,
    could_say,
    could_see,
    listed_seen,
    may_speak,
    receipt_seen,
    round_began,
    sees,
    sees_figures,
    sight_in_list,
    spoke,
    view_seen,
)
from starter.client import CaseErased, Cases, NoSuchCase
from starter.endings import CannotGoOn, Exit
from starter.json_values import is_object
from starter.options import known, see_who_asks, settings_of


@dataclass(frozen=True, kw_only=True)
class Look:
    """A case that is about to be read: by ``person``, or by an operator where nobody signs in."""

    reference: str
    person: Person | None
    sight: Sight | None
    """None: an operator, who sees everything."""
    entries: Sequence[Entry] = field(repr=False)

    @property
    def everything(self) -> bool:
        return self.sight is None or self.sight.everything

    def lines(self) -> list[Line]:
        """The entries as they may be read; those of which only the place is left, where the chain itself is shown."""
        if self.sight is None:
            return list(self.entries)
        lines = [as_seen_by(self.sight, entry) for entry in self.entries]
        return lines if self.sight.any_of("record") else [line for line in lines if not isinstance(line, Sealed)]

    def view(self, view: Mapping[str, Any]) -> dict[str, Any]:
        return dict(view) if self.sight is None else view_seen(view, self.sight)


async def look(
    cases: Cases,
    reference: str,
    what: str,
    *,
    because: str | None = None,
    whole: bool = False,
    part: Part | None = None,
) -> Look:
    """A case from the engine, opened by whoever asks: as :func:`look_at`."""
    person = not_firewalled()
    if person is not None and not could_see(person, reference):
        raise no_such_case(reference)
    entries = await _entries(cases, reference, person)
    return await look_at(cases, reference, entries, what, because=because, part="past" if whole else part)


async def look_at(
    cases: Cases | None,
    reference: str,
    entries: Sequence[Entry],
    what: str,
    *,
    because: str | None = None,
    part: Part | None = None,
    dossier: Reader | None = None,
) -> Look:
    """These entries of a case, opened by whoever asks; that it was read is noted before anything is given out.

    ``because``: why, of a case that is another's. ``part``: it is for who sees that part. ``dossier``: for
    whom one is made. Raises CannotGoOn: not permitted; no such case, also where somebody may not know that there is
    one; and where the reading cannot be noted.
    """
    person = not_firewalled()
    known("--because", because, REASONS)
    sight = _sight(person, entries, reference) if person else None
    reason = None
    if sight is not None:
        if part is not None and not sight.any_of(part):
            raise CannotGoOn("That is not for your role to see.", code=Exit.NOT_PERMITTED)
        mine = sight.reader
        if dossier is not None and (mine is None or dossier not in readers_for(mine)):
            raise CannotGoOn(f"A dossier for {dossier} is not yours to make.", code=Exit.NOT_PERMITTED)
        if sight.needs_reason and because is None:
            raise CannotGoOn(
                "This is not one of your cases: a colleague is assigned to it. Say why you open it, with --because and "
                f"one of {', '.join(REASONS)}. The reason is kept with the log of readings.",
                code=Exit.NOT_PERMITTED,
            )
        reason = because if sight.needs_reason else None
    await note(cases, reference, what, person, head=entries[-1].hash if entries else None, reason=reason)
    return Look(reference=reference, person=person, sight=sight, entries=entries)


async def left_of_erased(cases: Cases | None, archive: Archive | None, reference: str, what: str) -> Erased:
    """What is left of a case that was erased, for whoever saw the whole of it; that it was read is noted.

    Raises CannotGoOn: not permitted, no such case, and where the certificate is not at hand.
    """
    person = not_firewalled()
    if person is not None and not _listing(person, reference, everything=True):
        raise no_such_case(reference)
    erased = await certificate_of(cases, archive, reference)
    await note(cases, reference, what, person, head=erased.head)
    return erased


async def certificate_of(cases: Cases | None, archive: Archive | None, reference: str) -> Erased:
    """The certificate of a case that was erased: as it was written down when somebody confirmed, else from the archive.

    Raises CannotGoOn where it is not at hand, or is not one.
    """
    if (written := await _written_down(cases, reference)) is not None:
        return written
    erased = await erasure_in(archive, reference) if archive is not None else None
    if erased is None:
        raise CannotGoOn(
            f"Case {reference} was erased. What is left of it lies in the archive, which has nothing of it, or is not known "
            "here: name it with HOMEWARD_ARCHIVE_URL.",
            code=Exit.DOES_NOT_VERIFY,
        )
    return erased


async def erasure_in(archive: Archive, reference: str) -> Erased | None:
    """The certificate that an archive has of a case. Raises CannotGoOn where what it has is not one."""
    try:
        return await archive.erasure(reference)
    except ArchiveUnreachable as error:
        raise CannotGoOn(str(error)) from None
    except ArchiveAltered as altered:
        raise CannotGoOn(str(altered), code=Exit.DOES_NOT_VERIFY) from None


async def _written_down(cases: Cases | None, reference: str) -> Erased | None:
    from activities.caseload import Caseload, CaseloadUnreachable
    from activities.erasures import Erasures

    url = await table_of(cases)
    if url is None:
        return None
    caseload = Caseload(url)
    try:
        erasure = await Erasures(caseload).of(reference)
    except CaseloadUnreachable:
        return None  # the archive has it too
    finally:
        await caseload.close()
    return Erased.of_bytes(erasure.certificate) if erasure and erasure.certificate else None


def _listing(person: Person, reference: str, *, everything: bool = False) -> bool:
    """Whether somebody's office knows of every case between these states, or sees everything in it."""
    sight = sight_in_list(person, reference[:2], reference[3:5], waits=False)
    return sight.everything if everything else not sight.nothing


def no_such_case(reference: str) -> NoSuchCase:
    """In the words of the client, so that nobody learns that there is one."""
    return NoSuchCase(f"There is no case {reference}.")


def not_firewalled() -> Person | None:
    """Who asks; None for an operator. Raises CannotGoOn for law enforcement, which reads nothing."""
    person = see_who_asks()
    if person is not None and person.role == FIREWALLED:
        raise CannotGoOn(
            "Law enforcement reads nothing of a case: what a child tells care is never used for enforcement.",
            code=Exit.NOT_PERMITTED,
        )
    return person


def _sight(person: Person, entries: Sequence[Entry], reference: str) -> Sight:
    _, sight = _seen_by(person, entries, reference)
    if sight.nothing:
        raise no_such_case(reference)
    return sight


def _seen_by(person: Person, entries: Sequence[Entry], reference: str) -> tuple[Case, Sight]:
    try:
        case, _ = as_it_was(entries, entries[-1].n, entries[-1].at)
    except (IndexError, PartialRecord):
        if not _listing(person, reference):
            raise no_such_case(reference) from None
        raise CannotGoOn(f"The record of {reference} is not whole at hand, so who may see it cannot be told.") from None
    return case, sees(person, case, spoke=spoke(person, entries), round_begins=round_began(entries))


async def recorded(cases: Cases, reference: str, act: Any) -> dict[str, Any]:
    """Say an act to a case for whoever is signed in; the receipt as they may read it. Raises as :func:`may_say`."""
    await may_say(cases, reference, act)
    try:
        receipt = await cases.record(reference, act)
    except CaseErased:
        person = see_who_asks()
        if person is not None and not _listing(person, reference):
            raise no_such_case(reference) from None
        raise
    return await as_told(cases, reference, receipt)


async def may_say(cases: Cases, reference: str, act: Any) -> None:
    """Raise NoSuchCase where whoever is signed in sees nothing of a case, and the law does not hear this act from them.

    Raises CannotGoOn for law enforcement, of any act but an alarm.
    """
    person = see_who_asks()
    if person is None:
        return
    said = str(act.get("act")) if is_object(act) else ""
    if person.role == FIREWALLED:
        if said not in ALARMS:
            raise CannotGoOn(
                "Law enforcement reports a child missing, found or detained, and says nothing else to a case.",
                code=Exit.NOT_PERMITTED,
            )
        return
    if not could_see(person, reference) and not could_say(person, reference, said):
        raise no_such_case(reference)
    case, sight = await _case_and_sight(cases, reference, person)
    if sight.nothing and not may_speak(person, case, said):
        raise no_such_case(reference)


async def as_told(cases: Cases, reference: str, receipt: dict[str, Any]) -> dict[str, Any]:
    """A receipt as whoever is signed in may read it."""
    person = see_who_asks()
    if person is None:
        return receipt
    if person.role == FIREWALLED:
        return alarm_answered(receipt)
    _, sight = await _case_and_sight(cases, reference, person)
    return receipt_seen(receipt, sight)


async def _case_and_sight(cases: Cases, reference: str, person: Person) -> tuple[Case, Sight]:
    return _seen_by(person, await _entries(cases, reference, person), reference)


async def _entries(cases: Cases, reference: str, person: Person | None) -> list[Entry]:
    """A case's entries. That it was erased is told to an office that may know of it; to others there is no such case."""
    from starter.auditing import whole_ledger

    try:
        return [entry_from_json(each) for each in await whole_ledger(cases, reference)]
    except CaseErased:
        if person is not None and not _listing(person, reference):
            raise no_such_case(reference) from None
        raise


async def note(
    cases: Cases | None,
    reference: str,
    what: str,
    person: Person | None,
    *,
    head: str | None = None,
    reason: str | None = None,
) -> None:
    """Write down that a case is read. Raises CannotGoOn where that cannot be done."""
    from activities.caseload import Caseload, CaseloadUnreachable
    from activities.readings import Readings

    url = await table_of(cases)
    if url is None:
        if person is not None:
            raise CannotGoOn(
                "It is not known where the log of readings lies, so nothing is shown: name the database with "
                "HOMEWARD_CASELOAD_URL, or the data folder with HOMEWARD_DATA."
            )
        print(_NOT_NOTED, file=sys.stderr)
        return
    by = Looking(person.id, person.role, person.state, person.office) if person else AS_OPERATOR
    caseload = Caseload(url)
    try:
        await Readings(caseload).note(reference, by, what, head=head, reason=reason)
    except CaseloadUnreachable as error:
        raise CannotGoOn(f"That the case is read cannot be noted, so nothing is shown: {error}.") from None
    finally:
        await caseload.close()


_NOT_NOTED: Final = (
    "It is not known where the log of readings of these cases lies (HOMEWARD_CASELOAD_URL or HOMEWARD_DATA names it), "
    "so this reading is not in it."
)


async def table_of(cases: Cases | None) -> Any:
    """Where the caseload of these cases lies, and the log; None when that is not known. A wrong one would be worse."""
    from starter.up import data_folder_of

    if os.environ.get("HOMEWARD_CASELOAD_URL"):
        return settings_of().caseload
    if cases is not None and (noted := await data_folder_of(cases.client)):
        return settings_of(data=noted).caseload
    if os.environ.get("HOMEWARD_DATA"):
        return settings_of().caseload
    return None


def listed(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of the caseload what whoever asks may know of. Raises CannotGoOn for law enforcement."""
    person = not_firewalled()
    if person is None:
        return list(rows)
    return [seen for row in rows if (seen := listed_seen(row, person)) is not None]


def counted(references: Sequence[str]) -> list[str]:
    """The cases over which whoever asks may see figures: those that their state hosts. Raises CannotGoOn."""
    person = not_firewalled()
    if person is None:
        return list(references)
    if not sees_figures(person.role):
        raise CannotGoOn("Figures over all cases are not for this role.", code=Exit.NOT_PERMITTED)
    return [reference for reference in references if reference.startswith(f"{person.state}-")]


async def log_of(cases: Cases | None, reference: str) -> tuple[list[Reading], Newest | None]:
    """Who read a case, and which line is noted as the newest. Raises CannotGoOn where that cannot be read."""
    from activities.caseload import Caseload, CaseloadUnreachable
    from activities.readings import Readings

    url = await table_of(cases)
    if url is None:
        raise CannotGoOn(
            "It is not known where the log of readings lies: name the database with HOMEWARD_CASELOAD_URL, or the "
            "data folder with HOMEWARD_DATA."
        )
    caseload = Caseload(url)
    try:
        return await Readings(caseload).of(reference)
    except CaseloadUnreachable as error:
        raise CannotGoOn(f"The log of readings cannot be read: {error}.") from None
    finally:
        await caseload.close()
