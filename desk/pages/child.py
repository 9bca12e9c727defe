"""The child's page: what happens next, who stands by them, what they may refuse, how to complain. To print, and to talk over.

In words that a child of ten understands, in the child's language, with no personal data beyond the given name. Who is
guardian or counsel is written in by hand: a sheet that is lost must not tell who the child is. Every sentence is true
in the stage that it is shown in; what the law does not promise is not promised here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from casefile.languages import LANGUAGES, Language
from casefile.terms import N_
from desk.frame import Pages, page, seen
from desk.pages.reading import Reader, Record, opened
from desk.speaking import language as spoken
from procedure.case import Case
from procedure.entries import read_moment
from procedure.majority import own_consent_needed
from procedure.owed import awaiting

router = APIRouter()

PAGES: Final = Pages(router)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the page: a heading, sentences, and lines to write on."""

    name: str
    heading: str
    sentences: tuple[str, ...]
    to_write: tuple[str, ...] = ()


@router.get("/cases/{reference}/child")
async def child(request: Request, person: Reader, reference: str, language: str = "") -> Response:
    """The page, in the language that is asked for, else in the first of the child's that we speak."""
    if language and language not in LANGUAGES:
        raise HTTPException(404)
    record = (await opened(request, person, reference, part="child_page")).whole
    said = spoken(language or theirs(record.case) or seen(request).code)
    return page(
        request,
        "child.html.j2",
        reference=reference,
        said=said,
        heading=said.filled(said.gettext(N_("For you, {name}")), name=record.intake["child"]["given_names"]),
        parts=parts(record, said),
        understood=[code.partition("-")[0] for code in record.case.languages],
        others=[spoken(code) for code in LANGUAGES],
    )


def theirs(case: Case) -> str | None:
    """The first of the child's languages that this page is written in."""
    return next((plain for code in case.languages if (plain := code.partition("-")[0]) in LANGUAGES), None)


def parts(record: Record, said: Language) -> list[Part]:
    """What the page says to the child of a case as it stands now."""
    made = (_now, _next, _guardian, _counsel, _locked, _no, _complain, _questions)
    return [part for make in made for part in [make(record, said)] if part is not None]


def _part(name: str, said: Language, heading: str, *sentences: str, to_write: tuple[str, ...] = ()) -> Part:
    return Part(
        name,
        said.gettext(heading),
        tuple(said.gettext(sentence) for sentence in sentences),
        tuple(line and said.gettext(line) for line in to_write),
    )


# Where things stand


def _now(record: Record, said: Language) -> Part:
    case = record.case
    sentences = list(_standing(case))
    part = _part("now", said, N_("Where things stand"), *sentences)
    two = said.gettext(N_("People in two countries work on this with you: {host} and {origin}."))
    first = two.format(host=said.state(case.host_state), origin=said.state(case.origin_state))
    return Part(part.name, part.heading, (first, *part.sentences) if not case.closed else part.sentences)


def _standing(case: Case) -> Iterator[str]:
    """What a child may want to know first."""
    if case.closed or case.stage == "closed":
        yield ENDED.get(case.outcome or "", N_("Everything has been decided. Only papers are left to be done."))
        return
    if case.missing:
        yield N_("People are looking for you, because they worry about you. You are not in trouble.")
    if case.turned_18:
        yield N_("You are eighteen now. You can still get help, and you decide about your own life.")
    if case.asylum == "open":
        yield N_("You asked for protection. Until that is decided, nobody may send you back.")
    if case.asylum == "granted":
        yield N_("You have been given protection. Nobody may send you back.")
    if case.appeals:
        yield N_("Somebody asked a court to look at a decision again. The court's answer comes first.")
    if case.suspensions:
        yield N_("The journey is on hold for now. Until that is over, you will not travel.")
    yield AT_STAGE[case.stage]


AT_STAGE: Final[Mapping[str, str]] = {
    "identification": N_("First, people here want to know who you are and what you need. You need no papers for that."),
    "guardianship": N_("You get a guardian and a lawyer. They are there for you and for nobody else."),
    "family_tracing": N_("People look for your family, if you agree, and find out whether you would be safe with them."),
    "best_interests": N_("People who know about children will talk about what is best for you. They must listen to you first."),
    "decision": N_("The people who talked about what is best for you think that you could go back. It is not final yet."),
    "travel": N_("It has been decided that you go back. The journey is being prepared."),
    "reintegration": N_("You have arrived. Somebody will come several times to see how you are."),
    "other_solution": N_("The people who talked about what is best for you think that you should not go back. They now arrange where you will live."),
}  # fmt: skip

