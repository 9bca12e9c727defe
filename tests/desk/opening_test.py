"""Opening a case at the desk: page by page, with drafts to come back to, or from a file; and never twice."""

import json
import re
from collections.abc import Mapping
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from casefile.languages import LANGUAGES
from desk.development import PEOPLE
from desk.drafts import Drafts
from desk.forms import INTAKE, posted
from desk.frame import Desk
from desk.pages.opening import PAGES, STEPS, agreements_between
from desk.speaking import language
from procedure.intake import parse_intake
from starter.client import DuplicateCase, NoWorkerAnswers
from tests.desk.cases_in_memory import CasesInMemory
from tests.desk.desks import Hands, a_desk, client, hidden, signed_in, without_tokens
from tests.procedure.courses import START, STATION, intake_of

everywhere = pytest.mark.parametrize("code", LANGUAGES)

WHO = "central-authority-md-1"
OPENED_BY = {"id": WHO, "role": "central_authority", "state": "MD", "office": "Invented Ministry"}
INTAKE_OF_FILE: dict[str, Any] = {**intake_of(), "opened_by": OPENED_BY}


class Registry(CasesInMemory):
    """Cases that know a child again, as the engine's do."""

    def __init__(self) -> None:
        super().__init__(at=START)
        self.opened: list[dict[str, Any]] = []
        self.lost = False
        """Whether the answer to an opening is lost on its way."""
        self.elsewhere: str | None = None
        """The state that hosts a case of the same child, in which the opener's state has no part."""

    async def open(self, intake: bytes | str | Mapping[str, Any], *, today: date | None = None) -> str:
        assert isinstance(intake, Mapping)
        given = dict(intake)
        parse_intake(given, today=START.date())
        if self.elsewhere and not given.get("not_duplicate_of"):
            raise DuplicateCase("Likely the same child.", reference="", host_state=self.elsewhere)
        for before in self.opened:
            same = before["child"] == given["child"] and before.get("reference") != given.get("reference")
            if same and given.get("not_duplicate_of") != before["reference"]:
                raise DuplicateCase("Likely the same child.", reference=before["reference"])
        reference = await super().open(given, today=today)
        self.opened.append({**given, "reference": reference})
        if self.lost:
            self.lost = False
            raise NoWorkerAnswers("No worker answers.")
        return reference


def a_registry(**changes: Any) -> tuple[Desk, Registry]:
    """A desk at which no case was opened yet."""
    cases = Registry()
    return a_desk(cases=cases, clock=Hands(START), **changes), cases


def an_authority(desk: Desk) -> TestClient:
    """A browser at which somebody of the central authority sits."""
    return signed_in(client(desk, [PAGES]), WHO)


def begun(browser: TestClient) -> str:
    """The address of a new draft."""
    form = fields_of(browser.get("/open").text)
    answer = browser.post("/open", data=form)
    assert answer.status_code == 303
    return answer.headers["location"].removesuffix("/states")


def fields_of(page: str) -> dict[str, str]:
    """The hidden fields of the form that asks the page's questions."""
    form = page.partition("<main")[2].partition("<form")[2].partition("</form>")[0]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form))


def send(browser: TestClient, address: str, typed: Mapping[str, Any], **more: str) -> Any:
    """Fill in the form of a page and send it."""
    return browser.post(address.partition("?")[0], data={**fields_of(browser.get(address).text), **typed, **more})


def typed_for(step: str, intake: Mapping[str, Any] | None = None) -> dict[str, list[str]]:
    """What one page's questions are answered with."""
    fields = next(each.fields for each in STEPS if each.name == step)
    whole = posted(INTAKE, intake or INTAKE_OF_FILE)
    return {name: texts for name, texts in whole.items() if name.partition(".")[0] in fields}


def answered(browser: TestClient, intake: Mapping[str, Any] | None = None) -> str:
    """A draft in which everything is answered, page by page as one is led."""
    draft = begun(browser)
    address = f"{draft}/states"
    for step in STEPS:
        assert address == f"{draft}/{step.name}"
        answer = send(browser, address, typed_for(step.name, intake))
        assert answer.status_code == 303, answer.text
        address = answer.headers["location"]
    assert address == f"{draft}/check"
    return draft


