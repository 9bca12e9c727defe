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
    """As whom the sender of an access token may act, by its claims. A client that is a system's makes no people."""
    client = claims.get("client_id") or claims.get("azp")
    if client in issuer.systems:
        system = system_of(issuer, client)
        return (system,) if system else ()
    return people_of(issuer, claims)


def one_of(people: Sequence[Person], wanted: str | None) -> Person | None:
    """The one of these that is wanted as ``ROLE@STATE`` or ``ROLE``, or the only one; None where that is not one."""
    role, _, state = (wanted or "").partition("@")
    fitting = [each for each in people if role in ("", each.role) and state in ("", each.state)]
    return fitting[0] if len(fitting) == 1 else None
