"""``python -m proof``: explore, show that each safeguard is needed and each broken law seen, print what came of it.

Exit code 0 when no promise was broken, every comparison held, every safeguard did as is said of it, every broken law
was seen, and the agreements stood or were refused as they must; 1 otherwise. ``--small`` is the part that runs in seconds.
"""

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from benches.measures import machine, put_whole, table
from procedure.agreement import Agreement
from proof import broken, needed, scopes
from proof.alphabet import BY_OTHERS, SAYINGS, WAITS, sayings
from proof.exploring import Exploration, Found, Scope

TITLE: Final = "Proof"
STATES: Final = 3_000
"""States of each scope at most, where nothing else is said. Fewer may end before a stretch is walked."""
MODEL_STATES: Final = 20_000
"""The same under the first agreement, the model, by which the others are completed."""
SHOWN: Final = 3
"""Differences between records of one state that are told of each exploration; of the others their number is told."""
SMALL_STATES: Final = 60
"""States of each scope that the small exploration looks at."""


@dataclass(frozen=True)
class Looked:
    """One piece of the work, done: what it found and the processor time that it took, in seconds."""

    found: Found | needed.Needed | broken.Seen
    seconds: float


def explore(scope: Scope, agreement: Agreement, most_states: int | None) -> Looked:
    began = time.process_time()
    found = Exploration(scope, agreement, most_states=most_states).run()
    return Looked(found, time.process_time() - began)


def switch_off(names: tuple[str, ...], agreement: Agreement) -> Looked:
    began = time.process_time()
    found = needed.look_without(agreement, *names)
    return Looked(found, time.process_time() - began)


def break_the_law(law: str, agreement: Agreement) -> Looked:
    began = time.process_time()
    seen = broken.look_at(law, agreement)
    return Looked(seen, time.process_time() - began)


def work(*, small: bool, most_states: int | None = None) -> list[Callable[[], Looked]]:
    """Every piece of work. ``most_states`` bounds each scope, 0 none; where it is None, each has the bound of a whole run.

    Agreements that differ in nothing that is read are explored once.
    """
    stands, _ = scopes.shipped()
    model = stands["model"]
    generated = scopes.family(model)
    shipped = [terms for terms, _ in scopes.each_once(stands.values())]
    family = [terms for terms, _ in scopes.each_once([*shipped, *generated.values()]) if terms.id in generated]
    pieces: list[Callable[[], Looked]] = [partial(break_the_law, law, model) for law in broken.BY_NAME]
    if small:
        pieces += [partial(explore, scope, model, SMALL_STATES) for scope in scopes.TO_A_FIXED_POINT]
        pieces += [partial(explore, scope, terms, 10) for terms in [*shipped[1:], *family] for scope in scopes.EDGES]
        pieces += [partial(explore, scope, terms, 10) for scope, terms in scopes.at_an_edge(generated)]
        pieces += [partial(switch_off, names, model) for names in needed.every() if names[0] in needed.SOON]
        return pieces

    def most(terms: Agreement) -> int | None:
        usual = MODEL_STATES if terms is model else STATES
        return usual if most_states is None else most_states or None

    pieces += [partial(switch_off, names, model) for names in needed.every()]
    for terms in shipped:
        # These have a bound of their own.
        pieces += [partial(explore, scope, terms, None) for scope in scopes.EVERYTHING]
        pieces += [partial(explore, scope, terms, most(terms)) for scope in scopes.TO_A_FIXED_POINT]
    pieces += [partial(explore, scope, terms, most(terms)) for terms in family for scope in scopes.EDGES]
    pieces += [partial(explore, scope, terms, most(terms)) for scope, terms in scopes.at_an_edge(generated)]
    return pieces


def _do(piece: Callable[[], Looked]) -> Looked:
    return piece()


def done(pieces: Sequence[Callable[[], Looked]], processes: int, tell: Callable[[str], None]) -> list[Looked]:
    """All pieces, in their order."""
    looked: list[Looked] = []
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        for each in pool.imap(_do, pieces):
            looked.append(each)
            tell(_line(each))
    return looked


