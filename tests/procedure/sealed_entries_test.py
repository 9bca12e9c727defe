"""An entry, field by field: its header, its digests, its JSON and back, what is found wrong with a chain; a ledger."""

import hashlib
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import pytest

from procedure import ledger as law
from procedure.entries import (
    GENESIS,
    Draft,
    Entry,
    as_if,
    chain_faults,
    digest_of_body,
    entry_from_json,
    moment,
    read_moment,
    seal,
)
from procedure.ledger import Ledger, Volume, packed

AT: Final = datetime(2026, 2, 2, 9, 30, tzinfo=UTC)
SEED: Final = b"an invented seed of thirty-two b"
DRAFT: Final = Draft(
    kind="accepted",
    act="note",
    act_id="n-1",
    actor_role="caseworker",
    actor_state="MD",
    safeguards=("well-formed", "held"),
    facts={"x": 1},
    body={"act": {"text": "invented"}},
)
HEADER: Final[dict[str, Any]] = {
    "n": 12,
    "at": "2026-02-02T09:30:00Z",
    "kind": "accepted",
    "act": "note",
    "act_id": "n-1",
    "actor_role": "caseworker",
    "actor_state": "MD",
    "safeguards": ["well-formed", "held"],
    "facts": {"x": 1},
    "body_digest": "",
    "prev": "a" * 64,
}


def sealed() -> Entry:
    return seal(DRAFT, n=12, at=AT, prev="a" * 64, seed=SEED)


def test_a_sealed_entry_says_all_that_its_draft_said() -> None:
    """Beside it number, moment, the hash before it, a salt of 32 hexadecimal digits, and two digests."""
    entry = sealed()
    salt = "f3d145c7d2e873c6ad66aefd8b1ac390"
    digest = "23b7c541e5cbed3021caf5bc24b76716aae4f6a3fd6add37171f806f703d1626"
    header = {**HEADER, "body_digest": digest}
    hashed = "48efcb9a53d1e83df89521482be18218fb5539f1ef8f4ddae8056a9c2527e55e"
    assert entry.header() == header
    assert entry.as_json() == {**header, "hash": hashed, "salt": salt, "body": {"act": {"text": "invented"}}}
    assert digest == hashlib.sha256(f'{salt}{{"act":{{"text":"invented"}}}}'.encode()).hexdigest()


def test_an_entry_comes_back_from_its_json_field_by_field() -> None:
    """With its moment as a moment and its safeguards as they were."""
    entry = sealed()
    again = entry_from_json(entry.as_json())
    assert again == entry
    assert (again.at, again.safeguards, again.salt) == (AT, ("well-formed", "held"), entry.salt)


def test_another_number_or_another_case_has_another_salt() -> None:
    """It is drawn from the case's secret and the number, and is the same each time."""
    salts = {seal(DRAFT, n=n, at=AT, prev=GENESIS, seed=seed).salt for n in (1, 2) for seed in (SEED, b"another one")}
    assert len(salts) == 4
    assert all(len(salt) == 32 and int(salt, 16) >= 0 for salt in salts)


def test_an_entry_that_nobody_keeps_has_its_number_in_place_of_a_digest() -> None:
    """And all else that its draft said; whoever verifies a chain finds it."""
    entry = as_if(DRAFT, n=12, at=AT)
    assert entry.header() == {**HEADER, "body_digest": "", "prev": ""}
    assert (entry.hash, entry.salt, entry.body, entry.at) == ("c".rjust(64, "0"), "", DRAFT.body, AT)
    assert len(chain_faults([entry], after=(11, "a" * 64))) == 3


CHAIN: Final = [seal(DRAFT, n=1, at=AT, prev=GENESIS, seed=SEED)]
CHAIN.append(seal(DRAFT, n=2, at=AT, prev=CHAIN[0].hash, seed=SEED))
CHAIN.append(seal(DRAFT, n=3, at=AT, prev=CHAIN[1].hash, seed=SEED))


