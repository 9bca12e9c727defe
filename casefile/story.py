"""Entries as sentences that a layperson reads, from typed data, in every language of the house.

A sentence tells what the header knows, and after it what the body adds. An entry whose body a reader may not
see is told from its header alone: less is said, and nothing is made up. What people wrote in their own words
(reasons, views, findings) is no part of a sentence.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, cast

from casefile.languages import N_, Language, capitalised, language
from casefile.terms import WORDS_OF
from procedure.deadlines import name_of
from procedure.entries import Entry, read_moment
from procedure.vocabulary import SafeguardName

ENGLISH: Final = language("en")


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalTold:
    """Why an act was refused. ``message``, ``source`` and ``instead`` are quoted as the record holds them, in English.

    They are None where the body is withheld; ``label`` and ``demand`` are in the reader's language.
    """

    safeguard: SafeguardName
    label: str
    demand: str
    message: str | None
    source: str | None
    instead: str | None


def sentence(entry: Entry, language: Language = ENGLISH) -> str:
    """An entry in one to a few short sentences. Whatever is personal in them comes from the body."""
    told = _Told(entry, language)
    return " ".join((_HAPPENED[entry.kind](told), *_details(told)))


def consequences(entry: Entry, language: Language = ENGLISH, *, deadlines: bool = True) -> list[str]:
    """What else became of the case by an entry, a sentence each: what lost its force, a new round, deadlines.

    ``deadlines`` set to False leaves out which deadlines were set, met, dropped, moved, or stand still.
    """
    told = _Told(entry, language)
    return [*_turns(told), *(_deadlines(told) if deadlines else ())]


def refusals(entry: Entry, language: Language = ENGLISH) -> list[RefusalTold]:
    """Every reason for which an act was refused, in the order of the record; none for any other entry."""
    if entry.kind != "refused":
        return []
    recorded: list[Mapping[str, Any]] = entry.body.get("refusals") or [{"safeguard": name} for name in entry.safeguards]
    return [
        RefusalTold(
            safeguard=each["safeguard"],
            label=language.term("safeguard", each["safeguard"]),
            demand=language.demand(each["safeguard"]),
            message=each.get("message"),
            source=each.get("source"),
            instead=each.get("instead"),
        )
        for each in recorded
    ]


def place(placement: Mapping[str, Any], language: Language = ENGLISH) -> str:
    """A placement in a sentence: its name in quotes, its kind, and who runs it."""
    return language.gettext("“{name}” ({kind}, run by: {run_by})").format(
        name=placement["name"],
        kind=language.term("placement", placement["kind"]),
        run_by=language.term("run_by", placement["run_by"]),
    )


# What the header tells


@dataclass(frozen=True, slots=True)
class _Told:
    """An entry that is being told."""

    entry: Entry
    language: Language

    @property
    def facts(self) -> dict[str, Any]:
        return self.entry.facts

    @property
    def act(self) -> dict[str, Any]:
        """The act as it was given; empty where the body is withheld."""
        return self.entry.body.get("act") or {}

    @property
    def who(self) -> str:
        return self.language.actor(self.entry.actor_role, self.entry.actor_state)

    def say(self, message: str, **values: object) -> str:
        """A message in the reader's language. ``{who}`` in it is who acted, at the beginning of a sentence."""
        return self.language.filled(self.language.gettext(message), **{"who": capitalised(self.who), **values})

    def word(self, field: str) -> str:
        """The word for a result that stands in the header."""
        act = self.entry.act or ""
        return self.language.result(act, field, self.facts[field])

    def because(self) -> str:
        return "; ".join(self.language.clause(each) for each in self.facts["because"])

    def day(self, moment: str) -> str:
        return self.language.date(read_moment(moment))


_Say = Callable[[_Told], str]


def _accepted(told: _Told) -> str:
    act = told.entry.act or ""
    if say := _DONE.get(act):
        return say(told)
    return told.say(N_("{who} recorded: {act}."), act=told.language.term("act", act))


