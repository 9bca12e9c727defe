"""The dossier's pages: what is read off the paper is what was given, in each language, and nothing is fetched."""

import hashlib
import io
import logging
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, cast

import pytest
from pypdf import PdfReader
from pypdf.generic import DictionaryObject

from casefile.languages import LANGUAGES, language
from casefile.pages import (
    DeadlineLine,
    DossierPages,
    MatrixLine,
    RefusalLine,
    RefusalTold,
    RunLine,
    StoryLine,
    render,
)

ROOT = Path(__file__).parents[2]
REFERENCE = "MD-UA-2026-7K3F9A"
START = datetime(2026, 2, 2, 9, tzinfo=UTC)
HASH = hashlib.sha256(b"an invented entry").hexdigest()
TIMELINE = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 60"><title>Stages in time</title>'
    '<rect x="1" y="1" width="598" height="40" fill="none" stroke="#000"/>'
    '<text x="9" y="25" font-size="12" font-family="Invented Letters">guardianship</text></svg>'
)

SENTENCES = {
    "en": "The guardian said: “the child was heard” – at home; 3 × 4 = 12.",
    "ro": "Tutorele a spus că ședința ține cont de părerea copilului; Îngrijire, Țară, Știință, înțelegere.",
    "uk": "Опікунка сказала: ґрунтовно, її думку почуто, є згода; Ґанок, Їжа, Єдність.",
    "ru": "Опекун сказал: мнение ребёнка услышано; Ёлка, объявление, съезд, вьюга.",
    "ky": "Камкорчу айтты: баланын көңүлү, үйү, жаңы өмүрү угулду; Өкүл, Үй, Ңң.",
}


def line(n: int, kind: str = "accepted", sentence: str = "Something invented was recorded.", **more: Any) -> StoryLine:
    return StoryLine(
        n=n, at=START + timedelta(days=9 * n), kind=kind, kind_label=kind.replace("_", " "), sentence=sentence, **more
    )


def sample(code: str = "en", **changes: Any) -> DossierPages:
    """An invented case of eight entries, with one sentence of that language in each part."""
    said = SENTENCES[code]
    given: dict[str, Any] = {
        "reference": REFERENCE,
        "agreement": "Invented agreement",
        "agreement_version": "3",
        "host_state": "MD",
        "origin_state": "UA",
        "procedure_version": "1.0.0",
        "reader": "court",
        "partial": False,
        "as_of_entry": 8,
        "as_of": START + timedelta(days=72),
        "opened_at": START,
        "head": HASH,
        "state": [("Stage", "guardianship"), ("Said", said)],
        "story": [
            line(1, "opened"),
            line(2, "refused", said),
            line(3, "detention", "The child is in an invented station."),
            line(4, "hold"),
            line(5, "overdue"),
            line(6, "stage"),
            line(7, "accepted", said, consequences=("The deadline “hearing” runs.", said)),
            line(8, "accepted", withheld=True),
        ],
        "matrix": [
            MatrixLine(
                label="No detention",
                name="no-detention",
                status="kept",
                demand=said,
                source="CRC art. 37(b)",
                shown_by="entry 30: 10, 12",
            ),
            MatrixLine(
                label="Guardian first",
                name="guardian-first",
                status="refused",
                demand="A guardian first.",
                source="CRC/GC6 para. 33",
                shown_by="",
                refused=3,
                refused_by=(2, 4),
            ),
            MatrixLine(
                label="Consent",
                name="consent",
                status="not_asked",
                demand="Nobody is returned who objects.",
                source="an invented source",
                shown_by="",
            ),
        ],
        "deadlines": [
            DeadlineLine(label="Hearing", owed_by="guardian", due=START, met=None, late="2 days", open=True),
            DeadlineLine(label="Services", owed_by="caseworker", due=START, met=START, late="", open=False),
            DeadlineLine(label="Consent", owed_by="guardian", due=None, met=None, late="", open=False),
        ],
        "refusals": [
            RefusalLine(
                n=2,
                at=START + timedelta(days=18),
                who="The caseworker of Moldova",
                what="placement of the child",
                told=(
                    RefusalTold(
                        label="No detention",
                        name="no-detention",
                        demand="No detention, however it is named.",
                        message=said,
                        source="CRC art. 37(b)",
                        instead="Choose a family.",
                    ),
                ),
            )
        ],
        "timeline_svg": TIMELINE,
        "runs": [
            RunLine(run_id="an-invented-run", entries="1-8", begun=START, ended="It still runs.", digest=HASH[::-1])
        ],
        "heads": [(8, HASH)],
        "findings": [],
    }
    return DossierPages(**{**given, **changes})


