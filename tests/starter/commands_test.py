"""Every command against a running house: what it prints, and its exit code (contract, section 8)."""

import json
import re
import socket
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from procedure.schemas import schema
from tests.starter.running import ROOT, House, environment, homeward, intake, locked, note

REFERENCE = r"^[A-Z]{2}-[A-Z]{2}-\d{4}-[0-9A-HJKMNP-TV-Z]{6}$"


def written(folder: Path, what: Any, name: str = "given.json") -> str:
    file = folder / name
    file.write_text(what if isinstance(what, str) else json.dumps(what), encoding="utf-8")
    return str(file)


def opened(house: House, folder: Path, **changes: Any) -> str:
    """A case of the test's own."""
    answer = homeward("open", written(folder, intake(folder.name, **changes)), *house.at)
    assert answer.code == 0, answer.err
    return answer.out.strip()


# What needs no engine


def test_help_lists_every_command_and_needs_no_engine() -> None:
    """Whoever is new begins here."""
    answer = homeward("--help")
    assert answer.code == 0
    for command in ("up", "open", "record", "show", "list", "ledger", "rehearse", "agreements", "schema"):
        assert re.search(rf"^\s+{command} ", answer.out, re.MULTILINE)


def test_the_version_names_the_procedure_too() -> None:
    """Two numbers: the program's and the rules'."""
    answer = homeward("--version")
    assert answer.code == 0
    assert re.search(r"^homeward .+ \(procedure \d+\.\d+\.\d+\)$", answer.out.strip())


@pytest.mark.parametrize(
    "arguments",
    [
        ("fly",),
        ("open",),
        ("list", "--sort", "name"),
        ("list", "--stage", "somewhere"),
        ("list", "--role", "king"),
        ("list", "--hold", "my-beer"),
        ("show", "MD-UA-2026-7K3F9A", "--at", "yesterday"),
        ("schema", "everything"),
        ("open", "no-such-file.json"),
        ("record", "MD-UA-2026-7K3F9A", "no-such-file.json"),
        ("rehearse", "no-such-scenario"),
        ("up", "--engine-port", "99999"),
    ],
)
def test_bad_usage_ends_with_2_and_a_sentence(arguments: tuple[str, ...]) -> None:
    """No traceback, and nothing on standard output."""
    answer = homeward(*arguments)
    assert answer.code == 2
    assert answer.out == ""
    assert answer.err.strip() and "Traceback" not in answer.err


@pytest.mark.parametrize("name", ["intake", "act", "receipt", "view", "entry", "scenario", "agreement"])
def test_every_schema_is_a_json_schema(name: str) -> None:
    """The seven shapes of the contract."""
    answer = homeward("schema", name)
    assert answer.code == 0
    jsonschema.Draft202012Validator.check_schema(answer.json)
    assert answer.json["title"] == name


