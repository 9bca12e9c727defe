"""The auditor's commands as processes: audit, verify, statistics, archive, and looking back, with a house or without."""

import json
import re
import socket
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from temporalio.client import Client

from tests.casefile.lived import Lived, until
from tests.starter.commands_test import opened, written
from tests.starter.running import CASEWORKER, Answer, House, environment, homeward, locked, note
from tests.workflows.engines import Handle, accepted, act, time_skipping, until_determined

pytestmark = pytest.mark.engine

UNKNOWN = "MD-UA-1999-000000"
PERSONAL = ("Inventedson", "2013-05-04", "Invented Station", "Invented family", "invented words")


@dataclass(frozen=True)
class Audited:
    """A case of the house, and its dossiers."""

    reference: str
    told: Answer
    """`audit --json --out`, for an auditor."""
    dossier: Path
    for_origin: Path


def each(*commands: tuple[str, ...], **changes: str) -> list[Answer]:
    """Several commands, one after the other."""
    return [homeward(*arguments, env=environment(**changes)) for arguments in commands]


def in_order(answer: Answer, code: int) -> Answer:
    """The exit code is that, no traceback shows, and nothing of the child is among the trouble."""
    assert answer.code == code, (answer.code, answer.out, answer.err)
    assert "Traceback" not in answer.err + answer.out
    assert not [word for word in PERSONAL if word in answer.err]
    if code:
        assert answer.out or answer.err.strip()
    return answer


def told_as_json(answer: Answer) -> dict[str, Any]:
    """The one JSON object that a command with `--json` leaves: its answer, or its trouble on standard error."""
    told: dict[str, Any] = json.loads(answer.out or answer.err)
    assert told.keys()
    return told


def acts() -> list[dict[str, Any]]:
    """A note, a refusal, a report with a mistake, and its correction."""
    identity = {"act": "verify_identity", "act_id": "a-3", "result": "presumed", "sources": ["invented words"]}
    mended = {"act": "correct", "act_id": "a-4", "entry": 4, "fields": {"result": "verified"}}
    reason = {"actor": CASEWORKER, "reason": "Invented."}
    return [note("a-1"), locked("a-2"), {**identity, **reason}, {**mended, **reason}]


@pytest.fixture(scope="module")
def audited(house: House, tmp_path_factory: pytest.TempPathFactory) -> Audited:
    """A case with a few entries, audited twice."""
    folder = tmp_path_factory.mktemp("audited")
    reference = opened(house, folder)
    assert homeward("record", reference, written(folder, acts()), *house.at).code == 3
    whole, partial = folder / "whole.zip", folder / "partial.zip"
    told = homeward("audit", reference, "--out", str(whole), "--json", *house.at)
    to_origin = ("--out", str(partial), "--for", "origin_authority", "--language", "uk")
    in_order(homeward("audit", reference, *to_origin, *house.at), 0)
    return Audited(reference, told, whole, partial)


def test_help_names_the_auditors_commands() -> None:
    """Whoever looks for them finds them, and what each is asked with."""
    general, audit, verify, show = each(("--help",), ("audit", "--help"), ("verify", "--help"), ("show", "--help"))
    for command in ("audit", "verify", "statistics", "archive"):
        assert re.search(rf"^\s+{command} ", general.out, re.MULTILINE)
    for answer, options in (
        (audit, ("--out", "--for", "--language", "--archive", "--offline", "--json")),
        (verify, ("--head", "--replay", "--json")),
        (show, ("--at", "--beside-now", "--acts")),
    ):
        assert answer.code == 0
        assert not [option for option in options if option not in answer.out]


# Audit


def test_an_audit_says_that_the_record_verifies_and_what_kept_each_safeguard(house: House, audited: Audited) -> None:
    """For a person, and as one JSON document; the dossier is written on the way."""
    told = in_order(audited.told, 0).json
    assert (told["reference"], told["verifies"], told["findings"]) == (audited.reference, True, [])
    assert (told["in_engine"], told["replayed"]) == (1, 1)
    assert len(told["head"]) == 64
    refused = next(row for row in told["safeguards"] if row["name"] == "no-detention")
    assert (refused["refused"], refused["refused_by"]) == (1, [3])
    assert {"guardian", "counsel"} <= {row["name"] for row in told["deadlines"]}
    assert zipfile.is_zipfile(audited.dossier)
    shown = in_order(homeward("audit", audited.reference, *house.at), 0)
    for word in (audited.reference, told["head"], "no-detention", "guardian"):
        assert word in shown.out


