"""The commands of whoever keeps an authority's signing key: `homeward keys signing`."""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from starter.endings import CannotGoOn, Exit
from starter.options import AsJson, DataOfKeys, Debug, known, print_json, settings_of

if TYPE_CHECKING:
    from sealing.signatures import KeyStatement

signing_app = typer.Typer(
    help="The key that signs acts, and the published keys.", no_args_is_help=True, rich_markup_mode=None
)


@signing_app.command("list")
def list_command(data: DataOfKeys = None, as_json: AsJson = False, debug: Debug = False) -> None:
    """The published keys: whose they are, for whom they sign, and how long they count."""
    from starter.signing import published_keys

    told = [
        {**_as_json(key), "counts_for": list(here.states), "counts_for_roles": list(here.roles)}
        for key, here in published_keys(settings_of(data=data)).values()
    ]
    if as_json:
        print_json(told)
        return
    for key in told:
        print(_in_a_line(key))
    if not told:
        print("No keys are published here.")


@signing_app.command("make")
def make_command(
    office: Annotated[str, typer.Option("--office", metavar="NAME", help="The authority whose key it is.")],
    state: Annotated[str, typer.Option("--state", metavar="XX", help="Its state.")],
    roles: Annotated[
        list[str] | None,
        typer.Option("--role", metavar="ROLE", help="A role it signs for. Often as you like; default: every role."),
    ] = None,
    states: Annotated[
        list[str] | None,
        typer.Option("--for-state", metavar="XX", help="A state for whose people it signs. Default: its own."),
    ] = None,
    data: DataOfKeys = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """An authority's first signing key, and its public part among the published keys."""
    from pydantic import ValidationError

    from procedure.vocabulary import ROLES
    from sealing.signatures import ANY, Owner
    from starter.signing import make

    for role in roles or []:
        known("--role", role, ROLES)
    try:
        owner = Owner(state=state, office=office)
    except ValidationError:
        raise CannotGoOn("--state is two capital letters, and --office a name.", code=Exit.MALFORMED) from None
    made = make(settings_of(data=data), owner=owner, roles=tuple(roles or (ANY,)), states=tuple(states or (state,)))
    _tell("Made and published", made, as_json=as_json)


@signing_app.command("accept")
def accept_command(
    kid: Annotated[str, typer.Argument(metavar="KID", help="The key's name.")],
    states: Annotated[
        list[str],
        typer.Option("--for-state", metavar="XX", help="A state for whose people it may sign. Often as you like."),
    ],
    roles: Annotated[
        list[str] | None,
        typer.Option(
            "--role", metavar="ROLE", help="A role it may sign for. Often as you like; default: those that it says."
        ),
    ] = None,
    data: DataOfKeys = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Let another authority's published key sign here, for the people of the states that you name.

    Without this it signs for nobody, whatever it says of itself. Compare its fingerprint with what the authority told you
    by another way. Done again it replaces what was accepted of the key before; `revoke` ends it.
    """
    from procedure.vocabulary import ROLES
    from sealing.signatures import ANY
    from starter.showing import printable
    from starter.signing import take

    for role in roles or []:
        known("--role", role, ROLES)

    if wrong := [each for each in states if not re.fullmatch("[A-Z]{2}", each)]:
        raise CannotGoOn(f"--for-state is two capital letters, and {', '.join(wrong)} is not.", code=Exit.MALFORMED)
    taken = take(settings_of(data=data), kid, tuple(states), tuple(roles or (ANY,)))
    _tell("Counts from now on", taken, as_json=as_json)
    if not as_json:
        print(f"Its fingerprint is {taken.fingerprint}: is it the one that {printable(taken.owner.name)} told you?")


@signing_app.command("rotate")
def rotate_command(data: DataOfKeys = None, as_json: AsJson = False, debug: Debug = False) -> None:
    """A new signing key in the place of the one in force.

    The earlier one stays published: what it signed stays good. Running desks and workers go on.
    """
    from starter.signing import rotate

    _tell("Signs from now on", rotate(settings_of(data=data)), as_json=as_json)


@signing_app.command("revoke")
def revoke_command(
    kid: Annotated[str, typer.Argument(metavar="KID", help="The key's name.")],
    because: Annotated[str, typer.Option("--because", metavar="TEXT", help="Why, for whoever checks later.")],
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="From when it counts no more. Default: now.")
    ] = None,
    data: DataOfKeys = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Say of a published key that it counts no more.

    What it signed before stays good. Hand the changed file on to all who have it.
    """
    from starter.signing import revoke

    try:
        when = datetime.fromisoformat(at) if at else datetime.now(UTC)
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise CannotGoOn("--at is a time with its zone, such as 2026-03-01T10:00:00Z.", code=Exit.MALFORMED)
    _tell("Revoked", revoke(settings_of(data=data), kid, at=when, because=because), as_json=as_json)


def _tell(what: str, key: "KeyStatement", *, as_json: bool) -> None:
    told = _as_json(key)
    if as_json:
        print_json(told)
    else:
        print(f"{what}: {_in_a_line(told)}")


def _as_json(key: "KeyStatement") -> dict[str, Any]:
    from sealing.published_keys import as_json

    return {**as_json(key), "fingerprint": key.fingerprint}


def _in_a_line(key: dict[str, Any]) -> str:
    """A key in a line. What stands in it another authority wrote."""
    from starter.showing import printable

    owner = key["owner"]
    whose = f"{owner['office']}, {owner['state']}" if "state" in owner else owner["office"]
    until = f" until {key['valid_until']}" if "valid_until" in key else ""
    here = key.get("counts_for", key["states"])
    roles_here = key.get("counts_for_roles", key["roles"])
    only = ""
    if (here, roles_here) != (key["states"], key["roles"]):
        whom = f"{', '.join(roles_here)} of {', '.join(here)}" if here else "nobody, until it is accepted"
        only = f" (here for {whom})"
    gone = f"; revoked at {key['revoked_at']}: {key.get('revoked_because', '')}" if "revoked_at" in key else ""
    return printable(
        f"{key['kid']}  {whose}; signs for {', '.join(key['roles'])} of {', '.join(key['states'])}{only}, "
        f"from {key['valid_from']}{until}{gone}"
    )
