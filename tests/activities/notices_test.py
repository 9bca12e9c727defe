"""The words of notices, the folder, and the address book."""

import asyncio
import email
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email import policy
from pathlib import Path
from typing import Any

import pytest

from activities.agreements import AgreementShelf
from activities.notices import (
    ACTS,
    DEADLINES,
    AddressBook,
    AddressBookFault,
    NoticeFolder,
    NoticeUnsendable,
    compose,
    file_name,
    notice_key,
)
from procedure.acts import ACTS as ACT_MODELS
from procedure.vocabulary import ROLES
from workflows.messages import Notice

REFERENCE = "MD-UA-2026-7K3F9A"
NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
KINDS = ("owed", "reminder", "overdue", "escalated", "detention", "missing", "found", "held", "closed")


def owed(**given: Any) -> Notice:
    fields: dict[str, Any] = {
        "kind": "owed",
        "to_role": "guardianship_authority",
        "to_state": "MD",
        "entry": 1,
        "act": "appoint_guardian",
        "deadline": "guardian",
        "due": "2026-03-04T10:00:00Z",
    }
    return Notice(**{**fields, **given})


def text(notice: Notice) -> str:
    return compose(REFERENCE, notice, sender=None, to=None, now=NOW).get_content()


def test_an_owed_act_says_what_by_when_why_and_how() -> None:
    """All that somebody needs to act, and that silence decides nothing."""
    message = compose(REFERENCE, owed(), sender=None, to=None, now=NOW)
    said = message.get_content()

    assert "MD-UA-2026-7K3F9A: please appoint a guardian, by 4 March 2026" == message["Subject"]
    assert "You are asked to appoint a guardian." in said
    assert "By: 4 March 2026, 10:00 UTC" in said
    assert "Why: no step about the child's future may be taken before a guardian" in said
    assert f"homeward show {REFERENCE}" in said
    assert f"To record the act appoint_guardian:\n    homeward record {REFERENCE} ACT.json" in said
    assert "Nothing is decided by this time passing." in said


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("role", ["caseworker", "law_enforcement"])
def test_every_kind_of_notice_has_its_own_words(kind: str, role: str) -> None:
    """Each kind reads as a message of its own, in plain ASCII lines that fit a screen."""
    others = [text(owed(kind=other, to_role=role)) for other in KINDS if other != kind]
    said = text(owed(kind=kind, to_role=role))

    assert said not in others
    assert said.isascii()
    assert all(len(line) <= 80 for line in said.splitlines()), said
    assert "Something was recorded" not in said


def test_detention_is_urgent_and_called_what_it_is() -> None:
    """Whatever the place is called."""
    message = compose(
        REFERENCE, Notice("detention", "ombudsperson", "MD", 9), sender="a@example.org", to="b@example.org", now=NOW
    )

    assert message["Subject"].startswith(f"{REFERENCE}: URGENT")
    assert "that is detention" in " ".join(message.get_content().split())
    assert "confirm_release" in message.get_content()


def test_law_enforcement_is_told_to_search_and_shown_nothing() -> None:
    """The firewall: who searches is not led into the case, and is told that no custody follows."""
    said = " ".join(text(Notice("missing", "law_enforcement", "MD", 9)).split())

    assert "homeward show" not in said
    assert "never into custody" in said
    assert "report_found" in said
    assert "homeward" not in text(Notice("found", "law_enforcement", "MD", 9))


def test_an_escalation_says_which_step_it_is() -> None:
    """And stands on its own feet where no deadline is behind it."""
    assert "step 2 of its escalation" in text(owed(kind="escalated", act=None, level=2)).replace("\n", " ")
    assert "must not wait" in text(Notice("escalated", "ombudsperson", "MD", 9, level=2))


def test_there_are_words_for_every_deadline_of_an_agreement() -> None:
    """A deadline that an agreement names never reaches anybody as a bare name."""
    named = {name for name in AgreementShelf().get("model").deadlines if not re.fullmatch(r"visit_\d+", name)}

    assert named <= set(DEADLINES)
    assert "visit 3 after the return" in text(owed(deadline="visit_3")).replace("\n", " ")


def test_there_are_words_for_acts_that_exist_only() -> None:
    """No notice asks for an act that nobody could record."""
    assert set(ACTS) <= set(ACT_MODELS)


@pytest.mark.parametrize("person", ["Ana Invented", "x\r\nBcc: all@example.org", "Анна"])
def test_an_id_that_could_be_a_name_is_not_written(person: str) -> None:
    """And cannot add a header either."""
    message = compose(REFERENCE, owed(to_id=person), sender=None, to=None, now=NOW)

    assert person not in message.as_string()
    assert "Bcc" not in message
    assert "id ga-4" in text(owed(to_id="ga-4"))


def test_a_message_id_belongs_to_one_notice() -> None:
    """The same at every attempt; another for another recipient, deadline or moment."""
    first = compose(REFERENCE, owed(), sender="desk@example.org", to="a@example.org", now=NOW)
    again = compose(REFERENCE, owed(), sender="desk@example.org", to="a@example.org", now=datetime.now(UTC))

    assert first["Message-ID"] == again["Message-ID"]
    assert first["Message-ID"].endswith("@example.org>")
    others = [owed(to_role="caseworker"), owed(deadline="counsel"), owed(due="2026-03-05T10:00:00Z"), owed(entry=2)]
    assert 5 == len({notice_key(REFERENCE, each) for each in [owed(), *others]})


