"""What a case in the making remembers, hands over, and keeps of what was no act at all."""

import base64
import hashlib
import json
import tracemalloc
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import pytest
from courses import Course, intake_of
from taken_up import carried, take_up, terms

from procedure import ledger as entries_at_hand
from procedure import proceedings as law
from procedure.acts import MAX_ACT_BYTES, Act, parse_act
from procedure.case import Case
from procedure.entries import Draft, as_if, chain_faults, moment
from procedure.faults import Fault, MalformedAct
from procedure.intake import parse_intake
from procedure.ledger import Ledger, packed, unpacked
from procedure.proceedings import Proceedings, carried_entries
from procedure.signing import Standing
from procedure.views import view
from procedure.vocabulary import PROCEDURE_VERSION

FORGED: Final = Standing(fault="forged", message="An invented fault.", instead="Do it anew.")
GOOD: Final = Standing(kid="key-1", key=f"sha256:{'0' * 64}")


def note(act_id: str = "n-1", text: str = "an invented note", **fields: Any) -> Act:
    actor = {"id": "caseworker-1", "role": "caseworker", "state": "MD"}
    return parse_act({"act": "note", "act_id": act_id, "actor": actor, "text": text, **fields})


def digest(said: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


# What is no act

FAULTS: Final = [Fault(path="act", message="is not known"), Fault(path="$", message="is no act")]
INSTEAD: Final = "Send the act again in the contract's shape; `homeward schema act` shows it."
LONG: Final = b"\xff" + b"x" * MAX_ACT_BYTES
LONGEST: Final = b"y" * MAX_ACT_BYTES
NESTED: Final = b"[" * 101 + b"]" * 101
NOBODY: Final[dict[str, Any]] = {"act": None, "act_id": None, "actor_role": None, "actor_state": None}


@pytest.mark.parametrize(
    ("given", "named", "kept"),
    [
        (b"[1]", {}, [1]),
        (b"null", {}, None),
        (b"\xffabc", {}, "\ufffdabc"),
        (NESTED.decode().encode("utf-16"), {}, NESTED.decode().encode("utf-16").decode("utf-8", "replace")),
        (b'{"act": "note"}', {"act": "note"}, {"act": "note"}),
        (b'{"act": "dance", "act_id": "d"}', {"act_id": "d"}, {"act": "dance", "act_id": "d"}),
        (b'{"act": ["note"], "act_id": ["d"]}', {}, {"act": ["note"], "act_id": ["d"]}),
        (b'{"act_id": "' + b"x" * 64 + b'"}', {"act_id": "x" * 64}, {"act_id": "x" * 64}),
        (b'{"act_id": "' + b"x" * 65 + b'"}', {}, {"act_id": "x" * 65}),
        (b'{"act_id": ""}', {}, {"act_id": ""}),
        (
            b'{"actor": {"role": "child", "state": "UA"}}',
            {"actor_role": "child", "actor_state": "UA"},
            {"actor": {"role": "child", "state": "UA"}},
        ),
        (
            b'{"actor": {"role": "wizard", "state": "ua"}}',
            {},
            {"actor": {"role": "wizard", "state": "ua"}},
        ),
        (b'{"actor": {"state": "UAE"}}', {}, {"actor": {"state": "UAE"}}),
        (b'{"actor": {"state": 12}}', {}, {"actor": {"state": 12}}),
        ('{"actor": {"state": "ÄÖ"}}'.encode(), {}, {"actor": {"state": "ÄÖ"}}),
        (b'{"actor": "somebody"}', {}, {"actor": "somebody"}),
        (b'{"x": 1e400}', {}, '{"x": 1e400}'),
        (b'{"x": 9007199254740993}', {}, '{"x": 9007199254740993}'),
        (NESTED[1:-1], {}, json.loads(NESTED[1:-1])),
        (NESTED, {}, NESTED.decode()),
        (b'{"a":' * 101 + b"{}" + b"}" * 101, {}, '{"a":' * 101 + "{}" + "}" * 101),
        (b'[[], {"a": ' + NESTED + b"}]", {}, '[[], {"a": ' + NESTED.decode() + "}]"),
        (LONGEST, {}, LONGEST.decode()),
        (
            LONG,
            {},
            f"\ufffd{'x' * 999} ... (cut; sha256 of the whole: {hashlib.sha256(LONG).hexdigest()})",
        ),
    ],
    ids=lambda given: repr(given)[:40],
)
def test_what_is_no_act_is_kept_as_far_as_it_can_be_read(given: bytes, named: dict[str, Any], kept: Any) -> None:
    """Refused on record, with who is said to have sent it where that could be anybody, and every fault."""
    course = take_up("in care")
    before = course.case
    receipt = course.proceedings.hear_malformed(given, FAULTS, course.at)
    entry = course.entries[-1]
    refusal = {
        "safeguard": "well-formed",
        "message": "act: is not known; $: is no act",
        "source": receipt["refusals"][0]["source"],
        "instead": INSTEAD,
    }
    assert receipt == {
        "reference": before.reference,
        "entry": before.n + 1,
        "result": "refused",
        "refusals": [refusal],
        "stage": before.stage,
        "holds": list(before.holds),
        "head": entry.hash,
    }
    header = entry.header()
    assert {name: header[name] for name in NOBODY} == {**NOBODY, **named}
    assert (entry.n, entry.kind, entry.safeguards) == (before.n + 1, "refused", ("well-formed",))
    assert (entry.facts, entry.at) == ({"faults": 2}, course.at)
    assert entry.body == {"given": kept, "bytes": len(given), "refusals": [refusal]}
    assert course.case == before.but(n=entry.n, head=entry.hash, refused=before.refused + 1, recorded_at=entry.at)
    assert chain_faults([entry], after=(before.n, before.head)) == []


def test_of_many_faults_the_first_four_thousand_characters_are_kept() -> None:
    """A record is no place for a list without end."""
    course = take_up("in care")
    receipt = course.proceedings.hear_malformed(b"", [Fault(path="x", message="y" * 5_000)], course.at)
    assert receipt["refusals"][0]["message"] == f"x: {'y' * 3_997}"


def test_what_is_no_act_comes_after_what_time_has_brought() -> None:
    """What was due before it stands before it; the record's moments never run backwards."""
    course = take_up("in care")
    receipt = course.proceedings.hear_malformed(b"", FAULTS, course.at + timedelta(days=30))
    newest = course.entries[-1]
    assert "overdue" in [entry.kind for entry in course.entries[:-1]]
    assert receipt["entry"] == newest.n
    assert newest.at == course.at + timedelta(days=30)
    assert receipt["head"] == newest.hash
    course.proceedings.hear_malformed(b"", FAULTS, course.at)
    assert course.entries[-1].at == newest.at


# Handing over


def test_a_case_is_handed_over_in_five_parts_and_taken_up_as_it_was() -> None:
    """Case with its terms, entries, seed, answers; nothing that is worked out anew."""
    course = take_up("in care")
    course.say("note")
    handed = course.proceedings.carry()
    assert list(handed) == ["case", "entries", "seed", "answered"]
    assert not {"moves_to", "running"} & handed["case"].keys()
    assert handed["case"]["agreement"] == course.case.agreement.terms()
    assert carried_entries(handed["entries"]) == course.proceedings.ledger()
    assert bytes.fromhex(handed["seed"]) == b"an invented seed for these tests"
    again = Proceedings.resume(json.loads(json.dumps(handed)))
    assert again.case == course.case
    assert again.carry() == handed
    assert again.entries == course.entries


@pytest.mark.parametrize("most_bytes", [20_000, 6_000, 3_000, 2_000, 1])
def test_of_a_large_record_the_oldest_entries_stay_behind(most_bytes: int) -> None:
    """So many that it is small enough, or one is left; the answers of what stayed behind say what their entries said."""
    course = take_up("planned")
    course.say("depart")
    handed = course.proceedings.carry(most_bytes)
    left = carried_entries(handed["entries"])
    assert left == course.proceedings.ledger()[-len(left) :]
    assert len(left) == 1 or sum(len(text) for _, _, text in handed["entries"]) <= most_bytes
    # Not more than must: a half of what is too much is let go at a time.
    assert len(left) in (1, len(course.entries)) or sum(len(text) for _, _, text in handed["entries"]) > most_bytes / 3
    assert (len(left) < len(course.entries)) == (len(packed(course.proceedings.ledger())) > most_bytes)
    oldest = left[0]["n"]
    whole = course.proceedings.carry()["answered"]
    for act_id, answer in handed["answered"].items():
        n, last = answer[1], answer[2]
        assert answer[:5] == whole[act_id]
        refused = next(entry for entry in course.entries if entry.n == n)
        names = list(refused.safeguards) if refused.kind == "refused" else []
        head = next(entry.hash for entry in course.entries if entry.n == last)
        assert answer[5:] == ([] if n >= oldest else [names, head])


def test_the_receipt_of_what_stayed_behind_points_to_its_entry() -> None:
    """The words of a refusal stay with it; all else is as it first was."""
    course = take_up("planned")
    said = parse_act(course.act("depart"))
    first = course.proceedings.hear(said, course.at)
    for _ in range(3):
        course.say("note")
    again = Proceedings.resume(course.proceedings.carry(1)).hear(said, course.at)
    assert {**again, "refusals": []} == {**first, "refusals": []}
    assert list(first) == ["reference", "entry", "result", "refusals", "stage", "holds", "head"]
    assert [(r["safeguard"], r["message"], r["instead"]) for r in again["refusals"]] == [
        (
            name,
            f"This act was refused when it first came; entry {first['entry']} says why in full.",
            "Read that entry in the record; send an act anew with an id of its own.",
        )
        for name in dict.fromkeys(refusal["safeguard"] for refusal in first["refusals"])
    ]


def test_what_is_handed_over_is_packed_tightly() -> None:
    """JSON without spaces, zlib, base 85; what is cut off or is something else is told apart."""
    given = {"a": [1, "ă"], "b": None}
    text = packed(given)
    plain = zlib.decompress(base64.b85decode(text))
    assert plain == b'{"a":[1,"\\u0103"],"b":null}'
    assert zlib.compress(plain, 6) == base64.b85decode(text)
    assert unpacked(text) == given
    cut = base64.b85encode(base64.b85decode(text)[:-5]).decode()
    with pytest.raises(ValueError, match=r"^it is cut off, or unpacks to more than any case$"):
        unpacked(cut)
    with pytest.raises(ValueError, match=r"^it is not packed as it should be$"):
        unpacked(base64.b85encode(b"something else").decode())


def test_what_unpacks_to_more_than_any_case_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small text may hold a great many zeros."""
    monkeypatch.setattr(entries_at_hand, "MOST_UNPACKED", 100)
    assert unpacked(packed("x" * 98)) == "x" * 98
    with pytest.raises(ValueError, match="more than any case"):
        unpacked(packed("x" * 99))
    # Nor many texts that are small enough each by itself.
    volumes = [[n, n, packed(["x" * 46])] for n in range(3)]
    assert len(carried_entries(volumes[:2])) == 2
    with pytest.raises(ValueError, match="more than any case"):
        carried_entries(volumes)


def test_what_unpacks_to_too_much_is_not_unpacked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text of some kilobytes would fill the memory before it is refused."""
    monkeypatch.setattr(entries_at_hand, "MOST_UNPACKED", 1_000)
    bomb = packed("x" * 10_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="more than any case"):
            unpacked(bomb)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1_000_000


# Remembering


def test_an_id_that_was_used_with_other_content_is_a_fault_of_the_id() -> None:
    """Whoever sends it is told to take another; the same act again is none."""
    course = take_up("in care")
    course.proceedings.check(note())
    assert not course.proceedings.knows(note())
    course.proceedings.hear(note(), course.at)
    assert course.proceedings.knows(note())
    course.proceedings.check(note())
    with pytest.raises(MalformedAct) as told:
        course.proceedings.check(note(text="another"))
    message = "was used before with other content; give this act an id of its own"
    assert told.value.faults == [{"path": "act_id", "message": message}]


def test_the_oldest_answers_are_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that came without a good signature before all others."""
    monkeypatch.setattr(law, "REMEMBERED_ACTS", 3)
    course = take_up("in care")
    course.proceedings = Proceedings.resume({**carried("in care"), "answered": {}})
    hear = course.proceedings.hear

    def remembered() -> list[str]:
        return [key if len(key) <= 64 else "at fault" for key in course.proceedings.carry()["answered"]]

    for n in range(4):
        hear(note(f"n-{n}"), course.at)
    assert remembered() == ["n-1", "n-2", "n-3"]
    hear(note("f-1", signature="a.b.c"), course.at, FORGED)
    assert remembered() == ["n-1", "n-2", "n-3"]
    monkeypatch.setattr(law, "REMEMBERED_ACTS", 4)
    hear(note("f-2", signature="a.b.c"), course.at, FORGED)
    assert remembered() == ["n-1", "n-2", "n-3", "at fault"]
    hear(note("n-4", signature="a.b.c"), course.at, GOOD)
    assert remembered() == ["n-1", "n-2", "n-3", "n-4"]
    hear(note("n-5"), course.at)
    assert remembered() == ["n-2", "n-3", "n-4", "n-5"]


def test_a_forgery_is_remembered_by_all_that_it_says() -> None:
    """So that the true act of that id is still heard, also after the case was put away."""
    course = take_up("in care")
    forgery = note(signature="a.b.c")
    first = course.proceedings.hear(forgery, course.at, FORGED)
    said = {**json.loads(note().model_dump_json(exclude_unset=True)), "signature": "a.b.c"}
    key = f"signature at fault: {digest(said)}"
    assert list(course.proceedings.carry()["answered"])[-1] == key
    again = Proceedings.resume(course.proceedings.carry())
    for case in (course.proceedings, again):
        assert case.knows(forgery)
        assert case.hear(forgery, course.at, FORGED) == first
        assert not case.knows(note(signature="d.e.f"))
        assert case.hear(note(signature="d.e.f"), course.at, GOOD)["result"] == "accepted"
    answer = again.carry()["answered"]["n-1"]
    assert answer == [digest({k: v for k, v in said.items() if k != "signature"})[:32], 12, 12, "family_tracing", []]


def test_a_fault_of_ours_leaves_nothing_on_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither half an answer nor its memory; what time had brought stays."""
    course = take_up("in care")
    later = course.at + timedelta(days=30)
    other = take_up("in care").until(later)

    def fails(case: Any, at: Any) -> None:
        raise RuntimeError("an invented fault")

    with monkeypatch.context() as patched:
        patched.setattr(law, "try_to_show", fails)
        with pytest.raises(RuntimeError, match="an invented fault"):
            course.proceedings.hear(note(), later)
    assert course.case == other.case
    assert course.entries == other.entries
    assert not course.proceedings.knows(note())
    assert course.proceedings.hear(note(), later) == other.proceedings.hear(note(), later)


class NoTerms:
    """An agreement of which nothing is asked but its terms."""

    id = version = "none"

    def terms(self) -> dict[str, Any]:
        return {"terms": "none"}


AT: Final = datetime(2026, 2, 2, 9, tzinfo=UTC)
BARE: Final = Case(
    reference="MD-UA-2026-7K3F9A",
    agreement=cast(Any, NoTerms()),
    procedure_version="1.0.0",
    host_state="MD",
    origin_state="UA",
    opened_at=AT,
    opened_by="authority-1",
    situation="unaccompanied",
    recorded_at=AT,
    stage="travel",
    holds=("missing",),
)


def entry(n: int, kind: Any = "accepted", text: str = "invented") -> Any:
    body: dict[str, Any] = {"act": {"text": text}}
    if kind == "refused":
        body["refusals"] = [{"safeguard": name, "message": "no"} for name in ("held", "consent", "held")]
    return as_if(Draft(kind=kind, act="note", body=body), n=n, at=AT)


def making(kinds: str = "", answered: dict[str, list[Any]] | None = None, first: int = 1) -> Proceedings:
    """Proceedings with an entry for each letter: ``a`` accepted, ``r`` refused."""
    entries = [
        entry(n, {"a": "accepted", "r": "refused"}[kind], chr(96 + n) * n) for n, kind in enumerate(kinds, start=first)
    ]
    return Proceedings(BARE.but(n=first - 1 + len(entries)), Ledger(entries), b"seed", answered)


@pytest.fixture
def agreeable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A law that accepts whatever comes, so that only what is remembered of it is looked at."""

    def accepts(case: Case, act: Act, at: datetime, ledger: Ledger, *more: Any) -> Case:
        ledger.append(entry(case.n + 1))
        return case.but(n=case.n + 1)

    def stays(case: Case, *more: Any) -> Case:
        return case

    def never(*asked: Any) -> None:
        return None

    monkeypatch.setattr(law.decide, "decide", accepts)
    monkeypatch.setattr(law.decide, "pass_time", stays)
    monkeypatch.setattr(law.decide, "next_due", never)
    monkeypatch.setattr(law, "try_to_show", never)


def remembered(case: Proceedings) -> list[str]:
    return [key if len(key) <= 64 else "at fault" for key in case.carry()["answered"]]


@pytest.mark.usefixtures("agreeable")
def test_as_many_answers_are_kept_as_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not one fewer; an id of the longest kind is an act's id all the same."""
    monkeypatch.setattr(law, "REMEMBERED_ACTS", 2)
    case = making()
    longest = "x" * 64
    case.hear(note(longest), AT)
    case.hear(note("n-2"), AT)
    assert remembered(case) == [longest, "n-2"]
    case.hear(note("n-3"), AT)
    assert remembered(case) == ["n-2", "n-3"]
    case.hear(note("f-1", signature="a.b.c"), AT, FORGED)
    assert remembered(case) == ["n-2", "n-3"]
    case = making(answered={"n-1": ["d", 1, 1, "travel", [], [], "h"], longest: ["d", 1, 1, "travel", [], [], "h"]})
    case.hear(note("n-2"), AT)
    assert remembered(case) == [longest, "n-2"]


@pytest.mark.usefixtures("agreeable")
def test_both_a_forgery_and_the_true_act_are_known_again() -> None:
    """Each by its own answer, at once and after a handing over."""
    case = making()
    forgery, true = note("n-1", signature="a.b.c"), note("n-1", signature="d.e.f")
    case.hear(note("n-0"), AT)
    case.hear(forgery, AT, FORGED)
    assert (case.knows(forgery), case.knows(true), case.knows(note("n-0"))) == (True, False, True)
    case.hear(true, AT, GOOD)
    again = making("aaa", case.carry()["answered"])
    for each in (case, again):
        assert (each.knows(forgery), each.knows(true), each.knows(note("n-0"))) == (True, True, True)
        assert not each.knows(note("n-9"))
        assert [each.hear(act, AT)["entry"] for act in (note("n-0"), forgery, true)] == [1, 3, 3]
    kept = case.carry()["answered"]["n-0"]
    said = json.loads(note("n-0").model_dump_json(exclude_unset=True))
    assert kept == [digest(said)[:32], 1, 1, "travel", ["missing"]]


def test_what_is_handed_over_is_as_large_as_may_be() -> None:
    """To the byte; of two or three entries one stays behind at a time, and the newest never does."""
    case = making("aaa")
    sizes = {n: len(packed([each.as_json() for each in case.entries[-n:]])) for n in (1, 2, 3)}
    assert sizes[1] < sizes[2] < sizes[3]

    def left(most_bytes: int) -> list[int]:
        return [each["n"] for each in carried_entries(case.carry(most_bytes)["entries"])]

    assert (left(sizes[3]), left(sizes[3] - 1)) == ([1, 2, 3], [2, 3])
    assert (left(sizes[2]), left(sizes[2] - 1), left(sizes[1] - 1), left(0)) == ([2, 3], [3], [3], [3])
    assert case.carry()["case"]["agreement"] == {"terms": "none"}
    assert case.carry()["seed"] == b"seed".hex()


def test_an_answer_without_its_entry_says_what_its_entry_said() -> None:
    """Each safeguard once, and the head of then; and so on from run to run."""
    answered: dict[str, list[Any]] = {
        "n-1": ["d", 1, 1, "travel", []],
        "n-2": ["d", 2, 3, "travel", []],
        "n-3": ["d", 3, 3, "travel", ["missing"]],
    }
    handed = making("rra", answered).carry(0)["answered"]
    heads = [f"{n:064x}" for n in (1, 2, 3)]
    gone = {
        "n-1": ["d", 1, 1, "travel", [], ["held", "consent"], heads[0]],
        "n-2": ["d", 2, 3, "travel", [], ["held", "consent"], heads[2]],
        "n-3": answered["n-3"],
    }
    assert handed == gone
    assert making("a", handed, first=3).carry()["answered"] == gone


def test_it_is_decided_under_another_version_from_now_on() -> None:
    """Under the one that it has already there is nothing to say."""
    case = making()
    case.decide_under("9.9.9")
    assert (case.case.moves_to, case.case.rules) == ("9.9.9", "9.9.9")
    case.decide_under("1.0.0")
    assert (case.case.moves_to, case.case.rules) == (None, "1.0.0")
    assert case.case == BARE.but(n=0)


def test_a_case_is_opened_under_the_rules_that_are_named() -> None:
    """Without a name, under those of today."""
    intake = parse_intake(intake_of(), today=AT.date())
    for facts, version in (({"version": "0.9.0"}, "0.9.0"), ({}, PROCEDURE_VERSION)):
        case = Proceedings.open_case(
            intake, terms(), reference="MD-UA-2026-7K3F9A", at=AT, seed=b"s", **cast(Any, facts)
        )
        assert (case.case.procedure_version, case.entries[0].facts["procedure_version"]) == (version, version)


def test_when_it_wakes_is_asked_of_the_case_as_it_stands() -> None:
    """Not of one that it was before."""
    course = take_up("in care")
    assert course.proceedings.let_time_pass(course.at) == []
    assert course.proceedings.next_due() is not None
    course.proceedings.case = take_up("closed").case
    assert course.proceedings.next_due() is None


def test_what_stands_still_is_shown_at_the_moment_of_looking() -> None:
    """It moves along with the days, also where it is only tried whether a case can be shown."""
    course = take_up("planned").does("suspend")
    due = course.due("travel_approval")
    later = course.at + timedelta(days=2)
    rows = course.proceedings.view(later)["deadlines"]
    assert [row["due"] for row in rows if row["name"] == "travel_approval"] == [moment(due + timedelta(days=2))]
    course.at = later
    assert course.say("note")["result"] == "accepted"


# Time


def test_what_time_brings_is_given_back_and_brought_once() -> None:
    """And nothing comes before the moment at which it wakes."""
    course = take_up("in care")
    wakes = course.proceedings.next_due()
    assert wakes is not None
    assert course.proceedings.let_time_pass(wakes - timedelta(seconds=1)) == []
    assert course.proceedings.next_due() == wakes
    before = course.case.n
    made = course.proceedings.let_time_pass(wakes)
    assert made == course.proceedings.since(before)
    assert [entry.kind for entry in made][:1] == ["overdue"]
    assert made[0].at == wakes
    assert course.proceedings.let_time_pass(wakes) == []
    # A clock that runs backwards brings nothing either.
    assert course.proceedings.let_time_pass(course.at) == []
    assert course.proceedings.not_before_the_last(course.at) == wakes


def test_between_acts_a_case_is_not_asked_twice_what_time_brings(monkeypatch: pytest.MonkeyPatch) -> None:
    """It knows when it wakes; once it was taken up it is looked at once."""
    asked: list[Any] = []
    passes = law.decide.pass_time

    def counted(case: Any, at: Any, *more: Any) -> Any:
        asked.append(at)
        return passes(case, at, *more)

    monkeypatch.setattr(law.decide, "pass_time", counted)
    course = take_up("in care")
    wakes = course.proceedings.next_due()
    assert wakes is not None
    for _ in range(3):
        course.proceedings.let_time_pass(course.at)
    assert asked == [course.at]
    course.proceedings.hear(note(), course.at)
    course.proceedings.let_time_pass(course.at + timedelta(minutes=1))
    assert asked == [course.at]
    course.proceedings.let_time_pass(wakes)
    assert asked == [course.at, wakes]


def test_a_closed_case_never_wakes() -> None:
    """Nothing is due any more, and no time brings anything."""
    course = take_up("closed")
    assert course.proceedings.next_due() is None
    assert course.proceedings.let_time_pass(course.at + timedelta(days=9_000)) == []


def test_an_act_comes_at_the_earliest_with_the_newest_entry() -> None:
    """Whatever a clock does."""
    course = take_up("in care")
    course.proceedings.hear(note(), course.at - timedelta(days=3))
    assert course.entries[-1].at == course.entries[-2].at


# Signed or not


def test_in_a_case_of_signed_acts_an_act_without_a_signature_is_at_fault() -> None:
    """In another it is as good as any."""
    course = take_up("in care")
    assert course.proceedings.hear(note("n-1"), course.at)["result"] == "accepted"
    course.proceedings.case = course.case.but(signed=True)
    refused = course.proceedings.hear(note("n-2"), course.at)
    assert (refused["result"], course.entries[-1].facts) == ("refused", {"signature": {"fault": "missing"}})
    assert course.proceedings.hear(note("n-2", signature="a.b.c"), course.at, GOOD)["result"] == "accepted"


# Reading


@pytest.mark.parametrize("first", [1, 4, 10, 11])
def test_a_part_of_the_ledger_holds_what_there_is_room_for(first: int) -> None:
    """Counted in bytes of JSON; the first one always, then as many as fit."""
    course: Course = take_up("in care")
    course.say("note", text="дякую")
    whole = [entry.as_json() for entry in course.entries][first - 1 :]
    assert course.proceedings.ledger(first) == whole
    sizes = [len(json.dumps(each, ensure_ascii=False).encode()) for each in whole]
    for number in range(1, len(whole) + 1):
        exactly = sum(sizes[:number])
        assert course.proceedings.ledger(first, exactly) == whole[:number]
        assert course.proceedings.ledger(first, exactly - 1) == whole[: max(1, number - 1)]
    assert course.proceedings.ledger(first, 0) == whole[:1]


def test_the_whole_ledger_is_read_from_the_first_entry_on() -> None:
    """Unless another number is named."""
    course = take_up("in care")
    assert [each["n"] for each in course.proceedings.ledger()] == list(range(1, course.case.n + 1))
    assert course.proceedings.since(8) == course.entries[8:]
    assert course.proceedings.view(course.at) == view(course.case, course.at)
