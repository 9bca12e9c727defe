"""What the law alone costs: ``python -m benches.law``. One process, one core, no engine.

The acts are those of the shipped scenarios, each at its own moment: accepted and refused ones, reports of what goes
wrong, and weeks in which deadlines pass. They are said again and again, always to cases opened anew.
"""

import argparse
import cProfile
import os
import pstats
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any, Final, Protocol

from activities.agreements import AgreementShelf
from benches.measures import machine, put_whole, short_of, table
from procedure.acts import Act, parse_act
from procedure.agreement import Agreement
from procedure.case import Case
from procedure.decide import decide, next_due, open_case, pass_time
from procedure.entries import Entry
from procedure.faults import MalformedAct
from procedure.intake import Intake, parse_intake
from procedure.ledger import Ledger
from procedure.proceedings import Proceedings, Receipt
from starter.moments import resolve
from starter.scenario import NEEDS_DOSSIER, Read, find, length, shipped

TITLE: Final = "The law alone"
WANTED: Final = 20_000
"""Acts decided in a second of work of one core."""
MOST_GROWTH: Final = 1.1
"""So many times what the 50th act of a case costs may the 5,000th cost."""

BEGIN: Final = datetime(2026, 2, 2, 9, tzinfo=UTC)
"""A Monday."""
SEED: Final = b"an invented seed for the benches"

Fields = dict[str, Any]


# What is said


@dataclass(frozen=True, slots=True)
class Said:
    """An act, the moment at which it comes, and the moments before it at which a case would wake by itself."""

    at: datetime
    text: str
    act: Act
    wakes: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class Course:
    """A case, and what is said in it."""

    intake: Intake
    agreement: Agreement
    said: tuple[Said, ...]

    @property
    def reference(self) -> str:
        return f"{self.intake.host_state}-{self.intake.origin_state}-2026-000000"


class _Kept:
    """A case with its record. ``seed`` is None where nobody keeps the record."""

    def __init__(self, course: Course, seed: bytes | None) -> None:
        self.seed = seed
        self.ledger = Ledger()
        self.case: Case = open_case(
            course.intake, course.agreement, reference=course.reference, at=BEGIN, ledger=self.ledger, seed=seed
        )

    def wake(self, at: datetime) -> None:
        self.case = pass_time(self.case, at, self.ledger, self.seed)

    def hear(self, act: Act, at: datetime) -> None:
        self.case = decide(self.case, act, at, self.ledger, self.seed)


def courses(seed: bytes | None = SEED, scenarios: Sequence[str] = ()) -> list[Course]:
    """Every case of the shipped scenarios with its acts, as they are said where records are sealed with ``seed``.

    ``scenarios`` names some of them, where not all are wanted.
    """
    return [course for name in scenarios or shipped() for course in _courses(_scenario(name), seed)]


_scenario = cache(find)


def _courses(scenario: Read, seed: bytes | None) -> Iterator[Course]:
    agreement = AgreementShelf().get(scenario.agreement)
    for name, given in scenario.intakes().items():
        intake = parse_intake({**resolve(given, BEGIN), "agreement": agreement.id}, today=BEGIN.date())
        course = Course(intake, agreement, ())
        yield replace(course, said=tuple(_said(scenario, name, _Kept(course, seed))))


def _said(scenario: Read, name: str, kept: _Kept) -> Iterator[Said]:
    """The acts of one case of a scenario, each once it has been heard."""
    at = BEGIN
    for n, step in enumerate(scenario.scenario.steps, start=1):
        if span := length(step):
            at = span.after(at)
        given = scenario.act_of(step)
        if given is None or scenario.case_of(step) != name:
            continue
        told: Fields = {"act_id": f"step-{n}", **resolve(given, at)}
        if told["act"] in NEEDS_DOSSIER:
            told["dossier"] = _dossier(told.get("dossier"), kept)
        try:
            act = parse_act(told)
        except MalformedAct:
            continue  # what comes in no shape is no act, and reaches no case
        wakes = tuple(_wakes(kept, at))
        kept.hear(act, at)
        yield Said(at, act.model_dump_json(by_alias=True, exclude_unset=True), act, wakes)


def _wakes(kept: _Kept, until: datetime) -> Iterator[datetime]:
    """Let the case wake whenever something comes due."""
    while (due := next_due(kept.case)) is not None and due <= until:
        kept.wake(due)
        yield due


def _dossier(named: str | None, kept: _Kept) -> str:
    """The head that an approver read: the newest one, or that of the entry that is named."""
    if named is None or not named.startswith("@entry:"):
        return named or kept.case.head
    entry = kept.ledger.find(int(named.removeprefix("@entry:")))
    return entry.hash if entry else named


# What is timed