@pytest.mark.parametrize(
    ("entries", "after", "faults"),
    [
        (CHAIN, (0, GENESIS), []),
        (CHAIN[1:], (1, CHAIN[0].hash), []),
        ([], (0, GENESIS), []),
        (CHAIN[:1], (0, "1" * 64), ["entry 1 does not follow the entry before it"]),
        (
            CHAIN[1:],
            (0, GENESIS),
            ["entry 2 stands where entry 1 belongs", "entry 2 does not follow the entry before it"],
        ),
        (
            [CHAIN[0], CHAIN[2]],
            (0, GENESIS),
            ["entry 3 stands where entry 2 belongs", "entry 3 does not follow the entry before it"],
        ),
        (
            [CHAIN[0]._replace(body={}), CHAIN[1]],
            (0, GENESIS),
            ["the body of entry 1 is not what its digest says"],
        ),
        ([CHAIN[0], CHAIN[1]._replace(act_id="n-2"), CHAIN[2]], (0, GENESIS), ["entry 2 is not what its hash says"]),
        (
            [CHAIN[0], CHAIN[1]._replace(hash="2" * 64), CHAIN[2]],
            (0, GENESIS),
            ["entry 2 is not what its hash says", "entry 3 does not follow the entry before it"],
        ),
    ],
    ids=["whole", "a part", "none", "another start", "first lost", "one lost", "body", "header", "hash"],
)
def test_each_fault_of_a_chain_is_named_once(entries: list[Entry], after: tuple[int, str], faults: list[str]) -> None:
    """What comes after a fault is held to what stands there, so that one fault is not told of every later entry."""
    assert chain_faults(entries, after=after) == faults


def test_a_chain_is_held_to_begin_at_the_first_entry() -> None:
    """Unless somebody says after which entry it comes."""
    assert chain_faults(CHAIN) == []
    assert chain_faults(CHAIN[1:]) != []


def test_a_body_is_digested_behind_its_salt() -> None:
    """SHA-256 over the salt's text and the canonical JSON (contract, section 7)."""
    assert digest_of_body("00", {"b": 1, "a": 2}) == hashlib.sha256(b'00{"a":2,"b":1}').hexdigest()


def test_a_moment_is_written_in_utc_and_ends_in_z() -> None:
    """Wherever the clock stood; fractions stay."""
    assert moment(AT) == "2026-02-02T09:30:00Z"
    assert moment(AT.astimezone(timezone(timedelta(hours=2)))) == "2026-02-02T09:30:00Z"
    assert moment(AT.replace(microsecond=5)) == "2026-02-02T09:30:00.000005Z"
    assert read_moment("2026-02-02T09:30:00Z") == AT


