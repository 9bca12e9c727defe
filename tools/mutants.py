"""Which changes to the law no test would see: `make mutants`.

mutmut changes a copy of `procedure/` in thousands of small ways, one way at a time, and the tests of the law are run
against each. What they let pass is a survivor. A survivor that changes nothing anybody could see, or that no rule
decides, is explained in tools/survivors.toml; every other one is a test that is missing.
What is mutated and what is not: docs/decisions/0032-mutation-testing.md.

Exit codes: 0 tests see 95 % of the mutants, and every other one is explained; 1 they do not, or an explanation fits
nothing; 2 the arguments or the file of explanations are wrong, or the tests fail without any mutant.
"""

import argparse
import ast
import functools
import gc
import hashlib
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass, field
from difflib import unified_diff
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final, cast

import coverage
import libcst as cst
import pytest
from _pytest.runner import runtestprotocol
from mutmut.mutation import file_mutation, trampoline
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from typing_extensions import override

from benches.measures import machine, put_whole, table

ROOT: Final = Path(__file__).resolve().parents[1]
TITLE: Final = "Mutation testing"
LAW: Final = "procedure"
TESTS: Final = "tests/procedure"
EXPLAINED: Final = ROOT / "tools" / "survivors.toml"
WANTED: Final = 0.95

TOO_SLOW: Final = (
    "tests/procedure/walks_test.py",
    "tests/procedure/nothing_told_test.py",
    "tests/procedure/open_acts_test.py::test_whatever_is_accepted_was_open_and_whatever_is_open_is_accepted",
    "tests/procedure/entries_test.py::test_digests_are_over_rfc_8785_whatever_the_value",
)
"""Tests of seconds. What they alone would see is counted as not seen."""

Said = Annotated[str, Field(min_length=1)]


class Explanation(BaseModel):
    """Why nobody needs a test against a survivor. ``before`` and ``after`` are its lines, without indentation."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: Said
    before: Said
    after: str
    """Several lines, or no lines, where the change is one of lines."""
    why: Said


class _Explanations(BaseModel):
    model_config = ConfigDict(extra="forbid")

    survivor: list[Explanation] = []


def explanations(path: Path = EXPLAINED) -> list[Explanation]:
    """What is explained. Raises ValueError, with the file's name in it, for a file that cannot be read."""
    try:
        return _Explanations.model_validate(tomllib.loads(path.read_text("utf-8"))).survivor
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise ValueError(f"{path.name} cannot be read as a list of survivors: {error}") from None


# What is mutated besides what mutmut mutates by itself

_TAKEN_ALONG: Final = {"gate", "_folds", "property", "cached_property", "cache", "staticmethod", "classmethod"}
"""Decorators that may be put around a mutant: they register a function or change how it is called, no more."""

_arranged_by_itself = file_mutation.function_trampoline_arrangement


def _name_of(decorator: cst.Decorator) -> str:
    called = decorator.decorator
    if isinstance(called, cst.Call):
        called = called.func
    return called.value if isinstance(called, cst.Name) else ""


class _Visitor(file_mutation.MutationVisitor):
    """As mutmut's, but it goes into decorated functions too."""

    @override
    def _skip_node_and_children(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.FunctionDef) and node.decorators and all(map(_is_taken_along, node.decorators)):
            return False
        # Decorators are evaluated at import, when no mutant is chosen yet.
        return isinstance(node, cst.Decorator) or super()._skip_node_and_children(node)


def _is_taken_along(decorator: cst.Decorator) -> bool:
    return _name_of(decorator) in _TAKEN_ALONG


def _arrange(function: cst.FunctionDef, mutants: Iterable[file_mutation.Mutation], class_name: str | None) -> Any:
    """As mutmut does it, but the decorators stand around the switch alone: a gate is registered once."""
    if all(_name_of(each) in ("staticmethod", "classmethod") for each in function.decorators):
        return _arranged_by_itself(function, mutants, class_name)
    bare = function.with_changes(decorators=())
    declared, (switch, *others), assigned, names = _arranged_by_itself(bare, mutants, class_name)
    switch = cast(cst.FunctionDef, switch)
    switch = switch.with_changes(decorators=[*function.decorators, *switch.decorators])
    return declared, [switch, *others], assigned, names


file_mutation.MutationVisitor = _Visitor
file_mutation.function_trampoline_arrangement = _arrange


