"""Forms: made from the models, read back into the very same act, with errors at their fields and words in five languages."""

import ast
import re
from collections.abc import Iterator, Mapping
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, cast, get_args, get_origin
from urllib.parse import parse_qs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page, Route
from pydantic import BaseModel

import procedure
import procedure.decide
import procedure.faults
from casefile.languages import LANGUAGES
from desk import forms
from desk.forms import (
    INTAKE,
    Form,
    RowChange,
    answers,
    as_typed,
    changed,
    correctable,
    faults_of_correction,
    filled,
    form_for,
    mending,
    posted,
    pressed,
    read,
    with_errors,
)
from desk.forms.errors import is_known
from desk.forms.shapes import Shape, shapes_of
from desk.forms.typed import asked, mendable
from desk.forms.words import FILLED_IN, FIXED, ROWS, chosen, is_labelled
from desk.speaking import STATIC, language, templates
from procedure.acts import ACTS, DECISIONS, parse_act
from procedure.faults import Fault, MalformedAct, MalformedIntake, as_answered
from procedure.intake import Intake, parse_intake
from procedure.ledger import Ledger
from procedure.open_acts import OpenAct, open_acts
from procedure.placement import Placement
from tests.desk.seeing import axe_finds, fits, visiting
from tests.procedure.courses import FIELDS, FOSTER, PANEL, START, Course, intake_of

ENGLISH = language("en")
EVERY = (*ACTS, INTAKE)
every_act = pytest.mark.parametrize("act", EVERY)
everywhere = pytest.mark.parametrize("code", LANGUAGES)

ENVELOPE = {"act_id": "one", "actor": {"id": "somebody", "role": "caseworker", "state": "MD"}}
DIGEST = "sha256:" + "0a" * 32


# A browser without scripts


