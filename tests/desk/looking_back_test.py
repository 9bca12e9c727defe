"""Looking back at the desk: then beside now, safeguards, refusals, deadlines, the dossier; and who sees none of it."""

import asyncio
import io
import json
import re
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from httpx2 import ASGITransport, AsyncClient
from starlette.testclient import TestClient

from casefile.languages import LANGUAGES
from casefile.matrix import safeguard_matrix
from casefile.redaction import READERS
from desk.app import create_app
from desk.development import PEOPLE
from desk.frame import Desk
from desk.pages.looking_back import PAGES, readers_for
from desk.sessions import Sessions
from desk.speaking import language
from starter.auditors import todays_code
from starter.client import Cases
from tests.desk.cases_in_memory import CasesInMemory
from tests.desk.desks import Hands, a_desk, client, hidden, signed_in
from tests.procedure.courses import REFERENCE, Course
from tests.workflows.engines import accepted, time_skipping, until_determined

PAST = f"/cases/{REFERENCE}/past"
ADDRESSES = (PAST, f"{PAST}/safeguards", f"{PAST}/refusals", f"{PAST}/deadlines", f"{PAST}/dossier")

everywhere = pytest.mark.parametrize("code", LANGUAGES)


def eventful() -> Course:
    """A case with a refusal, a correction, a withdrawn consent, a detention and a deadline that passed."""
    course = Course().identified()
    course.refused("determine_best_interests")
    course.does("appoint_guardian").does("appoint_counsel")
    course.does("open_tracing").does("report_tracing").does("assess_family").ready_for_panel().determine()
    course.does("correct", entry=1, fields={"found.place": "Another Invented Place"})
    course.does("correct", "caseworker", entry=course.number_of("verify_identity"), fields={"result": "verified"})
    course.consented().does("withdraw_consent")
    course.does("report_detention").wait(days=2)
    return course


def a_past(course: Course | None = None, **changes: object) -> Desk:
    """A desk with one case, at the moment that its course has come to."""
    course = course or eventful()
    hands = Hands(course.at + timedelta(hours=1))
    return a_desk(cases=CasesInMemory(course), clock=hands, sessions=Sessions(), **changes)


def auditor(desk: Desk | None = None) -> TestClient:
    """A browser at which the auditor sits."""
    return signed_in(client(desk or a_past(), [PAGES]), "auditor-md-1")


def rows(page: str) -> dict[str, list[str]]:
    """The rows of a page's tables by what stands at their beginning: the cells' texts."""
    found: dict[str, list[str]] = {}
    for row in re.findall(r"<tr.*?</tr>", page, re.DOTALL):
        cells = [
            " ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)
        ]
        found[cells[0].removesuffix(" changed")] = cells[1:]
    return found


# Then and now


def test_known_then_stands_beside_known_now() -> None:
    """Each as the record had it at its moment, and what differs is marked."""
    course = eventful()
    hearing = course.number_of("hear_child")
    page = auditor(a_past(course)).get(PAST, params={"at": hearing}).text
    table = rows(page)
    assert table["Stage"] == ["Best interests", "Identification"]
    assert table["Solution"] == ["none", "Return"] and table["Holds"][0] == "none"
    assert "Detention" in table["Holds"][1]
    assert table["Guardian in office"] == ["guardian-1", "guardian-1"]
    marked = re.findall(r'desk-differs">\s*<th[^>]*>([^<]+) <', page)
    assert "Solution" in marked and "Holds" in marked and "Guardian in office" not in marked
    assert f"As it was after entry {hearing} of {course.case.n}" in page


