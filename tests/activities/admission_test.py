"""Admission: agreements good and bad, and children who are known already."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest, DescribeWorkflowExecutionResponse
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.admission import AdmissionDesk
from activities.agreements import AgreementShelf
from activities.caseload import Caseload
from activities.marks import ChildMarks
from activities.signing import KeyDesk
from procedure.agreement import Agreement
from procedure.faults import MalformedIntake
from sealing.published_keys import PublishedKeys
from starter.client import DuplicateCase, _failure_of  # pyright: ignore[reportPrivateUsage]
from tests.activities.marked import open_cases_with_mark
from workflows.messages import MALFORMED_INTAKE, AdmissionRequest

pytestmark = pytest.mark.asyncio

FIRST, SECOND, THIRD = "MD-UA-2026-000001", "MD-UA-2026-000002", "MD-UA-2026-000003"
MARKS = ChildMarks(b"k" * 32)
RUNNING = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING


def request(reference: str = FIRST, opens_on: str | None = None, **intake: Any) -> AdmissionRequest:
    child = {"given_names": "Inventa", "family_name": "Sample", "date_of_birth": "2013-05-04"}
    given = {"agreement": "model", "host_state": "MD", "origin_state": "UA", "child": child, **intake}
    return AdmissionRequest(reference, given, opens_on)


@dataclass
class Engine:
    """The cases that an engine knows, and how each stands."""

    cases: dict[str, WorkflowExecutionStatus.ValueType] = field(
        default_factory=dict[str, WorkflowExecutionStatus.ValueType]
    )
    away: bool = False
    namespace: str = "default"

    @property
    def workflow_service(self) -> "Engine":
        return self

    async def describe_workflow_execution(
        self, asked: DescribeWorkflowExecutionRequest
    ) -> DescribeWorkflowExecutionResponse:
        assert asked.namespace == self.namespace
        if self.away:
            raise RPCError("no", RPCStatusCode.UNAVAILABLE, b"")
        if asked.execution.workflow_id not in self.cases:
            raise RPCError("no", RPCStatusCode.NOT_FOUND, b"")
        status = self.cases[asked.execution.workflow_id]
        return DescribeWorkflowExecutionResponse(workflow_execution_info=WorkflowExecutionInfo(status=status))


def desk(caseload: Caseload, engine: Engine | None = None, shelf: AgreementShelf | None = None) -> AdmissionDesk:
    known = engine or Engine({FIRST: RUNNING, SECOND: RUNNING})
    keys = KeyDesk(PublishedKeys(Path("no-keys-here")))
    return AdmissionDesk(shelf or AgreementShelf(), caseload, MARKS, cast(Client, known), keys, unsigned_acts=True)


async def test_a_child_nobody_knows_is_admitted(small_caseload: Caseload) -> None:
    """The answer carries the terms of the agreement, whole."""
    admission = await desk(small_caseload).admit(request())

    assert "done" == admission.duplicate_check
    assert Agreement.from_terms(admission.agreement) == AgreementShelf().get("model")


async def test_admission_may_be_asked_twice(small_caseload: Caseload) -> None:
    """A repeated activity does not take its own case for another one."""
    await desk(small_caseload).admit(request())

    assert "done" == (await desk(small_caseload).admit(request())).duplicate_check


async def test_the_same_child_with_an_open_case_is_refused(small_caseload: Caseload) -> None:
    """For good, naming the reference and nobody's name; the refused case leaves no trace."""
    await desk(small_caseload).admit(request(FIRST))

    with pytest.raises(ApplicationError) as refusal:
        await desk(small_caseload).admit(request(SECOND))

    assert "LikelyDuplicate" == refusal.value.type
    assert refusal.value.non_retryable
    assert (FIRST,) == tuple(refusal.value.details)
    assert FIRST in str(refusal.value)
    assert "Inventa" not in str(refusal.value)
    mark = MARKS.of(request().intake["child"])
    assert mark is not None
    assert [FIRST] == await open_cases_with_mark(small_caseload, mark)


@pytest.mark.parametrize(
    ("first", "told"),
    [
        ("RO-UA-2026-000001", False),
        ("RO-MD-2026-000001", True),
        ("UA-RO-2026-000001", False),
        ("MD-RO-2026-000001", True),
    ],
)
async def test_the_reference_of_a_case_of_other_states_is_not_told(
    small_caseload: Caseload, first: str, told: bool
) -> None:
    """An authority learns that there is one and whom to ask; with the reference from there, its own case opens."""
    known = desk(small_caseload, Engine({first: RUNNING, SECOND: RUNNING}))
    await known.admit(request(first))
    with pytest.raises(ApplicationError) as refusal:
        await known.admit(request(SECOND))
    said = f"{refusal.value} {refusal.value.details}"
    assert (first in said) is told
    if not told:
        assert f"Ask the central authority of {first[:2]}" in str(refusal.value)
        assert ({"host_state": first[:2]},) == tuple(refusal.value.details)
        cause = _failure_of(refusal.value, MalformedIntake, MALFORMED_INTAKE)
        assert isinstance(cause, DuplicateCase)
        assert (cause.reference, cause.host_state) == ("", first[:2])
    assert "done" == (await known.admit(request(SECOND, not_duplicate_of=first))).duplicate_check


