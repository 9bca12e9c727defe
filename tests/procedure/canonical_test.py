"""Canonical JSON: what is plain is written fast, everything else by the reference implementation, to the same text."""

from typing import Any

import pytest
import rfc8785

from procedure import canonical as law
from procedure.canonical import canonical

PLAIN: list[Any] = [
    {},
    [],
    "text",
    True,
    None,
    0,
    -(2**53) + 1,
    2**53 - 1,
    {"b": 1, "a": [1, 2, {"d": None, "c": "x"}], "c": {"z": 1, "y": {"x": []}}},
    ({"a": 1}, "b", [True, False, None, 7]),
    {"b": "x", "a": "y"},
    {"names may": "hold ă and 😀", "as": "texts may"},
    {"a": [{"b": {"d": 1, "c": 2}}]},
]
NOT_PLAIN: list[Any] = [
    {"ă": 1},
    {"a": 1.5},
    1.5,
    [1.5],
    {"a": {"b": [2.0]}},
    {"😀": 1, "ﬁ": 2},
]


@pytest.mark.parametrize("value", PLAIN)
def test_what_is_plain_never_comes_to_the_reference_implementation(value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes ten times as long; the text is the same."""
    expected = rfc8785.dumps(value)

    def refuse(value: Any) -> bytes:
        raise AssertionError("it came there")

    monkeypatch.setattr(law.rfc8785, "dumps", refuse)
    assert canonical(value) == expected


@pytest.mark.parametrize("value", NOT_PLAIN)
def test_what_is_not_plain_comes_to_the_reference_implementation(value: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that sort otherwise, and numbers with a fraction."""
    expected, came = rfc8785.dumps(value), list[Any]()
    reference = rfc8785.dumps

    def counted(value: Any) -> bytes:
        came.append(value)
        return reference(value)

    monkeypatch.setattr(law.rfc8785, "dumps", counted)
    assert canonical(value) == expected
    assert came == [value]


@pytest.mark.parametrize(
    "value", [2**53, -(2**53), {1: "a name that is no text"}, "\ud800", {"a": "\udfff"}, object(), {"a": {1, 2}}]
)
def test_what_programs_do_not_agree_on_is_refused(value: Any) -> None:
    """By the reference implementation's own error."""
    with pytest.raises(rfc8785.CanonicalizationError):
        canonical(value)


def test_names_stand_in_order_at_every_depth() -> None:
    """In objects with plain values, in those that hold others, and within lists."""
    assert canonical({"b": {"d": 1, "c": [{"f": 1, "e": {}}]}, "a": "x"}) == (
        b'{"a":"x","b":{"c":[{"e":{},"f":1}],"d":1}}'
    )