def _refused(told: _Told) -> str:
    act, language = told.entry.act, told.language
    if act is None:
        said = told.say(N_("Refused: something that is no act of the procedure, sent by {who}."), who=told.who)
    else:
        said = told.say(N_("Refused: {act}, asked for by {who}."), who=told.who, act=language.term("act", act))
    whys: dict[str, list[str]] = {}
    for refusal in refusals(told.entry, language):
        # The law gives its reasons in English. Other languages tell what the safeguard demands, which is translated.
        why = refusal.message if language.code == "en" and refusal.message else refusal.demand
        whys.setdefault(refusal.label, []).append(_ended(why))
    return " ".join((said, *(f"{label}: {' '.join(dict.fromkeys(why))}" for label, why in whys.items())))


def _ended(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _overdue(told: _Told) -> str:
    return told.say(
        N_("A deadline passed: {deadline}. It was due by {due}. Nothing was decided by that."),
        deadline=told.language.deadline(told.facts["key"]),
        due=_due(told, told.facts["key"], told.facts["due"]),
    )


def _escalated(told: _Told) -> str:
    first = told.facts["level"] == 1
    if "key" in told.facts:
        return told.say(
            N_("Still owed: {deadline}. The central authority was told.")
            if first
            else N_("Still owed: {deadline}. The ombudsperson was told."),
            deadline=told.language.deadline(told.facts["key"]),
        )
    return told.say(
        N_("The child was not handed over into care. The central authority was told.")
        if first
        else N_("The child was not handed over into care. The ombudsperson was told.")
    )


def _heard(told: _Told) -> str:
    if told.facts["counts"]:
        return told.say(N_("{who} heard the child."))
    return told.say(N_("{who} heard the child. This hearing does not count: {because}."), because=told.because())


def _certified(told: _Told) -> str:
    if not told.act:
        return told.say(N_("{who} examined whether the child is fit to travel."))
    if not told.act["fit"]:
        return told.say(N_("{who} found the child not fit to travel."))
    valid = told.language.date(date.fromisoformat(told.act["valid_until"]))
    return told.say(N_("{who} certified the child fit to travel. The certificate is valid until {date}."), date=valid)


def _plainly(message: str, *fields: str) -> _Say:
    """Says a message, its places filled with the words for these fields of the header."""
    return lambda told: told.say(message, **{field: told.word(field) for field in fields})


def _safety(told: _Told) -> str:
    return told.language.term("safety", "yes" if told.facts["safe"] else "no")


_HAPPENED: Final[dict[str, _Say]] = {
    "opened": _plainly(N_("{who} opened the case.")),
    "accepted": _accepted,
    "refused": _refused,
    "overdue": _overdue,
    "escalated": _escalated,
    "hold": lambda told: told.say(
        N_("The return is on hold: {hold}."), hold=told.language.term("hold", told.facts["hold"])
    ),
    "hold_lifted": lambda told: told.say(
        N_("A hold on the return has ended: {hold}."), hold=told.language.term("hold", told.facts["hold"])
    ),
    "detention": lambda told: told.say(
        N_("As far as is known, the child is in detention: {because}."), because=told.because()
    ),
    "turned_18": _plainly(N_("The child turned eighteen.")),
    "stage": lambda told: told.say(
        N_("The case moved from the stage “{was}” to the stage “{stage}”."),
        stage=told.language.term("stage", told.facts["stage"]),
        was=told.language.term("stage", told.facts["was"]),
    ),
    "closed": lambda told: told.say(
        N_("The case was closed: {outcome}."), outcome=told.language.term("outcome", told.facts["outcome"])
    ),
    "erased": _plainly(N_("The personal content of this case was erased.")),
}
"""By kind of entry."""

_DONE: Final[dict[str, _Say]] = {
    "verify_identity": _plainly(N_("{who} looked into the child's identity: {result}."), "result"),
    "assess_age": _plainly(N_("{who} assessed the age: {result}."), "result"),
    "screen_protection": _plainly(N_("{who} checked what protection the child needs.")),
    "place_child": _plainly(N_("{who} placed the child.")),
    "confirm_services": _plainly(N_("{who} reported on school and healthcare.")),
    "report_detention": _plainly(N_("{who} reported that the child is detained.")),
    "confirm_release": _plainly(N_("{who} reported where the child is after the detention.")),
    "report_missing": _plainly(N_("{who} reported the child missing.")),
    "report_found": _plainly(N_("{who} reported that the child was found.")),
    "appoint_guardian": _plainly(N_("{who} appointed a guardian.")),
    "replace_guardian": _plainly(N_("{who} replaced the guardian by another.")),
    "appoint_counsel": _plainly(N_("{who} appointed a legal counsel.")),
    "open_tracing": _plainly(N_("{who} began the search for the family through {via}."), "via"),
    "report_tracing": _plainly(N_("{who} reported on the search for the family: {result}."), "result"),
    "assess_family": _plainly(N_("{who} assessed a relative.")),
    "guarantee_care": _plainly(N_("{who} guaranteed that the child will be cared for by {by}."), "by"),
    "hear_child": _heard,
    "submit_assessment": _plainly(N_("{who} submitted the best-interests assessment.")),
    "determine_best_interests": _plainly(N_("{who} determined what is best for the child: {solution}."), "solution"),
    "reopen_best_interests": _plainly(
        N_("{who} reopened the question of what is best for the child, because of new facts.")
    ),
    "appeal": _plainly(N_("{who} lodged an appeal against {against}."), "against"),
    "decide_appeal": lambda told: told.say(
        N_("{who} ruled on the appeal of entry {number} against {against}: {result}."),
        number=told.facts["appeal"],
        result=told.word("result"),
        against=told.word("against"),
    ),
    "give_consent": lambda told: told.say(
        N_("{who} consented to the return.") if told.facts["given"] else N_("{who} did not consent to the return.")
    ),
    "withdraw_consent": _plainly(N_("{who} withdrew the consent to the return.")),
    "adopt_reintegration_plan": _plainly(N_("{who} adopted the reintegration plan.")),
    "assess_rights_impact": lambda told: told.say(
        N_("{who} assessed what a return would mean for the child's rights: {safety}."), safety=_safety(told)
    ),
    "approve_return": _plainly(N_("{who} approved the return.")),
    "decline_return": _plainly(N_("{who} declined the return.")),
    "certify_fit_to_travel": _certified,
    "plan_travel": _plainly(N_("{who} made a travel plan.")),
    "approve_travel": _plainly(N_("{who} approved the travel plan.")),
    "depart": _plainly(N_("{who} departed with the child.")),
    "report_incident": _plainly(N_("{who} reported an incident on the journey: {what}."), "what"),
    "arrive": _plainly(N_("{who} reported the arrival. The child was handed over to {handed_to}."), "handed_to"),
    "record_visit": lambda told: told.say(
        N_("{who} made monitoring visit {number}. The child there: {safety}."),
        number=told.facts["visit"],
        safety=_safety(told),
    ),
    "grant_stay": _plainly(N_("{who} granted the child a stay: {status}."), "status"),
    "arrange_third_country": _plainly(N_("{who} arranged care in a third country.")),
    "transfer_to_adult_services": _plainly(N_("{who} transferred the young person to adult services.")),
    "close_case": _plainly(N_("{who} closed the case: {outcome}."), "outcome"),
    "lodge_asylum_claim": _plainly(N_("{who} lodged a claim for asylum.")),
    "resolve_asylum_claim": _plainly(N_("{who} decided on the claim for asylum: {result}."), "result"),
    "suspend": _plainly(N_("{who} suspended the return. Ground: {ground}."), "ground"),
    "resume": _plainly(N_("{who} ended a suspension of the return. Its ground was: {ground}."), "ground"),
    "complain": _plainly(N_("{who} lodged a complaint.")),
    "answer_complaint": lambda told: told.say(
        N_("{who} answered the complaint of entry {number}: {result}."),
        number=told.facts["complaint"],
        result=told.word("result"),
    ),
    "assign": _plainly(N_("{who} assigned a caseworker to the case.")),
    "extend_deadline": lambda told: told.say(
        N_("{who} extended a deadline by {days}: {deadline}."),
        days=told.language.days(told.facts["days"]),
        deadline=told.language.deadline(told.facts["deadline"]),
    ),
    "correct": lambda told: told.say(
        N_("{who} corrected entry {number} ({act})."),
        number=told.facts["corrects"],
        act=told.language.term("act", told.facts["of"]),
    ),
    "note": _plainly(N_("{who} made a note.")),
}
"""By act, of those accepted."""


# What the body adds


def _details(told: _Told) -> Iterator[str]:
    if told.entry.kind == "opened" and (intake := told.entry.body.get("intake")):
        yield told.say(
            N_("The child was found on {date}."), date=told.language.date(date.fromisoformat(intake["found"]["on"]))
        )
        yield _at(told, intake["placement"])
    elif told.entry.kind == "accepted" and told.act:
        yield from _ADDED.get(told.act["act"], _where)(told)


def _at(told: _Told, placement: Mapping[str, Any]) -> str:
    return told.say(N_("Place: {place}."), place=place(placement, told.language))


def _where(told: _Told) -> Iterator[str]:
    if told.act.get("since"):
        yield told.say(N_("Since: {since}."), since=told.language.moment(read_moment(told.act["since"])))
    if told.act.get("placement"):
        yield _at(told, told.act["placement"])


def _protection(told: _Told) -> Iterator[str]:
    found = [told.language.term("concern", each) for each in ("trafficking", "violence", "asylum") if told.act[each]]
    if found:
        yield told.say(N_("Seen: {found}."), found=told.language.listed(found))
    else:
        yield told.say(N_("No sign of trafficking or violence and no need for asylum was seen."))


def _services(told: _Told) -> Iterator[str]:
    yield told.say(
        N_("School: {education}. Healthcare: {healthcare}."),
        education=told.language.answer(told.act["education"]),
        healthcare=told.language.answer(told.act["healthcare"]),
    )


def _guardian(told: _Told) -> Iterator[str]:
    guardian = told.act["guardian"]
    yield told.say(
        N_("Guardian: {guardian} ({kind})."),
        guardian=guardian["id"],
        kind=told.language.term("guardian", guardian["kind"]),
    )


def _counsel(told: _Told) -> Iterator[str]:
    yield told.say(
        N_("Legal counsel: {counsel}. Free of charge: {free}."),
        counsel=told.act["counsel"]["id"],
        free=told.language.answer(told.act["free_of_charge"]),
    )


def _relatives(told: _Told) -> Iterator[str]:
    if count := len(told.act.get("relatives", ())):
        said = told.language.ngettext("{number} relative is named.", "{number} relatives are named.", count)
        yield told.language.filled(said, number=count)


def _family(told: _Told) -> Iterator[str]:
    yield told.say(
        N_("Relative: {relative}. Willing to care for the child: {willing}. Able to: {able}. Safe: {safe}."),
        relative=told.act["relative_id"],
        **{name: told.language.answer(told.act[name]) for name in ("willing", "able", "safe")},
    )


def _wish(told: _Told) -> Iterator[str]:
    yield told.say(N_("The child's wish: {wish}."), wish=told.language.term("wish", told.act["wish"]))


def _recommendation(told: _Told) -> Iterator[str]:
    yield told.say(
        N_("It recommends: {solution}."), solution=told.language.term("solution", told.act["recommendation"])
    )


def _review(told: _Told) -> Iterator[str]:
    if told.act.get("review_on"):
        day = told.language.date(date.fromisoformat(told.act["review_on"]))
        yield told.say(N_("It is to be reviewed on {date}."), date=day)


def _until(told: _Told) -> Iterator[str]:
    if told.act.get("until"):
        yield told.say(N_("Until: {date}."), date=told.language.date(date.fromisoformat(told.act["until"])))


def _journey(told: _Told) -> Iterator[str]:
    legs, escort, language = told.act["legs"], told.act["escort"], told.language
    said = language.ngettext("The journey has {number} leg.", "The journey has {number} legs.", len(legs))
    yield language.filled(said, number=len(legs))
    yield told.say(
        N_("Departure: {departs}. Arrival: {arrives}."),
        departs=language.moment(read_moment(legs[0]["departs"])),
        arrives=language.moment(read_moment(legs[-1]["arrives"])),
    )
    yield told.say(
        N_("Escort: {escort} ({employer}). Hand-over to {to}."),
        escort=escort["id"],
        employer=language.term("run_by", escort["employer"]),
        to=language.term("handed_to", told.act["handover"]["to"]),
    )


def _visit(told: _Told) -> Iterator[str]:
    names = ("seen_alone", "in_school", "with_family")
    yield told.say(
        N_("Child seen alone: {seen_alone}. In school: {in_school}. With the family: {with_family}."),
        **{name: told.language.answer(told.act[name]) for name in names},
    )
    yield from _where(told)


def _third_country(told: _Told) -> Iterator[str]:
    yield told.say(N_("State: {state}."), state=told.language.state(told.act["state"]))
    yield from _where(told)


def _caseworker(told: _Told) -> Iterator[str]:
    yield told.say(N_("Caseworker: {caseworker}."), caseworker=told.act["caseworker"]["id"])


def _mended(told: _Told) -> Iterator[str]:
    fields = [_field(told, path, value) for path, value in told.act["fields"].items()]
    yield told.say(N_("Corrected: {fields}."), fields="; ".join(fields))


_ADDED: Final[dict[str, Callable[[_Told], Iterator[str]]]] = {
    "screen_protection": _protection,
    "confirm_services": _services,
    "appoint_guardian": _guardian,
    "replace_guardian": _guardian,
    "appoint_counsel": _counsel,
    "report_tracing": _relatives,
    "assess_family": _family,
    "hear_child": _wish,
    "submit_assessment": _recommendation,
    "determine_best_interests": _review,
    "plan_travel": _journey,
    "record_visit": _visit,
    "grant_stay": _until,
    "arrange_third_country": _third_country,
    "suspend": _until,
    "resume": _until,
    "assign": _caseworker,
    "correct": _mended,
}
"""By act; the others may name a place and since when."""


# Corrected fields

_NAMES: Final = frozenset({"child.given_names", "child.family_name", "placement.name"})
_STATES: Final = frozenset({"nationalities", "child.nationalities"})
_LANGUAGES: Final = frozenset({"language", "child.languages"})
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def _field(told: _Told, path: str, value: Any) -> str:
    """A field that was corrected, and what it says now, unless that is somebody's own words."""
    label = told.language.field(path) or _quoted(told, path)
    shown = _value(told, path, value)
    return label if shown is None else f"{label}: {shown}"


def _quoted(told: _Told, text: str) -> str:
    return told.say(N_("“{text}”"), text=text)


def _value(told: _Told, path: str, value: Any) -> str | None:
    language = told.language
    kind = WORDS_OF.get(f"{told.facts['of']}.{path}", _PLACEMENT.get(path))
    if value is None or isinstance(value, bool):
        return language.answer(value)
    if isinstance(value, int):
        return language.number(value)
    if path == "placement":
        return place(value, language)
    texts = _texts(value)
    if kind:
        return language.listed([language.term(kind, text) for text in texts])
    if path in _STATES:
        return language.listed([language.state(text) for text in texts])
    if path in _LANGUAGES:
        return language.listed([language.language(text) for text in texts])
    if path in _NAMES:
        return _quoted(told, value)
    if path == "since":
        return language.moment(read_moment(value.upper()))  # a correction is kept as it was written, t and z included
    if isinstance(value, str) and _DAY.fullmatch(value):
        return language.date(date.fromisoformat(value))
    return None


_PLACEMENT: Final = {"placement.kind": "placement", "placement.run_by": "run_by"}


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(each) for each in cast("Iterable[Any]", value)]


