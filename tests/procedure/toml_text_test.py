"""TOML as text becomes a table, or a sentence that says why not and where."""

import pytest

from procedure.toml_text import MOST_CHARACTERS, MOST_DOTS, NotToml, read_toml


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a = [", "Invalid value (at end of document)"),
        ("a = 1\nb = x\n", "Invalid value (at line 2, column 5)"),
        ("a = " + "[" * 5_000, "it is nested too deeply"),
        ("a = " + "9" * 5_000, "it holds a number of too many digits"),
        ("#".ljust(MOST_CHARACTERS + 1, "x"), f"it has more than {MOST_CHARACTERS} characters"),
        ("\n# " + "." * (MOST_DOTS + 1), f"it has more than {MOST_DOTS} dots in a line (at line 2)"),
    ],
    ids=["no end", "no value", "deep", "digits", "long", "dots"],
)
def test_what_is_no_toml_is_told(text: str, says: str) -> None:
    """In a sentence, with the place where there is one."""
    with pytest.raises(NotToml) as told:
        read_toml(text)
    assert str(told.value) == says


@pytest.mark.parametrize(
    "text", ["a = 1\n#".ljust(MOST_CHARACTERS, "x"), "a = 1\n# " + "." * MOST_DOTS], ids=["long", "dots"]
)
def test_the_nearest_text_is_read(text: str) -> None:
    """As long as it may be, and with as many dots."""
    assert read_toml(text) == {"a": 1}


def test_a_longer_text_is_read_where_one_may_come() -> None:
    """The bound is the caller's."""
    text = "a = 1\n#".ljust(MOST_CHARACTERS + 1, "x")
    assert read_toml(text, len(text)) == {"a": 1}
    with pytest.raises(NotToml, match=f"more than {len(text) - 1} characters"):
        read_toml(text, len(text) - 1)
