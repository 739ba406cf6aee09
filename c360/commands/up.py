"""`c360 up`: everything on this machine, in the foreground."""

import signal
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.markup import escape

from c360.logs import set_up_logging
from c360.output import OUT, table
from c360.target import default_data_dir
from events.errors import UsageError
from local_stack import processes, state
from local_stack.stack import BrokerKind, running
from settings import ApiSettings, Settings


def up(
    *,
    data_dir: Path | None = None,
    api_port: Annotated[int | None, Parameter(validator=Number(gte=1, lte=65535))] = None,
    processors: Annotated[int, Parameter(validator=Number(gte=1, lte=64))] = 1,
    broker: BrokerKind = "embedded",
) -> None:
    """Start a broker, a Postgres, processors and the API on this machine, and keep them running until Ctrl-C.

    The embedded broker keeps its events in memory: they are gone when the stack stops. Apache Kafka keeps them in the
    data directory, as Postgres does; it needs Java 17 or newer, and downloads its jars (43 MB) when it first starts.

    Parameters
    ----------
    data_dir: Path
        Where the data and the logs are kept; default: one directory per user.
    api_port: int
        Port of the API on 127.0.0.1; default: C360_API_PORT, or any free one when that is taken.
    processors: int
        How many processors share the partitions.
    broker: str
        What holds the topics.
    """
    settings = Settings()
    set_up_logging(settings.log)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    folder = (data_dir or default_data_dir()).absolute()
    port = _api_port(api_port, settings.api)
    try:
        with running(folder, settings, api_port=port, processors=processors, broker=broker) as (stack, addresses):
            _print(folder, addresses, processors, broker)
            stack.supervise()
    except KeyboardInterrupt:
        OUT.print("stopped")


def _api_port(wanted: int | None, api: ApiSettings) -> int:
    """The port that was asked for, else the usual one if nobody has it."""
    if wanted is not None:
        if not processes.is_free(wanted):
            raise UsageError(f"port {wanted} is taken: name another --api-port, or none for any free one")
        return wanted
    return api.port if api.port and processes.is_free(api.port) else processes.free_port()


def _print(folder: Path, addresses: state.Addresses, processors: int, broker: BrokerKind) -> None:
    OUT.print("Live Customer 360 is running; Ctrl-C stops it.")
    shown = table("", "")
    shown.show_header = False
    shown.add_row("dashboard", addresses.api_url)
    shown.add_row("API", f"{addresses.api_url}/docs")
    shown.add_row("token", f"{escape(str(folder / state.TOKEN_FILE))}  (writes and personal data need it)")
    kept = "Apache Kafka" if broker == "kafka" else "embedded, in memory only"
    shown.add_row("Kafka", f"{addresses.bootstrap_servers}  ({kept})")
    shown.add_row("Postgres", addresses.database_url)
    shown.add_row("processors", str(processors))
    shown.add_row("data, logs", escape(str(folder)))
    OUT.print(shown)
