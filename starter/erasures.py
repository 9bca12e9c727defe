"""The command `homeward erase`: a case made unreadable by law, by two officers."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from starter.endings import CannotGoOn, Exit
from starter.options import Address, AsJson, Debug, Namespace, Reference, known, print_json, see_who_asks, with_cases

if TYPE_CHECKING:
    from casefile.erasure import Erased, Officer
    from starter.client import Cases
    from starter.erasing import Erasing

erasures_app = typer.Typer(rich_markup_mode=None)


@erasures_app.command("erase")
def erase_command(
    reference: Reference,
    ground: Annotated[
        str | None,
        typer.Option(
            "--ground",
            metavar="GROUND",
            help="Ask for it, on this ground: retention_ended, asked_by_the_person or ordered_by_a_court.",
        ),
    ] = None,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Confirm what another officer asked for, and do it.")
    ] = False,
    take_back: Annotated[bool, typer.Option("--take-back", help="Take back what was asked for.")] = False,
    by: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="ID",
            help="Which officer of the host state's central authority you are, where nobody signs in.",
        ),
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option("--certificate", metavar="FILE.json", help="Write the certificate there.")
    ] = None,
    address: Address = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Make a case unreadable, for good; alone it says how the case stands.

    Once the agreement's time of keeping is over, one officer of the host state's central authority asks (--ground) and
    another one confirms (--confirm). The case's key is destroyed: what was said of the child can be read by nobody, and
    the chain of headers, the refusals and the figures can still be checked. Exit 3 while something stands against it.
    """
    from procedure.retention import GROUNDS
    from starter import showing

    known("--ground", ground, GROUNDS)
    if (ground is not None) + confirm + take_back > 1:
        raise CannotGoOn("--ground, --confirm and --take-back are three acts: do one at a time.", code=Exit.MALFORMED)
    if certificate is not None and (ground is not None or take_back):
        raise CannotGoOn("--certificate: there is one when the case is erased.", code=Exit.MALFORMED)

    async def run(cases: "Cases") -> dict[str, Any]:
        now = datetime.now(UTC)
        async with _with_everything(cases) as erasing:
            if ground is not None or confirm or take_back:
                officer = _officer(reference, by)
                return await _do(erasing, reference, officer, now, ground=ground, confirm=confirm)
            return await _how_it_stands(erasing, reference, now)

    told = with_cases(address, namespace, run)
    erased: Erased | None = told.pop("_erased", None)
    if certificate is not None:
        _write(certificate, erased, reference)
    if as_json:
        print_json(told)
    else:
        showing.erasure(showing.out(), told, str(certificate) if certificate else None)
    if told.get("obstacles"):
        raise typer.Exit(Exit.REFUSED)


async def _do(
    erasing: "Erasing", reference: str, officer: "Officer", now: datetime, *, ground: Any, confirm: bool
) -> dict[str, Any]:
    """Ask, confirm or take back; that it was done, or refused, stands in the log of readings."""
    from starter.erasing import NotToBeErased
    from starter.looking import look, note

    what = "erasure: asked" if ground else "erasure: confirmed" if confirm else "erasure: taken back"
    # Noted before anything is done, as every reading is: for whoever may see the whole record.
    head = (await look(erasing.cases, reference, what, part="past")).entries[-1].hash
    try:
        if ground is not None:
            asked = await erasing.ask(reference, ground, officer, now)
            return {"reference": reference, "asked": {"ground": ground, "by": asked.by.id, "at": now.isoformat()}}
        if confirm:
            return await _told(erasing, await erasing.confirm(reference, officer, now))
        await erasing.take_back(reference, officer)
        return {"reference": reference, "asked": None}
    except NotToBeErased:
        await note(erasing.cases, reference, "erasure: refused", see_who_asks(), head=head)
        raise


async def _how_it_stands(erasing: "Erasing", reference: str, now: datetime) -> dict[str, Any]:
    from activities.erasures import Erasures
    from starter.client import CaseErased
    from starter.looking import left_of_erased, look

    try:
        await look(erasing.cases, reference, "erasure", part="past")
    except CaseErased:
        return await _told(erasing, await left_of_erased(erasing.cases, erasing.archive, reference, "erasure"))
    standing = await erasing.standing(reference, now)
    asked = await Erasures(erasing.caseload).of(reference)
    return {
        "reference": reference,
        "kept_until": standing.kept_until.isoformat() if standing.kept_until else None,
        "obstacles": list(standing.obstacles),
        "asked": {"ground": asked.ground, "by": asked.by.id, "at": asked.at.isoformat()} if asked else None,
    }


async def _told(erasing: "Erasing", erased: "Erased") -> dict[str, Any]:
    return {
        "reference": erased.reference,
        "erased": {name: each for name, each in erased.as_json().items() if name != "entries"},
        "backups_open_with": await erasing.backups_can_be_opened(erased),
        "_erased": erased,
    }


def _officer(reference: str, by: str | None) -> "Officer":
    """Who asks: whoever is signed in; where nobody has to be, whom they say they are. Raises CannotGoOn."""
    from casefile.erasure import Officer
    from starter.erasing import ROLE

    person = see_who_asks()
    if person is not None:
        if by is not None:
            raise CannotGoOn(
                "--as is for where nobody signs in; here you are who you signed in as.", code=Exit.MALFORMED
            )
        return Officer(person.id, person.role, person.state, person.office, signed_in=True)
    if by is None or not 1 <= len(by.strip()) <= 64:
        raise CannotGoOn(
            "Nobody signs in here, so say with --as which officer of the central authority you are (1 to 64 characters).",
            code=Exit.MALFORMED,
        )
    return Officer(by.strip(), ROLE, reference[:2])


@asynccontextmanager
async def _with_everything(cases: "Cases") -> AsyncGenerator["Erasing"]:
    from activities.caseload import Caseload, CaseloadUnreachable
    from casefile.archive import ArchiveAltered, ArchiveUnreachable
    from sealing.faults import SealingFault
    from starter.auditing import archive_for
    from starter.erasing import as_command, erasing_with
    from starter.looking import table_of

    archive, url = await archive_for(cases), await table_of(cases)
    if archive is None or url is None:
        raise CannotGoOn(
            "A case is erased where its caseload and its archive are known: name them with HOMEWARD_DATA, or with "
            "HOMEWARD_CASELOAD_URL and HOMEWARD_ARCHIVE_URL."
        )
    caseload = Caseload(url)
    try:
        yield erasing_with(cases, archive, caseload)
    except (SealingFault, ArchiveUnreachable, ArchiveAltered, CaseloadUnreachable) as error:
        raise as_command(error) from None
    finally:
        await caseload.close()


def _write(path: Path, erased: "Erased | None", reference: str) -> None:
    if erased is None:
        raise CannotGoOn(f"{reference} is not erased, so there is no certificate.", code=Exit.REFUSED)
    try:
        path.write_bytes(erased.as_bytes)
    except OSError as error:
        raise CannotGoOn(
            f"{path} cannot be written ({error.strerror}). The case is erased; `homeward erase {reference} --certificate` "
            "writes it elsewhere.",
            code=Exit.MALFORMED,
        ) from None
