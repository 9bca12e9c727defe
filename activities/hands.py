"""The worker's hands: the activities that a case calls, and those of the archive, with all that they need in one grip.

Every one may run twice for one cause and still does its work once: rows carry their entry number,
notices and events their own ids, and a claim its case. A row, and notices that only lie in their folder, come before the
engine has the step in its history: where it is lost before, they tell of an act that comes a little later, or again.
"""

import asyncio
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Self

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from activities import measures
from activities.admission import AdmissionDesk
from activities.agreements import AgreementShelf
from activities.archiving import Archivist
from activities.caseload import Caseload, CaseloadUnreachable
from activities.events import EventWebhook
from activities.mail import MailServer
from activities.marks import ChildMarks
from activities.notices import AddressBook, NoticeFolder
from activities.settings import Settings
from activities.signing import KeyDesk, takes_unsigned_acts
from activities.telling import Teller
from casefile.archive import Archive, ArchiveUnreachable
from sealing.composing import seal_of
from sealing.published_keys import PublishedKeys
from workflows.messages import (
    ADMIT,
    HAVE_RUN_KEPT,
    KEEP_CASELOAD_ROW,
    KEEP_MISSED_RUNS,
    KEEP_RUN,
    PUBLISHED_KEY,
    STILL_RUNS,
    TELL,
    Admission,
    AdmissionRequest,
    CaseloadRow,
    EndedRun,
    KeyAsked,
    KeyTold,
    RowKept,
    Sweep,
    Swept,
    Telling,
)

AT_ONCE: Final = 2.0
"""Seconds that a case waits for its row. Less than its own patience: what ends here is put in order (decision 0034), and
what the engine's client ends by its own clock is not."""