def opened(browser: TestClient, draft: str, **more: str) -> Any:
    """Send the check page's form."""
    page = browser.get(f"{draft}/check").text
    form = hidden(page.rpartition(f'action="{draft}/drop"')[0].rpartition("<form")[0])
    return browser.post(f"{draft}/check", data={**form, **more})


# Page by page


def test_a_case_is_opened_page_by_page() -> None:
    """What reaches the case is what was answered; the draft is gone, and the case says so on its page."""
    desk, cases = a_registry()
    browser = an_authority(desk)
    draft = answered(browser)
    answer = opened(browser, draft)
    (intake,) = cases.opened
    assert answer.status_code == 303 and answer.headers["location"] == f"/cases/{intake['reference']}"
    assert {name: value for name, value in intake.items() if name != "reference"} == INTAKE_OF_FILE
    assert browser.get(f"{draft}/check").status_code == 404
    assert "There is none in this browser." in browser.get("/open").text


def test_the_check_page_tells_every_answer_and_what_follows() -> None:
    """The law itself says what is owed by when; a place that is detention is named as such."""
    desk, _ = a_registry()
    browser = an_authority(desk)
    page = browser.get(f"{answered(browser)}/check").text
    for text in ("Test", "Invented", "4 May 2013", "Ukrainian", "Invented Station", "Invented Foster Home", "Mother"):
        assert text.lower() in page.lower(), text
    assert "Rights-based model agreement" in page
    assert "Appointment of a guardian" in page and "5 February 2026, 09:00 UTC" in page
    assert "counts as detention" not in page
    held = answered(browser, {**INTAKE_OF_FILE, "placement": STATION})
    assert "counts as detention" in browser.get(f"{held}/check").text


def test_a_fault_stands_at_its_field_and_keeps_what_was_typed() -> None:
    """And nothing of the pages that were not asked yet."""
    browser = an_authority(a_registry()[0])
    draft = begun(browser)
    wrong = {**typed_for("child"), "child.date_of_birth.year": "2099"}
    answer = send(browser, f"{draft}/child", wrong)
    assert answer.status_code == 422 and "<title>Error: The child" in answer.text
    assert 'href="#child-date_of_birth-day"' in answer.text and "This lies in the future." in answer.text
    assert 'value="2099"' in answer.text and 'value="Invented"' in answer.text
    assert "#found" not in answer.text and "#origin_state" not in answer.text
    unnamed = send(browser, f"{draft}/child", {**typed_for("child"), "child.given_names": ""})
    assert unnamed.status_code == 422 and 'href="#child-given_names"' in unnamed.text


def test_rows_are_added_without_a_script() -> None:
    """Another relative, with what was typed before; a row is removed the same way."""
    browser = an_authority(a_registry()[0])
    draft = begun(browser)
    more = send(browser, f"{draft}/relatives", typed_for("relatives"), **{"add:relatives": "1"})
    assert more.status_code == 200 and 'name="relatives.1.id"' in more.text and 'value="Invented Mother"' in more.text
    fewer = send(browser, f"{draft}/relatives", typed_for("relatives"), **{"remove:relatives.0": "1"})
    assert fewer.status_code == 200 and 'value="Invented Mother"' not in fewer.text


def test_a_sign_stands_ready_for_each_relative() -> None:
    """The first that is free; a row in which nothing else stands tells of nobody."""
    desk, cases = a_registry()
    browser = an_authority(desk)
    draft = answered(browser, {**INTAKE_OF_FILE, "relatives": []})
    page = browser.get(f"{draft}/relatives?then=check").text
    assert re.search(r'name="relatives.0.id"[^>]*value="r1"', page)
    more = send(
        browser, f"{draft}/relatives", {"relatives.0.id": "r2", "relatives.0.name": "A"}, **{"add:relatives": "1"}
    )
    assert re.search(r'name="relatives.0.id"[^>]*value="r2"', more.text)
    assert re.search(r'name="relatives.1.id"[^>]*value="r1"', more.text)
    bare = send(browser, f"{draft}/relatives?then=check", {"relatives.0.id": "r1"})
    assert bare.headers["location"] == f"{draft}/check"
    mother = {name: texts for name, texts in typed_for("relatives").items() if not name.endswith(".id")}
    send(browser, f"{draft}/relatives?then=check", {**mother, "relatives.1.id": "r2"})
    assert opened(browser, draft).status_code == 303
    assert cases.opened[0]["relatives"] == INTAKE_OF_FILE["relatives"]


