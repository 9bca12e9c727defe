"""The commands of an auditor: `homeward audit`, `verify`, `statistics` and `archive`."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from starter.endings import CannotGoOn, Exit
from starter.options import Address, AsJson, Because, Debug, Namespace, Reference, known, print_json, with_cases

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from casefile.dossier import Dossier
    from casefile.engine import TodaysCode
    from casefile.erasure import Erased
    from casefile.findings import Finding
    from casefile.readings import Newest, Reading
    from casefile.statistics import CaseFigures
    from procedure.entries import Entry
    from starter.auditing import Looked
    from starter.client import Cases

auditors_app = typer.Typer(rich_markup_mode=None)

Archived = Annotated[
    str | None,
    typer.Option(
        "--archive",
        metavar="WHERE",
        help="The archive of ended runs: a folder or a URL. [env: HOMEWARD_ARCHIVE_URL; default: the data folder's]",
    ),
]
Offline = Annotated[bool, typer.Option("--offline", help="Ask no engine: read the archive alone.")]
InLanguage = Annotated[
    str, typer.Option("--language", metavar="CODE", help="Language of the pages: en, ro, uk, ru or ky.")
]


PublishedKeysAt = Annotated[
    Path | None,
    typer.Option(
        "--keys",
        metavar="PATH",
        help="Published keys, a file or a folder, that you have from the authorities: signatures are checked with these.",
    ),
]


@auditors_app.command("audit")
def audit_command(
    reference: Reference,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write a dossier, a .zip, there.")] = None,
    reader: Annotated[
        str,
        typer.Option(
            "--for",
            metavar="READER",
            help="For whom the dossier is: auditor, court, ombudsperson, host_authority, guardian, legal_counsel, "
            "caseworker, origin_authority or monitor.",
        ),
    ] = "auditor",
    language: InLanguage = "en",
    archive: Archived = None,
    offline: Offline = False,
    keys: PublishedKeysAt = None,
    because: Because = None,
    address: Address = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Audit a case; may write a dossier.

    Verifies the chain and the engine's history against it, runs the case through today's code, and shows of each
    safeguard by which entries it was kept. Exit 4 when the record does not verify.
    """
    from casefile.languages import LANGUAGES
    from casefile.redaction import READERS
    from sealing.composing import seal_of
    from starter import showing
    from starter.auditing import archive_at, archive_of, audited_case, keys_at, write_dossier
    from starter.client import CaseErased
    from starter.erasing import left_of
    from starter.looking import erasure_in, left_of_erased
    from starter.sealed import seal_offline

    if reader == "law_enforcement":
        raise CannotGoOn(
            "Law enforcement reads nothing of a case: what a child tells care is never used for enforcement.",
            code=Exit.NOT_PERMITTED,
        )
    known("--for", reader, READERS)
    known("--language", language, LANGUAGES)
    if out is None and (reader != "auditor" or language != "en"):
        raise CannotGoOn("--for and --language are the dossier's: name the file with --out.", code=Exit.MALFORMED)
    if out is not None and out.is_dir():
        raise CannotGoOn(f"--out: {out} is a folder; name a file in it.", code=Exit.MALFORMED)

    quiet_logs()

    async def run(cases: "Cases | None") -> bool:
        where = archive or await archive_of(cases)
        if cases is None and where is None:
            raise CannotGoOn("--offline reads the archive alone: name it with --archive.", code=Exit.MALFORMED)
        kept = archive_at(where, seal_of(cases.client) if cases else await seal_offline())
        if cases is None and kept is not None and (erased := await erasure_in(kept, reference)) is not None:
            return _told_what_is_left(
                erased, await left_of(kept, erased, keys=keys_at(keys) if keys else None), as_json=as_json
            )
        with showing.bar("Runs") as progress:
            looking = audited_case(
                reference,
                cases=cases,
                archive=kept,
                code=todays_code(),
                keys=keys_at(keys) if keys else None,
                progress=progress,
            )
            try:
                async with looking as looked:
                    await _may_be_shown(cases, looked, reader if out is not None else None, because)
                    if out is not None:
                        write_dossier(
                            out,
                            looked,
                            reader=reader,  # pyright: ignore[reportArgumentType] - known() has looked
                            language=language,
                            version=_version(),
                        )
            except CaseErased:
                if out is not None:
                    raise
                erased = await left_of_erased(cases, kept, reference, "audit")
                assert kept is not None
                return _told_what_is_left(
                    erased, await left_of(kept, erased, keys=keys_at(keys) if keys else None), as_json=as_json
                )
        told = {
            **looked.audited.as_json(),
            "in_engine": looked.gathered.in_engine,
            "in_archive": looked.gathered.in_archive,
        }
        if as_json:
            print_json(told)
        else:
            showing.audit(showing.out(), told, str(out) if out else None)
        return not looked.audited.findings

    verifies = asyncio.run(run(None)) if offline else with_cases(address, namespace, run)
    if not verifies:
        raise typer.Exit(Exit.DOES_NOT_VERIFY)


