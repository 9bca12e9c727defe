"""Forms of the desk as a browser posts them, with what nobody should type into them.

A form is good first: the tokens of its page, and an act or an intake that somebody could have typed. Then names and texts
are spoiled. So what is answered is answered to the fields, and not to a form that the desk never gave out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from random import Random
from typing import Any, Final
from urllib.parse import urlencode

from desk.forms import Typed, posted
from hostile.values import damaged, documents, hostile_text

PACES: Final = {f"HOMEWARD_PACE_{name}": "1000000" for name in ("ATTEMPTS", "READS", "WRITES", "ACCOUNTS")}
"""Settings of a desk that is asked more often than people ask."""
URLENCODED: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_NAMES: Final = (
    *("reason", "step", "then", "later", "insist", "dossier", "entry", "of", "mend", "fields.reason", "running"),
    *("duplicate", "reference", "act", "act_id", "actor.role", "signature", "csrf.x", "__proto__", "child"),
    *("add:legs", "remove:legs.0", "add:panel", "remove:panel.999999", "add:", "add:relatives.0.x", "legs.999999.from"),
    *("legs.1000000.from", "panel.-1.discipline", "relatives.٣.id", "evidence.0.0.0.0", ".", "..", "a" * 5_000),
)
_DAYS: Final = ("year", "month", "day", "time")
_IN_DAYS: Final = (
    "0",
    "00",
    "-1",
    "9999",
    "99999",
    "13",
    "31",
    "2026",
    "٢٠٢٦",
    "1e9",
    "24:00",
    "23:59:60",
    "25.99",
    "²",
)


@dataclass(frozen=True)
class Posted:
    """A form that goes to the desk."""

    content: bytes
    headers: Mapping[str, str]


class _Hidden(HTMLParser):
    """The hidden fields of each form of a page, by where it goes."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, list[tuple[str, str]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((said.get("action", ""), []))
        elif tag == "input" and said.get("type") == "hidden" and self.forms:
            self.forms[-1][1].append((said.get("name", ""), said.get("value", "")))


def hidden(page: str, to: str) -> list[tuple[str, str]]:
    """The hidden fields of the form of a page that goes to this address, or else of any form that has the tokens."""
    read = _Hidden()
    read.feed(page)
    having = [(action, fields) for action, fields in read.forms if any(name == "once" for name, _ in fields)]
    found = [fields for action, fields in having if action == to]
    if found:
        return found[-1]
    return [each for each in having[-1][1] if each[0] in ("csrf", "once")] if having else []


def is_to_be_checked(page: str) -> bool:
    """Whether it shows the answers once more before anything is recorded."""
    return 'name="step" value="checked"' in page or re.search(r'value="checked"[^>]*name="step"', page) is not None


def act_typed(said: Mapping[str, Any], chance: Random) -> list[tuple[str, str]]:
    """What somebody types for an act, spoiled."""
    return spoiled(posted(str(said["act"]), said, of=chance.choice((None, "opened", "note", "place_child"))), chance)


def spoiled(good: Typed, chance: Random) -> list[tuple[str, str]]:
    """Names and texts that a browser posts, with some of them as no browser would."""
    fields = [(name, text) for name, texts in good.items() for text in texts]
    for _ in range(chance.choice((0, 1, 1, 1, 2, 3, 5))):
        at = chance.randrange(len(fields)) if fields else 0
        way = chance.randrange(8)
        if not fields or way == 0:
            fields.append((_name(fields, chance), hostile_text(chance)))
        elif way == 1:
            del fields[at]
        elif way == 2:
            fields.append((fields[at][0], hostile_text(chance)))
        elif way == 3:
            fields[at] = (_name(fields, chance), fields[at][1])
        elif way == 4 and fields[at][0].rpartition(".")[2] in _DAYS:
            fields[at] = (fields[at][0], chance.choice(_IN_DAYS))
        elif way == 5:
            fields[at] = (fields[at][0], fields[at][1] + hostile_text(chance))
        else:
            fields[at] = (fields[at][0], hostile_text(chance))
    if chance.random() < 0.01:
        fields += [(f"panel.{n}.discipline", "x") for n in range(chance.choice((190, 1_900, 2_100)))]
    return fields


def _name(fields: list[tuple[str, str]], chance: Random) -> str:
    if not fields or chance.random() < 0.5:
        return chance.choice(_NAMES)
    name = chance.choice(fields)[0]
    return chance.choice(
        (f"{name}.0", f"{name}.year", name.partition(".")[0], name.replace("0", "7"), f"add:{name}", f"remove:{name}")
    )


def urlencoded(fields: list[tuple[str, str]], chance: Random) -> Posted:
    """The form as most forms come; now and then its bytes are spoiled, never where the tokens stand in front."""
    raw = urlencode(fields, errors="surrogatepass").encode()
    if chance.random() < 0.06:
        # The two tokens come first.
        kept = raw.index(b"&", raw.index(b"&") + 1) if raw.count(b"&") > 1 else len(raw)
        raw = raw[:kept] + damaged(raw[kept:], chance)
    return Posted(raw, URLENCODED)


def in_parts(fields: list[tuple[str, str]], chance: Random, name: str, file: bytes) -> Posted:
    """The form as it comes with a file."""
    bound = f"invented{chance.getrandbits(64):x}"
    called = chance.choice(("intake.json", "", "../../etc/passwd", "i\u202enj.json", "x" * 300, 'a"b.json'))
    head = f'--{bound}\r\nContent-Disposition: form-data; name="'
    parts = [f'{head}{each}"\r\n\r\n{text}\r\n'.encode("utf-8", "surrogatepass") for each, text in fields]
    quoted = called.replace('"', "%22")
    parts.append(
        f'{head}{name}"; filename="{quoted}"\r\nContent-Type: application/json\r\n\r\n'.encode() + file + b"\r\n"
    )
    raw = b"".join(parts) + f"--{bound}--\r\n".encode()
    return Posted(raw, {"Content-Type": f"multipart/form-data; boundary={bound}"})


def intake_file(good: Mapping[str, Any], chance: Random) -> bytes:
    """A file for the desk to take as an intake."""
    return documents(dict(good), chance, [dict(good)])