class Drawn(HTMLParser):
    """A form as a browser reads it: its controls, what they would post, and what ties its parts together."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.ids: list[str] = []
        self.labelled: dict[str, str] = {}
        self.controls: list[dict[str, str | None]] = []
        self.described: list[str] = []
        self.legends: list[str] = []
        self.fieldsets = 0
        self.open_fieldsets: list[bool] = []
        self.posts: list[tuple[str, str]] = []
        self.buttons: list[dict[str, str | None]] = []
        self.links: list[str] = []
        self.texts: dict[str, str] = {}
        self._inside: list[tuple[str, dict[str, str | None]]] = []
        self._select: list[tuple[str, bool]] = []
        self._text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = dict(attrs)
        if id := has.get("id"):
            self.ids.append(id)
        self.described += (has.get("aria-describedby") or "").split()
        assert not {"style", "onclick"} & has.keys(), "the policy forbids it"
        assert tag not in ("script", "style"), "the policy forbids it"
        match tag:
            case "input" if has.get("type") != "hidden":
                self.controls.append({**has, "tag": tag, "in_fieldset": "yes" if self.open_fieldsets else None})
                kept = "checked" in has if has.get("type") in ("radio", "checkbox") else True
                if kept and "disabled" not in has:
                    self.posts.append((has["name"] or "", has.get("value") or ""))
            case "input":
                self.posts.append((has["name"] or "", has.get("value") or ""))
            case "textarea" | "select":
                self.controls.append({**has, "tag": tag})
                self._inside.append((tag, has))
                self._select, self._text = [], ""
            case "option":
                self._select.append((has.get("value") or "", "selected" in has))
            case "label":
                self._inside.append((tag, has))
                self._text = ""
            case "fieldset":
                self.open_fieldsets.append(False)
                self.fieldsets += 1
            case "legend":
                self.open_fieldsets[-1] = True
                self._inside.append((tag, has))
                self._text = ""
            case "p" if has.get("id"):
                self._inside.append((tag, has))
                self._text = ""
            case "button":
                self.buttons.append(has)
            case "a":
                self.links.append(has.get("href") or "")
            case _:
                pass

    def handle_endtag(self, tag: str) -> None:
        if tag == "fieldset":
            assert self.open_fieldsets.pop(), "a fieldset without a legend"
        if not self._inside or self._inside[-1][0] != tag:
            return
        _, has = self._inside.pop()
        text = self._text.strip()
        match tag:
            case "textarea":
                self.posts.append((has["name"] or "", self._text.removeprefix("\n").replace("\n", "\r\n")))
            case "select":
                first = self._select[0][0] if self._select else ""
                self.posts.append((has["name"] or "", next((value for value, here in self._select if here), first)))
            case "label":
                self.labelled[has["for"] or ""] = text
            case "legend":
                self.legends.append(text)
            case _:
                self.texts[has["id"] or ""] = re.sub(r"\s+", " ", text)

    def handle_data(self, data: str) -> None:
        self._text += data


def drawn(form: Form, code: str = "en") -> Drawn:
    macros = cast(Any, templates(code).get_template("forms/macros.html.j2").module)
    return Drawn(f"{macros.problems(form)}{macros.questions(form)}")


def sent(form: Form) -> dict[str, list[str]]:
    """What a browser posts of a form as it stands."""
    typed: dict[str, list[str]] = {}
    for name, value in drawn(form).posts:
        typed.setdefault(name, []).append(value)
    return typed


# Examples


def example(shape: Shape) -> Any:
    """A value of that shape, with every optional field and two rows in every list."""
    match shape.sort:
        case "group":
            return {part.name: example(part) for part in shape.parts}
        case "rows":
            rows = [example(shape.parts[0]), example(shape.parts[0])]
            if isinstance(rows[0], dict) and "id" in rows[0]:
                rows[1]["id"] = "another"
            if shape.name == "legs":
                rows[1] |= {"departs": "2026-03-02T08:00:00Z", "arrives": "2026-03-02T09:30:15Z"}
            return rows
        case "choices":
            return list(shape.words[:2])
        case "choice":
            return shape.words[-1]
        case _:
            return _PLAIN[shape.sort] if shape.path not in _SPECIAL else _SPECIAL[shape.path]


_PLAIN = {
    "text": "an invented “text” & <more>",
    "state": "KG",
    "language": "ukl",
    "digest": DIGEST,
    "whole": 7,
    "truth": False,
    "day": "2026-03-01",
    "moment": "2026-03-01T10:00:00Z",
    "any": {"found.place": "another invented place"},
}
_SPECIAL = {
    "entry": 1,
    "deadline": "visit_2",
    "agreement": "model",
    "host_state": "MD",
    "not_duplicate_of": "MD-KG-2026-7K3F9A",
    "child.date_of_birth": "2015-05-04",
    "found.on": "2026-02-01",
    "reason": "a first line\n  and a second one that is indented\n\nand a last one",
    "options.for": "\u043e\u0434\u0438\u043d\nand more",
}


def fullest(act: str) -> dict[str, Any]:
    """All that the form of an act asks for, answered."""
    return {shape.name: example(shape) for shape in asked(act)}


def ordinary(act: str) -> dict[str, Any]:
    """The fields of an act that are right on an ordinary course."""
    said = intake_of() if act == INTAKE else {**FIELDS[act](Course()), "reason": "for reasons given in the file"}
    return {name: value for name, value in said.items() if name not in FILLED_IN}


def parsed(act: str, said: Mapping[str, Any]) -> BaseModel:
    """The act or the intake that a form says, with what the desk fills in."""
    if act == INTAKE:
        return parse_intake({**said, "opened_by": intake_of()["opened_by"]}, today=START.date())
    head = {"dossier": "0" * 64} if "dossier" in ACTS[act].model_fields else {}
    return parse_act({"act": act, **ENVELOPE, **head, **said})


def faults_in(act: str, said: Mapping[str, Any]) -> list[Fault]:
    """What the model finds wrong."""
    try:
        parsed(act, said)
    except (MalformedAct, MalformedIntake) as malformed:
        return malformed.faults
    return []


# The fields are the models'


def paths_of(model: type[BaseModel], within: str = "") -> Iterator[str]:
    """Every field of a model, and of the models in it, as dotted paths."""
    for name, info in model.model_fields.items():
        path = f"{within}{info.alias or name}"
        yield path
        for inner in _models_in(info.annotation):
            yield from paths_of(inner, f"{path}.")


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) is not None:
        for inner in get_args(annotation):
            yield from _models_in(inner)


@every_act
def test_every_field_of_every_model_is_asked_for_or_filled_in_by_the_desk(act: str) -> None:
    """A field that is added to a model and forgotten here is found; so is one that a model no longer has."""
    model = Intake if act == INTAKE else ACTS[act]
    wanted = {path for path in paths_of(model) if path.partition(".")[0] not in FILLED_IN}
    form = form_for(act, ENGLISH)
    names = {re.sub(r"\.\d+", "", field.name) for field in form if not field.name.endswith(".seen")}
    if act == "correct":
        about = mending(Course().entries[0], Ledger(Course().entries))
        step = form_for(act, ENGLISH, mending=about)
        assert step.field("mend").fields
        names |= {field.name for field in step.fields} - {"of", "mend"} | {"fields"}
        names |= {re.sub(r"\.\d+", "", field.name) for field in step if field.name.startswith("evidence")}
    assert names == wanted


def test_the_desk_fills_in_only_what_some_model_has() -> None:
    """The table of what is not asked for holds no field that is gone."""
    known = {shape.name for act in EVERY for shape in shapes_of(act)}
    assert known >= FILLED_IN


@every_act
def test_every_field_has_a_label_of_its_own(act: str) -> None:
    """None is called by its name in the contract."""
    assert [shape.path for shape, model in _all(asked(act)) if not is_labelled(act, shape.path, model)] == []


def _all(
    shapes: tuple[Shape, ...], model: type[BaseModel] | None = None
) -> Iterator[tuple[Shape, type[BaseModel] | None]]:
    for shape in shapes:
        yield shape, model
        yield from _all(shape.parts, shape.model)


@every_act
def test_every_list_has_words_for_its_rows(act: str) -> None:
    """What a row is called, and the button for another."""
    lists = {shape.name for shape, _ in _all(asked(act)) if shape.sort == "rows"}
    assert sorted(lists - ROWS.keys()) == []


@everywhere
@every_act
def test_every_choice_has_a_word_in_every_language(act: str, code: str) -> None:
    """No value of the contract reaches a reader as it is."""
    said = language(code)
    for shape, _ in _all(asked(act)):
        for value in shape.words:
            word = chosen(said, act, shape, value)
            assert word[:1].isupper(), (shape.path, word)
            assert "_" not in word
            if code in ("uk", "ru", "ky"):
                assert not re.search("[A-Za-z]", word), (shape.path, word)


# There and back


@every_act
def test_what_a_browser_posts_of_a_form_is_the_very_same_act(act: str) -> None:
    """Every act on an ordinary course, and the intake: made into a form, drawn, posted, read and judged."""
    said = ordinary(act)
    assert parsed(act, through_the_browser(act, said)) == parsed(act, said)


@every_act
def test_every_optional_field_finds_its_way_back_too(act: str) -> None:
    """With two rows in every list, texts of several lines, seconds in a time and letters that HTML knows."""
    said = fullest(act)
    assert through_the_browser(act, said) == said
    assert parsed(act, said)


def through_the_browser(act: str, said: Mapping[str, Any]) -> dict[str, Any]:
    about = None
    if act == "correct":
        course = Course()
        about = mending(course.entries[0], Ledger(course.entries))
    form = filled(form_for(act, ENGLISH, mending=about), posted(act, said, of=INTAKE))
    return read(act, sent(form))


def test_what_is_not_known_is_null_and_what_is_not_said_is_left_out() -> None:
    """An answer “not known” is an answer; a question that is left open is none."""
    said = read("place_child", {"placement.child_may_leave_at_will": "unknown", "placement.locked": "unknown"})
    assert said == {"placement": {"child_may_leave_at_will": None, "locked": None}}
    assert read(INTAKE, {"child.given_names": "Test"}, only=["child"]) == {
        "child": {"given_names": "Test", "date_of_birth": None, "nationalities": [], "languages": []}
    }


def test_a_place_of_the_night_that_nobody_described_is_left_out() -> None:
    """A group that is optional and empty is not there; one that was begun is, and its faults are told."""
    leg = {"legs.0.from": "Invented Town", "legs.0.overnight.name": " "}
    assert read("plan_travel", leg)["legs"] == [{"from": "Invented Town"}]
    assert read("plan_travel", {**leg, "legs.0.overnight.locked": "no"})["legs"][0]["overnight"] == {
        "name": "",
        "locked": False,
    }


def test_rows_close_up_and_empty_ones_are_not_sent() -> None:
    """Whatever numbers were posted, in their order."""
    typed = {"methods.10": "interview", "methods.2": "paediatrics", "methods.3": " ", "guardian_present": "yes"}
    assert read("assess_age", typed) == {"methods": ["paediatrics", "interview"], "guardian_present": True}


@pytest.mark.parametrize(
    ("day", "month", "year", "written"),
    [("1", "3", "2026", "2026-03-01"), ("31", "2", "2026", "2026-02-31"), ("x", "", "2026", "2026-00-0x")],
)
def test_a_date_is_put_together_from_its_parts(day: str, month: str, year: str, written: str) -> None:
    """What is no date is kept as it was typed, for the model to find."""
    typed = {"valid_until.day": day, "valid_until.month": month, "valid_until.year": year}
    assert read("certify_fit_to_travel", typed) == {"valid_until": written}


@pytest.mark.parametrize(
    ("time", "written"),
    [("9:30", "09:30:00Z"), ("09.30", "09:30:00Z"), ("23:59:30", "23:59:30Z"), ("soon", "soon"), ("", "")],
)
def test_a_moment_is_read_as_utc(time: str, written: str) -> None:
    """The form says that its times are UTC."""
    typed = {"since.day": "2", "since.month": "3", "since.year": "2026", "since.time": time}
    assert read("report_missing", typed) == {"since": f"2026-03-02T{written}"}


def test_a_moment_of_another_zone_is_shown_in_utc() -> None:
    """An act that was written elsewhere is the same act here."""
    assert read("report_missing", posted("report_missing", {"since": "2026-03-02T01:30:00+02:00"})) == {
        "since": "2026-03-01T23:30:00Z"
    }


@pytest.mark.parametrize("typed", ["nine", "1_0", "9" * 5_000, "1.0", "\u0661"])
def test_what_is_no_whole_number_is_kept_for_the_model_to_find(typed: str) -> None:
    """Python would read some of them."""
    assert read("record_visit", {"visit": typed}) == {"visit": typed}


# Garbage

NAMES = sorted({field.name for act in EVERY for field in form_for(act, ENGLISH)})
PARTS = st.sampled_from(["", ".day", ".month", ".time", ".0", ".00", ".999999", ".7.id", ".x", ".0.0", "..", ".-1"])
TEXTS = st.text(max_size=20) | st.sampled_from(
    ["yes", "unknown", "return", "12", "2026", "UA", DIGEST, "\ud800", "\x00"]
)
POSTS = st.dictionaries(
    st.builds(str.__add__, st.sampled_from([*NAMES, "fields.found.on", "mend", "of", "add:panel"]), PARTS)
    | st.text(max_size=9),
    st.lists(TEXTS, max_size=3),
    max_size=25,
)


@settings(max_examples=120, deadline=None)
@given(act=st.sampled_from(EVERY), typed=POSTS)
def test_no_post_is_so_odd_that_it_cannot_be_read(act: str, typed: dict[str, list[str]]) -> None:
    """Read, judged, shown again with its faults, a row added: nothing raises, and every fault is told."""
    said = read(act, typed)
    faults = faults_in(act, said)
    form = with_errors(form_for(act, ENGLISH), typed, faults)
    assert bool(form.errors) == bool(faults)
    drawn(form)
    answers(said if act == INTAKE else {"act": act, **said}, ENGLISH)
    if change := pressed(typed):
        changed(typed, change)


@settings(max_examples=30, deadline=None)
@given(typed=POSTS, of=st.sampled_from([*EVERY, "nothing"]))
def test_no_correction_is_so_odd_that_it_cannot_be_read(typed: dict[str, list[str]], of: str) -> None:
    """Whatever entry it claims to be about."""
    course = Course()
    about = mending(course.entries[0], Ledger(course.entries))
    faults = faults_of_correction({**typed, "of": [of]}, about)
    drawn(with_errors(form_for("correct", ENGLISH, mending=about), {**typed, "of": [of]}, faults))


# Errors


def judged(act: str, typed: Mapping[str, Any], **made_of: Any) -> Form:
    """The form of a faulty post, with its errors."""
    with pytest.raises((MalformedAct, MalformedIntake)) as found:
        parsed(act, read(act, typed))
    return with_errors(form_for(act, ENGLISH, **made_of), typed, found.value.faults)


def test_an_error_stands_at_its_field_and_what_was_typed_is_kept() -> None:
    """Also in a row, whose number on the page is another one than in what was sent."""
    form = judged(
        "determine_best_interests",
        {
            "panel.0.id": "",
            "panel.1.id": "panel-2",
            "panel.1.discipline": "",
            "panel.1.employer": "health",
            "solution": "postpone",
            "options_considered": ["stay", "postpone"],
            "weight_given_to_views": "full weight",
            "review_on.day": "31",
            "review_on.month": "2",
            "review_on.year": "2026",
            "reason": "no",
        },
    )
    assert {field.name: field.error for field in form if field.error} == {
        "panel.1.discipline": "Fill this in.",
        "review_on": "Give the day, the month and the year of a date that there is, for example 27 3 2026.",
        "reason": "Too short. The fewest characters: 3.",
    }
    assert form.field("review_on").value == {"day": "31", "month": "2", "year": "2026"}
    assert form.field("options_considered").value == ("stay", "postpone")
    assert form.errors[0] == ("panel-1-discipline", "Member 2, Discipline: Fill this in.")
    page = drawn(form)
    assert page.texts["panel-1-discipline-error"] == "Error: Fill this in."
    assert "#review_on-day" in page.links


def test_a_fault_of_a_group_or_a_list_is_told_at_the_whole_of_it() -> None:
    """It leads to the first question in it, or to the button for the first row."""
    form = judged("report_tracing", {"result": "found", "relatives.0.id": ""})
    assert form.field("relatives").error == "Name at least one relative who was found."
    assert form.errors == (("relatives-0-id", "Relatives: Name at least one relative who was found."),)
    form = judged("report_tracing", {"result": "found"})
    assert form.errors == (("relatives-add", "Relatives: Name at least one relative who was found."),)
    legs = {
        "legs.0.from": "Invented Town",
        "legs.0.to": "Invented Border",
        "legs.0.mode": "train",
        **moment_of("legs.0.departs", 3),
        **moment_of("legs.0.arrives", 2),
    }
    rest = posted("plan_travel", {name: value for name, value in ordinary("plan_travel").items() if name != "legs"})
    form = judged("plan_travel", {**rest, **legs})
    assert form.errors == (("legs-0-from", "The journey, leg by leg: Leg 1 arrives before it departs."),)


def moment_of(name: str, day: int) -> dict[str, str]:
    return {f"{name}.day": str(day), f"{name}.month": "3", f"{name}.year": "2026", f"{name}.time": "10:00"}


def test_a_fault_deep_inside_is_told_with_where_it_stands() -> None:
    """Two places of one form are not mistaken for each other."""
    said = ordinary("plan_travel")
    said["legs"][0]["overnight"] = {**FOSTER, "kind": "castle"}
    said["handover"] = {**said["handover"], "placement": {**FOSTER, "name": ""}}
    form = judged("plan_travel", posted("plan_travel", said))
    assert form.errors == (
        ("legs-0-overnight-kind", "Leg 1, Place of the night after this leg, Kind of place: Choose an answer."),
        ("handover-placement-name", "Place where the child will live, Name of the place: Fill this in."),
    )
    assert form.field("legs.0.overnight").open


def test_a_fault_that_has_no_field_is_told_at_the_top() -> None:
    """Nothing that is wrong goes unsaid."""
    fault = Fault(path="act_id", message="was used before with other content; give this act an id of its own")
    form = with_errors(form_for("note", ENGLISH), {"text": "x"}, [fault])
    assert form.errors == (("text", "This form was already sent with other answers. Please open it anew."),)


@everywhere
def test_faults_of_the_intake_are_told_in_every_language(code: str) -> None:
    """An adult, found before birth, in the future, of one state with the host."""
    said = intake_of(origin="MD", born="2001-01-01", found={**intake_of()["found"], "on": "2030-01-01"})
    typed = posted(INTAKE, said)
    with pytest.raises(MalformedIntake) as found:
        parsed(INTAKE, read(INTAKE, typed))
    form = with_errors(form_for(INTAKE, language(code)), typed, found.value.faults)
    assert [id for id, _ in form.errors] == ["origin_state", "child-date_of_birth-day", "found-on-day"]
    if code in ("uk", "ru", "ky"):
        assert not any(re.search("[A-Za-z]", sentence) for _, sentence in form.errors)


def said_by_the_models() -> Iterator[str]:
    """Every sentence with which a model of acts or of the intake finds fault, its places filled."""
    yield from vars(procedure.faults)["_WORDS"].values()
    yield from vars(procedure.faults)["_PATTERNS"].values()
    for source in ("acts.py", "intake.py", "faults.py"):
        for node in ast.walk(ast.parse((Path(procedure.__file__).parent / source).read_text("utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="Fault"), keywords=keywords):
                    said = next(each.value for each in keywords if each.arg == "message")
                case ast.Raise(exc=ast.Call(func=ast.Name(id="ValueError"), args=[said])):
                    pass
                case ast.Return(value=ast.JoinedStr() as said):
                    pass
                case _:
                    continue
            if isinstance(said, (ast.Constant, ast.JoinedStr)):
                yield _filled(said)


def _filled(said: ast.expr) -> str:
    match said:
        case ast.Constant(value=str() as text):
            return text
        case ast.JoinedStr(values=values):
            return "".join(_filled(each) for each in values)
        case _:
            return "7"


def test_every_fault_of_the_models_has_a_sentence_for_people() -> None:
    """A message that is added to the models and forgotten here is found."""
    # Of these two the places hold words.
    found = set(said_by_the_models()) - {"must be written as 7", "must be 7 7"}
    with pytest.raises(MalformedAct) as malformed:
        parsed("verify_identity", {"result": "verified", "sources": [], "date_of_birth": "soon", "since": "soon"})
    found |= {fault["message"] for fault in malformed.value.faults}
    with pytest.raises(MalformedAct) as malformed:
        parsed("report_missing", {"since": "soon"})
    found |= {fault["message"] for fault in malformed.value.faults}
    assert len(found) > 30
    assert sorted(message for message in found if not is_known(message)) == []
    assert is_known("must be at least 7")
    assert all(is_known(fault["message"]) for fault in as_answered([Fault(path="x", message="must be a text")] * 9, 1))
    assert not is_known("nobody ever said this")


# Rows without a script


def test_a_row_is_added_and_removed_without_a_script() -> None:
    """The buttons are there to be pressed, and what was typed stays."""
    form = filled(form_for("determine_best_interests", ENGLISH), posted("determine_best_interests", {"panel": PANEL}))
    page = drawn(form)
    assert {"add:panel", "remove:panel.1"} <= {button.get("name") for button in page.buttons}
    typed = {**sent(form), "remove:panel.1": ["1"]}
    assert pressed(typed) == RowChange("remove", "panel.1")
    fewer = filled(form, changed(typed, RowChange("remove", "panel.1")))
    assert [row.name for row in fewer.field("panel").fields] == ["panel.0", "panel.1"]
    assert read("determine_best_interests", sent(fewer))["panel"] == [PANEL[0], PANEL[2]]
    typed = {**sent(fewer), "add:panel": ["1"]}
    more = filled(fewer, changed(typed, RowChange("add", "panel")))
    assert [row.label for row in more.field("panel").fields] == ["Member 1", "Member 2", "Member 3"]
    assert more.field("panel.2.id").value == ""
    assert pressed(sent(more)) is None


def test_every_row_of_a_list_can_be_removed() -> None:
    """Of an optional list nothing is left; of one that is needed a line stands ready."""
    evidence = filled(form_for("note", ENGLISH), posted("note", {"text": "x", "evidence": [DIGEST]}))
    none = filled(evidence, changed(sent(evidence), RowChange("remove", "evidence.0")))
    assert none.field("evidence").fields == ()
    assert none.field("evidence").target == "evidence-add"
    assert "evidence" not in read("note", sent(none))
    methods = form_for("assess_age", ENGLISH)
    left = filled(methods, changed(sent(methods), RowChange("remove", "methods.0")))
    assert [row.name for row in left.field("methods").fields] == ["methods.0"]


def test_a_list_that_is_full_offers_no_further_row() -> None:
    """As many as the model lets through."""
    said = {"child": {"nationalities": ["UA"] * 10}}
    form = filled(form_for(INTAKE, ENGLISH), posted(INTAKE, said))
    assert form.field("child.nationalities").add is None
    assert form.field("child.languages").add


def test_rows_in_a_group_and_in_a_correction_are_added_too() -> None:
    """A list is found by its whole name."""
    assert pressed({"add:child.nationalities": "1"}) == RowChange("add", "child.nationalities")
    assert changed({"fields.relatives.0.id": "r1"}, RowChange("add", "fields.relatives")) == {
        "fields.relatives.0.id": ["r1"],
        "fields.relatives.1": [""],
    }
    assert pressed({"add:../x": "1", "text": "x"}) is None


def test_enter_in_a_line_of_text_presses_no_button_for_rows() -> None:
    """A browser presses the first button of a form."""
    first = drawn(form_for("determine_best_interests", ENGLISH)).buttons[0]
    assert first.get("name") is None
    assert first["type"] == "submit"


# In a case


def open_to(course: Course, act: str, role: str) -> OpenAct:
    rows = open_acts(course.case, course.at, Ledger(course.entries), role=role, state=course.host)
    return next(row for row in rows if row.act == act)


def of(row: OpenAct) -> dict[str, Any]:
    """How a page hands over what is open."""
    return {"choices": row.choices, "closed_choices": {row.turns_on: row.as_json()["closed_choices"]}}


def test_a_choice_that_is_closed_is_shown_with_its_reason_and_cannot_be_chosen() -> None:
    """A child is not placed at a police station, and the form says why."""
    course = Course()
    row = open_to(course, "place_child", "child_protection_authority")
    form = form_for("place_child", ENGLISH, case=course.case, **of(row))
    options = {option.value: option for option in form.field("placement.kind").options}
    assert form.field("placement.kind").kind == "radios"
    assert not options["foster_family"].closed
    assert options["police_station"].closed
    assert "a police station is never a place of care" in (options["police_station"].hint or "")
    disabled = {control["value"] for control in drawn(form).controls if "disabled" in control}
    assert {"police_station", "penitentiary"} <= disabled
    assert "foster_family" not in disabled


def test_choices_alone_narrow_what_is_offered() -> None:
    """Without reasons, what is not open is left out."""
    form = form_for("close_case", ENGLISH, choices={"outcome": ["withdrawn", "adult"]})
    assert [option.value for option in form.field("outcome").options] == ["adult", "withdrawn"]
    given = form_for("give_consent", ENGLISH, choices={"given": [False]})
    assert [option.value for option in given.field("given").options] == ["no"]
    agreement = form_for(INTAKE, ENGLISH, choices={"agreement": [forms.Option("model", "Model agreement")]})
    assert agreement.field("agreement").kind == "radios"


def test_a_case_gives_its_relatives_complaints_and_deadlines_to_choose_from() -> None:
    """By what people know of them, not by their numbers alone."""
    course = Course().represented().does("complain")
    family = form_for("assess_family", ENGLISH, case=course.case).field("relative_id")
    assert [(option.value, option.label) for option in family.options] == [("r1", "Mother, Ukraine (r1)")]
    complaint = form_for("answer_complaint", ENGLISH, case=course.case).field("complaint")
    assert [option.label for option in complaint.options] == [
        f"Complaint of 2 February 2026 (entry {course.number_of('complain')})"
    ]
    assert read("answer_complaint", {"complaint": complaint.options[0].value}) == {
        "complaint": course.number_of("complain")
    }
    deadlines = form_for("extend_deadline", ENGLISH, case=course.case).field("deadline")
    hearing = next(option for option in deadlines.options if option.value == "hearing")
    assert hearing.label == "Hearing of the child"
    assert "Due by" in (hearing.hint or "")


def test_the_states_and_languages_of_a_case_come_first() -> None:
    """All others follow by their names."""
    case = Course().case
    relative = form_for("report_tracing", ENGLISH, case=case).field("relatives.0.state")
    assert [option.label for option in relative.options[:5]] == [
        "Choose",
        "Moldova",
        "Ukraine",
        "Afghanistan",
        "Åland Islands",
    ]
    heard = form_for("hear_child", language("uk"), case=case).field("language")
    assert heard.options[1].value == "uk"
    names = [option.label for option in heard.options]
    assert names.index("Іспанська") < names.index("Японська")


def test_a_case_helps_to_answer_and_answers_nothing_itself() -> None:
    """A report tells what is: where the plan says the child was to go is told beside the question."""
    course = Course().arrived().does("record_visit")
    form = form_for("arrive", ENGLISH, case=course.case)
    assert "The travel plan says: “Invented Family Home”" in (form.field("placement").hint or "")
    assert form.field("placement.name").value == ""
    assert form_for("record_visit", ENGLISH, case=course.case).field("visit").hint == "Recorded so far: 1."
    days = form_for("extend_deadline", ENGLISH, case=course.case).field("days")
    assert f"At most {course.case.agreement.extension_limit} days" in (days.hint or "")
    tracing = form_for("report_tracing", ENGLISH, case=course.case).field("relatives.0.id")
    assert "r1" in (tracing.hint or "")


@everywhere
def test_why_a_choice_is_closed_is_told_in_every_language(code: str) -> None:
    """The law's own words are English; other languages tell what the safeguard demands."""
    course = Course()
    row = open_to(course, "place_child", "child_protection_authority")
    said = language(code)
    form = form_for("place_child", said, case=course.case, **of(row))
    station = next(option for option in form.field("placement.kind").options if option.value == "police_station")
    assert said.term("safeguard", "no-detention") in (station.hint or "")
    if code != "en":
        assert said.demand("no-detention") in (station.hint or "")


