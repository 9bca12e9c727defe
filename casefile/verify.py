"""Whether a dossier is what it claims to be, with no server and no key."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from casefile import dossier as parts
from casefile.checks import Heads, chain_findings, lineage_findings, run_findings, set_aside_findings
from casefile.dossier import Dossier, PartAltered
from casefile.findings import Finding
from casefile.redaction import Line, is_withheld, keeps_histories
from procedure.agreement import Agreement
from procedure.entries import Entry


@dataclass(frozen=True)
class Verified:
    """What became of a check. It verifies when :attr:`findings` is empty."""

    reference: str
    reader: str
    entries: int
    head: str | None
    withheld: int
    """Entries of which this reader does not see everything."""
    runs: int
    findings: list[Finding]
    heads: Heads

    def as_json(self) -> dict[str, Any]:
        return {
            "reference": self.reference,
            "reader": self.reader,
            "entries": self.entries,
            "head": self.head,
            "withheld": self.withheld,
            "runs": self.runs,
            "verifies": not self.findings,
            "findings": [finding.as_json() for finding in self.findings],
        }


def verify(dossier: Dossier, *, head: str | None = None) -> Verified:
    """Check everything in a dossier: its parts, the chain, the agreement, the runs, and what it says of itself.

    ``head`` is a head of this case that the reader got elsewhere, in a receipt or from the other state: it must stand
    in the chain. Only such a head tells a record that was forged as a whole.
    """
    heads = Heads()
    seen = _Seen()
    checks: tuple[Callable[[], Iterable[Finding]], ...] = (
        lambda: dossier.run_faults,
        lambda: _parts(dossier),
        lambda: _chain(dossier, heads, seen),
        lambda: _self_description(dossier, heads, seen),
        lambda: _agreement(dossier, seen),
        lambda: _runs(dossier, heads),
    )
    findings = [finding for check in checks for finding in _as_far_as_readable(check)]
    if not findings:
        findings += _form(dossier)
    if head is not None and heads.number_of(head) is None:
        findings.append(Finding("chain", f"The head {head[:12]}… that you hold stands nowhere in this record."))
    findings += [each for each in dossier.manifest.findings if each not in findings]
    return Verified(
        reference=dossier.reference,
        reader=dossier.manifest.reader,
        entries=len(heads),
        head=heads.newest,
        withheld=seen.withheld,
        runs=len(dossier.lineage.chain),
        findings=list(dict.fromkeys(findings)),
        heads=heads,
    )


@dataclass
class _Seen:
    first: Entry | None = None
    stage: str | None = None
    withheld: int = 0

    def look(self, lines: Iterable[Line]) -> Iterator[Line]:
        for line in lines:
            if not isinstance(line, Entry) or is_withheld(line):
                self.withheld += 1
            if isinstance(line, Entry):
                if line.n == 1:
                    self.first = line
                self.stage = "closed" if line.kind == "closed" else line.facts.get("stage", self.stage)
            yield line


def _as_far_as_readable(check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except PartAltered as error:
        yield Finding("dossier", str(error))


def _parts(dossier: Dossier) -> Iterator[Finding]:
    """Every part is there, and is the one that the manifest names."""
    named = dossier.manifest.files
    for name in dossier.names:
        if name == parts.MANIFEST:
            continue
        if name not in named:
            yield Finding("dossier", f"{name} is not named in the manifest.")
            continue
        try:
            found = dossier.digest_of(name)
        except PartAltered as error:
            yield Finding("dossier", str(error))
            continue
        if found != named[name]:
            yield Finding("dossier", f"{name} is not what its digest in the manifest says: it was changed.")
    for name in named:
        if name not in dossier.names:
            yield Finding("dossier", f"{name} is missing.")


def _chain(dossier: Dossier, heads: Heads, seen: _Seen) -> Iterator[Finding]:
    yield from chain_findings(seen.look(dossier.lines()), heads)
    if seen.withheld and dossier.manifest.reader == "auditor":
        yield Finding("dossier", f"{seen.withheld} entries are not whole, though the dossier is an auditor's.")


def _self_description(dossier: Dossier, heads: Heads, seen: _Seen) -> Iterator[Finding]:
    """What the manifest and the case view say is what the ledger says."""
    manifest = dossier.manifest
    if not len(heads):
        yield Finding("chain", "The ledger has no entries at all.")
    if (manifest.entries, manifest.head) != (len(heads), heads.newest):
        yield Finding(
            "dossier",
            f"The manifest tells of {manifest.entries} entries and their head, and the ledger has {len(heads)}.",
        )
    if seen.first is not None and seen.first.facts.get("reference") != manifest.reference:
        yield Finding("dossier", f"The ledger is that of another case, {seen.first.facts.get('reference')}.", 1)
    if parts.CASE in dossier.names:
        view = dossier.json_part(parts.CASE)
        told = tuple(view.get(name) for name in ("reference", "entries", "head", "stage")) if _is_object(view) else ()
        if told != (manifest.reference, len(heads), heads.newest, seen.stage):
            yield Finding("dossier", f"{parts.CASE} does not show the case as the ledger leaves it.")


def _agreement(dossier: Dossier, seen: _Seen) -> Iterator[Finding]:
    """The agreement's terms are those of entry 1, by its digest."""
    terms = dossier.json_part(parts.AGREEMENT) if parts.AGREEMENT in dossier.names else None
    if seen.first is None or terms is None:
        yield Finding("agreement", "The agreement is missing.")
        return
    try:
        digest = Agreement.from_terms(terms).digest()
    except (ValueError, KeyError, TypeError):
        digest = None
    if digest != seen.first.facts.get("agreement_digest"):
        yield Finding("agreement", f"{parts.AGREEMENT} is not the agreement under which the case was opened.", 1)


def _runs(dossier: Dossier, heads: Heads) -> Iterator[Finding]:
    if not keeps_histories(dossier.manifest.reader):
        return
    lineage = dossier.lineage
    if not lineage.chain:
        yield Finding("missing_run", "The dossier has no run of the case, though it is of a kind that has them.")
        return
    yield from lineage_findings(lineage)
    yield from run_findings(dossier, heads)
    yield from set_aside_findings(dossier, heads)


def _form(dossier: Dossier) -> Iterator[Finding]:
    if not dossier.is_as_written():
        yield Finding(
            "dossier",
            "The parts are in order, but the file is not byte for byte the one that was written: it was packed anew, "
            "or something between its parts was changed. Ask for the original.",
        )


def _is_object(given: Any) -> bool:
    return isinstance(given, dict)
