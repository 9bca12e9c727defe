"""The keys with which this process seals and opens cases: those of the worker, where they are at hand."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from temporalio.client import Client

from activities.settings import Settings
from sealing.agreeing import noted_store
from sealing.composing import OpenSealing, Sealing, open_sealing, without_keys
from sealing.faults import CannotOpen, KeyDestroyed, SealingFault
from sealing.kept import KeptSeal
from starter.client import CaseErased
from starter.endings import CannotGoOn, Exit
from starter.options import settings_of


@asynccontextmanager
async def own_keys(data: Path) -> AsyncGenerator[OpenSealing]:
    """The keys in a data folder of one's own, made where there are none. Raises CannotGoOn."""
    try:
        sealing = await open_sealing(settings_of(data=data), make=True)
    except SealingFault as fault:
        raise cannot_start(fault) from None
    try:
        yield sealing
    finally:
        await sealing.close()


def cannot_start(fault: SealingFault) -> CannotGoOn:
    return CannotGoOn(f"Nothing was started: {fault}", code=Exit.MALFORMED)


@asynccontextmanager
async def with_its_keys(client: Client) -> AsyncGenerator[Client]:
    """The client with the keys of its engine's cases, where they are here.

    Where they are not it lists cases and nothing more: what it would send or read of one raises, and says why.
    """
    sealing = await _keys_for(client)
    try:
        yield sealed(client, sealing)
    finally:
        await sealing.close()


def sealed(client: Client, sealing: Sealing) -> Client:
    """The same client, sealing and opening with these keys."""
    config = client.config()
    config["data_converter"] = sealing.converter
    return Client(**config)


async def _keys_for(client: Client) -> Sealing:
    settings = await _settings_for(client)
    try:
        sealing = await open_sealing(settings, make=False)
    except (SealingFault, OSError) as fault:
        sentence = str(fault) if isinstance(fault, SealingFault) else type(fault).__name__
        return without_keys(f"{sentence.rstrip('.')}. {_WHAT_TO_DO}")
    noted = await noted_store(client)
    if noted is not None and noted != sealing.keyring.store:
        await sealing.close()
        return without_keys(f"The key store at hand is not the one of this engine's cases. {_WHAT_TO_DO}")
    return sealing


_WHAT_TO_DO = (
    "Set HOMEWARD_DATA, or HOMEWARD_KEYS_URL and the key holder, as they are set for the worker, or ask an office that "
    "may read this case."
)


async def _settings_for(client: Client) -> Settings:
    """What is set; the data folder is that of the `homeward up` that runs this engine, if one does."""
    from starter.up import data_folder_of

    noted = None if os.environ.get("HOMEWARD_KEYS_URL") else await data_folder_of(client)
    return settings_of(data=noted)


async def seal_offline() -> KeptSeal:
    """What opens an archive without asking an engine: the keys that are set, or that lie in the data folder."""
    try:
        return (await open_sealing(settings_of(), make=False)).seal
    except SealingFault as fault:
        return without_keys(f"{str(fault).rstrip('.')}. {_WHAT_TO_DO}").seal


def told(fault: SealingFault) -> CannotGoOn:
    """How a command ends that met sealed content which it cannot open, or keys that do not answer."""
    if isinstance(fault, KeyDestroyed):
        return CaseErased(fault.case, fault.at[:10])
    code = Exit.NOT_PERMITTED if isinstance(fault, CannotOpen) else Exit.FAILED
    sentence = str(fault) if isinstance(fault, CannotOpen) else f"{fault}."
    return CannotGoOn(sentence, code=code)