class _Named(cst.CSTTransformer):
    """Gives a name of its own to what has none: lambdas in tables, and the functions called ``_``."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0
        self.lifted: list[cst.FunctionDef] = []
        self._count = 0

    @override
    def visit_FunctionDef_body(self, node: cst.FunctionDef) -> None:
        self._depth += 1

    @override
    def leave_FunctionDef_body(self, node: cst.FunctionDef) -> None:
        self._depth -= 1

    @override
    def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef) -> cst.FunctionDef:
        if updated_node.name.value != "_":
            return updated_node
        called = cast(cst.Call, updated_node.decorators[0].decorator)
        first = cast(cst.SimpleString, called.args[0].value).evaluated_value
        return updated_node.with_changes(name=cst.Name(f"_{first!s}"))

    @override
    def leave_Lambda(self, original_node: cst.Lambda, updated_node: cst.Lambda) -> cst.BaseExpression:
        if self._depth:
            return updated_node
        self._count += 1
        name = f"lambda_{self._count}"
        answer = cst.SimpleStatementLine([cst.Return(updated_node.body)])
        self.lifted.append(cst.FunctionDef(cst.Name(name), updated_node.params, cst.IndentedBlock([answer])))
        return cst.Name(name)


def _with_names(source: str) -> str:
    """The source with each lambda outside functions written out as a function before its statement."""
    module = cst.parse_module(source)
    named = _Named()
    statements: list[Any] = []
    for statement in module.body:
        changed = statement.visit(named)
        statements += [*named.lifted, changed]
        named.lifted.clear()
    return module.with_changes(body=statements).code


@dataclass(frozen=True)
class Mutant:
    """One small change: the file, the function, and the lines before and after."""

    name: str
    file: str
    function: str
    before: str
    after: str
    lines: tuple[int, int] = (0, 0)
    """First and last line, in the mutated copy, of what runs where nothing is changed: its statement."""

    @property
    def switch(self) -> str:
        """The function that chooses between its mutants."""
        return self.name.partition("__mutmut")[0]


def mutate(file: Path, relative: str) -> tuple[str, list[Mutant]]:
    """The source with every mutant and a switch, and the mutants in it."""
    source = _with_names(file.read_text("utf-8"))
    mutated = file_mutation.mutate_file_contents(relative, source)
    module = relative.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    lines = mutated.code.splitlines()
    spans = mutated.line_span_by_function_name
    bodies = {name: lines[span.start - 1 : span.end] for name, span in spans.items()}
    statements = sorted(_statements(ast.parse(mutated.code)), key=lambda span: span[1] - span[0])
    found: list[Mutant] = []
    for name in mutated.mutant_names:
        function = name.partition("__mutmut")[0]
        original = f"{function}__mutmut_orig"
        before, after = _changed(bodies[original], bodies[name])
        told = function.removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
        # A mutant begins as its function does, so its first change stands as far below its first line.
        line = spans[original].start + _first_change(bodies[original], bodies[name])
        whole = spans[original].start, spans[original].end
        inner = next((each for each in statements if each[0] <= line <= each[1]), whole)
        # A signature runs at no call.
        where = inner if inner[0] > whole[0] else whole
        found.append(Mutant(f"{module}.{name}", relative, told, before, after, where))
    return mutated.code, found


def _first_change(original: Sequence[str], changed: Sequence[str]) -> int:
    """The number of the first line that differs, from 0 on; 0 where it is the signature."""
    for number, (one, other) in enumerate(zip(original, changed, strict=False)):
        if one != other and not _names_copy(one):
            return number
    return 0


def _names_copy(line: str) -> bool:
    return line.strip().startswith(("def x_", "def xǁ"))


def _statements(tree: ast.AST) -> Iterator[tuple[int, int]]:
    """First and last line of every statement; of one that holds others, of its head alone."""
    for node in ast.walk(tree):
        if isinstance(node, ast.match_case):
            yield node.pattern.lineno, max(node.pattern.lineno, node.body[0].lineno - 1)
        elif isinstance(node, ast.Match):
            yield node.lineno, max(node.lineno, node.cases[0].pattern.lineno - 1)
        elif isinstance(node, ast.stmt):
            held = getattr(node, "body", None)
            last = max(node.lineno, held[0].lineno - 1) if held else node.end_lineno
            yield node.lineno, last or node.lineno


def _changed(original: Sequence[str], changed: Sequence[str]) -> tuple[str, str]:
    def told(lines: Sequence[str]) -> list[str]:
        # The names of the copies differ, and nothing else of their first lines.
        return [line.strip() for line in lines if not _names_copy(line)]

    signature = [line for line in original if line.strip().startswith("def ")]
    other = [line for line in changed if line.strip().startswith("def ")]
    difference = list(unified_diff(told(original), told(changed), n=0, lineterm=""))[2:]
    before = [line[1:] for line in difference if line.startswith("-")]
    after = [line[1:] for line in difference if line.startswith("+")]
    if not difference and signature and other:  # a default of the signature
        before = [signature[0].strip().partition("(")[2]]
        after = [other[0].strip().partition("(")[2]]
    return "\n".join(before), "\n".join(after)


# The run


@dataclass
class Run:
    """A run of the tests against each mutant: a plugin of pytest, which collects once and forks for each mutant."""

    mutants: Sequence[Mutant]
    processes: int
    seconds: float
    """CPU time of tests against one mutant; what they do not see in it counts as survived."""
    of: str = ""
    """A digest of the law, its tests and how they are run: verdicts of another are none."""
    kept: Path | None = None
    """A file that takes each verdict as it comes, one JSON object a line. Those that it has count: a run goes on there."""
    verdicts: dict[str, str] = field(default_factory=dict[str, str])
    """By the mutant's name: killed, out of time, survived, no test, or ended, where nobody knows why."""
    cpu: float = 0.0
    """Seconds that the tests took against mutants."""
    tests: int = 0
    known: int = 0
    """Verdicts that were there before."""
    _reached: defaultdict[tuple[str, int], set[int]] = field(default_factory=lambda: defaultdict(set))
    _seconds: list[float] = field(default_factory=list[float])
    _breadth: list[int] = field(default_factory=list[int])

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Take the place of the ordinary run."""
        items = session.items
        self._look_who_reaches_what(items)
        self._see_that_nothing_fails_without_a_mutant(items)
        killers: defaultdict[str, Counter[int]] = defaultdict(Counter)
        known = self._known_before()
        self.verdicts = {each.name: known[_same(asdict(each))] for each in self.mutants if _same(asdict(each)) in known}
        self.known = len(self.verdicts)
        waiting = iter([each for each in self.mutants if each.name not in self.verdicts])
        running = dict[int, tuple[Mutant, int]]()
        while True:
            for mutant in islice(waiting, self.processes - len(running)):
                order = self._those_for(mutant, killers[mutant.switch])
                if order:
                    child, pipe = self._against(mutant, [(n, items[n]) for n in self._within(order)])
                    running[child] = mutant, pipe
                else:
                    self._put(mutant, "no test")
            if running:
                mutant, killer = self._next_verdict(running)
                if killer is not None:
                    killers[mutant.switch][killer] += 1
            elif len(self.verdicts) == len(self.mutants):
                return True

    def _known_before(self) -> dict[tuple[str, ...], str]:
        if self.kept is None:
            return {}
        if not self.kept.exists():
            self.kept.write_text(json.dumps({"of": self.of}) + "\n", "utf-8")
        # A run that was broken off may leave half a line.
        whole = self.kept.read_text("utf-8").rpartition("\n")[0] + "\n"
        self.kept.write_text(whole, "utf-8")
        first, *lines = map(json.loads, whole.splitlines())
        if first != {"of": self.of}:
            raise pytest.UsageError(f"{self.kept.name} has verdicts of another law, other tests or another run.")
        return {_same(line): line["verdict"] for line in lines}

    def _put(self, mutant: Mutant, verdict: str) -> None:
        self.verdicts[mutant.name] = verdict
        if self.kept is not None:
            with self.kept.open("a", encoding="utf-8") as file:
                print(json.dumps({**asdict(mutant), "verdict": verdict}), file=file)
        if len(self.verdicts) % 200 == 0:
            print(
                f"{len(self.verdicts)} of {len(self.mutants)} mutants, {self.cpu:.0f} s of CPU",
                file=sys.stderr,
                flush=True,
            )

    def _next_verdict(self, running: dict[int, tuple[Mutant, int]]) -> tuple[Mutant, int | None]:
        """Wait for one of those that run. With the mutant the number of the test that saw it, if one did."""
        child, status, used = os.wait4(-1, 0)
        self.cpu += used.ru_utime + used.ru_stime
        mutant, pipe = running.pop(child)
        with os.fdopen(pipe, "rb") as reading:
            told = reading.read()
        if told.isdigit():
            self._put(mutant, "killed")
            return mutant, int(told)
        if told:
            self._put(mutant, "survived")
        else:
            # A process that ends in any other way says nothing of the tests, and counts as one that saw nothing.
            out_of_time = os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGALRM)
            self._put(mutant, "out of time" if out_of_time else "ended")
        return mutant, None

    def _see_that_nothing_fails_without_a_mutant(self, items: Sequence[pytest.Item]) -> None:
        """All tests a second time as they are run against mutants. What failed here would see every mutant."""
        child, pipe = self._against(None, list(enumerate(items)))
        with os.fdopen(pipe, "rb") as reading:
            told = reading.read()
        os.waitpid(child, 0)
        if told != _ALL_PASSED:
            which = items[int(told)].nodeid if told.isdigit() else "something, without a word,"
            raise pytest.UsageError(f"{which} fails the second time, with no mutant.")

    def _within(self, order: Sequence[int]) -> list[int]:
        """As many of these tests as there is time for, one at least."""
        taken: list[int] = []
        left = self.seconds
        for number in order:
            if taken and (left := left - self._seconds[number]) < 0:
                break
            taken.append(number)
        return taken

    def _look_who_reaches_what(self, items: Sequence[pytest.Item]) -> None:
        """Run all tests once with no mutant, and note which lines of the law each reaches."""
        traced = coverage.Coverage(data_file=None, include=[f"{Path.cwd() / LAW}/*"])
        traced.start()
        for number, item in enumerate(items):
            _forget()
            traced.switch_context(str(number))
            began = time.process_time()
            if any(report.failed for report in runtestprotocol(item, log=False, nextitem=None)):
                raise pytest.UsageError(f"{item.nodeid} fails.")
            self._seconds.append(time.process_time() - began)
        traced.stop()
        data = traced.get_data()
        self._breadth = [0] * len(items)
        for path in data.measured_files():
            file = str(Path(path).relative_to(Path.cwd()))
            for line, contexts in data.contexts_by_lineno(path).items():
                self._reached[file, line] = {int(context) for context in contexts if context}
                for number in self._reached[file, line]:
                    self._breadth[number] += 1
        # A collection would touch, and so copy, all memory that a child shares with this process.
        gc.freeze()
        gc.disable()
        self.tests = len(items)

    def _those_for(self, mutant: Mutant, first: Mapping[int, int]) -> list[int]:
        """The tests that reach its statement: first what saw others in its function, then what is quick and narrow."""
        first_line, last_line = mutant.lines
        those = set[int]().union(*(self._reached[mutant.file, line] for line in range(first_line, last_line + 1)))
        return sorted(those, key=lambda n: (-first[n], self._seconds[n] * self._breadth[n]))

    def _against(self, mutant: Mutant | None, items: Sequence[tuple[int, pytest.Item]]) -> tuple[int, int]:
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            _in_child(mutant, [(number, item, self._seconds[number]) for number, item in items], writing)
        os.close(writing)
        return child, reading


_ALL_PASSED: Final = b"all passed"


def _in_child(mutant: Mutant | None, items: Sequence[tuple[int, pytest.Item, float]], writing: int) -> None:
    """Run the tests, each with the seconds that it took before, until one fails; tell which, and end. Never returns."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    # A mutant that waits for what never comes uses no CPU.
    signal.alarm(20 * (6 + int(3 * sum(seconds for *_, seconds in items))))
    try:
        _forget()
        _choose(mutant.name if mutant else "")
        for number, item, seconds in items:
            # One that goes round for ever is seen in its first test, and not after the time of all.
            limit = int(time.process_time() + 3 + 3 * seconds) + 1
            resource.setrlimit(resource.RLIMIT_CPU, (limit, hard))
            if any(report.failed for report in runtestprotocol(item, log=False, nextitem=None)):
                os.write(writing, str(number).encode())
                os._exit(0)
        os.write(writing, _ALL_PASSED)
    finally:
        os._exit(1)


