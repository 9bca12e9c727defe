"""The command line: `homeward`. Answers go to standard output; progress and trouble go to standard error.

With --json standard output holds one JSON document and nothing else; trouble is then one JSON object
on standard error, `{"error": …, "faults": […]}`. Exit codes are the contract's (section 8).
"""

import asyncio
import json
import os
import socket
import sys
import traceback
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

from procedure.entries import Entry
from procedure.faults import Fault, Malformed, MalformedIntake
from sealing.faults import SealingFault
from starter.auditors import auditors_app
from starter.backups import backups_app
from starter.desks import desk_app
from starter.endings import CannotGoOn, Exit
from starter.erasures import erasures_app
from starter.foreseeing import foreseeing_app
from starter.keys import codec_command, keys_app
from starter.options import (
    Address,
    AsJson,
    Because,
    Debug,
    Namespace,
    Reference,
    ReferenceOrDossier,
    as_oneself,
    is_dossier,
    known,
    lines_of,
    log_and_measure,
    log_to,
    print_json,
    see_who_asks,
    settings_of,
    with_cases,
)
from starter.signing_in import signing_in_app
from starter.signing_keys import signing_app

if TYPE_CHECKING:
    # Imported where used: `homeward --help` must not wait for an engine's client to load.
    from temporalio.client import Client

    from activities.tracing import Tracing
    from activities.watching import EnginePage
    from casefile.looking_back import ThenAndNow
    from procedure.entries import Entry
    from sealing.composing import OpenSealing
    from starter.acts_file import GivenActs
    from starter.client import Cases
    from starter.rehearsal import Course, Played
    from starter.scenario import Read
    from starter.up import Running

T = TypeVar("T")

app = typer.Typer(
    name="homeward",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
agreements_app = typer.Typer(help="Agreement profiles.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(agreements_app, name="agreements")
app.add_typer(auditors_app)
app.add_typer(erasures_app)
app.add_typer(backups_app)
app.add_typer(foreseeing_app)
app.add_typer(desk_app)
app.add_typer(signing_in_app)
app.add_typer(keys_app, name="keys")
keys_app.add_typer(signing_app, name="signing")
app.command("codec")(codec_command)


def run() -> NoReturn:
    """The console command. Never returns, and never shows a traceback unless --debug is given."""
    argv = sys.argv[1:]
    code = ended(argv)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass  # whoever read it has gone
    # A process that used the engine's client may abort while the interpreter tears down, long after its work is done.
    os._exit(code)


def ended(argv: list[str]) -> int:
    """Run one command to its end in this process; its exit code (contract, section 8)."""
    asked = argv[: argv.index("--")] if "--" in argv else argv
    debug, as_json = "--debug" in asked, "--json" in asked
    try:
        app(args=argv, prog_name="homeward")
        return Exit.DONE
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else Exit.FAILED if ended.code else Exit.DONE
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return Exit.DONE
    except CannotGoOn as error:
        if debug:
            traceback.print_exc()
        _trouble(error.sentence, error.faults, as_json=as_json)
        return error.code
    except SealingFault as error:
        if debug:
            traceback.print_exc()
        from starter.sealed import told

        ended = told(error)
        _trouble(ended.sentence, ended.faults, as_json=as_json)
        return ended.code
    except Malformed as error:
        if debug:
            traceback.print_exc()
        # A scenario's faults are told by file, step and field, and to a program in so many fields.
        faults = getattr(error, "found", error.faults) if as_json else error.faults
        _trouble(f"The {error.what} is malformed; nothing was done.", faults, as_json=as_json)
        return Exit.MALFORMED
    except Exception as error:  # noqa: BLE001
        if debug:
            traceback.print_exc()
        _trouble(f"An unforeseen error ({type(error).__name__}); --debug shows where.", [], as_json=as_json)
        return Exit.FAILED


def _trouble(sentence: str, faults: Sequence[Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"error": sentence, "faults": list(faults)}, ensure_ascii=False), file=sys.stderr)
        return
    from starter import showing

    showing.faults(showing.err(), sentence, faults)


def _print_version(asked: bool) -> None:
    if asked:
        from procedure import PROCEDURE_VERSION

        print(f"homeward {_version()} (procedure {PROCEDURE_VERSION})")
        raise typer.Exit


@app.callback()
def _homeward(  # pyright: ignore[reportUnusedFunction]
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", is_eager=True, callback=_print_version)
    ] = False,
    debug: Debug = False,
) -> None:
    """Conducts the return procedure of a child found in another state, with the safeguards built in."""


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("homeward")
    except PackageNotFoundError:
        return "from source"