@dataclass(frozen=True, slots=True)
class Round:
    """What one round through all courses came to. ``seconds`` are of work of one core, openings not counted."""

    acts: int
    entries: int
    seconds: float


class Play(Protocol):
    """Opens the case of a course anew and says everything in it; ``watched`` is entered while it is said."""

    def __call__(self, course: Course, watched: AbstractContextManager[object] = ..., /) -> Round: ...


_UNWATCHED: Final = nullcontext()


def decided(seed: bytes | None) -> Play:
    """By the law's own door; time is let pass where something has come due, as a workflow's timer does."""

    def play(course: Course, watched: AbstractContextManager[object] = _UNWATCHED, /) -> Round:
        kept = _Kept(course, seed)
        with watched:
            first, begun = kept.case.n, time.process_time()
            for said in course.said:
                for due in said.wakes:
                    kept.wake(due)
                kept.hear(said.act, said.at)
        return Round(len(course.said), kept.case.n - first, time.process_time() - begun)

    return play


def heard(read: Callable[[Said], Act]) -> Play:
    """As a workflow calls it: known acts found again, time let pass, the answer looked at, the next moment found."""

    def play(course: Course, watched: AbstractContextManager[object] = _UNWATCHED, /) -> Round:
        proceedings = Proceedings.open_case(
            course.intake, course.agreement, reference=course.reference, at=BEGIN, seed=SEED
        )
        with watched:
            first, begun = proceedings.case.n, time.process_time()
            for said in course.said:
                for due in said.wakes:
                    proceedings.let_time_pass(due)
                proceedings.hear(read(said), said.at)
        return Round(len(course.said), proceedings.case.n - first, time.process_time() - begun)

    return play


DECIDED: Final = "decided and folded, in a record that nobody keeps"
SEALED: Final = "decided, folded and sealed into the chain"
HEARD: Final = "heard, as a workflow has it heard"
READ: Final = "read as text and heard"


def rates(rounds: int, scenarios: Sequence[str] = ()) -> dict[str, list[Round]]:
    """So many rounds of each way to hear the acts, by turns."""
    nobodys, kept = courses(None, scenarios), courses(SEED, scenarios)
    ways: dict[str, tuple[list[Course], Play]] = {
        DECIDED: (nobodys, decided(None)),
        SEALED: (kept, decided(SEED)),
        HEARD: (kept, heard(lambda said: said.act)),
        READ: (kept, heard(lambda said: parse_act(said.text))),
    }
    found: dict[str, list[Round]] = {way: [] for way in ways}
    for turn in range(rounds + 1):
        for way, (said, play) in ways.items():
            each = [play(course) for course in said]
            if turn:  # the first one fills tables
                found[way].append(
                    Round(
                        sum(one.acts for one in each),
                        sum(one.entries for one in each),
                        sum(one.seconds for one in each),
                    )
                )
    return found


Parts = dict[str, tuple[str, str]]
"""By what it does: the file of the law, and the function in it, whose time with all that it calls is meant."""

PARTS_DECIDED: Final[Parts] = {
    "which deadlines run now, and what becomes of them": ("deadlines.py", "changes"),
    "what the safeguards say": ("gates.py", "refusals"),
    "what the act sets and voids, and the act as it was given": ("decide.py", "_said"),
    "entries folded into the case": ("folding.py", "apply"),
    "deadlines folded into the case": ("folding.py", "with_deadlines"),
    "the entry counted": ("folding.py", "recorded"),
}
"""What an act is made of that is decided and folded. None lies in another, but for the few deadlines that are extended."""

PARTS_HEARD: Final[Parts] = {
    "digests and canonical JSON of entries": ("entries.py", "seal"),
    "which deadlines run now, and what becomes of them": ("deadlines.py", "changes"),
    "what the safeguards say": ("gates.py", "refusals"),
    "the act written down as it was given": ("acts.py", "as_given"),
    "when the case wakes next": ("decide.py", "next_due"),
    "whether it can be shown": ("views.py", "try_to_show"),
    "whether the act was heard before": ("proceedings.py", "_digest"),
}
"""What it is made of besides, where a workflow has it heard."""


def shares(parts: Parts, play: Play, said: Sequence[Course]) -> dict[str, float]:
    """Of the work of hearing acts, how much each of the parts is, from 0 to 1, by the profiler of the library.

    Openings are not counted, as they are not in the rates.
    """
    # By work of the core: on a busy machine a part would be as long as others held it up.
    profile = cProfile.Profile(time.process_time)
    for course in said:
        play(course)  # the first one fills tables
        play(course, profile)
    told: Any = pstats.Stats(profile)
    spent = {(Path(file).name, name): times[3] for (file, _, name), times in told.stats.items()}
    return {part: spent.get(of, 0.0) / told.total_tt for part, of in parts.items()}


