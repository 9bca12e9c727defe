"""Which runs may write the page of measures, and that what is documented can be asked for."""

import argparse
import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from benches import desk, foresight, law, sealing
from benches.measures import put_whole, short_of
from faults.__main__ import SEEDS
from faults.__main__ import main as faults
from faults.breaking import KINDS
from faults.playing import Outcome
from tests.house.committed import ROOT


@pytest.mark.parametrize(
    ("options", "whole"), [(bench.options(), bench.WHOLE) for bench in (desk, foresight, law, sealing)]
)
def test_a_run_of_less_than_the_whole_leaves_the_page(options: argparse.ArgumentParser, whole: dict[str, int]) -> None:
    """One fewer of anything is said and writes nothing; as much as the whole, or more, is written."""
    assert short_of(options.parse_args([]), whole) == ""
    for name, needed in whole.items():
        option = f"--{name}"
        assert short_of(options.parse_args([option, str(needed + 1)]), whole) == ""
        short = short_of(options.parse_args([option, str(needed - 1)]), whole)
        assert short == f"{option} is {needed - 1:,}, and a whole run has {needed:,}"


def test_a_page_that_stays_as_it_was_is_told_of_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever waited for a part learns why its figures are not there."""
    page = tmp_path / "measures.md"
    put_whole(page, "The desk", "Few.", short="--rounds is 3, and a whole run has 10")
    assert not page.exists()
    assert capsys.readouterr().err == f"{page} is as it was: --rounds is 3, and a whole run has 10.\n"
    put_whole(page, "The desk", "All.", short="")
    assert "## The desk\nAll." in page.read_text("utf-8")
    assert capsys.readouterr().err == ""


def test_the_small_form_of_the_law_s_bench_writes_no_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It shows that the bench works, no more."""
    page = tmp_path / "measures.md"
    law.main(["--small", "--write", str(page)])
    told = capsys.readouterr()
    assert "acts a second" in told.out
    assert "as it was: --small is no whole run." in told.err
    assert not page.exists()


def test_a_quicker_bench_of_the_what_if_writes_no_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command itself keeps to it."""
    page = tmp_path / "measures.md"
    foresight.main(["--cases", "2", "--write", str(page)])
    assert "--cases is 2, and a whole run has 10,000." in capsys.readouterr().err
    assert not page.exists()


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ([], ""),
        (["--seeds", "300"], ""),
        (["--seeds", "3"], f"--seeds is 3, and a whole run has {SEEDS}: only then must every fault have struck"),
        (["--first", "2"], "--first is 2, and a whole run begins with 1"),
        (["--seed", "7"], "--seed plays one course, and a whole run plays them all"),
    ],
)
def test_few_courses_among_faults_leave_the_page(
    asked: list[str], why: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two hundred from the first on, or the page keeps what it has: with fewer nobody asks whether every fault struck."""

    async def well(seeds: object, at_once: int, *options: str) -> list[Outcome]:
        return [Outcome(1)]

    monkeypatch.setattr("faults.__main__.played", well)
    page = tmp_path / "measures.md"
    assert faults([*asked, "--write", str(page)]) == 0
    assert page.exists() == (not why)
    assert capsys.readouterr().err == (f"{page} is as it was: {why}.\n" if why else "")


def test_a_whole_run_in_which_something_was_wrong_is_written_with_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The page does not keep what a run of before found well: what is wrong now stands on it, and the run has failed."""
    outcomes = [Outcome(1, struck=dict.fromkeys(KINDS, 1)), *(Outcome(n) for n in range(2, SEEDS + 1))]
    outcomes[6].wrong = ["an invented entry was lost"]

    async def not_well(seeds: object, at_once: int, *options: str) -> list[Outcome]:
        return outcomes

    monkeypatch.setattr("faults.__main__.played", not_well)
    page = tmp_path / "measures.md"
    assert faults(["--write", str(page)]) == 1
    assert "**What is not as it must be:**\n\n- seed 7: an invented entry was lost\n" in page.read_text("utf-8")
    outcomes[6].wrong = []
    assert faults(["--write", str(page)]) == 0
    assert "wrong:" not in page.read_text("utf-8")
    assert "Nothing was lost, doubled or different." in page.read_text("utf-8")
    outcomes[0].struck["engine killed"] = 0
    assert faults(["--write", str(page)]) == 1
    assert "- Never struck, so nothing is known of it: engine killed." in page.read_text("utf-8")


def _documented() -> list[tuple[str, str]]:
    """Every target with arguments of its benches that the pages name: of a row, and of the comment above a target."""
    contributing = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    makefile = (ROOT / "Makefile").read_text("utf-8")
    said = [(found[1], found[0]) for found in re.finditer(r"^\| `make ([\w-]+)`.*$", contributing, re.MULTILINE)]
    said += [(found[2], found[1]) for found in re.finditer(r"((?:^#.*\n)+)([\w-]+):", makefile, re.MULTILINE)]
    return sorted(
        {
            (target, quoted or plain)
            for target, text in said
            for quoted, plain in re.findall(r"BENCH_ARGS=(?:\"([^\"]+)\"|(\S+?)`)", text)
        }
    )


def _dry(target: str, arguments: str) -> str:
    """What make would run, without a search for the newest Python."""
    return subprocess.run(
        ["make", "--dry-run", target, f"BENCH_ARGS={arguments}", f"PYTHON={sys.executable}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_what_is_documented_is_found() -> None:
    """The pages name arguments of more than one bench; a check of none of them would pass."""
    assert {("bench", "--small"), ("bench", "--only events,latency"), ("bench-desk", "--rounds 3")} <= set(
        _documented()
    )


@pytest.mark.parametrize(("target", "arguments"), _documented())
def test_every_bench_takes_the_arguments_that_are_documented(target: str, arguments: str) -> None:
    """What make would run with them is taken by the options of each bench that it starts."""
    would_run = _dry(target, arguments)
    benches = [shlex.split(line)[2:] for line in would_run.splitlines() if " -m benches." in line]
    assert benches, would_run
    for name, *asked in benches:
        importlib.import_module(name).options().parse_args(asked)


def test_parts_of_the_cost_leave_the_law_out() -> None:
    """The law's bench knows no such parts; the small form tries both."""

    def started(arguments: str) -> list[str]:
        return re.findall(r" -m (benches\.\w+)", _dry("bench", arguments))

    assert started("--only events") == ["benches.cost"]
    assert started("--small") == started("") == ["benches.cost", "benches.law"]