def test_no_engine_ends_with_5_and_what_to_do() -> None:
    """Each command that needs one says so in seconds."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        for arguments in (("list",), ("show", "MD-UA-2026-7K3F9A"), ("ledger", "MD-UA-2026-7K3F9A")):
            answer = homeward(*arguments, "--address", address)
            assert answer.code == 5
            assert "homeward up" in answer.err and "Traceback" not in answer.err


def test_the_address_may_come_from_the_engines_own_environment_variables(house: House) -> None:
    """As every Temporal tool has it."""
    assert homeward("list", "--json", env=environment(TEMPORAL_ADDRESS=house.told["engine"])).code == 0


def test_an_unknown_namespace_is_an_engine_that_cannot_be_reached(house: House) -> None:
    """And no case that does not exist."""
    for arguments in (("list",), ("show", "MD-UA-2026-7K3F9A")):
        answer = homeward(*arguments, *house.at, "--namespace", "nowhere")
        assert answer.code == 5
        assert "nowhere" in answer.err


def test_trouble_is_one_json_object_on_standard_error_when_json_is_asked_for(tmp_path: Path) -> None:
    """Standard output stays empty: a program never takes trouble for an answer."""
    answer = homeward("open", written(tmp_path, {}), "--json")
    assert (answer.code, answer.out) == (2, "")
    told = json.loads(answer.err)
    assert {"agreement", "child", "found"} <= {fault["path"] for fault in told["faults"]}


# Opening


def test_open_prints_the_reference_and_nothing_else(house: House, tmp_path: Path) -> None:
    """What a script takes further."""
    answer = homeward("open", written(tmp_path, intake(tmp_path.name)), *house.at)
    assert (answer.code, answer.err) == (0, "")
    assert re.match(REFERENCE, answer.out.strip())


def test_open_takes_the_reference_that_the_intake_gives(house: House, tmp_path: Path) -> None:
    """And `--json` prints it as JSON."""
    given = intake(tmp_path.name, reference="MD-UA-2026-G1VEN0")
    answer = homeward("open", "-", *house.at, "--json", stdin=json.dumps(given))
    assert (answer.code, answer.json) == (0, {"reference": "MD-UA-2026-G1VEN0"})


def test_the_view_says_whether_acts_count_unsigned(house: House, tmp_path: Path) -> None:
    """On an engine of this machine they do, as stock tools need it; unless it is opened otherwise."""
    here = opened(house, tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    signed = homeward("open", written(other, intake("Signed-For")), *house.at, "--signed").out.strip()
    for reference, said in ((here, "not_required"), (signed, "required")):
        assert homeward("show", reference, *house.at, "--json").json["signatures"] == said


def test_a_malformed_intake_opens_nothing_and_every_fault_is_listed(house: House, tmp_path: Path) -> None:
    """Exit code 2, each fault with its path."""
    given = intake(tmp_path.name, origin_state="MD", reference="MD-UA-2026-BAD000", favourite_colour="blue")
    given["child"]["date_of_birth"] = "2999-01-01"
    answer = homeward("open", written(tmp_path, given), *house.at)
    assert answer.code == 2
    for path in ("favourite_colour", "child.date_of_birth", "origin_state"):
        assert path in answer.err
    assert homeward("show", "MD-UA-2026-BAD000", *house.at).code == 7


def test_an_unknown_agreement_is_malformed_and_frees_the_reference(house: House, tmp_path: Path) -> None:
    """What never became a case does not stand in the way of one."""
    given = intake(tmp_path.name, agreement="chisinau-1802", reference="MD-UA-2026-FREE00")
    answer = homeward("open", written(tmp_path, given), *house.at)
    assert answer.code == 2
    assert "agreement" in answer.err
    assert homeward("show", "MD-UA-2026-FREE00", *house.at).code == 7
    assert homeward("open", written(tmp_path, {**given, "agreement": "model"}), *house.at).code == 0


def test_a_second_intake_with_a_reference_is_refused(house: House, tmp_path: Path) -> None:
    """It names the running case, and the first one goes on untouched."""
    reference = opened(house, tmp_path)
    answer = homeward("open", written(tmp_path, intake("Somebody Else", reference=reference)), *house.at)
    assert answer.code == 3
    assert reference in answer.err
    assert homeward("show", reference, *house.at, "--json").json["entries"] == 1


def test_the_same_child_is_refused_as_a_likely_duplicate_unless_that_is_denied(house: House, tmp_path: Path) -> None:
    """The refusal names the open case, never the child."""
    reference = opened(house, tmp_path)
    answer = homeward("open", written(tmp_path, intake(tmp_path.name)), *house.at)
    assert answer.code == 3
    assert reference in answer.err and "Inventedson" not in answer.err
    assert opened(house, tmp_path, not_duplicate_of=reference) != reference


# Recording


def test_one_act_gives_one_receipt(house: House, tmp_path: Path) -> None:
    """The contract's receipt, to the letter."""
    reference = opened(house, tmp_path)
    answer = homeward("record", reference, written(tmp_path, note("a-1")), *house.at, "--json")
    assert answer.code == 0
    jsonschema.validate(answer.json, schema("receipt"))
    assert (answer.json["entry"], answer.json["result"]) == (2, "accepted")


def test_a_refusal_ends_with_3_and_says_why_and_what_else(house: House, tmp_path: Path) -> None:
    """Safeguard, sentence, source, and what can be done instead."""
    reference = opened(house, tmp_path)
    file = written(tmp_path, locked("a-1"))
    shown = homeward("record", reference, file, *house.at)
    assert shown.code == 3
    assert "no-detention" in shown.out and "CRC" in shown.out and "instead:" in shown.out
    told = homeward("record", reference, file, *house.at, "--json")
    assert told.code == 3
    jsonschema.validate(told.json, schema("receipt"))
    assert [refusal["safeguard"] for refusal in told.json["refusals"]] == ["no-detention"]
    assert homeward("show", reference, *house.at, "--json").json["refused"] == 1


@pytest.mark.parametrize("writing", ["array", "lines"])
def test_several_acts_give_their_receipts_in_order(house: House, tmp_path: Path, writing: str) -> None:
    """One refused among them: the others are recorded, and the exit code says it."""
    reference = opened(house, tmp_path)
    acts = [note("a-1"), locked("a-2"), note("a-3")]
    text = json.dumps(acts) if writing == "array" else "\n".join(json.dumps(act) for act in acts) + "\n"
    answer = homeward("record", reference, "-", *house.at, "--json", stdin=text)
    assert answer.code == 3
    assert [receipt["result"] for receipt in answer.json] == ["accepted", "refused", "accepted"]


