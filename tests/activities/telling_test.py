"""Telling people and programs: servers that work, that are away, and that refuse."""

import asyncio
import email
import json
import threading
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email import policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from temporalio.common import RawValue
from temporalio.converter import PayloadConverter
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.caseload import Caseload, CaseloadUnreachable
from activities.events import EventWebhook
from activities.mail import MailServer
from activities.notices import AddressBook, NoticeFolder
from activities.settings import Settings, read_settings
from activities.telling import REFUSED_AGAIN_AFTER, Teller
from workflows.messages import CaseloadRow, Notice, OutgoingEvent, Telling

pytestmark = pytest.mark.asyncio

REFERENCE = "MD-UA-2026-7K3F9A"
SECRET = "whsec_c2VjcmV0IHRoYXQgaXMgbG9uZyBlbm91Z2g="
NEW_SECRET = "whsec_YW5vdGhlciBzZWNyZXQgb2YgZ29vZCBsZW5ndGg="
GUARDIAN = Notice(
    "owed", "guardianship_authority", "MD", 1, act="appoint_guardian", deadline="guardian", due="2026-03-04T10:00:00Z"
)
COUNSEL = replace(GUARDIAN, act="appoint_counsel", deadline="counsel")
SCREENING = Notice("owed", "caseworker", "MD", 1, act="screen_protection", deadline="protection_screening")
DETENTION = Notice("detention", "ombudsperson", "MD", 2)
BOOK = AddressBook(
    {
        "guardianship_authority@MD": "guardians@example.org",
        "caseworker@MD": "care@example.org",
        "ombudsperson@MD": "ombuds@example.org",
    }
)


def event(entry: int) -> OutgoingEvent:
    return OutgoingEvent(entry, "2026-03-01T10:00:00Z", "accepted", "place_child", [], {"stage": "decision"}, "f" * 64)


def telling(notices: Sequence[Notice] = (), events: Sequence[OutgoingEvent] = ()) -> Telling:
    return Telling(REFERENCE, 1, 2, list(notices), list(events))


@dataclass
class Mailbox:
    """What a small mail server took, and whom it refuses: a code by address."""

    taken: list[EmailMessage] = field(default_factory=list[EmailMessage])
    refuses: dict[str, int] = field(default_factory=dict[str, int])
    port: int = 0

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        code = self.refuses.get(address)
        if code is not None:
            return f"{code} no <{address}> here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.taken.append(email.message_from_bytes(envelope.content, _class=EmailMessage, policy=policy.default))
        return "250 OK"

    @property
    def to(self) -> list[str]:
        return [message["To"] for message in self.taken]


@pytest.fixture
def port(unreachable: str) -> int:
    return int(unreachable.rpartition(":")[2].partition("/")[0])


@pytest.fixture
def mailbox(port: int) -> Iterator[Mailbox]:
    box = Mailbox(port=port)
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    yield box
    server.stop()


@dataclass
class Receiver:
    """What a small web server was posted, and what it answers to each post in turn; then 204."""

    posts: list[HTTPMessage] = field(default_factory=list[HTTPMessage])
    answers: list[int] = field(default_factory=list[int])
    url: str = ""

    @property
    def entries(self) -> list[int]:
        return [json.loads(post.body)["data"]["entry"] for post in self.posts]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    got = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.posts.append(HTTPMessage({name.lower(): value for name, value in self.headers.items()}, body))
            code = got.answers.pop(0) if got.answers else 204
            self.send_response(code)
            if code == 429:
                self.send_header("Retry-After", "120")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=server.serve_forever, args=(0.02,))
    serving.start()
    got.url = f"http://127.0.0.1:{server.server_address[1]}/events"
    yield got
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.fixture
def settings(tmp_path: Path, port: int) -> Settings:
    return read_settings(
        data=tmp_path, smtp_host="127.0.0.1", smtp_port=port, smtp_starttls=False, smtp_sender="desk@example.org"
    )


@pytest.fixture
def by_mail(settings: Settings, small_caseload: Caseload) -> Teller:
    folder = NoticeFolder(settings.notices_folder)
    return Teller(small_caseload, folder, mail=MailServer(settings), address_book=lambda: BOOK)


