"""What cases count, for an operator's dashboards: refusals, by safeguard.

Through the engine's own meter, which says nothing while a case only goes through what it did before. It adds no command
to a case's history; a task that the engine has carried out twice may be counted twice.
"""

from collections.abc import Iterable
from typing import Final

from temporalio import workflow
from temporalio.common import MetricCounter, MetricMeter

from workflows.messages import RETURN_CASE

with workflow.unsafe.imports_passed_through():
    from procedure.entries import Entry
    from procedure.signing import SIGNATURE_FAULTS
    from procedure.vocabulary import SAFEGUARD_NAMES

REFUSALS: Final = "homeward_refusals_total"
SIGNATURES: Final = "homeward_signature_refusals_total"


def count(entries: Iterable[Entry]) -> None:
    """Count the refused acts among entries that a case has just written: each once for each safeguard behind it."""
    for entry in entries:
        if entry.kind != "refused":
            continue
        meter = workflow.metric_meter()
        refusals = _refusals(meter)
        for safeguard in entry.safeguards:
            refusals.add(1, {"safeguard": safeguard})
        fault = entry.facts.get("signature", {}).get("fault")
        if fault:
            _signatures(meter).add(1, {"fault": fault})


def show_none_yet(meter: MetricMeter, namespace: str, task_queue: str) -> None:
    """Show each series of what cases count, at zero, before the first refusal makes it; for a worker, not for a case.

    ``meter`` is that of the worker's runtime. A counter that begins at one has not grown, for whoever asks how much it
    grew. What the engine's client says beside each that a case counts is said here too: else it was another series.
    """
    own = meter.with_additional_attributes(
        {"namespace": namespace, "task_queue": task_queue, "workflow_type": RETURN_CASE}
    )
    for safeguard in SAFEGUARD_NAMES:
        _refusals(own).add(0, {"safeguard": safeguard})
    for fault in SIGNATURE_FAULTS:
        _signatures(own).add(0, {"fault": fault})


def _refusals(meter: MetricMeter) -> MetricCounter:
    return meter.create_counter(REFUSALS, "Acts that a safeguard refused.")


def _signatures(meter: MetricMeter) -> MetricCounter:
    return meter.create_counter(SIGNATURES, "Acts refused for what was wrong with their signature.")
