"""A small server that answers as the transit engine of an OpenBao or a Vault does over HTTP, for tests.

Its answers follow the documented API: sign-in by token and by AppRole, encrypt and decrypt with associated data, key
versions, rotation, minimum versions, trimming, and the errors with their codes.
"""

import base64
import binascii
import json
import secrets
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY = "homeward"


@dataclass
class TransitServer:
    """One key, its versions, and who may use it."""

    url: str = ""
    versions: dict[int, bytes] = field(default_factory=lambda: {1: AESGCM.generate_key(256)})
    min_decryption: int = 1
    min_encryption: int = 0
    tokens: set[str] = field(default_factory=lambda: {"an-invented-token"})
    roles: dict[str, str] = field(default_factory=lambda: {"an-invented-role": "an-invented-secret"})
    sealed: bool = False
    asked: list[str] = field(default_factory=list[str])

    def answer(self, method: str, path: str, token: str | None, body: dict[str, Any]) -> tuple[int, Any]:
        """The status and the JSON of an answer; 204 has none."""
        self.asked.append(path)
        if self.sealed:
            return 503, {"errors": ["Vault is sealed"]}
        if path == "/v1/auth/approle/login":
            if self.roles.get(body.get("role_id", "")) != body.get("secret_id"):
                return 400, {"errors": ["invalid role or secret ID"]}
            issued = secrets.token_hex(8)
            self.tokens.add(issued)
            return 200, {"auth": {"client_token": issued, "lease_duration": 3600, "renewable": True}}
        if token not in self.tokens:
            return 403, {"errors": ["permission denied"]}
        match method, path.removeprefix("/v1/transit/").split("/"):
            case "GET", ["keys", name] if name == KEY:
                return 200, {
                    "data": {
                        "name": KEY,
                        "type": "aes256-gcm96",
                        "latest_version": max(self.versions),
                        "min_decryption_version": self.min_decryption,
                        "min_encryption_version": self.min_encryption,
                        "keys": {str(version): 1764331200 for version in self.versions},
                    }
                }
            case "GET", ["keys", _]:
                return 404, {"errors": []}
            case "POST" | "PUT", ["keys", name, "rotate"] if name == KEY:
                self.versions[max(self.versions) + 1] = AESGCM.generate_key(256)
                return 200, {"data": {"latest_version": max(self.versions)}}
            case "POST" | "PUT", ["keys", name, "config"] if name == KEY:
                self.min_decryption = body.get("min_decryption_version", self.min_decryption)
                self.min_encryption = body.get("min_encryption_version", self.min_encryption)
                return 204, None
            case "POST" | "PUT", ["keys", name, "trim"] if name == KEY:
                least = body["min_available_version"]
                if not self.min_encryption or least > self.min_decryption or least > self.min_encryption:
                    return 400, {"errors": ["minimum available version cannot be higher than the minimum versions"]}
                self.versions = {version: key for version, key in self.versions.items() if version >= least}
                return 204, None
            case "POST" | "PUT", ["encrypt", name] if name == KEY:
                version, nonce = max(self.versions), secrets.token_bytes(12)
                clear = base64.b64decode(body["plaintext"])
                box = nonce + AESGCM(self.versions[version]).encrypt(nonce, clear, _about(body))
                return 200, {"data": {"ciphertext": f"vault:v{version}:{base64.b64encode(box).decode()}"}}
            case "POST" | "PUT", ["decrypt", name] if name == KEY:
                return self._decrypted(body)
            case _:
                return 404, {"errors": []}

    def _decrypted(self, body: dict[str, Any]) -> tuple[int, Any]:
        try:
            _, version, box = body["ciphertext"].split(":")
            raw, number = base64.b64decode(box, validate=True), int(version.removeprefix("v"))
        except (ValueError, binascii.Error):
            return 400, {"errors": ["invalid ciphertext: no prefix"]}
        if number < self.min_decryption or number not in self.versions:
            return 400, {"errors": ["ciphertext or signature version is disallowed by policy (too old)"]}
        try:
            clear = AESGCM(self.versions[number]).decrypt(raw[:12], raw[12:], _about(body))
        except (InvalidTag, ValueError):
            return 400, {"errors": ["cipher: message authentication failed"]}
        return 200, {"data": {"plaintext": base64.b64encode(clear).decode()}}


def _about(body: dict[str, Any]) -> bytes | None:
    return base64.b64decode(body["associated_data"]) if body.get("associated_data") else None


@contextmanager
def transit_server() -> Generator[TransitServer]:
    """The server, on the loopback, while the context is open."""
    state = TransitServer()

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body: dict[str, Any] = json.loads(self.rfile.read(length) or b"{}")
            status, told = state.answer(self.command, self.path, self.headers.get("X-Vault-Token"), body)
            raw = b"" if told is None else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_PUT = _handle  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving = threading.Thread(target=server.serve_forever, args=(0.02,))
    serving.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield state
    finally:
        # Whatever the test did: the thread would keep the process from ending.
        server.shutdown()
        serving.join(10)
        server.server_close()