@pytest_asyncio.fixture
async def by_webhook(settings: Settings, small_caseload: Caseload, receiver: Receiver) -> AsyncGenerator[Teller]:
    webhook = EventWebhook(receiver.url, (SECRET,))
    yield Teller(small_caseload, NoticeFolder(settings.notices_folder), webhook=webhook)
    await webhook.close()


def in_folder(settings: Settings) -> list[str]:
    return sorted(path.name for path in (settings.notices_folder / "new").glob("*"))


async def tell(teller: Teller, what: Telling, *, heartbeats: Sequence[Any] = (), attempt: int = 1) -> None:
    """Run the activity's work as the engine would; ``heartbeats`` is what an earlier attempt noted."""
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, heartbeat_details=list(heartbeats), attempt=attempt)
    await environment.run(teller.tell, what)


async def fails(teller: Teller, what: Telling, **given: Any) -> ApplicationError:
    with pytest.raises(ApplicationError) as failure:
        await tell(teller, what, **given)
    assert "Untold" == failure.value.type
    assert not failure.value.non_retryable
    assert "@" not in str(failure.value)
    assert "127.0.0.1" not in str(failure.value)
    return failure.value


# Folder


async def test_without_a_mail_server_notices_lie_in_the_folder(settings: Settings, small_caseload: Caseload) -> None:
    """One file a notice; a second telling of the same adds none."""
    teller = Teller(small_caseload, NoticeFolder(settings.notices_folder))

    await tell(teller, telling([GUARDIAN, COUNSEL, SCREENING]))
    await tell(teller, telling([GUARDIAN, COUNSEL, SCREENING]))

    assert 3 == len(in_folder(settings))


async def test_what_only_lies_in_the_folder_is_told_at_once(settings: Settings, small_caseload: Caseload) -> None:
    """So no activity of its own is needed for it; told once more all the same, it lies there once."""
    teller = Teller(small_caseload, NoticeFolder(settings.notices_folder))
    assert await teller.tell_at_once(telling([GUARDIAN, SCREENING]))
    await tell(teller, telling([GUARDIAN, SCREENING]))
    assert len(in_folder(settings)) == 2


async def test_what_needs_another_server_is_not_told_at_once(
    by_mail: Teller, by_webhook: Teller, mailbox: Mailbox, settings: Settings
) -> None:
    """A person who waits for a receipt does not wait for mail or a webhook."""
    for teller in (by_mail, by_webhook):
        assert not await teller.tell_at_once(telling([GUARDIAN], [event(1)]))
    assert in_folder(settings) == []
    assert mailbox.taken == []


