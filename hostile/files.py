"""Files that commands read: intakes, agreement profiles, scenarios, files of delays, files of acts, published keys.

Each is put to the function that its command calls, through the command's own end: an exit code of the contract, and
one sentence for each thing that is wrong.
"""

import contextlib
import io
import json
import os
import re
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any, Final

import yaml

from activities.agreements import SHIPPED
from activities.marks import ChildMarks
from casefile.delays import INVENTED, read_delays
from casefile.foresight import foreseen
from casefile.invented import states_of
from hostile.judging import Given, Wrong
from hostile.signatures import KEY, STATEMENT
from hostile.values import (
    copied,
    damaged,
    documents,
    hostile_text,
    hostile_value,
    lines,
    otherwise_encoded,
    spoil,
    written,
)
from procedure.acts import as_signed, parse_act
from procedure.agreement import Agreement
from procedure.intake import parse_intake
from procedure.proceedings import Proceedings
from proof.exploring import SEED, intake
from sealing.published_keys import PublishedKeys, as_json, for_its_own_state
from sealing.signatures import check as check_signature
from sealing.signatures import sign
from starter import main as commands
from starter.endings import CannotGoOn
from starter.moments import resolve
from starter.profiles import check
from starter.yaml_text import read_text

_MEMORY: Final = Path("/", "dev", "shm")
_FOLDER: Final = _MEMORY if os.access(_MEMORY, os.W_OK) else None
"""Files are written by the hundred thousand: where there is a place for it, into memory."""


@contextlib.contextmanager
def in_file(raw: bytes, ending: str) -> Generator[str]:
    """A file with these bytes, as long as the context is open; its name."""
    handle, name = tempfile.mkstemp(suffix=ending, prefix="homeward-hostile-", dir=_FOLDER)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
        yield name
    finally:
        Path(name).unlink()


@contextlib.contextmanager
def _set(name: str, value: str) -> Generator[None]:
    """An environment in which a variable is set, as long as the context is open."""
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]


def told_by(*argv: str) -> tuple[int, str, str]:
    """What a command answers, run in this process: exit code, output, trouble."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = commands.ended(list(argv))
    return code, out.getvalue(), err.getvalue()


def judged(code: int, out: str, err: str, allowed: Sequence[int]) -> str:
    """The answer in few words. Raises :class:`Wrong` for one that the contract does not know."""
    told = f"{out}{err}"
    if "Traceback" in told:
        raise Wrong("a traceback")
    if code not in allowed:
        raise Wrong(f"exit code {code}: {err.strip()[:100]}")
    if code and not told.strip():
        raise Wrong("not a word about it")
    if steering := _STEERS.search(told):
        raise Wrong(f"{steering[0]!r} goes to the terminal")
    return f"exit {code}"


_STEERS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What moves a cursor, clears a screen, turns letters around, or cannot be written at all."""


def answered_by(read: Callable[[], str]) -> str:
    """What the end of the command makes of a function that it calls: the same as :func:`commands.ended`."""
    try:
        return read()
    except CannotGoOn as error:
        return f"exit {int(error.code)}: {error.sentence.rpartition(' ')[2]}"
    except commands.Malformed as malformed:
        for fault in malformed.faults:
            if not fault["message"].strip():
                raise Wrong("a fault without a word") from None
            f"{fault['path']}: {fault['message']}".encode()  # what could not be written could not be told
        # The path of a scenario's fault begins with its file; what is told of its agreement begins with a name of theirs.
        first = malformed.faults[0]
        told = "its agreement" if first["path"].endswith(": agreement") else _first_words(first["message"])
        return f"exit 2: {told}"


def _first_words(message: str) -> str:
    cut = min((message.find(sign) for sign in (":", ";", "'", '"', "`", "(", ",") if sign in message), default=40)
    return "".join(letter for letter in message[: min(cut, 40)] if not letter.isdigit()).strip()


_EVERY: Final = 40
"""Every so many inputs goes through the whole command too, not only the function that it calls."""


