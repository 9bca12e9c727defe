"""TOML as text becomes a table: one door for every such file that people write."""

import tomllib
from typing import Any, Final

MOST_CHARACTERS: Final = 64 * 1024
"""The longest file that comes along has a tenth of it. What reads TOML takes quadratic time for a name of many parts."""

MOST_OF_OPERATORS: Final = 4 * 1024 * 1024
"""Of a file that operators keep themselves, which grows with people and keys: twenty thousand lines and more."""
MOST_DOTS: Final = 500
"""In a line. A name of seven thousand parts, 14 KB of text, takes a quarter of a gigabyte."""


class NotToml(ValueError):
    """The text is no TOML that can be read; the message says why, and at which line where one is at fault."""


def read_toml(text: str, most: int = MOST_CHARACTERS) -> dict[str, Any]:
    """The table in a TOML text of so many characters at most. Raises :class:`NotToml`."""
    if len(text) > most:
        raise NotToml(f"it has more than {most} characters")
    for number, line in enumerate(text.splitlines(), start=1):
        if line.count(".") > MOST_DOTS:
            raise NotToml(f"it has more than {MOST_DOTS} dots in a line (at line {number})")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise NotToml("it is nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        raise NotToml(str(error)) from None
    except ValueError:
        # The library lets Python's own limit on the digits of a number through.
        raise NotToml("it holds a number of too many digits") from None
