"""Mutation testing works, and what it let pass is explained where it stands."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.house.committed import ROOT
from tools.mutants import Explanation, Mutant, Outcome, explanations, mutate

SMALL = "procedure/retention.py"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.mutants", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def test_tests_see_the_mutants_of_a_small_file(tmp_path: Path) -> None:
    """The whole command on one file of the law: mutants are made, switched on, and seen. A part writes no page."""
    page = tmp_path / "measures.md"
    ran = run(SMALL, "--tests", "tests/procedure/retention_test.py", "--write", str(page))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"| `{SMALL}` |" in ran.stdout
    assert f"{page} is as it was: a whole run is of the whole law and all its tests." in ran.stderr
    assert not page.exists()


def test_what_no_test_sees_is_told(tmp_path: Path) -> None:
    """With a test that looks at nothing, every mutant survives, is printed, and the command fails."""
    blind = tmp_path / "blind_test.py"
    blind.write_text("import procedure.retention\n\n\ndef test_nothing() -> None:\n    assert procedure.retention\n")
    ran = run(SMALL, "--tests", str(blind))
    assert ran.returncode == 1, ran.stderr
    assert f"{SMALL}, may_be_erased_from:\n  - " in ran.stdout
    assert "| 0.0% | 0.0% |" in ran.stdout


def test_tests_that_fail_the_second_time_see_nothing(tmp_path: Path) -> None:
    """They would see every mutant; the command says which, and judges none."""
    once = tmp_path / "once_test.py"
    once.write_text(
        "import procedure.retention\n\nran = []\n\n\ndef test_once() -> None:\n    ran.append(1)\n    assert len(ran) == 1\n"
    )
    ran = run(SMALL, "--tests", str(once))
    assert ran.returncode == 2
    assert "test_once fails the second time, with no mutant" in ran.stderr


def test_verdicts_of_other_tests_are_none(tmp_path: Path) -> None:
    """A run that was broken off goes on; verdicts that other tests gave are refused, and half a line is not read."""
    kept = tmp_path / "verdicts.jsonl"
    whole = run(SMALL, "--tests", "tests/procedure/retention_test.py", "--verdicts", str(kept))
    lines = kept.read_text("utf-8").splitlines()
    kept.write_text("\n".join(lines[:-3]) + "\n" + lines[-1][:20], "utf-8")
    again = run(SMALL, "--tests", "tests/procedure/retention_test.py", "--verdicts", str(kept))
    assert (again.returncode, again.stdout) == (whole.returncode, whole.stdout)
    other = run(SMALL, "--tests", "tests/procedure/majority_test.py", "--verdicts", str(kept))
    assert other.returncode == 2
    assert "of another law, other tests or another run" in other.stderr


def test_every_explanation_is_of_a_mutant_that_there_is() -> None:
    """An explanation falls with the line that it explains."""
    assert idle(explanations()) == []


def test_an_explanation_of_nothing_would_be_seen() -> None:
    """The check can fail."""
    nothing = Explanation(file=SMALL, before="no such line", after="nor this", why="to see it found")
    assert idle([nothing]) == [nothing]


def idle(explained: Sequence[Explanation]) -> list[Explanation]:
    """Those that explain no mutant."""
    there = {
        (mutant.file, mutant.before, mutant.after)
        for file in {each.file for each in explained}
        for mutant in mutate(ROOT / file, file)[1]
    }
    return [each for each in explained if (each.file, each.before, each.after) not in there]


def test_a_score_counts_explained_ones_apart() -> None:
    """What survived lowers the score as measured; what is explained too lowers nothing else."""
    mutants = [Mutant(f"law.x_f__mutmut_{n}", "law.py", "f", f"line {n}", f"other {n}") for n in range(4)]
    verdicts = dict(zip((m.name for m in mutants), ("killed", "out of time", "survived", "no test"), strict=True))
    why = Explanation(file="law.py", before="line 2", after="other 2", why="the same")
    killed = Explanation(file="law.py", before="line 0", after="other 0", why="of one that was seen")
    outcome = Outcome(mutants, verdicts, [why, killed], tests=1, cpu=1.0)
    assert outcome.unexplained == [mutants[3]]
    assert outcome.idle == [killed]
    assert outcome.score() == pytest.approx(0.5)
    assert outcome.rows()[-1] == ["together", "4", "2", "1", "1", "50.0%", "75.0%"]


DECORATED = """
@gate("held", when=lambda asked: not asked.corrects)
def held(asked):
    yield 1

@_folds("note", "assign")
def _(case):
    return case + 1

class Case:
    @property
    def missing(self):
        return self.where is None

@elsewhere
def of_another_kind():
    return 1

RULES = (Rule("guardian", lambda case: case.guardian is None),)
"""


def test_safeguards_folds_and_lambdas_of_tables_are_mutated(tmp_path: Path) -> None:
    """What mutmut goes round by itself is reached, but for decorators that nobody vouched for; the result is Python."""
    source = tmp_path / "law.py"
    source.write_text(DECORATED)
    code, mutants = mutate(source, "procedure/law.py")
    assert {mutant.function for mutant in mutants} == {"held", "_note", "Case.missing", "lambda_1", "lambda_2"}
    assert ("return case.guardian is None", "return case.guardian is not None") in {
        (m.before, m.after) for m in mutants
    }
    compile(code, "law.py", "exec")
    assert code.count("@gate(") == 1


def test_a_file_of_explanations_that_cannot_be_read_is_said_in_a_sentence(tmp_path: Path) -> None:
    """The file and what is wrong in it are named."""
    wrong = tmp_path / "survivors.toml"
    wrong.write_text('[[survivor]]\nfile = "procedure/gates.py"\n')
    with pytest.raises(ValueError, match=r"survivors\.toml cannot be read as a list of survivors"):
        explanations(wrong)


def test_a_file_that_is_none_of_the_law_is_named() -> None:
    """The command says which one, and ends with 2."""
    ran = run("procedure/nowhere.py")
    assert ran.returncode == 2
    assert "procedure/nowhere.py is no file of the law" in ran.stderr
