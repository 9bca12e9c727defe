"""The pictures: right places, valid and harmless SVG, the same bytes each time."""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

import pytest

from casefile.delays import INVENTED, read_delays
from casefile.foresight import FirstMissed, Foresight, Office, foresee
from casefile.languages import LANGUAGES, language
from casefile.pictures import (
    WIDTH,
    foresight_picture,
    plain_number,
    statistics_picture,
    statistics_pictures,
    timeline,
)
from casefile.statistics import Statistics, figures_of, statistics
from procedure.agreement import DEADLINES
from procedure.vocabulary import ROLES
from tests.house.committed import ROOT
from tests.procedure.courses import START, STATION, Course, model

SVG: Final = "{http://www.w3.org/2000/svg}"
DETENTION, HOLD, STAGE, OVERDUE = "#b3261e", "#b26a00", "#2c5f8a", "#6b4a9e"


def troubled() -> Course:
    """Ten days with a detention, a hold, overdue deadlines and refusals."""
    course = Course().wait(days=4).represented()
    course.refused("approve_return")
    course.does("suspend").wait(days=1).does("report_detention").wait(days=2).does("confirm_release")
    course.refused("approve_return")
    course.refused("depart")
    return course.wait(days=3).does("resume")


def many() -> Statistics:
    """A few cases of different endings."""
    return statistics(
        figures_of(course.entries)
        for course in (
            troubled(),
            Course().visited().does("close_case", outcome="returned"),
            Course().wait(days=9).represented().does("close_case"),
        )
    )


@cache
def foreseen(cases: int = 30) -> Foresight:
    """Invented cases of two years under the model."""
    return foresee(model(), read_delays(INVENTED.read_text("utf-8")), cases=cases, days=730)


PICTURES: Final[dict[str, Callable[[], str]]] = {
    "a troubled case": lambda: timeline(troubled().entries),
    "a whole return": lambda: timeline(Course().visited().does("close_case", outcome="returned").entries),
    "a case of one moment": lambda: timeline(Course().entries),
    "a case of one day": lambda: timeline(Course().wait(hours=9).represented().entries),
    "headers alone": lambda: timeline(entry._replace(salt="", body={}) for entry in troubled().entries),
    "a record with gaps": lambda: timeline(troubled().entries[3::2]),
    "nothing": lambda: timeline([]),
    "many cases": lambda: statistics_picture(many()),
    "no cases": lambda: statistics_picture(statistics([])),
    "invented cases": lambda: foresight_picture([foreseen()]),
    "two agreements": lambda: foresight_picture([foreseen(), foreseen(3)]),
    **{
        name: lambda name=name: statistics_pictures(many())[name]
        for name in ("time_in_stages", "deadlines_by_office", "refusals_by_safeguard", "hours_to_release", "endings")
    },
}


def drawn(svg: str) -> ET.Element:
    return ET.fromstring(svg)


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in drawn(svg).iter(f"{SVG}text")]


def bars(svg: str, colour: str) -> list[tuple[float, float]]:
    """Left and right ends of the bars of a colour."""
    return [
        (float(each.attrib["x"]), float(each.attrib["x"]) + float(each.attrib["width"]))
        for each in drawn(svg).iter(f"{SVG}rect")
        if each.attrib["fill"] == colour
    ]


def place(share: float) -> float:
    """A place along the time of a case: 0 where it begins, 1 at its newest entry."""
    return 222 + share * (706 - 222)


everything = pytest.mark.parametrize("picture", PICTURES)


