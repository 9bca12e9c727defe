"""Drafts: nobody reads them without the browser's key, they end by themselves, and what was altered is none."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from desk import drafts
from desk.drafts import KEPT_FOR, Drafts, Keeper, NoSuchDraft, TooManyDrafts, expires, keeper, new_key
from desk.people import Person
from tests.desk.desks import Hands

ANNA = Person("central-authority-1", "Adela Invented", "central_authority", "MD")
HOLDS = {"typed": {"child.given_names": ["Testdaughter Inventedson"]}}
NOW = Hands().now


@pytest.fixture(params=["memory", "folder"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Drafts:
    """Drafts in memory, and in a folder."""
    return Drafts(tmp_path / "drafts" if request.param == "folder" else None)


def somebody(key: str | None = None, person: Person = ANNA) -> Keeper:
    """Somebody with a key."""
    made = keeper(key or new_key(), person)
    assert made is not None
    return made


def test_a_draft_comes_back_as_it_was_saved(kept: Drafts) -> None:
    """With its days, and saved again with what was added."""
    whose = somebody()
    draft = kept.begin(whose, HOLDS, NOW)
    later = NOW + timedelta(days=3)
    kept.save(whose, draft, {**HOLDS, "more": True}, later)
    found = kept.read(whose, draft.id, later)
    assert found.holds == {**HOLDS, "more": True} and (found.began, found.saved) == (NOW, later)
    assert kept.of(whose, later) == [found] and expires(found) == later + KEPT_FOR


def test_nobody_else_finds_it(kept: Drafts) -> None:
    """Neither another browser, nor another person or role at the same one, nor a cookie of somebody's making."""
    key = new_key()
    draft = kept.begin(somebody(key), HOLDS, NOW)
    others = [somebody(), somebody(key, replace(ANNA, id="central-authority-2")), somebody(key, replace(ANNA, state="UA")),
              somebody(key, replace(ANNA, role="caseworker")), None]  # fmt: skip
    for other in others:
        with pytest.raises(NoSuchDraft):
            kept.read(other, draft.id, NOW)
        assert kept.of(other, NOW) == []
        kept.drop(other, draft.id)
    assert kept.read(somebody(key), draft.id, NOW).holds == HOLDS
    assert [keeper(cookie, ANNA) for cookie in (None, "", "x", "é" * 43, "a" * 44)] == [None] * 5


def test_a_draft_ends_by_itself(kept: Drafts) -> None:
    """Thirty days after it was saved last it is gone, and with the next draft out of its place too."""
    whose = somebody()
    draft = kept.begin(whose, HOLDS, NOW)
    assert kept.read(whose, draft.id, NOW + KEPT_FOR - timedelta(seconds=1))
    with pytest.raises(NoSuchDraft):
        kept.read(whose, draft.id, NOW + KEPT_FOR)
    assert len(kept) == 1
    kept.begin(whose, HOLDS, NOW + KEPT_FOR)
    assert len(kept) == 1


def test_a_dropped_draft_is_gone(kept: Drafts) -> None:
    """At once; the others stay, the one that was saved last first."""
    whose = somebody()
    first = kept.begin(whose, HOLDS, NOW)
    second = kept.begin(whose, HOLDS, NOW + timedelta(hours=1))
    assert [each.id for each in kept.of(whose, NOW)] == [second.id, first.id]
    kept.drop(whose, second.id)
    assert [each.id for each in kept.of(whose, NOW)] == [first.id]


def test_there_is_an_end_to_drafts(kept: Drafts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one person, of all together, and of how long one may be."""
    monkeypatch.setattr(drafts, "OF_ONE_PERSON", 2)
    monkeypatch.setattr(drafts, "ALTOGETHER", 3)
    whose = somebody()
    for _ in range(2):
        kept.begin(whose, HOLDS, NOW)
    with pytest.raises(TooManyDrafts):
        kept.begin(whose, HOLDS, NOW)
    draft = kept.begin(somebody(), HOLDS, NOW)
    with pytest.raises(TooManyDrafts):
        kept.begin(somebody(), HOLDS, NOW)
    monkeypatch.setattr(drafts, "MOST_BYTES", 10)
    with pytest.raises(TooManyDrafts):
        kept.save(whose, draft, HOLDS, NOW)


def test_nothing_personal_lies_at_the_desk(tmp_path: Path) -> None:
    """Two days in clear, and a text that is another one each time; whose it is does not stand there."""
    kept, whose = Drafts(tmp_path), somebody()
    draft = kept.begin(whose, HOLDS, NOW)
    (place,) = tmp_path.rglob("*.draft")
    before = place.read_text("ascii")
    kept.save(whose, draft, HOLDS, NOW)
    after = place.read_text("ascii")
    assert before != after and set(json.loads(after)) == {"began", "saved", "sealed"}
    # Long words: four letters stand in one of a million numbers of drafts.
    for word in ("Testdaughter", "Inventedson", ANNA.id, "child.given_names"):
        assert word not in f"{place} {before} {after}" and word.encode().hex() not in after
    assert HOLDS["typed"]["child.given_names"][0] not in repr(draft) and whose.key.hex() not in repr(whose)
    assert place.stat().st_mode & 0o777 == 0o600 and place.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("how", ["sealed", "saved", "no-json", "moved", "cut"])
def test_what_was_altered_is_no_draft(tmp_path: Path, how: str) -> None:
    """One that a hand changed, prolonged or put elsewhere does not open, and breaks nothing."""
    kept, whose = Drafts(tmp_path), somebody()
    draft = kept.begin(whose, HOLDS, NOW)
    (place,) = tmp_path.rglob("*.draft")
    written, id = json.loads(place.read_text()), draft.id
    match how:
        case "sealed":
            place.write_text(json.dumps({**written, "sealed": "00" * 40}))
        case "saved":
            place.write_text(json.dumps({**written, "saved": (NOW + timedelta(days=9)).isoformat()}))
        case "no-json":
            place.write_bytes(b"\xff\x00")
        case "cut":
            place.write_text(json.dumps({"began": written["began"]}))
        case _:
            id = "A" * 16
            place.rename(place.with_name(f"{id}.draft"))
    with pytest.raises(NoSuchDraft):
        kept.read(whose, id, NOW)
    assert kept.of(whose, NOW) == []


def test_a_name_that_is_a_path_leads_nowhere(tmp_path: Path) -> None:
    """Whatever stands in an address."""
    kept, whose = Drafts(tmp_path), somebody()
    kept.begin(whose, HOLDS, NOW)
    for id in ("../x", "..", "", "/etc/passwd", "a" * 17):
        with pytest.raises(NoSuchDraft):
            kept.read(whose, id, NOW)
        kept.drop(whose, id)
    assert len(list(tmp_path.rglob("*.draft"))) == 1
