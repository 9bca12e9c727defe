"""What bad input has found once: each is answered now, and stays answered."""

import io
import json
import os
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from casefile import dossier as parts
from casefile.delays import INVENTED, MalformedDelays, read_delays
from casefile.foresight import foreseen
from casefile.invented import states_of
from hostile.__main__ import samples
from hostile.at_the_door import refusal_of
from hostile.dossiers import bound, content_of
from hostile.files import PLACES, answered_by, judged, told_by
from hostile.judging import Given, judge
from hostile.signatures import STATEMENT
from procedure.faults import MalformedAct, MalformedIntake
from procedure.intake import parse_intake
from procedure.toml_text import MOST_CHARACTERS, NotToml, read_toml
from sealing.published_keys import MOST_BYTES, KeysUnusable, PublishedKeys, as_json, statements
from starter import main as commands
from starter.acts_file import MOST_ACTS
from starter.acts_file import MOST_BYTES as MOST_BYTES_OF_ACTS
from starter.moments import read_when
from starter.profiles import check
from starter.scenario import MalformedScenario, read
from starter.yaml_text import NotReadable, read_text
from tests.hostile.scripts import by_script

SCENARIO: dict[str, Any] = {"title": "Invented", "intake": {}, "steps": [{"act": {"act": "note"}}]}


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 5_000,  # RecursionError in the library
        "a = " + "{a=" * 2_000,
        "a = " + "9" * 5_000,  # ValueError of Python's own, of digits
        f"[a{'.a' * 200_000}]",  # minutes: quadratic in the parts of a name
        f"a = 1\n[a{'.a' * 7_000}]",  # a quarter of a gigabyte, in the length that is let through
        "a = 2026-02-30",
    ],
    ids=["lists", "tables", "digits", "parts of a name", "fewer parts of a name", "no day"],
)
def test_toml_that_cannot_be_read_is_told(text: str, tmp_path: Path) -> None:
    """By profiles and by files of delays alike: `agreements check` and `foresee` ended in an unforeseen error."""
    with pytest.raises(NotToml):
        read_toml(text)
    with pytest.raises(MalformedDelays, match="is not TOML"):
        read_delays(text)
    file = tmp_path / "profile.toml"
    file.write_text(text, encoding="utf-8")
    assert check(str(file)).faults[0]["message"].startswith("is not TOML")
    assert judged(*told_by("agreements", "check", str(file)), allowed=(2,)) == "exit 2"


def test_toml_of_the_longest_length_is_read() -> None:
    """The nearest text that is let through."""
    text = 'a = ""\n#'
    assert read_toml(text.ljust(MOST_CHARACTERS, "x")) == {"a": ""}


def test_what_is_all_but_impossible_never_happens() -> None:
    """A share so small that 1 less it is 1 was a division by zero."""
    text = INVENTED.read_text("utf-8")
    line = next(line for line in text.splitlines() if line.startswith("detention ="))
    delays = read_delays(text.replace(line, "detention = 5e-324"))
    model = check("model").agreement
    assert model is not None
    assert foreseen(0, model, delays, days=30, seed=1, states=states_of(model)).acts


@pytest.mark.parametrize(
    "value", ["!!bool x", "!!timestamp x", "!!timestamp {}", "!!binary é", "!!int {}", "{<<: [1, 2]}", "!!float x"]
)
def test_a_tag_that_is_not_so_is_told(value: str) -> None:
    """YAML's library takes a tag at its word, and ended in KeyError, AttributeError or TypeError."""
    with pytest.raises(NotReadable):
        read_text(f"a: {value}")


def _doubling(form: str) -> str:
    """Nine aliases of nine aliases, eight deep: forty-three million values in a few hundred letters."""
    lines = ["a: &a " + ("[x, x]" if form == "list" else "{x: y}")]
    for one, other in zip("abcdefgh", "bcdefghi", strict=True):
        many = ", ".join([f"*{one}"] * 9)
        lines.append(f"{other}: &{other} " + (f"[{many}]" if form == "list" else f"{{<<: [{many}]}}"))
    return "\n".join(lines)


