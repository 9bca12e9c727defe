"""Ask whether something is known against what the locks install: `make audit-dependencies`.

pip-audit asks; this reads what it found, because its own exit code is 0 where a server answered for no package at all,
and because it prints nothing of all the others where a server failed over one. A package against which much is known is
asked about first: a server that knows nothing against that one is not believed about any other.
What is accepted stands in requirements/accepted-advisories.toml, each with its reason and until when.

Exit codes: 0 nothing is known, or nobody answered; 1 something is known that is not accepted; 2 a lock or the list of
what is accepted cannot be read; 5 nobody answered, with ``--must-answer``.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

ROOT: Final = Path(__file__).resolve().parents[1]
LOCK: Final = ROOT / "requirements" / "dev.lock"
"""It has the other two in it, pin for pin."""
SHIPPED: Final = ROOT / "requirements" / "runtime.lock"
ACCEPTED: Final = ROOT / "requirements" / "accepted-advisories.toml"
ANSWER_WITHIN: Final = 5
"""Seconds that a server has for its answer about one package."""
DONE_WITHIN: Final = 90.0
"""Seconds for one question about all of them; more than ten times what it takes."""
ALL_WITHIN: Final = 300.0
"""Seconds for all questions, where a package that nobody answers for is sought by halving."""
CANARY: Final = "jinja2==2.4.1"
"""Known by several advisories for many years, the oldest CVE-2014-0012. It is asked about and never installed."""
NOT_ANSWERED: Final = 5


class Unreadable(ValueError):
    """A lock, or the list of what is accepted, cannot be read. The text is a sentence."""


class Acceptance(BaseModel):
    """One advisory that is known and lived with, until a day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    package: Annotated[str, AfterValidator(canonicalize_name)]
    id: str = Field(pattern=r"^[A-Z]+-[A-Za-z0-9-]+$")
    reason: str = Field(min_length=20)
    accepted: date
    until: date


@dataclass(frozen=True)
class Advisory:
    """What is known against one package. ``ids`` has its names, the aliases too."""

    package: str
    version: str
    ids: frozenset[str]
    mended_in: tuple[str, ...]
    what: str

    def __str__(self) -> str:
        mended = f"; mended in {', '.join(self.mended_in)}" if self.mended_in else "; not mended yet"
        return f"{self.package} {self.version}: {', '.join(sorted(self.ids))}{mended}. {self.what}"


@dataclass(frozen=True)
class Answers:
    """What servers said: about which packages they did, about which not, and what is known."""

    answered: frozenset[str] = frozenset()
    unanswered: tuple[str, ...] = ()
    why: str = "nobody answered"
    known: tuple[Advisory, ...] = ()

    def of(self, pinned: tuple[str, ...]) -> "Answers":
        """The same, and of what is pinned that for which nobody answered."""
        # By what is pinned, not by what was said to be left out: what was not mentioned was not asked about either.
        return replace(self, unanswered=tuple(name for name in pinned if name not in self.answered))


def acceptances(path: Path) -> list[Acceptance]:
    """The list of what is accepted. Raises :class:`Unreadable`."""
    try:
        entries = tomllib.loads(path.read_text("utf-8")).get("accepted", [])
        return [Acceptance.model_validate(entry) for entry in entries]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Unreadable(f"{path.name} cannot be read ({error}).") from None
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise Unreadable(f"{path.name}: {faults}.") from None


def ask(lock: Path, *, server: str | None = None) -> Answers:
    """What is known against each package of a lock. Raises :class:`Unreadable`.

    ``server``: one that answers as OSV does; else the package index itself is asked.
    """
    text = _text(lock)
    pinned = _pinned_here(text)
    _must_be_readable(lock)
    where = ["--vulnerability-service", "osv", "--osv-url", server] if server else ["--vulnerability-service", "pypi"]
    with tempfile.TemporaryDirectory() as there:
        canary = Path(there) / "canary.txt"
        canary.write_text(f"{CANARY}\n", "utf-8")
        said = _asked(canary, "--no-deps", *where)
        if said is None or not said.answered:
            return Answers(unanswered=pinned)
        if not said.known:
            return Answers(unanswered=pinned, why=f"the server knows nothing against {CANARY}, so it was not believed")
        part, until = Path(there) / "part.lock", time.monotonic() + ALL_WITHIN
        return _asked_in_parts(_blocks(text), part, until, *where).of(pinned)


def _asked_in_parts(blocks: Sequence[str], part: Path, until: float, *where: str) -> Answers:
    """What is known against these. Where a question fails it is asked in halves, down to what nobody answers for."""
    if not blocks or time.monotonic() > until:
        return Answers()
    part.write_text("".join(blocks), "utf-8")
    said = _asked(part, "--require-hashes", *where)
    if said is not None:
        return said
    if len(blocks) == 1:
        return Answers()
    middle = len(blocks) // 2
    first = _asked_in_parts(blocks[:middle], part, until, *where)
    second = _asked_in_parts(blocks[middle:], part, until, *where)
    return Answers(answered=first.answered | second.answered, known=first.known + second.known)


def _text(lock: Path) -> str:
    try:
        return lock.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"{lock.name} cannot be read: {type(error).__name__}.") from None