def test_a_dossier_for_the_origin_says_who_reads_it_and_nothing_of_the_child(audited: Audited) -> None:
    """The reader stands in the manifest; names and places stand nowhere."""
    with zipfile.ZipFile(audited.for_origin) as packed:
        parts = {name: packed.read(name).decode("utf-8", "replace") for name in packed.namelist()}
    manifest = json.loads(parts["manifest.json"])
    assert (manifest["reader"], manifest["language"]) == ("origin_authority", "uk")
    assert not [name for name, text in parts.items() if any(word in text for word in PERSONAL)]
    with zipfile.ZipFile(audited.dossier) as packed:
        assert "Inventedson" in packed.read("ledger.jsonl").decode()


def test_what_an_audit_is_asked_wrongly_ends_with_the_contracts_codes(
    house: House, audited: Audited, tmp_path: Path
) -> None:
    """2 for usage, 5 without an engine, 6 for law enforcement, 7 for no such case; and no file is left."""
    reference, out = audited.reference, str(tmp_path / "x.zip")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        nowhere = f"127.0.0.1:{nobody.getsockname()[1]}"
        asked: list[tuple[int, tuple[str, ...]]] = [
            (7, ("audit", UNKNOWN, *house.at)),
            (7, ("audit", "../../etc", *house.at)),
            (7, ("audit", reference.lower(), "--out", out, *house.at)),
            (5, ("audit", reference, "--address", nowhere)),
            (6, ("audit", reference, "--for", "law_enforcement", "--out", out, *house.at)),
            (2, ("audit", reference, "--for", "the_press", "--out", out, *house.at)),
            (2, ("audit", reference, "--language", "xx", "--out", out, *house.at)),
            (2, ("audit", reference, "--out", str(tmp_path), *house.at)),
            (2, ("audit", reference, "--out", str(tmp_path / "nowhere" / "x.zip"), *house.at)),
            (2, ("audit", reference, "--archive", str(tmp_path / "nowhere"), *house.at)),
            (2, ("audit", reference, "--archive", "s4://nowhere", *house.at)),
        ]
        answers = each(*(arguments for _, arguments in asked))
    for (code, _), answer in zip(asked, answers, strict=True):
        in_order(answer, code)
        assert answer.out == ""
    assert UNKNOWN in answers[0].err
    assert "homeward up" in answers[3].err
    assert "never used for enforcement" in answers[4].err
    assert list(tmp_path.iterdir()) == []


def test_trouble_of_an_audit_is_one_json_object(house: House) -> None:
    """On standard error; standard output stays empty."""
    answer = in_order(homeward("audit", UNKNOWN, "--json", *house.at), 7)
    assert answer.out == ""
    assert UNKNOWN in json.loads(answer.err)["error"]


# Verify


def test_a_dossier_verifies_with_no_server(audited: Audited) -> None:
    """Whole or for one reader; with a head held elsewhere; run through this version's code."""
    head = audited.told.json["head"]
    plain = homeward("verify", str(audited.dossier), env=environment(TEMPORAL_ADDRESS="127.0.0.1:1"))
    told, partial, held, replayed = each(
        ("verify", str(audited.dossier), "--json"),
        ("verify", str(audited.for_origin), "--json"),
        ("verify", str(audited.dossier), "--head", head.upper()),
        ("verify", str(audited.dossier), "--replay", "--json"),
        TEMPORAL_ADDRESS="127.0.0.1:1",
    )
    assert head in in_order(plain, 0).out
    whole = in_order(told, 0).json
    assert (whole["verifies"], whole["findings"], whole["head"]) == (True, [], head)
    assert (whole["reader"], whole["withheld"], whole["runs"]) == ("auditor", 0, 1)
    other = in_order(partial, 0).json
    assert (other["reader"], other["verifies"], other["head"], other["runs"]) == ("origin_authority", True, head, 0)
    assert other["withheld"] > 0
    in_order(held, 0)
    assert in_order(replayed, 0).json["replayed"] == 1


def changed(path: Path, to: Path, old: bytes, new: bytes) -> Path:
    """A copy with some bytes changed."""
    raw = path.read_bytes()
    assert old in raw
    to.write_bytes(raw.replace(old, new, 1))
    return to