# Everything embedded


@app.command("up")
def up_command(
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Where the state is kept. [env: HOMEWARD_DATA]")
    ] = None,
    demo: Annotated[bool, typer.Option("--demo", help="Add invented cases, once per data folder.")] = False,
    engine_port: Annotated[int, typer.Option("--engine-port", min=0, max=65535, help="0 for any free one.")] = 7233,
    ui_port: Annotated[int, typer.Option("--ui-port", min=0, max=65535, help="0 for any free one.")] = 8233,
    desk_port: Annotated[int, typer.Option("--desk-port", min=0, max=65535, help="0 for any free one.")] = 8080,
    namespace: Annotated[str, typer.Option("--namespace", metavar="NAME", help="The engine's namespace.")] = "default",
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON when all is ready.")] = False,
    debug: Debug = False,
) -> None:
    """Start everything embedded, until Ctrl-C.

    The engine with its file, the worker, and invented cases if asked for. What it keeps in the data folder
    it finds again, also after a crash.
    """
    from activities.tracing import tracing_of
    from starter import showing
    from starter.embedded import DataFolder
    from starter.signing import own_signer
    from starter.up import Wanted, say_on_stderr, up

    settings = settings_of(data=data)
    folder = DataFolder(settings.data)
    folder.hold()
    signer = own_signer(settings)
    # The terminal shows addresses and cases; what the worker has to say goes where an operator looks for it.
    engine_page = log_and_measure(folder.worker_log.open("a", encoding="utf-8"))
    tracing = tracing_of("homeward")

    if sys.stderr.isatty():
        say_on_stderr("Starting engine and worker …")

    async def announce(running: "Running", cases: "Cases") -> None:
        if as_json:
            print(running.as_line(), flush=True)
            return
        console = showing.out()
        console.print("[bold]Homeward is up.[/bold]")
        showing.places(
            console,
            {
                "engine": f"{running.engine}  (namespace {running.namespace})",
                "engine's own pages": running.ui,
                "desk": f"{running.desk}  (development sign-in: invented people, on this machine only)",
                "data folder": running.data,
                "logs": f"{running.data}/worker.log and engine.log",
                "clear text": f"{running.desk}/codec for `temporal`, with the token in {running.data}/codec.token",
            },
        )
        console.print()
        showing.caseload(console, await _caseload_rows(cases))
        console.print("\nOpen a case with `homeward open INTAKE.json`. Ctrl-C stops everything.", soft_wrap=True)
        sys.stdout.flush()

    try:
        with showing.bar("Invented cases") as progress:
            asyncio.run(
                up(
                    Wanted(folder, namespace, engine_port, ui_port, desk_port, demo, signer, tracing),
                    _work,
                    partial(_desk, engine_page=engine_page, tracing=tracing),
                    announce=announce,
                    say=say_on_stderr,
                    progress=progress,
                )
            )
    finally:
        if tracing is not None:
            tracing.close()


# Cases


