"""What somebody may put where something else belongs: values, and ways to spoil a document.

Everything is drawn from a :class:`random.Random` of the caller's, so that a number names an input for ever.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final, cast

from procedure.vocabulary import HOLDS, ROLES, STAGES


@dataclass(frozen=True, slots=True)
class Verbatim:
    """JSON text that no writer of JSON would write."""

    text: str


_WORDS: Final = (
    *ROLES,
    *HOLDS,
    *STAGES,
    "return",
    "stay",
    "postpone",
    "third_country",
    "police",
    "military",
    "r1",
    "MD",
)
_TEXTS: Final = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "\x1b[2J\x1b]0;invented\x07",
    "\u202egnp.\u2066exe",
    "\ufeff",
    "\u2028",
    "\ufffe",
    "\U0010ffff",
    "ｃａｓｅｗｏｒｋｅｒ",
    "саsеwоrkеr",
    "İ",
    "ß",
    "e" + "\u0301" * 500,
    "👩‍👩‍👧‍👦" * 20,
    "<script>alert(1)</script>",
    "' OR 1=1 --",
    "../../etc/passwd",
    "{{7*7}}${7*7}%(x)s{0.__class__}",
    "[/]",
    "[bold]x[/italic]",
    "%s%n",
    "NaN",
    "null",
    "@+10d",
    "@+99999999d",
    "@-9999y",
    "@entry:x",
    "٢٠٢٦-٠٣-٠١",
    "x" * 64,
    "x" * 65,
    "x" * 4_001,
    "ї" * 40_000,
    "x" * 70_000,
    "sha256:" + "0" * 64,
    "0" * 64,
    # Text that is made a number: more digits than Python takes, and more than a fraction holds.
    "9" * 5_000,
    "9" * 400 + "y",
    "@-" + "9" * 400 + "y",
)
_MOMENTS: Final = (
    "1899-12-31",
    "1900-01-01",
    "2200-12-31",
    "2201-01-01",
    "0001-01-01",
    "9999-12-31",
    "2026-02-30",
    "2024-02-29",
    "2026-W10-1",
    "1900-01-01T00:00:00+14:00",
    "2200-12-31T23:59:59Z",
    "2200-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
    "2026-03-01T24:00:00Z",
    "2026-03-01T23:59:60Z",
    "2026-03-01T10:00:00",
    "2026-03-01T10:00:00.000000000000001Z",
    "2026-03-01T10:00:00+2400",
    "1772000000",
)
_NUMBERS: Final = (
    *(
        0,
        -1,
        1,
        2,
        7,
        1.5,
        -0.5,
        100,
        101,
        3_650,
        3_651,
        2**31,
        2**53 - 1,
        2**53,
        2**63,
        -(2**63),
        2**64,
        10**30,
        1e308,
    ),
    *map(Verbatim, ("-0", "-0.0", "1e999", "-1e999", "1e-999", "NaN", "Infinity", "-Infinity", "01", "1.", "0x10")),
    *(Verbatim(digit * count) for digit, count in (("9", 400), ("9", 4_300), ("9", 5_000), ("1", 60_000))),
)
_DEPTHS: Final = (10, 90, 101, 120, 180, 199, 201, 260, 990, 3_000, 30_000)


def _deep(chance: Random) -> Verbatim:
    depth = chance.choice(_DEPTHS)
    one, other = chance.choice((("[", "]"), ('{"a":', "}"), ('[{"b":', "}]")))
    core = chance.choice(("", "1", '"x"', "null")) if one == "[" else "1"
    return Verbatim(one * depth + core + (other * depth if chance.random() < 0.9 else ""))


def _wide(chance: Random) -> Any:
    count = chance.choice((0, 1, 2, 11, 51, 101, 201, 1_000))
    each = chance.choice(([], {}, "x", 1, None, {"id": "r1"}))
    # Each for itself: what is spoiled in one would be spoiled in all of them.
    if chance.random() < 0.5:
        return [copied(each) for _ in range(count)]
    return {f"field_{n}": copied(each) for n in range(count)}


def _empty(chance: Random) -> Any:
    found: tuple[Any, ...] = ([], {}, [[]], [None], {"": None})
    return copied(chance.choice(found))


def _surrogates(chance: Random) -> Verbatim:
    return Verbatim(
        chance.choice(('"\\ud800"', '"a\\udfff"', '"\\udc00\\ud800"', '"\\ud83d"', '"\\ud83d\\ude00"', '"\\u0000"'))
    )


_DRAWS: Final[tuple[tuple[int, Callable[[Random], Any]], ...]] = (
    (4, lambda chance: chance.choice((None, True, False))),
    (4, lambda chance: chance.choice(_NUMBERS)),
    (5, lambda chance: chance.choice(_TEXTS)),
    (4, lambda chance: chance.choice(_MOMENTS)),
    (5, lambda chance: chance.choice(_WORDS)),
    (2, _empty),
    (1, _deep),
    (1, _wide),
    (1, _surrogates),
)
_WEIGHTS: Final = [weight for weight, _ in _DRAWS]
_DRAW: Final = [draw for _, draw in _DRAWS]


def hostile_value(chance: Random) -> Any:
    """A JSON value, or :class:`Verbatim` text, that hardly any field is meant for."""
    return chance.choices(_DRAW, _WEIGHTS)[0](chance)


def hostile_text(chance: Random) -> str:
    return chance.choice((*_TEXTS, *_MOMENTS, *_WORDS))


# Documents


def copied(value: Any) -> Any:
    """A copy that may be spoiled."""
    if isinstance(value, dict):
        return {name: copied(inner) for name, inner in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [copied(inner) for inner in cast("Sequence[Any]", value)]
    return value


_MOST_PLACES: Final = 2_000


def _containers(value: Any) -> Iterator[Any]:
    """The value and everything in it that holds something."""
    if isinstance(value, dict):
        yield cast(Any, value)
        for inner in cast("dict[str, Any]", value).values():
            yield from _containers(inner)
    elif isinstance(value, list):
        yield cast(Any, value)
        for inner in cast("list[Any]", value):
            yield from _containers(inner)


def spoil(document: dict[str, Any], chance: Random, others: Sequence[dict[str, Any]] = ()) -> None:
    """Change one to four places of a document, in place. ``others`` are documents of the kind to take values from."""
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 4))):
        places = list(_containers(document))
        if len(places) > _MOST_PLACES:
            return  # the input is to fill the program's memory, not ours
        at = chance.choice(places)
        if isinstance(at, dict):
            _spoil_object(cast("dict[str, Any]", at), chance, others)
        else:
            _spoil_list(cast("list[Any]", at), chance)


def _spoil_object(at: dict[str, Any], chance: Random, others: Sequence[dict[str, Any]]) -> None:
    names = list(at)
    way = chance.random()
    if way < 0.002:
        # Each a fault of its own: thousands of them, once for the time that they take and once for what is answered.
        at.update({f"{n:x}": 1 for n in range(chance.choice((300, 5_500, 25_000)))})
        return
    if not names or way < 0.06:
        at[chance.choice((*_WORDS, *_TEXTS[:20], "act", "steps." + "9" * 5_000, "__class__", "model_config"))] = (
            hostile_value(chance)
        )
        return
    name = chance.choice(names)
    if way < 0.16:
        del at[name]
    elif way < 0.20:
        at[name + chance.choice((" ", "\x00", "s", "\u200b"))] = at.pop(name)
    elif way < 0.24:
        at[name] = [at[name]]
    elif way < 0.28:
        at[name] = copied(at[chance.choice(names)])
    elif way < 0.45 and others:
        other = chance.choice(list(_containers(chance.choice(others))))
        # What stands elsewhere under the same name is of the right kind, and out of place.
        at[name] = copied(cast("dict[str, Any]", other).get(name, other) if isinstance(other, dict) else other)
    elif way < 0.50 and isinstance(at[name], str):
        at[name] += hostile_text(chance)
    else:
        at[name] = hostile_value(chance)


def _spoil_list(at: list[Any], chance: Random) -> None:
    way = chance.random()
    if way < 0.002:
        at.extend([chance.choice((0, "x", None))] * chance.choice((300, 12_000, 80_000)))
        return
    if not at or way < 0.3:
        at.append(hostile_value(chance))
    elif way < 0.5:
        del at[chance.randrange(len(at))]
    elif way < 0.65:
        at.append(copied(chance.choice(at)))
    elif way < 0.70 and isinstance(at[0], str) and len(at[0]) < 5_000:
        at.extend(copied(at[0]) for _ in range(chance.choice((10, 60))))
    else:
        at[chance.randrange(len(at))] = hostile_value(chance)


def written(value: Any, chance: Random | None = None) -> str:
    """JSON text of a value that may hold :class:`Verbatim` text; with ``chance`` a field may be written twice."""
    if isinstance(value, Verbatim):
        return value.text
    if isinstance(value, dict):
        fields = [
            f"{json.dumps(str(name))}: {written(inner, chance)}"
            for name, inner in cast("dict[str, Any]", value).items()
        ]
        if chance is not None and fields and chance.random() < 0.01:
            fields.insert(chance.randrange(len(fields)), chance.choice(fields))
        return f"{{{', '.join(fields)}}}"
    if isinstance(value, list):
        return f"[{', '.join(written(inner, chance) for inner in cast('list[Any]', value))}]"
    return json.dumps(value, ensure_ascii=False)


# Texts and bytes


_PIECES: Final = (
    *(
        b"\x00",
        b"\xff",
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"\xf4\x90\x80\x80",
        b"\r",
        b"\n\n",
        b"//x\n",
        b"#",
    ),
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b"'",
        b'"""',
        b",",
        b":",
        b"\\",
        b"\\u",
        b"= ",
        b"--- ",
        b"...\n",
        b"%",
        b"&a ",
        b"*a",
    ),
    *(b"!!", b"<<: ", b"? ", b"| ", b"> ", b"@", b"`", b"1e999", b"inf", b"nan", b"0x", b"null", b"\t", b"- - - "),
)


