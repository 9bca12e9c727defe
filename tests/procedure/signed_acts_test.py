"""In a case of signed acts nothing counts without a signature that stands; the law is only told whether one does."""

from typing import Any

import pytest
from courses import FIELDS, SEED, START, STATION, Course, intake_of, model

from procedure.acts import REPORTS, Act, parse_act
from procedure.entries import chain_faults
from procedure.faults import MalformedAct
from procedure.folding import fold
from procedure.intake import parse_intake
from procedure.proceedings import REMEMBERED_ACTS, Proceedings, Receipt
from procedure.signing import SIGNATURE_FAULTS, SignatureFault, Standing

GOOD = Standing(kid="key-1", key=f"sha256:{'0' * 64}")


def faulty(fault: SignatureFault) -> Standing:
    return Standing(fault=fault, message="An invented fault.", instead="Do it anew.")


def opened(**facts: Any) -> Proceedings:
    """A case whose opening has these facts."""
    intake = parse_intake(intake_of(), today=START.date())
    return Proceedings.open_case(
        intake, model(), reference="MD-UA-2026-7K3F9A", at=START, seed=SEED, facts=facts or {"signatures": "required"}
    )


def act(name: str = "note", act_id: str = "act-1", signature: str | None = "a.b.c", **fields: Any) -> Act:
    signed = {} if signature is None else {"signature": signature}
    return parse_act(
        {
            "act": name,
            "act_id": act_id,
            "actor": {"id": "caseworker-1", "role": "caseworker", "state": "MD"},
            "reason": "an invented reason",
            **fields,
            **signed,
        }
    )


def note(text: str = "an invented note", **fields: Any) -> Act:
    return act("note", text=text, **fields)


def refusers(receipt: Receipt) -> list[str]:
    return [refusal["safeguard"] for refusal in receipt["refusals"]]


def test_forgeries_drive_no_true_act_out_of_memory() -> None:
    """Otherwise a consent that was withdrawn could be sent again while its signature lives."""
    case = opened()
    first = case.hear(note(act_id="true"), START, GOOD)
    for n in range(REMEMBERED_ACTS + 5):
        case.hear(note(act_id=f"forged-{n}"), START, faulty("forged"))
    assert case.hear(note(act_id="true"), START, GOOD) == first
    assert len(case.carry()["answered"]) == REMEMBERED_ACTS


def test_a_signed_act_counts_and_the_record_keeps_who_vouches_for_it() -> None:
    """The signature stays with the act as given; the header names the key and nobody."""
    case = opened()
    assert case.hear(note(), START, GOOD)["result"] == "accepted"
    entry = case.entries[-1]
    assert entry.body["act"]["signature"] == "a.b.c"
    assert entry.facts == {"signature": {"kid": "key-1", "key": GOOD.key}}


def test_an_act_without_a_signature_is_refused_on_record() -> None:
    """By not-your-act, with what to do instead; whoever forgets to look is covered too."""
    case = opened()
    receipt = case.hear(note(signature=None), START)
    assert refusers(receipt) == ["not-your-act"]
    assert receipt["refusals"][0]["instead"]
    assert case.entries[-1].kind == "refused"
    assert case.entries[-1].facts == {"signature": {"fault": "missing"}}
    assert case.case.refused == 1


@pytest.mark.parametrize("fault", SIGNATURE_FAULTS)
def test_every_fault_refuses_a_decision_and_a_report(fault: SignatureFault) -> None:
    """A forged report is no report: who says it is not known."""
    case = opened()
    placement: Any = {"placement": STATION, "since": "2026-02-02T08:00:00Z"}
    for said in (act("report_detention", "r-1", **placement), act("place_child", "d-1", placement=STATION)):
        assert refusers(case.hear(said, START, faulty(fault))) == ["not-your-act"]
        assert case.entries[-1].facts == {"signature": {"fault": fault}}
    assert not case.case.detained


def test_a_forger_is_told_nothing_of_the_case() -> None:
    """A signature at fault is the one reason given; with a good one every other reason is."""
    case = opened()
    said = FIELDS["plan_travel"](Course())
    assert refusers(case.hear(act("plan_travel", **said), START, faulty("forged"))) == ["not-your-act"]
    signed = act("plan_travel", signature="d.e.f", **said)
    assert {"bid-before-return", "approval-of-both-states"} <= set(refusers(case.hear(signed, START, GOOD)))


