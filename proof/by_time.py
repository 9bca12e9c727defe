"""What of a case the passing of time may change. Everything else is changed by people alone.

A list of names and nothing more, so that the random walks may ask by the same one: a fact that is added to the case
is protected until it is written down here, with the reason.
"""

from typing import Final

MAY_CHANGE_BY_TIME: Final[dict[str, str]] = {
    "deadlines": "what is due passes, is told further, begins or ends with its ground, or stands still under a hold",
    "running": "those of the deadlines that are not met",
    "emergency_overdue": "the deadline of an emergency placement passed: this holds the return, and nothing more",
    "review_reached": "the day of the review that the panel named has come: this holds the return",
    "turned_18": "the eighteenth birthday",
    "adulthood_holds": "whether that birthday came in the middle of the procedure",
    "holds": "what holds the return, where time alone began it",
    "stage": "a time to appeal that ends, or a child that is old enough to be asked, moves on what is waited for",
    "n": "the record grows by what time brings",
    "head": "likewise",
    "recorded_at": "likewise",
}
"""Each field of a case that may be another after time has passed and nobody has acted, and why."""