def _told_what_is_left(erased: "Erased", findings: "list[Finding]", *, as_json: bool) -> bool:
    """Say what is left of an erased case, and whether it verifies."""
    from casefile.erasure import erasure_remarks
    from starter import showing

    told = {
        "reference": erased.reference,
        "verifies": not findings,
        "entries": len(erased.lines),
        "head": erased.head,
        "findings": [finding.as_json() for finding in findings],
        "remarks": erasure_remarks(erased),
        "erased": erased.as_json(),
    }
    if as_json:
        print_json(told)
    else:
        showing.left_of_erased(showing.out(), told)
    return not findings


async def _may_be_shown(cases: "Cases | None", looked: "Looked", reader: str | None, because: str | None) -> None:
    """Ask whether whoever asks may see this, and note that they did. Raises CannotGoOn."""
    from starter.looking import look_at, not_firewalled, note

    what = f"dossier for {reader}" if reader else "audit"
    if not_firewalled() is None:
        await note(cases, looked.gathered.record.reference, what, None, head=looked.audited.as_json()["head"])
        return
    await look_at(
        cases,
        looked.gathered.record.reference,
        list(looked.gathered.record.entries()),
        what,
        because=because,
        part="past",
        dossier=reader,  # pyright: ignore[reportArgumentType] - known() has looked
    )