def test_a_form_of_several_pages_tells_on_each_page_what_is_wrong_there() -> None:
    """A draft is judged as a whole, and each page shows its own faults."""
    typed = posted(INTAKE, {"child": {"given_names": "Test", "family_name": ""}})
    faults = faults_in(INTAKE, read(INTAKE, typed))
    assert {"situation", "child.family_name"} <= {fault["path"] for fault in faults}
    page = with_errors(form_for(INTAKE, ENGLISH, only=["child"]), typed, faults)
    assert [field.name for field in page.fields] == ["child"]
    assert page.errors[0] == ("child-family_name", "Family name: Fill this in.")
    assert all(id.startswith("child-") for id, _ in page.errors)


# Corrections


def corrections() -> tuple[Course, forms.Mending]:
    course = Course()
    return course, mending(course.entries[0], Ledger(course.entries))


def test_what_says_which_record_it_is_is_not_offered_for_correction() -> None:
    """The law would refuse it."""
    assert vars(procedure.decide)["_SAYS_WHAT_IT_IS"] == FIXED
    for act in EVERY:
        assert not {path.partition(".")[0] for path in mendable(act)} & (FIXED | FILLED_IN)
    for act in DECISIONS:
        assert set(mendable(act)) == {"reason", "evidence"}
    assert {"wish", "guardian_present", "reason"} <= set(mendable("hear_child"))
    assert {"child.date_of_birth", "found.place", "placement.locked", "relatives"} <= set(mendable(INTAKE))


