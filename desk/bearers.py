"""Access tokens: whoever sends one asks without a session, a system in its one role, a person in one of theirs."""

from collections.abc import Mapping, Sequence
from typing import Any

from desk.issuers import Issuer, SignInFile, people_of, system_of
from desk.people import Person
from desk.published import Published, TokenFault, issuer_in


class Bearers:
    """Who sends an access token, by the sign-in file and by what each issuer publishes."""

    def __init__(self, file: SignInFile, published: Mapping[str, Published]) -> None:
        self._file, self._published = file, published

    async def people(self, token: str) -> tuple[Person, ...]:
        """As whom the sender may act. Raises :class:`TokenFault`, and :class:`IssuerSilent`."""
        issuer = self._file.of_url(issuer_in(token))
        if issuer is None:
            raise TokenFault("iss")
        return acting_by(issuer, await self._published[issuer.key].access_token(token))


def acting_by(issuer: Issuer, claims: Mapping[str, Any]) -> tuple[Person, ...]:
    """As whom the sender of an access token may act, by its claims.

    A token comes by a client of the issuer: that of a listed system makes this system, those by which people sign in
    make people. Any other makes nobody, whatever roles the issuer gave it: nobody here knows what it is.
    """
    client = _client_of(claims)
    if (system := system_of(issuer, client)) is not None:
        return (system,)
    # Where it is its own subject, no person stands behind it: it got the token by its own credentials.
    if client not in (issuer.client_id, issuer.command_line_client) or claims.get("sub") == client:
        return ()
    return people_of(issuer, claims)


def _client_of(claims: Mapping[str, Any]) -> str | None:
    """The client that a token was given to; None where the token does not say it, or says it in two ways."""
    said = [claims[name] for name in ("client_id", "azp") if claims.get(name) is not None]
    client = said[0] if said else None
    return client if isinstance(client, str) and client and all(each == client for each in said) else None


def one_of(people: Sequence[Person], wanted: str | None) -> Person | None:
    """The one of these that is wanted as ``ROLE@STATE`` or ``ROLE``, or the only one; None where that is not one."""
    role, _, state = (wanted or "").partition("@")
    fitting = [each for each in people if role in ("", each.role) and state in ("", each.state)]
    return fitting[0] if len(fitting) == 1 else None