@app.command("open")
def open_command(
    intake: Annotated[str, typer.Argument(metavar="INTAKE.json", help="The intake; - reads standard input.")],
    signed: Annotated[
        bool | None,
        typer.Option(
            "--signed/--unsigned",
            help="Whether acts count in this case only when they are signed. Left out: not on an engine of this "
            "machine, unless one signs in; everywhere else they must be.",
        ),
    ] = None,
    address: Address = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Open a case; prints its reference."""
    text = intake_of(intake)
    reference = with_cases(address, namespace, lambda cases: cases.open(text), signing=signed)
    if as_json:
        print_json({"reference": reference})
    else:
        print(reference)


@app.command("record")
def record_command(
    reference: Reference,
    acts: Annotated[
        str,
        typer.Argument(metavar="ACT.json", help="One act, a JSON array, or one act a line; - reads standard input."),
    ],
    address: Address = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Record acts; prints the receipts.

    One act, or several in one file. If any of them is malformed, none is sent.
    """
    from procedure.faults import MalformedAct
    from starter import showing

    given = acts_of(acts)
    receipts: list[dict[str, Any]] = []

    from starter.looking import recorded

    async def record(cases: "Cases") -> None:
        for n, act in enumerate(given.acts, start=1):
            try:
                receipts.append(await recorded(cases, reference, act))
            except MalformedAct as malformed:
                raise MalformedAct(given.at(n, malformed.faults)) from None
            if not as_json:
                showing.receipt(showing.out(), receipts[-1], str(act.get("act")))

    try:
        with_cases(address, namespace, record, signing=True)
    except MalformedAct as malformed:
        if not receipts:
            raise
        done = "Act 1 was recorded" if len(receipts) == 1 else f"Acts 1 to {len(receipts)} were recorded"
        sentence = f"{done}; the next one is malformed, and nothing after it was sent."
        raise CannotGoOn(sentence, code=Exit.MALFORMED, faults=malformed.faults) from None
    finally:
        if as_json and (receipts or given.many):
            print_json(receipts if given.many else receipts[0])
    if any(receipt["result"] == "refused" for receipt in receipts):
        raise typer.Exit(Exit.REFUSED)


@app.command("show")
def show_command(
    reference: ReferenceOrDossier,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="WHEN", help="As it was at an entry number, a time, or the end of a day (UTC)."),
    ] = None,
    beside_now: Annotated[
        bool, typer.Option("--beside-now", help="With --at: what was known then beside what is known now.")
    ] = False,
    acts: Annotated[
        bool, typer.Option("--acts", help="Also the acts that were open to each role, and why others were not.")
    ] = False,
    because: Because = None,
    address: Address = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """The case view now, or as it was.

    REFERENCE may also be a dossier, a .zip: then no engine is asked, and now is the dossier's newest entry.
    """
    from starter import showing
    from starter.moments import read_when

    if beside_now and at is None:
        raise CannotGoOn("--beside-now goes with --at: it compares what was known then.", code=Exit.MALFORMED)
    try:
        asked = read_when(at) if at is not None else None
    except ValueError as error:
        raise CannotGoOn(f"--at {error}", code=Exit.MALFORMED) from None
    dossier = is_dossier(reference)
    if asked is None and not acts and not dossier:
        view = with_cases(address, namespace, lambda cases: _view(cases, reference, because))
        if as_json:
            print_json(view)
        else:
            showing.case(showing.out(), view, now=datetime.now(UTC))
        return
    entries = [
        line
        for line in lines_of(reference, address, namespace, "show: as it was", because=because, whole=True)
        if isinstance(line, Entry)
    ]
    now = entries[-1].at if dossier else datetime.now(UTC)
    as_it_was = f"entry {asked}" if isinstance(asked, int) else at
    looked = _looked_back(entries, asked if asked is not None else entries[-1].n, now)
    seen_from = asked if isinstance(asked, datetime) else now
    every_act = [act.as_json() for act in looked.acts]
    if as_json:
        told = looked.as_json() if beside_now else dict(looked.then.view)
        print_json({**told, "acts": every_act} if acts else told)
        return
    console = showing.out()
    showing.case(console, looked.then.view, now=seen_from, as_it_was=as_it_was)
    if beside_now:
        showing.then_and_now(console, looked.as_json())
    if acts:
        showing.acts(console, every_act)


