"""Reading at the command line: who is signed in is asked about, and nothing is shown that is not noted."""

from io import StringIO
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from activities.caseload import Caseload
from activities.readings import Readings
from casefile.readings import AS_OPERATOR, faults_of_readings
from casefile.redaction import Sealed
from desk.people import Person
from starter import looking, showing
from starter.client import CaseErased, Cases, NoSuchCase
from starter.endings import CannotGoOn, Exit
from starter.looking import as_told, counted, listed, log_of, look, may_say, note, recorded
from tests.desk.cases_in_memory import CasesInMemory, somebody
from tests.procedure.courses import REFERENCE, Course


class SignedIn:
    """Who is signed in at this command line; nobody is, unless said."""

    person: Person | None = None

    def __call__(self, person: Person | None) -> None:
        self.person = person


@pytest.fixture
def signed_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SignedIn:
    here = SignedIn()
    monkeypatch.setattr(looking, "see_who_asks", lambda: here.person)
    monkeypatch.setenv("HOMEWARD_CASELOAD_URL", f"sqlite:///{tmp_path / 'caseload.db'}")
    return here


def cases_of(*courses: Course) -> Cases:
    return cast("Cases", CasesInMemory(*courses))


async def noted(cases: Cases) -> list[tuple[str, str, str | None]]:
    lines, newest = await log_of(cases, REFERENCE)
    assert faults_of_readings(lines, newest) == []
    return [(line.by.person, line.what, line.reason) for line in lines]


async def refused(cases: Cases, **asked: Any) -> CannotGoOn:
    with pytest.raises(CannotGoOn) as refusal:
        await look(cases, REFERENCE, "ledger", **asked)
    return refusal.value


async def test_an_operator_sees_everything_and_it_is_noted(signed_in: SignedIn) -> None:
    """Without a sign-in whoever runs the command reaches the engine; the log says that an operator read."""
    course = Course().represented()
    looked = await look(cases_of(course), REFERENCE, "ledger")
    assert looked.everything and looked.lines() == course.entries
    assert await noted(cases_of(course)) == [(AS_OPERATOR.person, "ledger", None)]


async def test_the_origins_authority_sees_its_lines_at_the_command_line_too(signed_in: SignedIn) -> None:
    """As in its dossier: places of what is not for it."""
    course = Course().represented().does("lodge_asylum_claim")
    signed_in(somebody("origin authority"))
    looked = await look(cases_of(course), REFERENCE, "ledger")
    assert isinstance(looked.lines()[course.number_of("lodge_asylum_claim") - 1], Sealed)
    assert looked.view(await cases_of(course).view(REFERENCE))["holds"] == []


@pytest.mark.parametrize("state", ["MD", "UA"])
async def test_law_enforcement_reads_nothing_and_leaves_no_line(signed_in: SignedIn, state: str) -> None:
    """Exit 6, whether there is such a case or not."""
    signed_in(Person("police-1", "Invented", "law_enforcement", state))
    for reference in (REFERENCE, "MD-UA-2026-000001"):
        with pytest.raises(CannotGoOn) as refusal:
            await look(cases_of(Course()), reference, "show")
        assert refusal.value.code is Exit.NOT_PERMITTED
    signed_in(None)
    assert await noted(cases_of(Course())) == []
    signed_in(Person("police-1", "Invented", "law_enforcement", state))
    with pytest.raises(CannotGoOn):
        listed([])
    with pytest.raises(CannotGoOn):
        counted([])


async def test_who_has_nothing_to_do_with_a_case_learns_not_even_that_it_is_there(signed_in: SignedIn) -> None:
    """Another state's authority: in the words that are said of a case that there is not."""
    signed_in(Person("authority-7", "Invented", "central_authority", "RO"))
    there = await refused(cases_of(Course()))
    with pytest.raises(NoSuchCase) as not_there:
        await look(cases_of(), REFERENCE, "ledger")
    assert (there.sentence, there.code) == (not_there.value.sentence, Exit.NO_SUCH_CASE)