def test_nothing_of_a_malformed_file_is_sent(house: House, tmp_path: Path) -> None:
    """Every fault is told, with the number of its act and its path."""
    reference = opened(house, tmp_path)
    acts = [note("a-1"), {**note("a-2"), "tex": "x"}, {**locked("a-3"), "placement": {"kind": "castle"}}]
    answer = homeward("record", reference, written(tmp_path, acts), *house.at)
    assert (answer.code, answer.out) == (2, "")
    assert (
        "act 2: tex" in answer.err and "act 3: placement.kind" in answer.err and "act 3: placement.name" in answer.err
    )
    assert homeward("show", reference, *house.at, "--json").json["entries"] == 1


@pytest.mark.parametrize("text", ["", "{", "[]", "[1]", '"note"', '{"act":\n"note"\n', "null"])
def test_what_is_no_act_at_all_is_malformed(house: House, tmp_path: Path, text: str) -> None:
    """Before any engine is asked."""
    answer = homeward("record", "MD-UA-2026-7K3F9A", written(tmp_path, text), *house.at)
    assert answer.code == 2 and "Traceback" not in answer.err


def test_an_act_sent_twice_is_recorded_once(house: House, tmp_path: Path) -> None:
    """The first receipt comes back."""
    reference = opened(house, tmp_path)
    file = written(tmp_path, note("a-1"))
    first = homeward("record", reference, file, *house.at, "--json")
    homeward("record", reference, written(tmp_path, note("a-2"), "other.json"), *house.at)
    again = homeward("record", reference, file, *house.at, "--json")
    assert (again.code, again.json) == (0, first.json)
    assert homeward("show", reference, *house.at, "--json").json["entries"] == 3


def test_an_act_id_with_other_content_is_malformed(house: House, tmp_path: Path) -> None:
    """The engine's own memory of update ids does not hide that."""
    reference = opened(house, tmp_path)
    assert homeward("record", reference, written(tmp_path, note("a-1")), *house.at).code == 0
    answer = homeward("record", reference, written(tmp_path, note("a-1", "Other.")), *house.at)
    assert answer.code == 2
    assert "act_id" in answer.err


def test_acts_before_a_malformed_one_keep_their_receipts(house: House, tmp_path: Path) -> None:
    """What only the case can find malformed comes to light on the way."""
    reference = opened(house, tmp_path)
    assert homeward("record", reference, written(tmp_path, note("a-1")), *house.at).code == 0
    acts = [note("a-0"), note("a-1", "Other."), note("a-2")]
    answer = homeward("record", reference, written(tmp_path, acts), *house.at, "--json")
    assert answer.code == 2
    assert [receipt["entry"] for receipt in answer.json] == [3]
    assert json.loads(answer.err)["faults"][0]["path"].startswith("act 2: ")


@pytest.mark.parametrize("command", ["show", "ledger", "record"])
def test_no_such_case_ends_with_7(house: House, tmp_path: Path, command: str) -> None:
    """And says which one."""
    more = [written(tmp_path, note("a-1"))] if command == "record" else []
    answer = homeward(command, "MD-UA-1999-000000", *more, *house.at)
    assert answer.code == 7
    assert "MD-UA-1999-000000" in answer.err


# Looking


def test_show_prints_the_view(house: House, tmp_path: Path) -> None:
    """For a person, and as the contract's JSON."""
    reference = opened(house, tmp_path)
    shown = homeward("show", reference, *house.at)
    assert shown.code == 0
    assert "identification" in shown.out and "appoint guardian" in shown.out
    told = homeward("show", reference, *house.at, "--json")
    jsonschema.validate(told.json, schema("view"))
    assert told.json["reference"] == reference


def test_show_at_an_entry_or_a_moment_is_the_case_as_it_was(house: House, tmp_path: Path) -> None:
    """The past is folded from the entries up to there, and never recomputed."""
    reference = opened(house, tmp_path)
    homeward("record", reference, written(tmp_path, [note("a-1"), locked("a-2")]), *house.at)
    entries = homeward("ledger", reference, *house.at, "--json").json
    first = homeward("show", reference, "--at", "1", *house.at, "--json").json
    assert (first["entries"], first["refused"], first["head"]) == (1, 0, entries[0]["hash"])
    second = homeward("show", reference, "--at", entries[1]["at"], *house.at, "--json").json
    assert (second["entries"], second["head"]) == (2, entries[1]["hash"])
    assert homeward("show", reference, "--at", "4", *house.at).code == 2
    assert homeward("show", reference, "--at", "2020-01-01", *house.at).code == 2


