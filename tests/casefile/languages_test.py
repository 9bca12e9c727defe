"""Five languages: every word of the trade, dates, plurals, and catalogues that are whole."""

# ruff: noqa: RUF001 - the Cyrillic letters are meant

import itertools
import os
import re
import shutil
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast, get_args, get_origin

import pytest
from babel.messages.catalog import Catalog, Message
from jinja2 import Environment
from pydantic import BaseModel

from casefile.catalogues import TEMPLATE, TRANSLATED, extracted, messages, missing, read, updated, write
from casefile.languages import LANGUAGES, Language, capitalised, catalogue, language
from casefile.terms import CLAUSES, DEMANDS, FIELDS, TERMS, WORDS_OF
from procedure.acts import ACTS, DECISIONS
from procedure.agreement import DEADLINES
from procedure.deadlines import RULES
from procedure.effects import RESULT_WORDS
from procedure.intake import Intake
from procedure.placement import detention_reasons
from procedure.safeguards.asked import SAFEGUARDS, Asked
from procedure.safeguards.hearing import why_hearing_does_not_count
from procedure.vocabulary import (
    HOLDS,
    ROLES,
    SAFEGUARD_NAMES,
    STAGES,
    EntryKind,
    Outcome,
    PlacementKind,
    RunBy,
    Solution,
)
from tests.procedure.courses import FOSTER, Course

everywhere = pytest.mark.parametrize("code", LANGUAGES)
translated = pytest.mark.parametrize("code", TRANSLATED)

VOCABULARY: dict[str, tuple[str, ...]] = {
    "role": ROLES,
    "act": tuple(ACTS),
    "stage": STAGES,
    "hold": HOLDS,
    "solution": get_args(Solution),
    "outcome": get_args(Outcome),
    "deadline": (*RULES, *DEADLINES),
    "placement": get_args(PlacementKind),
    "run_by": get_args(RunBy),
    "safeguard": SAFEGUARD_NAMES,
    "entry": get_args(EntryKind),
}


# Words


@pytest.mark.parametrize("kind", VOCABULARY)
def test_every_name_of_the_procedure_has_a_word(kind: str) -> None:
    """A name that is added to the law and forgotten here is found."""
    assert sorted(set(VOCABULARY[kind]) - set(TERMS[kind])) == []


@translated
def test_no_word_is_left_in_english(code: str) -> None:
    """Whatever the kind. A word that is the same in both languages is in the catalogue all the same."""
    known = read(catalogue(code), code)
    for words in TERMS.values():
        for context, word in words.values():
            said = known.get(word, context)
            assert said is not None and said.string, (context, word)
            if code != "ro":
                assert not re.search("[A-Za-z]", language(code).pgettext(context, word).replace("{number}", "")), word


def _closed(annotation: Any) -> tuple[str, ...]:
    """The words that a field may hold, where it holds nothing else."""
    words = get_args(annotation)
    return words if words and all(isinstance(word, str) for word in words) else ()


@pytest.mark.parametrize("act", RESULT_WORDS)
def test_every_result_word_that_may_stand_in_a_header_has_a_word(act: str) -> None:
    """Results that are true or false, numbers and names of deadlines are told otherwise."""
    told: list[str] = []
    for field in RESULT_WORDS[act]:
        for word in _closed(ACTS[act].model_fields[field].annotation):
            assert word in TERMS[WORDS_OF[f"{act}.{field}"]], (act, field, word)
            told.append(word)
    assert told or act in ("give_consent", "assess_rights_impact", "record_visit", "extend_deadline")


def test_a_ruling_names_what_the_appeal_was_against() -> None:
    """The law adds it to the header from the appeal itself."""
    assert set(_closed(ACTS["appeal"].model_fields["against"].annotation)) == set(TERMS["against"])
    assert WORDS_OF["decide_appeal.against"] == "against"


@everywhere
def test_each_monitoring_visit_is_a_deadline_with_its_number(code: str) -> None:
    """However many an agreement has."""
    said = language(code).term("deadline", "visit_12")
    assert "12" in said
    assert said != language(code).term("deadline", "visit_1")


