"""The address of the figures over all cases."""

from fastapi import APIRouter
from starlette.responses import JSONResponse

from desk.api.answers import StatisticsShown
from desk.api.asking import OfDesk, Reader
from desk.api.document import gives
from desk.api.problems import Trouble
from desk.counting import StillCounting
from procedure.who_may_see import sees_figures

router = APIRouter()


@router.get(
    "/statistics",
    tags=["figures"],
    responses=gives(
        StatisticsShown,
        *("not-permitted", "no-answer"),
        description="The figures, as they were counted at the moment that they name.",
    ),
)
async def read_statistics(desk: OfDesk, person: Reader) -> JSONResponse:
    """Of the cases that your state hosts: time in each stage, deadlines missed by office, refusals by safeguard, detentions and hours to release, endings."""
    if not sees_figures(person.role):
        raise Trouble("not-permitted", "Figures over many cases are for who watches over them.")
    try:
        counted = await desk.counting.figures(desk, person.state)
    except StillCounting:
        raise Trouble("no-answer", "The cases are still being counted; ask again in a moment.") from None
    return JSONResponse(counted.as_json(), headers={"Cache-Control": "no-store"})
