"""The commands `homeward login`, `logout` and `whoami`."""

import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from starter.endings import CannotGoOn, Exit
from starter.options import AsJson, Debug, print_json

if TYPE_CHECKING:
    from desk.issuers import Issuer
    from desk.people import Person
    from desk.published import Published
    from starter.signed_in import Kept

signing_in_app = typer.Typer(rich_markup_mode=None)

DEVICE: Final = "urn:ietf:params:oauth:grant-type:device_code"
INTERVAL: Final = 5
"""Seconds between two questions whether somebody has said yes, where the issuer names no other (RFC 8628, 3.5)."""

InRole = Annotated[
    str | None, typer.Option("--role", metavar="ROLE[@STATE]", help="In which of several roles of yours.")
]


@signing_in_app.command("login")
def login_command(
    issuer: Annotated[
        str | None, typer.Option("--issuer", metavar="NAME", help="Its short name in the sign-in file.")
    ] = None,
    role: InRole = None,
    client_credentials: Annotated[
        bool, typer.Option("--client-credentials", help="A system signs in by itself, with --client-id and its secret.")
    ] = False,
    client_id: Annotated[
        str | None, typer.Option("--client-id", metavar="ID", help="The system's client at the issuer.")
    ] = None,
    client_secret_file: Annotated[
        str | None,
        typer.Option("--client-secret-file", metavar="FILE", help="Its secret; - reads standard input."),
    ] = None,
    token_file: Annotated[
        str | None,
        typer.Option("--token-file", metavar="FILE", help="An access token got otherwise; - reads standard input."),
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Sign in at an issuer.

    In a browser, on this machine or another one, where a code is entered. A system gives its client and secret.
    """
    from starter.signed_in import issuer_of, sign_in_file

    of_a_system = [given is not None for given in (client_id, client_secret_file)]
    if of_a_system != [client_credentials] * 2 or (client_credentials and token_file):
        raise CannotGoOn(
            "--client-credentials goes with --client-id and --client-secret-file, and not with --token-file.",
            code=Exit.MALFORMED,
        )
    at = issuer_of(sign_in_file(), issuer)
    if at.audience is None:
        raise CannotGoOn(f"{at.name} signs in nobody at the command line: the sign-in file gives it no audience.")
    if client_credentials:
        coming = _by_credentials(at, client_id or "", _secret(client_secret_file or ""))
    elif token_file is not None:
        coming = _by_token(_secret(token_file))
    else:
        coming = _by_device(at)
    _shown(asyncio.run(_signed_in(at, coming, role)), as_json=as_json, verb="Signed in")


@signing_in_app.command("logout")
def logout_command(as_json: AsJson = False, debug: Debug = False) -> None:
    """Forget who is signed in here; the issuer is told, where it listens to that."""
    from starter.signed_in import forget

    found = forget()
    if found is not None:
        asyncio.run(_revoke(found))
    if as_json:
        print_json({"was_signed_in": found is not None})
    else:
        print("Signed out." if found else "Nobody was signed in.")


@signing_in_app.command("whoami")
def whoami_command(as_json: AsJson = False, debug: Debug = False) -> None:
    """Who is signed in here, as the issuer says it now."""
    from starter.signed_in import sign_in_file, who

    sign_in_file()
    person = who()
    assert person is not None
    _shown(person, as_json=as_json, verb="Signed in")


def _shown(person: "Person", *, as_json: bool, verb: str) -> None:
    if as_json:
        print_json({**person.as_actor(), "name": person.name})
        return
    office = f", {person.office}" if person.office else ""
    print(f"{verb} as {person.name} ({person.id}), {person.role.replace('_', ' ')} of {person.state}{office}.")


def _secret(name: str) -> str:
    """What stands in a file, or on standard input. Raises CannotGoOn."""
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise CannotGoOn(f"{name} cannot be read.", code=Exit.MALFORMED) from None
    if not text.strip():
        raise CannotGoOn(f"{name} is empty.", code=Exit.MALFORMED)
    return text.strip()


async def _signed_in(issuer: "Issuer", coming: Any, role: str | None) -> "Person":
    """Who the tokens that come stand for; they are kept. Raises CannotGoOn (not permitted)."""
    from desk.bearers import acting_by, one_of
    from desk.published import Published
    from starter.signed_in import Kept, checked, keep

    published = Published(issuer)
    given = await coming(published)
    people = acting_by(issuer, await checked(published, given.get("access_token")))
    if not people:
        raise CannotGoOn(f"{issuer.name} gives you no role that it may give here.", code=Exit.NOT_PERMITTED)
    person = one_of(people, role)
    if person is None:
        held = ", ".join(f"{each.role}@{each.state}" for each in people)
        raise CannotGoOn(f"Name one of your roles with --role: {held}.", code=Exit.MALFORMED)
    keep(
        Kept(issuer.key, given["access_token"], given.get("refresh_token"), f"{person.role}@{person.state}"),
    )
    return person


def _by_token(token: str) -> Any:
    async def given(published: "Published") -> dict[str, Any]:
        return {"access_token": token}

    return given


def _by_credentials(issuer: "Issuer", client_id: str, secret: str) -> Any:
    from starter.signed_in import tokens

    system = issuer.systems.get(client_id)
    if system is None:
        raise CannotGoOn("--client-id: the sign-in file knows no such system.", code=Exit.NOT_PERMITTED)

    async def given(published: "Published") -> dict[str, Any]:
        return await tokens(published, client_id, secret, scope=" ".join(system.scopes) or None)

    return given


def _by_device(issuer: "Issuer") -> Any:
    """The device flow (RFC 8628): somebody says yes in a browser, while this waits."""
    import httpx2

    from desk.issuers import is_safe_address
    from desk.published import IssuerSilent, outside
    from starter.signed_in import silent

    client_id = issuer.command_line_client
    if client_id is None:
        raise CannotGoOn(
            f"{issuer.name} signs in nobody at the command line: the sign-in file gives it no command_line_client.",
            code=Exit.NOT_PERMITTED,
        )

    async def given(published: "Published") -> dict[str, Any]:
        try:
            where, token = [await published.needed(f"{each}_endpoint") for each in ("device_authorization", "token")]
            async with outside() as client:
                asked = await client.post(where, data={"client_id": client_id, "scope": " ".join(issuer.scopes)})
                begun = asked.raise_for_status().json()
                # Whoever is told to open an address opens it.
                if not is_safe_address(begun["verification_uri"]):
                    raise IssuerSilent
                print(
                    f"Open {begun['verification_uri']} in a browser, and enter the code {begun['user_code']}.",
                    file=sys.stderr,
                    flush=True,
                )
                return await _waited(client, token, client_id, begun)
        except (IssuerSilent, httpx2.HTTPError, ValueError, KeyError, TypeError):
            raise silent(issuer) from None

    return given


async def _waited(client: Any, where: str, client_id: str, begun: dict[str, Any]) -> dict[str, Any]:
    pause = float(begun.get("interval", INTERVAL))
    until = time.monotonic() + float(begun["expires_in"])
    while time.monotonic() < until:
        await asyncio.sleep(pause)
        answer = await client.post(
            where, data={"grant_type": DEVICE, "device_code": begun["device_code"], "client_id": client_id}
        )
        told = answer.json()
        match told.get("error"):
            case None:
                answer.raise_for_status()
                return told
            case "authorization_pending":
                pass
            case "slow_down":
                pause += 5
            case "access_denied":
                raise CannotGoOn("Somebody said no at the issuer; nobody is signed in.", code=Exit.NOT_PERMITTED)
            case _:
                break
    raise CannotGoOn("Nobody said yes in time; nobody is signed in.", code=Exit.NOT_PERMITTED)


async def _revoke(found: "Kept") -> None:
    """Tell the issuer that the tokens are done with (RFC 7009). Where it does not answer they end by themselves."""
    import httpx2

    from desk.published import IssuerSilent, Published, outside
    from starter.signed_in import sign_in_file

    try:
        issuer = sign_in_file().issuer[found.issuer]
        where = await Published(issuer).address("revocation_endpoint")
        if where is None or issuer.command_line_client is None:
            return
        async with outside() as client:
            token = found.refresh_token or found.access_token
            await client.post(where, data={"token": token, "client_id": issuer.command_line_client})
    except (CannotGoOn, KeyError, IssuerSilent, httpx2.HTTPError):
        return