def test_a_deadline_says_which_of_several_it_is() -> None:
    """Which complaint, and whose further approval; a relative stays unnamed."""
    english = language("en")
    assert english.deadline("complaint:17") == "answer to a complaint (entry 17)"
    assert english.deadline("approval_host:guardianship_authority") == (
        "decision of the host state on the return (guardianship authority)"
    )
    assert english.deadline("family_assessment:14.0") == "assessment of a relative"


def test_a_name_from_a_newer_procedure_comes_back_in_its_own_words() -> None:
    """Better than nothing; a kind that nobody knows is a mistake in the program."""
    assert language("uk").term("hold", "flood_warning") == "flood warning"
    with pytest.raises(KeyError):
        language("uk").term("colour", "red")


def test_what_each_safeguard_demands_is_told_in_the_laws_own_words() -> None:
    """Word for word in English, so that a change of the law cannot leave the old words here."""
    assert {name: demand for name, (demand, _) in SAFEGUARDS.items()} == DEMANDS


def test_every_reason_that_the_law_records_is_known() -> None:
    """Why a placement is detention and why a hearing does not count, each possible clause; and no other is here."""
    seen = ("locked", "guarded", "sanction_for_leaving", "phone_and_visits", "monitor_may_enter")
    recorded: set[str] = set()
    for kind, run_by, leave in itertools.product(
        (*get_args(PlacementKind), None), (*get_args(RunBy), None), (True, False, None)
    ):
        recorded.update(detention_reasons({"kind": kind, "run_by": run_by, "child_may_leave_at_will": leave}))
    for answer in (True, False):
        recorded.update(detention_reasons({**FOSTER, **dict.fromkeys(seen, answer)}))
    for informed, present, guardian, detained in itertools.product((True, False), repeat=4):
        case = SimpleNamespace(guardian="g-1" if guardian else None, detained=detained, languages=("uk",))
        act = SimpleNamespace(informed=informed, guardian_present=present, interpreter=False, language="fr")
        asked: Any = SimpleNamespace(case=case, act=act, corrects=False, because_then=())
        recorded.update(why_hearing_does_not_count(asked))
    course = Course().does("report_detention", placement=FOSTER)
    recorded.update(reason for entry in course.entries for reason in entry.facts.get("because", ()))
    assert set(Asked._fields) >= {"case", "act", "corrects", "because_then"}
    assert recorded == CLAUSES


@everywhere
def test_a_reason_that_is_not_known_here_is_told_as_recorded(code: str) -> None:
    """A newer law's clause is not dropped."""
    assert language(code).clause("the moon was full") == "the moon was full"


def _paths(model: type[BaseModel]) -> set[str]:
    """The fields of a model, and those of the models in it, by path. A list is corrected as a whole."""
    found: set[str] = set()
    for name, field in model.model_fields.items():
        found.add(field.alias or name)
        kinds = () if get_origin(field.annotation) is tuple else (field.annotation, *get_args(field.annotation))
        inner = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        found |= {f"{name}.{path}" for kind in inner for path in _paths(kind)}
    return found


def test_every_field_that_can_be_corrected_has_a_word() -> None:
    """Of every report, of a decision only reason and evidence, and of the intake; what a record is stays as it is."""
    fixed = {"act", "act_id", "actor", "reference", "agreement", "host_state", "origin_state", "opened_by"}
    fixed |= {"relative_id", "visit", "against", "entry", "fields", "signature"}
    wanted = {"reason", "evidence"} | _paths(Intake)
    for name, model in ACTS.items():
        if name not in DECISIONS:
            wanted |= _paths(model)
    assert sorted(path for path in wanted if path.split(".")[0] not in fixed and path not in FIELDS) == []


# Dates, numbers, plurals