def damaged(raw: bytes, chance: Random) -> bytes:
    """The bytes with one to four pieces cut, doubled, flipped or put in."""
    found = bytearray(raw)
    for _ in range(chance.choice((1, 1, 2, 3, 4))):
        at = chance.randrange(len(found) + 1)
        length = chance.choice((1, 2, 5, 20, 200))
        match chance.randrange(6):
            case 0:
                del found[at : at + length]
            case 1:
                found[at:at] = found[at : at + length] * chance.choice((1, 2, 40))
            case 2 if found:
                at = min(at, len(found) - 1)
                found[at] ^= 1 << chance.randrange(8)
            case 3:
                found[at:at] = chance.choice(_PIECES) * chance.choice((1, 1, 1, 3, 500))
            case 4:
                del found[at:]
            case _:
                found[at : at + length] = chance.randbytes(length)
    return bytes(found)


def otherwise_encoded(raw: bytes, chance: Random) -> bytes:
    """The text in an encoding that nobody asked for."""
    text = raw.decode("utf-8", "replace")
    return text.encode(chance.choice(("utf-16", "utf-16-le", "utf-32", "utf-7", "utf-8-sig", "cp1251")), "replace")


def documents(document: dict[str, Any], chance: Random, others: Sequence[dict[str, Any]] = ()) -> bytes:
    """A JSON document, spoiled in its values, in its text, or in both."""
    given = copied(document)
    if chance.random() < 0.9:
        spoil(given, chance, others)
    raw = written(given, chance).encode("utf-8", "surrogatepass")
    way = chance.random()
    if way < 0.10:
        return damaged(raw, chance)
    if way < 0.12:
        return otherwise_encoded(raw, chance)
    if way < 0.13:
        return written(hostile_value(chance)).encode("utf-8", "surrogatepass")
    if way < 0.14:
        return b"[" + raw + b"]"
    return raw


def lines(text: str, chance: Random, values: Sequence[str]) -> bytes:
    """A text of lines with a value each (TOML, YAML), spoiled line by line; ``values`` are written in values' places."""
    found = text.split("\n")
    for _ in range(chance.choice((1, 1, 2, 3))):
        at = chance.randrange(len(found))
        line = found[at]
        sign = next((each for each in (" = ", ": ") if each in line), None)
        match chance.randrange(7):
            case 0:
                del found[at]
                found = found or [""]
            case 1:
                found.insert(chance.randrange(len(found) + 1), line)
            case 2:
                found[at] = line + chance.choice(values)
            case 3:
                found.insert(at, chance.choice(values))
            case _ if sign:
                found[at] = line.partition(sign)[0] + sign + chance.choice(values)
            case _:
                found[at] = chance.choice(values)
    raw = "\n".join(found).encode("utf-8", "surrogatepass")
    way = chance.random()
    if way < 0.08:
        return damaged(raw, chance)
    return otherwise_encoded(raw, chance) if way < 0.09 else raw