def test_the_two_states_and_their_languages_stand_first() -> None:
    """Of the child's languages those spoken in either state, of the nationalities the two."""
    browser = an_authority(a_registry()[0])
    draft = begun(browser)
    send(browser, f"{draft}/states", {"origin_state": "UA"})
    page = browser.get(f"{draft}/child").text

    def offered(name: str) -> list[str]:
        select = page.partition(f'name="{name}"')[2].partition("</select>")[0]
        return re.findall(r'<option value="(\w*)"', select)[1:]

    assert offered("child.nationalities.0")[:2] == ["MD", "UA"]
    spoken = offered("child.languages.0")
    assert set(spoken[:4]) == {"ro", "uk", "bg", "gag"} and "ru" in spoken[:5]
    assert len(spoken) == len(set(spoken)) > 150


def test_one_answer_is_changed_from_the_check_page() -> None:
    """One comes back there; another state leads to its agreement first."""
    browser = an_authority(a_registry()[0])
    draft = answered(browser)
    answer = send(
        browser, f"{draft}/placement?then=check", {**typed_for("placement"), "placement.name": "Invented New Home"}
    )
    assert answer.headers["location"] == f"{draft}/check"
    assert "Invented New Home" in browser.get(f"{draft}/check").text
    moved = send(browser, f"{draft}/states?then=check", {"origin_state": "RO"})
    assert moved.headers["location"] == f"{draft}/agreement"


def test_a_fault_between_pages_is_told_before_the_case_is_opened() -> None:
    """With a way to the page where it is mended, and no button to open the case."""
    desk, cases = a_registry()
    browser = an_authority(desk)
    draft = answered(browser)
    born = {"child.date_of_birth.day": "2", "child.date_of_birth.month": "2", "child.date_of_birth.year": "2026"}
    assert send(browser, f"{draft}/child", {**typed_for("child"), **born}).status_code == 303
    page = browser.get(f"{draft}/check").text
    assert "This lies before the child" in page and f'href="{draft}/found?then=check"' in page
    assert "What follows when the case is opened" not in page
    assert opened(browser, draft).status_code in (403, 422) and cases.opened == []


@pytest.mark.parametrize("person", [each.id for each in PEOPLE])
def test_only_a_central_authority_opens_cases(person: str) -> None:
    """The others have no page and no way to it."""
    browser = signed_in(client(a_registry()[0], [PAGES]), person)
    may = person.startswith("central-authority")
    for address in ("/open", "/open/upload"):
        answer = browser.get(address)
        assert answer.status_code == (200 if may else 403) and ('href="/open"' in answer.text) == may


# The agreement


def test_agreements_in_force_between_the_two_states_are_offered() -> None:
    """Of the others it is said why not: below the floor clause by clause, other states, not yet in force."""
    said = language("en")
    offered, refused = agreements_between("MD", "UA", START.date(), said)
    assert "model" in {each.value for each in offered} and "chisinau-2002" not in {each.value for each in offered}
    why = {each.id: each for each in refused}
    assert why["chisinau-2002"].breaches and "less than the safeguards demand" in why["chisinau-2002"].why
    offered, refused = agreements_between("PL", "UA", date(2000, 1, 1), said)
    assert offered == [] and any("in force from" in each.why for each in refused)
    assert (
        any("between these two states" in each.why for each in refused if each.id == "moldova-2008")
        or "moldova-2008" in why
    )


