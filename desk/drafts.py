"""Drafts of intakes that wait to be gone on with. The desk keeps what nobody can read at the desk.

What was typed is encrypted (AES-256-GCM) with a key that is in a cookie of the person's browser and nowhere else.
Whose a draft is cannot be told from it either: it lies under a digest made with the same key. Only the days on
which it was begun and saved are in clear. Without that browser a draft is lost, which is the price.
"""

import base64
import binascii
import hmac
import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from desk.people import Person

KEPT_FOR: Final = timedelta(days=30)
"""How long a draft is kept after it was saved last."""
OF_ONE_PERSON: Final = 20
ALTOGETHER: Final = 5_000
MOST_BYTES: Final = 512 * 1024
"""Of one draft. An intake of 256 KiB as a form has names of fields in it too."""

_ID: Final = re.compile(r"[A-Za-z0-9_-]{16}")
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class NoSuchDraft(LookupError):
    """This browser has no such draft, or has it no more."""


class TooManyDrafts(Exception):
    """No further draft is kept: this person has many, or the desk has."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One draft: when it was begun and saved last (UTC), and what it holds, which is in no ``repr``."""

    id: str
    began: datetime
    saved: datetime
    holds: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Keeper:
    """Who keeps drafts: a person at one browser. Neither can read the drafts of the other without both."""

    whose: str
    """Under what they lie."""
    key: bytes = field(repr=False)


def new_key() -> str:
    """A key for a browser's cookie."""
    return secrets.token_urlsafe(32)


def keeper(cookie: str | None, person: Person) -> Keeper | None:
    """Who keeps drafts with the key in this cookie; None where the cookie is none of ours."""
    if cookie is None or not _KEY.fullmatch(cookie):
        return None
    secret = base64.urlsafe_b64decode(cookie + "=")
    who = json.dumps([person.id, person.role, person.state]).encode()
    return Keeper(hmac.digest(secret, b"whose" + who, "sha256").hex(), hmac.digest(secret, b"what" + who, "sha256"))


class Drafts:
    """The drafts in ``folder``, a file each, or in memory where none is given: then they end with the desk."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._memory: dict[tuple[str, str], bytes] = {}

    def __len__(self) -> int:
        """How many lie here, whoever's they are, the expired ones that were not taken away yet among them."""
        return len(list(self._places()))

    def begin(self, whose: Keeper, holds: dict[str, Any], now: datetime) -> Draft:
        """A new draft. Raises :class:`TooManyDrafts`."""
        self._forget(now)
        everything = list(self._places())
        if len(everything) >= ALTOGETHER or sum(owner == whose.whose for owner, _ in everything) >= OF_ONE_PERSON:
            raise TooManyDrafts
        draft = Draft(secrets.token_urlsafe(12), now, now, holds)
        self._keep(whose, draft)
        return draft

    def save(self, whose: Keeper, draft: Draft, holds: dict[str, Any], now: datetime) -> Draft:
        """The same draft with what it holds now. Raises :class:`TooManyDrafts` where that is too much."""
        saved = Draft(draft.id, draft.began, now, holds)
        self._keep(whose, saved)
        return saved

    def read(self, whose: Keeper | None, id: str, now: datetime) -> Draft:
        """A draft of theirs. Raises :class:`NoSuchDraft`."""
        found = self._opened(whose, id, now) if whose and _ID.fullmatch(id) else None
        if found is None:
            raise NoSuchDraft
        return found

    def of(self, whose: Keeper | None, now: datetime) -> list[Draft]:
        """All of theirs, the one that was saved last first."""
        if whose is None:
            return []
        found = (self._opened(whose, id, now) for owner, id in self._places() if owner == whose.whose)
        return sorted((each for each in found if each), key=lambda each: each.saved, reverse=True)

    def drop(self, whose: Keeper | None, id: str) -> None:
        """Forget a draft of theirs; nothing happens where there is none."""
        if whose and _ID.fullmatch(id):
            self._remove(whose.whose, id)

    # Sealing

    def _keep(self, whose: Keeper, draft: Draft) -> None:
        days = {"began": draft.began.isoformat(), "saved": draft.saved.isoformat()}
        nonce = secrets.token_bytes(12)
        text = json.dumps(draft.holds, ensure_ascii=False).encode()
        if len(text) > MOST_BYTES:
            raise TooManyDrafts
        sealed = AESGCM(whose.key).encrypt(nonce, text, _about(whose, draft.id, days))
        self._write(whose.whose, draft.id, json.dumps({**days, "sealed": (nonce + sealed).hex()}).encode())

    def _opened(self, whose: Keeper, id: str, now: datetime) -> Draft | None:
        raw = self._raw(whose.whose, id)
        try:
            written: dict[str, str] = json.loads(raw or b"")
            days = {name: written[name] for name in ("began", "saved")}
            began, saved = (datetime.fromisoformat(days[name]) for name in ("began", "saved"))
            sealed = bytes.fromhex(written["sealed"])
            text = AESGCM(whose.key).decrypt(sealed[:12], sealed[12:], _about(whose, id, days))
        except (InvalidTag, KeyError, TypeError, ValueError, binascii.Error):
            return None  # altered, or written by another hand: as good as none
        return Draft(id, began, saved, json.loads(text)) if now - saved < KEPT_FOR else None

    def _forget(self, now: datetime) -> None:
        """Take away whatever has expired, and what is no draft."""
        for owner, id in list(self._places()):
            raw = self._raw(owner, id)
            try:
                over = now - datetime.fromisoformat(json.loads(raw or b"")["saved"]) >= KEPT_FOR
            except (KeyError, TypeError, ValueError):
                over = True
            if over:
                self._remove(owner, id)

    # Where they lie

    def _places(self) -> Iterator[tuple[str, str]]:
        if self._folder is None:
            yield from list(self._memory)
            return
        for path in self._folder.glob("*/*.draft"):
            yield path.parent.name, path.stem

    def _raw(self, owner: str, id: str) -> bytes | None:
        if self._folder is None:
            return self._memory.get((owner, id))
        try:
            return (self._folder / owner / f"{id}.draft").read_bytes()
        except FileNotFoundError:
            return None

    def _write(self, owner: str, id: str, raw: bytes) -> None:
        if self._folder is None:
            self._memory[owner, id] = raw
            return
        place = self._folder / owner / f"{id}.draft"
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Whole or not at all: a desk that is killed leaves the draft as it was before.
        beside = place.with_suffix(f".{secrets.token_hex(4)}")
        beside.touch(mode=0o600)
        beside.write_bytes(raw)
        beside.replace(place)

    def _remove(self, owner: str, id: str) -> None:
        self._memory.pop((owner, id), None)
        if self._folder is not None:
            (self._folder / owner / f"{id}.draft").unlink(missing_ok=True)


def _about(whose: Keeper, id: str, days: dict[str, str]) -> bytes:
    """What is in clear and belongs to the sealed text: moved or changed, it does not open."""
    return json.dumps([whose.whose, id, days["began"], days["saved"]]).encode()


def expires(draft: Draft) -> datetime:
    """When a draft is forgotten, UTC."""
    return draft.saved.astimezone(UTC) + KEPT_FOR
