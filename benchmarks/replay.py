"""CSV replay: rows/s of `producers.replay`, against a loop that produces the same records ready-made, in the same run.

`python -m benchmarks replay` writes two files of interactions (one whose rows bring an event_id, one whose
identities are made of what the rows say), and starts an embedded broker of its own for each run. The loop is
confluent-kafka's `produce` over a list of records, without delivery reports: once with the keys, values and headers
that the replay of that file sends, once with keys and values alone. Every run is a process of its own; the loops run
before and after the replay.

Besides rows/s, the CPU that the producing thread spends on each row is told: on a machine that is busy with other work
the clock says little.
"""

import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, cast
from uuid import uuid4

import msgspec
from confluent_kafka import Producer

from benchmarks.report import report
from events import admin, topics
from events.encoding import Record
from local_stack.broker import Broker
from producers.mapping_file import load_mapping
from producers.publish import KafkaPublisher
from producers.records import RecordBatch
from producers.replay import replay

PARTITIONS = 4
CUSTOMERS = 5_000
CHANNELS = ("Email", "Call", "Bird")

_MAPPING = """
source = "benchmark"
[[streams]]
stream = "interactions"
[streams.fields]
customer_id = "Customer"
channel = "Channel"
occurred_at = "At"
"""


@dataclass(frozen=True, slots=True)
class Result:
    """One run."""

    name: str
    rows_per_second: float
    #: Of the thread that produces.
    cpu_microseconds_per_row: float
    #: Of the whole process.
    peak_memory_mb: float


class _Collector:
    """Keeps records instead of sending them."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def publish(self, record: Record) -> None:
        """Keep one."""
        self.records.append(record)

    def publish_all(self, batch: RecordBatch) -> None:
        """Keep many."""
        self.records += batch

    def finish(self) -> None:
        """Nothing is under way."""


def write(folder: Path, rows: int) -> None:
    """Write `with_ids.csv` and `without_ids.csv`, and their mappings."""
    random, start = Random(360), datetime(2024, 1, 1, tzinfo=UTC)
    for name in ("with_ids", "without_ids"):
        ids = name == "with_ids"
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow([*(["Id"] if ids else []), "Customer", "Channel", "At"])
            for number in range(rows):
                at = (start + timedelta(milliseconds=30 * number)).strftime("%Y-%m-%d %H:%M:%S.%f")
                row = (random.randrange(CUSTOMERS), CHANNELS[number % 3], at)
                writer.writerow((f"i-{number}", *row) if ids else row)
        (folder / f"{name}.toml").write_text(_MAPPING + ('event_id = "Id"\n' if ids else ""), encoding="utf-8")


def measure_replay(address: str, path: str) -> None:
    """A replay, until all of it is delivered."""
    mapping = load_mapping(Path(path).with_suffix(".toml"))
    publisher = KafkaPublisher({"bootstrap.servers": address})
    _measured(lambda: replay(Path(path), mapping, publisher).published["interactions"])


def measure_loop(address: str, path: str, *, headers: bool) -> None:
    """The bare loop, until all of it is delivered."""
    collector = _Collector()
    replay(Path(path), load_mapping(Path(path).with_suffix(".toml")), collector)
    config = {"bootstrap.servers": address, "partitioner": topics.LIBRDKAFKA_PARTITIONER, "linger.ms": 20}
    producer = Producer({**config, "queue.buffering.max.messages": 200_000})
    _measured(lambda: _loop(producer, collector.records, headers=headers))


def _loop(producer: Producer, records: list[Record], *, headers: bool) -> int:
    for number, record in enumerate(records):
        while True:
            try:
                if headers:
                    producer.produce(record.topic, record.value, record.key, headers=cast(Any, record.headers))
                else:
                    producer.produce(record.topic, record.value, record.key)
                break
            except BufferError:
                producer.poll(0.05)
        if number % 500 == 0:
            producer.poll(0)
    if left := producer.flush(60):
        raise SystemExit(f"{left} records were not delivered")
    return len(records)


def _measured(work: Callable[[], int]) -> None:
    """Do it, and print what `run` reads."""
    started, cpu = time.monotonic(), time.thread_time()
    rows = work()
    seconds, cpu = time.monotonic() - started, time.thread_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([round(rows / seconds), round(cpu / rows * 1e6, 2), round(peak)]))


def run(name: str, call: str, path: Path) -> Result:
    """Run one measurement in a process of its own, with a broker of its own."""
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder) / "broker.log", cluster_id=str(uuid4()))
        try:
            address = broker.start()
            admin.create_topics({"bootstrap.servers": address}, partitions=PARTITIONS, replication_factor=1)
            code = f"from benchmarks import replay as b; b.{call.format(address=address, path=str(path))}"
            done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
        finally:
            broker.stop()
    result = Result(name, *msgspec.json.decode(done.stdout, type=tuple[float, float, float]))
    print(
        f"  {name:28} {result.rows_per_second:>9,.0f} rows/s {result.cpu_microseconds_per_row:>6.2f} us of CPU a row "
        f"{result.peak_memory_mb:>6.0f} MB",
        flush=True,
    )
    return result


_LOOP = "loop, the same records"
_BARE = "loop, key and value alone"
_CALLS = {
    _LOOP: "measure_loop({address!r}, {path!r}, headers=True)",
    _BARE: "measure_loop({address!r}, {path!r}, headers=False)",
    "replay": "measure_replay({address!r}, {path!r})",
}


def compare(path: Path, title: str) -> tuple[list[Result], dict[str, float]]:
    """The replay of a file between two runs of each loop; and its rate in shares of theirs."""
    print(f"{title}:")
    results = [run(name, _CALLS[name], path) for name in (_LOOP, _BARE, "replay", _LOOP, _BARE)]
    (replayed,) = (result for result in results if result.name == "replay")
    ratios = {}
    for name in (_LOOP, _BARE):
        loops = [result for result in results if result.name == name]
        rate = sum(result.rows_per_second for result in loops) / len(loops)
        cpu = sum(result.cpu_microseconds_per_row for result in loops) / len(loops)
        ratios[name] = round(replayed.rows_per_second / rate, 2)
        print(f"  {ratios[name]:.2f} of {name}; by CPU of the thread {cpu / replayed.cpu_microseconds_per_row:.2f}")
    return results, ratios


def main(rows: int = 1_000_000) -> None:
    """Rows/s of a replay of CSV files, against a bare loop over the same records."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), rows)
        compared = {
            name: compare(Path(folder) / f"{name}.csv", title)
            for name, title in (("with_ids", "ids in the file"), ("without_ids", "ids made of the rows"))
        }
    report(
        "replay",
        [{"file": name, **asdict(result)} for name, (results, _) in compared.items() for result in results],
        events=rows,
        ratios={name: ratios for name, (_, ratios) in compared.items()},
    )
