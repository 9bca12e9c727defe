"""The dossier's pages: a case as a court or an ombudsperson reads it on paper.

One tagged PDF (PDF/UA-1, A4, readable in black and white) from plain data. It fetches nothing and knows no clock:
the same pages in the same language give the same bytes. It carries its own Latin and Cyrillic letters; a letter of
another script, as a name may hold, is set in whatever font the machine has.
"""

import base64
import contextlib
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from importlib import import_module
from importlib.resources import files
from types import ModuleType
from typing import Final, Literal

from babel.dates import format_skeleton
from jinja2 import Environment, PackageLoader, StrictUndefined

from casefile.languages import Language, capitalised

TOLD_AT_MOST: Final = 2000
"""Entries that the story tells one by one; of older ones it tells what is marked, and says so.

Five thousand, all told, were 420 pages, and took a minute and a gigabyte to set.
"""


class CannotSetPages(Exception):
    """A PDF cannot be made on this machine. The sentence says what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryLine:
    """One entry, told. ``at`` is UTC; ``withheld`` says that its reader may not see all of it.

    Of an entry of the kind ``withheld``, or whose number is left out, only that it is there is told.
    """

    n: int
    at: datetime
    kind: str
    kind_label: str
    sentence: str
    consequences: tuple[str, ...] = ()
    withheld: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixLine:
    """One safeguard: what it demands, and what the record shows of it.

    ``refused`` counts the acts that it stopped, ``refused_by`` gives their entries, ``broken`` says
    in sentences where it did not hold.
    """

    label: str
    name: str
    status: Literal["kept", "not_asked", "refused", "broken"]
    demand: str
    source: str
    shown_by: str
    refused: int = 0
    refused_by: tuple[int, ...] = ()
    broken: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlineLine:
    """One deadline. ``late`` says by how much, in words, or is empty; ``open`` ones still run."""

    label: str
    owed_by: str
    due: datetime | None
    met: datetime | None
    late: str
    open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalTold:
    """One reason of a refusal: the safeguard, and what may be done instead. Empty texts are withheld."""

    label: str
    name: str
    demand: str
    message: str
    source: str
    instead: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalLine:
    """One refused act: who asked for what, and every reason it was refused for."""

    n: int
    at: datetime
    who: str
    what: str
    told: tuple[RefusalTold, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """One run of the engine: the entries it wrote (``1-103``) and the digest of its history."""

    run_id: str
    entries: str
    begun: datetime
    ended: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierPages:
    """All that the pages say. Texts are in the reader's language already, moments are UTC, states are codes.

    ``state`` is where the case stands as (label, value); ``heads`` are (entry number, hash);
    ``timeline_svg`` is a drawing of ours, put in as it is; ``findings`` is what the audit found wrong.
    """

    reference: str
    agreement: str
    agreement_version: str
    host_state: str
    origin_state: str
    procedure_version: str
    reader: str
    partial: bool
    as_of_entry: int
    as_of: datetime
    opened_at: datetime
    head: str
    state: Sequence[tuple[str, str]]
    story: Sequence[StoryLine]
    matrix: Sequence[MatrixLine]
    deadlines: Sequence[DeadlineLine]
    refusals: Sequence[RefusalLine]
    timeline_svg: str
    runs: Sequence[RunLine]
    heads: Sequence[tuple[int, str]]
    findings: Sequence[str]


def render(pages: DossierPages, language: Language, *, told_at_most: int = TOLD_AT_MOST) -> bytes:
    """The PDF. Of more than ``told_at_most`` entries the newest are told, and of the older ones the marked.

    Raises :class:`CannotSetPages` where the system's libraries for setting text are missing.
    """
    weasyprint = _weasyprint()
    fonts = weasyprint.text.fonts.FontConfiguration()
    nothing_outside = weasyprint.urls.URLFetcher(allowed_protocols=("data",))
    style = weasyprint.CSS(
        string=_font_faces() + _text("templates/dossier.css"), font_config=fonts, url_fetcher=nothing_outside
    )
    document = weasyprint.HTML(string=_html(pages, language, told_at_most), url_fetcher=nothing_outside)
    return document.write_pdf(pdf_variant="pdf/ua-1", stylesheets=[style], font_config=fonts)


def _weasyprint() -> ModuleType:
    # Here and not above: the import takes seconds, and loads libraries that a machine without PDFs need not have.
    try:
        # It prints a page of advice when a library is missing.
        with contextlib.redirect_stdout(io.StringIO()):
            setter = import_module("weasyprint")
    except (OSError, DeprecationWarning) as missing:
        raise CannotSetPages(_MISSING) from missing
    if setter.text.ffi.harfbuzz_subset is None:
        # Without it there would be pages all the same, but not the bytes that another machine makes.
        raise CannotSetPages(_MISSING)
    return setter


_MISSING: Final = (
    "The PDF cannot be made: the system's libraries for setting text are missing. "
    "On Debian, install libpango-1.0-0, libpangoft2-1.0-0 and libharfbuzz-subset0."
)

# Fonts

_SUBSETS: Final = ("latin", "latin-ext", "cyrillic", "cyrillic-ext")
_SANS: Final = ",".join(f"noto-sans-{subset}" for subset in _SUBSETS)
_FONT_FAMILY: Final = re.compile(r"""\sfont-family=(?:"[^"]*"|'[^']*')""")


