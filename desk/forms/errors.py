"""What is wrong with an answer, said in the reader's language.

The models say it in English (:mod:`procedure.faults`) and for whoever writes JSON; here the same stands for whoever
fills in a form. A sentence that is not known here is told as it is.
"""

import re
from collections.abc import Mapping
from typing import Final

from casefile.languages import Language, capitalised
from casefile.terms import N_
from desk.forms.fields import Kind

_CHOOSE: Final = N_("Choose an answer.")
_FILL_IN: Final = N_("Fill this in.")
_DATE: Final = N_("Give the day, the month and the year of a date that there is, for example 27 3 2026.")
_MOMENT: Final = N_("Give the date and the time, for example 27 3 2026 and 14:30.")
_WHOLE: Final = N_("Write a whole number.")
_NUMBER: Final = N_("Write a number.")

UNTICKED: Final = N_("You changed this and did not tick it. It is ticked now: untick it if it was right before.")

_NEEDED: Final[Mapping[Kind, str]] = {
    "radios": _CHOOSE,
    "select": _CHOOSE,
    "yes_no": _CHOOSE,
    "yes_no_unknown": _CHOOSE,
    "checkboxes": _CHOOSE,
    "date": _DATE,
    "datetime": _MOMENT,
}

_SAID: Final[tuple[tuple[str, str], ...]] = (
    # Of fields (procedure/faults.py).
    (r"no such field here; .*", N_("This is not asked here.")),
    (r"must be true or false", _CHOOSE),
    (r"must be one of .*", _CHOOSE),
    (r"must be a text", _FILL_IN),
    (r"must be a list|must be an object", _FILL_IN),
    (r"must be a whole number", _WHOLE),
    (r"must be a number", _NUMBER),
    (r"must be a date, .*|must be written as YYYY.*", _DATE),
    (r"must be a date and time, .*|must be written as a time .*|must name its time zone, .*", _MOMENT),
    (r"must lie between the years (?P<first>\d+) and (?P<last>\d+)", N_("The year lies between {first} and {last}.")),
    (r"must say something; it is blank|must have at least 1 character\(s\)", _FILL_IN),
    (r"must not begin or end with a blank", N_("Leave out the blanks before and after it.")),
    (r"must have at least (?P<n>\d+) character\(s\)", N_("Too short. The fewest characters: {n}.")),
    (r"must have at most (?P<n>\d+) characters", N_("Too long. The most characters: {n}.")),
    (r"must have at least 1 element\(s\)", N_("At least one is needed.")),
    (r"must have at least (?P<n>\d+) element\(s\)", N_("Not enough. The fewest that are needed: {n}.")),
    (r"must have at most (?P<n>\d+) elements", N_("Too many. The most that there can be: {n}.")),
    (r"must be at least (?P<n>-?\d+)", N_("Too small. The smallest number: {n}.")),
    (r"must be at most (?P<n>-?\d+)", N_("Too large. The largest number: {n}.")),
    (r"must look like \^sha256.*", N_("Write “sha256:” and 64 digits and letters from a to f.")),
    (r"must look like \^\[A-Z\]\{2\}\$", _CHOOSE),
    (r"must look like \^\[A-Za-z\]\{2,8\}.*", _CHOOSE),
    (r"must look like \^\[A-Z\]\{2\}-.*", N_("Write a reference, for example MD-UA-2026-7K3F9A.")),
    (r"must look like .*", N_("This is not written as it has to be.")),
    # Of the whole.
    (
        r"is not JSON|this field is needed: it names the act|no such act; .*",
        N_("This could not be read. Please fill it in anew."),
    ),
    (
        r"an? (act|intake) may have at most (?P<n>\d+) bytes.*",
        N_("All of it together is too long. Please shorten the texts."),
    ),
    (r"more faults than these: (?P<n>\d+); .*", N_("More faults: {n}. Mend these first.")),
    (r"has \d+ faults, too many .*", N_("There are too many faults to tell each. Is this the right file?")),
    (
        r"was used before with other content; .*",
        N_("This form was already sent with other answers. Please open it anew."),
    ),
    # Of acts (procedure/acts.py).
    (r"names the same relative id twice.*", N_("Give each relative an identifier of their own.")),
    (r"`found` names at least one relative who was found", N_("Name at least one relative who was found.")),
    (
        r"this field is needed when the solution is `postpone`",
        N_("Give the day of the review: the decision is postponed."),
    ),
    (r"leg (?P<leg>\d+) arrives before it departs", N_("Leg {leg} arrives before it departs.")),
    (
        r"leg (?P<leg>\d+) departs before leg .* has arrived",
        N_("Leg {leg} departs before the leg before it has arrived."),
    ),
    (r"holds a number that JSON programs do not agree on; .*", N_("This number is too large or too exact.")),
    # Of the intake (procedure/intake.py).
    (
        r"host and origin are the same state; .*",
        N_("Host and origin are the same state. This procedure is between two states."),
    ),
    (r"a case is opened by a central authority", N_("A case is opened by a central authority.")),
    (r"a case is opened by the host state, .*", N_("A case is opened by the host state, where the child is.")),
    (r"must begin with the host state and the origin state", N_("It begins with the host state and the origin state.")),
    (r"lies before the child's date of birth", N_("This lies before the child's date of birth.")),
    (r"lies in the future", N_("This lies in the future.")),
    (r"lies too far in the past to be right", N_("This lies too far in the past to be right.")),
    (
        r"this field is needed when the date of birth is not known; .*",
        N_("Give an estimated age: the date of birth is not known. In doubt, the lowest age of the margin."),
    ),
    (
        r"says 18 or more; .*",
        N_(
            "This says 18 or more, and this procedure is for children. In doubt, give the lowest age of the margin as the estimated age."
        ),
    ),
)
"""What the models say, as a regular expression, and what the desk says for it. A ``leg`` is counted from 0 there."""

_KNOWN: Final = tuple((re.compile(pattern), said) for pattern, said in _SAID)


def told(language: Language, message: str, kind: Kind | None = None) -> str:
    """A fault's message as a sentence for whoever fills in a form; ``kind`` is the kind of field that it stands at."""
    if message == UNTICKED:
        return language.gettext(UNTICKED)
    if message == "this field is needed":
        return language.gettext(_NEEDED.get(kind, _FILL_IN) if kind else _FILL_IN)
    for pattern, said in _KNOWN:
        if found := pattern.fullmatch(message):
            return language.gettext(said).format(
                **{
                    name: language.number(int(text)) if name == "n" else str(int(text) + 1) if name == "leg" else text
                    for name, text in found.groupdict().items()
                }
            )
    return _sentence(message)


def is_known(message: str) -> bool:
    """Whether a fault's message has a sentence here."""
    return message == "this field is needed" or any(pattern.fullmatch(message) for pattern, _ in _KNOWN)


def _sentence(message: str) -> str:
    return capitalised(message if message.endswith((".", "!", "?")) else f"{message}.")
