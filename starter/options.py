"""What several commands share: their options, and the way to cases and settings."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO, TypeVar

import typer

from starter.endings import CannotGoOn, Exit
from starter.json_values import is_object

if TYPE_CHECKING:
    from activities.watching import EnginePage
    from casefile.redaction import Line
    from desk.people import Person
    from starter.client import Cases

T = TypeVar("T")

Address = Annotated[
    str | None, typer.Option("--address", metavar="HOST:PORT", help="Where the engine is. [env: TEMPORAL_ADDRESS]")
]
Namespace = Annotated[
    str | None, typer.Option("--namespace", metavar="NAME", help="The engine's namespace. [env: TEMPORAL_NAMESPACE]")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, one document.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show where in the program an error came from.")]
ReferenceOrDossier = Annotated[
    str, typer.Argument(metavar="REFERENCE", help="The case's reference, or a dossier (a .zip).")
]
Reference = Annotated[str, typer.Argument(metavar="REFERENCE", help="The case's reference.")]

DataOfKeys = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="The data folder whose keys are meant. [env: HOMEWARD_DATA]"),
]
Because = Annotated[
    str | None,
    typer.Option(
        "--because",
        metavar="REASON",
        help="Why you open a colleague's case: stands_in, urgent, supervision, hand_over, siblings or "
        "answers_a_question. Kept in the log of readings.",
    ),
]


def print_json(document: Any) -> None:
    print(json.dumps(document, ensure_ascii=False, indent=2))


def known(option: str, given: str | None, names: Sequence[str]) -> None:
    if given is not None and given not in names:
        raise CannotGoOn(f"{option}: there is no {given}; there are {', '.join(names)}.", code=Exit.MALFORMED)


def settings_of(**given: Any) -> Any:
    from activities.settings import SettingsFault, read_settings

    try:
        return read_settings(**given)
    except SettingsFault as error:
        sentence = "What is set in the environment cannot be used."
        raise CannotGoOn(sentence, code=Exit.MALFORMED, faults=error.faults) from None


def with_cases(
    address: str | None,
    namespace: str | None,
    ask: "Callable[[Cases], Coroutine[Any, Any, T]]",
    *,
    signing: bool | None = False,
) -> T:
    """What ``ask`` gets from the cases on the engine.

    ``signing``: what is said to them is signed, where a key is here. None: it is, but on an engine of this machine where
    nobody signs in, so that stock tools can go on with what is opened here.
    """
    from activities.signing import is_on_this_machine
    from starter.client import Cases, Place, connect
    from starter.sealed import with_its_keys

    person = see_who_asks()

    async def asked() -> T:
        async with with_its_keys(await connect(Place(address, namespace))) as client:
            unsigned_here = person is None and is_on_this_machine(client) and settings_of().unsigned_acts != "refuse"
            if signing is False or (signing is None and unsigned_here):
                return await ask(Cases(client))
            from starter.signing import signer_for

            return await ask(Cases(client, signer=await signer_for(client)))

    return asyncio.run(asked())


def see_who_asks() -> "Person | None":
    """Who is signed in; None where no sign-in file is set. Raises CannotGoOn (not permitted) where nobody is."""
    if settings_of().sign_in is None:
        return None
    from starter.signed_in import who

    return who()


def as_oneself(said: Any, field: str, person: "Person | None") -> Any:
    """What is said, by who is signed in: ``field`` becomes them where nobody is named in it.

    ``person``: as :func:`see_who_asks` tells, asked once for all that one file says, since the settings are read each
    time. Raises CannotGoOn (not permitted) where somebody else is named. Where nobody is asked to sign in, it stays as
    it is.
    """
    if person is None or not is_object(said):
        return said
    actor, named = person.as_actor(), said.get(field)
    if named is not None and not (is_object(named) and {**actor, **named} == actor):
        raise CannotGoOn(
            f"`{field}` names somebody else than who is signed in, or another role, state or office; nothing was sent. "
            "Leave it out, or sign in as that person.",
            code=Exit.NOT_PERMITTED,
        )
    return {**said, field: actor}


def log_to(stream: TextIO, *, level: str | None = None) -> None:
    """Send this process's log lines there, the engine client's own core included."""
    from temporalio.runtime import Runtime, TelemetryConfig

    from activities.logs import configure_logs, engine_logging

    settings = settings_of()
    configure_logs(settings.log_format, level or settings.log_level, to=stream)
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=engine_logging())))


def log_and_measure(stream: TextIO) -> "EnginePage | None":
    """The same for a process that stays: it measures too, where an address is set for that.

    The engine client's own measures are returned, for whoever tells them.
    """
    from temporalio.runtime import Runtime

    from activities.logs import configure_logs
    from activities.watching import runtime_that_measures

    settings = settings_of()
    configure_logs(settings.log_format, settings.log_level, to=stream)
    runtime, page = runtime_that_measures(settings)
    Runtime.set_default(runtime)
    return page


def is_dossier(given: str) -> bool:
    """Whether what was given in a reference's place is a dossier."""
    return given.endswith(".zip")


def lines_of(
    given: str,
    address: str | None,
    namespace: str | None,
    what: str,
    *,
    because: str | None = None,
    whole: bool = False,
) -> "list[Line]":
    """A case's entries as whoever asks may see them, from the engine or from a dossier.

    That a case was read is noted, as ``what``; a dossier was made for its reader, and of it the entries whose header
    that reader sees are given. ``whole``: it is for who sees the whole record. Raises CannotGoOn.
    """
    if is_dossier(given):
        from starter.auditing import entries_in_dossier

        return [*entries_in_dossier(Path(given))]
    from starter.auditing import archive_for
    from starter.client import CaseErased
    from starter.looking import left_of_erased, look

    async def read(cases: "Cases") -> "list[Line]":
        try:
            return (await look(cases, given, what, because=because, whole=whole)).lines()
        except CaseErased:
            if whole:
                raise  # nobody can look back into what nobody can read
            return [*(await left_of_erased(cases, await archive_for(cases), given, what)).lines]

    return with_cases(address, namespace, read)
