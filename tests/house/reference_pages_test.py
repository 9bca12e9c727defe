"""The reference pages say what the code says: every act, safeguard, deadline and hold, with its numbers and sources."""

import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from activities.agreements import BASE, AgreementShelf
from procedure.acts import ACTS, DECISIONS, Act
from procedure.agreement import DEADLINES, Agreement, Period
from procedure.deadlines import RULES
from procedure.floor import FLOOR
from procedure.gates import GATES, PASSES_AFTER_18
from procedure.placement import Placement
from procedure.profiles import Profile
from procedure.safeguards import asked
from procedure.safeguards.asked import SAFEGUARDS
from procedure.vocabulary import HOLDS, ROLES, PlacementKind, RunBy
from procedure.who_may import ANY, CHILD, EITHER, HOST, MAY, ORIGIN, RELATIVES_STATE
from tests.house.committed import ROOT

ENVELOPE = {*Act.model_fields, "act", "reason"}
EVERYONE = frozenset(ROLES) - {"auditor", "system"}
PLACES = {
    HOST: "of the host state",
    ORIGIN: "of the origin state",
    EITHER: "of either state",
    CHILD: "of the state where the child is",
    ANY: "of any state",
    RELATIVES_STATE: "of the state where the relative lives",
}


def page(name: str) -> str:
    """A page of the documentation."""
    return (ROOT / "docs" / name).read_text("utf-8")