ENDED: Final[Mapping[str, str]] = {
    "returned": N_("You are back, and the last visit has been made. If something is not right, you can still tell somebody."),
    "stays": N_("It has been decided that you may stay in the country where you are."),
    "third_country": N_("It has been decided that you will live in another country, with people who take care of you."),
    "adult": N_("You are an adult, so another office will help you from now on."),
    "transferred_to_adult_services": N_("You are an adult now. Another office helps you from now on."),
    "withdrawn": N_("The plan for your return was ended. You are not sent back."),
}  # fmt: skip


# What happens next


def _next(record: Record, said: Language) -> Part | None:
    case = record.case
    if case.closed:
        return None
    told: dict[str, str] = {}
    for row in awaiting(case, record.at):
        if row["act"] in SOON and row["act"] not in told and len(told) < _NEXT:
            told[row["act"]] = _by(row, said)
    if case.departed is not None and case.arrived is None:
        told = {"": said.gettext(N_("You are on your way. A person from child protection travels with you.")), **told}
    if not told:
        told = {"": said.gettext(N_("Right now there is nothing that you have to do."))}
    return Part("next", said.gettext(N_("What happens next")), tuple(told.values()))


_NEXT: Final = 3
"""How many things are told: more is not next, and the page is to stay one."""


def _by(row: Mapping[str, Any], said: Language) -> str:
    soon = SOON[row["act"]]
    sentence = said.gettext(soon)
    if not row["due"] or row["act"] in _WITHOUT_DAY:
        return sentence
    if row["overdue"]:
        return f"{sentence} " + said.gettext(N_("This should have happened already. You may ask why it has not."))
    by = said.filled(said.gettext(N_("This should happen by {date}.")), date=said.date(read_moment(row["due"])))
    return f"{sentence} {by}"


_WITHOUT_DAY: Final = frozenset({"give_consent", "determine_best_interests"})
"""Where a day would press the child."""

SOON: Final[Mapping[str, str]] = {
    "verify_identity": N_("Somebody asks you who you are and where you come from. You can tell it in your own words."),
    "assess_age": N_("If nobody is sure how old you are, people may ask you about it. They must be kind, and your guardian is there. When in doubt, you count as a child."),
    "screen_protection": N_("Somebody asks you whether you are afraid of anyone, and whether someone hurt you."),
    "place_child": N_("People look for a good place for you to live, best with a family."),
    "confirm_services": N_("You can go to school and see a doctor."),
    "confirm_release": N_("You are in a place that is locked, and that must end. People work on getting you out."),
    "appoint_guardian": N_("You get a guardian."),
    "appoint_counsel": N_("You get a lawyer."),
    "open_tracing": N_("Somebody asks you whether people may look for your family."),
    "report_tracing": N_("People look for your family."),
    "assess_family": N_("Somebody visits your relatives, to find out whether you would be safe and well with them."),
    "hear_child": N_("Somebody talks with you and listens to what you want. What you say counts."),
    "determine_best_interests": N_("Several people together decide what is best for you. They must write down what you want and how much it counted."),
    "give_consent": N_("You and your guardian are asked whether you agree to go back. You can say no."),
    "adopt_reintegration_plan": N_("People make a plan: where you will live, which school you go to, who helps you."),
    "assess_rights_impact": N_("Somebody makes sure that going back would be safe for you."),
    "approve_return": N_("Both countries must agree before anything happens."),
    "plan_travel": N_("Somebody plans the journey with you: how you travel, who is with you, who waits for you."),
    "approve_travel": N_("Child protection looks at the plan for the journey. Without their yes nobody travels."),
    "certify_fit_to_travel": N_("A doctor looks whether you are well enough to travel."),
    "depart": N_("You travel. A person from child protection is with you all the way."),
    "arrive": N_("When you arrive, you are handed over to your family or to child protection, and to nobody else."),
    "record_visit": N_("Somebody visits you and talks with you alone. You can say how it really is."),
    "grant_stay": N_("Somebody arranges that you may stay."),
    "arrange_third_country": N_("Somebody arranges the place where you will live."),
    "resolve_asylum_claim": N_("An office decides whether you get protection."),
    "decide_appeal": N_("A court looks at a decision again."),
    "answer_complaint": N_("Somebody answers the complaint."),
}  # fmt: skip
"""What is owed, by act, as the child lives it. What only offices notice is not among it."""