def test_an_entry_is_corrected_by_whoever_recorded_it() -> None:
    """The intake by the host's central authority; a correction by nobody; the newest first."""
    course = Course().does("note").does("note").does("correct")
    assert [e.n for e in correctable(course.entries, course.case, "central_authority", "MD")] == [1]
    assert [e.act for e in correctable(course.entries, course.case, "caseworker", "MD")] == ["note", "note"]
    assert correctable(course.entries, course.case, "caseworker", "UA") == []
    entries = correctable(course.entries, course.case, "caseworker", "MD")
    step = form_for("correct", ENGLISH, entries=entries)
    assert [field.name for field in step.fields] == ["entry"]
    assert [option.value for option in step.field("entry").options] == [str(entry.n) for entry in entries]


def test_a_correction_says_only_what_was_ticked() -> None:
    """The form holds what the entry says today."""
    _, about = corrections()
    form = form_for("correct", ENGLISH, mending=about)
    assert form.field("fields.found.place").value == "Invented Station"
    typed = {
        **sent(form),
        "mend": ["found.place"],
        "fields.found.place": ["another invented place"],
        "reason": ["misheard"],
    }
    assert read("correct", typed) == {
        "entry": 1,
        "fields": {"found.place": "another invented place"},
        "reason": "misheard",
    }
    assert faults_of_correction(typed, about) == []


