"""What cases count, for an operator's dashboards: refusals, by safeguard.

Through the engine's own meter, which says nothing while a case only goes through what it did before. It adds no command
to a case's history; a task that the engine has carried out twice may be counted twice.
"""

from collections.abc import Iterable
from typing import Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from procedure.entries import Entry

REFUSALS: Final = "homeward_refusals_total"
SIGNATURES: Final = "homeward_signature_refusals_total"


def count(entries: Iterable[Entry]) -> None:
    """Count the refused acts among entries that a case has just written: each once for each safeguard behind it."""
    for entry in entries:
        if entry.kind != "refused":
            continue
        meter = workflow.metric_meter()
        refusals = meter.create_counter(REFUSALS, "Acts that a safeguard refused.")
        for safeguard in entry.safeguards:
            refusals.add(1, {"safeguard": safeguard})
        fault = entry.facts.get("signature", {}).get("fault")
        if fault:
            meter.create_counter(SIGNATURES, "Acts refused for what was wrong with their signature.").add(
                1, {"fault": fault}
            )
