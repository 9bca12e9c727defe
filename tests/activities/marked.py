"""What the caseload knows of marks, read from its table."""

from sqlalchemy import select

from activities.caseload import Caseload
from activities.tables import MarkTable


async def open_cases_with_mark(caseload: Caseload, mark: str) -> list[str]:
    """The references of open cases of the child with this mark, the first opened first."""
    query = select(MarkTable.reference).where(MarkTable.mark == mark).order_by(MarkTable.number)
    async with caseload.reading() as session:
        return list(await session.scalars(query))
