"""Canonical JSON (RFC 8785): one value, one text, on every machine.

The record's digests rest on it. Nearly all that is digested here is plain: texts, whole numbers, true,
false, null, and objects with ASCII names. For those the standard library writes the same text many
times faster; everything else goes to the reference implementation.
"""

import json
from typing import Any, Final, cast

import rfc8785

_SAFE: Final = 2**53
_encode: Final = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False, allow_nan=False
).encode


def canonical(value: Any) -> bytes:
    """The canonical JSON of a value, UTF-8.

    Raises ``rfc8785.CanonicalizationError`` for what JSON programs would not agree on.
    """
    if _plain(value):
        try:
            return _encode(value).encode()
        except UnicodeEncodeError:
            pass  # half a surrogate pair; the reference implementation says what is wrong with it
    return rfc8785.dumps(value)


_ATOMS: Final = frozenset({str, bool, type(None)})


def _plain(value: Any) -> bool:
    """Whether nothing in the value needs more than sorted ASCII names to be canonical."""
    kind = cast("type[Any]", type(value))
    if kind in _ATOMS:
        return True
    if kind is int:
        return -_SAFE < value < _SAFE
    if kind is dict:
        for name, inner in value.items():
            # Other names would have to be sorted by UTF-16 code units.
            if type(name) is not str or not name.isascii():
                return False
            if type(inner) not in _ATOMS and not _plain(inner):
                return False
        return True
    if kind is list or kind is tuple:
        return all(type(inner) in _ATOMS or _plain(inner) for inner in value)
    return False
