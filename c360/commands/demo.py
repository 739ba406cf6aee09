"""`c360 demo`: the whole way of the sample files, from workbooks and exports to the answers of the API."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import msgspec

from api.access.tokens import Scope, keep_or_create_token
from c360.commands.rejects import newest, print_rejects
from c360.commands.status import wait_until_current
from c360.commands.verify import print_verification, verification
from c360.database import connect
from c360.output import OUT, table
from c360.target import Target, default_data_dir, resolve_target
from events.errors import Unavailable, UsageError
from local_stack import processes
from local_stack.stack import BrokerKind
from local_stack.state import Addresses, make_folder, read_token, running_stack
from settings import Settings

_SAMPLES: Final = Path(__file__).parents[2] / "sample_data"
_FILES: Final = ("crm_export.xlsx", "contact_center.xlsx", "shop_products.csv", "shop_customers.csv", "shop_orders.csv")
_LOOKUPS: Final = (
    ("How often was customer 1 in touch, by channel?", "interactions/1"),
    ("And customer 4, whom no customer list mentions?", "interactions/4"),
    ("A customer nobody has heard of:", "interactions/nobody"),
)
_START_SECONDS: Final = 120.0
_STOP_SECONDS: Final = 60.0
_TOTALS_SECONDS: Final = 120.0
#: Answers of so many characters are printed on one line.
_SHORT: Final = 110


def demo(
    *,
    exit: bool = False,  # noqa: A002
    data_dir: Path | None = None,
    api_port: int | None = None,
    broker: BrokerKind = "embedded",
    api_url: str | None = None,
) -> int:
    """Start everything on this machine, replay the sample files, and look the totals up over HTTP.

    Uses the stack that already runs in the data directory, if one does, or with --api-url the one of the environment.

    Parameters
    ----------
    exit: bool
        Stop everything at the end; otherwise it keeps running until Ctrl-C.
    data_dir: Path
        Where the data and the logs are kept; default: one directory per user.
    api_port: int
        Port of the API on 127.0.0.1; default: C360_API_PORT, or any free one when that is taken.
    broker: str
        What holds the topics; Apache Kafka needs Java 17 or newer, and keeps them when the stack stops.
    api_url: str
        Start nothing: use this API, and the broker and the database that the environment names.
    """
    if not (_SAMPLES / _FILES[0]).exists():
        raise UsageError("the sample files are not part of the installation: run the demo in a clone of the project")
    if api_url:
        target = resolve_target(Settings(), None)
        with connect(target.database_url) as connection:
            token = keep_or_create_token(connection, "demo", [Scope.READ], None)
        return _show(target, api_url.rstrip("/"), token, [])
    folder = (data_dir or default_data_dir()).absolute()
    try:
        with _stack(folder, api_port, broker) as (addresses, process):
            target = resolve_target(Settings(), folder)
            exit_code = _show(target, addresses.api_url, read_token(folder), ["--data-dir", str(folder)])
            if process is None or exit:
                return exit_code
            OUT.print(f"\n[bold]Keeps running: the dashboard is at {addresses.api_url} ; Ctrl-C stops it.[/]")
            return process.wait()
    except KeyboardInterrupt:
        OUT.print("stopped")
        return 0


@contextmanager
def _stack(
    folder: Path, api_port: int | None, broker: BrokerKind
) -> Iterator[tuple[Addresses, processes.Process | None]]:
    """The stack of this directory: the one that runs, else one of our own until the end of the block."""
    running = running_stack(folder)
    if running is not None:
        OUT.print(f"Using the stack that runs in {folder}.", markup=False)
        yield running, None
        return
    port = [] if api_port is None else ["--api-port", str(api_port)]
    command = [sys.executable, "-m", "c360", "up", "--data-dir", str(folder), "--broker", broker, *port]
    log = folder / "logs" / "up.log"
    make_folder(folder)
    _headline("Starting a broker, Postgres, a processor and the API on this machine")
    process = processes.start(command, log=processes.fresh_log(log), on_parent_death=signal.SIGTERM)
    try:
        yield _wait_for(folder, process, log), process
    finally:
        processes.stop(process, signal.SIGTERM, seconds=_STOP_SECONDS)


def _wait_for(folder: Path, process: processes.Process, log: Path) -> Addresses:
    deadline = time.monotonic() + _START_SECONDS
    began = time.monotonic()
    while (running := running_stack(folder)) is None:
        processes.refuse_ended(process, "the stack", log)
        if time.monotonic() > deadline:
            raise Unavailable(f"the stack did not come up within {_START_SECONDS:.0f} s ({log})")
        time.sleep(0.05)
    OUT.print(f"up after {time.monotonic() - began:.1f} s: API {running.api_url}, Kafka {running.bootstrap_servers}")
    return running


def _show(target: Target, api_url: str, token: str | None, where: Sequence[str]) -> int:
    """Replay, wait, ask, verify; the exit code of the last."""
    for name in _FILES:
        _headline(f"Replaying sample_data/{name} into the topics")
        _replay(_SAMPLES / name, where)
    began = time.monotonic()
    status = wait_until_current(target, timeout_seconds=_TOTALS_SECONDS)
    events = sum(partition.next_offset for partition in status.partitions)
    OUT.print(f"All {events:,} events are in the totals, {time.monotonic() - began:.1f} s after the last was sent.")
    for question, path in _LOOKUPS:
        _headline(question)
        _look_up(f"{api_url}/api/v1/{path}", token)
    _headline("Which products do customers of each type talk about? (interactions)")
    _look_up_interest(f"{api_url}/api/v1/product-interactions", token)
    _headline("What was refused, and why (the latest of it: c360 rejects)")
    print_rejects(*newest(target.database_url, 5))
    _headline("Every total held against plain SQL over the stored facts (c360 verify)")
    result = verification(target.database_url)
    print_verification(result)
    return 0 if result.ok else 1


def _replay(sample: Path, where: Sequence[str]) -> None:
    mapping = sample.with_suffix(".toml")
    command = ["replay", str(sample), "--mapping", str(mapping), *where]
    done = subprocess.run([sys.executable, "-m", "c360", *command], check=False)  # noqa: S603 -- ourselves
    if done.returncode != 0:
        raise Unavailable(f"replaying {sample} failed with exit code {done.returncode}")


def _look_up(url: str, token: str | None) -> None:
    """Print a request and its answer, errors as well: they are answers too."""
    status, body = _get(url, token)
    OUT.print(f"[cyan]GET {url}[/] -> {status}")
    text = msgspec.json.encode(body).decode()
    OUT.print_json(text, indent=None if len(text) <= _SHORT else 2)


def _look_up_interest(url: str, token: str | None) -> None:
    """Print the answer as a table: a row per customer type, a column per product."""
    status, body = _get(url, token)
    OUT.print(f"[cyan]GET {url}[/] -> {status}")
    counts = {(row["customer_type"], row["product"]): row["interactions"] for row in body["data"]}
    products = sorted({product for _, product in counts})
    shown = table("customer type", *products, numbers=tuple(products))
    for customer_type in sorted({customer_type for customer_type, _ in counts}):
        shown.add_row(customer_type, *(f"{counts.get((customer_type, product), 0):,}" for product in products))
    OUT.print(shown)


def _get(url: str, token: str | None) -> tuple[int, Any]:
    request = Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})  # noqa: S310 -- our own API
    try:
        with urlopen(request, timeout=10) as answer:  # noqa: S310
            return answer.status, msgspec.json.decode(answer.read())
    except HTTPError as error:
        return error.code, msgspec.json.decode(error.read())
    except URLError as error:
        raise Unavailable(f"{url} does not answer: {error.reason}") from error


def _headline(text: str) -> None:
    OUT.print(f"\n[bold]{text}[/]")