@everything
def test_a_picture_is_valid_and_named(picture: str) -> None:
    """XML that parses; an image with a title and a description, whose ids it names."""
    root = drawn(PICTURES[picture]())
    assert root.tag == f"{SVG}svg"
    assert root.attrib["role"] == "img"
    title, desc = root[0], root[1]
    assert (title.tag, desc.tag) == (f"{SVG}title", f"{SVG}desc")
    assert (title.text or "").strip()
    assert (desc.text or "").strip()
    assert root.attrib["aria-labelledby"].split() == [title.attrib["id"], desc.attrib["id"]]
    ids = [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
    assert len(ids) == len(set(ids))


@everything
def test_a_picture_does_nothing_but_be_seen(picture: str) -> None:
    """No script, style, link, event, variable or foreign thing: only shapes and text."""
    svg = PICTURES[picture]()
    tags = {element.tag.removeprefix(SVG) for element in drawn(svg).iter()}
    assert tags <= {"svg", "title", "desc", "g", "rect", "path", "circle", "text"}
    names = {name for element in drawn(svg).iter() for name in element.attrib}
    assert not {
        name for name in names if name.startswith("on") or "href" in name or name in ("style", "class", "filter")
    }
    assert "url(" not in svg
    assert "var(" not in svg


@everything
def test_a_picture_stays_within_its_frame(picture: str) -> None:
    """Nothing begins or ends outside it, and the whole is as wide as a page takes."""
    root = drawn(PICTURES[picture]())
    left, top, width, height = map(float, root.attrib["viewBox"].split())
    assert (left, top, width) == (0, 0, WIDTH)
    for element in root.iter():
        for across, along, most in (
            ("x", "width", width),
            ("y", "height", height),
            ("cx", "r", width),
            ("cy", "r", height),
        ):
            if across in element.attrib:
                end = float(element.attrib[across]) + float(element.attrib.get(along, 0))
                assert 0 <= end <= most, ET.tostring(element)


@everything
def test_letters_are_large_enough_and_dark_enough(picture: str) -> None:
    """Text as text in Noto Sans, ten units at least, readable on white and on the band of a detention."""
    root = drawn(PICTURES[picture]())
    assert root.attrib["font-family"].startswith("Noto Sans")
    for element in root.iter(f"{SVG}text"):
        assert float(element.attrib.get("font-size", root.attrib["font-size"])) >= 10
        assert contrast(element.attrib.get("fill", root.attrib["fill"]), "#f9dedc") >= 4.5


@pytest.mark.parametrize("colour", [DETENTION, HOLD, STAGE, OVERDUE])
def test_bars_stand_out_from_the_paper(colour: str) -> None:
    """Three to one, as for any graphic that means something."""
    assert contrast(colour, "#ffffff") >= 3


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours (WCAG 2)."""
    dark, light = sorted(map(_luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@everything
def test_the_same_figures_give_the_same_picture(picture: str) -> None:
    """Drawn twice, the same text."""
    assert PICTURES[picture]() == PICTURES[picture]()


def test_another_process_draws_the_same_bytes() -> None:
    """Also where sets and dictionaries are hashed otherwise."""
    code = (
        "from tests.casefile.pictures_test import PICTURES\n"
        "import hashlib\n"
        "print(hashlib.sha256(''.join(draw() for draw in PICTURES.values()).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(ROOT))},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


# A case over time


def test_a_detention_is_a_red_band_from_report_to_release() -> None:
    """Day five to day seven of ten."""
    svg = timeline(troubled().entries)
    (bar,) = bars(svg, DETENTION)
    (band,) = bars(svg, "#f9dedc")
    assert bar == band == pytest.approx((place(0.5), place(0.7)), abs=0.2)
    assert "Detention" in texts(svg)


def test_a_detention_that_goes_on_reaches_to_the_newest_entry() -> None:
    """Nobody has confirmed a release."""
    course = Course().wait(days=1).does("report_detention").wait(days=3).does("note")
    (bar,) = bars(timeline(course.entries), DETENTION)
    assert bar == pytest.approx((place(0.25), place(1)), abs=0.2)


def test_holds_are_bands_of_their_own() -> None:
    """The crisis from day four to the end; the detention has its row and is not shown twice."""
    svg = timeline(troubled().entries)
    assert bars(svg, HOLD) == [pytest.approx((place(0.4), place(1)), abs=0.2)]
    assert texts(svg).count("Crisis") == 1


def test_stages_are_bars_in_the_order_of_the_procedure() -> None:
    """Four days of identification and two of detention in it; then tracing."""
    svg = timeline(troubled().entries)
    said = texts(svg)
    assert said.index("Identification") < said.index("Guardianship") < said.index("Family tracing")
    assert said[said.index("Identification") + 1] == "6 d"
    first, second, *_ = bars(svg, STAGE)
    assert first == pytest.approx((place(0), place(0.4)), abs=0.2)
    assert second == pytest.approx((place(0.5), place(0.7)), abs=0.2)


def test_overdue_deadlines_are_drawn_from_due_to_met() -> None:
    """The guardian was due on day three and came on day four; the services are in time and are not there."""
    svg = timeline(troubled().entries)
    said = texts(svg)
    assert "Overdue deadlines" in said
    assert said[said.index("Guardian") + 1] == "24 h"
    assert pytest.approx((place(0.3), place(0.4)), abs=0.2) in bars(svg, OVERDUE)
    assert "Services" not in said


def test_refusals_are_marks_with_their_safeguards() -> None:
    """One on day four; two on day seven, drawn as one mark with its number."""
    root = drawn(timeline(troubled().entries))
    marks = [group for group in root.iter(f"{SVG}g") if group[:1] and group[0].tag == f"{SVG}title"]
    assert [
        float(re.findall(r"M([\d.]+)", path.attrib["d"])[0]) for mark in marks for path in mark.iter(f"{SVG}path")
    ] == [pytest.approx(place(0.4), abs=0.2), pytest.approx(place(0.7), abs=0.2)]
    assert [[text.text for text in mark.iter(f"{SVG}text")] for mark in marks] == [[], ["2"]]
    assert "bid-before-return" in (marks[0][0].text or "")


def test_a_time_axis_has_dates_or_hours() -> None:
    """Months for a year, days for some of them, hours of a named day for one."""
    dates = [text for text in texts(PICTURES["a whole return"]()) if re.fullmatch(r"\d{4}-\d\d-\d\d", text)]
    assert dates == [*(f"2026-{month}-01" for month in ("03", "05", "07", "09", "11")), "2027-01-01"]
    dates = [text for text in texts(PICTURES["a troubled case"]()) if re.fullmatch(r"\d{4}-\d\d-\d\d", text)]
    assert dates == [f"2026-02-{day}" for day in ("03", "05", "07", "09", "11")]
    hours = [text for text in texts(PICTURES["a case of one day"]()) if re.fullmatch(r"\d\d:\d\d|2026.*", text)]
    assert hours == ["10:00", "2026-02-02", "12:00", "14:00", "16:00", "18:00"]


@pytest.mark.parametrize("length", [0, 0.01, 0.3, 1, 3, 9, 40, 200, 400, 1_500, 9_000])
def test_every_length_of_case_has_a_few_ticks(length: float) -> None:
    """From an hour to twenty-five years: never none, never so many that they run into each other."""
    course = Course()
    entries = [*course.entries, course.entries[0]._replace(n=2, kind="hold", at=START + timedelta(days=length))]
    entries[-1].facts["hold"] = "crisis"
    ticks = [text for text in texts(timeline(entries)) if re.fullmatch(r"\d{4}-\d\d-\d\d|\d\d:\d\d", text)]
    assert 1 <= len(set(ticks)) <= 8


def test_an_open_case_and_a_closed_one_say_so() -> None:
    """The line at the end has its word, with the outcome where there is one."""
    assert "Still open" in texts(PICTURES["a troubled case"]())
    assert "Closed: returned" in texts(PICTURES["a whole return"]())


def test_a_record_with_gaps_says_that_something_is_missing() -> None:
    """And a whole one does not."""
    note = "Some entries are not shown to the reader; what they say is missing here."
    assert note in texts(PICTURES["a record with gaps"]())
    assert note not in texts(PICTURES["headers alone"]())


def test_a_case_is_drawn_from_its_headers() -> None:
    """The same picture whether or not the bodies are shown; nothing personal is in it."""
    assert PICTURES["headers alone"]() == PICTURES["a troubled case"]()
    assert "Invented" not in PICTURES["a troubled case"]()


def test_two_pictures_on_a_page_have_ids_of_their_own() -> None:
    """The caller says which."""
    assert 'id="second-title"' in timeline(troubled().entries, picture_id="second")


def test_a_very_long_case_is_still_a_small_picture() -> None:
    """Thousands of refusals are a few marks with their numbers."""
    course = Course().represented()
    for _ in range(1_000):
        course.wait(hours=1).refused("approve_return")
    svg = timeline(course.entries)
    assert len(svg) < 60_000
    assert "1000" in texts(svg)


# Many cases


def test_each_question_has_its_picture() -> None:
    """And all of them stand in the one that combines them."""
    pictures = statistics_pictures(many())
    assert list(pictures) == [
        *("time_in_stages", "deadlines_by_office", "refusals_by_safeguard", "hours_to_release", "endings")
    ]
    combined = texts(statistics_picture(many()))
    for picture in pictures.values():
        assert set(texts(picture)) <= set(combined)
    assert "Cases: 3, of these closed: 2" in combined


def test_endings_stand_side_by_side() -> None:
    """All six have a row, whether or not a case ended so; bars are as long as their numbers."""
    svg = statistics_pictures(many())["endings"]
    said = texts(svg)
    for outcome, count in (("Returned", "1"), ("Stays", "0"), ("Withdrawn", "1"), ("Still open", "1")):
        assert said[said.index(outcome) + 1] == count
    lengths = [round(end - start) for start, end in bars(svg, STAGE)]
    assert len(lengths) == 6
    assert sorted(set(lengths)) == [0, 288]


def test_offices_are_named_and_nobody_else() -> None:
    """Missed of owed, in the words of the trade; a state by its name where the caller has one."""
    said = texts(
        statistics_pictures(many(), state=lambda code: {"MD": "Moldova"}.get(code, code))["deadlines_by_office"]
    )
    office = "Guardianship authority, Moldova"
    # One day late in the one case; six and four days late in the other; in time in the third, and in the first with counsel.
    assert said[said.index(office) + 1] == "3 of 6, median 4 d late"
    assert not [text for text in said if "Child," in text]


def test_time_in_a_stage_is_a_box() -> None:
    """Half a year and more of reintegration, by its median and longest."""
    said = texts(statistics_pictures(many())["time_in_stages"])
    assert said[said.index("Reintegration") + 1] == "median 365 d, longest 365 d"
    assert said[said.index("Identification") + 1] == "median 6 d, longest 9 d"


def test_hours_to_release_are_told() -> None:
    """Two days for the one detention."""
    said = texts(statistics_pictures(many())["hours_to_release"])
    assert "Detentions reported: 1. Hours to release: median 48, longest 48." in said
    assert said[said.index("Within 3 days") + 1] == "1"
    none = texts(statistics_pictures(statistics([]))["hours_to_release"])
    assert none[-1] == "none"


def test_a_still_detained_child_is_counted() -> None:
    """A detention without a release stands as not yet."""
    said = texts(statistics_pictures(statistics([figures_of(Course(placement=STATION).entries)]))["hours_to_release"])
    assert said[said.index("Not yet") + 1] == "1"


# Words


def marked(message: str) -> str:
    return f"«{message}»"


def unknown(kind: str, name: str) -> str:
    return f"«{kind}»"


def _untranslated(picture: str) -> str:
    """All that a picture says, tips and descriptions too, without what was translated."""
    said = " ".join(element.text or "" for element in drawn(picture).iter())
    while "«" in said and (less := re.sub(r"«[^«»]*»", "", said)) != said:
        said = less
    return said


def test_every_word_is_translated() -> None:
    """What is left besides are numbers, dates and the codes of states."""
    entries = troubled().entries
    pictures = [
        timeline(entries, say=unknown, _=marked),
        timeline(entries[3::2], say=unknown, _=marked),
        timeline([], say=unknown, _=marked),
        statistics_picture(many(), say=unknown, _=marked, state=marked),
    ]
    for picture in pictures:
        assert not re.search(r"[A-Za-z«»]{2}", _untranslated(picture)), _untranslated(picture)


def test_words_cannot_break_out_of_a_picture() -> None:
    """Whatever a translation holds is text."""
    hostile = "</text><script>alert('x')</script>&\"'"

    def say(kind: str, name: str) -> str:
        return hostile

    for svg in (timeline(troubled().entries, say=say), statistics_picture(many(), say=say, state=lambda _: hostile)):
        assert "<script" not in svg
        assert drawn(svg) is not None
        assert any("script" in text for text in texts(svg))


@pytest.mark.parametrize("code", LANGUAGES)
def test_pictures_speak_every_language(code: str) -> None:
    """Every name that a picture may need has its word, and long words fit."""
    own = language(code)
    for svg in (
        timeline(troubled().entries, say=own.term, _=own.gettext),
        statistics_picture(many(), say=own.term, _=own.gettext, state=own.state, number=own.number),
        foresight_picture([foreseen(), foreseen(3)], say=own.term, _=own.gettext, number=own.number),
    ):
        for element in drawn(svg).iter(f"{SVG}text"):
            letter = 0.52 * float(element.attrib.get("font-size", 11))
            room = {"0": WIDTH, "530": WIDTH - 530}.get(element.attrib["x"], WIDTH)
            assert len(element.text or "") * letter <= room, element.text


def test_two_agreements_stand_line_by_line() -> None:
    """A before B for each stage, office, deadline and ending, and a legend says which is which."""
    words = texts(foresight_picture([foreseen(), replace(foreseen(3), delays="Ours")]))
    letters = [word[0] for word in words if word.startswith(("A · ", "B · "))]
    assert letters == ["A", "B"] * (len(letters) // 2)
    assert len(letters) > 40
    named = "model, version 2, MD-UA; delays: "
    assert f"A: {named}Invented delays. B: {named}Ours." in " ".join(words)
    alone = texts(foresight_picture([foreseen()]))
    assert not [word for word in alone if word.startswith(("A · ", "B · "))]


def test_a_picture_of_a_year_says_why_no_return_is_closed_in_it() -> None:
    """The last visit is due a year after the arrival."""
    short = foresee(model(), read_delays(INVENTED.read_text("utf-8")), cases=3, days=365)
    said = "No return is closed within so few days"
    assert said in " ".join(texts(foresight_picture([short])))
    assert said not in " ".join(texts(foresight_picture([foreseen()])))
    assert f"B: {said}" in " ".join(texts(foresight_picture([foreseen(), short])))


def test_a_picture_never_says_that_a_return_was_not_closed_where_one_was() -> None:
    """Visits may be made long before they are due: the statement is about what came of these cases."""
    eager = read_delays(INVENTED.read_text("utf-8").replace("begun_before_due_days = 7", "begun_before_due_days = 360"))
    found = foresee(model(), eager, cases=60, days=365)
    assert found.statistics.endings["returned"]
    assert "No return is closed" not in " ".join(texts(foresight_picture([found])))


def test_a_picture_says_what_it_leaves_out() -> None:
    """Further offices are counted, and what further deadlines come to has a line of its own."""
    found = foreseen()
    assert "Further offices" not in " ".join(texts(foresight_picture([foreseen(1)])))
    crowded = replace(
        found,
        waits={**found.waits, **{Office(role, "other"): [0.001] for role in ROLES}},
        first_missed=Counter({FirstMissed(deadline, "court", "host"): 1 for deadline in DEADLINES}),
    )
    words = texts(foresight_picture([crowded]))
    assert f"than for these: {len(crowded.waits) - 15}." in " ".join(words)
    assert words[words.index("Other deadlines") + 1] == f"{round(100 * (len(DEADLINES) - 12) / crowded.cases)} %"


@pytest.mark.parametrize("how_many", [0, 3])
def test_one_agreement_or_two_are_drawn(how_many: int) -> None:
    """Of none there is nothing to draw, and three have no letters."""
    with pytest.raises(ValueError, match="one or two"):
        foresight_picture([foreseen(3)] * how_many)


def test_numbers_are_written_short() -> None:
    """Without a fraction where there is none."""
    assert [plain_number(3.0), plain_number(3.25), plain_number(0)] == ["3", "3.2", "0"]
