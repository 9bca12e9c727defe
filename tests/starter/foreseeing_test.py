"""`homeward foresee` as a person meets it: what it prints, what it draws, and what it will not do."""

import contextlib
import io
import os
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from casefile.delays import INVENTED
from casefile.languages import LANGUAGES
from starter.main import ended
from tests.starter.running import Answer, environment

FEW = ("--cases", "12", "--days", "120")


def foresee(*arguments: str) -> Answer:
    """The command in this process, as the console command runs it."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        for name in os.environ.keys() - environment().keys():
            patch.delenv(name)
        for name, value in environment().items():
            patch.setenv(name, value)
        code = ended(["foresee", *arguments])
    assert "Traceback" not in err.getvalue()
    return Answer(int(code), out.getvalue(), err.getvalue())


def draft(folder: Path, text: str) -> str:
    """A profile of one's own."""
    path = folder / "profile.toml"
    path.write_text(f'id = "draft"\ntitle = "A draft"\nversion = "1"\nstates = "any"\nside = "both"\n'
                    f"in_force_from = 2026-01-01\n{text}", encoding="utf-8")  # fmt: skip
    return str(path)


def delays(folder: Path, old: str, new: str) -> str:
    """The invented delays, with a change."""
    path = folder / "delays.toml"
    path.write_text(INVENTED.read_text("utf-8").replace(old, new), encoding="utf-8")
    return str(path)


def test_two_agreements_side_by_side_in_tables_and_in_a_picture(tmp_path: Path) -> None:
    """A and B in one table each, every ending among them, and one picture of both."""
    profile = draft(tmp_path, "[deadlines]\nguardian = { days = 1 }\n")
    picture = tmp_path / "both.svg"
    answer = foresee("model", profile, *FEW, "--out", str(picture))
    assert answer.code == 0
    assert "A: 12 invented cases of 120 days each under model, version 2, between MD and UA." in answer.out
    assert "B: 12 invented cases of 120 days each under draft, version 1" in answer.out
    assert "This foresees nothing about any child" in answer.out
    for title in ("Days in each stage", "waits for an office", "missed first", "Endings", "Open at the end"):
        assert title in answer.out
    for ending in ("returned", "stays", "third country", "adult", "withdrawn", "still open"):
        assert f"\n{ending} " in answer.out
    assert ET.parse(picture).getroot().tag.endswith("svg")
    assert "The picture is written to" in answer.out


def test_what_is_printed_for_a_program_is_one_document() -> None:
    """With the delays that were assumed, and what it is."""
    answer = foresee("model", "moldova-2008", *FEW, "--json")
    told = answer.json
    assert "nothing about any child" in told["what_this_is"]
    assert [each["agreement"]["id"] for each in told["foreseen"]] == ["model", "moldova-2008"]
    assert [each["cases"]["all"] for each in told["foreseen"]] == [12, 12]
    assert told["foreseen"][0]["delays"]["title"] == "Invented delays"
    assert answer.err == ""


def test_one_agreement_under_two_files_of_delays(tmp_path: Path) -> None:
    """What would be, were the tracing answered within a day?"""
    quick = delays(
        tmp_path,
        "tracing_service = { median_days = 20, nine_in_ten_days = 70, never = 0.08 }",
        "tracing_service = { median_days = 1, nine_in_ten_days = 1 }",
    )
    answer = foresee("model", "model", "--delays", str(INVENTED), "--delays", quick, *FEW, "--json")
    slow, fast = (
        {row["role"]: row["mean_days_a_case"] for row in each["days_waited_for"]} for each in answer.json["foreseen"]
    )
    assert fast["tracing_service"] < slow["tracing_service"] / 2


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_picture_speaks_every_language(code: str, tmp_path: Path) -> None:
    """In another language it is another picture."""
    picture = tmp_path / "it.svg"
    assert foresee("model", "--cases", "3", "--days", "60", "--out", str(picture), "--language", code).code == 0
    assert ("Waiting for an office" in picture.read_text("utf-8")) == (code == "en")


def test_states_may_be_chosen() -> None:
    """Holidays and who owes what follow from them."""
    told = foresee("model", "--between", "RO-MD", *FEW, "--json").json["foreseen"][0]
    assert (told["host_state"], told["origin_state"]) == ("RO", "MD")


def test_an_agreement_below_the_floor_is_refused_clause_by_clause() -> None:
    """No case can be opened under it, invented or not."""
    answer = foresee("chisinau-2002", *FEW)
    assert answer.code == 3
    assert "hearing.required" in answer.err
    assert "no case can be opened under it" in answer.err
    assert answer.out == ""


def test_a_faulty_file_of_delays_is_told_by_its_fields(tmp_path: Path) -> None:
    """Every fault at once, and nothing is reckoned."""
    answer = foresee("model", "--delays", delays(tmp_path, "heeded = 0.5", "heeded = 5\nhurried = true"))
    assert answer.code == 2
    assert "escalation.heeded" in answer.err
    assert "escalation.hurried" in answer.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "PROFILE"),
        (("model", "model", "model"), "PROFILE"),
        (("nowhere",), "no such agreement"),
        (("model", "--cases", "0"), "--cases"),
        (("model", "--days", "4000"), "--days"),
        (("model", "--seed", "-1"), "--seed"),
        (("model", "--between", "MD-MD"), "--between"),
        (("model", "--between", "Moldova"), "--between"),
        (("moldova-2008", "--between", "RO-UA"), "--between"),
        (("model", "--language", "de"), "--language"),
        (("model", "--delays", "not-there.toml"), "--delays"),
        (("model", "--delays", str(INVENTED), "--delays", str(INVENTED)), "--delays"),
        (("model", "--out", "."), "--out"),
        (("model", "--cases", "1", "--out", "no-such-folder/it.svg"), "cannot be written"),
    ],
)
def test_bad_input_gets_a_sentence_that_names_it(arguments: tuple[str, ...], says: str) -> None:
    """Exit code 2, on standard error, and nothing on standard output."""
    answer = foresee(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert says in answer.err


def test_an_agreement_that_is_over_has_no_cases(tmp_path: Path) -> None:
    """It was in force before the invented cases open."""
    path = Path(draft(tmp_path, "in_force_until = 2025-12-31\n"))
    path.write_text(path.read_text("utf-8").replace("2026-01-01", "2020-01-01"), encoding="utf-8")
    answer = foresee(str(path), *FEW)
    assert answer.code == 2
    assert "no longer in force" in answer.err


def test_the_invented_delays_are_printed_to_be_copied() -> None:
    """Byte for byte."""
    answer = foresee("--print-delays")
    assert (answer.code, answer.out) == (0, INVENTED.read_text("utf-8"))
