"""Each alert rings when it should and not otherwise, as Prometheus itself evaluates it: promtool plays the hours."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from worker import WORKFLOWS

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "compose" / "watching" / "alerts.yaml"
PAGE = ROOT / "docs" / "for-operators.md"
PROMTOOL = shutil.which("promtool")

pytestmark = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not installed (Debian: apt-get install prometheus)"
)

Series = dict[str, str]
"""By its name and labels, its value at each minute; `0+0x60` is 0 for an hour, `_x9` is absent for ten minutes."""


class Hours(NamedTuple):
    """What a house tells, once so that the rule rings and once so that it does not."""

    rings: Series
    quiet: Series
    after: str = "30m"
    """When it is asked: long enough for what the rule waits for."""
    labels: dict[str, str] = {}
    """Those of the alert, beside the severity."""


MD = {"state": "MD"}
DETAINED = 'homeward_detained_beyond_deadline{state="MD",instance="%s"}'
BEYOND = 'homeward_overdue_acts_beyond_escalation{role="caseworker",state="MD"}'
UNOWED = 'homeward_cases_nobody_owes{waits_for="%s"}'
UP = 'up{job="%s"}'
WORKER = 'up{job="homeward-worker",instance="%s"}'
WAIT = 'temporal_workflow_task_schedule_to_start_latency_bucket{task_queue="return-cases",le="%s"}'
IN_TIME = {"1": 0, "5": 0, "10": 1, "+Inf": 1}
"""A task that waited for seven seconds, as the buckets count it."""
SLOTS = 'temporal_worker_task_slots_available{job="homeward-worker",instance="%s",worker_type="%s"}'
ENDS = 'homeward_certificate_ends_timestamp_seconds{job="homeward-desk",shown_to="%s",instance="%s"}'
ALONE = 'homeward_builds_without_worker{job="homeward-%s"}'
READY = 'homeward_ready{part="%s",job="homeward-worker",instance="%s"}'
STUCK = 'temporal_workflow_task_execution_failed{workflow_type="%s"}'
EACH_STUCK = 'temporal_workflow_task_execution_failed{workflow_type="%s",instance="%s"}'
REQUESTS = 'homeward_desk_request_seconds_count{status="%s",route="%s"}'
BUCKET = 'homeward_desk_request_seconds_bucket{le="%s",route="%s"}'


def ready(part: str, after: str = "30m") -> Hours:
    """One worker of two does not reach a part; and it is away for a minute only."""
    return Hours(
        {READY % (part, "a"): "1+0x60", READY % (part, "b"): "1+0x5 0+0x54"},
        {READY % (part, "a"): "1+0x60", READY % (part, "b"): "1+0x28 0+0x0 1+0x30"},
        after,
        {"job": "homeward-worker"},
    )


def taking(route: str, soon: int, of: int = 100) -> Series:
    """So many requests a minute of an address, and how many of them take a second at most; the others take five."""
    return {BUCKET % (least, route): f"0+{n}x60" for least, n in (("1", soon), ("5", of), ("+Inf", of))}


def ends_in(days: int) -> Hours:
    """One desk of two was started with a certificate that ends a minute before these days are over, or after them.

    promtool's clock begins at 0, so a moment is told in seconds from there; it is asked after half an hour.
    """
    edge = days * 86400 + 30 * 60
    fine = {ENDS % ("engine", "a"): f"{edge + 10**7}+0x60", ENDS % ("visitors", "b"): f"{edge + 10**7}+0x60"}
    return Hours(
        {**fine, ENDS % ("engine", "b"): f"{edge - 60}+0x60"},
        {**fine, ENDS % ("engine", "b"): f"{edge + 60}+0x60"},
        labels={"job": "homeward-desk", "shown_to": "engine"},
    )


HOURS: dict[str, Hours] = {
    "HomewardChildNotReleased": Hours(
        {DETAINED % "a": "1+0x60", DETAINED % "b": "1+0x60"}, {DETAINED % "a": "0+0x60"}, "1m", MD
    ),
    "HomewardCaseNobodyOwes": Hours(
        {UNOWED % "nothing": "1+0x60"},
        # A row that was late for a moment, and cases in which an appeal can still be lodged.
        {UNOWED % "nothing": "0+0x27 1+0x2 0+0x30", UNOWED % "appeal": "40+0x60"},
    ),
    "HomewardOverdueBeyondEscalation": Hours(
        {BEYOND: "2+0x60"}, {BEYOND: "0+0x20 2+0x9 0+0x30"}, labels={"role": "caseworker", "state": "MD"}
    ),
    "HomewardNoticesRefused": Hours(
        {'homeward_untold{channel="mail",refused="true"}': "1+0x60"},
        {'homeward_untold{channel="mail",refused="false"}': "9+0x60"},
        labels={"channel": "mail"},
    ),
    "HomewardNoticesLate": Hours(
        {'homeward_untold_oldest_seconds{channel="webhook"}': "0+60x120"},
        {'homeward_untold_oldest_seconds{channel="webhook"}': "0+30x120"},
        "90m",
        {"channel": "webhook"},
    ),
    "HomewardNoticesGivenUp": Hours(
        {'homeward_untold_given_up{channel="mail"}': "2+0x60"},
        {'homeward_untold_given_up{channel="mail"}': "2+0x20 0+0x30"},
        labels={"channel": "mail"},
    ),
    "HomewardNoticesFailing": Hours(
        {'homeward_tellings_failed_total{channel="mail",refused="false"}': "0+1x60"},
        {'homeward_tellings_failed_total{channel="mail",refused="false"}': "3+0x60"},
        labels={"channel": "mail"},
    ),
    "HomewardReadingsUnwritten": Hours(
        {"homeward_readings_unwritten_total": "0+0x25 1+0x30"}, {"homeward_readings_unwritten_total": "4+0x60"}
    ),
    "HomewardArchiveFailing": Hours(
        # Only the hourly sweep fails.
        {'homeward_archive_failures_total{error="Missed"}': " ".join(f"{n}+0x59" for n in range(9))},
        {'homeward_archive_failures_total{error="Missed"}': "0+0x120 1+0x500"},
        "4h",
        {"error": "Missed"},
    ),
    "HomewardKeysFailing": Hours(
        # One case whose key is missing: its step is done again every ten minutes.
        {'homeward_key_failures_total{error="KeyMissing"}': "0+0x9 1+0x9 2+0x9 3+0x9 4+0x9"},
        {
            'homeward_key_failures_total{error="KeyDestroyed"}': "0+1x60",
            # Asked while the failures still stand in what is looked at: one, and several within four minutes.
            'homeward_key_failures_total{error="KeyMissing"}': "0+0x29 1+0x30",
            'homeward_key_failures_total{error="KeysUnreachable"}': "0+0x25 1+1x4 5+0x30",
        },
        "38m",
        labels={"error": "KeyMissing"},
    ),
    "HomewardSignaturesRefused": Hours(
        {'homeward_signature_refusals_total{fault="wrong"}': "0+1x60"},
        {'homeward_signature_refusals_total{fault="wrong"}': "0+0x20 9+0x40"},
        labels={"fault": "wrong"},
    ),
    "HomewardNobodyWorks": Hours({}, {'homeward_cases_worked_on{instance="a"}': "1+0x60"}),
    "HomewardWorkerSilent": Hours({UP % "homeward-worker": "0+0x60"}, {UP % "homeward-worker": "1+0x60"}),
    "HomewardDeskSilent": Hours({}, {UP % "homeward-desk": "1+0x60"}),
    "HomewardProcessSilent": Hours(
        {WORKER % "a": "1+0x60", WORKER % "b": "1+0x5 0+0x54"},
        # Started anew, within ten minutes.
        {WORKER % "a": "1+0x60", WORKER % "b": "1+0x20 0+0x8 1+0x30", 'up{job="another",instance="c"}': "0+0x60"},
        labels={"job": "homeward-worker", "instance": "b"},
    ),
    "HomewardTasksWait": Hours(
        {WAIT % "1": "0+90x60", WAIT % "5": "0+95x60", WAIT % "10": "0+100x60", WAIT % "+Inf": "0+100x60"},
        # One that waited alone in the night is no slow house.
        {WAIT % each: f"0+100x20 2000+0x5 {2000 + late}+0x30" for each, late in IN_TIME.items()},
    ),
    "HomewardNoFreeSlots": Hours(
        {SLOTS % ("a", "ActivityWorker"): "100+0x5 0+0x60", SLOTS % ("b", "ActivityWorker"): "100+0x60"},
        {SLOTS % ("a", "ActivityWorker"): "100+0x20 0+0x8 7+0x40", SLOTS % ("a", "WorkflowWorker"): "1+0x60"},
        labels={"job": "homeward-worker", "instance": "a", "worker_type": "ActivityWorker"},
    ),
    "HomewardCertificateEnds": ends_in(30),
    "HomewardCertificateEndsThisWeek": ends_in(7),
    "HomewardEngineUnreachable": ready("engine"),
    "HomewardCaseloadUnreachable": ready("caseload"),
    "HomewardKeysUnreachable": ready("keys"),
    "HomewardCaseloadUncounted": Hours(
        {"homeward_caseload_looked_at_seconds": "0+0x60"}, {"homeward_caseload_looked_at_seconds": "0+60x60"}
    ),
    "HomewardTaskFails": Hours(
        # A step that fails is done again after ten minutes at most, each time on another worker that saw none before.
        {
            EACH_STUCK % ("ReturnCase", "a"): "_x9 1+0x50",
            EACH_STUCK % ("ReturnCase", "b"): "_x19 1+0x40",
            EACH_STUCK % ("ReturnCase", "c"): "_x29 1+0x30",
            EACH_STUCK % ("ReturnCase", "d"): "_x39 1+0x20",
        },
        # Another rule's, one that a stranger began, and one that failed four times and then did not.
        {STUCK % "FamilyTracing": "0+1x60", STUCK % "Invented": "0+1x60", STUCK % "ReturnCase": "_x25 1+1x3 4+0x40"},
        "40m",
        labels={"workflow_type": "ReturnCase"},
    ),
    "HomewardOtherTaskFails": Hours(
        {STUCK % "SweepArchive": "_x9 1+0x9 2+0x9 3+0x9 4+0x9"},
        {STUCK % "ReturnCase": "0+1x60", STUCK % "Invented": "0+1x60", STUCK % "SweepArchive": "_x25 1+1x3 4+0x40"},
        "40m",
        labels={"workflow_type": "SweepArchive"},
    ),
    "HomewardDeskFails": Hours(
        # Whoever asks only whether it is ready does not hide what people meet.
        {
            REQUESTS % ("200", "/"): "0+90x60",
            REQUESTS % ("500", "/"): "0+10x60",
            REQUESTS % ("200", "/ready"): "0+999x60",
        },
        {
            REQUESTS % ("200", "/"): "0+990x60",
            REQUESTS % ("404", "/"): "0+500x60",
            REQUESTS % ("500", "/"): "0+10x60",
            # Nor is it a failure of theirs that it is not.
            REQUESTS % ("503", "/ready"): "0+600x60",
            REQUESTS % ("503", "/health"): "0+600x60",
        },
    ),
    "HomewardDeskSlow": Hours(
        {**taking("/", 80), **taking("/health", 9999, 9999)},
        # News of a case are waited for on purpose; what programs ask may wait for a part that does not answer.
        {**taking("/cases/{reference}/news", 0), **taking("/ready", 0), **taking("/", 99)},
    ),
    "HomewardSignInsRefused": Hours(
        {'homeward_desk_sign_ins_refused_total{why="signature"}': "0+10x60"},
        {'homeward_desk_sign_ins_refused_total{why="signature"}': "0+1x60"},
        labels={"why": "signature"},
    ),
    "HomewardBuildWithoutWorker": Hours(
        {ALONE % "worker": "0+0x10 1+0x50", ALONE % "desk": "NaN+0x60"},
        # Started anew, within fifteen minutes; and an engine that does not tell.
        {ALONE % "worker": "0+0x17 1+0x10 0+0x30", ALONE % "desk": "NaN+0x60"},
    ),
}


def rules() -> dict[str, dict[str, Any]]:
    """Every rule by its name."""
    groups: list[dict[str, Any]] = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def played(folder: Path, *tests: dict[str, Any], every: str = "1m") -> subprocess.CompletedProcess[str]:
    """What promtool says of these hours, with the rules asked this often."""
    file = folder / "hours.yaml"
    file.write_text(
        yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": every, "tests": list(tests)}), "utf-8"
    )
    return subprocess.run([str(PROMTOOL), "test", "rules", str(file)], capture_output=True, text=True, check=False)


def hours(name: str, series: Series, after: str, rings: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "interval": "1m",
        "input_series": [{"series": each, "values": values} for each, values in series.items()],
        "alert_rule_test": [{"eval_time": after, "alertname": name, "exp_alerts": rings}],
    }


def ringing(name: str, labels: dict[str, str]) -> dict[str, Any]:
    """The alert as it is told: its severity, and its sentences with the labels put in."""
    rule = rules()[name]
    told = {
        each: re.sub(r"{{ \$labels\.(\w+) }}", lambda found: labels[found[1]], said)
        for each, said in rule["annotations"].items()
    }
    return {"exp_labels": {**labels, **rule["labels"]}, "exp_annotations": told}


def test_every_rule_is_played() -> None:
    """And nothing is played that is no rule."""
    assert list(HOURS) == list(rules())


def test_the_operators_page_knows_how_many_there_are() -> None:
    """Whoever adds one tells it there."""
    assert f"({len(rules())} rules; every one says what to do)" in PAGE.read_text("utf-8")


@pytest.mark.parametrize("name", HOURS)
def test_an_alert_rings_when_it_should_and_not_otherwise(name: str, tmp_path: Path) -> None:
    """With the labels that its sentences name, once for all who tell the same."""
    of = HOURS[name]
    done = played(
        tmp_path,
        hours(name, of.rings, of.after, [ringing(name, of.labels)]),
        hours(name, of.quiet, of.after, []),
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_only_the_hourly_sweep_cannot_keep_rings_on(tmp_path: Path) -> None:
    """Also where a rule is asked between two looks, so that an hour holds one look fewer: it never stops in between."""
    name, of = "HomewardArchiveFailing", HOURS["HomewardArchiveFailing"]
    rings = [ringing(name, of.labels)]
    asked = hours(name, of.rings, of.after, rings)
    asked["alert_rule_test"] = [
        {"eval_time": f"{minutes}m", "alertname": name, "exp_alerts": rings} for minutes in range(195, 500, 7)
    ]
    done = played(tmp_path, asked, every="50s")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_process_that_a_worker_knows_has_a_rule_for_when_it_is_stuck() -> None:
    """A case calls somebody; the others are a ticket."""
    others = {workflow.__name__ for workflow in WORKFLOWS} - {"ReturnCase"}
    (said,) = set(re.findall(r'workflow_type=~\s*"([^"]+)"', rules()["HomewardOtherTaskFails"]["expr"]))
    assert set(said.split("|")) == others


def test_hours_that_are_played_wrongly_fail(tmp_path: Path) -> None:
    """What promtool says is listened to."""
    name, of = "HomewardChildNotReleased", HOURS["HomewardChildNotReleased"]
    done = played(tmp_path, hours(name, of.rings, of.after, []))
    assert done.returncode == 1 and "HomewardChildNotReleased" in done.stdout + done.stderr
