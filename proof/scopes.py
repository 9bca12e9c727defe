"""The scopes that are explored, and the agreements under which."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Final

from procedure.agreement import Agreement, BelowTheFloor, Breach
from procedure.canonical import canonical
from procedure.floor import read_profile
from proof.alphabet import AGREEMENTS, CLOSED, FAMILY, HOTEL, lists_of
from proof.exploring import Scope


def _labels(text: str) -> tuple[str, ...]:
    return tuple(label.strip() for label in text.split("|") if label.strip())


_REPRESENTED: Final = _labels("appoint_guardian | appoint_counsel")
_IDENTIFIED: Final = _labels("verify_identity | screen_protection")
_TRACED: Final = (*_REPRESENTED, *_labels("report_tracing | assess_family"))
_FOUND: Final = (*_TRACED, *_labels("hear_child | submit_assessment | determine_best_interests"))
_READY: Final = (
    *_FOUND,
    *_labels("give_consent | give_consent [the child] | adopt_reintegration_plan | assess_rights_impact"),
)
_FURTHER: Final = _labels("approve_return [court@host] | approve_return [guardianship_authority@origin]")
"""Approvals beyond the two of the states: said, and passed over where an agreement asks for none."""
_APPROVED: Final = (*_READY, *_labels("approve_return | approve_return [origin]"), *_FURTHER)
_DECIDED: Final = (*_APPROVED, "the time to appeal ends")
_PLANNED: Final = (*_DECIDED, *_labels("certify_fit_to_travel | plan_travel"))
_TRAVELLING: Final = (*_PLANNED, *_labels("approve_travel | the day of departure comes | depart"))
_ARRIVED: Final = (*_IDENTIFIED, *_TRAVELLING, "arrive")

TWELVE: Final = {"born": "2013-05-04"}
NINE: Final = {"born": "2016-05-04"}
NEARLY_TWELVE: Final = {"born": "2014-02-10"}
NEARLY_EIGHTEEN: Final = {"born": "2008-03-20"}

FOUND: Final = Scope(
    name="found",
    about="from the day the child is found: places, detention, missing, guardian, counsel, screening, asylum",
    intakes=({}, {"placement": HOTEL}, {"placement": CLOSED}),
    follows=_labels(
        "screen_protection | screen_protection [asylum] | place_child | place_child [hotel] | "
        "place_child [the last kind on the list] | place_child [a kind off the list] | report_detention | "
        "confirm_release | report_missing | report_found | report_found [in a closed place] | appoint_guardian | "
        "appoint_counsel | resolve_asylum_claim [refused] | resolve_asylum_claim [granted] | "
        "the emergency placement has lasted too long"
    ),
)
FAMILY_FOUND: Final = Scope(
    name="found with the family",
    about="a child with its family: places, danger in the family, appeals against the placement, detention",
    intakes=({"situation": "with_family", "placement": FAMILY},),
    before=_REPRESENTED,
    follows=_labels(
        "screen_protection | screen_protection [violence] | place_child | place_child [family] | assess_family | "
        "assess_family [unsafe] | appeal [placement] | decide_appeal [upheld] | decide_appeal [dismissed] | "
        "report_detention | confirm_release | close_case [withdrawn]"
    ),
)
PANEL: Final = Scope(
    name="panel",
    about="tracing, family, guarantee, hearings, assessments, all four solutions, new rounds, stay, third country",
    before=_REPRESENTED,
    follows=_labels(
        "report_tracing | report_tracing [another relative] | report_tracing [nobody found] | assess_family | "
        "assess_family [unsafe] | guarantee_care | hear_child | hear_child [wishes to stay] | submit_assessment | "
        "determine_best_interests | determine_best_interests [stay] | determine_best_interests [third country] | "
        "determine_best_interests [postpone] | the day of the review comes | reopen_best_interests | grant_stay | "
        "arrange_third_country"
    ),
)
APPEALS: Final = Scope(
    name="decision, appeals and objections",
    about="consents, objections, plan, rights impact, approvals, appeals, their time, refusals to return, new rounds",
    before=_FOUND,
    follows=_labels(
        "give_consent | give_consent [the child] | give_consent [the child, no] | withdraw_consent | hear_child | "
        "submit_assessment | determine_best_interests | adopt_reintegration_plan | assess_rights_impact | "
        "assess_rights_impact [unsafe] | approve_return | approve_return [origin] | decline_return | appeal [return] | "
        "decide_appeal [dismissed] | decide_appeal [upheld] | the time to appeal ends"
    ),
)
HOLDS: Final = Scope(
    name="decision, holds",
    about="approvals under detention, asylum, a suspension, a child who is missing, another guardian",
    before=_READY,
    follows=(
        *_FURTHER,
        *_labels(
            "approve_return | approve_return [origin] | give_consent | give_consent [the child] | report_detention | "
            "confirm_release | report_missing | report_found | lodge_asylum_claim | resolve_asylum_claim [refused] | "
            "suspend | resume | replace_guardian"
        ),
    ),
)
TRAVEL: Final = Scope(
    name="travel",
    about="plans, certificates, approvals, departure, incidents, arrival, good and bad, and what turns out on the way",
    # Identified, so that the stage comes to the journey and a plan of it is owed by a day.
    before=(*_IDENTIFIED, *_DECIDED),
    follows=_labels(
        "certify_fit_to_travel | certify_fit_to_travel [unfit] | plan_travel | plan_travel [to child protection] | "
        "approve_travel | depart | report_incident | report_incident [in a closed place] | confirm_release | "
        "arrive | arrive [at the police] | appeal [travel] | decide_appeal [upheld] | decide_appeal [dismissed] | "
        "assess_rights_impact [unsafe] | assess_family [unsafe] | the day of departure comes | the certificate ends"
    ),
)
ANEW: Final = Scope(
    name="travel, and all anew",
    about="what voids an approval on the way: detention, asylum, objections, incidents, and what is then given anew",
    # The family is looked at again: where the time to appeal is long, what was found before it is too old for a journey.
    before=(*_DECIDED, *_labels("assess_family | certify_fit_to_travel | plan_travel")),
    follows=(
        *_FURTHER,
        *_labels(
            "approve_travel | depart | report_incident | report_incident [the child objects] | report_detention | "
            "confirm_release | lodge_asylum_claim | resolve_asylum_claim [refused] | give_consent | "
            "give_consent [the child] | give_consent [the child, no] | approve_return | approve_return [origin] | "
            "plan_travel | plan_travel [the last escort on the list] | plan_travel [to the last place on the list] | "
            "plan_travel [to a place off the list] | arrive"
        ),
    ),
)
AFTER: Final = Scope(
    name="after arrival",
    about="visits, safe and unsafe, detention and release there, new rounds, other endings, closing",
    before=_ARRIVED,
    follows=_labels(
        "record_visit | record_visit [unsafe] | record_visit [in a closed place] | confirm_release | place_child | "
        "report_missing | report_found | hear_child | submit_assessment | determine_best_interests | "
        "determine_best_interests [stay] | grant_stay | appeal [return] | decide_appeal [dismissed] | "
        "decide_appeal [upheld] | close_case [returned] | close_case [stays]"
    ),
)
AGE: Final = Scope(
    name="growing up",
    about="the age of consent and the eighteenth birthday in the middle, ages told and assessed, appeals against them",
    intakes=(NEARLY_EIGHTEEN, {"born": None}),
    before=_FOUND,
    follows=_labels(
        "verify_identity [a passport of an adult] | verify_identity | assess_age [child] | assess_age [adult] | "
        "appeal [age] | decide_appeal [upheld] | decide_appeal [dismissed] | the time to appeal ends | "
        "the eighteenth birthday | a second before the eighteenth birthday | transfer_to_adult_services | "
        "close_case [adult] | close_case [transferred] | give_consent | give_consent [the child]"
    ),
)
OF_CONSENT: Final = Scope(
    name="old enough to be asked",
    about="a child who becomes old enough to be asked while approvals and the journey are prepared",
    intakes=(NEARLY_TWELVE,),
    before=(*_FOUND, *_labels("adopt_reintegration_plan | assess_rights_impact | certify_fit_to_travel")),
    follows=_labels(
        "give_consent | give_consent [the child] | give_consent [the child, no] | hear_child | "
        "hear_child [wishes to stay] | approve_return | approve_return [origin] | "
        "the child is old enough to be asked | "
        "the time to appeal ends | plan_travel | approve_travel | depart | arrive"
    ),
)
SHELF_LIVES: Final = Scope(
    name="shelf lives",
    about="evidence that grows old before, at and after each of its moments, and is renewed, up to the approvals",
    before=_READY,
    steps=7,
    follows=_labels(
        "approve_return | approve_return [origin] | give_consent | give_consent [the child] | assess_rights_impact | "
        "assess_family | the next evidence grows too old | a second before the next evidence grows too old | "
        "the time to appeal ends | a second before the time to appeal ends"
    ),
)
SHELF_LIVES_ON_THE_WAY: Final = Scope(
    name="shelf lives, on the way",
    about="the same from the plan to the departure, and the certificate that ends",
    before=_PLANNED,
    steps=7,
    follows=_labels(
        "give_consent | give_consent [the child] | assess_rights_impact | assess_family | "
        "the next evidence grows too old | a second before the next evidence grows too old | certify_fit_to_travel | "
        "the certificate ends | a second before the certificate ends | approve_travel | depart"
    ),
)
OFFICES: Final = Scope(
    name="offices",
    about="deadlines extended, complaints, assigned caseworkers, suspensions, with every deadline kept in the state",
    deadlines=True,
    steps=6,
    follows=_labels(
        "extend_deadline | extend_deadline [to the limit] | complain | answer_complaint | assign | suspend | resume | "
        "appoint_guardian | confirm_services | a day passes | thirty days pass"
    ),
)
APPROVALS: Final = Scope(
    name="approvals and what they rest on",
    about="the approvals, the evidence renewed between them, the time to appeal, the plan, under an agreement's numbers",
    before=_READY,
    follows=(
        *_labels("approve_return | approve_return [origin]"),
        *_FURTHER,
        *_labels(
            "the time to appeal ends | certify_fit_to_travel | plan_travel | assess_rights_impact | assess_family | "
            "give_consent | give_consent [the child]"
        ),
    ),
)
TO_THE_VISITS: Final = Scope(
    name="from the approvals to the visits",
    about="the whole way from the approvals to the last visit, under the numbers of an agreement",
    before=_READY,
    follows=(
        *_labels("approve_return | approve_return [origin]"),
        *_FURTHER,
        *_labels(
            "the time to appeal ends | certify_fit_to_travel | plan_travel | approve_travel | "
            "the day of departure comes | depart | arrive | record_visit | assess_family"
        ),
    ),
)
EDGES: Final = (FOUND, FAMILY_FOUND, HOLDS, ANEW, OFFICES, APPROVALS, TO_THE_VISITS)
"""What is followed under each generated agreement as well: where a child is detained, released, or waits too long in
an emergency placement; where deadlines are extended and told; and the way from the approvals on."""

TO_A_FIXED_POINT: Final = (
    FOUND,
    FAMILY_FOUND,
    PANEL,
    APPEALS,
    HOLDS,
    TRAVEL,
    ANEW,
    AFTER,
    AGE,
    OF_CONSENT,
    SHELF_LIVES,
    SHELF_LIVES_ON_THE_WAY,
    OFFICES,
    APPROVALS,
    TO_THE_VISITS,
)


def _points() -> Iterator[Scope]:
    """Every act in every order, a few steps from points of an ordinary course."""
    points = {
        "the opening": (),
        "represented": _REPRESENTED,
        "traced": _TRACED,
        "found": _FOUND,
        "ready to approve": _READY,
        "approved": _APPROVED,
        "planned": _PLANNED,
        "on the way": _TRAVELLING,
        "arrived": _ARRIVED,
        "stay found": (
            *_REPRESENTED,
            *_labels("hear_child [wishes to stay] | submit_assessment | determine_best_interests [stay]"),
        ),
    }
    for name, before in points.items():
        yield Scope(name=f"everything from: {name}", about="all acts and waits", before=before, steps=2, appeals=2)


EVERYTHING: Final = tuple(_points())


# Agreements


def shipped() -> tuple[dict[str, Agreement], dict[str, list[Breach]]]:
    """The agreements that are shipped, and those that the floor refuses, with every breach."""
    model = read_profile((AGREEMENTS / "model" / "profile.toml").read_text("utf-8"), None)
    stands, refused = {"model": model}, dict[str, list[Breach]]()
    for path in sorted(AGREEMENTS.glob("*/profile.toml")):
        if path.parent.name == "model":
            continue
        try:
            stands[path.parent.name] = read_profile(path.read_text("utf-8"), model)
        except BelowTheFloor as below:
            refused[path.parent.name] = below.breaches
    return stands, refused


EDGE_OF: Final[dict[str, tuple[str, str]]] = {
    "consent_age": ("consent_age = 0", "consent_age = 12"),
    "extension": ("extension_limit_days = 0", "extension_limit_days = 60"),
    "appeal_window": ("deadlines.appeal_window.days = 7", "deadlines.appeal_window.days = 364"),
    "release": ("deadlines.release.hours = 1", "deadlines.release.hours = 24"),
    "emergency": ("deadlines.emergency_placement.hours = 1", "deadlines.emergency_placement.days = 30"),
    "shelf lives": (
        "\n".join(f"shelf_lives.{name} = 8" for name in ("determination", "consent", "rights_impact")),
        "\n".join(f"shelf_lives.{name} = 365" for name in ("determination", "consent", "rights_impact")),
    ),
    "care": (
        "shelf_lives.family_assessment = 8\nshelf_lives.care_guarantee = 1",
        "shelf_lives.family_assessment = 365\nshelf_lives.care_guarantee = 365",
    ),
    "visits": ("visits.after_days = [1, 2, 180]", "visits.after_days = [180, 181, 182, 183]"),
    "approvals": (
        'approvals.required = ["central_authority@host", "central_authority@origin"]',
        'approvals.required = ["central_authority@host", "central_authority@origin", "court@host", '
        '"guardianship_authority@origin"]',
    ),
    "escort": (
        'escort.employers = ["health"]',
        'escort.employers = ["ngo", "child_protection", "social_service", "health"]',
    ),
    "escalation": ("escalation.after_days = [0, 0]", "escalation.after_days = [30, 30]"),
}
"""The two edges of each clause that the floor bounds and a safeguard or a deadline reads: as tight, and as loose, as
the loader lets a profile be. A shelf life of one day with an appeal window of seven would leave no way to a return
but by renewing all; eight days are just enough for one. The floor lets a time to appeal be 365 days as well; no
evidence is that fresh, so that no return could come about. `family` makes that profile too, the thirteenth."""

_PLACKETT_BURMAN: Final = "11011100010"
"""The generating row of the design of twelve runs: each pair of clauses meets at all four pairs of edges."""

BEYOND: Final[dict[str, str]] = {
    "consent_age": "consent_age = 13",
    "extension_limit_days": "extension_limit_days = 61",
    "deadlines.appeal_window": "deadlines.appeal_window.days = 6",
    "deadlines.release": "deadlines.release.hours = 25",
    "deadlines.emergency_placement": "deadlines.emergency_placement.days = 31",
    "shelf_lives.consent": "shelf_lives.consent = 366",
    "visits.after_days": "visits.after_days = [1, 2, 179]",
    "approvals.required": 'approvals.required = ["central_authority@host"]',
    "escort.employers": 'escort.employers = ["police"]',
    "escalation.after_days": "escalation.after_days = [30, 31]",
    "placement.detention": "placement.detention = true",
    "silence.outcome": 'silence.outcome = "approve"',
    "deadlines.missing": "deadlines.missing.hours = 25",
}
"""One step beyond each edge: each of these must be refused, by its own clause."""


def design() -> list[tuple[int, ...]]:
    """Twelve rows of eleven edges (0 tight, 1 loose), in which every pair of columns shows every pair of edges."""
    row = [int(bit) for bit in _PLACKETT_BURMAN]
    rows = [tuple(row[-shift:] + row[:-shift]) for shift in range(len(row))]
    return [*rows, (0,) * len(row)]


def profile_text(name: str, *clauses: str) -> str:
    head = f'id = "{name}"\ntitle = "A generated profile"\nversion = "1"\nstates = "any"\nside = "both"'
    return "\n".join([head, "in_force_from = 2021-01-01", *clauses])


def family(model: Agreement) -> dict[str, Agreement]:
    """The generated profiles, each read by the real loader. Raises BelowTheFloor should the loader refuse one."""
    made: dict[str, Agreement] = {}
    for n, row in enumerate(design(), start=1):
        name = f"edges-{n:02d}"
        clauses = [edges[edge] for edges, edge in zip(EDGE_OF.values(), row, strict=True)]
        made[name] = read_profile(profile_text(name, *clauses), model)
    made["edges-13"] = read_profile(profile_text("edges-13", "deadlines.appeal_window.days = 365"), model)
    return made


def at_an_edge(generated: Mapping[str, Agreement]) -> list[tuple[Scope, Agreement]]:
    """What is followed besides :data:`EDGES`, under the generated profiles at the edge that it is about.

    A child who is asked at every age; the other edge of that clause is the model's own.
    """
    twelve = [terms for terms in generated.values() if terms.id != "edges-13"]
    return [(OF_CONSENT, twelve[-1])]


# One exploration for agreements that differ in nothing that it reads

NEVER_READ: Final[dict[str, str]] = {
    "id": "a name: written into entry 1, and by it the lists of the profile are found, which are compared themselves",
    "title": "a name",
    "version": "a name, written into entry 1",
    "side": "asked when somebody chooses an agreement, and never of a case",
    "in_force_from": "likewise",
    "in_force_until": "likewise",
    "languages": "those of the agreement's own text; a child is heard in a language of the child's",
    "retention": "asked when a record is erased, and no exploration goes so far",
}
"""Each clause by which two agreements may differ and be explored as one, and why. A test watches what is read."""


def read_of(terms: Agreement) -> Hashable:
    """All that an exploration reads of an agreement: every clause but :data:`NEVER_READ`, and its profile's lists."""
    clauses = {name: said for name, said in terms.terms().items() if name not in NEVER_READ}
    return canonical(clauses), lists_of(terms)


def each_once(agreements: Iterable[Agreement]) -> list[tuple[Agreement, tuple[str, ...]]]:
    """Agreements that differ in what is read, each with the ids of the later ones that are the same in it."""
    alike: dict[Hashable, tuple[Agreement, tuple[str, ...]]] = {}
    for terms in agreements:
        first, others = alike.get(read_of(terms), (terms, None))
        alike[read_of(terms)] = (first, () if others is None else (*others, terms.id))
    return list(alike.values())


def refused_beyond(model: Agreement) -> dict[str, list[str]]:
    """For each step beyond an edge, the clauses by which the loader refused it; none where it let it pass."""
    found: dict[str, list[str]] = {}
    for clause, text in BEYOND.items():
        try:
            read_profile(profile_text("beyond", text), model)
            found[clause] = []
        except BelowTheFloor as below:
            found[clause] = [breach.clause for breach in below.breaches]
    return found
