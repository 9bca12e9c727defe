"""What the benchmarks write and fill in."""

import importlib
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest

from benches import foresight, law, measures
from benches.desk import copies
from benches.measures import ROOT, at, machine, put_section, table
from procedure.entries import read_moment
from procedure.intake import REFERENCE
from tests.house.committed import committed, where
from tools.sizing import MEASURED

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
VIEW = {
    "reference": "MD-UA-2026-DEM001",
    "agreement": "model",
    "host_state": "MD",
    "origin_state": "UA",
    "status": "open",
    "stage": "identification",
    "solution": None,
    "outcome": None,
    "holds": [],
    "awaiting": [
        {"act": "verify_identity", "due": "2026-03-09T09:00:00Z", "overdue": False},
        {"act": "place_child", "due": None, "overdue": False},
    ],
    "entries": 1,
    "refused": 0,
    "opened_at": "2026-03-01T09:00:00Z",
}


def test_what_was_measured_is_named_by_its_commit() -> None:
    """Figures of older code are not taken for those of today. A process of its own begins at the commit of its moment."""

    def head() -> str:
        asked = ["git", "rev-parse", "--short=8", "HEAD"]
        return subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    before = head()
    asked = [sys.executable, "-c", "from benches.measures import machine; print(machine('pydantic'))"]
    told = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert any(f" Commit {commit}" in told for commit in (before, head()))
    assert "Versions: Python" in told and "pydantic" in told


