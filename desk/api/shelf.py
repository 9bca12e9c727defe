"""The addresses of what is the same for every case: the contract's schemas, and the agreements."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path
from starlette.responses import JSONResponse

from activities.agreements import AgreementShelf
from desk.api.answers import Agreements
from desk.api.asking import SignedIn
from desk.api.document import gives
from procedure import profiles, schemas
from procedure.agreement import BelowTheFloor, MalformedAgreement

router = APIRouter()

Name = Literal["intake", "act", "receipt", "view", "entry", "agreement"]
SCHEMA_TYPE: Final = "application/schema+json"


@router.get(
    "/schemas/{name}",
    tags=["contract"],
    responses=gives(
        None,
        *("not-found", "malformed"),
        description="The schema (JSON Schema 2020-12).",
        media_type=SCHEMA_TYPE,
    ),
    response_class=type("_Schema", (JSONResponse,), {"media_type": SCHEMA_TYPE}),
)
def read_schema(person: SignedIn, name: Annotated[Name, Path(description="Of what.")]) -> JSONResponse:
    """The JSON Schema of one of the contract's shapes."""
    made = profiles.profile_schema() if name == "agreement" else schemas.schema(name)
    return JSONResponse({**made, "title": name}, media_type=SCHEMA_TYPE)


@router.get(
    "/agreements",
    tags=["contract"],
    responses=gives(Agreements, description="The agreements, those that break the floor with every clause that does."),
)
def list_agreements(person: SignedIn) -> JSONResponse:
    """The agreements between states that a case can be opened under."""
    shelf = AgreementShelf()
    return JSONResponse({"agreements": [_agreement(shelf, id) for id in shelf.ids()]})


def _agreement(shelf: AgreementShelf, id: str) -> dict[str, Any]:
    told: dict[str, Any] = {"id": id, "result": "accepted", "digest": None, "terms": None, "breaches": []}
    try:
        found = shelf.get(id)
    except BelowTheFloor as below:
        return {
            **told,
            "result": "refused",
            "breaches": [breach.model_dump(mode="json") for breach in below.breaches],
        }
    except MalformedAgreement:
        return {**told, "result": "malformed"}
    return {**told, "digest": found.digest(), "terms": found.terms()}
