"""`c360 api`: serve the HTTP API."""

import gc
import signal
import socket
import sys
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from psycopg.conninfo import conninfo_to_dict
from uvicorn import Config, Server

from api.app import create_app
from api.positions import Positions
from c360.database import errors
from c360.logs import set_up_logging
from c360.target import resolve_target
from events.errors import UsageError
from settings import Settings

#: Requests under way when the process is told to stop get this long; more than any answer may take.
_GRACE_SECONDS: Final = 10


def api(*, host: str | None = None, port: int | None = None, data_dir: Path | None = None) -> None:
    """Serve the HTTP API until Ctrl-C or SIGTERM; it starts, and answers /health, even while Postgres is away.

    Parameters
    ----------
    host: str
        Listen on this address; default: C360_API_HOST, else 127.0.0.1.
    port: int
        Listen on this port, 0 for any free one; default: C360_API_PORT, else 8000.
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    """
    settings = Settings()
    target = resolve_target(settings, data_dir)
    database_url = target.database_url
    # Without a broker it reads; what would write is answered with 503.
    kafka = target.librdkafka() if target.kafka.bootstrap_servers else None
    with errors(database_url):
        conninfo_to_dict(database_url)  # refuses what is no URL; whether Postgres is there is for /ready to say
    listener = _listen(host or settings.api.host, settings.api.port if port is None else port)
    _let_go_of_the_silent(listener, untaken_seconds=3 * settings.api.slow_seconds)
    set_up_logging(settings.log)
    app = create_app(settings.api, database_url=database_url, kafka=kafka, checks=settings.quality)
    config = Config(
        app,
        loop="uvloop",
        http="httptools",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    _look_for_cycles_rarely()
    # When it has stopped gracefully, uvicorn raises the signal again: for us that is a normal end, not a death by it.
    for stop in (signal.SIGTERM, signal.SIGINT):
        signal.signal(stop, _end)
    _Server(config, app.state.positions).run(sockets=[listener])


def _look_for_cycles_rarely() -> None:
    """Routes and models are a quarter of a million objects that stay, and requests leave no cycles behind."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


class _Server(Server):
    """Ends the streams of subscribers first, which otherwise would not end by themselves."""

    def __init__(self, config: Config, positions: Positions) -> None:
        super().__init__(config)
        self._positions = positions

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._positions.stopping = True
        super().handle_exit(sig, frame)


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        raise UsageError(f"can't listen on {host}:{port}: {error}") from error


def _let_go_of_the_silent(listener: socket.socket, *, untaken_seconds: float) -> None:
    """Let the kernel close the connection of a client that takes nothing for so long, whatever waits to be sent.

    asyncio, too, waits for that without end, even when it was told to close the connection.
    """
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; connections inherit it
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(untaken_seconds * 1000))


def _end(*_: object) -> NoReturn:
    sys.exit(0)