async def _view(cases: "Cases", reference: str, because: str | None) -> dict[str, Any]:
    """The case view as whoever asks may see it; that it was read is noted."""
    from starter.looking import look, not_firewalled, note

    if not_firewalled() is not None:
        looked = await look(cases, reference, "show", because=because)
        return looked.view(await cases.view(reference))
    view = await cases.view(reference)
    await note(cases, reference, "show", None, head=view["head"])
    return view


def _looked_back(entries: "Sequence[Entry]", when: int | datetime, now: datetime) -> "ThenAndNow":
    from casefile.looking_back import NoSuchMoment, PartialRecord, then_and_now

    try:
        return then_and_now(entries, when, now)
    except NoSuchMoment as error:
        raise CannotGoOn(f"--at: {error}", code=Exit.MALFORMED) from None
    except PartialRecord as error:
        raise CannotGoOn(
            f"{error} A dossier whose reader does not see everything cannot be looked back into."
        ) from None


@app.command("list")
def list_command(
    role: Annotated[str | None, typer.Option("--role", help="Cases in which this role owes an act.")] = None,
    state: Annotated[
        str | None,
        typer.Option("--state", help="With --role or --overdue the state that owes; alone, host or origin state."),
    ] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Cases in which an act is overdue.")] = False,
    stage: Annotated[str | None, typer.Option("--stage", help="Cases in this stage.")] = None,
    hold: Annotated[str | None, typer.Option("--hold", help="Cases under this hold.")] = None,
    address: Address = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """The caseload, by due date; closed cases last."""
    from procedure.vocabulary import HOLDS, ROLES, STAGES
    from starter import showing

    known("--role", role, ROLES)
    known("--stage", stage, STAGES)
    known("--hold", hold, HOLDS)
    rows = with_cases(
        address,
        namespace,
        lambda cases: _caseload_rows(cases, role=role, state=state, overdue=overdue, stage=stage, hold=hold),
    )
    from starter.looking import listed

    rows = listed(rows)
    if as_json:
        print_json(rows)
    else:
        showing.caseload(showing.out(), rows, role=role)


@app.command("ledger")
def ledger_command(
    reference: ReferenceOrDossier,
    refused: Annotated[bool, typer.Option("--refused", help="Refusals only.")] = False,
    language: Annotated[
        str, typer.Option("--language", metavar="CODE", help="Language of the sentences: en, ro, uk, ru or ky.")
    ] = "en",
    because: Because = None,
    address: Address = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """A case's entries, as sentences.

    REFERENCE may also be a dossier, a .zip: then no engine is asked.
    """
    from casefile.languages import LANGUAGES
    from casefile.languages import language as language_of
    from starter import showing

    known("--language", language, LANGUAGES)
    found = lines_of(reference, address, namespace, "ledger", because=because)
    if as_json:
        from casefile.redaction import line_as_json

        wanted = [line for line in found if not refused or (isinstance(line, Entry) and line.kind == "refused")]
        print_json([line_as_json(line) for line in wanted])
        return
    entries = [line for line in found if isinstance(line, Entry) and (not refused or line.kind == "refused")]
    from casefile.story import consequences, sentence
    from procedure.entries import moment

    def told(entry: "Entry") -> str:
        return " ".join((sentence(entry, said), *consequences(entry, said, deadlines=False)))

    console, said = showing.out(), language_of(language)
    if said.needs_review:
        print(said.unreviewed, file=sys.stderr)
    if not entries:
        console.print("No refusals." if refused else "No entries.")
    showing.entries(console, [(each.n, moment(each.at), each.kind, told(each)) for each in entries])


# Trying out


@app.command("rehearse")
def rehearse_command(
    scenarios: Annotated[
        list[str] | None,
        typer.Argument(metavar="SCENARIO", help="Files (YAML or JSON), - for standard input, or shipped names."),
    ] = None,
    all_shipped: Annotated[bool, typer.Option("--all", help="Play every scenario that is shipped.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole record as JSON.")] = False,
    debug: Debug = False,
) -> None:
    """Play scenarios in virtual time.

    On the time-skipping engine, through the real workflows: a year passes in seconds. Without a name it lists
    the scenarios that are shipped.
    """
    from starter.scenario import shipped

    names = [*(scenarios or []), *(shipped() if all_shipped else [])]
    if not names:
        _list_scenarios(as_json=as_json)
        return
    read = scenarios_of(names)
    # A rehearsal is nobody's case: no mail, no webhook and no caseload of the real house may hear of it.
    for name in [name for name in os.environ if name.startswith("HOMEWARD_")]:
        del os.environ[name]
    from starter import showing
    from starter.rehearsal import Listener, rehearse

    log_to(sys.stderr, level="warning" if debug else "error")

    class OnTerminal(Listener):
        def begins(self, course: "Course", steps: int) -> None:
            if not as_json:
                showing.course(showing.out(), course)

        def played(self, course: "Course", step: "Played") -> None:
            if not as_json:
                showing.played(showing.out(), step)
                sys.stdout.flush()

    rehearsal = asyncio.run(rehearse(read, partial(_work, rehearsing=True), OnTerminal()))
    if as_json:
        print_json(rehearsal.as_json())
    else:
        print(rehearsal.summary)
    if rehearsal.as_expected != rehearsal.steps:
        raise typer.Exit(Exit.FAILED)


def _list_scenarios(*, as_json: bool) -> None:
    from starter import showing
    from starter.scenario import find, shipped

    found = [{"name": name, "title": find(name).title} for name in shipped()]
    if as_json:
        print_json(found)
    else:
        showing.names(showing.out(), [(each["name"], each["title"]) for each in found])


def scenarios_of(names: Sequence[str]) -> "list[Read]":
    """Every scenario named, read. Raises with every fault of every file: nothing is played then."""
    from starter.profiles import agreement_faults
    from starter.scenario import MalformedScenario, ScenarioFault, find

    read: list[Read] = []
    found: list[ScenarioFault] = []
    for name in names:
        try:
            scenario = find(name)
            if faults := agreement_faults(scenario):
                raise MalformedScenario(faults)
            read.append(scenario)
        except MalformedScenario as malformed:
            found += malformed.found
        except OSError as error:
            sentence = str(error) if error.errno is None else f"cannot be read ({error.strerror})"
            found.append(ScenarioFault(file=name, step=None, field="$", message=sentence))
    if found:
        raise MalformedScenario(found)
    return read


@agreements_app.command("check")
def agreements_check_command(
    profiles: Annotated[
        list[str], typer.Argument(metavar="PROFILE", help="Files, folders with a profile.toml, or shipped ids.")
    ],
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Hold profiles to the floor.

    A profile that breaks it is refused, clause by clause.
    """
    from starter import showing
    from starter.profiles import check

    checked = [check(profile) for profile in profiles]
    if as_json:
        print_json([each.as_json() for each in checked] if len(checked) > 1 else checked[0].as_json())
    else:
        for each in checked:
            showing.profile(showing.out(), each)
    if any(each.faults for each in checked):
        raise typer.Exit(Exit.MALFORMED)
    if any(each.breaches for each in checked):
        raise typer.Exit(Exit.REFUSED)


@app.command("schema")
def schema_command(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="intake, act, receipt, view, entry, scenario, agreement or delays.")
    ],
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """JSON Schema of what goes in and out."""
    from starter.schemas import NAMES, schema

    known("NAME", name, NAMES)
    print_json(schema(name))


@app.command("rebuild-caseload")
def rebuild_caseload_command(
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="The data folder whose caseload is rebuilt.")
    ] = None,
    address: Address = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Rebuild the caseload from the cases."""
    from starter import showing

    async def rebuild(cases: "Cases") -> dict[str, Any]:
        from activities.caseload import Caseload, CaseloadUnreachable
        from activities.marks import ChildMarks, KeyUnusable
        from activities.rebuild import RebuildFailed, rebuild_caseload
        from starter.up import data_folder_of

        settings = settings_of(data=data or await data_folder_of(cases.client))
        caseload = Caseload(settings.caseload)
        try:
            marks = ChildMarks.with_key_at(settings.duplicates_key)
            with showing.bar("Cases") as progress:
                rebuilt = await rebuild_caseload(cases.client, caseload, marks, progress=progress)
        except (CaseloadUnreachable, KeyUnusable, RebuildFailed) as error:
            raise CannotGoOn(f"Nothing was changed: {error}.") from None
        finally:
            await caseload.close()
        return {"kept": rebuilt.kept, "dropped": rebuilt.dropped, "silent": list(rebuilt.silent)}

    rebuilt = with_cases(address, namespace, rebuild)
    if as_json:
        print_json(rebuilt)
    else:
        gone = f"; {rebuilt['dropped']} that the engine knows no more are gone" if rebuilt["dropped"] else ""
        print(f"The caseload shows {rebuilt['kept']} cases{gone}.")
        if rebuilt["silent"]:
            print(f"Without an answer, and as they were: {', '.join(rebuilt['silent'])}.")


# Inside


def intake_of(name: str) -> str:
    """The text of an intake in a file, by whoever is signed in. Raises MalformedIntake with every fault."""
    from procedure.intake import parse_intake

    text = _by_oneself(_text(name))
    parse_intake(text, today=datetime.now(UTC).date())
    return text


def acts_of(name: str) -> "GivenActs":
    """The acts in a file, by whoever is signed in. Raises MalformedAct with every fault of every act."""
    from procedure.acts import parse_act
    from procedure.faults import MalformedAct, as_answered
    from starter.acts_file import GivenActs, read_acts

    given, person = read_acts(_text(name)), see_who_asks()
    given = GivenActs([as_oneself(act, "actor", person) for act in given.acts], given.many)
    faults: list[Fault] = []
    before: dict[Any, tuple[int, Any]] = {}
    for n, act in enumerate(given.acts, start=1):
        try:
            parse_act(act)
        except MalformedAct as malformed:
            faults += given.at(n, as_answered(malformed.faults))
            continue
        first, same = before.setdefault(act["act_id"], (n, act))
        if same != act:
            # The case would say so too, but only after it has recorded the first of them.
            twice = Fault(path="act_id", message=f"stands at act {first} already, with other content")
            faults += given.at(n, [twice])
    if faults:
        raise MalformedAct(faults)
    return given


def _text(name: str) -> str:
    """The text of a file, or of standard input. Raises CannotGoOn when it cannot be read, or is too long."""
    from starter.acts_file import MOST_BYTES

    try:
        with nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        if len(raw) > MOST_BYTES:
            raise CannotGoOn(
                f"{name} has more than {MOST_BYTES:,} bytes, the most that is read at once. Nothing was sent. Acts may "
                "come in several files.",
                code=Exit.MALFORMED,
            )
        return raw.decode("utf-8-sig")
    except OSError as error:
        raise CannotGoOn(f"{name} cannot be read ({error.strerror}).", code=Exit.MALFORMED) from None
    except UnicodeDecodeError:
        raise CannotGoOn(f"{name} is not UTF-8 text.", code=Exit.MALFORMED) from None


def _by_oneself(intake: str) -> str:
    """An intake's text, opened by who is signed in, where somebody has to be."""
    person = see_who_asks()
    if person is None:
        return intake
    try:
        given = json.loads(intake)
    except (ValueError, RecursionError):
        raise MalformedIntake([Fault(path="$", message="is not JSON")]) from None
    return json.dumps(as_oneself(given, "opened_by", person), ensure_ascii=False)


async def _caseload_rows(
    cases: "Cases",
    *,
    role: str | None = None,
    state: str | None = None,
    overdue: bool = False,
    stage: str | None = None,
    hold: str | None = None,
) -> list[dict[str, Any]]:
    """The caseload by due moment: from its table when it can be had, else from the cases themselves."""
    from activities.caseload import Caseload, CaseloadUnreachable
    from starter.listing import from_cases, from_table
    from starter.looking import table_of

    asked: dict[str, Any] = {"role": role, "state": state, "overdue": overdue or None, "stage": stage, "hold": hold}
    if (url := await table_of(cases)) is not None:
        caseload = Caseload(url)
        try:
            return await from_table(caseload, asked)
        except CaseloadUnreachable as error:
            print(f"{error}; asking the cases themselves.", file=sys.stderr)
        finally:
            await caseload.close()
    return await from_cases(cases, asked)


@asynccontextmanager
async def _work(
    client: "Client", data: Path, profiles: Mapping[str, Path], *, rehearsing: bool = False
) -> AsyncGenerator[None]:
    """A worker on cases, in this process, while the context is open; ``profiles`` are further ones, by id."""
    import worker
    from activities.marks import KeyUnusable
    from activities.notices import AddressBookFault
    from activities.signing import UnsignedActsFault

    try:
        # Named builds are for workers of one's own: nobody would make a name current here, and no case would open.
        settings = settings_of(data=data).model_copy(update={"build_id": None, "promote": False})
        if rehearsing:
            # Nobody acts in a rehearsal, so there is nobody to sign for.
            settings = settings.model_copy(update={"unsigned_acts": "allow"})
        building = worker.build_worker(client, settings, profiles=profiles)
        async with building:
            yield
    except (KeyUnusable, AddressBookFault, UnsignedActsFault) as error:
        raise CannotGoOn(f"The worker cannot start: {error}", code=Exit.MALFORMED) from None
    except worker.NoEngine as error:
        raise CannotGoOn(str(error), code=Exit.NO_ENGINE) from None


@asynccontextmanager
async def _desk(
    cases: "Cases",
    data: Path,
    listening: socket.socket,
    ui: str,
    sealing: "OpenSealing",
    *,
    engine_page: "EnginePage | None" = None,
    tracing: "Tracing | None" = None,
) -> AsyncGenerator[str]:
    """The desk, in this process, while the context is open: for this machine only, with invented people to sign in as.

    Beside it, for the engine's own pages at ``ui`` and for stock tools, what opens sealed payloads.
    """
    from activities.builds import left_alone
    from activities.caseload import Caseload
    from activities.figures import CaseloadFigures
    from activities.watching import AddressTaken, Readiness, Watch, checks_of, watched
    from desk.api import api
    from desk.app import create_app
    from desk.development import DevelopmentSignIn
    from desk.drafts import Drafts
    from desk.frame import Desk
    from desk.rates import Rates
    from sealing.endpoint import BearerFile
    from starter.auditing import archive_at
    from starter.auditors import todays_code
    from starter.codec_door import BesideTheDesk
    from starter.embedded import LOOPBACK
    from starter.serving import pace_of, served

    settings = settings_of(data=data)
    token = BearerFile(settings.codec_token_file)
    token.make()
    address = f"http://{LOOPBACK}:{listening.getsockname()[1]}"
    caseload = Caseload(settings.caseload)
    readiness = Readiness(checks_of(cases.client, caseload))
    # Worker and desk are one process here, and so one address tells of both.
    watch = Watch(
        readiness,
        figures=CaseloadFigures(caseload),
        worked_on=cases.worker_polls,
        left_alone=lambda: left_alone(cases.client),
        engine_page=engine_page,
    )
    desk = Desk(
        cases=cases,
        ready=readiness.ready,
        tracer=tracing.tracer if tracing is not None else None,
        caseload=caseload,
        sign_in=DevelopmentSignIn(),
        base_url=address,
        bind=LOOPBACK,
        drafts=Drafts(data / "drafts"),
        rates=Rates(pace_of(settings)),
        code=todays_code,
        archive=lambda: archive_at(settings.archive, sealing.seal) if Path(settings.archive).is_dir() else None,
    )
    try:
        app = BesideTheDesk(create_app(desk, api=api(desk)), desk, sealing.keyring, token, origins=[ui])
        async with watched(watch, settings), served(app, listening, desk.leaving):
            yield address
    except AddressTaken as taken:
        raise CannotGoOn(str(taken), code=Exit.MALFORMED) from None
    finally:
        await caseload.close()


if __name__ == "__main__":
    run()