def _line(looked: Looked) -> str:
    found = looked.found
    if isinstance(found, Found):
        what = f"{found.scope}, under {found.agreement}: {found.states:,} states, {found.steps:,} steps"
        what += f" ({_how_far([found])})"
        return f"{what}, {len(found.breaches)} breaches, {looked.seconds:.0f} s"
    if isinstance(found, broken.Seen):
        return f"a law by which {found.law}: {'; by: '.join(_seen(found))}"
    names = " and ".join(found.safeguards)
    if found.breach is None:
        return f"without {names}: nothing breaks ({needed.WHY_NOTHING_BREAKS.get(names, 'not explained')})"
    return f"without {names}: {found.breach[1]}, by: {'; '.join(found.course)}"


def _at_the_end(found: Found) -> bool:
    """Whether nothing new was left; what a scope passes by, as a second appeal, is told beside it."""
    return not any(bound.endswith(" states") or bound.startswith("courses of") for bound in found.bounds)


def _how_far(found: Sequence[Found]) -> str:
    """The bounds that were met, and of how many explorations everything was looked at within them."""
    ended = sum(map(_at_the_end, found))
    met = sorted(set[str]().union(*(each.bounds for each in found)))
    many = f"{ended} of {len(found)} " if 0 < ended < len(found) else ""
    return "; ".join([*([f"{many}to the end"] if ended else []), *met])


def _as_long(pieces: Sequence[Found]) -> str:
    return str(max((each.longest for each in pieces), default=0))


def wrong(
    looked: Sequence[Looked], refused: dict[str, Any], beyond: dict[str, list[str]], *, whole: bool = True
) -> list[str]:
    """Everything that is not as it must be, a line each. A run that is not ``whole`` may stop before a stretch ends."""
    found = [each.found for each in looked]
    lines: list[str] = []
    for each in found:
        if isinstance(each, needed.Needed):
            if not each.as_expected:
                lines.append(f"switching off {' and '.join(each.safeguards)} did not do what is said of it")
            continue
        if isinstance(each, broken.Seen):
            if each.breach is None:
                lines.append(f"a law by which {each.law} was not seen")
            continue
        told: set[str] = set()
        for (promise, what), course in each.breaches:
            if what not in told:
                told.add(what)
                lines.append(f"{promise}: {what} ({each.agreement}). The course: {'; '.join(course)}")
        if whole and each.missed:
            never = ", ".join(each.missed)
            lines.append(f"{each.scope} ({each.agreement}) follows what never came about: {never}")
        where = f"{each.scope}, under {each.agreement}"
        lines += [f"one state, two ways on: {where}: {difference}" for difference in each.differed[:SHOWN]]
        if (more := len(each.differed) - SHOWN) > 0:
            lines.append(f"one state, two ways on: {where}: {more:,} more")
    if "chisinau-2002" not in refused:
        lines.append("the loader let chisinau-2002 pass")
    lines += [f"the loader let a profile pass beyond {c}" for c, by in beyond.items() if c not in by]
    return lines


