"""How long after a producer's send the API answers with it: `python -m benchmarks freshness`.

A producer process sends interactions at a steady rate; a processor counts them; the API is asked for the totals of one
customer of each partition, again and again. A hundred events a second are of these customers: the delay of each is from
the moment it was handed to the producer to the arrival of the first answer that counts it. All share the machine.
"""

import asyncio
import subprocess
import sys
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final
from urllib.parse import quote

import msgspec

from benchmarks import process_tree
from benchmarks.api import Server, api_server
from benchmarks.freshness_producer import Sent, Task, probes
from benchmarks.processor_run import processor, servers
from benchmarks.report import Row, report, say
from benchmarks.stand import Round

_PROBES_PER_SECOND: Final = 100
#: Between an answer and the next question about the same customer; part of every delay.
_PAUSE_SECONDS: Final = 0.005
#: An event that is not answered with after this time is given up.
_PATIENCE_SECONDS: Final = 60.0
_WARM_UP: Final = Task(name="warm-up", events=5_000, per_second=1_000, events_per_probe=10)


class Producer:
    """The process that sends."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self.pid = process.pid

    def send(self, task: Task) -> Sent:
        """Have it do a task, and wait for that."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(msgspec.json.encode(task) + b"\n")
        self._process.stdin.flush()
        return msgspec.json.decode(self._process.stdout.readline(), type=Sent)


class Watch:
    """Asks for one customer's interactions, and notes when an answer counts more than the one before."""

    def __init__(self, port: int, customer: str) -> None:
        self._port = port
        self._request = f"GET /api/v1/interactions/{quote(customer)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        #: What was counted, and since when.
        self.counts: list[int] = [0]
        self.answered_at: list[float] = [0.0]
        #: How many there will be in the end, once that is known.
        self.all: int | None = None

    async def run(self) -> None:
        """Ask until all of them are counted."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        while self.counts[-1] != self.all:
            writer.write(self._request)
            count, at = await _read_count(reader), time.time()
            if count > self.counts[-1]:
                self.counts.append(count)
                self.answered_at.append(at)
            await asyncio.sleep(_PAUSE_SECONDS)
        writer.close()

    def delays(self, sent_at: Sequence[float]) -> list[float]:
        """From the moment each was sent to the first answer that counts it."""
        return [self.answered_at[bisect_left(self.counts, place + 1)] - sent for place, sent in enumerate(sent_at)]


async def _read_count(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0])
    body = msgspec.json.decode(await reader.readexactly(length))
    return sum(body["data"]["interactions"].values()) if head[9:12] == b"200" else 0


async def probe(producer: Producer, server: Server, task: Task) -> tuple[Sent, list[float]]:
    """Do a task, and return the delays of its probes, shortest first."""
    watches = [Watch(server.port, customer) for customer in probes(task.name)]
    async with asyncio.TaskGroup() as group, asyncio.timeout(_PATIENCE_SECONDS + task.events / task.per_second):
        asking = [group.create_task(watch.run()) for watch in watches]
        sent = await asyncio.to_thread(producer.send, task)
        for watch, moments in zip(watches, sent.sent_at, strict=True):
            watch.all = len(moments)
        await asyncio.wait(asking)
    pairs = zip(watches, sent.sent_at, strict=True)
    return sent, sorted(delay for watch, moments in pairs for delay in watch.delays(moments))


@contextmanager
def producing(where: Round, linger_ms: int) -> Iterator[Producer]:
    """A producer that waits for tasks."""
    command = [sys.executable, "-m", "benchmarks.freshness_producer", where.bootstrap_servers, str(linger_ms)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield Producer(process)


def freshness(
    *,
    rates: tuple[int, ...] = (1_000, 10_000, 50_000),
    seconds: float = 20,
    idle_seconds: float = 60,
    linger_ms: int = 5,
    broker: str | None = None,
) -> None:
    """How long after a producer's send the API answers with it, at steady rates and after nothing happened.

    Parameters
    ----------
    rates: tuple[int, ...]
        Events per second, one after the other.
    seconds: float
        How long each.
    idle_seconds: float
        For how long nobody sends and nobody asks before the last event; 1800 is half an hour.
    linger_ms: int
        How long the producer waits for a batch to fill: 5 is librdkafka's own default, a replay has 20.
    broker: str
        host:port of a Kafka without our topics; by default the embedded broker.
    """
    rows: list[Row] = []
    with (
        servers(broker) as where,
        processor(where) as worker,
        api_server(where.database_url, C360_API_OPEN_READS="true", C360_API_READS_PER_MINUTE="0") as api,
        producing(where, linger_ms) as producer,
    ):
        processes = {"producer": producer.pid, "processor": worker.pid, "Postgres": where.postgres, "API": api.pid}
        if where.broker:
            processes["broker"] = where.broker
        asyncio.run(probe(producer, api, _WARM_UP))
        for rate in rates:
            rows.append(_steady(producer, api, processes, rate, seconds))
            say(str(rows[-1]))
        rows.append(_after_idleness(producer, api, idle_seconds))
    report("freshness", rows, linger_ms=linger_ms, broker=broker or "embedded")


def _steady(producer: Producer, api: Server, processes: dict[str, int], rate: int, seconds: float) -> Row:
    task = Task(
        name=f"{rate} per second",
        events=round(rate * seconds),
        per_second=rate,
        events_per_probe=max(1, rate // _PROBES_PER_SECOND),
    )
    before = {name: process_tree.cpu_seconds(pid) for name, pid in processes.items()}
    began = time.monotonic()
    sent, delays = asyncio.run(probe(producer, api, task))
    took = time.monotonic() - began
    cores = {name: (process_tree.cpu_seconds(pid) - before[name]) / took for name, pid in processes.items()}
    return {
        "what": f"{rate:,} events/s",
        "sent/s": round(task.events / sent.seconds),
        **_percentiles(delays),
        "of it to the broker, p50": _ms(_to_broker(sent)[sum(map(len, sent.sent_at)) // 2]),
        **{f"{name}, cores": round(share, 2) for name, share in cores.items()},
    }


def _to_broker(sent: Sent) -> list[float]:
    """From each send to the broker's acknowledgement, shortest first."""
    pairs = zip(sent.sent_at, sent.acknowledged_at, strict=True)
    return sorted(there - here for begins, ends in pairs for here, there in zip(begins, ends, strict=True))


def _after_idleness(producer: Producer, api: Server, idle_seconds: float) -> Row:
    say(f"nothing happens for {idle_seconds:g} s ...")
    time.sleep(idle_seconds)
    _, delays = asyncio.run(probe(producer, api, Task(name="idle", events=1, per_second=1, events_per_probe=1)))
    return {"what": f"the first after {idle_seconds:g} idle s", "sent/s": 0, **_percentiles(delays)}


def _percentiles(delays: Sequence[float]) -> Row:
    """Of delays, shortest first."""
    p50, p99 = (delays[len(delays) * share // 100] for share in (50, 99))
    return {"probes": len(delays), "p50 ms": _ms(p50), "p99 ms": _ms(p99), "max ms": _ms(delays[-1])}


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
