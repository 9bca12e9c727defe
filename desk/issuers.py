"""Who may say who somebody is: the sign-in file, with one table for each issuer of OpenID Connect.

An issuer speaks for the states that the file names, and gives the roles that the file names, and no others, whatever
its tokens say.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator, model_validator

from desk.people import Person
from desk.security import is_loopback
from procedure.acts import State
from procedure.faults import Fault, faults_of
from procedure.intake import REFERENCE
from procedure.toml_text import MOST_OF_OPERATORS, NotToml, read_toml
from procedure.vocabulary import Role
from procedure.who_may_see import TIED_BY_SIGN_IN

KEY: Final = re.compile(r"[a-z][a-z0-9-]{0,11}")
"""An issuer's short name in the file. It stands before the id of everybody whom the issuer signs in."""


class SignInFault(ValueError):
    """The sign-in file cannot be used. :attr:`faults` names every field, and never repeats a value."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("; ".join(f"{fault['path']}: {fault['message']}" for fault in faults))


_Word = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^\S(.*\S)?$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Claims(_Table):
    """In which claim what stands. A dot leads into an object: ``realm_access.roles``."""

    person: _Word = "sub"
    name: _Word = "name"
    role: _Word = "roles"
    state: _Word | None = None
    office: _Word | None = None
    cases: _Word | None = None
    """The references of the cases of a child or a relative."""


class System(_Table):
    """A system that asks /api by itself, known by the id of its client at the issuer. It acts in one role."""

    name: _Word
    role: Role
    state: State
    office: _Word | None = None
    scopes: tuple[_Word, ...] = ()


class Issuer(_Table):
    """One issuer: where it is, how the desk is known there, for whom it may speak, and how its claims are read."""

    name: _Word
    url: Annotated[str, Field(max_length=500)]
    client_id: _Word
    client_secret_file: Path | None = None
    client_secret_env: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")] | None = None
    scopes: Annotated[tuple[_Word, ...], Field(min_length=1)] = ("openid", "profile")
    states: Annotated[tuple[State, ...], Field(min_length=1)]
    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    role_names: dict[_Word, Role] = {}
    claims: Claims = Claims()
    audience: _Word | None = None
    command_line_client: _Word | None = None
    systems: dict[_Word, System] = {}
    _key: str = PrivateAttr(default="")

    @property
    def key(self) -> str:
        """Its short name in the file."""
        return self._key

    def named(self, key: str) -> None:
        """Take the short name under which the file has it."""
        self._key = key

    @field_validator("url")
    @classmethod
    def _a_safe_address(cls, given: str) -> str:
        if not is_safe_address(given) or urlsplit(given).query or urlsplit(given).fragment:
            raise ValueError("must be the issuer's https:// address, exactly as its tokens name it")
        return given

    @field_validator("scopes")
    @classmethod
    def _of_openid(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in given:
            raise ValueError('must hold "openid"')
        return given

    @field_validator("roles")
    @classmethod
    def _of_people(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if "system" in given:
            raise ValueError("nobody signs in as system, which is the procedure itself")
        return given

    @model_validator(mode="after")
    def _together(self) -> Self:
        faults: list[str] = []
        if self.client_secret_file is not None and self.client_secret_env is not None:
            faults.append("client_secret_env\tthe secret comes by file or by environment, not by both")
        if self.claims.state is None and len(self.states) != 1:
            faults.append("claims.state\tis needed where an issuer speaks for several states")
        tied = sorted(TIED_BY_SIGN_IN.intersection(self.roles))
        if tied and self.claims.cases is None:
            faults.append(
                f"claims.cases\tis needed where an issuer gives the role {' or '.join(tied)}: the claim that names "
                "their cases, for they see and say nothing in any other"
            )
        if self.audience in (self.client_id, self.command_line_client) and self.audience is not None:
            faults.append("audience\tmust be a name of its own, not that of a client")
        if self.command_line_client is not None and self.audience is None:
            faults.append("audience\tis needed for command_line_client: the command line shows access tokens")
        if self.systems and self.audience is None:
            faults.append("audience\tis needed for systems: they show access tokens")
        for word, role in self.role_names.items():
            if role not in self.roles:
                faults.append(f"role_names.{word}\tthis issuer may not give that role; see its roles")
        for client, system in self.systems.items():
            if client in (self.client_id, self.command_line_client):
                faults.append(f"systems.{client}\tpeople sign in by that client, so no system can be known by it")
            if system.role not in self.roles:
                faults.append(f"systems.{client}.role\tthis issuer may not give that role; see its roles")
            if system.role in TIED_BY_SIGN_IN:
                faults.append(f"systems.{client}.role\tis that of a person with one case, and a system has none")
            if system.state not in self.states:
                faults.append(f"systems.{client}.state\tthis issuer may not speak for that state; see its states")
        if faults:
            raise ValueError("\n".join(faults))
        return self

    def secret(self) -> str | None:
        """The desk's secret at the issuer, read now; None where it has none. Raises :class:`SignInFault`."""
        if self.client_secret_env is not None:
            found = os.environ.get(self.client_secret_env, "").strip()
            field, trouble = "client_secret_env", "that variable of the environment is not set"
        elif self.client_secret_file is not None:
            field, trouble = "client_secret_file", "cannot be read, or is empty"
            try:
                found = self.client_secret_file.expanduser().read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError):
                found = ""
        else:
            return None
        if not found:
            raise SignInFault([Fault(path=f"issuer.{self.key}.{field}", message=trouble)])
        return found


