"""The one argument that a message brings to a process of ours that is no case.

Such processes are begun and told by cases and workers, but whoever reaches the engine can start or signal one with
anything. What the SDK cannot hand over fails the task, again and again; so it is handed over as it came. And it is read
in the run: of a run that fails while it is initialised a question that came with it is never answered (temporalio 1.35).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, TypeVar

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from workflows.messages import MALFORMED_START

with workflow.unsafe.imports_passed_through():
    from procedure.entries import read_moment
    from procedure.intake import REFERENCE
    from workflows.logs import log

T = TypeVar("T")

_MOST_BYTES: Final = 64 * 1024
"""An agreement has at most a hundred visits. What a process is given it gives on, to its activities and as its result, and
the engine takes no two megabytes of that."""
_YEARS: Final = range(1900, 9000)
"""Whatever is reckoned from a moment in them is in the calendar too."""


def asked(kind: type[T], given: Sequence[RawValue]) -> T:
    """What a process is asked to do. Raises ApplicationError, ``MalformedStart``, which ends its run, for anything else."""
    try:
        return _read(kind, given)
    except Exception:  # noqa: BLE001 - a converter raises whatever it likes
        raise malformed(f"takes exactly one {kind.__name__}") from None


def due_moment(text: str) -> datetime:
    """A due moment that a process was given. Raises ApplicationError, ``MalformedStart``."""
    try:
        due = read_moment(text)
    except ValueError:
        raise malformed("a due moment is none") from None
    if due.tzinfo is None or due.year not in _YEARS:
        raise malformed("a due moment is none that can be waited for")
    return due


def of_a_case(reference: str, id: str) -> None:
    """See to it that a process is one of a case, under the ``id`` that it has there.

    Raises ApplicationError, ``MalformedStart``: what is given becomes part of names of files, and of mails.
    """
    if not REFERENCE.fullmatch(reference):
        raise malformed("the reference is none of a case")
    if workflow.info().workflow_id != id:
        raise malformed("its id is not the one that it has in a case")


def begun_by_its_case(reference: str, id: str, *, origin: str, host: str | None = None) -> None:
    """The same, and that it was the case that began it, for its own states: nobody else has anybody reminded."""
    of_a_case(reference, id)
    parent = workflow.info().parent
    if parent is None or parent.workflow_id != reference:
        raise malformed("no case began it")
    states = reference.split("-")
    if origin != states[1] or host not in (None, states[0]):
        raise malformed("a state is not the one in the reference")


def malformed(why: str) -> ApplicationError:
    """What ends the run of a process that was begun with anything else."""
    return ApplicationError(f"malformed start: {why}", type=MALFORMED_START, non_retryable=True)


def told(kind: type[T], given: Sequence[RawValue]) -> T | None:
    """What a signal says; None for anything else, and a line in the log, for nobody waits for an answer."""
    try:
        return _read(kind, given)
    except Exception as error:  # noqa: BLE001 - as above
        log.warning("a signal said nothing that can be read", error=type(error).__name__)
        return None


def _read(kind: type[T], given: Sequence[RawValue]) -> T:
    (one,) = given
    if len(one.payload.data) > _MOST_BYTES:
        raise ValueError
    read: object = workflow.payload_converter().from_payload(one.payload, kind)
    if not isinstance(read, kind):  # nothing at all is read as nothing, whatever was asked for
        raise TypeError
    return read
