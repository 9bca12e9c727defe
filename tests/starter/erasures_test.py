"""`homeward erase`, and what the other commands say of a case that was erased. Everybody here is invented."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from activities.caseload import Caseload
from activities.settings import Settings
from casefile.erasure import Officer
from starter.client import Cases
from starter.erasing import erasing_with
from tests.casefile.lived import Lived
from tests.starter.running import Answer, environment, homeward
from tests.workflows.engines import NAMES, STATION, accepted, act, record, time_skipping, until_determined

pytestmark = [pytest.mark.engine, pytest.mark.slow]

LATER = datetime(2060, 1, 1, 12, tzinfo=UTC)


@dataclass
class Closed:
    """Cases that were closed and have ended, on an engine that runs: one is kept still, one was erased."""

    address: str
    data: Path
    kept: str
    erased: str
    heads: list[str]
    """Those of the erased case, as receipts told them."""

    async def run(self, *args: str) -> Answer:
        """The command, while the worker of this process works on."""
        env = environment(HOMEWARD_DATA=str(self.data), TEMPORAL_ADDRESS=self.address)
        return await asyncio.to_thread(homeward, *args, env=env)


def in_order(answer: Answer, code: int) -> Answer:
    """An answer that ended as it should, and showed no traceback."""
    assert answer.code == code, answer.out + answer.err
    assert "Traceback" not in answer.out + answer.err
    return answer


@pytest.fixture(scope="module")
async def closed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Closed]:
    data = tmp_path_factory.mktemp("erasing")
    async with time_skipping(data) as engine, engine.worker():
        references: list[str] = []
        heads: list[str] = []
        for _ in range(2):
            handle = await engine.start()
            await accepted(handle, *until_determined()[:4])
            heads = [(await record(handle, act("cw", "place_child", placement=STATION)))["head"]]
            heads.append((await record(handle, act("ca", "close_case", outcome="withdrawn")))["head"])
            references.append(handle.id)
        await engine.wait(days=31)
        lived = Lived(engine)
        for reference in references:
            await lived.handle(reference).result()
            await lived.in_archive(reference, 1)
        caseload = Caseload(Settings(data=data).caseload)
        erasing = erasing_with(Cases(engine.client), lived.archive, caseload)
        one, other = (Officer(id, "central_authority", "MD") for id in ("ca-md-1", "ca-md-2"))
        await erasing.ask(references[1], "retention_ended", one, LATER)
        await erasing.confirm(references[1], other, LATER)
        await caseload.close()
        kept, erased = references
        yield Closed(engine.client.service_client.config.target_host, data, kept, erased, heads)


async def test_before_its_time_nothing_is_erased_and_the_day_is_told(closed: Closed) -> None:
    """Asked or confirmed too early, it is refused with exit code 3, and the log of readings says so."""
    stands = in_order(await closed.run("erase", closed.kept, "--json"), 3).json
    assert stands["kept_until"] > "2036"
    assert "is kept until" in " ".join(stands["obstacles"])
    asked = await closed.run(
        *("erase", closed.kept, "--ground", "ordered_by_a_court", "--file", "12/2026", "--as", "ca-md-1")
    )
    assert "is kept until" in in_order(asked, 3).err
    confirmed = await closed.run("erase", closed.kept, "--confirm", "--as", "ca-md-2")
    assert "Nobody asked" in in_order(confirmed, 3).err
    assert in_order(await closed.run("show", closed.kept, "--json"), 0).json["status"] == "closed"
    readings = in_order(await closed.run("readings", closed.kept, "--json"), 0).json["readings"]
    assert [line["what"] for line in readings if line["what"].startswith("erasure")] == [
        *("erasure", "erasure: to ask", "erasure: refused", "erasure: to confirm", "erasure: refused")
    ]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--ground", "because"), "there is no because"),
        (("--ground", "retention_ended", "--confirm", "--as", "x"), "do one at a time"),
        (("--ground", "retention_ended"), "say with --as"),
        (("--confirm", "--as", " "), "say with --as"),
        (("--ground", "retention_ended", "--as", "x", "--file", "a name"), "and no name"),
        (("--take-back", "--as", "x", "--certificate", "c.json"), "when the case is erased"),
    ],
)
async def test_what_is_asked_wrongly_is_told(closed: Closed, args: tuple[str, ...], said: str) -> None:
    """In a sentence each, with exit code 2, and nothing is done."""
    assert said in in_order(await closed.run("erase", closed.kept, *args), 2).err


async def test_no_case_is_not_erased(closed: Closed) -> None:
    """Exit code 7."""
    in_order(await closed.run("erase", "MD-UA-2026-ZZZZZZ"), 7)


async def test_of_an_erased_case_the_commands_tell_what_is_left(closed: Closed, tmp_path: Path) -> None:
    """The entries as sentences, the audit, the certificate offline; nothing of the child anywhere."""
    certificate = tmp_path / "certificate.json"
    erased = in_order(await closed.run("erase", closed.erased, "--certificate", str(certificate)), 0)
    assert "was erased on" in erased.out
    assert "A backup of the key store from before can still be opened" in erased.out

    ledger = in_order(await closed.run("ledger", closed.erased, "--json"), 0).json
    assert [line["kind"] for line in ledger][-2:] == ["closed", "erased"]
    assert all(line.get("withheld") for line in ledger[:-1])
    refused = in_order(await closed.run("ledger", closed.erased, "--refused", "--json"), 0).json
    assert [line["safeguards"] for line in refused] == [["no-detention"]]
    told = in_order(await closed.run("ledger", closed.erased), 0).out
    assert "The personal content of this case was erased." in told

    audit = in_order(await closed.run("audit", closed.erased, "--json"), 0).json
    assert (audit["verifies"], audit["entries"]) == (True, len(ledger))
    assert audit["erased"]["ground"] == "retention_ended"
    archive = str(closed.data / "archive")
    offline = in_order(await closed.run("audit", closed.erased, "--offline", "--archive", archive, "--json"), 0).json
    assert (offline["head"], offline["verifies"]) == (audit["head"], True)

    verified = homeward("verify", str(certificate), "--json")
    held = homeward("verify", str(certificate), *(word for head in closed.heads for word in ("--head", head)))
    unknown = homeward("verify", str(certificate), "--head", "f" * 64)
    text = homeward("verify", str(certificate))
    assert in_order(verified, 0).json["head"] == audit["head"]
    in_order(held, 0)
    assert "stands nowhere" in in_order(unknown, 4).out
    assert "Nobody can read" in in_order(text, 0).out
    assert "they said so themselves" in text.out

    broken = tmp_path / "broken.json"
    broken.write_text(certificate.read_text().replace("ca-md-1", "ca-md-9"))
    in_order(homeward("verify", str(broken)), 4)
    broken.write_text("{")
    in_order(homeward("verify", str(broken)), 2)

    for answer in (erased, verified, text):
        assert not any(name in answer.out + answer.err for name in (*NAMES, "2013-05-04"))


async def test_what_needs_the_bodies_says_that_nobody_has_them(closed: Closed, tmp_path: Path) -> None:
    """The case, its past, a dossier, another act; who read it can be asked all the same."""
    act_file = tmp_path / "act.json"
    act_file.write_text(json.dumps(act("om", "note", text="invented")))
    for args in (
        ("show", closed.erased),
        ("show", closed.erased, "--at", "2"),
        ("audit", closed.erased, "--out", str(tmp_path / "dossier.zip")),
        ("record", closed.erased, str(act_file)),
    ):
        assert "was erased on" in in_order(await closed.run(*args), 7).err
    again = await closed.run("erase", closed.erased, "--ground", "retention_ended", "--as", "ca-md-1")
    assert "was erased on" in in_order(again, 7).err
    confirmed = await closed.run("erase", closed.erased, "--confirm", "--as", "ca-md-3", "--json")
    assert in_order(confirmed, 0).json["finished"]
    assert in_order(await closed.run("readings", closed.erased, "--json"), 0).json["verifies"]
