"""A case on the engine: what the engine adds to the law is waking, surviving and delivering."""

import asyncio
import hashlib
import json
import secrets
from typing import Any, cast

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WithStartWorkflowOperation, WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.common import RawValue, WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError

from benches.straight import straight
from starter.client import Cases
from tests.workflows.engines import (
    FAMILY,
    NAMES,
    STATION,
    Engine,
    Fields,
    Handle,
    accepted,
    act,
    guardian,
    intake,
    ledger,
    moved_on_from,
    new_reference,
    note,
    record,
    view,
)
from workflows.messages import RECORD, RETURN_CASE, SEARCH_ATTRIBUTES, TASK_QUEUE

pytestmark = pytest.mark.engine


def canonical(value: Any) -> bytes:
    """Canonical JSON of what the record holds, made without the project's own library."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def assert_whole(entries: list[Fields]) -> None:
    """Numbers, digests and chain, checked without any code of the project."""
    prev = "0" * 64
    for n, entry in enumerate(entries, start=1):
        header = {name: entry[name] for name in entry if name not in ("hash", "salt", "body")}
        assert entry["n"] == n
        assert entry["prev"] == prev
        assert entry["body_digest"] == hashlib.sha256(entry["salt"].encode() + canonical(entry["body"])).hexdigest()
        assert entry["hash"] == hashlib.sha256(canonical(header)).hexdigest()
        prev = entry["hash"]


async def failure_of(engine: Engine, handle: Handle) -> ApplicationError:
    # Waiting for a result would have the time-skipping server skip years ahead.
    with engine.env.auto_time_skipping_disabled(), pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    cause = caught.value.cause
    assert isinstance(cause, ApplicationError)
    return cause


async def rejected(handle: Handle, said: Any, *, args: list[Any] | None = None) -> ApplicationError:
    with pytest.raises(WorkflowUpdateFailedError) as caught:
        await handle.execute_update(RECORD, args=args if args is not None else [said])
    cause = caught.value.cause
    assert isinstance(cause, ApplicationError)
    return cause


def paths(error: ApplicationError) -> set[str]:
    return {fault["path"] for fault in error.details[0]}


async def test_a_case_opens_with_its_deadlines_running(engine: Engine) -> None:
    """The view answers, the ledger begins with the opening, and what is owed is known."""
    async with engine.worker():
        handle = await engine.start()
        await accepted(handle, note())
        seen = await view(handle)
        entries = await ledger(handle)
    assert (seen["reference"], seen["status"], seen["stage"]) == (handle.id, "open", "identification")
    assert {"identification", "guardian", "counsel"} <= {deadline["name"] for deadline in seen["deadlines"]}
    assert entries[0]["kind"] == "opened"
    assert_whole(entries)


async def test_a_malformed_intake_fails_the_run_at_once_and_names_every_fault(engine: Engine) -> None:
    """No task that fails for ever: the run ends, with each fault and its path."""
    async with engine.worker():
        wrong = intake(origin_state="MD", situation="alone", extra=1)
        wrong["child"]["date_of_birth"] = "1980-01-01"
        error = await failure_of(engine, await engine.start(wrong))
    assert error.type == "MalformedIntake"
    assert paths(error) == {"origin_state", "situation", "extra", "child.date_of_birth"}


async def test_an_unknown_agreement_and_one_below_the_floor_are_malformed(engine: Engine) -> None:
    """Nothing starts under terms that are not there or break the floor."""
    async with engine.worker():
        unknown = await failure_of(engine, await engine.start(intake(agreement="no-such-agreement")))
        below = await failure_of(engine, await engine.start(intake(agreement="chisinau-2002")))
    assert (unknown.type, paths(unknown)) == ("MalformedIntake", {"agreement"})
    assert (below.type, paths(below)) == ("MalformedIntake", {"agreement"})
    assert len(below.details[0]) > 1


@pytest.mark.parametrize("given", [[], [1, 2], ["text"], [None]])
async def test_anything_else_given_at_the_start_is_a_malformed_intake(server: Engine, given: list[Any]) -> None:
    """A stock tool may start a case with nothing, too much, or something else."""
    async with server.worker():
        handle = await server.client.start_workflow(RETURN_CASE, args=given, id=new_reference(), task_queue=TASK_QUEUE)
        assert (await failure_of(server, handle)).type == "MalformedIntake"


@pytest.mark.parametrize(
    ("unknown", "told"),
    [
        ({f"{n:x}": 1 for n in range(25_000)}, range(4_000, 6_000)),
        ({f"{n:03}{'🔑' * 38}": 1 for n in range(500)}, range(500, 501)),
        ({"🔑" * 20_000: 1}, range(1, 2)),
        ({"concerns": [0] * 100_000}, range(1, 2)),
    ],
    ids=["very many", "many with long names", "a very long name", "more than are told"],
)
async def test_an_intake_of_faults_alone_is_malformed_too(server: Engine, unknown: Fields, told: range) -> None:
    """The engine takes no answer of more than two megabytes: with each fault in it the run's task failed for ever."""
    async with server.worker():
        error = await failure_of(server, await server.start({**intake(), **unknown}))
    assert error.type == "MalformedIntake"
    assert len(error.details[0]) in told