def test_what_each_agreement_is_for_is_said_and_the_model_stands_first() -> None:
    """From what the profiles themselves say: of which states, and of which side."""
    said = language("en")
    offered, _ = agreements_between("MD", "UA", START.date(), said)
    hints = {each.value: each.hint or "" for each in offered}
    assert next(iter(hints)) == "model"
    assert hints["model"].startswith("For every case to which no other agreement applies.")
    assert "if the host state is bound by it" in hints["eu-return-directive"]
    assert "Made for Moldova as the state of origin, which it is not in this case." in hints["moldova-2008"]
    offered, _ = agreements_between("UA", "MD", START.date(), said)
    hints = {each.value: each.hint or "" for each in offered}
    assert "if the state of origin is bound by it" in hints["moldova-2008"]
    assert all("in force since" in hint for hint in hints.values())


def test_an_agreement_that_is_not_offered_is_not_taken() -> None:
    """Whatever a browser sends; the page says why, and asks again."""
    browser = an_authority(a_registry()[0])
    draft = begun(browser)
    assert send(browser, f"{draft}/states", {"origin_state": "UA"}).headers["location"] == f"{draft}/agreement"
    page = browser.get(f"{draft}/agreement").text
    assert 'value="model"' in page and 'value="chisinau-2002"' not in page and "chisinau-2002" in page
    answer = send(browser, f"{draft}/agreement", {"agreement": "chisinau-2002"})
    assert answer.status_code == 422 and "less than the safeguards demand" in answer.text


# Drafts


def test_a_draft_waits_for_whoever_began_it(tmp_path: Path) -> None:
    """By date and without a name; also after the desk was started anew; and for nobody else."""
    desk, _ = a_registry(drafts=Drafts(tmp_path))
    browser = an_authority(desk)
    draft = begun(browser)
    answer = send(browser, f"{draft}/child", typed_for("child"), later="1")
    assert answer.headers["location"] == "/open"
    page = browser.get("/open").text
    assert "The draft is kept until 4 March 2026." in page and f'href="{draft}/check"' in page
    # Neither a form's token nor the draft's own number is a name, though four letters may stand in one.
    assert "Test" not in without_tokens(page).replace(draft, "") and "Begun" in page
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "Max-Age=2592000" in cookie

    again, _ = a_registry(drafts=Drafts(tmp_path))
    anew = client(again, [PAGES])
    anew.cookies.update(browser.cookies)
    signed_in(anew, WHO)
    assert 'value="Test"' in anew.get(f"{draft}/child").text
    for other in (signed_in(client(again, [PAGES]), WHO), signed_in(anew, "central-authority-md-2")):
        assert other.get(f"{draft}/child").status_code == 404 and draft not in other.get("/open").text


def test_what_is_typed_lies_nowhere_in_clear(tmp_path: Path) -> None:
    """Not in the draft's file, and the key is in no file."""
    desk, _ = a_registry(drafts=Drafts(tmp_path))
    browser = an_authority(desk)
    answered(browser)
    lying = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    key = next(value for name, value in browser.cookies.items() if name.endswith("_drafts"))
    assert lying and not [word for word in (b"Inven", b"Test", b"Mother", key.encode(), WHO.encode()) if word in lying]


def test_a_draft_can_be_deleted() -> None:
    """From the list; it is gone at once."""
    browser = an_authority(a_registry()[0])
    draft = begun(browser)
    answer = browser.post(f"{draft}/drop", data=hidden(browser.get("/open").text))
    assert answer.headers["location"] == "/open"
    page = browser.get("/open").text
    assert "The draft is deleted." in page and "There is none in this browser." in page


