"""A part of `make hostile`, with the same numbers each time; and that what judges bad input can fail."""

import asyncio
import itertools
import json
import os
import signal
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, cast

import httpx2
import pytest

import hostile.__main__ as run
from hostile import at_the_door, forms, headers
from hostile.__main__ import SHARES, WHOLE, main, of, report, samples, why_not_written
from hostile.acts import Acts, standings
from hostile.at_the_door import HEARD, Answered, good_act_heard, judged_query, judged_start, many, with_fields_read
from hostile.dossiers import content_of, verifies
from hostile.files import Intakes, Scenarios, judged
from hostile.judging import MEGABYTE, Find, Given, Judged, Wrong, chance_of, judge, judge_all, pieces
from hostile.traces import collecting
from procedure.vocabulary import STAGES

FEW = {
    "acts": 400,
    "intakes": 120,
    "scripts": 80,
    "profiles": 60,
    "delays": 60,
    "keys": 120,
    "scenarios": 40,
    "dossiers": 24,
}
"""Inputs of each kind: seconds in all."""


@pytest.mark.parametrize("name", FEW)
def test_whatever_comes_is_answered(name: str) -> None:
    """No error, no word that the contract does not know, within time and memory; and more than one answer is met."""
    found = judge(of(name), 20_261_129, range(FEW[name]))
    assert [f"{find.what} ({find.number})" for find in found.finds.values()] == []
    assert found.inputs == FEW[name]
    assert len(found.answers) > 5


def test_acts_are_put_to_cases_of_every_stage() -> None:
    """Also to closed ones, and to some under a hold."""
    found = standings()
    assert {standing.case.stage for standing in found} == set(STAGES)
    assert any("detention" in standing.case.holds for standing in found)
    accepted = judge(Acts(found), 1, range(200)).answers
    assert any(answer.startswith("accepted") for answer in accepted)
    assert any(answer.startswith("refused") for answer in accepted)


def test_the_sample_dossiers_are_good_ones() -> None:
    """What is spoiled was whole before. Where this fails, the form of dossiers changed: `python -m hostile --samples`."""
    assert len(samples()) == 2
    assert all(verifies(sample) for sample in samples())
    assert any(name.startswith("runs/") for name in content_of(samples()[0]))


def test_the_scenarios_that_are_spoiled_are_good_ones() -> None:
    """None was: read as YAML 1.1, the field `on` is "true", and all that was sent ended at that."""
    scenarios = Scenarios()
    assert len(scenarios.good) > 10
    for good in scenarios.good:
        assert scenarios.answer(Given(json.dumps(good).encode(), where=1)).startswith("ok")


@pytest.mark.parametrize("name", SHARES)
def test_a_number_names_an_input_for_ever(name: str) -> None:
    """The same seed and number make the same input, so that a find can be made again."""
    kind = of(name)
    once, again = (kind.make(chance_of(7, name, 3)) for _ in range(2))
    assert once == again


# What judges can fail


@dataclass(frozen=True)
class Answering:
    """A kind whose every input is answered by a function."""

    says: Callable[[bytes], str]
    name: str = "invented"

    def make(self, chance: Random) -> Given:
        return Given(str(chance.randrange(10)).encode())

    def answer(self, given: Given) -> str:
        return self.says(given.raw)


def _raises(raw: bytes) -> str:
    raise KeyError(raw)


def _dies(raw: bytes) -> str:
    if raw == b"3":
        os.kill(os.getpid(), signal.SIGKILL)
    return "ok"


def _is_slow(raw: bytes) -> str:
    while True:
        json.dumps(raw.decode())


def _grows(raw: bytes) -> str:
    return str(len(bytearray(200 * MEGABYTE)))


def _keeps(raw: bytes) -> str:
    _KEPT.append(b"x" * (4 * MEGABYTE))
    return "ok"


_KEPT: list[bytes] = []


def test_an_error_is_a_find_and_the_same_one_is_told_once() -> None:
    """Twenty inputs that end in one error are one find, with the number of the first."""
    (find,) = judge(Answering(_raises), 1, range(20)).finds.values()
    assert (find.times, find.number) == (20, 0)
    assert find.what.startswith("KeyError in ")


def test_a_process_that_dies_is_a_find_and_the_rest_goes_on() -> None:
    """Nothing of it is lost: the other inputs are judged in a new process."""
    numbers = range(30)
    deadly = sum(Answering(_dies).make(chance_of(1, "invented", n)).raw == b"3" for n in numbers)
    found = judge(Answering(_dies), 1, numbers)
    assert found.inputs == len(numbers)
    assert found.answers == {"ended": deadly, "ok": len(numbers) - deadly}
    assert [find.what for find in found.finds.values()] == ["died (-9)"]