@lru_cache
def _font_faces() -> str:
    # Each subset is a family of its own: under one name WeasyPrint mixes their glyphs up.
    sans = [(f"noto-sans-{subset}", weight) for subset in _SUBSETS for weight in (400, 700)]
    return "".join(_font_face(name, weight) for name, weight in [*sans, ("noto-sans-mono-latin", 400)])


def _font_face(name: str, weight: int) -> str:
    letters = base64.b64encode((files("casefile") / "fonts" / f"{name}-{weight}.woff2").read_bytes()).decode()
    return f"@font-face {{ font-family: {name}; font-weight: {weight}; src: url(data:font/woff2;base64,{letters}) }}\n"


def _in_our_letters(svg: str) -> str:
    # A drawing inherits nothing from the page, and a font of the machine would give other bytes on another machine.
    return _FONT_FAMILY.sub("", svg).replace("<svg", f'<svg font-family="{_SANS}"', 1)


def _text(name: str) -> str:
    return (files("casefile") / name).read_text("utf-8")


# The story, in months


@dataclass(frozen=True, slots=True)
class _Gap:
    """Entries of which nothing is told."""

    first: int
    last: int


_PLAIN: Final = frozenset({"accepted", "stage"})
"""Kinds of entries that carry no mark, and that a long story leaves out first."""


def _told(pages: DossierPages, at_most: int) -> list[StoryLine | _Gap]:
    before, newest = pages.story[:-at_most], pages.story[-at_most:]
    marked = [line for line in before if line.kind not in _PLAIN and line.kind != "withheld"]
    return [*marked[-at_most:], *_with_gaps(newest, before[-1].n if before else 0, pages.as_of_entry)]


def _with_gaps(story: Sequence[StoryLine], number: int, last: int) -> Iterator[StoryLine | _Gap]:
    for line in story:
        if line.kind == "withheld":
            # Its moment is withheld too.
            continue
        if line.n > number + 1:
            yield _Gap(number + 1, line.n - 1)
        yield line
        number = line.n
    if number < last:
        yield _Gap(number + 1, last)


def _months(lines: Sequence[StoryLine | _Gap], language: Language) -> list[tuple[str, list[StoryLine | _Gap]]]:
    months: list[tuple[str, list[StoryLine | _Gap]]] = []
    month = ""
    for line in lines:
        if isinstance(line, StoryLine):
            month = capitalised(format_skeleton("yMMMM", line.at.astimezone(UTC), locale=language.locale))
        if not months or months[-1][0] != month:
            months.append((month, []))
        months[-1][1].append(line)
    return months


def _when(language: Language, line: StoryLine) -> str:
    at = line.at.astimezone(UTC)
    return f"{format_skeleton('MMMd', at, locale=language.locale)}, {at:%H:%M}"


# The text


def _environment(language: Language) -> Environment:
    # One a language: environments that share globals share the language too.
    environment = Environment(
        loader=PackageLoader("casefile"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.filters["capitalised"] = capitalised
    # The extension puts the method there.
    environment.install_gettext_translations(language.translations, newstyle=True)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    return environment


def _html(pages: DossierPages, language: Language, told_at_most: int) -> str:
    kinds = Counter(line.kind for line in pages.story)
    statuses = Counter(line.status for line in pages.matrix)
    return (
        _environment(language)
        .get_template("dossier.html.j2")
        .render(
            pages=pages,
            language=language,
            timeline=_in_our_letters(pages.timeline_svg),
            months=_months(_told(pages, told_at_most), language),
            told_at_most=told_at_most,
            refusals=pages.refusals[-told_at_most:],
            plain=_PLAIN,
            kinds=kinds,
            statuses=statuses,
            when=partial(_when, language),
        )
    )
