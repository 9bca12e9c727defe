"""Schemathesis asks every address of the API: what its document allows, what it forbids, and what it leaves out."""

import copy
import itertools
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.modes import GenerationMode
from starlette.types import ASGIApp

from desk.api.asking import CSRF_HEADER
from desk.api.document import SAMPLES
from tests.desk.cases_in_memory import COOKIE, CSRF, cookie_of, desk_of, mounted, somebody
from tests.procedure.courses import DOES, REFERENCE, Course

Case = Any
"""One request that Schemathesis made up; its own type is only partly known to the type check."""
openapi: Any = schemathesis.openapi

DOCUMENT: Final = "/api/openapi.json"
SOME_ACTS: Final = ("ReportTracing", "PlanTravel", "Correct")
"""Between them these have every kind of field that an act has."""

SEED: Final = 20_260_202
TAKEN: Final = ["2xx", "401", "403", "404", "409", "422"]
"""How what has the shape of an intake or an act may be answered: that two fields contradict each other, or a date lies
in the future, is found behind the shape."""


def config(*, coverage_of_acts: bool) -> Any:
    """Every check is on, and every run asks the same."""
    made: Any = SchemathesisConfig
    return made.from_dict(
        {
            "seed": SEED,
            "operations": [
                {
                    "include-method": "POST",
                    "checks": {"positive_data_acceptance": {"expected-statuses": TAKEN}},
                },
                {
                    "include-operation-id": "record_act",
                    "phases": {"coverage": {"enabled": coverage_of_acts}},
                },
            ],
        }
    )


class Questions:
    """Puts what Schemathesis made up in the mouth of somebody who may say it."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)

    def ask(self, case: Case) -> Any:
        """Ask, and have every check look at the answer; the answer."""
        who = self._spoken_by(case) if self._is_right(case) else "caseworker"
        given: dict[str, Any] = {"headers": {CSRF_HEADER: CSRF}, "cookies": {COOKIE: cookie_of(who)}}
        return case.call_and_validate(**({} if self._is_about_sign_in(case) else given))

    @staticmethod
    def _is_right(case: Case) -> bool:
        return case.meta is None or case.meta.generation.mode is GenerationMode.POSITIVE

    @staticmethod
    def _is_about_sign_in(case: Case) -> bool:
        return case.meta is not None and any(
            case.meta.is_negative_at(place) for place in (ParameterLocation.COOKIE, ParameterLocation.HEADER)
        )

    def _spoken_by(self, case: Case) -> str:
        said = case.body
        if not isinstance(said, dict):
            return "caseworker"
        if "act" not in said:
            said["opened_by"] = _actor("opener")
            return "opener"
        who = DOES[said["act"]]
        said["actor"] = _actor(who)
        # An id of its own for every act, or all but the first would be the same act with other content.
        said["act_id"] = f"asked-{next(self._ids)}"
        case.headers.pop("idempotency-key", None)
        case.path_parameters["reference"] = REFERENCE
        return who


def _actor(who: str) -> dict[str, str]:
    person = somebody(who)
    return {"id": person.id, "role": person.role, "state": person.state}


def with_some_acts(written: dict[str, Any]) -> dict[str, Any]:
    """The document with a few acts: to go through all of them field by field takes many thousand questions."""
    found = copy.deepcopy(written)
    act = found["components"]["schemas"]["Act"]
    known = act["discriminator"]["mapping"].items()
    act["discriminator"]["mapping"] = some = {name: ref for name, ref in known if ref.rpartition("/")[2] in SOME_ACTS}
    act["oneOf"] = [{"$ref": ref} for ref in some.values()]
    found["paths"] = {path: there for path, there in found["paths"].items() if path.endswith("/acts")}
    return found


def document(written: dict[str, Any], app: ASGIApp, *, coverage_of_acts: bool = False) -> Any:
    schema = openapi.from_dict(written, config=config(coverage_of_acts=coverage_of_acts))
    schema.app, schema.location = app, DOCUMENT
    return schema


APP: Final = mounted(desk_of(Course().represented()))
WHOLE: Final = openapi.from_asgi(DOCUMENT, APP, config=config(coverage_of_acts=False))
QUESTIONS: Final = Questions()

bounded = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


@WHOLE.parametrize()
@bounded
def test_every_address_keeps_to_its_document(case: Case) -> None:
    """What the document allows is taken, what it forbids is not, and nothing is answered that it does not name."""
    QUESTIONS.ask(case)


@document(with_some_acts(WHOLE.raw_schema), APP, coverage_of_acts=True).parametrize()
@bounded
def test_every_field_of_an_act_keeps_to_its_document(case: Case) -> None:
    """Each field of an act, at each of its limits and just beyond them, is judged as the document says."""
    QUESTIONS.ask(case)


def test_what_is_right_comes_through_to_the_law() -> None:
    """The questions are not turned away at the door: a right intake opens a case, and a right act is accepted."""
    whole = document(WHOLE.raw_schema, mounted(desk_of(Course().represented())))
    opening = whole["/cases"]["POST"].Case(body=copy.deepcopy(SAMPLES["Intake"]), media_type="application/json")
    assert QUESTIONS.ask(opening).status_code == 201
    acts = whole["/cases/{reference}/acts"]["POST"]
    act = acts.Case(path_parameters={}, body=copy.deepcopy(SAMPLES["Act"]), media_type="application/json")
    assert QUESTIONS.ask(act).json()["result"] == "accepted"


def test_a_document_that_leaves_something_out_would_be_seen() -> None:
    """The check can fail."""

    def ask(written: dict[str, Any]) -> None:
        address = document(written, APP)["/cases/{reference}"]["GET"]
        address.Case(path_parameters={"reference": "MD-UA-2026-000000"}).call_and_validate(
            cookies={COOKIE: cookie_of("caseworker")}
        )

    ask(WHOLE.raw_schema)
    short = copy.deepcopy(WHOLE.raw_schema)
    del short["paths"]["/cases/{reference}"]["get"]["responses"]["404"]
    with pytest.raises(FailureGroup, match="Undocumented"):
        ask(short)