DAY, MOMENT = date(2026, 3, 4), datetime(2026, 3, 4, 15, 7, 41, tzinfo=UTC)
SAID: dict[str, dict[str, Any]] = {
    "en": {
        "name": "English",
        "date": "4 March 2026",
        "moment": "4 March 2026, 15:07 UTC",
        "days": ("1 day", "2 days", "5 days", "21 days"),
        "hours": ("1 hour", "2 hours", "5 hours", "21 hours"),
        "relatives": (
            "1 relative is named.",
            "2 relatives are named.",
            "5 relatives are named.",
            "21 relatives are named.",
        ),
        "number": "12,345",
        "listed": "a, b and c",
        "state": "Moldova",
        "speaks": "Ukrainian",
        "actor": "the court of Moldova",
    },
    "ro": {
        "name": "română",
        "date": "4 martie 2026",
        "moment": "4 martie 2026, 15:07 UTC",
        "days": ("1 zi", "2 zile", "5 zile", "21 de zile"),
        "hours": ("1 oră", "2 ore", "5 ore", "21 de ore"),
        "relatives": (
            "Este numită 1 rudă.",
            "Sunt numite 2 rude.",
            "Sunt numite 5 rude.",
            "Sunt numite 21 de rude.",
        ),
        "number": "12.345",
        "listed": "a, b și c",
        "state": "Republica Moldova",
        "speaks": "ucraineană",
        "actor": "instanța de judecată (Republica Moldova)",
    },
    "uk": {
        "name": "українська",
        "date": "4 березня 2026\N{NO-BREAK SPACE}р.",
        "moment": "4 березня 2026\N{NO-BREAK SPACE}р., 15:07 UTC",
        "days": ("1 день", "2 дні", "5 днів", "21 день"),
        "hours": ("1 година", "2 години", "5 годин", "21 година"),
        "relatives": (
            "Названо 1 родича.",
            "Названо 2 родичів.",
            "Названо 5 родичів.",
            "Названо 21 родича.",
        ),
        "number": "12\N{NO-BREAK SPACE}345",
        "listed": "a, b і c",
        "state": "Молдова",
        "speaks": "українська",
        "actor": "суд (Молдова)",
    },
    "ru": {
        "name": "русский",
        "date": "4 марта 2026\N{NO-BREAK SPACE}г.",
        "moment": "4 марта 2026\N{NO-BREAK SPACE}г., 15:07 UTC",
        "days": ("1 день", "2 дня", "5 дней", "21 день"),
        "hours": ("1 час", "2 часа", "5 часов", "21 час"),
        "relatives": (
            "Назван 1 родственник.",
            "Названы 2 родственника.",
            "Названо 5 родственников.",
            "Назван 21 родственник.",
        ),
        "number": "12\N{NO-BREAK SPACE}345",
        "listed": "a, b и c",
        "state": "Молдова",
        "speaks": "украинский",
        "actor": "суд (Молдова)",
    },
    "ky": {
        "name": "кыргызча",
        "date": "2026-ж., 4-март",
        "moment": "2026-ж., 4-март 15:07 UTC",
        "days": ("1 күн", "2 күн", "5 күн", "21 күн"),
        "hours": ("1 саат", "2 саат", "5 саат", "21 саат"),
        "relatives": (
            "1 тууганы аталды.",
            "2 тууганы аталды.",
            "5 тууганы аталды.",
            "21 тууганы аталды.",
        ),
        "number": "12\N{NO-BREAK SPACE}345",
        "listed": "a, b жана c",
        "state": "Молдова",
        "speaks": "украинче",
        "actor": "сот (Молдова)",
    },
}
"""As somebody who speaks the language would write it."""


@everywhere
def test_dates_durations_and_plurals_are_right(code: str) -> None:
    """One, two, five and twenty-one take another form in Romanian, Ukrainian and Russian, and in Kyrgyz none."""
    said, told = SAID[code], language(code)
    counts = (1, 2, 5, 21)
    assert told.name == said["name"]
    assert told.date(DAY) == told.date(MOMENT) == said["date"]
    assert told.moment(MOMENT) == said["moment"]
    assert tuple(map(told.days, counts)) == said["days"]
    assert tuple(map(told.hours, counts)) == said["hours"]
    forms = (told.ngettext("{number} relative is named.", "{number} relatives are named.", n) for n in counts)
    assert tuple(form.format(number=n) for form, n in zip(forms, counts, strict=True)) == said["relatives"]
    assert told.number(12_345) == said["number"]
    assert told.listed(["a", "b", "c"]) == said["listed"]
    assert told.state("MD") == said["state"]
    assert told.language("uk-UA") == said["speaks"]
    assert told.actor("court", "MD") == said["actor"]