def _of(tests: Sequence[str], seconds: float) -> str:
    digest = hashlib.sha256(repr((sorted(tests), seconds)).encode())
    for path in sorted([*(ROOT / LAW).rglob("*.py"), *(ROOT / TESTS).rglob("*.*"), Path(__file__)]):
        if "__pycache__" not in path.parts:
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _same(mutant: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(mutant[name]) for name in ("name", "before", "after"))


def _choose(name: str) -> None:
    # Asked at every call of the law. mutmut looks into the environment each time, which took a quarter of a run.
    trampoline.get_mutant_under_test = lambda: name


_CACHED: Final = type(functools.cache(str))
_caches: list[Any] = []


def _forget() -> None:
    """Empty the caches of the law and its tests: what was made without the mutant would hide it."""
    if not _caches:
        ours = ("courses", "walking", "safeguards_test", LAW, "tests")
        for each in gc.get_objects():
            if type(each) is _CACHED and str(each.__module__).split(".")[0] in ours:
                _caches.append(each)
    for each in _caches:
        each.cache_clear()


def run(
    mutants: Sequence[Mutant],
    codes: Mapping[str, str],
    *,
    tests: Sequence[str] = (TESTS,),
    processes: int = 1,
    seconds: float = 15,
    kept: Path | None = None,
) -> Run:
    """Run tests of the law against each mutant, in a copy of the project; ``codes`` are the mutated files.

    Raises RuntimeError where the tests do not run, or fail without any mutant.
    """
    running = Run(mutants, processes, seconds, _of(tests, seconds), kept.absolute() if kept else None)
    with tempfile.TemporaryDirectory(prefix="mutants-") as temporary:
        copy = Path(temporary)
        for there in ROOT.iterdir():
            if there.name not in (LAW, "tests", ".git", "data"):
                (copy / there.name).symlink_to(there)
        for room in (LAW, "tests"):  # what is edited meanwhile stays out of it
            shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
        for file, code in codes.items():
            (copy / file).write_text(code, "utf-8")
        before = Path.cwd()
        os.chdir(copy)
        sys.path.insert(0, str(copy))
        try:
            arguments = ["--rootdir", str(copy), "-q", "-p", "no:cacheprovider", *tests]
            # Nobody reads why a test failed; to tell it well took two fifths of a run.
            arguments += ["--tb=no", "--assert=plain"]
            arguments += [f"--deselect={test}" for test in TOO_SLOW]
            # What pytest itself tells is of interest only where the tests do not run.
            with redirect_stdout(StringIO()) as said:
                ended = pytest.main(arguments, plugins=[running])
        finally:
            sys.path.remove(str(copy))
            os.chdir(before)
    if ended:
        raise RuntimeError(f"{said.getvalue()}\nThe tests do not run, or fail without any mutant; mend them first.")
    return running