class SessionLife(_Table):
    """How long a session at the desk lasts: without a request, and altogether."""

    idle_minutes: Annotated[int, Field(ge=1, le=240)] = 30
    life_hours: Annotated[int, Field(ge=1, le=24)] = 12

    @property
    def idle(self) -> timedelta:
        return timedelta(minutes=self.idle_minutes)

    @property
    def life(self) -> timedelta:
        return timedelta(hours=self.life_hours)


class SignInFile(_Table):
    """The whole file."""

    session: SessionLife = SessionLife()
    issuer: Annotated[dict[str, Issuer], Field(min_length=1)]

    @model_validator(mode="after")
    def _each_its_own(self) -> Self:
        faults: list[str] = []
        known: dict[str, str] = {}
        for key, issuer in self.issuer.items():
            issuer.named(key)
            if not KEY.fullmatch(key):
                faults.append(f"issuer.{key}\ta short name has small letters, digits and dashes, twelve at most")
            if issuer.url in known:
                faults.append(f"issuer.{key}.url\tis that of issuer.{known[issuer.url]} already")
            known.setdefault(issuer.url, key)
        if faults:
            raise ValueError("\n".join(faults))
        return self

    def of_url(self, url: object) -> Issuer | None:
        """The issuer at an address, as tokens name it."""
        return next((each for each in self.issuer.values() if each.url == url), None)


def read_sign_in_file(path: Path) -> SignInFile:
    """The sign-in file. Raises :class:`SignInFault` with every fault by its field."""
    try:
        given = read_toml(path.read_text("utf-8"), MOST_OF_OPERATORS)
    except OSError as error:
        raise SignInFault([Fault(path="$", message=f"cannot be read ({error.strerror})")]) from None
    except UnicodeDecodeError:
        raise SignInFault([Fault(path="$", message="is not UTF-8 text")]) from None
    except NotToml as error:
        at = re.search(r"\(at [^)]*\)$", str(error))
        raise SignInFault([Fault(path="$", message=f"is not TOML {at[0] if at else ''}".strip())]) from None
    try:
        return SignInFile.model_validate(given)
    except ValidationError as error:
        raise SignInFault([each for fault in faults_of(error) for each in _apart(fault)]) from None


def _apart(fault: Fault) -> list[Fault]:
    """What was found between fields, each by its own field."""
    if "\t" not in fault["message"]:
        return [fault]
    inside = "" if fault["path"] == "$" else f"{fault['path']}."
    found = [line.split("\t", 1) for line in fault["message"].splitlines()]
    return [Fault(path=inside + field, message=message) for field, message in found]


def is_safe_address(given: str) -> bool:
    """Whether an address is https, or leads to this machine itself."""
    try:
        parts = urlsplit(given)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))


# From claims to people


def people_of(issuer: Issuer, claims: Mapping[str, object]) -> tuple[Person, ...]:
    """As whom somebody may act, by what an issuer says of them: one :class:`Person` for each role in each state.

    Nobody where the issuer says nothing that it may say, or does not say who it is.
    """
    who = claim(claims, issuer.claims.person)
    if not isinstance(who, str) or not who.strip():
        return ()
    id = f"{issuer.key}:{_plain(who)}"
    name = _short(claim(claims, issuer.claims.name)) or id
    office = _short(claim(claims, issuer.claims.office)) if issuer.claims.office else None
    words = _words(claim(claims, issuer.claims.role))
    said = {issuer.role_names.get(word) for word in words} if issuer.role_names else set(words)
    named = _words(claim(claims, issuer.claims.cases)) if issuer.claims.cases else []
    cases = frozenset(each for each in named if REFERENCE.fullmatch(each))
    states = issuer.states if issuer.claims.state is None else _words(claim(claims, issuer.claims.state))
    return tuple(
        Person(id, name, role, state, office, cases if role in TIED_BY_SIGN_IN else frozenset())
        for state in issuer.states
        if state in states
        for role in issuer.roles
        if role in said
    )


def system_of(issuer: Issuer, client: object) -> Person | None:
    """The system that is known to the file by its client at the issuer."""
    system = issuer.systems.get(client) if isinstance(client, str) else None
    if system is None or not isinstance(client, str):
        return None
    # No person's id holds a second colon.
    return Person(f"{issuer.key}:system:{_plain(client)}", system.name, system.role, system.state, system.office)


def claim(claims: Mapping[str, object], path: str) -> object:
    """What stands in a claim: under that very name, or along the dots in it."""
    if path in claims:
        return claims[path]
    first, dot, rest = path.partition(".")
    inner = claims.get(first)
    return claim(inner, rest) if dot and isinstance(inner, dict) else None  # pyright: ignore[reportUnknownArgumentType]


_PLAIN: Final = re.compile(r"[A-Za-z0-9._-]{1,40}")


def _plain(who: str) -> str:
    """What may stand in an id. A mail address and the like is known by its digest: an id names nobody."""
    return who if _PLAIN.fullmatch(who) else "~" + hashlib.sha256(who.encode()).hexdigest()[:32]


def _short(said: object) -> str | None:
    """A text of one line, of a length that a page can show."""
    return " ".join(said.split())[:200] or None if isinstance(said, str) else None


def _words(said: object) -> list[str]:
    if isinstance(said, str):
        return said.split()
    return [each for each in said if isinstance(each, str)] if isinstance(said, list) else []  # pyright: ignore[reportUnknownVariableType]