@auditors_app.command("readings")
def readings_command(
    reference: Reference,
    hash: Annotated[
        list[str] | None,
        typer.Option(
            "--hash",
            metavar="HEX",
            help="The hash of a line that you hold: it must stand in the log. As often as you like.",
        ),
    ] = None,
    address: Address = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Who has read a case: the log of every reading, verified.

    Exit 4 where a line was changed, removed, put in or moved. That you asked is the newest line.
    """
    from casefile.readings import faults_of_readings
    from starter import showing
    from starter.auditing import archive_for
    from starter.client import CaseErased
    from starter.looking import left_of_erased, log_of, look, not_firewalled, note

    held = [each.lower() for each in hash or []]
    if not all(_is_head(each) for each in held):
        raise CannotGoOn("--hash: a hash is 64 hexadecimal digits.", code=Exit.MALFORMED)

    async def ask(cases: "Cases") -> "tuple[list[Reading], Newest | None]":
        try:
            if not_firewalled() is None:
                view = await cases.view(reference)
                await note(cases, reference, "readings", None, head=view["head"])
            else:
                await look(cases, reference, "readings", part="readings")
        except CaseErased:
            # Who read a case can be asked for longer than the case can be read.
            await left_of_erased(cases, await archive_for(cases), reference, "readings")
        return await log_of(cases, reference)

    readings, newest = with_cases(address, namespace, ask)
    faults = faults_of_readings(readings, newest, held)
    told = {
        "reference": reference,
        "verifies": not faults,
        "faults": faults,
        "readings": [reading.as_json() for reading in readings],
    }
    if as_json:
        print_json(told)
    else:
        showing.readings(showing.out(), told)
    if faults:
        raise typer.Exit(Exit.DOES_NOT_VERIFY)


@auditors_app.command("verify")
def verify_command(
    dossier: Annotated[
        str, typer.Argument(metavar="DOSSIER", help="The dossier, a .zip; or the certificate of an erasure, a .json.")
    ],
    head: Annotated[
        list[str] | None,
        typer.Option(
            "--head",
            metavar="HEX",
            help="A head of this case that you hold: it must stand in the record. As often as you like.",
        ),
    ] = None,
    replay: Annotated[
        bool, typer.Option("--replay/--no-replay", help="Whether to run the histories through this version's code.")
    ] = True,
    pages: Annotated[
        Path | None,
        typer.Option(
            "--pages", metavar="FILE.pdf", help="Make the pages anew from what was checked, and write them there."
        ),
    ] = None,
    keys: PublishedKeysAt = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Check a dossier; needs no server and no key.

    Its parts, the chain, who signed each act, the agreement, and the engine's history against the ledger; and that the code makes these
    entries, and no others, of that history. Exit 4 when it does not verify.
    """
    from casefile.verify import verify
    from starter import showing
    from starter.auditing import keys_at, opened_dossier, remark_on_keys, write_pages

    held = [each.lower() for each in head or []]
    if not all(_is_head(each) for each in held):
        raise CannotGoOn("--head: a head is 64 hexadecimal digits.", code=Exit.MALFORMED)
    quiet_logs()
    if (erased := _certificate(Path(dossier))) is not None:
        from casefile.erasure import erasure_findings

        findings = erasure_findings(erased, held, keys=keys_at(keys) if keys else None)
        if not _told_what_is_left(erased, findings, as_json=as_json):
            raise typer.Exit(Exit.DOES_NOT_VERIFY)
        return
    with opened_dossier(Path(dossier)) as opened:
        verified = verify(opened, held=held, keys=keys_at(keys) if keys else None)
        if keys is not None:
            verified.remarks.append(remark_on_keys(keys))
        told = {**verified.as_json(), "made_with": opened.manifest.made_with, "replayed": None}
        # What is wrong already is not run.
        if replay and verified.runs and not verified.findings:
            told |= asyncio.run(_replayed(opened))
        if pages is not None and told["verifies"]:
            write_pages(opened, pages)
            told["pages"] = str(pages)
    if as_json:
        print_json(told)
    else:
        showing.verified(showing.out(), told)
    if told["findings"]:
        raise typer.Exit(Exit.DOES_NOT_VERIFY)


def _certificate(path: Path) -> "Erased | None":
    """The certificate of an erasure, where the file is JSON; None for anything else. Raises CannotGoOn."""
    from casefile.erasure import Erased, NotAnErasure

    try:
        with path.open("rb") as file:
            if file.read(1) != b"{":
                return None
            return Erased.of_bytes(b"{" + file.read())
    except OSError as error:
        raise CannotGoOn(f"{path} cannot be read ({error.strerror}).", code=Exit.MALFORMED) from None
    except NotAnErasure as why:
        raise CannotGoOn(
            f"{path} is no dossier and no certificate of an erasure: {why}.", code=Exit.MALFORMED
        ) from None


def _is_head(text: str) -> bool:
    return len(text) == 64 and all(letter in "0123456789abcdefABCDEF" for letter in text)


async def _replayed(dossier: "Dossier") -> dict[str, Any]:
    """The runs of a dossier run through today's code; a program's fault is no reason to believe a record."""
    from casefile.audit import code_findings
    from casefile.findings import Finding

    code, chain = todays_code(), dossier.lineage.chain
    findings: list[dict[str, Any]] = []
    if (made_with := dossier.manifest.made_with) != f"homeward {_version()}":
        other = f" It was made with {made_with}, and this is homeward {_version()}: check it with that version too."
    else:
        other = ""
    for outline in chain:
        run = dossier.run(outline.run_id)
        try:
            found = list(code_findings(run, await code.replay(run)))
        except Exception as error:  # noqa: BLE001 - a history of somebody's making may break anything
            sentence = f"Run {run.run_id} cannot be run through any code ({type(error).__name__})."
            found = [Finding("code", sentence)]
        findings += [{**each.as_json(), "sentence": each.sentence + other} for each in found]
    return {"replayed": len(chain), "findings": findings, "verifies": not findings}


@auditors_app.command("statistics")
def statistics_command(
    dossiers: Annotated[
        list[Path] | None,
        typer.Argument(metavar="DOSSIER", help="Dossiers to count; without any, the cases that the engine lists."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Draw the picture, an .svg, there.")] = None,
    language: InLanguage = "en",
    address: Address = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Figures over many cases.

    Time in each stage, deadlines missed by office, refusals by safeguard, detentions and hours to release, endings.
    No child and no case is named.
    """
    from casefile.languages import LANGUAGES
    from casefile.languages import language as language_of
    from casefile.pictures import statistics_picture
    from casefile.statistics import figures_of, statistics
    from starter import showing

    known("--language", language, LANGUAGES)
    if dossiers:
        figures = [figures_of(entries) for entries in _each_case_once(dossiers)]
    else:
        figures = with_cases(address, namespace, _figures)
    found = statistics(figures)
    if out is not None:
        said = language_of(language)
        try:
            out.write_text(
                statistics_picture(found, say=said.term, _=said.gettext, state=said.state, number=said.number),
                encoding="utf-8",
            )
        except OSError as error:
            raise CannotGoOn(f"{out} cannot be written ({error.strerror}).", code=Exit.MALFORMED) from None
    if as_json:
        print_json(found.as_json())
        return
    showing.statistics(showing.out(), found.as_json())
    if out is not None:
        print(f"The picture is written to {out}.")


def _each_case_once(dossiers: "list[Path]") -> "Iterator[list[Entry]]":
    """The entries of each case, of a case with several dossiers those of the longest. Raises CannotGoOn."""
    from starter.auditing import entries_in_dossier

    cases: dict[str, list[Entry]] = {}
    for path in dossiers:
        entries = entries_in_dossier(path)
        reference = str(entries[0].facts.get("reference", path))
        if len(entries) > len(cases.get(reference, ())):
            cases[reference] = entries
    yield from cases.values()


async def _figures(cases: "Cases") -> "list[CaseFigures]":
    from casefile.statistics import figures_of
    from starter import showing
    from starter.looking import counted

    references = counted([reference async for reference in cases.references(closed=True)])
    figures: list[CaseFigures] = []
    silent = 0
    with showing.bar("Cases") as progress:
        for done, reference in enumerate(references):
            progress(done, len(references))
            try:
                figures.append(figures_of(await _headers(cases, reference)))
            except CannotGoOn as error:
                if error.code is Exit.NO_ENGINE:
                    raise
                silent += 1
        progress(len(references), len(references))
    if silent:
        print(f"{silent} cases gave no answer and are not counted.", file=sys.stderr)
    return figures


async def _headers(cases: "Cases", reference: str) -> "Sequence[Entry]":
    """A case's entries; of one that was erased their headers, of which figures are made all the same."""
    from procedure.entries import entry_from_json
    from starter.auditing import archive_for, whole_ledger
    from starter.client import CaseErased
    from starter.looking import certificate_of

    try:
        return [entry_from_json(each) for each in await whole_ledger(cases, reference)]
    except CaseErased:
        return (await certificate_of(cases, await archive_for(cases), reference)).lines


@auditors_app.command("archive")
def archive_command(
    archive: Archived = None,
    address: Address = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Keep every ended run that is not in the archive.

    Workers do this by themselves, each run when it ends and hourly for what was missed; this looks at all that the
    engine still has.
    """
    from starter import showing

    async def sweep(cases: "Cases") -> dict[str, int]:
        from activities.archiving import Archivist
        from casefile.archive import Archive, ArchiveUnreachable
        from sealing.composing import seal_of
        from starter.auditing import archive_of
        from workflows.messages import Sweep

        where = archive or await archive_of(cases, make=True)
        if where is None:
            raise CannotGoOn("Name the archive with --archive, or HOMEWARD_ARCHIVE_URL.", code=Exit.MALFORMED)
        try:
            kept: Archive = Archive(where, seal=seal_of(cases.client), make=True)
            with showing.bar("Runs"):
                swept = await Archivist(cases.client, lambda: kept).keep_missed_runs(Sweep())
        except ArchiveUnreachable as error:
            raise CannotGoOn(str(error)) from None
        return {"seen": swept.seen, "kept": swept.kept, "failed": swept.failed}

    swept = with_cases(address, namespace, sweep)
    if as_json:
        print_json(swept)
    else:
        print(f"Ended runs: {swept['seen']}. Missing in the archive, and kept now: {swept['kept']}.")
        if swept["failed"]:
            print(f"{swept['failed']} could not be kept; look whether a worker runs, and try again.")
    if swept["failed"]:
        raise typer.Exit(Exit.FAILED)


def quiet_logs() -> None:
    """What a replayed case would log has been logged long ago, and must not come among the answers."""
    import logging

    from activities.logs import configure_logs

    configure_logs("console", "error", to=sys.stderr)
    logging.disable(logging.CRITICAL)


def todays_code() -> "TodaysCode":
    """The workflows that a worker of this version runs."""
    from casefile.engine import TodaysCode
    from worker import WORKFLOWS, workflow_runner
    from workflows.raw import RawUnlessTyped

    return TodaysCode(WORKFLOWS, workflow_runner(), RawUnlessTyped)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("homeward")
    except PackageNotFoundError:
        return "from source"