async def test_the_workflow_id_is_the_reference(engine: Engine) -> None:
    """An id that is no reference, or another than the intake's, is malformed."""
    async with engine.worker():
        no_reference = await failure_of(engine, await engine.start(reference="a-case-of-mine"))
        another = await failure_of(engine, await engine.start(intake(reference=new_reference())))
    assert paths(no_reference) == paths(another) == {"reference"}


async def test_nobody_can_start_a_case_with_a_past_of_their_own_making(server: Engine) -> None:
    """What a run puts away for the next is taken up only when the engine itself goes on."""
    async with server.worker():
        forged: Fields = {"proceedings": {}, "intake": {}, "row_kept": 0}
        assert (await failure_of(server, await server.start(forged))).type == "MalformedIntake"


@pytest.mark.parametrize("way", ["update", "signal"])
async def test_a_correction_of_nothing_but_faults_is_refused_on_record(server: Engine, way: str) -> None:
    """Sixty thousand bytes made a refusal of four megabytes: the case's task failed, and with it all later acts."""
    nobody: list[Fields] = [{}] * 15_500
    said = act("ca", "correct", entry=1, fields={"relatives": nobody})
    async with server.worker():
        handle = await server.start()
        if way == "update":
            receipt = await record(handle, said)
            assert receipt["result"] == "refused"
        else:
            await handle.signal(RECORD, said)
        await accepted(handle, note())
        entries = await ledger(handle)
    assert [entry["kind"] for entry in entries[1:]] == ["refused", "accepted"]
    assert "and 61,980 more" in entries[1]["body"]["refusals"][0]["message"]


async def test_a_refusal_is_an_answer_and_an_entry(engine: Engine) -> None:
    """A well-formed act is always taken in; the refusal stays, with source and what is offered instead."""
    async with engine.worker():
        handle = await engine.start()
        receipt = await record(handle, act("cw", "place_child", placement=STATION))
        entries = await ledger(handle)
    assert receipt["result"] == "refused"
    assert [refusal["safeguard"] for refusal in receipt["refusals"]] == ["no-detention"]
    assert all(receipt["refusals"][0].values())
    assert entries[receipt["entry"] - 1]["kind"] == "refused"
    assert receipt["head"] == entries[-1]["hash"]
    assert_whole(entries)


async def test_a_malformed_act_is_rejected_with_every_fault_and_leaves_no_trace(engine: Engine) -> None:
    """MalformedAct lists all faults with their paths; neither the ledger nor the history knows of it."""
    async with engine.worker():
        handle = await engine.start()
        await accepted(handle, note())
        before = await _count(handle, "WORKFLOW_EXECUTION_UPDATE_ACCEPTED"), len(await ledger(handle))
        wrong = act("cw", "place_child", placement={"kind": "palace", "run_by": "police"}, more=1)
        error = await rejected(handle, wrong)
        after = await _count(handle, "WORKFLOW_EXECUTION_UPDATE_ACCEPTED"), len(await ledger(handle))
    assert error.type == "MalformedAct"
    assert paths(error) == {"placement.kind", "placement.name", "placement.child_may_leave_at_will", "more"}
    assert before == after


@pytest.mark.parametrize("args", [[], [1], ["text"], [None], [{"act": "note"}, {"act": "note"}], [{"act": "dance"}]])
async def test_anything_that_is_no_act_is_a_malformed_act(server: Engine, args: list[Any]) -> None:
    """Whatever a stock tool sends as an update, the answer is MalformedAct and the case goes on."""
    async with server.worker():
        handle = await server.start()
        assert (await rejected(handle, None, args=args)).type == "MalformedAct"
        await accepted(handle, note())


