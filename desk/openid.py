"""Sign-in by OpenID Connect: the code flow with PKCE at the issuers of the sign-in file, and access tokens for /api.

A sign-in is bound to the browser by its state, to the issuer by an address of its own to come back to, and to the ID
token by a nonce. They are made here, serve once, and are known to that browser only, sealed (:mod:`desk.begun`).
"""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

import httpx2
import structlog
from authlib.integrations.base_client import OAuthError  # pyright: ignore[reportMissingTypeStubs]
from authlib.integrations.httpx_client import AsyncOAuth2Client  # pyright: ignore[reportMissingTypeStubs]
from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse

from activities import measures
from desk.bearers import Bearers, one_of
from desk.begun import Begun, UnderWay
from desk.frame import checked_form, desk_of, page, safe_back
from desk.issuers import Issuer, SignInFile, people_of
from desk.people import ROLE_HEADER, Person, TokenHeard, TokenTrouble
from desk.published import MOST as LONGEST_TOKEN
from desk.published import PATIENCE, Clock, IssuerSilent, Published, TokenFault, outside
from desk.rates import TooOften, rates_of
from desk.security import typed
from desk.sessions import Offered, Session, Vouched, visit_of

_FAILURES: Final = {"stale": 400, "token": 400, "denied": 403, "no-role": 403, "silent": 503}
"""Why nobody was signed in, and the status of the page that says so."""

_log: structlog.stdlib.BoundLogger = structlog.get_logger("homeward.desk")