def test_a_moment_is_written_in_utc_wherever_the_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own zone is no business of the record."""
    with monkeypatch.context() as there:
        there.setenv("TZ", "UTC-3")
        time.tzset()
        told = moment(AT.astimezone(timezone(timedelta(hours=2))))
    time.tzset()
    assert told == "2026-02-02T09:30:00Z"


# The ledger


def entry(n: int, kind: Any = "accepted", act: str | None = "assess_age", **facts: Any) -> Entry:
    body = {"act": {"said": n}, "intake": {"taken": n}, "as_corrected": {"mended": n}}
    return as_if(Draft(kind=kind, act=act, facts=facts, body=body), n=n, at=AT)


AT_HAND: Final = [
    entry(5),
    entry(6, act="note"),
    entry(7, "refused"),
    entry(8, act="correct", corrects=5),
    entry(9, "refused", act="correct"),
    entry(10, act="correct", corrects=6),
    entry(11, "stage", None, corrects=5),
    entry(12, act="correct", corrects=5),
]
"""What is left of a case whose first four entries stayed behind."""


def numbers(entries: Iterable[Entry]) -> list[int]:
    return [each.n for each in entries]


def at_hand(bound: int) -> Ledger:
    """A ledger of :data:`AT_HAND` of which so many entries came bound, three together at most."""
    volumes = [Volume.bound(AT_HAND[n : min(n + 3, bound)], 10_000) for n in range(0, bound, 3)]
    return Ledger(AT_HAND[bound:], [volume for some in volumes for volume in some])


BOUND: Final = (0, 1, 3, 5, 8)


@pytest.mark.parametrize("bound", BOUND)
@pytest.mark.parametrize("n", range(15))
def test_an_entry_is_found_by_its_number_and_what_came_after_it(n: int, bound: int) -> None:
    """As far as it is at hand; of what is not, everything at hand came after."""
    ledger = at_hand(bound)
    assert (len(ledger), list(ledger)) == (8, AT_HAND)
    found = ledger.find(n)
    assert (found.n if found else None) == (n if 5 <= n <= 12 else None)
    assert numbers(ledger.since(n)) == [each for each in range(5, 13) if each > n]
    assert numbers(ledger.material_since(n)) == [each for each in (5, 8, 10, 12) if each > n]
    assert ledger.number_of(f"{n:064x}") == (n if 5 <= n <= 12 else None)


def test_an_empty_ledger_has_nothing_in_it() -> None:
    """No entry, none since, no newest."""
    ledger = Ledger()
    assert (len(ledger), list(ledger), ledger.find(0), ledger.find(1), ledger.since(0)) == (0, [], None, None, [])
    assert ledger.last_accepted("note") is None


@pytest.mark.parametrize(("n", "bound"), [*((n, 0) for n in (0, 4, 5, 8, 11, 12, 13)), (7, 3), (9, 5), (12, 8)])
def test_what_is_taken_back_is_found_no_more(n: int, bound: int) -> None:
    """Neither by number nor by hash; what stood before stays."""
    ledger = at_hand(bound)
    ledger.cut(n)
    left = [each for each in range(5, 13) if each <= n]
    assert numbers(list(ledger)) == left
    assert len(ledger) == len(left)
    assert [each for each in range(15) if ledger.number_of(f"{each:064x}")] == left
    ledger.append(entry(n + 1))
    assert ledger.number_of(f"{n + 1:064x}") == n + 1


@pytest.mark.parametrize("bound", BOUND)
def test_what_an_entry_says_today_is_what_its_latest_accepted_correction_left(bound: int) -> None:
    """A refused correction, one of another entry, and what is no correction change nothing."""
    ledger = at_hand(bound)
    first, note, refused = AT_HAND[:3]
    assert numbers(ledger.corrections_of(first)) == [8, 12]
    assert ledger.as_corrected(first) == {"mended": 12}
    assert numbers(ledger.corrections_of(note)) == [10]
    assert ledger.as_corrected(note) == {"mended": 10}
    assert ledger.as_corrected(refused) == {"said": 7}
    assert Ledger([entry(1, "opened", None)]).as_corrected(entry(1, "opened", None)) == {"taken": 1}


@pytest.mark.parametrize("bound", range(5))
def test_the_newest_accepted_entry_of_an_act_is_found(bound: int) -> None:
    """What was refused is not it."""
    entries = [entry(1), entry(2), entry(3, "refused"), entry(4, act="note")]
    ledger = Ledger(entries[bound:], Volume.bound(entries[:bound], 10_000))
    newest = ledger.last_accepted("assess_age")
    assert newest is not None
    assert newest.n == 2
    assert ledger.last_accepted("complain") is None


def test_entries_are_bound_in_volumes_that_are_small_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many together, and so long together, as may be; one that is longer stands alone."""
    monkeypatch.setattr(law, "ENTRIES_A_VOLUME", 3)
    volumes = Volume.bound(AT_HAND, 10_000)
    assert [(volume.first, volume.last) for volume in volumes] == [(5, 7), (8, 9), (10, 12)]
    assert [entry for volume in volumes for entry in volume.entries()] == AT_HAND
    two = len(packed([entry.as_json() for entry in AT_HAND[:2]]))
    assert [(each.first, each.last) for each in Volume.bound(AT_HAND[:2], two)] == [(5, 6)]
    assert [(each.first, each.last) for each in Volume.bound(AT_HAND[:2], two - 1)] == [(5, 5), (6, 6)]
    assert [(each.first, each.last) for each in Volume.bound(AT_HAND[:1], 1)] == [(5, 5)]
    assert Volume.bound([], 10_000) == []


