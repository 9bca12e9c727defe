"""How a page opens a case: what all pages about one begin with."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from casefile.languages import N_
from casefile.readings import Reason
from desk import door
from desk.door import Firewalled, Opened, ReasonNeeded, Record
from desk.frame import Pages, Person, Signed, checked_form, desk_of, page, safe_back
from desk.security import typed
from desk.sessions import visit_of
from procedure.intake import REFERENCE
from procedure.who_may_see import FIREWALLED, Part
from starter.client import NoSuchCase

__all__ = ["FIREWALLED", "PAGES", "Opened", "Reader", "Record", "opened"]

router = APIRouter()
PAGES: Final = Pages(router)


def reader(person: Signed) -> Person:
    """Somebody who may read of cases. Raises HTTPException 403 for others, whatever they asked for."""
    if person.role == FIREWALLED:
        raise HTTPException(403)
    return person


Reader = Annotated[Person, Depends(reader)]
"""A parameter of a page that is for people who may read of cases."""


async def opened(
    request: Request,
    person: Person,
    reference: str,
    *,
    part: Part | None = None,
    speaking: str | None = None,
    about: str = "",
) -> Opened:
    """The case that a page is about (:func:`desk.door.opened`), with the reason that was given for it in this session.

    ``about``: what the log of readings says beside the page's address; nothing that was typed.

    Raises HTTPException 403 for law enforcement and for a part that is not theirs, TooOften for whoever named too many
    cases that there are not, and as the client of cases does.
    """
    desk = desk_of(request)
    if not REFERENCE.fullmatch(reference) and person.role != FIREWALLED:
        raise NoSuchCase(f"There is no case {reference}.")
    session = visit_of(request).session
    reason = session.reason_for(person, reference, desk.now()) if session else None
    what = f"{what_of(request)} {about}".rstrip()
    try:
        async with desk.rates.naming(person, reference):
            return await door.opened(desk, person, reference, what, reason=reason, part=part, speaking=speaking)
    except (Firewalled, door.NotForYou):
        raise HTTPException(403) from None


def what_of(request: Request) -> str:
    """What is opened, as the log of readings names it: the page's address, without what was typed."""
    route: Any = request.scope["route"]
    return f"desk {request.method} {route.path}"


# The reason for opening a colleague's case

REASON_WORDS: Final[dict[Reason, str]] = {
    "stands_in": N_("I stand in for the colleague"),
    "urgent": N_("Something urgent about the child, and the colleague cannot be reached"),
    "supervision": N_("I supervise the work on this case"),
    "hand_over": N_("The case is being handed over to me"),
    "siblings": N_("I work on the case of a brother or sister"),
    "answers_a_question": N_("The child, the family or the guardian asked me something"),
}


def ask_reason(request: Request, needed: ReasonNeeded) -> Response:
    """The page on which somebody says why they open a case that is a colleague's."""
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return _ask(request, needed.reference, back if request.method == "GET" else f"/cases/{needed.reference}", 403)


def _ask(request: Request, reference: str, back: str, status: int, *, wrong: bool = False) -> Response:
    return page(
        request,
        "reason.html.j2",
        status,
        reference=reference,
        back=back,
        reasons=REASON_WORDS,
        hours=int(door.GRANTED_FOR.total_seconds() // 3600),
        errors=wrong,
    )


@router.post("/cases/{reference}/reason")
async def give_reason(request: Request, person: Reader, reference: str) -> Response:
    """Take the reason, and go on to what was wanted. That the case is there is told only to whoever may know it."""
    form = await checked_form(request)
    desk = desk_of(request)
    if not REFERENCE.fullmatch(reference):
        raise NoSuchCase(f"There is no case {reference}.")
    async with desk.rates.naming(person, reference):
        if (await door.sight_on(desk, person, reference)).nothing:
            raise NoSuchCase(f"There is no case {reference}.")
    back = safe_back(form.get("back"))
    reason = typed(form, "reason")
    if reason not in REASON_WORDS:
        return _ask(request, reference, back, 422, wrong=True)
    visit_of(request).needed().give_reason(person, reference, reason, until=desk.now() + door.GRANTED_FOR)
    return RedirectResponse(back, 303)