class _Files(ABC):
    """A kind of file. ``make`` and ``_read`` say which."""

    name: str
    ending: str

    def answer(self, given: Given) -> str:
        with in_file(given.raw, self.ending) as name:
            answer = answered_by(lambda: self._read(name))
            if given.where % _EVERY == 0 and (argv := self._command(name)) is not None and not answer.startswith("ok"):
                whole = judged(*told_by(*argv), allowed=(2, 3))
                if not answer.startswith(whole):
                    raise Wrong(f"the command says {whole}, its function {answer}")
        return answer

    @abstractmethod
    def _read(self, name: str) -> str:
        """Read the file as its command does; "ok" and what it was taken for."""

    @abstractmethod
    def _command(self, name: str) -> tuple[str, ...] | None:
        """The words of the whole command that reads such a file; None where there is none."""


class Intakes(_Files):
    """Intakes, as `homeward open` reads them and as a case's process does; what is in order opens a case."""

    name = "intakes"
    ending = ".json"

    def __init__(self) -> None:
        self._marks = ChildMarks(bytes(32))
        self._model = _loaded(SHIPPED / "model" / "profile.toml")
        self.good = intake(self._model)

    def make(self, chance: Random) -> Given:
        return Given(documents(self.good, chance, [self.good]), chance.randrange(1_000))

    def _read(self, name: str) -> str:
        text = commands.intake_of(name)
        given = json.loads(text)
        now = datetime.now(UTC)
        self._marks.of(given["child"])
        reference = given.get("reference") or f"{given['host_state']}-{given['origin_state']}-2026-7K3F9A"
        opened = Proceedings.open_case(
            parse_intake(text, today=now.date()), self._model, reference=reference, at=now, seed=SEED
        )
        json.dumps([opened.view(now), opened.ledger(), opened.carry()])
        return "ok: a case opens"

    def _command(self, name: str) -> tuple[str, ...]:
        return "open", name, "--address", "127.0.0.1:1"


_TOML_VALUES: Final = (
    *(
        '""',
        '"x"',
        '"\\ud800"',
        '"\\u0000"',
        "'''a\nb'''",
        "true",
        "false",
        "0",
        "-1",
        "3650",
        "3651",
        "1e400",
        "inf",
        "nan",
    ),
    *(
        "9" * 4_000,
        "9" * 4_301,
        "9" * 50_000,
        "0x" + "f" * 5_000,
        "0b1",
        "2026-02-30",
        "1979-05-27",
        "07:32:00",
        "-inf",
    ),
    *("0001-01-01", "9999-12-31", "9999-12-31T23:59:59-23:59", "1979-05-27T07:32:00.999999999999Z", "1900-01-01"),
    *(
        "[]",
        "{}",
        "[[]]",
        "{a = {b = 1}}",
        "{a.b.c = 1}",
        "[" * 200 + "]" * 200,
        "[" * 5_000,
        "{a=" * 2_000,
        "[1," * 900,
    ),
    *("[a" + ".a" * 3_000 + "]", "a" + ".a" * 3_000 + " = 1", "[[a]]", "[deadlines]", "[a]\n[a]", "[[a]]\n[a]"),
    *(
        "{days = 1}",
        "{days = -1}",
        "{hours = 99999999999}",
        "{working_days = 3650}",
        "{days = 1, hours = 1}",
        "[1, 2, 3]",
    ),
    *(
        '["MD"]',
        '["MD", "UA", "RO"]',
        '["police"]',
        '["caseworker@host"]',
        '["x@y"]',
        '"@host"',
        '"any"',
        "[" + "1," * 5_000 + "1]",
    ),
    # Reached under a guide, and not by what stood here before: decision 0031.
    *("[title]", "[title.x]", "[[title]]", "[[title.x]]", '"""a"""""', "'''a''''", '"\\u00zz"', "x = 1 2"),
    *('"ї" = 1', '"" = 1', "=", "# \x00", "\x7f", "a = 1 = 2", '"\\x"', '"""', "\r", "key = \ud800"),
)