async def test_a_case_named_as_another_childs_is_excused(small_caseload: Caseload) -> None:
    """`not_duplicate_of` excuses the case that it names, and no other."""
    await desk(small_caseload).admit(request(FIRST))
    await desk(small_caseload).admit(request(SECOND, not_duplicate_of=FIRST))

    with pytest.raises(ApplicationError, match=SECOND):
        await desk(small_caseload).admit(request(THIRD, not_duplicate_of=FIRST))


@pytest.mark.parametrize(
    "engine",
    [
        Engine({FIRST: WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_COMPLETED}),
        Engine({FIRST: WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED}),
        Engine({}),
    ],
)
async def test_a_case_that_is_over_stands_in_nobodys_way(small_caseload: Caseload, engine: Engine) -> None:
    """Ended, ended by force, or unknown to this engine."""
    await desk(small_caseload).admit(request(FIRST))

    assert "done" == (await desk(small_caseload, engine).admit(request(SECOND))).duplicate_check


async def test_a_caseload_that_is_down_holds_up_no_child(unreachable: str) -> None:
    """The case opens, and says that the check was not made."""
    down = Caseload(unreachable)

    assert "not_made" == (await desk(down).admit(request())).duplicate_check
    await down.close()


async def test_an_engine_that_does_not_answer_holds_up_no_child(small_caseload: Caseload) -> None:
    """Whether the other case runs cannot be known, so this one opens."""
    await desk(small_caseload).admit(request(FIRST))

    assert "not_made" == (await desk(small_caseload, Engine(away=True)).admit(request(SECOND))).duplicate_check


async def test_without_a_date_of_birth_no_check_is_made(small_caseload: Caseload) -> None:
    """Two children of one name and unknown birth are not taken for one."""
    child = {"given_names": "Inventa", "family_name": "Sample", "date_of_birth": None, "estimated_age": 13}
    for reference in (FIRST, SECOND):
        admission = await desk(small_caseload).admit(request(reference, child=child))
        assert "not_made" == admission.duplicate_check


async def faults(caseload: Caseload, shelf: AgreementShelf, name: str) -> list[dict[str, str]]:
    with pytest.raises(ApplicationError) as refusal:
        await desk(caseload, shelf=shelf).admit(request(agreement=name))
    assert "MalformedIntake" == refusal.value.type
    assert refusal.value.non_retryable
    [found] = refusal.value.details
    assert {"agreement"} == {fault["path"] for fault in found}
    return found


async def test_an_unknown_agreement_is_malformed(small_caseload: Caseload) -> None:
    """The fault names those there are."""
    [fault] = await faults(small_caseload, AgreementShelf(), "no-such-agreement")

    assert "model" in fault["message"]


async def test_an_agreement_below_the_floor_is_malformed(small_caseload: Caseload, tmp_path: Path) -> None:
    """Every clause that breaks the floor is a fault of its own, with its source; nothing was claimed."""
    profile = (AgreementShelf()._root / "model" / "profile.toml").read_text()  # pyright: ignore[reportPrivateUsage]
    low = profile.replace("consent_age = 12", "consent_age = 17")
    assert low != profile
    (tmp_path / "low.toml").write_text(low)

    [fault] = await faults(small_caseload, AgreementShelf(extra={"low": tmp_path / "low.toml"}), "low")

    assert "consent_age" in fault["message"]
    mark = MARKS.of(request().intake["child"])
    assert mark is not None
    assert [] == await open_cases_with_mark(small_caseload, mark)


async def test_an_unreadable_profile_is_malformed(small_caseload: Caseload, tmp_path: Path) -> None:
    """A profile that is not of the shape is told as a fault of the agreement."""
    (tmp_path / "bad.toml").write_text("id = 'bad'\n")

    assert await faults(small_caseload, AgreementShelf(extra={"bad": tmp_path / "bad.toml"}), "bad")


async def test_an_agreement_is_for_the_states_that_it_binds(small_caseload: Caseload) -> None:
    """Moldova's regulation is for cases with Moldova, on either side."""
    for host, origin in (("MD", "UA"), ("IT", "MD")):
        given = request(agreement="moldova-2008", host_state=host, origin_state=origin)
        assert "moldova-2008" == (await desk(small_caseload, Engine()).admit(given)).agreement["id"]
    with pytest.raises(ApplicationError) as refused:
        await desk(small_caseload).admit(request(agreement="moldova-2008", host_state="SK", origin_state="RS"))
    assert "MalformedIntake" == refused.value.type
    assert "binds MD" in str(refused.value)


async def test_an_agreement_must_be_in_force_on_the_day_of_opening(small_caseload: Caseload) -> None:
    """Not before its first day, and a case keeps it for good after that."""
    await desk(small_caseload).admit(request(opens_on="2021-01-01"))
    with pytest.raises(ApplicationError) as refused:
        await desk(small_caseload).admit(request(opens_on="2020-12-31"))
    assert "in force from 2021-01-01" in str(refused.value)
