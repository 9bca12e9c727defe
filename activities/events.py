"""Outgoing events: each ledger entry's header to a webhook, as a CloudEvent, signed.

CloudEvents 1.0 in structured JSON; signatures after the Standard Webhooks specification. An event's id
is REFERENCE/ENTRY at every attempt, and so is its ``webhook-id``: whoever keeps ids takes no event twice.
"""

from dataclasses import asdict
from datetime import UTC, datetime
from math import floor

import httpx2
from cloudevents.core.bindings.http import HTTPMessage, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from standardwebhooks.webhooks import Webhook

from procedure.entries import read_moment
from workflows.messages import OutgoingEvent

WITHIN = 10.0
"""Seconds that the other side has for an answer."""

TYPE_PREFIX = "org.homeward.case."
_TRY_AGAIN = frozenset({408, 425, 429})


class EventUndelivered(Exception):
    """An event was not taken. ``refused``: the other side answered and will not have it as it is.

    ``kind`` is a class of error, for the caseload; ``after`` is how many seconds the other side asks to wait.
    """

    says_nothing_personal = True

    def __init__(self, kind: str, *, refused: bool, after: float | None = None) -> None:
        super().__init__(kind)
        self.kind = kind
        self.refused = refused
        self.after = after


def event_id(reference: str, event: OutgoingEvent) -> str:
    return f"{reference}/{event.entry}"


def cloud_event(reference: str, event: OutgoingEvent) -> CloudEvent:
    """A ledger entry's header as a CloudEvent, for example of type ``org.homeward.case.accepted``."""
    return CloudEvent(
        {
            "id": event_id(reference, event),
            "source": f"/cases/{reference}",
            "type": f"{TYPE_PREFIX}{event.kind}",
            "subject": reference,
            "time": read_moment(event.at).astimezone(UTC),
            "datacontenttype": "application/json",
        },
        {"reference": reference, **asdict(event)},
    )


class EventWebhook:
    """Where events go."""

    def __init__(self, url: str, secrets: tuple[str, ...]) -> None:
        """``secrets`` sign each event, each for itself: two while one replaces the other."""
        self._url = url
        self._signers = [Webhook(secret) for secret in secrets]
        self._client: httpx2.AsyncClient | None = None

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def post(self, reference: str, event: OutgoingEvent) -> None:
        """Post one event. Raises :class:`EventUndelivered` for anything but an answer of 2xx."""
        if self._client is None:
            # Redirects are not followed: a signed event goes where it was said to go, or nowhere.
            self._client = httpx2.AsyncClient(timeout=WITHIN, follow_redirects=False)
        message = to_structured_event(cloud_event(reference, event))
        try:
            answer = await self._client.post(
                self._url, content=message.body, headers=self._headers(event_id(reference, event), message)
            )
        except (httpx2.TransportError, OSError) as error:
            raise EventUndelivered(type(error).__name__, refused=False) from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise EventUndelivered(type(error).__name__, refused=True) from None
        if not answer.is_success:
            code = answer.status_code
            again = code in _TRY_AGAIN or code >= 500
            raise EventUndelivered(f"HTTP {code}", refused=not again, after=_asked_to_wait(answer) if again else None)

    def _headers(self, identity: str, message: HTTPMessage) -> dict[str, str]:
        # UTC only: the library signs another moment for an aware time of another zone.
        now = datetime.now(UTC)
        body = message.body.decode()
        return {
            **message.headers,
            "webhook-id": identity,
            "webhook-timestamp": str(floor(now.timestamp())),
            "webhook-signature": " ".join(signer.sign(identity, now, body) for signer in self._signers),
        }


def _asked_to_wait(answer: httpx2.Response) -> float | None:
    try:
        seconds = float(answer.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 < seconds < 1e6 else None