def test_a_step_that_is_done_a_second_time_puts_no_second_notice() -> None:
    """It is decided seconds later, and so is due seconds later; another day is another notice."""
    first, again, later = (owed(due=f"2026-03-0{day}") for day in ("5T10:00:00Z", "5T10:00:07Z", "6T10:00:00Z"))
    assert file_name(REFERENCE, first) == file_name(REFERENCE, again) != file_name(REFERENCE, later)


@pytest.mark.asyncio
async def test_the_folder_holds_a_readable_message_once(tmp_path: Path) -> None:
    """Written whole, named by case and entry, and not again at a second attempt."""
    folder = NoticeFolder(tmp_path / "notices")
    await folder.put(REFERENCE, owed())
    await folder.put(REFERENCE, owed())

    [file] = (tmp_path / "notices" / "new").iterdir()
    assert file_name(REFERENCE, owed()) == file.name
    assert file.name.startswith("MD-UA-2026-7K3F9A.000001.owed.guardianship_authority-MD.")
    message = email.message_from_bytes(file.read_bytes(), policy=policy.default)
    assert "guardianship authority (MD)" in message["To"]
    assert "appoint a guardian" in message.get_content()
    assert [] == list((tmp_path / "notices" / "tmp").iterdir())


@pytest.mark.asyncio
@pytest.mark.parametrize("flags", ["", ":2,S"])
async def test_a_notice_that_was_read_does_not_come_back(tmp_path: Path, flags: str) -> None:
    """Mail readers move a message to cur; a retry respects that."""
    folder = NoticeFolder(tmp_path)
    await folder.put(REFERENCE, owed())
    [file] = (tmp_path / "new").iterdir()
    file.rename(tmp_path / "cur" / f"{file.name}{flags}")

    await folder.put(REFERENCE, owed())

    assert [] == list((tmp_path / "new").iterdir())


@pytest.mark.asyncio
async def test_a_folder_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """The class of the error, and no path."""
    (tmp_path / "file").write_text("")

    with pytest.raises(NoticeUnsendable, match=r"^(NotADirectory|FileExists)Error$"):
        await NoticeFolder(tmp_path / "file").put(REFERENCE, owed())


@pytest.mark.parametrize("reference", ["../x", "/x", "x/y"])
def test_no_notice_is_written_outside_of_the_folder(tmp_path: Path, reference: str) -> None:
    """Whoever made a reference: a reminder of a tracing that no case had begun lay where its reference led."""
    with pytest.raises(NoticeUnsendable, match="LeadsOutOfTheFolder"):
        asyncio.run(NoticeFolder(tmp_path / "notices").put(reference, owed()))
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == []


Book = Callable[[str], Path]


@pytest.fixture
def book(tmp_path: Path) -> Book:
    def write(toml: str) -> Path:
        path = tmp_path / "addresses.toml"
        path.write_text(toml, encoding="utf-8")
        return path

    return write


def test_a_person_in_office_goes_before_the_office(book: Book) -> None:
    """By id where there is one in the book, else by role and state, else nowhere."""
    addresses = AddressBook.read(book('"caseworker@MD" = "office@example.org"\ncw-1 = "one@example.org"\n'))

    assert "one@example.org" == addresses.address(owed(to_role="caseworker", to_id="cw-1"))
    assert "office@example.org" == addresses.address(owed(to_role="caseworker", to_id="cw-2"))
    assert "office@example.org" == addresses.address(owed(to_role="caseworker"))
    assert addresses.address(owed(to_role="caseworker", to_state="UA")) is None


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        ("= 3", "is not TOML"),
        ('cw-1 = "nobody"', "gives no mail address for entry 1: "),
        ('cw-1 = "a@b.org\\nBcc: c@d.org"', "gives no mail address for entry 1: "),
        ("cw-1 = 7", "gives no mail address for entry 1: "),
        ('"caseworker@MD" = "a@b.org"\n"caseworker@UA" = "nobody"', "gives no mail address for caseworker@UA: "),
        # Left and right confused, an address with a role's own name, and a table, beside an office.
        (
            '"a@b.org" = "cw-1"\n"caseworker@md.example" = 7\n"escort@MD" = 7\n[cw-1]\nat = "a@b.org"\n',
            "gives no mail address for entry 1, entry 2, escort@MD, entry 4: ",
        ),
    ],
)
def test_a_bad_address_book_is_told(book: Book, toml: str, sentence: str) -> None:
    """One sentence that names an office by its role, any other entry by its place, and repeats no address and no id."""
    with pytest.raises(AddressBookFault, match=sentence) as fault:
        AddressBook.read(book(toml))

    said = str(fault.value)
    assert not [word for word in ("Bcc", "b.org", "cw-1", "example") if word in said]


def test_a_missing_address_book_is_told(tmp_path: Path) -> None:
    """The file is named."""
    with pytest.raises(AddressBookFault, match="FileNotFoundError"):
        AddressBook.read(tmp_path / "none.toml")


def test_offices_are_written_in_words() -> None:
    """Every role of the contract can be written to."""
    for role in ROLES:
        message = compose(REFERENCE, owed(to_role=role), sender=None, to=None, now=NOW)
        assert role.replace("_", " ") in message["To"]
