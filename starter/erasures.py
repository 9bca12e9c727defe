"""The command `homeward erase`: a case made unreadable by law, by two officers."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from starter.endings import CannotGoOn, Exit
from starter.options import (
    Address,
    AsJson,
    Debug,
    Namespace,
    Reference,
    known,
    print_json,
    see_who_asks,
    settings_of,
    with_cases,
)

if TYPE_CHECKING:
    from activities.erasures import Erasure
    from casefile.erasure import Erased, Officer
    from starter.client import Cases
    from starter.erasing import Erasing

CLOCKS_DIFFER_BY: Final = timedelta(minutes=5)

_FILE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9./_-]{0,39}")

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
    file: Annotated[
        str | None,
        typer.Option(
            "--file",
            metavar="NUMBER",
            help="With --ground: under which number you keep the request or the order. It stays readable: no name.",
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

    if file is not None and not _FILE.fullmatch(file):
        raise CannotGoOn(
            "--file is a number of your files: 1 to 40 letters, digits and . / - _, and no name.", code=Exit.MALFORMED
        )

    async def run(cases: "Cases") -> dict[str, Any]:
        async with _with_everything(cases) as erasing:
            now = await _moment(erasing)
            if ground is not None or confirm or take_back:
                officer = _officer(cases, reference, by)
                return await _do(erasing, reference, officer, now, ground=ground, file=file, confirm=confirm)
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
    erasing: "Erasing",
    reference: str,
    officer: "Officer",
    now: datetime,
    *,
    ground: Any,
    file: str | None,
    confirm: bool,
) -> dict[str, Any]:
    """Ask, confirm or take back. That somebody is about to, and what came of it, stand in the log of readings."""
    from starter.client import CaseErased
    from starter.erasing import NotToBeErased, for_officers_of
    from starter.looking import look_at, note

    for_officers_of(reference, officer)
    step = "ask" if ground else "confirm" if confirm else "take back"
    person = see_who_asks()

    async def noted(what: str, head: str | None = None) -> None:
        await note(erasing.cases, reference, f"erasure: {what}", person, head=head)

    try:
        standing = None if step == "take back" else await erasing.standing(reference, now)
    except CaseErased:
        if not confirm:
            raise
        standing = None  # the key is gone, and something was left to do
    if standing is not None:
        await look_at(erasing.cases, reference, standing.entries, f"erasure: to {step}", part="past")
    else:
        await noted(f"to {step}")
    try:
        if ground is not None:
            erasure = await erasing.ask(reference, ground, officer, now, file=file, standing=standing)
            told = {"reference": reference, "asked": _asked(erasure)}
        elif confirm:
            told = await _told(erasing, await erasing.confirm(reference, officer, now, standing=standing))
        else:
            await erasing.take_back(reference, officer)
            told = {"reference": reference, "asked": None}
    except NotToBeErased:
        await noted("refused")
        raise
    except BaseException:
        await noted("not finished")
        raise
    await noted("asked" if ground else "done" if confirm else "taken back")
    return told


async def _how_it_stands(erasing: "Erasing", reference: str, now: datetime) -> dict[str, Any]:
    from starter.client import CaseErased
    from starter.looking import left_of_erased, look_at

    try:
        standing = await erasing.standing(reference, now)
    except CaseErased:
        return await _told(erasing, await left_of_erased(erasing.cases, erasing.archive, reference, "erasure"))
    await look_at(erasing.cases, reference, standing.entries, "erasure", part="past")
    erasure = await erasing.erasures.of(reference)
    return {
        "reference": reference,
        "kept_until": standing.kept_until.isoformat() if standing.kept_until else None,
        "obstacles": list(standing.obstacles),
        "asked": _asked(erasure) if erasure else None,
    }


def _asked(erasure: "Erasure") -> dict[str, Any]:
    return {
        "ground": erasure.wish.ground,
        "file": erasure.wish.file,
        "by": erasure.asked.by.id,
        "at": erasure.asked.at.isoformat(),
        "signed": erasure.asked.signature is not None,
        "confirmed": erasure.certificate is not None,
    }


async def _told(erasing: "Erasing", erased: "Erased") -> dict[str, Any]:
    erasure = await erasing.erasures.of(erased.reference)
    return {
        "reference": erased.reference,
        "erased": erased.as_json(),
        "finished": erasure is None or erasure.erased_at is not None,
        "backups_open_with": await erasing.backups_can_be_opened(erased),
        "_erased": erased,
    }


def _officer(cases: "Cases", reference: str, by: str | None) -> "Officer":
    """Who asks: whoever is signed in; where nobody has to be, whom they say they are. Raises CannotGoOn."""
    from casefile.erasure import ROLE, Officer
    from starter.erasing import may_say_who_they_are

    person = see_who_asks()
    if person is not None:
        if by is not None:
            raise CannotGoOn(
                "--as is for where nobody signs in; here you are who you signed in as.", code=Exit.MALFORMED
            )
        return Officer(person.id, person.role, person.state, person.office, signed_in=True)
    if not may_say_who_they_are(cases, settings_of().unsigned_acts):
        raise CannotGoOn(
            "On an engine elsewhere a case is erased by officers who are signed in: set HOMEWARD_SIGN_IN, and run "
            "`homeward login`.",
            code=Exit.NOT_PERMITTED,
        )
    if by is None or not 1 <= len(by.strip()) <= 64:
        raise CannotGoOn(
            "Nobody signs in here, so say with --as which officer of the central authority you are (1 to 64 characters).",
            code=Exit.MALFORMED,
        )
    return Officer(by.strip(), ROLE, reference[:2])


async def _moment(erasing: "Erasing") -> datetime:
    """Now, by the clock here, where the caseload's database agrees. Raises CannotGoOn."""
    now = datetime.now(UTC)
    if abs(await erasing.erasures.clock() - now) > CLOCKS_DIFFER_BY:
        raise CannotGoOn(
            "The clock here and that of the caseload's database differ by minutes. Set them right: a record is not "
            "erased before its time.",
        )
    return now


@asynccontextmanager
async def _with_everything(cases: "Cases") -> AsyncGenerator["Erasing"]:
    from activities.caseload import Caseload, CaseloadUnreachable
    from casefile.archive import ArchiveAltered, ArchiveUnreachable
    from sealing.faults import SealingFault
    from starter.auditing import archive_for
    from starter.erasing import as_command, erasing_with
    from starter.looking import table_of
    from starter.signing import signer_for

    archive, url = await archive_for(cases), await table_of(cases)
    if archive is None or url is None:
        raise CannotGoOn(
            "A case is erased where its caseload and its archive are known: name them with HOMEWARD_DATA, or with "
            "HOMEWARD_CASELOAD_URL and HOMEWARD_ARCHIVE_URL."
        )
    caseload = Caseload(url)
    try:
        yield erasing_with(cases, archive, caseload, await signer_for(cases.client))
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
