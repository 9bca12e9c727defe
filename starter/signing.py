"""Who signs here: the key of this installation, made at its first start, on behalf of the person who acts."""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

from temporalio.client import Client

from activities.settings import Settings
from sealing.published_keys import KeysUnusable, PublishedKeys, accept, publish, revoked
from sealing.signatures import ANY, KeyStatement, Owner
from sealing.signing_keys import SigningKeyFile, SigningKeyUnusable
from starter.endings import CannotGoOn, Exit
from starter.options import settings_of

OWNER: Final = Owner(office="This installation")
"""Whose key an embedded installation makes for itself: no state's, for it stands on one machine."""


class InstallationSigner:
    """Signs with the key in a file, at the clock's time."""

    def __init__(self, file: SigningKeyFile) -> None:
        self._file = file

    def sign(self, said: Mapping[str, Any], *, reference: str) -> str:
        """See :meth:`starter.client.Signer.sign`."""
        try:
            return self._file.sign(said, reference=reference, at=datetime.now(UTC))
        except SigningKeyUnusable as fault:
            raise CannotGoOn(f"{fault} Nothing was sent.", code=Exit.NOT_PERMITTED) from None


def own_signer(settings: Settings) -> InstallationSigner:
    """The signer of an installation of one's own. Its key is made where there is none. Raises CannotGoOn."""
    file, published = _files(settings)
    with _told(file):
        if not file.exists():
            _only_at_home(settings, OWNER)
            file.make(published, owner=OWNER, at=datetime.now(UTC))
        elif (key := published.good()[0].get(file.read().kid)) is None:
            raise CannotGoOn(
                f"The signing key {file.path} is not among the published keys at {published.path}: what it signs would "
                "be refused. Put its statement there again.",
                code=Exit.MALFORMED,
            )
        else:
            _only_at_home(settings, key.owner)
            if key.owner == OWNER and not published.counting()[0][key.kid].states:
                # Made by a version that asked nobody for whom a key counts.
                accept(published, key, key.states)
    return InstallationSigner(file)


def _only_at_home(settings: Settings, owner: Owner) -> None:
    """Raise CannotGoOn where a key of no state, which signs for everybody, would stand among keys that others take."""
    at = settings.published_keys_path
    if owner.state is None and not at.resolve().is_relative_to(settings.data.resolve()):
        raise CannotGoOn(
            f"The key of this installation signs for every state, so it is not published outside its data folder, at "
            f"{at} (HOMEWARD_PUBLISHED_KEYS). Make a key of your authority first, with `homeward keys signing make "
            "--office NAME --state XX`, or leave HOMEWARD_PUBLISHED_KEYS out.",
            code=Exit.MALFORMED,
        )


async def signer_for(client: Client) -> InstallationSigner | None:
    """Who signs for the cases of an engine: the key that is set, or that of the `homeward up` that runs it here.

    None where there is neither: what is said goes unsigned, and a case of signed acts refuses it.
    """
    from starter.up import data_folder_of

    if os.environ.get("HOMEWARD_SIGNING_KEY"):
        return InstallationSigner(SigningKeyFile(settings_of().signing_key_file))
    noted = await data_folder_of(client)
    if noted is None and not os.environ.get("HOMEWARD_DATA"):
        return None
    file = SigningKeyFile(settings_of(data=noted).signing_key_file)
    return InstallationSigner(file) if file.exists() else None


def make(settings: Settings, *, owner: Owner, roles: tuple[str, ...], states: tuple[str, ...]) -> KeyStatement:
    """Make an authority's first signing key and publish it. Raises CannotGoOn, also where there is one already."""
    file, published = _files(settings)
    if file.exists():
        raise CannotGoOn(
            f"There is a signing key already, {file.path}: `homeward keys signing rotate` replaces it.",
            code=Exit.MALFORMED,
        )
    with _told(file):
        return file.make(published, owner=owner, at=datetime.now(UTC), roles=roles, states=states)


def rotate(settings: Settings) -> KeyStatement:
    """Make a new signing key in the place of the one in force, for the same owner, roles and states. Raises CannotGoOn."""
    file, published = _files(settings)
    with _told(file):
        before = published.good()[0].get(file.read().kid)
        if before is None:
            raise CannotGoOn(
                f"The signing key {file.path} is not among the published keys at {published.path}, so nobody knows for "
                "whom it may sign.",
                code=Exit.MALFORMED,
            )
        _only_at_home(settings, before.owner)
        return file.make(published, owner=before.owner, at=datetime.now(UTC), roles=before.roles, states=before.states)


def revoke(settings: Settings, kid: str, *, at: datetime, because: str) -> KeyStatement:
    """Say in the published keys that a key counts no more from a moment on. Raises CannotGoOn."""
    file, published = _files(settings)
    with _told(file):
        where = published.file_of(kid)
        if where is None:
            raise CannotGoOn(f"No key {kid} is published at {published.path}.", code=Exit.MALFORMED)
        publish(where, revoked(published.good()[0][kid], at=at, because=because))
        return published.good()[0][kid]


def take(settings: Settings, kid: str, states: tuple[str, ...], roles: tuple[str, ...] = (ANY,)) -> KeyStatement:
    """Have a published key of another sign here for these roles of these states; as it counts then.

    Raises CannotGoOn, also where the key does not say itself that it signs for them.
    """
    file, published = _files(settings)
    with _told(file):
        # What is wrong with other files is no reason to leave a key out.
        key = published.good()[0].get(kid)
        if key is None:
            raise CannotGoOn(f"No key {kid} is published at {published.path}.", code=Exit.MALFORMED)
        for option, wanted, said in (("--for-state", states, key.states), ("--role", roles, key.roles)):
            more = sorted(set(wanted) - {ANY} - set(said))
            if ANY not in said and more:
                raise CannotGoOn(
                    f"{option}: key {kid} does not say that it signs for {', '.join(more)}; it says {', '.join(said)}.",
                    code=Exit.MALFORMED,
                )
        accept(published, key, states, roles)
        return published.counting()[0][kid]


def published_keys(settings: Settings) -> dict[str, tuple[KeyStatement, KeyStatement]]:
    """Every published key by name, as it was published and as it counts here. Raises CannotGoOn."""
    file, published = _files(settings)
    with _told(file):
        keys = published.all()
        counting, faults = published.counting()
        if faults:
            raise KeysUnusable(" ".join(faults))
        return {kid: (key, counting[kid]) for kid, key in keys.items()}


def _files(settings: Settings) -> tuple[SigningKeyFile, PublishedKeys]:
    return SigningKeyFile(settings.signing_key_file), PublishedKeys(settings.published_keys_path)


@contextmanager
def _told(file: SigningKeyFile) -> Generator[None]:
    """Failures around keys, in a sentence each."""
    try:
        yield
    except (SigningKeyUnusable, KeysUnusable) as fault:
        raise CannotGoOn(str(fault), code=Exit.MALFORMED) from None
    except OSError as error:
        raise CannotGoOn(f"The keys beside {file.path} cannot be written ({error.strerror}).") from None