@pytest.mark.parametrize("form", ["list", "merge"])
def test_aliases_of_aliases_do_not_fill_the_memory(form: str, tmp_path: Path) -> None:
    """Each alias was written out: gigabytes out of half a kilobyte."""
    with pytest.raises(MalformedScenario, match=r"too many values|more than"):
        read(f"{_doubling(form)}\n", file="x", folder=tmp_path)


def test_a_scenario_of_more_letters_than_anybody_writes_is_not_read(tmp_path: Path) -> None:
    """What reads YAML takes a second for a quarter of a megabyte."""
    with pytest.raises(MalformedScenario, match="characters"):
        read("a: [" + "x, " * 100_000 + "]", file="x", folder=tmp_path)


@pytest.mark.parametrize("after", [["9999y"], ["80y", "30y"], ["999999999d"]])
def test_time_beyond_the_engines_clock_is_told_before_anything_is_played(after: list[str], tmp_path: Path) -> None:
    """It was an overflow in the middle of a rehearsal."""
    given = {**SCENARIO, "steps": [{"after": each} for each in after]}
    with pytest.raises(MalformedScenario, match="a hundred years"):
        read(json.dumps(given), file="x", folder=tmp_path)


@dataclass(frozen=True)
class Asked:
    """A command, as a kind of one input: it is judged in a process of its own, within time and memory."""

    argv: tuple[str, ...]
    name: str = "asked"

    def make(self, chance: Random) -> Given:
        return Given(b"")

    def answer(self, given: Given) -> str:
        return judged(*told_by(*self.argv), allowed=(2,))


def _is_told(*argv: str) -> None:
    found = judge(Asked(argv), 1, range(1))
    assert ([find.what for find in found.finds.values()], dict(found.answers)) == ([], {"exit 2": 1})


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ascii(place)[:24])
def test_an_agreement_at_a_place_that_is_none_is_told(place: str, tmp_path: Path) -> None:
    """A scenario names a file: a NUL was a ValueError, somebody's home a RuntimeError, one without an end filled the memory."""
    file = tmp_path / "scenario.yaml"
    shipped = Path(commands.__file__).parent / "scenarios" / "01-home-to-her-mother.yaml"
    file.write_text(json.dumps({**read_text(shipped.read_text("utf-8")), "agreement": place}), encoding="utf-8")
    told = told_by("rehearse", str(file)) if place != "/dev/zero" else None
    if told is None:
        _is_told("rehearse", str(file))
    else:
        assert judged(*told, allowed=(2,)) == "exit 2"
        assert "agreement:" in told[2]


@pytest.mark.parametrize(
    "argv",
    [
        ("rehearse",),
        ("agreements", "check"),
        ("foresee", "model", "--cases", "1", "--delays"),
        ("open",),
        ("record", "X"),
    ],
    ids=lambda argv: argv[0],
)
def test_a_file_of_any_length_is_not_read_whole(argv: tuple[str, ...], tmp_path: Path) -> None:
    """A gigabyte was in memory before anybody said that it is too long."""
    file = tmp_path / "long"
    with file.open("wb") as made:
        os.truncate(made.fileno(), 1 << 30)
    _is_told(*argv, str(file))


def test_a_file_of_acts_has_a_length(tmp_path: Path) -> None:
    """A megabyte of `[],` took more than the ten seconds: each is told as an act. The nearest length is read."""
    file = tmp_path / "acts.json"
    act = json.dumps(
        {"act": "note", "act_id": "a", "actor": {"id": "m", "role": "monitor", "state": "MD"}, "text": "x"}
    )
    file.write_text(act.ljust(MOST_BYTES_OF_ACTS), encoding="utf-8")
    assert commands.acts_of(str(file)).acts[0]["text"] == "x"
    file.write_text(act.ljust(MOST_BYTES_OF_ACTS + 1), encoding="utf-8")
    assert answered_by(lambda: str(commands.acts_of(str(file)))) == "exit 2: files."


_UNKNOWN = ",".join(f'"{n:x}":1' for n in range(6_000))