def test_an_input_that_takes_too_long_is_a_find() -> None:
    """It is broken off, whatever the program does with errors."""
    (find,) = judge(Answering(_is_slow), 1, range(1), seconds=0.2).finds.values()
    assert find.what.startswith("TooSlow")


def _waits(raw: bytes) -> str:
    if raw == b"3":
        time.sleep(600)
    return "ok"


def _never_comes_back(raw: bytes) -> str:
    if raw == b"3":
        all(itertools.repeat(True))
    return "ok"


@pytest.mark.parametrize(
    ("says", "silence", "what"),
    [(_waits, 3, "no answer, it waits"), (_never_comes_back, 60, "too slow, in one piece that nothing breaks off")],
)
def test_an_input_that_nothing_breaks_off_is_a_find(says: Callable[[bytes], str], silence: int, what: str) -> None:
    """One that waits uses no processor, one in native code hears no signal; both are ended, and the rest goes on."""
    numbers = [n for n in range(40) if n == FIRST_3 or Answering(says).make(chance_of(1, "invented", n)).raw != b"3"]
    found = judge(Answering(says), 1, numbers, seconds=0.2, silence=silence)
    assert [(find.what, find.number, find.given.raw) for find in found.finds.values()] == [(what, FIRST_3, b"3")]
    assert found.answers == {"ended": 1, "ok": len(numbers) - 1}


FIRST_3 = next(n for n in range(40) if Answering(str).make(chance_of(1, "invented", n)).raw == b"3")


@dataclass(frozen=True)
class Unmakeable(Answering):
    """A kind of which some inputs cannot be made."""

    fails: Callable[[], object] = dict[str, int]().popitem

    def make(self, chance: Random) -> Given:
        given = super().make(chance)
        if given.raw == b"3":
            self.fails()
        return given


def test_an_input_that_cannot_be_made_is_a_find() -> None:
    """It ended what judges, and all that came after was not judged, without a word; also where the making kills."""
    numbers = range(30)
    lost = sum(Answering(str).make(chance_of(1, "invented", n)).raw == b"3" for n in numbers)
    ways = ((dict[str, int]().popitem, "in the making: KeyError in "), (_exits, "in the making: died (9)"))
    for fails, what in ways:
        made = judge_all(pieces(Unmakeable(_ok, fails=fails), 1, 30, 10), 1, lambda _: None)["invented"]
        (find,) = made.finds.values()
        assert find.what.startswith(what)
        assert (find.times, made.inputs, made.answers["ok"]) == (lost, 30, 30 - lost)


def _exits() -> None:
    os._exit(9)


def _ok(raw: bytes) -> str:
    return "ok"


def test_an_input_that_takes_too_much_memory_is_a_find() -> None:
    """Asked for at once it is not given; gathered bit by bit it is not given either."""
    (find,) = judge(Answering(_grows), 1, range(1), memory=64 * MEGABYTE).finds.values()
    assert find.what.startswith("MemoryError")
    kept = judge(Answering(_keeps), 1, range(40), memory=64 * MEGABYTE)
    assert any("Memory" in what or "memory" in what for what in kept.finds)
    assert kept.peak > 40 * MEGABYTE


def test_many_processes_come_to_the_same_as_one() -> None:
    """The sums do not depend on who judged what."""
    one = judge(Intakes(), 1, range(60))
    many = judge_all(pieces(Intakes(), 1, 60, 20), 2, lambda _: None)["intakes"]
    assert (many.inputs, many.answers) == (one.inputs, one.answers)


@pytest.mark.parametrize(
    ("code", "err"),
    [
        (1, "An unforeseen error (KeyError); --debug shows where."),
        (2, ""),
        (2, "Traceback (most recent call last):"),
        (2, "The act is malformed: \x1b[2J"),
        (2, "The act is malformed: \u202e"),
    ],
)
def test_an_answer_that_is_none_would_be_seen(code: int, err: str) -> None:
    """A wrong exit code, silence, a traceback, and letters that steer a terminal."""
    with pytest.raises(Wrong):
        judged(code, "", err, allowed=(2, 3))
    assert judged(2, "", "The act is malformed.", allowed=(2, 3)) == "exit 2"


