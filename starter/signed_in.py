"""Who is signed in at this command line: kept in a file that its owner alone reads, and checked at each command.

It holds access tokens, as /api hears them. Nobody is asked to sign in where no sign-in file is set.
"""

import asyncio
import json
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx2
from authlib.integrations.base_client import OAuthError  # pyright: ignore[reportMissingTypeStubs]
from authlib.integrations.httpx_client import AsyncOAuth2Client  # pyright: ignore[reportMissingTypeStubs]

from desk.bearers import acting_by, one_of
from desk.issuers import Issuer, SignInFault, SignInFile, read_sign_in_file
from desk.people import Person
from desk.published import PATIENCE, IssuerSilent, Published, TokenFault
from starter.endings import CannotGoOn, Exit
from starter.options import settings_of

EXPIRED: Final = "expired_token"


@dataclass(frozen=True)
class Kept:
    """What is kept of a sign-in: by which issuer, with which tokens, in which role (``ROLE@STATE``)."""

    issuer: str
    access_token: str
    refresh_token: str | None
    role: str


def sign_in_file() -> SignInFile:
    """The sign-in file that is set. Raises CannotGoOn where none is, or where it cannot be used."""
    path: Path | None = settings_of().sign_in
    if path is None:
        raise CannotGoOn(
            "Nobody is asked to sign in here: HOMEWARD_SIGN_IN names no sign-in file.", code=Exit.NOT_PERMITTED
        )
    return read(path)


def read(path: Path) -> SignInFile:
    """A sign-in file. Raises CannotGoOn with every fault."""
    try:
        return read_sign_in_file(path)
    except SignInFault as fault:
        raise unusable(path, fault) from None


def unusable(path: Path, fault: SignInFault) -> CannotGoOn:
    return CannotGoOn(f"The sign-in file {path} cannot be used.", code=Exit.MALFORMED, faults=fault.faults)


def issuer_of(file: SignInFile, key: str | None) -> Issuer:
    """The issuer of that short name, or the only one. Raises CannotGoOn."""
    known = ", ".join(file.issuer)
    if key is None:
        if len(file.issuer) > 1:
            raise CannotGoOn(f"Name the issuer with --issuer: {known}.", code=Exit.MALFORMED)
        return next(iter(file.issuer.values()))
    if key not in file.issuer:
        raise CannotGoOn(f"--issuer: there is no {key}; there are {known}.", code=Exit.MALFORMED)
    return file.issuer[key]


# What is kept


def place() -> Path:
    """The file: ``$XDG_CONFIG_HOME/homeward/signed-in.json``, or the same in ``~/.config``."""
    given = os.environ.get("XDG_CONFIG_HOME")
    base = Path(given) if given and Path(given).is_absolute() else Path.home() / ".config"
    return base / "homeward" / "signed-in.json"


def keep(kept: Kept) -> None:
    """Keep a sign-in in the place of the one before. Raises CannotGoOn where it cannot be written."""
    path = place()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made for its owner alone (0600), and put into its place whole.
        handle, new = tempfile.mkstemp(dir=path.parent, prefix=".signed-in-")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(asdict(kept), file)
        Path(new).replace(path)
    except OSError as error:
        raise CannotGoOn(f"{path} cannot be written ({error.strerror}).") from None


def kept() -> Kept | None:
    """What is kept; None where nobody signed in. Raises CannotGoOn where others could read it, or it is broken."""
    path = place()
    try:
        if path.stat().st_mode & 0o077:
            raise CannotGoOn(
                f"Others can read {path}, so it proves nothing. Run `homeward logout`, then `homeward login`.",
                code=Exit.NOT_PERMITTED,
            )
        return Kept(**json.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError):
        raise CannotGoOn(f"{path} cannot be used. Run `homeward login`.", code=Exit.NOT_PERMITTED) from None


def forget() -> Kept | None:
    """Keep nothing any more; what was kept, as far as it could be read."""
    with suppress(CannotGoOn):
        found = kept()
        place().unlink(missing_ok=True)
        return found
    place().unlink(missing_ok=True)
    return None


# Who it is


@cache
def who() -> Person | None:
    """Who is signed in; None where no sign-in file is set. Raises CannotGoOn (not permitted) where nobody is."""
    if settings_of().sign_in is None:
        return None
    file, found = sign_in_file(), kept()
    if found is None or found.issuer not in file.issuer:
        raise CannotGoOn("Nobody is signed in here. Run `homeward login`.", code=Exit.NOT_PERMITTED)
    with ThreadPoolExecutor(1) as apart:
        # Whoever asks may be in an event loop already.
        return apart.submit(asyncio.run, person_by(file.issuer[found.issuer], found)).result()


async def person_by(issuer: Issuer, found: Kept) -> Person:
    """Who a sign-in that is kept stands for. An access token that is over is renewed where the issuer does that."""
    published = Published(issuer)
    try:
        claims = await published.access_token(found.access_token)
    except TokenFault as fault:
        if fault.why != EXPIRED or found.refresh_token is None:
            raise over() from None
        found = await _renewed(issuer, published, found)
        claims = await checked(published, found.access_token)
    except IssuerSilent:
        raise silent(issuer) from None
    person = one_of(acting_by(issuer, claims), found.role)
    if person is None:
        raise CannotGoOn(
            f"{issuer.name} does not give you the role {found.role} any more. Run `homeward login`.",
            code=Exit.NOT_PERMITTED,
        )
    return person


async def checked(published: Published, token: object) -> dict[str, Any]:
    """The claims of an access token. Raises CannotGoOn (not permitted)."""
    try:
        return await published.access_token(token)
    except TokenFault as fault:
        raise CannotGoOn(
            f"The token of {published.issuer.name} does not count here ({fault.why}).", code=Exit.NOT_PERMITTED
        ) from None
    except IssuerSilent:
        raise silent(published.issuer) from None


async def _renewed(issuer: Issuer, published: Published, found: Kept) -> Kept:
    given = await tokens(published, issuer.command_line_client, refresh_token=found.refresh_token)
    renewed = Kept(
        found.issuer, str(given.get("access_token")), given.get("refresh_token", found.refresh_token), found.role
    )
    keep(renewed)
    return renewed


async def tokens(
    published: Published,
    client_id: str | None,
    secret: str | None = None,
    *,
    scope: str | None = None,
    refresh_token: str | None = None,
) -> dict[str, Any]:
    """What the issuer's token endpoint gives: for a refresh token, or to a system for its own credentials.

    Raises CannotGoOn (not permitted) where it gives nothing.
    """
    opened: Any = AsyncOAuth2Client(client_id, secret, scope=scope, timeout=PATIENCE)
    try:
        where = await published.needed("token_endpoint")
        async with opened as client:
            if refresh_token is not None:
                return dict(await client.refresh_token(where, refresh_token=refresh_token))
            return dict(await client.fetch_token(where, grant_type="client_credentials"))
    except OAuthError:
        raise over() from None
    except (IssuerSilent, httpx2.HTTPError, ValueError):
        raise silent(published.issuer) from None


def over() -> CannotGoOn:
    return CannotGoOn("The sign-in is over or does not count. Run `homeward login`.", code=Exit.NOT_PERMITTED)


def silent(issuer: Issuer) -> CannotGoOn:
    return CannotGoOn(
        f"{issuer.name} does not answer, so nobody can be shown to be signed in. Try again later.",
        code=Exit.NOT_PERMITTED,
    )