async def test_malformed_signals_are_put_on_record_and_never_hang_the_case(server: Engine) -> None:
    """Nobody waits for a signal's answer, so even nonsense is recorded, refused by well-formed."""
    async with server.worker():
        handle = await server.start()
        for args in ([], [1, 2], [{"act": "dance", "act_id": "d-1"}], ["x" * 70_000], [{"a": 1e300}]):
            await handle.signal(RECORD, args=args)
        await handle.signal(RECORD, note(act_id="after-all"))
        await accepted(handle, note())
        entries = await ledger(handle)
    refused = [entry for entry in entries if entry["kind"] == "refused"]
    assert [entry["safeguards"] for entry in refused] == [["well-formed"]] * 5
    assert "after-all" in [entry["act_id"] for entry in entries]
    assert_whole(entries)


async def test_a_signal_that_nobody_here_sealed_never_stops_a_case(server: Engine) -> None:
    """One byte that says it is encrypted goes on record as no act, and the case hears the next one."""
    stock = Client(server.client.service_client)
    async with server.worker():
        handle = await server.start()
        foreign = RawValue(Payload(metadata={"encoding": b"binary/encrypted"}, data=b"x"))
        await stock.get_workflow_handle(handle.id).signal(RECORD, foreign)
        await handle.signal(RECORD, note(act_id="after-it"))
        await accepted(handle, note())
        entries = await ledger(handle)
    assert [["well-formed"]] == [entry["safeguards"] for entry in entries if entry["kind"] == "refused"]
    assert "after-it" in [entry["act_id"] for entry in entries]
    assert_whole(entries)


async def test_a_signal_is_heard_by_the_same_rules(engine: Engine) -> None:
    """An act by signal is accepted or refused as by update, only without a receipt."""
    async with engine.worker():
        handle = await engine.start()
        await handle.signal(RECORD, act("cw", "place_child", placement=STATION))
        await handle.signal(RECORD, guardian())
        await accepted(handle, note())
        seen = await view(handle)
    assert (seen["guardian"], seen["refused"]) == ("g-1", 1)


async def test_an_act_that_arrives_before_the_run_has_started_is_heard(engine: Engine) -> None:
    """An update and a signal sent with the start wait for the opening and are then heard."""
    by_update, by_signal = new_reference(), new_reference()
    async with engine.worker():
        start = cast("Any", WithStartWorkflowOperation)(
            RETURN_CASE,
            intake(),
            id=by_update,
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        )
        client: Any = engine.client
        receipt = await client.execute_update_with_start_workflow(RECORD, guardian(), start_workflow_operation=start)
        early = await engine.start(reference=by_signal, start_signal=RECORD, start_signal_args=[guardian()])
        await accepted(early, note())
        assert receipt["result"] == "accepted"
        assert receipt["entry"] == 2
        assert (await view(early))["guardian"] == "g-1"


async def test_an_act_sent_with_a_malformed_intake_is_told_why(engine: Engine) -> None:
    """The waiting update ends with the intake's faults, and the run fails."""
    async with engine.worker():
        start = cast("Any", WithStartWorkflowOperation)(
            RETURN_CASE,
            intake(agreement="no-such-agreement"),
            id=new_reference(),
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
        )
        client: Any = engine.client
        with pytest.raises(WorkflowUpdateFailedError) as caught:
            await client.execute_update_with_start_workflow(RECORD, note(), start_workflow_operation=start)
    assert isinstance(caught.value.cause, ApplicationError)
    assert caught.value.cause.type == "MalformedIntake"


async def test_acts_of_one_moment_are_all_heard_each_once(engine: Engine) -> None:
    """Ten people speak at once: ten entries, in one chain."""
    async with engine.worker():
        handle = await engine.start()
        said = [note() for _ in range(10)]
        receipts = await asyncio.gather(*(record(handle, each) for each in said))
        entries = await ledger(handle)
    assert sorted(receipt["entry"] for receipt in receipts) == list(range(2, 12))
    assert sorted(entry["act_id"] for entry in entries[1:]) == sorted(each["act_id"] for each in said)
    assert_whole(entries)


async def test_the_same_act_again_gets_the_first_receipt_and_adds_nothing(engine: Engine) -> None:
    """One after the other, at once, and by signal."""
    async with engine.worker():
        handle = await engine.start()
        said = act("cw", "place_child", placement=STATION)
        first = await record(handle, said)
        again = await asyncio.gather(*(record(handle, said) for _ in range(4)))
        await handle.signal(RECORD, said)
        at_once = note()
        both = await asyncio.gather(record(handle, at_once), record(handle, at_once))
        entries = await ledger(handle)
    assert again == [first] * 4
    assert both[0] == both[1]
    assert len(entries) == 3