def entries_of(course: Course) -> list[Entry]:
    """The record that a course comes to."""
    kept = _Kept(course, SEED)
    for said in course.said:
        for due in said.wakes:
            kept.wake(due)
        kept.hear(said.act, said.at)
    return list(kept.ledger)


# The long case

EARLY: Final = 50
LATE: Final = 5_000
_AROUND: Final = 80
"""Acts around each of the two that are timed: four times everything that is said over and over."""


_HOME: Final[Fields] = {
    "name": "Invented Home",
    "kind": "foster_family",
    "run_by": "foster_carer",
    "child_may_leave_at_will": True,
}
_SINCE: Final = "2026-02-01T09:00:00Z"
_HEARING: Final[Fields] = {
    "views": "told in confidence",
    "wish": "stay",
    "language": "uk",
    "interpreter": True,
    "guardian_present": True,
    "informed": True,
}
FOR_EVER: Final[tuple[tuple[str, str, Fields], ...]] = (
    ("caseworker", "note", {"text": "An invented note, as long as such notes are. " * 8}),
    ("caseworker", "confirm_services", {"education": True, "healthcare": True}),
    ("child_protection_authority", "place_child", {"placement": _HOME}),
    ("child_protection_authority", "approve_travel", {"dossier": "0" * 64}),  # refused
    ("caseworker", "report_missing", {"since": _SINCE}),
    ("caseworker", "report_found", {"placement": _HOME}),
    ("caseworker", "hear_child", _HEARING),
    ("child", "complain", {"about": "an invented matter"}),
    ("caseworker", "note", {"text": "An invented note."}),
    ("ombudsperson", "answer_complaint", {"result": "upheld", "remedy": "an apology"}),
    ("central_authority", "suspend", {"ground": "health"}),
    ("child_protection_authority", "resume", {"ground": "health"}),
    ("law_enforcement", "note", {"text": "An invented note."}),  # refused
    ("child", "lodge_asylum_claim", {}),
    ("asylum_authority", "resolve_asylum_claim", {"result": "withdrawn"}),
    ("caseworker", "screen_protection", {"trafficking": False, "asylum": False, "violence": False}),
    ("ombudsperson", "report_detention", {"placement": _HOME, "since": _SINCE}),
    ("ombudsperson", "confirm_release", {"placement": _HOME}),
    ("court", "decide_appeal", {"result": "dismissed"}),  # refused
    ("caseworker", "verify_identity", {"result": "presumed", "sources": ["what the child told"]}),
)
"""Role, act and fields of what goes on over and over in a case that comes to no end."""


def said_for_ever(course: Course) -> Iterator[Callable[[], Receipt]]:
    """One act after the other in one case without end, each to be called to have it heard."""
    proceedings = Proceedings.open_case(
        course.intake, course.agreement, reference=course.reference, at=BEGIN, seed=SEED
    )
    for n, (role, name, fields) in enumerate(cycle(FOR_EVER)):
        actor = {"id": f"{role}-1", "role": role, "state": course.intake.host_state}
        said = {"act": name, "act_id": f"act-{n}", "actor": actor, "reason": "invented", **fields}
        if name == "answer_complaint":
            said["complaint"] = proceedings.case.complaints[0].n
        yield partial(proceedings.hear, parse_act(said), BEGIN + timedelta(hours=n))


