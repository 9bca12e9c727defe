"""Admission: asked once as a case opens. Is its agreement good, and is this child known already?"""

import asyncio
import secrets
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any, Final, NoReturn

import structlog
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.agreements import AgreementShelf, UnknownAgreement
from activities.caseload import Caseload, CaseloadUnreachable
from activities.erasures import Erasures
from activities.marks import ChildMarks
from activities.signing import KeyDesk
from procedure.agreement import Agreement, BelowTheFloor, MalformedAgreement
from procedure.entries import read_moment
from procedure.faults import Fault
from procedure.intake import parse_intake
from procedure.signing import NOT_REQUIRED, REQUIRED, Standing
from sealing import signatures
from workflows.messages import LIKELY_DUPLICATE, MALFORMED_INTAKE, Admission, AdmissionRequest, KeyAsked

DONE = "done"
NOT_MADE = "not_made"

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class AdmissionDesk:
    """Looks an intake's agreement up and looks for an open case of the same child."""

    def __init__(
        self,
        shelf: AgreementShelf,
        caseload: Caseload,
        marks: ChildMarks,
        client: Client | None,
        keys: KeyDesk,
        *,
        unsigned_acts: bool,
    ) -> None:
        """``client`` tells whether a case that looks like the same child's is still running.

        ``unsigned_acts``: whether cases may be opened in which acts count without a signature (docs/decisions/0025).
        """
        self._keys = keys
        self._unsigned_acts = unsigned_acts
        self._shelf = shelf
        self._caseload = caseload
        self._marks = marks
        self._client = client

    async def admit(self, request: AdmissionRequest) -> Admission:
        """The terms of the agreement, whether acts must be signed, and whether the check for a duplicate could be made.

        Raises, for good, ``ApplicationError`` of type ``MalformedIntake`` (agreement unknown or below
        the floor, signature missing or at fault; the details are the list of faults) or ``LikelyDuplicate`` (the details are the
        reference of the open case, or where the host state has no part in that, the state that hosts it). A caseload that is down, or a child without a date of birth,
        holds up nothing: the answer then says ``not_made``.
        """
        # Off the event loop: a profile is read from its files.
        agreement = await asyncio.to_thread(self._agreement, str(request.intake["agreement"]))
        signed = await asyncio.to_thread(self._signed, request)
        if faults := [*_not_in_this_case(agreement, request), *_at_fault(signed), *await self._erased(request)]:
            _malformed(faults)
        check = await self._check_for_duplicate(request)
        return Admission(
            agreement=agreement.terms(),
            duplicate_check=check,
            seed=secrets.token_hex(32),
            signatures=REQUIRED if signed else NOT_REQUIRED,
            signature=signed.facts()["signature"] if signed else None,
        )

    async def _erased(self, request: AdmissionRequest) -> list[Fault]:
        """Whether the reference is that of a case that was erased: it stands for one case for good."""
        try:
            erasure = await Erasures(self._caseload).of(request.reference)
        except CaseloadUnreachable:
            return []  # without its key nothing of that case can be read, or sealed, here
        if erasure is None or erasure.certificate is None:
            return []
        return [Fault(path="reference", message="is that of a case that was erased; leave it out, or take another")]

    def _signed(self, request: AdmissionRequest) -> Standing | None:
        """What is found of the intake's signature; None where it bears none and needs none."""
        signature = request.intake.get("signature")
        if signature is None:
            return None if self._unsigned_acts else _UNSIGNED_INTAKE
        # As the record will keep it; its shape was judged before. The day is only for ages, judged then as well.
        at = read_moment(request.opens_at) if request.opens_at else datetime.now(UTC)
        said = parse_intake(request.intake, today=at.date()).as_signed()
        kid = signatures.kid_of(signature)
        statement = self._keys.told(KeyAsked(kid)).statement if kid else None
        return signatures.check(said, signature, statement, reference=request.reference, at=at)

    def _agreement(self, name: str) -> Agreement:
        try:
            return self._shelf.get(name)
        except UnknownAgreement as error:
            _malformed(
                [Fault(path="agreement", message=f"there is none of this name; there are: {', '.join(error.known)}")]
            )
        except BelowTheFloor as error:
            _malformed([Fault(path="agreement", message=f"breaks the floor: {b.sentence()}") for b in error.breaches])
        except MalformedAgreement as error:
            _malformed(
                [
                    Fault(path="agreement", message=f"is not a readable profile: {fault['path']} {fault['message']}")
                    for fault in error.faults
                ]
            )

    async def _check_for_duplicate(self, request: AdmissionRequest) -> str:
        mark = self._marks.of(request.intake["child"])
        if mark is None:
            return NOT_MADE
        try:
            earlier = await self._caseload.claim(mark, request.reference)
            excused = (request.reference, request.intake.get("not_duplicate_of"))
            for reference in earlier:
                if reference not in excused and await self._is_open(reference):
                    # Best effort: an unopened case's claim does no harm, for the engine says that it is not running.
                    with suppress(CaseloadUnreachable):
                        await self._caseload.unclaim(request.reference)
                    raise _likely_duplicate(reference, str(request.intake["host_state"]))
        except CaseloadUnreachable as error:
            _log.warning("duplicate check not made", because=str(error))
            return NOT_MADE
        except RPCError as error:
            _log.warning("duplicate check not made", because=f"the engine answered {error.status.name}")
            return NOT_MADE
        return DONE

    async def _is_open(self, reference: str) -> bool:
        """What the engine says; the caseload may lag behind, or know a case of an engine that is gone."""
        if self._client is None:
            return True
        asked = DescribeWorkflowExecutionRequest(
            namespace=self._client.namespace, execution=WorkflowExecution(workflow_id=reference)
        )
        try:
            # Asked without the SDK's own reading of search attributes, which not every server's answer survives.
            described = await self._client.workflow_service.describe_workflow_execution(asked)
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return False
            raise
        status = described.workflow_execution_info.status
        return status == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING


