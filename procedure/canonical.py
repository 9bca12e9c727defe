"""Canonical JSON (RFC 8785): one value, one text, on every machine.

The record's digests rest on it. Nearly all that is digested here is plain: texts, whole numbers, true,
false, null, and objects with ASCII names. Of those a fast writer makes the same text once their names stand in
order; everything else goes to the reference implementation.
"""

from typing import Any, Final, cast

import rfc8785
from pydantic_core import PydanticSerializationError, to_json

_SAFE: Final = 2**53


def canonical(value: Any) -> bytes:
    """The canonical JSON of a value, UTF-8.

    Raises ``rfc8785.CanonicalizationError`` for what JSON programs would not agree on.
    """
    try:
        return to_json(_in_order(value))
    except (_NotPlainError, PydanticSerializationError):
        # Also half a surrogate pair, which no text in UTF-8 holds; the reference implementation says what is wrong.
        return rfc8785.dumps(value)


class _NotPlainError(Exception):
    """Something in the value needs more than sorted ASCII names to be canonical."""


_ATOMS: Final = frozenset({str, bool, type(None)})


def _in_order(value: Any) -> Any:
    """A plain value with the names of each object in their order. Raises _NotPlainError."""
    kind = cast("type[Any]", type(value))
    if kind is dict:
        try:
            # Other names would have to be sorted by UTF-16 code units.
            ascii_only = "".join(value).isascii()
        except TypeError:
            raise _NotPlainError from None  # a name that is no text
        if ascii_only and _ATOMS.issuperset(map(type, value.values())):
            return dict(sorted(value.items()))
        if ascii_only:
            return {name: inner if type(inner := value[name]) in _ATOMS else _in_order(inner) for name in sorted(value)}
    elif kind is list or kind is tuple:
        if _ATOMS.issuperset(map(type, value)):
            return value
        return [inner if type(inner) in _ATOMS else _in_order(inner) for inner in value]
    elif kind in _ATOMS or (kind is int and -_SAFE < value < _SAFE):
        return value
    raise _NotPlainError
