"""What `make faults` judges by finds what is lost, doubled or different."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import cache
from typing import Any

import pytest

from activities.agreements import AgreementShelf
from activities.notices import compose
from faults.checks import Fields, Left, Said, differences, notices_got
from faults.house import Ways
from procedure import consequences
from procedure.acts import parse_act
from procedure.entries import read_moment
from procedure.intake import parse_intake
from procedure.proceedings import Proceedings
from tests.workflows.engines import act, guardian, intake, note
from workflows.messages import Notice, Telling

REFERENCE = "MD-UA-2026-7K3F9A"
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


@cache
def whole() -> Left:
    """What a course left behind in which everything went right: a note, a guardian, a refused act, one by signal."""
    proceedings = Proceedings.open_case(
        parse_intake(intake(), today=AT.date()),
        AgreementShelf().get("model"),
        reference=REFERENCE,
        at=AT,
        seed=b"an invented seed for these tests",
    )
    tellings = [_telling(proceedings, 0)]
    said: list[Said] = []
    for n, each in enumerate([note(), guardian(), act("ca", "approve_return", dossier="0" * 64), note()]):
        before = proceedings.case.n
        receipt = proceedings.hear(parse_act(each), AT)
        tellings.append(_telling(proceedings, before))
        said.append(Said(n, each, by_signal=n == 3, receipts=[] if n == 3 else [receipt, receipt]))
    ledger = proceedings.ledger()
    view = proceedings.view(AT)
    events = [{**event, "id": f"{REFERENCE}/{event['entry']}"} for event in consequences.events(proceedings.entries)]
    mails = [
        compose(REFERENCE, notice, sender="homeward@example.org", to="office@example.org", now=AT)
        for telling in tellings
        for notice in telling.notices
    ]
    return Left(
        reference=REFERENCE,
        said=said,
        ledger=ledger,
        view=view,
        row={**view, "untold": []},
        tellings=tellings,
        mails=mails,
        events=events,
        folder=[],
        ways=Ways(),
        audit=[],
    )


def in_the_folder() -> Left:
    """The same where neither mail nor webhook is set up: what nobody need be told of is part of no telling."""
    left = whole()
    return replace(
        left,
        ways=Ways(mail=False, webhook=False),
        tellings=[each for each in left.tellings if each.notices],
        mails=[],
        events=[],
        folder=left.mails,
    )


def _telling(proceedings: Proceedings, before: int) -> Telling:
    entries = proceedings.since(before)
    notices = consequences.notices(proceedings.case, entries, read_moment(entries[-1].as_json()["at"]))
    return Telling(REFERENCE, entries[0].n, entries[-1].n, [Notice(**each) for each in notices])


def test_nothing_is_found_where_everything_went_right() -> None:
    """The check of a whole record is silent, and looks at receipts, notices and events."""
    left = whole()
    assert differences(left) == []
    assert [each.receipts[0]["result"] for each in left.said[:3]] == ["accepted", "accepted", "refused"]
    assert left.mails


def _entry(left: Left, of: int) -> int:
    return int(left.said[of].receipts[0]["entry"])


def _without(left: Left, n: int) -> Left:
    return replace(left, ledger=[entry for entry in left.ledger if entry["n"] != n])


def _said(left: Left, of: int, **changes: Any) -> Left:
    said = list(left.said)
    said[of] = replace(said[of], **changes)
    return replace(left, said=said)


def _receipt(left: Left, of: int, **changes: Any) -> Left:
    good = left.said[of].receipts[0]
    return _said(left, of, receipts=[good, {**good, **changes}])


def _doubled(left: Left) -> Left:
    # As if the last act, another note, had been the first one heard a second time.
    ledger: list[Fields] = [*left.ledger[:-1], {**left.ledger[-1], "act_id": left.said[0].act["act_id"]}]
    return replace(left, ledger=ledger)


def _another_mail(left: Left) -> Left:
    mail = EmailMessage()
    mail["Message-ID"] = f"<{REFERENCE}.2.{'0' * 32}@example.org>"
    mail["To"], mail["Subject"] = "office@example.org", "an invented notice"
    mail.set_content("invented")
    return replace(left, mails=[*left.mails, mail])


def _in_other_words(left: Left) -> Left:
    first, *others = left.said[2].receipts[0]["refusals"]
    return _receipt(left, 2, refusals=[{**first, "instead": "nothing at all"}, *others])


def _signed(left: Left) -> list[Fields]:
    n = _entry(left, 0)
    return [
        {**each, "body": {**each["body"], "act": {**each["body"]["act"], "signature": "e.y.J"}}}
        if each["n"] == n
        else each
        for each in left.ledger
    ]


def test_a_course_of_signed_acts_is_compared_without_their_signatures() -> None:
    """Each of three clients signs for itself: what stands on record is what any of them sent."""
    left = whole()
    ledger = [
        {**each, "body": {**each["body"], "act": {**each["body"]["act"], "signature": "e.y.J"}}}
        if each["act_id"]
        else each
        for each in left.ledger
    ]
    found = differences(replace(left, ledger=ledger, signed=True))
    assert not any("signature" in each or "as it was sent" in each for each in found), found


BROKEN: dict[str, tuple[Callable[[Left], Left], str]] = {
    "an entry lost": (lambda left: _without(left, _entry(left, 1)), "is on record 0 times"),
    "an entry doubled": (_doubled, "is on record 2 times"),
    "an act that nobody sent": (lambda left: replace(left, said=left.said[1:]), "on record that nobody sent"),
    "an act without a receipt": (lambda left: _said(left, 0, receipts=[]), "never got a receipt"),
    "an act that went otherwise": (lambda left: _said(left, 0, expect="refused"), "should have been refused"),
    "a malformed act on record": (lambda left: _said(left, 0, malformed=True), "is malformed and is on record"),
    "another result": (lambda left: _receipt(left, 0, result="refused"), "the receipt says refused"),
    "another number": (lambda left: _receipt(left, 0, entry=1), "the receipt says accepted as entry 1"),
    "another head": (lambda left: _receipt(left, 0, head="f" * 64), "the receipt's head"),
    "an earlier head": (lambda left: _receipt(left, 1, head=left.ledger[0]["hash"]), "the receipt's head"),
    "another stage": (lambda left: _receipt(left, 1, stage="travel"), "the receipt's stage or holds"),
    "other safeguards": (lambda left: _receipt(left, 2, refusals=[{"safeguard": "held"}]), "other refusals"),
    "a refusal in other words": (_in_other_words, "other refusals"),
    "an act taken in as another": (
        lambda left: _said(left, 0, act={**left.said[0].act, "text": "what nobody recorded"}),
        "is not on record as it was sent",
    ),
    "a signature that nobody made": (lambda left: replace(left, ledger=_signed(left)), "on record with a signature"),
    "a signature lost": (lambda left: replace(left, signed=True), "on record without a signature"),
    "two answers": (lambda left: _receipt(left, 0, note="x"), "answered in two ways"),
    "a chain that is broken": (
        lambda left: replace(left, ledger=[{**left.ledger[0], "salt": "0" * 32}, *left.ledger[1:]]),
        "entry 1",
    ),
    "no row": (lambda left: replace(left, row=None), "no row"),
    "a row behind": (lambda left: replace(left, row={**(left.row or {}), "entries": 2}), "the caseload's entries is 2"),
    "a row with other holds": (lambda left: replace(left, row={**(left.row or {}), "holds": ["asylum"]}), "holds are"),
    "something untold": (
        lambda left: replace(left, row={**(left.row or {}), "untold": [{"first": 1}]}),
        "something untold",
    ),
    "what an audit finds": (lambda left: replace(left, audit=["An invented finding."]), "the audit found"),
    "a telling lost": (lambda left: replace(left, tellings=left.tellings[:-1]), "is part of 0 tellings"),
    "a notice lost": (lambda left: replace(left, mails=left.mails[1:]), "a notice was never sent"),
    "a notice under another id": (_another_mail, "a notice was sent that was not owed"),
    "a notice not asked for": (
        lambda left: replace(left, tellings=[replace(each, notices=[]) for each in left.tellings]),
        "the case asked for no notice",
    ),
    "an event lost": (lambda left: replace(left, events=left.events[1:]), "the event of entry 1 was never taken"),
    "an event of no entry": (
        lambda left: replace(left, events=[*left.events, {"id": f"{REFERENCE}/99"}]),
        "an event was sent of no entry",
    ),
    "an event with another hash": (
        lambda left: replace(left, events=[{**left.events[0], "hash": "0" * 64}, *left.events[1:]]),
        "the event of entry 1 is not the entry's",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_went_wrong_is_found(what: str) -> None:
    """Each thing that must not happen, done to the whole record, is named."""
    broken, sentence = BROKEN[what]
    assert any(sentence in each for each in differences(broken(whole()))), differences(broken(whole()))


IN_THE_FOLDER: dict[str, tuple[Callable[[Left], Left], str]] = {
    "a notice lost": (lambda left: replace(left, folder=left.folder[1:]), "a notice was never sent"),
    "a notice that lies there twice": (
        lambda left: replace(left, folder=[*left.folder, left.folder[0]]),
        "lies 2 times in the folder",
    ),
    "a notice that nobody owed": (
        lambda left: replace(left, folder=[*left.folder, *_another_mail(left).mails]),
        "a notice lies in the folder that was not owed",
    ),
    "a telling lost with its notices": (
        lambda left: replace(left, tellings=left.tellings[1:], folder=[]),
        "is part of 0 tellings",
    ),
}


def test_nothing_is_found_where_every_notice_lies_in_the_folder() -> None:
    """Without mail and webhook the folder is asked, and no event is missed."""
    left = in_the_folder()
    assert differences(left) == []
    assert len(left.tellings) < len(whole().tellings)
    assert notices_got(left) == notices_got(whole())


@pytest.mark.parametrize("what", IN_THE_FOLDER)
def test_what_went_wrong_in_the_folder_is_found(what: str) -> None:
    """A notice that is missing, lies there twice or was not owed is named."""
    broken, sentence = IN_THE_FOLDER[what]
    assert any(sentence in each for each in differences(broken(in_the_folder())))


def test_mail_that_is_set_up_excuses_no_second_notice_in_the_folder() -> None:
    """What lies in the folder because the mail server was away is owed, and lies there once."""
    left = whole()
    assert differences(replace(left, folder=left.mails[:1])) == []
    assert any("lies 2 times" in each for each in differences(replace(left, folder=[*left.mails[:1], left.mails[0]])))


def test_what_the_engine_gave_up_is_asked_of_nobody() -> None:
    """A telling that the engine itself gave up early excuses its own entries, and no others."""
    left = replace(whole(), mails=[], events=[])
    every = (1, len(left.ledger))
    assert not any("never" in each for each in differences(replace(left, given_up_early=[every])))
    assert any(
        "the event of entry 1 was never taken" in each for each in differences(replace(left, given_up_early=[(2, 3)]))
    )
