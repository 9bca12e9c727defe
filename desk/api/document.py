"""The OpenAPI document: the contract's own models, and what each address takes and answers."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from desk.api import answers as shapes
from desk.api.asking import CSRF_HEADER
from desk.api.problems import Name, Problem, documented
from procedure.acts import ACT
from procedure.intake import Intake

DESCRIPTION: Final = """\
Cases of the cross-border return procedure of a child, for other systems.

Acts, intakes, receipts, case views and entries are the contract's. An act that breaks a safeguard is refused, and the
refusal is an answer: status 200 with `result: refused`, every safeguard that refused it, its source, and what can be
done instead. `act_id` is the idempotency key: the same act again gets its first receipt and adds nothing.

Every error is a problem (RFC 9457) of the media type `application/problem+json`, whose `type` is stable. `faults` lists
everything that is wrong with what was sent, and never repeats a value.

Who may see what is one table. What is not for you is null, empty or left out, and `withheld` says so; of a case that
you may not know of the answer is that of a case that does not exist. Each answer about a case is noted in its log of
readings before it is given. A case to which a colleague is assigned is opened with a reason, in the header
`Homeward-Reason`.
"""

_JSON: Final = "application/json"
_REF: Final = "#/components/schemas/{model}"
_SAID: Final = {"Intake": TypeAdapter(Intake), "Act": ACT}
_SHOWN: Final[dict[str, type[BaseModel]]] = {
    model.__name__: model
    for model in (
        *(shapes.ReceiptSeen, shapes.ViewSeen, shapes.LineSeen, shapes.ReadingsShown, Problem),
        *(shapes.Opened, shapes.CaseloadPage, shapes.LedgerPage, shapes.Acts, shapes.Agreements),
        shapes.StatisticsShown,
    )
}


SAMPLES: Final[dict[str, dict[str, Any]]] = {
    "Intake": {
        "agreement": "model",
        "host_state": "MD",
        "origin_state": "UA",
        "opened_by": {"id": "authority-1", "role": "central_authority", "state": "MD", "office": "Invented Office"},
        "child": {
            "given_names": "Invented",
            "family_name": "Child",
            "date_of_birth": None,
            "estimated_age": 12,
            "sex": "female",
            "nationalities": ["UA"],
            "languages": ["uk"],
        },
        "situation": "unaccompanied",
        "found": {"on": "2026-02-01", "place": "Invented Town", "by": "school", "circumstances": "came alone"},
        "placement": {
            "name": "Invented Foster Home",
            "kind": "foster_family",
            "run_by": "foster_carer",
            "child_may_leave_at_will": True,
        },
        "relatives": [{"id": "r1", "name": "Invented Mother", "relationship": "mother", "state": "UA"}],
        "concerns": [],
    },
    "Act": {
        "act": "screen_protection",
        "act_id": "an-invented-id-of-this-act",
        "actor": {"id": "caseworker-1", "role": "caseworker", "state": "MD"},
        "trafficking": False,
        "asylum": False,
        "violence": False,
    },
}
"""What the document shows by way of example. Everybody in it is invented."""


def takes(name: str, description: str) -> dict[str, Any]:
    """What the document says of the body that an operation takes, and of the token that a change demands."""
    sample = {"value": SAMPLES[name], "summary": "Everybody in it is invented."}
    return {
        "requestBody": {
            "required": True,
            "description": description,
            "content": {_JSON: {"schema": {"$ref": _REF.format(model=name)}, "examples": {"sample": sample}}},
        },
        "security": [{"session": [], "csrf": []}, {"bearer": []}],
    }


def gives(
    shape: type[BaseModel] | None,
    *problems: Name,
    status: int = 200,
    description: str,
    media_type: str = _JSON,
    **further: Any,
) -> dict[int | str, dict[str, Any]]:
    """An operation's responses for the document: a JSON object of that shape, and the problems that may come instead."""
    schema = {"$ref": _REF.format(model=shape.__name__)} if shape else {"type": "object"}
    return {
        status: {"description": description, "content": {media_type: {"schema": schema}}, **further},
        # A token can be wrong, or its issuer silent, at any address.
        **documented(
            *dict.fromkeys(
                ("refused-request", "not-signed-in", "not-permitted", *problems, "too-often", "no-answer", "unforeseen")
            )
        ),
    }


def write(app: FastAPI, session_cookie: str) -> dict[str, Any]:
    """The document of an application's addresses (OpenAPI 3.1)."""
    written = get_openapi(
        title="Homeward",
        version="1",
        summary="The return of a child to another state, as a procedure with its safeguards built in.",
        description=DESCRIPTION,
        routes=app.routes,
        separate_input_output_schemas=False,
    )
    written["components"] = {
        "schemas": _components(),
        "securitySchemes": {
            "session": {
                "type": "apiKey",
                "in": "cookie",
                "name": session_cookie,
                "description": "The session of somebody who is signed in at the desk.",
            },
            "csrf": {
                "type": "apiKey",
                "in": "header",
                "name": CSRF_HEADER,
                "description": "The session's token, which every change demands beside the cookie.",
            },
            "bearer": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "An access token (RFC 9068) of an issuer that the desk knows: a person's, or a system's.",
            },
        },
    }
    written["security"] = [{"session": []}, {"bearer": []}]
    return written


def _components() -> dict[str, Any]:
    inputs: list[tuple[str, JsonSchemaMode, TypeAdapter[Any]]] = [
        *((name, "validation", adapter) for name, adapter in _SAID.items()),
        *((name, "serialization", TypeAdapter(model)) for name, model in _SHOWN.items()),
    ]
    made, named = TypeAdapter.json_schemas(inputs, by_alias=True, ref_template=_REF)
    # The union of all acts is no model and has no name of its own.
    return {**named["$defs"], "Act": made["Act", "validation"]}