def test_what_is_bound_stays_closed_when_it_is_put_away_again() -> None:
    """Only what came since is bound; the oldest volumes stay behind, and never the newest."""
    ledger = at_hand(6)
    older, newer = ledger.bound(10_000)[:2]
    assert ledger.bound(10_000)[2:] == Volume.bound(AT_HAND[6:], 10_000)
    assert (older, newer) == (Volume.bound(AT_HAND[:3], 10_000)[0], Volume.bound(AT_HAND[3:6], 10_000)[0])
    whole = sum(len(volume.text) for volume in ledger.bound(10_000))
    assert [volume.first for volume in ledger.bound(whole)] == [5, 8, 11]
    assert [volume.first for volume in ledger.bound(whole - 1)] == [8, 11]
    assert [volume.first for volume in ledger.bound(1)] == [12]
    opened = [Volume(5, 7, "never opened"), *Volume.bound(AT_HAND[3:6], 10_000)]
    closed = Ledger(AT_HAND[6:], opened)
    assert closed.bound(10_000)[:2] == opened
    assert numbers(closed.since(7)) == [8, 9, 10, 11, 12]
    assert closed.number_of(f"{12:064x}") == 12
    found = closed.last_accepted("correct")
    assert found is not None
    assert found.n == 12


def test_a_volume_that_holds_others_than_it_says_is_not_read() -> None:
    """Whoever looks for an entry gets that one or none."""
    (bound,) = Volume.bound(AT_HAND[:3], 10_000)
    for first, last in ((5, 8), (4, 7), (6, 7), (5, 6)):
        ledger = Ledger(AT_HAND[3:], [Volume(first, last, bound.text)])
        with pytest.raises(ValueError, match=f"^a volume of entries {first} to {last} holds others$"):
            ledger.find(6)
        with pytest.raises(ValueError, match="holds others"):
            ledger.since(0)


def test_a_past_that_cannot_be_read_never_passes_for_one_that_says_nothing() -> None:
    """Asked a second time too: what a correction said must not be forgotten in silence."""
    (bound,) = Volume.bound(AT_HAND[:6], 10_000)
    ledger = Ledger(AT_HAND[6:], [bound, Volume(11, 11, "corrupt")])
    for _ in range(2):
        with pytest.raises(ValueError, match="packed"):
            ledger.number_of("of nobody")
        with pytest.raises(ValueError, match="packed"):
            ledger.last_accepted("complain")
        with pytest.raises(ValueError, match="packed"):
            ledger.corrections_of(AT_HAND[0])


def test_who_asks_for_the_past_again_and_again_opens_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An act with an unknown head costs what it costs, a hundred of them no more."""
    read = list[str]()
    whole = law.all_unpacked

    def counted(texts: Iterable[str]) -> Iterator[Any]:
        for text in texts:
            read.append(text)
            yield from whole([text])

    monkeypatch.setattr(law, "all_unpacked", counted)
    ledger = at_hand(6)
    for _ in range(3):
        assert ledger.number_of("of nobody") is None
        assert ledger.last_accepted("complain") is None
        assert numbers(ledger.corrections_of(AT_HAND[0])) == [8, 12]
        assert ledger.number_of(f"{6:064x}") == 6
    assert len(read) == 2
    ledger.append(entry(13, act="correct", corrects=5))
    assert numbers(ledger.corrections_of(AT_HAND[0])) == [8, 12, 13]


def test_a_volume_that_was_opened_stays_open_for_the_next_who_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of them: the entries that an act asks for mostly stand together."""
    ledger, read = at_hand(6), list[int]()

    def entries(volume: Volume) -> list[Entry]:
        read.append(volume.first)
        return AT_HAND[volume.first - 5 :]

    monkeypatch.setattr(Volume, "entries", entries)
    for n in (5, 7, 5, 9, 8, 6, 12):
        assert ledger.find(n) is AT_HAND[n - 5]
    assert read == [5, 8, 5]