async def test_the_same_id_with_other_content_is_malformed(engine: Engine) -> None:
    """An id names one act for good."""
    async with engine.worker():
        handle = await engine.start()
        await accepted(handle, note(act_id="mine"))
        error = await rejected(handle, note(act_id="mine", text="something else"))
        await handle.signal(RECORD, note(act_id="mine", text="something else"))
        await accepted(handle, note())
        entries = await ledger(handle)
    assert (error.type, paths(error)) == ("MalformedAct", {"act_id"})
    assert [entry["safeguards"] for entry in entries if entry["kind"] == "refused"] == [["well-formed"]]


async def test_a_deadline_that_passes_blocks_and_escalates_and_decides_nothing(skipping: Engine) -> None:
    """A month of silence: overdue, then both levels, and no other entry than these."""
    async with skipping.worker():
        handle = await skipping.start()
        await accepted(handle, note())
        await skipping.wait(days=30)
        seen = await view(handle)
        entries = await ledger(handle)
    late = {row["name"] for row in seen["deadlines"] if row["overdue"]}
    assert {"guardian", "counsel", "identification", "protection_screening", "services"} == late
    assert {entry["kind"] for entry in entries[2:]} == {"overdue", "escalated"}
    assert [row["escalations"] for row in seen["awaiting"] if row["act"] == "appoint_guardian"] == [2]
    assert (seen["stage"], seen["solution"], seen["placement"]) == ("identification", None, intake()["placement"])
    assert_whole(entries)


async def test_the_one_timer_follows_the_due_moment(skipping: Engine) -> None:
    """To an earlier one and to a later one, and no wake is in vain. Runs of before replay (tests/histories)."""

    async def timers(handle: Handle) -> tuple[int, int, int]:
        return (
            await _count(handle, "TIMER_STARTED"),
            await _count(handle, "TIMER_CANCELED"),
            await _count(handle, "TIMER_FIRED"),
        )

    async with skipping.worker():
        handle = await skipping.start()
        for _ in range(5):
            await accepted(handle, note())
        assert await timers(handle) == (1, 0, 0)
        # The earliest moment (screening, day 2) is met: the next one is later.
        await accepted(handle, act("cw", "screen_protection", trafficking=False, asylum=False, violence=False))
        assert await timers(handle) == (2, 1, 0)
        # Detention brings a due moment of 24 hours, which is earlier.
        await accepted(handle, act("om", "report_detention", placement=STATION, since="2026-02-01T10:00:00Z"))
        assert await timers(handle) == (3, 2, 0)
        await accepted(handle, guardian())
        await skipping.wait(days=30)
        found = len({entry["at"] for entry in await ledger(handle) if entry["kind"] in ("overdue", "escalated")})
        assert await _count(handle, "TIMER_FIRED") == found


async def _count(handle: Handle, kind: str) -> int:
    events = (await handle.fetch_history()).events
    return sum(EventType.Name(event.event_type) == f"EVENT_TYPE_{kind}" for event in events)


@pytest.mark.slow
async def test_a_long_case_goes_on_in_a_new_run_with_nothing_lost(engine: Engine) -> None:
    """Numbers and chain run on, the ledger answers from its first entry, and old acts are known again."""
    async with engine.worker():
        handle = await engine.start()
        first_act = note()
        first = await record(handle, first_act)
        run = (await handle.describe()).run_id
        for _ in range(12):
            await asyncio.gather(*(record(handle, note()) for _ in range(9)))
        await accepted(handle, note())
        await moved_on_from(run, handle)
        again = await record(handle, first_act)
        entries = await ledger(handle)
        seen = await view(handle)
        error = await rejected(handle, {**first_act, "text": "something else"})
        later = await ledger(handle, 100)
    assert again == first
    assert len(entries) == 111
    assert later == entries[99:]
    assert error.type == "MalformedAct"
    assert seen["entries"] == 111
    assert {deadline["name"] for deadline in seen["deadlines"]} >= {"guardian", "counsel"}
    assert_whole(entries)


