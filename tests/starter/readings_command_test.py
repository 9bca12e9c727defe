"""`homeward readings` against a running house: every command that read a case, and exit 4 for a log that was changed."""

import json
import sqlite3
from pathlib import Path
from typing import Any

from tests.starter.running import House, homeward, intake


def opened(house: House, folder: Path) -> str:
    """A case of the test's own."""
    file = folder / "intake.json"
    file.write_text(json.dumps(intake(folder.name)), encoding="utf-8")
    answer = homeward("open", str(file), *house.at)
    assert answer.code == 0, answer.err
    return answer.out.strip()


def readings(house: House, reference: str, *more: str) -> tuple[int, dict[str, Any]]:
    answer = homeward("readings", reference, "--json", *more, *house.at)
    return answer.code, json.loads(answer.out)


def test_every_command_that_reads_a_case_stands_in_the_log(house: House, tmp_path: Path) -> None:
    """View, past, ledger, audit, dossier, and the question itself; a changed line is told, with exit 4."""
    reference = opened(house, tmp_path)
    dossier = str(tmp_path / "case.zip")
    for command in (
        ("show", reference),
        ("show", reference, "--at", "1"),
        ("ledger", reference),
        ("audit", reference),
        ("audit", reference, "--out", dossier, "--for", "guardian"),
    ):
        answer = homeward(*command, *house.at)
        assert answer.code == 0, answer.err
    code, told = readings(house, reference)
    read = [(line["n"], line["person"], line["what"]) for line in told["readings"]]
    assert (code, told["verifies"], told["faults"]) == (0, True, [])
    assert read == [
        (1, "operator", "show"),
        (2, "operator", "show: as it was"),
        (3, "operator", "ledger"),
        (4, "operator", "audit"),
        (5, "operator", "dossier for guardian"),
        (6, "operator", "readings"),
    ]
    head = json.loads(homeward("show", reference, "--json", *house.at).out)["head"]
    assert {line["head"] for line in told["readings"]} == {head}
    assert readings(house, reference, "--hash", told["readings"][2]["hash"])[0] == 0
    assert readings(house, reference, "--hash", "ab" * 32)[0] == 4
    assert "operator" in homeward("readings", reference, *house.at).out

    with sqlite3.connect(Path(house.told["data"]) / "caseload.db") as log:
        log.execute("UPDATE readings SET person = 'somebody' WHERE reference = ? AND n = 4", (reference,))
    code, told = readings(house, reference)
    assert (code, told["verifies"], told["faults"]) == (4, False, ["Line 4 is not what its hash says."])


def test_of_no_case_there_is_no_log(house: House) -> None:
    """Exit 7, as for every command."""
    assert homeward("readings", "MD-UA-2026-ZZZZZZ", *house.at).code == 7