def toml_value(chance: Random) -> str:
    way = chance.random()
    if way < 0.4:
        return chance.choice(_TOML_VALUES)
    if way < 0.7:
        return chance.choice(
            ("true", "0", "1", "2", "30", "90", "365", "3650", "-1", "0.5", '"escalate"', '"host"', "2020-01-01")
        )
    text = hostile_text(chance)
    return json.dumps(text, ensure_ascii=chance.random() < 0.5)


class Profiles(_Files):
    """Agreement profiles, as `homeward agreements check` reads them, and as a case opens under one that passes."""

    name = "profiles"
    ending = ".toml"

    @cached_property
    def _shipped(self) -> list[str]:
        return [path.read_text("utf-8") for path in sorted(SHIPPED.glob("*/profile.toml"))]

    def make(self, chance: Random) -> Given:
        text = chance.choice(self._shipped)
        values = [toml_value(chance) for _ in range(4)]
        return Given(lines(text, chance, values), chance.randrange(1_000))

    def _read(self, name: str) -> str:
        checked = check(name)
        json.dumps(checked.as_json(), ensure_ascii=False)
        if checked.faults:
            return f"exit 2: {_first_words(checked.faults[0]['message'])}"
        if checked.breaches:
            return f"exit 3: {checked.breaches[0].sentence()[:20]}"
        agreement = checked.agreement
        assert agreement is not None
        if Agreement.from_terms(json.loads(json.dumps(agreement.terms()))).digest() != agreement.digest():
            raise Wrong("an agreement that does not come back as it went")
        # A whole invented case under it: its numbers must not lead beyond any calendar.
        foreseen(0, agreement, _delays(), days=800, seed=1, states=states_of(agreement))
        return "ok: an agreement that stands"

    def _command(self, name: str) -> tuple[str, ...]:
        return "agreements", "check", name


class DelaysFiles(_Files):
    """Files of delays, as `homeward foresee` reads them; what is in order is foreseen with."""

    name = "delays"
    ending = ".toml"

    def __init__(self) -> None:
        self._text = INVENTED.read_text("utf-8")
        self._model = _loaded(SHIPPED / "model" / "profile.toml")

    def make(self, chance: Random) -> Given:
        values = [
            toml_value(chance),
            toml_value(chance),
            chance.choice(("0.0", "1.0", "0.5", "3650.0", "1e-300", "5e-324")),
        ]
        return Given(lines(self._text, chance, values), chance.randrange(1_000))

    def _read(self, name: str) -> str:
        from starter.foreseeing import delays_of

        (delays,) = delays_of([Path(name)], 1)
        foreseen(1, self._model, delays, days=400, seed=1, states=states_of(self._model))
        return "ok: delays"

    def _command(self, name: str) -> tuple[str, ...]:
        return "foresee", "model", "--cases", "1", "--delays", name