# What became of the case


def _turns(told: _Told) -> Iterator[str]:
    facts, language = told.facts, told.language
    if told.entry.act == "correct" and "counts" in facts:
        if facts["counts"]:
            yield told.say(N_("As corrected, the hearing counts."))
        else:
            yield told.say(N_("As corrected, the hearing does not count: {because}."), because=told.because())
    if voids := facts.get("voids"):
        # The numbers are listed, not counted: 21 of them are many in every language.
        said = (
            N_("By this, entry {entries} lost its force.")
            if len(voids) == 1
            else N_("By this, entries {entries} lost their force.")
        )
        yield told.say(said, entries=language.listed([str(n) for n in voids]))
    if "round" in facts:
        yield told.say(N_("Round {round} of best interests begins."), round=facts["round"])
    if facts.get("rests_on_guarantee") and facts.get("solution") == "return":
        yield told.say(N_("It rests on the care guarantee of the authority."))
    if facts.get("lifts_objection"):
        yield told.say(N_("The child's objection no longer stands."))
    if facts.get("still_a_child"):
        yield told.say(N_("By the date of birth now on record the child is not yet eighteen."))
    if "appeal_window_ends" in facts:
        yield told.say(N_("An appeal can be lodged until {date}."), date=told.day(facts["appeal_window_ends"]))