def test_what_was_mended_undone_and_ended_since_is_told() -> None:
    """With the entries that did it; from the newest entry on there is nothing of the kind."""
    course = eventful()
    browser = auditor(a_past(course))
    page = browser.get(PAST, params={"at": course.number_of("verify_identity")}).text
    mended = rows(page)
    assert mended["Place where the child was found (Intake, entry 1 )"] == [
        "Invented Station",
        "Another Invented Place",
        str(course.number_of("correct") - 1),
    ]
    assert mended["Result (Check of the identity, entry 2 )"][:2] == ["presumed, not proven", "verified"]
    assert mended["Where the child is"][1:] == ["Report of a detention", str(course.number_of("report_detention"))]
    given, withdrawn = (course.number_of(act) for act in ("give_consent", "withdraw_consent"))
    later = rows(browser.get(PAST, params={"at": given}).text)
    assert later["Consent to the return"] == [str(given), "Report of a detention", str(withdrawn + 1)]
    assert "Nothing that stood then was corrected" in browser.get(PAST, params={"at": course.case.n}).text


def test_one_goes_from_entry_to_entry_by_links_and_a_form() -> None:
    """First, previous, next, newest; the slider is a field of a form that works without a script."""
    last = eventful().case.n
    browser = auditor()
    page = browser.get(PAST, params={"at": 5}).text
    for to in (1, 4, 6, last):
        assert f'href="{PAST}?at={to}"' in page
    assert f'<input type="range" id="past-slider" name="at" min="1" max="{last}" value="5"' in page
    first, newest = browser.get(PAST, params={"at": 1}).text, browser.get(PAST).text
    assert f'href="{PAST}?at=0"' not in first and f'href="{PAST}?at={last + 1}"' not in newest
    assert f"As it was after entry {last} of {last}" in newest


def test_a_date_leads_to_what_was_known_at_its_end() -> None:
    """With a time, to that minute; before the opening there is nothing, which is told in words."""
    browser = auditor()
    on = {"day": "2", "month": "2", "year": "2026"}
    page = browser.get(PAST, params=on)
    assert page.status_code == 200 and "As it was on 2 February 2026, 23:59 UTC" in page.text
    exact = browser.get(PAST, params={**on, "time": "9.00"}).text
    assert "As it was on 2 February 2026, 09:00 UTC" in exact
    early = browser.get(PAST, params={**on, "month": "1"})
    assert (
        early.status_code == 422 and early.text.count("This case was opened later, on 2 February 2026, 09:00 UTC.") == 2
    )
    assert 'value="1"' in early.text and "<title>Error: " in early.text


@pytest.mark.parametrize(
    "asked",
    [{"at": "0"}, {"at": "100000"}, {"at": "soon"}, {"day": "31", "month": "2", "year": "2026"}, {"year": "x"},
     {"at": "9" * 5_000}, {"day": "1", "month": "1", "year": "2026", "time": "25:00"}],
)  # fmt: skip
def test_a_moment_that_there_is_not_is_told_and_the_newest_shown(asked: dict[str, str]) -> None:
    """Never a page without an answer."""
    answer = auditor().get(PAST, params=asked)
    assert answer.status_code == 422 and 'class="govuk-error-summary"' in answer.text


# Safeguards, refusals, deadlines


def test_the_matrix_is_that_of_the_entries_up_to_then() -> None:
    """Each safeguard once, with links to the entries that show it, and no word of what came later."""
    course = eventful()
    then = course.number_of("appoint_guardian")
    browser = auditor(a_past(course))
    early = browser.get(f"{PAST}/safeguards", params={"at": then}).text
    late = browser.get(f"{PAST}/safeguards").text
    for page, upto in ((early, then), (late, course.case.n)):
        matrix = safeguard_matrix(course.entries[:upto])
        for row in matrix.rows:
            (told,) = re.findall(rf'<tr class="govuk-table__row" id="{row.name}">(.*?)</tr>', page, re.DOTALL)
            linked = {int(n) for n in re.findall(rf'href="{PAST}\?at=(\d+)"', told)}
            shown = {n for kept in row.kept_by for n in (kept.entry, *kept.evidence)}
            assert linked == shown | set(row.refused_by) | {broken.entry for broken in row.broken_by}
    assert "The child was reported in detention" in late and "The child was reported in detention" not in early


