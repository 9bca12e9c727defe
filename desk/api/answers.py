"""What the API answers where the contract has no shape of its own: pages of rows, and figures."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, create_model

from procedure.acts import EntryNumber, Head
from procedure.agreement import Agreement, Breach
from procedure.intake import Reference
from procedure.schemas import Awaited, EntryShown, Moment, Receipt, RefusalShown, View
from procedure.vocabulary import Hold, Outcome, Role, Solution, Stage


class _Answered(BaseModel):
    """It may gain fields; programs that read it ignore those they do not know."""

    model_config = ConfigDict(extra="allow")


class Opened(_Answered):
    """A case that was opened."""

    reference: Reference


class RowShown(_Answered):
    """A case of the caseload, as far as you may know of it; what is not for you is null."""

    reference: Reference
    agreement: str
    host_state: str
    origin_state: str
    status: str
    stage: Stage | None
    solution: Solution | None
    outcome: Outcome | None
    holds: list[Hold]
    awaiting: list[Awaited]
    due: Moment | None
    overdue: bool
    entries: int
    refused: int | None
    opened_at: Moment
    updated_at: Moment


class CaseloadPage(_Answered):
    """Some rows of the caseload, by due moment, closed cases last."""

    cases: list[RowShown]
    next: Annotated[str | None, Field(description="Given as `after`, the page that follows; null: this is the last.")]


ViewSeen = create_model(
    "ViewSeen",
    __base__=View,
    __doc__="The case view as you may see it. What is not for you is null or empty, and named in `withheld`.",
    stage=(Stage | None, ...),
    turned_18=(bool | None, ...),
    refused=(int | None, ...),
    round=(int | None, None),
    withheld=(list[str], Field(default=[], description="Fields that are not for you; not there where all are.")),
)

ReceiptSeen = create_model(
    "ReceiptSeen",
    __base__=Receipt,
    __doc__="The answer to one act, as you may read it.",
    entry=(EntryNumber | None, ...),
    stage=(Stage | None, ...),
    head=(Head | None, ...),
    withheld=(list[str], Field(default=[], description="Of what more may stand there than is told to you.")),
)


class WithheldEntry(_Answered):
    """An entry that is not wholly for you: its header, or its number and two hashes alone."""

    n: Annotated[int, Field(ge=1)]
    prev: Head
    hash: Head
    withheld: Literal[True]


class LineSeen(RootModel[EntryShown | WithheldEntry]):
    """An entry, or what is left of it for you."""


class ReadingShown(_Answered):
    """One reading of a case."""

    reference: Reference
    n: Annotated[int, Field(ge=1)]
    at: Moment
    person: str
    role: str
    state: str | None
    office: str | None
    what: str
    reason: str | None
    head: Head | None
    prev: Head
    hash: Head


class ReadingsShown(_Answered):
    """Who has read a case, the oldest first, and whether the log hangs together."""

    reference: Reference
    verifies: bool
    faults: list[str]
    readings: list[ReadingShown]


class LedgerPage(_Answered):
    """Some entries of a case, in order."""

    reference: Reference
    entries: list[LineSeen]
    next: Annotated[int | None, Field(description="Given as `first`, the page that follows; null: this is the last.")]


class ClosedChoice(_Answered):
    value: str | int | bool
    closed_by: list[RefusalShown]


class ActShown(_Answered):
    """An act as it stands for one role of one state: open, or closed with the reasons."""

    act: str
    role: Role
    state: str
    person: Annotated[str | None, Field(description="Who alone may act: guardian, counsel, escort or caseworker.")]
    open: bool
    owed: bool
    due: Moment | None
    choices: Annotated[
        dict[str, list[str | int | bool]], Field(description="The values that are open, by the field they stand in.")
    ]
    closed_choices: list[ClosedChoice]
    closed_by: list[RefusalShown]


class Acts(_Answered):
    """Which acts are open at a moment, after which entry, and of the others why not."""

    reference: Reference
    at: Moment
    entries: Annotated[int, Field(ge=1)]
    head: Head
    must_come_signed: Annotated[
        bool,
        Field(description="Whether acts must be sent signed: only signed acts count here, and this desk cannot sign."),
    ]
    acts: list[ActShown]


class AgreementShown(_Answered):
    """An agreement on the shelf: in order with its terms, or refused clause by clause."""

    id: str
    result: Literal["accepted", "refused", "malformed"]
    digest: Annotated[str | None, Field(description="SHA-256 over the terms' canonical JSON.")]
    terms: Agreement | None
    breaches: list[Breach]


class Agreements(_Answered):
    agreements: list[AgreementShown]


class SpreadShown(_Answered):
    """How figures spread: `count`, and quartiles with their unit in the name."""

    count: Annotated[int, Field(ge=1)]


class OfficeShown(_Answered):
    """What an office owed: a role of a state, never a person."""

    role: Role
    state: str | None
    owed: Annotated[int, Field(ge=0)]
    missed: Annotated[int, Field(ge=0)]
    median_late_hours: float | None


class DetentionsShown(_Answered):
    reported: int
    released: int
    open: int
    hours_to_release: SpreadShown | None
    released_within: dict[str, int]


class StatisticsShown(_Answered):
    """Figures of many cases. No child and no case is named."""

    counted_at: Moment
    not_counted: Annotated[int, Field(ge=0, description="Cases that gave no answer, or that the engine keeps no more.")]
    cases: dict[str, int]
    time_in_stages: dict[str, SpreadShown]
    deadlines_by_office: list[OfficeShown]
    refusals_by_safeguard: dict[str, int]
    detentions: DetentionsShown
    endings: dict[str, int]
    solutions_determined: dict[str, int]
    rounds: dict[str, int]