@pytest.mark.parametrize(
    ("begun", "ended", "says"),
    [
        ("", "", " Commit 0123abcd."),
        ("one", "one", " Commit 0123abcd, with changes that were not committed."),
        ("", "one", " Commit 0123abcd. The code was changed while this ran."),
        ("one", "two", " Commit 0123abcd, with changes that were not committed. The code was changed while this ran."),
    ],
)
def test_a_run_names_the_commit_that_it_began_with(
    begun: str, ended: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run takes an hour; whoever commits or edits meanwhile changes what stands there at its end, not what was measured."""
    asked: list[str] = []

    def changes(commit: str) -> str:
        asked.append(commit)
        return ended

    monkeypatch.setattr(measures, "_BEGUN_AT", ("0123abcd", begun))
    monkeypatch.setattr(measures, "_changes_since", changes)
    assert machine().endswith(says)
    assert asked == ["0123abcd"]


def test_outside_of_a_checkout_no_commit_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation from a file has none."""
    monkeypatch.setattr(measures, "_BEGUN_AT", ("", ""))
    assert machine().endswith(f"Python {platform.python_version()}.")


WRITERS = sorted(
    where(path)
    for path in committed(".py")
    if where(path).partition("/")[0] != "tests"
    and re.search(r"\bput_(whole|section)\(", path.read_text("utf-8"))
    and where(path) != "benches/measures.py"
)
"""Whatever writes a section of the page."""


def test_each_section_has_a_writer() -> None:
    """And each writer has its section, under the title by which it would write it anew."""
    sections = re.findall(r"^## (.+)$", (ROOT / "docs" / "measures.md").read_text("utf-8"), re.MULTILINE)
    titles = [importlib.import_module(writer.removesuffix(".py").replace("/", ".")).TITLE for writer in WRITERS]
    assert sorted(sections) == sorted(titles)


@pytest.mark.parametrize("writer", WRITERS)
def test_each_writer_says_the_machine_and_the_commit(writer: str) -> None:
    """In the one way in which all of them do."""
    assert re.search(r"\bmachine\(", (ROOT / writer).read_text("utf-8"))


def test_a_section_of_today_s_form_names_its_commit() -> None:
    """Sections of before 30 November 2026 name none, for their commits were not kept; each that is written now does."""
    page = (ROOT / "docs" / "measures.md").read_text("utf-8")
    nameless = [
        (section.partition("\n")[0], measured[1] if measured else "no day")
        for section in page.split("\n## ")[1:]
        for measured in [re.search(r"Measured on (\d{4}-\d\d-\d\d)", section)]
        if not re.search(r" Commit [0-9a-f]{8}\b", section)
    ]
    assert [each for each in nameless if each[1] >= "2026-11-30"] == []


def _named_commits() -> list[tuple[str, str]]:
    """Every commit that figures were measured at: where it is named, and its beginning."""
    pages = (ROOT / "docs" / "measures.md", MEASURED)
    return [
        (page.name, commit)
        for page in pages
        for commit in re.findall(r"\bCommit ([0-9a-f]{7,40})\b", page.read_text("utf-8"))
    ]


def test_figures_name_commits() -> None:
    """A check of none of them would pass."""
    assert _named_commits()


@pytest.mark.parametrize(("page", "commit"), _named_commits())
def test_figures_are_of_a_commit_that_can_be_looked_up(page: str, commit: str) -> None:
    """Whoever doubts a figure finds the code that was measured: its commit is in the history of this one."""

    def git(*asked: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["git", *asked], cwd=ROOT, capture_output=True, text=True, check=False)

    if git("rev-parse", "--is-shallow-repository").stdout.strip() != "false":
        pytest.skip("the history is not here")
    assert git("merge-base", "--is-ancestor", commit, "HEAD").returncode == 0, (
        f"{page} names commit {commit}, which is not in the history: measure anew"
    )


def test_a_section_is_written_anew_and_the_others_stay(tmp_path: Path) -> None:
    """Each benchmark has its section of one page, and none writes over another's."""
    page = tmp_path / "measures.md"
    put_section(page, "The desk", "Old.")
    put_section(page, "Audits", "Of another.\n\n### With a part\nStays.")
    put_section(page, "The desk", "New, with a \\1 in it.")
    text = page.read_text("utf-8")
    assert "Old." not in text
    assert text.endswith(
        "\n\n## The desk\nNew, with a \\1 in it.\n\n## Audits\nOf another.\n\n### With a part\nStays.\n"
    )
    assert text.count("# Measures\n") == 1


def test_a_table_has_as_many_columns_in_each_line() -> None:
    """Every renderer shows it."""
    assert table(("page", "ms"), [("inbox", "1.0")]) == "| page | ms |\n| --- | ---: |\n| inbox | 1.0 |"


def test_a_quantile_is_one_of_the_values() -> None:
    """The nearest rank, and nothing of no values."""
    values = [float(each) for each in range(100, 0, -1)]
    assert (at(0.5, values), at(0.99, values), at(0.99, [7.0])) == (51.0, 100.0, 7.0)
    with pytest.raises(ValueError, match="nothing"):
        at(0.5, [])


def test_ten_thousand_invented_rows_differ() -> None:
    """Each has a reference of its own that the contract allows, and says overdue where it is."""
    rows = copies([VIEW], 10_000, NOW)
    assert len({row.reference for row in rows}) == 10_000
    assert all(REFERENCE.fullmatch(row.reference) for row in rows)
    for row in rows:
        dated, undated = row.awaiting
        assert dated["overdue"] == row.overdue == (read_moment(dated["due"]) < NOW)
        assert timedelta(days=-10) <= read_moment(dated["due"]) - NOW <= timedelta(days=50)
        assert undated["due"] is None
    assert 0 < sum(row.overdue for row in rows) < 5_000


def test_a_case_whose_refusals_are_kept_back_is_copied_too() -> None:
    """Who fills the caseload is a caseworker, who is not told of refusals in a colleague's case."""
    assert [row.refused for row in copies([{**VIEW, "refused": None}, {**VIEW, "refused": 2}], 2, NOW)] == [0, 2]


def test_a_what_if_is_measured_in_cases_acts_and_work() -> None:
    """Few cases are measured like many; whether the allowed time is kept is said of the full number only."""
    text = foresight.measure(3)
    assert "| cases | 3 |" in text
    assert "| seconds of work of one core |" in text
    assert "kept." not in text


def test_the_law_is_measured_by_acts_of_every_fate() -> None:
    """What is said in the courses is accepted and refused, comes due and escalates, and is the same in every way to hear it."""
    once = law.rates(1, law.SMALL)
    assert len({(each[0].acts, each[0].entries) for each in once.values()}) == 1
    kinds = {entry.kind for course in law.courses(scenarios=law.SMALL) for entry in law.entries_of(course)}
    assert {"accepted", "refused", "overdue", "escalated", "hold", "hold_lifted", "detention", "closed"} <= kinds


def test_the_text_on_the_law_says_whether_it_is_fast_enough() -> None:
    """Kept or missed is said of each way that an act is heard in, and growth and shares are told."""
    text = law.measure(1, late=100, scenarios=law.SMALL)
    assert text.count(" is kept") + text.count(" is missed by ") == 3
    assert "The act number 100 of one case costs" in text
    assert all(f"| {part} |" in text for part in {**law.PARTS_DECIDED, **law.PARTS_HEARD})
    counted = re.search(r"the ([\d,]+) acts of .* \(([\d,]+) entries\)", text)
    assert counted
    acts, entries = (int(each.replace(",", "")) for each in counted.groups())
    assert f"an act makes {entries / acts:.1f} entries" in text
    of_others = law._remains(2.34)  # pyright: ignore[reportPrivateUsage] - the sentence of other courses
    assert "an act makes 2.3 entries" in of_others


def test_the_reason_for_a_missed_target_is_of_the_target_s_own_row() -> None:
    """Parts are those of an act that is decided and folded, none lies in another, and each took some time."""
    found = law.shares(law.PARTS_DECIDED, law.decided(None), law.courses(None, law.SMALL))
    assert all(share > 0 for share in found.values()), found
    assert 0.5 < sum(found.values()) <= 1, found
    heard = law.shares(law.PARTS_HEARD, law.heard(lambda said: said.act), law.courses(scenarios=law.SMALL))
    assert all(share > 0 for share in heard.values()), heard


def test_a_missed_target_is_argued_and_a_kept_one_is_not() -> None:
    """Without the largest part it would be so many acts; where that is too few, no part alone is the reason."""
    parts = {"deadlines": 0.25, "safeguards": 0.1}
    missed = law._of_the_target(12_000, parts)  # pyright: ignore[reportPrivateUsage] - the sentence alone
    assert missed.startswith(
        "Without the largest part, deadlines, there would be 16,000 acts a second. So no part alone"
    )
    kept = law._of_the_target(30_000, parts)  # pyright: ignore[reportPrivateUsage]
    assert kept == "Without the largest part, deadlines, there would be 40,000 acts a second."


def _calls_of_acts(last: int) -> list[int]:
    """How many functions each act of a long case calls: what it costs, whatever else the machine does."""
    calls: list[int] = []

    def count(frame: object, event: str, told: object) -> None:
        if event in ("call", "c_call"):
            calls[-1] += 1

    for hear in islice(law.said_for_ever(law.courses(scenarios=law.SMALL)[0]), last):
        calls.append(0)
        sys.setprofile(count)
        try:
            hear()
        finally:
            sys.setprofile(None)
    return calls


def test_an_act_costs_an_old_case_no_more_than_a_young_one() -> None:
    """Nothing goes through the past: of the same acts the last round calls no more functions than an early one."""
    each = len(law.FOR_EVER)
    calls = _calls_of_acts(20 * each)
    early, late = sum(calls[2 * each : 3 * each]), sum(calls[-each:])
    assert late <= law.MOST_GROWTH * early
