"""The public keys of authorities, as they published them: a file, or a folder with a file for each authority.

A file is a JWK set (RFC 7517) whose keys say more: whose they are, for whom they may sign, from when until when, and
whether they were revoked. Old keys stay where they are, so that what they signed can be checked for good.

What a key says of itself is its authority's word. Here it signs for the people of its authority's own state, and for
others only where whoever runs this installation has accepted that (:data:`ACCEPTED`).
"""

import json
import os
import tempfile
import threading
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, cast

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from sealing.signatures import ANY, KeyStatement

ACCEPTED: Final = "accepted.toml"
"""Beside the published keys: for which states a key signs here beyond its authority's own, by the operator's word."""
_HEAD: Final = """\
# For the people of which states a key signs here, beyond those of its authority's own state.
# `homeward keys signing accept` writes this. The fingerprint binds it to the very key.
"""


class KeysUnusable(ValueError):
    """Published keys cannot be read; the text is one sentence, and repeats no key."""

    says_nothing_personal = True


class PublishedKeys:
    """The keys in a file or in a folder's ``*.json``, each file read anew when it has changed.

    Each file stands for itself: of one that cannot be used, what it said last counts on, and the others are heard.
    Where two files say different things of one key, the file that had it first is believed; at the first reading, the
    one whose name comes first.
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
        """As :meth:`good`, and each key with those states only for which it counts here.

        What was accepted last counts on while :data:`ACCEPTED` cannot be used.
        """
        keys, faults = self.good()
        with self._turn:
            self._accepted = _read_accepted(self.accepted_at, self._accepted)
            accepted = self._accepted
        if accepted.fault:
            faults = [*faults, f"What was accepted of keys at {self.accepted_at} {accepted.fault}."]
        return {kid: _as_it_counts(key, accepted.keys.get(kid)) for kid, key in keys.items()}, faults

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
        first = {kid: file for kid, file in self._file_of.items() if file in files and kid in self._files[file].keys}
        for file, said in self._files.items():
            for kid, key in said.keys.items():
                owner = first.setdefault(kid, file)
                if self._files[owner].keys[kid] != key:
                    faults.append(
                        f"The published keys at {file} cannot be used for key {kid}: it stands in {owner.name} too, and "
                        "not the same."
                    )
        self._file_of = first
        self._keys = {kid: self._files[file].keys[kid] for kid, file in first.items()}
        return self._keys, faults

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
            kid = str(given.get("kid"))[:64]
            if "d" in given:
                raise KeysUnusable(f"key {kid} has its private part with it: it is spoilt, revoke it")
            try:
                key = KeyStatement.model_validate(given)
            except ValidationError as error:
                where = ", ".join(sorted({".".join(map(str, each["loc"])) for each in error.errors()}))
                raise KeysUnusable(f"key {kid} is not as it should be at {where}") from None
            if not key.states:
                raise KeysUnusable(f"key {kid} is not as it should be at states")
            if found.setdefault(key.kid, key) != key:
                raise KeysUnusable(f"key {kid} stands there twice, and not the same")
    return found


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
    """That a key signs here for these states too; ``*`` is every one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fingerprint: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    states: Annotated[tuple[Annotated[str, Field(pattern=r"^([A-Z]{2}|\*)$")], ...], Field(min_length=1)]


@dataclass(frozen=True)
class _Accepted:
    keys: Mapping[str, Accepted] = field(default_factory=dict[str, Accepted])
    seen: tuple[int, int] | None = None
    fault: str | None = None


def accept(published: PublishedKeys, key: KeyStatement, states: Iterable[str]) -> None:
    """Have a key sign here for these states beyond its authority's own, in the place of what was accepted of it before.

    Raises OSError, and :class:`KeysUnusable` where :data:`ACCEPTED` cannot be used.
    """
    file = published.accepted_at
    before = _read_accepted(file, _Accepted())
    if before.fault:
        raise KeysUnusable(f"What was accepted of keys at {file} {before.fault}.")
    kept = {kid: each for kid, each in before.keys.items() if kid != key.kid}
    if beyond := sorted(set(states) - {key.owner.state}):
        kept[key.kid] = Accepted(fingerprint=key.fingerprint, states=tuple(beyond))
    told = [f"\n[{json.dumps(kid)}]\n{_in_toml(each)}" for kid, each in sorted(kept.items())]
    write_whole(file, (_HEAD + "".join(told)).encode(), mode=0o644)


def _in_toml(accepted: Accepted) -> str:
    return f"fingerprint = {json.dumps(accepted.fingerprint)}\nstates = {json.dumps(accepted.states)}\n"


def _read_accepted(file: Path, before: _Accepted) -> _Accepted:
    try:
        seen = (told := file.stat()).st_mtime_ns, told.st_size
        if seen == before.seen:
            return before
        given = tomllib.loads(file.read_text("utf-8"))
        return _Accepted(_ACCEPTED_KEYS.validate_python(given), seen)
    except FileNotFoundError:
        return _Accepted()
    except OSError as error:
        return _Accepted(before.keys, None, f"cannot be read ({error.strerror})")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return _Accepted(before.keys, None, "is not TOML")
    except ValidationError as error:
        where = ", ".join(sorted({".".join(map(str, each["loc"])) for each in error.errors()}))
        return _Accepted(before.keys, None, f"is not as it should be at {where}")


_ACCEPTED_KEYS: Final = TypeAdapter(dict[str, Accepted])


def _as_it_counts(key: KeyStatement, accepted: Accepted | None) -> KeyStatement:
    """A key with those of its states for whose people it signs here; none may be left."""
    # By the key itself and not its name alone: whoever publishes it anew under the name was not accepted.
    beyond = accepted.states if accepted is not None and accepted.fingerprint == key.fingerprint else ()
    if ANY in beyond:
        return key
    here = {*beyond, *([key.owner.state] if key.owner.state else [])}
    counting = tuple(sorted(here)) if ANY in key.states else tuple(each for each in key.states if each in here)
    return key if counting == key.states else key.model_copy(update={"states": counting})


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
