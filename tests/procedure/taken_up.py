"""Cases that were put away, to be taken up in the midst: what one act does there is asked without all that came before.

taken_up.json beside this file holds them as a workflow hands them to its next run, and once the terms that they are
all under. They are made by the courses below; after a change that is meant, HOMEWARD_WRITE_ON_FILE=1 and
taken_up_on_file_test.py write them anew.
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

from courses import HOTEL, STATION, Course

from procedure.agreement import Agreement
from procedure.entries import read_moment
from procedure.ledger import packed
from procedure.proceedings import Proceedings

CASES: Final = Path(__file__).with_name("taken_up.json")

MADE_BY: Final[dict[str, Callable[[], Course]]] = {
    "opened": lambda: Course(placement=HOTEL, situation="separated").wait(hours=1),
    "found in detention": lambda: Course(placement=STATION, born=None, child={"estimated_age": 12}),
    "in care": lambda: Course().represented().does("complain").does("assign"),
    "traced": lambda: (
        Course()
        .traced()
        .does("guarantee_care")
        .does("hear_child", wish="stay")
        .does("assess_age", result="doubt")
        .does("lodge_asylum_claim")
        .does("suspend")
    ),
    "assessed": lambda: Course().assessed(),
    "determined": lambda: Course().determined().does("appeal", against="placement").does("complain"),
    "postponed": lambda: Course().assessed().determine("postpone", review_on="2026-04-01"),
    "ready to approve": lambda: Course().ready_to_approve(),
    "approved": lambda: Course().approved().does("appeal"),
    "planned": lambda: Course().planned(),
    "travel approved": lambda: Course().travel_approved().wait(days=2),
    "under way": lambda: Course().departed().wait(days=1),
    "arrived": lambda: Course().arrived().does("report_detention").does("confirm_release").does("report_missing"),
    "handed over": lambda: Course().departed().wait(days=1, hours=4).does("arrive", handed_to="other"),
    "visited": lambda: Course().visited(),
    "in its second round": lambda: Course().arrived().does("record_visit", safe=False).ready_for_panel(),
    "approved against a wish to stay": lambda: (
        Course().determined().does("hear_child", wish="stay").consented().prepared().approve()
    ),
    "objected on the way": lambda: Course().departed().does("report_incident", what="child_objects"),
    "nearly old enough to be asked": lambda: (
        Course(born="2014-02-20").determined().does("give_consent").prepared().wait(days=1)
    ),
    "stays": lambda: Course().determined("stay").does("grant_stay"),
    "of a third country": lambda: Course().determined("third_country").does("arrange_third_country"),
    "late": lambda: Course(placement=HOTEL).identified().wait(days=60),
    "nearly grown up": lambda: Course(born="2008-03-04").represented(),
    "closed": lambda: Course().visited().does("close_case", outcome="returned"),
}
"""The cases by name, and how each came to where it is."""


def written() -> str:
    """All cases as the file has them: one line each."""
    agreed: Any = None
    lines: list[str] = []
    for name, made in MADE_BY.items():
        course = made()
        carried = course.proceedings.carry()
        agreed = carried["case"].pop("agreement")
        # As code before put them away: that must be taken up for ever.
        carried["entries"] = packed(course.proceedings.ledger())
        carried["at"] = course.at.isoformat()
        carried["said"] = course.said
        lines.append(f"{json.dumps(name)}: {json.dumps(carried)}")
    return "{\n" + ",\n".join([f'"agreement": {json.dumps(agreed)}', *lines]) + "\n}\n"


@cache
def _on_file() -> dict[str, Any]:
    return json.loads(CASES.read_text("utf-8"))


def carried(name: str) -> dict[str, Any]:
    """One of the cases as a run hands it over."""
    kept = json.loads(json.dumps(_on_file()[name]))
    return {
        "case": {**kept["case"], "agreement": json.loads(json.dumps(_on_file()["agreement"]))},
        "entries": kept["entries"],
        "seed": kept["seed"],
        "answered": kept["answered"],
    }


def terms() -> Agreement:
    """The agreement that all the cases are under."""
    return Agreement.from_terms(json.loads(json.dumps(_on_file()["agreement"])))


def take_up(name: str) -> Course:
    """A course that goes on with one of the cases."""
    kept = _on_file()[name]
    course = Course.__new__(Course)
    course.at = read_moment(kept["at"])
    course.said = kept["said"]
    course.host, course.origin = kept["case"]["host_state"], kept["case"]["origin_state"]
    course.proceedings = Proceedings.resume(carried(name))
    return course
