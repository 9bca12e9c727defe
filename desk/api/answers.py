"""What the API answers where the contract has no shape of its own: pages of rows, and figures."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from activities.caseload import ListedCase
from procedure.acts import Head
from procedure.agreement import Agreement, Breach
from procedure.intake import Reference
from procedure.schemas import EntryShown, Moment, RefusalShown
from procedure.vocabulary import Role


class _Answered(BaseModel):
    """It may gain fields; programs that read it ignore those they do not know."""

    model_config = ConfigDict(extra="allow")


class Opened(_Answered):
    """A case that was opened."""

    reference: Reference


class CaseloadPage(_Answered):
    """Some rows of the caseload, by due moment, closed cases last."""

    cases: list[ListedCase]
    next: Annotated[str | None, Field(description="Given as `after`, the page that follows; null: this is the last.")]


class LedgerPage(_Answered):
    """Some entries of a case, in order."""

    reference: Reference
    entries: list[EntryShown]
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
