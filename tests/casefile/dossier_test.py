"""A dossier is one file that can be checked with no server: whole or for one reader, and found out when it is changed."""

import base64
import copy
import hashlib
import hmac
import io
import json
import os
import random
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pypdf
import pytest

from casefile import dossier as parts
from casefile import history
from casefile.binding import bind
from casefile.dossier import Dossier, DossierWriter, NotADossier, PartAltered
from casefile.languages import language
from casefile.pages import CannotSetPages
from casefile.redaction import READERS, Reader, Sealed, is_withheld
from casefile.verify import Verified, verify
from procedure.canonical import canonical
from procedure.entries import Entry, digest_of_body, entry_from_json, hash_of_header, moment
from procedure.folding import fold
from procedure.views import view
from tests.casefile.lived import Lived
from tests.house.committed import ROOT
from tests.starter.running import homeward
from tests.workflows.engines import NAMES

pytestmark = pytest.mark.engine

FLIPS = int(os.environ.get("HOMEWARD_FLIPS", "80"))
"""Bits that are flipped, one after the other; `make flips` takes many more."""


def verified(path: Path, *held: str) -> Verified:
    with Dossier.open(path) as dossier:
        return verify(dossier, held=held)


def independently(path: Path) -> subprocess.CompletedProcess[str]:
    """The check of docs/verify_dossier.py, by a Python that knows nothing of ours."""
    return subprocess.run(
        [sys.executable, "-I", "-S", ROOT / "docs" / "verify_dossier.py", path],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
async def dossiers(lived: Lived, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The dossier of a case for every reader, and that of a case over two runs."""
    folder = tmp_path_factory.mktemp("dossiers")
    made: dict[str, Path] = {}
    async with lived.audited(lived.approved) as looked:
        for reader in READERS:
            made[reader] = folder / f"{reader}.zip"
            bind(
                made[reader],
                looked.gathered.record,
                looked.audited,
                reader=reader,
                language=language("uk" if reader == "origin_authority" else "en"),
                version="0",
            )
    async with lived.audited(lived.long) as looked:
        made["long"] = folder / "long.zip"
        bind(
            made["long"], looked.gathered.record, looked.audited, reader="auditor", language=language("ro"), version="0"
        )
    return made


def repacked(path: Path, to: Path, change: Callable[[dict[str, bytes]], None], *, manifest: bool = False) -> Path:
    """The same parts packed again with a change; with ``manifest`` its digests are mended, as a forger would."""
    with zipfile.ZipFile(path) as read:
        content = {name: read.read(name) for name in read.namelist()}
    change(content)
    if manifest:
        told = json.loads(content.pop(parts.MANIFEST))
        told["files"] = [
            {"name": name, "sha256": hashlib.sha256(raw).hexdigest(), "size": len(raw)}
            for name, raw in sorted(content.items())
        ]
        content[parts.MANIFEST] = json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"
    with zipfile.ZipFile(to, "w") as written:
        for name, raw in content.items():
            written.writestr(parts.plain_part(name, len(raw)), raw)
    return to


def test_a_whole_dossier_verifies_and_holds_what_it_should(dossiers: dict[str, Path]) -> None:
    """Ledger, histories, agreement, schemas, evidence, the pages, and a manifest with every digest."""
    for name in ("auditor", "long"):
        found = verified(dossiers[name])
        assert found.findings == []
        assert found.withheld == 0
    assert verified(dossiers["long"]).runs == 2
    with zipfile.ZipFile(dossiers["auditor"]) as packed:
        names = set(packed.namelist())
    assert {"ledger.jsonl", "agreement.json", "case.json", "dossier.pdf", "manifest.json", "schemas/act.json"} <= names
    assert any(name.startswith("runs/0001-") for name in names)


def test_the_independent_check_agrees(dossiers: dict[str, Path]) -> None:
    """A hundred lines of plain Python come to the same, for whole dossiers and for redacted ones."""
    for path in dossiers.values():
        answer = independently(path)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        assert "It verifies." in answer.stdout
    lines = (ROOT / "docs" / "verify_dossier.py").read_text("utf-8").splitlines()
    assert len(lines) <= 100


async def test_the_same_case_gives_the_same_bytes(lived: Lived, dossiers: dict[str, Path], tmp_path: Path) -> None:
    """Gathered, audited and bound again, a dossier is byte for byte the same."""
    async with lived.audited(lived.long, archived=False) as looked:
        again = tmp_path / "again.zip"
        bind(again, looked.gathered.record, looked.audited, reader="auditor", language=language("ro"), version="0")
    assert again.read_bytes() == dossiers["long"].read_bytes()


def is_found_out(path: Path) -> bool:
    """Whether a check says that something is wrong, and says it in sentences."""
    try:
        told = [finding.sentence for finding in verified(path).findings]
    except (NotADossier, PartAltered) as refused:
        told = [str(refused)]
    return bool(told) and all(sentence.endswith(".") for sentence in told)


def test_any_flipped_bit_is_found(dossiers: dict[str, Path], tmp_path: Path) -> None:
    """Bits anywhere in the file: each is told, and each time in a sentence."""
    raw = dossiers["auditor"].read_bytes()
    drawn = random.Random(20261125)
    flipped = tmp_path / "flipped.zip"
    for _ in range(FLIPS):
        position, bit = drawn.randrange(len(raw)), drawn.randrange(8)
        flipped.write_bytes(raw[:position] + bytes([raw[position] ^ (1 << bit)]) + raw[position + 1 :])
        assert is_found_out(flipped), f"bit {bit} of byte {position}"


@pytest.mark.parametrize("folder", ["ledger.jsonl", "runs/"])
def test_any_flipped_bit_of_a_part_is_found_without_the_zips_own_sums(
    dossiers: dict[str, Path], tmp_path: Path, folder: str
) -> None:
    """Bits of the ledger and of an archive object, packed anew with right sums: found by both checks."""
    drawn = random.Random(folder)
    with zipfile.ZipFile(dossiers["auditor"]) as packed:
        name = next(name for name in packed.namelist() if name.startswith(folder))
        size = packed.getinfo(name).file_size
    for n in range(FLIPS // 2):
        position, bit = drawn.randrange(size), drawn.randrange(8)

        def flip(content: dict[str, bytes], position: int = position, bit: int = bit) -> None:
            raw = content[name]
            content[name] = raw[:position] + bytes([raw[position] ^ (1 << bit)]) + raw[position + 1 :]

        path = repacked(dossiers["auditor"], tmp_path / "flipped.zip", flip)
        assert is_found_out(path), f"bit {bit} of byte {position}"
        if n < FLIPS // 20:
            assert independently(path).returncode != 0


def test_a_flipped_letter_is_found_when_the_manifest_was_mended_too(dossiers: dict[str, Path], tmp_path: Path) -> None:
    """Whoever mends the manifest as well is told by the chain, with the entry."""

    def reword(content: dict[str, bytes]) -> None:
        content[parts.LEDGER] = content[parts.LEDGER].replace(b"an invented source", b"an invented soUrce", 1)

    path = repacked(dossiers["auditor"], tmp_path / "forged.zip", reword, manifest=True)
    assert any("The body of entry 2" in finding.sentence for finding in verified(path).findings)
    assert "entry 2" in independently(path).stdout


def lines_of(content: dict[str, bytes]) -> list[bytes]:
    return content[parts.LEDGER].splitlines(keepends=True)


def drop(content: dict[str, bytes]) -> None:
    lines = lines_of(content)
    content[parts.LEDGER] = b"".join([*lines[:5], *lines[6:]])


def swap(content: dict[str, bytes]) -> None:
    lines = lines_of(content)
    content[parts.LEDGER] = b"".join([*lines[:5], lines[6], lines[5], *lines[7:]])


def cut(content: dict[str, bytes]) -> None:
    content[parts.LEDGER] = b"".join(lines_of(content)[:-1])


def without_runs(content: dict[str, bytes]) -> None:
    for name in [name for name in content if name.startswith("runs/")]:
        del content[name]


def another_agreement(content: dict[str, bytes]) -> None:
    content[parts.AGREEMENT] = content[parts.AGREEMENT].replace(b'"consent_age": 12', b'"consent_age": 11')


def another_view(content: dict[str, bytes]) -> None:
    content[parts.CASE] = content[parts.CASE].replace(b'"stage": "decision"', b'"stage": "travel"')


def hide(content: dict[str, bytes]) -> None:
    """Withhold a body in a dossier that should be whole."""
    lines = lines_of(content)
    entry = json.loads(lines[3])
    told = {name: entry[name] for name in entry if name not in ("salt", "body")}
    lines[3] = canonical({**told, "withheld": True}) + b"\n"
    content[parts.LEDGER] = b"".join(lines)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (drop, "Entry 6 is missing"),
        (swap, "stands in that place"),
        (cut, "The manifest tells of"),
        (without_runs, "has no run of the case"),
        (another_agreement, "is not the agreement under which"),
        (another_view, "case.json does not show the case as the ledger leaves it"),
        (hide, "not whole"),
    ],
)
def test_a_forger_who_mends_the_manifest_is_found(
    dossiers: dict[str, Path], tmp_path: Path, change: Callable[[dict[str, bytes]], None], sentence: str
) -> None:
    """Dropped, reordered, cut off, or replaced: each is named, though every digest in the manifest fits."""
    path = repacked(dossiers["auditor"], tmp_path / "forged.zip", change, manifest=True)
    assert any(sentence in finding.sentence for finding in verified(path).findings), verified(path).findings


def test_another_cases_part_is_named(dossiers: dict[str, Path], tmp_path: Path) -> None:
    """A run, or a whole ledger, of another case does not pass."""
    with zipfile.ZipFile(dossiers["long"]) as other:
        run = next(name for name in other.namelist() if name.startswith("runs/"))
        alien, ledger = other.read(run), other.read(parts.LEDGER)

    def with_run(content: dict[str, bytes]) -> None:
        content[run.replace("0001-", "0009-")] = alien

    def with_ledger(content: dict[str, bytes]) -> None:
        content[parts.LEDGER] = ledger

    path = repacked(dossiers["auditor"], tmp_path / "run.zip", with_run, manifest=True)
    assert any("belongs to another case" in finding.sentence for finding in verified(path).findings)
    path = repacked(dossiers["auditor"], tmp_path / "ledger.zip", with_ledger, manifest=True)
    assert any("that of another case" in finding.sentence for finding in verified(path).findings)


def test_a_file_that_was_packed_anew_is_told(dossiers: dict[str, Path], tmp_path: Path) -> None:
    """The parts may be right and the file still not the one that was written."""
    with zipfile.ZipFile(dossiers["auditor"]) as read, zipfile.ZipFile(tmp_path / "anew.zip", "w") as written:
        for name in read.namelist():
            written.writestr(name, read.read(name))
    (finding,) = verified(tmp_path / "anew.zip").findings
    assert "byte for byte" in finding.sentence


def test_a_head_held_elsewhere_tells_a_record_forged_as_a_whole(dossiers: dict[str, Path]) -> None:
    """A head of this case stands in the chain; another case's does not."""
    own, other = verified(dossiers["auditor"]), verified(dossiers["long"])
    assert own.head
    assert other.head
    assert verified(dossiers["auditor"], own.head).findings == []
    (finding,) = verified(dossiers["auditor"], other.head).findings
    assert "stands nowhere in this record" in finding.sentence


# Bad input


def zipped(path: Path, content: dict[str, bytes], **options: Any) -> Path:
    with zipfile.ZipFile(path, "w", **options) as written:
        for name, raw in content.items():
            written.writestr(name, raw)
    return path


def manifest_of(**changes: Any) -> bytes:
    told: dict[str, Any] = {
        "format": parts.FORMAT,
        "reference": "MD-UA-2026-7K3F9A",
        "reader": "auditor",
        "language": "en",
        "as_of": "2026-01-01T00:00:00Z",
        "newest_run": None,
        "made_with": "homeward 0",
        "entries": 1,
        "head": "0" * 64,
        "files": [],
        "findings": [],
        "left_out": [],
    }
    return json.dumps({**told, **changes}).encode()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({}, "It has no manifest.json."),
        ({"../../etc/passwd": b"x"}, "It has a part that no dossier has: '../../etc/passwd'."),
        ({"/absolute": b"x"}, "It has a part that no dossier has: '/absolute'."),
        ({"runs\\..\\x.json": b"x"}, "It has a part that no dossier has"),
        ({"manifest.json": manifest_of(format="homeward.dossier/2")}, "newer than this version of Homeward reads"),
        ({"manifest.json": manifest_of(format="something/1")}, "Its format is 'something/1'"),
    ],
)
def test_what_no_dossier_is_is_refused_in_a_sentence(tmp_path: Path, content: dict[str, bytes], sentence: str) -> None:
    """Path tricks, another program's zip, a newer format: refused before anything is read."""
    path = zipped(tmp_path / "given.zip", content)
    with pytest.raises(NotADossier) as refused:
        verified(path)
    assert sentence in str(refused.value)


