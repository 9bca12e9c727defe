"""The desk on the real engine: whole courses clicked through in a real browser, each person at a window of their own."""

import re
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.desk.real_cases import House, real_cases
from tests.desk.seats import ENGLISH, Answers, Seat
from tests.desk.seeing import visiting
from tests.procedure.courses import HOTEL
from tests.workflows.engines import intake, until_approved, until_determined

pytestmark = [pytest.mark.engine, pytest.mark.slow]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for all: every case is one of its own, and virtual time only goes on."""
    with real_cases(tmp_path_factory.mktemp("house")) as house:
        yield house


class Office:
    """Where people of both states take their seats, each at a window of their own."""

    def __init__(self, house: House, window: Callable[[], Page]) -> None:
        self._house, self._window = house, window
        self._taken: dict[str, Seat] = {}

    def __call__(self, who: str) -> Seat:
        """The seat of one person, the same each time."""
        if who not in self._taken:
            self._taken[who] = Seat(self._window(), self._house.address, who)
        return self._taken[who]

    def later(self, **time: float) -> None:
        """Everybody goes home, and virtual time passes."""
        for seat in self._taken.values():
            seat.leaves()
        self._house.later(**time)


@contextmanager
def office(browser: Browser, house: House) -> Generator[Office]:
    """An office while it is open. No window's console may have said anything when it closes."""
    with ExitStack() as windows:
        yield Office(house, lambda: windows.enter_context(visiting(browser)))


AUTHORITY, APPROVER, APPROVER_OF_ORIGIN = "Adela Invented", "Andrei Sample", "Oksana Vyhadana"
CASEWORKER, CASEWORKER_OF_ORIGIN = "Beatris Invented", "Roksolana Vyhadana"
PROTECTION, GUARDIANSHIP, GUARDIAN = "Carolina Sample", "Dorin Invented", "Elena Sample"
PANEL, NURSE, ESCORT, CHILD = "Galina Sample", "Jana Invented", "Karim Sample", "Mihai Sample"
TRACING, MONITOR, AUDITOR = "Stepan Zrazok", "Uliana Zrazok", "Xenia Sample"

HOME = {
    "Name of the place": "Invented Foster Home",
    "Kind of place": "Foster family",
    "Who runs the place": "Foster carer",
    "The child may leave at will": "Yes",
}
FAMILY = {
    "Name of the place": "Invented Family Home",
    "Kind of place": "Family",
    "Who runs the place": "Family",
    "The child may leave at will": "Yes",
}
CENTRE = {
    "Name of the place": "Invented Temporary Stay Centre",
    "Kind of place": "Temporary stay centre",
    "Who runs the place": "Police",
    "The child may leave at will": "No",
}
VISITS = (14, 30, 90, 180, 270, 365)
"""Days after the arrival, as the model agreement has them."""


def opens_a_case(seat: Seat, today: date) -> str:
    """Page by page from the navigation to the open case; its reference."""
    seat.comes()
    seat.window.get_by_role("navigation", name="Main navigation").get_by_role("link", name="Open a case").click()
    seat.press("Start")
    for title, answers in (
        ("The two states", {"Origin state of the child": "Ukraine"}),
        ("The agreement", {"Agreement": "Rights-based model agreement on the return of children"}),
        (
            "Who found the child, and where",
            {
                "Day the child was found": today - timedelta(days=1),
                "Place where the child was found": "Invented bus station",
                "Who found the child": "School",
                "Circumstances in which the child was found": "alone in the waiting room",
            },
        ),
        (
            "The child",
            {
                "Given names": "Samplina",
                "Family name": "Inventova",
                "Date of birth": date(today.year - 13, today.month, 1),
                "Sex": "Female",
                "Nationalities": {"Nationality 1": "Ukraine"},
                "Languages": {"Language 1": "Ukrainian"},
            },
        ),
        ("Situation and concerns", {"Situation": "Unaccompanied"}),
        ("Where the child is now", HOME),
        (
            "Relatives",
            {
                "Relative 1": {
                    "Identifier of the relative": "r1",
                    "Name of the relative": "Invented Mother",
                    "Relationship to the child": "mother",
                    "State where the relative lives": "Ukraine",
                }
            },
        ),
    ):
        seat.sees(title)
        seat.answer(answers)
        seat.press("Continue")
    seat.sees("Check your answers")
    seat.reads("Samplina", "Invented bus station", "Invented Mother", "What follows when the case is opened")
    seat.press("Open the case")
    seat.reads("The case is open.")
    title = seat.window.get_by_role("heading", level=1).inner_text()
    return title.rpartition(" ")[2]