def test_a_correction_from_the_form_is_accepted_by_the_law() -> None:
    """A date of birth, a list and an answer, each in its own type."""
    course, about = corrections()
    typed = {
        **sent(form_for("correct", ENGLISH, mending=about)),
        "mend": ["child.date_of_birth", "child.nationalities", "placement.locked"],
        "fields.child.date_of_birth.year": ["2012"],
        "fields.child.nationalities.1": ["MD"],
        "fields.placement.locked": ["no"],
    }
    said = read("correct", typed)
    assert said["fields"] == {
        "child.date_of_birth": "2012-05-04",
        "child.nationalities": ["UA", "MD"],
        "placement.locked": False,
    }
    assert faults_of_correction(typed, about) == []
    course.does("correct", **said)
    assert course.case.date_of_birth == date(2012, 5, 4)


def test_what_was_changed_and_not_ticked_is_not_lost() -> None:
    """Without a script all fields are open, and a tick is easily forgotten."""
    _, about = corrections()
    form = form_for("correct", ENGLISH, mending=about)
    typed = {**sent(form), "fields.found.place": ["another invented place"]}
    faults = faults_of_correction(typed, about)
    assert [fault["path"] for fault in faults] == ["fields.found.place"]
    shown = with_errors(form, typed, faults)
    assert shown.field("mend").value == ("found.place",)
    assert shown.errors[0][0] == "fields-found-place"
    rowless = {name: texts for name, texts in sent(form).items() if not name.startswith("fields.relatives")}
    assert [fault["path"] for fault in faults_of_correction(rowless, about)] == ["fields.relatives"]


