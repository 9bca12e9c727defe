"""The intake: with what a case begins. Its shape and what makes it malformed."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any, Final, Literal, cast

import pydantic_core
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from procedure.acts import Actor, Day, Language, OpenText, PersonId, Signature, State, Text
from procedure.faults import MOST_FAULTS, Fault, MalformedIntake, faults_of
from procedure.placement import Placement

MAX_INTAKE_BYTES: Final = 256 * 1024
REFERENCE: Final = re.compile(r"^[A-Z]{2}-[A-Z]{2}-\d{4}-[0-9A-HJKMNP-TV-Z]{6}$")
REFERENCE_LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no letter that is mistaken for another on the telephone."""

Reference = Annotated[str, Field(pattern=REFERENCE.pattern)]
ADULT_AT: Final = 18
OLDEST: Final = date(1900, 1, 1)


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Child(_Said):
    given_names: Annotated[str, Field(min_length=1, max_length=200)]
    family_name: Annotated[str, Field(min_length=1, max_length=200)]
    date_of_birth: Day | None
    estimated_age: Annotated[int, Field(ge=0, le=120)] | None = None
    sex: Literal["female", "male", "other", "unknown"]
    nationalities: Annotated[tuple[State, ...], Field(max_length=10)]
    languages: Annotated[tuple[Language, ...], Field(max_length=20)]


class Found(_Said):
    on: Day
    place: Text
    by: Literal[
        "border_guard",
        "police",
        "social_service",
        "health_service",
        "school",
        "consulate",
        "ngo",
        "family",
        "self",
    ]
    circumstances: OpenText


class RelativeNamed(_Said):
    id: PersonId
    name: OpenText
    relationship: Text
    state: State
    contact: OpenText | None = None


Concern = Literal["trafficking", "asylum", "violence", "health", "statelessness", "disability"]