# What came of it


@dataclass(frozen=True)
class Outcome:
    """What came of the mutants of the files that were asked for."""

    mutants: Sequence[Mutant]
    verdicts: Mapping[str, str]
    explained: Sequence[Explanation]
    tests: int
    cpu: float
    known: int = 0
    """Verdicts of a run that was broken off, from which this one went on."""

    @property
    def survivors(self) -> list[Mutant]:
        return [mutant for mutant in self.mutants if self.verdicts[mutant.name] not in ("killed", "out of time")]

    @property
    def unexplained(self) -> list[Mutant]:
        known = {(each.file, each.before, each.after) for each in self.explained}
        return [mutant for mutant in self.survivors if (mutant.file, mutant.before, mutant.after) not in known]

    @property
    def idle(self) -> list[Explanation]:
        """Explanations of what did not survive, or is no mutant any more."""
        files = {mutant.file for mutant in self.mutants}
        alive = {(mutant.file, mutant.before, mutant.after) for mutant in self.survivors}
        return [e for e in self.explained if e.file in files and (e.file, e.before, e.after) not in alive]

    def score(self) -> float:
        """The share of mutants that a test sees."""
        return 1 - len(self.survivors) / len(self.mutants)

    def rows(self) -> list[list[str]]:
        """By file: mutants, seen by a test, explained, not seen, score as measured, score with what is explained."""
        by_file = Counter(mutant.file for mutant in self.mutants)
        alive = Counter(mutant.file for mutant in self.survivors)
        missed = Counter(mutant.file for mutant in self.unexplained)
        rows = [_row(f"`{file}`", number, alive[file], missed[file]) for file, number in sorted(by_file.items())]
        return [*rows, _row("together", by_file.total(), alive.total(), missed.total())]