def test_a_correction_that_would_spoil_the_entry_is_told_at_its_field() -> None:
    """Before it is recorded, and in the words of the entry's own form."""
    _, about = corrections()
    form = form_for("correct", ENGLISH, mending=about)
    typed = {**sent(form), "mend": ["found.on"], "fields.found.on.year": ["2030"]}
    shown = with_errors(form, typed, faults_of_correction(typed, about))
    assert shown.field("fields.found.on").error == "This lies in the future."
    assert shown.errors == (("fields-found-on-day", "Day the child was found: This lies in the future."),)


# Answers


@everywhere
@every_act
def test_an_act_is_told_in_words_before_it_is_sent(act: str, code: str) -> None:
    """Every answer is there, none of them as the contract writes it."""
    said = fullest(act) if act != "correct" else ordinary(act)
    told = answers(said if act == INTAKE else {"act": act, **said}, language(code))
    assert len(told) >= len(said)
    words = [word for _, word in told]
    raw = {value for shape, _ in _all(asked(act)) for value in shape.words if "_" in value}
    assert not raw & set(words)
    assert not {"True", "False", "2026-03-01", "KG", "ukl"} & set(words)


def test_answers_name_who_and_where() -> None:
    """A relative by the relationship, a row by its number."""
    course = Course()
    said = {"act": "assess_family", **ordinary("assess_family")}
    assert answers(said, ENGLISH, case=course.case)[0] == ("Relative", "Mother, Ukraine (r1)")
    told = dict(answers({"act": "plan_travel", **ordinary("plan_travel")}, ENGLISH))
    assert told["Leg 2, To"] == "Invented Village"
    assert told["Place where the child will live, Kind of place"] == "Family"
    assert dict(answers({**intake_of(born=None), "concerns": []}, ENGLISH)) | {
        "Date of birth": "Not known",
        "Concerns": "None",
    } == dict(answers({**intake_of(born=None), "concerns": []}, ENGLISH))