def test_the_command_tells_what_it_found(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A table with a row for each kind."""
    page = tmp_path / "measures.md"
    asked = ["--count", "40", "--only", "intakes,scripts", "--through", "0", "--write", str(page)]
    assert main(asked) == 0
    out = capsys.readouterr().out
    assert "Everything was answered." in out
    assert "| intakes | 30 |" in out
    assert not page.exists()
    assert "| invented | 1 | 1 |" in report({"invented": Judged("invented", 1, Counter(x=1))}, [], "x")


@pytest.mark.parametrize(
    ("refused", "said", "wrong"),
    [
        (None, "an answer", False),
        (None, "a query that failed", True),
        ("MalformedQuery", "a query that failed", False),
        ("MalformedQuery", "an answer", True),
        ("KeyError", "a query that failed", True),
    ],
)
def test_a_query_fails_where_it_is_refused_and_nowhere_else(refused: str | None, said: str, *, wrong: bool) -> None:
    """An error in what answers queries looks from outside like any refusal."""
    assert judged_query("ledger", refused, said)[1] is wrong


def test_a_case_that_hears_nothing_any_more_is_a_find_and_holds_up_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be waited for with each input. What is not sent any more is told."""
    monkeypatch.setattr(at_the_door, "_PATIENCE", 0.01)

    async def hangs(_: Random, __: Answered) -> None:
        await asyncio.sleep(60)

    async def answers(_: Random, answered: Answered) -> None:
        answered.add("taken")

    found = asyncio.run(many(1, "invented", 40, hangs))
    assert any("Timeout" in each for each in found.wrong) and found.inputs < 40
    assert found.wrong[-1].startswith("40 inputs were asked for")
    assert asyncio.run(many(1, "invented", 40, answers)).wrong == []


@pytest.mark.parametrize(("read", "wrong"), [(10, 0), (9, 1)])
def test_forms_that_are_kept_out_are_a_find(read: int, wrong: int) -> None:
    """Nobody read the fields of a form without its tokens, and for long no other was sent."""
    answers = Counter({"422 act": read, "403 act: This form has stood open for too long": 20 - read})
    assert len(with_fields_read(Answered("forms", 20, answers)).wrong) == wrong


@dataclass(frozen=True)
class Answers:
    """What a house answers to a good act."""

    result: str
    closed: bool = False
    another: str = "accepted"

    def receipt(self, reference: str, _: object) -> dict[str, Any]:
        return {"result": self.another if reference == "another" else self.result}

    def is_closed(self, _: str) -> bool:
        return self.closed

    def opened(self, **_: object) -> str:
        return "another"


@pytest.mark.parametrize(
    ("answers", "heard"),
    [
        (Answers("accepted"), True),
        (Answers("refused"), False),
        (Answers("refused", closed=True), True),
        (Answers("refused", closed=True, another="refused"), False),
    ],
    ids=str,
)
def test_a_good_act_is_heard_where_it_is_accepted(answers: Answers, *, heard: bool) -> None:
    """Its receipt was not looked at: a case that refused everything would have passed."""
    assert (good_act_heard(cast("Any", answers), "one") in HEARD) is heard


def test_forms_are_what_a_browser_posts_and_spoiled() -> None:
    """The tokens of the page's own form come first, as they stood there; and no two forms are alike."""
    page = (
        '<form action="/out"><input type="hidden" name="once" value="other"></form><form action="/here" method="post">'
    )
    page += (
        '<input type="hidden" name="csrf" value="a&amp;b"><input type="hidden" name="once" value="c"><input name="x">'
    )
    tokens = forms.hidden(page, "/here")
    assert tokens == [("csrf", "a&b"), ("once", "c")]
    said = {"act": "note", "text": "an invented note"}
    made = {forms.urlencoded([*tokens, *forms.act_typed(said, Random(n))], Random(n)).content for n in range(50)}
    assert len(made) > 30
    assert all(each.startswith(b"csrf=a%26b&once=c") for each in made)


def test_headers_and_signatures_are_drawn_from_their_number() -> None:
    """So that a find can be made again; most headers are where a trace is looked for, and not all are alike."""
    made = [headers.drawn(chance_of(1, "invented", n)) for n in range(100)]
    assert made == [headers.drawn(chance_of(1, "invented", n)) for n in range(100)]
    assert sum(headers.TRACE in each for each in made) > 40
    assert len({str(each) for each in made}) > 50


def test_signatures_are_good_and_spoiled_in_many_ways() -> None:
    """Each fault of a signature is met, and a good one now and then."""
    answers = judge(Acts(standings()), 1, range(1_500)).answers
    for fault in ("unreadable", "forged", "unknown_key", "other_act", "other_case", "expired", "not_yet_valid"):
        assert f"refused: not-your-act {fault}" in answers
    assert any(answer.endswith(" signed") for answer in answers)


def test_what_a_house_tells_of_itself_is_kept(tmp_path: Path) -> None:
    """By a collector that is there as long as the house is."""
    with collecting(into := tmp_path / "traces") as address:
        httpx2.post(f"{address}/v1/traces", content=b"HandleUpdate:record")
    assert into.read_bytes() == b"HandleUpdate:record"


@pytest.mark.parametrize("asked", [("--only", "delays"), ("--count", "40"), ("--through", "1"), ("--seed", "2")])
def test_a_part_of_a_run_is_not_written(asked: tuple[str, str]) -> None:
    """It would stand on the page of measures as if it were the whole."""
    name, value = asked[0][2:], asked[1]
    given = Namespace(**{**WHOLE, **({} if name == "only" else {name: int(value)})})
    assert why_not_written(given, [value] if name == "only" else list(SHARES))
    assert not why_not_written(Namespace(**WHOLE), list(SHARES))


def test_a_whole_run_is_written_with_what_it_lost(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A process that judges died once, and a run with fewer inputs stood there as a whole one, with exit code 0."""
    monkeypatch.setattr(run, "WHOLE", {"count": 60, "seed": 1, "through": 0})
    asked = ["--count", "60", "--through", "0", "--processes", "1", "--write", str(page := tmp_path / "measures.md")]
    assert main(asked) == 0
    assert "| acts | 37 |" in (text := page.read_text("utf-8"))
    assert "not mended" not in text

    def loses(*_: object) -> dict[str, Judged]:
        return {"acts": Judged("acts", 36)}

    monkeypatch.setattr(run, "judge_all", loses)
    assert main(asked) == 1
    assert "acts: 36 of 37 inputs were judged" in capsys.readouterr().out
    assert "- acts: 36 of 37 inputs were judged\n" in page.read_text("utf-8")


def test_what_a_whole_run_finds_takes_the_place_of_a_page_without_finds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """At the top of the section, with what makes it again and without what was said; the exit code tells it too."""
    monkeypatch.setattr(run, "WHOLE", {"count": 60, "seed": 1, "through": 0})
    page = tmp_path / "measures.md"
    page.write_text("# Measures\n\n## Bad input\n0 finds of before.\n\n## Other\nStays.\n", encoding="utf-8")
    asked = run.asked_of(list(SHARES), 60)
    said = Wrong("a word that somebody said")
    found = {name: Judged(name, count) for name, count in asked.items()}
    for name in ("acts", "dossiers"):
        found[name].add_find(Find(name, f"Wrong in procedure/acts.py:read: {said}", 0, Given(b"")))

    def finds(*_: object) -> dict[str, Judged]:
        return found

    monkeypatch.setattr(run, "judge_all", finds)
    assert main(["--count", "60", "--through", "0", "--write", str(page)]) == 1
    text = page.read_text("utf-8")
    assert "of before" not in text and text.endswith("\n## Other\nStays.\n")
    top = text.partition("| kind |")[0]
    assert "**2 finds, not mended when this was written:**" in top
    assert "- acts, 1 time, `Wrong in procedure/acts.py:read`; the first again: " in top
    assert "`python -m hostile --only acts --number 0 --seed 1`" in top
    assert "- dossiers, 1 time, `Wrong in procedure/acts.py:read`; the first is number 0 of seed 1" in top
    assert "somebody said" not in text


def test_a_door_at_which_something_was_found_is_named_on_the_page() -> None:
    """How many different answers were wrong, and nothing of what they say."""
    text = report(
        {}, [Answered("the API", 2, wrong=["500 at GET '/cases/invented'"]), Answered("starts", 3)], "x", seed=7
    )
    assert "**1 find, " in text
    assert "- through the API, 1 different; all again: `python -m hostile --seed 7`" in text
    assert "through starts" not in text and "invented" not in text


@pytest.mark.parametrize(
    ("name", "how", "ending", "wrong"),
    [
        ("SweepArchive", "good", "COMPLETED", False),
        ("SweepArchive", "good", "MalformedStart", True),
        ("SweepArchive", "long", "MalformedStart", False),
        ("SweepArchive", "two", "COMPLETED", True),
        ("SweepArchive", "spoiled", "RUNNING", False),
        ("SweepArchive", "spoiled", "MalformedStart", False),
        ("FamilyTracing", "good", "MalformedStart", False),
        ("FamilyTracing", "good", "RUNNING", True),
        ("ArchiveRun", "spoiled", "ActivityError", True),
    ],
)
def test_a_stranger_begins_no_process_but_a_sweep(name: str, how: str, ending: str, wrong: bool) -> None:
    """And that only well; what was spoiled by chance may still be good."""
    assert judged_start(name, how, ending) is wrong