def _row(name: str, mutants: int, alive: int, missed: int) -> list[str]:
    shares = (f"{1 - survived / mutants:.1%}" for survived in (alive, missed))
    return [name, f"{mutants:,}", f"{mutants - alive:,}", f"{alive - missed:,}", f"{missed:,}", *shares]


HEAD: Final = ("file", "mutants", "seen by a test", "explained", "not seen", "score", "with what is explained")


def section(outcome: Outcome, seconds: float) -> str:
    """The section of docs/measures.md."""
    verdicts = Counter(outcome.verdicts[mutant.name] for mutant in outcome.mutants)
    lines = [
        f"Written by `make mutants`. {machine('mutmut', 'pytest', 'hypothesis')}",
        f"{outcome.tests:,} tests, for {seconds:g} s of CPU at most against one mutant; {outcome.cpu:,.0f} s of CPU in all.",
        f"{verdicts['survived']:,} survived, {verdicts['no test']:,} stand where no test comes, "
        f"{verdicts['out of time']:,} ran out of time and count as seen; {verdicts['ended']:,} ended without a word and do not.",
        *([f"{outcome.known:,} verdicts are of a run that was broken off and went on here."] if outcome.known else []),
        "What is mutated and what is not, and how a survivor is explained: "
        "[decision 0032](decisions/0032-mutation-testing.md).",
        "",
        table(HEAD, outcome.rows()),
    ]
    return "\n".join(lines)