class OpenIdSignIn:
    """The issuers of a sign-in file.

    ``base_url`` is the desk's address: issuers know the addresses that they send people back to. Raises
    :class:`desk.issuers.SignInFault` where a secret cannot be read.
    """

    development = False

    def __init__(
        self,
        file: SignInFile,
        base_url: str,
        clock: Clock | None = None,
        client: Callable[[], httpx2.AsyncClient] = outside,
    ) -> None:
        for why in (*_FAILURES, "access-token"):
            measures.SIGN_INS_REFUSED.labels(why)
        self._file = file
        self._base_url = base_url.rstrip("/")
        self._secrets = {key: issuer.secret() for key, issuer in file.issuer.items()}
        clocked = {"clock": clock} if clock else {}
        self._published = {key: Published(issuer, client=client, **clocked) for key, issuer in file.issuer.items()}
        self._bearers = Bearers(file, self._published)
        self._under_way = UnderWay()
        self.router = APIRouter()
        for path, page_of, methods in (
            ("/sign-in", self._ask, ["GET"]),
            ("/sign-in/at/{key}", self._send, ["GET"]),
            ("/sign-in/from/{key}", self._come_back, ["GET"]),
            ("/sign-in/failed/{key}/{what}", self._say_why, ["GET"]),
            ("/sign-in/role", self._ask_role, ["GET"]),
            ("/sign-in/role", self._take_role, ["POST"]),
            ("/signed-out/{key}", self._signed_out, ["GET"]),
        ):
            self.router.add_api_route(path, page_of, methods=methods)
        # A plain route: an issuer's server sends this, which has no form of ours. The token itself is what counts.
        self.router.add_route("/sign-in/ended/{key}", self._ended, methods=["POST"])

    # Who asks

    async def who(self, request: HTTPConnection) -> Person | None:
        """The person in the session; under /api, where an access token came, whoever that stands for and nobody else."""
        session = visit_of(request).session
        if not request.url.path.startswith("/api/"):
            return session.person if session else None
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            request.state.token_heard = TokenHeard()
            return session.person if session else None
        trouble: TokenTrouble
        try:
            people = await self._bearers.people(token.strip())
            found = one_of(people, request.headers.get(ROLE_HEADER))
            trouble = "several-roles" if people else "no-role"
        except TokenFault as fault:
            found = None
            # A token that counts is heard however many were tried before it from the same address: checking one takes
            # less than refusing it, and nobody whose neighbour guesses tokens is kept from reporting.
            try:
                rates_of(request).attempt("token", request)
            except TooOften as slow:
                request.state.token_heard = TokenHeard("too-often", slow.after)
                return None
            measures.SIGN_INS_REFUSED.labels("access-token").inc()
            _log.warning("desk.token_refused", why=fault.why)
            trouble = "invalid"
        except IssuerSilent:
            found, trouble = None, "issuer-silent"
        request.state.token_heard = TokenHeard(None if found else trouble)
        return found

    # The way in

    async def _ask(self, request: Request) -> Response:
        back = safe_back(request.query_params.get("back"))
        ways = [
            (issuer.name, f"/sign-in/at/{key}?" + urlencode({"back": back}))
            for key, issuer in self._file.issuer.items()
        ]
        return page(request, "sign_in_at.html.j2", ways=ways)

    async def _send(self, request: Request, key: str) -> Response:
        issuer = self._issuer(key)
        rates_of(request).attempt("sign-in", request)
        try:
            where = await self._published[key].needed("authorization_endpoint")
        except IssuerSilent:
            return self._failed(issuer, "silent")
        begun = self._under_way.begin(request, key, safe_back(request.query_params.get("back")))
        async with self._client(issuer) as client:
            address, _ = client.create_authorization_url(
                where, state=begun.state, nonce=begun.nonce, code_verifier=begun.verifier
            )
        answer = RedirectResponse(address, 303)
        self._under_way.leave(request, answer, begun)
        return answer

    async def _come_back(self, request: Request, key: str) -> Response:
        issuer, state = self._issuer(key), request.query_params.get("state", "")
        begun = self._under_way.take(request, state)
        if begun is None or begun.issuer != key:
            # Whoever began here was counted then.
            rates_of(request).attempt("sign-in", request)
            return self._failed(issuer, "stale")
        answer = await self._came_back(request, issuer, begun)
        self._under_way.forget(request, answer, state)
        return answer

    async def _came_back(self, request: Request, issuer: Issuer, begun: Begun) -> Response:
        said = request.query_params
        # RFC 9207: an answer that names another issuer was led here from elsewhere.
        if said.get("iss", issuer.url) != issuer.url:
            return self._failed(issuer, "token", why="iss")
        if "error" in said or not said.get("code"):
            return self._failed(issuer, "denied")
        try:
            claims = await self._published[issuer.key].id_token(
                await self._redeem(issuer, said["code"], begun), nonce=begun.nonce
            )
        except IssuerSilent:
            return self._failed(issuer, "silent")
        except TokenFault as fault:
            return self._failed(issuer, "token", why=fault.why)
        return self._let_in(request, issuer, claims, begun.back)

    async def _redeem(self, issuer: Issuer, code: str, begun: Begun) -> object:
        """The ID token for a code. Raises :class:`IssuerSilent`, and :class:`TokenFault` where the code is refused."""
        where = await self._published[issuer.key].needed("token_endpoint")
        try:
            async with self._client(issuer) as client:
                given = await client.fetch_token(
                    where, grant_type="authorization_code", code=code, code_verifier=begun.verifier
                )
        except OAuthError:
            raise TokenFault("code") from None
        except (httpx2.HTTPError, ValueError):
            raise IssuerSilent from None
        return given.get("id_token")

    def _let_in(self, request: Request, issuer: Issuer, claims: dict[str, Any], back: str) -> Response:
        people = people_of(issuer, claims)
        if not people:
            return self._failed(issuer, "no-role")
        sid = claims.get("sid")
        vouched = Vouched(issuer.key, claims["sub"], sid if isinstance(sid, str) else None)
        person, *others = people
        if others:
            visit_of(request).offer(Offered(people, back), vouched)
            return RedirectResponse("/sign-in/role", 303)
        return self._signed_in(request, person, vouched, back)

    def _signed_in(self, request: Request, person: Person, vouched: Vouched, back: str) -> Response:
        visit_of(request).sign_in(person, vouched, way_out=f"/signed-out/{vouched.issuer}")
        _log.info("desk.signed_in", issuer=vouched.issuer, role=person.role, state=person.state)
        return RedirectResponse(back, 303)

    # One of several roles

    async def _ask_role(self, request: Request) -> Response:
        session = visit_of(request).session
        if session is None or session.offered is None:
            return RedirectResponse("/sign-in", 303)
        return page(request, "sign_in_role.html.j2", people=session.offered.people, errors=False)

    async def _take_role(self, request: Request) -> Response:
        form = await checked_form(request)
        session = visit_of(request).session
        if session is None or session.offered is None or session.vouched is None:
            return RedirectResponse("/sign-in", 303)
        offered, wanted = session.offered, typed(form, "role")
        person = next((each for each in offered.people if f"{each.role}@{each.state}" == wanted), None)
        if person is None:
            return page(request, "sign_in_role.html.j2", 422, people=offered.people, errors=True)
        return self._signed_in(request, person, session.vouched, offered.back)

    # The way out

    async def _signed_out(self, request: Request, key: str) -> Response:
        issuer = self._issuer(key)
        try:
            where = await self._published[key].address("end_session_endpoint")
        except IssuerSilent:
            where = None
        if where is not None:
            # By the client's name and not by the ID token: that would carry a person's claims in an address.
            asked = {"client_id": issuer.client_id, "post_logout_redirect_uri": f"{self._base_url}/sign-in"}
            where += ("&" if "?" in where else "?") + urlencode(asked)
        return page(request, "signed_out.html.j2", issuer=issuer.name, there=where)

    async def _ended(self, request: Request) -> Response:
        """Back-channel logout: the issuer says that somebody's session there is over."""
        published = self._published.get(request.path_params["key"])
        if published is None:
            raise HTTPException(404)
        key = published.issuer.key
        try:
            form = await request.form(max_files=0, max_fields=10, max_part_size=LONGEST_TOKEN)
            claims = await published.logout_token(typed(form, "logout_token"))
        except (TokenFault, IssuerSilent) as fault:
            # One that counts is heard whatever was sent before it: a session that has to end must not go on for a crowd.
            try:
                rates_of(request).attempt("logout", request)
            except TooOften as slow:
                later = {"Cache-Control": "no-store", "Retry-After": str(slow.after)}
                return JSONResponse({"error": "too_many_requests"}, 429, later)
            _log.warning("desk.logout_refused", issuer=key, why=getattr(fault, "why", "silent"))
            return JSONResponse({"error": "invalid_request"}, 400, {"Cache-Control": "no-store"})
        subject, there = claims.get("sub"), claims.get("sid")

        def is_meant(session: Session) -> bool:
            by = session.vouched
            if by is None or by.issuer != key:
                return False
            return (subject is None or by.subject == subject) and (there is None or by.session == there)

        ended = desk_of(request).sessions.end_all(is_meant)
        _log.info("desk.ended_by_issuer", issuer=key, sessions=ended)
        return Response(status_code=200, headers={"Cache-Control": "no-store"})

    # Inside

    def _issuer(self, key: str) -> Issuer:
        issuer = self._file.issuer.get(key)
        if issuer is None:
            raise HTTPException(404)
        return issuer

    def _client(self, issuer: Issuer) -> Any:
        return AsyncOAuth2Client(
            issuer.client_id,
            self._secrets[issuer.key],
            scope=" ".join(issuer.scopes),
            redirect_uri=f"{self._base_url}/sign-in/from/{issuer.key}",
            code_challenge_method="S256",
            timeout=PATIENCE,
        )

    def _failed(self, issuer: Issuer, what: str, why: str | None = None) -> Response:
        """Lead to the page that says why nobody was signed in. The log has it without anything personal."""
        measures.SIGN_INS_REFUSED.labels(what).inc()
        _log.warning("desk.not_signed_in", issuer=issuer.key, what=what, why=why)
        # An address of its own: in that of the way back stand a code and a state.
        return RedirectResponse(f"/sign-in/failed/{issuer.key}/{what}", 303)

    async def _say_why(self, request: Request, key: str, what: str) -> Response:
        issuer, status = self._issuer(key), _FAILURES.get(what)
        if status is None:
            raise HTTPException(404)
        return page(request, "sign_in_failed.html.j2", status, what=what, issuer=issuer.name)