def test_too_many_drafts_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do."""
    monkeypatch.setattr("desk.drafts.OF_ONE_PERSON", 1)
    browser = an_authority(a_registry()[0])
    begun(browser)
    form = fields_of(browser.get("/open").text)
    answer = browser.post("/open", data=form)
    assert answer.status_code == 409 and "There are too many drafts." in answer.text


# Never twice


def test_a_second_case_of_the_same_child_is_asked_about() -> None:
    """The running case is named; another child gets a case that says whose it is not; the same child gets none."""
    desk, cases = a_registry()
    browser = an_authority(desk)
    opened(browser, answered(browser))
    running = cases.opened[0]["reference"]
    draft = answered(browser)
    asked = opened(browser, draft)
    assert asked.status_code == 409 and running in asked.text and "Is it the same child?" in asked.text
    form = hidden(asked.text)
    assert form["running"] == running
    unsaid = browser.post(f"{draft}/check", data=form)
    assert unsaid.status_code == 422 and 'href="#duplicate"' in unsaid.text
    same = browser.post(f"{draft}/check", data={**hidden(unsaid.text), "duplicate": "same"})
    assert same.headers["location"] == f"/cases/{running}" and len(cases.opened) == 1
    again = opened(browser, draft)
    other = browser.post(f"{draft}/check", data={**hidden(again.text), "duplicate": "another"})
    assert other.status_code == 303 and cases.opened[1]["not_duplicate_of"] == running
    assert other.headers["location"] == f"/cases/{cases.opened[1]['reference']}" != f"/cases/{running}"


def test_the_reference_of_a_case_of_other_states_is_not_told() -> None:
    """Whom to ask is; with the reference that they give, a case of another child is opened."""
    desk, cases = a_registry()
    browser = an_authority(desk)
    cases.elsewhere = "RO"
    running = "RO-UA-2026-7K3F9A"
    draft = answered(browser)
    asked = opened(browser, draft)
    assert asked.status_code == 409
    assert "Ask the central authority of this state: Romania." in asked.text
    assert running not in asked.text and "Look at case" not in asked.text
    form = hidden(asked.text)
    for typed in ("", "RO-UA"):
        again = browser.post(f"{draft}/check", data={**form, "running": typed})
        assert again.status_code == 422 and 'href="#duplicate">Write a reference' in again.text
        assert "Romania" in again.text
        form = hidden(again.text)
    done = browser.post(f"{draft}/check", data={**form, "running": f" {running.lower()} "})
    assert done.status_code == 303 and cases.opened[0]["not_duplicate_of"] == running


def test_a_lost_answer_opens_no_second_case() -> None:
    """Sent again, the same draft finds the case that it opened."""
    desk, cases = a_registry()
    browser = an_authority(desk)
    draft = answered(browser)
    cases.lost = True
    away = opened(browser, draft)
    assert away.status_code == 503 and "Send again" in away.text
    answer = browser.post(f"{draft}/check", data=hidden(away.text))
    assert answer.headers["location"] == f"/cases/{cases.opened[0]['reference']}" and len(cases.opened) == 1


# A file


def uploaded(browser: TestClient, content: bytes, name: str = "intake.json") -> Any:
    """Send a file."""
    form = fields_of(browser.get("/open/upload").text)
    return browser.post("/open/upload", data=form, files={"intake": (name, content, "application/json")})


def test_an_intake_file_becomes_a_draft_to_be_checked() -> None:
    """And opens the very case that it describes."""
    desk, cases = a_registry()
    browser = an_authority(desk)
    file: dict[str, Any] = {**INTAKE_OF_FILE, "reference": "MD-UA-2026-ABCDEF"}
    answer = uploaded(browser, json.dumps(file).encode())
    assert answer.status_code == 303 and answer.headers["location"].endswith("/check")
    draft = answer.headers["location"].removesuffix("/check")
    assert "MD-UA-2026-ABCDEF" in browser.get(f"{draft}/check").text
    assert opened(browser, draft).headers["location"] == "/cases/MD-UA-2026-ABCDEF"
    assert cases.opened == [file]
    taken = uploaded(browser, json.dumps({**file, "child": {**file["child"], "given_names": "Other"}}).encode())
    refused = opened(browser, taken.headers["location"].removesuffix("/check"))
    assert refused.status_code == 409 and "The reference is taken" in refused.text and len(cases.opened) == 1


def test_the_page_for_a_file_says_what_names_whoever_uploads_it() -> None:
    """Taken from the page as it stands, it is what the desk lets through."""
    desk, _ = a_registry()
    browser = an_authority(desk)
    shown = re.search(r"<samp>(.+?)</samp>", browser.get("/open/upload").text)
    assert shown is not None
    opened_by = json.loads(unescape(shown[1]))
    assert opened_by == OPENED_BY
    assert uploaded(browser, json.dumps({**INTAKE_OF_FILE, "opened_by": opened_by}).encode()).status_code == 303


def test_every_fault_of_a_file_stands_at_its_field() -> None:
    """All at once, also what no form would ask; nothing is kept."""
    browser = an_authority(a_registry()[0])
    wrong = {
        **INTAKE_OF_FILE,
        "agreement": "chisinau-2002",
        "colour": "blue",
        "opened_by": {**OPENED_BY, "id": "somebody-else"},
        "child": {**INTAKE_OF_FILE["child"], "date_of_birth": "2013-13-01", "sex": None},
        "relatives": [{"id": "r1", "name": 7, "relationship": "mother", "state": "UA"}],
    }
    answer = uploaded(browser, json.dumps(wrong).encode())
    assert answer.status_code == 422
    named = set(re.findall(r"<code>([^<]+)</code>", answer.text))
    assert named == {"agreement", "colour", "opened_by", "child.date_of_birth", "child.sex", "relatives.0.name"}
    assert "Date of birth" in answer.text and "Name of the relative" in answer.text
    assert "There is none in this browser." in browser.get("/open").text


def test_a_file_of_nothing_but_faults_is_a_page_that_can_be_read() -> None:
    """A list of numbers where none belong was a page of 34 MB."""
    browser = an_authority(a_registry()[0])
    many = uploaded(browser, json.dumps({**INTAKE_OF_FILE, "concerns": [0] * 1_000}).encode())
    assert many.status_code == 422 and "More faults: 800. Mend these first." in many.text
    assert many.text.count("<code>concerns.") == 200
    too_many = uploaded(browser, json.dumps({"concerns": [0] * 80_000}).encode())
    assert too_many.status_code == 422 and "There are too many faults to tell each." in too_many.text
    assert "This must be you" in too_many.text
    assert len(too_many.text) < 2 * len(browser.get("/open/upload").text)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b"7", b'"text"', b"[" * 5_000])
def test_what_is_no_intake_is_told(content: bytes) -> None:
    """In a sentence."""
    answer = uploaded(an_authority(a_registry()[0]), content)
    assert answer.status_code == 422 and "This file is not an intake written as JSON." in answer.text


def test_no_file_and_too_large_a_file_are_told() -> None:
    """Before anything is read of it."""
    browser = an_authority(a_registry()[0])
    none = browser.post("/open/upload", data=fields_of(browser.get("/open/upload").text))
    assert none.status_code == 422 and none.text.count("Choose a file.") == 2
    assert "too large" in uploaded(browser, b" " * 300_000).text


# In five languages, and in a real browser


@everywhere
def test_the_pages_speak_the_readers_language(code: str) -> None:
    """Each title is translated, and the faults too."""
    browser = an_authority(a_registry()[0])
    browser.headers["Accept-Language"] = code
    draft, said = begun(browser), language(code)
    send(browser, f"{draft}/states", {"origin_state": "UA"})
    for step in STEPS:
        page = browser.get(f"{draft}/{step.name}").text
        assert f"<title>{said.gettext(step.title)} – Homeward</title>" in page
        assert (said.gettext(step.title) == step.title) == (code == "en")
    for english, address in (
        ("Check your answers", f"{draft}/check"),
        ("Upload an intake file", "/open/upload"),
        ("Open a case", "/open"),
    ):
        assert f"<title>{said.gettext(english)} – Homeward</title>" in browser.get(address).text
        assert (said.gettext(english) == english) == (code == "en")


def test_days_are_those_of_the_clock() -> None:
    """A day ahead of the desk's clock is in the future, whatever the machine's says."""
    desk, _ = a_registry()
    browser = an_authority(desk)
    day = (START + timedelta(days=2)).date()
    typed = {
        **typed_for("found"),
        "found.on.day": str(day.day),
        "found.on.month": str(day.month),
        "found.on.year": str(day.year),
    }
    assert "This lies in the future." in send(browser, f"{begun(browser)}/found", typed).text