def told(mutant: Mutant) -> str:
    """A survivor, to be read."""
    lines = [f"{mutant.file}, {mutant.function}:"]
    lines += [f"  - {line}" for line in mutant.before.splitlines()]
    lines += [f"  + {line}" for line in mutant.after.splitlines()]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; its exit code."""
    asks = argparse.ArgumentParser(prog="python -m tools.mutants", description=(__doc__ or "").partition("\n\n")[0])
    asks.add_argument("files", nargs="*", metavar="FILE", help="files of the law (all of them unless named)")
    asks.add_argument("--tests", action="append", metavar="PATH", help=f"tests to run against them ({TESTS})")
    asks.add_argument("--processes", type=int, default=1, help="how many mutants at a time (1)")
    asks.add_argument("--seconds", type=float, default=15, help="CPU time of tests against one mutant (15)")
    asks.add_argument("--write", type=Path, metavar="PAGE", help="write the section of this page anew")
    asks.add_argument(
        "--verdicts",
        type=Path,
        metavar="FILE",
        help="a file that takes every verdict as it comes; a run that was broken off goes on from it",
    )
    given = asks.parse_args(arguments)
    every = [str(path.relative_to(ROOT)) for path in sorted((ROOT / LAW).rglob("*.py"))]
    chosen = given.files or every
    if unknown := sorted(set(chosen) - set(every)):
        asks.error(f"FILE: {unknown[0]} is no file of the law; name one as it stands below the project.")
    if given.processes < 1 or given.seconds <= 0:
        asks.error("--processes and --seconds: more than nothing is needed; leave them out for the ordinary run.")
    try:
        explained = explanations()
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    codes: dict[str, str] = {}
    mutants: list[Mutant] = []
    for file in chosen:
        codes[file], those = mutate(ROOT / file, file)
        mutants += those
    if not mutants:
        asks.error("FILE: there is nothing to mutate in what was named; name a file with functions.")
    try:
        ran = run(
            mutants,
            codes,
            tests=given.tests or (TESTS,),
            processes=given.processes,
            seconds=given.seconds,
            kept=given.verdicts,
        )
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 2
    outcome = Outcome(mutants, ran.verdicts, explained, ran.tests, ran.cpu, ran.known)
    print("\n".join(map(told, outcome.unexplained)))
    print(table(HEAD, outcome.rows()))
    for each in outcome.idle:
        print(f"{EXPLAINED.name} explains what does not survive: {each.file}, {each.before!r} to {each.after!r}")
    if given.write:
        short = "a whole run is of the whole law and all its tests" if given.files or given.tests else ""
        put_whole(given.write, TITLE, section(outcome, given.seconds), short=short)
    return int(outcome.score() < WANTED or bool(outcome.unexplained) or bool(outcome.idle))


if __name__ == "__main__":
    sys.exit(main())