_YAML_VALUES: Final = (
    *(
        "",
        "~",
        "yes",
        "0o17",
        "1_000",
        "1e999",
        ".inf",
        ".nan",
        "-",
        "?",
        ": x",
        "&a x",
        "*a",
        "*b",
        "&a [*a]",
        "&a {x: *a}",
    ),
    *(
        "!!python/object/apply:os.system [x]",
        "!!timestamp x",
        "!!timestamp 2026-99-99",
        "!!bool x",
        "!!int x",
        "!!int ''",
    ),
    *(
        "!!float x",
        "!!null x",
        "!!binary x",
        "!!binary é",
        "!!set {a, b}",
        "!!omap [a: 1]",
        "!!pairs [a: 1, a: 2]",
        "!x y",
    ),
    *(
        "!!str [a]",
        "!!map [a]",
        "!!seq {a: 1}",
        "!!int {}",
        "!!timestamp {}",
        "!!merge x",
        "<<: x",
        "{<<: [1, 2]}",
        "{<<: {a: 1}}",
    ),
    *(
        "[" * 300,
        "[" * 300 + "]" * 300,
        "{a: " * 400,
        "- " * 500,
        "'",
        '"',
        '"\\ud800"',
        '"\\x"',
        "|9\n x",
        ">-\n x",
        "%YAML 9.9",
    ),
    *(
        "9" * 999,
        "9" * 4_400,
        "2026-02-30",
        "@+10d",
        "@+99999999d",
        "@-9999y",
        "@now",
        '"@+1y-1mo"',
        "'@+'",
        "9999999999d",
        "1e5d",
    ),
    *(
        "P99999999999999D",
        "PT1H",
        "90",
        "90m",
        "10000000y",
        "1.5mo",
        "9" * 400 + "y",
        "P" + "9" * 400 + "M",
        "{[a]: b}",
        "{{a: b}: c}",
        "[a, [b, [c]]]",
        "{1: 2}",
        "{null: 2}",
    ),
    *("\x00", "\x85", "\u2028", "\ufeff", "\t", "---\na: 1", "...", "%TAG ! x", "`", "@", "\ud800"),
)
_LAUGHS: Final = (
    "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
    "a: &a {x: y}\n"
    + "".join(f"{b}: &{b} {{<<: [{', '.join([f'*{a}'] * 9)}]}}\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
)


PLACES: Final = (
    *("x/\x00", "\x00.toml", "~nobody-invented/profile.toml", "./" + "x" * 300, "x" * 300, "x/" * 3_000, ".toml", "."),
    *("/dev/zero", "/dev/null", "/proc/self/mem", "../../etc/passwd", "..\\profile.toml", "file:///x.toml"),
)
"""Where a scenario says that the profile of its agreement is."""


class Scenarios(_Files):
    """Scenarios, as `homeward rehearse` reads them before anything is played."""

    name = "scenarios"
    ending = ".yaml"

    @cached_property
    def good(self) -> list[dict[str, Any]]:
        # By the house's own reader: the library's takes the field `on` for "true", and then none of them is good.
        found = [read_text(path.read_text("utf-8")) for path in sorted(_SCENARIOS.glob("*.yaml"))]
        # As short as can be: what reads YAML reads it slowly.
        return [json.loads(json.dumps({**each, "steps": each["steps"][:2]}, default=str)) for each in found]

    def make(self, chance: Random) -> Given:
        where, scenario = chance.randrange(1_000), chance.choice(self.good)
        if chance.random() < 0.03:
            scenario = {**scenario, "agreement": chance.choice(PLACES)}
        way = chance.random()
        if way < 0.55:
            return Given(documents(scenario, chance, self.good), where)
        if way < 0.56:
            return Given(f"{yaml.safe_dump(scenario)}{chance.choice(_LAUGHS)}".encode(), where)
        given = copied(scenario)
        given["steps"] = given["steps"][:1]
        text = yaml.safe_dump(given, allow_unicode=True, sort_keys=False, width=1_000)
        if way < 0.9:
            return Given(lines(text, chance, [chance.choice(_YAML_VALUES) for _ in range(3)]), where)
        raw = text.encode()
        return Given(damaged(raw, chance) if way < 0.98 else otherwise_encoded(raw, chance), where)

    def _read(self, name: str) -> str:
        for scenario in commands.scenarios_of([name]):
            now = datetime(2026, 3, 1, tzinfo=UTC)
            # What a rehearsal does with what was read, before it asks an engine.
            for given in scenario.intakes().values():
                resolve(given, now)
            for step in scenario.scenario.steps:
                resolve(scenario.act_of(step), now)
        return "ok: a scenario that can be played"

    def _command(self, name: str) -> tuple[str, ...]:
        return "rehearse", name


class Scripts(_Files):
    """Files of acts, as `homeward record` reads them: one act, a list, one a line."""

    name = "scripts"
    ending = ".json"

    def __init__(self, said: Sequence[dict[str, Any]]) -> None:
        self._said = list(said)

    def make(self, chance: Random) -> Given:
        where, count = chance.randrange(1_000), chance.choice((0, 1, 2, 3, 8))
        acts = [{**copied(chance.choice(self._said)), "act_id": f"act-{n}"} for n in range(count)]
        for act in acts:
            if chance.random() < 0.3:
                spoil(act, chance, self._said)
        between = chance.choice(("\n", "\r\n", "\n\n", "\u2028", ",", "\n[\n"))
        text = written(acts) if chance.random() < 0.5 else between.join(written(act) for act in acts)
        if chance.random() < 0.02:
            text = written(hostile_value(chance))
        elif chance.random() < 0.005:
            text = "[" + chance.choice(("[],", "{},", "0,")) * chance.choice((4_999, 5_000, 170_000, 500_000)) + "0]"
        raw = text.encode("utf-8", "surrogatepass")
        way = chance.random()
        if way < 0.25:
            return Given(damaged(raw, chance), where)
        return Given(otherwise_encoded(raw, chance) if way < 0.27 else raw, where)

    def _read(self, name: str) -> str:
        return f"ok: {'a list' if commands.acts_of(name).many else 'one act'}"

    def _command(self, name: str) -> tuple[str, ...]:
        return "record", "MD-UA-2026-7K3F9A", name, "--address", "127.0.0.1:1"


class Keys(_Files):
    """Another authority's published keys, as a worker and `homeward keys signing list` read them; then a signature by one."""

    name = "keys"
    ending = ".json"

    def __init__(self) -> None:
        later = {
            "valid_until": "2027-01-01T00:00:00Z",
            "revoked_at": "2026-06-01T00:00:00+02:00",
            "revoked_because": "x",
        }
        forged = {**as_json(STATEMENT), **later, "kid": "key-2", "roles": ["monitor"], "states": ["UA"]}
        self._good: dict[str, Any] = {
            "keys": [{**as_json(STATEMENT), "owner": {"state": "UA", "office": "Invented"}}, forged]
        }
        act = {"act": "note", "act_id": "a", "actor": {"id": "m", "role": "monitor", "state": "UA"}, "text": "x"}
        self._said = as_signed(parse_act(act))
        self._at = datetime(2026, 3, 1, tzinfo=UTC)
        self._signature = sign(self._said, key=KEY, reference=_CASE, at=self._at)

    def make(self, chance: Random) -> Given:
        where = chance.randrange(1_000)
        if chance.random() < 0.01:
            return Given(
                chance.choice(('{"keys": [' + "{}," * 100_000 + "{}]}", '{"keys": ' + "[" * 100_000)).encode(), where
            )
        return Given(documents(self._good, chance, self._good["keys"]), where)

    def answer(self, given: Given) -> str:
        if given.where % 10 == 0:
            # What it tells a person, also of keys in which nothing is wrong.
            with in_file(given.raw, self.ending) as name, _set("HOMEWARD_PUBLISHED_KEYS", name):
                judged(*told_by("keys", "signing", "list"), allowed=(0, 2))
        return super().answer(given)

    def _read(self, name: str) -> str:
        keys, faults = PublishedKeys(Path(name)).counting()
        for fault in faults:
            fault.encode()
            if steering := _STEERS.search(fault):
                raise Wrong(f"{steering[0]!r} goes into a log")
        for key in keys.values():
            # As the case's process gets it, and as an auditor takes it.
            told = json.loads(json.dumps(as_json(key)))
            for given in (told, for_its_own_state(key)):
                found = check_signature(self._said, self._signature, given, reference=_CASE, at=self._at)
                if found.fault is None and (key.x, key.kid) != (STATEMENT.x, KEY.kid):
                    raise Wrong("a signature stands by another key than made it")
        if faults:
            return f"exit 2: {re.sub('^key [^ ]+ ', '', faults[0].partition('be used: ')[2])[:60]}"
        return f"ok: {len(keys)} published keys"

    def _command(self, name: str) -> tuple[str, ...]:
        return "verify", "--no-replay", str(_DOSSIER), "--keys", name


_CASE: Final = "MD-UA-2026-7K3F9A"
_DOSSIER: Final = Path(__file__).parent / "samples" / "auditor.zip"
_SCENARIOS: Final = Path(commands.__file__).parent / "scenarios"


def _loaded(path: Path) -> Agreement:
    agreement = check(str(path)).agreement
    assert agreement is not None, sys.argv
    return agreement


def _delays() -> Any:
    return read_delays(INVENTED.read_text("utf-8"))
