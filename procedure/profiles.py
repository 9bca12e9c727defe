"""How an agreement is written down: the grammar of ``agreements/ID/profile.toml``.

The grammar can say things that the floor forbids, so that a bad agreement can be written as it is and
refused clause by clause.
"""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field

from procedure.agreement import Certainty, Clause, Period, Whole
from procedure.vocabulary import PlacementKind, RunBy


class Escalation(Clause):
    after_days: Annotated[
        tuple[Whole, ...],
        Field(
            description="Days after a deadline has passed: first the central authority is told, then the ombudsperson."
        ),
    ]


class Visits(Clause):
    after_days: Annotated[
        tuple[Whole, ...], Field(max_length=100, description="Days after arrival, one a monitoring visit.")
    ]


class Approvals(Clause):
    required: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[a-z_]+@(host|origin)$")], ...],
        Field(description="Who approves a return, as ROLE@host or ROLE@origin."),
    ]
    one_for_both: Annotated[bool, Field(description="Whether one approval may stand for both states.")] = False


class Placements(Clause):
    """What a profile says of places where a child may be put; only what is open is ever used."""

    kinds: Annotated[tuple[PlacementKind, ...] | None, Field(description="Kinds of place it puts children in.")] = None
    run_by: Annotated[tuple[RunBy, ...] | None, Field(description="Bodies that run these places.")] = None
    detention: Annotated[bool | None, Field(description="Whether a child may be kept where it may not leave.")] = None


class Escort(Clause):
    employers: Annotated[tuple[RunBy, ...], Field(description="Bodies that may escort a child.")]


class HandOverTo(Clause):
    recipients: Annotated[
        tuple[Literal["family", "child_protection"] | RunBy, ...] | None,
        Field(description="To whom a child is handed over."),
    ] = None
    kinds: Annotated[tuple[PlacementKind, ...] | None, Field(description="At what kind of place.")] = None


class Required(Clause):
    required: Annotated[bool, Field(description="Whether the agreement asks for it.")]


class Appeals(Clause):
    possible: Annotated[bool, Field(description="Whether decisions can be appealed.")] = True
    suspends: Annotated[bool, Field(description="Whether an appeal suspends the return.")] = True


class Silence(Clause):
    outcome: Annotated[
        Literal["escalate", "approve", "decline", "return", "move", "close"],
        Field(description="What a passed deadline brings about."),
    ] = "escalate"
    deadlines: Annotated[
        dict[str, Literal["escalate", "approve", "decline", "return", "move", "close"]],
        Field(description="The same for single deadlines, by name."),
    ] = {}


class Kept(Clause):
    """How long the record of a closed case is kept: until the later of both. What is left out is the base's."""

    years: Annotated[Whole | None, Field(description="Years after the closing.")] = None
    until_age: Annotated[Whole | None, Field(description="Until the child would be of this age.")] = None


class Mark(Clause):
    """How sure a clause is, and where it comes from."""

    certainty: Certainty
    source: str
    note: str | None = None


class Profile(Clause):
    """An agreement as it is written down: ``agreements/ID/profile.toml``. What is left out is the base's."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$", description="The name intakes use.")]
    title: Annotated[str, Field(min_length=3, description="The agreement's title, for people.")]
    version: Annotated[str, Field(min_length=1, description="Raised whenever a clause changes.")]
    states: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[A-Z]{2}$")], ...] | Literal["any"],
        Field(description='The states it binds (ISO 3166-1 alpha-2): two, one with any other, or "any" for any two.'),
    ]
    side: Annotated[Literal["host", "origin", "both"], Field(description="Whose duties it governs.")]
    in_force_from: Annotated[date, Field(description="First day in force.")]
    in_force_until: Annotated[date | None, Field(description="Last day in force, if it ended.")] = None
    languages: Annotated[tuple[str, ...] | None, Field(description="Languages of the procedure, BCP 47.")] = None
    consent_age: Annotated[Whole | None, Field(description="From this age on the child's own consent is needed.")] = (
        None
    )
    extension_limit_days: Annotated[Whole | None, Field(description="Most days a deadline may be extended by.")] = None
    deadlines: Annotated[dict[str, Period], Field(description="How long each deadline runs, by name.")] = {}
    escalation: Escalation | None = None
    shelf_lives: Annotated[dict[str, Whole], Field(description="Days for which evidence may be relied on.")] = {}
    visits: Visits | None = None
    approvals: Approvals | None = None
    placement: Placements | None = None
    escort: Escort | None = None
    handover: HandOverTo | None = None
    guardian: Required | None = None
    counsel: Required | None = None
    hearing: Required | None = None
    panel: Required | None = None
    consent: Required | None = None
    care: Annotated[Required | None, Field(description="Whether somebody must be found to care for the child.")] = None
    stay: Annotated[Required | None, Field(description="Whether staying must be an option.")] = None
    non_refoulement: Required | None = None
    appeal: Appeals | None = None
    silence: Silence | None = None
    retention: Annotated[
        Kept | None, Field(description="How long the record of a closed case is kept before it may be erased.")
    ] = None
    calendars: Annotated[dict[str, str], Field(description="Calendar of holidays by state.")] = {}
    marks: Annotated[dict[str, Mark], Field(description="How sure each clause is, by its dotted path.")] = {}


def profile_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a profile, as TOML tables and keys."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Profile.model_json_schema()}
