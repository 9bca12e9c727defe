"""Refreshes the catalogues from the code and the templates of each room that has some: ``python -m casefile.catalogues``.

Run it after a message was added or changed, then write the translations that it counts as missing. A new message
comes marked `fuzzy`, the gettext sign for “to be reviewed”: the mark goes when somebody who speaks the language has
read the translation. A translation whose message is gone stays at the end of its catalogue, should the message come
back; ``--tidy`` takes it out.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po, write_po

from casefile.languages import LANGUAGES, LOCALE

ROOM: Final = Path(__file__).parent
TEMPLATE: Final = LOCALE / "homeward.pot"
TRANSLATED: Final = tuple(code for code in LANGUAGES if code != "en")


@dataclass(frozen=True, slots=True)
class Room:
    """A room with catalogues of its own: ``locale/CODE/LC_MESSAGES/NAME.po``, and what it says, ``locale/NAME.pot``.

    It falls back on the catalogues of ``after``: what these say is not translated a second time.
    """

    folder: Path
    name: str
    after: "Room | None" = None

    @property
    def template(self) -> Path:
        return self.folder / "locale" / f"{self.name}.pot"

    def catalogue(self, code: str) -> Path:
        return self.folder / "locale" / code / "LC_MESSAGES" / f"{self.name}.po"

    def messages(self) -> Catalog:
        """What the room says and ``after`` does not."""
        found = extracted(self.folder)
        for said in messages(self.after.messages()) if self.after else ():
            found.delete(said.id, said.context)
        return found


CASEFILE: Final = Room(ROOM, "homeward")
DESK: Final = Room(ROOM.parent / "desk", "desk", after=CASEFILE)

_SOURCES: Final = [("**.py", "python"), ("templates/**.j2", "jinja2.ext:babel_extract")]
_OPTIONS: Final = {"templates/**.j2": {"silent": "false", "extensions": "jinja2.ext.do"}}
_HEADER: Final = """\
# What Homeward's case files say, in another language.
# Messages marked "fuzzy" are machine-made and NEED REVIEW by somebody who speaks the language and knows
# child protection. They are used all the same. Take the mark away when a message has been read and is right.
"""


def extracted(room: Path = ROOM) -> Catalog:
    """Every message that is marked in the code and the templates of a room, as a template of catalogues."""
    found = _headed(Catalog(project="Homeward", version="1", charset="utf-8", fuzzy=False))
    for name, line, message, comments, context in extract_from_dir(
        room,
        method_map=_SOURCES,
        options_map=_OPTIONS,
        keywords={**DEFAULT_KEYWORDS, "P_": ((1, "c"), 2)},
        comment_tags=("Translators:",),
    ):
        found.add(message, locations=[(f"{room.name}/{name}", line)], auto_comments=comments, context=context)
    return found


def read(path: Path, code: str | None = None) -> Catalog:
    """A catalogue as it stands in its file."""
    with path.open("rb") as text:
        return read_po(text, locale=code, abort_invalid=True)


def messages(of: Catalog) -> Iterator[Message]:
    """The messages of a catalogue, without its header."""
    return (message for message in of if message.id)


def updated(code: str, template: Catalog, path: Path) -> Catalog:
    """The catalogue of a language with every message of the template, each translation kept."""
    if path.exists():
        known = read(path, code)
    else:
        known = _headed(Catalog(locale=code, project="Homeward", version="1", revision_date=template.creation_date))
    for message in known.obsolete.values():
        # A message that comes back finds its translation again.
        known.add(message.id, message.string, flags=message.flags, context=message.context)
    known.obsolete.clear()
    known.update(template, no_fuzzy_matching=True)
    for key in [key for key, message in known.obsolete.items() if not _said(message)]:
        del known.obsolete[key]
    for message in messages(known):
        if not _said(message):
            message.flags.add("fuzzy")
    return known


def missing(of: Catalog) -> list[Message]:
    """The messages that are not translated, or of which a plural form is empty."""
    return [message for message in messages(of) if not _said(message)]


def write(made: Catalog, path: Path) -> None:
    """Write a catalogue. Files are named, lines are not: they would change with every edit."""
    text = BytesIO()
    write_po(text, made, width=120, include_lineno=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.getvalue())


def _said(message: Message) -> bool:
    forms = message.string if isinstance(message.string, (list, tuple)) else (message.string,)
    return bool(forms) and all(forms)


def _headed(made: Catalog) -> Catalog:
    made.header_comment = _HEADER.rstrip("\n")
    made.last_translator = "machine-made, not reviewed"
    made.language_team = "none yet"
    made.msgid_bugs_address = "see SECURITY.md and the project's issues"
    return made


def main(*, tidy: bool) -> None:
    """Refresh all of them and say how they stand."""
    for room in (CASEFILE, DESK):
        _refresh(room, tidy=tidy)


def _refresh(room: Room, *, tidy: bool) -> None:
    template = room.messages()
    if room.template.exists():
        # The day on which the messages were taken says nothing by itself, and would change the file each time.
        template.creation_date = read(room.template).creation_date
    write(template, room.template)
    for code in TRANSLATED:
        made = updated(code, template, room.catalogue(code))
        if tidy:
            made.obsolete.clear()
        write(made, room.catalogue(code))
        to_review = sum(message.fuzzy for message in messages(made))
        sys.stdout.write(
            f"{room.name}, {code}: {sum(1 for _ in messages(made))} messages, {len(missing(made))} not translated, "
            f"{to_review} to be reviewed, {len(made.obsolete)} no longer used\n"
        )


if __name__ == "__main__":
    reads = ArgumentParser(prog="python -m casefile.catalogues", description="Refresh the catalogues from the sources.")
    reads.add_argument("--tidy", action="store_true", help="take out translations whose message is gone")
    main(tidy=reads.parse_args().tidy)