async def test_a_colleagues_case_is_opened_for_a_reason_that_is_kept(signed_in: SignedIn) -> None:
    """Without one: exit 6. A reason is one of a list, in which no name can stand."""
    course = Course().represented().does("assign", caseworker={"id": "caseworker-1"})
    signed_in(Person("caseworker-2", "Invented", "caseworker", "MD"))
    assert (await refused(cases_of(course))).code is Exit.NOT_PERMITTED
    assert (await refused(cases_of(course), because="for Invented Child")).code is Exit.MALFORMED
    assert (await look(cases_of(course), REFERENCE, "ledger", because="stands_in")).everything
    assert await noted(cases_of(course)) == [("caseworker-2", "ledger", "stands_in")]


async def test_only_who_sees_the_whole_looks_back(signed_in: SignedIn) -> None:
    """A past with holes in it is not shown."""
    signed_in(somebody("origin authority"))
    assert (await refused(cases_of(Course()), whole=True)).code is Exit.NOT_PERMITTED
    signed_in(somebody("auditor"))
    assert (await look(cases_of(Course()), REFERENCE, "show", whole=True)).everything


async def test_nothing_is_shown_where_it_cannot_be_noted(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A database that is down; and, for somebody signed in, one that nobody named."""
    monkeypatch.setenv("HOMEWARD_CASELOAD_URL", "postgresql://nobody@127.0.0.1:1/none")
    for person in (None, somebody("auditor")):
        signed_in(person)
        assert (await refused(cases_of(Course()))).code is Exit.FAILED


async def test_the_caseload_shows_cases_that_one_may_know_of(signed_in: SignedIn) -> None:
    """By office, or because a case waits for one; holds and what is owed as one may know them."""
    owed = {"act": "hear_child", "role": "guardian", "state": "MD", "person": "guardian-1", "due": None}
    rest: dict[str, Any] = {
        "overdue": False,
        "due": None,
        "untold": [],
        "refused": 2,
        "stage": "travel",
        "solution": "return",
    }
    row: dict[str, Any] = {
        "reference": REFERENCE,
        "host_state": "MD",
        "origin_state": "UA",
        "holds": ["asylum"],
        **rest,
    }
    row["awaiting"] = [{**owed, "overdue": False}]
    assert listed([row]) == [row]
    for person, seen in (
        (somebody("authority"), ["asylum"]),
        (somebody("origin authority"), []),
        (somebody("guardian"), ["asylum"]),
        (Person("guardian-2", "Invented", "guardian", "MD"), None),
        (somebody("consulate"), None),
        (Person("authority-7", "Invented", "central_authority", "RO"), None),
    ):
        signed_in(person)
        found = listed([row])
        assert (found[0]["holds"] if found else None) == seen, person
    assert listed([{**row, "awaiting": []}]) == []


async def test_figures_are_over_the_cases_that_ones_state_hosts(signed_in: SignedIn) -> None:
    """The origin's authority counts none of the host's cases, a caseworker none at all."""
    both = ["MD-UA-2026-000001", "UA-MD-2026-000002"]
    assert counted(both) == both
    signed_in(somebody("origin authority"))
    assert counted(both) == ["UA-MD-2026-000002"]
    signed_in(somebody("caseworker"))
    with pytest.raises(CannotGoOn):
        counted(both)


async def test_a_receipt_says_what_one_may_read(signed_in: SignedIn) -> None:
    """To the origin's authority and to law enforcement it names no hold; to an operator all."""
    course = Course().represented().does("lodge_asylum_claim")
    cases = cases_of(course)
    receipt = course.say("note", "caseworker")
    assert await as_told(cases, REFERENCE, receipt) == receipt
    for who, stage in (("origin authority", receipt["stage"]), ("police", None)):
        signed_in(somebody(who))
        told = await as_told(cases, REFERENCE, receipt)
        assert (told["holds"], told["stage"]) == ([], stage)


async def test_law_enforcement_says_nothing_but_an_alarm(signed_in: SignedIn) -> None:
    """Exit 6 for any other act; of an alarm it learns whether it was accepted; an erased case is none."""
    course = Course().represented()
    cases = cases_of(course)
    signed_in(somebody("police"))
    before = len(course.entries)
    with pytest.raises(CannotGoOn) as refusal:
        await recorded(cases, REFERENCE, course.act("note", "police"))
    assert (refusal.value.code, len(course.entries)) == (Exit.NOT_PERMITTED, before)
    told = await recorded(cases, REFERENCE, course.act("report_missing", "police"))
    assert (told["result"], told["entry"], told["head"], told["refusals"]) == ("accepted", None, None, [])
    await said_of_an_erased_case(cases, course.act("report_missing", "police"))


async def said_of_an_erased_case(cases: Cases, act: dict[str, Any]) -> None:
    """That there is no such case, in the words of the client."""
    cast("CasesInMemory", cases).silent = CaseErased(REFERENCE, "2026-01-02")
    with pytest.raises(NoSuchCase) as not_there:
        await recorded(cases, REFERENCE, act)
    assert not_there.value.sentence == f"There is no case {REFERENCE}."


async def test_that_a_case_was_erased_is_told_to_who_may_know_of_it(signed_in: SignedIn) -> None:
    """At an act too: the office that lists such cases, and not a guardian, who knows of a case by having a part in it."""
    course = Course().represented()
    cases = cases_of(course)
    signed_in(somebody("guardian"))
    await said_of_an_erased_case(cases, course.act("note", "guardian"))
    signed_in(somebody("authority"))
    with pytest.raises(CaseErased):
        await recorded(cases, REFERENCE, course.act("note", "authority"))


async def test_nothing_is_looked_up_for_who_can_see_no_such_case(signed_in: SignedIn) -> None:
    """By how long that takes it would be told which cases there are."""
    cases = cases_of(Course())
    cast("CasesInMemory", cases).silent = AssertionError("a case was looked up")
    signed_in(Person("authority-7", "Invented", "central_authority", "RO"))
    assert (await refused(cases)).code is Exit.NO_SUCH_CASE
    with pytest.raises(NoSuchCase):
        await recorded(cases, REFERENCE, {"act": "note"})


async def test_who_may_neither_see_nor_speak_is_told_of_no_case(signed_in: SignedIn) -> None:
    """A guardian of another case; an alarm is heard from everybody."""
    cases = cases_of(Course().represented())
    signed_in(Person("guardian-2", "Invented", "guardian", "MD"))
    with pytest.raises(NoSuchCase):
        await may_say(cases, REFERENCE, {"act": "note"})
    signed_in(Person("monitor-7", "Invented", "monitor", "RO"))
    await may_say(cases, REFERENCE, {"act": "report_missing"})
    with pytest.raises(NoSuchCase):
        await may_say(cases, REFERENCE, {"act": "note"})


async def test_what_an_operator_reads_without_a_known_log_is_said(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever reaches the engine alone reads it with any tool; ours says that the reading is in no log."""
    monkeypatch.delenv("HOMEWARD_CASELOAD_URL")
    monkeypatch.delenv("HOMEWARD_DATA", raising=False)
    await note(None, REFERENCE, "show", None)
    assert "not in it" in capsys.readouterr().err
    with pytest.raises(CannotGoOn):
        await note(None, REFERENCE, "show", somebody("auditor"))


async def test_a_changed_log_does_not_verify(signed_in: SignedIn, tmp_path: Path) -> None:
    """As `homeward readings` tells it."""
    cases = cases_of(Course())
    for _ in range(3):
        await look(cases, REFERENCE, "show")
    caseload = Caseload(f"sqlite:///{tmp_path / 'caseload.db'}")
    async with caseload.writing() as connection:
        await connection.exec_driver_sql("UPDATE readings SET person = 'nobody' WHERE n = 2")
    assert faults_of_readings(*await Readings(caseload).of(REFERENCE)) == ["Line 2 is not what its hash says."]
    await caseload.close()


@pytest.mark.parametrize(
    ("untold", "says"),
    [
        ([], ""),
        ([{"given_up": False}], "notices not sent yet"),
        ([{"given_up": True}], "(notices not tried any more)"),
        ([{"given_up": True}, {"given_up": False}], "(notices not sent yet, others not tried any more)"),
    ],
)
def test_the_caseload_tells_what_goes_out_by_itself_from_what_does_not(
    untold: list[dict[str, bool]], says: str
) -> None:
    """What is given up needs a person, so it does not look like what is tried on."""
    told = StringIO()
    row: dict[str, Any] = {
        "reference": "MD-UA-2026-AAAAAA",
        "status": "open",
        "stage": "travel",
        "holds": [],
        "awaiting": [],
    }
    showing.caseload(Console(file=told, width=200), [{**row, "due": None, "overdue": False, "untold": untold}])
    assert ("notices" in told.getvalue()) == bool(untold)
    assert says in told.getvalue()
