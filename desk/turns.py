"""Whose turn it is with a case: acts wait here before the engine is asked, and nobody's crowd stands before others.

The engine takes ten acts of one case at once and refuses the eleventh, whoever sends it. So one person has one act
under way in one case, and a case has :data:`AT_ONCE` of them; whoever comes later waits, in the order in which they
came. Who sends a hundred at once stands in the row once, and waits for themselves.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Final
from weakref import WeakValueDictionary

from starter.client import PATIENCE
from starter.endings import CannotGoOn, Exit

AT_ONCE: Final = 6
"""Acts of one case that are under way from this desk. The engine takes ten; commands and systems need some as well."""


class StillWaiting(CannotGoOn):
    """The turn did not come in time. Nothing was recorded."""

    code = Exit.NO_ENGINE

    def __init__(self) -> None:
        super().__init__("Too much is said to this case at once, and this was not yet its turn. Nothing was recorded.")


class Turns:
    """The rows before the cases of one desk, in memory; of whom nobody waits, nothing is kept."""

    def __init__(self, patience: timedelta = PATIENCE) -> None:
        self._patience = patience.total_seconds()
        self._persons: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        self._cases: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, person: str, reference: str) -> AsyncGenerator[None]:
        """A person's turn with a case, once it has come. Raises :class:`StillWaiting`."""
        # Held in these names for as long as somebody waits: locks and semaphores let in who came first.
        own = self._persons.setdefault((person, reference), asyncio.Lock())
        all_of_case = self._cases.setdefault(reference, asyncio.Semaphore(AT_ONCE))
        async with AsyncExitStack() as taken:
            try:
                async with asyncio.timeout(self._patience):
                    # Their own row first: nobody stands twice in the row of the case.
                    await taken.enter_async_context(own)
                    await taken.enter_async_context(all_of_case)
            except TimeoutError:
                raise StillWaiting from None
            yield