def test_a_moment_is_told_in_utc() -> None:
    """Its day too, whatever the zone it was written in."""
    late = datetime.fromisoformat("2026-03-05T01:30:00+02:00")
    assert language("en").moment(late) == "4 March 2026, 23:30 UTC"
    assert language("en").date(late) == "4 March 2026"


def test_long_times_stay_in_days() -> None:
    """A law counts days; nobody makes months of them."""
    assert language("en").days(365) == "365 days"
    assert language("en").hours(72) == "72 hours"
    assert language("ro").days(0) == "0 zile"


@everywhere
def test_what_has_no_name_is_told_by_its_code(code: str) -> None:
    """A state or a language that nobody knows is not made up."""
    assert language(code).state("XX") == "XX"
    assert language(code).language("qqx") == "qqx"


def test_a_date_that_ends_in_a_full_stop_ends_the_sentence_too() -> None:
    """As a year does in Ukrainian and Russian. An ellipsis stays."""
    told = language("uk")
    assert told.filled("До {date}.", date=told.date(DAY)) == "До 4 березня 2026\N{NO-BREAK SPACE}р."
    assert told.filled("{text}.", text="і так далі..") == "і так далі..."


@pytest.mark.parametrize(
    ("role", "state", "who"),
    [
        ("guardianship_authority", "MD", "the guardianship authority of Moldova"),
        ("guardian", "MD", "the guardian from Moldova"),
        ("caseworker", "NL", "the caseworker from the Netherlands"),
        ("child", "MD", "the child"),
        ("court", None, "the court"),
        (None, "MD", "somebody"),
    ],
)
def test_who_acted_is_said_as_people_say_it(role: str | None, state: str | None, who: str) -> None:
    """A body is of its state, a person comes from it, the child is the child."""
    assert language("en").actor(role, state) == who


def test_a_sentence_begins_with_a_large_letter() -> None:
    """Whatever stands behind it stays as it is."""
    assert capitalised("органи опіки МД") == "Органи опіки МД"
    assert capitalised("") == ""


def test_an_unknown_language_is_refused_in_a_sentence() -> None:
    """It names those that there are."""
    with pytest.raises(ValueError, match=r"“de” is not one of the languages en, ro, uk, ru, ky\."):
        language("de")


@everywhere
def test_a_language_is_made_once(code: str) -> None:
    """Its catalogue is not compiled for every page."""
    assert language(code) is language(code)


@translated
def test_a_template_speaks_the_language_too(code: str) -> None:
    """The translations can be installed in a Jinja environment, contexts and plurals included."""
    page: Any = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    page.install_gettext_translations(language(code).translations, newstyle=True)
    text = '{{ pgettext("stage", "travel") }}|{{ gettext("The child turned eighteen.") }}'
    told = language(code)
    assert (
        page.from_string(text).render()
        == f"{told.term('stage', 'travel')}|{told.gettext('The child turned eighteen.')}"
    )
    assert told.term("stage", "travel") != "travel"


# Catalogues


def _keys(of: Catalog) -> set[tuple[str | None, Any]]:
    return {(message.context, tuple(_forms(message.id))) for message in messages(of)}


def _forms(text: Any) -> list[str]:
    return list(cast("list[str]", text)) if isinstance(text, (list, tuple)) else [text or ""]


_PLACE = re.compile(r"%\(\w+\)s|\{\w+\}")


def misplaced(message: Message) -> bool:
    """Whether a form of a translation has other places to fill than its message."""
    wanted = {place for form in _forms(message.id) for place in _PLACE.findall(form)}
    return any(set(_PLACE.findall(form)) != wanted for form in _forms(message.string))