_TO_THE_MINUTE: Final = frozenset({"release", "missing", "arrival"})
"""Deadlines that are counted in hours."""


def _due(told: _Told, key: str, due: str) -> str:
    moment = read_moment(due)
    return told.language.moment(moment) if name_of(key) in _TO_THE_MINUTE else told.language.date(moment)


def _deadlines(told: _Told) -> Iterator[str]:
    changes: dict[str, Any] = told.facts.get("deadlines") or {}
    still: Sequence[str] = changes.get("stand_still", ())
    if met := changes.get("met"):
        yield told.say(N_("Done: {deadlines}."), deadlines=_named(told, met))
    if dropped := changes.get("dropped"):
        yield told.say(N_("No longer owed: {deadlines}."), deadlines=_named(told, dropped))
    newly = {key: due for key, (due, _) in changes.get("set", {}).items() if key not in still}
    for day, keys in _by_day(told, newly):
        yield told.say(N_("Due by {date}: {deadlines}."), date=day, deadlines=_named(told, keys))
    for key, (due, days) in changes.get("extended", {}).items():
        yield told.say(
            N_("Extended by {days}, now due by {date}: {deadline}."),
            days=told.language.days(days),
            date=_due(told, key, due),
            deadline=told.language.deadline(key),
        )
    for day, keys in _by_day(told, changes.get("go_on", {})):
        yield told.say(N_("The time runs again, due by {date}: {deadlines}."), date=day, deadlines=_named(told, keys))
    if still:
        yield told.say(
            N_("The time stands still while the return is on hold: {deadlines}."), deadlines=_named(told, still)
        )


def _by_day(told: _Told, dues: Mapping[str, str]) -> list[tuple[str, list[str]]]:
    """Keys of deadlines by when they are due, the earliest first."""
    grouped: dict[str, list[str]] = {}
    for key, due in sorted(dues.items(), key=lambda each: read_moment(each[1])):
        grouped.setdefault(_due(told, key, due), []).append(key)
    return list(grouped.items())


def _named(told: _Told, keys: Iterable[str]) -> str:
    counted = Counter(told.language.deadline(key) for key in keys)
    return "; ".join(name if count == 1 else f"{name} (×{count})" for name, count in counted.items())
