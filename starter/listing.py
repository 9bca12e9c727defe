"""The caseload for a list: from its table, or, where that is not to be had, from the cases themselves."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from activities.caseload import Caseload
from procedure.consequences import earliest_due
from starter.client import Cases
from starter.endings import CannotGoOn, Exit

_PAGE: Final = 500
_AT_ONCE: Final = 20
"""How many cases are asked at the same time."""

Row = dict[str, Any]


async def from_table(caseload: Caseload, asked: Mapping[str, Any]) -> list[Row]:
    """Every row that fits, by due moment. ``asked`` holds :meth:`Caseload.page`'s filters."""
    rows: list[Row] = []
    after: str | None = None
    while True:
        page = await caseload.page(**asked, limit=_PAGE, after=after)
        for listed in page:
            row = listed.as_json()
            del row["cursor"]
            rows.append(row)
        if len(page) < _PAGE:
            return rows
        after = page[-1].cursor


async def from_cases(cases: Cases, asked: Mapping[str, Any]) -> list[Row]:
    """The same rows from the engine's list and the case views, which takes longer the more cases there are."""
    gate = asyncio.Semaphore(_AT_ONCE)
    silent: list[CannotGoOn] = []

    async def row(reference: str) -> Row | None:
        async with gate:
            try:
                return _row(await cases.view(reference))
            except CannotGoOn as error:
                if error.code is Exit.NO_ENGINE:
                    silent.append(error)
                return None  # its opening is not done or came to nothing, or it hangs

    references = [reference async for reference in cases.references(closed=True)]
    found = await asyncio.gather(*(row(reference) for reference in references))
    if silent and not any(found):
        raise silent[0]
    rows = [each for each in found if each is not None and _fits(each, asked)]
    return sorted(rows, key=_by_due)


def _by_due(row: Row) -> tuple[bool, bool, str, str]:
    return row["status"] != "open", row["due"] is None, row["due"] or "", row["reference"]


def _row(view: Mapping[str, Any]) -> Row:
    names = ("reference", "agreement", "host_state", "origin_state", "status", "stage", "solution", "outcome", "holds")
    return {
        **{name: view[name] for name in names},
        "awaiting": view["awaiting"],
        "due": earliest_due(view["awaiting"]),
        "overdue": any(owed["overdue"] for owed in view["awaiting"]),
        "entries": view["entries"],
        "refused": view["refused"],
        "opened_at": view.get("opened_at"),
    }


def _fits(row: Row, asked: Mapping[str, Any]) -> bool:
    """Whether a row is asked for, and, where acts were asked for, its ``due`` set to theirs."""
    role, state, overdue = asked["role"], asked["state"], asked["overdue"]
    if asked["stage"] and row["stage"] != asked["stage"]:
        return False
    if asked["hold"] and asked["hold"] not in row["holds"]:
        return False
    if role or overdue:
        owed = [
            each
            for each in row["awaiting"]
            if (not role or each["role"] == role)
            and (not state or each["state"] == state)
            and (not overdue or each["overdue"])
        ]
        row["due"] = min((each["due"] for each in owed if each["due"]), default=None)
        return bool(owed)
    return not state or state in (row["host_state"], row["origin_state"])