def test_the_template_holds_what_the_sources_say() -> None:
    """`python -m casefile.catalogues` was run after the last change of a message."""
    assert _keys(read(TEMPLATE)) == _keys(extracted())


@translated
def test_a_catalogue_is_whole(code: str) -> None:
    """Every message, every plural form, and the same places to fill in each."""
    known = read(catalogue(code), code)
    assert _keys(known) == _keys(read(TEMPLATE))
    assert [message.id for message in missing(known)] == []
    assert [message.id for message in messages(known) if misplaced(message)] == []
    assert list(known.obsolete) == []


@pytest.mark.skipif(shutil.which("msgfmt") is None, reason="gettext's own programs are not installed")
@translated
def test_gettext_itself_finds_nothing_wrong(code: str) -> None:
    """Formats and headers, of the messages that wait for their review too."""
    told = subprocess.run(
        ["msgfmt", "--check", "--use-fuzzy", "--output-file", os.devnull, catalogue(code)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (told.returncode, told.stderr) == (0, "")


@translated
def test_a_catalogue_says_that_a_machine_made_it(code: str) -> None:
    """Whoever opens the file knows what is still to be read."""
    text = catalogue(code).read_text("utf-8")
    assert "machine-made and NEED REVIEW" in text
    assert read(catalogue(code), code).num_plurals == (2 if code == "ky" else 3)


def _house(folder: Path) -> Path:
    """A small room with a message of every form."""
    (folder / "templates").mkdir()
    (folder / "page.py").write_text(
        'N_("marked")\nP_("place", "marked with what it is about")\nlanguage.gettext("asked for")\n'
        'language.ngettext("{n} act", "{n} acts", n)\n'
    )
    (folder / "templates" / "page.html.j2").write_text(
        '{{ _("on a page") }}{% trans count=n %}{{ count }} page{% pluralize %}{{ count }} pages{% endtrans %}'
    )
    return folder


def test_code_and_templates_are_read_for_messages(tmp_path: Path) -> None:
    """By the marks that authors use."""
    assert _keys(extracted(_house(tmp_path))) == {
        (None, ("marked",)),
        ("place", ("marked with what it is about",)),
        (None, ("asked for",)),
        (None, ("{n} act", "{n} acts")),
        (None, ("on a page",)),
        (None, ("%(count)s page", "%(count)s pages")),
    }


def test_a_refresh_keeps_translations_and_marks_what_is_new(tmp_path: Path) -> None:
    """A message that goes away and comes back finds its translation again."""
    room, path = _house(tmp_path), tmp_path / "locale" / "uk.po"
    made = updated("uk", extracted(room), path)
    assert len(missing(made)) == 6 and all(message.fuzzy for message in messages(made))
    made["marked"].string = "позначено"
    write(made, path)
    (room / "page.py").write_text("")
    write(updated("uk", extracted(room), path), path)
    assert "позначено" in path.read_text("utf-8")
    (room / "page.py").write_text('N_("marked")\nN_("new")\n')
    again = updated("uk", extracted(room), path)
    assert again["marked"].string == "позначено" and not again.obsolete
    assert again["new"].fuzzy and not again["new"].string


@pytest.mark.parametrize(
    ("forms", "whole"),
    [(("a {n}", "b {n}", "c {n}"), True), (("a {n}", "", "c {n}"), False), (("a {n}", "b", "c {n}"), False)],
)
def test_a_form_that_is_missing_or_lost_its_place_would_be_seen(forms: tuple[str, ...], whole: bool) -> None:
    """The checks can fail."""
    known = Catalog(locale="uk")
    known.add(("{n} day", "{n} days"), forms)
    (message,) = messages(known)
    assert (not missing(known) and not misplaced(message)) is whole


def test_a_translation_is_used_before_it_is_reviewed() -> None:
    """A reader of Ukrainian is better served by it than by English."""
    assert read(catalogue("uk"), "uk")["The child turned eighteen."].string
    told: Language = language("uk")
    assert told.gettext("The child turned eighteen.") == "Дитині виповнилося вісімнадцять років."
