"""The public keys of authorities, as they published them: a file, or a folder with a file for each authority.

A file is a JWK set (RFC 7517) whose keys say more: whose they are, for whom they may sign, from when until when, and
whether they were revoked. Old keys stay where they are, so that what they signed can be checked for good.

What a key says of itself, its state too, is the word of whoever wrote the file. Here it signs for nobody until whoever
runs this installation has accepted it by its fingerprint (:data:`ACCEPTED`). The installation's own keys (:data:`OWN`)
need that only for others than the people of its own state.
"""

import json
import os
import re
import tempfile
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, cast

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from procedure.toml_text import MOST_OF_OPERATORS, NotToml, read_toml
from sealing.signatures import ANY, KeyStatement

OWN: Final = "own.json"
"""In a folder of published keys, the file of the installation's own. No other file has a say about a key in it."""
ACCEPTED: Final = "accepted.toml"
"""Beside the published keys: for whom a key signs here, by the operator's word."""
MOST_BYTES: Final = 1024 * 1024
"""The longest file of published keys that is read: some two thousand keys. Whoever wrote it is a stranger here."""
_TOLD: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_HEAD: Final = """\
# For which roles of which states a key signs here; a key of another authority that does not stand here signs for nobody.
# `homeward keys signing accept` writes this. The fingerprint binds it to the very key.
"""


class KeysUnusable(ValueError):
    """Published keys cannot be read; the text is one sentence, and repeats no key."""

    says_nothing_personal = True


class PublishedKeys:
    """The keys in a file or in a folder's ``*.json``, each file read anew when it has changed.

    Each file stands for itself: of one that cannot be used, what it said last counts on, and the others are heard.
    Where two files say different things of one key, :data:`OWN` is believed before all others; then the file from which
    the key was accepted; then the one that had it first, or at the first reading whose name comes first. The last is
    for what is shown alone: such a key signs for nobody.
    """

    def __init__(self, path: Path) -> None:
        """Nothing is read yet. Where nothing is at ``path``, no keys are published."""
        self._path = path
        self._files: dict[Path, _Said] = {}
        self._file_of: dict[str, Path] = {}
        self._keys: dict[str, KeyStatement] = {}
        self._accepted = _Accepted()
        # Asked from several threads: two that read at once would each see half of what the other found.
        self._turn = threading.Lock()

    @property
    def path(self) -> Path:
        return self._path

    @property
    def accepted_at(self) -> Path:
        """Where the operator's word lies."""
        of_one_file = self._path.suffix == ".json" or self._path.is_file()
        return (self._path.parent if of_one_file else self._path) / ACCEPTED

    def all(self) -> dict[str, KeyStatement]:
        """Every statement by its ``kid``. Raises :class:`KeysUnusable` where anything is wrong with any file."""
        keys, faults = self.good()
        if faults:
            raise KeysUnusable(" ".join(faults))
        return keys

    def counting(self) -> tuple[dict[str, KeyStatement], list[str]]:
        """As :meth:`good`, and each key with those roles and states only for which it counts here.

        What was accepted last counts on while :data:`ACCEPTED` cannot be used.
        """
        with self._turn:
            keys, faults = self._good()
            accepted, own = self._accepted, {kid for kid, file in self._file_of.items() if file.name == OWN}
        if accepted.fault:
            faults = [*faults, f"What was accepted of keys at {self.accepted_at} {accepted.fault}."]
        return {kid: _as_it_counts(key, accepted.keys.get(kid), own=kid in own) for kid, key in keys.items()}, faults

    def good(self) -> tuple[dict[str, KeyStatement], list[str]]:
        """Every statement as it was published, by its ``kid``, and what is wrong with files, a sentence each."""
        with self._turn:
            return self._good()

    def _good(self) -> tuple[dict[str, KeyStatement], list[str]]:
        try:
            files = _files(self._path)
        except OSError as error:
            return self._keys, [f"The published keys at {self._path} cannot be read ({error.strerror})."]
        self._files = {file: _read(file, self._files.get(file, _Said())) for file in files}
        faults = [f"The published keys at {file} {said.fault}." for file, said in self._files.items() if said.fault]
        self._accepted = _read_accepted(self.accepted_at, self._accepted)
        named: dict[str, list[Path]] = {}
        for file, said in self._files.items():
            for kid in said.keys:
                named.setdefault(kid, []).append(file)
        self._file_of = {kid: self._believed(kid, having) for kid, having in named.items()}
        self._keys = {kid: self._files[file].keys[kid] for kid, file in self._file_of.items()}
        faults += [
            f"The published keys at {file} cannot be used for key {kid}: it stands in {self._file_of[kid].name} too, and "
            "not the same."
            for file, said in self._files.items()
            for kid, key in said.keys.items()
            if key != self._keys[kid]
        ]
        return self._keys, faults

    def _believed(self, kid: str, having: list[Path]) -> Path:
        """Of the files that have a key, the one whose word counts."""
        if own := next((file for file in having if file.name == OWN), None):
            return own
        before = self._file_of.get(kid)
        having = sorted(having, key=lambda file: file != before)
        accepted = self._accepted.keys.get(kid)
        if accepted is not None:
            # Whoever else publishes the very same public key must not revoke it either.
            having = sorted(having, key=lambda file: file.name != accepted.file)
            of_the_key = (file for file in having if self._files[file].keys[kid].fingerprint == accepted.fingerprint)
            return next(of_the_key, having[0])
        return having[0]

    def file_of(self, kid: str) -> Path | None:
        """The file in which a key is published."""
        self.good()
        return self._file_of.get(kid)


