"""What several commands share: their options, and the way to cases and settings."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from starter.endings import CannotGoOn, Exit

if TYPE_CHECKING:
    from procedure.entries import Entry
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


def with_cases(address: str | None, namespace: str | None, ask: "Callable[[Cases], Coroutine[Any, Any, T]]") -> T:
    """What ``ask`` gets from the cases on the engine."""
    from starter.client import Cases, Place, connect

    async def asked() -> T:
        return await ask(Cases(await connect(Place(address, namespace))))

    return asyncio.run(asked())


def is_dossier(given: str) -> bool:
    """Whether what was given in a reference's place is a dossier."""
    return given.endswith(".zip")


def entries_of(given: str, address: str | None, namespace: str | None) -> "list[Entry]":
    """A case's entries, from the engine or from a dossier; from a dossier those whose header its reader sees.

    Raises CannotGoOn.
    """
    if is_dossier(given):
        from starter.auditing import entries_in_dossier

        return entries_in_dossier(Path(given))
    from procedure.entries import entry_from_json
    from starter.auditing import whole_ledger

    told = with_cases(address, namespace, lambda cases: whole_ledger(cases, given))
    return [entry_from_json(each) for each in told]
