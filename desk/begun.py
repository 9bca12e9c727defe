"""Sign-ins that are under way: what the desk needs when a browser comes back lies sealed in that browser itself.

In the desk's memory it could be pushed out by whoever begins sign-ins in crowds. The desk keeps the key, which is made
anew at each start, and which sign-ins have come back, so that each serves once.
"""

import json
import secrets
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from starlette.requests import HTTPConnection
from starlette.responses import Response

from desk.frame import desk_of

AWAY: Final = timedelta(minutes=15)
"""How long somebody may be at an issuer before the sign-in has to begin anew."""
AT_ONCE: Final = 5
"""How many sign-ins one browser can have under way; beyond that the oldest makes room."""
LONGEST_BACK: Final = 1_000
"""The longest address to go back to, in characters: browsers drop a cookie of more than 4,096."""
USED_AT_MOST: Final = 100_000
"""How many sign-ins that have come back are known, the newest. The issuer takes no code a second time either."""

_SEALED_BY: Final = {"alg": "dir", "enc": "A256GCM"}


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that began here and went to an issuer: what only this browser brings back. ``at`` is in UTC seconds."""

    issuer: str
    state: str
    nonce: str
    verifier: str
    back: str
    at: float


class UnderWay:
    """The sign-ins of this process that went to an issuer."""

    def __init__(self) -> None:
        self._key = OctKey.generate_key(256)
        self._used: OrderedDict[str, datetime] = OrderedDict()

    def begin(self, asked: HTTPConnection, issuer: str, back: str) -> Begun:
        """A new sign-in at an issuer. It is under way once :meth:`leave` put it into an answer."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        back = back if len(back) <= LONGEST_BACK else "/"
        return Begun(issuer, state, nonce, verifier, back, desk_of(asked).now().timestamp())

    def leave(self, asked: HTTPConnection, answer: Response, begun: Begun) -> None:
        """Give a sign-in to the browser that began it."""
        there = dict(self._in(asked))
        free = next((each for each in range(AT_ONCE) if each not in there), None)
        place = min(there, key=lambda each: there[each].at) if free is None else free
        sealed = jwe.encrypt_compact(_SEALED_BY, json.dumps(asdict(begun)).encode(), self._key)
        self._cookie(asked, answer, place, sealed, int(AWAY.total_seconds()))

    def take(self, asked: HTTPConnection, state: str) -> Begun | None:
        """The sign-in with this state that this browser brings back; None where it brings none, or did so before."""
        begun = next((each for _, each in self._in(asked) if each.state == state), None)
        if begun is None:
            return None
        # At once: a second one that comes while the first is still at the issuer's finds nothing.
        self._used[begun.state] = desk_of(asked).now()
        while len(self._used) > USED_AT_MOST:
            self._used.popitem(last=False)
        return begun

    def forget(self, asked: HTTPConnection, answer: Response, state: str) -> None:
        """Take a sign-in that was taken out of the browser."""
        for place, begun in self._in(asked, used=True):
            if begun.state == state:
                self._cookie(asked, answer, place, "", 0)

    def _in(self, asked: HTTPConnection, *, used: bool = False) -> Iterator[tuple[int, Begun]]:
        """The sign-ins that a browser brings and that can still come back, by their place; ``used``: all of them."""
        now = desk_of(asked).now()
        while self._used and now - next(iter(self._used.values())) > AWAY:
            self._used.popitem(last=False)
        for place in range(AT_ONCE):
            begun = self._opened(asked.cookies.get(self._name(asked, place)))
            if begun is None or not 0 <= now.timestamp() - begun.at <= AWAY.total_seconds():
                continue
            if used or begun.state not in self._used:
                yield place, begun

    def _opened(self, sealed: str | None) -> Begun | None:
        if not sealed:
            return None
        try:
            found = jwe.decrypt_compact(sealed, self._key, algorithms=list(_SEALED_BY.values())).plaintext
        except (JoseError, ValueError, TypeError):
            # From before the desk was started anew, or from elsewhere.
            return None
        # Nobody else has the key, so it is as it was written here.
        read: dict[str, Any] = json.loads(found or b"")
        return Begun(**read)

    def _name(self, asked: HTTPConnection, place: int) -> str:
        return f"{desk_of(asked).session_cookie}-begun-{place}"

    def _cookie(self, asked: HTTPConnection, answer: Response, place: int, value: str, seconds: int) -> None:
        # `Lax`: the browser comes back from the issuer's site.
        answer.set_cookie(
            self._name(asked, place),
            value,
            max_age=seconds,
            path="/",
            secure=desk_of(asked).https,
            httponly=True,
            samesite="lax",
        )
