"""Binding a dossier: an audited record, made into one file for one reader."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from casefile import dossier as parts
from casefile.audit import Audited
from casefile.deadline_figures import DeadlineFigure, deadline_figures
from casefile.dossier import DossierWriter, name_of_run
from casefile.findings import Finding
from casefile.languages import Language
from casefile.matrix import Matrix, safeguard_matrix
from casefile.pages import render
from casefile.printing import HEADS_EVERY, pages, state_lines
from casefile.record import Record
from casefile.redaction import Line, Reader, Sealed, for_reader, is_withheld, keeps_histories, sees_everything
from procedure.entries import Entry
from procedure.folding import fold
from procedure.schemas import NAMES, schema
from procedure.views import view

SOMETHING_NOT_SHOWN: Final = "Something was found wrong about entry {n}, which is not shown to this reader."

_README: Final = """\
Homeward dossier of case {reference}, for the reader: {reader}.

manifest.json    what is in here, each part with its SHA-256; what was left out for this reader; what was found wrong
ledger.jsonl     the case's entries, one a line; a line with "withheld": true has less in it than the record
agreement.json   the agreement's terms under which the case was opened
case.json        where the case stands (not for every reader)
evidence.json    the safeguard matrix and the deadlines
dossier.pdf      the same for people: story, safeguards, deadlines, refusals, chain
runs/            the engine's history of each run with the entries made in it, in order (not for every reader)
set-aside/       runs that the case does not go on from, as after an operator's reset
schemas/         JSON Schemas of acts, entries, intake, receipts and the case view

To check it, with no server and no key:   homeward verify FILE
Or read docs/verify_dossier.py of the project: a hundred lines that do the same with Python alone.
Compare the head in manifest.json with one that you hold from elsewhere: from a receipt, or from the other state.
Only that tells a record that was forged as a whole.
"""


def bind(path: Path, record: Record, audited: Audited, *, reader: Reader, language: Language, version: str) -> None:
    """Write the dossier of an audited record for a reader.

    Nothing is left half-written: the file appears when it is whole. Raises OSError,
    :class:`casefile.pages.CannotSetPages`, and ValueError for a record that no case can be made of.
    """
    with tempfile.TemporaryDirectory(prefix="homeward-dossier-") as folder, DossierWriter(path) as written:
        ledger = parts.spool(for_reader(_in_order(record.entries()), reader), Path(folder))
        lines = _reading(ledger)
        whole = sees_everything(reader)
        first = next(_in_order(record.entries()))
        matrix = audited.matrix if whole else safeguard_matrix(_visible(lines()))
        deadlines = audited.deadlines if whole else deadline_figures(_visible(lines()))
        findings = audited.findings if whole else _for_reader(audited.findings, lines())
        histories = keeps_histories(reader)
        terms: dict[str, Any] = first.body["agreement"]
        written.add(parts.README, _README.format(reference=audited.reference, reader=reader).encode())
        written.add_file(parts.LEDGER, ledger)
        written.add_json(parts.AGREEMENT, terms)
        standing = _standing(lines())
        if whole:
            case = fold(_in_order(record.entries()))
            written.add_json(parts.CASE, view(case, case.recorded_at))
        written.add_json(parts.EVIDENCE, _evidence(matrix, deadlines))
        for name in NAMES:
            written.add_json(f"schemas/{name}.json", schema(name))
        cover = {
            "reference": audited.reference,
            "agreement": str(terms["title"]),
            "agreement_version": str(terms["version"]),
            "host_state": first.body["intake"]["host_state"],
            "origin_state": first.body["intake"]["origin_state"],
            "procedure_version": first.facts["procedure_version"],
            "partial": not whole,
            "as_of_entry": audited.entries,
            "as_of": standing.at,
            "opened_at": first.at,
            "head": audited.head,
            "state": state_lines(
                stage=standing.stage,
                solution=standing.solution,
                outcome=standing.outcome,
                holds=standing.holds,
                language=language,
            ),
        }
        told = pages(
            lines=lines,
            reader=reader,
            cover=cover,
            matrix=matrix,
            deadlines=deadlines,
            runs=[*audited.runs, *audited.aside] if histories else [],
            heads=audited.heads.told(HEADS_EVERY),
            findings=findings,
            language=language,
        )
        written.add(parts.PDF, render(told, language))
        left_out: list[dict[str, Any]] = []
        for aside, runs in ((False, audited.runs), (True, audited.aside)):
            for position, run in enumerate(runs, start=1):
                if histories:
                    written.add(name_of_run(position, run.digest, aside=aside), record.run(run.run_id).as_bytes)
                else:
                    left_out.append({"run": run.run_id, "sha256": run.digest})
        written.finish(
            {
                "reference": audited.reference,
                "reader": reader,
                "language": language.code,
                "entries": audited.entries,
                "head": audited.head,
                "as_of": told.as_of.isoformat().replace("+00:00", "Z"),
                "newest_run": audited.runs[-1].run_id if audited.runs and histories else None,
                "findings": [finding.as_json() for finding in findings],
                "left_out": left_out,
                "made_with": f"homeward {version}",
            }
        )


def _in_order(entries: Iterator[Entry]) -> Iterator[Entry]:
    last = 0
    for entry in entries:
        if entry.n > last:
            last = entry.n
            yield entry


def _reading(ledger: Path) -> Callable[[], Iterator[Line]]:
    def lines() -> Iterator[Line]:
        with ledger.open("rb") as file:
            for raw in file:
                yield parts.line_of(raw)

    return lines


def _visible(lines: Iterator[Line]) -> Iterator[Entry]:
    return (line for line in lines if isinstance(line, Entry))


def _evidence(matrix: Matrix, deadlines: Sequence[DeadlineFigure]) -> dict[str, Any]:
    return {**matrix.as_json(), "deadlines": [figure.as_json() for figure in deadlines]}


class _Standing:
    """Where a case stands, from the headers that a reader sees."""

    def __init__(self) -> None:
        self.at: Any = None
        self.stage = "identification"
        self.solution: str | None = None
        self.outcome: str | None = None
        self.holds: list[str] = []


def _standing(lines: Iterator[Line]) -> _Standing:
    standing = _Standing()
    for line in lines:
        if not isinstance(line, Entry):
            continue
        standing.at = line.at
        facts = line.facts
        if line.kind in ("opened", "stage"):
            standing.stage = facts["stage"]
        elif line.kind == "hold":
            standing.holds.append(facts["hold"])
        elif line.kind == "hold_lifted" and facts["hold"] in standing.holds:
            standing.holds.remove(facts["hold"])
        elif line.kind == "closed":
            standing.stage, standing.outcome = "closed", facts["outcome"]
        elif line.kind == "accepted":
            if "round" in facts:
                standing.solution = None
            standing.solution = facts.get("solution", standing.solution)
    return standing


def _for_reader(findings: Sequence[Finding], lines: Iterator[Line]) -> list[Finding]:
    """What was found wrong, without telling what an entry says that the reader does not see."""
    hidden = {line.n for line in lines if isinstance(line, Sealed) or is_withheld(line)}
    return list(
        dict.fromkeys(
            Finding(each.what, SOMETHING_NOT_SHOWN.format(n=each.entry), each.entry) if each.entry in hidden else each
            for each in findings
        )
    )