COURSE = [
    *("verify_identity", "screen_protection", "appoint_guardian", "appoint_counsel", "confirm_services"),
    *("open_tracing", "report_tracing", "assess_family", "hear_child", "submit_assessment", "determine_best_interests"),
    *("give_consent", "give_consent", "adopt_reintegration_plan", "assess_rights_impact"),
    *("approve_return", "approve_return", "plan_travel", "certify_fit_to_travel", "approve_travel"),
    *("depart", "arrive", *("record_visit" for _ in VISITS), "close_case"),
]
"""Every act of the course, in order."""
AGREED = {
    "Consent to the return": "Yes",
    "Language": "Ukrainian",
    "Interpreter present": "No",
    "Reason": "talked over three times",
}
TOLD_WHAT_IT_MEANS = {
    GUARDIAN: "Whoever consents was told what it means",
    CHILD: "I was told what it means",
}


def test_the_whole_course_is_clicked_through(browser: Browser, house: House) -> None:
    """From the opening to the end of the last visit, by fourteen people who each find their own work."""
    with office(browser, house) as at:
        case = opens_a_case(at(AUTHORITY), house.now().date())
        at(CHILD).of_case = case
        up_to_the_determination(at, case)
        up_to_the_approvals(at, case)
        at.later(days=15)
        up_to_the_arrival(at, case, house)
        up_to_the_last_visit(at, case)
        # Who cares for the child now also ends the case: the state to which she has returned.
        closes = at(APPROVER_OF_ORIGIN)
        closes.takes_up("close_case", case)
        closes.decides(
            {"Outcome of the case": "The child has returned", "Reason": "she is well"}, "The case will be closed"
        )
        closes.goes_to(case)
        closes.reads("Closed: the child has returned", "The case is closed. Nobody owes anything.")
        auditor = at(AUDITOR)
        auditor.goes_to(case)
        told = auditor.reads_the_story()

    view, entries = house.view(case), house.ledger(case)
    assert (view["status"], view["outcome"], view["awaiting"], view["refused"]) == ("closed", "returned", [], 0)
    assert [each["act"] for each in entries if each["kind"] == "accepted"] == COURSE
    kinds = {each["n"]: ENGLISH.term("entry", each["kind"]) for each in entries}
    assert told == [f"Entry {n}: {kinds[n]}" for n in sorted(kinds, reverse=True)]
    assert house.findings(case) == []


