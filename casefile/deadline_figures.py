"""What became of every deadline: set when, due when, met when, and how late. From headers alone."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from procedure.deadlines import RULES, Rule, name_of, suffix
from procedure.entries import Entry, moment, read_moment
from procedure.vocabulary import SafeguardName

APPEAL_WINDOW: Final = "appeal_window"
"""The one deadline that nobody owes: it only has to pass."""

SERVES: Final[dict[str, tuple[SafeguardName, ...]]] = {
    "protection_screening": ("no-contact-with-origin", "non-refoulement"),
    "guardian": ("guardian-first",),
    "counsel": ("counsel-first",),
    "emergency_placement": ("no-detention",),
    "release": ("no-detention",),
    "family_assessment": ("safe-family",),
    "hearing": ("child-heard",),
    "determination": ("bid-before-return",),
    "review": ("bid-before-return",),
    "consent": ("consent",),
    "reintegration_plan": ("reintegration-plan",),
    "rights_impact": ("rights-impact", "non-refoulement"),
    "approval_host": ("approval-of-both-states",),
    "approval_origin": ("approval-of-both-states",),
    APPEAL_WINDOW: ("appeal-suspends",),
    "travel_plan": ("travel-approved",),
    "travel_approval": ("travel-approved",),
    "arrival": ("handover-into-care",),
    "visit": ("monitoring-complete",),
    "missing": ("held",),
}
"""The safeguards that a deadline keeps from waiting too long. A deadline that is not here serves none by name."""


@dataclass(slots=True, kw_only=True)
class DeadlineFigure:
    """One deadline from the entry that set it to the entry that ended it. Moments are UTC, numbers are entries'.

    ``due`` is as last extended or moved. ``late`` is how long after ``due`` it was met or dropped; of one that is
    still owed, how late it is at the newest entry; ``None`` where it is not late. ``state`` is ``None`` where the
    headers do not tell it, ``role`` where nobody owes it.
    """

    key: str
    name: str
    role: str | None
    state: str | None
    set_by: int
    set_at: datetime
    due: datetime
    met_by: int | None = None
    met_at: datetime | None = None
    dropped_by: int | None = None
    """The entry by which its ground fell away, or another deadline of the same key took its place."""
    dropped_at: datetime | None = None
    overdue_by: int | None = None
    escalated_by: list[int] = field(default_factory=list[int])
    extended_days: int = 0
    stands_still_since: datetime | None = None
    late: timedelta | None = None
    serves: tuple[SafeguardName, ...] = ()

    @property
    def open(self) -> bool:
        return self.met_at is None and self.dropped_at is None

    @property
    def missed(self) -> bool:
        """Whether it was not met in time. What was dropped or still runs in time was not missed."""
        return self.late is not None

    def as_json(self) -> dict[str, Any]:
        """The figure as a JSON object; ``late_seconds`` for ``late``."""

        def written(at: datetime | None) -> str | None:
            return moment(at) if at else None

        return {
            "name": self.name,
            "key": self.key,
            "role": self.role,
            "state": self.state,
            "set_by": self.set_by,
            "set_at": moment(self.set_at),
            "due": moment(self.due),
            "met_by": self.met_by,
            "met_at": written(self.met_at),
            "dropped_by": self.dropped_by,
            "dropped_at": written(self.dropped_at),
            "overdue_by": self.overdue_by,
            "escalated_by": self.escalated_by,
            "extended_days": self.extended_days,
            "stands_still": self.stands_still_since is not None,
            "late_seconds": int(self.late.total_seconds()) if self.late is not None else None,
            "safeguards": list(self.serves),
        }


def deadline_figures(entries: Iterable[Entry]) -> list[DeadlineFigure]:
    """Every deadline that a record names, in the order in which they were set.

    Headers are enough, and gaps are survived: what ended a deadline in an entry that is not shown is not known, and
    the deadline then counts as running.
    """
    reading = _Reading()
    for entry in entries:
        # What was never made by this procedure tells of no deadline; that it is forged, the chain tells.
        with suppress(AttributeError, LookupError, TypeError, ValueError):
            reading.read(entry)
    return reading.figures()


class _Reading:
    def __init__(self) -> None:
        self._all: list[DeadlineFigure] = []
        self._running: dict[str, DeadlineFigure] = {}
        self._host: str | None = None
        self._origin: str | None = None
        self._arrived = False
        self._newest: datetime | None = None

    def read(self, entry: Entry) -> None:
        facts = entry.facts
        self._newest = entry.at
        if entry.kind == "opened":
            # HOST-ORIGIN-YEAR-XXXXXX (contract, section 1): the header's way of saying which two states.
            host, _, rest = str(facts.get("reference", "")).partition("-")
            self._host, self._origin = host or None, rest.partition("-")[0] or None
        if entry.kind == "accepted" and entry.act == "arrive":
            self._arrive()
        if entry.kind == "overdue" and (missed := self._running.get(facts.get("key", ""))):
            missed.overdue_by = entry.n
        if entry.kind == "escalated" and (owed := self._running.get(facts.get("key", ""))):
            owed.escalated_by.append(entry.n)
        if "appeal_window_ends" in facts:
            self._set(APPEAL_WINDOW, read_moment(facts["appeal_window_ends"]), entry)
        self._change(facts.get("deadlines", {}), entry)

    def _arrive(self) -> None:
        """From the arrival on, whoever cares where the child is is the origin's."""
        self._arrived = True
        for figure in self._running.values():
            rule = _rule(figure.key)
            if rule is not None and rule.side == "child":
                figure.state = self._origin

    def _change(self, changes: dict[str, Any], entry: Entry) -> None:
        """What an entry's facts say of the deadlines, in the order in which folding believes it."""
        for key in changes.get("dropped", ()):
            self._end(key, entry)
        for key in changes.get("met", ()):
            self._meet(key, entry)
        for key, (due, _) in changes.get("set", {}).items():
            self._set(key, read_moment(due), entry)
        for key in changes.get("stand_still", ()):
            if figure := self._running.get(key):
                figure.stands_still_since = entry.at
        for key, due in changes.get("go_on", {}).items():
            if figure := self._running.get(key):
                figure.due, figure.stands_still_since = read_moment(due), None
        for key, (due, days) in changes.get("extended", {}).items():
            if figure := self._running.get(key):
                figure.due, figure.extended_days = read_moment(due), figure.extended_days + days

    def _set(self, key: str, due: datetime, entry: Entry) -> None:
        self._end(key, entry)
        rule = _rule(key)
        name = name_of(key)
        figure = DeadlineFigure(
            key=key,
            name=name,
            role=_role(rule, key),
            state=self._state(rule),
            set_by=entry.n,
            set_at=entry.at,
            due=due,
            serves=SERVES.get("visit" if name.startswith("visit_") else name, ()),
        )
        self._running[key] = figure
        self._all.append(figure)

    def _end(self, key: str, entry: Entry) -> None:
        """Its ground fell away, or another of the same key begins. A time that only had to pass may have passed."""
        figure = self._running.pop(key, None)
        if figure is not None and key == APPEAL_WINDOW and figure.due <= entry.at:
            figure.met_at = figure.due
        elif figure is not None:
            figure.dropped_by, figure.dropped_at = entry.n, entry.at
            figure.late = self._late(figure, entry.at)

    def _meet(self, key: str, entry: Entry) -> None:
        if figure := self._running.pop(key, None):
            figure.met_by, figure.met_at = entry.n, entry.at
            figure.late = self._late(figure, entry.at)
            if figure.name == "family_assessment" and entry.act == "assess_family":
                # Only an authority of the state where the relative lives assesses the family.
                figure.state = entry.actor_state

    def _late(self, figure: DeadlineFigure, at: datetime) -> timedelta | None:
        """How late at that moment. While it stands still, the days do not count."""
        late = min(at, figure.stands_still_since or at) - figure.due
        return late if late > timedelta() or (figure.overdue_by is not None and late >= timedelta()) else None

    def _state(self, rule: Rule | None) -> str | None:
        if rule is None or rule.name == "family_assessment":
            return None
        origins = rule.side == "origin" or (rule.side == "child" and self._arrived)
        return self._origin if origins else self._host

    def figures(self) -> list[DeadlineFigure]:
        newest = self._newest
        for key, figure in self._running.items():
            assert newest is not None
            if key != APPEAL_WINDOW:
                figure.late = self._late(figure, newest)
            elif figure.due <= newest:
                figure.met_at = figure.due
        return self._all


def _rule(key: str) -> Rule | None:
    """The rule behind a key; ``None`` for a name that this version of the procedure does not know."""
    name = name_of(key)
    return RULES.get("visit" if name.startswith("visit_") else name)


def _role(rule: Rule | None, key: str) -> str | None:
    if rule is None:
        return None
    # An approval that an agreement asks beyond the two central authorities names its role in the key.
    return suffix(key) or rule.role if rule.name.startswith("approval_") else rule.role
