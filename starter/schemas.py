"""Every JSON Schema that `homeward schema` prints."""

from typing import Any, Final

from procedure import schemas

NAMES: Final = (*schemas.NAMES, "scenario", "agreement", "delays")


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one of :data:`NAMES`. Raises KeyError for any other name."""
    if name == "scenario":
        from starter.scenario import Scenario

        made = Scenario.model_json_schema(by_alias=True)
    elif name == "agreement":
        from starter.profiles import agreement_schema

        made = agreement_schema()
    elif name == "delays":
        from casefile.delays import Delays

        made = Delays.model_json_schema(by_alias=True)
    else:
        made = schemas.schema(name)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": name}
