"""Notices to who owes an act or must know at once: by mail, or into a folder that a person can read.

A notice names a case by its reference, an office by its role and an act by its verb. It names no
child, no relative, no place and no finding: it may be read by whoever stands behind the reader.
"""

import asyncio
import hashlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime
from pathlib import Path
from textwrap import fill
from typing import Any, Final, Self

from typing_extensions import override

from activities.settings import is_mail_address
from procedure.entries import read_moment
from procedure.toml_text import MOST_OF_OPERATORS, NotToml, read_toml
from procedure.vocabulary import ROLES
from procedure.who_may import MAY
from workflows.messages import Notice

MAIL_DOMAIN = "homeward.invalid"
"""Domain of message ids, and of offices in the folder: a name that is reserved to lead nowhere."""

LINE = 76
"""Characters on a line of a notice."""

ACTS = {
    "verify_identity": "record what is known of the child's identity",
    "assess_age": "assess the child's age",
    "screen_protection": "screen the child's need of protection",
    "place_child": "place the child in family-based or group care",
    "confirm_services": "confirm that the child goes to school and has health care",
    "confirm_release": "confirm that the child has been released into care",
    "report_found": "report that the child has been found",
    "appoint_guardian": "appoint a guardian",
    "replace_guardian": "replace the guardian",
    "appoint_counsel": "appoint a legal counsel, free of charge",
    "open_tracing": "open the tracing of the child's family",
    "report_tracing": "report what the tracing of the family has found",
    "assess_family": "assess the family",
    "guarantee_care": "guarantee care after a return",
    "hear_child": "hear the child",
    "submit_assessment": "submit the best-interests assessment",
    "determine_best_interests": "determine the child's best interests",
    "reopen_best_interests": "reopen the best-interests procedure",
    "decide_appeal": "decide the appeal",
    "give_consent": "say whether there is consent to the return",
    "adopt_reintegration_plan": "adopt the reintegration plan",
    "assess_rights_impact": "assess what a return would mean for the child's rights",
    "approve_return": "approve the return, or decline it",
    "certify_fit_to_travel": "certify whether the child is fit to travel",
    "plan_travel": "plan the travel",
    "approve_travel": "approve the travel plan, or say why not",
    "depart": "record the departure",
    "arrive": "report the arrival",
    "record_visit": "visit the child and record the visit",
    "grant_stay": "grant the stay",
    "arrange_third_country": "arrange the solution in a third country",
    "transfer_to_adult_services": "transfer the case to adult services",
    "close_case": "close the case",
    "resolve_asylum_claim": "record how the asylum claim was resolved",
    "resume": "resume the case, when its ground for waiting has gone",
    "answer_complaint": "answer the complaint",
    "assign": "assign a caseworker",
}
"""What each act that a case may wait for asks of who owes it."""

DEADLINES = {
    "identification": "identity, age, protection screening and a placement in care must all be settled",
    "protection_screening": "a child's need of protection must be screened promptly",
    "guardian": "no step about the child's future may be taken before a guardian is in office",
    "counsel": "the child needs free legal assistance before any determination",
    "services": "the child must go to school and have health care",
    "emergency_placement": "an emergency placement is short by nature",
    "release": "a child must not be detained",
    "tracing": "the family is to be traced without delay",
    "family_assessment": "a relative was found and must be assessed before anything is built on it",
    "hearing": "the child must be heard",
    "determination": "the best-interests determination is due after tracing",
    "review": "the panel set this day for looking at the case again",
    "consent": "a return needs informed consent; no answer is no consent",
    "reintegration_plan": "a return needs a funded plan for the child's life after it",
    "rights_impact": "a return needs an assessment of what it means for the child's rights",
    "approval_host": "a return needs the approval of the host state",
    "approval_origin": "a return needs the approval of the origin state",
    "appeal_window": "the time to appeal is running",
    "travel_plan": "an approved return needs a travel plan",
    "travel_approval": "a travel plan needs approval before anybody departs",
    "arrival": "the arrival must be reported within hours of the last leg",
    "settlement": "the solution that was found must be carried out",
    "complaint": "a complaint must be answered",
    "missing": "the child is missing",
}
"""Why there is each deadline, as the reason clause of a notice."""