def growth(course: Course, late: int, rounds: int) -> tuple[float, float]:
    """Seconds of work that the 50th act of a case costs, and the act number ``late`` of the same case.

    Each is the mean over the acts around it, all that are said over and over, four times; of each act the least of
    so many ``rounds``, for what others do on the machine only adds to it.
    """
    least = [float("inf")] * (late + _AROUND // 2)
    for _ in range(rounds):
        for n, hear in enumerate(islice(said_for_ever(course), len(least))):
            begun = time.process_time()
            hear()
            least[n] = min(least[n], time.process_time() - begun)
    half = _AROUND // 2
    early, then = (sum(least[n - half : n + half]) / _AROUND for n in (EARLY, late))
    return early, then


def measure(rounds: int, late: int = LATE, scenarios: Sequence[str] = ()) -> str:
    """The section's text. ``late`` and ``scenarios`` make it small, to try whether it works."""
    load = os.getloadavg()[0]
    found = rates(rounds, scenarios)
    early, then = growth(courses(SEED, scenarios)[0], late, rounds)
    of_all = found[HEARD][0]
    rows: list[list[str]] = []
    for way, each in found.items():
        rate = sorted(one.acts / one.seconds for one in each)
        entries = median(one.entries / one.seconds for one in each)
        rows.append(
            [
                way,
                f"{median(rate):,.0f}",
                f"{rate[0]:,.0f} to {rate[-1]:,.0f}",
                f"{1e6 / median(rate):.0f} µs",
                f"{entries:,.0f}",
            ]
        )
    best = median(one.acts / one.seconds for one in found[DECIDED])
    sealed = median(one.acts / one.seconds for one in found[SEALED])
    workflow = median(one.acts / one.seconds for one in found[HEARD])
    parts = shares(PARTS_DECIDED, decided(None), courses(None, scenarios))
    return "\n\n".join(
        [
            f"Written by `make bench-law`: the {of_all.acts:,} acts of the shipped scenarios, accepted and refused, "
            f"with what comes due between them ({of_all.entries:,} entries), {rounds} times, each way by turns.",
            machine("pydantic"),
            table(["an act that is", "acts a second, median", "spread", "an act", "entries a second"], rows),
            "A decided act is one that was read and is asked of every safeguard; its entry and all that follows from it "
            "are written and folded into the case. Where something has come due, time is let pass first, "
            "and that is counted.\n"
            f"Wanted are {WANTED:,} acts a second on one core: {_said_of(best, 'decided and folded')}, "
            f"{_said_of(sealed, 'with digests')}, {_said_of(workflow, 'as a workflow has it')}.",
            f"The act number {late:,} of one case costs {then / early:.2f} times what the {EARLY}th costs; "
            f"at most {MOST_GROWTH} is allowed. "
            f"{len({name for _, name, _ in FOR_EVER})} kinds of acts over and over, complaints and refusals among them.",
            f"Where the work of an act goes that is {DECIDED}, which is what the target is about (by the profiler, which "
            "makes much of small functions):",
            _shown(parts),
            _of_the_target(best, parts),
            "And as a workflow has it heard, where parts may lie in one another:",
            _shown(shares(PARTS_HEARD, heard(lambda said: said.act), courses(SEED, scenarios))),
            _remains(of_all.entries / of_all.acts),
            f"Seconds are of work of the core. The load of the machine was {load:.1f} before and "
            f"{os.getloadavg()[0]:.1f} at the end; this alone makes 1. Where it was more, other programs shared cores and "
            "caches, and work grew with it.",
        ]
    )


def _shown(parts: dict[str, float]) -> str:
    return table(["part", "share"], [[part, f"{share:.0%}"] for part, share in parts.items()])


def _of_the_target(rate: float, parts: dict[str, float]) -> str:
    """Why the target is missed, where it is."""
    largest = max(parts, key=lambda part: parts[part])
    without = rate / (1 - parts[largest])
    told = f"Without the largest part, {largest}, there would be {without:,.0f} acts a second. "
    if rate < WANTED:
        told += f"So no part alone stands between this and {WANTED:,}. " if without < WANTED else ""
        told += (
            "Each entry that changes a fact asks every deadline whether it runs now; to ask fewer, each would have to "
            "name all the facts it looks at, and a fact forgotten there is a deadline that never begins. A case is a value "
            "and is copied for each entry, so that a refused act can leave nothing behind. Each gate of an act is asked, "
            "also after one has refused: a refusal gives every reason."
        )
    return told.strip()


def _remains(entries_an_act: float) -> str:
    return (
        f"Of the other lines: an act makes {entries_an_act:.1f} entries, what comes due before it counted in, and each is "
        "two canonical texts, two digests and a salt; that is the difference between the first two. A workflow asks "
        "besides whether the answer can be shown and when the case wakes, so that no act is recorded that would leave the "
        "case unreadable."
    )


def _said_of(rate: float, how: str) -> str:
    return f"{how} that is {'kept' if rate >= WANTED else f'missed by {1 - rate / WANTED:.0%}'}"


WHOLE: Final = {"rounds": 9}
"""What a run asks for whose figures stand on the page of measures."""
SMALL: Final = ("02-the-stay-centre-with-a-locked-gate", "13-nobody-answers")
"""Scenarios in which most of what can happen happens."""


def options() -> argparse.ArgumentParser:
    """What may be asked for."""
    asks = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asks.add_argument("--rounds", type=int, default=WHOLE["rounds"], help="rounds through all cases")
    asks.add_argument("--small", action="store_true", help="all of it at reduced size, to see that it works")
    asks.add_argument("--write", type=Path, help="a page of measures, whose section on this is written anew")
    return asks


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and write where asked to."""
    asked = options().parse_args(arguments)
    text = measure(1, 2 * EARLY, SMALL) if asked.small else measure(asked.rounds)
    print(text)
    if asked.write:
        short = "--small is no whole run" if asked.small else short_of(asked, WHOLE)
        put_whole(asked.write, TITLE, text, short=short)


if __name__ == "__main__":
    main()