# Who stands by the child


def _guardian(record: Record, said: Language) -> Part:
    who = N_(
        "A guardian is a grown-up who stands up for you. Your guardian works for you, not for the police or the border guards."
    )
    if record.case.guardian is not None:
        return _part(
            "guardian",
            said,
            N_("Your guardian"),
            who,
            N_("Your guardian explains things to you and goes with you to important talks. You can tell your guardian everything."),
            N_("If you do not get on with your guardian, you can ask for another one."),
            to_write=(N_("Your guardian's name"), N_("Telephone")),
        )  # fmt: skip
    if record.case.closed:
        return _part("guardian", said, N_("Your guardian"), who, to_write=(N_("Somebody you can ask"), N_("Telephone")))
    return _part(
        "guardian",
        said,
        N_("Your guardian"),
        N_("You have no guardian yet. You will get one, and nothing important may be decided before that."),
        who,
        to_write=(N_("Until then you can ask"), N_("Telephone")),
    )


def _counsel(record: Record, said: Language) -> Part | None:
    if record.case.closed:
        return None
    none_yet = () if record.case.counsel is not None else (N_("You have no lawyer yet. You will get one."),)
    return _part(
        "counsel",
        said,
        N_("Your lawyer"),
        *none_yet,
        N_("A lawyer knows the rules and makes sure that they are kept. You pay nothing for that."),
        to_write=(N_("Your lawyer's name"), N_("Telephone")),
    )


# What the child may refuse


def _no(record: Record, said: Language) -> Part:
    case = record.case
    sentences = [N_("You never have to answer a question that you do not want to answer.")]
    if not case.closed:
        if case.tracing_opened is None and case.situation != "with_family":
            sentences.append(N_("You can say no when people want to look for your family."))
        if case.arrived is None:
            sentences.append(N_("You can say no to going back. Then nobody may simply take you there."))
            if own_consent_needed(case, record.at):
                sentences.append(N_("At your age nobody may take you back without your own yes."))
            sentences.append(N_("If you said yes, you can change your mind as long as you have not arrived."))
    sentences.append(N_("You can say no when somebody does not speak your language well. Ask for an interpreter. It costs nothing."))  # fmt: skip
    sentences.append(N_("Nobody may punish you because you said no."))
    return _part("no", said, N_("What you can say no to"), *sentences)


def _locked(record: Record, said: Language) -> Part:
    sentences = [
        N_("You have done nothing wrong. Nobody may lock you up because you are a child from another country."),
        N_("You may go out of the place where you live, telephone, and have visitors."),
    ]
    if record.case.detained:
        sentences.append(N_("We know that you may be in a place that is locked. That is not right. People have been told, and it must end."))  # fmt: skip
    else:
        sentences.append(N_("If you are locked in, or a guard does not let you out, tell your guardian, your lawyer or anybody you trust, at once."))  # fmt: skip
    return _part("locked", said, N_("Nobody may lock you up"), *sentences)


def _complain(record: Record, said: Language) -> Part:
    return _part(
        "complain",
        said,
        N_("If something is not right"),
        N_("You can complain about anything."),
        N_("You can say it, write it or draw it, in your own language. Somebody can help you with it."),
        N_("Tell your guardian, your lawyer, or the ombudsperson. An ombudsperson watches that children are treated well, and works for no office."),
        N_("You will get an answer. Nobody may be angry with you or treat you worse because you complained."),
        to_write=(N_("Telephone of the ombudsperson"),),
    )  # fmt: skip


def _questions(record: Record, said: Language) -> Part:
    return _part(
        "questions",
        said,
        N_("You may ask"),
        N_("You may ask what is written about you, and what will happen. If you do not understand the answer, ask again."),
    )  # fmt: skip