def test_a_zip_bomb_is_refused_unread(tmp_path: Path) -> None:
    """A dossier's parts are stored as they are, so that what is small cannot become large."""
    path = zipped(tmp_path / "bomb.zip", {"ledger.jsonl": bytes(50_000_000)}, compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 100_000
    with pytest.raises(NotADossier, match="is compressed"):
        verified(path)


def test_parts_that_claim_more_than_the_file_holds_are_refused(dossiers: dict[str, Path], tmp_path: Path) -> None:
    """Many names for the same bytes: the other kind of bomb."""
    raw = bytearray(dossiers["auditor"].read_bytes())
    with zipfile.ZipFile(io.BytesIO(bytes(raw))) as packed:
        sizes = {info.filename: info.file_size for info in packed.infolist()}
    central = raw.index(b"PK\x01\x02")
    for field in (central + 20, central + 24):
        raw[field : field + 4] = (2**31).to_bytes(4, "little")
    (tmp_path / "claims.zip").write_bytes(bytes(raw))
    assert sizes
    with pytest.raises(NotADossier, match="larger than the file"):
        verified(tmp_path / "claims.zip")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_off_is_refused(dossiers: dict[str, Path], tmp_path: Path, share: float) -> None:
    """Whatever is left of it."""
    raw = dossiers["auditor"].read_bytes()
    (tmp_path / "cut.zip").write_bytes(raw[: int(len(raw) * share)])
    with pytest.raises(NotADossier, match="cut off or damaged"):
        verified(tmp_path / "cut.zip")


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_nothing_is_left_where_a_dossier_could_not_be_written(
    lived: Lived, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dossier appears when it is whole, and not before."""

    def broken(*_: Any, **__: Any) -> bytes:
        raise CannotSetPages("an invented fault on the way.")

    async with lived.audited(lived.approved) as looked:
        for path, fault in ((tmp_path / "nowhere" / "x.zip", OSError), (tmp_path / "x.zip", CannotSetPages)):
            with pytest.raises(fault):
                bind(
                    path,
                    looked.gathered.record,
                    looked.audited,
                    reader="auditor",
                    language=language("en"),
                    version="0",
                )
            monkeypatch.setattr("casefile.binding.render", broken)
    assert left_in(tmp_path) == []


# For a reader


def lines_for(path: Path) -> list[Any]:
    with Dossier.open(path) as dossier:
        return list(dossier.lines())


def everything_in(path: Path) -> str:
    """Every part as text, the pages included."""
    with zipfile.ZipFile(path) as packed:
        told = [packed.read(name).decode("utf-8", "replace") for name in packed.namelist() if name != parts.PDF]
        pages = pypdf.PdfReader(io.BytesIO(packed.read(parts.PDF)))
    return "\n".join([*told, *(page.extract_text() for page in pages.pages)])


@pytest.mark.parametrize("reader", READERS)
def test_every_readers_dossier_verifies(dossiers: dict[str, Path], reader: Reader) -> None:
    """Bodies left out or not, the chain runs on to the same head."""
    found = verified(dossiers[reader])
    assert found.findings == []
    assert found.head == verified(dossiers["auditor"]).head
    assert found.reader == reader


def sealed_in(path: Path) -> set[int]:
    return {line.n for line in lines_for(path) if isinstance(line, Sealed)}


@pytest.mark.parametrize("reader", ["origin_authority", "monitor"])
def test_the_origin_state_learns_nothing_of_the_asylum_claim(dossiers: dict[str, Path], reader: str) -> None:
    """Not from a body, not from a header, not from the pages: of those entries only the place in the chain is left."""
    whole = [line for line in lines_for(dossiers["auditor"]) if isinstance(line, Entry)]
    about = {
        line.n
        for line in whole
        if line.act in ("lodge_asylum_claim", "resolve_asylum_claim")
        or line.facts.get("hold") == "asylum"
        or (line.kind == "refused" and "no-contact-with-origin" in line.safeguards)
    }
    assert len(about) == 5
    sealed = sealed_in(dossiers[reader])
    assert about < sealed
    told = everything_in(dossiers[reader])
    with zipfile.ZipFile(dossiers[reader]) as packed:
        ledger = packed.read(parts.LEDGER).decode()
        for name in packed.namelist():
            if name.startswith("schemas/"):
                told = told.replace(packed.read(name).decode(), "")
    assert "asylum" not in ledger
    for word in ("lodge_asylum_claim", "resolve_asylum_claim", "lodging of an asylum claim"):
        assert word not in told, word
    # Who resolved it, by their id. In the engine's own ids of runs the same letters come about, behind others.
    officer = re.compile(r"(?<![0-9a-f])aa-1")
    assert officer.search(everything_in(dossiers["auditor"])) and not officer.search(told)


def test_what_is_missing_does_not_tell_what_it_was(dossiers: dict[str, Path]) -> None:
    """An asylum claim leaves the same gap as a note, a correction or a refusal, so that a gap says nothing."""
    kinds = {
        (line.kind, line.act)
        for line in lines_for(dossiers["auditor"])
        if line.n in sealed_in(dossiers["origin_authority"])
    }
    assert {("accepted", "lodge_asylum_claim"), ("accepted", "note"), ("refused", "open_tracing")} <= kinds


@pytest.mark.parametrize("reader", ["origin_authority", "monitor"])
def test_the_origins_readers_get_no_words_of_the_child_and_no_history(dossiers: dict[str, Path], reader: str) -> None:
    """Intake, screening, hearing, assessment and the panel's reasons are left out, and so is what the engine kept."""
    lines = {line.n: line for line in lines_for(dossiers[reader])}
    hidden = ("screen_protection", "hear_child", "submit_assessment", "determine_best_interests")
    for line in lines.values():
        if isinstance(line, Entry) and (line.act in hidden or line.kind == "opened"):
            assert is_withheld(line)
    told = everything_in(dossiers[reader])
    for word in (NAMES[0], NAMES[1], "invented views", "Invented Foster Home"):
        assert word not in told, word
    with zipfile.ZipFile(dossiers[reader]) as packed:
        assert not [name for name in packed.namelist() if name.startswith(("runs/", "case"))]
        assert json.loads(packed.read(parts.MANIFEST))["left_out"]


def test_a_monitor_sees_the_plan_and_no_consents(dossiers: dict[str, Path]) -> None:
    """Plan and visits, and nothing else that has words in it."""
    seen = {
        line.act
        for line in lines_for(dossiers["monitor"])
        if isinstance(line, Entry) and not is_withheld(line) and line.act
    }
    assert seen == {"adopt_reintegration_plan"}


def test_a_guardian_sees_the_case_and_not_the_engines_histories(dossiers: dict[str, Path]) -> None:
    """The guardian sees every entry; the case's secret, which stands in the histories, is nobody's of the case."""
    assert verified(dossiers["guardian"]).withheld == 0
    with zipfile.ZipFile(dossiers["guardian"]) as packed:
        assert not [name for name in packed.namelist() if name.startswith("runs/")]


def test_the_pages_are_in_the_readers_language(dossiers: dict[str, Path]) -> None:
    """Each dossier's PDF names its language, and its text reads back."""
    with zipfile.ZipFile(dossiers["long"]) as packed:
        pages = pypdf.PdfReader(io.BytesIO(packed.read(parts.PDF)))
        assert pages.root_object["/Lang"] == "ro"
    assert "Republica Moldova" in everything_in(dossiers["long"])
    assert "Молдова" in everything_in(dossiers["origin_authority"])


# By somebody who knows how everything is made


def forged(path: Path, to: Path, change: Callable[[list[Any], list[Any]], None]) -> Path:
    """A dossier of which the entries and runs were changed, and then every digest, hash, salt and name mended."""

    def forge(content: dict[str, bytes]) -> None:
        ledger = [json.loads(line) for line in content[parts.LEDGER].splitlines()]
        names = sorted(name for name in content if name.startswith("runs/"))
        runs = [json.loads(content.pop(name)) for name in names]
        seed = bytes.fromhex(seed_of(runs[0]))
        change(ledger, runs)
        prev = "0" * 64
        for n, entry in enumerate(ledger, start=1):
            entry["n"], entry["prev"] = n, prev
            entry["salt"] = hmac.digest(seed, str(n).encode(), "sha256").hex()[:32]
            entry["body_digest"] = digest_of_body(entry["salt"], entry["body"])
            entry["hash"] = prev = hash_of_header(entry_from_json(entry).header())
        by_n = {entry["n"]: entry for entry in ledger}
        for position, run in enumerate(runs, start=1):
            run["ledger"] = [by_n[entry["n"]] for entry in run["ledger"] if entry["n"] in by_n]
            raw = json.dumps(run, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
            content[f"runs/{position:04}-{hashlib.sha256(raw).hexdigest()}.json"] = raw
        entries = [entry_from_json(entry) for entry in ledger]
        case = fold(entries)
        content[parts.LEDGER] = b"".join(parts.ledger_line(entry) for entry in entries)
        for name, value in (
            (parts.CASE, view(case, case.recorded_at)),
            (parts.EVIDENCE, parts.evidence(lambda: iter(entries))),
        ):
            content[name] = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"
        told = json.loads(content[parts.MANIFEST])
        told |= {"entries": len(ledger), "head": prev, "newest_run": runs[-1]["run"]}
        content[parts.MANIFEST] = json.dumps(told).encode()

    return repacked(path, to, forge, manifest=True)


def seed_of(run: dict[str, Any]) -> str:
    admitted = history.admission(run["history"])
    assert admitted is not None
    return str(admitted["seed"])


def copied(entry: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(entry), **changes}


def a_note_after_the_runs(ledger: list[Any], runs: list[Any]) -> None:
    note = next(entry for entry in reversed(ledger) if entry["act"] == "note")
    ledger.append(copied(note, act_id="forged-1", body={"act": {**note["body"]["act"], "act_id": "forged-1"}}))


def a_note_between_the_runs(ledger: list[Any], runs: list[Any]) -> None:
    n = runs[1]["ledger"][0]["n"]
    note = ledger[n - 2]
    ledger.insert(n - 1, copied(note, act_id="forged-1", body={"act": {**note["body"]["act"], "act_id": "forged-1"}}))
    for run in runs[1:]:
        for entry in run["ledger"]:
            entry["n"] += 1


def an_act_of_nobody(ledger: list[Any], runs: list[Any]) -> None:
    note = next(entry for entry in reversed(ledger) if entry["act"] == "note")
    runs[-1]["ledger"].append({"n": len(ledger) + 1})
    ledger.append(copied(note, act_id=None))


def the_refusal_left_out(ledger: list[Any], runs: list[Any]) -> None:
    """With the events that tell of it."""
    refused = next(entry for entry in ledger if entry["kind"] == "refused" and entry["n"] > 100)
    ledger.remove(refused)
    runs[-1]["ledger"].pop()
    events = runs[-1]["history"]["events"]
    accepted = next(
        event
        for event in events
        if refused["act_id"] in str(base64_of(event.get("workflowExecutionUpdateAcceptedEventAttributes")))
    )
    done = next(
        event
        for event in events
        if event.get("workflowExecutionUpdateCompletedEventAttributes", {}).get("acceptedEventId")
        == accepted["eventId"]
    )
    events.remove(accepted)
    events.remove(done)


def base64_of(attributes: Any) -> bytes:
    return (
        base64.b64decode(attributes["acceptedRequest"]["input"]["args"]["payloads"][0]["data"]) if attributes else b""
    )


def the_first_run_left_out(ledger: list[Any], runs: list[Any]) -> None:
    del runs[0]


def the_newest_run_left_out(ledger: list[Any], runs: list[Any]) -> None:
    last = runs.pop()
    del ledger[last["ledger"][0]["n"] - 1 :]


def another_runs_history(ledger: list[Any], runs: list[Any]) -> None:
    runs[1]["run"] = "00000000-0000-0000-0000-000000000001"


def a_role_that_was_not(ledger: list[Any], runs: list[Any]) -> None:
    next(entry for entry in ledger if entry["act"] == "note")["actor_role"] = "guardian"


def a_date_of_another_day(ledger: list[Any], runs: list[Any]) -> None:
    """Four years earlier: there every day of this year is one too."""
    for entry in ledger:
        at = datetime.fromisoformat(entry["at"])
        entry["at"] = moment(at.replace(year=at.year - 4))


@pytest.mark.parametrize(
    "change",
    [
        a_note_after_the_runs,
        a_note_between_the_runs,
        an_act_of_nobody,
        the_refusal_left_out,
        the_first_run_left_out,
        the_newest_run_left_out,
        another_runs_history,
        a_role_that_was_not,
        a_date_of_another_day,
    ],
)
def test_a_forger_who_mends_everything_is_found_by_the_engines_history(
    dossiers: dict[str, Path], tmp_path: Path, change: Callable[[list[Any], list[Any]], None]
) -> None:
    """Every hash fits, and still the engine tells otherwise; nothing is run for that."""
    path = forged(dossiers["long"], tmp_path / "forged.zip", change)
    told = verified(path).findings
    assert [finding for finding in told if finding.what in ("history", "missing_run", "chain")], told


def test_the_kit_itself_changes_nothing(dossiers: dict[str, Path], tmp_path: Path) -> None:
    """Forging nothing gives the record as it was: what the tests above find is the forgery."""
    path = forged(dossiers["long"], tmp_path / "same.zip", lambda ledger, runs: None)
    assert verified(path).findings == []


def test_what_time_brought_is_found_by_the_code(dossiers: dict[str, Path], tmp_path: Path) -> None:
    """A stage that was left out has no act behind it; the code that made it tells."""

    def no_stage(ledger: list[Any], runs: list[Any]) -> None:
        stage = next(entry for entry in reversed(ledger) if entry["kind"] == "stage")
        ledger.remove(stage)
        for run in runs:
            run["ledger"] = [
                {"n": entry["n"] - (entry["n"] > stage["n"])} for entry in run["ledger"] if entry["n"] != stage["n"]
            ]

    path = forged(dossiers["long"], tmp_path / "forged.zip", no_stage)
    answer = homeward("verify", str(path), "--json")
    assert answer.code == 4
    assert answer.json["findings"]


def without_the_last(ledger: list[Any], runs: list[Any]) -> None:
    ledger.pop()
    runs[-1]["ledger"].pop()


def test_a_cut_end_is_found_by_a_head_held_elsewhere(dossiers: dict[str, Path], tmp_path: Path) -> None:
    """Nothing in a record tells that it went on once; a receipt that somebody holds does."""
    whole = verified(dossiers["long"])
    assert whole.head
    kept = verified(dossiers["long"], whole.head)
    assert f"is that of entry {whole.entries}" in kept.remarks[0]
    path = forged(dossiers["long"], tmp_path / "cut.zip", without_the_last)
    assert any("stands nowhere in this record" in each.sentence for each in verified(path, whole.head).findings)


def test_the_pages_can_be_made_anew_from_what_was_checked(dossiers: dict[str, Path], tmp_path: Path) -> None:
    """Nobody has to believe the PDF in a dossier: on the machine that made it, it comes out the same."""
    pages = tmp_path / "anew.pdf"
    answer = homeward("verify", str(dossiers["monitor"]), "--pages", str(pages))
    assert answer.code == 0, answer.err
    with zipfile.ZipFile(dossiers["monitor"]) as packed:
        assert pages.read_bytes() == packed.read(parts.PDF)


def test_safeguards_and_deadlines_are_what_the_ledger_shows(dossiers: dict[str, Path], tmp_path: Path) -> None:
    """What was derived is derived again."""

    def gentler(content: dict[str, bytes]) -> None:
        content[parts.EVIDENCE] = content[parts.EVIDENCE].replace(b'"refused": 2', b'"refused": 0', 1)

    path = repacked(dossiers["long"], tmp_path / "forged.zip", gentler, manifest=True)
    assert any("evidence.json is not what the ledger shows" in each.sentence for each in verified(path).findings)


@pytest.mark.parametrize(
    ("part", "was", "now"),
    [
        (parts.LEDGER, rb'"n":3', b'"n":"3"'),
        (parts.LEDGER, rb'"facts":\{', b'"facts":[{'),
        (parts.LEDGER, rb'"kind":"accepted"', b'"kind":"dreamt"'),
        (parts.LEDGER, rb'"at":"\d{4}', b'"at":"0001'),
        (parts.MANIFEST, rb'"entries": ', b'"entries": 1e999, "x": '),
        (parts.MANIFEST, rb'"newest_run": "', b'"newest_run": ["'),
        (parts.MANIFEST, rb'"reader": "auditor"', b'"reader": "police"'),
        ("runs/", rb'"eventTime":"\d', b'"eventTime":"x'),
        ("runs/", rb'"events":\[\{', b'"events":[7,{'),
        ("runs/", rb'"format":"homeward\.run/1"', b'"format":"homeward.run/9"'),
        ("runs/", rb'"reference":"MD', b'"reference":"\\ud800'),
    ],
)
def test_parts_of_a_wrong_shape_are_told_in_a_sentence(
    dossiers: dict[str, Path], tmp_path: Path, part: str, was: bytes, now: bytes
) -> None:
    """Whatever somebody writes into a part, with right sums around it: no traceback, and never a record that verifies."""

    def change(content: dict[str, bytes]) -> None:
        name = next(name for name in content if name.startswith(part))
        content[name], times = re.subn(was, lambda _: now, content[name], count=1)
        assert times

    assert is_found_out(repacked(dossiers["auditor"], tmp_path / "odd.zip", change, manifest=part != parts.MANIFEST))


def test_a_dossier_is_written_for_its_reader_alone(tmp_path: Path) -> None:
    """It is clear text: nobody else on the machine can read it, while it is written and after."""
    path = tmp_path / "case.zip"
    with DossierWriter(path) as written:
        (part,) = tmp_path.iterdir()
        assert part.stat().st_mode & 0o777 == 0o600
        written.add("README.txt", b"invented")
        written.finish({})
    assert path.stat().st_mode & 0o777 == 0o600