def _not_in_this_case(agreement: Agreement, request: AdmissionRequest) -> list[Fault]:
    """Why the agreement is not for this case: other states, or not in force on the day of opening."""
    host, origin = str(request.intake["host_state"]), str(request.intake["origin_state"])
    faults: list[Fault] = []
    if not agreement.covers(host, origin):
        bound = " and ".join(agreement.states)
        faults.append(Fault(path="agreement", message=f"binds {bound}, and this case is between {host} and {origin}"))
    if request.opens_on and not agreement.in_force(date.fromisoformat(request.opens_on)):
        until = f" until {agreement.in_force_until}" if agreement.in_force_until else ""
        faults.append(Fault(path="agreement", message=f"is in force from {agreement.in_force_from}{until} only"))
    return faults


def _at_fault(signed: Standing | None) -> list[Fault]:
    if signed is None or signed.fault is None:
        return []
    return [Fault(path="signature", message=f"{signed.message} {signed.instead}")]


_UNSIGNED_INTAKE: Final = Standing(
    fault="missing",
    message="This engine opens cases of signed acts only, and the intake bears no signature.",
    instead="Open the case at the desk, or with a program that signs for the central authority.",
)


def _likely_duplicate(reference: str, state: str) -> ApplicationError:
    """Why no case opens for a child who has one. Its reference is told to the states that are in it, and to no other."""
    host, origin = reference[:2], reference[3:5]
    if state in (host, origin):
        told: Any = reference
        message = (
            f"the same child very likely has an open case: {reference}. "
            f'If this is another child, give "not_duplicate_of": "{reference}" in the intake.'
        )
    else:
        told = {"host_state": host}
        message = (
            f"the same child very likely has an open case, in which {state} has no part. Ask the central authority of "
            f'{host}; if this is another child, give "not_duplicate_of" in the intake, with the reference that it tells '
            "you."
        )
    return ApplicationError(message, told, type=LIKELY_DUPLICATE, non_retryable=True)


def _malformed(faults: list[Fault]) -> NoReturn:
    raise ApplicationError(
        "; ".join(f"{fault['path']}: {fault['message']}" for fault in faults),
        faults,
        type=MALFORMED_INTAKE,
        non_retryable=True,
    )
