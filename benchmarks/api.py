"""Requests/s of the API with 200 clients at once, against a bare Starlette and psycopg handler of the same query.

`python -m benchmarks api` stores the totals of 1,000,000 customers by SQL, then lets the
reference, the API and the reference again answer for some seconds each, a few rounds long: each ratio is that of an
API run to the references before and after it. Each server is one process, as is the driver. The API is `c360 api` as
its users start it, with a token, and with rate limits that are counted but never reached.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from statistics import median
from urllib.error import URLError
from urllib.request import urlopen

import msgspec
import psycopg

from api.access.tokens import Scope, keep_or_create_token
from benchmarks.http_load import WARM_UP_SECONDS
from benchmarks.report import report, say
from local_stack.postgres import Postgres
from local_stack.processes import free_port
from sql.migrate import migrate

CLIENTS = 200

#: Three channels each, and one who bought something in two.
_CUSTOMERS = """
    INSERT INTO channels (channel, first_at)
    VALUES ('Email', '2020-01-01Z'), ('Call', '2020-01-02Z'), ('Bird', '2020-01-03Z');
    INSERT INTO customers (customer_id, first_name, last_name, email, customer_type, segment, country, partition)
    SELECT n::text, 'Jane', 'Doe ' || n, n || '@example.org', (ARRAY['Red', 'Blue'])[1 + n % 2],
        (ARRAY['New', 'Regular', 'Gold'])[1 + n % 3], (ARRAY['FR', 'DE', 'IT', 'ES'])[1 + n % 4], n % 4
    FROM generate_series(0, {customers} - 1) AS n;
    INSERT INTO channel_totals
    SELECT n::text, channel, 1 + n % 7, 0, '2020-01-01Z', '2024-01-01Z'
    FROM generate_series(0, {customers} - 1) AS n, (VALUES ('Email'), ('Call'), ('Bird')) AS c (channel);
    INSERT INTO customer_purchases
    SELECT n::text, 1 + n % 5, 1 + n % 9, (n::bigint * 7919 % 1000000) / 100.0, '2020-01-01', '2024-01-01'
    FROM generate_series(0, {customers} - 1, 2) AS n;
"""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """One run."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    errors: int
    #: Share of a core that the driver took: near 1, it would be what is measured.
    driver_busy: float
    #: CPU time of the server's process for each request: moves less than rates do when the machine has other work.
    server_cpu_us: float = 0


class Server(msgspec.Struct, frozen=True):
    """A running one."""

    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """What it took so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def store_customers(database_url: str, customers: int) -> None:
    """Totals as the processors would have left them."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_CUSTOMERS.format(customers=customers))
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def measure(database_url: str, customers: int, *, seconds: float, rounds: int) -> list[tuple[str, Figures]]:
    """Run reference, API, reference, API, ... reference."""
    with psycopg.connect(database_url) as connection:
        token = keep_or_create_token(connection, "benchmark", [Scope.READ], None)
    results = []
    with _reference(database_url) as bare, api_server(database_url) as api:
        for number in range(2 * rounds + 1):
            name, server, token_sent = ("API", api, token) if number % 2 else ("reference", bare, "")
            results.append((name, _drive(server, customers, seconds, token_sent)))
            say(_row(*results[-1]))
    return results


def ratios(results: list[tuple[str, Figures]]) -> list[float]:
    """Of each API run, to the mean of the references around it."""
    rates = [figures.requests_per_second for _, figures in results]
    return [round(2 * rates[n] / (rates[n - 1] + rates[n + 1]), 2) for n in range(1, len(rates), 2)]


def _drive(server: Server, customers: int, seconds: float, token: str) -> Figures:
    command = [sys.executable, "-m", "benchmarks.http_load", *map(str, (server.port, CLIENTS, seconds, customers))]
    cpu_before = server.cpu_seconds()
    done = subprocess.run([*command, *([token] if token else [])], stdout=subprocess.PIPE, check=True)
    figures = msgspec.json.decode(done.stdout, type=Figures)
    asked = figures.requests_per_second * (seconds + WARM_UP_SECONDS)
    cpu_us = (server.cpu_seconds() - cpu_before) / asked * 1e6
    return msgspec.structs.replace(figures, server_cpu_us=round(cpu_us))


def _reference(database_url: str) -> AbstractContextManager[Server]:
    port = free_port()
    return _server("benchmarks.bare_api", str(port), port=port, environment={"DATABASE_URL": database_url})


def api_server(database_url: str, **settings: str) -> AbstractContextManager[Server]:
    """`c360 api` as its users start it."""
    port = free_port()
    environment = {
        "DATABASE_URL": database_url,
        "C360_API_PORT": str(port),
        "C360_API_READS_PER_MINUTE": "1000000000",
        "LOG_FORMAT": "json",
        **settings,
    }
    return _server("c360", "api", port=port, environment=environment)


@contextmanager
def _server(*module: str, port: int, environment: dict[str, str]) -> Iterator[Server]:
    command = [sys.executable, "-m", *module]
    process = subprocess.Popen(command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{port}/", process)
        yield Server(port, process.pid)
    finally:
        process.kill()
        process.wait()


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urlopen(url).close()  # noqa: S310 -- our own server
        except URLError as error:
            if isinstance(error.reason, OSError):
                time.sleep(0.1)
                continue
        return
    raise SystemExit(f"nothing answers at {url}")


def _row(name: str, figures: Figures) -> str:
    return (
        f"{name:10} {figures.requests_per_second:>7,.0f} requests/s  p50 {figures.p50_ms:>6.1f} ms  "
        f"p99 {figures.p99_ms:>6.1f} ms  {figures.errors} errors  "
        f"{figures.server_cpu_us:>5,.0f} us of CPU each  (driver {figures.driver_busy:.2f} cores)"
    )


def main(customers: int = 1_000_000, seconds: float = 4, rounds: int = 3) -> None:
    """Requests/s of the API, against a bare handler of the same question."""
    with tempfile.TemporaryDirectory() as folder:
        postgres = Postgres(Path(folder) / "postgres", log=Path(folder) / "postgres.log")
        try:
            url = postgres.start()
            migrate(url)
            say(f"storing the totals of {customers:,} customers ...")
            store_customers(url, customers)
            results = measure(url, customers, seconds=seconds, rounds=rounds)
        finally:
            postgres.stop()
    found = ratios(results)
    say(f"API / reference with {CLIENTS} clients: {median(found)} (of {found})")
    runs = [{"name": name, **msgspec.to_builtins(figures)} for name, figures in results]
    report("api", runs, customers=customers, clients=CLIENTS, ratios=found)
