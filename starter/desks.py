"""The command `homeward desk`: the desk as a process of its own, with a real sign-in."""

import asyncio
import signal
import socket
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from starter.endings import CannotGoOn, Exit
from starter.options import Address, AsJson, Debug, Namespace, log_and_measure, print_json, settings_of

if TYPE_CHECKING:
    from temporalio.client import Interceptor

    from activities.settings import Settings
    from desk.frame import Desk
    from desk.people import SignIn
    from desk.watched import Leaving
    from starter.client import Cases

desk_app = typer.Typer(rich_markup_mode=None)

STOP_WITHIN: Final = 10
"""Seconds that open pages have to get their answer when the desk stops."""


@desk_app.command("desk")
def desk_command(
    base_url: Annotated[
        str,
        typer.Option("--base-url", metavar="URL", help="The address that people type: https://desk.example.org."),
    ],
    bind: Annotated[str, typer.Option("--bind", metavar="ADDRESS", help="Where it listens.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 for any free one.")] = 8080,
    certificate: Annotated[
        Path | None, typer.Option("--certificate", metavar="FILE", help="Its certificate, where no proxy does TLS.")
    ] = None,
    key: Annotated[Path | None, typer.Option("--key", metavar="FILE", help="The certificate's key.")] = None,
    proxy: Annotated[
        list[str] | None,
        typer.Option(
            "--proxy", metavar="ADDRESS", help="A proxy or a network whose word on who asks counts. Often as you like."
        ),
    ] = None,
    sign_in: Annotated[
        Path | None,
        typer.Option("--sign-in", metavar="FILE", help="Who may sign in, by which issuers. [env: HOMEWARD_SIGN_IN]"),
    ] = None,
    development: Annotated[
        bool,
        typer.Option("--development-sign-in", help="Invented people and nobody checked; on this machine only."),
    ] = False,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Its data folder. [env: HOMEWARD_DATA]")
    ] = None,
    address: Address = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Serve the desk for people and systems, until it is told to stop.

    Who they are, issuers of OpenID Connect say, as the sign-in file lets them.
    """
    from activities.builds import left_alone
    from activities.certificates import told_in_time
    from activities.tracing import tracing_of
    from activities.watching import AddressTaken, Readiness, Watch, checks_of, watched

    if (certificate is None) != (key is None):
        raise CannotGoOn("--certificate and --key go together.", code=Exit.MALFORMED)
    if (certificate or key) and not base_url.startswith("https:"):
        raise CannotGoOn("With a certificate the --base-url begins with https.", code=Exit.MALFORMED)
    proxies = [_network(each) for each in proxy or []]
    settings = settings_of(data=data, sign_in=sign_in)
    if development == (settings.sign_in is not None):
        raise CannotGoOn(
            "Name the sign-in file with --sign-in or HOMEWARD_SIGN_IN; or, to try the desk out on this machine, "
            "--development-sign-in, and no file.",
            code=Exit.MALFORMED,
        )
    engine_page = log_and_measure(sys.stderr)
    tracing = tracing_of("homeward-desk")
    desk = _standing(settings, *_sign_in(settings, base_url), base_url, bind)

    async def serve(cases: "Cases") -> None:
        readiness = Readiness(checks_of(cases.client, desk.caseload))
        standing = replace(desk, ready=readiness.ready, tracer=tracing.tracer if tracing is not None else None)
        app = _app(standing, cases, settings.archive)
        watch = Watch(
            readiness,
            worked_on=cases.worker_polls,
            left_alone=lambda: left_alone(cases.client),
            engine_page=engine_page,
        )
        async with watched(watch, settings), told_in_time(cases.client, certificate):
            await listen(app)

    async def listen(app: Any) -> None:
        with _bound(bind, port) as listening:
            server = _server(app, proxies, certificate, key, desk.leaving)
            if as_json:
                print_json({"desk": base_url, "bind": bind, "port": listening.getsockname()[1]})
            else:
                print(f"The desk listens on {bind}, port {listening.getsockname()[1]}; people reach it at {base_url}.")
            sys.stdout.flush()
            await server.serve([listening])

    try:
        asyncio.run(_with_engine(address, namespace, serve, [tracing.interceptor] if tracing is not None else []))
    except AddressTaken as taken:
        raise CannotGoOn(str(taken), code=Exit.MALFORMED) from None
    finally:
        if tracing is not None:
            tracing.close()


async def _with_engine(
    address: str | None, namespace: str | None, serve: Any, interceptors: "Sequence[Interceptor]"
) -> None:
    from starter.client import Cases, Place, connect
    from starter.sealed import with_its_keys
    from starter.signing import signer_for

    async with with_its_keys(await connect(Place(address, namespace), interceptors=interceptors)) as client:
        await serve(Cases(client, signer=await signer_for(client)))


def _sign_in(settings: "Settings", base_url: str) -> "tuple[SignIn, Any]":
    """The way in, and the sessions that come of it."""
    from desk.development import DevelopmentSignIn
    from desk.sessions import Sessions

    if settings.sign_in is None:
        return DevelopmentSignIn(), Sessions()
    from desk.issuers import SignInFault
    from desk.openid import OpenIdSignIn
    from starter.signed_in import read, unusable

    file = read(settings.sign_in)
    try:
        return OpenIdSignIn(file, base_url), Sessions(idle=file.session.idle, life=file.session.life)
    except SignInFault as fault:
        raise unusable(settings.sign_in, fault) from None


def _standing(settings: "Settings", way_in: "SignIn", sessions: Any, base_url: str, bind: str) -> "Desk":
    """The desk before it has cases: what would not be safe is refused before anybody is asked for them."""
    from activities.caseload import Caseload
    from desk.drafts import Drafts
    from desk.frame import Desk
    from desk.rates import Rates
    from starter.auditors import todays_code
    from starter.serving import pace_of

    no_cases: Any = None
    try:
        return Desk(
            cases=no_cases,
            caseload=Caseload(settings.caseload),
            sign_in=way_in,
            base_url=base_url,
            bind=bind,
            sessions=sessions,
            drafts=Drafts(settings.data / "drafts"),
            rates=Rates(pace_of(settings)),
            code=todays_code,
        )
    except ValueError as error:
        raise CannotGoOn(str(error), code=Exit.MALFORMED) from None


def _app(desk: "Desk", cases: "Cases", where: str) -> Any:
    """The desk on cases, with their archive."""
    from desk.api import api
    from desk.app import create_app
    from sealing.composing import seal_of
    from starter.auditing import archive_at

    def archive() -> Any:
        return archive_at(where, seal_of(cases.client)) if "://" in where or Path(where).is_dir() else None

    desk = replace(desk, cases=cases, archive=archive)
    return create_app(desk, api=api(desk))


def _server(app: Any, proxies: list[str], certificate: Path | None, key: Path | None, leaving: "Leaving") -> Any:
    import ssl

    import uvicorn

    from desk.security import MAX_HEAD

    class Server(uvicorn.Server):
        """One that ends in order when it is told to, and its process as one that did what it was asked."""

        @contextmanager
        def capture_signals(self) -> Generator[None]:
            loop = asyncio.get_running_loop()
            for each in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(each, self.leave, each)
            yield

        def leave(self, told: signal.Signals) -> None:
            leaving.begun = True
            self.handle_exit(told, None)

    config = uvicorn.Config(
        app,
        # The desk logs what went wrong itself, without what was typed.
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        http="h11",
        h11_max_incomplete_event_size=MAX_HEAD,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        timeout_graceful_shutdown=STOP_WITHIN,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError):
        raise CannotGoOn("The certificate and its key cannot be used.", code=Exit.MALFORMED) from None
    return Server(config)


def _network(given: str) -> str:
    try:
        return str(ip_network(given)) if "/" in given else str(ip_address(given))
    except ValueError:
        raise CannotGoOn("--proxy: give an address or a network, such as 10.0.0.0/24.", code=Exit.MALFORMED) from None


def _bound(bind: str, port: int) -> socket.socket:
    """A socket that listens there. Raises CannotGoOn where it cannot."""
    try:
        family = socket.AF_INET6 if ip_address(bind).version == 6 else socket.AF_INET
    except ValueError:
        raise CannotGoOn("--bind: give an address, such as 127.0.0.1 or 0.0.0.0.", code=Exit.MALFORMED) from None
    # Named as TCP: see `starter.embedded.bound`.
    held = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        held.bind((bind, port))
        # From now on: who comes before the server takes its first request waits, and is not turned away.
        held.listen()
    except OSError as error:
        held.close()
        raise CannotGoOn(f"The desk cannot listen on {bind}, port {port} ({error.strerror}).") from None
    return held