def test_the_answers_of_a_correction_are_those_of_the_entry() -> None:
    """With the entry at hand in its words, without it as they are written."""
    _, about = corrections()
    said = {"act": "correct", "entry": 1, "fields": {"found.by": "school"}, "reason": "misheard"}
    assert answers(said, ENGLISH, mending=about) == [
        ("Entry to be corrected", "1"),
        ("Who found the child", "School"),
        ("Reason for the correction", "misheard"),
    ]
    assert answers({**said, "fields": {"found.by": "school", "child.estimated_age": 9}}, ENGLISH)[1:] == [
        ("Who found the child", "school"),
        ("Estimated age", "9"),
        ("Reason for the correction", "misheard"),
    ]


# Drawn


@everywhere
@every_act
def test_a_form_is_drawn_so_that_everybody_can_use_it(act: str, code: str) -> None:
    """A label for every control, ids that are there once, groups with legends, errors tied to their fields."""
    said = language(code)
    about = corrections()[1] if act == "correct" else None
    typed = {"evidence.0": "x", "panel.0.id": " y", "relatives.0.id": "z", "placement.locked": "maybe"}
    with pytest.raises((MalformedAct, MalformedIntake)) as found:
        parsed(act, read(act, typed))
    for form in (
        form_for(act, said, mending=about),
        with_errors(form_for(act, said, mending=about), typed, found.value.faults),
    ):
        page = drawn(form, code)
        assert len(page.ids) == len(set(page.ids)), sorted(id for id in page.ids if page.ids.count(id) > 1)
        assert set(page.described) <= set(page.ids)
        assert not page.open_fieldsets
        assert all(page.legends)
        for control in page.controls:
            assert page.labelled.get(control["id"] or ""), control
            if control.get("type") in ("radio", "checkbox"):
                assert control["in_fieldset"]
            else:
                assert control.get("autocomplete") == "off", control
        assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
        for field in form:
            if field.error and field.kind != "hidden":
                assert f"{field.id}-error" in page.described, field.name
                assert page.texts[f"{field.id}-error"].endswith(re.sub(r"\s+", " ", field.error))
    assert form.errors


def test_what_is_typed_is_shown_as_text_and_never_as_markup() -> None:
    """Also where a text has several lines, whose line ends are written otherwise."""
    nasty = '</textarea><script>alert("x")</script>\n&#10;'
    form = filled(form_for("note", ENGLISH), {"text": nasty})
    assert "<script" not in drawn(form).html
    assert read("note", sent(form))["text"] == nasty.strip()


