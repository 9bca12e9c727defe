"""A collector for a while, which keeps what a house tells of itself. It answers whatever comes."""

from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any


@contextmanager
def collecting(into: Path) -> Generator[str]:
    """The address of a collector of traces (OTLP over HTTP) that writes what it gets to the end of a file."""

    class Keeping(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            with into.open("ab") as file:
                file.write(told)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Nobody is told of each."""

    into.touch()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Keeping)
    serving = Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