class Hands:
    """The activities of a worker. Made once, in its composition root; closed when it ends.

    ::

        hands = Hands.of(settings, shelf, client)
        worker = Worker(client, task_queue=TASK_QUEUE, activities=hands.activities(), ...)
        ...
        await hands.close()
    """

    def __init__(
        self,
        *,
        caseload: Caseload,
        shelf: AgreementShelf,
        marks: ChildMarks,
        folder: NoticeFolder,
        client: Client | None = None,
        mail: MailServer | None = None,
        address_book: Callable[[], AddressBook] = lambda: AddressBook({}),
        webhook: EventWebhook | None = None,
        archivist: Archivist | None = None,
        keys: PublishedKeys,
        unsigned_acts: bool = False,
    ) -> None:
        """``client`` tells whether a case still runs; without one, a case in the caseload counts as running.

        ``unsigned_acts``: whether cases may be opened in which acts count without a signature.
        """
        self._caseload = caseload
        self._marks = marks
        self._webhook = webhook
        self._keys = KeyDesk(keys, needed=not unsigned_acts)
        self._desk = AdmissionDesk(shelf, caseload, marks, client, self._keys, unsigned_acts=unsigned_acts)
        self._teller = Teller(caseload, folder, mail=mail, address_book=address_book, webhook=webhook)
        self._archivist = archivist

    @classmethod
    def of(cls, settings: Settings, shelf: AgreementShelf, client: Client | None = None) -> Self:
        """The hands that the settings describe. The caseload's database may be down: it is opened at first use.

        Raises :class:`activities.marks.KeyUnusable`, :class:`activities.notices.AddressBookFault`
        or :class:`activities.signing.UnsignedActsFault`: a worker that cannot keep marks or find addresses should say
        so at start.
        """
        book = settings.address_book

        def address_book() -> AddressBook:
            return AddressBook.read(book) if book else AddressBook({})

        address_book()
        return cls(
            caseload=Caseload(settings.caseload),
            shelf=shelf,
            marks=ChildMarks.with_key_at(settings.duplicates_key),
            folder=NoticeFolder(settings.notices_folder),
            client=client,
            mail=MailServer(settings) if settings.smtp_host else None,
            address_book=address_book,
            webhook=EventWebhook(settings.webhook_url, settings.webhook_secrets) if settings.webhook_url else None,
            archivist=_archivist(settings, client) if client else None,
            keys=PublishedKeys(settings.published_keys_path),
            unsigned_acts=takes_unsigned_acts(settings.unsigned_acts, client),
        )

    @property
    def caseload(self) -> Caseload:
        return self._caseload

    @property
    def marks(self) -> ChildMarks:
        return self._marks

    def activities(self) -> Sequence[Callable[..., Any]]:
        """What the worker registers."""
        return [
            self.admit,
            self.published_key,
            self.keep_caseload_row,
            self.tell,
            self.have_run_kept,
            self.keep_run,
            self.keep_missed_runs,
        ]

    async def close(self) -> None:
        await self._caseload.close()
        if self._webhook is not None:
            await self._webhook.close()

    @activity.defn(name=ADMIT)
    async def admit(self, request: AdmissionRequest) -> Admission:
        """See :meth:`activities.admission.AdmissionDesk.admit`."""
        return await self._desk.admit(request)

    @activity.defn(name=PUBLISHED_KEY)
    async def published_key(self, asked: KeyAsked) -> KeyTold:
        """See :meth:`activities.signing.KeyDesk.told`."""
        # Off the event loop: it reads files, and a folder on a file server may take seconds to answer.
        return await asyncio.to_thread(self._keys.told, asked)

    @activity.defn(name=KEEP_CASELOAD_ROW)
    async def keep_caseload_row(self, row: CaseloadRow) -> RowKept:
        """Show a case in the caseload as it stands after an entry; an older row changes nothing.

        Its telling gets out with it where that can be at once: :meth:`activities.telling.Teller.tell_at_once`.

        Raises ``ApplicationError`` of type ``CaseloadUnreachable`` when the database is down; it may be
        tried again at any time, in any order.
        """
        mark = self._marks.of(row.child) if row.child else None
        try:
            async with asyncio.timeout(AT_ONCE if activity.info().is_local else None):
                await self._caseload.keep(row, mark)
                told = row.telling is not None and await self._teller.tell_at_once(row.telling)
        except (CaseloadUnreachable, TimeoutError) as error:
            measures.CASELOAD_FAILED.inc()
            said = str(error) or "the caseload did not answer at once"
            raise ApplicationError(said, type=CaseloadUnreachable.__name__) from None
        return RowKept(events_wanted=self._webhook is not None, told=told)

    @activity.defn(name=TELL)
    async def tell(self, telling: Telling) -> None:
        """See :meth:`activities.telling.Teller.tell`."""
        await self._teller.tell(telling)

    @activity.defn(name=HAVE_RUN_KEPT)
    async def have_run_kept(self, ended: EndedRun) -> None:
        """See :meth:`activities.archiving.Archivist.have_run_kept`."""
        with _counting_what_is_not_kept():
            await self._archive_keeper().have_run_kept(ended, task_queue=activity.info().task_queue)

    @activity.defn(name=KEEP_RUN)
    async def keep_run(self, ended: EndedRun) -> str:
        """See :meth:`activities.archiving.Archivist.keep_run`."""
        with _counting_what_is_not_kept():
            kept = await self._archive_keeper().keep_run(ended, attempt=activity.info().attempt)
        measures.ARCHIVED.inc()
        return kept

    @activity.defn(name=KEEP_MISSED_RUNS)
    async def keep_missed_runs(self, sweep: Sweep) -> Swept:
        """See :meth:`activities.archiving.Archivist.keep_missed_runs`."""
        with _counting_what_is_not_kept():
            try:
                swept = await self._archive_keeper().keep_missed_runs(sweep, progress=activity.heartbeat)
            except ArchiveUnreachable as error:
                raise ApplicationError(str(error), type=ArchiveUnreachable.__name__) from None
        measures.ARCHIVED.inc(swept.kept)
        measures.ARCHIVE_FAILED.labels(measures.MISSED).inc(swept.failed)
        return swept

    def _archive_keeper(self) -> Archivist:
        if self._archivist is None:
            raise ApplicationError("this worker was given no archive", type=ArchiveUnreachable.__name__)
        return self._archivist


@contextmanager
def _counting_what_is_not_kept() -> Generator[None]:
    try:
        yield
    except ApplicationError as error:
        # One that has not ended yet is only early.
        if error.type != STILL_RUNS:
            measures.ARCHIVE_FAILED.labels(error.type or type(error).__name__).inc()
        raise


def _archivist(settings: Settings, client: Client) -> Archivist:
    seal = seal_of(client)
    return Archivist(client, lambda: Archive(settings.archive, seal=seal, make=True))