def up_to_the_determination(at: Office, case: str) -> None:
    """Identification, people in office, tracing, hearing, assessment and determination."""
    found = {
        "Result": "Relatives were found",
        "Relatives (optional)": {
            "Relative 1": {
                "Identifier of the relative": "r1",
                "Relationship to the child": "mother",
                "State where the relative lives": "Ukraine",
            }
        },
    }
    at(CASEWORKER).takes_up("verify_identity", case)
    at(CASEWORKER).records({"Result": "Verified", "Sources": {"Source 1": "an invented letter"}})
    at(CASEWORKER).takes_up("screen_protection", case)
    at(CASEWORKER).records({"Signs of trafficking": "No", "Need for asylum": "No", "Signs of violence": "No"})
    at(GUARDIANSHIP).takes_up("appoint_guardian", case)
    at(GUARDIANSHIP).decides(
        {
            "Guardian": {"Identifier of the guardian": "guardian-md-1", "Kind of guardian": "Professional guardian"},
            "The guardian is independent": "Yes",
            "The child was informed of it": "Yes",
            "Reason": "trained, and tied to nobody",
        }
    )
    at(GUARDIANSHIP).takes_up("appoint_counsel", case)
    at(GUARDIANSHIP).decides(
        {
            "Legal counsel": {"Identifier of the legal counsel": "legal-counsel-md-1"},
            "Free of charge for the child": "Yes",
            "Reason": "legal aid",
        },
        "“guardianship” to the stage “family tracing”",
    )
    at(CASEWORKER).takes_up("confirm_services", case)
    at(CASEWORKER).records({"The child goes to school": "Yes", "The child has healthcare": "Yes"})
    at(CASEWORKER).takes_up("open_tracing", case)
    at(CASEWORKER).decides(
        {
            "Through whom the family is searched for": "Central authority",
            "The child agrees to the search": "Yes",
            "Reason": "she asks for her mother",
        }
    )
    at(TRACING).takes_up("report_tracing", case)
    at(TRACING).records(found)
    at(CASEWORKER_OF_ORIGIN).takes_up("assess_family", case)
    at(CASEWORKER_OF_ORIGIN).records(
        {
            "Relative": "Mother, Ukraine (r1)",
            "Willing to care for the child": "Yes",
            "Able to care for the child": "Yes",
            "The child would be safe with this relative": "Yes",
            "Text of the assessment": "a warm flat, a bed, a school near by",
        }
    )
    at(GUARDIAN).takes_up("hear_child", case)
    at(GUARDIAN).records(
        {
            "Views of the child": "she misses her mother and her dog",
            "Wish of the child": "To return",
            "Language": "Ukrainian",
            "Interpreter present": "Yes",
            "Guardian present": "Yes",
            "Child informed": "Yes",
        }
    )
    at(CASEWORKER).takes_up("submit_assessment", case)
    at(CASEWORKER).records(
        {
            "Options": {
                "Option 1": {
                    "Solution": "Return",
                    "What speaks for it": "the mother",
                    "What speaks against it": "school",
                },
                "Option 2": {
                    "Solution": "Stay",
                    "What speaks for it": "friends",
                    "What speaks against it": "no mother",
                },
            },
            "Recommendation": "Return",
            "Text of the assessment": "return is better on every point but one",
        }
    )
    at(PANEL).takes_up("determine_best_interests", case)
    at(PANEL).decides(
        {
            "Members of the panel": {
                "Member 1": member("panel-1", "social work", "Child protection"),
                "Member 2": member("panel-2", "psychology", "Health service"),
                "Member 3": member("panel-3", "law", "Non-governmental organisation"),
            },
            "What is best for the child": "Return",
            "Solutions that were considered": ["Return", "Stay"],
            "What weight the child's views were given, and why": "full weight, she explains it well",
            "Reason": "her mother can care for her, wants to, and is safe",
        },
        "“best interests” to the stage “decision”",
        "An appeal can be lodged until",
    )


def member(id: str, discipline: str, employer: str) -> Answers:
    return {"Identifier of the member": id, "Discipline": discipline, "Employer of the member": employer}


def up_to_the_approvals(at: Office, case: str) -> None:
    """Both consents, the plan, the look at the risks, and what each state has to say for itself."""
    for who in (GUARDIAN, CHILD):
        at(who).takes_up("give_consent", case)
        at(who).decides({**AGREED, TOLD_WHAT_IT_MEANS[who]: "Yes"})
    at(APPROVER_OF_ORIGIN).takes_up("adopt_reintegration_plan", case)
    at(APPROVER_OF_ORIGIN).decides(
        {
            "Housing": "with the mother",
            "School": "the school of her quarter",
            "Healthcare": "a family doctor",
            "Support": "a social worker every second week",
            "Whom the child can turn to": "the social worker",
            "The plan is funded": "Yes",
            "Reason": "worked out with the mother",
        }
    )
    at(CASEWORKER).takes_up("assess_rights_impact", case)
    at(CASEWORKER).records({"A return is safe for the child": "Yes", "Risks": {"Risk 1": "none that weighs"}})
    for who in (APPROVER, APPROVER_OF_ORIGIN):
        at(who).takes_up("approve_return", case)
        at(who).reads("You approve what the record says up to entry")
        at(who).decides({"Reason": "all of it was read, and is in order"})