def section(text: str, name: str) -> str:
    """What stands under the heading that is this name in code marks, up to the next heading."""
    found = re.search(rf"^(#{{2,3}}) `{re.escape(name)}`\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    return found[2] if found else ""


def rows(text: str) -> dict[str, list[str]]:
    """The rows of a page's tables whose first cell is a name in code marks: the other cells by name."""
    cells = [
        [cell.strip() for cell in line.strip("|").split(" |")] for line in text.splitlines() if line.startswith("| `")
    ]
    return {row[0].split("`")[1]: row[1:] for row in cells}


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models inside a field's type, but for placements, which have a table of their own."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation is not Placement:
        yield annotation
    for inner in get_args(annotation):
        yield from models_in(inner)


def fields_of(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The names of a model's own fields as a writer meets them, those inside them dotted."""
    for name, field in model.model_fields.items():
        if prefix or name not in ENVELOPE:
            yield f"{prefix}{field.alias or name}"
            for inner in models_in(field.annotation):
                yield from fields_of(inner, f"{name}.")


def who(act: str) -> Iterator[str]:
    """What the line about who may do an act must hold."""
    may = MAY[act]
    roles = frozenset(may)
    if roles == EVERYONE:
        yield "every role but `auditor` and `system`,"
    elif roles == EVERYONE - {"law_enforcement"}:
        yield "every role but `auditor`, `system` and `law_enforcement`,"
    else:
        yield from (f"`{role}`" for role in roles)
    yield from {PLACES[where] for where in may.values()}


def asked_at(act: str) -> set[str]:
    """The safeguards that are asked at an act whatever it says, besides those asked at every act."""
    answers = asked._ANSWERS  # pyright: ignore[reportPrivateUsage] - its public door wants an act that says something
    return {name for gate in GATES.get(act, ()) for name in answers[gate][0]}


def deadlines() -> dict[str, list[str]]:
    """The table of deadlines, without the table of holds, some of which have the same names."""
    return rows(page("deadlines.md").split("## The holds")[0])


def in_words(period: Period) -> str:
    """A length of time as a lawyer writes it."""
    if period.hours is not None:
        return f"{period.hours} hours"
    return f"{period.days} days" if period.days is not None else f"{period.working_days} working days"


@pytest.fixture(scope="module")
def model() -> Agreement:
    """The model agreement."""
    return AgreementShelf().get(BASE)


@pytest.mark.parametrize("act", ACTS)
def test_every_act_is_told_as_the_code_has_it(act: str) -> None:
    """Its kind, who may do it, each of its own fields, and each safeguard asked at it, no more and no fewer."""
    told = section(page("acts.md"), act)
    lines = told.splitlines()
    assert ("Decision." if act in DECISIONS else "Report.") == lines[0]
    assert lines[1].startswith("Who: ")
    assert [part for part in who(act) if part not in lines[1]] == []
    assert set(fields_of(ACTS[act])) == set(rows(told))
    line = next((line for line in lines if line.startswith("Asked: ")), "")
    assert asked_at(act) == set(re.findall(r"\[`([a-z-]+)`\]", line))


def test_no_page_tells_of_an_act_that_is_not_there() -> None:
    """A heading in code marks is an act, and what passes after the eighteenth birthday is named."""
    text = page("acts.md")
    assert set(re.findall(r"^### `(\w+)`$", text, re.MULTILINE)) == set(ACTS)
    line = next(line for line in text.splitlines() if line.startswith("After the eighteenth birthday"))
    assert PASSES_AFTER_18 & DECISIONS == set(re.findall(r"`(\w+)`", line))


def test_every_kind_of_place_and_every_body_is_named() -> None:
    """The words that a placement is written with, its fields too."""
    table = rows(section_of_placements())
    assert set(Placement.model_fields) == set(table)
    assert set(get_args(PlacementKind)) == set(re.findall(r"`(\w+)`", table["kind"][0]))
    assert set(get_args(RunBy)) == set(re.findall(r"`(\w+)`", table["run_by"][0]))


def section_of_placements() -> str:
    """The part of the page on acts that tells what a placement is."""
    return page("acts.md").split("## Placements\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("name", SAFEGUARDS)
def test_every_safeguard_is_told_as_the_code_has_it(name: str) -> None:
    """What it demands, the acts it is asked at, no more and no fewer, what is offered instead, and its source."""
    demand, source = SAFEGUARDS[name]  # pyright: ignore[reportArgumentType] - the keys are the names
    told = section(page("safeguards.md"), name)
    assert told.startswith(demand)
    assert f"- Source: {source}." in told
    assert "\n- Instead: " in told
    line = next(line for line in told.splitlines() if line.startswith("- Asked at: "))
    acts = {act for act in ACTS if name in asked_at(act)}
    assert acts == set(re.findall(r"\[`(\w+)`\]", line))
    assert ("every act." in line) == (not acts)


@pytest.mark.parametrize("name", [*(name for name in DEADLINES if name != "appeal_window"), "review"])
def test_every_deadline_is_told_with_its_owner_and_the_models_number(name: str, model: Agreement) -> None:
    """Who owes it, how long it runs in the model, and where the number comes from."""
    rule = RULES[name]
    cells = deadlines()[name]
    assert f"`{rule.role}`" in cells[2]
    number = in_words(model.deadlines[name]) if name in model.deadlines else "the day named by the panel"
    assert [number, rule.source] == cells[3:]


def test_visits_and_the_time_to_appeal_are_told_with_the_models_numbers(model: Agreement) -> None:
    """Each monitoring visit has its own row; nobody owes the time to appeal."""
    table = deadlines()
    assert {f"visit_{n}": f"{days} days" for n, days in enumerate(model.visits, start=1)} == {
        name: cells[3] for name, cells in table.items() if name.startswith("visit_")
    }
    assert ["nobody", in_words(model.deadlines["appeal_window"])] == table["appeal_window"][2:4]


def test_what_is_special_about_deadlines_is_told() -> None:
    """Which of them stand still, which are never extended, and which escalate at once."""
    text = page("deadlines.md")
    for beginning, names in (
        ("While a hold stands, these stand still", {rule.name for rule in RULES.values() if rule.stands_still}),
        ("Never extended: ", {rule.name for rule in RULES.values() if not rule.extendable}),
        ("`release` and `missing` escalate", {rule.name for rule in RULES.values() if rule.at_once}),
    ):
        line = next(line for line in text.splitlines() if line.startswith(beginning))
        assert names == set(re.findall(r"`(\w+)`", line))


def test_every_hold_is_told() -> None:
    """Each with what sets it and what lifts it."""
    table = rows(page("deadlines.md").split("## The holds")[1])
    assert set(HOLDS) == set(table)
    assert all(cells[0] and cells[1] for cells in table.values())


def test_every_rule_of_the_floor_is_told_with_its_source() -> None:
    """A lawyer who drafts has read all that a draft is held to."""
    text = page("agreements.md")
    assert [rule.demand for rule in FLOOR if f"| {rule.demand} | {rule.source} |" not in text] == []


def test_every_field_of_a_profile_is_told() -> None:
    """Each by its name, in the table of fields."""
    assert set(Profile.model_fields) == set(rows(page("agreements.md").split("## The fields")[1].split("\n## ")[0]))


def test_a_page_that_lags_behind_would_be_seen() -> None:
    """The check can fail: a section is found by its heading alone, and a row by its first cell."""
    text = "## `one`\nReport.\n| `a`? | text |\n| `b.c` | date |\n## `two`\nDecision.\n"
    assert section(text, "one").startswith("Report.")
    assert rows(section(text, "one")) == {"a": ["text"], "b.c": ["date"]}
    assert section(text, "two") == "Decision.\n"
    assert section(text, "three") == ""
