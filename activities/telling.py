"""Telling: what leaves the house after an act or the passing of time. Notices first, then outgoing events.

Each part carries the same id at every attempt, and what got out is noted twice (with the engine, by
heartbeat, and in the caseload), so that another attempt takes up where the last one stopped. Mail can
still arrive twice if a worker dies between the server's answer and the note; its message id is then
the same.

What does not get out never stops a case. Where a server cannot be reached, the engine tries again by
the activity's retry policy. Where a server answers and refuses (an address that does not exist, a
webhook that says 403), trying every few seconds helps nobody, yet a person may mend the address book
or the webhook: it is tried again every six hours while the engine retries at all. Meanwhile the notice
lies in the folder, as every urgent one does at once when the mail server is away, and the caseload
shows the telling until it gets out.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import structlog
from temporalio import activity
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from activities import measures
from activities.caseload import Caseload, CaseloadUnreachable
from activities.events import EventUndelivered, EventWebhook, event_id
from activities.mail import MailServer, MailSession
from activities.notices import URGENT, AddressBook, AddressBookFault, NoticeFolder, NoticeUnsendable, notice_key
from workflows.messages import Notice, Telling

UNTOLD = "Untold"
"""Type of the failure when a telling did not get out wholly."""

REFUSED_AGAIN_AFTER = timedelta(hours=6)
"""How long what was refused waits for a person to mend it before it is tried again."""

AT_ONCE_WITHIN = 1.0
"""Seconds that a person may wait for notices to lie in their folder; a receipt has three in all."""

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _Trouble:
    channel: str
    kind: str
    refused: bool
    after: float | None = None


class Teller:
    """Tells who must be told, by the ways that are set up."""

    def __init__(
        self,
        caseload: Caseload,
        folder: NoticeFolder,
        *,
        mail: MailServer | None = None,
        address_book: Callable[[], AddressBook] = lambda: AddressBook({}),
        webhook: EventWebhook | None = None,
    ) -> None:
        """``address_book`` is asked at each telling, so that a mended book counts at once."""
        self._caseload = caseload
        self._folder = folder
        self._mail = mail
        self._address_book = address_book
        self._webhook = webhook

    async def tell(self, telling: Telling) -> None:
        """Tell all that has not been told yet of a telling.

        Raises ``ApplicationError`` of type ``Untold`` when something did not get out, or when the caseload could not be
        told that all did; it may be tried again.
        """
        told = _Told(self._caseload, telling.reference)
        if self._mail or self._webhook:
            await told.recall([*(notice_key(telling.reference, n) for n in telling.notices), *_event_parts(telling)])
        troubles = [*await self._tell_people(telling, told), *await self._tell_programs(telling, told)]
        shown = await self._show(telling, troubles)
        if troubles or shown:
            measures.TELLINGS.labels("untold" if troubles else "told").inc()
        else:
            # The caseload may show it as untold since an attempt before, of this run or an earlier one, and would for
            # ever. Nothing goes out again.
            raise ApplicationError("everything got out, and the caseload does not know", type=UNTOLD)
        if troubles:
            refused = all(trouble.refused for trouble in troubles)
            asked = max((trouble.after or 0 for trouble in troubles), default=0)
            wait = REFUSED_AGAIN_AFTER if refused else timedelta(seconds=min(asked, 21_600)) if asked else None
            ways = ", ".join(sorted({f"{trouble.channel} ({trouble.kind})" for trouble in troubles}))
            raise ApplicationError(f"not everything got out: {ways}", type=UNTOLD, next_retry_delay=wait)

    async def tell_at_once(self, telling: Telling) -> bool:
        """Whether all of a telling got out while a person waits for a receipt: notices that only lie in the folder.

        An activity of its own for them costs as much as the act (docs/measures.md). What needs another server, or
        more than a moment, is left to :meth:`tell`; a notice that lies there already is put there once.
        """
        if self._mail or self._webhook:
            return False
        try:
            async with asyncio.timeout(AT_ONCE_WITHIN):
                troubles = await self._put_into_folder(telling.reference, telling.notices)
        except TimeoutError:
            return False
        if troubles:
            return False
        measures.TELLINGS.labels("told").inc()
        return True

    # To people

    async def _tell_people(self, telling: Telling, told: "_Told") -> list[_Trouble]:
        waiting = [n for n in telling.notices if notice_key(telling.reference, n) not in told]
        if self._mail is None:
            return await self._put_into_folder(telling.reference, waiting)
        troubles: list[_Trouble] = []
        by_mail: list[tuple[Notice, str]] = []
        by_folder: list[Notice] = []
        try:
            book = self._address_book()
        except AddressBookFault as error:
            # Without a book nobody can be written to; the notices must lie somewhere meanwhile.
            _log.error("address book unusable", because=str(error))
            troubles += await self._put_into_folder(telling.reference, waiting)
            return [*troubles, _Trouble("mail", type(error).__name__, refused=True)] if waiting else troubles
        for notice in waiting:
            address = book.address(notice)
            if address:
                by_mail.append((notice, address))
            else:
                by_folder.append(notice)
                _log.warning("no mail address, so into the folder", role=notice.to_role, state=notice.to_state)
        troubles += await self._put_into_folder(telling.reference, by_folder)
        if by_mail:
            troubles += await self._by_mail(self._mail, telling.reference, by_mail, told)
        return troubles

    async def _by_mail(
        self, mail: MailServer, reference: str, waiting: list[tuple[Notice, str]], told: "_Told"
    ) -> list[_Trouble]:
        try:
            async with mail.session() as session:
                return await self._send_all(session, reference, waiting, told)
        except NoticeUnsendable as error:
            troubles = [_Trouble("mail", error.kind, error.refused)]
            return troubles + await self._meanwhile(reference, [notice for notice, _ in waiting], error)

    async def _send_all(
        self, session: MailSession, reference: str, waiting: list[tuple[Notice, str]], told: "_Told"
    ) -> list[_Trouble]:
        troubles: list[_Trouble] = []
        for place, (notice, address) in enumerate(waiting):
            try:
                await session.send(reference, notice, address)
            except NoticeUnsendable as error:
                troubles.append(_Trouble("mail", error.kind, error.refused))
                concerned = [each for each, _ in waiting[place:]] if error.gone else [notice]
                troubles += await self._meanwhile(reference, concerned, error)
                if error.gone:
                    break
            else:
                await told.note(notice_key(reference, notice))
        return troubles

    async def _meanwhile(self, reference: str, notices: list[Notice], error: NoticeUnsendable) -> list[_Trouble]:
        """Put into the folder what must not only wait for the mail server."""
        return await self._put_into_folder(
            reference, [notice for notice in notices if error.refused or notice.kind in URGENT]
        )

    async def _put_into_folder(self, reference: str, notices: Iterable[Notice]) -> list[_Trouble]:
        try:
            await self._folder.put(reference, *notices)
        except NoticeUnsendable as error:
            return [_Trouble("folder", error.kind, error.refused)]
        return []

    # To other programs

    async def _tell_programs(self, telling: Telling, told: "_Told") -> list[_Trouble]:
        troubles: list[_Trouble] = []
        if self._webhook is None:
            return troubles
        for event, part in zip(telling.events, _event_parts(telling), strict=True):
            if part in told:
                continue
            try:
                await self._webhook.post(telling.reference, event)
            except EventUndelivered as error:
                troubles.append(_Trouble("webhook", error.kind, error.refused, error.after))
                if not error.refused:
                    break  # the other side is away: later events wait, and so arrive in order
            else:
                await told.note(part)
        return troubles

    # In the caseload

    async def _show(self, telling: Telling, troubles: list[_Trouble]) -> bool:
        """Show in the caseload what did not get out, and take away what did since. Whether it could be reached."""
        key = telling_key(telling)
        worst: dict[str, _Trouble] = {}
        for trouble in troubles:
            measures.TELLINGS_FAILED.labels(trouble.channel, str(trouble.refused).lower()).inc()
            _log.warning("not told", channel=trouble.channel, error=trouble.kind, refused=trouble.refused)
            # What a person has to mend matters more than what mends itself.
            if trouble.refused or trouble.channel not in worst:
                worst[trouble.channel] = trouble
        try:
            if not worst:
                await self._caseload.telling_done(telling.reference, key)
                return True
            for channel in ("folder", "mail", "webhook"):
                trouble = worst.get(channel)
                if trouble is None:
                    await self._caseload.telling_done(telling.reference, key, channel)
                else:
                    await self._caseload.telling_failed(
                        telling.reference,
                        key,
                        channel,
                        first=telling.first,
                        error=trouble.kind,
                        refused=trouble.refused,
                    )
        except CaseloadUnreachable as error:
            _log.warning("caseload not told how telling went", because=str(error))
            return False
        return True


class _Told:
    """The parts of a telling that got out, noted with the engine and in the caseload."""

    def __init__(self, caseload: Caseload, reference: str) -> None:
        self._caseload = caseload
        self._reference = reference
        self._caseload_is_down = False
        self._parts = _noted_with_the_engine()

    def __contains__(self, part: str) -> bool:
        return part in self._parts

    async def recall(self, parts: list[str]) -> None:
        try:
            self._parts |= await self._caseload.told(parts)
        except CaseloadUnreachable as error:
            self._caseload_is_down = True
            _log.warning("caseload not asked what was told", because=str(error))

    async def note(self, part: str) -> None:
        self._parts.add(part)
        activity.heartbeat(sorted(self._parts))
        if self._caseload_is_down:
            return  # people do not wait for it once a notice
        try:
            await self._caseload.part_told(self._reference, part)
        except CaseloadUnreachable as error:
            self._caseload_is_down = True
            _log.warning("caseload not told what was told", because=str(error))


def _noted_with_the_engine() -> set[str]:
    details = activity.info().heartbeat_details
    if not details:
        return set()
    noted: Any = details[0]
    if isinstance(noted, RawValue):
        # A worker on cases leaves what has no type as it came (workflows/raw.py), and heartbeats have none.
        noted = activity.payload_converter().from_payload(noted.payload, list[str])
    return set(noted)


def telling_key(telling: Telling) -> str:
    """One key for one telling, the same at every attempt: 32 hexadecimal digits."""
    return _digest(asdict(telling))


def _event_parts(telling: Telling) -> list[str]:
    # With the entry's hash: after an operator's reset another entry may have the number of one that was told.
    return [_digest(["event", event_id(telling.reference, event), event.hash]) for event in telling.events]


def _digest(said: object) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:32]