def _must_be_readable(lock: Path) -> None:
    try:
        done = _pip_audit(lock, "--require-hashes", "--dry-run")
    except subprocess.TimeoutExpired:
        raise Unreadable(f"{lock.name} cannot be read: pip-audit did not end within {DONE_WITHIN:.0f} s.") from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no word of why"])[-1]
        raise Unreadable(f"{lock.name} cannot be read: {last}")


def _blocks(text: str) -> list[str]:
    """A lock's packages with their hashes, each by itself."""
    blocks: list[str] = []
    for line in text.splitlines(keepends=True):
        if line[:1].isalnum():
            blocks.append(line)
        elif blocks and line[:1].isspace():
            blocks[-1] += line
    return blocks


def _pinned_here(text: str) -> tuple[str, ...]:
    """The packages of a lock that this machine would install, in its order. Raises :class:`Unreadable`."""
    lines = [line.removesuffix("\\").strip() for line in text.splitlines() if line[:1].isalnum()]
    try:
        asked = [Requirement(line) for line in lines]
    except InvalidRequirement as error:
        raise Unreadable(f"The lock cannot be read: {error}.") from None
    return tuple(canonicalize_name(each.name) for each in asked if each.marker is None or each.marker.evaluate())


def _asked(requirements: Path, *options: str) -> "Answers | None":
    """What a server says of these; None where it fails over one of them, for then nothing is printed of the others."""
    try:
        done = _pip_audit(requirements, "--timeout", str(ANSWER_WITHIN), *options)
        return _read(json.loads(done.stdout)["dependencies"])
    except (subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        # Ended by a server that is not there, or not itself: it then prints no JSON, or another.
        return None


def _pip_audit(requirements: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    always = ("--requirement", str(requirements), "--disable-pip", "--progress-spinner", "off")
    return subprocess.run(
        [sys.executable, "-m", "pip_audit", *always, "--format", "json", *options],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DONE_WITHIN,
        check=False,
    )


def _read(dependencies: list[dict[str, Any]]) -> Answers:
    of = {canonicalize_name(each["name"]): each for each in dependencies if "skip_reason" not in each}
    return Answers(
        answered=frozenset(of),
        known=tuple(
            Advisory(
                package=name,
                version=each["version"],
                ids=frozenset([known["id"], *known["aliases"]]),
                mended_in=tuple(known["fix_versions"]),
                what=known["description"],
            )
            for name, each in of.items()
            for known in each["vulns"]
        ),
    )


def told(answers: Answers, accepted: Iterable[Acceptance], *, today: date, shipped: str) -> tuple[list[str], bool]:
    """What to print, and whether something is known that is not accepted."""
    lines: list[str] = []
    accepted = list(accepted)
    bad = False
    for advisory in answers.known:
        fitting = [each for each in accepted if each.package == advisory.package and each.id in advisory.ids]
        in_force = [each for each in fitting if today <= each.until]
        if in_force:
            lines.append(f"accepted until {in_force[0].until}  {advisory}  Because: {in_force[0].reason}")
            continue
        bad = True
        where = "shipped" if f"\n{advisory.package}==" in f"\n{shipped}" else "for tests and building only"
        lines.append(f"KNOWN ({where})  {advisory}")
        lines += [f"  It was accepted until {each.until}; look at it anew." for each in fitting]
    lines += [
        f"no longer needed  {each.package}: {each.id} is accepted and not known any more; take it off the list."
        for each in accepted
        if each.package in answers.answered
        and not any(each.package == known.package and each.id in known.ids for known in answers.known)
    ]
    if answers.unanswered:
        some = ", ".join(answers.unanswered[:5]) + (", ..." if len(answers.unanswered) > 5 else "")
        lines += [
            "*" * 100,
            f"NOT AUDITED: {answers.why} for {len(answers.unanswered)} of "
            f"{len(answers.unanswered) + len(answers.answered)} packages: {some}",
            "That says nothing good or bad of them. Run `make audit-dependencies` where the index can be reached.",
            "*" * 100,
        ]
    if answers.answered and not bad:
        lines.append(f"Nothing that is not accepted is known against {len(answers.answered)} packages.")
    return lines, bad


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, and tell; the exit code."""
    parser = argparse.ArgumentParser(prog="tools.advisories", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--lock", type=Path, default=LOCK, metavar="FILE", help="Which lock. Default: dev.lock.")
    parser.add_argument("--accepted", type=Path, default=ACCEPTED, metavar="FILE", help="What is accepted.")
    parser.add_argument("--server", metavar="URL", help="A server that answers as OSV does. Default: the index itself.")
    parser.add_argument("--must-answer", action="store_true", help="Code 5 where nobody answered for some package.")
    asked = parser.parse_args(arguments)
    try:
        accepted = acceptances(asked.accepted)
        answers = ask(asked.lock, server=asked.server)
        lines, bad = told(answers, accepted, today=date.today(), shipped=SHIPPED.read_text("utf-8"))  # noqa: DTZ011
    except Unreadable as fault:
        print(fault, file=sys.stderr)
        return 2
    print("\n".join(lines))
    if bad:
        return 1
    return NOT_ANSWERED if asked.must_answer and answers.unanswered else 0


if __name__ == "__main__":
    sys.exit(main())