def test_a_refusal_for_another_reason_still_says_who_vouched() -> None:
    """A decision against a safeguard is refused, and the record shows by whom it was tried."""
    case = opened()
    case.hear(act("place_child", placement=STATION), START, GOOD)
    entry = case.entries[-1]
    assert (entry.kind, entry.safeguards) == ("refused", ("no-detention",))
    assert entry.facts["signature"]["kid"] == "key-1"


def test_the_same_act_signed_anew_gets_its_first_receipt() -> None:
    """Who sends again after a lost answer signs again: one entry, and one receipt."""
    case = opened()
    first = case.hear(note(), START, GOOD)
    assert case.knows(note(signature="d.e.f"))
    assert case.hear(note(signature="d.e.f"), START, GOOD) == first
    with pytest.raises(MalformedAct):
        case.hear(note("another text"), START, GOOD)


def test_a_forgery_takes_no_act_id_away() -> None:
    """Whoever sends an act before its author, unsigned, does not have the author get the forgery's refusal."""
    case = opened()
    refused = case.hear(note(signature=None), START)
    assert case.hear(note("other words", signature="x.y.z"), START, faulty("forged"))["result"] == "refused"
    entries = case.case.n
    assert case.hear(note(signature=None), START) == refused
    assert case.case.n == entries
    assert case.hear(note(), START, GOOD)["result"] == "accepted"


def test_what_was_answered_survives_a_new_run() -> None:
    """The mode, the receipts and the refused forgeries are carried along."""
    case = opened()
    case.hear(note(signature=None, act_id="forged"), START)
    first = case.hear(note(), START, GOOD)
    for carried in (case.carry(), case.carry(most_bytes=1)):
        again = Proceedings.resume(carried)
        assert again.case.signed
        assert again.view(START)["signatures"] == "required"
        assert again.hear(note(signature="d.e.f"), START, GOOD)["entry"] == first["entry"]
        assert again.hear(note(signature=None, act_id="forged"), START)["result"] == "refused"
        assert again.case.n == case.case.n


def test_a_case_that_does_not_ask_takes_acts_as_before() -> None:
    """Cases of before, and those that were opened unsigned; a signature that is given there must stand all the same."""
    for facts in ({"duplicate_check": "done"}, {"signatures": "not_required"}):
        case = opened(**facts)
        assert case.view(START)["signatures"] == "not_required"
        assert case.hear(note(signature=None), START)["result"] == "accepted"
        assert "signature" not in case.entries[-1].facts
        assert refusers(case.hear(note(act_id="act-2"), START, faulty("forged"))) == ["not-your-act"]


def test_the_record_alone_gives_the_case_again() -> None:
    """Folding needs no key: what was found of a signature stands in the entry."""
    case = opened()
    case.hear(note(signature=None), START)
    case.hear(act("place_child", act_id="p", placement=STATION), START, GOOD)
    case.hear(note(), START, GOOD)
    assert fold(case.entries) == case.case
    assert chain_faults(case.entries) == []


def test_a_correction_is_signed_itself_and_takes_no_old_signature_over() -> None:
    """The words as corrected were never signed as such; the correction's own signature covers them."""
    case = opened()
    screened = act("screen_protection", trafficking=False, asylum=False, violence=False)
    number = case.hear(screened, START, GOOD)["entry"]
    correction = act("correct", "c-1", entry=number, fields={"health_needs": "an invented need"})
    assert case.hear(correction, START, GOOD)["result"] == "accepted"
    entry = next(entry for entry in case.entries if entry.act == "correct")
    assert "signature" not in entry.body["as_corrected"]
    assert entry.body["act"]["signature"] == "a.b.c"
    tampering = act("correct", "c-2", entry=number, fields={"signature": "x.y.z"})
    assert "well-formed" in refusers(case.hear(tampering, START, GOOD))


def test_every_act_takes_a_signature() -> None:
    """Each of the contract's acts, decisions and reports alike."""
    course = Course()
    for name, fields in FIELDS.items():
        said = {
            "act": name,
            "act_id": name,
            "actor": {"id": "p", "role": "caseworker", "state": "MD"},
            "reason": "an invented reason",
            "signature": "a.b.c",
            **fields(course),
        }
        assert parse_act(said).signature == "a.b.c"
    assert REPORTS & set(FIELDS)