@lru_cache
def printed(code: str) -> bytes:
    """The sample in a language. Setting pages takes seconds, so it is done once."""
    return render(sample(code), language(code))


def read(pdf: bytes) -> PdfReader:
    return PdfReader(io.BytesIO(pdf))


def root_of(pdf: bytes) -> Any:
    """The document's catalogue."""
    return read(pdf).trailer["/Root"]


def text_of(pdf: bytes) -> str:
    """The text layer, each run of white space one space."""
    return " ".join(" ".join(page.extract_text() for page in read(pdf).pages).split())


def cover_of(pdf: bytes) -> str:
    return " ".join(read(pdf).pages[0].extract_text().split())


def text_by_poppler(pdf: bytes) -> str:
    told = subprocess.run(["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True)
    return " ".join(told.stdout.decode().split())


def outline(reader: PdfReader) -> list[tuple[str, int]]:
    """The bookmarks of the first level as (title, page)."""
    return [
        (str(mark.title), (reader.get_destination_page_number(mark) or 0) + 1)
        for mark in reader.outline
        if not isinstance(mark, list)
    ]


def headings(code: str) -> list[str]:
    _ = language(code).gettext
    parts = "Where the case stands|Timeline|The story|Safeguards|Deadlines|Refusal book|The chain|How to verify this dossier"
    return [f"{number} {_(title)}" for number, title in enumerate(parts.split("|"), 1)]


# What a reader gets


@pytest.mark.parametrize("code", LANGUAGES)
def test_each_language_is_read_back_letter_by_letter(code: str) -> None:
    """What is copied out of the PDF is what was written, in story, consequence, matrix and refusal book."""
    assert text_of(printed(code)).count(SENTENCES[code]) >= 6


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler-utils is not installed")
@pytest.mark.parametrize("code", LANGUAGES)
def test_another_reader_reads_each_language_too(code: str) -> None:
    """What one library wrote and read back is read by one that shares nothing with it."""
    assert text_by_poppler(printed(code)).count(SENTENCES[code]) >= 3


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_letter_is_of_the_fonts_that_are_shipped(code: str) -> None:
    """No font of the machine is used, so that pages look the same everywhere."""
    pages: list[Any] = list(read(printed(code)).pages)
    fonts: list[Any] = [font.get_object() for page in pages for font in page["/Resources"]["/Font"].values()]
    used = {str(font["/BaseFont"]).partition("+")[2] for font in fonts}
    assert used
    assert {name for name in used if not name.startswith("noto-sans")} == set()


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_document_says_its_language_and_title(code: str) -> None:
    """A screen reader speaks it in the right tongue and names it."""
    reader = read(printed(code))
    assert code == root_of(printed(code))["/Lang"]
    assert reader.metadata is not None
    assert REFERENCE in (reader.metadata.title or "")
    assert root_of(printed(code))["/ViewerPreferences"]["/DisplayDocTitle"]


@pytest.mark.parametrize("code", LANGUAGES)
def test_its_own_words_are_in_that_language(code: str) -> None:
    """Headings, and not only what it was given, are translated."""
    assert headings(code) == [title for title, _ in outline(read(printed(code)))][1:]
    assert (headings(code) == headings("en")) == (code == "en")
    everything = language(code).gettext("Everything verifies.")
    assert everything in text_of(printed(code))


def test_it_is_tagged_for_accessibility() -> None:
    """PDF/UA-1 is declared; headings, lists, tables and the drawing's words are in the structure."""
    root = root_of(printed("en"))
    assert root["/MarkInfo"]["/Marked"]
    assert re.search(rb"pdfuaid:part[^0-9]{1,3}1", root["/Metadata"].get_object().get_data())
    kinds = [str(element["/S"]) for element in structure(root["/StructTreeRoot"])]
    assert {"/H1", "/H2", "/H3", "/L", "/Table", "/TH", "/TD", "/Figure", "/Link"} <= set(kinds)
    (figure,) = [each for each in structure(root["/StructTreeRoot"]) if each["/S"] == "/Figure"]
    assert "Stages in time" == figure["/Alt"]


def structure(element: Any) -> Iterator[Any]:
    """Every element of the structure below one."""
    for kid in element.get("/K", ()):
        below: Any = kid.get_object()
        if isinstance(below, DictionaryObject) and "/S" in below:
            yield below
            yield from structure(below)


def test_the_bookmarks_lead_to_their_headings() -> None:
    """Each bookmark's page shows the words of the bookmark."""
    reader = read(printed("en"))
    marks = outline(reader)
    assert [f"Dossier of case {REFERENCE}", *headings("en")] == [title for title, _ in marks]
    for title, page in marks:
        assert title in " ".join(reader.pages[page - 1].extract_text().split())


def test_the_table_of_contents_gives_the_right_pages() -> None:
    """The number printed behind a part is the page on which that part begins."""
    reader = read(printed("en"))
    cover = cover_of(printed("en"))
    for title, page in outline(reader)[1:]:
        assert re.search(rf"{re.escape(title)}[ .]*(\d+)", cover)[1] == str(page)  # pyright: ignore[reportOptionalSubscript]


def test_every_page_says_which_page_of_which_case_it_is() -> None:
    """A single sheet that is found can be put back."""
    reader = read(printed("en"))
    assert len(reader.pages) > 3
    for number, page in enumerate(reader.pages, 1):
        words = " ".join(page.extract_text().split())
        assert f"Page {number} of {len(reader.pages)}" in words
        assert f"{REFERENCE} · as of entry 8" in words


def test_every_page_is_a_sheet_of_a4() -> None:
    """Nothing has to be scaled when it is printed."""
    for page in read(printed("en")).pages:
        assert (210, 297) == (round(page.mediabox.width / 72 * 25.4), round(page.mediabox.height / 72 * 25.4))


# What it says


def test_the_cover_says_that_everything_verifies() -> None:
    """With no finding and no broken safeguard, in so many words."""
    cover = cover_of(printed("en"))
    assert "Everything verifies." in cover
    assert "No safeguard is broken." in cover
    assert "Moldova" in cover and "Ukraine" in cover and "Court" in cover
    assert "withheld from this reader" not in cover


def test_the_cover_says_what_is_wrong() -> None:
    """Findings stand where good news would stand; the first five at once, all of them in part 7."""
    findings = [f"Entry {n} is not what its hash says." for n in range(1, 8)]
    pdf = render(sample(findings=findings), language("en"))
    cover = cover_of(pdf)
    assert "The audit found 7 faults in this record." in cover
    assert "Everything verifies" not in text_of(pdf)
    assert "Entry 5 is not" in cover and "Entry 6 is not" not in cover
    assert text_of(pdf).count("Entry 7 is not what its hash says.") == 1


def test_the_cover_says_that_a_safeguard_is_broken() -> None:
    """A record can be whole and tell of a wrong: both are said."""
    broken = replace(sample().matrix[0], status="broken", broken=("Entry 7 was accepted in an invented station.",))
    pdf = render(sample(matrix=[broken]), language("en"))
    cover = cover_of(pdf)
    assert "1 safeguard is broken: see part 4." in cover
    assert "Everything verifies." in cover and "No safeguard is broken" not in cover
    assert "Entry 7 was accepted in an invented station." in text_of(pdf)


def test_the_matrix_says_in_words_how_each_safeguard_stands() -> None:
    """A sign stands beside the word, never instead of it; what stopped acts is counted and shown."""
    words = text_of(printed("en"))
    assert "No detention no-detention" in words
    assert "Kept entry 30: 10, 12" in words
    assert "Only refused It stopped 3 acts. Entries: 2, 4 and more" in words
    assert "Kept (1):" in words and "Broken (0):" in words and "Not asked (1):" in words


def test_deadlines_say_whether_they_were_met() -> None:
    """Met, still running and late, or no longer owed."""
    words = text_of(printed("en"))
    assert "Hearing: guardian, due by 2 February 2026" in words and "late by 2 days" in words
    assert re.search(r"Hearing Guardian 2 February 2026.{0,20} running 2 days", words)
    assert re.search(r"Consent Guardian – no longer owed –", words)


def test_the_refusal_book_gives_reason_source_and_what_was_offered() -> None:
    """Who asked for what, and for each safeguard all that a reader needs to judge the refusal."""
    words = text_of(printed("en"))
    for said in (
        "Asked by: The caseworker of Moldova",
        "Asked for: Placement of the child",
        "It demands: No detention, however it is named.",
        f"Refused because: {SENTENCES['en']}",
        "Offered instead: Choose a family.",
        "Source: CRC art. 37(b)",
    ):
        assert said in words


def test_hashes_can_be_copied_whole() -> None:
    """No space and no hyphen comes into a hash in the text layer."""
    words = text_of(printed("en"))
    assert HASH in words and HASH[::-1] in words and "an-invented-run" in words


def test_what_is_withheld_is_told_as_withheld() -> None:
    """Gaps in the numbers, sealed entries, bodies and reasons: each says that something is there."""
    story = [each for each in sample().story if each.n not in (2, 3, 8)] + [line(8, "withheld")]
    refusal = sample().refusals[0]
    told = replace(refusal.told[0], message="", instead="")
    pdf = render(
        sample(partial=True, story=story, refusals=[replace(refusal, told=(told,))]),
        language("en"),
    )
    words = text_of(pdf)
    assert "Parts of this case are withheld from this reader." in words
    assert "2–3 2 entries are withheld from this reader." in words
    assert "8 1 entry is withheld from this reader." in words
    assert "Refused because: withheld from this reader" in words
    assert words.count("parts are withheld") >= len(read(pdf).pages)


def test_the_moment_of_a_sealed_entry_is_not_told() -> None:
    """Nothing but the place in the chain of such an entry is known to its reader."""
    sealed = replace(line(8, "withheld", "a sentence nobody gave"), at=datetime(2026, 12, 24, tzinfo=UTC))
    words = text_of(render(sample(partial=True, story=[*sample().story[:7], sealed]), language("en")))
    assert "24 Dec" not in words and "December" not in words and "a sentence nobody gave" not in words


def test_a_number_that_is_missing_in_a_whole_record_is_called_missing() -> None:
    """Nobody withheld it; it is not there."""
    story = [each for each in sample().story if each.n != 3]
    assert "1 entry is missing from the record." in text_of(render(sample(story=story), language("en")))


def test_a_long_story_says_what_it_leaves_out() -> None:
    """The newest entries and the marked older ones are told; the ordinary older ones are left to the ledger."""
    story = [line(n, "overdue" if n == 5 else "accepted", f"Sentence {n} of many.") for n in range(1, 31)]
    words = text_of(render(sample(story=story, as_of_entry=30), language("en"), told_at_most=10))
    assert "This case has 30 entries. The newest 10 are told here" in words
    assert "ledger.jsonl" in words
    told = [int(n) for n in re.findall(r"Sentence (\d+) of many", words)]
    assert [5, *range(21, 31)] == told


def test_a_long_refusal_book_says_what_it_leaves_out() -> None:
    """Who floods a case with refused acts does not make its dossier impossible to print."""
    refusals = [replace(sample().refusals[0], n=n, what=f"Act {n} of many") for n in range(1, 9)]
    words = text_of(render(sample(refusals=refusals), language("en"), told_at_most=3))
    assert "This case has 8 refused acts. The newest 3 are told here." in words
    assert ["6", "7", "8"] == re.findall(r"Act (\d) of many", words)


def test_an_empty_case_has_all_its_parts() -> None:
    """No refusal, no deadline, no run: said, and not left out."""
    pdf = render(
        sample(state=[], story=[line(1, "opened")], as_of_entry=1, matrix=[], deadlines=[], refusals=[], runs=[]),
        language("en"),
    )
    words = text_of(pdf)
    for said in ("No deadline is running.", "No deadline is in this record.", "No act was refused."):
        assert said in words


# The same bytes


def test_two_processes_make_the_same_bytes(tmp_path: Path) -> None:
    """Whatever the hash seed, the time zone, the folder and the locale of the machine."""
    code = "import hashlib, sys; t = __import__('runpy').run_path(sys.argv[1]); "
    code += "print(hashlib.sha256(t['printed']('ky')).hexdigest())"
    made = {
        subprocess.run(
            [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}", __file__],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), **world},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for folder, world in (
            (tmp_path, {"PYTHONHASHSEED": "1", "TZ": "Asia/Bishkek", "LC_ALL": "C.UTF-8"}),
            (ROOT, {"PYTHONHASHSEED": "2", "TZ": "America/Lima", "LC_ALL": "C"}),
        )
    }
    assert {hashlib.sha256(printed("ky")).hexdigest()} == made


def test_other_pages_make_other_bytes() -> None:
    """The comparison can fail."""
    assert printed("en") != render(sample(head=HASH[::-1]), language("en"))


def test_it_carries_no_date_of_its_making() -> None:
    """Nothing of the day, the machine or the folder stands in the file."""
    metadata = read(printed("en")).metadata
    assert metadata is not None
    assert metadata.creation_date is None and metadata.modification_date is None
    assert not re.search(rb"/(?:home|root|tmp|work)/", printed("en"))


# Nothing from outside


class _Counting(BaseHTTPRequestHandler):
    """A web server that only counts."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(404)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Not on the terminal."""


@pytest.fixture
def outside() -> Iterator[tuple[str, list[str]]]:
    """A place in the world, and what was asked of it."""
    asked: list[str] = []
    server = HTTPServer(("127.0.0.1", 0), type("Counting", (_Counting,), {"asked": asked}))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def drawing_from(place: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><image href="{place}" width="9" height="9"/></svg>'
    )


@pytest.fixture
def secret(tmp_path: Path) -> str:
    """The address of a drawing on this machine that says “secret”."""
    path = tmp_path / "secret.svg"
    words = '<text y="8" font-size="8">secret</text>'
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 9">{words}</svg>', "utf-8")
    return path.as_uri()


def test_nothing_is_fetched(outside: tuple[str, list[str]]) -> None:
    """Neither for a text that looks like a picture, which stays text, nor for a drawing that names one."""
    place, asked = outside
    text = f'<img src="{place}/text.png"> <style>@import url({place}/a.css)</style>'
    words = text_of(
        render(sample(story=[line(1, "opened", text)], timeline_svg=drawing_from(f"{place}/x.png")), language("en"))
    )
    assert text.replace(" ", "") in words.replace(" ", "")
    assert [] == asked


def test_no_file_of_the_machine_is_read(secret: str) -> None:
    """A drawing that names a local picture gets none."""
    assert "secret" not in text_of(render(sample(timeline_svg=drawing_from(secret)), language("en")))


def test_a_fetch_would_be_seen(outside: tuple[str, list[str]], secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks above can fail: with everything allowed, both pictures are asked for."""
    import weasyprint.urls  # pyright: ignore[reportMissingTypeStubs]

    place, asked = outside
    allowing: Any = weasyprint.urls.URLFetcher

    def everything(allowed_protocols: tuple[str, ...]) -> Any:
        return allowing()

    monkeypatch.setattr(weasyprint.urls, "URLFetcher", everything)
    pdf = render(sample(timeline_svg=drawing_from(f"{place}/x.png") + drawing_from(secret)), language("en"))
    assert ["/x.png"] == asked
    assert "secret" in text_of(pdf)


def test_setting_the_pages_raises_no_complaint(caplog: pytest.LogCaptureFixture) -> None:
    """Style, fonts and structure are all understood."""
    render(sample(), language("en"))
    assert [] == [record for record in caplog.records if record.levelno >= logging.WARNING]


# Hostile texts


FORGED = '</p></li></td></table><h2 id="x">Forged</h2><a href="https://invented.example">{{ 7 * 7 }}</a>&amp;%(n)s'


def forged(given: Any) -> Any:
    """The same pages with markup in every text of them."""
    if isinstance(given, str):
        return given + FORGED
    if isinstance(given, list):
        return [forged(each) for each in cast("list[Any]", given)]
    if isinstance(given, tuple):
        return tuple(forged(each) for each in cast("tuple[Any, ...]", given))
    if is_dataclass(given) and not isinstance(given, type):
        return replace(
            given,
            **{
                each.name: forged(getattr(given, each.name))
                for each in fields(given)
                if each.name not in ("status", "kind", "timeline_svg")
            },
        )
    return given


def test_markup_in_a_text_stays_text() -> None:
    """Whoever writes HTML into a case makes no heading, no link and no hole in the dossier."""
    pdf = render(forged(sample(findings=["Something is wrong."])), language("en"))
    reader = read(pdf)
    squeezed = text_of(pdf).replace(" ", "")
    assert squeezed.count(FORGED.replace(" ", "")) > 50
    assert "49" not in squeezed.replace(FORGED, "")
    assert headings("en") == [title for title, _ in outline(reader)][1:]
    links = [
        each.get_object()
        for page in reader.pages
        for each in page.annotations or ()
        if "/URI" in str(each.get_object())
    ]
    assert [] == links


def test_a_word_without_an_end_stays_on_the_page() -> None:
    """What has no place to break is broken somewhere."""
    endless = "".join(f"{n:04}" for n in range(300))
    pdf = render(sample(story=[line(1, "opened", endless)]), language("en"))
    assert endless in text_of(pdf).replace(" ", "")


# Where it cannot be done


def test_reading_this_module_loads_no_library_of_the_system() -> None:
    """Whoever makes no PDF needs no Pango and waits for nothing."""
    code = "import sys, casefile.pages; assert 'weasyprint' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.parametrize("warnings", ["default", "error"])
@pytest.mark.parametrize("library", ["pango", "harfbuzz-subset"])
def test_a_missing_library_is_told_in_one_sentence(library: str, warnings: str) -> None:
    """It names what to install; nothing of the library's own advice comes out."""
    code = f"""
import cffi, runpy, sys
load = cffi.FFI.dlopen
def without(self, name, flags=0):
    if {library!r} in name:
        raise OSError(f"no {{name}}")
    return load(self, name, flags)
cffi.FFI.dlopen = without
from casefile.pages import CannotSetPages
tests = runpy.run_path(sys.argv[1])
try:
    tests["printed"]("en")
except CannotSetPages as missing:
    print(missing)
"""
    told = subprocess.run(
        [sys.executable, "-W", warnings, "-c", code, __file__], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert (
        "The PDF cannot be made: the system's libraries for setting text are missing. "
        "On Debian, install libpango-1.0-0, libpangoft2-1.0-0 and libharfbuzz-subset0.\n" == told
    )
