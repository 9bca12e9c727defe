"""Whether a dossier is what it claims to be, with no server and no key."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from casefile import dossier as parts
from casefile.checks import Heads, chain_findings, lineage_findings, run_findings, set_aside_findings
from casefile.dossier import Dossier, PartAltered
from casefile.findings import Finding
from casefile.redaction import Line, is_withheld, keeps_histories, sees_everything
from casefile.signatures import Keys, SignatureCheck
from procedure.agreement import Agreement
from procedure.canonical import canonical
from procedure.entries import Entry
from procedure.folding import fold
from procedure.views import view
from procedure.vocabulary import PROCEDURE_VERSION


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
    remarks: list[str]
    """What the check could not tell, in sentences."""
    heads: Heads
    signatures: dict[str, Any]
    """How many signatures were checked, by whose keys, and what could not be."""

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
            "remarks": self.remarks,
            "signatures": self.signatures,
        }


def verify(dossier: Dossier, *, held: Sequence[str] = (), keys: Keys | None = None) -> Verified:
    """Check everything in a dossier: its parts, the chain, the agreement, the runs, and what it says of itself.

    ``held`` are heads of this case that the reader got elsewhere, in receipts or from the other state: they must stand
    in the chain. Only such a head tells a record that was forged as a whole, or cut off at its end. ``keys`` are
    published keys that the reader got from the authorities themselves, in place of those that the dossier brings along.
    """
    heads = Heads()
    signed = SignatureCheck(None)
    seen = _Seen()
    checks: tuple[Callable[[], Iterable[Finding]], ...] = (
        lambda: dossier.run_faults,
        lambda: _parts(dossier),
        lambda: _chain(dossier, heads, seen),
        lambda: _self_description(dossier, heads, seen),
        lambda: _agreement(dossier, seen),
        lambda: _signatures(dossier, signed, keys),
        lambda: _runs(dossier, heads),
        lambda: _derived(dossier, seen),
    )
    findings = [finding for check in checks for finding in _as_far_as_readable(check)]
    if not findings:
        findings += _form(dossier)
    remarks: list[str] = []
    for head in held:
        number = heads.number_of(head)
        if number is None:
            findings.append(Finding("chain", f"The head {head[:12]}… that you hold stands nowhere in this record."))
        else:
            remarks.append(f"The head {head[:12]}… that you hold is that of entry {number}.")
    remarks += [*signed.remarks(), *_remarks(dossier, seen, held=bool(held))]
    if signed.checked and keys is None:
        remarks.append(
            "Signatures were checked with the keys that the dossier brings along: get the authorities' published keys "
            "from them, and check with those (--keys)."
        )
    findings += [each for each in dossier.manifest.found if each not in findings]
    return Verified(
        reference=dossier.reference,
        reader=dossier.manifest.reader,
        entries=len(heads),
        head=heads.newest,
        withheld=seen.withheld,
        runs=len(dossier.lineage.chain),
        findings=list(dict.fromkeys(findings)),
        remarks=remarks,
        heads=heads,
        signatures={**signed.as_json(), "keys": "given" if keys is not None else "dossier"},
    )


def _remarks(dossier: Dossier, seen: "_Seen", *, held: bool) -> Iterator[str]:
    """What no check of this file alone can tell, and what was left out."""
    if other := sorted(seen.rules - {PROCEDURE_VERSION}):
        yield (
            f"Entries were decided by the rules {', '.join(other)}, and this is a program with {PROCEDURE_VERSION}: that "
            f"{parts.EVIDENCE} and {parts.CASE} follow from the ledger was not checked. Ask a program of that version."
        )
    if not keeps_histories(dossier.manifest.reader):
        yield (
            "It has no engine's histories, which are not for its reader: it was checked to agree with itself, and no more."
        )
    yield f"{parts.PDF} is there to be read and was not checked; --pages makes it anew from what was."
    if not held:
        yield (
            "Compare the head with one that you hold from elsewhere (--head): only that tells a record that was forged "
            "as a whole, or cut off at its end."
        )


@dataclass
class _Seen:
    first: Entry | None = None
    stage: str | None = None
    withheld: int = 0
    rules: set[str] = field(default_factory=set[str])
    """The versions of the rules by which entries were decided."""

    def look(self, lines: Iterable[Line]) -> Iterator[Line]:
        for line in lines:
            if not isinstance(line, Entry) or is_withheld(line):
                self.withheld += 1
            if isinstance(line, Entry):
                if line.n == 1:
                    self.first = line
                if version := line.facts.get("procedure_version"):
                    self.rules.add(str(version))
                self.stage = "closed" if line.kind == "closed" else line.facts.get("stage", self.stage)
            yield line


def _as_far_as_readable(check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except PartAltered as error:
        yield Finding("dossier", str(error))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError):
        # Of the right shape at every door and still not to be read: somebody made it so.
        yield Finding("dossier", "Something in it cannot be read as what it should be.")


def _parts(dossier: Dossier) -> Iterator[Finding]:
    """Every part is there, and is the one that the manifest names."""
    named = {part.name: (part.sha256, part.size) for part in dossier.manifest.files}
    there = frozenset(dossier.names)
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
        if name not in there:
            yield Finding("dossier", f"{name} is missing.")


def _chain(dossier: Dossier, heads: Heads, seen: _Seen) -> Iterator[Finding]:
    yield from chain_findings(seen.look(dossier.lines()), heads)
    if seen.withheld and sees_everything(dossier.manifest.reader):
        yield Finding("dossier", f"{seen.withheld} entries are not whole, though its reader sees everything.")


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
        shown = dossier.json_part(parts.CASE)
        told = tuple(shown.get(name) for name in ("reference", "entries", "head", "stage")) if _is_object(shown) else ()
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
    within = seen.first.body.get("agreement")
    if within is not None and canonical(within) != canonical(terms):
        yield Finding("agreement", f"{parts.AGREEMENT} is not the agreement that stands in entry 1.", 1)
    if digest != seen.first.facts.get("agreement_digest"):
        yield Finding("agreement", f"{parts.AGREEMENT} is not the agreement under which the case was opened.", 1)


def _signatures(dossier: Dossier, signed: SignatureCheck, keys: Keys | None) -> Iterator[Finding]:
    """Every act was signed by a key that might, as published: by the authorities, or as the dossier has it."""
    own = dossier.keys
    signed.use(own if keys is None else keys)
    for line in dossier.lines():
        yield from signed.look(line)


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


def _derived(dossier: Dossier, seen: _Seen) -> Iterator[Finding]:
    """Safeguards, deadlines and case view are what the ledger gives, where this version of the rules made them."""
    if seen.rules != {PROCEDURE_VERSION}:
        return
    if dossier.json_part(parts.EVIDENCE) != json.loads(json.dumps(parts.evidence(dossier.entries))):
        yield Finding("dossier", f"{parts.EVIDENCE} is not what the ledger shows.")
    if parts.CASE in dossier.names and not seen.withheld:
        case = fold(dossier.entries())
        told, made = dossier.json_part(parts.CASE), json.loads(json.dumps(view(case, case.recorded_at)))
        if "signatures" not in told:
            del made["signatures"]  # a dossier of before signatures
        if told != made:
            yield Finding("dossier", f"{parts.CASE} does not show the case as the ledger leaves it.")


def _form(dossier: Dossier) -> Iterator[Finding]:
    if not dossier.is_as_written():
        yield Finding(
            "dossier",
            "The parts are in order, but the file is not byte for byte the one that was written: it was packed anew, "
            "or something between its parts was changed. Ask for the original.",
        )


def _is_object(given: Any) -> bool:
    return isinstance(given, dict)