def up_to_the_arrival(at: Office, case: str, house: House) -> None:
    """Plan, fitness, approval, departure, and the hand-over to the mother."""
    departs = (house.now() + timedelta(days=2)).replace(second=0, microsecond=0)
    arrives = departs + timedelta(hours=8)
    at(CASEWORKER).takes_up("plan_travel", case)
    at(CASEWORKER).decides(
        {
            "The journey, leg by leg": {
                "Leg 1": {
                    "From": "Invented Town",
                    "To": "Invented City",
                    "Means of travel": "train",
                    "Departure": departs,
                    "Arrival": arrives,
                }
            },
            "Escort": {"Identifier of the escort": "escort-md-1", "Employer of the escort": "Child protection"},
            "Hand-over": {
                "To whom the child is handed over": "Family",
                "Place where the child will live": FAMILY,
                "Relative who receives the child (optional)": "Mother, Ukraine (r1)",
            },
            "The travel documents are ready": "Yes",
            "Reason": "a day train, and somebody whom she knows",
        }
    )
    at(NURSE).takes_up("certify_fit_to_travel", case)
    at(NURSE).records({"Fit to travel": "Yes", "Valid until": departs.date() + timedelta(days=10)})
    at(PROTECTION).takes_up("approve_travel", case)
    at(PROTECTION).decides({"Reason": "the plan keeps what was decided"})
    at.later(days=2)
    at(ESCORT).takes_up("depart", case)
    at(ESCORT).decides({"Reason": "she has said good-bye"})
    at.later(hours=8)
    at(ESCORT).takes_up("arrive", case)
    at(ESCORT).records({"Handed over to": "Family", "Place where the child is now": FAMILY})


def up_to_the_last_visit(at: Office, case: str) -> None:
    """Every visit of the agreement, each when it is due."""
    passed = 0
    for number, day in enumerate(VISITS, start=1):
        at.later(days=day - 1 - passed)
        passed = day - 1
        at(MONITOR).takes_up("record_visit", case, f"Monitoring visit {number}")
        at(MONITOR).records(
            {
                "Number of the visit": number,
                "Child seen alone": "Yes",
                "The child is safe": "Yes",
                "In school": "Yes",
                "With the family": "Yes",
                "Findings": "she is well",
            }
        )


def a_case(house: House, *acts: Mapping[str, Any], **intake_says: Any) -> str:
    """A case of a child who is thirteen, brought by the client to where a test begins; its reference."""
    today = house.now().date()
    child = {**intake()["child"], "date_of_birth": str(date(today.year - 13, today.month, 1))}
    found = {**intake()["found"], "on": str(today - timedelta(days=1))}
    case = house.told(house.cases.open(intake(child=child, found=found, **intake_says), today=today))
    for act in acts:
        receipt = house.told(house.cases.record(case, act))
        assert receipt["result"] == "accepted", receipt
    return case


