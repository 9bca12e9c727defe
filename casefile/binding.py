"""Binding a dossier: an audited record, made into one file for one reader."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from casefile import dossier as parts
from casefile.audit import Audited
from casefile.checks import Heads
from casefile.deadline_figures import deadline_figures
from casefile.dossier import Dossier, DossierWriter, manifest_schema, name_of_run
from casefile.findings import Finding
from casefile.languages import Language
from casefile.languages import language as language_of
from casefile.matrix import safeguard_matrix
from casefile.pages import DossierPages, render
from casefile.printing import HEADS_EVERY, pages, state_lines
from casefile.record import Record
from casefile.redaction import Line, Reader, Sealed, for_reader, is_withheld, keeps_histories, sees_everything
from casefile.runs import RunOutline
from procedure.entries import Entry, moment
from procedure.folding import fold
from procedure.schemas import NAMES, schema
from procedure.views import view
from sealing.published_keys import as_json

SOMETHING_NOT_SHOWN: Final = "Something was found wrong about entry {n}, which is not shown to this reader."

_README: Final = """\
Homeward dossier of case {reference}, for the reader: {reader}.

manifest.json    what is in here, each part with its SHA-256; what was left out for this reader; what was found wrong
ledger.jsonl     the case's entries, one a line; a line with "withheld": true has less in it than the record
agreement.json   the agreement's terms under which the case was opened
case.json        where the case stands (not for every reader)
evidence.json    the safeguard matrix and the deadlines
keys.json        the published keys with which the acts were signed (where they were)
dossier.pdf      the same for people: story, safeguards, deadlines, refusals, chain
runs/            the engine's history of each run with the entries made in it, in order (not for every reader)
set-aside/       runs that the case does not go on from, as after an operator's reset
schemas/         JSON Schemas of acts, entries, intake, receipts and the case view

To check it, with no server and no key:   homeward verify FILE
Or read docs/verify_dossier.py of the project: a hundred lines that check parts, chain and histories with Python alone.
The PDF is there to be read; `homeward verify FILE --pages NEW.pdf` makes it anew from what was checked.
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
        histories = keeps_histories(reader)
        terms: dict[str, Any] = next(_in_order(record.entries())).body["agreement"]
        findings = audited.findings if sees_everything(reader) else _for_reader(audited.findings, lines())
        told = _pages(
            lines,
            reference=audited.reference,
            reader=reader,
            terms=terms,
            runs=[*audited.runs, *audited.aside] if histories else [],
            findings=findings,
            language=language,
        )
        written.add(parts.README, _README.format(reference=audited.reference, reader=reader).encode())
        written.add_file(parts.LEDGER, ledger)
        written.add_json(parts.AGREEMENT, terms)
        if sees_everything(reader):
            case = fold(_in_order(record.entries()))
            written.add_json(parts.CASE, view(case, case.recorded_at))
        written.add_json(parts.EVIDENCE, parts.evidence(lambda: _visible(lines())))
        if audited.keys:
            written.add_json(parts.KEYS, {"keys": [as_json(key) for _, key in sorted(audited.keys.items())]})
        for name in NAMES:
            written.add_json(f"schemas/{name}.json", schema(name))
        written.add_json("schemas/manifest.json", manifest_schema())
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
                "as_of": moment(told.as_of),
                "newest_run": audited.runs[-1].run_id if audited.runs and histories else None,
                "findings": [finding.as_json() for finding in findings],
                "left_out": left_out,
                "made_with": f"homeward {version}",
            }
        )


def pages_of(dossier: Dossier) -> bytes:
    """A dossier's pages, set anew from its own parts and in its own language.

    Raises :class:`casefile.pages.CannotSetPages`, and ValueError for a language that this version does not know.
    """
    language = language_of(dossier.manifest.language)
    lineage = dossier.lineage
    told = _pages(
        dossier.lines,
        reference=dossier.reference,
        reader=dossier.manifest.reader,
        terms=dossier.json_part(parts.AGREEMENT),
        runs=[*lineage.chain, *lineage.aside] if keeps_histories(dossier.manifest.reader) else [],
        findings=dossier.manifest.found,
        language=language,
    )
    return render(told, language)


def _pages(
    lines: Callable[[], Iterator[Line]],
    *,
    reference: str,
    reader: Reader,
    terms: Mapping[str, Any],
    runs: Sequence[RunOutline],
    findings: Sequence[Finding],
    language: Language,
) -> DossierPages:
    """What the pages say, from the ledger as this reader gets it and from nothing else of the case."""
    standing, heads = _Standing(), Heads()
    for line in lines():
        heads.add(line.hash)
        standing.look(line)
    cover: dict[str, Any] = {
        "reference": reference,
        "agreement": str(terms["title"]),
        "agreement_version": str(terms["version"]),
        "host_state": reference[:2],
        "origin_state": reference[3:5],
        "procedure_version": standing.procedure_version,
        "partial": not sees_everything(reader),
        "as_of_entry": len(heads),
        "as_of": standing.at,
        "opened_at": standing.opened_at,
        "head": heads.newest,
        "state": state_lines(
            stage=standing.stage,
            solution=standing.solution,
            outcome=standing.outcome,
            holds=standing.holds if sees_everything(reader) else None,
            language=language,
        ),
    }
    return pages(
        lines=lines,
        reader=reader,
        cover=cover,
        matrix=safeguard_matrix(_visible(lines())),
        deadlines=deadline_figures(_visible(lines())),
        runs=runs,
        heads=heads.told(HEADS_EVERY),
        findings=findings,
        language=language,
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


class _Standing:
    """Where a case stands, from the headers that a reader sees."""

    def __init__(self) -> None:
        self.opened_at: Any = None
        self.at: Any = None
        self.procedure_version = ""
        self.stage = "identification"
        self.solution: str | None = None
        self.outcome: str | None = None
        self.holds: list[str] = []

    def look(self, line: Line) -> None:
        if not isinstance(line, Entry):
            return
        self.at = line.at
        facts = line.facts
        match line.kind:
            case "opened":
                self.opened_at, self.procedure_version = line.at, str(facts["procedure_version"])
                self.stage = facts["stage"]
            case "stage":
                self.stage = facts["stage"]
            case "hold":
                self.holds.append(facts["hold"])
            case "hold_lifted" if facts["hold"] in self.holds:
                self.holds.remove(facts["hold"])
            case "closed":
                self.stage, self.outcome = "closed", facts["outcome"]
            case "accepted":
                if "round" in facts:
                    self.solution = None
                self.solution = facts.get("solution", self.solution)
            case _:
                pass


def _for_reader(findings: Sequence[Finding], lines: Iterator[Line]) -> list[Finding]:
    """What was found wrong, without telling what an entry says that the reader does not see."""
    hidden = {line.n for line in lines if isinstance(line, Sealed) or is_withheld(line)}
    return list(
        dict.fromkeys(
            Finding(each.what, SOMETHING_NOT_SHOWN.format(n=each.entry), each.entry) if each.entry in hidden else each
            for each in findings
        )
    )