async def test_a_folder_that_fails_or_takes_long_keeps_nobody_waiting(
    tmp_path: Path, small_caseload: Caseload, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is left to an activity of its own, which tries again and shows it in the caseload."""
    (tmp_path / "file").touch()
    assert not await Teller(small_caseload, NoticeFolder(tmp_path / "file")).tell_at_once(telling([GUARDIAN]))

    class Slow(NoticeFolder):
        async def put(self, reference: str, *notices: Notice) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr("activities.telling.AT_ONCE_WITHIN", 0.05)
    assert not await Teller(small_caseload, Slow(tmp_path)).tell_at_once(telling([GUARDIAN]))


async def test_notices_go_out_while_the_caseload_is_down(settings: Settings, unreachable: str) -> None:
    """What people must know does not wait for a database. It is told later that they know, and they no second time."""
    down = Caseload(unreachable)
    for attempt in (1, 2):
        failure = await fails(Teller(down, NoticeFolder(settings.notices_folder)), telling([GUARDIAN]), attempt=attempt)
        assert "the caseload does not know" in str(failure)
        assert 1 == len(in_folder(settings))
    await down.close()


async def test_a_folder_that_cannot_be_written_shows_in_the_caseload(tmp_path: Path, small_caseload: Caseload) -> None:
    """And is tried again."""
    (tmp_path / "file").write_text("")

    await fails(Teller(small_caseload, NoticeFolder(tmp_path / "file")), telling([GUARDIAN]))

    assert ["folder"] == [untold.channel for untold in await small_caseload.untold()]


# Mail


async def test_mail_goes_to_whoever_owes(by_mail: Teller, mailbox: Mailbox, settings: Settings) -> None:
    """One message a notice, from the sender that was set, with nothing left in the folder."""
    await tell(by_mail, telling([GUARDIAN, SCREENING]))

    assert ["guardians@example.org", "care@example.org"] == mailbox.to
    assert "desk@example.org" == mailbox.taken[0]["From"]
    assert "appoint a guardian" in mailbox.taken[0].get_content()
    assert [] == in_folder(settings)


async def test_mail_that_went_out_is_not_sent_again(by_mail: Teller, mailbox: Mailbox) -> None:
    """A telling that the engine repeats reaches nobody twice: the caseload remembers."""
    await tell(by_mail, telling([GUARDIAN, SCREENING]))
    await tell(by_mail, telling([GUARDIAN, SCREENING]))

    assert 2 == len(mailbox.taken)


async def test_the_engine_remembers_when_the_caseload_cannot(
    settings: Settings, mailbox: Mailbox, unreachable: str
) -> None:
    """With the caseload down, what an attempt noted by heartbeat keeps the next from repeating it."""
    down = Caseload(unreachable)
    teller = Teller(down, NoticeFolder(settings.notices_folder), mail=MailServer(settings), address_book=lambda: BOOK)
    mailbox.refuses["care@example.org"] = 450
    beats: list[Any] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: beats.append(details)
    with pytest.raises(ApplicationError):
        await environment.run(teller.tell, telling([GUARDIAN, SCREENING]))
    mailbox.refuses.clear()

    # As a worker on cases gets it back: heartbeats have no type, so it is left as it came.
    payload = PayloadConverter.default.to_payload(beats[-1][0])
    await fails(teller, telling([GUARDIAN, SCREENING]), heartbeats=[RawValue(payload)])

    assert ["guardians@example.org", "care@example.org"] == mailbox.to
    await down.close()


async def test_a_mail_server_that_is_away_shows_until_it_is_back(
    by_mail: Teller, settings: Settings, small_caseload: Caseload, row: Callable[..., CaseloadRow]
) -> None:
    """The telling is tried again by the engine, stands in the caseload meanwhile, and goes when it got out."""
    await small_caseload.keep(row())
    what = telling([GUARDIAN, SCREENING])
    failure = await fails(by_mail, what)
    await fails(by_mail, what)

    assert failure.next_retry_delay is None
    assert [] == in_folder(settings)
    [case] = await small_caseload.page()
    [untold] = case.untold
    assert ("mail", 2, False, 1) == (untold.channel, untold.attempts, untold.refused, untold.first)
    assert "SMTPConnectError" == untold.last_error

    box = Mailbox()
    server = Controller(box, hostname="127.0.0.1", port=settings.smtp_port)
    server.start()
    await tell(by_mail, what)
    server.stop()

    assert 2 == len(box.taken)
    assert [] == await small_caseload.untold()


async def test_what_got_out_while_the_caseload_was_away_does_not_stand_there_as_untold(
    by_webhook: Teller, receiver: Receiver, small_caseload: Caseload, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later attempt takes it away, once the caseload is back, and posts nothing again.

    The attempt that got it out may be the first of a new run, which knows nothing of those of the run before.
    """
    what, beats = telling([], [event(1)]), list[Any]()
    receiver.answers.append(503)
    await fails(by_webhook, what)

    async def away(*_: Any, **__: Any) -> None:
        raise CaseloadUnreachable("away")

    with monkeypatch.context() as gone:
        for name in ("told", "part_told", "telling_done", "telling_failed"):
            gone.setattr(small_caseload, name, away)
        environment = ActivityEnvironment()
        environment.on_heartbeat = lambda *details: beats.append(details)
        with pytest.raises(ApplicationError, match="the caseload does not know"):
            await environment.run(by_webhook.tell, what)
    assert 1 == len(await small_caseload.untold())

    await tell(by_webhook, what, attempt=3, heartbeats=[RawValue(PayloadConverter.default.to_payload(beats[-1][0]))])
    assert [] == await small_caseload.untold()
    assert [1, 1] == receiver.entries


async def test_an_urgent_notice_does_not_only_wait_for_the_mail_server(by_mail: Teller, settings: Settings) -> None:
    """Detention and a missing child lie in the folder at once, whatever the mail server does."""
    await fails(by_mail, telling([DETENTION, GUARDIAN]))

    [name] = in_folder(settings)
    assert ".detention." in name


async def test_one_refused_address_does_not_stop_the_others(
    by_mail: Teller, mailbox: Mailbox, settings: Settings, small_caseload: Caseload
) -> None:
    """Its notice goes into the folder, shows as refused, and is tried again after hours, not seconds."""
    mailbox.refuses["guardians@example.org"] = 550
    what = telling([GUARDIAN, SCREENING])

    failure = await fails(by_mail, what)

    assert REFUSED_AGAIN_AFTER == failure.next_retry_delay
    assert ["care@example.org"] == mailbox.to
    [name] = in_folder(settings)
    assert "guardianship_authority-MD" in name
    [untold] = await small_caseload.untold()
    assert ("SMTP 550", True) == (untold.last_error, untold.refused)

    mailbox.refuses.clear()
    await tell(by_mail, what)

    assert ["care@example.org", "guardians@example.org"] == mailbox.to
    assert [] == await small_caseload.untold()


async def test_an_address_that_is_busy_does_not_stop_the_others(by_mail: Teller, mailbox: Mailbox) -> None:
    """A mailbox that is full or greylisted is tried again soon, alone."""
    mailbox.refuses["guardians@example.org"] = 450

    failure = await fails(by_mail, telling([GUARDIAN, SCREENING]))

    assert failure.next_retry_delay is None
    assert ["care@example.org"] == mailbox.to


async def test_who_has_no_address_finds_the_notice_in_the_folder(
    by_mail: Teller, mailbox: Mailbox, settings: Settings
) -> None:
    """An office that is not in the book is no failure."""
    await tell(by_mail, telling([replace(GUARDIAN, to_state="UA"), SCREENING]))

    assert ["care@example.org"] == mailbox.to
    assert 1 == len(in_folder(settings))


async def test_a_spoilt_address_book_sends_notices_to_the_folder(
    settings: Settings, mailbox: Mailbox, small_caseload: Caseload, tmp_path: Path
) -> None:
    """A book mended while cases wait counts at the next attempt."""
    book = tmp_path / "addresses.toml"
    book.write_text("not toml")
    teller = Teller(
        small_caseload,
        NoticeFolder(settings.notices_folder),
        mail=MailServer(settings),
        address_book=lambda: AddressBook.read(book),
    )

    failure = await fails(teller, telling([GUARDIAN]))
    assert REFUSED_AGAIN_AFTER == failure.next_retry_delay
    assert 1 == len(in_folder(settings))

    book.write_text('"guardianship_authority@MD" = "guardians@example.org"')
    await tell(teller, telling([GUARDIAN]))
    assert ["guardians@example.org"] == mailbox.to


async def test_a_server_without_encryption_is_refused_where_it_was_demanded(
    settings: Settings, mailbox: Mailbox, small_caseload: Caseload
) -> None:
    """STARTTLS is demanded unless it was switched off; no notice goes out in the open by accident."""
    demanding = settings.model_copy(update={"smtp_starttls": True})
    teller = Teller(
        small_caseload,
        NoticeFolder(settings.notices_folder),
        mail=MailServer(demanding),
        address_book=lambda: BOOK,
    )

    await fails(teller, telling([GUARDIAN]))

    assert [] == mailbox.taken
    [untold] = await small_caseload.untold()
    assert untold.refused


# Webhook


async def test_an_event_is_a_signed_cloud_event(by_webhook: Teller, receiver: Receiver) -> None:
    """Structured CloudEvents JSON whose signature verifies, and does not once a letter changed."""
    await tell(by_webhook, telling(events=[event(12)]))

    [post] = receiver.posts
    sent = from_structured_event(HTTPMessage(post.headers, post.body))
    assert "org.homeward.case.accepted" == sent.get_type()
    assert f"{REFERENCE}/12" == sent.get_id() == post.headers["webhook-id"]
    assert REFERENCE == sent.get_subject()
    data = sent.get_data()
    assert isinstance(data, dict)
    assert ("f" * 64, "place_child", {"stage": "decision"}) == (data["hash"], data["act"], data["facts"])

    Webhook(SECRET).verify(post.body, post.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(post.body.replace(b"decision", b"decisiom"), post.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW_SECRET).verify(post.body, post.headers)


async def test_while_a_secret_is_replaced_both_sign(
    small_caseload: Caseload, tmp_path: Path, receiver: Receiver
) -> None:
    """Receivers with the old and with the new secret both accept."""
    webhook = EventWebhook(receiver.url, (NEW_SECRET, SECRET))
    await tell(Teller(small_caseload, NoticeFolder(tmp_path), webhook=webhook), telling(events=[event(1)]))
    await webhook.close()

    for secret in (SECRET, NEW_SECRET):
        Webhook(secret).verify(receiver.posts[0].body, receiver.posts[0].headers)


async def test_an_event_that_was_taken_is_not_posted_again(by_webhook: Teller, receiver: Receiver) -> None:
    """Neither by a repeated telling nor after a later event failed."""
    receiver.answers = [204, 503]
    what = telling(events=[event(1), event(2), event(3)])

    failure = await fails(by_webhook, what)
    assert failure.next_retry_delay is None
    assert [1, 2] == receiver.entries

    await tell(by_webhook, what)
    await tell(by_webhook, what)
    assert [1, 2, 2, 3] == receiver.entries


async def test_a_webhook_that_is_away_shows_in_the_caseload(
    small_caseload: Caseload, tmp_path: Path, port: int
) -> None:
    """Nothing listens there; the notices go out all the same."""
    webhook = EventWebhook(f"http://127.0.0.1:{port}/secret-path", (SECRET,))
    teller = Teller(small_caseload, NoticeFolder(tmp_path), webhook=webhook)

    failure = await fails(teller, telling([GUARDIAN], [event(1)]))
    await webhook.close()

    assert "secret-path" not in str(failure)
    assert 1 == len(list((tmp_path / "new").iterdir()))
    [untold] = await small_caseload.untold()
    assert ("webhook", "ConnectError", False) == (untold.channel, untold.last_error, untold.refused)


@pytest.mark.parametrize("code", [400, 401, 404, 410, 302])
async def test_a_webhook_that_refuses_is_asked_again_after_hours(
    by_webhook: Teller, receiver: Receiver, small_caseload: Caseload, code: int
) -> None:
    """It shows as refused, the events after it go out, and no redirect is followed."""
    receiver.answers = [code]

    failure = await fails(by_webhook, telling(events=[event(1), event(2)]))

    assert REFUSED_AGAIN_AFTER == failure.next_retry_delay
    assert [1, 2] == receiver.entries
    [untold] = await small_caseload.untold()
    assert (f"HTTP {code}", True) == (untold.last_error, untold.refused)


@pytest.mark.parametrize(("code", "wait"), [(408, None), (429, timedelta(seconds=120)), (500, None)])
async def test_a_webhook_that_is_busy_is_asked_again_soon(
    by_webhook: Teller, receiver: Receiver, code: int, wait: timedelta | None
) -> None:
    """By the engine's own pace, or when the other side asked to be asked."""
    receiver.answers = [code]

    failure = await fails(by_webhook, telling(events=[event(1), event(2)]))

    assert wait == failure.next_retry_delay
    assert [1] == receiver.entries


async def test_events_are_nothing_where_there_is_no_webhook(small_caseload: Caseload, tmp_path: Path) -> None:
    """A telling made while a webhook was set up is harmless after it was taken away."""
    await tell(Teller(small_caseload, NoticeFolder(tmp_path)), telling(events=[event(1)]))

    assert [] == await small_caseload.untold()


async def test_tellings_of_one_case_do_not_hide_each_other(
    by_webhook: Teller, receiver: Receiver, small_caseload: Caseload
) -> None:
    """A later telling that got out does not clear an earlier one that did not."""
    receiver.answers = [503]
    await fails(by_webhook, telling(events=[event(1)]))

    await tell(by_webhook, Telling(REFERENCE, 3, 3, [], [event(3)]))

    assert [1] == [untold.first for untold in await small_caseload.untold()]


async def test_many_tellings_at_once_keep_their_ways_apart(by_mail: Teller, mailbox: Mailbox) -> None:
    """Ten cases tell at one moment; every mail goes out once."""
    await asyncio.gather(
        *(tell(by_mail, replace(telling([GUARDIAN]), reference=f"MD-UA-2026-00000{n}")) for n in range(10))
    )

    assert 10 == len({message["Message-ID"] for message in mailbox.taken}) == len(mailbox.taken)