def test_ledger_prints_sentences_or_entries(house: House, tmp_path: Path) -> None:
    """`--refused` keeps the refusals only."""
    reference = opened(house, tmp_path)
    homeward("record", reference, written(tmp_path, [note("a-1"), locked("a-2")]), *house.at)
    told = homeward("ledger", reference, *house.at, "--json").json
    assert [entry["kind"] for entry in told] == ["opened", "accepted", "refused"]
    for entry in told:
        jsonschema.validate(entry, schema("entry"))
    assert len(homeward("ledger", reference, *house.at).out.splitlines()) == 3
    assert [entry["n"] for entry in homeward("ledger", reference, "--refused", *house.at, "--json").json] == [3]


def test_ledger_tells_a_case_in_five_languages(house: House, tmp_path: Path) -> None:
    """English unless another is asked for; one that is not there is bad usage."""
    reference = opened(house, tmp_path)
    assert "opened the case" in homeward("ledger", reference, *house.at).out
    for language, said in (
        ("ro", "a deschis cazul"),
        ("uk", "справу відкрито"),
        ("ru", "дело открыто"),
        ("ky", "ишти ачты"),
    ):
        assert said in homeward("ledger", reference, "--language", language, *house.at).out
    assert homeward("ledger", reference, "--language", "de", *house.at).code == 2


def test_list_shows_the_caseload_by_due_date(house: House, tmp_path: Path) -> None:
    """Each filter keeps what it names."""
    reference = opened(house, tmp_path)

    def listed(*filters: str) -> list[str]:
        answer = homeward("list", *filters, *house.at, "--json")
        assert answer.code == 0, answer.err
        return [row["reference"] for row in answer.json]

    rows = homeward("list", *house.at, "--json").json
    # As moments: as texts, one without a part of a second would stand behind the others of its second.
    due = [datetime.fromisoformat(row["due"]) for row in rows if row["status"] == "open" and row["due"]]
    assert due == sorted(due)
    assert reference in listed()
    assert reference in listed("--stage", "identification")
    assert reference not in listed("--stage", "travel")
    assert reference in listed("--role", "guardianship_authority", "--state", "MD")
    assert reference not in listed("--role", "guardianship_authority", "--state", "UA")
    assert reference not in listed("--overdue")
    assert reference not in listed("--hold", "missing")
    missing = {"act": "report_missing", "act_id": "a-1", "actor": note("x")["actor"], "since": "2026-02-02T10:00:00Z"}
    assert homeward("record", reference, written(tmp_path, missing), *house.at).code == 0
    assert reference in listed("--hold", "missing")
    assert reference in homeward("list", *house.at).out


def test_list_needs_no_table_to_show_the_caseload(house: House, tmp_path: Path) -> None:
    """Where the table cannot be had, the cases themselves are asked."""
    reference = opened(house, tmp_path)
    broken = environment(HOMEWARD_CASELOAD_URL="postgresql://nobody@127.0.0.1:1/none")
    answer = homeward("list", "--stage", "identification", *house.at, "--json", env=broken)
    assert answer.code == 0
    assert "asking the cases themselves" in answer.err
    rows = {row["reference"]: row for row in answer.json}
    assert rows[reference]["awaiting"]


def test_the_caseload_is_rebuilt_from_the_cases(house: House, tmp_path: Path) -> None:
    """And shows the same cases as before."""
    reference = opened(house, tmp_path)
    answer = homeward("rebuild-caseload", *house.at, "--json")
    assert answer.code == 0, answer.err
    assert answer.json["kept"] >= 1
    assert reference in [row["reference"] for row in homeward("list", *house.at, "--json").json]


# Agreements


def test_a_profile_in_order_is_loaded() -> None:
    """By id, or as a file."""
    answer = homeward("agreements", "check", "model", "--json")
    assert answer.code == 0
    assert (answer.json["result"], answer.json["id"]) == ("accepted", "model")


def test_a_profile_below_the_floor_is_refused_clause_by_clause(tmp_path: Path) -> None:
    """Each clause with what the floor demands and its source."""
    text = (Path(__file__).parents[2] / "agreements" / "model" / "profile.toml").read_text("utf-8")
    loosened = re.sub(r"consent_age\s*=\s*\d+", "consent_age = 16", text)
    assert loosened != text
    file = written(tmp_path, loosened, "profile.toml")
    answer = homeward("agreements", "check", file)
    assert answer.code == 3
    assert "consent_age" in answer.out and "the floor:" in answer.out
    assert homeward("agreements", "check", file, "--json").json["breaches"][0]["clause"] == "consent_age"


def test_a_malformed_profile_ends_with_2(tmp_path: Path) -> None:
    """Not TOML, an unknown field, or no file at all."""
    assert homeward("agreements", "check", written(tmp_path, "not toml", "profile.toml")).code == 2
    assert homeward("agreements", "check", "no-such-agreement").code == 2


# Nobody waits for ever


def test_an_interrupted_reader_is_no_error(house: House) -> None:
    """`homeward … | head` ends quietly."""
    command = f"{sys.executable} -m starter.main schema act | head -1"
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