class Intake(_Said):
    """What a central authority knows when it opens a case (contract, section 2)."""

    agreement: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    host_state: State
    origin_state: State
    opened_by: Actor
    child: Child
    situation: Literal["unaccompanied", "separated", "with_family"]
    found: Found
    placement: Placement
    relatives: Annotated[tuple[RelativeNamed, ...], Field(max_length=50)]
    concerns: tuple[Concern, ...]
    reference: Reference | None = None
    not_duplicate_of: Reference | None = None
    signature: Signature | None = None
    """Who vouches for the intake, as for an act."""

    def as_signed(self) -> dict[str, Any]:
        """The intake as its signature covers it: as given, and without the signature itself."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"signature"})


def parse_intake(raw: bytes | str | Mapping[str, Any], *, today: date, most_faults: int | None = MOST_FAULTS) -> Intake:
    """Read an intake and judge it against the day it is given on.

    ``raw`` is JSON text or the object that JSON text gave; ``today`` is the date (UTC) of opening.
    Raises :class:`procedure.faults.MalformedIntake` with every fault and its path; more than ``most_faults``, which no
    intake that somebody meant can have, are told as one. Whether the agreement exists and keeps the floor is asked where
    agreements are loaded.
    """
    try:
        text = raw if isinstance(raw, (bytes, str)) else pydantic_core.to_json(raw)
        if isinstance(text, str):
            text.encode()  # half of a pair of surrogates is in no JSON text, and what reads such a one raises TypeError
    except (pydantic_core.PydanticSerializationError, ValueError):
        raise MalformedIntake([Fault(path="$", message="is not JSON")]) from None
    if len(text) > MAX_INTAKE_BYTES:
        raise MalformedIntake([Fault(path="$", message=f"an intake may have at most {MAX_INTAKE_BYTES} bytes")])
    try:
        intake = Intake.model_validate_json(text)
    except ValidationError as error:
        # What can be judged without a whole intake is still judged: every fault is told at once.
        faults = faults_of(error, most=most_faults)
        told = {fault["path"] for fault in faults}
        faults += [fault for fault in _early_faults(text, today) if fault["path"] not in told]
        raise MalformedIntake(faults) from None
    faults = _disagreements(intake, today)
    if faults:
        raise MalformedIntake(faults)
    return intake


def _early_faults(text: bytes | str, today: date) -> list[Fault]:
    """Faults between fields of an intake that is faulty elsewhere too."""
    try:
        given = pydantic_core.from_json(text)
    except ValueError:
        return []
    if not isinstance(given, dict):
        return []
    given = cast("dict[str, Any]", given)
    faults: list[Fault] = []
    host, origin = given.get("host_state"), given.get("origin_state")
    if isinstance(host, str) and host == origin:
        faults.append(_SAME_STATE)
    child, found = given.get("child"), given.get("found")
    if isinstance(child, dict):
        try:
            faults += _age_faults(Child.model_validate_json(pydantic_core.to_json(child)), today)
        except ValidationError:
            pass  # its own faults are told already
    if isinstance(found, dict):
        try:
            faults += _found_faults(Found.model_validate_json(pydantic_core.to_json(found)), today)
        except ValidationError:
            pass
    return faults


_SAME_STATE: Final = Fault(
    path="origin_state", message="host and origin are the same state; this procedure is between two states"
)


def _disagreements(intake: Intake, today: date) -> list[Fault]:
    faults: list[Fault] = []
    if intake.host_state == intake.origin_state:
        faults.append(_SAME_STATE)
    if intake.opened_by.role != "central_authority":
        faults.append(Fault(path="opened_by.role", message="a case is opened by a central authority"))
    if intake.opened_by.state != intake.host_state:
        faults.append(Fault(path="opened_by.state", message="a case is opened by the host state, where the child is"))
    if intake.reference and not intake.reference.startswith(f"{intake.host_state}-{intake.origin_state}-"):
        faults.append(Fault(path="reference", message="must begin with the host state and the origin state"))
    faults += _age_faults(intake.child, today)
    faults += _found_faults(intake.found, today)
    born = intake.child.date_of_birth
    if born and born > intake.found.on:
        faults.append(Fault(path="found.on", message="lies before the child's date of birth"))
    if len({relative.id for relative in intake.relatives}) < len(intake.relatives):
        faults.append(Fault(path="relatives", message="names the same relative id twice"))
    return faults


def _found_faults(found: Found, today: date) -> list[Fault]:
    # One day of grace: at the date line it is tomorrow already while UTC still says today.
    if found.on > today + timedelta(days=1):
        return [Fault(path="found.on", message="lies in the future")]
    if found.on < OLDEST:
        return [Fault(path="found.on", message="lies too far in the past to be right")]
    return []


def _age_faults(child: Child, today: date) -> list[Fault]:
    """A person who may be a child is treated as one (GC6 para 31(i)): only ages that all say adult are refused."""
    born, estimate = child.date_of_birth, child.estimated_age
    if born is None and estimate is None:
        return [
            Fault(
                path="child.estimated_age",
                message="this field is needed when the date of birth is not known; "
                "in doubt give the lowest age of the margin",
            )
        ]
    if born and born > today + timedelta(days=1):
        return [Fault(path="child.date_of_birth", message="lies in the future")]
    if born and born < OLDEST:
        return [Fault(path="child.date_of_birth", message="lies too far in the past to be right")]
    adult_by_date = born is None or age_on(born, today) >= ADULT_AT
    adult_by_estimate = estimate is None or estimate >= ADULT_AT
    if adult_by_date and adult_by_estimate:
        return [
            Fault(
                path="child.date_of_birth" if born else "child.estimated_age",
                message="says 18 or more; this procedure is for children. Where there is doubt, "
                "give the lowest age of the margin as `estimated_age`",
            )
        ]
    return []


def age_on(born: date, day: date) -> int:
    """Whole years of age on a day. A child born on 29 February grows a year older on 1 March in common years."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def birthday(born: date, years: int) -> date:
    """The day on which somebody born on ``born`` reaches an age of ``years``."""
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return date(born.year + years, 3, 1)