def test_the_refusal_book_quotes_the_record() -> None:
    """What was asked for, by whom, why it was refused, the source and what was offered instead."""
    course = eventful()
    refused = next(entry for entry in course.entries if entry.kind == "refused")
    browser = auditor(a_past(course))
    page = browser.get(f"{PAST}/refusals").text
    for reason in refused.body["refusals"]:
        for text in (reason["message"], reason["source"], reason["instead"]):
            assert text.replace("'", "&#39;").replace('"', "&#34;") in page
    assert f'id="refusal-{refused.n}"' in page
    assert "No act was refused." in browser.get(f"{PAST}/refusals", params={"at": refused.n - 1}).text
    assert "Why it was refused" in browser.get(PAST, params={"at": refused.n}).text


def test_deadlines_are_told_with_the_picture() -> None:
    """When each was due, met and how late; the drawing is of the entries up to then."""
    course = eventful().wait(days=60)
    page = auditor(a_past(course)).get(f"{PAST}/deadlines").text
    (drawn,) = re.findall(r'<div class="desk-picture".*?</div>', page, re.DOTALL)
    assert "<svg" in drawn and "The case over time" in drawn
    table = rows(page)
    assert any(cells[-1] != "–" for name, cells in table.items() if name != "Deadline")


# Who sees it


@pytest.mark.parametrize("person", [each.id for each in PEOPLE])
def test_only_who_sees_all_of_a_case_looks_back(person: str) -> None:
    """Auditor, court, ombudsperson, the host's central authority and its caseworkers; on each of its pages alike."""
    may = {"auditor-md-1", "court-md-1", "ombudsperson-md-1", "central-authority-md-1", "central-authority-md-2",
           "caseworker-md-1"}  # fmt: skip
    browser = signed_in(client(a_past(), [PAGES]), person)
    [status] = {browser.get(address).status_code for address in ADDRESSES}
    assert status == 200 if person in may else status in (403, 404)


def test_who_watches_over_readings_finds_the_log_from_the_past() -> None:
    """The auditor has a link to who has read the case; the central authority, who may not see that, has none."""
    link = f'href="/cases/{PAST.split("/")[2]}/readings"'
    assert link in auditor().get(PAST).text
    authority = signed_in(client(a_past(), [PAGES]), "central-authority-md-1")
    assert link not in authority.get(PAST).text


def test_a_case_that_there_is_not_has_no_past() -> None:
    """Nor has what is no reference; and nobody reads without signing in."""
    browser = auditor()
    assert browser.get("/cases/MD-UA-2026-000000/past").status_code == 404
    assert browser.get("/cases/nothing/past").status_code == 404
    assert client(a_past(), [PAGES]).get(PAST).status_code == 303


def test_a_record_with_holes_is_not_shown_as_it_was() -> None:
    """A page says so, with what is missing for whoever runs the desk."""

    class Forgetful(CasesInMemory):
        async def ledger(self, reference: str, first: int = 1) -> list[dict[str, object]]:
            return (await super().ledger(reference, first))[3:]

    course = eventful()
    desk = a_desk(cases=Forgetful(course), clock=Hands(course.at))
    answer = auditor(desk).get(PAST)
    assert answer.status_code == 409 and "The entries before 4 are missing" in answer.text


# Dossiers


def test_nobody_has_a_dossier_made_for_who_sees_more_than_they_do() -> None:
    """An authority gets no engine histories by choosing the auditor."""
    assert readers_for("auditor") == list(READERS)
    assert set(READERS) - set(readers_for("host_authority")) == {"auditor", "court", "ombudsperson"}
    browser = signed_in(client(a_past(), [PAGES]), "central-authority-md-1")
    page = browser.get(f"{PAST}/dossier").text
    assert 'value="auditor"' not in page and 'value="origin_authority"' in page
    answer = browser.post(f"{PAST}/dossier", data={**hidden(page), "reader": "auditor", "in_language": "en"})
    assert answer.status_code == 422 and "Choose for whom the dossier is" in answer.text