def test_a_refused_detention_placement(browser: Browser, house: House) -> None:
    """What was refused, why, by which source, and what instead; from there on to a good place; all of it is in the book."""
    case = a_case(house, placement=HOTEL)
    with office(browser, house) as at:
        protection = at(PROTECTION)
        protection.takes_up("place_child", case)
        station = protection.window.get_by_role("radio", name="Police station")
        expect(station).to_be_disabled()
        expect(station).to_have_accessible_description(re.compile("a police station is never a place of care"))
        protection.answer({"Place where the child will live": CENTRE, "Reason": "nothing else is free tonight"})
        protection.press("Go on")
        protection.sees("Check your answers: placement of the child")
        protection.reads("As things stand this will be refused.")
        protection.press("Record it all the same; the refusal stays in the record")
        protection.sees("Refused: placement of the child")
        n: int = house.view(case)["entries"]
        told = (
            *(
                "No detention",
                "This placement would be detention: the child may not leave at will; it is run by police",
            ),
            "No step puts or keeps the child in detention, however it is named.",
            *("CRC art. 37(b)", "Choose a family, a foster family or another open place run by child protection"),
        )
        protection.reads("The case stands as it stood.", f"The refusal is entry {n} of the record.", *told)
        assert house.view(case)["placement"]["name"] == HOTEL["name"]

        protection.press("Try again: placement of the child")
        protection.sees("Placement of the child")
        good = {"Place where the child will live": HOME, "Reason": "a family took her in"}
        protection.decides(good, "Done: end of the emergency placement.")
        assert house.view(case)["placement"]["name"] == HOME["Name of the place"]

        protection.goes_to(case)
        refused = protection.window.locator(f"#entry-{n}")
        expect(refused).to_contain_text(f"Entry {n}: refused")
        protection.unfold("Why it was refused, and what can be done instead")
        expect(refused).to_contain_text("Choose a family")

        auditor = at(AUDITOR)
        auditor.goes_to(case)
        auditor.follow("Look back")
        auditor.follow("Refusal book")
        auditor.reads("Every refusal up to then", "Placement of the child", *told)


def test_an_approval_of_a_case_that_moved_on(browser: Browser, house: House) -> None:
    """What was not read is not approved: the page says what changed, and once that is read the approval counts."""
    *before, _, _ = until_approved()
    case = a_case(house, *until_determined(), *before)
    with office(browser, house) as at:
        approver, caseworker = at(APPROVER), at(CASEWORKER)
        approver.takes_up("approve_return", case)
        approver.answer({"Reason": "all of it was read"})

        caseworker.goes_to(case)
        caseworker.follow_open("assess_rights_impact")
        caseworker.records({"A return is safe for the child": "Yes", "Risks": {"Risk 1": "the bridge is closed"}})
        n: int = house.view(case)["entries"]

        approver.press("Go on")
        approver.sees("The case has moved on since you read it")
        approver.reads("Nothing was recorded.", "The caseworker from Moldova assessed", "To be read before an approval")
        approver.unfold("What was said")
        expect(approver.window.get_by_text("the bridge is closed")).to_be_visible()
        approver.press("Look at the case again")
        approver.sees(f"Case {case}")
        approver.follow_open("approve_return")
        approver.reads(f"You approve what the record says up to entry {n}")
        approver.decides({"Reason": "read again, the bridge too"})
    approval, refused = house.ledger(case)[n], house.view(case)["refused"]
    assert (approval["act"], approval["kind"], refused) == ("approve_return", "accepted", 0)


def test_new_entries_appear_without_reloading(browser: Browser, house: House) -> None:
    """Somebody else's act shows in a window that stands open, and what its reader unfolded stays unfolded."""
    case = a_case(house)
    with office(browser, house) as at:
        reader, caseworker = at(AUTHORITY), at(CASEWORKER)
        reader.goes_to(case)
        reader.window.evaluate("window.theSame = true")
        wanted = ["The picture in words", f"Why: {ENGLISH.term('act', 'confirm_services')}"]
        for name in wanted:
            reader.unfold(name)
        unfolded = reader.window.locator("details[open] summary")
        assert unfolded.all_text_contents() == wanted
        for act, answers in (
            ("verify_identity", {"Result": "Verified", "Sources": {"Source 1": "an invented letter"}}),
            ("note", {"Text of the note": "she sleeps well"}),
        ):
            caseworker.goes_to(case)
            caseworker.follow_open(act)
            caseworker.records(answers)
            n: int = house.view(case)["entries"]
            expect(reader.window.locator(f"#entry-{n}")).to_be_visible(timeout=10_000)
            expect(reader.window.locator("#renewed")).to_contain_text("There was something new.")
            assert unfolded.all_text_contents() == wanted
        assert reader.window.evaluate("window.theSame") is True