_SILENCE = "Nothing is decided by this time passing. It is only told to more people."
_NO_NAMES = "This notice names nobody on purpose. What it is about stands in the case."
_SHOWABLE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_OFFICE: Final = re.compile(rf"(?:{'|'.join(ROLES)})@[A-Z]{{2}}")
URGENT = frozenset({"detention", "missing"})
"""Kinds of notice that must lie somewhere at once, whatever the mail server does."""

_ANSWERED_BY = {"detention": "confirm_release", "missing": "report_found"}
_FIREWALLED = frozenset({"law_enforcement"})
"""Roles that read nothing of a case (contract, section 3)."""


class AddressBookFault(Exception):
    """The address book cannot be used. The text is one sentence and repeats no address and no person's id."""

    says_nothing_personal = True


class AddressBook:
    """Mail addresses by person's id, or by role and state."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        """``addresses``: ``ROLE@STATE`` or a person's id to one mail address."""
        self._addresses = dict(addresses)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The address book in a TOML file, for example ``"guardianship_authority@MD" = "office@example.org"``.

        Raises :class:`AddressBookFault`.
        """
        try:
            given = read_toml(path.read_text(encoding="utf-8"), MOST_OF_OPERATORS)
        except (OSError, UnicodeDecodeError) as error:
            raise AddressBookFault(f"the address book cannot be read ({type(error).__name__}): {path}") from None
        except NotToml as error:
            # Where it goes wrong, and not the library's whole sentence: that may repeat an address.
            at = re.search(r"\(at [^)]*\)$|^it .*", str(error))
            raise AddressBookFault(f"the address book is not TOML{f' {at[0]}' if at else ''}: {path}") from None
        wrong = [
            _showable(name, place)
            for place, (name, to) in enumerate(given.items(), start=1)
            if not (isinstance(to, str) and is_mail_address(to))
        ]
        if wrong:
            raise AddressBookFault(f"the address book gives no mail address for {', '.join(wrong)}: {path}")
        return cls(given)

    def address(self, notice: Notice) -> str | None:
        """Where a notice goes: to the person in office where one is named, else to the office of the role."""
        person = self._addresses.get(notice.to_id) if notice.to_id else None
        return person or self._addresses.get(f"{notice.to_role}@{notice.to_state}")


def _showable(name: str, place: int) -> str:
    """An entry by its name where that is an office. Else it is a person's id, or an address on the wrong side."""
    return name if _OFFICE.fullmatch(name) else f"entry {place}"


class NoticeUnsendable(Exception):
    """A notice did not get out. ``refused``: the server answered and will not have it as it is.

    ``gone``: the server cannot be talked to now, so the next notice need not be tried.
    ``kind`` is a class of error, for the caseload; it holds no address and nothing personal.
    """

    says_nothing_personal = True

    def __init__(self, kind: str, *, refused: bool, gone: bool = True) -> None:
        super().__init__(kind)
        self.kind = kind
        self.refused = refused
        self.gone = gone


