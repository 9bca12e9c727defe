"""The contract's shapes as JSON Schema, made from the same models that judge what comes in."""

from typing import Annotated, Any, Final, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from procedure.acts import ACT, Head
from procedure.entries import read_moment
from procedure.intake import Intake, Reference
from procedure.vocabulary import EntryKind, Hold, Outcome, Role, SafeguardName, Solution, Stage

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="RFC 3339, UTC")]


class _Shown(BaseModel):
    """What Homeward gives out. It may gain fields; programs that read it ignore those they do not know."""

    model_config = ConfigDict(extra="allow", strict=True)


class RefusalShown(_Shown):
    safeguard: SafeguardName
    message: str
    source: str
    instead: str


class Receipt(_Shown):
    """The answer to one act."""

    reference: Reference
    entry: Annotated[int, Field(ge=1)]
    result: Annotated[str, Field(pattern="^(accepted|refused)$")]
    refusals: list[RefusalShown]
    stage: Stage
    holds: list[Hold]
    head: Head


class Awaited(_Shown):
    act: str
    role: Role
    state: str
    deadline: str | None
    due: Moment | None
    overdue: bool
    escalations: int
    person: str | None = None
    """The one person who may do it, where that is one alone."""
    stands_still: bool = False
    """While a hold stands, its time does not run."""
    about: str | int | None = None
    """Which of several: a relative, a visit, the entry of a complaint."""


class DeadlineShown(_Shown):
    name: str
    due: Moment
    met: Moment | None
    escalations: int


class View(_Shown):
    """The case view."""

    reference: Reference
    agreement: str
    host_state: str
    origin_state: str
    status: Annotated[str, Field(pattern="^(open|closed)$")]
    stage: Stage
    solution: Solution | None
    outcome: Outcome | None
    holds: list[Hold]
    turned_18: bool
    placement: dict[str, Any] | None
    guardian: str | None
    counsel: str | None
    caseworker: str | None
    awaiting: list[Awaited]
    deadlines: list[DeadlineShown]
    entries: Annotated[int, Field(ge=1)]
    refused: Annotated[int, Field(ge=0)]
    head: Head
    procedure_version: str
    signatures: Annotated[
        Literal["required", "not_required"], Field(description="Whether only signed acts count in this case")
    ] = "not_required"


class EntryShown(_Shown):
    """One entry of the ledger. The header (all up to ``hash``) holds nothing personal."""

    n: Annotated[int, Field(ge=1)]
    at: Moment
    kind: EntryKind
    act: str | None
    act_id: str | None
    actor_role: Role | None
    actor_state: str | None
    safeguards: list[SafeguardName]
    facts: dict[str, Any]
    body_digest: Head
    prev: Head
    hash: Head
    salt: str
    body: dict[str, Any]


_ENTRY: Final = TypeAdapter(EntryShown)


def checked_entry(given: Any) -> dict[str, Any]:
    """An entry's JSON object as it is, if it is of the contract's shape. Raises ValueError for anything else.

    Whether it is true is another matter (:func:`procedure.entries.chain_faults`).
    """
    _ENTRY.validate_python(given)
    entry = cast("dict[str, Any]", given)
    if not entry["at"].endswith("Z"):
        raise ValueError("a moment is in UTC")
    read_moment(entry["at"])
    return entry


_SCHEMAS: Final[dict[str, TypeAdapter[Any]]] = {
    "intake": TypeAdapter(Intake),
    "act": ACT,
    "receipt": TypeAdapter(Receipt),
    "view": TypeAdapter(View),
    "entry": TypeAdapter(EntryShown),
}
NAMES: Final = tuple(_SCHEMAS)


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of ``intake``, ``act``, ``receipt``, ``view`` or ``entry``.

    Raises KeyError for any other name.
    """
    made = _SCHEMAS[name].json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": name, **made}
