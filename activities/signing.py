"""What authorities published of their keys, for cases that look at signatures."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

import structlog
from temporalio.client import Client

from sealing.published_keys import PublishedKeys, as_json
from sealing.signatures import KeyStatement
from workflows.messages import KeyAsked, KeyTold

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class KeyDesk:
    """Tells what is published of a key at this moment."""

    def __init__(self, published: PublishedKeys, *, needed: bool = False) -> None:
        """``needed``: no case opens without keys. A file that cannot be used is told in the log and keeps nobody waiting."""
        self._published = published
        if not self._now() and needed:
            _log.warning("no keys are published: no signed act can be accepted", where="HOMEWARD_PUBLISHED_KEYS")

    def told(self, asked: KeyAsked) -> KeyTold:
        """What is published of a key, with those of its states for which it counts here.

        Where a file cannot be used any more, what it said before holds until somebody mends it: a report that a child
        is detained does not wait for that.
        """
        key = self._now().get(asked.kid)
        return KeyTold(as_json(key) if key else None)

    def _now(self) -> Mapping[str, KeyStatement]:
        keys, faults = self._published.counting()
        for fault in faults:
            _log.error("published keys cannot be read; what they said before is taken", because=fault)
        return keys


class UnsignedActsFault(ValueError):
    """Unsigned acts were to be allowed where they must not be; the text is one sentence."""

    says_nothing_personal = True


def takes_unsigned_acts(asked: Literal["allow", "refuse"] | None, client: Client | None) -> bool:
    """Whether cases may be opened in which acts count unsigned: on an engine of this machine only.

    ``asked`` is what the operator set. Raises :class:`UnsignedActsFault` where it asks for more.
    """
    # Without an engine nothing is admitted at all.
    here = client is None or is_on_this_machine(client)
    if asked == "allow" and not here:
        raise UnsignedActsFault(
            "HOMEWARD_UNSIGNED_ACTS=allow is for an engine on this machine only; this one is elsewhere. "
            "Publish keys (HOMEWARD_PUBLISHED_KEYS) and have acts signed."
        )
    return here and asked != "refuse"


def is_on_this_machine(client: Client) -> bool:
    """Whether a client's engine is reached by the loopback address."""
    target = client.service_client.config.target_host
    host = (urlsplit(target if "//" in target else f"//{target}").hostname or "").lower()
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
