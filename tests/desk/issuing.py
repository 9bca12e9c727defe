"""Issuers on loopback: one of our own on Authlib's server classes, which can be told to lie, and one that others made.

Ours knows the code flow with PKCE demanded, the device flow, client credentials, refresh and access tokens as JWT. The
other one (oidc-provider-mock) knows the code flow only; it shows that the desk agrees with somebody else's reading.
"""

# Authlib's server classes have no types that pyright could read.
# pyright: reportMissingTypeStubs=false, reportIncompatibleMethodOverride=false, reportAttributeAccessIssue=false
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import base64
import contextlib
import hmac
import json
import os
import secrets
import threading
import time
import warnings
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import flask
import werkzeug.serving
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import (
    AuthorizationCodeGrant,
    ClientCredentialsGrant,
    ClientMixin,
    OAuth2Error,
    RefreshTokenGrant,
    TokenMixin,
)
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc8628 import (
    DeviceAuthorizationEndpoint,
    DeviceCodeGrant,
    DeviceCredentialDict,
)
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from authlib.oidc.core import AuthorizationCodeMixin
from authlib.oidc.core.grants import OpenIDCode
from joserfc import jwt
from joserfc.jwk import RSAKey

from desk.issuers import SignInFile, read_sign_in_file

AUDIENCE = "https://desk.example.org/api"
PEOPLE: dict[str, dict[str, Any]] = {
    "ana": {"name": "Ana Invented", "roles": ["caseworker"], "office": "Invented Service"},
    "bogdan": {"name": "Bogdan Invented", "roles": ["guardian", "monitor"]},
    "clerk": {"name": "Clerk Invented", "roles": ["cleaner", "system"]},
    "nobody": {"name": "Nobody Invented"},
}
Lie = Callable[[dict[str, Any], dict[str, Any]], "str | None"]
"""Changes the header and the claims of a token before it is signed; or gives the whole token itself."""


@dataclass
class Client(ClientMixin):
    """One client of the issuer."""

    id: str
    secret: str | None = None

    def get_client_id(self) -> str:
        return self.id

    def get_default_redirect_uri(self) -> None:
        return None

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return urlsplit(redirect_uri).path.startswith("/sign-in/from/")

    def check_client_secret(self, client_secret: str) -> bool:
        return self.secret is not None and client_secret == self.secret

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return (method == "none") == (self.secret is None)

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return (grant_type == "client_credentials") == (self.id == "figures-system")


@dataclass
class Somebody:
    """Who has an account at the issuer."""

    sub: str

    def get_user_id(self) -> str:
        return self.sub


@dataclass
class Code(AuthorizationCodeMixin):
    """A code that was given out."""

    code: str
    client_id: str
    redirect_uri: str
    scope: str
    sub: str
    nonce: str | None
    code_challenge: str | None
    code_challenge_method: str | None

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> None:
        return None

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


@dataclass
class Refresh(TokenMixin):
    """A refresh token that was given out."""

    sub: str
    client_id: str
    scope: str

    def check_client(self, client: Client) -> bool:
        return client.id == self.client_id

    def get_scope(self) -> str:
        return self.scope


@dataclass
class Issuing:
    """An issuer: who has accounts there, which keys it publishes, and what it lies about."""

    url: str = ""
    people: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig"}))
    lie: Lie | None = None
    """About ID tokens and access tokens."""
    metadata_lie: dict[str, Any] = field(default_factory=dict[str, Any])
    lasts: int = 3600
    """Seconds for which access tokens count."""
    clients: dict[str, Client] = field(
        default_factory=lambda: {
            "desk": Client("desk", "an invented secret"),
            "homeward-cli": Client("homeward-cli"),
            "figures-system": Client("figures-system", "another invented secret"),
        }
    )
    codes: dict[str, Code] = field(default_factory=dict[str, Code])
    devices: dict[str, DeviceCredentialDict] = field(default_factory=dict[str, DeviceCredentialDict])
    answers: dict[str, tuple[Somebody, bool]] = field(default_factory=dict[str, "tuple[Somebody, bool]"])
    """What people said to user codes."""
    refreshes: dict[str, Refresh] = field(default_factory=dict[str, Refresh])
    asked: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    """What stood in the addresses that browsers were sent to."""
    keys_read: int = 0

    def signed(self, header: dict[str, Any], claims: dict[str, Any]) -> str:
        """A token, after whatever the issuer lies about."""
        header = {"kid": self.key.kid, **header}
        if self.lie is not None and (made := self.lie(header, claims)) is not None:
            return made
        return jwt.encode(header, claims, self.key, [header["alg"]], default_type=None)

    def access_token(self, sub: str = "ana", client: str = "homeward-cli", **changes: Any) -> str:
        """An access token as the token endpoint would give it; a claim that is changed to None is left out."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.url,
            "sub": sub,
            "aud": AUDIENCE,
            "client_id": client,
            "iat": now,
            "exp": now + 600,
        }
        claims |= {"jti": secrets.token_hex(8), **self.people.get(sub, {}), **changes}
        return self.signed({"alg": "RS256", "typ": "at+jwt"}, {k: v for k, v in claims.items() if v is not None})

    def logout_token(self, **changes: Any) -> str:
        """A logout token."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.url,
            "aud": "desk",
            "iat": now,
            "exp": now + 120,
            "jti": secrets.token_hex(8),
        }
        claims |= {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}, **changes}
        return self.signed({"alg": "RS256", "typ": "logout+jwt"}, {k: v for k, v in claims.items() if v is not None})