def test_the_button_for_a_dossier_is_pressed_once() -> None:
    """The page says that it takes a while; a second press of the button is not heard."""
    page = auditor().get(f"{PAST}/dossier").text
    assert "That takes some seconds" in page and "Press once and wait" in page
    (button,) = re.findall(r"<button[^>]*>\s*Make the dossier", page)
    assert 'data-prevent-double-click="true"' in button


def test_what_was_owed_is_called_by_what_was_asked() -> None:
    """A decision on the return, not one of the two answers."""
    course = Course().ready_to_approve()
    owed = " ".join(rows(auditor(a_past(course)).get(PAST).text)["Owed"])
    assert "Decision of the host state on the return" in owed and "Approval of the return" not in owed


def test_a_dossier_that_cannot_be_made_leaves_a_page() -> None:
    """Here neither an engine nor an archive knows the case."""
    browser = auditor()
    form = hidden(browser.get(f"{PAST}/dossier").text)
    answer = browser.post(f"{PAST}/dossier", data={**form, "reader": "auditor", "in_language": "uk"})
    assert answer.status_code == 404 and "<main" in answer.text


@pytest.mark.engine
def test_a_dossier_is_made_of_a_case_on_an_engine(tmp_path: Path) -> None:
    """Replayed through today's code and bound for the reader that was chosen, as a file that keeps no name."""
    # In a thread of its own: a browser that an earlier test started keeps this one's loop.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _made_on_an_engine(tmp_path)).result()


async def _made_on_an_engine(tmp_path: Path) -> None:
    async with time_skipping(tmp_path) as engine, engine.worker():
        handle = await engine.start()
        await accepted(handle, *until_determined())
        desk = a_desk(cases=Cases(engine.client), code=todays_code)
        app = create_app(desk, pages=[PAGES])
        async with AsyncClient(transport=ASGITransport(app), base_url=desk.base_url) as browser:
            await engine_signed_in(browser)
            page = (await browser.get(f"/cases/{handle.id}/past/dossier")).text
            answer = await browser.post(
                f"/cases/{handle.id}/past/dossier",
                data={**hidden(page), "reader": "ombudsperson", "in_language": "uk"},
            )
        assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/zip"
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{handle.id}-ombudsperson.zip"'
        with zipfile.ZipFile(io.BytesIO(answer.content)) as dossier:
            assert {"manifest.json", "ledger.jsonl", "dossier.pdf"} <= set(dossier.namelist())
            manifest = json.loads(dossier.read("manifest.json"))
        assert (manifest["reader"], manifest["language"], manifest["findings"]) == ("ombudsperson", "uk", [])


async def engine_signed_in(browser: AsyncClient) -> None:
    """The auditor signs in, in the loop in which the engine's client lives."""
    form = hidden((await browser.get("/sign-in")).text)
    answer = await browser.post("/sign-in", data={**form, "person": "auditor-md-1"})
    assert answer.status_code == 303


# In five languages, and in a real browser


@everywhere
def test_every_page_speaks_the_readers_language(code: str) -> None:
    """Title and headings are translated, and no page is heavier than a slow line carries."""
    browser = auditor()
    browser.headers["Accept-Language"] = code
    for address in ADDRESSES:
        answer = browser.get(address)
        assert answer.status_code == 200 and answer.headers["Content-Language"] == code
        (title,) = re.findall(r"<title>(.*) – Homeward</title>", answer.text)
        assert (title in {"Then and now", "Safeguards", "Refusal book", "Deadlines", "Dossier"}) == (code == "en")
        assert "&lt;" not in answer.text and len(answer.text.encode()) < 150_000
    assert language(code).gettext("Then and now") in browser.get(PAST).text