def test_what_was_changed_does_not_verify(audited: Audited, tmp_path: Path) -> None:
    """Exit 4 and a sentence, or one JSON object; for a wrong head as well, and nothing of it is shown as a case."""
    spoiled = str(changed(audited.dossier, tmp_path / "spoiled.zip", b"invented words", b"invented wards"))
    manifest = str(changed(audited.dossier, tmp_path / "manifest.zip", b'"reader": "auditor"', b'"reader": "auditer"'))
    answers = [homeward("verify", spoiled)]
    answers += each(
        ("verify", manifest),
        ("verify", str(audited.dossier), "--head", "ab" * 32),
        ("verify", str(audited.for_origin), "--head", "ab" * 32),
        ("show", spoiled),
        ("ledger", spoiled),
        ("verify", spoiled, "--json"),
        ("verify", str(audited.dossier), "--head", "ab" * 32, "--json"),
    )
    for answer in answers:
        in_order(answer, 4)
    for answer in answers[:4]:
        lines = (answer.out + answer.err).strip().splitlines()
        assert any(line.strip().endswith((".", ". Ask for the original.")) for line in lines)
    assert [answer.out for answer in answers[4:6]] == ["", ""]
    for answer in answers[6:]:
        told = told_as_json(answer)
        assert told.get("error") or (told["verifies"] is False and told["findings"][0]["sentence"])


def test_what_is_no_dossier_or_no_head_ends_with_2(audited: Audited, tmp_path: Path) -> None:
    """No zip, cut off, another program's zip, no file at all, a folder; and a head that is none."""
    (tmp_path / "text.zip").write_text("no zip")
    (tmp_path / "cut.zip").write_bytes(audited.dossier.read_bytes()[:-200])
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as packed:
        packed.writestr("../../invented.txt", "x")
    names = ("text.zip", "cut.zip", "other.zip", "missing.zip", ".")
    answers = each(
        *(("verify", str(tmp_path / name)) for name in names),
        ("verify", str(audited.dossier), "--head", "abc"),
        ("show", str(tmp_path / "missing.zip")),
        ("verify", str(tmp_path / "text.zip"), "--json"),
    )
    for answer in answers:
        in_order(answer, 2)
        assert answer.out == ""
    assert "64 hexadecimal digits" in answers[5].err
    assert "error" in told_as_json(answers[-1])
    assert not (tmp_path.parent.parent / "invented.txt").exists()


# Looking back


def test_a_dossier_is_read_in_place_of_a_case(audited: Audited) -> None:
    """As it was at an entry, beside now, with the acts open then; and as sentences in Ukrainian: without any engine."""
    dossier = str(audited.dossier)
    view, told, shown, ledger, entries, partial = each(
        ("show", dossier, "--json"),
        ("show", dossier, "--at", "2", "--beside-now", "--acts", "--json"),
        ("show", dossier, "--at", "2", "--beside-now", "--acts"),
        ("ledger", dossier, "--language", "uk"),
        ("ledger", dossier, "--json"),
        ("ledger", str(audited.for_origin), "--json"),
        TEMPORAL_ADDRESS="127.0.0.1:1",
    )
    newest = in_order(view, 0).json
    head = audited.told.json["head"]
    assert (newest["reference"], newest["head"]) == (audited.reference, head)
    both = in_order(told, 0).json
    assert (both["then"]["entry"], both["now"]["entry"]) == (2, newest["entries"])
    assert both["fields"]["refused"] == {"then": 0, "now": 1, "differs": True}
    assert {"appoint_guardian", "place_child"} <= {each["act"] for each in both["acts"] if each["open"]}
    assert "as it was at entry 2" in in_order(shown, 0).out
    assert "appoint guardian" in shown.out
    assert "справу відкрито" in in_order(ledger, 0).out
    assert [entry["n"] for entry in in_order(entries, 0).json] == list(range(1, newest["entries"] + 1))
    seen = in_order(partial, 0).json
    assert 0 < len(seen) < newest["entries"]
    assert not [entry for entry in seen if entry["kind"] == "refused" or entry["act"] == "note"]


def test_a_case_is_shown_then_beside_now(house: House, audited: Audited) -> None:
    """What was corrected since stands beside what was said; without a moment there is nothing to compare."""
    told, shown, alone = each(
        ("show", audited.reference, "--at", "4", "--beside-now", "--json", *house.at),
        ("show", audited.reference, "--at", "4", "--beside-now", *house.at),
        ("show", audited.reference, "--beside-now", *house.at),
    )
    both = in_order(told, 0).json
    assert [(c["entry"], c["field"], c["then"], c["now"]) for c in both["corrected"]] == [
        (4, "result", "presumed", "verified")
    ]
    assert "set right by entry" in in_order(shown, 0).out
    assert in_order(alone, 2).out == ""
    assert "--at" in alone.err


# Statistics