@dataclass(frozen=True)
class _Said:
    """What a file said when it could last be used, and what is wrong with it as it is now."""

    keys: Mapping[str, KeyStatement] = field(default_factory=dict[str, KeyStatement])
    seen: tuple[int, int] | None = None
    fault: str | None = None


def _read(file: Path, before: _Said) -> _Said:
    try:
        seen = (told := file.stat()).st_mtime_ns, told.st_size
        if seen == before.seen:
            return before
        if told.st_size > MOST_BYTES:
            return _Said(before.keys, seen, f"cannot be used: it is longer than {MOST_BYTES:,} bytes")
        text = file.read_bytes()
    except OSError as error:
        return _Said(before.keys, None, f"cannot be read ({error.strerror})")
    try:
        return _Said(statements([text]), seen)
    except KeysUnusable as fault:
        return _Said(before.keys, seen, f"cannot be used: {fault}")


def statements(texts: Iterable[bytes | str]) -> dict[str, KeyStatement]:
    """The statements in the texts of files, by ``kid``. Raises :class:`KeysUnusable`."""
    found: dict[str, KeyStatement] = {}
    for text in texts:
        for given in _keys_in(text):
            kid = _told(given.get("kid"))
            if "d" in given:
                raise KeysUnusable(f"key {kid} has its private part with it: it is spoilt, revoke it")
            try:
                key = KeyStatement.model_validate(given)
            except ValidationError as error:
                raise KeysUnusable(f"key {kid} is not as it should be at {_places(error)}") from None
            if not key.states:
                raise KeysUnusable(f"key {kid} is not as it should be at states")
            if found.setdefault(key.kid, key) != key:
                raise KeysUnusable(f"key {kid} stands there twice, and not the same")
    return found


def _told(name: object) -> str:
    """A name out of somebody's file, for a sentence that goes to a log or a terminal; ``?`` for one that is no name."""
    return name if isinstance(name, str) and _TOLD.fullmatch(name) else "?"


def _places(error: ValidationError) -> str:
    """Where something is not as it should be."""
    return ", ".join(sorted({".".join(_told(str(part)) for part in each["loc"]) for each in error.errors()}))


def publish(file: Path, statement: Mapping[str, Any]) -> None:
    """Add a key to a file of published keys, or put its new statement in the place of its old one.

    Raises OSError and :class:`KeysUnusable`.
    """
    keys = [dict(each) for each in _keys_in(file.read_bytes())] if file.exists() else []
    kept = [each for each in keys if each.get("kid") != statement["kid"]]
    told = json.dumps({"keys": [*kept, dict(statement)]}, ensure_ascii=False, indent=1).encode() + b"\n"
    statements([told])
    write_whole(file, told, mode=0o644)