def report(
    looked: Sequence[Looked],
    refused: dict[str, Any],
    beyond: dict[str, list[str]],
    command: str,
    problems: Sequence[str] = (),
) -> str:
    """What is printed at the end, and written into the page of measures: the problems before everything else."""
    found = [(each.found, each.seconds) for each in looked if isinstance(each.found, Found)]
    off = [each.found for each in looked if isinstance(each.found, needed.Needed)]
    broke = [each.found for each in looked if isinstance(each.found, broken.Seen)]
    alike = {terms.id: others for terms, others in scopes.each_once(scopes.shipped()[0].values()) if others}
    rows = [
        [
            f"{each.scope} ({', '.join([each.agreement, *alike.get(each.agreement, ())])})",
            f"{each.states:,}",
            f"{each.looked_at:,}",
            f"{each.steps:,}",
            f"{each.longest}",
            _how_far([each]),
            f"{len(each.breaches)}",
            f"{seconds:.0f}",
        ]
        for each, seconds in found
        if not each.agreement.startswith("edges-")
    ]
    for scope in (*scopes.EDGES, scopes.OF_CONSENT):
        edges = [each for each in found if each[0].scope == scope.name and each[0].agreement.startswith("edges-")]
        rows.append(
            [
                f"{scope.name} ({len(edges)} generated profile{'s' * (len(edges) != 1)})",
                f"{sum(each.states for each, _ in edges):,}",
                f"{sum(each.looked_at for each, _ in edges):,}",
                f"{sum(each.steps for each, _ in edges):,}",
                _as_long([each for each, _ in edges]),
                _how_far([each for each, _ in edges]),
                f"{sum(len(each.breaches) for each, _ in edges)}",
                f"{sum(seconds for _, seconds in edges):.0f}",
            ]
        )
    every = [each for each, _ in found]
    reached: dict[str, int] = {}
    for each in every:
        for ending, states in each.ended.items():
            reached[ending] = reached.get(ending, 0) + states
    breaches = sum(len(each.breaches) for each in every)
    accepted = set[str]().union(*(each.acts for each in every))
    lines = [
        f"Written by `{command}`. {machine('pydantic')}",
        "What the words mean, why it is sound, and where it ends, is in [the page on the proof](proof.md).",
        "",
        *_told_first(problems),
        f"{sum(each.states for each in every):,} states, of which "
        f"{sum(each.looked_at for each in every):,} were looked at and the others lay beyond a bound; {sum(each.steps for each in every):,} transitions "
        f"({sum(each.accepted for each in every):,} acts accepted, {sum(each.refused for each in every):,} refused, "
        f"{sum(each.waits for each in every):,} times that time passed). **{breaches} breaches** of what never bends.",
        f"{len(SAYINGS)} ways to say the acts, {_of_lists()} more from the lists of agreements, {len(BY_OTHERS)} by people whose acts they are not, {len(WAITS)} "
        f"ways for time to pass; {len(accepted)} ways were accepted somewhere.",
        f"{sum(each.merged for each in every):,} times a course came to a state that was known; "
        f"{sum(each.compared for each in every):,} of these pairs of records were compared in every next step, and "
        f"both held to the promises; {sum(len(each.differed) for each in every)} differed. In "
        f"{sum(each.clocks for each in every):,} of these records the deadlines stood as in none before, and time was "
        "let pass in each.",
        *(
            f"Explored once, and counted once, for they differ in nothing that is read: {first} and {', '.join(others)}."
            for first, others in alike.items()
        ),
        *_ends([each for each in every if not each.agreement.startswith("edges-")]),
        f"Endings shown to be reachable: {', '.join(f'{e} from {n:,} states' for e, n in sorted(reached.items()))}; "
        f"from {sum(each.no_return for each in every):,} states a return is out of reach, rightly "
        "(asylum granted, grown up) or because the agreement leaves no time for one.",
        f"The loader refuses: {', '.join(f'{name} ({len(breaches)} clauses)' for name, breaches in refused.items())}; "
        f"and {sum(1 for clause, by in beyond.items() if clause in by)} of {len(beyond)} profiles one step "
        "beyond an edge.",
        f"Processor time: {sum(each.seconds for each in looked) / 60:.0f} minutes.",
        "",
        table(
            ["explored", "states", "looked at", "transitions", "longest course", "how far", "breaches", "seconds"], rows
        ),
        "",
        "With a safeguard switched off, the shortest course of acts that breaks what never bends:",
        "",
        table(
            ["without", "what breaks", "the course"],
            [[" and ".join(f"`{name}`" for name in each.safeguards), *_told(each)] for each in off],
        ).replace("---:", "---"),
        "",
        "With what the law concludes, or when it says that time is over, broken in one place, the shortest course on "
        "which that is seen:",
        "",
        table(["a law by which", "what is seen", "the course"], [[each.law, *_seen(each)] for each in broke]).replace(
            "---:", "---"
        ),
    ]
    return "\n".join(lines)