async def test_deadlines_run_on_into_the_next_run(skipping: Engine) -> None:
    """What was owed before a new run began is overdue after it all the same."""
    async with skipping.worker():
        handle = await skipping.start()
        run = (await handle.describe()).run_id
        for _ in range(12):
            await asyncio.gather(*(record(handle, note()) for _ in range(9)))
        await moved_on_from(run, handle)
        await skipping.wait(days=4)
        seen = await view(handle)
    assert "guardian" in {row["name"] for row in seen["deadlines"] if row["overdue"]}


async def test_search_attributes_and_details_tell_operators_where_a_case_stands(server: Engine) -> None:
    """The contract's attributes are kept; the details read well; nothing in either is personal."""
    async with server.worker():
        handle = await server.start()
        await accepted(handle, act("om", "report_detention", placement=STATION, since="2026-02-01T10:00:00Z"))
        described = await handle.describe()
        attributes: Any = described.typed_search_attributes
        shown = {key.name: attributes.get(key) for key in SEARCH_ATTRIBUTES}
        metadata = await handle.query("__temporal_workflow_metadata")
        raw = str(described.raw_description)
    assert shown["HomewardStage"] == "identification"
    assert (shown["HomewardHostState"], shown["HomewardOriginState"], shown["HomewardAgreement"]) == (
        "MD",
        "UA",
        "model",
    )
    assert shown["HomewardHolds"] == ["detention"]
    assert {"caseworker", "guardianship_authority"} <= set(shown["HomewardAwaiting"] or ())
    assert shown["HomewardNextDue"] is not None
    assert shown["HomewardOverdue"] is False
    assert "Held: detention" in metadata.current_details
    for name in NAMES:
        assert name not in metadata.current_details
        assert name not in raw


async def test_the_same_child_with_an_open_case_is_a_likely_duplicate(server: Engine) -> None:
    """The run fails and names the running case, unless the intake says that it is another child."""
    async with server.worker():
        given = intake()
        first = await server.start(given)
        await accepted(first, note())
        error = await failure_of(server, await server.start(given))
        excused = await server.start({**given, "not_duplicate_of": first.id})
        await accepted(excused, note())
    assert error.type == "LikelyDuplicate"
    assert first.id in error.message
    assert not any(name in error.message for name in NAMES)


@pytest.mark.slow
async def test_a_return_from_opening_to_closing_and_late_acts_after_it(skipping: Engine) -> None:
    """A year passes; the case closes as returned; a late act is refused on record; then the run ends."""
    async with skipping.worker():
        handle = await skipping.start()
        await straight(skipping, handle)
        late = await record(handle, note())
        seen = await view(handle)
        entries = await ledger(handle)
        result = await handle.result()
    assert (seen["status"], seen["outcome"], seen["stage"]) == ("closed", "returned", "closed")
    assert seen["placement"] == FAMILY
    assert [refusal["safeguard"] for refusal in late["refusals"]] == ["closed-case"]
    assert entries[-1]["safeguards"] == ["closed-case"]
    assert result["head"] == entries[-1]["hash"]
    assert not any(entry["kind"] == "overdue" for entry in entries)
    assert_whole(entries)


async def test_who_owes_an_act_without_a_deadline_is_told_of_it_once(engine: Engine) -> None:
    """A court that has an appeal before it learns so; nothing else would ever remind it."""

    def told(handle: Handle) -> int:
        notices = (engine.data / "notices" / "new").glob(f"{handle.id}.*")
        return sum("record the act decide_appeal:" in notice.read_text("utf-8") for notice in notices)

    async with engine.worker():
        handle = await engine.start()
        await accepted(
            handle, act("om", "appeal", against="placement", grounds="The place is too far from her school.")
        )
        assert told(handle) == 1
        await accepted(handle, note())
        assert told(handle) == 1


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["development"], indirect=True)
async def test_a_case_of_very_long_texts_goes_on_in_a_new_run(engine: Engine) -> None:
    """What a run hands over stays below what the engine takes: a case that could not move on would hang for good."""

    def report(n: int) -> Fields:
        relative = {"id": f"r-{n}", "relationship": secrets.token_hex(13_000), "state": "UA"}
        return act("cw", "report_tracing", result="found", relatives=[relative], reason=secrets.token_hex(1_000))

    async with engine.worker():
        handle = await engine.start()
        run = (await handle.describe()).run_id
        # By our client: an act that comes while the case moves on is asked again there.
        cases = Cases(engine.client)
        for n in range(100):
            assert (await cases.record(handle.id, report(n)))["result"] == "accepted"
        await moved_on_from(run, handle)
        seen = await view(handle)
    assert seen["entries"] >= 100