def unsigned(header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    """A token with `alg: none` and an empty signature."""
    return _text({**header, "alg": "none"}, claims) + "."


def signed_as_secret(header: Mapping[str, Any], claims: Mapping[str, Any], secret: bytes) -> str:
    """A token signed by HS256 with something that is no secret. Written by hand: no library would do it."""
    text = _text({**header, "alg": "HS256"}, claims)
    return f"{text}.{_coded(hmac.digest(secret, text.encode(), 'sha256'))}"


def _text(header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    return ".".join(_coded(json.dumps(dict(part)).encode()) for part in (header, claims))


def _coded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def _server(issuing: Issuing, app: flask.Flask) -> Any:
    """Authlib's authorization server with the grants that the desk and the command line use."""

    class ByCode(AuthorizationCodeGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic"]

        def save_authorization_code(self, code: str, request: Any) -> None:
            said = request.payload.data
            issuing.codes[code] = Code(
                code,
                request.client.id,
                request.payload.redirect_uri,
                request.payload.scope,
                request.user.sub,
                *(said.get(each) for each in ("nonce", "code_challenge", "code_challenge_method")),
            )

        def query_authorization_code(self, code: str, client: Client) -> Code | None:
            found = issuing.codes.get(code)
            return found if found and found.client_id == client.id else None

        def delete_authorization_code(self, authorization_code: Code) -> None:
            issuing.codes.pop(authorization_code.code, None)

        def authenticate_user(self, authorization_code: Code) -> Somebody:
            return Somebody(authorization_code.sub)

    class OpenId(OpenIDCode):
        def exists_nonce(self, nonce: str, request: Any) -> bool:
            return any(code.nonce == nonce for code in issuing.codes.values())

        def generate_user_info(self, user: Somebody, scope: str) -> dict[str, Any]:
            return {"sub": user.sub, **issuing.people[user.sub]}

        def get_client_claims(self, client: Client) -> dict[str, Any]:
            return {"iss": issuing.url, "aud": client.id}

        def encode_id_token(self, token: Any, request: Any) -> str:
            claims = self.get_compatible_claims(request)
            claims |= self.get_authorization_code_claims(request.authorization_code)
            claims |= self.generate_user_info(request.user, token["scope"])
            return issuing.signed({"alg": "RS256", "typ": "JWT"}, claims)

    class ByDevice(DeviceCodeGrant):
        def query_device_credential(self, device_code: str) -> DeviceCredentialDict | None:
            return issuing.devices.get(device_code)

        def query_user_grant(self, user_code: str) -> tuple[Somebody, bool] | None:
            return issuing.answers.get(user_code)

        def should_slow_down(self, credential: Any) -> bool:
            return False

    class ByRefresh(RefreshTokenGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = ["none"]
        INCLUDE_NEW_REFRESH_TOKEN = True

        def authenticate_refresh_token(self, refresh_token: str) -> Refresh | None:
            return issuing.refreshes.get(refresh_token)

        def authenticate_user(self, refresh_token: Refresh) -> Somebody:
            return Somebody(refresh_token.sub)

        def revoke_old_credential(self, refresh_token: Refresh) -> None:
            issuing.refreshes = {k: v for k, v in issuing.refreshes.items() if v is not refresh_token}

    class Devices(DeviceAuthorizationEndpoint):
        INTERVAL = 1

        def get_verification_uri(self) -> str:
            return f"{issuing.url}/device"

        def save_device_credential(self, client_id: str, scope: str, data: dict[str, Any]) -> None:
            issuing.devices[data["device_code"]] = DeviceCredentialDict(client_id=client_id, scope=scope, **data)

    class Tokens(JWTBearerTokenGenerator):
        def access_token_generator(self, client: Client, grant_type: str, user: Somebody | None, scope: str) -> str:
            now = int(time.time())
            return issuing.access_token(user.sub if user else client.id, client.id, exp=now + issuing.lasts)

    def saved(token: dict[str, Any], request: Any) -> None:
        if "refresh_token" in token:
            issuing.refreshes[token["refresh_token"]] = Refresh(request.user.sub, request.client.id, token["scope"])

    server: Any = AuthorizationServer(app, query_client=issuing.clients.get, save_token=saved)

    def refresh(client: Any, grant_type: str, user: Any, scope: str) -> str:
        return secrets.token_urlsafe(24)

    def lasts(client: Any, grant_type: str) -> int:
        return issuing.lasts

    server.register_token_generator(
        "default",
        Tokens(issuing.url, refresh_token_generator=refresh, expires_generator=lasts),
    )
    server.register_grant(ByCode, [CodeChallenge(required=True), OpenId(require_nonce=True)])
    for grant in (ByDevice, ByRefresh, ClientCredentialsGrant):
        server.register_grant(grant)
    server.register_endpoint(Devices)
    return server


def _app(issuing: Issuing) -> flask.Flask:
    app = flask.Flask("issuing")
    server = _server(issuing, app)

    @app.get("/.well-known/openid-configuration")
    def metadata() -> Any:  # pyright: ignore[reportUnusedFunction]
        at = issuing.url
        return {
            "issuer": at,
            "authorization_endpoint": f"{at}/authorize",
            "token_endpoint": f"{at}/token",
            "device_authorization_endpoint": f"{at}/device_authorization",
            "end_session_endpoint": f"{at}/end",
            "revocation_endpoint": f"{at}/revoke",
            "jwks_uri": f"{at}/keys",
            **issuing.metadata_lie,
        }

    @app.get("/keys")
    def keys() -> Any:  # pyright: ignore[reportUnusedFunction]
        issuing.keys_read += 1
        return {"keys": [issuing.key.as_dict(private=False)]}

    @app.route("/authorize", methods=["GET", "POST"])
    def authorize() -> Any:  # pyright: ignore[reportUnusedFunction]
        issuing.asked.append(dict(parse_qsl(flask.request.query_string.decode())))
        if flask.request.method == "GET":
            return '<form method="post"><input name="sub"><button>In</button></form>'
        somebody = Somebody(flask.request.form["sub"])
        try:
            grant = server.get_consent_grant(end_user=somebody)
        except OAuth2Error as error:
            return server.handle_error_response(None, error)
        return server.create_authorization_response(
            grant_user=somebody if somebody.sub in issuing.people else None, grant=grant
        )

    @app.post("/token")
    def token() -> Any:  # pyright: ignore[reportUnusedFunction]
        return server.create_token_response()

    @app.post("/device_authorization")
    def device() -> Any:  # pyright: ignore[reportUnusedFunction]
        return server.create_endpoint_response("device_authorization")

    @app.post("/revoke")
    def revoke() -> Any:  # pyright: ignore[reportUnusedFunction]
        issuing.refreshes.pop(flask.request.form.get("token", ""), None)
        return ""

    return app


@contextlib.contextmanager
def issuing(people: Mapping[str, Mapping[str, Any]] | None = None) -> Generator[Issuing]:
    """An issuer of ours that runs on a free port of loopback."""
    made = Issuing(people={sub: dict(claims) for sub, claims in (people or {}).items()})
    # Authlib's server would demand https on loopback too.
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

    def serve(environ: Any, start: Any) -> Any:
        # The port is known only when the server is there.
        return app(environ, start)

    server = werkzeug.serving.make_server("127.0.0.1", 0, serve, threaded=True)
    made.url = f"http://127.0.0.1:{server.server_port}"
    app = _app(made)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


@contextlib.contextmanager
def issuing_by_others(people: Mapping[str, Mapping[str, Any]]) -> Generator[str]:
    """The issuer that others made; its address."""
    with warnings.catch_warnings():
        # Its release for Python 3.11 uses what Authlib will drop.
        warnings.simplefilter("ignore")
        import oidc_provider_mock

        known = [oidc_provider_mock.User(sub=sub, claims=dict(claims)) for sub, claims in people.items()]
        with oidc_provider_mock.run_server_in_thread(user_claims=known, require_nonce=True) as server:
            yield f"http://localhost:{server.server_port}"


def sign_in_file(folder: Path, url: str, more: str = "") -> SignInFile:
    """A sign-in file with one issuer."""
    path = folder / "sign-in.toml"
    (folder / "secret").write_text("an invented secret\n", "utf-8")
    path.write_text(
        f"""
[issuer.md]
name = "Moldova, invented"
url = "{url}"
client_id = "desk"
client_secret_file = "{folder / "secret"}"
states = ["MD"]
roles = ["caseworker", "guardian", "monitor"]
claims = {{ office = "office" }}
audience = "https://desk.example.org/api"
command_line_client = "homeward-cli"
{more}
""",
        "utf-8",
    )
    return read_sign_in_file(path)