def _told_first(problems: Sequence[str]) -> list[str]:
    """What is not as it must be, so that nobody reads the figures without it."""
    if not problems:
        return []
    # A course or an error of the law may hold what a page reads as a table or a heading.
    told = [" ".join(each.split()).replace("|", "\\|") for each in problems]
    return ["**Not as it must be:**", "", *(f"- {each}" for each in told), ""]


def _ends(found: Sequence[Found]) -> list[str]:
    """Which scopes came to their end, by agreement; those that are bounded from the outset come to none."""
    names = {scope.name for scope in scopes.TO_A_FIXED_POINT}
    lines: list[str] = []
    for agreement in dict.fromkeys(each.agreement for each in found):
        these = [each for each in found if each.agreement == agreement and each.scope in names]
        ended = [each.scope for each in these if _at_the_end(each)]
        stopped = [each.scope for each in these if not _at_the_end(each)]
        if these:
            lines.append(
                f"Under {agreement} {len(ended)} of {len(these)} scopes came to their end"
                f"{': ' if ended else ''}{'; '.join(ended)}. "
                + (f"Stopped at a bound: {'; '.join(stopped)}." if stopped else "None stopped at a bound.")
            )
    return lines


def _of_lists() -> int:
    """How many ways to say the acts come from the lists of one agreement or another."""
    stands = scopes.shipped()[0]
    terms = [*stands.values(), *scopes.family(stands["model"]).values()]
    return len({saying.label for each in terms for saying in sayings(each)}) - len(SAYINGS)


def _told(each: needed.Needed) -> tuple[str, str]:
    if each.breach is None:
        return f"nothing: {needed.WHY_NOTHING_BREAKS.get(each.safeguards[0], 'not explained')}", "–"
    return each.breach[1], "; ".join(each.course)


def _seen(each: broken.Seen) -> tuple[str, str]:
    return (each.breach[1], "; ".join(each.course)) if each.breach else ("nothing", "–")


def _command(given: argparse.Namespace) -> str:
    if given.small:
        return "python -m proof --small"
    return "make prove" if given.states is None else f'make prove PROVE_ARGS="--states {given.states}"'


def _short(given: argparse.Namespace) -> str:
    """In what a run falls short of a whole one; empty where it does not."""
    if given.small:
        return "a small run is no whole one"
    if given.states is None or given.states == 0 or given.states >= MODEL_STATES:
        return ""
    return f"--states is {given.states:,}, and a whole run has {MODEL_STATES:,} under the model"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m proof", description=__doc__)
    parser.add_argument("--small", action="store_true", help="the part that takes seconds; says what it leaves out")
    parser.add_argument(
        "--states",
        type=int,
        help=f"most states of each scope, 0 for no bound; else {MODEL_STATES:,} under the model and {STATES:,} elsewhere",
    )
    parser.add_argument("--processes", type=int, default=2, help="how many at once")
    parser.add_argument("--write", type=Path, help="the page of measures to write the result into")
    given = parser.parse_args(arguments)
    stands, refused = scopes.shipped()
    beyond = scopes.refused_beyond(stands["model"])
    short = _short(given)
    pieces = work(small=given.small, most_states=given.states)
    looked = done(pieces, given.processes, lambda line: print(line, file=sys.stderr, flush=True))
    problems = wrong(looked, refused, beyond, whole=not short)
    text = report(looked, refused, beyond, _command(given), problems)
    print(text)
    if given.small:
        print(f"\nSmall: each scope ends after {SMALL_STATES} states or fewer. It shows that the proof works, no more.")
    print("\n".join(["", *problems]) if problems else "\nNothing that never bends was broken.")
    if given.write:
        # Also where something broke: the figures of an earlier run would go on saying that nothing did.
        put_whole(given.write, TITLE, text, short=short)
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