@pytest.mark.parametrize(
    "shortest",
    ["0", "{}", "[]", f'{{"act":"note",{_UNKNOWN}}}', f'{{"act":"note","evidence":[{"0," * 30_000}0]}}'],
    ids=["a number", "an empty object", "an empty list", "unknown fields", "a long list"],
)
@pytest.mark.parametrize("form", ["a list", "a line each"])
def test_as_many_acts_as_a_file_holds_are_told(shortest: str, form: str, tmp_path: Path) -> None:
    """A file of the allowed length had 260,000: telling of each took more than ten seconds, and more than the memory."""
    file = tmp_path / "acts.json"
    acts = [shortest] * ((MOST_BYTES_OF_ACTS - 2) // (len(shortest) + 1))
    file.write_text(f"[{','.join(acts)}]" if form == "a list" else "\n".join(acts), encoding="utf-8")
    _is_told("record", "MD-UA-2026-7K3F9A", str(file))


@pytest.mark.parametrize("between", [",", "\n"], ids=["a list", "a line each"])
def test_a_file_of_acts_has_a_number_of_them(between: str, tmp_path: Path) -> None:
    """The most are read, each told; one more is told as too many."""
    file = tmp_path / "acts.json"
    for more, faults in ((0, MOST_ACTS), (1, 1)):
        text = between.join(["{}"] * (MOST_ACTS + more))
        file.write_text(f"[{text}]" if between == "," else text, encoding="utf-8")
        with pytest.raises(MalformedAct) as raised:
            commands.acts_of(str(file))
        assert len(raised.value.faults) == faults
    assert "5,001 acts" in raised.value.faults[0]["message"]


@pytest.mark.parametrize("most", [30_000, 127_000])
def test_a_list_of_nothing_but_faults_is_told(most: int, tmp_path: Path) -> None:
    """Two bytes are a fault: telling of a hundred thousand took more than the memory."""
    file = tmp_path / "intake.json"
    file.write_text(json.dumps({"concerns": [0] * most}, separators=(",", ":")), encoding="utf-8")
    _is_told("open", str(file))


def test_the_words_for_very_many_faults(tmp_path: Path) -> None:
    """All that there can reasonably be, a line each; else how many there are."""
    file = tmp_path / "intake.json"
    for most, lines in ((30_000, range(30_000, 30_100)), (127_000, range(1, 3))):
        file.write_text(json.dumps({"concerns": [0] * most}, separators=(",", ":")), encoding="utf-8")
        assert len(told_by("open", str(file))[2].splitlines()) - 1 in lines


def test_every_fault_of_a_file_of_acts_is_told_on_its_line(tmp_path: Path) -> None:
    """Also one whose field is named as markup is, or steers a terminal."""
    file = tmp_path / "acts.json"
    named = {"act": "note", "act_id": "a", "actor": {"id": "m", "role": "monitor", "state": "MD"}, "text": "x"}
    file.write_text(json.dumps([0, {**named, "[bold]\x1b[2J": 1}, 0]), encoding="utf-8")
    code, _, trouble = told_by("record", "MD-UA-2026-7K3F9A", str(file))
    assert (code, trouble.splitlines()[1:]) == (
        2,
        [
            "  act 1: $: must be an object",
            "  act 2: [bold]�[2J: no such field here; remove it or check its spelling",
            "  act 3: $: must be an object",
        ],
    )


def test_who_asks_is_asked_once_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings were read anew for each act of a file: four seconds for five thousand of them."""
    asked: list[None] = []
    monkeypatch.setattr(commands, "see_who_asks", lambda: asked.append(None))
    file = tmp_path / "acts.json"
    file.write_text("[{}, {}, {}]", encoding="utf-8")
    with pytest.raises(MalformedAct):
        commands.acts_of(str(file))
    assert len(asked) == 1


def test_half_a_pair_in_an_intakes_text_is_told() -> None:
    """An intake that somebody opens who is signed in is written anew, and ended in TypeError."""
    with pytest.raises(MalformedIntake, match="is not JSON"):
        parse_intake('{"host_state": "\ud800"}', today=date(2026, 3, 1))


@pytest.mark.parametrize(
    "changed",
    [
        {"steps." + "9" * 5_000: 1},
        {"steps": [{"after": "9" * 400 + "y"}]},
        {"steps": [{"after": "P" + "9" * 400 + "M"}]},
        {"intake": {"child": {"date_of_birth": "@-" + "9" * 400 + "y"}}},
    ],
    ids=["a step", "years", "months", "an age"],
)
def test_a_number_of_very_many_digits_is_told(changed: dict[str, Any], tmp_path: Path) -> None:
    """Python makes no number of them, or one that is endless: the reading of a scenario ended in an unforeseen error."""
    with pytest.raises(MalformedScenario, match=r"no such field here|longer than the calendar|no relative moment"):
        read(json.dumps({**SCENARIO, **changed}), file="x", folder=tmp_path)


def test_a_dossiers_format_of_very_many_digits_is_told(tmp_path: Path) -> None:
    """Found under a guide: what blind input never wrote was a format that is newer, and then with how many digits."""
    content = content_of(samples()[0])
    path = tmp_path / "dossier.zip"
    for digits, said in ((9, "newer than this version"), (5_000, "this version of Homeward reads")):
        told = {**json.loads(content[parts.MANIFEST]), "format": f"{parts.FORMAT.partition('/')[0]}/{'9' * digits}"}
        path.write_bytes(bound({**content, parts.MANIFEST: json.dumps(told).encode()}))
        code, out, err = told_by("verify", "--no-replay", str(path))
        assert judged(code, out, err, allowed=(2,)) == "exit 2"
        assert said in err


def test_an_entrys_number_of_very_many_digits_is_told_in_our_words() -> None:
    """It was told in Python's."""
    with pytest.raises(ValueError, match="neither an entry number nor a time"):
        read_when("9" * 5_000)


def test_what_is_told_of_a_file_steers_no_terminal(tmp_path: Path) -> None:
    """A path in a fault is a field's name as somebody wrote it."""
    file = tmp_path / "intake.json"
    file.write_text(json.dumps({"\x1b[2J\u202e\x00": 1}), encoding="utf-8")
    assert judged(*told_by("open", str(file), "--address", "127.0.0.1:1"), allowed=(2,)) == "exit 2"
    assert answered_by(lambda: commands.intake_of(str(file))).startswith("exit 2")


@pytest.mark.parametrize(
    "name", ["\x1b[2J", "\u202e", "\ud800", "a name with spaces", "x" * 65, 7, None, {}], ids=ascii
)
def test_what_is_told_of_published_keys_steers_nothing(name: Any) -> None:
    """The name of a key, and those of fields that do not belong to it, went into logs as a stranger wrote them."""
    owner = {"office": "Invented", str(name): 1}
    with pytest.raises(KeysUnusable, match=r"^key \? is not as it should be at kid, owner(\.[?7A-Za-z]+)?$") as told:
        statements([json.dumps({"keys": [{**as_json(STATEMENT), "kid": name, "owner": owner}]})])
    assert str(told.value).isprintable()


def test_a_list_of_published_keys_steers_no_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It printed the names of offices as they came."""
    told = {**as_json(STATEMENT), "owner": {"office": "Invented\x1b[2J\u202e", "state": "UA"}, "roles": ["\x07"]}
    (tmp_path / "keys.json").write_text(json.dumps({"keys": [told]}), encoding="utf-8")
    monkeypatch.setenv("HOMEWARD_PUBLISHED_KEYS", str(tmp_path))
    code, out, err = told_by("keys", "signing", "list")
    assert judged(code, out, err, allowed=(0,)) == "exit 0"
    assert STATEMENT.kid in out and "Invented�[2J�" in out


def test_published_keys_of_a_length_that_nobody_has_are_not_read(tmp_path: Path) -> None:
    """A file of any length was read whole, at every change. The nearest length is read, and what it said before holds."""
    file = tmp_path / "keys.json"
    good = json.dumps({"keys": [as_json(STATEMENT)]}).encode()
    file.write_bytes(good.ljust(MOST_BYTES))
    keys = PublishedKeys(file)
    assert set(keys.all()) == {STATEMENT.kid}
    file.write_bytes(good.ljust(MOST_BYTES + 1))
    assert set(keys.good()[0]) == {STATEMENT.kid}
    with pytest.raises(KeysUnusable, match="longer than 1,048,576 bytes"):
        keys.all()


def _squeezed() -> bytes:
    """A dossier with a part of a gigabyte in a megabyte."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, raw in content_of(samples()[0]).items():
            packed.writestr(name, raw)
    return file.getvalue()


def _deep() -> bytes:
    return bound({**content_of(samples()[0]), "case.json": b"[" * 100_000, "ledger.jsonl": b"[" * 100_000})


def _crowded() -> bytes:
    content = content_of(samples()[0])
    return bound({**content, **{f"runs/{n:04}-{n:064x}.json": b"{}" for n in range(4_000)}})


def _newer_form() -> bytes:
    """A zip file whose first part asks for a form of zip files that there is not."""
    made = samples()[0]
    at = made.index(b"PK\x01\x02")
    return made[: at + 6] + struct.pack("<H", 255) + made[at + 8 :]


def test_a_zip_file_of_a_form_that_nobody_knows_is_no_dossier(tmp_path: Path) -> None:
    """What reads zip files raises NotImplementedError, which ended as an unforeseen error."""
    path = tmp_path / "dossier.zip"
    path.write_bytes(_newer_form())
    assert judged(*told_by("verify", str(path)), allowed=(2,)) == "exit 2"
    assert by_script(path)[0] == 4


def test_the_check_in_plain_python_steers_no_terminal(tmp_path: Path) -> None:
    """It printed names of parts as they came."""
    content = content_of(samples()[0])
    path = tmp_path / "dossier.zip"
    path.write_bytes(bound({**content, "\x1b[2J\u202e": b""}, mended=False))
    code, out = by_script(path)
    assert judged(code, out, "", allowed=(4,)) == "exit 4"
    assert "?[2J?" in out


@pytest.mark.parametrize("make", [_squeezed, _deep, _crowded], ids=["compressed", "deep", "very many parts"])
def test_the_check_in_plain_python_ends_in_a_sentence(make: Callable[[], bytes], tmp_path: Path) -> None:
    """It unpacked whatever came, ended in RecursionError, and took minutes for very many parts."""
    path = tmp_path / "dossier.zip"
    path.write_bytes(make())
    code, out = by_script(path)
    assert code == 4
    assert "wrong" in out
    assert judged(*told_by("verify", str(path)), allowed=(2, 4))


def test_json_that_fills_the_memory_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three bytes of an empty list are sixty in memory; the nearest part that is read has one value fewer."""
    monkeypatch.setattr(parts, "MOST_VALUES", 4_000)
    content = content_of(samples()[0])
    path = tmp_path / "dossier.zip"
    for count, said in ((4_000, "is not the agreement"), (4_001, "holds more values")):
        path.write_bytes(bound({**content, parts.AGREEMENT: b"[" + b"1," * (count - 1) + b"1]"}))
        code, out, _ = told_by("verify", "--no-replay", str(path))
        assert (code, said in out) == (4, True)


def test_commas_in_what_somebody_said_make_no_record_unreadable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only values count: else whoever writes enough commas into notes could not be audited any more."""
    monkeypatch.setattr(parts, "MOST_VALUES", 4_000)
    content = content_of(samples()[0])
    told = {**json.loads(content[parts.MANIFEST]), "note": ',[{\\"' * 9_000}
    path = tmp_path / "dossier.zip"
    path.write_bytes(bound({**content, parts.MANIFEST: json.dumps(told).encode()}))
    assert "holds more values" not in "".join(told_by("verify", "--no-replay", str(path))[1:])


def test_a_directory_that_lies_is_no_dossier(tmp_path: Path) -> None:
    """Sizes and methods that the parts do not have are found before anything is unpacked."""
    raw = bytearray(bound(content_of(samples()[0])))
    at = raw.find(b"PK\x01\x02")
    raw[at + 24 : at + 28] = struct.pack("<L", 1 << 30)
    path = tmp_path / "dossier.zip"
    path.write_bytes(raw)
    assert judged(*told_by("verify", str(path)), allowed=(2,)) == "exit 2"


@pytest.mark.parametrize(
    "raw", [b"[" * 100_000, b"9" * 5_000, b"1.5", b"true", b"\xff"], ids=["deep", "digits", "half", "true", "no text"]
)
def test_a_number_that_is_none_is_a_malformed_query(raw: bytes) -> None:
    """Deep nesting ended a reading of the ledger in RecursionError, and the engine tells nobody why a query failed."""
    assert refusal_of("ledger", [RawValue(Payload(data=raw))]) == "MalformedQuery"
    assert refusal_of("ledger", [RawValue(Payload(data=b"12"))]) is None