def test_statistics_count_cases_and_name_none(house: House, audited: Audited, tmp_path: Path) -> None:
    """Over the engine's cases or over dossiers; with a picture that is well-formed and has no child in it."""
    picture = tmp_path / "figures.svg"
    shown, told, of_dossiers, nowhere, partial = each(
        ("statistics", *house.at),
        ("statistics", "--out", str(picture), "--language", "ro", "--json", *house.at),
        ("statistics", str(audited.dossier), str(audited.dossier), "--json"),
        ("statistics", "--out", str(tmp_path / "nowhere" / "x.svg"), *house.at),
        ("statistics", str(tmp_path / "missing.zip")),
    )
    assert "Refusals" in in_order(shown, 0).out
    figures = in_order(told, 0).json
    assert figures["cases"]["all"] >= 1
    assert figures["refusals_by_safeguard"]["no-detention"] >= 1
    assert in_order(of_dossiers, 0).json["cases"]["all"] == 1
    in_order(nowhere, 2)
    in_order(partial, 2)
    drawn = picture.read_text("utf-8")
    assert ET.fromstring(drawn).tag.endswith("svg")
    for text in (shown.out, told.out, of_dossiers.out, drawn):
        assert audited.reference not in text
        assert not [word for word in PERSONAL if word in text]


# Archive


@pytest.fixture
async def terminated(house: House, tmp_path: Path) -> str:
    """A case of the house that an operator ended."""
    reference = opened(house, tmp_path)
    client = await Client.connect(house.told["engine"])
    await client.get_workflow_handle(reference).terminate(reason="an invented operator's reason")
    await listed_as_ended(client, reference)
    return reference


def test_a_terminated_case_is_kept_by_hand_and_audited_from_the_archive(
    house: House, terminated: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Found where the house keeps its data; with no engine then the archive alone tells the case and who ended it."""
    reference = terminated
    archive = Path(house.told["data"]) / "archive"
    first, again = homeward("archive", "--json", *house.at), homeward("archive", "--json", *house.at)
    assert in_order(first, 0).json["kept"] >= 1
    assert in_order(again, 0).json == {**first.json, "kept": 0}
    assert first.json["failed"] == 0
    assert list((archive / reference).rglob("*.json"))
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "archive"
    offline = ("--offline", "--archive", str(archive))
    told, shown, unknown, missing, other = each(
        ("audit", reference, *offline, "--json"),
        ("audit", reference, *offline),
        ("audit", UNKNOWN, *offline),
        ("audit", reference, "--offline", "--archive", str(elsewhere)),
        ("archive", "--archive", str(elsewhere), "--json", *house.at),
        TEMPORAL_ADDRESS="127.0.0.1:1",
        # No engine tells where the keys are.
        HOMEWARD_DATA=house.told["data"],
    )
    found = in_order(told, 4).json
    assert [finding["what"] for finding in found["findings"]] == ["ended_by_force"]
    assert "an invented operator's reason" in found["findings"][0]["sentence"]
    assert "an invented operator's reason" in in_order(shown, 4).out
    in_order(unknown, 7)
    in_order(missing, 2)
    assert in_order(other, 0).json["kept"] >= 1
    assert elsewhere.stat().st_mode & 0o777 == 0o700


async def listed_as_ended(client: Client, reference: str) -> None:
    """Wait until the engine's list, which lags behind, shows that the case has ended."""
    asked = f"WorkflowId = '{reference}' AND ExecutionStatus = 'Terminated'"

    async def there() -> bool:
        return bool([run async for run in client.list_workflows(asked)])

    await until(there)


@pytest.fixture
async def closed(tmp_path: Path) -> tuple[str, Path]:
    """A case that was closed and has ended, and the archive that is left of it: nothing else is."""
    async with time_skipping(tmp_path) as engine:
        lived = Lived(engine)
        async with engine.worker():
            handle: Handle = await engine.start()
            await accepted(handle, *until_determined()[:4], act("ca", "close_case", outcome="withdrawn"))
            await engine.wait(days=31)
            await handle.result()
            await lived.in_archive(handle.id, 1)
    return handle.id, lived.archive_folder


def test_a_closed_case_is_audited_from_its_archive_alone(closed: tuple[str, Path], tmp_path: Path) -> None:
    """Years later, with no engine: it verifies, is put through today's code, and bound into a dossier."""
    reference, archive = closed
    dossier = tmp_path / "closed.zip"
    answer = homeward(
        *("audit", reference, "--offline", "--archive", str(archive), "--out", str(dossier), "--json"),
        env=environment(TEMPORAL_ADDRESS="127.0.0.1:1", HOMEWARD_DATA=str(archive.parent)),
    )
    told = in_order(answer, 0).json
    assert (told["verifies"], told["replayed"], told["in_engine"], told["in_archive"]) == (True, 1, 0, 1)
    assert [run["ended"] for run in told["runs"]] == ["completed"]
    (verified,) = each(("verify", str(dossier)))
    in_order(verified, 0)
