"""The commands of whoever keeps the keys: `homeward keys` and `homeward codec`."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from starter.endings import CannotGoOn, Exit
from starter.options import AsJson, DataOfKeys, Debug, print_json, settings_of

if TYPE_CHECKING:
    from activities.caseload import Caseload
    from activities.settings import Settings
    from sealing.composing import OpenSealing
    from sealing.keyring import Keyring

keys_app = typer.Typer(
    help="The keys with which cases are sealed and acts are signed.", no_args_is_help=True, rich_markup_mode=None
)


@keys_app.command("status")
def status_command(data: DataOfKeys = None, as_json: AsJson = False, debug: Debug = False) -> None:
    """How many keys there are, and what wraps them. No key is shown."""

    async def ask(keyring: "Keyring") -> dict[str, Any]:
        return asdict(await keyring.status())

    told = asyncio.run(_with_keyring(data, ask))
    if as_json:
        print_json(told)
        return
    print(f"Key store {told['store']}: {told['keys']} keys of cases, {told['destroyed']} destroyed.")
    for kek in told["held"]:
        newest = ", the newest" if kek == told["newest"] else ""
        print(f"Key-encryption key {kek}{newest}: wraps {told['wrapped_by'].get(kek, 0)}.")
    for kek in sorted(set(told["wrapped_by"]) - set(told["held"])):
        print(f"Key-encryption key {kek} is not here: {told['wrapped_by'][kek]} keys cannot be opened.")


@keys_app.command("rotate")
def rotate_command(data: DataOfKeys = None, as_json: AsJson = False, debug: Debug = False) -> None:
    """A new key-encryption key, and every key wrapped by it.

    No history and nothing that is sealed is touched; running workers go on.
    """

    async def ask(keyring: "Keyring") -> dict[str, Any]:
        newest, wrapped = await keyring.rotate()
        return {"newest": newest, "wrapped_anew": wrapped}

    told = asyncio.run(_with_keyring(data, ask))
    if as_json:
        print_json(told)
        return
    print(f"Key-encryption key {told['newest']} wraps from now on; {told['wrapped_anew']} keys were wrapped anew.")
    print(
        "Make a new backup of the key store and of the key file. `homeward keys forget-old` makes older ones useless."
    )


@keys_app.command("forget-old")
def forget_old_command(
    yes: Annotated[bool, typer.Option("--yes", help="Needed: it cannot be undone.")] = False,
    data: DataOfKeys = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Forget every key-encryption key but the newest.

    From then on no backup of the key store from before can be opened: not the keys that were destroyed since, and not
    the others.
    """
    if not yes:
        raise CannotGoOn(
            "This cannot be undone: backups of the key store from before the last `homeward keys rotate` become useless. "
            "Make one of today first, then say --yes.",
            code=Exit.MALFORMED,
        )

    async def ask(keyring: "Keyring") -> dict[str, Any]:
        return {"forgotten": await keyring.forget_old(), "newest": (await keyring.status()).newest}

    told = asyncio.run(_with_keyring(data, ask))
    if as_json:
        print_json(told)
    else:
        forgotten = ", ".join(told["forgotten"])
        print(f"Forgotten: {forgotten}." if forgotten else "There was only the newest; nothing was forgotten.")


async def _with_keyring(data: Path | None, ask: Any) -> Any:
    async with _opened(data) as sealing:
        return await ask(sealing.keyring)


@asynccontextmanager
async def _opened(data: Path | None) -> "AsyncGenerator[OpenSealing]":
    from sealing.composing import open_sealing
    from sealing.faults import SealingFault

    try:
        sealing = await open_sealing(settings_of(data=data), make=False)
    except SealingFault as fault:
        raise CannotGoOn(str(fault).rstrip(".") + ".", code=Exit.MALFORMED) from None
    try:
        yield sealing
    finally:
        await sealing.close()


def codec_command(
    data: DataOfKeys = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 for any free one.")] = 8081,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON when it is ready.")] = False,
    debug: Debug = False,
) -> None:
    """Open sealed payloads for the stock `temporal` command line, until Ctrl-C.

    Serves the engine's remote codec on this machine, for whoever can read the token that it writes into the data
    folder. `homeward up` has one already, beside the desk. What is opened of a case stands in its log of readings.
    """
    try:
        asyncio.run(_serve_codec(data, port, as_json=as_json))
    except KeyboardInterrupt:
        return


def _log_of_readings(settings: "Settings") -> "Caseload | None":
    """Where readings are noted; None, and a word of it, where that is not known."""
    import os
    import sys

    from activities.caseload import Caseload

    # The default lies in the data folder; where nothing lies there, readings of these cases are noted elsewhere.
    if os.environ.get("HOMEWARD_CASELOAD_URL") or Path(settings.caseload.database or "").exists():
        return Caseload(settings.caseload)
    print(_NOT_NOTED, file=sys.stderr)
    return None


async def _serve_codec(data: Path | None, port: int, *, as_json: bool) -> None:
    import contextlib
    import json
    import signal

    from sealing.endpoint import BearerFile
    from sealing.faults import SealingFault
    from starter.codec_door import PATH, with_token_only
    from starter.embedded import LOOPBACK, bound
    from starter.serving import served

    listening = bound(port, "--port")
    settings = settings_of(data=data)
    token = BearerFile(settings.codec_token_file)
    caseload = _log_of_readings(settings)
    stop = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    async with contextlib.AsyncExitStack() as closing:
        sealing = await closing.enter_async_context(_opened(data))
        if caseload is not None:
            closing.push_async_callback(caseload.close)
        try:
            token.make()
        except SealingFault as fault:
            raise CannotGoOn(f"{fault}.") from None
        async with served(with_token_only(sealing.keyring, token, caseload), listening):
            address = f"http://{LOOPBACK}:{listening.getsockname()[1]}{PATH}"
            if as_json:
                print(json.dumps({"codec": address, "token": str(token.path)}), flush=True)
            else:
                print(f"TEMPORAL_CODEC_ENDPOINT={address}")
                print(f'TEMPORAL_CODEC_AUTH="$(cat {token.path})"', flush=True)
            await stop.wait()


_NOT_NOTED = (
    "It is not known where the log of readings of these cases lies (HOMEWARD_CASELOAD_URL or HOMEWARD_DATA names it), "
    "so what is opened here is not in it."
)