def test_what_was_answered_is_carried_to_the_next_page() -> None:
    """All of the form's own fields, and none of the page's."""
    typed = {**posted("determine_best_interests", ordinary("determine_best_interests")), "csrf": ["secret"]}
    form = filled(form_for("determine_best_interests", ENGLISH), typed)
    macros = cast(Any, templates("en").get_template("forms/macros.html.j2").module)
    page = Drawn(str(macros.carried(form)))
    carried: dict[str, list[str]] = {}
    for name, value in page.posts:
        carried.setdefault(name, []).append(value)
    assert "csrf" not in carried
    assert read("determine_best_interests", carried) == ordinary("determine_best_interests")


# In a real browser

PAGE = """<!DOCTYPE html>
<html lang="{code}" class="govuk-template"><head><title>Form</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/static/vendor/govuk.css"><link rel="stylesheet" href="/static/desk.css"></head>
<body class="govuk-template__body"><div class="govuk-width-container"><main><h1>Form</h1>
<form method="post" novalidate>{form}<button id="on">On</button></form></main></div></body></html>"""


def showing(window: Page, form: Form, code: str = "en") -> list[dict[str, list[str]]]:
    """Opens a page with a form. Whatever it posts is listed here and answered by the form with its rows changed."""
    posts: list[dict[str, list[str]]] = []

    def answer(route: Route) -> None:
        shown = form
        if body := route.request.post_data:
            posts.append(parse_qs(body, keep_blank_values=True))
            change = pressed(posts[-1])
            shown = filled(form, changed(posts[-1], change) if change else posts[-1])
        page = PAGE.format(code=code, form=drawn(shown, code).html)
        route.fulfill(body=page, content_type="text/html; charset=utf-8")

    window.route("**/static/**", lambda route: route.fulfill(path=STATIC / route.request.url.partition("/static/")[2]))
    window.route(re.compile(r"^http://desk\.test/$"), answer)
    window.goto("http://desk.test/")
    return posts


@pytest.mark.parametrize(
    ("act", "code"), [("plan_travel", "en"), ("correct", "ro"), ("determine_best_interests", "ru"), (INTAKE, "ky")]
)
def test_axe_finds_nothing_in_a_form_and_it_fits_the_narrowest_screen(browser: Browser, act: str, code: str) -> None:
    """With errors, and with everything open that folds away."""
    about = corrections()[1] if act == "correct" else None
    form = form_for(act, language(code), mending=about, case=Course().case)
    typed = {
        **sent(form),
        "reason": ["x"],
        "evidence.0": ["x"],
        "legs.0.overnight.locked": ["yes"],
        "mend": ["relatives"],
    }
    form = with_errors(form, typed, faults_in(act, read(act, typed)))
    assert form.errors
    with visiting(browser, width=320) as window:
        showing(window, form, code)
        window.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        assert (axe_finds(window), fits(window)) == ([], True)


def test_a_form_with_rows_is_filled_in_without_a_script(browser: Browser) -> None:
    """A row is added by its button, and Enter in a line of text sends the form as it is."""
    form = filled(
        form_for("determine_best_interests", ENGLISH), posted("determine_best_interests", {"panel": PANEL[:2]})
    )
    with visiting(browser, java_script_enabled=False) as window:
        posts = showing(window, form)
        window.get_by_role("button", name="Add a member").click()
        assert window.url.endswith("#panel")
        window.locator("#panel-2-id").fill("panel-3")
        window.locator("#panel-2-discipline").fill("law")
        window.locator("#panel-2-employer").select_option(label="Non-governmental organisation")
        window.get_by_role("button", name=re.compile("Remove.*Members of the panel, Member 1")).click()
        window.get_by_label("Postponement").first.check()
        window.locator("#review_on-day").fill("1")
        window.locator("#review_on-month").fill("4")
        window.locator("#review_on-year").fill("2026")
        window.locator("#review_on-year").press("Enter")
    assert [pressed(post) for post in posts] == [RowChange("add", "panel"), RowChange("remove", "panel.0"), None]
    assert read("determine_best_interests", posts[-1]) == {
        "panel": PANEL[1:],
        "solution": "postpone",
        "options_considered": [],
        "weight_given_to_views": "",
        "review_on": "2026-04-01",
        "reason": "",
    }


def test_nothing_that_was_typed_stands_in_the_repr_of_a_form() -> None:
    """A form may come into a log, a child may not."""
    form = filled(form_for(INTAKE, ENGLISH), posted(INTAKE, intake_of(child={"family_name": "Unmistakable"})))
    assert form.field("child.family_name").value == "Unmistakable"
    assert "Unmistakable" not in repr(form)
    assert "Unmistakable" not in repr(
        mending(
            Course(child={"family_name": "Unmistakable"}).entries[0],
            Ledger(Course(child={"family_name": "Unmistakable"}).entries),
        )
    )


def test_the_placement_model_folds_what_was_seen() -> None:
    """What is optional of a place stands together and opens when something was typed."""
    form = form_for("place_child", ENGLISH)
    seen = form.field("placement.seen")
    assert {field.name.removeprefix("placement.") for field in seen.fields} == {
        name for name, info in Placement.model_fields.items() if not info.is_required()
    }
    assert seen.folded
    assert not seen.open
    assert filled(form, {"placement.locked": "yes"}).field("placement.seen").open


def test_as_typed_reads_what_a_web_framework_gives() -> None:
    """Several values of a name, and files, which are no texts."""

    class Multi(dict[str, Any]):
        def multi_items(self) -> list[tuple[str, Any]]:
            return [("a", "1"), ("a", "2\r\n3"), ("file", object())]

    assert as_typed(Multi()) == {"a": ["1", "2\n3"]}
    assert as_typed({"a": ["1", "2"], "b": "x", "c": None}) == {"a": ["1", "2"], "b": ["x"]}