def notice_key(reference: str, notice: Notice) -> str:
    """One key for one notice, the same at every attempt: 32 hexadecimal digits.

    Of its due moment the day alone counts: a step that is done a second time is done seconds later.
    """
    named = {**asdict(notice), "due": notice.due and notice.due[:10]}
    said = json.dumps([reference, named], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def file_name(reference: str, notice: Notice) -> str:
    """Name of a notice in the folder, sorting by case and entry."""
    to = f"{notice.to_role}-{notice.to_state}"
    return f"{reference}.{notice.entry:06}.{notice.kind}.{to}.{notice_key(reference, notice)[:12]}.eml"


class _AsGiven(EmailPolicy):
    """Takes a header as it is given where that is plain: reading each into its parts took three quarters of a notice."""

    @override
    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        # What is not plain, a line break above all, is read, and refused where it must be.
        if isinstance(value, str) and value.isascii() and value.isprintable():
            return name, value
        return super().header_store_parse(name, value)


_IN_A_FILE: Final = _AsGiven()
_ON_THE_WIRE: Final = _AsGiven(linesep="\r\n")


def compose(reference: str, notice: Notice, *, sender: str | None, to: str | None, now: datetime) -> EmailMessage:
    """A notice as a mail message in plain text (ASCII). Without ``to`` it names the office only."""
    message = EmailMessage(policy=_ON_THE_WIRE)
    message["From"] = sender or str(Address("Homeward", "homeward", MAIL_DOMAIN))
    office = f"{_spaced(notice.to_role)} ({notice.to_state})"
    message["To"] = to or str(Address(office, f"{notice.to_role}.{notice.to_state.lower()}", MAIL_DOMAIN))
    message["Subject"] = f"{reference}: {_subject(notice)}"
    message["Date"] = format_datetime(now.astimezone(UTC))
    domain = sender.rpartition("@")[2] if sender else MAIL_DOMAIN
    message["Message-ID"] = f"<{reference}.{notice.entry}.{notice_key(reference, notice)}@{domain}>"
    # Nobody's holiday answer shall come back to a machine.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Homeward-Case"] = reference
    message["X-Homeward-Entry"] = str(notice.entry)
    message["X-Homeward-Kind"] = notice.kind
    message.set_content(_text(reference, notice))
    return message


class NoticeFolder:
    """A maildir-like folder: a notice is written into ``tmp`` and appears whole in ``new``.

    Whoever has read it may move it to ``cur``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, reference: str, *notices: Notice) -> None:
        """Put notices there, each once: not again while it lies in ``new`` or ``cur``. Raises :class:`NoticeUnsendable`."""
        if not notices:
            return
        try:
            await asyncio.to_thread(self._put_all, reference, notices)
        except OSError as error:
            raise NoticeUnsendable(type(error).__name__, refused=False) from None

    def _put_all(self, reference: str, notices: Iterable[Notice]) -> None:
        for part in ("tmp", "new", "cur"):
            (self._folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)
        for notice in notices:
            message = compose(reference, notice, sender=None, to=None, now=datetime.now(UTC))
            self._write(file_name(reference, notice), message.as_bytes(policy=_IN_A_FILE))

    def _write(self, name: str, message: bytes) -> None:
        if Path(name).name != name:
            raise NoticeUnsendable("LeadsOutOfTheFolder", refused=True)
        new, read = self._folder / "new" / name, self._folder / "cur"
        # Mail readers move a message to cur and add flags to its name.
        if new.exists() or (read / name).exists():
            return
        # Not by a pattern: each would be compiled, and kept by Python for as long as the worker runs.
        with os.scandir(read) as lying:
            if any(each.name.startswith(f"{name}:2,") for each in lying):
                return
        draft = self._folder / "tmp" / f"{name}.{os.getpid()}.{secrets.token_hex(4)}"
        try:
            with draft.open("xb") as writing:
                writing.write(message)
                writing.flush()
                os.fsync(writing.fileno())
            draft.replace(new)
        finally:
            draft.unlink(missing_ok=True)


def _subject(notice: Notice) -> str:
    what = ACTS.get(notice.act or "", "an act is owed")
    by = f", by {_day(notice.due)}" if notice.due else ""
    match notice.kind:
        case "owed":
            return f"please {what}{by}" if notice.act else f"an act is owed{by}"
        case "reminder":
            return f"reminder: {what}{by}"
        case "overdue":
            return f"overdue: {what}"
        case "escalated":
            return f"escalated to you: {_deadline_name(notice)} has passed" if notice.deadline else "escalated to you"
        case "detention":
            return "URGENT: a child is reported to be detained"
        case "missing":
            return "URGENT: a child is reported missing"
        case "found":
            return "the child reported missing has been found"
        case "held":
            return "the case is held"
        case "closed":
            return "the case is closed"
        case _:
            return "news of the case"


def _text(reference: str, notice: Notice) -> str:
    paragraphs = [f"To: {_spaced(notice.to_role)} ({notice.to_state}){_person(notice)}\nCase: {reference}"]
    paragraphs += [fill(said, LINE) for said in _said(notice)]
    if notice.due:
        paragraphs.append(f"By: {_moment(notice.due)}")
    if notice.deadline:
        paragraphs.append(fill(f"Why: {_reason(notice.deadline)}.", LINE))
    paragraphs.append(_how(reference, notice))
    if notice.due:
        paragraphs.append(_SILENCE)
    paragraphs.append(_NO_NAMES)
    return "\n\n".join(paragraphs) + "\n"


def _said(notice: Notice) -> list[str]:
    what = ACTS.get(notice.act or "", "do the act that is owed")
    match notice.kind:
        case "owed":
            return [f"You are asked to {what}."]
        case "reminder":
            return [f"A reminder: you are asked to {what}."]
        case "overdue":
            return [f"The time has passed in which you were asked to {what}. It is still asked of you."]
        case "escalated":
            return [_escalated(notice)]
        case "detention":
            return [
                "It has been reported that the child of this case is where it may not leave at will. "
                "Whatever the place is called, that is detention, and a child must never be detained.",
                "All steps towards a return are held. "
                "Please do what is yours to bring the child into care within hours.",
            ]
        case "missing":
            return [
                "It has been reported that the child of this case is missing.",
                "The search is for the child's safety only. A child who is found goes into care, "
                "never into custody, and the authority of care is told at once.",
            ]
        case "found":
            return ["The child of this case, who was reported missing, has been found. The search can end."]
        case "held":
            return [
                "A hold stands on this case: no step towards a return is taken while it does. "
                "Care goes on, and so does every report."
            ]
        case "closed":
            return ["This case has been closed. Nothing more is asked of you in it."]
        case _:
            return ["Something was recorded in this case that you are to know of."]


def _escalated(notice: Notice) -> str:
    if not notice.deadline:
        return "Something in this case must not wait, and you are told of it at once. Please look into it."
    return (
        f"{_deadline_name(notice).capitalize()} of this case has passed and what it asks has not been done. "
        f"You are told as step {notice.level or 1} of its escalation. Please see to it that it is done."
    )


def _how(reference: str, notice: Notice) -> str:
    answer = notice.act or _ANSWERED_BY.get(notice.kind)
    if answer and notice.to_role not in MAY[answer]:
        answer = None  # who is told so that they see to it, not so that they record it
    if notice.to_role in _FIREWALLED:
        # What care knows of a child is never used for enforcement: no way into the case is offered.
        if notice.kind != "missing":
            return "Nothing is asked of you."
        first, answer = (
            fill("The child protection authority that gives this reference tells what you need.", LINE),
            "report_found",
        )
    else:
        first = f"To read the case:\n    homeward show {reference}"
    if not answer:
        return first
    return f"{first}\nTo record the act {answer}:\n    homeward record {reference} ACT.json"


def _person(notice: Notice) -> str:
    # An id that does not look like one might be a name.
    return f", id {notice.to_id}" if notice.to_id and _SHOWABLE_ID.fullmatch(notice.to_id) else ""


def _deadline_name(notice: Notice) -> str:
    return f"the deadline '{_spaced(notice.deadline or '')}'"


def _reason(deadline: str) -> str:
    if re.fullmatch(r"visit_[0-9]+", deadline):
        return f"visit {deadline.removeprefix('visit_')} after the return is due, to see that the child is safe"
    return DEADLINES.get(deadline, f"the deadline '{_spaced(deadline)}' of the agreement")


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _day(due: str) -> str:
    return f"{read_moment(due).astimezone(UTC):%-d %B %Y}"


def _moment(due: str) -> str:
    return f"{read_moment(due).astimezone(UTC):%-d %B %Y, %H:%M} UTC"