class Accepted(BaseModel):
    """That a key signs here for these roles of these states; ``*`` is every one. ``file``: from which it was accepted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fingerprint: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    states: Annotated[tuple[Annotated[str, Field(pattern=r"^([A-Z]{2}|\*)$")], ...], Field(min_length=1)]
    roles: Annotated[tuple[Annotated[str, Field(pattern=r"^([a-z_]{1,40}|\*)$")], ...], Field(min_length=1)] = (ANY,)
    file: Annotated[str, Field(pattern=r"^[^/\x00-\x1f]{1,255}$")] | None = None


@dataclass(frozen=True)
class _Accepted:
    keys: Mapping[str, Accepted] = field(default_factory=dict[str, Accepted])
    seen: tuple[int, int] | None = None
    fault: str | None = None


def accept(published: PublishedKeys, key: KeyStatement, states: Iterable[str], roles: Iterable[str] = (ANY,)) -> None:
    """Have a key sign here for these roles of these states, in the place of what was accepted of it before.

    Raises OSError, and :class:`KeysUnusable` where :data:`ACCEPTED` cannot be used.
    """
    file = published.accepted_at
    before = _read_accepted(file, _Accepted())
    if before.fault:
        raise KeysUnusable(f"What was accepted of keys at {file} {before.fault}.")
    where = published.file_of(key.kid)
    here = Accepted(
        fingerprint=key.fingerprint,
        states=tuple(sorted(set(states))),
        roles=tuple(sorted(set(roles))),
        file=where.name if where else None,
    )
    kept = {**before.keys, key.kid: here}
    told = [f"\n[{json.dumps(kid)}]\n{_in_toml(each)}" for kid, each in sorted(kept.items())]
    write_whole(file, (_HEAD + "".join(told)).encode(), mode=0o644)


def _in_toml(accepted: Accepted) -> str:
    return "".join(
        f"{name} = {json.dumps(value, ensure_ascii=False)}\n"
        for name, value in accepted.model_dump(exclude_none=True).items()
    )


def _read_accepted(file: Path, before: _Accepted) -> _Accepted:
    try:
        seen = (told := file.stat()).st_mtime_ns, told.st_size
        if seen == before.seen:
            return before
        given = read_toml(file.read_text("utf-8"), MOST_OF_OPERATORS)
        return _Accepted(_ACCEPTED_KEYS.validate_python(given), seen)
    except FileNotFoundError:
        return _Accepted()
    except OSError as error:
        return _Accepted(before.keys, None, f"cannot be read ({error.strerror})")
    except NotToml as error:
        return _Accepted(before.keys, None, f"is not TOML: {error}")
    except UnicodeDecodeError:
        return _Accepted(before.keys, None, "is not TOML")
    except ValidationError as error:
        where = ", ".join(sorted({".".join(map(str, each["loc"])) for each in error.errors()}))
        return _Accepted(before.keys, None, f"is not as it should be at {where}")


_ACCEPTED_KEYS: Final = TypeAdapter(dict[str, Accepted])


def _as_it_counts(key: KeyStatement, accepted: Accepted | None, *, own: bool) -> KeyStatement:
    """A key with those of its roles and states for which it signs here; no state may be left."""
    # By the key itself and not its name alone: whoever publishes it anew under the name was not accepted.
    if accepted is not None and accepted.fingerprint != key.fingerprint:
        accepted = None
    states, roles = (accepted.states, accepted.roles) if accepted is not None else ((), (ANY,))
    if own and key.owner.state:
        states = (*states, key.owner.state)
    counting = {"states": _both(key.states, states), "roles": _both(key.roles, roles)}
    # Of a role that was accepted and that the key does not say, nothing is left: then it signs for nobody.
    if not counting["roles"]:
        counting = {"states": ()}
    return key.model_copy(update=counting)


def for_its_own_state(key: KeyStatement) -> KeyStatement:
    """A key as it counts for somebody who took it from its authority and accepted nothing further of it."""
    return key.model_copy(update={"states": _both(key.states, (key.owner.state,) if key.owner.state else ())})


def _both(said: tuple[str, ...], accepted: tuple[str, ...]) -> tuple[str, ...]:
    if ANY in accepted:
        return said
    return tuple(sorted(set(accepted))) if ANY in said else tuple(each for each in said if each in accepted)


def revoked(key: KeyStatement, *, at: datetime, because: str) -> dict[str, Any]:
    """The statement of a key that counts no more from ``at`` on."""
    return as_json(key.model_copy(update={"revoked_at": at, "revoked_because": because}))


def retired(key: KeyStatement, *, at: datetime) -> dict[str, Any]:
    """The statement of a key that signs nothing more after ``at``; what it signed before stays good."""
    ends = min(at, key.valid_until) if key.valid_until else at
    return as_json(key.model_copy(update={"valid_until": ends}))


def as_json(key: KeyStatement) -> dict[str, Any]:
    """A statement as it is published."""
    return key.model_dump(mode="json", exclude_none=True)


def write_whole(file: Path, content: bytes, *, mode: int) -> None:
    """Write a file so that nobody ever finds half of it. Raises OSError."""
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".part", dir=file.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as written:
            written.write(content)
            written.flush()
            os.fsync(written.fileno())
        part.chmod(mode)
        part.replace(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.suffix == ".json" and not file.name.startswith("."))
    return [path] if path.exists() else []


def _keys_in(text: bytes | str) -> list[Mapping[str, Any]]:
    try:
        given = json.loads(text)["keys"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise KeysUnusable("a file is no JSON object with `keys`") from None
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in cast("list[Any]", given)):
        raise KeysUnusable("`keys` is no list of objects")
    return cast("list[Mapping[str, Any]]", given)
